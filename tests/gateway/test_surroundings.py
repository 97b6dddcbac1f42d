"""`gateway settings --check` and `gateway doctor` say if all that `serve` talks to answers."""

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator.entra import SERVICE_CLIENT_ID, SERVICE_SECRET
from gateway.__main__ import main
from gateway.admission.leases import PATIENCE
from gateway.admission.redis_store import RedisStore
from gateway.config.environment import load
from gateway.config.settings import Settings
from gateway.doctor.findings import Status
from gateway.dynamics_services import DynamicsServices
from tests.gateway.test_doctor import Server, serving
from tests.ports import free_port
from tests.redis_server import Server as RedisServer
from tests.redis_server import needs_redis, server  # noqa: F401 - a fixture
from tests.waiting import served_by_thread


@pytest.fixture(scope="module")
def usual() -> Iterator[Server]:
    with serving() as found:
        yield found


def variables(usual: Server) -> dict[str, str]:
    return {
        "GATEWAY_DATAVERSE_URL": usual.url,
        "GATEWAY_FINOPS_URL": usual.url,
        "GATEWAY_TOKEN_URL": f"{usual.url}/demo/oauth2/v2.0/token",
        "GATEWAY_CLIENT_ID": SERVICE_CLIENT_ID,
        "GATEWAY_CLIENT_SECRET": SERVICE_SECRET,
        "GATEWAY_ISSUER": f"{usual.url}/issuer",
        "GATEWAY_AUDIENCE": "gateway",
        "GATEWAY_LEARNED_NAMES": "off",
    }


def checked(usual: Server, *arguments: str, **env: str) -> Result:
    command = ["settings", *(arguments or ["--check"])]
    return CliRunner(env=variables(usual) | env).invoke(main, command)


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


WRONG_PARTS = {
    "another tenant": ({"GATEWAY_TOKEN_URL": "{url}/other/oauth2/v2.0/token"}, "GATEWAY_TENANT"),
    "another application": ({"GATEWAY_CLIENT_ID": "another"}, "GATEWAY_CLIENT_ID"),
    "another address of the issuer": ({"GATEWAY_ISSUER": "{url}/issuer/"}, "address of the issuer"),
    "no environment of the tenant": (
        {"GATEWAY_FINOPS_URL": "http://localhost:{port}"},
        "GATEWAY_FINOPS_URL",
    ),
}


@pytest.mark.parametrize("name", WRONG_PARTS)
def test_what_answers_and_is_the_wrong_one_is_named(usual: Server, name: str) -> None:
    env, named = WRONG_PARTS[name]
    port = usual.url.rpartition(":")[2]

    found = checked(
        usual, **{key: text.format(url=usual.url, port=port) for key, text in env.items()}
    )

    assert found.exit_code == 1, found.output
    told = found.stdout[found.stdout.index("WRONG") :]
    assert named in told


DISCOVERIES = {
    "of another issuer": (
        {"issuer": "https://3f2b.example/v2.0", "jwks_uri": "{url}/keys"},
        "that of 'https://3f2b.example/v2.0'",
    ),
    "of keys elsewhere": (
        {"issuer": "{url}", "jwks_uri": "https://keys.example/all"},
        "another origin, 'https://keys.example/all'; if that is right, name it as GATEWAY_JWKS_URL",
    ),
    "without keys": ({"issuer": "{url}", "jwks_uri": "{url}/keys"}, "answered 404"),
}


@pytest.mark.parametrize("name", DISCOVERIES)
def test_an_issuer_whose_keys_cannot_be_believed_is_told_why(usual: Server, name: str) -> None:
    document, reason = DISCOVERIES[name]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def discovery(request: Request) -> JSONResponse:
            return JSONResponse({key: text.format(url=url) for key, text in document.items()})

        app = Starlette(routes=[Route("/.well-known/openid-configuration", discovery)])
        with served_by_thread(app, listener):
            found = checked(usual, GATEWAY_ISSUER=url)

    assert found.exit_code == 1, found.output
    assert reason in line(found, f"keys of {url}")


WRONG_STORES = {
    "without its password": ("redis://{at}/0", "check user and password"),
    "with another password": ("redis://:wrong@{at}/0", "check user and password"),
    "of another database": ("redis://:right@{at}/99", "name a database that it has"),
}


