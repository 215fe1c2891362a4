"""What a flood of requests that do not pay costs those who do, the node, and memory.

A paced load of paid requests is measured alone and during two floods of 20,000 requests without a credential: from one
network prefix, and from 5,000 of them. The clients' addresses come through a trusted proxy's header.
"""

import re
import subprocess
import threading
import time

from proxy_rates import UPSTREAM, buy, resident
from stage import Stage, cores, http_get, wait_for

FLOOD = 20_000
PREFIXES = 5_000
PAID_CONNECTIONS, PAID_PAUSE_MS = 8, 8  # about a thousand a second
FLOOD_CONNECTIONS, FLOOD_PAUSE_MS = 20, 10  # about two thousand a second
SIGNED_A_SECOND = 50

PACED = "function delay() return {pause} end\n"
NETWORKS = """
local count = 0
function request()
    count = count + 1
    local n = count % {prefixes}
    return wrk.format("GET", "/weather/today", {{["X-Forwarded-For"] = string.format("10.%d.%d.7", math.floor(n / 256), n % 256)}})
end
"""


def start(folder, name, script, connections, seconds, port, on, headers=()):
    path = folder / f"{name}.lua"
    path.write_text(script)
    command = ["taskset", "-c", ",".join(map(str, on)), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", path]
    for key, value in headers:
        command += ["-H", f"{key}: {value}"]
    return subprocess.Popen([*map(str, command), f"http://127.0.0.1:{port}/weather/today"], stdout=subprocess.PIPE, text=True)


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def finished(process):
    """(requests, p99 in ms, how many were not 2xx or 3xx)"""
    output = process.communicate()[0]
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return int(re.search(r"(\d+) requests in", output)[1]), milliseconds(re.search(r"99%\s+(\S+)", output)[1]), int(bad[1]) if bad else 0


def signed(metrics):
    text = http_get(metrics, "/metrics").decode()
    found = re.search(r'^l402_invoices_total\{result="created"\} (\S+)', text, re.MULTILINE)
    return int(float(found[1])) if found else 0


def paid_load(stage, port, authorization, on, seconds):
    load = start(stage.folder, "paid", PACED.format(pause=PAID_PAUSE_MS), PAID_CONNECTIONS, seconds, port, on, [("Authorization", authorization)])
    requests, p99, refused = finished(load)
    if refused:
        raise RuntimeError(f"{refused} paid requests were refused")
    return requests / seconds, p99


def flood(stage, name, prefixes, service, ports, authorization, on):
    """Figures of one flood, with the paid load through it."""
    port, metrics = ports
    seconds = FLOOD * FLOOD_PAUSE_MS // 1000 // FLOOD_CONNECTIONS + 1
    before, memory, began = signed(metrics), resident(service.pid), time.monotonic()
    attack = start(stage.folder, name, PACED.format(pause=FLOOD_PAUSE_MS) + NETWORKS.format(prefixes=prefixes),
                   FLOOD_CONNECTIONS, seconds, port, on)
    paid = {}
    thread = threading.Thread(target=lambda: paid.update(zip(("rate", "p99_ms"), paid_load(stage, port, authorization, on, seconds - 1))))
    thread.start()
    requests, _, refused = finished(attack)
    thread.join()
    asked = signed(metrics) - before
    # The limit's count may come at once, and comes back evenly.
    allowed = int(SIGNED_A_SECOND * (1 + time.monotonic() - began))
    return {
        **paid, "requests": requests, "refused": refused, "seconds": seconds, "signed": asked, "allowed": allowed,
        "grown": resident(service.pid) - memory,
    }


def measure(programs):
    tested, others = cores()
    with Stage() as stage:
        _, upstream = stage.nginx("upstream", UPSTREAM, others)
        nodes = stage.simulated(programs, others)
        more = f'[clients]\ntrusted_proxies = ["127.0.0.1"]\n[challenges]\nin_all = "{SIGNED_A_SECOND}/s"\n'
        service, port = stage.service(programs, nodes, upstream, tested, more)
        authorization = buy(nodes, port)
        wait_for(lambda: b"200 OK" in http_get(port, "/weather/today", [("Authorization", authorization)]), "a paid answer")
        paid_load(stage, port, authorization, others, 2)  # warms up
        rate, p99 = paid_load(stage, port, authorization, others, 8)
        figures = {"calm": {"rate": rate, "p99_ms": p99}, "limit": SIGNED_A_SECOND}
        for name, prefixes in (("one", 1), ("many", PREFIXES)):
            figures[name] = flood(stage, name, prefixes, service, (port, stage.metrics_port), authorization, others)
            time.sleep(1)
        return figures
