"""
Deliveries: what changed becomes messages to the addresses of webhooks, which the policy file
declares. What is told, and to whom, is the matter of their news.

Messages of one order are made one after the other. One that is not taken is tried again with longer
and longer pauses for a day, and then set aside.
"""

import asyncio
import logging
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing, suppress
from functools import partial
from math import inf
from typing import Final
from uuid import UUID, uuid4

from gateway.auth.webhooks import Webhook
from gateway.deliveries.deliveries_file import DeliveriesFile, Delivery
from gateway.deliveries.invitation_news import delivery_of
from gateway.deliveries.news import DeliveredNews, Unmade
from gateway.deliveries.posting import NotPosted, post, reached
from gateway.deliveries.signing import signed
from gateway.errors import GatewayError
from gateway.tasks import ended

log = logging.getLogger(__name__)

SENDER: Final = "sender"
"""The role of the process that makes deliveries."""
LEASE: Final = 30.0
"""Seconds after which another process makes them; longer than a delivery may take."""
AT_ONCE: Final = 10
"""Deliveries to one address at once."""
FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 4 * 3_600.0
GROWTH: Final = 4.0
"""Each pause before another try is so many times the one before."""
FOR_A_DAY: Final = 86_400.0
"""Seconds for which a delivery is tried."""
KEPT: Final = 7 * 86_400.0
"""Seconds for which deliveries that were made or set aside can be listed and replayed."""
DRAIN: Final = 3.0
"""Seconds that messages which are being sent get when the process stops."""
KEPT_OF_PERSONS: Final = 400 * 86_400.0
"""Seconds for which it is known that a person was told of something."""
TAKEN: Final = range(200, 300)


