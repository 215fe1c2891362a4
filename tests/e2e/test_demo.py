"""contrib/demo: shows a purchase, and leaves nothing behind however it ends."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from harness.rpc import wait_for
from harness.service import free_port

ROOT = Path(__file__).resolve().parent.parent.parent


class Demo:
    def __init__(self, directory, *options):
        self.directory = directory / "demo"
        self.log = directory / "demo.log"
        self.port, self.metrics_port = free_port(), free_port()
        build = os.environ.get("MILLRACE_BUILD")
        assert build, "MILLRACE_BUILD must name the build directory; run tests/run"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [ROOT / "contrib" / "demo", "--no-install", "--build-dir", build, "--dir", self.directory,
                 "--port", str(self.port), "--metrics-port", str(self.metrics_port), *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                # A run in the background inherits an ignored SIGINT, which a shell script can not take back.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def said(self):
        return self.log.read_text(errors="replace")

    def left_behind(self):
        """Processes that run in, or were started with, the demo's directory."""
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and process.name != str(os.getpid()):
                try:
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    where = os.path.realpath(process / "cwd")
                except OSError:
                    continue
                if str(self.directory) in command or where.startswith(str(self.directory)):
                    found.append(command)
        return found

    def ports_in_use(self):
        used = []
        for port in (self.port, self.metrics_port):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    used.append(port)
        return used


@pytest.fixture
def demo(workplace):
    made = []

    def make(*options):
        made.append(Demo(workplace, *options))
        return made[-1]

    yield make
    for one in made:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()


def test_the_demo_buys_once_and_leaves_nothing_behind(demo):
    run = demo("--once")
    assert run.process.wait(180) == 0, run.said()
    said = run.said()
    for shown in ("402 Payment Required", "WWW-Authenticate: L402 macaroon=", "invoice=\"lnbcrt", "paying 1000msat", "200 OK", "l402_tokens_paid_total", "the token is reused"):
        assert shown in said, shown
    assert run.left_behind() == []
    assert run.ports_in_use() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stays_up_until_it_is_ended_and_leaves_nothing_behind(demo, how):
    run = demo()
    wait_for(lambda: "Up until Ctrl-C" in run.said() or run.process.poll() is not None, "the demo", timeout=180)
    assert len(run.ports_in_use()) == 2, run.said()
    # As a terminal does it: to the whole group.
    os.killpg(run.process.pid, how)
    assert run.process.wait(60) == 130
    assert run.left_behind() == []
    assert run.ports_in_use() == []


def test_the_demo_names_a_port_that_is_in_use(demo, workplace):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = demo("--once", "--port", str(port))
        assert run.process.wait(60) == 1
    assert f"port {port} on 127.0.0.1 is in use" in run.said()
    assert run.left_behind() == []


def test_a_demo_whose_part_dies_fails_and_leaves_nothing_behind(demo):
    run = demo()
    wait_for(lambda: "Up until Ctrl-C" in run.said() or run.process.poll() is not None, "the demo", timeout=180)
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "millraced" in command.split("\0")[0] and str(run.directory) in command:
                os.kill(int(process.name), signal.SIGKILL)
    assert run.process.wait(60) == 1
    assert "a part of the demo ended" in run.said()
    assert run.left_behind() == []
    assert run.ports_in_use() == []
