"""The places where our gateway spends its time under load, by py-spy's samples."""

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.comparing.candidates import SCRIPTS
from benchmarks.comparing.measuring import Target, loading
from benchmarks.comparing.processes import LOADING, Failed

RATE = 250
"""Samples a second."""
SHOWN = 40
NEEDED = "--profile needs py-spy: .venv/bin/pip install py-spy"


def profile(target: Target, seconds: float) -> Iterator[str]:
    """The functions on top of the stack most often, with their share of the time."""
    samples = target.bodies.with_suffix(".samples")
    with loading(target):
        _record(target.running.process.pid, seconds, samples)
    return _lines(_on_top(samples))


def _record(pid: int, seconds: float, to: Path) -> None:
    program = shutil.which("py-spy", path=f"{SCRIPTS}:/usr/local/bin:/usr/bin")
    if program is None:
        raise Failed(NEEDED)
    subprocess.run(
        [
            *("taskset", "-c", str(LOADING), program, "record", "--pid", str(pid), "--function"),
            *("--format", "raw", "--rate", str(RATE), "--duration", str(round(seconds))),
            *("--output", str(to)),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _on_top(samples: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in samples.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        found[stack.rpartition(";")[2]] += int(count)
    return found


def _lines(found: Counter[str]) -> Iterator[str]:
    total = found.total() or 1
    for function, count in found.most_common(SHOWN):
        yield f"{100 * count / total:6.1f} %  {function}"
