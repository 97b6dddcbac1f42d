"""The altered environments: each is the usual one but for one small thing."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from gateway.schema.business.sales import KEY
from tests.environments import (
    DATAVERSE,
    Alteration,
    age_map,
    deny,
    drop_collection,
    drop_column,
    drop_key,
    drop_property,
    drop_table,
    filter_map,
    inactivate_key,
    rebehave,
    rename_back,
    rename_collection,
    rename_navigation,
    rename_property,
    reoption,
    respell_navigations,
    respell_properties,
    retype,
    secure,
    shorten,
    stop_map,
)

Rows = Callable[[httpx2.AsyncClient], Awaitable[None]]
NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Altered:
    """An environment, what the doctor must say of it, and what does not work for it."""

    subject: str
    """The subject of the doctor's finding."""
    alter: tuple[Alteration, ...] = ()
    rows: Rows | None = None
    """Changes rows, where the environment differs in those."""
    affects: frozenset[str] = NONE
    """The fields that differ: null, or a typed error."""
    without: frozenset[str] = NONE
    """Those that differ as long as there is no names file."""
    codes: frozenset[str] = NONE
    """The codes of the errors at these fields."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The settings of the gateway for it."""
    refuses: str = ""
    """The code for which no order can be placed, where none can."""
    finds: bool = True
    """True if the questions find the same rows as usual."""
    arrives: bool = True
    """True if orders reach the ERP."""


OF_QUOTES: Final = (
    "Query.quote",
    "Query.quotes",
    "Query.quoteLines",
    "Account.quotes",
    "Query.quoteRequest",
    "Query.quoteRequests",
    "Query.quoteRequestLines",
    "Account.quoteRequests",
)


def absent(*fields: str) -> frozenset[str]:
    return frozenset(fields)


def by(list_: str, field_: str) -> str:
    """A list in the order of a field."""
    return f"{list_}_by_{field_}"


async def lose_price_list(http: httpx2.AsyncClient) -> None:
    """An account of others has no price list."""
    await _change_account_of_others(http, {"defaultpricelevelid@odata.bind": None})


async def move_abroad(http: httpx2.AsyncClient) -> None:
    """An account of others has a country that no map knows."""
    await _change_account_of_others(http, {"address1_country": "Atlantis"})


async def _change_account_of_others(http: httpx2.AsyncClient, change: Mapping[str, Any]) -> None:
    where = "accountnumber ne 'US-001' and statecode eq 0"
    path = f"{DATAVERSE}accounts?$filter={where}&$select=accountid&$top=1"
    (row,) = (await http.get(path)).raise_for_status().json()["value"]
    answer = await http.patch(f"{DATAVERSE}accounts({row['accountid']})", json=change)
    answer.raise_for_status()


