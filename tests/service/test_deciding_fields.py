"""What decides a price is there once, and reaches the upstream as it was priced: fields, in every spelling that some server takes
for theirs, and the method."""

import pytest
from kit.pricer import Pricer
from test_terms import buy, price

SERVICES = """
[[service]]
name = "models"
path = "/models/"
upstream = "{upstream}"
price_msat = 1000
[[service.route]]
name = "tokens"
path = "/models/run"
per_unit_msat = 10
unit_header = "X-Max-Tokens"
max_units = 100000
[[service.route]]
name = "delete"
path = "/models/any"
methods = ["DELETE"]
price_msat = 90000
[[service]]
name = "tiered"
path = "/tiered/"
upstream = "{upstream}"
price_msat = 1000
[[service.tier]]
name = "small"
tier = 1
[[service.tier]]
name = "large"
tier = 2
price_msat = 5000
[[service]]
name = "asked"
path = "/asked/"
upstream = "{upstream}"
price_msat = 1000
pricer = {{ url = "{pricer}", headers = ["X-Model"] }}
"""


@pytest.fixture(scope="module")
def _shop():
    from conftest import close_house, make_house

    house, name = make_house("deciding")
    pricer = Pricer()
    pricer.price = lambda question: 9000 if question["headers"].get("x-model") == "large" else 2000
    house.start(services=SERVICES.format(upstream=house.upstream.url, pricer=pricer.url))
    yield house
    close_house(house, name)
    pricer.close()


@pytest.fixture
def shop(_shop):
    _shop.upstream.requests.clear()
    return _shop


def send(house, path, *fields, method="GET"):
    """Fields as they are written, as often as they are."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test.example", *fields, "", ""]
    with house.service.client() as client:
        return client.send("\r\n".join(lines)).read()


def bought(house, path, headers=None):
    """The Authorization of a token that was bought for this."""
    return buy(house, house.service.get(path, headers))["Authorization"]


@pytest.mark.parametrize(
    "path, first, second",
    [
        ("/models/run", "X-Max-Tokens: 90000", "X-Max-Tokens: 1"),
        ("/models/run", "X-Max-Tokens: 1", "x-max-tokens: 1"),
        ("/models/other", "X-Max-Tokens: 1", "X-Max-Tokens: 2"),
        ("/tiered/x", "X-L402-Tier: large", "X-L402-Tier: small"),
        ("/asked/x", "X-Model: large", "X-Model: small"),
        ("/asked/x", "X-Model: small", "X-MODEL: small"),
    ],
)
def test_case_m5_a_field_that_decides_a_price_is_single(shop, path, first, second):
    answer = send(shop, path, first, second)
    name = first.split(":")[0].lower()
    assert answer.status == 400 and name in answer.json()["detail"].lower() and "twice" in answer.json()["detail"]
    assert shop.upstream.requests == []
    assert send(shop, path, first).status == 402


def test_case_m5_a_field_that_decides_nothing_may_be_there_twice(shop):
    assert send(shop, "/models/run", "X-Note: a", "X-Note: b").status == 402
    assert send(shop, "/weather/x", "X-Max-Tokens: 1", "X-Max-Tokens: 2", "X-Model: a", "X-Model: b").status == 402


@pytest.mark.parametrize(
    "path, field",
    [("/models/run", "X-Max-Tokens: 90000"), ("/asked/x", "X-Model: large"), ("/tiered/x", "X-L402-Tier: small")],
)
def test_case_m6_a_field_that_decides_a_price_does_not_end_at_this_hop(shop, path, field):
    name = field.split(":")[0]
    for options in (name, name.lower(), f"close, {name}", f"keep-alive,{name.upper()} "):
        answer = send(shop, path, field, f"Connection: {options}")
        assert answer.status == 400 and "Connection" in answer.json()["detail"], options
    # Nor where it is not there: what is priced then is that it is not.
    assert send(shop, path, f"Connection: {name}").status == 400
    assert shop.upstream.requests == []
    assert send(shop, path, field, "Connection: keep-alive, X-Other").status == 402


def test_case_m6_twins_of_a_deciding_field_go_no_further(shop):
    token = bought(shop, "/models/run", {"X-Max-Tokens": "5"})
    twins = ["X_Max_Tokens: 900", "x_max-tokens: 901", "X.Max.Tokens: 902", "X-Max'Tokens: 903", "X~Max_Tokens: 904"]
    assert send(shop, "/models/run", f"Authorization: {token}", "X-Max-Tokens: 5", *twins, "X_Max: 1").status == 200
    names = shop.upstream.last.names()
    assert [name for name in names if "max" in name] == ["x-max-tokens", "x_max"]
    # Without the field itself its twin is no price, and no order either.
    token = bought(shop, "/models/run")
    assert send(shop, "/models/run", f"Authorization: {token}", "X_Max_Tokens: 90000").status == 200
    assert not [name for name in shop.upstream.last.names() if "max" in name]
    token = bought(shop, "/asked/x")
    assert send(shop, "/asked/x", f"Authorization: {token}", "x_model: large").status == 200
    assert not [name for name in shop.upstream.last.names() if "model" in name]


def test_case_m6_a_field_that_puts_another_method_in_place_is_heard_where_that_costs_the_same(shop):
    """Rack, Express' method-override, Symfony, Laravel and others act on the method that such a field names."""
    token = bought(shop, "/models/any")
    for name in ("X-HTTP-Method-Override", "x-http-method", "X-Method-Override", "X_HTTP_Method_Override"):
        for value in ("DELETE", "delete"):
            answer = send(shop, "/models/any", f"Authorization: {token}", f"{name}: {value}", "Content-Length: 0", method="POST")
            assert answer.status == 400 and "method" in answer.json()["detail"], (name, value)
    assert shop.upstream.requests == []
    answer = send(shop, "/models/any", f"Authorization: {token}", "X-HTTP-Method-Override: PUT", "Content-Length: 0", method="POST")
    assert answer.status == 200 and shop.upstream.last.get("x-http-method-override") == "PUT"
    # The pricer is told the method, so that no other one was priced.
    assert send(shop, "/asked/x", "X-HTTP-Method-Override: DELETE", method="POST").status == 400
    assert send(shop, "/asked/x", "X-HTTP-Method-Override: POST", method="POST").status == 402


