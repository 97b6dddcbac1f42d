"""Tampered ids and cursors lead to one error, to nothing, or to rows of one's own."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from gateway.encoding import read, written
from gateway.errors import InvalidCursor, InvalidInput
from gateway.loaders import keyset
from gateway.model.tables import TABLES
from gateway.schema import ids
from tests.gateway.proofs.requests import ROOTED, Samples, sampled
from tests.stack import Stack, onward

pytestmark = pytest.mark.anyio

MUTATIONS = 5_000
"""Of ids, and as many of cursors."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ %\x00\u00e9\ud800"
BATCH = 100
random = Random(20261123)  # noqa: S311 - the same each time


@pytest.fixture(scope="module")
def anybody() -> dict[str, Samples]:
    """Filled by the first test: everybody's ids and cursors."""
    return {}


async def samples(stack: Stack, anybody: dict[str, Samples]) -> Samples:
    if not anybody:
        anybody["all"] = await sampled(stack)
    return anybody["all"]


def mutations(of: list[str]) -> Iterator[str]:
    """The same texts with a character flipped, cut, repeated, swapped or grown."""
    for _ in range(MUTATIONS):
        text, place = random.choice(of), 0
        place = random.randrange(len(text))
        match random.randrange(6):
            case 0 | 1 | 2:
                yield text[:place] + random.choice(ALPHABET) + text[place + 1 :]
            case 3:
                yield text[:place]
            case 4:
                yield text[:place] + random.choice(of)[place:]
            case _:
                yield text * random.choice((2, 300))


async def own(stack: Stack, ids_: list[str]) -> set[str]:
    """Those of the ids that lead somewhere for Jane."""
    found: set[str] = set()
    for start in range(0, len(ids_), BATCH):
        query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
        answer = await stack.ask(query, ids=ids_[start : start + BATCH])
        found |= {row["id"] for row in answer.body["data"]["nodes"] if row}
    return found


async def walked(stack: Stack) -> set[str]:
    """All ids that Jane finds without tampering."""
    found: set[str] = set()
    for table in ROOTED:
        assert table.root
        after: Any = None
        while True:
            query = (
                f"query ($after: String) {{ {table.root[1]}(first: 100, after: $after) "
                "{ nodes { id } pageInfo { hasNextPage endCursor } } }"
            )
            answer = await stack.ask(query, after=after)
            page = (answer.body.get("data") or {}).get(table.root[1])
            if page is None:
                assert answer.codes == ["FORBIDDEN"]
                break
            found |= {row["id"] for row in page["nodes"]}
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = onward(page["pageInfo"], after)
    return found


async def test_tampered_ids_lead_to_one_error_or_to_ones_own(
    stack: Stack, anybody: dict[str, Samples]
) -> None:
    everybody = [id_ for some in (await samples(stack, anybody)).ids.values() for id_ in some]
    usable, messages = [], set()

    for text in mutations(everybody):
        try:
            table, _ = ids.decode(text)
        except InvalidInput as error:
            messages.add(str(error))
        else:
            if table.name in ("SalesOrder", "Account", "Contact", "Invoice", "SalesOrderLine"):
                usable.append(text)

    assert messages == {ids.NOT_AN_ID}
    assert usable, "some are still ids"
    assert await own(stack, usable) <= await walked(stack)


async def test_ids_that_are_none_are_answered_alike_whatever_is_wrong(
    stack: Stack, anybody: dict[str, Samples]
) -> None:
    some = (await samples(stack, anybody)).ids
    wrong = ["", "x", some["Account"][0], some["SalesOrder"][0][:-3], "e30", "A" * 4_000]

    query = "query ($id: ID!) { invoice(id: $id) { id } }"
    answers = [(await stack.ask(query, id=text)).body for text in wrong]

    assert len({str(answer) for answer in answers}) == 1
    assert answers[0]["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def test_an_id_has_one_spelling(stack: Stack, anybody: dict[str, Samples]) -> None:
    everybody = [some[0] for some in (await samples(stack, anybody)).ids.values() if some]
    spelt: list[str] = []
    for text in everybody:
        content = json.loads(read(text))
        spelt += [text[:n] + junk + text[n:] for n in (0, 1, len(text)) for junk in "\x01 =\n!"]
        spelt += [text + "=" * n for n in (1, 2, 3)]
        spelt += [
            written(json.dumps(content).encode()),
            written(json.dumps([*content, 1]).encode()),
        ]
        shouted = [part.upper() if isinstance(part, str) else part for part in content[1:]]
        loose = json.dumps([content[0], *shouted], separators=(",", ":"))
        if shouted != content[1:]:
            spelt.append(written(loose.encode()))

    assert all(ids.encode(*ids.decode(text)) == text for text in everybody)
    for text in spelt:
        try:
            found = ids.decode(text)
        except InvalidInput:
            continue
        assert ids.encode(*found) == text, "another row's id, then"


async def test_tampered_cursors_lead_to_one_error_or_to_ones_own(
    stack: Stack, anybody: dict[str, Samples]
) -> None:
    cursors = (await samples(stack, anybody)).cursors
    everybody = [cursor for some in cursors.values() for cursor in some]
    mine = await walked(stack)
    messages: set[str] = set()
    usable: list[tuple[str, str]] = []

    for text in mutations(everybody):
        for name in random.sample(sorted(cursors), 2):
            table = TABLES[name]
            try:
                keyset.decode(table, keyset.total_order(table, table.default_order), text)
                usable.append((name, text))
            except InvalidCursor as error:
                messages.add(str(error))

    assert len(messages) == 1
    for name, cursor in random.sample(usable, min(150, len(usable))):
        table = TABLES[name]
        assert table.root
        query = (
            f"query ($c: String) {{ {table.root[1]}(first: 5, after: $c) {{ nodes {{ id }} }} }}"
        )
        answer = await stack.ask(query, c=cursor)
        assert set(answer.codes) <= {"FORBIDDEN", "INVALID_CURSOR", "INVALID_INPUT"}, cursor
        page = (answer.body.get("data") or {}).get(table.root[1]) or {"nodes": []}
        assert {row["id"] for row in page["nodes"]} <= mine
