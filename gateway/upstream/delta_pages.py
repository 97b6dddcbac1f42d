"""
Changes of tables as Dataverse tells them: `Prefer: odata.track-changes` begins, the delta link of
the last page continues. All feeds that continue are read by one `$batch`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.admission.errands import Errand, Lane
from gateway.client.exchange import Request
from gateway.errors import UpstreamError, UpstreamMismatch
from gateway.upstream import batch
from gateway.upstream.breaker import FEEDS
from gateway.upstream.failures import outcome_of
from gateway.upstream.pages import ReadOutcome
from gateway.upstream.sender import now
from gateway.upstream.service import EACH_BY_ITSELF, HEADERS, PAGE_SIZE, Service

SIZE: Final = f"odata.maxpagesize={PAGE_SIZE}"
TRACKED: Final = {"Prefer": f"odata.track-changes,{SIZE}"}
PAGED: Final = {"Prefer": SIZE}
PATIENCE: Final = 30.0
"""Seconds that one request of a feed may take, with all its repeats."""
ERRAND: Final = "feeds"
"""The caller in whose name feeds ask."""


class DeltaPage(msgspec.Struct):
    """One page of a feed: rows that changed, rows that are gone, and the link that goes on."""

    value: list[dict[str, Any]]
    next_link: str | None = msgspec.field(name="@odata.nextLink", default=None)
    delta_link: str | None = msgspec.field(name="@odata.deltaLink", default=None)


Told = DeltaPage | UpstreamError
"""The outcome of one read of a feed."""
_decoder = msgspec.json.Decoder(DeltaPage)


async def first_page(service: Service, collection: str, select: Sequence[str]) -> Told:
    """The first page of all rows of a table, whose last page has the first delta link."""
    url = f"{service.root}{collection}?$select={','.join(select)}"
    return (await _asked(service, [url], TRACKED))[0]


async def page_at(service: Service, link: str) -> Told:
    """The page that a next link leads to."""
    return (await pages_at(service, [link]))[0]


async def pages_at(service: Service, links: Sequence[str]) -> list[Told]:
    """The pages that these links lead to, by one request; UpstreamError where there was none."""
    return await _asked(service, links, PAGED)


async def _asked(service: Service, links: Sequence[str], headers: Mapping[str, str]) -> list[Told]:
    for link in links:
        if not link.startswith(service.root):  # it would get our token
            raise UpstreamMismatch("The service sent a link that leads elsewhere.")
    requests = [Request("GET", link, headers={**HEADERS, **headers}) for link in links]
    if len(requests) == 1:
        return [_page(outcome) for outcome in [outcome_of(await _sent(service, requests[0]))]]
    kind, body = batch.reads(requests)
    whole = {"Content-Type": kind, "Accept": "multipart/mixed", **EACH_BY_ITSELF}
    url = f"{service.root}$batch"
    reply = await _sent(service, Request("POST", url, body, {**HEADERS, **whole}))
    replies = await batch.replied(reply)
    if len(replies) != len(links):
        failed = outcome_of(replies[0]) if len(replies) == 1 else None
        if isinstance(failed, UpstreamError):
            raise failed
        raise UpstreamMismatch("A batch was answered with another number of parts.")
    return [_page(outcome_of(each)) for each in replies]


async def _sent(service: Service, request: Request) -> Any:
    sent = await service.sender.send(
        service.transport,
        request,
        now() + PATIENCE,
        PATIENCE,
        # A link goes back to the user who got it, while that one can make the call.
        errand=Errand(Lane.FEEDS, ERRAND, ERRAND, user=0),
        sort=FEEDS,
    )
    return sent.response


def _page(outcome: ReadOutcome) -> Told:
    if isinstance(outcome, UpstreamError):
        return outcome
    try:
        return _decoder.decode(outcome)  # type: ignore[arg-type]  # bytes, as no plan decoded it
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UpstreamMismatch("The service's answer is not a page of changes.")
