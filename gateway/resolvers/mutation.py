"""Everything that callers can change; one line a mutation."""

from typing import Annotated

import strawberry

from gateway.resolvers import colleague_access, colleagues, own_addresses
from gateway.resolvers.colleague_access import (
    RemoveColleagueInput,
    RemoveColleaguePayload,
    RestoreColleagueInput,
)
from gateway.resolvers.colleagues import InviteColleagueInput
from gateway.resolvers.orders import (
    accept_quote,
    amend,
    create,
    import_lines,
    preview,
    reorder,
    request_quote,
)
from gateway.resolvers.orders.inputs import (
    AcceptQuoteInput,
    AddSalesOrderLinesInput,
    CancelSalesOrderInput,
    CreateSalesOrderInput,
    ImportSalesOrderLinesInput,
    PreviewSalesOrderInput,
    RemoveSalesOrderLineInput,
    ReorderInput,
    RequestQuoteInput,
    UpdateSalesOrderInput,
    UpdateSalesOrderLineInput,
)
from gateway.resolvers.orders.payloads import (
    AcceptQuotePayload,
    AddSalesOrderLinesPayload,
    CancelSalesOrderPayload,
    CreateSalesOrderPayload,
    ImportSalesOrderLinesPayload,
    PreviewSalesOrderPayload,
    RemoveSalesOrderLinePayload,
    ReorderPayload,
    RequestQuotePayload,
    UpdateSalesOrderLinePayload,
    UpdateSalesOrderPayload,
)
from gateway.resolvers.own_addresses import (
    CreateAccountAddressInput,
    RemoveAccountAddressInput,
    UpdateAccountAddressInput,
)
from gateway.resolvers.own_contact import changed_contact
from gateway.schema.business.accounts import AccountAddress, Contact
from gateway.schema.context import Info


@strawberry.type(description="Everything that can be changed.")
class Mutation:
    """The root type of mutations; each has its work in a module of `gateway/resolvers`."""

    @strawberry.mutation(
        description="Place a sales order: all of it, or nothing. The same idempotency key gives "
        "back the order that it made before."
    )
    async def create_sales_order(
        self, info: Info, input: CreateSalesOrderInput
    ) -> CreateSalesOrderPayload | None:
        return await create.create(info, input)

    @strawberry.mutation(
        description="The price and availability of an order, after the checks that "
        "placing it makes. Writes nothing."
    )
    async def preview_sales_order(
        self, info: Info, input: PreviewSalesOrderInput
    ) -> PreviewSalesOrderPayload | None:
        return await preview.preview(info, input)

    @strawberry.mutation(description="Place an order with the lines of an earlier one.")
    async def reorder(self, info: Info, input: ReorderInput) -> ReorderPayload | None:
        return await reorder.reorder(info, input)

    @strawberry.mutation(
        description="Ask for a quote: a draft of its lines, whose prices are the seller's to say. "
        "The same idempotency key asks once."
    )
    async def request_quote(
        self, info: Info, input: RequestQuoteInput
    ) -> RequestQuotePayload | None:
        return await request_quote.request(info, input)

    @strawberry.mutation(
        description="Accept a quote: place the one order of its lines, at its prices, and close "
        "it as won. Sent again, it gives back that order."
    )
    async def accept_quote(self, info: Info, input: AcceptQuoteInput) -> AcceptQuotePayload | None:
        return await accept_quote.accept(info, input)

    @strawberry.mutation(description="Change the header of an order that nobody has picked yet.")
    async def update_sales_order(
        self, info: Info, input: UpdateSalesOrderInput
    ) -> UpdateSalesOrderPayload | None:
        return await amend.update(info, input)

    @strawberry.mutation(description="Add lines to an order: all of them, or none.")
    async def add_sales_order_lines(
        self, info: Info, input: AddSalesOrderLinesInput
    ) -> AddSalesOrderLinesPayload | None:
        return await amend.add_lines(info, input)

    @strawberry.mutation(
        description="Add lines to an order from CSV text: all of them, or none if any is wrong."
    )
    async def import_sales_order_lines(
        self, info: Info, input: ImportSalesOrderLinesInput
    ) -> ImportSalesOrderLinesPayload | None:
        return await import_lines.import_lines(info, input)

    @strawberry.mutation(description="Change one line of an order.")
    async def update_sales_order_line(
        self, info: Info, input: UpdateSalesOrderLineInput
    ) -> UpdateSalesOrderLinePayload | None:
        return await amend.update_line(info, input)

    @strawberry.mutation(description="Remove one line of an order, but not the last.")
    async def remove_sales_order_line(
        self, info: Info, input: RemoveSalesOrderLineInput
    ) -> RemoveSalesOrderLinePayload | None:
        return await amend.remove_line(info, input)

    @strawberry.mutation(
        description="Cancel an order that nobody has picked yet. The ERP has the last word."
    )
    async def cancel_sales_order(
        self, info: Info, input: CancelSalesOrderInput
    ) -> CancelSalesOrderPayload | None:
        return await amend.cancel(info, input)

    @strawberry.mutation(
        description="Keep a delivery address for an account. The same idempotency key and address "
        "are kept once. Needs the privilege to create of `account`, which no shipped role has."
    )
    async def create_account_address(
        self, info: Info, input: CreateAccountAddressInput
    ) -> AccountAddress | None:
        return await own_addresses.keep(info, input)

    @strawberry.mutation(
        description="Change a delivery address that `isEditable`. Orders that went there keep it."
    )
    async def update_account_address(
        self, info: Info, input: UpdateAccountAddressInput
    ) -> AccountAddress | None:
        return await own_addresses.change(info, input)

    @strawberry.mutation(
        description="Remove a delivery address that `isEditable`, and return it as it was."
    )
    async def remove_account_address(
        self, info: Info, input: RemoveAccountAddressInput
    ) -> AccountAddress | None:
        return await own_addresses.discard(info, input)

    @strawberry.mutation(
        description="Give a colleague access to an account of yours. The same address is invited "
        "once. Needs the privilege to create of `contacts`, which no shipped role has."
    )
    async def invite_colleague(self, info: Info, input: InviteColleagueInput) -> Contact | None:
        return await colleagues.invite(info, input)

    @strawberry.mutation(
        description="Take the access of a colleague away: the contact is deactivated. Needs the "
        "privilege to delete of `contacts`, which no shipped role has."
    )
    async def remove_colleague(
        self, info: Info, input: RemoveColleagueInput
    ) -> RemoveColleaguePayload | None:
        return await colleague_access.remove(info, input)

    @strawberry.mutation(description="Give back, within 15 minutes, the access that you took away.")
    async def restore_colleague(self, info: Info, input: RestoreColleagueInput) -> Contact | None:
        return await colleague_access.restore(info, input)

    @strawberry.mutation(description="Change your own contact.")
    async def update_own_contact(
        self,
        info: Info,
        *,
        do_not_email: Annotated[
            bool, strawberry.argument(description="True if you want no e-mail.")
        ],
    ) -> Contact | None:
        return await changed_contact(info, do_not_email=do_not_email)
