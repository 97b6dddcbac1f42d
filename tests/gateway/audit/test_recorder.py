"""Denials fill no disk, none but a mutation waits for its line, and standard output takes lines."""

import asyncio
import fcntl
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event as Signal
from threading import get_ident
from typing import Any

import pytest

from gateway.audit import recorder
from gateway.audit.chain import LONGEST, SHORT, ChainKey, Line, Place
from gateway.audit.events import Event
from gateway.audit.folding import EACH, SOURCES, WINDOW
from gateway.audit.recorder import OWED, Audit, opened
from gateway.audit.sinks import FileSink, Output
from gateway.audit.verifying import verify
from gateway.errors import WritesRefused

KEY = ChainKey(b"a key of the tests")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def denial(source: str = "192.0.2.1", subject: str | None = None, **changes: Any) -> Event:
    who = {"issuer": "https://issuer.example", "subject": subject} if subject else {}
    told = Event("request-1", "denial", who, "request", "UNAUTHENTICATED", source=source)
    return replace(told, **{"reason": "no bearer token"} | changes)


def mutation(n: int) -> Event:
    return Event(f"request-{n}", "mutation", {"subject": "jane"}, "createSalesOrder", "done")


def lines(file: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in file.read_text().splitlines()]
    return [line for line in found if line["event"] not in ("opened", "closed")]


def test_who_only_looks_whether_there_can_be_an_audit_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    with (tmp_path / "output").open("wb") as output:
        for sink in (FileSink(str(file), KEY), Output(KEY, output.fileno())):
            Audit(sink).close()

    assert file.read_bytes() == (tmp_path / "output").read_bytes() == b""


