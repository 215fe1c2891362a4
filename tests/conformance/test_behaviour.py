"""What the simulator does where lightningd's behaviour matters to a plugin: hooks, payments, restarts, and where it gives up."""

import hashlib
import os
import re
import secrets
import signal
import time

import pytest

from conftest import line, wait_until
from rpc import RpcError


def refused(net, node, method, params):
    with pytest.raises(RpcError) as error:
        net.call(node, method, params)
    return error.value.error


def hop_chain(net, amount, delay=10):
    """buyer -> router -> seller for sendpay."""
    return [
        {"id": net.node_id("router"), "channel": "103x1x0", "amount_msat": amount + 1000, "delay": delay + 6},
        {"id": net.node_id("seller"), "channel": "103x2x0", "amount_msat": amount, "delay": delay},
    ]


def market(start, **named):
    return start(line("buyer", "router", "seller", capacity=1_000_000_000), **named)


def invoice(net, amount=10_000, label=None, **more):
    label = label or secrets.token_hex(4)
    return net.call("seller", "invoice", {"amount_msat": amount, "label": label, "description": "d", **more})


def send(net, made, amount=10_000, delay=10, timeout=20, **more):
    """One part by sendpay; the waitsendpay result, or its error."""
    params = {"route": hop_chain(net, amount, delay), "payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"], **more}
    net.call("buyer", "sendpay", params)
    wait = {"payment_hash": made["payment_hash"], "timeout": timeout}
    for name in ("partid", "groupid"):
        if name in more:
            wait[name] = more[name]
    try:
        return net.call("buyer", "waitsendpay", wait)
    except RpcError as error:
        return error.error


# --- payments -----------------------------------------------------------------------------------------------------------------

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


# --- the htlc_accepted hook ---------------------------------------------------------------------------------------------------

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


# --- where lightningd aborts --------------------------------------------------------------------------------------------------

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


# --- plugins ------------------------------------------------------------------------------------------------------------------

BAD_PLUGINS = {
    "what is not JSON": ({"init": {"raw": "hello\n\n"}}, "not JSON"),
    "a message without jsonrpc": ({"init": {"raw": '{"id":1,"result":{}}\n\n'}}, 'does not contain "jsonrpc"'),
    "an unknown log level": ({"init": {"log": "loud", "result": {}}}, "Unknown log-level"),
}


@pytest.mark.parametrize("what", BAD_PLUGINS)
def test_a_plugin_is_killed_for(start, what):
    answers, message = BAD_PLUGINS[what]
    net = market(start, plugins={"seller": ["recorder"]}, answers={"recorder": answers})
    assert net.call("seller", "plugin", {"subcommand": "list"})["plugins"] == []
    assert message in net.sim.log("seller")


def test_options_reach_init_with_lightningds_defaulting(start):
    options = [
        {"name": "o-string", "type": "string", "default": "d", "description": "d"},
        {"name": "o-unset", "type": "string", "description": "d"},
        {"name": "o-int", "type": "int", "default": 5, "description": "d"},
        {"name": "o-bool", "type": "bool", "default": True, "description": "d"},
        {"name": "o-flag", "type": "flag", "description": "d"},
        {"name": "o-multi", "type": "string", "default": "x", "multi": True, "description": "d"},
        {"name": "o-given", "type": "int", "default": 5, "description": "d"},
    ]
    net = market(start, plugins={"seller": ["recorder"]}, manifests={"recorder": {"options": options}}, arguments=["--option", "seller:o-given=7"])
    (init,) = net.messages("recorder", "init")
    assert init["params"]["options"] == {"o-string": "d", "o-int": 5, "o-bool": True, "o-multi": ["x"], "o-given": 7}
    configs = net.call("seller", "listconfigs")["configs"]
    assert configs["o-given"]["value_int"] == 7 and configs["o-given"]["source"] == "cmdline"
    assert configs["o-flag"]["set"] is False
    assert "o-unset" not in configs
    assert net.call("seller", "listconfigs", {"config": "cltv-final"}) == {"configs": {"cltv-final": {"value_int": 10, "source": "default"}}}


