"""The shape of the house: import arrows, sizes, and what must never be committed."""

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from functools import cache
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
TEXTS = {path: path.read_text() for path in MODULES}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}

LAYERS = (
    ("gateway.__main__",),
    ("gateway.commands",),
    ("gateway.app",),
    ("gateway.assembly",),
    ("gateway.outside", "gateway.rereading"),
    ("gateway.callers", "gateway.dynamics_services"),
    ("gateway.sharing",),
    ("gateway.tracing",),
    ("gateway.http",),
    ("gateway.deliveries",),
    ("gateway.plans",),
    ("gateway.extension",),
    ("gateway.resolvers",),
    ("gateway.doctor",),
    ("gateway.directory", "gateway.paperwork", "gateway.reconciling"),
    ("gateway.persons",),
    ("gateway.feeds",),
    ("gateway.schema",),
    ("gateway.telling",),
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
    ("gateway.encoding", "gateway.derived_keys", "gateway.observing", "gateway.tasks"),
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


@cache
def nodes_of(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def whole_modules(tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports as `import name`."""
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def imports_of(tree: ast.Module) -> tuple[str, ...]:
    """The names of the modules that a module imports, or imports from."""
    froms = [node.module or "" for node in nodes_of(tree) if isinstance(node, ast.ImportFrom)]
    return (*whole_modules(tree), *froms)


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes_of(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def layer_of(module: str) -> int | None:
    for height, layer in enumerate(LAYERS):
        if any(module == name or module.startswith(f"{name}.") for name in layer):
            return height
    return None


def package_in_layer(module: str) -> str:
    return ".".join(module.split(".")[:2])


def modules_of(package: str = "") -> Iterator[tuple[str, ast.Module]]:
    """The dotted names of all modules, or of those of a package, with their trees."""
    for path, tree in TREES.items():
        if f"{name_of(path)}.".startswith(f"{package}." if package else ""):
            yield name_of(path), tree


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name]


def points_up(module: str, imported: str) -> bool:
    height, below = layer_of(module), layer_of(imported)
    if height is None or below is None:
        return False
    return below <= height and package_in_layer(imported) != package_in_layer(module)


def test_imports_point_down() -> None:
    assert [
        f"{module} must not import {imported}"
        for module, tree in modules_of()
        for imported in imports_of(tree)
        if points_up(module, imported)
    ] == []


def test_every_module_of_the_gateway_has_a_layer() -> None:
    names = [name for name, _ in modules_of("gateway") if name != "gateway"]

    assert names
    assert [name for name in names if layer_of(name) is None] == []


def test_the_packages_know_nothing_of_each_other() -> None:
    assert [
        f"{module} must not import {imported}"
        for module, tree in modules_of()
        if module not in MAY_IMPORT_ALL
        for imported in imports_of(tree)
        if imported.split(".")[0] in {*PACKAGES} - SHARED - {module.split(".")[0]}
    ] == []


def test_nothing_is_imported_inside_a_function_or_for_the_type_checker_only() -> None:
    assert [
        f"{module}:{node.lineno}"
        for module, tree in modules_of()
        for function in functions_of(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ] == []
    assert [name_of(path) for path, text in TEXTS.items() if "TYPE_CHECKING" in text] == []


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


def test_a_module_has_at_most_400_lines() -> None:
    lines = {name_of(path): len(text.splitlines()) for path, text in TEXTS.items()}

    assert {name: count for name, count in lines.items() if count > 400} == {}


def test_a_module_says_what_it_is_and_init_modules_are_empty() -> None:
    empty = {path for path in MODULES if path.name == "__init__.py"}

    assert [path for path in empty if TEXTS[path].strip()] == []
    assert [path for path in MODULES if not (path in empty or ast.get_docstring(TREES[path]))] == []


def test_a_module_is_named_after_its_subject() -> None:
    assert [name for name, _ in modules_of() if FORBIDDEN_NAMES & {*name.split(".")}] == []


@pytest.mark.parametrize("program", ["gateway", "emulator", "portal"])
def test_no_two_modules_bear_nearly_the_same_name(program: str) -> None:
    """As `order` and `orders` do, or `batch` and `batching`."""
    alike: dict[str, set[str]] = {}
    for path in MODULES:
        if name_of(path).split(".")[0] in {program, *SHARED} and not path.stem.startswith("__"):
            alike.setdefault(re.sub(r"(ing|ed|es|s|e)$", "", path.stem), set()).add(path.stem)

    assert [names for names in alike.values() if len(names) > 1] == []


@pytest.mark.parametrize("program", ["gateway", "emulator", "portal"])
def test_the_median_function_has_at_most_seven_lines(program: str) -> None:
    lengths = [
        (function.end_lineno or function.lineno) - function.lineno + 1
        for path, tree in TREES.items()
        if name_of(path).startswith(program)
        for function in functions_of(tree)
    ]

    assert statistics.median(lengths) <= 7


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
    "gateway.callers",
    "gateway.dynamics_services",
    "gateway.auth.signing_keys",
    "gateway.commands.operator",
    "gateway.commands.demo",
    "gateway.deliveries.posting",
    "gateway.deliveries.resolving",
    "gateway.outside",
    "gateway.paperwork",
}
"""
Besides `client` and `upstream`: `outside` makes the clients, the doctor asks for the time,
auth fetches keys, the audit is sent to its collector, webhooks to partners, and the demo asks
itself. `operator` only hands a transport on.
"""
MAY_ASK_UPSTREAM = {
    "gateway.callers",
    "gateway.directory",
    "gateway.dynamics_services",
    "gateway.feeds.following",
    "gateway.feeds.polls",
    "gateway.http.upstream_metrics",
    "gateway.loaders.asks",
    "gateway.loaders.calculations",
    "gateway.loaders.prepared",
    "gateway.loaders.erp_availability",
    "gateway.loaders.remembered_answers",
    "gateway.loaders.write_safety",
    "gateway.loaders.reader",
    "gateway.loaders.seen_rows",
    "gateway.loaders.writer",
    "gateway.metadata.learning",
    "gateway.metadata.dataverse_metadata",
    "gateway.metadata.origins",
    "gateway.metadata.public_entities",
    "gateway.outside",
    "gateway.paperwork",
    "gateway.reconciling",
    "gateway.telling.journal",
    "gateway.telling.opening",
    "gateway.tracing.spans",
    "gateway.tracing.tracing",
}
"""
The users of `upstream.service`: customers' reads and what stands in for them, mutations (with the
columns that they stand on), callers before there is a principal, feeds and the journal of keys and
proofs, the operator's comparison, documents, what counts and traces them, the ERP's calculations,
and `outside`, which makes them.
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
        for node in nodes_of(tree)
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


def test_http_is_reached_by_upstream_and_for_the_issuers_keys_alone() -> None:
    reaching = {
        module
        for module, tree in modules_of("gateway")
        if not module.startswith(FENCED)
        if {name.split(".")[0] for name in imports_of(tree)} & TRANSPORTS
    }

    assert reaching - MAY_REACH_HTTP == set()


KINDS = {"Back", "Column", "Computed", "Group", "Link"}


def names_asked_for(tree: ast.Module) -> Iterator[str]:
    """The classes that a module asks a value for, by `match`, `isinstance` or `issubclass`."""
    for node in nodes_of(tree):
        match node:
            case ast.MatchClass(cls=ast.Name(id=name)):
                yield name
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, classes]):
                yield from (each.id for each in ast.walk(classes) if isinstance(each, ast.Name))


