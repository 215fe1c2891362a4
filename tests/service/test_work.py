"""Proof of work: what it buys where more is asked for than is made out, and what it does not."""

import base64
import hashlib
import re
import struct
import time

import pytest
from kit.macaroons import Macaroon, field, mac
from kit.upstream import response
from test_limits import PROXY, issues
from test_terms import buy

SERVICES = """
[[service]]
name = "open"
path = "/open/"
upstream = "{upstream}"
price_msat = 100
pow = "request"
auth_only = ["/open/mine"]
[[service.route]]
name = "dear"
path = "/open/dear/"
price_msat = 101
[[service]]
name = "closed"
path = "/closed/"
upstream = "{upstream}"
price_msat = 100
pow = "off"
[[service]]
name = "charged"
path = "/charged/"
upstream = "{upstream}"
price_msat = 100
schemes = ["payment"]
"""

# One invoice, and then none for an hour.
LIMITS = PROXY + '[challenges]\nreuse = false\nin_all = "1/h"\npow = {{ bits = {bits}, max_bits = {bits}, lifetime = "{lifetime}", in_all = "{in_all}" }}\n'


class Task:
    """A task as a client has it: independent of the product."""

    def __init__(self, answer):
        assert answer.status == 429 and int(answer.get("retry-after")) >= 1, (answer.status, answer.body)
        lines = answer.all("www-authenticate")
        assert len(lines) == 1
        found = re.fullmatch(r'L402 macaroon="([A-Za-z0-9+/=]+)", pow="(\d+)"', lines[0])
        self.binary, self.bits = base64.b64decode(found[1]), int(found[2])
        # 02, location, identifier, 00
        assert self.binary.startswith(b"\x02\x01\x04lsat\x02\x42\x00\x00" + bytes(32))
        self.token_id = self.binary[43:75]

    def caveats(self):
        return re.findall(rb"\x02.([a-z_]+=[^\x00]+)\x00", self.binary[75:], re.S)

    def solve(self, start=0, good=True):
        for nonce in range(start, 1 << 24):
            digest = hashlib.sha256(self.token_id + struct.pack(">Q", nonce)).digest()
            if (int.from_bytes(digest, "big") >> (256 - self.bits) == 0) == good:
                return nonce
        raise AssertionError("no solution")

    def headers(self, nonce=None, bits=None, caveat=None):
        nonce = self.solve() if nonce is None else nonce
        caveat = caveat or f"pow={self.bits if bits is None else bits}:{nonce:016x}"
        body, signature = self.binary[:-35], self.binary[-32:]
        assert self.binary[-35:-32] == b"\x00\x06\x20"
        body += field(2, caveat.encode()) + b"\x00"
        binary = body + b"\x00" + field(6, mac(signature, caveat.encode()))
        return {"Authorization": "L402 " + base64.b64encode(binary).decode() + ":POW"}


@pytest.fixture
def flooded(house):
    """A house at its limit."""

    def start(bits=8, lifetime="1m", in_all="1000/s"):
        house.start(LIMITS.format(bits=bits, lifetime=lifetime, in_all=in_all), services=SERVICES.format(upstream=house.upstream.url))
        assert house.service.get("/weather/x").status == 402
        return house

    return start


def test_work_gets_an_invoice_beyond_the_limit_and_that_is_sold(flooded):
    house = flooded()
    refused = house.service.get("/weather/x")
    task = Task(refused)
    assert refused.json()["reason"] == "work" and "invoice" in refused.json()["detail"]
    assert [c.split(b"=")[0] for c in task.caveats()] == [b"services", b"weather_valid_until", b"weather_work"]
    before = issues(house)
    answer = house.service.get("/weather/x", task.headers())
    assert (answer.status, answer.json()["price_msat"]) == (402, 1000)
    assert issues(house) == before + 1
    assert house.upstream.requests == []
    bought = buy(house, answer)
    assert house.service.get("/weather/x", bought).status == 200
    assert house.service.metric('l402_auth_total{resource="weather",result="worked"}') == 1
    assert house.service.metric('l402_challenges_total{resource="weather",result="work"}') == 1
    assert "pow=" not in house.service.log_file.read_text() and ":POW" not in house.service.log_file.read_text()


def test_work_is_good_once(flooded):
    house = flooded()
    headers = Task(house.service.get("/weather/x")).headers()
    assert house.service.get("/weather/x", headers).status == 402
    again = house.service.get("/weather/x", headers)
    assert Task(again).headers() != headers


def test_what_is_no_solution_gets_no_invoice(flooded):
    house = flooded(bits=12)
    before = issues(house)
    task = Task(house.service.get("/weather/x"))
    token = house.paid()
    bad = [
        task.headers(nonce=task.solve(good=False)),
        task.headers(nonce=task.solve(good=False), bits=0),
        task.headers(caveat="pow=12"),
        task.headers(caveat="weather_work=0,invoice"),
        {"Authorization": f"L402 {base64.b64encode(task.binary).decode()}:POW"},
        {"Authorization": f"L402 {token.macaroon.base64()}:POW"},
        {"Authorization": "L402 AAAA:POW"},
        {"Authorization": "L402 :POW"},
    ]
    # As it would be under a key that everybody knows.
    forged = Macaroon(mac(b"\0" * 32, b""), b"\0\0" + bytes(64))
    for caveat in ("services=weather:0", "weather_valid_until=9999999999", "weather_work=0,invoice", "pow=0:00"):
        forged.add(caveat)
    bad.append({"Authorization": f"L402 {forged.base64()}:POW"})
    for headers in bad:
        assert Task(house.service.get("/weather/x", headers)), headers
    two = house.service.get("/weather/x", {**task.headers(), "Macaroon": "00"})
    assert two.status == 400
    assert issues(house) == before
    # It was not used up by what was tried with it.
    assert house.service.get("/weather/x", task.headers()).status == 402


