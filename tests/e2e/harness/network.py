"""A network of three nodes in a line, payer - router - seller, with the plugin in the seller's node.

The scenarios know only what is in this file; SimNetwork (sim.py) makes it of simulated nodes, tests/node of real ones.
"""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from .rpc import RpcError, UnixRpc, complete_lines, wait_for

PLUGINS = Path(__file__).resolve().parent.parent / "plugins"
FEE_BASE_MSAT, FEE_PPM, CLTV_DELTA = 1, 10, 6  # of every channel
WEATHER = {"service": "weather", "description": "today's forecast"}


def program(name):
    """A built program, named by the environment (MILLRACE_PLUGIN, ...); tests/run sets it."""
    path = os.environ.get("MILLRACE_" + name.upper())
    assert path, f"MILLRACE_{name.upper()} must name the built program; run tests/run"
    return path


class Node:
    """One node. `netdir` is the directory of its network, where its sockets are and its plugins run."""

    def __init__(self, name, netdir):
        self.name = name
        self.netdir = Path(netdir)
        self.rpc = UnixRpc(self.netdir / "lightning-rpc")
        self._id = None

    @property
    def id(self):
        self._id = self._id or self.rpc("getinfo")["id"]
        return self._id

    @property
    def gateway(self):
        return self.netdir / "millrace.sock"

    # What differs between a simulated and a real node.
    def crash(self):
        """kill -9 of this lightningd, its plugins with it; start() brings it up again with what it had on disk."""
        raise NotImplementedError

    def start(self):
        raise NotImplementedError

    def log(self):
        """What the node logged so far, its plugins included."""
        raise NotImplementedError

    def forget_failures(self):
        """xpay remembers for an hour which channels had too little: this makes it forget. The simulator remembers nothing."""

    # -- plugins ------------------------------------------------------------------------------------------------------

    def plugin_pids(self, path):
        """The running processes of a plugin of this node."""
        name, found = os.path.basename(path), []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    arguments = (process / "cmdline").read_bytes().split(b"\0")
                    here = os.path.realpath(process / "cwd") == os.path.realpath(self.netdir)
                    if here and any(os.path.basename(argument).decode(errors="replace") == name for argument in arguments[:2]):
                        found.append(int(process.name))
        return found

    def kill_plugin(self):
        pids = self.plugin_pids(program("plugin"))
        assert pids, "the plugin does not run"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.plugin_pids(program("plugin")), "the plugin's end")
        # lightningd notices by the end of the pipe.
        wait_for(lambda: not self.has_plugin(), "the node to notice the plugin's end")

    def has_plugin(self):
        return any(p["name"].endswith("/millrace") and p["active"] for p in self.rpc("plugin", {"subcommand": "list"})["plugins"])

    def stop_plugin(self):
        self.rpc("plugin", {"subcommand": "stop", "plugin": program("plugin")})

    def start_plugin(self):
        self.rpc("plugin", {"subcommand": "start", "plugin": program("plugin")})
        self.wait_for_plugin()

    def wait_for_plugin(self):
        last = []

        def answers():
            try:
                return self.rpc("millrace-status")
            except (RpcError, OSError) as error:
                last[:] = [error]
                return None

        return wait_for(answers, lambda: f"the plugin to answer: {last}")

    # -- held HTLCs (nodes that run plugins/hold-before or hold-after) -----------------------------------------------------

    def hold(self, plugin):
        (self.netdir / f"{plugin}.held").write_text("")
        (self.netdir / f"{plugin}.hold").write_text("")

    def held(self, plugin):
        path = self.netdir / f"{plugin}.held"
        return path.read_text().split() if path.exists() else []

    def wait_held(self, plugin, count=1):
        wait_for(lambda: len(self.held(plugin)) >= count, f"{count} HTLC(s) held by {plugin}")

    def release(self, plugin):
        (self.netdir / f"{plugin}.hold").unlink()

    def seen(self, plugin, payment_hash):
        """The payment secret in each HTLC of a payment that the plugin saw."""
        lines = complete_lines(self.netdir / f"{plugin}.seen")
        return [secret for seen_hash, secret in map(str.split, lines) if seen_hash == payment_hash]

    # -- what was sold ------------------------------------------------------------------------------------------------

    def challenge(self, amount_msat=1000, **more):
        return self.rpc("millrace-issue", {"amount_msat": amount_msat, **WEATHER, **more})

    def settlements(self):
        return self.rpc("millrace-settlements")["settlements"]

    def invoice(self, payment_hash):
        """The node's row of a payment hash, or None."""
        rows = self.rpc("listinvoices", {"payment_hash": payment_hash})["invoices"]
        return rows[0] if rows else None

    def verify(self, challenge, preimage, service="weather"):
        return self.rpc("millrace-verify", {"authorization": f"L402 {challenge['token']}:{preimage}", "service": service})

    # -- paying -------------------------------------------------------------------------------------------------------

    def pay(self, bolt11, timeout=90, **more):
        return self.rpc("xpay", {"invstring": bolt11, **more}, timeout)

    def payments(self, payment_hash):
        return self.rpc("listsendpays", {"payment_hash": payment_hash})["payments"]


