"""The pay page as a person meets it."""

import time

import pytest
from harness.rpc import wait_for

THEMES = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]

# WCAG 2.1: the contrast of each text with what is behind it.
CONTRASTS = """
const channel = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const ground = (element) => {
  for (; element; element = element.parentElement) {
    const colour = parse(getComputedStyle(element).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll("h1, p, small, label, a, button, textarea")].filter((e) => e.innerText || e.value).map((e) => {
  const [light, dark] = [luminance(parse(getComputedStyle(e).color)), luminance(ground(e))].sort((a, b) => b - a);
  return [e.innerText || e.value, (light + 0.05) / (dark + 0.05)];
});
"""


@pytest.mark.parametrize("theme, width", THEMES)
def test_the_page_is_readable_in_both_themes_on_desk_and_phone(browser, house, read_qr, theme, width):
    browser.dress(theme, width)
    browser.open()
    assert browser.find("h1").text == "weather"
    assert "1.5 sat" in browser.find(".price").text
    assert "The forecast for today and tomorrow" in browser.text() and "opens it for 1 hour" in browser.text()
    wait_for(lambda: "left to pay" in browser.find("#left").text, "the countdown")
    picture = browser.picture(f"pay-{theme}-{width}")
    assert read_qr(picture) == "LIGHTNING:" + browser.invoice().upper()

    script = browser.driver.execute_script
    assert script("return document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    code = browser.find(".code svg").size
    assert code["width"] >= 280 and abs(code["width"] - code["height"]) <= 1
    assert browser.find(".button.first").size["height"] >= 44
    contrasts = script(CONTRASTS)
    assert len(contrasts) >= 8
    assert all(contrast >= 4.5 for _, contrast in contrasts), contrasts
    expected = "rgb(246, 245, 242)" if theme == "light" else "rgb(22, 21, 19)"
    assert script("return getComputedStyle(document.body).backgroundColor") == expected
    assert not browser.complaints()


def test_nothing_is_loaded_but_the_page_and_its_events(browser, house):
    house.upstream.requests.clear()
    browser.open()
    time.sleep(1)
    loaded = browser.driver.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert all(name.startswith(house.service.url("/weather/.well-known/millrace/settled")) for name in loaded), loaded
    assert browser.driver.execute_script("return document.cookie") == "", "a script sees the cookie"
    assert not house.upstream.requests
    assert not browser.complaints()


def test_the_page_opens_what_was_bought_as_soon_as_it_is_paid(browser, house):
    browser.open()
    invoice = browser.invoice()
    house.network.payer.pay(invoice)
    wait_for(lambda: browser.text() == "sunny", "the page to unlock itself", timeout=10)
    browser.open("/weather/tomorrow")
    assert browser.text() == "sunny"
    # What was bought is this browser's alone, and this service's alone.
    browser.open("/archive/1911")
    assert "21\u202f000 sat" in browser.find(".price").text
    cookies = browser.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
    assert {cookie["name"] for cookie in cookies} == {"millrace-pay-weather~1500", "millrace-pay-archive~21000000"}
    assert all(cookie["httpOnly"] and cookie["sameSite"] == "Lax" for cookie in cookies)
    assert {cookie["path"] for cookie in cookies} == {"/weather", "/weather/", "/archive"}


# As an address in the browser, and as the front has it: below a prefix that a front cuts off, with slashes and letters that
# millraced reads as one, and in a folder of a folder.
ADDRESSES = ["/shop/weather/today", "//weather/today", "/%77eather/today", "/weather/a/b/", "/weather/./today?a=1"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_case_h12_what_was_bought_opens_wherever_the_browser_is(open_browser, house, front, address):
    browser = open_browser()
    browser.driver.get(front.url(address))
    assert browser.find("h1").text == "weather"
    assert browser.find("#status").text == "This page opens by itself once the payment has arrived."
    wait_for(lambda: front.events, "the page to listen for its payment")
    house.pay(browser.invoice())
    wait_for(lambda: browser.text() == "sunny", "the page to unlock itself", timeout=12)
    browser.driver.refresh()
    assert browser.text() == "sunny"
    cookies = browser.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
    assert {cookie["name"] for cookie in cookies} == {"millrace-pay-weather~1500"}
    assert all(cookie["expires"] > time.time() + 3000 for cookie in cookies)  # for the time bought, not that of the invoice


@pytest.mark.parametrize("address", ["/shop/weather/today", "//weather/today"])
def test_case_h12_without_javascript_too(open_browser, house, front, address):
    browser = open_browser(javascript=False)
    browser.driver.get(front.url(address))
    house.pay(browser.invoice())
    browser.find(".status a").click()
    assert browser.text() == "sunny"


def test_the_payment_of_one_browser_opens_nothing_for_another(open_browser, house):
    first, second = open_browser(), open_browser()
    first.open()
    second.open()
    assert first.invoice() != second.invoice()
    kept = second.invoice()
    house.pay(first.invoice())
    wait_for(lambda: first.text() == "sunny", "the page to unlock itself", timeout=10)
    second.driver.refresh()
    assert second.invoice() == kept


def test_without_javascript_a_reload_opens_it(open_browser, house):
    browser = open_browser(javascript=False)
    browser.dress("light", 360)
    browser.open()
    invoice = browser.invoice()
    assert not browser.find("#copy").is_displayed()
    assert "To be paid by" in browser.text() and "UTC" in browser.text()
    browser.find(".status a").click()
    assert browser.invoice() == invoice
    browser.picture("pay-without-javascript")
    house.pay(invoice)
    browser.find(".status a").click()
    assert browser.text() == "sunny"


def test_without_javascript_the_page_looks_again_by_itself(open_browser, house):
    browser = open_browser(javascript=False)
    browser.open()
    house.pay(browser.invoice())
    wait_for(lambda: browser.text() == "sunny", "the page to load itself again", timeout=25)


def test_the_invoice_is_copied_by_its_button(browser, house):
    origin = house.service.url("")
    for permission in ("clipboardReadWrite", "clipboardSanitizedWrite"):
        browser.driver.execute_cdp_cmd("Browser.grantPermissions", {"origin": origin, "permissions": [permission]})
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", {"origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    browser.open()
    browser.find("#copy").click()
    wait_for(lambda: browser.find("#copy").text == "Copied", "the button to say so")
    copied = browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))")
    assert copied == browser.invoice()
    wait_for(lambda: browser.find("#copy").text == "Copy the invoice", "the button to come back")


