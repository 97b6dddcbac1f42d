"""
The whole stack under whatever order of things: two tabs, also at the same time, two processes that
share files or a Redis, lost answers, outages, evicted sessions, sign-outs and restarts. Nothing is
ordered twice, and nothing that was ordered is said not to have been.
"""

import asyncio
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from portal.pages import placing
from portal.shared_stores import AGAIN, PREFIX
from portal.stores import FileStore
from tests.nightly import NIGHTLY
from tests.portal.site import PUBLIC, Visitor, visiting
from tests.portal.test_site import number_of_orders
from tests.ports import free_port
from tests.redis_server import Server, needs_redis

PROCESSES = 2
TABS = 2
WALKS, STEPS = (60, 40) if NIGHTLY else (2, 20)
SHORTENED = (Phase.shrink,) if NIGHTLY else ()
"""A walk that failed is made shorter at night alone: that takes minutes."""
LIMIT = 10.0
"""Seconds that a request for an order waits for its answer, and others for it."""
PATIENCE = 60.0
"""Seconds until the outcome of a draft must be known: one look is enough if nobody waits."""
ACTS = ("look", "begin", "place", "place", "discard", "undo", "sign out")


class Browser:
    """Tabs of these people, in front of two processes that share their files, or a Redis."""

    people = ("jane", "jane")

    def __init__(self, port: int, folder: Path, shared: Server | None) -> None:
        self.port = port
        self.shared = shared
        self.stores: dict[str, Any] = (
            {"shared": shared.url}
            if shared
            else {"drafts": folder / "drafts", "sessions": folder / "sessions"}
        )
        self.cookies = {name: httpx2.Cookies() for name in self.people}
        self.tabs: list[httpx2.Response | None] = [None] * TABS
        self.processes: list[tuple[AsyncExitStack, dict[str, Visitor]]] = []

    async def start(self) -> None:
        while len(self.processes) < PROCESSES:
            stack = AsyncExitStack()
            visitor = await stack.enter_async_context(
                visiting(self.port, timeout=LIMIT, **self.stores)
            )
            visitors = {}
            for name, cookies in self.cookies.items():
                way = httpx2.ASGITransport(app=visitor.app)
                client = httpx2.AsyncClient(transport=way, base_url=PUBLIC, cookies=cookies)
                await stack.enter_async_context(client)
                visitors[name] = replace(visitor, client=client, seen=[])
            self.processes.append((stack, visitors))

    async def stop(self) -> None:
        for stack, _ in self.processes:
            await stack.aclose()
        self.processes.clear()

    def process(self, number: int, tab: int = -1) -> Visitor:
        """The person of a tab at one of the processes."""
        return self.processes[number][1][self.people[tab]]

    async def open(self, tab: int, process: int, path: str) -> httpx2.Response:
        """A page; whoever has to sign in does so and asks again."""
        visitor, name = self.process(process, tab), self.people[tab]
        answer = await visitor.get(path)
        if "/issuer/" in answer.headers.get("location", ""):
            signed_in = await visitor.sign_in(name)
            if signed_in.status_code >= 500:
                self.tabs[tab] = signed_in
                return signed_in
            self.cookies[name] = visitor.client.cookies
            for _, each in self.processes:
                each[name].client.cookies = self.cookies[name]
            answer = await visitor.get(path)
        self.tabs[tab] = answer
        return answer

    async def post(self, tab: int, process: int, path: str, **form: str) -> httpx2.Response | None:
        """A form of what the tab shows, however old that is."""
        shown = self.tabs[tab]
        if shown is None:
            return None
        visitor = self.process(process, tab)
        visitor.seen.append(shown)
        self.tabs[tab] = answer = await visitor.post(path, **form)
        return answer


