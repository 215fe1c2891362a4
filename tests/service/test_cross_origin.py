"""Pages of other origins, and what an address takes: CORS, OPTIONS and Allow on every answer."""

import pytest
from kit.upstream import response

SERVICES = """
[[service]]
name = "listed"
path = "/listed/"
host = "shop.example"
upstream = "{upstream}"
price_msat = 1000
cors = ["https://app.example", "https://b.example"]
free = ["/listed/free"]
auth_only = ["/listed/mine"]
[service.limits]
per_token = "1/h"
[[service]]
name = "open"
path = "/open/"
host = "open.example"
upstream = "{upstream}"
price_msat = 1000
cors = ["*"]
free = ["/open/free"]
[[service]]
name = "reads"
path = "/reads/"
upstream = "{upstream}"
price_msat = 700
methods = ["GET", "HEAD"]
cors = ["https://app.example"]
free = ["/reads/free"]
[[service]]
name = "writes"
path = "/reads/both"
upstream = "{upstream}"
price_msat = 1000
methods = ["PUT"]
[[service]]
name = "trial"
path = "/trial/"
upstream = "{upstream}"
price_msat = 1000
methods = ["GET"]
dry_run = true
[[service]]
name = "passed"
path = "/passed/"
upstream = "{upstream}"
price_msat = 1000
methods = ["GET"]
options = "forward"
"""
APP, EVIL = {"Origin": "https://app.example"}, {"Origin": "https://evil.example"}
HOST = {"Host": "shop.example"}


@pytest.fixture(scope="module")
def _shop():
    from conftest import close_house, make_house

    made, name = make_house("cross origin")
    made.start("[limits]\nbody = \"1KiB\"\n", services=SERVICES.format(upstream=made.upstream.url))
    yield made
    close_house(made, name)


@pytest.fixture
def shop(_shop):
    _shop.upstream.routes.clear()
    return _shop


def exposed(answer):
    (line,) = answer.all("access-control-expose-headers")
    return [name.lower() for name in line.split(", ")]


def ask(shop, method, target, headers=None, body=None):
    return shop.service.request(method, target, {**HOST, **(headers or {})}, body)


def test_case_h15_what_the_upstream_exposes_is_exposed_beside_ours(shop):
    shop.upstream.routes["/listed/x"] = lambda *_: response(b"x", headers=["Access-Control-Expose-Headers: X-Total, Link", "Access-Control-Allow-Origin: https://other.example"])
    answer = ask(shop, "GET", "/listed/x", {**APP, **shop.paid("listed").headers()})
    assert answer.all("access-control-allow-origin") == ["https://app.example"]
    assert {"x-total", "link", "www-authenticate", "payment-receipt"} <= set(exposed(answer))
    assert exposed(answer).count("link") == 1


def test_case_h15_an_answer_without_an_origin_varies_by_it(shop):
    for path, headers, status in (("/listed/free", {}, 200), ("/listed/x", {}, 402), ("/listed/mine", {}, 401), ("/listed/free", EVIL, 200)):
        answer = ask(shop, "GET", path, headers)
        assert (answer.status, answer.all("vary"), answer.all("access-control-allow-origin")) == (status, ["Origin"], [])
    for headers in ({}, APP):  # what is the same for all does not vary
        answer = shop.service.get("/open/free", {"Host": "open.example", **headers})
        assert (answer.status, answer.all("vary"), answer.all("access-control-allow-origin")) == (200, [], ["*"])


def test_case_h15_an_upstream_does_not_open_what_the_list_leaves_shut(shop):
    shop.upstream.routes["/listed/free"] = lambda *_: response(b"x", headers=["Access-Control-Allow-Origin: *", "Vary: Accept"])
    answer = ask(shop, "GET", "/listed/free", EVIL)
    assert answer.status == 200 and not answer.all("access-control-allow-origin") and answer.all("vary") == ["Accept", "Origin"]


