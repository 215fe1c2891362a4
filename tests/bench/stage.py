"""The processes that a benchmark needs, on loopback and in a folder of its own; all are gone when the stage is."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

TOPOLOGY = """
network = "regtest"
seed = 1
[[node]]
name = "buyer"
plugins = []
[[node]]
name = "seller"
[[channel]]
from = "buyer"
to = "seller"
capacity_msat = 10_000_000_000
push_msat = 1_000_000_000
"""
# So many that the limit is not what is measured.
PLUGIN_OPTIONS = {"millrace-challenges-per-second": "1000000", "millrace-challenge-expiry": "3600"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            value = condition()
            if value:
                return value
        time.sleep(0.05)
    raise TimeoutError(f"waited {seconds} s for {what}")


def rpc(path, method, params=None, timeout=60):
    """One call to a lightning-rpc; its result."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        connection.sendall(json.dumps({"jsonrpc": "2.0", "id": "bench#1", "method": method, "params": params or {}}).encode())
        data = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                raise RuntimeError(f"{method}: the connection ended")
            data += piece
            with contextlib.suppress(ValueError):
                reply = json.loads(data)
                break
    if "error" in reply:
        raise RuntimeError(f"{method}: {reply['error'].get('message')}")
    return reply["result"]


def cpu_seconds(pids):
    """What processes have used of the CPU so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid):
    """The processes that a process started."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if int((process / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(process.name))
    return found


