import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

pytest.register_assert_rewrite("scenarios", "whole_path", "invoice_path", "payment_path", "refund_path", "session_path", "operator_path", "harness")
sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.secrets import secrets_of  # noqa: E402
from harness.sim import SimNetwork  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "service: exercises millraced (also run with its ThreadSanitizer build)")


class Workplace:
    """A directory of its own for a test; the logs in it outlive it where MILLRACE_TEST_LOGS says where to."""

    def __init__(self, name):
        # Short, since paths of unix sockets end at 107 bytes.
        self.path = Path(tempfile.mkdtemp(prefix="mr", dir="/tmp"))
        self.name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)

    def close(self):
        kept = os.environ.get("MILLRACE_TEST_LOGS")
        if kept:
            for path in self.path.rglob("*"):
                if path.is_file() and (path.suffix == ".log" or path.name in ("log", "stdout", "stderr")):
                    target = Path(kept) / self.name / path.relative_to(self.path)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, target)
        shutil.rmtree(self.path, ignore_errors=True)


def check_secrets(secrets, logs):
    """No secret stands in any log."""
    for log in logs:
        if log.exists():
            text = log.read_text(errors="replace").lower()
            for secret, what in secrets.items():
                assert secret.lower() not in text, f"{log} shows {what}"


def close_network(network, more_secrets=None, more_logs=()):
    secrets = dict(more_secrets or {})
    for node in network.nodes:
        try:
            secrets.update(secrets_of(node))
        except OSError:
            pass  # a node that the test left down
    code = network.stop()
    check_secrets(secrets, [*network.logs(), *more_logs])
    assert code == 0, f"millrace-sim ended with {code}: {network.err.read_text(errors='replace')}"


@pytest.fixture
def workplace(request):
    place = Workplace(request.node.name)
    yield place.path
    place.close()


@pytest.fixture
def make_network(workplace):
    made = []

    def make(**more):
        made.append(SimNetwork(workplace / f"net{len(made)}", **more))
        return made[-1]

    yield make
    for network in made:
        close_network(network)


@pytest.fixture
def secrets_of_network():
    def secrets(node):
        try:
            return secrets_of(node)
        except OSError:
            return {}

    return secrets
