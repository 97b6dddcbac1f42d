"""Memory that answers leave is had again without asking the system; large blocks go back."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has it")

CHURN = """
import resource
from gateway.memory import keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def churn():
    before = faults()
    for _ in range(100):
        answer = bytes(b"x" * 105_000), bytes(b"y" * 105_000)
        del answer
    return faults() - before

churn()
before = churn()
keep_freed()
churn()
print(before, churn())
"""
LARGE = """
from gateway.memory import keep_freed

def held():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def waiting():
    return [(b"x" * 500_000, b"y" * 2_000) for _ in range(40)]

waiting()
keep_freed()
before = held()
small = [small for _, small in waiting()]
print(held() - before)
"""
CROWDED = """
import gc
from gateway.memory import COLLECT, CROWDED, crowded, settle

unsettled = gc.get_threshold()
with crowded():
    print(int(gc.get_threshold() == unsettled))
settle()
with crowded():
    with crowded():
        pass
    print(int(gc.get_threshold() == CROWDED))
print(int(gc.get_threshold() == COLLECT))
"""


def told(script: str) -> list[int]:
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return list(map(int, run.stdout.split()))


def test_memory_is_not_got_again_for_each_answer() -> None:
    before, after = told(CHURN)

    assert after <= 10 <= before


def test_large_answers_leave_no_holes_behind() -> None:
    (held,) = told(LARGE)

    assert held < 2_000_000


def test_the_collector_pauses_for_less_while_any_large_answer_is_made() -> None:
    assert told(CROWDED) == [1, 1, 1]
