"""Prices that another program says: asked once, held to while the invoice can be paid, and never a way in when it fails."""

import base64
import threading
import time

import pytest
from kit import bolt11, invoices
from kit.payments import Challenge, Deposit
from kit.pricer import Pricer, said
from kit.service import wait_for
from kit.upstream import Upstream, response
from test_discovery import ask
from test_terms import buy, price

SERVICE = """
[[service]]
name = "{name}"
path = "/{name}/"
upstream = "{upstream}"
price_msat = 1000
free = ["/{name}/free"]
auth_only = ["/{name}/members/"]
{more}
pricer = {{ url = "{url}"{keys} }}
"""


class Market:
    """A house whose services ask one pricer, each in a way of its own."""

    def __init__(self, house, pricer, services):
        self.house, self.pricer = house, pricer
        self.text = "".join(
            SERVICE.format(name=name, upstream=house.upstream.url, url=pricer.url, more=more, keys=", " + keys if keys else "")
            for name, more, keys in services
        )

    def start(self):
        self.house.start(services=self.text)
        self.service, self.upstream, self.gateway = self.house.service, self.house.upstream, self.house.gateway
        return self

    def asked(self):
        return len(self.pricer.questions)

    def metric(self, name, service, **labels):
        more = "".join(f',{key}="{value}"' for key, value in labels.items())
        return self.service.metric(f'l402_pricer_{name}{{resource="{service}"{more}}}')


ROUTE = """[[service.route]]
name = "units"
path = "/facts/units/"
per_unit_msat = 7
unit_header = "X-Units"
"""

SERVICES = [
    ("plain", "", 'cache = "30s"'),
    ("brief", "", 'cache = "200ms"'),
    ("facts", "", 'facts = ["method", "host", "path", "query", "content_length", "units", "client"], headers = ["X-Model", "User-Agent"], '
     'send = { "Authorization" = "Bearer for-the-pricer" }'),
    ("bounded", "", 'min_msat = 500, max_msat = 3000'),
    ("gift", "", "min_msat = 0"),
    ("few", "", 'calls = 2, fallback_msat = 7000, timeout = "5s"'),
    ("charge", 'schemes = ["payment", "l402"]', 'cache = "100ms"'),
    ("balance", "credit_msat = 5000", 'cache = "100ms", max_msat = 5000'),
    ("hour", 'timeout = "1h"', 'cache = "100ms"'),
    ("people", "", 'cache = "100ms"'),
    ("prepaid", 'schemes = ["payment", "l402"]\nsession = { deposit_msat = 10000, offer = "alone" }', 'cache = "20ms", min_msat = 0'),
]


@pytest.fixture(scope="module")
def _market():
    from conftest import close_house, make_house

    house, name = make_house("pricing")
    pricer = Pricer()
    made = Market(house, pricer, SERVICES)
    bounded = '[[service]]\nname = "bounded"'
    made.text = made.text.replace(bounded, ROUTE + bounded)
    made.start()
    yield made
    close_house(house, name)
    pricer.close()


@pytest.fixture
def market(_market):
    _market.pricer.price = lambda question: 2000
    _market.pricer.answer = None
    _market.upstream.routes.clear()
    return _market


def test_the_price_is_the_pricers_and_its_question_holds_no_secret(market):
    market.pricer.questions.clear()
    market.pricer.requests.clear()
    headers = {"Authorization": "Bearer secret-of-the-client", "Cookie": "secret=1", "X-Model": "lärge", "X-Units": "3", "X-Other": "secret"}
    answer = market.service.request("POST", "/facts/units/caf%C3%A9?q=a%20b", headers, b"12345")
    assert price(answer) == 2000
    (question,) = market.pricer.questions
    assert question == {
        "service": "facts",
        "route": "units",
        "local_price_msat": 1021,
        "method": "POST",
        "host": "test.example",
        "path": "/facts/units/caf%C3%A9",
        "query": "q=a%20b",
        "content_length": 5,
        "units": "3",
        "client": "127.0.0.0/24",
        "headers": {"x-model": "lärge", "user-agent": ""},
    }
    (asked,) = market.pricer.requests
    assert (asked.method, asked.target, asked.get("authorization")) == ("POST", "/price", "Bearer for-the-pricer")
    assert b"secret" not in asked.head + asked.body
    # The default is method and path.
    assert price(market.service.get("/plain/q?a=1")) == 2000
    assert set(market.pricer.questions[-1]) == {"service", "local_price_msat", "method", "path"}


