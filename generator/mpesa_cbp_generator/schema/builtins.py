"""The built-in types of XML Schema and what each becomes in Python."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Builtin:
    """``annotation`` is the Python type, ``kind`` selects the functions ``read_KIND`` and ``KIND_text`` of the codec.

    ``minimum`` and ``maximum`` are the bounds that the type itself has; ``collapse`` says that blanks around and
    between words mean nothing; ``metadata_format`` is what xsdata calls the encoding of bytes.
    """

    annotation: str
    kind: str
    minimum: int | None = None
    maximum: int | None = None
    collapse: bool = True
    metadata_format: str | None = None


_STRINGS = (
    "anyURI language Name NCName NMTOKEN token ID IDREF ENTITY NOTATION duration gYear gYearMonth gMonth gMonthDay gDay"
)

BUILTINS: dict[str, Builtin] = {
    "string": Builtin("str", "text", collapse=False),
    "normalizedString": Builtin("str", "text", collapse=False),
    "anySimpleType": Builtin("str", "text", collapse=False),
    "anyAtomicType": Builtin("str", "text", collapse=False),
    "anyType": Builtin("object", "any", collapse=False),
    **{name: Builtin("str", "token") for name in _STRINGS.split()},
    **{name: Builtin("str", "token") for name in ("NMTOKENS", "IDREFS", "ENTITIES")},
    "QName": Builtin("QName", "qname"),
    "boolean": Builtin("bool", "boolean"),
    "decimal": Builtin("Decimal", "decimal"),
    "float": Builtin("float", "float"),
    "double": Builtin("float", "float"),
    "integer": Builtin("int", "integer"),
    "nonNegativeInteger": Builtin("int", "integer", minimum=0),
    "positiveInteger": Builtin("int", "integer", minimum=1),
    "nonPositiveInteger": Builtin("int", "integer", maximum=0),
    "negativeInteger": Builtin("int", "integer", maximum=-1),
    **{
        name: Builtin("int", "integer", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        for name, bits in (("long", 64), ("int", 32), ("short", 16), ("byte", 8))
    },
    **{
        name: Builtin("int", "integer", 0, 2**bits - 1)
        for name, bits in (("unsignedLong", 64), ("unsignedInt", 32), ("unsignedShort", 16), ("unsignedByte", 8))
    },
    "dateTime": Builtin("datetime.datetime", "datetime"),
    "dateTimeStamp": Builtin("datetime.datetime", "datetime"),
    "date": Builtin("datetime.date", "date"),
    "time": Builtin("datetime.time", "time"),
    "base64Binary": Builtin("bytes", "base64", metadata_format="base64"),
    "hexBinary": Builtin("bytes", "hex", metadata_format="base16"),
}

JUDGED = frozenset(
    {"anyURI", "language", "Name", "NCName", "NMTOKEN", "ID", "IDREF", "ENTITY", "NOTATION", "duration"}
    | {"gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"}
)
"""Strings here whose lexical form libxml2 judges when an object is checked."""


def white_space(builtin: str) -> str:
    """What a built-in type does with blanks: preserve, replace or collapse."""
    if builtin == "normalizedString":
        return "replace"
    return "preserve" if BUILTINS[builtin].kind in ("text", "any") else "collapse"
