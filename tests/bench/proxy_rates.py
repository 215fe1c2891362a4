"""Paid requests a second through millraced, against nginx proxying the same upstream for nothing; and millraced's memory."""

import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import time
from pathlib import Path

from stage import Stage, children, cores, cpu_seconds, http_get, rpc, wait_for

ROUNDS = 5
SECONDS = 4
CONNECTIONS = 64
IDLE_CONNECTIONS = 10_000
UPSTREAM = 'location / { return 200 "sunny, 21 degrees, a light wind from the west\\n"; }'


def buy(nodes, port, path="/weather/today"):
    """The Authorization of a token that was paid for."""
    answer = http_get(port, path).decode()
    found = re.search(r'^WWW-Authenticate: L402 macaroon="([^"]+)", invoice="([^"]+)"', answer, re.MULTILINE | re.IGNORECASE)
    if not found:
        raise RuntimeError("no challenge in: " + answer[:500])
    token, invoice = found.groups()
    preimage = rpc(nodes["buyer"]["rpc"], "xpay", {"invstring": invoice})["payment_preimage"]
    return f"L402 {token}:{preimage}"


def wrk(port, authorization, on, seconds=SECONDS, path="/weather/today", connections=CONNECTIONS, scheme="http"):
    """(requests, seconds); every one of them must succeed."""
    command = ["taskset", "-c", ",".join(map(str, on)), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: {authorization}",
               f"{scheme}://127.0.0.1:{port}{path}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    requests, rate = re.search(r"(\d+) requests in", output), re.search(r"Requests/sec:\s*([\d.]+)", output)
    return int(requests.group(1)), int(requests.group(1)) / float(rate.group(1))


def resident(pid):
    """Bytes of memory a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS")


def raise_limits():
    """Room for the idle connections; how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE_CONNECTIONS + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            return hard - 500
    elif soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return IDLE_CONNECTIONS


def open_idle(port, count):
    """Keep-alive connections that had one answer each and now say nothing."""
    request = b"GET /weather/free HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), 30)
        connection.sendall(request)
        connections.append(connection)
        if len(connections) % 200 == 0:
            for each in connections[-200:]:
                each.recv(65536)
    return connections


def missing():
    return [program for program in ("nginx", "wrk", "taskset") if shutil.which(program, path=search_path()) is None]


def search_path():
    """nginx is where only root looks."""
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def measure_rates(programs, tested, others):
    """{"nginx" | "millraced" | "counted" | "leased": {"rate": requests a second, "cpu_us": of one, "busy": share of its cores}},
    medians of alternating runs. "counted" is millraced with a token of uses, each of which is on disk before its answer; "leased"
    with one whose uses may be answered ahead of the disk."""
    with Stage() as stage:
        # Another nginx stands behind both. Its answer is small, and it closes nothing.
        _, upstream = stage.nginx("upstream", UPSTREAM, others)
        forward = 'location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }'
        behind = f"upstream behind {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}"
        nginx, nginx_port = stage.nginx("nginx", forward, tested, behind)
        nodes = stage.simulated(programs, others)
        service, service_port = stage.service(programs, nodes, upstream, tested)
        authorization = buy(nodes, service_port)
        wait_for(lambda: b"200 OK" in http_get(service_port, "/weather/today", [("Authorization", authorization)]), "a paid answer")

        counted, leased = buy(nodes, service_port, "/counted/today"), buy(nodes, service_port, "/leased/today")
        contenders = {
            "nginx": ([nginx.pid, *children(nginx.pid)], nginx_port, authorization, "/weather/today"),
            "millraced": ([service.pid], service_port, authorization, "/weather/today"),
            "counted": ([service.pid], service_port, counted, "/counted/today"),
            "leased": ([service.pid], service_port, leased, "/leased/today"),
        }
        figures = {name: {"rate": [], "cpu_us": [], "busy": []} for name in contenders}
        for round_number in range(ROUNDS + 1):
            for name, (pids, port, credential, path) in contenders.items():
                before = cpu_seconds(pids)
                requests, seconds = wrk(port, credential, others, SECONDS if round_number else 1, path)
                used = cpu_seconds(pids) - before
                if round_number:  # the first one warms up
                    figures[name]["rate"].append(requests / seconds)
                    figures[name]["cpu_us"].append(used * 1e6 / requests)
                    figures[name]["busy"].append(used / seconds / len(tested))
        return {name: {what: statistics.median(values) for what, values in each.items()} for name, each in figures.items()}


def measure_memory(programs, tested, others):
    """{"rest", "idle": bytes, "connections"} of a service that served nobody before."""
    connections = raise_limits()
    with Stage() as stage:
        _, upstream = stage.nginx("upstream", UPSTREAM, others)
        service, port = stage.service(programs, stage.simulated(programs, others), upstream, tested)
        time.sleep(1)
        rest = resident(service.pid)
        idle = open_idle(port, connections)
        time.sleep(1)
        figures = {"rest": rest, "idle": resident(service.pid), "connections": len(idle)}
        for connection in idle:
            connection.close()
        time.sleep(10)
        return {**figures, "left": resident(service.pid)}


def measure(programs):
    tested, others = cores()
    return {
        "cores": len(tested),
        "shared": tested == others,
        **measure_rates(programs, tested, others),
        "memory": measure_memory(programs, tested, others),
    }
