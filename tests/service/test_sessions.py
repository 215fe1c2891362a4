"""Sessions of the Payment scheme: a deposit, requests that draw from it, top-ups, the end, and what is paid back."""

import json
import signal
import socket
import sqlite3
import struct
import threading
import time

import pytest
from kit import bolt11, invoices
from kit.admin import Admin, section
from kit.faults import Locker
from kit.payments import PROBLEMS, Challenge, Deposit, b64url, canonical, from_b64url, receipt_of
from kit.service import wait_for
from kit.upstream import Upstream, response
from test_payment import refused

INVOICE = bolt11.invoice()
ASKING = {"Accept-Payment": "lightning/session"}

SOLD = """
[[service]]
name = "stream"
path = "/stream/"
upstream = "{upstream}"
price_msat = 1500
schemes = ["l402", "payment"]
session = {{ deposit_msat = 10000, idle_timeout = "1h" }}
cost_header = "X-Cost-Msat"
[[service.route]]
name = "dear"
path = "/stream/dear"
price_msat = 40000
[[service.route]]
name = "own"
path = "/stream/own"
scope = "route"
[[service]]
name = "north"
path = "/north/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ offer = "alone" }}
realm = "poles"
description = "{{service}} by deposit of {{price}}"
[[service]]
name = "south"
path = "/south/"
upstream = "{upstream}"
price_msat = 3000
schemes = ["l402", "payment"]
session = {{ deposit_msat = 50000, offer = "always" }}
realm = "poles"
[[service]]
name = "brief"
path = "/brief/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 5000, idle_timeout = "1s", offer = "alone" }}
[[service]]
name = "events"
path = "/events/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 5000, offer = "alone", event_msat = 1000, hold = "2s" }}
[[service]]
name = "metered"
path = "/metered/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 9000, offer = "alone", event_msat = 1000 }}
cost_header = "X-Cost-Msat"
[[service]]
name = "quiet"
path = "/quiet/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["l402", "payment"]
session = {{ deposit_msat = 5000, offer = "asked" }}
[[service]]
name = "charges"
path = "/charges/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
"""


@pytest.fixture(scope="module")
def _market():
    from conftest import close_house, make_house

    made, name = make_house("sessions")
    made.start(services=SOLD.format(upstream=made.upstream.url))
    yield made
    close_house(made, name)


@pytest.fixture
def market(_market):
    _market.upstream.routes.clear()
    _market.gateway.refund_answer = None
    return _market


def ask(house, target="/stream/x"):
    return Deposit(house, house.service.get(target, ASKING))


def opened(house, target="/stream/x", invoice=INVOICE):
    deposit = ask(house, target)
    answer = house.service.get(target, deposit.open(invoice))
    assert answer.status == 200, answer.body
    return deposit


def left(answer):
    return int(answer.get("x-l402-remaining-msat"))


def rows(house, query, *values):
    with sqlite3.connect(f"file:{house.folder}/millrace.db?mode=ro", uri=True) as database:
        return database.execute(query, values).fetchall()


def row(house, deposit):
    names = "deposit_msat, closed_by, spent_msat, refund_msat, refund_state, refund_fee_msat"
    return rows(house, f"SELECT {names} FROM sessions WHERE id = ?", bytes.fromhex(deposit.hash))[0]


def spent(house, deposit):
    found = rows(house, "SELECT spent_msat FROM token_usage WHERE payment_hash = ?", bytes.fromhex(deposit.hash))
    return found[0][0] if found else 0


def asked_for(house):
    """Refunds as the plugin was asked for them: each deposit -> msat."""
    return {deposit: msat for deposits, msat, _ in house.gateway.refunds for deposit in deposits}


# -- what is offered --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target, accepts, intents, invoices",
    [
        ("/stream/x", None, ["L402", "charge", "session"], 2),
        ("/stream/x", "*/*", ["L402", "charge", "session"], 2),
        ("/stream/x", "lightning/*", ["L402", "charge", "session"], 2),
        ("/stream/x", "nonsense", ["L402", "charge", "session"], 2),
        ("/stream/x", "tempo/*", ["L402"], 1),
        ("/stream/x", "*/*, lightning/session;q=0", ["L402", "charge"], 1),
        ("/stream/x", "*/session", ["session"], 1),
        ("/stream/x", "lightning/charge", ["L402", "charge"], 1),
        ("/stream/x", "lightning/session;q=0", ["L402"], 1),
        ("/stream/x", "lightning/session", ["session"], 1),
        ("/stream/x", "lightning/session, lightning/charge;q=0.5", ["L402", "charge", "session"], 2),
        ("/north/x", None, ["session"], 1),
        ("/north/x", "lightning/charge", ["session"], 1),
        ("/south/x", None, ["L402", "charge", "session"], 2),
        ("/south/x", "lightning/charge", ["L402", "charge"], 1),
        ("/charges/x", "lightning/session", ["charge"], 1),
        ("/quiet/x", None, ["L402", "charge"], 1),
        ("/quiet/x", "lightning/charge", ["L402", "charge"], 1),
        ("/quiet/x", "lightning/session, lightning/charge", ["L402", "charge", "session"], 2),
        ("/quiet/x", "lightning/*", ["L402", "charge", "session"], 2),
        ("/quiet/x", "*/*", ["L402", "charge", "session"], 2),
        ("/quiet/x", "lightning/session", ["session"], 1),
    ],
)
def test_case_c7_c8_a_session_is_offered_unless_the_client_excludes_it(market, target, accepts, intents, invoices):
    market.gateway.requests.clear()
    answer = market.service.get(target, {"Accept-Payment": accepts} if accepts else {})
    lines = answer.all("www-authenticate")
    told = ["L402" if line.startswith("L402") else Challenge.of_line(line)["intent"] for line in lines if not line.startswith("LSAT")]
    assert told == intents
    issued = [one["params"] for one in market.gateway.requests if one["method"] == "issue"]
    assert len(issued) == invoices
    assert [bool(one.get("deposit")) for one in issued].count(True) == intents.count("session")


