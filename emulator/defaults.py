"""The values of a new row that nobody gave, and those that Dataverse works out by itself."""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

from emulator.days import NO_DAY
from emulator.metadata import Column, Service, Table, Type
from emulator.values import Row, Stored, scaled

EMPTY: dict[Type, Stored] = {
    Type.STRING: "", Type.MEMO: "", Type.DATETIME: NO_DAY, Type.DATE: "1900-01-01",
    Type.GUID: "0" * 32, Type.BINARY: "",
}  # fmt: skip


def defaults(table: Table) -> Row:
    """A new row before anything is said of it; an F&O column is never null."""
    return dict(usual(table))


@lru_cache(maxsize=2048)
def usual(table: Table) -> Mapping[str, Stored]:
    """The defaults of a table, not to be changed."""
    if table.service is Service.FINOPS:
        return {name: _empty(column) for name, column in table.columns.items()}
    return {c.name: c.default for c in table.columns.values() if c.default is not None}


def complete(table: Table, row: Row, now: str) -> None:
    """Fill what Dataverse fills by itself on a new row."""
    if row.get("createdon") is None and table.has("createdon"):
        row["createdon"] = row.get("overriddencreatedon") or now
    if row.get("modifiedon") is None and table.has("modifiedon"):
        row["modifiedon"] = row["createdon"]
    if table.has("exchangerate"):
        set_base_amounts(table, row)
    if table.has("statuscode"):
        set_status(table, row)


def set_status(table: Table, row: Row) -> None:
    """A row without a status reason has the first one of its state."""
    status = table.columns["statuscode"]
    if row.get("statuscode") is None and status.options:
        fitting = (o.value for o in status.options.options if o.state == row.get("statecode"))
        row["statuscode"] = next(fitting, None)


def set_base_amounts(table: Table, row: Row) -> None:
    """Base amounts follow the amounts at the row's exchange rate, unless they came with it."""
    rate, places = row.get("exchangerate"), table.columns["exchangerate"].scale
    row["exchangerate"] = rate = rate if isinstance(rate, int) and rate else 10**places
    for column, money in _amounts(table):
        amount = row.get(money.name)
        if isinstance(amount, int) and row.get(column.name) is None:
            base = Decimal(amount).scaleb(-money.scale) / Decimal(rate).scaleb(-places)
            row[column.name] = scaled(base, column.scale)


@lru_cache(maxsize=2048)
def _amounts(table: Table) -> tuple[tuple[Column, Column], ...]:
    """The base amounts of a table, each with the amount that it follows."""
    columns = table.columns
    return tuple((each, columns[each.base_of]) for each in columns.values() if each.base_of)


def _empty(column: Column) -> Stored:
    if column.type is Type.ENUM:
        return _first_member(column)
    return column.default if column.default is not None else EMPTY.get(column.type, 0)


def _first_member(column: Column) -> str:
    """The value of an enum that nobody gave: the default, 0, or the lowest there is."""
    if not column.options or not column.options.options:
        return ""
    member = column.options.find(column.default or 0)
    return (member or min(column.options.options, key=lambda each: each.value)).label
