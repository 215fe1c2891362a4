"""Forward auth: a front proxy asks millraced about each request. Behind Debian's nginx by the recipe of contrib/nginx, over
HTTP/1.1 and HTTP/2, and in the words of the other proxies."""

import json
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
from concurrent import futures

import pytest
from kit import bolt11, invoices
from kit.fronts import Caddy, Nginx
from kit.http import Client
from kit.payments import Challenge, Deposit, receipt_of
from kit.service import wait_for
from kit.upstream import Upstream, response
from test_terms import buy

CONFIG = """
[[listen]]
address = "127.0.0.1:0"
threads = 2
[[listen]]
address = "127.0.0.1:0"
forward_auth = true
[metrics]
address = "127.0.0.1:0"
[node]
gateway = "{gateway}"
[store]
path = "millrace.db"
[log]
level = "debug"
[challenges]
reuse = false
per_prefix = "100000/s"
in_all = "100000/s"
[clients]
block = ["192.0.2.66"]
[[service]]
name = "uses"
path = "/weather/uses/"
price_msat = 3000
uses = 3
[[service]]
name = "credit"
path = "/weather/credit/"
price_msat = 400
credit_msat = 1000
[[service]]
name = "charge"
path = "/weather/charge/"
price_msat = 1500
schemes = ["payment"]
[[service]]
name = "both"
path = "/weather/both/"
price_msat = 1500
schemes = ["l402", "payment"]
[[service]]
name = "size"
path = "/weather/size/"
price_msat = 100
[[service.route]]
name = "upload"
per_kib_msat = 10
[[service]]
name = "slow"
path = "/weather/slow/"
price_msat = 1000
limits = {{ per_token = "1/h" }}
[[service]]
name = "trial"
path = "/weather/trial/"
price_msat = 1000
dry_run = true
[[service]]
name = "web"
path = "/weather/web/"
methods = ["GET", "HEAD", "POST"]
price_msat = 1000
cors = ["https://app.example"]
[[service]]
name = "metered"
path = "/weather/metered/"
upstream = "{upstream}"
price_msat = 1000
bytes = 1000
free = ["/weather/metered/free"]
[[service]]
name = "tiers"
path = "/weather/tiers/"
price_msat = 1000
[[service.tier]]
name = "basic"
tier = 0
[[service.tier]]
name = "gold"
tier = 1
price_msat = 5000
capabilities = ["search"]
[[service]]
name = "sample"
path = "/weather/sample/"
price_msat = 1000
free_allowance = {{ requests = 2, per = "24h" }}
[[service]]
name = "prepaid"
path = "/weather/prepaid/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["l402", "payment"]
session = {{ deposit_msat = 5000, offer = "always" }}
[[service]]
name = "alone"
path = "/weather/alone/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
session = {{ deposit_msat = 5000, offer = "alone" }}
[[service]]
name = "weather"
path = "/weather/"
price_msat = 1000
timeout = "1h"
free = ["/weather/health", "/weather/public/"]
auth_only = ["/weather/members/"]
[[service]]
name = "grpc"
path = "/weather.Forecast/"
price_msat = 2000
uses = 2
"""

CHALLENGES = ("LSAT macaroon=", "L402 macaroon=")


class Site:
    """millraced, a backend, and in front of them what a test starts."""

    def __init__(self, house):
        self.house = house
        self.backend = Upstream()
        self.service = house.start(config=CONFIG.format(gateway=house.gateway.path, upstream=self.backend.url))
        self.fronts = []

    @property
    def auth_port(self):
        return self.service.ports[1]

    def nginx(self, grpc_port=9, **added):
        if not Nginx.command():
            pytest.skip("no nginx")
        self.fronts.append(Nginx(self.house.folder, self.auth_port, self.backend.port, grpc_port, **added).start())
        return self.fronts[-1]

    def caddy(self):
        if not Caddy.command():
            pytest.skip("no caddy")
        self.fronts.append(Caddy(self.house.folder, self.service.ports[0], self.auth_port, self.backend.port).start())
        return self.fronts[-1]

    def ask(self, target, headers=None, method="GET", body=None, port=None):
        headers = {"Host": "shop.example", **(headers or {})}
        with Client(port or self.auth_port) as client:
            client.request(method, target, headers, body)
            return client.read(to_head=method == "HEAD")

    def paid(self, service="weather"):
        return self.house.paid(service)

    def token_of(self, answer):
        """The token of the invoice in a 402."""
        hashes = [hash for hash in self.house.gateway.issued if hash in answer.all("www-authenticate")[0]]
        assert len(hashes) == 1
        return self.house.gateway.issued[hashes[0]]

    def buy(self, target, port):
        """Buys what is sold at `target`, and gives the fields that open it."""
        answer = self.ask(target, port=port)
        token = self.token_of(answer)
        self.house.gateway.settle(token)
        macaroon = answer.all("www-authenticate")[1].split('macaroon="')[1].split('"')[0]
        return {"Authorization": f"L402 {macaroon}:{token.preimage.hex()}"}

    def issued(self):
        return len(self.house.gateway.issued)

    def close(self):
        for front in self.fronts:
            front.stop()
        self.backend.close()


@pytest.fixture
def site(house):
    made = Site(house)
    yield made
    made.close()


