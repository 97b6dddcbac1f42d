"""The registry of structural limits: what one request may ask for before any of it is executed."""

from dataclasses import dataclass, field, fields
from typing import Any

from gateway.errors import LimitExceeded

DEFAULT_SIZE = 25
"""Rows of a page without `first` and `last`."""
MAXIMUM_SIZE = 100
"""Rows of the largest page that a field grants."""


def limit(default: int, doc: str) -> Any:
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every limit, with its default. `GATEWAY_LIMIT_<NAME>` overrides one; nobody is exempt."""

    body_bytes: int = limit(262_144, "Bytes of the HTTP request body, counted while it arrives.")
    source_length: int = limit(15_000, "Characters of the document.")
    tokens: int = limit(2_000, "Lexical tokens of the document, comments not counted.")
    comments: int = limit(100, "Comments in the document.")
    operations: int = limit(10, "Operations in the document, of which a request runs one.")
    fragments: int = limit(50, "Fragment definitions in the document.")
    spreads: int = limit(100, "Fragment spreads and inline fragments in the document.")
    directives: int = limit(30, "Directives in the document.")
    directives_per_node: int = limit(3, "Directives on one field, fragment or operation.")
    variables: int = limit(50, "Variables that one operation declares.")
    input_list: int = limit(500, "Items of one list, in the document or in the variables.")
    input_values: int = limit(
        2_000, "Values in all arguments, those of a variable counted wherever it is used."
    )
    input_string: int = limit(32_768, "Characters of one string in the document or the variables.")
    input_nesting: int = limit(8, "Lists and objects inside one another in a single value.")
    depth: int = limit(16, "Fields inside one another; `edges` and `node` count like any other.")
    fields: int = limit(1_000, "Fields of one operation, with every fragment written out.")
    aliases: int = limit(30, "Aliases of one operation, with every fragment written out.")
    root_fields: int = limit(10, "Fields at the root of a query or subscription.")
    mutations: int = limit(5, "Fields at the root of a mutation.")
    same_name: int = limit(10, "Times that one selection set may ask for the same response name.")
    nodes: int = limit(
        10_000, "Rows that one operation could return, computed from `first`/`last`."
    )
    work: int = limit(
        250_000, "Fields of all these rows: an object counts 2, a field that is read for 20."
    )

    answer_bytes: int = limit(16_777_216, "Bytes of the answer, counted while it is encoded.")

    def check(self, name: str, actual: int, what: str) -> None:
        """Refuse what is larger than the limit `name`; `what` is that limit in a caller's words."""
        maximum = getattr(self, name)
        if actual > maximum:
            raise exceeded(name, maximum, actual, what)


def exceeded(name: str, maximum: int, actual: int | None, what: str) -> LimitExceeded:
    """The error for one limit. `actual` is left out where counting stopped at the maximum."""
    figures = {"limit": name, "maximum": maximum}
    if actual is not None:
        # A fragment bomb can ask for 10^27 fields: more than JSON readers hold exactly.
        figures["actual"] = min(actual, 2**53 - 1)
    return LimitExceeded(
        f"The request has too many {what}; at most {maximum} are allowed.", **figures
    )


REGISTRY = {each.name: (each.default, each.metadata["doc"]) for each in fields(Limits)}
"""Name -> default and meaning, for `gateway settings` and docs/limits.md."""
