"""Sessions in a file: over restarts, between processes, and of no use to whoever reads it."""

import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from portal.drafts import Destination, Draft, Line
from portal.sessions import Pending, Session, Sessions, Tokens, User, read, written
from portal.stores import File, Kept
from tests.portal.site import Visitor, visiting

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


def moved(one: Visitor, other: Visitor) -> None:
    """The same browser, which another process answers from now on."""
    other.client.cookies = one.client.cookies


def everything() -> Session:
    line = Line("p1", "D1", "Lamp", "ea", 3, Decimal("1000.500"), Decimal("2.50"), "USD", "note")
    draft = Draft(
        account="a",
        destination=Destination("x", {"city": "Ede"}, "x"),
        receipt_date=date(2027, 1, 2),
        lines=[line],
    )
    user = User("s", Tokens("access-token", "refresh", None, 1.5), 2.5, {"viewer": {"name": "J"}})
    return Session(
        user=user,
        subject="s",
        account={"id": "a"},
        draft=draft,
        parked={"b": Draft(is_sent=True, operation="o")},
        placed={"k": "o"},
        pending=Pending("/orders/new", (("reference", "é"), ("reference", ""))),
        notices=["n"],
        issuer={"state": {"data": {"nonce": "x"}, "exp": 1.5}},
    )


def test_a_session_is_read_as_it_was_written() -> None:
    session = everything()
    found = read(session.id, Kept(written(session), session.touched))

    assert found
    assert (found.id, found.touched) == (session.id, session.touched)
    assert written(found) == written(session)
    assert found.draft == session.draft
    assert (found.user, found.pending) == (session.user, session.pending)


def test_what_another_version_wrote_is_forgotten(file: Path) -> None:
    File(file).add("id", Kept(b'{"csrf": 1}', time.time()))

    assert Sessions(idle=60, lifetime=60, store=File(file)).find("id") is None


def test_whoever_reads_the_file_learns_nothing(file: Path) -> None:
    session, store = everything(), File(file)
    store.add(session.id, Kept(written(session), session.touched))
    lying = b"".join(path.read_bytes() for path in file.parent.iterdir())

    assert [word for word in (session.id, "access-token", "Lamp") if word.encode() in lying] == []
    assert file.stat().st_mode & 0o077 == 0
    assert store.load(session.id)
    assert store.load("another id") is None


def test_a_session_that_was_dropped_is_not_written_again(file: Path) -> None:
    one, other = (Sessions(idle=60, lifetime=60, store=File(file)) for _ in range(2))
    session = Session()
    one.keep(session)
    one.save(session)
    elsewhere = other.find(session.id)
    assert elsewhere
    one.drop(session)
    elsewhere.theme = "dark"
    other.save(elsewhere)

    assert File(file).load(session.id) is None
    assert other.find(session.id) is None


def test_what_was_left_alone_for_a_week_is_swept(file: Path) -> None:
    store = File(file)
    store.add("old", Kept(b"{}", time.time() - 8 * 24 * 3600))
    store.add("new", Kept(b"{}", time.time()))

    assert (store.load("old"), store.load("new") is None) == (None, False)


async def test_a_restart_keeps_people_signed_in_and_their_drafts(port: int, file: Path) -> None:
    async with visiting(port, "jane", sessions=file) as before:
        await before.get("/orders/new")
        await before.post("/orders/new", ship_to="account", reference="SURVIVES")
        await before.post("/orders/new/import", pasted="D0225;1")
    async with visiting(port, sessions=file) as after:
        moved(before, after)
        page = await after.get("/orders/new/review")

        assert "SURVIVES" in page.text
        assert (await after.get("/dashboard")).status_code == 200


async def test_processes_see_what_the_others_did(port: int, file: Path) -> None:
    async with visiting(port, "jane", sessions=file) as one, visiting(port, sessions=file) as other:
        moved(one, other)
        await other.get("/orders/new")
        await other.post("/orders/new", ship_to="account", reference="SHARED")
        await one.get("/orders/new/items")
        await one.post("/orders/new/import", pasted="D0225;1")
        assert "D0225" in (await other.get("/orders/new/review")).text
        await other.get("/profile")
        await other.client.post("/sign-out", data={"csrf": other.csrf})

        assert (await one.client.get("/dashboard")).headers["location"] == "/sign-in"
