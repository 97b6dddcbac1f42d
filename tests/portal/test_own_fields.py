"""Fields that an extension of the gateway adds to orders, on the pages of the portal."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from graphql import build_schema, parse, validate

from gateway.resolvers.root import build
from portal import gateway_documents, schema
from portal.__main__ import main
from portal.following import FOLLOWED
from tests.extensions import written
from tests.gateway.test_demo import demo
from tests.portal.site import Visitor, visiting
from tests.portal.test_extending import REQUIRED

pytestmark = pytest.mark.anyio
OWN = """
from datetime import date, datetime
from decimal import Decimal

from gateway.extension import *


@enum(description="How urgent an order is.")
class Urgency(OptionSet):
    NORMAL = option(1, "As usual.")
    URGENT = option(2, "Before all others.")
    UNKNOWN = unknown()


@extend(SalesOrder)
class AcmeOrder:
    project: str | None = column("acme_project", "The project.", written="always", input=True)
    urgency: Urgency | None = column("acme_urgency", "Urgency.", written="always", input=True)
    weight: Decimal | None = column("acme_weight", "Weight.", written="always", input=True)
    floors: int | None = column("acme_floors", "Floors.", written="always", input=True)
    fragile: bool | None = column("acme_fragile", "Fragile.", written="always", input=True)
    built: date | None = column("acme_built", "Built on.", written="always", input=True)
    opens: datetime | None = column("acme_opens", "Opens at.", written="always", input=True)
    once: str | None = column("acme_once", "Said once.", written="create", input=True)
    later: str | None = column("acme_later", "Said later.", written="update", input=True)


@extend(SalesOrderLine)
class AcmeLine:
    shelf: str | None = column("acme_shelf", "The shelf.", written="always", input=True)
    loading: date | None = column("acme_loading", "Loaded on.", written="create", input=True)
"""
COLUMNS = """
[optionsets.acme_urgency]
1 = "Normal"
2 = "Urgent"

[salesorder.columns]
"string 20" = "acme_project acme_once acme_later"
"choice acme_urgency" = "acme_urgency"
"decimal 2" = "acme_weight"
"int" = "acme_floors"
"bool" = "acme_fragile"
"date" = "acme_built"
"datetime" = "acme_opens"

[salesorderdetail.columns]
"string 10" = "acme_shelf"
"date" = "acme_loading"
"""
TYPED = {
    "own-project": "Stadium & Söhne",
    "own-urgency": "URGENT",
    "own-weight": "1,250.5",
    "own-floors": "7",
    "own-fragile": "true",
    "own-built": "2031-02-03",
    "own-opens": "2031-02-03T10:00",
    "own-once": "once",
}
SHOWN = {
    "The project": "Stadium & Söhne",
    "Urgency": "Before all others",
    "Weight": "1,250.5",
    "Floors": "7",
    "Fragile": "Yes",
    "Built on": "Feb 3, 2031",
    "Said once": "once",
}
DUTCH = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "The project."
msgstr "Projectnaam"

msgid "Before all others."
msgstr "Met spoed"
"""


@dataclass(frozen=True)
class Acme:
    """A demo whose gateway has fields of its own, and its printed schema."""

    port: int
    schema: Path
    brand: Path


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Acme]:
    folder = tmp_path_factory.mktemp("acme")
    with written(folder, OWN, "acme_shown"):
        (folder / "acme.graphql").write_text(build(["acme_shown"]).as_str())
    (folder / "acme.toml").write_text(COLUMNS)
    words = folder / "brand" / "locales" / "nl" / "LC_MESSAGES"
    words.mkdir(parents=True)
    (words / "portal.po").write_text(DUTCH.lstrip())
    arguments = ("--extension", "acme_shown", "--metadata", str(folder / "acme.toml"))
    with demo(*arguments, folder=folder) as (port, _):
        yield Acme(port, folder / "acme.graphql", folder / "brand")


@pytest.fixture
async def jane(acme: Acme) -> AsyncIterator[Visitor]:
    async with visiting(acme.port, "jane", schema=acme.schema, brand=acme.brand) as visitor:
        yield visitor


