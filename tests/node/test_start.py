"""How a real lightningd starts with a plugin whose options are wrong: no simulated node can show that."""

import contextlib
import re

from harness.gateway import Gateway
from harness.network import program
from harness.rpc import wait_for


def log_of(node):
    with open(node.daemon.lightning_dir + "/log", errors="replace") as log:
        return log.read()


def test_case_n2_an_important_plugin_with_a_wrong_option_stops_the_node(node_factory):
    node = node_factory.get_node(
        options={"important-plugin": program("plugin"), "millrace-challenge-expiry": 10},
        start=False, may_fail=True, expect_fail=True, broken_log=".*")
    node.daemon.start(wait_for_initialized=False, stderr_redir=True)
    assert node.daemon.wait() != 0
    # Each of lightningd's own important plugins complains of the end, too.
    assert "millrace-challenge-expiry=10: must be from 90 to 604800 seconds" in log_of(node)
    assert re.search(r"\*\*BROKEN\*\* plugin-millrace: .*millrace-challenge-expiry=10", log_of(node))
    assert node.daemon.is_in_stderr("millrace-challenge-expiry=10: must be from 90 to 604800 seconds")


def test_case_n2_a_plugin_with_a_wrong_option_is_left_out_and_the_node_starts(node_factory):
    node = node_factory.get_node(options={"plugin": program("plugin"), "millrace-challenge-expiry": 10}, broken_log="plugin-millrace")
    assert re.search(r"\*\*BROKEN\*\* plugin-millrace: .*millrace-challenge-expiry=10: must be from 90 to 604800 seconds", log_of(node))
    assert not any(plugin["name"].endswith("/millrace") for plugin in node.rpc.plugin_list()["plugins"])


def test_case_n3_a_node_that_stops_gracefully_or_starts_offline_says_that_nobody_can_pay_it(make_network):
    seller = make_network().seller
    assert seller.rpc("millrace-status")["node"]["payable"]
    seller.rpc("graceful", {"timeout": 5})
    offline = lambda: seller.rpc("millrace-status")["node"].get("unpayable") == "offline"
    wait_for(offline, "the plugin to see that all peers are gone")
    with Gateway(seller.gateway) as gateway:
        gateway.hello()
        refused = gateway.call("issue", {"amount_msat": 1000, "service": "weather"})
        assert refused["error"]["code"] == 4024 and "nobody can pay it" in refused["error"]["message"]
    # An operator is warned, and gets what was asked for.
    assert "warning_offline" in seller.challenge(1000)
    seller.lightning.stop()
    seller.lightning.daemon.opts["offline"] = None
    with contextlib.suppress(KeyError):  # pyln-testing looks for the port that the node does not listen on
        seller.start()
    seller.wait_for_plugin()
    wait_for(offline, "the plugin to see that the node is off line")
