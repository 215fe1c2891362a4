"""`durability = "lease"`: some uses of a token are answered before they are on disk, so many and no more, and none is lost but by a crash."""

import random
import threading
import time
from concurrent import futures

import pytest
from kit.admin import Admin, section
from kit.faults import Locker
from kit.http import Client
from kit.payments import Challenge
from kit.service import Ticker, wait_for
from kit.upstream import response
from test_operation import check
from test_quotas import left, refused, used
from test_terms import buy

LEASE, BOUGHT = 6, 100_000
SERVICES = f"""
[[service]]
name = "many"
path = "/many/"
upstream = "{{upstream}}"
price_msat = 1000
uses = {BOUGHT}
durability = "lease"
lease_uses = {LEASE}
[[service]]
name = "few"
path = "/few/"
upstream = "{{upstream}}"
price_msat = 1000
uses = 30
durability = "lease"
[[service]]
name = "gift"
path = "/gift/"
upstream = "{{upstream}}"
price_msat = 1000
uses = 1000
durability = "lease"
free_allowance = {{{{ requests = 3 }}}}
[[service]]
name = "kinds"
path = "/kinds/"
upstream = "{{upstream}}"
price_msat = 1000
durability = "lease"
schemes = ["l402", "payment"]
[[service.tier]]
name = "many"
tier = 0
uses = 1000
[[service.tier]]
name = "once"
tier = 1
uses = 1
[[service.tier]]
name = "bytes"
tier = 2
uses = 1000
bytes = "1MiB"
"""


class Shop:
    def __init__(self, house, extra=""):
        self.house = house
        self.extra = extra
        self.service = house.start(extra, SERVICES.format(upstream=house.upstream.url))

    def config(self, durability="lease"):
        services = SERVICES.replace('"lease"', f'"{durability}"')
        if durability == "each":
            services = services.replace(f"lease_uses = {LEASE}\n", "")
        return self.house.config(self.extra, services.format(upstream=self.house.upstream.url))

    def token(self, service="many"):
        """One that was used once, so that its first use is recorded and its credential is in the caches."""
        token = self.house.paid(service)
        assert self.get(token).status == 200
        wait_for(lambda: self.recorded(token) == 1, "the first use is on disk")
        return token

    def get(self, token):
        return self.service.get(f"/{token.service}/x", token.headers())

    def recorded(self, token):
        return used(self.house, token)[0]

    def acted(self, token):
        return sum(request.target == f"/{token.service}/x" for request in self.house.upstream.requests)

    def lock(self):
        return Locker(self.house.folder / "millrace.db")


@pytest.fixture
def shop(house):
    return Shop(house)


def unavailable(answer):
    return answer.status == 503 and "recorded" in answer.json()["detail"]


def run_ahead(shop, token, uses):
    """Uses that are answered at once."""
    for _ in range(uses):
        began = time.monotonic()
        answer = shop.get(token)
        assert answer.status == 200 and time.monotonic() - began < 3, "it waited for the disk"


@pytest.mark.parametrize(("service", "ahead"), [("many", LEASE), ("few", 3)])
def test_while_the_store_is_locked_as_many_uses_are_answered_as_were_leased_and_all_of_them_are_recorded_later(shop, service, ahead):
    token = shop.token(service)
    bought = {"many": BOUGHT, "few": 30}[service]
    locker = shop.lock()
    try:
        run_ahead(shop, token, ahead)
        assert shop.service.metric("l402_uses_ahead") == ahead
        began = time.monotonic()
        with futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: shop.get(token), range(4)))
        assert all(unavailable(answer) for answer in answers) and time.monotonic() - began > 2, "they did not wait for the disk"
        acted = shop.acted(token)
        assert unavailable(shop.get(token)) and shop.acted(token) == acted
        assert shop.service.monitor("/readyz")[0] == 503
        assert shop.recorded(token) == 1
        assert shop.service.metric("l402_uses_ahead") == ahead
    finally:
        locker.release()
    wait_for(shop.service.ready, "the store can be written again")
    wait_for(lambda: shop.recorded(token) == 1 + ahead, "what ran ahead is recorded")
    shop.service.expect_metric("l402_uses_ahead", 0)
    assert shop.service.metric("l402_uses_answered_ahead_total") == 1 + ahead
    answer = shop.get(token)
    assert left(answer, "uses") == bought - ahead - 2


