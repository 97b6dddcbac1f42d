"""Reads rows for a query and shows them as JSON: one statement for a table, one an expansion."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from emulator.ddl import comparable, version_column
from emulator.metadata import Column, Table
from emulator.odata.options import Expand, Query, Selection
from emulator.odata.sql import Compiler, Scope
from emulator.odata.syntax import Order, Path
from emulator.store import Store
from emulator.values import Stored, fold, shown

Json = dict[str, Any]
Values = tuple[Any, ...]
CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as JSON with, for paging, the order values of the last one and whether more follow."""

    rows: list[Json]
    last: Values = ()
    more: bool = False


@dataclass
class Restriction:
    """A condition of ours beside the caller's filter: SQL from a compiler, given its scope."""

    conditions: list[Callable[[Compiler, Scope], str]] = field(default_factory=list)


class Shape:
    """The steps from the values of one SQL row to the JSON of a selection."""

    def __init__(self, selection: Selection, etag: Callable[[Any], str] | None) -> None:
        self.selection = selection
        self.etag = etag
        self.columns = selection.columns
        needed = {near for expand in selection.expands for near, _ in expand.navigation.on}
        own = {column.name for column in self.columns}
        self.hidden = [selection.table.columns[name] for name in sorted(needed - own)]
        self.plan = [
            (column.name, _kept_back if "CanRead" in column.denied else shown(column))
            for column in self.columns
        ]
        self.at = {column.name: 1 + i for i, column in enumerate((*self.columns, *self.hidden))}

    def sql(self, alias: str) -> str:
        names = [version_column(self.selection.table), *self.at]
        return ", ".join(f'{alias}."{name}"' for name in names)

    def show(self, values: Sequence[Any]) -> Json:
        row: Json = {"@odata.etag": self.etag(values[0])} if self.etag else {}
        for (name, show), value in zip(self.plan, values[1:], strict=False):
            row[name] = value if show is None or value is None else show(value)
        return row

    def key(self, values: Sequence[Any], names: Iterable[str]) -> Values:
        """The values that an expansion joins on."""
        return tuple(values[self.at[name]] for name in names)


def _kept_back(_: Any) -> None:
    """A secured column that the caller may not read is empty."""


