"""Clients of the npm registry, unmodified, buy from Millrace."""

import base64
import json
import subprocess

from market import market, note_preimages


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


def test_case_c14_a_validator_has_nothing_to_warn_of_in_what_the_service_says_about_itself(path, packages):
    whole, _ = market(path)
    command = ["node", packages / "node_modules/mppx/dist/bin.js", "validate", whole.service.url("", host="localhost")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)
    assert "Valid OpenAPI structure" in done.stdout and "POST /charge/" in done.stdout, done.stdout + done.stderr
    assert "⚠" not in done.stdout and "✗" not in done.stdout, done.stdout
