"""What upstreams answer, and how it is read: interim answers, chunks, statuses, versions."""

import pytest
from kit.pricer import Pricer, said
from kit.service import wait_for
from kit.upstream import Upstream, response

FREE = "/weather/public/"
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"

SERVICES = """
[[service]]
name = "checked"
path = "/checked/"
upstream = "{checked}"
health = {{ path = "/well", interval = "100ms" }}
price_msat = 1
free = ["/checked/"]
[[service]]
name = "priced"
path = "/priced/"
upstream = "{upstream}"
price_msat = 1000
pricer = {{ url = "{pricer}", fallback_msat = 9000, cache = "1s" }}
"""


def test_case_h4_interim_answers_are_skipped_by_health_checks_and_pricers_too(house):
    checked, pricer = Upstream(), Pricer()
    try:
        checked.routes["/well"] = lambda *_: HINT + HINT + response(b"well")
        pricer.answer = lambda *_: HINT + said({"price_msat": 2000})
        service = house.start(services=SERVICES.format(upstream=house.upstream.url, checked=checked.url, pricer=pricer.url))
        wait_for(lambda: len(checked.requests) >= 2, "the address is checked")
        assert service.metric(f'l402_upstream_healthy{{resource="checked",address="{checked.url}"}}') == 1
        assert service.get("/checked/x").status == 200
        assert service.get("/priced/x").json()["price_msat"] == 2000
        # In pieces: the answer comes when the hint was read already.
        checked.routes["/well"] = lambda request, connection, stream: connection.sendall(HINT) or response(b"no", "500 Oops")
        wait_for(lambda: service.metric(f'l402_upstream_healthy{{resource="checked",address="{checked.url}"}}') == 0, "it is found unwell")
    finally:
        checked.close()
        pricer.close()


def test_case_h27_interim_answers_without_end_are_no_answer(shared):
    sent = []

    def storm(request, connection, stream):
        for number in range(1000):
            connection.sendall(HINT)
            sent.append(number)

    shared.upstream.routes[FREE + "eight"] = lambda *_: HINT * 8 + response(b"ok")
    shared.upstream.routes[FREE + "storm"] = storm
    with shared.service.client() as client:
        client.request("GET", FREE + "eight")
        statuses = []
        while (answer := client.read(interim=True)).status == 103:
            statuses.append(answer.get("link"))
        assert (len(statuses), answer.status, answer.body) == (8, 200, b"ok")
        client.request("GET", FREE + "storm")
        statuses = []
        while (answer := client.read(interim=True)).status == 103:
            statuses.append(answer.status)
        assert (len(statuses), answer.status) == (8, 502)
        # The connection to the upstream is not used again, that to the client is.
        assert client.get(FREE + "eight").body == b"ok"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
READABLE = [b"2 \r\nok\r\n0\r\n\r\n", b"2\t \r\nok\r\n0 \r\n\r\n", b"2 ; a=b\r\nok\r\n0;end\r\n\r\n", b"02\r\nok\r\n00\r\nX-T: 1\r\n\r\n"]


@pytest.mark.parametrize("body", READABLE)
def test_case_h14_chunk_sizes_are_read_as_nginx_and_go_read_them(shared, body):
    shared.upstream.routes[FREE + "x"] = lambda *_: CHUNKED + body
    with shared.service.client() as client:
        for _ in range(2):
            answer = client.get(FREE + "x")
            assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("status", ["000", "099", "600", "999"])
def test_case_h17_a_status_that_no_class_has_is_502_and_uses_nothing(shared, status):
    shared.upstream.routes["/weather/x"] = lambda *_: response(b"odd", f"{status} Odd")
    assert shared.service.get("/weather/x", shared.paid().headers()).status == 502


@pytest.mark.parametrize("version", ["1.2", "1.9"])
def test_case_h17_a_later_minor_version_is_read_as_1_1(shared, version):
    shared.upstream.routes[FREE + "x"] = lambda *_: b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with shared.service.client() as client:
        for _ in range(2):
            client.send(f"GET {FREE}x HTTP/{version}\r\nHost: a\r\n\r\n")
            answer = client.read()
            assert (answer.status, answer.body) == (200, b"ok")
        assert shared.upstream.last.version == "HTTP/1.1"
