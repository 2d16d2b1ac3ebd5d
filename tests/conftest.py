"""Settings of the whole suite."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.effort import EFFORT

# No test asserts a time: a machine that is busy must not fail it. Speed is measured in bench/. Which examples are tried
# depends on the test alone, so that a run can be repeated; those with more effort go where no run has been.
settings.register_profile("suite", deadline=None, derandomize=EFFORT == 1)
settings.load_profile("suite")

# A shell that starts us in the background has Ctrl-C ignored, by us and by every process that tests start and interrupt.
if os.name == "posix":
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """What a test, or a command that it runs in this process, sets of the loggers is undone after it."""
    loggers = [logging.getLogger(name) for name in (None, "mpesa_cbp", "werkzeug")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
