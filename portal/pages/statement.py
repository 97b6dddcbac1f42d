"""The statement of an account: what is open and since when, and what came and went in a period."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from starlette.responses import Response

from portal.errors import BadLink, NotFound, Unavailable
from portal.lists import day as typed_day
from portal.lists import mistakes
from portal.pages.exports import Columns, attachment, csv_lines, day, number, text, word
from portal.visits import Visit
from portal.words import N_

MOST: Final = 100
"""Entries that the page shows of a currency, the latest; the file has all."""
PERIOD: Final = timedelta(days=90)
"""The days before today of which a statement tells unless it is asked for others."""
YEAR: Final = timedelta(days=365)
"""The days before today of which the page offers to show the spend."""
COLUMNS: Final[Columns] = {
    N_("Day"): day("postedOn"),
    N_("Kind"): word("transaction", "kind"),
    N_("Invoice"): text("invoiceNumber"),
    N_("Description"): text("description"),
    N_("Due on"): day("dueOn"),
    N_("Amount"): number("amount.amount"),
    N_("Balance"): number("balance.amount"),
    N_("Currency"): text("amount.currency"),
}


async def statement(visit: Visit) -> Response:
    account = _account(visit)
    if account is None:
        return visit.go("/accounts")
    if wrong := mistakes(visit.query):
        return _shown(visit, {"account": None, "statement": None}, wrong, status=422)
    return _shown(visit, await _found(visit, account), {})


async def download(visit: Visit) -> Response:
    """The entries of the period as a CSV file."""
    found = await _found(visit, asked_of(visit)["account"])
    if found["statement"] is None:
        raise Unavailable("statement")
    return Response(
        "".join(_written(visit, found["statement"])),
        media_type="text/csv",
        headers=attachment("statement"),
    )


def _account(visit: Visit) -> str | None:
    if not visit.has("Account.balance"):
        raise NotFound
    return visit.query.get("id") or (visit.account or {}).get("id")


def asked_of(visit: Visit) -> dict[str, str]:
    """The account and the period that the address asks for."""
    account = _account(visit)
    if mistakes(visit.query) or account is None:
        raise BadLink
    return _variables(visit, account)


def _variables(visit: Visit, account: str) -> dict[str, str]:
    first, last = _period(visit)
    return {"account": account, "from": first.isoformat(), "to": last.isoformat()}


async def _found(visit: Visit, account: str) -> dict[str, Any]:
    asked = _variables(visit, account)
    found = await visit.ask("statement", "Statement", **asked)
    if found["account"] is None:
        raise NotFound
    return found


def _period(visit: Visit) -> tuple[date, date]:
    today = visit.language.today()
    last = typed_day(visit.query.get("until")) or today
    first = typed_day(visit.query.get("since")) or min(last, today) - PERIOD
    return (first, last) if first <= last else (last, first)


def _shown(
    visit: Visit, found: dict[str, Any], wrong: dict[str, str], status: int = 200
) -> Response:
    first, last = _period(visit)
    return visit.render(
        "statement.html",
        status=status,
        mistakes=wrong,
        account=found["account"],
        statements=None if found["statement"] is None else [*map(_latest, found["statement"])],
        since=first.isoformat(),
        year=(visit.language.today() - YEAR).isoformat(),
        until=last.isoformat(),
    )


def _latest(statement: dict[str, Any]) -> dict[str, Any]:
    """The latest entries, behind what was owed before them."""
    entries = statement["entries"]
    left_out = max(len(entries) - MOST, 0)
    opening = entries[left_out - 1]["balance"] if left_out else statement["opening"]
    return {
        **statement,
        "entries": entries[left_out:],
        "opening": opening,
        "left_out": left_out,
        "spend": _with_bars(statement["spend"]),
    }


def _with_bars(months: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The months with the length of their bars, in hundredths of the longest."""
    most = max((Decimal(each["amount"]["amount"]) for each in months), default=Decimal())
    return [
        {**each, "bar": max(int(Decimal(each["amount"]["amount"]) / most * 100), 0) if most else 0}
        for each in months
    ]


def _written(visit: Visit, statements: list[dict[str, Any]]) -> Iterator[str]:
    lines = csv_lines(visit, COLUMNS)
    yield lines.heading()
    for each in statements:
        yield from map(lines.of, each["entries"])
