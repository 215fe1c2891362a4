"""What the plugin must do on any node, simulated or real. tests/e2e and tests/node both run this file; each brings its own
`make_network`, which makes a payer - router - seller network with the plugin in the seller's node."""

import json
import os
import time

import pytest
from harness.gateway import Gateway
from harness.network import FEE_BASE_MSAT, PLUGINS, UNKNOWN_DETAILS, hex64, now, program
from harness.rpc import Background, RpcError, wait_for
from harness.secrets import InvoiceKeys

HOLD_BEFORE = {"plugins": {"seller": [str(PLUGINS / "hold-before"), program("plugin")]}}
HOLD_AFTER = {"plugins": {"seller": [program("plugin"), str(PLUGINS / "hold-after")]}}


def settled_once(network, challenge, amount_msat=1000):
    """The seller was paid for the challenge, once, and says so everywhere."""
    rows = [s for s in network.seller.settlements() if s["payment_hash"] == challenge["payment_hash"]]
    assert len(rows) == 1
    row = rows[0]
    assert row["label"] == "millrace-" + challenge["payment_hash"]
    assert row["amount_msat"] == amount_msat
    assert row["amount_received_msat"] >= amount_msat
    assert row["service"] == "weather"
    assert network.seller.invoice(challenge["payment_hash"])["status"] == "paid"
    return row


# -- paying ---------------------------------------------------------------------------------------------------------------


