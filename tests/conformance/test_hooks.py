"""The htlc_accepted and invoice_payment hooks, and the answers at which lightningd aborts."""

import hashlib
import re
import secrets

import pytest

from conftest import line
from market import hop_chain, invoice, market, refused, send


def test_a_rewritten_payload_is_what_the_node_goes_by_and_later_plugins_see(start):
    net = market(start, plugins={"seller": ["first", "second"]})
    made = invoice(net)
    wrong = "11" * 32
    # TLV 2 amount, 4 cltv, 8 secret and total: the right secret in place of the wrong one.
    payload = "02022710" + f"0401{108 + 10:02x}" + f"0822{made['payment_secret']}2710"
    net.answer("first", {"htlc_accepted": {"result": {"result": "continue", "payload": payload}}})
    assert send(net, made, payment_secret=wrong)["status"] == "complete"
    assert net.messages("first", "htlc_accepted")[0]["params"]["onion"]["payment_secret"] == wrong
    seen = net.messages("second", "htlc_accepted")[0]["params"]["onion"]
    assert seen["payment_secret"] == made["payment_secret"]
    assert seen["payload"] == f"{len(payload) // 2:02x}" + payload


def test_metadata_stripped_by_a_hook_does_no_harm(start):
    net = market(start, plugins={"seller": ["recorder"]})
    made = invoice(net)
    payload = "02022710" + f"0401{108 + 10:02x}" + f"0822{made['payment_secret']}2710"
    net.answer("recorder", {"htlc_accepted": {"result": {"result": "continue", "payload": payload}}})
    assert send(net, made, payment_metadata="01020304")["status"] == "complete"
    assert net.messages("recorder", "htlc_accepted")[0]["params"]["onion"]["payment_metadata"] == "01020304"


HOOK_RESULTS = {
    "a failure message": ({"result": "fail", "failure_message": "2002"}, 204, "WIRE_TEMPORARY_NODE_FAILURE"),
    "incorrect details": ({"result": "fail", "failure_message": "400f" + "0" * 24}, 203, "WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS"),
    "a wrong preimage": ({"result": "resolve", "payment_key": "00" * 32}, 203, "WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS"),
    "a payload that is no payload": ({"result": "continue", "payload": "0201"}, 203, "WIRE_INVALID_ONION_PAYLOAD"),
    "an onion": ({"result": "fail", "failure_onion": "00" * 292}, 202, None),
}


@pytest.mark.parametrize("what", HOOK_RESULTS)
def test_a_hook_may_fail_an_htlc(start, what):
    result, code, name = HOOK_RESULTS[what]
    net = market(start, plugins={"seller": ["recorder"]}, answers={"recorder": {"htlc_accepted": {"result": result}}})
    answer = send(net, invoice(net))
    if code == 204:
        code = 203  # whatever the last node says is from the destination
    assert answer["code"] == code
    assert answer["data"].get("failcodename") == name


def test_a_hook_may_resolve_an_htlc_that_no_invoice_knows(start):
    key = secrets.token_bytes(32)
    net = market(start, plugins={"seller": ["recorder"]},
                 answers={"recorder": {"htlc_accepted": {"result": {"result": "resolve", "payment_key": key.hex()}}}})
    made = {"payment_hash": hashlib.sha256(key).hexdigest(), "payment_secret": "00" * 32}
    assert send(net, made)["payment_preimage"] == key.hex()
    assert net.messages("recorder", "invoice_payment") == []


def test_a_plugin_that_dies_in_a_hook_counts_as_continue(start):
    net = market(start, plugins={"seller": ["recorder"]}, answers={"recorder": {"htlc_accepted": {"die": True}}})
    assert send(net, invoice(net))["status"] == "complete"
    assert "Plugin died from htlc_accepted hook call" in net.sim.log("seller")
    assert net.call("seller", "plugin", {"subcommand": "list"})["plugins"] == []


def test_hooks_run_in_load_order_refined_by_before_and_after(start):
    net = market(start, plugins={"seller": ["one", "two", "three"]},
                 manifests={"three": {"hooks": [{"name": "htlc_accepted", "before": ["one.py"]}]},
                            "one": {"hooks": [{"name": "htlc_accepted", "after": ["two.py"]}]}},
                 answers={"two": {"htlc_accepted": {"result": {"result": "fail", "failure_message": "2002"}}}})
    assert send(net, invoice(net))["code"] == 203
    # Each plugin has its own log; which of them were asked tells the order: two ended the chain.
    assert len(net.messages("two", "htlc_accepted")) == 1
    assert net.messages("one", "htlc_accepted") == []


