"""Moves the days of a world as a whole, so that the one on which it stands still is another."""

from datetime import date
from typing import Final

from emulator.metadata import Type
from emulator.store import Store
from emulator.world.seed import REFERENCE

DATES: Final = (Type.DATE, Type.DATETIME)
NO_DAY: Final = "1900%"
"""The beginning of an empty day of the ERP's."""


def move(store: Store, today: date) -> None:
    """Let the world stand still today: whatever it has of days moves by as many."""
    days = (today - REFERENCE.date()).days
    for table in store.catalog:
        columns = [each.name for each in table.columns.values() if each.type in DATES]
        for name in columns:
            store.run(
                f'UPDATE "{table.sql}" SET "{name}" ='  # noqa: S608 - our own names
                f' date(substr("{name}", 1, 10), ? || \' days\') || substr("{name}", 11)'
                f' WHERE "{name}" IS NOT NULL AND "{name}" NOT LIKE ?',
                [str(days), NO_DAY],
            )
