"""One service for each way in which a request is paid for, a buyer of each, and what it was charged, as it is on disk."""

import re
import sqlite3

from . import bolt11, invoices
from .payments import Challenge, Deposit

PRICE = 1000
SERVICES = """
[[service]]
name = "uses"
path = "/uses/"
upstream = "{upstream}"
price_msat = 1000
uses = 100000
{more}
[[service]]
name = "once"
path = "/once/"
upstream = "{upstream}"
price_msat = 1000
single_use = true
{more}
[[service]]
name = "bytes"
path = "/bytes/"
upstream = "{upstream}"
price_msat = 1000
bytes = "64MiB"
{more}
[[service]]
name = "balance"
path = "/balance/"
upstream = "{upstream}"
price_msat = 1000
credit_msat = 100000000
{more}
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
{more}
[[service]]
name = "session"
path = "/session/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 100000000, idle_timeout = "1h" }}
{more}
[[service]]
name = "free"
path = "/free/"
upstream = "{upstream}"
price_msat = 1000
free_allowance = {{ requests = 100000 }}
{more}
"""
KINDS = ["uses", "once", "bytes", "balance", "charge", "session", "free"]


def services(house, more=""):
    return SERVICES.format(upstream=house.upstream.url, more=more)


class Buyer:
    """Has paid for `kind`, with as much of it as its service sells."""

    def __init__(self, house, kind):
        self.house, self.kind = house, kind
        if kind == "free":
            self.hash, self.fields = None, {}
        elif kind == "charge":
            challenge = Challenge.of_answer(house.service.get("/charge/x"))
            token = house.gateway.issued[challenge.payment_hash]
            self.hash, self.fields = challenge.payment_hash, challenge.headers(token.preimage)
        elif kind == "session":
            deposit = Deposit(house, house.service.get("/session/x", {"Accept-Payment": "lightning/session"}))
            self.hash, self.deposit = deposit.hash, deposit
            self.fields = deposit.open(bolt11.invoice())
        else:
            answer = house.service.get(f"/{kind}/x")
            found = re.search(r'macaroon="([^"]+)", invoice="' + invoices.PATTERN + '"', answer.all("www-authenticate")[0])
            token = house.gateway.issued[found[2]]
            house.gateway.settle(token, amount_msat=answer.json()["price_msat"])
            self.hash, self.fields = found[2], {"Authorization": f"L402 {found[1]}:{token.preimage.hex()}"}

    def headers(self):
        return dict(self.fields)

    def charged(self):
        """Requests that were charged, bytes where those are sold."""
        with sqlite3.connect(f"file:{self.house.folder}/millrace.db?mode=ro", uri=True) as database:
            if self.kind == "free":
                return database.execute("SELECT coalesce(sum(used), 0) FROM free_uses WHERE service = 'free'").fetchone()[0]
            key = bytes.fromhex(self.hash)
            if self.kind == "charge":
                rows = database.execute("SELECT replays + 1 FROM consumed_charges WHERE payment_hash = ?", (key,)).fetchall()
                return rows[0][0] if rows else 0
            rows = database.execute("SELECT uses, bytes, spent_msat FROM token_usage WHERE payment_hash = ?", (key,)).fetchall()
        uses, size, spent = rows[0] if rows else (0, 0, 0)
        return {"uses": uses, "once": uses, "bytes": size}.get(self.kind, spent // PRICE)
