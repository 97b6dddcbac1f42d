"""
GraphQL over WebSocket on `/graphql`, by the protocol `graphql-transport-ws`: many operations on one
connection, each answered as over HTTP, for who the caller is at that moment.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import asyncio
from collections import Counter
from collections.abc import Hashable, Iterable
from contextlib import aclosing, suppress
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from front.strangers import known
from gateway.admission import deadlines
from gateway.auth.on_behalf import asker_of
from gateway.auth.principal import Principal
from gateway.engine.outcome import refused, report
from gateway.errors import CallerError, GatewayError, RateLimited
from gateway.http.endpoint import GraphQLEndpoint, Response
from gateway.http.graphql_requests import Parameters, RequestProblem, request_of
from gateway.http.receiving import RECEIVED, Received
from gateway.http.routing import GRAPHQL
from gateway.http.streams import EventKind, Events
from gateway.observing.current import running

PROTOCOL: Final = "graphql-transport-ws"
TOLD: Final = frozenset({b"authorization", b"x-account", b"x-view-as", b"traceparent"})
"""Headers that the payload of `connection_init` may have too: browsers send none of their own."""
FIRST: Final = 10.0
"""Seconds in which `connection_init` must come, and its caller be known."""
LOOK: Final = 12.0
"""Seconds between two looks at the caller's rights, while nothing comes."""
TOGETHER: Final = 100
"""Operations of one socket that run at once."""
REASON: Final = 123
"""Bytes of the reason of an end, by RFC 6455."""

GOING_AWAY, AGAIN_LATER = 1012, 1013
BAD, UNAUTHORIZED, FORBIDDEN, UNACCEPTABLE = 4400, 4401, 4403, 4406
TOO_LATE, EXISTS, TOO_MANY = 4408, 4409, 4429

_encode = msgspec.json.Encoder().encode
Payload = dict[str, Any] | None | UnsetType


class Init(Struct, tag="connection_init"):
    """The first message of a client."""

    payload: Payload = UNSET


class Ping(Struct, tag="ping"):
    payload: Payload = UNSET


class Pong(Struct, tag="pong"):
    payload: Payload = UNSET


class Subscribe(Struct, tag="subscribe"):
    """An operation, under an id that is the client's."""

    id: str
    payload: Parameters


class Complete(Struct, tag="complete"):
    """The client wants no more of an operation."""

    id: str


_messages = msgspec.json.Decoder(Init | Ping | Pong | Subscribe | Complete)


