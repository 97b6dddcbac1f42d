"""The doctor's visit: step after step, everything that is found, and what it comes to."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct, field

from gateway.doctor import (
    data,
    dual_write,
    keys_check,
    names_check,
    pool_check,
    privileges,
    signing_in,
    surroundings,
    trial_order,
    trying,
    unread_names,
)
from gateway.doctor.findings import Finding, Status
from gateway.doctor.full_metadata import Described, describe
from gateway.doctor.looking import CheckResult, Looking
from gateway.metadata.overrides import Override
from gateway.model.tables import ServiceName


class Report(Struct):
    """The result of a visit."""

    findings: list[Finding] = []
    overrides: dict[str, Override] = {}
    """The contents that the names file should have, as far as that is sure."""
    described: Described = field(default_factory=Described)
    dumped: dict[str, list[dict[str, Any]]] = {}
    """Rows of Dataverse that go with the description."""
    out_of_reach: tuple[ServiceName, ...] = ()
    """The services that did not let the gateway in: nothing more was asked of them."""

    @property
    def is_wrong(self) -> bool:
        return any(each.status is Status.WRONG for each in self.findings)

    @property
    def could_look(self) -> bool:
        """True if any service answered anything."""
        return any(
            each.status is Status.OK and each.check != surroundings.CHECK for each in self.findings
        )

    @property
    def dump(self) -> dict[str, Any]:
        """Everything learned of the environment, without a row of anybody's."""
        definitions = list(self.described.definitions.values())
        return {
            "dataverse": {"EntityDefinitions": definitions, **self.dumped},
            "finops": {"PublicEntities": list(self.described.public.values())},
        }


async def examine(looking: Looking, *, write: bool) -> Report:
    """All steps at the services within reach; `write` tries an order of which nothing remains."""
    report = Report(overrides=dict(looking.overrides))
    looking.say("signing in")
    _add(report, await signing_in.check(looking))
    if not report.could_look:
        return report
    _add(report, unread_names.check(looking))
    looking = looking.without(report.out_of_reach)
    looking.say("reading the metadata")
    report.described = await describe(looking)
    _add(report, names_check.check(looking, report.described))
    looking.say("asking one real query for each table")
    _add(report, await trying.check(looking))
    if "dataverse" in report.out_of_reach:
        return report
    _add(report, keys_check.check(report.described))
    _add(report, await privileges.check(looking, report.described))
    _add(report, await pool_check.check(looking))
    for label, check in STEPS.items():
        looking.say(label)
        _add(report, await check(looking))
    if write:
        looking.say("trying an order of which nothing remains")
        _add(report, await trial_order.check(looking))
    return report


STEPS: Mapping[str, Callable[[Looking], Awaitable[CheckResult]]] = {
    "looking at the running dual-write maps": dual_write.check,
    "looking for rows that will hurt": data.check,
}
"""The steps that ask Dataverse alone."""


def _add(report: Report, outcome: CheckResult) -> None:
    report.findings += outcome.findings
    report.overrides |= outcome.overrides
    report.dumped |= outcome.dumped
    report.out_of_reach += outcome.out_of_reach
