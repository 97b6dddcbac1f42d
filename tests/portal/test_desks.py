"""
The draft's state machine against a gateway that keeps its promises and no more: whatever is lost,
late, refused, repeated or cut short, nothing is ordered twice or denied.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from portal.desks import (
    SETTLED,
    Desk,
    State,
    current,
    discarded,
    edited,
    made,
    pending,
    refused,
    restored,
    sending,
    unanswered,
)
from portal.drafts import Draft, DraftLine
from portal.errors import Gone, Overtaken, Waiting

LINE = DraftLine("p1", "D1", "Lamp", "ea", 0, Decimal(1))
LIMIT = 45.0
"""Seconds that a request waits for its answer; a process that dies waits no longer either."""
LEASE = 60.0
FATES = ("answered", "lost", "pending", "killed")
TABS = ("one", "other")
FORMS = ("open", "type", "discard", "take back", "place", "place")
EVENTS = ("time", "time", "ask", "operation", *FATES, *FATES)
PASSING = (1, LIMIT + 1, LEASE + 1, 130, SETTLED + 1)
DELAYS = (0, 0, 10, 100, SETTLED - 1)
NOTHING = {State.EMPTY, State.EDITING}


def more(draft: Draft) -> Draft:
    return draft.add(LINE)


@dataclass
class Request:
    """One request that was sent with a draft, as the gateway and the network see it."""

    sent: Desk
    lands: float
    """The time when it is done or refused: at the latest when the gateway promises."""
    is_refused: bool
    """True if it is refused without an order: stock, limits and prices change all the time."""
    answer: str | None = None
    is_heard: bool = False
    """True if its sender still waits for the answer."""


@dataclass
class Gateway:
    """One order for one key; a request that nobody waits for any more lands all the same."""

    orders: dict[str, Desk] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def waiting(self) -> list[Request]:
        return [request for request in self.requests if request.is_heard]

    def land(self, now: float) -> None:
        for request in self.requests:
            if request.answer is None and request.lands <= now:
                request.answer = self._answer(request)

    def _answer(self, request: Request) -> str:
        key = request.sent.draft.key
        if key in self.orders:
            return "CREATED"
        if request.is_refused:
            return "REFUSED"
        self.orders[key] = request.sent
        return "CREATED"


class Interleavings(RuleBasedStateMachine):
    """Two tabs and any number of processes share one desk; all of them see it as it is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.desk = Desk()
        self.gateway = Gateway()
        self.tabs = {"one": self._page(), "other": self._page()}
        self.denied: set[str] = set()
        """Keys of drafts of which it was said that nothing was ordered."""

    def _page(self) -> tuple[str, str]:
        """The draft and the revision that the form of a page says it shows."""
        return self.desk.draft.key, str(self.desk.revision)

    def _move(self, desk: Desk) -> None:
        """Move to a desk, and note the draft that was at hand if it ended without an order."""
        before, self.desk = self.desk, desk
        if before.is_sent and desk.state in NOTHING:
            self.denied.add(before.draft.key)

    @rule(
        tab=st.sampled_from(TABS),
        form=st.sampled_from(FORMS),
        delay=st.sampled_from(DELAYS),
        is_refused=st.booleans(),
    )
    def somebody_uses_a_tab(self, tab: str, form: str, delay: float, is_refused: bool) -> None:
        with suppress(Waiting, Gone, Overtaken):
            if form == "type":
                self._move(edited(current(self.desk, *self.tabs[tab]), more))
            elif form == "discard":
                self._discard(self.tabs[tab][0])
            elif form == "take back":
                self._move(restored(self.desk))
            elif form == "place":
                checked = current(self.desk, *self.tabs[tab])
                found = checked if checked.draft.lines else edited(checked, more)
                self._send(found, delay, is_refused=is_refused)
        self.tabs[tab] = self._page()

    def _discard(self, key: str) -> None:
        found = discarded(current(self.desk, key))
        if self.desk.state is State.EDITING:
            self.denied.add(key)
        self._move(found)

    @rule(
        event=st.sampled_from(EVENTS),
        seconds=st.sampled_from(PASSING),
        delay=st.sampled_from(DELAYS),
        is_refused=st.booleans(),
        number=st.integers(0, 3),
    )
    def the_world_goes_on(
        self, event: str, seconds: float, delay: float, is_refused: bool, number: int
    ) -> None:
        if event == "time":
            self.now += seconds
            self.gateway.land(self.now)
        elif event == "ask" and self.desk.is_sent and not self.desk.operation:
            with suppress(Waiting):
                self._send(self.desk, delay, is_refused=is_refused)
        elif event == "operation" and self.desk.operation:
            self._look()
        elif event in FATES and (waiting := self.gateway.waiting()):
            self._end(waiting[number % len(waiting)], event)

    def _send(self, desk: Desk, delay: float, *, is_refused: bool) -> None:
        sent = sending(desk, self.now, LEASE)
        self._move(sent)
        self.denied.discard(sent.draft.key)
        self.gateway.requests.append(Request(sent, self.now + delay, is_refused, is_heard=True))
        self.gateway.land(self.now)

    def _end(self, request: Request, fate: str) -> None:
        """A request ends by its answer, without one, or with its whole process."""
        request.is_heard = False
        is_late = self.now - request.sent.since > LIMIT
        if fate == "killed":
            return
        if fate == "answered" and request.answer and not is_late:
            self._hear(request)
        elif fate == "pending" and not is_late:
            self._move(pending(self.desk, request.sent, "operation"))
        else:
            self._move(unanswered(self.desk, request.sent))

    def _hear(self, request: Request) -> None:
        if request.answer == "CREATED":
            self._move(made(self.desk, request.sent.draft.key, "order", "1"))
        else:
            self._move(refused(self.desk, request.sent, request.sent.since))

    def _look(self) -> None:
        """Look up what became of an operation, once all that was sent for it has landed."""
        if self.now - self.desk.since <= SETTLED:
            return
        key = self.desk.draft.key
        if key in self.gateway.orders:
            self._move(made(self.desk, key, "order", "1"))
        else:
            self._move(refused(self.desk, self.desk, self.now))

    @invariant()
    def nothing_exists_that_was_denied(self) -> None:
        assert self.denied.isdisjoint(self.gateway.orders)

    @invariant()
    def what_was_ordered_is_what_was_sent(self) -> None:
        for key, sent in self.gateway.orders.items():
            assert sent.draft.key == key
            if self.desk.draft.key == key:
                assert self.desk.draft == sent.draft, "changed while it was on its way"

    def teardown(self) -> None:
        """Every unknown outcome ends in a known one, and nothing turns up afterwards."""
        for request in self.gateway.requests:
            request.is_heard = False
        for _ in range(4):
            self.now += SETTLED + LEASE + 1
            self.gateway.land(self.now)
            if self.desk.operation:
                self._look()
            elif self.desk.is_sent:
                self._send(self.desk, 0, is_refused=False)
                self._hear(self.gateway.requests[-1])
            self.nothing_exists_that_was_denied()
        assert not self.desk.is_sent


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_doubled_or_denied_on_long_walks(seed: int) -> None:
    """The same steps at random: hypothesis prefers short ways, faults lie far from the start."""
    draw = Random(seed)  # noqa: S311 - no secret
    for _ in range(100):
        walk = Interleavings()
        for _ in range(80):
            refused_then = draw.random() < 0.5
            if draw.random() < 0.4:
                walk.somebody_uses_a_tab(
                    draw.choice(TABS), draw.choice(FORMS), draw.choice(DELAYS), refused_then
                )
            else:
                walk.the_world_goes_on(
                    draw.choice(EVENTS),
                    draw.choice(PASSING),
                    draw.choice(DELAYS),
                    refused_then,
                    draw.randrange(4),
                )
            walk.nothing_exists_that_was_denied()
            walk.what_was_ordered_is_what_was_sent()
        walk.teardown()