def test_the_plugins_environment_and_directory_are_lightningds(start):
    net = market(start, plugins={"seller": ["recorder"]})
    (pid,) = [plugin["pid"] for node in net.control("sim-nodes")["nodes"] for plugin in node["plugins"]]
    environment = dict(entry.split("=", 1) for entry in open(f"/proc/{pid}/environ").read().split("\0") if "=" in entry)
    assert environment["LIGHTNINGD_PLUGIN"] == "1"
    assert environment["LIGHTNINGD_VERSION"] == "v26.06.6"
    assert os.readlink(f"/proc/{pid}/cwd") == str(net.home("seller"))


def test_commands_are_passed_on_with_their_parameters_as_they_are(start):
    net = market(start, plugins={"seller": ["recorder"]})
    for params in ([1, "two", None], {"a": [1.5, {"b": 18446744073709551615}]}, []):
        assert net.call("seller", "recorder-echo", params) == {"echo": params}
    ids = [message["id"] for message in net.messages("recorder", "recorder-echo")]
    assert all(re.fullmatch(r"test:recorder-echo#\d+/cln:recorder-echo#\d+", identifier) for identifier in ids)
    net.answer("recorder", {"recorder-echo": {"error": {"code": 4020, "message": "no", "data": {"x": 1}}}})
    assert refused(net, "seller", "recorder-echo", {}) == {"code": 4020, "message": "no", "data": {"x": 1}}
    net.answer("recorder", {"recorder-echo": {"die": True}})
    assert refused(net, "seller", "recorder-echo", {})["code"] == -4
    assert refused(net, "seller", "recorder-echo", {})["code"] == -32601


def test_check_asks_a_plugin_that_can_check_and_answers_for_others(start):
    net = market(start, plugins={"seller": ["recorder"]})
    assert net.call("seller", "check", {"command_to_check": "recorder-echo", "x": 1}) == {"command_to_check": "recorder-echo"}
    assert net.messages("recorder", "check")[0]["params"] == {"command_to_check": "recorder-echo", "x": 1}
    assert net.messages("recorder", "recorder-echo") == []
    assert net.call("seller", "check", ["delinvoice", "a", "unpaid"]) == {"command_to_check": "delinvoice"}
    assert refused(net, "seller", "check", ["delinvoice", "a"])["code"] == -32602
    assert refused(net, "seller", "check", ["no-such"])["code"] == -32601


def test_setconfig_reaches_the_plugin_as_text_and_survives_a_restart(start):
    options = [{"name": "dial", "type": "int", "default": 5, "dynamic": True, "description": "d"},
               {"name": "fixed", "type": "int", "default": 5, "description": "d"}]
    net = market(start, plugins={"seller": ["recorder"]}, manifests={"recorder": {"options": options}})
    assert net.call("seller", "setconfig", {"config": "dial", "val": 9})["config"]["value_int"] == 9
    assert net.messages("recorder", "setconfig")[0]["params"] == {"config": "dial", "val": "9"}
    assert refused(net, "seller", "setconfig", {"config": "fixed", "val": 9})["code"] == -32602
    assert refused(net, "seller", "setconfig", {"config": "dial", "val": "x"})["code"] == -32602
    net.control("sim-crash", {"node": "seller"})
    net.control("sim-start", {"node": "seller"})
    assert net.messages("recorder", "init")[-1]["params"]["options"]["dial"] == 9


def test_a_plugin_is_started_with_options_and_stopped_with_shutdown(start):
    options = [{"name": "dial", "type": "int", "default": 5, "description": "d"}]
    net = market(start, plugins={"seller": ["recorder"]}, manifests={"recorder": {"options": options}})
    path = net.call("seller", "plugin", ["list"])["plugins"][0]["name"]
    assert net.call("seller", "plugin", {"subcommand": "stop", "plugin": path})["result"] == "Successfully stopped recorder.py."
    assert net.messages("recorder")[-1]["method"] == "shutdown"
    assert refused(net, "seller", "recorder-echo", {})["code"] == -32601
    started = net.call("seller", "plugin", {"subcommand": "start", "plugin": path, "options": {"dial": 8}})
    assert [plugin["name"] for plugin in started["plugins"]] == [path]
    init = net.messages("recorder", "init")[-1]["params"]
    assert init["options"]["dial"] == 8 and init["configuration"]["startup"] is False
    assert net.call("seller", "recorder-echo", [1]) == {"echo": [1]}


def test_a_static_plugin_is_not_stopped(start):
    net = market(start, plugins={"seller": ["recorder"]}, manifests={"recorder": {"dynamic": False}})
    assert refused(net, "seller", "plugin", {"subcommand": "stop", "plugin": "recorder.py"})["code"] == -32602


