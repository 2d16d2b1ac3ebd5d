"""Choose the fault of each request."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from mpesa_cbp.errors import SettingsError
from mpesa_cbp.parsing import parse_amount
from mpesa_cbp_service.config.sources import parse_toml
from mpesa_cbp_simulator.config import Timing
from mpesa_cbp_simulator.faults import GOOD, BadDay, magic_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a scenario: a bad day for the requests that match.

    ``command``, ``receiver`` and ``amount`` narrow it down where they are given. The first ``skip`` requests that
    match go by, then ``times`` at most are hit (None: all), each with the probability ``chance``.
    """

    bad_day: BadDay
    command: str | None = None
    receiver: str | None = None
    amount: Decimal | None = None
    skip: int = 0
    times: int | None = None
    chance: float = 1.0

    def matches(self, *, command: str, receiver: str, amount: Decimal | None) -> bool:
        """Whether a request is one of those meant, counting aside."""
        return (
            self.command in {None, command}
            and self.receiver in {None, receiver}
            and (self.amount is None or self.amount == amount)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A list of rules, of which the first that hits counts; with settings that a file may hold."""

    rules: tuple[Rule, ...] = ()
    seed: int | None = None
    magic: bool | None = None
    timing: dict[str, float] | None = None

    @classmethod
    def of(cls, source: Scenario | Path | str | None) -> Scenario:
        """A scenario from itself, a TOML file, or the name of a bad day that every request is to have.

        Raises SettingsError, with the file and the place, for what is wrong in it.
        """
        if source is None:
            return cls()
        if isinstance(source, Scenario):
            return source
        if isinstance(source, str) and not source.endswith(".toml"):
            try:
                return cls(rules=(Rule(bad_day=BadDay.parse(source)),))
            except ValueError as error:
                raise SettingsError(f"the scenario is wrong: {error}") from None
        return _read(Path(source))

    def timing_over(self, timing: Timing) -> Timing:
        """The timing with what the scenario says of it."""
        return replace(timing, **(self.timing or {}))  # type: ignore[arg-type]  # the reader has checked the names


class FaultPlan:
    """Says which day each request has; safe to use from several threads."""

    def __init__(self, scenario: Scenario, *, seed: int | None, magic: bool) -> None:
        self._rules = scenario.rules
        self._matched = [0] * len(self._rules)
        self._hit = [0] * len(self._rules)
        self._seed = seed
        self._magic = magic
        self._chosen: BadDay = GOOD
        self._left = 0
        self._lock = threading.Lock()

    @property
    def chosen(self) -> tuple[BadDay, int]:
        """What was chosen by hand, and for how many requests it still holds."""
        with self._lock:
            return (self._chosen, self._left) if self._left else (GOOD, 0)

    def choose(self, day: BadDay, times: int = 1) -> None:
        """Give the next requests this day, whatever they are."""
        with self._lock:
            self._chosen, self._left = day, max(0, times)

    def forget(self) -> None:
        """Begin anew: nothing chosen, nothing counted."""
        with self._lock:
            self._chosen, self._left = GOOD, 0
            self._matched = [0] * len(self._rules)
            self._hit = [0] * len(self._rules)

    def day_for(self, *, conversation_id: str, command: str, receiver: str, amount: Decimal | None) -> BadDay:
        """The day of one request; asking counts, so ask once."""
        with self._lock:
            if self._left:
                self._left -= 1
                return self._chosen
            for place, rule in enumerate(self._rules):
                if rule.matches(command=command, receiver=receiver, amount=amount) and self._hits(
                    place, rule, conversation_id
                ):
                    return rule.bad_day
        return magic_of(amount=amount, receiver=receiver) if self._magic else GOOD

    def _hits(self, place: int, rule: Rule, conversation_id: str) -> bool:
        self._matched[place] += 1
        if self._matched[place] <= rule.skip or (rule.times is not None and self._hit[place] >= rule.times):
            return False
        # By the conversation id, not by a running generator: the same whatever order the requests come in.
        text = f"{self._seed}:{place}:{conversation_id}".encode()
        share = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / 2**64
        if share >= rule.chance:
            return False
        self._hit[place] += 1
        return True


def _read(path: Path) -> Scenario:
    try:
        document = parse_toml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the scenario {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"the scenario {path} is not TOML in UTF-8: {error}") from None
    try:
        _known(document, {"seed", "magic", "timing", "bad_day"}, "the file")
        timing = _table(document.get("timing", {}), "timing")
        _known(timing, {field.name for field in fields(Timing)}, "timing")
        _check_timing(timing)
        rows = document.get("bad_day", [])
        if not isinstance(rows, list):
            raise ValueError("bad_day must be written as [[bad_day]]")
        rules = tuple(_rule(_table(row, f"bad_day {place}"), place) for place, row in enumerate(rows, 1))
        seed, magic = document.get("seed"), document.get("magic")
        if not (seed is None or type(seed) is int) or not (magic is None or type(magic) is bool):
            raise ValueError("seed must be a whole number, and magic true or false")
        return Scenario(rules=rules, seed=seed, magic=magic, timing=timing)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"the scenario {path} is wrong: {error}") from None


def _rule(row: dict[str, Any], place: int) -> Rule:
    where = f"bad_day {place}"
    _known(row, {"name", "command", "receiver", "amount", "skip", "times", "chance"}, where)
    texts = {name: row.get(name) for name in ("name", "command", "receiver")}
    for name, text in texts.items():
        if not (text is None or isinstance(text, str)):
            raise ValueError(f"{where}: {name} must be text")
    for name in ("skip", "times"):
        number = row.get(name, 0)
        if type(number) is not int or number < 0:
            raise ValueError(f"{where}: {name} must be a whole number, zero or more")
    chance = row.get("chance", 1.0)
    if type(chance) not in {int, float} or not 0 <= chance <= 1:
        raise ValueError(f"{where}: chance must be between 0 and 1")
    try:
        return Rule(
            bad_day=BadDay.parse(texts["name"] or ""),
            command=texts["command"],
            receiver=texts["receiver"],
            amount=parse_amount(row["amount"]) if "amount" in row else None,
            skip=row.get("skip", 0),
            times=row.get("times"),
            chance=float(chance),
        )
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _check_timing(timing: dict[str, Any]) -> None:
    for name, value in timing.items():
        if type(value) is not int and (name == "attempts" or type(value) is not float):
            raise ValueError(
                f"timing: {name} must be {'a whole number' if name == 'attempts' else 'a number of seconds'}"
            )
    try:
        replace(Timing(), **timing)
    except ValueError as error:
        raise ValueError(f"timing: {error}") from None


def _known(table: dict[str, Any], names: set[str], where: str) -> None:
    unknown = sorted(set(table) - names)
    if unknown:
        raise ValueError(f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(sorted(names))}")


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must be a table")
    return value
