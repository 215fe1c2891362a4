"""Random clients against the service, its plugin and a simulated node: they upgrade, send bodies in pieces, half-close, leave,
pipeline, are slow, and are wrong. In the end nothing has crashed, the service serves, and the books are exact.

MILLRACE_CHAOS_SECONDS (8) and MILLRACE_CHAOS_SEED (random, printed) say for how long and which."""

import os
import random
import shutil
import socket
import sqlite3
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "e2e"))

from conftest import OWN_FAULTS, UNLIMITED  # noqa: E402
from harness.sim import SimNetwork  # noqa: E402
from kit.http import Client  # noqa: E402
from kit.service import Service, wait_for  # noqa: E402
from kit.upstream import Upstream, response  # noqa: E402

CONFIG = """
[listen]
address = "127.0.0.1:0"
threads = 2
[metrics]
address = "127.0.0.1:0"
[node]
gateway = "{gateway}"
[store]
path = "millrace.db"
[log]
level = "info"
[timeouts]
body = "2s"
header = "2s"
tunnel = "2s"
upstream_response = "5s"
{more}
[[service]]
name = "count"
path = "/count/"
upstream = "{upstream}"
price_msat = 1000
uses = 100000000
[[service]]
name = "open"
path = "/open/"
upstream = "{upstream}"
price_msat = 1000
timeout = "1h"
free = ["/open/free/"]
"""

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "abc"}
RESET = b"\x01\0\0\0\0\0\0\0"  # struct linger: closing resets


class Acted:
    """What the upstream acted on: each request that came whole."""

    def __init__(self):
        self.targets = []

    def whole(self, request, connection, stream):
        length = request.get("content-length")
        if length and len(request.body) < int(length):
            raise Upstream.Hangup
        self.targets.append(request.target)
        kind = zlib.crc32(request.target.encode()) % 4
        if kind == 0:
            time.sleep(0.02)
        if kind == 1:
            body = b"%x\r\n" % 30_000 + b"c" * 30_000 + b"\r\n0\r\n\r\n"
            return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (body if request.method != "HEAD" else b"")
        answer = response(b"b" * (10 if kind == 2 else 200_000))
        return answer if request.method != "HEAD" else answer[: answer.index(b"\r\n\r\n") + 4]

    def switch(self, request, connection, stream):
        """Answers before the body has come, and echoes what is behind it."""
        if not request.get("upgrade"):
            return response(b"no upgrade")
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        left = int(request.get("content-length") or 0)
        while left and (piece := stream.read1(min(left, 65536))):
            left -= len(piece)
        while byte := stream.read1(1000):
            connection.sendall(byte)
        raise Upstream.Hangup


class Shop:
    def __init__(self, folder):
        self.folder = folder
        self.network = SimNetwork(folder / "net")
        self.acted = Acted()
        self.upstream = Upstream()
        for path in ("/count/x", "/open/x", "/open/free/x"):
            self.upstream.routes[path] = self.acted.whole
        self.upstream.routes["/open/ws"] = self.upstream.routes["/open/free/ws"] = self.acted.switch
        self.upstream.streaming |= {"/open/ws", "/open/free/ws"}
        config = CONFIG.format(gateway=self.network.seller.gateway, upstream=self.upstream.url, more=UNLIMITED)
        self.service = Service(folder, None, config).start()
        self.count, self.open = self.buy("/count/x"), self.buy("/open/x")

    def buy(self, target):
        answer = self.service.get(target)
        assert answer.status == 402
        line = next(line for line in answer.all("www-authenticate") if line.startswith("L402 "))
        macaroon, invoice = line.split('macaroon="')[1].split('"')[0], line.split('invoice="')[1].split('"')[0]
        paid = self.network.payer.pay(invoice)
        return {"Authorization": f"L402 {macaroon}:{paid['payment_preimage']}"}

    def recorded(self):
        with sqlite3.connect(f"file:{self.folder}/millrace.db?mode=ro", uri=True) as database:
            return database.execute("SELECT coalesce(sum(uses), 0) FROM token_usage WHERE service = 'count'").fetchone()[0]

    def close(self):
        try:
            self.service.stop()
        finally:
            if self.service.process:
                self.service.kill()
            self.upstream.close()
            self.network.stop()


