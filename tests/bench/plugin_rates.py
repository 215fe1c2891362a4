"""Challenges a second through the plugin, against the node's own `invoice`."""

import json
import shutil
import socket
import statistics
import time

from stage import Stage, children, cpu_seconds

ROUNDS = 5
WINDOW = 64  # calls on their way at once, the same for all
BATCH = 100


class RpcLoad:
    """Pipelined calls on one connection; lightningd ends each answer with an empty line."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.number = 0

    def rate(self, method, params, count):
        requests = []
        for _ in range(count):
            self.number += 1
            requests.append(json.dumps({"jsonrpc": "2.0", "id": f"bench:{method}#{self.number}", "method": method,
                                        "params": params(self.number)}).encode() + b"\n\n")
        sent = answered = 0
        tail = b""
        begin = time.perf_counter()
        while answered < count:
            if sent < count and sent - answered <= WINDOW // 2:
                more = min(count, answered + WINDOW)
                self.socket.sendall(b"".join(requests[sent:more]))
                sent = more
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise RuntimeError(f"{method}: the connection ended")
            if b'"error"' in piece:
                raise RuntimeError(f"{method}: {piece[:500]!r}")
            data = tail + piece
            answered += data.count(b"\n\n")
            tail = data[-1:] if not data.endswith(b"\n\n") else b""
        return count / (time.perf_counter() - begin)


class GatewayLoad:
    """Batches of challenges over the plugin's own socket, as the service asks for them under load."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")
        self.number = 0
        self.send("hello", {"protocol": 1, "client": "bench"})
        self.receive()

    def send(self, method, params):
        self.number += 1
        self.socket.sendall(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}).encode() + b"\n")

    def receive(self):
        while True:
            answer = json.loads(self.stream.readline())
            if "id" in answer:
                if "result" not in answer:
                    raise RuntimeError(f"the gateway refused: {answer}")
                return answer["result"]

    def rate(self, count):
        items = [{"amount_msat": 1000, "service": "weather"}] * BATCH
        batches = count // BATCH
        sent = done = 0
        begin = time.perf_counter()
        while done < batches:
            while sent < batches and sent - done < 2:
                self.send("issue", {"batch": items})
                sent += 1
            result = self.receive()
            good = sum("result" in item for item in result["batch"])
            if good != BATCH:
                raise RuntimeError(f"the gateway refused: {result['batch'][0]}")
            done += 1
        return batches * BATCH / (time.perf_counter() - begin)


def plugin_of(node):
    """The plugin's process."""
    for pid in children(node.pid):
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            if command.read().split(b"\0")[0].endswith(b"/millrace"):
                return pid
    raise RuntimeError("the plugin does not run")


def measure(programs, count=2000):
    """{"node": kind, "invoice" | "issue" | "gateway": {"rate": a second, "plugin_us", "node_us": CPU of one}}, medians of alternating rounds."""
    real = all(shutil.which(program) for program in ("lightningd", "bitcoind", "bitcoin-cli"))
    with Stage() as stage:
        path = stage.real(programs) if real else stage.simulated(programs)["seller"]["rpc"]
        load = RpcLoad(path)
        gateway = GatewayLoad(str(path).removesuffix("lightning-rpc") + "millrace.sock")
        plugin, node = plugin_of(stage.node), stage.node.pid
        challenge = {"amount_msat": 1000, "description": "weather", "service": "weather"}
        work = {
            "invoice": lambda: load.rate("invoice", lambda n: {"amount_msat": 1000, "label": f"bench-{n}", "description": "weather", "expiry": 3600}, count),
            "issue": lambda: load.rate("millrace-issue", lambda n: challenge, count),
            "gateway": lambda: gateway.rate(count),
        }
        figures = {name: {"rate": [], "plugin_us": [], "node_us": []} for name in work}
        for round_number in range(ROUNDS + 1):
            for name, run in work.items():
                before = cpu_seconds([plugin]), cpu_seconds([node])
                rate = run()
                if round_number == 0:
                    continue  # warming up
                figures[name]["rate"].append(rate)
                figures[name]["plugin_us"].append((cpu_seconds([plugin]) - before[0]) * 1e6 / count)
                figures[name]["node_us"].append((cpu_seconds([node]) - before[1]) * 1e6 / count)
        medians = {name: {what: statistics.median(values) for what, values in each.items()} for name, each in figures.items()}
        return {"node": "lightningd" if real else "simulated", **medians}
