"""Spellings of paths: what other servers read in another way, and sell differently, is refused; what an operator says of the
upstream decides on the path that it serves."""

import pytest
from kit.pricer import Pricer
from test_discovery import ask
from test_terms import buy, price

TERMS = """
[[service.route]]
name = "edit"
path = "/{name}/edit"
price_msat = 90000
[[service.route]]
name = "dir"
path = "/{name}/dir/"
price_msat = 50000
"""
SERVICE = """
[[service]]
name = "{name}"
path = "/{name}/"
upstream = "{upstream}"
price_msat = 1000
free = ["/{name}/*.png", "/{name}/pub/"]
auth_only = ["/{name}/keys"]
{more}
"""
SERVICES = [
    ("docs", "", TERMS),
    ("keep", 'paths = { parameters = "keep" }', TERMS),
    ("cut", 'paths = { parameters = "cut" }\nrewrite = { strip = "/cut", prefix = "/in" }', TERMS),
    ("fold", 'paths = { case = "fold" }', TERMS),
    ("slash", 'paths = { slash = "ignore" }', TERMS),
    ("closed", 'unmatched = "refuse"', TERMS.replace('price_msat = 90000', 'price_msat = 90000\nmethods = ["GET"]')),
    ("priced", 'pricer = {{ url = "{pricer}" }}', ""),
    ("nopath", 'pricer = {{ url = "{pricer}", facts = ["method"] }}', ""),
    ("pricedfold", 'paths = {{ parameters = "cut", case = "fold", slash = "ignore" }}\npricer = {{ url = "{pricer}" }}', ""),
]


@pytest.fixture(scope="module")
def _shop():
    from conftest import close_house, make_house

    house, name = make_house("paths")
    pricer = Pricer()
    text = "".join(
        SERVICE.format(name=service, upstream=house.upstream.url, more=more.replace("{{", "{").replace("}}", "}").replace("{pricer}", pricer.url))
        + terms.format(name=service)
        for service, more, terms in SERVICES
    )
    house.pricer = pricer
    house.start(services=text)
    yield house
    close_house(house, name)
    pricer.close()


@pytest.fixture
def shop(_shop):
    _shop.upstream.requests.clear()
    _shop.pricer.questions.clear()
    return _shop


def refused(answer, word):
    assert answer.status == 400 and word in answer.json()["detail"], (answer.status, answer.body)


def test_case_m12_keep_takes_a_parameter_as_it_is(shop):
    assert price(shop.service.get("/keep/edit;x")) == 1000
    assert price(shop.service.get("/keep/edit/x;y")) == 90000
    assert shop.service.get("/keep/secret;.png").status == 200


def test_case_m12_cut_decides_on_the_path_without_parameters_and_forwards_the_original(shop):
    for path in ("/cut/edit;x", "/cut/edit;/x", "/cut;x/edit", "/cut/;x/edit"):
        assert price(shop.service.get(path)) == 90000, path
    assert price(shop.service.get("/cut/secret;.png")) == 1000
    token = buy(shop, shop.service.get("/cut/edit"))
    assert shop.service.get("/cut;a=b/edit;x?q=;", token).status == 200 and shop.upstream.last.target == "/in/edit;x?q=;"
    # Whether "%3B" is cut as well, nobody has said.
    refused(shop.service.get("/cut/edit%3Bx"), "parameter")


def test_case_m12_fold_compares_without_case_and_forwards_the_original(shop):
    for path in ("/fold/EDIT/x", "/FOLD/edit", "/Fold/eDit"):
        assert price(shop.service.get(path)) == 90000, path
    assert shop.service.get("/fold/A.PNG").status == 200 and shop.upstream.last.target == "/fold/A.PNG"
    assert shop.service.get("/fold/KEYS").status == 401
    assert price(shop.service.get("/docs/EDIT/x")) == 1000
    # What becomes an ASCII letter where it is compared without case.
    assert shop.service.get("/fold/%E2%84%AAeys").status == 401


def test_case_m12_ignore_compares_without_a_slash_at_the_end_and_forwards_the_original(shop):
    assert price(shop.service.get("/slash/dir")) == 50000
    assert price(shop.service.get("/slash/edit/")) == 90000
    assert shop.service.get("/slash/keys/").status == 401
    assert shop.service.get("/slash/pub").status == 200 and shop.upstream.last.target == "/slash/pub"
    assert shop.service.get("/slash/a.png/").status == 200 and shop.upstream.last.target == "/slash/a.png/"
    assert price(shop.service.get("/docs/dir")) == 1000


def test_case_m12_a_service_may_be_closed_to_what_no_route_names(shop):
    for path in ("/closed/", "/closed/other", "/closed/editor", "/closed/EDIT"):
        assert shop.service.get(path).status == 404, path
    assert price(shop.service.get("/closed/edit/x")) == 90000
    answer = shop.service.request("POST", "/closed/edit", body=b"")
    assert answer.status == 405 and "GET" in answer.get("allow")
    assert shop.service.get("/closed/a.png").status == 200
    assert shop.service.get("/closed/keys").status == 401
    refused(shop.service.get("/closed/edit;x"), "parameter")
    paths = shop.service.get("/openapi.json").json()["paths"]
    assert "/closed/{path}" not in paths and "/closed/edit" in paths


def test_case_m12_a_pricer_prices_one_path(shop):
    for path in ("/priced/a;x", "/priced/a%2Fb", "/priced/%2561", "/priced/a.", "/priced/a%3Fb"):
        assert shop.service.get(path).status == 400, path
    assert shop.pricer.questions == []
    assert price(shop.service.get("/priced/a%40b/%e2%82%ac?q=;%2F")) == 2000
    assert shop.pricer.questions[-1]["path"] == "/priced/a@b/%E2%82%AC"
    assert price(shop.service.get("/nopath/a;x")) == 2000
    assert price(shop.service.get("/PricedFold/A;x/B/?q")) == 2000
    assert shop.pricer.questions[-1]["path"] == "/pricedfold/a/b"


def test_case_m12_quotes_read_paths_in_the_same_way(shop):
    quote = lambda service, path: ask(shop.service, {"service": service, "path": path})  # noqa: E731
    assert quote("docs", "/docs/edit").json()["price_msat"] == 90000
    answer = quote("docs", "/docs/edit;x")
    assert answer.status == 400 and "parameter" in answer.json()["error"]["message"]
    assert quote("fold", "/FOLD/EDIT").json()["price_msat"] == 90000
    assert quote("cut", "/cut/edit;x").json()["price_msat"] == 90000
    assert quote("closed", "/closed/other").status == 400
    assert ask(shop.service, {"service": "closed"}).status == 400
    assert quote("priced", "/priced/a;x").status == 400
