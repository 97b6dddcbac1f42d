"""
The audit's file under every kind of damage: mutations are answered rightly, and the damage shows.
"""

import asyncio
import fcntl
import os
import resource
import shutil
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette

from emulator.entra import SERVICE_SECRET
from gateway.audit.chain import ChainKey, FileSeal
from gateway.audit.events import Event
from gateway.audit.recorder import Audit, opened
from gateway.audit.sinks import SEAL, FileSink
from gateway.audit.verifying import Verdict, verify
from gateway.derived_keys import key_for
from tests.stack import Answer, Stack, emulator, running

pytestmark = pytest.mark.anyio

KEY = ChainKey(key_for("audit", SERVICE_SECRET))
CREATE = """mutation ($key: String!, $product: String!) {
  createSalesOrder(input: {idempotencyKey: $key, lines: [{number: $product, quantity: 1}]}) {
    order { number } errors { code }
  }
}"""


@dataclass(frozen=True)
class Place:
    """A file of the audit, and where it is moved to."""

    file: Path

    @property
    def seal(self) -> Path:
        return self.file.with_name(self.file.name + SEAL)

    @property
    def old(self) -> Path:
        return self.file.with_name("audit.old")

    def lines(self) -> list[bytes]:
        return self.file.read_bytes().splitlines(keepends=True)

    def write(self, *lines: bytes) -> None:
        """In the same file, as an editor of files in place does."""
        with self.file.open("r+b") as file:
            file.truncate(0)
            file.writelines(lines)

    def verdict(self) -> Verdict:
        files = [file for file in (self.old, self.file) if file.exists()]
        return verify(map(str, files), KEY)


def append(content: bytes) -> Callable[[Place], object]:
    return lambda at: at.write(*at.lines(), content)


def edit(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Place], object]:
    return lambda at: at.write(*change(at.lines()))


def cut(size: int) -> Callable[[Place], object]:
    return lambda at: os.truncate(at.file, at.file.stat().st_size - size)


def rename(at: Place) -> None:
    at.file.rename(at.old)


def rename_and_make(at: Place) -> None:
    at.file.rename(at.old)
    at.file.touch()


def copy_and_empty(at: Place) -> None:
    shutil.copy(at.file, at.old)
    os.truncate(at.file, 0)


def delete_all(at: Place) -> None:
    at.file.unlink()
    at.seal.unlink()


def put_back(at: Place) -> None:
    """File and seal as they were two lines ago, as a backup has them."""
    lines = at.lines()[:-2]
    last = KEY.read(lines[-1])
    assert last
    at.write(*lines)
    at.seal.write_bytes(KEY.seal(FileSeal(last.place)))


def put_back_and_go_on(at: Place) -> None:
    """The same in a file of its own, to which somebody else has written since."""
    at.file.rename(at.old)
    at.file.write_bytes(at.old.read_bytes())
    at.old.unlink()
    put_back(at)
    written(at, 2)


def replace_by_a_copy(at: Place) -> None:
    shutil.copy(at.file, at.old)
    at.old.replace(at.file)


def middle(lines: list[bytes]) -> int:
    return len(lines) // 2


