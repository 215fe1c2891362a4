"""What an operator sees of the plugin on any node, simulated or real: options, answers, and that nothing is sold which nobody can
pay. tests/e2e and tests/node both run this file; each brings its own `make_network`."""

import json
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from harness.gateway import Gateway
from harness.network import UNKNOWN_DETAILS, hex64, now, program
from harness.rpc import RpcError, read_json, wait_for
from harness.service import Service, Upstream
from whole_path import path  # noqa: F401

WRONG = [
    ("millrace-challenge-expiry", 10, "must be from 90 to 604800 seconds"),
    ("millrace-challenge-expiry", -90, "must be from 90 to 604800 seconds"),
    ("millrace-challenges-per-second", 0, "must be from 1 to 1000000 challenges"),
    ("millrace-refund-daily-msat", -1, "must be from 0 to 2100000000000000000 millisatoshi"),
    ("millrace-refund-max-fee-ppm", 1000001, "must be from 0 to 1000000 millionths"),
]


def start(node, **options):
    return node.rpc("plugin", {"subcommand": "start", "plugin": program("plugin"), **{name.replace("_", "-"): value for name, value in options.items()}})


def raw_call(node, text):
    """The whole answer to the bytes of a request."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(node.rpc.path)
        connection.sendall(text.encode())
        return read_json(connection, "raw call")


# -- options --------------------------------------------------------------------------------------------------------------


def test_case_n2_a_wrong_option_is_told_with_value_and_range_and_the_node_lives_on(make_network):
    network = make_network()
    node = network.router  # which has no plugin
    for option, value, expected in WRONG:
        with pytest.raises(RpcError):
            start(node, **{option: value})
        wait_for(lambda: f"{option}={value}: {expected}" in node.log(), f"the log to say {option}={value}: {expected}")
        assert not node.has_plugin()
    assert node.rpc("getinfo")["id"] == node.id
    start(node, **{"millrace-challenge-expiry": 120})
    node.wait_for_plugin()
    issued = node.challenge(1000)
    assert issued["expires_at"] - now() <= 120


def test_case_n9_a_socket_without_a_folder_is_told_in_the_answer_and_the_status(make_network, workplace):
    network = make_network()
    node, folder = network.router, workplace / "later"
    with pytest.raises(RpcError) as refused:
        start(node, **{"millrace-socket": str(folder / "m.sock")})
    assert "millrace-socket" in str(refused.value) and "No such file or directory" in str(refused.value)
    wait_for(lambda: not node.has_plugin(), "the plugin's end")
    folder.mkdir()
    start(node, **{"millrace-socket": str(folder / "m.sock")})
    assert node.wait_for_plugin()["gateway"] == {"socket": str(folder / "m.sock"), "listening": True, "clients": []}


def test_case_n9_a_node_that_starts_without_the_folder_sells_once_it_is_there(make_network, workplace):
    folder = workplace / "later"
    network = make_network(options={"seller": {"millrace-socket": str(folder / "m.sock")}})
    gateway = network.seller.rpc("millrace-status")["gateway"]
    assert not gateway["listening"]
    assert "No such file or directory" in gateway["error"]
    folder.mkdir()
    wait_for(lambda: network.seller.rpc("millrace-status")["gateway"] == {"socket": str(folder / "m.sock"), "listening": True, "clients": []}, "the socket")


def test_case_n10_options_change_by_setconfig_and_a_wrong_value_is_refused(make_network):
    seller = make_network().seller
    for option, value, expected in WRONG:
        with pytest.raises(RpcError) as refused:
            seller.rpc("setconfig", {"config": option, "val": value, "transient": True})
        assert f"{option}={value}: {expected}" in refused.value.message
        with pytest.raises(RpcError):
            seller.rpc("check", {"command_to_check": "setconfig", "config": option, "val": value})
    seller.rpc("check", {"command_to_check": "setconfig", "config": "millrace-challenge-expiry", "val": 100})
    assert seller.challenge(1000)["expires_at"] - now() > 500
    seller.rpc("setconfig", {"config": "millrace-challenge-expiry", "val": 100, "transient": True})
    assert seller.challenge(1000)["expires_at"] - now() <= 100
    seller.rpc("setconfig", {"config": "millrace-challenges-per-second", "val": 3, "transient": True})
    with pytest.raises(RpcError) as limited:
        for _ in range(20):
            seller.challenge(1000)
    assert limited.value.code == 4020 and "millrace-challenges-per-second=3" in limited.value.message
    with pytest.raises(RpcError):
        seller.rpc("setconfig", {"config": "millrace-socket", "val": "elsewhere.sock", "transient": True})


# -- what the commands answer ---------------------------------------------------------------------------------------------


def test_case_n10_a_filter_keeps_what_lightningd_would_keep(make_network):
    seller = make_network().seller
    call = lambda method, params, kept: raw_call(seller, json.dumps({"jsonrpc": "2.0", "id": "f", "method": method, "params": params, "filter": kept}))
    assert call("millrace-status", {}, {"gateway": {"listening": True}})["result"] == {"gateway": {"listening": True}}
    assert call("millrace-issue", {"amount_msat": 1000}, {"amount_msat": True})["result"] == {"amount_msat": 1000}
    assert call("millrace-status", {}, {"gateway": {"clients": [{"client": True}]}})["result"] == {"gateway": {"clients": []}}
    assert call("millrace-status", {}, {"version": False})["error"]["code"] == -32602


def test_case_n10_figures_are_plain_decimals(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    network.payer.pay(challenge["bolt11"])
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(network.seller.rpc.path)
        connection.sendall(b'{"jsonrpc":"2.0","id":"p","method":"millrace-status","params":{}}')
        said = b""
        while b"current_epoch" not in said:
            said += connection.recv(65536)
    latency = said[said.index(b'"hook_latency"'):said.index(b'"settlements"')]
    assert b"E" not in latency and b"e+" not in latency, latency


def test_case_n10_control_characters_in_a_description_are_refused(make_network):
    seller = make_network().seller
    for text in ("a\nb", "a\tb", "\x1b[2J", "a\x7f", "a\u0085b"):
        with pytest.raises(RpcError) as refused:
            seller.challenge(1000, description=text)
        assert refused.value.code == -32602 and "control characters" in refused.value.message
    assert seller.challenge(1000, description="Wetter für München ☀")["bolt11"]


def test_case_n11_parameters_may_have_empty_lines_between_their_tokens(make_network):
    seller = make_network().seller
    answer = raw_call(seller, '{"jsonrpc":"2.0","id":"n11","method":"millrace-issue","params":{\n\n"amount_msat"\n\n:\n\n1000\n\n,\n\n"description":"x"\n\n}\n\n}')
    assert answer["result"]["amount_msat"] == 1000
    answer = raw_call(seller, '{"jsonrpc":"2.0","id":"n11","method":"millrace-issue","params":[\r\n\r\n2000\n\n]}')
    assert answer["result"]["amount_msat"] == 2000
    assert seller.rpc("millrace-status")["challenges"]["issued"] == 2


# -- the gateway ----------------------------------------------------------------------------------------------------------


def test_case_n12_connections_that_never_say_hello_lock_nobody_out(make_network):
    seller = make_network().seller
    silent = []
    for _ in range(64):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].settimeout(20)
        silent[-1].connect(str(seller.gateway))
    with Gateway(seller.gateway) as gateway:
        gateway.hello()
        assert gateway.call("issue", {"amount_msat": 1000, "service": "weather"})["result"]["amount_msat"] == 1000
        # Each is ended before long.
        for one in silent:
            assert one.recv(1) == b""
            one.close()
        assert gateway.call("keys")["result"]["current"] == 1


def test_case_n13_an_odd_id_comes_back_as_it_was_or_with_an_error(make_network):
    seller = make_network().seller
    with Gateway(seller.gateway) as gateway:
        gateway.hello()
        for raw in ("1e400", "-1E+400", '"a\\/b\\u0041"', "18446744073709551616", '""', "0"):
            gateway.stream.write('{"jsonrpc":"2.0","id":%s,"method":"keys","params":{}}\n' % raw)
            gateway.stream.flush()
            line = gateway.stream.readline()
            assert f'"id":{raw},"result"' in line
            assert json.loads(line)["result"]["current"] == 1
        for raw in ("null", "[]", "{}", "true", "NaN"):
            gateway.stream.write('{"jsonrpc":"2.0","id":%s,"method":"keys","params":{}}\n' % raw)
            gateway.stream.flush()
            answer = json.loads(gateway.stream.readline())
            assert answer["id"] is None and answer["error"]["code"] in (-32600, -32700)


# -- what was paid --------------------------------------------------------------------------------------------------------


def test_case_n4_a_paid_row_that_was_deleted_is_not_paid_again(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    network.payer.pay(challenge["bolt11"])
    label = "millrace-" + challenge["payment_hash"]
    network.seller.rpc("delinvoice", {"label": label, "status": "paid"})
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    with pytest.raises(RpcError):
        network.router.pay(challenge["bolt11"], retry_for=5)
    assert network.seller.invoice(challenge["payment_hash"]) is None
    assert network.seller.rpc("millrace-status")["challenges"]["refused"]["invoice_deleted"] >= 1
    # Nor after the node was killed.
    network.seller.crash()
    network.seller.start()
    network.seller.wait_for_plugin()
    network.reconnect()
    with pytest.raises(RpcError):
        network.router.pay(challenge["bolt11"], retry_for=5)
    assert network.seller.invoice(challenge["payment_hash"]) is None
    assert secret
    # What is new is sold on.
    fresh = network.seller.challenge(1000)
    assert hex64(network.payer.pay(fresh["bolt11"])["payment_preimage"])


def test_case_n4_an_unpaid_row_that_was_deleted_is_not_made_again(make_network):
    network = make_network()
    challenge = network.seller.challenge(600_000)
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    network.send(challenge["payment_hash"], secret, 100_000, total_msat=600_000, partid=1, groupid=1)
    wait_for(lambda: network.seller.invoice(challenge["payment_hash"]), "the row of a first part")
    network.seller.rpc("delinvoice", {"label": "millrace-" + challenge["payment_hash"], "status": "unpaid"})
    network.send(challenge["payment_hash"], secret, 100_000, total_msat=600_000, partid=2, groupid=1)
    assert network.outcome(challenge["payment_hash"], partid=2, groupid=1) == UNKNOWN_DETAILS
    assert network.seller.invoice(challenge["payment_hash"]) is None


def test_case_n5_rows_of_challenges_that_nobody_paid_in_time_are_removed(make_network):
    network = make_network()
    seller = network.seller
    seller.rpc("invoice", {"amount_msat": 1000, "label": "own", "description": "own", "expiry": 60})
    paid = seller.challenge(1000, expiry=90)
    network.payer.pay(paid["bolt11"])
    for _ in range(10):
        challenge = seller.challenge(50_000, expiry=90)
        secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
        network.send(challenge["payment_hash"], secret, 1, total_msat=50_000, partid=1, groupid=1)
    labels = lambda: sorted(row["label"] for row in seller.rpc("listinvoices")["invoices"])
    wait_for(lambda: len(labels()) == 12, "a row for each part that came")
    network.pass_time(95)
    kept = sorted(["own", "millrace-" + paid["payment_hash"]])
    wait_for(lambda: labels() == kept, lambda: f"the rows to go: {labels()}", timeout=60)
    # The time of the one that was paid is over, too; that it was paid stays.
    assert [row["payment_hash"] for row in seller.settlements()] == [paid["payment_hash"]]


def test_case_n7_sales_are_listed_without_what_others_were_paid(make_network):
    network = make_network()
    before = [network.seller.challenge(1000 + i) for i in range(2)]
    for challenge in before:
        network.payer.pay(challenge["bolt11"])
    for i in range(20):
        own = network.seller.rpc("invoice", {"amount_msat": 1000, "label": f"own {i}", "description": "own"})
        network.payer.pay(own["bolt11"])
    after = network.seller.challenge(1002)
    network.payer.pay(after["bolt11"])
    hashes = [challenge["payment_hash"] for challenge in (*before, after)]
    listed = lambda: [row["payment_hash"] for row in network.seller.settlements()]
    wait_for(lambda: listed() == hashes, "the settlements")
    # A plugin that starts again knows them, and a row that was deleted is passed over.
    network.seller.stop_plugin()
    network.seller.start_plugin()
    wait_for(lambda: listed() == hashes, "the settlements after a start")
    network.seller.rpc("delinvoice", {"label": "millrace-" + hashes[1], "status": "paid"})
    assert listed() == [hashes[0], hashes[2]]


# -- while nobody can pay -------------------------------------------------------------------------------------------------


def test_case_n3_a_node_off_line_sells_nothing_new_and_says_so(path):  # noqa: F811
    whole = path()
    service, client, seller = whole.sell(), whole.client(), whole.network.seller
    assert client.get(service.url()) == 0, client.said()
    assert seller.rpc("millrace-status")["node"]["payable"]
    assert service.metric('l402_payable{reason="offline"}') == 1
    whole.network.router.crash()
    wait_for(lambda: service.metric('l402_payable{reason="offline"}') == 0, "the gauge")
    status = seller.rpc("millrace-status")["node"]
    assert not status["payable"] and status["unpayable"] == "offline"
    refused = service.get()
    assert refused.status == 503
    assert int(refused.values("Retry-After")[0]) > 0
    assert refused.values("WWW-Authenticate") == []
    # Ready all the same: what was paid works on.
    assert service.get("/readyz", port=service.metrics_port).status == 200
    assert client.get(service.url()) == 0, client.said()
    whole.network.router.start()
    whole.network.reconnect()
    wait_for(lambda: service.get().status == 402, "challenges again")
    assert service.metric('l402_payable{reason="offline"}') == 1


def test_case_n3_a_price_above_the_inbound_capacity_is_warned_of(make_network):
    network = make_network()
    receivable = network.seller.rpc("millrace-status")["node"]["receivable_msat"]
    assert 0 < receivable < 2 << 40
    # What `invoice` says of the same amount.
    warned = lambda answer: {name: text for name, text in answer.items() if name.startswith("warning_")}
    little = network.seller.rpc("invoice", {"amount_msat": 1000, "label": "little", "description": "little"})
    assert "warning_capacity" not in little
    wait_for(lambda: warned(network.seller.challenge(1000)) == warned(little), "the plugin to know what gossip says", 60)
    challenge = network.seller.challenge(min(receivable * 2, (1 << 40) - 1))
    assert "warning_capacity" in warned(challenge)
    own = network.seller.rpc("invoice", {"amount_msat": challenge["amount_msat"], "label": "same", "description": "same"})
    assert warned(own) == warned(challenge)


# -- one socket for two nodes ---------------------------------------------------------------------------------------------


def test_case_n8_a_service_holds_on_to_its_node_when_another_takes_the_socket_over(make_network, workplace):
    place = Path(tempfile.mkdtemp(prefix="mr", dir="/tmp"))  # a short path: it is a socket's
    shared = {"millrace-socket": str(place / "m.sock")}
    network = make_network(plugins={"router": [program("plugin")]}, options={"seller": shared, "router": shared})
    network.router.wait_for_plugin()
    upstream = Upstream()
    service = Service(workplace / "shared", place / "m.sock", upstream)
    try:
        listens = lambda node: node.has_plugin() and node.rpc("millrace-status")["gateway"]["listening"]
        owner = wait_for(lambda: next((node for node in (network.seller, network.router) if listens(node)), None), "a node to have the socket")
        other = network.router if owner is network.seller else network.seller
        assert "another process serves this socket" in other.rpc("millrace-status")["gateway"]["error"]
        service.start()
        wait_for(lambda: service.get().status == 402, "the node sells, once its plugin knows its channels")
        owner.stop_plugin()
        wait_for(lambda: listens(other), "the other node to take the socket over")
        wait_for(lambda: other.id.encode() in service.get("/readyz", port=service.metrics_port).body, "the service to say so")
        refused = service.get("/readyz", port=service.metrics_port)
        assert refused.status == 503 and owner.id.encode() in refused.body
        assert service.get().status == 503
        assert other.rpc("millrace-status")["challenges"]["issued"] == 0
        other.stop_plugin()
        start(owner, **shared)
        service.wait_ready()
        assert service.get().status == 402
    finally:
        service.stop()
        upstream.stop()
        shutil.rmtree(place, ignore_errors=True)
