"""millrace-ctl against a running millraced: what it prints, where, and with which exit status."""

import json
import os
import pty
import re
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from kit.admin import READ, WRITE, Admin, section
from kit.service import wait_for

CTL = os.environ.get("MILLRACE_CTL", "millrace-ctl")


def run(*arguments, **more):
    return subprocess.run([CTL, *map(str, arguments)], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, **more)


class Desk:
    """millrace-ctl with the place and a token of one service."""

    def __init__(self, house, service, token="write.token"):
        self.place = ["--url", Admin(service).url, "--token-file", house.folder / token]

    def __call__(self, *arguments, code=0):
        done = run(*self.place, *arguments)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments):
        return json.loads(self(*arguments).stdout)

    def on_terminal(self, *arguments):
        """What it prints where the output is a terminal."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([CTL, *map(str, [*self.place, *arguments])], stdout=theirs, stdin=subprocess.DEVNULL)
        os.close(theirs)
        out = b""
        try:
            while piece := os.read(ours, 4096):
                out += piece
        except OSError:  # the other end has closed
            pass
        os.close(ours)
        assert process.wait(30) == 0
        return out.decode().replace("\r\n", "\n")


@pytest.fixture
def running(house):
    service = house.start(section(house.folder))
    return service, Desk(house, service)


def test_each_command_prints_the_json_of_its_endpoint(house, running):
    service, ctl = running
    token = house.paid()
    hash_ = token.payment_hash.hex()
    wait_for(lambda: Admin(service).get("/v1/tokens/" + hash_).status == 200, "the settlement is stored")
    assert ctl.json("status")["services"] == 2
    assert ctl.json("health") == {"status": "ready", "why": None}
    assert [one["name"] for one in ctl.json("services")["services"]] == ["admin", "weather"]
    assert ctl.json("service", "show", "weather")["price_msat"] == 1000
    assert ctl.json("settlements", "--service", "weather", "--limit", "5")["settlements"][0]["payment_hash"] == hash_
    assert ctl("settlements", "--format", "csv").stdout.startswith("payment_hash,service,")
    assert ctl.json("stats", "--period", "hour")["stats"][0]["count"] == 1
    assert ctl.json("token", "show", hash_)["revoked"] is False
    assert ctl.json("token", "revoke", hash_, "--reason", "test & more")["revocation"]["reason"] == "test & more"
    assert service.get("/weather/x", token.headers()).json()["reason"] == "revoked"
    assert ctl.json("token", "restore", hash_)["changed"] is True
    assert service.get("/weather/x", token.headers()).status == 200
    assert ctl.json("reload")["changed"] == []
    assert [row["action"] for row in ctl.json("audit", "--limit", "4")["audit"]] == ["reloaded", "reload", "restore", "revoke"]


def test_a_terminal_gets_a_table_unless_json_is_asked_for(house, running):
    service, ctl = running
    house.gateway.settle(house.gateway.mint("weather"), at=1_795_262_400)
    wait_for(lambda: Admin(service).document("/v1/settlements")["settlements"], "the settlement is stored")
    lines = ctl.on_terminal("settlements").splitlines()
    assert lines[0].split() == ["settled_at", "service", "amount_received_msat", "payment_hash", "description"]
    assert lines[1].startswith("2026-11-21T12:00:00Z  weather")
    assert "node.alias" in ctl.on_terminal("status")
    assert json.loads(ctl.on_terminal("--json", "status"))["services"] == 2


def test_a_dry_run_prints_the_request_and_changes_nothing(house, running):
    service, ctl = running
    hash_ = "ab" * 32
    said = ctl("--dry-run", "token", "revoke", hash_, "--reason", "x").stdout
    assert said == f'POST {Admin(service).url}/v1/tokens/{hash_}/revoke\n{{"reason":"x"}}\n'
    assert ctl("reload", "--dry-run").stdout.startswith("POST ")
    assert ctl.json("audit")["audit"] == []
    assert WRITE not in said


def test_exit_statuses_tell_what_went_wrong_and_no_token_is_shown(house, running):
    service, ctl = running
    reading = Desk(house, service, "read.token")
    assert "no service of this name" in ctl("service", "show", "nothing", code=3).stderr
    assert "64 hex digits" in ctl("token", "show", "xyz", code=4).stderr
    assert "one for reading" in reading("reload", code=4).stderr
    assert reading.json("status")["ready"]
    assert "401" in run("--url", Admin(service).url, "status").stderr
    assert run("--url", Admin(service).url, "status").returncode == 4
    service.config_file.write_text(service.config_file.read_text().replace("price_msat = 1000", "price_msat = 0"))
    assert "service.price_msat" in ctl("reload", code=4).stderr
    assert run("nothing").returncode == 2 and run("--url", "ftp://a", "status").returncode == 2
    (house.folder / "empty").write_text("")
    assert run("--token-file", house.folder / "empty", "status").returncode == 2
    service.stop()
    gone = ctl("status", code=5)
    assert "cannot be reached" in gone.stderr and WRITE not in gone.stderr + gone.stdout
    assert run("--socket", house.folder / "nothing.sock", "status").returncode == 5


def test_an_answer_that_breaks_off_or_never_comes_and_a_server_that_fails_are_told_apart():
    answers = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", None]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def serve():
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    if answer is None:
                        connection.recv(4096)  # until the other side gives up
                    else:
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        codes = [run("--url", url, "--timeout", "1", "status").returncode for _ in answers]
        thread.join(10)
    assert codes == [5, 5, 6, 5]


def test_over_a_unix_socket_no_token_is_needed(house):
    house.start(section(house.folder, address="unix:admin.sock", read=None, write=None))
    done = run("--socket", house.folder / "admin.sock", "status")
    assert (done.returncode, json.loads(done.stdout)["services"]) == (0, 2)
    done = run("status", env={**os.environ, "MILLRACE_CTL_SOCKET": str(house.folder / "admin.sock")})
    assert done.returncode == 0


def test_the_token_may_come_from_the_environment(house, running):
    service, _ = running
    place = {"MILLRACE_CTL_URL": Admin(service).url, "MILLRACE_CTL_TOKEN_FILE": str(house.folder / "read.token")}
    done = run("status", env={**os.environ, **place})
    assert done.returncode == 0 and READ not in done.stdout + done.stderr


def talk(place, messages, *options):
    """What millrace-ctl mcp answers to these messages, by id."""
    lines = "".join(json.dumps(one) + "\n" if isinstance(one, dict) else one + "\n" for one in messages)
    done = subprocess.run([CTL, *map(str, place), *options, "mcp"], input=lines, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return {one["id"]: one.get("result", one.get("error")) for one in map(json.loads, done.stdout.splitlines())}


def call(number, name, /, **arguments):
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def test_the_same_operations_are_tools_over_mcp(house, running):
    service, ctl = running
    hash_ = "cd" * 32
    start = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-03-26", "capabilities": {}}}
    messages = [
        start,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
        call(2, "status"),
        call(3, "token_revoke", payment_hash=hash_, reason="by a tool"),
        call(4, "settlements", limit=3),
        call(5, "service_show", name="nothing"),
        call(6, "service_show"),
        call(7, "settlements", colour="red"),
        call(8, "format_disk"),
        {"jsonrpc": "2.0", "id": 9, "method": "nothing"},
        "nonsense",
    ]
    said = talk(ctl.place, messages)
    assert len(said) == 11
    assert said[0]["protocolVersion"] == "2025-03-26" and said[0]["capabilities"] == {"tools": {}}
    tools = {tool["name"]: tool for tool in said[1]["tools"]}
    assert len(tools) == 19 and tools["token_revoke"]["inputSchema"]["required"] == ["payment_hash"]
    assert [name for name, tool in tools.items() if not tool["annotations"]["readOnlyHint"]] == [
        "service_add", "service_set", "service_remove", "token_revoke", "token_grant", "token_restore", "reload"]  # fmt: skip
    text = lambda number: json.loads(said[number]["content"][0]["text"])  # noqa: E731
    assert text(2)["services"] == 2 and not said[2]["isError"]
    assert text(3)["revoked"] and text(4)["settlements"] == []
    assert said[5]["isError"] and "no service" in text(5)["detail"]
    assert (said[6]["code"], said[7]["code"], said[8]["code"]) == (-32602, -32602, -32602)
    assert said[9]["code"] == -32601 and said[None]["code"] == -32700
    assert ctl.json("audit")["audit"][0]["detail"] == "by a tool"
    dry = talk(ctl.place, [call(1, "token_restore", payment_hash=hash_)], "--dry-run")
    assert "Not done" in dry[1]["content"][0]["text"] and ctl.json("token", "show", hash_)["revoked"]


def complete(*words):
    """What bash offers for the last word."""
    file = Path(CTL).parent / "completions/millrace-ctl"
    script = f'. "{file}"; COMP_WORDS=(millrace-ctl "$@"); COMP_CWORD=$#; _millrace_ctl; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and not done.stderr
    return done.stdout.split()


def test_bash_completes_what_the_program_knows():
    helped = run("--help").stdout
    commands = complete("")
    assert len(commands) == 13 and all(f"  {command} " in helped for command in commands)
    assert complete("token", "re") == ["revoke", "restore"]
    assert complete("--socket", "/none", "sta") == ["status", "stats"]
    assert complete("stats", "--period", "") == ["hour", "day"]
    assert complete("sessions", "--state", "") == ["open", "closed"]
    assert complete("service", "re") == ["remove"]
    for command in ("settlements", "sessions", "stats", "audit", "challenges", "tokens", "token revoke", "token grant", "service add", "service set", "service remove"):
        known = run(*command.split(), "--help").stdout
        of_all = {"--url", "--socket", "--token-file", "--timeout", "--json", "--dry-run", "--help", "--version"}
        assert set(complete(*command.split(), "--")) - of_all == set(re.findall(r"^ +(--[a-z-]+)", known, re.M)), command
    assert "--dry-run" in complete("reload", "--d") and "--dry-run" in complete("--d")


def test_services_are_made_from_toml_and_json_and_given_back(house, running):
    service, ctl = running
    file = house.folder / "extra.toml"
    file.write_text(f'[[service]]\nname = "extra"\npath = "/extra/"\nupstream = "{house.upstream.url}"\nprice_msat = 5\ntimeout = "1h"\n')
    assert ctl.json("service", "add", file, "--dry-run")["changed"] is False
    assert ctl.json("service", "add", file)["changed"] is True
    assert service.get("/extra/x").json()["price_msat"] == 5
    shown = ctl.json("service", "definition", "extra")
    assert shown["timeout"] == "1h"
    again = house.folder / "again.json"
    again.write_text(json.dumps({**shown, "price_msat": 6}))
    version = ctl.json("service", "show", "extra")["version"]
    assert ctl.json("service", "set", "extra", again, "--if-version", version, "--position", "first")["price_msat"] == 6
    assert "has changed meanwhile" in ctl("service", "set", "extra", again, "--if-version", version, code=4).stderr
    bare = f'name = "other"\npath = "/other/"\nupstream = "{house.upstream.url}"\nprice_msat = 0\n'
    refused = subprocess.run([CTL, *map(str, ctl.place), "service", "add", "-"], input=bare, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 4 and 'stored service "other" /price_msat: service.price_msat: must be' in refused.stderr
    taken = subprocess.run([CTL, *map(str, ctl.place), "service", "add", "-"], input=bare.replace("= 0", "= 7"), capture_output=True, text=True, timeout=30)
    assert taken.returncode == 0
    assert [one["name"] for one in ctl.json("services")["services"]] == ["extra", "admin", "weather", "other"]
    for text in ("", "a = ", "{", "[[service]]\nname = 'a'\n[[service]]\nname = 'b'\n", "[node]\n[[service]]\nname = 'a'\n"):
        file.write_text(text)
        assert ctl("service", "add", file, code=2).stdout == "", text
    assert ctl("service", "add", "/nothing/at/all", code=2).stderr.count("no such file") == 1
    assert "change it there" in ctl("service", "remove", "weather", code=4).stderr
    assert ctl.json("service", "remove", "other")["definition"]["price_msat"] == 7
    made = talk(ctl.place, [call(1, "service_add", definition={**shown, "name": "third", "path": "/third/"}), call(2, "service_add", definition=bare.replace("= 0", "= 7"), dry_run=True)])
    assert not made[1]["isError"] and not made[2]["isError"], made
    assert [one["name"] for one in ctl.json("services")["services"]] == ["extra", "admin", "weather", "third"]


def test_a_token_is_granted_and_found_from_the_terminal(house, running):
    service, ctl = running
    made = ctl.json("token", "grant", "weather", "a good cause", "--uses", "2", "--expires-in", "30d")
    assert made["uses"] == 2 and made["ends_at"] == made["granted_at"] + 30 * 86400 and made["reason"] == "a good cause"
    headers = {"Authorization": made["authorization"]}
    assert [service.get("/weather/x", headers).status for _ in range(3)] == [200, 200, 402]
    assert ctl.json("token", "show", made["token_id"])["usage"]["uses_left"] == 0
    assert ctl.json("tokens")["tokens"][0]["granted"] is True
    assert "uses" in ctl("token", "grant", "weather", "x", "--uses", "many", code=4).stderr
    said = ctl("--dry-run", "token", "grant", "weather", "x", "--uses", "2").stdout
    assert said.endswith('{"service":"weather","reason":"x","uses":2}\n') and len(ctl.json("audit")["audit"]) == 1


def test_challenges_that_are_open_are_counted_and_listed(house, running):
    service, ctl = running
    assert ctl.json("challenges") == {"count": 0, "services": [], "challenges": []}
    for target in ("/weather/x", "/weather/y", "/weather/admin/x"):
        assert service.get(target).status == 402
    shown = ctl.json("challenges", "--limit", "2")
    assert shown["count"] == 3 and len(shown["challenges"]) == 2
    assert shown["services"] == [{"service": "admin", "count": 1, "amount_msat": 9000}, {"service": "weather", "count": 2, "amount_msat": 2000}]
    assert shown["challenges"][0]["service"] == "admin" and shown["challenges"][0]["payment_hash"] in house.gateway.issued
    assert all(one["issued_at"] < one["expires_at"] for one in shown["challenges"])
    assert ctl.json("challenges", "--service", "weather")["count"] == 2
    house.gateway.settle(house.gateway.issued[shown["challenges"][0]["payment_hash"]])
    wait_for(lambda: ctl.json("challenges")["count"] == 2, "a paid one is not open any more")
    assert "admin" in ctl.on_terminal("settlements") and "weather" in ctl.on_terminal("challenges")
