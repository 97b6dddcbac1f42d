"""The registry of settings: each field of `Settings` declares its `GATEWAY_...` variable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.config import parsers
from gateway.config.parsers import Application, LogFormat, Partner, Zones
from variables.declaring import SettingsError as SettingsError
from variables.declaring import Variable as Variable
from variables.declaring import table as table_of
from variables.declaring import variable, variables_of
from variables.toml_files import json_schema

PREFIX = "GATEWAY_"
LIMIT = "GATEWAY_LIMIT_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a gateway; the demo and tests make theirs without the environment."""

    config: str | None = variable(
        "TOML file with any of these settings; a variable of the environment wins over it.",
        default=None,
    )
    dataverse_url: str = variable(
        "Root of the Dataverse environment, e.g. `https://contoso.crm.dynamics.com`.",
        parsers.dataverse_root,
    )
    finops_url: str = variable(
        "Root of the Finance & Operations environment, e.g. `https://contoso.operations.dynamics.com`.",
        parsers.finops_root,
    )
    tenant: str | None = variable(
        "Entra tenant (id or domain) that issues the gateway's own service tokens.",
        parsers.tenant,
        default=None,
    )
    token_url: str | None = variable(
        "Token endpoint for the service tokens, instead of TENANT: another cloud, or the emulator.",
        parsers.token_url,
        default=None,
    )
    client_id: str = variable("The gateway's own application id in Entra.", parsers.client)
    client_secret: str | None = variable(
        "Secret of that application; or give CLIENT_CERTIFICATE.", default=None, secret=True
    )
    client_certificate: str | None = variable(
        "PEM text with the application's certificate and private RSA key.",
        parsers.certificate,
        default=None,
        secret=True,
    )
    pool: tuple[Application, ...] = variable(
        "Further applications that call Dataverse: `id=secret,...`: see docs/budget.md.",
        parsers.pool,
        default=(),
        secret=True,
    )
    issuer: str = variable("The callers' OIDC issuer, exactly as `iss` has it.", parsers.issuer)
    jwks_url: str | None = variable(
        "Address of the issuer's keys, if it is on another origin; it replaces the discovery.",
        parsers.keys_url,
        default=None,
    )
    audience: tuple[str, ...] = variable(
        "Accepted values of `aud` in an access token; one of them is enough.", parsers.audiences
    )
    algorithms: tuple[str, ...] = variable(
        "Signature algorithms accepted from the issuer.",
        parsers.algorithms,
        default=("RS256", "ES256"),
    )
    scope: str | None = variable(
        "A scope or role that every access token must carry in `scp`, `scope` or the roles claim.",
        parsers.one_word,
        default=None,
    )
    subject_claim: str = variable(
        "Claim that identifies the caller; with Entra `oid`.", default="sub"
    )
    identity_provider: str | None = variable(
        "Name of the issuer in `adx_identityprovidername`, if it is not the issuer's address.",
        default=None,
    )
    email_claim: str = variable("Claim with the caller's e-mail address.", default="email")
    email_verified_claim: str = variable(
        "Claim that must be true before that address is believed.", default="email_verified"
    )
    match_email: bool = variable(
        "Find a contact without an external identity at the issuer by verified e-mail.",
        parsers.switch,
        default=True,
    )
    email_domains: tuple[str, ...] = variable(
        "Domains of the e-mail addresses that the issuer is trusted for; without it all.",
        parsers.domains,
        default=(),
    )
    token_roles: bool = variable(
        "Give customers the customer roles that their tokens name.", parsers.switch, default=True
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
    receipt_secret: str | None = variable(
        "Secret that `operation` ids and links to documents are signed with, at least 32 "
        "characters. Without it, it is derived from CLIENT_SECRET or CLIENT_CERTIFICATE, and a "
        "change of those makes the ids invalid.",
        parsers.own_secret,
        default=None,
        secret=True,
    )
    audit_file: str | None = variable(
        "File that gets a line for each mutation, denial and view as a customer, `-` for standard "
        "output, or the address of an OTLP collector: see docs/access.md.",
        parsers.audit,
        default=None,
    )
    audit_secret: str | None = variable(
        "Secret that the lines of the audit are sealed with, at least 32 characters. Without it, "
        "it is derived from CLIENT_SECRET or CLIENT_CERTIFICATE.",
        parsers.own_secret,
        default=None,
        secret=True,
    )
    audit_required: bool = variable(
        "Refuse a mutation, before it writes anything, while the audit cannot take its line.",
        parsers.switch,
        default=True,
    )
    audit_patience: float = variable(
        "Seconds that a mutation waits for its line of the audit.", parsers.seconds, default=3.0
    )
    policy: str | None = variable(
        "TOML file with roles that replace or add to the shipped ones: see docs/access.md.",
        default=None,
    )
    partners: tuple[Partner, ...] = variable(
        "Machine callers and their accounts: `client-id=NUMBER@company,...; client-id=...`, with "
        "` as role,...` behind the accounts if the role is not `partner`.",
        parsers.partners,
        default=(),
    )
    names: str | None = variable(
        "TOML file with the names of tables, columns and navigation properties in this "
        "environment, and those that are absent: see docs/first-contact.md.",
        default=None,
    )
    learned_names: str = variable(
        "File that stores the names read from the environment for the next start; `auto` is a "
        "file in the user's cache folder, `off` stores nothing.",
        default="auto",
    )
    time_zone: Zones = variable(  # noqa: RUF009 - a field, as all of them
        "Time zone in which people enter days in Dataverse, e.g. `Europe/Berlin`, with exceptions "
        "for single legal entities: `Europe/Berlin,usmf=America/Chicago`. Without it, an instant "
        "is read as the day of the nearest midnight, and mails go by the days of UTC.",
        parsers.zones,
        default=Zones(),
    )
    extensions: tuple[str, ...] = variable(
        "Your modules to import, which add columns and tables.", parsers.modules, default=()
    )
    memory: int = variable(
        "Megabytes for all that a process keeps: documents with their plans (24 at most), prepared "
        "queries, callers, tokens and rows. The least useful goes first: see docs/deploy.md.",
        parsers.megabytes,
        default=64,
    )
    host: str = variable("Address to listen on.", parsers.host, default="127.0.0.1")
    port: int = variable("Port to listen on.", parsers.port, default=8000)
    workers: int = variable("Worker processes.", parsers.count, default=1)
    linger: float = variable(
        "Seconds after `SIGTERM` in which new connections are still taken, while `/readyz` says "
        "that the process is not ready, so that balancers learn of it in time.",
        parsers.seconds,
        default=5.0,
    )
    stop_within: float = variable(
        "Seconds after `SIGTERM` in which the process has ended, whatever is under way: less than "
        "its supervisor gives it, which is 30 with Kubernetes.",
        parsers.seconds,
        default=28.0,
    )
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
        "Answer queries by compiled plans if possible; graphql-core answers all others.",
        parsers.switch,
        default=True,
    )
    expands: bool = variable(
        "Let Dataverse send lines and customers inside their orders and invoices by `$expand`, if "
        "a compiled plan proves that the answer is the same.",
        parsers.switch,
        default=True,
    )
    metrics: bool = variable(
        "Serve counters for Prometheus at `/metrics` to whoever reaches it: see docs/metrics.md.",
        parsers.switch,
        default=False,
    )
    show_cost: bool = variable(
        "Say in `extensions.cost` of every answer how many calls to Dynamics it took, and tell in "
        "the RateLimit fields how many are left; without it, where a request asks for it.",
        parsers.switch,
        default=False,
    )
    show_execution: bool = variable(
        "Show in `extensions.execution` of every answer if a plan answered it, else the reason.",
        parsers.switch,
        default=False,
    )
    trusted_documents: str | None = variable(
        "JSON file with the documents that clients may name by id, checked and planned at start: "
        "see docs/graphql-over-http.md.",
        default=None,
    )
    trusted_only: bool = variable(
        "Answer only the documents of TRUSTED_DOCUMENTS.", parsers.switch, default=False
    )
    deadline: float = variable("Seconds for one operation.", parsers.seconds, default=10.0)
    mutation_deadline: float = variable(
        "Seconds after which a mutation is answered; with PENDING if its outcome is not known.",
        parsers.seconds,
        default=25.0,
    )
    write_limit: float = variable(
        "Seconds that a write may take, even after its caller was answered; dual-write has 120.",
        parsers.seconds,
        default=125.0,
    )
    write_timeout: float = variable(
        "Seconds to wait for the answer to one try of a write before it is sent again.",
        parsers.seconds,
        default=10.0,
    )
    order_keys: bool = variable(
        "Refuse to write orders if Dataverse lacks the columns for key and fingerprint. Without "
        "the columns no order is placed twice either, but a key that is used again for another "
        "order is not noticed.",
        parsers.switch,
        default=True,
    )
    order_language: str = variable(
        "Language of orders whose buyer has none, spelled as in dual-write's value map: `en-us`, "
        "`de`; `none` sends no language.",
        default="en-us",
    )
    unpriced: parsers.Unpriced = variable(  # noqa: RUF009 - a field, as all of them
        "Treatment of an order line without a known price: `omit` sends no price, `zero` sends 0 "
        "so that the ERP computes one, `refuse` answers with an error.",
        parsers.unpriced,
        default="omit",
    )
    connect_timeout: float = variable(
        "Seconds to connect to Dataverse or F&O.", parsers.seconds, default=2.0
    )
    read_timeout: float = variable(
        "Seconds to wait for an answer of Dataverse or F&O.", parsers.seconds, default=8.0
    )
    upstream_calls: int = variable(
        "Upstream calls that one operation may make.", parsers.count, default=50
    )
    upstream_concurrency: int = variable(
        "Calls in flight to each of the two services, in all worker processes together.",
        parsers.places,
        default=40,
    )
    share_reads: bool = variable(
        "Send equal reads of Dataverse and F&O that are in flight at the same time only once.",
        parsers.switch,
        default=True,
    )
    live: bool = variable(
        "Answer subscriptions by streams: see docs/live.md.", parsers.switch, default=True
    )
    live_interval: float = variable(
        "Seconds between two looks at what changed in Dataverse, while somebody follows it.",
        parsers.seconds,
        default=2.0,
    )
    live_streams: int = variable("Streams of one process at once.", parsers.count, default=2_000)
    live_streams_of_caller: int = variable(
        "Streams that one caller has open at once, in one process.", parsers.count, default=50
    )
    changes_file: str | None = variable(
        "SQLite file that remembers for seven days which rows changed, so that `changes` can tell "
        "it to partners; worker processes share it, and with GATEWAY_SHARED the files of all "
        "replicas are the same: see docs/live.md.",
        default=None,
    )
    hints_secret: tuple[str, ...] = variable(
        "Secret of hints at `/hints` that rows changed; several while one follows another.",
        parsers.hint_secrets,
        default=(),
        secret=True,
    )
    shared: str | None = variable(
        "Redis or Valkey by which replicas share the budget of Dynamics, callers and reference "
        "data, `redis://host:6379/0`; needs the extra `shared`: see docs/budget.md.",
        parsers.redis,
        default=None,
        secret=True,
    )
    keep_rows: float = variable(
        "Seconds for which products, prices, units and the like may be shown again without "
        "a call, as far as their tables allow; 0 asks each time: see docs/budget.md.",
        parsers.age,
        default=60.0,
    )
    http_transport: parsers.HttpTransport = variable(  # noqa: RUF009 - a field, as all of them
        "HTTP client for the two services: `own`, the built-in client, or `httpx2`, which costs "
        "many times the CPU and may read extra bytes after an answer as the next answer.",
        parsers.http_transport,
        default="own",
    )
    traces: bool = variable(
        "Send spans to a collector of OpenTelemetry, by the SDK of the extra `otel`, which reads "
        "`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER` and its other variables itself.",
        parsers.switch,
        default=False,
    )
    log_format: LogFormat = variable(  # noqa: RUF009 - a field, as all of them
        "`text`, or `json`: one object a line.", parsers.log_format, default="text"
    )
    access_log: bool = variable(
        "Log a line for each request: status, operation, outcome, seconds. None of what was asked.",
        parsers.switch,
        default=False,
    )
    slow: float | None = variable(
        "Seconds from which a request is logged as slow.", parsers.seconds, default=None
    )
    log_level: str = variable(
        "`debug`, `info`, `warning` or `error`.", parsers.log_level, default="info"
    )
    limits: Mapping[str, int] = field(default_factory=dict)
    """Overrides of the engine's structural limits, by lower-case name (`GATEWAY_LIMIT_<NAME>`)."""

    @property
    def own_secret(self) -> str:
        """The secret that proves the gateway to Entra, of which its other keys can be made."""
        return self.client_secret or self.client_certificate or ""


VARIABLES = variables_of(Settings, PREFIX)


def schema_of_file(limits: Mapping[str, tuple[Any, str]]) -> dict[str, Any]:
    """The JSON schema of the file that `GATEWAY_CONFIG` names."""
    entries = [entry for entry in VARIABLES if entry.field != "config"]
    return json_schema(entries, PREFIX, limits, "Settings of the gateway")


def table() -> str:
    """The registry as the Markdown table of docs/settings.md."""
    return table_of(VARIABLES)
