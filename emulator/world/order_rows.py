"""Writes an order as its rows on both sides: Dataverse's, and their twins in the ERP."""

from decimal import Decimal
from typing import Final

from emulator.days import erp_day
from emulator.world.customer_rows import ENGLISH, contact_for_party_id
from emulator.world.customers import Customer
from emulator.world.erp_rows import CDS_HEADERS, CDS_LINES, cds_line, cds_order
from emulator.world.orders import Status, WorldLine, WorldOrder
from emulator.world.product_rows import price_list_id
from emulator.world.products import product_id
from emulator.world.reference_rows import CURRENCIES, PRICE_GROUPS
from emulator.world.seed import Row, Rows, Seed, day, stamp

ITEM_BASED: Final = 192350000
ACCOUNT_NAMED: Final = "@Microsoft.Dynamics.CRM.lookuplogicalname"

# Sales' own states follow the translation table of dual-write where that gives one.
STATES: Final = {
    Status.ACTIVE: (0, 1),
    Status.CONFIRMED: (1, 3),
    Status.PICKED: (1, 3),
    Status.PARTIALLY_DELIVERED: (0, 1),
    Status.DELIVERED: (3, 100001),
    Status.PARTIALLY_INVOICED: (3, 100002),
    Status.INVOICED: (4, 100003),
    Status.CANCELED: (2, 4),
}
SALES_STATUS: Final = {
    Status.DELIVERED: "Delivered",
    Status.PARTIALLY_INVOICED: "Delivered",
    Status.INVOICED: "Invoiced",
    Status.CANCELED: "Canceled",
}
PROCESSING: Final = {
    Status.ACTIVE: "Active",
    Status.CONFIRMED: "Confirmed",
    Status.PICKED: "Picked",
    Status.PARTIALLY_DELIVERED: "PartiallyDelivered",
    Status.DELIVERED: "Delivered",
    Status.INVOICED: "Invoiced",
    Status.PARTIALLY_INVOICED: "PartiallyInvoiced",
    Status.CANCELED: "Canceled",
}
LINE_STATUS: Final = {
    "Backorder": 192350001,
    "Delivered": 192350002,
    "Invoiced": 192350003,
    "Canceled": 192350004,
}


def order_rows(seed: Seed, order: WorldOrder) -> Rows:
    yield "salesorders", _order(seed, order)
    header = erp_order(order)
    yield "SalesOrderHeadersV2", header
    yield CDS_HEADERS, cds_order(header)
    for line in order.lines:
        yield "salesorderdetails", _line(seed, order, line)
        v2 = _erp_line(order, line)
        yield "SalesOrderLines", v2
        yield CDS_LINES, cds_line(order, line, v2, PROCESSING[order.status])


def line_id(seed: Seed, order: WorldOrder, line: WorldLine) -> str:
    return seed.id("salesorderdetails", order.customer.company.code, line.lot)


def exchange(currency: str) -> Decimal:
    return CURRENCIES[currency][3]


def shipping_address(customer: Customer, prefix: str) -> Row:
    place = customer.place
    return {
        f"{prefix}name": customer.name,
        f"{prefix}line1": place.street,
        f"{prefix}city": place.city,
        f"{prefix}stateorprovince": place.state,
        f"{prefix}postalcode": place.zip,
        f"{prefix}country": customer.country.name,
    }


def striped(seed: Seed, customer: Customer, entity_set: str, key: str) -> str:
    return seed.id(entity_set, customer.company.code, key)


def orderer_columns(seed: Seed, order: WorldOrder) -> Row:
    """The orderer in the older model, the newer, or both: environments differ."""
    if order.orderer is None:
        return {}
    party = party_columns(seed, order)
    contact: Row = {"_msdyn_contactperson_value": order.orderer.id}
    if order.by_party:
        return party
    return contact | party if order.index % 3 == 0 else contact


def party_columns(seed: Seed, order: WorldOrder) -> Row:
    """The orderer in the party model, the one that invoices know."""
    if order.orderer is None:
        return {}
    return {"_msdyn_associatedcontact_value": contact_for_party_id(seed, order.orderer)}


