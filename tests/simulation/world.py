"""The smallest environment that takes orders: the emulator's Web API over a store of its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from emulator.app import DATAVERSE
from emulator.batch import Batches
from emulator.dataverse.operations import furnish
from emulator.dataverse.service import Dataverse, error
from emulator.declarations import standard
from emulator.exchange import Answer, Ask
from emulator.store import Store
from emulator.values import guid_text
from gateway.auth.policy import SHIPPED
from gateway.auth.principal import CallerAccount, CallerContact, Kind, Principal

HOST = "https://org.example"
USD, USMF, LIST, ACCOUNT, CONTACT, UNITS, UNIT = (
    UUID(f"0000000{n}-0000-4000-8000-000000000000") for n in range(1, 8)
)
PRODUCTS = tuple(UUID(f"0000001{n}-0000-4000-8000-000000000000") for n in range(4))
START = datetime(2026, 11, 23, tzinfo=UTC)

BUYER = Principal(
    Kind.CUSTOMER,
    "https://issuer.example",
    "jane",
    frozenset({"representative"}),
    CallerContact(CONTACT, "Jane Doe", "jane@example.com", LIST, USD),
    (CallerAccount(ACCOUNT, "US-001", "usmf", LIST, USD),),
    rights=SHIPPED.rights(["representative"]),
)


class World:
    """Dataverse, called directly; `orders` is the truth that histories are compared with."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.store = Store(standard())
        self.store.clock = lambda: START + timedelta(seconds=clock())
        furnish(self.store)
        _fill(self.store)
        service = Dataverse(self.store)
        self._batches = Batches(self.store, "dataverse", DATAVERSE, service.answer, error, 1_000)
        self._remembered: dict[str, Answer] = {}

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """`target` is the path below the service's root with its query."""
        if method == "GET" and not target.startswith("salesorder"):
            # Nobody changes these rows, so each is worked out once.
            if target not in self._remembered:
                self._remembered[target] = self._answer(method, target, headers, body)
            return self._remembered[target]
        return self._answer(method, target, headers, body)

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        path, _, query = target.partition("?")
        ask = Ask(method, path, query, headers, body, HOST + DATAVERSE.rstrip("/"))
        return self._batches.run(ask)[0] if path == "$batch" else self._batches.answer(ask, {})

    def orders(self) -> list[tuple[str, str, list[Decimal]]]:
        """Reference, id and sorted quantities of each order."""
        header, line = (self.store.catalog.named(n) for n in ("salesorder", "salesorderdetail"))
        quantities: dict[Any, list[Decimal]] = {}
        for row in self.store.select(line, "1"):
            quantity = Decimal(int(row["quantity"] or 0)).scaleb(-5).normalize()
            quantities.setdefault(row["_salesorderid_value"], []).append(quantity)
        return [
            (
                str(row["msdyn_customersorderreference"]),
                guid_text(str(row["salesorderid"])),
                sorted(quantities.get(row["salesorderid"], [])),
            )
            for row in self.store.select(header, "1")
        ]


def _fill(store: Store) -> None:
    usd, usmf, price_list = (str(key) for key in (USD, USMF, LIST))
    currency = {"transactioncurrencyid": usd, "currencyname": "US Dollar", "currencysymbol": "$"}
    store.insert(
        "transactioncurrencies", [currency | {"isocurrencycode": "USD", "exchangerate": 1}]
    )
    store.insert("cdm_companies", [{"cdm_companyid": usmf, "cdm_companycode": "usmf"}])
    store.insert(
        "pricelevels",
        [{"pricelevelid": price_list, "name": "L", "_transactioncurrencyid_value": usd}],
    )
    store.insert("uomschedules", [{"uomscheduleid": str(UNITS), "name": "Sold"}])
    unit = {"uomid": str(UNIT), "name": "ea", "msdyn_symbol": "ea"}
    store.insert("uoms", [unit | {"_uomscheduleid_value": str(UNITS)}])
    terms = {
        "_msdyn_company_value": usmf,
        "_transactioncurrencyid_value": usd,
        "_defaultpricelevelid_value": price_list,
        "address1_country": "united states",
    }
    account = {"accountid": str(ACCOUNT), "name": "Contoso", "accountnumber": "US-001"}
    store.insert("accounts", [account | terms])
    contact = {"contactid": str(CONTACT), "lastname": "Doe"}
    store.insert("contacts", [contact | terms | {"_parentcustomerid_value": str(ACCOUNT)}])
    store.insert("products", [_product(n, key) for n, key in enumerate(PRODUCTS)])
    store.insert("productpricelevels", [_price(n, key) for n, key in enumerate(PRODUCTS)])


def _product(number: int, key: UUID) -> dict[str, Any]:
    return {
        "productid": str(key),
        "name": f"Product {number}",
        "productnumber": f"P{number}",
        "msdyn_productnumber": f"P{number}",
        "statecode": 0,
        "_defaultuomid_value": str(UNIT),
        "_defaultuomscheduleid_value": str(UNITS),
    }


def _price(number: int, key: UUID) -> dict[str, Any]:
    return {
        "productpricelevelid": str(UUID(int=number + 1)),
        "_productid_value": str(key),
        "_pricelevelid_value": str(LIST),
        "_uomid_value": str(UNIT),
        "_transactioncurrencyid_value": str(USD),
        "amount": number + 1,
    }
