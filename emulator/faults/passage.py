"""One request on its way through the faults that befall it: what the caller meets, step by step."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from starlette.types import Message, Send

from emulator.callers import application
from emulator.exchange import Answer, Ask
from emulator.faults.actions import AnyAction
from emulator.faults.rules import Faults, event

LATENCY = "x-emulator-latency"
"""The header with the seconds that a caller waited, for those who must tell when to give up."""


class Passage:
    """A request, and the faults that struck it."""

    def __init__(self, faults: Faults, side: str, ask: Ask) -> None:
        self._faults = faults
        self._side = side
        self._event = event(side, ask)
        self._actions: list[AnyAction] = []
        self._user = (side, _user(ask))
        self._waited = 0.0

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """The time in which the service works on the request, if it lets it in at all."""
        protection = self._faults.protection
        with protection.admitted(self._user) if protection else nullcontext():
            self._actions = self._faults.strike(self._event)
            for action in self._actions:
                self._waited += await action.before(self._side, self._faults.clock)
            yield

    def after(self, answer: Answer) -> Answer:
        """The answer as it leaves."""
        names = ",".join(type(action).__name__ for action in self._actions)
        self._faults.note(self._event, f"{answer.status} {names}".rstrip())
        if self._waited:
            answer.headers[LATENCY] = f"{self._waited:g}"
        if self._faults.protection:
            answer.headers |= self._faults.protection.headers(self._user)
        for action in self._actions:
            answer = action.after(answer)
        return answer

    def pacing(self, send: Send) -> Send:
        """`send`, held up where the body is to come slowly."""
        chunks, seconds = max((a.paces() for a in self._actions), default=(1, 0.0))
        return send if chunks == 1 else self._paced(send, chunks, seconds)

    def _paced(self, send: Send, chunks: int, seconds: float) -> Send:
        async def paced(message: Message) -> None:
            body = message.get("body", b"")
            size = max(1, -(-len(body) // chunks))
            while len(body) > size:
                await self._faults.clock.sleep(seconds)
                await send({"type": message["type"], "body": body[:size], "more_body": True})
                body = body[size:]
            await send({**message, "body": body} if body else message)

        return paced


def _user(ask: Ask) -> str:
    for header in ("callerobjectid", "mscrmcallerid"):
        if header in ask.headers:
            return ask.headers[header]
    return application(ask.headers) or ask.headers.get("authorization", "")
