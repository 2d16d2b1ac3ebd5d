"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# No test asserts a time: a machine that is busy must not fail it. Speed is measured in bench/.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
