"""`gateway documents --budget`: the queries of .graphql files -> the calls that each takes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from gateway.plans.cost import DocumentCost
from variables.environment_values import text_of


@dataclass(frozen=True, slots=True)
class QueryCost:
    """A query by its file and name, and the most calls to Dynamics that it takes for any caller."""

    name: str
    calls: int


class WrongDocument(click.ClickException):
    """A file is no valid document; its text says where and why."""

    exit_code = 2


def texts_of(files: Iterable[Path]) -> dict[Path, str]:
    """The text of each file. Raises WrongDocument."""
    return {file: _text(file) for file in files}


def _text(file: Path) -> str:
    try:
        return text_of(file)
    except ValueError as error:
        raise WrongDocument(f"{file}: {error}") from None


def costs(texts: Mapping[Path, str], schema: GraphQLSchema) -> Iterator[QueryCost]:
    """The cost of each query in these files; mutations have none. Raises WrongDocument."""
    documents = DocumentCost(schema)
    for file, text in texts.items():
        try:
            document = parse(text)
            mistakes = validate(schema, document)
        except GraphQLError as error:
            mistakes = [error]
        if mistakes:
            raise WrongDocument(f"{file}: {mistakes[0].message}")
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.QUERY:
                name = f"{file}: {node.name.value}" if node.name else str(file)
                yield QueryCost(name, documents.calls(document, node))
