"""The action that closes an active quote as won. The activity that it makes is not kept."""

from typing import Final

from emulator.dataverse.row_urls import References
from emulator.errors import BadPayload, MissingValue, Refusal
from emulator.exchange import Answer
from emulator.store import Store
from emulator.values import Row

ACTIVE, WON = 1, 2
WON_REASON: Final = 4
"""`quote.statuscode` of a quote that is won; -1 asks for it too."""
NOT_ACTIVE: Final = "The quote cannot be closed because it is not in the correct state."


def win(store: Store, references: References, json: Row) -> Answer:
    """Close the quote that `QuoteClose` names: `Status` must be a reason of the state Won."""
    close = json.get("QuoteClose")
    if not isinstance(close, dict) or "Status" not in json:
        raise MissingValue("WinQuote needs a QuoteClose and a Status.")
    if json["Status"] not in (WON_REASON, -1):
        raise BadPayload(f"{json['Status']} is not a valid status code for state code Won.")
    table, quote = references.find(str(close.get("quoteid@odata.bind", "")))
    if table.name != "quote":
        raise BadPayload("A QuoteClose names a quote.")
    if quote["statecode"] != ACTIVE:
        raise Refusal(NOT_ACTIVE, code="0x80048408")
    with store.transaction() as tx:
        tx.update(table, quote, {"statecode": WON, "statuscode": WON_REASON})
    return Answer(204)
