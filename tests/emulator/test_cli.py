"""`emulator serve` starts with any kind of data, and says plainly when it cannot."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result

from emulator.__main__ import main
from emulator.identities import DEMO_USERS, subject_of
from emulator.server import build
from emulator.settings import Settings
from emulator.world.customers import BUYER
from gateway.client.trusted_certificates import trusted
from tests.ports import free_port
from tests.stack import WORLDS

pytestmark = pytest.mark.anyio

BASE = "http://127.0.0.1:8001"
CONTACT = {"firstname": "Jane", "lastname": "Doe", "emailaddress1": DEMO_USERS["jane"].email}


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["serve", "--port", str(free_port()), *words])


def exports(folder: Path, *contacts: dict[str, str]) -> Path:
    (folder / "dataverse").mkdir()
    lines = [json.dumps(each) for each in contacts]
    (folder / "dataverse" / "contacts.jsonl").write_text("\n".join(lines))
    return folder


def client(settings: Settings) -> httpx2.AsyncClient:
    app = build(settings)
    token = app.state.tokens.service("test")
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url=settings.base_url,
        headers={"Authorization": f"Bearer {token}"},
    )


def kept() -> dict[Path, int]:
    """The files of the small world, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in WORLDS.glob("small-*.sqlite")}


@contextmanager
def serving(*words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    port = str(free_port())
    command = [sys.executable, "-m", "emulator", "serve", "--port", port, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_for(url: str) -> httpx2.Response:
    for _ in range(150):
        try:
            return httpx2.get(f"{url}/issuer/.well-known/openid-configuration", verify=trusted())
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    folder = exports(tmp_path, CONTACT)
    with serving("--load", str(folder), "--cache", str(tmp_path / "cache")) as (url, process):
        found = wait_for(url).json()
        asked = httpx2.post(f"{url}/issuer/demo/token", json={"name": "jane"})
        process.terminate()
        output = process.communicate(timeout=10)[0]

    assert found["issuer"] == f"{url}/issuer"
    assert asked.status_code == 200
    assert "Loaded 1 rows." in output
    assert "No contact has the e-mail of sam, rep, may" in output
    assert f"{url}/api/data/v9.2" in output


def test_help_tells_every_option() -> None:
    text = run("--help").output

    assert "Exit code 1" in text
    for option in ("--world", "--load", "--lenient", "--empty", "--metadata", "--seed", "--port"):
        assert option in text


@pytest.mark.parametrize(
    "words",
    [
        ["--world", "small", "--empty"],
        ["--world", "huge"],
        ["--lenient"],
        ["--load", "/nowhere"],
        ["--metadata", "/nowhere.toml"],
        ["--port", "70000"],
    ],
)
def test_options_that_do_not_fit_are_refused(words: list[str]) -> None:
    assert run(*words).exit_code == 2


def test_exports_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    result = run("--load", str(exports(tmp_path, CONTACT | {"shoe": "40"})))

    assert result.exit_code == 1
    assert "contacts.jsonl:1: shoe: no such column" in result.output
    assert "--lenient" in result.output


MISTAKES = {
    "a port that is taken": (["--port", "{taken}"], "Port {taken} of 127.0.0.1", "another: --port"),
    "an address of another machine": (["--host", "192.0.2.1"], "192.0.2.1", "another: --port"),
    "an address without a scheme": (["--base-url", "emulator:8001"], "--base-url", "scheme, host"),
    "an address with a path": (["--base-url", "http://d/365"], "--base-url", "such as http://"),
    "an address with a password": (["--base-url", "http://me:it@d"], "--base-url", "host and port"),
    "an address with a query": (["--base-url", "http://d?a=1"], "--base-url", "host and port"),
    "a file for a cache": (["--cache", "{folder}/text"], "--cache", "name a folder"),
    "a cache that takes nothing": (["--cache", "/proc/cache"], "--cache", "name a folder"),
    "a certificate that is none": (["--certificate", "{folder}/text"], "--certificate", "in PEM"),
    "a certificate in bytes": (["--certificate", "{folder}/wide"], "--certificate", "in PEM"),
    "metadata in another encoding": (["--metadata", "{folder}/wide"], "wide", "save it as UTF-8"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_of_an_option_is_named_with_its_remedy(name: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("neither folder nor certificate")
    (tmp_path / "wide").write_bytes("[table]".encode("utf-16"))
    words, named, remedy = MISTAKES[name]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        known = {"taken": port, "folder": tmp_path}

        # The last of two ports counts.
        given = (word.format(**known) for word in words)
        found = run("--empty", "--port", str(free_port()), *given)

    assert found.exit_code == 1, found.output
    assert named.format(**known) in found.stderr
    assert remedy in found.stderr


def test_metadata_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text("[new_table]\n")

    result = run("--metadata", str(file), "--empty", "--cache", str(tmp_path))

    assert result.exit_code == 1
    assert str(file) in result.output


async def test_metadata_declares_what_exports_use(tmp_path: Path) -> None:
    file = tmp_path / "ours.toml"
    file.write_text('[contact.columns]\n"string 10" = "new_shoe"\n')
    folder = exports(tmp_path, CONTACT | {"new_shoe": "40"})

    settings = Settings(load=folder, metadata=(file,), cache=None)
    async with client(settings) as dataverse:
        answer = await dataverse.get("/api/data/v9.2/contacts?$select=new_shoe")

    assert [row["new_shoe"] for row in answer.json()["value"]] == ["40"]


async def test_a_world_comes_from_the_cache_and_stays_as_it_was() -> None:
    settings = Settings(world="small", cache=WORLDS)
    async with client(settings) as first:
        answer = await first.get("/api/data/v9.2/accounts?$filter=accountnumber eq 'US-001'")
        account = answer.json()["value"][0]["accountid"]
        before = kept()
        await first.patch(f"/api/data/v9.2/accounts({account})", json={"name": "changed"})

    async with client(settings) as second:
        again = await second.get(f"/api/data/v9.2/accounts({account})?$select=name,accountnumber")

    assert kept() == before
    assert len(before) == 1
    assert (again.json()["name"], again.json()["accountnumber"]) == (
        "Contoso Retail San Diego",
        BUYER,
    )


async def test_jane_is_known_by_an_external_identity() -> None:
    async with client(Settings(world="small", cache=WORLDS)) as dataverse:
        url = "/api/data/v9.2/adx_externalidentities?$expand=adx_contactid($select=fullname)"
        rows = (await dataverse.get(url)).json()["value"]

    assert [row["adx_username"] for row in rows] == [subject_of(DEMO_USERS["jane"].email)]
    assert [row["adx_identityprovidername"] for row in rows] == [f"{BASE}/issuer"]
    assert [row["adx_contactid"]["fullname"] for row in rows] == ["Jane Doe"]


@pytest.mark.parametrize("name", ["jane", "sam", "rep", "may"])
async def test_every_demo_user_signs_in_to_a_generated_world(name: str) -> None:
    async with client(Settings(world="small", cache=WORLDS)) as issuer:
        answer = await issuer.post("/issuer/demo/token", json={"name": name})

    assert answer.status_code == 200


async def test_an_empty_emulator_has_tables_but_no_rows() -> None:
    async with client(Settings(world=None, cache=None)) as dataverse:
        answer = await dataverse.get("/api/data/v9.2/accounts")

    assert answer.json()["value"] == []


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nonsense"}])
async def test_the_services_ask_for_a_token(header: dict[str, str]) -> None:
    transport = httpx2.ASGITransport(build(Settings(world=None, cache=None)))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as stranger:
        dataverse = await stranger.get("/api/data/v9.2/accounts", headers=header)
        finops = await stranger.get("/data/CustomersV3", headers=header)

    assert (dataverse.status_code, finops.status_code) == (401, 401)
