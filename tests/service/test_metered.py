"""What is told after the request was let through: costs behind the answer, streams without an end, charges that come late."""

import sqlite3
import threading
import time

import pytest
from kit import bolt11
from kit.payments import Challenge, Deposit
from kit.service import wait_for
from kit.upstream import Upstream
from test_sessions import ASKING, spent
from test_terms import buy

INVOICE = bolt11.invoice()
METERED = """
[[service]]
name = "balance"
path = "/balance/"
upstream = "{upstream}"
price_msat = 1000
credit_msat = 100000
cost_header = "X-Cost"
max_cost_msat = 20000
[[service]]
name = "session"
path = "/session/"
upstream = "{upstream}"
price_msat = 1000
cost_header = "X-Cost"
max_cost_msat = 20000
schemes = ["payment"]
session = {{ deposit_msat = 100000, offer = "alone" }}
"""

ENDLESS = """
[[service]]
name = "sold"
path = "/sold/"
upstream = "{upstream}"
price_msat = 1000
timeout = "2s"
schemes = ["l402", "payment"]
[[service]]
name = "given"
path = "/given/"
upstream = "{upstream}"
price_msat = 1000
timeout = "2s"
free_allowance = {{ requests = 3 }}
"""


def charge_for(house, path, fields=None):
    challenge = Challenge.of_answer(house.service.get(path, fields or {}))
    token = house.gateway.issued[challenge.payment_hash]
    return challenge.headers(token.preimage), token


@pytest.mark.parametrize(
    ("head", "trailer", "drawn"),
    [(0, 9000, 9000), (500, 9000, 9000), (1000, 9000, 9000), (5000, 9000, 9000), (5000, 15000, 15000), (9000, 500, 500), (5000, 30000, 20000)],
)
def test_the_trailer_says_what_a_request_cost_whatever_the_head_said(house, head, trailer, drawn):
    service = house.start(services=METERED.format(upstream=house.upstream.url))

    def answer(*_):
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Cost: %d\r\n\r\n1\r\nx\r\n0\r\nX-Cost: %d\r\n\r\n" % (head, trailer)

    house.upstream.routes["/balance/x"] = house.upstream.routes["/session/x"] = answer
    token = buy(house, service.get("/balance/other"))
    deposit = Deposit(house, service.get("/session/other", ASKING))
    assert service.get("/balance/x", token).status == 200
    assert service.get("/session/x", deposit.open(INVOICE)).status == 200
    wait_for(lambda: spent(house, deposit) == drawn, f"the session to draw {drawn}, not {spent(house, deposit)}")
    left = int(service.get("/balance/other", token).get("x-l402-remaining-msat"))
    assert 100000 - 1000 - left == drawn


def test_who_lets_the_upstream_wait_until_it_gives_up_has_not_saved_the_cost(house):
    service = house.start(services=METERED.format(upstream=house.upstream.url))
    gave_up = threading.Event()

    def much(_request, connection, _state):
        connection.settimeout(1.5)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Cost\r\n\r\n")
        piece = b"10000\r\n" + b"y" * 65536 + b"\r\n"
        try:
            for _ in range(2000):
                connection.sendall(piece)
        except TimeoutError:
            gave_up.set()
            raise Upstream.Hangup from None

    house.upstream.routes["/balance/much"] = much
    token = buy(house, service.get("/balance/x"))
    with service.client() as client:
        client.request("GET", "/balance/much", token)
        client.head()
        client.stream.read(100_000)
        assert gave_up.wait(20)
        client.socket.settimeout(5)
        while client.stream.read1(1 << 20):
            pass
    wait_for(lambda: int(service.get("/balance/x", token).get("x-l402-remaining-msat")) <= 100000 - 20000, "what was held to be drawn")


def test_an_upstream_that_breaks_off_by_itself_costs_the_price(house):
    service = house.start(services=METERED.format(upstream=house.upstream.url))

    def broken(_request, connection, _state):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        raise Upstream.Hangup

    house.upstream.routes["/balance/broken"] = broken
    token = buy(house, service.get("/balance/x"))
    with service.client() as client:
        client.request("GET", "/balance/broken", token)
        client.head()
        client.stream.read()
    left = lambda: int(service.get("/balance/x", token).get("x-l402-remaining-msat"))  # noqa: E731
    assert left() == 100000 - 2000