HARMLESS: dict[str, Callable[[Place], object]] = {
    "nothing": lambda at: None,
    "a line that broke off": lambda at: append(b'{"n":%d,"at":"2026' % (len(at.lines()) + 1))(at),
    "zeros of a machine that died": append(b"\0" * 4_096),
    "a line that broke off before its newline": cut(1),
    "renamed": rename,
    "renamed, and an empty one made": rename_and_make,
    "replaced by a copy of itself": replace_by_a_copy,
    "copied and emptied": copy_and_empty,
    "no seal any more": lambda at: at.seal.unlink(),
    "a damaged seal": lambda at: at.seal.write_bytes(b"x"),
    "a long line that broke off": append(b"x" * 20_000),
}
"""Damage that happens by itself, or can be mended without any doubt."""
HARMFUL: dict[str, Callable[[Place], object]] = {
    "emptied": lambda at: os.truncate(at.file, 0),
    "deleted": lambda at: at.file.unlink(),
    "deleted with its seal": delete_all,
    "put back with its seal": put_back,
    "put back with its seal, and gone on": put_back_and_go_on,
    "half of the last line cut off": cut(40),
    "the last line cut off": edit(lambda lines: lines[:-1]),
    "the last two lines cut off": edit(lambda lines: lines[:-2]),
    "only the first line left": edit(lambda lines: lines[:1]),
    "the first line cut off": edit(lambda lines: lines[1:]),
    "a line left out": edit(lambda lines: lines[: middle(lines)] + lines[middle(lines) + 1 :]),
    "a line twice": edit(lambda lines: lines[: middle(lines)] + lines[middle(lines) - 1 :]),
    "two lines changed over": edit(lambda lines: [lines[1], lines[0], *lines[2:]]),
    "a line edited": edit(
        lambda lines: [line.replace(b'"at":"2026', b'"at":"2025') for line in lines]
    ),
    "the last line edited": edit(lambda lines: [*lines[:-1], lines[-1].replace(b"done", b"DONE")]),
    "a blank more": edit(lambda lines: [lines[0].replace(b",", b", ", 1), *lines[1:]]),
    "a line of nobody's": append(b"{}\n"),
    "an empty line": append(b"\n"),
    "a long line of nobody's": append(b"x" * 50_000 + b"\n"),
    "an old line again": lambda at: at.write(*at.lines(), at.lines()[1]),
    "other ends of lines": edit(lambda lines: [line[:-1] + b"\r\n" for line in lines]),
    "all bytes zero": lambda at: at.write(b"\0" * at.file.stat().st_size),
    "a mark of byte order": edit(lambda lines: [b"\xef\xbb\xbf" + lines[0], *lines[1:]]),
}
UNTOLD = {name for name in HARMFUL if name.endswith("with its seal") or "gone on" in name}
"""Damage of which nothing tells but a process that has lived through it, or a head kept elsewhere.
"""


@pytest.fixture
def at(tmp_path: Path) -> Place:
    return Place(tmp_path / "audit.jsonl")


@pytest.fixture(scope="module")
def changing_world(tmp_path_factory: pytest.TempPathFactory) -> Starlette:
    """A small world in memory, where no full disk reaches it."""
    file, world = tmp_path_factory.mktemp("world") / "small", emulator(world=None, cache=None)
    emulator().state.store.save(str(file))
    world.state.store.restore(str(file))
    return world


@pytest.fixture(scope="module")
async def product(changing_world: Starlette) -> str:
    async with running(changing_world) as stack:
        found = await stack.ask("{ products(first: 1) { nodes { number } } }")
        return str(found.data["products"]["nodes"][0]["number"])


@pytest.fixture
async def ordering(
    changing_world: Starlette, at: Place, product: str, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[[str], object]]:
    async with running(changing_world, audit_file=str(at.file)) as stack:
        yield Ordering(stack, product, request.node.name)


@dataclass
class Ordering:
    """Orders one piece of a product."""

    stack: Stack
    product: str
    name: str

    async def __call__(self, key: str) -> Answer:
        key = f"{self.name}-{key}"[-100:]
        return await self.stack.ask(CREATE, key=key, product=self.product)

    async def succeeds(self, key: str) -> None:
        payload = (await self(key)).data["createSalesOrder"]
        assert payload["order"], payload["errors"]

    async def refuses_strangers(self) -> None:
        answer = await self.stack.gateway.post("/graphql", content=b"{}")
        assert answer.status_code == 401


@pytest.mark.parametrize("name", HARMLESS)
async def test_what_happens_by_itself_stops_no_order_and_is_known(
    ordering: Ordering, at: Place, name: str
) -> None:
    await ordering.succeeds("before")

    HARMLESS[name](at)
    await ordering.succeeds("after")
    await ordering.refuses_strangers()

    assert at.verdict().problems == ()
    assert at.verdict().broken == ("broke off" in name or "zeros" in name)


