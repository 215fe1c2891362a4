"""Challenges a second: a burst of 402s from a pool of invoices that were signed ahead, and one that the node signs as it comes."""

import re
import select
import socket
import statistics
import time

from proxy_rates import UPSTREAM
from stage import Stage, cores, http_get, wait_for

BURST = 1000  # as large as a pool may be
CONNECTIONS = 32
ROUNDS = 7
REQUEST = b"GET /weather/today HTTP/1.1\r\nHost: localhost\r\n\r\n"
UNLIMITED = '[challenges]\nreuse = false\nper_prefix = "1000000/s"\nin_all = "1000000/s"\n'


def burst(port):
    """Seconds from the first request to the last answer; every one must be a 402."""
    connections = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(CONNECTIONS)]
    left = {connection: BURST // CONNECTIONS + (number < BURST % CONNECTIONS) for number, connection in enumerate(connections)}
    received = {connection: b"" for connection in connections}
    try:
        began = time.monotonic()
        for connection, count in left.items():
            connection.sendall(REQUEST * count)
        answers = 0
        while answers < BURST:
            for connection in select.select(list(left), [], [], 30)[0]:
                piece = connection.recv(1 << 20)
                if not piece:
                    raise RuntimeError("the connection ended")
                # A status line may lie across two pieces.
                text = received[connection] + piece
                answers += text.count(b"HTTP/1.1 402 ")
                if text.count(b"HTTP/1.1 ") != text.count(b"HTTP/1.1 402 "):
                    if re.search(rb"HTTP/1\.1 (?!402)\d{3} ", text):
                        raise RuntimeError(text[:200])
                received[connection] = text[text.rfind(b"HTTP/1.1 402 ") + 1 :][-16:] if b"HTTP/1.1 402 " in text else text[-16:]
        return time.monotonic() - began
    finally:
        for connection in connections:
            connection.close()


def created(metrics):
    found = re.search(r'^l402_invoices_total\{result="created"\} (\S+)', http_get(metrics, "/metrics").decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


def settle(metrics):
    """Waits until nothing more is signed."""
    last = -1
    while (now := created(metrics)) != last:
        last = now
        time.sleep(0.5)


def measure(programs):
    """{"pool", "node": challenges a second}, medians of alternating bursts."""
    tested, others = cores()
    rates = {"pool": [], "node": []}
    with Stage() as stage:
        _, upstream = stage.nginx("upstream", UPSTREAM, others)
        nodes = stage.simulated(programs, others)
        ports = {}
        for name, more in (("node", ""), ("pool", f"pool = {BURST}\n")):
            _, port = stage.service(programs, nodes, upstream, tested, UNLIMITED + more, name=name)
            ports[name] = (port, stage.metrics_port)
        for port, metrics in ports.values():
            wait_for(lambda port=port: b" 402 " in http_get(port, "/weather/today"), "a challenge")
            burst(port)  # warms up, and puts it in demand
        for _ in range(ROUNDS):
            for name, (port, metrics) in ports.items():
                settle(metrics)
                rates[name].append(BURST / burst(port))
    return {name: statistics.median(values) for name, values in rates.items()}
