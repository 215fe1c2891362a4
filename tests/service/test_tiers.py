"""Tokens of several kinds: what each tier opens, what its holder can make of it, and what is sold to whom."""

import base64
import hashlib
import hmac

import pytest
from kit import invoices
from kit.payments import Challenge
from test_discovery import ask
from test_pricing import caveats
from test_terms import buy, price

SERVICES = """
[[service]]
name = "archive"
path = "/archive/"
upstream = "{upstream}"
price_msat = 1000
timeout = "1h"
auth_only = ["/archive/members/"]
schemes = ["l402", "payment"]
[[service.tier]]
name = "reader"
tier = 0
capabilities = ["read"]
[[service.tier]]
name = "writer"
tier = 1
price_msat = 5000
capabilities = ["read", "write"]
uses = 3
[[service.tier]]
name = "keeper"
tier = 7
price_msat = 9000
timeout = "2h"
capabilities = ["read", "write", "admin"]
[[service.route]]
name = "read"
path = "/archive/read/"
capability = "read"
[[service.route]]
name = "write"
path = "/archive/write/"
capability = "write"
[[service.route]]
name = "lounge"
path = "/archive/lounge/"
min_tier = 2
[[service.route]]
name = "by-unit"
path = "/archive/units/"
per_unit_msat = 10
unit_header = "X-Units"
[[service]]
name = "balance"
path = "/balance/"
upstream = "{upstream}"
price_msat = 100
credit_msat = 1000
description = "a balance of {{price}} msat"
[[service.tier]]
name = "small"
tier = 0
[[service.tier]]
name = "large"
tier = 1
price_msat = 50
credit_msat = 10000
"""

READ, WRITE, LOUNGE, PLAIN = "/archive/read/x", "/archive/write/x", "/archive/lounge/x", "/archive/x"


@pytest.fixture(scope="module")
def archive(request):
    from conftest import close_house, make_house

    house, name = make_house("tiers")
    house.start(services=SERVICES.format(upstream=house.upstream.url))
    yield house
    close_house(house, name)


def outcome(house, path, headers):
    answer = house.service.get(path, headers)
    return answer.json()["reason"] if answer.status == 402 else answer.status


def with_caveats(token_headers, *conditions):
    """The credential with caveats added, as any holder can."""
    mac, preimage = token_headers["Authorization"].split(" ")[1].split(":")
    blob = base64.b64decode(mac)
    body, signature = blob[:-35], blob[-32:]
    for condition in conditions:
        text = condition.encode()
        assert len(text) < 128
        body += b"\x02" + bytes([len(text)]) + text + b"\x00"
        signature = hmac.new(signature, text, hashlib.sha256).digest()
    whole = body + b"\x00\x06\x20" + signature
    return {"Authorization": f"L402 {base64.b64encode(whole).decode()}:{preimage}"}


def test_the_lowest_tier_that_opens_a_path_is_sold_for_it(archive):
    for path, cost, tier in ((PLAIN, 1000, "reader"), (READ, 1000, "reader"), (WRITE, 5000, "writer"), (LOUNGE, 9000, "keeper")):
        answer = archive.service.get(path)
        assert (price(answer), answer.get("x-l402-tier")) == (cost, tier)
        assert archive.service.get(path, buy(archive, answer)).status == 200


def test_a_buyer_may_ask_for_a_tier_by_name_or_number_and_for_nothing_else(archive):
    def sold(path, wish):
        answer = archive.service.get(path, {"X-L402-Tier": wish})
        return answer.status, answer.get("x-l402-tier"), answer.json().get("price_msat")

    assert sold(PLAIN, "keeper") == (402, "keeper", 9000)
    assert sold(PLAIN, "1") == (402, "writer", 5000)
    assert sold(WRITE, "reader") == (402, "writer", 5000)  # which would not open it
    for nonsense in ("gold", "2", "255", "0,archive:7", "services=archive:7", "reader\t"):
        status, tier, _ = sold(PLAIN, nonsense)
        if nonsense == "reader\t":
            assert (status, tier) == (402, "reader")  # white space at the end is not the value's
        else:
            assert (status, tier) == (400, None), nonsense
    told = archive.service.get(PLAIN, {"X-L402-Tier": "gold"}).json()["detail"]
    assert "reader, writer, keeper" in told


