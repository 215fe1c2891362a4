"""What an operator does: check, reload, drain, look at figures, open a store of another version."""

import re
import shutil
import signal
import sqlite3
import ssl
import subprocess
import threading
import time
import warnings

import pytest
from kit import invoices
from kit.service import BINARY, Ticker, wait_for
from kit.upstream import Upstream, response

FREE = "/weather/public/"


def check(house, config):
    file = house.folder / "check.toml"
    file.write_text(config)
    done = subprocess.run([BINARY, "--config", str(file), "--check-config"], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout + done.stderr


def test_check_config_says_good_or_what_is_wrong_and_where(house):
    assert check(house, house.config()) == (0, f"{house.folder}/check.toml: good, 2 services\n")
    broken = house.config().replace("price_msat = 1000", "price_msat = 0").replace('free = ["/weather/health"', 'fre = ["/weather/health"')
    code, said = check(house, broken)
    lines = broken.splitlines()
    price = lines.index("price_msat = 0") + 1
    assert code == 1
    assert f"check.toml:{price}: service.price_msat: must be a whole number from 1 to" in said
    assert f"check.toml:{price + 2}: service.fre: unknown key; known here: name, host, path" in said
    missing = house.config(extra='[listen.extra]\n')
    assert check(house, missing)[0] == 1
    assert subprocess.run([BINARY, "--config", "/nonexistent.toml"], capture_output=True, timeout=20).returncode == 1


def test_check_config_looks_at_certificate_and_key(house, certificate):
    cert, key = certificate
    tls = f'tls_cert = "{cert}"\ntls_key = "{key}"\n'
    good = house.config().replace("[listen]\n", "[listen]\n" + tls)
    assert check(house, good)[0] == 0
    code, said = check(house, good.replace(str(key), str(cert)))
    assert (code, "listen.tls_key" in said) == (1, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("no openssl command")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *subject, "-out", cert, "-keyout", key], check=True, capture_output=True)
    return cert, key


def test_over_tls_everything_works_and_old_versions_are_refused(house, certificate):
    cert, key = certificate
    config = house.config().replace("[listen]\n", f'[listen]\ntls_cert = "{cert}"\ntls_key = "{key}"\n')
    service = house.start(config=config)
    trust = ssl.create_default_context(cafile=cert)
    trust.set_alpn_protocols(["h2", "http/1.1"])
    body = b"x" * 500_000
    house.upstream.routes[FREE + "echo"] = lambda request, *_: response(request.body)
    with service.client(tls=trust) as client:
        assert client.socket.version() in ("TLSv1.2", "TLSv1.3")
        assert client.socket.selected_alpn_protocol() == "http/1.1"
        assert client.get("/weather/x").status == 402
        assert client.get("/weather/x", house.paid().headers()).status == 200
        assert house.upstream.last.get("x-forwarded-proto") == "https"
        assert client.request("POST", FREE + "echo", body=body).read().body == body
        client.send(f"GET {FREE}1 HTTP/1.1\r\nHost: a\r\n\r\nGET {FREE}2 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [client.read().status, client.read().status] == [200, 200]
        # TLS 1.0 and a plain request get nowhere, and harm nobody.
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, OSError)):
            service.client(tls=old)
        with service.client() as plain:
            plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            plain.stream.read()
        assert client.get("/weather/health").status == 200
        # A renewed certificate is taken up by SIGHUP; the connection that is open goes on.
        assert "configuration reloaded" in service.reload()
        assert client.get("/weather/health").status == 200


def test_an_upstream_over_tls_is_used_only_where_its_certificate_verifies(house, certificate):
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    house.upstream.close()
    house.upstream = Upstream(tls=context)
    config = house.config().replace("http://127.0.0.1", "https://localhost")
    service = house.start(config=config)
    assert service.get("/weather/health").status == 502
    assert not house.upstream.requests
    service.stop()
    service.start(env={"SSL_CERT_FILE": str(cert)})
    body = b"x" * 300_000
    house.upstream.routes[FREE + "echo"] = lambda request, *_: response(request.body)
    with service.client() as client:
        for _ in range(3):
            assert client.request("POST", FREE + "echo", body=body).read().body == body
    assert house.upstream.connections == 1


