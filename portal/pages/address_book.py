"""
The address book of an account: its delivery addresses, which those whose role allows it keep,
change and remove. An order has the address that it was placed with, whatever becomes of that here.
"""

from collections.abc import Mapping
from contextlib import suppress
from secrets import token_hex
from typing import Final

from starlette.responses import Response

from portal.errors import NotFound
from portal.pages.addresses import PARTS, kept
from portal.pages.wizard import address_mistakes, one_line
from portal.visits import Visit
from portal.words import PURPOSE

SHOWN: Final = 100
"""The addresses that the page has at most."""


async def addresses(visit: Visit) -> Response:
    picked = visit.account
    if picked is None:
        return visit.go("/accounts")
    found = (await visit.ask("addresses", "Book", account=picked["id"], first=SHOWN))["account"]
    if found is None:
        raise NotFound
    return visit.render("addresses.html", account=found, purposes=PURPOSE)


async def new(visit: Visit) -> Response:
    """A form for one more; the key in it keeps what is sent twice once."""
    picked = visit.account
    if picked is None:
        return visit.go("/accounts")
    fields = {"key": token_hex(16), **visit.form}
    if visit.request.method == "GET":
        return _form(visit, fields)
    if wrong := address_mistakes(fields, needs_country=True):
        return _form(visit, fields, wrong)
    await kept(visit, picked["id"], typed(fields), fields["key"] or token_hex(16))
    visit.notice(visit.translate("The address was added to the address book."))
    return visit.go("/addresses")


async def address(visit: Visit) -> Response:
    """One that can be changed; NotFound for any other."""
    found = (await visit.ask("addresses", "Kept", id=visit.path["id"]))["node"]
    if not found or not found.get("isEditable"):
        raise NotFound
    if visit.request.method == "GET":
        stored = found["address"] or {}
        return _form(visit, {name: stored.get(name) or "" for name in PARTS})
    if wrong := address_mistakes(visit.form, needs_country=True):
        return _form(visit, visit.form, wrong)
    values = {"id": found["id"], "address": typed(visit.form)}
    await visit.ask("addresses", "Change", input=values)
    visit.notice(visit.translate("The address was changed. Orders that were placed keep theirs."))
    return visit.go("/addresses")


async def remove(visit: Visit) -> Response:
    """Removing it twice comes to the same."""
    with suppress(NotFound):
        await visit.ask("addresses", "Remove", input={"id": visit.path["id"]})
    visit.notice(visit.translate("The address was removed. Orders that were placed keep theirs."))
    return visit.go("/addresses")


def typed(form: Mapping[str, str]) -> dict[str, str | None]:
    """The address that a form has, as the gateway takes it."""
    return {name: one_line(form.get(name, "")) or None for name in PARTS}


def _form(
    visit: Visit, fields: Mapping[str, str], mistakes: Mapping[str, str] | None = None
) -> Response:
    return visit.render(
        "address.html",
        status=422 if mistakes else 200,
        fields=fields,
        mistakes=mistakes or {},
        key=visit.path.get("id"),
    )
