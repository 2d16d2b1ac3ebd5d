"""Render: the compiled codec of a class, as straight-line Python printed from the plan.

Three functions a class: ``_write_X`` gives what follows the tag's name (attributes, content), ``_read_X`` walks an
element once, ``_check_X`` collects what the contract's rules say against an object. ``render_write``, ``render_read``
and ``render_check`` print them; here is what they share. Every string of the contract reaches the source through
``repr``.
"""

from __future__ import annotations

from collections.abc import Iterator

from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan
from mpesa_cbp_generator.schema.builtins import BUILTINS

Lines = Iterator[str]


def function_name(verb: str, item: ClassPlan, *, prefixed: bool = False) -> str:
    """Name of a class's codec function: ``_read_query_transaction``."""
    return f"_{verb}_{item.name}{'_prefixed' if prefixed else ''}"


def is_qname(field: FieldPlan) -> bool:
    """Whether a field holds a name whose prefix must be declared."""
    return any(t.kind == "builtin" and BUILTINS[t.name].kind == "qname" for t in field.types)


def indent(lines: Iterator[str]) -> Lines:
    """Lines one level further in."""
    for line in lines:
        yield f"    {line}"
