"""
The account that a caller of several chooses -> the condition that a list is narrowed by; and the
contact with whose eyes staff look.
"""

from dataclasses import replace
from uuid import UUID

from gateway.auth import principal
from gateway.auth.principal import Access
from gateway.errors import InvalidInput, NotFound
from gateway.model.tables import Table, paths
from gateway.schema import ids
from gateway.schema.business.accounts import Account, Contact
from gateway.schema.context import Context
from gateway.schema.hidden_columns import unveiled
from gateway.upstream.conditions import Condition


def account_id(text: str) -> UUID:
    """The key in an account's global id; InvalidInput for anything else."""
    (key,) = ids.key(Account.__table__, text)
    return UUID(str(key))


def contact_name(text: str) -> str:
    """The key in a contact's global id; any other text as it is, a key or an e-mail address."""
    try:
        (key,) = ids.key(Contact.__table__, text)
    except InvalidInput:
        return text
    return str(key)


async def of_account(context: Context, table: Table, text: str) -> Condition:
    """
    The rows of `table` that belong to one account; it comes on top of the row rule.

    NotFound for an account that is not there, or not the caller's: never told apart.
    """
    caller = context.principal
    key = account_id(text)
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
