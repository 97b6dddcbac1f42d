"""The columns of currencies and of rows with amounts that no member shows: checks of orders ask."""

from gateway.model.tables import column_of
from gateway.schema.business.sales import SalesOrder
from gateway.schema.business.values import CURRENCY as CODE_OF_ROW

CURRENCIES = "transactioncurrency"
KEY = "transactioncurrencyid"
CODE = "isocurrencycode"
DECIMALS = "currencyprecision"
RATE = "exchangerate"
"""The amount of the currency that is one unit of the organization's own; rows keep the rate that
they were made at."""
OF_ROW = (
    column_of(SalesOrder, "_currency_id"),
    CODE_OF_ROW,
    f"{KEY}/{DECIMALS}",
    f"{KEY}/{RATE}",
)
"""The columns of any row with amounts that tell its currency: id, code, decimals, rate of today."""
TOTAL_IN_OWN = "totalamount_base"
"""The total of an order in the organization's own currency."""