def test_reload_takes_up_what_changed_and_drops_no_connection(house):
    service = house.start()
    token = house.paid()
    with service.client() as client:
        assert client.get("/weather/x", token.headers()).status == 200

        def slow(*_):
            time.sleep(0.6)
            return response(b"slow")

        house.upstream.routes[FREE + "slow"] = slow
        with service.client() as busy:
            busy.request("GET", FREE + "slow")
            time.sleep(0.1)
            more = f'[[service]]\nname="more"\npath="/more/"\nupstream="{house.upstream.url}"\nprice_msat=77\n'
            changed = house.config(services=more).replace("price_msat = 1000", "price_msat = 1234").replace('free = ["/weather/health", ', "free = [")
            assert "configuration reloaded: 3 services" in service.reload(changed)
            assert busy.read().body == b"slow"
        # On the connection that was open before:
        assert client.get("/weather/x", token.headers()).status == 200
        assert client.get("/more/x").json()["price_msat"] == 77
        assert client.get("/weather/health").json()["price_msat"] == 1234
    service.expect_metric('l402_price_msat{resource="weather"}', 1234)
    service.expect_metric('l402_challenges_total{resource="more",result="issued"}', 1)


def test_a_bad_configuration_keeps_the_old_one_and_says_why(house):
    service = house.start()
    said = service.reload(house.config().replace("price_msat = 1000", 'price_msat = "much"'))
    assert "not reloaded" in said and "service.price_msat: must be a whole number" in said
    assert service.get("/weather/x").json()["price_msat"] == 1000
    service.expect_metric("l402_config_last_reload_successful", 0)
    said = service.reload(house.config().replace('"127.0.0.1:0"', '"127.0.0.1:1"', 1))
    assert "listen.address has changed, which takes a restart" in said
    assert service.get("/weather/x").status == 402
    service.expect_metric("l402_config_last_reload_successful", 1)


def test_reloading_under_load_loses_no_request(house):
    service = house.start()
    token = house.paid()
    client = service.client()

    def ask():
        answer = client.get("/weather/x", token.headers())
        return answer.status, answer.body

    ticker = Ticker(ask)
    for number in range(15):
        service.reload(house.config().replace("price_msat = 1000", f"price_msat = {1000 + number}"))
    results = ticker.finish()
    client.close()
    assert set(results) == {(200, b"hello\n")} and len(results) > 20


def test_sigterm_finishes_what_is_under_way_and_then_ends(house):
    service = house.start()

    def slow(*_):
        time.sleep(0.8)
        return response(b"finished")

    house.upstream.routes[FREE + "slow"] = slow
    with service.client() as busy, service.client() as idle:
        assert idle.get(FREE + "x").status == 200
        busy.request("GET", FREE + "slow")
        time.sleep(0.2)
        service.signal(signal.SIGTERM)
        assert idle.ended()
        with pytest.raises(OSError):
            wait_for(lambda: service.client().close(), "new connections are refused", 2)
        answer = busy.read()
        assert (answer.body, answer.get("connection")) == (b"finished", "close")
    service.stop(expect=0)


def test_the_drain_ends_with_the_last_connection_however_long_it_may_take(house):
    service = house.start('[timeouts]\ndrain = "5m"\n')
    asked, go = threading.Event(), threading.Event()

    def slow(*_):
        asked.set()
        go.wait(10)
        return response(b"finished")

    house.upstream.routes[FREE + "slow"] = slow
    with service.client() as busy:
        busy.request("GET", FREE + "slow")
        assert asked.wait(10)
        service.signal(signal.SIGTERM)
        wait_for(lambda: "draining" in service.log_file.read_text(), "it drains")
        go.set()
        assert busy.read().body == b"finished"
    assert service.process.wait(20) == 0  # a second signal would end it at once
    service.stop(expect=0)


def test_the_drain_has_a_time_limit(house):
    service = house.start('[timeouts]\ndrain = "500ms"\n')
    house.upstream.routes[FREE + "stuck"] = lambda *_: time.sleep(5)
    with service.client() as stuck:
        stuck.request("GET", FREE + "stuck")
        time.sleep(0.2)
        began = time.monotonic()
        service.stop(expect=0)
        assert 0.4 < time.monotonic() - began < 2
    assert "1 connections cut off" in service.log_file.read_text()


