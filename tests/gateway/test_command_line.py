"""The commands do what their help says, and their exit codes can be relied on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click
import httpx2
import pytest
from click.testing import CliRunner, Result

from gateway import __main__ as command_line
from gateway.client.trusted_certificates import trusted
from gateway.config.settings import VARIABLES
from tests.ports import free_port

REPO = Path(__file__).parents[2]
GATEWAY = Path(sys.executable).with_name("gateway")
MINIMUM = {
    "GATEWAY_DATAVERSE_URL": "https://contoso.crm.example",
    "GATEWAY_FINOPS_URL": "https://contoso.operations.example",
    "GATEWAY_TENANT": "contoso.example",
    "GATEWAY_CLIENT_ID": "gateway",
    "GATEWAY_CLIENT_SECRET": "hush-hush",
    "GATEWAY_ISSUER": "https://issuer.example",
    "GATEWAY_AUDIENCE": "gateway",
}


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)


def gateway(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """A command in this process; one that serves gets a port that nothing else has."""
    variables = {
        **({"GATEWAY_PORT": str(free_port())} if "serve" in arguments else {}),
        **(env or {}),
    }
    return CliRunner(env=variables).invoke(command_line.main, list(arguments))


def test_sides_that_cannot_be_reached_cannot_be_compared() -> None:
    unreachable = {
        "GATEWAY_DATAVERSE_URL": "http://127.0.0.1:9",
        "GATEWAY_TOKEN_URL": "http://127.0.0.1:9/token",
        "GATEWAY_TENANT": "",
    }
    result = gateway("reconcile", env=MINIMUM | unreachable)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "could not sign in" in result.stderr


@pytest.mark.parametrize("name", command_line.main.commands)
def test_every_command_and_option_explains_itself(name: str) -> None:
    command = command_line.main.commands[name]

    assert gateway(name, "--help").exit_code == 0
    assert (command.help or "").split("\n")[0].endswith(".")
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help


@pytest.mark.parametrize(
    "arguments",
    [
        ["serv"],
        ["serve", "--port", "0"],
        ["token"],
        ["token", "jane", "--service"],
        ["demo", "--port", "65535"],
        ["demo", "--world", "huge"],
        ["demo", "--load", "/nowhere"],
        ["demo", "--world", "small", "--load", "."],
        ["demo", "--lenient"],
        ["schema", "now"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    found = gateway(*arguments)

    assert found.exit_code == 2
    assert "Error" in found.stderr


def test_settings_lists_every_variable_and_masks_secrets() -> None:
    found = gateway("settings", env=MINIMUM | {"GATEWAY_LIMIT_DEPTH": "9"})

    assert found.exit_code == 0
    for entry in VARIABLES:
        assert entry.name in found.stdout
        assert entry.doc in found.stdout
    assert "hush-hush" not in found.output
    lines = dict(line.split(None, 1) for line in found.stdout.splitlines() if line[0] != " ")
    assert lines["GATEWAY_CLIENT_SECRET"] == "(set, hidden)"
    assert lines["GATEWAY_ISSUER"] == "https://issuer.example"
    assert lines["GATEWAY_PORT"] == "8000 (default)"
    assert lines["GATEWAY_LIMIT_DEPTH"] == "9"


def test_settings_can_be_checked_without_serving() -> None:
    assert gateway("settings", "--offline", env=MINIMUM).exit_code == 0
    wrong = gateway("settings", "--offline", env=MINIMUM | {"GATEWAY_PORT": "x"})

    assert wrong.exit_code == 2
    assert wrong.stderr == "GATEWAY_PORT: must be a whole number above zero\n"


@pytest.mark.parametrize("variable", ["NAMES", "POLICY", "ISSUERS", "AUDIT_FILE"])
def test_files_that_serve_cannot_use_are_told_by_the_check_too(variable: str) -> None:
    env = MINIMUM | {f"GATEWAY_{variable}": "/no/such/file"}
    checked, served = (
        gateway(*command, env=env) for command in (["settings", "--offline"], ["serve"])
    )

    assert (checked.exit_code, served.exit_code) == (2, 2)
    assert checked.stderr == served.stderr
    assert f"GATEWAY_{variable}: /no/such/file" in checked.stderr


def test_serve_names_every_mistake_and_exits_with_2() -> None:
    found = gateway("serve", env={"GATEWAY_PORT": "x"})

    assert found.exit_code == 2
    for name in ("GATEWAY_PORT", "GATEWAY_DATAVERSE_URL", "GATEWAY_AUDIENCE", "GATEWAY_TENANT"):
        assert f"{name}: " in found.stderr


def test_serve_refuses_an_extension_that_is_not_there() -> None:
    found = gateway("serve", env=MINIMUM | {"GATEWAY_EXTENSIONS": "no_such_extension"})

    said = "GATEWAY_EXTENSIONS: No module named 'no_such_extension'; install it, or name its folder"
    assert (found.exit_code, found.stderr) == (2, f"{said} in PYTHONPATH\n")


def test_the_schema_is_printed_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed = tmp_path / "schema.graphql"
    monkeypatch.setattr(command_line, "SCHEMA", committed)
    printed = gateway("schema").stdout

    assert "type Query {" in printed
    assert gateway("schema", "--check").exit_code == 1
    committed.write_text(printed)
    assert gateway("schema", "--check").exit_code == 0
    committed.write_text(printed.replace("type Query {", "type Question {"))
    different = gateway("schema", "--check")
    assert different.exit_code == 1
    assert "-type Question {\n+type Query {" in different.stderr


def test_the_schema_of_an_extension_is_compared_with_a_file_of_its_own(tmp_path: Path) -> None:
    def schema(*arguments: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [GATEWAY, "schema", *arguments]
        return subprocess.run(command, cwd=REPO, capture_output=True, text=True)

    mine, acme = tmp_path / "acme.graphql", ("--extension", "examples.acme")
    mine.write_text(schema(*acme).stdout)

    assert "type Machine implements Node" in mine.read_text()
    assert schema(*acme, "--check", str(mine)).returncode == 0
    assert gateway("schema", "--check", str(mine)).exit_code == 1
    assert "Name the file" in schema(*acme, "--check").stderr
    assert gateway("schema", "--extension", "no_such_module").exit_code == 2


def test_serve_loads_neither_emulator_nor_portal() -> None:
    program = (
        "import sys; import gateway.__main__, gateway.app;"
        "print([n for n in sys.modules if n.split('.')[0] in ('emulator', 'portal')"
        " or n == 'gateway.commands.demo'])"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert found.stdout == b"[]\n"


@pytest.fixture
def port() -> int:
    return free_port()


def answers(url: str) -> httpx2.Response:
    """The first answer of a server that is starting."""
    give_up = time.monotonic() + 30
    while True:
        try:
            return httpx2.get(url, verify=trusted(), trust_env=False)
        except httpx2.ConnectError:
            assert time.monotonic() < give_up
            time.sleep(0.1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_serves_and_stops_cleanly(port: int, workers: str) -> None:
    environment = MINIMUM | {"GATEWAY_WORKERS": workers, "GATEWAY_PORT": str(port)}
    process = subprocess.Popen([GATEWAY, "serve"], env=environment, cwd="/")
    try:
        assert answers(f"http://127.0.0.1:{port}/livez").json() == {"status": "alive"}
    finally:
        process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=30) in (0, -signal.SIGTERM)