def test_a_price_is_asked_for_once_while_it_is_fresh(market):
    before = market.asked()
    hits = market.metric("prices_total", "plain", **{"from": "memory"})
    for _ in range(5):
        assert price(market.service.get("/plain/once")) == 2000
    assert market.asked() == before + 1
    assert market.metric("prices_total", "plain", **{"from": "memory"}) == hits + 4
    market.pricer.price = lambda question: 3000
    assert price(market.service.get("/plain/once")) == 2000
    assert price(market.service.get("/plain/other")) == 3000
    assert market.asked() == before + 2
    assert price(market.service.get("/brief/x")) == 3000
    market.pricer.price = lambda question: 4000
    wait_for(lambda: price(market.service.get("/brief/x")) == 4000, "the price is asked for again", 5)
    assert market.service.metric('l402_price_msat{resource="brief"}') == 4000


def test_connections_to_the_pricer_are_used_again(market):
    price(market.service.get("/plain/warm"))
    before = market.pricer.server.connections
    for number in range(10):
        price(market.service.get(f"/plain/again/{number}"))
    assert market.pricer.server.connections == before
    # One that was closed meanwhile is no failure.
    market.pricer.server.drop_connections()
    assert price(market.service.get("/plain/after")) == 2000


def test_many_who_ask_at_a_time_share_one_question(market):
    gate = threading.Event()

    def slow(request, *_):
        gate.wait(5)
        return said({"price_msat": 2500})

    market.pricer.answer = slow
    before = market.asked()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(market.service.get("/few/same"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    wait_for(lambda: market.metric("prices_total", "few", **{"from": "shared"}) >= 19, "all wait for one answer", 10)
    gate.set()
    for thread in threads:
        thread.join()
    assert [price(answer) for answer in answers] == [2500] * 20
    assert market.asked() == before + 1


def test_no_more_is_asked_at_a_time_than_the_pricer_is_to_bear(market):
    gate = threading.Event()

    def slow(request, *_):
        gate.wait(5)
        return said({"price_msat": 2500})

    market.pricer.answer = slow
    market.pricer.most_at_once = 0
    answers = []
    threads = [threading.Thread(target=lambda n=n: answers.append(market.service.get(f"/few/{n}"))) for n in range(10)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answers) == 8, "those beyond are answered at once", 10)
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted(price(answer) for answer in answers) == [2500] * 2 + [7000] * 8
    assert market.pricer.most_at_once == 2
    assert market.metric("requests_total", "few", result="busy") == 8


def test_a_token_opens_what_it_was_bought_for_however_the_price_moves(market):
    market.pricer.price = lambda question: {"/hour/dear": 9000}.get(question["path"], 2000)
    headers = buy(market, market.service.get("/hour/x"))
    market.pricer.price = lambda question: {"/hour/dear": 9000, "/hour/x": 50000}.get(question["path"], 2000)
    wait_for(lambda: price(market.service.get("/hour/x")) == 50000, "the price rises", 5)
    for _ in range(2):  # the second time out of the cache
        before = market.asked()
        assert market.service.get("/hour/x", headers).status == 200
        assert market.asked() == before
        assert market.service.get("/hour/members/x", headers).status == 200
        assert market.asked() == before
        assert market.service.get("/hour/other", headers).status == 200
        answer = market.service.get("/hour/dear", headers)
        assert (price(answer), answer.json()["reason"]) == (9000, "underpaid")
    # Nobody says himself what a token was bought for.
    wanted = buy(market, market.service.get("/hour/dear"))
    thing = [c for c in caveats(wanted) if c.startswith(b"hour_quote=")]
    assert len(thing) == 1 and caveats(wanted).index(thing[0]) < caveats(wanted).index(b"services=hour:0")
    old = market.house.paid("hour")
    assert market.service.get("/hour/dear", old.headers()).json()["reason"] == "underpaid"  # whoever says the price
    assert market.service.get("/hour/other", old.headers()).status == 402  # 2000, and 1000 were paid
    old.macaroon.add(thing[0].decode())
    assert market.service.get("/hour/dear", old.headers()).json()["reason"] == "widened"


def caveats(headers):
    """The conditions of an L402 credential's macaroon, in order."""
    blob = base64.b64decode(headers["Authorization"].split(" ")[1].split(":")[0])
    out, at, section = [], 1, 0
    while at < len(blob):
        kind = blob[at]
        at += 1
        if kind == 0:
            section += 1
            continue
        size, shift = 0, 0
        while True:
            byte = blob[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if kind == 2 and section > 0:
            out.append(blob[at : at + size])
        at += size
    return out


def test_the_price_of_a_challenge_and_of_the_paid_request_are_the_same_though_it_moved_between(market):
    answer = market.service.get("/charge/x")
    challenge = Challenge.of_answer(answer)
    market.pricer.price = lambda question: 90000
    wait_for(lambda: price(market.service.get("/charge/x")) == 90000, "the price rises", 5)
    paid = challenge.headers(market.gateway.issued[challenge.payment_hash].preimage)
    other = market.service.get("/charge/y", paid)
    assert (other.status, other.json()["reason"]) == (402, "wrong_scope")
    assert market.service.get("/charge/x", paid).status == 200


def test_a_balance_draws_the_price_of_the_day(market):
    headers = buy(market, market.service.get("/balance/x"))
    answer = market.service.get("/balance/x", headers)
    assert (answer.status, answer.get("x-l402-remaining-msat")) == (200, "3000")
    market.pricer.price = lambda question: 2900
    time.sleep(0.2)
    answer = market.service.get("/balance/x", headers)
    assert (answer.status, answer.get("x-l402-remaining-msat")) == (200, "100")
    answer = market.service.get("/balance/x", headers)
    assert (answer.status, answer.json()["reason"], answer.json()["price_msat"]) == (402, "balance_too_low", 5000)


def test_prices_are_kept_within_the_services_bounds(market):
    for said_price, sold in ((1, 500), (500, 500), (3000, 3000), (1_000_000, 3000)):
        market.pricer.price = lambda question: said_price
        assert price(market.service.get(f"/bounded/{said_price}")) == sold
    assert market.metric("requests_total", "bounded", result="clamped") == 2


def test_nothing_is_free_unless_the_service_says_that_it_may_be(market):
    market.pricer.price = lambda question: 0
    seen = len(market.upstream.requests)
    assert market.service.get("/plain/zero").status == 503
    assert len(market.upstream.requests) == seen
    assert market.service.get("/gift/zero").status == 200
    assert len(market.upstream.requests) == seen + 1
    market.pricer.price = lambda question: 5
    assert price(market.service.get("/gift/five")) == 5


def test_free_paths_and_member_paths_ask_nobody(market):
    before = market.asked()
    assert market.service.get("/plain/free").status == 200
    assert market.service.get("/plain/members/x").status == 401
    assert market.asked() == before


def test_documents_quotes_head_and_options_have_the_same_price(market):
    manifest = market.service.get("/.well-known/l402.json").json()
    bounded = next(service for service in manifest["services"] if service["name"] == "bounded")
    assert bounded["resources"][-1]["pricing"] == {"model": "dynamic", "base_msat": 1000, "min_msat": 500, "max_msat": 3000}
    info = market.service.get("/openapi.json").json()["paths"]["/bounded/{path}"]["get"]["x-l402-info"]
    assert info["pricing"]["model"] == "dynamic" and "offers" not in info  # no charges are sold here
    market.pricer.price = lambda question: 2345
    quote = ask(market.service, {"service": "bounded", "path": "/bounded/doc"}).json()
    assert (quote["price_msat"], quote["pricing"]["model"]) == (2345, "dynamic")
    before = market.asked()
    assert market.service.request("HEAD", "/bounded/doc").get("x-l402-price-msat") == "2345"
    assert market.asked() == before
    assert market.service.request("OPTIONS", "/bounded/doc").get("x-l402-price-msat") == "2345"
    assert price(market.service.get("/bounded/doc")) == 2345
    refused = ask(market.service, {"service": "bounded", "path": "/bounded/doc", "max_price_msat": 2344})
    assert (refused.status, refused.json()["error"]["code"]) == (409, "unsatisfiable_budget")
    minted = ask(market.service, {"service": "bounded", "path": "/bounded/doc", "mint": True}).json()
    token = market.gateway.issued[invoices.hash_of(minted["invoice"])]
    headers = {"Authorization": f"L402 {minted['macaroon']}:{token.preimage.hex()}"}
    market.pricer.price = lambda question: 3000
    assert market.service.get("/bounded/doc", headers).status == 200


def test_a_browser_is_let_in_at_the_price_that_its_page_showed(market):
    html = {"Accept": "text/html"}
    page = market.service.get("/people/x", html)
    assert page.status == 402
    cookie = page.all("set-cookie")[0].split(";")[0]
    market.pricer.price = lambda question: 8000
    wait_for(lambda: market.service.get("/people/x").json()["price_msat"] == 8000, "the price rises", 5)
    again = market.service.get("/people/x", {**html, "Cookie": cookie})
    invoice = page.body.split(b"lnbcrt1")[1][:64].lower()
    assert again.status == 402 and invoice in again.body.lower()
    market.gateway.settle(market.gateway.issued[invoice.decode()])
    wait_for(lambda: market.service.get("/people/x", {**html, "Cookie": cookie}).status == 200, "the page opens", 5)


FAILURES = {
    "nobody listens": ("unreachable", None),
    "an error": ("bad_status", lambda *_: said({"price_msat": 1}, "500 Internal Server Error")),
    "a redirect": ("bad_status", lambda *_: response(b"", "302 Found", ["Location: /elsewhere"])),
    "created": ("bad_status", lambda *_: said({"price_msat": 1}, "201 Created")),
    "no JSON": ("bad_answer", lambda *_: response(b"<html>free!</html>")),
    "nothing": ("bad_answer", lambda *_: response(b"")),
    "no price": ("bad_answer", lambda *_: said({"reason": "none"})),
    "a text": ("bad_answer", lambda *_: said({"price_msat": "1"})),
    "a negative price": ("bad_answer", lambda *_: said({"price_msat": -1})),
    "no price at all": ("bad_answer", lambda *_: said({"price_msat": 0})),
    "a fraction": ("bad_answer", lambda *_: said({"price_msat": 0.5})),
    "more than there is": ("bad_answer", lambda *_: said({"price_msat": 1 << 40})),
    "too long an answer": ("bad_answer", lambda *_: said(b'{"price_msat": 1' + b" " * 20000 + b"}")),
    "an answer that breaks off": ("bad_answer", lambda r, connection, s: hang_up(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")),
    "no HTTP": ("bad_answer", lambda r, connection, s: hang_up(connection, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")),
    "a closed connection": ("bad_answer", lambda r, connection, s: hang_up(connection, b"")),
    "no answer": ("timeout", lambda *_: time.sleep(1.5)),
    "half an answer, and a pause": ("timeout", lambda r, connection, s: connection.sendall(b"HTTP/1.1 200 OK\r\n") or time.sleep(1.5)),
}


def hang_up(connection, first):
    if first:
        connection.sendall(first)
    raise Upstream.Hangup


@pytest.mark.parametrize("what", FAILURES)
def test_a_pricer_that_fails_opens_nothing(house, what):
    result, handler = FAILURES[what]
    pricer = Pricer()
    port = pricer.server.port
    services = [
        ("spare", "", 'timeout = "300ms", cache = "50ms", fallback_msat = 7000'),
        ("none", "", 'timeout = "300ms", cache = "50ms"'),
    ]
    market = Market(house, pricer, services).start()
    headers = buy(market, market.service.get("/none/mine"))
    dear = buy(market, market.service.get("/spare/mine"))
    seen = len(market.upstream.requests)
    if handler:
        pricer.answer = handler
    else:
        pricer.close()
    time.sleep(0.1)

    for path in ("/spare/x", "/spare/y"):
        answer = market.service.get(path)
        assert (answer.status, answer.json().get("price_msat")) == (402, 7000), what
    for _ in range(2):
        answer = market.service.get("/none/x")
        assert (answer.status, answer.get("retry-after"), answer.get("www-authenticate")) == (503, "1", None)
    assert market.service.request("HEAD", "/none/h").status == 503
    assert market.service.request("OPTIONS", "/none/o").get("x-l402-price-msat") is None
    assert ask(market.service, {"service": "none", "mint": True}).status == 503
    # A token for another thing does not open it either: its price is not known, or the fallback's.
    assert market.service.get("/none/x", headers).status == 503
    assert market.service.get("/spare/z", dear).json()["reason"] == "underpaid"
    assert len(market.upstream.requests) == seen
    # What was paid for stays open.
    assert market.service.get("/none/mine", headers).status == 200
    assert market.metric("requests_total", "none", result=result) >= 1
    assert market.metric("up", "none") == 0
    assert market.metric("prices_total", "spare", **{"from": "fallback"}) >= 2

    pricer.answer = None
    if not handler:
        reopened = Pricer(port=port)
        reopened.price = lambda question: 2000
    wait_for(lambda: market.service.get("/none/x").status == 402, "prices are there again", 8)
    wait_for(lambda: market.service.get("/spare/x").json()["price_msat"] == 2000, "the fallback is over", 8)
    wait_for(lambda: market.metric("up", "none") == 1, "it is known to be well", 5)
    log = market.service.log_file.read_text()
    for name in ("none", "spare"):
        # Said when it changes, not for each request.
        assert log.count(f"service {name}: no good price from ") == 1, log
        assert log.count(f"service {name}: the pricer {pricer.url} answers") == 2, log
    if not handler:
        reopened.close()
    pricer.close()


def test_a_pricer_may_listen_on_a_unix_socket_and_a_reload_keeps_its_prices(house):
    pricer = Pricer(path=house.folder / "p.sock")
    market = Market(house, pricer, [("sock", "", 'cache = "1h"')]).start()
    assert price(market.service.get("/sock/x")) == 2000
    pricer.price = lambda question: 5000
    config = market.service.config_file.read_text()
    market.service.reload(config.replace('path = "/weather/admin/"', 'path = "/weather/chief/"'))
    assert price(market.service.get("/sock/x")) == 2000
    market.service.reload(config.replace('cache = "1h"', 'cache = "2h"'))
    assert price(market.service.get("/sock/x")) == 5000
    pricer.close()


def test_a_service_ends_while_prices_are_waited_for(house):
    pricer = Pricer()
    gate = threading.Event()
    market = Market(house, pricer, [("slow", "", 'timeout = "20s"')])
    market.start()
    pricer.answer = lambda *_: gate.wait(10) and None
    clients = [market.service.client() for _ in range(4)]
    for number, client in enumerate(clients):
        client.request("GET", f"/slow/{number % 2}")
    wait_for(lambda: pricer.at_once == 2, "the pricer is asked")
    config = market.service.config_file.read_text()
    market.service.reload(config.replace("[log]", '[timeouts]\ndrain = "200ms"\n[log]'))
    market.service.stop()
    gate.set()
    pricer.close()


def test_sessions_draw_what_the_pricer_says_and_end_without_it(market):
    def get(headers=None):
        time.sleep(0.05)  # longer than an answer of the pricer is used
        return market.service.get("/prepaid/x", headers)

    def left(answer):
        return answer.status, int(answer.get("x-l402-remaining-msat"))

    deposit = Deposit(market.house, get())
    assert left(get(deposit.open(bolt11.invoice()))) == (200, 8000)
    market.pricer.price = lambda question: 3000
    refused = get(deposit.bearer())
    assert (refused.status, refused.json()["reason"], price(refused)) == (402, "too_cheap", 3000)
    dearer = Deposit(market.house, refused).challenge
    assert left(get(deposit.bearer(challenge=dearer))) == (200, 5000)
    market.pricer.price = lambda question: 0
    assert left(get(deposit.bearer())) == (200, 5000)
    market.pricer.answer = lambda *request: said({"detail": "broken"}, "500 Internal Server Error")
    asked = len(market.upstream.requests)
    assert get(deposit.bearer()).status == 503
    closed = get(deposit.close())
    assert (closed.status, closed.json()["refundSats"]) == (200, 5)
    market.pricer.answer = None
    assert get(deposit.bearer()).json()["reason"] == "session_closed"
    assert len(market.upstream.requests) == asked