def _order(seed: Seed, order: WorldOrder) -> Row:
    customer = order.customer
    state, reason = STATES[order.status]
    return (
        shipping_address(customer, "shipto_")
        | shipping_address(order.payer, "billto_")
        | orderer_columns(seed, order)
        | _order_lookups(seed, order)
        | {
            "salesorderid": order.id,
            "name": f"Order {order.number} for {customer.name}",
            "ordernumber": f"ORD-{customer.company.code}-{order.number}",
            "msdyn_salesordernumber": order.number,
            "msdyn_ordertype": ITEM_BASED,
            "msdyn_processingstatus": int(order.status),
            "msdyn_isocurrencycode": customer.currency,
            "msdyn_language": ENGLISH,
            "msdyn_customersorderreference": order.reference,
            "msdyn_customerrequisitionnumber": order.requisition,
            "emailaddress": order.orderer and order.orderer.email,
            "statecode": state,
            "statuscode": reason,
            "exchangerate": exchange(customer.currency),
            "totallineitemamount": order.net,
            "totaltax": order.tax,
            "freightamount": order.freight,
            "discountamount": Decimal(0),
            "totaldiscountamount": Decimal(0),
            "totallineitemdiscountamount": order.discount,
            "totalamountlessfreight": order.net,
            "totalamount": order.total,
            "requestdeliveryby": day(order.wished),
            "msdyn_requestedreceiptdate": day(order.wished),
            "msdyn_confirmedshippingdate": day(order.confirmed),
            "msdyn_confirmedreceiptdate": day(order.confirmed),
            "createdon": stamp(order.placed),
            "modifiedon": stamp(max((order.placed, *order.slips))),
        }
    )


def _order_lookups(seed: Seed, order: WorldOrder) -> Row:
    customer = order.customer
    group = next(iter(PRICE_GROUPS))
    return {
        "_customerid_value": customer.id,
        f"_customerid_value{ACCOUNT_NAMED}": "account",
        "_accountid_value": customer.id,
        "_msdyn_invoicecustomerid_value": order.payer.id,
        f"_msdyn_invoicecustomerid_value{ACCOUNT_NAMED}": "account",
        "_msdyn_company_value": seed.id("cdm_companies", customer.company.code),
        "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
        "_pricelevelid_value": price_list_id(seed, customer.currency, customer.price_list),
        "_msdyn_paymentterms_value": striped(seed, customer, "msdyn_paymentterms", customer.terms),
        "_msdyn_deliverymode_value": striped(seed, customer, "msdyn_shipvias", order.ship_via),
        "_msdyn_deliveryterms_value": striped(
            seed, customer, "msdyn_termsofdeliveries", order.terms
        ),
        "_msdyn_pricecustomergroup_value": striped(
            seed, customer, "msdyn_pricecustomergroups", group
        ),
        "_msdyn_salesorderorigin_value": striped(
            seed, customer, "msdyn_salesorderorigins", order.origin
        ),
        "_msdyn_defaultshippingsite_value": striped(
            seed, customer, "msdyn_operationalsites", order.lines[0].site
        ),
        "_msdyn_defaultshippingwarehouse_value": striped(
            seed, customer, "msdyn_warehouses", order.lines[0].warehouse
        ),
    }


def _line(seed: Seed, order: WorldOrder, line: WorldLine) -> Row:
    customer, product = order.customer, line.product
    return shipping_address(customer, "shipto_") | {
        "salesorderdetailid": line_id(seed, order, line),
        "salesorderdetailname": product.name[:100],
        "description": product.name,
        "productdescription": None,
        "sequencenumber": line.number,
        "lineitemnumber": line.number,
        "quantity": line.quantity,
        "priceperunit": line.price,
        "baseamount": line.amount,
        "extendedamount": line.amount,
        "manualdiscountamount": line.discount_of(line.steps),
        "msdyn_linediscountpercentage": Decimal(line.discount),
        "msdyn_salespricequantity": Decimal(1),
        "tax": line.tax,
        "ispriceoverridden": True,
        "producttypecode": 1,
        "propertyconfigurationstatus": 2,
        "exchangerate": exchange(customer.currency),
        "msdyn_linestatus": LINE_STATUS[line_status(order, line)],
        "msdyn_linedescription": product.name,
        "requestdeliveryby": day(order.wished),
        "msdyn_requestedreceiptdate": day(order.wished),
        "msdyn_confirmedshippingdate": day(order.confirmed),
        "msdyn_confirmedreceiptdate": day(order.confirmed),
        "createdon": stamp(order.placed),
        "_salesorderid_value": order.id,
        "_productid_value": product_id(seed, customer.company, product),
        "_uomid_value": seed.id("uoms", product.unit),
        "_transactioncurrencyid_value": seed.id("transactioncurrencies", customer.currency),
        "_msdyn_shippingsite_value": striped(seed, customer, "msdyn_operationalsites", line.site),
        "_msdyn_shippingwarehouse_value": striped(
            seed, customer, "msdyn_warehouses", line.warehouse
        ),
    }


