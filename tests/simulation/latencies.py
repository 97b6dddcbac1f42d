"""
`python -m tests.simulation.latencies`: what callers get at several latencies of the service, as a
table, in virtual time. Each asks for two calls one after the other, then thinks for half a second.
"""

from collections import Counter
from random import Random

import click

from gateway.admission.governor import Governor
from gateway.upstream.sender import Sender
from tests.simulation.load import Caller, Dynamics, drive
from tests.simulation.virtual import run

PLACES = 40
SECONDS = 60.0
LATENCIES = (0.08, 0.15, 0.4)
CALLERS = (50, 100, 200, 500)
HEADING = "| a call takes | callers | answers/s | p50 | p95 | p99 | refused | most in flight |"


def measured(latency: float, number: int) -> str:
    """One line of the table."""
    callers = [Caller(n, n // 3, lambda random: random.uniform(0.4, 0.6)) for n in range(number)]
    service = run(_driven(callers, latency))
    took = sorted(seconds for caller in callers for seconds in caller.took)
    outcomes = sum((caller.outcomes for caller in callers), Counter[str]())
    refused = 1 - outcomes["ok"] / outcomes.total()
    quantiles = " | ".join(
        f"{took[min(len(took) - 1, int(share * len(took)))]:.2f} s" for share in (0.5, 0.95, 0.99)
    )
    return (
        f"| {1000 * latency:.0f} ms | {number} | {len(took) / SECONDS:.0f} | {quantiles} "
        f"| {100 * refused:.0f} % | {service.peak} |"
    )


async def _driven(callers: list[Caller], latency: float) -> Dynamics:
    random = Random(1)  # noqa: S311 - repeatable, not secret
    service = Dynamics(random, lambda random, _: latency * random.uniform(0.75, 1.25))
    await drive([Sender(random, Governor(places=PLACES))], service, callers, SECONDS, random)
    return service


def main() -> None:
    click.echo(HEADING)
    click.echo("|---" * HEADING.count(" | ") + "|---|")
    for latency in LATENCIES:
        for number in CALLERS:
            click.echo(measured(latency, number))


if __name__ == "__main__":
    main()
