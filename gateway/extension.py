"""
Everything that an extension may import, and nothing else: the names in `__all__`.

    from gateway.extension import SalesOrder, column, extend


    @extend(SalesOrder)
    class AcmeOrder:
        project: str | None = column("acme_project", "The project that the order is for.")

These names and what `docs/extending.md` says of each follow semantic versioning: they change with a
new major version alone. All other modules of the gateway may change with any version.
"""

from strawberry import ID, enum

from gateway.declarations import DeclarationError, Node, Row
from gateway.kinds import OptionSet, option, unknown
from gateway.loaders.rows import Loaders
from gateway.rules import (
    Rule,
    any_of,
    everyone,
    in_companies,
    in_price_lists,
    owned,
    owned_by_number,
    people,
    with_parent,
)
from gateway.schema.accounts import Account, Contact
from gateway.schema.billing import Invoice, InvoiceLine
from gateway.schema.catalog import Product, WarehouseStock
from gateway.schema.sales import SalesOrder, SalesOrderLine
from gateway.schema.shipping import Shipment, ShipmentLine, Tracking
from gateway.schema.values import Address, Money, address, money
from gateway.tables import column, computed, extend, group, link, lookup, paths, table
from gateway.upstream.names import lookup_value

__all__ = [
    "ID",
    "Account",
    "Address",
    "Contact",
    "DeclarationError",
    "Invoice",
    "InvoiceLine",
    "Loaders",
    "Money",
    "Node",
    "OptionSet",
    "Product",
    "Row",
    "Rule",
    "SalesOrder",
    "SalesOrderLine",
    "Shipment",
    "ShipmentLine",
    "Tracking",
    "WarehouseStock",
    "address",
    "any_of",
    "column",
    "computed",
    "enum",
    "everyone",
    "extend",
    "group",
    "in_companies",
    "in_price_lists",
    "link",
    "lookup",
    "lookup_value",
    "money",
    "option",
    "owned",
    "owned_by_number",
    "paths",
    "people",
    "table",
    "unknown",
    "with_parent",
]
