"""A place that replicas share, in Redis or Valkey. It needs the extra `shared`."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


class RedisStore:
    """Scripts in one Redis; it connects when it is asked, and again after each failure."""

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

    async def aclose(self) -> None:
        await self._redis.aclose()
