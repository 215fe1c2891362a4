"""Services made, changed and removed through the admin API: in force at once, kept, and as the file would have them."""

import json
import sqlite3
import subprocess
import threading

import pytest
from kit.admin import READ, WRITE, Admin, section
from kit.service import BINARY, wait_for


def definition(house, name="extra", path="/extra/", **more):
    return {"name": name, "path": path, "upstream": house.upstream.url, "price_msat": 500, **more}


@pytest.fixture
def running(house):
    service = house.start(section(house.folder))
    return service, Admin(service, token=WRITE)


def names(admin):
    return [one["name"] for one in admin.document("/v1/services")["services"]]


def test_a_service_that_is_made_sells_at_once_and_after_a_restart(house, running):
    service, admin = running
    assert service.get("/extra/x").status == 404
    made = admin.post("/v1/services", definition(house, timeout="1h", description="say {path}"))
    assert made.status == 201, made.body
    shown = made.json()
    assert shown["changed"] and shown["origin"]["kind"] == "stored" and shown["price_msat"] == 500 and shown["timeout"] == 3600
    assert service.get("/extra/x").json()["price_msat"] == 500
    token = house.paid("extra")
    assert service.get("/extra/x", token.headers()).status == 200
    for end in (service.stop, service.kill):
        end()
        service.start()
        admin = Admin(service, token=WRITE)
        assert names(admin) == ["admin", "weather", "extra"]
        assert service.get("/extra/x", token.headers()).status == 200
        assert service.get("/extra/x").json()["price_msat"] == 500
        assert admin.document("/v1/services/extra")["definition"] == shown["definition"]
    row = admin.document("/v1/audit")["audit"][0]
    assert (row["action"], row["subject"], row["role"]) == ("service added", "extra", "write")
    assert json.loads(row["detail"]) == shown["definition"]


def test_a_service_is_changed_and_removed_under_the_feet_of_requests(house, running):
    service, admin = running
    admin.post("/v1/services", definition(house))
    token = house.paid("extra")
    changed = admin.ask("PUT", "/v1/services/extra", definition(house, price_msat=700))
    assert changed.status == 200 and changed.json()["price_msat"] == 700
    assert service.get("/extra/x").json()["price_msat"] == 700
    assert service.get("/extra/x", token.headers()).status == 200
    removed = admin.ask("DELETE", "/v1/services/extra")
    assert removed.status == 200 and removed.json()["definition"]["price_msat"] == 700
    assert service.get("/extra/x", token.headers()).status == 404
    assert admin.ask("DELETE", "/v1/services/extra").status == 404
    # What was sold before is honoured once it is back.
    assert admin.post("/v1/services", removed.json()["definition"]).status == 201
    assert service.get("/extra/x", token.headers()).status == 200
    assert [row["action"] for row in admin.document("/v1/audit")["audit"]] == [
        "service added", "service removed", "service changed", "service added"]  # fmt: skip


def test_what_is_shown_can_be_given_back(house):
    route = '[[service.route]]\nname = "big"\npath = "/rich/big/"\nper_unit_msat = 5\nunit_header = "X-Units"\n'
    rich = f'[[service]]\nname = "rich"\npath = "/rich/"\nupstream = "{house.upstream.url}"\nprice_msat = 5\ntimeout = "90m"\nuses = 3\n' \
        f'upstream_headers = {{ "X-Key" = "Bearer ${{RICH_KEY}}" }}\nlimits = {{ per_token = "10/s" }}\n{route}'
    service = house.start(section(house.folder), rich, env={"RICH_KEY": "hunter2"})
    admin = Admin(service, token=WRITE)
    of_file = admin.document("/v1/services/rich")
    written = admin.document("/v1/services/rich/definition")
    assert of_file["definition"] == written and of_file["origin"] == {"kind": "file", "file": str(service.config_file), "line": of_file["origin"]["line"]}
    assert service.config_file.read_text().splitlines()[of_file["origin"]["line"] - 1] == "[[service]]"
    service.reload(service.config_file.read_text().replace(rich, ""))
    assert admin.post("/v1/services", written).status == 201
    stored = admin.document("/v1/services/rich")
    for key in set(of_file) - {"origin"}:
        assert stored[key] == of_file[key], key
    assert admin.document("/v1/services/rich/definition") == written
    assert admin.ask("PUT", "/v1/services/rich", written).json()["version"] == stored["version"]
    token = house.paid("rich")
    service.get("/rich/x", token.headers())
    assert house.upstream.requests[-1].get("X-Key") == "Bearer hunter2"
    assert "hunter2" not in json.dumps(stored)


