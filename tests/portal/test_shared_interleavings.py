"""
A draft that two people share, in whatever order they share it, open it, change it, order it, take
it back and discard it, with all the misfortunes of `test_interleavings.py`: nothing is ordered
twice, and nothing that was ordered is said not to have been.
"""

import re
from pathlib import Path

import httpx2
import pytest

from tests.portal.test_interleavings import ACTS, Browser, Interleavings, walk
from tests.redis_server import needs_redis

SHARING = ("share", "share", "open", "open", "take back", "own", "take over")


class Pair(Browser):
    """Jane, who sees what she orders herself, and a colleague who sees what the account orders."""

    people = ("jane", "rep")


class SharedInterleavings(Interleavings):
    """The acts of the two, each with a draft of their own and that of the other."""

    browsers = Pair
    acts = (*ACTS, *SHARING)

    async def _asked(self, tab: int) -> httpx2.Response:
        """The order of a colleague who cannot ask for it is taken over in one's own name."""
        found = await super()._asked(tab)
        return await self._taken_over(tab, 0, found) or found

    async def _taken_over(
        self, tab: int, process: int, shown: httpx2.Response
    ) -> httpx2.Response | None:
        key = re.search(r'name="key" value="([^"]+)"', shown.text)
        if key is None or "in your name" not in shown.text:
            return None
        return await self.browser.post(tab, process, "/orders/new/checking", key=key[1])

    async def _also(self, tab: int, process: int, doing: str) -> httpx2.Response | None:
        browser = self.browser
        if doing == "open":
            page = await browser.open(tab, process, "/drafts")
            found = re.search(r'action="(/drafts/\w+/open)"', page.text)
            await browser.post(tab, process, found[1] if found else "/drafts/own")
            return await browser.open(tab, process, "/orders/new/review")
        if doing == "take over":
            shown = await browser.open(tab, process, "/orders/new/review")
            return await self._taken_over(tab, process, shown) or shown
        if doing == "own":
            await browser.open(tab, process, "/orders/new/review")
            return await browser.post(tab, process, "/drafts/own")
        await browser.open(tab, process, "/orders/new/review")
        share = "yes" if doing == "share" else "no"
        return await browser.post(tab, process, "/orders/new/share", share=share)


@pytest.mark.parametrize("store", ["files", pytest.param("redis", marks=needs_redis)])
def test_what_is_shared_is_ordered_once_and_never_denied(
    port: int, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk(SharedInterleavings, port, tmp_path, store, monkeypatch)
