"""The requests that the tests of orders make, and how they place an order to work with."""

from typing import Any
from uuid import uuid4

from tests.stack import Answer, Stack

ORDER = """
  id version status number customerReference shipTo { city street streetNumber country }
  lines(first: 50) {
    nodes { id sequence quantity unit note product { id number } unitPrice { amount } }
  }
"""
ERRORS = """
  errors {
    __typename code message path
    ... on MissingDefault { default }
    ... on VersionConflict { currentVersion }
    ... on StatusForbids { status }
    ... on UnknownUnit { units }
    ... on OrderRefused { reason }
    ... on CreditLimitExceeded { limit { amount } ordered { amount } }
    ... on QuantityBelowMinimum { minimum }
    ... on QuantityAboveMaximum { maximum }
    ... on QuantityNotMultiple { multiple }
  }
"""


def mutation(name: str) -> str:
    """The mutation `name`, with all of its payload."""
    kind = name[0].upper() + name[1:] + "Input"
    return (
        f"mutation ($input: {kind}!) {{ {name}(input: $input) {{"
        f" status replayed operation order {{ {ORDER} }} {ERRORS} }} }}"
    )


PREVIEW = f"""mutation ($input: PreviewSalesOrderInput!) {{
  previewSalesOrder(input: $input) {{
    lines {{
      product {{ number }} quantity unitPrice {{ amount }} amount {{ amount }}
      availability {{ inStock }}
    }}
    total {{ amount currency }} complete basis {ERRORS}
  }}
}}"""
OPERATION = f"query ($id: ID!) {{ operation(id: $id) {{ status order {{ {ORDER} }} }} }}"


async def products(stack: Stack, count: int = 2, *, as_: str = "jane") -> list[dict[str, Any]]:
    """
    Products that could be bought in any quantity and had a price when the stack was first asked.
    """
    if as_ not in stack.sold:
        stack.sold[as_] = await _sold(stack, as_)
    return [{**each} for each in stack.sold[as_][:count]]


async def _sold(stack: Stack, as_: str) -> list[dict[str, Any]]:
    query = """{ products(first: 100, filter: { state: { eq: ACTIVE } }) {
      nodes {
        id number itemNumber unit decimals
        orderQuantities { multiple }
        price { unitPrice { amount } unit }
      }
    } }"""
    found = (await stack.ask(query, as_=as_)).data["products"]["nodes"]
    priced = [each for each in found if each["price"] and each["price"]["unit"] == each["unit"]]
    return [each for each in priced if each["orderQuantities"] is None]


async def sold_by_both(stack: Stack) -> list[dict[str, Any]]:
    """As `products`, of items that two companies sell."""
    others = await products(stack, 500, as_="may")
    numbers = {each["itemNumber"] for each in others}
    found = [each for each in await products(stack, 500) if each["itemNumber"] in numbers]
    assert found, "no item is sold by both"
    return found


async def new_order(stack: Stack, **changes: Any) -> dict[str, Any]:
    """The input of an order with two lines."""
    lines = [
        {"product": product["id"], "quantity": str(number)}
        for number, product in enumerate(await products(stack), start=2)
    ]
    return {
        "idempotencyKey": str(uuid4()),
        "customerReference": "PO-1",
        "lines": lines,
        **changes,
    }


async def do(stack: Stack, name: str, *, as_: str = "jane", **sent: Any) -> dict[str, Any]:
    """The payload of a mutation that was carried out by GraphQL, whatever it says."""
    payload: dict[str, Any] = (await attempt(stack, name, as_=as_, **sent)).data[name]
    return payload


async def preview(stack: Stack, *, as_: str = "jane", **sent: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await stack.ask(PREVIEW, as_=as_, input=sent)).data[
        "previewSalesOrder"
    ]
    return payload


async def attempt(stack: Stack, name: str, *, as_: str = "jane", **sent: Any) -> Answer:
    return await stack.ask(mutation(name), as_=as_, input=sent)


async def placed(stack: Stack, *, as_: str = "jane", **changes: Any) -> dict[str, Any]:
    """An order that was just created."""
    sent = await new_order(stack, **changes)
    payload = await do(stack, "createSalesOrder", as_=as_, **sent)
    assert payload["errors"] == []
    order: dict[str, Any] = payload["order"]
    return order


def codes(payload: dict[str, Any]) -> list[str]:
    """The codes of the errors of a payload, which then says nothing else."""
    assert (payload["status"], payload["order"], payload["operation"]) == (None, None, None)
    return [error["code"] for error in payload["errors"]]
