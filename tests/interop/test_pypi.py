"""Clients of PyPI, unmodified, buy from Millrace, and use again what can be used again."""

import base64
import json

import pytest
from market import market, note_preimages

# (package, what it asks for, payments for two requests)
BUYERS = [
    ("l402-requests", "/token/x", 1),
    ("l402-requests", "/both/x", 1),
    ("l402-requests", "/charge/x", 2),
    ("pympp", "/charge/x", 2),
    ("pympp", "/both/x", 2),
    ("routeweiler", "/token/x", 2),  # it keeps no token for another request
    ("routeweiler", "/both/x", 2),
    ("l402sdk", "/token/x", 1),
    ("l402sdk", "/both/x", 1),
    ("bolt402", "/token/x", 1),
    ("bolthub", "/token/x", 2),  # it keeps tokens of its own gateway alone
    ("bolthub", "/both/x", 2),
]


@pytest.mark.parametrize("package, asked, payments", BUYERS)
def test_a_client_buys_and_uses_again(path, buyer, package, asked, payments):
    whole, rpc = market(path)
    done = buyer(package, whole.service.url(asked), rpc)
    assert (done["answers"], done["payments"]) == ([[200, "sunny\n"]] * 2, payments)
    assert whole.paid() == payments
    note_preimages(whole)


def test_pympp_gets_a_receipt(path, buyer):
    whole, rpc = market(path)
    done = buyer("pympp", whole.service.url("/charge/x"), rpc)
    receipt = json.loads(base64.urlsafe_b64decode(done["receipt"] + "=="))
    assert receipt["reference"] in {one["payment_hash"] for one in whole.network.seller.settlements()}
    note_preimages(whole)


@pytest.mark.parametrize("asked", ["/token/x", "/both/x", "/charge/x"])
def test_the_client_of_an_agents_tool_buys(path, buyer, asked):
    whole, rpc = market(path)
    done = buyer("lightning-enable-mcp", whole.service.url(asked), rpc)
    assert (done["answers"], done["payments"], done["paid"]) == ([[200, "sunny\n"]], 1, 1)
    assert whole.paid() == 1
    note_preimages(whole)