def test_what_is_not_valid_is_refused_with_every_fault_and_nothing_is_kept(house, running):
    service, admin = running
    cases = (
        (definition(house, price_msat=0), 422, "/price_msat", "must be a whole number from 1"),
        (definition(house, colour="red"), 422, "/colour", "unknown key"),
        (definition(house, upstream_headers={"X-Key": "literal"}), 422, "/upstream_headers/X-Key", "${VARIABLE}"),
        (definition(house, upstream_headers={"X-Key": "${NOT_SET_ANYWHERE}"}), 422, "/upstream_headers/X-Key", "not set"),
        (definition(house, route=[{"name": "a", "path": "/b/"}]), 422, "/route/0/path", "below"),
        (definition(house, path="/weather/late/"), 422, "/path", 'overlaps service "weather" of line'),
        (definition(house, name="Not A Name"), 422, "/name", "must be 1 to 21"),
        ({"name": "extra"}, 422, "/path", "missing"),
        ({}, 422, "/name", "missing"),
        (definition(house, name="weather"), 409, None, f"the service at {service.config_file}:"),
    )
    for body, status, path, said in cases:
        answer = admin.post("/v1/services", body)
        assert answer.status == status and said in answer.json()["detail"], (body, answer.body)
        if path:
            assert path in [fault["path"] for fault in answer.json()["faults"]], answer.body
    several = admin.post("/v1/services", definition(house, price_msat=0, colour="red", timeout="1 hour")).json()
    assert [fault["path"] for fault in several["faults"]] == ["/price_msat", "/timeout", "/colour"]
    tls = admin.post("/v1/services", definition(house, upstream="https://127.0.0.1:1", upstream_tls={"ca": "none.pem"}))
    assert tls.status == 422 and "none.pem" in tls.json()["detail"]
    assert admin.post("/v1/services", b"[]").status == 400
    assert admin.post("/v1/services", b'{"name":').status == 400
    assert admin.post("/v1/services?position=middle", definition(house)).status == 400
    assert admin.post("/v1/services?before=weather&position=last", definition(house)).status == 400
    assert admin.post("/v1/services?before=nobody", definition(house)).status == 404
    for method, target in (("PUT", "/v1/services/weather"), ("DELETE", "/v1/services/weather")):
        answer = admin.ask(method, target, definition(house, name="weather") if method == "PUT" else None)
        assert answer.status == 409 and f"{service.config_file}:" in answer.json()["detail"]
    assert admin.ask("PUT", "/v1/services/extra", definition(house)).status == 404
    assert names(admin) == ["admin", "weather"] and admin.document("/v1/audit")["audit"] == []


def test_a_reading_token_changes_no_service(house, running):
    service, admin = running
    assert admin.post("/v1/services", definition(house), token=READ).status == 403
    admin.post("/v1/services", definition(house))
    assert admin.ask("PUT", "/v1/services/extra", definition(house), token=READ).status == 403
    assert admin.ask("DELETE", "/v1/services/extra", token=READ).status == 403
    assert admin.get("/v1/services/extra/definition", token=READ).status == 200


def test_a_dry_run_checks_everything_and_changes_nothing(house, running):
    service, admin = running
    answer = admin.post("/v1/services?dry_run=true", definition(house))
    assert answer.status == 200 and answer.json()["changed"] is False and answer.json()["price_msat"] == 500
    assert admin.post("/v1/services?dry_run=true", definition(house, price_msat=0)).status == 422
    assert names(admin) == ["admin", "weather"]
    admin.post("/v1/services", definition(house))
    assert admin.ask("PUT", "/v1/services/extra?dry_run=true", definition(house, price_msat=9)).json()["price_msat"] == 9
    assert admin.ask("DELETE", "/v1/services/extra?dry_run=true").status == 200
    assert admin.document("/v1/services/extra")["price_msat"] == 500
    assert len(admin.document("/v1/audit")["audit"]) == 1


def test_services_are_asked_in_the_order_that_is_shown(house, running):
    service, admin = running
    assert admin.post("/v1/services?position=first", definition(house, "narrow", "/weather/late/", price_msat=3)).status == 201
    assert service.get("/weather/late/x").json()["price_msat"] == 3
    assert service.get("/weather/x").json()["price_msat"] == 1000
    assert admin.post("/v1/services?before=narrow", definition(house, "narrower", "/weather/late/x/", price_msat=2)).status == 201
    assert admin.post("/v1/services", definition(house, "rest", "/")).status == 201
    assert admin.post("/v1/services?after=weather", definition(house, "middle", "/middle/")).status == 201
    order = ["narrower", "narrow", "admin", "weather", "middle", "rest"]
    assert names(admin) == order
    hides = admin.ask("PUT", "/v1/services/rest?position=first", definition(house, "rest", "/"))
    assert hides.status == 422 and 'overlaps service "rest" stored through the admin API' in hides.json()["detail"]
    service.kill()
    service.start()
    assert names(Admin(service, token=WRITE)) == order
    assert service.get("/weather/late/x/y").json()["price_msat"] == 2


