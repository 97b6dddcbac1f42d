"""The making of a delivery: a message, or none for a reason, and the deliveries that follow."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import uuid4

import msgspec
from msgspec import Struct

from gateway.admission import deadlines
from gateway.admission.errands import Lane
from gateway.auth.principal import Principal
from gateway.auth.webhooks import Webhook
from gateway.deliveries.deliveries_file import Delivery
from gateway.engine.execution import Engine, GraphQLRequest
from gateway.engine.outcome import Answer, Refused
from gateway.schema.context import Context

_encode: Final = msgspec.json.Encoder().encode
MakeDeliveryContext = Callable[[Principal, str], Context]


class MadeDelivery(Struct, frozen=True):
    """The outcome of making a delivery."""

    body: bytes | None
    """The message; None where nothing is sent."""
    reason: str = ""
    """The reason why nothing is sent."""
    then: Sequence[Delivery] = ()
    """Deliveries that follow, of which those that are known are not made again."""
    again: Delivery | None = None
    """One that follows instead of an earlier one of the same id."""


class DeliveredNews(Protocol):
    """One kind of webhook: how its deliveries come about, and how they are made."""

    async def gather(self, hook: Webhook) -> None:
        """Turn changes since the last time into deliveries; raises GatewayError."""

    async def made(self, hook: Webhook, delivery: Delivery) -> MadeDelivery:
        """Make one delivery; raises Unmade or GatewayError where that must be tried again."""


class Unmade(Exception):
    """A delivery could not be made, for the reason that the text is."""


class Asking:
    """Asks our own engine as somebody who did not ask."""

    def __init__(self, engine: Engine, context: MakeDeliveryContext, deadline: float) -> None:
        """`deadline`: seconds for one question."""
        self._engine, self._context, self._deadline = engine, context, deadline

    def begin(self) -> float:
        """Begin the time of a question, finding out who asks included; the end of it."""
        end = asyncio.get_running_loop().time() + self._deadline
        deadlines.begin(end)
        return end

    def context(self, asker: Principal) -> Context:
        """The context of one question, in which no kept row is used."""
        context = self._context(asker, f"delivery-{uuid4().hex[:16]}")
        context.loaders.reader.allowance.fresh = True
        context.loaders.reader.allowance.errand.lane = Lane.LIVE
        return context

    async def answer(self, context: Context, document: str, row: str) -> Answer:
        """The answer of the trusted document for a row; Unmade where it cannot be asked."""
        asked = GraphQLRequest(None, {"id": row}, document_id=document)
        try:
            return await self._engine.run(asked, context, context.request_id)
        except Refused as refusal:
            raise Unmade(refusal.errors[0]["message"]) from None


def plain(data: Any) -> Any:
    """Data that may be encoded in part, as a client would read them."""
    return msgspec.json.decode(_encode(data))


def message(kind: str, data: Any) -> bytes:
    """The body of a message, in the form that Standard Webhooks recommends."""
    moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return _encode({"type": kind, "timestamp": moment, "data": data})
