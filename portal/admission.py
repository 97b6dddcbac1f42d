"""Admits a visitor: by token, rights and form; and finds the draft at hand."""

import time
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from front.strangers import known
from portal.errors import NotFound, Refused, SignInNeeded, Stale, Stranger
from portal.lending import take_place
from portal.sessions import User
from portal.signin import is_over
from portal.visits import FRESH, ORDERING, Visit


async def admit(visit: Visit) -> None:
    """Let the visitor in, with fresh tokens and a form that is theirs; PortalError if not."""
    if not visit.site.brand.shows(visit.page.part):
        raise NotFound
    if not visit.page.public:
        await _authenticate(visit)
        if not visit.offers(visit.page):
            raise NotFound
    if visit.request.method == "POST":
        _check_form(visit)
    if not visit.page.public and visit.may(ORDERING):
        await take_place(visit)


async def _authenticate(visit: Visit) -> None:
    """Tokens are renewed by one request at a time: an issuer may take each of them only once."""
    try:
        if not _is_fresh(visit.user):
            async with visit.session.lock:
                await _renew(visit, visit.user)
    except SignInNeeded:
        visit.session.expire()
        raise
    known(visit.request.scope)


def _is_fresh(user: User) -> bool:
    return not is_over(user.tokens) and user.viewed + FRESH > time.time()


async def _renew(visit: Visit, user: User) -> None:
    """
    Renew expired tokens and capabilities; a request that waited for another one's renewal reuses
    it.
    """
    if is_over(user.tokens):
        user = await _renewed(visit)
    if not _is_fresh(user):
        user.viewer = await _known(visit, user)
        user.viewed = time.time()
        _forget_lost_account(visit)


async def _renewed(visit: Visit) -> User:
    """The visitor with fresh tokens, which another process may have asked for."""
    issuer, session = visit.site.issuer, visit.session
    async with visit.site.sessions.renewing(session):
        if is_over(visit.user.tokens):
            visit.user.tokens = await issuer.renew(visit.user.tokens)
    return visit.user


async def _known(visit: Visit, user: User) -> Mapping[str, Any]:
    """
    Ask the gateway for the caller's roles and accounts. Signing in again would not help a caller
    who was refused at once. A view as a customer ends if that person is no longer a customer.
    """
    try:
        return await visit.ask("viewer", "Viewer")
    except (NotFound, Refused):
        if user.seen_as is None:
            raise
        user.seen_as = None
        return await visit.ask("viewer", "Viewer")
    except SignInNeeded:
        if user.viewed:
            raise
        raise Stranger from None


def _forget_lost_account(visit: Visit) -> None:
    """An account that was picked and is the caller's no longer would hide everything else."""
    known, found = {one["id"] for one in visit.accounts}, visit.viewer["accounts"] or {}
    picked = visit.session.account
    if picked and found.get("totalCount") == len(known) and picked["id"] not in known:
        visit.session.account = None


def _check_form(visit: Visit) -> None:
    if not compare_digest(visit.form.get("csrf", "").encode(), visit.session.csrf.encode()):
        raise Stale
