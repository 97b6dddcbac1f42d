"""The address book on the site, and addresses that are kept while an order is entered."""

import re
from html import unescape
from pathlib import Path

import pytest

from tests.portal.site import Visitor, visiting
from tests.portal.test_templates import behind
from tests.stack import emulator, running

pytestmark = pytest.mark.anyio

EDITED = re.compile(r'href="(/addresses/[\w-]{20,})"')
DOCK = {
    "name": "Dock 4",
    "street": "Pier Road",
    "streetNumber": "12b",
    "postalCode": "98052",
    "city": "Redmond",
    "state": "WA",
    "country": "united states",
}


def cards(page: str) -> list[str]:
    """The addresses of the page, as text."""
    found = re.findall(r'<li class="card".*?</li>', page, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", card)).split()) for card in found]


async def added(visitor: Visitor, **changes: str) -> str:
    """The address of the page of an address that was added."""
    known = {*EDITED.findall((await visitor.get("/addresses")).text)}
    await visitor.get("/addresses/new")
    page = await visitor.post("/addresses/new", key=visitor.hidden("key"), **{**DOCK, **changes})
    assert page.status_code == 200
    assert "The address was added to the address book." in page.text
    (new,) = {*EDITED.findall(page.text)} - known
    return str(new)


async def test_an_address_is_added_changed_and_removed(jane: Visitor) -> None:
    before = cards((await jane.get("/addresses")).text)
    key = await added(jane)
    listed = cards((await jane.get("/addresses")).text)
    form = (await jane.get(key)).text
    changed = await jane.post(key, **{**DOCK, "street": "Quay Street"})
    await jane.get(key)
    removed = await jane.post(f"{key}/remove")
    again = await jane.post(f"{key}/remove")

    (new,) = set(listed) - set(before)
    assert new.startswith("Delivery address Dock 4 Pier Road 12b 98052 Redmond")
    assert 'value="Pier Road"' in form
    assert any("Quay Street" in card for card in cards(changed.text))
    assert cards(removed.text) == cards(again.text) == before
    assert (await jane.get(key)).status_code == 404


async def test_a_form_that_is_sent_twice_adds_one(jane: Visitor) -> None:
    before = cards((await jane.get("/addresses")).text)
    await jane.get("/addresses/new")
    form = {"csrf": jane.csrf, "key": jane.hidden("key"), **DOCK, "name": "Twice"}

    sent = [await jane.client.post("/addresses/new", data=form) for _ in range(3)]
    page = (await jane.get("/addresses")).text

    assert [each.status_code for each in sent] == [303] * 3
    assert len(cards(page)) == len(before) + 1
    (new,) = [key for key in EDITED.findall(page) if "Twice" in (await jane.get(key)).text]
    await jane.post(f"{new}/remove")


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"street": " "}, "Enter the street."),
        ({"city": ""}, "Enter the city."),
        ({"country": ""}, "Choose a country from the list."),
        ({"country": "atlantis"}, "Choose a country from the list."),
        ({"street": "x" * 251}, "This is too long."),
    ],
)
async def test_a_mistake_is_shown_and_nothing_typed_is_lost(
    jane: Visitor, parts: dict[str, str], said: str
) -> None:
    await jane.get("/addresses/new")
    key = jane.hidden("key")
    page = await jane.post("/addresses/new", key=key, **{**DOCK, "name": "Kept text", **parts})

    assert page.status_code == 422
    assert said in page.text
    assert 'value="Kept text"' in page.text
    assert jane.hidden("key") == key


async def test_an_address_is_kept_while_an_order_is_entered(jane: Visitor) -> None:
    await jane.get("/orders/new")
    known = {*EDITED.findall((await jane.get("/addresses")).text)}
    typed = {**DOCK, "name": "Kept dock", "street": "Long Wharf", "country": ""}
    await jane.get("/orders/new")
    for _ in range(2):
        page = await jane.post("/orders/new", ship_to="other", keep="yes", **typed)
        assert str(page.url).endswith("/orders/new/items")
        await jane.get("/orders/new")

    book = (await jane.get("/addresses")).text
    (new,) = {*EDITED.findall(book)} - known
    destination = (await jane.desk()).draft.destination
    form = (await jane.get("/orders/new")).text
    assert destination.id == destination.choice == new.removeprefix("/addresses/")
    assert f'value="{destination.choice}" checked' in form
    assert form.count("Long Wharf") == 1
    edited = (await jane.get(new)).text
    assert '<option value="united states" selected>' in edited, "that of the account"
    await jane.post(f"{new}/remove")
    await jane.get("/orders/new/discard")
    await jane.post("/orders/new/discard")


async def test_an_address_that_cannot_be_kept_is_ordered_to_all_the_same(jane: Visitor) -> None:
    await jane.get("/orders/new")
    jane.gateway.refusals = {"Keep": "UPSTREAM_UNAVAILABLE"}
    page = await jane.post("/orders/new", ship_to="other", keep="yes", **DOCK)
    jane.gateway.refusals = {}

    draft = (await jane.desk()).draft
    assert "The address could not be added to the address book." in page.text
    assert (draft.destination.choice, draft.destination.id) == ("other", None)
    assert draft.destination.parts["street"] == "Pier Road"
    await jane.get("/orders/new/discard")
    await jane.post("/orders/new/discard")


async def test_others_do_not_see_it(jane: Visitor, port: int) -> None:
    key = await added(jane, street="Secret Street")
    async with visiting(port, "may") as may:
        book = (await may.get("/addresses")).text
        foreign = [await may.get(key), await may.post(key, **DOCK)]
    await jane.get(key)
    page = await jane.post(f"{key}/remove")

    assert "Secret Street" not in book
    assert [each.status_code for each in foreign] == [404, 404]
    assert "The address was removed." in page.text


async def test_who_may_not_keep_addresses_is_not_asked_to(tmp_path: Path) -> None:
    """As the shipped roles have it."""
    async with running(emulator()) as stack, behind(stack, "jane", tmp_path / "drafts") as jane:
        book = (await jane.get("/addresses")).text
        form = (await jane.get("/orders/new")).text
        closed = [(await jane.get(path)).status_code for path in ("/addresses/new",)]
        page = await jane.post("/orders/new", ship_to="other", keep="yes", **DOCK)
        draft = (await jane.desk()).draft

    assert cards(book)
    assert EDITED.findall(book) == []
    assert "/addresses/new" not in book
    assert 'name="keep"' not in form
    assert closed == [404]
    assert page.status_code == 200
    assert draft.destination.id is None
