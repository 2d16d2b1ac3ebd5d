"""Every "protocol, section N" in code and documents names a section, and a number in it, that docs/protocol.md has."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROTOCOL = ROOT / "docs" / "protocol.md"
SUFFIXES = (".py", ".md", ".toml", ".jinja", ".wsdl", ".xsd")
# The document itself, and this one with its samples of wrong citations.
EXEMPT = {PROTOCOL, Path(__file__).resolve()}
# "protocol, section 7", "protocol's section 7", "protocol, sections 3, 4 and 10", also over the end of a line.
CITATION = re.compile(
    r"\bprotocol(?:\.md`?)?(?:'s|,)?\s+sections?\s+(\d{1,2}(?:(?:,\s+|\s+and\s+)\d{1,2}(?!\d))*)(?:,\s+number\s+(\d+))?"
)


def sections(text: str) -> dict[int, set[int]]:
    """Numbers of the document's sections, each with the numbers of its numbered list."""
    found: dict[int, set[int]] = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        number = re.match(r"(\d+)\. ", part)
        if number is not None:
            found[int(number[1])] = {
                int(item) for item in re.findall(r"^(\d+)\. ", part.partition("\n")[2], re.MULTILINE)
            }
    return found


def wrong_citations(text: str, known: dict[int, set[int]]) -> Iterator[str]:
    """Citations in a text that name no section, or no number, of the protocol."""
    for match in CITATION.finditer(re.sub(r"\n\s*(?:#|\*)?\s*", " ", text)):
        cited = [int(number) for number in re.findall(r"\d+", match[1])]
        missing = any(number not in known for number in cited)
        if missing or (match[2] is not None and int(match[2]) not in known[cited[-1]]):
            yield match[0]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.splitlines() if name.endswith(SUFFIXES) and (ROOT / name).is_file()]


def test_every_citation_names_what_the_protocol_has() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    known = sections(PROTOCOL.read_text(encoding="utf-8"))
    wrong = {
        f"{path.relative_to(ROOT)}: {citation}"
        for path in tracked()
        if path.resolve() not in EXEMPT
        for citation in wrong_citations(path.read_text(encoding="utf-8", errors="replace"), known)
    }
    assert wrong == set()


@pytest.mark.parametrize(
    "text",
    [
        "(protocol, section 13)",
        "protocol, sections 3, 4 and 99",
        "protocol's section 0",
        "(protocol, section 7, number 20)",
        "the protocol,\n    # section 44",
    ],
)
def test_a_citation_of_what_is_not_there_is_found(text: str) -> None:
    known = sections(PROTOCOL.read_text(encoding="utf-8"))
    assert list(wrong_citations(text, known)) != []


def test_the_protocol_has_twelve_sections_and_nineteen_dialects() -> None:
    known = sections(PROTOCOL.read_text(encoding="utf-8"))
    assert sorted(known) == list(range(1, 13))
    assert known[7] == set(range(1, 20))
