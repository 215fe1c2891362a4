"""Balances whose cost is told afterwards, and bytes of which not enough is left."""

import subprocess
import threading
import time

import pytest
from kit.service import BINARY, wait_for
from kit.upstream import response
from test_quotas import left, refused, used
from test_terms import buy

SERVICES = """
[[service]]
name = "metered"
path = "/metered/"
upstream = "{upstream}"
price_msat = 1
credit_msat = 20000
cost_header = "X-Cost-Msat"
max_cost_msat = 10000
[[service]]
name = "open"
path = "/open/"
upstream = "{upstream}"
price_msat = 100
credit_msat = 1000
cost_header = "X-Cost-Msat"
[[service]]
name = "bytes"
path = "/bytes/"
upstream = "{upstream}"
price_msat = 100
bytes = "4KiB"
[[service]]
name = "both"
path = "/both/"
upstream = "{upstream}"
price_msat = 100
bytes = "4KiB"
uses = 100
[[service]]
name = "prepaid"
path = "/prepaid/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 20000, offer = "alone" }}
cost_header = "X-Cost-Msat"
max_cost_msat = 10000
"""


@pytest.fixture(scope="module")
def _shop():
    from conftest import close_house, make_house

    house, name = make_house("costs")
    house.start(services=SERVICES.format(upstream=house.upstream.url))
    yield house
    close_house(house, name)


@pytest.fixture
def shop(_shop):
    _shop.upstream.routes.clear()
    return _shop


def balance(shop, service):
    """Headers of a token with the whole balance, and its payment."""
    headers = buy(shop, shop.service.get(f"/{service}/x"))
    return headers, list(shop.gateway.issued.values())[-1]


def cost(msat, wait=0.0, status="200 OK"):
    def handler(request, connection, stream):
        time.sleep(wait)
        return response(b"ok", status, [f"X-Cost-Msat: {msat}"])

    return handler


def chunked(msat=None, wait=0.0):
    def handler(request, connection, stream):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        time.sleep(wait)
        connection.sendall(b"0\r\n" + (b"X-Cost-Msat: %d\r\n" % msat if msat is not None else b"") + b"\r\n")

    return handler


def test_case_m10_what_a_request_may_cost_is_set_aside_while_it_is_under_way(shop):
    shop.upstream.routes["/metered/dear"] = cost(10000, wait=0.3)
    headers, token = balance(shop, "metered")
    asked = len(shop.upstream.requests)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(shop.service.get("/metered/dear", headers).status)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [200] * 2 + [402] * 18
    assert len(shop.upstream.requests) - asked == 2
    assert used(shop, token) == (0, 0, 20000)
    assert refused(shop.service.get("/metered/dear", headers), "balance_too_low")


def test_case_m10_what_is_set_aside_and_not_drawn_comes_back(shop):
    shop.upstream.routes["/metered/7"] = cost(7)
    shop.upstream.routes["/metered/500"] = cost(7000, status="500 Oops")
    shop.upstream.routes["/metered/untold"] = lambda *_: response(b"ok")
    shop.upstream.routes["/metered/trailer"] = chunked(2000)
    shop.upstream.routes["/metered/no-trailer"] = chunked()
    headers, token = balance(shop, "metered")
    for path, told, spent in (("7", 19993, 7), ("500", None, 7), ("untold", 19992, 8), ("trailer", 19991, 2008), ("no-trailer", 17991, 2009)):
        answer = shop.service.get(f"/metered/{path}", headers)
        assert (path, left(answer, "msat")) == (path, told)
        wait_for(lambda: used(shop, token) == (0, 0, spent), f"{path} is drawn")


