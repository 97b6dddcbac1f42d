"""Turns an order's rows in the ERP into the `Order` that worlds are made of, to reason about it."""

from datetime import datetime
from decimal import Decimal

from emulator.days import NO_DAY
from emulator.metadata import Table
from emulator.store import USUAL_PRECISION, Store
from emulator.values import Row, fold
from emulator.world.customers import Customer
from emulator.world.erp_rows import INVOICES
from emulator.world.order_rows import PROCESSING
from emulator.world.orders import WorldLine, WorldOrder
from emulator.world.products import Product
from emulator.world.reference_rows import COMPANIES, COUNTRIES, Company, Country, Town

HEADERS, LINES = "SalesOrderHeadersV2", "SalesOrderLines"
SLIPS, SLIP_LINES = "CustPackingSlipJourBiEntities", "CustPackingSlipTransBiEntities"
STATUSES = {text: status for status, text in PROCESSING.items()}
PRODUCTS = "CDSReleasedDistinctProducts"
DIMENSIONS = ("ProductColorId", "ProductConfigurationId", "ProductSizeId", "ProductStyleId",
              "ProductVersionId")  # fmt: skip
"""The columns that tell the variants of an item apart."""
NOWHERE = Town("", "", "", "")


def number_of(table: Table, row: Row, name: str) -> Decimal:
    value = row.get(name)
    return Decimal(value if isinstance(value, int) else 0).scaleb(-table.columns[name].scale)


