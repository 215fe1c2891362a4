"""Millrace and clients that others wrote, from the npm registry: installed once a session; without npm or registry skipped."""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
pytest.register_assert_rewrite("whole_path", "harness")
sys.path.insert(0, str(E2E))

from whole_path import path  # noqa: E402,F401 - a fixture

# Its fixtures make the simulated networks here too; a second module of the name conftest cannot be imported by it.
spec = importlib.util.spec_from_file_location("e2e_conftest", E2E / "conftest.py")
e2e = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e)
workplace, make_network, secrets_of_network = e2e.workplace, e2e.make_network, e2e.secrets_of_network


def pytest_configure(config):
    e2e.pytest_configure(config)


@pytest.fixture(scope="session")
def packages():
    """A folder with the scripts of this one and the packages that they import."""
    for program in ("npm", "node"):
        if shutil.which(program) is None:
            pytest.skip(f"NOT RUN: {program} is not on PATH")
    with tempfile.TemporaryDirectory(prefix="mrnpm") as folder:
        for file in (*HERE.glob("*.mjs"), HERE / "package.json"):
            shutil.copy(file, folder)
        # mppx and viem each name the other as a peer, in versions that no registry has both of.
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--legacy-peer-deps",
               "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "5000"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
        except subprocess.TimeoutExpired:
            pytest.skip("NOT RUN: npm install took more than four minutes")
        if done.returncode:
            reasons = [line for line in done.stderr.splitlines() if "error" in line.lower()]
            pytest.skip("NOT RUN: npm install failed: " + "; ".join(reasons[:3]))
        yield Path(folder)


@pytest.fixture
def script(packages):
    """script("alby.mjs", url, ...): what it printed, read as JSON."""

    def run(name, *arguments):
        command = ["node", packages / name, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    return run
