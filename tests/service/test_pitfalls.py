"""What went wrong elsewhere, one test for each way: other L402 and Payment servers were flooded, talked past, or read out in these
ways. Thin where another test goes deeper, which is then named. tests/run holds that no number is missing; those that need a node
are in tests/e2e."""

import base64
import json
import os
import re
import sqlite3
import time

import pytest
from kit.macaroons import Macaroon, field, mac
from kit.payments import PROBLEMS, Challenge, b64url
from kit.service import wait_for
from kit.tls import Authority
from kit.upstream import Upstream
from test_limits import PROXY, address, flood, issues
from test_payment import Charge
from test_terms import buy

SERVICES = """
[[service]]
name = "cheap"
path = "/cheap/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["l402", "payment"]
cors = ["https://app.example"]
[[service]]
name = "dear"
path = "/dear/"
upstream = "{upstream}"
price_msat = 500000
schemes = ["l402", "payment"]
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
[[service]]
name = "units"
path = "/units/"
upstream = "{upstream}"
price_msat = 1000
description = "{{method}} {{path}}"
timeout = "1h"
[[service.route]]
name = "by-unit"
path = "/units/*/**"
per_unit_msat = 1000
unit_header = "X-Units"
max_units = 50
[[service]]
name = "twice"
path = "/twice/"
upstream = "{upstream}"
price_msat = 1000
uses = 2
[[service]]
name = "often"
path = "/often/"
upstream = "{upstream}"
price_msat = 1000
limits = {{ per_token = "2/h" }}
"""


@pytest.fixture(scope="module")
def bazaar():
    from conftest import close_house, make_house

    house, name = make_house("pitfalls")
    house.start(services=SERVICES.format(upstream=house.upstream.url))
    yield house
    close_house(house, name)


def caveats(answer):
    """Of the token in a 402."""
    binary = base64.b64decode(re.search(r'macaroon="([^"]+)"', answer.get("www-authenticate"))[1])
    out, at = [], 1
    while at < len(binary):
        kind = binary[at]
        if kind == 0:
            at += 1
            continue
        size = binary[at + 1] & 0x7F
        at += 2
        if binary[at - 1] & 0x80:
            size |= binary[at] << 7
            at += 1
        out.append((kind, binary[at : at + size]))
        at += size
    return [data.decode() for kind, data in out[2:] if kind == 2]


def charge(house, path):
    return Charge(house, house.service.get(path))


def test_pitfall_01_a_flood_of_challenges_meets_limits_before_the_node_is_asked(house):
    """More in test_limits.py; what it costs those who pay: tests/bench."""
    house.start(PROXY + '[challenges]\nin_all = "30/h"\nper_prefix = "10/h"\n')
    assert flood(house, [("/weather/x", {"X-Forwarded-For": "192.0.2.7"})] * 500) == {402: 500}
    assert issues(house) == 10
    flood(house, [("/weather/x", {"X-Forwarded-For": address(n)}) for n in range(500)])
    assert issues(house) == 30


def test_pitfall_03_a_charge_opens_nothing_but_what_it_was_sold_for(bazaar):
    """More in test_payment.py: test_a_charge_for_a_cheaper_service_opens_no_dearer_one."""
    cheap = charge(bazaar, "/cheap/x")
    assert bazaar.service.get("/dear/x", cheap.headers()).status == 402
    # Neither by saying so: the request that is echoed is under the id.
    stretched = cheap.challenge.request
    stretched["externalId"] = stretched["externalId"].replace("cheap", "dear").replace("1000", "500000")
    forged = cheap.challenge.changed(request=b64url(json.dumps(stretched, sort_keys=True, separators=(",", ":")).encode()))
    assert bazaar.service.get("/dear/x", forged.headers(cheap.preimage)).json()["type"] == PROBLEMS + "invalid-challenge"
    assert bazaar.service.get("/cheap/x", cheap.headers()).status == 200
    assert bazaar.service.get("/cheap/y", cheap.headers()).status == 402


@pytest.mark.parametrize("changed", [{"realm": "test.example|lightning"}, {"digest": "a|b"}, {"opaque": "|"}])
def test_pitfall_04_a_bar_in_a_parameter_moves_no_border_of_what_the_id_covers(bazaar, changed):
    """What the id covers is joined by bars; the vectors of that: tests/unit."""
    token = bazaar.gateway.mint("charge")
    made = Challenge.made(0, bazaar.gateway.epochs[0], token, "charge", 1000, time.time() + 300, **changed)
    echo = made.credential(token.preimage)
    echo["challenge"].update(changed)
    asked = len(bazaar.upstream.requests)
    answer = bazaar.service.get("/charge/x", {"Authorization": "Payment " + b64url(json.dumps(echo).encode())})
    assert (answer.status, answer.json()["type"]) == (402, PROBLEMS + "invalid-challenge")
    assert len(bazaar.upstream.requests) == asked
    # A host with a bar in it is no realm.
    assert bazaar.service.get("/charge/x", {"Host": "a|lightning"}).status == 400


