"""Answers `$apply`: groups and sums over at most 50,000 rows, as the service limits it."""

from typing import Any

from emulator.dataverse.fetchxml import AGGREGATE_LIMIT, too_many
from emulator.ddl import comparable
from emulator.errors import BadQuery
from emulator.metadata import EXACTS, NUMBERS, Column, Table, Type
from emulator.odata.apply import Aggregation, Measure
from emulator.odata.sql import Compiler
from emulator.odata.syntax import Path
from emulator.reading import Restriction
from emulator.store import Store
from emulator.values import exact, shown

Json = dict[str, Any]
SQL = {"sum": "sum({})", "average": "avg({})", "min": "min({})", "max": "max({})"}


class Aggregator:
    """Compiles one aggregation into one statement."""

    def __init__(self, store: Store, table: Table, aggregation: Aggregation) -> None:
        self.store = store
        self.aggregation = aggregation
        self.compiler = Compiler(store.shown, table, store.clock())
        self.shows: list[tuple[str, Column | None]] = []

    def rows(self, only: Restriction) -> list[Json]:
        compiler = self.compiler
        keys = [self._key(path) for path in self.aggregation.keys]
        measures = [self._measure(each) for each in self.aggregation.measures]
        conditions = [compiler.filter(node) for node in self.aggregation.filters]
        conditions += [condition(compiler, compiler.root) for condition in only.conditions]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        self._check_size(where)
        group = f" GROUP BY {', '.join(keys)} ORDER BY {', '.join(keys)}" if keys else ""
        sql = f"SELECT {', '.join(keys + measures)} FROM {compiler.root.source}{where}{group}"  # noqa: S608
        return [self._shown(values) for values in self.store.run(sql, compiler.values)]

    def _check_size(self, where: str) -> None:
        source = self.compiler.root.source
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {source}{where} LIMIT {AGGREGATE_LIMIT + 1})"  # noqa: S608
        if self.store.run(sql, self.compiler.values)[0][0] > AGGREGATE_LIMIT:
            raise too_many()

    def _key(self, path: tuple[str, ...]) -> str:
        """A key behind a navigation property is named after the table it belongs to."""
        column, sql = self.compiler.column(Path(path), self.compiler.root)
        if column.type is Type.DATETIME:
            raise BadQuery(f"Grouping by the date and time '{path[-1]}' is not supported.")
        prefix = self._table_name(path)
        self.shows.append((f"{prefix}_{column.name}" if prefix else column.name, column))
        return sql

    def _table_name(self, path: tuple[str, ...]) -> str:
        scope = self.compiler.root
        for name in path[:-1]:
            scope = self.compiler.step(name, scope)
        return scope.table.name if len(path) > 1 else ""

    def _measure(self, measure: Measure) -> str:
        if measure.method == "count":
            self.shows.append((measure.alias, None))
            return "count(*)"
        column, sql = self.compiler.column(Path(measure.path), self.compiler.root)
        if measure.method == "countdistinct":
            self.shows.append((measure.alias, None))
            return f"count(DISTINCT {comparable(column, sql)})"
        if measure.method in ("sum", "average") and column.type not in NUMBERS:
            raise BadQuery(f"'{measure.path[-1]}' is no number and has no {measure.method}.")
        average = measure.method == "average"
        self.shows.append((measure.alias, None if average else column))
        scale = f" / 1e{column.scale}" if average and column.type in EXACTS else ""
        return SQL[measure.method].format(sql) + scale

    def _shown(self, values: tuple[Any, ...]) -> Json:
        return {
            name: _json(column, value)
            for (name, column), value in zip(self.shows, values, strict=True)
        }


def _json(column: Column | None, value: Any) -> Any:
    if column is None or value is None:
        return value
    if column.type in EXACTS:
        return exact(value, column.scale)
    show = shown(column)
    return show(value) if show else value
