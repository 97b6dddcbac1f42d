"""The names that people give to columns, in English and in Dutch -> the columns of an order."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

NUMBER: Final = "number"
ITEM_NUMBER: Final = "itemNumber"
CUSTOMER_ITEM_NUMBER: Final = "customerItemNumber"
QUANTITY: Final = "quantity"
UNIT: Final = "unit"
DAY: Final = "requestedShippingDate"
NOTE: Final = "note"

WORDS: Final[Mapping[str, str]] = {
    NUMBER: """
        number sku partnumber partno productnumber productno productnr productcode productid
        articlenumber articleno articlenr articlecode articleid
        artikelnummer artikelnr artikelno artikelcode artnr artno productnummer
        bestelnummer bestelnr bestelcode
    """,
    ITEM_NUMBER: "itemnumber itemno itemnr itemcode itemid itemnummer",
    CUSTOMER_ITEM_NUMBER: """
        customeritemnumber customeritemno customerpartnumber customerproductnumber customersku
        externalitemnumber yournumber ownnumber ownitemnumber
        klantartikelnummer eigennummer eigenartikelnummer uwnummer uwartikelnummer
    """,
    QUANTITY: """
        quantity quantities qty quantityordered orderedquantity orderquantity orderqty qtyordered
        aantal aantallen hoeveelheid aantalstuks bestelaantal aantalbesteld besteldaantal
        tebestellen bestelhoeveelheid
    """,
    UNIT: """
        unit uom unitofmeasure unitsymbol orderunit salesunit
        eenheid meeteenheid besteleenheid verkoopeenheid
    """,
    DAY: """
        requestedshippingdate requestedshipdate shippingdate shipdate shipon
        gewensteverzenddatum verzenddatum verzendenop
    """,
    NOTE: """
        note notes remark remarks comment comments
        opmerking opmerkingen notitie notities toelichting bijzonderheden
    """,
}
"""The names of each column, in lower case and without anything but letters."""
VAGUE: Final[Mapping[str, str]] = {
    NUMBER: "no nr nummer code product article artikel part item",
    QUANTITY: "count pieces pcs stuks besteld ordered",
    UNIT: "units eenheden",
}
"""Names that count only where no other column has a clearer one."""
CLEAR: Final = {word: name for name, words in WORDS.items() for word in words.split()}
UNCLEAR: Final = {word: name for name, words in VAGUE.items() for word in words.split()}
NUMBERS: Final = frozenset({NUMBER, ITEM_NUMBER, CUSTOMER_ITEM_NUMBER})
"""The columns of which one names the product."""
AT: Final = (NUMBER, QUANTITY, NOTE)
"""The columns of a list that does not name them."""


def word_of(name: str) -> str:
    """The name of a column as names are compared: in lower case, letters and digits alone."""
    return re.sub(r"\(.*\)|[\W_]", "", name.casefold())


def named(row: Sequence[str], further: Iterable[str] = ()) -> dict[int, str]:
    """
    The columns that the cells of a row name, by the places of the cells.

    `further` columns go by their own names, which come before ours.
    """
    clear = CLEAR | {word_of(name): name for name in further}
    words = [word_of(cell) for cell in row]
    found = {place: clear[word] for place, word in enumerate(words) if word in clear}
    taken = {*found.values()}
    if taken & NUMBERS:
        taken.add(NUMBER)
    vague = {
        place: UNCLEAR[word]
        for place, word in enumerate(words)
        if word in UNCLEAR and UNCLEAR[word] not in taken
    }
    return dict(sorted((found | vague).items()))


def is_heading(names: Mapping[int, str]) -> bool:
    """True if lines can be made of these columns."""
    return QUANTITY in names.values() and not NUMBERS.isdisjoint(names.values())