@pytest.mark.parametrize("path", ["/units/x:0,dear:0", "/units/x,dear/y", "/units/services=dear:0/y", "/units/x%0Aservices=dear:0/y", "/units/x%00/y"])
def test_pitfall_05_no_text_of_a_request_gets_into_a_caveat(bazaar, path):
    """By a rule, whose price varies, so that the token says what it was bought for."""
    answer = bazaar.service.get(path, {"X-Units": "2"})
    if answer.status != 402:
        assert answer.status == 400
        return
    for caveat in caveats(answer):
        assert re.fullmatch(r"services=units:0|units_max_price_msat=\d+", caveat), caveat
    headers = buy(bazaar, answer)
    assert bazaar.service.get("/dear/x", headers).json()["reason"] == "wrong_scope"
    assert bazaar.service.get(path, {**headers, "X-Units": "2"}).status == 200


def test_pitfall_06_what_is_sold_at_a_varying_price_has_its_limits_and_keeps_them_when_the_price_is_edited(house):
    varied = """
[[service]]
name = "varied"
path = "/varied/"
upstream = "{url}"
price_msat = 1000
timeout = "1h"
limits = {{ per_token = "2/h" }}
[[service.route]]
name = "by-unit"
path = "/varied/units/"
per_unit_msat = {unit}
unit_header = "X-Units"
"""
    service = house.start(services=varied.format(url=house.upstream.url, unit=10))
    units = {"X-Units": "3"}
    headers = {**buy(house, service.get("/varied/units/x", units)), **units}
    over = house.gateway.mint("varied")
    house.gateway.settle(over, at=time.time() - 3700)
    assert [service.get("/varied/units/x", headers).status for _ in range(3)] == [200, 200, 429]
    service.reload(house.config(services=varied.format(url=house.upstream.url, unit=9)))
    assert service.get("/varied/units/x", headers).status == 429
    assert service.get("/varied/x", over.headers()).json()["reason"] == "expired"
    other = {**buy(house, service.get("/varied/units/x", units)), **units}
    assert [service.get("/varied/units/x", other).status for _ in range(3)] == [200, 200, 429]


def test_pitfall_07_nothing_opens_but_a_preimage_or_a_settlement(bazaar):
    """That the node tells no preimage before it is paid: tests/e2e."""
    token = bazaar.gateway.mint("weather")
    for preimage in (b"\x00" * 32, token.payment_hash, token.token_id):
        answer = bazaar.service.get("/weather/x", {"Authorization": f"L402 {token.macaroon.base64()}:{preimage.hex()}"})
        assert (answer.status, answer.json()["reason"]) == (402, "bad_preimage")
    # The service knows of a settlement by the node alone, and a settled payment is no proof of whose it was.
    bazaar.gateway.settle(token)
    known = bazaar.gateway.mint("weather")
    bazaar.gateway.settle(known)
    answer = bazaar.service.get("/weather/x", {"Authorization": f"L402 {known.macaroon.base64()}:{'00' * 32}"})
    assert answer.json()["reason"] == "bad_preimage"
    # What the gateway tells the service of an invoice has no preimage.
    assert all("preimage" not in str(message) for message in bazaar.gateway.requests)


def test_pitfall_08_a_token_that_is_shared_buys_no_more(bazaar):
    """More in test_quotas.py and test_limits.py; revocation in test_admin.py."""
    twice, often = bazaar.paid("twice"), bazaar.paid("often")
    assert [bazaar.service.get("/twice/x", twice.headers()).status for _ in range(3)] == [200, 200, 402]
    assert [bazaar.service.get("/often/x", often.headers()).status for _ in range(3)] == [200, 200, 429]


def test_pitfall_09_no_upstream_sees_a_credential(bazaar):
    """More in test_paywall.py: test_every_flavour_of_a_credential_is_accepted_and_none_is_forwarded."""
    token, bought = bazaar.paid(), charge(bazaar, "/charge/x")
    assert bazaar.service.get("/weather/x", {**token.headers(), "Macaroon": token.macaroon.binary().hex()}).status == 200
    seen = bazaar.upstream.last
    assert seen.get("x-l402-token-id") == token.token_id.hex()
    assert bazaar.service.get("/charge/x", bought.headers()).status == 200
    for request, preimage in ((seen, token.preimage), (bazaar.upstream.last, bought.preimage)):
        assert not {"authorization", "macaroon"} & set(request.names())
        assert preimage.hex() not in request.head.decode()