class Interleavings(RuleBasedStateMachine):
    """The acts of one buyer and the portal's misfortunes; each draft has a reference of its own."""

    port = 0
    shared: Server | None = None
    count = 0
    browsers: type[Browser] = Browser
    acts: tuple[str, ...] = ACTS

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        if self.shared is not None:
            self.shared.client.flushall()
        self.browser = self.browsers(self.port, Path(self.folder.name), self.shared)
        self.run(self.browser.start())
        self.away_until = 0.0
        self.begun: list[str] = []
        self.thanked: set[str] = set()
        self.denied: set[str] = set()

    def run(self, doing: Any) -> Any:
        return self.runner.run(doing)

    @rule(
        tab=st.integers(0, TABS - 1),
        process=st.integers(0, PROCESSES - 1),
        number=st.integers(0, 99),
    )
    def somebody_does(self, tab: int, process: int, number: int) -> None:
        doing = self.acts[number % len(self.acts)]
        self._held(process, self.run(self._does(tab, process, doing)))

    @rule(
        processes=st.tuples(*[st.integers(0, PROCESSES - 1)] * TABS),
        numbers=st.tuples(*[st.integers(0, 99)] * TABS),
    )
    def all_tabs_do_at_once(self, processes: tuple[int, ...], numbers: tuple[int, ...]) -> None:
        doing = tuple(self.acts[number % len(self.acts)] for number in numbers)
        denied = set(self.denied)
        for process, answer in zip(processes, self.run(self._do(processes, doing)), strict=True):
            self._held(process, answer)
        if doing.count("place") > 1:
            # One of them may have been refused before the other was sent.
            self.denied &= denied

    async def _do(
        self, processes: tuple[int, ...], doing: tuple[str, ...]
    ) -> list[httpx2.Response | None]:
        acts = zip(range(TABS), processes, doing, strict=True)
        return await asyncio.gather(*(self._does(*each) for each in acts))

    def _held(self, process: int, answer: httpx2.Response | None) -> None:
        assert answer is None or answer.status_code < 500 or self._is_down(process)

    @rule(
        process=st.integers(0, PROCESSES - 1),
        event=st.sampled_from(
            (
                *("lost", "lost", "down", "up", "restart", "evicted", "check", "closed"),
                *("opened", "store away", "store away with an answer", "store back"),
            )
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
        elif event == "store away":
            self._take_away()
        elif event == "store away with an answer":
            visitor.gateway.meanwhile = self._take_away
        elif event == "store back":
            self._bring_back()
        else:
            self.run(self.browser.open(0, process, "/orders/new/review"))
            self._heard(self.browser.tabs[0])

    def _is_down(self, process: int) -> bool:
        gateway = self.browser.process(process).gateway
        return gateway.is_down or bool(gateway.refusal) or self._is_away

    @property
    def _is_away(self) -> bool:
        """True while a page may say that there is no store, as there was none a moment ago."""
        return self.shared is not None and (
            self.shared.process is None or time.monotonic() < self.away_until
        )

    def _take_away(self) -> None:
        if self.shared is not None:
            self.shared.kill()

    def _bring_back(self) -> None:
        if self.shared is not None and self.shared.process is None:
            self.shared.start()
            self.away_until = time.monotonic() + AGAIN

    async def _restart(self) -> None:
        await self.browser.stop()
        await self.browser.start()

    def _evict(self) -> None:
        for process in range(PROCESSES):
            self.browser.process(process).app.state.site.sessions._kept.clear()
        if self.shared is None:
            FileStore(self.browser.stores["sessions"])._db.execute("DELETE FROM session")
        elif self.shared.process is not None:
            redis = self.shared.client
            for name in redis.scan_iter(f"{PREFIX}:session:*"):
                redis.delete(name)

    async def _does(self, tab: int, process: int, doing: str) -> httpx2.Response | None:
        browser, sent = self.browser, set[str]()
        if doing == "look":
            answer: httpx2.Response | None = await browser.open(tab, process, "/orders/new/review")
        elif doing == "begin":
            answer = await self._begin(tab, process)
        elif doing == "place":
            shown = browser.tabs[tab]
            sent = set(self._references(shown.text)) if shown is not None else sent
            answer = await self._place(tab, process)
        elif doing == "discard":
            answer = await self._discard(tab, process)
        elif doing == "undo":
            answer = await browser.post(tab, process, "/orders/new/discard", undo="1")
            if answer is not None and "Your draft has been restored." in answer.text:
                found = await browser.open(tab, process, "/orders/new/review")
                self.denied -= set(self._references(found.text))
        elif doing == "sign out":
            answer = await browser.post(tab, process, "/sign-out")
        else:
            answer = await self._also(tab, process, doing)
        self._heard(answer, sent)
        return answer

    async def _also(self, tab: int, process: int, doing: str) -> httpx2.Response | None:
        """The acts of the people of another machine."""
        raise NotImplementedError(doing)

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
        self.denied -= set(self._references(shown.text))
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

    def _heard(self, answer: httpx2.Response | None, sent: Iterable[str] = ()) -> None:
        """Note the orders that a page says were placed, and those `sent` that it says were not."""
        if answer is not None and "Thank you." in answer.text:
            self.thanked |= set(self._references(answer.text))
        if answer is not None and "Nothing was ordered or changed" in answer.text:
            self.denied |= set(sent)
        if answer is not None and "Your order was not placed." in answer.text:
            self.denied |= set(self._references(answer.text))

    def teardown(self) -> None:
        try:
            self.run(self._settle())
        finally:
            self.run(self.browser.stop())
            self.runner.close()
            self.folder.cleanup()

    async def _asked(self, tab: int) -> httpx2.Response:
        """A page that says that an outcome is not known, or one that asked for it."""
        return await self.browser.open(tab, 0, "/orders/new/items")

    async def _settle(self) -> None:
        """All is well again: every outcome becomes known, and is what was said before."""
        for process in range(PROCESSES):
            gateway = self.browser.process(process).gateway
            gateway.is_down, gateway.loses = False, 0
            gateway.refusal, gateway.meanwhile = "", None
        self._bring_back()
        await asyncio.sleep(max(0.0, self.away_until - time.monotonic()))
        for tab in range(TABS):
            until = time.monotonic() + PATIENCE
            while True:
                found = await self._asked(tab)
                self._heard(found)
                if "is being checked" not in found.text or time.monotonic() > until:
                    break
                await asyncio.sleep(1)
            assert "is being checked" not in found.text
        orders = {one: await number_of_orders(self.browser.process(0), one) for one in self.begun}
        assert {one: n for one, n in orders.items() if n > 1} == {}, "doubled"
        assert {one for one in self.denied if orders[one]} == set(), "said not to be ordered"
        assert {one for one in self.thanked if not orders[one]} == set(), "said to be ordered"


@contextmanager
def in_front_of(
    port: int,
    shared: Server | None,
    patch: pytest.MonkeyPatch,
    machine: type[Interleavings] = Interleavings,
) -> Iterator[None]:
    machine.port, machine.shared = port, shared
    if shared is not None:
        shared.start()
    patch.setattr(placing, "MARGIN", 0.0)
    try:
        yield
    finally:
        if shared is not None:
            shared.kill()


@pytest.mark.parametrize("store", ["files", pytest.param("redis", marks=needs_redis)])
def test_nothing_is_doubled_and_nothing_denied_that_was_ordered(
    port: int, tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk(Interleavings, port, tmp_path, store, monkeypatch)


def walk(
    machine: type[Interleavings],
    port: int,
    folder: Path,
    store: str,
    patch: pytest.MonkeyPatch,
) -> None:
    """Let hypothesis choose what its people do and what befalls them."""
    shared = Server(folder, free_port(), is_durable=True) if store == "redis" else None
    with in_front_of(port, shared, patch, machine):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=WALKS,
                stateful_step_count=STEPS,
                phases=(Phase.explicit, Phase.reuse, Phase.generate, *SHORTENED),
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
