"""A quote ends as won by an action, where it is active."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.emulator.trade import Trade, trading

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trade() -> AsyncIterator[Trade]:
    async with trading() as found:
        yield found


async def quote_that_is(trade: Trade, state: int) -> str:
    (row,) = await trade.rows(f"quotes?$select=quoteid&$filter=statecode eq {state}&$top=1")
    return str(row["quoteid"])


def closing(address: str, status: Any = 4) -> dict[str, Any]:
    kind = "Microsoft.Dynamics.CRM.quoteclose"
    close = {"@odata.type": kind, "subject": "Accepted", "quoteid@odata.bind": address}
    return {"Status": status, "QuoteClose": close}


async def test_an_active_quote_is_won(trade: Trade) -> None:
    key = await quote_that_is(trade, 1)
    before = (await trade.ask("GET", f"quotes({key})")).json()

    answer = await trade.ask("POST", "WinQuote", closing(f"/quotes({key})"))
    after = (await trade.ask("GET", f"quotes({key})")).json()

    assert answer.status_code == 204
    assert (after["statecode"], after["statuscode"]) == (2, 4)
    assert after["@odata.etag"] != before["@odata.etag"]


@pytest.mark.parametrize("state", [0, 2, 3])
async def test_no_other_quote_is(trade: Trade, state: int) -> None:
    key = await quote_that_is(trade, state)

    answer = await trade.ask("POST", "WinQuote", closing(f"/quotes({key})"))

    assert answer.status_code == 400
    assert (await trade.ask("GET", f"quotes({key})")).json()["statecode"] == state


async def test_what_is_no_end_of_a_quote_is_refused(trade: Trade) -> None:
    key = await quote_that_is(trade, 1)
    account = trade.account["accountid"]

    for body in (
        {},
        {"Status": 4},
        {"QuoteClose": closing(f"/quotes({key})")["QuoteClose"]},
        closing(f"/quotes({key})", 5),
        closing(f"/accounts({account})"),
        closing("/quotes(00000000-0000-0000-0000-000000000001)"),
        closing("nonsense"),
    ):
        assert 400 <= (await trade.ask("POST", "WinQuote", body)).status_code < 500, body
    assert (await trade.ask("GET", f"quotes({key})")).json()["statecode"] == 1
