"""
The buyer of an order: account, contact, address of delivery, defaults and terms.

The defaults are those that Microsoft's customer portal takes from the signed-in contact; what the
contact lacks its account provides.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import strawberry

from gateway.errors import NotAvailableHere
from gateway.model.tables import column_of, paths
from gateway.resolvers.orders.deal import Deal
from gateway.resolvers.orders.input_checks import day_mistakes, key_if_named, key_of, plain, today
from gateway.resolvers.orders.inputs import PreviewSalesOrderInput
from gateway.resolvers.orders.order_facts import currency_of
from gateway.resolvers.orders.user_errors import (
    AccountNotFound,
    AddressNotFound,
    ContactNotFound,
    Errors,
    MissingDefault,
    Wrong,
    invalid,
)
from gateway.schema.business.accounts import Account, AccountAddress, ActiveState, Contact
from gateway.schema.business.sales import SalesOrder
from gateway.schema.business.values import Address
from gateway.schema.context import Context
from gateway.schema.hidden_columns import unveiled
from gateway.schema.identities import ContactForParty
from gateway.upstream.conditions import All, Compare, same, value_at
from gateway.upstream.odata import ODataQuery
from gateway.upstream.row_keys import Key

BUYER = ("_id", "_company_id", "_currency_id", "_price_list_id", "_country", "_language")
BUYS, ORDERS = (column_of(SalesOrder, name) for name in ("account", "contact"))
PARENT = column_of(Contact, "account")
"""The account that a contact acts for."""
CONTACT_COMPANY = column_of(Contact, "_company")
"""The legal entity of a contact."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """The buyer of a new order, with the defaults of contact and account."""

    account: Account
    contact: Contact | None
    delivery: Address | None = None
    """The address of delivery, if the order names one of the account's by its id."""

    is_self: bool = True
    """True if the contact is the caller; otherwise the contact's own prices do not apply."""
    sold_by: str | None = None
    """The code of the company that sells to the account."""
    party: UUID | None = None
    """The contact's place at the account in the party model, where that is used."""
    language: int | None = None
    """The option of the language in which the ERP writes about the order."""

    @property
    def company(self) -> str | None:
        """The code of the legal entity that the order is of."""
        if self.sold_by is not None or self.contact is None:
            return self.sold_by
        code = value_at(self.contact.raw, CONTACT_COMPANY)
        return str(code).lower() if code else None

    @property
    def defaults(self) -> dict[str, UUID | str | None]:
        """
        By the name that a MissingDefault has. A contact's own come first at its parent account,
        and after those of any other, as in `Principal.terms_of`.
        """
        contact, account = self.contact, self.account
        sides: list[Account | Contact] = [account]
        if contact is not None:
            sides.insert(0 if same(contact.raw[PARENT], account._id) else 1, contact)
        terms = sides if self.is_self else [account]
        return {
            "COMPANY": account._company_id or (contact._company_id if contact else None),
            "CURRENCY": next((side._currency_id for side in terms if side._currency_id), None),
            "PRICE_LIST": next((s._price_list_id for s in terms if s._price_list_id), None),
            "SHIP_TO_COUNTRY": next((side._country for side in sides if side._country), None),
        }


def account_id(context: Context, sent: strawberry.ID | None) -> UUID:
    """The account that the caller orders for; Wrong for one that is not the caller's."""
    mine = [account.id for account in context.principal.accounts]
    if sent is not None:
        return own_account(context, UUID(str(key_of(Account, sent, "account")[0])), "account")
    if len(mine) != 1:
        raise Wrong(invalid("account is required, because you can order for several.", "account"))
    return mine[0]


def own_account(context: Context, account: UUID, *path: str) -> UUID:
    """`account` if the caller may order for it; Wrong otherwise."""
    if account not in [mine.id for mine in context.principal.accounts]:
        raise _no_account(*path)
    return account


