"""What a client meets: the 402, and what each credential is answered."""

import base64
import json
import time

import pytest
from kit.macaroons import Token, mac
from kit.service import wait_for


def test_a_request_without_credential_gets_402_with_the_lines_that_every_client_parses(shared):
    answer = shared.service.get("/weather/today")
    assert answer.status == 402
    assert answer.reason == "Payment Required"
    assert answer.get("cache-control") == "no-store"
    assert answer.get("content-type") == "application/problem+json"
    lsat, l402 = answer.all("www-authenticate")
    token = base64.b64encode(base64.b64decode(lsat.split('"')[1])).decode()
    invoice = lsat.split('"')[3]
    assert lsat == f'LSAT macaroon="{token}", invoice="{invoice}"'
    assert l402 == f'L402 macaroon="{token}", invoice="{invoice}", version="0", token="{token}"'
    problem = answer.json()
    assert problem["type"] == "https://paymentauth.org/problems/payment-required"
    assert problem["title"] == "Payment Required"
    assert (problem["status"], problem["reason"], problem["price_msat"]) == (402, "no_credential", 1000)
    assert problem["detail"]


def test_each_402_has_an_invoice_of_its_own_for_the_price_and_description_of_the_service(shared):
    shared.gateway.requests.clear()
    first = shared.service.get("/weather/admin/x")
    second = shared.service.get("/weather/admin/x")
    assert first.all("www-authenticate") != second.all("www-authenticate")
    issues = [request["params"] for request in shared.gateway.requests if request["method"] == "issue"]
    assert len(issues) == 2
    assert all((one["amount_msat"], one["service"], one["description"]) == (9000, "admin", "the keys to the house") for one in issues)


def test_a_paid_token_is_served_and_the_upstream_learns_who_paid_but_not_with_what(shared):
    token = shared.paid()
    headers = {
        **token.headers(),
        "Macaroon": token.macaroon.binary().hex(),
        "X-L402-Token-Id": "forged",
        "X_L402_Payment_Hash": "forged",
        "X-L402-Service": "admin",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil",
        "Forwarded": "for=6.6.6.6",
        "X-Real-IP": "6.6.6.6",
        "X-Other": "kept",
    }
    answer = shared.service.get("/weather/today?q=1", headers)
    assert (answer.status, answer.body) == (200, b"hello\n")
    seen = shared.upstream.last
    assert (seen.method, seen.target) == ("GET", "/weather/today?q=1")
    for name in ("authorization", "macaroon", "forwarded", "x-real-ip", "x_l402_payment_hash"):
        assert name not in seen.names()
    assert token.preimage.hex() not in seen.head.decode()
    assert [value for key, value in seen.fields if key.lower() == "x-l402-token-id"] == [token.token_id.hex()]
    assert seen.get("x-l402-payment-hash") == token.payment_hash.hex()
    assert seen.get("x-l402-service") == "weather"
    assert [value for key, value in seen.fields if key.lower() == "x-forwarded-for"] == ["127.0.0.1"]
    assert (seen.get("x-forwarded-proto"), seen.get("x-forwarded-host")) == ("http", "test.example")
    assert (seen.get("host"), seen.get("x-other")) == ("test.example", "kept")


def test_an_authorization_that_is_not_l402_reaches_the_upstream_and_is_no_credential(shared):
    assert shared.service.get("/weather/x", {"Authorization": "Bearer abc"}).status == 402
    assert shared.service.get("/weather/health", {"Authorization": "Bearer abc"}).status == 200
    assert shared.upstream.last.get("authorization") == "Bearer abc"


def test_a_free_path_needs_nothing_and_its_credential_still_goes_no_further(shared):
    token = shared.paid()
    assert shared.service.get("/weather/health", token.headers()).status == 200
    assert "authorization" not in shared.upstream.last.names()
    assert shared.service.get("/weather/public/a/b").status == 200
    assert shared.service.get("/weather/healthy").status == 402


def flavours(token):
    lower, upper = token.preimage.hex(), token.preimage.hex().upper()
    binary = token.macaroon.binary()
    standard = token.macaroon.base64()
    url_safe = base64.urlsafe_b64encode(binary).decode()
    with_preimage = token.macaroon.copy().add("preimage=" + lower)
    yield "as issued", {"Authorization": f"L402 {standard}:{lower}"}
    yield "lsat", {"Authorization": f"LSAT {standard}:{lower}"}
    yield "scheme in lower case", {"Authorization": f"l402 {standard}:{lower}"}
    yield "upper-case preimage", {"Authorization": f"L402 {standard}:{upper}"}
    yield "url-safe base64", {"Authorization": f"L402 {url_safe}:{lower}"}
    yield "without padding", {"Authorization": f"L402 {standard.rstrip('=')}:{lower}"}
    yield "with the preimage caveat of lnget", {"Authorization": f"L402 {with_preimage.base64()}:{lower}"}
    yield "attenuated", {"Authorization": f"L402 {token.macaroon.copy().add('services=weather:0').base64()}:{lower}"}
    yield "unknown caveat", {"Authorization": f"L402 {token.macaroon.copy().add('colour=green').base64()}:{lower}"}
    for name in ("Macaroon", "Token", "Grpc-Metadata-Macaroon", "Grpc-Metadata-Token"):
        yield name, {name: with_preimage.binary().hex()}