class Reader:
    """Reads for one request: `etag` words a row version as the service does."""

    def __init__(
        self,
        store: Store,
        etag: Callable[[Any], str],
        me: dict[str, Stored] | None = None,
        *,
        nested_etags: bool = True,
    ) -> None:
        self.store = store
        self.etag = etag
        self.me = me or {}
        self.nested_etags = nested_etags
        self.may_read: Callable[[Table], None] = lambda _: None
        """Refuses a table that the caller may not read."""
        self.show_expanded: Callable[[Expand, Json, list[Json]], None] = attach

    def compiler(self, table: Table) -> Compiler:
        self.may_read(table)
        return Compiler(self.store.shown, table, self.store.clock(), self.me)

    def page(self, query: Query, limit: int, *, after: Values = (),
             only: Restriction | None = None) -> Page:  # fmt: skip
        table = query.selection.table
        compiler, shape = self.compiler(table), Shape(query.selection, self.etag)
        conditions = self._conditions(compiler, query, only)
        orders = ordered(query.orders, table)
        keys = [compiler.order(order.path) for order in orders]
        if after:
            conditions.append(_after(compiler, keys, orders, after))
        sql = (
            f"SELECT {', '.join(keys)}, {shape.sql(compiler.root.alias)}"  # noqa: S608
            f" FROM {compiler.root.source}{_where(conditions)}"
            f" ORDER BY {', '.join(map(_direction, keys, orders))}"
            f" LIMIT {limit + 1} OFFSET {query.skip}"
        )
        found = self.store.run(sql, compiler.values)
        more, found = len(found) > limit, found[:limit]
        width = len(keys)
        rows = self.show(shape, [values[width:] for values in found])
        return Page(rows, found[-1][:width] if found else (), more)

    def count(self, query: Query, limit: int | None, only: Restriction | None = None) -> int:
        """Count the rows that match, no further than the service counts."""
        compiler = self.compiler(query.selection.table)
        where = _where(self._conditions(compiler, query, only))
        cap = f" LIMIT {limit}" if limit else ""
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {compiler.root.source}{where}{cap})"  # noqa: S608
        return int(self.store.run(sql, compiler.values)[0][0])

    def one(self, selection: Selection, where: str, values: Iterable[Stored]) -> Json | None:
        """A single row found by SQL of ours over the bare columns."""
        self.may_read(selection.table)
        shape = Shape(selection, self.etag)
        sql = f'SELECT {shape.sql("t")} FROM "{selection.table.sql}" t WHERE {where}'  # noqa: S608
        rows = self.show(shape, self.store.run(sql, values)[:1])
        return rows[0] if rows else None

    def show(self, shape: Shape, found: list[Values]) -> list[Json]:
        rows = [shape.show(values) for values in found]
        for expand in shape.selection.expands:
            self._expand(expand, shape, found, rows)
        return rows

    def _conditions(self, compiler: Compiler, query: Query, only: Restriction | None) -> list[str]:
        conditions = [compiler.filter(query.filter)] if query.filter else []
        for condition in only.conditions if only else ():
            conditions.append(condition(compiler, compiler.root))
        return conditions

    def _expand(self, expand: Expand, shape: Shape, found: list[Values], rows: list[Json]) -> None:
        """Fetch the related rows of all rows at once and hand each its own."""
        near = [name for name, _ in expand.navigation.on]
        keys = [self._comparable(shape, shape.key(values, near), near) for values in found]
        wanted = {key for key in keys if None not in key}
        related = self._related(expand, wanted)
        for key, row in zip(keys, rows, strict=True):
            self.show_expanded(expand, row, related.get(key, []))

    def _comparable(self, shape: Shape, key: Values, near: list[str]) -> Values:
        columns = [shape.selection.table.columns[name] for name in near]
        return tuple(_folded(column, value) for column, value in zip(columns, key, strict=True))

    def _related(self, expand: Expand, keys: set[Values]) -> dict[Values, list[Json]]:
        related: dict[Values, list[Json]] = defaultdict(list)
        for chunk in _chunks(sorted(keys), CHUNK // max(1, len(expand.navigation.on))):
            self._fetch(expand, chunk, related)
        if expand.top is not None:
            return {key: rows[: expand.top] for key, rows in related.items()}
        return related

    def _fetch(self, expand: Expand, keys: list[Values], related: dict[Values, list[Json]]) -> None:
        compiler = self.compiler(expand.selection.table)
        etag = self.etag if expand.navigation.many or self.nested_etags else None
        shape = Shape(expand.selection, etag)
        conditions = [compiler.filter(expand.filter)] if expand.filter else []
        orders = ordered(expand.orders, expand.selection.table)
        order = [_direction(compiler.order(o.path), o) for o in orders]
        join, far = _join(self.store, expand, compiler.root)
        marks = ", ".join(f"({compiler.bind_all(key)})" for key in keys)
        conditions.append(f"({', '.join(far)}) IN (VALUES {marks})")
        sql = (
            f"SELECT {', '.join(far)}, {shape.sql(compiler.root.alias)}"  # noqa: S608
            f" FROM {compiler.root.source}{join}{_where(conditions)} ORDER BY {', '.join(order)}"
        )
        found = self.store.run(sql, compiler.values)
        width = len(far)
        shown_rows = self.show(shape, [values[width:] for values in found])
        for values, row in zip(found, shown_rows, strict=True):
            related[values[:width]].append(row)


def attach(expand: Expand, row: Json, related: list[Json]) -> None:
    """Put related rows under the navigation property's name, as a list or as the one row."""
    name = expand.navigation.name
    row[name] = related if expand.navigation.many else (related[0] if related else None)


def ordered(orders: Iterable[Order], table: Table) -> list[Order]:
    """The asked order made total by the key, so that no page loses or repeats a row."""
    given = list(orders)
    named = {order.path.segments for order in given}
    return given + [Order(Path((name,)), False) for name in table.key if (name,) not in named]


def _direction(key: str, order: Order) -> str:
    return f"{key} DESC" if order.descending else key


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _folded(column: Column, value: Any) -> Any:
    text = isinstance(value, str) and comparable(column, "x") != "x"
    return fold(value) if text else value


def _chunks(keys: list[Values], size: int) -> Iterator[list[Values]]:
    rest = iter(keys)
    while chunk := list(islice(rest, size)):
        yield chunk


def _join(store: Store, expand: Expand, scope: Scope) -> tuple[str, list[str]]:
    """The SQL that ties the related table to the keys of the near one."""
    navigation, table = expand.navigation, expand.selection.table
    if navigation.through is None:
        far = [comparable(table.columns[f], f'{scope.alias}."{f}"') for _, f in navigation.on]
        return "", far
    between = store.shown.tables[navigation.through.set]
    on = f'm."{navigation.through.far}" = {scope.alias}."{navigation.on[0][1]}"'
    return f' JOIN "{between.sql}" m ON {on}', [f'm."{navigation.through.near}"']


def _after(compiler: Compiler, keys: list[str], orders: list[Order], after: Values) -> str:
    """Rows behind the last one of the page before, nulls being first as SQL Server has them."""
    tests = []
    for i, (key, order, value) in enumerate(zip(keys, orders, after, strict=True)):
        same = [f"{k} IS {compiler.bind(v)}" for k, v in zip(keys[:i], after[:i], strict=True)]
        tests.append("(" + " AND ".join([*same, _beyond(compiler, key, order, value)]) + ")")
    return "(" + " OR ".join(tests) + ")"


def _beyond(compiler: Compiler, key: str, order: Order, value: Any) -> str:
    if value is None:
        return "0" if order.descending else f"{key} IS NOT NULL"
    bound = compiler.bind(value)
    return f"({key} < {bound} OR {key} IS NULL)" if order.descending else f"{key} > {bound}"
