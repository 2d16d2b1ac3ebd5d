"""Layout: lookups over a plan that rendering needs; derived from the plan, nothing decided anew."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cached_property

from mpesa_cbp_generator.plan.identifiers import unique
from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan, Plan, SimpleTypePlan, TypeReference
from mpesa_cbp_generator.render.facets import derived_facets, facet_arguments
from mpesa_cbp_generator.render.graph import gathered, reachable
from mpesa_cbp_generator.render.literals import literal
from mpesa_cbp_generator.runtime._values import read_normalized, read_text, read_token
from mpesa_cbp_generator.schema.builtins import BUILTINS, white_space
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of


class Layout:
    """View of a plan for the rendering of one module, or of the codecs of one.

    ``imports`` and ``codecs`` collect the other modules of which the types and the codecs are used, ``constants`` what
    is made once at import, by its expression, ``namespaces_used`` the names of the constants that hold namespaces.
    """

    XML = "http://www.w3.org/XML/1998/namespace"

    def __init__(self, plan: Plan, module: str) -> None:
        self.plan = plan
        self.module = module
        self.by_id = {item.id: item for item in plan.classes}
        self.enumerations = {item.id: item for item in plan.enumerations}
        self.module_of_namespace = {ns: item.name for item in plan.modules for ns in item.namespaces}
        self._children: dict[str | None, list[ClassPlan]] = {}
        for item in plan.classes:
            if len(item.path) == 1:
                self._children.setdefault(item.base, []).append(item)
        self.imports: set[str] = set()
        self.codecs: set[str] = set()
        self.constants: dict[str, str] = {}
        self.namespaces_used: dict[str, str] = {}
        self._owner: dict[int, ClassPlan] = {}
        self._fields: dict[str, tuple[FieldPlan, ...]] = {}
        self._ranks: dict[int, int] = {}

    def for_module(self, module: str) -> Layout:
        """The same view for another module; what was found out about the plan is kept."""
        other = copy.copy(self)
        other.module, other.imports, other.codecs = module, set(), set()
        other.constants, other.namespaces_used = {}, {}
        return other

    def namespace(self, namespace: str) -> str:
        """Expression of a namespace: the module's constant that holds it."""
        if not namespace:
            return "''"
        own = [ns for ns, module in self.module_of_namespace.items() if module == self.module and ns]
        name = "_NAMESPACE" if own == [namespace] else f"_NAMESPACE_{self.prefix(namespace).upper()}"
        return self.namespaces_used.setdefault(namespace, name)

    def tag(self, clark_name: str) -> str:
        """Expression of a Clark name: a constant where it has a namespace."""
        namespace = namespace_of(clark_name)
        if not namespace:
            return repr(clark_name)
        name = local_name(clark_name)
        expression = f"{{{{{{{self.namespace(namespace)}}}}}}}{name}"
        wanted = f"_TAG_{re.sub(r'[^0-9A-Za-z]', '_', name)}"
        return self._constant(f"f{expression!r}", wanted)

    def _constant(self, expression: str, wanted: str) -> str:
        """Name of the constant that holds an expression: the one that is wanted, or with a number behind it."""
        if expression not in self.constants:
            self.constants[expression] = unique(wanted, set(self.constants.values()))
        return self.constants[expression]

    def fields(self, item: ClassPlan) -> tuple[FieldPlan, ...]:
        """Own and inherited fields in the order of the content model; an overriding field stands for its base's."""
        if item.id in self._fields:
            return self._fields[item.id]
        inherited = self.fields(self.by_id[item.base]) if item.base in self.by_id else ()
        own = {field.name for field in item.fields}
        result = (*(field for field in inherited if field.name not in own), *item.fields)
        offset = max((self._ranks[id(field)] for field in inherited), default=-1) + 1
        for field in item.fields:
            self._ranks[id(field)] = field.rank + offset
        for field in result:
            self._owner.setdefault(id(field), item)
        self._fields[item.id] = result
        return result

    def siblings(self, field: FieldPlan) -> tuple[FieldPlan, ...]:
        """All fields of the class that a field belongs to."""
        return self.fields(self._owner[id(field)])

    def rank(self, field: FieldPlan) -> int:
        """Place of a field in the content model of its class."""
        return self._ranks[id(field)]

    def shares_rank(self, field: FieldPlan) -> bool:
        """Whether other members may stand before or behind the field in any order."""
        same = [f for f in self._owner[id(field)].fields if f.rank == field.rank and f.kind == "element"]
        return len(same) > 1

    def derived(self, item: ClassPlan) -> tuple[ClassPlan, ...]:
        """Named types that extend or restrict a class directly, and so may stand where it is expected."""
        return tuple(child for child in self._children.get(item.id, ()) if item.path != child.path)

    def keeps_order(self, item: ClassPlan) -> bool:
        """Whether a class or one that it extends has a content model, and so the field ``element_order``."""
        own = item.group is not None and not item.mixed
        return own or (item.base in self.by_id and self.keeps_order(self.by_id[item.base]))

    def descendants(self, item: ClassPlan) -> tuple[ClassPlan, ...]:
        """Named types that are derived from a class, directly or not."""
        return tuple(one for child in self.derived(item) for one in (child, *self.descendants(child)))

    @cached_property
    def writers(self) -> dict[str, tuple[bool, bool]]:
        """For each class id, whether a writer in default-namespace style and one with prefixes are needed."""
        roots = [item for item in self.plan.classes if item.roots]
        default, prefixed = (
            set(reachable(self._edges, [item.id for item in roots if self.needs_prefixes(item) is style]))
            for style in (False, True)
        )
        return {item.id: (item.id in default, item.id in prefixed) for item in self.plan.classes}

    def closure(self, item: ClassPlan) -> tuple[ClassPlan, ...]:
        """A class and all that can stand inside it, derived types included."""
        return tuple(self.by_id[name] for name in reachable(self._edges, [item.id]))

    def namespaces(self, item: ClassPlan) -> tuple[str, ...]:
        """Namespaces of the elements, attributes and named derived types that can stand inside a class."""
        inside = {namespace for kind, namespace in self._inside[item.id] if kind != "open"}
        return tuple(sorted(inside | {namespace_of(root) for root in item.roots[:1]}))

    def needs_prefixes(self, item: ClassPlan) -> bool:
        """Whether one default namespace cannot serve everything inside a root."""
        root = namespace_of(item.roots[0])
        return any(
            namespace != "" if kind == "attribute" else kind == "open" or namespace != root
            for kind, namespace in self._inside[item.id]
        )

    @cached_property
    def _edges(self) -> dict[str, list[str]]:
        """For each class id, those of the classes that can stand directly inside it, or in its place."""
        return {
            item.id: [
                *(child.id for child in self.derived(item)),
                *(t.name for field in self.fields(item) for t in field.types if t.kind == "class"),
            ]
            for item in self.plan.classes
        }

    @cached_property
    def _inside(self) -> dict[str, set[tuple[str, str]]]:
        """For each class id, kinds and namespaces of what can stand inside it."""
        return gathered(self._edges, {item.id: set(self._own_names(item)) for item in self.plan.classes})

    def _own_names(self, item: ClassPlan) -> Iterator[tuple[str, str]]:
        for child in self.derived(item):
            yield "derived", namespace_of(child.path[0])
        for field in self.fields(item):
            if field.kind == "element" or (field.kind == "attribute" and field.namespace != self.XML):
                yield field.kind, field.namespace
            # A qualified name without a prefix would mean the default namespace.
            names = any(t.name == "QName" and t.kind == "builtin" for t in field.types)
            if field.kind in ("any", "mixed") or self.is_any(field) or names:
                yield "open", ""

    def prefix(self, namespace: str) -> str:
        """Prefix of a namespace in written documents: the name of its module."""
        name = self.module_of_namespace.get(namespace)
        if name is None:
            known = sorted({f.namespace for item in self.plan.classes for f in item.fields if f.namespace})
            return f"n{known.index(namespace)}"
        same = [ns for ns, module in self.module_of_namespace.items() if module == name]
        return name if len(same) == 1 else f"{name}{sorted(same).index(namespace) + 1}"

    def qualified(self, name: str, item: ClassPlan) -> str:
        """A compiled function of a class as these codecs call it; imported where it lives in another module."""
        if item.module == self.module:
            return name
        self.codecs.add(item.module)
        return f"{item.module}_codecs.{name}"

    def qualified_type(self, type_id: str) -> str:
        """A class or enumeration as this module names it."""
        module, _, name = type_id.rpartition(".")
        if module == self.module:
            return name
        self.imports.add(module)
        return f"{module}_module.{name}"

    def constant(self, expression: str) -> str:
        """A reader built once at import: a plain function by name, anything built as a module constant."""
        if "(" not in expression:
            return expression
        kind = re.sub(r"\W", "_", expression.partition("(")[2].partition(",")[0])
        return self._constant(expression, f"_READ_{kind}")

    def is_any(self, field: FieldPlan) -> bool:
        """Whether an element has no declared type."""
        return any(t.kind == "builtin" and BUILTINS[t.name].kind == "any" for t in field.types)

    def item_annotation(self, field: FieldPlan) -> str:
        """Python type of one value of a field."""
        if field.kind == "any":
            return "_Element"
        kinds = list(dict.fromkeys(self._python_type(reference) for reference in field.types))
        joined = " | ".join(kinds)
        return f"list[{joined}]" if field.is_list else joined

    def annotation(self, field: FieldPlan) -> str:
        """Python type of a field."""
        if field.kind == "any-attributes":
            return "dict[str, str]"
        if field.kind == "mixed":
            return "list[object]"
        item = self.item_annotation(field)
        if field.repeated:
            return f"list[{item} | None]" if field.nillable else f"list[{item}]"
        if self.is_optional(field):
            return f"{item} | None"
        return item

    def is_optional(self, field: FieldPlan) -> bool:
        """Whether a field that is not repeated may be None."""
        if self.has_python_default(field):
            return False
        return not field.required or field.nillable or field.absent_on_reading

    def _python_type(self, reference: TypeReference) -> str:
        if reference.kind == "builtin":
            return BUILTINS[reference.name].annotation
        return self.qualified_type(reference.name)

    def python_types(self, field: FieldPlan) -> list[str]:
        """Classes for isinstance."""
        return list(dict.fromkeys(self._python_type(reference) for reference in field.types))

    def has_python_default(self, field: FieldPlan) -> bool:
        """Attributes take the contract's default where they are absent; elements do not (XML Schema part 1, 3.3.4)."""
        return field.kind == "attribute" and field.default is not None

    def default_expression(self, field: FieldPlan) -> str:
        """Python expression of the contract's default."""
        default = self.default_text(field)
        if field.simple is not None:
            return f"{self.simple_reader(field)}({default!r})"
        for reference in field.types:
            if reference.kind == "enumeration":
                enumeration = self.enumerations[reference.name]
                for member in enumeration.members:
                    if member.value == default.strip():
                        return f"{self.qualified_type(enumeration.id)}.{member.name}"
                continue
            expression = literal(reference.name, default)
            if expression is not None:
                return expression
        return repr(default)

    def default_text(self, field: FieldPlan) -> str:
        """The contract's default, blanks in it as the type has them."""
        read = {"preserve": read_text, "replace": read_normalized, "collapse": read_token}
        return read[blanks(field, self.value_builtin(field))](field.default or "")

    def facets(self, item: ClassPlan, field: FieldPlan) -> str:
        """Name of the module constant that holds a field's facets, empty where there are none.

        What the contract states is taken from the class; here stands what follows from the type.
        """
        states_value = field.fixed and field.default is not None and field.simple is None
        fixed = self.default_expression(field) if states_value else None
        builtin = self.facet_builtin(field)
        if not list(facet_arguments(field.facets, builtin, fixed)):
            return ""
        derived = [f"{name}={value}" for name, value in derived_facets(field.facets, builtin, fixed)]
        arguments = ", ".join([self.qualified_type(item.id), repr(field.name), *derived])
        return self._constant(f"facets_of({arguments})", f"_FACETS_{item.name}_{field.name}")

    def _constant_facets(self, arguments: dict[str, str]) -> str:
        if not arguments:
            return ""
        expression = f"Facets({', '.join(f'{name}={value}' for name, value in arguments.items())})"
        return self._constant(expression, "_FACETS")

    def value_builtin(self, field: FieldPlan) -> str:
        """Built-in type that the values of a field go back to; ``string`` where it has several."""
        if len(field.types) != 1:
            return "string"
        (reference,) = field.types
        if reference.kind == "enumeration":
            return self.enumerations[reference.name].builtin
        return reference.name if reference.kind == "builtin" else "string"

    def facet_builtin(self, field: FieldPlan) -> str:
        """Built-in type in whose terms a field's facets are stated."""
        return self.value_builtin(field) if field.simple is None else "string"

    def simple(self, field: FieldPlan) -> str:
        """Name of the module constant that reads, writes and checks a list or a union."""
        if field.simple is None:
            raise ValueError(f"{field.name} is neither a list nor a union")
        expression = self._simple(field.simple, self.facets(self._owner[id(field)], field))
        return self._constant(expression, f"_SIMPLE_{field.name}")

    def simple_reader(self, field: FieldPlan) -> str:
        """Function that reads a list or a union."""
        kind = "list" if field.simple is not None and field.simple.variety == "list" else "union"
        return f"{self.simple(field)}.read_{kind}"

    def _simple(self, tree: SimpleTypePlan, facets: str | None = None) -> str:
        if facets is None:
            facets = self._constant_facets(dict(facet_arguments(tree.facets, self._builtin_of(tree))))
        shown = f", facets={facets}" if facets else ""
        if tree.type is None:
            parts = ", ".join(self._simple(item) for item in tree.items)
            return f"{'ListOf' if tree.variety == 'list' else 'UnionOf'}({parts}{shown})"
        kind = BUILTINS[self._builtin_of(tree)].kind
        read = f"read_{'text' if kind == 'any' else kind}"
        if kind == "text":
            read = {"collapse": "read_token", "replace": "read_normalized"}.get(tree.facets.white_space or "", read)
        write = "same_text" if kind in ("text", "token", "any") else f"{kind}_text"
        if tree.type.kind == "enumeration":
            name = self.qualified_type(tree.type.name)
            return f"Atomic(enumeration_reader({name}, {read}), {write}, ({name},){shown})"
        return f"Atomic({read}, {write}, ({BUILTINS[tree.type.name].annotation},){shown})"

    def _builtin_of(self, tree: SimpleTypePlan) -> str:
        if tree.type is None:
            return "string"
        return self.enumerations[tree.type.name].builtin if tree.type.kind == "enumeration" else tree.type.name


def blanks(field: FieldPlan, builtin: str) -> str:
    """What reading does with blanks in a field's text: preserve, replace or collapse."""
    return field.facets.white_space or white_space(builtin)
