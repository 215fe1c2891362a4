"""The cookies of pay pages as a browser keeps them: where they are sent, how long, and how many."""

import re
import threading

import pytest
from kit.pricer import Pricer
from kit.service import wait_for
from test_pages import EVENTS, NAVIGATION, cookie_of, invoice_of, is_page, settle, token_of


class Jar:
    """A browser's cookies of one host, by RFC 6265: default path, path match, Max-Age, replacement."""

    def __init__(self):
        self.held, self.now = {}, 0

    @staticmethod
    def folder(target):
        path = target.split("?")[0]
        return path[: path.rfind("/")] or "/"

    def take(self, target, answer):
        for line in answer.all("set-cookie"):
            pair, *attributes = line.split("; ")
            name, value = pair.split("=", 1)
            said = dict(attribute.split("=", 1) for attribute in attributes if "=" in attribute)
            key = (name, said.get("Path", self.folder(target)))
            if int(said["Max-Age"]) <= 0:
                self.held.pop(key, None)
            else:
                self.held[key] = (value, self.now + int(said["Max-Age"]))

    def sent(self, target):
        path = target.split("?")[0]
        return {
            name: value
            for (name, folder), (value, ends) in self.held.items()
            if ends > self.now and (path == folder or path.startswith(folder.rstrip("/") + "/"))
        }


class Browser:
    """Opens addresses as a person does; `prefix` is what a front cuts off before millraced sees the path."""

    def __init__(self, house, prefix=""):
        self.house, self.prefix, self.jar = house, prefix, Jar()

    def open(self, target, headers=NAVIGATION):
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.sent(target).items())
        answer = self.house.service.get(target.removeprefix(self.prefix), {**headers, **({"Cookie": cookies} if cookies else {})})
        if answer:
            self.jar.take(target, answer)
        return answer

    def buy(self, target):
        page = self.open(target)
        assert is_page(page)
        settle(self.house, token_of(self.house, page))
        opened = self.open(target)
        assert opened.status == 200
        return page


def max_age(answer):
    (line,) = answer.all("set-cookie")
    return int(re.search(r"; Max-Age=(\d+)", line)[1])


@pytest.mark.parametrize(
    "prefix, target",
    [("", "/weather/today"), ("/shop", "/shop/weather/today"), ("/a/b", "/a/b/weather/x/y"), ("", "//weather/x"), ("", "/%77eather/x"), ("", "/weather/../weather/x")],
)
def test_case_h12_the_browser_derives_where_the_cookie_is_for(shared, prefix, target):
    browser = Browser(shared, prefix)
    page = browser.open(target)
    assert is_page(page) and "Path=" not in " ".join(page.all("set-cookie"))
    # The page listens below its own folder, where its cookie is sent.
    link = re.search(r'data-events="([^"]+)"', page.body.decode())[1]
    assert link == ".well-known/millrace/settled?offer=weather~1000"
    events = Jar.folder(target).rstrip("/") + "/" + link
    client = shared.service.client()
    cookies = "; ".join(f"{name}={value}" for name, value in browser.jar.sent(events).items())
    client.request("GET", events.removeprefix(prefix), {"Accept": "text/event-stream", "Cookie": cookies})
    assert client.head().status == 200
    settle(shared, token_of(shared, page))
    assert client.stream.read().endswith(b"event: settled\ndata: {}\n\n")
    client.close()
    assert browser.open(target).status == 200
    assert browser.open(target[: target.rfind("/")] + "/beside").status == 200


def test_case_h12_events_are_below_every_folder_and_at_the_root_of_older_pages(shared):
    page = shared.service.get("/weather/today", NAVIGATION)
    for path in (EVENTS, "/weather" + EVENTS, "/anything/else" + EVENTS):
        assert shared.service.get(path).status == 403
        with shared.service.client() as client:
            client.request("GET", f"{path}?offer=weather~1000", {"Cookie": cookie_of(page)})
            assert client.head().get("content-type") == "text/event-stream"
    assert shared.service.get("/weather/x" + EVENTS[1:]).status == 402


