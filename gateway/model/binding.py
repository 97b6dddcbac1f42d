"""Declarations that name one another -> tables that know each other: links and their far ends.

Mistakes are found here, at start, before a customer's query could.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from inspect import iscoroutinefunction
from typing import Any, get_type_hints
from uuid import UUID

from gateway.model.declarations import DeclarationError, Group, Row, named
from gateway.model.kinds import OptionSet
from gateway.model.registry import Registry
from gateway.model.tables import Back, Column, Computed, Link, Node, Spec, Table

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
        if annotation is None and not isinstance(spec, Computed):
            yield f"{spec.label} needs a type: `{spec.name}: str | None = ...`"
            return
        spec.bind(annotation)
    except KeyError as error:
        yield f"{spec.label}: {_missing_part(spec, error)}"
    except NameError as error:
        yield f"{spec.label}: no type or table is called '{error.name}'"
    except TypeError as error:
        yield f"{spec.label}: {error}"
    else:
        yield from _checked(table, spec)


def _missing_part(spec: Spec, error: KeyError) -> str:
    if isinstance(spec, Computed):
        return "the method needs the type that it returns: `-> str | None`"
    made = spec.make.__name__ if isinstance(spec, Group) else "its type"
    return f"{made} has no part {error}"


def _checked(table: Table, spec: Spec) -> Iterator[str]:
    if issubclass(table.cls, TAKEN.get(spec.name, type(None))):
        yield f"{spec.label}: every row already has a '{spec.name}'; choose another name"
    if isinstance(spec, Link) and not _is_table(spec.type):
        shown = _shown(spec.type)
        yield f"{spec.label} is a link, but {shown} is not a table; annotate it with a table"
    # What other rows are read for can fail alone, and must not take its own row with it.
    reads = isinstance(spec, Computed) and iscoroutinefunction(spec.function)
    if (reads or isinstance(spec, Link)) and not spec.optional:
        yield f"{spec.label} must be declared as `... | None`"
    if isinstance(spec.type, type) and issubclass(spec.type, OptionSet):
        yield from _option_set(spec, spec.type)
    if isinstance(spec, Column) and spec.step and spec.written != "never" and not spec.target:
        yield f'{spec.label} is written: say which table it leads to, by `to="..."`'
    if isinstance(spec, Column) and spec.input:
        yield from _input(spec)


def _option_set(spec: Spec, type_: type[OptionSet]) -> Iterator[str]:
    if "UNKNOWN" not in type_.__members__:
        yield f"{spec.label}: {type_.__name__} needs a member `UNKNOWN = unknown()`"
    if not hasattr(type_, "__strawberry_definition__"):
        yield f"{spec.label}: {type_.__name__} needs the decorator `enum`"


def _input(spec: Column) -> Iterator[str]:
    """The reasons for which a column can be no field of an input."""
    if spec.written == "never":
        yield f'{spec.label} is an input: say `written="create"`, `"update"` or `"always"`'
    if spec.internal:
        yield f"{spec.label} is an input; its name cannot begin with an underscore"
    if "/" in spec.path:
        yield f"{spec.label} is an input, and '{spec.path}' is a column of another row"
    if spec.type is UUID:
        yield f"{spec.label} is an input, and cannot be of type UUID"


def _bind_table(registry: Registry, table: Table) -> Iterator[str]:
    """Add the far ends of a table's links to their targets; yield the mistakes in the table."""
    members = registry.members(table.specs)
    for spec in members.values():
        if isinstance(spec, Link) and spec.back:
            yield from _bind_back(spec, spec.back, table)
    listed = table.root or any(isinstance(each, Link) and each.back for each in members.values())
    if listed and not registry.members(table.sortable):
        yield f"{named(table.cls)} needs a column that lists of it can be sorted by"
    for name in (each.lstrip("-") for each in table.order):
        if name not in members:
            yield f"{named(table.cls)}: its order names '{name}'{_nearest(name, members)}"
        elif name not in table.sortable:
            yield f"{named(table.cls)}: lists cannot be sorted by '{name}'"


def _bind_back(link_: Link, name: str, child: Table) -> Iterator[str]:
    target = link_.target
    taken = target.backs.get(name)
    if taken is not None and taken.link is not link_ and taken.link.label != link_.label:
        yield f"{link_.label}: {target.name} already has a member '{name}', of {taken.link.label}"
    elif name in target.specs:
        yield f"{link_.label}: {target.name} already has a member '{name}'"
    else:
        target.backs[name] = Back(name, link_.back_doc, child, link_)


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
    near = get_close_matches(name, members, 1)
    return f"; did you mean '{near[0]}'?" if near else ", which is not a member"


def _is_table(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, Row) and hasattr(type_, "__table__")


def _shown(type_: Any) -> str:
    return type_.__name__ if isinstance(type_, type) else str(type_)
