"""Payments between simulated nodes: what arrives, what comes back and why, and what is paid once only."""

import re
import secrets

import pytest

from conftest import line, wait_until
from market import hop_chain, invoice, market, refused, send


def test_balances_move_by_amount_and_fee_and_always_add_up(start):
    net = market(start)
    net.call("buyer", "xpay", {"invstring": invoice(net, 50_000_000)["bolt11"]})
    balances = net.control("sim-balances")
    assert balances["balanced"]
    first, second = balances["channels"]
    held = {side["node"]: side["balance_msat"] for side in first["sides"]}
    assert held == {"buyer": 949_999_499, "router": 50_000_501}
    assert {side["node"]: side["balance_msat"] for side in second["sides"]} == {"router": 950_000_000, "seller": 50_000_000}


def test_a_payment_is_not_made_twice(start):
    net = market(start)
    made = invoice(net)
    first = net.call("buyer", "xpay", {"invstring": made["bolt11"]})
    assert refused(net, "buyer", "xpay", {"invstring": made["bolt11"]})["code"] == 219
    second = net.call("buyer", "pay", {"bolt11": made["bolt11"]})
    assert (first["payment_preimage"], second["parts"]) == (second["payment_preimage"], 1)
    assert net.call("seller", "listpeerchannels")["channels"][0]["to_us_msat"] == 10_000


def test_an_invoice_is_not_paid_again_while_a_payment_of_it_is_under_way(start):
    net = market(start)
    made = invoice(net)
    hold = net.control("sim-hold", {"point": "htlc-add", "node": "seller"})["hold"]
    connection = net.sim.connect("buyer")
    connection.send("xpay", {"invstring": made["bolt11"]})
    net.control("sim-await", {"hold": hold})
    error = refused(net, "buyer", "xpay", {"invstring": made["bolt11"]})
    assert error["code"] == -3 and "still in progress" in error["message"]
    net.control("sim-release", {"hold": hold})
    assert connection.receive()["result"]["successful_parts"] == 1
    (row,) = net.call("buyer", "listsendpays")["payments"]
    assert row["groupid"] > 2**53


def test_an_invoice_without_an_amount_is_paid_the_amount_that_the_payer_names(start):
    net = market(start)
    open_ended, fixed = invoice(net, "any"), invoice(net)
    for made, params, message in (
        (open_ended, {}, "amount_msat required"),
        (open_ended, {"amount_msat": 0}, "Cannot pay bolt11 invoice with zero amount"),
        (fixed, {"amount_msat": 10_000}, "amount_msat unnecessary"),
    ):
        error = refused(net, "buyer", "xpay", {"invstring": made["bolt11"], **params})
        assert (error["code"], error["message"]) == (-32602, message)
    paid = net.call("buyer", "xpay", {"invstring": open_ended["bolt11"], "amount_msat": 12_345, "maxfee": 2_000, "retry_for": 30})
    assert paid["amount_msat"] == 12_345
    (row,) = net.call("seller", "listinvoices", {"payment_hash": open_ended["payment_hash"]})["invoices"]
    assert (row["status"], row["amount_received_msat"]) == ("paid", 12_345)
    (part,) = net.call("buyer", "listsendpays", {"payment_hash": open_ended["payment_hash"]})["payments"]
    assert (part["status"], part["amount_sent_msat"]) == ("complete", paid["amount_sent_msat"])


def test_parts_can_be_forced_and_settle_as_one_invoice(start):
    net = market(start, plugins={"seller": ["recorder"]})
    made = invoice(net, 1_000_000)
    paid = net.call("buyer", "xpay", {"invstring": made["bolt11"], "dev_parts": 4})
    assert paid["successful_parts"] == 4
    calls = net.messages("recorder", "htlc_accepted")
    assert len(calls) == 4
    assert {call["params"]["onion"]["total_msat"] for call in calls} == {1_000_000}
    assert sum(call["params"]["onion"]["forward_msat"] for call in calls) == 1_000_000
    assert len(wait_until(lambda: net.messages("recorder", "invoice_payment"), "the settlement")) == 1


