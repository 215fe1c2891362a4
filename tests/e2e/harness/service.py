"""millraced, the HTTP server behind it, and the client in front of it."""

import contextlib
import http.client
import http.server
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

from .network import program
from .rpc import wait_for

PRICE_MSAT = 1000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Upstream:
    """An HTTP server that keeps what it was asked and can hold its answers."""

    def __init__(self):
        self.requests = []  # (method, path, headers as list of pairs, body)
        self.gate = threading.Event()
        self.gate.set()
        self.status = 200
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream.requests.append((self.command, self.path, list(self.headers.items()), body))
                upstream.gate.wait(60)
                text = b"sunny\n" if self.command == "GET" else body
                with contextlib.suppress(OSError):
                    self.send_response(upstream.status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()

    def hold(self):
        self.gate.clear()

    def release(self):
        self.gate.set()


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.getheaders()
        self.body = response.read()

    def values(self, name):
        return [value for field, value in self.headers if field.lower() == name.lower()]

    @property
    def problem(self):
        return json.loads(self.body)

    @property
    def challenge(self):
        """(macaroon, invoice) of a 402."""
        found = re.match(r'L402 macaroon="([^"]+)", invoice="([^"]+)"', [v for v in self.values("WWW-Authenticate") if v.startswith("L402")][0])
        return found.group(1), found.group(2)


class Service:
    """millraced before `upstream`, on the gateway of `seller`; with one service "weather" unless `services` says more."""

    def __init__(self, directory, gateway, upstream, timeout="1h", services=None, tls=False, challenges=None, forward=False):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = self.directory / "millraced.toml"
        self.log_path = self.directory / "millraced.log"
        self.database = self.directory / "millrace.db"
        self.port, self.metrics_port = free_port(), free_port()
        self.forward_port = free_port() if forward else None  # where a front asks
        self.process = None
        self.scheme = "https" if tls else "http"
        self.certificate, key = self.directory / "certificate.pem", self.directory / "key.pem"
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                            "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        listen_tls = [f'tls_cert = "{self.certificate}"', f'tls_key = "{key}"'] if tls else []
        asked = ["[[listen]]", f'address = "127.0.0.1:{self.forward_port}"', "forward_auth = true"] if forward else []
        sold = services or [{"name": "weather", "path": "/weather/", "price_msat": PRICE_MSAT, "timeout": timeout, "free": ["/weather/health"]}]
        lines = [
            "[[listen]]", f'address = "127.0.0.1:{self.port}"', *listen_tls, *asked, "[metrics]", f'address = "127.0.0.1:{self.metrics_port}"',
            "[node]", f'gateway = "{gateway}"', "[store]", f'path = "{self.database}"', "[log]", 'level = "trace"',
        ]
        if challenges:
            lines += ["[challenges]", *(f"{key} = {json.dumps(value)}" for key, value in challenges.items())]
        for service in sold:
            lines += ["[[service]]", f'upstream = "http://127.0.0.1:{upstream.port}"']
            lines += [f"{key} = {json.dumps(value)}" for key, value in service.items() if value is not None]
        self.config.write_text("\n".join(lines) + "\n")

    def start(self, ready=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([program("service"), "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: self._listens() or self.process.poll() is not None, "millraced to listen")
        assert self.process.poll() is None, self.log_path.read_text()
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, status=200):
        wait_for(lambda: self.get("/readyz", port=self.metrics_port).status == status, f"/readyz to answer {status}")

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.metrics_port), 1).close()
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it in an orderly way; returns the exit code."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode if self.process else 0

    def url(self, path="/weather/today", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def get(self, path="/weather/today", headers=(), port=None, method="GET", body=None):
        """One request; `headers` is a list of pairs, so that one may be sent twice."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        try:
            connection.putrequest(method, path)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def metric(self, name):
        """The value of a sample, written as in the text format: name or name{label="x"}."""
        for line in self.get("/metrics", port=self.metrics_port).body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def stored(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()


class Client:
    """millrace-get with a token store of its own."""

    def __init__(self, directory, payer):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.rpc = payer.rpc.path
        self.runs = 0
        self.log = self.body = self.directory / "get-0.log"

    def start(self, url, *options, rpc=None):
        self.runs += 1
        self.log = self.directory / f"get-{self.runs}.log"
        self.body = self.directory / f"get-{self.runs}.body"
        command = [program("client"), "-v", "--dir", self.directory / "store", "--rpc", rpc or self.rpc, *options, url]
        with open(self.body, "wb") as out, open(self.log, "wb") as err:
            return subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def get(self, url, *options, rpc=None, timeout=90):
        """The exit code; what it wrote is in body and log."""
        process = self.start(url, *options, rpc=rpc)
        try:
            return process.wait(timeout)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def said(self):
        return self.log.read_text() if self.log.exists() else ""

    def rows(self, table):
        with contextlib.closing(sqlite3.connect(self.directory / "store" / "tokens.db")) as database:
            return database.execute(f"select * from {table}").fetchall()

    def credentials(self):
        """What must stand in no log: the tokens and preimages in the store."""
        path = self.directory / "store" / "tokens.db"
        if not path.exists():
            return {}
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = database.execute("select macaroon, hex(preimage) from token").fetchall()
        return {text: what for macaroon, preimage in rows for text, what in ((macaroon, "a paid token"), (preimage.lower(), "a preimage")) if text}


def pause_until(moment):
    time.sleep(max(0.0, moment - time.time()))
