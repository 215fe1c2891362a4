"""Millrace and clients that others wrote."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
pytest.register_assert_rewrite("whole_path", "harness")
sys.path[:0] = [str(HERE), str(E2E)]

from installs import Installs  # noqa: E402
from whole_path import path  # noqa: E402,F401 - a fixture

# Its fixtures make the simulated networks here too; a second module of the name conftest cannot be imported by it.
spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)
workplace, make_network, secrets_of_network = e2e.workplace, e2e.make_network, e2e.secrets_of_network


def pytest_configure(config):
    e2e.pytest_configure(config)


@pytest.fixture(scope="session")
def installs():
    with tempfile.TemporaryDirectory(prefix="mrio", ignore_cleanup_errors=True) as folder:
        made = Installs(Path(os.environ.get("MILLRACE_INTEROP_DIR", folder)))
        yield made
        made.close()


@pytest.fixture(scope="session")
def packages(installs):
    """A folder with the scripts of this one and the packages of npm that they import."""
    return installs.of("npm")


def last_line(command, **more):
    """What it printed last, read as JSON."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture
def script(packages):
    """script("alby.mjs", url, ...) on Node."""
    return lambda name, *arguments: last_line(["node", packages / name, *arguments])


@pytest.fixture
def buyer(installs, tmp_path):
    """buyer("l402-requests", url, rpc): what python/buy_l402_requests.py says, with that package and nothing but it."""

    def run(package, *arguments):
        source = installs.of(package)
        environment = {**os.environ, "PYTHONPATH": str(source), "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        return last_line([sys.executable, HERE / "python" / f"buy_{package.replace('-', '_')}.py", *arguments], env=environment, cwd=tmp_path)

    return run
