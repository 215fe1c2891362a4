"""What a client learns before it buys: documents, quotes, and prices without an invoice."""

import base64
import json

import pytest

from kit import invoices

MANIFEST, OPENAPI, QUOTE = "/.well-known/l402.json", "/openapi.json", "/l402/quote"


def ask(service, question, headers=None, method="POST"):
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    with service.client() as client:
        return client.request(method, QUOTE, {"Content-Type": "application/json", **(headers or {})}, body).read()


def issued(house):
    return sum(len(request["params"].get("batch", [0])) for request in house.gateway.requests if request["method"] == "issue")


def test_the_manifest_lists_what_is_sold_at_the_host(shared):
    answer = shared.service.get(MANIFEST)
    assert (answer.status, answer.get("content-type")) == (200, "application/json")
    manifest = answer.json()
    assert manifest["version"] == "1.0" and manifest["provider"] == {"name": "Millrace", "node_pubkey": shared.gateway.node_id}
    assert sorted(service["name"] for service in manifest["services"]) == ["admin", "weather"]
    weather, admin = (next(service for service in manifest["services"] if service["name"] == name) for name in ("weather", "admin"))
    assert weather["resources"][-1] == {"path": "/weather/**", "method": "*", "pricing": {"model": "fixed", "price_msat": 1000}}
    assert weather["terms"] == {"scope": "service", "seconds": 3600}
    assert admin["description"] == "the keys to the house"


def test_the_openapi_document_has_paths_and_prices(shared):
    document = shared.service.get(OPENAPI).json()
    assert document["openapi"] == "3.1.0" and "x-service-info" in document
    info = document["paths"]["/weather/{path}"]["get"]["x-l402-info"]
    assert info["pricing"] == {"model": "fixed", "price_msat": 1000}
    assert not {"x-payment-info", "x-l402-info"} & set(document["paths"]["/weather/health"]["get"])


def test_case_c14_operations_of_post_have_a_request_body_that_takes_anything(shared):
    paths = shared.service.get(OPENAPI).json()["paths"]
    operations = [(method, operation) for item in paths.values() for method, operation in item.items()]
    assert {method for method, _ in operations} == {"get", "post"}
    for method, operation in operations:
        body = operation.get("requestBody")
        assert (body is not None) == (method == "post")
        assert body is None or (body["required"] is False and body["content"] == {"*/*": {"schema": {}}})


@pytest.mark.parametrize("path", [MANIFEST, OPENAPI])
def test_documents_are_cached_by_tag_open_to_every_origin_and_cost_nothing(shared, path):
    before = issued(shared)
    answer = shared.service.get(path, {"Origin": "https://elsewhere.example"})
    assert answer.get("access-control-allow-origin") == "*"
    assert answer.get("cache-control") == "public, max-age=60"
    again = shared.service.get(path, {"If-None-Match": answer.get("etag")})
    assert (again.status, again.body, again.get("etag")) == (304, b"", answer.get("etag"))
    assert shared.service.get(path, {"If-None-Match": '"other"'}).status == 200
    with shared.service.client() as client:
        head = client.request("HEAD", path).read(to_head=True)
        assert (head.status, head.get("content-length")) == (200, str(len(answer.body)))
        # The connection goes on behind each of them.
        preflight = client.request("OPTIONS", path, {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}).read()
        assert (preflight.status, preflight.get("access-control-allow-methods")) == (204, "GET, HEAD, OPTIONS")
        refused = client.request("POST", path, body=b"x").read()
        assert (refused.status, refused.get("allow")) == (405, "GET, HEAD, OPTIONS")
        assert client.get(path).status == 200
    assert issued(shared) == before


def test_a_reload_changes_the_documents(house):
    house.start()
    tag = house.service.get(MANIFEST).get("etag")
    house.service.reload(house.config('[discovery]\nname = "Weather Inc."\nuri = "https://weather.example"'))
    answer = house.service.get(MANIFEST)
    assert answer.get("etag") != tag
    assert answer.json()["provider"]["name"] == "Weather Inc."