def test_the_challenge_is_what_the_draft_asks_for(market):
    market.gateway.requests.clear()
    deposit = ask(market, "/stream/x")
    challenge = deposit.challenge
    assert list(challenge.parameters) == ["id", "realm", "method", "intent", "request", "expires"]
    assert (challenge["realm"], challenge["method"], challenge["intent"]) == ("test.example", "lightning", "session")
    assert challenge.request == {
        "amount": "2",
        "currency": "sat",
        "depositAmount": "10",
        "depositInvoice": invoices.of_hash(deposit.hash),
        "externalId": "millrace:0:stream:1500",
        "idleTimeout": "3600",
        "paymentHash": deposit.hash,
        "unitType": "request",
    }
    assert from_b64url(challenge["request"]) == canonical(challenge.request)
    assert challenge["id"] == challenge.id_under(market.gateway.epochs[0])
    issued = [one["params"] for one in market.gateway.requests if one["method"] == "issue"]
    assert issued == [{"amount_msat": 10000, "service": "stream", "deposit": True}]
    # A deposit is at least what the request costs, twenty requests by default, and says so.
    assert ask(market, "/stream/dear").challenge.request["depositAmount"] == "40"
    market.gateway.requests.clear()
    north = ask(market, "/north/x").challenge.request
    assert (north["depositAmount"], north["idleTimeout"], north["externalId"]) == ("20", "300", "millrace:0:poles:1000")
    assert north["description"] == "north by deposit of 20000"


def test_what_pays_a_deposit_opens_nothing_else(market):
    answer = market.service.get("/stream/x", ASKING)
    assert [line.split()[0] for line in answer.all("www-authenticate")] == ["Payment"]
    deposit = Deposit(market, answer)
    charge = deposit.challenge.changed(intent="charge").headers(deposit.preimage)
    refused(market.service.get("/stream/x", charge), "invalid-challenge", "unknown_challenge")
    # And what was paid for a charge opens no session.
    charge = Challenge.of_line([line for line in market.service.get("/stream/x").all("www-authenticate") if line.startswith("Payment")][0])
    as_session = charge.changed(intent="session")
    headers = deposit.open(INVOICE, preimage=market.gateway.issued[charge.payment_hash].preimage, challenge=as_session)
    refused(market.service.get("/stream/x", headers), "lightning/unknown-challenge", "unknown_challenge")


def test_options_and_documents_say_that_sessions_are_taken(market):
    answer = market.service.request("OPTIONS", "/stream/x")
    assert answer.get("accept-payment") == "lightning/charge, lightning/session"
    assert market.service.request("OPTIONS", "/north/x").get("accept-payment") == "lightning/session"


# -- open, bearer, topUp ------------------------------------------------------------------------------------------------