def test_case_m6_no_field_names_another_path_to_the_upstream(shop):
    token = bought(shop, "/models/any")
    fields = ["X-Original-URL: /models/run", "x-rewrite-url: /models/run", "X_Original_URI: /models/run", "X.Rewrite.URL: /"]
    assert send(shop, "/models/any", f"Authorization: {token}", *fields, "X-Original: stays").status == 200
    assert [name for name in shop.upstream.last.names() if "original" in name or "rewrite" in name] == ["x-original"]


def test_case_h11_every_character_but_letters_and_digits_counts_as_a_hyphen(shop):
    token = bought(shop, "/weather/x")
    forged = ["X.L402.Payment.Hash: x", "X~L402~Token~Id: x", "x!l402#tier: x", "X_L402.Access: work", "X|L402-Service: x",
              "X.Forwarded.For: 10.9.8.7", "X*Forwarded_Proto: https", "X.Real.IP: 10.9.8.7", "Grpc.Metadata.Macaroon: 00",
              "Content_Length: 5", "Transfer.Encoding: chunked", "Proxy_Authorization: x", "Keep_Alive: 5"]
    assert send(shop, "/weather/x", f"Authorization: {token}", *forged, "X.Other: stays", "a_b: stays").status == 200
    names = shop.upstream.last.names()
    assert sorted(name for name in names if set(name) & set("._~!#|*")) == ["a_b", "x.other"]
    assert shop.upstream.last.get("x-l402-service") == "weather"


def test_case_m5_the_prices_of_single_fields_stay_what_they_were(shop):
    assert price(shop.service.get("/models/run", {"X-Max-Tokens": "90000"})) == 901000
    assert price(shop.service.get("/tiered/x", {"X-L402-Tier": "large"})) == 5000
    assert price(shop.service.get("/asked/x", {"X-Model": "large"})) == 9000
