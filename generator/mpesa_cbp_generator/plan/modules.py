"""Plan the modules of a package and the order of classes in them."""

from __future__ import annotations

from collections.abc import Mapping

from mpesa_cbp_generator.contract.model import Contract
from mpesa_cbp_generator.plan.model import ClassPlan, ModulePlan
from mpesa_cbp_generator.schema.constraints import constraints
from mpesa_cbp_generator.schema.declarations import documentation


def module_plans(names: Mapping[str, str], contract: Contract) -> tuple[ModulePlan, ...]:
    """The modules in name order; ``names`` has each namespace's."""
    modules = []
    for module in sorted(set(names.values())):
        namespaces = tuple(sorted(namespace for namespace, name in names.items() if name == module))
        schemas = [schema for schema in contract.schemas if schema.target_namespace in namespaces]
        texts = [documentation(schema.element) for schema in schemas]
        modules.append(
            ModulePlan(
                name=module,
                namespaces=namespaces,
                documentation="\n\n".join(dict.fromkeys(text for text in texts if text)),
                sources=tuple(sorted({schema.document.name for schema in schemas})),
                constraints=constraints(schemas),
            )
        )
    return tuple(modules)


def bases_first(classes: tuple[ClassPlan, ...]) -> tuple[ClassPlan, ...]:
    """Classes in module and file order, each after its base."""
    by_id = {item.id: item for item in classes}
    ordered: dict[str, ClassPlan] = {}

    def add(item: ClassPlan) -> None:
        if item.id in ordered:
            return
        if item.base is not None and item.base in by_id:
            add(by_id[item.base])
        ordered[item.id] = item

    for item in sorted(classes, key=lambda c: (c.module, c.place.file, c.place.line, len(c.path), c.name)):
        add(item)
    in_modules = sorted(ordered.values(), key=lambda c: c.module)
    return tuple(in_modules)
