"""Declared tables -> the words that a policy file may use: permissions, and columns to hide."""

from collections.abc import Iterable, Iterator

from gateway.auth.policy import EXPLAIN, VIEW_AS
from gateway.auth.policy_file import Permission, Vocabulary
from gateway.model.registry import SHIPPED, Registry
from gateway.model.tables import Member, Table


def vocabulary(registry: Registry = SHIPPED) -> Vocabulary:
    """The words that the tables of an app give, once their types are bound."""
    tables = registry.tables.values()
    fields = [*registry.fields("query"), *registry.fields("mutation")]
    names = sorted({table.needs for table in tables} | {field.needs for field in fields})
    return {VIEW_AS: Permission(), EXPLAIN: Permission()} | {
        name: _permission([table for table in tables if table.needs == name]) for name in names
    }


def _permission(tables: Iterable[Table]) -> Permission:
    members = [(each, name, member) for each in tables for name, member in _visible(each)]
    return Permission(
        hideable=frozenset(f"{t.name}.{name}" for t, name, m in members if m.hideable),
        fixed=frozenset(f"{t.name}.{name}" for t, name, m in members if not m.hideable),
        without_contact=frozenset(t.name for t in tables if not t.rule.knows_contacts),
    )


def _visible(table: Table) -> Iterator[tuple[str, Member]]:
    for name, member in table.members.items():
        if not member.internal:
            yield name, member
