"""
Feeds of tables of which rows are kept: rows are used for longer while their tables are followed,
and given up as soon as one of them changes.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from gateway.feeds.following import Feeds
from gateway.loaders.kept_rows import KeptRows
from gateway.model.tables import Table
from gateway.upstream.sender import now

EVERY: Final = 10.0
"""Seconds between two looks at which rows are used."""
UNUSED: Final = 600.0
"""Seconds after which a table of which no row was used is followed no more."""


class FollowedRows:
    """Has the feeds follow what the kept rows stand on, while they are used."""

    def __init__(self, feeds: Feeds, kept: KeptRows) -> None:
        self._feeds, self._kept = feeds, kept
        kept.followed = feeds.known_up_to

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """Follow the tables of which rows were used of late, and no others."""
        since = now() - UNUSED
        self._feeds.follow({each for table in self._used(since) for each in self._origin(table)})

    def _used(self, since: float) -> Iterator[Table]:
        """The tables whose rows could be used for longer, and were used since then."""
        for table, moment in self._kept.used.items():
            if moment >= since and table.has_feed and table.kept > self._kept.age(table):
                yield table

    def _origin(self, table: Table) -> frozenset[str]:
        return self._kept.origin(table, self._feeds.names)
