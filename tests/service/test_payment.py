"""The Payment scheme: what a 402 offers, what a charge buys, and what every other credential is answered."""

import base64
import json
import sqlite3
import threading
import time

import pytest
from kit import invoices
from kit.payments import PROBLEMS, Challenge, b64url, canonical, from_b64url, receipt_of
from kit.service import wait_for
from kit.upstream import response

SOLD = """
[[service]]
name = "both"
path = "/both/"
upstream = "{upstream}"
price_msat = 2000
description = "Q&A, \\"quoted\\""
schemes = ["l402", "payment"]
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1500
schemes = ["payment"]
free = ["/charge/free"]
[[service]]
name = "cheap"
path = "/cheap/"
upstream = "{upstream}"
price_msat = 1
schemes = ["payment"]
[[service]]
name = "parts"
path = "/parts/"
upstream = "{upstream}"
price_msat = 1000
description = "{{method}} {{path}}, {{price}}"
schemes = ["l402", "payment"]
auth_only = ["/parts/members/"]
[[service.route]]
name = "dear"
path = "/parts/dear"
price_msat = 5000
[[service.route]]
name = "own"
path = "/parts/own"
scope = "route"
[[service]]
name = "trial"
path = "/trial/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
dry_run = true
"""


@pytest.fixture(scope="session")
def _market():
    from conftest import close_house, make_house

    made, name = make_house("payment")
    made.start(services=SOLD.format(upstream=made.upstream.url))
    yield made
    close_house(made, name)


@pytest.fixture
def market(_market):
    _market.upstream.routes.clear()
    return _market


class Charge:
    """A challenge as it was received, and the payment of its invoice."""

    def __init__(self, house, answer):
        self.challenge = Challenge.of_answer(answer)
        self.preimage = house.gateway.issued[self.challenge.payment_hash].preimage

    def headers(self):
        return self.challenge.headers(self.preimage)


def buy(house, target="/charge/x", service=None):
    return Charge(house, (service or house.service).get(target))


def refused(answer, problem, reason, status=402):
    """A refusal of its kind, and where it is a 402 with a fresh challenge."""
    document = answer.json()
    assert (answer.status, document["status"]) == (status, status)
    assert (document["type"], document["reason"]) == (PROBLEMS + problem, reason)
    assert document["title"] and document["detail"]
    assert answer.get("content-type") == "application/problem+json"
    assert answer.get("cache-control") == "no-store"
    assert not answer.all("payment-receipt")
    assert bool(answer.all("www-authenticate")) == (status == 402)
    return document


# -- what is offered --------------------------------------------------------------------------------------------------


def test_a_402_offers_what_is_accepted_for_one_invoice_l402_first(market):
    market.gateway.requests.clear()
    answer = market.service.get("/both/x")
    assert answer.status == 402
    lsat, l402, payment = answer.all("www-authenticate")
    assert (lsat[:5], l402[:5], payment[:8]) == ("LSAT ", "L402 ", "Payment ")
    challenge = Challenge.of_line(payment)
    assert challenge.request["methodDetails"]["invoice"] == lsat.split('"')[3]
    assert len([one for one in market.gateway.requests if one["method"] == "issue"]) == 1
    assert answer.json()["type"] == PROBLEMS + "payment-required"

    answer = market.service.get("/charge/x")
    assert [line.split()[0] for line in answer.all("www-authenticate")] == ["Payment"]
    answer = market.service.get("/weather/x")
    assert [line.split()[0] for line in answer.all("www-authenticate")] == ["LSAT", "L402"]