def test_a_second_service_on_the_same_store_or_address_is_refused(house):
    service = house.start()
    for config, said in (
        (house.config(), "in use by another process"),
        (house.config().replace('"millrace.db"', '"other.db"').replace('"127.0.0.1:0"', f'"127.0.0.1:{service.port}"', 1), "cannot listen"),
    ):
        file = house.folder / "second.toml"
        file.write_text(config)
        done = subprocess.run([BINARY, "--config", str(file)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and said in done.stderr
    assert service.get("/weather/x").status == 402


def test_a_store_of_a_newer_version_is_refused_and_not_touched(house):
    service = house.start()
    assert service.get("/weather/x", house.paid(settled=False).headers()).status == 200
    service.stop()
    store = house.folder / "millrace.db"
    with sqlite3.connect(store) as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        assert version >= 1
        assert database.execute("SELECT count(*) FROM first_uses").fetchone() == (1,)
        database.execute(f"PRAGMA user_version = {version + 1}")
    database.close()
    before = store.read_bytes()
    done = subprocess.run([BINARY, "--config", str(service.config_file)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "newer version of millraced" in done.stderr
    assert store.read_bytes() == before


def test_metrics_pass_promtool_and_every_series_is_there_from_the_start(house):
    service = house.start()
    status, text = service.monitor("/metrics")
    assert status == 200
    series = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    for resource in ("weather", "admin"):
        for code in (200, 402, 503):
            assert series[f'l402_http_requests_total{{resource="{resource}",code="{code}"}}'] == "0"
        for result in ("ok", "malformed", "bad_signature", "bad_preimage", "expired", "wrong_scope", "revoked"):
            assert series[f'l402_auth_total{{resource="{resource}",result="{result}"}}'] == "0"
        for result in ("issued", "rate_limited", "invoice_error"):
            assert series[f'l402_challenges_total{{resource="{resource}",result="{result}"}}'] == "0"
        for outcome in ("challenge", "served", "rejected", "upstream_error"):
            assert series[f'l402_http_request_duration_seconds_count{{resource="{resource}",outcome="{outcome}"}}'] == "0"
        assert series[f'l402_tokens_paid_total{{resource="{resource}"}}'] == "0"
        assert series[f'l402_revenue_msat_total{{resource="{resource}"}}'] == "0"
    for result in ("created", "paid", "expired", "error"):
        assert series[f'l402_invoices_total{{result="{result}"}}'] == "0"
    assert series["cln_peers"] == "2" and series["l402_plugin_up"] == "1"
    assert service.monitor("/nothing")[0] == 404
    if not shutil.which("promtool"):
        pytest.skip("no promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_figures_count_what_happens(house):
    service = house.start()
    token = house.gateway.issued[bytes.fromhex(payment_hash(service.get("/weather/x"))).hex()]
    house.gateway.settle(token, amount_msat=1000)
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 1)
    with service.client() as client:
        for _ in range(3):
            client.get("/weather/x", token.headers())
        client.get("/weather/x", {"Authorization": "L402 x:y"})
        client.get("/nowhere")
    service.expect_metric('l402_revenue_msat_total{resource="weather"}', 1000)
    service.expect_metric('l402_auth_total{resource="weather",result="ok"}', 3)
    service.expect_metric('l402_auth_total{resource="weather",result="malformed"}', 1)
    service.expect_metric('l402_http_requests_total{resource="weather",code="200"}', 3)
    service.expect_metric('l402_http_requests_total{resource="weather",code="402"}', 2)
    service.expect_metric('l402_http_requests_total{resource="(unmatched)",code="404"}', 1)
    service.expect_metric('l402_http_request_duration_seconds_count{resource="weather",outcome="served"}', 3)
    service.expect_metric('l402_http_request_duration_seconds_count{resource="weather",outcome="challenge"}', 2)
    service.expect_metric("l402_invoices_open", 1)
    service.expect_metric('l402_invoices_total{result="paid"}', 1)
    service.expect_metric("l402_invoice_settle_delay_seconds_count", 1)
    service.expect_metric("l402_tokens_first_used_total", 1)
    assert service.metric("l402_verify_duration_seconds_count") <= 2  # the rest came out of the cache
    service.expect_metric('l402_rpc_duration_seconds_count{method="issue"}', 2)


def payment_hash(answer):
    return re.search(r'invoice="' + invoices.PATTERN + '"', answer.get("www-authenticate"))[1]


def test_no_query_and_no_credential_stands_in_the_log_of_requests(house):
    service = house.start()
    token = house.paid()
    assert service.get("/weather/x?password=hunter2", token.headers()).status == 200
    wait_for(lambda: "/weather/x 200" in service.log_file.read_text(), "the request stands in the log")
    text = service.log_file.read_text()
    assert "hunter2" not in text and "L402 " not in text.replace("L402 paywall", "")


def test_a_settlement_that_was_missed_is_fetched_and_counted_once(house):
    service = house.start()
    first = house.paid()
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 1)
    house.gateway.stop()
    second = house.paid()
    house.gateway.start()
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 2)
    house.gateway.stop()
    house.gateway.start()
    wait_for(service.ready, "the gateway is found again")
    assert house.gateway.subscriptions == [1, 2, 3]
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 2)
    assert first.payment_hash != second.payment_hash


def test_another_node_is_asked_from_its_beginning(house):
    service = house.start()
    house.paid()
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 1)
    service.stop()
    house.gateway.stop()
    house.gateway.node_id = "03" + "22" * 32
    house.gateway.start()
    house.start(config=house.config().replace("[node]\n", f'[node]\nid = "{house.gateway.node_id}"\n'))
    assert house.gateway.subscriptions == [1, 1]
