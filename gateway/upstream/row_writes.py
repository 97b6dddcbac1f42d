"""A change of one row, as it is sent to a service."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from gateway.upstream.pages import Row

Method = Literal["POST", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Write:
    """
    One change of one row of a table, in logical names: a lookup holds a `Reference`, the rows that
    are made along with theirs are `Children`, a day is a `date`.
    """

    method: Method
    entity: str
    row: Row | None = None
    match: str | None = None
    """The ETag that the row must have; `*` for any, so that a PATCH cannot create."""
    key: UUID | None = None
    """The row, unless it is a new one."""
    company: str | None = None
    """The code of the legal entity; a day begins and ends in its time zone."""
    action: str | None = None
    """An action by which the row is changed; `row` then has its parameters as they are sent."""

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.match is None else {"If-Match": self.match}
