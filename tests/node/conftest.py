"""The scenarios of tests/e2e on real nodes, through pyln-testing: bitcoind and three lightningd a test."""

import hashlib
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

# Without the Rust plugins pyln-testing must not ask lightningd for a gRPC port.
os.environ.setdefault("TEST_NETWORK", "regtest")
os.environ.setdefault("VALGRIND", "0")
if shutil.which("lightningd"):
    installed = Path(shutil.which("lightningd")).resolve().parent.parent / "libexec" / "c-lightning" / "plugins"
    if not (installed / "cln-grpc").exists():
        os.environ.setdefault("RUST", "0")

pytest.register_assert_rewrite("scenarios", "whole_path", "invoice_path", "payment_path", "refund_path", "session_path", "operator_path", "harness")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from pyln.testing.fixtures import *  # noqa: E402,F401,F403
from harness.network import CLTV_DELTA, FEE_BASE_MSAT, FEE_PPM, Network, Node, now, program  # noqa: E402
from harness.rpc import wait_for  # noqa: E402
from harness.secrets import secrets_of  # noqa: E402

# What lightningd says of a hook plugin that was killed or stopped with an HTLC in its hands, and of nodes that were killed; and
# what the plugin says of an option that is wrong.
EXPECTED_BROKEN = r"Plugin died from|plugin-millrace: Killing plugin|plugin-millrace: millrace does not run|hold-(before|after)|bookkeeper"


def pytest_configure(config):
    config.addinivalue_line("markers", "service: exercises millraced")


class RealNode(Node):
    def __init__(self, name, lightning):
        super().__init__(name, Path(lightning.daemon.lightning_dir) / "regtest")
        self.lightning = lightning

    def crash(self):
        self.lightning.daemon.kill()

    def start(self):
        self.lightning.start()

    def forget_failures(self):
        self.rpc("askrene-age", {"layer": "xpay", "cutoff": now() + 1})

    def log(self):
        return (Path(self.lightning.daemon.lightning_dir) / "log").read_text(errors="replace")


class RealNetwork(Network):
    def __init__(self, node_factory, bitcoind, options=None, plugins=None, private=False):
        self.bitcoind = bitcoind
        plugins = {"seller": [program("plugin")], **(plugins or {})}
        settings = []
        for name in ("payer", "router", "seller"):
            node = {
                "may_reconnect": True,
                "broken_log": EXPECTED_BROKEN,
                "allow_warning": True,
                "fee-base": FEE_BASE_MSAT,
                "fee-per-satoshi": FEE_PPM,
                "cltv-delta": CLTV_DELTA,
                **(options or {}).get(name, {}),
            }
            if plugins.get(name):
                node["plugin"] = plugins[name]
            settings.append(node)
        if not private:
            nodes = node_factory.line_graph(3, wait_for_announce=True, opts=settings)
        else:
            nodes = node_factory.get_nodes(3, opts=settings)
            node_factory.join_nodes(nodes[:2], wait_for_announce=True)
            node_factory.join_nodes(nodes[1:], announce_channels=False)
        self.payer, self.router, self.seller = (RealNode(name, node) for name, node in zip(("payer", "router", "seller"), nodes))
        # The router can pay too, and the seller's side of a channel is not empty.
        self.seller.wait_for_plugin()
        self.router.lightning.rpc.xpay(self.seller.lightning.rpc.invoice(100_000_000, "balance", "balance")["bolt11"])
        self.seller.rpc("delinvoice", {"label": "balance", "status": "paid"})

    def reconnect(self):
        for near, far in ((self.router, self.payer), (self.router, self.seller)):
            def connected():
                try:
                    near.lightning.rpc.connect(far.id, "localhost", far.lightning.port)
                    return all(c["peer_connected"] and c["state"] == "CHANNELD_NORMAL" for c in near.rpc("listpeerchannels", {"id": far.id})["channels"])
                except Exception:  # pyln's own error types: the peer is not up yet
                    return False

            wait_for(connected, f"{near.name} to reach {far.name}")
        self.wait_payable()

    def mine(self, blocks):
        self.bitcoind.generate_block(blocks)

    def pass_time(self, seconds):
        time.sleep(seconds)

    def database_rows(self, node):
        """The tables in which an invoice would leave something, and what lightningd counts."""
        import sqlite3

        with sqlite3.connect(f"file:{node.netdir / 'lightningd.sqlite3'}?mode=ro", uri=True) as database:
            rows = {table: database.execute(f"select count(*) from {table}").fetchone()[0] for table in ("invoices", "payments", "datastore", "offers", "invoice_fallbacks")}
            rows["version"] = database.execute("select intval from vars where name = 'data_version'").fetchone()
        rows["invoices listed"] = len(node.rpc("listinvoices")["invoices"])
        return rows

    def logs(self):
        """Only what our plugin logged: lightningd's own traces are its own affair."""
        return {node.name: "\n".join(re.findall(r".*plugin-millrace.*", node.log())) for node in self.nodes}


@pytest.fixture
def test_name(request):
    """Names the directory of a test: short, since paths of unix sockets end at 107 bytes."""
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    yield f"t{digest}"


@pytest.fixture
def workplace(directory):
    path = Path(directory) / "w"
    path.mkdir()
    return path


@pytest.fixture
def secrets_of_network():
    def secrets(node):
        try:
            return secrets_of(node)
        except OSError:
            return {}

    return secrets


@pytest.fixture
def make_network(node_factory, bitcoind, secrets_of_network):
    made = []

    def make(**more):
        made.append(RealNetwork(node_factory, bitcoind, **more))
        return made[-1]

    yield make
    for network in made:
        secrets = {}
        for node in network.nodes:
            secrets.update(secrets_of_network(node))
        for name, text in network.logs().items():
            for secret, what in secrets.items():
                assert secret not in text.lower(), f"the log of {name} shows {what}"
