"""What several features make of one request together, where each of them alone is right."""

import pytest
from kit.payments import Challenge
from kit.pricer import Pricer
from kit.upstream import Upstream, response
from test_proxy import UPGRADE
from test_terms import buy, price

SERVICES = """
[[service]]
name = "archive"
path = "/archive/"
upstream = "{upstream}"
price_msat = 1000
[[service.tier]]
name = "day"
tier = 0
timeout = "1h"
[[service.tier]]
name = "bulk"
tier = 1
price_msat = 2000
bytes = 1000
[[service.tier]]
name = "account"
tier = 2
price_msat = 100
credit_msat = 200
[[service]]
name = "counted"
path = "/counted/"
upstream = "{upstream}"
price_msat = 1000
[[service.tier]]
name = "bulk"
tier = 0
bytes = 1000
[[service.tier]]
name = "day"
tier = 1
price_msat = 2000
timeout = "1h"
[[service]]
name = "balances"
path = "/balances/"
upstream = "{upstream}"
price_msat = 100
credit_msat = 200
[[service.tier]]
name = "small"
tier = 0
[[service.tier]]
name = "large"
tier = 1
credit_msat = 100000
[[service.route]]
name = "units"
path = "/balances/units"
per_unit_msat = 100
unit_header = "X-Units"
[[service]]
name = "verbs"
path = "/verbs/"
upstream = "{upstream}"
price_msat = 100
schemes = ["l402", "payment"]
[[service.route]]
name = "edit"
path = "/verbs/edit/"
methods = ["DELETE", "POST"]
price_msat = 50000
[[service]]
name = "brief"
path = "/brief/"
upstream = "{upstream}"
price_msat = 1000
timeout = "1s"
schemes = ["payment"]
[[service]]
name = "asked"
path = "/asked/"
upstream = "{upstream}"
price_msat = 50000
options = "forward"
[[service.route]]
name = "cheap"
path = "/asked/x"
methods = ["GET"]
price_msat = 100
"""


@pytest.fixture
def site(house):
    house.start(services=SERVICES.replace("{upstream}", house.upstream.url))
    return house


def echo(_, connection, stream):
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
    while line := stream.readline():
        connection.sendall(line)
    raise Upstream.Hangup


@pytest.mark.parametrize("tier", ["bulk", "account"])
def test_case_m3_whether_a_connection_may_be_upgraded_is_judged_by_the_tokens_own_tier(site, tier):
    site.upstream.routes["/archive/ws"] = echo
    token = buy(site, site.service.get("/archive/ws", {"X-L402-Tier": tier}))
    for wish in ({}, {"X-L402-Tier": "day"}, {"X-L402-Tier": tier}):
        for _ in range(2):  # from the cache of credentials, too
            with site.service.client() as client:
                assert client.request("GET", "/archive/ws", {**UPGRADE, **wish, **token}).read().status == 400
    assert site.upstream.requests == []
    assert site.service.get("/archive/x", token).status == 200


def test_case_m3_a_token_of_time_is_upgraded_though_a_lower_tier_is_counted(site):
    site.upstream.routes["/counted/ws"] = echo
    token = buy(site, site.service.get("/counted/ws", {"X-L402-Tier": "day"}))
    with site.service.client() as client:
        assert client.request("GET", "/counted/ws", {**UPGRADE, **token}).read().status == 101
    with site.service.client() as client:
        assert client.request("GET", "/counted/ws", UPGRADE).read().status == 400


def test_case_m3_a_balance_that_holds_the_price_is_drawn_though_a_smaller_one_is_for_sale(site):
    large = buy(site, site.service.get("/balances/x", {"X-L402-Tier": "large"}))
    assert site.service.get("/balances/units", {"X-Units": "50", **large}).status == 200
    small = buy(site, site.service.get("/balances/x"))
    assert site.service.get("/balances/units", {"X-Units": "50", **small}).status == 400  # and none for sale holds it
    assert site.service.get("/balances/units", {"X-Units": "50"}).status == 400


