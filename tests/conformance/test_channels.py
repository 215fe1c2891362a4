"""Channels as their owner sees and sets them, and the rows of what went over them, page by page."""

from conftest import line, wait_until
from market import hop_chain, invoice, market, refused, send


def closed_in_the_middle():
    """Time enough for each test to interfere: messages take a while."""
    return line("buyer", "router", "seller", latency_ms=60)


def holdings(net):
    out = {}
    for channel in net.control("sim-balances")["channels"]:
        for side in channel["sides"]:
            out[side["node"]] = out.get(side["node"], 0) + side["balance_msat"] + side["in_flight_msat"]
    return out


def test_case_s1_a_forwarder_is_paid_though_the_channel_to_its_payer_was_closed(start):
    net = start(closed_in_the_middle())
    made = net.call("seller", "invoice", {"amount_msat": 100_000_000, "label": "a", "description": "d"})
    before = holdings(net)
    hold = net.control("sim-hold", {"point": "htlc-add", "node": "seller"})["hold"]
    payer = net.sim.connect("buyer")
    payer.send("xpay", {"invstring": made["bolt11"], "retry_for": 1})
    net.control("sim-await", {"hold": hold})
    net.control("sim-close", {"short_channel_id": "103x1x0"})
    net.control("sim-release", {"hold": hold})
    assert payer.receive()["result"]["successful_parts"] == 1
    after = holdings(net)
    assert after["router"] > before["router"] and after["seller"] == before["seller"] + 100_000_000
    assert net.control("sim-balances")["balanced"]
    (channel,) = net.call("buyer", "listpeerchannels")["channels"]
    assert channel["state"] == "AWAITING_UNILATERAL"
    assert [change["new_state"] for change in channel["state_changes"]] == ["CHANNELD_NORMAL", "AWAITING_UNILATERAL"]


def test_case_s3_pages_by_update_show_every_row_in_the_order_in_which_they_ended(start):
    net = market(start)
    holds = []
    for amount in (10_000, 20_000, 30_000):
        holds.append(net.control("sim-hold", {"point": "htlc-remove", "node": "seller", "count": 1})["hold"])
        net.call("buyer", "sendpay", sendpay(net, invoice(net, amount), amount))
        net.control("sim-await", {"hold": holds[-1]})
    for done, number in enumerate((1, 2, 0), 1):
        net.control("sim-release", {"hold": holds[number]})
        wait_until(lambda: len(net.call("router", "listforwards", {"status": "settled"})["forwards"]) == done, "it settles")  # noqa: B023
        wait_until(lambda: len(net.call("buyer", "listsendpays", {"status": "complete"})["payments"]) == done, "it is paid")  # noqa: B023
    for node, method, name in (("router", "listforwards", "forwards"), ("buyer", "listsendpays", "payments")):
        seen, start_at = [], 1
        while page := net.call(node, method, {"index": "updated", "start": start_at, "limit": 1})[name]:
            seen.append(page[0])
            start_at = page[0]["updated_index"] + 1
        assert [row["created_index"] for row in seen] == [2, 3, 1], method
        assert len(net.call(node, method, {"index": "created", "start": 2, "limit": 1})[name]) == 1
        assert "should be 'created' or 'updated'" in refused(net, node, method, {"index": "deleted"})["message"]


def sendpay(net, made, amount):
    decoded = net.call("seller", "decode", {"string": made["bolt11"]})
    return {"route": hop_chain(net, amount), "payment_hash": made["payment_hash"], "payment_secret": decoded["payment_secret"], "bolt11": made["bolt11"]}


