"""Change tracking: what `Prefer: odata.track-changes` starts and a `$deltatoken` continues."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from emulator.errors import BadQuery
from emulator.metadata import Table
from emulator.store import Store
from emulator.values import guid_text

Json = dict[str, Any]
REFUSED = ("$filter", "$orderby", "$expand", "$top", "$apply")
LIFETIME = timedelta(days=7)
FORM = "%m/%d/%Y %H:%M:%S"


@dataclass(frozen=True, slots=True)
class DeltaToken:
    """A point in the history of all rows: their version, and when that was."""

    version: int
    at: datetime

    def text(self) -> str:
        return quote(f"{self.version}!{self.at:{FORM}}", safe="")


def check(table: Table, options: dict[str, str]) -> None:
    if not table.tracked:
        raise BadQuery(f"Change tracking is not enabled for entity '{table.name}'.",
                       code="0x80044351")  # fmt: skip
    for name in REFUSED:
        if name in options:
            raise BadQuery(f"The {name} query parameter is not supported with change tracking.")


def now(store: Store) -> DeltaToken:
    return DeltaToken(store.version, store.clock().astimezone(UTC))


def read(store: Store, text: str) -> DeltaToken:
    version, _, at = unquote(text).partition("!")
    try:
        token = DeltaToken(int(version), datetime.strptime(at, FORM).replace(tzinfo=UTC))
    except ValueError as error:
        raise BadQuery("The delta token is not valid.") from error
    if store.clock().astimezone(UTC) - token.at > LIFETIME:
        raise BadQuery("The delta token has expired. Synchronise from the start.",
                       code="0x80044352")  # fmt: skip
    return token


def deleted(store: Store, table: Table, since: DeltaToken, base: str) -> list[Json]:
    """The rows deleted since a token that were there when it was made or later."""
    rows = store.run(
        'SELECT key FROM "@deleted" WHERE set_name = ? AND version > ? ORDER BY version',
        (table.home, since.version),
    )
    context = f"{base}/$metadata#{table.set}/$deletedEntity"
    return [
        {"@odata.context": context, "id": guid_text(key), "reason": "deleted"} for (key,) in rows
    ]
