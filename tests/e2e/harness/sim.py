"""The network on simulated nodes: one millrace-sim."""

import json
import os
import signal
import subprocess
from pathlib import Path

from .network import CLTV_DELTA, FEE_BASE_MSAT, FEE_PPM, Network, Node, program
from .rpc import complete_lines, wait_for

CAPACITY_MSAT = 1_000_000_000


class SimNode(Node):
    def __init__(self, network, name, rpc_path):
        super().__init__(name, Path(rpc_path).parent)
        self.network = network

    def crash(self):
        self.network.control("sim-crash", self.name)

    def start(self):
        self.network.control("sim-start", self.name)

    def log(self):
        path = self.network.directory / self.name / "log"
        return path.read_text(errors="replace") if path.exists() else ""


class SimNetwork(Network):
    """`private`: the seller's channel is not announced. `channels`: as many between router and seller.
    The options and plugins of the nodes are by node name."""

    def __init__(self, directory, options=None, plugins=None, private=False, channels=1):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        topology = self.directory / "topology.json"
        options = {"seller": {}, **(options or {})}
        plugins = {"seller": [program("plugin")], **(plugins or {})}
        policy = {"fee_base_msat": FEE_BASE_MSAT, "fee_ppm": FEE_PPM, "cltv_delta": CLTV_DELTA, "latency_ms": 1}
        links = [("payer", "router", False, 1)] + [("router", "seller", private, channels)]
        topology.write_text(json.dumps({
            "network": "regtest",
            "seed": 1,
            "node": [{"name": name, "plugins": plugins.get(name, []), "options": {"cltv-final": 5, **options.get(name, {})}}
                     for name in ("payer", "router", "seller")],
            "channel": [{"from": start, "to": to, "capacity_msat": CAPACITY_MSAT // count, "push_msat": CAPACITY_MSAT // count // 4,
                         "private": hidden, **policy}
                        for start, to, hidden, count in links for _ in range(count)],
        }, indent=1))
        self.out, self.err = self.directory / "stdout", self.directory / "stderr"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [program("simulator"), "--topology", topology, "--dir", self.directory],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
        try:
            ready = wait_for(self._ready, "the simulated network", timeout=60)
        except AssertionError as failed:
            self.stop()
            raise AssertionError(f"{failed}\n{self.err.read_text(errors='replace')}") from None
        for name, node in ready["nodes"].items():
            setattr(self, name, SimNode(self, name, node["rpc"]))
        self.seller.wait_for_plugin()

    def _ready(self):
        assert self.process.poll() is None, "the simulator ended"
        for line in complete_lines(self.out):
            if line.startswith('{"ready"'):
                return json.loads(line)
        return None

    def control(self, command, name):
        """A control command, on the RPC of a node that it does not concern."""
        other = self.payer if name != "payer" else self.router
        return other.rpc(command, {"node": name})

    def reconnect(self):
        wait_for(lambda: all(c["peer_connected"] for c in self.router.rpc("listpeerchannels")["channels"]), "the channels")
        self.wait_payable()

    def mine(self, blocks):
        self.payer.rpc("sim-mine", {"blocks": blocks})

    def pass_time(self, seconds):
        self.payer.rpc("sim-advance", {"seconds": seconds})

    def database_rows(self, node):
        return {
            "invoices": node.rpc("listinvoices"),
            "created": node.rpc("wait", {"subsystem": "invoices", "indexname": "created", "nextvalue": 0}),
            "datastore": node.rpc("listdatastore"),
        }

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def logs(self):
        yield from (self.out, self.err)
        yield from (self.directory / node.name / "log" for node in self.nodes)
