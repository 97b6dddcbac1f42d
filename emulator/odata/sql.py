"""Compiles the syntax of a query into SQL over the store's tables, with every value bound.

`not` is pushed inwards, so that a null compares as Dataverse compares it: unequal to every value.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from emulator.ddl import comparable
from emulator.errors import BadQuery, no_property
from emulator.metadata import (
    EXACTS,
    GUIDS,
    TEXTS,
    Catalog,
    Column,
    Navigation,
    Service,
    Table,
    Target,
    Type,
)
from emulator.odata.functions import Context, query_function
from emulator.odata.literals import compared, incompatible
from emulator.odata.patterns import pattern, starred
from emulator.odata.syntax import (
    And,
    Arithmetic,
    Call,
    Compare,
    Kind,
    Lambda,
    Literal,
    Node,
    Not,
    Or,
    Path,
)
from emulator.values import EDM, Stored, fold

NEGATED = {"eq": "ne", "ne": "eq", "gt": "le", "le": "gt", "lt": "ge", "ge": "lt"}
MIRRORED = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
SQL_OPERATORS = {"eq": "=", "ne": "IS NOT", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "div": "/", "divby": "/", "mod": "%"}
MATCHES = {"contains", "startswith", "endswith"}


@dataclass
class Scope:
    """A table in a FROM clause, with the joins that its navigation paths asked for."""

    table: Table
    alias: str
    joins: dict[tuple[str, str], "Scope"] = field(default_factory=dict)
    clauses: list[str] = field(default_factory=list)
    variables: dict[str, "Scope"] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return " ".join([f'"{self.table.sql}" {self.alias}', *self.clauses])


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: SQL with the column it stands for, or a literal."""

    sql: str = ""
    column: Column | None = None
    literal: Literal | None = None
    number: bool = False


