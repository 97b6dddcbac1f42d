"""
The locks of what production runs -> a software bill of materials in CycloneDX 1.6: Python packages,
and the npm packages of which the pages of GraphiQL and of the portal are bundled.

`python -m supply.bom` writes it beside the locks; `scripts/lock` does so after each change.
"""

import json
import re
import tomllib
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

ROOT: Final = Path(__file__).parents[1]
BOM: Final = ROOT / "bom.cdx.json"
PYTHON: Final = ROOT / "requirements.production.lock"
BUNDLED: Final = ("gateway/http/graphiql/web", "portal/web")
"""Folders whose npm packages stand in a page; what only builds it does not."""
PINNED: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)
INSIDE: Final = "node_modules/"

Component = dict[str, Any]


def bom() -> dict[str, Any]:
    """The whole document, the same for the same locks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    found = {each["purl"]: each for each in (*_python(), *_bundled())}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"{name}@{version}",
                "name": name,
                "version": version,
                "description": project["description"],
            }
        },
        "components": [found[purl] for purl in sorted(found)],
    }


def text() -> str:
    return json.dumps(bom(), indent=1, ensure_ascii=False) + "\n"


def _python() -> Iterator[Component]:
    for name, version in PINNED.findall(PYTHON.read_text()):
        yield _component(name, version, f"pkg:pypi/{name}@{version}")


def _bundled() -> Iterator[Component]:
    for folder in BUNDLED:
        locked = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
        for path, package in locked.items():
            if not path or package.get("dev"):
                continue
            name, version = path.rpartition(INSIDE)[2], package["version"]
            component = _component(name, version, f"pkg:npm/{quote(name)}@{version}")
            yield component | _sealed(package["integrity"]) | _licensed(package)


def _component(name: str, version: str, purl: str) -> Component:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _sealed(integrity: str) -> Component:
    """The hash of the archive; npm writes `sha512-` and base64."""
    return {"hashes": [{"alg": "SHA-512", "content": b64decode(integrity.split("-")[1]).hex()}]}


def _licensed(package: dict[str, Any]) -> Component:
    said = package.get("license")
    return {"licenses": [{"expression": said}]} if said else {}


if __name__ == "__main__":
    BOM.write_text(text())
