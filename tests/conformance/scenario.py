"""The story that was recorded on real nodes, told to simulated ones: every step is named after its recording."""

import hashlib
import secrets

from conftest import Net, triangle, wait_until
from rpc import RpcError


class Story:
    """Runs once; `answers[name]` is {"result": …} or {"error": …}, `messages` what node3's plugin was told."""

    def __init__(self):
        self.net = Net(triangle(), plugins={"node3": ["recorder"]})
        self.answers = {}
        try:
            self.tell()
        finally:
            self.messages = self.net.messages("recorder")

    def ask(self, node, name, method, params):
        try:
            self.answers[name] = {"result": self.net.call(node, method, params)}
        except RpcError as refused:
            self.answers[name] = {"error": refused.error}
        return self.answers[name].get("result")

    def invoice(self, node, amount, label, **more):
        return self.net.call(node, "invoice", {"amount_msat": amount, "label": label, "description": "story", **more})

    def circle(self, amounts, last_delay=18):
        """node1 -> node2 -> node3 -> node1; the amounts arriving at each."""
        hops = [("node2", "103x3x0", 12), ("node3", "103x1x0", 6), ("node1", "103x2x0", 0)]
        return [
            {"id": self.net.node_id(node), "channel": channel, "direction": 0, "amount_msat": amount, "delay": last_delay + more, "style": "tlv"}
            for (node, channel, more), amount in zip(hops, amounts)
        ]

    def tell(self):
        net, ask = self.net, self.ask
        preimage = secrets.token_hex(32)
        label = f"cap-{preimage[:6]}"

        # Node and plugins.
        ask("node1", "getinfo", "getinfo", {})
        ask("node3", "plugin-list", "plugin", {"subcommand": "list"})
        ask("node1", "help-one", "help", {"command": "invoice"})
        ask("node1", "feerates", "feerates", {"style": "perkb"})
        ask("node1", "makesecret", "makesecret", {"string": "l402"})
        ask("node1", "datastore", "datastore", {"key": ["demo", "a"], "string": "1", "mode": "create-or-replace"})
        ask("node1", "listdatastore", "listdatastore", {"key": ["demo"]})
        ask("node1", "missing-param-error", "invoice", {"label": "x"})
        ask("node1", "unknown-command-error", "no-such-command", {})
        ask("node1", "setchannel-unknown-error", "setchannel", {"id": "999x1x0", "feebase": 0})

        # Invoices.
        made = ask("node3", "invoice", "invoice", {"amount_msat": 1234, "label": label, "description": "L402 example", "expiry": 600, "preimage": preimage})
        ask("node3", "invoice-duplicate-label-error", "invoice", {"amount_msat": 1234, "label": label, "description": "x"})
        ask("node3", "signinvoice", "signinvoice", {"invstring": made["bolt11"]})
        ask("node3", "delinvoice", "delinvoice", {"label": label, "status": "unpaid"})
        again = {"invstring": made["bolt11"], "label": "cap2", "preimage": preimage}
        ask("node3", "createinvoice", "createinvoice", again)
        ask("node3", "createinvoice-duplicate-error", "createinvoice", again)
        ask("node3", "listinvoices-by-hash", "listinvoices", {"payment_hash": made["payment_hash"]})
        ask("node1", "xpay", "xpay", {"invstring": made["bolt11"]})
        ask("node3", "listinvoices-paid", "listinvoices", {"payment_hash": made["payment_hash"]})
        ask("node1", "pay", "pay", {"bolt11": self.invoice("node3", 5000, "paid")["bolt11"]})
        ask("node1", "xpay-no-route-error", "xpay", {"invstring": self.invoice("node3", 900_000_000_000, "huge")["bolt11"]})
        ask("node3", "wait-invoices", "wait", {"subsystem": "invoices", "indexname": "updated", "nextvalue": 0})
        assert made["payment_hash"] == hashlib.sha256(bytes.fromhex(preimage)).hexdigest()

        # A circular payment, then what can go wrong with one.
        own = self.invoice("node1", 1_000_000_000, "circle")
        more = {"payment_secret": own["payment_secret"], "bolt11": own["bolt11"], "label": "rebalance"}
        route = self.circle([1_000_260_003, 1_000_010_001, 1_000_000_000])
        ask("node1", "sendpay-circular", "sendpay", {"route": route, "payment_hash": own["payment_hash"], **more})
        ask("node1", "waitsendpay-success", "waitsendpay", {"payment_hash": own["payment_hash"], "timeout": 20})
        ask("node1", "listsendpays", "listsendpays", {"payment_hash": own["payment_hash"]})
        net.call("node1", "xpay", {"invstring": self.invoice("node2", 2000, "second")["bolt11"]})
        net.call("node1", "xpay", {"invstring": self.invoice("node2", 2000, "third")["bolt11"]})
        ask("node3", "listforwards", "listforwards", {})
        net.call("node2", "xpay", {"invstring": self.invoice("node1", 3000, "fourth")["bolt11"]})
        ask("node3", "listforwards-paged", "listforwards", {"index": "created", "start": 1, "limit": 1})
        ask("node3", "wait-forwards", "wait", {"subsystem": "forwards", "indexname": "updated", "nextvalue": 0})
        self.fails("unknown-hash", [20_005_201, 20_000_201, 20_000_000])
        ask("node2", "setchannel", "setchannel", {"id": "103x1x0", "feebase": 0, "feeppm": 250, "htlcmin": 1, "htlcmax": 8_000_000_000})
        self.fails("fee-insufficient", [20_000_200, 20_000_200, 19_999_999])
        failed = self.fails("no-liquidity", [9_702_522_025, 9_700_097_001, 9_700_000_000])
        ask("node1", "waitsendpay-timeout-error", "waitsendpay", {"payment_hash": secrets.token_hex(32), "timeout": 1})
        ask("node1", "listsendpays-all-limit", "listsendpays", {"index": "created", "start": 0, "limit": 2})
        ask("node1", "delpay", "delpay", {"payment_hash": failed, "status": "failed"})

        # What a node knows of itself and others.
        for method in ("listchannels", "listclosedchannels", "listfunds", "listnodes", "listpeerchannels", "listpeers"):
            ask("node1", method, method, {})

        # A block, a peer that goes and comes, a plugin that is started and stopped.
        net.control("sim-mine", {"blocks": 1})
        net.control("sim-crash", {"node": "node2"})
        net.control("sim-start", {"node": "node2"})
        wait_until(lambda: net.messages("recorder", "connect"), "the peer's return")
        net.call("node3", "plugin", {"subcommand": "stop", "plugin": "recorder.py"})

    def fails(self, name, amounts):
        """A payment to ourselves that does not arrive; answers its hash."""
        payment_hash = secrets.token_hex(32)
        params = {"route": self.circle(amounts), "payment_hash": payment_hash, "payment_secret": secrets.token_hex(32)}
        connection = self.net.sim.connect("node1")
        # Both at once, as the recording's caller was waiting when the failure came.
        connection.send("sendpay", params, "send")
        connection.send("waitsendpay", {"payment_hash": payment_hash, "timeout": 20}, "wait")
        answers = {}
        while len(answers) < 2:
            answer = connection.receive()
            answers[answer["id"]] = {key: answer[key] for key in ("result", "error") if key in answer}
        self.answers[f"sendpay-{name}"] = answers["send"]
        self.answers[f"waitsendpay-{name}-error"] = answers["wait"]
        return payment_hash