@pytest.mark.parametrize("name", HARMFUL)
async def test_what_somebody_does_to_the_file_stops_no_order_and_shows(
    ordering: Ordering, at: Place, name: str
) -> None:
    await ordering.succeeds("before")

    HARMFUL[name](at)
    await ordering.refuses_strangers()
    await ordering.succeeds("after")

    assert at.verdict().problems


@contextmanager
def full(size: int) -> Iterator[None]:
    """A disk on which no file may become longer than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_where_the_intent_cannot_be_written_nothing_is_ordered(
    ordering: Ordering, at: Place
) -> None:
    await ordering.succeeds("before")

    for room in (0, 1, 100):
        with full(at.file.stat().st_size + room):
            refused = await ordering("refused")
            await ordering.refuses_strangers()
        assert refused.codes == ["WRITES_REFUSED"]
    await ordering.succeeds("refused")

    assert at.verdict().problems == ()
    assert at.file.read_bytes().count(b'"intended"') == 2, "the first, and that which was made"


async def test_where_the_outcome_cannot_be_written_the_order_is_answered_and_told_later(
    ordering: Ordering, at: Place
) -> None:
    await ordering.succeeds("before")
    intent = next(len(line) for line in at.lines() if b'"intended"' in line)

    for n, room in enumerate((5, 200)):
        with full(at.file.stat().st_size + intent + room):
            await ordering.succeeds(f"while full {n}")
        await ordering.succeeds(f"after {n}")

    assert at.verdict().problems == ()
    assert at.file.read_bytes().count(b'"done"') == 5


async def test_a_disk_that_is_full_stops_nobody_where_the_settings_say_so(
    changing_world: Starlette, at: Place, product: str
) -> None:
    async with running(changing_world, audit_file=str(at.file), audit_required=False) as stack:
        with full(at.file.stat().st_size):
            await Ordering(stack, product, "unaudited").succeeds("full")

    assert at.verdict().problems == ()
    assert at.file.read_bytes().count(b'"done"') == 1


async def test_a_file_that_is_no_file_any_more_refuses_and_recovers(
    ordering: Ordering, at: Place
) -> None:
    rename(at)
    at.file.mkdir()
    assert (await ordering("directory")).codes == ["WRITES_REFUSED"]
    await ordering.refuses_strangers()
    at.file.rmdir()
    await ordering.succeeds("directory")

    assert at.verdict().problems == ()


async def test_a_process_that_never_lets_go_of_the_file_holds_nobody_up_for_long(
    ordering: Ordering, at: Place
) -> None:
    with at.file.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert (await ordering("locked")).codes == ["WRITES_REFUSED"]
        await ordering.refuses_strangers()
    await ordering.succeeds("locked")

    assert at.verdict().problems == ()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
async def test_nobody_waits_for_what_is_put_in_the_place_of_the_seal(
    ordering: Ordering, at: Place, make: Callable[[Path], None]
) -> None:
    await ordering.succeeds("before")
    at.seal.unlink()
    make(at.seal)
    append(b"\n")(at)

    async with asyncio.timeout(30):
        await ordering.refuses_strangers()
        answer = await ordering("after")

    assert answer.codes in ([], ["WRITES_REFUSED"])


def event(n: int) -> Event:
    return Event(f"request-{n}", "mutation", {"subject": "jane"}, "createSalesOrder", "done")


def written(at: Place, count: int) -> Audit:
    audit = opened(str(at.file), KEY.secret)
    audit.start()
    for n in range(count):
        audit.record(event(n))
    audit.close()
    return audit


@pytest.mark.parametrize("lines", [0, 1, 5])
def test_a_process_may_die_at_any_byte(at: Place, lines: int) -> None:
    written(at, lines)
    seal, size = at.seal.read_bytes(), at.file.stat().st_size
    written(at, 1)
    whole = at.file.read_bytes()

    for end in range(size, len(whole) + 1):
        at.file.write_bytes(whole[:end])
        at.seal.write_bytes(seal)
        if end < len(whole):
            assert at.verdict().problems == (), "not even before somebody else writes"
        written(at, 1)
        assert at.verdict().problems == (), end
        assert at.verdict().broken == (size < end < len(whole))


@pytest.mark.parametrize("name", [name for name in HARMFUL if name not in UNTOLD])
def test_what_was_done_while_nobody_wrote_shows_before_and_after_the_next_line(
    at: Place, name: str
) -> None:
    written(at, 6)

    HARMFUL[name](at)
    if at.file.exists():
        assert at.verdict().problems
    written(at, 1)

    assert at.verdict().problems


def test_lines_without_an_end_are_no_burden_to_who_verifies(at: Place) -> None:
    written(at, 3)
    with at.file.open("ab") as file:
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"\n")

    tracemalloc.start()
    problems = at.verdict().problems
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(problems) == 1
    assert most < 5_000_000


def test_every_byte_counts(at: Place) -> None:
    written(at, 3)
    whole, seal = at.file.read_bytes(), at.seal.read_bytes()

    for n in range(len(whole)):
        at.file.write_bytes(whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :])
        assert at.verdict().problems, n
        at.file.write_bytes(whole[:n] + whole[n + 1 :])
        assert at.verdict().problems, n
    at.file.write_bytes(whole)
    for n in range(len(seal.rstrip())):
        at.seal.write_bytes(seal[:n] + bytes([seal[n] ^ 1]) + seal[n + 1 :])
        assert at.verdict().problems, n


def test_lines_made_without_the_key_show(at: Place) -> None:
    written(at, 3)
    other = Place(at.file.with_name("forged.jsonl"))
    forged = FileSink(str(other.file), ChainKey(b"another"))
    for line in at.lines()[1:]:
        forged.append({"event": "mutation", "what": line.decode()})

    assert verify([str(other.file)], KEY).problems
    assert verify([str(other.file)], ChainKey(b"another")).problems == ()


def test_several_files_are_one_chain(at: Place) -> None:
    audit = opened(str(at.file), KEY.secret)
    audit.record(event(1))
    rename(at)
    audit.record(event(2))
    audit.close()
    first, second = verify([str(at.old)], KEY), verify([str(at.file)], KEY)

    assert (first.problems, second.problems) == ((), ())
    assert (first.behind, second.behind) == (0, first.lines)
    assert at.verdict().lines == first.lines + second.lines
    assert verify([str(at.file), str(at.old)], KEY).problems, "in the wrong order"
    at.old.write_bytes(b"".join(at.old.read_bytes().splitlines(keepends=True)[:-1]))
    assert verify([str(at.old)], KEY).problems, "a renamed file must have its end"


def test_a_head_that_was_kept_proves_that_nothing_was_put_in_its_place(at: Place) -> None:
    written(at, 3)
    head = at.verdict().head
    delete_all(at)
    written(at, 3)

    assert at.verdict().problems == ()
    assert verify([str(at.file)], KEY, head).problems == ("the line with that hash is missing",)


def test_what_is_no_file_is_refused_at_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for name in (str(tmp_path), str(tmp_path / "pipe"), str(tmp_path / "no" / "file"), "/dev/full"):
        with pytest.raises(ValueError, match="GATEWAY_AUDIT_FILE"):
            opened(name, KEY.secret)


@pytest.mark.parametrize("name", [name for name in HARMFUL if name not in UNTOLD])
def test_damage_shows_wherever_the_process_that_finds_it_dies(at: Place, name: str) -> None:
    written(at, 6)
    HARMFUL[name](at)
    damaged, seal = contents(at.file), contents(at.seal)
    written(at, 1)
    whole = contents(at.file)
    assert whole.startswith(damaged)

    for end in range(len(damaged) + 1, len(whole) + 1):
        if whole[end - 1 : end] != b"\n":
            continue
        last = KEY.read(whole[:end].splitlines(keepends=True)[-1])
        for sealed in (seal, KEY.seal(FileSeal(last.place)) if last else seal):
            at.file.write_bytes(whole[:end])
            at.seal.unlink(missing_ok=True)
            if sealed:
                at.seal.write_bytes(sealed)
            written(at, 1)
            assert at.verdict().problems, (end, whole[len(damaged) : end])


def contents(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
