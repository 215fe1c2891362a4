"""Clients of the npm registry, unmodified, buy from Millrace."""

import base64
import json
import subprocess

from harness.service import PRICE_MSAT

SOLD = [
    {"name": "token", "path": "/token/", "price_msat": PRICE_MSAT},
    {"name": "charge", "path": "/charge/", "price_msat": PRICE_MSAT, "schemes": ["payment"]},
    {"name": "both", "path": "/both/", "price_msat": PRICE_MSAT, "schemes": ["l402", "payment"]},
]


def market(path):
    whole = path()
    whole.sell(services=SOLD)
    return whole, whole.network.payer.rpc.path


def note_preimages(whole):
    for payment in whole.network.payer.rpc("listsendpays")["payments"]:
        if "payment_preimage" in payment:
            whole.secrets[payment["payment_preimage"]] = "a preimage"


def test_albys_fetch_buys_a_token_and_uses_it_again(path, script):
    whole, rpc = market(path)
    for asked in ("/token/x", "/both/x"):
        done = script("alby.mjs", whole.service.url(asked), rpc)
        # It takes the first challenge of the list, which is LSAT for the sake of older clients.
        assert (done["status"], done["body"], done["scheme"], done["payments"]) == (200, "sunny\n", "LSAT", 1)
        assert done["again"] == 200
    assert whole.paid() == 2
    note_preimages(whole)


def test_albys_fetch_buys_by_charge(path, script):
    whole, rpc = market(path)
    for how in ("fetchWithMpp", "fetch402"):
        done = script("alby.mjs", whole.service.url("/charge/x"), rpc, how)
        assert (done["status"], done["body"], done["payments"]) == (200, "sunny\n", 1)
        receipt = json.loads(base64.urlsafe_b64decode(done["receipt"] + "=="))
        assert receipt["reference"] in {one["payment_hash"] for one in whole.network.seller.settlements()}
    assert (done["scheme"], done["again"]) == ("Payment", 200)  # a repetition within the rules
    assert whole.paid() == 2
    note_preimages(whole)


def test_mppx_buys_by_charge(path, script):
    whole, rpc = market(path)
    done = script("mppx.mjs", whole.service.url("/charge/x"), rpc)
    assert (done["status"], done["body"], done["payments"]) == (200, "sunny\n", 1)
    assert (done["receipt"]["status"], done["receipt"]["method"]) == ("success", "lightning")
    assert done["receipt"]["reference"] == whole.network.seller.settlements()[0]["payment_hash"]
    assert whole.paid() == 1
    note_preimages(whole)


def test_mppx_finds_nothing_wrong_with_a_route_that_is_sold_by_charge(path, packages):
    whole, _ = market(path)
    url = whole.service.url("", host="localhost")
    command = ["node", packages / "node_modules/mppx/dist/bin.js", "validate", url, "-e", "GET:/charge/x"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and done.stdout.count("✓") == 11 and "✗" not in done.stdout, done.stdout + done.stderr
    assert whole.paid() == 0
