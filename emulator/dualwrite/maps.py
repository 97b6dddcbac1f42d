"""Dual-write's maps in the notation of their documentation, read into columns that can be carried.

`F&O column <sign> Dataverse column`: `=` both ways, `>` to Dataverse alone; a dotted Dataverse
column is a lookup found by that column of the row it points at. `>!` is computed by the ERP and
comes back within the transaction of the write that caused it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

Sign = Literal["=", ">", ">!"]

HEADER: Final = """
    OrderingCustomerAccountNumber = customerid.accountnumber
    InvoiceCustomerAccountNumber = msdyn_invoicecustomerid.accountnumber
    CurrencyCode = transactioncurrencyid.isocurrencycode
    CurrencyCode > msdyn_isocurrencycode
    SalesOrderName > name
    DeliveryAddressCity = shipto_city
    DeliveryAddressStreet = shipto_line1
    DeliveryAddressStreetNumber = shipto_line2
    DeliveryAddressZipCode = shipto_postalcode
    DeliveryAddressStateId = shipto_stateorprovince
    DeliveryAddressCountryRegionISOCode = shipto_country
    InvoiceAddressCity > billto_city
    InvoiceAddressStreet > billto_line1
    InvoiceAddressStreetNumber > billto_line2
    InvoiceAddressZipCode > billto_postalcode
    InvoiceAddressStateId > billto_stateorprovince
    InvoiceAddressCountryRegionISOCode > billto_country
    OrderTotalAmount >! totalamount
    TotalDiscountAmount >! discountamount
    OrderTotalDiscountAmount >! totallineitemdiscountamount
    OrderTotalTaxAmount >! totaltax
    OrderTotalChargesAmount >! freightamount
    RequestedShippingDate = requestdeliveryby
    RequestedReceiptDate = msdyn_requestedreceiptdate
    ConfirmedShippingDate = msdyn_confirmedshippingdate
    ConfirmedReceiptDate = msdyn_confirmedreceiptdate
    ContactPersonId = msdyn_associatedcontact.msdyn_contactforpartynumber
    CustomerRequisitionNumber = msdyn_customerrequisitionnumber
    CustomersOrderReference = msdyn_customersorderreference
    DefaultShippingSiteId = msdyn_defaultshippingsite.msdyn_siteid
    DefaultShippingWarehouseId = msdyn_defaultshippingwarehouse.msdyn_warehouseidentifier
    DeliveryModeCode = msdyn_deliverymode.msdyn_name
    DeliveryTermsCode = msdyn_deliveryterms.msdyn_termscode
    PaymentTermsName = msdyn_paymentterms.msdyn_name
    PaymentTermsBaseDate = msdyn_paymenttermsbasedate
    PriceCustomerGroupCode = msdyn_pricecustomergroup.msdyn_groupcode
    SalesOrderOriginCode = msdyn_salesorderorigin.msdyn_origincode
    QuotationNumber = msdyn_quotationnumber
    Email = emailaddress
    SalesOrderPromisingMethod = msdyn_salesorderpromisingmethod
    SalesOrderProcessingStatus >! msdyn_processingstatus
    LanguageId = msdyn_language
"""
LINE: Final = """
    LineCreationSequenceNumber = sequencenumber
    ProductNumber = productid.msdyn_productnumber
    ProductName > description
    LineDescription = msdyn_linedescription
    OrderedSalesQuantity = quantity
    SalesUnitSymbol = uomid.msdyn_symbol
    SalesPrice = priceperunit
    SalesPriceQuantity = msdyn_salespricequantity
    LineAmount >! extendedamount
    LineAmount >! baseamount
    TotalDiscountAmount = manualdiscountamount
    TotalTaxAmount >! tax
    TotalChargesAmount >! msdyn_totalchargesamount
    SalesOrderLineStatus >! msdyn_linestatus
    RequestedShippingDate = requestdeliveryby
    RequestedReceiptDate = msdyn_requestedreceiptdate
    ConfirmedShippingDate = msdyn_confirmedshippingdate
    ConfirmedReceiptDate = msdyn_confirmedreceiptdate
    ShippingSiteId = msdyn_shippingsite.msdyn_siteid
    ShippingWarehouseId = msdyn_shippingwarehouse.msdyn_warehouseidentifier
    DeliveryModeCode = msdyn_deliverymode.msdyn_name
    DeliveryTermsId = msdyn_deliveryterms.msdyn_termscode
    ExternalItemNumber = msdyn_externalitemnumber
    LineDiscountPercentage = msdyn_linediscountpercentage
    AllowedOverdeliveryPercentage = msdyn_allowedoverdeliverypercentage
    AllowedUnderdeliveryPercentage = msdyn_allowedunderdeliverypercentage
    DeliveryAddressCity = shipto_city
    DeliveryAddressStreet = shipto_line1
    DeliveryAddressStreetNumber = shipto_line2
    DeliveryAddressZipCode = shipto_postalcode
    DeliveryAddressStateId = shipto_stateorprovince
    DeliveryAddressCountryRegionISOCode = shipto_country
