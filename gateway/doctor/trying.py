"""One real query for each table with all its columns, and one with the row rule of each role."""

import asyncio
from collections.abc import Iterator
from time import perf_counter
from uuid import UUID

from gateway.auth.principal import Access, CallerAccount, CallerContact, Kind, Principal
from gateway.doctor.findings import Finding, ok, wrong
from gateway.doctor.looking import CheckResult, Looking, words
from gateway.errors import GatewayError, NotAvailableHere, UpstreamError
from gateway.model.tables import Table
from gateway.upstream.conditions import EVERYTHING, NOTHING, Condition
from gateway.upstream.odata import ODataQuery

CHECK = "queries"
SLOW = 2.0
"""Seconds above which the read of one row is reported as slow."""
NOBODYS = UUID(int=1)
AT_ONCE = 6
SAMPLE = Principal(
    Kind.CUSTOMER,
    "doctor",
    "doctor",
    frozenset(),
    contact=CallerContact(NOBODYS, "", None, account=NOBODYS, parties=(NOBODYS,)),
    accounts=(CallerAccount(NOBODYS, "NOBODY", "none", NOBODYS, NOBODYS),),
)
"""A caller who owns nothing: the rules of its roles are tried, and no row is read by them."""


async def check(looking: Looking) -> CheckResult:
    """Ask the services the queries that the schema makes, one of each kind."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(table: Table) -> list[Finding]:
        async with limit:
            return await _table(looking, table)

    found = await asyncio.gather(*map(one, looking.tables))
    return CheckResult([finding for each in found for finding in each])


async def _table(looking: Looking, table: Table) -> list[Finding]:
    names = looking.services[table.service].names
    if names.is_missing(table.entity) and table.entity not in names.left_out:
        return [ok(CHECK, table.name, "absent here; it is not asked for")]
    whole = await _asked(looking, table, "all columns", EVERYTHING)
    rules = [await _asked(looking, table, label, rule) for label, rule in _rules(table)]
    return [whole, *rules]


def _rules(table: Table) -> Iterator[tuple[str, Condition]]:
    """The row rules of the accesses that roles give, without those that ask for nothing."""
    seen: list[Condition] = [EVERYTHING, NOTHING]
    for access in Access:
        rule = table.rule.condition(SAMPLE, access)
        if rule not in seen:
            seen.append(rule)
            yield f"rows of {access.name.lower()}", rule


async def _asked(looking: Looking, table: Table, label: str, rule: Condition) -> Finding:
    service = looking.services[table.service]
    subject = f"{table.name}: {label}"
    # Steps of links are asked for by expansions of their own; here columns alone count.
    select = tuple(sorted(_columns(table)))
    started = perf_counter()
    try:
        await service.fetch(ODataQuery(table.entity, select, rule, top=1), looking.allowance())
    except UpstreamError as error:
        return wrong(
            CHECK,
            subject,
            words(error),
            breaks=f"{table.name} for callers with this access",
            do="see the findings of the names, and give the user Read on the table",
        )
    except NotAvailableHere as error:
        refusal = error.__cause__
        said = words(refusal) if isinstance(refusal, UpstreamError) else error.message
        do = "see the findings of the names, and give the user Read on the table"
        return wrong(CHECK, subject, said, breaks=table.name, do=do)
    except GatewayError as error:
        return wrong(CHECK, subject, error.message, breaks=table.name, do="report this as a defect")
    seconds = perf_counter() - started
    slow = f" in {seconds:.1f} s, which is slow" if seconds > SLOW else ""
    return ok(CHECK, subject, f"answered{slow}")


def _columns(table: Table) -> set[str]:
    members = (path for spec in table.specs.values() for path in spec.paths)
    return {*table.key, *table.rule.columns, *members}
