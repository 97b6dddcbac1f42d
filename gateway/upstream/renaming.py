"""Rows of JSON, as a service sent them -> the same by the names that everything above uses."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

RenamedRows = list[Any]
Rename = Callable[[RenamedRows], None]
"""Gives rows the names by which they were asked for."""


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