def test_case_h13_an_offer_s_cookie_ends_with_its_invoice_and_what_was_bought_is_kept(shared):
    browser = Browser(shared)
    page = browser.open("/weather/today")
    assert 590 <= max_age(page) <= 631
    settle(shared, token_of(shared, page))
    opened = browser.open("/weather/today")
    assert opened.status == 200
    first, second = opened.all("set-cookie")
    assert all(3590 <= int(re.search(r"; Max-Age=(\d+)", line)[1]) <= 3600 and "HttpOnly" in line for line in (first, second))
    assert "Path=" not in first and "; Path=/weather/;" in second
    assert {value.split(".")[3] for value, _ in browser.jar.held.values()} == {""}, "the invoice is of no use any more"
    again = browser.open("/weather/today")
    assert again.status == 200 and not again.all("set-cookie"), "said once"
    browser.jar.now = 3000  # the invoice has long expired
    assert browser.open("/weather/tomorrow").status == 200
    # Neither a program's request nor one that is refused sets anything.
    assert not shared.service.get("/weather/today", shared.paid().headers()).all("set-cookie")


def test_case_h12_what_was_bought_opens_the_whole_service_and_no_more(shared):
    browser = Browser(shared)
    browser.buy("/weather/deep/in/it")
    for target in ("/weather/today", "/weather/css/style.css", "/weather/deep/other"):
        assert browser.open(target, {"Accept": "*/*"}).status == 200
    assert browser.open("/weather/admin/x").status == 402
    assert not browser.jar.sent("/elsewhere")


def test_case_h12_below_a_prefix_that_a_front_says_it_cut_off_too(house):
    house.start('[clients]\ntrusted_proxies = ["127.0.0.1"]\ntrusted_headers = ["X-Forwarded-Prefix"]\n')
    browser = Browser(house, "/shop")
    said = {**NAVIGATION, "X-Forwarded-Prefix": "/shop"}
    settle(house, token_of(house, browser.open("/shop/weather/deep/x", said)))
    assert browser.open("/shop/weather/deep/x", said).status == 200
    assert browser.open("/shop/weather/today", said).status == 200
    assert not browser.jar.sent("/weather/today")


def test_case_h13_what_was_bought_opens_nothing_that_it_did_not_before(shared):
    browser = Browser(shared)
    page = browser.open("/weather/today")
    ((key, (value, _)),) = browser.jar.held.items()
    token, price, expires, invoice, seal = value.split(".")
    for forged in (f"{token}.{price}.{expires}..{seal}", f"{token}.{price}.{int(expires) + 9}..{seal}"):
        settled = is_page(shared.service.get("/weather/today", {**NAVIGATION, "Cookie": f"{key[0]}={forged}"}))
        assert settled
    settle(shared, token_of(shared, page))
    assert browser.open("/weather/today").status == 200
    kept = browser.jar.sent("/weather/today")[key[0]]
    assert is_page(shared.service.get("/weather/admin/x", {**NAVIGATION, "Cookie": f"millrace-pay-admin~9000={kept}"}))
    with shared.service.client() as client:
        assert client.request("POST", "/weather/today", {"Cookie": f"{key[0]}={kept}"}, b"x").read().status == 402


PRICED = """
[[service]]
name = "things"
path = "/things/"
upstream = "{upstream}"
price_msat = 1000
timeout = "1h"
pricer = {{ url = "{pricer}", facts = ["path"] }}
"""


@pytest.fixture
def gallery(house):
    pricer = Pricer()

    def price(question):
        """What comes later is dearer: what was bought opens nothing of the rest."""
        name = question["path"].rsplit("/", 1)[1]
        return 2000 + 1000 * (1 + int(name)) if name.isdigit() else 2000

    pricer.price = price
    house.start(services=PRICED.format(upstream=house.upstream.url, pricer=pricer.url))
    yield house
    pricer.close()


def max_age_of_offer(page):
    return int(re.search(r"; Max-Age=(\d+)", page.all("set-cookie")[0])[1])


def test_case_h13_a_payment_that_is_heard_of_while_its_page_is_made_anew_is_not_lost(gallery):
    """The cookie of what was just paid is not replaced by that of another invoice."""
    for _ in range(40):
        browser = Browser(gallery)
        page = browser.open("/things/bought")
        threading.Thread(target=gallery.gateway.settle, args=(token_of(gallery, page),)).start()
        for _ in range(200):
            again = browser.open("/things/bought")
            if again.status == 200:
                break
            assert invoice_of(again) == invoice_of(page)
        assert again.status == 200


