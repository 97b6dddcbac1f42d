"""Entra's token endpoint for applications: client credentials by secret or by signed assertion."""

import hmac
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.tokens import HOUR, TENANT, Tokens

SERVICE_CLIENT_ID: Final = "00000000-0000-4000-8000-00000000d365"
SERVICE_SECRET: Final = "service-demo-secret"  # noqa: S105 - published on purpose, loopback only
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Form = Mapping[str, str]


class EntraError(Exception):
    """A refusal in Entra's form: an OAuth code and an AADSTS number with its text."""

    def __init__(self, code: str, number: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.number = number
        self.status = status

    def body(self) -> dict[str, Any]:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        return {
            "error": self.code,
            "error_description": f"AADSTS{self.number}: {self} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {stamp}",
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }


@dataclass(frozen=True)
class Registration:
    """One application: its id, its secret, and the PEM certificates that may speak for it."""

    client_id: str = SERVICE_CLIENT_ID
    secret: str = SERVICE_SECRET
    certificates: tuple[str, ...] = field(default=())


class Entra:
    """The tenant that the emulated services trust."""

    def __init__(self, tokens: Tokens, *registrations: Registration) -> None:
        self._tokens = tokens
        known = registrations or (Registration(),)
        self._registrations = {one.client_id: one for one in known}

    def routes(self) -> list[Route]:
        return [
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.discovery),
        ]

    async def discovery(self, request: Request) -> Response:
        authority = f"{self._tokens.resource}/{request.path_params['tenant']}"
        return JSONResponse(
            {
                "issuer": f"{self._tokens.resource}/{TENANT}/v2.0",
                "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{authority}/oauth2/v2.0/token",
                "jwks_uri": f"{self._tokens.issuer}/jwks",
            }
        )

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        try:
            registration = self._authenticate(form, request.path_params["tenant"])
            self._check_scope(form.get("scope", ""))
        except EntraError as error:
            return JSONResponse(error.body(), error.status, {"Cache-Control": "no-store"})
        answer = {
            "token_type": "Bearer",
            "expires_in": HOUR - 1,
            "ext_expires_in": HOUR - 1,
            "access_token": self._tokens.service(registration.client_id),
        }
        return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _authenticate(self, form: Form, tenant: str) -> Registration:
        if tenant.lower() not in {TENANT, "demo"}:
            raise EntraError("invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            text = "The app requested an unsupported grant type."
            raise EntraError("unsupported_grant_type", 70003, text)
        client_id = form.get("client_id", "")
        registration = self._registrations.get(client_id)
        if registration is None:
            text = f"Application with identifier '{client_id}' was not found in the directory."
            raise EntraError("unauthorized_client", 700016, text)
        self._check_credential(registration, form)
        return registration

    def _check_credential(self, registration: Registration, form: Form) -> None:
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            self._check_assertion(registration, form.get("client_assertion", ""))
        elif "client_secret" not in form:
            text = (
                "The request body must contain the following parameter: "
                "'client_assertion' or 'client_secret'."
            )
            raise EntraError("invalid_client", 7000218, text, 401)
        elif not _same(form["client_secret"], registration.secret):
            text = (
                "Invalid client secret provided. Ensure the secret being sent in the request is "
                "the client secret value, not the client secret ID, for a secret added to app "
                f"'{registration.client_id}'."
            )
            raise EntraError("invalid_client", 7000215, text, 401)

    def _check_assertion(self, registration: Registration, assertion: str) -> None:
        claims = _signed_by(registration.certificates, assertion)
        named: jwt.ClaimsOption = {"essential": True, "value": registration.client_id}
        audiences = [
            f"{self._tokens.resource}/{tenant}/{rest}"
            for tenant in (TENANT, "demo")
            for rest in ("oauth2/v2.0/token", "v2.0")
        ]
        checks = jwt.JWTClaimsRegistry(
            iss=named,
            sub=named,
            exp={"essential": True},
            aud={"essential": True, "values": audiences},
        )
        try:
            checks.validate(claims)
        except ClaimError as error:
            text = f"Client assertion is not within its valid time range or scope: {error}"
            raise EntraError("invalid_client", 700024, text, 401) from error

    def _check_scope(self, scope: str) -> None:
        resource, slash, rest = scope.rpartition("/")
        if not slash or rest != ".default":
            text = (
                f"The provided value for scope {scope} is not valid. Client credential flows must "
                "have a scope value with /.default suffixed to the resource identifier "
                "(application ID URI)."
            )
            raise EntraError("invalid_scope", 1002012, text)
        if resource.rstrip("/") != self._tokens.resource:
            text = f"The resource principal named {resource} was not found in the tenant."
            raise EntraError("invalid_resource", 500011, text)


def _signed_by(certificates: tuple[str, ...], assertion: str) -> dict[str, Any]:
    """The claims of an assertion that one of the certificates signed."""
    for certificate in certificates:
        try:
            key = RSAKey.import_key(certificate)
            return jwt.decode(assertion, key, algorithms=["RS256", "PS256"]).claims
        except (JoseError, ValueError):
            continue
    text = "The certificate used to sign the client assertion is not registered on application."
    raise EntraError("invalid_client", 700027, text, 401)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())
