"""
The memory that one more request in flight costs: peaks with 1 and with 32 connections, compared.

Asked of a process of its own that has done nothing before, as memory once taken is seldom returned.
"""

import time

from benchmarks.comparing.measuring import CONNECTIONS, Target, loading

WATCHED = 3
"""For how many times the time of an answer each peak is looked for."""
LEAST = 1.0
"""Seconds that it is looked for at least."""


def per_request(target: Target, pace: float) -> float:
    """Bytes by which the peak grows for each further request in flight."""
    few, many = (_peak(target, n, pace) for n in (1, CONNECTIONS))
    return (many - few) / (CONNECTIONS - 1)


def _peak(target: Target, connections: int, pace: float) -> int:
    target.running.forget_peak()
    with loading(target, connections):
        time.sleep(max(LEAST, WATCHED * connections / pace))
    return target.running.peak