def test_case_s4_setchannel_refuses_caps_and_grants_time_as_lightningd_does(start):
    net = market(start)
    channel = {"id": "103x2x0"}
    error = refused(net, "router", "setchannel", {**channel, "feebase": 5_000_000_000})
    assert (error["code"], error["message"]) == (-32602, "feebase: exceeds u32 max: invalid token '5000000000'")
    error = refused(net, "router", "setchannel", {**channel, "htlcmin": 2, "htlcmax": 1})
    assert (error["code"], error["message"]) == (-1, "htlcmax cannot be less than htlcmin")
    (capped,) = net.call("router", "setchannel", {**channel, "htlcmax": 5_000_000_000})["channels"]
    assert capped["maximum_htlc_out_msat"] == 990_000_000 and capped["warning_htlcmax_too_high"]
    (set_,) = net.call("router", "setchannel", {**channel, "feebase": 4_294_967_295, "ignorefeelimits": False})["channels"]
    assert (set_["fee_base_msat"], set_["ignore_fee_limits"]) == (4_294_967_295, False) and "warning_htlcmax_too_high" not in set_
    # The payer has not heard of it: the fee of before is good for ten minutes, or as long as the owner says.
    assert send(net, invoice(net))["status"] == "complete"
    net.call("router", "setchannel", {**channel, "feebase": 5000})
    net.call("router", "setchannel", {**channel, "feebase": 6000, "enforcedelay": 0})
    made = invoice(net)
    net.call("buyer", "sendpay", sendpay(net, made, 10_000))
    failed = refused(net, "buyer", "waitsendpay", {"payment_hash": made["payment_hash"], "timeout": 10})
    assert failed["data"]["failcodename"] == "WIRE_FEE_INSUFFICIENT"


def test_case_s5_a_node_pays_more_than_its_own_channels_maximum(start):
    net = market(start)
    net.call("buyer", "setchannel", {"id": "103x1x0", "htlcmax": 5000, "htlcmin": 4000})
    assert send(net, invoice(net))["status"] == "complete"
    net.call("router", "setchannel", {"id": "103x2x0", "htlcmax": 5000, "enforcedelay": 0})
    made = invoice(net)
    net.call("buyer", "sendpay", sendpay(net, made, 10_000))
    failed = refused(net, "buyer", "waitsendpay", {"payment_hash": made["payment_hash"], "timeout": 10})
    assert failed["data"]["failcodename"] == "WIRE_TEMPORARY_CHANNEL_FAILURE"


def test_case_s6_the_fuller_of_two_equal_channels_carries_what_was_sent_to_the_empty_one(start):
    topology = line("buyer", "router", "seller")
    topology["channel"].append({"from": "router", "to": "seller", "capacity_msat": 1_000_000_000, "push_msat": 0, "scid": "103x9x0"})
    topology["channel"][1]["push_msat"] = 990_000_000
    net = start(topology)
    assert send(net, invoice(net, 50_000_000), 50_000_000)["status"] == "complete"
    (row,) = net.call("router", "listforwards")["forwards"]
    assert (row["status"], row["out_channel"]) == ("settled", "103x9x0")


def test_case_s7_fees_collected_are_those_of_settled_forwards(start):
    net = market(start)
    for amount in (10_000, 20_000):
        send(net, invoice(net, amount), amount)
    rows = net.call("router", "listforwards")["forwards"]
    assert net.call("router", "getinfo")["fees_collected_msat"] == sum(row["fee_msat"] for row in rows) > 0


def test_case_s10_a_channels_times_say_when_it_happened(start):
    net = market(start)
    times = lambda: [(channel["last_stable_connection"], channel["state_changes"][0]["timestamp"]) for channel in net.call("router", "listpeerchannels")["channels"]]  # noqa: E731
    first = times()
    net.control("sim-advance", {"seconds": 30})
    assert times() == first
    # Once a connection has held for a minute it was stable then.
    net.control("sim-advance", {"seconds": 100})
    later = times()
    assert [change for _, change in later] == [change for _, change in first]
    assert all(0 < after - before <= 130 for (after, _), (before, _) in zip(later, first))
    net.control("sim-advance", {"seconds": 1000})
    assert times() == later
