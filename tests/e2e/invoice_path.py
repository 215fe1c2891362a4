"""Whose invoice is whose, from the node to the buyer. Run on simulated nodes by tests/e2e and on real ones by tests/node; each
brings its own `make_network`."""

import http.client
import json

import pytest
from harness.rpc import wait_for
from harness.service import PRICE_MSAT
from whole_path import path  # noqa: F401 - a fixture

pytestmark = pytest.mark.service

SOLD = [
    {"name": "weather", "path": "/weather/", "price_msat": PRICE_MSAT, "timeout": "1h"},
    {"name": "both", "path": "/both/", "price_msat": PRICE_MSAT, "schemes": ["l402", "payment"], "session.deposit_msat": 20_000},
    {"name": "charge", "path": "/charge/", "price_msat": PRICE_MSAT, "schemes": ["payment"]},
]


def test_case_m14_two_buyers_behind_one_address_both_buy(path):  # noqa: F811
    whole = path()
    service = whole.sell()
    offered = [service.get().challenge for _ in range(2)]
    assert offered[0][1] != offered[1][1]
    for token, invoice in offered:
        preimage = whole.network.payer.pay(invoice)["payment_preimage"]
        whole.secrets[preimage] = "a preimage"
        assert service.get(headers=[("Authorization", f"L402 {token}:{preimage}")]).status == 200
    wait_for(lambda: len(service.stored("select * from settlements")) == 2, "both settlements")
    assert whole.paid() == 2


def test_case_n1_while_lightningd_is_away_nobody_is_handed_an_invoice_and_nothing_counts(path):  # noqa: F811
    whole = path()
    service = whole.sell(services=SOLD, challenges={"per_prefix": "20/h", "pool": 4})
    targets = ("/weather/x", "/both/x", "/charge/x")
    kept = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)

    def ask(target, connection=None, method="GET", body=None):
        connection = connection or http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        connection.request(method, target, body)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers

    for target in targets:
        assert ask(target, kept)[0] == 402
    whole.network.seller.crash()
    service.wait_ready(503)
    quote = json.dumps({"service": "weather", "mint": True})
    for _ in range(4):
        for status, body, headers in (
            *(ask(target, connection) for target in targets for connection in (kept, None)),
            ask("/weather/x", method="HEAD"),
            ask("/l402/quote", method="POST", body=quote),
        ):
            assert status == 503 and int(headers["Retry-After"]) >= 1 and "WWW-Authenticate" not in headers
            assert b"lnbcrt" not in body and b"macaroon" not in body
    whole.network.seller.start()
    whole.network.seller.wait_for_plugin()
    whole.network.reconnect()
    service.wait_ready()
    # Four were asked for before it went (both/x has a deposit's), and sixteen are left.
    asked = [ask("/weather/x")[1] for _ in range(17)]
    invoices = [json.loads(body)["invoice"] for body in asked]
    assert len(set(invoices)) == 16 and invoices[16] == invoices[0]
    assert whole.paid() == 0
