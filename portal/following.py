"""
Pages that follow what they show: the gateway's stream of the answer that a page is made of ->
events that tell its browser to look again. Nothing of the answer itself passes by this way.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    parse,
    print_ast,
)

LATEST: Final = """
subscription Latest($all: SalesOrderFilter!) {
  orders(first: 1, filter: $all, orderBy: [{ field: UPDATED_AT, direction: DESC }]) {
    nodes { id version }
    totalCount
  }
}
"""
"""The overview shows several lists, and a subscription follows one: all of them are of orders."""
FOLLOWED: Final[Mapping[str, tuple[str, str]]] = {
    "order": ("order", "Order"),
    "orders": ("orders", "Orders"),
    "shipments": ("shipments", "Shipments"),
}
"""The document and the operation of the pages that follow all of what one operation answers."""
OF_VISITOR: Final = 6
"""Streams of one visitor: a browser opens as many connections to a site, and needs some itself."""
MOST: Final = 1_000
LONGEST: Final = 900.0
"""Seconds after which a browser has to come again, to be let in anew."""
AGAIN: Final = 3_000
"""Milliseconds until it does."""


class Streams:
    """The streams of one process."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._stopping = asyncio.Event()

    def enter(self, visitor: str) -> bool:
        """Count one; False where there are too many."""
        if self._of[visitor] >= OF_VISITOR or self._of.total() >= MOST:
            return False
        self._of[visitor] += 1
        return True

    def leave(self, visitor: str) -> None:
        """End what `enter` began."""
        self._of[visitor] -= 1
        if not self._of[visitor]:
            del self._of[visitor]

    def stop(self) -> None:
        """End all, and those that come later, as the process stops."""
        self._stopping.set()

    async def told(
        self, answers: AsyncIterator[dict[str, Any] | None]
    ) -> AsyncIterator[dict[str, Any] | None]:
        """The answers, until the process stops."""
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                step = asyncio.ensure_future(_next(answers))
                try:
                    await asyncio.wait({step, stop}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not step.done():
                        step.cancel()
                        await asyncio.wait({step})
                if step.cancelled() or (found := step.result()) is None:
                    return
                yield found[0]
        finally:
            stop.cancel()


async def _next(
    answers: AsyncIterator[dict[str, Any] | None],
) -> tuple[dict[str, Any] | None] | None:
    """The next answer; None at the end."""
    async for found in answers:
        return (found,)
    return None


def with_subscriptions(documents: Mapping[str, str]) -> dict[str, str]:
    """The documents, and those that follow them; without those of which there are `mistakes`."""
    made = {
        f"{name}_live": text
        for name, (of, operation) in FOLLOWED.items()
        if (text := _subscription(documents[of], operation))
    }
    return {**documents, **made, "dashboard_live": LATEST}


def mistakes(documents: Mapping[str, str]) -> Iterator[str]:
    """Operations that can be read and that no page can follow."""
    for of, operation in FOLLOWED.values():
        with suppress(GraphQLError):
            node = _operation(parse(documents[of]), operation)
            if node is not None and not _has_one_root(node):
                yield f"documents/{of}.graphql: {operation} must have one root field to be followed"


def digest(data: Any) -> str:
    """A short text that differs where answers do."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:32]


async def events(
    answers: AsyncIterator[dict[str, Any] | None], seen: str, streams: Streams
) -> AsyncIterator[str]:
    """The events for a browser that shows the answer `seen`, or one that it does not name."""
    began = time.monotonic()
    yield f"retry: {AGAIN}\n\n"
    async for data in streams.told(answers):
        if time.monotonic() > began + LONGEST:
            return
        if data is None:
            yield ":\n\n"
            continue
        found = digest(data)
        kind = "changed" if seen and found != seen else "same"
        seen = found
        yield f"event: {kind}\nid: {found}\ndata:\n\n"


def _subscription(text: str, operation: str) -> str | None:
    """The subscription of what a query answers; None where the query has a mistake."""
    try:
        document = parse(text)
    except GraphQLError:
        return None
    node = _operation(document, operation)
    if node is None or not _has_one_root(node):
        return None
    fragments = [e for e in document.definitions if isinstance(e, FragmentDefinitionNode)]
    followed = OperationDefinitionNode(
        operation=OperationType.SUBSCRIPTION,
        name=node.name,
        variable_definitions=node.variable_definitions,
        directives=node.directives,
        selection_set=node.selection_set,
    )
    return print_ast(DocumentNode(definitions=(followed, *fragments)))


def _operation(document: DocumentNode, name: str) -> OperationDefinitionNode | None:
    for each in document.definitions:
        if isinstance(each, OperationDefinitionNode) and each.name and each.name.value == name:
            return each
    return None


def _has_one_root(node: OperationDefinitionNode) -> bool:
    (field, *others) = node.selection_set.selections
    return isinstance(field, FieldNode) and not others