def test_each_tier_opens_what_it_should(archive):
    bought = {tier: buy(archive, archive.service.get(PLAIN, {"X-L402-Tier": tier})) for tier in ("reader", "writer", "keeper")}
    assert caveats(bought["writer"]) == [b"archive_max_price_msat=5000", b"services=archive:1", b"archive_capabilities=read,write"]
    assert b"services=archive:0" in caveats(bought["reader"])
    expected = {
        "reader": [200, 200, "missing_capability", "tier_too_low"],
        "writer": [200, 200, 200, "tier_too_low"],
        "keeper": [200, 200, 200, 200],
    }
    for tier, outcomes in expected.items():
        assert [outcome(archive, path, bought[tier]) for path in (PLAIN, READ, WRITE, LOUNGE)] == outcomes, tier
    # Out of the cache as well, and a refusal sells what does open.
    assert outcome(archive, WRITE, bought["reader"]) == "missing_capability"
    answer = archive.service.get(WRITE, bought["reader"])
    assert (price(answer), answer.get("x-l402-tier")) == (5000, "writer")
    assert outcome(archive, WRITE, buy(archive, answer)) == 200
    assert archive.service.get("/archive/members/x", bought["reader"]).status == 200
    assert archive.service.get("/archive/members/x").status == 401


def test_the_server_behind_is_told_the_tokens_tier_and_not_the_clients_word(archive):
    headers = buy(archive, archive.service.get(WRITE))
    assert archive.service.get(READ, {**headers, "X-L402-Tier": "keeper", "X_L402_Capabilities": "admin"}).status == 200
    told = archive.upstream.last
    assert (told.get("x-l402-tier"), told.get("x-l402-capabilities")) == ("writer", "read,write")
    assert sum("capabilities" in name for name in told.names()) == 1
    narrowed = with_caveats(headers, "archive_capabilities=read")
    assert archive.service.get(READ, narrowed).status == 200
    assert archive.upstream.last.get("x-l402-capabilities") == "read"


def test_a_holder_can_pass_on_less_and_nobody_more(archive):
    keeper = buy(archive, archive.service.get(LOUNGE))
    reader = buy(archive, archive.service.get(READ))
    plain = archive.paid("archive")
    cases = [
        (keeper, ["archive_capabilities=read"], [200, "missing_capability", 200]),
        (keeper, ["archive_capabilities=admin"], ["missing_capability", "missing_capability", 200]),
        (keeper, ["archive_capabilities="], ["missing_capability", "missing_capability", 200]),
        (keeper, ["services=archive:1"], [200, 200, "tier_too_low"]),
        (keeper, ["services=archive:0"], [200, "missing_capability", "tier_too_low"]),
        (keeper, ["archive_capabilities=read", "archive_capabilities=read,write"], ["widened"] * 3),
        (keeper, ["services=archive:1", "services=archive:7"], ["widened"] * 3),
        (reader, ["archive_capabilities=read,write"], ["widened"] * 3),
        (reader, ["archive_capabilities=write"], ["widened"] * 3),
        (reader, ["services=archive:7"], ["widened"] * 3),
        (reader, ["services=archive:1"], ["widened"] * 3),
        # Without a word on capabilities it is of tier 0, and has what that has: no word makes it more.
        (plain.headers(), ["archive_capabilities=read,write,admin"], [200, "missing_capability", "tier_too_low"]),
        (plain.headers(), ["services=archive:7"], ["widened"] * 3),
    ]
    for headers, conditions, outcomes in cases:
        changed = with_caveats(headers, *conditions)
        assert [outcome(archive, path, changed) for path in (READ, WRITE, LOUNGE)] == outcomes, conditions


def test_a_token_of_before_there_were_tiers_is_of_the_lowest(archive):
    headers = archive.paid("archive").headers()
    assert [outcome(archive, path, headers) for path in (PLAIN, READ, WRITE, LOUNGE)] == [200, 200, "missing_capability", "tier_too_low"]


def test_a_tier_has_uses_time_and_balance_of_its_own(archive):
    writer = buy(archive, archive.service.get(WRITE))
    assert [archive.service.get(WRITE, writer).get("x-l402-remaining-uses") for _ in range(3)] == ["2", "1", "0"]
    assert outcome(archive, WRITE, writer) == "quota_exhausted"
    assert archive.service.get(READ, buy(archive, archive.service.get(READ))).get("x-l402-remaining-uses") is None
    small = archive.service.get("/balance/x")
    large = archive.service.get("/balance/x", {"X-L402-Tier": "large"})
    assert (price(small), price(large)) == (1000, 10000)
    left = lambda headers: archive.service.get("/balance/x", headers).get("x-l402-remaining-msat")
    small, large = buy(archive, small), buy(archive, large)
    assert (left(small), left(large)) == ("900", "9950")
    # Asking for another tier does not change what a token draws.
    assert left({**large, "X-L402-Tier": "small"}) == "9900"


