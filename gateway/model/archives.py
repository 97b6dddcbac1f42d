"""An adopter's own archive of printed documents, which is asked before the ERP prints one."""

from collections.abc import AsyncIterable, Awaitable, Callable
from datetime import date
from enum import Enum
from inspect import iscoroutinefunction, signature
from types import FunctionType
from typing import TypeVar

from msgspec import Struct

from gateway.model.declarations import DeclarationError, named


class PaperKind(Enum):
    """
    The kinds of printed documents: INVOICE, which credit notes are too, CONFIRMATION and STATEMENT.

    Example:

        TITLES = {
            PaperKind.INVOICE: "Invoice",
            PaperKind.CONFIRMATION: "Order confirmation",
            PaperKind.STATEMENT: "Statement",
        }
    """

    INVOICE = "invoice"
    CONFIRMATION = "confirmation"
    STATEMENT = "statement"


class Paper(Struct, frozen=True):
    """
    A printed document that the caller may have, as an `archive` gets it.

    `company` is the code of the legal entity in lower case; `number` that of the invoice, the order
    or, for a statement, the account; `account` the number of the account, "" where it is not known;
    `first` and `last` are the days of a statement.

    Example:

        def file_name(paper: Paper) -> str:
            return f"{paper.company}-{paper.kind.value}-{paper.number}.pdf"
    """

    kind: PaperKind
    company: str
    number: str
    account: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def name(self) -> str:
        """The name of its file, of letters, digits, dots and dashes alone."""
        kept = (c if c.isascii() and (c.isalnum() or c in ".-") else "-" for c in self.number)
        return f"{self.kind.value}-{''.join(kept)}.pdf"


Find = Callable[[Paper], Awaitable[AsyncIterable[bytes] | None]]
F = TypeVar("F", bound=Find)
ARCHIVES: dict[str, FunctionType] = {}
"""Every declared archive, by module and name of its function."""


def archive(function: F) -> F:
    """
    Declare a function as the archive of printed documents: `async def name(paper: Paper)`.

    It returns the PDF in pieces, or None for a document that it does not have, which the ERP then
    prints if it can. It is called only for documents that the caller may have. DeclarationError for
    a second archive, and for what is not a function.

    Example:

        @archive
        async def scans(paper: Paper) -> AsyncIterator[bytes] | None:
            '''The papers that Acme keeps in a folder.'''
            folder = Path(os.environ.get("ACME_PAPERS", "/nowhere"))
            file = folder / f"{paper.company}-{paper.kind.value}-{paper.number}.pdf"
            if "/" in paper.number or not file.is_file():
                return None

            async def pieces() -> AsyncIterator[bytes]:
                with file.open("rb") as opened:
                    while piece := opened.read(65_536):
                        yield piece

            return pieces()
    """
    if not isinstance(function, FunctionType):
        raise DeclarationError(f"{function!r} is not a function")
    if not iscoroutinefunction(function) or len(signature(function).parameters) != 1:
        said = f"`async def {function.__name__}(paper: Paper)`, which returns the pieces or None"
        raise DeclarationError(f"{named(function)} must be declared as {said}")
    ARCHIVES[named(function)] = function
    return function
