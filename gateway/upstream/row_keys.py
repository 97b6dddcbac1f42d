"""
Many rows at once: the values of a column, their keys, and which of them meet a condition.

A row is a dict, or a struct that a decoder made and checked (`Checked`); both answer `get`.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import repeat, starmap
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from gateway.admission.pacing import breathe
from gateway.upstream.conditions import All, Compare, Condition, In, Raw, Value, same, value_at

R = TypeVar("R", bound=Raw)
K = TypeVar("K")
Key = tuple[Value, ...]
Folded = tuple[str, ...]
"""A key in one spelling: both services compare text without regard to case."""
TEXT = frozenset({str, type(None)})


class Checked(msgspec.Struct):
    """A row with its columns as attributes; a subclass declares them with their types."""

    def __eq__(self, other: object) -> bool:
        """
        True if a service sent the same; attributes with a default hold values that were added
        since.
        """
        if type(other) is not type(self):
            return NotImplemented
        sent = self.__struct_fields__[: -len(self.__struct_defaults__) or None]
        return all(getattr(self, name) == getattr(other, name) for name in sent)

    def get(self, name: str, /) -> Any:
        return getattr(self, name, None)

    def __getitem__(self, name: str) -> Any:
        if name not in self.__struct_fields__:
            raise KeyError(name)
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.__struct_fields__


def values_at(rows: Sequence[Raw], path: str) -> list[Any]:
    """The value of a column or path in each row, as `value_at` has it."""
    if rows and isinstance(rows[0], Checked):
        try:
            return list(map(_getter(path), rows))
        except AttributeError:
            pass  # a lookup on the way is empty in some row, or the column was not asked for
    return [value_at(row, path) for row in rows]


def plain(value: Any) -> str | int:
    """A part of a key that is no GUID; TypeError for what no key is made of."""
    if type(value) is str or type(value) is int:
        return value
    raise TypeError


def keys_of(rows: Sequence[Raw], columns: Sequence[str]) -> list[Folded]:
    """The values of `columns` in each row, as `folded` spells them."""
    spelled = [[str(value).casefold() for value in values_at(rows, column)] for column in columns]
    return list(zip(*spelled, strict=True))


def indexed(rows: Sequence[R], columns: Sequence[str]) -> dict[Folded, R]:
    """Rows by a key; without those of a key that different rows share, as none of them is meant."""
    keys = keys_of(rows, columns)
    found = dict(zip(keys, rows, strict=True))
    if len(found) < len(keys):
        shared = {key for key, row in zip(keys, rows, strict=True) if row != found[key]}
        for key in shared:
            del found[key]
    return found


def grouped(rows: Sequence[R], columns: Sequence[str]) -> dict[Folded, list[R]]:
    """Rows by their key, each group in the order of the rows."""
    try:
        raw = _grouped(rows, raw_keys(rows, columns))
    except TypeError:  # a service sent an object or a list where a key belongs
        return _grouped(rows, keys_of(rows, columns))
    groups = dict(zip(map(folded, raw), raw.values(), strict=True))
    if len(groups) == len(raw):
        return groups
    # One key in two spellings: rare enough to look at each row.
    return _grouped(rows, keys_of(rows, columns))


def _grouped(rows: Sequence[R], keys: Iterable[K]) -> dict[K, list[R]]:
    groups: dict[K, list[R]] = {}
    for key, row in zip(keys, rows, strict=True):
        if key in groups:
            groups[key].append(row)
        else:
            groups[key] = [row]
    return groups


def put(rows: Sequence[Any], name: str, values: Iterable[Any]) -> None:
    """Give each row a value under this name."""
    names = repeat(name, len(rows))
    deque(starmap(setattr, zip(rows, names, values, strict=True)), maxlen=0)


def share(rows: Sequence[Checked]) -> None:
    """Let equal texts of a column be one text, as keys and names repeat from row to row."""
    for column in rows[0].__struct_fields__:
        if type(getattr(rows[0], column)) is str:
            _share(rows, column)


async def share_in_turns(rows: Sequence[Checked]) -> None:
    """As `share`; others go on between the columns of many rows."""
    for column in rows[0].__struct_fields__:
        if type(getattr(rows[0], column)) is str:
            _share(rows, column)
            await breathe(len(rows))


def _share(rows: Sequence[Any], column: str) -> None:
    values = values_at(rows, column)
    known = dict(zip(values, values, strict=True))
    if len(known) < len(values) and TEXT.issuperset(map(type, known)):
        put(rows, column, map(known.__getitem__, values))


def raw_keys(rows: Sequence[Raw], columns: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    """The values of `columns` in each row, as they are."""
    return zip(*(values_at(rows, column) for column in columns), strict=True)


def folded(key: Key) -> Folded:
    """A key in one spelling."""
    if len(key) == 1:
        return (str(key[0]).casefold(),)
    return tuple([str(part).casefold() for part in key])


def meeting(condition: Condition, rows: Sequence[R]) -> Sequence[R]:
    """The rows for which `condition` holds; each distinct value of a column is compared once."""
    match condition:
        case All(parts):
            for part in parts:
                rows = meeting(part, rows)
            return rows
        case Compare(column, "eq", value):
            return _among(condition, rows, column, (value,))
        case In(column, values):
            return _among(condition, rows, column, values)
    return [row for row in rows if condition.holds(row)]


def _among(
    condition: Condition, rows: Sequence[R], column: str, wanted: Iterable[Value]
) -> Sequence[R]:
    found = values_at(rows, column)
    try:
        distinct = set(found)
    except TypeError:  # a service sent an object or a list where a value belongs
        return [row for row in rows if condition.holds(row)]
    good = {value for value in distinct if any(same(value, each) for each in wanted)}
    if len(good) == len(distinct):
        return rows
    return [row for row, value in zip(rows, found, strict=True) if value in good]


@lru_cache(maxsize=1024)
def _getter(path: str) -> "attrgetter[Any]":
    return attrgetter(path.replace("/", "."))
