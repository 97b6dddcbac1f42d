"""The conditions for safe orders: two columns of ours, an active key, optimistic concurrency."""

from collections.abc import Iterator

from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.full_metadata import Described
from gateway.doctor.looking import CheckResult
from gateway.schema.business.sales import FINGERPRINT, KEY, SalesOrder

CHECK = "keys"


def check(described: Described) -> CheckResult:
    """The alternate key of orders, and whether orders take `If-Match`."""
    return CheckResult(list(_findings(described)))


def _findings(described: Described) -> Iterator[Finding]:
    entity = SalesOrder.__table__.entity
    found = described.entities.get(entity)
    if found is None:
        yield unknown(CHECK, entity, "the table is not described")
        return
    yield _key(entity, {key.columns: key.status for key in found.keys}.get((KEY,)))
    match found.concurrency:
        case True:
            yield ok(CHECK, f"{entity}: optimistic concurrency", "it is on")
        case False:
            yield wrong(
                CHECK,
                f"{entity}: optimistic concurrency",
                "it is off",
                breaks="two people who change one order at the same time overwrite each other",
                do=f"switch IsOptimisticConcurrencyEnabled of {entity} on",
            )
        case None:
            yield unknown(CHECK, f"{entity}: optimistic concurrency", "it is not told")


def _key(entity: str, status: str | None) -> Finding:
    subject = f"{entity}: alternate key of {KEY}"
    breaks = "no order can be placed while GATEWAY_ORDER_KEYS is on"
    if status is None:
        do = (
            f"add the text columns {KEY} (100) and {FINGERPRINT} (100) to {entity}, "
            f"and an alternate key of {KEY} alone"
        )
        return wrong(CHECK, subject, "there is no such key", breaks=breaks, do=do)
    if status != "Active":
        do = f"reactivate the key of {KEY}; while it is pending, wait"
        return wrong(CHECK, subject, f"its index is {status}", breaks=breaks, do=do)
    return ok(CHECK, subject, "its index is active")
