"""A place that replicas share, in Redis or Valkey. It needs the extra `shared`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis import Redis as WaitedFor
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.retry import Retry as WaitingRetry

from gateway.tasks import heeding

TEXT: Final = b"text"
FIRST: Final = "0-0"
"""The name before the first text of a stream."""
ADD: Final = """
local function add()
    return redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', ARGV[1], ARGV[2])
end
local name = add()
if name.err and string.find(name.err, 'last possible ID') then
    redis.call('DEL', KEYS[1])
    name = add()
end
return name
"""
"""Add a text to a stream; one that has come to the last name that there can be is begun anew."""


def waited_for(url: str, patience: float) -> WaitedFor:
    """A Redis for threads that wait for its answers; ValueError for an address that is none."""
    return WaitedFor.from_url(
        url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=WaitingRetry(NoBackoff(), 0),
    )


class RedisStore:
    """Scripts and texts in one Redis. It connects when asked, and again after each failure."""

    def __init__(self, url: str, patience: float) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
        )

    async def run(self, script: str, key: str, *arguments: str) -> Any:
        """The result of the script; raises whatever goes wrong."""
        return await heeding(self._redis.eval(script, 1, key, *arguments))

    async def read(self, names: Sequence[str]) -> Sequence[Any]:
        """The texts of these names, as bytes; None where there is none."""
        found: Sequence[Any] = await heeding(self._redis.mget(names))
        return found

    async def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep texts for so long."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for name, text in texts.items():
                pipe.set(name, text, px=max(1, int(seconds * 1000)))
            await heeding(pipe.execute())

    async def append(self, stream: str, text: str, most: int) -> None:
        """Add a text to a stream, of which about `most` are kept."""
        await heeding(self._redis.eval(ADD, 1, stream, TEXT, text, most))

    async def latest(self, stream: str) -> str:
        """The name of the latest text of a stream; that before the first one where it has none."""
        found: Any = await heeding(self._redis.xrevrange(stream, count=1))
        return found[0][0].decode() if found else FIRST

    async def after(self, stream: str, name: str) -> list[tuple[str, Any]]:
        """
        The texts behind the one of this name, oldest first, each with its own name; all of them
        where the stream was begun anew since.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xread({stream: name})
            pipe.xrevrange(stream, count=1)
            found, last = await heeding(pipe.execute())
        if not found and last and _order(last[0][0].decode()) < _order(name):
            found = await heeding(self._redis.xread({stream: FIRST}))
        return [(n.decode(), fields.get(TEXT)) for _, texts in found for n, fields in texts]

    async def aclose(self) -> None:
        await self._redis.aclose()


def _order(name: str) -> tuple[int, int]:
    """The place of a text of this name among those of its stream."""
    moment, _, number = name.partition("-")
    return int(moment), int(number)