def facts(text: str) -> dict[str, str]:
    """The pairs of a page's lists of facts."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", text, re.DOTALL)
    return {unescape(name): unescape(re.sub(r"<.*?>", " ", value)).strip() for name, value in found}


def values(text: str) -> dict[str, str]:
    """The own fields of a form, as they stand in it."""
    inputs = re.findall(r'<input id="(own-[\w-]+)"[^>]*? value="([^"]*)"', text)
    selects = re.findall(r'<select id="(own-[\w-]+)".*?</select>', text, re.DOTALL)
    bodies = {
        name: re.search(rf'<select id="{name}".*?</select>', text, re.DOTALL) for name in selects
    }
    chosen = {
        name: found[1] if (found := re.search(r'value="(\w*)" selected', body[0])) else ""
        for name, body in bodies.items()
        if body
    }
    return {name: unescape(value) for name, value in inputs} | chosen


async def review(jane: Visitor, **typed: str) -> Any:
    """The last page of a new order with these fields and one line."""
    await jane.get("/orders/new")
    await jane.post("/orders/new", ship_to="account", **typed)
    await jane.post("/orders/new/import", pasted="D0225,10")
    return await jane.get("/orders/new/review")


async def test_an_order_is_placed_with_them_and_shows_them(jane: Visitor) -> None:
    summary = await review(jane, **TYPED)
    form = await jane.get("/orders/new")
    await jane.get("/orders/new/review")
    key, seen = jane.hidden("key"), jane.hidden("seen")
    order = await jane.post("/orders/new/submit", key=key, seen=seen)

    for page in (summary, order):
        told = facts(page.text)
        assert {name: told[name] for name in SHOWN} == SHOWN
        assert "2031" in told["Opens at"]
    assert {name: values(form.text)[name] for name in TYPED} == TYPED | {"own-weight": "1250.5"}


async def placed(jane: Visitor) -> str:
    """The address of a new order."""
    await review(jane, **TYPED)
    key, seen = jane.hidden("key"), jane.hidden("seen")
    order = await jane.post("/orders/new/submit", key=key, seen=seen)
    return order.url.path


def form_of(jane: Visitor) -> dict[str, str]:
    """The form of the last page as a browser sends it when nothing was typed."""
    text = jane.seen[-1].text
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return {name: unescape(value) for name, value in hidden} | values(text)


async def test_the_form_of_an_order_changes_and_clears_them(jane: Visitor) -> None:
    address = await placed(jane)
    await jane.get(f"{address}/change")
    form = form_of(jane)
    told = [form["own-floors"], form["own-opens"], form.get("own-once")]

    changed = {"own-project": "Tower", "own-floors": "", "own-later": "x", "own-weight": "2"}
    saved = await jane.post(f"{address}/change", **form | changed)
    again = form_of(jane)
    unchanged = await jane.post(f"{address}/change", **again)
    order = await jane.get(address)

    assert told == ["7", "2031-02-03T10:00", None]
    assert "Your changes have been saved." in saved.text
    assert "Nothing was changed." in unchanged.text
    assert {name: again[name] for name in changed} == changed
    found = facts(order.text)
    assert (found["The project"], found["Urgency"]) == ("Tower", "Before all others")
    assert not found["Floors"].isalnum()


WRONG = {
    "own-weight": "much",
    "own-floors": "1.5",
    "own-built": "soon",
    "own-opens": "at noon",
    "own-urgency": "SOON",
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_no_value_is_refused_at_its_field(jane: Visitor, name: str) -> None:
    await jane.get("/orders/new")
    page = await jane.post("/orders/new", ship_to="account", **TYPED | {name: WRONG[name]})
    address = await placed(jane)
    await jane.get(f"{address}/change")
    change = await jane.post(f"{address}/change", **form_of(jane) | {name: WRONG[name]})

    assert (page.status_code, change.status_code) == (422, 422)
    assert f'id="{name}-mistake"' in page.text
    assert f'id="{name}-mistake"' in change.text


async def test_what_the_gateway_refuses_is_said_with_the_name_of_its_field(jane: Visitor) -> None:
    summary = await review(jane, **TYPED | {"own-project": "x" * 21})
    address = await placed(jane)
    await jane.get(f"{address}/change")
    change = await jane.post(f"{address}/change", **form_of(jane) | {"own-project": "x" * 21})

    for page in (summary, change):
        assert re.search(r"The project(</a>)?: May have at most 20 characters\.", page.text)


async def test_they_are_in_the_words_of_the_adopters_catalogue(jane: Visitor) -> None:
    await jane.get("/orders/new")
    await jane.get("/language/nl")
    summary = await review(jane, **TYPED | {"own-weight": "1.250,5"})

    told = facts(summary.text)
    assert told["Projectnaam"] == TYPED["own-project"]
    assert (told["Urgency"], told["Weight"], told["Fragile"]) == ("Met spoed", "1.250,5", "Ja")


async def test_without_the_schema_nothing_of_them_is_shown(acme: Acme) -> None:
    async with visiting(acme.port, "jane") as visitor:
        page = await visitor.get("/orders/new")

    assert "own-" not in page.text


def test_the_gateway_without_extensions_has_none() -> None:
    shipped = schema.read(build().as_str())
    ours = gateway_documents.load([gateway_documents.OURS])

    assert list(shipped.fields) == []
    assert shipped.asking(ours) == ours


def test_the_documents_that_are_asked_for_can_be_trusted(acme: Acme, tmp_path: Path) -> None:
    environment = {**REQUIRED, "PORTAL_CLIENT_SECRET": "hush-hush"}
    environment["PORTAL_SCHEMA"] = str(acme.schema)

    done = CliRunner().invoke(main, ["documents", str(tmp_path)], env=environment)

    written_ = {path.stem: path.read_text() for path in tmp_path.glob("*.graphql")}
    assert (done.exit_code, done.output) == (0, "")
    pages = {path.stem for path in gateway_documents.OURS.glob("*.graphql")}
    assert written_.keys() == pages | {f"{name}_live" for name in (*FOLLOWED, "dashboard")}
    assert all("urgency" in written_[name] for name in ("order", "changing"))
    own = build_schema(acme.schema.read_text())
    assert [validate(own, parse(text)) for text in written_.values()] == [[]] * len(written_)


LINE = {"own-shelf-1": "S-7", "own-loading-1": "2031-02-03"}
SUB = "The shelf: S-7 · Loaded on: Feb 3, 2031"


async def items(jane: Visitor, **typed: str) -> Any:
    """The step of items, with these fields of the first line saved."""
    await review(jane, **TYPED)
    page = await jane.get("/orders/new/items")
    number = re.findall(r'name="own-shelf-(\d+)"', page.text)[0]
    named = {name.replace("-1", f"-{number}"): value for name, value in typed.items()}
    return await jane.post("/orders/new/items", **named)


def readable(text: str) -> str:
    """A page without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<.*?>", " ", text)))


