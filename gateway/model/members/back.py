"""The kind of member that lists the rows of another table which lead to this one."""

from dataclasses import dataclass
from typing import Any

from gateway.model.declarations import Member, Row, Table
from gateway.model.members.link import Link
from gateway.model.ways_to_values import Answering, Planning, Write


@dataclass(frozen=True, eq=False)
class Back(Member):
    """The far end of a link: a connection from the parent to the rows that point at it."""

    name: str
    doc: str
    child: Table
    link: Link

    @property
    def lists(self) -> Table:
        return self.child

    def plan(self, planning: Planning) -> Write:
        return planning.rows(self)

    def answer(self, row: Row, answering: Answering) -> Any:
        return answering.rows(self, row)

    @property
    def told_by(self) -> tuple[Table, tuple[str, ...]]:
        return self.child, self.link.paths

    @property
    def declared_by(self) -> type:
        return self.link.owner

    @property
    def label(self) -> str:
        """That of the link."""
        return self.link.label

    @property
    def paths(self) -> tuple[str, ...]:
        """The columns of the parent's row that the connection needs."""
        return self.link.target_paths


def backs_of(table: Table) -> dict[str, Back]:
    """The far ends of the links that lead to a table, by name."""
    return {name: each for name, each in table.backs.items() if isinstance(each, Back)}
