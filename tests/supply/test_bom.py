"""Production is locked, is wheels alone, and stands in the bill of materials."""

import json
import re
from importlib.metadata import requires

from supply.bom import BOM, PINNED, PYTHON, ROOT, text

NAME = re.compile(r"[A-Za-z0-9._-]+")
DEVELOPMENT = re.compile(r"extra == .(emulator|demo)")
"""Requirements of the emulator, which production does not run."""


def pins(lock: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / lock).read_text()))


def test_the_bill_of_materials_is_that_of_the_locks() -> None:
    assert BOM.read_text() == text(), "run scripts/lock"


def test_all_that_the_project_requires_is_in_it_and_no_tool_of_development() -> None:
    required = {
        NAME.match(each)[0].lower()  # type: ignore[index]  # a requirement begins with its name
        for each in requires("dynamics-gateway") or ()
        if not DEVELOPMENT.search(each)
    }

    known = {each["name"] for each in json.loads(BOM.read_text())["components"]}

    assert required <= known
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright", "uv", "esbuild"} & known


def test_production_has_the_versions_that_are_tested() -> None:
    tested = pins("requirements.lock")

    assert pins("requirements.production.lock").items() <= tested.items()


def test_production_takes_wheels_alone_each_by_its_hash() -> None:
    lock = PYTHON.read_text()

    assert lock.startswith("--only-binary :all:\n")
    for entry in re.split(r"\n(?=[a-z0-9])", lock.split("\n\n", 1)[1]):
        assert "--hash=sha256:" in entry, entry
    assert "://" not in lock, "the lock names an index"
