"""Fixtures: the built simulator, the recordings of real nodes, and networks that tests share or have for themselves."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from rpc import Simulator

HERE = Path(__file__).resolve().parent
RECORDER = HERE / "recorder.py"


def binary():
    path = os.environ.get("MILLRACE_SIMULATOR")
    assert path, "MILLRACE_SIMULATOR must name the built millrace-sim; run tests/run"
    return path


@pytest.fixture(scope="session")
def transcripts():
    folder = Path(os.environ.get("MILLRACE_TRANSCRIPTS", HERE.parents[2] / "shared" / "node-transcripts"))
    if not folder.is_dir():
        pytest.skip(f"no recordings of real nodes at {folder}: nothing to hold the simulator against")
    return folder


class Net:
    """A simulator in a directory of its own. `plugins` maps a node to names; each is a copy of the recorder under that name."""

    def __init__(self, topology, plugins=None, manifests=None, answers=None, arguments=(), ready=True):
        program = binary()
        # Unix sockets have short paths: no pytest directory.
        self.directory = Path(tempfile.mkdtemp(prefix="sim-"))
        self.plugin_nodes = {}
        arguments = list(arguments)
        for node, names in (plugins or {}).items():
            home = self.directory / node / topology.get("network", "regtest")
            home.mkdir(parents=True)
            for name in names:
                path = self.directory / f"{name}.py"
                shutil.copy(RECORDER, path)
                self.plugin_nodes[name] = node
                arguments += ["--plugin", f"{node}={path}"]
                (home / f"{name}.manifest").write_text(json.dumps((manifests or {}).get(name, {})))
                (home / f"{name}.answers").write_text(json.dumps((answers or {}).get(name, {})))
        self.topology = topology
        self.sim = Simulator(program, topology, str(self.directory), arguments, ready)
        self.call = self.sim.call
        self.control = self.sim.control
        self.nodes = self.sim.nodes

    def home(self, node):
        return self.directory / node / self.topology.get("network", "regtest")

    def answer(self, plugin, answers):
        (self.home(self.plugin_nodes[plugin]) / f"{plugin}.answers").write_text(json.dumps(answers))

    def messages(self, plugin, method=None):
        path = self.home(self.plugin_nodes[plugin]) / f"{plugin}.log"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        lines = [line for line in lines if line.endswith("\n")]  # the last one may still be being written
        seen = [json.loads(line) for line in lines]
        return [message for message in seen if method is None or message["method"] == method]

    def node_id(self, node):
        return self.nodes[node]["id"]

    def stop(self):
        try:
            return self.sim.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture
def start():
    """Starts networks that end with the test."""
    running = []

    def begin(*arguments, **named):
        net = Net(*arguments, **named)
        running.append(net)
        return net

    yield begin
    for net in running:
        net.stop()


TEN_MILLION_SAT = 10_000_000_000


def triangle():
    """The recorded nodes' network: three nodes, three channels of 10,000,000 sat, each opened by the first named.
    Messages take a little, so that a caller can be waiting when an answer comes."""
    wide = {"capacity_msat": TEN_MILLION_SAT, "latency_ms": 15}
    return {
        "node": [{"name": name} for name in ("node1", "node2", "node3")],
        "channel": [
            {"from": "node2", "to": "node3", **wide, "scid": "103x1x0"},
            {"from": "node3", "to": "node1", **wide, "scid": "103x2x0"},
            {"from": "node1", "to": "node2", **wide, "scid": "103x3x0"},
        ],
    }


def line(*names, capacity=1_000_000_000, push=0, **channel):
    """Nodes in a row."""
    return {
        "node": [{"name": name} for name in names],
        "channel": [{"from": left, "to": right, "capacity_msat": capacity, "push_msat": push, **channel}
                    for left, right in zip(names, names[1:])],
    }


def wait_until(condition, what, seconds=10):
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {seconds} s")