def test_custom_notifications_carry_their_origin(start):
    net = market(start, plugins={"seller": ["one", "two"]}, manifests={"one": {"notifications": [{"method": "xtopic"}]}})
    net.answer("one", {"one-echo": {"raw": '{"jsonrpc":"2.0","method":"xtopic","params":{"xtopic":{"a":1}}}\n\n', "result": {}}})
    net.call("seller", "one-echo", {})
    (message,) = wait_until(lambda: net.messages("two", "xtopic"), "the notification")
    assert message == {"jsonrpc": "2.0", "method": "xtopic", "origin": "one.py", "params": {"xtopic": {"a": 1}}}


def test_messages_reach_a_caller_that_asked_for_them(start):
    net = market(start, plugins={"seller": ["recorder"]})
    net.answer("recorder", {"recorder-echo": {"notify": [{"method": "message", "params": {"level": "info", "message": "half way"}}], "result": {}}})
    quiet = net.sim.connect("seller")
    assert quiet.call("recorder-echo") == {}
    told = net.sim.connect("seller")
    told.call("notifications", {"enable": True})
    request = told.send("recorder-echo")
    message = told.receive()
    assert message["method"] == "message" and message["params"]["id"] == request and message["params"]["message"] == "half way"
    assert told.receive()["result"] == {}


# --- the socket ---------------------------------------------------------------------------------------------------------------

def test_requests_may_be_pipelined_and_answered_out_of_order(start):
    net = market(start)
    connection = net.sim.connect("seller")
    connection.send("waitanyinvoice", {"lastpay_index": 0}, "long")
    connection.send("getinfo", {}, "short")
    assert connection.receive()["id"] == "short"
    net.call("buyer", "xpay", {"invstring": invoice(net)["bolt11"]})
    answer = connection.receive()
    assert answer["id"] == "long" and answer["result"]["pay_index"] == 1


def test_ids_come_back_byte_for_byte(start):
    net = market(start)
    connection = net.sim.connect("seller")
    for raw in (r'"a\/b\u0041"', "7", '"x"'):
        connection.send_raw('{"jsonrpc":"2.0","id":%s,"method":"listpeers","params":[],"filter":{"peers":[{"id":true}]}}' % raw)
        assert f'"id":{raw},' in connection.receive_raw()


BAD_REQUESTS = {
    "no params": ('{"jsonrpc":"2.0","id":1,"method":"getinfo"}', -32600, "No params"),
    "no method": ('{"jsonrpc":"2.0","id":1,"params":{}}', -32600, "No method"),
    "no version": ('{"id":1,"method":"getinfo","params":{}}', -32600, "jsonrpc"),
    "an unknown parameter": ('{"jsonrpc":"2.0","id":1,"method":"getinfo","params":{"x":1}}', -32602, "unknown parameter: x"),
    "too many parameters": ('{"jsonrpc":"2.0","id":1,"method":"getinfo","params":[1]}', -32602, "too many parameters: got 1, expected 0"),
    "text that is not JSON": ("hello", -32600, "Invalid token"),
}


@pytest.mark.parametrize("what", BAD_REQUESTS)
def test_a_bad_request_is_answered_with_an_error(start, what):
    text, code, message = BAD_REQUESTS[what]
    net = market(start)
    connection = net.sim.connect("seller")
    connection.send_raw(text)
    error = connection.receive()["error"]
    assert error["code"] == code and message in error["message"]


def test_secrets_are_the_nodes_own_and_the_same_for_the_same_seed(start):
    first, second, other = market(start), market(start), market(start, arguments=["--seed", "2"])
    ask = lambda net, node, params: net.call(node, "makesecret", params)["secret"]
    assert ask(first, "seller", ["6c"]) == ask(second, "seller", {"string": "l"})
    assert ask(first, "seller", {"string": "l"}) != ask(first, "buyer", {"string": "l"})
    assert ask(first, "seller", {"string": "l"}) != ask(other, "seller", {"string": "l"})
    assert first.node_id("seller") == second.node_id("seller") != other.node_id("seller")
    assert refused(first, "seller", "makesecret", {})["message"] == "Must have either hex or string"


