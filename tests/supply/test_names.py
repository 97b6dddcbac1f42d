"""The names of our packages, which stand beside those of everybody else in an environment."""

from importlib.metadata import distribution, packages_distributions

OURS = "dynamics-gateway"
NAMES = {"dynamics", "emulator", "front", "gateway", "portal", "spreadsheets", "variables"}


def test_nothing_else_that_the_locks_install_bears_the_name_of_a_package_of_ours() -> None:
    owners = packages_distributions()
    ours = {name for name, found in owners.items() if OURS in found and name.isidentifier()}

    assert distribution(OURS).version
    assert {name: set(owners[name]) for name in ours} == {name: {OURS} for name in ours}
    assert {name for name in ours if not name.startswith("_")} == NAMES
