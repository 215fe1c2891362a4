"""What is behind a service: several addresses, which of them is asked, TLS and unix sockets towards them."""

import json
import subprocess
import time
from collections import Counter

import pytest
from kit.service import BINARY, wait_for
from kit.tls import Authority
from kit.upstream import Upstream, response

FREE = "/weather/public/"


@pytest.fixture
def upstreams():
    """Makes upstream servers that answer with their name, and closes them."""
    made = []

    def make(name, **more):
        upstream = Upstream(**more)
        made.append(upstream)
        upstream.routes = Answers(name)
        return upstream

    yield make
    for upstream in made:
        upstream.close()


class Answers(dict):
    """Routes; what is not among them is answered with the server's name."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    def get(self, path, _=None):
        return super().get(path, lambda *__: response(self.name.encode()))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


def config(house, *addresses, more=""):
    listed = json.dumps([getattr(address, "url", address) for address in addresses])
    weather = 'path = "/weather/"\nupstream = '
    return house.config().replace(f'{weather}"{house.upstream.url}"', f"{weather}{listed}\n{more}")


def hangup(*_):
    raise Upstream.Hangup


def healthy(upstream):
    return f'l402_upstream_healthy{{resource="weather",address="{upstream.url}"}}'


def asked(upstream, path):
    return [request for request in upstream.requests if request.target == path]


def test_requests_go_round_among_the_addresses(house, upstreams):
    a, b, c = upstreams("a"), upstreams("b"), upstreams("c")
    service = house.start(config=config(house, a, b, c))
    with service.client() as client:
        assert Counter(client.get(FREE + "x").body for _ in range(30)) == {b"a": 10, b"b": 10, b"c": 10}
    for upstream in (a, b, c):
        assert service.metric(healthy(upstream)) == 1
    assert service.metric(f'l402_upstream_healthy{{resource="admin",address="{house.upstream.url}"}}') == 1


def test_an_address_that_cannot_be_reached_is_left_out_and_taken_back(house, upstreams):
    a, b = upstreams("a"), upstreams("b")
    service = house.start(config=config(house, a, b))
    with service.client() as client:
        assert {client.get(FREE + "x").body for _ in range(4)} == {b"a", b"b"}
        b.close()
        began = time.monotonic()
        # Of any method, and with a body: nothing has been sent when connecting fails.
        for method in ("GET", "POST", "PUT", "PATCH"):
            for _ in range(3):
                assert client.request(method, FREE + "x", body=b"y" * 1000).read().body == b"a"
        if time.monotonic() - began < 1:
            assert service.metric(healthy(b)) == 0
        assert service.metric(healthy(a)) == 1
        said = service.log_file.read_text()
        assert said.count(f"upstream {b.url} cannot be reached, not asked for 1 s where there is another: Connection refused") == 1
        again = upstreams("b again", port=b.port)
        wait_for(lambda: client.get(FREE + "x").body == b"b again", "the address is taken back")
        assert f"upstream {again.url} can be reached again" in service.log_file.read_text()
        assert service.metric(healthy(again)) == 1


def test_the_rest_of_a_dead_address_grows(house, upstreams):
    a, b = upstreams("a"), upstreams("b")
    b.close()
    service = house.start(config=config(house, a, b))
    with service.client() as client:
        deadline = time.monotonic() + 15
        while "not asked for 4 s" not in service.log_file.read_text():
            assert client.get(FREE + "x").body == b"a"
            assert time.monotonic() < deadline
            time.sleep(0.02)
    rests = [line.split("not asked for ")[1].split(" s")[0] for line in service.log_file.read_text().splitlines() if "not asked for" in line]
    assert rests == ["1", "2", "4"]


def test_where_no_address_is_well_all_are_tried_the_same(house, upstreams):
    a, b = upstreams("a"), upstreams("b")
    a.close()
    b.close()
    service = house.start(config=config(house, a, b))
    with service.client() as client:
        for _ in range(4):
            assert client.get(FREE + "x").status == 502
        upstreams("a again", port=a.port)
        # At once, although both still rest.
        assert client.get(FREE + "x").body == b"a again"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_what_can_be_repeated_is_asked_of_another_address_where_the_first_says_nothing(house, upstreams, method):
    a, b = upstreams("a"), upstreams("b")
    a.routes[FREE + "x"] = hangup
    service = house.start(config=config(house, a, b))
    with service.client() as client:
        for _ in range(4):
            answer = client.request(method, FREE + "x").read(to_head=method == "HEAD")
            assert answer.status == 200
    assert len(asked(b, FREE + "x")) == 4
    # Nobody can tell whose fault it was: the address stays.
    assert len(asked(a, FREE + "x")) == 2
    assert service.metric(healthy(a)) == 1


@pytest.mark.parametrize("method, body", [("POST", None), ("POST", b"x"), ("PATCH", b"x"), ("PUT", b"x")])
def test_what_may_have_been_acted_upon_is_asked_of_no_other_address(house, upstreams, method, body):
    a, b = upstreams("a"), upstreams("b")
    a.routes[FREE + "x"] = b.routes[FREE + "x"] = hangup
    service = house.start(config=config(house, a, b))
    with service.client() as client:
        for number in range(1, 5):
            assert client.request(method, FREE + "x", body=body).read().status == 502
            assert len(asked(a, FREE + "x")) + len(asked(b, FREE + "x")) == number


def test_an_answer_that_has_begun_is_not_asked_for_again(house, upstreams):
    a, b = upstreams("a"), upstreams("b")

    def half(_, connection, __):
        connection.sendall(b"HTTP/1.1 200")
        raise Upstream.Hangup

    a.routes[FREE + "x"] = b.routes[FREE + "x"] = half
    service = house.start(config=config(house, a, b))
    assert service.get(FREE + "x").status == 502
    assert len(asked(a, FREE + "x")) + len(asked(b, FREE + "x")) == 1


def test_one_dead_address_under_load_costs_no_request(house, upstreams):
    a, b = upstreams("a"), upstreams("b")
    service = house.start(config=config(house, a, b))
    token = house.paid()
    with service.client() as client:
        for number in range(300):
            if number == 100:
                b.close()
            answer = client.get("/weather/x", token.headers())
            assert (answer.status, answer.body in (b"a", b"b")) == (200, True), number
    assert asked(b, "/weather/x")


HEALTH = 'health = { path = "/healthz", interval = "100ms", timeout = "300ms" }'


def test_a_health_check_takes_an_address_out_and_back(house, upstreams):
    a, b = upstreams("a"), upstreams("b")
    service = house.start(config=config(house, a, b, more=HEALTH))
    with service.client() as client:
        for status, slow in (("500 Broken", 0), ("404 Not Found", 0), ("200 OK", 0.6)):

            def ill(*_, status=status, slow=slow):
                time.sleep(slow)
                return response(b"", status=status)

            b.routes["/healthz"] = ill
            service.expect_metric(healthy(b), 0)
            assert {client.get(FREE + "x").body for _ in range(6)} == {b"a"}
            b.routes["/healthz"] = lambda *_: response(b"", status="302 Found")
            service.expect_metric(healthy(b), 1)
            assert {client.get(FREE + "x").body for _ in range(6)} == {b"a", b"b"}
    assert service.metric(healthy(a)) == 1
    check = asked(a, "/healthz")[0]
    assert (check.method, check.get("host"), check.get("connection")) == ("GET", f"127.0.0.1:{a.port}", "close")
    said = service.log_file.read_text()
    for why in ("status 500", "status 404", "timed out"):
        assert f"upstream {b.url} fails its health check, not asked where there is another: {why}" in said
    assert said.count(f"upstream {b.url} is well again") == 3


def test_health_checks_find_an_address_that_is_gone_and_follow_a_reload(house, upstreams):
    a, b, c = upstreams("a"), upstreams("b"), upstreams("c")
    service = house.start(config=config(house, a, b, more=HEALTH))
    b.close()
    service.expect_metric(healthy(b), 0)
    with service.client() as client:
        assert {client.get(FREE + "x").body for _ in range(6)} == {b"a"}
    # All of them unwell: asked all the same.
    a.routes["/healthz"] = lambda *_: response(b"", status="503 Busy")
    service.expect_metric(healthy(a), 0)
    assert service.get(FREE + "x").body == b"a"
    service.reload(config(house, a, c, more=HEALTH))
    service.expect_metric(healthy(c), 1)
    assert service.metric(healthy(a)) == 0  # known from before the reload
    wait_for(lambda: asked(c, "/healthz"), "the new address is checked")
    service.reload(config(house, a, c))
    assert service.metric(healthy(a)) == 1
    time.sleep(0.2)
    before = len(asked(c, "/healthz"))
    time.sleep(0.4)
    assert len(asked(c, "/healthz")) == before


def test_an_upstream_on_a_unix_socket(house, upstreams):
    path = house.folder / "up.sock"
    unix = upstreams("unix", path=path)
    body = b"x" * 500_000
    unix.routes[FREE + "echo"] = lambda request, *_: response(request.body)
    service = house.start(config=config(house, unix))
    with service.client() as client:
        for _ in range(3):
            assert client.get("/weather/x", house.paid().headers()).body == b"unix"
        assert client.request("POST", FREE + "echo", body=body).read().body == body
    assert unix.connections == 1
    assert unix.last.get("host") == "test.example"
    with service.client() as client:
        assert client.request("GET", FREE + "x", version="1.0").read().status == 200
    assert unix.last.get("host") == "localhost"
    unix.close()
    assert service.get(FREE + "x").status == 502
    service.expect_metric(healthy(unix), 0)


def secure(house, upstream, settings):
    return config(house, upstream, more=f"upstream_tls = {{ {settings} }}")


def test_an_upstream_with_a_private_authority_and_a_client_certificate(house, upstreams, authority):
    server = authority.issue("upstream.test")
    own = authority.issue("millraced.test")
    upstream = upstreams("secure", tls=server.server(authority))
    believed = f'ca = "{authority.certificate}"'
    named = 'sni = "upstream.test"'
    shown = f'cert = "{own.certificate}", key = "{own.key}"'
    service = house.start(config=secure(house, upstream, f"{believed}, {named}, {shown}"))
    with service.client() as client:
        for _ in range(3):
            assert client.get(FREE + "x").body == b"secure"
    assert upstream.connections == 1
    # Without the client's certificate the upstream refuses; without the name or the authority we do.
    for settings, why in (
        (f"{believed}, {named}", None),
        (f"{believed}, {shown}", "IP address mismatch"),
        (f'{believed}, sni = "other.test", {shown}', "hostname mismatch"),
        (f"{named}, {shown}", "self-signed certificate in certificate chain"),
    ):
        before = len(upstream.requests)
        service.reload(secure(house, upstream, settings))
        assert service.get(FREE + "x").status == 502, settings
        assert len(upstream.requests) == before
        if why:
            assert why in service.log_file.read_text(), settings
    service.reload(secure(house, upstream, f"{believed}, {named}, {shown}"))
    assert service.get(FREE + "x").body == b"secure"


def test_verification_can_be_switched_off_and_that_is_said(house, upstreams, authority):
    upstream = upstreams("unknown", tls=authority.issue("other.test").server())
    service = house.start(config=secure(house, upstream, "verify = false"))
    assert service.get(FREE + "x").body == b"unknown"
    assert "service weather: upstream_tls.verify is false" in service.log_file.read_text()


def test_tls_files_that_do_not_fit_are_refused_before_the_start(house, upstreams, authority):
    one, other = authority.issue("one.test"), authority.issue("other.test")
    upstream = "https://127.0.0.1:1"
    for settings, why in (
        ('ca = "/nonexistent.pem"', "upstream_tls.ca: /nonexistent.pem cannot be used"),
        (f'cert = "{one.key}", key = "{one.key}"', "upstream_tls.cert: "),
        (f'cert = "{one.certificate}", key = "{other.key}"', "it must be the key of upstream_tls.cert"),
    ):
        file = house.folder / "check.toml"
        file.write_text(secure(house, upstream, settings))
        done = subprocess.run([BINARY, "--config", str(file), "--check-config"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and why in done.stderr, done.stderr


HEADERS = """upstream_headers = { "X-Api-Key" = "${API_KEY}", "Authorization" = "file:key.txt", "X-Plain" = "value", "Host" = "inside.test" }"""


def test_fields_are_set_towards_the_upstream_and_never_shown(house, upstreams):
    a = upstreams("a")
    (house.folder / "key.txt").write_text("Bearer file-s3cret\n")
    text = config(house, a, more=HEADERS + "\n" + HEALTH)
    service = house.start(config=text, env={"API_KEY": "env-s3cret"})
    own = {"x-api-key": "mine", "X_API_KEY": "mine", "Authorization": "Basic bWluZQ==", "X-Other": "mine"}
    for target, more in (("/weather/public/x", {}), ("/weather/x", house.paid().headers())):
        headers = own if not more else {**own, **more}
        assert service.get(target, headers).status == 200
        seen = a.last
        assert [value for name, value in seen.fields if name.lower().replace("_", "-") == "x-api-key"] == ["env-s3cret"]
        assert [value for name, value in seen.fields if name.lower() == "authorization"] == ["Bearer file-s3cret"]
        assert [value for name, value in seen.fields if name.lower() == "host"] == ["inside.test"]
        assert (seen.get("x-plain"), seen.get("x-other"), seen.get("x-forwarded-host")) == ("value", "mine", "test.example")
    # The health check goes in with the same key.
    check = wait_for(lambda: asked(a, "/healthz"), "a health check")[0]
    assert (check.get("x-api-key"), check.get("host")) == ("env-s3cret", "inside.test")
    # Files are read anew by a reload; one that is gone keeps what there was.
    (house.folder / "key.txt").write_text("Bearer another-s3cret\r\n")
    service.reload()
    assert service.get(FREE + "x").status == 200
    assert a.last.get("authorization") == "Bearer another-s3cret"
    (house.folder / "key.txt").unlink()
    said = service.reload()
    assert "not reloaded" in said and "service.upstream_headers.Authorization: the file" in said and "cannot be read" in said
    assert service.get(FREE + "x").status == 200
    assert a.last.get("authorization") == "Bearer another-s3cret"
    assert "s3cret" not in service.log_file.read_text()


def test_a_field_whose_value_is_missing_is_refused_before_the_start(house, upstreams):
    file = house.folder / "check.toml"
    file.write_text(config(house, "http://127.0.0.1:1", more=HEADERS))
    done = subprocess.run([BINARY, "--config", str(file), "--check-config"], capture_output=True, text=True, timeout=20)
    line = file.read_text().splitlines().index(HEADERS) + 1
    assert done.returncode == 1
    assert f"check.toml:{line}: service.upstream_headers.X-Api-Key: the variable API_KEY is not set" in done.stderr
    assert f"check.toml:{line}: service.upstream_headers.Authorization: the file {house.folder}/key.txt cannot be read" in done.stderr


def test_the_path_is_rewritten_on_its_way_to_the_upstream(house, upstreams):
    a, b = upstreams("a"), upstreams("b")
    a.routes["/v2/public/hang"] = b.routes["/v2/public/hang"] = hangup
    service = house.start(config=config(house, a, b, more='rewrite = { strip = "/weather", prefix = "/v2" }'))
    token = house.paid()
    with service.client() as client:
        for asked_for, seen in (
            ("/weather/x", "/v2/x"),
            ("/weather/x?a=/weather/&b=%2e%2e", "/v2/x?a=/weather/&b=%2e%2e"),
            ("/weather//y/../x/./z", "/v2/x/z"),
            ("/weather/caf%C3%A9/a%20b", "/v2/caf%C3%A9/a%20b"),
            ("/weather/", "/v2/"),
            ("http://test.example/weather/x", "/v2/x"),
        ):
            assert client.get(asked_for, token.headers()).status == 200
            assert seen in (a.requests[-1].target if a.requests else "", b.requests[-1].target if b.requests else ""), asked_for
        # What it costs is decided by the path that was asked for.
        assert client.get("/weather/x").status == 402
        assert client.get(FREE + "x").status == 200
        assert client.get("/v2/x").status == 404
        assert client.get(FREE + "hang").status == 502
    # A repetition has the same path: once on the connection that was there, once on a new one.
    for upstream in (a, b):
        assert 1 <= len(asked(upstream, "/v2/public/hang")) <= 2
