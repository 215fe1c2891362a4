"""Who reads a client's connection, and what stays of a request while its body is read."""

import json
import socket
import threading
import time

import pytest

from kit.upstream import Upstream, response

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "abc"}
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
FREE = "/weather/public/"


def serves(service):
    """The process is the one that was started, and works."""
    assert service.process.poll() is None, service.log_file.read_text()
    assert service.get(FREE + "again").status == 200


def switcher(seen, read_body=True):
    """Switches at once, before it has read a byte of the body; then echoes what comes behind the body."""

    def handle(request, connection, stream):
        connection.sendall(SWITCH)
        body = b""
        if request.get("content-length"):
            body = stream.read(int(request.get("content-length")))
        elif request.get("transfer-encoding"):
            while size := int(stream.readline(), 16):
                body += stream.read(size)
                stream.readline()
            stream.readline()
        seen["body"] = body
        while byte := stream.read(1):
            connection.sendall(byte)
        raise Upstream.Hangup

    return handle


def upgrade(client, path, pieces, chunked=False, **more):
    size = sum(map(len, pieces))
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(size)}
    client.request("POST", path, {**UPGRADE, **framing, **more})


def send(client, piece, chunked):
    client.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)


@pytest.mark.parametrize("chunked", (False, True))
def test_case_h1_nothing_is_switched_before_the_request_was_sent_whole(house, chunked):
    service = house.start()
    seen = {}
    house.upstream.routes[FREE + "ws"] = switcher(seen)
    house.upstream.streaming.add(FREE + "ws")
    with service.client() as client:
        upgrade(client, FREE + "ws", [b"one", b"two"], chunked)
        send(client, b"one", chunked)
        client.socket.settimeout(0.4)
        with pytest.raises(TimeoutError):
            client.socket.recv(1)  # the upstream has switched long ago
        assert "body" not in seen
        client.socket.settimeout(10)
        send(client, b"two", chunked)
        if chunked:
            client.send(b"0\r\n\r\n")
        assert client.read().status == 101
        client.send(b"frame")
        assert client.stream.read(5) == b"frame"
        assert seen["body"] == b"onetwo"
    serves(service)


def test_case_h1_a_client_that_waits_for_100_is_told_to_go_on_before_a_switch(house):
    service = house.start()
    seen = {}
    house.upstream.routes[FREE + "ws"] = switcher(seen)
    house.upstream.streaming.add(FREE + "ws")
    with service.client() as client:
        upgrade(client, FREE + "ws", [b"body"], Expect="100-continue")
        assert client.read(interim=True).status == 100
        client.send(b"body")
        assert client.read().status == 101
        client.send(b"x")
        assert client.stream.read(1) == b"x" and seen["body"] == b"body"
    serves(service)


def test_case_h1_a_body_that_ends_early_is_no_upgrade(house):
    service = house.start('[timeouts]\nbody = "1s"')
    house.upstream.routes[FREE + "ws"] = switcher({})
    house.upstream.streaming.add(FREE + "ws")
    bad_chunk = b"zz\r\n"
    for framing, rest, half_close, status in (
        ({"Content-Length": "6"}, b"", True, 400),
        ({"Content-Length": "6"}, b"", False, 408),
        ({"Transfer-Encoding": "chunked"}, bad_chunk, False, 400),
    ):
        with service.client() as client:
            client.request("POST", FREE + "ws", {**UPGRADE, **framing})
            client.send(b"3\r\none\r\n" if "Transfer-Encoding" in framing else b"one")
            time.sleep(0.1)
            client.send(rest)
            if half_close:
                client.socket.shutdown(socket.SHUT_WR)
            answer = client.read()
            assert answer.status == status
            assert client.ended()
    serves(service)