def test_a_session_serves_requests_until_its_deposit_is_drawn(market):
    deposit = ask(market)
    answers = [market.service.get("/stream/x", {**deposit.open(INVOICE), "X-L402-Service": "forged"})]
    seen = market.upstream.last
    assert "authorization" not in seen.names() and deposit.preimage.hex() not in seen.head.decode()
    assert (seen.get("x-l402-payment-hash"), seen.get("x-l402-service")) == (deposit.hash, "stream")
    receipt = receipt_of(answers[0])
    assert abs(time.time() - time.mktime(time.strptime(receipt.pop("timestamp"), "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 10
    assert receipt == {"method": "lightning", "reference": deposit.hash, "status": "success", "challengeId": deposit.challenge["id"]}
    assert answers[0].all("cache-control") == ["private"]
    answers += [market.service.get("/stream/x", deposit.bearer()) for _ in range(5)]
    assert [(answer.status, left(answer)) for answer in answers] == [(200, 10000 - 1500 * n) for n in range(1, 7)]
    assert spent(market, deposit) == 9000
    answer = market.service.get("/stream/x", deposit.bearer())
    refused(answer, "lightning/insufficient-balance", "insufficient_balance")
    # The fresh challenge is for a top-up.
    more = Deposit(market, answer)
    answer = market.service.get("/stream/x", more.top_up(deposit))
    assert (answer.status, answer.json(), answer.get("cache-control")) == (200, {"status": "ok"}, "no-store")
    assert receipt_of(answer)["reference"] == deposit.hash
    assert row(market, deposit)[0] == 20000
    assert left(market.service.get("/stream/x", deposit.bearer())) == 9500
    # Challenges of other requests, however old, do for a bearer.
    assert left(market.service.get("/stream/x", deposit.bearer(challenge=more.challenge))) == 8000


def test_pitfall_02_topping_up_asks_the_upstream_nothing(market):
    deposit, more = opened(market), ask(market)
    asked = len(market.upstream.requests)
    for _ in range(2):
        assert market.service.request("POST", "/stream/x", more.top_up(deposit), b"body").status == 200
    market.service.get("/stream/x", deposit.close())
    assert len(market.upstream.requests) == asked


def test_the_upstream_tells_the_true_cost(market):
    market.upstream.routes["/stream/cheap"] = lambda *_: response(b"ok", headers=["X-Cost-Msat: 7"])
    market.upstream.routes["/stream/much"] = lambda *_: response(b"ok", headers=["X-Cost-Msat: 70000"])
    deposit = opened(market)
    answer = market.service.get("/stream/cheap", deposit.bearer())
    assert (left(answer), answer.get("x-cost-msat")) == (8493, None)
    assert left(market.service.get("/stream/much", deposit.bearer())) == 0
    assert spent(market, deposit) == 10000


def test_a_failing_upstream_costs_nothing(market):
    def hang_up(*_):
        raise Upstream.Hangup

    market.upstream.routes["/stream/500"] = lambda *_: response(b"", "500 Oops")
    market.upstream.routes["/stream/gone"] = hang_up
    deposit = ask(market)
    answer = market.service.get("/stream/500", deposit.open(INVOICE))
    assert answer.status == 500 and not answer.all("payment-receipt")
    assert market.service.get("/stream/gone", deposit.bearer()).status == 502
    assert spent(market, deposit) == 0
    # It is open all the same.
    assert left(market.service.get("/stream/x", deposit.bearer())) == 8500


def test_twenty_requests_at_once_draw_what_is_there_and_no_more(market):
    def slow(*_):
        time.sleep(0.05)
        return response(b"ok")

    market.upstream.routes["/stream/slow"] = slow
    deposit = opened(market)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(market.service.get("/stream/slow", deposit.bearer()).status)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [200] * 5 + [402] * 15
    assert spent(market, deposit) == 9000


def test_an_open_that_comes_again_opens_nothing_twice(market):
    deposit = opened(market)
    answer = market.service.get("/stream/x", deposit.open(bolt11.invoice()))
    assert left(answer) == 7000
    assert rows(market, "SELECT deposit_msat, return_invoice FROM sessions WHERE id = ?", bytes.fromhex(deposit.hash)) == [(10000, INVOICE)]
    # Ten opens at once are one session.
    deposit = ask(market)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(market.service.get("/stream/x", deposit.open(INVOICE)))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answer.status for answer in answers) == [200] * 6 + [402] * 4
    assert row(market, deposit)[0] == 10000 and spent(market, deposit) == 9000


def test_a_deposit_counts_once(market):
    deposit, more, other = opened(market), ask(market), opened(market)
    first = market.service.get("/stream/x", more.top_up(deposit))
    again = market.service.get("/stream/x", more.top_up(deposit))
    assert (again.status, again.body, again.get("payment-receipt")) == (200, first.body, first.get("payment-receipt"))
    assert row(market, deposit)[0] == 20000
    refused(market.service.get("/stream/x", more.top_up(other)), "lightning/unknown-challenge", "deposit_used")
    refused(market.service.get("/stream/x", more.open(INVOICE)), "lightning/unknown-challenge", "deposit_used")
    # What opened a session tops none up, not even its own.
    refused(market.service.get("/stream/x", deposit.top_up(deposit)), "lightning/unknown-challenge", "deposit_used")
    refused(market.service.get("/stream/x", deposit.top_up(other)), "lightning/unknown-challenge", "deposit_used")
    assert (row(market, deposit)[0], row(market, other)[0]) == (20000, 10000)


@pytest.mark.parametrize(
    "problem, reason, change",
    [
        ("lightning/malformed-credential", "malformed", lambda d: d.headers("begin", returnInvoice=INVOICE)),
        ("lightning/malformed-credential", "malformed", lambda d: d.headers("open")),
        ("lightning/malformed-credential", "malformed", lambda d: d.headers("bearer")),
        ("lightning/malformed-credential", "malformed", lambda d: d.headers("topUp", preimage=b"short", sessionId=d.hash)),
        ("lightning/unknown-challenge", "unknown_challenge", lambda d: d.open(INVOICE, challenge=d.challenge.changed(id="x" * 43))),
        ("lightning/unknown-challenge", "unknown_challenge", lambda d: d.open(INVOICE, challenge=d.challenge.changed(expires="2040-01-01T00:00:00Z"))),
        ("lightning/invalid-preimage", "bad_preimage", lambda d: d.open(INVOICE, preimage=b"\1" * 32)),
        ("lightning/invalid-preimage", "bad_preimage", lambda d: d.bearer(preimage=b"\1" * 32)),
        ("lightning/invalid-preimage", "bad_preimage", lambda d: d.close(preimage=b"\1" * 32)),
        ("lightning/session-not-found", "session_not_found", lambda d: d.bearer()),
        ("lightning/session-not-found", "session_not_found", lambda d: d.close()),
        ("lightning/session-not-found", "session_not_found", lambda d: d.headers("topUp", sessionId="11" * 32)),
    ],
)
def test_each_refusal_says_why_and_comes_with_a_fresh_deposit(market, problem, reason, change):
    deposit = ask(market)
    asked = len(market.upstream.requests)
    answer = market.service.get("/stream/x", change(deposit))
    refused(answer, problem, reason)
    assert Deposit(market, answer).hash != deposit.hash
    assert len(market.upstream.requests) == asked
    assert rows(market, "SELECT 1 FROM sessions WHERE id = ?", bytes.fromhex(deposit.hash)) == []


@pytest.mark.parametrize(
    "invoice, why",
    [
        ("lnbcrt1nonsense", "invoice"),
        (INVOICE[:-1] + ("q" if INVOICE[-1] != "q" else "p"), "invoice"),
        (bolt11.invoice(amount="10u"), "states an amount"),
        (bolt11.invoice(currency="bc"), "another network"),
        (bolt11.invoice(at=time.time() - 7200, expiry=3600), "has expired"),
        (bolt11.invoice(expiry=600), "expires too early"),
    ],
    ids=["nonsense", "checksum", "amount", "network", "expired", "early"],
)
def test_a_return_invoice_that_cannot_be_paid_later_is_refused(market, invoice, why):
    deposit = ask(market)
    document = refused(market.service.get("/stream/x", deposit.open(invoice)), "lightning/invalid-return-invoice", "invalid_return_invoice")
    assert why in document["detail"]
    # The deposit is not lost: it opens with a good one.
    assert market.service.get("/stream/x", deposit.open(INVOICE)).status == 200


def test_the_node_is_not_asked_to_pay_itself(market):
    deposit = ask(market)
    answer = market.service.get("/stream/x", deposit.open(bolt11.invoice(secret=market.gateway.node_secret)))
    refused(answer, "lightning/invalid-return-invoice", "invalid_return_invoice")


def test_no_request_costs_more_than_its_challenge_said(market):
    deposit = opened(market)
    answer = market.service.get("/stream/dear", deposit.bearer())
    refused(answer, "payment-insufficient", "too_cheap")
    dear = Deposit(market, answer)
    refused(market.service.get("/stream/dear", deposit.bearer(challenge=dear.challenge)), "lightning/insufficient-balance", "insufficient_balance")
    assert market.service.get("/stream/dear", dear.top_up(deposit)).status == 200
    answer = market.service.get("/stream/dear", deposit.bearer(challenge=dear.challenge))
    assert left(answer) == 10000 - 1500
    # For something cheaper a dear challenge does.
    assert left(market.service.get("/stream/x", deposit.bearer(challenge=dear.challenge))) == 7000


def test_a_session_is_good_for_what_it_was_sold_for(market):
    deposit, realm, route = opened(market), opened(market, "/north/x"), opened(market, "/stream/own")
    own = ask(market, "/stream/own").challenge
    poles = ask(market, "/south/x").challenge
    assert market.service.get("/south/x", realm.bearer(challenge=poles)).status == 200
    assert market.service.get("/stream/own", route.bearer()).status == 200
    refused(market.service.get("/stream/own", deposit.bearer()), "lightning/unknown-challenge", "wrong_scope")
    refused(market.service.get("/stream/own", deposit.bearer(challenge=own)), "lightning/session-not-found", "wrong_scope")
    refused(market.service.get("/stream/own", ask(market, "/stream/own").top_up(deposit)), "lightning/session-not-found", "wrong_scope")
    answer = market.service.get("/stream/x", {**deposit.bearer(), "Host": "other.example"})
    refused(answer, "lightning/unknown-challenge", "wrong_realm")
    refused(market.service.get("/charges/x", deposit.bearer()), "method-unsupported", "unsupported_intent", status=400)


def test_a_deposit_that_was_paid_in_time_counts_however_late_its_owner_comes(house):
    house.gateway.expiry = 1
    house.start(services=SOLD.format(upstream=house.upstream.url))
    paid, unpaid, more, session = ask(house), ask(house), ask(house), opened(house)
    house.gateway.settle(paid.token)
    house.gateway.settle(more.token)
    time.sleep(1.2)
    house.gateway.settle(unpaid.token, at=time.time() + 3600)
    wait_for(lambda: rows(house, "SELECT count(*) FROM settlements") == [(3,)], "settlements are stored")
    refused(house.service.get("/stream/x", unpaid.open(INVOICE)), "lightning/challenge-expired", "expired")
    refused(house.service.get("/stream/x", unpaid.top_up(session)), "lightning/challenge-expired", "expired")
    assert house.service.get("/stream/x", more.top_up(session)).status == 200
    assert house.service.get("/stream/x", paid.open(INVOICE)).status == 200
    # What was opened in time goes on, and comes again as a request.
    assert left(house.service.get("/stream/x", session.bearer())) == 17000
    assert left(house.service.get("/stream/x", session.open(INVOICE))) == 15500


def test_without_the_plugin_sessions_that_are_open_go_on(house):
    house.start(services=SOLD.format(upstream=house.upstream.url))
    deposit = opened(house)
    house.gateway.stop()
    assert left(house.service.get("/stream/x", deposit.bearer())) == 7000
    assert house.service.get("/stream/x", ASKING).status == 503
    house.gateway.start()


# -- events ---------------------------------------------------------------------------------------------------------------


def stream(*parts, framing="chunked", kind="text/event-stream; charset=utf-8"):
    """An upstream that sends each part by itself."""

    def send(request, connection, _):
        length = f"Content-Length: {sum(map(len, parts))}" if framing == "length" else "Transfer-Encoding: chunked"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n" + (length + "\r\n" if framing != "until_eof" else "") + "\r\n"
        connection.sendall(head.encode())
        for part in parts:
            connection.sendall(b"%x\r\n%s\r\n" % (len(part), part) if framing == "chunked" else part)
            time.sleep(0.002)
        if framing == "chunked":
            connection.sendall(b"0\r\n\r\n")
        elif framing == "until_eof":
            raise Upstream.Hangup

    return send


def data(number):
    return b"data: %d\n\n" % number


def events_of(client):
    """Reads a chunked stream; yields each event as (name, data), and at the end "end" or "broken"."""
    buffer = b""
    while True:
        line = client.stream.readline()
        if not line:
            yield "broken", None
            return
        size = int(line, 16)
        buffer += client.stream.read(size)
        client.stream.readline()
        while b"\n\n" in buffer:
            event, buffer = buffer.split(b"\n\n", 1)
            fields = dict(one.split(": ", 1) for one in event.decode().split("\n") if not one.startswith(":"))
            if fields:
                yield fields.get("event", "message"), fields.get("data")
        if size == 0:
            yield "end", buffer
            return


@pytest.mark.parametrize("framing", ["chunked", "length", "until_eof"])
def test_events_are_paid_for_one_by_one_and_the_stream_ends_with_a_receipt(market, framing):
    market.upstream.routes["/events/x"] = stream(b": hello\n\n", data(1), data(2) + b"data: 3", b"\n\ndata: [DONE]\n\n", framing=framing)
    deposit = ask(market, "/events/x")
    assert (deposit.challenge.request["amount"], deposit.challenge.request["unitType"]) == ("1", "event")
    with market.service.client() as client:
        client.request("GET", "/events/x", deposit.open(INVOICE))
        head = client.head()
        assert (head.status, left(head), head.get("content-length")) == (200, 4000, None)
        seen = list(events_of(client))
        assert [name for name, _ in seen] == ["message"] * 3 + ["payment-receipt", "message", "end"]
        receipt = json.loads(seen[3][1])
        receipt.pop("timestamp")
        assert receipt == {"method": "lightning", "reference": deposit.hash, "status": "success", "spent": 3, "units": 3}
        assert seen[4][1] == "[DONE]"
        assert client.get("/events/y", deposit.bearer()).status == 200
    wait_for(lambda: spent(market, deposit) == 5000, "what was set aside and not needed is given back")


def test_a_stream_without_money_pauses_until_a_top_up_has_come(market):
    market.upstream.routes["/events/x"] = stream(*(data(number) for number in range(7)))
    deposit = opened(market, "/events/y")
    with market.service.client() as client:
        client.request("GET", "/events/x", deposit.bearer())
        assert client.head().status == 200
        events = events_of(client)
        assert [next(events)[1] for _ in range(3)] == ["0", "1", "2"]
        name, told = next(events)
        assert (name, json.loads(told)) == ("payment-need-topup", {"sessionId": deposit.hash, "balanceSpent": 5, "balanceRequired": 1})
        assert spent(market, deposit) == 5000
        assert market.service.get("/events/x", ask(market, "/events/x").top_up(deposit)).json() == {"status": "ok"}
        assert [name for name, _ in events] == ["message"] * 4 + ["payment-receipt", "end"]
    wait_for(lambda: spent(market, deposit) == 9000, "what was set aside and not needed is given back")
    assert market.service.get("/events/y", deposit.close()).json()["refundSats"] == 1


def test_a_stream_is_held_for_so_long_and_then_ends(market):
    market.upstream.routes["/events/x"] = stream(*(data(number) for number in range(9)))
    deposit = opened(market, "/events/y")
    with market.service.client() as client:
        client.request("GET", "/events/x", deposit.bearer())
        assert client.head().status == 200
        began = time.monotonic()
        seen = list(events_of(client))
        assert 1.9 < time.monotonic() - began < 8
        assert [name for name, _ in seen] == ["message"] * 3 + ["payment-need-topup", "session-timeout", "end"]
        assert client.ended()
    assert spent(market, deposit) == 5000


def test_closing_a_session_ends_its_streams(market):
    market.upstream.routes["/events/x"] = stream(*(data(number) for number in range(9)))
    deposit = opened(market, "/events/y")
    with market.service.client() as client:
        client.request("GET", "/events/x", deposit.bearer())
        assert client.head().status == 200
        events = events_of(client)
        while next(events)[0] != "payment-need-topup":
            pass
        began = time.monotonic()
        answer = market.service.get("/events/y", deposit.close())
        assert answer.json() == {"status": "closed", "refundSats": 0, "refundStatus": "skipped"}
        assert time.monotonic() - began < 1.9
        assert [name for name, _ in events][-1] == "end"


def paused(client, deposit, target="/metered/x"):
    """The events of a stream that waits for money."""
    client.request("GET", target, deposit.bearer())
    assert client.head().status == 200
    events = events_of(client)
    while next(events)[0] != "payment-need-topup":
        pass
    return events


def test_a_stream_without_money_goes_on_with_what_another_request_gives_back(market):
    asked, answer, end = threading.Event(), threading.Event(), threading.Event()

    def cheap(_, connection, __):
        asked.set()
        answer.wait(10)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Cost-Msat: 0\r\nContent-Length: 2\r\n\r\n")
        end.wait(10)
        connection.sendall(b"ok")

    market.upstream.routes["/metered/x"] = stream(*(data(number) for number in range(20)))
    market.upstream.routes["/metered/cheap"] = cheap
    deposit = opened(market, "/metered/y")
    other = threading.Thread(target=lambda: market.service.get("/metered/cheap", deposit.bearer()))
    other.start()
    assert asked.wait(10)
    with market.service.client() as client:
        events = paused(client, deposit)
        client.socket.settimeout(8)  # what it waits for otherwise is further away
        answer.set()
        assert next(events)[0] == "message"
    end.set()
    other.join(10)


def test_a_stream_without_money_ends_when_its_client_leaves(market):
    left = threading.Event()

    def send(_, connection, __):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"".join(data(number) for number in range(20)))
        connection.settimeout(8)
        if connection.recv(1) == b"":
            left.set()
        raise Upstream.Hangup

    market.upstream.routes["/metered/x"] = send
    deposit = opened(market, "/metered/y")
    client = market.service.client()
    paused(client, deposit)
    time.sleep(0.5)  # the wait lasts
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert left.wait(10)


def test_a_stream_without_money_ends_when_the_service_does(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    house.upstream.routes["/metered/x"] = stream(*(data(number) for number in range(20)))
    deposit = opened(house, "/metered/y")
    with service.client() as client:
        events = paused(client, deposit)
        client.socket.settimeout(8)
        service.signal(signal.SIGTERM)
        assert [name for name, _ in events] == ["session-timeout", "end"]
    service.stop(expect=0)


def test_the_cost_in_a_trailer_takes_the_place_of_the_price_for_events_too(market):
    def send(request, connection, _):
        body = b"".join(data(number) for number in range(2))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nTrailer: X-Cost-Msat\r\n\r\n")
        connection.sendall(b"%x\r\n%s\r\n0\r\nX-Cost-Msat: 2500\r\n\r\n" % (len(body), body))

    market.upstream.routes["/metered/x"] = send
    deposit = ask(market, "/metered/y")
    market.service.get("/metered/x", deposit.open(INVOICE))
    wait_for(lambda: spent(market, deposit) == 2500 + 2 * 1000, "its cost and two events")


@pytest.mark.parametrize("end", [b"data: last", b"data: last\n", b"data: last\r\r", b"id: 1\ndata: last"])
def test_an_event_that_no_blank_line_ends_is_paid_for_too(market, end):
    market.upstream.routes["/events/x"] = stream(data(1), end)
    deposit = ask(market, "/events/y")
    answer = market.service.get("/events/x", deposit.open(INVOICE))
    assert answer.body.startswith(data(1) + end) and b"\n\nevent: payment-receipt\n" in answer.body
    wait_for(lambda: spent(market, deposit) == 3000, "the price and two events")


def test_closing_a_session_ends_the_connections_that_it_opened(market):
    def echo(_, connection, stream):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        while line := stream.readline():
            connection.sendall(line)
        raise Upstream.Hangup

    market.upstream.routes["/stream/ws"] = echo
    deposit = opened(market)
    upgrade = {"Connection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    with market.service.client() as client:
        assert client.request("GET", "/stream/ws", {**upgrade, **deposit.bearer()}).read().status == 101
        client.send(b"there\n")
        assert client.stream.readline() == b"there\n"
        began = time.monotonic()
        assert market.service.get("/stream/x", deposit.close()).json()["status"] == "closed"
        assert time.monotonic() - began < 5
        assert client.ended()


def test_events_that_are_counted_come_unencoded(market):
    deposit = opened(market, "/events/x")
    market.service.get("/events/x", {**deposit.bearer(), "Accept-Encoding": "gzip"})
    assert market.upstream.last.get("accept-encoding") is None
    market.service.get("/stream/x", {**opened(market).bearer(), "Accept-Encoding": "gzip"})
    assert market.upstream.last.get("accept-encoding") == "gzip"


def test_what_is_no_stream_of_events_costs_its_price_alone(market):
    market.upstream.routes["/events/x"] = stream(data(1), data(2), kind="text/plain")
    deposit = opened(market, "/events/x")
    assert spent(market, deposit) == 1000


# -- the end ------------------------------------------------------------------------------------------------------------


FIGURES = [
    'l402_sessions_total{event="opened"}',
    'l402_sessions_total{event="topped_up"}',
    'l402_sessions_total{event="closed_by_client"}',
    'l402_refunds_total{result="succeeded"}',
    'l402_refunds_msat_total{result="succeeded"}',
    "l402_refund_fees_msat_total",
]


def test_closing_pays_back_what_is_left(market):
    before = [market.service.metric(name) for name in FIGURES]
    deposit, more = opened(market), ask(market)
    market.service.get("/stream/x", more.top_up(deposit))
    market.service.get("/stream/x", deposit.bearer())
    answer = market.service.get("/stream/x", deposit.close())
    assert (answer.status, answer.json()) == (200, {"status": "closed", "refundSats": 17, "refundStatus": "succeeded"})
    receipt = receipt_of(answer)
    assert (receipt["reference"], receipt["refundSats"], receipt["refundStatus"]) == (deposit.hash, 17, "succeeded")
    assert row(market, deposit) == (20000, "client", 3000, 17000, "succeeded", 3)
    grown = [market.service.metric(name) - was for name, was in zip(FIGURES, before)]
    assert grown == [1, 1, 1, 1, 17000, 3]
    assert market.service.metric('l402_rpc_duration_seconds_count{method="refund"}') > 0
    assert (sorted([deposit.hash, more.hash]), 17000, INVOICE) in [(sorted(d), m, i) for d, m, i in market.gateway.refunds]
    # Again is the same answer, and no second refund.
    again = market.service.get("/stream/x", deposit.close())
    assert (again.status, again.body, again.get("payment-receipt")) == (200, answer.body, answer.get("payment-receipt"))
    assert list(asked_for(market)).count(deposit.hash) <= 1
    for headers in (deposit.bearer(), deposit.open(INVOICE), ask(market).top_up(deposit), deposit.close(challenge=more.challenge)):
        refused(market.service.get("/stream/x", headers), "lightning/session-closed", "session_closed")
    # A top-up that came too late can open a session of its own.
    late = ask(market)
    refused(market.service.get("/stream/x", late.top_up(deposit)), "lightning/session-closed", "session_closed")
    assert market.service.get("/stream/x", late.open(INVOICE)).status == 200


def test_a_rest_below_a_satoshi_is_not_paid_back(market):
    market.upstream.routes["/stream/most"] = lambda *_: response(b"ok", headers=["X-Cost-Msat: 9001"])
    deposit = ask(market)
    market.service.get("/stream/most", deposit.open(INVOICE))
    answer = market.service.get("/stream/x", deposit.close())
    assert answer.json() == {"status": "closed", "refundSats": 0, "refundStatus": "skipped"}
    assert row(market, deposit)[2:5] == (9001, 999, "skipped")
    assert deposit.hash not in asked_for(market)


@pytest.mark.parametrize(
    "told, status, later",
    [
        ({"result": {"state": "failed", "amount_msat": 8500, "reason": "no route"}}, "failed", "failed"),
        ({"error": {"code": 4026, "message": "off: refunds are not allowed"}}, "failed", "failed"),
        ({"error": {"code": 4026, "message": "daily-limit: 5000 msat are left"}}, "pending", None),
        ({"result": {"state": "pending", "amount_msat": 8500}}, "pending", "succeeded"),
        ({"error": {"code": 4021, "message": "the node failed"}}, "pending", "succeeded"),
    ],
)
def test_pitfall_19_how_the_refund_stands_is_told_as_it_is(market, told, status, later):
    deposit = opened(market)
    market.gateway.refund_answer = told
    answer = market.service.get("/stream/x", deposit.close())
    assert answer.json() == {"status": "closed", "refundSats": 8, "refundStatus": status}
    market.gateway.refund_answer = None
    if later == "succeeded":
        wait_for(lambda: row(market, deposit)[4] == "succeeded", "the refund is asked for again", 20)
    # Whoever asks again has the plugin asked again, where it may pay yet.
    assert market.service.get("/stream/x", deposit.close()).json()["refundStatus"] == (later or "succeeded")
    refused(market.service.get("/stream/x", deposit.bearer()), "lightning/session-closed", "session_closed")


def test_a_refund_that_the_plugin_could_not_be_asked_for_is_asked_for_after_a_restart(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    deposit = opened(house)
    house.gateway.stop()
    answer = service.get("/stream/x", deposit.close())
    assert answer.json()["refundStatus"] == "pending"
    service.kill()
    house.gateway.start()
    service.start()
    wait_for(lambda: row(house, deposit)[4] == "succeeded", "the refund is asked for")
    assert house.gateway.refunds == {((deposit.hash,), 8500, INVOICE): 1}
    assert service.get("/stream/x", deposit.close()).json()["refundStatus"] == "succeeded"


def test_a_refund_that_failed_is_asked_for_again_after_a_restart(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    deposit, off = opened(house), opened(house)
    house.gateway.refund_answer = {"result": {"state": "failed", "amount_msat": 8500, "reason": "no route"}}
    assert service.get("/stream/x", deposit.close()).json()["refundStatus"] == "failed"
    house.gateway.refund_answer = {"error": {"code": 4026, "message": "off: refunds are not allowed"}}
    assert service.get("/stream/x", off.close()).json()["refundStatus"] == "failed"
    assert service.metric('l402_refunds_total{result="failed"}') == 2
    # Whoever asks again and again has the node try no faster.
    for _ in range(3):
        assert service.get("/stream/x", deposit.close()).json()["refundStatus"] == "failed"
    wait_for(lambda: service.metric("l402_refunds_pending") == 2, "both are owed yet")
    assert sorted(house.gateway.refunds.values()) == [1, 1]
    service.kill()
    house.gateway.refund_answer = None
    service.start()
    wait_for(lambda: row(house, deposit)[4] == row(house, off)[4] == "succeeded", "the refunds are asked for")
    assert service.get("/stream/x", deposit.close()).json()["refundStatus"] == "succeeded"
    wait_for(lambda: service.metric("l402_refunds_pending") == 0, "nothing is owed")


def test_a_refund_that_can_never_be_paid_is_not_asked_for_again(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    deposit = opened(house)
    house.gateway.refund_answer = {"error": {"code": 4026, "message": "bad-invoice: it has expired"}}
    assert service.get("/stream/x", deposit.close()).json()["refundStatus"] == "failed"
    time.sleep(1.2)
    assert service.metric("l402_refunds_pending") == 0


def test_a_close_waits_for_the_requests_that_are_under_way(market):
    asked, go = threading.Event(), threading.Event()

    def wait(*_):
        asked.set()
        go.wait(10)
        return response(b"ok", headers=["X-Cost-Msat: 100"])

    market.upstream.routes["/stream/wait"] = wait
    deposit = opened(market)
    answers = {}
    request = threading.Thread(target=lambda: answers.update(request=market.service.get("/stream/wait", deposit.bearer())))
    request.start()
    assert asked.wait(10)
    close = threading.Thread(target=lambda: answers.update(close=market.service.get("/stream/x", deposit.close())))
    close.start()
    time.sleep(0.2)
    refused(market.service.get("/stream/x", deposit.bearer()), "lightning/session-closed", "session_closed")
    go.set()
    request.join(10)
    close.join(10)
    assert answers["request"].status == 200
    assert answers["close"].json() == {"status": "closed", "refundSats": 8, "refundStatus": "succeeded"}
    assert row(market, deposit)[2:4] == (1600, 8400)


def test_of_ten_closes_at_once_one_pays_back(market):
    deposit = opened(market)
    challenges = [ask(market).challenge for _ in range(10)]
    answers = []
    threads = [threading.Thread(target=lambda c=c: answers.append(market.service.get("/stream/x", deposit.close(challenge=c)))) for c in challenges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answer.status for answer in answers) == [200] + [402] * 9
    assert [count for key, count in market.gateway.refunds.items() if key[0] == (deposit.hash,)] == [1]


def test_pitfall_21_an_idle_session_is_closed_and_paid_back(market):
    deposit = opened(market, "/brief/x")
    busy = opened(market, "/brief/x")
    for _ in range(4):
        time.sleep(0.6)
        assert market.service.get("/brief/x", busy.bearer()).status == 200
    wait_for(lambda: row(market, deposit)[4] == "succeeded", "the idle one is closed")
    assert row(market, deposit)[1:4] == ("idle", 1000, 4000)
    refused(market.service.get("/brief/x", deposit.bearer()), "lightning/session-closed", "session_closed")
    wait_for(lambda: row(market, busy)[4] == "skipped", "the other one, once it is idle too", 20)
    assert spent(market, busy) == 5000


def test_a_request_that_lasts_keeps_its_session_open(market):
    def slow(*_):
        time.sleep(2.5)
        return response(b"ok")

    market.upstream.routes["/brief/slow"] = slow
    deposit = ask(market, "/brief/x")
    assert market.service.get("/brief/slow", deposit.open(INVOICE)).status == 200
    assert market.service.get("/brief/x", deposit.bearer()).status == 200


def test_sessions_survive_restarts(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    deposit, gone = opened(house), opened(house)
    service.get("/stream/x", gone.close())
    for stop in (service.stop, service.kill):
        stop()
        service.start()
        assert service.get("/stream/x", deposit.bearer()).status == 200
        refused(service.get("/stream/x", gone.bearer()), "lightning/session-closed", "session_closed")
        refused(service.get("/stream/x", gone.open(INVOICE)), "lightning/session-closed", "session_closed")
    assert spent(house, deposit) == 4500
    assert service.get("/stream/x", deposit.close()).json()["refundSats"] == 5


def test_an_operator_sees_sessions_and_ends_one_by_revoking_its_deposit(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url), extra=section(house.folder))
    admin = Admin(service)
    deposit, more, gone = opened(house), ask(house), opened(house, "/north/x")
    service.get("/stream/x", more.top_up(deposit))
    service.get("/north/x", gone.close())
    page = admin.document("/v1/sessions?limit=1")
    (first,) = page["sessions"]
    assert (first["session"], first["service"], first["state"], first["closed_by"]) == (gone.hash, "poles", "closed", "client")
    assert first["refund"] == {"state": "succeeded", "amount_msat": 19000, "fee_msat": 3, "reason": None, "invoice": INVOICE}
    (second,) = admin.document(f"/v1/sessions?cursor={page['next_cursor']}")["sessions"]
    assert {key: second[key] for key in ("session", "scope", "state", "deposit_msat", "deposits", "spent_msat", "closed_at", "refund")} == {
        "session": deposit.hash,
        "scope": "stream",
        "state": "open",
        "deposit_msat": 20000,
        "deposits": 2,
        "spent_msat": 1500,
        "closed_at": None,
        "refund": None,
    }
    assert [one["session"] for one in admin.document("/v1/sessions?state=open&service=stream")["sessions"]] == [deposit.hash]
    assert admin.document("/v1/sessions?refund=failed")["sessions"] == []
    assert admin.get("/v1/sessions?state=ajar").status == 400

    assert admin.post(f"/v1/tokens/{deposit.hash}/revoke").status == 200
    refused(service.get("/stream/x", deposit.bearer()), "lightning/session-closed", "revoked")
    wait_for(lambda: row(house, deposit)[4] == "succeeded", "the rest is paid back")
    assert row(house, deposit)[1:4] == ("operator", 1500, 18500)
    # What is revoked while nobody runs is closed at the start.
    other = opened(house)
    service.kill()
    with sqlite3.connect(house.folder / "millrace.db") as database:
        database.execute("INSERT INTO revocations VALUES (?, '', 1)", (bytes.fromhex(other.hash),))
    service.start()
    wait_for(lambda: row(house, other)[4] == "succeeded", "the rest is paid back")


def test_no_credential_and_no_preimage_is_in_the_log(market):
    deposit = opened(market)
    market.service.get("/stream/x", deposit.close())
    text = market.service.log_file.read_text()
    assert deposit.preimage.hex() not in text
    assert json.dumps(INVOICE)[1:-1] not in text
    assert b64url(deposit.preimage) not in text


# -- what happens between payment and use ---------------------------------------------------------------------------------


def test_a_deposit_opens_its_session_though_the_price_has_risen_since(house):
    text = SOLD.format(upstream=house.upstream.url)
    cheap = 'price_msat = 1000\nschemes = ["payment"]\nsession = { offer'
    assert cheap in text
    service = house.start(services=text)
    deposit = ask(house, "/north/x")
    service.reload(house.config(services=text.replace(cheap, cheap.replace("1000", "1500"))))
    answer = service.get("/north/x", deposit.open(INVOICE))
    document = refused(answer, "payment-insufficient", "too_cheap")
    assert "bearer" in document["detail"] and house.upstream.requests == []
    fresh = Deposit(house, answer)
    served = service.get("/north/x", deposit.bearer(challenge=fresh.challenge))
    assert (served.status, left(served)) == (200, row(house, deposit)[0] - 1500)
    # The same again: it is open, and nothing is served for less.
    refused(service.get("/north/x", deposit.open(INVOICE)), "payment-insufficient", "too_cheap")
    assert service.get("/north/x", deposit.close()).json()["status"] == "closed"
    assert spent(house, deposit) == 1500


def test_revoking_any_deposit_of_a_session_ends_it(house):
    service = house.start(config=house.config(section(house.folder), SOLD.format(upstream=house.upstream.url)))
    admin = Admin(service)
    revoke = lambda deposit: admin.post(f"/v1/tokens/{deposit.hash}/revoke", {"reason": "stolen"}).status  # noqa: E731
    first, withdrawn, second = opened(house), ask(house), ask(house)
    assert revoke(withdrawn) == 200
    refused(service.get("/stream/x", withdrawn.top_up(first)), "lightning/session-closed", "revoked")
    assert service.get("/stream/x", first.bearer()).status == 200
    assert service.get("/stream/x", second.top_up(first)).status == 200
    assert revoke(second) == 200
    wait_for(lambda: service.get("/stream/x", first.bearer()).status != 200, "the session is closed")
    wait_for(lambda: row(house, first)[1] == "operator", "and says by whom")


def test_a_deposit_that_is_revoked_while_it_is_committed_ends_its_session(house):
    """Both wait for the store, the revocation first: who pays it in saw nothing of it."""
    service = house.start(config=house.config(section(house.folder), SOLD.format(upstream=house.upstream.url)))
    first, second = opened(house), ask(house)
    answers = {}
    revoke = threading.Thread(target=lambda: answers.update(revoke=Admin(service).post(f"/v1/tokens/{second.hash}/revoke")))
    top_up = threading.Thread(target=lambda: answers.update(top_up=service.get("/stream/x", second.top_up(first))))
    locker = Locker(house.folder / "millrace.db")
    try:
        revoke.start()
        time.sleep(0.5)
        top_up.start()
        time.sleep(0.5)
    finally:
        locker.release()
    for thread in (revoke, top_up):
        thread.join(30)
    assert answers["revoke"].status == 200
    refused(answers["top_up"], "lightning/session-closed", "revoked")
    wait_for(lambda: row(house, first)[1] == "operator", "the session is closed by the operator")


def test_paying_more_in_and_closing_are_no_use(house):
    text = SOLD.format(upstream=house.upstream.url).replace("realm = \"poles\"\ndescription", "limits = { per_token = \"1/h\" }\nrealm = \"poles\"\ndescription")
    service = house.start(services=text)
    first, more = opened(house, "/north/x"), ask(house, "/north/x")
    assert service.get("/north/x", first.bearer()).status == 429
    assert service.get("/north/x", more.top_up(first)).json() == {"status": "ok"}
    assert service.get("/north/x", first.close()).json()["status"] == "closed"
