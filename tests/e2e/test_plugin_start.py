"""The plugin as a process of its own, with the test as its lightningd: how it ends where an option is wrong."""

import json
import subprocess

import pytest
from harness.network import program


def start(workplace, options):
    """What the plugin writes to its lightningd after init with these options, its stderr, and its exit code."""
    init = {
        "jsonrpc": "2.0", "id": "cln:init#2", "method": "init",
        "params": {
            "options": options,
            "configuration": {"lightning-dir": str(workplace), "rpc-file": "lightning-rpc", "network": "regtest", "startup": True, "feature_set": {}},
        },
    }
    manifest = {"jsonrpc": "2.0", "id": "cln:getmanifest#1", "method": "getmanifest", "params": {"allow-deprecated-apis": False}}
    process = subprocess.Popen([program("plugin")], cwd=workplace, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(json.dumps(manifest).encode() + b"\n\n" + json.dumps(init).encode() + b"\n\n")
    process.stdin.flush()
    try:
        # lightningd does not close the pipe: the plugin has to end by itself.
        code = process.wait(20)
    finally:
        process.kill()
    said = [json.loads(message) for message in process.stdout.read().decode().split("\n\n") if message.strip()]
    return said, process.stderr.read().decode(), code


@pytest.mark.parametrize("option, value, expected", [
    ("millrace-challenge-expiry", 10, "must be from 90 to 604800 seconds"),
    ("millrace-challenge-expiry", 604801, "must be from 90 to 604800 seconds"),
    ("millrace-challenges-per-second", 0, "must be from 1 to 1000000 challenges"),
    ("millrace-challenges-per-second", -1, "must be from 1 to 1000000 challenges"),
    ("millrace-refund-daily-msat", -1, "must be from 0 to 2100000000000000000 millisatoshi"),
    ("millrace-refund-max-fee-msat", 2100000000000000001, "must be from 0 to 2100000000000000000 millisatoshi"),
    ("millrace-refund-max-fee-ppm", 1000001, "must be from 0 to 1000000 millionths"),
    ("millrace-socket", "", "must be the path of a socket"),
])
def test_case_n2_a_wrong_option_ends_the_plugin_before_it_answers_init(workplace, option, value, expected):
    workplace.mkdir(exist_ok=True)
    said, stderr, code = start(workplace, {option: value})
    assert code not in (0, None)
    text = f"{option}={value}: {expected}"
    assert text in stderr
    assert [message["id"] for message in said if "id" in message] == ["cln:getmanifest#1"]
    logged = [message["params"] for message in said if message.get("method") == "log"]
    assert len(logged) == 1 and logged[0]["level"] in ("broken", "error") and text in logged[0]["message"]


def test_case_n2_every_option_is_known_with_its_default(workplace):
    workplace.mkdir(exist_ok=True)
    said, _, _ = start(workplace, {"millrace-challenge-expiry": 1})
    options = {option["name"]: option for option in said[0]["result"]["options"]}
    assert len(options) == 6
    for option in options.values():
        assert f"(default: {option['default']})" in option["description"]
        assert option.get("dynamic", False) == (option["name"] != "millrace-socket")
