"""The page as HTTP gives it: nothing from elsewhere, nobody else's forms, nothing unmasked, and long lists in pages."""

from __future__ import annotations

import itertools
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from lxml import html

from mpesa_cbp_simulator import BadDay, Partner, Simulator, State, web
from tests.simulator.by_hand import PAYEE
from tests.simulator.test_api import base

WEB = Path(web.__file__).parent
PAGES = ("/", "/payments", "/payments?state=completed", "/payments/1", "/accounts", "/bad-days")


@pytest.fixture
def busy(simulator: Simulator, partner: Partner) -> Simulator:
    """A simulator that has seen a payment."""
    paid = partner.client.pay_customer("254700000000", 100, remark="Salary & <bonus>").conversation_id
    partner.wait_for_end(paid)
    simulator.settle()
    return simulator


def fetch(simulator: Simulator, path: str) -> requests.Response:
    return requests.get(base(simulator) + path, timeout=10)


def send(simulator: Simulator, path: str, **values: str) -> requests.Response:
    headers = {"Origin": base(simulator)}
    return requests.post(base(simulator) + path, data=values, headers=headers, timeout=20)


@pytest.mark.parametrize("path", PAGES)
def test_page_brings_nothing_from_elsewhere_and_forbids_it(busy: Simulator, path: str) -> None:
    answer = fetch(busy, path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "://" not in policy
    assert {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff"}.items() <= answer.headers.items()
    document: Any = html.fromstring(answer.text)
    links = {link for _, _, link, _ in document.iterlinks()}
    assert links
    assert all(link.startswith(("/", "#", "data:,")) and not link.startswith("//") for link in links)
    assert not document.xpath("//script[not(@src)] | //style | //@style | //@onclick")


@pytest.mark.parametrize("path", ["/simulator.css", "/simulator.js"])
def test_the_two_files_name_no_other_address(busy: Simulator, path: str) -> None:
    answer = fetch(busy, path)
    assert answer.status_code == 200
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_page_can_be_read_without_seeing_it(busy: Simulator, path: str) -> None:
    document: Any = html.fromstring(fetch(busy, path).text)
    assert document.get("lang") == "en"
    assert len(document.xpath("//h1")) == 1
    levels = [int(each.tag[1]) for each in document.xpath("//h1 | //h2 | //h3")]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    labelled = set(document.xpath("//label/@for"))
    assert {each.get("id") for each in document.xpath("//input[not(@type='hidden')] | //select")} == labelled
    identifiers = document.xpath("//@id")
    assert len(identifiers) == len(set(identifiers))
    for each in document.xpath("//table"):
        assert each.xpath("./caption")
        assert each.xpath("./thead//th[@scope='col']")
    assert all(each.text_content().strip() for each in document.xpath("//button | //a"))


def contrast(first: str, second: str) -> float:
    """The ratio of WCAG 2.2, section 1.4.3."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card"), ("accent", "paper"), ("accent", "card"),
        ("accent-ink", "accent"), ("good", "good-paper"), ("bad", "bad-paper"), ("wait", "wait-paper"), ("ink", "code"),
    ],
)  # fmt: skip
def test_colours_have_the_contrast_that_text_needs(theme: int, ink: str, paper: str) -> None:
    blocks = re.findall(r":root \{(.*?)\}", (WEB / "simulator.css").read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[theme]))
    assert contrast(colours[ink], colours[paper]) >= 4.5


def test_numbers_names_and_secrets_are_masked(busy: Simulator) -> None:
    for path in PAGES:
        text = fetch(busy, path).text
        if path == "/":
            text = re.sub(r"<input[^>]*>", "", text)  # the number that the form proposes
        for secret in ("254700000000", "Jane", "simulator-sp-secret", "simulator-initiator-secret"):
            assert secret not in text, (path, secret)
    assert "SecurityCredential&gt;********" in fetch(busy, "/payments/1").text


def test_what_partners_send_cannot_become_markup(simulator: Simulator, partner: Partner) -> None:
    evil = '"><script>alert(1)</script>&\x01'
    partner.client.pay_customer(PAYEE, 100, remark=evil.replace("\x01", ""), conversation_id="<i>1</i>'\"")
    with simulator.world.database.transaction() as connection:
        connection.execute("update conversation set command = ?", (evil,))
    for path in ("/", "/payments", "/payments/1"):
        answer = fetch(simulator, path)
        assert answer.status_code == 200
        document: Any = html.fromstring(answer.text)
        assert [each.get("src") for each in document.xpath("//script")] == ["/simulator.js"]
        assert not document.xpath("//i")


def test_payment_page_shows_steps_messages_and_what_can_be_done(busy: Simulator) -> None:
    document: Any = html.fromstring(fetch(busy, "/payments/1").text)
    assert [each.get("value") for each in document.xpath("//ol[@class='steps']/li")] == list("12345")
    assert len(document.xpath("//details//pre")) == 4
    assert len(document.xpath("//*[local-name()='svg']//*[@class='figure']")) == 5
    assert document.xpath("//form[@action='/payments/1/resend']//button")
    assert not document.xpath("//form[@action='/payments/1/expire']")


def test_pay_button_pays_through_the_demo_partner(simulator: Simulator) -> None:
    page = send(simulator, "/pay", msisdn="0700 000 000", amount="120", name="good")
    assert page.url.endswith("/payments/1")
    simulator.settle()
    document: Any = html.fromstring(fetch(simulator, "/payments/1").text)
    assert document.get_element_by_id("journal-state").text == "SUCCEEDED"
    assert [each.amount for each in simulator.transfers()] == [Decimal("120.00")]


def test_bad_day_of_the_pay_button_is_that_payments(simulator: Simulator) -> None:
    send(simulator, "/pay", msisdn=PAYEE, amount="120", name="reset-after")
    simulator.settle()
    (paid,) = simulator.conversations()
    assert str(paid.bad_day) == "reset-after"
    assert simulator.world.days.chosen == (BadDay("good"), 0)


def test_cached_request_is_expired_and_result_resent_by_their_buttons(simulator: Simulator) -> None:
    send(simulator, "/pay", msisdn=PAYEE, amount="100", name="cached-then-expired")
    assert send(simulator, "/payments/1/expire").url.endswith("/payments/1")
    simulator.advance(4000)
    assert simulator.conversations()[0].state is State.EXPIRED
    refused = send(simulator, "/payments/1/expire")
    assert refused.status_code == 409
    assert "Only a cached request can expire." in refused.text
    send(simulator, "/pay", msisdn=PAYEE, amount="100", name="good")
    simulator.advance(4000)
    send(simulator, "/payments/2/resend")
    simulator.advance(4000)
    assert [step.number for step in simulator.world.records.steps(simulator.world.records.get(2))][-4:] == [4, 5, 4, 5]


def test_customers_payment_is_started_by_its_button(simulator: Simulator) -> None:
    page = send(simulator, "/c2b", payer=PAYEE, reference="INV-9", **{"c2b-amount": "75.50"})
    assert page.status_code == 200
    simulator.settle()
    (paid,) = [each for each in simulator.conversations() if each.kind == "C2B"]
    assert (paid.state, paid.reference, paid.amount) == (State.COMPLETED, "INV-9", Decimal("75.50"))


def test_bad_day_is_chosen_by_its_button(simulator: Simulator) -> None:
    page = send(simulator, "/bad-day", name="throttled", times="3")
    assert "Chosen: throttled, for 3 more." in page.text


@pytest.mark.parametrize(
    ("path", "values", "says"),
    [
        ("/pay", {"msisdn": "12", "amount": "10", "name": "good"}, "phone number"),
        ("/pay", {"msisdn": PAYEE, "amount": "ten", "name": "good"}, "amount"),
        ("/pay", {"msisdn": PAYEE, "amount": "10", "name": "sunny"}, "no bad day"),
        ("/pay", {}, "phone number"),
        ("/bad-day", {"name": "slow", "times": "-1"}, "0 to 1000"),
        ("/c2b", {"payer": PAYEE, "c2b-amount": "0"}, "more than zero"),
    ],
)
def test_form_that_is_filled_in_wrongly_says_so(
    simulator: Simulator, path: str, values: dict[str, str], says: str
) -> None:
    page = send(simulator, path, **values)
    assert page.status_code == 400
    document: Any = html.fromstring(page.text)
    (problem,) = document.xpath("//*[@role='alert']")
    assert says in problem.text_content()
    assert simulator.conversations() == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["no origin", "another page", "a sandboxed page", "said by the browser"],
)
def test_forms_of_other_pages_are_refused(simulator: Simulator, headers: dict[str, str]) -> None:
    values = {"msisdn": PAYEE, "amount": "100", "name": "good"}
    assert requests.post(f"{base(simulator)}/pay", data=values, headers=headers, timeout=10).status_code == 403
    assert simulator.conversations() == []


def test_page_is_not_given_under_a_rebound_name(simulator: Simulator) -> None:
    answer = requests.get(f"{base(simulator)}/", headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 421


@pytest.mark.parametrize("path", ["/nothing", "/payments/9", "/payments/x", "/../simulator.py", "/payments/1/resend"])
def test_what_is_not_there_is_404(simulator: Simulator, path: str) -> None:
    assert fetch(simulator, path).status_code == 404


def test_customers_are_shown_in_pages_whose_links_name_nobody(simulator: Simulator) -> None:
    already = len(simulator.world.ledger.customers())
    with simulator.world.database.transaction():
        for number in range(120 - already):
            simulator.world.ledger.customer(f"2547110{number:05}")
    shown: list[int] = []
    path = "/accounts"
    while path:
        document: Any = html.fromstring(fetch(simulator, path).text)
        shown.append(len(document.xpath("//section[@id='customer-accounts']//tbody/tr")))
        links = document.xpath("//section[@id='customer-accounts']//a/@href")
        assert not re.search(r"[0-9]{6}", "".join(links))
        path = links[0] if links else ""
    assert shown == [50, 50, 20]


def test_ten_thousand_payments_are_shown_in_pages(simulator: Simulator) -> None:
    records = simulator.world.records
    with simulator.world.database.transaction():
        for number in range(10_000):
            records.open(
                conversation_id=f"c{number}", kind="B2C", command="BusinessPayment", short_code="600000",
                receiver=PAYEE, amount=Decimal(100), reference="", bad_day=BadDay("good"), result_url=None,
                timeout_url=None, request=b"<a/>",
            )  # fmt: skip
    seen: list[int] = []
    path = "/payments"
    for _ in range(3):
        document: Any = html.fromstring(fetch(simulator, path).text)
        seen += [int(text) for text in document.xpath("//tbody//th//a/text()")]
        (path,) = document.xpath("//a[@rel='next']/@href")
    assert seen == list(range(10_000, 9_850, -1))
    assert len(fetch(simulator, "/").content) < 100_000
    assert "10,000" in fetch(simulator, "/").text
