"""Every variable is declared, checked and documented once, and mistakes come together."""

import dataclasses
import re
from pathlib import Path

import pytest

from gateway.config import settings
from gateway.config.environment import load
from gateway.config.parsers import Partner, PartnerAccount
from gateway.config.settings import VARIABLES, Settings, SettingsError, Variable

REPO = Path(__file__).parents[2]
PEM = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\ny"
MINIMUM = {
    "GATEWAY_DATAVERSE_URL": "https://contoso.crm.dynamics.com/",
    "GATEWAY_FINOPS_URL": "https://contoso.operations.dynamics.com",
    "GATEWAY_TENANT": "contoso.onmicrosoft.com",
    "GATEWAY_CLIENT_ID": "gateway",
    "GATEWAY_CLIENT_SECRET": "hush-hush",
    "GATEWAY_ISSUER": "https://login.contoso.com/",
    "GATEWAY_AUDIENCE": "api://gateway, gateway",
}
EVERY = pytest.mark.parametrize("entry", VARIABLES, ids=lambda entry: entry.name)


def mistakes(**changes: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(limits=("depth",), environ=MINIMUM | changes)
    return caught.value.mistakes


def test_the_minimum_is_enough_and_the_defaults_are_safe() -> None:
    found = load(environ=MINIMUM)

    assert found.dataverse_url == "https://contoso.crm.dynamics.com"
    assert found.issuer == "https://login.contoso.com/"
    assert found.audience == ("api://gateway", "gateway")
    assert (found.introspection, found.graphiql, found.cors_origins) == (False, False, ())
    assert (found.staff_roles, found.partners) == ((), ())


@EVERY
def test_every_variable_says_what_it_means_and_has_its_field(entry: Variable) -> None:
    assert re.fullmatch(r"GATEWAY_[A-Z_]+", entry.name)
    assert entry.doc.endswith(".")
    assert entry.field in {declared.name for declared in dataclasses.fields(Settings)}


@EVERY
def test_every_default_is_a_value_that_its_own_parser_gives(entry: Variable) -> None:
    if entry.default_text:
        assert entry.parse(entry.default_text) == entry.default


@EVERY
def test_no_variable_takes_control_characters_or_repeats_its_value(entry: Variable) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*zebra)"):
        entry.parse("zebra\x07")


def test_the_documentation_is_the_registry() -> None:
    assert settings.table() in (REPO / "docs" / "settings.md").read_text()


def test_all_mistakes_are_reported_together_by_name() -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ={"GATEWAY_PORT": "http", "GATEWAY_GRAPHIQL": "yes please"})

    names = {mistake.split(":")[0] for mistake in caught.value.mistakes}
    required = {entry.name for entry in VARIABLES if entry.required}
    assert names == required | {
        "GATEWAY_PORT",
        "GATEWAY_GRAPHIQL",
        "GATEWAY_TENANT",
        "GATEWAY_CLIENT_SECRET",
    }


def test_an_unknown_variable_is_refused_with_a_suggestion() -> None:
    assert mistakes(GATEWAY_AUDIENCES="x", GATEWAY_LIMIT_DEPHT="3") == (
        "GATEWAY_AUDIENCES: unknown; did you mean 'GATEWAY_AUDIENCE'?",
        "GATEWAY_LIMIT_DEPHT: unknown; did you mean 'GATEWAY_LIMIT_DEPTH'?",
    )


def test_a_limit_is_overridden_by_name() -> None:
    found = load(limits=("depth",), environ=MINIMUM | {"GATEWAY_LIMIT_DEPTH": "9"})

    assert found.limits == {"depth": 9}
    assert mistakes(GATEWAY_LIMIT_DEPTH="0") == (
        "GATEWAY_LIMIT_DEPTH: must be a whole number above zero",
    )


