"""The steps of generation in their order."""

from __future__ import annotations

from collections.abc import Callable

from mpesa_cbp_generator.config.bindings import Config
from mpesa_cbp_generator.contract.load import load
from mpesa_cbp_generator.contract.model import Contract
from mpesa_cbp_generator.errors import Problem, UnknownNames
from mpesa_cbp_generator.output.write import LOCK
from mpesa_cbp_generator.plan.build import make_plan
from mpesa_cbp_generator.plan.lock import from_json
from mpesa_cbp_generator.render.package import render
from mpesa_cbp_generator.schema.constraints import unchecked


def generate(config: Config, *, warn: Callable[[Problem], None]) -> dict[str, str]:
    """Text of every file of the package by path; ``warn`` is told what had to be left open, and what the bindings
    do not check.

    Raises ContractError or ConfigurationError.
    """
    contract = load(config.sources)
    try:
        plan = make_plan(contract, config, warn=warn)
    except UnknownNames as error:
        gone = _gone(contract, config)
        raise UnknownNames(f"{gone}{error}") from error
    for note in unchecked(contract, plan):
        warn(note)
    return render(plan)


def _gone(contract: Contract, config: Config) -> str:
    """Files from which the package that stands there was made, and that the contract has no more; said first."""
    try:
        made_from = from_json((config.output / LOCK).read_text(encoding="utf-8")).sources
    except (OSError, ValueError, RecursionError):
        return ""  # there is no package yet, or none of this generator
    gone = {source.name for source in made_from} - {document.name for document in contract.documents}
    if not gone:
        return ""
    sources = ", ".join(source.as_posix() for source in config.sources)
    return (
        f"{', '.join(sorted(gone))}: no longer in {sources}, while the package in {config.output} was made from it. "
        "Put it back, unless the operator has taken it away.\n"
    )
