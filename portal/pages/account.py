"""The customer account: what it is, who may order for it; and which one to act for."""

from starlette.responses import Response

from portal.errors import NotFound
from portal.lists import any_of, mistakes, page_of
from portal.pages.colleagues import INVITING, myself
from portal.visits import Visit


async def account(visit: Visit) -> Response:
    key = visit.query.get("id") or (visit.account or {}).get("id")
    if key is None:
        return visit.go("/accounts")
    found = (await visit.ask("account", "Account", id=key))["account"]
    if found is None:
        raise NotFound
    mine = found["id"] == (visit.account or {}).get("id")
    return visit.render(
        "account.html",
        account=found,
        myself=myself(visit),
        invites=mine and visit.may("contacts:create") and visit.has(INVITING),
        removes=mine and visit.may("contacts:delete"),
        undo=visit.query.get("undo") if mine and visit.may("contacts:delete") else None,
    )


async def accounts(visit: Visit) -> Response:
    if visit.request.method == "POST":
        return await _switch(visit)
    if wrong := mistakes(visit.query):
        return visit.render(
            "accounts.html", status=422, found=None, mistakes=wrong, query=visit.query
        )
    found = await visit.ask(
        "account",
        "Accounts",
        filter=any_of(visit.query.get("q"), ("name", "number")),
        **page_of(visit.query),
    )
    return visit.render("accounts.html", found=found["accounts"], mistakes={}, query=visit.query)


async def _switch(visit: Visit) -> Response:
    """Act for one account, or look at all of them; only for one that the gateway shows."""
    picked = None
    if key := visit.form.get("account"):
        picked = (await visit.ask("account", "Account", id=key))["account"]
        if picked is None:
            raise NotFound
    visit.session.account = picked
    return visit.go("/dashboard")
