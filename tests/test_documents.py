"""README and docs tell the truth about the code: links, variables, commands, the picture."""

import json
import re
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, get_named_type, parse, validate

from gateway import extension
from gateway.__main__ import main
from gateway.config.settings import LIMIT, PREFIX, VARIABLES
from tests.schema import shipped

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SCHEMA = shipped()
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
EVERY = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@EVERY
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


@EVERY
def test_variables_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"(?<![A-Z_])" + PREFIX + r"[A-Z_]*[A-Z]", page.read_text()))
    known = {entry.name for entry in VARIABLES}
    known |= {f"{entry.name}_FILE" for entry in VARIABLES if entry.secret}

    assert [name for name in named - known if not name.startswith(LIMIT.rstrip("_"))] == []


@EVERY
def test_commands_that_are_named_exist(page: Path) -> None:
    named = set(re.findall(r"(?:`|bin/)gateway ([a-z]+)", page.read_text()))

    assert named <= main.commands.keys()


def test_the_query_of_the_readme_is_one() -> None:
    for body in re.findall(r"-d '(\{.*\})'", README):
        assert validate(SCHEMA, parse(json.loads(body)["query"])) == []


def test_the_picture_shows_links_that_the_schema_has() -> None:
    drawn = re.findall(r'^    (\w+) \S+ (\w+) : "(\w+)"$', README, re.MULTILINE)

    assert len(drawn) > 10
    for left, right, name in drawn:
        assert right in _leads_to(left, name) or left in _leads_to(right, name), (left, name, right)


def _leads_to(type_name: str, field_name: str) -> set[str]:
    """The type of a field, and of the nodes if it is a connection."""
    kind = SCHEMA.get_type(type_name)
    assert isinstance(kind, GraphQLObjectType)
    if field_name not in kind.fields:
        return set()
    found = get_named_type(kind.fields[field_name].type)
    nodes = found.fields.get("nodes") if isinstance(found, GraphQLObjectType) else None
    return {found.name} | ({get_named_type(nodes.type).name} if nodes else set())


def test_every_name_of_the_door_is_explained() -> None:
    names = (ROOT / "docs" / "extending.md").read_text().partition("## Names")[2]

    explained = set(re.findall(r"`(\w+)`", names))

    assert explained == set(extension.__all__)


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()

    assert [page.name for page in PAGES if page.name not in index] == []


CHANGES = (ROOT / "docs" / "changing.md").read_text()


def test_code_to_copy_is_where_the_page_of_changes_says() -> None:
    named = re.findall(r"`([\w.]+)`\s+in\s+`(\w+/[\w/]+\.\w+)`", CHANGES)

    assert len(named) > 10
    assert [each for each in named if each[0] not in (ROOT / each[1]).read_text()] == []


def test_nothing_asks_for_the_name_of_a_service_but_for_its_facts() -> None:
    asks = re.compile(r'service\)? [!=]= "(dataverse|finops)"')

    modules = (ROOT / "gateway").rglob("*.py")
    assert [path.name for path in modules if asks.search(path.read_text())] == []


@pytest.mark.parametrize("section", ["A field of an order", "A mutation"])
def test_what_is_explained_stands_in_the_example(section: str) -> None:
    page = (ROOT / "docs" / "extending.md").read_text().partition(f"## {section}\n")[2]
    example = (ROOT / "examples" / "acme.py").read_text()

    code = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]

    assert code in example
