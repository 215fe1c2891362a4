"""The pages of a 429 and a 503 as a person meets them."""

import pytest
from harness.rpc import wait_for
from harness.service import Service
from test_pay_page import CONTRASTS, THEMES


@pytest.fixture(scope="module")
def deserted(house):
    """A millraced whose node is away."""
    service = Service(house.directory / "deserted", house.directory / "nobody.sock", house.upstream).start(ready=False)
    yield service
    assert service.stop() == 0


def is_readable(browser, theme):
    script = browser.driver.execute_script
    assert script("return document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"
    contrasts = script(CONTRASTS)
    assert len(contrasts) >= 5
    assert all(contrast >= 4.5 for _, contrast in contrasts), contrasts
    assert browser.find(".button.first").size["height"] >= 44
    expected = "rgb(246, 245, 242)" if theme == "light" else "rgb(22, 21, 19)"
    assert script("return getComputedStyle(document.body).backgroundColor") == expected
    assert not browser.complaints()


@pytest.mark.parametrize("theme, width", THEMES)
def test_a_503_is_readable_in_both_themes_on_desk_and_phone(browser, deserted, theme, width):
    browser.dress(theme, width)
    browser.driver.get(deserted.url("/weather/today"))
    assert browser.find("h1").text == "weather"
    assert "Not available right now" in browser.text() and "looks again in 5 seconds" in browser.text()
    browser.picture(f"unavailable-{theme}-{width}")
    is_readable(browser, theme)


@pytest.mark.parametrize("theme, javascript", [("light", True), ("dark", False)])
def test_a_429_looks_again_by_itself(open_browser, house, theme, javascript):
    browser = open_browser(javascript=javascript)
    browser.dress(theme, 360)
    wait_for(lambda: house.service.get("/crowded/x").status == 200, "a moment without a crowd", timeout=10)
    browser.open("/crowded/x")
    assert "One moment, please" in browser.text()
    browser.picture(f"crowded-{theme}")
    if javascript:
        is_readable(browser, theme)
    wait_for(lambda: browser.text() == "sunny", "the page to look again", timeout=15)
