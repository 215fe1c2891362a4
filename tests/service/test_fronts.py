"""What a proxy in front says of the browser's own request, and who believes it."""

import pytest
from kit.tls import Authority
from test_pages import NAVIGATION

TRUSTED = '[clients]\ntrusted_proxies = ["127.0.0.0/8"]\n'
SAID = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example", "X-Forwarded-Prefix": "/shop"}
NAMES = ("x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix")


def told(house, headers):
    """What the upstream is told: scheme, host, prefix."""
    answer = house.service.get("/weather/health", headers)
    assert answer.status == 200
    seen = house.upstream.last
    assert all(seen.names().count(name) <= 1 for name in NAMES)
    return tuple(seen.get(name) for name in NAMES)


def trust(names):
    listed = ", ".join(f'"{name}"' for name in names)
    return TRUSTED + f"trusted_headers = [{listed}]\n"


def test_case_h10_the_scheme_is_what_a_trusted_proxy_says(house):
    house.start()
    assert told(house, SAID) == ("http", "test.example", None), "anybody can say so"
    house.service.reload(house.config(TRUSTED))
    assert told(house, SAID) == ("https", "test.example", None)
    assert told(house, {}) == ("http", "test.example", None)
    for said, scheme in (("http", "http"), ("HTTPS", "https"), ("http, https", "https"), ("https,http", "http"), ("https, gopher", "http"), ("", "http")):
        assert told(house, {"X-Forwarded-Proto": said})[0] == scheme, said
    with house.service.client() as client:  # the last field's
        client.send("GET /weather/health HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Proto: https\r\n\r\n")
        assert client.read().status == 200 and house.upstream.last.get("x-forwarded-proto") == "https"


def test_case_h10_host_and_prefix_are_believed_where_they_are_named(house):
    house.start(trust(["X-Forwarded-Host", "x-forwarded-prefix"]))
    assert told(house, SAID) == ("http", "shop.example", "/shop")
    assert house.upstream.last.get("host") == "test.example"
    for prefix in ("//evil.example", "/a/../b", "shop", "/a>;x"):
        assert told(house, {"X-Forwarded-Prefix": prefix})[2] is None
    assert told(house, {"X-Forwarded-Host": "evil/x"})[1] == "test.example"
    head = house.service.request("HEAD", "/weather/x", SAID)
    assert head.get("link") == '</shop/.well-known/l402.json>; rel="service-desc"'
    house.service.reload(house.config(trust([])))
    assert told(house, SAID) == ("http", "test.example", None)


SERVICES = """
[[service]]
name = "dear"
host = "dear.example"
path = "/x/"
upstream = "{upstream}"
price_msat = 9000
schemes = ["l402", "payment"]
[[service]]
name = "cheap"
host = "cheap.example"
path = "/x/"
upstream = "{upstream}"
price_msat = 10
schemes = ["l402", "payment"]
"""


def test_case_h10_service_price_and_realm_come_from_host_alone(house):
    house.start(trust(["X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix"]), services=SERVICES.format(upstream=house.upstream.url))
    for said in ({}, {"X-Forwarded-Host": "cheap.example"}, {"X-Forwarded-Host": "cheap.example", "X-Forwarded-Prefix": "/x"}):
        answer = house.service.get("/x/y", {"Host": "dear.example", **said})
        assert (answer.status, answer.json()["price_msat"]) == (402, 9000)
        lines = " ".join(answer.all("www-authenticate"))
        assert 'realm="dear.example"' in lines and "cheap" not in lines


def test_case_h10_a_cookie_is_secure_where_the_browser_came_by_https(house):
    def secure(headers, **more):
        answer = house.service.get("/weather/today", {**NAVIGATION, **headers}, **more)
        (cookie,) = answer.all("set-cookie")
        return "Secure" in cookie.split("; ")

    house.start(TRUSTED)
    assert secure({"X-Forwarded-Proto": "http, https"}) and not secure({"X-Forwarded-Proto": "https, http"})
    house.service.reload(house.config(trust(["X-Forwarded-Host"])))
    assert not secure({"X-Forwarded-Proto": "https"})


def test_case_h10_over_tls_the_scheme_is_https_unless_a_trusted_proxy_knows_better(house):
    authority = Authority(house.folder)
    pair = authority.issue()
    config = house.config(TRUSTED).replace("[listen]\n", f'[listen]\ntls_cert = "{pair.certificate}"\ntls_key = "{pair.key}"\n')
    house.start(config=config)
    for said, scheme in (({}, "https"), ({"X-Forwarded-Proto": "http"}, "http")):
        with house.service.client(tls=authority.trust()) as client:
            assert client.get("/weather/health", said).status == 200
            assert house.upstream.last.get("x-forwarded-proto") == scheme


@pytest.mark.parametrize("value", ['["X-Real-IP"]', '["X-Forwarded-For"]', '"X-Forwarded-Proto"'])
def test_case_h10_what_cannot_be_believed_is_refused_in_the_configuration(house, value):
    import subprocess

    from kit.service import BINARY

    file = house.folder / "bad.toml"
    file.write_text(house.config(TRUSTED + f"trusted_headers = {value}\n"))
    done = subprocess.run([BINARY, "--config", str(file), "--check-config"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "clients.trusted_headers" in done.stderr