@pytest.mark.parametrize("asked", ["x.y", "authorization,x.y", "content-type, x_1, !#$%&'*+-.^_`|~"])
def test_case_h15_every_name_a_field_may_have_is_granted(shop, asked):
    preflight = {**APP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    answer = ask(shop, "OPTIONS", "/listed/x", preflight)
    assert (answer.status, answer.get("access-control-allow-headers")) == (204, asked)


def test_case_h15_every_answer_can_be_read_by_the_page_that_asked(shop):
    token = shop.paid("listed").headers()
    assert ask(shop, "GET", "/listed/x", token).status == 200
    for method, target, headers, body, status in (
        ("GET", "/nowhere", {}, None, 404),
        ("GET", "/listed/x", {}, None, 402),
        ("GET", "/listed/mine", {}, None, 401),
        ("GET", "/listed/x", token, None, 429),
        ("GET", "/listed/a%00b", {}, None, 400),
        ("GET", "/listed/%zz", {}, None, 400),
        ("TRACE", "/listed/x", {}, None, 501),
        ("POST", "/listed/x", {}, b"x" * 2000, 413),
        ("POST", "/reads/x", {}, b"x", 405),
        ("GET", "/listed/.well-known/millrace/settled", {}, None, 403),
        ("HEAD", "/listed/x", {}, None, 402),
    ):
        answer = ask(shop, method, target, {**APP, **headers}, body)
        assert (answer.status, answer.all("access-control-allow-origin")) == (status, ["https://app.example"]), target
        assert "www-authenticate" in exposed(answer) and answer.all("vary") == ["Origin"]
        if "settled" not in target:
            assert not ask(shop, method, target, {**EVIL, **headers}, body).all("access-control-allow-origin")
    shop.upstream.routes["/listed/free"] = lambda *_: b"nonsense\r\n\r\n"
    answer = ask(shop, "GET", "/listed/free", APP)
    assert (answer.status, answer.get("access-control-allow-origin")) == (502, "https://app.example")


def test_case_h15_a_503_too(house):
    house.start(services=SERVICES.format(upstream=house.upstream.url))
    house.gateway.stop()
    house.service.stop()
    house.service.start(wait_ready=False)
    answer = house.service.get("/listed/x", {**HOST, **APP})
    assert (answer.status, answer.get("access-control-allow-origin")) == (503, "https://app.example")


def test_case_h15_what_no_service_answers_goes_by_all_of_its_host(shop):
    def allowed(host, origin):
        return shop.service.get("/nowhere", {"Host": host, "Origin": origin}).all("access-control-allow-origin")

    assert allowed("shop.example", "https://b.example") == ["https://b.example"]
    assert allowed("other.example", "https://b.example") == []
    assert allowed("other.example", "https://app.example") == ["https://app.example"]  # of "reads", which answers at every host
    assert allowed("open.example", "https://b.example") == ["*"]


def test_case_h15_documents_are_for_every_page_whatever_becomes_of_the_request(shop):
    for method, target, status in (("POST", "/openapi.json", 405), ("GET", "/l402/quote", 405), ("GET", "/openapi.json", 200), ("POST", "/l402/quote", 400)):
        answer = ask(shop, method, target, EVIL, b"{" if method == "POST" else None)
        assert (answer.status, answer.all("access-control-allow-origin")) == (status, ["*"]), target


def test_case_h16_a_405_says_what_is_taken(shop):
    for target, allow in (("/reads/x", "GET, HEAD, OPTIONS"), ("/reads/both", "GET, HEAD, PUT, OPTIONS"), ("/reads/free", "GET, HEAD, OPTIONS"), ("/trial/x", "GET, OPTIONS")):
        answer = ask(shop, "POST", target, body=b"x")
        assert (answer.status, answer.all("allow")) == (405, [allow]), target
    answer = ask(shop, "POST", "/weather/.well-known/millrace/settled", body=b"x")
    assert (answer.status, answer.all("allow")) == (405, ["GET, HEAD, OPTIONS"])


def test_case_h16_options_is_answered_where_methods_leave_it_out(shop):
    seen = len(shop.upstream.requests)
    shop.gateway.requests.clear()
    for target, allow, price in (
        ("/reads/x", "GET, HEAD, OPTIONS", "700"),
        ("/reads/both", "GET, HEAD, PUT, OPTIONS", "700"),
        ("/reads/free", "GET, HEAD, OPTIONS", None),
        ("/trial/x", "GET, OPTIONS", None),
        ("/passed/x", "GET, OPTIONS", "1000"),
        ("/.well-known/millrace/settled", "GET, HEAD, OPTIONS", None),
    ):
        answer = ask(shop, "OPTIONS", target)
        assert (answer.status, answer.all("allow"), answer.get("x-l402-price-msat")) == (204, [allow], price), target
    whole = ask(shop, "OPTIONS", "*")
    assert (whole.status, whole.all("allow")) == (204, ["GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"])
    assert (len(shop.upstream.requests), shop.gateway.requests) == (seen, [])


def test_case_h16_a_pre_flight_for_what_is_not_taken_is_told_what_is(shop):
    preflight = {**APP, "Access-Control-Request-Method": "POST"}
    answer = ask(shop, "OPTIONS", "/reads/x", preflight)
    assert (answer.status, answer.get("access-control-allow-methods"), answer.get("allow")) == (204, "GET, HEAD, OPTIONS", "GET, HEAD, OPTIONS")
    assert answer.get("access-control-allow-origin") == "https://app.example"
    assert ask(shop, "OPTIONS", "/reads/x", {**preflight, **EVIL}).status == 403
    good = ask(shop, "OPTIONS", "/reads/x", {**APP, "Access-Control-Request-Method": "GET"})
    assert (good.status, good.get("access-control-allow-methods")) == (204, "GET")


def test_case_h16_the_metrics_listener_says_what_it_takes(shop):
    with shop.service.client(shop.service.metrics_port) as client:
        answer = client.request("POST", "/metrics", body=b"x").read()
    assert (answer.status, answer.get("allow")) == (405, "GET, HEAD")
