"""The page in a real browser: without scripts, with them, and by keyboard."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from mpesa_cbp_generator.drift.report import html_page
from tests.drift.reports import shown

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
# Keys as the WebDriver protocol names them (W3C WebDriver, section 17.4.2).
TAB, ENTER, SPACE = "\ue004", "\ue007", "\ue00d"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "drift.html"
    path.write_text(html_page.render(shown()), encoding="utf-8")
    return path


def dumped(page: Path) -> Any:
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={page.parent / 'profile'}",
    ]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return html.fromstring(done.stdout)


def test_the_script_runs_under_the_pages_own_policy_and_counts(page: Path) -> None:
    document = dumped(page)
    fingerprints = {item.get("data-fingerprint") for item in document.iter() if item.get("data-fingerprint")}
    assert fingerprints == {finding.fingerprint for finding in shown().report.findings}
    (count,) = document.xpath("//*[@id='count']")
    assert count.text_content() == f"{len(fingerprints)} of {len(fingerprints)} findings shown"
    assert document.get_element_by_id("filter").get("hidden") is None


@pytest.fixture(scope="module")
def browser(page: Path) -> Iterator[Any]:
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    driver = shutil.which("chromedriver")
    if driver is None:
        pytest.skip("chromedriver is not installed (Debian: chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={page.parent / 'selenium'}"):
        options.add_argument(word)
    instance = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield instance
    instance.quit()


def visible(browser: Any) -> list[Any]:
    return [item for item in browser.find_elements("css selector", ".finding") if item.is_displayed()]


def test_severity_and_role_are_filtered(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    before = visible(browser)
    assert {item.get_attribute("data-severity") for item in before} == {"error", "warning", "info"}
    for value in ("warning", "info"):
        browser.find_element("css selector", f"input[name=severity][value={value}]").click()
    assert {item.get_attribute("data-severity") for item in visible(browser)} == {"error"}
    browser.find_element("css selector", "input[name=role][value=outbound]").click()
    assert "outbound" not in {item.get_attribute("data-role") for item in visible(browser)}
    assert re.match(r"\d+ of \d+ findings shown", browser.find_element("id", "count").text)


def test_everything_is_reached_by_keyboard(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    seen = []
    for _ in range(40):
        browser.switch_to.active_element.send_keys(TAB)
        active = browser.switch_to.active_element
        seen.append(active.tag_name)
        if active.tag_name == "summary":
            break
    assert "input" in seen
    assert seen[-1] == "summary"
    details = browser.switch_to.active_element.find_element("xpath", "..")
    opened = details.get_attribute("open")
    browser.switch_to.active_element.send_keys(ENTER)
    assert details.get_attribute("open") != opened
    box = browser.find_element("css selector", "input[name=severity][value=error]")
    box.send_keys(SPACE)
    assert "error" not in {item.get_attribute("data-severity") for item in visible(browser)}


def test_n_and_p_go_from_finding_to_finding(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    browser.find_element("id", "close").click()
    browser.find_element("css selector", "input[name=severity][value=info]").click()
    seen = []
    for key in ("n", "n", "p"):
        browser.switch_to.active_element.send_keys(key)
        active = browser.switch_to.active_element
        assert active.is_displayed()
        seen.append(active.get_attribute("data-fingerprint"))
        assert active.get_attribute("data-severity") != "info"
    assert seen[0] == seen[2] != seen[1]


def test_the_list_leads_to_the_place_in_the_tree(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    browser.find_element("id", "close").click()
    link = browser.find_element("css selector", ".list a")
    link.send_keys(ENTER)
    active = browser.switch_to.active_element
    assert f"#{active.get_attribute('id')}" == link.get_attribute("href").partition("/drift.html")[2]
    assert active.is_displayed()
    browser.find_element("css selector", "input[name=severity][value=error]").click()
    rows = [row for row in browser.find_elements("css selector", ".row") if row.is_displayed()]
    assert rows
    assert "error" not in {row.get_attribute("data-severity") for row in rows}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_in_both_schemes(browser: Any, page: Path, scheme: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get(page.as_uri())
    pairs = browser.execute_script(COLOURS)
    assert len(pairs) > 50
    # WCAG 2.1, 1.4.3: 4.5 to 1 for text of this size.
    assert [pair for pair in pairs if contrast(*pair[1:]) < 4.5] == []


COLOURS = """
const ground = (item) => {
  for (let at = item; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!colour.endsWith(", 0)")) return colour;
  }
};
return [...document.querySelectorAll("p, span, code, td, th, a, button, label, legend, summary, kbd")]
  .filter((item) => item.checkVisibility() && item.textContent.trim())
  .map((item) => [item.tagName + "." + item.className, getComputedStyle(item).color, ground(item)]);
"""


def contrast(first: str, second: str) -> float:
    """Contrast of two colours as WCAG 2.1 defines it."""
    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_only_what_changed_can_be_shown(browser: Any, page: Path) -> None:
    browser.get(page.as_uri())
    browser.find_element("css selector", "input[name=changed]").click()
    nodes = [item for item in browser.find_elements("css selector", ".node") if item.is_displayed()]
    assert nodes
    assert all(item.find_elements("css selector", ".finding") for item in nodes)


def test_without_scripts_everything_is_there_to_read(page: Path) -> None:
    document: Any = html.fromstring(page.read_text(encoding="utf-8"))
    for script in document.xpath("//script"):
        script.drop_tree()
    text = document.text_content()
    for finding in shown().report.findings:
        assert finding.rule in text
    # A finding in a closed <details> is not to be read without opening it.
    for item in document.xpath("//li[@data-fingerprint]"):
        assert all(ancestor.get("open") is not None for ancestor in item.iterancestors("details"))
    assert document.get_element_by_id("filter").get("hidden") is not None
