"""
The public interface for extensions: import the names in `__all__` from here, and nothing else.

These names, as their docstrings and `docs/extending.md` describe them, follow semantic versioning:
they change only with a new major version. All other modules of the gateway may change with any
version. Each name has an example, in its own docstring or here; a test runs them all.

`Account`, `Contact`, `Invoice`, `InvoiceLine`, `Product`, `SalesOrder`, `SalesOrderLine`,
`Shipment`, `ShipmentLine`, `Tracking`, `WarehouseStock`, `Transaction`, `PostedInvoice`,
`ReturnOrder` and `ReturnOrderLine` are the gateway's tables. Extend them with members, and name
them as the targets of links.

Example:

    @extend(WarehouseStock)
    class AcmeStock:
        _number: str | None = column("ItemNumber", "The item number.")

        @computed("ItemNumber", doc="The item number with the prefix of the catalogue.")
        def catalogue_number(self, loaders: Loaders) -> str | None:
            return f"ACME-{self._number}" if self._number else None


    @table("acme_complaint", collection="acme_complaints", key="acme_complaintid",
           rows=owned(account=lookup_value("acme_accountid")), needs="orders", order="text",
           root=("complaint", "complaints"))
    class Complaint(Node):
        '''A complaint about goods or an invoice.'''

        text: str | None = column("acme_text", "The complaint in the customer's words.")
        account: Account | None = link("acme_accountid", "The customer.", back="complaints")
        contact: Contact | None = link("acme_contactid", "The person who complained.")
        order: SalesOrder | None = link("acme_orderid", "The order.", back="complaints")
        line: SalesOrderLine | None = link("acme_lineid", "The line of the order.")
        product: Product | None = link("acme_productid", "The product.", back="complaints")
        invoice: Invoice | None = link("acme_invoiceid", "The invoice.", back="complaints")
        invoice_line: InvoiceLine | None = link("acme_invoicelineid", "The line of the invoice.")

    # { complaints { nodes { text order { number } } } }

`Shipment`, `ShipmentLine`, `Tracking`, `Transaction`, `PostedInvoice`, `ReturnOrder` and
`ReturnOrderLine` are tables of Finance & Operations; their rows carry the names of F&O's columns.

Example:

    @extend(Shipment)
    class AcmeShipment:
        @computed("PackingSlipId", doc="The address of the packing slip as a document.")
        def document(self, loaders: Loaders) -> str | None:
            return f"https://acme.example/slips/{self.raw['PackingSlipId']}"


    @extend(ShipmentLine)
    class AcmeShipmentLine:
        @computed(doc="The heading of the line on the packing slip.")
        def heading(self, loaders: Loaders) -> str:
            return "Delivered"


    @extend(Tracking)
    class AcmeTracking:
        @computed(doc="The telephone number for questions about the parcel.")
        def hotline(self, loaders: Loaders) -> str:
            return "+1 555 0100"


    @extend(Transaction)
    class AcmeTransaction:
        @computed("Voucher", doc="The voucher with the prefix of the ledger.")
        def ledger_voucher(self, loaders: Loaders) -> str:
            return f"ACME-{self.raw['Voucher']}"


    @extend(PostedInvoice)
    class AcmePostedInvoice:
        @computed("InvoiceId", doc="The page of the invoice at the seller.")
        def page(self, loaders: Loaders) -> str:
            return f"https://acme.example/invoices/{self.raw['InvoiceId']}"


    @extend(ReturnOrder)
    class AcmeReturn:
        @computed("RMANumber", doc="The page with the label for the parcel.")
        def label(self, loaders: Loaders) -> str:
            return f"https://acme.example/labels/{self.raw['RMANumber']}"


    @extend(ReturnOrderLine)
    class AcmeReturnLine:
        batch: str | None = column("ItemBatchNumber", "The batch that the goods are of.")

    # query($order: ID!) {
    #   order(id: $order) { shipments { nodes { document lines { nodes { heading } } } } }
    # }

`everyone` is the row rule for reference data: every caller with the permission sees every row.
`with_parent` is the row rule for rows without an owner: a caller sees them only through a link from
a row that they see.

Example:

    CATALOGUE: Rule = everyone
    PARTS: Rule = with_parent

`ID`, `enum`, `input`, `type` and `field` are Strawberry's: the type of global ids, and the
decorators for enumerations, for inputs, for objects that are not rows, and for their fields. `Info`
is the annotation of a root field's first parameter; `info.context.loaders` are its `Loaders`.

Example:

    @enum(description="The reason for a call.")
    class Topic(OptionSet):
        DELIVERY = option(1, "A delivery.")
        UNKNOWN = unknown()


    @input(description="A call to ask for.")
    class CallInput:
        order: ID = field(description="The id of the order.")
        topic: Topic = field(description="The reason for the call.")


    @type(description="A call that was promised.")
    class Call:
        number: str | None = field(description="The number of the order.")


    @mutation(needs="orders", privilege="update")
    async def call_me(info: Info, input: CallInput) -> Call | None:
        '''Ask for a call about an order.'''
        return Call(number=(await find(info, SalesOrder, input.order)).number)

    # mutation($order: ID!) { callMe(input: { order: $order, topic: DELIVERY }) { number } }
"""

from strawberry import ID, enum, field, input, type

from gateway.auth.principal import Principal
from gateway.errors import Forbidden, InvalidInput, NotFound
from gateway.loaders.rows import Loaders
from gateway.model.archives import Paper, PaperKind, archive
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
from gateway.schema.business.returns import ReturnOrder, ReturnOrderLine
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
    "Paper",
    "PaperKind",
    "PostedInvoice",
    "Principal",
    "Product",
    "ReturnOrder",
    "ReturnOrderLine",
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
    "archive",
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
