"""
Deliveries that wait, were made or were set aside, in the file of the journal: in one step they are
added and the place up to which a webhook was told is moved, so that none is lost or made twice.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from gateway.telling.shared_file import SharedFile, WriteCursor

GIVEN: Final = 'hook, id, "table", row, kind, person, "group", since, due'
"""The columns of a delivery that is new."""
COLUMNS: Final = f"number, {GIVEN}, tries, state, reason"
DeliveryState = Literal["waiting", "done", "aside"]


class Delivery(Struct, frozen=True):
    """One message to one address."""

    number: int
    """Its place in the order; 0 before it is kept."""
    hook: str
    id: str
    """Made of table, row and version: the same message has the same id however often it is sent."""
    table: str
    row: str
    """The global id of the row."""
    kind: str
    """As `changed` or `removed`."""
    person: str
    """The contact whom it is for, by whose rights it is made; empty for a partner's."""
    group: str
    """Deliveries of one group are made one after the other."""
    since: float
    due: float
    tries: int = 0
    state: DeliveryState = "waiting"
    reason: str = ""
    """The reason of the last failure."""


class DeliveriesFile(SharedFile):
    """The deliveries; the methods block."""

    def place(self, hook: str) -> int | None:
        """The place in the journal up to which a webhook was told; None for a new one."""
        with self._lock:
            asked = "SELECT place FROM told WHERE hook = ?"
            found = self._db.execute(asked, (hook,)).fetchone()
        return None if found is None else int(found[0])

    def began(self, hook: str) -> float:
        """The time from which on a webhook is told."""
        with self._lock:
            asked = "SELECT began FROM told WHERE hook = ?"
            return float(self._db.execute(asked, (hook,)).fetchone()[0])

    def add(self, hook: str, deliveries: Sequence[Delivery], place: int) -> None:
        """Keep deliveries, and the place behind them; an id that is known is not kept again."""
        with self._writing() as db:
            _add(db, deliveries)
            db.execute(
                "INSERT INTO told VALUES (?, ?, ?) "
                "ON CONFLICT (hook) DO UPDATE SET place = excluded.place",
                (hook, place, time.time()),
            )

    def keep(self, deliveries: Sequence[Delivery]) -> None:
        """Keep deliveries that follow from no change; an id that is known is not kept again."""
        with self._writing() as db:
            _add(db, deliveries)

    def due(self, hook: str, moment: float, most: int) -> list[Delivery]:
        """The next deliveries of a webhook: of each group the first that waits, if it is time."""
        asked = (
            f"SELECT {COLUMNS} FROM delivery AS one WHERE state = 'waiting' AND hook = ? "  # noqa: S608 - a constant
            "AND due <= ? AND NOT EXISTS (SELECT 1 FROM delivery AS before "
            'WHERE before.hook = one.hook AND before."group" = one."group" '
            "AND before.state = 'waiting' AND before.number < one.number) "
            "ORDER BY number LIMIT ?"
        )
        with self._lock:
            found = self._db.execute(asked, (hook, moment, most)).fetchall()
        return [Delivery(*each) for each in found]

    def done(
        self,
        delivery: Delivery,
        reason: str = "",
        then: Sequence[Delivery] = (),
        again: Delivery | None = None,
    ) -> None:
        """
        A delivery was taken by its receiver, or is none any more for a reason. With it `then` are
        kept, and `again` instead of an earlier one of the same id.
        """
        with self._writing() as db:
            asked = "UPDATE delivery SET state = 'done', reason = ? WHERE number = ? AND id = ?"
            db.execute(asked, (reason, delivery.number, delivery.id))
            _add(db, then)
            if again is not None:
                asked = "DELETE FROM delivery WHERE hook = ? AND id = ?"
                db.execute(asked, (again.hook, again.id))
                _add(db, [again])

    def failed(self, delivery: Delivery, reason: str, due: float | None) -> None:
        """A delivery was not taken: it is due again, or set aside where it is not."""
        with self._writing() as db:
            db.execute(
                "UPDATE delivery SET tries = tries + 1, reason = ?, due = coalesce(?, due), "
                "state = CASE WHEN ? IS NULL THEN 'aside' ELSE state END "
                "WHERE number = ? AND id = ?",
                (reason, due, due, delivery.number, delivery.id),
            )

    def listed(self, hook: str | None, state: DeliveryState | None, most: int) -> list[Delivery]:
        """The newest deliveries, of one webhook or all, in one state or all."""
        asked = (
            f"SELECT {COLUMNS} FROM delivery WHERE hook = coalesce(?, hook) "  # noqa: S608 - a constant
            "AND state = coalesce(?, state) ORDER BY number DESC LIMIT ?"
        )
        with self._lock:
            found = self._db.execute(asked, (hook, state, most)).fetchall()
        return [Delivery(*each) for each in found]

    def replay(self, hook: str, ids: Sequence[str], moment: float) -> int:
        """
        Make deliveries again, those that were set aside where no ids are given; their number. They
        go to the end of the order, as what came after them was told meanwhile; those that still
        wait are due, and stay where they are.
        """
        with self._writing() as db:
            chosen = "state = 'aside'" if not ids else f"id IN ({', '.join('?' * len(ids))})"
            asked = f"SELECT {COLUMNS} FROM delivery WHERE hook = ? AND {chosen} ORDER BY number"  # noqa: S608 - marks
            found = [Delivery(*each) for each in db.execute(asked, (hook, *ids)).fetchall()]
            over = [each for each in found if each.state != "waiting"]
            for each in found:
                asked = "UPDATE delivery SET since = ?, due = ? WHERE number = ?"
                db.execute(asked, (moment, moment, each.number))
            for each in over:
                db.execute("DELETE FROM delivery WHERE number = ?", (each.number,))
            _add(db, [replace(each, since=moment, due=moment) for each in over])
        return len(found)

    def forget(self, before: float, of_persons: float, hooks: Sequence[str]) -> None:
        """
        Forget deliveries that began earlier and do not wait any more, or wait for none of these
        webhooks; those for persons from `of_persons` on: nobody is told of the same news twice
        while it is remembered.
        """
        with self._writing() as db:
            marks = ", ".join("?" * len(hooks))
            db.execute(
                "DELETE FROM delivery WHERE since < ? AND state = 'waiting' "  # noqa: S608 - marks
                f"AND hook NOT IN ({marks})",
                (before, *hooks),
            )
            db.execute(
                "DELETE FROM delivery WHERE since < ? AND state != 'waiting' "
                "AND (person = '' OR since < ?)",
                (before, of_persons),
            )


def _add(db: WriteCursor, deliveries: Iterable[Delivery]) -> None:
    db.executemany(
        f"INSERT OR IGNORE INTO delivery ({GIVEN}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        [
            (each.hook, each.id, each.table, each.row, each.kind, each.person, each.group,
             each.since, each.due)
            for each in deliveries
        ],
    )  # fmt: skip
