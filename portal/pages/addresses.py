"""Addresses for an order: the account's, those its orders went to lately, or one typed in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from portal.drafts import Destination
from portal.errors import PortalError
from portal.visits import Visit
from portal.words import N_, PURPOSE

ACCOUNT: Final = "account"
OTHER: Final = "other"
PARTS: Final = ("name", "street", "streetNumber", "postalCode", "city", "state", "country")
LATELY: Final = 5
"""Addresses of earlier orders that are offered."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One address to pick; its `destination.choice` stands in the form."""

    title: str
    destination: Destination


async def choices(visit: Visit, account: str | None) -> tuple[dict[str, Any] | None, list[Choice]]:
    """The account with its own address, and the others."""
    if account is None:
        return None, []
    found = await visit.ask("wizard", "Addresses", account=account)
    buyer = found["account"] or {}
    own = (buyer.get("addresses") or {}).get("nodes", ())
    went = [order["shipTo"] for order in (found["orders"] or {}).get("nodes", ())]
    seen = {_place(buyer.get("address"))}
    offered = _new(
        seen, [(PURPOSE[each["purpose"]][0], each["address"], each["id"]) for each in own]
    )
    used = _new(seen, [(N_("Used before"), each, None) for each in went])
    return found["account"], [*offered, *used[:LATELY]]


def with_chosen(offered: list[Choice], chosen: Destination) -> list[Choice]:
    """
    The choices with the one of the draft, where the visitor is not offered it any more: it is kept
    until another one is picked. One of the address book that is gone is not.
    """
    known = {ACCOUNT, OTHER, *(one.destination.choice for one in offered)}
    if chosen.id or chosen.choice in known:
        return offered
    return [*offered, Choice(N_("Chosen for this order"), chosen)]


def _new(
    seen: set[str], found: list[tuple[str, Mapping[str, str | None] | None, str | None]]
) -> list[Choice]:
    """The choices among `found` that have a street and are not in `seen`, which they join."""
    kept = []
    for title, address, key in found:
        parts, place = _filled(address), _place(address)
        if parts.get("street") and place not in seen:
            seen.add(place)
            kept.append(Choice(title, Destination(key or _digest(parts), parts, key)))
    return kept


def _filled(address: Mapping[str, str | None] | None) -> dict[str, str]:
    """The parts of an address that have a value."""
    return {name: value for name, value in (address or {}).items() if value}


def _place(address: Mapping[str, str | None] | None) -> str:
    """The address without who is there, as people would compare it."""
    return " ".join(str((address or {}).get(name) or "").casefold() for name in PARTS[1:])


def _digest(parts: Mapping[str, str]) -> str:
    """A name for an address without an id: places in a list change while a form is filled in."""
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


async def kept(visit: Visit, account: str, parts: Mapping[str, Any], key: str) -> str | None:
    """The id of an address in the account's address book, to which it is added once for a key."""
    values = {"account": account, "address": parts, "idempotencyKey": key}
    found = (await visit.ask("addresses", "Keep", input=values))["createAccountAddress"]
    return found["id"] if found else None


async def _kept(visit: Visit, account: str, parts: dict[str, str]) -> Destination:
    """An address that was typed as one of the address book; as it is where it cannot be kept."""
    try:
        if "country" not in parts:
            own, _ = await choices(visit, account)
            parts = _filled({**parts, "country": ((own or {}).get("address") or {}).get("country")})
        key = await kept(visit, account, parts, f"typed-{_digest(parts)}")
    except PortalError:
        key = None
    if key is None:
        visit.warn(visit.translate("The address could not be added to the address book."))
        return Destination(OTHER, parts)
    return Destination(key, parts, key)


async def destination(
    visit: Visit, account: str | None, chosen: Destination | None = None
) -> Destination | None:
    """
    The destination that the form names, where `chosen` is that of the draft; None for an address
    that is not on offer any more.
    """
    picked = visit.form.get("ship_to") or ACCOUNT
    if picked == ACCOUNT:
        return Destination()
    if picked == OTHER:
        typed = _filled({name: visit.form.get(name, "").strip() for name in PARTS})
        if account and visit.form.get("keep") == "yes" and visit.may("account:create"):
            return await _kept(visit, account, typed)
        return Destination(OTHER, typed)
    _, offered = await choices(visit, account)
    found = (one.destination for one in with_chosen(offered, chosen or Destination()))
    return next((one for one in found if one.choice == picked), None)
