"""What a service can say of its requests: which are its own, what they cost, what a token opens, who may call."""

import re

import pytest
from kit import invoices
from kit.service import wait_for

SERVICES = """
[[service]]
name = "reader"
path = "/shop/"
methods = ["GET", "HEAD"]
upstream = "{upstream}"
price_msat = 1000
free = ["/shop/*.css"]
auth_only = ["/shop/account/"]
cors = ["https://app.example"]
description = "{{service}}: {{method}} {{path}} ({{route}})"
realm = "mall"
[[service.route]]
name = "image"
path = "/shop/*/image"
price_msat = 5000
[[service.route]]
name = "vault"
path = "/shop/vault/"
scope = "route"
[[service]]
name = "writer"
path = "/shop/"
methods = ["POST", "PUT"]
upstream = "{upstream}"
price_msat = 100
realm = "mall"
[[service.route]]
name = "by-size"
path = "/shop/upload/"
per_kib_msat = 10
[[service.route]]
name = "by-unit"
path = "/shop/tokens/"
per_unit_msat = 3
unit_header = "X-Units"
max_units = 50
[[service]]
name = "trial"
path = "/trial/"
upstream = "{upstream}"
price_msat = 1000
dry_run = true
"""


@pytest.fixture(scope="module")
def shop(request):
    from conftest import close_house, make_house

    house, name = make_house("terms")
    house.start(services=SERVICES.format(upstream=house.upstream.url))
    yield house
    close_house(house, name)


def price(answer):
    assert answer.status == 402, answer.body
    return answer.json()["price_msat"]


def buy(house, answer):
    """Pays the invoice of a 402; the headers that prove it."""
    found = re.search(r'macaroon="([^"]+)", invoice="' + invoices.PATTERN + '"', answer.all("www-authenticate")[0])
    token = house.gateway.issued[found[2]]
    house.gateway.settle(token)
    return {"Authorization": f"L402 {found[1]}:{token.preimage.hex()}"}


def test_the_first_service_whose_path_and_method_fit_answers(shop):
    assert price(shop.service.get("/shop/x")) == 1000
    assert price(shop.service.request("POST", "/shop/x", body=b"")) == 100
    answer = shop.service.request("DELETE", "/shop/x")
    assert answer.status == 405
    assert "method" in answer.json()["detail"]


def test_a_price_follows_the_route_and_the_size_of_the_request(shop):
    post = lambda path, body=b"", headers=None: shop.service.request("POST", path, headers, body)
    assert price(shop.service.get("/shop/cat/image")) == 5000
    assert price(shop.service.get("/shop/cat/tail/image")) == 1000
    assert price(post("/shop/upload/x")) == 100
    assert price(post("/shop/upload/x", b"a" * 1025)) == 120
    assert price(post("/shop/tokens/x")) == 103
    assert price(post("/shop/tokens/x", headers={"x-units": "50"})) == 250
    for units in ("51", "0", "many"):
        answer = post("/shop/tokens/x", headers={"X-Units": units})
        assert (answer.status, "from 1 to 50" in answer.json()["detail"]) == (400, True)
    chunked = shop.service.request("POST", "/shop/upload/x", {"Transfer-Encoding": "chunked"}, b"1\r\na\r\n0\r\n\r\n")
    assert chunked.status == 411


def test_a_token_is_good_up_to_the_price_it_was_bought_for(shop):
    cheap, dear = buy(shop, shop.service.get("/shop/x")), buy(shop, shop.service.get("/shop/cat/image"))
    for _ in range(2):  # the second time out of the cache
        assert shop.service.get("/shop/x", cheap).status == 200
        assert shop.service.get("/shop/x", dear).status == 200
        assert shop.service.get("/shop/cat/image", dear).status == 200
        answer = shop.service.get("/shop/cat/image", cheap)
        assert (price(answer), answer.json()["reason"]) == (5000, "underpaid")


