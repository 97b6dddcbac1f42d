"""Mistakes of configuration: each is named before anything is served, with what to do about it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway import __main__ as command_line
from portal.settings import issuer as portal_issuer
from tests.gateway.test_surroundings import ending
from variables import web_addresses

RIGHT = """
dataverse_url = "https://contoso.crm.example"
finops_url = "https://contoso.operations.example"
tenant = "contoso.example"
client_id = "gateway"
client_secret_file = "{folder}/secret"
issuer = "https://issuer.example"
audience = ["gateway"]
learned_names = "off"
"""


@dataclass(frozen=True)
class Mistake:
    """One mistake: what is added to the file, or set beside it, and what must be said of it."""

    name: str
    remedy: str
    added: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str | bytes], ...] = ()
    instead: tuple[str, str] = ("", "")
    """A line of the file that something else stands in the place of."""
    links: tuple[str, ...] = ()
    """Symbolic links: `loop` leads to itself, others lead to nothing."""

    def renamed(self, name: str, instead: tuple[str, str] = ("", "")) -> "Mistake":
        """The same, of which another name must be said."""
        return replace(self, name=name, instead=instead)


ENTRA, B2C = "login.microsoftonline.com", "contoso.b2clogin.com"
GUID = "3f2b8c1d-1111-2222-3333-444455556666"

MISTAKES = {
    "a key that is misspelled": Mistake("'audiences'", "did you mean 'audience'", 'audiences="x"'),
    "a limit that is misspelled": Mistake("'dept'", "did you mean 'depth'", "[limits]\ndept=3"),
    "a limit of nothing": Mistake(
        "GATEWAY_LIMIT_DEPTH", "a whole number above zero", "[limits]\ndepth=0"
    ),
    "limits that are no section": Mistake("'limits'", "[limits]", "limits=3"),
    "a secret in the file": Mistake(
        "'receipt_secret'", "receipt_secret_file", 'receipt_secret="x"'
    ),
    "a section that nothing takes": Mistake("'port'", "a number", "[port]\na=1"),
    "a day": Mistake("'port'", "must be a text, a number", "port=2026-11-29"),
    "no TOML": Mistake("line", "Invalid", "port=="),
    "a key twice": Mistake("gateway.toml", "Cannot overwrite a value", 'client_id="x"'),
    "a secret that is not there": Mistake(
        "GATEWAY_CLIENT_SECRET_FILE",
        "cannot be read",
        instead=("{folder}/secret", "{folder}/none"),
    ),
    "a port beyond all": Mistake("GATEWAY_PORT", "a port number", "port=70000"),
    "a switch that is a word": Mistake("GATEWAY_METRICS", "must be on or off", 'metrics="maybe"'),
    "no seconds": Mistake("GATEWAY_DEADLINE", "a number of seconds", 'deadline="soon"'),
    "plain http": Mistake(
        "GATEWAY_FINOPS_URL", "https", instead=("https://contoso.op", "http://c.op")
    ),
    "an address with a path": Mistake(
        "GATEWAY_DATAVERSE_URL", "root", instead=("crm.example", "crm.example/api/data/v9.2")
    ),
    "a symmetric algorithm": Mistake("GATEWAY_ALGORITHMS", "RS256", 'algorithms=["HS256"]'),
    "a level that is none": Mistake("GATEWAY_LOG_LEVEL", "debug, info", 'log_level="loud"'),
    "a partner without accounts": Mistake("GATEWAY_PARTNERS", "NUMBER@company", 'partners="acme"'),
    "a zone that is none": Mistake("GATEWAY_TIME_ZONE", "Europe/Berlin", 'time_zone="Berlin"'),
    "any origin": Mistake("GATEWAY_CORS_ORIGINS", "origin", 'cors_origins=["*"]'),
    "GraphiQL without a client": Mistake(
        "GATEWAY_GRAPHIQL_CLIENT_ID", "required by GATEWAY_GRAPHIQL", "graphiql=true"
    ),
    "two ways to sign in": Mistake(
        "GATEWAY_TENANT", "give either", 'token_url="https://login.example/token"'
    ),
    "trusted documents alone, and none": Mistake(
        "GATEWAY_TRUSTED_DOCUMENTS", "required by", "trusted_only=true"
    ),
    "answers later than the deadline": Mistake(
        "GATEWAY_READ_TIMEOUT", "must be below GATEWAY_DEADLINE (10)", "read_timeout=60"
    ),
    "writes that are never repeated": Mistake(
        "GATEWAY_WRITE_TIMEOUT", "must be below GATEWAY_MUTATION_DEADLINE", "write_timeout=30"
    ),
    "writes that end before their callers": Mistake(
        "GATEWAY_MUTATION_DEADLINE", "must be below GATEWAY_WRITE_LIMIT", "mutation_deadline=200"
    ),
    "mutations shorter than queries": Mistake(
        "GATEWAY_MUTATION_DEADLINE", "GATEWAY_DEADLINE (40) at least", "deadline=40"
    ),
    "an end that leaves no time": Mistake("GATEWAY_STOP_WITHIN", "30 at least", "linger=20"),
    "more workers than calls": Mistake(
        "GATEWAY_WORKERS", "GATEWAY_UPSTREAM_CONCURRENCY (40) at most", "workers=41"
    ),
    "a variable that is misspelled": Mistake(
        "GATEWAY_PROT", "did you mean 'GATEWAY_PORT'", variables=(("GATEWAY_PROT", "1"),)
    ),
    "a file that is not there": Mistake(
        "/nowhere", "cannot be read", variables=(("GATEWAY_CONFIG", "/nowhere"),)
    ),
    "a policy with a word of nobody": Mistake(
        "policy.toml:2",
        "did you mean 'orders'",
        'policy="{folder}/policy.toml"',
        files=(("policy.toml", '[roles.buyer]\norder = {{ access = "own" }}\n'),),
    ),
    "a policy that is not there": Mistake("GATEWAY_POLICY", "cannot be read", 'policy="/nowhere"'),
    "names that are not there": Mistake("GATEWAY_NAMES", "/nowhere", 'names="/nowhere"'),
    "issuers that are not there": Mistake("GATEWAY_ISSUERS", "/nowhere", 'issuers="/nowhere"'),
    "an audit in no folder": Mistake(
        "GATEWAY_AUDIT_FILE", "/nowhere/at", 'audit_file="/nowhere/at"'
    ),
    "a trusted document that is not valid": Mistake(
        "GATEWAY_TRUSTED_DOCUMENTS",
        "Cannot query field",
        'trusted_documents="{folder}/trusted.json"',
        files=(("trusted.json", json.dumps({"a": "query A { nothing }"})),),
    ),
    "a language that the ERP has not": Mistake(
        "GATEWAY_ORDER_LANGUAGE", "one of ar, ar-ae, cs", 'order_language="english"'
    ),
    "more streams for one than for all": Mistake(
        "GATEWAY_LIVE_STREAMS_OF_CALLER",
        "must be GATEWAY_LIVE_STREAMS (10) at most",
        "live_streams=10\nlive_streams_of_caller=50",
    ),
    "hints that nobody waits for": Mistake(
        "GATEWAY_HINTS_SECRET",
        "of no use without GATEWAY_LIVE",
        'live=false\nhints_secret_file="{folder}/secret"',
    ),
    "a look at changes all the time": Mistake(
        "GATEWAY_LIVE_INTERVAL", "above zero", "live_interval=0"
    ),
    "rows that are kept for months": Mistake(
        "GATEWAY_KEEP_ROWS", "below 10000", "keep_rows=9999999"
    ),
    "a store that is no Redis": Mistake(
        "GATEWAY_SHARED",
        "redis://host:6379/0",
        'shared_file="{folder}/shared"',
        files=(("shared", "http://redis:6379"),),
    ),
    "a store in the file": Mistake("'shared'", "shared_file", 'shared="redis://redis:6379"'),
    "a client that is not there": Mistake(
        "GATEWAY_HTTP_TRANSPORT", "own, httpx2", 'http_transport="curl"'
    ),
    "no memory": Mistake("GATEWAY_MEMORY", "a whole number above zero", "memory=0"),
    "a role that customers cannot have": Mistake(
        "GATEWAY_CUSTOMER_ROLES", "roles may be", 'customer_roles=["administrator"]'
    ),
    "a secret of nothing": Mistake(
        "GATEWAY_CLIENT_SECRET_FILE",
        "is empty",
        instead=("{folder}/secret", "{folder}/empty"),
        files=(("empty", " \n"),),
    ),
    "a secret's id": Mistake(
        "GATEWAY_CLIENT_SECRET",
        "take its value",
        instead=("{folder}/secret", "{folder}/id"),
        files=(("id", "3f2b8c1d-1111-2222-3333-444455556666"),),
    ),
    "quotes that no shell took away": Mistake(
        "GATEWAY_AUDIENCE", "quotes", variables=(("GATEWAY_AUDIENCE", '"gateway"'),)
    ),
    "a variable in small letters": Mistake(
        "gateway_port", "did you mean 'GATEWAY_PORT'", variables=(("gateway_port", "9000"),)
    ),
    "a folder for a file of settings": Mistake(
        "GATEWAY_CONFIG: /etc", "Is a directory", variables=(("GATEWAY_CONFIG", "/etc"),)
    ),
    "a tenant of everybody": Mistake(
        "GATEWAY_TENANT", "one tenant", instead=("contoso.example", "common")
    ),
    "an issuer of everybody": Mistake(
        "GATEWAY_ISSUER",
        "one tenant",
        instead=("issuer.example", "login.microsoftonline.com/organizations/v2.0"),
    ),
    "an issuer of Entra without its version": Mistake(
        "GATEWAY_ISSUER", "/v2.0", instead=("issuer.example", f"{ENTRA}/{GUID}")
    ),
    "an issuer of Entra with a slash at its end": Mistake(
        "GATEWAY_ISSUER", "no token has this", instead=("issuer.example", f"{ENTRA}/{GUID}/v2.0/")
    ),
    "an issuer of Entra by the domain of the tenant": Mistake(
        "GATEWAY_ISSUER",
        "with the id of the tenant",
        instead=("issuer.example", f"{ENTRA}/contoso.onmicrosoft.com/v2.0"),
    ),
    "an issuer of old tokens without its slash": Mistake(
        "GATEWAY_ISSUER",
        "https://sts.windows.net/<id>/",
        instead=("issuer.example", f"sts.windows.net/{GUID}"),
    ),
    "an issuer of External ID by the name of the tenant": Mistake(
        "GATEWAY_ISSUER",
        "https://<id>.ciamlogin.com/<id>/v2.0",
        instead=("issuer.example", f"contoso.ciamlogin.com/{GUID}/v2.0"),
    ),
    "an issuer of External ID of two tenants": Mistake(
        "GATEWAY_ISSUER",
        "https://<id>.ciamlogin.com/<id>/v2.0",
        instead=("issuer.example", f"{GUID}.ciamlogin.com/{GUID[:-1]}0/v2.0"),
    ),
    "an issuer of B2C without its slash": Mistake(
        "GATEWAY_ISSUER", "end with /v2.0/", instead=("issuer.example", f"{B2C}/{GUID}/v2.0")
    ),
    "an audience that tokens of External ID have not": Mistake(
        "GATEWAY_AUDIENCE",
        "by its client id",
        instead=("issuer.example", f"{GUID}.ciamlogin.com/{GUID}/v2.0"),
    ),
    "an audience that tokens of Entra have not": Mistake(
        "GATEWAY_AUDIENCE", "by its client id", instead=("issuer.example", f"{ENTRA}/{GUID}/v2.0")
    ),
    "a scope for an audience": Mistake(
        "GATEWAY_AUDIENCE",
        "what stands before /.default",
        instead=('["gateway"]', '["api://gateway/.default"]'),
    ),
    "several scopes": Mistake("GATEWAY_SCOPE", "one word", 'scope="orders.read orders.write"'),
    "the URI of an application": Mistake(
        "GATEWAY_CLIENT_ID",
        "take its client id",
        instead=('client_id = "gateway"', 'client_id = "api://gateway"'),
    ),
    "a token endpoint of everybody": Mistake(
        "GATEWAY_TOKEN_URL",
        "one tenant",
        instead=(
            'tenant = "contoso.example"',
            f'token_url = "https://{ENTRA}/common/oauth2/v2.0/token"',
        ),
    ),
    "a misspelled role of staff, which would have all rights": Mistake(
        "GATEWAY_STAFF_ROLES",
        "did you mean 'credit-controller'?",
        'staff_roles=["credit-controler"]\npolicy="{folder}/policy.toml"',
        files=(
            (
                "policy.toml",
                '[roles.credit-controller]\nkind = "staff"\ninvoices = {{ access = "all" }}\n',
            ),
        ),
    ),
    "a misspelled administrator": Mistake(
        "GATEWAY_STAFF_ROLES", "did you mean 'administrator'?", 'staff_roles=["administratr"]'
    ),
    "a misspelled role of an issuer's staff": Mistake(
        "GATEWAY_STAFF_ROLES",
        "did you mean 'administrator'?",
        'issuers="{folder}/issuers.toml"',
        files=(
            (
                "issuers.toml",
                '[[issuer]]\nurl = "https://staff.example"\naudiences = ["gateway"]\n'
                'kinds = ["staff"]\nstaff_roles = ["adminstrator"]\n',
            ),
        ),
    ),
    "a misspelled role of customers": Mistake(
        "GATEWAY_CUSTOMER_ROLES", "roles may be buyer", 'customer_roles=["buyr"]'
    ),
    "a permission of a policy that there is not": Mistake(
        "policy.toml:2",
        "is not a permission; did you mean 'prices'?",
        'policy="{folder}/policy.toml"',
        files=(("policy.toml", '[roles.buyer]\nplaces = ["orders"]\n'),),
    ),
    "a policy that is a folder": Mistake("GATEWAY_POLICY", "Is a directory", 'policy="{folder}"'),
    "learned names in no folder": Mistake(
        "GATEWAY_LEARNED_NAMES",
        "name another file, auto or off",
        instead=('learned_names = "off"', 'learned_names = "/proc/nowhere/names.json"'),
    ),
    "learned names in the place of a folder": Mistake(
        "GATEWAY_LEARNED_NAMES",
        "Is a directory",
        instead=('learned_names = "off"', 'learned_names = "{folder}"'),
    ),
    "changes in no folder": Mistake(
        "GATEWAY_CHANGES_FILE", "name a file in a folder", 'changes_file="/nowhere/changes"'
    ),
    "changes in the place of a folder": Mistake(
        "GATEWAY_CHANGES_FILE", "name a file in a folder", 'changes_file="{folder}"'
    ),
    "a secret that is short": Mistake(
        "GATEWAY_RECEIPT_SECRET",
        "32 characters or more",
        'receipt_secret_file="{folder}/secret"',
    ),
    "a secret of hints that can be guessed": Mistake(
        "GATEWAY_HINTS_SECRET", "16 characters or more", 'hints_secret_file="{folder}/secret"'
    ),
    "a secret for an audit that there is not": Mistake(
        "GATEWAY_AUDIT_SECRET",
        "of no use without GATEWAY_AUDIT_FILE",
        'audit_secret_file="{folder}/long"',
        files=(("long", "hush-hush" * 4),),
    ),
    "an audit's collector without a scheme": Mistake(
        "GATEWAY_AUDIT_FILE", "begins with http", 'audit_file="collector:4318"'
    ),
    "standard output by its name": Mistake(
        "GATEWAY_AUDIT_FILE", "is written -", 'audit_file="stdout"'
    ),
    "a company that is no code": Mistake(
        "GATEWAY_TIME_ZONE", "up to four letters", 'time_zone="contoso-usa=Europe/Berlin"'
    ),
    "milliseconds": Mistake("GATEWAY_DEADLINE", "seconds above zero, and below", "deadline=10000"),
    "requests slower than any can be": Mistake(
        "GATEWAY_SLOW", "must be below GATEWAY_MUTATION_DEADLINE", "slow=60"
    ),
    "a password that breaks the address": Mistake(
        "GATEWAY_SHARED",
        "a number for its port",
        'shared_file="{folder}/shared"',
        files=(("shared", "redis://:p#ss@redis:6379/0"),),
    ),
    "the address of a discovery": Mistake(
        "GATEWAY_ISSUER",
        "without /.well-known/",
        instead=("issuer.example", "issuer.example/.well-known/openid-configuration"),
    ),
    "the ERP in the place of Dataverse": Mistake(
        "GATEWAY_DATAVERSE_URL",
        "is an address of Finance & Operations",
        instead=("contoso.crm.example", "contoso.operations.eu.dynamics.com"),
    ),
    "Dataverse in the place of the ERP": Mistake(
        "GATEWAY_FINOPS_URL",
        "is an address of Dataverse",
        instead=("contoso.operations.example", "contoso.crm4.dynamics.com"),
    ),
    "an address to listen on": Mistake("GATEWAY_HOST", "host alone", 'host="http://0.0.0.0"'),
    "bytes for megabytes": Mistake("GATEWAY_MEMORY", "megabytes", "memory=67108864"),
    "a database that is a word": Mistake(
        "GATEWAY_SHARED",
        "the number of a database",
        'shared_file="{folder}/shared"',
        files=(("shared", "redis://redis:6379/gateway"),),
    ),
    "customers who are staff": Mistake(
        "GATEWAY_STAFF_ROLES", "buyer is no role of staff", 'staff_roles=["buyer"]'
    ),
    "trusted documents alone, of which there are none": Mistake(
        "GATEWAY_TRUSTED_DOCUMENTS",
        "refuses all others",
        'trusted_only=true\ntrusted_documents="{folder}/none.json"',
        files=(("none.json", "{}"),),
    ),
    "a limit below what the gateway itself asks": Mistake(
        "GATEWAY_LIMIT_...", "too many levels", "[limits]\ndepth=1"
    ),
    "a collector without a scheme": Mistake(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://collector:4318",
        "traces=true",
        variables=(("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),),
    ),
    "a protocol that is not spoken": Mistake(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf",
        "traces=true",
        variables=(("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),),
    ),
    "a sampler that is none": Mistake(
        "OTEL_TRACES_SAMPLER",
        "parentbased_traceidratio",
        "traces=true",
        variables=(("OTEL_TRACES_SAMPLER", "sometimes"),),
    ),
    "more traces than requests": Mistake(
        "OTEL_TRACES_SAMPLER_ARG",
        "from 0 to 1",
        "traces=true",
        variables=(("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "50")),
    ),
    "a port of another scheme": Mistake(
        "GATEWAY_DATAVERSE_URL", "80 is the port of http", instead=("crm.example", "crm.example:80")
    ),
    "the gateway itself in the place of Dataverse": Mistake(
        "GATEWAY_DATAVERSE_URL",
        "give one of them another port",
        instead=("https://contoso.crm.example", "http://127.0.0.1:8000"),
    ),
    "clients that are told apart by commas": Mistake(
        "GATEWAY_PARTNERS", "apart by ';'", 'partners="acme=US-001@usmf,beta=US-002@usmf"'
    ),
    "clients as a list": Mistake(
        "GATEWAY_PARTNERS", "apart by ';'", 'partners=["acme=US-001@usmf","beta=US-002@usmf"]'
    ),
    "two zones for a company": Mistake(
        "GATEWAY_TIME_ZONE", "usmf twice", 'time_zone="usmf=Europe/Berlin,USMF=Europe/Paris"'
    ),
    "two zones for all": Mistake(
        "GATEWAY_TIME_ZONE", "two zones for all", 'time_zone="Europe/Berlin,Europe/Paris"'
    ),
    "an audit in the file of a secret": Mistake(
        "GATEWAY_AUDIT_FILE",
        "is the file of GATEWAY_CLIENT_SECRET_FILE; name one of its own",
        'audit_file="{folder}/secret"',
    ),
    "an audit in the file of the settings": Mistake(
        "GATEWAY_AUDIT_FILE", "is the file of GATEWAY_CONFIG", 'audit_file="{folder}/gateway.toml"'
    ),
    "changes in the file of the audit": Mistake(
        "GATEWAY_CHANGES_FILE",
        "is the file of GATEWAY_AUDIT_FILE",
        'audit_file="{folder}/a"\nchanges_file="{folder}/./a"',
    ),
    "an extension by its file": Mistake(
        "GATEWAY_EXTENSIONS", "no paths of files", 'extensions=["acme.py"]'
    ),
    "an extension twice": Mistake(
        "GATEWAY_EXTENSIONS", "names a module twice", 'extensions=["json","json"]'
    ),
    "an extension that is nowhere": Mistake(
        "GATEWAY_EXTENSIONS", "name its folder in PYTHONPATH", 'extensions=["no_such_module"]'
    ),
    "a trusted document twice": Mistake(
        "GATEWAY_TRUSTED_DOCUMENTS",
        "a: names two documents",
        'trusted_documents="{folder}/trusted.json"',
        files=(("trusted.json", '{{"a": "{{ viewer {{ kind }} }}", "a": "{{ __typename }}"}}'),),
    ),
    "quotes of a program for letters": Mistake(
        "line 5", "type its quotes and spaces anew", instead=('"gateway"', "\u201cgateway\u201d")
    ),
    "a path of Windows": Mistake(
        "line 6", "write / in paths", instead=("{folder}/secret", "C:\\secrets\\secret")
    ),
    "YAML": Mistake("line 5", "key = ", instead=("client_id = ", "client_id: ")),
    "variables in the file": Mistake("'GATEWAY_PORT'", "did you mean 'port'", "GATEWAY_PORT=8000"),
    "a section of the gateway's": Mistake(
        "'gateway'", "above all sections", "[gateway]\nport=8000"
    ),
    "spans by gRPC": Mistake(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "4317 is the port of gRPC",
        "traces=true",
        variables=(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),),
    ),
    "the path of spans twice": Mistake(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "without /v1/traces",
        "traces=true",
        variables=(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/v1/traces"),),
    ),
    "spans without their path": Mistake(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "name its path too",
        "traces=true",
        variables=(("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318"),),
    ),
    "a share that nothing takes": Mistake(
        "OTEL_TRACES_SAMPLER_ARG",
        "of no use unless OTEL_TRACES_SAMPLER",
        "traces=true",
        variables=(("OTEL_TRACES_SAMPLER_ARG", "0.01"),),
    ),
    "headers without values": Mistake(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "name=value",
        "traces=true",
        variables=(("OTEL_EXPORTER_OTLP_HEADERS", "Authorization: Bearer hush-hush"),),
    ),
    "a delay with its unit": Mistake(
        "OTEL_BSP_SCHEDULE_DELAY",
        "whole number above zero; delays are milliseconds",
        "traces=true",
        variables=(("OTEL_BSP_SCHEDULE_DELAY", "5s"),),
    ),
    "a certificate of nowhere": Mistake(
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "a file that exists",
        "traces=true",
        variables=(("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere"),),
    ),
}

LINE = 'audience = ["gateway"]'
CERTIFICATE = ("client_secret_file", "client_certificate_file")


def shared(address: str, remedy: str) -> Mistake:
    """An address of Redis that cannot be used."""
    added, files = 'shared_file="{folder}/shared"', (("shared", address),)
    return Mistake("GATEWAY_SHARED", remedy, added, files=files)


def dataverse(host: str, remedy: str) -> Mistake:
    """An address of Dataverse that cannot be used."""
    return Mistake("GATEWAY_DATAVERSE_URL", remedy, instead=("contoso.crm.example", host))


def secret(content: str | bytes, remedy: str) -> Mistake:
    """Something else than a secret in the file of one."""
    instead = ("{folder}/secret", "{folder}/other")
    return Mistake("GATEWAY_CLIENT_SECRET", remedy, instead=instead, files=(("other", content),))


def certificate(text: str) -> Mistake:
    """Something else than a certificate with its key."""
    remedy = "certificate and"
    return Mistake(
        "GATEWAY_CLIENT_CERTIFICATE", remedy, instead=CERTIFICATE, files=(("secret", text),)
    )


def issuer(rest: str, remedy: str) -> Mistake:
    """An address that is not that of an issuer."""
    return Mistake("GATEWAY_ISSUER", remedy, instead=("issuer.example", rest))


def key_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> str:
    """A private key as PEM text."""
    way = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, way).decode()


def file(name: str, content: str | bytes, remedy: str, said: str = "") -> Mistake:
    """A file of a setting that holds something else."""
    variable = f"GATEWAY_{name.upper()}"
    return Mistake(said or variable, remedy, f'{name}="{{folder}}/f"', files=(("f", content),))


def number(name: str, value: str, remedy: str) -> Mistake:
    """A value that is not of its variable's kind."""
    return Mistake(f"GATEWAY_{name.upper()}", remedy, f"{name}={value}")


