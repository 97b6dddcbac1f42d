"""Availability to promise: a request row in Dataverse -> its entries, by day and warehouse.

Tables and columns are those of the maps "CDS inventory on-hand requests" and "... entries" (D). The
ERP answers while the request is written (D); which days it tells of is unverified: here today, with
what is free now, and a week later, with what is on order from suppliers by then.
"""

from datetime import timedelta
from typing import Final
from uuid import uuid4

from emulator.dualwrite.lookups import PRODUCT_COMPANY, Lookups
from emulator.metadata import Table
from emulator.scm.known_orders import DIMENSIONS, PRODUCTS, Orders, number_of
from emulator.store import Change, Store, Transaction
from emulator.values import Row, fold

REQUESTS: Final = "msdyn_inventoryonhandrequests"
ENTRIES: Final = "msdyn_inventoryonhandentries"
RUNNING: Final = "msdyn_dualwriteruntimeconfigs"
STOCK: Final = "WarehousesOnHandV2"
RECEIPTS: Final = timedelta(days=7)
MAPS: Final = {
    "CDS inventory on-hand requests": "msdyn_inventoryonhandrequest",
    "CDS inventory on-hand entries": "msdyn_inventoryonhandentry",
}


class Promising:
    """Answers requests for availability in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._orders = Orders(store)
        self._lookups = Lookups(store)

    def join(self) -> None:
        """Listen from now on, and say that the maps run."""
        self._store.listeners.append(self.hear)
        self._store.insert(
            RUNNING,
            [
                {
                    "msdyn_dualwriteruntimeconfigid": str(uuid4()),
                    "msdyn_name": name,
                    "msdyn_internalentityname": table,
                    "msdyn_externalentityname": name,
                }
                for name, table in MAPS.items()
            ],
        )

    def hear(self, tx: Transaction, change: Change) -> None:
        """Answer a new request while it is written."""
        is_new = change.table.set == REQUESTS and change.kind == "create"
        if is_new and change.after and change.after["msdyn_isatpcalculation"]:
            self._answer(tx, change.after)

    def _answer(self, tx: Transaction, request: Row) -> None:
        for stock in self._stock(request):
            table = self._store.catalog.tables[STOCK]
            free = number_of(table, stock, "AvailableOnHandQuantity")
            coming = number_of(table, stock, "AvailableOrderedQuantity")
            for after, quantity in ((timedelta(0), free), (RECEIPTS, free + coming)):
                self._put(tx, request, stock, after, float(quantity))

    def _stock(self, request: Row) -> list[Row]:
        """The stock of the product that is asked about, by warehouse."""
        products = self._store.catalog.named("product")
        product = self._store.get(products, (request["_msdyn_product_value"],)) or {}
        companies = self._store.catalog.named("cdm_company")
        company = self._store.get(companies, (product.get(PRODUCT_COMPANY),)) or {}
        area, number = company.get("cdm_companycode"), product.get("msdyn_productnumber")
        for released in self._orders.rows(PRODUCTS, area, "ProductNumber", number):
            found = self._orders.rows(STOCK, area, "ItemNumber", released["ItemNumber"])
            return [
                row
                for row in found
                if all(fold(str(row[n])) == fold(str(released[n])) for n in DIMENSIONS)
            ]
        return []

    def _put(
        self, tx: Transaction, request: Row, stock: Row, after: timedelta, quantity: float
    ) -> None:
        table = self._store.catalog.tables[ENTRIES]
        day = (self._store.clock() + after).date()
        entry = {
            "msdyn_inventoryonhandentryid": str(uuid4()),
            "msdyn_atpdate": f"{day.isoformat()}T00:00:00Z",
            "msdyn_atpquantity": quantity,
        }
        places = {
            "_msdyn_inventorysite_value": ("msdyn_siteid", stock["InventorySiteId"]),
            "_msdyn_inventorywarehouse_value": (
                "msdyn_warehouseidentifier",
                stock["InventoryWarehouseId"],
            ),
        }
        row = self._store.kept(table, entry)
        row |= {name: self._place(table, name, *by) for name, by in places.items()}
        row["_msdyn_request_value"] = request["msdyn_inventoryonhandrequestid"]
        row["msdyn_orderquantity"] = request["msdyn_orderquantity"]
        tx.insert(table, row)

    def _place(self, table: Table, column: str, found_by: str, text: object) -> str | int | None:
        (target,) = table.columns[column].targets
        known = self._store.catalog.named(target.table)
        row = self._store.find(known, f'fold("{found_by}") = ?', [fold(str(text))])
        key = row and row[known.id]
        return key if isinstance(key, str | int) else None
