"""What upstreams answer, and how it is read: interim answers, chunks, statuses, versions."""

import time

import pytest
from kit.pricer import Pricer, said
from kit.service import wait_for
from kit.upstream import Upstream, response

FREE = "/weather/public/"
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"

SERVICES = """
[[service]]
name = "checked"
path = "/checked/"
upstream = "{checked}"
health = {{ path = "/well", interval = "100ms" }}
price_msat = 1
free = ["/checked/"]
[[service]]
name = "priced"
path = "/priced/"
upstream = "{upstream}"
price_msat = 1000
pricer = {{ url = "{pricer}", fallback_msat = 9000, cache = "1s" }}
"""


def test_case_h4_interim_answers_are_skipped_by_health_checks_and_pricers_too(house):
    checked, pricer = Upstream(), Pricer()
    try:
        checked.routes["/well"] = lambda *_: HINT + HINT + response(b"well")
        pricer.answer = lambda *_: HINT + said({"price_msat": 2000})
        service = house.start(services=SERVICES.format(upstream=house.upstream.url, checked=checked.url, pricer=pricer.url))
        wait_for(lambda: len(checked.requests) >= 2, "the address is checked")
        assert service.metric(f'l402_upstream_healthy{{resource="checked",address="{checked.url}"}}') == 1
        assert service.get("/checked/x").status == 200
        assert service.get("/priced/x").json()["price_msat"] == 2000
        # In pieces: the answer comes when the hint was read already.
        checked.routes["/well"] = lambda request, connection, stream: connection.sendall(HINT) or response(b"no", "500 Oops")
        wait_for(lambda: service.metric(f'l402_upstream_healthy{{resource="checked",address="{checked.url}"}}') == 0, "it is found unwell")
    finally:
        checked.close()
        pricer.close()


def test_case_h27_interim_answers_without_end_are_no_answer(shared):
    sent = []

    def storm(request, connection, stream):
        for number in range(1000):
            connection.sendall(HINT)
            sent.append(number)

    shared.upstream.routes[FREE + "eight"] = lambda *_: HINT * 8 + response(b"ok")
    shared.upstream.routes[FREE + "storm"] = storm
    with shared.service.client() as client:
        client.request("GET", FREE + "eight")
        statuses = []
        while (answer := client.read(interim=True)).status == 103:
            statuses.append(answer.get("link"))
        assert (len(statuses), answer.status, answer.body) == (8, 200, b"ok")
        client.request("GET", FREE + "storm")
        statuses = []
        while (answer := client.read(interim=True)).status == 103:
            statuses.append(answer.status)
        assert (len(statuses), answer.status) == (8, 502)
        # The connection to the upstream is not used again, that to the client is.
        assert client.get(FREE + "eight").body == b"ok"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
READABLE = [b"2 \r\nok\r\n0\r\n\r\n", b"2\t \r\nok\r\n0 \r\n\r\n", b"2 ; a=b\r\nok\r\n0;end\r\n\r\n", b"02\r\nok\r\n00\r\nX-T: 1\r\n\r\n"]


@pytest.mark.parametrize("body", READABLE)
def test_case_h14_chunk_sizes_are_read_as_nginx_and_go_read_them(shared, body):
    shared.upstream.routes[FREE + "x"] = lambda *_: CHUNKED + body
    with shared.service.client() as client:
        for _ in range(2):
            answer = client.get(FREE + "x")
            assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("status", ["000", "099", "600", "999"])
def test_case_h17_a_status_that_no_class_has_is_502_and_uses_nothing(shared, status):
    shared.upstream.routes["/weather/x"] = lambda *_: response(b"odd", f"{status} Odd")
    assert shared.service.get("/weather/x", shared.paid().headers()).status == 502


@pytest.mark.parametrize("version", ["1.2", "1.9"])
def test_case_h17_a_later_minor_version_is_read_as_1_1(shared, version):
    shared.upstream.routes[FREE + "x"] = lambda *_: b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with shared.service.client() as client:
        for _ in range(2):
            client.send(f"GET {FREE}x HTTP/{version}\r\nHost: a\r\n\r\n")
            answer = client.read()
            assert (answer.status, answer.body) == (200, b"ok")
        assert shared.upstream.last.version == "HTTP/1.1"


def test_case_h17_an_answer_without_a_date_gets_one(shared):
    shared.upstream.routes[FREE + "dated"] = lambda *_: response(b"", headers=["Date: Sun, 06 Nov 1994 08:49:37 GMT"])
    shared.upstream.routes[FREE + "x"] = lambda *_: HINT + response(b"ok")
    assert shared.service.get(FREE + "dated").all("date") == ["Sun, 06 Nov 1994 08:49:37 GMT"]
    with shared.service.client() as client:
        client.request("GET", FREE + "x")
        assert client.read(interim=True).all("date") == []
        dates = client.read().all("date")
    assert len(dates) == 1 and dates[0].endswith(" GMT")


