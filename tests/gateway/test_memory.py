"""Memory that large answers leave is had again without asking the system for it."""

import subprocess
import sys

import pytest

CHURN = """
import resource
from gateway.memory import keep_freed

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def churn():
    before = faults()
    for _ in range(100):
        answer = bytes(b"x" * {size}), bytes(b"y" * {size})
        del answer
    return faults() - before

churn()
before = churn()
keep_freed()
churn()
print(before, churn())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has it")
@pytest.mark.parametrize("size", [105_000, 1_000_000])
def test_memory_is_not_got_again_for_each_answer(size: int) -> None:
    script = [sys.executable, "-c", CHURN.replace("{size}", str(size))]
    run = subprocess.run(script, capture_output=True, text=True, check=True)

    before, after = map(int, run.stdout.split())
    assert after <= 10 <= before
