"""
Both ways to run an operation give the same answer, byte for byte, from the same calls to Dynamics.

The usual run asks 750 times, `scripts/check --nightly` 2,500 times, and `scripts/check
--differential` a hundred thousand times.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import DocumentNode
from starlette.applications import Starlette

from gateway.engine.document_form import Spelling
from gateway.engine.documents import Documents, SharedPlans
from tests.gateway.differential import coverage, runs
from tests.gateway.differential.operations import CALLERS, Operations
from tests.gateway.differential.runs import Materials
from tests.gateway.differential.shrinking import report
from tests.gateway.differential.upsets import FAULTS, ROWS, VALUES, Upsets, asked
from tests.nightly import NIGHTLY

# A cancelled field leaves coroutines of graphql-core behind that were not started yet.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SEEDS = range(8 if NIGHTLY else 1)
EXPANDING = range(100, 102 if NIGHTLY else 101)
LITERAL = range(200, 202 if NIGHTLY else 201)
REQUESTS = 250
"""For each seed."""


@pytest.fixture(scope="session")
def stuff(small_world: Starlette) -> Materials:
    return runs.materials(small_world)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_ways_answer_alike(
    small_world: Starlette, stuff: Materials, seed: int, tmp_path: Path
) -> None:
    tally = runs.run(small_world, stuff, seed, REQUESTS, tmp_path, most=1)

    assert not tally.differences, "\n".join(map(report, tally.differences))
    assert tally.vain() == [], tally


@pytest.mark.parametrize("seed", EXPANDING)
def test_rows_inside_of_rows_make_the_same_answers(
    small_world: Starlette, stuff: Materials, seed: int, tmp_path: Path
) -> None:
    tally = runs.run(small_world, stuff, seed, REQUESTS, tmp_path, most=1, expands=True)

    assert not tally.differences, "\n".join(map(report, tally.differences))
    assert tally.compiled > REQUESTS / 4


@pytest.mark.parametrize("seed", LITERAL)
def test_plans_in_which_literals_are_variables_make_the_same_answers(
    small_world: Starlette,
    stuff: Materials,
    seed: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Documents, "_plans_of", as_if_another_of_the_form_had_come_before)

    tally = runs.run(small_world, stuff, seed, REQUESTS, tmp_path, most=1, expands=seed % 2 == 0)

    assert not tally.differences, "\n".join(map(report, tally.differences))
    assert tally.compiled > REQUESTS / 10


PLANS_OF = Documents._plans_of


def as_if_another_of_the_form_had_come_before(
    documents: Documents, node: DocumentNode, spelled: Spelling, size: int
) -> tuple[SharedPlans, Mapping[str, Any]]:
    if spelled.literals:
        documents._shared.setdefault(spelled.form, SharedPlans({}, 0, (spelled.form,)))
    return PLANS_OF(documents, node, spelled, size)


MOST = 5_000
"""Operations among which every field comes up three times."""


def test_the_operations_are_of_every_form_and_over_the_whole_schema(stuff: Materials) -> None:
    operations = Operations(stuff.samples, stuff.own, 6)
    stream = [operations.ask() for _ in range(2_000)]
    fields, forms = coverage.fields(stream), coverage.forms(stream)
    while rare := [name for name in coverage.reachable() if fields[name] < 3]:
        # Each member that the schema gets makes the others rarer.
        assert len(stream) < MOST, rare
        more = [operations.ask() for _ in range(500)]
        stream += more
        fields += coverage.fields(more)
        forms += coverage.forms(more)

    assert [name for name in coverage.FORMS if forms[name] < 5] == []
    assert {f"caller {name}" for name in CALLERS} <= forms.keys()
    assert all(forms[name] >= 10 for name in ("explain", "method GET", "header X-Account"))


def test_a_misfortune_is_the_same_however_keys_are_batched() -> None:
    upsets = Upsets(seed=7, values=0.5, rows=0.3)
    rows = [{"accountid": f"{n}", "name": "x", "company": {"code": "usmf"}} for n in range(40)]

    together = upsets.changed("accounts", {"value": rows})["value"]
    apart = [out for row in rows for out in upsets.changed("accounts", {"value": [row]})["value"]]

    assert together == apart != rows
    assert asked("accounts?$select=a&$filter=accountid eq 1&$top=3") == asked(
        "accounts?$select=b&$filter=Microsoft.Dynamics.CRM.In("
        'PropertyName=\'accountid\',PropertyValues=["1","2"])&$top=9'
    )


def test_every_misfortune_comes_about() -> None:
    met: set[str] = set()
    for seed in range(1_500):
        upsets = Upsets(seed=seed, values=0.9, rows=0.9, answers=0.9)
        upsets.fault("accounts?$filter=name eq 'x'")
        upsets.changed("accounts", {"value": [{"accountid": "1", "name": "x"}]})
        met |= upsets.met.keys()

    assert met == {*FAULTS, *ROWS, *VALUES, "missing"}
