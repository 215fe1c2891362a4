"""Starts the real millraced and talks to it."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from .http import Client

BINARY = os.environ.get("MILLRACE_SERVICE", "millraced")


# A sanitizer keeps books of its own about memory.
BINARY_SAYS = Path(shutil.which(BINARY) or BINARY).read_bytes() if shutil.which(BINARY) or os.path.exists(BINARY) else b""
MEMORY_FACTOR = 10 if b"__tsan_init" in BINARY_SAYS or b"__asan_init" in BINARY_SAYS else 1


def wait_for(condition, what, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Service:
    def __init__(self, folder, gateway, config, name="millraced"):
        self.folder, self.gateway = Path(folder), gateway
        self.config_file = self.folder / f"{name}.toml"
        self.log_file = self.folder / f"{name}.log"
        self.config_file.write_text(config)
        self.process = None
        self.port = self.metrics_port = 0

    def start(self, wait_ready=True, env=None, launcher=(), pass_fds=()):
        """`launcher`: a command that runs the service's, which is appended."""
        self.log = open(self.log_file, "ab")
        offset = self.log.tell()
        self.process = subprocess.Popen(
            [*launcher, BINARY, "--config", str(self.config_file)],
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            pass_fds=pass_fds,
        )
        text = wait_for(lambda: self._started(offset), f"millraced listens: {self.log_file.read_text()}")
        self.ports = [int(port) for port in re.findall(r"listening on https?://[^ \n]*:(\d+)", text)]
        self.port = self.ports[0] if self.ports else 0
        self.metrics_port = int(re.search(r"metrics on http://[^ \n]*:(\d+)", text)[1])
        if wait_ready:
            wait_for(self.ready, "millraced is ready")
        return self

    def _started(self, offset):
        text = self.log_file.read_text()[offset:]
        assert self.process.poll() is None, text
        return text if "metrics on" in text else None

    def stop(self, expect=0):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process:
            code = self.process.wait(30)
            self.log.close()
            self.process = None
            assert code == expect, f"millraced ended with {code}: {self.log_file.read_text()}"

    def kill(self):
        self.process.kill()
        self.process.wait(10)
        self.log.close()
        self.process = None

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config=None):
        """SIGHUP, and waits until it was acted upon; returns the log lines it caused."""
        if config is not None:
            self.config_file.write_text(config)
        before = len(self.log_file.read_text())
        self.signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in self.log_file.read_text()[before:], "the configuration is read again")
        return self.log_file.read_text()[before:]

    def client(self, port=None, **more):
        return Client(port or self.port, **more)

    def get(self, target, headers=None):
        with self.client() as client:
            return client.get(target, headers)

    def request(self, method, target, headers=None, body=None):
        with self.client() as client:
            client.request(method, target, headers, body)
            return client.read(to_head=method == "HEAD")

    def metrics(self):
        """The value of each series."""
        status, text = self.monitor("/metrics")
        assert status == 200
        return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")}

    def monitor(self, path):
        """(status, text) of the metrics listener."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self):
        return self.monitor("/readyz")[0] == 200

    def metric(self, series):
        """The value of one series, such as `l402_plugin_up` or `l402_auth_total{resource="weather",result="ok"}`."""
        for line in self.monitor("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        raise AssertionError(f"no series {series}")

    def expect_metric(self, series, value):
        """Waits until a series has this value: a request is counted behind its response, a fact once it is on disk."""
        try:
            wait_for(lambda: self.metric(series) == value, series, 5)
        except AssertionError:
            assert (series, self.metric(series)) == (series, value)

    def memory(self):
        """Resident bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")


class Ticker(threading.Thread):
    """Calls `work` in a loop until stopped; keeps what it answered, and the first exception."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.results, self.error, self.running = work, [], None, True
        self.start()

    def run(self):
        try:
            while self.running:
                self.results.append(self.work())
        except Exception as error:  # noqa: BLE001 - handed to the test
            self.error = error

    def finish(self):
        self.running = False
        self.join(30)
        if self.error:
            raise self.error
        return self.results
