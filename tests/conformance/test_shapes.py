"""Every recorded answer and message of a real v26.06.6 against the simulator's own, by shape, error code and message."""

import json
import re

import pytest

from rpc import RpcError
from scenario import Story
from shapes import differences, message_pattern

# Recordings of commands that the simulator does not have: they must be refused as unknown, not answered with something else.
NOT_SIMULATED = {
    "askrene-create-layer": "route finding for rebalancing",
    "askrene-listlayers": "route finding for rebalancing",
    "getroutes": "route finding for rebalancing",
    "getroutes-error": "route finding for rebalancing",
    "bkpr-listincome": "bookkeeping",
    "sql": "queries over lightningd's tables",
}

# Recordings whose answer does not depend on the node: the simulator's is the same to the byte.
EXACT = {"help-one", "datastore", "listdatastore", "missing-param-error", "unknown-command-error", "setchannel-unknown-error", "listclosedchannels"}


@pytest.fixture(scope="module")
def story():
    told = Story()
    yield told
    told.net.stop()


def recording(transcripts, folder, name):
    path = transcripts / folder / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no recording {path}")
    return json.loads(path.read_text())


RPC_NAMES = [
    "createinvoice", "createinvoice-duplicate-error", "datastore", "delinvoice", "delpay", "feerates", "getinfo", "help-one", "invoice",
    "invoice-duplicate-label-error", "listchannels", "listclosedchannels", "listdatastore", "listforwards", "listforwards-paged",
    "listfunds", "listinvoices-by-hash", "listinvoices-paid", "listnodes", "listpeerchannels", "listpeers", "listsendpays",
    "listsendpays-all-limit", "makesecret", "missing-param-error", "pay", "plugin-list", "sendpay-circular", "sendpay-fee-insufficient",
    "sendpay-no-liquidity", "sendpay-unknown-hash", "setchannel", "setchannel-unknown-error", "signinvoice", "unknown-command-error",
    "wait-forwards", "wait-invoices", "waitsendpay-fee-insufficient-error", "waitsendpay-no-liquidity-error", "waitsendpay-success",
    "waitsendpay-timeout-error", "waitsendpay-unknown-hash-error", "xpay", "xpay-no-route-error",
]


@pytest.mark.parametrize("name", RPC_NAMES)
def test_an_answer_has_the_shape_of_a_real_one(story, transcripts, name):
    real = recording(transcripts, "rpc", name)["response"]
    simulated = story.answers[name]
    if "error" in real:
        assert "error" in simulated, f"a real node refuses: {real['error']}"
        assert simulated["error"]["code"] == real["error"]["code"]
        assert re.match(message_pattern(real["error"]["message"]), simulated["error"]["message"]), simulated["error"]["message"]
    else:
        assert "result" in simulated, f"refused: {simulated.get('error')}"
    if name in EXACT:
        assert simulated == real
    else:
        member = "error" if "error" in real else "result"
        assert differences(real[member], simulated[member]) == []


def test_an_invoice_is_decoded_exactly_as_a_real_node_decodes_it(story, transcripts):
    real = recording(transcripts, "rpc", "decode-bolt11")
    assert story.net.call("node1", "decode", real["request"]["params"]) == real["response"]["result"]


@pytest.mark.parametrize("name", NOT_SIMULATED)
def test_a_command_that_is_not_simulated_is_refused_as_unknown(story, transcripts, name):
    method = recording(transcripts, "rpc", name)["request"]["method"]
    with pytest.raises(RpcError) as refused:
        story.net.call("node1", method, {})
    assert refused.value.error["code"] == -32601


def test_every_recording_is_accounted_for(transcripts):
    recorded = {path.stem for path in (transcripts / "rpc").glob("*.json")}
    assert recorded - set(RPC_NAMES) - set(NOT_SIMULATED) == {"decode-bolt11"}


def first(messages, method, **wanted):
    """The first message whose payload holds these members."""
    for message in messages:
        payload = message.get("params", {}).get(method, message.get("params", {}))
        if message["method"] == method and all(payload.get(key) == value for key, value in wanted.items()):
            return message
    raise AssertionError(f"no {method} message with {wanted}")


PLUGIN_MESSAGES = {
    "block_added": lambda seen: first(seen, "block_added"),
    "coin_movement": lambda seen: first(seen, "coin_movement", primary_tag="invoice"),
    "connect": lambda seen: first(seen, "connect", direction="in"),
    "disconnect": lambda seen: first(seen, "disconnect"),
    "forward_event-failed": lambda seen: first(seen, "forward_event", status="failed"),
    "forward_event-offered": lambda seen: first(seen, "forward_event", status="offered"),
    "forward_event-settled": lambda seen: first(seen, "forward_event", status="settled"),
    "getmanifest": lambda seen: first(seen, "getmanifest"),
    "htlc_accepted-final": lambda seen: next(m for m in seen if m["method"] == "htlc_accepted" and "payment_secret" in m["params"]["onion"]),
    "htlc_accepted-forward": lambda seen: next(m for m in seen if m["method"] == "htlc_accepted" and "forward_to" in m["params"]),
    "init": lambda seen: first(seen, "init"),
    "invoice_creation": lambda seen: first(seen, "invoice_creation"),
    "invoice_payment": lambda seen: first(seen, "invoice_payment"),
    "shutdown": lambda seen: first(seen, "shutdown"),
}


@pytest.mark.parametrize("name", PLUGIN_MESSAGES)
def test_a_message_to_a_plugin_has_the_shape_of_a_real_one(story, transcripts, name):
    assert differences(recording(transcripts, "plugin", name), PLUGIN_MESSAGES[name](story.messages)) == []


def test_every_recorded_message_is_accounted_for(transcripts):
    assert {path.stem for path in (transcripts / "plugin").glob("*.json")} == set(PLUGIN_MESSAGES)


def test_a_payload_has_its_length_in_front_and_an_onion_its_size(story):
    for message in story.messages:
        if message["method"] != "htlc_accepted":
            continue
        onion, htlc = message["params"]["onion"], message["params"]["htlc"]
        payload = bytes.fromhex(onion["payload"])
        assert payload[0] == len(payload) - 1
        assert len(onion["next_onion"]) == 2 * 1366
        assert onion["next_onion"][:4] in ("0002", "0003")
        assert len(onion["shared_secret"]) == 64
        assert htlc["cltv_expiry_relative"] == htlc["cltv_expiry"] - 108