def is_challenge(answer):
    lines = answer.all("www-authenticate")
    return answer.status == 402 and len(lines) == 2 and all(line.startswith(start) for line, start in zip(lines, CHALLENGES))


# Behind nginx


def test_what_is_sold_is_bought_through_nginx(site):
    nginx = site.nginx()
    unpaid = site.ask("/weather/today?hour=3", port=nginx.port)
    assert is_challenge(unpaid), unpaid.fields
    assert unpaid.get("content-type") == "application/problem+json"
    assert unpaid.json()["reason"] == "no_credential" and unpaid.json()["price_msat"] == 1000
    assert site.issued() == 1  # the question that nginx asks first costs no invoice
    assert site.backend.requests == []

    token = site.token_of(unpaid)
    site.house.gateway.settle(token)
    headers = {**token.headers(), "Cookie": "session=1", "X-Custom": "stays"}
    paid = site.ask("/weather/today?hour=3", headers, method="POST", body=b"question", port=nginx.port)
    assert (paid.status, paid.body) == (200, b"hello\n")
    got = site.backend.last
    assert (got.method, got.target, got.body) == ("POST", "/weather/today?hour=3", b"question")
    assert got.get("authorization") is None
    assert got.get("x-l402-payment-hash") == token.payment_hash.hex()
    assert got.get("x-l402-token-id") == token.token_id.hex()
    assert got.get("x-l402-service") == "weather"
    assert got.get("cookie") == "session=1" and got.get("x-custom") == "stays"


def test_http_2_in_front_is_sold_as_http_1_is(site):
    if not shutil.which("curl"):
        pytest.skip("no curl")
    nginx = site.nginx()

    def curl(*arguments):
        url = f"http://shop.example:{nginx.port2}/weather/today"
        route = ["--connect-to", f"shop.example:{nginx.port2}:127.0.0.1:{nginx.port2}"]
        done = subprocess.run(["curl", "-s", "-i", "--noproxy", "*", "--http2-prior-knowledge", *route, *arguments, url], capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    unpaid = curl()
    assert unpaid.startswith("HTTP/2 402")
    assert unpaid.count("www-authenticate: ") == 2 and '"reason":"no_credential"' in unpaid
    token = site.paid()
    paid = curl("-H", "Authorization: " + token.authorization(), "--data-binary", "x" * 100000)
    assert paid.startswith("HTTP/2 200") and paid.endswith("hello\n")
    assert site.backend.last.body == b"x" * 100000
    assert site.backend.last.get("authorization") is None
    assert site.backend.last.get("x-l402-service") == "weather"


@pytest.mark.parametrize("header", ["Authorization", "Macaroon", "Grpc-Metadata-Macaroon", "Token", "Grpc-Metadata-Token"])
def test_no_credential_reaches_the_backend(site, header):
    nginx = site.nginx()
    token = site.paid()
    value = token.authorization("LSAT")
    if header != "Authorization":
        value = token.macaroon.copy().add("preimage=" + token.preimage.hex()).binary().hex()
    assert site.ask("/weather/today", {header: value}, port=nginx.port).status == 200
    head = site.backend.last.head.decode("latin-1").lower()
    assert header.lower() + ":" not in head and token.preimage.hex() not in head


def test_a_browser_buys_on_the_page_and_its_cookie_stays_here(site):
    nginx = site.nginx()
    browser = {"Accept": "text/html,*/*;q=0.8", "Cookie": "session=1"}
    page = site.ask("/weather/today", browser, port=nginx.port)
    assert page.status == 402 and page.get("content-type").startswith("text/html")
    cookie = page.all("set-cookie")[0].split(";")[0]
    token = site.token_of(page)

    # The page listens through nginx for its payment.
    with Client(nginx.port) as events:
        offer = page.body.decode().split('data-events=".well-known/millrace/settled?offer=')[1].split('"')[0]
        events.request("GET", "/weather/.well-known/millrace/settled?offer=" + offer, {"Host": "shop.example", "Cookie": cookie})
        head = events.head()
        assert head.status == 200 and head.get("content-type") == "text/event-stream"
        site.house.gateway.settle(token)
        seen = b""
        while b"event: settled" not in seen:
            line = events.stream.readline()
            assert line, seen
            seen += line

    opened = site.ask("/weather/today", {**browser, "Cookie": f"session=1; {cookie}; theme=2"}, port=nginx.port)
    assert (opened.status, opened.body) == (200, b"hello\n")
    assert site.backend.last.get("cookie") == "session=1; theme=2"
    assert site.backend.last.get("x-l402-payment-hash") == token.payment_hash.hex()


def test_uses_are_counted_once_and_are_on_disk_before_the_answer(site):
    nginx = site.nginx()
    site.backend.routes["/weather/uses/broken"] = lambda *_: response(b"", "500 Broken", ["X-L402-Remaining-Uses: 99", "Payment-Receipt: forged"])
    token = site.paid("uses")
    assert site.ask("/weather/uses/a", token.headers(), port=nginx.port).get("x-l402-remaining-uses") == "2"
    # Nobody tells what the backend answered: the use counts.
    broken = site.ask("/weather/uses/broken", token.headers(), port=nginx.port)
    assert (broken.status, broken.all("x-l402-remaining-uses"), broken.all("payment-receipt")) == (500, ["1"], [])
    site.service.kill()
    site.service.start()
    for front in site.fronts:  # the ports are others now
        front.stop()
    assert site.ask("/nginx/auth", {**token.headers(), "X-Original-Method": "GET", "X-Original-URI": "/weather/uses/a"}).get("x-l402-remaining-uses") == "0"
    denied = site.ask("/nginx/auth", {**token.headers(), "X-Original-Method": "GET", "X-Original-URI": "/weather/uses/a"})
    assert (denied.status, denied.get("x-l402-denied")) == (401, "quota_exhausted")


def test_a_token_that_is_used_up_is_asked_to_pay_through_nginx(site):
    nginx = site.nginx()
    token = site.paid("uses")
    statuses = []
    with futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: site.ask("/weather/uses/a", token.headers(), port=nginx.port).status, range(12)))
    assert sorted(statuses) == [200] * 3 + [402] * 9
    assert len(site.backend.requests) == 3
    exhausted = site.ask("/weather/uses/a", token.headers(), port=nginx.port)
    assert is_challenge(exhausted) and exhausted.json()["reason"] == "quota_exhausted"


