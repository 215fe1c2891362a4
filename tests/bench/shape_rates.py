"""Paid traffic of other shapes than many small answers over a few connections: many connections, TLS, a large download."""

import shutil
import statistics
import subprocess
import time

from proxy_rates import CONNECTIONS, UPSTREAM, buy, wrk
from stage import Stage, children, cores, cpu_seconds, http_get, wait_for

ROUNDS = 4
SECONDS = 3
FEW, MORE, MANY = CONNECTIONS, 256, 1024
DOWNLOAD = 1 << 30  # bytes


def missing():
    return [program for program in ("curl", "openssl") if shutil.which(program) is None]


def certificate(folder):
    """(certificate, key) of a server that nobody has to believe."""
    files = folder / "tls.crt", folder / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


def download(port, authorization, on, pids):
    """(bytes a second, CPU seconds of `pids`) of the whole."""
    before, began = cpu_seconds(pids), time.monotonic()
    command = ["taskset", "-c", ",".join(map(str, on)), "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
               "-H", f"Authorization: {authorization}", f"http://127.0.0.1:{port}/weather/large"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if said != f"200 {DOWNLOAD}":
        raise RuntimeError(f"curl: {said}")
    return DOWNLOAD / (time.monotonic() - began), cpu_seconds(pids) - before


def measure(programs):
    """{"nginx" | "millraced" | "counted" | "leased": {connections: requests a second}, "tls": {"nginx" | "millraced": requests a second},
    "download": {"nginx" | "millraced": {"rate": bytes a second, "cpu": seconds}}}, medians of alternating runs."""
    tested, others = cores()
    with Stage() as stage:
        files = stage.folder / "files" / "weather"
        files.mkdir(parents=True)
        with open(files / "large", "wb") as large:
            large.truncate(DOWNLOAD)
        for folder in (stage.folder, files.parent, files):
            folder.chmod(0o755)
        crt, key = certificate(stage.folder)
        _, upstream = stage.nginx("upstream", UPSTREAM + f" location /weather/large {{ root {files.parent}; sendfile on; }}", others)
        forward = 'location / { proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }'
        behind = f"upstream behind {{ server 127.0.0.1:{upstream}; keepalive {MANY}; keepalive_requests 100000000; }}"
        nginx, nginx_port = stage.nginx("nginx", forward, tested, behind)
        tls_files = f"ssl_certificate {crt}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;"
        _, nginx_tls_port = stage.nginx("nginx-tls", forward, tested, behind, tls_files)
        nodes = stage.simulated(programs, others)
        service, port = stage.service(programs, nodes, upstream, tested)
        _, tls_port = stage.service(programs, nodes, upstream, tested, name="tls", listen=f'tls_cert = "{crt}"\ntls_key = "{key}"\n')
        authorization, counted, leased = buy(nodes, port), buy(nodes, port, "/counted/today"), buy(nodes, port, "/leased/today")
        wait_for(lambda: b"200 OK" in http_get(port, "/weather/today", [("Authorization", authorization)]), "a paid answer")

        small = {"nginx": (nginx_port, authorization, "/weather/today"), "millraced": (port, authorization, "/weather/today"),
                 "counted": (port, counted, "/counted/today"), "leased": (port, leased, "/leased/today")}  # fmt: skip
        rates = {name: {count: [] for count in (FEW, MORE, MANY)} for name in small}
        tls = {"nginx": [], "millraced": []}
        large = {"nginx": [], "millraced": []}
        for round_number in range(ROUNDS + 1):
            seconds = SECONDS if round_number else 1  # the first one warms up
            for connections in (FEW, MORE, MANY):
                for name, (at, credential, path) in small.items():
                    requests, took = wrk(at, credential, others, seconds, path, connections)
                    rates[name][connections].append(requests / took)
            for name, at in (("nginx", nginx_tls_port), ("millraced", tls_port)):
                requests, took = wrk(at, authorization, others, seconds, scheme="https")
                tls[name].append(requests / took)
            large["nginx"].append(download(nginx_port, authorization, others, [nginx.pid, *children(nginx.pid)]))
            large["millraced"].append(download(port, authorization, others, [service.pid]))
        return {
            **{name: {count: statistics.median(values[1:]) for count, values in each.items()} for name, each in rates.items()},
            "tls": {name: statistics.median(values[1:]) for name, values in tls.items()},
            "download": {name: {"rate": statistics.median(rate for rate, _ in values[1:]), "cpu": statistics.median(cpu for _, cpu in values[1:])}
                         for name, values in large.items()},
        }
