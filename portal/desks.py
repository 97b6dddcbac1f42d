"""
One person's work under way for one account, as a state machine: what may become of a draft, and
when an outcome is known. Pure; `keeping.py` writes down what comes out.

    EMPTY, PLACED -> EDITING -> SENDING -> PLACED
                        ^          |  ^
                        | refused  v  | asked again
                        +------- UNKNOWN

While a draft is SENDING or UNKNOWN nothing but its outcome can be written.

A draft that is EDITING may be shared with colleagues, who change and order it on its owner's desk.
It has then nothing of the catalogue, as each of them may know something else of that.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from portal.drafts import Draft
from portal.errors import Gone, Overtaken, Waiting
from portal.outcomes import Colleague, Placed

SETTLED: Final = 260
"""
Seconds after which a request that got no answer has done all that it ever will: docs/orders.md
promises it. Until then that the next one was refused says nothing about the first.
"""
NEVER: Final = 0.0
"""The time at which a request looked at what is there, if it was refused before it came to that."""
REMEMBERED: Final = 20
"""Placed drafts whose orders are known by the draft's key."""


class State(StrEnum):
    """The states of a draft between nothing and an order."""

    EMPTY = "empty"
    EDITING = "editing"
    SENDING = "sending"
    UNKNOWN = "unknown"
    PLACED = "placed"