def test_a_refusal_is_no_outcome_while_what_was_lost_can_still_arrive() -> None:
    desk = edited(Desk(), lambda draft: draft.add(LINE))
    first = sending(desk, 1_000, LEASE)
    lost = unanswered(first, first)
    second = sending(lost, 1_010, LEASE)
    later = sending(lost, 1_000 + SETTLED + 1, LEASE)

    assert refused(second, second, second.since).state is State.UNKNOWN
    assert refused(later, later, later.since).state is State.EDITING


def test_a_refusal_at_once_is_an_outcome() -> None:
    sent = sending(edited(Desk(), lambda draft: draft.add(LINE)), 1_000, LEASE)

    assert refused(sent, sent, sent.since).state is State.EDITING


def test_a_late_answer_changes_nothing_unless_the_order_is_made() -> None:
    first = sending(edited(Desk(), lambda draft: draft.add(LINE)), 1_000, LEASE)
    second = sending(first, 1_000 + LEASE, LEASE)

    assert refused(second, first, first.since) == second
    assert unanswered(second, first) == second
    assert made(second, first.draft.key, "o", "1").state is State.PLACED


def test_nobody_asks_again_while_somebody_else_may_still_be_at_it() -> None:
    sent = sending(edited(Desk(), lambda draft: draft.add(LINE)), 1_000, LEASE)

    with pytest.raises(Waiting):
        sending(sent, 1_000 + LEASE - 1, LEASE)


def test_what_a_process_sent_before_it_died_counts_as_lost() -> None:
    first = sending(edited(Desk(), more), 1_000, LEASE)
    second = sending(first, 1_000 + LEASE, LEASE)

    assert refused(second, second, second.since).state is State.UNKNOWN
