"""The page and the field of docs/portal.md, as they stand there."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.__main__ import main
from portal.settings import SettingsError, load
from tests.gateway.test_demo import demo
from tests.portal.site import visiting

pytestmark = pytest.mark.anyio
DOCS = (Path(__file__).parents[2] / "docs" / "portal.md").read_text()
PORTAL = Path(__file__).parents[2] / "portal"
REQUIRED = {
    "PORTAL_GATEWAY_URL": "http://127.0.0.1:1",
    "PORTAL_ISSUER": "http://127.0.0.1:1/issuer",
    "PORTAL_CLIENT_ID": "portal",
    "PORTAL_PUBLIC_URL": "https://portal.example/",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    code = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)[0]
    fields = re.findall(r"```html\n(.*?)```", DOCS, re.DOTALL)[0]
    for name in ("documents", "templates"):
        (tmp_path / name).mkdir()
    (tmp_path / "acme_pages.py").write_text(code)
    (tmp_path / "documents" / "machines.graphql").write_text(
        "query Machines { machines: products(first: 2) { nodes { name } } }"
    )
    (tmp_path / "templates" / "machines.html").write_text(
        '{% extends "base.html" %}{% block title %}M{% endblock %}'
        "{% block main %}<h1>{{ machines | length }} machines</h1>{% endblock %}"
    )
    (tmp_path / "templates" / "order.html").write_text(fields)
    ours = (PORTAL / "documents" / "order.graphql").read_text()
    theirs = ours.replace("amountsBasis", "amountsBasis project: name", 1)
    (tmp_path / "documents" / "order.graphql").write_text(theirs)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("acme_pages", None)


def test_a_page_takes_under_twenty_lines(folder: Path) -> None:
    assert len((folder / "acme_pages.py").read_text().splitlines()) < 20


async def test_a_page_and_a_field_of_an_adopter_are_there(folder: Path) -> None:
    with demo() as (port, _):
        async with visiting(port, "jane", brand=folder, extensions=("acme_pages",)) as visitor:
            menu = visitor.seen[-1].text
            page = await visitor.get("/machines")
            listed = await visitor.get("/orders")
            order = await visitor.get(re.findall(r'href="(/orders/[\w-]{20,})"', listed.text)[0])

    assert 'href="/machines"' in menu
    assert "2 machines" in page.text
    assert "<dt>Project</dt>" in order.text


def test_settings_come_from_the_environment_and_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    found = load({**REQUIRED, "PORTAL_CLIENT_SECRET_FILE": str(tmp_path / "secret")})

    assert (found.client_secret, found.public_url) == ("s3cret", "https://portal.example")
    assert found.is_secure
    assert "s3cret" not in repr(found)


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(SettingsError) as refused:
        load({"PORTAL_GATEWAY_URL": "ftp://x", "PORTAL_PORT": "x", "PORTAL_BRAND": "/no/such"})

    named = ("PORTAL_GATEWAY_URL", "PORTAL_PORT", "PORTAL_BRAND", "PORTAL_CLIENT_SECRET")
    assert [name for name in named if name not in str(refused.value)] == []


def test_the_commands_that_the_docs_name_exist() -> None:
    named = set(re.findall(r"`portal ([a-z]+)|bin/portal ([a-z]+)", DOCS))

    assert {one or other for one, other in named} <= main.commands.keys()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("PORTAL_PORT", "-5", "must be a whole number above zero"),
        ("PORTAL_PORT", "70000", "must be a port number"),
        ("PORTAL_TIMEOUT", "nan", "must be a number of seconds above zero, and below 10000"),
        ("PORTAL_IDLE_MINUTES", "0", "must be a whole number above zero"),
        ("PORTAL_PROT", "80", "unknown; did you mean 'PORTAL_PORT'?"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({**REQUIRED, "PORTAL_CLIENT_SECRET": "hush-hush", name: text})

    assert refused.value.mistakes == (f"{name}: {said}",)