"""
# Names and reachability travel by the older map, written before parties had tables of their own.
CUSTOMER: Final = """
    CustomerAccount = accountnumber
    OrganizationName = name
    PrimaryContactEmail = emailaddress1
    PrimaryContactPhone = telephone1
    AddressStreet = address1_line1
    AddressCity = address1_city
    AddressState = address1_stateorprovince
    AddressZipCode = address1_postalcode
    AddressCountryRegionISOCode = address1_country
    CreditLimit = creditlimit
    SalesCurrencyCode = transactioncurrencyid.isocurrencycode
    SalesMemo = description
    CreditLimitIsMandatory = msdyn_creditlimitismandatory
    CreditRating = msdyn_creditrating
    CustomerGroupId = msdyn_customergroupid.msdyn_groupid
    IdentificationNumber = msdyn_identificationnumber
    InvoiceAccount = msdyn_billingaccount.accountnumber
    IsOneTimeCustomer = msdyn_onetimecustomer
    OnHoldStatus = msdyn_onholdstatus
    PaymentTerms = msdyn_paymentterm.msdyn_name
    TaxExemptNumber = msdyn_taxexemptnumber
    ContactPersonId = msdyn_primarycontact.msdyn_contactforpartynumber
"""
PRODUCT: Final = """
    ProductNumber > msdyn_productnumber
    ProductName > name
    ProductDescription > description
    ItemNumber > msdyn_itemnumber
    CurrencyCode > transactioncurrencyid.isocurrencycode
    SalesPrice > price
    UnitCost > currentcost
    SalesUnitSymbol > defaultuomid.msdyn_symbol
    SalesUnitDecimalPrecision > quantitydecimal
    IsStockedProduct > msdyn_isstockedproduct
    ProductColorId > msdyn_productcolor.msdyn_productcolorname
    ProductConfigurationId > msdyn_productconfiguration.msdyn_productconfiguration
    ProductSizeId > msdyn_productsize.msdyn_productsize
    ProductStyleId > msdyn_productstyle.msdyn_productstyle
"""
INVOICE: Final = """
    InvoiceNumber > msdyn_invoicenumber
    InvoiceNumber > invoicenumber
    InvoiceDate > msdyn_invoicedate
    LedgerVoucher > msdyn_ledgervoucher
    InvoiceCustomerAccountNumber > customerid.accountnumber
    CurrencyCode > transactioncurrencyid.isocurrencycode
    PaymentTermsName > msdyn_paymentterms.msdyn_name
    CustomersOrderReference > description
    InvoiceAddressCity > billto_city
    InvoiceAddressStreet > billto_line1
    InvoiceAddressState > billto_stateorprovince
    InvoiceAddressZipCode > billto_postalcode
    InvoiceAddressCountryRegionISOCode > billto_country
    TotalInvoiceAmount > msdyn_totalamount
    TotalInvoiceAmount > totalamount
    TotalTaxAmount > msdyn_totaltax
    TotalTaxAmount > totaltax
    TotalDiscountAmount > msdyn_totaldiscountamount
    TotalChargeAmount > freightamount
    ContactPersonId > msdyn_associatedcontact.msdyn_contactforpartynumber
"""
INVOICE_LINE: Final = """
    LineCreationSequenceNumber > sequencenumber
    InvoicedQuantity > quantity
    LineAmount > extendedamount
    LineAmount > baseamount
    LineTotalChargeAmount > msdyn_totalchargeamount
    LineTotalDiscountAmount > manualdiscountamount
    LineTotalTaxAmount > tax
    ProductName > description
    ProductNumber > productid.msdyn_productnumber
    SalesPrice > priceperunit
    SalesUnitSymbol > uomid.msdyn_symbol
    ConfirmedShippingDate > msdyn_confirmedshippingdate
    InventorySiteId > msdyn_inventorysite.msdyn_siteid
    InventoryWarehouseId > msdyn_inventorywarehouse.msdyn_warehouseidentifier
    CurrencyCode > transactioncurrencyid.isocurrencycode
"""


@dataclass(frozen=True, slots=True)
class Carried:
    """One line of a map: a column of either side, and for a lookup what its row is found by."""

    finops: str
    sign: Sign
    dataverse: str
    found_by: str | None


@dataclass(frozen=True)
class Map:
    """The columns that two entities have in common."""

    collection: str
    table: str
    columns: tuple[Carried, ...]

    def outward(self) -> Iterator[Carried]:
        """The columns that Dataverse writes to the ERP."""
        return (each for each in self.columns if each.sign == "=")

    def computed(self) -> Iterator[Carried]:
        return (each for each in self.columns if each.sign == ">!")


def _map(collection: str, table: str, text: str) -> Map:
    return Map(collection, table, tuple(_carried(line) for line in text.strip().splitlines()))


def _carried(line: str) -> Carried:
    finops, sign, dataverse = line.split()
    name, dot, found_by = dataverse.partition(".")
    column = f"_{name}_value" if dot else name
    return Carried(finops, sign, column, found_by or None)  # type: ignore[arg-type]  # ours


ORDERS: Final = _map("CDSSalesOrderHeaders", "salesorder", HEADER)
ORDER_LINES: Final = _map("CDSSalesOrderLines", "salesorderdetail", LINE)
CUSTOMERS: Final = _map("CustomersV3", "account", CUSTOMER)
PRODUCTS: Final = _map("CDSReleasedDistinctProducts", "product", PRODUCT)
INVOICES: Final = _map("SalesInvoiceHeadersV2", "invoice", INVOICE)
INVOICE_LINES: Final = _map("SalesInvoiceV2Lines", "invoicedetail", INVOICE_LINE)
