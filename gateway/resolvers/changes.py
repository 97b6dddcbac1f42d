"""The rows that changed since a caller last asked."""

from collections.abc import Sequence
from uuid import UUID

import strawberry

from gateway.engine.limits import MAXIMUM_SIZE
from gateway.errors import InvalidInput, NotAvailableHere
from gateway.model.tables import TABLES, Node
from gateway.schema import ids
from gateway.schema.context import Info
from gateway.schema.selection import columns
from gateway.telling.told_changes import RowTold


@strawberry.type(description="A row that changed.")
class ChangedRow:
    """One row; of several changes the newest."""

    told: strawberry.Private[RowTold]

    @strawberry.field(description="The global id of the row.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(ids.encode(self.told.table, (self.told.key,)))

    @strawberry.field(description="The type of the row, as `SalesOrder`.")
    def table(self) -> str:
        return self.told.table.name

    @strawberry.field(
        description="The version of the row after the change; of a row that is gone, the last one "
        "that is known."
    )
    def version(self) -> str:
        return str(self.told.version)

    @strawberry.field(
        description="True if you saw the row and do not see it any more: it was deleted, or is "
        "somebody else's."
    )
    def removed(self) -> bool:
        return self.told.removed

    @strawberry.field(description="The row as it is now; null if you do not see it.")
    async def row(self, info: Info) -> Node | None:
        if self.told.removed:
            return None
        table = self.told.table
        key: tuple[UUID, ...] = (self.told.key,)
        select = columns(info._raw_info, table)
        found = await info.context.loaders.node(table.cls, key, select)
        return found if isinstance(found, Node) else None


@strawberry.type(description="Rows that changed, and the place behind them.")
class ChangeConnection:
    """One page of changes."""

    nodes: list[ChangedRow] = strawberry.field(
        description="The rows that changed, each once, in the order of their newest changes."
    )
    cursor: str = strawberry.field(
        description="The place behind these changes: `after` it the next ones begin. Good for "
        "seven days, for you, and for these tables alone."
    )
    has_more: bool = strawberry.field(description="True if further changes are known already.")


async def changes(
    info: Info, after: str | None, tables: Sequence[str] | None, first: int
) -> ChangeConnection:
    """The changes since `after`, at most `first` rows of these tables."""
    telling = info.context.telling
    if telling is None:
        raise NotAvailableHere("Changes are not gathered here.")
    if not 1 <= first <= MAXIMUM_SIZE:
        raise InvalidInput(f"'first' must be from 1 to {MAXIMUM_SIZE}.", argument="first")
    known = info._raw_info.schema.type_map
    offered = [each for each in TABLES.values() if each.name in known]
    reader = info.context.loaders.reader
    reader.allowance.fresh = True  # rows that are kept may be those before the change
    found = await telling.told(reader, after, tables, offered, first)
    nodes = [ChangedRow(told=each) for each in found.rows]
    return ChangeConnection(nodes=nodes, cursor=found.cursor, has_more=found.more)
