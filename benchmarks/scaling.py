"""
The needs of 10, 1,000 and 100,000 customers: calls to Dynamics, application users, processes.

Run `python -m benchmarks.scaling`. The calls of each page of the portal are worked out of its
documents, as `gateway documents --budget` does; the mix of pages and the share of customers at work
are assumptions, and options. `--simulate` lets as many people as one application user carries ask a
Dynamics with its documented limits, through the real governor in virtual time, and tells the share
of them that was answered.
"""

from math import ceil
from pathlib import Path
from random import Random
from typing import Final

import click
from msgspec import Struct

from emulator.faults.protection import Limits
from gateway.admission.governor import Governor
from gateway.app import schema
from gateway.commands.budgeting import costs
from gateway.upstream.sender import Sender
from tests.simulation.load import Caller, Dynamics, drive
from tests.simulation.virtual import run
from tests.stack import settings

DOCUMENTS: Final = Path(__file__).parents[1] / "portal" / "documents"
MIX: Final = {
    "dashboard.graphql": 20,
    "orders.graphql": 25,
    "order.graphql": 25,
    "products.graphql": 15,
    "invoices.graphql": 10,
    "shipments.graphql": 5,
}
"""Clicks of a hundred on each page: an assumption."""
REQUESTS: Final = 6_000 / 300
"""Requests a second that Dataverse grants an application user, on each of its web servers."""
USED: Final = 0.8
"""The share of them that is counted on."""
CPU: Final = 0.5e-3
"""Seconds of CPU for a page's query: L of docs/performance.md takes 0.32 ms, with room."""
NEWS: Final = 30.0, 100
"""Seconds between two looks at people who are at work, and how many of them share a call."""
CUSTOMERS: Final = 10, 1_000, 100_000
SECONDS: Final = 900.0


class Need(Struct, frozen=True):
    """The needs of some customers at the busiest time."""

    customers: int
    people: int
    """People at work at once."""
    clicks: float
    """Pages a second."""
    calls: float
    """Calls to Dataverse and the ERP a second."""
    users: int
    """Application users, each with a budget of its own."""
    processes: int


def calls_of_a_click() -> float:
    """The calls of an average page, at most: what is cached or shared costs none."""
    texts = {Path(name): (DOCUMENTS / name).read_text() for name in MIX}
    dearest: dict[str, int] = {}
    for cost in costs(texts, schema(settings())):
        name = cost.name.partition(":")[0]
        dearest[name] = max(dearest.get(name, 0), cost.calls)
    return sum(dearest[name] * share for name, share in MIX.items()) / sum(MIX.values())


def need(customers: int, each: float, *, people: float, busy: float, pause: float) -> Need:
    """
    `people` of each customer, of whom the share `busy` is at work and clicks every `pause` seconds.
    """
    at_work = ceil(customers * people * busy)
    clicks = at_work / pause
    calls = clicks * each + at_work / (NEWS[0] * NEWS[1])
    return Need(
        customers,
        at_work,
        clicks,
        calls,
        ceil(calls / (REQUESTS * USED)),
        max(2, ceil(clicks * CPU / 0.5)),
    )


def answered(people: int, pause: float, each: float) -> tuple[float, float, int]:
    """The share of clicks that is answered, the 95th percentile of their seconds, and the 429s."""
    callers = [
        Caller(n, n // 3, lambda random: pause * random.uniform(0.8, 1.2), calls=round(each))
        for n in range(people)
    ]

    async def played() -> Dynamics:
        random = Random(1)  # noqa: S311 - the same each time
        service = Dynamics(random, lambda random, _: random.uniform(0.08, 0.2), Limits())
        await drive([Sender(random, Governor(places=40))], service, callers, SECONDS, random)
        return service

    service = run(played())
    took = sorted(seconds for each_ in callers for seconds in each_.took)
    asked = sum(each_.outcomes.total() for each_ in callers)
    return len(took) / max(asked, 1), took[int(len(took) * 0.95)], service.answers[429]


@click.command(help=__doc__)
@click.option("--people", default=3.0, show_default=True, help="People of a customer.")
@click.option("--busy", default=0.02, show_default=True, help="Share of them at work at once.")
@click.option("--pause", default=30.0, show_default=True, help="Seconds between two clicks.")
@click.option("--simulate", is_flag=True, help="Also play one application user's load.")
def main(*, people: float, busy: float, pause: float, simulate: bool) -> None:
    each = calls_of_a_click()
    click.echo(f"an average page takes {each:.1f} calls at most\n")
    click.echo("| customers | people at work | pages/s | calls/s | application users | processes |")
    click.echo("|---|---|---|---|---|---|")
    for customers in CUSTOMERS:
        found = need(customers, each, people=people, busy=busy, pause=pause)
        click.echo(
            f"| {found.customers:,} | {found.people:,} | {found.clicks:,.1f} | {found.calls:,.1f} "
            f"| {found.users} | {found.processes} |"
        )
    if simulate:
        most = int(REQUESTS * USED * pause / round(each))
        for load in (most, 2 * most):
            share, p95, refused = answered(load, pause, each)
            click.echo(
                f"\n{load} people on one application user: {share:.1%} of pages answered, "
                f"95 of 100 within {p95:.2f} s, {refused} answers of 429"
            )


if __name__ == "__main__":
    main()
