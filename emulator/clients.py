"""The applications that the issuer knows: what each may do and how it proves itself."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class OAuthError(Exception):
    """A refusal in the words of RFC 6749: its code, what to tell the developer, and the status."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Client:
    """One registered application; without a secret it is public, as a browser's has to be."""

    client_id: str
    grants: frozenset[str]
    secret: str | None = None
    redirect_paths: frozenset[str] = frozenset()
    algorithm: str = "RS256"

    def redirects_to(self, uri: str) -> bool:
        return is_loopback(uri) and urlsplit(uri).path in self.redirect_paths


SIGNS_IN: Final = frozenset({"authorization_code", "refresh_token"})

DEMO_CLIENTS: Final = (
    Client(
        client_id="graphiql",
        grants=SIGNS_IN,
        redirect_paths=frozenset({"/graphiql", "/graphiql/", "/graphiql/callback"}),
        algorithm="ES256",
    ),
    Client(
        client_id="portal",
        grants=SIGNS_IN,
        secret="portal-demo-secret",  # noqa: S106 - published on purpose, loopback only
        redirect_paths=frozenset({"/callback", "/auth/callback", "/signin/callback"}),
    ),
    Client(
        client_id="partner",
        grants=frozenset({"client_credentials"}),
        secret="partner-demo-secret",  # noqa: S106 - likewise
    ),
)


def is_loopback(uri: str) -> bool:
    """True if a URL stays on this machine; any port will do, as RFC 8252 asks."""
    try:
        parts = urlsplit(uri)
        plain = not (parts.fragment or parts.username or parts.password) and parts.port != 0
    except ValueError:
        return False
    return plain and parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


class Clients:
    """Finds registered clients and checks the credentials they send."""

    def __init__(self, clients: tuple[Client, ...] = DEMO_CLIENTS) -> None:
        self._clients = {client.client_id: client for client in clients}

    def find(self, client_id: str | None) -> Client | None:
        return self._clients.get(client_id or "")

    def authenticate(self, authorization: str | None, form: Mapping[str, str]) -> Client:
        """The client behind a token request, by HTTP Basic, by form, or public by its id alone."""
        client_id, secret = _basic(authorization) or (
            form.get("client_id"),
            form.get("client_secret"),
        )
        client = self.find(client_id)
        if client is None or not _proven(client, secret):
            raise OAuthError("invalid_client", "Unknown client or wrong secret.", 401)
        return client


def _basic(authorization: str | None) -> tuple[str, str] | None:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client", "The Basic credentials are malformed.", 401) from error
    return unquote(user), unquote(secret)


def _proven(client: Client, secret: str | None) -> bool:
    if client.secret is None:
        return not secret
    return hmac.compare_digest(client.secret.encode(), (secret or "").encode())
