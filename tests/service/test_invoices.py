"""Whose invoice is whose: every buyer gets one of its own, and nobody gets one that cannot be paid."""

import json
import threading
import time

import pytest
from kit import invoices
from kit.payments import Challenge, Deposit
from kit.service import wait_for
from test_limits import PROXY, address, issues
from test_pages import BROWSER, NAVIGATION, cookie_of, is_page
from test_work import Task

SOLD = """
[[service]]
name = "both"
path = "/both/"
upstream = "{upstream}"
price_msat = 2000
schemes = ["l402", "payment"]
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1500
schemes = ["payment"]
[[service]]
name = "stream"
path = "/stream/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 5000, offer = "alone" }}
"""
ONE, OTHER = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.200"}


def sold(house):
    return SOLD.format(upstream=house.upstream.url)


def hash_of(answer):
    """The payment hash of the one invoice that a 402 offers."""
    assert answer.status == 402, (answer.status, answer.body)
    found = set()
    for line in answer.all("www-authenticate"):
        if line.startswith("Payment "):
            request = Challenge.of_line(line).request
            found.add(request["paymentHash"] if "depositInvoice" in request else request["methodDetails"]["paymentHash"])
        else:
            found.add(invoices.hash_of(line.split('invoice="')[1]))
    assert len(found) == 1, answer.fields
    return found.pop()


def ask(house, target="/weather/x", headers=None):
    return hash_of(house.service.get(target, headers))


def settle(house, payment_hash):
    """Paid, and heard of by the service."""
    before = house.service.log_file.read_text().count("paid: ")
    house.gateway.settle(house.gateway.issued[payment_hash])
    wait_for(lambda: house.service.log_file.read_text().count("paid: ") > before, "the settlement is stored")


# -- M14: an invoice for each buyer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/weather/x", "/both/x", "/charge/x", "/stream/x"])
def test_case_m14_two_buyers_of_one_network_have_an_invoice_each(house, target):
    house.start(PROXY + "[challenges]\n", sold(house))
    assert ask(house, target, ONE) != ask(house, target, OTHER)
    assert issues(house) == 2


def test_case_m14_two_buyers_of_one_network_both_pay_and_are_served(house):
    house.start(PROXY + "[challenges]\n")
    bought = [ask(house, headers=who) for who in (ONE, OTHER)]
    for payment_hash, who in zip(bought, (ONE, OTHER)):
        token = house.gateway.issued[payment_hash]
        house.gateway.settle(token)
        assert house.service.get("/weather/x", {**token.headers(), **who}).status == 200
    assert len({record["payment_hash"] for record in house.gateway.settlements}) == 2


@pytest.mark.parametrize("target", ["/weather/x", "/charge/x", "/stream/x"])
def test_case_m14_the_same_connection_gets_its_own_again_until_that_is_paid(house, target):
    house.start("[challenges]\n", sold(house))
    with house.service.client() as client, house.service.client() as other:
        first = hash_of(client.get(target))
        assert hash_of(other.get(target)) != first
        assert hash_of(client.request("HEAD", target).read(to_head=True)) == first
        assert hash_of(client.get(target)) == first
        assert issues(house) == 2
        settle(house, first)
        assert hash_of(client.get(target)) not in (first, hash_of(other.get(target)))
    house.service.expect_metric(f'l402_challenges_total{{resource="{target[1:-2]}",result="issued"}}', 3)


def test_case_m14_a_proxys_connection_is_nobodys_own(house):
    house.start(PROXY + "[challenges]\n")
    with house.service.client() as client:
        assert len({hash_of(client.get("/weather/x", who)) for who in (ONE, OTHER, ONE, {})}) == 4


def test_case_m14_what_is_another_offer_is_another_invoice(house):
    house.start("[challenges]\n", sold(house))
    with house.service.client() as client:
        assert len({hash_of(client.get(target)) for target in ("/weather/x", "/weather/admin/x", "/both/x")}) == 3


