"""
First sight of a document: everything that is done once for it, in milliseconds of one core.

Parse, limits, validation and planning. Each repeat names its operation anew, so that none is
remembered. Run as a program it prints the median for the document on standard input.
"""

import sys
import time
from collections.abc import Iterator
from statistics import median

from gateway.engine.execution import Engine, GraphQLRequest
from gateway.plans.plans import Plans
from gateway.resolvers.root import build
from gateway.upstream.names import Names

REPEATS = 25
WARM_UP = 5


def main() -> None:
    print(median(first_sights(sys.stdin.read())))


def first_sights(document: str) -> Iterator[float]:
    """Milliseconds for a document that has not been seen, of an engine that has seen others."""
    schema = build()._schema
    plans = Plans(schema, Names())
    engine = Engine(schema, plans=plans)
    for number in range(REPEATS):
        request = GraphQLRequest(document.replace("query ", f"query Seen{number}", 1))
        begun = time.perf_counter()
        plans.warm(engine.prepare(request).operation)
        if number >= WARM_UP:
            yield 1000 * (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
