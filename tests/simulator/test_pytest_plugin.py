"""The fixtures for users' own tests, in a pytest of their own that finds them by the entry point."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

DOCUMENT = Path(__file__).parents[2] / "docs" / "simulator.md"


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *arguments, timeout=120)


def test_example_of_the_documentation_runs_as_it_stands(pytester: pytest.Pytester) -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## In pytest")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    pytester.makepyfile(test_example=example)
    run(pytester).assert_outcomes(passed=example.count("def test_"))


def test_every_test_begins_with_a_fresh_broker(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(2))
        def test_fresh(mpesa_cbp_simulator, mpesa_cbp_partner, number):
            assert mpesa_cbp_simulator.conversations() == []
            paid = mpesa_cbp_partner.client.pay_customer("254712345678", 100, conversation_id="600000_Acme_1")
            assert mpesa_cbp_partner.wait_for_end(paid.conversation_id).receipt
            mpesa_cbp_simulator.choose("throttled", 10)
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_settings_of_the_broker_can_be_replaced(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest
        from mpesa_cbp_simulator import Operator, Organisation

        @pytest.fixture(scope="session")
        def mpesa_cbp_simulator_settings():
            return {
                "operators": [Operator(name="me", password="mine", short_code="123456")],
                "organisations": [Organisation(short_code="123456", name="Mine")],
            }
        """
    )
    pytester.makepyfile(
        """
        def test_mine(mpesa_cbp_simulator):
            assert mpesa_cbp_simulator.client_settings()["initiator"].name == "me"
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_nothing_is_loaded_for_tests_that_do_not_ask(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_unconcerned():
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert "mpesa_cbp_simulator" in loaded  # the plugin is there
            assert not loaded & {"mpesa_cbp_models", "lxml", "requests", "cryptography", "sqlalchemy", "werkzeug"}
            assert "mpesa_cbp_simulator.simulator" not in sys.modules
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_fixtures_are_listed_with_what_they_are(pytester: pytest.Pytester) -> None:
    listed = run(pytester, "--fixtures").stdout.str()
    for name in ("mpesa_cbp_simulator", "mpesa_cbp_partner", "mpesa_cbp_simulator_settings"):
        assert re.search(rf"^{name}\b.* -- .*pytest_plugin\.py", listed, re.MULTILINE), name


def test_extra_that_is_not_installed_is_named(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\n\nsys.modules['sqlalchemy'] = None  # as if it were not there\n")
    pytester.makepyfile("def test_one(mpesa_cbp_simulator): pass")
    told = run(pytester)
    told.assert_outcomes(errors=1)
    assert "Install it with: pip install 'mpesa-cbp[simulator]'" in told.stdout.str()
    assert "Traceback" not in told.stdout.str()