@pytest.mark.parametrize("limit", ['per_prefix = "3/h"', "max_open_per_prefix = 3"])
@pytest.mark.parametrize("target", ["/weather/x", "/both/x", "/stream/x"])
def test_case_m14_beyond_its_limits_a_network_gets_its_oldest_open_one_before_a_429(house, limit, target):
    house.start(PROXY + f"[challenges]\n{limit}\n", sold(house))
    own = [ask(house, target, {"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(3)]
    assert len(set(own)) == 3
    assert [ask(house, target, OTHER) for _ in range(3)] == [own[0]] * 3
    assert issues(house) == 3
    # Another network is none of this.
    assert ask(house, target, {"X-Forwarded-For": "198.51.100.1"}) not in own
    settle(house, own[0])
    again = ask(house, target, OTHER)
    if "open" in limit:  # the one that was paid makes room
        assert again not in own
    else:
        assert again == own[1]
        for payment_hash in own[1:]:
            settle(house, payment_hash)
        answer = house.service.get(target, OTHER)
        assert (answer.status, int(answer.get("retry-after")) >= 1) == (429, True)


def test_case_m14_another_offer_beyond_the_limits_is_refused(house):
    house.start('[challenges]\nper_prefix = "1/h"\n')
    first = ask(house)
    assert ask(house) == first
    assert house.service.get("/weather/admin/x").status == 429


def test_case_m14_where_the_node_signs_no_more_a_network_gets_its_own_and_others_wait(house):
    house.start(PROXY + '[challenges]\nin_all = "2/h"\n')
    own = [ask(house, headers=ONE), ask(house, headers=OTHER)]
    assert ask(house, headers=ONE) == own[0]
    for _ in range(3):
        assert house.service.get("/weather/x", {"X-Forwarded-For": address(1)}).status == 429
    assert issues(house) == 2


def test_case_m14_the_plugins_own_limit_is_one_of_these(house):
    house.start("[challenges]\n")
    first = ask(house)
    house.gateway.refuse_with = (4020, "rate-limited: more than 1 challenge per second")
    assert ask(house) == first
    assert house.service.get("/weather/admin/x").status == 429


@pytest.mark.parametrize("reuse", ["true", "false"])
def test_case_m14_requests_under_way_share_no_invoice(house, reuse):
    house.start(f"[challenges]\nreuse = {reuse}\n")
    clients = [house.service.client() for _ in range(6)]
    with house.gateway.lock:
        for client in clients:
            client.request("GET", "/weather/x")
        time.sleep(0.1)
    assert len({hash_of(client.read()) for client in clients}) == 6
    for client in clients:
        client.close()
    assert issues(house) == 6


@pytest.mark.parametrize("failing", [False, True])
def test_case_m14_who_finds_only_what_is_under_way_waits_for_it(house, failing):
    house.start("[challenges]\nmax_open_per_prefix = 1\n")
    clients = [house.service.client() for _ in range(4)]
    house.gateway.refuse_with = (4021, "node-failed: no answer") if failing else None
    with house.gateway.lock:
        for client in clients:
            client.request("GET", "/weather/x")
        time.sleep(0.1)
    answers = [client.read() for client in clients]
    for client in clients:
        client.close()
    if failing:
        assert [(answer.status, answer.get("retry-after")) for answer in answers] == [(503, "5")] * 4
    else:
        assert len({hash_of(answer) for answer in answers}) == 1
    assert issues(house) == 1


def test_case_m14_a_browsers_invoice_is_its_own_alone(house):
    house.start(PROXY + '[challenges]\nper_prefix = "3/h"\n')
    pages = [house.service.get("/weather/x", {**NAVIGATION, **who}) for who in (ONE, OTHER)]
    assert all(is_page(page) for page in pages) and hash_of(pages[0]) != hash_of(pages[1])
    program = ask(house, headers=ONE)
    assert program not in map(hash_of, pages)
    # Beyond the limits programs get the program's, and a browser none.
    assert ask(house, headers=OTHER) == program
    answer = house.service.get("/weather/x", {**NAVIGATION, **ONE})
    assert (answer.status, answer.get("content-type"), answer.all("set-cookie")) == (429, "text/html; charset=utf-8", [])
    # The page that it has is shown again.
    again = house.service.get("/weather/x", {**NAVIGATION, **ONE, "Cookie": cookie_of(pages[0])})
    assert hash_of(again) == hash_of(pages[0])


def test_case_m14_without_reuse_nobody_gets_one_again(house):
    house.start('[challenges]\nreuse = false\nper_prefix = "3/h"\n')
    with house.service.client() as client:
        assert len({hash_of(client.get("/weather/x")) for _ in range(3)}) == 3
        assert client.get("/weather/x").status == 429


def test_case_m14_who_shows_a_preimage_has_paid_though_the_news_is_late(house):
    house.start(PROXY + '[challenges]\nper_prefix = "3/h"\n', sold(house))
    first = ask(house, "/both/x", ONE)
    second, third = (ask(house, "/both/x", ONE) for _ in range(2))
    assert ask(house, "/both/x", OTHER) == first
    assert house.service.get("/both/x", house.gateway.issued[first].headers()).status == 200
    assert ask(house, "/both/x", OTHER) == second
    answer = house.service.get("/both/x", OTHER)
    charge = Challenge.of_answer(answer)
    assert house.service.get("/both/x", charge.headers(house.gateway.issued[second].preimage)).status == 200
    assert ask(house, "/both/x", OTHER) == third


def test_case_m14_a_deposit_is_handed_out_again_until_its_session_is_open(house):
    from kit import bolt11

    house.start(PROXY + '[challenges]\nper_prefix = "2/h"\n', sold(house))
    first = Deposit(house, house.service.get("/stream/x", ONE))
    second = Deposit(house, house.service.get("/stream/x", ONE))
    assert Deposit(house, house.service.get("/stream/x", OTHER)).hash == first.hash
    assert house.service.get("/stream/x", first.open(bolt11.invoice())).status == 200
    assert Deposit(house, house.service.get("/stream/x", OTHER)).hash == second.hash


def test_case_m14_open_invoices_end_with_half_of_their_life(house):
    house.gateway.expiry = 4
    house.start('[challenges]\nper_prefix = "1/h"\n')
    first = ask(house)
    assert ask(house) == first
    wait_for(lambda: house.service.get("/weather/x").status == 429, "what is about to expire is handed out to nobody", 4)


# -- H26, N1: nobody is handed what nobody can pay --------------------------------------------------------------------


def gone(house):
    house.gateway.stop()
    house.service.expect_metric("l402_plugin_up", 0)


def refused(answer):
    assert answer.status == 503, (answer.status, answer.body)
    assert int(answer.get("retry-after")) >= 1
    assert not answer.all("www-authenticate") and not answer.all("set-cookie")
    assert b"lnbcrt1" not in answer.body.lower()


@pytest.mark.parametrize("target", ["/weather/x", "/both/x", "/charge/x", "/stream/x"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_case_h26_without_the_gateway_no_open_invoice_leaves(house, target, method):
    house.start('[challenges]\nper_prefix = "1/h"\n', sold(house))
    with house.service.client() as client:
        assert client.get(target).status == 402
        gone(house)
        refused(client.request(method, target).read(to_head=method == "HEAD"))  # its own
        refused(house.service.request(method, target))  # the oldest of the network
        house.gateway.start()
        wait_for(house.service.ready, "the gateway is back")
        # What came before it went is handed out no more, and what it refused has cost nothing.
        assert client.get(target).status == 429


def test_case_h26_without_the_gateway_nothing_that_was_signed_ahead_leaves(house):
    house.start(PROXY + '[challenges]\npool = 16\nin_all = "1000/s"\n')
    for n in range(20):
        assert house.service.get("/weather/x", {"X-Forwarded-For": address(n)}).status == 402
    wait_for(lambda: issues(house) >= 20 + 8, "challenges signed ahead")
    gone(house)
    refused(house.service.get("/weather/x", {"X-Forwarded-For": address(100)}))


@pytest.mark.parametrize("headers", [NAVIGATION, BROWSER])
def test_case_h26_without_the_gateway_a_browser_waits(house, headers):
    house.start("[challenges]\n")
    page = house.service.get("/weather/x", headers)
    assert is_page(page)
    again = {**headers, "Cookie": cookie_of(page)}
    assert hash_of(house.service.get("/weather/x", again)) == hash_of(page)
    gone(house)
    answer = house.service.get("/weather/x", again)
    refused(answer)
    assert answer.get("content-type") == "text/html; charset=utf-8"
    # Once it is back the same page is.
    house.gateway.start()
    wait_for(house.service.ready, "the gateway is back")
    assert hash_of(house.service.get("/weather/x", again)) == hash_of(page)


def test_case_h26_without_the_gateway_a_quote_mints_nothing(house):
    house.start("[challenges]\n")
    body = json.dumps({"service": "weather", "mint": True}).encode()
    with house.service.client() as client:
        assert client.request("POST", "/l402/quote", body=body).read().json()["invoice"]
        gone(house)
        refused(client.request("POST", "/l402/quote", body=body).read())
        # What it costs can still be told.
        answer = client.request("POST", "/l402/quote", body=b'{"service": "weather"}').read()
        assert (answer.status, answer.json()["price_msat"]) == (200, 1000)


def test_case_h26_without_the_gateway_a_refused_credential_brings_no_invoice(house):
    house.start("[challenges]\n", sold(house))
    with house.service.client() as client:
        charge = Challenge.of_answer(client.get("/both/x"))
        gone(house)
        refused(client.get("/both/x", charge.headers(b"\x01" * 32)))
        refused(client.get("/both/x", {"Authorization": "L402 nonsense"}))
        refused(client.get("/charge/x", {"Authorization": "L402 nonsense"}))


def test_case_n1_what_fails_costs_a_client_nothing_of_its_limits(house):
    house.start('[challenges]\nreuse = false\nper_prefix = "2/h"\nin_all = "3/h"\n')
    house.gateway.refuse_with = (4021, "node-failed: no answer")
    for _ in range(10):
        refused(house.service.get("/weather/x"))
    house.gateway.refuse_with = None
    gone(house)
    for _ in range(10):
        refused(house.service.get("/weather/x"))
    house.gateway.start()
    wait_for(house.service.ready, "the gateway is back")
    assert [house.service.get("/weather/x").status for _ in range(3)] == [402, 402, 429]


def test_case_n1_what_fails_is_not_among_a_networks_open_ones(house):
    house.start("[challenges]\nmax_open_per_prefix = 2\n")
    house.gateway.refuse_with = (4021, "node-failed: no answer")
    for _ in range(5):
        refused(house.service.get("/weather/x"))
    house.gateway.refuse_with = None
    first, second = ask(house), ask(house)
    assert first != second and ask(house) == first


def test_case_n1_a_gateway_that_goes_with_a_request_under_way_costs_nothing(house):
    house.start('[challenges]\nper_prefix = "1/h"\n')
    house.gateway.silent = True
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(house.service.get("/weather/x")))
    waiting.start()
    wait_for(lambda: issues(house) == 1, "the gateway is asked")
    house.gateway.stop()
    waiting.join(10)
    refused(answers[0])
    house.gateway.silent = False
    house.gateway.start()
    wait_for(house.service.ready, "the gateway is back")
    assert house.service.get("/weather/x").status == 402


def test_case_n1_work_that_got_no_invoice_is_good_again(house):
    pow = 'pow = { bits = 8, max_bits = 8, lifetime = "1m" }'
    house.start(PROXY + f'[challenges]\nreuse = false\nin_all = "1/h"\n{pow}\n')
    assert house.service.get("/weather/x").status == 402
    work = Task(house.service.get("/weather/x")).headers()
    house.gateway.refuse_with = (4021, "node-failed: no answer")
    refused(house.service.get("/weather/x", work))
    house.gateway.refuse_with = None
    gone(house)
    refused(house.service.get("/weather/x", work))
    house.gateway.start()
    wait_for(house.service.ready, "the gateway is back")
    assert house.service.get("/weather/x", work).status == 402
    assert house.service.get("/weather/x", work).status == 429