def test_a_balance_is_drawn_by_the_price_when_the_request_is_let_through(site):
    nginx = site.nginx()
    bought = site.buy("/weather/credit/a", nginx.port)
    left = [site.ask("/weather/credit/a", bought, port=nginx.port).get("x-l402-remaining-msat") for _ in range(2)]
    assert left == ["600", "200"]
    poor = site.ask("/weather/credit/a", bought, port=nginx.port)
    assert poor.status == 402 and poor.json()["reason"] == "balance_too_low"
    assert len(site.backend.requests) == 2


def test_a_charge_buys_one_request_through_nginx(site):
    nginx = site.nginx()

    def buy(target):
        challenge = Challenge.of_answer(site.ask(target, port=nginx.port))
        token = site.house.gateway.issued[challenge.payment_hash]
        site.house.gateway.settle(token, amount_msat=1500)
        return challenge.headers(token.preimage)

    headers = buy("/weather/charge/a")
    paid = site.ask("/weather/charge/a", headers, port=nginx.port)
    assert paid.status == 200 and receipt_of(paid)["method"] == "lightning"
    assert "private" in paid.all("cache-control")
    assert site.backend.last.get("authorization") is None
    assert site.backend.last.get("x-l402-payment-hash")
    # A lost response may be asked for again; another request is another one.
    assert site.ask("/weather/charge/a", headers, port=nginx.port).status == 200
    other = site.ask("/weather/charge/b", headers, port=nginx.port)
    assert other.status == 402 and other.json()["reason"] == "other_request"
    assert other.all("www-authenticate")[0].startswith("Payment ")

    posted = buy("/weather/charge/p")
    assert site.ask("/weather/charge/p", posted, method="POST", body=b"do", port=nginx.port).status == 200
    again = site.ask("/weather/charge/p", posted, method="POST", body=b"do", port=nginx.port)
    assert again.status == 402 and again.json()["reason"] == "not_repeatable"
    assert len(site.backend.requests) == 3

    # Two requests at the same time are one purchase.
    once = buy("/weather/charge/q")
    with futures.ThreadPoolExecutor(6) as pool:
        ask = lambda _: site.ask("/weather/charge/q", once, method="POST", body=b"do", port=nginx.port).status  # noqa: E731
        assert sorted(pool.map(ask, range(6))) == [200] + [402] * 5


def revoke(site, payment_hash):
    """Between two starts: the store says that an operator took the payment back."""
    site.service.stop()
    with sqlite3.connect(site.house.folder / "millrace.db") as store:
        store.execute("INSERT INTO revocations (payment_hash, reason, revoked_at) VALUES (?, 'test', 1)", (bytes.fromhex(payment_hash),))
    store.close()
    site.service.start()


def test_case_m15_a_revoked_charge_behind_nginx_counts_once(site):
    challenge = Challenge.of_answer(site.ask("/weather/charge/a", port=site.nginx().port))
    token = site.house.gateway.issued[challenge.payment_hash]
    site.house.gateway.settle(token, amount_msat=1500)
    revoke(site, challenge.payment_hash)
    site.fronts.pop().stop()
    shutil.rmtree(site.house.folder / "nginx")
    nginx = site.nginx()
    answer = site.ask("/weather/charge/a", challenge.headers(token.preimage), port=nginx.port)
    assert answer.status == 402 and answer.json()["reason"] == "revoked"
    series = 'l402_auth_total{resource="charge",result="revoked"}'
    site.service.expect_metric(series, 1)
    # In the other dialects, whose one question is answered, likewise.
    question = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/weather/charge/a", "X-Forwarded-Host": "shop.example"}
    assert site.ask("/forward-auth", {**challenge.headers(token.preimage), **question}).status == 402
    site.service.expect_metric(series, 2)


def test_case_m15_an_allowance_that_is_used_up_behind_nginx_counts_once(site):
    nginx = site.nginx()
    assert [site.ask("/weather/sample/a", port=nginx.port).status for _ in range(3)] == [200, 200, 402]
    site.service.expect_metric('l402_free_requests_total{resource="sample",result="served"}', 2)
    site.service.expect_metric('l402_free_requests_total{resource="sample",result="used_up"}', 1)