def test_a_token_of_a_route_with_tokens_of_its_own_opens_nothing_else(shop):
    vault, plain = buy(shop, shop.service.get("/shop/vault/x")), buy(shop, shop.service.get("/shop/x"))
    for _ in range(2):
        assert shop.service.get("/shop/vault/x", vault).status == 200
        assert shop.service.get("/shop/x", vault).json()["reason"] == "wrong_scope"
        assert shop.service.get("/shop/vault/x", plain).json()["reason"] == "wrong_scope"


def test_a_realm_is_one_purchase_for_all_its_services(shop):
    shop.gateway.requests.clear()
    headers = buy(shop, shop.service.get("/shop/x"))
    assert [r["params"]["service"] for r in shop.gateway.requests if r["method"] == "issue"] == ["mall"]
    assert shop.service.get("/shop/x", headers).status == 200
    assert shop.service.request("POST", "/shop/x", headers, b"").status == 200
    assert shop.service.get("/weather/x", headers).status == 402
    revenue = 'l402_revenue_msat_total{resource="mall"}'
    wait_for(lambda: shop.service.metrics().get(revenue, 0) > 0, "revenue of the realm")


def test_an_invoice_says_what_it_buys(shop):
    shop.gateway.requests.clear()
    shop.service.get("/shop/caf%C3%A9/image")
    shop.service.get("/shop/x")
    said = [r["params"]["description"] for r in shop.gateway.requests if r["method"] == "issue"]
    assert said == ["reader: GET /shop/café/image (image)", "reader: GET /shop/x ()"]


def test_free_paths_may_be_patterns(shop):
    assert shop.service.get("/shop/style.css").status == 200
    assert shop.service.get("/shop/a/style.css").status == 402


def test_auth_only_paths_take_tokens_and_sell_none(shop):
    headers = buy(shop, shop.service.get("/shop/x"))
    shop.gateway.requests.clear()
    answer = shop.service.get("/shop/account/x")
    assert (answer.status, answer.get("www-authenticate")) == (401, 'L402 realm="mall"')
    assert not shop.gateway.requests
    assert shop.service.get("/shop/account/x", headers).status == 200


def preflight(origin="https://app.example", method="GET"):
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}


def test_a_pre_flight_is_answered_and_never_reaches_the_upstream(shop):
    seen = len(shop.upstream.requests)
    shop.gateway.requests.clear()
    answer = shop.service.request("OPTIONS", "/shop/x", preflight())
    assert (answer.status, answer.body) == (204, b"")
    assert answer.get("access-control-allow-origin") == "https://app.example"
    assert answer.get("access-control-allow-methods") == "GET"
    assert answer.get("access-control-allow-headers") == "authorization"
    assert shop.service.request("OPTIONS", "/shop/x", preflight("https://evil.example")).status == 403
    assert (len(shop.upstream.requests), shop.gateway.requests) == (seen, [])


def test_a_page_can_read_the_challenge_and_the_paid_answer(shop):
    origin = {"Origin": "https://app.example"}
    answer = shop.service.get("/shop/x", origin)
    assert answer.get("access-control-allow-origin") == "https://app.example"
    assert "WWW-Authenticate" in answer.get("access-control-expose-headers")
    paid = shop.service.get("/shop/x", {**origin, **buy(shop, answer)})
    assert (paid.status, paid.all("access-control-allow-origin")) == (200, ["https://app.example"])
    assert shop.service.get("/shop/x", {"Origin": "https://evil.example"}).get("access-control-allow-origin") is None


def test_a_dry_run_lets_pass_and_counts_what_would_not_have_passed(shop):
    shop.gateway.requests.clear()
    before = shop.service.metrics().get('l402_challenges_total{resource="trial",result="dry_run"}', 0)
    assert shop.service.get("/trial/x").status == 200
    assert shop.service.get("/trial/x", {"Authorization": "L402 nonsense"}).status == 200
    assert "authorization" not in shop.upstream.last.names()
    token = shop.paid("trial")
    assert shop.service.get("/trial/x", token.headers()).status == 200
    after = shop.service.metrics()['l402_challenges_total{resource="trial",result="dry_run"}']
    assert after - before == 2
    assert not shop.gateway.requests
    assert "would not have passed (no_credential, 1000 msat)" in shop.service.log_file.read_text()
