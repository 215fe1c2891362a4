"""What the manual says about clients of others, and that its examples do what it says."""

import os
import re
import subprocess
from pathlib import Path

import pytest

MANUAL = Path(__file__).resolve().parents[2] / "man" / "millraced.toml.5"


def item(name):
    """The source of one key's description, the first of that name."""
    return re.search(rf"^\.It Cm {name}\n(.*?)^\.(?:It|El)", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]


def examples(source):
    return re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed", source, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def rendered():
    environment = {**os.environ, "MANWIDTH": "200", "GROFF_NO_SGR": "1"}
    text = subprocess.run(["man", "-E", "ascii", "-P", "cat", "-l", MANUAL], capture_output=True, text=True, env=environment, check=True).stdout
    return re.sub(r"\s+", " ", re.sub(".\b", "", text))


def opened(house, path, headers):
    return house.service.get(path, headers).status


def test_case_c12_the_manual_says_who_cannot_pay_less_than_a_satoshi_and_what_to_sell_instead(house, rendered):
    for said in ("an lnd node sends no less than the min_htlc of its own channels, 1000 msat", "sell several by one invoice of a satoshi or more", "for 250 msat each"):
        assert said in rendered
    (example,) = examples(item("price_msat"))
    config = house.config().replace('price_msat = 1000\ntimeout = "1h"', example)
    assert "uses = 4" in config
    house.start(config=config)
    answer = house.service.get("/weather/today")
    assert answer.status == 402
    (asked,) = [request["params"] for request in house.gateway.requests if request["method"] == "issue"][-1:]
    assert asked["amount_msat"] == 1000
    token = list(house.gateway.issued.values())[-1]
    house.gateway.settle(token)
    assert [opened(house, "/weather/today", token.headers()) for _ in range(5)] == [200] * 4 + [402]


def test_case_c13_the_manual_has_a_realm_for_clients_that_keep_one_token_for_each_host(house, rendered):
    assert "between two services of one host they pay at each change. Give such services one realm" in rendered
    (example,) = examples(item("realm"))
    services = example.replace("http://127.0.0.1:9000", house.upstream.url)
    assert services.count("[[service]]") == 2

    def bought_at(path):
        assert house.service.get(path).status == 402
        token = list(house.gateway.issued.values())[-1]
        house.gateway.settle(token)
        return token.headers()

    house.start(config=house.config().split("[[service]]", 1)[0] + services)
    for bought, other in (("/today/x", "/archive/x"), ("/archive/x", "/today/x")):
        kept = bought_at(bought)
        assert [opened(house, path, kept) for path in (bought, other, bought, other)] == [200] * 4
    # Without it each change is a purchase.
    house.service.reload(house.config().split("[[service]]", 1)[0] + services.replace('realm = "weather"', ""))
    kept = bought_at("/today/x")
    assert [opened(house, path, kept) for path in ("/today/x", "/archive/x")] == [200, 402]
