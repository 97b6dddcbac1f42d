"""A place that replicas share, in Redis or Valkey. It needs the extra `shared`."""

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


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
        return await self._redis.eval(script, 1, key, *arguments)

    async def read(self, names: Sequence[str]) -> Sequence[Any]:
        """The texts of these names, as bytes; None where there is none."""
        found: Sequence[Any] = await self._redis.mget(names)
        return found

    async def write(self, texts: Mapping[str, str], seconds: float) -> None:
        """Keep texts for so long."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for name, text in texts.items():
                pipe.set(name, text, px=max(1, int(seconds * 1000)))
            await pipe.execute()

    async def aclose(self) -> None:
        await self._redis.aclose()