def test_work_never_opens_what_is_sold_unless_the_operator_said_so(flooded):
    house = flooded()
    # A task of one service is none of another, nor of what it was not set for.
    task = Task(house.service.get("/open/x"))
    for path in ("/weather/x", "/weather/admin/x", "/closed/x", "/charged/x"):
        answer = house.service.get(path, task.headers())
        assert answer.status == 429, path
    for path in ("/open/dear/x",):
        assert Task(house.service.get(path, task.headers()))
    assert house.service.get("/open/mine", task.headers()).status == 401
    assert Task(house.service.get("/open/x", {**task.headers(), "Connection": "upgrade", "Upgrade": "websocket"}))
    dear = Task(house.service.get("/open/dear/x"))
    assert house.service.get("/open/dear/x", dear.headers()).status == 402
    assert house.upstream.requests == []
    for path in ("/closed/x", "/charged/x"):
        assert house.service.get(path).all("www-authenticate") == []
    # A solution is no token, whatever stands in for its preimage.
    weather = Task(house.service.get("/weather/x")).headers()["Authorization"].removesuffix(":POW")
    for preimage in ("0" * 64, "f" * 64, ""):
        assert house.service.get("/weather/x", {"Authorization": weather + ":" + preimage}).status == 429
    assert house.upstream.requests == []


def test_where_the_operator_says_so_work_opens_one_request(flooded):
    house = flooded()
    headers = Task(house.service.get("/open/x")).headers()
    head = Task(house.service.get("/open/x")).headers()
    assert house.service.request("HEAD", "/open/x", head).status == 200
    house.upstream.requests.clear()
    answer = house.service.get("/open/x", headers)
    assert (answer.status, answer.body) == (200, b"hello\n")
    seen = house.upstream.last
    assert (seen.get("x-l402-access"), seen.get("x-l402-service"), seen.get("authorization")) == ("work", "open", None)
    assert Task(house.service.get("/open/x", headers))
    assert len(house.upstream.requests) == 1


def test_case_m17_work_whose_request_came_to_nothing_is_good_again(flooded):
    house = flooded()
    headers = Task(house.service.get("/open/x")).headers()
    house.upstream.routes["/open/x"] = lambda *_: response(b"", "500 Oops")
    for _ in range(2):
        assert house.service.get("/open/x", headers).status == 500
    del house.upstream.routes["/open/x"]
    assert house.service.get("/open/x", headers).status == 200
    assert house.service.get("/open/x", headers).status == 429


def test_a_task_expires(flooded):
    house = flooded(lifetime="1s")
    headers = Task(house.service.get("/weather/x")).headers()
    time.sleep(1.1)
    assert Task(house.service.get("/weather/x", headers))


def test_a_solution_is_not_good_after_a_restart(flooded):
    house = flooded()
    headers = Task(house.service.get("/weather/x")).headers()
    assert house.service.get("/weather/x", headers).status == 402
    house.service.kill()
    house.service.start()
    assert house.service.get("/weather/x").status == 402  # the limit has begun anew
    assert Task(house.service.get("/weather/x", headers))


def test_solutions_are_honoured_at_their_own_rate_and_stay_good(flooded):
    house = flooded(in_all="1/2s")
    first, second = (Task(house.service.get("/weather/x")).headers() for _ in range(2))
    assert house.service.get("/weather/x", first).status == 402
    before = issues(house)
    answer = house.service.get("/weather/x", second)
    assert (answer.status, answer.get("retry-after"), answer.all("www-authenticate")) == (429, "1", [])
    assert issues(house) == before
    time.sleep(2.1)
    assert house.service.get("/weather/x", second).status == 402


def test_without_pow_nothing_is_set_and_nothing_is_honoured(house):
    house.start('[challenges]\nreuse = false\nin_all = "1/h"\n')
    assert house.service.get("/weather/x").status == 402
    answer = house.service.get("/weather/x")
    assert (answer.status, answer.all("www-authenticate")) == (429, [])
    assert house.service.get("/weather/x", {"Authorization": "L402 AAAA:POW"}).status == 429


def test_each_limit_sets_a_task(house):
    pow_ = "pow = { bits = 6 }\n"
    house.start('[challenges]\nreuse = false\nper_prefix = "1/h"\n' + pow_)
    assert house.service.get("/weather/x").status == 402
    assert house.service.get("/weather/x", Task(house.service.get("/weather/x")).headers()).status == 402
    house.service.reload(house.config("[challenges]\nmax_open_per_prefix = 1\n" + pow_))
    house.service.get("/weather/x")
    task = Task(house.service.get("/weather/admin/x"))
    assert house.service.get("/weather/admin/x", task.headers()).status == 402


def test_case_m17_a_solution_whose_request_was_told_to_wait_is_good_again(house):
    limited = """
[[service]]
name = "open"
path = "/open/"
upstream = "{upstream}"
price_msat = 100
pow = "request"
limits = {{ in_all = "1/s" }}
""".format(upstream=house.upstream.url)
    challenges = '[challenges]\nreuse = false\nin_all = "1/h"\npow = { bits = 8, max_bits = 8, lifetime = "5m", in_all = "1000/s" }\n'
    service = house.start(challenges, limited)
    assert service.get("/open/x").status == 402
    solved = [Task(service.get("/open/x")).headers() for _ in range(2)]
    assert service.get("/open/x", solved[0]).status == 200
    waits = service.get("/open/x", solved[1])
    assert waits.status == 429 and "Nothing was used up" in waits.json()["detail"]
    time.sleep(1.1)
    assert service.get("/open/x", solved[1]).status == 200
    assert service.get("/open/x", solved[1]).status != 200
