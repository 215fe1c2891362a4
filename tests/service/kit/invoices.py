"""What the fake gateway hands out as invoices: as long as a real one with a description and a route hint, and of no other
use. The payment hash can be read out of them."""

import re

LENGTH = 300
START = "lnbcrt1"
PATTERN = START + "([0-9a-f]{64})[a-z0-9]*"  # group 1: the payment hash


def of_hash(payment_hash):
    return (START + payment_hash).ljust(LENGTH, "q")


def hash_of(invoice):
    return re.match(PATTERN, invoice)[1]
