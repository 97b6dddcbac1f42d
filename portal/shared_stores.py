"""
Stores of sessions, drafts and sent mails in Redis or Valkey, which any number of machines share.
They need the extra `shared`, and keep nothing there that could be read without the cookie or the
secret.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from math import ceil, inf
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from portal.errors import Unavailable
from portal.seals import Seals
from portal.sent_mails import MailState
from portal.stores import QUARTER, SESSION, WEEK, Kept, Written, draft_purpose, session_name

PREFIX: Final = "dynamics-portal"
PATIENCE: Final = 1.0
"""Seconds to wait for the store."""
AGAIN: Final = 2.0
"""Seconds for which the store is left alone once it did not answer."""
FEW: Final = 10_000
"""Keys of Redis among which a draft is sought."""
WHAT: Final = "the store of sessions and drafts"
SENDING: Final = 120
"""Seconds after which another process sends a mail that was begun and not ended."""
SAVE: Final = """
local before = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
local version, held = tonumber(ARGV[2]), ARGV[3]
if before ~= version - 1 then return 0 end
redis.call('HSET', KEYS[1], 'content', ARGV[1], 'version', version, 'held', held)
if held == '1' then redis.call('PERSIST', KEYS[1]) else redis.call('EXPIRE', KEYS[1], ARGV[4]) end
return 1
"""
"""Puts a draft in the place of the version before it; a held one stays for good."""


def refusal(url: str, seals: Seals) -> tuple[str, str] | None:
    """
    The error by which Redis refuses a portal, or cannot be reached, or the sign that portals with
    another secret share it, and what to do about it; None where all is well.
    """
    found: Any = Redis.from_url(
        url,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        decode_responses=True,
    )
    try:
        with found as redis:
            redis.ping()
            _, keys = redis.scan(match=f"{_draft('*')}", count=FEW)
            drafts = {key: redis.hget(key, "content") for key in keys[:1]}
    except RedisError as error:
        do = "check host, user, password (with percent codes) and database, and that it answers"
        return f"{type(error).__name__}: {error}"[:200], do
    for key, content in drafts.items():
        if content and seals.open(draft_purpose(key.removeprefix(_draft(""))), content) is None:
            do = "give all portals that share it the same, or name the older one too"
            return "drafts in it were sealed with another PORTAL_SECRET", do
    return None


class RedisStore:
    """Sessions. Without Redis nobody can be told apart: their pages say so."""

    def __init__(self, url: str) -> None:
        """ValueError where that is no address of Redis."""
        self._redis = _Redis(url)

    def load(self, key: str) -> Kept | None:
        found = self._redis.fields(_session(key))
        if not found:
            return None
        content = Seals(key).open(SESSION, found["content"])
        if content is None:
            return None
        return Kept(content, float(found["touched"]), found["content"])

    def add(self, key: str, kept: Kept) -> Kept:
        sealed = Seals(key).seal(SESSION, kept.content)
        self._redis.run(ADD, _session(key), sealed, *_times(kept))
        return replace(kept, sealed=sealed)

    def update(self, key: str, kept: Kept, before: Kept) -> Kept | None:
        sealed = Seals(key).seal(SESSION, kept.content)
        done = self._redis.run(UPDATE, _session(key), sealed, *_times(kept), before.sealed)
        return replace(kept, sealed=sealed) if done else None

    def drop(self, key: str) -> None:
        self._redis.run(DROP, _session(key))

    def claim(self, key: str, seconds: float) -> bool:
        return bool(self._redis.run(CLAIM, _claim(key), ceil(seconds)))

    def release(self, key: str) -> None:
        self._redis.run(DROP, _claim(key))


ADD: Final = """
redis.call('HSET', KEYS[1], 'content', ARGV[1], 'touched', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
UPDATE: Final = f"""
if redis.call('HGET', KEYS[1], 'content') ~= ARGV[4] then return 0 end
{ADD}
return 1
"""
"""Signing out is final: a session that was dropped does not come back."""
DROP: Final = "redis.call('DEL', KEYS[1])"
CLAIM: Final = "return redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[1]) and 1 or 0"


class RedisDrafts:
    """Drafts, each put in the place of the version that it was made of."""

    def __init__(self, url: str, seals: Seals) -> None:
        """ValueError where that is no address of Redis."""
        self._redis = _Redis(url)
        self._seals = seals

    async def load(self, owner: str) -> Written | None:
        found = self._redis.fields(_draft(owner))
        if not found:
            return None
        content = self._seals.open(draft_purpose(owner), found["content"])
        if content is None:
            raise ValueError("a draft was sealed with another secret")
        return Written(content, int(found["version"]), found["held"] == "1")

    async def save(self, owner: str, written: Written) -> bool:
        content = self._seals.seal(draft_purpose(owner), written.content)
        held = str(int(written.held))
        return bool(self._redis.run(SAVE, _draft(owner), content, written.version, held, QUARTER))


BEGIN: Final = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return '' end
return redis.call('GET', KEYS[1])
"""
END: Final = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])"


class RedisSentMails:
    """The mails that went out. While Redis is away none is sent."""

    def __init__(self, url: str) -> None:
        """ValueError where that is no address of Redis."""
        self._redis = _Redis(url)

    def begin(self, id_: str) -> MailState:
        asked = _mail(id_), MailState.UNDER_WAY.value, SENDING
        return MailState(self._redis.run(BEGIN, *asked) or MailState.NEW.value)

    def end(self, id_: str, *, is_sent: bool) -> None:
        if is_sent:
            self._redis.run(END, _mail(id_), MailState.SENT.value, WEEK)
        else:
            self._redis.run(DROP, _mail(id_))


class _Redis:
    """Redis, or `Unavailable` for the page that needs it."""

    def __init__(self, url: str) -> None:
        self._away_until = -inf
        self._redis: Any = Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            decode_responses=True,
        )

    def fields(self, key: str) -> Mapping[str, str]:
        """The fields that are stored under a key; none where there is nothing."""
        with self._asked():
            found: Mapping[str, str] = self._redis.hgetall(key)
        return found

    def run(self, script: str, key: str, *arguments: str | int) -> Any:
        """The result of a script, which is one step."""
        with self._asked():
            return self._redis.eval(script, 1, key, *arguments)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """One question. Everybody waits for its answer, so that few are asked if none comes."""
        if time.monotonic() < self._away_until:
            raise Unavailable(WHAT)
        try:
            yield
        except RedisError as error:
            self._away_until = time.monotonic() + AGAIN
            raise Unavailable(WHAT) from error


def _session(key: str) -> str:
    return f"{PREFIX}:session:{session_name(key)}"


def _claim(key: str) -> str:
    return f"{PREFIX}:claim:{session_name(key)}"


def _mail(id_: str) -> str:
    return f"{PREFIX}:mail:{sha256(id_.encode()).hexdigest()}"


def _draft(owner: str) -> str:
    return f"{PREFIX}:draft:{owner}"


def _times(kept: Kept) -> tuple[str, int]:
    """The time of the last request, and the seconds for which the session is kept."""
    return repr(kept.touched), max(1, int(kept.touched + WEEK - time.time()))
