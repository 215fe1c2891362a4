"""A store, tokens, open invoices and cookies of before (upgrade/record.py says of when) keep exactly what they bought."""

import json
import re
import sqlite3
from pathlib import Path

import pytest
from kit.pricer import Pricer
from kit.service import wait_for
from test_quotas import left
from test_tiers import with_caveats

HERE = Path(__file__).resolve().parent / "upgrade"
RECORD = json.loads((HERE / "sold.json").read_text())
SOLD = {one["name"]: one for one in RECORD["sold"]}
COOKIES = {one["name"]: one for one in RECORD["cookies"]}
MUCH = 99_999_999_999


class Settled:
    def __init__(self, record):
        self.payment_hash, self.service = bytes.fromhex(record["payment_hash"]), record["service"]


@pytest.fixture(scope="module")
def successor():
    from conftest import close_house, make_house

    house, name = make_house("upgrade")
    database = sqlite3.connect(house.folder / "millrace.db")
    database.executescript((HERE / "store.sql").read_text())
    house.gateway.node_id = database.execute("SELECT node_id FROM gateway_cursors").fetchone()[0]
    database.close()
    house.gateway.epochs = {int(epoch): bytes.fromhex(key) for epoch, key in RECORD["keys"].items()}
    paid = sum(one["settled"] and one["amount_msat"] > 0 for one in [*SOLD.values(), *COOKIES.values()])
    house.gateway.settlements = [{"pay_index": number + 1} for number in range(paid)]  # which the store has
    pricer = Pricer()
    pricer.price = lambda question: 2000
    house.start(services=(HERE / "services.toml").read_text().format(upstream=house.upstream.url, pricer=pricer.url))
    house.pricer = pricer
    yield house
    close_house(house, name)
    pricer.close()


def ask(house, headers, path):
    """200, with what is left where that is counted; or the reason of the 402."""
    answer = house.service.get(path, headers)
    if answer.status != 200:
        return answer.json()["reason"]
    counts = [count for count in (left(answer, what) for what in ("uses", "msat")) if count is not None]
    return (200, *counts) if counts else 200


BOUGHT = {
    "plain": [("/plain/x", 200), ("/varied/x", "wrong_scope")],
    "plain-unheard": [("/plain/x", 200)],
    "price": [("/varied/x", 200), ("/varied/dear/x", "underpaid"), ("/varied/own/x", "wrong_scope")],
    "dear": [("/varied/x", 200), ("/varied/dear/x", 200)],
    "route": [("/varied/own/x", 200), ("/varied/x", "wrong_scope")],
    "credit": [("/pool/x", (200, 700)), ("/pool/x", (200, 600))],
    "tier": [("/docs/x", (200, 2)), ("/docs/read/x", (200, 1)), ("/docs/x", (200, 0)), ("/docs/x", "quota_exhausted")],
    "lowest-tier": [("/docs/read/x", "missing_capability"), ("/docs/x", (200, 0)), ("/docs/x", "quota_exhausted")],
    "uses": [("/uses/x", (200, 0)), ("/uses/x", "quota_exhausted")],
    "realm": [("/north/x", 200), ("/south/x", "underpaid")],
    "grant": [("/varied/x", 200), ("/varied/dear/x", 200), ("/varied/own/x", "wrong_scope")],
    "grant-of-a-price": [("/varied/x", 200), ("/varied/dear/x", "underpaid")],
    "grant-of-uses": [("/uses/x", (200, 4)), ("/uses/x", (200, 3))],
    "grant-of-a-balance": [("/pool/x", (200, 900))],
    "grant-of-a-tier": [("/docs/read/x", (200, 4))],
    "grant-of-a-time": [("/plain/x", 200)],
    "millrace-issue": [("/plain/x", 200)],
}

# What their holders can append buys nothing beside.
WIDER = {
    "plain": ("plain_max_price_msat", [("/plain/x", 200)]),
    "price": ("varied_max_price_msat", [("/varied/x", "widened"), ("/varied/dear/x", "widened")]),
    "dear": ("varied_credit_msat", [("/varied/dear/x", 200), ("/varied/own/x", "wrong_scope")]),
    "realm": ("poles_max_price_msat", [("/north/x", 200), ("/south/x", "underpaid")]),
    "grant-of-a-price": ("varied_max_price_msat", [("/varied/dear/x", "widened")]),
    "millrace-issue": ("plain_credit_msat", [("/plain/x", 200)]),
}


@pytest.mark.parametrize("name", BOUGHT)
def test_case_m2_a_token_of_before_keeps_exactly_what_it_bought(successor, name):
    headers = {"Authorization": SOLD[name]["authorization"]}
    for path, outcome in BOUGHT[name]:
        assert ask(successor, headers, path) == outcome, path
    condition, outcomes = WIDER.get(name, (None, []))
    for path, outcome in outcomes:
        assert ask(successor, with_caveats(headers, f"{condition}={MUCH}"), path) == outcome, path


def test_case_m1_a_token_that_was_bought_for_a_thing_before_opens_it_whatever_it_costs(successor):
    headers = {"Authorization": SOLD["quote"]["authorization"]}
    successor.pricer.price = lambda question: 50_000
    for caveats in ((), ("priced_credit_msat=99999999999",)):
        token = with_caveats(headers, *caveats)
        assert ask(successor, token, "/priced/x") == 200
        assert ask(successor, token, "/priced/other") == "underpaid"
    successor.pricer.price = lambda question: 2000
    assert ask(successor, headers, "/priced/as-cheap") == 200


def test_an_invoice_that_was_open_then_can_be_paid_now(successor):
    headers = {"Authorization": SOLD["open"]["authorization"]}
    assert ask(successor, headers, "/varied/dear/x") == "underpaid"
    successor.gateway.settle(Settled(SOLD["open"]), amount_msat=SOLD["open"]["amount_msat"])
    revenue = 'l402_revenue_msat_total{resource="varied"}'
    wait_for(lambda: successor.service.metrics().get(revenue, 0) > 0, "the settlement is stored")
    assert ask(successor, headers, "/varied/x") == 200
    assert ask(successor, headers, "/varied/dear/x") == "underpaid"


def test_a_cookie_of_before_opens_what_was_paid_for(successor):
    browser = {"Accept": "text/html"}
    assert ask(successor, {**browser, "Cookie": COOKIES["page"]["cookie"]}, "/plain/page") == 200
    waiting = {**browser, "Cookie": COOKIES["open-page"]["cookie"]}
    assert successor.service.get("/plain/page", waiting).status == 402
    successor.gateway.settle(Settled(COOKIES["open-page"]), amount_msat=1000)
    wait_for(lambda: successor.service.get("/plain/page", waiting).status == 200, "the settlement is heard of")
    # Of one that was shown to somebody else, the token alone opens nothing.
    assert successor.service.get("/plain/page", {"Authorization": f"L402 {COOKIES['page']['macaroon']}:{'00' * 32}"}).status == 402


def test_a_program_of_before_would_refuse_the_store_and_say_why(successor):
    """That it does is test_operation.py's: a newer version is refused and not touched."""
    version = lambda path: sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("PRAGMA user_version").fetchone()[0]
    recorded = int(re.search(r"PRAGMA user_version = (\d+)", (HERE / "store.sql").read_text())[1])
    assert version(successor.folder / "millrace.db") > recorded