class Compiler:
    """Collects the values and aliases of one SQL statement while its parts are compiled."""

    def __init__(self, catalog: Catalog, table: Table, now: datetime,
                 me: dict[str, Stored] | None = None) -> None:  # fmt: skip
        self.catalog = catalog
        self.now = now
        self.me = me or {}
        self.values: list[Stored] = []
        self.aliases = 0
        self.root = self.scope(table)
        self.lenient = table.service is Service.FINOPS

    def scope(self, table: Table) -> Scope:
        self.aliases += 1
        return Scope(table, f"t{self.aliases}")

    def bind(self, value: Stored) -> str:
        self.values.append(value)
        return f"?{len(self.values)}"

    def bind_all(self, values: Iterable[Stored]) -> str:
        return ", ".join(self.bind(value) for value in values)

    def filter(self, node: Node) -> str:
        if not self.lenient and conditions(node) > MAX_CONDITIONS:
            raise BadQuery("Number of conditions in query exceeded maximum limit.",
                           code="0x8004430C")  # fmt: skip
        return self.condition(node, self.root, True)

    def order(self, path: Path) -> str:
        """The SQL to sort rows by: for a lookup, the primary name of the row it points at."""
        column, sql = self.column(path, self.root)
        if column.type is not Type.LOOKUP:
            return comparable(column, sql)
        names = [sql for sql in (self.primary_name(path, each) for each in column.targets) if sql]
        return f"coalesce({', '.join(names)}, NULL)" if names else sql

    def primary_name(self, path: Path, target: Target) -> str | None:
        table = self.catalog.named(target.table)
        if table.primary_name is None:
            return None
        steps = (*path.segments[:-1], target.navigation, table.primary_name)
        column, sql = self.column(Path(steps), self.root)
        return comparable(column, sql)

    def condition(self, node: Node, scope: Scope, positive: bool) -> str:
        match node:
            case And(parts):
                return self.joined(parts, scope, positive, "AND" if positive else "OR")
            case Or(parts):
                return self.joined(parts, scope, positive, "OR" if positive else "AND")
            case Not(inner):
                return self.condition(inner, scope, not positive)
            case Compare(op, left, right):
                return self.compare(op if positive else NEGATED[op], left, right, scope)
            case Call():
                return self.call(node, scope, positive)
            case Lambda():
                return self.quantified(node, scope, positive)
            case Path():
                return self.compare("eq" if positive else "ne", node, TRUE, scope)
            case Literal(Kind.BOOL, value):
                return "1" if value is positive else "0"
            case _:
                raise BadQuery("The $filter expression must evaluate to a single boolean value.")

    def joined(self, parts: tuple[Node, ...], scope: Scope, positive: bool, word: str) -> str:
        """Many equalities of one column become one IN, which an index can serve."""
        if word == "OR" and positive and (same := _equalities(parts)):
            path, literals = same
            column, sql = self.column(path, scope)
            if column.type is not Type.ENUM and not self._has_stars(literals):
                values = [compared(column, each, "eq") for each in literals]
                return f"{comparable(column, sql)} IN ({self.bind_all(values)})"
        return balanced([self.condition(part, scope, positive) for part in parts], word)

    def _has_stars(self, literals: list[Literal]) -> bool:
        return self.lenient and any("*" in str(each.value) for each in literals)

    def compare(self, op: str, left: Node, right: Node, scope: Scope) -> str:
        a, b = self.operand(left, scope), self.operand(right, scope)
        if a.literal and not b.literal:
            a, b, op = b, a, MIRRORED[op]
        if b.literal:
            return self.with_literal(op, a, b.literal)
        return self.with_column(op, a, b)

    def with_literal(self, op: str, side: Operand, literal: Literal) -> str:
        if side.literal:
            raise BadQuery("A comparison needs a property on one of its sides.")
        if literal.kind is Kind.NULL:
            return self.with_null(op, side)
        if side.column is None:
            return f"{side.sql} {SQL_OPERATORS[op]} {self.bind(float(str(literal.value)))}"
        starred = self.lenient and side.column.type in TEXTS and "*" in str(literal.value)
        if starred and op in ("eq", "ne"):
            return self.with_stars(op, side, str(literal.value))
        if side.column.type is Type.ENUM and op not in ("eq", "ne"):
            raise BadQuery(f"The operator '{op}' is not supported for enumerations.")
        value = self.bind(compared(side.column, literal, op))
        return f"{comparable(side.column, side.sql)} {SQL_OPERATORS[op]} {value}"

    def with_null(self, op: str, side: Operand) -> str:
        if op not in ("eq", "ne"):
            raise incompatible(EDM[side.column.type] if side.column else "Edm.Double", "null", op)
        return f"{side.sql} IS {'NOT ' if op == 'ne' else ''}NULL"

    def with_stars(self, op: str, side: Operand, text: str) -> str:
        negation = "NOT " if op == "ne" else ""
        return f"fold({side.sql}) {negation}GLOB {self.bind(starred(fold(text) or ''))}"

    def with_column(self, op: str, a: Operand, b: Operand) -> str:
        if a.column and b.column:
            if _family(a.column) != _family(b.column):
                raise incompatible(EDM[a.column.type], EDM[b.column.type], op)
            if a.column.type in TEXTS:
                return f"fold({a.sql}) {SQL_OPERATORS[op]} fold({b.sql})"
        return f"{_unscaled(a)} {SQL_OPERATORS[op]} {_unscaled(b)}"

    def operand(self, node: Node, scope: Scope) -> Operand:
        match node:
            case Literal():
                return Operand(literal=node)
            case Path():
                column, sql = self.column(node, scope)
                return Operand(sql, column)
            case Arithmetic(op, left, right) if self.lenient:
                sides = [self.arithmetic(self.operand(each, scope)) for each in (left, right)]
                return Operand(f"({sides[0]} {ARITHMETIC[op]} {sides[1]})", number=True)
            case Arithmetic(op):
                raise BadQuery(f"The arithmetic operator '{op}' is not supported.")
            case Call(name):
                raise BadQuery(f"The function '{name}' is not supported.")
            case _:
                raise BadQuery("A comparison takes properties and literals only.")

    def arithmetic(self, side: Operand) -> str:
        if side.literal:
            return self.bind(float(str(side.literal.value)))
        return _unscaled(side)

    def column(self, path: Path, scope: Scope) -> tuple[Column, str]:
        """The column at the end of a path, and how SQL names it after the joins on the way."""
        segments = path.segments
        if segments[0] in scope.variables:
            scope, segments = scope.variables[segments[0]], segments[1:]
        for name in segments[:-1]:
            scope = self.step(name, scope)
        name = segments[-1] if segments else ""
        column = scope.table.columns.get(name)
        if column is None:
            raise no_property(name, type_name(scope.table))
        return column, f'{scope.alias}."{name}"'

    def navigation(self, name: str, scope: Scope) -> Navigation:
        found = scope.table.navigations.get(name)
        if found is None:
            raise no_property(name, type_name(scope.table))
        return found

    def step(self, name: str, scope: Scope) -> Scope:
        """Follow one single-valued navigation property, joining its table once."""
        navigation = self.navigation(name, scope)
        if navigation.many:
            raise BadQuery(
                f"The parent value for a property access of a property '{name}' is not a single"
                " value. Property access can only be applied to a single value."
            )
        key = (scope.alias, name)
        if key not in scope.joins:
            other = self.scope(self.catalog.tables[navigation.target])
            root = scope
            on = " AND ".join(_equal(n, f, root, other) for n, f in navigation.on)
            root.clauses.append(f'LEFT JOIN "{other.table.sql}" {other.alias} ON {on}')
            other.clauses = root.clauses
            root.joins[key] = other
        return scope.joins[key]

    def call(self, node: Call, scope: Scope, positive: bool) -> str:
        if node.name in MATCHES and (not self.lenient or node.name == "startswith"):
            return self.matches(node, scope, positive)
        if node.name.startswith("Microsoft.Dynamics.CRM.") and not self.lenient:
            context = Context(scope.table, scope.alias, self.bind, self.now, self.me)
            sql = query_function(node, context)
            return sql if positive else f"NOT coalesce({sql}, 0)"
        raise BadQuery(f"An unknown function with name '{node.name}' was found.")

    def matches(self, node: Call, scope: Scope, positive: bool) -> str:
        path, text = node.args if len(node.args) == 2 else (None, None)
        if not isinstance(path, Path) or not isinstance(text, Literal):
            raise BadQuery(f"'{node.name}' takes a property and a string.")
        column, sql = self.column(path, scope)
        if column.type not in TEXTS or text.kind is not Kind.STRING:
            raise BadQuery(
                "No function signature for the function with name"
                f" '{node.name}' matches the specified arguments."
            )
        glob = self.bind(pattern(node.name, fold(str(text.value)) or "", wild=not self.lenient))
        if positive:
            return f"fold({sql}) GLOB {glob}"
        return f"({sql} IS NULL OR fold({sql}) NOT GLOB {glob})"

    def quantified(self, node: Lambda, scope: Scope, positive: bool) -> str:
        """`any` is EXISTS; `all` is no row for which the condition fails."""
        *steps, name = node.path.segments
        if steps and steps[0] in scope.variables:
            scope, steps = scope.variables[steps[0]], steps[1:]
        if steps:
            raise BadQuery("A condition on a collection behind a lookup is not supported.")
        navigation = self.navigation(name, scope)
        if not navigation.many:
            raise BadQuery(f"'{node.quantifier}' needs a collection, not '{name}'.")
        inner = self.scope(self.catalog.tables[navigation.target])
        inner.variables = {**scope.variables, node.variable: inner}
        wanted = node.quantifier == "any"
        body = self.condition(node.body, inner, wanted) if node.body else "1"
        related = self.related(navigation, scope, inner)
        exists = f"EXISTS (SELECT 1 FROM {inner.source} WHERE {related} AND {body})"  # noqa: S608
        return exists if positive == wanted else f"NOT {exists}"

    def related(self, navigation: Navigation, scope: Scope, inner: Scope) -> str:
        if navigation.through is None:
            return " AND ".join(_equal(n, f, scope, inner) for n, f in navigation.on)
        between = navigation.through
        table = self.catalog.tables[between.set].sql
        ((near, far),) = navigation.on
        return (
            f'{inner.alias}."{far}" IN (SELECT "{between.far}" FROM "{table}"'  # noqa: S608
            f' WHERE "{between.near}" = {scope.alias}."{near}")'
        )