def test_the_challenge_is_what_the_drafts_ask_for(market):
    answer = market.service.get("/both/x", {"Host": "API.Example.com:8402"})
    challenge = Challenge.of_answer(answer)
    assert list(challenge.parameters) == ["id", "realm", "method", "intent", "request", "expires"]
    assert (challenge["realm"], challenge["method"], challenge["intent"]) == ("api.example.com", "lightning", "charge")
    token = market.gateway.issued[challenge.payment_hash]
    assert challenge.request == {
        "amount": "2",
        "currency": "sat",
        "description": 'Q&A, "quoted"',
        "externalId": "millrace:0:both:2000",
        "methodDetails": {"invoice": invoices.of_hash(token.payment_hash.hex()), "network": "regtest", "paymentHash": token.payment_hash.hex()},
    }
    assert from_b64url(challenge["request"]) == canonical(challenge.request)
    assert challenge["id"] == challenge.id_under(market.gateway.epochs[0])
    expires = time.mktime(time.strptime(challenge["expires"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(expires - (time.time() + 600)) < 10
    # Prices below a satoshi are rounded up, never down.
    assert Challenge.of_answer(market.service.get("/charge/x")).request["amount"] == "2"
    assert Challenge.of_answer(market.service.get("/cheap/x")).request["amount"] == "1"


@pytest.mark.parametrize(
    "accepts, both, alone",
    [
        ("lightning/charge", 3, 1),
        ("*/*", 3, 1),
        ("lightning/session;q=0.5, */charge;q=0.1", 3, 1),
        ("nonsense", 3, 1),
        ("lightning/charge;q=0", 2, 1),
        ("*/*, lightning/charge;q=0", 2, 1),
        ("tempo/charge", 2, 1),
        ("lightning/session", 2, 1),
    ],
)
def test_accept_payment_is_honoured_where_there_is_a_choice(market, accepts, both, alone):
    headers = {"Accept-Payment": accepts}
    assert len(market.service.get("/both/x", headers).all("www-authenticate")) == both
    assert len(market.service.get("/charge/x", headers).all("www-authenticate")) == alone


def test_a_browser_gets_a_page_where_a_token_is_sold_and_a_document_where_a_charge_is(market):
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = market.service.get("/both/x", browser)
    assert answer.get("content-type").startswith("text/html")
    first = Challenge.of_answer(answer)
    # The page of the same invoice again, with the same schemes.
    cookie = answer.get("set-cookie").split(";")[0]
    again = market.service.get("/both/x", {**browser, "Cookie": cookie})
    assert again.all("www-authenticate") == answer.all("www-authenticate")
    # Whoever pays by charge has used what the page sold.
    charge = Charge(market, again)
    market.gateway.settle(market.gateway.issued[first.payment_hash], amount_msat=2000)
    wait_for(lambda: market.service.get("/both/y", {**browser, "Cookie": cookie}).status == 200, "the payment opens the page")
    refused(market.service.get("/both/x", charge.headers()), "invalid-challenge", "token_used")

    answer = market.service.get("/charge/x", browser)
    assert answer.get("content-type") == "application/problem+json" and not answer.all("set-cookie")


def test_the_public_documents_say_what_is_sold_how(market):
    manifest = market.service.get("/.well-known/l402.json").json()
    names = {service["name"] for service in manifest["services"]}
    assert {"weather", "both"} <= names and not {"charge", "cheap"} & names
    paths = market.service.get("/openapi.json").json()["paths"]
    for path, schemes, amount in (("/weather/{path}", ["L402"], None), ("/both/{path}", ["L402", "Payment"], "2"), ("/charge/{path}", ["Payment"], "2")):
        operation = paths[path]["get"]
        info = operation["x-payment-info" if amount else "x-l402-info"]
        assert (info["schemes"], [offer["amount"] for offer in info.get("offers", [])]) == (schemes, [amount] if amount else [])
        # Readers of x-payment-info refuse one without an offer.
        assert ("x-payment-info" in operation) == bool(amount)
    # A token that opens nothing is not sold by quote.
    with market.service.client() as client:
        quote = json.dumps({"service": "charge", "mint": True}).encode()
        assert "macaroon" not in client.request("POST", "/l402/quote", {"Content-Type": "application/json"}, quote).read().json()


# -- what a charge buys -----------------------------------------------------------------------------------------------


def test_a_charge_buys_one_request_and_a_receipt(market):
    market.upstream.routes["/charge/x"] = lambda *_: response(
        b"hello\n", headers=["Payment-Receipt: forged", "Cache-Control: public, max-age=60", "X-Other: kept"]
    )
    charge = buy(market)
    answer = market.service.get("/charge/x?q=1", {**charge.headers(), "X-L402-Service": "forged"})
    assert (answer.status, answer.body) == (200, b"hello\n")
    receipt = receipt_of(answer)
    assert abs(time.time() - time.mktime(time.strptime(receipt.pop("timestamp"), "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 10
    assert receipt == {
        "status": "success",
        "method": "lightning",
        "reference": charge.challenge.payment_hash,
        "challengeId": charge.challenge["id"],
    }
    assert answer.all("cache-control") == ["private, max-age=60"]
    assert answer.get("x-other") == "kept"
    seen = market.upstream.last
    assert "authorization" not in seen.names() and charge.preimage.hex() not in seen.head.decode()
    assert (seen.get("x-l402-payment-hash"), seen.get("x-l402-service")) == (charge.challenge.payment_hash, "charge")
    assert "x-l402-token-id" not in seen.names()

    document = refused(market.service.get("/charge/y", charge.headers()), "invalid-challenge", "other_request")
    assert "buys one" in document["detail"]


def test_the_use_is_on_disk_before_the_upstream_is_asked(market):
    rows = []

    def look(*_):
        with sqlite3.connect(f"file:{market.folder}/millrace.db?mode=ro", uri=True) as database:
            rows.extend(database.execute("SELECT hex(payment_hash), challenge_id, service FROM consumed_charges WHERE payment_hash = ?",
                                         (bytes.fromhex(charge.challenge.payment_hash),)))
        return response(b"seen\n")

    market.upstream.routes["/charge/look"] = look
    charge = buy(market)
    assert market.service.get("/charge/look", charge.headers()).body == b"seen\n"
    assert rows == [(charge.challenge.payment_hash.upper(), charge.challenge["id"], "charge")]


def test_what_is_stricter_than_private_stays(market):
    market.upstream.routes["/charge/x"] = lambda *_: response(b"x", headers=["Cache-Control: No-Store"])
    assert market.service.get("/charge/x", buy(market).headers()).all("cache-control") == ["private, No-Store"]


@pytest.mark.parametrize("status", ["404 Not Found", "302 Found", "500 Oops"])
def test_only_a_success_has_a_receipt(market, status):
    market.upstream.routes["/charge/x"] = lambda *_: response(b"x", status, ["Payment-Receipt: forged"])
    answer = market.service.get("/charge/x", buy(market).headers())
    assert answer.status == int(status[:3])
    assert not answer.all("payment-receipt") and answer.all("cache-control") == ["private"]


def test_no_upstream_hands_out_receipts(market):
    market.upstream.routes["/weather/x"] = market.upstream.routes["/charge/free"] = lambda *_: response(b"x", headers=["payment-receipt: forged"])
    assert not market.service.get("/charge/free").all("payment-receipt")
    answer = market.service.get("/weather/x", market.paid().headers())
    assert answer.status == 200 and not answer.all("payment-receipt")


def test_a_free_path_takes_no_charge(market):
    charge = buy(market)
    answer = market.service.get("/charge/free", charge.headers())
    assert answer.status == 200 and not answer.all("payment-receipt")
    assert "authorization" not in market.upstream.last.names()
    assert market.service.get("/charge/x", charge.headers()).status == 200


def test_the_receipt_tells_when_the_payment_was_settled(market):
    charge = buy(market)
    market.gateway.settle(market.gateway.issued[charge.challenge.payment_hash], at=1_700_000_000)
    later = market.gateway.mint("weather")
    market.gateway.settle(later)
    wait_for(lambda: stored(market, "SELECT count(*) FROM settlements WHERE payment_hash = ?", later.payment_hash) == [(1,)], "the settlements are stored")
    assert receipt_of(market.service.get("/charge/x", charge.headers()))["timestamp"] == "2023-11-14T22:13:20Z"


def stored(house, query, *values):
    with sqlite3.connect(f"file:{house.folder}/millrace.db?mode=ro", uri=True) as database:
        return database.execute(query, values).fetchall()


# -- once -------------------------------------------------------------------------------------------------------------


def test_a_lost_response_may_be_asked_for_again_a_few_times_and_for_the_same_request_alone(market):
    charge = buy(market)
    for _ in range(4):  # the first, and three more
        answer = market.service.get("/charge/x?a=1", charge.headers())
        assert answer.status == 200
        assert receipt_of(answer)["challengeId"] == charge.challenge["id"]
    refused(market.service.get("/charge/x?a=1", charge.headers()), "invalid-challenge", "worn_out")
    for target in ("/charge/x?a=2", "/charge/x", "/charge/X?a=1"):
        refused(market.service.get(target, charge.headers()), "invalid-challenge", "other_request")
    with market.service.client() as client:
        answer = client.request("DELETE", "/charge/x?a=1", charge.headers()).read()
        refused(answer, "invalid-challenge", "other_request")


@pytest.mark.parametrize("method, body", [("POST", b"once"), ("POST", None), ("PATCH", b"x"), ("PUT", b"a body")])
def test_what_must_not_be_done_twice_is_done_once(market, method, body):
    charge = buy(market)
    with market.service.client() as client:
        assert client.request(method, "/charge/x", charge.headers(), body).read().status == 200
        asked = len(market.upstream.requests)
        document = refused(client.request(method, "/charge/x", charge.headers(), body).read(), "invalid-challenge", "not_repeatable")
        assert "idempotent" in document["detail"]
        assert len(market.upstream.requests) == asked


def test_a_tunnel_is_bought_once(market):
    charge = buy(market)
    upgrade = {**charge.headers(), "Connection": "upgrade", "Upgrade": "websocket"}
    assert market.service.get("/charge/x", upgrade).status == 200
    refused(market.service.get("/charge/x", upgrade), "invalid-challenge", "not_repeatable")


@pytest.mark.parametrize("method, admitted", [("POST", 1), ("GET", 4)])
def test_of_twenty_uses_at_once_one_is_the_first(market, method, admitted):
    charge = buy(market)
    asked = len(market.upstream.requests)
    clients = [market.service.client() for _ in range(20)]
    gate = threading.Barrier(20)
    answers = []

    def use(client):
        gate.wait()
        answers.append(client.request(method, "/charge/parallel", charge.headers()).read())

    threads = [threading.Thread(target=use, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for client in clients:
        client.close()
    statuses = [answer.status for answer in answers]
    assert (statuses.count(200), statuses.count(402)) == (admitted, 20 - admitted)
    assert len(market.upstream.requests) == asked + admitted
    reason = "not_repeatable" if method == "POST" else "worn_out"
    assert all(answer.json()["reason"] == reason for answer in answers if answer.status == 402)


def test_a_use_is_remembered_across_a_crash(house):
    services = SOLD.format(upstream=house.upstream.url)
    service = house.start(services=services)
    charge = buy(house)
    with service.client() as client:
        assert client.request("POST", "/charge/x", charge.headers()).read().status == 200
    service.kill()
    service.start()
    with service.client() as client:
        refused(client.request("POST", "/charge/x", charge.headers()).read(), "invalid-challenge", "not_repeatable")


def test_killed_at_any_moment_no_charge_is_used_twice(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    charges = []

    def post(charge):
        with service.client() as client:
            answer = client.request("POST", "/charge/x", charge.headers()).read()
            return answer and answer.status

    def post_all(some):
        for charge in some:
            try:
                post(charge)
            except OSError:
                pass  # the service was killed

    for number in range(6):
        some = [buy(house) for _ in range(12)]
        charges += some
        threads = [threading.Thread(target=post_all, args=(some[start::4],)) for start in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.002 * number)
        service.kill()
        for thread in threads:
            thread.join(30)
        service.start()
    again = [post(charge) for charge in charges]
    used = [request.get("x-l402-payment-hash") for request in house.upstream.requests]
    assert len(used) == len(set(used))
    # What was not used before the crash is good after it; everything else is on record.
    recorded = {row[0] for row in stored(house, "SELECT lower(hex(payment_hash)) FROM consumed_charges")}
    assert recorded == {charge.challenge.payment_hash for charge in charges}
    assert set(again) <= {200, 402}
    assert all(charge.challenge.payment_hash in used for charge, status in zip(charges, again) if status == 200)


def test_a_payment_is_used_as_a_charge_or_as_a_token_and_not_as_both(market):
    answer = market.service.get("/both/x")
    charge, token = Charge(market, answer), market.gateway.issued[Challenge.of_answer(answer).payment_hash]
    assert market.service.get("/both/x", charge.headers()).status == 200
    assert market.service.get("/both/x", token.headers()).json()["reason"] == "spent"

    answer = market.service.get("/both/x")
    charge, token = Charge(market, answer), market.gateway.issued[Challenge.of_answer(answer).payment_hash]
    assert market.service.get("/both/x", token.headers()).status == 200
    wait_for(lambda: stored(market, "SELECT 1 FROM first_uses WHERE payment_hash = ?", token.payment_hash), "the first use is stored")
    refused(market.service.get("/both/x", charge.headers()), "invalid-challenge", "token_used")
    assert market.service.get("/both/x", token.headers()).status == 200


def test_what_cannot_be_recorded_is_not_let_through(market):
    charge = buy(market)
    asked = len(market.upstream.requests)
    with sqlite3.connect(market.folder / "millrace.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = market.service.get("/charge/x", charge.headers())
        assert (answer.status, answer.get("retry-after")) == (503, "5")
        assert len(market.upstream.requests) == asked
        other.execute("ROLLBACK")
    other.close()
    assert market.service.get("/charge/x", charge.headers()).status == 200


# -- refusals ---------------------------------------------------------------------------------------------------------


def made(house, service="charge", price_msat=1500, expires=600, epoch_key=None, **changed):
    """A charge of our own making, under the gateway's key."""
    token = house.gateway.mint(service)
    key = epoch_key or house.gateway.epochs[0]
    return Challenge.made(0, key, token, service, price_msat, time.time() + expires, **changed), token.preimage


def test_a_charge_made_by_hand_is_as_good(market):
    challenge, preimage = made(market)
    assert market.service.get("/charge/x", challenge.headers(preimage)).status == 200


def bad_charges(house):
    good, preimage = made(house)
    yield "wrong preimage", good.headers(b"\x01" * 32), "lightning/invalid-preimage", "bad_preimage"
    yield "48 bytes of preimage", good.headers(b"\x01" * 48), "malformed-credential", "malformed"
    yield "changed realm", good.changed(realm="evil").headers(preimage), "invalid-challenge", "unknown_challenge"
    yield "changed id", good.changed(id="A" * 43).headers(preimage), "invalid-challenge", "unknown_challenge"
    yield "changed expiry", good.changed(expires="2099-01-01T00:00:00Z").headers(preimage), "invalid-challenge", "unknown_challenge"
    cheaper = b64url(canonical({**good.request, "externalId": "millrace:0:charge:1"}))
    yield "changed request", good.changed(request=cheaper).headers(preimage), "invalid-challenge", "unknown_challenge"
    challenge, other = made(house, epoch_key=b"\x07" * 32)
    yield "another node's key", challenge.headers(other), "invalid-challenge", "unknown_challenge"
    challenge, other = made(house, realm="other.example")
    yield "another host's", challenge.headers(other), "invalid-challenge", "wrong_realm"
    challenge, other = made(house, service="cheap", price_msat=1)
    yield "another service's, cheaper", challenge.headers(other), "invalid-challenge", "wrong_scope"
    challenge, other = made(house, price_msat=1499)
    yield "too cheap", challenge.headers(other), "payment-insufficient", "too_cheap"
    challenge, other = made(house, expires=-1)
    yield "just expired", challenge.headers(other), "payment-expired", "expired"
    challenge, other = made(house, expires=-3600)
    yield "long expired", challenge.headers(other), "payment-expired", "expired"
    for what, value in (("nothing", ""), ("not base64url", "!!!"), ("not JSON", "e29vcHN9"), ("no id", b64url(b'{"challenge":{},"payload":{}}'))):
        yield what, {"Authorization": "Payment " + value}, "malformed-credential", "malformed"


def test_every_bad_charge_is_refused_with_its_problem_and_a_fresh_challenge(market):
    for name, headers, problem, reason in bad_charges(market):
        answer = market.service.get("/charge/x", headers)
        try:
            refused(answer, problem, reason)
            # What is offered instead is good.
            assert market.service.get("/charge/x", Charge(market, answer).headers()).status == 200
        except AssertionError as error:
            raise AssertionError(f"{name}: {answer.status} {answer.body}") from error


def test_a_charge_for_a_cheaper_service_opens_no_dearer_one(market):
    charge = buy(market, "/cheap/x")
    refused(market.service.get("/charge/x", charge.headers()), "invalid-challenge", "wrong_scope")
    assert market.service.get("/cheap/x", charge.headers()).status == 200


def test_a_charge_opens_the_routes_that_it_pays_for(market):
    def use(bought_at, used_at):
        return market.service.get(used_at, buy(market, bought_at).headers())

    assert buy(market, "/parts/dear").challenge.request["amount"] == "5"
    refused(use("/parts/x", "/parts/dear"), "payment-insufficient", "too_cheap")
    assert use("/parts/dear", "/parts/x").status == 200
    # A route with tokens of its own has charges of its own.
    assert buy(market, "/parts/own").challenge.request["externalId"] == "millrace:0:parts/own:1000"
    assert use("/parts/own", "/parts/own").status == 200
    refused(use("/parts/own", "/parts/x"), "invalid-challenge", "wrong_scope")
    refused(use("/parts/dear", "/parts/own"), "invalid-challenge", "wrong_scope")


def test_a_charge_says_what_its_invoice_says(market):
    market.gateway.requests.clear()
    challenge = buy(market, "/parts/dear").challenge
    asked = [one["params"]["description"] for one in market.gateway.requests if one["method"] == "issue"]
    assert asked == [challenge.request["description"]]
    assert challenge.request["description"].startswith("GET /parts/dear, ")
    # What a request says stands in it, whatever characters that are.
    target = "/parts/caf%C3%A9/%22%E2%80%A8"
    charge = buy(market, target)
    assert charge.challenge.request["description"].startswith('GET /parts/café/"\u2028')
    assert market.service.get(target, charge.headers()).status == 200


def test_where_only_tokens_open_a_charge_does_not_and_none_is_sold(market):
    for target, headers in (("/parts/members/x", buy(market, "/parts/x").headers()), ("/parts/members/x", {})):
        answer = market.service.get(target, headers)
        assert answer.status == 401
        assert not any(line.startswith("Payment") for line in answer.all("www-authenticate"))


def test_a_service_on_trial_uses_no_charge_up(market):
    challenge, preimage = made(market, service="trial", price_msat=1000)
    for headers in ({}, challenge.headers(preimage), challenge.headers(b"\x01" * 32)):
        answer = market.service.get("/trial/x", headers)
        assert answer.status == 200 and not answer.all("payment-receipt")
        assert "authorization" not in market.upstream.last.names()
    assert stored(market, "SELECT count(*) FROM consumed_charges WHERE service = 'trial'") == [(0,)]


def test_methods_and_intents_that_are_not_sold_are_400(market):
    for changed, reason in (({"method": "tempo"}, "unsupported_method"), ({"intent": "session"}, "unsupported_intent")):
        challenge, preimage = made(market)
        refused(market.service.get("/charge/x", challenge.changed(**changed).headers(preimage)), "method-unsupported", reason, 400)


def test_a_credential_is_one(market):
    charge, token = buy(market, "/both/x"), market.paid("both")
    payment, l402 = charge.headers()["Authorization"], token.authorization()
    other = buy(market, "/both/x").headers()["Authorization"]

    def send(*values, extra=""):
        with market.service.client() as client:
            lines = "".join(f"Authorization: {value}\r\n" for value in values)
            return client.send(f"GET /both/x HTTP/1.1\r\nHost: test.example\r\n{lines}{extra}\r\n").read()

    asked = len(market.upstream.requests)
    assert send(payment, l402).status == 400
    assert send(l402, payment).status == 400
    assert send(payment, other).status == 400
    with_preimage = token.macaroon.copy().add("preimage=" + token.preimage.hex()).binary().hex()
    assert send(payment, extra=f"Macaroon: {with_preimage}\r\n").status == 400
    assert len(market.upstream.requests) == asked
    # The same twice is one; other headers of an application's own are none.
    assert send(payment, payment, extra="Token: abc\r\n").status == 200
    assert send(l402).status == 200


def test_a_scheme_that_is_not_offered_is_not_accepted(market):
    answer = market.service.get("/charge/x", market.paid("charge").headers())
    refused(answer, "payment-required", "scheme_not_accepted")
    assert [line.split()[0] for line in answer.all("www-authenticate")] == ["Payment"]

    challenge, preimage = made(market, service="weather", price_msat=1000)
    answer = market.service.get("/weather/x", challenge.headers(preimage))
    refused(answer, "payment-required", "scheme_not_accepted")
    assert [line.split()[0] for line in answer.all("www-authenticate")] == ["LSAT", "L402"]


def test_what_becomes_of_charges_is_counted(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    charge = buy(house)
    with service.client() as client:
        client.request("POST", "/charge/x", charge.headers()).read()
        client.request("POST", "/charge/x", charge.headers()).read()
        challenge, _ = made(house)
        client.get("/charge/x", challenge.headers(b"\x01" * 32))
        challenge, preimage = made(house, expires=-3600)
        client.get("/charge/x", challenge.headers(preimage))
    for result, count in (("ok", 1), ("spent", 1), ("bad_preimage", 1), ("expired", 1)):
        service.expect_metric(f'l402_auth_total{{resource="charge",result="{result}"}}', count)


def test_a_charge_that_has_to_wait_is_not_used_up(house):
    services = SOLD.format(upstream=house.upstream.url).replace('name = "charge"', 'name = "charge"\nlimits = { in_all = "1/s" }')
    service = house.start(services=services)
    charges = [buy(house) for _ in range(3)]

    def post(charge):
        with service.client() as client:
            return client.request("POST", "/charge/x", charge.headers()).read()

    answers = [post(charge) for charge in charges]
    assert {answer.status for answer in answers} == {200, 429}
    for charge, answer in zip(charges, answers):
        if answer.status == 429:
            wait_for(lambda: post(charge).status == 200, "the charge is good once its turn comes", 5)


# -- the world changes ------------------------------------------------------------------------------------------------


def test_a_charge_bought_before_the_price_rose_is_too_little_and_before_it_fell_enough(house):
    services = SOLD.format(upstream=house.upstream.url)
    service = house.start(services=services)
    before = buy(house), buy(house)
    service.reload(house.config(services=services.replace("price_msat = 1500", "price_msat = 1600")))
    document = refused(service.get("/charge/x", before[0].headers()), "payment-insufficient", "too_cheap")
    assert document["price_msat"] == 1600
    service.reload(house.config(services=services.replace("price_msat = 1500", "price_msat = 1400")))
    assert service.get("/charge/x", before[1].headers()).status == 200


def test_a_challenge_outlives_a_rotation_of_keys_and_not_their_retirement(house):
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    old = buy(house), buy(house)
    house.gateway.rotate()
    wait_for(lambda: buy(house).challenge.request["externalId"].startswith("millrace:1:"), "the new epoch signs")
    assert service.get("/charge/x", old[0].headers()).status == 200
    house.gateway.retire(0)
    wait_for(lambda: service.get("/charge/x", old[1].headers()).status == 402, "the retired epoch is forgotten")
    assert service.get("/charge/x", old[1].headers()).json()["reason"] == "unknown_challenge"
    assert service.get("/charge/x", buy(house).headers()).status == 200


def test_without_the_gateway_charges_that_were_bought_work_on(house):
    house.gateway.stop()
    service = house.start(services=SOLD.format(upstream=house.upstream.url), wait_ready=False)
    challenge, preimage = made(house)
    answer = service.get("/charge/x", challenge.headers(preimage))
    assert (answer.status, answer.get("retry-after")) == (503, "5")
    house.gateway.start()
    wait_for(service.ready, "the gateway is found")
    house.gateway.stop()
    service.expect_metric("l402_plugin_up", 0)
    assert service.get("/charge/x", challenge.headers(preimage)).status == 200
    # A refusal needs a challenge, and so the node.
    assert service.get("/charge/x", challenge.headers(b"\x01" * 32)).status == 503


@pytest.mark.parametrize("network, name", [("bitcoin", "mainnet"), ("signet", "signet"), ("testnet4", "testnet")])
def test_the_network_is_the_nodes(house, network, name):
    house.gateway.network = network
    house.start(services=SOLD.format(upstream=house.upstream.url))
    assert buy(house).challenge.request["methodDetails"]["network"] == name


def test_a_network_that_the_scheme_does_not_know_sells_by_l402_alone(house):
    house.gateway.network = "liquid"
    service = house.start(services=SOLD.format(upstream=house.upstream.url))
    assert [line.split()[0] for line in service.get("/both/x").all("www-authenticate")] == ["LSAT", "L402"]
    assert service.get("/charge/x").status == 503


def test_charges_are_found_in_base64_of_any_padding(market):
    charge = buy(market)
    token = base64.urlsafe_b64encode(json.dumps(charge.challenge.credential(charge.preimage)).encode()).decode()
    assert market.service.get("/charge/x", {"Authorization": f"payment   {token}"}).status == 200