def test_case_h13_looking_at_many_things_leaves_room_in_the_head(gallery):
    browser = Browser(gallery)
    bought = browser.open("/things/bought")
    assert is_page(bought)
    gallery.gateway.settle(token_of(gallery, bought))
    wait_for(lambda: browser.open("/things/bought").status == 200, "the page opens")
    for number in range(40):
        page = browser.open(f"/things/{number}")
        assert is_page(page), (number, page.status)
        assert max_age_of_offer(page) <= 631
        held = browser.jar.sent("/things/x")
        assert sum(len(name) + len(value) for name, value in held.items()) <= 6 * 1024
    assert browser.open("/things/bought").status == 200, "what was bought stays"
    # The last ones looked at are still the same offers, and one of them can be bought.
    again = browser.open("/things/39")
    assert invoice_of(again) == invoice_of(page)
    gallery.gateway.settle(token_of(gallery, again))
    wait_for(lambda: browser.open("/things/39").status == 200, "the page opens")
    assert browser.open("/things/bought").status == 200


def test_case_h13_bought_things_are_found_behind_many_offers(gallery):
    """As a browser shows them that piled them up with an earlier build: in whatever order."""
    browser = Browser(gallery)
    page = browser.open("/things/bought")
    gallery.gateway.settle(token_of(gallery, page))
    wait_for(lambda: browser.open("/things/bought").status == 200, "the page opens")
    pile = [cookie_of(gallery.service.get(f"/things/{number}", NAVIGATION)) for number in range(30)]
    mine = "; ".join(f"{name}={value}" for name, value in browser.jar.sent("/things/x").items())
    answer = gallery.service.get("/things/bought", {**NAVIGATION, "Cookie": "; ".join([*pile, mine])})
    assert answer.status == 200
    unbought = cookie_of(page)  # with its invoice still in it, as bought by an earlier build
    assert gallery.service.get("/things/bought", {**NAVIGATION, "Cookie": "; ".join([*pile, unbought])}).status == 200


def test_case_h13_an_offer_that_has_expired_is_forgotten(house):
    house.gateway.expiry = -60
    house.start()
    page = house.service.get("/weather/today", NAVIGATION)
    house.gateway.expiry = 600
    name = cookie_of(page).split("=")[0].replace("~1000", "~999")
    fresh = house.service.get("/weather/today", {**NAVIGATION, "Cookie": name + "=" + cookie_of(page).split("=", 1)[1]})
    gone = [line for line in fresh.all("set-cookie") if line.startswith(name + "=;")]
    # Where it was set, and where an earlier build set it.
    assert len(gone) == 2 and all("Max-Age=0" in line for line in gone)
    assert ["Path=/weather/" in line for line in gone] == [False, True]


def test_case_h13_cookies_of_an_earlier_build_open_what_they_opened(shared):
    """They hold their invoice, and were set for the service's path."""
    page = shared.service.get("/weather/today", NAVIGATION)
    settle(shared, token_of(shared, page))
    for target in ("/weather/today", "/weather/other/place"):
        assert shared.service.get(target, {**NAVIGATION, "Cookie": cookie_of(page)}).status == 200


WAITING = "[pay_page]\nmax_waiting = 12\nmax_waiting_per_prefix = 10\n"
PROXY = '[clients]\ntrusted_proxies = ["127.0.0.1"]\n'


def waits(house, page, client="192.0.2.1"):
    connection = house.service.client()
    connection.request("GET", f"/weather{EVENTS}?offer=weather~1000", {"Cookie": cookie_of(page), "X-Forwarded-For": client})
    head = connection.head()
    if head.status != 200:
        connection.close()
    return head.status, connection


def test_case_h20_one_browser_does_not_take_all_places_of_waiting_pages(house):
    house.start(WAITING + PROXY)
    one = house.service.get("/weather/today", NAVIGATION)
    statuses, open_ = zip(*(waits(house, one) for _ in range(20)))
    assert statuses.count(200) == 8, "of one payment"
    pages = [house.service.get("/weather/today", NAVIGATION) for _ in range(6)]
    more, others = zip(*(waits(house, page, f"192.0.2.{number}") for number, page in enumerate(pages)))
    assert more.count(200) == 2, "of one network"
    elsewhere, last = waits(house, pages[5], "198.51.100.1")
    assert elsewhere == 200
    open_[0].close()
    wait_for(lambda: waits(house, pages[4], "192.0.2.9")[0] == 200, "a place of the network is free again")
    for connection in (*open_, *others, last):
        connection.close()
