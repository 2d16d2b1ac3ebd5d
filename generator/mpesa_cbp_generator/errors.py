"""The errors of the generator.

    GeneratorError
    +-- ContractError      the contract cannot be used: one or more problems, each with its place
    +-- ConfigurationError bindings.toml or the command's words are wrong
        +-- UnknownNames   bindings.toml names what the contract does not have

Foreign exceptions (lxml, xsdata, zipfile, the file system's) are turned into these where they are met: in ``load.py``,
``contract_files.py``, ``analyse.py`` and ``write.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with a contract, and where.

    ``line`` counts from 1 and is 0 where no line can be told (a missing file, a zip that is damaged).
    ``construct`` names what stands there in the words of WSDL and XSD, e.g. ``xs:import``.
    """

    file: str
    line: int
    construct: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.construct}: {self.message}"


class GeneratorError(Exception):
    """Base of everything that this package raises on purpose."""


class ContractError(GeneratorError):
    """The contract cannot be used; ``problems`` holds all that was found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigurationError(GeneratorError):
    """``bindings.toml`` or a command's argument is wrong; the text says which key and why."""


class UnknownNames(ConfigurationError):
    """``bindings.toml`` names what the contract does not have; the text has every such entry with its place."""
