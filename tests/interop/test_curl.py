"""curl buys by the lines of the README, as they stand there."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from harness.service import PRICE_MSAT

HERE = Path(__file__).resolve().parent
README = HERE.parents[1] / "README.md"


def lines_of_readme():
    text = README.read_text()
    found = re.search(r"^Or by hand with `curl`.*?^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found, "the README says how to buy with curl"
    return found[1]


def test_curl_buys_by_the_readme(path):
    if shutil.which("curl") is None:
        pytest.skip("NOT RUN: curl is not on PATH")
    whole = path()
    whole.sell(services=[{"name": "weather", "path": "/weather/", "price_msat": PRICE_MSAT}])
    rpc = whole.network.payer.rpc
    script = lines_of_readme().replace("http://127.0.0.1:8402/weather/today", whole.service.url("/weather/today"))
    assert whole.service.url("/weather/today") in script
    # lightning-cli, of the simulated node that pays.
    environment = {**os.environ, "PATH": f"{HERE / 'bin'}:{os.environ['PATH']}", "LIGHTNING_RPC": str(rpc.path)}
    done = subprocess.run(["sh", "-eu", "-c", script], env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    for payment in rpc("listsendpays")["payments"]:
        whole.secrets[payment["payment_preimage"]] = "a preimage"
    assert (done.returncode, done.stdout) == (0, "sunny\n"), done.stdout + done.stderr
    assert whole.paid() == 1