def test_pitfall_10_what_is_sent_twice_or_in_two_ways_is_refused(bazaar):
    """More in test_proxy.py, and in tests/fuzz (http)."""
    good, other = bazaar.paid().authorization(), bazaar.paid("dear").authorization()
    head = "GET /weather/x HTTP/1.1\r\nHost: test.example\r\n"
    framing = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
    for lines, status in (
        (f"Authorization: {good}\r\nAuthorization: {other}\r\n", (400,)),
        (f"Authorization: Bearer x {good}\r\n", (402,)),
        (f"Authorization: Bearer x, {good}\r\n", (400, 402)),
        (f"Authorization: {good}\r\n{framing}", (400,)),
        (f"Authorization: {good}\r\nContent-Length: 1\r\nContent-Length: 2\r\n", (400,)),
        (f"Authorization: L402\r\n {good[5:]}\r\n", (400,)),
        (f"Authorization : {good}\r\n", (400,)),
        (f"Authorization: {good}\r\nHost: other.example\r\n", (400,)),
    ):
        asked = len(bazaar.upstream.requests)
        with bazaar.service.client() as client:
            assert client.send(f"{head}{lines}\r\n0\r\n\r\n").read().status in status, lines
        assert len(bazaar.upstream.requests) == asked, lines
    assert bazaar.service.get("/weather/x", {"Authorization": good, "X-L402-Service": "dear", "X_L402_Token_Id": "forged"}).status == 200
    assert bazaar.upstream.last.get("x-l402-service") == "weather" and "x_l402_token_id" not in bazaar.upstream.last.names()


def test_pitfall_11_nobody_says_where_he_comes_from_but_a_trusted_proxy(house):
    """More in test_limits.py."""
    house.start('[challenges]\nper_prefix = "2/h"\nreuse = false\n')
    fields = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP")
    ask = lambda n: house.service.get("/weather/x", {name: f"for={address(n)}" if name == "Forwarded" else address(n) for name in fields}).status
    assert [ask(n) for n in range(4)] == [402, 402, 429, 429]


def test_pitfall_13_no_log_at_any_level_shows_a_secret(house):
    """Each test looks through its logs when it ends; this one makes them as talkative as can be."""
    service = house.start(config=house.config(services=SERVICES.format(upstream=house.upstream.url)).replace('level = "debug"', 'level = "trace"'))
    token, bought = house.paid(), charge(house, "/charge/x")
    wrong = token.preimage[:-1] + bytes([token.preimage[-1] ^ 1])
    credentials = [
        token.headers(),
        {"Authorization": f"L402 {token.macaroon.base64()}:{wrong.hex()}"},
        {"Authorization": f"L402 {token.macaroon.base64()[:-3]}:{token.preimage.hex()}"},
        {"Authorization": f"Bearer {token.preimage.hex()}"},
        {"Macaroon": token.macaroon.copy().add("preimage=" + token.preimage.hex()).binary().hex()},
        bought.headers(),
        bought.challenge.changed(realm="other").headers(bought.preimage),
    ]
    for headers in credentials:
        for path in ("/weather/x", "/charge/x", "/dear/x", "/weather/x?preimage=" + token.preimage.hex()):
            service.get(path, headers)
    service.stop()
    text = service.log_file.read_text()
    for secret in (token.preimage.hex(), wrong.hex(), token.macaroon.base64()[:-3], bought.preimage.hex(), bought.headers()["Authorization"][8:60]):
        assert secret not in text


def test_pitfall_14_an_upstream_is_not_believed_without_a_certificate_that_verifies(house):
    """More in test_upstreams.py; old versions towards clients in test_operation.py."""
    stranger = Upstream(tls=Authority(house.folder).issue("localhost").server())
    sold = f'[[service]]\nname="safe"\npath="/safe/"\nupstream="https://localhost:{stranger.port}"\nprice_msat=1\nuses = 2\n'
    service = house.start(services=sold)
    token = house.paid("safe")
    assert [service.get("/safe/x", token.headers()).status for _ in range(3)] == [502] * 3
    assert not stranger.requests
    stranger.close()


