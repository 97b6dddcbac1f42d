"""Signing in at the issuer and out again: authorization code with PKCE, by authlib's client."""

import asyncio
import logging
import ssl
import time
from collections import OrderedDict
from functools import cache
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.requests import Request
from starlette.responses import Response

from portal.errors import SignInNeeded, Unavailable
from portal.sessions import Tokens, User
from portal.settings import Settings

log = logging.getLogger(__name__)

CALLBACK: Final = "/callback"
EARLY: Final = 60
"""Seconds before its end at which a token counts as over."""
TELL_AFTER: Final = 60
"""Seconds after which the log tells of another sign-in that failed: anybody can make them fail."""
EXCHANGES: Final = 8
"""Codes that are tried at the issuer at once; others wait."""
REMEMBERED: Final = 10_000
"""Sign-ins that were tried, which are not tried again."""
PAUSE: Final = 5
"""Seconds for which an issuer that did not answer is left alone by those who want to sign in."""


@cache
def tls() -> ssl.SSLContext:
    """The certificates that are trusted; reading them is most of what a client's start costs."""
    return httpx2.create_ssl_context(trust_env=False)


class Shared(httpx2.AsyncBaseTransport):
    """One pool of connections, and one TLS context, for the clients that authlib makes anew."""

    def __init__(self) -> None:
        self._pool = httpx2.AsyncHTTPTransport(verify=tls(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._pool.handle_async_request(request)

    async def close(self) -> None:
        """At the end of the process; that of a client closes nothing."""
        await self._pool.aclose()


class Issuer:
    """The OpenID Connect provider, as the settings name it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._transport = Shared()
        self._asking = asyncio.Lock()
        self._exchanging = asyncio.Semaphore(EXCHANGES)
        self._tried: OrderedDict[str, None] = OrderedDict()
        self._failed = -float(PAUSE)
        self._told = -float(TELL_AFTER)
        self._client: Any = OAuth().register(
            "issuer",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=f"{settings.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": settings.scope,
                "code_challenge_method": "S256",
                "transport": self._transport,
                "timeout": settings.timeout,
            },
        )

    async def close(self) -> None:
        await self._transport.close()

    async def start(self, request: Request) -> Response:
        await self._discover()
        back = self._settings.public_url + CALLBACK
        response: Response = await self._client.authorize_redirect(request, back)
        return response

    async def _discover(self) -> None:
        """Ask where to sign in, once, by one request, and not at once again if it fails."""
        async with self._asking:
            if time.monotonic() - self._failed < PAUSE:
                raise Unavailable("issuer")
            try:
                await self._client.load_server_metadata()
            except (httpx2.HTTPError, ValueError) as error:
                self._failed = time.monotonic()
                raise Unavailable("issuer") from error

    async def finish(self, request: Request) -> User:
        """Return who came back; SignInNeeded if the code, the state or the token is not right."""
        if "error" in request.query_params:
            raise SignInNeeded
        self._try_once(request)
        try:
            async with self._exchanging:
                answer = await self._client.authorize_access_token(request)
            claims, tokens = answer["userinfo"], _tokens(answer, None)
            name = str(claims["name"]) if claims.get("name") else None
            return User(str(claims["sub"]), tokens, time.time(), name=name)
        except httpx2.HTTPError as error:
            raise Unavailable("issuer") from error
        except (OAuthError, JoseError, ValueError, KeyError) as error:
            self._tell(error)
            raise SignInNeeded from error

    def _try_once(self, request: Request) -> None:
        """
        SignInNeeded unless the request comes back from a sign-in that was begun here and has not
        been tried yet: anybody can send the way back again, and each try is a call of the issuer.
        """
        state = request.query_params.get("state", "")
        begun = request.session.get(f"_state_issuer_{state}")
        if begun is None or begun["exp"] < time.time() or state in self._tried:
            raise SignInNeeded
        self._tried[state] = None
        if len(self._tried) > REMEMBERED:
            self._tried.popitem(last=False)

    def _tell(self, error: Exception) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_AFTER:
            self._told = now
            log.warning("sign-in failed: %s", type(error).__name__)

    async def renew(self, tokens: Tokens) -> Tokens:
        """Fresh tokens for old ones; SignInNeeded where the issuer has had enough."""
        if tokens.refresh is None:
            raise SignInNeeded
        try:
            answer = await self._client.fetch_access_token(
                grant_type="refresh_token", refresh_token=tokens.refresh
            )
        except httpx2.HTTPError as error:
            raise Unavailable("issuer") from error
        except OAuthError as error:
            raise SignInNeeded from error
        return _tokens(answer, tokens)

    async def farewell(self, tokens: Tokens) -> str:
        """The address to send a browser to so that the issuer forgets it too."""
        home = self._settings.public_url + "/"
        try:
            found = await self._client.create_logout_url(
                post_logout_redirect_uri=home, id_token_hint=tokens.id
            )
        except (httpx2.HTTPError, RuntimeError):
            return home
        return str(found["url"])


def is_over(tokens: Tokens) -> bool:
    return tokens.expires - EARLY < time.time()


def _tokens(answer: Any, before: Tokens | None) -> Tokens:
    return Tokens(
        access=answer["access_token"],
        refresh=answer.get("refresh_token") or (before.refresh if before else None),
        id=answer.get("id_token") or (before.id if before else None),
        expires=time.time() + float(answer.get("expires_in", 300)),
    )