def one_0(body=b"", more=b""):
    """An upstream of HTTP/1.0, which reads no chunks."""

    def handler(request, connection, stream):
        if request.get("transfer-encoding"):
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nlost")
            raise Upstream.Hangup
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + (request.body or body))
        raise Upstream.Hangup

    return handler


def send_chunks(client, path, pieces, headers=None):
    client.request("POST", path, {"Transfer-Encoding": "chunked", **(headers or {})})
    for piece in pieces:
        client.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
    client.send(b"0\r\n\r\n")


@pytest.mark.parametrize("learned", ["from an answer", "from a health check"])
def test_case_h17_a_server_of_http_1_0_gets_bodies_with_their_length(house, learned):
    old = Upstream()
    try:
        old.routes["/old/x"] = one_0()
        old.routes["/well"] = one_0(b"well")
        health = 'health = { path = "/well", interval = "100ms" }\n' if "check" in learned else ""
        house.start(services=f'[[service]]\nname = "old"\npath = "/old/"\nupstream = "{old.url}"\nprice_msat = 1\nfree = ["/old/"]\n{health}')
        if health:
            wait_for(lambda: old.requests, "the address is checked")
            wait_for(lambda: len(old.requests) > 1, "the address is checked again")
        else:
            assert house.service.get("/old/x").status == 200
        with house.service.client() as client:
            for pieces in ([b"abc", b"def"], [b"x" * 30_000, b"y" * 30_000], []):
                send_chunks(client, "/old/x", pieces)
                assert client.read().body == b"".join(pieces)
                assert old.last.get("content-length") == str(len(b"".join(pieces)))
                assert old.last.get("transfer-encoding") is None
        # Who waits to be told to go on is told.
        with house.service.client() as client:
            client.request("POST", "/old/x", {"Transfer-Encoding": "chunked", "Expect": "100-continue"})
            assert client.read(interim=True).status == 100
            client.send(b"2\r\nok\r\n0\r\n\r\n")
            assert client.read().body == b"ok"
            assert old.last.get("expect") is None
        asked = len([request for request in old.requests if request.target == "/old/x"])
        with house.service.client() as client:
            client.request("POST", "/old/x", {"Transfer-Encoding": "chunked"})
            client.send(b"10001\r\n" + b"z" * 0x10001 + b"\r\n")
            assert client.read().status == 411
        assert len([request for request in old.requests if request.target == "/old/x"]) == asked
        # A length that is told is passed on, however long.
        with house.service.client() as client:
            assert len(client.request("POST", "/old/x", body=b"z" * 100_000).read().body) == 100_000
    finally:
        old.close()


STREAMS = {
    "silent": [],
    "busy": [b"data: x\n\n"] * 40,
}


@pytest.mark.parametrize("what", STREAMS)
@pytest.mark.parametrize("framing", ["chunked", "eof"])
def test_case_h6_an_endless_stream_ends_with_the_time_bought(house, what, framing):
    over = []

    def stream(request, connection, stream):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
        connection.sendall(head + (b"Transfer-Encoding: chunked\r\n\r\n" if framing == "chunked" else b"\r\n"))
        try:
            for _ in range(60):
                piece = b"data: x\n\n" if what == "busy" else b""
                if piece:
                    connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if framing == "chunked" else piece)
                connection.settimeout(0.1)
                try:
                    if connection.recv(1) == b"":
                        break
                except TimeoutError:
                    pass
        except OSError:
            pass
        over.append(time.monotonic())
        raise Upstream.Hangup

    service = house.start(services=f'[[service]]\nname="short"\npath="/short/"\nupstream="{house.upstream.url}"\nprice_msat=1\ntimeout="2s"')
    house.upstream.routes["/short/events"] = stream
    with service.client() as client:
        began = time.monotonic()
        assert client.request("GET", "/short/events", house.paid("short", settled=False).headers()).head().status == 200
        rest = client.stream.read()
        took = time.monotonic() - began
        assert 0.5 < took < 4, took
        assert rest.endswith(b"0\r\n\r\n")
    wait_for(lambda: over, "the upstream hears of it", 2)


def test_case_h6_what_has_an_end_of_its_own_is_not_cut(house):
    def slow(request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            time.sleep(0.4)
            connection.sendall(b"3\r\nabc\r\n")
        return b"0\r\n\r\n"

    service = house.start(services=f'[[service]]\nname="short"\npath="/short/"\nupstream="{house.upstream.url}"\nprice_msat=1\ntimeout="1s"')
    house.upstream.routes["/short/slow"] = slow
    assert service.get("/short/slow", house.paid("short", settled=False).headers()).body == b"abc" * 4
