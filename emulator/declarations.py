"""Puts a `Catalog` together: the dictionary, the emulator's own TOML beside it, then an adopter's.

A table lists its columns by kind, `"string 100" = "name city"`; docs/emulator.md has the format.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from dynamics import dictionary
from emulator import vocabulary
from emulator.metadata import (
    ENFORCED,
    RATE_PLACES,
    AlternateKey,
    Catalog,
    Column,
    ManyToMany,
    Option,
    OptionSet,
    Service,
    Table,
    Target,
    Type,
    property_name,
)
from emulator.supplements import SUPPLEMENT_WORDS, default, lists, navigations, supplemented
from variables.environment_values import text_of

Kind = tuple[str, str]
EVERY_TABLE = (
    ("datetime readonly", "createdon modifiedon"),
    ("datetime noupdate", "overriddencreatedon"),
    ("bigint readonly", "versionnumber"),
    ("int", "importsequencenumber timezoneruleversionnumber utcconversiontimezonecode"),
    ("lookup systemuser system readonly", "createdby modifiedby"),
    ("lookup systemuser system readonly", "createdonbehalfby modifiedonbehalfby"),
)
OWNERSHIP = {
    "user": (
        ("lookup systemuser:ownerid team:ownerid system", "ownerid"),
        ("lookup businessunit system readonly", "owningbusinessunit"),
        ("lookup systemuser system readonly", "owninguser"),
        ("lookup team system readonly", "owningteam"),
    ),
    "organization": (("lookup organization system readonly", "organizationid"),),
    "none": (),
}
TABLE_WORDS = {"set", "service", "key", "keys", "name", "owner", "states", "columns", "navigation",
               "read_only", "tracked", "indexes", "unique"}  # fmt: skip
NOT_TABLES = {"optionsets", "manytomany"}
FLAGS: dict[str, dict[str, Any]] = {
    "required": {"level": ENFORCED},
    "nocreate": {"creatable": False},
    "noupdate": {"updatable": False},
    "readonly": {"creatable": False, "updatable": False},
    "system": {"system": True},
}


BEHAVIOURS = {
    Type.DATE: ("DateOnly", "DateOnly"),
    Type.DATETIME: ("UserLocal", "DateAndTime"),
}


class DeclarationError(ValueError):
    """A declaration that cannot be understood; the message names file, table and words."""


@cache
def standard() -> Catalog:
    """
    The tables of an environment with Sales, Supply Chain Management and dual-write. All emulators
    of a process share them: nothing changes them, see `extended`.
    """
    catalog = Catalog()
    declared = dict(_standard_files())
    known = {name: words for each in declared.values() for name, words in each.items()}
    for name in (*dictionary.tables(), *dictionary.collections()):
        table = supplemented(name, known.get(name, {}))
        catalog.tables[table.home] = table
        if table.service is Service.DATAVERSE:
            catalog.by_name[name] = table
    for relation in vocabulary.relations():
        _put_between(catalog, relation)
    _add_all(catalog, declared)
    return catalog


def copied(catalog: Catalog) -> Catalog:
    """A catalog of the same tables that may be extended without changing the other."""
    tables = {
        home: replace(table, columns=dict(table.columns), navigations=dict(table.navigations))
        for home, table in catalog.tables.items()
    }
    by_name = {table.name: table for table in tables.values() if table.name in catalog.by_name}
    return Catalog(tables, dict(catalog.many_to_many), dict(catalog.option_sets), by_name)


def extended(catalog: Catalog, paths: Iterable[Path]) -> Catalog:
    """The catalog with what TOML files declare: new tables, and new columns of its tables."""
    declared = [(str(path), _read(path)) for path in paths]
    if not declared:
        return catalog
    found = copied(catalog)
    for file, words in declared:
        _add_all(found, {file: words})
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(path))
    except ValueError as error:
        raise DeclarationError(f"{path}: {error}") from error


def _standard_files() -> Iterator[tuple[str, dict[str, Any]]]:
    folder = files("emulator.tables")
    for name in sorted(each.name for each in folder.iterdir() if each.name.endswith(".toml")):
        yield name, tomllib.loads((folder / name).read_text("utf-8"))


def _add_all(catalog: Catalog, declared: dict[str, dict[str, Any]]) -> None:
    """Option sets first, then tables, then what joins tables: files may name each other's."""
    for add in (_add_option_sets, _add_tables, _add_relations):
        for file, words in declared.items():
            try:
                add(catalog, words)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise DeclarationError(f"{file}: {error}") from error
    _check(catalog)
    catalog.link()


