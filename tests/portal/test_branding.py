"""A brand changes what it names, and what could not be read is refused."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import brand, gateway_documents
from portal.app import create_app
from portal.brand import BrandError
from portal.colours import GROUNDS, completed, contrast
from portal.folding import folded
from portal.language import choose, languages
from portal.rendering import Templates
from portal.served_assets import Assets
from tests.portal.site import settings


def written(folder: Path, toml: str) -> Path:
    (folder / "brand.toml").write_text(toml)
    return folder


def test_what_a_brand_leaves_out_stays_ours(tmp_path: Path) -> None:
    found = brand.load(written(tmp_path, 'name = "Contoso"\n[colours.light]\naccent = "#7a1f5c"\n'))

    assert (found.name, found.colours["light"]["accent"]) == ("Contoso", "#7a1f5c")
    assert found.colours["dark"] == brand.load(None).colours["dark"]
    assert "--accent: light-dark(#7a1f5c, #6fd3be)" in found.css()


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ('[colours.light]\nlink = "#ffd54a"\n', "colours.light.link on background"),
        ('[colours.dark]\ntext = "#333333"\n', "colours.dark.text on surface"),
        ('[colours.light]\naccent = "red;} body{display:none"\n', "colours.light.accent"),
        ('[fonts]\nbody = "x; } html {"\n', "fonts.body"),
        ('nam = "Contoso"\n', "nam"),
        ('languages = ["xx"]\n', "languages"),
        ("name = \n", "brand.toml"),
        ("name = 5\n", "name must be a text"),
        ('colours = "red"\n', "colours must be a table"),
        ('logo = "nowhere.svg"\n', "logo: there is no file 'nowhere.svg'"),
        ('wordmark = "nowhere.svg"\n', "wordmark: there is no file"),
        ('timezone = "Mars/Base"\n', "timezone: there is no 'Mars/Base'"),
        ('timezone = "../UTC"\n', "timezone"),
        ("languages = []\n", "languages must name at least one"),
        ('languages = ["pl"]\n', "locales/pl/LC_MESSAGES/portal.po"),
        ('[footer]\nlinks = [{ label = "x" }]\n', "footer.links: number 1"),
        (
            '[footer]\nlinks = [{ label = "x", url = "javascript:x" }]\n',
            "javascript:x is no address",
        ),
        ('[pages]\ninvoices = "no"\n', "pages.invoices must be true or false"),
    ],
)
def test_a_brand_that_cannot_be_used_is_named(tmp_path: Path, toml: str, named: str) -> None:
    with pytest.raises(BrandError, match=named.replace(".", r"\.")):
        brand.load(written(tmp_path, toml))


def test_all_mistakes_of_a_brand_are_named_together(tmp_path: Path) -> None:
    toml = 'logo = "x.svg"\ntimezone = "Mars/Base"\nlanguages = ["xx"]\n'

    with pytest.raises(BrandError) as refused:
        brand.load(written(tmp_path, toml))

    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("brand.toml", "[pages]\ninvoice = false\n", "there is no pages.invoice"),
        ("templates/order.html", "\n{% if %}", "templates/order.html: line 2"),
        ("templates/home.html", "{{ 1 | nonsense }}", "nonsense"),
        ("templates/home.html", '{% extends "bse.html" %}', "there is no template bse.html"),
        ("templates/home.html", '{{ asset("x.png") }}', "there is no asset x.png"),
        ("documents/order.graphql", "query Order {", "documents/order.graphql: line 1"),
        ("documents/order.graphql", "query Order { viewer { kind } }", "lacks Deliveries"),
        ("documents/order.graphql", "query Order { __typename viewer { kind } }", "one root field"),
    ],
)
def test_what_a_visitor_would_stumble_over_is_named_at_the_start(
    tmp_path: Path, path: str, text: str, named: str
) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)

    with pytest.raises(BrandError, match=named):
        create_app(settings(1, brand=tmp_path))


def test_terms_that_are_ours_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    create_app(settings(1))
    assert "terms.html is ours" in caplog.text
    caplog.clear()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "terms.html").write_text("Ours.")
    create_app(settings(1, brand=tmp_path))

    assert "terms.html" not in caplog.text


COLOURS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@given(COLOURS)
def test_links_and_buttons_can_be_read_whatever_the_accent(accent: str) -> None:
    for theme in brand.load(None).colours.values():
        found = completed({**theme, "accent": accent, "link": ""})

        assert contrast(found["on-accent"], accent) >= 4.5
        assert all(contrast(found["link"], found[ground]) >= 4.5 for ground in GROUNDS)


def test_an_accent_that_can_be_read_is_the_colour_of_links() -> None:
    for theme in brand.load(None).colours.values():
        assert completed(theme)["link"] == theme["accent"]


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_template_a_document_and_a_word_of_theirs_replace_ours(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "terms.html").write_text(
        '{% extends "portal/terms.html" %}{% block title %}{{ _("Terms") }}!{% endblock %}'
    )
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "profile.graphql").write_text("query Profile { viewer { kind } }")
    catalogue = tmp_path / "locales" / "nl" / "LC_MESSAGES" / "portal.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text('msgid "Terms"\nmsgstr "Onze regels"\n')

    found = brand.load(tmp_path)
    offered = languages(found.locales, found.folders("locales"), "UTC")
    dutch = next(one for one in offered if one.tag == "nl")

    assert "viewer { kind }" in gateway_documents.load(found.folders("documents"))["profile"]
    assert dutch.messages.gettext("Terms") == "Onze regels"
    assert dutch.messages.gettext("Orders") == "Bestellingen"
    Templates(found, offered, Assets(found.folders("assets"), {"brand.css": found.css()}))


def test_the_language_is_the_one_that_the_browser_wants_most() -> None:
    offered = languages(brand.load(None).locales, brand.load(None).folders("locales"), "UTC")

    assert choose(offered, None, "fr;q=0.9, nl-BE;q=0.8, en;q=0.1").tag == "nl"
    assert choose(offered, None, "fr").tag == "en"
    assert choose(offered, "nl", "en").tag == "nl"
    assert choose(offered, None, ",;q=x,,").tag == "en"


def test_values_are_written_as_the_language_does() -> None:
    english, dutch = languages(
        brand.load(None).locales, brand.load(None).folders("locales"), "Europe/Amsterdam"
    )
    amount = {"amount": "1234.5", "currency": "EUR"}

    price = {"amount": "0.0035", "currency": "EUR"}
    whole = {"amount": "12.0", "currency": "JPY"}

    assert (english.price(price), dutch.price(price)) == ("€0.0035", "€\xa00,0035")
    assert (english.price(amount), english.price(whole)) == ("€1,234.50", "¥12")
    assert (english.number("0.00005"), dutch.number("1000.0")) == ("0.00005", "1.000")
    assert (english.money(amount), dutch.money(amount)) == ("€1,234.50", "€\xa01.234,50")
    assert dutch.date("2026-10-30T23:30:00+00:00") == "31 okt 2026"


@pytest.mark.parametrize(
    ("stored", "english", "dutch"),
    [
        ("united states", "United States", "Verenigde Staten"),
        ("Germany", "Germany", "Duitsland"),
        ("columbia", "Colombia", "Colombia"),
        ("GB", "United Kingdom", "Verenigd Koninkrijk"),
        ("USA", "USA", "USA"),
        ("Us", "Us", "Us"),
        ("atlantis", "atlantis", "atlantis"),
        (None, "", ""),
    ],
)
def test_a_country_has_the_name_that_its_reader_uses(
    stored: str | None, english: str, dutch: str
) -> None:
    ours = brand.load(None)
    one, other = languages(ours.locales, ours.folders("locales"), "UTC")

    assert (one.country(stored), other.country(stored)) == (english, dutch)


def test_countries_are_those_that_dual_write_maps_and_sorted_by_name() -> None:
    ours = brand.load(None)
    for language in languages(ours.locales, ours.folders("locales"), "UTC"):
        offered = language.countries()

        assert len(offered) == 21
        assert [name for _, name in offered] == sorted((name for _, name in offered), key=folded)
        assert all(language.country(value) == name for value, name in offered)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("America/Los_Angeles", date(2026, 10, 29), "2026-10-29T07:00:00Z"),
        ("Europe/Amsterdam", date(2026, 3, 29), "2026-03-28T23:00:00Z"),
        ("Europe/Amsterdam", date(2026, 3, 30), "2026-03-29T22:00:00Z"),
        ("UTC", date(2026, 1, 1), "2026-01-01T00:00:00Z"),
    ],
)
def test_a_day_begins_where_its_readers_are(zone: str, day: date, begins: str) -> None:
    english, _ = languages(brand.load(None).locales, [], zone)

    assert english.start_of(day) == begins
