"""Python names for the names of a contract.

Pure functions; a name depends on the contract's name, the acronyms and the names already taken, on nothing else.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable

DEFAULT_ACRONYMS = ("API", "HTTP", "HTTPS", "ID", "SOAP", "URI", "URL", "UUID", "XML")

# Names that the body of a generated class uses itself; a field of that name would hide them there.
_RESERVED_FIELDS = frozenset({
    "to_text", "to_xml", "from_xml", "from_element", "validate", "element_order", "self", "cls",
    "str", "int", "bool", "bytes", "float", "list", "dict", "object", "tuple", "type", "datetime",
    "field", "dataclass", "classmethod", "property",
})  # fmt: skip

# Names that generated modules use themselves at module level; a class of that name would hide them.
_RESERVED_CLASSES = frozenset({
    "Any", "Atomic", "AttributeError", "Checking", "Codec", "CodecError", "ComplexType", "Content", "DECLARATION",
    "Decimal", "ELEMENTS", "ElementCodec", "Enum", "Facets", "GlobalElement", "InvalidMessage", "InvalidValue",
    "ListOf", "Message", "Meta", "NIL_ATTRIBUTE", "OPERATIONS", "Operation", "QName", "Reading", "RecursionError",
    "TYPE_CHECKING", "TypeError", "UnionOf", "ValueError", "ZonedDate",
})  # fmt: skip

# What an enumeration has of itself; a member of that name would hide it.
_RESERVED_MEMBERS = frozenset({"Decimal", "mro", "name", "value"})

# A word of a camel-case name: a run of capitals that ends before a capitalised word, a capitalised or small word,
# a run of capitals, a run of digits, or a run of letters without case.
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_]+")


def words(name: str, acronyms: Iterable[str] = DEFAULT_ACRONYMS) -> list[str]:
    """The words of a contract name in their own case: ``OriginatorConversationID`` → Originator, Conversation, ID."""
    result: list[str] = []
    plain = unicodedata.normalize("NFKC", name)
    ordered = sorted(acronyms, key=lambda acronym: (-len(acronym), acronym))
    for chunk in re.split(r"[\W_]+", plain):
        rest = chunk
        while rest:
            acronym = next((a for a in ordered if rest.startswith(a) and not rest[len(a) : len(a) + 1].islower()), None)
            found = _WORD.match(rest)
            word = acronym or (found.group() if found else rest[0])
            if acronym is None:
                word = _until_acronym(word, ordered)
            result.append(word)
            rest = rest[len(word) :]
    return result


def _until_acronym(word: str, acronyms: list[str]) -> str:
    """Cut a run of capitals before an acronym that ends it: ``SPID`` is two words where ID is an acronym."""
    if len(word) > 1 and word.isupper():
        for acronym in acronyms:
            if word.endswith(acronym) and word != acronym:
                return word[: -len(acronym)]
    return word


def field_name(name: str, acronyms: Iterable[str] = DEFAULT_ACRONYMS) -> str:
    """snake_case name of an element or attribute, safe as a dataclass field."""
    snake = "_".join(word.lower() for word in words(name, acronyms)) or "field"
    if snake[0].isdigit():
        snake = f"n{snake}"
    if keyword.iskeyword(snake) or snake in _RESERVED_FIELDS:
        snake += "_"
    return snake


def class_name(name: str, acronyms: Iterable[str] = DEFAULT_ACRONYMS) -> str:
    """CapWords name of a type, the capitals of the contract kept: ``RequestSOAPHeader``, ``QueryTransaction``."""
    joined = "".join(word[0].upper() + word[1:] for word in words(name, acronyms)) or "Type"
    if not joined[0].isidentifier():
        joined = f"N{joined}"
    if keyword.iskeyword(joined) or joined in _RESERVED_CLASSES:
        joined += "_"
    return joined


def member_name(value: str, acronyms: Iterable[str] = DEFAULT_ACRONYMS) -> str:
    """Name of an enumeration member: an identifier-like value or id as it stands, anything else made into one."""
    plain = unicodedata.normalize("NFKC", value)
    if plain.isidentifier() and not keyword.iskeyword(plain) and plain[0] != "_" and plain not in _RESERVED_MEMBERS:
        return plain if not plain.startswith("read_") else f"{plain}_"
    if not value:
        return "EMPTY"
    joined = "_".join(words(value, acronyms)).upper()
    if not joined:
        joined = "_".join(unicodedata.name(char, "CHARACTER").replace(" ", "_").replace("-", "_") for char in value)
    if joined[0].isdigit():
        joined = f"MINUS_{joined}" if value.lstrip().startswith("-") else f"N{joined}"
    return joined if joined.isidentifier() else f"N_{joined}"


def module_name(text: str) -> str:
    """Module name for a namespace: its last telling path segment in snake_case."""
    segments = [segment for segment in re.split(r"[/:#?]+", text) if segment]
    telling = [s for s in segments if not re.fullmatch(r"v?\d+([._]\d+)*|local|interface|schema|xsd|wsdl", s.lower())]
    name = "_".join(word.lower() for word in words((telling or segments or ["types"])[-1]))
    if not name or not name.isidentifier() or keyword.iskeyword(name):
        name = f"ns_{name}"
    return f"{name}_types" if name in {"operations", "sensitive", "xml", "lxml", "errors", "types"} else name


def unique(wanted: str, taken: set[str]) -> str:
    """``wanted``, or with the first number from 2 that makes it free; the result is added to ``taken``."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted.rstrip('_')}_{number}"
    taken.add(name)
    return name