def test_case_m6_a_question_with_another_spelling_of_a_field_of_ours_is_refused(site):
    """The front proxy hands on what the client sent, and some backends take it for ours."""
    question = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/weather/today", "X-Forwarded-Host": "shop.example"}
    token = site.paid().headers()
    assert site.ask("/forward-auth", {**token, **question}).status == 200
    for name in ("X_L402_Payment_Hash", "X.L402.Token.Id", "x~l402_tier"):
        answer = site.ask("/forward-auth", {**token, **question, name: "forged"})
        assert answer.status == 400 and name in answer.json()["detail"], name
    # The names themselves the recipes take out.
    assert site.ask("/forward-auth", {**token, **question, "X-L402-Service": "forged"}).status == 200


def test_case_m12_what_the_front_proxy_hands_on_as_the_client_wrote_it_is_read_so_too(site):
    token = site.paid().headers()

    def ask(path):
        question = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": path, "X-Forwarded-Host": "shop.example"}
        return site.ask("/forward-auth", {**token, **question}).status

    assert ask("/weather/today") == 200
    assert ask("/weather//today") == 200  # the same thing in either reading
    # Free by its normal form, and sold where nobody brings it into that.
    assert ask("/weather/today/../public/a") == 400
    assert ask("/weather/members/../today") == 400
    assert ask("/weather//members/a") == 400


def test_what_is_refused_keeps_its_status_through_nginx(site):
    nginx = site.nginx()
    token = site.paid("slow")
    assert site.ask("/weather/slow/a", token.headers(), port=nginx.port).status == 200
    limited = site.ask("/weather/slow/a", token.headers(), port=nginx.port)
    assert limited.status == 429 and int(limited.get("retry-after")) > 0

    members = site.ask("/weather/members/a", port=nginx.port)
    assert members.status == 401 and members.all("www-authenticate") == ['L402 realm="weather"']
    assert site.ask("/weather/members/a", site.paid().headers(), port=nginx.port).status == 200

    assert site.ask("/weather/a%5cb", port=nginx.port).status == 400
    assert site.ask("/weather/a", {"Authorization": "L402 AgEEbHNhdA:00"}, port=nginx.port).status == 402
    twice = {"Macaroon": site.paid().macaroon.binary().hex(), "Token": site.paid().macaroon.binary().hex()}
    assert site.ask("/weather/a", twice, port=nginx.port).status in (400, 402)
    assert site.ask("/weather/metered/a", site.paid("metered").headers(), port=nginx.port).status == 501
    assert [request.target for request in site.backend.requests] == ["/weather/slow/a", "/weather/members/a"]

    site.house.gateway.stop()
    wait_for(lambda: site.ask("/weather/today", port=nginx.port).status == 503, "the node is gone")
    assert int(site.ask("/weather/today", port=nginx.port).get("retry-after")) > 0
    token = site.house.gateway.mint("weather")
    assert site.ask("/weather/today", token.headers(), port=nginx.port).status == 200  # what was paid works on


def test_a_price_by_size_counts_the_length_that_nginx_tells(site):
    nginx = site.nginx()
    answer = site.ask("/weather/size/a", method="POST", body=b"x" * 3000, port=nginx.port)
    assert answer.status == 402 and answer.json()["price_msat"] == 130
    # What the client says in nginx's words is not heard.
    lie = {"X-Original-Content-Length": "0"}
    assert site.ask("/weather/size/a", lie, method="POST", body=b"x" * 3000, port=nginx.port).json()["price_msat"] == 130
    unknown = site.ask("/weather/size/a", {"Transfer-Encoding": "chunked"}, method="POST", body=b"3\r\nabc\r\n0\r\n\r\n", port=nginx.port)
    assert unknown.status == 411


def test_free_paths_trials_and_other_credentials_pass_and_nobody_claims_to_have_paid(site):
    nginx = site.nginx()
    forged = {
        "X-L402-Payment-Hash": "00" * 32,
        "X-L402-Token-Id": "11",
        "X-L402-Service": "weather",
        "X-L402-Tier": "gold",
        "X-L402-Capabilities": "all",
        "X-L402-Access": "work",
        "Authorization": "Basic dTpw",
        "Token": "x",
    }
    for target in ("/weather/health", "/weather/public/a", "/weather/trial/a"):
        assert site.ask(target, forged, port=nginx.port).status == 200
        got = site.backend.last
        assert not [name for name in got.names() if name.startswith("x-l402-") or name == "token"]
        assert got.get("authorization") == "Basic dTpw"
    assert site.issued() == 0


def test_pre_flights_and_prices_are_told_without_the_backend(site):
    nginx = site.nginx()
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    preflight = site.ask("/weather/web/a", asked, method="OPTIONS", port=nginx.port)
    assert preflight.status == 204 and preflight.get("access-control-allow-origin") == "https://app.example"
    assert site.ask("/weather/web/a", {**asked, "Origin": "https://evil.example"}, method="OPTIONS", port=nginx.port).status == 403
    options = site.ask("/weather/today", method="OPTIONS", port=nginx.port)
    assert options.status == 204 and options.get("x-l402-price-msat") == "1000"
    assert site.issued() == 0
    head = site.ask("/weather/today", method="HEAD", port=nginx.port)
    assert is_challenge(head) and head.get("x-l402-price-msat") == "1000"
    assert site.issued() == 1 and site.backend.requests == []

    # The answers of a page's own requests can be read by it, paid or not.
    origin = {"Origin": "https://app.example"}
    assert site.ask("/weather/web/a", origin, port=nginx.port).all("access-control-allow-origin") == ["https://app.example"]
    paid = site.ask("/weather/web/a", {**origin, **site.paid("web").headers()}, port=nginx.port)
    assert paid.status == 200 and paid.all("access-control-allow-origin") == ["https://app.example"]
    assert "WWW-Authenticate" in paid.get("access-control-expose-headers")


