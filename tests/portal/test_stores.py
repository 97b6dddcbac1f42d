"""Sessions and drafts in files: over restarts, between processes, and of no use to readers."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portal import stores
from portal.desks import Desk, State, edited
from portal.drafts import Destination, Draft, DraftLine
from portal.errors import Unavailable
from portal.keeping import Desks
from portal.outcomes import Placed
from portal.seals import Seals
from portal.sessions import Loan, Notice, Pending, Session, Sessions, Tokens, User, read, written
from portal.shared_stores import RedisDrafts, RedisStore
from portal.stores import DraftStore, FileDrafts, FileStore, Kept, MemoryDrafts, Store, Written
from tests.portal.site import Visitor, visiting
from tests.redis_server import Server as RedisServer
from tests.redis_server import needs_redis, server  # noqa: F401 - a fixture

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.mark.parametrize("length", [0, 50_000, 70_000, 3_000_000])
def test_what_was_sealed_opens_however_long_it_is(length: int) -> None:
    content, seals = bytes(length), Seals("secret")

    assert seals.open("drafts", seals.seal("drafts", content)) == content
    assert seals.open("cookies", seals.seal("drafts", content)) is None


def moved(one: Visitor, other: Visitor) -> None:
    """The same browser, which another process answers from now on."""
    other.client.cookies = one.client.cookies


def everything() -> Session:
    user = User("s", Tokens("access-token", "refresh", None, 1.5), 2.5, {"viewer": {"name": "J"}})
    return Session(
        user=user,
        subject="s",
        account={"id": "a"},
        loan=Loan("a", "share", "desk", "key", 1.5, is_at_hand=False),
        pending=Pending("/orders/new", (("reference", "é"), ("reference", ""))),
        notices=[Notice("n"), Notice("m", "warn")],
        issuer={"state": {"data": {"nonce": "x"}, "exp": 1.5}},
    )


def full_desk() -> Desk:
    line = DraftLine(
        "p1", "D1", "Lamp", "ea", 3, Decimal("1000.500"), Decimal("2.50"), "USD", "note"
    )
    draft = Draft(
        key="k",
        account="a",
        destination=Destination("x", {"city": "Ede"}, "x"),
        receipt_date=date(2027, 1, 2),
        lines=(replace(line, ships=date(2027, 1, 2), own_unit="box", minimum=Decimal(1)),),
    )
    placed = (Placed("j", "o", None),)
    return Desk(State.UNKNOWN, draft, 3, 1.5, 2.5, "operation", placed, draft)


def test_a_session_is_read_as_it_was_written() -> None:
    session = everything()
    found = read(session.id, Kept(written(session), session.touched))

    assert found
    assert (found.id, found.touched) == (session.id, session.touched)
    assert written(found) == written(session)
    assert (found.user, found.pending, found.loan) == (session.user, session.pending, session.loan)


def test_what_another_version_wrote_is_forgotten(file: Path) -> None:
    FileStore(file).add("id", Kept(b'{"csrf": 1}', time.time()))

    assert Sessions(idle=60, lifetime=60, store=FileStore(file)).find("id") is None


def test_whoever_reads_the_file_learns_nothing(file: Path) -> None:
    session, store = everything(), FileStore(file)
    store.add(session.id, Kept(written(session), session.touched))
    lying = b"".join(path.read_bytes() for path in file.parent.iterdir())

    assert [word for word in (session.id, "access-token") if word.encode() in lying] == []
    assert file.stat().st_mode & 0o077 == 0
    assert store.load(session.id)
    assert store.load("another id") is None


def test_a_session_that_was_dropped_is_not_written_again(file: Path) -> None:
    one, other = (Sessions(idle=60, lifetime=60, store=FileStore(file)) for _ in range(2))
    session = Session()
    one.keep(session)
    one.save(session)
    elsewhere = other.find(session.id)
    assert elsewhere
    one.drop(session)
    elsewhere.theme = "dark"
    other.save(elsewhere)

    assert FileStore(file).load(session.id) is None
    assert other.find(session.id) is None


def test_what_was_left_alone_for_a_week_is_swept(file: Path) -> None:
    store = FileStore(file)
    store.add("old", Kept(b"{}", time.time() - 8 * 24 * 3600))
    store.add("new", Kept(b"{}", time.time()))

    assert (store.load("old"), store.load("new") is None) == (None, False)


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=needs_redis)])
def drafts(request: pytest.FixtureRequest, tmp_path: Path) -> DraftStore:
    """All stores keep the same promises."""
    if request.param == "memory":
        return MemoryDrafts()
    if request.param == "redis":
        return RedisDrafts(request.getfixturevalue("server").url, Seals("secret"))
    return FileDrafts(tmp_path / "drafts", Seals("secret"))


async def test_a_draft_is_kept_as_it_was_written(drafts: DraftStore) -> None:
    desks, desk = Desks(drafts), full_desk()
    await desks.change("o", lambda _: desk)

    assert await desks.find("o") == desk
    assert await desks.find("somebody else") == Desk()


async def test_nobody_writes_over_what_somebody_else_wrote(drafts: DraftStore) -> None:
    assert await drafts.save("o", Written(b"1", 1, held=False))
    assert not await drafts.save("o", Written(b"other", 1, held=False))
    assert await drafts.save("o", Written(b"2", 2, held=True))
    assert not await drafts.save("o", Written(b"other", 2, held=False))

    assert await drafts.load("o") == Written(b"2", 2, held=True)


async def test_changes_at_once_are_all_made(drafts: DraftStore) -> None:
    """Also by two processes, which know nothing of each other's locks."""
    one, other = Desks(drafts), Desks(drafts)
    line = full_desk().draft.lines[0]

    def adding(number: int) -> Callable[[Desk], Desk]:
        return lambda desk: edited(desk, lambda draft: draft.add(replace(line, note=str(number))))

    await asyncio.gather(*((one if n % 2 else other).change("o", adding(n)) for n in range(10)))

    assert len((await one.find("o")).draft.lines) == 10


