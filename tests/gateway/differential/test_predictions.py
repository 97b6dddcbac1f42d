"""
The cost of a query is told before it runs: the same as what is sent for it, where all that it reads
is there and fits on one page, and the most otherwise.
"""

import pytest
from graphql import OperationDefinitionNode, parse, validate
from starlette.applications import Starlette

from gateway.plans.cost import DocumentCost
from tests.gateway.differential import predictions, runs
from tests.gateway.differential.runs import Materials
from tests.gateway.proofs.requests import SCHEMA
from tests.nightly import NIGHTLY
from tests.stack import emulator

pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SEEDS = range(2_001, 2_081 if NIGHTLY else 2_002)
REQUESTS = 250 if NIGHTLY else 120
"""For each seed; 20,000 in all at full length."""


@pytest.fixture(scope="module")
def stuff(small_world: Starlette) -> Materials:
    return runs.materials(small_world)


@pytest.fixture(scope="module")
def reckoning_world() -> Starlette:
    """The same world, where the ERP works out prices and promises."""
    return emulator(pricing=True, promising=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_cost_is_told_before_it_is_had(
    request: pytest.FixtureRequest, stuff: Materials, seed: int
) -> None:
    world = request.getfixturevalue("reckoning_world" if seed % 4 == 3 else "small_world")

    told = predictions.run(world, stuff, seed, REQUESTS)

    assert told.wrong == []
    assert not told.in_vain, told.kinds


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ("{ viewer { kind } __typename }", 0),
        ("{ viewer { contact { name } } }", 1),
        ("{ orders { nodes { number version total { amount } } } }", 1),
        ('{ orders(after: "x") { totalCount } }', 2),
        ("{ orders { totalCount nodes { account { name } b: account { number } } } }", 2),
        (
            "{ orders { nodes { lines { nodes { id } } b: lines { edges { node { id } } } } } }",
            2,
        ),
        (
            "{ orders { nodes { lines { nodes { id } } b: lines(first: 2) { nodes { id } } } } }",
            3,
        ),
        ("{ orders { nodes { lines { totalCount nodes { product { price { unit } } } } } } }", 7),
        ("{ orderLines { nodes { deliveredQuantity remainingQuantity } } }", 3),
        ("query ($a: Boolean!) { orders @skip(if: $a) { nodes { id } } }", 1),
        (
            '{ node(id: "x") { ... on SalesOrder { lines { nodes { id } } } ... { id } } }',
            2,
        ),
        ("{ nodes(ids: []) { ... on SalesOrder { number } ... on Account { number } } }", 2),
        (
            '{ a: invoice(id: "x") { id } b: invoice(id: "y") { ...I } } '
            "fragment I on Invoice { lines { nodes { product { name } } } }",
            4,
        ),
    ],
)
def test_a_document_has_a_cost_by_itself(query: str, calls: int) -> None:
    document = parse(query)
    assert validate(SCHEMA, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)

    assert DocumentCost(SCHEMA).calls(document, operation) == calls