def test_documents_and_quotes_are_there_through_nginx(site):
    nginx = site.nginx()
    manifest = site.ask("/.well-known/l402.json", port=nginx.port)
    assert manifest.status == 200 and "weather" in manifest.body.decode()
    assert site.ask("/openapi.json", port=nginx.port).json()["openapi"].startswith("3.1")
    quote = site.ask("/l402/quote", method="POST", body=json.dumps({"service": "weather"}).encode(), port=nginx.port)
    assert quote.status == 200 and "1000" in quote.body.decode()
    assert site.ask("/.millrace/auth", port=nginx.port).status == 404  # nginx's own


# A client that speaks the proxies' words


WORDS = [
    {"X-Original-URI": "/weather/health", "X-Original-Method": "GET"},
    {"X-Forwarded-Uri": "/weather/health", "X-Forwarded-Method": "GET", "X-Forwarded-Host": "shop.example"},
    {"X-Rewrite-URL": "/weather/health", "X-Original-URL": "/weather/health"},
    {"X-Envoy-Original-Path": "/weather/health"},
]


@pytest.mark.parametrize("words", WORDS, ids=lambda words: next(iter(words)))
def test_what_a_client_says_of_its_request_is_not_believed(site, words):
    nginx = site.nginx()
    assert is_challenge(site.ask("/weather/today", words, port=nginx.port))
    # Nor at the ordinary listener, where nobody asks about other requests.
    assert is_challenge(site.ask("/weather/today", words, port=site.service.ports[0]))
    assert site.ask("/nginx/auth", words, port=site.service.ports[0]).status == 404
    # Each place has its own words.
    traefik = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/weather/today", "X-Forwarded-Host": "shop.example"}
    others = {name: value for name, value in words.items() if name not in traefik}
    assert site.ask("/forward-auth", {**others, **traefik}).status == 402
    assert site.ask("/ext-authz/weather/today", words).status == 402


def test_an_ordinary_listener_has_nothing_behind_a_service_without_upstream(site):
    token = site.paid("uses")
    assert is_challenge(site.service.get("/weather/uses/a"))
    for _ in range(5):
        assert site.service.get("/weather/uses/a", token.headers()).status == 421
    asked = site.ask("/forward-auth", {**token.headers(), "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/weather/uses/a"})
    assert (asked.status, asked.get("x-l402-remaining-uses")) == (200, "2")  # nothing was used up by that
    assert site.service.get("/weather/health").status == 421
    assert site.service.get("/weather/metered/a", site.paid("metered").headers()).status == 200  # this one has one


def test_what_would_pass_after_all_is_not_handed_out_by_the_answer(site):
    token = site.paid("uses")
    question = {**token.headers(), "X-Original-Method": "GET", "X-Original-URI": "/weather/uses/a"}
    for _ in range(4):
        answer = site.ask("/nginx/answer", question)
        assert (answer.status, answer.get("retry-after")) == (503, "1")
    assert site.ask("/nginx/auth", question).get("x-l402-remaining-uses") == "2"


def test_a_use_of_a_charge_is_recorded_by_the_question_alone(site):
    challenge = Challenge.of_answer(site.ask("/forward-auth", {"X-Forwarded-Method": "POST", "X-Forwarded-Uri": "/weather/charge/a", "X-Forwarded-Host": "shop.example"}))
    token = site.house.gateway.issued[challenge.payment_hash]
    site.house.gateway.settle(token, amount_msat=1500)
    question = {**challenge.headers(token.preimage), "X-Original-Method": "POST", "X-Original-URI": "/weather/charge/a", "X-Original-Content-Length": "2"}
    assert site.ask("/nginx/answer", question).status == 503
    passed = site.ask("/nginx/auth", question)
    assert passed.status == 200 and receipt_of(passed)["method"] == "lightning" and passed.get("cache-control") == "private"
    denied = site.ask("/nginx/auth", question)
    assert (denied.status, denied.get("x-l402-denied")) == (401, "not_repeatable")
    told = site.ask("/nginx/answer", {**question, "X-Original-Denied": "not_repeatable"})
    assert told.status == 402 and told.json()["reason"] == "not_repeatable"


# The words of the other proxies


