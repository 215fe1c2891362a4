"""Descriptors and memory that run out for a moment, and connections that are reset anywhere: every request has an answer
or a closed connection within a bound, the service serves on, and the books are right."""

import errno
import os
import resource
import socket
import sqlite3
import threading
import time

import pytest
from kit import bolt11
from kit.fault_layer import FaultLayer
from kit.payments import Challenge, Deposit
from kit.pricer import Pricer
from kit.service import MEMORY_FACTOR, Ticker, wait_for
from kit.upstream import Upstream, response

FREE = "/weather/public/"
BOUND = 8 * (3 if MEMORY_FACTOR > 1 else 1)  # seconds until any request has ended

TIMES = '[timeouts]\nbody = "2s"\nupstream_connect = "1s"\nupstream_response = "2s"\n'

SHOP = """
[[service]]
name = "count"
path = "/count/"
upstream = "{upstream}"
price_msat = 1000
uses = 1000000
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
[[service]]
name = "session"
path = "/session/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 5000, offer = "alone" }}
[[service]]
name = "events"
path = "/events/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 9000, offer = "alone", event_msat = 1000, hold = "1s" }}
[[service]]
name = "priced"
path = "/priced/"
upstream = "{upstream}"
price_msat = 1000
pricer = {{ url = "{pricer}", facts = ["path"], cache = "1s", timeout = "1s" }}
[[service]]
name = "checked"
path = "/checked/"
upstream = "{checked}"
health = {{ path = "/well", interval = "500ms", timeout = "1s" }}
price_msat = 1000
free = ["/checked/"]
"""

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "abc"}


def echo(request, connection, stream):
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while byte := stream.read(1):
        connection.sendall(byte)
    raise Upstream.Hangup


def stream_events(request, connection, stream):
    body = b"".join(b"data: %d\n\n" % number for number in range(3)) + b"data: [DONE]\n\n"
    return response(body, headers=["Content-Type: text/event-stream"])


class Shop:
    """A service that sells everything there is to sell, with a layer between it and its sockets."""

    def __init__(self, house):
        self.house = house
        self.faults = FaultLayer(house.folder)
        self.pricer = Pricer()
        self.checked = Upstream()
        house.upstream.routes["/weather/public/ws"] = echo
        house.upstream.routes["/events/x"] = stream_events
        services = SHOP.format(upstream=house.upstream.url, pricer=self.pricer.url, checked=self.checked.url)
        self.service = house.start(TIMES, services, env=self.faults.env())
        self.token = house.paid("count", settled=False)
        self.served = 0  # of "count", with 200
        self.things = 0

    def close(self):
        self.faults.off()
        self.pricer.close()
        self.checked.close()

    # Each step is one request with all it takes; it answers a status, or None where the connection ended.

    def ask(self, method, target, headers=None, body=None):
        try:
            with self.service.client(timeout=BOUND) as client:
                answer = client.request(method, target, headers, body).read()
                return answer
        except (ConnectionError, ValueError, IndexError):
            return None  # closed, or an answer that broke off

    def status(self, *request, **more):
        answer = self.ask(*request, **more)
        return answer and answer.status

    def paid(self):
        status = self.status("GET", "/count/x", self.token.headers())
        self.served += status == 200
        return status

    def upload(self):
        return self.status("POST", FREE + "up", body=b"u" * 200_000)

    def bought(self, answer, kind):
        return kind(answer) if answer and answer.status == 402 else None

    def charge(self):
        answer = self.ask("GET", "/charge/x")
        if not answer or answer.status != 402:
            return answer and answer.status
        challenge = Challenge.of_answer(answer)
        headers = challenge.headers(self.house.gateway.issued[challenge.payment_hash].preimage)
        self.last_charge = headers
        return self.status("GET", "/charge/x", headers)

    def session(self):
        answer = self.ask("GET", "/session/x")
        if not answer or answer.status != 402:
            return answer and answer.status
        deposit = Deposit(self.house, answer)
        status = self.status("GET", "/session/x", deposit.open(bolt11.invoice()))
        if status == 200:
            status = self.status("GET", "/session/x", deposit.close())
        return status

    def events(self):
        answer = self.ask("GET", "/events/x")
        if not answer or answer.status != 402:
            return answer and answer.status
        return self.status("GET", "/events/x", Deposit(self.house, answer).open(bolt11.invoice()))

    def priced(self):
        self.things += 1
        return self.status("GET", f"/priced/{self.things}")

    def quote(self):
        return self.status("POST", "/l402/quote", body=b'{"service": "weather", "mint": true}')

    def upgrade(self):
        try:
            with self.service.client(timeout=BOUND) as client:
                status = client.get(FREE + "ws", UPGRADE)
                if not status or status.status != 101:
                    return status and status.status
                client.send(b"hello")
                return 101 if client.stream.read(5) == b"hello" else None
        except (ConnectionError, ValueError):
            return None

    def well(self):
        return self.status("GET", "/checked/x")

    STEPS = {
        "paid": 200, "upload": 200, "charge": 200, "session": 200, "events": 200, "priced": 402, "quote": 200,
        "upgrade": 101, "well": 200,
    }  # fmt: skip

    def walk(self):
        return {name: getattr(self, name)() for name in self.STEPS}

    def recorded(self):
        with sqlite3.connect(f"file:{self.house.folder}/millrace.db?mode=ro", uri=True) as database:
            found = database.execute("SELECT uses FROM token_usage WHERE payment_hash = ?", (self.token.payment_hash,)).fetchone()
        return found[0] if found else 0

    def acted(self):
        return sum(request.target == "/count/x" for request in self.house.upstream.requests)

    def check(self, what):
        """All is as it was."""
        assert self.service.process.poll() is None, (what, self.service.log_file.read_text()[-3000:])
        wait_for(self.service.ready, f"ready after {what}", BOUND * 2)
        assert self.walk() == self.STEPS, what
        assert self.served <= self.recorded() <= self.acted(), what