def test_pitfall_15_no_key_lies_on_the_disk(house):
    """Tokens of keys that were rotated and retired: test_paywall.py."""
    service = house.start(services=SERVICES.format(upstream=house.upstream.url))
    token, bought = house.paid(), charge(house, "/charge/x")
    assert service.get("/weather/x", token.headers()).status == 200
    assert service.get("/charge/x", bought.headers()).status == 200
    service.kill()
    identifier = token.macaroon.identifier
    secrets = [*house.gateway.epochs.values(), mac(house.gateway.epochs[0], identifier), token.preimage, bought.preimage, token.macaroon.signature]
    for file in house.folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            for secret in secrets:
                assert secret not in data and secret.hex().encode() not in data and base64.b64encode(secret)[:-3] not in data, file
    assert os.stat(house.folder / "millrace.db").st_mode & 0o007 == 0


def test_pitfall_16_every_byte_of_a_signature_counts(bazaar):
    """They are compared in constant time, by crypto::equal_constant_time: tests/unit holds what it answers."""
    token = bazaar.paid()
    good = token.macaroon.signature
    for byte in range(32):
        token.macaroon.signature = good[:byte] + bytes([good[byte] ^ 1 << byte % 8]) + good[byte + 1 :]
        assert bazaar.service.get("/weather/x", token.headers()).json()["reason"] == "bad_signature"
    token.macaroon.signature = good
    assert bazaar.service.get("/weather/x", token.headers()).status == 200


def test_pitfall_17_caveats_of_others_are_skipped_and_our_own_kept_or_refused(bazaar):
    def ask(*added):
        token = bazaar.paid("units")
        for caveat in added:
            token.macaroon.add(caveat)
        return bazaar.service.get("/units/x", token.headers())

    assert ask("colour=green", "preimage=00", "no equals sign", "dear_valid_until=1").status == 200
    for caveat in ("units_valid_until=soon", f"units_valid_until={int(time.time()) - 1}", "units_max_price_msat=-1", "units_max_price_msat=999",
                   "units_route=", "units_route=other", "units_credit_msat=x", "services=", "services=dear:0"):
        answer = ask(caveat)
        # A balance is no part of this service: what is said of one changes nothing.
        assert answer.status == (200 if "credit" in caveat else 402), caveat
    assert ask("units_max_price_msat=10", "units_max_price_msat=100000").json()["reason"] == "widened"
    unnamed = bazaar.paid("units")
    unnamed.macaroon = Macaroon(mac(bazaar.gateway.epochs[0], unnamed.macaroon.identifier), unnamed.macaroon.identifier)
    assert bazaar.service.get("/units/x", unnamed.headers()).json()["reason"] == "wrong_scope"


def test_pitfall_18_what_cannot_be_checked_or_recorded_is_not_given_away(house):
    """Each fault by itself: test_faults.py."""
    house.gateway.stop()
    service = house.start(wait_ready=False, services=SERVICES.format(upstream=house.upstream.url))
    token = house.gateway.mint("twice")
    for path in ("/weather/x", "/twice/x", "/charge/x"):
        for headers in ({}, token.headers(), {"Authorization": "Payment e30"}):
            assert service.get(path, headers).status in (402, 503)
    assert not house.upstream.requests