async def buyer(context: Context, account: UUID, order: PreviewSalesOrderInput) -> Buyer:
    """The account that buys and the contact that orders."""
    named = key_if_named(Contact, order.contact, "contact")
    address = key_if_named(AccountAddress, order.ship_to_address, "shipToAddress")
    context = unveiled(context)
    select = paths(Account, *BUYER, "number", "address")
    found = await context.loaders.node(Account, (account,), select)
    if found is None:
        raise _no_account("account")
    contact = await _contact(context, account, named)
    ordering = {BUYS: str(account), ORDERS: str(contact._id) if contact else None}
    context.loaders.reader.demand(SalesOrder.__table__, ordering, "create", seen=False)
    me, held = context.principal.contact, context.principal.held(account)
    return Buyer(
        found,
        contact,
        await delivery(context, account, address),
        is_self=contact is None or (me is not None and me.id == contact._id),
        sold_by=held.company if held else None,
        party=await _party(context, account, contact),
        language=(contact and contact._language) or found._language or context.language,
    )


async def _party(context: Context, account: UUID, contact: Contact | None) -> UUID | None:
    """The contact's place at the account in the party model; None where that is not used."""
    table = ContactForParty.__table__
    if contact is None or not context.loaders.reader.has(table, *table.key):
        return None
    of_both = All(
        (
            Compare(table.scalar_of("contact"), "eq", contact._id),
            Compare(table.scalar_of("account"), "eq", account),
        )
    )
    query = ODataQuery(table.entity, tuple(paths(ContactForParty)), of_both)
    try:
        found = map(ContactForParty, await context.writer.facts(query))
    except NotAvailableHere:
        return None
    return next((each.id for each in found if each.state is ActiveState.ACTIVE), None)


async def deal(context: Context, buyer: Buyer, order: PreviewSalesOrderInput) -> Deal:
    """On what terms a new order is; Wrong where some are missing: they decide all the rest."""
    if errors := missing(buyer, order):
        raise Wrong(*errors)
    terms = buyer.defaults
    price_list, currency = terms["PRICE_LIST"], terms["CURRENCY"]
    return Deal(
        account=buyer.account._id,
        number=buyer.account.number,
        company=buyer.company,
        price_list=price_list if isinstance(price_list, UUID) else None,
        currency=await currency_of(context, currency) if isinstance(currency, UUID) else None,
    )


def missing(buyer: Buyer, order: PreviewSalesOrderInput, *, but: Collection[str] = ()) -> Errors:
    """The defaults that neither contact nor account has, `but` those that are said otherwise."""
    named = order.ship_to or buyer.delivery
    return [
        MissingDefault(
            message=f"The account has no {name.lower().replace('_', ' ')}; ask the seller.",
            path=["input"],
            default=name,
        )
        for name, value in buyer.defaults.items()
        if value is None
        and name not in but
        and not (name == "SHIP_TO_COUNTRY" and named and plain(named.country))
    ]


def faults(context: Context, buyer: Buyer, order: PreviewSalesOrderInput) -> Errors:
    """The mistakes in a new order's header: an address that is not the account's, past days."""
    passed = day_mistakes(order, today(context.writer.writes.clock()))
    if order.ship_to_address is not None and buyer.delivery is None:
        return [address_not_found(), *passed]
    return passed


def address_not_found() -> AddressNotFound:
    said = "shipToAddress is not an address of the account; see its addresses."
    return AddressNotFound(message=said, path=["input", "shipToAddress"])


async def delivery(context: Context, account: UUID, key: Key | None) -> Address | None:
    """The address of this key, if it is one of the account's and says anything."""
    if key is None:
        return None
    select = paths(AccountAddress, "address", "account")
    found = await unveiled(context).loaders.node(AccountAddress, key, select)
    if found is None or UUID(found.raw[column_of(AccountAddress, "account")]) != account:
        return None
    address: Address | None = found.address
    return address


async def _contact(context: Context, account: UUID, named: Key | None) -> Contact | None:
    """The contact that an order names, or the caller; Wrong for one who is not of the account."""
    person = context.principal.contact
    key = (person.id,) if named is None and person is not None else named
    if key is None:
        return None
    select = paths(Contact, *BUYER, "account", "state") | {CONTACT_COMPANY}
    found = await context.loaders.node(Contact, key, select)
    if named is not None and (found is None or not _orders_for(found, account)):
        said = "There is no such contact."
        raise Wrong(ContactNotFound(message=said, path=["input", "contact"]))
    return found


def _orders_for(contact: Contact, account: UUID) -> bool:
    """True if the contact is active and of this account."""
    is_active = contact.state is ActiveState.ACTIVE
    return is_active and same(value_at(contact.raw, column_of(Contact, "account")), account)


def _no_account(*path: str) -> Wrong:
    return Wrong(AccountNotFound(message="There is no such account.", path=["input", *path]))