ENDING = ending(timedelta(days=90))
KEY, CERT = ENDING[: ENDING.index("-----BEGIN C")], ENDING[ENDING.index("-----BEGIN C") :]
TOKEN = f"https://{ENTRA}/{GUID}/oauth2/v2.0/token"


def token_endpoint(address: str, remedy: str) -> Mistake:
    return Mistake(
        "GATEWAY_TOKEN_URL",
        remedy,
        instead=('tenant = "contoso.example"', f'token_url="{address}"'),
    )


MISTAKES |= {
    "a NUL byte": Mistake("line 11", "Expected newline", "port=80\x0000"),
    "a file of nothing": Mistake(
        "required", "Root of", variables=(("GATEWAY_CONFIG", "/dev/null"),)
    ),
    "a link to nothing": Mistake(
        "GATEWAY_POLICY", "No such file", 'policy="{folder}/dangling"', links=("dangling",)
    ),
    "a link to itself": Mistake(
        "GATEWAY_POLICY", "Too many levels", 'policy="{folder}/loop"', links=("loop",)
    ),
    "a secret by a link to itself": Mistake(
        "GATEWAY_CLIENT_SECRET_FILE",
        "Too many levels",
        instead=("{folder}/secret", "{folder}/loop"),
        links=("loop",),
    ),
    "an audit by a link to nothing": Mistake(
        "GATEWAY_AUDIT_FILE",
        "cannot be written to",
        'audit_file="{folder}/dangling"',
        links=("dangling",),
    ),
    "settings by a link to itself": Mistake(
        "GATEWAY_CONFIG",
        "Too many levels",
        variables=(("GATEWAY_CONFIG", "{folder}/loop"),),
        links=("loop",),
    ),
    "a device for a secret": Mistake(
        "GATEWAY_CLIENT_SECRET_FILE", "more than 16 MB", instead=("{folder}/secret", "/dev/zero")
    ),
    "a secret in two lines": secret("hush-hush\nhush", "in one line"),
    "a secret with a NUL byte": secret("hush-hush\0", "in one line"),
    "a secret of a manual": secret("<your secret>", "placeholder"),
    "a secret that no shell put in": secret("${CLIENT_SECRET}", "placeholder"),
    "a secret of a template": secret("{{{{ .Values.secret }}}}", "placeholder"),
    "a certificate alone": certificate(CERT),
    "a key alone": certificate(KEY),
    "the key of another certificate": certificate(
        CERT + key_of(rsa.generate_private_key(65_537, 2_048))
    ),
    "a key of an elliptic curve": certificate(
        CERT + key_of(ec.generate_private_key(ec.SECP256R1()))
    ),
    "a key with a password": certificate(
        CERT + key_of(rsa.generate_private_key(65_537, 2_048), b"hush-hush")
    ),
    "a certificate in Base64": certificate("MIIKpAIBAzCCCl4GCSqGSIb3"),
    "a certificate with backslashes": certificate(ENDING.replace("\n", "\\n")),
    "a certificate of next year": Mistake(
        "GATEWAY_CLIENT_CERTIFICATE",
        "set this clock right",
        instead=CERTIFICATE,
        files=(("secret", ending(timedelta(days=800))),),
    ),
    "a sentinel": shared("redis+sentinel://redis:26379/mymaster", "neither a sentinel"),
    "nodes of a cluster": shared("redis-cluster://redis:6379", "neither a sentinel"),
    "a socket": shared("unix:///run/redis.sock", "redis://host:6379/0"),
    "a store without a scheme": shared("redis:6379", "redis://host:6379/0"),
    "several stores": shared("redis://one:6379,two:6379/0", "a number for its port"),
    "a database below zero": shared("redis://redis/-1", "the number of a database"),
    "a database in two places": shared("redis://redis:6379/0?db=3", "behind the last '/'"),
    "certificates without TLS": shared("redis://redis/0?ssl_cert_reqs=none", "rediss://"),
    "a password behind a hash": shared("redis://redis/0#hush-hush", "%23"),
    "a user without a password": shared("redis://gateway@redis/0", "without a password"),
    "a store of a manual": shared("redis://<host>:6379/0", "one host"),
    "a store at port 0": shared("redis://redis:0/0", "no port 0"),
    "a page of an environment": dataverse("contoso.crm.example/main.aspx?appid=1", "query"),
    "a host of a manual": dataverse("<org>.crm.dynamics.com", "placeholder"),
    "a host with a space": dataverse("contoso .crm.example", "one host"),
    "a host with a dot at its end": dataverse("contoso.crm.example.", "one host"),
    "two hosts": dataverse("a.crm.example,b.crm.example", "one host"),
    "letters of a language": dataverse("cont\u00f6so.crm.example", "xn--"),
    "no port at all": dataverse("contoso.crm.example:0", "no port 0"),
    "an address of IPv6 without brackets": dataverse("2001:db8::1", "number for its port"),
    "two schemes": dataverse("https://contoso.crm.example", "root of the environment"),
    "the site that makes apps": dataverse("make.powerapps.com", "site for administrators"),
    "the site of administrators": dataverse("admin.powerplatform.microsoft.com", "administrators"),
    "one environment for both": Mistake(
        "GATEWAY_FINOPS_URL",
        "on the host of GATEWAY_DATAVERSE_URL",
        instead=("contoso.operations.example", "contoso.crm.example"),
    ),
    "Lifecycle Services": Mistake(
        "GATEWAY_FINOPS_URL",
        "administrators",
        instead=("contoso.operations.example", "lcs.dynamics.com"),
    ),
    "the path of the ERP's data": Mistake(
        "GATEWAY_FINOPS_URL",
        "without /data",
        instead=("operations.example", "operations.example/data"),
    ),
    "a company in the address": Mistake(
        "GATEWAY_FINOPS_URL",
        "query",
        instead=("operations.example", "operations.example/?cmp=usmf"),
    ),
    "Dataverse for an issuer": issuer(
        "contoso.crm.example", "on the host of GATEWAY_DATAVERSE_URL"
    ),
    "an issuer of a manual": issuer(f"{ENTRA}/<tenant id>/v2.0", "placeholder"),
    "where people sign in for an issuer": issuer("id.example/oauth2/authorize", "an endpoint"),
    "a token endpoint for an issuer": issuer("id.example/oauth2/token", "an endpoint"),
    "a tenant by its address": Mistake(
        "GATEWAY_TENANT",
        "id or a domain",
        instead=('"contoso.example"', '"https://contoso.example"'),
    ),
    "a tenant in braces": Mistake(
        "GATEWAY_TENANT", "id or a domain", instead=('"contoso.example"', f'"{{{GUID}}}"')
    ),
    "where people sign in for tokens": token_endpoint(TOKEN[:-5] + "authorize", "token endpoint"),
    "tokens of version 1.0": token_endpoint(TOKEN.replace("/v2.0", ""), "oauth2/v2.0/token"),
    "no path for tokens": token_endpoint(f"https://{ENTRA}", "token endpoint itself"),
    "the discovery for keys": number(
        "jwks_url", '"https://issuer.example/.well-known/openid-configuration"', "jwks_uri"
    ),
    "an issuer for keys": number("jwks_url", '"https://issuer.example/"', "address of the keys"),
    "keys by plain http": number("jwks_url", '"http://issuer.example/keys"', "https"),
    "the application of nobody": Mistake(
        "GATEWAY_CLIENT_ID",
        "nobody",
        instead=('id = "gateway"', 'id = "00000000-0000-0000-0000-000000000000"'),
    ),
    "an application of a manual": Mistake(
        "GATEWAY_CLIENT_ID", "placeholder", instead=('id = "gateway"', 'id = "<application id>"')
    ),
    "an application in two words": Mistake(
        "GATEWAY_CLIENT_ID", "one word", instead=('id = "gateway"', 'id = "gate way"')
    ),
    "a sign that nobody sees": Mistake(
        "GATEWAY_CLIENT_ID", "type it anew", instead=('id = "gateway"', 'id = "gateway\u200b"')
    ),
    "half a quote": Mistake(
        "GATEWAY_AUDIENCE", "at one end", variables=(("GATEWAY_AUDIENCE", "'g"),)
    ),
    "a variable that no shell put in": Mistake(
        "GATEWAY_AUDIENCE", "placeholder", variables=(("GATEWAY_AUDIENCE", "${AUDIENCE}"),)
    ),
    "a remark behind a value": Mistake(
        "GATEWAY_DEADLINE", "number of seconds", variables=(("GATEWAY_DEADLINE", "10 # seconds"),)
    ),
    "figures of another alphabet": Mistake(
        "GATEWAY_PORT", "whole number", variables=(("GATEWAY_PORT", "\uff18\uff10"),)
    ),
    "variables of a service of Kubernetes": Mistake(
        "GATEWAY_PORT_8000_TCP", "unknown", variables=(("GATEWAY_PORT_8000_TCP", "tcp://1.2.3.4"),)
    ),
    "a policy in a file of its own": Mistake(
        "GATEWAY_POLICY_FILE", "unknown", variables=(("GATEWAY_POLICY_FILE", "/policy"),)
    ),
    "a policy of nothing": file("policy", "", "leave the variable out"),
    "a policy that was cut off": file("policy", " \n", "leave the variable out"),
    "a policy in JSON": file("policy", '{"roles": 1}', "line is key", "/f"),
    "a policy with a key twice": file(
        "policy", "[roles.a]\norders = {}\norders = {}\n", "Cannot overwrite", "/f"
    ),
    "a policy with a NUL byte": file("policy", "[roles.buyer]\0", "Expected newline", "/f"),
    "a policy in another encoding": file("policy", "[roles]".encode("utf-16"), "UTF-8"),
    "settings for a policy": Mistake(
        "gateway.toml", "is none of", 'policy="{folder}/gateway.toml"'
    ),
    "a folder for names": Mistake("GATEWAY_NAMES", "Is a directory", 'names="{folder}"'),
    "a folder for issuers": Mistake("GATEWAY_ISSUERS", "Is a directory", 'issuers="{folder}"'),
    "issuers of nothing": file("issuers", "", "leave the variable out"),
    "one table of an issuer": file(
        "issuers", '[issuer]\nurl = "https://a.example"\n', "[[issuer]] tables", "/f"
    ),
    "the issuer again": file(
        "issuers",
        '[[issuer]]\nurl="https://issuer.example"\naudiences=["g"]\nkinds=["staff"]\n',
        "names an issuer twice",
    ),
    "a folder for trusted documents": Mistake(
        "GATEWAY_TRUSTED_DOCUMENTS", "Is a directory", 'trusted_documents="{folder}"'
    ),
    "trusted documents that were cut off": file("trusted_documents", "{", "truncated"),
    "a list of trusted documents": file("trusted_documents", "[]", "Expected `object`"),
    "trusted documents in another encoding": file(
        "trusted_documents", "{}".encode("utf-16"), "UTF-8"
    ),
    "no workers": number("workers", "0", "whole number"),
    "a billion workers": number("workers", "1_000_000_000", "whole number"),
    "half a worker": number("workers", "1.5", "whole number"),
    "as many workers as there are cores": number("workers", '"auto"', "whole number"),
    "a port of Docker": number("port", '"8000/tcp"', "whole number"),
    "a port that is a switch": number("port", "true", "whole number"),
    "IPv6 in brackets": number("host", '"[::]"', "host alone"),
    "all hosts": number("host", '"*"', "host alone"),
    "memory with its unit": number("memory", '"64MB"', "whole number"),
    "seconds with their unit": number("deadline", '"10s"', "number of seconds"),
    "no number of seconds": number("deadline", "nan", "number of seconds"),
    "seconds without an end": number("deadline", "inf", "number of seconds"),
    "a time of day": number("deadline", "10:00:00", "must be a text, a number").renamed(
        "'deadline'"
    ),
    "a zone of Windows": number("time_zone", '"W. Europe Standard Time"', "Europe/Berlin"),
    "a zone by its distance": number("time_zone", '"UTC+1"', "Europe/Berlin"),
    "more calls at once than any user has": number(
        "upstream_concurrency", "1000000", "1000 at most"
    ),
    "any host of a domain": number("cors_origins", '["https://*.shop.example"]', "one host"),
    "an origin with a slash": number("cors_origins", '["https://shop.example/"]', "origins"),
    "domains by their address": number("email_domains", '["https://shop.example"]', "domains"),
    "a partner without a company": number("partners", '"acme=US-001"', "NUMBER@company"),
    "a partner who is staff": number(
        "partners", '"a=US-001@usmf as administrator"', "roles may be"
    ),
    "a format that is none": number("log_format", '"logfmt"', "text or json"),
    "a list in a list": number("audience", '[["gateway"]]', "list of texts").renamed(
        "'audience'", (LINE, "")
    ),
}


