"""
Rows of services that keep no change feed: one small question a table and legal entity, for however
many watchers, says by the number of rows and the newest key that there are others.

Changes of a row in place show in neither; for them all watchers look again once in a while.
"""

import logging
from typing import Any, Final

from gateway.admission.errands import Errand, Lane
from gateway.errors import GatewayError
from gateway.feeds.interests import Watcher
from gateway.model.declarations import Table
from gateway.upstream.allowance import Allowance
from gateway.upstream.conditions import EVERYTHING, Code, Compare
from gateway.upstream.delta_pages import ERRAND, PATIENCE
from gateway.upstream.odata import ODataQuery, Order
from gateway.upstream.sender import now
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

POLL: Final = 20.0
"""Seconds between two questions."""
SHORTEST: Final = 2.0
"""Seconds between them when hints come."""
SETTLED: Final = 300.0
"""Seconds after which all watchers look again, as rows may have changed in place."""
COMPANY: Final = "dataAreaId"
TOGETHER: Final = 50
"""Questions of one call."""


class Poll:
    """One table in one legal entity, or in all of them."""

    __slots__ = ("company", "known", "table", "watchers")

    def __init__(self, table: Table, company: str) -> None:
        self.table, self.company = table, company
        self.watchers: set[Watcher] = set()
        self.known: tuple[Any, ...] | None = None
        """The number of rows and the newest key; None before the first answer."""

    @property
    def query(self) -> ODataQuery:
        newest = tuple(self.table.key)[-1]
        where = Compare(COMPANY, "eq", Code(self.company)) if self.company else EVERYTHING
        order = (Order(newest, descending=True),)
        return ODataQuery(self.table.entity, (newest,), where, order, top=1, count=True)


class Polls:
    """The polls of one process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._polls: dict[tuple[str, str], Poll] = {}
        self._asked_at = self._settled_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._polls)

    def add(self, watcher: Watcher, table: Table, company: str) -> None:
        """Tell the watcher of other rows from here on; without a company, of all of them."""
        if COMPANY not in table.key:
            company = ""
        if not self._polls:
            self._settled_at = now()
        known = self._polls.setdefault((table.entity, company), Poll(table, company))
        known.watchers.add(watcher)

    def remove(self, watcher: Watcher, entity: str, company: str) -> None:
        """End what `add` began."""
        for name in ((entity, company), (entity, "")):
            if (known := self._polls.get(name)) is not None:
                known.watchers.discard(watcher)
                if not known.watchers:
                    del self._polls[name]

    def hint(self) -> None:
        """Somebody says that there are other rows."""
        self._asked_at = min(self._asked_at, now() - POLL + SHORTEST)

    async def turn(self) -> set[Watcher]:
        """Those who may see something else than before; asks where it is time to."""
        moment = now()
        if moment < self._asked_at + POLL or not self._polls:
            return set()
        self._asked_at = moment
        found: set[Watcher] = set()
        if moment >= self._settled_at + SETTLED:
            self._settled_at = moment
            found.update(*(each.watchers for each in self._polls.values()))
        polls = list(self._polls.values())
        for start in range(0, len(polls), TOGETHER):
            for poll in await self._changed(polls[start : start + TOGETHER]):
                found |= poll.watchers
        return found

    async def _changed(self, polls: list[Poll]) -> list[Poll]:
        errand = Errand(Lane.FEEDS, ERRAND, ERRAND)
        allowance = Allowance(len(polls), now() + PATIENCE, errand=errand)
        try:
            pages = await self._service.fetch_together([each.query for each in polls], allowance)
        except GatewayError as error:
            log.info("tables of the ERP are not looked at for now: %s", error.code)
            return polls  # nobody knows, so that everybody looks by themselves
        found = []
        for poll, page in zip(polls, pages, strict=True):
            state = (page.count, *[tuple(row.values()) for row in page.rows])
            if state != poll.known:
                # Before the first answer they may have seen what was before.
                found.append(poll)
            poll.known = state
        return found
