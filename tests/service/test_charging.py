"""What is charged: what the upstream was asked to do, and nothing else. By each way of paying."""

import socket
import struct
import threading
import time

import pytest
from kit.service import wait_for
from kit.sold import KINDS, Buyer, services
from kit.upstream import Upstream, response

TIMEOUTS = """
[timeouts]
half_closed = "600ms"
"""
BODY = b"x" * 2000


@pytest.fixture(scope="module")
def _shop():
    from conftest import close_house, make_house

    house, name = make_house("charging")
    house.start(extra=TIMEOUTS, services=services(house))
    yield house
    close_house(house, name)


@pytest.fixture
def shop(_shop):
    _shop.upstream.routes.clear()
    _shop.upstream.streaming.clear()
    return _shop


def reset(client):
    """The kernel sends a RST."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


ENDS = {
    "close": lambda client: client.close(),
    "reset": reset,
    "half-close": lambda client: client.socket.shutdown(socket.SHUT_WR),
}


class Act:
    """A handler that acts on a request, waits, and answers; it notes when its connection was cut."""

    def __init__(self, wait=0.3, answer=None):
        self.acted, self.wait, self.answer = [], wait, answer or response(b"done\n")
        self.cut = threading.Event()

    def __call__(self, request, connection, stream):
        self.acted.append(request)
        connection.settimeout(self.wait)
        try:
            if connection.recv(1) in (b"",):
                self.cut.set()
                raise Upstream.Hangup
        except TimeoutError:
            pass
        except OSError:
            self.cut.set()
            raise
        connection.settimeout(None)
        return self.answer


def leave(shop, kind, act, end, body=BODY, method="POST"):
    """A request whose client leaves once the upstream has acted on it."""
    shop.upstream.routes[f"/{kind}/act"] = act
    buyer = Buyer(shop, kind)
    before, seen = buyer.charged(), len(act.acted)
    client = shop.service.client()
    client.request(method, f"/{kind}/act", buyer.headers(), body)
    wait_for(lambda: len(act.acted) > seen, "the upstream acts")
    ENDS[end](client)
    return buyer, before, client


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_case_m7_who_leaves_after_the_request_went_out_whole_is_charged(shop, kind, end):
    act = Act(wait=0.3)
    buyer, before, client = leave(shop, kind, act, end)
    wait_for(lambda: buyer.charged() > before, "it is charged", 3)
    assert len(act.acted) == 1
    if kind in ("once", "charge"):
        assert shop.service.request("POST", f"/{kind}/act", buyer.headers(), BODY).status == 402
        assert len(act.acted) == 1
    client.close()


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("kind", KINDS)
def test_case_m7_who_does_not_wait_for_the_head_is_charged_and_the_upstream_hears_of_it(shop, kind, end):
    act = Act(wait=10)
    buyer, before, client = leave(shop, kind, act, end)
    began = time.monotonic()
    assert act.cut.wait(5), "the upstream goes on"
    took = time.monotonic() - began
    assert took < (1.2 if end == "reset" else 2.2), took  # a closed connection looks half-closed for 600 ms
    wait_for(lambda: buyer.charged() > before, "it is charged", 3)
    assert len(act.acted) == 1


@pytest.mark.parametrize("kind", ["once", "charge", "bytes"])
def test_case_m7_a_head_that_came_before_the_body_was_sent_is_charged(shop, kind):
    acted = []

    def early(request, connection, stream):
        acted.append(request)
        connection.sendall(response(b"early\n"))
        stream.read(100)
        raise Upstream.Hangup

    shop.upstream.routes[f"/{kind}/early"] = early
    shop.upstream.streaming.add(f"/{kind}/early")
    buyer = Buyer(shop, kind)
    with shop.service.client() as client:
        client.request("POST", f"/{kind}/early", {**buyer.headers(), "Content-Length": "100000"})
        assert client.read().body == b"early\n"
    assert buyer.charged() > 0 and len(acted) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_case_m7_a_request_that_did_not_go_out_whole_is_not_charged(shop, kind):
    seen = threading.Event()

    def half(request, connection, stream):
        seen.set()
        stream.read(100_000)
        raise Upstream.Hangup

    shop.upstream.routes[f"/{kind}/half"] = half
    shop.upstream.streaming.add(f"/{kind}/half")
    buyers = []
    for end in ENDS.values():
        buyer = Buyer(shop, kind)
        buyers.append((buyer, buyer.charged()))
        seen.clear()
        client = shop.service.client()
        client.request("POST", f"/{kind}/half", {**buyer.headers(), "Content-Length": "100000"})
        client.send(b"half")
        assert seen.wait(5)
        end(client)
        client.close()
    # The same again, whole, once the service has noticed.
    act = Act(wait=0)
    shop.upstream.routes[f"/{kind}/half"] = lambda *_: response(b"done\n")
    time.sleep(0.1)
    wait_for(lambda: all(buyer.charged() == before for buyer, before in buyers), "nothing is charged")
    buyer, before = buyers[-1]
    wait_for(lambda: shop.service.request("POST", f"/{kind}/half", buyer.headers(), b"y" * 100_000).status == 200, "it is good for a whole one")
    assert buyer.charged() > before
    assert act.acted == []


@pytest.mark.parametrize("kind", KINDS)
def test_case_m9_who_half_closes_gets_the_answer(shop, kind):
    act = Act(wait=0.2)
    buyer, before, client = leave(shop, kind, act, "half-close")
    with client:
        answer = client.read()
        assert (answer.status, answer.body) == (200, b"done\n")
        assert client.ended()
    assert buyer.charged() > before


def test_case_m9_a_half_closed_client_is_served_while_something_comes(shop):
    def drip(request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            time.sleep(0.35)
            connection.sendall(b"3\r\nabc\r\n")
        return b"0\r\n\r\n"

    shop.upstream.routes["/uses/drip"] = drip
    buyer = Buyer(shop, "uses")
    with shop.service.client() as client:
        client.request("GET", "/uses/drip", buyer.headers())
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read().body == b"abc" * 4
    assert buyer.charged() == 1


@pytest.mark.parametrize("end", ["close", "reset"])
def test_case_h5_a_client_that_leaves_a_silent_stream_is_noticed(shop, end):
    cut = threading.Event()

    def silent(request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n")
        connection.settimeout(10)
        try:
            connection.recv(1)
        except TimeoutError:
            return None
        except OSError:
            pass
        cut.set()
        raise Upstream.Hangup

    shop.upstream.routes["/uses/silent"] = silent
    shop.upstream.routes["/weather/public/silent"] = silent
    for target in ("/uses/silent", "/weather/public/silent"):
        cut.clear()
        buyer = Buyer(shop, "uses")
        client = shop.service.client()
        client.request("GET", target, buyer.headers())
        assert client.head().status == 200
        assert client.stream.readline() == b"9\r\n"
        began = time.monotonic()
        ENDS[end](client)
        assert cut.wait(5), "the upstream goes on"
        assert time.monotonic() - began < (1.2 if end == "reset" else 2.2)


@pytest.mark.parametrize("kind", KINDS)
def test_case_m17_what_never_reached_the_upstream_is_unused(house, kind):
    upstream = Upstream()
    port = upstream.port
    extra = services(house).replace(house.upstream.url, upstream.url)
    house.start(extra=TIMEOUTS, services=extra)
    buyer = Buyer(house, kind)
    before = buyer.charged()
    upstream.close()
    for method in ("POST", "POST", "GET"):
        assert house.service.request(method, f"/{kind}/act", buyer.headers(), BODY if method == "POST" else None).status == 502
        assert buyer.charged() == before
    if kind == "charge":
        house.service.kill()
        house.service.start()
    back = Upstream(port=port)
    try:
        # Whatever the upstream fails with is free; an answer is not.
        back.routes[f"/{kind}/500"] = lambda *_: response(b"", "500 Oops")
        back.routes[f"/{kind}/odd"] = lambda *_: response(b"", "999 Odd")

        def gone(*_):
            raise Upstream.Hangup

        back.routes[f"/{kind}/gone"] = gone
        for path, status in (("500", 500), ("odd", 502), ("gone", 502), ("500", 500)):
            assert house.service.request("POST", f"/{kind}/{path}", buyer.headers(), BODY).status == status
            assert buyer.charged() == before, path
        assert house.service.request("POST", f"/{kind}/act", buyer.headers(), BODY).status == 200
        assert buyer.charged() > before
        if kind in ("charge", "once"):
            answer = house.service.request("POST", f"/{kind}/act", buyer.headers(), BODY)
            assert (answer.status, answer.json()["reason"]) == (402, "not_repeatable" if kind == "charge" else "quota_exhausted")
    finally:
        back.close()


def test_case_m17_a_charge_that_came_to_nothing_may_be_used_as_a_token(house):
    upstream = Upstream()
    port = upstream.port
    upstream.close()
    sold = f'[[service]]\nname="both"\npath="/both/"\nupstream="http://127.0.0.1:{port}"\nprice_msat=1000\nschemes=["l402","payment"]\n'
    house.start(services=sold)
    from kit import invoices
    from kit.payments import Challenge
    import re

    offered = house.service.get("/both/x")
    charge = Challenge.of_answer(offered)
    token = house.gateway.issued[charge.payment_hash]
    house.gateway.settle(token)
    macaroon = re.search(r'macaroon="([^"]+)", invoice="' + invoices.PATTERN + '"', offered.all("www-authenticate")[0])[1]
    assert house.service.request("POST", "/both/x", charge.headers(token.preimage), b"x").status == 502
    back = Upstream(port=port)
    try:
        l402 = {"Authorization": f"L402 {macaroon}:{token.preimage.hex()}"}
        assert house.service.get("/both/x", l402).status == 200
        answer = house.service.request("POST", "/both/x", charge.headers(token.preimage), b"x")
        assert (answer.status, answer.json()["reason"]) == (402, "token_used")
    finally:
        back.close()


GARBAGE = {
    "chunk sizes": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    "a chunk that is longer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n",
    "a bare line feed": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n",
    "no HTTP": b"hello\r\n\r\n",
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no status": b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50,
}


@pytest.mark.parametrize("kind", KINDS)
def test_case_h14_what_cannot_be_read_is_502_and_uses_nothing(shop, kind):
    buyer = Buyer(shop, kind)
    before = buyer.charged()
    for what, garbage in GARBAGE.items():
        shop.upstream.routes[f"/{kind}/garbage"] = lambda *_, garbage=garbage: garbage
        answer = shop.service.request("POST", f"/{kind}/garbage", buyer.headers(), BODY)
        assert answer.status == 502, what
        assert buyer.charged() == before, what
        assert not answer.all("payment-receipt")
    shop.upstream.routes[f"/{kind}/garbage"] = lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nok\r\n0\r\n\r\n"
    assert shop.service.request("POST", f"/{kind}/garbage", buyer.headers(), BODY).body == b"ok"
    assert buyer.charged() > before