@dataclass(frozen=True, slots=True)
class Sharing:
    """The share that colleagues have in a draft, until its owner ends it or somebody orders it."""

    id: str
    """Never used again."""
    owner: Colleague
    by: Colleague
    """The one who changed or ordered the draft last."""
    at: float
    """The time of that."""

    @property
    def moment(self) -> str:
        """The time of that, as the gateway writes times."""
        return datetime.fromtimestamp(self.at, UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Desk:
    """The draft at hand and its state, the last drafts that were placed, the one discarded last."""

    state: State = State.EMPTY
    draft: Draft = field(default_factory=Draft)
    revision: int = 0
    """Counts the changes, so that a form can tell if it shows the current draft."""
    since: float = 0.0
    """The time at which the request that is under way was sent."""
    lost: float = 0.0
    """The time at which the last request without an answer was sent; 0 if all were answered."""
    operation: str | None = None
    """The id with which the gateway can be asked for the outcome of the last attempt."""
    placed: tuple[Placed, ...] = ()
    discarded: Draft | None = None
    sharing: Sharing | None = None

    @property
    def is_sent(self) -> bool:
        return self.state in {State.SENDING, State.UNKNOWN}

    def placed_as(self, key: str) -> Placed | None:
        return next((one for one in self.placed if one.key == key), None)

    def is_shared_as(self, share: str, account: str) -> bool:
        """True if this share in the draft stands, and is one of the account's people."""
        stands = self.sharing is not None and self.sharing.id == share
        return stands and self.draft.account == account


def settled(desk: Desk) -> Desk:
    """The desk; Waiting where the outcome of its draft is not known."""
    if desk.is_sent:
        raise Waiting(desk.draft.key)
    return desk


def current(desk: Desk, key: str, revision: str | None = None) -> Desk:
    """
    The desk, if a form with `key` is about the draft at hand; with a revision, only if it shows the
    draft as it is.

    Waiting, Gone where that draft was placed or discarded, Overtaken where it was changed.
    """
    settled(desk)
    if key and key != desk.draft.key:
        if became := desk.placed_as(key):
            raise Gone(became)
        raise Gone
    if revision is not None and revision != str(desk.revision):
        raise Overtaken
    return desk


def edited(desk: Desk, change: Callable[[Draft], Draft]) -> Desk:
    """The draft changed; the first change begins it and gives it its key."""
    settled(desk)
    draft = desk.draft
    if desk.state is not State.EDITING:
        draft = replace(draft, key=f"portal-{uuid.uuid4()}")
    changed = change(draft)
    changed = changed.bare if desk.sharing else changed
    if desk.state is State.EDITING and changed == desk.draft:
        return desk
    return replace(desk, state=State.EDITING, draft=changed, revision=desk.revision + 1)


def discarded(desk: Desk) -> Desk:
    """Nothing at hand; the draft can be taken back."""
    settled(desk)
    if desk.state is not State.EDITING:
        return desk
    return replace(
        desk,
        state=State.EMPTY,
        draft=Draft(),
        revision=desk.revision + 1,
        discarded=desk.draft,
        sharing=None,
    )


def shared(desk: Desk, sharing: Sharing) -> Desk:
    """The draft, open to colleagues from here on."""
    settled(desk)
    if desk.state is not State.EDITING or desk.sharing:
        return desk
    return replace(desk, draft=desk.draft.bare, revision=desk.revision + 1, sharing=sharing)


def unshared(desk: Desk) -> Desk:
    """The draft, its owner's alone again."""
    settled(desk)
    return replace(desk, revision=desk.revision + 1, sharing=None) if desk.sharing else desk


def signed(before: Desk, after: Desk, by: Colleague, now: float) -> Desk:
    """The desk after a change that `by` made, which says so where the draft is shared."""
    is_sent = before.state is State.EDITING and after.state is State.SENDING
    if after.sharing is None or not (is_sent or after.revision != before.revision):
        return after
    return replace(after, sharing=replace(after.sharing, by=by, at=now))


def restored(desk: Desk) -> Desk:
    """Bring back the draft that was discarded last, if nothing was begun since."""
    settled(desk)
    if desk.discarded is None or desk.state is State.EDITING:
        return desk
    return replace(
        desk,
        state=State.EDITING,
        draft=desk.discarded,
        revision=desk.revision + 1,
        discarded=None,
    )


def handed_over(desk: Desk, draft: Draft) -> Desk:
    """The draft of another desk, in place of one without lines."""
    settled(desk)
    return replace(desk, state=State.EDITING, draft=draft, revision=desk.revision + 1)


def given_away(desk: Desk) -> Desk:
    """Without its draft, which lies on another desk now."""
    settled(desk)
    return replace(desk, state=State.EMPTY, draft=Draft(), revision=desk.revision + 1)


def repriced(desk: Desk, revision: int, draft: Draft) -> Desk:
    """The same draft with prices of today, if it is the same still and nobody else's too."""
    if desk.state is not State.EDITING or desk.revision != revision or desk.sharing:
        return desk
    return replace(desk, draft=draft)


def sending(desk: Desk, now: float, lease: float) -> Desk:
    """
    A request with the draft leaves now: the first one, or one that asks what became of another.

    Waiting while somebody else's may be under way: it takes `lease` seconds at the most.
    """
    if desk.state is State.SENDING and now - desk.since < lease:
        raise Waiting(desk.draft.key)
    lost = desk.since if desk.state is State.SENDING else desk.lost
    return replace(desk, state=State.SENDING, since=now, lost=lost, operation=None)


def _told(desk: Desk, sent: Desk, **changes: Any) -> Desk:
    """The desk with these changes, if the request of `sent` is still the one that it waits for."""
    waits = desk.is_sent and (desk.draft.key, desk.since) == (sent.draft.key, sent.since)
    return replace(desk, **changes) if waits else desk


def unanswered(desk: Desk, sent: Desk) -> Desk:
    """No answer came: the order may exist, or may come to exist yet."""
    return _told(desk, sent, state=State.UNKNOWN, lost=desk.since, operation=None)


def pending(desk: Desk, sent: Desk, operation: str) -> Desk:
    """The outcome is not known yet; `operation` is the id to ask for it with."""
    return _told(desk, sent, state=State.UNKNOWN, operation=operation)


def refused(desk: Desk, sent: Desk, now: float) -> Desk:
    """
    It was not made this time. That is an outcome if nothing that was sent before can still make it;
    `now` is when what is there was looked at, or NEVER.
    """
    if desk.lost and now - desk.lost <= SETTLED:
        return _told(desk, sent, state=State.UNKNOWN)
    return _told(desk, sent, state=State.EDITING, lost=0.0, operation=None)


def made(desk: Desk, key: str, order: str, number: str | None, by: Colleague | None = None) -> Desk:
    """
    The order exists; this is accepted from any answer, however late it comes. Of a shared draft it
    is the order of `by`, where the answer says so, else of the one who sent it first.
    """
    if by is None and desk.sharing and desk.draft.key == key:
        by = desk.sharing.by
    known = remembered(desk, Placed(key, order, number, by))
    if desk.draft.key != key:
        return known
    return replace(
        known,
        state=State.PLACED,
        draft=Draft(),
        revision=desk.revision + 1,
        lost=0.0,
        operation=None,
        sharing=None,
    )


def remembered(desk: Desk, placed: Placed) -> Desk:
    """The desk, on which it is known what a draft became; one that lay elsewhere, too."""
    known = desk.placed if desk.placed_as(placed.key) else (*desk.placed, placed)
    return replace(desk, placed=known[-REMEMBERED:])
