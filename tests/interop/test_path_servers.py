"""Random spellings of paths through millraced to real servers, each with its line of millraced.toml(5), "Paths": what is served is
never dearer than what was charged. The same over models of more servers, 100,000 times: tests/unit/service/paywall/path_spellings_test.cpp."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SERVICE_TESTS = HERE.parent / "service"
sys.path.insert(0, str(SERVICE_TESTS))

from kit import invoices  # noqa: E402
from kit.fronts import free_port, listens  # noqa: E402
from kit.gateway import Gateway  # noqa: E402
from kit.service import Service, wait_for  # noqa: E402

SERVERS = HERE / "servers"
SPELLINGS = int(os.environ.get("MILLRACE_SPELLINGS", "100"))  # for each server
BALANCE = 1_000_000_000
WORTH = {"open": 0, "pub": 0, "other": 1000, "dir": 50000, "edit": 90000}
RESOURCES = ["/docs/edit", "/docs/edit/x", "/docs/dir/a", "/docs/open", "/pub/a", "/docs/other", "/docs/dir/"]
KNOWN = ["/docs/edit;/x", "/docs/edit;a=b/x", "/docs/EDIT/x", "/docs;/edit", "/docs/open;/../edit", "/docs/edit%2Fx", "/DOCS/dir/x", "/docs/%2565dit",
         "/docs/dir", "/docs/edit/", "/pub;/../docs/edit", "/pub%2f..%2fdocs/edit"]
INSERTIONS = [";", ";x", ";/x", ";a=b/x", "/;x", "//", "/./", "/../", "/x/../", "%2F", "%2f", "%5C", ".", "%2e", "%20", "::$DATA", "%3Fx",
              "%23x", "%3B", "%3bx", "/", "%252F", "%00", "%c0%af", "%2e%2e/", "/..;/", "..%2F", "%25", "/pub/../", "%253Fx", "/pub;/", ":"]

CONFIG = """
[listen]
address = "127.0.0.1:0"
threads = 1
[metrics]
address = "127.0.0.1:0"
[node]
gateway = "{gateway}"
[store]
path = "millrace.db"
[challenges]
reuse = false
[[service]]
name = "shop"
path = "/"
upstream = "http://127.0.0.1:{port}"
price_msat = 1000
credit_msat = {balance}
free = ["/docs/open", "/pub/"]
{line}
[[service.route]]
name = "edit"
path = "/docs/edit"
price_msat = 90000
[[service.route]]
name = "dir"
path = "/docs/dir/"
price_msat = 50000
"""

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location = /docs/open {{ add_header X-Served open; return 200; }}
        location /pub/ {{ add_header X-Served pub; return 200; }}
        location = /docs/edit {{ add_header X-Served edit; return 200; }}
        location /docs/edit/ {{ add_header X-Served edit; return 200; }}
        location /docs/dir/ {{ add_header X-Served dir; return 200; }}
        location / {{ add_header X-Served other; return 200; }}
    }}
}}
"""


def program(name, *more):
    found = shutil.which(name) or next((path for path in more if os.path.exists(path)), None)
    if found is None:
        pytest.skip(f"NOT RUN: {name} is not on PATH")
    return found