def test_every_flavour_of_a_credential_is_accepted_and_none_is_forwarded(shared):
    token = shared.paid()
    for name, headers in flavours(token):
        for _ in range(2):  # the second time out of the cache
            assert shared.service.get("/weather/x", headers).status == 200, name
            assert not set(headers) & {key for key, _ in shared.upstream.last.fields}, name


def refusals(house):
    gateway = house.gateway
    good = house.paid()
    yield "malformed", {"Authorization": "L402 nonsense"}
    yield "malformed", {"Authorization": f"L402 {good.macaroon.base64()}:abcd"}
    yield "bad_preimage", {"Authorization": f"L402 {good.macaroon.base64()}:{'00' * 32}"}
    forged = Token(0, b"\x00" * 32, "weather")
    yield "bad_signature", forged.headers()
    yield "unknown_key", Token(7, gateway.epochs[0], "weather").headers()
    yield "wrong_scope", house.paid("admin").headers()
    widened = house.paid()
    widened.macaroon.add("services=weather:0,admin:0")
    yield "widened", widened.headers()
    late = house.paid()
    late.macaroon.add(f"weather_valid_until={int(time.time()) - 5}")
    yield "expired", late.headers()
    third = house.paid()
    third.macaroon.caveats = [b"x"]
    yield "bad_signature", third.headers()


def test_a_refused_credential_gets_402_with_a_fresh_challenge_and_the_reason(shared):
    for reason, headers in refusals(shared):
        answer = shared.service.get("/weather/x", headers)
        assert (answer.status, answer.json()["reason"]) == (402, reason)
        assert len(answer.all("www-authenticate")) == 2


def test_two_different_credentials_are_400_and_identical_ones_are_one(shared):
    first, second = shared.paid(), shared.paid()
    with shared.service.client() as client:
        two = f"Authorization: {first.authorization()}\r\nAuthorization: {second.authorization()}\r\n"
        assert client.send(f"GET /weather/x HTTP/1.1\r\nHost: a\r\n{two}\r\n").read().status == 400
        same = f"Authorization: {first.authorization()}\r\nAuthorization: {first.authorization('LSAT')}\r\n"
        assert client.send(f"GET /weather/x HTTP/1.1\r\nHost: a\r\n{same}\r\n").read().status == 200


def test_a_token_works_for_its_time_from_settlement_and_then_asks_for_payment(house):
    service = house.start(services=f'[[service]]\nname="short"\npath="/short/"\nupstream="{house.upstream.url}"\nprice_msat=1\ntimeout="3s"')
    token = house.gateway.mint("short")
    house.gateway.settle(token, at=time.time() - 100)
    service.expect_metric('l402_tokens_paid_total{resource="short"}', 1)
    answer = service.get("/short/x", token.headers())
    assert (answer.status, answer.json()["reason"]) == (402, "expired")

    token = house.gateway.mint("short")
    house.gateway.settle(token, at=time.time())
    service.expect_metric('l402_tokens_paid_total{resource="short"}', 2)
    with service.client() as client:
        assert client.get("/short/x", token.headers()).status == 200
        time.sleep(3.2)
        assert client.get("/short/x", token.headers()).json()["reason"] == "expired"


def test_without_a_settlement_the_clock_starts_at_the_first_use_and_a_settlement_heard_of_later_moves_it(house):
    service = house.start()
    token = house.paid(settled=False)
    with service.client() as client:
        assert client.get("/weather/x", token.headers()).status == 200
        service.expect_metric("l402_tokens_first_used_total", 1)
        assert client.get("/weather/x", token.headers()).status == 200
        # It turns out that it was paid more than an hour ago: the time bought is over, cache or not.
        house.gateway.settle(token, at=time.time() - 3700)
        service.expect_metric('l402_tokens_paid_total{resource="weather"}', 1)
        assert client.get("/weather/x", token.headers()).json()["reason"] == "expired"
    service.expect_metric("l402_tokens_first_used_total", 1)


