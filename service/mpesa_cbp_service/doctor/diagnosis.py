"""One check of the doctor and its advice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from mpesa_cbp.identity.certificates import Certificate


class Level(Enum):
    """How it looks."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``subject`` is one word such as ``tls``; ``advice`` is empty where nothing is to be done."""

    level: Level
    subject: str
    text: str
    advice: str = ""


def ok(subject: str, text: str) -> Diagnosis:
    """Nothing is to be done."""
    return Diagnosis(Level.OK, subject, text)


def warning(subject: str, text: str, advice: str) -> Diagnosis:
    """It may work, and should be looked at."""
    return Diagnosis(Level.WARNING, subject, text, advice)


def problem(subject: str, text: str, advice: str) -> Diagnosis:
    """It cannot work."""
    return Diagnosis(Level.PROBLEM, subject, text, advice)


# Operators take weeks to sign a new certificate.
_WARNING_TIME = timedelta(days=30)


def validity(subject: str, name: str, certificate: Certificate, now: datetime, advice: str) -> Diagnosis:
    """Whether a certificate is valid now, and for how many days yet."""
    days = (certificate.not_after - now).days
    if now < certificate.not_before:
        return problem(subject, f"{name} is not valid before {certificate.not_before:%Y-%m-%d}", advice)
    if now > certificate.not_after:
        return problem(subject, f"{name} expired on {certificate.not_after:%Y-%m-%d}", advice)
    text = f"{name} is valid for {days} more days, until {certificate.not_after:%Y-%m-%d}"
    if certificate.not_after - now < _WARNING_TIME:
        return warning(subject, text, advice)
    return ok(subject, text)


def worst(findings: Iterable[Diagnosis]) -> Level:
    """The worst level of all."""
    levels = {finding.level for finding in findings}
    return next((level for level in (Level.PROBLEM, Level.WARNING) if level in levels), Level.OK)
