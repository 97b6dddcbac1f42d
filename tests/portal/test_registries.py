"""The declarations of the portal fit the gateway, the catalogues and the docs."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLEnumType, GraphQLObjectType, build_schema, parse, validate

from portal import brand, words
from portal.catalogue import missing
from portal.language import compiled
from portal.settings import table
from portal.sitemap import PAGES

ROOT = Path(__file__).parents[2]
SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
DOCUMENTS = sorted((ROOT / "portal" / "documents").glob("*.graphql"))
CATALOGUES = sorted((ROOT / "portal" / "locales").glob("*/LC_MESSAGES/*.po"))
DOCS = (ROOT / "docs" / "portal.md").read_text()

NOT_ASKED_FOR = {"INVALID_INPUT", "IDEMPOTENCY_MISMATCH", "CONTACT_NOT_FOUND"}
"""Refusals of what no form of the portal sends; they would show in the gateway's own words."""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_are_valid_against_the_schema(path: Path) -> None:
    assert [error.message for error in validate(SCHEMA, parse(path.read_text()))] == []


@pytest.mark.parametrize(
    ("enum", "spoken"),
    [
        ("OrderStatus", words.ORDER),
        ("LineStatus", words.LINE),
        ("InvoiceState", words.INVOICE),
        ("QuoteState", words.QUOTE),
        ("ReturnStatus", words.RETURN),
        ("ReturnLineStatus", words.RETURN_LINE),
        ("HoldStatus", words.HOLD),
        ("AddressPurpose", words.PURPOSE),
    ],
)
def test_every_value_of_an_enumeration_has_words(enum: str, spoken: words.Words) -> None:
    declared = SCHEMA.get_type(enum)

    assert isinstance(declared, GraphQLEnumType)
    assert set(declared.values) - set(spoken) == set()


def test_every_refusal_that_a_customer_can_meet_has_words() -> None:
    types = (kind for kind in SCHEMA.type_map.values() if isinstance(kind, GraphQLObjectType))
    errors = [kind for kind in types if "UserError" in {each.name for each in kind.interfaces}]
    codes = {re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", kind.description or "")[0] for kind in errors}
    spoken = (ROOT / "portal" / "templates" / "_mistakes.html").read_text()

    assert {code for code in codes if f'"{code}"' not in spoken} == NOT_ASKED_FOR


def test_dutch_is_there() -> None:
    assert [path.parts[-3] for path in CATALOGUES] == ["nl"]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_a_catalogue_translates_every_message(path: Path) -> None:
    assert list(missing(path)) == []
    assert compiled(path).ngettext("%(n)s line", "%(n)s lines", 2) != "%(n)s lines"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_a_translation_keeps_the_values_of_its_message(path: Path) -> None:
    text = path.read_text()

    for block in text.split("\n\n")[1:]:
        said, _, meant = block.partition("\nmsgstr")
        assert sorted(set(_values(said))) == sorted(set(_values(meant))), block


def _values(text: str) -> list[str]:
    return [part.split(")s")[0] for part in text.split("%(")[1:]]


def test_the_settings_are_documented() -> None:
    assert table() in DOCS


def test_the_keys_of_a_brand_are_documented() -> None:
    values = brand.load(None)

    named = [*values.pages, *values.colours["light"], *values.fonts, *values.contact]
    assert [key for key in named if f"`{key}`" not in DOCS] == []


def test_pages_have_one_address_each() -> None:
    assert len({page.path for page in PAGES}) == len(PAGES)


def test_what_is_not_public_says_what_it_needs_or_is_for_everybody_signed_in() -> None:
    open_to_all = {page.path for page in PAGES if not page.public and page.needs is None}

    assert open_to_all == {"/dashboard", "/profile", "/resume", "/view-as"}