def line_status(order: WorldOrder, line: WorldLine) -> str:
    """The status of a line by itself: a fully shipped line of a part delivery is delivered."""
    if order.status is Status.PARTIALLY_INVOICED:
        billed = line.shipped_before(order.invoiced) == line.steps
        return "Invoiced" if billed else "Delivered"
    if order.status is Status.PARTIALLY_DELIVERED and line.delivered == line.steps:
        return "Delivered"
    return SALES_STATUS.get(order.status, "Backorder")


def _erp_address(customer: Customer, prefix: str) -> Row:
    place, country = customer.place, customer.country
    return {
        f"{prefix}Street": place.street,
        f"{prefix}City": place.city,
        f"{prefix}StateId": place.state,
        f"{prefix}ZipCode": place.zip,
        f"{prefix}CountryRegionId": country.erp,
        f"{prefix}CountryRegionISOCode": country.iso,
    }


def erp_order(order: WorldOrder) -> Row:
    customer = order.customer
    return (
        _erp_address(customer, "DeliveryAddress")
        | _erp_address(order.payer, "InvoiceAddress")
        | {
            "dataAreaId": customer.company.area,
            "SalesOrderNumber": order.number,
            "DeliveryAddressName": customer.name,
            "SalesOrderName": f"Order {order.number} for {customer.name}"[:60],
            "SalesOrderStatus": SALES_STATUS.get(order.status, "Backorder"),
            "SalesOrderProcessingStatus": PROCESSING[order.status],
            "OrderingCustomerAccountNumber": customer.number,
            "InvoiceCustomerAccountNumber": order.payer.number,
            "CurrencyCode": customer.currency,
            "LanguageId": "en-us",
            "ContactPersonId": order.orderer.number if order.orderer else "",
            "CustomersOrderReference": order.reference or "",
            "CustomerRequisitionNumber": order.requisition or "",
            "DeliveryModeCode": order.ship_via,
            "DeliveryTermsCode": order.terms,
            "PaymentTermsName": customer.terms,
            "SalesOrderOriginCode": order.origin,
            "DefaultShippingSiteId": order.lines[0].site,
            "DefaultShippingWarehouseId": order.lines[0].warehouse,
            "Email": (order.orderer and order.orderer.email) or "",
            "OrderCreationDateTime": stamp(order.placed),
            "RequestedShippingDate": erp_day(order.wished),
            "RequestedReceiptDate": erp_day(order.wished),
            "ConfirmedShippingDate": erp_day(order.confirmed),
            "ConfirmedReceiptDate": erp_day(order.confirmed),
            "AreTotalsCalculated": "Yes",
            "OrderTotalAmount": order.total,
            "OrderTotalTaxAmount": order.tax,
            "OrderTotalDiscountAmount": order.discount,
            "OrderTotalChargesAmount": order.freight,
        }
    )


def _erp_line(order: WorldOrder, line: WorldLine) -> Row:
    return {
        "dataAreaId": order.customer.company.area,
        "InventoryLotId": line.lot,
        "SalesOrderNumber": order.number,
        "LineCreationSequenceNumber": line.number,
        "LineNumber": Decimal(line.number),
        "SalesOrderLineStatus": line_status(order, line),
        "ItemNumber": line.product.item,
        "ProductColorId": line.product.color,
        "ProductSizeId": line.product.size,
        "LineDescription": line.product.name,
        "OrderedSalesQuantity": line.quantity,
        "SalesUnitSymbol": line.product.unit,
        "SalesPrice": line.price,
        "SalesPriceQuantity": Decimal(1),
        "LineAmount": line.amount,
        "LineDiscountPercentage": Decimal(line.discount),
        "CurrencyCode": line.currency,
        "ShippingSiteId": line.site,
        "ShippingWarehouseId": line.warehouse,
        "DeliveryModeCode": order.ship_via,
        "RequestedShippingDate": erp_day(order.wished),
        "RequestedReceiptDate": erp_day(order.wished),
        "ConfirmedShippingDate": erp_day(order.confirmed),
        "ConfirmedReceiptDate": erp_day(order.confirmed),
    }