def _check(catalog: Catalog) -> None:
    """Every name that a declaration uses must be declared too."""
    for table in catalog:
        known = dictionary.tables().get(table.name)
        for column in table.lookups():
            for target in () if known and column.logical in known.columns else column.targets:
                if target.table not in catalog.by_name:
                    raise DeclarationError(f"[{table.name}] {column.logical}: no {target.table}")
        keys = (key.columns for key in table.alternate_keys)
        used = (table.key, *keys, *table.indexes, *table.unique)
        for name in (name for names in used for name in names):
            if name not in table.columns:
                raise DeclarationError(f"[{table.name}] has a key or index on {name}, no column")


def _add_option_sets(catalog: Catalog, declared: dict[str, Any]) -> None:
    for name, members in declared.get("optionsets", {}).items():
        catalog.option_sets[name] = _option_set(name, members)


def _add_tables(catalog: Catalog, declared: dict[str, Any]) -> None:
    for name, words in declared.items():
        if name not in NOT_TABLES:
            _add_table(catalog, name, words)


def _add_relations(catalog: Catalog, declared: dict[str, Any]) -> None:
    for name, words in declared.get("manytomany", {}).items():
        _relate(catalog, name, words)


def _option_set(name: str, members: dict[str, str]) -> OptionSet:
    return OptionSet(name, tuple(_option(value, label) for value, label in members.items()), True)


def _option(value: str, label: str) -> Option:
    text, _, state = label.partition(" @")
    return Option(int(value), text, int(state) if state else None)


def _add_table(catalog: Catalog, name: str, words: dict[str, Any]) -> None:
    if (
        unknown := set(words)
        - TABLE_WORDS
        - (SUPPLEMENT_WORDS if _known_as(catalog, name) else set())
    ):
        raise DeclarationError(f"[{name}] does not know {', '.join(sorted(unknown))}")
    old = _known_as(catalog, name)
    if old is None and "set" not in words:
        raise DeclarationError(f"[{name}] is a new table and needs a set")
    table = _extended(catalog, old, words) if old else _table(catalog, name, words)
    catalog.tables[table.home] = table
    if table.service is Service.DATAVERSE:
        catalog.by_name[name] = table


def _known_as(catalog: Catalog, name: str) -> Table | None:
    """A table by its logical name, a collection of F&O by its own or its entity's."""
    if name in catalog.by_name:
        return catalog.by_name[name]
    finops = catalog.of(Service.FINOPS)
    return next((each for each in finops if name in (each.home, each.name)), None)


def _extended(catalog: Catalog, old: Table, words: dict[str, Any]) -> Table:
    columns = {
        column.name: column
        for kind, names in words.get("columns", {}).items()
        for column in _columns(catalog, old.name, kind, names)
    }
    known = old.columns | columns
    for name, members in words.get("options", {}).items():
        known[name] = _with_options(known[name], members)
    keys = (*old.alternate_keys, *_alternate_keys(words))
    return replace(old, columns=known, alternate_keys=keys)


def _with_options(column: Column, members: dict[str, str]) -> Column:
    """A choice with further options; those that it has already stay as they are."""
    if column.options is None:
        raise ValueError(f"{column.name} is no choice")
    had = {option.value for option in column.options.options}
    more = (_option(value, label) for value, label in members.items() if int(value) not in had)
    options = replace(column.options, options=(*column.options.options, *more))
    return replace(column, options=options)


def _table(catalog: Catalog, name: str, words: dict[str, Any]) -> Table:
    service = Service(words.get("service", "dataverse"))
    key = words.get("key", f"{name}id")
    declared = list(words.get("columns", {}).items())
    kinds = declared if service is Service.FINOPS else _dataverse(key, declared, words)
    columns = [each for kind, names in kinds for each in _columns(catalog, name, kind, names)]
    return Table(
        name=name,
        set=words["set"],
        service=service,
        key=tuple(key) if isinstance(key, list) else (key,),
        columns={column.name: column for column in columns} | _exchange_rate(columns),
        primary_name=words.get("name"),
        alternate_keys=tuple(_alternate_keys(words)),
        navigations=dict(navigations(words)),
        read_only=words.get("read_only", False),
        ownership=words.get("owner", "organization"),
        tracked=words.get("tracked", True),
        indexes=lists(words, "indexes"),
        unique=lists(words, "unique"),
        schema_name=vocabulary.schema_name(name),
        home=words["set"],
    )


def _dataverse(key: str, declared: list[Kind], words: dict[str, Any]) -> list[Kind]:
    """The columns that Dataverse puts on a table by itself, around the declared ones."""
    states = words.get("states", "simple")
    status = [] if states == "none" else [
        (f"choice {states}_statecode default=0 nocreate", "statecode"),
        (f"choice {states}_statuscode", "statuscode"),
    ]  # fmt: skip
    owner = OWNERSHIP[words.get("owner", "organization")]
    return [("guid noupdate", key), *declared, *status, *EVERY_TABLE, *owner]


