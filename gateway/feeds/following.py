"""
The feeds of one process: tables that somebody watches are read by their delta links, each change is
held against each watcher's row rule, and those whom it concerns are woken.

Nothing of a change reaches a watcher but that there was one: what the watcher sees of it is read
again through the gate. Replicas that share a Redis read each feed once, and tell each other.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from math import inf
from typing import Any, Final

from gateway.config.settings import Settings
from gateway.errors import UpstreamError, UpstreamRefused
from gateway.feeds.feed import Feed, RowChange, State, holding
from gateway.feeds.interests import Interest, Watcher
from gateway.feeds.polls import Polls
from gateway.feeds.relay import News, Relay
from gateway.feeds.standing import Standing, position_of
from gateway.model.declarations import Table
from gateway.model.proofs import FeedColumns, feed_columns, key_of
from gateway.tasks import ended
from gateway.upstream.conditions import EVERYTHING
from gateway.upstream.delta_pages import DeltaPage, Told, first_page, page_at, pages_at
from gateway.upstream.names import Names
from gateway.upstream.sender import now
from gateway.upstream.service import Service

log = logging.getLogger(__name__)

TOGETHER: Final = 50
"""Feeds that one request reads."""
LONGEST: Final = 6 * 86_400.0
"""Seconds after which a delta link is not used any more: Dataverse keeps changes for a week."""
AGAIN: Final = 600.0
"""Seconds after which a table that was not tracked is tried again."""
POLL: Final = 20.0
"""Seconds after which watchers of tables without change tracking are woken."""
SHORTEST: Final = 0.25
"""Seconds between two looks when hints come."""
OFTEN: Final = 600.0
"""Seconds after which replicas are told of a new link although nothing changed."""
YOUNG: Final = 60.0
"""Seconds in which a delta link cannot have expired: a table whose link is refused is not read."""
SELDOM: Final = 10.0
"""Seconds between two looks at a table that is followed for kept rows alone."""
PAUSE: Final = 0.01
"""Seconds that a table which is read as a whole leaves to others after each page."""
Changed = Callable[[str, float], None]
"""Is called with the name of a table of which rows changed."""


def _nothing(entity: str, moment: float) -> None:
    """Do nothing."""


class Feeds:
    """Follows the tables of Dataverse that somebody watches."""

    def __init__(
        self,
        service: Service,
        tables: Iterable[Table],
        settings: Settings,
        changed: Changed = _nothing,
        polls: Polls | None = None,
        relay: Relay | None = None,
    ) -> None:
        """
        `changed` hears of a table, and the moment, before its watchers do. `polls` are for tables
        of other services, `relay` for replicas.
        """
        self._service = service
        self._polls = polls or Polls(service)
        self._relay = relay
        self._hinted = asyncio.Event()
        self._turned_at = -inf
        self._tables = tuple(tables)
        self._interval = settings.live_interval
        self._changed = changed
        self._feeds: dict[str, Feed] = {}
        self._columns: Mapping[str, FeedColumns] = {}
        self._version = -1
        self._syncing: dict[str, asyncio.Task[None]] = {}
        self._polled_at = 0.0
        self._watched = asyncio.Event()
        self._keeper = Watcher(lambda: None)
        """Watches for rows that are kept, which `changed` gives up."""

    @property
    def names(self) -> Names:
        """The names of tables in Dataverse."""
        return self._service.names

    # What watchers want

    def note(self, watcher: Watcher, table: Table | str, interest: Interest) -> None:
        """Tell the watcher of changes of these rows from here on."""
        entity = table if isinstance(table, str) else table.entity
        noted = entity, interest
        if noted in watcher.noted:
            return
        watcher.noted.add(noted)
        if not isinstance(interest, str):
            self._feed(entity).interests.add(watcher, interest)
        elif isinstance(table, Table):
            self._polls.add(watcher, table, interest)
        self._watched.set()

    def forget(self, watcher: Watcher, noted: Iterable[tuple[str, Interest]]) -> None:
        """End what `note` began, for these."""
        for each in tuple(noted):
            entity, interest = each
            watcher.noted.discard(each)
            if isinstance(interest, str):
                self._polls.remove(watcher, entity, interest)
            else:
                self._feed(entity).interests.remove(watcher, interest)

    def follow(self, entities: Iterable[str]) -> None:
        """Follow these tables for rows that are kept of them, and for these no others."""
        wanted: set[tuple[str, Interest]] = {(entity, EVERYTHING) for entity in entities}
        self.forget(self._keeper, self._keeper.noted - wanted)
        for entity, interest in wanted:
            self.note(self._keeper, entity, interest)

    def known_up_to(self, entity: str) -> float:
        """The moment up to which all changes of a table are known; -inf if they are not."""
        feed = self._feeds.get(entity)
        return feed.read_at if feed and feed.interests and feed.state is State.FOLLOWED else -inf

    def leave(self, watcher: Watcher) -> None:
        """The watcher is gone."""
        self.forget(watcher, watcher.noted)

    # Hints

    async def hint(self, entity: str | None) -> None:
        """Somebody says that rows changed, of a table of Dataverse or of the ERP: look soon."""
        self._heed(entity)
        if self._relay is not None:
            await self._relay.tell(News("", hint=entity or ""))

    def _heed(self, entity: str | None) -> None:
        if not entity:
            self._polls.hint()
        elif entity not in self._feeds or not self._feeds[entity].interests:
            return
        self._hinted.set()

    # The feeds

    async def run(self) -> None:
        """Follow what is watched until it is cancelled."""
        hearing: asyncio.Task[None] | None = None
        if self._relay is not None:
            hearing = asyncio.create_task(self._relay.listen(self._heard))
        try:
            while True:
                await self._watched.wait()
                await self._pause()
                try:
                    await self.turn()
                except UpstreamError as error:
                    log.info("feeds are not read for now: %s", error.code)
                except Exception:  # a defect of ours, which must not end all streams
                    log.exception("feeds could not be read")
        finally:
            await ended([*self._syncing.values(), *filter(None, [hearing])])

    async def _pause(self) -> None:
        """Wait until it is time to look again, or a hint comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval):
                await self._hinted.wait()
                await asyncio.sleep(self._turned_at + SHORTEST - now())
        self._hinted.clear()
        self._turned_at = now()

    async def turn(self) -> None:
        """Read all feeds once; UpstreamError where Dataverse could not be asked."""
        watched = [feed for feed in self._feeds.values() if feed.interests]
        if not watched and not self._polls:
            self._watched.clear()
            return
        self._look_at_untracked(watched)
        for watcher in await self._polls.turn():
            watcher.wake()
        for feed in watched:
            if self._begins(feed):
                feed.forget()
                self._syncing[feed.entity] = asyncio.create_task(self._sync(feed))
        following = await self._ours([each for each in watched if self._is_due(each)])
        for start in range(0, len(following), TOGETHER):
            await self._follow(following[start : start + TOGETHER])

    def _is_due(self, feed: Feed) -> bool:
        """True if a feed that is followed is to be read; now and then where nobody watches it."""
        if feed.state is not State.FOLLOWED:
            return False
        return now() >= feed.read_at + SELDOM or not feed.interests.are_of(self._keeper)

    async def _ours(self, feeds: Sequence[Feed]) -> list[Feed]:
        """Those that this process has to read itself."""
        if self._relay is None:
            return list(feeds)
        named = {self._shared_name(feed): feed.standing.at for feed in feeds}
        readers = await self._relay.hold(named, 2 * self._interval + 1)
        return [
            feed
            for feed, reader in zip(feeds, readers, strict=True)
            if reader is None or feed.standing.lags(reader)
        ]

    def _begins(self, feed: Feed) -> bool:
        """True if the table must be read as a whole, from now on."""
        if feed.entity in self._syncing:
            return False
        if not feed.remembers and not feed.interests.are_of(self._keeper):
            return True
        age = now() - feed.read_at
        if feed.state is State.UNTRACKED:
            return age > AGAIN
        return feed.state is State.NEW or age > LONGEST

    async def _follow(self, feeds: Sequence[Feed]) -> None:
        """Read what changed since the last time, and wake those whom it concerns."""
        asked, links = now(), [feed.link for feed in feeds]
        behind = [feed.standing.behind for feed in feeds]
        pages = await pages_at(self._service, links)
        changes: list[RowChange] = []
        news: list[News] = []
        for feed, link, missed, told in zip(feeds, links, behind, pages, strict=True):
            if feed.link != link:
                continue  # it began anew meanwhile, or another process has read it
            rows: list[dict[str, Any]] = []
            changes += await self._followed(feed, told, asked, rows)
            if self._relay is None or feed.read_at != asked or feed.state is not State.FOLLOWED:
                continue
            if missed:  # others know these rows, and go on from there
                feed.standing.move(missed)
            elif rows or asked > feed.standing.told_at + OFTEN:
                news.append(News("", self._shared_name(feed), feed.standing.at, feed.link, rows))
                feed.standing.move(position_of(feed.link))
                feed.standing.told_at = asked
        self._tell(changes)
        if self._relay is not None:
            await self._relay.tell(*news)

    def _heard(self, news: News) -> None:
        """Another process has read a feed, or was given a hint."""
        if news.hint is not None:
            self._heed(news.hint)
            return
        feed = next((f for f in self._feeds.values() if self._shared_name(f) == news.feed), None)
        if feed is None or feed.state is not State.FOLLOWED:
            return
        if not feed.standing.hear(news.before, position_of(news.link), news.rows is not None):
            self._hinted.set()
            return
        changes = feed.take(DeltaPage(news.rows or []))
        feed.link, feed.read_at = news.link, now()
        self._tell(changes)

    def _shared_name(self, feed: Feed) -> str:
        """The name of a feed in all replicas that read the same columns of it."""
        read = self._service.root, feed.entity, feed.spelled_key, *feed.spelled
        return sha256(repr(read).encode()).hexdigest()[:32]

    async def _followed(
        self, feed: Feed, told: Told, asked: float, rows: list[dict[str, Any]]
    ) -> list[RowChange]:
        """The changes of a page and those behind it, whose `rows` are added."""
        changes: list[RowChange] = []
        while isinstance(told, DeltaPage):
            changes += feed.take(told)
            rows += told.value
            if told.next_link is None:
                break
            told = await self._further(told.next_link)
        if isinstance(told, DeltaPage) and told.delta_link:
            feed.link, feed.read_at = told.delta_link, asked
        elif isinstance(told, UpstreamRefused):
            self._refused(feed, told, asked)
        return changes

    def _refused(self, feed: Feed, told: UpstreamRefused, asked: float) -> None:
        """The link has expired, or Dataverse knows it no more: everything may be different."""
        log.info("the feed of %s begins anew: %s", feed.entity, told.details.get("reason"))
        feed.forget()
        if asked < feed.synced_at + YOUNG:
            log.warning("the feed of %s is refused again and again", feed.entity)
            feed.state, feed.read_at = State.UNTRACKED, asked

    async def _further(self, link: str) -> Told:
        try:
            return await page_at(self._service, link)
        except UpstreamError as error:
            return error

    async def _sync(self, feed: Feed) -> None:
        """Read a table as a whole, and wake all who watch it: what they saw may be older."""
        try:
            self._spell(feed)
            feed.remembers = not feed.interests.are_of(self._keeper)
            asked = now()
            told: Told = await first_page(
                self._service,
                self._service.names.collection(feed.entity),
                list(dict.fromkeys([feed.spelled_key, *filter(None, feed.spelled)])),
            )
            while isinstance(told, DeltaPage):
                feed.take(told)
                if told.next_link is None:
                    break
                await asyncio.sleep(PAUSE)
                told = await page_at(self._service, told.next_link)
            self._synced(feed, told, asked)
        except UpstreamError as error:
            log.info("the feed of %s cannot begin for now: %s", feed.entity, error.code)
        finally:
            del self._syncing[feed.entity]

    def _synced(self, feed: Feed, told: Told, asked: float) -> None:
        if isinstance(told, UpstreamRefused):
            level = logging.INFO if feed.interests.are_of(self._keeper) else logging.WARNING
            log.log(level, "the feed of %s cannot be read: is it tracked?", feed.entity)
            feed.state, feed.read_at = State.UNTRACKED, asked
            return
        if isinstance(told, UpstreamError):
            raise told
        if told.delta_link is None:
            return
        feed.state, feed.link, feed.read_at = State.FOLLOWED, told.delta_link, asked
        feed.standing = Standing(position_of(feed.link), told_at=asked)
        feed.synced_at = now()
        self._changed(feed.entity, now())
        self._service.sender.flights.forget()
        for watcher in set(feed.interests.everybody()):
            watcher.wake()

    def _tell(self, changes: Sequence[RowChange]) -> None:
        """Wake those whom changes concern."""
        if not changes:
            return
        for entity in {change.feed.entity for change in changes}:
            self._changed(entity, now())
        # A read that was under way before may have seen what was before.
        self._service.sender.flights.forget()
        woken: set[Watcher] = set()
        for change in changes:
            woken.update(change.feed.interests.concerned(change.row, holding(change)))
        for watcher in woken:
            watcher.wake()

    def _look_at_untracked(self, watched: Sequence[Feed]) -> None:
        """Wake those who saw rows of tables that are not tracked, once in a while."""
        if now() < self._polled_at + POLL:
            return
        self._polled_at = now()
        for feed in watched:
            if feed.state is State.UNTRACKED:
                for watcher in set(feed.interests.everybody()):
                    watcher.wake()

    def _feed(self, entity: str) -> Feed:
        if entity not in self._feeds:
            self._know_columns()
            columns = self._columns.get(entity) or FeedColumns(entity, key_of(entity))
            self._feeds[entity] = Feed(columns, self._feeds)
        return self._feeds[entity]

    def _know_columns(self) -> None:
        names = self._service.names
        if names.version != self._version:
            self._columns = feed_columns(self._tables, names)
            self._version = names.version

    def _spell(self, feed: Feed) -> None:
        """Take the names of the environment for what the feed reads."""
        names = self._service.names
        feed.spelled = tuple(names.path(feed.entity, each) for each in feed.columns.proof)
        feed.spelled_key = names.path(feed.entity, feed.columns.key) or feed.columns.key