@pytest.mark.parametrize("method", ["delete", "Delete", "post", "PoSt"])
def test_case_m6_a_method_that_servers_read_in_capitals_is_refused_where_that_is_dearer(site, method):
    token = buy(site, site.service.get("/verbs/edit/x"))
    assert site.service.request(method.upper(), "/verbs/edit/x", token).status == 402
    refused = site.service.request(method, "/verbs/edit/x", token)
    assert refused.status == 400 and "capitals" in refused.json()["detail"]
    assert site.upstream.requests == []
    assert site.service.request(method, "/verbs/x", token).status == 200  # all methods cost the same there


@pytest.mark.parametrize("value", ["DELETE", "DELETE, x", "DELETE,", " delete ,GET", "GET, DELETE"])
def test_case_m6_each_method_of_a_list_in_a_field_counts(site, value):
    token = buy(site, site.service.get("/verbs/edit/x"))
    assert site.service.get("/verbs/edit/x", {"X-HTTP-Method-Override": value, **token}).status == 400
    assert site.upstream.requests == []


def test_case_m6_what_may_be_another_method_behind_is_not_repeated(site):
    challenge = Challenge.of_answer(site.service.get("/verbs/x"))
    token = site.gateway.issued[challenge.payment_hash]
    site.gateway.settle(token, amount_msat=1000)
    headers = {**challenge.headers(token.preimage), "X-HTTP-Method-Override": "POST"}
    assert site.service.get("/verbs/x", headers).status == 200
    again = site.service.get("/verbs/x", headers)
    assert (again.status, again.json()["reason"]) == (402, "not_repeatable")
    assert len(site.upstream.requests) == 1


def test_case_m8_what_may_be_another_method_behind_is_not_acted_on_for_nothing(site):
    token = buy(site, site.service.get("/counted/x"))
    site.upstream.routes["/counted/x"] = lambda *_: response(b"x" * 900)
    assert site.service.get("/counted/x", token).status == 200
    assert site.service.get("/counted/x", {"X-HTTP-Method-Override": "POST", **token}).status == 402
    asked = len(site.upstream.requests)
    assert site.service.get("/counted/x", {"X-HTTP-Method-Override": "POST", **token}).status == 402
    # The first took all that was left, so that the second one is not asked for.
    site.upstream.routes["/counted/x"] = lambda *_: response(b"x")
    assert site.service.get("/counted/x", token).status == 402
    assert len(site.upstream.requests) <= asked + 2


def test_case_h6_a_connection_that_a_charge_opened_ends_with_the_time_that_a_token_would_have(site):
    site.upstream.routes["/brief/ws"] = echo
    challenge = Challenge.of_answer(site.service.get("/brief/ws"))
    token = site.gateway.issued[challenge.payment_hash]
    site.gateway.settle(token, amount_msat=1000)
    with site.service.client() as client:
        assert client.request("GET", "/brief/ws", {**UPGRADE, **challenge.headers(token.preimage)}).read().status == 101
        client.send(b"there\n")
        assert client.stream.readline() == b"there\n"
        assert client.ended()


def test_case_h16_an_options_that_goes_on_is_sold_as_what_it_is(site):
    token = buy(site, site.service.get("/asked/x"))
    asking = {"Access-Control-Request-Method": "GET"}
    assert price(site.service.request("OPTIONS", "/asked/x", asking)) == 50000
    assert site.service.request("OPTIONS", "/asked/x", {**asking, **token}).status == 402
    assert site.upstream.requests == []


def test_case_h7_a_gift_is_one_clients_own(house):
    pricer = Pricer()
    pricer.price = lambda question: 0 if "trial" in str(question) else 1000
    house.upstream.routes["/gift/x"] = lambda *_: response(b"g", headers=["Cache-Control: public, max-age=60"])
    try:
        house.start(services=f"""
[[service]]
name = "gift"
path = "/gift/"
upstream = "{house.upstream.url}"
price_msat = 1000
pricer = {{ url = "{pricer.url}", facts = ["path"], headers = ["X-Plan"], min_msat = 0 }}
""")
        gift = house.service.get("/gift/x", {"X-Plan": "trial"})
        assert gift.status == 200 and gift.all("cache-control") == ["private, max-age=60"]
        assert price(house.service.get("/gift/x")) == 1000
    finally:
        pricer.close()
