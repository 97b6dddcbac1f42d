"""The engine: what is executed, what is refused, and what of a failure the caller gets to read."""

import gc
import logging

import pytest
from graphql import Token, specified_rules

from gateway.engine.documents import PLANNED, SAID, Documents
from gateway.engine.execution import Engine, GraphQLRequest
from gateway.engine.limits import Limits
from gateway.engine.outcome import Answer, Refused
from tests.gateway.engine.orders import orders_schema

SCHEMA = orders_schema()
pytestmark = pytest.mark.anyio


async def run(query: str, *, introspection: bool = False, **request: object) -> Answer:
    engine = Engine(SCHEMA, introspection=introspection)
    return await engine.run(GraphQLRequest(query, **request), "jane", "request-1")  # type: ignore[arg-type]


async def refusal(query: str, *, introspection: bool = False, **request: object) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        await run(query, introspection=introspection, **request)
    error = refused.value.errors[0]
    return error["extensions"]["code"], error["message"]


async def test_an_operation_runs_with_its_context() -> None:
    answer = await run("{who order(id:1){parent{number}}}")

    assert answer.body == {"data": {"who": "jane", "order": {"parent": {"number": "SO-0"}}}}


async def test_the_operation_name_decides() -> None:
    text = 'query A {who} query B {echo(text:"b")}'

    assert (await run(text, operation_name="B")).data == {"echo": "b"}
    assert (await refusal(text))[0] == "BAD_REQUEST"
    assert (await refusal(text, operation_name="C"))[1] == "There is no operation named 'C'."


async def test_a_document_without_operation_is_refused() -> None:
    assert (await refusal("fragment F on Query {who}"))[0] == "BAD_REQUEST"


@pytest.mark.parametrize("text", ["{", "", "{nothing}", "{who{deeper}}", "query($v:Int!){who}"])
async def test_what_graphql_refuses_is_not_executed(text: str) -> None:
    assert (await refusal(text))[0] == "BAD_REQUEST"


async def test_a_known_error_keeps_its_words_and_code() -> None:
    answer = await run("{missing who}")

    assert answer.data == {"missing": None, "who": "jane"}
    error = answer.errors[0]
    assert error["message"] == "There is no such order."
    assert error["path"] == ["missing"]
    assert error["extensions"] == {"code": "NOT_FOUND", "entity": "order"}


async def test_a_bug_is_masked_and_logged_once_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = await run("query($t:String){bug echo(text:$t)}", variables={"t": "variable-canary"})

    assert answer.errors[0]["message"] == "Internal error."
    assert answer.errors[0]["extensions"] == {"code": "INTERNAL", "requestId": "request-1"}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "request-1" in caplog.text
    assert "orders.Bug" in caplog.text
    assert "line" in caplog.text
    assert "canary" not in caplog.text


async def test_a_null_that_reaches_the_root_is_an_answer() -> None:
    answer = await run("{strictBug}")

    assert answer.data is None
    assert answer.errors[0]["path"] == ["strictBug"]


async def test_a_null_where_none_may_be_given_is_the_callers_mistake() -> None:
    answer = await run("query($n:Int){echo(size:$n)}", variables={"n": None})

    assert answer.errors[0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_introspection_and_hints_are_for_whom_the_settings_allow() -> None:
    assert (await refusal("{__schema{types{name}}}"))[0] == "BAD_REQUEST"
    assert "Did you mean" not in (await refusal("{whoo}"))[1]
    assert (await run('{__type(name:"Order"){name}}', introspection=True)).errors == ()
    assert "Did you mean" in (await refusal("{whoo}", introspection=True))[1]


async def test_rows_are_counted_with_the_variables_of_each_request() -> None:
    text = "query($n:Int){orders(first:$n){nodes{orders(first:$n){nodes{number}}}}}"

    assert (await run(text, variables={"n": 1})).errors == ()
    assert (await refusal(text, variables={"n": 100}))[0] == "LIMIT_EXCEEDED"


def test_a_valid_document_is_kept_and_an_invalid_one_is_not() -> None:
    kept = Documents(SCHEMA, Limits(), (), hide_suggestions=True)

    assert kept.get("{who}") is kept.get("{who}")
    assert kept.get("{who}") is not kept.get("{ who }")


def test_the_documents_used_longest_ago_make_room() -> None:
    kept = Documents(SCHEMA, Limits(), (), hide_suggestions=True, most=12 * (SAID + PLANNED))

    first, second = kept.get("{who}"), kept.get("{bug}")
    assert kept.get("{who}") is first
    kept.get("{echo}")

    assert kept.get("{bug}") is not second


def test_what_is_forgotten_goes_at_once_without_the_collector() -> None:
    kept = Documents(SCHEMA, Limits(), (), hide_suggestions=True, most=100 * (SAID + PLANNED))

    def tokens() -> int:
        return sum(isinstance(each, Token) for each in gc.get_objects())

    gc.collect()
    before = tokens()
    gc.disable()
    try:
        for number in range(200):
            kept.get(f'{{ echo(text: "{number}") }}')
        grown = tokens() - before
    finally:
        gc.enable()

    assert grown < 200


def test_documents_leave_little_in_a_process_that_serves() -> None:
    kept = Documents(SCHEMA, Limits(), specified_rules, hide_suggestions=True)
    kept.get("{ who }")
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10**9, 5, 2)
    whole = gc.get_stats()[2]["collections"]
    try:
        for number in range(60):
            kept.get(f"{{ a{number}: who }}")
        whole = gc.get_stats()[2]["collections"] - whole
        left = gc.collect()
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()

    assert left < 60 * 20
    assert whole >= 2, "older generations have their turns too"


def test_another_layout_is_the_same_document_with_places_of_its_own() -> None:
    kept = Documents(SCHEMA, Limits(), (), hide_suggestions=True)
    first = kept.get("{ who }").operation(None)
    first.planned.known = "notes"
    other = kept.get("# another\n{\n  who,\n}").operation(None)
    different = kept.get("{ who who: who }").operation(None)

    assert (other.planned.known, different.planned.known) == ("notes", None)
    assert other.node.loc is not None
    assert other.node.loc.start == len("# another\n")


def test_layouts_that_are_forgotten_leave_nothing_behind() -> None:
    kept = Documents(SCHEMA, Limits(), (), hide_suggestions=True, most=60 * (SAID + PLANNED))
    kept.get("{ who }").operation(None).planned.known = "notes"
    for number in range(30):
        kept.get(f'{{ echo(text: "{number}") }}')

    assert kept.get("{  who }").operation(None).planned.known is None
    assert kept.size <= 60 * (SAID + PLANNED)