NAVIGATION: Final = {
    "the company of orders in lower case": Altered(
        subject="salesorder.msdyn_company",
        alter=(rename_navigation("salesorder", "msdyn_company", "msdyn_company"),),
    ),
    "the company of accounts in upper case": Altered(
        subject="account.msdyn_company",
        alter=(rename_navigation("account", "msdyn_company", "msdyn_Company"),),
    ),
    "the company of products in lower case": Altered(
        subject="product.msdyn_companyid",
        alter=(rename_navigation("product", "msdyn_companyid", "msdyn_companyid"),),
    ),
    "the terms of payment of orders in lower case": Altered(
        subject="salesorder.msdyn_paymentterms",
        alter=(rename_navigation("salesorder", "msdyn_paymentterms", "msdyn_paymentterms"),),
    ),
    "the unit of order lines spelled as in the schema": Altered(
        subject="salesorderdetail.uomid",
        alter=(rename_navigation("salesorderdetail", "uomid", "UoMId"),),
    ),
    "a self reference with its table behind it": Altered(
        subject="account.parentaccountid",
        alter=(rename_navigation("account", "parentaccountid", "parentaccountid_account"),),
    ),
    "the item of order settings spelled as in the schema": Altered(
        subject="msdyn_productdefaultordersetting.msdyn_itemnumber",
        alter=(
            rename_navigation(
                "msdyn_productdefaultordersetting", "msdyn_itemnumber", "msdyn_ItemNumber"
            ),
        ),
    ),
    "the customer of orders spelled as in the schema": Altered(
        subject="salesorder.customerid",
        alter=(
            rename_navigation("salesorder", "customerid", "CustomerId_account", "account"),
            rename_navigation("salesorder", "customerid", "CustomerId_contact", "contact"),
        ),
    ),
    "the invoice account of orders in upper case": Altered(
        subject="salesorder.msdyn_invoicecustomerid",
        alter=(
            rename_navigation(
                "salesorder",
                "msdyn_invoicecustomerid",
                "msdyn_InvoiceCustomerId_account",
                "account",
            ),
        ),
    ),
    "the lines of orders under another name": Altered(
        subject="salesorderdetail.salesorderid",
        alter=(rename_back("salesorderdetail", "salesorderid", "salesorder_details"),),
    ),
    "all custom lookups in lower case": Altered(
        subject="salesorder.msdyn_company", alter=(respell_navigations(str.lower),)
    ),
}
ABSENT: Final = {
    "no status of orders": Altered(
        subject="salesorder.msdyn_processingstatus",
        alter=(drop_column("salesorder", "msdyn_processingstatus"),),
        finds=False,
        affects=absent(
            "SalesOrder.status",
            by("orders", "STATUS"),
        ),
    ),
    "no day on which an order is wanted": Altered(
        subject="salesorder.msdyn_requestedreceiptdate",
        alter=(drop_column("salesorder", "msdyn_requestedreceiptdate"),),
        finds=False,
        affects=absent("SalesOrder.requestedReceiptDate", by("orders", "REQUESTED_RECEIPT_DATE")),
    ),
    "no terms of payment of orders": Altered(
        subject="salesorder.msdyn_paymentterms",
        alter=(drop_column("salesorder", "msdyn_paymentterms"),),
        affects=absent("SalesOrder.paymentTerms", by("orders", "PAYMENT_TERMS")),
    ),
    "no state of order lines": Altered(
        subject="salesorderdetail.msdyn_linestatus",
        alter=(drop_column("salesorderdetail", "msdyn_linestatus"),),
        affects=absent("SalesOrderLine.status", by("orderLines", "STATUS")),
    ),
    "no job titles": Altered(
        subject="contact.jobtitle",
        alter=(drop_column("contact", "jobtitle"),),
        affects=absent("Contact.jobTitle", by("contacts", "JOB_TITLE")),
    ),
    "no credit limits": Altered(
        subject="account.creditlimit",
        alter=(drop_column("account", "creditlimit"),),
        affects=absent("Account.creditLimit", by("accounts", "CREDIT_LIMIT")),
    ),
    "no colours of products": Altered(
        subject="product.msdyn_productcolor",
        alter=(drop_column("product", "msdyn_productcolor"),),
        affects=absent("Product.variant", "Variant.color", "Product.availability"),
    ),
    "no terms of payment": Altered(
        subject="msdyn_paymentterm",
        alter=(drop_table("msdyn_paymentterm"),),
        affects=absent(
            "SalesOrder.paymentTerms",
            by("orders", "PAYMENT_TERMS"),
            "Account.paymentTerms",
            by("accounts", "PAYMENT_TERMS"),
        ),
    ),
    "no party model": Altered(
        subject="msdyn_contactforparty",
        alter=(drop_table("msdyn_contactforparty"),),
        finds=False,
    ),
    "no Power Pages": Altered(
        subject="adx_externalidentity",
        alter=(
            drop_table("adx_externalidentity"),
            drop_table("adx_webrole"),
            drop_table("adx_webrole_contact"),
        ),
        settings={"web_roles": ("adx", "mspp")},
    ),
    "no web roles of the older model": Altered(
        subject="adx_webrole",
        alter=(drop_table("adx_webrole"), drop_table("adx_webrole_contact")),
        settings={"web_roles": ("adx",)},
    ),
    "no default order settings": Altered(
        subject="msdyn_productdefaultordersetting",
        alter=(drop_table("msdyn_productdefaultordersetting"),),
        affects=absent("Product.orderQuantities"),
    ),
    "no price lists with items": Altered(
        subject="productpricelevel",
        alter=(drop_table("productpricelevel"),),
        affects=absent("Product.price"),
    ),
    "no addresses of accounts": Altered(
        subject="customeraddress",
        alter=(drop_table("customeraddress"),),
        affects=absent("Account.addresses"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no invoices": Altered(
        subject="invoice",
        alter=(drop_table("invoice"), drop_table("invoicedetail")),
        affects=absent(
            "Query.invoices",
            "Query.invoiceLines",
            "SalesOrder.invoices",
            "Account.invoices",
            "Query.invoice",
        ),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no quotes": Altered(
        subject="quote",
        alter=(drop_table("quote"), drop_table("quotedetail")),
        affects=absent(*OF_QUOTES),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
}
LENGTHS: Final = {
    "short names of orders": Altered(
        subject="salesorder.name",
        alter=(shorten("salesorder", "name", 20),),
        affects=absent("SalesOrder.name", by("orders", "NAME")),
    ),
    "short references of customers": Altered(
        subject="salesorder.msdyn_customersorderreference",
        alter=(shorten("salesorder", "msdyn_customersorderreference", 20),),
        affects=absent("SalesOrder.customerReference", by("orders", "CUSTOMER_REFERENCE")),
    ),
    "short requisition numbers": Altered(
        subject="salesorder.msdyn_customerrequisitionnumber",
        alter=(shorten("salesorder", "msdyn_customerrequisitionnumber", 8),),
        affects=absent("SalesOrder.requisitionNumber", by("orders", "REQUISITION_NUMBER")),
    ),
    "short streets of orders": Altered(
        subject="salesorder.shipto_line1",
        alter=(shorten("salesorder", "shipto_line1", 100),),
    ),
}
KEYS: Final = {
    "an order key whose index failed": Altered(
        subject=f"salesorder: alternate key of {KEY}",
        alter=(inactivate_key("salesorder", (KEY,)),),
        refuses="WRITES_REFUSED",
    ),
    "an order key that is still pending": Altered(
        subject=f"salesorder: alternate key of {KEY}",
        alter=(inactivate_key("salesorder", (KEY,), "Pending"),),
        refuses="WRITES_REFUSED",
    ),
    "no order key": Altered(
        subject=f"salesorder: alternate key of {KEY}",
        alter=(drop_key("salesorder", (KEY,)),),
        refuses="WRITES_REFUSED",
    ),
    "no column for order keys, and none required": Altered(
        subject=f"salesorder.{KEY}",
        alter=(drop_column("salesorder", KEY),),
        settings={"order_keys": False},
    ),
}
COLLECTIONS: Final = {
    "another collection of order lines": Altered(
        subject="salesorderdetail",
        alter=(rename_collection("salesorderdetails", "salesorderdetailset"),),
    ),
    "another collection of accounts": Altered(
        subject="account", alter=(rename_collection("accounts", "accountset"),)
    ),
    "another collection of products": Altered(
        subject="product", alter=(rename_collection("products", "productset"),)
    ),
    "another collection of terms of payment": Altered(
        subject="msdyn_paymentterm",
        alter=(rename_collection("msdyn_paymentterms", "msdyn_paymenttermset"),),
    ),
}
DAYS: Final = {
    f"{column} of {table} that are {behaviour}": Altered(
        subject=f"{table}.{column}", alter=(rebehave(table, column, behaviour),)
    )
    for table, column, behaviour in (
        ("salesorder", "requestdeliveryby", "DateOnly"),
        ("salesorder", "requestdeliveryby", "TimeZoneIndependent"),
        ("salesorder", "msdyn_requestedreceiptdate", "UserLocal"),
        ("salesorder", "msdyn_requestedreceiptdate", "DateOnly"),
        ("salesorderdetail", "requestdeliveryby", "DateOnly"),
        ("salesorderdetail", "msdyn_requestedreceiptdate", "UserLocal"),
        ("salesorderdetail", "msdyn_confirmedshippingdate", "DateOnly"),
        ("invoice", "msdyn_invoicedate", "DateOnly"),
        ("invoice", "msdyn_invoicedate", "UserLocal"),
    )
}
PRIVILEGES: Final = {
    "no right to read invoices": Altered(
        subject="invoice: Read",
        alter=(deny("prvReadInvoice"),),
        affects=absent(
            "Query.invoices",
            "Query.invoiceLines",
            "SalesOrder.invoices",
            "Account.invoices",
            "Query.invoice",
        ),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no right to read quotes": Altered(
        subject="quote: Read",
        alter=(deny("prvReadQuote"),),
        affects=absent(*OF_QUOTES),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no right to read the party model": Altered(
        subject="msdyn_contactforparty: Read",
        alter=(deny("prvReadmsdyn_contactforparty"),),
        finds=False,
    ),
    "no right to read default order settings": Altered(
        subject="msdyn_productdefaultordersetting: Read",
        alter=(deny("prvReadmsdyn_productdefaultordersetting"),),
        affects=absent("Product.orderQuantities"),
    ),
    "no right to read addresses of accounts": Altered(
        subject="customeraddress: Read",
        alter=(deny("prvReadAddress"),),
        affects=absent("Account.addresses"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no right to read modes of delivery and colours": Altered(
        subject="msdyn_shipvia: Read",
        alter=(deny("prvReadmsdyn_shipvia"), deny("prvReadmsdyn_productcolor")),
        affects=absent(
            "SalesOrder.deliveryMode", "Product.variant", "Variant.color", "Product.availability"
        ),
    ),
    "no right to read web roles": Altered(
        subject="adx_webrole: Read",
        alter=(deny("prvReadadx_webrole"), deny("prvReadadx_webrole_contact")),
        settings={"web_roles": ("adx",)},
    ),
    "no right to read terms of payment": Altered(
        subject="msdyn_paymentterm: Read",
        alter=(deny("prvReadmsdyn_paymentterm"),),
        affects=absent("SalesOrder.paymentTerms", "Account.paymentTerms"),
    ),
    "no right to create orders": Altered(
        subject="salesorder: Create",
        alter=(deny("prvCreateOrder"),),
        refuses="ORDER_REFUSED",
    ),
}
SECURED: Final = {
    "credit limits that the user may not read": Altered(
        subject="account.creditlimit",
        alter=(secure("account", "creditlimit"),),
        affects=absent("Account.creditLimit", by("accounts", "CREDIT_LIMIT")),
    ),
    "references of customers that the user may read but not write": Altered(
        subject="salesorder.msdyn_customersorderreference",
        alter=(secure("salesorder", "msdyn_customersorderreference", "CanRead"),),
        refuses="ORDER_REFUSED",
    ),
}
MAPS: Final = {
    "a filter of the map of orders": Altered(
        subject="filter of the map",
        alter=(
            filter_map(
                "salesorder",
                "msdyn_ordertype eq 192350000 and msdyn_customerrequisitionnumber ne null",
            ),
        ),
        arrives=False,
    ),
    "no running map of orders": Altered(
        subject="map of salesorder", alter=(stop_map("salesorder"),), arrives=False
    ),
    "no running map of order lines": Altered(
        subject="map of salesorderdetail", alter=(stop_map("salesorderdetail"),)
    ),
    "an older map of orders": Altered(
        subject="map of salesorder", alter=(age_map("salesorder", (1, 0, 0, 2)),)
    ),
}
DATA: Final = {
    "an account without a price list": Altered(
        subject="accounts without a price list",
        rows=lose_price_list,
    ),
    "a country without a mapped value": Altered(
        subject="countries without a mapped value",
        rows=move_abroad,
        affects=absent("Address.country"),
    ),
}
OPTIONS: Final = {
    "no canceled orders": Altered(
        subject="salesorder.msdyn_processingstatus",
        alter=(reoption("salesorder", "msdyn_processingstatus", {192350007: None}),),
        affects=absent("SalesOrder.status", by("orders", "STATUS")),
    ),
    "other numbers of holds": Altered(
        subject="account.msdyn_onholdstatus",
        alter=(reoption("account", "msdyn_onholdstatus", {806380003: 806380013}),),
        affects=absent("Account.holdStatus"),
    ),
}
TYPES: Final = {
    "decimals of products that are text": Altered(
        subject="product.quantitydecimal",
        alter=(retype("product", "quantitydecimal", "String", MaxLength=10),),
        affects=absent("Product.decimals", by("products", "DECIMALS")),
    ),
    "credit limits that are plain numbers": Altered(
        subject="account.creditlimit",
        alter=(retype("account", "creditlimit", "Integer"),),
        affects=absent("Account.creditLimit", by("accounts", "CREDIT_LIMIT")),
    ),
}
OPEN_OF_INVOICES: Final = (
    "Invoice.dueOn",
    "Invoice.open",
    "Invoice.settledOn",
    "Invoice.payment",
    "PostedInvoice.open",
    "PostedInvoice.payment",
)
"""Members that are worked out from the transactions of an invoice."""
COMBINED: Final = {
    "no Power Pages, and all custom lookups in lower case": Altered(
        subject="adx_externalidentity",
        alter=(
            drop_table("adx_externalidentity"),
            drop_table("adx_webrole"),
            drop_table("adx_webrole_contact"),
            respell_navigations(str.lower),
        ),
        settings={"web_roles": ("adx", "mspp")},
    ),
    "another collection of contacts, bare days and short references": Altered(
        subject="contact",
        alter=(
            rename_collection("contacts", "contactset"),
            rebehave("salesorder", "requestdeliveryby", "DateOnly"),
            shorten("salesorder", "msdyn_customersorderreference", 20),
        ),
        affects=absent("SalesOrder.customerReference", by("orders", "CUSTOMER_REFERENCE")),
    ),
    "four columns with days of another behaviour": Altered(
        subject="salesorderdetail.requestdeliveryby",
        alter=(
            rebehave("salesorderdetail", "requestdeliveryby", "TimeZoneIndependent"),
            rebehave("salesorderdetail", "msdyn_confirmedreceiptdate", "UserLocal"),
            rebehave("salesorder", "msdyn_confirmedreceiptdate", "UserLocal"),
            rebehave("invoice", "msdyn_invoicedate", "DateOnly"),
        ),
    ),
}
ERP: Final = {
    "no tracking": Altered(
        subject="PackingSlipTrackingInformation",
        alter=(drop_collection("PackingSlipTrackingInformation"),),
        affects=absent("Shipment.tracking"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no stock": Altered(
        subject="WarehousesOnHandV2",
        alter=(drop_collection("WarehousesOnHandV2"),),
        affects=absent("Product.stock", "Product.availability"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no catalogue but products": Altered(
        subject="CustomerProductDescriptionsV2",
        alter=(
            drop_collection("CustomerProductDescriptionsV2"),
            drop_collection("ProductTranslations"),
            drop_collection("ReleasedProductDocumentAttachments"),
            drop_table("msdyn_productcategory"),
            drop_table("msdyn_productcategoryhierarchyrole"),
            drop_table("msdyn_productcategoryassignment"),
        ),
        affects=absent(
            "Query.customerItems",
            "Query.categories",
            "Product.customerItemNumber",
            "Product.texts",
            "Product.pictures",
        ),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no customer transactions": Altered(
        subject="CustTransBiEntities",
        alter=(drop_collection("CustTransBiEntities"),),
        affects=absent(
            "Query.transactions",
            "Account.transactions",
            "Account.balance",
            "Query.statement",
            *OPEN_OF_INVOICES,
        ),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no invoice journal": Altered(
        subject="CustInvoiceJourBiEntities",
        alter=(drop_collection("CustInvoiceJourBiEntities"),),
        affects=absent("Query.postedInvoices", "Account.postedInvoices"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no returns": Altered(
        subject="ReturnOrderHeadersV2",
        alter=(drop_collection("ReturnOrderHeadersV2"),),
        affects=absent("Query.returns", "Query.returnOrder", "Account.returns"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no lines of returns": Altered(
        subject="ReturnOrderLinesV2",
        alter=(drop_collection("ReturnOrderLinesV2"),),
        affects=absent("ReturnOrder.lines"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no totals of returns": Altered(
        subject="ReturnOrderHeadersV2.OrderTotalAmount",
        alter=(drop_property("ReturnOrderHeadersV2", "OrderTotalAmount"),),
        affects=absent("ReturnOrder.total", by("returns", "TOTAL")),
    ),
    "no settled amounts of transactions": Altered(
        subject="CustTransBiEntities.SettleAmountCur",
        alter=(drop_property("CustTransBiEntities", "SettleAmountCur"),),
        affects=absent(
            "Transaction.settled",
            "Transaction.open",
            "Account.balance",
            by("transactions", "SETTLED"),
            *OPEN_OF_INVOICES,
        ),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "no carriers of packing slips": Altered(
        subject="CustPackingSlipJourBiEntities.ShipCarrierId",
        alter=(drop_property("CustPackingSlipJourBiEntities", "ShipCarrierId"),),
        affects=absent("Shipment.carrier", by("shipments", "CARRIER")),
    ),
    "the warehouse of packing slips in upper case": Altered(
        subject="CustPackingSlipJourBiEntities.inventLocationId",
        alter=(
            rename_property(
                "CustPackingSlipJourBiEntities", "inventLocationId", "InventLocationId"
            ),
        ),
    ),
    "all columns of the ERP in another case": Altered(
        subject="SalesOrderLines.InventoryLotId", alter=(respell_properties,)
    ),
    "collections of the ERP in another case": Altered(
        subject="CustTransBiEntities",
        alter=(
            rename_collection("CustTransBiEntities", "CustTransBIEntities"),
            rename_collection("SalesOrderLines", "salesorderlines"),
        ),
    ),
    "order lines of the ERP under another name": Altered(
        subject="SalesOrderLines",
        alter=(rename_collection("SalesOrderLines", "SalesOrderLinesV9"),),
        without=absent("SalesOrderLine.deliveredQuantity", "SalesOrderLine.remainingQuantity"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
    "stock of the ERP under another name": Altered(
        subject="WarehousesOnHandV2",
        alter=(rename_collection("WarehousesOnHandV2", "WarehousesOnHandV3"),),
        without=absent("Product.stock", "Product.availability"),
        codes=frozenset({"NOT_AVAILABLE_HERE"}),
    ),
}
EVERY: Final[Mapping[str, Altered]] = {
    **NAVIGATION, **ABSENT, **LENGTHS, **KEYS, **COLLECTIONS, **DAYS, **PRIVILEGES, **SECURED,
    **MAPS, **DATA, **OPTIONS, **TYPES, **COMBINED, **ERP,
}  # fmt: skip
