"""
Printed documents: the links by which callers get them, and the rows of the ERP by which it is
settled that a document is the caller's.
"""

from datetime import date, datetime

import strawberry

from gateway.loaders.rows import Loaders
from gateway.model.rules import with_parent
from gateway.model.tables import Row, column, table
from gateway.schema import ids

REPORTS = "SrsFinanceCopilots"
DOC = "as a PDF; null where this environment keeps and prints none."


@strawberry.type(description="A document to download.")
class DocumentLink:
    """A link; nothing is printed before it is followed."""

    url: str = strawberry.field(
        description="The path of the document, below the address of the gateway. Ask for it with "
        "the same Authorization header; it is good for one download."
    )
    expires_at: datetime = strawberry.field(description="The time from which it leads nowhere.")


@table(
    REPORTS,
    service="finops",
    key={"dataAreaId": str, "ReportMenuItemName": str},
    rows=with_parent,
    needs="invoices",
)
class PrintedReport(Row):
    """A report that the ERP prints on demand; never read, its collection has the action."""

    menu_item: str | None = column("ReportMenuItemName", "The menu item of the report.")


@table(
    "CustInvoiceJourBiEntities",
    service="finops",
    key={"dataAreaId": str, "SourceKey": int},
    rows=with_parent,
    needs="invoices",
)
class NumberedInvoice(Row):
    """An invoice by its number, which the ERP does not keep from being given twice."""

    company: str | None = column("dataAreaId", "The legal entity.")
    number: str | None = column("InvoiceId", "The number.")
    account: str | None = column("InvoiceAccount", "The account that is invoiced.")
    order: str | None = column("SalesId", "The order; empty for an invoice in free text.")


def document_of(
    loaders: Loaders, row: Row, first: date | None = None, last: date | None = None
) -> DocumentLink | None:
    """The link to the document of a row; None where there are no documents."""
    papers = loaders.papers
    if papers is None or not has_papers(loaders):
        return None
    url, expires_at = papers.made(loaders.reader.principal, ids.of(row), first, last)
    return DocumentLink(url=url, expires_at=expires_at)


def has_papers(loaders: Loaders) -> bool:
    """True if an archive has documents here, or the ERP prints them."""
    kept = loaders.papers is not None and loaders.papers.are_archived
    return kept or loaders.reader.has(PrintedReport.__table__)
