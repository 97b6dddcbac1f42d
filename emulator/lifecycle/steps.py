"""Moves orders through their life in the ERP: confirm, pick, ship, invoice, or cancel.

Dual-write hears of it as of anything else that is written there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from emulator.days import NO_DAY, erp_day
from emulator.lifecycle.documents import can_be_parted, invoice_rows, shipped, slip_rows
from emulator.scm.known_orders import HEADERS, LINES
from emulator.scm.sales import Rejected, Sales
from emulator.store import Transaction
from emulator.values import Row
from emulator.world.order_rows import PROCESSING, SALES_STATUS, line_status
from emulator.world.orders import Status, WorldOrder
from emulator.world.seed import Rows

ORIGIN = "erp"
WAY = (
    Status.ACTIVE, Status.CONFIRMED, Status.PICKED, Status.PARTIALLY_DELIVERED, Status.DELIVERED,
    Status.PARTIALLY_INVOICED, Status.INVOICED,
)  # fmt: skip
"""The stations of an order, first to last; parting is left out where there is nothing to part."""
PROMISED = timedelta(days=4)


@dataclass(frozen=True, slots=True)
class Move:
    """One station further."""

    order: str
    company: str
    before: Status
    after: Status


class Lifecycle:
    """Advances the orders of one store."""

    def __init__(self, sales: Sales) -> None:
        self._sales = sales
        self._store = sales.store
        self._steps: dict[Status, Callable[[Transaction, Row, WorldOrder, Status], Status]] = {
            Status.ACTIVE: self._confirm,
            Status.CONFIRMED: self._pick,
            Status.PICKED: self._ship,
            Status.PARTIALLY_DELIVERED: self._ship,
            Status.DELIVERED: self._invoice,
            Status.PARTIALLY_INVOICED: self._invoice,
        }

    def advance(
        self, number: str | None = None, *, company: str | None = None,
        to: Status | None = None, steps: int | None = None,
    ) -> list[Move]:  # fmt: skip
        """Move an order, by default the newest open one, by `steps` steps or until a status."""
        header = self._found(number, company)
        if to is Status.CANCELED:
            return [self._cancel(header)]
        if to is not None and _rank(to) <= _rank(self._status(header)):
            raise Rejected(f"The order is {self._status(header).name.lower()} already.")
        moves: list[Move] = []
        while self._goes_on(self._status(header), moves, to, steps):
            moves.append(self._step(header, to))
            header = self._found(str(header["SalesOrderNumber"]), str(header["dataAreaId"]))
        return moves

    def _goes_on(
        self, status: Status, moves: list[Move], to: Status | None, steps: int | None
    ) -> bool:
        if status not in self._steps:
            if not moves:
                raise Rejected(f"The order is {status.name.lower()}; nothing comes after that.")
            return False
        if to is not None and _rank(status) >= _rank(to):
            return False
        most = steps if steps is not None else (1 if to is None else len(WAY))
        return len(moves) < most

    def _step(self, header: Row, to: Status | None) -> Move:
        before = self._status(header)
        order = self._sales.orders.order(header)
        if not order.lines:
            raise Rejected("The order has no lines.")
        with self._store.transaction(ORIGIN) as tx:
            after = self._steps[before](tx, header, order, to or Status.PARTIALLY_DELIVERED)
        return self._move(header, before, after)

    def _move(self, header: Row, before: Status, after: Status) -> Move:
        area = str(header["dataAreaId"])
        return Move(str(header["SalesOrderNumber"]), area, before, after)

    def _cancel(self, header: Row) -> Move:
        before = self._status(header)
        with self._store.transaction(ORIGIN) as tx:
            self._sales.cancel(tx, header)
        return self._move(header, before, Status.CANCELED)

    def _confirm(self, tx: Transaction, header: Row, order: WorldOrder, to: Status) -> Status:
        day = erp_day(order.placed + PROMISED)
        names = ("ConfirmedShippingDate", "ConfirmedReceiptDate")
        for row in self._sales.orders.lines(header["dataAreaId"], header["SalesOrderNumber"]):
            promised = {name: day for name in names if row[name] == NO_DAY}
            self._sales.change(tx, self._store.catalog.tables[LINES], row, promised)
        own: Row = {name: day for name in names if header[name] == NO_DAY}
        self._sales.change(tx, self._store.catalog.tables[HEADERS], header, own)
        return self._reach(tx, header | own, replace(order, status=Status.CONFIRMED))

    def _pick(self, tx: Transaction, header: Row, order: WorldOrder, to: Status) -> Status:
        return self._reach(tx, header, replace(order, status=Status.PICKED))

    def _ship(self, tx: Transaction, header: Row, order: WorldOrder, to: Status) -> Status:
        """In two goes, unless the way leads past the first or there is nothing to part."""
        partly = (
            order.status is Status.PICKED and to is not Status.DELIVERED and can_be_parted(order)
        )
        order = shipped(order, self._now(), partly=partly)
        self._post(tx, slip_rows(order, self._sales.numbers))
        status = Status.PARTIALLY_DELIVERED if partly else Status.DELIVERED
        return self._reach(tx, header, replace(order, status=status))

    def _invoice(self, tx: Transaction, header: Row, order: WorldOrder, to: Status) -> Status:
        slips = self._sales.orders.slips(header)
        self._post(tx, invoice_rows(order, header, slips, self._sales.numbers, self._now()))
        order = replace(order, invoiced=order.invoiced + 1)
        complete = order.invoiced >= len(order.slips)
        status = Status.INVOICED if complete else Status.PARTIALLY_INVOICED
        return self._reach(tx, header, replace(order, status=status))

    def _reach(self, tx: Transaction, header: Row, order: WorldOrder) -> Status:
        """Let the header and every line say how far the order has come."""
        rows = self._sales.orders.lines(header["dataAreaId"], header["SalesOrderNumber"])
        for row, line in zip(rows, order.lines, strict=True):
            own = {"SalesOrderLineStatus": line_status(order, line)}
            self._sales.change(tx, self._store.catalog.tables[LINES], row, own)
        own = {
            "SalesOrderProcessingStatus": PROCESSING[order.status],
            "SalesOrderStatus": SALES_STATUS.get(order.status, "Backorder"),
        }
        self._sales.change(tx, self._store.catalog.tables[HEADERS], header, own)
        return order.status

    def _post(self, tx: Transaction, rows: Rows) -> None:
        for entity_set, row in rows:
            table = self._store.catalog.tables[entity_set]
            tx.insert(table, self._store.kept(table, row))

    def _found(self, number: str | None, company: str | None) -> Row:
        table = self._store.catalog.tables[HEADERS]
        conditions, values = ["\"SalesOrderStatus\" NOT IN ('Invoiced', 'Canceled')"], []
        if number:
            conditions, values = ['fold("SalesOrderNumber") = ?'], [number.lower()]
        if company:
            conditions.append('fold("dataAreaId") = ?')
            values.append(company.lower())
        newest = ' ORDER BY "OrderCreationDateTime" DESC, "@version" DESC LIMIT 2'
        found = self._store.select(table, " AND ".join(conditions) + newest, values)
        if not found:
            raise Rejected("There is no such order in the ERP.")
        if number and len(found) > 1:
            raise Rejected(f"Several companies have an order {number}; name one.")
        return found[0]

    def _status(self, header: Row) -> Status:
        return next(s for s, t in PROCESSING.items() if t == header["SalesOrderProcessingStatus"])

    def _now(self) -> datetime:
        return self._store.clock().replace(tzinfo=None, microsecond=0)


def _rank(status: Status) -> int:
    return WAY.index(status) if status in WAY else len(WAY)