def test_signing_stores_nothing(start):
    net = market(start)
    made = invoice(net, label="x")
    net.call("seller", "delinvoice", {"label": "x", "status": "unpaid"})
    before = net.control("sim-stats")["database_writes"]["seller"]
    for _ in range(100):
        assert net.call("seller", "signinvoice", [made["bolt11"]])["bolt11"] == made["bolt11"]
    assert net.control("sim-stats")["database_writes"]["seller"] == before


def test_a_command_may_be_held_before_it_runs_and_before_its_answer_leaves(start):
    net = market(start)
    for point, label, stored in (("rpc-request", "a", 0), ("rpc-reply", "b", 2)):
        hold = net.control("sim-hold", {"point": point, "node": "seller", "method": "invoice", "count": 1})["hold"]
        connection = net.sim.connect("seller")
        connection.send("invoice", {"amount_msat": 1, "label": label, "description": "d"})
        net.control("sim-await", {"hold": hold})
        assert len(net.call("seller", "listinvoices")["invoices"]) == stored
        net.control("sim-release", {"hold": hold})
        assert "bolt11" in connection.receive()["result"]


def test_a_node_may_be_crashed_through_its_own_socket_and_started_at_once(start):
    net = market(start, plugins={"seller": ["recorder"]})
    net.sim.connect("seller").send("sim-crash", {"node": "seller"})
    control = net.sim.connect("buyer")
    wait_until(lambda: not control.call("sim-nodes")["nodes"][2]["up"], "the crash")
    control.call("sim-start", {"node": "seller"})
    # Both in one packet.
    request = '{"jsonrpc":"2.0","id":%d,"method":"%s","params":{"node":"seller"}}'
    control.send_raw(request % (1, "sim-crash") + request % (2, "sim-start"))
    assert [control.receive()["id"], control.receive()["id"]] == [1, 2]
    assert net.call("buyer", "xpay", [invoice(net)["bolt11"]])["successful_parts"] == 1


def test_a_route_that_does_not_begin_at_the_sender_is_refused_at_once(start):
    net = market(start)
    made = invoice(net)
    params = {"route": hop_chain(net, 10_000)[1:], "payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"]}
    error = refused(net, "buyer", "sendpay", params)
    assert (error["code"], error["message"]) == (204, "No connection to first peer found")
    assert net.call("buyer", "listsendpays")["payments"] == []


# --- waiting ------------------------------------------------------------------------------------------------------------------

def test_waiting_ends_with_the_event_the_timeout_or_the_deletion(start):
    net = market(start)
    invoice(net, label="w")
    connection = net.sim.connect("seller")
    connection.send("waitanyinvoice", {"lastpay_index": 0, "timeout": 30}, "any")
    connection.send("waitinvoice", {"label": "w"}, "one")
    connection.send("wait", {"subsystem": "invoices", "indexname": "deleted", "nextvalue": 1}, "wait")
    assert refused(net, "seller", "waitinvoice", {"label": "none"})["code"] == -1
    net.control("sim-advance", {"seconds": 31})
    answer = connection.receive()
    assert (answer["id"], answer["error"]["code"]) == ("any", 904)
    net.call("seller", "delinvoice", {"label": "w", "status": "unpaid"})
    answers = {answer["id"]: answer for answer in (connection.receive(), connection.receive())}
    assert answers["one"]["error"]["message"] == "Invoice deleted during wait"
    assert answers["wait"]["result"] == {"subsystem": "invoices", "deleted": 1}


def test_wait_tells_what_reached_the_index(start):
    net = market(start)
    connection = net.sim.connect("seller")
    connection.send("wait", {"subsystem": "invoices", "indexname": "created", "nextvalue": 1})
    made = invoice(net, label="new")
    assert connection.receive()["result"] == {"subsystem": "invoices", "created": 1, "invoices": {"status": "unpaid", "label": "new", "bolt11": made["bolt11"]}}
    assert net.call("seller", "wait", ["invoices", "created", 0]) == {"subsystem": "invoices", "created": 1}


# --- crashes ------------------------------------------------------------------------------------------------------------------

CRASH_POINTS = {
    "before the HTLC arrives": {"point": "htlc-add", "node": "seller"},
    "before the hook is called": {"point": "hook-call", "node": "seller", "method": "htlc_accepted"},
    "before the hook's answer counts": {"point": "plugin-reply", "node": "seller", "method": "htlc_accepted"},
    "before the preimage leaves": {"point": "htlc-remove", "node": "seller"},
}


