"""
Documents and pictures of one process: the links to them, the adopter's archive, and the ERP.
"""

from collections.abc import AsyncIterator
from typing import cast

import httpx2

from gateway.client.trusted_certificates import trusted
from gateway.config.settings import Settings
from gateway.derived_keys import key_for
from gateway.loaders.kept_pictures import KeptPictures
from gateway.loaders.paper_links import PaperLinks, SharedScripts
from gateway.model.archives import Find
from gateway.model.registry import Registry
from gateway.upstream.allowance import Allowance
from gateway.upstream.attached import AttachedFile, wanted
from gateway.upstream.credentials import ServiceLogin
from gateway.upstream.reports import AT_ONCE, EACH, ErpReport, Printer
from gateway.upstream.service import Service
from gateway.upstream.streamed_values import StreamedValues

EACH_PICTURES = 32
"""Pictures that one caller receives at once: as many as a page of products has, and some."""


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
        limits = httpx2.Limits(max_connections=2 * AT_ONCE)
        self._inner = given or httpx2.AsyncHTTPTransport(
            verify=trusted(), limits=limits, trust_env=False
        )
        self._printer = Printer(
            StreamedValues(finops, self._inner, login, at_once=AT_ONCE, each=EACH)
        )
        # A page of products asks for its pictures at once, and none of them keeps a paper waiting.
        self._pictures = StreamedValues(
            finops, self._inner, login, at_once=AT_ONCE, each=EACH_PICTURES
        )
        self.pictures = KeptPictures(keeps=settings.keep_rows > 0)
        self.archive = cast(Find | None, Registry(settings.extensions).archive)
        key = key_for("papers", settings.receipt_secret or settings.own_secret)
        self.links = PaperLinks(key, archived=self.archive is not None, shared=shared)

    async def look(self) -> None:
        """Find out if the ERP prints documents, for what is told of the environment."""
        await self._printer.look()

    def printed(self, report: ErpReport, allowance: Allowance) -> AsyncIterator[bytes]:
        """The PDF that the ERP prints, in pieces."""
        return self._printer.printed(report, allowance)

    def attached(self, file: AttachedFile, allowance: Allowance) -> AsyncIterator[bytes]:
        """The content of a file that is attached to a row of the ERP, in pieces."""
        return self._pictures.read(wanted(self._pictures.service, file), allowance)

    async def aclose(self) -> None:
        await self._inner.aclose()
