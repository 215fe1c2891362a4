"""Sessions of the Payment scheme from the first 402 to the refund: service, plugin, node. Run on simulated nodes by tests/e2e and on
real ones by tests/node."""

import json
import re

import pytest
from harness.rpc import wait_for
from payment_path import base64, decoded
from whole_path import path  # noqa: F401 - the fixture is the tests' own

pytestmark = pytest.mark.service

DAILY = {"options": {"seller": {"millrace-refund-daily-msat": 1_000_000, "millrace-refund-max-fee-msat": 100}}}
SOLD = [
    {
        "name": "stream",
        "path": "/stream/",
        "price_msat": 1500,
        "schemes": ["payment"],
        "session.deposit_msat": 10_000,
        "session.offer": "alone",
        "session.idle_timeout": "1h",
    },
    {"name": "brief", "path": "/brief/", "price_msat": 1500, "schemes": ["payment"], "session.deposit_msat": 10_000, "session.offer": "alone", "session.idle_timeout": "2s"},
]


class Client:
    """Speaks as the draft has it, paying and being paid by the payer's node."""

    invoices = 0

    def __init__(self, whole, asked="/stream/x"):
        self.whole, self.asked = whole, asked
        self.challenge, self.hash, self.preimage = self.deposit()
        Client.invoices += 1
        self.invoice = whole.network.payer.rpc(
            "invoice", {"amount_msat": "any", "label": f"rest {Client.invoices}", "description": "rest", "expiry": 30 * 24 * 3600}
        )

    def deposit(self):
        reply = self.whole.service.get(self.asked)
        assert reply.status == 402
        line = next(value for value in reply.values("WWW-Authenticate") if value.startswith("Payment "))
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', line))
        request = decoded(challenge["request"])
        preimage = self.whole.network.payer.pay(request["depositInvoice"])["payment_preimage"]
        self.whole.secrets[preimage] = "a preimage"
        return challenge, request["paymentHash"], preimage

    def send(self, challenge, **payload):
        credential = json.dumps({"challenge": challenge, "payload": payload})
        value = "Payment " + base64.urlsafe_b64encode(credential.encode()).decode().rstrip("=")
        return self.whole.service.get(self.asked, [("Authorization", value)])

    def open(self):
        return self.send(self.challenge, action="open", preimage=self.preimage, returnInvoice=self.invoice["bolt11"])

    def bearer(self):
        return self.send(self.challenge, action="bearer", sessionId=self.hash, preimage=self.preimage)

    def top_up(self):
        challenge, _, preimage = self.deposit()
        return self.send(challenge, action="topUp", sessionId=self.hash, topUpPreimage=preimage)

    def close(self):
        return self.send(self.challenge, action="close", sessionId=self.hash, preimage=self.preimage)

    def paid_back(self):
        (row,) = self.whole.network.payer.rpc("listinvoices", {"payment_hash": self.invoice["payment_hash"]})["invoices"]
        return row.get("amount_received_msat", 0) if row["status"] == "paid" else 0


@pytest.fixture
def market(path):  # noqa: F811
    """Everything, with a seller that pays back."""
    whole = path(**DAILY)
    whole.network.let_payer_be_paid()
    return whole


def left(reply):
    (value,) = reply.values("X-L402-Remaining-Msat")
    return int(value)


def test_what_is_left_of_a_deposit_is_paid_back_by_the_node(market):
    service = market.sell(services=SOLD)
    client = Client(market)
    assert [left(client.open()), left(client.bearer())] == [8500, 7000]
    assert client.top_up().status == 200
    assert left(client.bearer()) == 15_500
    reply = client.close()
    assert reply.status == 200
    wait_for(lambda: client.paid_back() == 15_500, "the rest to be paid back")
    told = json.loads(client.close().body)
    assert told == {"status": "closed", "refundSats": 15, "refundStatus": "succeeded"}
    (refund,) = market.network.seller.rpc("millrace-refunds")["refunds"]
    assert (refund["state"], refund["asked_msat"], len(refund["deposits"])) == ("complete", 15_500, 2)
    assert client.bearer().status == 402
    assert service.stored("select spent_msat, refund_msat, refund_state from sessions") == [(4500, 15_500, "succeeded")]


def test_a_session_that_nobody_uses_is_paid_back_by_itself(market):
    market.sell(services=SOLD)
    client = Client(market, "/brief/x")
    assert client.open().status == 200
    wait_for(lambda: client.paid_back() == 8500, "the rest to be paid back")
    assert client.bearer().status == 402


def test_where_the_operator_allows_no_refunds_it_is_said_so(path):
    whole = path()
    whole.sell(services=SOLD)
    client = Client(whole)
    assert client.open().status == 200
    assert json.loads(client.close().body) == {"status": "closed", "refundSats": 8, "refundStatus": "failed"}
    assert client.paid_back() == 0


def test_a_service_that_is_killed_at_the_close_pays_back_once(market):
    service = market.sell(services=SOLD)
    client = Client(market)
    assert client.open().status == 200
    assert client.close().status == 200
    service.kill()
    service.start()
    wait_for(lambda: client.paid_back() == 8500, "the rest to be paid back")
    assert json.loads(client.close().body)["refundStatus"] == "succeeded"
    assert len(market.network.seller.rpc("millrace-refunds")["refunds"]) == 1
