"""What was set aside and not needed comes back to its owner, also where the store is away meanwhile, or the service is stopped."""

import os
import sqlite3
import threading
import time

import pytest
from kit.payments import Deposit
from kit.service import wait_for
from test_quotas import used
from test_sessions import ASKING, INVOICE, spent
from test_terms import buy

SERVICES = """
[[service]]
name = "events"
path = "/events/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 500000, offer = "alone", event_msat = 1000, hold = "15s" }}
[[service]]
name = "bytes"
path = "/bytes/"
upstream = "{upstream}"
price_msat = 1000
bytes = "4MiB"
[[service]]
name = "balance"
path = "/balance/"
upstream = "{upstream}"
price_msat = 1000
credit_msat = 10000
cost_header = "X-Cost"
"""


class Shop:
    def __init__(self, house, extra=""):
        self.house = house
        self.service = house.start(extra, SERVICES.format(upstream=house.upstream.url))
        self.go = threading.Event()
        self.first = 32  # events; what is set aside at a time
        house.upstream.routes["/events/x"] = self.events
        house.upstream.routes["/bytes/x"] = house.upstream.routes["/balance/x"] = self.answer

    def events(self, request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(40):
            if number == self.first:
                self.go.wait(30)
            event = b"data: %d\n\n" % number
            connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
        connection.sendall(b"0\r\n\r\n")

    def answer(self, request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Cost\r\n\r\n2\r\nhi\r\n")
        self.go.wait(30)
        connection.sendall(b"0\r\nX-Cost: 10\r\n\r\n")

    def token(self, kind):
        """(headers, payment) of a token."""
        headers = buy(self.house, self.service.get(f"/{kind}/x"))
        return headers, list(self.house.gateway.issued.values())[-1]

    def deposit(self):
        return Deposit(self.house, self.service.get("/events/y", ASKING))


@pytest.fixture
def shop(house):
    made = Shop(house)
    yield made
    made.go.set()


def read_all(client):
    """The body of a chunked answer, as far as it comes."""
    body = b""
    while line := client.stream.readline():
        size = int(line, 16)
        body += client.stream.read(size)
        client.stream.readline()
        if size == 0:
            break
    return body


@pytest.mark.parametrize("topped_up", [False, True])
def test_events_that_could_not_be_paid_for_are_not_charged_later(shop, topped_up):
    deposit, more = shop.deposit(), shop.deposit()
    with shop.service.client(timeout=40) as client:
        client.request("GET", "/events/x", deposit.open(INVOICE))
        assert client.head().status == 200
        wait_for(lambda: spent(shop.house, deposit) == 33_000, "the first lease")
        store = shop.house.folder / "millrace.db"
        os.rename(store, store.with_suffix(".away"))
        shop.go.set()
        time.sleep(1.5)
        os.rename(store.with_suffix(".away"), store)
        wait_for(shop.service.ready, "the store is well again")
        if topped_up:
            assert shop.service.get("/events/y", more.top_up(deposit)).status == 200
        seen = read_all(client)
    assert seen.count(b"data: ") == 41 and b"payment-receipt" in seen
    assert b"payment-need-topup" not in seen, "money was not what lacked"
    wait_for(lambda: spent(shop.house, deposit) == 41_000, "what was sent is what is charged")
    assert shop.service.get("/events/y", deposit.bearer()).status == 200


def test_what_is_given_back_while_the_store_is_locked_is_given_back_after_it(shop):
    deposit = shop.deposit()
    tokens = {kind: shop.token(kind) for kind in ("bytes", "balance")}
    asked = [(f"/{kind}/x", headers) for kind, (headers, _) in tokens.items()] + [("/events/x", deposit.open(INVOICE))]
    clients = [shop.service.client(timeout=40) for _ in asked]
    for client, (target, headers) in zip(clients, asked):
        client.request("GET", target, headers)
        assert client.head().status == 200
    wait_for(lambda: spent(shop.house, deposit) == 33_000, "all is set aside")
    database = sqlite3.connect(shop.house.folder / "millrace.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    shop.go.set()
    for client in clients[:2]:
        read_all(client)
    time.sleep(7)  # beyond what a commit waits for
    database.execute("ROLLBACK")
    database.close()
    wait_for(lambda: used(shop.house, tokens["bytes"][1])[1] == 2, "bytes come back", 15)
    wait_for(lambda: used(shop.house, tokens["balance"][1])[2] == 10, "the balance comes back", 15)
    assert read_all(clients[2]).count(b"data: ") == 41
    wait_for(lambda: spent(shop.house, deposit) == 41_000, "the rest of a lease comes back", 15)
    for client in clients:
        client.close()


def test_a_service_that_is_stopped_gives_back_what_it_had_set_aside(house):
    shop = Shop(house, '[timeouts]\ndrain = "1s"\n')
    shop.first = 1
    deposit = shop.deposit()
    headers, token = shop.token("bytes")
    with shop.service.client() as events, shop.service.client() as answer:
        events.request("GET", "/events/x", deposit.open(INVOICE))
        answer.request("GET", "/bytes/x", headers)
        assert events.head().status == answer.head().status == 200
        wait_for(lambda: spent(house, deposit) == 33_000, "all is set aside")
        began = time.monotonic()
        shop.service.stop()
        assert time.monotonic() - began < 10
    shop.go.set()
    assert spent(house, deposit) == 2_000, "one event was sent"
    assert used(house, token)[1] == 2


def test_what_is_owed_is_paid_before_the_service_ends(shop):
    headers, token = shop.token("bytes")
    with shop.service.client(timeout=40) as client:
        client.request("GET", "/bytes/x", headers)
        assert client.head().status == 200
        wait_for(lambda: used(shop.house, token)[1] == 1 << 20, "a lease is on disk")
        database = sqlite3.connect(shop.house.folder / "millrace.db", isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        shop.go.set()
        read_all(client)
    wait_for(lambda: not shop.service.ready(), "it is known that nothing can be written")
    database.execute("ROLLBACK")
    database.close()
    shop.service.stop()
    assert used(shop.house, token)[1] == 2
