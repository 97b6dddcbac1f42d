"""Docstrings, descriptions and pages name a thing by its noun, as CONTRIBUTING.md asks."""

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
NAMING = re.compile(r"\W*(what|whatever|whether|who|whom|whose|whoever)\b", re.IGNORECASE)
"""A first word by which a sentence of a page paraphrases a thing that has a noun."""
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CODE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^\s*(?:#+|[*-]|\d+\.|<!--)\s+|\n\s*\n", re.MULTILINE)
"""The start of a heading, a list item or a comment, or the blank line between two paragraphs."""
SENTENCE = re.compile(r"(?<=[.:;!?])[*_)\"]*\s+")


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_tell(page: Path) -> None:
    asking = [each for each in sentences_of(page.read_text("utf-8")) if NAMING.match(each)]

    assert [each[:80] for each in asking if not each.rstrip('*_"').endswith("?")] == []


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a page: those of headings, paragraphs, list items and cells of tables."""
    rows: list[str] = []
    paragraphs: list[str] = []
    for line in CODE.sub("", text).splitlines():
        (rows if line.lstrip().startswith("|") else paragraphs).append(line)
    cells = [cell for row in rows for cell in row.strip(" |").split("|")]
    for block in (*BLOCK.split("\n".join(paragraphs)), *cells):
        yield from SENTENCE.split(" ".join(block.split()))


def test_sentences_are_found_wherever_a_page_has_them() -> None:
    text = """# Whose heading

One line of text. What
goes on.

* Whoever is in a list: what follows a colon
1. **Who** is bold

| what | **whether** |
```sh
what is code
```
Who am I?
"""

    found = [each for each in sentences_of(text) if NAMING.match(each)]

    assert found == [
        "Whose heading",
        "What goes on.",
        "Whoever is in a list:",
        "what follows a colon",
        "**Who** is bold",
        "Who am I?",
        "what",
        "**whether**",
    ]


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
