"""The admin API: who may ask, what is answered, what is changed, and that all of it is written down."""

import json
import re
import socket
import sqlite3
import stat
import subprocess
import time
from pathlib import Path

import pytest
from kit import invoices
from kit.admin import READ, WRITE, Admin, section
from kit.http import Client
from kit.service import BINARY, wait_for

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "doc/openapi/admin.json").read_text())
NOON = 1_795_262_400  # 2026-11-21 12:00 UTC


def open_house(house, **more):
    service = house.start(section(house.folder, **more))
    return service, Admin(service)


def settled(house, service, admin, count=1, **more):
    """Tokens of settlements that the store knows."""
    tokens = [house.gateway.mint(more.get("name", "weather")) for _ in range(count)]
    for number, token in enumerate(tokens):
        house.gateway.settle(token, at=more.get("at", NOON) + number * more.get("step", 0), amount_msat=1000 + number)
    last = tokens[-1].payment_hash.hex()
    wait_for(lambda: admin.get("/v1/tokens/" + last).status == 200, "the settlement is stored")
    return tokens


def check(house, config):
    file = house.folder / "check.toml"
    file.write_text(config)
    done = subprocess.run([BINARY, "--config", str(file), "--check-config"], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout + done.stderr


def test_only_a_configured_token_is_let_in_and_no_log_shows_one(house):
    service, admin = open_house(house)
    for headers, detail in (
        ({}, 'This takes "Authorization: Bearer"'),
        ({"Authorization": "Basic " + READ}, "not one of those"),
        ({"Authorization": "Bearer"}, "not one of those"),
        ({"Authorization": "Bearer " + READ[:-1]}, "not one of those"),
        ({"Authorization": "Bearer " + READ + "x"}, "not one of those"),
        ({"Authorization": READ}, "not one of those"),
    ):
        for target in ("/v1/status", "/nothing"):
            answer = admin.get(target, token="", headers=headers)
            assert (answer.status, answer.get("content-type")) == (401, "application/problem+json")
            assert detail in answer.json()["detail"] and answer.get("www-authenticate").startswith("Bearer realm=")
    assert admin.get("/v1/status", token="", headers={"Authorization": "bearer " + WRITE}).status == 200
    refused = admin.post("/v1/reload", token=READ)
    assert (refused.status, refused.json()["title"]) == (403, "Forbidden")
    assert admin.post("/v1/reload").status == 200
    text = service.log_file.read_text()
    assert READ not in text and WRITE not in text


def test_requests_that_fit_no_endpoint_are_refused_with_a_reason(house):
    _, admin = open_house(house)
    for method, target, status, said in (
        ("GET", "/", 404, "no such endpoint"),
        ("GET", "/v1/services/", 404, "no such endpoint"),
        ("GET", "/v1/services/nothing", 404, "no service of this name"),
        ("GET", "/v1/tokens/" + "0" * 64, 404, "Nothing is known"),
        ("GET", "/v1/tokens/xyz", 400, "64 hex digits"),
        ("GET", "/v1/settlements?limit=0", 400, "from 1 to 10000"),
        ("GET", "/v1/settlements?since=yesterday", 400, "since must be unix seconds"),
        ("GET", "/v1/settlements?colour=red", 400, "known here: service, since, until, limit, cursor, format"),
        ("GET", "/v1/settlements?limit=1&limit=2", 400, "each parameter once"),
        ("GET", "/v1/stats?period=week", 400, "hour or day"),
        ("DELETE", "/v1/audit", 405, "GET, HEAD"),
        ("GET", "/v1/reload", 405, "POST"),
    ):
        answer = admin.ask(method, target, token=WRITE)
        assert (answer.status, answer.json()["status"]) == (status, status), target
        assert said in answer.json()["detail"], target
    hash_ = "/v1/tokens/" + "0" * 64
    assert "JSON object" in admin.post(hash_ + "/revoke", b"[1]").json()["detail"]
    assert "unknown" in admin.post(hash_ + "/revoke", {"why": "x"}).json()["detail"]
    assert admin.post(hash_ + "/revoke", {"reason": "x" * 501}).status == 400
    assert admin.post(hash_ + "/revoke", b"x" * 20000).status == 413
    assert admin.get("/v1/audit").json()["audit"] == []
    assert admin.ask("HEAD", "/v1/status").status == 200


def test_status_health_and_services_tell_what_runs(house):
    service, admin = open_house(house)
    assert admin.document("/v1/health") == {"status": "ready", "why": None}
    service.get("/weather/x")
    status = admin.document("/v1/status")
    assert status["version"] and status["ready"] and status["gateway_ready"] and status["services"] == 2
    assert status["config_file"] == str(service.config_file) and status["uptime_seconds"] >= 0
    assert status["open_challenges"] == 1
    assert status["node"]["node_id"] == house.gateway.node_id and status["node"]["receivable_msat"] == 7
    services = {one["name"]: one for one in admin.document("/v1/services")["services"]}
    assert admin.document("/v1/services/weather") == services["weather"]
    weather = services["weather"]
    assert weather["path"] == "/weather/" and weather["price_msat"] == 1000 and weather["timeout"] == 3600
    assert weather["free"] == ["/weather/health", "/weather/public/"] and weather["upstream"] == [house.upstream.url]
    assert services["admin"]["description"] == "the keys to the house"
    house.gateway.stop()
    wait_for(lambda: admin.document("/v1/health")["status"] == "not ready", "the loss is told")


def test_values_of_upstream_headers_are_not_shown(house):
    config = house.config(section(house.folder)).replace('free = ["/weather/health"', 'upstream_headers = { "X-Api-Key" = "hunter2" }\nfree = ["/weather/health"')
    admin = Admin(house.start(config=config))
    answer = admin.get("/v1/services")
    assert answer.json()["services"][1]["upstream_headers"] == ["X-Api-Key"] and b"hunter2" not in answer.body


def test_settlements_are_paged_newest_first_and_filtered(house):
    service, admin = open_house(house)
    tokens = settled(house, service, admin, count=25, step=60)
    settled(house, service, admin, count=3, at=NOON + 7200, name="admin")
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = admin.document(f"/v1/settlements?service=weather&limit=10{cursor and '&cursor=' + cursor}")
        seen += page["settlements"]
        cursor, pages = page["next_cursor"], pages + 1
    assert pages == 3 and [row["payment_hash"] for row in reversed(seen)] == [token.payment_hash.hex() for token in tokens]
    assert seen[-1]["amount_msat"] == 1000 and seen[-1]["settled_at"] == NOON and seen[-1]["node_id"] == house.gateway.node_id
    count = lambda query: len(admin.document("/v1/settlements?" + query)["settlements"])  # noqa: E731
    assert count("limit=1000") == 28
    assert count(f"since={NOON + 60}&until={NOON + 120}") == 1
    assert count("since=2026-11-21T14:00:00Z") == 3
    assert count("until=2026-11-21") == 0
    assert count("service=nothing") == 0


def test_settlements_as_csv_and_no_formula_in_it(house):
    service, admin = open_house(house)
    token = house.gateway.mint("weather")
    house.gateway.settle(token, at=NOON)
    house.gateway.settlements[-1]["description"] = "x"
    other = house.gateway.mint("weather")
    with house.gateway.lock:
        house.gateway.settle(other, at=NOON + 1)
    wait_for(lambda: admin.get("/v1/tokens/" + other.payment_hash.hex()).status == 200, "both are stored")
    for answer in (admin.get("/v1/settlements?limit=1", headers={"Accept": "text/csv"}), admin.get("/v1/settlements?limit=1&format=csv")):
        assert answer.status == 200 and answer.get("content-type").startswith("text/csv")
        header, row = answer.body.decode().splitlines()
        assert header == "payment_hash,service,amount_msat,amount_received_msat,settled_at,description,node_id,pay_index"
        assert row == f'{other.payment_hash.hex()},"weather",1000,1000,{NOON + 1},"L402: weather","{house.gateway.node_id}",2'
        assert answer.get("millrace-next-cursor") == "2"
    with sqlite3.connect(house.folder / "millrace.db") as database:
        database.execute("UPDATE settlements SET description = ? WHERE pay_index = 1", ('=cmd("x"),',))
    row = admin.get("/v1/settlements?format=csv&cursor=2").body.decode().splitlines()[1]
    assert ',"\'=cmd(""x""),",' in row


def test_stats_count_by_service_and_period_in_utc(house):
    service, admin = open_house(house)
    settled(house, service, admin, count=3, at=NOON, step=1800)
    settled(house, service, admin, count=1, at=NOON + 86400, name="admin")
    day = admin.document("/v1/stats")
    assert day["period"] == "day" and day["stats"] == [
        {"start": NOON - 43200, "service": "weather", "count": 3, "amount_received_msat": 3003, "first_uses": 0, "grants": 0},
        {"start": NOON + 43200, "service": "admin", "count": 1, "amount_received_msat": 1000, "first_uses": 0, "grants": 0},
    ]
    hours = admin.document("/v1/stats?period=hour&service=weather")["stats"]
    assert [(row["start"], row["count"]) for row in hours] == [(NOON, 2), (NOON + 3600, 1)]
    assert admin.document(f"/v1/stats?since={NOON + 3600}&until={NOON + 3601}")["stats"][0]["amount_received_msat"] == 1002


def test_a_revoked_token_is_refused_at_once_wherever_it_was_cached_and_honoured_again_when_restored(house):
    service, admin = open_house(house)
    token, other = settled(house, service, admin, count=2, at=int(time.time()))
    target = "/v1/tokens/" + token.payment_hash.hex()
    with service.client() as one, service.client() as two:  # a worker each, both with the token in their cache
        for client in (one, two, one, two):
            assert client.get("/weather/x", token.headers()).status == 200
        answer = admin.post(target + "/revoke", {"reason": "leaked"})
        assert answer.status == 200 and answer.json()["changed"] and answer.json()["revocation"]["reason"] == "leaked"
        for client in (one, two):
            refused = client.get("/weather/x", token.headers())
            assert (refused.status, refused.json()["reason"]) == (402, "revoked")
            fresh = re.search(r'invoice="' + invoices.PATTERN + '"', refused.get("www-authenticate"))[1]
            assert fresh != token.payment_hash.hex()
            assert client.get("/weather/x", other.headers()).status == 200
        service.expect_metric('l402_auth_total{resource="weather",result="revoked"}', 2)
        again = admin.post(target + "/revoke", {"reason": "twice"}).json()
        assert not again["changed"] and again["revocation"]["reason"] == "leaked"
        shown = admin.document(target)
        assert shown["revoked"] and shown["settlement"]["amount_msat"] == 1000 and shown["service"] == "weather"
        assert admin.post(target + "/restore").json()["changed"]
        assert not admin.post(target + "/restore").json()["changed"]
        for client in (one, two):
            assert client.get("/weather/x", token.headers()).status == 200
    assert [(row["action"], row["role"], row["subject"], row["detail"]) for row in admin.document("/v1/audit")["audit"]] == [
        ("restore", "write", token.payment_hash.hex(), ""),
        ("revoke", "write", token.payment_hash.hex(), "leaked"),
    ]


def test_a_revocation_outlives_kill_9(house):
    service, admin = open_house(house)
    token = house.paid()
    assert service.get("/weather/x", token.headers()).status == 200
    assert admin.post(f"/v1/tokens/{token.payment_hash.hex()}/revoke").status == 200
    service.kill()
    service.start()
    assert service.get("/weather/x", token.headers()).json()["reason"] == "revoked"
    assert Admin(service).document("/v1/audit")["audit"][0]["action"] == "revoke"


def test_a_challenge_that_is_revoked_before_it_is_paid_is_not_handed_out_again(house):
    reuse = '[challenges]\nreuse = true\nper_prefix = "2/h"\n'
    service = house.start(section(house.folder) + reuse)
    admin = Admin(service)
    asked = lambda: re.search(r'invoice="' + invoices.PATTERN + '"', service.get("/weather/x").get("www-authenticate"))[1]  # noqa: E731
    first, second = asked(), asked()
    assert asked() == first != second
    assert admin.post(f"/v1/tokens/{first}/revoke").status == 200
    assert asked() == second


def test_reload_answers_what_changed_or_the_faults(house):
    service, admin = open_house(house)
    good = service.config_file.read_text()
    service.config_file.write_text(good.replace("price_msat = 1000", "price_msat = 2000").replace('name = "admin"', 'name = "gate"'))
    answer = admin.post("/v1/reload").json()
    assert answer == {"added": ["gate"], "removed": ["admin"], "changed": ["weather"], "needs_restart": [], "services": 2}
    assert service.get("/weather/x").json()["price_msat"] == 2000
    service.config_file.write_text(good.replace("price_msat = 1000", "price_msat = 0").replace("[admin]\n", "[admin]\ncolour = 1\n"))
    refused = admin.post("/v1/reload")
    assert refused.status == 422
    assert "service.price_msat: must be" in refused.json()["detail"] and "admin.colour: unknown key" in refused.json()["detail"]
    assert service.get("/weather/x").json()["price_msat"] == 2000
    service.reload(good.replace('threads = 2', 'threads = 3'))
    wait_for(lambda: len(admin.document("/v1/audit")["audit"]) == 5, "the signal is written down too")
    rows = admin.document("/v1/audit")["audit"]
    assert [(row["role"], row["action"]) for row in rows] == [
        ("signal", "reloaded"),
        ("write", "reload refused"),
        ("write", "reload"),
        ("write", "reloaded"),
        ("write", "reload"),
    ]
    assert json.loads(rows[0]["detail"])["needs_restart"] == ["listen.threads"]


def test_tokens_are_exchanged_by_a_reload(house):
    service, admin = open_house(house)
    newer = "n" * 40
    (house.folder / "read.token").write_text(newer)
    assert admin.post("/v1/reload").status == 200
    assert admin.get("/v1/status").status == 401
    assert admin.get("/v1/status", token=newer).status == 200


def test_the_audit_table_refuses_to_be_changed(house):
    service, admin = open_house(house)
    assert admin.post("/v1/reload").status == 200
    with sqlite3.connect(house.folder / "millrace.db") as database:
        for statement in (
            "UPDATE audit SET action = 'nothing'",
            "DELETE FROM audit",
            "INSERT OR REPLACE INTO audit VALUES (1, 1, 'x', 'x', 'x', 'x')",
        ):
            with pytest.raises(sqlite3.DatabaseError, match="append-only"):
                database.execute(statement)
    rows = admin.document("/v1/audit?limit=1")
    assert len(rows["audit"]) == 1 and rows["next_cursor"] == "2"
    assert admin.document("/v1/audit?cursor=2")["audit"][0]["action"] == "reload"


def test_a_unix_socket_does_without_tokens_and_has_the_mode_that_is_asked_for(house):
    path = house.folder / "admin.sock"
    service = house.start(section(house.folder, address="unix:admin.sock", read=None, write=None, more='mode = "0600"\n'))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    admin = Admin(service, token="", path=path)
    assert admin.document("/v1/status")["services"] == 2
    assert admin.post("/v1/reload", token="").status == 200
    service.stop()
    assert not path.exists()


def test_reading_goes_on_while_the_store_is_written_and_writing_while_it_is_read(house):
    service, admin = open_house(house)
    settled(house, service, admin, count=200)
    with sqlite3.connect(house.folder / "millrace.db", isolation_level=None) as database:
        database.execute("BEGIN IMMEDIATE")  # a writer that holds the lock
        assert len(admin.document("/v1/settlements?limit=1000")["settlements"]) == 200
        database.execute("ROLLBACK")


def test_bad_settings_are_refused_with_line_and_remedy(house):
    short = section(house.folder, read="short", write=None)
    same = section(house.folder, read="s" * 40, write="s" * 40)
    for text, said in (
        ('[admin]\naddress = "127.0.0.1:0"\n', "admin.write_token_file: missing: an address that others on the machine can reach"),
        ('[admin]\naddress = "systemd"\nread_token_file = "read.token"\n', "admin.address: must be a numeric address and a port"),
        ('[admin]\naddress = "127.0.0.1:0"\nread_token_file = "none"\n', "admin.read_token_file: the file"),
        ('[admin]\naddress = "unix:a.sock"\nmode = "9"\n', "admin.mode: must be a file's mode"),
        ('[admin]\naddress = "unix:a.sock"\ntls = 1\n', "admin.tls: unknown key; known here: address, mode, read_token_file, write_token_file"),
        ("admin = 1\n", "admin: must be a table"),
        (same, "admin.read_token_file: holds the token of write_token_file"),
    ):
        config = house.config(text) if text.startswith("[") else text + house.config()
        code, answer = check(house, config)
        assert code == 1 and said in answer, answer
    (house.folder / "read.token").write_text("short\n")
    code, answer = check(house, house.config(short))
    assert code == 1 and "must have at least 32 characters" in answer and "short" not in answer.replace(str(house.folder), "")


def test_each_documented_path_answers_as_documented(house):
    service, admin = open_house(house)
    token, = settled(house, service, admin)
    stored = {"name": "kept", "path": "/kept/", "upstream": house.upstream.url, "price_msat": 5}
    bodies = {"grantToken": {"service": "weather", "reason": "a test"}, "addService": {**stored, "name": "new", "path": "/new/"}, "setService": stored}
    assert admin.post("/v1/services", stored).status == 201
    asked = 0
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            target = path.replace("{payment_hash}", token.payment_hash.hex()).replace("{name}", "kept")
            ask = lambda token: admin.ask(method.upper(), target, bodies.get(operation["operationId"]), token=token)  # noqa: B023, E731
            if operation["operationId"] == "removeService":
                target += "?dry_run=true"
            assert ask("wrong" * 10).status == 401 and "401" in operation["responses"]
            if "403" in operation["responses"]:
                assert ask(READ).status == 403
            answer = ask(WRITE)
            status = "201" if "201" in operation["responses"] else "200"
            assert str(answer.status) == status, (path, answer.body)
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            assert set(schema["required"]) <= set(answer.json()), path
            assert schema.get("additionalProperties") or set(answer.json()) <= set(schema["properties"]), path
            asked += 1
    assert asked == 19


@pytest.mark.parametrize("change", ["unix", "mode", "gone"])
def test_a_reload_opens_no_listener_that_stays_to_anybody(house, change):
    place = f"unix:{house.folder}/admin.sock" if change == "mode" else "127.0.0.1:0"
    before = section(house.folder, place, more="mode = \"0666\"\n" if change == "mode" else "")
    service = house.start(config=house.config(before))
    ask = lambda token: Admin(service, token=token, path=str(house.folder / "admin.sock") if change == "mode" else None).get("/v1/status").status  # noqa: E731
    assert (ask(""), ask(READ)) == (401, 200)
    after = {"unix": f'[admin]\naddress = "unix:{house.folder}/other.sock"\n', "mode": f'[admin]\naddress = "{place}"\nmode = "0600"\n', "gone": ""}[change]
    service.reload(house.config(after))
    assert (ask(""), ask(READ)) == (401, 200)


def test_a_token_that_was_withdrawn_does_not_come_back_with_the_section_gone(house):
    service = house.start(config=house.config(section(house.folder)))
    service.reload(house.config(section(house.folder, read="read-" + "n" * 40)))
    assert Admin(service).get("/v1/status").status == 401
    service.reload(house.config(""))
    assert Admin(service).get("/v1/status").status == 401
    assert Admin(service, token="read-" + "n" * 40).get("/v1/status").status == 200


def test_who_comes_while_every_seat_is_kept_is_served_when_one_is_free(house):
    admin = Admin(house.start(section(house.folder)))

    def kept():
        client = Client(admin.port)
        client.socket.sendall(f"POST /v1/reload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {WRITE}\r\nContent-Length: 9\r\n\r\n".encode())
        return client

    clients = [kept() for _ in range(64)]
    time.sleep(0.5)
    clients.append(Client(admin.port))  # was being waited for already
    with Client(admin.port, timeout=5) as late:
        late.request("GET", "/v1/status", {"Authorization": "Bearer " + READ})
        late.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.socket.recv(1, socket.MSG_PEEK)
        late.socket.settimeout(5)
        clients[0].close()
        assert late.read().status == 200
    for client in clients[1:]:
        client.close()
