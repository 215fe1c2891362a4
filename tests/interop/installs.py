"""Clients that others wrote, from their registries, unmodified and pinned; all installed at once, each in a folder of its own, when the first
test asks for one. What cannot be installed is skipped aloud. MILLRACE_INTEROP_DIR names a folder that keeps them."""

import concurrent.futures
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

PYPI = {
    "l402-requests": "0.9.0",
    "pympp": "0.16.0",
    "routeweiler": "0.1.2",
    "l402sdk": "0.1.0",
    "bolt402": "0.1.0",
    "bolthub": "0.7.0",
    "lightning-enable-mcp": "2.1.1",
}
SECONDS = 240  # all of them
AT_ONCE = 3


def run(command, cwd, seconds=SECONDS, **more):
    """None, or why it failed."""
    name = Path(command[0]).name
    try:
        done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL, **more)
    except subprocess.TimeoutExpired:
        return f"{name} took more than {seconds} s"
    except OSError as error:
        return f"{name}: {error.strerror}"
    reasons = [line for line in (done.stderr or done.stdout).splitlines() if "error" in line.lower()] or [f"exit {done.returncode}"]
    return "; ".join([f"{name} failed", *reasons[:3]]) if done.returncode else None


class Installs:
    """Starts every installation; `of(name)` waits for one and answers its folder."""

    def __init__(self, folder):
        self.folder = folder
        self.pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE)
        self.venv = self._start("venv", run, [sys.executable, "-m", "venv", folder / "venv"], folder)
        self.done = {"npm": self._start("npm", self._npm), "aperture": self._start("aperture", self._aperture)}
        for name in sorted(PYPI, key=lambda name: name != "routeweiler"):  # the largest first
            self.done[name] = self._start(name, self._pypi, name)

    def _start(self, name, install, *arguments):
        """Nothing is done for what is there already."""
        return self.pool.submit(str) if (self.folder / name).exists() else self.pool.submit(install, *arguments)

    def of(self, name):
        reason = self.done[name].result()
        if reason:
            pytest.skip(f"NOT RUN: {name}: {reason}")
        return self.folder / name

    def close(self):
        self.pool.shutdown(cancel_futures=True)

    def _pypi(self, name):
        reason = self.venv.result()
        command = [self.folder / "venv" / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "20",
                   "--no-compile", "--prefer-binary", "--target", self.folder / name, f"{name}=={PYPI[name]}"]
        return reason or run(command, self.folder)

    def _npm(self):
        if shutil.which("npm") is None or shutil.which("node") is None:
            return "npm or node is not on PATH"
        place = self.folder / "npm"
        place.mkdir()
        for file in (*HERE.glob("*.mjs"), HERE / "package.json"):
            shutil.copy(file, place)
        # mppx and viem each name the other as a peer, in versions that no registry has both of.
        return run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--legacy-peer-deps",
                    "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "5000"], place)

    def _aperture(self):
        if shutil.which("go") is None:
            return "go is not on PATH"
        place = self.folder / "aperture"
        shutil.copytree(HERE / "aperture", place)
        return run(["go", "build", "-mod=readonly", "-o", "aperture", "."], place)
