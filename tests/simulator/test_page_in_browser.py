"""The page in a real browser: a click pays and the page shows the result, with a script, without one, by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mpesa_cbp_simulator import Simulator
from tests.simulator.test_api import base

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)"),
    pytest.mark.skipif(DRIVER is None, reason="chromedriver is not installed (Debian: chromium-driver)"),
]
# Keys as the WebDriver protocol names them (W3C WebDriver, section 17.4.2).
TAB, ENTER = "\ue004", "\ue007"


def start(folder: Path, *, script: bool) -> Any:
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = selenium.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if not script:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    return selenium.Chrome(options=options, service=selenium.ChromeService(DRIVER))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    instance = start(tmp_path_factory.mktemp("browser"), script=True)
    yield instance
    instance.quit()


def until(browser: Any, true: Callable[[Any], object]) -> None:
    """Wait until the page says so; elements that are replaced meanwhile are looked for again."""
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(
        browser, 120, poll_frequency=0.1, ignored_exceptions=(NoSuchElementException, StaleElementReferenceException)
    ).until(true)


def journal_says(state: str) -> Callable[[Any], object]:
    return lambda browser: browser.find_element("id", "journal-state").text == state


def pay(browser: Any, simulator: Simulator, day: str = "good") -> None:
    browser.get(base(simulator))
    browser.find_element("css selector", f"#pay-day option[value='{day}']").click()
    browser.find_element("css selector", "form[action='/pay'] button").click()


def test_click_pays_and_the_page_shows_the_result(browser: Any, simulator: Simulator) -> None:
    pay(browser, simulator)
    until(browser, journal_says("SUCCEEDED"))
    until(browser, lambda page: len(page.find_elements("css selector", ".picture .place")) == 5)
    assert browser.find_element("css selector", "#facts .badge").text == "done"
    assert len(simulator.transfers()) == 1
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_page_follows_without_being_loaded_again(browser: Any, simulator: Simulator) -> None:
    pay(browser, simulator, "late-result")
    until(browser, journal_says("ACCEPTED"))
    browser.execute_script("window.kept = true; document.querySelector('#message-1').open = true")
    simulator.advance(3600)
    until(browser, journal_says("SUCCEEDED"))
    assert browser.execute_script("return window.kept")
    assert browser.execute_script("return document.querySelector('#message-1').open")
    shown = browser.find_element("css selector", "#message-1 pre").text
    assert "<SecurityCredential>********</SecurityCredential>" in shown


def test_cached_request_is_expired_by_a_click(browser: Any, simulator: Simulator) -> None:
    pay(browser, simulator, "cached-then-expired")
    until(browser, journal_says("QUEUED"))
    browser.find_element("css selector", "form[action$='/expire'] button").click()
    until(browser, journal_says("EXPIRED"))
    assert simulator.transfers() == []


def test_everything_is_reached_by_keyboard_in_the_order_of_reading(browser: Any, simulator: Simulator) -> None:
    browser.get(base(simulator))
    seen: list[str] = []
    while "Choose" not in seen and len(seen) < 60:
        browser.switch_to.active_element.send_keys(TAB)
        active = browser.switch_to.active_element
        seen.append(active.get_attribute("id") or active.text)
    assert seen[:6] == ["Skip to the content", "M-PESA simulator", "Overview", "Payments", "Accounts", "Bad days"]
    fields = ["msisdn", "amount", "pay-day", "Pay", "payer", "c2b-amount", "reference", "Pay in", "name", "times"]
    assert seen[6:] == [*fields, "Choose"]
    browser.get(base(simulator))
    browser.find_element("id", "amount").send_keys(ENTER)
    until(browser, journal_says("SUCCEEDED"))


def test_without_a_script_everything_works(tmp_path: Path, simulator: Simulator) -> None:
    browser = start(tmp_path, script=False)
    try:
        pay(browser, simulator, "late-result")
        until(browser, journal_says("ACCEPTED"))
        simulator.advance(3600)
        until(browser, journal_says("SUCCEEDED"))  # the page reloads itself
        browser.find_element("css selector", "form[action$='/resend'] button").click()
        until(browser, lambda page: len(page.find_elements("css selector", ".steps > li")) == 7)
    finally:
        browser.quit()


@pytest.mark.parametrize("width", [320, 1200])
def test_no_page_is_wider_than_the_window(browser: Any, simulator: Simulator, width: int) -> None:
    pay(browser, simulator)
    until(browser, journal_says("SUCCEEDED"))
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        for path in ("/", "/payments", "/payments/1", "/accounts", "/bad-days"):
            browser.get(base(simulator) + path)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width, path
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
