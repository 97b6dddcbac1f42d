"""Docstrings and descriptions name a thing by what it is: docs/glossary.md and CONTRIBUTING.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLNamedType, GraphQLSchema, build_schema

from tests.test_architecture import PACKAGES, ROOT

WRITTEN = (*PACKAGES, "benchmarks", "examples", "supply", "tests")
RIDDLE = re.compile(
    r"(what|whatever|whether|who|whom|whose|whoever|which|how|where|when|why)\b", re.IGNORECASE
)
"""A first word that asks instead of telling."""


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """The docstrings of a module, those of attributes included, by their lines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        body = getattr(node, "body", None)
        for each in body if isinstance(body, list) else ():
            value = each.value if isinstance(each, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield each.lineno, value.value.strip()


@pytest.mark.parametrize("package", WRITTEN)
def test_docstrings_tell(package: str) -> None:
    asking = [
        f"{path.relative_to(ROOT)}:{line}: {text[:60]}"
        for path in sorted((ROOT / package).rglob("*.py"))
        if "node_modules" not in path.parts
        for line, text in texts_of(path)
        if RIDDLE.match(text)
    ]

    assert asking == []


def test_descriptions_of_the_schema_tell() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text("utf-8"))

    assert [each for each in described(schema) if RIDDLE.match(each)] == []


def described(schema: GraphQLSchema) -> Iterator[str]:
    """The descriptions of types, of their members and of arguments."""
    types: Iterator[GraphQLNamedType] = iter(schema.type_map.values())
    for each in types:
        if each.name.startswith("__"):
            continue
        yield each.description or ""
        for member in (
            *getattr(each, "fields", {}).values(),
            *getattr(each, "values", {}).values(),
        ):
            yield member.description or ""
            yield from (arg.description or "" for arg in getattr(member, "args", {}).values())