async def test_orders_that_are_being_checked_are_never_evicted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stores, "MAXIMUM", 3)
    drafts = MemoryDrafts()
    await drafts.save("held", Written(b"", 1, held=True))
    for n in range(10):
        await drafts.save(f"{n}", Written(b"", 1, held=False))

    assert [await drafts.load(one) is not None for one in ("held", "0", "9")] == [True, False, True]


def test_whoever_reads_the_file_of_drafts_learns_nothing(tmp_path: Path) -> None:
    desks = Desks(FileDrafts(tmp_path / "drafts", Seals("secret")))
    asyncio.run(desks.change("o", lambda _: full_desk()))
    lying = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    # With their quotes, for three letters turn up in sealed bytes by chance.
    words = ('"Lamp"', '"Ede"', '"USD"')
    assert [word for word in words if word.encode() in lying] == []
    assert all(word.encode() in msgspec.json.encode(full_desk()) for word in words)
    assert (tmp_path / "drafts").stat().st_mode & 0o077 == 0


async def test_a_renewed_secret_opens_what_the_one_before_it_sealed(tmp_path: Path) -> None:
    desk, path = full_desk(), tmp_path / "drafts"
    await Desks(FileDrafts(path, Seals("old"))).change("o", lambda _: desk)

    assert await Desks(FileDrafts(path, Seals("new", "old"))).find("o") == desk
    with pytest.raises(ValueError, match="PORTAL_SECRET"):
        FileDrafts(path, Seals("new"))


async def test_a_draft_of_another_version_is_forgotten_unless_it_was_sent() -> None:
    drafts = MemoryDrafts()
    await drafts.save("idle", Written(b'{"state": 1}', 1, held=False))
    await drafts.save("sent", Written(b'{"state": 1}', 1, held=True))

    assert await Desks(drafts).find("idle") == Desk()
    with pytest.raises(msgspec.DecodeError):
        await Desks(drafts).find("sent")


WRITTEN = Path(__file__).with_name("desk.json")
"""A desk as the first version wrote it: what lies in the stores of others stays readable."""


async def test_what_the_first_version_wrote_is_still_read() -> None:
    drafts = MemoryDrafts()
    await drafts.save("o", Written(WRITTEN.read_bytes(), 1, held=True))

    assert await Desks(drafts).find("o") == full_desk()


async def test_a_restart_keeps_people_signed_in_and_their_drafts(
    port: int, file: Path, tmp_path: Path
) -> None:
    kept: dict[str, Any] = {"sessions": file, "drafts": tmp_path / "drafts"}
    async with visiting(port, "jane", **kept) as before:
        await before.get("/orders/new")
        await before.post("/orders/new", ship_to="account", reference="SURVIVES")
        await before.post("/orders/new/import", pasted="D0225;1")
    async with visiting(port, **kept) as after:
        moved(before, after)
        page = await after.get("/orders/new/review")

        assert "SURVIVES" in page.text
        assert (await after.get("/dashboard")).status_code == 200


async def test_processes_see_what_the_others_did(port: int, file: Path, tmp_path: Path) -> None:
    kept: dict[str, Any] = {"sessions": file, "drafts": tmp_path / "drafts"}
    async with visiting(port, "jane", **kept) as one, visiting(port, **kept) as other:
        moved(one, other)
        await other.get("/orders/new")
        await other.post("/orders/new", ship_to="account", reference="SHARED")
        await one.get("/orders/new/items")
        await one.post("/orders/new/import", pasted="D0225;1")
        assert "D0225" in (await other.get("/orders/new/review")).text
        await other.get("/profile")
        await other.client.post("/sign-out", data={"csrf": other.csrf})

        assert (await one.client.get("/dashboard")).headers["location"] == "/sign-in"


