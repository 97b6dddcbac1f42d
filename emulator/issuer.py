"""The demo's OpenID Connect issuer: code flow with PKCE for people, secrets for machines."""

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from emulator.clients import LOOPBACK, Client, Clients, OAuthError, is_loopback
from emulator.identities import PARTNER, Identity, People
from emulator.signin import message_page, sign_in_page
from emulator.tokens import ALGORITHMS, AUDIENCE, HOUR, Audience, Tokens

SCOPES: Final = ("openid", "profile", "email", "offline_access")
CODE_LIFETIME: Final = 60
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}

# Entra lets single-page applications call these from any origin; no cookie is involved.
ANY_ORIGIN: Final = [
    Middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type"],
    )
]

Form = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A signed-in person's grant to one client, waiting to be turned into tokens."""

    who: Identity
    client_id: str
    scope: str
    redirect_uri: str = ""
    challenge: str = ""
    nonce: str | None = None
    expires: float = float("inf")


class Demand(msgspec.Struct, frozen=True):
    """A request of the demo's command line: for a token of somebody, or of the services."""

    name: str = ""
    service: bool = False
    lifetime: int = HOUR


DEMAND: Final = msgspec.json.Decoder(Demand)


class Issuer:
    """The endpoints under `/issuer`, and the codes and refresh tokens that are still unused."""

    def __init__(self, tokens: Tokens, people: People, clients: Clients) -> None:
        self._tokens = tokens
        self._people = people
        self._clients = clients
        self._codes: dict[str, Grant] = {}
        self._refreshes: dict[str, Grant] = {}
        self._exchanges: dict[str, Callable[[Client, Form], Mapping[str, Any]]] = {
            "authorization_code": self._redeem_code,
            "refresh_token": self._refresh,
            "client_credentials": self._for_machine,
        }

    def routes(self) -> Mount:
        public = [
            ("/.well-known/openid-configuration", self.discovery, ["GET", "OPTIONS"]),
            ("/jwks", self.jwks, ["GET", "OPTIONS"]),
            ("/token", self.token, ["POST", "OPTIONS"]),
            ("/userinfo", self.userinfo, ["GET", "POST", "OPTIONS"]),
        ]
        return Mount(
            "/issuer",
            routes=[
                *(
                    Route(path, answer, methods=methods, middleware=ANY_ORIGIN)
                    for path, answer, methods in public
                ),
                Route("/authorize", self.authorize, methods=["GET", "POST"]),
                Route("/logout", self.logout, methods=["GET", "POST"]),
                Route("/demo/token", self.demo_token, methods=["POST"]),
            ],
        )

    async def discovery(self, request: Request) -> Response:
        issuer = self._tokens.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "end_session_endpoint": f"{issuer}/logout",
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": list(self._exchanges),
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": list(ALGORITHMS),
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": list(SCOPES),
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic",
                    "client_secret_post",
                    "none",
                ],
                "claims_supported": ["sub", "name", "email", "email_verified", "roles"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._tokens.public_keys())

    async def authorize(self, request: Request) -> Response:
        """Show the sign-in page, and once somebody is picked, send the browser back with a code."""
        asked = request.query_params
        client = self._clients.find(asked.get("client_id"))
        redirect_uri = asked.get("redirect_uri", "")
        if client is None or not client.redirects_to(redirect_uri):
            return message_page("Cannot sign in", "Unknown client or redirect URI.", 400)
        try:
            _check_request(asked)
        except OAuthError as error:
            return self._send_back(asked, {"error": error.code, "error_description": str(error)})
        if request.method == "GET":
            return sign_in_page(self._people.present(), redirect_uri, asked.get("login_hint", ""))
        return await self._signed_in(request, asked)

    async def _signed_in(self, request: Request, asked: Form) -> Response:
        user = (await _form(request)).get("user", "")
        who = self._people.find(user)
        if who is None or who.email is None:
            problem = f"Nobody here is called “{user}”."
            return sign_in_page(self._people.present(), asked["redirect_uri"], user, problem)
        code = secrets.token_urlsafe(32)
        self._codes[code] = Grant(
            who=who,
            client_id=asked["client_id"],
            scope=_supported(asked.get("scope", "")),
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            nonce=asked.get("nonce"),
            expires=time.monotonic() + CODE_LIFETIME,
        )
        return self._send_back(asked, {"code": code})

    def _send_back(self, asked: Form, answer: dict[str, str]) -> Response:
        answer |= {"iss": self._tokens.issuer}
        if "state" in asked:
            answer["state"] = asked["state"]
        joint = "&" if "?" in asked["redirect_uri"] else "?"
        return RedirectResponse(f"{asked['redirect_uri']}{joint}{urlencode(answer)}", 303, NO_STORE)

    async def token(self, request: Request) -> Response:
        try:
            form = await _form(request)
            client = self._clients.authenticate(request.headers.get("authorization"), form)
            exchange = self._exchanges.get(form.get("grant_type", ""))
            if exchange is None:
                raise OAuthError("unsupported_grant_type", "Use one of the supported grant types.")
            if form["grant_type"] not in client.grants:
                raise OAuthError("unauthorized_client", "This client may not use this grant.")
            return JSONResponse(exchange(client, form), headers=NO_STORE)
        except OAuthError as error:
            return _refusal(error)

    def _redeem_code(self, client: Client, form: Form) -> Mapping[str, Any]:
        grant = self._codes.pop(form.get("code", ""), None)
        if (
            grant is None
            or grant.expires < time.monotonic()
            or (grant.client_id, grant.redirect_uri) != (client.client_id, form.get("redirect_uri"))
            or not _matches(grant.challenge, form.get("code_verifier", ""))
        ):
            raise OAuthError("invalid_grant", "The code, its redirect URI or verifier is wrong.")
        return self._answer(client, grant)

    def _refresh(self, client: Client, form: Form) -> Mapping[str, Any]:
        grant = self._refreshes.pop(form.get("refresh_token", ""), None)
        if grant is None or grant.client_id != client.client_id:
            raise OAuthError("invalid_grant", "The refresh token is unknown or already used.")
        return self._answer(client, grant)

    def _for_machine(self, client: Client, form: Form) -> Mapping[str, Any]:
        audience = Audience(client_id=client.client_id, scope="", algorithm=client.algorithm)
        who = replace(PARTNER, subject=client.client_id)
        return _bearer(self._tokens.access(who, audience))

    def _answer(self, client: Client, grant: Grant) -> Mapping[str, Any]:
        audience = Audience(
            client_id=client.client_id, scope=grant.scope, algorithm=client.algorithm
        )
        answer = _bearer(self._tokens.access(grant.who, audience)) | {"scope": grant.scope}
        scopes = grant.scope.split()
        if "openid" in scopes:
            answer["id_token"] = self._tokens.sign_in(grant.who, audience, grant.nonce)
        if "offline_access" in scopes:
            answer["refresh_token"] = secrets.token_urlsafe(32)
            self._refreshes[answer["refresh_token"]] = grant
        return answer

    async def userinfo(self, request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = self._tokens.read(token, AUDIENCE)
        except ValueError:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            return JSONResponse({"error": "invalid_token"}, 401, challenge)
        shown = {"sub", "name", "email", "email_verified"}
        return JSONResponse({name: claims[name] for name in shown & claims.keys()})

    async def logout(self, request: Request) -> Response:
        """End the session: there is none, so only the way back remains, and only to loopback."""
        asked = request.query_params if request.method == "GET" else await _form(request)
        back = asked.get("post_logout_redirect_uri", "")
        if not is_loopback(back):
            return message_page("Signed out", "You can close this page.")
        state = f"?{urlencode({'state': asked['state']})}" if "state" in asked else ""
        return RedirectResponse(back + state, 303)

    async def demo_token(self, request: Request) -> Response:
        """A token without signing in, for the demo's command line; this machine alone may ask."""
        if request.client is None or request.client.host not in LOOPBACK:
            return JSONResponse({"error": "access_denied"}, 403)
        try:
            asked = DEMAND.decode(await request.body())
            return JSONResponse(_bearer(self._demanded(asked)), headers=NO_STORE)
        except msgspec.DecodeError as error:
            return _refusal(OAuthError("invalid_request", str(error)))
        except OAuthError as error:
            return _refusal(error)

    def _demanded(self, asked: Demand) -> str:
        if asked.service:
            return self._tokens.service("demo", asked.lifetime)
        who = self._people.find(asked.name)
        if who is None:
            raise OAuthError("unknown_user", "No contact has this name or e-mail.", 404)
        client_id = PARTNER.subject if who.email is None else "demo"
        return self.mint(who, client_id, asked.lifetime)

    def mint(self, who: Identity, client_id: str = "demo", lifetime: int = HOUR) -> str:
        """An access token for somebody, as if they had just signed in."""
        scope = "" if who.email is None else "openid profile email"
        return self._tokens.access(
            who, Audience(client_id=client_id, scope=scope, lifetime=lifetime)
        )


def _check_request(asked: Form) -> None:
    if asked.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "Only the code flow is offered.")
    if asked.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "Only response_mode=query is offered.")
    if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
        raise OAuthError("invalid_request", "PKCE with S256 is required.")
    if asked.get("prompt") == "none":
        raise OAuthError("login_required", "This issuer keeps no session.")


def _supported(scope: str) -> str:
    return " ".join(name for name in SCOPES if name in scope.split())


def _matches(challenge: str, verifier: str) -> bool:
    digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _bearer(token: str) -> dict[str, Any]:
    return {"access_token": token, "token_type": "Bearer", "expires_in": HOUR}


def _refusal(error: OAuthError) -> Response:
    body = {"error": error.code, "error_description": error.description}
    challenge = {"WWW-Authenticate": "Basic"} if error.status == 401 else {}
    return JSONResponse(body, error.status, NO_STORE | challenge)


async def _form(request: Request) -> Form:
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)
