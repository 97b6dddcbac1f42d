"""Libraries that nobody here wrote verify our webhooks and read the document of them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.__main__ import main
from tests.gateway.deliveries.receiving import SECRETS, Received, receiving
from tests.gateway.deliveries.test_commands import NEEDED
from tests.gateway.deliveries.test_order_news import POLICY as OF_PERSONS
from tests.gateway.deliveries.test_webhooks import POLICY, delivering_from
from tests.gateway.live.worlds import change, orders
from tests.stack import emulator

HERE = Path(__file__).parent


def run(script: str, text: str) -> list[Any]:
    """The lines that a script prints for a text."""
    command = ["node", script]
    ran = subprocess.run(command, cwd=HERE, input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def verified(told: Received, secret: str, body: str, **headers: str) -> dict[str, Any]:
    sent = told.headers | {f"webhook-{name}": text for name, text in headers.items()}
    (found,) = run("webhooks.mjs", json.dumps({"secret": secret, "headers": sent, "body": body}))
    return dict(found)


@pytest.mark.anyio
async def test_the_library_of_npm_verifies_our_messages_and_no_others(tmp_path: Path) -> None:
    async with (
        receiving() as receiver,
        delivering_from(emulator(), tmp_path, receiver.port) as stack,
    ):
        change(stack, "salesorders", orders(stack)[0]["salesorderid"], name="Größe 1 ✓")
        (told, *_) = await receiver.wait(1)
    body, stranger = told.body.decode(), "whsec_" + "A" * 43 + "="

    for secret in SECRETS:
        assert verified(told, secret, body) == {"verified": told.content}
    assert told.content["data"]["node"]["name"] == "Größe 1 ✓"
    assert "refused" in verified(told, SECRETS[0], body.replace("1", "2"))
    assert "refused" in verified(told, SECRETS[0], body, id="another")
    assert "refused" in verified(told, SECRETS[0], body, timestamp="1700000000")
    assert "refused" in verified(told, stranger, body)


def test_the_parser_of_asyncapi_finds_nothing_wrong_with_our_document(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    of_persons = OF_PERSONS.format(port=2, secret=SECRETS[0])
    policy.write_text(POLICY.format(port=1, secrets=SECRETS) + of_persons)
    variables = {**NEEDED, "GATEWAY_POLICY": str(policy)}
    printed = CliRunner(env=variables).invoke(main, ["deliveries", "asyncapi"])
    (told,) = run("asyncapi.mjs", printed.output)

    assert told["found"] == []
    assert told["version"] == "3.0.0"
    assert sorted(told["operations"]) == ["send follow", "send send_mail", "send send_shop"]
