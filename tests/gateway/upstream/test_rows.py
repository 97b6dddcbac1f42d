"""Columns of many rows at once."""

from typing import Any

from gateway.upstream.answers import decoder
from gateway.upstream.rows import Checked


class Line(Checked):
    order: Any
    product: Any
    note: str


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
