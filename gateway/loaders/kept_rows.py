"""
Rows of reference data that were read of late -> the same rows for the next read that asks for just
the same: by their keys, or the same page of the same list.

A row is kept as the bytes that the service sent, in the place of one table, one row rule and one
set of columns. Whoever reads it again has the same rule and the same columns, and the rows pass the
gate as fetched ones do. Replicas may share them, and older ones may serve while a service is down.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from math import inf
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gateway.ceiling import unheld
from gateway.loaders.keys import Keys
from gateway.loaders.shared_rows import SharedRows
from gateway.model.tables import Table
from gateway.upstream.conditions import EVERYTHING, Condition
from gateway.upstream.names import Names
from gateway.upstream.pages import Page, is_raw
from gateway.upstream.row_keys import Folded, folded, grouped
from gateway.upstream.service import PAGE_SIZE

ENTRY, ROW = 400, 50
"""Bytes that a kept page takes besides its rows, and a row besides its text, about."""
LARGEST = 1024 * 1024
"""Bytes of a page above which it is not kept: it would drive out too many others."""
UNKNOWN = ""
"""The name of a table that a path leads to, where nobody knows which one that is."""


PlaceName = tuple[Hashable, ...]
Part = tuple[PlaceName, Folded]
"""A place, and the key of the rows in it that are meant; no key where all are."""


class KeptPlace(Struct, frozen=True):
    """The place of what a read finds: for each of its keys, or as a whole where it has none."""

    name: PlaceName
    keys: Keys | None = None
    rule: Condition = EVERYTHING
    """The row rule of whoever reads the rows of these keys."""
    told: str = ""
    """The name of the place that is the same in all replicas; empty where none is asked."""

    @property
    def parts(self) -> list[Part]:
        """The names under which the rows of each key stand; that of the whole without keys."""
        if self.keys is None:
            return [(self.name, ())]
        return [(self.name, key) for key in dict.fromkeys(map(folded, self.keys.values))]


class KeptPage(Struct, frozen=True):
    """Rows as bytes, and the moment at which they were asked for."""

    page: Page
    asked: float
    size: int
    origin: frozenset[str]
    """The tables of which values stand in the rows."""


Followed = Callable[[str], float]
"""The moment up to which all changes of a table of this name are known; -inf if they are not."""


def _unfollowed(entity: str) -> float:
    return -inf


class KeptRows:
    """The rows of reference data that one process keeps, the oldest ones first to go."""

    def __init__(
        self,
        seconds: float = 0.0,
        *,
        outage: Callable[[], float] = lambda: 0.0,
        shared: SharedRows | None = None,
    ) -> None:
        """
        `seconds`: the age up to which rows are used, of whichever table; 0 keeps none. `outage`:
        that up to which they are used while a service cannot be asked. `shared`: what replicas tell
        each other.
        """
        self._seconds, self._outage = seconds, outage
        self.shared = shared
        self.followed: Followed = _unfollowed
        """Rows are used for longer while all changes of their tables are known."""
        self.used: dict[Table, float] = {}
        """The tables of which rows were used, and when that was last."""
        self._longest = seconds
        """The age up to which any rows were used."""
        self._changed = -inf
        self._pages: OrderedDict[Part, KeptPage] = OrderedDict()
        self._origins: dict[tuple[str, int], frozenset[str]] = {}
        self.changes = 0
        """The number of changes of rows so far: what was asked for before one is not kept."""
        self.grown: Callable[[], None] = unheld
        self.size = 0
        """Bytes that are taken, about."""

    def age(self, table: Table) -> float:
        """The age in seconds up to which rows of this table are used."""
        return min(table.kept, self._seconds)

    def page(self, table: Table, place: KeptPlace, moment: float) -> Page | None:
        """The rows of a place as bytes, if all of them are there and young enough."""
        self.used[table] = moment
        return self._since(place, moment - self._usable(table, moment))[0]

    def origin(self, table: Table, names: Names) -> frozenset[str]:
        """The tables of which values stand in rows of this one."""
        known = table.entity, names.version
        if known not in self._origins:
            found = {table.entity}
            for path in table.all_paths:
                found.update(_along(names, table.entity, path))
            self._origins[known] = frozenset(found)
        return self._origins[known]

    def _usable(self, table: Table, moment: float) -> float:
        """The age up to which rows are used just now."""
        age, since = self.age(table), moment - self._seconds
        if table.kept <= age or self.followed is _unfollowed:
            return age
        origins = [each for of, each in self._origins.items() if of[0] == table.entity]
        if not origins or not all(self.followed(each) >= since for each in origins[-1]):
            return age
        self._longest = max(self._longest, table.kept)
        return table.kept

    def older(self, place: KeptPlace, moment: float) -> tuple[Page | None, float]:
        """As `page`, with rows that are used while no service can be asked, and their age."""
        page, asked = self._since(place, moment - self._outage())
        return page, moment - asked

    async def told(
        self, table: Table, names: Names, places: Sequence[KeptPlace], moment: float
    ) -> None:
        """Take what other replicas have read of these places."""
        if self.shared is None:
            return
        origin = self.origin(table, names)
        parts = {_told(place, part): part for place in places for part in place.parts}
        found = await self.shared.read(list(parts))
        for part, told in zip(parts.values(), found, strict=True):
            if told is not None and moment - told[1] > self._changed:
                page, age = told
                old = self._pages.get(part)
                if old is None or old.asked < moment - age:
                    self._put(part, page, moment - age, origin)

    def tell(self, table: Table, places: Sequence[KeptPlace], moment: float) -> None:
        """Tell other replicas what was kept of these places at that moment."""
        if self.shared is None:
            return
        parts = [(place, part) for place in places for part in place.parts]
        kept = [(_told(place, part), self._pages.get(part)) for place, part in parts]
        pages = {name: each.page for name, each in kept if each and each.asked == moment}
        self.shared.tell(pages, age=0.0, lasts=max(self.age(table), self._outage()))

    def _since(self, place: KeptPlace, since: float) -> tuple[Page | None, float]:
        """The rows of a place that were asked for after a moment, and when the oldest were."""
        found = [self._pages.get(part) for part in place.parts]
        kept = [each for each in found if each is not None and each.asked > since]
        if not found or len(kept) < len(found):
            return None, since
        asked = min(each.asked for each in kept)
        if place.keys is None:
            return kept[0].page, asked
        return Page([row for each in kept for row in each.page.rows]), asked

    def keep(
        self,
        table: Table,
        names: Names,
        place: KeptPlace,
        sent: Page,
        rows: Sequence[Any],
        asked: float,
    ) -> None:
        """
        Keep the rows that a service sent, as they were sent and as they were read.

        Not where an operation has them of another way of its own, and not where there are many.
        """
        if len(rows) >= PAGE_SIZE or not is_raw(sent):
            return
        origin, texts = self.origin(table, names), list(map(bytes, sent.rows))
        if place.keys is None:
            self._put(place.parts[0], replace(sent, rows=texts, last=None), asked, origin)
            return
        pairs: list[Any] = list(map(_SentRow, rows, texts))
        groups = grouped(pairs, place.keys.columns)
        for part in place.parts:
            page = Page([each.text for each in groups.get(part[1], ())])
            self._put(part, page, asked, origin)

    def forget(self, entity: str, moment: float) -> None:
        """A row of this table was changed: nothing that may come from it is used any more."""
        self.changes += 1
        self._changed = moment
        if not any(entity in each or UNKNOWN in each for each in self._origins.values()):
            return
        for name, each in tuple(self._pages.items()):
            if entity in each.origin or UNKNOWN in each.origin:
                del self._pages[name]
                self.size -= each.size

    def _put(self, name: Part, page: Page, asked: float, origin: frozenset[str]) -> None:
        place, key = name
        texts = [part for part in (*place, *key) if isinstance(part, str)]
        size = ENTRY + sum(ROW + len(row) for row in page.rows) + sum(map(len, texts))
        if size > LARGEST:
            return
        old = self._pages.pop(name, None)
        self._pages[name] = KeptPage(page, asked, size, origin)
        self.size += size - (old.size if old else 0)
        while self._is_over(asked):
            self.drop()
        self.grown()

    def drop(self) -> None:
        """Let the oldest page go."""
        if self._pages:
            _, gone = self._pages.popitem(last=False)
            self.size -= gone.size

    def _is_over(self, moment: float) -> bool:
        """True if the oldest page is too old for every table."""
        oldest = next(iter(self._pages.values()))
        return oldest.asked <= moment - max(self._longest, self._outage())


NOTHING_KEPT = KeptRows()
"""For readers that ask for everything."""


def _told(place: KeptPlace, part: Part) -> bytes:
    """The name of a part of a place that is the same in all replicas."""
    columns = place.keys.columns if place.keys else ()
    return "\n".join([place.told, *columns, "", *part[1]]).encode()


class _SentRow(Struct):
    """A row, and the text in which it came."""

    row: Any
    text: bytes

    def get(self, name: str, /) -> Any:
        return self.row.get(name)


def _along(names: Names, entity: str, path: str) -> list[str]:
    """The tables that a path leads through."""
    found = []
    for lookup in path.split("/")[:-1]:
        step = names.step(entity, lookup)
        if step is None:
            break
        entity = step.entity
        found.append(entity)
    return found
