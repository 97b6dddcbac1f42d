"""
Applies each seeded leak alone to a copy of the tree and runs the suite, which must fail.

`python -m tests.leaks` from the root of the repository; `scripts/check --leaks` does it. Exit 1
where a leak was not caught, or where the suite fails without one.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from click import echo

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).with_name("leaks.toml")
SUITE = (
    "tests/front",
    "tests/gateway/auth",
    "tests/gateway/test_app.py",
    "tests/gateway/test_endpoint.py",
    "tests/gateway/plans/test_expands.py",
    "tests/gateway/plans/test_rows_by_id.py",
    "tests/gateway/loaders/test_bounds.py",
    "tests/gateway/loaders/test_keyset.py",
    "tests/gateway/upstream/test_odata.py",
    "tests/gateway/upstream/test_base64_values.py",
    "tests/gateway/orders/test_accepting_quotes.py",
    "tests/gateway/orders/test_callers_keys.py",
    "tests/gateway/orders/test_hostile_acceptance.py",
    "tests/gateway/orders/test_requesting_quotes.py",
    "tests/gateway/orders/test_identity.py",
    "tests/simulation/test_turns.py",
    "tests/gateway/proofs/test_gate.py",
    "tests/gateway/orders/test_reach.py",
    "tests/gateway/test_roles.py",
    "tests/gateway/test_accounts.py",
    "tests/gateway/test_calculated_prices.py",
    "tests/gateway/test_promises.py",
    "tests/gateway/test_customer_items.py",
    "tests/gateway/test_categories.py",
    "tests/gateway/test_pictures.py",
    "tests/gateway/test_quotes.py",
    "tests/gateway/test_enumerations.py",
    "tests/gateway/test_returns.py",
    "tests/gateway/test_shared_links.py",
    "tests/gateway/test_cost_told.py",
    "tests/gateway/test_health.py",
    "tests/gateway/test_hidden_columns.py",
    "tests/gateway/test_kept_rows.py",
    "tests/gateway/test_followed_rows.py",
    "tests/gateway/test_seen_rows.py",
    "tests/gateway/test_pool.py",
    "tests/gateway/test_refused_once.py",
    "tests/gateway/test_explaining.py",
    "tests/gateway/audit",
    "tests/gateway/test_audit.py",
    "tests/gateway/test_isolation.py",
    "tests/gateway/test_money.py",
    "tests/gateway/test_papers.py",
    "tests/gateway/test_extensions.py",
    "tests/gateway/test_colleague_attacks.py",
    "tests/gateway/test_colleagues.py",
    "tests/gateway/test_own_addresses.py",
    "tests/gateway/test_own_mutations.py",
    "tests/gateway/test_parents.py",
    "tests/gateway/orders/test_uncertain.py",
    "tests/gateway/orders/test_terms.py",
    "tests/gateway/orders/test_credit.py",
    "tests/gateway/orders/test_every_way.py",
    "tests/gateway/orders/test_hidden_members.py",
    "tests/portal/test_callback.py",
    "tests/portal/test_forgery.py",
    "tests/portal/test_live_ends.py",
    "tests/portal/test_second_tries.py",
    "tests/portal/test_shared_drafts.py",
    "tests/portal/test_sorting.py",
    "tests/portal/test_stopping.py",
    "tests/portal/test_stores.py",
    "tests/portal/test_stores_away.py",
    "tests/portal/test_templates.py",
    "tests/portal/test_typed.py",
    "tests/spreadsheets/test_writing.py",
    "tests/gateway/live",
    "tests/gateway/telling",
    "tests/gateway/deliveries",
    "tests/portal/test_mails.py",
    "tests/gateway/proofs",
)
BUILT = ("gateway/http/graphiql/web/dist", "portal/web/dist")
"""The folders that `scripts/install` fills; without them pages fail with a leak and without."""
FAILED = 1
"""pytest's exit code where tests ran and failed; others mean that they did not run."""
WORKERS = 2


@dataclass(frozen=True)
class Leak:
    """A defect: `old` is found once in `file` and becomes `new`. `first` is run before the rest."""

    name: str
    file: str
    old: str
    new: str
    first: str


def leaks() -> list[Leak]:
    return [Leak(**each) for each in tomllib.loads(DATA.read_text())["leak"]]


def main(names: Iterable[str]) -> int:
    """Try the leaks whose names hold one of `names`, or all; say which were caught."""
    wanted = [each for each in leaks() if not names or any(name in each.name for name in names)]
    with _trees(WORKERS) as trees, ThreadPoolExecutor(WORKERS) as pool:
        first = sorted({each.first for each in wanted})
        sound = pool.submit(_passes, trees, first if names else SUITE)
        verdicts = list(pool.map(lambda leak: _caught(leak, trees), wanted))
    echo(f"{sum(verdicts)} of {len(wanted)} leaks caught")
    if not sound.result():
        echo("but the suite fails without any leak")
    return 0 if all(verdicts) and sound.result() else 1


def _passes(trees: Queue[Path], suite: Sequence[str]) -> bool:
    """True if the tests pass without a leak."""
    tree = trees.get()
    try:
        return _run(tree, suite) == 0
    finally:
        trees.put(tree)


def _caught(leak: Leak, trees: Queue[Path]) -> bool:
    tree = trees.get()
    file = tree / leak.file
    sound = file.read_text()
    try:
        file.write_text(sound.replace(leak.old, leak.new))
        found = _run(tree, [leak.first]) == FAILED or _run(tree, SUITE) == FAILED
    finally:
        file.write_text(sound)
        trees.put(tree)
    echo(f"{'caught' if found else 'NOT CAUGHT':10} {leak.name}")
    return found


def _run(tree: Path, tests: Iterable[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=environment, check=False, **quiet).returncode  # type: ignore[call-overload,no-any-return]


@contextmanager
def _trees(count: int) -> Iterator[Queue[Path]]:
    """Copies of what git knows of the tree, which take turns."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    built = [str(path.relative_to(ROOT)) for one in BUILT for path in (ROOT / one).rglob("*")]
    known = (*listing.stdout.decode().split("\0"), *built)
    names = [name for name in known if (ROOT / name).is_file()]
    with tempfile.TemporaryDirectory() as folder:
        trees: Queue[Path] = Queue()
        for number in range(count):
            tree = Path(folder) / str(number)
            for name in names:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
            trees.put(tree)
        yield trees


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
