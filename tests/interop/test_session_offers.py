"""Who is offered a session, and clients that read the last challenge of a 402 alone."""

import pytest
from harness.service import PRICE_MSAT
from test_npm import note_preimages

SESSION = {"session.deposit_msat": 20_000}
SOLD = [
    {"name": "both", "path": "/both/", "price_msat": PRICE_MSAT, "schemes": ["l402", "payment"], **SESSION},
    {"name": "any", "path": "/any/", "price_msat": PRICE_MSAT, "schemes": ["payment"], **SESSION},
    {"name": "asked", "path": "/asked/", "price_msat": PRICE_MSAT, "schemes": ["payment"], **SESSION, "session.offer": "asked"},
    {"name": "new", "path": "/new/", "price_msat": PRICE_MSAT, "schemes": ["l402", "payment"], **SESSION, "lsat": False},
]


@pytest.fixture
def market(path):
    whole = path()
    whole.sell(services=SOLD)
    yield whole
    note_preimages(whole)


def test_case_c7_mppx_buys_by_charge_where_a_session_is_the_last_offer(market, script):
    for target in ("/any/x", "/asked/x"):
        done = script("mppx.mjs", market.service.url(target), market.network.payer.rpc.path)
        assert (done["status"], done["body"], done["payments"]) == (200, "sunny\n", 1)
    assert market.paid() == 2


@pytest.mark.parametrize("target, scheme", [("/both/x", "LSAT"), ("/new/x", "L402")])
def test_case_c7_c10_alby_buys_by_l402_where_a_session_is_the_last_offer(market, script, target, scheme):
    done = script("alby.mjs", market.service.url(target), market.network.payer.rpc.path)
    assert (done["status"], done["body"], done["scheme"], done["payments"]) == (200, "sunny\n", scheme, 1)
    assert market.paid() == 1


def test_case_c7_alby_buys_by_charge_where_sessions_are_offered_to_who_asks(market, script):
    done = script("alby.mjs", market.service.url("/asked/x"), market.network.payer.rpc.path, "fetchWithMpp")
    assert (done["status"], done["body"], done["payments"]) == (200, "sunny\n", 1)
    assert market.paid() == 1