def test_what_is_paid_survives_kill_and_restart_and_so_does_when_its_clock_started(house):
    short = f'[[service]]\nname="short"\npath="/short/"\nupstream="{house.upstream.url}"\nprice_msat=1\ntimeout="3s"'
    service = house.start(services=short)
    settled, unsettled, short_lived = house.paid(), house.paid(settled=False), house.gateway.mint("short")
    began = time.monotonic()
    for token, path in ((settled, "/weather/x"), (unsettled, "/weather/x"), (short_lived, "/short/x")):
        assert service.get(path, token.headers()).status == 200
    service.kill()  # as the last answer has arrived: what it depended on must be on disk
    missed = house.paid()  # while it is down
    service.start()
    for token in (settled, unsettled, missed):
        assert service.get("/weather/x", token.headers()).status == 200
    time.sleep(max(0.0, began + 4.2 - time.monotonic()))
    assert service.get("/short/x", short_lived.headers()).json()["reason"] == "expired"
    # Settlements were asked for from where the store ends, and none was counted twice.
    assert house.gateway.subscriptions == [1, 2]
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 1)


def test_rotated_keys_verify_on_and_retired_ones_do_not(house):
    service = house.start()
    old = house.paid()
    with service.client() as client:
        assert client.get("/weather/x", old.headers()).status == 200
        house.gateway.rotate()
        new = house.paid()
        wait_for(lambda: client.get("/weather/x", new.headers()).status == 200, "the new epoch is known")
        assert client.get("/weather/x", old.headers()).status == 200
        house.gateway.retire(0)
        wait_for(lambda: client.get("/weather/x", old.headers()).status == 402, "the retired epoch is forgotten, cache or not")
        assert client.get("/weather/x", old.headers()).json()["reason"] == "unknown_key"
        assert client.get("/weather/x", new.headers()).status == 200


def test_without_the_gateway_tokens_work_on_and_challenges_are_503(house):
    house.gateway.stop()
    service = house.start(wait_ready=False)
    # The keys have never been known: nothing can be said about a token.
    answer = service.get("/weather/x", house.paid().headers())
    assert (answer.status, answer.get("retry-after")) == (503, "5")
    assert service.get("/weather/x").status == 503
    assert service.get("/weather/health").status == 200
    assert service.monitor("/readyz")[0] == 503
    assert service.monitor("/healthz")[0] == 200

    house.gateway.start()
    wait_for(service.ready, "the gateway is found")
    token, unused = house.paid(), house.paid()
    assert service.get("/weather/x", token.headers()).status == 200
    house.gateway.stop()
    service.expect_metric("l402_plugin_up", 0)
    assert service.get("/weather/x", token.headers()).status == 200
    assert service.get("/weather/x", unused.headers()).status == 200
    answer = service.get("/weather/x")
    assert (answer.status, answer.get("retry-after")) == (503, "5")
    assert service.monitor("/readyz")[0] == 503

    house.gateway.start()
    wait_for(service.ready, "the gateway is found again")
    assert service.get("/weather/x").status == 402


def test_the_limit_of_the_node_is_429(house):
    service = house.start()
    house.gateway.refuse_with = (4020, "200 challenges a second are issued already")
    answer = service.get("/weather/x")
    assert (answer.status, answer.get("retry-after")) == (429, "1")
    house.gateway.refuse_with = (4021, "lightningd did not answer")
    assert service.get("/weather/x").status == 503
    service.expect_metric('l402_challenges_total{resource="weather",result="rate_limited"}', 1)
    service.expect_metric('l402_challenges_total{resource="weather",result="invoice_error"}', 1)


def test_challenges_asked_for_at_one_time_travel_together(shared):
    shared.gateway.requests.clear()
    clients = [shared.service.client() for _ in range(64)]
    for _ in range(5):
        for client in clients:
            client.request("GET", "/weather/x")
        answers = [client.read() for client in clients]
        assert all(answer.status == 402 for answer in answers)
        assert len({answer.get("www-authenticate") for answer in answers}) == 64
    for client in clients:
        client.close()
    assert any("batch" in request["params"] for request in shared.gateway.requests)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_method_has_to_be_paid(shared, method):
    with shared.service.client() as client:
        answer = client.request(method, "/weather/x").read()
        assert answer.status == 402
        assert len(answer.all("www-authenticate")) == 2
        assert client.request(method, "/weather/x", shared.paid().headers()).read().status == 200
        assert shared.upstream.last.method == method


def test_a_402_to_a_small_body_leaves_the_connection_usable_and_to_a_large_one_ends_it(shared):
    with shared.service.client() as client:
        assert client.request("POST", "/weather/x", body=b"x" * 2000).read().status == 402
        assert client.get("/weather/health").status == 200
        answer = client.request("POST", "/weather/x", body=b"x" * 1_000_000).read()
        assert (answer.status, answer.get("connection")) == (402, "close")
    with shared.service.client() as client:
        answer = client.request("POST", "/weather/x", {"Expect": "100-continue", "Content-Length": "10"}).read(interim=True)
        assert (answer.status, answer.get("connection")) == (402, "close")
        assert client.ended()


def test_a_problem_is_json_whatever_the_status(shared):
    for target, status in (("/nothing", 404), ("/weather/%2e%2e/x", 400)):
        answer = shared.service.get(target)
        assert (answer.status, json.loads(answer.body)["status"]) == (status, status)
