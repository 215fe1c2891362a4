"""Requests that are served for nothing: counted once each, by network, whatever happens in between."""

import os
import random
import sqlite3
import threading
import time

import pytest
from kit.pricer import Pricer
from kit.service import wait_for
from kit.upstream import Upstream, response
from test_terms import buy

PROXY = '[clients]\ntrusted_proxies = ["127.0.0.1"]\n'

SERVICES = """
[[service]]
name = "news"
path = "/news/"
upstream = "{upstream}"
price_msat = 100
free_allowance = {{ requests = 3, per = "1d" }}
free = ["/news/free"]
auth_only = ["/news/mine"]
cors = ["https://app.example"]
[[service.route]]
name = "dear"
path = "/news/dear/"
price_msat = 101
[[service]]
name = "short"
path = "/short/"
upstream = "{upstream}"
price_msat = 100
free_allowance = {{ requests = 1, per = "2s", max_price_msat = 200, max_prefixes = 3 }}
options = "forward"
[[service.route]]
name = "dear"
path = "/short/dear/"
price_msat = 200
[[service]]
name = "charged"
path = "/charged/"
upstream = "{upstream}"
price_msat = 100
schemes = ["payment"]
free_allowance = {{ requests = 2 }}
[[service]]
name = "trial"
path = "/trial/"
upstream = "{upstream}"
price_msat = 100
dry_run = true
free_allowance = {{ requests = 2 }}
[[service]]
name = "paid"
path = "/paid/"
upstream = "{upstream}"
price_msat = 100
uses = 2
free_allowance = {{ requests = 2 }}
"""


def services(house):
    return SERVICES.format(upstream=house.upstream.url)


@pytest.fixture
def shop(house):
    house.start(PROXY, services=services(house))
    house.numbers = iter(range(1, 250))
    return house


def network(house):
    """Fields of a request from a network that has not asked before."""
    return {"X-Forwarded-For": f"192.0.{next(house.numbers)}.7"}


def left(answer):
    values = answer.all("x-l402-remaining-free")
    assert len(values) <= 1
    return int(values[0]) if values else None


def rows(house):
    database = sqlite3.connect(f"file:{house.folder}/millrace.db?mode=ro", uri=True)
    try:
        return database.execute("SELECT service, prefix, started_at, ends_at, used FROM free_uses").fetchall()
    finally:
        database.close()


def used(house, service="news"):
    return sum(row[4] for row in rows(house) if row[0] == service)


def test_the_first_requests_of_a_network_are_free_and_the_next_is_a_402(shop):
    one = network(shop)
    get = lambda fields=one, path="/news/x": shop.service.get(path, fields)
    answers = [get() for _ in range(3)]
    assert [(a.status, a.body, left(a)) for a in answers] == [(200, b"hello\n", n) for n in (2, 1, 0)]
    seen = shop.upstream.last
    assert (seen.get("x-l402-access"), seen.get("x-l402-service")) == ("free-allowance", "news")
    assert "x-l402-token-id" not in seen.names() and "x-l402-payment-hash" not in seen.names()
    asked = len(shop.upstream.requests)
    refused = get()
    assert (refused.status, left(refused), refused.json()["price_msat"]) == (402, 0, 100)
    assert len(shop.upstream.requests) == asked
    # Neighbours of the /24 share it, others do not; nor do services.
    assert get({"X-Forwarded-For": one["X-Forwarded-For"].rsplit(".", 1)[0] + ".200"}).status == 402
    assert left(get(network(shop))) == 2
    assert left(get({"X-Forwarded-For": "2001:db8:5::1"})) == 2
    assert left(get({"X-Forwarded-For": "2001:db8:5:ffff::2"})) == 1
    assert left(get({"X-Forwarded-For": "2001:db8:6::1"})) == 2
    assert left(get(path="/short/x")) == 0
    # What is bought meanwhile works.
    bought = shop.service.get("/news/x", {**one, **buy(shop, refused)})
    assert (bought.status, left(bought)) == (200, None)
    assert shop.upstream.last.get("x-l402-access") is None
    assert shop.service.metric('l402_free_requests_total{resource="news",result="served"}') == 7
    assert shop.service.metric('l402_free_requests_total{resource="news",result="used_up"}') == 2