def asks(dialect, method, target, headers=None, host="shop.example"):
    """A question as the proxy sends it: the target asked for and the fields."""
    headers = dict(headers or {})
    if dialect == "traefik":
        # pkg/middlewares/auth/forward.go: a GET with the client's fields and these set over them.
        words = {"Host": "auth.internal:8403", "X-Forwarded-Method": method, "X-Forwarded-Uri": target, "X-Forwarded-Host": host}
        return "GET", "/forward-auth", {**headers, **words, "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    if dialect == "caddy":
        query = "?" + target.split("?")[1] if "?" in target else ""
        words = {"Host": host, "X-Forwarded-Method": method, "X-Forwarded-Uri": target, "X-Forwarded-Host": host}
        return "GET", "/forward-auth" + query, {**headers, **words, "X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    if dialect == "envoy":
        # http_service with path_prefix "/ext-authz": the method and the authority stay, there is never a body.
        return method, "/ext-authz" + target, {**headers, "Host": host, "X-Forwarded-For": "198.51.100.7", "Content-Length": "0"}
    words = {"Host": host, "X-Original-Method": method, "X-Original-URI": target, "X-Forwarded-For": "198.51.100.7"}
    return "GET", "/nginx/auth", {**headers, **words}


DIALECTS = ["traefik", "caddy", "envoy", "nginx"]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET"])
@pytest.mark.parametrize("dialect", ["traefik", "caddy", "envoy"])
def test_case_h25_a_402_to_a_proxys_question_carries_a_challenge_whatever_the_method(site, dialect, method):
    asked_method, asked, fields = asks(dialect, method, "/weather/today")
    answer = site.ask(asked, fields, method=asked_method)
    assert is_challenge(answer) and answer.get("x-l402-price-msat") == "1000"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_proxy_is_understood(site, dialect):
    def ask(method, target, headers=None, **more):
        asked_method, asked, fields = asks(dialect, method, target, headers, **more)
        return site.ask(asked, fields, method=asked_method)

    def status(expected):
        return 401 if dialect == "nginx" else expected

    token = site.paid()
    unpaid = ask("GET", "/weather/today?a=1")
    assert unpaid.status == status(402)
    assert is_challenge(unpaid) or dialect == "nginx"
    for method in ("GET", "POST", "DELETE"):
        passed = ask(method, "/weather/today?a=1", token.headers())
        assert passed.status == 200 and passed.body == b""
        assert passed.get("x-l402-token-id") == token.token_id.hex()
        assert passed.get("x-l402-payment-hash") == token.payment_hash.hex()
        assert passed.get("x-l402-service") == "weather"
        assert passed.get("authorization") is None
    own = ask("GET", "/weather/public/a", {"Authorization": "Bearer site", "Cookie": "a=1"})
    assert (own.status, own.get("authorization"), own.get("cookie")) == (200, "Bearer site", "a=1")
    free = ask("GET", "/weather/health", {"X-L402-Service": "weather"})
    assert free.status == 200 and free.get("x-l402-service") is None
    # A status of success would let the request through.
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    assert ask("OPTIONS", "/weather/web/a", preflight).status == status(403)
    assert ask("OPTIONS", "/weather/today").status == status(402)
    assert ask("HEAD", "/weather/today").status == status(402)
    assert ask("GET", "/.well-known/l402.json").status == status(404)
    assert ask("POST", "/l402/quote").status == status(404)
    assert ask("GET", "/nothing").status == status(404)
    assert ask("GET", "/weather/members/a").status == 401
    assert ask("POST", "/weather/size/a").status == status(411)
    assert ask("GET", "/weather/size/a").status == status(411)
    assert ask("GET", "/weather/a%5cb").status == status(400)
    assert ask("TRACE", "/weather/a").status == status(501)
    assert ask("GET", "/weather/today", host="no such host").status == status(400)
    assert ask("GET", "/weather/metered/a", site.paid("metered").headers()).status == status(501)
    left = ask("GET", "/weather/uses/a", site.paid("uses").headers())
    assert left.get("x-l402-remaining-uses") == "2"


def test_envoy_is_told_what_to_remove(site):
    _, asked, fields = asks("envoy", "GET", "/weather/today", site.paid().headers())
    removed = site.ask(asked, fields).get("x-envoy-auth-headers-to-remove").split(", ")
    credentials = {"authorization", "cookie", "macaroon", "token", "grpc-metadata-macaroon", "grpc-metadata-token"}
    # And what a client might claim of a token that has no tier, such as its wish for one.
    assert set(removed) == credentials | {"x-l402-tier", "x-l402-capabilities", "x-l402-access"}
    _, asked, fields = asks("envoy", "GET", "/weather/health", {"Authorization": "Basic dTpw"})
    removed = site.ask(asked, fields).get("x-envoy-auth-headers-to-remove").split(", ")
    assert "authorization" not in removed and "x-l402-service" in removed


def test_who_asks_stands_in_the_question(site):
    blocked = {"X-Forwarded-For": "192.0.2.66", "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/weather/health"}
    assert site.ask("/forward-auth", blocked).status == 403
    assert site.ask("/forward-auth", {**blocked, "X-Forwarded-For": "192.0.2.66, 198.51.100.7"}).status == 200  # the last one
    assert site.ask("/forward-auth", {**blocked, "X-Forwarded-For": "198.51.100.7, 192.0.2.66"}).status == 403


def test_a_listener_for_questions_serves_nothing_else(site):
    token = site.paid("metered")
    for target in ("/weather/metered/a", "/", "/.well-known/l402.json", "/forward-auth/", "/nginx/"):
        assert site.ask(target, token.headers()).status == 404
    assert site.ask("/forward-auth", token.headers()).status == 400  # about which request?
    assert site.backend.requests == []
    assert "a question from" in site.service.log_file.read_text()


def test_a_refused_credential_counts_once_though_nginx_asks_twice(site):
    nginx = site.nginx()
    token = site.paid("uses")
    for status in (200, 200, 200, 402):
        assert site.ask("/weather/uses/a", token.headers(), port=nginx.port).status == status
    site.service.expect_metric('l402_auth_total{resource="uses",result="ok"}', 3)
    site.service.expect_metric('l402_auth_total{resource="uses",result="exhausted"}', 1)
    site.service.expect_metric('l402_challenges_total{resource="uses",result="issued"}', 1)


def test_questions_come_over_a_unix_socket_too(house):
    path = house.folder / "auth.sock"
    config = CONFIG.format(gateway=house.gateway.path, upstream="http://127.0.0.1:9")
    service = house.start(config=config.replace('address = "127.0.0.1:0"\nforward_auth', f'address = "unix:{path}"\nforward_auth'))
    words = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/weather/today", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}
    with service.client(path=path) as client:
        assert is_challenge(client.get("/forward-auth", words))
        assert client.get("/forward-auth", {**words, **house.paid().headers()}).status == 200
        page = client.get("/forward-auth", {**words, "Accept": "text/html"})
        assert page.status == 402 and "; Secure" in page.all("set-cookie")[0]


def test_a_question_over_a_kept_connection_is_one_of_many(site):
    token = site.paid()
    with Client(site.auth_port) as client:
        for round in range(30):
            headers = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": f"/weather/{round}"}
            assert client.get("/forward-auth", {**headers, **(token.headers() if round % 2 else {})}).status == (200 if round % 2 else 402)


# gRPC


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_call_of_grpc_is_denied_in_its_own_words(site, dialect):
    method, asked, fields = asks(dialect, "POST", "/weather.Forecast/Get", {"Content-Type": "application/grpc", "TE": "trailers"})
    if dialect == "nginx":
        method, asked = "POST", "/nginx/answer"
    denied = site.ask(asked, fields, method=method)
    # 200 as gRPC has it, but not to a proxy that lets through what is answered so.
    assert denied.status == (200 if dialect == "nginx" else 402)
    assert denied.get("content-type") == "application/grpc" and denied.body == b""
    assert (denied.get("grpc-status"), denied.get("grpc-message")) == ("13", "payment required")
    lines = denied.all("www-authenticate")
    assert len(lines) == 2 and lines[0].startswith("LSAT macaroon=") and lines[1].startswith("L402 macaroon=")


def test_grpc_is_sold_through_nginx(site):
    grpc = pytest.importorskip("grpc")
    calls = []

    class Forecast(grpc.GenericRpcHandler):
        def service(self, details):
            calls.append(dict(details.invocation_metadata))
            if details.method.endswith("/Sum"):
                return grpc.stream_unary_rpc_method_handler(lambda messages, _: b"".join(messages))
            return grpc.unary_unary_rpc_method_handler(lambda message, _: b"sunny: " + message)

    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Forecast()])
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    nginx = site.nginx(grpc_port)
    options = [("grpc.default_authority", "shop.example"), ("grpc.enable_http_proxy", 0)]
    channel = grpc.insecure_channel(f"127.0.0.1:{nginx.port2}", options)
    get = channel.unary_unary("/weather.Forecast/Get")
    add = channel.stream_unary("/weather.Forecast/Sum")
    try:
        with pytest.raises(grpc.RpcError) as denied:
            get(b"today", timeout=20)
        assert denied.value.code() == grpc.StatusCode.INTERNAL and denied.value.details() == "payment required"
        metadata = [*denied.value.initial_metadata(), *denied.value.trailing_metadata()]
        lines = [value for name, value in metadata if name == "www-authenticate"]
        assert len(lines) == 2 and lines[1].startswith("L402 macaroon="), metadata
        assert calls == []

        # Its client waits for an answer before it has said everything.
        over = threading.Event()

        def words():
            yield b"a"
            over.wait(20)

        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as denied:
            add(words(), timeout=20)
        over.set()
        assert denied.value.details() == "payment required" and time.monotonic() - began < 10

        token = site.house.gateway.issued[invoices.hash_of(lines[1].split('invoice="')[1])]
        site.house.gateway.settle(token, amount_msat=2000)
        paid = [("authorization", token.authorization())]
        answer, call = get.with_call(b"today", timeout=20, metadata=paid)
        assert answer == b"sunny: today"
        assert ("x-l402-remaining-uses", "1") in [(name, value) for name, value in call.initial_metadata()]
        assert add(iter([b"a", b"b"]), timeout=20, metadata=[("macaroon", token.macaroon.copy().add("preimage=" + token.preimage.hex()).binary().hex())]) == b"ab"
        for metadata in calls:
            assert not {"authorization", "macaroon", "token"} & set(metadata)
            assert metadata["x-l402-payment-hash"] == token.payment_hash.hex()
        with pytest.raises(grpc.RpcError) as exhausted:
            get(b"today", timeout=20, metadata=paid)
        assert exhausted.value.details() == "payment required" and len(calls) == 2
    finally:
        channel.close()
        server.stop(None)


