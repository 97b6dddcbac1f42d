"""Reads the URLs by which a body or a `$ref` names another row: relative, absolute or `$1`."""

from collections.abc import Collection, Mapping

from emulator.dataverse.resources import Resolver
from emulator.errors import BadPayload, no_row
from emulator.exchange import segments
from emulator.metadata import Navigation, Table
from emulator.store import Store
from emulator.values import Row, Stored

ROOT = "/api/data/v9.2/"


class References:
    """Finds the rows that URLs name; `made` holds the rows of earlier parts of a change set."""

    def __init__(self, store: Store, made: Mapping[str, str]) -> None:
        self.store = store
        self.made = made

    def row(self, url: object, navigation: Navigation) -> Row:
        """The row behind a URL, which must be of the table that the navigation leads to."""
        return self._row(url, navigation, ())[1]

    def key(self, url: object, navigation: Navigation, allowed: Collection[str]) -> Stored:
        """The primary key behind a URL, which may be of other tables that share the property."""
        table, row = self._row(url, navigation, allowed)
        return row[table.id]

    def _row(
        self, url: object, navigation: Navigation, allowed: Collection[str]
    ) -> tuple[Table, Row]:
        if not isinstance(url, str):
            raise BadPayload(f"The value of '{navigation.name}' must be a URL.")
        table, row = self.find(url)
        if table.home != navigation.target and table.name not in allowed:
            raise BadPayload(
                f"Entity type '{table.name}' cannot be bound to the navigation property"
                f" '{navigation.name}'."
            )
        return table, row

    def find(self, url: str) -> tuple[Table, Row]:
        path = self.local(url)
        resource = Resolver(self.store, {}).resolve(segments(path))
        if resource.row is None:
            raise BadPayload(f"The URL '{url}' does not name a row.")
        row = self.store.find(resource.table, *resource.row.sql)
        if row is None:
            raise no_row(resource.table.name, resource.row.text)
        return resource.table, row

    def local(self, url: str) -> str:
        """The path below the service root."""
        head, slash, rest = url.partition("/")
        if head in self.made:
            url = self.made[head] + slash + rest
        return url.partition(ROOT)[2] or url
