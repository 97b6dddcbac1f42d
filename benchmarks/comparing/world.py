"""
The data of the comparison, as exports that `emulator serve --load` takes.

Two customers: one with 50 orders of 4 lines (L and S), one with 100 orders of 10 lines (W). Every
value follows from its place, so that each run asks for the same bytes.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Customer:
    """An account, the one person who buys for it, and how much was bought."""

    number: str
    name: str
    email: str
    orders: int
    lines: int
    is_invoiced: bool = False
    """True for a customer with an invoice of the first order."""

    @property
    def account(self) -> str:
        return key("account", self.number)

    @property
    def contact(self) -> str:
        return key("contact", self.number)

    @property
    def invoice(self) -> str:
        return key("invoice", self.number)


LARGE = Customer("B-050", "Northwind Office Supplies Ltd.", "ann@northwind.example", 50, 4)
WIDE = Customer("B-100", "Litware Machine Works GmbH", "bob@litware.example", 100, 10)

PRODUCTS = 200
ADJECTIVES = ("Brushed", "Compact", "Galvanised", "Heavy-duty", "Low-profile", "Sealed", "Slim")
NOUNS = ("ball bearing", "cable gland", "hex bolt", "label printer", "pump seal", "relay", "valve")
STATUSES = range(192350000, 192350008)
TAX = 0.21
FIRST_ORDER = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)


def key(kind: str, name: object) -> str:
    """A GUID that is always the same for the same row."""
    return str(uuid5(NAMESPACE_URL, f"benchmark/{kind}/{name}"))


CURRENCY, COMPANY = key("currency", "USD"), key("company", "USMF")


def write(folder: Path, customers: Sequence[Customer] = (LARGE, WIDE)) -> None:
    """Write the exports of these customers below `folder`."""
    (folder / "dataverse").mkdir(parents=True)
    for name, rows in _rows(customers).items():
        text = "\n".join(map(json.dumps, rows))
        (folder / "dataverse" / f"{name}.jsonl").write_text(text)


def _rows(customers: Sequence[Customer]) -> Rows:
    orders = [(customer, n) for customer in customers for n in range(customer.orders)]
    return {
        "transactioncurrencies": [_currency()],
        "cdm_companies": [{"cdm_companyid": COMPANY, "cdm_companycode": "USMF"}],
        "products": [_product(n) for n in range(PRODUCTS)],
        "accounts": [_account(customer) for customer in customers],
        "contacts": [_contact(customer) for customer in customers],
        "salesorders": [_order(*order) for order in orders],
        "invoices": [_invoice(customer) for customer in customers if customer.is_invoiced],
        "salesorderdetails": [line for order in orders for line in _lines(*order)],
    }


def _currency() -> dict[str, Any]:
    return {
        "transactioncurrencyid": CURRENCY,
        "isocurrencycode": "USD",
        "currencyname": "US Dollar",
        "currencysymbol": "$",
        "currencyprecision": 2,
        "exchangerate": 1.0,
    }


def _product(n: int) -> dict[str, Any]:
    number = f"P{n:05}"
    return {
        "productid": key("product", n),
        "name": _product_name(n),
        "productnumber": number,
        "msdyn_productnumber": number,
        "msdyn_itemnumber": number,
        "price": _price(n),
        "_transactioncurrencyid_value": CURRENCY,
    }


def _product_name(n: int) -> str:
    return f"{ADJECTIVES[n % len(ADJECTIVES)]} {NOUNS[n % 11 % len(NOUNS)]} {100 + n}"


def _price(n: int) -> float:
    return round(3.25 + n * 7.31 % 900, 2)


def _account(customer: Customer) -> dict[str, Any]:
    return {
        "accountid": customer.account,
        "accountnumber": customer.number,
        "name": customer.name,
        "_msdyn_company_value": COMPANY,
        "_transactioncurrencyid_value": CURRENCY,
    }


def _contact(customer: Customer) -> dict[str, Any]:
    first = customer.email.partition("@")[0].title()
    return {
        "contactid": customer.contact,
        "firstname": first,
        "lastname": "Buyer",
        "emailaddress1": customer.email,
        "_parentcustomerid_value": customer.account,
        "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
    }


def _order(customer: Customer, n: int) -> dict[str, Any]:
    number = f"SO-{customer.number}-{n:04}"
    amount = round(sum(line["extendedamount"] for line in _lines(customer, n)), 2)
    return {
        "salesorderid": key("order", number),
        "name": f"Order {number} for {customer.name}",
        "ordernumber": f"ORD-{number}",
        "msdyn_salesordernumber": number,
        "msdyn_processingstatus": STATUSES[n % len(STATUSES)],
        "msdyn_customersorderreference": f"PO {84000 + n}",
        "totalamount": round(amount * (1 + TAX), 2),
        "totaltax": round(amount * TAX, 2),
        "createdon": _text(FIRST_ORDER + n * timedelta(hours=7, minutes=11)),
        "_customerid_value": customer.account,
        "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        "_msdyn_contactperson_value": customer.contact,
        "_msdyn_company_value": COMPANY,
        "_transactioncurrencyid_value": CURRENCY,
    }


def _invoice(customer: Customer) -> dict[str, Any]:
    return {
        "invoiceid": customer.invoice,
        "name": f"Invoice of {customer.name}",
        "msdyn_invoicenumber": f"INV-{customer.number}",
        "description": "T",
        "_customerid_value": customer.account,
        "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        "_salesorderid_value": key("order", f"SO-{customer.number}-0000"),
        "_transactioncurrencyid_value": CURRENCY,
    }


def _lines(customer: Customer, order: int) -> Iterator[dict[str, Any]]:
    number = f"SO-{customer.number}-{order:04}"
    for n in range(customer.lines):
        product = (order * customer.lines + n) * 13 % PRODUCTS
        quantity = 1 + (order + n) % 24
        yield {
            "salesorderdetailid": key("line", f"{number}/{n}"),
            "description": _product_name(product),
            "salesorderdetailname": _product_name(product),
            "quantity": quantity,
            "priceperunit": _price(product),
            "extendedamount": round(quantity * _price(product), 2),
            "sequencenumber": n + 1,
            "msdyn_linestatus": 192350001,
            "_salesorderid_value": key("order", number),
            "_productid_value": key("product", product),
            "_transactioncurrencyid_value": CURRENCY,
        }


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