def test_a_secret_comes_from_a_file_and_stays_out_of_sight(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n")
    environ = MINIMUM | {
        "GATEWAY_CLIENT_SECRET": "",
        "GATEWAY_CLIENT_SECRET_FILE": str(tmp_path / "secret"),
    }

    found = load(environ=environ)

    assert found.client_secret == "from-a-file"
    assert "from-a-file" not in repr(found)


def test_a_certificate_replaces_the_secret() -> None:
    found = load(environ=MINIMUM | {"GATEWAY_CLIENT_SECRET": "", "GATEWAY_CLIENT_CERTIFICATE": PEM})

    assert found.client_certificate == PEM


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"GATEWAY_CLIENT_SECRET_FILE": "/nowhere/secret"}, "GATEWAY_CLIENT_SECRET_FILE"),
        ({"GATEWAY_CLIENT_CERTIFICATE": PEM}, "GATEWAY_CLIENT_SECRET"),
        ({"GATEWAY_TOKEN_URL": "https://login.example/token"}, "GATEWAY_TENANT"),
        ({"GATEWAY_TENANT": ""}, "GATEWAY_TENANT"),
        ({"GATEWAY_TENANT": "a/../b"}, "GATEWAY_TENANT"),
        ({"GATEWAY_ALGORITHMS": "RS256,HS256"}, "GATEWAY_ALGORITHMS"),
        ({"GATEWAY_ALGORITHMS": "none"}, "GATEWAY_ALGORITHMS"),
        ({"GATEWAY_DATAVERSE_URL": "http://contoso.example"}, "GATEWAY_DATAVERSE_URL"),
        ({"GATEWAY_FINOPS_URL": "https://me:pw@contoso.example"}, "GATEWAY_FINOPS_URL"),
        ({"GATEWAY_FINOPS_URL": "https://contoso.example/?a=b"}, "GATEWAY_FINOPS_URL"),
        (
            {"GATEWAY_DATAVERSE_URL": "https://contoso.example/api/data/v9.2"},
            "GATEWAY_DATAVERSE_URL",
        ),
        ({"GATEWAY_FINOPS_URL": "https://contoso.example/data/"}, "GATEWAY_FINOPS_URL"),
        ({"GATEWAY_ISSUER": "ftp://issuer.example"}, "GATEWAY_ISSUER"),
        ({"GATEWAY_ISSUER": "https://[::1"}, "GATEWAY_ISSUER"),
        ({"GATEWAY_GRAPHIQL": "on"}, "GATEWAY_GRAPHIQL_CLIENT_ID"),
        ({"GATEWAY_GRAPHIQL_CLIENT_ID": "gateway"}, "GATEWAY_AUDIENCE"),
        ({"GATEWAY_CORS_ORIGINS": "*"}, "GATEWAY_CORS_ORIGINS"),
        ({"GATEWAY_CORS_ORIGINS": "https://shop.example/path"}, "GATEWAY_CORS_ORIGINS"),
        ({"GATEWAY_PORT": "70000"}, "GATEWAY_PORT"),
        ({"GATEWAY_WORKERS": "0"}, "GATEWAY_WORKERS"),
        ({"GATEWAY_DEADLINE": "nan"}, "GATEWAY_DEADLINE"),
        ({"GATEWAY_HTTP_TRANSPORT": "smoke"}, "GATEWAY_HTTP_TRANSPORT"),
        ({"GATEWAY_LOG_LEVEL": "loud"}, "GATEWAY_LOG_LEVEL"),
        ({"GATEWAY_PARTNERS": "acme"}, "GATEWAY_PARTNERS"),
        ({"GATEWAY_PARTNERS": "acme=*@usmf"}, "GATEWAY_PARTNERS"),
        ({"GATEWAY_PARTNERS": "acme=1@usmf;acme=2@usmf"}, "GATEWAY_PARTNERS"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(changes: dict[str, str], named: str) -> None:
    assert [mistake.split(":")[0] for mistake in mistakes(**changes)] == [named]


def test_http_is_for_loopback_alone() -> None:
    for host in ("localhost", "127.0.0.1", "127.9.9.9", "[::1]"):
        issuer = f"http://{host}:8001/issuer"
        assert load(environ=MINIMUM | {"GATEWAY_ISSUER": issuer}).issuer == issuer
    for host in ("localhost.evil.example", "127.0.0.1.evil.example", "2130706433", "10.0.0.1"):
        assert mistakes(GATEWAY_ISSUER=f"http://{host}/issuer")


def test_partners_map_client_ids_to_accounts() -> None:
    told = "acme=US-001@USMF, A@b@dat; edi=7@usrt as reader, writer"

    found = load(environ=MINIMUM | {"GATEWAY_PARTNERS": told})

    assert found.partners == (
        Partner("acme", (PartnerAccount("US-001", "usmf"), PartnerAccount("A@b", "dat"))),
        Partner("edi", (PartnerAccount("7", "usrt"),), ("reader", "writer")),
    )


def test_a_file_sets_what_variables_set_and_they_win_over_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file")
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'client_secret_file = "{tmp_path}/secret"\nport = 9000\nmetrics = true\ndeadline = 12.5\n'
        'staff_roles = ["administrator", "support"]\nhost = "0.0.0.0"\n[limits]\ndepth = 7\n'
    )
    environ = MINIMUM | {"GATEWAY_CONFIG": str(file), "GATEWAY_HOST": "127.0.0.2"}

    alone = load(("depth",), {**environ, "GATEWAY_CLIENT_SECRET": ""})
    beside = load(("depth",), environ)

    assert (alone.port, alone.metrics, alone.deadline) == (9000, True, 12.5)
    assert (alone.staff_roles, alone.limits) == (("administrator", "support"), {"depth": 7})
    assert (alone.host, beside.host) == ("127.0.0.2", "127.0.0.2")
    assert (alone.client_secret, beside.client_secret) == ("from-a-file", "hush-hush")


def test_the_schema_of_the_file_has_every_setting_and_no_secret() -> None:
    schema = settings.schema_of_file({"depth": (10, "How deep.")})
    properties = schema["properties"]

    for entry in VARIABLES:
        key = entry.name.removeprefix("GATEWAY_").lower()
        assert (key in properties) is not (entry.secret or key == "config")
        assert (f"{key}_file" in properties) is entry.secret
    assert properties["metrics"]["type"] == "boolean"
    assert properties["workers"] == {
        "type": "integer",
        "minimum": 1,
        "default": 1,
        "description": "Worker processes.",
    }
    assert properties["limits"]["properties"]["depth"]["default"] == 10
    assert schema["additionalProperties"] is False
