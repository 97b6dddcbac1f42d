"""
Changes for partners: each becomes a message that is made by a trusted document, with the partner's
own rights at that moment.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from gateway.auth.principal import Principal
from gateway.auth.webhooks import Webhook
from gateway.deliveries.deliveries_file import DeliveriesFile, Delivery
from gateway.deliveries.news import Asking, MadeDelivery, Unmade, message
from gateway.model.declarations import Table
from gateway.schema import ids
from gateway.schema.context import Context
from gateway.telling.told_changes import ChangeTelling, RowTold

PAGE = 100
"""Changes that are read from the journal together."""
CHANGED, REMOVED = "changed", "removed"

Partners = Callable[[str], Awaitable[Principal]]
"""The client id of a partner -> the partner at this moment; raises GatewayError."""


class PartnerNews:
    """The changes of partners' rows."""

    def __init__(
        self,
        file: DeliveriesFile,
        telling: ChangeTelling,
        partner: Partners,
        asking: Asking,
        tables: Iterable[Table],
    ) -> None:
        self._file, self._telling, self._partner = file, telling, partner
        self._asking, self._tables = asking, tuple(tables)

    async def gather(self, hook: Webhook) -> None:
        more = True
        while more:
            reader = (await self._context(hook)).loaders.reader
            rules = await self._telling.rules(reader, hook.tables, self._tables)
            place = await asyncio.to_thread(self._file.place, hook.name)
            end = await asyncio.to_thread(self._telling.journal.file.end)
            if place is None:  # what was before is not told
                await asyncio.to_thread(self._file.add, hook.name, [], end)
                return
            found = await self._telling.since(reader, rules, place, end, PAGE)
            made = [_delivery_of(hook, each, time.time()) for each in found.rows]
            if found.place != place:
                await asyncio.to_thread(self._file.add, hook.name, made, found.place)
            more = found.more

    async def made(self, hook: Webhook, delivery: Delivery) -> MadeDelivery:
        kind = f"{delivery.table}.{delivery.kind}"
        if delivery.kind == REMOVED:
            return MadeDelivery(message(kind, {"id": delivery.row}))
        context = await self._context(hook)
        answer = await self._asking.answer(context, hook.document, delivery.row)
        if answer.errors:
            raise Unmade(answer.errors[0]["extensions"].get("code", "INTERNAL"))
        return MadeDelivery(message(kind, answer.body["data"]))

    async def _context(self, hook: Webhook) -> Context:
        self._asking.begin()
        return self._asking.context(await self._partner(hook.client))


def _delivery_of(hook: Webhook, told: RowTold, moment: float) -> Delivery:
    kind, table = REMOVED if told.removed else CHANGED, told.table.name
    id_ = f"{table}_{told.key.hex}_{told.version}_{kind}"
    row = ids.encode(told.table, (told.key,))
    return Delivery(0, hook.name, id_, table, row, kind, "", told.group, moment, moment)