class Network:
    payer: Node
    router: Node
    seller: Node

    @property
    def nodes(self):
        return [self.payer, self.router, self.seller]

    def reconnect(self):
        """After a node came back: its channels are usable when this returns, and its plugin knows."""
        raise NotImplementedError

    def wait_payable(self):
        if self.seller.has_plugin():
            wait_for(lambda: self.seller.rpc("millrace-status")["node"]["payable"], "the seller's plugin to see its channels")

    def mine(self, blocks):
        raise NotImplementedError

    def pass_time(self, seconds):
        """Lets time pass for the nodes."""
        raise NotImplementedError

    def database_rows(self, node):
        """What the node has on disk, as something that compares equal when nothing was written."""
        raise NotImplementedError

    def channel(self, first, second):
        """The short channel id of the channel between two nodes."""
        for channel in first.rpc("listpeerchannels", {"id": second.id})["channels"]:
            if channel["state"] == "CHANNELD_NORMAL":
                return channel["short_channel_id"]
        raise AssertionError(f"no channel between {first.name} and {second.name}")

    def route(self, amount_msat, final_cltv):
        """payer -> router -> seller, for sendpay."""
        fee = FEE_BASE_MSAT + amount_msat * FEE_PPM // 1_000_000
        hops = ((self.payer, self.router, amount_msat + fee, final_cltv + CLTV_DELTA), (self.router, self.seller, amount_msat, final_cltv))
        return [
            {"id": to.id, "channel": self.channel(start, to), "direction": int(start.id > to.id), "amount_msat": amount, "delay": delay, "style": "tlv"}
            for start, to, amount, delay in hops
        ]

    def send(self, payment_hash, payment_secret, amount_msat, final_cltv=None, total_msat=None, **more):
        """A payment by sendpay, which checks nothing of an invoice."""
        final_cltv = final_cltv or 40
        params = {"route": self.route(amount_msat, final_cltv), "payment_hash": payment_hash, "payment_secret": payment_secret, **more}
        if total_msat is not None:
            params["amount_msat"] = total_msat
        self.payer.rpc("sendpay", params)

    def outcome(self, payment_hash, timeout=60, **more):
        """Of a payment by send(): the preimage, or the name of the failure that the last node gave."""
        try:
            done = self.payer.rpc("waitsendpay", {"payment_hash": payment_hash, "timeout": timeout, **more}, timeout + 10)
            return done["payment_preimage"]
        except RpcError as error:
            assert error.code in (202, 203, 204), str(error)
            return error.data["failcodename"]

    def let_payer_be_paid(self):
        """What is to come back to the payer has to be on the router's side first."""
        balance = self.router.rpc("invoice", {"amount_msat": 100_000_000, "label": "for the payer", "description": "balance"})
        self.payer.pay(balance["bolt11"])
        back = lambda: sum(c["spendable_msat"] for c in self.router.rpc("listpeerchannels", {"id": self.payer.id})["channels"])
        wait_for(lambda: back() > 50_000_000, "the router to have something for the payer")


UNKNOWN_DETAILS = "WIRE_INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS"


def hex64(text):
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def now():
    return int(time.time())
