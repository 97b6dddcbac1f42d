"""
A link that was followed -> the document behind it: the row is read again under its row rule, then
the document comes from the adopter's archive, or from the ERP.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
)
from typing import Any

from gateway.errors import NotFound, UpstreamMismatch
from gateway.loaders.paper_links import MISSING, LinkContent
from gateway.model.archives import Find, Paper, PaperKind
from gateway.model.tables import Row, paths
from gateway.schema import ids
from gateway.schema.business.accounts import Account
from gateway.schema.business.balances import demand_owed
from gateway.schema.business.billing import Invoice
from gateway.schema.business.ledger import PostedInvoice
from gateway.schema.business.papers import NumberedInvoice
from gateway.schema.business.sales import PRINTED, SalesOrder
from gateway.schema.context import Context
from gateway.upstream.allowance import Allowance
from gateway.upstream.reports import (
    ErpReport,
    confirmation_report,
    invoice_report,
    statement_report,
)

SIGNATURE = b"%PDF-"
"""With what a PDF begins."""
Print = Callable[[ErpReport, Allowance], AsyncIterator[bytes]]
Settled = tuple[Paper, ErpReport]
"""A document that is the caller's, and the report that prints it."""
COMPANY, NUMBER = map(NumberedInvoice.__table__.scalar_of, ("company", "number"))


async def settled(context: Context, linked: LinkContent) -> Settled:
    """The document of a row, which is read for this caller. NotFound, Forbidden where it cannot."""
    table, key = ids.decode(linked.id)
    select, settle = KINDS[table.cls]
    context.principal.show(table.name, "document")
    row = await context.loaders.node(table.cls, key, select)
    if row is None:
        raise NotFound(MISSING)
    return await settle(context, row, linked)


async def pieces_of(
    found: Settled, archive: Find | None, printed: Print, allowance: Allowance
) -> AsyncGenerator[bytes, None]:
    """The document in pieces, of which the first shows that it is one. GatewayError before it."""
    paper, report = found
    kept = await archive(paper) if archive else None
    head = b""
    async for piece in _closed(kept if kept is not None else printed(report, allowance)):
        if len(head) < len(SIGNATURE):
            head += piece
            if len(head) < len(SIGNATURE):
                continue
            if not head.startswith(SIGNATURE):
                raise UpstreamMismatch("The document is no PDF.")
            yield head
        else:
            yield piece
    if len(head) < len(SIGNATURE):
        raise UpstreamMismatch("The document is empty.")


async def _closed(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The pieces; what makes them is closed with this."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        if (close := getattr(pieces, "aclose", None)) is not None:
            await close()


async def _invoice(context: Context, row: Any, linked: LinkContent) -> Settled:
    return await _billed(context, row._payer_company, row._payer, row.number)


async def _posted(context: Context, row: Any, linked: LinkContent) -> Settled:
    return await _billed(context, row.company, row._account_number, row.number)


async def _billed(
    context: Context, company: str | None, account: str | None, number: str | None
) -> Settled:
    """
    An invoice by its number. The ERP prints by that alone, and may have given it twice: there is
    nothing to print unless each invoice of this number is of the same account.
    """
    if not company or not account or not number:
        raise NotFound(MISSING)
    on = {COMPANY: company, NUMBER: number}
    entries = await context.loaders.matching(NumberedInvoice, on, paths(NumberedInvoice))
    if not entries or not _are_all(account, (each.account for each in entries)):
        raise NotFound(MISSING)
    ordered = any(each.order for each in entries)
    report = invoice_report(company, number, ordered=ordered)
    return Paper(PaperKind.INVOICE, company.lower(), number, account), report


def _are_all(account: str, accounts: Iterable[str | None]) -> bool:
    return all((each or "").casefold() == account.casefold() for each in accounts)


async def _confirmation(context: Context, row: Any, linked: LinkContent) -> Settled:
    if row.status not in PRINTED or not row.company or not row.number:
        raise NotFound(MISSING)
    report = confirmation_report(row.company, row.number)
    return Paper(PaperKind.CONFIRMATION, row.company.lower(), row.number), report


async def _statement(context: Context, row: Any, linked: LinkContent) -> Settled:
    if not row.company or not row.number:
        raise NotFound(MISSING)
    demand_owed(context.loaders, row.company, row.number)
    report = statement_report(row.company, row.number)
    company, days = row.company.lower(), (linked.first, linked.last)
    return Paper(PaperKind.STATEMENT, company, row.number, row.number, *days), report


KINDS: Mapping[
    type[Row], tuple[frozenset[str], Callable[[Context, Any, LinkContent], Awaitable[Settled]]]
] = {
    Invoice: (paths(Invoice, "number", "_payer_company", "_payer"), _invoice),
    PostedInvoice: (paths(PostedInvoice, "number", "company", "_account_number"), _posted),
    SalesOrder: (paths(SalesOrder, "number", "company", "status"), _confirmation),
    Account: (paths(Account, "number", "company"), _statement),
}
"""The rows that have documents: the columns that name one, and how it is settled which."""
