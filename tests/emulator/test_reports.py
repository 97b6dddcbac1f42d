"""The ERP prints its documents: `RunCopilotReport` answers with files that PDF readers accept."""

import base64
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.faults.actions import Large
from emulator.printing import LINES, pdf
from emulator.settings import SMALL
from tests.emulator.trade import Trade, trading

pytestmark = pytest.mark.anyio
ACTION = "/data/SrsFinanceCopilots/Microsoft.Dynamics.DataEntities.RunCopilotReport"


@pytest.fixture(scope="module")
async def trade() -> AsyncIterator[Trade]:
    async with trading(world=SMALL) as found:
        yield found


async def printed(trade: Trade, value: str, **changes: Any) -> httpx2.Response:
    document = {
        "DataTableName": "CustInvoiceJour",
        "DataTableFieldName": "InvoiceId",
        "DataTableFieldValue": value,
    }
    asked = {
        "_contractName": "SrsCopilotArgsContract",
        "_controllerName": "SalesInvoiceController",
        "_legalEntityName": "USMF",
        "_reportParameterJson": "{}",
        "_controllerArgsJson": json.dumps(document | changes.pop("document", {})),
    }
    return await trade.ask("POST", ACTION, asked | changes)


async def invoices(trade: Trade, condition: str) -> list[dict[str, Any]]:
    path = f"/data/CustInvoiceJourBiEntities?cross-company=true&$top=1&$filter={condition}"
    rows: list[dict[str, Any]] = (await trade.ask("GET", path)).json()["value"]
    return rows


def checked(content: bytes) -> None:
    """Every offset leads to its object; readers that are installed agree."""
    start = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert content[start:].startswith(b"xref\n")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n ", content[start:]), 1):
        assert content[int(offset) :].startswith(b"%d 0 obj\n" % number)
    for length, body in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", content, re.S):
        assert int(length) == len(body)


def read(content: bytes, file: Path) -> None:
    """Let two readers have a look; `scripts/install --browser` installs them."""
    file.write_bytes(content)
    for reader, *arguments in (("qpdf", "--check"), ("pdfinfo",)):
        subprocess.run([reader, *arguments, str(file)], check=True, capture_output=True)


async def test_an_invoice_is_printed(trade: Trade, tmp_path: Path) -> None:
    (row,) = await invoices(trade, "dataAreaId eq 'usmf' and SalesId ne ''")

    answer = await printed(trade, row["InvoiceId"])

    content = base64.b64decode(answer.json()["value"])
    checked(content)
    assert f"Invoice {row['InvoiceId']}".encode() in content
    assert f"{row['InvoiceAmount']:.2f}".encode() in content
    read(content, tmp_path / "invoice.pdf")


async def test_a_statement_has_every_transaction_of_its_account(
    trade: Trade, tmp_path: Path
) -> None:
    (row,) = await invoices(trade, "dataAreaId eq 'usmf' and SalesId ne ''")
    account = {
        "DataTableName": "CustTable",
        "DataTableFieldName": "ACCOUNTNUM",
        "DataTableFieldValue": row["InvoiceAccount"],
    }

    answer = await printed(
        trade,
        row["InvoiceId"],
        _controllerName="CustAccountStatementExtController",
        document=account,
    )

    content = base64.b64decode(answer.json()["value"])
    checked(content)
    assert f"Statement of account {row['InvoiceAccount']}".encode() in content
    assert row["InvoiceId"].encode() in content
    read(content, tmp_path / "statement.pdf")


async def test_a_document_may_be_of_any_size(trade: Trade, tmp_path: Path) -> None:
    (row,) = await invoices(trade, "dataAreaId eq 'usmf' and SalesId ne ''")
    usual = base64.b64decode((await printed(trade, row["InvoiceId"])).json()["value"])
    trade.app.state.faults.add(Large(1_000_000), set="SrsFinanceCopilots", times=1)

    content = base64.b64decode((await printed(trade, row["InvoiceId"])).json()["value"])

    assert content.startswith(usual)
    assert len(content) > len(usual) + 1_000_000
    read(content, tmp_path / "large.pdf")


async def test_credit_notes_and_confirmations_are_printed(trade: Trade) -> None:
    (row,) = await invoices(trade, "dataAreaId eq 'usmf' and InvoiceAmount lt 0")
    order = await trade.order(3)
    confirmation = {
        "DataTableName": "CustConfirmJour",
        "DataTableFieldName": "SalesId",
    }

    note = await printed(trade, row["InvoiceId"], _controllerName="FreeTextInvoiceController")
    confirmed = await printed(
        trade,
        order["msdyn_salesordernumber"],
        _controllerName="SalesConfirmController",
        document=confirmation,
    )

    for answer, title in ((note, b"Credit note"), (confirmed, b"Order confirmation")):
        content = base64.b64decode(answer.json()["value"])
        checked(content)
        assert title in content


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_legalEntityName": "DEMF"}, 404),
        ({"_controllerName": "NoController"}, 400),
        ({"_controllerArgsJson": "no json"}, 400),
        ({"_controllerArgsJson": "{}"}, 400),
    ],
)
async def test_what_cannot_be_printed_is_refused(
    trade: Trade, changes: dict[str, str], status: int
) -> None:
    (row,) = await invoices(trade, "dataAreaId eq 'usmf'")

    answer = await printed(trade, row["InvoiceId"], **changes)

    assert answer.status_code == status
    assert "value" not in answer.json()


@given(st.lists(st.text(max_size=80), max_size=3 * LINES))
def test_whatever_is_printed_is_a_valid_file(lines: list[str]) -> None:
    content = pdf(lines)

    checked(content)
    assert content.count(b"/Type /Page ") == max(1, -(-len(lines) // LINES))
