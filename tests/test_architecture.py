"""The shape of the house: import arrows, sizes, and what must never be committed."""

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("dynamics", "front", "gateway", "emulator", "portal", "spreadsheets", "variables")
SHARED = {"dynamics", "front", "spreadsheets", "variables"}
"""Packages that the others may import: facts, and what several of them do alike."""
SERVICES = {"dataverse", "finops"}
"""Packages of the emulator that have modules of the same name: each does it for its service."""
MODULES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if "node_modules" not in path.parts
)
TREES = {path: ast.parse(path.read_text()) for path in MODULES}

LAYERS = (
    ("gateway.__main__",),
    ("gateway.commands",),
    ("gateway.app",),
    ("gateway.outside", "gateway.rereading"),
    ("gateway.sharing",),
    ("gateway.tracing",),
    ("gateway.http",),
    ("gateway.plans",),
    ("gateway.extension",),
    ("gateway.resolvers",),
    ("gateway.doctor",),
    ("gateway.directory", "gateway.paperwork", "gateway.reconciling"),
    ("gateway.persons",),
    ("gateway.feeds",),
    ("gateway.schema",),
    ("gateway.loaders",),
    ("gateway.metadata",),
    ("gateway.model",),
    ("gateway.audit",),
    ("gateway.auth",),
    ("gateway.upstream", "gateway.engine"),
    ("gateway.client",),
    ("gateway.admission",),
    ("gateway.config",),
    ("gateway.errors",),
    ("gateway.ceiling", "gateway.memory"),
    ("gateway.encoding", "gateway.keying", "gateway.observing"),
)
"""Top to bottom: a module imports from its own package or from lines below it."""

MAY_IMPORT_ALL = {"gateway.commands.demo"}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}

FORBIDDEN_TEXT = re.compile(
    "|".join(
        (
            r"registry\.npmjs",
            r"pythonhosted",
            r"pypi\.org/simple",
            r"/" + r"work/(main|shared|developer)",
            r"/" + r"root/",
            r"file:///",
            r"BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]",
        )
    )
)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def layer_of(module: str) -> int | None:
    for height, layer in enumerate(LAYERS):
        if any(module == name or module.startswith(f"{name}.") for name in layer):
            return height
    return None


def package_in_layer(module: str) -> str:
    return ".".join(module.split(".")[:2])


def modules() -> list[object]:
    return [pytest.param(path, id=name_of(path)) for path in MODULES]


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name]


@pytest.mark.parametrize("path", modules())
def test_imports_point_down(path: Path) -> None:
    module = name_of(path)
    height = layer_of(module)
    for imported in imports_of(TREES[path]):
        below = layer_of(imported)
        if height is None or below is None:
            continue
        same = package_in_layer(imported) == package_in_layer(module)
        assert same or below > height, f"{module} must not import {imported}"


@pytest.mark.parametrize("path", modules())
def test_every_module_of_the_gateway_has_a_layer(path: Path) -> None:
    module = name_of(path)

    assert not module.startswith("gateway.") or layer_of(module) is not None


@pytest.mark.parametrize("path", modules())
def test_the_packages_know_nothing_of_each_other(path: Path) -> None:
    module = name_of(path)
    if module in MAY_IMPORT_ALL:
        return
    others = {name for name in PACKAGES if name != module.split(".")[0]} - SHARED

    assert others.isdisjoint(name.split(".")[0] for name in imports_of(TREES[path]))


@pytest.mark.parametrize("path", modules())
def test_nothing_is_imported_inside_a_function_or_for_the_type_checker_only(path: Path) -> None:
    nested = [node for function in functions_of(TREES[path]) for node in ast.walk(function)]

    assert not [node for node in nested if isinstance(node, ast.Import | ast.ImportFrom)]
    assert "TYPE_CHECKING" not in path.read_text()


@pytest.mark.parametrize("program", ["gateway", "emulator", "portal"])
def test_a_class_name_stands_for_one_thing(program: str) -> None:
    named: dict[str, set[str]] = {}
    for path, tree in TREES.items():
        if name_of(path).split(".")[0] in {program, *SHARED}:
            for each in tree.body:
                if isinstance(each, ast.ClassDef):
                    named.setdefault(each.name, set()).add(name_of(path))

    assert {name: paths for name, paths in named.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("program", ["gateway", "emulator", "portal"])
def test_a_module_name_stands_for_one_module(program: str) -> None:
    named: dict[str, set[str]] = {}
    for name in (name_of(path) for path in MODULES if not path.stem.startswith("__")):
        if name.split(".")[0] in {program, *SHARED}:
            named.setdefault(name.split(".")[-1], set()).add(name)

    alike = {name: paths for name, paths in named.items() if len(paths) > 1}
    services = {
        name for name, of in alike.items() if {each.split(".")[1] for each in of} == SERVICES
    }
    assert alike.keys() - services == set()


@pytest.mark.parametrize("path", modules())
def test_a_module_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", modules())
def test_a_module_says_what_it_is_and_init_modules_are_empty(path: Path) -> None:
    if path.name == "__init__.py":
        assert path.read_text().strip() == ""
    else:
        assert ast.get_docstring(TREES[path])


@pytest.mark.parametrize("path", modules())
def test_a_module_is_named_after_its_subject(path: Path) -> None:
    assert FORBIDDEN_NAMES.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_median_function_is_under_ten_lines(package: str) -> None:
    lengths = [
        (function.end_lineno or function.lineno) - function.lineno + 1
        for path, tree in TREES.items()
        if name_of(path).startswith(package)
        for function in functions_of(tree)
    ]

    assert statistics.median(lengths) < 10


def test_nothing_committed_names_a_registry_a_machine_path_or_a_secret() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if path.is_file() and (match := FORBIDDEN_TEXT.search(path.read_text(errors="ignore")))
    ]

    assert [line for line in found if "test_architecture" not in line] == []


