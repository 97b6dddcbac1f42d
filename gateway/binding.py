"""Declarations that name one another -> tables that know each other: links and their far ends."""

from inspect import iscoroutinefunction
from typing import get_type_hints

from gateway.tables import TABLES, Back, Computed, Link, Spec, Table


def bind() -> None:
    """Resolve what the declarations name: types of members, targets of links, their far ends."""
    names = {name: declared.cls for name, declared in TABLES.items()}
    for declared in TABLES.values():
        for spec in declared.specs.values():
            spec.bind(get_type_hints(spec.owner, localns=names).get(spec.name))
            _check(declared, spec)
    for declared in TABLES.values():
        for spec in declared.specs.values():
            if isinstance(spec, Link) and spec.back:
                _bind_back(spec, spec.back, declared)


def _check(declared: Table, spec: Spec) -> None:
    """What other rows are read for can fail alone, and must not take its own row with it."""
    reads = isinstance(spec, Computed) and iscoroutinefunction(spec.function)
    if (reads or isinstance(spec, Link)) and not spec.optional:
        raise TypeError(f"{declared.name}.{spec.name} must be declared as `... | None`")


def _bind_back(link_: Link, name: str, child: Table) -> None:
    taken = link_.target.backs.get(name)
    if name in link_.target.specs or (taken is not None and taken.link is not link_):
        raise TypeError(f"{link_.target.name} has a member '{name}' already")
    link_.target.backs[name] = Back(name, link_.back_doc, child, link_)
