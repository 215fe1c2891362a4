"""Floods: what asking without paying costs the node, and what it costs those who pay."""

import threading

import pytest
from kit import invoices
from kit.service import wait_for

PROXY = '[clients]\ntrusted_proxies = ["127.0.0.1"]\n'


def issues(house):
    asked = 0
    for request in list(house.gateway.requests):
        if request["method"] == "issue":
            asked += len(request["params"].get("batch", [None]))
    return asked


def flood(house, requests, threads=8):
    """Sends (target, headers) pairs over a few connections; the answers' statuses, counted."""
    counts, lock, pending = {}, threading.Lock(), list(requests)

    def work():
        with house.service.client() as client:
            while True:
                with lock:
                    if not pending:
                        return
                    target, headers = pending.pop()
                answer = client.get(target, headers)
                with lock:
                    counts[answer.status] = counts.get(answer.status, 0) + 1

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return counts


def address(n):
    return f"10.{n >> 8 & 255}.{n & 255}.7"


def test_beyond_its_limit_the_same_network_gets_the_same_unpaid_challenge_again(house):
    house.start(PROXY + '[challenges]\nper_prefix = "1/h"\n')
    get = lambda client: house.service.get("/weather/x", {"X-Forwarded-For": client}).all("www-authenticate")
    first = get("192.0.2.1")
    assert get("192.0.2.200") == first
    assert get("192.0.3.1") != first
    assert issues(house) == 2
    token = house.gateway.issued[invoices.hash_of(first[0].rsplit('invoice="', 1)[1])]
    house.gateway.settle(token)
    wait_for(lambda: get("192.0.2.1") != first, "a challenge that is not paid")
    assert house.service.metrics()['l402_challenges_total{resource="weather",result="reused"}'] >= 1


def test_a_challenge_of_keys_that_are_retired_is_not_handed_out_again(house):
    house.start('[challenges]\nper_prefix = "2/h"\n')
    get = lambda: house.service.get("/weather/x").all("www-authenticate")
    first, second = get(), get()
    assert get() == first != second
    house.gateway.rotate()
    wait_for(lambda: get() not in (first, second), "those of the old key are handed out no more")


def test_a_flood_from_one_network_costs_no_more_signatures_than_its_limit(house):
    house.start(PROXY + '[challenges]\nper_prefix = "20/h"\n')
    counts = flood(house, [("/weather/x", {"X-Forwarded-For": f"192.0.2.{n % 256}"}) for n in range(4000)])
    assert counts == {402: 4000}
    assert issues(house) == 20


def test_a_flood_from_many_networks_costs_no_more_signatures_than_allowed(house):
    house.start(PROXY + '[challenges]\nin_all = "50/h"\n')
    token = house.paid()
    counts = flood(house, [("/weather/x", {"X-Forwarded-For": address(n)}) for n in range(5000)])
    assert counts == {402: 50, 429: 4950}
    assert issues(house) == 50
    answer = house.service.get("/weather/x", {"X-Forwarded-For": "172.16.0.1"})
    assert (answer.status, int(answer.get("retry-after")) >= 1) == (429, True)
    # Who has paid is served all the while, and who was given a challenge still has it.
    assert house.service.get("/weather/x", token.headers()).status == 200
    assert house.service.metrics()['l402_challenges_total{resource="weather",result="limited"}'] >= 4950


def test_one_network_is_limited_where_each_challenge_is_another(house):
    house.start(PROXY + '[challenges]\nper_prefix = "3/h"\nreuse = false\n')
    ask = lambda client: house.service.get("/weather/x", {"X-Forwarded-For": client}).status
    assert [ask("192.0.2.1") for _ in range(5)] == [402, 402, 402, 429, 429]
    assert ask("192.0.3.1") == 402


def test_open_challenges_of_a_network_are_bounded(house):
    services = "".join(
        f'[[service]]\nname = "s{n}"\npath = "/s{n}/"\nupstream = "{house.upstream.url}"\nprice_msat = 1\n' for n in range(3)
    )
    house.start("[challenges]\nmax_open_per_prefix = 2\n", services)
    assert [house.service.get(f"/s{n}/").status for n in (0, 1, 2, 0)] == [402, 402, 429, 402]


def test_challenges_in_demand_are_signed_ahead(house):
    house.start(PROXY + '[challenges]\npool = 16\nin_all = "1000/s"\n')
    ask = lambda n: house.service.get("/weather/x", {"X-Forwarded-For": address(n)})
    for n in range(20):
        assert ask(n).status == 402
    wait_for(lambda: issues(house) >= 20 + 8, "challenges signed ahead")
    house.gateway.silent = True  # the node does not answer any more
    seen = {ask(100 + n).all("www-authenticate")[0] for n in range(8)}
    assert len(seen) == 8


def test_use_is_limited_by_token_and_by_network(house):
    config = house.config().replace('timeout = "1h"', 'timeout = "1h"\nlimits = { per_token = "3/h", per_prefix = "5/h" }')
    house.start(config=config.replace("[node]", PROXY + "[node]"))
    a, b, c = house.paid(), house.paid(), house.paid()
    use = lambda token, client: house.service.get("/weather/x", {**token.headers(), "X-Forwarded-For": client}).status
    assert [use(a, "192.0.2.1") for _ in range(4)] == [200, 200, 200, 429]
    assert [use(b, "192.0.2.9") for _ in range(3)] == [200, 200, 429]
    assert use(c, "192.0.3.1") == 200


def test_only_who_is_allowed_and_not_blocked_is_served(house):
    house.start(PROXY + 'allow = ["192.0.2.0/24", "127.0.0.1"]\nblock = ["192.0.2.66"]\n')
    ask = lambda client: house.service.get("/weather/health", {"X-Forwarded-For": client}).status
    assert [ask(client) for client in ("192.0.2.1", "192.0.2.66", "192.0.3.1")] == [200, 403, 403]


def test_without_trusted_proxies_nobody_says_who_he_is(house):
    house.start('[challenges]\nper_prefix = "1/h"\n')
    get = lambda client: house.service.get("/weather/x", {"X-Forwarded-For": client}).all("www-authenticate")
    assert get("192.0.2.1") == get("192.0.3.1")
    house.service.get("/weather/health", {"X-Forwarded-For": "6.6.6.6"})
    assert house.upstream.last.get("x-forwarded-for") == "127.0.0.1"


def test_the_upstream_learns_of_the_client_behind_a_trusted_proxy(house):
    house.start(PROXY)
    house.service.get("/weather/health", {"X-Forwarded-For": "6.6.6.6, 192.0.2.1"})
    assert house.upstream.last.get("x-forwarded-for") == "192.0.2.1"
