"""The way through: framing, streaming, fields that end at a hop, connections on both sides."""

import hashlib
import os
import socket
import struct
import threading
import time

import pytest
from kit.http import Client
from kit.service import MEMORY_FACTOR, wait_for
from kit.upstream import Upstream, response

FREE = "/weather/public/"


def exchange(client, method="GET", path=FREE + "x", **more):
    return client.request(method, path, **more).read(to_head=method == "HEAD")


def test_a_connection_is_kept_on_both_sides(shared):
    shared.upstream.drop_connections()
    with shared.service.client() as client:
        exchange(client)
        before = shared.upstream.connections
        for _ in range(20):
            assert exchange(client).status == 200
        assert shared.upstream.connections == before


def test_pipelined_requests_are_answered_in_order(shared):
    for number in range(3):
        shared.upstream.routes[f"{FREE}{number}"] = lambda request, *_: response(request.target.encode())
    with shared.service.client() as client:
        client.send("".join(f"GET {FREE}{number} HTTP/1.1\r\nHost: a\r\n\r\n" for number in range(3)))
        assert [client.read().body for _ in range(3)] == [f"{FREE}{number}".encode() for number in range(3)]


def test_a_head_that_comes_byte_by_byte_is_a_head(shared):
    with shared.service.client() as client:
        for byte in f"\r\nGET {FREE}x HTTP/1.1\r\nHost: a\r\n\r\n":
            client.send(byte)
        assert client.read().status == 200


