"""Entries of the names file that nothing reads, mostly misspelt names."""

from collections.abc import Iterator

from gateway.doctor.findings import Finding, wrong
from gateway.doctor.looking import CheckResult, Looking
from gateway.metadata.overrides import Override
from variables.spelling import suggestion

CHECK = "names file"


def check(looking: Looking) -> CheckResult:
    """Report every table, column and lookup of the names file that nothing reads."""
    columns: dict[str, set[str]] = {}
    for service, tables in looking.relied.items():
        for table, uses in tables.items():
            known = looking.assumed[service].get(table)
            columns[table] = {*uses, *(known.attributes if known else ())}
            columns[table] |= {each.column for each in known.lookups} if known else set()
    return CheckResult(
        [
            finding
            for table, told in sorted(looking.overrides.items())
            for finding in _section(table, told, columns)
        ]
    )


def _section(table: str, told: Override, columns: dict[str, set[str]]) -> Iterator[Finding]:
    if table not in columns:
        yield _stranger(f"[{table}]", table, set(columns))
        return
    absent = () if isinstance(told.absent, bool) else told.absent
    for column in sorted({*absent, *told.column} - columns[table]):
        yield _stranger(f"[{table}] {column}", column, columns[table])
    for step in sorted(told.navigation):
        other, dot, lookup = step.rpartition(".")
        known = columns.get(other if dot else table, set())
        if not any(lookup == each or lookup.startswith(f"{each}_") for each in known):
            yield _stranger(f"[{table}] navigation.{step}", lookup, known)


def _stranger(subject: str, name: str, known: set[str]) -> Finding:
    return wrong(
        CHECK,
        subject,
        f"nothing reads {name}{suggestion(name, known)}",
        breaks="what the names file says of it has no effect",
        do="correct its name in the names file, or take it out",
    )