def test_pitfall_11_a_client_cannot_choose_its_network(house):
    house.start(services=services(house))
    for n in range(5):
        answer = house.service.get("/news/x", {"X-Forwarded-For": f"198.51.{n}.1", "X-Real-IP": f"198.51.{n}.2"})
        assert answer.status == (200 if n < 3 else 402)


def test_what_carries_a_credential_is_decided_by_it(shop):
    one = network(shop)
    wrong = [
        {"Authorization": "L402 AAAA:" + "0" * 64},
        {"Authorization": "L402"},
        {"Macaroon": "00"},
        shop.paid("weather").headers(),
        {"Authorization": "Payment e30"},
    ]
    for fields in wrong:
        answer = shop.service.get("/news/x", {**one, **fields})
        assert (answer.status, left(answer)) == (402, None), fields
    token = shop.paid("paid")
    assert [shop.service.get("/paid/x", {**one, **token.headers()}).status for _ in range(3)] == [200, 200, 402]
    assert used(shop) == used(shop, "paid") == 0
    # Of another scheme, it is the upstream's.
    assert left(shop.service.get("/news/x", {**one, "Authorization": "Basic YTpi"})) == 2
    assert shop.upstream.last.get("authorization") == "Basic YTpi"


def test_what_is_never_free(shop):
    one = network(shop)
    get = lambda path, fields={}: shop.service.get(path, {**one, **fields})
    answer = get("/news/dear/x")
    assert (answer.status, left(answer)) == (402, None)
    assert get("/news/mine").status == 401
    answer = get("/news/x", {"Connection": "upgrade", "Upgrade": "websocket"})
    assert (answer.status, left(answer)) == (402, None)
    head = shop.service.request("HEAD", "/news/x", one)
    assert (head.status, left(head), head.get("x-l402-price-msat")) == (402, 3, "100")
    assert left(shop.service.request("HEAD", "/news/dear/x", one)) is None
    assert shop.service.request("OPTIONS", "/news/x", one).status == 204
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    answer = shop.service.request("OPTIONS", "/news/x", {**one, **preflight})
    assert answer.status == 204
    quote = shop.service.request("POST", "/l402/quote", one, b'{"service": "news", "mint": true}').json()
    assert "invoice" in quote
    assert quote["terms"]["free_allowance"] == {"requests": 3, "seconds": 86400, "max_price_msat": 100}
    manifest = shop.service.get("/.well-known/l402.json").json()
    assert [s["terms"].get("free_allowance") for s in manifest["services"] if s["name"] in ("news", "weather")] == [
        None,
        {"requests": 3, "seconds": 86400, "max_price_msat": 100},
    ]
    assert (get("/news/free").status, left(get("/news/free"))) == (200, None)
    for _ in range(3):
        answer = get("/trial/x")
        assert (answer.status, left(answer)) == (200, None)
    assert rows(shop) == []
    answer = get("/news/x", {"Origin": "https://app.example"})
    assert left(answer) == 2
    assert "X-L402-Remaining-Free" in answer.get("access-control-expose-headers")
    # As said in the configuration.
    assert left(get("/short/dear/x")) == 0
    two = network(shop)
    assert shop.service.request("OPTIONS", "/short/x", two).status == 200
    assert shop.service.get("/short/x", two).status == 402


def test_a_service_of_charges_alone_has_an_allowance_too(shop):
    one = network(shop)
    assert [left(shop.service.get("/charged/x", one)) for _ in range(2)] == [1, 0]
    answer = shop.service.get("/charged/x", one)
    assert (answer.status, left(answer)) == (402, 0)
    assert answer.get("www-authenticate").startswith("Payment ")


def test_a_failing_upstream_costs_nothing(shop):
    def hang_up(*_):
        raise Upstream.Hangup

    shop.upstream.routes["/news/500"] = lambda *_: response(b"", "500 Oops", headers=["X-L402-Remaining-Free: 77"])
    shop.upstream.routes["/news/gone"] = hang_up
    shop.upstream.routes["/news/404"] = lambda *_: response(b"", "404 Not Found")
    one = network(shop)
    for _ in range(4):
        answer = shop.service.get("/news/500", one)
        assert (answer.status, left(answer)) == (500, None)
        assert shop.service.get("/news/gone", one).status == 502
    assert rows(shop) == []
    assert left(shop.service.get("/news/404", one)) == 2
    assert shop.service.metric('l402_free_requests_total{resource="news",result="failed"}') == 8