class Orders:
    """Finds orders and what became of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def header(self, area: object, number: object) -> Row | None:
        return self._first(HEADERS, area, "SalesOrderNumber", number)

    def lines(self, area: object, number: object) -> list[Row]:
        found = self.rows(LINES, area, "SalesOrderNumber", number)
        return sorted(found, key=lambda row: int(row["LineCreationSequenceNumber"] or 0))

    def line_row(self, area: object, number: object, sequence: object) -> Row | None:
        """The line with this number in its order."""
        table = self._store.catalog.tables[LINES]
        where = (
            'fold("dataAreaId") = ? AND fold("SalesOrderNumber") = ?'
            ' AND "LineCreationSequenceNumber" = ?'
        )
        key = [fold(str(area)), fold(str(number))]
        return self._store.find(table, where, [*key, int(str(sequence or 0))])

    def last_sequence(self, area: object, number: object) -> int:
        """The highest line number of an order, 0 where it has no lines."""
        sql = (
            f'SELECT max("LineCreationSequenceNumber") FROM "finops.{LINES}"'  # noqa: S608
            ' WHERE fold("dataAreaId") = ? AND fold("SalesOrderNumber") = ?'
        )
        return int(self._store.run(sql, [fold(str(area)), fold(str(number))])[0][0] or 0)

    def customer_row(self, area: object, number: object) -> Row | None:
        return self._first("CustomersV3", area, "CustomerAccount", number)

    def product(self, row: Row) -> Row | None:
        """The released product of a line: of its company and item, with its dimensions."""
        found = self.rows(PRODUCTS, row["dataAreaId"], "ItemNumber", row["ItemNumber"])
        given = [fold(str(row.get(name) or "")) for name in DIMENSIONS]
        return next((p for p in found if [fold(str(p[n])) for n in DIMENSIONS] == given), None)

    def rows(self, entity_set: str, area: object, column: str, value: object) -> list[Row]:
        table = self._store.catalog.tables[entity_set]
        where = f'fold("dataAreaId") = ? AND fold("{column}") = ?'
        return self._store.select(table, where, [fold(str(area)), fold(str(value))])

    def _first(self, entity_set: str, area: object, column: str, value: object) -> Row | None:
        return next(iter(self.rows(entity_set, area, column, value)), None)

    def line(self, row: Row, rate: Decimal, slips: list[str] | None = None) -> WorldLine:
        """A line with its amounts, and what each of the order's packing slips carried of it."""
        table = self._store.catalog.tables[LINES]
        quantity = number_of(table, row, "OrderedSalesQuantity")
        carried = self._carried(row, slips or [])
        step = min(map(_step, (quantity, *carried)))
        return WorldLine(
            number=int(row["LineCreationSequenceNumber"] or 0),
            lot=str(row["InventoryLotId"]),
            product=self._product(table, row),
            steps=int(quantity / step),
            step=step,
            price=number_of(table, row, "SalesPrice"),
            discount=self._discount(table, row),
            tax_rate=rate,
            currency=str(row["CurrencyCode"]),
            places=self.places(row["CurrencyCode"]),
            shipments=tuple(int(each / step) for each in carried),
            site=str(row["ShippingSiteId"]),
            warehouse=str(row["ShippingWarehouseId"]),
        )

    def places(self, currency: object) -> int:
        """The decimals to which amounts in a currency are rounded."""
        row = self.currency(currency) or {}
        places = row.get("currencyprecision")
        return places if isinstance(places, int) else USUAL_PRECISION

    def currency(self, code: object) -> Row | None:
        """The currency with this code, as Dataverse has it."""
        known = self._store.catalog.named("transactioncurrency")
        return self._store.find(known, 'fold("isocurrencycode") = ?', [fold(str(code))])

    def _discount(self, table: Table, row: Row) -> Decimal:
        """In percent; what is given off each unit counts as the percentage that it comes to."""
        price = number_of(table, row, "SalesPrice")
        each = number_of(table, row, "LineDiscountAmount")
        if each and price:
            return 100 * each / price
        return number_of(table, row, "LineDiscountPercentage")

    def _product(self, table: Table, row: Row) -> Product:
        known = self.product(row)
        return Product(
            item=str(row["ItemNumber"]),
            number=str(known["ProductNumber"] if known else row["ItemNumber"]),
            name=str(row["LineDescription"]),
            unit=str(row["SalesUnitSymbol"]),
            price=number_of(table, row, "SalesPrice"),
            weight=Decimal(0),
            color=str(row["ProductColorId"]),
            size=str(row["ProductSizeId"]),
        )

    def _carried(self, row: Row, slips: list[str]) -> list[Decimal]:
        table = self._store.catalog.tables[SLIP_LINES]
        carried = dict.fromkeys(slips, Decimal(0))
        if slips:
            lot = row["InventoryLotId"]
            for each in self.rows(SLIP_LINES, row["dataAreaId"], "InventTransId", lot):
                carried[str(each["PackingSlipId"])] += number_of(table, each, "Qty")
        return list(carried.values())

    def slips(self, header: Row) -> list[Row]:
        """The packing slips of an order, oldest first."""
        found = self.rows(SLIPS, header["dataAreaId"], "SalesId", header["SalesOrderNumber"])
        return sorted(found, key=lambda row: int(row["SourceDocumentHeader"] or 0))

    def invoiced(self, header: Row) -> int:
        """The number of invoices; each is for one packing slip, in their order."""
        area, number = header["dataAreaId"], header["SalesOrderNumber"]
        return len(self.rows(INVOICES, area, "SalesOrderNumber", number))

    def tax_rate(self, header: Row) -> Decimal:
        customer = self._customer(header)
        home = customer.company.home
        return customer.company.tax if customer.country.erp == home.erp else Decimal(0)

    def order(self, header: Row) -> WorldOrder:
        """The whole order as it stands."""
        slips = self.slips(header)
        names, rate = [str(slip["PackingSlipId"]) for slip in slips], self.tax_rate(header)
        rows = self.lines(header["dataAreaId"], header["SalesOrderNumber"])
        charges = number_of(self._store.catalog.tables[HEADERS], header, "OrderTotalChargesAmount")
        return WorldOrder(
            id="",
            number=str(header["SalesOrderNumber"]),
            index=0,
            customer=self._customer(header),
            payer=self._customer(header, "InvoiceCustomerAccountNumber"),
            orderer=None,
            by_party=False,
            status=STATUSES[str(header["SalesOrderProcessingStatus"])],
            placed=_moment(header["OrderCreationDateTime"]) or datetime(1900, 1, 1),
            wished=_moment(header["RequestedShippingDate"]),
            freight=charges,
            lines=tuple(self.line(row, rate, names) for row in rows),
            slips=tuple(_moment(slip["CreatedOn"]) or datetime(1900, 1, 1) for slip in slips),
            invoiced=self.invoiced(header),
            ship_via=str(header["DeliveryModeCode"]),
            terms=str(header["DeliveryTermsCode"]),
            origin=str(header["SalesOrderOriginCode"]),
            reference=str(header["CustomersOrderReference"]) or None,
            requisition=str(header["CustomerRequisitionNumber"]) or None,
        )

    def _customer(self, header: Row, by: str = "OrderingCustomerAccountNumber") -> Customer:
        row = self.customer_row(header["dataAreaId"], header[by]) or {}
        code = str(row.get("AddressCountryRegionId", ""))
        foreign = Country(code, str(row.get("AddressCountryRegionISOCode", "")), "", "", ())
        return Customer(
            id="",
            number=str(header[by]),
            name=str(row.get("OrganizationName", "")),
            company=_company(str(header["dataAreaId"])),
            country=next((each for each in COUNTRIES if each.erp == code), foreign),
            place=NOWHERE,
            price_list="",
            terms=str(header["PaymentTermsName"]),
            group="",
            party="",
            credit_limit=Decimal(0),
        )


def _company(area: str) -> Company:
    unknown = Country("", "", "", "", ())
    found = (each for each in COMPANIES if each.area == area.lower())
    return next(found, Company(area.upper(), area, unknown, (), Decimal(0)))


def _step(quantity: Decimal) -> Decimal:
    """The last place in which a quantity counts; whole quantities count in ones."""
    exponent = quantity.normalize().as_tuple().exponent
    return Decimal(1).scaleb(min(0, exponent if isinstance(exponent, int) else 0))


def _moment(value: object) -> datetime | None:
    text = str(value)
    return None if text == NO_DAY else datetime.fromisoformat(text).replace(tzinfo=None)