def test_a_lone_part_comes_back_after_seventy_seconds_with_mpp_timeout(start):
    net = market(start)
    made = invoice(net, 20_000)
    connection = net.sim.connect("buyer")
    params = {"route": hop_chain(net, 10_000), "payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"],
              "partid": 1, "groupid": 1, "amount_msat": 20_000}
    connection.call("sendpay", params)
    connection.send("waitsendpay", {"payment_hash": made["payment_hash"], "partid": 1, "groupid": 1})
    net.control("sim-advance", {"seconds": 69})
    assert net.call("buyer", "listsendpays", {"payment_hash": made["payment_hash"]})["payments"][0]["status"] == "pending"
    net.control("sim-advance", {"seconds": 2})
    assert connection.receive()["error"]["data"]["failcode"] == 23


# sendpay adds a block to every delay, for the one that may come in meanwhile: 9 arrives as the 10 that the node asks for.
FINAL_CASES = {
    "the secret is wrong": ({"payment_secret": "00" * 32}, 0x400F),
    "the amount is too small": ({"amount": 9_999}, 0x400F),
    "the amount is twice as much": ({"amount": 20_000}, None),
    "the amount is more than twice as much": ({"amount": 20_001}, 0x400F),
    "the final cltv is what the node asks for": ({"delay": 9}, None),
    "the final cltv is one block short": ({"delay": 8}, 0x400F),
    "metadata comes with it": ({"payment_metadata": "0102"}, 0x4016),
    "an unknown odd record comes with it": ({"dev_extra_tlvs": "fdffff0101"}, None),
    "an unknown even record comes with it": ({"dev_extra_tlvs": "fdfffe0101"}, 0x4016),
}


@pytest.mark.parametrize("what", FINAL_CASES)
def test_the_last_node_checks_as_lightningd_does(start, what):
    changes, failcode = FINAL_CASES[what]
    changes = dict(changes)
    net = market(start)
    made = invoice(net)
    outcome = send(net, made, amount=changes.pop("amount", 10_000), delay=changes.pop("delay", 10), **changes)
    if failcode is None:
        assert outcome.get("status") == "complete", outcome
    else:
        assert outcome["data"]["failcode"] == failcode
        assert net.call("seller", "listinvoices", {"label": net.call("seller", "listinvoices")["invoices"][0]["label"]})["invoices"][0]["status"] == "unpaid"


def test_an_unknown_hash_and_an_expired_and_a_paid_invoice_look_the_same_to_the_payer(start):
    net = market(start)
    paid, expired = invoice(net), invoice(net, expiry=5)
    assert send(net, paid)["status"] == "complete"
    net.control("sim-advance", {"seconds": 6})
    unknown = {"payment_hash": secrets.token_hex(32), "payment_secret": "00" * 32}
    for made in (unknown, expired):
        answer = send(net, made)
        assert (answer["code"], answer["data"]["failcode"]) == (203, 0x400F)
    statuses = {row["status"] for row in net.call("seller", "listinvoices")["invoices"]}
    assert statuses == {"paid", "expired"}


def test_a_node_that_pays_itself_calls_no_hook(start):
    net = market(start, plugins={"seller": ["recorder"]})
    own = invoice(net)
    paid = net.call("seller", "xpay", {"invstring": own["bolt11"]})
    assert paid["successful_parts"] == 1
    # Signed but not stored, as a stateless invoice is: unknown, and nobody was asked.
    gone = invoice(net, label="gone")
    net.call("seller", "delinvoice", {"label": "gone", "status": "unpaid"})
    error = refused(net, "seller", "xpay", {"invstring": gone["bolt11"]})
    assert error["code"] == 203 and "Unknown invoice" in error["message"]
    assert net.messages("recorder", "htlc_accepted") == []


