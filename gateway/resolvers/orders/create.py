"""
New orders: check (pure) -> load through the row rules -> build (pure) -> send -> read back.
"""

from gateway.resolvers.orders import buyers, lookups
from gateway.resolvers.orders.attempts import new_attempt
from gateway.resolvers.orders.header_checks import checked
from gateway.resolvers.orders.input_rules import input_rules
from gateway.resolvers.orders.inputs import CreateSalesOrderInput
from gateway.resolvers.orders.payloads import CreateSalesOrderPayload, telling
from gateway.schema.context import Info


@telling(CreateSalesOrderPayload)
async def create(info: Info, sent: CreateSalesOrderInput) -> CreateSalesOrderPayload:
    context = info.context
    marked = await context.writer.begin("create")
    lines = checked(sent, input_rules(context))
    account = buyers.account_id(context, sent.account)
    attempt = new_attempt(
        info, CreateSalesOrderPayload, account, "createSalesOrder", sent, marked=marked
    )
    if earlier := await attempt.earlier():
        return earlier
    buyer, basket = await lookups.load(context, account, sent, lines)
    return await attempt.place(buyer, sent, basket)