class Over(Exception):
    """The socket ends, with a code and a reason; without a code its client is gone already."""

    def __init__(self, code: int = 0, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Sockets:
    """The ASGI app behind `/graphql` for WebSockets."""

    def __init__(
        self,
        endpoint: GraphQLEndpoint,
        observers: Iterable[Middleware],
        *,
        most: int,
        most_of_caller: int,
    ) -> None:
        """
        `observers`: middleware of operations, outermost first. `most`, `most_of_caller`: sockets
        with a token, of all and of one caller.
        """
        self.endpoint, self._observers = endpoint, tuple(observers)
        self._most, self._most_of_caller = most, most_of_caller
        self._of: Counter[Hashable] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await Socket(self, scope, receive, send).serve()

    def observed(self, operation: ASGIApp) -> ASGIApp:
        """An operation as the middleware sees it that sees requests over HTTP."""
        for each in reversed(self._observers):
            operation = each.cls(operation, *each.args, **each.kwargs)
        return operation

    def enter(self, caller: Hashable) -> None:
        """Count a socket of a caller; Over where there are too many."""
        if self._of[caller] >= self._most_of_caller or self._of.total() >= self._most:
            raise Over(AGAIN_LATER, "RATE_LIMITED: Too many sockets are open.")
        self._of[caller] += 1

    def leave(self, caller: Hashable) -> None:
        """End what `enter` began."""
        self._of[caller] -= 1
        if not self._of[caller]:
            del self._of[caller]


class Socket:
    """One connection: its caller, and the operations that run for them."""

    def __init__(self, sockets: Sockets, scope: Scope, receive: Receive, send: Send) -> None:
        self._sockets, self._endpoint = sockets, sockets.endpoint
        self._receive, self._send = receive, send
        self._scope = scope
        # Browsers tell caches something in each handshake, which is about no operation.
        self._headers = [each for each in scope["headers"] if each[0] in TOLD]
        self._began = False
        self._caller: Hashable = None
        """The caller, once their token was accepted."""
        self._running: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Answer until one of the two sides ends it."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        if PROTOCOL not in self._scope["subprotocols"]:
            await self._send({"type": "websocket.accept"})
            await self._close(Over(UNACCEPTABLE, "Subprotocol not acceptable"))
            return
        await self._send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        end = Over()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch())
                while True:
                    await self._heed(await self._next(), tasks)
        except* Over as ends:
            end = next(each for each in _each(ends) if isinstance(each, Over))
        except* OSError:
            pass  # the client is gone while it was told something
        except* Exception as errors:  # noqa: BLE001 - the edge: a client learns nothing of it
            for error in _each(errors):
                report(error, "", where=PROTOCOL)
            end = Over(4500, "Internal error")
        finally:
            if self._caller is not None:
                self._sockets.leave(self._caller)
        await self._close(end)

    # Messages

    async def _watch(self) -> None:
        """End the socket of a client that does not say who it is, and with the caller's rights."""
        await asyncio.sleep(FIRST)
        if self._caller is None:
            raise Over(TOO_LATE, "Connection initialisation timeout")
        while True:
            with suppress(GatewayError):  # nobody can tell just now
                await self._identified(self._received())
            await asyncio.sleep(LOOK)

    async def _next(self) -> Init | Ping | Pong | Subscribe | Complete:
        """The next message; Over where there is none, or one that the protocol does not know."""
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise Over
        text = message.get("text")
        if text is None:
            raise Over(BAD, "Messages are text in JSON.")
        try:
            found: Init | Ping | Pong | Subscribe | Complete = _messages.decode(text)
            return found
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            said = str(error) if isinstance(error, msgspec.MsgspecError) else "no JSON"
            raise Over(BAD, f"Invalid message: {said}") from None

    async def _heed(
        self, message: Init | Ping | Pong | Subscribe | Complete, tasks: asyncio.TaskGroup
    ) -> None:
        match message:
            case Init():
                if self._began:
                    raise Over(TOO_MANY, "Too many initialisation requests")
                self._began = True
                tasks.create_task(self._acknowledge(message))
            case Ping():
                echo = {} if message.payload is UNSET else {"payload": message.payload}
                await self._say({"type": "pong", **echo})
            case Subscribe():
                await self._subscribe(message, tasks)
            case Complete():
                if (task := self._running.pop(message.id, None)) is not None:
                    task.cancel()

    async def _subscribe(self, message: Subscribe, tasks: asyncio.TaskGroup) -> None:
        if self._caller is None:
            raise Over(UNAUTHORIZED, "Unauthorized")
        if not message.id:
            raise Over(BAD, "Invalid message: the id is empty")
        if message.id in self._running:
            raise Over(EXISTS, f"Subscriber for {message.id} already exists")
        if len(self._running) >= TOGETHER:
            error = RateLimited("Too many operations run on this socket at once.", retryAfter=1)
            await self._tell(message.id, "error", _encode(refused(error).errors))
            return
        self._running[message.id] = tasks.create_task(self._operate(message))

    async def _acknowledge(self, message: Init) -> None:
        """Find out who the caller is, by a header of the handshake or a member of the payload."""
        said = [
            (header, value.encode("latin-1", "replace"))
            for name, value in (message.payload or {}).items()
            if (header := name.lower().encode()) in TOLD and isinstance(value, str)
        ]
        names = {name for name, _ in said}
        self._headers = [each for each in self._headers if each[0] not in names] + said
        try:
            principal = await self._identified(self._received())
        except GatewayError as error:
            raise Over(AGAIN_LATER, f"{error.code}: {error.message}") from None
        caller = asker_of(principal)
        self._sockets.enter(caller)
        self._caller = caller
        known(self._scope)
        await self._say({"type": "connection_ack"})

    # Operations

    async def _operate(self, message: Subscribe) -> None:
        """Answer one operation, to its end, as a request that is observed."""
        request = self._received()
        running.set(request)

        async def answering(scope: Scope, receive: Receive, send: Send) -> None:
            # The client wants no more of it, or is gone, neither of which is a failure.
            with suppress(asyncio.CancelledError):
                await self._answer(request, message)

        scope = {"type": "http", "path": GRAPHQL, RECEIVED: request}
        await self._sockets.observed(answering)(scope, self._receive, _unsent)

    async def _answer(self, request: Received, message: Subscribe) -> None:
        name = message.id
        try:
            asked = request_of(message.payload)
        except RequestProblem as problem:
            raise Over(BAD, f"Invalid message: {problem}") from None
        try:
            principal = await self._identified(request)
        except GatewayError as error:
            response = self._endpoint.refusal(request, error)
        else:
            response = await self._endpoint.answered(request, asked, principal)
        request.status = response.status
        if response.events is not None:
            await self._follow(name, response.events)
        elif response.status == 200:
            await self._tell(name, "next", response.body)
        else:
            await self._refuse(name, response)
            return
        self._running.pop(name, None)
        await self._say({"id": name, "type": "complete"})

    async def _follow(self, name: str, events: Events) -> None:
        try:
            async with aclosing(events.made):
                async for kind, answer in events.made:
                    if kind is EventKind.ANSWER:
                        await self._tell(name, "next", answer)
                    elif kind is EventKind.ENDED:
                        raise Over(FORBIDDEN, _reason(answer))
                    elif kind is EventKind.STOPPING:
                        raise Over(GOING_AWAY, "The process stops; come again.")
        finally:
            events.close()

    async def _refuse(self, name: str, response: Response) -> None:
        """Say why an operation was not executed, which is its end."""
        self._running.pop(name, None)
        errors: list[Any] = msgspec.json.decode(response.body)["errors"]
        await self._tell(name, "error", _encode(errors))

    # What all of them need

    def _received(self) -> Received:
        """A request in the name of the caller, with an id of its own."""
        return Received(
            {
                "method": "POST",
                "query_string": b"",
                "client": self._scope.get("client"),
                "headers": self._headers,
            }
        )

    async def _identified(self, request: Received) -> Principal:
        """
        The caller at this moment. Over where they are not accepted any more, GatewayError where
        nobody can tell.
        """
        deadlines.begin(request.begun + self._endpoint.deadline)
        try:
            return await self._endpoint.identified(request)
        except CallerError as error:
            self._endpoint.note_refusal(request, error, None)
            raise Over(FORBIDDEN, f"{error.code}: {error.message}") from None

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": _encode(message).decode()})

    async def _tell(self, name: str, kind: str, payload: bytes | bytearray) -> None:
        told, shown = kind.encode(), bytes(payload)
        text = b'{"id":%b,"type":"%b","payload":%b}' % (_encode(name), told, shown)
        await self._send({"type": "websocket.send", "text": text.decode()})

    async def _close(self, end: Over) -> None:
        if not end.code:
            return
        reason = end.reason.encode()[:REASON].decode(errors="ignore")
        with suppress(OSError):
            await self._send({"type": "websocket.close", "code": end.code, "reason": reason})


async def _unsent(message: Message) -> None:
    """Send nothing: messages of the socket say it."""


def _reason(answer: bytes) -> str:
    """The reason in an answer that is an error."""
    error = msgspec.json.decode(answer)["errors"][0]
    return f"{error['extensions']['code']}: {error['message']}"


def _each(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    """The errors of a group, and of the groups in it."""
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _each(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