def run(command, folder, what, **more):
    """A step of preparation; where it fails, the server is not there."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, **more)
    except subprocess.TimeoutExpired:
        pytest.skip(f"NOT RUN: {what} took more than three minutes")
    if done.returncode:
        pytest.skip(f"NOT RUN: {what} failed: {done.stderr.strip()[-300:]}")


def nginx(folder, port):
    binary = program("nginx", "/usr/sbin/nginx")
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    return [binary, "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def express(folder, port):
    node = program("node")
    npm = program("npm")
    shutil.copy(SERVERS / "package.json", folder)
    shutil.copy(SERVERS / "express.js", folder)
    run([npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--fetch-retries", "1"], folder, "npm install")
    return [node, "express.js", str(port)]


def go(folder, port):
    shutil.copy(SERVERS / "server.go", folder)
    env = {**os.environ, "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    run([program("go"), "build", "-o", "server", "server.go"], folder, "go build", env=env)
    return ["./server", str(port)]


def python(folder, port):
    return [sys.executable, str(SERVERS / "application.py"), str(port)]


def servlets(folder, port):
    java = program("java")
    javac = program("javac")
    names = ["jetty9-server", "jetty9-servlet", "jetty9-http", "jetty9-io", "jetty9-util", "jetty9-security", "servlet-api"]
    jars = [Path("/usr/share/java") / f"{name}.jar" for name in names]
    missing = [jar.name for jar in jars if not jar.exists()]
    if missing:
        pytest.skip(f"NOT RUN: no {', '.join(missing)} (Debian's package libjetty9-java)")
    path = ":".join(map(str, jars))
    run([javac, "-cp", path, "-d", str(folder), str(SERVERS / "Servlets.java")], folder, "javac")
    return [java, "-cp", f"{folder}:{path}", "Servlets", str(port)]


KEEP = 'paths = { parameters = "keep" }'
LINES = {
    "nginx": (nginx, KEEP),
    "express": (express, 'paths = { parameters = "keep", case = "fold", slash = "ignore" }'),
    "go": (go, KEEP),
    "python": (python, KEEP),
    "servlets": (servlets, 'paths = { parameters = "cut", slash = "ignore" }'),
    # Nothing is said of the upstream, and routes are written without a slash at the end.
    "nginx-by-default": (nginx, ""),
    "servlets-by-default": (servlets, ""),
}


def spelling(dice):
    path = dice.choice(RESOURCES)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(path))
        kind = dice.randrange(6)
        if kind < 2 and at > 0 and path[at] != "%":
            path = path[:at] + ("%" if kind == 0 else "%25") + f"{ord(path[at]):02x}" + path[at + 1 :]
        elif kind == 2:
            path = path[:at] + path[at].swapcase() + path[at + 1 :]
        else:
            at = len(path) if kind == 3 else at + 1
            path = path[:at] + dice.choice(INSERTIONS) + path[at:]
    return path


@pytest.mark.parametrize("name", LINES)
def test_case_m12_what_a_server_serves_is_never_dearer_than_what_was_charged(name, tmp_path):
    prepare, line = LINES[name]
    port = free_port()
    command = prepare(tmp_path, port)
    gateway = Gateway(tmp_path / "g.sock").start()
    config = CONFIG if line else CONFIG.replace('"/docs/dir/"', '"/docs/dir"')
    service = Service(tmp_path, gateway, config.format(gateway=tmp_path / "g.sock", port=port, line=line, balance=BALANCE))
    with open(tmp_path / "server.log", "wb") as log:
        server = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for(lambda: listens(port) or server.poll() is not None, f"{name} listens", 60)
        assert server.poll() is None, (tmp_path / "server.log").read_text()
        service.start()
        check(service, buy(gateway, service), name)
    finally:
        server.terminate()
        server.wait(10)
        service.stop()
        gateway.stop()


def buy(gateway, service):
    found = re.search(r'macaroon="([^"]+)", invoice="' + invoices.PATTERN + '"', service.get("/docs/other").all("www-authenticate")[0])
    token = gateway.issued[found[2]]
    gateway.settle(token, amount_msat=BALANCE)
    service.expect_metric('l402_tokens_paid_total{resource="shop"}', 1)
    return {"Authorization": f"L402 {found[1]}:{token.preimage.hex()}"}


def check(service, token, name):
    dice = random.Random(name)
    balance, served, dear = BALANCE, 0, 0
    for path in RESOURCES + KNOWN + [spelling(dice) for _ in range(SPELLINGS)]:
        answer = service.get(path, token)
        left = answer.get("x-l402-remaining-msat")
        charged = balance - int(left) if left else 0
        balance -= charged
        what = answer.get("x-served") if answer.status < 300 else None
        if what is None:
            continue
        served += 1
        dear += WORTH[what] >= 50000
        assert WORTH[what] <= charged, json.dumps([name, path, what, charged])
    # Enough of them went through, plain ones at their price among them.
    assert served >= len(RESOURCES) + SPELLINGS // 10 and dear >= 4, (served, dear)
