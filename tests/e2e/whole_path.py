"""From a request to a paid response and back: client, service, plugin, node. Run on simulated nodes by tests/e2e and on real
ones by tests/node; each brings its own `make_network`."""

import base64
import os
import time

import pytest
from harness.network import PLUGINS, program
from harness.relay import RpcRelay
from harness.rpc import Background, wait_for
from harness.service import PRICE_MSAT, Client, Service, Upstream, pause_until

pytestmark = pytest.mark.service

OK, OFFER_REFUSED, PAYMENT_FAILED, CREDENTIAL_REFUSED, UPSTREAM_ERROR, UNREACHABLE = 0, 3, 4, 5, 6, 7


class Path:
    """Everything from the client to the seller's node."""

    def __init__(self, directory, network):
        self.directory = directory
        self.network = network
        self.upstream = Upstream()
        self.services, self.clients, self.relays, self.secrets = [], [], [], {}
        self.service = None

    def sell(self, **more):
        self.service = Service(self.directory / f"service{len(self.services)}", self.network.seller.gateway, self.upstream, **more)
        self.services.append(self.service)
        self.network.wait_payable()
        return self.service.start()

    def client(self):
        self.clients.append(Client(self.directory / f"client{len(self.clients)}", self.network.payer))
        return self.clients[-1]

    def relay(self):
        self.relays.append(RpcRelay(self.directory / f"relay{len(self.relays)}", self.network.payer.rpc.path))
        return self.relays[-1]

    def paid(self):
        return len(self.network.seller.settlements())

    def close(self):
        for relay in self.relays:
            relay.stop()
        codes = [service.stop() for service in self.services]
        self.upstream.stop()
        return codes

    def credentials(self):
        return {**self.secrets, **{text: what for client in self.clients for text, what in client.credentials().items()}}

    def logs(self):
        return [*self.directory.rglob("*.log")]


@pytest.fixture
def path(workplace, make_network, secrets_of_network):
    made = []

    def make(**network):
        made.append(Path(workplace, make_network(**network)))
        return made[-1]

    yield make
    for one in made:
        credentials = one.credentials()
        codes = one.close()
        for node in one.network.nodes:
            credentials.update(secrets_of_network(node))
        for log in one.logs():
            text = log.read_text(errors="replace").lower()
            for secret, what in credentials.items():
                assert secret.lower() not in text, f"{log} shows {what}"
        # No credential, nor any half of one, reached the upstream.
        for _, _, headers, _ in one.upstream.requests:
            for secret, what in credentials.items():
                assert all(secret.lower() not in value.lower() for _, value in headers), f"the upstream was shown {what}"
        assert all(code in (0, -9) for code in codes), f"millraced ended with {codes}"


# -- buying ---------------------------------------------------------------------------------------------------------------


def test_a_client_buys_and_the_next_run_reuses_the_token(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url()) == OK, client.said()
    assert client.body.read_bytes() == b"sunny\n"
    said = client.said()
    for step in ("< 402 Payment Required", "< WWW-Authenticate: LSAT ", "< WWW-Authenticate: L402 ", "paying 1000msat", "< 200 OK", "millrace-get: paid 1000msat, fee 1msat"):
        assert step in said, said
    wait_for(lambda: whole.paid() == 1, "the settlement")

    assert client.get(service.url("/weather/tomorrow")) == OK
    assert "402 Payment" not in client.said()
    assert whole.paid() == 1

    (method, asked, headers, _), _ = whole.upstream.requests
    names = {name.lower(): value for name, value in headers}
    assert (method, asked) == ("GET", "/weather/today")
    assert "authorization" not in names
    assert names["x-l402-service"] == "weather"
    assert names["x-l402-payment-hash"] == whole.network.seller.settlements()[0]["payment_hash"]
    assert len(names["x-l402-token-id"]) == 64
    assert names["x-forwarded-for"] == "127.0.0.1"


def test_a_body_is_sold_too(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url("/weather/report"), "-d", "rain", "-H", "Content-Type: text/plain") == OK, client.said()
    assert client.body.read_bytes() == b"rain"
    assert whole.upstream.requests[-1][0] == "POST"