def test_hosts_hidden_services_and_the_switch(house):
    services = """
[[service]]
name = "shop"
host = "shop.example"
path = "/"
upstream = "{0}"
price_msat = 7
[[service]]
name = "private"
host = "private.example"
path = "/"
upstream = "{0}"
price_msat = 8
hidden = true
""".format(house.upstream.url)
    alone = house.config(services=services).split("[[service]]", 1)[0] + services
    house.start(config=alone)

    def names(host):
        answer = house.service.get(MANIFEST, {"Host": host})
        return [service["name"] for service in answer.json()["services"]] if answer.status == 200 else answer.status

    assert names("shop.example") == ["shop"]
    # A hidden service's host does not even say that there is something to hide: the path is sold like any other.
    assert names("private.example") == 402
    assert names("other.example") == 404
    assert ask(house.service, {"service": "private"}, {"Host": "shop.example"}).json()["error"]["code"] == "unknown_service"
    house.service.reload(alone.replace("[log]", "[discovery]\nenabled = false\n[log]"))
    assert names("shop.example") == 402
    with house.service.client() as client:
        assert client.request("POST", QUOTE, {"Host": "shop.example"}, b"{}").read().status == 402


def test_a_quote_is_a_price_without_an_invoice(shared):
    before = issued(shared)
    answer = ask(shared.service, {"service": "weather", "path": "/weather/today"}, {"Origin": "https://elsewhere.example"})
    assert (answer.status, answer.get("access-control-allow-origin"), answer.get("cache-control")) == (200, "*", "no-store")
    quote = answer.json()
    assert (quote["price_msat"], quote["terms"]) == (1000, {"scope": "service", "seconds": 3600})
    assert "invoice" not in quote and "macaroon" not in quote
    assert ask(shared.service, {"service": "weather", "path": "/weather/health"}).json()["price_msat"] == 0
    assert issued(shared) == before


def test_a_quote_brings_a_challenge_when_asked_that_opens_the_service_once_paid(shared):
    before = issued(shared)
    quote = ask(shared.service, {"service": "weather", "mint": True}).json()
    assert issued(shared) == before + 1
    token = shared.gateway.issued[invoices.hash_of(quote["invoice"])]
    minted = base64.b64decode(quote["macaroon"])
    assert token.macaroon.identifier in minted and b"weather_max_price_msat=1000" in minted
    shared.gateway.settle(token)
    headers = {"Authorization": f"L402 {quote['macaroon']}:{token.preimage.hex()}"}
    assert shared.service.get("/weather/today", headers).status == 200


@pytest.mark.parametrize(
    "question, status, code, field",
    [
        (b"not JSON", 400, "malformed_request", None),
        ({}, 400, "malformed_request", "service"),
        ({"service": "nothing"}, 400, "unknown_service", "service"),
        ({"service": "weather", "path": "/elsewhere"}, 400, "unknown_resource", "path"),
        ({"service": "weather", "max_price_msat": 999}, 409, "unsatisfiable_budget", "max_price_msat"),
        (b"{" + b" " * 20000, 413, "malformed_request", None),
    ],
)
def test_what_cannot_be_quoted_is_refused_with_a_code(shared, question, status, code, field):
    answer = ask(shared.service, question)
    error = answer.json()["error"]
    assert (answer.status, error["code"], error.get("field")) == (status, code, field)
    assert error["message"]


def test_a_quote_with_a_challenge_meets_the_limits_of_every_challenge(house):
    house.start()
    house.gateway.refuse_with = (4020, "too many")
    answer = ask(house.service, {"service": "weather", "mint": True})
    assert (answer.status, answer.json()["error"]["code"], answer.get("retry-after")) == (429, "rate_limited", "1")
    house.gateway.refuse_with = (4021, "broken")
    answer = ask(house.service, {"service": "weather", "mint": True})
    assert (answer.status, answer.json()["error"]["code"]) == (503, "unpriceable")
    # Without one, the price is known whatever the node does.
    assert ask(house.service, {"service": "weather"}).status == 200