@pytest.fixture(params=["file", pytest.param("redis", marks=needs_redis)])
def pair(request: pytest.FixtureRequest, file: Path) -> tuple[Store, Store]:
    """The store of sessions, as two processes have it."""
    if request.param == "redis":
        url = request.getfixturevalue("server").url
        return RedisStore(url), RedisStore(url)
    return FileStore(file), FileStore(file)


def test_replicas_share_sessions_and_signing_out_is_final(pair: tuple[Store, Store]) -> None:
    session, (one, other) = everything(), pair
    added = one.add(session.id, Kept(written(session), session.touched))
    found = other.load(session.id)
    changed = other.update(session.id, Kept(b"changed", session.touched + 1), added)
    assert changed
    seen = one.load(session.id)
    one.drop(session.id)
    late = other.update(session.id, Kept(b"late", session.touched + 2), changed)

    assert found == added
    assert (added.content, changed.content) == (written(session), b"changed")
    assert seen == changed
    assert late is None
    assert (one.load(session.id), other.load("another")) == (None, None)


def test_nobody_stores_a_session_over_what_another_process_stored(
    pair: tuple[Store, Store],
) -> None:
    one, other = pair
    added = one.add("id", Kept(b"first", 1.0))
    changed = one.update("id", Kept(b"changed", 2.0), added)

    assert other.update("id", Kept(b"of an older one", 3.0), added) is None
    assert other.load("id") == changed


def test_one_process_at_a_time_may_renew(pair: tuple[Store, Store]) -> None:
    one, other = pair
    claimed = one.claim("id", 60), other.claim("id", 60), other.claim("another", 60)
    one.release("id")

    assert claimed == (True, False, True)
    assert other.claim("id", 60)


def test_changes_of_two_processes_to_a_session_are_all_kept(pair: tuple[Store, Store]) -> None:
    forever = time.time() * 2
    one, other = (Sessions(idle=forever, lifetime=forever, store=store) for store in pair)
    mine = everything()
    one.keep(mine)
    one.save(mine)
    yours = other.find(mine.id)
    assert yours
    assert yours.user
    assert mine.user
    yours.user.tokens = Tokens("fresh", "next", None, 9.5)
    yours.notices.append(Notice("of yours"))
    other.save(yours)
    mine.user.viewed, mine.theme, mine.notices = 3.5, "dark", [Notice("of mine")]
    one.save(mine)
    kept = other.find(mine.id)

    assert kept
    assert kept.user
    assert (kept.user.tokens.access, kept.user.viewed, kept.theme) == ("fresh", 3.5, "dark")
    assert [each.text for each in kept.notices] == ["of mine", "of yours"]
    assert mine.user.tokens == kept.user.tokens


@pytest.mark.parametrize("store", ["file", pytest.param("redis", marks=needs_redis)])
async def test_tokens_are_renewed_once_though_two_processes_are_asked_at_once(
    port: int, file: Path, request: pytest.FixtureRequest, store: str
) -> None:
    kept: dict[str, Any] = {"sessions": file}
    if store == "redis":
        kept = {"shared": request.getfixturevalue("server").url}
    async with visiting(port, "jane", **kept) as one, visiting(port, **kept) as other:
        moved(one, other)
        for _ in range(3):
            assert one.session.user
            used = one.session.user.tokens
            one.session.user.tokens = replace(used, expires=0.0)
            one.app.state.site.sessions.save(one.session)
            pages = await asyncio.gather(
                *(
                    each.client.get(path)
                    for path in ("/orders", "/account")
                    for each in (one, other)
                )
            )
            assert [page.status_code for page in pages] == [200] * 4
            found = [each.session.user for each in (one, other)]
            assert {user.tokens.refresh for user in found if user} - {used.refresh}
            assert found[0] == found[1]


@needs_redis
async def test_whoever_reads_redis_learns_nothing_and_held_drafts_stay_for_good(
    server: RedisServer,  # noqa: F811
) -> None:
    session, drafts = everything(), RedisDrafts(server.url, Seals("secret"))
    RedisStore(server.url).add(session.id, Kept(b"access-token", time.time()))
    await drafts.save("jane", Written(b"customer reference", 1, held=False))
    await drafts.save("sam", Written(b"customer reference", 1, held=True))

    client = server.client
    everywhere = " ".join(f"{key!r} {client.hgetall(key)!r}" for key in client.keys("*"))
    left = {who: client.ttl(f"dynamics-portal:draft:{who}") for who in ("jane", "sam")}

    assert not any(text in everywhere for text in (session.id, "access-token", "reference"))
    assert left["jane"] > 0
    assert left["sam"] == -1


@needs_redis
async def test_without_redis_a_page_says_that_it_is_unavailable(server: RedisServer) -> None:  # noqa: F811
    store, drafts = RedisStore(server.url), RedisDrafts(server.url, Seals("secret"))
    server.kill()

    with pytest.raises(Unavailable):
        store.load("key")
    with pytest.raises(Unavailable):
        await drafts.load("owner")
