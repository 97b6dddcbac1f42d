"""News as the gateway tells them, and a server that takes mails."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks import Webhook

from gateway.deliveries.news import message
from tests.gateway.deliveries.receiving import SECRETS
from tests.ports import free_port

ORDER = {
    "id": "WyJTYWxlc09yZGVyIl0",
    "number": "SO-001",
    "status": "CONFIRMED",
    "language": "en-us",
    "customerReference": "PO-1",
    "requestedReceiptDate": "2026-12-03",
    "confirmedShippingDate": "2026-12-01",
    "confirmedReceiptDate": "2026-12-04",
    "total": {"amount": "12.50", "currency": "EUR"},
    "account": {"name": "Contoso <Retail>"},
}
SHIPMENT = {
    "number": "PS-1",
    "deliveredOn": "2026-12-01",
    "carrier": "UPS",
    "tracking": {"nodes": [{"number": "1Z9", "url": "https://ups.example/1Z9"}]},
}
INVITED: dict[str, Any] = {
    "order": None,
    "account": {"name": "Contoso <Retail>"},
    "language": "en-us",
}
"""The parts of a message about an invitation, besides the person."""
JANE = {"name": "Jane Doe", "email": "jane@contoso.example"}


def news(
    kind: str = "order.confirmed", id_: str = "order_1", *, age: float = 0.0, **more: Any
) -> dict[str, Any]:
    """A message, signed so many seconds ago, as the arguments of a POST."""
    body = message(kind, {"to": JANE, "order": ORDER, "shipment": None, **more})
    moment = datetime.fromtimestamp(int(time.time() - age), UTC)
    headers = {
        "webhook-id": id_,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(SECRETS[0]).sign(id_, moment, body.decode()),
    }
    return {"content": body, "headers": headers}


class Mailbox:
    """Keeps what it is sent; answers with the next of its refusals."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.wires: list[bytes] = []
        """The same as they came."""
        self.to: list[str] = []
        self.refusals: list[str] = []

    async def handle_DATA(  # noqa: N802 - its name in aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.refusals:
            return self.refusals.pop(0)
        assert isinstance(envelope.content, bytes)
        self.wires.append(envelope.content)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        self.to += envelope.rcpt_tos
        return "250 OK"


@contextmanager
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A server on this machine, and its address as a setting has it."""
    found = Mailbox()
    port = free_port()
    controller = Controller(found, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield found, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()
