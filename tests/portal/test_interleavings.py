"""
The whole stack under whatever order of things: two tabs, two processes, lost answers, outages,
evicted sessions, sign-outs and restarts. Nothing is ordered twice, and nothing that was ordered is
said not to have been.
"""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from portal.stores import FileStore
from tests.nightly import NIGHTLY
from tests.portal.site import Visitor, visiting
from tests.portal.test_site import number_of_orders

PROCESSES = 2
TABS = 2
WALKS, STEPS = (60, 40) if NIGHTLY else (3, 20)
SHORTENED = (Phase.shrink,) if NIGHTLY else ()
"""A walk that failed is made shorter at night alone: that takes minutes."""
TRIES = 8
"""Looks at a draft until its outcome is known; one is enough if nothing is lost any more."""


class Browser:
    """One browser with tabs, in front of two processes that share their files."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.files: dict[str, Any] = {"drafts": folder / "drafts", "sessions": folder / "sessions"}
        self.cookies = httpx2.Cookies()
        self.tabs: list[httpx2.Response | None] = [None] * TABS
        self.processes: list[tuple[AsyncExitStack, Visitor]] = []

    async def start(self) -> None:
        while len(self.processes) < PROCESSES:
            stack = AsyncExitStack()
            visitor = await stack.enter_async_context(visiting(self.port, **self.files))
            visitor.client.cookies = self.cookies
            self.processes.append((stack, visitor))

    async def stop(self) -> None:
        for stack, _ in self.processes:
            await stack.aclose()
        self.processes.clear()

    def process(self, number: int) -> Visitor:
        return self.processes[number][1]

    async def open(self, tab: int, process: int, path: str) -> httpx2.Response:
        """A page; whoever has to sign in does so and asks again."""
        visitor = self.process(process)
        answer = await visitor.get(path)
        if "/issuer/" in answer.headers.get("location", ""):
            await visitor.sign_in("jane")
            self.cookies = visitor.client.cookies
            for _, each in self.processes:
                each.client.cookies = self.cookies
            answer = await visitor.get(path)
        self.tabs[tab] = answer
        return answer

    async def post(self, tab: int, process: int, path: str, **form: str) -> httpx2.Response | None:
        """A form of what the tab shows, however old that is."""
        shown = self.tabs[tab]
        if shown is None:
            return None
        visitor = self.process(process)
        visitor.seen.append(shown)
        self.tabs[tab] = answer = await visitor.post(path, **form)
        return answer


class Interleavings(RuleBasedStateMachine):
    """The acts of one buyer and the portal's misfortunes; each draft has a reference of its own."""

    port = 0
    count = 0

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.browser = Browser(self.port, Path(self.folder.name))
        self.run(self.browser.start())
        self.begun: list[str] = []
        self.thanked: set[str] = set()
        self.denied: set[str] = set()
        self.sent: set[str] = set()
        """The draft that was placed last."""

    def run(self, doing: Any) -> Any:
        return self.runner.run(doing)

    @rule(
        tab=st.integers(0, TABS - 1),
        process=st.integers(0, PROCESSES - 1),
        doing=st.sampled_from(["look", "begin", "place", "place", "discard", "undo", "sign out"]),
    )
    def somebody_does(self, tab: int, process: int, doing: str) -> None:
        answer = self.run(self._does(tab, process, doing))
        if answer is not None:
            assert answer.status_code < 500 or self._is_down(process)

    @rule(
        process=st.integers(0, PROCESSES - 1),
        event=st.sampled_from(
            ["lost", "lost", "down", "up", "restart", "evicted", "check", "closed", "opened"]
        ),
    )
    def something_happens(self, process: int, event: str) -> None:
        visitor = self.browser.process(process)
        if event == "lost":
            visitor.gateway.loses = 1
        elif event in ("down", "up"):
            visitor.gateway.is_down = event == "down"
        elif event in ("closed", "opened"):
            visitor.gateway.refusal = "WRITES_REFUSED" if event == "closed" else ""
        elif event == "restart":
            self.run(self._restart())
        elif event == "evicted":
            self._evict()
        else:
            self.run(self.browser.open(0, process, "/orders/new/review"))
            self._heard(self.browser.tabs[0])

    def _is_down(self, process: int) -> bool:
        gateway = self.browser.process(process).gateway
        return gateway.is_down or bool(gateway.refusal)

    async def _restart(self) -> None:
        await self.browser.stop()
        await self.browser.start()

    def _evict(self) -> None:
        for _, visitor in self.browser.processes:
            visitor.app.state.site.sessions._kept.clear()
        FileStore(self.browser.files["sessions"])._db.execute("DELETE FROM session")

    async def _does(self, tab: int, process: int, doing: str) -> httpx2.Response | None:
        browser = self.browser
        if doing == "look":
            answer: httpx2.Response | None = await browser.open(tab, process, "/orders/new/review")
        elif doing == "begin":
            answer = await self._begin(tab, process)
        elif doing == "place":
            answer = await self._place(tab, process)
        elif doing == "discard":
            answer = await self._discard(tab, process)
        elif doing == "undo":
            answer = await browser.post(tab, process, "/orders/new/discard", undo="1")
            if answer is not None and "Your draft has been restored." in answer.text:
                found = await browser.open(tab, process, "/orders/new/review")
                self.denied -= set(self._references(found.text))
        else:
            answer = await browser.post(tab, process, "/sign-out")
        self._heard(answer)
        return answer

    async def _begin(self, tab: int, process: int) -> httpx2.Response | None:
        """A new draft, where there is none yet."""
        browser = self.browser
        answer: httpx2.Response | None = await browser.open(tab, process, "/orders/new/items")
        if answer is None or "Your order is empty." not in answer.text:
            return answer
        await browser.open(tab, process, "/orders/new")
        Interleavings.count += 1
        reference = f"WALK-{Interleavings.count}-"
        self.begun.append(reference)
        await browser.post(tab, process, "/orders/new", ship_to="account", reference=reference)
        await browser.post(tab, process, "/orders/new/import", pasted="D0023,1")
        return await browser.open(tab, process, "/orders/new/review")

    async def _place(self, tab: int, process: int) -> httpx2.Response | None:
        shown = self.browser.tabs[tab]
        key = re.search(r'name="key" value="([^"]+)"', shown.text) if shown is not None else None
        if shown is None or key is None:
            return await self.browser.open(tab, process, "/orders/new/review")
        self.sent = set(self._references(shown.text))
        self.denied -= self.sent
        return await self.browser.post(tab, process, "/orders/new/submit", key=key[1])

    async def _discard(self, tab: int, process: int) -> httpx2.Response | None:
        asked = await self.browser.open(tab, process, "/orders/new/review")
        references = self._references(asked.text)
        await self.browser.open(tab, process, "/orders/new/discard")
        gone = await self.browser.post(tab, process, "/orders/new/discard")
        if gone is not None and "Nothing was ordered." in gone.text:
            self.denied |= set(references)
        return gone

    def _references(self, text: str) -> list[str]:
        return [one for one in self.begun if one in text]

    def _heard(self, answer: httpx2.Response | None) -> None:
        """Note the orders that the page says were placed, and the drafts that it says were not."""
        if answer is not None and "Thank you." in answer.text:
            self.thanked |= set(self._references(answer.text))
        if answer is not None and "Nothing was ordered or changed" in answer.text:
            self.denied |= self.sent

    def teardown(self) -> None:
        try:
            self.run(self._settle())
        finally:
            self.run(self.browser.stop())
            self.runner.close()
            self.folder.cleanup()

    async def _settle(self) -> None:
        """All is well again: every outcome becomes known, and is what was said before."""
        for _, visitor in self.browser.processes:
            visitor.gateway.is_down, visitor.gateway.loses = False, 0
            visitor.gateway.refusal = ""
        for _ in range(TRIES):
            found = await self.browser.open(0, 0, "/orders/new/items")
            self._heard(found)
            if "is being checked" not in found.text:
                break
        assert "is being checked" not in found.text
        orders = {one: await number_of_orders(self.browser.process(0), one) for one in self.begun}
        assert {one: n for one, n in orders.items() if n > 1} == {}, "doubled"
        assert {one for one in self.denied if orders[one]} == set(), "said not to be ordered"
        assert {one for one in self.thanked if not orders[one]} == set(), "said to be ordered"


@contextmanager
def in_front_of(port: int) -> Iterator[None]:
    Interleavings.port = port
    yield


def test_nothing_is_doubled_and_nothing_denied_that_was_ordered(port: int) -> None:
    with in_front_of(port):
        run_state_machine_as_test(
            Interleavings,
            settings=settings(
                max_examples=WALKS,
                stateful_step_count=STEPS,
                phases=(Phase.explicit, Phase.reuse, Phase.generate, *SHORTENED),
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
