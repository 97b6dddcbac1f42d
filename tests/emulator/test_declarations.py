"""Tables are declared in TOML; what a declaration gets wrong is said with file and table."""

from pathlib import Path

import pytest

from emulator.declarations import DeclarationError, extended, standard
from emulator.metadata import Catalog, Service, Type
from emulator.store import Store
from emulator.values import guid_order
from tests.emulator.environment import environment, guid, shop

FURTHER = """
[optionsets.new_colour]
1 = "Red"
2 = "Blue"

[salesorder.columns]
"string 40" = "new_code"
"choice new_colour" = "new_colour"
"lookup new_depot:new_Depot:new_depot_orders" = "new_depot"

[new_depot]
set = "new_depots"
name = "new_name"
owner = "user"
keys = { new_code = "new_code" }
[new_depot.columns]
"string 100 required" = "new_name"
"string 10" = "new_code"

[NewShelf]
set = "NewShelves"
service = "finops"
key = ["dataAreaId", "ShelfId"]
[NewShelf.columns]
"string 4 required" = "dataAreaId"
"string 10 required" = "ShelfId"
"""


def further(folder: Path, text: str = FURTHER) -> Catalog:
    path = folder / "further.toml"
    path.write_text(text)
    return extended(standard(), [path])


def test_every_navigation_leads_somewhere_and_back() -> None:
    catalog = standard()
    for table in catalog:
        for navigation in table.navigations.values():
            target = catalog.tables[navigation.target]
            assert all(near in table.columns for near, _ in navigation.on), navigation
            assert all(far in target.columns for _, far in navigation.on), navigation


def test_every_lookup_of_dataverse_can_be_expanded() -> None:
    for table in standard().of(Service.DATAVERSE):
        for column in table.lookups():
            for target in column.targets:
                assert table.navigations[target.navigation].lookup == column.name


def test_an_amount_has_a_twin_in_the_base_currency() -> None:
    for table in standard().of(Service.DATAVERSE):
        for column in table.columns.values():
            if column.type is Type.MONEY and not column.base_of:
                assert f"{column.name}_base" in table.columns


@pytest.mark.anyio
async def test_further_tables_and_columns_are_served_like_the_others(tmp_path: Path) -> None:
    store = Store(further(tmp_path))
    async with environment(shop, store) as web:
        depot = {"new_depotid": guid(7), "new_name": "North", "new_code": "N"}
        assert (await web.send("POST", "new_depots", depot)).status_code == 204
        change = {
            "new_code": "x",
            "new_colour": 2,
            "new_Depot@odata.bind": "/new_depots(new_code='n')",
        }
        assert (await web.send("PATCH", f"salesorders({guid(101)})", change)).status_code == 204

        rows = await web.rows(
            "salesorders?$select=new_code&$filter=new_Depot/new_name eq 'north' and new_colour eq 2"
            "&$expand=new_Depot($select=new_code)"
        )
        assert [(row["new_code"], row["new_Depot"]["new_code"]) for row in rows] == [("x", "N")]
        shelf = {"ShelfId": "A"}
        assert (await web.send("POST", "/data/NewShelves", shelf)).status_code == 201


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[new_x", "further.toml"),
        ("[new_x]\nname = 'a'", "needs a set"),
        ("[new_x]\nset = 'new_xs'\nfoo = 1", "does not know foo"),
        ("[salesorder.columns]\n'text 5' = 'a'", "no column type 'text'"),
        ("[salesorder.columns]\n'lookup nope' = 'a'", "no nope"),
        ("[salesorder.columns]\n'lookup' = 'a'", "names the table it points at"),
        ("[salesorder.columns]\n'choice nope' = 'a'", "no option set 'nope'"),
        ("[salesorder.columns]\n'bool maybe' = 'a'", "does not know maybe"),
        ("[salesorder]\nkeys = { k = 'nope' }", "on nope, no column"),
        ("[optionsets.x]\none = 'One'", "invalid literal"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        further(tmp_path, text)

    assert words in str(raised.value)


def test_a_saved_store_gains_the_columns_declared_since(tmp_path: Path) -> None:
    path = str(tmp_path / "world.sqlite")
    old = Store(standard())
    shop(old)
    old.save(path)

    new = Store(further(tmp_path))
    new.restore(path)

    row = new.get(new.catalog.tables["salesorders"], (guid_order(guid(101)),))
    assert row is not None
    assert (row["name"], row["new_code"]) == ("Order 101", None)
    assert new.version >= old.version


def test_a_choice_that_exists_takes_further_options(tmp_path: Path) -> None:
    text = """
    [salesorder.options.msdyn_processingstatus]
    192350000 = "Not renamed"
    192350077 = "In quality control"
    """

    options = (
        further(tmp_path, text).by_name["salesorder"].columns["msdyn_processingstatus"].options
    )
    untouched = standard().by_name["salesorder"].columns["msdyn_processingstatus"].options

    assert options
    assert untouched
    assert options.options[:-1] == untouched.options
    assert (options.options[-1].value, options.options[-1].label) == (
        192350077,
        "In quality control",
    )
    with pytest.raises(DeclarationError, match="name is no choice"):
        further(tmp_path, "[salesorder.options.name]\n1 = 'One'")
