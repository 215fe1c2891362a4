"""What one client may hold: connections, and the time in which it must have said what it wants."""

import ssl
import time

import pytest
from kit.admin import Admin, section
from kit.http import Client
from kit.service import wait_for
from kit.tls import Authority
from test_limits import PROXY

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


LIMITED = '[limits]\nconnections_per_prefix = 4\n'


def answers(service):
    try:
        with service.client(timeout=5) as client:
            return client.get("/weather/health") is not None
    except ConnectionError:
        return False


def test_case_h28_a_network_has_as_many_connections_as_the_limit_says(house):
    service = house.start(LIMITED)
    held = [service.client() for _ in range(4)]
    assert all(client.get("/weather/health").status == 200 for client in held)
    assert not answers(service)
    assert service.metric("l402_http_connections_refused_total") >= 1
    assert "127.0.0.0/24 has 4 connections open, as many as limits.connections_per_prefix allows" in service.log_file.read_text()
    # Who is in stays in, and the metrics listener is another one.
    assert held[0].get("/weather/health").status == 200
    held.pop().close()
    wait_for(lambda: answers(service), "a place that was given up")
    service.reload(house.config("[limits]\nconnections_per_prefix = 6\n"))
    more = [service.client() for _ in range(2)]
    assert all(client.get("/weather/health").status == 200 for client in more)
    for client in (*held, *more):
        client.close()
    wait_for(lambda: service.metric("l402_http_connections_open") == 0, "the connections end")


def test_case_h28_the_limit_is_one_for_all_listeners_and_silence_counts(house):
    config = house.config(LIMITED).replace("[listen]", "[[listen]]").replace("[metrics]", '[[listen]]\naddress = "127.0.0.1:0"\n[metrics]')
    service = house.start(config=config)
    held = [service.client(port) for port in service.ports for _ in range(2)]
    service.expect_metric("l402_http_connections_open", 4)
    for port in service.ports:
        with service.client(port, timeout=5) as client:
            assert client.ended()
    for client in held:
        client.close()


def test_case_h28_a_trusted_proxy_stands_for_many(house):
    service = house.start(LIMITED + PROXY)
    held = [service.client() for _ in range(12)]
    assert all(client.get("/weather/health").status == 200 for client in held)
    for client in held:
        client.close()


def test_case_h28_so_does_whoever_comes_over_a_unix_socket(house):
    path = house.folder / "s"
    service = house.start(config=house.config(LIMITED).replace('address = "127.0.0.1:0"\nthreads', f'address = "unix:{path}"\nthreads'))
    held = [Client(None, path=path) for _ in range(12)]
    assert all(client.get("/weather/health").status == 200 for client in held)
    for client in held:
        client.close()


@pytest.mark.parametrize("count", [64, 200])
def test_case_h29_idle_connections_shut_nobody_out(house, count):
    service = house.start(section(house.folder))
    admin = Admin(service)
    held = [Client(port) for port in (admin.port, service.metrics_port) for _ in range(count)]
    began = time.monotonic()
    for _ in range(20):
        assert admin.get("/v1/status").status == 200
        assert service.monitor("/healthz")[0] == 200
    assert time.monotonic() - began < 5
    for client in held:
        client.close()


def test_case_h29_a_head_that_does_not_come_is_not_waited_for(house):
    service = house.start()
    with Client(service.metrics_port, timeout=12) as client:
        client.send("GET /metrics HTTP/1.1\r\n")
        began = time.monotonic()
        assert client.ended()
        assert 2 < time.monotonic() - began < 6


def test_case_h29_the_metrics_listener_is_bounded(house):
    service = house.start()
    held = [Client(service.metrics_port) for _ in range(40)]
    assert service.monitor("/healthz")[0] == 200
    for client in held[:24]:  # of one address 16, the newest, stay
        client.socket.settimeout(2)
        assert client.ended()
    for client in held:
        client.close()
