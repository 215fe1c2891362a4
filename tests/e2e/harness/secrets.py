"""The scheme of the stateless invoices, written a second time: tests forge payments that no payer would make, and know
which secrets must stand in no log. The format is drawn in plugin/invoicing/payment_secret.hpp."""

import hashlib
import hmac
import os
import struct

LETTERS = "\0abcdefghijklmnopqrstuvwxyz0123456789._-"


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def derive_key(key, info):
    """HKDF-SHA256 (RFC 5869), empty salt, one block."""
    return hmac_sha256(hmac_sha256(bytes(32), key), info.encode() + b"\x01")


def chacha20(key, nonce, length):
    """The first `length` bytes of the keystream (RFC 8439), counter 0."""

    def rotate(value, bits):
        return ((value << bits) | (value >> (32 - bits))) & 0xFFFFFFFF

    def quarter(state, a, b, c, d):
        for first, second, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[first] = (state[first] + state[second]) & 0xFFFFFFFF
            state[third] = rotate(state[third] ^ state[first], bits)

    out = b""
    for counter in range(-(-length // 64)):
        start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
        state = start[:]
        for _ in range(10):
            for column in range(4):
                quarter(state, column, column + 4, column + 8, column + 12)
            for a, b, c, d in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                quarter(state, a, b, c, d)
        out += struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(state, start)))
    return out[:length]


class InvoiceKeys:
    def __init__(self, rpc):
        self.root = bytes.fromhex(rpc("makesecret", {"string": "millrace/invoice/1"})["secret"])
        self.info_key = derive_key(self.root, "payment secret")
        self.preimage_key = derive_key(self.root, "preimage")

    def preimage(self, payment_secret):
        return hmac_sha256(self.preimage_key, payment_secret)

    def forge(self, amount_msat, expires_at, min_final_cltv=10, epoch=1, service="weather"):
        """(payment_hash, payment_secret) of a challenge that was never issued."""
        numbers = [LETTERS.index(letter) for letter in service.ljust(21, "\0")]
        packed = b"".join(struct.pack(">H", a * 1600 + b * 40 + c) for a, b, c in zip(numbers[::3], numbers[1::3], numbers[2::3]))
        info = amount_msat.to_bytes(5, "big") + struct.pack(">I", expires_at) + (min_final_cltv << 12 | epoch).to_bytes(3, "big") + packed
        nonce = os.urandom(6)
        stream = chacha20(self.info_key, nonce + bytes(6), len(info))
        secret = nonce + bytes(a ^ b for a, b in zip(info, stream))
        return hashlib.sha256(self.preimage(secret)).hexdigest(), secret.hex()


def secrets_of(node):
    """Everything about a node that must stand in no log: hex texts, and what they stand for."""
    found = {}
    for invoice in node.rpc("listinvoices")["invoices"]:
        if "payment_preimage" in invoice:
            found[invoice["payment_preimage"]] = "preimage of invoice " + invoice["label"]
    for payment in node.rpc("listsendpays")["payments"]:
        if "payment_preimage" in payment:
            found[payment["payment_preimage"]] = "preimage of payment " + payment["payment_hash"]
    keys = InvoiceKeys(node.rpc)
    for name, key in (("root", keys.root), ("info", keys.info_key), ("preimage", keys.preimage_key)):
        found[key.hex()] = f"{name} key of the invoices"
    for epoch in range(1, 6):
        found[node.rpc("makesecret", {"string": f"millrace/token/{epoch}"})["secret"]] = f"token key {epoch}"
    return found
