"""What caches between here and the client are told: nothing that was opened for one is kept for others."""

import pytest
from kit.payments import Challenge
from kit.upstream import response
from test_forward_auth import site  # noqa: F401: a fixture
from test_pages import NAVIGATION, cookie_of, settle, token_of
from test_work import LIMITS, Task

SERVICES = """
[[service]]
name = "free"
path = "/free/"
upstream = "{upstream}"
price_msat = 100
free_allowance = {{ requests = 1000 }}
auth_only = ["/free/members/"]
[[service]]
name = "work"
path = "/work/"
upstream = "{upstream}"
price_msat = 100
pow = "request"
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
[[service]]
name = "trial"
path = "/trial/"
upstream = "{upstream}"
price_msat = 1000
dry_run = true
"""
SHARED = [
    "Cache-Control: public, max-age=3600, s-maxage=7200",
    "CDN-Cache-Control: max-age=600",
    "Cloudflare-CDN-Cache-Control: max-age=600",
    "Surrogate-Control: max-age=600",
    "X-Accel-Expires: 600",
    "Expires: Thu, 01 Dec 2094 16:00:00 GMT",
    "Vary: Accept",
]
TARGETED = ("cdn-cache-control", "cloudflare-cdn-cache-control", "surrogate-control", "x-accel-expires")


def serve(house, *paths, status="200 OK"):
    for path in paths:
        house.upstream.routes[path] = lambda *_: response(b"x", status, SHARED)


def is_private(answer):
    """Nothing a shared cache goes by allows it to keep this; what does not concern it is as the upstream sent it."""
    assert answer.all("cache-control") == ["private, max-age=3600"], answer.fields
    assert not [name for name in TARGETED if answer.all(name)], answer.fields
    assert answer.get("expires") == "Thu, 01 Dec 2094 16:00:00 GMT" and "Accept" in answer.all("vary")
    return True


@pytest.fixture
def shop(house):
    house.start(services=SERVICES.format(upstream=house.upstream.url))
    return house


def test_case_h7_what_any_credential_opened_is_for_no_shared_cache(shop):
    serve(shop, "/weather/x", "/free/x", "/free/members/x", "/charge/x")
    get, token = shop.service.get, shop.paid()
    held = token.macaroon.copy().add("preimage=" + token.preimage.hex()).binary().hex()
    fields = [token.headers(), {"Authorization": token.authorization("LSAT")}]
    fields += [{name: held} for name in ("Grpc-Metadata-Token", "Token", "Grpc-Metadata-Macaroon", "Macaroon")]
    for headers in fields:
        answer = get("/weather/x", headers)
        assert answer.status == 200 and is_private(answer), headers
    page = get("/weather/x", NAVIGATION)
    settle(shop, token_of(shop, page))
    assert is_private(get("/weather/x", {**NAVIGATION, "Cookie": cookie_of(page)}))
    assert is_private(get("/free/x"))  # on the network's allowance
    assert is_private(get("/free/members/x", shop.paid("free").headers()))
    challenge = Challenge.of_answer(get("/charge/x"))
    charged = shop.gateway.issued[challenge.payment_hash]
    shop.gateway.settle(charged, amount_msat=1000)
    answer = get("/charge/x", challenge.headers(charged.preimage))
    assert answer.get("payment-receipt") and is_private(answer)


def test_case_h7_what_work_opened_is_for_no_shared_cache(house):
    house.start(LIMITS.format(bits=8, lifetime="60s", in_all="10/s"), services=SERVICES.format(upstream=house.upstream.url))
    serve(house, "/work/x")
    assert house.service.get("/weather/x").status == 402
    asked = house.service.get("/work/x")
    assert asked.all("cache-control") == ["no-store"]  # a 429
    answer = house.service.get("/work/x", Task(asked).headers())
    assert answer.status == 200 and is_private(answer)


@pytest.mark.parametrize("status", ["304 Not Modified", "404 Not Found", "301 Moved Permanently", "500 Oops", "206 Partial Content"])
def test_case_h7_every_status_is_treated_alike(shop, status):
    shop.upstream.routes["/weather/x"] = lambda *_: response(b"" if status[0] == "3" else b"x", status, SHARED)
    answer = shop.service.get("/weather/x", shop.paid().headers())
    assert answer.status == int(status[:3]) and is_private(answer)


@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required", "429 Too Many Requests"])
def test_case_h7_a_refusal_is_kept_by_nobody_whoever_says_it(shop, status):
    serve(shop, "/weather/x", "/weather/health", status=status)
    for path, headers in (("/weather/x", shop.paid().headers()), ("/weather/health", {})):
        answer = shop.service.get(path, headers)
        assert answer.status == int(status[:3]) and answer.all("cache-control") == ["no-store"]
        assert not [name for name in TARGETED if answer.all(name)]


def test_case_h7_what_is_free_for_all_stays_as_it_is(shop):
    serve(shop, "/weather/health", "/trial/x")
    for path, headers in (("/weather/health", {}), ("/weather/health", shop.paid().headers()), ("/trial/x", {})):
        answer = shop.service.get(path, headers)
        assert answer.all("cache-control") == ["public, max-age=3600, s-maxage=7200"]
        assert [answer.get(name) for name in TARGETED] == ["max-age=600", "max-age=600", "max-age=600", "600"]


def test_case_h7_an_interim_answer_says_nothing_to_shared_caches(shop):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nCache-Control: public\r\nCDN-Cache-Control: max-age=9\r\n\r\n"
    shop.upstream.routes["/weather/x"] = lambda *_: early + response(b"x", headers=SHARED)
    with shop.service.client() as client:
        client.request("GET", "/weather/x", shop.paid().headers())
        first = client.read(interim=True)
        assert first.status == 103 and first.get("link") and not first.all("cache-control") and not first.all("cdn-cache-control")
        assert is_private(client.read())


def test_case_h7_our_own_refusals_are_kept_by_nobody(shop):
    for path, headers, status in (("/weather/x", {}, 402), ("/free/members/x", {}, 401), ("/nowhere", {}, 404), ("/weather/x", {"Authorization": "L402 x"}, 402)):
        answer = shop.service.get(path, headers)
        assert (answer.status, answer.all("cache-control")) == (status, ["no-store"])
    head = shop.service.request("HEAD", "/weather/x")
    assert (head.status, head.all("cache-control")) == (402, ["no-store"])


def told_by(site, front, *lines, free=False):  # noqa: F811
    """What a client is told of caching by a front that asked, of a backend's fields."""
    path = "/weather/health" if free else "/weather/today"
    site.backend.routes[path] = lambda *_: response(b"x", headers=lines)
    answer = site.ask(path, {} if free else site.paid().headers(), port=front.port)
    assert answer.status == 200
    assert free or not [name for name in TARGETED if answer.all(name)], answer.fields
    return sorted({word.strip() for value in answer.all("cache-control") for word in value.split(",") if word.strip()})


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_case_h7_by_the_recipes_of_forward_auth_too(site, name):  # noqa: F811
    front = getattr(site, name)()
    assert told_by(site, front, *SHARED) == ["max-age=3600", "private"]
    assert told_by(site, front) == ["private"]
    assert told_by(site, front, "Cache-Control: s-maxage=60, public") == ["private"]
    assert told_by(site, front, "Cache-Control: no-store") == ["no-store", "private"]
    assert told_by(site, front, "Cache-Control: public, max-age=9", free=True) == ["max-age=9", "public"]
    refused = site.ask("/weather/today", port=front.port)
    assert (refused.status, refused.all("cache-control")) == (402, ["no-store"])
