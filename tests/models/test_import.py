"""What importing the generated package brings with it."""

from __future__ import annotations

import subprocess
import sys

import pytest

UNWANTED = ("xsdata", "jinja2", "requests", "cryptography", "mpesa_cbp", "mpesa_cbp_generator", "mpesa_cbp_service")


@pytest.mark.parametrize("family", ["Request", "Result", "QueryTransaction"])
def test_using_a_message_family_loads_nothing_but_lxml(family: str) -> None:
    script = f"import sys, mpesa_cbp_models; mpesa_cbp_models.{family}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "lxml" in loaded
    assert loaded.isdisjoint(UNWANTED)


def test_a_message_family_does_not_load_the_others() -> None:
    script = "import sys, mpesa_cbp_models; mpesa_cbp_models.Response; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("mpesa_cbp_models.")}
    assert "mpesa_cbp_models.response" in loaded
    assert loaded.isdisjoint({"mpesa_cbp_models.request", "mpesa_cbp_models.c2b", "mpesa_cbp_models.management"})
