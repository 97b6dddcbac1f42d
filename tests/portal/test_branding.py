"""A brand changes what it names, and what could not be read is refused."""

from pathlib import Path

import pytest

from portal import brand, documents
from portal.assets import Assets
from portal.brand import BrandError, contrast
from portal.language import choose, languages
from portal.rendering import Templates


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
        ('[colours.light]\naccent = "#ffd54a"\n', "colours.light.accent on background"),
        ('[colours.light]\naccent = "red;} body{display:none"\n', "colours.light.accent"),
        ('[fonts]\nbody = "x; } html {"\n', "fonts.body"),
        ('nam = "Contoso"\n', "nam"),
        ('languages = ["xx"]\n', "languages"),
        ("name = \n", "brand.toml"),
    ],
)
def test_a_brand_that_cannot_be_used_is_named(tmp_path: Path, toml: str, named: str) -> None:
    with pytest.raises(BrandError, match=named.replace(".", r"\.")):
        brand.load(written(tmp_path, toml))


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

    assert "viewer { kind }" in documents.load(found.folders("documents"))["profile"]
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

    assert (english.money(amount), dutch.money(amount)) == ("€1,234.50", "€\xa01.234,50")
    assert dutch.date("2026-10-30T23:30:00+00:00") == "31 okt 2026"
