"""Dual-write: what is written on one side reaches the other inside the same transaction.

It listens to the store. An order is written through at once and added up when its transaction
ends; while it is paused, writes wait in a queue and are replayed in their order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from emulator.dualwrite.inward import Inward, Names
from emulator.dualwrite.lookups import Lookups, Unsynced
from emulator.dualwrite.outward import Outward
from emulator.errors import InvalidValue, Refusal
from emulator.faults.refusals import PluginFailed
from emulator.faults.rules import Faults
from emulator.metadata import Service, Table
from emulator.scm.known_orders import HEADERS, LINES, PRODUCTS
from emulator.scm.sales import Rejected, Sales
from emulator.store import Change, Store, Transaction
from emulator.values import Row, Stored
from emulator.world.erp_rows import CDS_HEADERS, CDS_LINES

ORIGIN = "dual-write"
DEAF = frozenset({"load", ORIGIN})
METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}
OUTWARD = {"salesorders": "CDSSalesOrderHeaders", "salesorderdetails": "CDSSalesOrderLines",
           "accounts": "CustomersV3"}  # fmt: skip
ORDER_SETS = (HEADERS, LINES, CDS_HEADERS, CDS_LINES)
INWARD = {*ORDER_SETS, "CustomersV3", PRODUCTS, "SalesInvoiceHeadersV2",
          "SalesInvoiceV2Lines"}  # fmt: skip
Order = tuple[str, str]


def integrated(store: Store) -> bool:
    """True if the organization has its orders processed by the ERP."""
    organization = store.catalog.named("organization")
    return store.find(organization, "issopintegrationenabled = 1", []) is not None


def integrate(store: Store) -> None:
    """Set up an organization that does not say itself whether it is integrated."""
    organization = store.catalog.named("organization")
    unsaid = '"issopintegrationenabled" IS NULL'
    store.run(f'UPDATE "{organization.sql}" SET "issopintegrationenabled" = 1 WHERE {unsaid}')  # noqa: S608


@dataclass
class Touched:
    """The changes of one order in the ERP; nothing where Dataverse itself wrote it."""

    header: Names = frozenset()
    lines: dict[Stored, Names] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """A queued write that the other side did not take when it was replayed."""

    set: str
    key: str
    kind: str
    message: str


class DualWrite:
    """The two sides of one store, kept in step wherever the organization is integrated."""

    def __init__(self, sales: Sales, faults: Faults) -> None:
        self.store = sales.store
        self.sales = sales
        self.faults = faults
        lookups = Lookups(self.store)
        self.outward = Outward(sales, lookups, self._written)
        self.inward = Inward(self.store, lookups)
        self.paused = False
        self.queue: list[Change] = []
        self.failures: list[Failure] = []
        self._open: dict[Order, Touched] = {}

    def join(self) -> None:
        """Listen from now on."""
        self.store.fillers.append(self._fill)
        self.store.listeners.append(self.hear)
        self.store.before_commit.append(self.settle)
        self.store.after_commit.append(self._keep)

    def _fill(self, table: Table, row: Row) -> Row:
        return self.sales.fill(table, row) if integrated(self.store) else row

    def hear(self, tx: Transaction, change: Change) -> None:
        if change.origin in DEAF or not self._concerns(change) or not integrated(self.store):
            return
        with _as_refusals(change), self.store.transaction(ORIGIN) as inner:
            if change.table.service is Service.DATAVERSE:
                self.outward.number(inner, change)
            else:
                self._keep_books(inner, change)
            if not self.paused:
                self.carry(inner, change)

    def _concerns(self, change: Change) -> bool:
        return change.table.set in (
            OUTWARD if change.table.service is Service.DATAVERSE else INWARD
        )

    def carry(self, tx: Transaction, change: Change) -> None:
        """Take one change to the other side."""
        if change.table.service is Service.FINOPS:
            self._carry_inward(tx, change)
        elif area := self.outward.eligible(change):
            sets = (change.table.set, OUTWARD[change.table.set])
            self.faults.carry(change.table.name, METHODS[change.kind], *sets)
            self.outward.write(tx, change, area)

    def _carry_inward(self, tx: Transaction, change: Change) -> None:
        row, names = change.after, _changed(change)
        if row is None or change.table.set in ORDER_SETS:
            return
        if change.table.set == "CustomersV3":
            self.inward.customer(tx, row, names)
        elif change.table.set == PRODUCTS:
            self.inward.product(tx, row, names)
        elif change.kind == "create" and change.table.set == "SalesInvoiceHeadersV2":
            self.inward.invoice(tx, row)
        elif change.kind == "create":
            self.inward.invoice_line(tx, row)

    def _keep_books(self, tx: Transaction, change: Change) -> None:
        """Do what the ERP itself does after a write to one of its order collections."""
        if change.table.set in ORDER_SETS:
            self._mark(change)
            self.outward.projection.noticed(tx, change)

    def _written(self, area: Stored, number: Stored) -> None:
        self._touched(area, number)

    def _touched(self, area: Stored, number: Stored) -> Touched:
        return self._open.setdefault((str(area), str(number)), Touched())

    def settle(self, tx: Transaction) -> None:
        """Before a transaction ends: add up the orders it touched and tell Dataverse."""
        while self._open:
            (area, number), touched = self._open.popitem()
            with self.store.transaction(ORIGIN) as inner:
                self._settle(inner, area, number, touched)

    def _settle(self, tx: Transaction, area: str, number: str, touched: Touched) -> None:
        self.sales.settle(tx, area, number)
        header, lines = self.outward.projection.show(tx, area, number)
        if self.paused:
            return
        try:
            if header is None:
                self.inward.drop_order(tx, area, number)
            elif order := self.inward.order(tx, header, touched.header):
                self.inward.lines(tx, order, lines, touched.lines)
        except Unsynced as error:
            raise _not_written(CDS_HEADERS, "salesorders", str(error)) from error

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> list[Failure]:
        """Replay what was written meanwhile, in its order; what does not go through is listed."""
        self.paused = False
        waiting, self.queue = self.queue, []
        self.failures = [failure for change in waiting if (failure := self._replay(change))]
        return self.failures

    def _keep(self, changes: list[Change]) -> None:
        if self.paused:
            self.queue += [c for c in changes if c.origin not in DEAF and self._concerns(c)]

    def _replay(self, change: Change) -> Failure | None:
        try:
            with _as_refusals(change), self.store.transaction(ORIGIN) as tx:
                self._mark(change)
                self.carry(tx, change)
        except Refusal as refusal:
            key = "/".join(map(str, change.key))
            return Failure(change.table.set, key, change.kind, refusal.message)
        return None

    def _mark(self, change: Change) -> None:
        if change.table.set not in ORDER_SETS:
            return
        row = change.after or change.before or {}
        touched, names = self._touched(row["dataAreaId"], row["SalesOrderNumber"]), _changed(change)
        if change.table.set in (HEADERS, CDS_HEADERS):
            touched.header = _joined(touched.header, names)
        else:
            sequence = row["LineCreationSequenceNumber"]
            touched.lines[sequence] = _joined(touched.lines.get(sequence, frozenset()), names)


@contextmanager
def _as_refusals(change: Change) -> Iterator[None]:
    """Turn the errors of one side into those that the writer on the other side gets."""
    try:
        yield
    except Rejected as error:
        if change.table.service is Service.DATAVERSE:
            raise PluginFailed(change.table.name, str(error)) from error
        raise InvalidValue(
            f"Write failed for table row of type '{change.table.name}Entity'. Infolog: Error:"
            f" {error}"
        ) from error
    except Unsynced as error:
        raise _not_written(change.table.name, change.table.set, str(error)) from error
    except InvalidValue as error:
        if change.table.service is Service.DATAVERSE:
            raise PluginFailed(change.table.name, error.message) from error
        raise


def _not_written(entity: str, target: str, reason: str) -> InvalidValue:
    return InvalidValue(
        f"Unable to write data to entity {target}. Writes to {entity}Entity failed with error"
        f" message Unable to sync with entity {target}. {reason}"
    )


def _changed(change: Change) -> Names:
    if change.before is None or change.after is None:
        return None
    before: Row = change.before
    return frozenset(name for name, value in change.after.items() if before.get(name) != value)


def _joined(left: Names, right: Names) -> Names:
    return None if left is None or right is None else left | right