TRUE = Literal(Kind.BOOL, True)
MAX_CONDITIONS = 500


def conditions(node: Node | None) -> int:
    """The number of conditions that the service counts in a filter; a list of values is one."""
    match node:
        case And(parts) | Or(parts):
            return sum(conditions(part) for part in parts)
        case Not(inner) | Lambda(body=inner):
            return conditions(inner)
        case _:
            return 1


def balanced(parts: list[str], word: str) -> str:
    """Joined in pairs of pairs, as SQLite refuses expressions that are a thousand levels deep."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({balanced(parts[:half], word)} {word} {balanced(parts[half:], word)})"


def type_name(table: Table) -> str:
    prefix = "CRM" if table.service is Service.DATAVERSE else "DataEntities"
    return f"Microsoft.Dynamics.{prefix}.{table.name}"


def _equal(near: str, far: str, scope: Scope, other: Scope) -> str:
    left = comparable(scope.table.columns[near], f'{scope.alias}."{near}"')
    right = comparable(other.table.columns[far], f'{other.alias}."{far}"')
    return f"{right} = {left}"


def _equalities(parts: tuple[Node, ...]) -> tuple[Path, list[Literal]] | None:
    paths: set[tuple[str, ...]] = set()
    literals: list[Literal] = []
    for part in parts:
        match part:
            case Compare("eq", Path(segments), Literal(kind)) if kind is not Kind.NULL:
                paths.add(segments)
                literals.append(part.right)  # type: ignore[arg-type]  # the pattern says so
            case _:
                return None
    return (Path(paths.pop()), literals) if len(paths) == 1 else None


def _family(column: Column) -> str:
    if column.type in GUIDS:
        return "guid"
    if column.type in TEXTS:
        return "text"
    return "number" if EDM[column.type] in NUMERIC else column.type


NUMERIC = {"Edm.Int32", "Edm.Int64", "Edm.Decimal", "Edm.Double"}


def _unscaled(side: Operand) -> str:
    if side.column and side.column.type in EXACTS:
        return f"({side.sql} / 1e{side.column.scale})"
    return side.sql
