"""What every generated class can do; how it is done stands in its codec, a private module beside its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from lxml.etree import _Element

from ._checking import Checking
from ._parsing import parse
from ._reading import Reading
from ._strict import conforms, not_writable, validated
from ._writing import DECLARATION, attribute_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self

    Check = Callable[[Any, str, Checking], None]


class Codec:
    """Compiled functions of one class: ``check``, and ``defaults`` of its fields that only a reader can make."""

    __slots__ = ("check", "defaults", "name")

    def __init__(self, name: str, check: Check, defaults: Mapping[str, Callable[[], Any]] | None = None) -> None:
        self.name = name
        self.check = check
        self.defaults = defaults or {}


class ElementCodec:
    """Compiled functions of one global element, and its tags: ``start`` is open, for attributes to follow."""

    __slots__ = ("_check", "_end", "_name", "_read", "_start", "_write", "aliases", "tag")

    def __init__(
        self,
        tag: str,
        aliases: tuple[str, ...],
        tags: tuple[str, str],
        *,
        check: Check,
        read: Callable[[_Element, Reading], Any],
        write: Callable[[Any], str],
    ) -> None:
        self.tag = tag
        self.aliases = aliases
        self._start, self._end = tags
        self._check = check
        self._read = read
        self._write = write
        self._name = tag.rpartition("}")[2]

    def text(self, value: object) -> str:
        """An object as this element; raises InvalidValue."""
        try:
            return self._start + self._write(value) + self._end
        except (TypeError, AttributeError, ValueError, RecursionError) as error:
            raise not_writable(self._check, value, self._name, error) from None

    def read(self, element: _Element, reading: Reading) -> Any:
        """The object that an element holds; raises InvalidMessage."""
        if element.tag != self.tag:
            reading.root(element, self.tag, self.aliases)
        if element.keys():
            reading.empty_if_nil(element)
        result = self._read(element, reading)
        if reading.strict:
            conforms(self._check, result, element, self.text)
        return result


class _NotLoaded:
    """Stands for a codec until it is used: the module that holds it puts it in its place.

    A codec imports the classes that it reads into, so these cannot import it. All modules of a package that refer to
    each other are loaded by the time that one of their objects is read or written.
    """

    def __init__(self, module: str, attribute: str) -> None:
        self._module = module
        self._attribute = attribute

    def __get__(self, instance: object, owner: type) -> Any:
        load_codecs(self._module)
        return getattr(owner, self._attribute)


def load_codecs(module: str) -> None:
    """Import the codecs of a module of the package, by the module's full name."""
    package, _, name = module.rpartition(".")
    import_module(f"{package}._codecs.{name}")


class ComplexType:
    """A type of the contract. Its objects can be checked; they are written inside those of an element."""

    __slots__ = ()

    if TYPE_CHECKING:  # xsdata evaluates what is annotated
        _codec: ClassVar[Codec]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # A class that somebody derives from a generated one has its codecs.
        if "Meta" in cls.__dict__:
            cls._codec = _NotLoaded(cls.__module__, "_codec")  # type: ignore[assignment]

    def validate(self) -> None:
        """Check against the contract; raises InvalidValue with all problems at once."""
        codec = self._codec
        validated(codec.check, self, codec.name)


class GlobalElement(ComplexType):
    """A type of the contract whose objects can stand as an element of their own, the root of a document."""

    __slots__ = ()

    if TYPE_CHECKING:
        _element: ClassVar[ElementCodec]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # A type that is derived from an element's without being one itself is written as that element.
        if GlobalElement in cls.__bases__:
            cls._element = _NotLoaded(cls.__module__, "_element")  # type: ignore[assignment]

    def to_text(self, element: type[GlobalElement] | None = None) -> str:
        """The element as text, without XML declaration; raises InvalidValue where it cannot be written.

        ``element`` is the class of another element to write it as: of one whose type this object's is derived from.
        """
        return (element or self)._element.text(self)

    def to_xml(self, element: type[GlobalElement] | None = None) -> bytes:
        """The element as a document in UTF-8, XML declaration included; otherwise as ``to_text``."""
        return (DECLARATION + self.to_text(element)).encode()

    @classmethod
    def from_xml(cls, data: bytes, *, strict: bool = False) -> Self:
        """Read a document; ``strict`` refuses what the contract does not have. Raises InvalidMessage."""
        reading = Reading(strict=strict)
        return cls.from_element(parse(data, reading), reading)

    @classmethod
    def from_element(cls, element: _Element, reading: Reading) -> Self:
        """Read a parsed element; ``reading`` keeps what was met. Raises InvalidMessage."""
        result: Self = cls._element.read(element, reading)
        return result


def start_tag(name: str, namespaces: Mapping[str, str]) -> str:
    """Start tag with its namespace declarations by prefix, up to its attributes; no prefix is the default namespace."""
    declared = [f' xmlns{prefix and ":"}{prefix}="{attribute_text(uri)}"' for prefix, uri in namespaces.items()]
    return f"<{name}{''.join(declared)}"


def default_of(owner: type[ComplexType], field: str) -> Any:
    """The contract's default of an attribute whose type is a list or a union, made anew."""
    return owner._codec.defaults[field]()