@pytest.mark.parametrize("by", ["charge", "token", "allowance"])
def test_what_has_no_end_ends_with_the_time_bought_whatever_bought_it(house, by):
    service = house.start(services=ENDLESS.format(upstream=house.upstream.url))

    def events(_request, connection, _state):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            time.sleep(0.1)
            connection.sendall(b"9\r\ndata: 1\n\n\r\n")

    house.upstream.routes["/sold/events"] = house.upstream.routes["/given/events"] = events
    path, fields = "/sold/events", {}
    if by == "charge":
        fields, _ = charge_for(house, path)
    elif by == "token":
        fields = buy(house, service.get(path))
    else:
        path = "/given/events"
    began = time.monotonic()
    with service.client() as client:
        client.socket.settimeout(8)
        client.request("GET", path, fields)
        assert client.head().status == 200
        body = client.stream.read()
    assert 1 < time.monotonic() - began < 5
    assert body.endswith(b"0\r\n\r\n")


@pytest.fixture
def sold(house):
    house.start(services='[[service]]\nname = "c"\npath = "/c/"\nupstream = "%s"\nprice_msat = 50000\nschemes = ["payment"]\n' % house.upstream.url)
    house.gateway.expiry = 4
    return house


def heard_of(house, token):
    def settled():
        with sqlite3.connect(house.folder / "millrace.db") as store:
            return store.execute("SELECT 1 FROM settlements WHERE payment_hash = ?", (token.payment_hash,)).fetchone()

    wait_for(settled, "the settlement")


def test_a_charge_that_was_paid_in_time_is_good_however_late_it_comes(sold):
    service = sold.service
    charge, token = charge_for(sold, "/c/x")
    late, unpaid = charge_for(sold, "/c/y")
    sold.gateway.settle(token)
    heard_of(sold, token)
    time.sleep(4.5)
    assert service.get("/c/x", charge).status == 200
    # It buys one request, and its repetitions.
    assert service.get("/c/other", charge).status == 402
    assert service.get("/c/x", charge).status == 200
    # What nobody has told the payment of is too late.
    refused = service.get("/c/y", late)
    assert (refused.status, refused.json()["reason"]) == (402, "expired")
    sold.gateway.settle(unpaid)


def test_a_charge_buys_what_its_deciding_fields_say(house):
    service = house.start(
        services="""
[[service]]
name = "u"
path = "/u/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
[[service.route]]
name = "unit"
path = "/u/r/"
per_unit_msat = 10
unit_header = "X-Units"
max_units = 500
[[service]]
name = "t"
path = "/t/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["l402", "payment"]
[[service.tier]]
name = "a"
tier = 0
[[service.tier]]
name = "b"
tier = 1
price_msat = 900
""".format(upstream=house.upstream.url)
    )
    charge, _ = charge_for(house, "/u/r/x", {"X-Units": "400"})
    answers = {units: service.get("/u/r/x", {**charge, "X-Units": units}) for units in ("400", "399", "1")}
    again = service.get("/u/r/x", {**charge, "X-Units": "400"})
    assert [one.status for one in answers.values()] == [200, 402, 402]
    assert answers["399"].json()["reason"] == "other_request"
    assert again.status == 200
    charge, _ = charge_for(house, "/t/x", {"X-L402-Tier": "a"})
    assert service.get("/t/x", {**charge, "X-L402-Tier": "a"}).status == 200
    assert service.get("/t/x", {**charge, "X-L402-Tier": "b"}).status == 402


def test_a_deposit_that_was_paid_before_its_service_joined_a_realm_opens_its_session(house):
    text = METERED.format(upstream=house.upstream.url)
    service = house.start(services=text)
    opened, paid = Deposit(house, service.get("/session/x", ASKING)), Deposit(house, service.get("/session/x", ASKING))
    assert service.get("/session/x", opened.open(INVOICE)).status == 200
    service.reload(house.config("", text.replace('name = "session"', 'name = "session"\nrealm = "all"')))
    assert service.get("/session/x", opened.bearer()).status == 200
    assert service.get("/session/x", paid.open(INVOICE)).status == 200
    assert service.get("/session/x", paid.bearer()).status == 200
    for deposit, uses in ((opened, 2), (paid, 2)):
        assert service.get("/session/x", deposit.close()).json()["status"] == "closed"
        assert spent(house, deposit) == 1000 * uses


def test_what_is_sold_beside_sessions_for_the_price_alone_is_warned_of(house):
    text = METERED.format(upstream=house.upstream.url)
    beside = text.replace(', offer = "alone"', "").replace('schemes = ["payment"]', 'schemes = ["l402", "payment"]')
    service = house.start(services=beside)
    said = service.log_file.read_text()
    assert "sessions pay for costs, and a token or a charge, which are sold beside them, for the price alone" in said
    service.reload(house.config("", text))
    assert service.log_file.read_text().count("for the price alone") == 1