PAY_ERRORS = {
    "expired": (lambda net: (net.control("sim-advance", {"seconds": 10}), {})[1], {"expiry": 5}, 207, "Invoice expired \\d+ seconds ago"),
    "too dear": (lambda net: {"maxfee": 0}, {}, 206, "Failed: Could not find route without excessive cost"),
    "too big": (lambda net: {}, {"amount": 2_000_000_000}, 205, "Failed: .*usable set of paths"),
    "unknown": (lambda net: (net.call("seller", "delinvoice", {"label": "it", "status": "unpaid"}), {})[1], {}, 203,
                "Destination said it doesn't know invoice: incorrect_or_unknown_payment_details"),
}


@pytest.mark.parametrize("what", PAY_ERRORS)
def test_xpay_says_why_it_did_not_pay(start, what):
    prepare, more, code, message = PAY_ERRORS[what]
    net = market(start)
    made = invoice(net, label="it", **{"amount": 100_000, **more})
    error = refused(net, "buyer", "xpay", {"invstring": made["bolt11"], **prepare(net)})
    assert error["code"] == code
    assert re.match(message, error["message"]), error["message"]


def test_a_payment_in_several_parts_is_found_where_no_path_holds_it(start):
    names = ["buyer", "upper", "lower", "seller"]
    edges = [("buyer", "upper"), ("buyer", "lower"), ("upper", "seller"), ("lower", "seller")]
    net = start({"node": [{"name": name} for name in names],
                 "channel": [{"from": a, "to": b, "capacity_msat": 600_000_000} for a, b in edges]})
    paid = net.call("buyer", "xpay", {"invstring": invoice(net, 1_000_000_000)["bolt11"]})
    assert paid["successful_parts"] >= 2


def test_a_private_channel_is_reached_through_the_route_hint(start):
    topology = line("buyer", "router", "seller", capacity=1_000_000_000)
    topology["channel"][1]["private"] = True
    net = start(topology)
    made = invoice(net)
    assert net.call("buyer", "decode", [made["bolt11"]])["routes"][0][0]["short_channel_id"] == "103x2x0"
    assert net.call("buyer", "xpay", [made["bolt11"]])["successful_parts"] == 1
    incoming = net.call("seller", "listincoming")["incoming"]
    assert [channel["public"] for channel in incoming] == [False]
    assert len(net.call("buyer", "listchannels")["channels"]) == 2


def test_groups_and_parts_follow_lightningds_rules(start):
    net = market(start)
    made = invoice(net, 30_000)
    base = {"payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"]}
    route = hop_chain(net, 10_000)
    assert refused(net, "buyer", "sendpay", {"route": route, "partid": 1, **base})["code"] == -32602
    net.call("buyer", "sendpay", {"route": route, "partid": 1, "groupid": 1, "amount_msat": 30_000, **base})
    assert refused(net, "buyer", "sendpay", {"route": route, **base})["code"] == 200
    assert refused(net, "buyer", "sendpay", {"route": route, "partid": 2, "groupid": 2, "amount_msat": 30_000, **base})["code"] == 200
    assert net.call("buyer", "sendpay", {"route": route, "partid": 1, "groupid": 1, "amount_msat": 30_000, **base})["status"] == "pending"
    for part in (2, 3):
        net.call("buyer", "sendpay", {"route": route, "partid": part, "groupid": 1, "amount_msat": 30_000, **base})
    assert net.call("buyer", "waitsendpay", {"payment_hash": made["payment_hash"], "partid": 3, "groupid": 1})["status"] == "complete"


def test_a_getroutes_path_is_taken_by_sendpay_unchanged(start):
    net = market(start)
    made = invoice(net)
    path = [{"short_channel_id_dir": "103x1x0/0", "node_id_out": net.node_id("router"), "amount_out_msat": 11_000, "cltv_out": 16},
            {"short_channel_id_dir": "103x2x0/1", "node_id_out": net.node_id("seller"), "amount_out_msat": 10_000, "cltv_out": 10}]
    net.call("buyer", "sendpay", {"route": path, "payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"]})
    assert net.call("buyer", "waitsendpay", {"payment_hash": made["payment_hash"]})["status"] == "complete"