@pytest.fixture
def shop(house):
    made = Shop(house)
    yield made
    made.close()


EMFILE_CALLS = ("socket", "accept", "epoll", "open")
WALKS = [
    (errno.EMFILE, EMFILE_CALLS),
    (errno.ENOMEM, ("socket", "accept", "connect", "recv", "send", "epoll")),
    (errno.ECONNRESET, ("connect", "recv", "send")),
]


@pytest.mark.parametrize("error, calls", WALKS, ids=["EMFILE", "ENOMEM", "ECONNRESET"])
def test_case_h3_a_fault_at_the_nth_call_of_the_socket_layer_leaves_nobody_waiting(shop, error, calls):
    assert shop.walk() == shop.STEPS
    shop.faults.fail(error, calls, at=2**62)
    assert shop.walk() == shop.STEPS
    total = shop.faults.count
    assert total > 20
    most = int(os.environ.get("MILLRACE_FAULT_STEPS", "25"))
    step = max(1, total // most)
    allowed = {name: {expected, 402, 408, 499, 500, 502, 503, 504, 400, None} for name, expected in shop.STEPS.items()}
    for at in range(1 + os.getpid() % step, total + 1, step):
        shop.faults.fail(error, calls, at=at)
        began = time.monotonic()
        for name, status in shop.walk().items():
            assert status in allowed[name], (at, name, status)
        assert time.monotonic() - began < BOUND * len(shop.STEPS)
        assert shop.faults.injected <= 1
        shop.faults.off()
        assert shop.service.process.poll() is None, (at, shop.service.log_file.read_text()[-3000:])
    shop.check("the walk")


def test_case_h3_faults_at_random_leave_nobody_waiting(shop):
    seed = int(os.environ.get("MILLRACE_CHAOS_SEED", "7"))
    for error, calls in WALKS:
        shop.faults.often(error, calls, 0.02, seed)
        tickers = [Ticker(shop.walk) for _ in range(3)]
        time.sleep(0.7)
        for ticker in tickers:
            ticker.running = False
        for ticker in tickers:
            ticker.join(BOUND * len(shop.STEPS))
            assert not ticker.is_alive() and ticker.error is None, (errno.errorcode[error], ticker.error)
        assert shop.faults.injected > 0
        shop.faults.off()
        shop.served = 0  # counted by three threads at once
        shop.check(f"{errno.errorcode[error]} with seed {seed}")


def test_case_h3_without_a_descriptor_what_is_priced_and_charged_is_503_and_nothing_is_lost(shop):
    assert shop.walk() == shop.STEPS
    service = shop.service
    answer = shop.ask("GET", "/charge/y")
    challenge = Challenge.of_answer(answer)
    headers = challenge.headers(shop.house.gateway.issued[challenge.payment_hash].preimage)
    shop.house.upstream.drop_connections()
    shop.pricer.server.drop_connections()
    checks = len(shop.checked.requests)
    shop.faults.always(errno.EMFILE, ("socket",))
    time.sleep(0.1)
    began = time.monotonic()
    answer = shop.ask("GET", "/charge/y", headers)
    assert (answer.status, answer.get("retry-after")) == (503, "1")
    assert shop.paid() == 503
    assert shop.priced() == 503
    assert shop.status("POST", FREE + "up", body=b"x" * 10) == 503
    waiting = [Ticker(shop.priced) for _ in range(4)]
    for one in waiting:
        assert set(one.finish()) <= {503}
    assert time.monotonic() - began < BOUND
    status, why = service.monitor("/readyz")
    assert status == 503 and "file descriptors" in why
    assert service.monitor("/metrics")[0] == 200
    time.sleep(1.2)  # some checks fail meanwhile
    assert service.metric(f'l402_upstream_healthy{{resource="checked",address="{shop.checked.url}"}}') == 1
    shop.faults.off()
    assert shop.status("GET", "/charge/y", headers) == 200  # the charge is as good as before
    seen = len(shop.checked.requests)
    assert seen >= checks
    wait_for(lambda: len(shop.checked.requests) > seen, "the checks go on", 5)
    wait_for(service.ready, "ready again", 10)
    shop.check("no descriptors")


@pytest.fixture
def narrow(house):
    """A service that may open 140 files, of which the test's own connections are few."""
    return house.start(launcher=["prlimit", "--nofile=140:140"])


def test_case_h3_connections_beyond_what_there_are_descriptors_for_are_answered_503(narrow, house):
    service = narrow
    assert service.get(FREE + "x").status == 200
    kept, refused = [], 0
    try:
        for _ in range(160):
            client = service.client(timeout=5)
            client.request("GET", FREE + "slow" if len(kept) % 2 else FREE + "x")
            kept.append(client)
            answer = client.read()
            assert answer.status in (200, 503)
            refused += answer.status == 503
            if answer.status == 503:
                assert client.ended()
        # Idle ones gave up their places for new ones, and the service's own share was never touched.
        status, text = service.monitor("/metrics")
        assert status == 200
        assert service.metric("process_open_fds") <= 140
        assert service.get(FREE + "x").status in (200, 503)
    finally:
        for client in kept:
            client.close()
    wait_for(lambda: service.ready() and service.get(FREE + "x").status == 200, "serves again", 15)


def test_case_h3_busy_connections_keep_their_places_and_others_are_told(narrow, house):
    service = narrow
    release = threading.Event()

    def hold(request, connection, stream):
        release.wait(20)
        return response(b"held")

    house.upstream.routes[FREE + "hold"] = hold
    clients, answered = [], []
    try:
        for _ in range(80):
            client = service.client(timeout=20)
            client.request("GET", FREE + "hold")
            clients.append(client)
            time.sleep(0.005)
        wait_for(lambda: not service.ready(), "not ready", 5)
        status, why = service.monitor("/readyz")
        assert status == 503 and "file descriptors" in why
        assert service.monitor("/metrics")[0] == 200
        release.set()
        answered = [client.read().status for client in clients]
        assert answered.count(200) >= 20 and answered.count(503) >= 20 and len(answered) == 80
        assert set(answered) == {200, 503}
    finally:
        release.set()
        for client in clients:
            client.close()
    wait_for(lambda: service.ready() and service.get(FREE + "x").status == 200, "serves again", 15)


def test_case_h3_with_no_descriptor_at_all_whoever_connects_is_told(house):
    service = house.start()
    with service.client() as kept:
        assert kept.get(FREE + "x").status == 200
        pid = service.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # What is open stays open; nothing can be opened beside it.
        highest = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(highest, 10), before[1]))
        try:
            with service.client(timeout=5) as client:
                client.request("GET", FREE + "x")
                answer = client.read()
                assert (answer.status, answer.get("connection")) == (503, "close")
            assert kept.get(FREE + "x").status in (200, 503)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert service.get(FREE + "x").status == 200
    wait_for(service.ready, "ready again", 10)


def test_case_h3_the_listener_survives_what_peers_do_while_they_wait(shop):
    """Clients that reset their connection before it is accepted, and accepts that fail."""
    shop.faults.often(errno.ECONNABORTED, ("accept",), 0.5, seed=1)
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", shop.service.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    shop.faults.off()
    assert shop.status("GET", FREE + "x") == 200
