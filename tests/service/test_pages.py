"""What a person's browser meets: the pay page, and the cookie that opens what was paid for."""

import base64
import re
import ssl
import time

import pytest
from kit import invoices
from kit.macaroons import Token
from kit.service import wait_for

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}
NAVIGATION = {**BROWSER, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


def is_page(answer):
    return (answer.status, answer.get("content-type")) == (402, "text/html; charset=utf-8")


def cookie_of(answer):
    """name=value of the cookie that an answer sets."""
    lines = answer.all("set-cookie")
    return lines[0].split("; ")[0] if lines else None


def invoice_of(answer):
    return re.search(r'invoice="([^"]+)"', answer.all("www-authenticate")[0])[1]


def token_of(house, answer):
    return house.gateway.issued[invoices.hash_of(invoice_of(answer))]


def settle(house, token, **more):
    """Settles, and waits until the service has it on disk."""
    before = house.service.metric('l402_revenue_msat_total{resource="weather"}')
    house.gateway.settle(token, **more)
    wait_for(lambda: house.service.metric('l402_revenue_msat_total{resource="weather"}') > before, "the settlement is stored")


def test_a_browser_gets_a_page_with_the_challenge_of_every_client(shared):
    for headers in (BROWSER, NAVIGATION):
        answer = shared.service.get("/weather/today?q=<b>", headers)
        assert is_page(answer)
        assert answer.get("cache-control") == "no-store"
        assert answer.get("referrer-policy") == "no-referrer"
        lsat, l402 = answer.all("www-authenticate")
        invoice = invoice_of(answer)
        assert lsat.startswith('LSAT macaroon="') and f'invoice="{invoice}", version="0", token="' in l402
        page = answer.body.decode()
        assert "<h1>weather</h1>" in page and '<p class="price">1<small> sat</small></p>' in page
        assert "opens it for 1 hour" in page
        assert page.count(f'href="lightning:{invoice}"') == 2
        assert f">{invoice}</textarea>" in page and "<svg role=" in page
        assert "<noscript><meta http-equiv=\"refresh\"" in page and "<b>" not in page


def test_the_policy_of_a_page_allows_nothing_but_what_stands_in_it(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    policy = dict(part.strip().split(" ", 1) for part in answer.get("content-security-policy").split(";"))
    assert (policy["default-src"], policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'", "'none'")
    assert (policy["connect-src"], policy["img-src"], policy["form-action"]) == ("'self'", "data:", "'self'")
    assert all(re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy[name]) for name in ("script-src", "style-src"))
    page = answer.body.decode()
    assert not re.search(r"(src|href)=\"(?!lightning:|data:,\"|\")", page), "something is loaded from elsewhere"
    assert " style=" not in page and " onclick=" not in page


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": "*/*"},
        {"Accept": "application/json"},
        {"Accept": "text/html, application/json"},
        {"Accept": "application/json, text/html;q=0.9"},
        {"Accept": "text/html;q=0, */*"},
        {**BROWSER, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {**BROWSER, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {**BROWSER, "X-Requested-With": "XMLHttpRequest"},
    ],
)
def test_programs_scripts_and_frames_get_the_problem_document(shared, headers):
    answer = shared.service.get("/weather/today", headers)
    assert (answer.status, answer.get("content-type")) == (402, "application/problem+json")
    assert not answer.all("set-cookie")


def test_only_get_shows_a_page(shared):
    for method in ("POST", "PUT", "DELETE"):
        with shared.service.client() as client:
            assert client.request(method, "/weather/today", NAVIGATION, b"x").read().get("content-type") == "application/problem+json"


def test_two_browsers_get_challenges_of_their_own_and_a_reload_shows_the_same_again(shared):
    first = shared.service.get("/weather/today", NAVIGATION)
    second = shared.service.get("/weather/today", NAVIGATION)
    assert invoice_of(first) != invoice_of(second)
    asked = len(shared.gateway.requests)
    again = shared.service.get("/weather/other", {**NAVIGATION, "Cookie": cookie_of(first)})
    assert is_page(again) and again.all("www-authenticate") == first.all("www-authenticate")
    assert cookie_of(again) == cookie_of(first)
    assert len(shared.gateway.requests) == asked, "a reload costs the node nothing"


def test_the_cookie_is_for_this_server_and_no_script(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    parts = [line.split("; ") for line in answer.all("set-cookie")]
    for attributes in parts:
        assert attributes[0].startswith("millrace-pay-weather~1000=")
        assert "HttpOnly" in attributes and "SameSite=Lax" in attributes and "Secure" not in attributes
    assert len(parts) == 1


def test_the_cookie_is_secure_where_the_browser_came_by_https(house):
    def attributes(**headers):
        answer = house.service.get("/weather/today", {**NAVIGATION, **{name.replace("_", "-"): value for name, value in headers.items()}})
        return {"Secure" in line.split("; ") for line in answer.all("set-cookie")}

    house.start()
    assert attributes(X_Forwarded_Proto="https") == {False}, "anybody can say so"
    house.service.reload(house.config('[clients]\ntrusted_proxies = ["127.0.0.0/8"]'))
    assert attributes(X_Forwarded_Proto="https") == {True}
    assert attributes(X_Forwarded_Proto="http") == {False}
    assert attributes() == {False}


def test_the_cookie_opens_what_was_paid_for_once_it_is_settled_and_goes_no_further(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    headers = {**NAVIGATION, "Cookie": f"a=1; {cookie_of(answer)}; b=2"}
    assert is_page(shared.service.get("/weather/today", headers))
    token = token_of(shared, answer)
    settle(shared, token)
    opened = shared.service.get("/weather/today", headers)
    assert (opened.status, opened.body) == (200, b"hello\n")
    seen = shared.upstream.last
    assert seen.get("cookie") == "a=1; b=2"
    assert seen.get("x-l402-payment-hash") == token.payment_hash.hex()
    assert "millrace-pay" not in seen.head.decode()
    # What the page of the upstream loads is paid for, too; HEAD changes nothing either.
    assert shared.service.get("/weather/logo.png", {"Accept": "image/*", "Cookie": cookie_of(answer)}).status == 200
    with shared.service.client() as client:
        assert client.request("HEAD", "/weather/today", {"Cookie": cookie_of(answer)}).read(to_head=True).status == 200


def test_a_cookie_alone_does_not_reach_the_upstream(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    assert shared.service.get("/weather/health", {"Cookie": cookie_of(answer)}).status == 200
    assert "cookie" not in shared.upstream.last.names()


def test_the_cookie_admits_nothing_that_changes_something(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    settle(shared, token_of(shared, answer))
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        with shared.service.client() as client:
            assert client.request(method, "/weather/today", {"Cookie": cookie_of(answer)}, b"x").read().status == 402
    upgrade = {"Cookie": cookie_of(answer), "Connection": "Upgrade", "Upgrade": "websocket"}
    assert shared.service.get("/weather/today", upgrade).status == 402


def test_a_token_without_the_seal_opens_nothing_however_settled_it_is(shared):
    """The token stands in the challenge, where others see it: it is no proof that whoever shows it has paid."""
    answer = shared.service.get("/weather/today", NAVIGATION)
    settle(shared, token_of(shared, answer))
    name, _, value = cookie_of(answer).partition("=")
    token, price, expires, invoice, seal = value.split(".")
    other = cookie_of(shared.service.get("/weather/today", NAVIGATION)).split(".")[-1]
    for forged in (
        token,
        f"{token}.{price}.{expires}.{invoice}",
        f"{token}.{price}.{expires}.{invoice}.",
        f"{token}.{price}.{expires}.{invoice}.{other}",
        f"{token}.{price}.{expires}.{invoice}.{base64.urlsafe_b64encode(bytes(32)).decode().rstrip('=')}",
        f"{token}.{int(price) + 1}.{expires}.{invoice}.{seal}",
        f"{token}.{price}.{int(expires) + 1}.{invoice}.{seal}",
        f"{token}.{price}.{expires}.{invoice}x.{seal}",
        f"{token}.{price}.{expires}.{invoice}.{seal}.{seal}",
    ):
        refused = shared.service.get("/weather/today", {**NAVIGATION, "Cookie": f"{name}={forged}"})
        assert is_page(refused), forged
        assert invoice_of(refused) != invoice, forged
    assert shared.service.get("/weather/today", {"Cookie": cookie_of(answer)}).status == 200


def test_the_cookie_of_one_service_is_none_of_another(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    settle(shared, token_of(shared, answer))
    value = cookie_of(answer).partition("=")[2]
    headers = {**NAVIGATION, "Cookie": f"millrace-pay-admin~9000={value}"}
    refused = shared.service.get("/weather/admin/x", headers)
    assert is_page(refused) and "bought for another service" in refused.body.decode()


def test_a_credential_is_heard_before_a_cookie(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    settle(shared, token_of(shared, answer))
    forged = Token(0, bytes(32), "weather")
    headers = {**forged.headers(), "Cookie": cookie_of(answer)}
    assert shared.service.get("/weather/today", headers).json()["reason"] == "bad_signature"


def test_the_time_bought_ends_for_a_cookie_as_for_a_credential(shared):
    answer = shared.service.get("/weather/today", NAVIGATION)
    settle(shared, token_of(shared, answer), at=time.time() - 3601)
    refused = shared.service.get("/weather/today", {**NAVIGATION, "Cookie": cookie_of(answer)})
    assert is_page(refused) and "The time that the token bought has passed." in refused.body.decode()
    assert invoice_of(refused) != invoice_of(answer), "what was paid is not offered again"


def test_a_cookie_of_a_retired_key_opens_nothing(house):
    house.start()
    answer = house.service.get("/weather/today", NAVIGATION)
    settle(house, token_of(house, answer))
    headers = {"Cookie": cookie_of(answer)}
    assert house.service.get("/weather/today", headers).status == 200
    house.gateway.rotate()
    house.gateway.retire(0)
    wait_for(lambda: house.service.get("/weather/today", headers).status == 402, "the key is gone")


def test_without_keys_a_cookie_is_neither_refused_nor_believed(house):
    house.start()
    answer = house.service.get("/weather/today", NAVIGATION)
    settle(house, token_of(house, answer))
    house.service.stop()
    house.gateway.stop()
    house.service.start(wait_ready=False)
    assert house.service.get("/weather/today", {**NAVIGATION, "Cookie": cookie_of(answer)}).status == 503


def test_a_new_price_makes_a_new_page(house):
    house.start()
    answer = house.service.get("/weather/today", NAVIGATION)
    house.service.reload(house.config().replace("price_msat = 1000", "price_msat = 1500"))
    again = house.service.get("/weather/today", {**NAVIGATION, "Cookie": cookie_of(answer)})
    assert invoice_of(again) != invoice_of(answer)
    assert '<p class="price">1.5<small> sat</small></p>' in again.body.decode()


def test_a_service_can_do_without_pages(house):
    house.start(config=house.config().replace('timeout = "1h"', 'timeout = "1h"\npay_page = false'))
    answer = house.service.get("/weather/today", NAVIGATION)
    assert (answer.status, answer.get("content-type")) == (402, "application/problem+json")
    assert is_page(house.service.get("/weather/admin/x", NAVIGATION))


def test_descriptions_are_escaped(house):
    description = "<script>alert('1')</script> & \\\"more\\\""
    house.start(config=house.config().replace("the keys to the house", description))
    page = house.service.get("/weather/admin/x", NAVIGATION).body.decode()
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;more&quot;" in page
    assert "<script>alert" not in page


def test_an_expired_invoice_is_kept_for_a_moment_and_then_replaced(house):
    house.start()
    house.gateway.expiry = -5
    answer = house.service.get("/weather/today", NAVIGATION)
    assert is_page(answer) and "This invoice has expired." in answer.body.decode()
    assert "<svg" not in answer.body.decode(), "nobody pays what cannot be paid"
    again = house.service.get("/weather/today", {**NAVIGATION, "Cookie": cookie_of(answer)})
    assert invoice_of(again) == invoice_of(answer), "a payment that was made in the last second is not lost"
    settle(house, token_of(house, answer))
    assert house.service.get("/weather/today", {**NAVIGATION, "Cookie": cookie_of(answer)}).status == 200
    house.gateway.expiry = -31
    answer = house.service.get("/weather/today", NAVIGATION)
    again = house.service.get("/weather/today", {**NAVIGATION, "Cookie": cookie_of(answer)})
    assert invoice_of(again) != invoice_of(answer)


def test_each_price_of_a_service_has_a_cookie_of_its_own(house):
    """What was bought for less is not lost to the page of what costs more."""
    routes = """[[service.route]]
name = "map"
path = "/weather/map"
price_msat = 5000
[[service.route]]
name = "archive"
path = "/weather/archive"
scope = "route"
"""
    house.start(config=house.config().replace('free = ["/weather/health", "/weather/public/"]\n', 'free = ["/weather/health", "/weather/public/"]\n' + routes, 1))
    cheap = house.service.get("/weather/today", NAVIGATION)
    settle(house, token_of(house, cheap))
    jar = cookie_of(cheap)
    assert house.service.get("/weather/today", {**NAVIGATION, "Cookie": jar}).status == 200
    dear = house.service.get("/weather/map", {**NAVIGATION, "Cookie": jar})
    assert is_page(dear) and '<p class="price">5<small> sat</small></p>' in dear.body.decode()
    own = house.service.get("/weather/archive", {**NAVIGATION, "Cookie": jar})
    assert is_page(own)
    names = [cookie_of(answer).split("=")[0] for answer in (cheap, dear, own)]
    assert names == ["millrace-pay-weather~1000", "millrace-pay-weather~5000", "millrace-pay-weather~archive~1000"]
    jar = "; ".join(cookie_of(answer) for answer in (own, dear, cheap))
    assert house.service.get("/weather/today", {**NAVIGATION, "Cookie": jar}).status == 200
    for path, page in (("/weather/map", dear), ("/weather/archive", own)):
        assert invoice_of(house.service.get(path, {**NAVIGATION, "Cookie": jar})) == invoice_of(page)
        settle(house, token_of(house, page))
        assert house.service.get(path, {**NAVIGATION, "Cookie": jar}).status == 200


EVENTS = "/.well-known/millrace/settled"


def listen(service, answer, offer="weather~1000"):
    """A connection on which a page's events come, its head read."""
    client = service.client()
    client.request("GET", f"{EVENTS}?offer={offer}", {"Accept": "text/event-stream", "Cookie": cookie_of(answer)})
    return client, client.head()


def test_a_page_is_told_at_once_that_it_is_paid(shared):
    pages = [shared.service.get("/weather/today", NAVIGATION) for _ in range(6)]
    listeners = [listen(shared.service, page) for page in pages]
    for client, head in listeners:
        assert (head.status, head.get("content-type"), head.get("cache-control")) == (200, "text/event-stream", "no-store")
        assert client.stream.readline() + client.stream.readline() == b"retry: 3000\n\n"
    for (client, _), page in list(zip(listeners, pages))[:5]:
        started = time.monotonic()
        shared.gateway.settle(token_of(shared, page))
        assert client.stream.read() == b"event: settled\ndata: {}\n\n"
        assert time.monotonic() - started < 2
        client.close()
    # The one whose page was not paid for heard nothing of the others.
    last = listeners[5][0]
    last.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        last.socket.recv(1)
    last.close()


def test_a_page_that_asks_after_the_settlement_is_told_too(shared):
    page = shared.service.get("/weather/today", NAVIGATION)
    settle(shared, token_of(shared, page))
    client, _ = listen(shared.service, page)
    assert client.stream.read().endswith(b"event: settled\ndata: {}\n\n")


def test_events_are_for_the_browser_that_was_shown_the_page(shared):
    page = shared.service.get("/weather/today", NAVIGATION)
    token = token_of(shared, page)
    get = shared.service.get
    assert get(f"{EVENTS}?offer=weather~1000").status == 403
    assert get(f"{EVENTS}?offer=weather~1000&hash={token.payment_hash.hex()}").status == 403
    assert get(f"{EVENTS}?offer=nothing~1", {"Cookie": cookie_of(page)}).status == 403
    assert get(f"{EVENTS}?offer=admin~9000", {"Cookie": cookie_of(page)}).status == 403
    assert get(EVENTS, {"Cookie": cookie_of(page)}).status == 403
    forged = f"millrace-pay-weather~1000={base64.urlsafe_b64encode(token.macaroon.binary()).decode().rstrip('=')}"
    assert get(f"{EVENTS}?offer=weather~1000", {"Cookie": forged}).status == 403


def test_the_path_of_events_is_reserved_and_takes_get_alone(house):
    whole = '[[service]]\nname = "all"\npath = "/"\nupstream = "{}"\nprice_msat = 1\n'.format(house.upstream.url)
    house.start(services=whole)
    assert house.service.get(EVENTS).status == 403
    with house.service.client() as client:
        refused = client.request("POST", EVENTS, body=b"x").read()
    assert (refused.status, refused.get("allow")) == (405, "GET, HEAD, OPTIONS")
    # Beside it, the service's own path is its own.
    assert house.service.get("/.well-known/other").status == 402


def test_without_pages_the_path_of_events_is_nothing_special(house):
    config = house.config().replace("price_msat = 1000", "price_msat = 1000\npay_page = false")
    house.start(config=config.replace("price_msat = 9000", "price_msat = 9000\npay_page = false"))
    assert house.service.get(EVENTS).status == 404


def test_no_more_pages_wait_than_are_allowed(house):
    house.start("[pay_page]\nmax_waiting = 2")
    pages = [house.service.get("/weather/today", NAVIGATION) for _ in range(3)]
    first, second = (listen(house.service, page)[0] for page in pages[:2])
    third, head = listen(house.service, pages[2])
    assert (head.status, head.get("retry-after")) == (503, "15")
    third.close()
    house.gateway.settle(token_of(house, pages[0]))
    assert first.stream.read().endswith(b"event: settled\ndata: {}\n\n")
    wait_for(lambda: listen(house.service, pages[2])[1].status == 200, "a place is free again")
    second.close()


def test_waiting_pages_do_not_hold_up_the_end_of_the_service(house):
    house.start()
    client, head = listen(house.service, house.service.get("/weather/today", NAVIGATION))
    assert head.status == 200
    started = time.monotonic()
    house.service.stop()
    assert time.monotonic() - started < 5
    assert client.stream.read() == b"retry: 3000\n\n"


def test_a_settlement_that_was_missed_while_the_gateway_was_away_is_told_when_it_is_back(house):
    house.start()
    page = house.service.get("/weather/today", NAVIGATION)
    client, _ = listen(house.service, page)
    house.gateway.stop()
    wait_for(lambda: not house.service.ready(), "the gateway is gone")
    house.gateway.settle(token_of(house, page))
    house.gateway.start()
    assert client.stream.read().endswith(b"event: settled\ndata: {}\n\n")


def test_a_waiting_connection_is_kept_alive(shared):
    client, _ = listen(shared.service, shared.service.get("/weather/today", NAVIGATION))
    client.socket.settimeout(20)
    assert [client.stream.readline() for _ in range(4)][2:] == [b": waiting\n", b"\n"]
    client.close()


@pytest.mark.parametrize("tls", [False, True])
def test_a_browser_that_leaves_gives_up_its_place_at_once(house, tls):
    listen_tls = ""
    if tls:
        from kit.tls import Authority

        pair = Authority(house.folder).issue("localhost")
        listen_tls = f'tls_cert = "{pair.certificate}"\ntls_key = "{pair.key}"\n'
    house.start(config=house.config("[pay_page]\nmax_waiting = 1").replace("threads = 2\n", "threads = 2\n" + listen_tls))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    more = {"tls": context} if tls else {}

    def page():
        with house.service.client(**more) as client:
            return client.get("/weather/today", NAVIGATION)

    def wait(page):
        client = house.service.client(**more)
        client.request("GET", f"{EVENTS}?offer=weather~1000", {"Accept": "text/event-stream", "Cookie": cookie_of(page)})
        return client, client.head()

    first, second = page(), page()
    for _ in range(3):
        started = time.monotonic()
        client, head = wait(first)
        assert head.status == 200
        refused, head = wait(second)
        assert head.status == 503
        refused.close()
        client.close()
        other = []
        wait_for(lambda: other.append(wait(second)) or other[-1][1].status == 200, "the place is free again", 5)
        for connection, _ in other:
            connection.close()
        wait_for(lambda: other.append(wait(first)) or other[-1][1].status == 200, "the place is free again", 5)
        for connection, _ in other:
            connection.close()
        assert time.monotonic() - started < 8
        # What such a client sends is passed over; and a place is given up where it is told.
        wait_for(lambda: other.append(wait(first)) or other[-1][1].status == 200, "the place is free again", 5)
        other[-1][0].send(b"GET / HTTP/1.1\r\n\r\n")
        house.gateway.settle(token_of(house, first))
        assert other[-1][0].stream.read().endswith(b"event: settled\ndata: {}\n\n")
        first = page()


def waits(answer, status):
    """That it is the page of a 429 or a 503; the seconds after which it looks again."""
    assert (answer.status, answer.get("content-type")) == (status, "text/html; charset=utf-8")
    text = answer.body.decode()
    seconds = int(re.search('<meta http-equiv="refresh" content="([0-9]+)">', text)[1])
    assert seconds == int(answer.get("retry-after"))
    assert "default-src 'none'" in answer.get("content-security-policy")
    assert answer.get("cache-control") == "no-store" and not answer.all("set-cookie")
    assert "<h1>weather</h1>" in text and "<script" not in text
    return seconds


def test_where_more_is_asked_for_than_is_sold_a_browser_gets_a_page_that_looks_again(house):
    house.start('[challenges]\nper_prefix = "1/30s"\n')
    assert is_page(house.service.get("/weather/x", NAVIGATION))
    assert 1 <= waits(house.service.get("/weather/x", NAVIGATION), 429) <= 30
    for headers in ({}, {"Accept": "application/json"}, {**BROWSER, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}):
        answer = house.service.get("/weather/today", headers)
        assert answer.get("content-type") == "application/problem+json"
    with house.service.client() as client:
        answer = client.request("POST", "/weather/x", BROWSER, b"x").read()
        assert (answer.status, answer.get("content-type")) == (429, "application/problem+json")
        # One with a body keeps its connection, and gets the page as well.
        assert waits(client.request("GET", "/weather/x", BROWSER, b"x" * 1000).read(), 429) >= 1
        assert waits(client.get("/weather/x", NAVIGATION), 429) >= 1


def test_while_the_node_is_away_a_browser_gets_a_page_that_looks_again(house):
    house.start()
    house.gateway.stop()
    wait_for(lambda: not house.service.ready(), "the gateway is gone")
    answer = house.service.get("/weather/x", NAVIGATION)
    assert waits(answer, 503) == 5
    assert "Nothing was charged" in answer.body.decode()
    config = house.config().replace('timeout = "1h"', 'timeout = "1h"\npay_page = false')
    house.service.reload(config)
    assert house.service.get("/weather/x", NAVIGATION).get("content-type") == "application/problem+json"
