"""What a 402 offers, to clients of every kind: those that ask by HEAD, that read one line, or that read the body alone."""

import base64
import json

import pytest
from kit import invoices
from kit.payments import Challenge, Deposit, b64url
from test_limits import issues
from test_pages import NAVIGATION

SOLD = """
[[service]]
name = "both"
path = "/both/"
upstream = "{upstream}"
price_msat = 2001
schemes = ["l402", "payment"]
description = "{{method}} {{path}}"
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1500
schemes = ["payment"]
[[service]]
name = "stream"
path = "/stream/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["l402", "payment"]
session = {{ deposit_msat = 5000 }}
[[service]]
name = "deposit"
path = "/deposit/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 5000, offer = "alone" }}
[[service]]
name = "tiers"
path = "/tiers/"
upstream = "{upstream}"
price_msat = 1000
[[service.tier]]
name = "small"
tier = 0
[[service.tier]]
name = "large"
tier = 1
price_msat = 9000
"""

# What earlier builds do not know stands apart, so that the rest of these tests can be seen to fail on them.
NEW = """
[[service]]
name = "new"
path = "/new/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["l402", "payment"]
lsat = false
"""


@pytest.fixture(scope="module")
def _market():
    from conftest import close_house, make_house

    made, name = make_house("offers")
    made.start(services=SOLD.format(upstream=made.upstream.url))
    yield made
    close_house(made, name)


@pytest.fixture
def market(_market):
    _market.upstream.routes.clear()
    return _market


def schemes(answer):
    """The lines in order, a Payment line by its intent."""
    lines = answer.all("www-authenticate")
    return [Challenge.of_line(line)["intent"] if line.startswith("Payment ") else line.split()[0] for line in lines]


def dated(answer):
    return [(name, value) for name, value in answer.fields if name.lower() != "date"]


# -- H25: HEAD --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/weather/x", "/both/x", "/charge/x", "/stream/x", "/deposit/x", "/tiers/x"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "L402 nonsense"}, {"Accept-Payment": "lightning/charge"}])
def test_case_h25_head_gets_what_get_would_without_a_body(house, target, headers):
    house.start("[challenges]\n", SOLD.format(upstream=house.upstream.url))
    with house.service.client() as client:
        head = client.request("HEAD", target, headers).read(to_head=True)
        get = client.request("GET", target, headers).read()
    assert head.status == get.status == 402 and get.body
    assert dated(head) == dated(get)
    assert head.all("www-authenticate") and head.get("x-l402-price-msat")


def test_case_h25_head_of_a_browser_gets_the_heads_of_a_page(shared):
    answers = [shared.service.request(method, "/weather/x", NAVIGATION) for method in ("HEAD", "GET")]
    names = [[name for name, _ in answer.fields] for answer in answers]
    assert names[0] == names[1] and "Set-Cookie" in names[0]
    assert answers[0].get("content-type") == answers[1].get("content-type") == "text/html; charset=utf-8"


def test_case_h25_head_has_the_limits_of_get(house):
    house.start('[challenges]\nreuse = false\nper_prefix = "3/h"\n')
    answers = [house.service.request(method, "/weather/x") for method in ("HEAD", "GET", "HEAD", "HEAD", "GET")]
    assert [answer.status for answer in answers] == [402, 402, 402, 429, 429]
    assert answers[3].get("retry-after") and not answers[3].all("www-authenticate")
    assert issues(house) == 3


def test_case_h25_what_a_head_brought_is_paid_and_opens(market):
    answer = market.service.request("HEAD", "/both/x")
    payment_hash = invoices.hash_of(answer.get("www-authenticate").split('invoice="')[1])
    asked = [one["params"] for one in market.gateway.requests if one["method"] == "issue"][-1]
    assert asked["description"] == "GET /both/x"
    assert market.service.get("/both/x", market.gateway.issued[payment_hash].headers()).status == 200


def test_case_h25_options_is_no_402_and_costs_nothing(market):
    before = issues(market)
    answer = market.service.request("OPTIONS", "/both/x")
    assert (answer.status, answer.get("x-l402-price-msat")) == (204, "2001")
    assert issues(market) == before


# -- C7, C8: sessions -------------------------------------------------------------------------------------------------


def test_case_c7_a_client_that_says_nothing_is_offered_a_session_last_and_can_open_it(market):
    from kit import bolt11

    answer = market.service.get("/stream/x")
    assert schemes(answer) == ["LSAT", "L402", "charge", "session"]
    deposit = Deposit(market, answer)
    assert market.service.get("/stream/x", deposit.open(bolt11.invoice())).status == 200


def test_case_c7_both_invoices_count_within_the_limits(house):
    house.start('[challenges]\nreuse = false\nper_prefix = "5/h"\n', SOLD.format(upstream=house.upstream.url))
    offered = [schemes(house.service.get("/stream/x")) for _ in range(3)]
    # The last has no room for a deposit's, and can be bought all the same.
    assert offered == [["LSAT", "L402", "charge", "session"]] * 2 + [["LSAT", "L402", "charge"]]
    assert house.service.get("/stream/x").status == 429
    assert issues(house) == 5


