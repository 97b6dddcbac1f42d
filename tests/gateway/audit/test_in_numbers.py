"""
The audit in numbers: deaths of processes under every kind of damage, manipulations, refusals.

`scripts/check --nightly` runs it at full length: over 3,000 deaths in all, a minute of refusals.
"""

import asyncio
import os
import random
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.audit.chain import ChainKey
from gateway.audit.events import Event
from gateway.audit.recorder import Audit, opened
from gateway.audit.sinks import SEAL, FileSink
from gateway.audit.verifying import verify
from tests.gateway.audit.test_damage import (
    HARMFUL,
    HARMLESS,
    KEY,
    UNTOLD,
    Place,
    event,
    written,
)
from tests.nightly import NIGHTLY

DEATHS = 50 if NIGHTLY else 4
"""For each kind of damage."""
REFUSALS = 600_000 if NIGHTLY else 60_000
PER_SECOND = 10_000
BYTES = 10_000_000
SOON = 0.004
"""Seconds within which a process is killed."""


UNKNOWN = {"no seal any more", "a damaged seal"}
"""Damage that only a process that has lived through it knows to be none."""


@pytest.fixture
def at(tmp_path: Path) -> Place:
    return Place(tmp_path / "audit.jsonl")


def live(at: Place, orders: Path, begin: int) -> None:
    """Order for ever: an intent, the order, its outcome. Orders are what Dynamics has."""
    audit = opened(str(at.file), KEY.secret)
    audit.start()
    with orders.open("ab", buffering=0) as made:
        for n in range(begin, begin + 10_000):
            told = Event(f"request-{n}", "mutation", {"subject": "jane"}, "createSalesOrder", "")
            asyncio.run(audit.begin(told))
            made.write(b"request-%d\n" % n)
            audit.record(replace(told, outcome="done"))


def die(at: Place, orders: Path, begin: int, moment: float) -> None:
    """A life that is ended in its midst, as by the kernel; its own faults are no such end."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(told, b"x")
            live(at, orders, begin)
        finally:
            os._exit(1)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)
    time.sleep(moment)
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def unaudited(at: Place, orders: Path) -> set[str]:
    """The orders that were made and of which no file has an intent."""
    texts = [file.read_text("utf-8", "replace") for file in (at.old, at.file) if file.exists()]
    intended = set(
        re.findall(r'"request":"(request-\d+)"[^\n]*"outcome":"intended"', "".join(texts))
    )
    return set(orders.read_text().split()) - intended


@pytest.mark.parametrize("name", [*HARMLESS, *HARMFUL])
def test_processes_may_die_at_any_moment_under_any_damage(
    at: Place, tmp_path: Path, name: str
) -> None:
    luck = random.Random(name)  # noqa: S311
    for n in range(DEATHS):
        for left in (at.file, at.seal, at.old):
            left.unlink(missing_ok=True)
        orders = tmp_path / "orders"
        orders.write_bytes(b"")
        written(at, 6)

        (HARMLESS | HARMFUL)[name](at)
        for life in range(2):
            die(at, orders, 10_000 * life, luck.random() * SOON)
        written(at, 1)

        assert unaudited(at, orders) == set(), n
        if name not in UNTOLD:
            found = at.verdict().problems
            assert bool(found) == (name in HARMFUL or name in UNKNOWN), (n, found)


def test_refusals_of_a_minute_fill_no_disk(tmp_path: Path) -> None:
    """Ten thousand a second, of every kind and from everywhere."""
    now = 0.0
    file = tmp_path / "audit.jsonl"
    audit = Audit(FileSink(str(file), KEY), clock=lambda: now)
    reasons = [f"reason {n}" for n in range(20)]
    began = time.process_time()
    for n in range(REFUSALS):
        now = n / PER_SECOND
        source = f"2001:db8::{n % 65_536:x}"
        audit.record(
            Event(
                f"request-{n}", "denial", {}, "request", "UNAUTHENTICATED",
                reason=reasons[n % 20], source=source, rows=("x" * 500,) * 20,
            )
        )  # fmt: skip
    spent = time.process_time() - began
    audit.close()

    assert file.stat().st_size < BYTES
    assert spent / REFUSALS < 1 / PER_SECOND, "it keeps up"
    assert verify([str(file)], KEY).problems == ()


Manipulation = Callable[[Place], object]


def edited(old: bytes, new: bytes, place: int) -> Manipulation:
    def edit(at: Place) -> None:
        lines = at.lines()
        assert old in lines[place]
        lines[place] = lines[place].replace(old, new, 1)
        at.write(*lines)

    return edit


def moved(source: int, target: int) -> Manipulation:
    def move(at: Place) -> None:
        lines = at.lines()
        lines.insert(target, lines.pop(source))
        at.write(*lines)

    return move


def without(*places: int) -> Manipulation:
    return lambda at: at.write(*(line for n, line in enumerate(at.lines()) if n not in places))


def sealed(content: Callable[[Place], bytes]) -> Manipulation:
    return lambda at: at.seal.write_bytes(content(at))


def of_another(key: ChainKey, count: int) -> Callable[[Place], Place]:
    """Another gateway's file, of its secret or of ours."""

    def make(at: Place) -> Place:
        other = Place(at.file.with_name("other.jsonl"))
        audit = opened(str(other.file), key.secret)
        audit.start()
        for n in range(count):
            audit.record(event(n))
        audit.close()
        return other

    return make


FORGER = ChainKey(b"another secret")


