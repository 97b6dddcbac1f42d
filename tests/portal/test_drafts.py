"""Drafts and pasted lists, without a server."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from babel import Locale

from portal.desks import Desk, edited
from portal.drafts import Draft, DraftLine, least, quantity
from portal.keeping import owner_of
from portal.language import Language, languages
from portal.pages.order import steps


def lamp(amount: str, product: str = "p1") -> DraftLine:
    return DraftLine(product, "D1", "Lamp", "ea", 0, Decimal(amount), Decimal("2.50"), "USD")


@pytest.mark.parametrize(
    ("text", "decimals", "found"),
    [
        ("10", 0, "10"),
        ("2.5", 1, "2.5"),
        ("2.5", 0, None),
        ("0", 0, None),
        ("-1", 0, None),
        ("NaN", 0, None),
        ("1e3", 0, None),
        ("1_0", 0, None),
        ("\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}", 0, None),
        ("\N{ARABIC-INDIC DIGIT THREE}", 0, None),
        ("1 2", 0, None),
        ("+3", 0, "3"),
        (".5", 1, "0.5"),
        ("9" * 5_000, 0, None),
        ("ten", 0, None),
        ("", 0, None),
    ],
)
def test_a_quantity_is_what_the_product_allows(text: str, decimals: int, found: str | None) -> None:
    assert quantity(text, decimals) == (found and Decimal(found))


@pytest.mark.parametrize(
    ("minimum", "multiple", "least_of_all"),
    [
        (None, None, 1),
        ("5", None, 5),
        (None, "6", 6),
        ("5", "6", 6),
        ("7", "6", 12),
        ("0.5", None, "0.5"),
    ],
)
def test_what_is_offered_is_the_least_that_is_sold(
    minimum: str | None, multiple: str | None, least_of_all: str
) -> None:
    assert least({"minimum": minimum, "multiple": multiple}) == Decimal(least_of_all)
    assert least(None) == 1


ENGLISH, DUTCH = languages([Locale("en"), Locale("nl")], [], "UTC")


@pytest.mark.parametrize(
    ("language", "text", "meant"),
    [
        (ENGLISH, " 1 000 ", "1000"),
        (ENGLISH, "1,000", "1000"),
        (ENGLISH, "1,000,000.5", "1000000.5"),
        (ENGLISH, "2.5", "2.5"),
        (ENGLISH, "2,5", "2,5"),
        (ENGLISH, "1 2", "1 2"),
        (ENGLISH, "12 34", "12 34"),
        (ENGLISH, "1 000,000", "1 000,000"),
        (DUTCH, "1.000", "1000"),
        (DUTCH, "1.000,5", "1000.5"),
        (DUTCH, "1\u00a0000", "1000"),
        (DUTCH, "2,5", "2.5"),
        (DUTCH, "2.5", "2.5"),
        (DUTCH, "0.500", "0.500"),
        (DUTCH, "1.00", "1.00"),
    ],
)
def test_numbers_are_typed_as_the_language_writes_them(
    language: Language, text: str, meant: str
) -> None:
    assert language.typed(text) == meant


@pytest.mark.parametrize("language", [ENGLISH, DUTCH])
@pytest.mark.parametrize("amount", ["1", "1000", "12345.678", "1000000", "0.000001"])
def test_what_a_field_shows_is_read_as_the_same_again(language: Language, amount: str) -> None:
    assert Decimal(language.typed(language.plain(Decimal(amount)))) == Decimal(amount)


def test_more_of_an_equal_line_joins_it() -> None:
    draft = Draft().extend([lamp("1"), lamp("2"), lamp("4", "p2")])

    assert [each.quantity for each in draft.lines] == [3, 4]
    assert (draft.total, draft.currency) == (Decimal("17.50"), "USD")


@pytest.mark.parametrize(
    "other",
    [{"unit": "box"}, {"note": "for Alice"}, {"ships": date(2027, 1, 1)}, {"product": "p2"}],
)
def test_lines_that_differ_in_anything_that_is_ordered_stay_two(other: dict[str, Any]) -> None:
    draft = Draft().extend([lamp("1"), replace(lamp("2"), **other), lamp("3")])

    assert [each.quantity for each in draft.lines] == [4, 2]
    assert len({each.id for each in draft.lines}) == 2


def test_what_a_line_says_is_what_is_sent() -> None:
    line = replace(lamp("2"), unit="box", own_unit="ea", note="blue", ships=date(2027, 1, 2))

    assert Draft(lines=(line,)).as_input()["lines"] == [
        {
            "product": "p1",
            "quantity": "2",
            "unit": "box",
            "note": "blue",
            "requestedShippingDate": "2027-01-02",
        }
    ]


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("7", "QUANTITY_BELOW_MINIMUM"),
        ("10", None),
        ("12", "QUANTITY_NOT_MULTIPLE"),
        ("505", "QUANTITY_ABOVE_MAXIMUM"),
    ],
)
def test_a_quantity_is_held_against_what_is_sold(amount: str, code: str | None) -> None:
    least, most, pack = map(Decimal, (10, 500, 5))
    line = replace(lamp("1"), minimum=least, maximum=most, multiple=pack)
    objection = line.objection(Decimal(amount))

    assert (objection and objection["code"]) == code
    assert replace(line, own_unit="ea", unit="box").objection(Decimal(7)) is None


@pytest.mark.parametrize(
    ("currency", "price", "amount"),
    [("USD", "0.0035", "0.00"), ("USD", "0.005", "0.01"), ("JPY", "0.5", "1"), ("KWD", "1", "1")],
)
def test_a_total_is_the_sum_of_rounded_lines(currency: str, price: str, amount: str) -> None:
    lines = [
        replace(lamp("1", name), price=Decimal(price), currency=currency) for name in ("a", "b")
    ]

    draft = Draft().extend(lines)

    assert [line.amount for line in draft.lines] == [Decimal(amount)] * 2
    assert draft.total == 2 * Decimal(amount)


def test_amounts_of_different_currencies_are_never_added() -> None:
    euros = replace(lamp("1", "b"), currency="EUR")

    assert Draft().extend([lamp("1"), euros]).total is None


def test_a_total_is_unknown_where_a_price_is() -> None:
    draft = Draft(lines=(lamp("1"), DraftLine("p2", "D2", "Vase", "ea", 0, Decimal(1))))

    assert draft.total is None


def test_each_account_of_a_person_has_a_desk_of_its_own() -> None:
    owners = {
        owner_of(issuer, subject, account)
        for issuer in ("i", "j")
        for subject in ("s", "t")
        for account in (None, "1", "2")
    }

    assert len(owners) == 12


def test_every_draft_has_a_key_of_its_own() -> None:
    one, other = (edited(Desk(), lambda draft: draft.add(lamp("1"))) for _ in range(2))

    assert one.draft.key != other.draft.key
    assert one.draft.as_input()["idempotencyKey"] == one.draft.key


@pytest.mark.parametrize(
    ("status", "reached"),
    [
        (None, "Placed"),
        ("ACTIVE", "Placed"),
        ("PICKED", "Picked"),
        ("PARTIALLY_DELIVERED", "Partly delivered"),
        ("DELIVERED", "Delivered"),
    ],
)
def test_the_time_line_stands_where_the_order_is(status: str | None, reached: str) -> None:
    order: dict[str, Any] = {
        "status": status,
        "placedAt": "2026-01-01T00:00:00Z",
        "invoices": {"nodes": []},
    }

    assert [step.name for step in steps(order, []) if step.state == "now"] == [reached]


def test_all_of_a_canceled_order_but_its_start_is_off() -> None:
    order: dict[str, Any] = {
        "status": "CANCELED",
        "placedAt": "2026-01-01T00:00:00Z",
        "invoices": {"nodes": []},
    }

    assert {step.state for step in steps(order, [])[1:]} == {"off"}
