"""Tokens through the admin API: found, listed, given away; and what a revocation ends while it is under way."""

import json
import threading
import time

import pytest
from kit.admin import READ, WRITE, Admin, section
from kit.payments import Challenge
from kit.service import wait_for

SOLD = """
[[service]]
name = "three"
path = "/three/"
upstream = "{upstream}"
price_msat = 1000
uses = 3
[[service]]
name = "balance"
path = "/balance/"
upstream = "{upstream}"
price_msat = 100
credit_msat = 1000
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1500
schemes = ["payment"]
[[service]]
name = "parts"
path = "/parts/"
upstream = "{upstream}"
price_msat = 1000
[[service.route]]
name = "own"
path = "/parts/own"
price_msat = 7000
scope = "route"
[[service.route]]
name = "dear"
path = "/parts/dear"
price_msat = 9000
[[service]]
name = "kinds"
path = "/kinds/"
upstream = "{upstream}"
price_msat = 1000
[[service.route]]
name = "high"
path = "/kinds/high"
min_tier = 2
[[service.tier]]
name = "low"
tier = 1
[[service.tier]]
name = "high"
tier = 2
uses = 2
[[service]]
name = "north"
path = "/north/"
realm = "compass"
upstream = "{upstream}"
price_msat = 1000
[[service]]
name = "south"
path = "/south/"
realm = "compass"
upstream = "{upstream}"
price_msat = 1000
"""


@pytest.fixture
def running(house):
    service = house.start(section(house.folder), SOLD.format(upstream=house.upstream.url))
    return service, Admin(service, token=WRITE)


def grant(admin, **wish):
    answer = admin.post("/v1/tokens", {"reason": "a test", **wish})
    assert answer.status == 201, answer.body
    made = answer.json()
    return made, {"Authorization": made["authorization"]}


def test_a_token_that_is_given_away_opens_its_service_and_is_no_revenue(house, running):
    service, admin = running
    made, headers = grant(admin, service="weather")
    assert made["authorization"] == f"L402 {made['token']}:{made['preimage']}"
    assert service.get("/weather/x", headers).status == 200
    assert service.get("/parts/x", headers).json()["reason"] == "wrong_scope"
    service.kill()
    service.start()
    admin = Admin(service, token=WRITE)
    assert service.get("/weather/x", headers).status == 200
    for id_ in (made["payment_hash"], made["token_id"]):
        shown = admin.document("/v1/tokens/" + id_)
        assert shown["grant"] == {key: made[key] for key in ("payment_hash", "token_id", "service", "route", "uses", "granted_at", "ends_at", "reason")}
        assert shown["service"] == "weather" and shown["settlement"] is None and shown["first_used_at"]
    assert admin.document("/v1/settlements")["settlements"] == []
    row, = admin.document("/v1/stats")["stats"]
    assert (row["service"], row["count"], row["amount_received_msat"], row["grants"], row["first_uses"]) == ("weather", 0, 0, 1, 1)
    assert not [series for series, value in service.metrics().items() if "revenue" in series and value]
    grant(admin, service="weather")
    service.expect_metric("l402_tokens_granted_total", 1)
    audit = admin.document("/v1/audit")["audit"]
    assert [row["action"] for row in audit] == ["grant", "grant"] and audit[1]["subject"] == made["payment_hash"]
    assert json.loads(audit[1]["detail"])["reason"] == "a test"
    secrets = (made["preimage"], made["token"])
    texts = service.log_file.read_text() + json.dumps(audit) + json.dumps(admin.document("/v1/tokens/" + made["token_id"]))
    assert not any(secret in texts for secret in secrets)
    assert not any(bytes.fromhex(made["preimage"]) in file.read_bytes() for file in house.folder.glob("millrace.db*"))


def test_the_clock_of_a_grant_starts_when_it_is_given_and_ends_when_it_says(house, running):
    service, admin = running
    made, headers = grant(admin, service="weather", expires_in=2)
    assert made["ends_at"] == made["granted_at"] + 2
    assert service.get("/weather/x", headers).status == 200
    wait_for(lambda: service.get("/weather/x", headers).status == 402, "its time is over")
    assert service.get("/weather/x", headers).json()["reason"] == "expired"
    longer, headers = grant(admin, service="weather", expires_in="30d")  # the service sells an hour
    assert longer["ends_at"] == longer["granted_at"] + 30 * 86400
    assert service.get("/weather/x", headers).status == 200


