"""Shipments: packing slips with their lines and tracking, read from the ERP."""

from datetime import date, datetime
from decimal import Decimal

from gateway.model.rules import owned_by_number, with_parent
from gateway.model.tables import Node, Row, column, link, table
from gateway.schema.business.catalog import COMPANY, Product
from gateway.schema.business.sales import SalesOrder

_SLIP = {"dataAreaId": "dataAreaId", "SalesId": "SalesId", "PackingSlipId": "PackingSlipId"}
_TRACKED = {
    "dataAreaId": "dataAreaId",
    "SalesOrderNumber": "SalesId",
    "PackingSlipNumber": "PackingSlipId",
}


@table(
    "CustPackingSlipJourBiEntities",
    service="finops",
    key={"dataAreaId": str, "SourceDocumentHeader": int},
    rows=owned_by_number(company="dataAreaId", account="OrderAccount"),
    needs="shipments",
    order="-delivered_on",
    root=("shipment", "shipments"),
)
class Shipment(Node):
    """A packing slip: what was sent of an order at one time."""

    number: str | None = column("PackingSlipId", "The packing slip number.")
    order_number: str | None = column("SalesId", "The number of the order.")
    company: str | None = column("dataAreaId", "The code of the legal entity that sells.")
    delivered_on: date | None = column("DeliveryDate", "The day on which it was sent.")
    recipient: str | None = column("DeliveryName", "The receiver.")
    carrier: str | None = column("ShipCarrierId", "The carrier.")
    delivery_mode: str | None = column("DlvMode", "The way in which it was sent.")
    delivery_terms: str | None = column("DlvTerm", "The terms of delivery.")
    warehouse: str | None = column("inventLocationId", "The warehouse that it left.")
    bill_of_lading: str | None = column("BillOfLadingId", "The bill of lading.")
    customer_reference: str | None = column("CustomerRef", "The customer's own reference.")
    quantity: Decimal | None = column("Qty", "The quantity that was sent, over all lines.")
    weight: Decimal | None = column("Weight", "The weight.")
    volume: Decimal | None = column("Volume", "The volume.")
    order: SalesOrder | None = link(
        {"dataAreaId": "msdyn_company/cdm_companycode", "SalesId": "msdyn_salesordernumber"},
        "The order that it belongs to.",
        back="shipments",
        back_doc="The shipments of the order, latest first.",
    )


@table(
    "CustPackingSlipTransBiEntities",
    service="finops",
    key={"dataAreaId": str, "SourceDocumentLine": int},
    rows=with_parent,
    needs="shipments",
    order="line_number",
)
class ShipmentLine(Row):
    """A line of a packing slip: how much of one product was sent."""

    line_number: Decimal | None = column("LineNum", "The place of the line in its slip.")
    item_number: str | None = column("ItemId", "The item number.")
    name: str | None = column("Name", "The name of the item.")
    ordered_quantity: Decimal | None = column("Ordered", "The quantity that was ordered.")
    quantity: Decimal | None = column("Qty", "The quantity that was sent.")
    remaining_quantity: Decimal | None = column(
        "Remain", "The quantity that was left to send after it."
    )
    unit: str | None = column("SalesUnit", "The unit of the quantities.")
    shipment: Shipment | None = link(
        _SLIP,
        "The packing slip that the line belongs to.",
        back="lines",
        back_doc="The lines of the packing slip.",
    )
    product: Product | None = link(
        {"dataAreaId": COMPANY, "ItemId": "msdyn_itemnumber"},
        "The product that was sent; null where it is one of several variants.",
    )


@table(
    "PackingSlipTrackingInformation",
    service="finops",
    key={
        "dataAreaId": str,
        "SalesOrderNumber": str,
        "PackingSlipNumber": str,
        "DeliveryDate": datetime,
        "TrackingNumber": str,
    },
    rows=with_parent,
    needs="shipments",
)
class Tracking(Row):
    """A parcel of a shipment, as the carrier follows it."""

    number: str | None = column("TrackingNumber", "The carrier's tracking number.")
    url: str | None = column("TrackingURL", "The carrier's page for this parcel.")
    delivered_on: date | None = column("DeliveryDate", "The day on which it was sent.")
    shipment: Shipment | None = link(
        _TRACKED,
        "The shipment that the parcel belongs to.",
        back="tracking",
        back_doc="The parcels of the shipment with their tracking numbers.",
    )