def test_denials_of_one_kind_and_source_are_told_a_few_times_and_counted(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "audit.jsonl"
    audit = Audit(FileSink(str(file), KEY), clock=clock)
    for _ in range(100):
        audit.record(denial())
        audit.record(denial(subject="jane"))
        audit.record(denial(reason="expired"))
    assert len(lines(file)) == 3 * EACH

    clock.now = WINDOW
    audit.record(denial())

    folded = [line for line in lines(file) if line["what"] == "folded"]
    assert [line["count"] for line in folded] == [100 - EACH] * 3
    assert folded[1]["who"]["subject"] == "jane"
    assert len(lines(file)) == 3 * EACH + 3 + 1


def test_nobody_can_fill_a_disk_with_refusals(tmp_path: Path) -> None:
    clock, file = Clock(), tmp_path / "audit.jsonl"
    audit = Audit(FileSink(str(file), KEY), clock=clock)
    rows = tuple("x" * 500 for _ in range(100))
    began = time.process_time()
    for n in range(100_000):
        clock.now = n / 1_700
        audit.record(denial(f"2001:db8::{n}", rows=rows, request="x" * 64))
    spent = time.process_time() - began
    audit.close()

    assert file.stat().st_size < 10_000_000
    assert spent / 100_000 < 0.001
    assert sum(line.get("count", 1) for line in lines(file)) == 100_000
    assert len(audit._folding._seen) <= SOURCES + 1
    assert verify([str(file)], KEY).problems == ()


def test_lines_are_bounded_whatever_they_are_to_say(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    audit = Audit(FileSink(str(file), KEY))
    rows = tuple(f"{n:0500}" for n in range(200))
    for what in ("x" * 100_000, "\x01" * 100_000, "\u00fc" * 5_000):
        audit.record(Event("r", "mutation", {"subject": "x" * 255}, what, "done", rows))
        audit.record(Event("r", "denial", {"subject": "x" * 255}, what, "FORBIDDEN", rows))

    long = [len(line) for line in file.read_bytes().splitlines() if b'"mutation"' in line]
    short = [len(line) for line in file.read_bytes().splitlines() if b'"denial"' in line]
    assert max(long) <= LONGEST
    assert max(short) <= 2 * SHORT
    assert all(len(line["rows"]) + line["more"] == 200 for line in lines(file))


def test_what_is_owed_is_bounded_and_its_loss_is_told(tmp_path: Path, caplog: Any) -> None:
    file = tmp_path / "audit.jsonl"
    audit = Audit(FileSink(str(file), KEY))
    file.rename(tmp_path / "old")
    file.mkdir()
    for n in range(OWED + 10):
        audit.record(mutation(n))
    file.rmdir()
    audit.flush()

    assert [line["request"] for line in lines(file)] == [f"request-{n + 10}" for n in range(OWED)]
    assert "10 lines were lost" in caplog.text
    assert caplog.text.count("the audit cannot be written") == 1


def _write(path: str) -> None:
    """Write on until the file was renamed, however slow the one who renames it is."""
    audit, renamed = opened(path, KEY.secret), Path(path).with_name("audit.1")
    end = time.monotonic() + 60
    for n in range(50):
        while n == 25 and not renamed.exists() and time.monotonic() < end:
            time.sleep(0.001)
        audit.record(mutation(n))
    audit.close()


def test_several_processes_write_one_chain_also_while_it_is_renamed(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    workers = [multiprocessing.Process(target=_write, args=(str(file),)) for _ in range(4)]
    for worker in workers:
        worker.start()
    end = time.monotonic() + 60
    while not (file.exists() and file.stat().st_size > 10_000):
        assert time.monotonic() < end, "the workers do not write"
        time.sleep(0.001)
    file.rename(tmp_path / "audit.1")
    for worker in workers:
        worker.join(60)

    verdict = verify([str(tmp_path / "audit.1"), str(file)], KEY)
    assert verdict.problems == ()
    assert len(lines(tmp_path / "audit.1")) + len(lines(file)) == 200


@dataclass(frozen=True, slots=True)
class Meanwhile(ChainKey):
    """A key that lets something else happen while a line is being written."""

    happen: Callable[[], None]

    def line(self, body: Line, after: Place) -> tuple[bytes, Place]:
        self.happen()
        return ChainKey.line(self, body, after)


def test_a_process_that_starts_at_a_rotation_waits_for_the_line_that_is_being_written(
    tmp_path: Path,
) -> None:
    file, old, begun = tmp_path / "audit.jsonl", tmp_path / "audit.1", list[Audit]()

    def rotate_and_start() -> None:
        if file.exists() and file.stat().st_size and not old.exists():
            file.rename(old)
            begun.append(Audit(FileSink(str(file), KEY)))
            begun[0].start()
            begun[0].record(mutation(1))

    before = Audit(FileSink(str(file), Meanwhile(KEY.secret, rotate_and_start)))
    before.record(mutation(0))
    for audit in (*begun, before):
        audit.record(mutation(2))
        audit.close()

    assert verify([str(old), str(file)], KEY).problems == ()
    written = [line["request"] for path in (old, file) for line in lines(path) if "request" in line]
    assert written == ["request-0", "request-1", "request-2", "request-2"]


def test_standard_output_has_a_chain_for_each_process(tmp_path: Path) -> None:
    file = tmp_path / "collected"
    with file.open("ab") as collected:
        audits = [Audit(Output(KEY, collected.fileno())) for _ in range(2)]
        for n in range(5):
            for audit in audits:
                audit.record(mutation(n))
        for audit in audits:
            audit.close()
    whole = file.read_bytes().splitlines(keepends=True)

    assert verify([str(file)], KEY).problems == ()
    assert len({line["chain"] for line in lines(file)}) == 2
    file.write_bytes(b"".join(whole[:4] + whole[5:]))
    assert verify([str(file)], KEY).problems
    file.write_bytes(b"".join(whole[:-1]))
    assert verify([str(file)], KEY).problems, "each chain must have its end"


def test_an_output_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    audit = Audit(Output(KEY, writing))
    began = time.monotonic()
    for n in range(1_000):
        audit.record(mutation(n))
    assert time.monotonic() - began < 10

    file = tmp_path / "collected"
    os.set_blocking(reading, False)
    with file.open("ab") as collected:
        for _ in range(20):
            with suppress(BlockingIOError):
                collected.write(os.read(reading, 1_000_000))
            audit.flush()
    audit.close()
    with file.open("ab") as collected:
        collected.write(os.read(reading, 1_000_000))

    assert [line["request"] for line in lines(file) if line["event"] == "mutation"] == [
        f"request-{n}" for n in range(1_000)
    ]
    assert verify([str(file)], KEY).problems == ()


class Held(Output):
    """A sink whose lines wait for somebody, as those of a disk that is stuck do."""

    def __init__(self, key: ChainKey, descriptor: int) -> None:
        super().__init__(key, descriptor)
        self.goes_on, self.came = Signal(), Signal()
        self.threads: set[int] = set()

    def append(self, body: Line, patience: float = 0.0) -> None:
        self.threads.add(get_ident())
        self.came.set()
        self.goes_on.wait(30)
        super().append(body, patience)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    with (tmp_path / "collected").open("ab") as collected:
        yield Held(KEY, collected.fileno())


def outcomes(file: Path) -> list[str]:
    return [line["outcome"] for line in lines(file)]


@pytest.mark.anyio
async def test_a_mutation_waits_for_another_process_and_nobody_waits_with_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "audit.jsonl"
    audit = Audit(FileSink(str(file), KEY), patience=30)
    with file.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        begun = asyncio.create_task(audit.begin(mutation(1)))
        await asyncio.sleep(0.3)
        audit.record(denial())
        assert not begun.done()
    await begun
    audit.close()

    assert sorted(outcomes(file)) == ["UNAUTHENTICATED", "intended"]
    assert verify([str(file)], KEY).problems == ()


@pytest.mark.anyio
async def test_a_disk_that_is_stuck_refuses_a_mutation_in_the_end_and_holds_nobody_else(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "GRACE", 0.05)
    audit = Audit(held, patience=0.05)
    for n in range(3):
        with pytest.raises(WritesRefused):
            await audit.begin(mutation(n))
        audit.record(denial())
    assert get_ident() not in held.threads
    held.goes_on.set()
    async with asyncio.timeout(30):
        while WritesRefused.code not in outcomes(tmp_path / "collected"):
            await asyncio.sleep(0.01)
            audit.flush()
    audit.close()

    told = [line for line in lines(tmp_path / "collected") if line["event"] == "mutation"]
    assert [(line["request"], line["outcome"]) for line in told] == [
        ("request-0", "intended"),
        ("request-0", WritesRefused.code),
    ]
    assert outcomes(tmp_path / "collected").count("UNAUTHENTICATED") == 3
    assert verify([str(tmp_path / "collected")], KEY).problems == ()


@pytest.mark.anyio
async def test_where_a_write_was_slow_a_thread_writes_what_is_only_told(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "SLOW", 0.0)
    held.goes_on.set()
    audit = Audit(held)
    writing = asyncio.create_task(audit.flushing())
    await audit.begin(mutation(1))
    audit.record(mutation(1))
    async with asyncio.timeout(30):
        while "done" not in outcomes(tmp_path / "collected"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    writing.cancel()

    assert get_ident() not in held.threads
    audit.close()


@pytest.mark.anyio
async def test_a_mutation_whose_caller_leaves_while_it_waits_has_an_end(
    tmp_path: Path, held: Held
) -> None:
    audit = Audit(held)
    begun = asyncio.create_task(audit.begin(mutation(1)))
    await asyncio.to_thread(held.came.wait, 30)
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)
    held.goes_on.set()
    async with asyncio.timeout(30):
        while not audit._owed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    audit.close()

    assert outcomes(tmp_path / "collected") == ["intended", WritesRefused.code]


@pytest.mark.anyio
async def test_a_mutation_whose_caller_leaves_when_its_line_is_just_written_has_an_end(
    tmp_path: Path, held: Held
) -> None:
    audit = Audit(held)
    begun = asyncio.create_task(audit.begin(mutation(1)))
    await asyncio.to_thread(held.came.wait, 30)
    held.goes_on.set()
    audit._thread.submit(int).result(30)  # the loop has not heard of it yet
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)
    audit.close()

    assert outcomes(tmp_path / "collected") == ["intended", WritesRefused.code]


@pytest.mark.anyio
async def test_a_mutation_that_may_go_on_unaudited_is_not_told_as_refused(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "GRACE", 0.05)
    audit = Audit(held, required=False, patience=0.05)
    await audit.begin(mutation(1))
    audit.record(mutation(1))
    held.goes_on.set()
    audit._thread.submit(int).result(30)
    audit.close()

    assert outcomes(tmp_path / "collected") == ["intended", "done"]
