"""The gRPC interceptor of Aperture, as loop and pool have it, buys a call behind nginx and uses its token again."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import last_line
from market import note_preimages

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "service"))
from kit.fronts import Nginx  # noqa: E402


@pytest.fixture
def sold(path, installs):
    """(what is sold to, the network): a gRPC server behind nginx, which asks millraced by forward auth."""
    program = installs.of("aperture") / "aperture"
    if Nginx.command() is None:
        pytest.skip("NOT RUN: nginx is not installed")
    whole = path()
    service = whole.sell(services=[{"name": "forecast", "path": "/weather.Forecast/", "host": "shop.example", "price_msat": 1000}], forward=True)
    server = subprocess.Popen([program, "serve"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    nginx = Nginx(whole.directory, service.forward_port, 9, int(server.stdout.readline())).start()
    yield program, whole, nginx
    nginx.stop()
    server.kill()
    server.wait()
    server.stdout.close()


def test_the_interceptor_of_aperture_buys_a_call_and_uses_its_token_again(sold):
    program, whole, nginx = sold
    done = last_line([program, f"127.0.0.1:{nginx.port2}", "shop.example", whole.network.payer.rpc.path])
    assert done == {"answers": ["sunny", "sunny"], "payments": 1}
    assert whole.paid() == 1
    note_preimages(whole)
