"""Requests that servers read in another way than we do, and sell differently: refused with what to do. By the configuration of every
release; what `paths` and `unmatched` say of an upstream is in test_paths.py."""

import pytest
from kit.pricer import Pricer
from test_terms import buy, price

SERVICES = """
[[service]]
name = "docs"
path = "/docs/"
upstream = "{upstream}"
price_msat = 1000
free = ["/docs/*.png", "/docs/pub/"]
auth_only = ["/docs/keys"]
[[service.route]]
name = "edit"
path = "/docs/edit"
price_msat = 90000
[[service.route]]
name = "dir"
path = "/docs/dir/"
price_msat = 50000
[[service]]
name = "priced"
path = "/priced/"
upstream = "{upstream}"
price_msat = 1000
pricer = {{ url = "{pricer}" }}
"""


@pytest.fixture(scope="module")
def _shop():
    from conftest import close_house, make_house

    house, name = make_house("readings")
    pricer = Pricer()
    house.pricer = pricer
    house.start(services=SERVICES.format(upstream=house.upstream.url, pricer=pricer.url))
    yield house
    close_house(house, name)
    pricer.close()


@pytest.fixture
def shop(_shop):
    _shop.upstream.requests.clear()
    _shop.pricer.questions.clear()
    return _shop


def refused(answer, word):
    assert answer.status == 400 and word in answer.json()["detail"], (answer.status, answer.body)


@pytest.mark.parametrize(
    "path",
    ["/docs/edit;/x", "/docs/edit;a=b/x", "/docs/edit;", "/docs;x/edit", "/docs/;x/edit", "/docs/dir;/x", "/docs/dir/..;x=1/edit", "/docs/edit%3Bx"],
)
def test_case_m12_a_parameter_is_refused_where_the_path_without_it_is_sold_differently(shop, path):
    answer = shop.service.get(path)
    assert answer.status == 400, (path, answer.body)
    assert shop.upstream.requests == []


def test_case_m12_a_parameter_that_makes_no_difference_passes(shop):
    for path in ("/docs/a;x", "/docs/a;v=1/b", "/docs/edit/x;y", "/docs/dir/a;b=c/d"):
        assert price(shop.service.get(path)) == {"a": 1000, "e": 90000, "d": 50000}[path[6]]
    token = buy(shop, shop.service.get("/docs/a;v=1"))
    assert shop.service.get("/docs/a;v=1", token).status == 200 and shop.upstream.last.target == "/docs/a;v=1"


def test_case_m13_no_parameter_makes_a_path_free(shop):
    for path in ("/docs/secret;.png", "/docs/edit;.png", "/docs/keys;.png", "/docs/secret;x.png", "/docs/pub;/secret"):
        answer = shop.service.get(path)
        assert answer.status == 400, (path, answer.status)
    assert shop.upstream.requests == []
    assert shop.service.get("/docs/a.png").status == 200
    assert shop.service.get("/docs/keys").status == 401


@pytest.mark.parametrize(
    "path, word",
    [
        ("/docs%2Fedit", "%2F"),
        ("/docs/edit%2Fx", "%2F"),
        ("/docs/%2565dit", "twice"),
        ("/docs/edit%252Fx", "twice"),
        ("/docs/edit%3Fx", "twice"),
        ("/docs/edit%23x", "twice"),
        ("/docs/edit.", "dot"),
        ("/docs/edit%20", "space"),
        ("/docs/edit./x", "dot"),
        ("/docs/edit::$DATA", "stream"),
        ("/docs/secret%253B.png%2e", ""),
    ],
)
def test_case_m12_other_readings_that_are_sold_differently_are_refused_with_what_to_do(shop, path, word):
    refused(shop.service.get(path), word)


@pytest.mark.parametrize("path", ["/docs/%252e%252e/x", "/docs/%255cx", "/docs/%2500", "/docs/%c0%afx", "/docs/..%20/x", "/docs/a%e0%80%afb"])
def test_case_m12_what_hides_a_dot_segment_or_a_control_character_is_refused(shop, path):
    assert shop.service.get(path).status == 400


def test_case_m12_readings_that_are_sold_alike_pass(shop):
    for path in ("/docs/a%2Fb", "/docs/100%25", "/docs/a%2520b", "/docs/a%40b", "/docs/models:run", "/docs/a.", "/docs/a%3Fb", "/docs/caf%C3%A9"):
        assert price(shop.service.get(path)) == 1000, path


def test_case_m5_what_a_pricer_would_not_be_told_is_not_sold(shop):
    assert shop.service.get("/priced/" + "a" * 1100).status == 400
    assert price(shop.service.get("/priced/" + "a" * 900)) == 2000


@pytest.mark.parametrize("query", [r"re=\d+", r"\\", "a='b'&c=`d`", "x={|}^[]", "a=<b>\"c\"", "%zz&%", "ä=ö"])
def test_case_h9_a_query_goes_on_as_browsers_write_it(shop, query):
    token = buy(shop, shop.service.get("/docs/q"))
    assert shop.service.get("/docs/q?" + query, token).status == 200
    assert shop.upstream.last.target == "/docs/q?" + query


@pytest.mark.parametrize("query", ["a#b", "a\tb", "a\x7fb"])
def test_case_h9_what_ends_a_request_line_or_a_url_does_not(shop, query):
    assert shop.service.get("/docs/q?" + query).status == 400


@pytest.mark.parametrize("host", ["shop.example..", ".shop.example", "shop..example", ".", "..", "shop.example..:80", "..:80"])
def test_case_h18_a_host_has_no_empty_label(shop, host):
    assert shop.service.get("/docs/x", {"Host": host}).status == 400


def test_case_h18_one_dot_at_the_end_is_the_roots(shop):
    for host in ("shop.example.", "shop.example", "[::1]", "127.0.0.1:80"):
        assert price(shop.service.get("/docs/x", {"Host": host})) == 1000


def test_case_h31_a_head_of_connection_options_is_refused(shop):
    with shop.service.client() as client:
        names = ",".join(f"x{n}" for n in range(12000))
        client.send(f"GET /docs/x HTTP/1.1\r\nHost: a\r\nConnection: {names[:60000]}\r\n\r\n")
        answer = client.read()
    refused(answer, "32")
    many = "\r\n".join(["Connection: x"] * 33)
    with shop.service.client() as client:
        assert client.send(f"GET /docs/x HTTP/1.1\r\nHost: a\r\n{many}\r\n\r\n").read().status == 400
    assert price(shop.service.get("/docs/x", {"Connection": "keep-alive, " + ", ".join(f"x{n}" for n in range(31))})) == 1000
