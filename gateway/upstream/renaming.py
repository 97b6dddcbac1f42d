"""Rows of JSON, as a service sent them -> the same by the names that everything above uses."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from gateway.admission.pacing import MANY, breathe

RenamedRows = list[Any]
Rename = Callable[[RenamedRows], None]
"""Gives rows the names by which they were asked for."""


async def rename_plain(rows: RenamedRows, rename: Rename | None) -> None:
    """Give plain rows the names by which they were asked for."""
    if rename is None or not rows or not isinstance(rows[0], dict):
        return
    for start in range(0, len(rows), MANY):
        rename(rows[start : start + MANY])
        await breathe(len(rows))


def renaming(
    absent: Collection[str], renamed: Mapping[str, str], inner: Mapping[str, Rename]
) -> Rename:
    def rename(rows: RenamedRows) -> None:
        for row in rows:
            for spelled, name in renamed.items():
                if spelled in row:
                    row[name] = row.pop(spelled)
            for name in absent:
                row.setdefault(name, None)
            for name, below in inner.items():
                if isinstance(row.get(name), dict):
                    below([row[name]])

    return rename
