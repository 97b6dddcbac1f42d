"""`portal check` names every mistake of a brand at once; the demo shows a brand being made."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result

from portal.__main__ import main
from portal.app import create_app
from portal.brand import BrandError
from tests.gateway.test_demo import demo
from tests.portal.site import settings

PAGE = """
from starlette.responses import Response

from portal.visits import Page, Visit


async def show(visit: Visit) -> Response:
    return visit.render("machines.html", said="SAID")


PAGES = [Page(path="/machines", show=show, public=True)]
"""
WRONG = {
    "brand.toml": 'logo = "nowhere.svg"\ntimezone = "Mars/Base"\n[pages]\ninvoices = 5\n',
    "templates/order.html": "{% if %}",
    "templates/home.html": '{{ asset("gone.png") }}',
    "documents/order.graphql": "query {",
    "locales/nl/LC_MESSAGES/portal.po": 'msgid "Orders"\nmsgstr "Bestellingen"\n',
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


def test_a_brand_without_mistakes_can_be_used(tmp_path: Path) -> None:
    found = check(str(written(tmp_path, {"brand.toml": 'name = "Contoso"\n'})))

    assert (found.exit_code, found.output) == (0, "The brand can be used.\n")


def test_mistakes_of_every_part_are_named_together(tmp_path: Path) -> None:
    found = check(str(written(tmp_path, WRONG)), "--extension", "no_such_module")

    assert found.exit_code == 1
    for part in (
        "nowhere.svg",
        "Mars/Base",
        "pages.invoices",
        "templates/order.html",
        "gone.png",
        "order.graphql",
        "no_such_module",
    ):
        assert part in found.stderr, part


def test_the_start_names_what_the_check_names(tmp_path: Path) -> None:
    named = check(str(written(tmp_path, WRONG))).stderr.splitlines()

    with pytest.raises(BrandError) as refused:
        create_app(settings(1, brand=tmp_path))

    assert str(refused.value).splitlines() == named


def test_two_pages_of_one_address_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, {"twice_pages.py": PAGE.replace("/machines", "/orders")})
    monkeypatch.chdir(tmp_path)

    found = check("--extension", "twice_pages")

    assert (found.exit_code, "/orders is the address" in found.stderr) == (1, True)


def test_the_demo_shows_a_brand_and_each_change_of_it(tmp_path: Path) -> None:
    files = {
        "brand/brand.toml": 'name = "First"\n',
        "brand/templates/machines.html": '{% extends "base.html" %}{% block main %}{{ said }}'
        "{% endblock %}",
        "shown_pages.py": PAGE,
    }
    brand = str(written(tmp_path, files) / "brand")
    with demo("--brand", brand, "--portal-extension", "shown_pages", folder=tmp_path) as (port, _):
        first, page = shown(port, "/"), shown(port, "/machines")
        written(tmp_path, {"brand/brand.toml": "name = 5\n"})
        time.sleep(2)
        kept = shown(port, "/")
        written(tmp_path, {"brand/brand.toml": 'name = "Second"\n'})
        second = until(lambda: shown(port, "/"), "Second")
        written(tmp_path, {"shown_pages.py": "no_such_name\n"})
        time.sleep(1)
        written(tmp_path, {"shown_pages.py": PAGE.replace("SAID", "SAID ANEW")})
        anew = until(lambda: shown(port, "/machines"), "SAID ANEW")

    assert "First" in first
    assert "SAID" in page
    assert "First" in kept
    assert "Second" in second
    assert "SAID ANEW" in anew


def shown(port: int, path: str) -> str:
    return httpx2.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=60).text


def until(look: Callable[[], str], word: str) -> str:
    """The page once it has the word, or as it is after a minute."""
    end = time.monotonic() + 60
    while word not in (found := look()) and time.monotonic() < end:
        time.sleep(0.2)
    return found