def test_a_route_charges_for_units_on_top_of_the_tiers_price(archive):
    units = {"X-Units": "4"}
    assert price(archive.service.get("/archive/units/x", units)) == 1040
    assert price(archive.service.get("/archive/units/x", {**units, "X-L402-Tier": "writer"})) == 5040


def test_quotes_and_documents_know_the_tiers(archive):
    manifest = archive.service.get("/.well-known/l402.json").json()
    service = next(one for one in manifest["services"] if one["name"] == "archive")
    assert [(tier["tier"], tier["name"], tier["capabilities"], tier["pricing"]["price_msat"]) for tier in service["tiers"]] == [
        (0, "reader", ["read"], 1000),
        (1, "writer", ["read", "write"], 5000),
        (7, "keeper", ["admin", "read", "write"], 9000),
    ]
    assert service["capabilities"] == ["admin", "read", "write"]
    write = next(one for one in service["resources"] if one["path"] == "/archive/write/**")
    assert (write["capability"], write["pricing"]["price_msat"]) == ("write", 5000)
    assert next(one for one in service["resources"] if one["path"] == "/archive/lounge/**")["min_tier"] == 2
    assert manifest["caveats"]["archive_capabilities"]["attenuation"] == "subset"

    def quoted(**question):
        answer = ask(archive.service, {"service": "archive", **question})
        return answer.json()

    assert quoted()["tier"]["name"] == "reader"
    assert quoted(path=WRITE)["price_msat"] == 5000
    assert quoted(tier="keeper")["price_msat"] == 9000
    assert quoted(tier=1)["tier"]["name"] == "writer"
    assert quoted(capabilities=["admin"])["tier"]["name"] == "keeper"
    for question, code, field in (
        ({"tier": "gold"}, "unknown_tier", "tier"),
        ({"tier": 300}, "malformed_request", "tier"),
        ({"tier": [1]}, "malformed_request", "tier"),
        ({"tier": "reader", "path": WRITE}, "unsatisfiable", "tier"),
        ({"tier": "reader", "capabilities": ["write"]}, "unsatisfiable", "capabilities"),
        ({"capabilities": ["fly"]}, "unsatisfiable", "capabilities"),
        ({"capabilities": "read"}, "malformed_request", "capabilities"),
    ):
        error = quoted(**question)["error"]
        assert (error["code"], error["field"]) == (code, field), question
    minted = quoted(capabilities=["admin"], mint=True)
    token = archive.gateway.issued[invoices.hash_of(minted["invoice"])]
    assert outcome(archive, LOUNGE, {"Authorization": f"L402 {minted['macaroon']}:{token.preimage.hex()}"}) == 200


def test_a_charge_is_at_the_price_of_the_tier_that_opens_it(archive):
    cheap = Challenge.of_answer(archive.service.get(READ))
    paid = cheap.headers(archive.gateway.issued[cheap.payment_hash].preimage)
    assert archive.service.get(WRITE, paid).json()["reason"] == "too_cheap"
    dear = Challenge.of_answer(archive.service.get(WRITE))
    paid = dear.headers(archive.gateway.issued[dear.payment_hash].preimage)
    assert archive.service.get(WRITE, paid).status == 200
    assert archive.upstream.last.get("x-l402-tier") == "writer"


def test_tiers_of_one_price_are_different_things_to_the_desk(house):
    services = """
[[service]]
name = "twin"
path = "/twin/"
upstream = "{upstream}"
price_msat = 1000
[[service.tier]]
name = "a"
tier = 0
[[service.tier]]
name = "b"
tier = 1
"""
    challenges = '[challenges]\nreuse = true\n'
    house.start(extra=challenges, services=services.format(upstream=house.upstream.url))
    with house.service.client() as client:
        invoice = lambda wish: client.get("/twin/x", {"X-L402-Tier": wish}).all("www-authenticate")[0].split('invoice="')[1]
        assert invoice("a") == invoice("a")
        assert invoice("a") != invoice("b")


def test_keys_that_rotate_sign_tiers_too(house):
    services = SERVICES.format(upstream=house.upstream.url)
    house.start(services=services)
    before = buy(house, house.service.get(WRITE))
    house.gateway.rotate()
    answer = house.service.get(WRITE)
    assert answer.status in (402, 503)
    if answer.status == 503:  # the key had not come yet
        answer = house.service.get(WRITE)
    assert house.service.get(WRITE, buy(house, answer)).status == 200
    assert house.service.get(WRITE, before).status == 200


def test_a_page_says_what_the_tier_costs_that_it_sells(archive):
    for tier, about in (("small", 1000), ("large", 10000)):
        page = archive.service.get("/balance/x", {"Accept": "text/html", "X-L402-Tier": tier})
        assert page.status == 402
        assert f'<p class="about">a balance of {about} msat</p>' in page.body.decode()