def test_a_question_that_comes_in_pieces_or_waits_for_leave_is_read(shared):
    with shared.service.client() as client:
        client.send("POST /l402/quote HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ser\r\n")
        client.send("12\r\nvice\" : \"weather\"}\r\n0\r\n\r\n")
        assert client.read().json()["price_msat"] == 1000
        client.send("POST /l402/quote HTTP/1.1\r\nHost: a\r\nContent-Length: 21\r\nExpect: 100-continue\r\n\r\n")
        assert client.read(interim=True).status == 100
        client.send('{"service":"weather"}')
        assert client.read().json()["price_msat"] == 1000


def test_a_402_tells_the_price_in_a_field(shared):
    with shared.service.client() as client:
        for method in ("HEAD", "GET"):
            answer = client.request(method, "/weather/today").read(to_head=method == "HEAD")
            assert (answer.status, answer.get("x-l402-price-msat")) == (402, "1000")
            assert answer.get("link") == '</.well-known/l402.json>; rel="service-desc"'
        # Whoever has paid gets the upstream's own answer.
        assert client.request("HEAD", "/weather/today", shared.paid().headers()).read(to_head=True).status == 200


def test_options_is_answered_here_with_the_price(shared):
    before, seen = issued(shared), len(shared.upstream.requests)
    with shared.service.client() as client:
        for headers in ({}, shared.paid().headers()):
            answer = client.request("OPTIONS", "/weather/today", headers).read()
            assert (answer.status, answer.get("x-l402-price-msat")) == (204, "1000")
            assert "GET" in answer.get("allow") and "OPTIONS" in answer.get("allow")
            assert not answer.all("www-authenticate")
        assert (issued(shared), len(shared.upstream.requests)) == (before, seen)
        # What is free is the upstream's own.
        assert client.request("OPTIONS", "/weather/health").read().body == b"hello\n"


def test_what_is_sold_by_charge_says_so_without_an_invoice(house):
    house.start(config=house.config().replace("price_msat = 1000", 'price_msat = 1000\nschemes = ["payment"]'))
    with house.service.client() as client:
        assert client.request("OPTIONS", "/weather/today").read().get("accept-payment") == "lightning/charge"
        assert client.request("OPTIONS", "/weather/admin/x").read().get("accept-payment") is None
    assert issued(house) == 0


def test_options_is_sold_where_the_service_says_so(house):
    house.start(config=house.config().replace("price_msat = 1000", 'price_msat = 1000\noptions = "forward"'))
    with house.service.client() as client:
        assert client.request("OPTIONS", "/weather/today").read().status == 402
        assert client.request("OPTIONS", "/weather/today", house.paid().headers()).read().body == b"hello\n"


def test_a_quoted_invoice_speaks_of_the_method_that_was_asked_about(house):
    service = '[[service]]\nname = "notes"\npath = "/notes/"\nupstream = "{}"\nprice_msat = 5\ndescription = "{{method}} {{path}}"\n'
    house.start(services=service.format(house.upstream.url))

    def described(question):
        assert "invoice" in ask(house.service, {"service": "notes", "path": "/notes/x", "mint": True, **question}).json()
        asked = [request["params"] for request in house.gateway.requests if request["method"] == "issue"][-1]
        return asked.get("batch", [asked])[-1]["description"]

    assert described({"method": "PUT"}) == "PUT /notes/x"
    assert described({}) == "GET /notes/x"
    for method in ("", "GET x", "G\nET", "A" * 33):
        answer = ask(house.service, {"service": "notes", "method": method, "mint": True})
        assert (answer.status, answer.json()["error"]["field"]) == (400, "method")
