"""Counts of what a stream of operations holds, taken in the documents themselves."""

import re
from collections import Counter
from collections.abc import Iterable

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_named_type,
    parse,
)

from gateway.model.tables import TABLES
from tests.gateway.differential.calls import Survey
from tests.gateway.differential.operations import Asked
from tests.gateway.proofs.requests import SCHEMA

FORMS = {
    "variables": r"query \w*\s?\(\$",
    "default": r"\$v\d+: [^,$]* = ",
    "default of a list": r"\$v\d+: \[[^,$]* = \[",
    "alias": r"a\d+: \w+",
    "alias of a list": r"a\d+: \w+\((?:first|last)",
    "fragment": r"fragment F\d+ on \w+",
    "fragment in a fragment": r"fragment F\d+ on \w+ \{.*\.\.\.F\d+",
    "inline fragment": r"\.\.\. on \w+ \{",
    "inline fragment on Node": r"\.\.\. on Node",
    "inline fragment on no type": r"\.\.\. \{",
    "skip by a literal": r"@skip\(if: (?:true|false)",
    "skip by a variable": r"@skip\(if: \$",
    "include by a literal": r"@include\(if: (?:true|false)",
    "include by a variable": r"@include\(if: \$",
    "both directives": r"@skip\([^)]*\) @include",
    "directive on a fragment": r"\.\.\.F\d+ @",
    "directive on an inline fragment": r"\.\.\.(?: on \w+)? @",
    "__typename": r"__typename",
    "introspection": r"__type\(",
    "edges": r"edges [@({{].*cursor",
    "filter in the document": r"filter: \{",
    "variable in a filter": r"filter: \{[^}]*\$v",
    "order in the document": r"orderBy: \[?\{",
    "after": r"after: ",
    "before": r"before: ",
    "account": r"account: ",
    "several operations": r"query Other",
    "merged": r"\b(\w+)(\([^()]*\))? \{ [^{}]* \} \1\2 \{",
}
"""The forms that an operation can have, as they look in a document."""


def fields(stream: Iterable[Asked]) -> Counter[str]:
    """Count the selections of each field, as `SalesOrder.number`."""
    found: Counter[str] = Counter()
    for asked in stream:
        try:
            document = parse(asked.document, no_location=True)
        except GraphQLError:
            continue
        survey = Survey(document)
        for each in document.definitions:
            if isinstance(each, OperationDefinitionNode):
                survey.selections(each.selection_set, "Query", ())
        found += survey.fields
    return found


def forms(stream: Iterable[Asked]) -> Counter[str]:
    """Count the operations that have each form."""
    found: Counter[str] = Counter()
    for asked in stream:
        found.update(name for name, form in FORMS.items() if re.search(form, asked.document))
        found.update(f"header {name}" for name in asked.headers)
        found.update([f"caller {asked.caller}", f"method {asked.method}"])
        found["explain"] += asked.explain
        found["operation name"] += asked.operation is not None
    return found


def reachable() -> set[str]:
    """Every field that a query can select below the root, and the root's own."""
    return {f"{name}.{field}" for name in _types() for field in _fields(name)}


def _types() -> set[str]:
    """The object types that a query can lead to, where there are no operations and no journal."""
    found: set[str] = set()
    pending = ["Query", *TABLES]
    while pending:
        name = pending.pop()
        if name not in found and isinstance(SCHEMA.type_map.get(name), GraphQLObjectType):
            found.add(name)
            pending += [get_named_type(field.type).name for field in _fields(name).values()]
    return found - {"Operation", "ChangeConnection", "ChangedRow"}


def _fields(name: str) -> dict[str, GraphQLField]:
    found = SCHEMA.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    fields: dict[str, GraphQLField] = found.fields
    return fields
