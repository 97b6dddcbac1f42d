"""`portal settings --check` says if all that a portal talks to answers as it should."""

import asyncio
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from portal.__main__ import main
from portal.seals import Seals
from portal.shared_stores import RedisDrafts
from portal.stores import Written
from tests.gateway.test_demo import demo
from tests.portal.test_wrong_settings import FROM, WEBHOOK
from tests.ports import free_port
from tests.redis_server import Server, needs_redis, server  # noqa: F401 - a fixture

NOBODY = f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with demo() as (found, _):
        yield found


def variables(port: int) -> dict[str, str]:
    return {
        "PORTAL_GATEWAY_URL": f"http://127.0.0.1:{port}",
        "PORTAL_ISSUER": f"http://127.0.0.1:{port + 1}/issuer",
        "PORTAL_CLIENT_ID": "portal",
        "PORTAL_CLIENT_SECRET": "portal-demo-secret",
        "PORTAL_PUBLIC_URL": "https://portal.example",
    }


def checked(port: int, **env: str) -> Result:
    return CliRunner(env=variables(port) | env).invoke(main, ["settings", "--check"])


def test_what_answers_has_a_line(port: int) -> None:
    found = checked(port)

    assert (found.exit_code, found.stdout.splitlines()) == (
        0,
        ["OK      PORTAL_GATEWAY_URL", "OK      PORTAL_ISSUER"],
    )


WRONG = {
    "nobody for a gateway": ({"PORTAL_GATEWAY_URL": f"http://{NOBODY}"}, "GATEWAY_URL", "answers"),
    "an issuer for a gateway": (
        {"PORTAL_GATEWAY_URL": "http://127.0.0.1:{issuer}"},
        "GATEWAY_URL",
        "not as a gateway",
    ),
    "a path for a gateway": (
        {"PORTAL_GATEWAY_URL": "http://127.0.0.1:{port}/api"},
        "GATEWAY_URL",
        "not as a gateway",
    ),
    "nobody for an issuer": ({"PORTAL_ISSUER": f"http://{NOBODY}"}, "ISSUER", "answers from here"),
    "another name of the issuer": (
        {"PORTAL_ISSUER": "http://localhost:{issuer}/issuer"},
        "ISSUER",
        "calls itself http://127.0.0.1",
    ),
    "no issuer": ({"PORTAL_ISSUER": "http://127.0.0.1:{issuer}"}, "ISSUER", "no discovery"),
    "nobody for mails": (
        {"PORTAL_MAIL_SECRET": WEBHOOK, "PORTAL_SMTP": f"smtp://{NOBODY}", **FROM},
        "SMTP",
        "ConnectionRefusedError",
    ),
    "nobody for a store": ({"PORTAL_SHARED": f"redis://{NOBODY}/1"}, "SHARED", "ConnectionError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_as_it_should_be_is_named_with_a_remedy(port: int, name: str) -> None:
    env, variable, said = WRONG[name]
    given = {key: text.format(port=port, issuer=port + 1) for key, text in env.items()}

    found = checked(port, **given)

    assert found.exit_code == 1, found.output
    lines = found.stdout.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("WRONG"))
    assert lines[place].startswith(f"WRONG   PORTAL_{variable}: ")
    assert said in "\n".join(lines[place : place + 2])
    assert lines[place + 1].strip().startswith("do: ")


@needs_redis
def test_a_store_with_another_password_is_named(port: int, server: Server) -> None:  # noqa: F811
    assert checked(port, PORTAL_SHARED=server.url).exit_code == 0
    server.client.config_set("requirepass", "right")

    found = checked(port, PORTAL_SHARED=server.url)

    assert found.exit_code == 1
    assert "WRONG   PORTAL_SHARED: AuthenticationError" in found.stdout
    assert "password (with percent codes)" in found.stdout


@needs_redis
def test_portals_with_another_secret_are_named(port: int, server: Server) -> None:  # noqa: F811
    ours, theirs = "ours" * 10, "theirs" * 10
    drafts = RedisDrafts(server.url, Seals(theirs))
    asyncio.run(drafts.save("somebody", Written(b"a draft", 1, held=False)))

    apart = checked(port, PORTAL_SHARED=server.url, PORTAL_SECRET=ours)
    renewed = checked(port, PORTAL_SHARED=server.url, PORTAL_SECRET=f"{ours},{theirs}")

    assert "WRONG   PORTAL_SHARED: drafts in it were sealed with another" in apart.stdout
    assert "name the older one too" in apart.stdout
    assert (apart.exit_code, renewed.exit_code) == (1, 0)


def test_a_port_that_is_taken_is_named_before_the_start(port: int) -> None:
    async def served() -> Result:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
            name = taken.sockets[0].getsockname()[1]
            env = variables(port) | {"PORTAL_PORT": str(name)}
            return CliRunner(env=env).invoke(main, ["serve"])

    found = asyncio.run(served())

    assert found.exit_code == 2
    assert "PORTAL_PORT: " in found.stderr
    assert "is taken: end the process" in found.stderr
