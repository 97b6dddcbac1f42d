"""
News for persons: the orders that name them, as their buyers see them at the moment of sending.

Each change of an order makes us look at it as the person whom it names. What is worth a mail
becomes a delivery of its own, once for an order and a person.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from gateway.auth.principal import Principal
from gateway.auth.webhooks import Webhook
from gateway.config.parsers import Zones
from gateway.deliveries import invitation_news
from gateway.deliveries.deliveries_file import DeliveriesFile, Delivery
from gateway.deliveries.invitation_news import INVITED, invitation
from gateway.deliveries.news import Asking, MadeDelivery, Unmade, message, plain
from gateway.deliveries.order_events import OrderEvent, events_of, look_again
from gateway.errors import INTERNAL, Forbidden, NotAvailableHere, NotFound
from gateway.schema import ids
from gateway.schema.business.sales import ORDERED_BY, SalesOrder
from gateway.schema.context import Context
from gateway.telling.journal import Journal
from gateway.telling.journal_file import JournalEntry

PAGE: Final = 100
"""Changes that are read from the journal together, and whose persons are found by one call."""
LOOK: Final = "look"
"""The kind of deliveries that only look, and send nothing."""
LATER: Final = "later "
"""The beginning of the group of looks at times at which nothing changes."""
SLACK: Final = 60.0
"""Seconds before its beginning from which a webhook tells of new orders: clocks differ."""
TABLE: Final = SalesOrder.__table__
DOCUMENT: Final = "gateway:order-news"
"""The id of our own document."""
DOCUMENTS: Final = {
    invitation_news.DOCUMENT: invitation_news.TEXT,
    DOCUMENT: """
query OrderNews($id: ID!) {
  viewer { contact { id name email doNotEmail } }
  order(id: $id) {
    id number company status placedAt updatedAt customerReference language
    requestedReceiptDate confirmedShippingDate confirmedReceiptDate
    total { amount currency }
    account { name } contact { id } partyContact { id }
    shipments(first: 100) {
      nodes { number deliveredOn carrier tracking(first: 10) { nodes { number url } } }
    }
  }
}
""",
}
SETTLED: Final = frozenset(each.code for each in (Forbidden, NotFound, NotAvailableHere))
"""The codes of errors that say what a person may not see, or this place has not."""

Persons = Callable[[UUID], Awaitable[Principal]]
"""The key of a contact -> the customer that they are at this moment; raises GatewayError."""
Contacts = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, UUID]]]
"""Places in the party model -> the contacts who have them."""


class OrderNews:
    """The news of orders, for the persons whom they name."""

    def __init__(
        self,
        file: DeliveriesFile,
        journal: Journal,
        person: Persons,
        contacts: Contacts,
        asking: Asking,
        *,
        zones: Zones,
    ) -> None:
        """`zones`: the seller's, in which days begin and end."""
        self._file, self._journal, self._asking = file, journal, asking
        self._person, self._contacts, self._zones = person, contacts, zones

    async def gather(self, hook: Webhook) -> None:
        deadline = self._asking.begin()
        if not await self._journal.look([TABLE.entity], deadline):
            raise NotAvailableHere("The changes of orders are not tracked here.")
        journal, place = self._journal.file, await asyncio.to_thread(self._file.place, hook.name)
        end = await asyncio.to_thread(journal.end)
        if place is None:  # what was before is not told
            await asyncio.to_thread(self._file.add, hook.name, [], end)
            return
        while place < end:
            found = await asyncio.to_thread(journal.entries, [TABLE.entity], place, end, PAGE)
            place = found[-1].place if len(found) == PAGE else end
            parties = {party for each in found if (party := _party(each))}
            contacts = await self._contacts(parties) if parties else {}
            looks = list(_looks(hook, found, contacts, time.time()))
            await asyncio.to_thread(self._file.add, hook.name, looks, place)

    async def made(self, hook: Webhook, delivery: Delivery) -> MadeDelivery:
        self._asking.begin()
        try:
            person = await self._person(UUID(delivery.person))
        except NotFound:
            return MadeDelivery(None, "the person is not known any more")
        if delivery.kind == INVITED:
            return await invitation(self._asking, person, delivery)
        context = self._asking.context(person)
        said = await self._asked(context, delivery)
        contact, order = (said.get("viewer") or {}).get("contact"), said.get("order")
        if order is None or contact is None:
            return MadeDelivery(None, "the person does not see it any more")
        named, by_party = order.pop("contact"), order.pop("partyContact")
        if (named or by_party) != {"id": contact["id"]}:
            return MadeDelivery(None, "the order names somebody else")
        if contact["doNotEmail"] or not contact["email"]:
            return MadeDelivery(None, "the person wants no mail, or has no address")
        began = await asyncio.to_thread(self._file.began, hook.name)
        if not _is_placed_after(order, began - SLACK):
            return MadeDelivery(None, "the order is older than the webhook")
        now = datetime.now(self._zones.of(order["company"]) or UTC)
        events = list(events_of(order, now.date()))
        if delivery.kind == LOOK:
            then = [_event(delivery, each, now.timestamp()) for each in events]
            return MadeDelivery(None, then=then, again=_later(delivery, look_again(order, now)))
        for event in events:
            if _id(delivery, event) == delivery.id:
                to = {"name": contact["name"], "email": contact["email"]}
                told = {"to": to, "order": order, "shipment": event.shipment}
                return MadeDelivery(message(f"order.{event.kind}", told))
        return MadeDelivery(None, "it is not so any more")

    async def _asked(self, context: Context, delivery: Delivery) -> dict[str, Any]:
        """The data of the answer, without what this person may not see or this place has not."""
        answer = await self._asking.answer(context, DOCUMENT, delivery.row)
        for each in answer.errors:
            code = each["extensions"].get("code", INTERNAL)
            if code not in SETTLED:
                raise Unmade(code)
        found: dict[str, Any] | None = plain(answer.body.get("data"))
        return found or {}


