"""
Exports: one root list, from a cursor to its end, as JSON lines. Each line is an edge with its
cursor, by which a client that was cut off goes on, and the last line is the page info of the end.

Pages are made one after the other, each as the answer of a query with the caller's rights of that
moment, and no further one before the client has read the last.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec
from graphql import FieldNode, OperationType, ValueNode, VariableNode
from msgspec.structs import replace

from gateway.admission import deadlines
from gateway.admission.errands import Lane
from gateway.audit.events import CONCERN_RIGHTS, refusal
from gateway.audit.recorder import Audit
from gateway.auth.on_behalf import asker_of
from gateway.auth.principal import Principal
from gateway.engine.execution import Engine, Prepared
from gateway.engine.outcome import Answer, Refused, refused
from gateway.errors import (
    PASSING,
    CallerError,
    InvalidInput,
    Overloaded,
    RateLimited,
    UpstreamError,
)
from gateway.http.answer_limit import encoded
from gateway.http.auditing import observed
from gateway.http.graphql_requests import RequestProblem
from gateway.http.negotiation import LINES
from gateway.http.receiving import Received
from gateway.http.streams import Event, EventKind, Events
from gateway.schema.context import Context

Identify = Callable[[Received], Awaitable[Principal]]
"""A request -> its caller at this moment."""
MakeExportContext = Callable[[Principal, Received], Context]

LINES_STREAM: Final = [
    (b"content-type", f"{LINES}; charset=utf-8".encode()),
    (b"vary", b"Accept"),
    (b"x-accel-buffering", b"no"),
]
EXPORT: Final = "export"
"""The kind of such requests, in metrics and the log."""
MOST: Final = 20
"""Exports of one process at once."""
MOST_OF_CALLER: Final = 2
TRIES: Final = 8
"""Times that a page is asked for while Dynamics fails."""
LONGEST_PAUSE: Final = 60.0
"""Seconds between two of them."""
FORM: Final = (
    "An export is a query of one list that takes `after` from a variable of its own, and neither "
    "`last` nor `before`, and selects "
    "`edges { cursor node { ... } }` and `pageInfo { hasNextPage endCursor }`."
)


class ExportedPage(msgspec.Struct):
    """One page of the list."""

    edges: list[msgspec.Raw]
    page_info: dict[str, Any] = msgspec.field(name="pageInfo")


_encode = msgspec.json.Encoder().encode
_pages = msgspec.json.Decoder(dict[str, ExportedPage]).decode


class Exports:
    """The exports of one process."""

    def __init__(
        self,
        engine: Engine,
        context: MakeExportContext,
        audit: Audit,
        deadline: float,
        answer_bytes: int,
    ) -> None:
        """`deadline`, `answer_bytes`: seconds and bytes of one page."""
        self.engine, self.context, self.audit = engine, context, audit
        self.deadline, self.answer_bytes = deadline, answer_bytes
        self.stopped = False
        self._callers: dict[Export, Hashable] = {}
        """The exports that somebody waits for, with their callers."""

    def stop(self) -> None:
        """End all exports after the page that is under way, as the process stops."""
        self.stopped = True

    def follow(
        self, request: Received, prepared: Prepared, principal: Principal, identify: Identify
    ) -> Events:
        """
        The lines of a list. RequestProblem for an operation that is none, RateLimited or Overloaded
        where there are too many.
        """
        export = Export(self, request, prepared, principal, identify)
        caller = asker_of(principal)
        if list(self._callers.values()).count(caller) >= MOST_OF_CALLER:
            raise RateLimited("You export too much at once; wait for another one.", retryAfter=10)
        if len(self._callers) >= MOST:
            raise Overloaded("Too many exports are under way; try again later.", retryAfter=10)
        self._callers[export] = caller
        request.kind = EXPORT
        return Events(
            export.events(), partial(self._leave, export), partial(self._forget, export), line
        )

    def _leave(self, export: "Export") -> None:
        """The client is gone, and may come again before the page that is under way is made."""
        export.end()
        self._forget(export)

    def _forget(self, export: "Export") -> None:
        self._callers.pop(export, None)


class Export:
    """One list on its way to one client."""

    __slots__ = (
        "_exports",
        "_identify",
        "_left",
        "_name",
        "_prepared",
        "_principal",
        "_request",
        "_variable",
    )

    def __init__(
        self,
        exports: Exports,
        request: Received,
        prepared: Prepared,
        principal: Principal,
        identify: Identify,
    ) -> None:
        self._exports, self._request, self._prepared = exports, request, prepared
        self._principal, self._identify = principal, identify
        self._name, self._variable = _list_of(prepared)
        self._left = asyncio.Event()

    def end(self) -> None:
        """The client is gone."""
        self._left.set()

    async def events(self) -> AsyncGenerator[Event]:
        """The edges page by page, and the end of the list or the reason of an earlier one."""
        try:
            while not (self._left.is_set() or self._exports.stopped):
                answer = await self._answered()
                data = answer.body.get("data") or {}
                if answer.errors or data.get(self._name) is None:
                    yield EventKind.ANSWER, _encode({"errors": answer.errors or ()})
                    return
                page = _pages(await encoded(data, self._exports.answer_bytes))[self._name]
                if page.edges:
                    yield EventKind.ANSWER, b"\n".join(map(bytes, page.edges))
                variables = self._prepared.variables
                cursor = page.page_info.get("endCursor") or variables.get(self._variable)
                if not page.page_info.get("hasNextPage"):
                    end = {**page.page_info, "endCursor": cursor}  # an empty page has none
                    yield EventKind.ANSWER, _encode({"pageInfo": end})
                    return
                if cursor == variables.get(self._variable):
                    raise InvalidInput("An export has pages of one row at least.", argument="first")
                variables = {**variables, self._variable: cursor}
                self._prepared = replace(self._prepared, variables=variables)
                self._principal = await self._identified()
        except CallerError as error:
            self._request.outcome = error.code
            if isinstance(error, CONCERN_RIGHTS):
                told = refusal(error, self._request.id, self._principal, self._request.source)
                self._exports.audit.record(told)
            yield EventKind.ANSWER, _encode({"errors": refused(error).errors})
        except UpstreamError as error:  # nobody can tell who the caller is
            yield EventKind.ANSWER, _encode({"errors": refused(error).errors})

    async def _answered(self) -> Answer | Refused:
        """The next page; asked for again while Dynamics fails."""
        for number in range(TRIES):
            answer = await self._asked()
            said = [each["extensions"] for each in answer.errors if "extensions" in each]
            passing = [each for each in said if each.get("code") in PASSING]
            if not passing or not await self._waited(number, passing):
                break
        return answer

    async def _identified(self) -> Principal:
        """The caller at this moment; asked for again while nobody can tell."""
        number = 0
        while True:
            self._begin()
            try:
                return await self._identify(self._request)
            except UpstreamError as error:
                if error.code not in PASSING or not await self._waited(number, [error.details]):
                    raise
                number += 1

    async def _waited(self, number: int, said: Iterable[Mapping[str, Any]]) -> bool:
        """True after a pause before another try; `said`: how long Dynamics asks us to wait."""
        if self._left.is_set() or self._exports.stopped or number + 1 >= TRIES:
            return False
        wait = max(2.0**number, *(float(each.get("retryAfter", 0)) for each in said))
        with suppress(TimeoutError):
            async with asyncio.timeout(min(wait, LONGEST_PAUSE)):
                await self._left.wait()
        return True

    def _begin(self) -> None:
        """Give the next page its time: its client may have taken long to read the last."""
        self._request.begun = asyncio.get_running_loop().time()
        deadlines.begin(self._request.begun + self._exports.deadline)

    async def _asked(self) -> Answer | Refused:
        exports, request = self._exports, self._request
        self._begin()
        context = exports.context(self._principal, request)
        context.loaders.reader.allowance.errand.lane = Lane.EXPORTS
        try:
            answer = await exports.engine.execute(self._prepared, context, request.id)
        except Refused as refusal_:
            return refusal_
        for event in observed(answer, self._prepared, request.id, self._principal, request.source):
            exports.audit.record(event)
        return answer


def line(kind: EventKind, answer: bytes) -> bytes:
    """Lines as they are sent."""
    return answer + b"\n"


def _list_of(prepared: Prepared) -> tuple[str, str]:
    """The name of the one list in the answer, and the variable of its `after`; RequestProblem."""
    match prepared.operation.node.selection_set.selections:
        case (FieldNode() as field,) if prepared.kind is OperationType.QUERY:
            inside = _selected(field)
            edge, info = _selected(inside.get("edges")), _selected(inside.get("pageInfo"))
            is_whole = "cursor" in edge and {"hasNextPage", "endCursor"} <= info.keys()
            given = {each.name.value: each.value for each in field.arguments or ()}
            # A list that is left out, or read from its end, has no end that it comes to.
            is_forward = not field.directives and given.keys().isdisjoint({"last", "before"})
            variable = _named(given.get("after"))
            # Elsewhere the cursor of a page means nothing.
            if is_whole and is_forward and prepared.operation.values.get(variable) == 1:
                return (field.alias or field.name).value, variable
    raise RequestProblem(400, FORM)


def _named(value: ValueNode | None) -> str:
    """The variable that a value is; nothing for one that is none."""
    return value.name.value if isinstance(value, VariableNode) else ""


def _selected(field: FieldNode | None) -> dict[str, FieldNode]:
    """The fields below a field that stand there by their own names."""
    if field is None or field.selection_set is None:
        return {}
    below = field.selection_set.selections
    plain = [each for each in below if isinstance(each, FieldNode)]
    return {each.name.value: each for each in plain if each.alias is None and not each.directives}