def test_uses_and_balances_of_a_grant_are_counted_as_those_of_any_token(house, running):
    service, admin = running
    for wish, path, times in (
        ({"service": "three"}, "/three/x", 3),
        ({"service": "three", "uses": 5}, "/three/x", 5),
        ({"service": "weather", "uses": 2}, "/weather/x", 2),
        ({"service": "balance"}, "/balance/x", 10),
    ):
        made, headers = grant(admin, **wish)
        answers = [service.get(path, headers) for _ in range(times + 1)]
        assert [answer.status for answer in answers] == [200] * times + [402], wish
        if "uses" in wish:
            assert answers[0].get("x-l402-remaining-uses") == str(wish["uses"] - 1)
        usage = admin.document("/v1/tokens/" + made["token_id"])["usage"]
        if wish["service"] == "balance":
            assert (usage["spent_msat"], usage["balance_msat"], usage["uses_left"]) == (1000, 0, None)
        else:
            assert (usage["uses"], usage["uses_left"], usage["balance_msat"]) == (times, 0, None)


def test_a_grant_may_be_for_a_route_or_a_realm_and_pays_any_price_unless_told(house, running):
    service, admin = running
    _, headers = grant(admin, service="parts", route="own")
    assert service.get("/parts/own", headers).status == 200 and service.get("/parts/x", headers).json()["reason"] == "wrong_scope"
    _, headers = grant(admin, service="parts")
    assert service.get("/parts/dear", headers).status == 200 and service.get("/parts/own", headers).status == 402
    _, headers = grant(admin, service="parts", max_price_msat=1000)
    assert service.get("/parts/x", headers).status == 200 and service.get("/parts/dear", headers).json()["reason"] == "underpaid"
    for name in ("compass", "north"):
        made, headers = grant(admin, service=name)
        assert made["service"] == "compass"
        assert service.get("/north/x", headers).status == 200 and service.get("/south/x", headers).status == 200


def test_what_cannot_be_granted_is_refused_with_a_reason(house, running):
    service, admin = running
    for wish, status, said in (
        ({"service": "nothing"}, 404, "no service and no realm"),
        ({"service": "parts", "route": "nothing"}, 404, "has no route"),
        ({"service": "parts", "route": "dear"}, 409, "no tokens of its own"),
        ({"service": "charge"}, 409, "takes no L402 tokens"),
        ({"service": "weather", "uses": 0}, 400, "at least 1"),
        ({"service": "weather", "expires_in": 0}, 400, "expires_in"),
        ({"service": "weather", "expires_in": "soon"}, 400, "expires_in"),
        ({"service": "weather", "expires_in": 4_000_000_000}, 400, "a hundred years"),
        ({"service": "weather", "colour": "red"}, 400, "colour"),
        ({"service": "weather", "reason": ""}, 400, "must say why"),
        ({}, 400, "service"),
    ):
        answer = admin.post("/v1/tokens", {"reason": "a test", **wish})
        assert answer.status == status and said in answer.json()["detail"], (wish, answer.body)
    assert admin.post("/v1/tokens", {"service": "weather", "reason": "x"}, token=READ).status == 403
    assert admin.document("/v1/audit")["audit"] == []


def test_without_keys_nothing_is_granted(house):
    house.gateway.stop()
    service = house.start(section(house.folder), wait_ready=False)
    answer = Admin(service).post("/v1/tokens", {"service": "weather", "reason": "x"})
    assert answer.status == 503 and "keys are not known" in answer.json()["detail"]
    house.gateway.start()


def test_a_grant_is_under_the_key_that_signs_now_and_is_revoked_like_any_token(house, running):
    service, admin = running
    house.gateway.rotate()
    wait_for(lambda: grant(admin, service="weather")[0]["token_id"].startswith("0001"), "the new key is known")
    made, headers = grant(admin, service="weather")
    assert service.get("/weather/x", headers).status == 200
    assert admin.post(f"/v1/tokens/{made['token_id']}/revoke", {"reason": "enough"}).json()["payment_hash"] == made["payment_hash"]
    assert service.get("/weather/x", headers).json()["reason"] == "revoked"
    assert admin.post(f"/v1/tokens/{made['payment_hash']}/restore").json()["changed"]
    assert service.get("/weather/x", headers).status == 200


def test_a_token_is_found_by_its_id_once_it_was_used(house, running):
    service, admin = running
    token = house.paid("three")
    id_ = token.token_id.hex()
    missing = admin.get("/v1/tokens/" + id_)
    assert missing.status == 404 and "by its payment hash" in missing.json()["detail"]
    assert service.get("/three/x", token.headers()).status == 200
    wait_for(lambda: admin.get("/v1/tokens/" + id_).status == 200, "the first use is stored")
    shown = admin.document("/v1/tokens/" + id_)
    assert shown == admin.document("/v1/tokens/" + token.payment_hash.hex())
    assert shown["token_id"] == id_ and shown["settlement"]["amount_msat"] == 1000 and shown["charge"] is None
    assert (shown["usage"]["uses"], shown["usage"]["uses_left"]) == (1, 2)


