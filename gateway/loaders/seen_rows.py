"""
Rows that a caller was shown of late, for the same caller again while a service cannot be asked.

A page is found only by the caller who saw it, with the same row rule and columns, as both stand in
its address; its rows pass the gate as fetched ones do.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec import Struct

from gateway.auth.kept import UNKNOWN
from gateway.errors import RateLimited, UpstreamError
from gateway.loaders.kept_rows import KeptPlace, KeptRows
from gateway.model.tables import Table
from gateway.upstream.allowance import Allowance
from gateway.upstream.pages import PLAIN, RAW, Decoder, Page
from gateway.upstream.service import Call, Service

FetchAll = Callable[[Sequence[Call], Allowance, Decoder], Awaitable[list[Page]]]
"""Fetches the pages of several queries, as `Service.fetch_all` does."""


class SeenRows(Struct, frozen=True):
    """The pages of rows that were shown to their owners."""

    kept: KeptRows

    def before(self, service: Service, table: Table) -> FetchAll:
        """Fetches rows of the table, and stands in for the service while it cannot be asked."""
        return partial(self._fetched, service, table)

    async def _fetched(
        self,
        service: Service,
        table: Table,
        calls: Sequence[Call],
        allowance: Allowance,
        decoder: Decoder = PLAIN,
    ) -> list[Page]:
        if allowance.fresh:
            return await service.fetch_all(calls, allowance, decoder)
        moment, whose = allowance.clock(), (service.names.version, allowance.errand.caller)
        places = [KeptPlace((service.root, *whose, call.url)) for call in calls]
        answers = True
        try:
            sent = await service.fetch_all(calls, allowance, RAW)
        except UNKNOWN as error:
            found = older(self.kept, allowance, table, places, moment, error)
            sent, answers = [page for page in found if page is not None], False
        pages = []
        for call, place, raw in zip(calls, places, sent, strict=True):
            pages.append(await service.opened(raw, call.query, decoder))
            if answers:
                self.kept.keep(table, service.names, place, raw, pages[-1].rows, moment)
        return pages


def older(
    kept: KeptRows,
    allowance: Allowance,
    table: Table,
    places: Sequence[KeptPlace],
    moment: float,
    error: UpstreamError,
) -> list[Page | None]:
    """The rows kept of these places while their service cannot be asked; raises `error`."""
    found = [kept.older(place, moment) for place in places]
    if isinstance(error, RateLimited) or not all(page for page, _ in found):
        raise error
    ages = [allowance.aged.get(table.name, 0.0), *(age for _, age in found)]
    allowance.aged[table.name] = max(ages)
    return [page for page, _ in found]
