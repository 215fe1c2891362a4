import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
pytest.register_assert_rewrite("kit")

from kit.gateway import Gateway  # noqa: E402
from kit.service import Service  # noqa: E402
from kit.upstream import Upstream  # noqa: E402

CONFIG = """
[listen]
address = "127.0.0.1:0"
threads = 2
[metrics]
address = "127.0.0.1:0"
[node]
gateway = "{gateway}"
[store]
path = "millrace.db"
[log]
level = "debug"
{extra}
[[service]]
name = "admin"
path = "/weather/admin/"
upstream = "{upstream}"
price_msat = 9000
description = "the keys to the house"
[[service]]
name = "weather"
path = "/weather/"
upstream = "{upstream}"
price_msat = 1000
timeout = "1h"
free = ["/weather/health", "/weather/public/"]
{services}
"""


# Each 402 with an invoice of its own, however many are asked for; test_limits.py has it otherwise.
UNLIMITED = """
[challenges]
reuse = false
per_prefix = "100000/s"
in_all = "100000/s"
"""


# Of the service's log: what it says where it caught a mistake of its own.
OWN_FAULTS = ("a second reader of one connection", "ended by an exception")


class House:
    """A gateway, an upstream and a millraced in front of it, in a folder of their own."""

    def __init__(self, folder):
        self.folder = folder
        self.gateway = Gateway(folder / "g.sock").start()
        self.upstream = Upstream()
        self.services = []
        self.service = None

    def config(self, extra="", services=""):
        if "[challenges]" not in extra:
            extra += UNLIMITED
        return CONFIG.format(gateway=self.gateway.path, upstream=self.upstream.url, extra=extra, services=services)

    def start(self, extra="", services="", config=None, **more):
        self.service = Service(self.folder, self.gateway, config or self.config(extra, services))
        self.services.append(self.service)
        return self.service.start(**more)

    def paid(self, service="weather", settled=True):
        """A token that was paid for; settled in the service's store, unless told otherwise."""
        token = self.gateway.mint(service)
        if settled:
            self.gateway.settle(token)
        return token

    def close(self):
        try:
            for service in self.services:
                service.stop()
        finally:
            for service in self.services:
                if service.process:
                    service.kill()
            self.upstream.close()
            self.gateway.stop()

    def check_logs(self):
        """No credential, preimage or key stands in any log, and no sign of a fault of the service's own."""
        secrets = [key.hex() for key in self.gateway.epochs.values()]
        for token in self.gateway.issued.values():
            secrets += [token.preimage.hex(), token.macaroon.base64()]
        for log in self.folder.glob("*.log"):
            text = log.read_text()
            for secret in secrets:
                assert secret not in text, f"{log} shows a secret"
            for fault in OWN_FAULTS:
                assert fault not in text, f"{log}: {fault}"


def make_house(name):
    # Short, since paths of unix sockets end at 107 bytes.
    return House(Path(tempfile.mkdtemp(prefix="mr", dir="/tmp"))), "".join(c if c.isalnum() else "_" for c in name)


def close_house(house, name):
    try:
        house.close()
        house.check_logs()
    finally:
        kept = os.environ.get("MILLRACE_TEST_LOGS")
        if kept:
            target = Path(kept) / name
            target.mkdir(parents=True, exist_ok=True)
            for log in house.folder.glob("*.log"):
                shutil.copy(log, target)
        shutil.rmtree(house.folder, ignore_errors=True)


@pytest.fixture
def house(request):
    """A house of the test's own, nothing started."""
    made, name = make_house(request.node.name)
    yield made
    close_house(made, name)


@pytest.fixture(scope="session")
def _shared_house():
    made, name = make_house("shared")
    made.start()
    yield made
    close_house(made, name)


@pytest.fixture
def shared(_shared_house):
    """One running house for all tests that change nothing about it."""
    _shared_house.upstream.routes.clear()
    _shared_house.upstream.streaming.clear()
    return _shared_house