def _looks(
    hook: Webhook,
    entries: Iterable[JournalEntry],
    contacts: Mapping[UUID, UUID],
    moment: float,
) -> Iterator[Delivery]:
    """A look at each order that changed, as the person whom it names by either model."""
    for each in entries:
        party = _party(each)
        person = contacts.get(party) if party else _named(each, "contact")
        if person:
            key = UUID(bytes=each.row)
            row, group = ids.encode(TABLE, (key,)), f"{TABLE.entity} {key}"
            id_ = f"{LOOK}_{key.hex}_{each.version}"
            yield Delivery(
                0, hook.name, id_, TABLE.name, row, LOOK, str(person), group, moment, moment
            )


def _party(entry: JournalEntry) -> UUID | None:
    """The place in the party model by which alone an order names its person."""
    return None if _named(entry, "contact") else _named(entry, "party")


def _named(entry: JournalEntry, model: str) -> UUID | None:
    found = (entry.after or {}).get(ORDERED_BY[model])
    return UUID(found) if found else None


def _is_placed_after(order: Mapping[str, Any], moment: float) -> bool:
    placed = order["placedAt"]
    return bool(placed) and datetime.fromisoformat(placed).timestamp() >= moment


def _event(look: Delivery, event: OrderEvent, moment: float) -> Delivery:
    """The delivery of a piece of news."""
    group = look.group.removeprefix(LATER)
    return _like(look, _id(look, event), event.kind, group, moment)


def _later(look: Delivery, moment: datetime | None) -> Delivery | None:
    """The next look at an order, in a group of its own, as nothing waits for it."""
    if moment is None:
        return None
    group = LATER + look.group.removeprefix(LATER)
    return _like(look, f"{LOOK}_{_key(look)}_{LATER.strip()}", LOOK, group, moment.timestamp())


def _like(look: Delivery, id_: str, kind: str, group: str, due: float) -> Delivery:
    return Delivery(0, look.hook, id_, look.table, look.row, kind, look.person, group, due, due)


def _id(delivery: Delivery, event: OrderEvent) -> str:
    return f"order_{_key(delivery)}_{event.name}_{UUID(delivery.person).hex}"


def _key(delivery: Delivery) -> str:
    (key,) = ids.key(TABLE, delivery.row)
    return UUID(str(key)).hex