@pytest.fixture
def check(tmp_path: Path) -> Callable[[Mistake], tuple[int, str]]:
    """Checks the settings with one mistake; the exit code and what was said."""

    def checked(mistake: Mistake) -> tuple[int, str]:
        folder = str(tmp_path)
        (tmp_path / "secret").write_text("hush-hush")
        for name, content in mistake.files:
            written = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name).write_bytes(written.replace(b"{{", b"{").replace(b"}}", b"}"))
        for name in mistake.links:
            (tmp_path / name).symlink_to(
                tmp_path / ("loop" if name == "loop" else "nowhere/at/all")
            )
        text = RIGHT.replace(*mistake.instead) if mistake.instead[0] else RIGHT
        file = tmp_path / "gateway.toml"
        file.write_text(f"{text}\n{mistake.added}".replace("{folder}", folder))
        given = {name: text.replace("{folder}", folder) for name, text in mistake.variables}
        variables = {"GATEWAY_CONFIG": str(file), **given}
        found = CliRunner(env=variables).invoke(command_line.main, ["settings", "--offline"])
        return found.exit_code, found.stderr

    return checked


ISSUERS = (
    f"https://{ENTRA}/{GUID}/v2.0",
    f"https://sts.windows.net/{GUID}/",
    f"https://{GUID}.ciamlogin.com/{GUID}/v2.0",
    f"https://{B2C}/{GUID}/v2.0/",
    f"https://{B2C}/tfp/{GUID}/B2C_1_signin/v2.0/",
    "https://contoso.eu.auth0.com/",
    "https://id.contoso.example/realms/trade",
)