def test_every_forward_is_shown_to_the_hook(start):
    net = market(start, plugins={"router": ["recorder"]})
    assert send(net, invoice(net))["status"] == "complete"
    (call,) = net.messages("recorder", "htlc_accepted")
    assert call["params"]["onion"]["short_channel_id"] == "103x2x0"
    assert "payment_secret" not in call["params"]["onion"]


def test_an_invoice_payment_hook_may_reject(start):
    net = market(start, plugins={"seller": ["recorder"]}, manifests={"recorder": {"hooks": ["invoice_payment"]}},
                 answers={"recorder": {"invoice_payment": {"result": {"result": "reject"}}}})
    made = invoice(net, label="no")
    assert send(net, made)["data"]["failcode"] == 0x400F
    assert net.messages("recorder", "invoice_payment")[0]["params"]["payment"]["label"] == "no"
    assert net.call("seller", "listinvoices", {"label": "no"})["invoices"][0]["status"] == "unpaid"


def test_a_plugin_may_use_the_rpc_while_its_own_hook_is_pending(start):
    net = market(start, plugins={"seller": ["recorder"]})
    hold = net.control("sim-hold", {"point": "plugin-reply", "node": "seller", "method": "htlc_accepted"})["hold"]
    made = invoice(net)
    connection = net.sim.connect("buyer")
    connection.send("xpay", {"invstring": made["bolt11"]})
    net.control("sim-await", {"hold": hold})
    assert net.call("seller", "listinvoices", {"payment_hash": made["payment_hash"]})["invoices"][0]["status"] == "unpaid"
    (htlc,) = net.call("seller", "listpeerchannels")["channels"][0]["htlcs"]
    assert (htlc["direction"], htlc["state"]) == ("in", "RCVD_ADD_ACK_REVOCATION")
    net.control("sim-release", {"hold": hold})
    assert connection.receive()["result"]["successful_parts"] == 1


FATAL_HOOKS = {
    "a JSON-RPC error": {"error": {"code": -1, "message": "no"}},
    "no result member": {"result": {}},
    "an unknown result": {"result": {"result": "perhaps"}},
    "fail without a message": {"result": {"result": "fail"}},
    "a failure message that is not hex": {"result": {"result": "fail", "failure_message": "xyz"}},
    "a payload that is not hex": {"result": {"result": "continue", "payload": "xyz"}},
    "resolve without a key": {"result": {"result": "resolve"}},
    "resolve with half a key": {"result": {"result": "resolve", "payment_key": "00" * 16}},
    "a forward_to of the wrong length": {"result": {"result": "continue", "forward_to": "00"}},
    "an invoice_msat that is text": {"result": {"result": "continue", "invoice_msat": "1sat"}},
}


def ends_loudly(net, message):
    assert net.sim.process.wait(10) == 134
    assert "lightningd would have aborted" in net.sim.stderr()
    assert re.search(message, net.sim.stderr()), net.sim.stderr()
    assert "FATAL" in net.sim.log("seller")


@pytest.mark.parametrize("what", FATAL_HOOKS)
def test_an_invalid_hook_reply_is_fatal(start, what):
    net = market(start, plugins={"seller": ["recorder"]}, answers={"recorder": {"htlc_accepted": FATAL_HOOKS[what]}})
    made = invoice(net)
    connection = net.sim.connect("buyer")
    connection.send("sendpay", {"route": hop_chain(net, 10_000), "payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"]})
    ends_loudly(net, "htlc_accepted|payment_key|result")


def test_createinvoice_of_a_known_hash_under_another_label_is_fatal(start):
    net = market(start)
    preimage = secrets.token_hex(32)
    made = invoice(net, label="one", preimage=preimage)
    # invoice itself looks before it writes.
    assert refused(net, "seller", "invoice", {"amount_msat": 1, "label": "x", "description": "d", "preimage": preimage})["code"] == 901
    net.sim.connect("seller").send("createinvoice", {"invstring": made["bolt11"], "label": "two", "preimage": preimage})
    ends_loudly(net, "UNIQUE constraint failed: invoices.payment_hash")


def test_two_plugins_with_the_same_option_are_fatal_at_start(start):
    option = {"options": [{"name": "same", "type": "string", "description": "d"}], "rpcmethods": []}
    net = market(start, plugins={"seller": ["one", "two"]}, manifests={"one": option, "two": option}, ready=False)
    ends_loudly(net, "duplicate option --same")


def test_an_option_that_nobody_has_is_fatal_at_start(start):
    net = market(start, arguments=["--option", "seller:no-such-option=1"], ready=False)
    ends_loudly(net, "no-such-option")


def test_an_important_plugin_that_ends_takes_the_node_with_it(start):
    topology = line("buyer", "seller")
    net = start(topology)
    net.stop()
    topology["node"][1]["important_plugins"] = [str(net.directory / "gone.py")]
    net = start(topology, ready=False)
    assert net.sim.process.wait(10) == 134
