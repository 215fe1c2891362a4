"""Buying by charges of the Payment scheme: client, service, plugin, node. Run on simulated nodes by tests/e2e and on real ones by
tests/node."""

import base64
import json
import re
import time

import pytest
from harness.rpc import Background, wait_for
from harness.service import PRICE_MSAT
from whole_path import CREDENTIAL_REFUSED, OK, UPSTREAM_ERROR, path  # noqa: F401 - the fixture is the tests' own

pytestmark = pytest.mark.service

PROBLEMS = "https://paymentauth.org/problems/"
CHARGES = [
    {"name": "charge", "path": "/charge/", "price_msat": PRICE_MSAT, "schemes": ["payment"]},
    {"name": "cheap", "path": "/cheap/", "price_msat": 1, "schemes": ["payment"]},
    {"name": "both", "path": "/both/", "price_msat": PRICE_MSAT, "schemes": ["l402", "payment"]},
]


def decoded(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def challenge_of(reply):
    line = next(value for value in reply.values("WWW-Authenticate") if value.startswith("Payment "))
    return dict(re.findall(r'(\w+)="([^"]*)"', line))


def headers_of(challenge, preimage):
    credential = json.dumps({"challenge": challenge, "payload": {"preimage": preimage}})
    return [("Authorization", "Payment " + base64.urlsafe_b64encode(credential.encode()).decode().rstrip("="))]


def bought(whole, asked="/charge/x"):
    """(challenge, preimage) of a charge bought by hand."""
    reply = whole.service.get(asked)
    assert reply.status == 402
    challenge = challenge_of(reply)
    preimage = whole.network.payer.pay(decoded(challenge["request"])["methodDetails"]["invoice"])["payment_preimage"]
    whole.secrets[preimage] = "a preimage"
    return challenge, preimage


def note_preimages(whole):
    """The client keeps nothing of a charge: what must stand in no log is asked from the node."""
    for payment in whole.network.payer.rpc("listsendpays")["payments"]:
        if "payment_preimage" in payment:
            whole.secrets[payment["payment_preimage"]] = "a preimage"


def test_a_client_buys_each_request_and_keeps_nothing(path):
    whole = path()
    service, client = whole.sell(services=CHARGES), whole.client()
    for number in (1, 2):
        assert client.get(service.url("/charge/x")) == OK, client.said()
        assert client.body.read_bytes() == b"sunny\n"
        assert (client.rows("token"), client.rows("pending")) == ([], [])
        wait_for(lambda: whole.paid() == number, "the settlement")
    said = client.said()
    for step in ("< WWW-Authenticate: Payment ", "paying 1000msat", "with Authorization: Payment", "< Payment-Receipt: ", "millrace-get: paid 1000msat, fee 1msat"):
        assert step in said, said
    settled = {settlement["payment_hash"] for settlement in whole.network.seller.settlements()}
    assert {row[0].lower() for row in service.stored("select hex(payment_hash) from consumed_charges")} == settled
    names = {name.lower(): value for name, value in whole.upstream.requests[-1][2]}
    assert "authorization" not in names and names["x-l402-payment-hash"] in settled and names["x-l402-service"] == "charge"
    note_preimages(whole)


def test_where_both_are_offered_the_client_takes_the_token(path):
    whole = path()
    service, client = whole.sell(services=CHARGES), whole.client()
    assert client.get(service.url("/both/x")) == OK, client.said()
    assert client.get(service.url("/both/y")) == OK, client.said()
    assert len(client.rows("token")) == 1
    assert whole.paid() == 1


def test_a_body_is_sold_by_charge_once(path):
    whole = path()
    service, client = whole.sell(services=CHARGES), whole.client()
    assert client.get(service.url("/charge/report"), "-d", "rain") == OK, client.said()
    assert client.body.read_bytes() == b"rain"
    note_preimages(whole)

    challenge, preimage = bought(whole)
    headers = headers_of(challenge, preimage)
    assert service.get("/charge/report", headers, method="POST", body=b"snow").status == 200
    reply = service.get("/charge/report", headers, method="POST", body=b"snow")
    assert (reply.status, reply.problem["type"], reply.problem["reason"]) == (402, PROBLEMS + "invalid-challenge", "not_repeatable")
    assert [body for _, _, _, body in whole.upstream.requests] == [b"rain", b"snow"]


def test_a_charge_by_hand_has_a_receipt_and_a_few_replays(path):
    whole = path()
    service = whole.sell(services=CHARGES)
    challenge, preimage = bought(whole)
    request = decoded(challenge["request"])
    assert (challenge["realm"], challenge["method"], challenge["intent"]) == ("127.0.0.1", "lightning", "charge")
    assert (request["amount"], request["currency"], request["methodDetails"]["network"]) == ("1", "sat", "regtest")
    wait_for(lambda: service.stored("select 1 from settlements"), "the settlement in the store")
    for _ in range(4):
        reply = service.get("/charge/x", headers_of(challenge, preimage))
        assert (reply.status, reply.body) == (200, b"sunny\n")
        assert reply.values("Cache-Control") == ["private"]
        (receipt,) = reply.values("Payment-Receipt")
        receipt = decoded(receipt)
        assert (receipt["status"], receipt["method"], receipt["challengeId"]) == ("success", "lightning", challenge["id"])
        assert receipt["reference"] == whole.network.seller.settlements()[0]["payment_hash"]
    for asked, reason in (("/charge/x", "worn_out"), ("/charge/y", "other_request")):
        reply = service.get(asked, headers_of(challenge, preimage))
        assert (reply.status, reply.problem["reason"]) == (402, reason)
        assert challenge_of(reply)["id"] != challenge["id"]
    assert whole.paid() == 1


def test_charges_that_are_refused(path):
    whole = path()
    service = whole.sell(services=CHARGES)
    challenge, preimage = bought(whole)
    cheap, cheap_preimage = bought(whole, "/cheap/x")
    cases = [
        (headers_of(challenge, "00" * 32), "lightning/invalid-preimage", "bad_preimage"),
        (headers_of(cheap, cheap_preimage), "invalid-challenge", "wrong_scope"),
        (headers_of({**cheap, "request": challenge["request"]}, preimage), "invalid-challenge", "unknown_challenge"),
        (headers_of({**challenge, "expires": "2099-01-01T00:00:00Z"}, preimage), "invalid-challenge", "unknown_challenge"),
    ]
    for headers, problem, reason in cases:
        reply = service.get("/charge/x", headers)
        assert (reply.status, reply.problem["type"], reply.problem["reason"]) == (402, PROBLEMS + problem, reason)
    assert whole.upstream.requests == []
    assert service.get("/charge/x", headers_of(challenge, preimage)).status == 200


@pytest.mark.parametrize("method, admitted", [("POST", 1), ("GET", 4)])
def test_of_twenty_uses_at_once_one_is_the_first(path, method, admitted):
    whole = path()
    service = whole.sell(services=CHARGES)
    headers = headers_of(*bought(whole))
    uses = [Background(service.get, "/charge/x", headers, None, method, b"x" if method == "POST" else None) for _ in range(20)]
    statuses = [use.result(60).status for use in uses]
    assert (statuses.count(200), statuses.count(402)) == (admitted, 20 - admitted)
    assert len(whole.upstream.requests) == admitted


def test_a_client_killed_after_the_payment_uses_the_charge_in_the_next_run(path):
    whole = path()
    service, client, relay = whole.sell(services=CHARGES), whole.client(), whole.relay()
    relay.hold("xpay", "after")
    process = client.start(service.url("/charge/x"), rpc=relay.path)
    assert relay.held.wait(30)
    process.kill()
    process.wait()
    relay.release()
    assert len(client.rows("pending")) == 1
    # A charge buys one request: another one is bought for itself.
    assert client.get(service.url("/charge/y")) == OK, client.said()
    assert whole.paid() == 2
    assert client.get(service.url("/charge/x"), rpc=relay.path) == OK, client.said()
    assert client.rows("pending") == []
    assert whole.paid() == 2
    assert relay.calls.count("xpay") == 1
    note_preimages(whole)


def test_a_lost_response_is_fetched_again_without_paying_again(path):
    whole = path()
    service, client = whole.sell(services=CHARGES), whole.client()
    whole.upstream.hold()
    run = Background(client.get, service.url("/charge/x"))
    wait_for(lambda: whole.upstream.requests, "the request to reach the upstream")
    service.kill()
    assert run.result(60) in (UPSTREAM_ERROR, 7), client.said()
    assert len(client.rows("token")) == 1
    whole.upstream.release()
    service.start()
    assert client.get(service.url("/charge/x")) == OK, client.said()
    assert client.body.read_bytes() == b"sunny\n"
    assert client.rows("token") == client.rows("pending") == []
    assert whole.paid() == 1
    note_preimages(whole)


def test_a_charge_that_is_refused_right_after_its_payment_is_not_bought_again(path):
    whole = path()
    service, client, relay = whole.sell(services=CHARGES), whole.client(), whole.relay()
    relay.hold("xpay", "after")
    process = client.start(service.url("/charge/x"), rpc=relay.path)
    assert relay.held.wait(30)
    whole.network.seller.rpc("millrace-rotate-key")
    whole.network.seller.rpc("millrace-retire-key", {"epoch": 1})
    time.sleep(1)  # the service hears of it
    relay.release()
    assert process.wait(60) == CREDENTIAL_REFUSED, client.said()
    assert "unknown_challenge" in client.said()
    assert len(client.rows("token")) == 1 and client.rows("pending") == []
    assert client.get(service.url("/charge/x")) == CREDENTIAL_REFUSED, client.said()
    assert whole.paid() == 1
    assert client.get(service.url("/charge/x"), "--again") == OK, client.said()
    assert whole.paid() == 2
    note_preimages(whole)
