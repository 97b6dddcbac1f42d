"""Faults of a request, as values that tests write in Python and the demo in JSON.

An action acts before the service is asked, on the answer it gave, or on the way of the bytes.
"""

import base64
from typing import ClassVar

import msgspec

from emulator.clock import Clock
from emulator.errors import Unauthorized
from emulator.exchange import Answer
from emulator.faults.refusals import Limit, PluginFailed, Throttled, Unavailable
from emulator.printing import enlarged

BROKEN = b'{"value":[{"name":"cut off in the midd'


class ConnectionCut(BaseException):
    """The caller hears nothing more; no `Exception`, so that no middleware answers in its place."""


class Action(msgspec.Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """Nothing; each kind of fault says where it differs."""

    sides: ClassVar[frozenset[str]] = frozenset({"dataverse", "finops", "metadata"})
    """The sides it strikes; a write that dual-write carries to the ERP arrives at `dualwrite`."""

    async def before(self, side: str, clock: Clock) -> float:
        """Seconds that the caller was kept waiting; raises what is answered instead."""
        return 0.0

    def after(self, answer: Answer) -> Answer:
        return answer

    def carried(self, entity: str) -> None:
        """Raise what becomes of a write to this entity that dual-write carries to the ERP."""

    def paces(self) -> tuple[int, float]:
        """Into how many chunks the body is cut, and the seconds between them."""
        return 1, 0.0


class Latency(Action, frozen=True, tag="latency"):
    """The service takes its time before it does anything."""

    seconds: float

    async def before(self, side: str, clock: Clock) -> float:
        await clock.sleep(self.seconds)
        return self.seconds


class Throttle(Action, frozen=True, tag="throttle"):
    """429 for one of the three service protection limits."""

    limit: Limit = "requests"
    retry_after: int = 5

    async def before(self, side: str, clock: Clock) -> float:
        raise Throttled(self.limit, self.retry_after, erp=side == "finops")


class Expired(Action, frozen=True, tag="expired"):
    """An answer of 401, as for an expired token."""

    async def before(self, side: str, clock: Clock) -> float:
        raise Unauthorized("The access token has expired.")


class Fail(Action, frozen=True, tag="fail"):
    """A server error."""

    status: int = 503
    retry_after: int | None = None

    async def before(self, side: str, clock: Clock) -> float:
        raise Unavailable(self.status, self.retry_after)


class Cut(Action, frozen=True, tag="cut"):
    """The connection breaks, before anything was done or when all was done but nothing said."""

    after_commit: bool = False

    async def before(self, side: str, clock: Clock) -> float:
        if not self.after_commit:
            raise ConnectionCut
        return 0.0

    def after(self, answer: Answer) -> Answer:
        raise ConnectionCut


class Slow(Action, frozen=True, tag="slow"):
    """The body comes in chunks, with a wait before each."""

    chunks: int = 10
    seconds: float = 0.1

    def paces(self) -> tuple[int, float]:
        return self.chunks, self.seconds


class Malformed(Action, frozen=True, tag="malformed"):
    """A successful answer whose body is not JSON."""

    def after(self, answer: Answer) -> Answer:
        return Answer(answer.status, BROKEN, answer.headers)


class Large(Action, frozen=True, tag="large"):
    """A printed document that is larger by a number of bytes."""

    bytes: int

    def after(self, answer: Answer) -> Answer:
        body = answer.body
        if not isinstance(body, dict) or not isinstance(body.get("value"), str):
            return answer
        document = enlarged(base64.b64decode(body["value"]), self.bytes)
        whole = body | {"value": base64.b64encode(document).decode()}
        return Answer(answer.status, whole, answer.headers)


class ForeignLink(Action, frozen=True, tag="foreign_link"):
    """A page whose next link leads to another host."""

    url: str = "https://elsewhere.example/api/data/v9.2/accounts?$skiptoken=1"

    def after(self, answer: Answer) -> Answer:
        if isinstance(answer.body, dict) and "value" in answer.body:
            return Answer(
                answer.status, answer.body | {"@odata.nextLink": self.url}, answer.headers
            )
        return answer


class ErpDown(Action, frozen=True, tag="erp_down"):
    """F&O does not answer, and every write that dual-write carries there fails."""

    sides: ClassVar[frozenset[str]] = frozenset({"finops", "dualwrite"})

    async def before(self, side: str, clock: Clock) -> float:
        raise Unavailable(503)

    def carried(self, entity: str) -> None:
        raise PluginFailed(
            entity,
            "A connection attempt failed because the connected party did not properly respond"
            " after a period of time",
        )


class ErpRefuses(Action, frozen=True, tag="erp_refuses"):
    """F&O does not take what Dataverse would have it write."""

    sides: ClassVar[frozenset[str]] = frozenset({"dualwrite"})
    message: str = "Inventory dimension Site is mandatory and must consequently be specified."

    def carried(self, entity: str) -> None:
        raise PluginFailed(entity, self.message)


AnyAction = (
    Latency
    | Throttle
    | Expired
    | Fail
    | Cut
    | Slow
    | Malformed
    | Large
    | ForeignLink
    | ErpDown
    | ErpRefuses
)