# Behind Caddy


def test_what_is_sold_is_bought_through_caddy(site):
    caddy = site.caddy()
    unpaid = site.ask("/weather/today?a=1", port=caddy.port)
    assert is_challenge(unpaid), (unpaid.status, unpaid.fields)
    assert unpaid.get("content-type") == "application/problem+json" and site.issued() == 1
    token = site.token_of(unpaid)
    site.house.gateway.settle(token)
    headers = {**token.headers(), "Cookie": "session=1", "X-Forwarded-Uri": "/weather/health"}
    paid = site.ask("/weather/today?a=1", headers, method="POST", body=b"question", port=caddy.port)
    assert (paid.status, paid.body) == (200, b"hello\n"), paid.fields
    got = site.backend.last
    assert (got.method, got.target, got.body) == ("POST", "/weather/today?a=1", b"question")
    assert not got.get("authorization") and got.get("cookie") == "session=1"
    assert got.get("x-l402-payment-hash") == token.payment_hash.hex() and got.get("x-l402-service") == "weather"

    forged = {"X-Forwarded-Uri": "/weather/health", "X-Forwarded-Method": "GET", "X-Original-URI": "/weather/health"}
    assert is_challenge(site.ask("/weather/today", forged, port=caddy.port))
    claims = {"X-L402-Payment-Hash": "00" * 32, "X-L402-Service": "weather", "X-L402-Tier": "gold", "X-L402-Capabilities": "all", "Authorization": "Basic dTpw", "Macaroon": "00", "Grpc-Metadata-Token": "00"}
    assert site.ask("/weather/health", {name: value for name, value in claims.items() if "acaroon" not in name}, port=caddy.port).status == 200
    got = site.backend.last
    assert not [name for name in got.names() if name.startswith("x-l402-")] and got.get("authorization") == "Basic dTpw"
    assert not got.get("macaroon") and not got.get("grpc-metadata-token")

    uses = site.paid("uses")
    assert site.ask("/weather/uses/a", uses.headers(), port=caddy.port).all("x-l402-remaining-uses") == ["2"]
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    assert site.ask("/weather/web/a", preflight, method="OPTIONS", port=caddy.port).status == 204
    assert site.ask("/.well-known/l402.json", port=caddy.port).status == 200
    page = site.ask("/weather/today", {"Accept": "text/html"}, port=caddy.port)
    assert page.status == 402 and page.get("content-type").startswith("text/html")
    call = site.ask("/weather/today", {"Content-Type": "application/grpc"}, method="POST", body=b"", port=caddy.port)
    assert (call.status, call.get("grpc-status")) == (200, "13") and len(call.all("www-authenticate")) == 2
    assert [request.target for request in site.backend.requests] == ["/weather/today?a=1", "/weather/health", "/weather/uses/a"]


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_the_backend_is_told_the_tier_that_was_bought(site, front):
    port = getattr(site, front)().port
    wish = {"X-L402-Tier": "gold"}
    unpaid = site.ask("/weather/tiers/a", wish, port=port)
    assert (unpaid.status, unpaid.json()["price_msat"]) == (402, 5000)
    assert site.ask("/weather/tiers/a", buy(site.house, unpaid), port=port).status == 200
    assert (site.backend.last.get("x-l402-tier"), site.backend.last.get("x-l402-capabilities")) == ("gold", "search")
    # What somebody says of a cheaper one is a wish, and reaches nobody.
    assert site.ask("/weather/tiers/a", {**site.paid("tiers").headers(), **wish, "X-L402-Capabilities": "search"}, port=port).status == 200
    assert (site.backend.last.get("x-l402-tier"), site.backend.last.get("x-l402-capabilities") or "") == ("basic", "")


