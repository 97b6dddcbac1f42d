"""Declared tables -> the words that a policy file may use: permissions, and columns to hide."""

from collections.abc import Iterable, Iterator

from gateway.auth.policy import EXPLAIN, VIEW_AS
from gateway.auth.policy_file import Permission, Vocabulary
from gateway.model.registry import SHIPPED, Registry
from gateway.model.tables import Back, Computed, Spec, Table


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
        hideable=frozenset(f"{t.name}.{name}" for t, name, m in members if _hideable(t, m)),
        fixed=frozenset(f"{t.name}.{name}" for t, name, m in members if not _hideable(t, m)),
        without_contact=frozenset(t.name for t in tables if not t.rule.knows_contacts),
    )


def _visible(table: Table) -> Iterator[tuple[str, Spec | Back]]:
    for name, member in table.members.items():
        if isinstance(member, Back) or not member.internal:
            yield name, member


def _hideable(table: Table, member: Spec | Back) -> bool:
    """A field that may be null, and none that every read needs."""
    if isinstance(member, Back | Computed):
        return isinstance(member, Back) or member.optional
    return member.optional and table.key.keys().isdisjoint(member.paths)
