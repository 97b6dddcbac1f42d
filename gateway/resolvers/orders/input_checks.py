"""Days and ids as callers send them, and what is wrong with them by themselves. Pure."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import strawberry
from strawberry.utils.str_converters import to_camel_case

from gateway.errors import InvalidInput
from gateway.model.tables import Row
from gateway.resolvers.orders.user_errors import Errors, Wrong, invalid
from gateway.schema import ids
from gateway.upstream.row_keys import Key

LAST_PLACE = timedelta(hours=-12)
"""The offset of the zone in which a day ends last: only then has it passed for everybody."""
LATEST = date(2154, 12, 31)
"""The last day that the ERP knows."""
DAYS = ("requested_shipping_date", "requested_receipt_date")
T = TypeVar("T")


def given(value: T) -> T | None:
    """The value; None for one that is left out."""
    return None if value is strawberry.UNSET else value


def plain(value: T) -> T | None:
    """Like `given`, with None for a blank text."""
    return None if isinstance(value, str) and not value.strip() else given(value)


def folded(key: str) -> str:
    """A key as Dynamics compares it: without regard to case and to blanks behind it."""
    return key.casefold().rstrip(" ")


def is_said(sent: object, name: str) -> bool:
    """True if the input has this member, be it null."""
    return getattr(sent, name, strawberry.UNSET) is not strawberry.UNSET


def today(clock: float) -> date:
    """The day of `clock` (epoch) where it is earliest; whatever is before it is past everywhere."""
    return (datetime.fromtimestamp(clock, UTC) + LAST_PLACE).date()


def day_mistakes(sent: object, today: date, *path: str, but: Collection[str] = ()) -> Errors:
    """The days of an input that have passed, or are none of the ERP's, `but` members that stay."""
    days = {name: plain(getattr(sent, name, None)) for name in DAYS if name not in but}
    return [
        invalid(_said(value, today), *path, to_camel_case(name))
        for name, value in days.items()
        if value is not None and not today <= value <= LATEST
    ]


def _said(value: date, today: date) -> str:
    return (
        "The day has passed; choose a later one."
        if value < today
        else f"{LATEST} is the last possible day."
    )


def key_of(table: type[Row], sent: strawberry.ID, *path: str) -> Key:
    """The key in a global id; Wrong where it is none of this table's."""
    try:
        return ids.key(table.__table__, sent)
    except InvalidInput as error:
        raise Wrong(invalid(error.message, *path)) from None


def key_if_named(table: type[Row], sent: strawberry.ID | None, *path: str) -> Key | None:
    """As `key_of`, for an id that may be left out."""
    return None if sent is None else key_of(table, sent, *path)


def is_id(table: type[Row], sent: strawberry.ID) -> bool:
    """True if it is a global id of this table."""
    try:
        key_of(table, sent)
    except Wrong:
        return False
    return True
