"""
An order that is never made: a change set whose last part must fail, so that nothing remains of it.
What Dynamics says of the parts before tells whether an order could be placed.
"""

from uuid import UUID, uuid4

from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.looking import CheckResult, Looking, words
from gateway.errors import UpstreamError, UpstreamRefused
from gateway.model.tables import Row, paths
from gateway.schema.business.accounts import Account
from gateway.schema.business.catalog import Product
from gateway.schema.business.sales import ITEM_BASED, SalesOrder
from gateway.upstream.conditions import All, Compare, Condition, Not
from gateway.upstream.names import NestedRows, Reference, lookup_value
from gateway.upstream.odata import ODataQuery
from gateway.upstream.row_writes import Write

CHECK = "write"
NO_ROW = "0x80040217"
"""The code for a row that does not exist: what the last part of the change set must bring."""


async def check(looking: Looking) -> CheckResult:
    """Try to create an order with one line inside a change set that is made to fail."""
    try:
        finding = await _tried(looking)
    except UpstreamError as error:
        finding = unknown(CHECK, "an order", words(error))
    return CheckResult([finding])


async def _tried(looking: Looking) -> Finding:
    account = await _some(looking, Account, _filled("msdyn_company", "defaultpricelevelid"))
    product = await _some(looking, Product, _filled("defaultuomid"))
    if account is None or product is None:
        lacks = "an account with company and price list, and a product with a unit"
        return unknown(CHECK, "an order", f"there is not {lacks} to try with")
    order = uuid4()
    changes = [
        Write("POST", "salesorder", _order(order, Account(account), Product(product))),
        Write("PATCH", "salesorder", {"name": "doctor"}, "*", key=UUID(int=1)),
    ]
    try:
        await looking.services["dataverse"].write(changes, looking.allowance(130.0))
    except UpstreamRefused as error:
        return await _judged(looking, order, error)
    return wrong(
        CHECK,
        "an order",
        f"the change set was not refused; delete the order {order} by hand",
        breaks="changes of orders are not made as a whole",
        do="report this as a defect, with the version of the environment",
    )


async def _judged(looking: Looking, order: UUID, error: UpstreamRefused) -> Finding:
    made = ODataQuery("salesorder", ("salesorderid",), Compare("salesorderid", "eq", order), top=1)
    if (await looking.services["dataverse"].fetch(made, looking.allowance())).rows:
        return wrong(
            CHECK,
            "an order",
            f"a part of a refused change set remains; delete the order {order} by hand",
            breaks="changes of orders are not made as a whole",
            do="report this as a defect, with the version of the environment",
        )
    if error.details["reason"] == NO_ROW:
        return ok(CHECK, "an order", "it could be placed; nothing remains of the trial")
    return wrong(
        CHECK,
        "an order",
        words(error),
        breaks="no order can be placed",
        do="see the findings of the names and of the privileges; a plug-in's words name the rest",
    )


def _order(key: UUID, account: Account, product: Product) -> dict[str, object]:
    buyer = Reference("account", account._id)
    line = {
        "productid": Reference("product", product._id),
        "uomid": _to("uom", product._unit_id),
        "quantity": 1,
        "sequencenumber": 1,
    }
    return {
        "salesorderid": str(key),
        "name": "doctor",
        SalesOrder.__table__.scalar_of("_order_type"): ITEM_BASED,
        "customerid_account": buyer,
        "msdyn_invoicecustomerid_account": buyer,
        "msdyn_company": _to("cdm_company", account._company_id),
        "transactioncurrencyid": _to("transactioncurrency", account._currency_id),
        "pricelevelid": _to("pricelevel", account._price_list_id),
        "shipto_country": account._country,
        "salesorderdetail.salesorderid": NestedRows((line,)),
    }


def _to(entity: str, key: UUID | None) -> Reference | None:
    return None if key is None else Reference(entity, key)


def _filled(*lookups: str) -> Condition:
    empty = [Compare(lookup_value(name), "eq", None) for name in lookups]
    return All((Compare("statecode", "eq", 0), *map(Not, empty)))


async def _some(looking: Looking, cls: type[Row], where: Condition) -> dict[str, object] | None:
    members = [name for name in cls.__table__.specs if name.startswith("_")]
    select = tuple(sorted(paths(cls, *members)))
    query = ODataQuery(cls.__table__.entity, select, where, top=1)
    page = await looking.services["dataverse"].fetch(query, looking.allowance())
    return page.rows[0] if page.rows else None