class RandomClient(threading.Thread):
    def __init__(self, shop, seed):
        super().__init__(daemon=True)
        self.shop, self.random, self.seed = shop, random.Random(seed), seed
        self.running, self.error = True, None
        self.number = 0
        self.served = []  # numbers of counted requests whose answer came whole
        self.done = 0

    def run(self):
        actions = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("do_")]
        while self.running:
            action = self.random.choice(actions)
            try:
                with Client(self.shop.service.port, timeout=20) as self.client:
                    action()
            except (ConnectionError, ValueError, IndexError, BrokenPipeError):
                pass  # closed, or broken off
            except Exception as error:  # noqa: BLE001 - told by the test
                self.error = (action.__name__, self.seed, repr(error))
                return
            self.done += 1

    # -- what it may do ---------------------------------------------------------------------------------------------

    def target(self, path="/count/x"):
        self.number += 1
        return f"{path}?n={self.seed}.{self.number}"

    def token(self, target):
        return dict(self.shop.count if target.startswith("/count") else self.shop.open)

    def path(self):
        return self.random.choice(["/count/x", "/count/x", "/open/x", "/open/free/x"])

    def read(self, target, to_head=False):
        answer = self.client.read(to_head)
        if answer and answer.status == 200 and target.startswith("/count"):
            length = answer.get("content-length")
            if length is None or to_head or len(answer.body) == int(length):
                self.served.append(target)
        return answer

    def pieces(self, data, pause=0.002):
        while data:
            size = self.random.choice([1, 7, 100, 5000, 60_000])
            self.client.send(data[:size])
            data = data[size:]
            if self.random.random() < 0.3:
                time.sleep(pause)

    def leave(self):
        kind = self.random.randrange(3)
        if kind == 0:
            self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif kind == 1:
            self.client.socket.shutdown(socket.SHUT_WR)
            time.sleep(0.01)

    def do_keep_alive(self):
        for _ in range(self.random.randrange(1, 10)):
            target = self.target(self.path())
            self.client.request("GET", target, self.token(target))
            if self.read(target) is None:
                return

    def do_post_in_pieces(self):
        target = self.target(self.path())
        body = b"u" * self.random.choice([1, 100, 20_000, 150_000])
        self.client.request("POST", target, {**self.token(target), "Content-Length": str(len(body))})
        self.pieces(body)
        self.read(target)

    def do_post_chunked(self):
        target = self.target(self.path())
        self.client.request("PUT", target, {**self.token(target), "Transfer-Encoding": "chunked"})
        data = b""
        for _ in range(self.random.randrange(5)):
            size = self.random.choice([1, 30, 9000, 70_000])
            data += b"%x\r\n" % size + b"k" * size + b"\r\n"
        self.pieces(data + b"0\r\n\r\n")
        self.read(target)

    def do_post_and_leave(self):
        target = self.target(self.path())
        self.client.request("POST", target, {**self.token(target), "Content-Length": "100000"})
        self.pieces(b"l" * self.random.randrange(99_000))
        self.leave()

    def do_get_and_leave(self):
        target = self.target(self.path())
        self.client.request("GET", target, self.token(target))
        if self.random.random() < 0.5:
            self.client.socket.recv(self.random.choice([1, 1000, 50_000]))
        self.leave()

    def do_half_close(self):
        target = self.target(self.path())
        self.client.request("GET", target, self.token(target))
        self.client.socket.shutdown(socket.SHUT_WR)
        self.read(target)

    def do_pipeline(self):
        targets = [self.target(self.path()) for _ in range(self.random.randrange(2, 6))]
        lines = b""
        for target in targets:
            fields = "".join(f"{name}: {value}\r\n" for name, value in self.token(target).items())
            lines += f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()
        self.pieces(lines)
        for target in targets:
            if self.read(target) is None:
                return

    def do_head(self):
        target = self.target(self.path())
        self.client.request("HEAD", target, self.token(target))
        self.read(target, to_head=True)

    def do_slow_head(self):
        target = self.target(self.path())
        fields = "".join(f"{name}: {value}\r\n" for name, value in self.token(target).items())
        for at, byte in enumerate(f"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n".encode()):
            self.client.send(bytes([byte]))
            if at % 100 == 0:
                time.sleep(0.01)
        self.read(target)

    def do_upgrade(self):
        path = self.random.choice(["/open/ws", "/open/free/ws"])
        body = b"w" * self.random.choice([0, 10, 90_000])
        headers = {**UPGRADE, **self.token(path)}
        if body:
            headers["Content-Length"] = str(len(body))
        self.client.request("POST" if body else "GET", path, headers)
        end = self.random.random()
        if end < 0.3:
            self.pieces(body[: len(body) // 2])
            return self.leave()
        self.pieces(body)
        answer = self.client.read()
        if answer and answer.status == 101:
            for _ in range(self.random.randrange(4)):
                frame = b"f" * self.random.choice([1, 1000, 30_000])
                self.client.send(frame)
                assert self.client.stream.read(len(frame)) in (frame, b""), "an echo is another's"
            self.leave()

    def do_buy(self):
        answer = self.client.get(self.random.choice(["/count/x", "/open/x"]), {"Accept": self.random.choice(["*/*", "text/html"])})
        assert answer is None or answer.status in (402, 429, 503), answer.status

    def do_quote(self):
        body = b'{"service": "open", "mint": true}'.ljust(self.random.choice([40, 9000]))
        self.client.request("POST", "/l402/quote", {"Content-Length": str(len(body)), "X-Long": "l" * self.random.choice([1, 12_000])})
        self.pieces(body)
        self.client.read()

    def do_wrong(self):
        wrong = [
            b"\r\n\r\nnonsense\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"POST /open/free/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET /open/free/x HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            os.urandom(3000),
        ]
        self.pieces(self.random.choice(wrong))
        self.leave()
        self.client.socket.settimeout(0.5)
        try:
            self.client.read()
        except TimeoutError:
            pass


@pytest.fixture
def workplace():
    path = Path(tempfile.mkdtemp(prefix="mr", dir="/tmp"))
    yield path
    kept = os.environ.get("MILLRACE_TEST_LOGS")
    if kept:
        for log in path.glob("*.log"):
            (Path(kept) / "random_clients").mkdir(parents=True, exist_ok=True)
            shutil.copy(log, Path(kept) / "random_clients")
    shutil.rmtree(path, ignore_errors=True)


def test_case_h1_h2_h3_random_clients_leave_a_service_that_serves_and_books_that_are_exact(workplace):
    seconds = float(os.environ.get("MILLRACE_CHAOS_SECONDS", "8"))
    seed = int(os.environ.get("MILLRACE_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 2**31)
    print(f"MILLRACE_CHAOS_SEED={seed}")
    shop = Shop(workplace)
    service = shop.service
    try:
        clients = [RandomClient(shop, seed + number) for number in range(8)]
        [client.start() for client in clients]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and all(client.error is None for client in clients):
            time.sleep(0.1)
            assert service.process.poll() is None, service.log_file.read_text()[-5000:]
        for client in clients:
            client.running = False
        for client in clients:
            client.join(60)
            assert not client.is_alive(), f"a client of seed {client.seed} hangs"
        assert [client.error for client in clients if client.error] == []
        assert sum(client.done for client in clients) > seconds
        # Nothing is left behind, and everything works.
        wait_for(service.ready, "ready", 10)
        wait_for(lambda: service.metric("l402_http_connections_open") == 0, "all connections to end", 30)
        assert service.get("/open/free/x?n=last").status == 200
        assert service.get("/count/x?n=last", shop.count).status == 200
        acted = [target for target in shop.acted.targets if target.startswith("/count/")]
        served = sum(len(client.served) for client in clients) + 1
        assert len(set(acted)) == len(acted), "a request was acted on twice"
        told = f"{shop.recorded()} uses are recorded, {len(acted)} were acted on, {served} were seen"
        wait_for(lambda: shop.recorded() == len(acted), told, 10)
        assert served <= len(acted), told
        text = service.log_file.read_text()
        for fault in OWN_FAULTS:
            assert fault not in text
    finally:
        shop.close()