def _exchange_rate(columns: list[Column]) -> dict[str, Column]:
    """A table with amounts of money also says at which rate its base amounts were computed."""
    if not any(column.base_of for column in columns):
        return {}
    rate = Column("exchangerate", Type.DECIMAL, "exchangerate", scale=RATE_PLACES, creatable=False,
                  updatable=False, schema_name="ExchangeRate")  # fmt: skip
    return {rate.name: rate}


def _alternate_keys(words: dict[str, Any]) -> Iterator[AlternateKey]:
    for name, columns in words.get("keys", {}).items():
        yield AlternateKey(name, tuple(columns.split()))


def _columns(catalog: Catalog, table: str, kind: str, names: str) -> Iterator[Column]:
    for name in names.split():
        column = _column(catalog, table, kind.split(), name)
        yield column
        if column.type is Type.MONEY and "nobase" not in kind:
            yield _base(column)


def _base(money: Column) -> Column:
    """The twin in the organization's own currency that Dataverse keeps of every amount."""
    return Column(
        name=f"{money.name}_base",
        type=Type.MONEY,
        logical=f"{money.name}_base",
        scale=4,
        creatable=False,
        updatable=False,
        base_of=money.name,
        schema_name=f"{vocabulary.schema_name(money.name)}_Base",
    )


def _column(catalog: Catalog, table: str, kind: list[str], name: str) -> Column:
    try:
        type_ = Type(kind[0])
    except ValueError as error:
        raise DeclarationError(f"[{table}] {name}: no column type {kind[0]!r}") from error
    words: dict[str, Any] = {}
    rest: list[str] = []
    for word in kind[1:]:
        if word in FLAGS:
            words |= FLAGS[word]
        elif word.startswith("default="):
            words["default"] = default(word.removeprefix("default="))
        elif word != "nobase":
            rest.append(word)
    words["schema_name"] = vocabulary.schema_name(name)
    if type_ in BEHAVIOURS:
        words["behaviour"], words["format"] = BEHAVIOURS[type_]
    return _specific(catalog, table, Column(property_name(name, type_), type_, name, **words), rest)


def _specific(catalog: Catalog, table: str, column: Column, words: list[str]) -> Column:
    """Apply the further words of a kind, which mean something else for each type."""
    match column.type:
        case Type.LOOKUP:
            return replace(column, targets=tuple(_targets(table, column.logical, words)))
        case Type.CHOICE | Type.CHOICES | Type.ENUM:
            return replace(column, options=_options(catalog, table, column.logical, words))
        case Type.STRING | Type.MEMO:
            return replace(column, length=int(words[0]) if words else 100)
        case Type.DECIMAL | Type.MONEY:
            return replace(column, scale=int(words[0]) if words else 2)
        case _ if words:
            raise DeclarationError(f"[{table}] {column.logical}: does not know {' '.join(words)}")
        case _:
            return column


def _targets(table: str, logical: str, words: list[str]) -> Iterator[Target]:
    if not words:
        raise DeclarationError(f"[{table}] {logical}: a lookup names the table it points at")
    for word in words:
        target, _, names = word.partition(":")
        navigation, _, back = names.partition(":")
        single = logical if len(words) == 1 else f"{logical}_{target}"
        schema, known = vocabulary.relationship(table, logical, target)
        back = back or known or f"{target}_{table}_{logical}"
        yield Target(target, navigation or single, back, schema or back)


def _options(catalog: Catalog, table: str, logical: str, words: list[str]) -> OptionSet | None:
    name = words[0] if words else f"{table}_{logical}"
    if name in dictionary.enums():
        return vocabulary.enum(name)
    if words and name not in catalog.option_sets:
        raise DeclarationError(f"[{table}] {logical}: no option set {name!r} is declared")
    return catalog.option_sets.get(name)


def _relate(catalog: Catalog, name: str, words: dict[str, Any]) -> None:
    """Declare an N:N relationship together with the table in between."""
    first, second = words["tables"]
    columns = (catalog.by_name[first].id, catalog.by_name[second].id)
    between = words.get("intersect", name)
    _put_between(catalog, ManyToMany(name, words["set"], (first, second), columns, between))


def _put_between(catalog: Catalog, relation: ManyToMany) -> None:
    """Add the table between the two of an N:N relationship, which can be read only."""
    name = relation.intersect
    columns = [Column(each, Type.GUID, each) for each in (f"{name}id", *relation.columns)]
    columns.append(Column("versionnumber", Type.BIGINT, "versionnumber"))
    catalog.many_to_many[relation.name] = relation
    catalog.tables[relation.set] = Table(
        name=name,
        set=relation.set,
        service=Service.DATAVERSE,
        key=(f"{name}id",),
        columns={column.name: column for column in columns},
        unique=(relation.columns,),
        read_only=True,
        schema_name=vocabulary.schema_name(name),
        home=relation.set,
    )
