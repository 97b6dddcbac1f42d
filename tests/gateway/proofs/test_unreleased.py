"""
A product that is not released is nobody's to see: in two worlds that differ in such products alone,
the same requests of customers give the same bytes.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from random import Random
from typing import Any
from uuid import UUID

import pytest
from starlette.applications import Starlette

from emulator.store import Store
from gateway.model.tables import TABLES
from gateway.schema import ids
from tests.gateway.environments.asking import questions
from tests.gateway.proofs.requests import Requests, sampled
from tests.gateway.proofs.test_noninterference import CALLERS, PATIENT, seen
from tests.gateway.proofs.worlds import gateways
from tests.nightly import NIGHTLY
from tests.stack import Stack, emulator

pytestmark = pytest.mark.anyio

NUMBERS = ("D0023", "D0101")
"""Items on orders and in price lists; one of them has a number of the customers' own."""
DRAFT = {"statecode": 2, "statuscode": 0}
SECRET = "Unheard-of"
REQUESTS = 2_000 if NIGHTLY else 30
EVER_NEW = re.compile(rb'"(?:url|expiresAt)":"[^"]*"')
BY = ("product", "number", "itemNumber", "customerItemNumber")
SELECTED = """id name number description state variant { color } decimals unit
  price { unitPrice { amount } } availability { available } promise(quantity: 1) { on }
  orderQuantities { minimum } texts { name } pictures { version } variants { name }"""
PREVIEW = """mutation ($input: PreviewSalesOrderInput!) { previewSalesOrder(input: $input) {
  errors { code message path } total { amount }
  lines { unitPrice { amount } product { name } availability { available } promise { on } }
} }"""


@pytest.fixture(scope="module")
def worlds() -> tuple[Starlette, Starlette]:
    """Two worlds that differ in names, numbers and prices of the products that are drafts."""
    left, right = (emulator(pricing=True, promising=True) for _ in range(2))
    for world in (left, right):
        for row in unreleased(world.state.store):
            change(world.state.store, "products", row, DRAFT)
    store = right.state.store
    for number, row in enumerate(unreleased(store)):
        known = {"name": SECRET, "description": SECRET, "quantitydecimal": 0}
        change(store, "products", row, known | {"msdyn_productnumber": f"{SECRET}{number}"})
        for price in rows(store, "productpricelevels", "_productid_value", [row["productid"]]):
            change(store, "productpricelevels", price, {"amount": 7_777_777})
    return left, right


@pytest.fixture
async def pair(
    worlds: tuple[Starlette, Starlette], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Stack, Stack]]:
    async with gateways(worlds, (*CALLERS, "admin"), monkeypatch, PATIENT, PATIENT) as both:
        yield both


def rows(store: Store, name: str, column: str, values: Iterable[str]) -> Iterator[dict[str, Any]]:
    found, wanted = store.select(store.catalog.tables[name], "1 = 1"), set(values)
    return (row for row in found if row[column] in wanted)


def unreleased(store: Store) -> list[dict[str, Any]]:
    """The products that are made so; in each world the same."""
    return sorted(
        rows(store, "products", "msdyn_itemnumber", NUMBERS), key=lambda row: str(row["productid"])
    )


def change(store: Store, name: str, row: dict[str, Any], values: dict[str, Any]) -> None:
    table = store.catalog.tables[name]
    sets = ", ".join(f'"{column}" = ?' for column in values)
    (key,) = table.key
    store.run(
        f'UPDATE "{table.sql}" SET {sets} WHERE "{key}" = ?',  # noqa: S608
        [*values.values(), row[key]],
    )


def attacks(products: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every way to a product, with what the left world says of these."""
    keys = [ids.encode(TABLES["Product"], (UUID(row["productid"]),)) for row in products]
    yield (
        f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on Product {{ {SELECTED} }} }} }}",
        {"ids": keys},
    )
    for key, row in zip(keys, products, strict=True):
        values = {**dict.fromkeys(BY), "product": key, "number": row["msdyn_productnumber"]}
        values |= {"itemNumber": row["msdyn_itemnumber"], "customerItemNumber": OWN}
        yield f"query ($id: ID!) {{ product(id: $id) {{ {SELECTED} }} }}", {"id": key}
        yield "query ($id: ID!) { node(id: $id) { id __typename } }", {"id": key}
        for name in ("number", "itemNumber", "name", "description"):
            column = {"number": "msdyn_productnumber", "itemNumber": "msdyn_itemnumber"}
            asked = {name: {"eq": row[column.get(name, name)]}}
            yield FILTERED, {"filter": asked}
            yield FILTERED, {"filter": {"not": asked}}
        for text in (row["name"], row["msdyn_productnumber"], SECRET):
            yield SEARCHED, {"search": text}
        for name in BY:
            yield PREVIEW, {"input": {"lines": [{name: values[name], "quantity": "1"}]}}
    yield f"{{ customerItems(first: 50) {{ nodes {{ number product {{ {SELECTED} }} }} }} }}", {}
    yield "{ orderLines(first: 100) { nodes { description product { name } } totalCount } }", {}
    yield "{ invoiceLines(first: 100) { nodes { description product { name } } totalCount } }", {}
    yield "{ boughtBefore(first: 50) { product { name number } times } }", {}
    yield "{ categories { id name parent { id } } }", {}


OWN = "MY-101"
FILTERED = """query ($filter: ProductFilter) { products(first: 5, filter: $filter) {
  nodes { number } totalCount } }"""
SEARCHED = """query ($search: String) { products(first: 5, search: $search) {
  nodes { number } totalCount } }"""


async def test_the_worlds_do_differ_for_the_seller(pair: tuple[Stack, Stack]) -> None:
    query = f'{{ products(filter: {{ name: {{ eq: "{SECRET}" }} }}) {{ totalCount }} }}'
    left, right = [(await stack.ask(query, as_="admin")).data for stack in pair]

    assert left["products"]["totalCount"] == 0
    assert right["products"]["totalCount"] >= len(NUMBERS)


async def test_a_product_that_is_not_released_is_nobodys_to_see(pair: tuple[Stack, Stack]) -> None:
    left, right = pair
    random = Requests(await sampled(left), Random(20261130))  # noqa: S311 - the same each time
    attacked = attacks(unreleased(left.emulator.state.store))
    asked = [
        *((*one, caller) for one in attacked for caller in CALLERS),
        *(
            (one.query, dict(one.variables), one.as_)
            for one in await questions(left)
            if one.as_ in CALLERS
        ),
        *((*random.next(), CALLERS[number % len(CALLERS)]) for number in range(REQUESTS)),
    ]
    answered = 0

    for query, variables, caller in asked:
        found = await answer(left, query, caller, variables)
        there = await answer(right, query, caller, variables)
        assert there == found, (caller, query, variables)
        answered += found.startswith(b'{"data":{')
    assert answered > 0.9 * len(asked), "requests that mean something"


async def answer(stack: Stack, query: str, caller: str, variables: dict[str, Any]) -> bytes:
    """The bytes of the answer but for those of its links, which are others each time."""
    (_, body), _ = await seen(stack, query, caller, variables)
    return EVER_NEW.sub(b"", body)
