"""Members as graphql-core asks for them: a member of one field, and the ways to its value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from gateway.loaders.windows import Slice
from gateway.model.tables import Back, Link, Member, Row, selected
from gateway.schema.connections import COUNTS, Listing
from gateway.schema.context import Info
from gateway.schema.listing import window_of
from gateway.schema.selection import asks_for, columns, listed_columns


@dataclass(frozen=True, slots=True)
class Answered:
    """A member at one field of a request; see `gateway.model.ways_to_values.Answering`."""

    member: Member
    info: Info
    arguments: Mapping[str, Any]

    def day(self, path: str, row: Row) -> date | None:
        selected(row.raw, path)
        return self.info.context.loaders.reader.day(row.__table__, path, row.raw)

    async def row(self, link: Link, row: Row) -> Row | None:
        select = columns(self.info._raw_info, link.target)
        return await self.info.context.loaders.one(link, row, select)

    async def rows(self, back: Back, row: Row) -> Listing:
        self._show(row)
        info, child, loaders = self.info._raw_info, back.child, self.info.context.loaders
        counted = asks_for(info, *COUNTS)
        wanted = window_of(child, loaders.reader, self.arguments, counted=counted)
        found: Slice = await loaders.many(back, row, listed_columns(info, child), wanted)
        return Listing(found)

    def worked(self, function: Callable[..., Any], row: Row) -> Any:
        self._show(row)
        return function(row, self.info.context.loaders, **self.arguments)

    def _show(self, row: Row) -> None:
        """Forbidden for a hidden member without a column of its own, which a reader would mark."""
        self.info.context.principal.show(row.__table__.name, to_camel_case(self.member.name))