class Deliveries:
    """The deliveries of one process."""

    def __init__(
        self,
        file: DeliveriesFile,
        hooks: Callable[[], Mapping[str, Webhook]],
        of_partners: DeliveredNews,
        of_persons: DeliveredNews,
        *,
        interval: float,
    ) -> None:
        """`hooks`: those of the policy as it is now; `interval`: seconds between two looks."""
        self._file, self._hooks, self._interval = file, hooks, interval
        self._of_partners, self._of_persons = of_partners, of_persons
        self._me = uuid4().hex
        self._rounds: dict[Webhook, asyncio.Task[None]] = {}
        self._sending: dict[int, asyncio.Task[None]] = {}
        """Messages that are under way, by the number of the delivery."""
        self._failing: dict[str, str] = {}
        """The reason for which a webhook gets nothing, told to the log once."""

    async def run(self) -> None:
        """Make deliveries until it is cancelled."""
        looking = asyncio.create_task(self._look_at_addresses())
        try:
            while True:
                try:
                    await self._beat()
                except GatewayError as error:
                    log.info("deliveries are not made for now: %s", error.code)
                except Exception:  # a defect of ours, which must not end all deliveries
                    log.exception("deliveries could not be made")
                await asyncio.sleep(self._interval)
        finally:
            with closing(self._file):
                await ended([looking])
                await self._end_rounds()
                with suppress(GatewayError):  # the lease ends by itself
                    self._file.release(SENDER, self._me)

    async def invited(self, contact: UUID) -> None:
        """Tell a person of an invitation, once, where the policy has a webhook for persons."""
        hooks = [each.name for each in self._hooks().values() if each.persons]
        told = [delivery_of(hook, contact) for hook in hooks]
        try:
            await asyncio.to_thread(self._file.keep, told)
        except (GatewayError, sqlite3.Error) as error:  # the invitation stands all the same
            log.warning("a person is not told of an invitation: %s", type(error).__name__)

    async def _end_rounds(self) -> None:
        rounds = list(self._rounds.values())
        self._rounds.clear()
        await ended(rounds)
        if self._sending:
            # The outcome of what was sent is kept, lest it is sent again.
            _, late = await asyncio.wait(self._sending.values(), timeout=DRAIN)
            await ended(late)

    async def _look_at_addresses(self) -> None:
        """Say at the start which addresses could not be reached now."""
        for hook in self._hooks().values():
            try:
                await reached(hook.address, hook.allow)
            except NotPosted as problem:
                log.error("webhook %s: %s", hook.name, problem)

    async def _beat(self) -> None:
        """Begin a round for each webhook that has none under way."""
        moment = time.time()
        if not await asyncio.to_thread(self._file.hold, SENDER, self._me, moment, moment + LEASE):
            await self._end_rounds()
            return
        hooks = set(self._hooks().values())
        for hook, task in list(self._rounds.items()):
            if task.done() or hook not in hooks:
                task.cancel()
                del self._rounds[hook]
        for hook in hooks - self._rounds.keys():
            self._rounds[hook] = asyncio.create_task(self._round(hook))
        names = sorted(each.name for each in hooks)
        await asyncio.to_thread(self._file.forget, moment - KEPT, moment - KEPT_OF_PERSONS, names)

    async def _round(self, hook: Webhook) -> None:
        """Read now and then what changed for a webhook, and make what is due, until nothing is."""
        making: dict[int, asyncio.Task[None]] = {}
        clock, gathered_at = asyncio.get_running_loop().time, -inf
        try:
            while True:
                if clock() >= gathered_at + self._interval:
                    gathered_at = clock()
                    await self._gather(hook)
                for each in await self._due(hook, making):
                    making[each.number] = asyncio.create_task(self._make(hook, each))
                if not making:
                    return
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait(making.values(), timeout=self._interval, return_when=first)
                for number in [number for number, task in making.items() if task.done()]:
                    making.pop(number).result()
        except GatewayError as error:
            log.info("deliveries to webhook %s wait: %s", hook.name, error.code)
        except Exception:  # a defect of ours, which must not end the others
            log.exception("deliveries to webhook %s could not be made", hook.name)
        finally:
            await ended(making.values())

    async def _gather(self, hook: Webhook) -> None:
        """Turn what changed into deliveries."""
        try:
            await self._news(hook).gather(hook)
            self._failing.pop(hook.name, None)
        except GatewayError as error:
            if self._failing.get(hook.name) != error.code:
                log.warning("webhook %s is told of no changes for now: %s", hook.name, error.code)
            self._failing[hook.name] = error.code
        except Exception:  # as above
            log.exception("webhook %s is told of no changes for now", hook.name)

    async def _due(self, hook: Webhook, making: Collection[int]) -> list[Delivery]:
        """The next that are due and not under way: as many as fit beside those `making`."""
        under_way, room = {*making, *self._sending}, AT_ONCE - len(making)
        if not room:
            return []
        most = room + len(under_way)
        due = await asyncio.to_thread(self._file.due, hook.name, time.time(), most)
        return [each for each in due if each.number not in under_way][:room]

    def _news(self, hook: Webhook) -> DeliveredNews:
        return self._of_persons if hook.persons else self._of_partners

    async def _make(self, hook: Webhook, delivery: Delivery) -> None:
        """Make one delivery, and keep its outcome."""
        try:
            made = await self._news(hook).made(hook, delivery)
        except Unmade as error:
            await self._keep(hook, delivery, str(error))
        except GatewayError as error:
            await self._keep(hook, delivery, error.code)
        except Exception:  # a defect of ours, which must not be tried as fast as possible
            log.exception("a delivery of webhook %s could not be made", hook.name)
            await self._keep(hook, delivery, "INTERNAL")
        else:
            if made.body is None:
                kept = delivery, made.reason, made.then, made.again
                await asyncio.to_thread(self._file.done, *kept)
                return
            task = asyncio.create_task(self._send(hook, delivery, made.body))
            self._sending[delivery.number] = task
            task.add_done_callback(partial(self._is_sent, delivery.number))
            await asyncio.shield(task)

    def _is_sent(self, number: int, task: asyncio.Task[None]) -> None:
        del self._sending[number]
        if not task.cancelled():
            task.exception()  # its round may have ended, and nobody else asks for it

    async def _send(self, hook: Webhook, delivery: Delivery, body: bytes) -> None:
        try:
            status = await send(hook, delivery.id, body)
            problem = "" if status in TAKEN else f"status {status}"
        except NotPosted as error:
            problem = str(error)
        except Exception:  # as above
            log.exception("a delivery of webhook %s could not be sent", hook.name)
            problem = "INTERNAL"
        await self._keep(hook, delivery, problem)

    async def _keep(self, hook: Webhook, delivery: Delivery, problem: str) -> None:
        """Keep the outcome of a delivery: the problem, or none."""
        if not problem:
            await asyncio.to_thread(self._file.done, delivery)
            return
        due = due_again(delivery, time.time())
        if due is None:
            log.error("webhook %s: %s is set aside: %s", hook.name, delivery.id, problem)
        await asyncio.to_thread(self._file.failed, delivery, problem, due)


async def send(hook: Webhook, id_: str, body: bytes) -> int:
    """Send one message, signed; the status of the answer, or NotPosted."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "dynamics-gateway",
        **signed(id_, int(time.time()), body, hook.keys),
    }
    return await post(hook.address, headers, body, hook.allow)


def due_again(delivery: Delivery, moment: float) -> float | None:
    """The time of the next try of a delivery that failed; None where there is none."""
    if moment >= delivery.since + FOR_A_DAY:
        return None
    pause: float = min(FIRST_PAUSE * GROWTH ** min(delivery.tries, 20), LONGEST_PAUSE)
    return moment + pause * random.uniform(0.9, 1.1)  # noqa: S311 - spreads tries, hides nothing
