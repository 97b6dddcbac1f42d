"""`gateway settings --check` and `gateway doctor` say if all that `serve` talks to answers."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from gateway.__main__ import main
from gateway.doctor.findings import Status
from tests.gateway.test_doctor import Server, serving
from tests.redis_server import Server as RedisServer
from tests.redis_server import needs_redis, server  # noqa: F401 - a fixture
from tests.replicas import free_port


@pytest.fixture(scope="module")
def usual() -> Iterator[Server]:
    with serving() as found:
        yield found


def checked(usual: Server, *arguments: str, **env: str) -> Result:
    variables = {
        "GATEWAY_DATAVERSE_URL": usual.url,
        "GATEWAY_FINOPS_URL": usual.url,
        "GATEWAY_TOKEN_URL": f"{usual.url}/demo/oauth2/v2.0/token",
        "GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID,
        "GATEWAY_CLIENT_SECRET": SERVICE_SECRET,
        "GATEWAY_ISSUER": f"{usual.url}/issuer",
        "GATEWAY_AUDIENCE": "gateway",
        "GATEWAY_LEARNED_NAMES": "off",
    }
    command = ["settings", *(arguments or ["--check"])]
    return CliRunner(env=variables | env).invoke(main, command)


def line(result: Result, subject: str) -> str:
    """The line of a finding, with its remedy."""
    lines = result.stdout.splitlines()
    found = [n for n, text in enumerate(lines) if text[:8].strip() in set(Status)]
    (place,) = [n for n in found if lines[n][8:].startswith(f"{subject}:")]
    return "\n".join(lines[place : place + 3])


def test_all_that_serve_talks_to_has_a_line(usual: Server, tmp_path: Path) -> None:
    found = checked(usual, GATEWAY_AUDIT_FILE=str(tmp_path / "audit.jsonl"))

    assert found.exit_code == 0, found.output
    host = usual.url.removeprefix("http://")
    for subject in (
        "Dataverse",
        "Finance & Operations",
        f"keys of {usual.url}/issuer",
        f"clock beside {host}",
        "GATEWAY_AUDIT_FILE",
    ):
        assert line(found, subject).startswith("OK "), subject


NOBODY = f"127.0.0.1:{free_port()}"
SILENT = {
    "issuer": ({"GATEWAY_ISSUER": f"http://{NOBODY}"}, f"keys of http://{NOBODY}"),
    "token endpoint": ({"GATEWAY_TOKEN_URL": f"http://{NOBODY}/token"}, "Dataverse"),
    "secret": ({"GATEWAY_CLIENT_SECRET": "another"}, "Dataverse"),
    "Dataverse": ({"GATEWAY_DATAVERSE_URL": f"http://{NOBODY}"}, "Dataverse"),
    "ERP": ({"GATEWAY_FINOPS_URL": f"http://{NOBODY}"}, "Finance & Operations"),
    "Redis": ({"GATEWAY_SHARED": f"redis://{NOBODY}/0"}, "GATEWAY_SHARED"),
    "collector of the audit": (
        {"GATEWAY_AUDIT_FILE": f"http://{NOBODY}"},
        f"collector of GATEWAY_AUDIT_FILE http://{NOBODY}",
    ),
    "collector of traces": (
        {"GATEWAY_TRACES": "on", "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{NOBODY}"},
        f"collector of GATEWAY_TRACES http://{NOBODY}",
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_does_not_answer_is_named_with_what_breaks_and_what_to_do(
    usual: Server, name: str
) -> None:
    env, subject = SILENT[name]

    found = checked(usual, **env)

    assert found.exit_code == 1, found.output
    told = line(found, subject)
    assert told.startswith("WRONG")
    assert "breaks: " in told
    assert "do: " in told


def test_nobody_is_asked_offline(usual: Server) -> None:
    env, _ = SILENT["Dataverse"]

    found = checked(usual, "--offline", **env)

    assert (found.exit_code, found.stderr) == (0, "")


@needs_redis
def test_a_redis_that_answers_has_a_line(usual: Server, server: RedisServer) -> None:  # noqa: F811
    found = checked(usual, GATEWAY_SHARED=server.url)

    assert line(found, "GATEWAY_SHARED").startswith("OK ")


ENDS = {timedelta(days=200): "OK", timedelta(days=20): "UNKNOWN", timedelta(days=-1): "WRONG"}


@pytest.mark.parametrize("left", ENDS)
def test_a_certificate_that_ends_soon_is_named(usual: Server, left: timedelta) -> None:
    found = checked(usual, GATEWAY_CLIENT_SECRET="", GATEWAY_CLIENT_CERTIFICATE=ending(left))

    assert line(found, "GATEWAY_CLIENT_CERTIFICATE").startswith(ENDS[left])


def ending(left: timedelta) -> str:
    """A certificate with its key, that ends then."""
    key, name = rsa.generate_private_key(65_537, 2_048), x509.Name([])
    end = datetime.now(UTC) + left
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), end - timedelta(days=300), end
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return (private + made.public_bytes(serialization.Encoding.PEM)).decode()


def test_the_doctor_says_the_same_and_names_the_maps_that_changed(
    usual: Server, tmp_path: Path
) -> None:
    yesterday = tmp_path / "yesterday.json"
    first = usual.doctor("--json", "--dump", str(yesterday))
    dumped = msgspec.json.decode(yesterday.read_bytes())
    maps = dumped["dataverse"]["msdyn_dualwriteruntimeconfigs"]
    gone = maps.pop()
    yesterday.write_bytes(msgspec.json.encode(dumped))

    second = usual.doctor("--json", "--since", str(yesterday))

    before, after = (json.loads(each.stdout)["findings"] for each in (first, second))
    assert {"surroundings"} <= {each["check"] for each in before}
    new = [each for each in after if each not in before and each["check"] == "dual-write"]
    assert gone
    assert [each["status"] for each in new] == ["UNKNOWN"]
    assert "none before" in new[0]["says"]


def test_a_file_that_is_no_dump_is_refused(usual: Server, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("[]")

    assert usual.doctor("--since", str(other)).exit_code == 2
