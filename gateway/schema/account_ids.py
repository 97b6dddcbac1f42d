"""Ids of accounts and contacts, as requests name them -> the keys of their rows."""

from uuid import UUID

from gateway.errors import InvalidInput
from gateway.schema import ids
from gateway.schema.business.accounts import Account, Contact


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
