"""Declarations that name one another -> tables that know each other: links and their far ends.

Mistakes are found here, at start, before a customer's query could.
"""

from collections.abc import Iterator, Mapping
from typing import get_type_hints

from gateway.model.declarations import DeclarationError, Node, Row, Spec, Table, named
from gateway.model.kinds import OptionSet
from gateway.model.members.back import Back
from gateway.model.members.link import Link, links_back
from gateway.model.registry import Registry
from variables.spelling import suggestion

TAKEN = {"id": Node, "raw": Row}
"""Names that every row, or every node, has already."""


def bind(registry: Registry) -> None:
    """
    Resolve the types of members, the targets of links and their far ends.

    DeclarationError with a line for each mistake.
    """
    names = {name: declared.cls for name, declared in registry.tables.items()}
    mistakes = [
        mistake
        for declared in registry.tables.values()
        for spec in registry.members(declared.specs).values()
        for mistake in _bind_member(declared, spec, names)
    ]
    if not mistakes:
        mistakes = [each for t in registry.tables.values() for each in _bind_table(registry, t)]
        mistakes += _roots_taken(registry)
    if mistakes:
        raise DeclarationError("\n".join(mistakes))


def _bind_member(table: Table, spec: Spec, names: Mapping[str, type]) -> Iterator[str]:
    """Bind a member to its annotation; yield the mistakes in it."""
    try:
        annotation = get_type_hints(spec.owner, localns=dict(names)).get(spec.name)
        if annotation is None and spec.untyped:
            yield spec.untyped
            return
        spec.bind(annotation)
        table.members_changed()
    except NameError as error:
        yield f"{spec.label}: no type or table is called '{error.name}'"
    except TypeError as error:
        yield f"{spec.label}: {error}"
    else:
        yield from _checked(table, spec)


def _checked(table: Table, spec: Spec) -> Iterator[str]:
    if issubclass(table.cls, TAKEN.get(spec.name, type(None))):
        yield f"{spec.label}: every row already has a '{spec.name}'; choose another name"
    yield from spec.mistakes()
    if isinstance(spec.type, type) and issubclass(spec.type, OptionSet):
        yield from _option_set(spec, spec.type)


def _option_set(spec: Spec, type_: type[OptionSet]) -> Iterator[str]:
    if "UNKNOWN" not in type_.__members__:
        yield f"{spec.label}: {type_.__name__} needs a member `UNKNOWN = unknown()`"
    if not hasattr(type_, "__strawberry_definition__"):
        yield f"{spec.label}: {type_.__name__} needs the decorator `enum`"


def _bind_table(registry: Registry, table: Table) -> Iterator[str]:
    """Add the far ends of a table's links to their targets; yield the mistakes in the table."""
    members = registry.members(table.specs)
    links = registry.holding(links_back(table))
    for link_ in links:
        yield from _bind_back(link_, table)
    if (table.root or links) and not registry.members(table.sortable):
        yield f"{named(table.cls)} needs a column that lists of it can be sorted by"
    for name in (each.lstrip("-") for each in table.order):
        if name not in members:
            yield f"{named(table.cls)}: its order names '{name}'{_nearest(name, members)}"
        elif name not in table.sortable:
            yield f"{named(table.cls)}: lists cannot be sorted by '{name}'"


def _bind_back(link_: Link, child: Table) -> Iterator[str]:
    target, back = link_.target, _far_end(link_, child)
    taken = target.backs.get(back.name)
    if taken is not None and taken.label != link_.label:
        yield f"{link_.label}: {target.name} already has a member '{back.name}', of {taken.label}"
    elif back.name in target.specs:
        yield f"{link_.label}: {target.name} already has a member '{back.name}'"
    elif taken is None:
        target.backs[back.name] = back


def _far_end(link_: Link, child: Table) -> Back:
    doc = link_.back_doc or f"The rows of {child.name} that belong here."
    return Back(link_.back or "", doc, child, link_)


def _roots_taken(registry: Registry) -> Iterator[str]:
    """Yield a mistake for each root field whose name is taken; the gateway's own come first."""
    seen: dict[str, Table] = {}
    for table in registry.tables.values():
        for name in table.root or ():
            if name in seen:
                taken = named(seen[name].cls)
                yield f"{named(table.cls)}: the root field '{name}' is taken by {taken}"
            seen.setdefault(name, table)


def _nearest(name: str, members: Mapping[str, Spec]) -> str:
    return suggestion(name, members) or ", which is not a member"