def test_a_single_part_payment_settles_and_its_token_is_good(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    assert hex64(challenge["payment_hash"])
    assert challenge["amount_msat"] == 1000
    assert [line.split(" ")[0] for line in challenge["www_authenticate"]] == ["LSAT", "L402"]
    assert network.seller.invoice(challenge["payment_hash"]) is None

    paid = network.payer.pay(challenge["bolt11"])
    assert paid["amount_msat"] == 1000
    assert paid["amount_sent_msat"] == 1000 + FEE_BASE_MSAT
    row = settled_once(network, challenge)
    assert row["description"] == "today's forecast"
    assert abs(row["settled_at"] - now()) < 60

    # What was materialised is, to the byte, what was handed out.
    assert network.seller.invoice(challenge["payment_hash"])["bolt11"] == challenge["bolt11"]
    verdict = network.seller.verify(challenge, paid["payment_preimage"])
    assert verdict["valid"] and verdict["settled"]
    assert verdict["payment_hash"] == challenge["payment_hash"]
    assert verdict["caveats"] == ["weather_max_price_msat=1000", "services=weather:0"]
    assert verdict["grant"] == {"service": "weather", "tier": 0, "max_price_msat": 1000, "credit_msat": 1000}
    assert network.seller.verify(challenge, paid["payment_preimage"], "maps")["reason"] == "wrong_scope"
    assert network.seller.verify(challenge, "00" * 32)["reason"] == "bad_preimage"

    status = network.seller.rpc("millrace-status")
    assert status["challenges"]["issued"] == 1
    assert status["challenges"]["accepted"] == 1


def test_the_node_reads_the_invoice_as_it_was_asked_for(make_network):
    network = make_network()
    before = now()
    challenge = network.seller.challenge(12345, expiry=300)
    decoded = network.payer.rpc("decode", {"string": challenge["bolt11"]})
    assert decoded["valid"]
    assert decoded["payee"] == network.seller.id
    assert decoded["amount_msat"] == 12345
    assert decoded["description"] == "today's forecast"
    assert decoded["payment_hash"] == challenge["payment_hash"]
    assert decoded["expiry"] == 300
    assert before <= decoded["created_at"] <= now()
    assert challenge["expires_at"] == decoded["created_at"] + 300


def test_a_payment_in_parts_settles_once(make_network):
    network = make_network()
    challenge = network.seller.challenge(900_000)
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    parts = (200_000, 300_000, 400_000)
    for number, amount in enumerate(parts, start=1):
        network.send(challenge["payment_hash"], secret, amount, total_msat=sum(parts), partid=number, groupid=1)
    for number in range(1, len(parts) + 1):
        assert hex64(network.outcome(challenge["payment_hash"], partid=number, groupid=1))
    settled_once(network, challenge, 900_000)


def test_parts_that_arrive_at_once_make_one_invoice(make_network):
    network = make_network(**HOLD_BEFORE)
    challenge = network.seller.challenge(600_000)
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    network.seller.hold("hold-before")
    for number in range(1, 7):
        network.send(challenge["payment_hash"], secret, 100_000, total_msat=600_000, partid=number, groupid=1)
    network.seller.wait_held("hold-before", 6)
    network.seller.release("hold-before")
    for number in range(1, 7):
        assert hex64(network.outcome(challenge["payment_hash"], partid=number, groupid=1))
    settled_once(network, challenge, 600_000)


def test_many_payments_at_once_settle_each(make_network):
    network = make_network()
    challenges = [network.seller.challenge(1000 + i) for i in range(20)]
    running = [Background(network.payer.pay, challenge["bolt11"]) for challenge in challenges]
    for i, (challenge, payment) in enumerate(zip(challenges, running)):
        preimage = payment.result(90)["payment_preimage"]
        assert network.seller.verify(challenge, preimage)["settled"]
        settled_once(network, challenge, 1000 + i)


# -- refusals -------------------------------------------------------------------------------------------------------------


def test_a_wrong_secret_is_refused_and_leaves_nothing(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    network.send(challenge["payment_hash"], os.urandom(32).hex(), 1000)
    assert network.outcome(challenge["payment_hash"]) == UNKNOWN_DETAILS
    assert network.seller.invoice(challenge["payment_hash"]) is None
    # The right one still pays.
    assert hex64(network.payer.pay(challenge["bolt11"])["payment_preimage"])


def test_an_expired_challenge_is_refused(make_network):
    network = make_network()
    keys = InvoiceKeys(network.seller.rpc)
    late, secret = keys.forge(1000, now() - 5)
    network.send(late, secret, 1000)
    assert network.outcome(late) == UNKNOWN_DETAILS
    assert network.seller.invoice(late) is None
    # The forgery is a good one: only the time was wrong.
    timely, secret = keys.forge(1000, now() + 300)
    network.send(timely, secret, 1000)
    assert hex64(network.outcome(timely))


@pytest.mark.parametrize("amount", [1, 999, 2001])
def test_pitfall_23_too_little_and_too_much_are_refused(make_network, amount):
    network = make_network()
    challenge = network.seller.challenge(1000)
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    network.send(challenge["payment_hash"], secret, amount)
    assert network.outcome(challenge["payment_hash"]) == UNKNOWN_DETAILS
    assert network.seller.invoice(challenge["payment_hash"]) is None
    refused = network.seller.rpc("millrace-status")["challenges"]["refused"]
    assert refused["amount_too_low" if amount < 1000 else "amount_too_high"] == 1


def test_a_payer_may_overpay_to_twice_the_amount(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    network.send(challenge["payment_hash"], secret, 2000)
    assert hex64(network.outcome(challenge["payment_hash"]))
    assert settled_once(network, challenge)["amount_received_msat"] == 2000


def test_a_last_hop_with_too_few_blocks_is_refused(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    decoded = network.payer.rpc("decode", {"string": challenge["bolt11"]})
    # sendpay counts from the block after the tip.
    enough = decoded["min_final_cltv_expiry"] - 1
    network.send(challenge["payment_hash"], decoded["payment_secret"], 1000, final_cltv=enough - 1)
    assert network.outcome(challenge["payment_hash"]) == UNKNOWN_DETAILS
    assert network.seller.rpc("millrace-status")["challenges"]["refused"]["cltv_too_soon"] == 1
    assert network.seller.invoice(challenge["payment_hash"]) is None
    network.send(challenge["payment_hash"], decoded["payment_secret"], 1000, final_cltv=enough)
    assert hex64(network.outcome(challenge["payment_hash"]))


def test_paying_twice_moves_money_once(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    network.payer.pay(challenge["bolt11"])
    # The payer's own node refuses; another payer is refused by the seller.
    with pytest.raises(RpcError):
        network.payer.pay(challenge["bolt11"])
    with pytest.raises(RpcError):
        network.router.pay(challenge["bolt11"])
    settled_once(network, challenge)


def test_a_row_with_our_hash_under_another_label_harms_nobody(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    keys = InvoiceKeys(network.seller.rpc)
    secret = bytes.fromhex(network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"])
    network.seller.rpc("invoice", {"amount_msat": 1000, "label": "somebody else's", "description": "x", "preimage": keys.preimage(secret).hex()})
    assert network.seller.invoice(challenge["payment_hash"])["label"] == "somebody else's"
    with pytest.raises(RpcError):
        network.payer.pay(challenge["bolt11"], retry_for=5)
    assert network.seller.rpc("millrace-status")["challenges"]["refused"]["foreign_invoice"] >= 1
    assert network.seller.settlements() == []
    # The node is up, and sells on.
    other = network.seller.challenge(1000)
    network.payer.pay(other["bolt11"])
    settled_once(network, other)


def test_payment_metadata_is_stripped(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    network.send(challenge["payment_hash"], secret, 1000, payment_metadata="cafe")
    assert hex64(network.outcome(challenge["payment_hash"]))
    settled_once(network, challenge)


# -- kill -9 --------------------------------------------------------------------------------------------------------------


def crash_seller(network, plugin):
    """kill -9 of the seller's lightningd while its hook plugin holds an HTLC, which it holds no more after the restart."""
    network.seller.crash()
    network.seller.release(plugin)
    network.seller.start()
    network.seller.wait_for_plugin()
    network.reconnect()


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_payment_survives_kill_9_of_lightningd(make_network, where):
    """before: nothing is written yet; after: the invoice is made, the HTLC undecided."""
    network = make_network(**(HOLD_BEFORE if where == "before" else HOLD_AFTER))
    plugin = "hold-" + where
    challenge = network.seller.challenge(1000)
    network.seller.hold(plugin)
    payment = Background(network.payer.pay, challenge["bolt11"])
    network.seller.wait_held(plugin)
    assert (network.seller.invoice(challenge["payment_hash"]) is None) == (where == "before")
    crash_seller(network, plugin)
    preimage = payment.result(90)["payment_preimage"]
    settled_once(network, challenge)
    assert network.seller.verify(challenge, preimage)["settled"]


def test_a_settled_payment_survives_kill_9_of_lightningd(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    preimage = network.payer.pay(challenge["bolt11"])["payment_preimage"]
    before = network.seller.settlements()
    network.seller.crash()
    network.seller.start()
    network.seller.wait_for_plugin()
    network.reconnect()
    assert network.seller.settlements() == before
    assert network.seller.verify(challenge, preimage)["settled"]
    with pytest.raises(RpcError):
        network.router.pay(challenge["bolt11"], retry_for=5)
    settled_once(network, challenge)


def test_an_unpaid_challenge_survives_kill_9_of_lightningd(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    network.seller.crash()
    network.seller.start()
    network.seller.wait_for_plugin()
    network.reconnect()
    assert hex64(network.payer.pay(challenge["bolt11"])["payment_preimage"])
    settled_once(network, challenge)


def test_kill_9_of_the_plugin_before_it_saw_the_htlc_fails_the_payment_and_no_more(make_network):
    network = make_network(**HOLD_BEFORE)
    challenge = network.seller.challenge(1000)
    network.seller.hold("hold-before")
    payment = Background(network.payer.pay, challenge["bolt11"], retry_for=5)
    network.seller.wait_held("hold-before")
    network.seller.kill_plugin()
    network.seller.release("hold-before")
    with pytest.raises(RpcError):
        payment.result()
    network.seller.start_plugin()
    assert hex64(network.payer.pay(challenge["bolt11"])["payment_preimage"])
    settled_once(network, challenge)


def test_kill_9_of_the_plugin_after_it_accepted_does_not_stop_the_payment(make_network):
    network = make_network(**HOLD_AFTER)
    challenge = network.seller.challenge(1000)
    network.seller.hold("hold-after")
    payment = Background(network.payer.pay, challenge["bolt11"])
    network.seller.wait_held("hold-after")
    network.seller.kill_plugin()
    network.seller.release("hold-after")
    assert hex64(payment.result()["payment_preimage"])
    network.seller.start_plugin()
    settled_once(network, challenge)


def test_kill_9_of_the_plugin_amid_payments_loses_none_that_was_made(make_network):
    network = make_network()
    challenges = [network.seller.challenge(1000 + i) for i in range(12)]
    running = [Background(network.payer.pay, challenge["bolt11"], retry_for=5) for challenge in challenges]
    wait_for(lambda: any(payment.done() for payment in running), "a first payment")
    network.seller.kill_plugin()
    network.seller.start_plugin()
    for payment in running:
        payment.thread.join(90)
        assert payment.done()
    for i, (challenge, payment) in enumerate(zip(challenges, running)):
        if payment.error is not None:
            network.payer.pay(challenge["bolt11"])
        settled_once(network, challenge, 1000 + i)


def test_the_plugin_stopped_and_started_sells_on(make_network):
    network = make_network()
    challenge = network.seller.challenge(1000)
    network.seller.stop_plugin()
    wait_for(lambda: not network.seller.plugin_pids(program("plugin")), "the plugin's end")
    assert not network.seller.gateway.exists()
    with pytest.raises(RpcError) as gone:
        network.seller.challenge(1000)
    assert gone.value.code == -32601
    with pytest.raises(RpcError):
        network.payer.pay(challenge["bolt11"], retry_for=5)
    network.seller.start_plugin()
    assert hex64(network.payer.pay(challenge["bolt11"])["payment_preimage"])
    settled_once(network, challenge)


# -- the company of others ------------------------------------------------------------------------------------------------


def test_hook_plugins_before_and_after_see_what_they_should(make_network):
    network = make_network(plugins={"seller": [str(PLUGINS / "hold-before"), program("plugin"), str(PLUGINS / "hold-after")]})
    challenge = network.seller.challenge(1000)
    secret = network.payer.rpc("decode", {"string": challenge["bolt11"]})["payment_secret"]
    preimage = network.payer.pay(challenge["bolt11"])["payment_preimage"]
    settled_once(network, challenge)
    assert network.seller.seen("hold-before", challenge["payment_hash"]) == [secret]
    # Behind us the payload carries the secret that lightningd expects of a stored invoice.
    (seen_secret,) = network.seller.seen("hold-after", challenge["payment_hash"])
    assert seen_secret not in (secret, preimage)


def test_an_invoice_of_the_node_itself_is_left_alone(make_network):
    network = make_network()
    invoice = network.seller.rpc("invoice", {"amount_msat": 5000, "label": "own", "description": "own"})
    network.payer.pay(invoice["bolt11"])
    assert network.seller.rpc("listinvoices", {"label": "own"})["invoices"][0]["status"] == "paid"
    assert network.seller.settlements() == []


def test_forwards_that_are_not_ours_pass(make_network):
    network = make_network(plugins={"router": [program("plugin")]})
    network.router.wait_for_plugin()
    invoice = network.seller.rpc("invoice", {"amount_msat": 5000, "label": "plain", "description": "plain"})
    network.payer.pay(invoice["bolt11"])
    challenge = network.seller.challenge(1000)
    network.payer.pay(challenge["bolt11"])
    settled_once(network, challenge)
    status = network.router.rpc("millrace-status")
    assert status["hook_latency"]["count"] == 2
    assert status["challenges"]["accepted"] == 0
    assert len(network.router.rpc("listforwards", {"status": "settled"})["forwards"]) == 2


def test_a_seller_with_only_private_channels_gives_route_hints(make_network):
    network = make_network(private=True)
    # A channel can be hinted at from when its peer has told its fees, and the plugin looks no more than once in a while.
    decode = lambda challenge: network.payer.rpc("decode", {"string": challenge["bolt11"]})
    wait_for(lambda: "routes" in decode(network.seller.challenge(1000)), "an invoice with route hints")
    challenge = network.seller.challenge(1000)
    assert [[hop["pubkey"] for hop in route] for route in decode(challenge)["routes"]] == [[network.router.id]]
    network.payer.pay(challenge["bolt11"])
    settled_once(network, challenge)


# -- commands -------------------------------------------------------------------------------------------------------------


BAD_CALLS = [
    ("millrace-issue", {}),
    ("millrace-issue", {"amount_msat": 0}),
    ("millrace-issue", {"amount_msat": -5}),
    ("millrace-issue", {"amount_msat": "many"}),
    ("millrace-issue", {"amount_msat": 1 << 40}),
    ("millrace-issue", {"amount_msat": 1000, "expiry": 1}),
    ("millrace-issue", {"amount_msat": 1000, "service": "No Such Name"}),
    ("millrace-issue", {"amount_msat": 1000, "description": "x" * 640}),
    ("millrace-issue", {"amount_msat": 1000, "colour": "red"}),
    ("millrace-issue", [1000, "d", 600, "weather", "more"]),
    ("millrace-verify", {"authorization": "Bearer x"}),
    ("millrace-settlements", {"limit": 0}),
    ("millrace-retire-key", {"epoch": "one"}),
]


def test_bad_parameters_are_refused_with_a_reason(make_network):
    seller = make_network().seller
    for method, params in BAD_CALLS:
        with pytest.raises(RpcError) as refused:
            seller.rpc(method, params)
        assert refused.value.code == -32602, f"{params}: {refused.value}"
        assert refused.value.message, params
    assert seller.rpc("millrace-status")["challenges"]["issued"] == 0


def test_commands_take_positions_names_and_check(make_network):
    seller = make_network().seller
    by_position = seller.rpc("millrace-issue", [2000, "by position", 600, "weather"])
    assert seller.rpc("decode", {"string": by_position["bolt11"]})["description"] == "by position"
    assert seller.rpc("millrace-issue", {"amount_msat": "2sat"})["amount_msat"] == 2000
    assert seller.rpc("check", {"command_to_check": "millrace-issue", "amount_msat": 1000})["command_to_check"] == "millrace-issue"
    with pytest.raises(RpcError) as refused:
        seller.rpc("check", {"command_to_check": "millrace-issue", "amount_msat": "many"})
    assert refused.value.code == -32602
    with pytest.raises(RpcError) as unknown:
        seller.rpc("millrace-no-such-command")
    assert unknown.value.code == -32601
    usage = {entry["command"].split(" ")[0] for entry in seller.rpc("help")["help"]}
    assert usage >= {"millrace-" + name for name in ("issue", "verify", "settlements", "keys", "rotate-key", "retire-key", "status")}


def test_settlements_are_paged_by_pay_index(make_network):
    network = make_network()
    hashes = []
    for i in range(5):
        challenge = network.seller.challenge(1000 + i)
        network.payer.pay(challenge["bolt11"])
        hashes.append(challenge["payment_hash"])
    read, start = [], 0
    while page := network.seller.rpc("millrace-settlements", {"start": start, "limit": 2})["settlements"]:
        assert len(page) <= 2
        read += [row["payment_hash"] for row in page]
        start = page[-1]["pay_index"] + 1
    assert read == hashes


def test_a_rotated_key_verifies_on_and_a_retired_one_does_not(make_network):
    network = make_network()
    seller = network.seller
    old, unpaid = seller.challenge(1000), seller.challenge(1000)
    preimage = network.payer.pay(old["bolt11"])["payment_preimage"]
    assert seller.rpc("millrace-rotate-key")["current"] == 2
    assert seller.verify(old, preimage)["valid"]
    with pytest.raises(RpcError) as current:
        seller.rpc("millrace-retire-key", {"epoch": 2})
    assert current.value.code == 4025
    seller.rpc("millrace-retire-key", {"epoch": 1})
    assert seller.verify(old, preimage) == {**seller.verify(old, preimage), "valid": False, "reason": "unknown_key"}
    with pytest.raises(RpcError) as unknown:
        seller.rpc("millrace-retire-key", {"epoch": 1})
    assert unknown.value.code == 4022
    # A challenge whose token would be worthless is not sold.
    with pytest.raises(RpcError):
        network.payer.pay(unpaid["bolt11"], retry_for=5)
    fresh = seller.challenge(1000)
    assert seller.verify(fresh, network.payer.pay(fresh["bolt11"])["payment_preimage"])["valid"]
    # It survives a restart.
    seller.stop_plugin()
    seller.start_plugin()
    assert seller.verify(old, preimage)["reason"] == "unknown_key"
    assert seller.rpc("millrace-keys")["current"] == 2


def test_more_challenges_a_second_than_allowed_are_refused_with_a_reason(make_network):
    network = make_network(options={"seller": {"millrace-challenges-per-second": 5}})
    with pytest.raises(RpcError) as limited:
        for _ in range(50):
            network.seller.challenge(1000)
    assert limited.value.code == 4020
    assert "second" in limited.value.message
    time.sleep(1.2)
    network.seller.challenge(1000)


def test_pitfall_26_ten_thousand_unpaid_challenges_leave_the_node_as_it_was(make_network):
    network = make_network(options={"seller": {"millrace-challenges-per-second": 1_000_000}})
    # One of each before, so that whatever is made once is there.
    paid = network.seller.challenge(1000)
    network.payer.pay(paid["bolt11"])
    before = wait_for_quiet(network)
    issue_over_gateway(network.seller.gateway, 10_000)
    assert network.seller.rpc("millrace-status")["challenges"]["issued"] >= 10_001
    assert network.database_rows(network.seller) == before
    assert len(network.seller.rpc("listinvoices")["invoices"]) == 1


def wait_for_quiet(network):
    """What the node has on disk once the last payment is booked."""
    last = None
    while (rows := network.database_rows(network.seller)) != last:
        last = rows
        time.sleep(1)
    return last


def issue_over_gateway(path, count):
    with Gateway(path) as gateway:
        gateway.hello()
        hashes = set()
        for _ in range(count // 100):
            batch = gateway.call("issue", {"batch": [{"amount_msat": 1000, "service": "weather"}] * 100})["result"]["batch"]
            hashes.update(one["result"]["payment_hash"] for one in batch)
        assert len(hashes) == count


# -- the gateway socket ---------------------------------------------------------------------------------------------------


def test_pitfall_07_nobody_is_told_a_preimage_but_who_paid(make_network):
    network = make_network()
    with Gateway(network.seller.gateway) as gateway:
        gateway.hello()
        said = [gateway.call("issue", {"amount_msat": 1000, "service": "weather"})["result"], network.seller.challenge(1000)]
        shown = json.dumps([*said, network.seller.rpc("millrace-status"), network.seller.rpc("listinvoices")])
        preimages = [network.payer.pay(one["bolt11"])["payment_preimage"] for one in said]
        wait_for(lambda: len(network.seller.settlements()) == 2, "the settlements")
        shown += json.dumps([network.seller.settlements(), network.seller.rpc("millrace-status")])
    assert all(hex64(preimage) and preimage not in shown for preimage in preimages)


def test_the_gateway_is_for_the_nodes_group_and_knows_no_way_to_spend(make_network):
    network = make_network()
    assert os.stat(network.seller.gateway).st_mode & 0o777 == 0o660
    with Gateway(network.seller.gateway) as gateway:
        assert gateway.call("issue", {"amount_msat": 1000, "service": "weather"})["error"]["code"] == -32600  # hello comes first
        gateway.hello()
        for method in ("xpay", "pay", "getinfo", "makesecret", "signinvoice", "millrace-rotate-key"):
            assert gateway.call(method)["error"]["code"] == -32601, method
    assert network.payer.payments("00" * 32) == []
