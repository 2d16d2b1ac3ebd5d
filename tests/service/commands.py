"""What the tests of commands share: a customer, a conversation id, a terminal, and the search for secrets."""

from __future__ import annotations

import io

import pytest

from tests.world import World

NUMBER = "254712345678"
ID = "600000_Acme_November"
OF_ONE = ["pay", "--msisdn", "0712345678", "--amount", "100", "--yes"]
Shown = pytest.CaptureFixture[str]


def assert_hides(shown: tuple[str, str], world: World) -> None:
    for secret in (NUMBER, "0712345678", *world.secrets):
        assert secret not in "".join(shown)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