@pytest.mark.parametrize("front", ["nginx", "caddy"])
def test_a_free_allowance_is_counted_when_requests_are_let_through(site, front):
    port = getattr(site, front)().port
    answers = [site.ask("/weather/sample/a", port=port) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 402]
    assert [answer.all("x-l402-remaining-free") for answer in answers[:2]] == [["1"], ["0"]]
    assert site.backend.last.get("x-l402-access") == "free-allowance" and site.backend.last.get("x-l402-service") == "sample"
    assert len(site.backend.requests) == 2 and site.issued() == 1


def test_sessions_are_for_whoever_asks_millraced_itself(site):
    nginx = site.nginx()
    asking = {"Accept-Payment": "lightning/session"}
    direct = site.ask("/weather/prepaid/a", asking, port=site.service.ports[0])
    assert [challenge for challenge in direct.all("www-authenticate") if 'intent="session"' in challenge]
    through = site.ask("/weather/prepaid/a", asking, port=nginx.port)
    assert through.status == 402 and not [line for line in through.all("www-authenticate") if "session" in line]
    # An answer of millraced's own, such as to the end of a session, would be the front proxy's leave to pass.
    deposit = Deposit(site.house, direct)
    site.house.gateway.settle(deposit.token)
    assert site.ask("/weather/prepaid/a", deposit.open(bolt11.invoice()), port=site.service.ports[0]).status == 200
    passed = len(site.backend.requests)
    for headers in (deposit.bearer(), deposit.close()):
        assert site.ask("/weather/prepaid/a", headers, port=nginx.port).status == 400
        question = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/weather/prepaid/a", "X-Forwarded-Host": "shop.example", **headers}
        assert site.ask("/forward-auth", question).status == 400
    alone = site.ask("/weather/alone/a", asking, port=nginx.port)
    assert alone.status == 501 and "sessions" in alone.json()["detail"]
    assert len(site.backend.requests) == passed
    assert site.ask("/weather/prepaid/a", deposit.bearer(), port=site.service.ports[0]).status == 200
