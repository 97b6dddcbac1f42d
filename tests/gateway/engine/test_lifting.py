"""Documents that differ in literals alone share plans, in which the literals are variables."""

import pytest
from graphql import specified_rules

from gateway.engine.documents import Documents, PreparedOperation
from gateway.engine.limits import Limits
from gateway.engine.outcome import Refused
from tests.gateway.engine.orders import orders_schema


@pytest.fixture
def documents() -> Documents:
    return Documents(orders_schema(), Limits(), specified_rules, hide_suggestions=True)


def prepared(documents: Documents, *texts: str) -> list[PreparedOperation]:
    return [documents.get(text).operation(None) for text in texts]


def echo(argument: str, more: str = "") -> str:
    return f"query Q($n: Int = 1) {{ echo({argument}) {more} again: echo(size: $n) }}"


def test_the_first_of_a_form_has_plans_of_its_own_and_all_others_share_theirs(
    documents: Documents,
) -> None:
    first, *others = prepared(documents, *(echo(f'text: "{n}"') for n in range(4)))

    assert first.literals == {}
    assert len({id(each.planned) for each in others}) == 1
    assert first.planned is not others[0].planned
    assert [list(each.literals.values()) for each in others] == [["1"], ["2"], ["3"]]


def test_each_document_keeps_its_own_text_for_errors_and_for_graphql_core(
    documents: Documents,
) -> None:
    _, second, third = prepared(documents, *(echo(f'text: "{n}"') for n in range(3)))

    assert second.document is not third.document
    assert second.planned.document is not second.document
    assert third.document.loc is not None
    assert '"2"' in third.document.loc.source.body


ALIKE = {
    "another number": (echo("size: 1"), echo("size: 2"), True),
    "a text of several lines": (echo('text: "a"'), echo('text: """a\n  b"""'), True),
    "another layout": (echo("size: 1"), echo("  size :2 # two\n"), True),
    "another argument": (echo("size: 1"), echo('text: "1"'), False),
    "another field": (echo("size: 1"), echo("size: 1", "who"), False),
    "a default of a variable": (
        "query ($n: Int = 1) { echo(size: $n) }",
        "query ($n: Int = 2) { echo(size: $n) }",
        False,
    ),
    "a directive": (
        "{ who @include(if: true) echo(size: 1) }",
        "{ who @include(if: false) echo(size: 1) }",
        False,
    ),
    "equal ones that differ elsewhere": (
        "{ a: echo(size: 1) b: echo(size: 1) }",
        "{ a: echo(size: 1) b: echo(size: 2) }",
        False,
    ),
    "null": (echo('text: "a"'), echo("text: null"), False),
    "a variable": (echo("size: 1"), echo("size: $n"), False),
}


@pytest.mark.parametrize("name", ALIKE)
def test_documents_are_of_one_form_where_only_literals_of_arguments_differ(
    documents: Documents, name: str
) -> None:
    first, second, shares = ALIKE[name]

    _, other = prepared(documents, first, second)

    assert bool(other.literals) is shares


def test_a_document_of_a_known_form_is_as_valid_as_its_own_literals(documents: Documents) -> None:
    prepared(documents, echo("size: 1"), echo("size: 2"))

    with pytest.raises(Refused):
        documents.get(echo("size: 99999999999"))


def test_what_is_counted_of_documents_is_given_back_when_they_go(documents: Documents) -> None:
    for number in range(50):
        documents.get(echo(f"size: {number}"))
        documents.get(echo(f'text: "{number}"', f"a{number}: who"))
    assert documents.size > 0

    while documents.size:
        before = documents.size
        documents.drop()
        assert documents.size < before
    documents.drop()

    assert documents._shared == {}
