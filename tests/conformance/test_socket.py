"""The RPC socket: framing, ids, errors, commands that wait, runes."""

import pytest

from conftest import wait_until
from market import hop_chain, invoice, market, refused


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
