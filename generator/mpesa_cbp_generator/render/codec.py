"""Print the codec of a class.

Three functions a class: ``_write_X`` gives what follows the tag's name (attributes, content), ``_read_X`` walks an
element once, ``_check_X`` collects what the contract's rules say against an object. ``render_write``, ``render_read``
and ``render_check`` print them; here is what they share. Every string of the contract reaches the source through
``repr``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan
from mpesa_cbp_generator.render.context import Layout
from mpesa_cbp_generator.schema.builtins import BUILTINS
from mpesa_cbp_generator.schema.declarations import clark, local_name, namespace_of

Lines = Iterator[str]


def function_name(verb: str, item: ClassPlan, *, prefixed: bool = False) -> str:
    """Name of a class's codec function: ``_read_query_transaction``."""
    return f"_{verb}_{item.name}{'_prefixed' if prefixed else ''}"


def is_qname(field: FieldPlan) -> bool:
    """Whether a field holds a name whose prefix must be declared."""
    return any(t.kind == "builtin" and BUILTINS[t.name].kind == "qname" for t in field.types)


def is_element(item: ClassPlan) -> bool:
    """Whether the objects of a class can stand as an element of their own."""
    return bool(item.roots) and not item.abstract


def shown_name(item: ClassPlan) -> str:
    """Name of a class's objects in what is said of them."""
    return local_name(item.roots[0]) if item.roots else item.name


def bindings(item: ClassPlan, layout: Layout) -> Lines:
    """Statements that put the compiled functions of a class in the place where its methods look for them."""
    check = function_name("check", item)
    made = [
        f"{field.name!r}: lambda: {layout.default_expression(field)}"
        for field in item.fields
        if field.simple is not None and layout.has_python_default(field)
    ]
    defaults = f", {{{', '.join(made)}}}" if made else ""
    yield f"{item.name}._codec = Codec({shown_name(item)!r}, {check}{defaults})"
    if is_element(item):
        write = function_name("write", item, prefixed=layout.needs_prefixes(item))
        functions = f"check={check}, read={function_name('read', item)}, write={write}"
        tag, tags = layout.tag(item.roots[0]), _tags(item, layout)
        yield f"{item.name}._element = ElementCodec({tag}, {item.root_aliases!r}, {tags}, {functions})"


def _tags(item: ClassPlan, layout: Layout) -> str:
    """Expression of a root's tags."""
    namespace, name = namespace_of(item.roots[0]), local_name(item.roots[0])
    if layout.needs_prefixes(item):
        declared = {layout.prefix(each): layout.namespace(each) for each in layout.namespaces(item) if each}
        name = f"{layout.prefix(namespace)}:{name}" if namespace else name
    else:
        declared = {"": layout.namespace(namespace)} if namespace else {}
    shown = ", ".join(f"{prefix!r}: {value}" for prefix, value in declared.items())
    return f"(start_tag({name!r}, {{{shown}}}), {f'</{name}>'!r})"


def known_attributes(fields: Iterable[FieldPlan], layout: Layout) -> str:
    """Expression of the Clark names of the attributes that a class has."""
    names = [layout.tag(clark(field.namespace, field.xml_name)) for field in fields if field.kind == "attribute"]
    return f"({''.join(f'{name}, ' for name in names)})"


def indent(lines: Iterator[str]) -> Lines:
    """Lines one level further in."""
    for line in lines:
        yield f"    {line}"
