"""Code that reads and writes orders names columns by the declarations alone."""

import ast
from functools import cache
from pathlib import Path

import pytest

from gateway import resolvers
from gateway.model.members.group import Group
from gateway.model.registry import SHIPPED
from tests.schema import shipped

FILES = sorted(Path(resolvers.__file__).parent.rglob("*.py"))
MARKS = ("msdyn_", "shipto_", "gw_", "salesorder", "_value")
"""Parts of names that no caller of the gateway ever reads or writes."""


def spelled(path: Path) -> set[str]:
    """The texts of a module that are no documentation."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {
        node.value for node in constants if isinstance(node.value, str) and id(node) not in prose
    }


@cache
def columns() -> frozenset[str]:
    """The names of Dataverse and the ERP that no member is called like."""
    shipped()
    tables = SHIPPED.tables.values()
    paths = {path for table in tables for path in (*table.all_paths, *table.key, table.entity)}
    members = {name for table in tables for name in table.specs}
    groups = [spec for table in tables for spec in table.specs.values() if isinstance(spec, Group)]
    ours = members | {part for group in groups for part in group.parts}
    return frozenset(step for path in paths for step in (path, *path.split("/"))) - ours


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_column_of_dynamics_is_spelled_in_order_code(path: Path) -> None:
    texts = spelled(path)

    assert texts & columns() == set()
    assert [text for text in texts if any(mark in text for mark in MARKS)] == []
