"""
Checks of declarations: a table or a member goes in, sentences about its mistakes come out.

Each kind of member has checks of its own in `mistakes`; here are those that all kinds share.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from types import FunctionType
from typing import get_args
from uuid import UUID

from gateway.model.declarations import Node, Row, ServiceName, Spec, Table, Written, named
from gateway.model.kinds import OptionSet
from gateway.model.rules import Rule, with_parent
from variables.spelling import suggestion

TAKEN = {"id": Node, "raw": Row}
"""Names that every row, or every node, has already."""
_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9_]*")
_PATH = re.compile(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)


def table_mistakes(table: Table) -> Iterator[str]:
    """Yield the mistakes in the arguments of a table's decorator."""
    said = named(table.cls)
    if table.service not in get_args(ServiceName):
        yield f"{said}: {_not_one_of('service', table.service, get_args(ServiceName))}"
        return
    if not isinstance(table.rule, Rule):
        yield f"{said}: `rows` takes a row rule, as `owned(...)` makes one"
    if not table.needs:
        yield f'{said}: `needs` takes the name of a permission, such as "account"'
    yield from (f"{said}: {each}" for each in _key_mistakes(table))
    kept: object = table.kept
    if not isinstance(kept, int | float) or kept < 0:
        yield f"{said}: `kept` takes a number of seconds"
    if table.company and not _PATH.fullmatch(table.company):
        yield f"{said}: '{table.company}' is no name of a column"
    if table.root is not None and table.rule is with_parent:
        yield f"{said}: rows of the rule `with_parent` are reached through links; leave out `root`"
    elif table.root is not None:
        yield from (f"{said}: {each}" for each in _root_mistakes(table.root))


def member_mistakes(table: Table, spec: Spec) -> Iterator[str]:
    """Yield the mistakes in a member whose type is known."""
    label = spec.label
    if issubclass(table.cls, TAKEN.get(spec.name, type(None))):
        yield f"{label}: every row already has a '{spec.name}'; choose another name"
    if not is_name(spec.name):
        yield f"{label}: a name has letters from A to Z, digits and underscores"
    if not spec.doc:
        yield f"{label} needs a description"
    yield from _writing_mistakes(table, spec)
    for path in spec.paths:
        if not _PATH.fullmatch(path):
            yield f"{label}: '{path}' is no name of a column"
    yield from spec.mistakes()
    if isinstance(spec.type, type) and issubclass(spec.type, OptionSet):
        yield from (f"{label}: {each}" for each in _option_mistakes(table, spec.type))


def class_mistakes(cls: type) -> Iterator[str]:
    """Yield the attributes of a class of declarations that look like members and are none."""
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        if not isinstance(vars(cls).get(name), Spec) and "ClassVar" not in str(annotation):
            yield f"{named(cls, name)} is no member: declare it with `column`, `link`, `group`, ..."


def extension_mistakes(cls: type, target: type[Row]) -> Iterator[str]:
    """Yield the mistakes in a class whose members are added to the table `target`."""
    mistakes = [*class_mistakes(cls)]
    for name, value in vars(cls).items():
        if isinstance(value, FunctionType):
            said = "rows get no other methods of this class"
            mistakes.append(f"{named(cls, name)} needs the decorator `computed`; {said}")
    if not mistakes and not any(isinstance(each, Spec) for each in vars(cls).values()):
        mistakes.append(f"{named(cls)} adds no members to {target.__name__}")
    yield from mistakes


def is_name(name: str) -> bool:
    """True if the schema can have a field of this name."""
    return _NAME.fullmatch(name) is not None


def nearest(name: str, known: Collection[str]) -> str:
    """The end of a sentence about a name that is not `known`."""
    return suggestion(name, known) or ", which is not a member"


def _not_one_of(keyword: str, value: object, words: Iterable[str]) -> str:
    known = ", ".join(f'"{word}"' for word in words if word)
    return f"`{keyword}` cannot be {value!r}; it can be {known}"


def _key_mistakes(table: Table) -> Iterator[str]:
    if not all(table.key):
        yield "`key` takes the name of a column"
    if table.dialect.has_lookups and len(table.key) != 1:
        yield f"a table of {table.dialect.label} has one key column"
    if not table.dialect.has_lookups and [*table.key.values()] == [UUID]:
        yield '`key` takes the key columns with their types: `{"dataAreaId": str, "Number": str}`'


def _root_mistakes(root: object) -> Iterator[str]:
    if not isinstance(root, tuple) or len(root) != len(("one", "list")):
        yield '`root` takes two names, of one row and of the list: `("machine", "machines")`'
        return
    for name in root:
        if not isinstance(name, str) or not is_name(name):
            yield f"the root field {name!r} needs a name of letters from A to Z"


def _writing_mistakes(table: Table, spec: Spec) -> Iterator[str]:
    if spec.writing not in get_args(Written):
        yield f"{spec.label}: {_not_one_of('written', spec.writing, get_args(Written))}"
    elif spec.writing != "never" and not table.dialect.has_lookups:
        yield f"{spec.label} is written, but mutations write no rows of {table.dialect.label}"


def _option_mistakes(table: Table, type_: type[OptionSet]) -> Iterator[str]:
    name = type_.__name__
    if "UNKNOWN" not in type_.__members__:
        yield f"{name} needs a member `UNKNOWN = unknown()`"
    if not hasattr(type_, "__strawberry_definition__"):
        yield f"{name} needs the decorator `enum`"
        return
    known: dict[object, str] = {}
    wanted, said = (int, "number") if table.dialect.has_lookups else (str, "name")
    for own, member in type_.__members__.items():
        if known.setdefault(member.value, own) != own:
            yield f"{name}.{own} has the {said} of {name}.{known[member.value]}"
        elif own != "UNKNOWN" and not isinstance(member.value, wanted):
            yield f"{name}.{own} needs the {said} of an option of {table.dialect.label}"
