"""The rows below the lines add up, and edits of a form are only what was typed."""

from decimal import Decimal
from typing import Any

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from portal.edits import changes, edited, mistakes, remaining, unmet
from portal.figures import figures, negative
from portal.language import languages
from portal.lists import all_of, any_of, during
from portal.lists import mistakes as search_mistakes

(ENGLISH,) = languages([Locale("en")], [], "America/Los_Angeles")
AMOUNTS = st.decimals(min_value=-1_000_000, max_value=1_000_000, places=2)


def euros(amount: Decimal) -> dict[str, str]:
    return {"amount": str(amount), "currency": "EUR"}


@given(AMOUNTS, st.none() | AMOUNTS, st.none() | AMOUNTS, st.none() | AMOUNTS)
def test_the_rows_from_subtotal_on_add_up_to_the_total(
    total: Decimal, discount: Decimal | None, freight: Decimal | None, tax: Decimal | None
) -> None:
    parts = {"discount": discount, "freight": freight, "tax": tax}
    document: dict[str, Any] = {name: value and euros(value) for name, value in parts.items()}

    rows = figures({**document, "total": euros(total)})

    assert rows[0].name == "Subtotal"
    assert sum(Decimal(row.money["amount"] or 0) for row in rows) == total
    assert all(Decimal(row.money["amount"] or 0) for row in rows[1:])


def test_nothing_is_worked_out_of_a_total_that_is_not_known() -> None:
    assert figures({"total": None, "tax": euros(Decimal(1))}) == []
    assert negative(euros(Decimal("0.00"))) is None


FORM = {
    "was-reference": "PO 1",
    "reference": "PO 1",
    "was-receipt_date": "2020-01-01",
    "receipt_date": "2020-01-01",
    "was-quantity-a": "2",
    "quantity-a": "2",
    "number": "",
    "quantity": "",
}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({}, {}),
        ({"reference": " PO 1 "}, {}),
        ({"reference": "po 1"}, {"reference": "po 1"}),
        ({"reference": ""}, {"reference": ""}),
        ({"was-reference": "PO\r\n 1", "reference": "PO 1"}, {}),
        ({"quantity-a": "3"}, {"quantity-a": "3"}),
        ({"remove-a": "yes"}, {"remove-a": "yes"}),
        ({"number": "D1"}, {"number": "D1"}),
    ],
)
def test_only_what_was_typed_is_an_edit(typed: dict[str, str], found: dict[str, str]) -> None:
    assert edited(FORM | typed) == found


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"receipt_date": "2020-01-02"}, {"receipt_date"}),
        ({"receipt_date": "24.12.2126"}, {"receipt_date"}),
        ({"receipt_date": ""}, set()),
        ({"receipt_date": "2126-12-24"}, set()),
        ({"reference": "x" * 61}, {"reference"}),
        ({"quantity-a": "none"}, {"quantity-a"}),
        ({"quantity-a": "none", "remove-a": "yes"}, set()),
        ({"number": "D1"}, {"quantity"}),
        ({"quantity": "1"}, {"number"}),
    ],
)
def test_what_cannot_be_sent_as_it_was_typed_is_named(
    typed: dict[str, str], wrong: set[str]
) -> None:
    assert mistakes(edited(FORM | typed), ENGLISH).keys() == wrong


def test_changes_are_made_header_first_and_removals_last() -> None:
    typed = {
        "reference": "",
        "receipt_date": "",
        "quantity-a": "1,000.5",
        "quantity-b": "3",
        "remove-b": "yes",
        "number": "D1",
        "quantity": "2",
    }

    found = changes(typed, ENGLISH, "key", product="p1")

    assert [(one.operation, dict(one.values)) for one in found] == [
        ("Update", {"customerReference": "", "requestedReceiptDate": None}),
        ("UpdateLine", {"line": "a", "quantity": "1000.5"}),
        ("AddLines", {"idempotencyKey": "key", "lines": [{"product": "p1", "quantity": "2"}]}),
        ("RemoveLine", {"line": "b"}),
    ]
    assert remaining(typed, found[:3]).keys() == {"quantity-b", "remove-b"}
    assert remaining(typed, found[:1]).keys() == typed.keys() - {"reference", "receipt_date"}


def test_what_does_not_stand_as_it_was_asked_for_is_told() -> None:
    (change,) = changes({"reference": "New", "receipt_date": ""}, ENGLISH, "")
    order = {"customerReference": "New", "requisitionNumber": None, "requestedReceiptDate": None}

    assert unmet(change, order) == []
    assert unmet(change, {**order, "customerReference": "new"}) == ["reference"]
    assert unmet(change, {**order, "requestedReceiptDate": "2026-01-01"}) == ["receipt_date"]


def test_words_are_searched_in_any_order_and_conditions_stand_side_by_side() -> None:
    wanted = any_of(" lamp  desk ", ("name", "number"))

    assert all_of({}, wanted, {"state": {"eq": "ACTIVE"}}) == {
        "and": [
            {"or": [{"name": {"contains": "lamp"}}, {"number": {"contains": "lamp"}}]},
            {"or": [{"name": {"contains": "desk"}}, {"number": {"contains": "desk"}}]},
            {"state": {"eq": "ACTIVE"}},
        ]
    }
    assert any_of("  ", ("name",)) == {}


def test_days_are_those_of_the_zone_that_they_are_shown_in() -> None:
    assert during("placedAt", "2026-10-29", "2026-10-29", ENGLISH) == {
        "placedAt": {"gte": "2026-10-29T07:00:00Z", "lt": "2026-10-30T07:00:00Z"}
    }


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"q": "x" * 101}, {"q"}),
        ({"since": "soon"}, {"since"}),
        ({"until": "0001-01-01"}, {"until"}),
        ({"until": "9999-12-31"}, {"until"}),
        ({"q": "x" * 100, "since": "2026-01-01", "until": ""}, set()),
    ],
)
def test_a_search_that_cannot_be_read_is_named(query: dict[str, str], wrong: set[str]) -> None:
    assert search_mistakes(query).keys() == wrong
