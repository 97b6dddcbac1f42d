"""
`/mail`: news for people, as the gateway's webhook tells them, signed by a secret of both, become
mails. What was told before is answered, and not written again.
"""

import asyncio
import hmac
import logging
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from portal.errors import Unavailable
from portal.mails import KINDS, Letters, MailedNews
from portal.outgoing import Outgoing
from portal.sent_mails import MailState, SentMails

log = logging.getLogger(__name__)

MOST: Final = 65_536
"""Bytes of a message: a tenth of it is usual for an order and a shipment."""
USUAL, HELD = 8_192, 4_194_304
"""Bytes of a message that is always read, and of all that are read at once: anybody may send some,
and who sends a message is known at its end. Above it, those that are longer are refused."""
STAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
TOLERANCE: Final = 300.0
"""Seconds by which the clocks of gateway and portal may differ."""
TEST: Final = "test"
"""The type of the message by which an operator tries the way."""
LONGEST_ID: Final = 200
OF_ORDERS: Final = "order."
"""The beginning of the types of messages about orders."""


class _Told(Struct):
    """The data of a message."""

    to: dict[str, str | None]
    order: dict[str, Any] | None = None
    shipment: dict[str, Any] | None = None
    account: dict[str, Any] | None = None
    language: str | None = None

    def news(self, id_: str, kind: str) -> MailedNews:
        """The news; DecodeError for a message without the thing that it is about."""
        if (self.order if kind.startswith(OF_ORDERS) else self.account) is None:
            raise msgspec.ValidationError(kind)
        language = self.language or (self.order or {}).get("language") or ""
        return MailedNews(id_, kind, self.to, language, self.order, self.shipment, self.account)


class _Message(Struct):
    """A message of the webhook."""

    type: str
    data: msgspec.Raw


class _NotReadError(Exception):
    """A body that is not read to its end, with the status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


_message = msgspec.json.Decoder(_Message).decode
_told = msgspec.json.Decoder(_Told).decode


class NewsDesk:
    """Takes news and sends mails."""

    def __init__(
        self, letters: Letters, outgoing: Outgoing, secrets: Sequence[str], sent: SentMails
    ) -> None:
        self._letters, self._outgoing, self._sent = letters, outgoing, sent
        self._keys = [b64decode(each.removeprefix("whsec_")) for each in secrets]
        self._held = 0

    async def take(self, request: Request) -> Response:
        """204 where the mail is out; any other status makes the gateway come again."""
        try:
            body = await self._body(request)
        except _NotReadError as error:
            return Response(status_code=error.status)
        id_ = request.headers.get("webhook-id", "")
        if not self._is_signed(request, id_, body):
            return Response(status_code=401)
        try:
            said = _message(body)
            if said.type == TEST:
                return Response(status_code=204)
            if said.type not in KINDS:
                return Response(status_code=422)
            mail = self._letters.written(_told(said.data).news(id_, said.type))
        except msgspec.DecodeError:
            return Response(status_code=400)
        except ValueError:
            log.warning("a mail has no address that can be written to")
            return Response(status_code=422)
        try:
            state = self._sent.begin(id_)
            if state is MailState.NEW:
                state = await self._sending(id_, mail)
        except Unavailable:
            log.warning("a mail waits: it is not known which ones went out")
            return Response(status_code=503)
        return Response(status_code=204 if state is MailState.SENT else 503)

    async def _body(self, request: Request) -> bytes:
        found = b""
        try:
            async for part in request.stream():
                found += part
                self._held += len(part)
                if len(found) > MOST:
                    raise _NotReadError(413)
                if len(found) > USUAL and self._held > HELD:
                    raise _NotReadError(503)
        except ClientDisconnect:
            raise _NotReadError(400) from None
        finally:
            self._held -= len(found)
        return found

    async def _sending(self, id_: str, mail: EmailMessage) -> MailState:
        """Send a mail; its state afterwards."""
        is_sent = True
        try:
            await asyncio.to_thread(self._outgoing.send, mail)
        except Exception as error:  # noqa: BLE001 - whatever it is, the gateway comes again
            log.warning("a mail did not get out: %s", type(error).__name__)
            is_sent = False
        with suppress(Unavailable):  # it is as it is
            self._sent.end(id_, is_sent=is_sent)
        return MailState.SENT if is_sent else MailState.NEW

    def _is_signed(self, request: Request, id_: str, body: bytes) -> bool:
        """True for a message of ours that is not old: https://www.standardwebhooks.com."""
        moment, given = (
            request.headers.get(f"webhook-{name}", "") for name in ("timestamp", "signature")
        )
        if not STAMP.fullmatch(moment) or abs(int(moment) - time.time()) > TOLERANCE:
            return False
        if not 0 < len(id_) <= LONGEST_ID:
            return False
        said = f"{id_}.{moment}.".encode() + body
        expected = [b"v1," + b64encode(hmac.digest(key, said, "sha256")) for key in self._keys]
        return any(
            hmac.compare_digest(each.encode(), one) for each in given.split(" ") for one in expected
        )
