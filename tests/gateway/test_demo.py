"""The demo starts with one command, hands out tokens while it runs, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from tests.ports import free_port
from tests.stack import WORLDS

GATEWAY = Path(sys.executable).with_name("gateway")
QUIET = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}


def gateway(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GATEWAY, *arguments], env=QUIET, cwd="/", capture_output=True, text=True, timeout=60
    )


@contextmanager
def demo(*arguments: str, folder: Path = Path("/")) -> Iterator[tuple[int, str]]:
    """
    A running demo: its port and what it printed, until Ctrl-C stops it with exit code 0. Its world
    is the one that tests know, unless they name another.
    """
    port = free_port(1)
    if not {"--world", "--load"} & set(arguments):
        arguments = ("--world", "small", *arguments)
    arguments = ("--cache", str(WORLDS), *arguments)
    process = subprocess.Popen(
        [GATEWAY, "demo", "--port", str(port), *arguments],
        env=QUIET,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        printed: list[str] = []
        while not printed or "Ctrl-C" not in printed[-1]:
            printed.append(process.stdout.readline())
            assert printed[-1], "the demo ended early"
        yield port, "".join(printed)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def ask(port: int, token: str, query: str) -> Any:
    answer = httpx2.post(
        f"http://127.0.0.1:{port}/graphql",
        json={"query": query},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=30,
    )
    return answer.json()


def token(port: int, *arguments: str) -> str:
    minted = CliRunner().invoke(main, ["token", "--port", str(port), *arguments])
    assert (minted.exit_code, minted.stderr) == (0, "")
    return minted.stdout.strip()


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[int, str]]:
    with demo() as found:
        yield found


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("jane", "customer"),
        ("sam", "customer"),
        ("rep", "customer"),
        ("may", "customer"),
        ("MAY.tanaka@fabrikam.example", "customer"),
        ("admin", "staff"),
        ("partner", "partner"),
    ],
)
def test_every_demo_caller_gets_a_token_that_is_accepted(
    running: tuple[int, str], name: str, kind: str
) -> None:
    answer = ask(running[0], token(running[0], name), "{ viewer { kind } }")

    assert answer["data"] == {"viewer": {"kind": kind}}


def test_answers_say_which_way_they_went(running: tuple[int, str]) -> None:
    answer = ask(running[0], token(running[0], "jane"), "{ viewer { kind } }")

    assert answer["extensions"] == {"execution": {"way": "compiled"}}


def test_the_service_token_is_for_dynamics_alone(running: tuple[int, str]) -> None:
    port = running[0]
    service = token(port, "--service")

    for path in ("/api/data/v9.2/accounts?$top=1", "/data/CustomersV3?$top=1"):
        url, headers = f"http://127.0.0.1:{port + 1}{path}", {"Authorization": f"Bearer {service}"}
        assert len(httpx2.get(url, headers=headers, trust_env=False).json()["value"]) == 1
    refused = ask(port, service, "{ viewer { kind } }")
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_a_stranger_gets_no_token(running: tuple[int, str]) -> None:
    found = gateway("token", "--port", str(running[0]), "nobody@nowhere.example")

    assert found.returncode == 1
    assert found.stderr == "The demo knows no caller named nobody@nowhere.example.\n"


def test_a_port_that_is_taken_is_named(running: tuple[int, str]) -> None:
    found = gateway("demo", "--port", str(running[0]))

    assert found.returncode == 1
    assert f"Port {running[0]} of 127.0.0.1: Address already in use" in found.stderr


def test_the_addresses_that_are_printed_answer(running: tuple[int, str]) -> None:
    port, printed = running

    assert f"http://127.0.0.1:{port}/graphql\n" in printed
    assert f"http://127.0.0.1:{port}/graphiql\n" in printed
    page = httpx2.get(f"http://127.0.0.1:{port}/graphiql", trust_env=False)
    assert page.status_code == 200


def test_the_line_that_is_printed_is_ready_to_run(running: tuple[int, str]) -> None:
    line = running[1][running[1].index("curl") : running[1].index("Ctrl-C")]

    answer = subprocess.run(line, shell=True, cwd="/", capture_output=True, text=True)  # noqa: S602

    assert '"number"' in answer.stdout
    assert '"errors"' not in answer.stdout


def test_without_a_demo_there_is_no_token() -> None:
    found = gateway("token", "--port", str(free_port(1)), "jane")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "No such demo runs; start one with: gateway demo\n"


def test_exports_that_do_not_fit_are_named_and_nothing_listens(tmp_path: Path) -> None:
    accounts = tmp_path / "dataverse" / "accounts.jsonl"
    accounts.parent.mkdir()
    accounts.write_text('{"accountid": "8f0e0b6e-1f57-4d0e-9a11-6f7f8a7a0c01", "nonsense": 1}\n')

    found = gateway("demo", "--port", str(free_port(1)), "--load", str(tmp_path))

    assert found.returncode == 1
    assert f"{accounts}:1: " in found.stderr
    assert "nonsense" in found.stderr


def test_accounts_of_the_partner_must_be_named_with_their_company() -> None:
    found = gateway("demo", "--port", str(free_port(1)), "--partner", "US-001")

    assert (found.returncode, found.stderr.splitlines()[-1]) == (
        1,
        "an account must be NUMBER@company",
    )


ACCOUNT, CONTACT, CURRENCY = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(3))
EXPORT: dict[str, list[dict[str, Any]]] = {
    "transactioncurrencies": [
        {"transactioncurrencyid": CURRENCY, "isocurrencycode": "USD", "currencyname": "Dollar"}
    ],
    "accounts": [{"accountid": ACCOUNT, "accountnumber": "A-1", "name": "Adopter Inc."}],
    "contacts": [
        {
            "contactid": CONTACT,
            "firstname": "Ann",
            "lastname": "Adopter",
            "fullname": "Ann Adopter",
            "emailaddress1": "ann@adopter.example",
            "_parentcustomerid_value": ACCOUNT,
            "_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
        }
    ],
    "salesorders": [
        {
            "salesorderid": "00000000-0000-4000-8000-000000000009",
            "name": "An order that came by telephone",
            "msdyn_salesordernumber": "A-0001",
            "_customerid_value": ACCOUNT,
            "_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "account",
            "_transactioncurrencyid_value": CURRENCY,
        }
    ],
}


def test_people_of_an_export_see_orders_of_their_account_that_name_nobody(tmp_path: Path) -> None:
    for name, rows in EXPORT.items():
        file = tmp_path / "dataverse" / f"{name}.jsonl"
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(json.dumps(row) for row in rows))

    with demo("--load", str(tmp_path)) as (port, _):
        found = ask(port, token(port, "ann@adopter.example"), "{ orders { nodes { number } } }")

    assert found["data"] == {"orders": {"nodes": [{"number": "A-0001"}]}}