async def test_fields_of_lines_are_filled_in_shown_and_ordered_again(jane: Visitor) -> None:
    await discard(jane)
    step = await items(jane, **LINE)
    summary = await jane.get("/orders/new/review")
    key, seen = jane.hidden("key"), jane.hidden("seen")
    order = await jane.post("/orders/new/submit", key=key, seen=seen)
    await jane.post(f"{order.url.path}/reorder")
    again = await jane.get("/orders/new/review")

    assert 'value="S-7"' in step.text
    for page in (summary, order, again):
        assert SUB in readable(page.text)


async def discard(jane: Visitor) -> None:
    """Begin anew, whatever was in the draft."""
    await jane.get("/orders/new/discard")
    await jane.post("/orders/new/discard")


async def test_a_field_of_a_line_that_is_no_value_is_refused_at_the_line(jane: Visitor) -> None:
    await discard(jane)
    step = await items(jane, **LINE | {"own-loading-1": "soon"})

    assert step.status_code == 422
    assert "Loaded on: Enter a date such as 2026-12-31." in readable(step.text)


LIST = "number;quantity;shelf;loading\nD0023;2;S-7;"


async def test_a_pasted_list_fills_in_fields_of_lines(jane: Visitor) -> None:
    await discard(jane)

    step = await jane.post("/orders/new/import", pasted=f"{LIST}2031-02-03")

    assert 'value="S-7"' in step.text
    assert 'value="2031-02-03"' in step.text


async def test_a_cell_of_a_pasted_list_that_is_no_value_of_its_field_is_refused(
    jane: Visitor,
) -> None:
    await discard(jane)

    step = await jane.post("/orders/new/import", pasted=f"{LIST}soon")

    assert step.status_code == 422
    assert "“soon” does not fit the column “Loaded on”." in readable(step.text)


async def test_what_the_gateway_refuses_of_a_line_is_said_with_the_name_of_its_field(
    jane: Visitor,
) -> None:
    await discard(jane)
    await items(jane, **LINE | {"own-shelf-1": "x" * 11})
    summary = await jane.get("/orders/new/review")

    assert "The shelf: May have at most 10 characters." in readable(summary.text)


async def test_the_form_of_an_order_changes_fields_of_lines(jane: Visitor) -> None:
    await discard(jane)
    await items(jane, **LINE)
    await jane.get("/orders/new/review")
    key, seen = jane.hidden("key"), jane.hidden("seen")
    address = (await jane.post("/orders/new/submit", key=key, seen=seen)).url.path
    await jane.get(f"{address}/change")
    form = form_of(jane)
    (shelf,) = [name for name in form if name.startswith("own-shelf-")]

    long = await jane.post(f"{address}/change", **form | {shelf: "x" * 11})
    saved = await jane.post(f"{address}/change", **form_of(jane) | {shelf: "S-8"})
    again = form_of(jane)
    cleared = await jane.post(f"{address}/change", **again | {shelf: ""})
    order = await jane.get(address)

    assert form[shelf] == "S-7"
    assert not any(name.startswith("own-loading-") for name in form)
    assert "Null clears it" not in long.text
    assert "The shelf: May have at most 10 characters." in readable(long.text)
    assert "Your changes have been saved." in saved.text
    assert again[shelf] == "S-8"
    assert "Your changes have been saved." in cleared.text
    assert "The shelf" not in readable(order.text)