@pytest.mark.parametrize("what", CRASH_POINTS)
def test_a_crash_at_any_point_loses_no_payment_and_pays_no_invoice_twice(start, what):
    net = market(start, plugins={"seller": ["recorder"]})
    made = invoice(net, label="crash")
    hold = net.control("sim-hold", {**CRASH_POINTS[what], "count": 1})["hold"]
    connection = net.sim.connect("buyer")
    connection.send("xpay", {"invstring": made["bolt11"]})
    net.control("sim-await", {"hold": hold})
    net.control("sim-crash", {"node": "seller"})
    net.control("sim-release", {"hold": hold})
    assert not os.path.exists(net.nodes["seller"]["rpc"])
    states = {side["node"]: side["htlcs"] for channel in net.control("sim-balances")["channels"] for side in channel["sides"]}
    assert states["router"] == 1
    net.control("sim-start", {"node": "seller"})
    assert connection.receive()["result"]["successful_parts"] == 1
    (row,) = net.call("seller", "listinvoices", {"label": "crash"})["invoices"]
    assert (row["status"], row["pay_index"]) == ("paid", 1)
    wait_until(lambda: net.control("sim-balances")["channels"][1]["sides"][0]["htlcs"] == 0, "the HTLC's removal")
    assert net.control("sim-balances")["balanced"]


def test_undecided_htlcs_are_replayed_before_the_peers_are_back(start):
    net = market(start, plugins={"seller": ["recorder"]})
    made = invoice(net)
    hold = net.control("sim-hold", {"point": "plugin-reply", "node": "seller", "method": "htlc_accepted", "count": 1})["hold"]
    connection = net.sim.connect("buyer")
    connection.send("xpay", {"invstring": made["bolt11"]})
    net.control("sim-await", {"hold": hold})
    net.control("sim-crash", {"node": "seller"})
    net.control("sim-start", {"node": "seller"})
    connection.receive()
    methods = [message["method"] for message in net.messages("recorder")]
    restarted = methods[len(methods) - methods[::-1].index("init"):]
    assert restarted.index("htlc_accepted") < restarted.index("connect")
    assert "Replaying old unprocessed HTLC" in net.sim.log("seller")


def test_a_crash_forgets_parts_that_had_gathered_and_they_gather_again(start):
    net = market(start)
    made = invoice(net, 20_000)
    base = {"payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"], "groupid": 1, "amount_msat": 20_000}
    net.call("buyer", "sendpay", {"route": hop_chain(net, 10_000), "partid": 1, **base})
    wait_until(lambda: "HTLC set contains 1 HTLCs" in net.sim.log("seller"), "the first part")
    net.control("sim-crash", {"node": "seller"})
    net.control("sim-start", {"node": "seller"})
    net.call("buyer", "sendpay", {"route": hop_chain(net, 10_000), "partid": 2, **base})
    assert net.call("buyer", "waitsendpay", {"payment_hash": made["payment_hash"], "partid": 1, "groupid": 1})["status"] == "complete"


def test_a_payer_that_crashes_knows_of_its_payment_afterwards(start):
    net = market(start)
    made = invoice(net)
    hold = net.control("sim-hold", {"point": "htlc-add", "node": "seller"})["hold"]
    net.sim.connect("buyer").send("xpay", {"invstring": made["bolt11"]})
    net.control("sim-await", {"hold": hold})
    net.control("sim-crash", {"node": "buyer"})
    net.control("sim-release", {"hold": hold})
    net.control("sim-start", {"node": "buyer"})
    (row,) = wait_until(lambda: [row for row in net.call("buyer", "listsendpays", {"payment_hash": made["payment_hash"]})["payments"] if row["status"] == "complete"], "the settlement")
    assert net.call("buyer", "pay", {"bolt11": made["bolt11"]})["payment_preimage"] == row["payment_preimage"]


def test_a_hook_that_never_answers_costs_the_channel(start):
    net = market(start, plugins={"seller": ["recorder"]}, answers={"recorder": {"htlc_accepted": {"silent": True}}})
    connection = net.sim.connect("buyer")
    connection.send("xpay", {"invstring": invoice(net)["bolt11"], "retry_for": 0})
    wait_until(lambda: net.messages("recorder", "htlc_accepted"), "the hook call")
    net.control("sim-mine", {"blocks": 30})
    assert "error" in connection.receive()
    assert net.call("router", "listpeerchannels")["channels"][1]["state"] == "AWAITING_UNILATERAL"
    wait_until(lambda: len(net.messages("recorder", "block_added")) == 30, "the thirtieth block")


