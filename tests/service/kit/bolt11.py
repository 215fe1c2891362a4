"""Invoices of BOLT 11, written independently of the product: what a wallet hands out to be paid back to."""

import hashlib
import os
import time

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(point, times):
    out = None
    while times:
        if times & 1:
            out = add(out, point)
        point, times = add(point, point), times >> 1
    return out


def node_id(secret):
    x, y = multiply(G, int.from_bytes(secret, "big"))
    return bytes([2 + (y & 1)]) + x.to_bytes(32, "big")


def sign(secret, digest):
    nonce = int.from_bytes(hashlib.sha256(secret + digest).digest(), "big") % N
    x, y = multiply(G, nonce)
    r = x % N
    s = pow(nonce, -1, N) * (int.from_bytes(digest, "big") + r * int.from_bytes(secret, "big")) % N
    recovery = (y & 1) ^ (1 if s > N // 2 else 0)
    return r.to_bytes(32, "big") + min(s, N - s).to_bytes(32, "big") + bytes([recovery])


def words(data):
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]


def number(value, length=None):
    out = []
    while value or not out:
        out.insert(0, value & 31)
        value >>= 5
    return [0] * ((length or 0) - len(out)) + out


def field(kind, data):
    return [CHARSET.index(kind), *number(len(data), 2), *data]


def checksum(hrp, data):
    values = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp] + data + [0] * 6
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= generator if top >> i & 1 else 0
    return [(state ^ 1) >> 5 * (5 - i) & 31 for i in range(6)]


def invoice(currency="bcrt", amount="", secret=b"\x03" * 32, at=None, expiry=30 * 24 * 3600, preimage=None):
    """`amount` as in the prefix: "10u"."""
    payment_hash = hashlib.sha256(preimage or os.urandom(32)).digest()
    data = number(int(time.time() if at is None else at), 7)
    data += field("s", words(os.urandom(32))) + field("p", words(payment_hash)) + field("d", words(b"refund"))
    data += field("x", number(expiry)) + field("9", number(0b100000100000000))
    hrp = "ln" + currency + amount
    bits = "".join(f"{word:05b}" for word in data)
    bits += "0" * (-len(bits) % 8)
    signed = hrp.encode() + bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    data += words(sign(secret, hashlib.sha256(signed).digest()))
    return hrp + "1" + "".join(CHARSET[word] for word in data + checksum(hrp, data))