def test_another_client_buys_its_own(path):
    whole = path()
    service = whole.sell()
    for number in (1, 2):
        assert whole.client().get(service.url()) == OK
        assert whole.paid() == number


def test_metrics_tell_what_happened(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url()) == OK
    wait_for(lambda: service.metric('l402_tokens_paid_total{resource="weather"}') == 1, "the settlement in the metrics")
    assert service.metric('l402_challenges_total{resource="weather",result="issued"}') == 1
    assert service.metric('l402_auth_total{resource="weather",result="ok"}') == 1
    assert service.metric('l402_revenue_msat_total{resource="weather"}') == PRICE_MSAT
    assert service.metric('l402_http_requests_total{resource="weather",code="402"}') == 1
    assert service.metric('l402_http_requests_total{resource="weather",code="200"}') == 1


def test_what_is_free_costs_nothing_and_what_is_not_sold_is_not_there(path):
    whole = path()
    service = whole.sell()
    assert service.get("/weather/health").status == 200
    assert service.get("/maps/x").status == 404
    assert whole.network.seller.rpc("millrace-status")["challenges"]["issued"] == 0


def test_time_bought_ends_and_is_bought_anew(path):
    whole = path()
    service, client = whole.sell(timeout="3s"), whole.client()
    assert client.get(service.url()) == OK
    assert client.get(service.url()) == OK
    assert whole.paid() == 1
    pause_until(whole.network.seller.settlements()[0]["settled_at"] + 4.2)
    assert client.get(service.url()) == OK, client.said()
    assert "402 Payment" in client.said()
    wait_for(lambda: whole.paid() == 2, "the second settlement")


def test_time_bought_counts_from_settlement_also_where_the_service_was_down(path):
    whole = path()
    service, client = whole.sell(timeout="3s"), whole.client()
    relay = whole.relay()
    relay.hold("xpay", "before")
    process = client.start(service.url(), rpc=relay.path)
    assert relay.held.wait(30)
    service.kill()
    relay.release()
    assert process.wait(60) == UNREACHABLE
    pause_until(whole.network.seller.settlements()[0]["settled_at"] + 4.2)
    service.start()
    # The service heard of the settlement when it came back: the token's time is over.
    wait_for(lambda: service.metric('l402_tokens_paid_total{resource="weather"}') == 1, "the settlement")
    # Nobody has seen the client's token work: it pays once more when it is told to.
    assert client.get(service.url()) == CREDENTIAL_REFUSED
    assert "402 Payment" in client.said() and whole.paid() == 1
    assert client.get(service.url(), "--again") == OK
    wait_for(lambda: whole.paid() == 2, "the second settlement")


def test_settlements_while_the_service_was_down_are_in_its_store_once(path):
    whole = path()
    service = whole.sell()
    assert whole.client().get(service.url()) == OK
    wait_for(lambda: len(service.stored("select * from settlements")) == 1, "the settlement in the store")
    service.stop()
    for _ in range(3):
        challenge = whole.network.seller.challenge(PRICE_MSAT)
        whole.network.payer.pay(challenge["bolt11"])
    service.start()
    wait_for(lambda: len(service.stored("select * from settlements")) == 4, "the settlements in the store")
    service.stop()
    service.start()
    time.sleep(1)
    assert len(service.stored("select * from settlements")) == 4


# -- refusals of the client -----------------------------------------------------------------------------------------------


def test_a_price_above_the_limit_is_refused_and_nothing_is_paid(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url(), "--max-cost-msat", str(PRICE_MSAT - 1)) == OFFER_REFUSED
    assert "above --max-cost-msat" in client.said()
    assert client.rows("pending") == []
    assert whole.paid() == 0


