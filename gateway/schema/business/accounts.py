"""Customers: the accounts that buy, and the people who act for them."""

from datetime import datetime
from uuid import UUID

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.kinds import OptionSet, option, unknown
from gateway.model.rules import owned, people
from gateway.model.tables import Node, column, computed, link, lookup, table
from gateway.schema.business import languages
from gateway.schema.business.values import Address, Money, address, money
from gateway.upstream.names import lookup_value


@strawberry.enum(description="The kinds of business with an account that are stopped.")
class HoldStatus(OptionSet):
    """The holds of an account: the values of `msdyn_onholdstatus`."""

    NONE = option(806380000, "Nothing is stopped.")
    INVOICE = option(806380001, "Invoicing is stopped.")
    ALL = option(806380002, "Everything is stopped.")
    PAYMENT = option(806380003, "Payments are stopped.")
    REQUISITION = option(806380004, "Requisitions are stopped.")
    NEVER = option(806380005, "The account is never put on hold.")
    UNKNOWN = unknown()


@strawberry.enum(description="The state of a row: only an active one is in use.")
class ActiveState(OptionSet):
    """The states of accounts and contacts: the values of `statecode`."""

    ACTIVE = option(0, "In use.")
    INACTIVE = option(1, "Deactivated.")
    UNKNOWN = unknown()


@table(
    "account",
    key="accountid",
    essential=True,
    rows=owned(account="accountid"),
    needs="account",
    order="name",
    root=("account", "accounts"),
)
class Account(Node):
    """A customer account: a company that buys."""

    number: str | None = column("accountnumber", "The account number in the ERP.")
    name: str = column("name", "The name of the company.")
    company: str | None = column(
        "msdyn_company/cdm_companycode", "The code of the legal entity that sells to the account."
    )
    state: ActiveState | None = column(
        "statecode", "The state of the account: only an active one is in use."
    )
    email: str | None = column("emailaddress1", "The company's e-mail address.")
    phone: str | None = column("telephone1", "The company's telephone number.")
    website: str | None = column("websiteurl", "The company's web site.")
    address: Address | None = address("address1_", "The company's main address.")
    currency: str | None = column(
        "transactioncurrencyid/isocurrencycode", "The ISO code of the currency it buys in."
    )
    payment_terms: str | None = column(
        "msdyn_paymentterm/msdyn_description", "The terms of payment, in words."
    )
    credit_limit: Money | None = money(
        "creditlimit", "The credit limit: the amount that may be owed."
    )
    credit_limit_is_mandatory: bool | None = column(
        "msdyn_creditlimitismandatory", "True if orders above the credit limit are refused."
    )
    hold_status: HoldStatus | None = column(
        "msdyn_onholdstatus", "The business that is stopped for the account, if any."
    )
    parent: "Account | None" = link(
        "parentaccountid",
        "The account that this one belongs to; null if it is not yours to see.",
        back="children",
        back_doc="The accounts that belong to this one, as far as they are yours to see.",
    )

    _company_id: UUID | None = lookup("msdyn_company", "The legal entity.")
    _price_list_id: UUID | None = lookup("defaultpricelevelid", "The price list.")
    _currency_id: UUID | None = lookup("transactioncurrencyid", "The currency.")
    _country: str | None = column("address1_country", "The country of the main address.")
    _language: int | None = column("msdyn_language", "The language in which it is written to.")
    _id: UUID = column("accountid", "The key.")


@strawberry.enum(description="The purpose of an address.")
class AddressPurpose(OptionSet):
    """The purposes of an address: the values of `addresstypecode`."""

    BILL_TO = option(1, "Invoices go there.")
    SHIP_TO = option(2, "Goods go there.")
    PRIMARY = option(3, "The company's main address.")
    OTHER = option(4, "Something else.")
    UNKNOWN = unknown()


_EMBEDDED = "parentid_account/address1_addressid", "parentid_account/address2_addressid"
"""The addresses that Dataverse keeps in the row of the account as well."""


@table(
    "customeraddress",
    key="customeraddressid",
    rows=owned(account=lookup_value("parentid")),
    needs="account",
    order="number",
)
class AccountAddress(Node):
    """An address of an account; an order can be sent there by its id."""

    number: int | None = column("addressnumber", "Its place among the account's addresses.")
    purpose: AddressPurpose | None = column(
        "addresstypecode", "The purpose of the address.", written="create"
    )
    address: Address | None = address("", "The address itself.", written="always")
    account: Account | None = link(
        "parentid",
        "The account that the address is of.",
        polymorphic=True,
        back="addresses",
        back_doc="The addresses of the account, to which its orders can be sent.",
        written="create",
    )

    _id: UUID = column("customeraddressid", "The key.")
    _first: UUID | None = column(_EMBEDDED[0], "The address that the account's row has itself.")
    _second: UUID | None = column(_EMBEDDED[1], "The other one that the account's row has.")

    @computed(
        "customeraddressid",
        "addresstypecode",
        *_EMBEDDED,
        doc="True if it is a delivery address beside those of the account's own row, which alone "
        "can be changed and removed by those whose role allows it.",
    )
    def is_editable(self, loaders: Loaders) -> bool | None:
        own = self._id in (self._first, self._second)
        return self.purpose is AddressPurpose.SHIP_TO and not own


@table(
    "contact",
    key="contactid",
    essential=True,
    rows=people(contact="contactid", account=lookup_value("parentcustomerid")),
    needs="contacts",
    order=("last_name", "first_name"),
    root=("contact", "contacts"),
)
class Contact(Node):
    """A person who acts for an account."""

    name: str | None = column("fullname", "First and last name.")
    first_name: str | None = column("firstname", "The first name.", written="create")
    last_name: str | None = column("lastname", "The last name.", written="create")
    email: str | None = column("emailaddress1", "The e-mail address.", written="create")
    phone: str | None = column("telephone1", "The telephone number.", written="create")
    mobile_phone: str | None = column("mobilephone", "The mobile telephone number.")
    job_title: str | None = column("jobtitle", "The person's job title.", written="create")
    do_not_email: bool | None = column(
        "donotemail", "True if the person wants no e-mail.", written="update"
    )
    state: ActiveState | None = column(
        "statecode", "The state of the contact: only an active one is in use.", written="update"
    )
    account: Account | None = link(
        "parentcustomerid",
        "The account that the person acts for.",
        polymorphic=True,
        back="contacts",
        back_doc="The people who act for the account.",
        written="create",
    )

    _id: UUID = column("contactid", "The key.")
    _company: str | None = column("msdyn_company/cdm_companycode", "The code of the legal entity.")
    _master: UUID | None = lookup("masterid", "The contact that this one was merged into.")
    _company_id: UUID | None = lookup(
        "msdyn_company", "The legal entity.", written="create", to="cdm_company"
    )
    _price_list_id: UUID | None = lookup("defaultpricelevelid", "The price list.")
    _currency_id: UUID | None = lookup("transactioncurrencyid", "The currency.")
    _country: str | None = column("address1_country", "The country of the main address.")
    _language: int | None = column(
        "msdyn_language", "The language in which they are written to.", written="create"
    )
    _version: int | None = column("versionnumber", "The version.")
    _created_at: datetime | None = column("createdon", "The time at which the row was made.")

    @computed("msdyn_language", doc="The language in which the person is written to, as `en-us`.")
    def language(self, loaders: Loaders) -> str | None:
        return languages.name(self._language)
