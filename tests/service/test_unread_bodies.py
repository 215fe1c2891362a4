"""Bodies that an upstream leaves unread, and would take for the next request on its connection."""

import socket
import threading

import pytest
from kit.service import wait_for

FREE = "/weather/public/"


class Careless:
    """A server that reads no body of a GET, keeps its connection, and takes what comes next for a request (RFC 9112 §11.2).
    It honours Connection: close, as it must."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.acted = []  # (connection, method, target)
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection, number):
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                fields = {}
                while (field := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = field.decode("latin-1").partition(":")
                    fields[name.lower()] = value.strip()
                if line.count(b" ") != 2:
                    return  # what is left of a body is no request
                method, target = line.decode("latin-1").split(" ")[:2]
                self.acted.append((number, method, target))
                if method in ("POST", "PUT", "PATCH") and "early" not in target:
                    stream.read(int(fields.get("content-length", 0)))
                body = f"{method} {target}".encode() if method != "HEAD" else b""
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                except OSError:
                    return
                if "close" in fields.get("connection", ""):
                    return


@pytest.fixture
def careless(house):
    made = Careless()
    house.start(services=f'[[service]]\nname="c"\npath="/c/"\nupstream="{made.url}"\nprice_msat=1\nfree=["/c/free"]\n')
    made.service = house.service
    yield made
    made.close()


HIDDEN = b"GET /c/hidden HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PROPFIND"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_case_m11_nothing_inside_a_body_is_acted_upon(careless, method, framing):
    with careless.service.client() as stranger, careless.service.client() as client:
        # A connection that is kept, on the thread of each.
        for one in (stranger, client):
            assert one.get("/c/free").body == b"GET /c/free"
        if framing == "length":
            client.request(method, "/c/free", body=HIDDEN)
        else:
            # In one piece with the head: an answer that overtakes its body ends the connection.
            chunks = b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n"
            client.request(method, "/c/free", {"Transfer-Encoding": "chunked"}, body=chunks)
        answer = client.read(to_head=method == "HEAD")
        assert answer.status == 200
        for one in (stranger, client):
            for _ in range(3):
                assert one.get("/c/free").body == b"GET /c/free"
    assert not [target for _, _, target in careless.acted if target == "/c/hidden"]


def test_case_m11_a_connection_whose_body_was_read_is_kept(careless):
    with careless.service.client() as client:
        client.get("/c/free")
        before = careless.connections
        for method in ("POST", "PUT", "PATCH", "GET"):
            assert client.request(method, "/c/free", body=b"read" if method != "GET" else None).read().body == f"{method} /c/free".encode()
        assert careless.connections == before


def test_case_m11_a_connection_on_which_the_head_came_before_the_body_was_sent_is_not_used_again(house):
    made = Careless()
    house.start(services=f'[[service]]\nname="c"\npath="/c/"\nupstream="{made.url}"\nprice_msat=1\nfree=["/c/free", "/c/early"]\n')
    try:
        filler = b"x" * 60_000
        with house.service.client() as client:
            client.request("POST", "/c/early", {"Content-Length": str(len(filler) + len(HIDDEN))})
            client.send(filler[:1000])
            assert client.head().status == 200
            try:
                client.send(filler[1000:] + HIDDEN)
                client.stream.read()
            except OSError:
                pass  # the answer is over, and the connection with it
        for _ in range(4):
            assert house.service.get("/c/free").body == b"GET /c/free"
        early = [number for number, _, target in made.acted if target == "/c/early"]
        assert not [number for number, _, target in made.acted if target == "/c/free" and number in early]
    finally:
        made.close()
    wait_for(lambda: made.acted, "it was asked")