def test_a_payment_that_finds_no_way_fails_and_leaves_nothing_pending(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    # No fee allowed, and the router asks for one.
    assert client.get(service.url(), "--max-fee-msat", "0", "--retry-for", "5") == PAYMENT_FAILED, client.said()
    assert client.rows("pending") == []
    assert whole.paid() == 0
    assert client.get(service.url()) == OK, client.said()
    assert whole.paid() == 1


def test_a_token_refused_right_after_its_payment_is_not_bought_again(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    relay = whole.relay()
    relay.hold("xpay", "after")
    process = client.start(service.url(), rpc=relay.path)
    assert relay.held.wait(30)
    whole.network.seller.rpc("millrace-rotate-key")
    whole.network.seller.rpc("millrace-retire-key", {"epoch": 1})
    time.sleep(1)  # the service hears of it
    relay.release()
    assert process.wait(60) == CREDENTIAL_REFUSED, client.said()
    assert "unknown_key" in client.said()
    assert whole.paid() == 1


def test_an_error_of_the_upstream_is_the_clients_error(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    whole.upstream.status = 500
    assert client.get(service.url()) == UPSTREAM_ERROR
    # The token is kept: what was paid for is got when the upstream is well again.
    whole.upstream.status = 200
    assert client.get(service.url()) == OK
    assert whole.paid() == 1


def test_a_server_or_a_node_that_is_away_is_said_so(path, workplace):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url(), rpc=workplace / "no-such-socket") == UNREACHABLE
    assert client.rows("pending") == []
    service.stop()
    assert client.get(service.url()) == UNREACHABLE


def test_a_purchase_over_tls_takes_a_certificate_that_verifies(path):
    whole = path()
    service, client = whole.sell(tls=True), whole.client()
    trusted = ("--ca-file", service.certificate)
    assert client.get(service.url(host="localhost")) == UNREACHABLE  # signed by nobody we know
    assert "certificate verify failed" in client.said()
    assert client.get(service.url(host="127.0.0.1"), *trusted) == UNREACHABLE  # of another name
    assert whole.paid() == 0
    assert client.get(service.url(host="localhost"), *trusted) == OK, client.said()
    assert whole.paid() == 1


# -- refusals of the service ----------------------------------------------------------------------------------------------


def bought(whole):
    """(macaroon, preimage) of a challenge bought by hand."""
    reply = whole.service.get()
    assert reply.status == 402
    token, invoice = reply.challenge
    preimage = whole.network.payer.pay(invoice)["payment_preimage"]
    whole.secrets[preimage] = "a preimage"
    return token, preimage


def test_a_402_is_what_clients_in_the_wild_can_read(path):
    whole = path()
    reply = whole.sell().get()
    assert reply.status == 402
    lines = reply.values("WWW-Authenticate")
    token, invoice = reply.challenge
    assert lines == [f'LSAT macaroon="{token}", invoice="{invoice}"', f'L402 macaroon="{token}", invoice="{invoice}", version="0", token="{token}"']
    assert reply.values("Cache-Control") == ["no-store"]
    assert reply.values("Content-Type") == ["application/problem+json"]
    assert reply.problem["status"] == 402
    assert base64.b64decode(token, validate=True)[0] == 2


def test_every_flavour_of_a_good_credential_opens(path):
    whole = path()
    service = whole.sell()
    token, preimage = bought(whole)
    url_safe = token.replace("+", "-").replace("/", "_").rstrip("=")
    raw = base64.b64decode(token)
    for scheme, macaroon, proof in (("L402", token, preimage), ("LSAT", token, preimage), ("l402", url_safe, preimage.upper())):
        assert service.get(headers=[("Authorization", f"{scheme} {macaroon}:{proof}")]).status == 200
    both = [("Authorization", f"LSAT {token}:{preimage}"), ("Authorization", f"L402 {token}:{preimage}")]
    assert service.get(headers=both).status == 200
    with_preimage = attenuated(raw, f"preimage={preimage}")
    for name in ("Macaroon", "Grpc-Metadata-Macaroon", "Token", "Grpc-Metadata-Token"):
        assert service.get(headers=[(name, with_preimage.hex())]).status == 200


def attenuated(macaroon, condition):
    """A V2 macaroon with one more first-party caveat, as its holder can make it."""
    import hashlib
    import hmac

    body, signature = macaroon[:-35], macaroon[-32:]
    assert macaroon[-35:-32] == b"\x00\x06\x20"
    identifier = condition.encode()
    assert len(identifier) < 128
    caveat = b"\x02" + bytes([len(identifier)]) + identifier + b"\x00"
    return body + caveat + b"\x00\x06\x20" + hmac.new(signature, identifier, hashlib.sha256).digest()


def test_a_refused_credential_gets_the_reason_and_a_fresh_challenge(path):
    whole = path()
    service = whole.sell(services=[
        {"name": "weather", "path": "/weather/", "price_msat": PRICE_MSAT},
        {"name": "maps", "path": "/maps/", "price_msat": PRICE_MSAT},
    ])
    token, preimage = bought(whole)
    wait_for(lambda: service.metric('l402_invoices_total{result="paid"}') == 1, "the payment to be heard of: until then its invoice is handed out again")
    raw = bytearray(base64.b64decode(token))
    raw[-1] ^= 1
    forged = base64.b64encode(raw).decode()
    over = base64.b64encode(attenuated(base64.b64decode(token), f"weather_valid_until={int(time.time()) - 1}")).decode()
    wider = base64.b64encode(attenuated(base64.b64decode(token), "services=weather:0,maps:0")).decode()
    cases = [
        ("/weather/today", f"L402 {token}:{'00' * 32}", "bad_preimage"),
        ("/weather/today", f"L402 {forged}:{preimage}", "bad_signature"),
        ("/weather/today", f"L402 {over}:{preimage}", "expired"),
        ("/weather/today", f"L402 {wider}:{preimage}", "widened"),
        ("/maps/today", f"L402 {token}:{preimage}", "wrong_scope"),
    ]
    invoices = set()
    for asked, authorization, reason in cases:
        reply = service.get(asked, [("Authorization", authorization)])
        assert reply.status == 402, (reason, reply.status, reply.body)
        assert reply.problem["reason"] == reason
        invoices.add(reply.challenge[1])
    assert len(invoices) == len(cases)  # each request's own
    assert service.get("/weather/today", [("Authorization", f"L402 {token}:{preimage}")]).status == 200


def test_two_different_credentials_in_one_request_are_a_bad_request(path):
    whole = path()
    service = whole.sell()
    token, preimage = bought(whole)
    wait_for(lambda: service.metric('l402_invoices_total{result="paid"}') == 1, "the payment to be heard of: until then its invoice is handed out again")
    other, other_preimage = bought(whole)
    headers = [("Authorization", f"L402 {token}:{preimage}"), ("Authorization", f"L402 {other}:{other_preimage}")]
    assert service.get(headers=headers).status == 400
    assert len(whole.upstream.requests) == 0


def test_without_the_gateway_nothing_is_sold_and_what_was_sold_works(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url()) == OK
    whole.network.seller.stop_plugin()
    service.wait_ready(503)
    reply = service.get()
    assert reply.status == 503
    assert int(reply.values("Retry-After")[0]) > 0
    assert reply.values("WWW-Authenticate") == []
    assert client.get(service.url()) == OK, client.said()
    assert whole.client().get(service.url()) == UPSTREAM_ERROR
    whole.network.seller.start_plugin()
    service.wait_ready()
    assert whole.client().get(service.url()) == OK


def test_the_nodes_limit_is_429(path):
    whole = path(options={"seller": {"millrace-challenges-per-second": 3}})
    service = whole.sell(challenges={"reuse": False, "per_prefix": "1000/s", "in_all": "1000/s"})
    statuses = [service.get().status for _ in range(30)]
    assert set(statuses) == {402, 429}
    time.sleep(1.2)
    assert service.get().status == 402


def test_where_no_more_invoices_are_made_out_the_client_works_for_one(path):
    whole = path()
    service = whole.sell(challenges={"reuse": False, "in_all": "1/h", "pow.bits": 12, "pow.max_bits": 12})
    assert service.get().status == 402
    lazy = whole.client()
    assert lazy.get(service.url(), "--max-pow-bits", "11") == UPSTREAM_ERROR
    assert "asks for 12 bits of work" in lazy.said()
    client = whole.client()
    assert client.get(service.url()) == OK, client.said()
    assert client.body.read_text() == "sunny\n" and "working: 12 bits" in client.said()
    assert whole.paid() == 1
    # What was bought is used again, without work.
    assert client.get(service.url()) == OK and "working" not in client.said()


# -- kill -9 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, where", [
    ("getinfo", "before"),    # the challenge is read, nothing stored
    ("xpay", "before"),       # the payment is stored, the node never hears of it
    ("xpay", "after"),        # the node paid, the client never hears of it
])
def test_a_client_killed_around_the_payment_pays_once(path, method, where):
    whole = path()
    service, client, relay = whole.sell(), whole.client(), whole.relay()
    relay.hold(method, where)
    process = client.start(service.url(), rpc=relay.path)
    assert relay.held.wait(30)
    process.kill()
    process.wait()
    relay.release()
    assert len(client.rows("pending")) == (0 if method == "getinfo" else 1)
    assert client.get(service.url(), rpc=relay.path) == OK, client.said()
    assert client.rows("pending") == []
    assert whole.paid() == 1
    if where == "after":
        assert relay.calls.count("xpay") == 1


