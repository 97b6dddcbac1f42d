"""`gateway doctor` as an operator runs it: what it prints, writes and exits with."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from starlette.applications import Starlette

from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from emulator.faults.actions import Fail
from emulator.metadata import Service, Type
from emulator.server import build
from emulator.settings import Settings
from emulator.store import Store
from emulator.values import guid_order
from gateway.__main__ import main
from gateway.metadata import overrides
from tests.emulator.trade import counts, trading
from tests.environments import (
    Json,
    altered,
    drop_column,
    dumped,
    rename_navigation,
    secure,
    written,
)
from tests.stack import WORLDS
from tests.waiting import served_by_thread

PARTS = ["check", "status", "subject", "says", "breaks", "do"]
ROLES_OF_USERS = "systemuserrolescollection"
CUSTOMERS = ("account", "contact", "customeraddress", "salesorder", "salesorderdetail", "invoice")
"""Tables of which not a word may get out."""


class Server:
    """An emulator on a port of its own, and the commands that are run against it."""

    def __init__(self, app: Starlette, url: str) -> None:
        self.app, self.url = app, url

    @property
    def store(self) -> Store:
        found: Store = self.app.state.store
        return found

    def doctor(self, *arguments: str, **env: str) -> Result:
        variables = {
            "GATEWAY_DATAVERSE_URL": self.url,
            "GATEWAY_FINOPS_URL": self.url,
            "GATEWAY_TOKEN_URL": f"{self.url}/demo/oauth2/v2.0/token",
            "GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID,
            "GATEWAY_CLIENT_SECRET": SERVICE_SECRET,
            "GATEWAY_ISSUER": f"{self.url}/issuer",
            "GATEWAY_AUDIENCE": "gateway",
            "GATEWAY_LEARNED_NAMES": "off",
        }
        return run(*arguments, env=variables | env)


def run(*arguments: str, env: Mapping[str, str]) -> Result:
    return CliRunner(env=env).invoke(main, ["doctor", *arguments])


@contextmanager
def serving(**settings: Any) -> Iterator[Server]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        app = build(Settings(base_url=url, cache=WORLDS, **settings))
        with served_by_thread(app, found):
            yield Server(app, url)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def usual() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def dump() -> Json:
    async def of_usual() -> Json:
        async with trading() as trade:
            return await dumped(trade.http)

    return asyncio.run(of_usual())


@pytest.fixture(scope="module")
def other(dump: Json, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An environment with another name, and without a column."""
    changes = (
        rename_navigation("salesorder", "msdyn_company", "msdyn_company"),
        drop_column("contact", "jobtitle"),
    )
    folder = tmp_path_factory.mktemp("other")
    with serving(environment=written(folder, altered(dump, *changes))) as server:
        yield server


def findings(result: Result) -> list[dict[str, str]]:
    body = json.loads(result.stdout)
    assert list(body) == ["findings"]
    found: list[dict[str, str]] = body["findings"]
    return found


def test_findings_as_json_have_six_texts_each(usual: Server) -> None:
    found = findings(usual.doctor("--json"))

    assert all(list(each) == PARTS for each in found)
    assert all(isinstance(text, str) for each in found for text in each.values())
    assert {each["status"] for each in found} <= {"OK", "WRONG", "UNKNOWN"}
    assert all(each["says"] and each["do"] for each in found if each["status"] == "WRONG")


def test_it_exits_with_0_where_nothing_is_wrong(usual: Server) -> None:
    result = usual.doctor()

    assert result.exit_code == 0, result.output
    assert "0 WRONG" in result.stdout.splitlines()[-1]
    assert "OK      salesorder" not in result.stdout


def test_it_exits_with_3_where_something_is_wrong(other: Server) -> None:
    result = other.doctor("--json")
    wrong = [each["subject"] for each in findings(result) if each["status"] == "WRONG"]

    assert result.exit_code == 3
    assert wrong == ["contact.jobtitle", "salesorder.msdyn_company -> cdm_company"]


def test_it_exits_with_1_where_it_could_not_look(usual: Server) -> None:
    nowhere = "http://127.0.0.1:9"
    for env in (
        {"GATEWAY_TOKEN_URL": f"{nowhere}/token"},
        {"GATEWAY_DATAVERSE_URL": nowhere, "GATEWAY_FINOPS_URL": nowhere},
        {"GATEWAY_CLIENT_SECRET": "another"},
    ):
        assert usual.doctor("--json", **env).exit_code == 1