def test_case_m10_a_dearer_answer_draws_the_most_and_is_told_once(shop):
    shop.upstream.routes["/metered/dearer"] = cost(15000)
    shop.upstream.routes["/metered/trailer"] = chunked(15000)
    before = shop.service.log_file.read_text().count("more than max_cost_msat")
    for path in ("dearer", "trailer"):
        headers, token = balance(shop, "metered")
        assert shop.service.get(f"/metered/{path}", headers).status == 200
        wait_for(lambda: used(shop, token) == (0, 0, 10000), "the most is drawn")
    assert before == 0 and shop.service.log_file.read_text().count("more than max_cost_msat") == 1


@pytest.mark.parametrize("path", ["slow", "stream"])
def test_case_m10_who_does_not_wait_for_the_cost_pays_the_most(shop, path):
    acted, stop = threading.Event(), threading.Event()

    def slow(request, connection, stream):
        acted.set()
        if path == "stream":
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        stop.wait(3)
        return b"0\r\nX-Cost-Msat: 5\r\n\r\n" if path == "stream" else response(b"ok", headers=["X-Cost-Msat: 5"])

    import socket
    import struct

    shop.upstream.routes[f"/metered/{path}"] = slow
    headers, token = balance(shop, "metered")
    client = shop.service.client()
    client.request("POST", f"/metered/{path}", headers, b"x")
    assert acted.wait(5)
    if path == "stream":
        assert client.head().status == 200
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    wait_for(lambda: used(shop, token) == (0, 0, 10000), "the most is drawn", 3)
    stop.set()


def test_case_m10_while_a_balance_is_overdrawn_nothing_is_admitted(shop):
    go = threading.Event()

    def late(request, connection, stream):
        go.wait(5)
        return response(b"", "500 Oops")

    shop.upstream.routes["/open/late"] = late
    shop.upstream.routes["/open/dear"] = cost(5000)
    headers, token = balance(shop, "open")
    late_ones = [threading.Thread(target=lambda: shop.service.get("/open/late", headers)) for _ in range(3)]
    seen = len(shop.upstream.requests)
    for thread in late_ones:
        thread.start()
    wait_for(lambda: len(shop.upstream.requests) == seen + 3, "three are under way")
    assert shop.service.get("/open/dear", headers).status == 200
    assert used(shop, token) == (0, 0, 700)
    go.set()
    for thread in late_ones:
        thread.join(10)
    # What the three had set aside has come back, and pays a part of what is owed.
    assert refused(shop.service.get("/open/dear", headers), "balance_too_low")
    assert used(shop, token) == (0, 0, 700)


@pytest.mark.parametrize("lines, said", [
    ('max_cost_msat = 10\n', "needs cost_header"),
    ('credit_msat = 5000\ncost_header = "X-Cost"\nmax_cost_msat = 999\n', "must be at least price_msat, 1000"),
    ('credit_msat = 5000\ncost_header = "X-Cost"\nmax_cost_msat = 5001\n', "must be at most credit_msat, 5000"),
    ('schemes = ["payment"]\nsession = { deposit_msat = 5000 }\ncost_header = "X-Cost"\nmax_cost_msat = 5001\n', "must be at most the session's deposit_msat, 5000"),
])
def test_case_m10_a_most_that_makes_no_sense_is_refused(house, lines, said):
    checked = check(house, lines)
    assert checked.returncode == 1 and said in checked.stderr, checked.stderr


def test_case_m10_without_a_most_the_exposure_is_told(house):
    checked = check(house, 'credit_msat = 20000\ncost_header = "X-Cost"\n')
    assert checked.returncode == 0 and "max_cost_msat" in checked.stderr and "20 requests at a time" in checked.stderr, checked.stderr
    checked = check(house, 'credit_msat = 20000\ncost_header = "X-Cost"\nmax_cost_msat = 2000\n')
    assert checked.returncode == 0 and "max_cost_msat" not in checked.stdout + checked.stderr


