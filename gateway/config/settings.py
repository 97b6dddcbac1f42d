"""
The registry of settings: one frozen `Settings`, in which each field declares its `GATEWAY_...`
variable in one place, with name, type, default and documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.config import parsers
from gateway.config.parsers import Partner, Zones
from variables.declaring import SettingsError as SettingsError
from variables.declaring import Variable as Variable
from variables.declaring import table as table_of
from variables.declaring import variable, variables_of

PREFIX = "GATEWAY_"
LIMIT = "GATEWAY_LIMIT_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the operator decides; the demo and tests make their own by hand."""

    dataverse_url: str = variable(
        "Root of the Dataverse environment, e.g. `https://contoso.crm.dynamics.com`.", parsers.root
    )
    finops_url: str = variable(
        "Root of the Finance & Operations environment, e.g. `https://contoso.operations.dynamics.com`.",
        parsers.root,
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
    match_email: bool = variable(
        "Find a contact by verified e-mail that has no external identity at the issuer.",
        parsers.switch,
        default=True,
    )
    email_domains: tuple[str, ...] = variable(
        "Domains of the e-mail addresses that are believed of the issuer; all where not set.",
        parsers.domains,
        default=(),
    )
    token_roles: bool = variable(
        "Give customers the roles of customers that their tokens name.",
        parsers.switch,
        default=True,
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
        "Secret that `operation` ids are signed with, 32 characters or more; made of CLIENT_SECRET "
        "or CLIENT_CERTIFICATE where it is not set, and then ids end when those are changed.",
        parsers.own_secret,
        default=None,
        secret=True,
    )
    audit_file: str | None = variable(
        "File that gets a line for each mutation, denial and view as a customer, `-` for standard "
        "output, or the address of an OTLP collector: see docs/access.md.",
        default=None,
    )
    audit_secret: str | None = variable(
        "Secret that the lines of the audit are sealed with, 32 characters or more; made of "
        "CLIENT_SECRET or CLIENT_CERTIFICATE where it is not set.",
        parsers.own_secret,
        default=None,
        secret=True,
    )
    audit_required: bool = variable(
        "Refuse a mutation, before anything is written, while the audit cannot take its line.",
        parsers.switch,
        default=True,
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
    names: str | None = variable(
        "TOML file that says what tables, columns and navigation properties are called in this "
        "environment, and what is absent: see docs/first-contact.md.",
        default=None,
    )
    learned_names: str = variable(
        "File that keeps what was learned of the environment for the next start; `auto` is one in "
        "the user's cache folder, `off` keeps nothing.",
        default="auto",
    )
    time_zone: Zones = variable(  # noqa: RUF009 - a field, as all of them
        "Zone in which people type days in Dataverse, `Europe/Berlin`; with others for single "
        "legal entities, `Europe/Berlin,usmf=America/Chicago`. Without it the nearest midnight "
        "counts.",
        parsers.zones,
        default=Zones(),
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
    show_cost: bool = variable(
        "Say in `extensions.cost` of every answer how many calls to Dynamics it took, and tell in "
        "the RateLimit fields how many are left; without it, where a request asks for it.",
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
    order_language: str = variable(
        "Language in which the ERP writes about orders of a buyer who has none, as its value map "
        "spells it: `en-us`, `de`; `none` sends none.",
        default="en-us",
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
        "Calls in flight to each of the two services, in all worker processes together.",
        parsers.count,
        default=40,
    )
    share_reads: bool = variable(
        "Whether reads of Dataverse and F&O that ask for just the same at the same time are one.",
        parsers.switch,
        default=True,
    )
    shared: str | None = variable(
        "Redis or Valkey by which replicas share the budget of Dynamics, `redis://host:6379/0`; "
        "needs the extra `shared`: see docs/budget.md.",
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

    @property
    def own_secret(self) -> str:
        """
        The secret by which the gateway proves itself to Entra, of which its other keys can be made.
        """
        return self.client_secret or self.client_certificate or ""


VARIABLES = variables_of(Settings, PREFIX)


def table() -> str:
    """The registry as the Markdown table of docs/settings.md."""
    return table_of(VARIABLES)