def test_case_h1_clients_that_upgrade_with_a_body_and_leave_do_no_harm(house):
    service = house.start()
    house.upstream.routes[FREE + "ws"] = switcher({})
    house.upstream.streaming.add(FREE + "ws")

    def leave(number):
        for at in range(10):
            with service.client() as client:
                upgrade(client, FREE + "ws", [b"x" * 100_000])
                client.send(b"x" * (1 + 9_999 * (at % 7)))
                if (at + number) % 3 == 0:
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset
                time.sleep(0.01 * (at % 2))

    threads = [threading.Thread(target=leave, args=(number,)) for number in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    serves(service)


def test_case_h1_what_is_left_of_a_body_is_never_read_as_the_next_request(house):
    """The upstream answers and closes while the client still sends: what comes is no request."""
    service = house.start()

    def answer(request, connection, stream):
        stream.read(1)
        connection.sendall(response(b"enough"))
        connection.shutdown(socket.SHUT_RDWR)
        raise Upstream.Hangup

    house.upstream.routes[FREE + "early"] = answer
    house.upstream.streaming.add(FREE + "early")
    smuggled = f"GET {FREE}smuggled HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with service.client() as client:
        client.request("POST", FREE + "early", {"Content-Length": str(1_000_000 + len(smuggled))})
        client.send(b"x" * 1000)
        assert client.read().body == b"enough"
        try:
            for _ in range(100):
                client.send(b"x" * 9_990)
                time.sleep(0.001)
            client.send(smuggled)
            while client.read():
                pass
        except OSError:
            pass
    assert all(request.target != FREE + "smuggled" for request in house.upstream.requests)
    serves(service)


# -- views of a head ------------------------------------------------------------------------------------------------

BIG = {"X-Padding": "p" * 12_000}  # so that the next read takes other memory


@pytest.mark.parametrize("accept", ("*/*", "text/html"))
def test_case_h2_a_quote_with_a_challenge_takes_its_body_in_pieces(house, accept):
    service = house.start()
    for size in (0, 30, 12_000):
        question = json.dumps({"service": "weather", "mint": True}).encode() + b" " * size
        head = {
            "Accept": accept,
            "Accept-Payment": "lightning/charge",
            "X-Long": "l" * 9000,
            "Content-Length": str(len(question)),
        }
        with service.client() as client:
            client.request("POST", "/l402/quote", head)
            for piece in (question[:10], question[10:]):
                time.sleep(0.05)
                client.send(piece)
            answer = client.read()
            assert answer.status == 200, answer.body
            quote = answer.json()
            assert quote["price_msat"] == 1000 and quote["invoice"].startswith("lnbcrt1") and quote["macaroon"]
    serves(service)


def test_case_h2_a_byte_quota_that_runs_out_during_an_upload_is_told_with_all_that_its_402_has(house):
    """The description speaks of the method, the schemes are those the client takes: all of the head."""
    service = house.start(
        services=f"""
[[service]]
name = "drops"
path = "/drops/"
upstream = "{house.upstream.url}"
price_msat = 1000
bytes = "1KiB"
schemes = ["l402", "payment"]
description = "{{method}} {{path}}"
"""
    )

    def answer(request, connection, stream):
        body = stream.read(int(request.get("content-length")))
        assert body == b"u" * 300_000
        return response(b"a" * 900)

    house.upstream.routes["/drops/up"] = answer
    house.upstream.streaming.add("/drops/up")
    token = house.paid("drops")
    statuses = []
    for _ in range(2):
        with service.client() as client:
            head = {**token.headers(), **BIG, "Accept-Payment": "lightning/charge", "Content-Length": "300000"}
            client.request("FROB", "/drops/up", head)
            for _ in range(30):
                client.send(b"u" * 10_000)
                time.sleep(0.001)
            answer = client.read()
            statuses.append(answer.status)
    assert statuses == [200, 402]
    asked = [message["params"] for message in house.gateway.requests if message["method"] == "issue"]
    assert asked[-1]["description"] == "FROB /drops/up"
    assert any(line.startswith("Payment ") for line in answer.all("www-authenticate"))
    serves(service)


def test_case_h2_a_person_whose_request_had_a_body_gets_a_page_too(house):
    """Bodies of GET are odd, and no reason to be shown a problem document."""
    service = house.start()
    head = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Content-Length": "4"}
    with service.client() as client:
        client.request("GET", "/weather/x", head)
        time.sleep(0.05)
        client.send(b"body")
        answer = client.read()
        assert (answer.status, answer.get("content-type")) == (402, "text/html; charset=utf-8")


def test_case_h2_the_admin_api_takes_its_head_and_body_in_pieces(house):
    from kit.admin import READ, WRITE, Admin, section

    service = house.start(section(house.folder))
    admin = Admin(service)
    assert admin.get("/v1/status").status == 200
    body = json.dumps({"definition": "x" * 200_000}).encode()
    lines = [
        "POST /v1/services HTTP/1.1",
        "Host: admin",
        f"Authorization: Bearer {WRITE}",
        "X-Padding: " + "p" * 9000,
        f"Content-Length: {len(body)}",
    ]
    with service.client(port=admin.port) as client:
        text = ("\r\n".join(lines) + "\r\n\r\n").encode()
        client.send(text[:50])
        time.sleep(0.02)
        client.send(text[50:] + body[:10])
        time.sleep(0.02)
        client.send(body[10:100_000])
        time.sleep(0.02)
        client.send(body[100_000:])
        answer = client.read()
        assert answer.status in (400, 422), answer.body
    assert READ not in service.log_file.read_text()