def test_locks_carry_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z0-9-]+==.*?(?=^[a-z0-9-]+==|\Z)", lock, re.DOTALL | re.MULTILINE)

    assert pinned
    assert all("--hash=sha256:" in entry for entry in pinned)
    assert "://" not in lock


MAY_REACH_HTTP = {
    "gateway.doctor.surroundings",
    "gateway.app",
    "gateway.audit.otlp",
    "gateway.auth.signing_keys",
    "gateway.commands.operator",
    "gateway.commands.demo",
    "gateway.outside",
    "gateway.paperwork",
}
"""
Besides `client` and `upstream`: `outside` makes the clients, the doctor asks for the time,
auth fetches keys, the audit is sent to its collector, and the demo asks itself. `operator` only
hands a transport on.
"""
MAY_ASK_UPSTREAM = {
    "gateway.directory",
    "gateway.feeds.following",
    "gateway.http.upstream_metrics",
    "gateway.loaders.asks",
    "gateway.loaders.prepared",
    "gateway.loaders.write_safety",
    "gateway.loaders.reader",
    "gateway.loaders.writer",
    "gateway.metadata.learning",
    "gateway.metadata.fetching",
    "gateway.metadata.origins",
    "gateway.metadata.public_entities",
    "gateway.outside",
    "gateway.paperwork",
    "gateway.reconciling",
    "gateway.tracing.spans",
    "gateway.tracing.tracing",
}
"""
The users of `upstream.service`: customers' reads, mutations (with the columns that they stand on),
callers before there is a principal, feeds of keys and proofs, the operator's comparison, documents,
what counts and traces them, and `outside`, which makes them.
"""
FENCED = ("gateway.client.", "gateway.upstream.")
SENDING = (
    "gateway.client.exchange",
    "gateway.client.transport",
    "gateway.upstream.batch",
    "gateway.upstream.sender",
    "gateway.upstream.service",
)
"""The modules by which something can be asked."""
DATA = {"Allowance", "PAGE_SIZE", "Write", "now"}
"""The names of them that others may use: shapes of data, and a clock."""
DOORS = {"services", "dataverse", "fetch", "fetch_all"}
"""Attributes that lead to a service past the gate."""
TRANSPORTS = {
    "httpx",
    "httpx2",
    "httptools",
    "aiohttp",
    "requests",
    "urllib3",
    "http",
    "socket",
    "websockets",
}


def names_from(tree: ast.Module, module: str) -> set[str]:
    """The names that a module imports from another."""
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


def whole_modules(tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports as `import name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", modules())
def test_http_is_reached_by_upstream_and_for_the_issuers_keys_alone(path: Path) -> None:
    module = name_of(path)
    reaches = {name.split(".")[0] for name in imports_of(TREES[path])} & TRANSPORTS
    if not module.startswith("gateway.") or module.startswith(FENCED):
        return

    assert not reaches or module in MAY_REACH_HTTP


KINDS = {"Back", "Column", "Computed", "Group", "Link"}


@pytest.mark.parametrize("path", modules())
def test_a_kind_of_member_is_known_to_its_own_module_alone(path: Path) -> None:
    nodes = list(ast.walk(TREES[path]))
    asked = {
        node.cls.id
        for node in nodes
        if isinstance(node, ast.MatchClass)
        if isinstance(node.cls, ast.Name)
    }
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id in ("isinstance", "issubclass"):
            asked |= {node.id for node in ast.walk(call.args[1]) if isinstance(node, ast.Name)}
    module = name_of(path)
    free = module.startswith("gateway.model.members.") or not module.startswith("gateway.")

    assert free or not asked & KINDS


@pytest.mark.parametrize("path", modules())
def test_a_reader_is_given_another_principal_by_itself_alone(path: Path) -> None:
    """It has queries that are prepared for its principal and must not serve another."""
    calls = [node for node in ast.walk(TREES[path]) if isinstance(node, ast.Call)]
    given = [call for call in calls if {"principal"} & {each.arg for each in call.keywords}]
    altered = [ast.unparse(call.args[0]) for call in given if call.args]

    assert name_of(path) == "gateway.loaders.reader" or not [
        each for each in altered if each.endswith("reader")
    ]


@pytest.mark.parametrize("path", modules())
def test_nobody_but_the_plans_knows_of_recorded_reads(path: Path) -> None:
    knows = "gateway.upstream.tape" in imports_of(TREES[path])

    assert not knows or name_of(path) == "gateway.plans.plans"


@pytest.mark.parametrize("path", modules())
def test_upstream_is_asked_by_reader_writer_and_directory_alone(path: Path) -> None:
    module = name_of(path)
    if not module.startswith("gateway.") or module.startswith(FENCED):
        return
    if module in MAY_ASK_UPSTREAM or module.startswith("gateway.doctor."):
        return
    tree = TREES[path]
    senders = {name for at in SENDING for name in names_from(tree, at)}
    reached = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert senders <= DATA
    whole = names_from(tree, "gateway.upstream") | names_from(tree, "gateway.client")
    assert not whole, "a module as a whole"
    assert not [name for name in whole_modules(tree) if name.startswith("gateway.")]
    assert not reached & DOORS, "through what a reader or writer holds"