@pytest.mark.parametrize(
    ("env", "says", "do"),
    [
        ({"GATEWAY_CLIENT_SECRET": "x"}, "AADSTS7000215", "GATEWAY_CLIENT_SECRET"),
        ({"GATEWAY_CLIENT_ID": "x"}, "AADSTS700016", "GATEWAY_CLIENT_ID"),
        ({"GATEWAY_TOKEN_URL": "{url}/nobody/oauth2/v2.0/token"}, "AADSTS90002", "GATEWAY_TENANT"),
        ({"GATEWAY_TOKEN_URL": "http://127.0.0.1:9/token"}, "ConnectError", "can be reached"),
        ({"GATEWAY_DATAVERSE_URL": "http://127.0.0.1:9"}, "AADSTS500011", "GATEWAY_DATAVERSE_URL"),
    ],
)
def test_a_failed_sign_in_says_why_and_which_setting_to_look_at(
    usual: Server, env: dict[str, str], says: str, do: str
) -> None:
    given = {name: value.format(url=usual.url) for name, value in env.items()}
    found = findings(usual.doctor("--json", **given))
    first = next(each for each in found if each["status"] == "WRONG")

    assert says in first["says"]
    assert do in first["do"]


@pytest.mark.parametrize("service", ["DATAVERSE", "FINOPS"])
def test_an_outage_is_never_taken_for_the_absence_of_tables(
    usual: Server, tmp_path: Path, service: str
) -> None:
    names, dump = tmp_path / "names.toml", tmp_path / "dump.json"
    names.write_text('[contact]\nabsent = ["jobtitle"]\n')
    before = names.read_text()
    down = {f"GATEWAY_{service}_URL": "http://127.0.0.1:9"}

    files = ("--write-names", str(names), "--dump", str(dump))
    result = usual.doctor("--json", *files, **down)
    wrong = [each for each in findings(result) if each["status"] == "WRONG"]

    assert result.exit_code == 1
    assert [each["check"] for each in wrong] == ["sign-in"]
    assert names.read_text() == before
    assert not dump.exists()
    assert f"{names} is not written: could not look at {service.lower()}" in result.stderr


def test_a_table_that_may_not_be_described_is_not_called_absent(
    usual: Server, tmp_path: Path
) -> None:
    names = tmp_path / "names.toml"
    rule = {"path": "*EntityDefinitions(LogicalName='invoice')*", "method": "GET"}
    usual.app.state.faults.add(Fail(403), **rule)
    try:
        found = findings(usual.doctor("--json", "--write-names", str(names)))
    finally:
        usual.app.state.faults.clear()

    assert ("UNKNOWN", "invoice") in {(each["status"], each["subject"]) for each in found}
    assert overrides.load(str(names)) == {}


COLUMN_RIGHTS = "*RetrievePrincipalAttributePrivileges*"


def test_rights_to_columns_are_not_asked_for_where_no_column_is_secured(usual: Server) -> None:
    usual.app.state.log.clear()

    found = findings(usual.doctor("--json", "--all"))

    asked = " ".join(each.path for each in usual.app.state.log.calls())
    assert "account: Read" in {each["subject"] for each in found}
    assert "RetrieveUserPrivileges" in asked
    assert COLUMN_RIGHTS.strip("*") not in asked


def test_privileges_of_tables_are_told_where_rights_to_columns_are_not(
    dump: Json, tmp_path: Path
) -> None:
    environment = written(tmp_path, altered(dump, secure("account", "creditlimit")))
    with serving(environment=environment) as server:
        server.app.state.faults.add(Fail(403), path=COLUMN_RIGHTS, method="GET")
        found = findings(server.doctor("--json", "--all"))

    told = {(each["status"], each["subject"]) for each in found if each["check"] == "privileges"}
    assert ("UNKNOWN", "account.creditlimit") in told
    assert ("OK", "account: Read") in told
    assert ("UNKNOWN", "privileges of the user") not in told


GRANTS = """
[roles.buyer]
extends = "buyer"
[roles.buyer.{permission}]
access = "account"
privileges = ["read", "{privilege}"]
"""
LACKING = {
    ("contacts", "create"): ("contact: Create", "prvCreateContact", "colleagues cannot be invited"),
    ("contacts", "delete"): ("contact: Write", "prvWriteContact", "nobody's access can be taken"),
    ("account", "create"): ("customeraddress: Create", "prvCreateAddress", "cannot be kept"),
    ("account", "update"): ("customeraddress: Write", "prvWriteAddress", "cannot be changed"),
    ("account", "delete"): ("customeraddress: Delete", "prvDeleteAddress", "cannot be removed"),
}
"""Grants, each with a privilege that it needs: its subject, its name, and what breaks."""