def test_pitfall_12_parallel_requests_are_free_exactly_as_often_as_is_said(shop):
    def slow(*_):
        time.sleep(0.05)
        return response(b"ok")

    shop.upstream.routes["/news/slow"] = slow
    fields = [network(shop) for _ in range(4)]
    statuses = {n: [] for n in range(4)}

    def ask(n):
        statuses[n].append(shop.service.get("/news/slow", fields[n]).status)

    threads = [threading.Thread(target=ask, args=(n % 4,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for n in range(4):
        assert sorted(statuses[n]) == [200] * 3 + [402] * 7
    assert sorted(row[4] for row in rows(shop)) == [3] * 4


def test_a_window_ends_and_the_networks_that_are_remembered_are_bounded(shop):
    networks = [network(shop) for _ in range(4)]
    get = lambda n: shop.service.get("/short/x", networks[n])
    assert [left(get(n)) for n in range(3)] == [0, 0, 0]
    full = get(3)
    assert (full.status, left(full)) == (402, 0)
    assert left(shop.service.request("HEAD", "/short/x", networks[3])) == 0
    assert shop.service.metric('l402_free_requests_total{resource="short",result="full"}') == 1
    assert get(0).status == 402
    time.sleep(2.1)
    assert [get(n).status for n in (3, 2, 1, 3)] == [200, 200, 200, 402]
    # The rows of the window before are gone, or of the new one.
    wait_for(lambda: len([r for r in rows(shop) if r[0] == "short"]) == 3, "old rows go")


def test_no_address_is_stored(shop):
    shop.service.get("/news/x", {"X-Forwarded-For": "203.0.113.99"})
    for file in shop.folder.glob("millrace.db*"):
        data = file.read_bytes()
        for text in (b"203.0.113", bytes([203, 0, 113]), b"\x04\xcb\x00\x71"):
            assert text not in data, file


def test_where_a_use_cannot_be_recorded_nothing_is_sent_and_nothing_is_used(shop):
    one = network(shop)
    assert left(shop.service.get("/news/x", one)) == 2
    database = sqlite3.connect(shop.folder / "millrace.db", isolation_level=None)
    database.execute("ALTER TABLE free_uses RENAME TO away")
    answer = shop.service.get("/news/x", one)
    assert (answer.status, answer.get("retry-after"), left(answer)) == (503, "5", None)
    database.execute("ALTER TABLE away RENAME TO free_uses")
    database.close()
    wait_for(shop.service.ready, "the store can be written again")
    assert left(shop.service.get("/news/x", one)) == 1


def test_it_works_while_the_node_is_away(shop):
    shop.gateway.stop()
    one = network(shop)
    wait_for(lambda: not shop.service.ready(), "the plugin is gone")
    assert [shop.service.get("/news/x", one).status for _ in range(4)] == [200, 200, 200, 503]


def test_a_reload_keeps_what_was_used(shop):
    one = network(shop)
    for _ in range(2):
        shop.service.get("/news/x", one)
    more = services(shop).replace("requests = 3", "requests = 5")
    shop.service.reload(shop.config(PROXY, more))
    assert left(shop.service.get("/news/x", one)) == 2
    shop.service.reload(shop.config(PROXY, services(shop).replace("requests = 3", "requests = 1")))
    assert shop.service.get("/news/x", one).status == 402


class Load(threading.Thread):
    """Requests of a few networks until told to stop; what was answered in full counts."""

    def __init__(self, house, networks, seed):
        super().__init__(daemon=True)
        self.house, self.networks, self.random = house, networks, random.Random(seed)
        self.got, self.running = {}, True
        self.start()

    def run(self):
        client = None
        while self.running:
            who = self.random.choice(self.networks)
            try:
                client = client or self.house.service.client(timeout=5)
                answer = client.get("/news/load", {"X-Forwarded-For": who})
                if answer is None:
                    raise OSError
            except (OSError, ValueError):
                if client:
                    client.close()
                client = None
                time.sleep(0.005)
                continue
            if answer.status == 200:
                self.got[who] = self.got.get(who, 0) + 1


def test_nothing_is_given_twice_however_often_the_service_is_killed(house):
    """MILLRACE_KILLS says how often; the ledger must add up after each of them."""
    kills = int(os.environ.get("MILLRACE_KILLS", "10"))
    allowed = 30
    seed = random.randrange(1 << 30)
    luck = random.Random(seed)
    asked, lock, total = {}, threading.Lock(), {}

    def answer(request, *_):
        with lock:
            who = request.get("x-forwarded-for")
            asked[who] = asked.get(who, 0) + 1
        time.sleep(luck.random() * 0.004)
        return response(b"d" * 100)

    house.upstream.routes["/news/load"] = answer
    limits = '[challenges]\nreuse = true\nper_prefix = "100000/s"\nin_all = "100000/s"\n'
    house.start(PROXY + limits, services=services(house).replace("requests = 3", f"requests = {allowed}"))
    everybody = []
    for kill in range(kills):
        fresh = [f"10.{kill}.{n}.1" for n in range(6)]
        everybody += fresh
        old = luck.sample(everybody, min(4, len(everybody)))
        loads = [Load(house, fresh + old, seed + kill * 8 + i) for i in range(6)]
        time.sleep(0.05 + luck.random() * 0.4)
        house.service.kill()
        for load in loads:
            load.running = False
        for load in loads:
            load.join(20)
            for who, count in load.got.items():
                total[who] = total.get(who, 0) + count
        said = f"seed {seed}, kill {kill}"
        assert all(count <= allowed for count in total.values()), (said, total)
        on_disk = sorted(row[4] for row in rows(house))
        assert all(count <= allowed for count in on_disk), (said, on_disk)
        # Rows say no address; what was answered is on disk, and what is on disk was asked of the upstream.
        assert sum(total.values()) <= sum(on_disk) <= sum(asked.values()), said
        answered = sorted(total.values())
        assert all(a <= b for a, b in zip(answered, on_disk[len(on_disk) - len(answered) :])), (said, answered, on_disk)
        house.service.start()
        for who in luck.sample(everybody, 2):
            head = house.service.request("HEAD", "/news/load", {"X-Forwarded-For": who})
            assert left(head) <= allowed - total.get(who, 0), (said, who)
    assert sum(total.values()) > kills * 10


def test_where_a_token_of_a_certain_kind_is_needed_nothing_is_free(house):
    house.start(
        services="""
[[service]]
name = "tiers"
path = "/tiers/"
upstream = "{}"
price_msat = 100
free_allowance = {{ requests = 5, max_price_msat = 1000 }}
[[service.tier]]
name = "basic"
tier = 0
[[service.tier]]
name = "gold"
tier = 1
price_msat = 500
capabilities = ["write"]
[[service.route]]
name = "gold"
path = "/tiers/gold/"
min_tier = 1
[[service.route]]
name = "write"
path = "/tiers/write/"
capability = "write"
""".format(house.upstream.url)
    )
    assert left(house.service.get("/tiers/x")) == 4
    for path in ("/tiers/gold/x", "/tiers/write/x"):
        answer = house.service.get(path)
        assert (answer.status, left(answer)) == (402, None)
        assert left(house.service.request("HEAD", path)) is None
    assert left(house.service.get("/tiers/x")) == 3


def test_what_another_program_prices_is_free_up_to_the_same_price(house):
    pricer = Pricer()
    try:
        house.start(
            services=f"""
[[service]]
name = "priced"
path = "/priced/"
upstream = "{house.upstream.url}"
price_msat = 1000
free_allowance = {{ requests = 5 }}
pricer = {{ url = "{pricer.url}", cache = "1ms", facts = ["path"] }}
"""
        )
        pricer.price = lambda question: 1001 if "dear" in question["path"] else 1000
        assert left(house.service.get("/priced/x")) == 4
        answer = house.service.get("/priced/dear")
        assert (answer.status, answer.json()["price_msat"], left(answer)) == (402, 1001, None)
        assert left(house.service.request("HEAD", "/priced/x")) == 4
        # Without a price nothing is free.
        pricer.answer = lambda *_: response(b"", "500 Oops")
        assert house.service.get("/priced/y").status == 503
        pricer.answer = None
        assert left(house.service.get("/priced/x")) == 3
    finally:
        pricer.close()
