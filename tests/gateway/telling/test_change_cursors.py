"""Cursors of changes: each is read as it was written, and none that was altered is read at all."""

from math import ceil
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.principal import CallerContact, Kind, Principal
from gateway.errors import CursorExpired, InvalidCursor
from gateway.telling.change_cursors import ChangeCursors

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
CONTACTS = [CallerContact(UUID(int=n), f"{n}", None) for n in (1, 2)]
STAFF = Principal(Kind.STAFF, "issuer", "staff")
CALLERS = [
    Principal(Kind.CUSTOMER, "issuer", "one", contact=CONTACTS[0]),
    Principal(Kind.CUSTOMER, "issuer", "two", contact=CONTACTS[1]),
    Principal(Kind.CUSTOMER, "other", "one", contact=CONTACTS[0]),
    STAFF,
    *[Principal(Kind.CUSTOMER, "issuer", "staff", contact=c, viewer=STAFF) for c in CONTACTS],
]
callers = st.sampled_from(CALLERS)
places = st.integers(0, 2**63 - 1)
moments = st.floats(0, 4e9)
digests = st.text("0123456789abcdef", min_size=16, max_size=16)
rules = st.dictionaries(st.sampled_from(["SalesOrder", "SalesOrderLine", "Contact"]), digests)


def cursors(journal: str = "journal", key: bytes = KEY) -> ChangeCursors:
    return ChangeCursors(key, lambda: journal)


@given(places, moments, callers, rules)
def test_a_cursor_is_read_as_it_was_written_by_its_caller_alone(
    place: int, at: float, caller: Principal, of: dict[str, str]
) -> None:
    text = cursors().written(place, at, caller, of)

    found = cursors().read(text, caller)
    assert (int(found.place), found.at, found.rules) == (place, ceil(at), of)
    for other in CALLERS:
        if other is not caller:
            with pytest.raises(InvalidCursor):
                cursors().read(text, other)
    with pytest.raises(InvalidCursor):
        cursors(key=OTHER_KEY).read(text, caller)
    with pytest.raises(CursorExpired):
        cursors("another").read(text, caller)


@given(places, places, moments, rules)
def test_the_length_tells_nothing_of_the_place(
    one: int, other: int, at: float, of: dict[str, str]
) -> None:
    first, second = (cursors().written(each, at, CALLERS[0], of) for each in (one, other))

    assert len(first) == len(second)


@given(st.data())
def test_no_altered_text_is_a_cursor(data: Any) -> None:
    text = cursors().written(7, 1e9, CALLERS[0], {"SalesOrder": "0" * 16})
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    altered = text[:start] + data.draw(st.text(max_size=40)) + text[end:]

    if altered != text:
        with pytest.raises(InvalidCursor):
            cursors().read(altered, CALLERS[0])