@pytest.mark.parametrize("grant", LACKING, ids=" ".join)
def test_the_privileges_that_a_grant_of_the_policy_needs_are_looked_for(
    usual: Server, tmp_path: Path, grant: tuple[str, str]
) -> None:
    subject, name, breaks = LACKING[grant]
    policy = tmp_path / "policy.toml"
    policy.write_text(GRANTS.format(permission=grant[0], privilege=grant[1]))
    usual.store.denied = frozenset({name})
    try:
        without = findings(usual.doctor("--json", "--all"))
        found = findings(usual.doctor("--json", "--all", GATEWAY_POLICY=str(policy)))
    finally:
        usual.store.denied = frozenset()

    assert subject not in {each["subject"] for each in without}
    (lack,) = [each for each in found if each["subject"] == subject]
    assert (lack["status"], lack["says"]) == ("WRONG", f"the user does not hold {name}")
    assert breaks in lack["breaks"]


def test_each_further_application_user_is_compared_with_the_first() -> None:
    applications = [
        (f"{number}" * 8 + "-2222-4222-8222-222222222222", "secret") for number in "234"
    ]
    (same, _), (less, _), (other, _) = applications
    with serving(applications=tuple(applications)) as server:
        take_role(server.store, less)
        pool = f"{same}=secret,{less}=secret,{other}=not its secret"
        result = server.doctor("--all", "--json", GATEWAY_POOL=pool)

    found = {
        each["subject"]: (each["status"], each["says"])
        for each in findings(result)
        if each["check"] == "pool"
    }
    assert result.exit_code == 3
    assert found["application user 2"][0] == "OK"
    status, says = found["application user 3"]
    assert (status, says.split(",")[0]) == ("WRONG", "has 0 rights that the first has not")
    status, says = found["application user 4"]
    assert (status, "invalid_client" in says) == ("WRONG", True)


def take_role(store: Store, client_id: str) -> None:
    """Take its role from the user of an application."""
    users, roles = store.catalog.named("systemuser"), store.catalog.tables[ROLES_OF_USERS]
    (user,) = store.select(users, '"applicationid" = ?', [guid_order(client_id)])
    (role,) = store.select(roles, '"systemuserid" = ?', [user["systemuserid"]])
    with store.transaction("load") as tx:
        tx.delete(roles, role)


def test_a_file_that_cannot_be_written_is_told(usual: Server) -> None:
    result = usual.doctor("--dump", "/no/such/folder/dump.json")

    assert result.exit_code == 1
    assert "/no/such/folder/dump.json is not written: No such file" in result.stderr


def test_it_exits_with_2_where_it_is_used_wrongly(usual: Server) -> None:
    assert usual.doctor("--jsn").exit_code == 2
    assert usual.doctor("--dump").exit_code == 2
    assert usual.doctor(GATEWAY_TIME_ZONE="Nowhere").exit_code == 2
    assert usual.doctor(GATEWAY_NAMES="/no/such/file").exit_code == 2
    assert run(env={}).exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[salesorder", "Expected"),
        ("[salesorder]\nabsents = true", "[salesorder] Object contains unknown field `absents`"),
        ('[salesorder]\ncolumn.requestdeliveryby.behaviour = "Local"', "requestdeliveryby"),
        ('[salesorder]\ncolumn.requestdeliveryby.zone = "Nowhere"', "requestdeliveryby"),
    ],
)
def test_mistakes_of_a_names_file_are_told_with_their_place(
    usual: Server, tmp_path: Path, text: str, said: str
) -> None:
    names = tmp_path / "names.toml"
    names.write_text(text)

    result = usual.doctor(GATEWAY_NAMES=str(names))

    assert result.exit_code == 2
    assert str(names) in result.stderr
    assert said in result.stderr


NOTHING = """
[salesorderr]
collection = "salesorders"
[contact]
absent = ["jobtitel"]
[salesorder]
navigation.msdyn_compny = "msdyn_Company"
[CustPackingSlipJourBiEntities]
column.inventLocation.length = 9
"""


def test_what_the_names_file_says_of_nothing_is_told(usual: Server, tmp_path: Path) -> None:
    names = tmp_path / "names.toml"
    names.write_text(NOTHING)

    found = findings(usual.doctor("--json", GATEWAY_NAMES=str(names)))
    wrong = {each["subject"]: each["says"] for each in found if each["status"] == "WRONG"}
    meant = {subject: says.partition("did you mean ")[2] for subject, says in wrong.items()}

    assert meant == {
        "[salesorderr]": "'salesorder'?",
        "[contact] jobtitel": "'jobtitle'?",
        "[salesorder] navigation.msdyn_compny": "'msdyn_company'?",
        "[CustPackingSlipJourBiEntities] inventLocation": "'inventLocationId'?",
    }