def test_a_stopped_node_tells_its_plugins_and_comes_back(start):
    net = market(start, plugins={"seller": ["recorder"]})
    net.control("sim-stop", {"node": "seller"})
    assert net.messages("recorder")[-1]["method"] == "shutdown"
    assert refused(net, "buyer", "xpay", {"invstring": "x"})["code"] == -32602
    net.control("sim-start", {"node": "seller"})
    assert net.call("seller", "getinfo")["alias"] == "seller"


def test_the_end_of_the_simulator_leaves_no_process_and_no_socket(start):
    net = market(start, plugins={"seller": ["recorder"]})
    (pid,) = [plugin["pid"] for node in net.control("sim-nodes")["nodes"] for plugin in node["plugins"]]
    sockets = [node["rpc"] for node in net.nodes.values()]
    net.sim.process.send_signal(signal.SIGTERM)
    assert net.sim.process.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not any(os.path.exists(path) for path in sockets)


def test_time_goes_at_the_speed_asked_for(start):
    net = market(start, arguments=["--speed", "50"])
    before, begun = net.control("sim-stats")["now"], time.monotonic()
    time.sleep(0.3)
    passed, elapsed = net.control("sim-stats")["now"] - before, time.monotonic() - begun
    assert 40 * 0.3 < passed < 50 * elapsed + 5


def test_a_sim_ln_network_runs(start, tmp_path):
    side = lambda key, alias: {"pubkey": key * 33, "alias": alias, "max_htlc_count": 483, "max_in_flight_msat": 10**9, "min_htlc_size_msat": 1,
                               "max_htlc_size_msat": 10**9, "cltv_expiry_delta": 40, "base_fee": 1000, "fee_rate_prop": 100}
    network = {"sim_network": [
        {"scid": 1099511693313, "capacity_msat": 10**9, "node_1": side("02", "buyer"), "node_2": side("03", "router")},
        {"scid": 1099511693314, "capacity_msat": 10**9, "node_1": side("03", "router"), "node_2": side("aa", "seller")}]}
    net = start(network)
    assert net.call("buyer", "xpay", [invoice(net, 100_000_000)["bolt11"]])["amount_sent_msat"] == 100_011_000


# --- runes --------------------------------------------------------------------------------------------------------------------

RUNE_CASES = {
    "another method": ({"method": "getinfo"}, "method does not satisfy"),
    "no method": ({}, "method not present"),
    "too high a parameter": ({"method": "millrace-issue", "params": {"amount_msat": 1001}}, "pnameamountmsat"),
    "fine": ({"method": "millrace-issue", "params": {"amount_msat": 999}}, None),
}


@pytest.mark.parametrize("what", RUNE_CASES)
def test_a_rune_allows_what_its_restrictions_leave(start, what):
    asked, message = RUNE_CASES[what]
    net = market(start)
    rune = net.call("seller", "createrune", {"restrictions": [["method^millrace-"], ["pnameamountmsat!", "pnameamountmsat<1000"]]})
    assert rune["unique_id"] == "0"
    if message is None:
        assert net.call("seller", "checkrune", {"rune": rune["rune"], **asked}) == {"valid": True}
        error = refused(net, "buyer", "checkrune", {"rune": rune["rune"], **asked})
        assert error["code"] == 1501
    else:
        error = refused(net, "seller", "checkrune", {"rune": rune["rune"], **asked})
        assert error["code"] == 1502 and message in error["message"]


def test_a_rune_may_be_narrowed_by_its_holder_and_not_widened(start):
    net = market(start)
    rune = net.call("seller", "createrune", {"restrictions": "readonly"})["rune"]
    narrow = net.call("seller", "createrune", {"rune": rune, "restrictions": [["method=getinfo"]]})["rune"]
    assert net.call("seller", "checkrune", {"rune": rune, "method": "listpeers"}) == {"valid": True}
    assert refused(net, "seller", "checkrune", {"rune": rune, "method": "listdatastore"})["code"] == 1502
    assert refused(net, "seller", "checkrune", {"rune": narrow, "method": "listpeers"})["code"] == 1502
    assert net.call("seller", "checkrune", {"rune": narrow, "method": "getinfo"}) == {"valid": True}