@pytest.mark.parametrize("size", [0, 1, 10_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_request_bodies_arrive_as_they_were_sent(shared, size, chunked):
    body = os.urandom(size)
    shared.upstream.routes[FREE + "echo"] = lambda request, *_: response(request.body)
    with shared.service.client() as client:
        if chunked:
            client.request("POST", FREE + "echo", {"Transfer-Encoding": "chunked"})
            for at in range(0, size, 70_001):
                piece = body[at : at + 70_001]
                client.send(b"%x;ext=1\r\n" % len(piece) + piece + b"\r\n")
            client.send(b"0\r\nTrailer-Field: dropped\r\n\r\n")
        else:
            client.request("POST", FREE + "echo", body=body)
        assert client.read().body == body
        seen = shared.upstream.last
        assert seen.get("content-length") == (None if chunked else str(size))
        assert seen.get("transfer-encoding") == ("chunked" if chunked else None)
        assert exchange(client).status == 200


@pytest.mark.parametrize("size", [0, 1, 10_000, 3_000_000])
@pytest.mark.parametrize("framing", ["length", "chunked", "eof"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_response_bodies_arrive_as_they_were_sent(shared, size, framing, version):
    body = os.urandom(size)

    def handler(_, connection, __):
        if framing == "length":
            return response(body)
        if framing == "eof":
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
            raise Upstream.Hangup
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, size, 99_999):
            piece = body[at : at + 99_999]
            connection.sendall(b"%X\r\n" % len(piece) + piece + b"\r\n")
        return b"0\r\nX-Trailer: 1\r\n\r\n"

    shared.upstream.routes[FREE + "x"] = handler
    with shared.service.client() as client:
        answer = exchange(client, version=version)
        assert (answer.status, answer.body) == (200, body)
        if version == "1.0":
            assert answer.get("transfer-encoding") is None
            assert client.ended()
        else:
            assert answer.get("transfer-encoding") == (None if framing == "length" else "chunked")
            del shared.upstream.routes[FREE + "x"]
            assert exchange(client).status == 200


def test_http_1_0_keeps_the_connection_only_where_it_asks_to(shared):
    with shared.service.client() as client:
        for _ in range(2):
            answer = exchange(client, version="1.0", headers={"Connection": "keep-alive"})
            assert (answer.status, answer.get("connection")) == (200, "keep-alive")
        assert exchange(client, version="1.0").get("connection") == "close"
        assert client.ended()


def test_connection_close_of_the_client_is_honoured(shared):
    with shared.service.client() as client:
        assert exchange(client, headers={"Connection": "close"}).get("connection") == "close"
        assert client.ended()


def test_responses_without_a_body_have_none(shared):
    routes = {
        "204": b"HTTP/1.1 204 No Content\r\n\r\n",
        "304": b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n',
        "head": b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
    }
    for name, raw in routes.items():
        shared.upstream.routes[FREE + name] = lambda *_, raw=raw: raw
    with shared.service.client() as client:
        assert exchange(client, path=FREE + "204").get("content-length") is None
        answer = exchange(client, path=FREE + "304")
        assert (answer.status, answer.get("content-length"), answer.get("etag")) == (304, "99", '"x"')
        assert exchange(client, "HEAD", FREE + "head").get("content-length") == "1234"
        assert exchange(client).status == 200


def test_fields_that_end_at_this_hop_end_here(shared):
    shared.upstream.routes[FREE + "x"] = lambda *_: response(
        b"",
        headers=["Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Proxy-Connection: x", "Upgrade: h3", "X-End: 1", "Set-Cookie: a", "Set-Cookie: b"],
    )
    with shared.service.client() as client:
        headers = {
            "Connection": "X-Secret, X-L402-Token-Id, close-not",
            "X-Secret": "1",
            "TE": "trailers",
            "Keep-Alive": "timeout=5",
            "Proxy-Connection": "keep-alive",
            "Proxy-Authorization": "Basic x",
            "Upgrade": "h2c",
            "HTTP2-Settings": "AAMAAABkAAQAAP__",
            "Trailer": "X-T",
            "X-End": "1",
        }
        answer = client.get("/weather/x", {**headers, **shared.paid().headers()})
        assert answer.status == 200
        seen = shared.upstream.last.names()
        for name in ("connection", "x-secret", "te", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade", "http2-settings", "trailer"):
            assert name not in seen, name
        assert "x-end" in seen
        assert "x-l402-token-id" in seen  # ours, which no Connection option of the client removes
        assert shared.upstream.last.get("via") == "1.1 millraced"
        answer = exchange(client)
        for name in ("connection", "x-hop", "keep-alive", "proxy-connection", "upgrade"):
            assert answer.get(name) is None, name
        assert answer.get("x-end") == "1"
        assert answer.all("set-cookie") == ["a", "b"]


# What two servers could read differently is refused, and the connection ends.
HOST = "Host: a\r\n"
SMUGGLING = {
    "both lengths": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "both lengths, other order": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "two lengths": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    "the same length twice": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    "a list of lengths": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: 5, 5\r\n\r\nhello"),
    "a signed length": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: +5\r\n\r\nhello"),
    "a negative length": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: -1\r\n\r\n"),
    "a hexadecimal length": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: 0x5\r\n\r\nhello"),
    "an endless length": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: 99999999999999999999\r\n\r\n"),
    "an empty length": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length: \r\n\r\n"),
    "an unknown coding": (501, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip\r\n\r\n"),
    "chunked behind another coding": (501, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "chunked in front of another": (501, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "something like chunked": (501, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunked in quotes": (501, f'POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    "chunked twice": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0": (400, f"POST {FREE}x HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "space before the colon": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Content-Length : 5\r\n\r\nhello"),
    "tab before the colon": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    "a folded field": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}X-A: 1\r\n folded\r\n\r\n"),
    "a folded first line": (400, f"GET {FREE}x HTTP/1.1\r\n folded: x\r\n{HOST}\r\n"),
    "a bare line feed": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}X-A: 1\nX-B: 2\r\n\r\n"),
    "a bare line feed at the request line": (400, f"GET {FREE}x HTTP/1.1\n{HOST}\r\n\r\n"),
    "a carriage return in a value": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}X-A: 1\rX-B: 2\r\n\r\n"),
    "NUL in a value": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}X-A: 1\x002\r\n\r\n"),
    "NUL in a name": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}X-\x00A: 1\r\n\r\n"),
    "a field without a name": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}: 1\r\n\r\n"),
    "a line without a colon": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}nonsense\r\n\r\n"),
    "no host": (400, f"GET {FREE}x HTTP/1.1\r\n\r\n"),
    "two hosts": (400, f"GET {FREE}x HTTP/1.1\r\n{HOST}Host: b\r\n\r\n"),
    "a host that is none": (400, f"GET {FREE}x HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "a host with a path": (400, f"GET {FREE}x HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "a host with a user": (400, f"GET {FREE}x HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    "HTTP/2": (505, f"GET {FREE}x HTTP/2.0\r\n{HOST}\r\n"),
    "HTTP/0.9": (400, f"GET {FREE}x\r\n\r\n"),
    "two spaces": (400, f"GET  {FREE}x HTTP/1.1\r\n{HOST}\r\n"),
    "a tab for a space": (400, f"GET\t{FREE}x HTTP/1.1\r\n{HOST}\r\n"),
    "a method that is none": (400, f"G(T {FREE}x HTTP/1.1\r\n{HOST}\r\n"),
    "CONNECT": (501, f"CONNECT a:80 HTTP/1.1\r\n{HOST}\r\n"),
    "TRACE": (501, f"TRACE {FREE}x HTTP/1.1\r\n{HOST}\r\n"),
    "a user in an absolute target": (400, f"GET http://user@a{FREE}x HTTP/1.1\r\n{HOST}\r\n"),
    "a chunk size that is none": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "a signed chunk size": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n-1\r\n"),
    "a chunk size with 0x": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size that overflows": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n1FFFFFFFFFFFFFFFFF\r\n"),
    "a chunk longer than its size": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n"),
    "a chunk line with a bare line feed": (400, f"POST {FREE}x HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"),
    "an expectation": (417, f"POST {FREE}x HTTP/1.1\r\n{HOST}Expect: tea\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_what_two_servers_could_read_differently_is_refused(shared, name):
    status, raw = SMUGGLING[name]
    with shared.service.client() as client:
        # The smuggled request must reach nobody, whatever it hides behind.
        shared.upstream.requests.clear()
        answer = client.send(raw + f"GET {FREE}smuggled HTTP/1.1\r\nHost: a\r\n\r\n").read()
        assert answer.status == status
        assert client.ended() or name in ("CONNECT", "TRACE")
    assert not [request for request in shared.upstream.requests if request.target.endswith("smuggled")] or name in ("CONNECT", "TRACE")


# target -> what it costs: "free" is /weather/public/, "weather" and "admin" are services, 400 and 404 statuses.
SPELLINGS = {
    "/weather/public/a": "free",
    "/weather/public/../x": "weather",
    "/weather/public/../admin/x": "admin",
    "/weather/public/..": "weather",
    "/weather/public/.": "free",
    "/weather//public/a": "free",
    "//weather/admin/x": "admin",
    "/weather//admin/x": "admin",
    "/weather/./admin/x": "admin",
    "/weather/x/../admin/x": "admin",
    "/weather/%61dmin/x": "admin",
    "/%77eather/x": "weather",
    "/weather/../weather/x": "weather",
    "/weather/../../weather/x": "weather",
    "/weather/../x": 404,
    "/weather": 404,
    "/Weather/x": 404,
    "/weather/public/%2e%2e/admin/x": 400,
    "/weather/public/.%2E/admin/x": 400,
    "/weather/public/%2e/x": 400,
    "/weather/public/..;/admin/x": 400,
    "/weather/public/..%2fadmin/x": 400,
    "/weather%2Fadmin/x": 400,
    "/weather/public%2Fx": 400,
    "/weather/public/a%2Fb": "free",
    "/weather/admin%2Fx": 400,
    "/weather/x%2Fadmin": "weather",
    "/weather/%00": 400,
    "/weather/public/a%0d%0ab": 400,
    "/weather/public\\..\\admin": 400,
    "/weather/public/%5c..%5cadmin": 400,
    "/weather/public/%zz": 400,
    "/weather/public/%2": 400,
    "/weather/public/a#b": 400,
    "/weather/%2561dmin/x": 400,
    "/weather/%2561/x": "weather",
    "http://test.example/weather/admin/x": "admin",
    "HTTP://test.example/weather/public/x": "free",
    "http://test.example": 404,
    "ftp://test.example/weather/public/x": 400,
    "weather/public/x": 400,
    "*": 404,
}


@pytest.mark.parametrize("target", SPELLINGS)
def test_no_spelling_of_a_path_gets_past_what_it_costs(shared, target):
    expected = SPELLINGS[target]
    prices = {"weather": 1000, "admin": 9000}
    shared.upstream.requests.clear()
    answer = shared.service.get(target)
    if expected == "free":
        assert answer.status == 200
        # What was compared is what is sent.
        assert shared.upstream.last.target.startswith(FREE)
        assert ".." not in shared.upstream.last.target
    elif expected in prices:
        assert (answer.status, answer.json().get("price_msat")) == (402, prices[expected])
    else:
        assert answer.status == expected
    if expected != "free":
        assert not shared.upstream.requests


def test_the_host_of_an_absolute_target_replaces_the_field(shared):
    assert shared.service.get("http://Other.Example:8080/weather/public/x?a=http://b//c").status == 200
    assert shared.upstream.last.get("host") == "Other.Example:8080"
    assert shared.upstream.last.target == "/weather/public/x?a=http://b//c"


def test_an_interim_response_is_passed_on_and_the_body_follows_it(shared):
    path = FREE + "continue"

    def handler(request, connection, stream):
        assert request.get("expect") == "100-continue"
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = stream.read(int(request.get("content-length")))
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        return response(body)

    shared.upstream.routes[path] = handler
    shared.upstream.streaming.add(path)
    with shared.service.client() as client:
        client.request("POST", path, {"Expect": "100-continue", "Content-Length": "5"})
        assert client.read(interim=True).status == 100
        client.send("hello")
        early = client.read(interim=True)
        assert (early.status, early.get("link")) == (103, "</x>")
        assert client.read().body == b"hello"
        assert exchange(client).status == 200


def test_a_response_that_comes_before_the_body_is_passed_on_and_the_connection_ends(shared):
    path = FREE + "early"

    def handler(_, connection, __):
        connection.sendall(response(b"no", "413 Too Large", ["Connection: close"]))
        raise Upstream.Hangup

    shared.upstream.routes[path] = handler
    shared.upstream.streaming.add(path)
    with shared.service.client() as client:
        client.request("POST", path, {"Content-Length": "100000000"})
        client.send(b"x" * 10)
        answer = client.read()
        assert (answer.status, answer.body, answer.get("connection")) == (413, b"no", "close")


def test_both_directions_flow_at_one_time(shared):
    path = FREE + "duplex"

    def handler(request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            size = int(stream.readline(), 16)
            data = stream.read(size)
            stream.readline()
            connection.sendall(b"%x\r\n" % size + data + b"\r\n")
            if size == 0:
                return None

    shared.upstream.routes[path] = handler
    shared.upstream.streaming.add(path)
    with shared.service.client() as client:
        client.request("POST", path, {"Transfer-Encoding": "chunked"})
        head = client.head()
        assert head.status == 200
        for number in range(20):
            message = f"message {number}".encode()
            client.send(b"%x\r\n" % len(message) + message + b"\r\n")
            assert client.stream.readline() == b"%x\r\n" % len(message)
            assert client.stream.read(len(message) + 2) == message + b"\r\n"
        client.send(b"0\r\n\r\n")
        assert client.stream.read(5) == b"0\r\n\r\n"


def test_a_large_download_and_a_large_upload_take_no_memory_to_speak_of(shared):
    size = 300 * 1024 * 1024
    block = os.urandom(1024 * 1024)
    seen = {}

    def download(_, connection, __):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(block)):
            connection.sendall(block)

    def upload(request, _, stream):
        left, digest = size, hashlib.sha256()
        while left:
            data = stream.read(min(left, 1 << 20))
            digest.update(data)
            left -= len(data)
        seen["digest"] = digest.hexdigest()
        return response(b"done")

    shared.upstream.routes[FREE + "down"] = download
    shared.upstream.routes[FREE + "up"] = upload
    shared.upstream.streaming.add(FREE + "up")
    before = shared.service.memory()
    expected = hashlib.sha256(block * (size // len(block))).hexdigest()
    with shared.service.client() as client:
        client.request("GET", FREE + "down")
        assert client.head().status == 200
        digest, left, peak = hashlib.sha256(), size, 0
        time.sleep(0.2)  # back-pressure: nobody reads
        while left:
            data = client.stream.read(min(left, 1 << 20))
            digest.update(data)
            left -= len(data)
            peak = max(peak, shared.service.memory())
        assert digest.hexdigest() == expected
        client.request("POST", FREE + "up", {"Content-Length": str(size)})
        for _ in range(size // len(block)):
            client.send(block)
            peak = max(peak, shared.service.memory())
        assert client.read().body == b"done"
        assert seen["digest"] == expected
    assert peak - before < 4 * 1024 * 1024 * MEMORY_FACTOR


def websocket_frame(opcode, payload, mask):
    head = bytes([0x80 | opcode, (0x80 if mask else 0) | 126]) + struct.pack(">H", len(payload))
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))


def websocket(request, connection, stream):
    assert ((request.get("connection") or "").lower(), request.get("upgrade"), request.get("sec-websocket-key")) == ("upgrade", "websocket", "abc")
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
    connection.sendall(websocket_frame(1, b"welcome", False))
    while True:
        head = stream.read(4)
        if len(head) < 4:
            raise Upstream.Hangup
        key = stream.read(4)
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(stream.read(struct.unpack(">H", head[2:4])[0])))
        connection.sendall(websocket_frame(head[0] & 15, payload, False))


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "abc"}


def test_a_websocket_passes_and_has_to_be_paid(shared):
    shared.upstream.routes["/weather/ws"] = websocket
    assert shared.service.get("/weather/ws", UPGRADE).status == 402
    with shared.service.client() as client:
        answer = client.get("/weather/ws", {**UPGRADE, **shared.paid().headers()})
        assert (answer.status, answer.get("connection"), answer.get("upgrade")) == (101, "upgrade", "websocket")
        assert client.stream.read(4 + 7) == websocket_frame(1, b"welcome", False)
        for size in (1, 1000, 60_000):
            message = os.urandom(size)
            client.send(websocket_frame(2, message, True))
            assert client.stream.read(4 + size) == websocket_frame(2, message, False)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.ended()


def test_a_tunnel_ends_with_the_time_bought(house):
    service = house.start(services=f'[[service]]\nname="short"\npath="/short/"\nupstream="{house.upstream.url}"\nprice_msat=1\ntimeout="2s"')
    house.upstream.routes["/short/ws"] = websocket
    with service.client() as client:
        began = time.monotonic()
        assert client.get("/short/ws", {**UPGRADE, **house.paid("short", settled=False).headers()}).status == 101
        client.stream.read(11)
        assert client.ended()
        assert 0.5 < time.monotonic() - began < 4


def test_a_protocol_switch_that_nobody_asked_for_is_502(shared):
    shared.upstream.routes[FREE + "x"] = lambda *_: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    assert shared.service.get(FREE + "x").status == 502


def test_a_dead_connection_of_the_pool_is_replaced_for_what_can_be_repeated(shared):
    with shared.service.client() as client:
        for method in ("GET", "PUT", "POST"):
            assert exchange(client, method, body=None if method == "GET" else b"x").status == 200
            shared.upstream.drop_connections()
            time.sleep(0.05)
            assert exchange(client, method, body=None if method == "GET" else b"x").status == 200, method


def test_a_request_that_may_have_been_acted_upon_is_not_sent_again(shared):
    def once(*_):
        raise Upstream.Hangup

    shared.upstream.routes[FREE + "x"] = once
    with shared.service.client() as client:
        exchange(client, path=FREE + "warm")
        shared.upstream.requests.clear()
        assert exchange(client, "POST", body=b"x").status == 502
        assert len(shared.upstream.requests) == 1


MALFORMED_ANSWERS = {
    "not http": b"hello\r\n\r\n",
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "folded": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "a head without end": b"HTTP/1.1 200 OK\r\nX-A: " + b"x" * 200_000,
}


@pytest.mark.parametrize("name", MALFORMED_ANSWERS)
def test_a_malformed_answer_of_the_upstream_is_502(shared, name):
    def handler(_, connection, __):
        connection.sendall(MALFORMED_ANSWERS[name])
        raise Upstream.Hangup

    shared.upstream.routes[FREE + "x"] = handler
    with shared.service.client() as client:
        assert exchange(client).status == 502
        del shared.upstream.routes[FREE + "x"]
        assert exchange(client).status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_response_that_breaks_off_breaks_off_for_the_client_too(shared, framing):
    def handler(_, connection, __):
        head = b"Content-Length: 100" if framing == "length" else b"Transfer-Encoding: chunked"
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + (b"5\r\nhello\r\n" if framing == "chunked" else b"hello"))
        raise Upstream.Hangup

    shared.upstream.routes[FREE + "x"] = handler
    with shared.service.client() as client:
        client.request("GET", FREE + "x")
        assert client.head().status == 200
        rest = client.stream.read()
        assert rest == (b"5\r\nhello\r\n" if framing == "chunked" else b"hello")


def test_bytes_behind_a_response_never_become_the_next_one(shared):
    shared.upstream.routes[FREE + "x"] = lambda *_: response(b"one") + response(b"forged")
    with shared.service.client() as client:
        assert exchange(client).body == b"one"
        del shared.upstream.routes[FREE + "x"]
        assert exchange(client).body == b"hello\n"


LIMITS = """
[limits]
header = "8KiB"
target = "1KiB"
body = "100KiB"
[timeouts]
idle = "1s"
header = "700ms"
body = "800ms"
upstream_connect = "500ms"
upstream_response = "600ms"
"""


@pytest.fixture(scope="module")
def strict(request):
    from conftest import close_house, make_house

    made, name = make_house(request.node.name + "_strict")
    # An address that swallows packets: nobody answers in 192.0.2.0/24, and a full backlog does the same on loopback.
    made.swallow = socket.socket()
    made.swallow.bind(("127.0.0.1", 0))
    made.swallow.listen(0)
    made.fillers = [socket.socket() for _ in range(8)]
    for filler in made.fillers:
        filler.setblocking(False)
        filler.connect_ex(made.swallow.getsockname())
    services = "".join(
        f'[[service]]\nname="{service}"\npath="/{service}/"\nupstream="http://127.0.0.1:{port}"\nprice_msat=1\nfree=["/{service}/"]\n'
        for service, port in (("swallowed", made.swallow.getsockname()[1]), ("closed", 1))
    )
    made.start(LIMITS, services)
    yield made
    for filler in made.fillers:
        filler.close()
    made.swallow.close()
    close_house(made, name)


def test_heads_and_targets_have_a_limit(strict):
    with strict.service.client() as client:
        assert client.send(f"GET {FREE}{'x' * 1100} HTTP/1.1\r\nHost: a\r\n\r\n").read().status == 414
        assert client.ended()
    with strict.service.client() as client:
        assert client.send(f"GET {FREE}{'x' * 9000}").read().status == 414
    with strict.service.client() as client:
        assert client.send(f"GET {FREE}x HTTP/1.1\r\nHost: a\r\nX-A: {'x' * 9000}").read().status == 431
    with strict.service.client() as client:
        assert client.send(f"GET {FREE}x HTTP/1.1\r\nHost: a\r\nX-A: {'x' * 9000}\r\n\r\n").read().status == 431
        assert client.ended()
    with strict.service.client() as client:
        fields = "".join(f"X-{number}: 1\r\n" for number in range(300))
        assert client.send(f"GET {FREE}x HTTP/1.1\r\nHost: a\r\n{fields}\r\n").read().status == 431


def test_bodies_have_a_limit(strict):
    with strict.service.client() as client:
        assert client.request("POST", FREE + "x", {"Content-Length": "102401"}).read().status == 413
        assert client.ended()
    with strict.service.client() as client:
        assert client.request("POST", FREE + "x", body=b"x" * 102400).read().status == 200
        client.request("POST", FREE + "x", {"Transfer-Encoding": "chunked"})
        client.send(b"19001\r\n" + b"x" * 0x19001 + b"\r\n0\r\n\r\n")
        assert client.read().status == 413
        assert client.ended()


def test_each_timeout_has_its_answer(strict):
    def silent(*_):
        time.sleep(2)
        raise Upstream.Hangup

    strict.upstream.routes[FREE + "silent"] = silent

    def expect(status, raw, least, most):
        with strict.service.client() as client:
            began = time.monotonic()
            answer = client.send(raw).read()
            assert (answer.status if answer else None) == status
            assert least < time.monotonic() - began < most

    expect(None, b"", 0.9, 2)  # idle
    expect(408, b"GET /weather", 0.6, 1.5)
    expect(408, f"POST {FREE}x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", 0.7, 1.6)
    expect(504, f"GET {FREE}silent HTTP/1.1\r\nHost: a\r\n\r\n", 0.5, 1.4)
    expect(504, "GET /swallowed/x HTTP/1.1\r\nHost: a\r\n\r\n", 0.4, 1.3)
    expect(502, "GET /closed/x HTTP/1.1\r\nHost: a\r\n\r\n", -1, 0.5)


def test_a_slow_head_is_cut_off_however_steadily_it_drips(strict):
    with strict.service.client() as client:
        began = time.monotonic()
        with pytest.raises(OSError):
            for byte in f"GET {FREE}x HTTP/1.1\r\nHost: a\r\nX: " + "x" * 100:
                client.send(byte)
                time.sleep(0.03)
        assert time.monotonic() - began < 3


def test_idle_connections_cost_little(house):
    service = house.start()
    warm = [service.client() for _ in range(4)]
    for client in warm:
        exchange(client)
    before = service.memory()
    clients = [Client(service.port) for _ in range(400)]
    for client in clients:
        assert exchange(client).status == 200
    service.expect_metric("l402_http_connections_open", 404)
    assert (service.memory() - before) / 400 < 8 * 1024 * MEMORY_FACTOR
    for client in clients + warm:
        client.close()
    service.expect_metric("l402_http_connections_open", 0)


def test_requests_from_many_threads_all_come_back(shared):
    token = shared.paid()
    failures = []

    def work():
        try:
            with shared.service.client() as client:
                for number in range(50):
                    answer = client.get(f"/weather/{number}", token.headers())
                    assert (answer.status, answer.body) == (200, b"hello\n")
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_what_an_upstream_says_on_an_idle_connection_is_nobodys_answer(shared):
    shared.upstream.drop_connections()
    with shared.service.client() as client:
        assert exchange(client).status == 200
        for connection in shared.upstream.open:
            connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 6\r\n\r\nforged")
        time.sleep(0.05)
        for _ in range(3):
            assert exchange(client).body == b"hello\n"


def test_a_request_without_a_host_is_forwarded_with_the_upstreams(shared):
    with shared.service.client() as client:
        assert exchange(client, version="1.0").status == 200
        assert shared.upstream.last.get("host") == f"127.0.0.1:{shared.upstream.port}"
        assert shared.upstream.last.get("x-forwarded-host") is None