def test_a_client_killed_while_the_payment_is_under_way_waits_for_that_one(path):
    whole = path(plugins={"seller": [str(PLUGINS / "hold-before"), program("plugin")]})
    seller = whole.network.seller
    service, client = whole.sell(), whole.client()
    seller.hold("hold-before")
    process = client.start(service.url())
    seller.wait_held("hold-before")
    process.kill()
    process.wait()
    again = Background(client.get, service.url())
    wait_for(lambda: "waiting" in client.said(), "the second run to wait")
    seller.release("hold-before")
    assert again.result(90) == OK
    assert whole.paid() == 1


def test_a_client_killed_after_it_stored_the_token_uses_it(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    whole.upstream.hold()
    process = client.start(service.url())
    wait_for(lambda: whole.upstream.requests, "the paid request")
    process.kill()
    process.wait()
    whole.upstream.release()
    assert client.get(service.url()) == OK
    assert "402 Payment" not in client.said()
    assert whole.paid() == 1


def test_two_clients_of_one_store_pay_once(path):
    whole = path(plugins={"seller": [str(PLUGINS / "hold-before"), program("plugin")]})
    seller = whole.network.seller
    service, client = whole.sell(), whole.client()
    seller.hold("hold-before")
    first = client.start(service.url())
    seller.wait_held("hold-before")
    second = client.start(service.url())
    wait_for(lambda: "waiting" in client.said(), "the second to find the first's payment")
    seller.release("hold-before")
    assert (first.wait(90), second.wait(90)) == (OK, OK)
    assert whole.paid() == 1


def test_a_lost_invoice_that_expired_is_given_up_only_then(path):
    """The seller's node is away: the payment can only wait, and the next run finds it."""
    whole = path()
    service, client, relay = whole.sell(), whole.client(), whole.relay()
    relay.hold("xpay", "before")
    process = client.start(service.url(), rpc=relay.path)
    assert relay.held.wait(30)
    process.kill()
    process.wait()
    relay.release()
    # Another price limit does not make it forget the payment that may have been made.
    assert client.get(service.url(), "--max-cost-msat", "1") == OFFER_REFUSED
    assert len(client.rows("pending")) == 1
    assert client.get(service.url()) == OK
    assert whole.paid() == 1


def test_the_service_killed_after_the_challenge_takes_the_paid_token(path):
    whole = path()
    service, client, relay = whole.sell(), whole.client(), whole.relay()
    relay.hold("xpay", "after")
    process = client.start(service.url(), rpc=relay.path)
    assert relay.held.wait(30)
    service.kill()
    service.start()
    relay.release()
    assert process.wait(60) == OK, client.said()
    assert whole.paid() == 1


def test_the_service_killed_amid_a_paid_response_takes_the_token_again(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    whole.upstream.hold()
    process = client.start(service.url())
    wait_for(lambda: whole.upstream.requests, "the paid request")
    service.kill()
    assert process.wait(60) == UPSTREAM_ERROR
    whole.upstream.release()
    service.start()
    assert client.get(service.url()) == OK
    assert whole.paid() == 1


def test_a_lost_store_of_the_service_takes_no_paid_token_away(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url()) == OK
    service.stop()
    for file in service.directory.glob("millrace.db*"):
        os.unlink(file)
    service.start()
    assert client.get(service.url()) == OK
    assert whole.paid() == 1


def test_the_plugin_killed_amid_a_purchase_costs_nothing_twice(path):
    whole = path(plugins={"seller": [program("plugin"), str(PLUGINS / "hold-after")]})
    seller = whole.network.seller
    service, client = whole.sell(), whole.client()
    seller.hold("hold-after")
    process = client.start(service.url())
    seller.wait_held("hold-after")
    seller.kill_plugin()
    seller.start_plugin()
    seller.release("hold-after")
    assert process.wait(90) == OK, client.said()
    assert whole.paid() == 1


def test_lightningd_killed_amid_a_purchase_costs_nothing_twice(path):
    whole = path(plugins={"seller": [program("plugin"), str(PLUGINS / "hold-after")]})
    seller = whole.network.seller
    service, client = whole.sell(), whole.client()
    seller.hold("hold-after")
    process = client.start(service.url())
    seller.wait_held("hold-after")
    seller.crash()
    seller.release("hold-after")
    seller.start()
    seller.wait_for_plugin()
    whole.network.reconnect()
    # The token is verified without the node; the first answer may still be one that the gateway is away for.
    assert process.wait(90) in (OK, UPSTREAM_ERROR), client.said()
    service.wait_ready()
    assert client.get(service.url()) == OK, client.said()
    assert whole.paid() == 1


def test_lightningd_restarted_keeps_what_was_sold_and_sells_on(path):
    whole = path()
    seller = whole.network.seller
    service, client = whole.sell(challenges={"reuse": False}), whole.client()
    assert client.get(service.url()) == OK, client.said()
    wait_for(lambda: len(service.stored("select * from settlements")) == 1, "the settlement in the store")
    offered = service.get()
    token, invoice = offered.challenge

    seller.crash()
    service.wait_ready(503)
    # Told to the client and in the log; nothing is given away; what was sold works.
    answer = wait_for(lambda: [a for a in [service.get()] if a.status == 503], "a refusal")[0]
    assert answer.values("Retry-After") == ["5"] and "cannot be reached" in answer.problem["detail"]
    assert "gateway lost" in service.log_path.read_text()
    assert client.get(service.url()) == OK, client.said()
    assert service.get(headers=[("Authorization", f"L402 {token}:{'00' * 32}")]).status == 503

    seller.start()
    seller.wait_for_plugin()
    whole.network.reconnect()
    service.wait_ready()
    # An invoice of before is paid after, and its token opens; a new one is bought; each is counted once.
    preimage = whole.network.payer.pay(invoice)["payment_preimage"]
    whole.secrets[preimage] = "a preimage"
    assert service.get(headers=[("Authorization", f"L402 {token}:{preimage}")]).status == 200
    wait_for(lambda: len(service.stored("select * from settlements")) == 2, "the settlement of the old invoice")
    other = whole.client()
    assert other.get(service.url()) == OK, other.said()
    wait_for(lambda: len(service.stored("select * from settlements")) == 3, "the settlement of the new one")
    assert whole.paid() == 3
    assert client.get(service.url()) == OK and whole.paid() == 3


def test_a_retired_key_ends_the_tokens_it_signed(path):
    whole = path()
    service, client = whole.sell(), whole.client()
    assert client.get(service.url()) == OK
    whole.network.seller.rpc("millrace-rotate-key")
    assert client.get(service.url()) == OK
    assert whole.paid() == 1
    whole.network.seller.rpc("millrace-retire-key", {"epoch": 1})
    time.sleep(1)
    assert client.get(service.url()) == OK
    assert "unknown_key" not in service.get().body.decode()
    wait_for(lambda: whole.paid() == 2, "the purchase under the new key")
