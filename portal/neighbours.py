"""All that a portal talks to, asked once: gateway, issuer, store, mail server."""

import smtplib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Final

import httpx2

from portal.outgoing import SmtpServer
from portal.seals import Seals
from portal.settings import PREFIX, Settings

PATIENCE: Final = 5.0
"""Seconds that each may take to answer."""
UNAUTHORIZED: Final = 401
NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
"""The parts of a discovery without which nobody can sign in."""


class Wrong(Exception):
    """A refusal of one of them, and the remedy."""

    def __init__(self, says: str, do: str) -> None:
        super().__init__(says, do)
        self.says, self.do = says, do


def check(settings: Settings) -> Iterator[tuple[str, Wrong | None]]:
    """The variable that has the address of each, and its refusal, if there is one."""
    asking: dict[str, Callable[[Settings], None]] = {"GATEWAY_URL": _gateway, "ISSUER": _issuer}
    asking |= {"SHARED": _shared} if settings.shared else {}
    asking |= {"SMTP": _smtp} if settings.smtp else {}
    for name, ask in asking.items():
        try:
            ask(settings)
        except Wrong as wrong:
            yield PREFIX + name, wrong
        else:
            yield PREFIX + name, None


def _gateway(settings: Settings) -> None:
    """Ask without a token, which a gateway refuses in words of its own."""
    do = "name the root of the gateway, and see that it answers from here"
    with _client() as http:
        answer = _answer(lambda: http.post(f"{settings.gateway_url}/graphql", json=QUERY), do)
        if answer.status_code != UNAUTHORIZED or "UNAUTHENTICATED" not in answer.text:
            raise Wrong(f"answers {answer.status_code}, and not as a gateway", do)
        ready = _answer(lambda: http.get(f"{settings.gateway_url}/readyz"), do)
    if not ready.is_success:
        raise Wrong("is not ready", "see the log of the gateway: it waits for keys, or is stopping")


QUERY: Final = {"query": "{ __typename }"}


def _issuer(settings: Settings) -> None:
    do = "name the issuer as its discovery names itself, and see that it answers from here"
    with _client() as http:
        url = f"{settings.issuer}/.well-known/openid-configuration"
        answer = _answer(lambda: http.get(url), do)
    try:
        told = answer.json()
        itself, lacking = told["issuer"], [each for each in NEEDED if not told.get(each)]
    except (ValueError, TypeError, KeyError):
        raise Wrong(f"answers {answer.status_code}, and no discovery", do) from None
    if itself.rstrip("/") != settings.issuer:
        raise Wrong(f"calls itself {itself}", do)
    if lacking:
        raise Wrong(f"names no {', '.join(lacking)}", "take an issuer of OpenID Connect")


def _shared(settings: Settings) -> None:
    # The module needs an extra, which a portal without Redis does not have.
    stores, seals = import_module("portal.shared_stores"), Seals(*settings.secrets)
    if found := stores.refusal(settings.shared, seals):
        raise Wrong(*found)


def store(settings: Settings) -> Wrong | None:
    """The refusal of the store that portals share, if there is one."""
    try:
        if settings.shared:
            _shared(settings)
    except Wrong as wrong:
        return wrong
    return None


def _smtp(settings: Settings) -> None:
    try:
        SmtpServer(settings.smtp or "").greet()
    except (OSError, smtplib.SMTPException) as error:
        do = "check host, port, user and password (with percent codes), and that it offers TLS"
        raise Wrong(f"{type(error).__name__}: {error}"[:200], do) from None


def _client() -> httpx2.Client:
    return httpx2.Client(timeout=PATIENCE, trust_env=False)


def _answer(asking: Callable[[], httpx2.Response], do: str) -> httpx2.Response:
    try:
        return asking()
    except httpx2.HTTPError as error:
        raise Wrong(f"does not answer: {type(error).__name__}", do) from None