def test_a_wallet_is_opened_by_code_and_button(browser):
    browser.open()
    links = {link.get_attribute("href") for link in browser.all("a.code, a.button")}
    assert links == {"lightning:" + browser.invoice()}


def test_the_page_is_used_by_keyboard_and_told_to_screen_readers(browser):
    browser.open()
    tree = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    seen = [(node["role"]["value"], (node.get("name") or {}).get("value")) for node in tree if not node.get("ignored")]
    assert ("heading", "weather") in seen
    assert ("textbox", "Lightning invoice") in seen
    assert ("button", "Copy the invoice") in seen
    assert any(role in ("image", "img") and name == "QR code of the Lightning invoice" for role, name in seen), seen
    assert any(role == "status" for role, _ in seen)
    assert browser.find("#status").get_attribute("aria-live") == "polite"
    assert browser.find("html").get_attribute("lang") == "en"
    reached = []
    for _ in range(5):
        browser.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
        browser.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": "keyUp", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9})
        reached.append(browser.driver.execute_script(
            "const e = document.activeElement; return [e.className || e.id || e.tagName, getComputedStyle(e).outlineStyle]"))
    assert [name for name, _ in reached] == ["code", "button first", "invoice", "copy", "A"]
    assert all(outline == "solid" for _, outline in reached), reached


def test_an_invoice_that_has_expired_is_not_offered_any_more(browser):
    browser.dress("light", 360)
    browser.open()
    # Time passes: the page's own clock, ten minutes at once.
    browser.driver.execute_script("const now = performance.now.bind(performance); performance.now = () => now() + 601000;")
    wait_for(lambda: "This invoice has expired." in browser.text(), "the page to say so")
    assert not browser.find("a.code").is_displayed() and not browser.find("#invoice").is_displayed()
    assert "otherwise it shows a new invoice" in browser.find("#status").text
    browser.picture("pay-expired")


def test_a_script_and_a_picture_get_no_page(browser):
    browser.open()
    browser.driver.execute_script("window.answer = null")
    kind = browser.driver.execute_async_script(
        "fetch('/.well-known/millrace/settled').then((r) => arguments[0](r.status + ' ' + r.headers.get('content-type')), (e) => arguments[0](String(e)))")
    assert kind == "403 application/problem+json"
    kind = browser.driver.execute_async_script(
        "fetch(location.href, {headers: {Accept: 'text/html'}}).then((r) => arguments[0](r.status + ' ' + r.headers.get('content-type')), (e) => arguments[0](String(e)))")
    assert kind == "402 application/problem+json"
