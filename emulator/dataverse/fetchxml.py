"""Runs FetchXML: linked tables, conditions, order, aggregates, and pages with their cookie."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

from emulator.dataverse.conditions import condition, subject_of
from emulator.ddl import comparable, version_column
from emulator.errors import BadQuery, NotImplementedHere
from emulator.metadata import EXACTS, Column, Table, Type
from emulator.odata.functions import Context, by_logical_name
from emulator.odata.sql import Compiler, Scope
from emulator.store import Store
from emulator.values import exact, shown

Json = dict[str, Any]
MAX_PAGE = 5_000
AGGREGATES = {"count": "count(*)", "countcolumn": "count({})", "sum": "sum({})",
              "avg": "avg({})", "min": "min({})", "max": "max({})"}  # fmt: skip
AGGREGATE_LIMIT = 50_000
JOINS = {"inner": "JOIN", "outer": "LEFT JOIN"}
UNKNOWN = ("valueof", "dategrouping", "rowaggregate", "datasource", "late-materialize")


@dataclass(frozen=True, slots=True)
class Output:
    """One selected value: SQL, the name it gets in JSON, and what to make of it."""

    sql: str
    name: str
    column: Column | None
    grouped: bool = False


@dataclass
class Fetch:
    """One FetchXML document against the store."""

    store: Store
    table: Table
    root: ElementTree.Element
    me: dict[str, Any]
    outputs: list[Output] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    scopes: dict[str, Scope] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.compiler = Compiler(self.store.shown, self.table, self.store.clock(), self.me)
        self.aggregate = self.root.get("aggregate") == "true"
        self.plural = 0
        entity = self.root.find("entity")
        if entity is None or entity.get("name") != self.table.name:
            raise BadQuery("The entity of the FetchXML must be the one that the URL names.")
        self._entity(entity, self.compiler.root, "")

    def page(self) -> tuple[list[Json], str | None]:
        """The rows of a page and, if more follow, the cookie of the next."""
        size, number = self._size(), int(self.root.get("page", "1"))
        skip = (number - 1) * size if self.root.get("top") is None else 0
        found = self.store.run(self._sql(size + 1, skip), self.compiler.values)
        rows = [self._row(values) for values in found[:size]]
        more = len(found) > size and self.root.get("top") is None
        return rows, self._cookie(number + 1) if more else None

    def total(self) -> int:
        sql = f"SELECT count(*) FROM ({self._sql(MAX_PAGE + 1, 0)})"  # noqa: S608
        return int(self.store.run(sql, self.compiler.values)[0][0])

    def _size(self) -> int:
        text = self.root.get("top") or self.root.get("count") or str(MAX_PAGE)
        if not text.isdigit() or not 0 < int(text) <= MAX_PAGE:
            raise BadQuery("The count of a FetchXML page must be between 1 and 5000.")
        return int(text)

    def _sql(self, limit: int, skip: int) -> str:
        source = self.compiler.root.source
        where = f" WHERE {' AND '.join(self.where)}" if self.where else ""
        self._check_aggregate(source, where)
        key = f'{self.compiler.root.alias}."{self.table.id}"'
        alias = self.compiler.root.alias
        version = "0" if self.aggregate else f'{alias}."{version_column(self.table)}"'
        names = ", ".join([version, *(output.sql for output in self.outputs)])
        distinct = "DISTINCT " if self.root.get("distinct") == "true" else ""
        group = [output.sql for output in self.outputs if output.grouped]
        grouping = f" GROUP BY {', '.join(group)}" if group else ""
        orders = self.orders if self.aggregate or distinct else [*self.orders, key]
        order = f" ORDER BY {', '.join(orders)}" if orders else ""
        return (
            f"SELECT {distinct}{names} FROM {source}{where}{grouping}{order}"  # noqa: S608
            f" LIMIT {limit} OFFSET {skip}"
        )

    def _check_aggregate(self, source: str, where: str) -> None:
        if not self.aggregate:
            return
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {source}{where} LIMIT {AGGREGATE_LIMIT + 1})"  # noqa: S608
        if self.store.run(sql, self.compiler.values)[0][0] > AGGREGATE_LIMIT:
            raise too_many()

    def _entity(self, element: ElementTree.Element, scope: Scope, alias: str) -> None:
        self.scopes[alias or self.table.name] = scope
        for child in element:
            match child.tag:
                case "attribute":
                    self.outputs.append(self._attribute(child, scope, alias))
                case "all-attributes":
                    self.outputs += self._all(scope, alias)
                case "link-entity":
                    self._link(child, scope)
                case "filter" | "order" | "no-attrs":
                    pass
                case _:
                    raise BadQuery(f"Invalid Child Node '{child.tag}' in the FetchXML.")
        self.where += [self._filter(each, scope) for each in element.findall("filter")]
        self.orders += [self._order(each, scope) for each in element.findall("order")]
        if not alias and not element.findall("attribute") and not self.aggregate:
            self.outputs += [] if self.outputs else self._all(scope, alias)
        if not alias and not self.aggregate:
            self._with_key(scope)

    def _with_key(self, scope: Scope) -> None:
        if all(output.name != self.table.id for output in self.outputs):
            column = self.table.columns[self.table.id]
            self.outputs.append(Output(f'{scope.alias}."{column.name}"', column.name, column))

    def _all(self, scope: Scope, alias: str) -> Iterator[Output]:
        for column in scope.table.columns.values():
            sql = f'{scope.alias}."{column.name}"'
            yield Output(sql, _output_name(alias, column), column)

    def _attribute(self, element: ElementTree.Element, scope: Scope, alias: str) -> Output:
        column = by_logical_name(scope.table, element.get("name", ""))
        sql = f'{scope.alias}."{column.name}"'
        name = element.get("alias") or _output_name(alias, column)
        kind = element.get("aggregate")
        if kind is None or not self.aggregate:
            return Output(sql, name, column, element.get("groupby") == "true")
        if kind not in AGGREGATES:
            raise BadQuery(f"The aggregate '{kind}' is not supported.")
        if element.get("distinct") == "true":
            return Output(f"count(DISTINCT {comparable(column, sql)})", name, None)
        if kind == "avg" and column.type in EXACTS:
            return Output(f"avg({sql}) / 1e{column.scale}", name, None)
        return Output(AGGREGATES[kind].format(sql), name, None if "count" in kind else column)

    def _link(self, element: ElementTree.Element, scope: Scope) -> None:
        table = self.store.shown.by_name.get(element.get("name", ""))
        if table is None:
            raise BadQuery(f"The entity '{element.get('name')}' was not found.", code="0x80041102")
        other = self.compiler.scope(table)
        near = by_logical_name(scope.table, element.get("to", ""))
        far = by_logical_name(table, element.get("from", ""))
        kind = JOINS.get(element.get("link-type", "inner"))
        if kind is None:
            raise NotImplementedHere(f"The link-type '{element.get('link-type')}' is not emulated.")
        self.compiler.root.clauses.append(
            f'{kind} "{table.sql}" {other.alias}'
            f' ON {other.alias}."{far.name}" = {scope.alias}."{near.name}"'
        )
        self.plural += 1
        self._entity(element, other, element.get("alias") or f"{table.name}{self.plural}")

    def _filter(self, element: ElementTree.Element, scope: Scope) -> str:
        parts = [self._condition(each, scope) for each in element.findall("condition")]
        parts += [self._filter(each, scope) for each in element.findall("filter")]
        word = f" {element.get('type', 'and').upper()} "
        return f"({word.join(parts)})" if parts else "1"

    def _condition(self, element: ElementTree.Element, scope: Scope) -> str:
        scope = self.scopes.get(element.get("entityname", ""), scope)
        context = Context(
            scope.table, scope.alias, self.compiler.bind, self.compiler.now, self.compiler.me
        )
        values = [each.text or "" for each in element.findall("value")]
        values += [element.attrib["value"]] if "value" in element.attrib else []
        subject = subject_of(scope.table, element.get("attribute", ""), values, context)
        return condition(element.get("operator", ""), subject)

    def _order(self, element: ElementTree.Element, scope: Scope) -> str:
        direction = " DESC" if element.get("descending") == "true" else ""
        if alias := element.get("alias"):
            output = next((each for each in self.outputs if each.name == alias), None)
            if output is None:
                raise BadQuery(f"No attribute has the alias '{alias}'.")
            return output.sql + direction
        column = by_logical_name(scope.table, element.get("attribute", ""))
        return comparable(column, f'{scope.alias}."{column.name}"') + direction

    def _row(self, values: tuple[Any, ...]) -> Json:
        row: Json = {} if self.aggregate else {"@odata.etag": f'W/"{values[0]}"'}
        for output, value in zip(self.outputs, values[1:], strict=True):
            if value is None and output.name not in self.table.columns:
                continue
            row[output.name] = _shown(output.column, value)
        return row

    def _cookie(self, number: int) -> str:
        """As the real one: the page's number, and a cookie that is quoted twice."""
        inner = f'<cookie page="{number - 1}"></cookie>'
        return (
            f'<cookie pagenumber="{number}" pagingcookie={quoteattr(quote(quote(inner)))}'
            ' istracking="False" />'
        )


def parse(text: str) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(unquote(text) if text.startswith("%3C") else text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise BadQuery("Invalid XML.", code="0x80040201") from error
    if root.tag != "fetch":
        raise BadQuery("The FetchXML must begin with fetch.", code="0x80040201")
    for element in root.iter():
        for name in UNKNOWN:
            if name in element.attrib:
                raise NotImplementedHere(f"The FetchXML attribute '{name}' is not emulated.")
    return root


def too_many() -> BadQuery:
    return BadQuery(
        "The maximum record limit is exceeded. Reduce the number of records.", code="0x8004e023"
    )


def _output_name(alias: str, column: Column) -> str:
    """JSON cannot have the dot of `alias.column` in a property name."""
    return f"{alias}_x002e_{column.logical}" if alias else column.name


def _shown(column: Column | None, value: Any) -> Any:
    if column is None or value is None:
        return value
    if column.type in EXACTS and isinstance(value, int):
        return exact(value, column.scale)
    if column.type is Type.MONEY:
        return value
    show = shown(column)
    return show(value) if show else value
