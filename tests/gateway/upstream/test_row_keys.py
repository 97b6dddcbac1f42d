"""Columns of many rows at once."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.pages import decoder
from gateway.upstream.row_keys import Checked, grouped, share, share_in_turns


class Line(Checked):
    order: Any
    product: Any
    note: str


texts = st.sampled_from(["", "a", "A", "\u00e9", "1", "1.0", "true"])
anything = texts | st.sampled_from([None, 0, 1, 1.5, True, False])
lines = st.lists(st.builds(Line, anything, texts, texts), min_size=1)


def told(rows: list[Line]) -> list[list[tuple[type, Any]]]:
    return [[(type(value), value) for value in (r.order, r.product, r.note)] for r in rows]


@given(lines)
def test_what_rows_say_stays_the_same(rows: list[Line]) -> None:
    before = told(rows)

    share(rows)

    assert told(rows) == before


@given(lines)
def test_sharing_in_turns_is_the_same(rows: list[Line]) -> None:
    before, alike = told(rows), [Line(row.order, row.product, row.note) for row in rows]

    asyncio.run(share_in_turns(rows))
    share(alike)

    assert told(rows) == before == told(alike)


def test_equal_texts_become_one() -> None:
    body = b'{"value":[%s]}' % b",".join(
        [b'{"order":"an order","product":"a product","note":"number %d"}' % n for n in range(9)]
    )
    rows = decoder(Line).decode(body).value
    assert len({id(row.order) for row in rows}) == len({id(row.product) for row in rows}) == 9

    share(rows)

    assert len({id(row.order) for row in rows}) == len({id(row.product) for row in rows}) == 1
    assert [row.note for row in rows] == [f"number {n}" for n in range(9)]


def test_equal_numbers_become_one() -> None:
    rows = (
        decoder(Line)
        .decode(
            b'{"value":[' + b",".join([b'{"order":12.50,"product":12.5,"note":""}'] * 9) + b"]}"
        )
        .value
    )

    assert len({id(row.order) for row in rows}) == 1
    assert str(rows[0].order) == "12.50"
    assert str(rows[0].product) == "12.5"


@given(st.lists(st.sampled_from(["a", "A", 1, None, [], ["a"], {}]), min_size=1))
def test_rows_are_grouped_whatever_stands_for_a_key(keys: list[Any]) -> None:
    rows = [{"key": key, "number": number} for number, key in enumerate(keys)]

    groups = grouped(rows, ("key",))

    assert sum(map(len, groups.values())) == len(rows)
    for (spelled,), group in groups.items():
        assert {str(row["key"]).casefold() for row in group} == {spelled}
