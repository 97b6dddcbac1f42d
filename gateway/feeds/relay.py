"""
The news of feeds that replicas share by one Redis stream: of each feed one process is the reader,
and the others hear what it read. Texts are sealed, so that a stranger in Redis neither reads nor
adds any.

While Redis is away every process reads its feeds by itself.
"""

import asyncio
from collections.abc import Callable, Sequence
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
local me, lasts, mine = ARGV[1], tonumber(ARGV[2]), {}
for i = 3, #ARGV do
    local who, ends = string.match(redis.call('HGET', KEYS[1], ARGV[i]) or '', '^(%S+) (%d+)$')
    ends = tonumber(ends or '0')
    if who == me or ends <= now or ends > now + 2 * lasts then
        redis.call('HSET', KEYS[1], ARGV[i], me .. ' ' .. string.format('%d', now + lasts))
        mine[#mine + 1] = ARGV[i]
    end
end
redis.call('PEXPIRE', KEYS[1], 10 * lasts)
return mine
"""
"""Become or stay the reader of feeds that have none; those of which one is."""


class News(msgspec.Struct, frozen=True):
    """Rows that one read of a feed brought, or a hint."""

    reader: str
    feed: str = ""
    before: str = ""
    """The link after the news before; who has another one has missed some."""
    after: str = ""
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

    async def hold(self, feeds: Sequence[str], lasts: float) -> set[str]:
        """Those feeds that this process has to read itself; a reader stands for `lasts` seconds."""
        if not feeds:
            return set()
        texts = [self._me, f"{lasts * 1000:.0f}", *feeds]
        found = await self._remote.outcome(self._place.run(HOLD, READERS, *texts), PATIENCE)
        if not isinstance(found, list):
            return set(feeds)
        return {each.decode() for each in found if isinstance(each, bytes)}

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
