"""Declarations that name one another -> tables that know each other: links and their far ends.

Mistakes are found here, at start, before a customer's query could.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, get_type_hints

from strawberry.utils.str_converters import to_camel_case

from gateway.model.checks import TAKEN, is_name, member_mistakes, nearest
from gateway.model.declarations import DeclarationError, Member, Spec, Table, named
from gateway.model.members.back import Back
from gateway.model.members.computed import unknown_loads
from gateway.model.members.link import Link, links_back
from gateway.model.registry import Registry

Hints = Callable[[type], dict[str, Any]]
"""The annotations of a class, with their types."""


def bind(registry: Registry) -> None:
    """
    Resolve the types of members, the targets of links and their far ends.

    DeclarationError with a line for each mistake.
    """
    names = {name: declared.cls for name, declared in registry.tables.items()}
    hints = cache(partial(get_type_hints, localns=dict(names)))
    mistakes = [
        mistake
        for declared in registry.tables.values()
        for spec in registry.members(declared.specs).values()
        for mistake in _bind_member(declared, spec, hints, names)
    ]
    if not mistakes:
        mistakes = [each for t in registry.tables.values() for each in _bind_table(registry, t)]
        mistakes += [each for t in registry.tables.values() for each in _alike(registry, t)]
        mistakes += _roots_taken(registry)
    if mistakes:
        raise DeclarationError("\n".join(mistakes))


def _bind_member(
    table: Table, spec: Spec, hints: Hints, names: Mapping[str, type]
) -> Iterator[str]:
    """Bind a member to its annotation; yield the mistakes in it."""
    try:
        annotation = hints(spec.owner).get(spec.name)
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
        yield from member_mistakes(table, spec)
        yield from unknown_loads(spec, names)


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
            yield f"{named(table.cls)}: its order names '{name}'{nearest(name, members)}"
        elif name not in table.sortable:
            yield f"{named(table.cls)}: lists cannot be sorted by '{name}'"


def _bind_back(link_: Link, child: Table) -> Iterator[str]:
    target, back = link_.target, _far_end(link_, child)
    taken = target.backs.get(back.name)
    if not is_name(back.name):
        yield f"{link_.label}: its far end '{back.name}' needs a name of letters from A to Z"
        return
    if issubclass(target.cls, TAKEN.get(back.name, type(None))):
        yield f"{link_.label}: every row already has a '{back.name}'; choose another name"
        return
    if taken is not None and taken.label != link_.label:
        yield f"{link_.label}: {target.name} already has a member '{back.name}', of {taken.label}"
    elif back.name in target.specs:
        yield f"{link_.label}: {target.name} already has a member '{back.name}'"
    elif taken is None:
        target.backs[back.name] = back


def _far_end(link_: Link, child: Table) -> Back:
    doc = link_.back_doc or f"The rows of {child.name} that belong here."
    return Back(link_.back or "", doc, child, link_)


def _alike(registry: Registry, table: Table) -> Iterator[str]:
    """Yield a mistake for each member whose name GraphQL cannot tell from another's."""
    seen: dict[str, Member] = {}
    for member in registry.holding([*table.visible.values(), *table.backs.values()]):
        name = to_camel_case(member.name)
        if name in seen:
            yield f"{member.label}: '{name}' is the field of {seen[name].label} in the schema"
        seen.setdefault(name, member)


def _roots_taken(registry: Registry) -> Iterator[str]:
    """Yield a mistake for each root field whose name is taken; the gateway's own come first."""
    seen: dict[str, Table] = {}
    for table in registry.tables.values():
        for name in table.root or ():
            if name in seen:
                taken = named(seen[name].cls)
                yield f"{named(table.cls)}: the root field '{name}' is taken by {taken}"
            seen.setdefault(name, table)
