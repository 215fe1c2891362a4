"""Random requests, upstreams and clients that leave, over real sockets: what the upstream acted upon is charged, but for what
the manual says is free; and nothing else is charged.

MILLRACE_CHARGING_CASES and MILLRACE_CHARGING_SEED say how many and which; each failure names its own.
"""

import os
import queue
import random
import socket
import struct
import threading
import time

from kit.odd_upstream import Case, OddUpstream
from kit.sold import KINDS, Buyer, services

CASES = int(os.environ.get("MILLRACE_CHARGING_CASES", "300"))
SEED = int(os.environ.get("MILLRACE_CHARGING_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
THREADS = 8
TIMEOUTS = """
[timeouts]
half_closed = "300ms"
upstream_response = "1500ms"
body = "3s"
"""

BEHAVIOURS = [name for name in vars(OddUpstream) if not name.startswith("_") and name not in ("close",)]
# Whoever waits for these gets no answer below 500: acted upon or not, they are free.
FAILING = {"reset_before_acting", "reset_after_acting", "half_a_head", "fail", "no_status", "hints_without_end", "garbage_at_once", "silent"}
CLIENTS = ["wait", "wait", "wait", "close", "reset", "half_close", "half_close_and_leave", "reset_after_head", "close_mid_body", "reset_mid_body", "half_close_mid_body"]


class Request:
    def __init__(self, number, luck, house, odd):
        self.number, self.house = number, house
        self.kind = luck.choice(KINDS)
        self.reachable = luck.random() > 0.07
        self.upstream = Case(number, luck.choice(BEHAVIOURS), luck.choice([1, 700, 70_000]), luck.choice([0, 0, 0.02, 0.15]))
        odd.cases[number] = self.upstream
        self.method = luck.choice(["GET", "POST", "POST", "PUT", "DELETE"])
        self.size = luck.choice([0, 0, 1, 3000, 400_000]) if self.method != "GET" else luck.choice([0, 0, 0, 40])
        self.chunked = self.size > 0 and luck.random() < 0.4
        self.client = luck.choice(CLIENTS)
        self.pause = luck.choice([0, 0.005, 0.03, 0.2])
        self.whole = self.left = False  # sent by the client; it left before it had the answer
        self.status = self.charged = self.before = None
        self.buyer = Buyer(house, self.kind)
        self.path = f"/{'' if self.reachable else 'x'}{self.kind}/{number}"
        if not self.reachable and self.kind in ("session", "free", "charge"):  # good for their own service alone
            self.reachable, self.path = True, f"/{self.kind}/{number}"

    def __repr__(self):
        body = f"{self.size} bytes{' in chunks' if self.chunked else ''}"
        return (
            f"seed {SEED}, case {self.number}: {self.kind}, {self.method} {self.path} with {body}; client {self.client}, pause {self.pause}, sent whole "
            f"{self.whole}, left {self.left}, status {self.status}; charged {self.charged}; {self.upstream}"
        )

    def head(self):
        fields = {"Host": "test.example", "X-Case": str(self.number), "Connection": "close", **self.buyer.headers()}
        if self.chunked:
            fields["Transfer-Encoding"] = "chunked"
        elif self.size:
            fields["Content-Length"] = str(self.size)
        return f"{self.method} {self.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"

    def body(self):
        if not self.chunked:
            return b"b" * self.size
        half = self.size // 2
        pieces = [size for size in (half, self.size - half) if size]
        return b"".join(b"%x\r\n" % size + b"b" * size + b"\r\n" for size in pieces) + b"0\r\n\r\n"

    def run(self):
        with socket.create_connection(("127.0.0.1", self.house.service.port), timeout=15) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._talk(client)
            except OSError:
                pass  # the service ended the connection first

    def _talk(self, client):
        body = self.body()
        if self.client.endswith("mid_body") and body:
            client.sendall(self.head().encode() + body[: len(body) // 2])
            time.sleep(self.pause)
            self.left = True
            return self._end(client, self.client.removesuffix("_mid_body"))
        client.sendall(self.head().encode())
        client.sendall(body)
        self.whole = True
        if self.client in ("close", "reset"):
            time.sleep(self.pause)
            self.left = True
            return self._end(client, self.client)
        if self.client.startswith("half_close"):
            client.shutdown(socket.SHUT_WR)
            self.left = self.client == "half_close_and_leave"
            if self.left:
                time.sleep(self.pause)
                return None
        first = client.recv(65536)
        self.status = int(first.split(b" ")[1]) if first else None
        if self.client == "reset_after_head":
            self.left = True
            return self._end(client, "reset")
        while first:
            first = client.recv(65536)
        return None

    @staticmethod
    def _end(client, how):
        if how == "half_close":
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
        elif how == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # -- what must hold ----------------------------------------------------------------------------------------------

    def must_be_charged(self):
        """Acted upon, and not among what the manual says is free."""
        up = self.upstream
        if not up.acted or not self.reachable:
            return False
        answered = up.head is not None and 0 < up.head < 500
        if self.kind == "bytes" and self.method == "GET" and self.left:
            return False  # bytes of a safe request count as far as they went
        if not self.whole or (self.left and not up.read_whole):
            # Only where the head came before the client broke off, which nobody can tell from outside.
            return False
        if up.behaviour in FAILING:
            return self.left and up.behaviour == "silent" and self.client != "reset_after_head"
        if not answered:
            # It could not send its head: the connection was cut, since the client had left.
            return self.left and up.read_whole
        return True

    def may_be_charged(self):
        up = self.upstream
        if not self.reachable or (self.client == "wait" and up.behaviour in FAILING - {"garbage_at_once"}):
            return False
        if up.head == 0 or (up.head is not None and up.head < 500):
            return True
        # It went out whole, and the client did not wait.
        return self.whole and (self.left or self.client.startswith("half_close"))


def run_all(requests):
    todo = queue.Queue()
    for request in requests:
        todo.put(request)
    errors = []

    def work():
        while True:
            try:
                request = todo.get_nowait()
            except queue.Empty:
                return
            try:
                request.run()
            except Exception as error:  # noqa: BLE001 - told below
                errors.append((request, error))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]


def test_case_m7_what_is_acted_upon_is_charged_and_nothing_else(house):
    odd = OddUpstream()
    away = socket.create_server(("127.0.0.1", 0))
    nobody = f"http://127.0.0.1:{away.getsockname()[1]}"
    away.close()
    sold = services(house).replace(house.upstream.url, odd.url)
    unreachable = services(house).replace(house.upstream.url, nobody).replace('name = "', 'realm = "').replace('path = "/', 'path = "/x')
    for kind in KINDS:
        unreachable = unreachable.replace(f'realm = "{kind}"', f'name = "x{kind}"\nrealm = "{kind}"', 1)
        sold = sold.replace(f'name = "{kind}"', f'name = "{kind}"\nrealm = "{kind}"', 1)
    house.start(extra=TIMEOUTS, services=sold + unreachable)
    luck = random.Random(SEED)
    try:
        for start in range(0, CASES, 100):
            requests = [Request(number, luck, house, odd) for number in range(start, min(CASES, start + 100))]
            for request in requests:
                request.before = request.buyer.charged()
            run_all(requests)
            time.sleep(2.2)  # whoever half-closed has left by then, and silence has ended
            free = [request for request in requests if request.kind == "free"]
            for request in requests:
                if request.kind == "free":
                    continue
                request.charged = request.buyer.charged() - request.before
                if request.must_be_charged():
                    assert request.charged > 0, f"acted for nothing: {request}"
                if not request.may_be_charged():
                    assert request.charged == 0, f"charged for nothing: {request}"
                if request.kind != "bytes":
                    assert request.charged <= 1, request
            if free:
                charged = free[0].buyer.charged() - free[0].before
                assert sum(request.must_be_charged() for request in free) <= charged <= sum(request.may_be_charged() for request in free), free
        text = house.service.log_file.read_text()
        assert "critical" not in text and "terminate" not in text
    finally:
        odd.close()
    print(f"seed {SEED}: {CASES} cases, {sum(case.acted for case in odd.cases.values())} acts")