def check(house, lines):
    file = house.folder / "checked.toml"
    file.write_text(house.config(services=f'[[service]]\nname="c"\npath="/c/"\nupstream="{house.upstream.url}"\nprice_msat=1000\n{lines}'))
    return subprocess.run([BINARY, "--config", str(file), "--check-config"], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("service", ["bytes", "both"])
@pytest.mark.parametrize("size, status, reason", [(1024, 402, "quota_exhausted"), (8192, 403, "too_long")])
def test_case_m8_an_answer_withheld_for_lack_of_bytes_takes_all_that_is_left(shop, service, size, status, reason):
    acted = []
    shop.upstream.routes[f"/{service}/fill"] = lambda *_: response(b"f" * 4095)

    def act(request, connection, stream):
        acted.append(request)
        return response(b"a" * size)

    shop.upstream.routes[f"/{service}/act"] = act
    headers, token = balance(shop, service)
    assert left(shop.service.get(f"/{service}/fill", headers), "bytes") == 1
    # A safe request is withheld, and takes nothing.
    for method in ("GET", "GET"):
        answer = shop.service.request(method, f"/{service}/act", headers)
        assert (answer.status, answer.json()["reason"]) == (status, reason)
    assert used(shop, token)[1] == 4095
    acted.clear()
    answer = shop.service.request("POST", f"/{service}/act", headers, b"x")
    assert (answer.status, answer.json()["reason"]) == (status, reason)
    assert used(shop, token)[:2] == (2 if service == "both" else 0, 4096)
    for _ in range(24):
        assert refused(shop.service.request("POST", f"/{service}/act", headers, b"x"), "quota_exhausted")
    assert len(acted) == 1


def test_case_m8_requests_side_by_side_do_not_all_act_for_the_same_last_byte(shop):
    acted = []

    def act(request, connection, stream):
        acted.append(request)
        time.sleep(0.5)
        return response(b"a" * 1024)

    shop.upstream.routes["/bytes/fill"] = lambda *_: response(b"f" * 4095)
    shop.upstream.routes["/bytes/act"] = act
    headers, token = balance(shop, "bytes")
    assert left(shop.service.get("/bytes/fill", headers), "bytes") == 1
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(shop.service.request("POST", "/bytes/act", headers, b"x")))
               for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(answer.status, answer.json()["reason"]) for answer in answers} == {(402, "quota_exhausted")}
    assert len(acted) == 1
    assert used(shop, token)[1] == 4096


def test_case_m8_what_was_set_aside_for_an_answer_is_left_when_it_was_short(shop):
    shop.upstream.routes["/bytes/act"] = lambda *_: response(b"a" * 10)
    headers, token = balance(shop, "bytes")
    for number in range(1, 4):
        assert left(shop.service.request("POST", "/bytes/act", headers, b"x"), "bytes") == 4096 - 10 * number
    shop.upstream.routes["/bytes/act"] = lambda *_: b"HTTP/1.1 204 No Content\r\n\r\n"
    assert left(shop.service.request("POST", "/bytes/act", headers, b"x"), "bytes") == 4096 - 30
    assert used(shop, token)[1] == 30


def test_case_m8_who_leaves_before_the_answer_does_not_act_for_nothing(shop):
    """The bytes of an answer that nobody waited for are counted, where the request may have changed something."""
    import socket
    import struct

    acted = []

    def act(request, connection, stream):
        acted.append(request)
        time.sleep(0.5)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n")
        time.sleep(0.3)
        return b"a" * 2048

    shop.upstream.routes["/bytes/act"] = act
    headers, token = balance(shop, "bytes")
    for _ in range(2):
        client = shop.service.client()
        client.request("POST", "/bytes/act", headers, b"x")
        seen = len(acted)
        wait_for(lambda: len(acted) > seen or len(acted) == 1, "the upstream acts")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        wait_for(lambda: used(shop, token)[1] > 0, "it is charged", 3)
    assert refused(shop.service.request("POST", "/bytes/act", headers, b"x"), "quota_exhausted")
    assert len(acted) == 1
