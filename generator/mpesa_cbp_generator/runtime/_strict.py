"""An object as a whole: what is wrong with it, and whether anything of its document was lost."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from ._checking import Checking
from ._errors import InvalidMessage, InvalidValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NIL = f"{{{_XSI}}}nil"


def not_writable(
    check: Callable[[Any, str, Checking], None], value: object, name: str, error: Exception
) -> InvalidValue:
    """The error for an object that could not be written: where the trouble is, found by checking it."""
    problems = _problems(check, value, name)
    return InvalidValue(tuple(problems) or (f"{name}: {type(error).__name__} while writing",))


def validated(check: Callable[[Any, str, Checking], None], value: object, name: str) -> None:
    """Raise InvalidValue with everything that is wrong with an object."""
    problems = _problems(check, value, name)
    if problems:
        raise InvalidValue(tuple(problems))


def _problems(
    check: Callable[[Any, str, Checking], None], value: object, name: str, *, shown: bool = True
) -> list[str]:
    checking = Checking(shown=shown)
    try:
        check(value, name, checking)
    except RecursionError:
        checking.add(name, "is nested too deeply, or in itself")
    return checking.problems


def conforms(
    check: Callable[[Any, str, Checking], None], value: Any, element: etree._Element, write: Callable[[Any], str]
) -> None:
    """Strict reading's last word: the object keeps every rule, and nothing of the document was lost on the way.

    The object is written again and compared with what was read. Raises InvalidMessage; no value is in its text.
    """
    name = str(element.tag).rpartition("}")[2]
    problems = _problems(check, value, name, shown=False)
    if problems:
        path, _, rule = problems[0].partition(": ")
        raise InvalidMessage(path, rule)
    try:
        written = write(value)
    except InvalidValue as error:
        raise InvalidMessage(name, "cannot be written as it was read") from error
    _compare(element, etree.fromstring(written), name)


def _compare(read: etree._Element, written: etree._Element, path: str) -> None:
    for attribute in read.attrib:
        shown = str(attribute)
        if shown not in written.attrib and not shown.startswith(f"{{{_XSI}}}"):
            raise InvalidMessage(f"{path}/@{shown.rpartition('}')[2]}", "is not in the contract")
    if _texts(read) and not _texts(written):
        raise InvalidMessage(path, "holds text where none may stand")
    children, again = _present(read), _present(written)
    if [child.tag for child in children] != [child.tag for child in again]:
        raise InvalidMessage(path, "holds elements that are not as the contract has them")
    for child, other in zip(children, again, strict=True):
        _compare(child, other, f"{path}/{str(child.tag).rpartition('}')[2]}")


def _present(element: etree._Element) -> list[etree._Element]:
    """Children without the nil ones: one that need not be there is the same as none in an object."""
    found: list[etree._Element] = []
    for child in element.iterchildren(etree.Element):
        if (child.get(_NIL) or "").strip() not in ("true", "1"):
            found.append(child)
        elif len(child) or child.text or any(not str(name).startswith(f"{{{_XSI}}}") for name in child.attrib):
            raise InvalidMessage(f"{element.tag}/{child.tag}", "is nil and holds something")
    return found


def _texts(element: etree._Element) -> bool:
    return any(text and text.strip() for text in (element.text, *(child.tail for child in element)))
