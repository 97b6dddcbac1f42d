"""Lists as CSV files for spreadsheets, while they are being read."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from portal.pages.orders import asked
from portal.visits import Visit

PAGE: Final = 100
COLUMNS: Final = (
    "number",
    "status",
    "placedAt",
    "customerReference",
    "requisitionNumber",
    "requestedReceiptDate",
    "confirmedReceiptDate",
    "total",
    "currency",
    "account",
    "orderedBy",
)


async def orders(visit: Visit) -> Response:
    """All orders that the address asks for; the first page before anything is sent."""
    first = await _page(visit, None)
    headers = {"Content-Disposition": 'attachment; filename="orders.csv"'}
    return StreamingResponse(_lines(visit, first), media_type="text/csv", headers=headers)


async def _lines(visit: Visit, page: dict[str, Any]) -> AsyncIterator[str]:
    yield "\ufeff" + line(COLUMNS)
    while True:
        for order in page["nodes"]:
            yield line(_cells(order))
        if not page["pageInfo"]["hasNextPage"]:
            return
        page = await _page(visit, page["pageInfo"]["endCursor"])


async def _page(visit: Visit, after: str | None) -> dict[str, Any]:
    found = await visit.ask("orders", "Orders", **await asked(visit), first=PAGE, after=after)
    page: dict[str, Any] = found["orders"]
    return page


def _cells(order: dict[str, Any]) -> list[Any]:
    total = order["total"] or {}
    plain = [order[name] for name in COLUMNS[:7]]
    account, contact = order["account"] or {}, order["contact"] or {}
    return [
        *plain,
        total.get("amount"),
        total.get("currency"),
        account.get("name"),
        contact.get("name"),
    ]


def line(cells: Iterable[Any]) -> str:
    """One line; a cell that a spreadsheet would run as a formula becomes text."""
    out = io.StringIO()
    csv.writer(out).writerow(_harmless(cell) for cell in cells)
    return out.getvalue()


def _harmless(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
