"""The recipes of contrib/ under what real sites add to them: heads of real size, large bodies, WebSocket, error pages."""

import pytest
from kit import invoices
from kit.fronts import CachingNginx
from kit.http import Client
from kit.service import wait_for
from kit.upstream import response
from test_forward_auth import DIALECTS, asks, is_challenge, site  # noqa: F401: a fixture
from test_proxy import UPGRADE, websocket, websocket_frame

BROWSER = {"Accept": "text/html,*/*;q=0.8", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture
def long_invoices(monkeypatch):
    """Invoices with a long description and several route hints."""
    monkeypatch.setattr(invoices, "LENGTH", 1500)


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_case_h22_a_402_of_any_size_reaches_the_client_through_the_front(site, front, long_invoices):  # noqa: F811
    port = getattr(site, front)().port
    both = site.ask("/weather/both/a", port=port)
    assert both.status == 402, (both.status, both.body)
    lines = both.all("www-authenticate")
    assert len(lines) == 3 and sum(map(len, lines)) > 4096
    page = site.ask("/weather/today", BROWSER, port=port)
    assert page.status == 402 and page.get("content-type").startswith("text/html") and page.all("set-cookie")
    # And what the client sends with it comes back to the backend, through the answer that lets it pass.
    cookie = "session=" + "x" * 6000
    token = site.paid()
    assert site.ask("/weather/today", {**token.headers(), "Cookie": cookie}, port=port).status == 200
    assert site.backend.last.get("cookie") == cookie


SIZES = {"nginx": {"location": "client_max_body_size 50m;"}, "caddy": {}}


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_case_h23_bodies_as_large_as_the_location_takes_them_pass(site, front):  # noqa: F811
    port = getattr(site, front)(**SIZES[front]).port
    body = b"x" * (5 * 1024 * 1024)
    # Caddy closes the connection of whoever sends so much that nobody reads, as Go's server does.
    asked = body if front == "nginx" else b"x" * 1024
    assert is_challenge(site.ask("/weather/today", method="POST", body=asked, port=port))
    assert site.ask("/weather/today", site.paid().headers(), method="POST", body=body, port=port).status == 200
    assert site.backend.last.body == body and len(site.backend.requests) == 1


def test_case_h23_a_body_beyond_the_locations_limit_is_refused_as_nginx_does(site):  # noqa: F811
    port = site.nginx(location="client_max_body_size 1m;").port
    answer = site.ask("/weather/today", site.paid().headers(), method="POST", body=b"x" * (1 << 20) + b"y", port=port)
    assert answer.status == 413 and site.backend.requests == []


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_case_h24_a_websocket_is_sold_through_the_front(site, front):  # noqa: F811
    port = getattr(site, front)().port
    site.backend.routes["/weather/ws"] = websocket
    handshake = {**UPGRADE, "Sec-WebSocket-Version": "13", "Host": "shop.example"}
    with Client(port) as client:
        assert client.request("GET", "/weather/ws", handshake).read().status == 402
    assert site.backend.requests == []
    with Client(port) as client:
        answer = client.request("GET", "/weather/ws", {**handshake, **site.paid().headers()}).read()
        assert (answer.status, answer.get("upgrade")) == (101, "websocket")
        assert client.stream.read(4 + 7) == websocket_frame(1, b"welcome", False)
        client.send(websocket_frame(2, b"question" * 100, True))
        assert client.stream.read(4 + 800) == websocket_frame(2, b"question" * 100, False)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_h24_each_proxys_question_about_a_websocket_and_a_large_body_is_answered(site, dialect):  # noqa: F811
    token = site.paid()
    for method, fields in (("GET", UPGRADE), ("POST", {"X-Original-Content-Length": "5242880"})):
        asked_method, asked, question = asks(dialect, method, "/weather/ws", {**fields, **token.headers()})
        assert site.ask(asked, question, method=asked_method).status == 200
        asked_method, asked, question = asks(dialect, method, "/weather/ws", fields)
        assert site.ask(asked, question, method=asked_method).status == (401 if dialect == "nginx" else 402)


@pytest.mark.parametrize("front", ["nginx", "caddy"])
@pytest.mark.parametrize("offer", ["h2c", "websocket, h2c", "TLS/1.0", "websocket"])
def test_case_h24_no_other_upgrade_is_handed_on(site, front, offer):  # noqa: F811
    """A WebSocket without its key is none."""
    port = getattr(site, front)().port
    site.backend.routes["/weather/health"] = site.backend.routes["/weather/today"] = lambda request, *_: response(
        b"upgraded" if request.get("upgrade") else b"plain")
    offered = {"Host": "shop.example", "Connection": "Upgrade, HTTP2-Settings", "Upgrade": offer, "HTTP2-Settings": "AAMAAABk"}
    for target, headers in (("/weather/today", site.paid().headers()), ("/weather/health", {})):
        answer = site.ask(target, {**headers, **offered}, port=port)
        assert (answer.status, answer.body) == (200, b"plain")
        assert site.backend.last.get("upgrade") is None
        assert "upgrade" not in (site.backend.last.get("connection") or "").lower()


@pytest.mark.parametrize("dialect", ["traefik", "caddy", "envoy"])
@pytest.mark.parametrize("offer", [{"Upgrade": "h2c"}, {"Upgrade": "websocket, h2c"}, {"HTTP2-Settings": "AAMAAABk"}])
def test_case_h24_a_front_that_would_hand_on_another_upgrade_is_told_no(site, dialect, offer):  # noqa: F811
    asked_method, asked, question = asks(dialect, "GET", "/weather/health", offer)
    answer = site.ask(asked, question, method=asked_method)
    assert answer.status == 400 and "WebSocket" in answer.json()["detail"]


@pytest.mark.parametrize("front", ["nginx", "caddy"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_case_m7_a_charge_is_not_used_again_for_another_body(site, front, framing):  # noqa: F811
    from kit.payments import Challenge

    port = getattr(site, front)().port
    host = {"Host": "shop.example"} if front == "nginx" else {"Host": f"shop.example:{port}"}
    challenge = Challenge.of_answer(site.ask("/weather/charge/a", host, port=port))
    token = site.house.gateway.issued[challenge.payment_hash]
    site.house.gateway.settle(token, amount_msat=1500)
    statuses = []
    for number in range(3):
        with Client(port) as client:
            body, fields = b"search %d" % number, {}
            if framing == "chunked":
                body, fields = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), {"Transfer-Encoding": "chunked"}
            client.request("GET", "/weather/charge/a", {**host, **fields, **challenge.headers(token.preimage)}, body)
            statuses.append(client.read().status)
    assert statuses[0] == 200 and 200 not in statuses[1:], statuses


@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required", "403 Forbidden", "404 Not Found", "500 Broken", "503 Busy"])
def test_case_h24_the_backends_own_errors_pass_though_the_site_intercepts_errors(site, status):  # noqa: F811
    port = site.nginx(http="proxy_intercept_errors on; error_page 404 500 503 /error.html;").port
    site.backend.routes["/weather/today"] = lambda *_: response(b"mine", status, ["WWW-Authenticate: Basic realm=x"])
    answer = site.ask("/weather/today", site.paid().headers(), port=port)
    assert (answer.status, answer.body, answer.get("www-authenticate")) == (int(status[:3]), b"mine", "Basic realm=x")
    assert is_challenge(site.ask("/weather/today", port=port))


@pytest.fixture
def cached(site):  # noqa: F811
    """The port of an nginx that keeps what it may, in front of millraced's ordinary listener."""
    if not CachingNginx.command():
        pytest.skip("no nginx")
    site.fronts.append(CachingNginx(site.house.folder, site.service.ports[0]).start())
    return site.fronts[-1].port


def test_case_h22_a_402_of_any_size_passes_nginx_in_front_of_an_ordinary_listener(site, cached, long_invoices):  # noqa: F811
    lines = site.ask("/weather/both/a", port=cached).all("www-authenticate")
    assert len(lines) == 3 and sum(map(len, lines)) > 4096
    page = site.ask("/weather/metered/a", BROWSER, port=cached)
    assert page.status == 402 and page.get("content-type").startswith("text/html") and page.all("set-cookie")


def test_case_h7_a_shared_cache_gives_nothing_that_was_paid_to_a_stranger(site, cached):  # noqa: F811
    path = "/weather/metered/a"
    site.backend.routes[path] = lambda *_: response(b"paid", headers=["Cache-Control: public, max-age=3600, s-maxage=7200"])
    site.backend.routes["/weather/metered/free"] = lambda *_: response(b"free", headers=["Cache-Control: public, max-age=3600"])
    stranger = site.ask(path, port=cached)
    assert stranger.status == 402
    token = site.paid("metered")
    for name, value in (
        ("Authorization", token.authorization()),
        ("Macaroon", token.macaroon.copy().add("preimage=" + token.preimage.hex()).binary().hex()),
        ("Grpc-Metadata-Macaroon", token.macaroon.copy().add("preimage=" + token.preimage.hex()).binary().hex()),
    ):
        assert site.ask(path, {name: value}, port=cached).body == b"paid"
        assert site.ask(path, port=cached).status == 402, name
    # By the cookie of a pay page.
    page = site.ask(path, BROWSER, port=cached)
    bought = site.token_of(page)
    site.house.gateway.settle(bought)
    opened = {**BROWSER, "Cookie": page.all("set-cookie")[0].split(";")[0]}
    wait_for(lambda: site.ask(path, opened, port=cached).status == 200, "the page opens")
    assert site.ask(path, port=cached).status == 402
    # What everybody gets may be kept.
    assert [site.ask("/weather/metered/free", port=cached).body for _ in range(3)] == [b"free"] * 3
    assert [request.target for request in site.backend.requests].count("/weather/metered/free") == 1