def test_requests_at_the_same_time_are_no_further_ahead_than_was_leased(shop):
    token = shop.token()
    gate = threading.Barrier(24)

    def together(*_):
        gate.wait(20)
        return response(b"at once")

    shop.house.upstream.routes["/many/x"] = together
    locker = shop.lock()
    try:
        with futures.ThreadPoolExecutor(24) as pool:
            statuses = [answer.status for answer in pool.map(lambda _: shop.get(token), range(24))]
    finally:
        locker.release()
    assert statuses.count(200) == LEASE and statuses.count(503) == 24 - LEASE
    wait_for(lambda: shop.recorded(token) == 1 + LEASE, "what ran ahead is recorded")


def test_a_request_under_way_when_the_store_fails_waits_for_the_disk(shop):
    token, other = shop.token(), shop.token()
    go = threading.Event()

    def hold(*_):
        go.wait(30)
        return response(b"held")

    shop.house.upstream.routes["/many/held"] = hold
    locker = shop.lock()
    try:
        held = []
        waiting = threading.Thread(target=lambda: held.append(shop.service.get("/many/held", token.headers())))
        waiting.start()
        wait_for(lambda: any(request.target == "/many/held" for request in shop.house.upstream.requests), "it is under way")
        run_ahead(shop, other, 1)
        wait_for(lambda: not shop.service.ready(), "it is known that nothing can be written")
        go.set()
        waiting.join(30)
        assert unavailable(held[0])
    finally:
        go.set()
        locker.release()
    wait_for(lambda: shop.recorded(other) == 2, "what ran ahead is recorded")
    assert shop.recorded(token) == 1


def test_a_crash_forgets_no_more_than_was_leased_and_charges_nothing_that_was_not_served(shop):
    token = shop.token()
    locker = shop.lock()
    run_ahead(shop, token, LEASE)
    shop.service.kill()
    locker.release()
    shop.service.start()
    answer = shop.get(token)
    assert (answer.status, left(answer, "uses")) == (200, BOUGHT - 2)
    wait_for(lambda: shop.recorded(token) == 2, "the next use is recorded")


def test_whenever_it_is_killed_what_is_on_disk_is_at_most_a_lease_behind_what_was_answered(shop):
    token = shop.token()
    answered = [1]
    lock = threading.Lock()
    behind = 0

    def ask():
        try:
            answer = shop.get(token)
        except (OSError, ValueError, IndexError):
            return
        with lock:
            answered[0] += answer is not None and answer.status == 200

    for seed in range(4):
        tickers = [Ticker(ask) for _ in range(4)]
        time.sleep(0.2 + random.Random(seed).random() / 5)
        shop.service.kill()
        for ticker in tickers:
            ticker.finish()
        behind += LEASE
        recorded = shop.recorded(token)
        assert answered[0] - behind <= recorded <= shop.acted(token)
        assert answered[0] > 10 * (seed + 1)
        shop.service.start()
        at = shop.get(token)
        answered[0] += 1
        assert left(at, "uses") == BOUGHT - recorded - 1


def test_a_service_that_is_stopped_records_all_that_ran_ahead(shop):
    token = shop.token()
    for _ in range(LEASE - 1):
        assert shop.get(token).status == 200
    shop.service.stop()
    assert shop.recorded(token) == LEASE
    shop.service.start()
    assert shop.get(token).status == 200
    wait_for(lambda: shop.recorded(token) == LEASE + 1, "a further use is on disk")
    # Also where the store is locked by then, for a while.
    locker = shop.lock()
    run_ahead(shop, token, LEASE)
    end = threading.Thread(target=shop.service.stop)
    end.start()
    time.sleep(1)
    assert shop.recorded(token) == LEASE + 1
    locker.release()
    end.join(30)
    assert shop.recorded(token) == 2 * LEASE + 1


def test_a_spent_token_gets_its_402_and_never_one_use_more_than_it_bought(shop):
    token = shop.token("few")
    with futures.ThreadPoolExecutor(8) as pool:
        statuses = [answer.status for answer in pool.map(lambda _: shop.get(token), range(60))]
    assert statuses.count(200) == 29 and statuses.count(402) == 31
    assert refused(shop.get(token), "quota_exhausted")
    wait_for(lambda: shop.recorded(token) == 30, "all of it is on disk")
    shop.service.stop()
    shop.service.start()
    assert refused(shop.get(token), "quota_exhausted")


