"""`gateway deliveries`: the operator lists, replays and tries deliveries, and prints AsyncAPI."""

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from gateway.__main__ import main
from gateway.auth.policy_file import PolicyFile
from gateway.deliveries.deliveries_file import DeliveriesFile, Delivery
from gateway.telling import shared_file
from tests.gateway.deliveries.receiving import SECRETS
from tests.gateway.deliveries.test_webhooks import POLICY

NEEDED = {
    "GATEWAY_DATAVERSE_URL": "https://contoso.crm.dynamics.com",
    "GATEWAY_FINOPS_URL": "https://contoso.operations.dynamics.com",
    "GATEWAY_TENANT": "contoso.onmicrosoft.com",
    "GATEWAY_CLIENT_ID": "gateway",
    "GATEWAY_CLIENT_SECRET": "secret",
    "GATEWAY_ISSUER": "https://login.contoso.com",
    "GATEWAY_AUDIENCE": "gateway",
}


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "policy.toml").write_text(POLICY.format(port=1, secrets=SECRETS))
    return {
        **NEEDED,
        "GATEWAY_POLICY": str(tmp_path / "policy.toml"),
        "GATEWAY_CHANGES_FILE": str(tmp_path / "changes"),
    }


@pytest.fixture
def file(variables: dict[str, str]) -> Iterator[DeliveriesFile]:
    """The file with three deliveries, of which the second was set aside."""
    found = DeliveriesFile(variables["GATEWAY_CHANGES_FILE"])
    made = [
        Delivery(
            0, "shop", f"id_{n}", "SalesOrder", f"row{n}", "changed", "", f"order {n}", 1.0, 1.0
        )
        for n in range(3)
    ]
    found.add("shop", made, 7)
    _, second, _ = found.due("shop", 2.0, 10)
    found.failed(second, "status 500", None)
    yield found
    found.close()


def run(variables: dict[str, str], *arguments: str) -> Result:
    return CliRunner(env=variables).invoke(main, ["deliveries", *arguments])


def test_deliveries_are_listed_with_their_reasons(
    variables: dict[str, str], file: DeliveriesFile
) -> None:
    result = run(variables, "list", "--state", "aside")

    assert result.exit_code == 0, result.output
    assert result.output.split()[1:] == ["aside", "shop", "id_1", "1", "status", "500"]
    assert len(run(variables, "list").output.splitlines()) == 3


def test_what_was_set_aside_waits_again(variables: dict[str, str], file: DeliveriesFile) -> None:
    result = run(variables, "replay", "shop")

    assert result.output == "1 deliveries wait again\n"
    assert [each.id for each in file.due("shop", 1e12, 10)] == ["id_0", "id_2", "id_1"]
    assert file.place("shop") == 7


def test_what_still_waits_is_made_now_and_keeps_its_place(
    variables: dict[str, str], file: DeliveriesFile
) -> None:
    first, _ = file.due("shop", 2.0, 10)
    file.add("shop", [replace(first, id="behind_it")], 8)
    file.failed(first, "status 500", 1e12)
    result = run(variables, "replay", "shop", "id_0", "id_0")

    assert result.output == "1 deliveries wait again\n"
    assert [each.id for each in file.due("shop", 1e10, 10)] == ["id_0", "id_2"]


def test_a_delivery_is_made_once_however_often_it_is_added(file: DeliveriesFile) -> None:
    again = file.listed("shop", None, 10)
    file.add("shop", again, 9)

    assert len(file.listed("shop", None, 10)) == 3
    assert file.place("shop") == 9


def test_an_outcome_of_a_number_that_is_another_delivery_now_says_nothing_of_it(
    file: DeliveriesFile,
) -> None:
    first, third = file.due("shop", 2.0, 10)
    file.done(replace(first, number=third.number))
    file.failed(replace(third, number=first.number), "status 500", None)

    assert file.due("shop", 2.0, 10) == [first, third]


def test_news_for_a_person_are_remembered_longer_than_changes_for_a_partner(
    file: DeliveriesFile,
) -> None:
    news = Delivery(
        0, "mail", "order_1_placed", "SalesOrder", "row", "placed", "jane", "g", 1.0, 1.0
    )
    file.add("mail", [news], 7)
    for hook in ("shop", "mail"):
        for each in file.due(hook, 2.0, 10):
            file.done(each)
    file.forget(before=2.0, of_persons=1.0, hooks=["shop"])
    file.add("mail", [news], 8)

    assert [each.state for each in file.listed(None, None, 10)] == ["done"]
    file.forget(before=3.0, of_persons=3.0, hooks=["shop"])
    assert file.listed(None, None, 10) == []


def test_what_waits_for_a_webhook_that_is_declared_no_more_is_forgotten_in_the_end(
    file: DeliveriesFile,
) -> None:
    file.forget(before=1.0, of_persons=0.0, hooks=[])
    file.forget(before=2.0, of_persons=0.0, hooks=["shop"])
    assert len(file.listed("shop", "waiting", 10)) == 2

    file.forget(before=2.0, of_persons=0.0, hooks=["another"])
    assert file.listed("shop", None, 10) == []


def test_nothing_is_replayed_while_the_file_cannot_be_written(
    variables: dict[str, str], file: DeliveriesFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_file, "PATIENCE", 0.05)
    with closing(sqlite3.connect(variables["GATEWAY_CHANGES_FILE"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        result = run(variables, "replay", "shop")

    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert "database is locked" in result.output
    assert len(file.listed("shop", "aside", 10)) == 1


def test_two_who_replay_at_once_make_one_delivery_of_each(
    variables: dict[str, str], file: DeliveriesFile
) -> None:
    ids = [each.id for each in file.listed("shop", None, 10)]
    with ThreadPoolExecutor(4) as threads:
        files = [DeliveriesFile(variables["GATEWAY_CHANGES_FILE"]) for _ in range(4)]
        for _ in range(20):
            list(threads.map(lambda each: each.replay("shop", ids, 5.0), files))
        for each in files:
            each.close()

    found = file.listed("shop", None, 10)
    assert sorted(each.id for each in found) == sorted(ids)
    assert {each.state for each in found} == {"waiting"}


def test_a_webhook_that_does_not_answer_is_told_to_the_operator(variables: dict[str, str]) -> None:
    result = run(variables, "test", "shop")

    assert result.exit_code == 1
    assert "no connection" in result.output
    assert run(variables, "test", "other").exit_code == 2


def test_the_asyncapi_document_has_every_webhook_and_no_secret(variables: dict[str, str]) -> None:
    text = run(variables, "asyncapi").output
    document = json.loads(text)

    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == {"subscriptions", "webhook_shop"}
    assert not any(secret in text for secret in SECRETS)
    assert "127.0.0.1" not in text
    for operation in document["operations"].values():
        for reference in (operation["channel"], *operation["messages"]):
            assert resolved(document, reference["$ref"])


def test_secrets_are_shown_by_no_text_of_a_webhook(variables: dict[str, str]) -> None:
    policy = PolicyFile(variables["GATEWAY_POLICY"], {}).current()

    assert SECRETS[0] not in repr(policy)


def resolved(document: Any, reference: str) -> Any:
    """The part of a document that a reference names."""
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document
