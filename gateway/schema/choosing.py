"""The account that a caller of several chooses -> the condition that a list is narrowed by."""

from dataclasses import replace
from uuid import UUID

from gateway.auth import principal
from gateway.auth.principal import Access
from gateway.errors import NotFound
from gateway.model.tables import Table, paths
from gateway.schema.business.accounts import Account
from gateway.schema.context import Context
from gateway.schema.hidden_columns import unveiled
from gateway.upstream.conditions import Condition


async def of_account(context: Context, table: Table, key: UUID) -> Condition:
    """
    The rows of `table` that belong to one account; it comes on top of the row rule.

    NotFound for an account that is not there, or not the caller's: never told apart.
    """
    caller = context.principal
    chosen = caller.held(key)
    if chosen is None and caller.access("account") is Access.ALL:
        chosen = await _any(context, key)
    if chosen is None:
        raise NotFound("There is no such account.", argument="account")
    confined = replace(caller, accounts=(chosen,), children=())
    return table.rule.condition(confined, Access.ACCOUNT)


async def _any(context: Context, key: UUID) -> principal.CallerAccount | None:
    """An account as staff read it."""
    select = paths(Account, "number", "company")
    row = await unveiled(context).loaders.node(Account, (key,), select)
    if row is None:
        return None
    return principal.CallerAccount(key, row.number, row.company and row.company.lower())