def cores():
    """(those of the proxies under test, those of everything else): apart where there are two or more."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        return mine, mine
    tested = mine[: max(1, len(mine) // 2)]
    return tested, mine[len(tested) :]


class Stage:
    """with Stage() as stage: stage.start(...)"""

    def __init__(self, keep=False):
        self.keep = keep
        self.processes = []

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="millrace-bench-"))
        self.folder.chmod(0o755)  # nginx's workers may be another user
        return self

    def __exit__(self, kind, *raised):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if kind is None and not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"logs are in {self.folder}")

    def start(self, name, command, on=None, **more):
        """Starts a program on the cores `on`; what it writes goes to <name>.log."""
        log = open(self.folder / f"{name}.log", "ab")
        pinned = (lambda: os.sched_setaffinity(0, on)) if on else None
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=more.pop("stdout", log), stderr=log,
                                   preexec_fn=pinned, **more)
        log.close()
        self.processes.append(process)
        return process

    # -- nodes --------------------------------------------------------------------------------------------------------

    def simulated(self, programs, on=None):
        """A buyer and a seller with the plugin: {name: {"id", "rpc"}}. The node is self.node."""
        topology = self.folder / "topology.toml"
        topology.write_text(TOPOLOGY)
        options = [f"--option=seller:{name}={value}" for name, value in PLUGIN_OPTIONS.items()]
        process = self.node = self.start("simulator", [programs["simulator"], "--topology", topology, "--dir", self.folder / "net",
                                                       "--plugin", f"seller={programs['plugin']}", *options], on, stdout=subprocess.PIPE)
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the simulator did not start: " + (self.folder / "simulator.log").read_text()[-2000:])
        nodes = json.loads(line)["nodes"]
        wait_for(lambda: rpc(nodes["seller"]["rpc"], "millrace-status"), "the plugin")
        return nodes

    def real(self, programs):
        """A lightningd with the plugin on a regtest bitcoind, and a channel over which another one can pay it; the path of its
        lightning-rpc. The node is self.node."""
        bitcoin = self.folder / "bitcoin"
        bitcoin.mkdir()
        port = free_port()
        login = ["-rpcuser=bench", "-rpcpassword=bench", f"-rpcport={port}"]
        self.start("bitcoind", ["bitcoind", "-regtest", f"-datadir={bitcoin}", "-listen=0", "-fallbackfee=0.0001", *login])
        cli = ["bitcoin-cli", "-regtest", f"-datadir={bitcoin}", *login]
        wait_for(lambda: subprocess.run([*cli, "getblockchaininfo"], capture_output=True).returncode == 0, "bitcoind")
        subprocess.run([*cli, "createwallet", "bench"], check=True, capture_output=True)
        address = subprocess.run([*cli, "getnewaddress"], check=True, capture_output=True, text=True).stdout.strip()
        mine = lambda blocks: subprocess.run([*cli, "generatetoaddress", str(blocks), address], check=True, capture_output=True)  # noqa: E731
        mine(101)

        def lightningd(name, options):
            home, place = self.folder / name, free_port()
            home.mkdir()
            process = self.start(name, ["lightningd", "--network=regtest", f"--lightning-dir={home}", f"--addr=127.0.0.1:{place}", "--log-level=info",
                                        "--developer", "--dev-bitcoind-poll=1", f"--bitcoin-datadir={bitcoin}", "--bitcoin-rpcuser=bench",
                                        "--bitcoin-rpcpassword=bench", "--bitcoin-rpcconnect=127.0.0.1", f"--bitcoin-rpcport={port}", *options])
            path = home / "regtest" / "lightning-rpc"
            wait_for(lambda: rpc(path, "getinfo"), name, 120)
            return process, path, place

        options = [f"--{name}={value}" for name, value in PLUGIN_OPTIONS.items()]
        self.node, seller, place = lightningd("lightningd", [f"--plugin={programs['plugin']}", *options])
        _, payer, _ = lightningd("payer", [])
        wait_for(lambda: rpc(seller, "millrace-status"), "the plugin", 120)
        wallet = rpc(payer, "newaddr", {"addresstype": "bech32"})["bech32"]
        subprocess.run([*cli, "sendtoaddress", wallet, "1"], check=True, capture_output=True)
        mine(1)
        wait_for(lambda: any(one["status"] == "confirmed" for one in rpc(payer, "listfunds")["outputs"]), "the payer's funds")
        node_id = rpc(seller, "getinfo")["id"]
        rpc(payer, "connect", {"id": node_id, "host": "127.0.0.1", "port": place})
        rpc(payer, "fundchannel", {"id": node_id, "amount": 10_000_000})
        mine(6)
        wait_for(lambda: any(one["state"] == "CHANNELD_NORMAL" for one in rpc(seller, "listpeerchannels")["channels"]), "a channel", 120)
        return seller

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    def nginx(self, name, server, on, extra="", tls=""):
        """An nginx with one worker a core of `on`; (its process, port). `tls`: what makes it speak that."""
        port = free_port()
        place = self.folder / name
        place.mkdir()
        temporary = "".join(f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (place / "nginx.conf").write_text(
            f"daemon off; worker_processes {len(on)}; pid {place}/pid; error_log stderr warn;"
            "events { worker_connections 8192; }"
            f"http {{ access_log off; keepalive_requests 100000000; {temporary} {extra}"
            f"server {{ listen 127.0.0.1:{port} backlog=4096{' ssl' if tls else ''}; {tls} {server} }} }}"
        )
        process = self.start(name, ["nginx", "-p", place, "-c", place / "nginx.conf"], on)
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, name)
        return process, port

    def service(self, programs, nodes, upstream_port, on, more="", name="millraced", listen=""):
        """millraced with one thread a core of `on`, in front of the upstream; (its process, port). `more`: further sections,
        `listen`: further keys of the listener."""
        gateway = nodes["seller"]["rpc"].removesuffix("lightning-rpc") + "millrace.sock"
        port, metrics = free_port(), free_port()
        self.metrics_port = metrics
        config = self.folder / f"{name}.toml"
        config.write_text(f"""
[listen]
address = "127.0.0.1:{port}"
threads = {len(on)}
{listen}[metrics]
address = "127.0.0.1:{metrics}"
[node]
gateway = "{gateway}"
[store]
path = "{name}.db"
[log]
level = "warning"
[timeouts]
idle = "1h"
[limits]
connections_per_prefix = 1000000
{more}[[service]]
name = "weather"
path = "/weather/"
upstream = "http://127.0.0.1:{upstream_port}"
price_msat = 1000
free = ["/weather/free"]
[[service]]
name = "counted"
path = "/counted/"
upstream = "http://127.0.0.1:{upstream_port}"
price_msat = 1000
uses = 1000000000
[[service]]
name = "leased"
path = "/leased/"
upstream = "http://127.0.0.1:{upstream_port}"
price_msat = 1000
uses = 1000000000
durability = "lease"
lease_uses = 5000
""")
        process = self.start(name, [programs["service"], "--config", config], on)
        wait_for(lambda: b" 200 " in http_get(metrics, "/readyz"), "millraced to be ready")
        return process, port


def http_get(port, path, headers=()):
    """The whole answer to one request, as bytes."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode())
        out = b""
        while piece := connection.recv(65536):
            out += piece
    return out
