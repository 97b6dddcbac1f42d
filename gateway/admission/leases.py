"""
Leases of the budget of one application user, by which replicas share it: each says in a place that
all of them reach how much it has to do, and is told its part of the whole.

Nothing waits for that place. While it is gone, slow or talks nonsense each process goes on with the
part that it had last; what the services themselves say of their limits comes first in any case.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from math import isfinite
from typing import Any, Final, Protocol
from uuid import uuid4

from msgspec import Struct

log = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds between two renewals."""
LASTS: Final = 5.0
"""Seconds for which a lease stands without being renewed; then others may have its part."""
PATIENCE: Final = 0.5
"""Seconds that a renewal may take."""
LEAST: Final = 1 / 64
"""The part that a process takes in any case."""
LATEST: Final = 0.02
"""The weight of the latest second in what a process says that it has to do, after the first ones:
what was used counts for minutes, and parts that follow each moment would follow chance.
"""

RENEW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, work = ARGV[1], tonumber(ARGV[2])
local held, lasts = tonumber(ARGV[3]), tonumber(ARGV[4])
local leases = redis.call('HGETALL', KEYS[1])
local others, all, count, known = 0, work, 1, false
for i = 1, #leases, 2 do
    local part, weight, ends = string.match(leases[i + 1], '^(%S+) (%S+) (%S+)$')
    part, weight, ends = tonumber(part or ''), tonumber(weight or ''), tonumber(ends or '')
    if not (part and weight and ends and part >= 0 and part <= 1 and weight >= 0 and weight < 1e9
            and ends > now and ends <= now + 2 * lasts) then
        redis.call('HDEL', KEYS[1], leases[i])
    elseif leases[i] == me then
        known = true
    else
        others, all, count = others + part, all + weight, count + 1
    end
end
local part = 1 / count
if all > 0 then part = 0.25 / count + 0.75 * work / all end
if held > 0 and not known then part = math.min(part, held) end
part = math.floor(math.max(0, math.min(part, 1 - others)) * 1000000) / 1000000
redis.call('HSET', KEYS[1], me, string.format('%.6f %.3f %d', part, work, now + lasts))
redis.call('PEXPIRE', KEYS[1], 2 * lasts)
return string.format('%.6f', part)
"""
"""
Renew one lease and return its part: a quarter of the whole is divided evenly, the rest by what
there is to do. A part grows only into what the others have given back, so that all parts are never
more than the whole. A lease that is not known, as all are after a restart, stands as it was held.
"""
LEAVE: Final = "return redis.call('HDEL', KEYS[1], ARGV[1])"
WHO: Final = "return redis.call('HKEYS', KEYS[1])"
OTHERS: Final = (
    "%s processes that share this Redis have another secret: operations, links and cursors that "
    "they gave out are not understood here. Give all replicas the same GATEWAY_RECEIPT_SECRET"
)


class Store(Protocol):
    """A place that all replicas reach, which runs a script as one step."""

    async def run(self, script: str, key: str, *arguments: str) -> Any:
        """The result of the script; raises whatever goes wrong."""

    async def aclose(self) -> None: ...


class SharedBudget(Struct):
    """One budget, as far as it is one process's."""

    share: Callable[[float], None]
    """Is told the part of the whole that is this process's."""
    asked: Callable[[], float]
    """The number of calls so far that anybody wanted to make, made or refused."""
    part: float | None = None
    """The part that was given last; None before the first time."""
    seen: float = 0.0
    """The number of calls at the last renewal."""
    work: float = 0.0
    """Calls from one renewal to the next, of late."""
    renewed: int = 0


class Leases:
    """The leases of one process."""

    def __init__(self, store: Store, budgets: Mapping[str, SharedBudget], mark: str = "") -> None:
        """
        `budgets` by a name that is the same in all replicas that share them, and no others; `mark`:
        what replicas with one secret have in common.
        """
        self.store = store
        self._budgets = {f"gateway:lease:{_digest(name)}": each for name, each in budgets.items()}
        self._mark = mark
        self._me = f"{mark}.{uuid4().hex}"
        self._lost = False

    async def keep(self) -> None:
        """Renew for ever, and say once if there are replicas with another secret."""
        await self.renew()
        await self._look()
        while True:
            await asyncio.sleep(EVERY)
            await self.renew()

    async def strangers(self) -> int:
        """The number of processes with another secret; raises whatever goes wrong."""
        found: set[bytes] = set()
        for key in self._budgets:
            found.update(await self.store.run(WHO, key))
        return sum(name.partition(b".")[0] != self._mark.encode() for name in found)

    async def _look(self) -> None:
        with suppress(Exception):  # whoever renews says what is wrong
            async with asyncio.timeout(PATIENCE):
                if count := await self.strangers():
                    log.warning(OTHERS, count)

    async def renew(self) -> None:
        """Ask for the part of each budget; where nobody answers the last one stands."""
        try:
            async with asyncio.timeout(PATIENCE):
                for key, budget in self._budgets.items():
                    await self._renew(key, budget)
        except Exception as error:  # noqa: BLE001 - a place of others, where anything can be wrong
            self._note_loss(error)
            return
        if self._lost:
            self._lost = False
            log.info("the budget of Dynamics is shared again")

    async def leave(self) -> None:
        """Give the parts back, as far as anybody listens."""
        try:
            async with asyncio.timeout(PATIENCE):
                for key in self._budgets:
                    await self.store.run(LEAVE, key, self._me)
        except Exception as error:  # noqa: BLE001 - as above; the leases end by themselves
            log.info("leases were not given back: %s", type(error).__name__)
        finally:
            await self.store.aclose()

    async def _renew(self, key: str, budget: SharedBudget) -> None:
        asked = budget.asked()
        budget.renewed += 1
        weight = max(LATEST, 1 / budget.renewed)
        budget.work += (max(0.0, asked - budget.seen) - budget.work) * weight
        budget.seen = asked
        said = await self.store.run(
            RENEW,
            key,
            self._me,
            f"{budget.work:.3f}",
            f"{budget.part or 0.0:.6f}",
            f"{LASTS * 1000:.0f}",
        )
        part = float(said)
        if not (isfinite(part) and 0 <= part <= 1):
            raise ValueError("no part of a whole")
        if part != budget.part:
            budget.part = part
            budget.share(max(LEAST, part))

    def _note_loss(self, error: Exception) -> None:
        if not self._lost:
            self._lost = True
            known = [each for each in self._budgets.values() if each.part is not None]
            parts = ", ".join(f"{each.part:.0%}" for each in known)
            kept = parts or "what GATEWAY_WORKERS leaves it"
            log.warning(
                "the budget of Dynamics is not shared for now (%s): this process keeps to %s",
                type(error).__name__,
                kept,
            )


def _digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:16]
