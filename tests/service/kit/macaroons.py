"""Macaroons and tokens as Millrace mints them, written independently of the product: V2 binary, HMAC chain, L402 v0 identifier."""

import base64
import hashlib
import hmac
import os
import struct


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def field(kind, data):
    length = b""
    size = len(data)
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return bytes([kind]) + length + data


class Macaroon:
    def __init__(self, root_key, identifier, location=b"lsat"):
        self.identifier, self.location, self.caveats = identifier, location, []
        self.signature = mac(mac(b"macaroons-key-generator", root_key), identifier)

    def add(self, caveat):
        self.caveats.append(caveat.encode())
        self.signature = mac(self.signature, caveat.encode())
        return self

    def copy(self):
        other = object.__new__(Macaroon)
        other.__dict__ = {**self.__dict__, "caveats": list(self.caveats)}
        return other

    def binary(self):
        out = b"\x02" + field(1, self.location) + field(2, self.identifier) + b"\x00"
        for caveat in self.caveats:
            out += field(2, caveat) + b"\x00"
        return out + b"\x00" + field(6, self.signature)

    def base64(self):
        return base64.b64encode(self.binary()).decode()


class Token:
    """A token and its payment: preimage, hash, macaroon."""

    def __init__(self, epoch, epoch_key, service, preimage=None):
        self.preimage = preimage or os.urandom(32)
        self.payment_hash = hashlib.sha256(self.preimage).digest()
        self.token_id = struct.pack(">H", epoch) + os.urandom(30)
        identifier = struct.pack(">H", 0) + self.payment_hash + self.token_id
        self.service = service
        self.macaroon = Macaroon(mac(epoch_key, identifier), identifier).add(f"services={service}:0")

    def authorization(self, scheme="L402"):
        return f"{scheme} {self.macaroon.base64()}:{self.preimage.hex()}"

    def headers(self):
        return {"Authorization": self.authorization()}