def test_pitfall_20_who_pays_late_gets_all_the_time_he_paid_for(bazaar):
    """The time counts from settlement, and a challenge lasts as long as its invoice."""
    bazaar.gateway.expiry = 2
    try:
        answer = bazaar.service.get("/units/x")
        offered = Challenge.of_answer(bazaar.service.get("/charge/x"))
    finally:
        bazaar.gateway.expiry = 600
    expires = time.mktime(time.strptime(offered["expires"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert expires <= time.time() + 2
    time.sleep(2.5)  # the payment was on its way when the invoice expired
    headers = buy(bazaar, answer)
    wait_for(lambda: bazaar.service.get("/units/x", headers).status == 200, "the token to open")


def test_pitfall_22_a_pre_flight_is_answered_and_never_reaches_the_upstream(bazaar):
    """More in test_terms.py and test_discovery.py."""
    asked, wanted = len(bazaar.upstream.requests), len(bazaar.gateway.requests)
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    for path in ("/cheap/x", "/dear/x", "/cheap/%2e%2e/dear/x"):
        for headers in ({}, preflight, {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}):
            assert bazaar.service.request("OPTIONS", path, headers).status in (204, 400, 403)
    assert (len(bazaar.upstream.requests), len(bazaar.gateway.requests)) == (asked, wanted)


def test_pitfall_23_a_token_is_good_for_what_was_paid_and_no_dearer_request(bazaar):
    """More in test_terms.py; what a node takes for an invoice is the node's to check: tests/e2e."""
    cheap = buy(bazaar, bazaar.service.get("/units/a/b", {"X-Units": "1"}))
    assert bazaar.service.get("/units/a/b", {**cheap, "X-Units": "1"}).status == 200
    for _ in range(2):
        answer = bazaar.service.get("/units/a/b", {**cheap, "X-Units": "50"})
        assert (answer.status, answer.json()["reason"]) == (402, "underpaid")
    # A charge says in what is under its id which price it was for.
    assert ":1000" in charge(bazaar, "/cheap/x").challenge.request["externalId"]


def test_pitfall_24_a_token_has_no_more_bytes_and_caveats_than_any_needs(bazaar):
    def ask(count, text="colour=green"):
        token = bazaar.paid()
        for _ in range(count):
            token.macaroon.add(text)
        return bazaar.service.get("/weather/x", token.headers())

    assert ask(60).status == 200
    for count, text in ((65, "a=b"), (300, "a=b"), (10, "x" * 2000)):
        answer = ask(count, text)
        assert (answer.status, answer.json()["reason"]) == (402, "malformed")
    with bazaar.service.client() as client:
        answer = client.get("/weather/x", {"Authorization": "L402 " + "A" * 70_000 + ":" + "0" * 64})
        assert answer.status == 431
    # A body that says that it is longer than it is, and a payment that is longer than any is.
    assert bazaar.service.get("/charge/x", {"Authorization": "Payment " + "e" * 40_000}).status in (400, 402)


def test_pitfall_25_a_third_party_caveat_is_refused_by_name(bazaar):
    token = bazaar.paid()
    root, location = mac(bazaar.gateway.epochs[0], token.macaroon.identifier), b"https://other.example"
    identifier, sealed = b"who are you", os.urandom(48)
    plain = Macaroon(root, token.macaroon.identifier).add("services=weather:0")
    signature = mac(plain.signature, mac(plain.signature, sealed) + mac(plain.signature, identifier))
    binary = plain.binary()[: -1 - 34]  # without the end of the caveats, and the signature
    binary += field(1, location) + field(2, identifier) + field(4, sealed) + b"\x00" + b"\x00" + field(6, signature)
    answer = bazaar.service.get("/weather/x", {"Authorization": f"L402 {base64.b64encode(binary).decode()}:{token.preimage.hex()}"})
    assert (answer.status, answer.json()["reason"]) == (402, "third_party")
    assert "third" in answer.json()["detail"]


def test_pitfall_26_what_nobody_pays_leaves_nothing_behind(house):
    """On the node: tests/e2e. Here: no row, and no memory beyond the bounds."""
    service = house.start(PROXY + '[challenges]\nmax_open = 50\nin_all = "100000/s"\nper_prefix = "100000/s"\n')
    house.gateway.expiry = 1
    counts = flood(house, [("/weather/x", {"X-Forwarded-For": address(n)}) for n in range(400)])
    assert counts[402] >= 50 and set(counts) <= {402, 429}
    wait_for(lambda: service.metric("l402_invoices_open") == 0, "the open invoices to be forgotten")
    assert service.get("/weather/x", {"X-Forwarded-For": "172.16.0.1"}).status == 402
    service.stop()
    database = sqlite3.connect(house.folder / "millrace.db")
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    rows = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    database.close()
    assert rows.pop("free_use_key") == 1  # drawn at the first start, whoever asks
    assert rows.pop("sold_terms") == 2  # for how long each service sells
    assert rows.pop("gateway_cursors") == 1  # whose gateway it is
    assert not any(rows.values()), rows


@pytest.mark.parametrize("path, schemes", [("/weather/x", {"L402"}), ("/cheap/x", {"L402", "Payment"}), ("/charge/x", {"Payment"})])
def test_pitfall_27_what_a_402_offers_is_what_is_accepted(bazaar, path, schemes):
    offered = {line.split()[0].replace("LSAT", "L402") for line in bazaar.service.get(path).all("www-authenticate")}
    assert offered == schemes
    if "L402" in schemes:
        assert bazaar.service.get(path, buy(bazaar, bazaar.service.get(path))).status == 200
    if "Payment" in schemes:
        assert bazaar.service.get(path, charge(bazaar, path).headers()).status == 200
    # And what is not offered is not taken, whatever it is worth.
    name = path.split("/")[1]
    if "L402" not in schemes:
        assert bazaar.service.get(path, bazaar.paid(name).headers()).status == 402
    if "Payment" not in schemes:
        token = bazaar.gateway.mint(name)
        made = Challenge.made(0, bazaar.gateway.epochs[0], token, name, 1000, time.time() + 300)
        assert bazaar.service.get(path, made.headers(token.preimage)).status == 402