def test_a_revoked_token_is_refused_at_once_and_what_ran_ahead_is_recorded(house):
    shop = Shop(house, section(house.folder))
    admin = Admin(shop.service)
    token = shop.token()
    run_ahead(shop, token, LEASE)
    assert admin.post(f"/v1/tokens/{token.payment_hash.hex()}/revoke", {"reason": "leaked"}).status == 200
    assert refused(shop.get(token), "revoked")
    assert shop.recorded(token) == 1 + LEASE


def test_a_reload_that_takes_the_lease_away_counts_from_the_next_request_on(shop):
    token = shop.token()
    shop.service.reload(shop.config("each"))
    locker = shop.lock()
    try:
        assert unavailable(shop.get(token))
    finally:
        locker.release()
    wait_for(shop.service.ready, "the store can be written again")
    assert shop.recorded(token) == 1
    shop.service.reload(shop.config("lease"))
    locker = shop.lock()
    try:
        run_ahead(shop, token, 2)
        shop.service.reload(shop.config("each"))
        assert unavailable(shop.get(token))
    finally:
        locker.release()
    wait_for(lambda: shop.recorded(token) == 3, "what ran ahead is recorded")


def test_nothing_else_that_the_service_sells_runs_ahead(shop):
    def bought(tier):
        return buy(shop.house, shop.service.get("/kinds/x", {"X-L402-Tier": tier}))

    assert shop.service.get("/gift/x").status == 200
    many, counted = bought("many"), bought("bytes")
    for token in (many, counted):
        assert shop.service.get("/kinds/x", token).status == 200
    once = bought("once")
    challenge = Challenge.of_answer(shop.service.get("/kinds/x", {"X-L402-Tier": "many"}))
    charge = challenge.headers(shop.house.gateway.issued[challenge.payment_hash].preimage)
    wait_for(lambda: shop.service.metric("l402_uses_ahead") == 0, "all is on disk")
    locker = shop.lock()
    try:
        began = time.monotonic()
        assert shop.service.get("/kinds/x", many).status == 200 and time.monotonic() - began < 3
        with futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda headers: shop.service.get("/kinds/x" if headers else "/gift/x", headers), (once, counted, charge, None)))
        assert [answer.status for answer in answers] == [503] * 4
    finally:
        locker.release()


FRONT = """
[[listen]]
address = "127.0.0.1:0"
threads = 2
[[listen]]
address = "127.0.0.1:0"
forward_auth = true
[metrics]
address = "127.0.0.1:0"
[node]
gateway = "{gateway}"
[store]
path = "millrace.db"
[[service]]
name = "many"
path = "/many/"
price_msat = 1000
uses = 1000
durability = "lease"
lease_uses = 4
"""


def test_what_a_front_proxy_is_let_through_runs_ahead_alike(house):
    service = house.start(config=FRONT.format(gateway=house.gateway.path))
    token = house.paid("many")

    def ask():
        with Client(service.ports[1]) as client:
            return client.get("/forward-auth", {**token.headers(), "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/many/x", "X-Forwarded-Host": "a"})

    assert ask().status == 200
    wait_for(lambda: used(house, token)[0] == 1, "the first use is on disk")
    locker = Locker(house.folder / "millrace.db")
    try:
        for _ in range(4):
            began = time.monotonic()
            assert ask().status == 200 and time.monotonic() - began < 3
        assert ask().status == 503
    finally:
        locker.release()
    wait_for(lambda: used(house, token)[0] == 5, "what ran ahead is recorded")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('durability = "lease"', ':{line}: service.durability: "lease" is for tokens of 10 uses or more'),
        ('durability = "lease"\nsingle_use = true', ':{line}: service.durability: "lease" is for tokens of 10 uses or more'),
        ('durability = "lease"\ncredit_msat = 5000', ':{line}: service.durability: "lease" is for tokens of 10 uses or more'),
        ('durability = "soon"\nuses = 50', ':{line}: service.durability: must be "each" or "lease", not "soon"'),
        ("lease_uses = 5\nuses = 50", ':{line}: service.lease_uses: needs durability = "lease"'),
    ],
)
def test_check_config_refuses_a_lease_that_nothing_could_use(house, lines, said):
    config = house.config(services=f'[[service]]\nname = "a"\npath = "/a/"\nupstream = "{house.upstream.url}"\nprice_msat = 1000\n{lines}\n')
    code, told = check(house, config)
    assert code == 1 and said.format(line=config.splitlines().index(lines.splitlines()[0]) + 1) in told
