"""Starting, configuring, calling and stopping plugins."""

import os
import re

import pytest

from conftest import wait_until
from market import market, refused


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
