"""The names that users rely on, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import mpesa_cbp
import mpesa_cbp_models
import mpesa_cbp_service
import mpesa_cbp_simulator


def test_public_names_of_the_transport() -> None:
    assert mpesa_cbp.__all__ == [
        "Acknowledgement",
        "Client",
        "Decoded",
        "Initiator",
        "PaymentState",
        "Profile",
        "ServiceProvider",
        "SpPasswordReading",
        "decode",
        "encrypt_credential",
        "encrypt_new_password",
        "sp_password",
    ]
    for name in mpesa_cbp.__all__:
        assert getattr(mpesa_cbp, name) is not None


def test_public_names_of_the_service() -> None:
    assert mpesa_cbp_service.__all__ == ["Journal", "Listener"]
    for name in mpesa_cbp_service.__all__:
        assert getattr(mpesa_cbp_service, name) is not None


def test_public_names_of_the_simulator() -> None:
    assert {"Simulator", "Partner", "BadDay", "Scenario"} <= set(mpesa_cbp_simulator.__all__)
    for name in mpesa_cbp_simulator.__all__:
        assert getattr(mpesa_cbp_simulator, name) is not None


def test_every_exported_name_of_the_generated_package_is_there() -> None:
    for name in mpesa_cbp_models.__all__:
        assert getattr(mpesa_cbp_models, name) is not None
    assert {"Request", "Response", "Result", "NotifyQueueTimeout", "QueryTransaction"} <= set(mpesa_cbp_models.__all__)


def test_importing_the_generated_package_brings_in_nothing_of_the_generator_or_the_transport() -> None:
    script = (
        "import sys, mpesa_cbp_models; mpesa_cbp_models.Request; mpesa_cbp_models.Result\n"
        "print(sorted({'xsdata', 'jinja2', 'requests', 'mpesa_cbp', 'cryptography'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
