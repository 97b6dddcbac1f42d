"""
Stores of sessions and of drafts in Redis or Valkey, which any number of machines share. They need
the extra `shared`, and keep nothing there that could be read without the cookie or the secret.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError

from portal.errors import Unavailable
from portal.seals import Seals
from portal.stores import QUARTER, SESSION, WEEK, Kept, Written, draft_purpose, session_name

PREFIX: Final = "dynamics-portal"
PATIENCE: Final = 1.0
"""Seconds to wait for the store."""
SAVE: Final = """
local before = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
local version, held = tonumber(ARGV[2]), ARGV[3]
if before ~= version - 1 then return 0 end
redis.call('HSET', KEYS[1], 'content', ARGV[1], 'version', version, 'held', held)
if held == '1' then redis.call('PERSIST', KEYS[1]) else redis.call('EXPIRE', KEYS[1], ARGV[4]) end
return 1
"""
"""Puts a draft in the place of the version before it; a held one stays for good."""


class RedisStore:
    """Sessions. Without Redis nobody can be told apart: their pages say so."""

    def __init__(self, url: str) -> None:
        """ValueError where that is no address of Redis."""
        self._redis: Any = Redis.from_url(url, **_options())

    def load(self, key: str) -> Kept | None:
        found = self._done(self._redis.hgetall, _session(key))
        if not found:
            return None
        content = Seals(key).open(SESSION, found["content"])
        return Kept(content, float(found["touched"])) if content is not None else None

    def add(self, key: str, kept: Kept) -> None:
        self._done(self._redis.eval, ADD, 1, _session(key), *_told(key, kept))

    def update(self, key: str, kept: Kept) -> None:
        self._done(self._redis.eval, UPDATE, 1, _session(key), *_told(key, kept))

    def drop(self, key: str) -> None:
        self._done(self._redis.delete, _session(key))

    def _done(self, command: Any, *arguments: Any) -> Any:
        try:
            return command(*arguments)
        except RedisError as error:
            raise Unavailable("the store of sessions") from error


ADD: Final = """
redis.call('HSET', KEYS[1], 'content', ARGV[1], 'touched', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
UPDATE: Final = f"if redis.call('EXISTS', KEYS[1]) == 1 then {ADD} end"
"""Signing out is final: a session that was dropped does not come back."""


class RedisDrafts:
    """Drafts, each put in the place of the version that it was made of."""

    def __init__(self, url: str, seals: Seals) -> None:
        """ValueError where that is no address of Redis."""
        self._redis: Any = AsyncRedis.from_url(url, **_options())
        self._seals = seals

    async def load(self, owner: str) -> Written | None:
        try:
            found: Mapping[str, str] = await self._redis.hgetall(_draft(owner))
        except RedisError as error:
            raise Unavailable("the store of drafts") from error
        if not found:
            return None
        content = self._seals.open(draft_purpose(owner), found["content"])
        if content is None:
            raise ValueError("a draft was sealed with another secret")
        return Written(content, int(found["version"]), found["held"] == "1")

    async def save(self, owner: str, written: Written) -> bool:
        content = self._seals.seal(draft_purpose(owner), written.content)
        arguments = content, written.version, str(int(written.held)), QUARTER
        try:
            return bool(await self._redis.eval(SAVE, 1, _draft(owner), *arguments))
        except RedisError as error:
            raise Unavailable("the store of drafts") from error


def _options() -> Mapping[str, Any]:
    return {
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
        "decode_responses": True,
    }


def _session(key: str) -> str:
    return f"{PREFIX}:session:{session_name(key)}"


def _draft(owner: str) -> str:
    return f"{PREFIX}:draft:{owner}"


def _told(key: str, kept: Kept) -> tuple[str, str, int]:
    left = max(1, int(kept.touched + WEEK - time.time()))
    return Seals(key).seal(SESSION, kept.content), repr(kept.touched), left
