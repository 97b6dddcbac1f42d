"""
Printed documents of one process: the links to them, the adopter's archive, and the ERP's printer.
"""

from collections.abc import AsyncIterator
from typing import cast

import httpx2

from gateway.config.settings import Settings
from gateway.keying import key_for
from gateway.loaders.paper_links import PaperLinks, SharedScripts
from gateway.model.archives import Find
from gateway.model.registry import Registry
from gateway.upstream.allowance import Allowance
from gateway.upstream.credentials import ServiceLogin
from gateway.upstream.reports import AT_ONCE, ErpReport, Printer
from gateway.upstream.service import Service


class Paperwork:
    """The documents of an app, for all its callers."""

    def __init__(
        self,
        settings: Settings,
        finops: Service,
        login: ServiceLogin,
        given: httpx2.AsyncBaseTransport | None,
        shared: SharedScripts | None = None,
    ) -> None:
        """
        `given` carries all HTTP instead of sockets of our own; `shared` is the place of all
        replicas.
        """
        limits = httpx2.Limits(max_connections=AT_ONCE)
        self._inner = given or httpx2.AsyncHTTPTransport(limits=limits, trust_env=False)
        self._printer = Printer(finops, self._inner, login)
        self.archive = cast(Find | None, Registry(settings.extensions).archive)
        key = key_for("papers", settings.receipt_secret or settings.own_secret)
        self.links = PaperLinks(key, archived=self.archive is not None, shared=shared)

    async def look(self) -> None:
        """Find out if the ERP prints documents, for what is told of the environment."""
        await self._printer.look()

    def printed(self, report: ErpReport, allowance: Allowance) -> AsyncIterator[bytes]:
        """The PDF that the ERP prints, in pieces."""
        return self._printer.printed(report, allowance)

    async def aclose(self) -> None:
        await self._inner.aclose()
