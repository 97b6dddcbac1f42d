"""Rows that will hurt: what orders need and callers lack, and what several companies share."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable

from dynamics import dictionary
from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.looking import CheckResult, Looking, words
from gateway.errors import UpstreamError
from gateway.model.tables import Row, paths
from gateway.schema.business.accounts import Account, ActiveState
from gateway.schema.business.catalog import Product
from gateway.schema.business.sales import SalesOrder
from gateway.upstream.conditions import EVERYTHING, Compare, Condition
from gateway.upstream.odata import ODataQuery, Order

CHECK = "data"
LOOKED_AT = 5_000
"""Rows of a table that are looked at: enough to see a habit."""
SHOWN = 5


async def check(looking: Looking) -> CheckResult:
    """Look at the newest rows of the environment for values that will hurt."""
    found: list[Finding] = []
    for part in (_accounts(looking), _products(looking), _orders(looking)):
        try:
            found += [finding async for finding in part]
        except UpstreamError as error:
            found.append(unknown(CHECK, "rows", words(error)))
    return CheckResult(found)


async def _accounts(looking: Looking) -> AsyncIterator[Finding]:
    members = ("_id", "number", "company", "_price_list_id", "_currency_id", "_country")
    state: object = ActiveState.ACTIVE.value
    active = Compare(Account.__table__.scalar_of("state"), "eq", state)  # type: ignore[arg-type]
    rows = [Account(raw) for raw in await _rows(looking, Account, members, active)]
    lacking = {
        "company": [row for row in rows if row.company is None],
        "price list": [row for row in rows if row._price_list_id is None],
        "currency": [row for row in rows if row._currency_id is None],
    }
    for what, mine in lacking.items():
        subject = f"accounts without a {what}"
        if not mine:
            yield ok(CHECK, subject, f"none of {len(rows)}")
            continue
        some = ", ".join(str(row.number or row._id) for row in mine[:SHOWN])
        yield wrong(
            CHECK,
            subject,
            f"{len(mine)} of {len(rows)}: {some}",
            breaks="their people cannot order: MISSING_DEFAULT, unless the contact has one",
            do=f"fill in the {what} of these accounts, or of their contacts",
        )
    yield _countries({row._country for row in rows if row._country})


def _countries(used: set[str]) -> Finding:
    """The countries in use that the value map of orders does not know."""
    known = {name.casefold() for name in mapped_countries()}
    strange = sorted(country for country in used if country.casefold() not in known)
    if not strange:
        return ok(CHECK, "countries", f"all {len(used)} in use have a mapped value")
    return wrong(
        CHECK,
        "countries without a mapped value",
        ", ".join(strange[:20]),
        breaks="dual-write has no value for them: the order is refused, or arrives without a "
        "country",
        do="spell them as the value map of the running map does, or add them to it",
    )


def mapped_countries() -> tuple[str, ...]:
    """The countries that the value map of the header's map comes with, as Dataverse spells them."""
    for line in dictionary.maps():
        of_orders = line.entity_set == "salesorders" and line.column == "shipto_country"
        if of_orders and "=" in line.transform:
            pairs = line.transform.rpartition(":")[2].split("|")
            return tuple(pair.partition("=")[2].strip() for pair in pairs)
    return ()


async def _products(looking: Looking) -> AsyncIterator[Finding]:
    rows = [Product(raw) for raw in await _rows(looking, Product, ("number",))]
    several = Counter(row.number for row in rows if row.number)
    shared = sorted(number for number, times in several.items() if times > 1)
    if not shared:
        yield ok(CHECK, "product numbers", "each stands for one product")
        return
    yield unknown(
        CHECK,
        "one product number in several companies",
        f"{len(shared)} numbers: {', '.join(shared[:SHOWN])}",
        breaks="a number alone is ambiguous for callers who buy from several of the companies",
        do="nothing for callers of one company; others choose an account (X-Account)",
    )


async def _orders(looking: Looking) -> AsyncIterator[Finding]:
    """Look for an order number that two orders of one company share."""
    rows = [SalesOrder(raw) for raw in await _rows(looking, SalesOrder, ("number", "company"))]
    numbers = Counter(
        ((row.company or "").lower(), row.number.upper()) for row in rows if row.number
    )
    twice = sorted(f"{company} {number}" for (company, number), n in numbers.items() if n > 1)
    if twice:
        yield wrong(
            CHECK,
            "order numbers that stand for two orders",
            ", ".join(twice[:SHOWN]),
            breaks="delivered quantities and sync states of these orders are mixed up",
            do="give the number sequences of Dataverse and Finance & Operations different prefixes",
        )
    else:
        yield ok(CHECK, "order numbers", f"{len(rows)} orders, no number twice in a company")


async def _rows(
    looking: Looking, cls: type[Row], members: Iterable[str], where: Condition = EVERYTHING
) -> list[dict[str, object]]:
    table = cls.__table__
    newest = (Order("createdon", descending=True),)
    select = tuple(sorted(paths(cls, *members)))
    query = ODataQuery(table.entity, select, where, newest, top=LOOKED_AT)
    page = await looking.services[table.service].fetch(query, looking.allowance(60.0))
    rows: list[dict[str, object]] = page.rows
    return rows
