"""
The address book of an account: delivery addresses that callers keep, change and remove.

They are rows of Dataverse's `customeraddresses`. Orders copy an address when they are placed, so
nothing of an order changes with it.
"""

from typing import Final
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gateway.auth.principal import CallerAccount
from gateway.errors import InvalidInput, NotFound
from gateway.resolvers.orders.input_checks import plain
from gateway.resolvers.orders.input_rules import EMPTY, OF_ADDRESS, InputRules
from gateway.resolvers.orders.inputs import AddressInput
from gateway.resolvers.own_rows import create, find, remove, update
from gateway.schema import ids
from gateway.schema.business.accounts import Account, AccountAddress, AddressPurpose
from gateway.schema.business.values import Address
from gateway.schema.context import Context, Info

NEEDED: Final = ("street", "city", "country")
"""The parts without which the seller's people cannot keep an address either."""
NEEDS: Final = AccountAddress.__table__.needs


@strawberry.input(description="A delivery address to keep.")
class CreateAccountAddressInput:
    """An address and the account that it is kept for."""

    address: AddressInput = strawberry.field(description="The address; it needs a country.")
    account: strawberry.ID | None = strawberry.field(
        default=None, description="The account; yours, if you act for one alone."
    )
    idempotency_key: str = strawberry.field(
        description="A text of your own, at most 100 characters: the same key and address are "
        "kept once."
    )


@strawberry.input(description="A delivery address that is kept, and what becomes of it.")
class UpdateAccountAddressInput:
    """The whole address as it is to be."""

    id: strawberry.ID = strawberry.field(description="The id of the address.")
    address: AddressInput = strawberry.field(description="The address; it needs a country.")


@strawberry.input(description="A delivery address to remove.")
class RemoveAccountAddressInput:
    """One of those that are kept."""

    id: strawberry.ID = strawberry.field(description="The id of the address.")


async def keep(info: Info, sent: CreateAccountAddressInput) -> AccountAddress | None:
    info.context.principal.access(NEEDS, "create")
    return await create(
        info,
        AccountAddress,
        key=sent.idempotency_key,
        account=account_for(info.context, sent.account).id,
        purpose=AddressPurpose.SHIP_TO,
        address=_checked(info.context, sent.address),
    )


async def change(info: Info, sent: UpdateAccountAddressInput) -> AccountAddress | None:
    info.context.principal.access(NEEDS, "update")
    made = _checked(info.context, sent.address)
    return await update(info, await _editable(info, sent.id), address=made)


async def discard(info: Info, sent: RemoveAccountAddressInput) -> AccountAddress:
    """The address as it was."""
    info.context.principal.access(NEEDS, "delete")
    found = await _editable(info, sent.id)
    await remove(info, found)
    return found


def account_for(context: Context, sent: strawberry.ID | None) -> CallerAccount:
    """The account of something that is made: the one that is named, or the caller's only one."""
    mine = context.principal.accounts
    if sent is not None:
        named = UUID(str(ids.key(Account.__table__, sent)[0]))
        found = next((each for each in mine if each.id == named), None)
        if found is None:
            raise NotFound("There is no such account.", argument="account")
        return found
    if len(mine) != 1:
        raise InvalidInput(
            "account is required, because you do not act for exactly one.", argument="account"
        )
    return mine[0]


def _checked(context: Context, sent: AddressInput) -> Address:
    for name in NEEDED:
        if plain(getattr(sent, name)) is None:
            raise InvalidInput(f"{name} {EMPTY}", argument=to_camel_case(name))
    rules = InputRules(context.principal, context.writer.names, is_quoted=True)
    for wrong in rules.text_mistakes(sent):
        raise InvalidInput(wrong.message, argument=wrong.path[-1])
    return Address(**{name: plain(getattr(sent, name)) for name in OF_ADDRESS})


async def _editable(info: Info, id: strawberry.ID) -> AccountAddress:
    found = await find(info, AccountAddress, id)
    if not found.is_editable(info.context.loaders):
        raise InvalidInput("This address is the seller's to change.", argument="id")
    return found
