"""Freed memory stays with the process, for the next request."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

KEPT = 64 * 1024 * 1024
"""Bytes at the end of the heap that are kept; by default it is 128 KiB."""
APART = 256 * 1024
"""Bytes of blocks that stand apart from the heap and go back at once, as they would leave holes."""
COLLECT = 10_000, 10, 5
"""
Thresholds of the garbage collector for its three generations; measured in docs/performance.md.
Plans have classes of their own, which only the last generation finds.
"""
CROWDED = 10_000, 2, 10_000
"""
The same while a large answer is made, whose objects live until its end: fewer are looked at in one
go, and the last generation, which would be all of them, waits for ten thousand looks.
"""
STEPS = 4
"""Steps of a large answer after which the collector looks at what is new."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def settle() -> None:
    """
    Settle a process that serves one app and nothing else: schema and types stay, so the collector
    need not look at them again, and requests leave few cycles, so it need not look often.
    """
    gc.collect()
    keep_freed()
    gc.freeze()
    gc.set_threshold(*COLLECT)


def tidy() -> None:
    """
    Let the collector of a settled process look at the generation that is due, at the youngest at
    least: after work that left many cycles, which are found among few objects now, and among all
    of them later.
    """
    if not gc.get_freeze_count():
        return
    counted = zip(gc.get_count(), gc.get_threshold(), strict=True)
    due = [number for number, (count, most) in enumerate(counted) if count > most]
    gc.collect(max(due, default=0))


class _Crowd:
    """The large answers that are made at this moment."""

    number = 0
    steps = 0


@contextmanager
def crowded() -> Iterator[None]:
    """Keep the pauses of a settled process's collector short while a large answer is made."""
    if not gc.get_freeze_count():
        yield
        return
    _Crowd.number += 1
    gc.set_threshold(*CROWDED)
    try:
        yield
    finally:
        _Crowd.number -= 1
        if not _Crowd.number:
            gc.set_threshold(*COLLECT)


def look() -> None:
    """
    Let the collector look at what some steps of a large answer have made. By itself it counts what
    was made less what went, so that it sees hundreds of thousands at once where old objects go.
    """
    if _Crowd.number:
        _Crowd.steps += 1
        if not _Crowd.steps % STEPS:
            gc.collect(1)


def keep_freed() -> None:
    """
    Let glibc keep what it would give back, for this process; elsewhere nothing happens.

    Answers of Dynamics are as large as what it gives back after each of them, and pages that are
    got again from the system are filled with zeros first: a tenth of a large query's time. The
    pages that are free already, such as the 16 MB that a key is made of, go back.
    """
    libc = ctypes.CDLL(None)
    if sys.platform == "linux" and hasattr(libc, "mallopt"):
        libc.malloc_trim(0)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
        libc.mallopt(M_MMAP_THRESHOLD, APART)
