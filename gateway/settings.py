"""
The environment -> one frozen `Settings`. A field declares its `GATEWAY_...` variable in one place:
name, type, default, documentation. Nothing else in the gateway reads the environment.
"""

import difflib
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from gateway import parsers
from gateway.parsers import Partner

PREFIX = "GATEWAY_"
LIMIT = "GATEWAY_LIMIT_"
FILE = "_FILE"


class SettingsError(ValueError):
    """One or more variables cannot be used; `mistakes` has one line for each, with its name."""

    def __init__(self, mistakes: Collection[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class Variable:
    """One entry of the registry: what `gateway settings` and docs/settings.md show."""

    name: str
    doc: str
    parse: Callable[[str], Any]
    default: Any
    """`dataclasses.MISSING` where the variable is required."""
    secret: bool

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def field(self) -> str:
        return self.name.removeprefix(PREFIX).lower()

    @property
    def default_text(self) -> str:
        """The default as one would write it; empty where there is none."""
        match self.default:
            case bool():
                return "on" if self.default else "off"
            case tuple():
                return ",".join(self.default)
            case float() | int() | str():
                return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)
            case _:
                return ""


def variable(
    doc: str,
    parse: Callable[[str], Any] = parsers.text,
    *,
    default: Any = MISSING,
    secret: bool = False,
) -> Any:
    """Declare the field of `Settings` that one variable fills; a secret stays out of its repr."""
    metadata = {"doc": doc, "parse": parse, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the operator decides. Built by `load`, or by hand for the demo and tests."""

    dataverse_url: str = variable(
        "Root of the Dataverse environment, e.g. `https://contoso.crm.dynamics.com`.", parsers.url
    )
    finops_url: str = variable(
        "Root of the Finance & Operations environment, e.g. `https://contoso.operations.dynamics.com`.",
        parsers.url,
    )
    tenant: str | None = variable(
        "Entra tenant (id or domain) that issues the gateway's own service tokens.",
        parsers.tenant,
        default=None,
    )
    token_url: str | None = variable(
        "Token endpoint for the service tokens, instead of TENANT: another cloud, or the emulator.",
        parsers.url,
        default=None,
    )
    client_id: str = variable("The gateway's own application id, for the service tokens.")
    client_secret: str | None = variable(
        "Secret of that application; or give CLIENT_CERTIFICATE.", default=None, secret=True
    )
    client_certificate: str | None = variable(
        "PEM text with the application's certificate and private RSA key.",
        parsers.certificate,
        default=None,
        secret=True,
    )
    issuer: str = variable("The callers' OIDC issuer, exactly as `iss` has it.", parsers.issuer)
    jwks_url: str | None = variable(
        "Where the issuer's keys are, if not on its own origin; there is no discovery then.",
        parsers.url,
        default=None,
    )
    audience: tuple[str, ...] = variable(
        "What `aud` of an access token may be; any one of these.", parsers.words
    )
    algorithms: tuple[str, ...] = variable(
        "Signature algorithms accepted from the issuer.",
        parsers.algorithms,
        default=("RS256", "ES256"),
    )
    scope: str | None = variable(
        "A scope or role that every access token must carry in `scp`, `scope` or the roles claim.",
        default=None,
    )
    subject_claim: str = variable("Claim that names the caller, for Entra `oid`.", default="sub")
    identity_provider: str | None = variable(
        "Name of the issuer in `adx_identityprovidername`, if it is not the issuer's address.",
        default=None,
    )
    email_claim: str = variable("Claim with the caller's e-mail address.", default="email")
    email_verified_claim: str = variable(
        "Claim that must be true before that address is believed.", default="email_verified"
    )
    external_identities: bool = variable(
        "Look callers up in Power Pages' `adx_externalidentities` before the e-mail address.",
        parsers.switch,
        default=True,
    )
    contact_parties: bool = variable(
        "Find accounts of callers in `msdyn_contactforparties` too, besides the contact's parent.",
        parsers.switch,
        default=True,
    )
    web_roles: tuple[str, ...] = variable(
        "Power Pages whose web roles count, by the prefix of their tables: `adx`, `mspp`, or both.",
        parsers.web_roles,
        default=(),
    )
    roles_claim: str = variable("Claim with the caller's roles.", default="roles")
    customer_roles: tuple[str, ...] = variable(
        "Roles that every customer has, besides those in the token.",
        parsers.words,
        default=("buyer",),
    )
    staff_roles: tuple[str, ...] = variable(
        "Roles in the token that mark the company's own people; they see every account.",
        parsers.words,
        default=(),
    )
    issuers: str | None = variable(
        "TOML file with further issuers and the kinds of caller that each may name: "
        "see docs/access.md.",
        default=None,
    )
    audit_file: str | None = variable(
        "File that gets a hash-chained line per mutation, denial and view as a customer.",
        default=None,
    )
    policy: str | None = variable(
        "TOML file with roles that replace or add to the shipped ones: see docs/access.md.",
        default=None,
    )
    partners: tuple[Partner, ...] = variable(
        "Machine callers and their accounts: `client-id=NUMBER@company,...; client-id=...`, with "
        "` as role,...` behind the accounts where the role is not `partner`.",
        parsers.partners,
        default=(),
    )
    extensions: tuple[str, ...] = variable(
        "Modules of the adopter to import: they add columns and tables.", parsers.words, default=()
    )
    host: str = variable("Address to listen on.", default="127.0.0.1")
    port: int = variable("Port to listen on.", parsers.port, default=8000)
    workers: int = variable("Worker processes.", parsers.count, default=1)
    cors_origins: tuple[str, ...] = variable(
        "Web origins that may call the gateway from a browser.", parsers.origins, default=()
    )
    introspection: bool = variable(
        "Let signed-in callers introspect the schema.", parsers.switch, default=False
    )
    graphiql: bool = variable("Serve GraphiQL at `/graphiql`.", parsers.switch, default=False)
    graphiql_client_id: str | None = variable(
        "Public client id that GraphiQL signs in with (code flow with PKCE).", default=None
    )
    graphiql_scope: str = variable(
        "Scopes that GraphiQL asks for; with Entra also the gateway's own.",
        default="openid profile email",
    )
    compiled_plans: bool = variable(
        "Answer queries by compiled plans where they can be; graphql-core answers the rest either "
        "way.",
        parsers.switch,
        default=True,
    )
    expands: bool = variable(
        "Let Dataverse send lines and customers inside of their orders and invoices, by `$expand`, "
        "where a compiled plan proves that to be the same.",
        parsers.switch,
        default=True,
    )
    metrics: bool = variable(
        "Serve counters for Prometheus at `/metrics`, to anybody who can reach it: see "
        "docs/metrics.md.",
        parsers.switch,
        default=False,
    )
    show_execution: bool = variable(
        "Say in `extensions.execution` of every answer whether a plan answered it, and why not.",
        parsers.switch,
        default=False,
    )
    trusted_documents: str | None = variable(
        "JSON file with the documents that clients may name by id, checked and planned at start: "
        "see docs/graphql-over-http.md.",
        default=None,
    )
    trusted_only: bool = variable(
        "Answer no other documents than those.", parsers.switch, default=False
    )
    deadline: float = variable("Seconds for one operation.", parsers.seconds, default=10.0)
    mutation_deadline: float = variable(
        "Seconds after which the caller of a mutation is answered, with PENDING if need be.",
        parsers.seconds,
        default=25.0,
    )
    write_limit: float = variable(
        "Seconds that a write may go on, its caller answered or not; dual-write itself has 120.",
        parsers.seconds,
        default=125.0,
    )
    write_timeout: float = variable(
        "Seconds to wait for the answer to one try of a write before it is sent again.",
        parsers.seconds,
        default=10.0,
    )
    order_keys: bool = variable(
        "Refuse to write orders unless they can carry key and fingerprint. Without them orders are "
        "not doubled either, but a key that is used for another order is not noticed.",
        parsers.switch,
        default=True,
    )
    unpriced: parsers.Unpriced = variable(  # noqa: RUF009 - a field, as all of them
        "What becomes of an order line without a known price: `omit` sends none, `zero` sends 0 so "
        "that the ERP works it out, `refuse` makes it an error.",
        parsers.unpriced,
        default="omit",
    )
    connect_timeout: float = variable(
        "Seconds to reach Dataverse or F&O.", parsers.seconds, default=2.0
    )
    read_timeout: float = variable(
        "Seconds to wait for an answer of Dataverse or F&O.", parsers.seconds, default=8.0
    )
    upstream_calls: int = variable(
        "Upstream calls that one operation may make.", parsers.count, default=50
    )
    upstream_concurrency: int = variable(
        "Calls in flight to each of the two services, per process.", parsers.count, default=40
    )
    http_transport: parsers.HttpTransport = variable(  # noqa: RUF009 - a field, as all of them
        "What carries requests to the two services: `own`, or `httpx2` with its own transport, "
        "which costs many times the CPU and can take what follows an answer for the next one.",
        parsers.http_transport,
        default="own",
    )
    log_level: str = variable(
        "`debug`, `info`, `warning` or `error`.", parsers.log_level, default="info"
    )
    limits: Mapping[str, int] = field(default_factory=dict)
    """Overrides of the engine's structural limits, by lower-case name (`GATEWAY_LIMIT_<NAME>`)."""


VARIABLES: tuple[Variable, ...] = tuple(
    Variable(PREFIX + declared.name.upper(), default=declared.default, **declared.metadata)
    for declared in fields(Settings)
    if declared.metadata
)


def load(limits: Collection[str] = (), environ: Mapping[str, str] = os.environ) -> Settings:
    """
    Read every variable once. `limits` are the lower-case names of the engine's limits.

    SettingsError names all mistakes together: missing, unusable, contradicting and unknown ones.
    """
    raw, mistakes = read(limits, environ)
    parsed: dict[str, Any] = {"limits": _limits(raw, limits, mistakes)}
    for entry in VARIABLES:
        try:
            parsed[entry.field] = _value(entry, raw.get(entry.name))
        except ValueError as error:
            mistakes.append(f"{entry.name}: {error}")
    mistakes += [f"{name}: {problem}" for name, problem in _contradictions(environ, parsed)]
    mistakes += _unknown(environ, limits)
    if mistakes:
        raise SettingsError(mistakes)
    return Settings(**parsed)


def read(
    limits: Collection[str] = (), environ: Mapping[str, str] = os.environ
) -> tuple[dict[str, str], list[str]]:
    """The text of each variable that is set, secrets in files included, and the mistakes."""
    overridden = (LIMIT + name.upper() for name in limits)
    raw = {name: environ[name] for name in overridden if environ.get(name)}
    mistakes: list[str] = []
    for entry in VARIABLES:
        try:
            text = _text(entry, environ)
        except ValueError as error:
            mistakes.append(f"{entry.name}{FILE}: {error}")
        else:
            raw |= {entry.name: text} if text else {}
    return raw, mistakes


def table() -> str:
    """The registry as the Markdown table of docs/settings.md."""
    rows = [f"| `{entry.name}` | {_default(entry)} | {entry.doc} |" for entry in VARIABLES]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _default(entry: Variable) -> str:
    if entry.required:
        return "*required*"
    default = f"`{entry.default_text}`" if entry.default_text else ""
    return "secret" if entry.secret else default


def _text(entry: Variable, environ: Mapping[str, str]) -> str | None:
    direct = environ.get(entry.name, "").strip()
    path = environ.get(entry.name + FILE) if entry.secret else None
    if not path:
        return direct
    if direct:
        raise ValueError(f"give this or {entry.name}, not both")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("the file cannot be read") from None


def _value(entry: Variable, text: str | None) -> Any:
    if text is not None:
        return entry.parse(text)
    if entry.required:
        raise ValueError(f"required: {entry.doc}")
    return entry.default


def _limits(raw: Mapping[str, str], limits: Collection[str], mistakes: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for limit in limits:
        name = LIMIT + limit.upper()
        try:
            found |= {limit: parsers.count(raw[name])} if name in raw else {}
        except ValueError as error:
            mistakes.append(f"{name}: {error}")
    return found


def _contradictions(environ: Mapping[str, str], parsed: Mapping[str, Any]) -> list[tuple[str, str]]:
    def given(name: str) -> bool:
        return bool(environ.get(PREFIX + name) or environ.get(PREFIX + name + FILE))

    found = []
    if given("TENANT") == given("TOKEN_URL"):
        found.append((PREFIX + "TENANT", f"give either this or {PREFIX}TOKEN_URL"))
    if given("CLIENT_SECRET") == given("CLIENT_CERTIFICATE"):
        found.append((PREFIX + "CLIENT_SECRET", f"give either this or {PREFIX}CLIENT_CERTIFICATE"))
    if parsed.get("graphiql") and not given("GRAPHIQL_CLIENT_ID"):
        found.append((PREFIX + "GRAPHIQL_CLIENT_ID", "required by GATEWAY_GRAPHIQL"))
    if parsed.get("trusted_only") and not given("TRUSTED_DOCUMENTS"):
        found.append((PREFIX + "TRUSTED_DOCUMENTS", f"required by {PREFIX}TRUSTED_ONLY"))
    if parsed.get("graphiql_client_id") in parsed.get("audience", ()):
        # The client id is the audience of ID tokens, which must never pass for access tokens.
        found.append((PREFIX + "AUDIENCE", f"must not hold {PREFIX}GRAPHIQL_CLIENT_ID"))
    return found


def _unknown(environ: Mapping[str, str], limits: Collection[str]) -> list[str]:
    known = [entry.name for entry in VARIABLES]
    known += [entry.name + FILE for entry in VARIABLES if entry.secret]
    known += [LIMIT + name.upper() for name in limits]
    strangers = sorted(n for n in environ if n.startswith(PREFIX) and n not in known)
    return [f"{name}: unknown{_suggestion(name, known)}" for name in strangers]


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