def test_what_the_names_file_calls_absent_is_logged_by_its_own_name(
    usual: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = tmp_path / "names.toml"
    names.write_text('[salesorder]\nabsent = ["msdyn_requestedreceiptdate"]\n')

    usual.doctor(GATEWAY_NAMES=str(names))

    absent = [text for text in caplog.messages if "has no column" in text]
    assert absent == [
        "Dataverse has no column salesorder.msdyn_requestedreceiptdate; it reads as null"
    ]


def test_each_step_is_told_on_standard_error(usual: Server) -> None:
    result = usual.doctor("--json", "--write")
    steps = result.stderr.splitlines()

    assert len(steps) >= 6
    assert all(line.startswith("... ") for line in steps)
    json.loads(result.stdout)


def test_what_is_in_order_is_shown_when_asked_for(usual: Server) -> None:
    assert "OK      salesorder" in usual.doctor("--all").stdout


def test_the_names_file_says_what_differs_and_keeps_what_it_said(
    other: Server, tmp_path: Path
) -> None:
    names = tmp_path / "names.toml"
    names.write_text('[salesorder]\ncolumn.requestdeliveryby.zone = "Europe/Berlin"\n')

    first = other.doctor("--write-names", str(names), GATEWAY_NAMES=str(names))
    again = other.doctor("--write-names", str(names), GATEWAY_NAMES=str(names))
    found = overrides.load(str(names))

    assert (first.exit_code, again.exit_code) == (3, 0)
    assert found["salesorder"].navigation == {"msdyn_company": "msdyn_company"}
    assert found["salesorder"].column["requestdeliveryby"].zone == "Europe/Berlin"
    assert found["contact"].absent == ("jobtitle",)


def test_nothing_remains_of_the_order_that_is_tried(usual: Server) -> None:
    before = dict(counts(usual.store))
    found = findings(usual.doctor("--json", "--write"))

    assert {e["status"] for e in found if e["check"] == "write"} == {"OK"}
    assert dict(counts(usual.store)) == before


def test_nothing_is_changed_unless_it_is_asked_to(usual: Server) -> None:
    version = usual.store.run('SELECT max("versionnumber") FROM "dataverse.salesorders"')
    before = dict(counts(usual.store))

    assert usual.doctor().exit_code == 0
    assert dict(counts(usual.store)) == before
    latest = usual.store.run('SELECT max("versionnumber") FROM "dataverse.salesorders"')
    assert latest == version


def test_the_dump_has_the_metadata_and_no_row_of_anybody(usual: Server, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    usual.doctor("--dump", str(path))
    text = path.read_text()
    dump = json.loads(text)

    assert list(dump) == ["dataverse", "finops"]
    assert set(dump["dataverse"]) == {
        "EntityDefinitions", "RolePrivileges", "msdyn_dualwriteruntimeconfigs",
    }  # fmt: skip
    assert list(dump["finops"]) == ["PublicEntities"]
    (order,) = [
        each
        for each in dump["dataverse"]["EntityDefinitions"]
        if each["LogicalName"] == "salesorder"
    ]
    assert {"Attributes", "Keys", "ManyToOneRelationships", "Privileges"} <= order.keys()
    said = set(strings(dump))
    # A job title, and a type of columns.
    assert sorted(said & set(texts(usual.store)) - {"Owner"}) == []
    assert "@contoso" not in text


def strings(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, each in value.items():
                yield name
                yield from strings(each)
        case list():
            for each in value:
                yield from strings(each)
        case str():
            yield value


def texts(store: Store) -> Iterator[str]:
    """Every name, number, address, text and id of customers' rows."""
    for table in store.catalog.of(Service.DATAVERSE):
        if table.name not in CUSTOMERS:
            continue
        kinds = (Type.STRING, Type.MEMO, Type.GUID)
        named = [each.name for each in table.columns.values() if each.type in kinds]
        for row in store.select(table, "1 = 1", []):
            found = (row[name] for name in named)
            yield from (str(text) for text in found if isinstance(text, str) and len(text) > 3)


def test_an_emulator_that_is_started_from_the_dump_is_the_same_environment(
    other: Server, tmp_path: Path
) -> None:
    path = tmp_path / "dump.json"
    first = findings(other.doctor("--json", "--dump", str(path)))

    with serving(environment=path) as again:
        second = findings(again.doctor("--json", "--write"))

    wrong = [each for each in first if each["status"] == "WRONG"]
    assert [each for each in second if each["status"] == "WRONG"] == wrong
    assert [each["status"] for each in second if each["check"] == "write"] == ["OK"]
