"""How one module names what it uses, with its imports and constants."""

from __future__ import annotations

import copy
import re

from mpesa_cbp_generator.plan.identifiers import unique
from mpesa_cbp_generator.plan.model import ClassPlan, FieldPlan, Plan, SimpleTypePlan, TypeReference
from mpesa_cbp_generator.render.facets import derived_facets, facet_arguments
from mpesa_cbp_generator.render.literals import literal
from mpesa_cbp_generator.render.structure import Structure
from mpesa_cbp_generator.runtime._values import read_normalized, read_text, read_token
from mpesa_cbp_generator.schema.builtins import BUILTINS, white_space
from mpesa_cbp_generator.schema.declarations import local_name, namespace_of


class Layout(Structure):
    """View of a plan for the rendering of one module, or of the codecs of one.

    ``imports`` and ``codecs`` collect the other modules of which the types and the codecs are used, ``constants`` what
    is made once at import, by its expression, ``namespaces_used`` the names of the constants that hold namespaces.
    """

    def __init__(self, plan: Plan, module: str) -> None:
        super().__init__(plan)
        self.module = module
        self.imports: set[str] = set()
        self.codecs: set[str] = set()
        self.constants: dict[str, str] = {}
        self.namespaces_used: dict[str, str] = {}

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
