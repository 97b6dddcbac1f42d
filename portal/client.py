"""A document and its variables -> what the gateway answered, asked with the caller's own token."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from portal.errors import (
    BadLink,
    Closed,
    NotFound,
    NotInvited,
    PortalError,
    Refused,
    SignInNeeded,
    TooLarge,
    Unavailable,
)

log = logging.getLogger(__name__)

OK: Final = 200
EVENTS: Final = "text/event-stream"
DATA: Final = "data: "
PATIENCE_FOR_DOCUMENTS: Final = 45.0
"""Seconds without a byte: the ERP renders a document as a whole before any of it comes."""

MEANING: Final[Mapping[str, type[PortalError]]] = {
    "UNAUTHENTICATED": SignInNeeded,
    "FORBIDDEN": Refused,
    "NOT_FOUND": NotFound,
    "NOT_INVITED": NotInvited,
    "INVALID_CURSOR": BadLink,
    "INVALID_INPUT": BadLink,
    "LIMIT_EXCEEDED": TooLarge,
    "WRITES_REFUSED": Closed,
    "UNKNOWN_DOCUMENT": Closed,
    "RATE_LIMITED": Unavailable,
    "OVERLOADED": Unavailable,
    "UPSTREAM_THROTTLED": Unavailable,
    "UPSTREAM_UNAVAILABLE": Unavailable,
    "UPSTREAM_TIMEOUT": Unavailable,
}
"""The error of a page for each code of the gateway; any other code is a defect, ours or theirs."""

OF_ADDRESSES: Final = frozenset(code for code, error in MEANING.items() if error is BadLink)
"""Codes of what the address asks for and cannot be, whatever else of the page there is."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The person who asks, the account they ask for, and the customer whom they see the site as."""

    token: str = field(repr=False)
    account: str | None = None
    seen_as: str | None = None
    fresh: bool = False
    """True if no answer will do that the gateway has kept: an order is made of it."""

    @property
    def headers(self) -> dict[str, str]:
        chosen = {"X-Account": self.account} if self.account else {}
        eyes = {"X-View-As": self.seen_as} if self.seen_as else {}
        anew = {"Cache-Control": "no-cache"} if self.fresh else {}
        return {"Authorization": f"Bearer {self.token}", **chosen, **eyes, **anew}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Some of it may be missing where a service behind the gateway is down."""

    data: dict[str, Any]
    is_partial: bool


class Gateway:
    """The GraphQL gateway at the far end of two HTTP clients: for answers, and for streams."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        documents: Mapping[str, str],
        streams: httpx2.AsyncClient,
    ) -> None:
        """`streams` has a connection for each of them, which others would wait for."""
        self._http, self._streams = http, streams
        self._documents = documents

    async def close(self) -> None:
        """Close all connections to the gateway."""
        await self._http.aclose()
        await self._streams.aclose()

    async def ask(
        self, document: str, operation: str, variables: Mapping[str, Any], caller: Caller
    ) -> Answer:
        """PortalError where nothing of it can be shown."""
        body = {
            "query": self._documents[document],
            "operationName": operation,
            "variables": variables,
        }
        try:
            response = await self._http.post("/graphql", json=body, headers=caller.headers)
            return _read(response.json())
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("%s: the gateway did not answer: %s", operation, type(error).__name__)
            raise Unavailable(operation) from error

    async def follow(
        self, document: str, variables: Mapping[str, Any], caller: Caller
    ) -> AsyncIterator[dict[str, Any] | None]:
        """
        The data of each answer to a subscription, and None once in a while between them; it ends
        where the gateway ends it, or is away.
        """
        body = {"query": self._documents[document], "variables": variables}
        headers = {**caller.headers, "Accept": EVENTS}
        try:
            async with self._streams.stream(
                "POST", "/graphql", json=body, headers=headers
            ) as response:
                async for line in response.aiter_lines():
                    if line == ":":
                        yield None
                    elif line.startswith(DATA) and len(line) > len(DATA):
                        data = json.loads(line[len(DATA) :]).get("data")
                        if data is None:
                            return
                        yield data
        except (httpx2.HTTPError, ValueError) as error:
            log.info("%s: the stream was cut: %s", document, type(error).__name__)

    async def fetch(self, path: str, caller: Caller) -> httpx2.Response:
        """The answer for a document, to be read in pieces and closed. PortalError without one."""
        request = self._http.build_request(
            "GET", path, headers=caller.headers, timeout=PATIENCE_FOR_DOCUMENTS
        )
        try:
            response = await self._http.send(request, stream=True)
            if response.status_code == OK:
                return response
            raise _error((await _refused(response))["errors"][0])
        except (httpx2.HTTPError, ValueError, LookupError) as error:
            log.warning("a document: the gateway did not answer: %s", type(error).__name__)
            raise Unavailable("document") from error


async def _refused(response: httpx2.Response) -> dict[str, Any]:
    try:
        await response.aread()
        found: dict[str, Any] = response.json()
        return found
    finally:
        await response.aclose()


def _read(body: dict[str, Any]) -> Answer:
    data, errors = body.get("data"), body.get("errors") or []
    if errors and not any(value is not None for value in (data or {}).values()):
        raise _error(errors[0])
    if any(_code(each) in OF_ADDRESSES for each in errors):
        raise BadLink
    return Answer(data or {}, any(map(_is_passing, errors)))


def _is_passing(error: dict[str, Any]) -> bool:
    """True if it can be had at another time: no environment gets what it lacks by waiting."""
    return _code(error) != "NOT_AVAILABLE_HERE"


def _code(error: dict[str, Any]) -> str:
    return str(error.get("extensions", {}).get("code", ""))


def _error(error: dict[str, Any]) -> PortalError:
    code = _code(error)
    if code not in MEANING:
        log.error("the gateway refused: %s %s", code, error.get("message"))
    found = MEANING.get(code, PortalError)(code)
    found.details = error.get("extensions", {})
    return found
