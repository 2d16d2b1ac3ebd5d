"""The steps in their order: load, analyse and plan, render."""

from __future__ import annotations

from collections.abc import Callable

from mpesa_cbp_generator.config import Config
from mpesa_cbp_generator.constraints import unchecked
from mpesa_cbp_generator.errors import Problem
from mpesa_cbp_generator.load import load
from mpesa_cbp_generator.plan import make_plan
from mpesa_cbp_generator.render import render


def generate(config: Config, *, warn: Callable[[Problem], None]) -> dict[str, str]:
    """Text of every file of the package by path; ``warn`` is told what had to be left open, and what the bindings
    do not check.

    Raises ContractError or ConfigurationError.
    """
    contract = load(config.sources)
    plan = make_plan(contract, config, warn=warn)
    for note in unchecked(contract, plan):
        warn(note)
    return render(plan)