def test_tokens_that_were_used_are_listed_newest_first_and_paged(house, running):
    service, admin = running
    tokens = [house.paid("weather") for _ in range(7)] + [house.paid("three")]
    for token in tokens:
        assert service.get(f"/{token.service}/x", token.headers()).status == 200
    wait_for(lambda: len(admin.document("/v1/tokens")["tokens"]) == 8, "the first uses are stored")
    everything = admin.document("/v1/tokens")
    assert everything["next_cursor"] is None
    rows, cursor = [], ""
    while cursor is not None:
        page = admin.document("/v1/tokens?limit=3" + (f"&cursor={cursor}" if cursor else ""))
        rows, cursor = rows + page["tokens"], page["next_cursor"]
    assert rows == everything["tokens"]
    assert [row["first_used_at"] for row in rows] == sorted((row["first_used_at"] for row in rows), reverse=True)
    assert {row["token_id"] for row in rows} == {token.token_id.hex() for token in tokens}
    three, = admin.document("/v1/tokens?service=three")["tokens"]
    assert (three["uses"], three["granted"], three["revoked"]) == (1, False, False)
    for cursor in ("x", "5-", "5-xyz", "-" + "0" * 64):
        assert admin.get("/v1/tokens?cursor=" + cursor).status == 400


def test_a_revoked_payment_is_no_charge_either(house, running):
    service, admin = running
    answer = service.get("/charge/x")
    challenge = Challenge.of_answer(answer)
    invoice = challenge.payment_hash
    token = house.gateway.issued[invoice]
    house.gateway.settle(token)
    assert admin.post(f"/v1/tokens/{invoice}/revoke").status == 200
    headers = challenge.headers(token.preimage)
    refused = service.get("/charge/x", headers)
    assert refused.status == 402 and refused.json()["reason"] == "revoked"
    assert admin.post(f"/v1/tokens/{invoice}/restore").status == 200
    assert service.get("/charge/x", headers).status == 200


def test_a_revocation_ends_a_tunnel_and_a_long_answer_within_two_seconds(house, running):
    service, admin = running
    hung_up = threading.Event()

    def tunnel(request, connection, stream):
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while piece := connection.recv(100):
            connection.sendall(piece)
        hung_up.set()
        raise house.upstream.Hangup

    def endless(request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                connection.sendall(b"1\r\nx\r\n")
                time.sleep(0.02)
        except OSError:
            raise house.upstream.Hangup from None

    house.upstream.routes["/weather/tunnel"] = tunnel
    house.upstream.routes["/weather/endless"] = endless
    revoked, other = house.paid(), house.paid()
    with service.client() as open_, service.client() as kept, service.client() as long_:
        for client, token in ((open_, revoked), (kept, other)):
            client.request("GET", "/weather/tunnel", {**token.headers(), "Connection": "Upgrade", "Upgrade": "websocket"})
            assert client.head().status == 101
            client.send(b"ping")
            assert client.stream.read(4) == b"ping"
        long_.request("GET", "/weather/endless", revoked.headers())
        assert long_.head().status == 200
        assert long_.stream.read(3)
        began = time.monotonic()
        assert admin.post(f"/v1/tokens/{revoked.payment_hash.hex()}/revoke").status == 200
        for client in (open_, long_):
            try:
                while client.stream.read(1):
                    pass
            except ConnectionError:
                pass
        assert time.monotonic() - began < 2
        assert hung_up.wait(2)
        kept.send(b"still")
        assert kept.stream.read(5) == b"still"
    assert service.get("/weather/x", other.headers()).status == 200


def test_a_token_is_given_away_of_a_tier(running):
    service, admin = running
    _, low = grant(admin, service="kinds")
    _, high = grant(admin, service="kinds", tier="high")
    assert service.get("/kinds/x", low).status == 200
    assert service.get("/kinds/high", low).json()["reason"] == "tier_too_low"
    assert [service.get("/kinds/high", high).status for _ in range(3)] == [200, 200, 402]
    refused = admin.post("/v1/tokens", {"reason": "a test", "service": "kinds", "tier": "middle"})
    assert (refused.status, refused.json()["detail"]) == (404, '"kinds" sells no tier "middle".')
