"""
The ways in which a kind of member gets its value: in the plan of a query, and where graphql-core
answers it.

A kind says by one method which of these ways is its own; `gateway.plans.walking` and
`gateway.schema.answering` have them.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

Write = Callable[[str], str]
"""The variable that holds a row -> the expression of the member's value in the answer."""
Loaded = Callable[[Collection[str], Any], Collection[str]]
"""
The arguments that a member is given, and the request's `Loaders` -> names of the calls that its
values take for all rows of a level, most often of the tables that it reads. Without loaders: those
of any caller in any environment.
"""


class Planning(Protocol):
    """
    One member that a query selects, while the query is planned. Each method plans the reads that
    the value takes, and returns the function that writes it once all reads are planned.
    """

    def value(self, path: str, type_: Any, *, optional: bool, is_day: bool = False) -> Write:
        """The value at a column or path; `is_day` for a day that depends on a zone."""

    def object(
        self,
        parts: Mapping[str, tuple[str, Any]],
        *,
        essential: str | None,
        make: Callable[[Any], Any],
        optional: bool,
    ) -> Write:
        """
        An object of columns: `parts` has the path and the type of each. It is null where the part
        `essential` is, or all are. `make` reads it from a row where more than text is compared.
        """

    def row(self, link: Any) -> Write:
        """The selection of the row that a `Link` leads to."""

    def rows(self, back: Any) -> Write:
        """The selection of the connection to the rows that lead here by the link of a `Back`."""

    def worked(self, function: Callable[..., Any], loaded: Loaded) -> Write:
        """The outcome of `function(row, loaders)`, which takes the calls `loaded`."""


class Answering(Protocol):
    """One member that graphql-core asks for, with its arguments and what is selected below it."""

    def day(self, path: str, row: Any) -> Any:
        """The day at a column, which depends on a zone."""

    def row(self, link: Any, row: Any) -> Any:
        """The row that a `Link` of `row` leads to."""

    def rows(self, back: Any, row: Any) -> Any:
        """A page of the rows that lead to `row` by the link of a `Back`."""

    def worked(self, function: Callable[..., Any], row: Any) -> Any:
        """The outcome of `function(row, loaders)`."""