@pytest.mark.parametrize("issuer", ISSUERS)
def test_issuers_are_taken_as_their_tokens_name_them(issuer: str) -> None:
    assert web_addresses.issuer(issuer) == issuer
    assert portal_issuer(issuer) == issuer.rstrip("/")


def test_files_of_windows_are_read_or_named(tmp_path: Path) -> None:
    file, secret = tmp_path / "gateway.toml", tmp_path / "secret"
    secret.write_bytes("hush-hush\r\n".encode("utf-8-sig"))
    file.write_bytes(RIGHT.format(folder=tmp_path).encode("utf-8-sig"))
    run = CliRunner(env={"GATEWAY_CONFIG": str(file)})

    marked = run.invoke(command_line.main, ["settings", "--offline"])
    secret.write_bytes("hush-hush".encode("utf-16"))
    wide = run.invoke(command_line.main, ["settings", "--offline"])

    assert (marked.exit_code, marked.stderr) == (0, "")
    assert wide.exit_code == 2
    assert "GATEWAY_CLIENT_SECRET_FILE: the file is not in UTF-8" in wide.stderr


def test_a_file_of_settings_in_another_encoding_is_all_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    run = CliRunner(env={"GATEWAY_CONFIG": str(file)})

    for content in (RIGHT.encode("utf-16"), f"{RIGHT}# \xfc".encode("latin-1")):
        file.write_bytes(content)
        said = run.invoke(command_line.main, ["settings", "--offline"]).stderr

        assert said == f"GATEWAY_CONFIG: {file}: the file is not in UTF-8; save it as UTF-8\n"


