"""What one client may hold: connections, and the time in which it must have said what it wants."""

import ssl
import time

import pytest
from kit.tls import Authority

SLOW = '[timeouts]\nbody = "1s"\n'


def status_within(client, seconds):
    """The status that comes within this time, while a byte is sent every 100 ms; None where none comes."""
    client.socket.settimeout(0.1)
    end = time.monotonic() + seconds
    got = b""
    while time.monotonic() < end:
        try:
            client.send(b"x")
            piece = client.socket.recv(4096)
            if not piece:
                break
            got += piece
        except TimeoutError:
            continue
        except OSError:
            break
        if b"\r\n" in got:
            return int(got.split(b" ")[1])
    return None


def test_case_h19_a_refused_upload_has_one_deadline_for_the_whole(house):
    service = house.start(SLOW)
    with service.client() as client:
        client.send("POST /weather/x HTTP/1.1\r\nHost: test.example\r\nContent-Length: 60000\r\n\r\n")
        began = time.monotonic()
        assert status_within(client, 3) == 402
        assert 0.5 < time.monotonic() - began
        client.socket.settimeout(5)
        while client.socket.recv(4096):
            pass  # it ends


def test_case_h19_a_quote_that_comes_by_the_byte_has_one_deadline_too(house):
    service = house.start(SLOW)
    with service.client() as client:
        client.send("POST /l402/quote HTTP/1.1\r\nHost: test.example\r\nContent-Length: 10000\r\n\r\n")
        assert status_within(client, 3) == 413


def test_case_h19_extensions_of_chunks_are_bounded(house):
    service = house.start()
    with service.client(timeout=5) as client:
        client.send("POST /weather/x HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(2):
            client.send(b"1;" + b"x" * 12_000 + b"\r\na\r\n")
        answer = client.read()  # two bytes of payload, and no end of the body: this is not waited for
        assert (answer.status, answer.get("connection")) == (402, "close")


def test_case_h19_extensions_of_an_upload_that_is_served_are_bounded_too(house):
    service = house.start()
    house.upstream.streaming.add("/weather/public/x")
    house.upstream.routes["/weather/public/x"] = lambda request, connection, stream: stream.read() and None
    with service.client() as client:
        client.send("POST /weather/public/x HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            client.send(b"1;" + b"x" * 12_000 + b"\r\na\r\n")
        assert client.read().status == 400
    token = house.paid()
    with service.client() as client:  # while a body in chunks of a byte goes through
        client.request("POST", "/weather/y", {**token.headers(), "Transfer-Encoding": "chunked"}, b"1\r\na\r\n" * 5000 + b"0\r\n\r\n")
        assert client.read().status == 200
        assert house.upstream.last.body == b"a" * 5000


def test_case_h21_a_client_that_speaks_no_http_1_is_told_so_in_the_handshake(house):
    authority = Authority(house.folder)
    pair = authority.issue()
    service = house.start(config=house.config().replace("[listen]\n", f'[listen]\ntls_cert = "{pair.certificate}"\ntls_key = "{pair.key}"\n'))
    for offered, served in (
        (["h2"], None),
        (["h2", "spdy/3"], None),
        (["http/1.1"], "http/1.1"),
        (["h2", "http/1.1"], "http/1.1"),
        (["http/1.0"], "http/1.0"),
        ([], None),
    ):
        trust = authority.trust()
        if offered:
            trust.set_alpn_protocols(offered)
        if served or not offered:
            with service.client(tls=trust) as client:
                assert client.socket.selected_alpn_protocol() == served
                assert client.get("/weather/x").status == 402
        else:
            with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
                service.client(tls=trust)
