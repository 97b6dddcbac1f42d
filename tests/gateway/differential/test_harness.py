"""The comparison sees what it is there to see: one side is flawed on purpose."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import FieldNode, Visitor, parse, visit
from starlette.applications import Starlette

from emulator.exchange import DECODER, ENCODER, Answer
from tests.gateway.differential import runs
from tests.gateway.differential.comparing import LINK, Seen, differences
from tests.gateway.differential.operations import Asked
from tests.gateway.differential.runs import Materials
from tests.gateway.differential.shrinking import report
from tests.gateway.differential.sides import both
from tests.gateway.differential.upsets import Upsets
from tests.gateway.differential.wire import Cut, Read, Wire
from tests.simulation import virtual

# A cancelled field leaves coroutines of graphql-core behind that were not started yet.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ORDERS = "{ orders(first: 2) { totalCount nodes { number } } }"


class _Flawed(Wire):
    """Changes the rows that one side gets."""

    def rows(self, rows: list[Any]) -> list[Any]:
        raise NotImplementedError

    async def answer(self, read: Read, attempt: int) -> Answer:
        found = await super().answer(read, attempt)
        if found.status != 200 or read.collection != "salesorders":
            return found
        try:
            body = DECODER.decode(found.encoded())
            body["value"] = self.rows(body["value"])
        except (ValueError, TypeError, KeyError, AttributeError):
            return found
        return Answer(200, ENCODER.encode(body), found.headers)


class LosesTheLast(_Flawed):
    def rows(self, rows: list[Any]) -> list[Any]:
        return rows[:-1]


class MisreadsOneColumn(_Flawed):
    def rows(self, rows: list[Any]) -> list[Any]:
        return [row | {"name": "Else"} if "name" in row else row for row in rows]


class SeesForeignRows(_Flawed):
    """The gate drops them, so that nothing but the log tells."""

    def rows(self, rows: list[Any]) -> list[Any]:
        nobody = "00000000-0000-4000-8000-00000000abcd"
        return [*rows, *({**row, "_customerid_value": nobody} for row in rows[:1])]


class AsksTwice(Wire):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if "/salesorders" in request.url.path:
            await super().handle_async_request(request)
        return await super().handle_async_request(request)


class GivesUp(Wire):
    async def answer(self, read: Read, attempt: int) -> Answer:
        if read.collection == "products":
            raise Cut
        return await super().answer(read, attempt)


FLAWS = {
    LosesTheLast: "body",
    MisreadsOneColumn: "body",
    SeesForeignRows: "log",
    AsksTwice: "calls",
    GivesUp: "body",
}


@pytest.fixture(scope="session")
def stuff(small_world: Starlette) -> Materials:
    return runs.materials(small_world)


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.__name__)
def test_a_flaw_of_one_side_is_found_and_shrunk(
    small_world: Starlette, stuff: Materials, flaw: type[Wire], tmp_path: Path
) -> None:
    tally = runs.run(small_world, stuff, 2, 600, tmp_path, flawed=flaw, most=1)

    (found,) = tally.differences
    assert FLAWS[flaw] in found.kinds
    assert found.upsets.none, "it takes no misfortune"
    assert fields(found.asked.document) <= 6, report(found)
    assert found.asked.document in report(found)


def test_each_trait_of_an_answer_is_compared(small_world: Starlette) -> None:
    asked = Asked(ORDERS, caller="rep")

    seen = virtual.run(ask(small_world, asked))

    assert b'"nodes":[{' in seen.body
    assert len(seen.reads) == 1
    assert list(differences(asked, seen, seen)) == []
    others = {
        "status": replace(seen, status=400),
        "headers": replace(seen, headers={**seen.headers, "retry-after": "1"}),
        "body": replace(seen, body=seen.body.replace(b'"orders"', b'"order"')),
        "log": replace(seen, log=("ERROR dropped 1 foreign rows of SalesOrder",)),
    }
    for trait, other in others.items():
        assert list(differences(asked, seen, other)) == [trait]
    for reads in ((), seen.reads * 2, (replace(seen.reads[0], target="accounts?$top=1"),)):
        assert list(differences(asked, seen, replace(seen, reads=reads))) == ["calls"]


def test_the_way_of_an_explained_answer_may_differ_and_nothing_else(
    small_world: Starlette,
) -> None:
    asked = Asked(ORDERS, caller="admin", explain=True)

    seen = virtual.run(ask(small_world, asked))
    way = b'"execution":{"way":"core","reason":"query"}'
    there = [b'"execution":{"way":"compiled"}', b'"execution":{}', way + b',"a":1']

    assert way in seen.body
    bodies = [seen.body.replace(way, each) for each in there]
    found = [list(differences(asked, seen, replace(seen, body=body))) for body in bodies]
    assert [bool(each) for each in found] == [False, True, True]


def test_an_age_may_pass_and_nothing_else(small_world: Starlette) -> None:
    asked = Asked("{ orders(first: 1) { nodes { syncState { ageSeconds } } } }", caller="rep")

    seen = virtual.run(ask(small_world, asked))
    digits = seen.body.partition(b'"ageSeconds":')[2].partition(b"}")[0]
    later = [seen.body.replace(digits, b"%d" % (int(digits) + more)) for more in (1, 60)]

    assert [list(differences(asked, seen, replace(seen, body=body))) for body in later] == [
        [],
        ["body"],
    ]


def test_a_link_may_be_another_one_to_the_same_row_alone(small_world: Starlette) -> None:
    asked = Asked("{ invoices(first: 2) { nodes { document { url } } } }", caller="rep")

    seen, again = virtual.run(ask(small_world, asked)), virtual.run(ask(small_world, asked))
    first, second = LINK.findall(seen.body)
    swapped = replace(seen, body=seen.body.replace(first, second))

    assert seen.body != again.body
    assert list(differences(asked, seen, again)) == []
    assert list(differences(asked, seen, swapped)) == ["body"]


def test_only_below_a_null_may_errors_differ(small_world: Starlette) -> None:
    asked = Asked(ORDERS, caller="rep")
    seen = virtual.run(ask(small_world, asked))

    def answer(data: Any, *errors: tuple[list[str], str]) -> Seen:
        told = [{"path": path, "extensions": {"code": code}} for path, code in errors]
        return replace(seen, body=ENCODER.encode({"data": data, "errors": told}))

    above, below, other = (["a"], "FORBIDDEN"), (["b", "c"], "INTERNAL"), (["a"], "NOT_FOUND")
    gone, there = None, {"a": None, "b": {"c": None}}

    for data, errors, theirs, found in (
        (gone, [above, below], [above], []),
        (gone, [above], [below, above], []),
        (gone, [above], [other], ["body"]),
        (gone, [above, below], [below, above], ["order of errors"]),
        (there, [above, below], [above], ["body"]),
        (there, [above], [other], ["body"]),
    ):
        left, right = answer(data, *errors), answer(data, *theirs)
        assert list(differences(asked, left, right)) == found, (data, errors, theirs)


async def ask(emulator: Starlette, asked: Asked) -> Seen:
    """The reference's result for a request, once it knows the caller."""
    async with both(emulator, None) as pair:
        await pair.ask(asked, Upsets())
        return (await pair.ask(asked, Upsets())).reference


def fields(document: str) -> int:
    class Counting(Visitor):
        found = 0

        def enter_field(self, node: FieldNode, *_: Any) -> None:
            self.found += 1

    counting = Counting()
    visit(parse(document), counting)
    return counting.found
