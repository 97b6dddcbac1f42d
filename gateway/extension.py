"""
Everything that an extension may import, and nothing else: the names in `__all__`.

    from gateway.extension import SalesOrder, column, extend


    @extend(SalesOrder)
    class AcmeOrder:
        project: str | None = column("acme_project", "The project that the order is for.")

These names and what `docs/extending.md` says of each follow semantic versioning: they change with a
new major version alone. All other modules of the gateway may change with any version.
"""

from strawberry import ID, enum, field, input, type

from gateway.auth.principal import Principal
from gateway.errors import Forbidden, InvalidInput, NotFound
from gateway.loaders.rows import Loaders
from gateway.model.declarations import DeclarationError, Node, Row
from gateway.model.fields import mutation, query
from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import (
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
from gateway.model.tables import column, computed, extend, group, link, lookup, paths, table
from gateway.resolvers.own_rows import caller, create, find, update
from gateway.schema.business.accounts import Account, Contact
from gateway.schema.business.billing import Invoice, InvoiceLine
from gateway.schema.business.catalog import Product, WarehouseStock
from gateway.schema.business.ledger import PostedInvoice, Transaction
from gateway.schema.business.sales import SalesOrder, SalesOrderLine
from gateway.schema.business.shipping import Shipment, ShipmentLine, Tracking
from gateway.schema.business.values import Address, Money, address, money
from gateway.schema.context import Info
from gateway.upstream.names import lookup_value

__all__ = [
    "ID",
    "Account",
    "Address",
    "Contact",
    "DeclarationError",
    "Forbidden",
    "Info",
    "InvalidInput",
    "Invoice",
    "InvoiceLine",
    "Loaders",
    "Money",
    "Node",
    "NotFound",
    "OptionSet",
    "PostedInvoice",
    "Principal",
    "Product",
    "Row",
    "Rule",
    "SalesOrder",
    "SalesOrderLine",
    "Shipment",
    "ShipmentLine",
    "Tracking",
    "Transaction",
    "WarehouseStock",
    "address",
    "any_of",
    "caller",
    "column",
    "computed",
    "create",
    "enum",
    "everyone",
    "extend",
    "field",
    "find",
    "group",
    "in_companies",
    "in_price_lists",
    "input",
    "link",
    "lookup",
    "lookup_value",
    "money",
    "mutation",
    "option",
    "owned",
    "owned_by_number",
    "paths",
    "people",
    "query",
    "table",
    "type",
    "unknown",
    "update",
    "with_parent",
]