@needs_redis
@pytest.mark.parametrize("name", WRONG_STORES)
def test_what_redis_refuses_is_named(usual: Server, server: RedisServer, name: str) -> None:  # noqa: F811
    address, remedy = WRONG_STORES[name]
    server.client.config_set("requirepass", "right")

    found = checked(usual, GATEWAY_SHARED=address.format(at=f"127.0.0.1:{server.port}"))

    told = line(found, "GATEWAY_SHARED")
    assert told.startswith("WRONG")
    assert remedy in told
    assert "right" not in told


@needs_redis
def test_replicas_with_another_secret_are_named(usual: Server, server: RedisServer) -> None:  # noqa: F811
    shared = {"GATEWAY_SHARED": server.url}
    store = RedisStore(server.url, PATIENCE)
    settings = load(
        (), variables(usual) | shared | {"GATEWAY_RECEIPT_SECRET": "of nobody else" * 3}
    )
    others = asyncio.run(renewed(settings, store))

    another = checked(usual, **shared)
    same = checked(usual, **shared, GATEWAY_RECEIPT_SECRET="of nobody else" * 3)

    assert others == 0
    assert line(another, "GATEWAY_SHARED").startswith("WRONG   GATEWAY_SHARED: 1 processes")
    assert "GATEWAY_RECEIPT_SECRET" in line(another, "GATEWAY_SHARED")
    assert line(same, "GATEWAY_SHARED").startswith("OK ")


async def renewed(settings: Settings, store: RedisStore) -> int:
    """Take part as a process with these settings; the others that have another secret."""
    services = DynamicsServices(settings, (), None, None, store)
    leases = services.leases
    assert leases
    await leases.renew()
    found = await leases.strangers()
    await store.aclose()
    return found


def test_a_certificate_that_no_call_would_take_is_named(usual: Server, tmp_path: Path) -> None:
    file = tmp_path / "ended.pem"
    file.write_text(ending(timedelta(days=-1)))
    with answering_by_tls(file) as port:
        found = checked(
            usual, GATEWAY_FINOPS_URL=f"https://127.0.0.1:{port}", SSL_CERT_FILE=str(file)
        )

    told = line(found, f"certificate of 127.0.0.1:{port}")
    assert told.startswith("WRONG")
    assert "expired" in told
    assert "operator of that host renew" in told


@contextmanager
def answering_by_tls(certificate: Path) -> Iterator[int]:
    """The port of a server with this certificate, which ends each connection at once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", port, ssl=context):
            ready.set()
            await asyncio.to_thread(ended.wait, 60)

    port, ready, ended = free_port(), Event(), Event()
    thread = Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield port
    ended.set()
    thread.join(10)


PLACES = {
    "taken": ("127.0.0.1", "GATEWAY_PORT: {port} is taken"),
    "of another machine": ("192.0.2.1", "GATEWAY_HOST: 192.0.2.1 is no address of this machine"),
    "unknown": ("nobody.invalid", "GATEWAY_HOST: nobody.invalid is unknown here"),
}


@pytest.mark.parametrize("name", PLACES)
def test_where_nobody_can_listen_is_named_before_the_start(usual: Server, name: str) -> None:
    host, told = PLACES[name]
    port = usual.url.rpartition(":")[2]

    found = CliRunner(env=variables(usual)).invoke(main, ["serve", "--host", host, "--port", port])

    assert found.exit_code == 2
    assert told.format(port=port) in found.stderr


def test_nobody_is_asked_offline(usual: Server) -> None:
    env, _ = SILENT["Dataverse"]

    found = checked(usual, "--offline", **env)

    assert (found.exit_code, found.stderr) == (0, "")


@needs_redis
def test_a_redis_that_answers_has_a_line(usual: Server, server: RedisServer) -> None:  # noqa: F811
    found = checked(usual, GATEWAY_SHARED=server.url)

    assert line(found, "GATEWAY_SHARED").startswith("OK ")


ENDS = {timedelta(days=200): "OK", timedelta(days=20): "UNKNOWN"}


@pytest.mark.parametrize("left", ENDS)
def test_a_certificate_that_ends_soon_is_named(usual: Server, left: timedelta) -> None:
    found = checked(usual, GATEWAY_CLIENT_SECRET="", GATEWAY_CLIENT_CERTIFICATE=ending(left))

    assert line(found, "GATEWAY_CLIENT_CERTIFICATE").startswith(ENDS[left])


def ending(left: timedelta) -> str:
    """A certificate of this machine with its key, that ends then."""
    key, name = rsa.generate_private_key(65_537, 2_048), x509.Name([])
    end = datetime.now(UTC) + left
    hosts = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    blank = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), end - timedelta(days=300), end
    )
    made = blank.add_extension(hosts, critical=False).sign(key, hashes.SHA256())
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
