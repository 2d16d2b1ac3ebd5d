"""HTML as a tree, so that every text is escaped."""

from __future__ import annotations

from lxml import etree


def element(name: str, /, *content: etree._Element | str | None, **attributes: str | int | None) -> etree._Element:
    """An element with texts and elements in it; None is left out.

    A trailing underscore in an attribute's name is dropped (``class_``, ``for_``), others become hyphens; an empty
    value stands for an attribute without one, None leaves it out.
    """
    made = etree.Element(name)
    for key, value in attributes.items():
        if value is not None:
            made.set(key.rstrip("_").replace("_", "-"), str(value))
    add(made, *content)
    return made


def add(parent: etree._Element, *content: etree._Element | str | None) -> None:
    """Put texts and elements at the end of an element."""
    for each in content:
        if isinstance(each, str):
            text = "".join(char if char >= " " or char in "\n\t" else "\ufffd" for char in each)
            last = parent[-1] if len(parent) else None
            if last is None:
                parent.text = (parent.text or "") + text
            else:
                last.tail = (last.tail or "") + text
        elif each is not None:
            parent.append(each)


def page(root: etree._Element) -> bytes:
    """The bytes of a whole page."""
    text: bytes = etree.tostring(root, method="html", encoding="utf-8", doctype="<!doctype html>")
    return text
