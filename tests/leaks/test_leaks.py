"""The seeded leaks stay up to date with the code that they break."""

import pytest

from tests.leaks.__main__ import ROOT, SUITE, Leak, leaks

LEAKS = leaks()


def test_there_are_leaks_enough() -> None:
    assert len({leak.name for leak in LEAKS}) == len(LEAKS) >= 30


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_each_leak_breaks_one_place(leak: Leak) -> None:
    text = (ROOT / leak.file).read_text()

    assert text.count(leak.old) == 1
    assert text.replace(leak.old, leak.new) != text


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_each_leak_is_sought_by_the_suite(leak: Leak) -> None:
    assert any(leak.first == part or leak.first.startswith(part + "/") for part in SUITE)
    assert (ROOT / leak.first).is_file()