def test_a_secret_whose_file_cannot_be_read_is_not_missing_too(
    check: Callable[[Mistake], tuple[int, str]],
) -> None:
    _, said = check(Mistake("", "", instead=("{folder}/secret", "{folder}")))

    assert "GATEWAY_CLIENT_SECRET_FILE: the file cannot be read: Is a directory" in said
    assert "required" not in said


def test_a_certificate_that_has_ended_is_named(check: Callable[[Mistake], tuple[int, str]]) -> None:
    ended = Mistake(
        "",
        "",
        instead=("client_secret_file", "client_certificate_file"),
        files=(("secret", ending(timedelta(days=-1))),),
    )

    code, said = check(ended)

    assert code == 2
    assert "GATEWAY_CLIENT_CERTIFICATE: ended on" in said
    assert "register a new one in Entra" in said


def test_settings_without_a_mistake_pass(check: Callable[[Mistake], tuple[int, str]]) -> None:
    assert check(Mistake("", "")) == (0, "")


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_named_with_its_remedy(
    check: Callable[[Mistake], tuple[int, str]], name: str
) -> None:
    mistake = MISTAKES[name]

    code, said = check(mistake)

    assert code == 2
    assert mistake.name in said
    assert mistake.remedy in said
    assert "hush-hush" not in said
    assert len(MISTAKES) >= 30
