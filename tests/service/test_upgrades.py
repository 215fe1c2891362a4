"""Offers to change the protocol: what clients send along with any request, and what is asked for in earnest."""

import pytest
from kit.payments import Challenge
from kit.upstream import response
from test_pages import NAVIGATION, cookie_of, is_page, settle, token_of

# As Java's client and curl --http2 send it with every request, and others that nobody here speaks.
H2C = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
OFFERS = [H2C, {"Connection": "Upgrade", "Upgrade": "TLS/1.3"}, {"Connection": "Upgrade", "Upgrade": "h2c, IRC/6.9"}, {"Connection": "upgrade", "Upgrade": "echo"}]

SERVICES = """
[[service]]
name = "free"
path = "/free/"
upstream = "{upstream}"
price_msat = 100
free_allowance = {{ requests = 100 }}
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
[[service]]
name = "bytes"
path = "/bytes/"
upstream = "{upstream}"
price_msat = 1000
bytes = "1MiB"
"""


@pytest.fixture
def shop(house):
    house.start(services=SERVICES.format(upstream=house.upstream.url))
    return house


@pytest.mark.parametrize("offer", OFFERS)
def test_case_h8_an_offer_that_is_dropped_is_no_upgrade(shop, offer):
    get = shop.service.get
    free = get("/free/x", offer)
    assert free.status == 200 and free.get("x-l402-remaining-free") == "99"
    page = get("/weather/x", {**NAVIGATION, **offer})
    assert is_page(page)
    settle(shop, token_of(shop, page))
    assert get("/weather/x", {**NAVIGATION, **offer, "Cookie": cookie_of(page)}).status == 200
    challenge = Challenge.of_answer(get("/charge/x"))
    token = shop.gateway.issued[challenge.payment_hash]
    shop.gateway.settle(token, amount_msat=1000)
    assert [get("/charge/x", {**challenge.headers(token.preimage), **offer}).status for _ in range(2)] == [200, 200], "a lost response"
    assert get("/bytes/x", {**shop.paid("bytes").headers(), **offer}).status == 200
    for name in ("upgrade", "http2-settings", "connection"):
        assert all(name not in request.names() for request in shop.upstream.requests), name


def test_case_h8_a_switch_to_what_was_dropped_is_502(shop):
    shop.upstream.routes["/weather/x"] = lambda *_: b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert shop.service.get("/weather/x", {**shop.paid().headers(), **H2C}).status == 502


def test_case_h8_beside_websocket_the_other_offers_are_dropped(shop):
    shop.upstream.routes["/weather/ws"] = lambda request, *_: response(request.get("upgrade").encode())
    asked = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c, websocket", "HTTP2-Settings": "AAMA", "Sec-WebSocket-Key": "abc"}
    answer = shop.service.get("/weather/ws", {**shop.paid().headers(), **asked})
    assert (answer.status, answer.body) == (200, b"websocket")
