"""
The news of feeds that replicas share by one Redis stream: of each feed one process is the reader,
and the others hear what it read. Texts are sealed, so that a stranger in Redis neither reads nor
adds any.

While Redis is away every process reads its feeds by itself.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Protocol
from uuid import uuid4

import msgspec

from gateway.admission.remote import Remote
from gateway.admission.vault import Vault

READERS: Final = "gateway:feeds:readers"
NEWS: Final = "gateway:feeds:news"
MOST: Final = 5_000
"""Texts of the stream: whoever misses some reads by itself."""
LARGE: Final = 2_000
"""Rows of one text: of more the others are told that there were some."""
LISTEN: Final = 0.2
"""Seconds between two looks at the stream."""
PATIENCE: Final = 0.5
"""Seconds that a look into Redis may take."""
WITHOUT: Final = "feeds are not shared in Redis for now"

HOLD: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, lasts, readers = ARGV[1], tonumber(ARGV[2]), {}
for i = 3, #ARGV, 2 do
    local held = redis.call('HGET', KEYS[1], ARGV[i]) or ''
    local who, ends, at = string.match(held, '^(%S+) (%d+) (%S+)$')
    ends = tonumber(ends or '0')
    if who == me or ends <= now or ends > now + 2 * lasts then
        local mine = me .. ' ' .. string.format('%d', now + lasts) .. ' ' .. ARGV[i + 1]
        redis.call('HSET', KEYS[1], ARGV[i], mine)
        at = ''
    end
    readers[#readers + 1] = at
end
redis.call('PEXPIRE', KEYS[1], 10 * lasts)
return readers
"""
"""
Become or stay the reader of feeds that have none, at a position; of each feed the position of
another reader, or nothing.
"""


class News(msgspec.Struct, frozen=True):
    """Rows that one read of a feed brought, or a hint."""

    reader: str
    feed: str = ""
    before: str = ""
    """The position that these lead on from; who is at another one has missed some."""
    link: str = ""
    """The delta link behind them."""
    rows: list[dict[str, Any]] | None = None
    """None where there were too many."""
    hint: str | None = None
    """The table that a hint names, or nothing for all."""


class NewsPlace(Protocol):
    """A Redis that all replicas reach; its methods raise whatever goes wrong."""

    async def run(self, script: str, key: str, *arguments: str) -> Any: ...

    async def append(self, stream: str, text: str, most: int) -> None: ...

    async def latest(self, stream: str) -> str: ...

    async def after(self, stream: str, name: str) -> list[tuple[str, Any]]: ...


class Relay:
    """The part of one process in it."""

    def __init__(self, place: NewsPlace, vault: Vault) -> None:
        self._place, self._vault = place, vault
        self._me = uuid4().hex
        self._seen: str | None = None
        self._remote = Remote(WITHOUT)

    async def hold(self, feeds: Mapping[str, str], lasts: float) -> Sequence[str | None]:
        """
        The positions of other readers of these feeds, given with our own; None for a feed that this
        process has to read itself. A reader stands for `lasts` seconds.
        """
        if not feeds:
            return []
        texts = [self._me, f"{lasts * 1000:.0f}", *chain.from_iterable(feeds.items())]
        found = await self._remote.outcome(self._place.run(HOLD, READERS, *texts), PATIENCE)
        if not isinstance(found, list) or len(found) != len(feeds):
            return [None] * len(feeds)
        return [each.decode() or None if isinstance(each, bytes) else None for each in found]

    async def tell(self, *news: News) -> None:
        """Tell the others."""
        for each in news:
            sent = msgspec.structs.replace(each, reader=self._me)
            if sent.rows is not None and len(sent.rows) > LARGE:
                sent = msgspec.structs.replace(sent, rows=None)
            text = self._vault.sealed(NEWS, msgspec.msgpack.encode(sent))
            await self._remote.outcome(self._place.append(NEWS, text, MOST), PATIENCE)

    async def listen(self, heard: Callable[[News], None]) -> None:
        """Hear what others tell, until it is cancelled."""
        while True:
            await self.hear(heard)
            await asyncio.sleep(LISTEN)

    async def hear(self, heard: Callable[[News], None]) -> None:
        """Hear what came since the last time."""
        if self._seen is None:
            self._seen = await self._remote.outcome(self._place.latest(NEWS), PATIENCE)
            return
        news = await self._remote.outcome(self._place.after(NEWS, self._seen), PATIENCE)
        for name, text in news or ():
            self._seen = name
            if (found := self._opened(text)) is not None and found.reader != self._me:
                heard(found)

    def _opened(self, text: Any) -> News | None:
        value = self._vault.opened(NEWS, text)
        try:
            return None if value is None else msgspec.msgpack.decode(value.content, type=News)
        except msgspec.MsgspecError:
            return None