def test_a_kind_of_member_is_known_to_its_own_module_alone() -> None:
    asking = {
        module
        for module, tree in modules_of("gateway")
        if not module.startswith("gateway.model.members.")
        if KINDS.intersection(names_asked_for(tree))
    }

    assert asking == set()


def test_a_reader_is_given_another_principal_by_itself_alone() -> None:
    """It has queries that are prepared for its principal and must not serve another."""
    assert [
        f"{module}:{call.lineno}"
        for module, tree in modules_of()
        if module != "gateway.loaders.reader"
        for call in nodes_of(tree)
        if isinstance(call, ast.Call) and call.args
        if "principal" in {each.arg for each in call.keywords}
        if ast.unparse(call.args[0]).endswith("reader")
    ] == []


def test_nobody_but_the_plans_knows_of_recorded_reads() -> None:
    knowing = {m for m, tree in modules_of() if "gateway.upstream.tape" in imports_of(tree)}

    assert knowing == {"gateway.plans.plans"}


def ways_upstream(tree: ast.Module) -> Iterator[str]:
    """The names by which a module reaches upstream services past the gate."""
    yield from {name for at in SENDING for name in names_from(tree, at)} - DATA
    yield from names_from(tree, "gateway.upstream") | names_from(tree, "gateway.client")
    yield from (name for name in whole_modules(tree) if name.startswith("gateway."))
    attributes = (node.attr for node in nodes_of(tree) if isinstance(node, ast.Attribute))
    yield from DOORS.intersection(attributes)


def test_upstream_is_asked_by_reader_writer_and_directory_alone() -> None:
    assert {
        module: found
        for module, tree in modules_of("gateway")
        if not module.startswith((*FENCED, "gateway.doctor."))
        if module not in MAY_ASK_UPSTREAM
        if (found := sorted(ways_upstream(tree)))
    } == {}