def test_of_changes_at_the_same_time_none_is_lost(house, running):
    service, admin = running
    answers = []
    work = [threading.Thread(target=lambda n=n: answers.append(admin.post("/v1/services", definition(house, f"s{n}", f"/s{n}/")).status)) for n in range(20)]
    reloads = [threading.Thread(target=lambda: answers.append(admin.post("/v1/reload").status)) for _ in range(3)]
    for one in work + reloads:
        one.start()
    for one in work + reloads:
        one.join()
    assert sorted(answers) == [200] * 3 + [201] * 20
    assert sorted(names(admin)[2:]) == sorted(f"s{n}" for n in range(20))
    # Two that read the same version: one of them is told.
    version = admin.document("/v1/services/s1")["version"]
    answers = [admin.ask("PUT", f"/v1/services/s1?if_version={version}", definition(house, "s1", "/s1/", price_msat=price)) for price in (1, 2)]
    assert [answer.status for answer in answers] == [200, 409]
    assert "has changed meanwhile" in answers[1].json()["detail"]
    assert admin.document("/v1/services/s1")["price_msat"] == 1
    service.kill()
    service.start()
    assert len(names(Admin(service))) == 22


def test_a_file_that_clashes_with_a_stored_service_is_not_loaded(house, running):
    service, admin = running
    admin.post("/v1/services", definition(house))
    good = service.config_file.read_text()
    clash = good.replace('name = "admin"', 'name = "extra"')
    service.config_file.write_text(clash)
    refused = admin.post("/v1/reload")
    assert refused.status == 422
    assert '"extra" is already the service of line' in refused.json()["detail"] and "--remove-service" in refused.json()["detail"]
    assert names(admin) == ["admin", "weather", "extra"] and service.get("/extra/x").status == 402
    assert "not reloaded, the old one stays" in service.reload()
    # A change through the API meanwhile is made beside the file as it was read last.
    assert admin.ask("PUT", "/v1/services/extra", definition(house, price_msat=8)).status == 200
    assert names(admin) == ["admin", "weather", "extra"]
    service.config_file.write_text(good.replace("price_msat = 1000", "price_msat = 2000"))
    assert admin.post("/v1/reload").json()["changed"] == ["weather"]
    assert service.get("/extra/x").json()["price_msat"] == 8


def millraced(service, *arguments):
    return subprocess.run([BINARY, "--config", str(service.config_file), *arguments], capture_output=True, text=True, timeout=20)


def test_a_stored_service_that_is_not_valid_any_more_keeps_the_service_from_starting_until_it_is_taken_out(house, running):
    service, admin = running
    admin.post("/v1/services", definition(house))
    admin.post("/v1/services", definition(house, "other", "/other/"))
    assert "is in use" in millraced(service, "--remove-service", "extra").stderr
    assert "2 stored services" in millraced(service, "--check-config").stdout
    service.stop()
    service.config_file.write_text(service.config_file.read_text().replace('name = "admin"', 'name = "extra"'))
    for arguments in ((), ("--check-config",)):
        started = millraced(service, *arguments)
        assert started.returncode == 1
        assert 'stored service "extra" /name' in started.stderr and "--remove-service NAME" in started.stderr
    assert "no stored service" in millraced(service, "--remove-service", "nobody").stderr
    taken = millraced(service, "--remove-service", "extra")
    assert taken.returncode == 0 and json.loads(taken.stdout) == definition(house)
    service.start()
    admin = Admin(service)
    assert names(admin) == ["extra", "weather", "other"]
    row = admin.document("/v1/audit")["audit"][0]
    assert (row["role"], row["action"], row["subject"]) == ("command line", "service removed", "extra")


def test_all_services_may_come_through_the_admin_api(house):
    config = house.config(section(house.folder))
    service = house.start(config=config[: config.index("[[service]]")])
    admin = Admin(service, token=WRITE)
    assert names(admin) == [] and service.get("/weather/x").status == 404
    assert admin.post("/v1/services", definition(house)).status == 201
    assert service.get("/extra/x").status == 402
    assert admin.ask("DELETE", "/v1/services/extra").status == 200
    assert names(admin) == []


def test_a_store_that_cannot_be_written_changes_no_service(house, running):
    service, admin = running
    with sqlite3.connect(house.folder / "millrace.db", isolation_level=None) as database:
        database.execute("BEGIN IMMEDIATE")  # held for longer than the writer waits
        answer = admin.post("/v1/services", definition(house))
        database.execute("ROLLBACK")
    assert answer.status == 503 and names(admin) == ["admin", "weather"]
    wait_for(lambda: admin.post("/v1/services", definition(house)).status == 201, "the store is written again")