def test_case_c7_a_browser_and_a_quote_get_no_deposit_that_nobody_asked_for(market):
    before = issues(market)
    assert schemes(market.service.get("/stream/x", NAVIGATION)) == ["LSAT", "L402", "charge"]
    with market.service.client() as client:
        body = json.dumps({"service": "stream", "mint": True}).encode()
        assert client.request("POST", "/l402/quote", body=body).read().json()["invoice"]
    assert issues(market) == before + 2


def test_case_c7_the_former_word_for_any_still_means_it(house):
    services = SOLD.format(upstream=house.upstream.url).replace("deposit_msat = 5000 }", 'deposit_msat = 5000, offer = "always" }')
    house.start(services=services)
    assert schemes(house.service.get("/stream/x"))[-1] == "session"


# -- C9: the body alone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target, sats", [("/weather/x", 1), ("/both/x", 3), ("/stream/x", 1)])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "L402 nonsense"}])
def test_case_c9_who_reads_the_body_alone_can_buy(market, target, sats, headers):
    answer = market.service.get(target, headers)
    document = answer.json()
    line = answer.all("www-authenticate")[0]
    assert line.endswith(f'macaroon="{document["macaroon"]}", invoice="{document["invoice"]}"')
    assert document["macaroon"] in line and document["invoice"] in line
    assert document["amount_sats"] == sats and -(-document["price_msat"] // 1000) == sats
    token = market.gateway.issued[invoices.hash_of(document["invoice"])]
    credential = {"Authorization": f"L402 {document['macaroon']}:{token.preimage.hex()}"}
    assert market.service.get(target, credential).status == 200


def test_case_c9_only_an_offer_of_l402_is_in_the_body(market):
    for target in ("/charge/x", "/deposit/x"):
        document = market.service.get(target).json()
        assert not {"macaroon", "invoice", "amount_sats"} & set(document)
    page = market.service.get("/weather/x", NAVIGATION)
    macaroon = page.get("www-authenticate").split('macaroon="')[1].split('"')[0]
    assert macaroon.encode() not in page.body and b"amount_sats" not in page.body
    # And no seal of a page: what is in a document opens nothing without the preimage.
    document = market.service.get("/weather/x").json()
    value = base64.urlsafe_b64encode(base64.b64decode(document["macaroon"])).decode().rstrip("=")
    cookie = f"millrace-pay-weather~1000={value}.1000.9999999999.{document['invoice']}."
    assert market.service.get("/weather/x", {"Cookie": cookie}).status == 402


# -- C10: one name ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_case_c10_a_service_can_leave_the_old_name_out(house, method):
    house.start(services=NEW.format(upstream=house.upstream.url))
    answer = house.service.request(method, "/new/x")
    assert schemes(answer) == ["L402", "charge"]
    assert not [line for line in answer.all("www-authenticate") if "LSAT" in line]
    # What comes under it is taken all the same.
    payment_hash = invoices.hash_of(answer.get("www-authenticate").split('invoice="')[1])
    macaroon = answer.get("www-authenticate").split('macaroon="')[1].split('"')[0]
    preimage = house.gateway.issued[payment_hash].preimage.hex()
    assert house.service.get("/new/x", {"Authorization": f"LSAT {macaroon}:{preimage}"}).status == 200
    with house.service.client() as client:
        quote = client.request("POST", "/l402/quote", body=b'{"service": "new", "mint": true}').read().json()
    assert quote["macaroon"] and quote["invoice"]
    assert [line.split()[0] for line in house.service.get("/new/x", NAVIGATION).all("www-authenticate")] == ["L402", "Payment"]


# -- C11: hex of either case ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: text[:32].upper() + text[32:]])
def test_case_c11_a_charge_takes_a_preimage_of_either_case(market, change):
    challenge = Challenge.of_answer(market.service.get("/charge/x"))
    credential = challenge.credential(market.gateway.issued[challenge.payment_hash].preimage)
    credential["payload"]["preimage"] = change(credential["payload"]["preimage"])
    headers = {"Authorization": "Payment " + b64url(json.dumps(credential).encode())}
    assert market.service.get("/charge/x", headers).status == 200


def test_case_c11_so_do_tokens_and_sessions(market):
    from kit import bolt11

    token = market.paid()
    upper = token.preimage.hex().upper()
    assert market.service.get("/weather/x", {"Authorization": f"L402 {token.macaroon.base64()}:{upper}"}).status == 200
    in_hex = token.macaroon.copy().add("preimage=" + upper).binary().hex().upper()
    assert market.service.get("/weather/x", {"Macaroon": in_hex}).status == 200
    deposit = Deposit(market, market.service.get("/deposit/x"))
    hex_of = deposit.preimage.hex().upper()

    def sent(**payload):
        body = {"challenge": deposit.challenge.parameters, "payload": payload}
        return market.service.get("/deposit/x", {"Authorization": "Payment " + b64url(json.dumps(body).encode())}).status

    assert sent(action="open", preimage=hex_of, returnInvoice=bolt11.invoice()) == 200
    assert sent(action="bearer", preimage=hex_of, sessionId=deposit.hash.upper()) == 200
    assert sent(action="close", preimage=hex_of, sessionId=deposit.hash.upper()) == 200
