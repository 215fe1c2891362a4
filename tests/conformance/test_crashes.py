"""Nodes that crash, stop and come back, at every step of a payment."""

import os
import signal
import time

import pytest

from conftest import wait_until
from market import hop_chain, invoice, market, refused


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

    def since_restart():
        methods = [message["method"] for message in net.messages("recorder")]
        return methods[len(methods) - methods[::-1].index("init"):]

    wait_until(lambda: "connect" in since_restart(), "the peer's return")
    restarted = since_restart()
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