def forged_behind(at: Place) -> None:
    """Lines of another secret behind ours, with a seal of it."""
    sink = FileSink(str(at.file), FORGER)
    sink.append({"event": "mutation", "what": "createSalesOrder"})
    sink.close()


def spliced(place: int, key: ChainKey) -> Manipulation:
    def splice(at: Place) -> None:
        lines, others = at.lines(), of_another(key, 9)(at).lines()
        at.write(*lines[:place], others[place], *lines[place + 1 :])

    return splice


def put_back(at: Place) -> None:
    """The file as it was before its last lines, with the seal of now."""
    at.write(*at.lines()[:4])


def old_seal_only(at: Place) -> None:
    """The seal of another file of the same secret."""
    at.seal.write_bytes(of_another(KEY, 3)(at).seal.read_bytes())


FIELDS = {
    "the number": (b'"n":5,', b'"n":6,'),
    "the time": (b'"at":"20', b'"at":"19'),
    "the kind": (b'"event":"mutation"', b'"event":"view-as" '),
    "who": (b'"jane"', b'"john"'),
    "the question": (b"createSalesOrder", b"cancelSalesOrder"),
    "the outcome": (b'"done"', b'"gone"'),
    "the request": (b'"request-', b'"request_'),
    "the hash": (b'"hash":"', b'"hash":"0'),
    "the hash of the one before": (b'"previous":"', b'"previous":"0'),
    "a name": (b'"outcome"', b'"outcame"'),
    "a blank": (b":", b": "),
    "a member more": (b'"event"', b'"more":1,"event"'),
    "an escape": (b"jane", b"\\u006aane"),
}
LAST = 6
MANIPULATIONS: dict[str, Manipulation] = {
    **{f"{name} of a line": edited(*change, 4) for name, change in FIELDS.items()},
    **{f"{name} of the last line": edited(*change, LAST) for name, change in FIELDS.items()
       if name != "the number"},
    **{f"without line {n}": without(n) for n in range(LAST + 1)},
    "without all but the first": without(*range(1, LAST + 1)),
    "without the first three": without(0, 1, 2),
    "without all": without(*range(LAST + 1)),
    "a line earlier": moved(4, 2),
    "a line later": moved(2, 4),
    "the last line first": moved(LAST, 0),
    "a line of another secret": spliced(4, FORGER),
    "a line of another file of ours": spliced(4, KEY),
    "lines of another secret behind": forged_behind,
    "as it was before": put_back,
    "the seal of another file": old_seal_only,
    "no seal": lambda at: at.seal.unlink(),
    "an empty seal": sealed(lambda at: b"\n"),
    "a seal that is cut": sealed(lambda at: at.seal.read_bytes()[:-2]),
    "a longer seal": sealed(lambda at: at.seal.read_bytes() + b" "),
    "a seal of another secret": sealed(lambda at: of_another(FORGER, 7)(at).seal.read_bytes()),
    "a line in capitals": lambda at: at.write(*at.lines()[:-1], at.lines()[-1].upper()),
    "twice": lambda at: at.write(*at.lines(), *at.lines()),
    "backwards": lambda at: at.write(*reversed(at.lines())),
    "a blank line in the middle": lambda at: at.write(*at.lines()[:3], b"\n", *at.lines()[3:]),
    "a byte in front": lambda at: at.write(b" ", *at.lines()),
    "a byte behind": lambda at: at.write(*at.lines(), b" "),
}  # fmt: skip


@pytest.mark.parametrize("name", MANIPULATIONS)
def test_each_manipulation_is_found(at: Place, name: str) -> None:
    written(at, LAST)
    assert len(at.lines()) == LAST + 1
    assert verify([str(at.file)], KEY).problems == ()

    MANIPULATIONS[name](at)

    assert verify([str(at.file)], KEY).problems


def test_they_are_fifty() -> None:
    assert len(MANIPULATIONS) >= 50


def histories() -> Iterator[int]:
    yield from range(1_000 if NIGHTLY else 60)


@pytest.mark.parametrize("block", range(4))
def test_nothing_is_found_where_nobody_did_anything(at: Place, block: int) -> None:
    """Processes, deaths and renames, as a file lives through them by itself."""
    for n in histories():
        if n % 4 != block:
            continue
        luck = random.Random(n)  # noqa: S311
        files: list[Path] = []
        for left in at.file.parent.iterdir():
            left.unlink()
        for _ in range(luck.randint(1, 6)):
            audits = [opened(str(at.file), KEY.secret) for _ in range(luck.randint(1, 3))]
            for audit in audits:
                audit.start()
            for number in range(luck.randint(0, 5)):
                luck.choice(audits).record(event(number))
            match luck.choice(["die", "end", "end", "rename"]):
                case "die":
                    with at.file.open("ab") as file:
                        file.write(begun(at, luck))
                case "rename":
                    files.append(at.file.with_name(f"audit.{len(files)}"))
                    at.file.rename(files[-1])
                    audits[0].record(event(9))
            for audit in audits:
                audit.close()
        found = verify(map(str, [*files, at.file]), KEY)

        assert found.problems == (), n


def begun(at: Place, luck: random.Random) -> bytes:
    """A part of the next line, with which a process dies."""
    copy = Place(at.file.with_name("copy.jsonl"))
    shutil.copy(at.file, copy.file)
    if at.seal.exists():
        shutil.copy(at.seal, copy.file.with_name(copy.file.name + SEAL))
    before = copy.file.stat().st_size
    written(copy, 1)
    more = copy.file.read_bytes()[before:].splitlines(keepends=True)
    return more[0][: luck.randint(1, len(more[0]) - 1)] if more else b""
