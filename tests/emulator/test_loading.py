"""Exports become the store's rows, whatever their spelling; what does not fit is named exactly."""

import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.declarations import standard
from emulator.file_problems import LoadError
from emulator.loading import Loaded, load
from emulator.references import Reference, guid, reference
from emulator.store import Store
from emulator.values import guid_order, guid_text
from emulator.world.generation import world_rows
from emulator.world.sizes import Size

ACCOUNT = "11111111-1111-4111-8111-111111111111"
CONTACT = "22222222-2222-4222-8222-222222222222"
COMPANY = "33333333-3333-4333-8333-333333333333"
LABEL = "@OData.Community.Display.V1.FormattedValue"
KIND = "@Microsoft.Dynamics.CRM.lookuplogicalname"
TINY = Size(companies=2, accounts=12, contacts=12, products=20, orders=40)

Files = dict[str, list[Any]]


def export(folder: Path, files: Files) -> Path:
    for name, rows in files.items():
        path = folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    return folder


def loaded(folder: Path, files: Files, *, lenient: bool = False) -> tuple[Store, Loaded]:
    store = Store(standard())
    return store, load(store, export(folder, files), lenient=lenient)


def row(store: Store, entity_set: str) -> dict[str, Any]:
    return store.select(store.catalog.tables[entity_set], "1")[0]


def refusal(folder: Path, files: Files) -> list[str]:
    with pytest.raises(LoadError) as caught:
        loaded(folder, files)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_rows_come_as_the_web_api_returns_them(tmp_path: Path) -> None:
    account = {
        "@odata.context": "https://org.example/api/data/v9.2/$metadata#accounts",
        "@odata.etag": 'W/"502186"',
        "accountid": f"{{{ACCOUNT.upper()}}}",
        "name": "Contoso",
        "creditlimit": 1234.5,
        f"creditlimit{LABEL}": "$1,234.50",
        "_primarycontactid_value": CONTACT.upper(),
        f"_primarycontactid_value{KIND}": "contact",
        "createdon": "2024-02-29T12:00:00Z",
    }

    store, done = loaded(
        tmp_path,
        {
            "dataverse/accounts": [account],
            "dataverse/contacts": [{"contactid": CONTACT, "lastname": "Doe", "firstname": "J"}],
        },
    )

    found = row(store, "accounts")
    assert done.counts == {"accounts": 1, "contacts": 1}
    assert found["accountid"] == guid_order(ACCOUNT)
    assert found["_primarycontactid_value"] == guid_order(CONTACT)
    assert (found["name"], found["createdon"]) == ("Contoso", "2024-02-29T12:00:00Z")
    assert row(store, "contacts")["fullname"] == "J Doe"


@pytest.mark.parametrize(
    "url",
    [
        f"/accounts({ACCOUNT})",
        f"accounts({ACCOUNT.upper()})",
        f"https://org.example/api/data/v9.2/accounts({ACCOUNT})",
        f"/accounts(accountnumber='O''Neil/(1), x',_msdyn_company_value={COMPANY})",
        f"accounts(_msdyn_company_value={COMPANY.upper()},accountnumber='o''neil/(1), X')",
    ],
)
def test_rows_come_as_the_web_api_accepts_them(tmp_path: Path, url: str) -> None:
    account = {
        "accountid": ACCOUNT,
        "name": "x",
        "accountnumber": "O'Neil/(1), x",
        "msdyn_company@odata.bind": f"/cdm_companies({COMPANY})",
    }

    store, _ = loaded(
        tmp_path,
        {
            "dataverse/contacts": [{"lastname": "y", "parentcustomerid_account@odata.bind": url}],
            "dataverse/accounts": [account],
            "dataverse/cdm_companies": [{"cdm_companyid": COMPANY, "cdm_companycode": "USMF"}],
        },
    )

    assert row(store, "contacts")["_parentcustomerid_value"] == guid_order(ACCOUNT)


def test_the_case_of_a_navigation_property_does_not_matter(tmp_path: Path) -> None:
    account = {"name": "x", "msdyn_Company@odata.bind": f"/cdm_companies({COMPANY})"}

    store, _ = loaded(
        tmp_path,
        {
            "dataverse/accounts": [account],
            "dataverse/cdm_companies": [{"cdm_companyid": COMPANY, "cdm_companycode": "USMF"}],
        },
    )

    assert row(store, "accounts")["_msdyn_company_value"] == guid_order(COMPANY)


def test_a_row_without_id_always_gets_the_same_one(tmp_path: Path) -> None:
    files: Files = {"dataverse/accounts": [{"name": "a"}, {"name": "b"}]}
    first, _ = loaded(tmp_path, files)
    second, _ = loaded(tmp_path, files)

    ids = [each["accountid"] for each in first.select(first.catalog.tables["accounts"], "1")]

    assert ids == [e["accountid"] for e in second.select(second.catalog.tables["accounts"], "1")]
    assert len(set(ids)) == 2
    assert UUID(guid_text(str(ids[0]))).version == 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_and_blank_lines_are_no_rows(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "dataverse"
    folder.mkdir()
    text = '\r\n{"name": "Łódź"}\r\n\r\n{"name": "東京"}\r\n'
    (folder / "accounts.jsonl").write_bytes(text.encode(encoding))
    store = Store(standard())

    done = load(store, tmp_path)

    assert done.counts == {"accounts": 2}
    assert row(store, "accounts")["name"] == "Łódź"


def test_rows_of_the_erp_are_loaded_too(tmp_path: Path) -> None:
    customer = {"@odata.etag": "W/x", "dataAreaId": "usmf", "CustomerAccount": "US-001"}

    store, _ = loaded(tmp_path, {"finops/CustomersV3": [customer]})

    assert row(store, "CustomersV3")["OrganizationName"] == ""


def test_an_expanded_row_stands_for_its_lookup(tmp_path: Path) -> None:
    contact = {"lastname": "x", "parentcustomerid_account": {"accountid": ACCOUNT, "name": "y"}}

    store, _ = loaded(
        tmp_path,
        {
            "dataverse/contacts": [contact],
            "dataverse/accounts": [{"accountid": ACCOUNT, "name": "y"}],
        },
    )

    assert row(store, "contacts")["_parentcustomerid_value"] == guid_order(ACCOUNT)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ({"name": "x", "nane": 1}, "nane: no such column; did you mean 'name'?"),
        (
            {"primarycontactid": CONTACT},
            "primarycontactid: no such column; a lookup is written _primarycontactid_value",
        ),
        ({"zz@odata.bind": "/contacts(x)"}, "zz@odata.bind: no such navigation property"),
        ({"accountid": "abc"}, "accountid: 'abc' is not a GUID"),
        ({"creditlimit": "much"}, "creditlimit: "),
        ({"name": "x" * 161}, "name: A validation error occurred. The length of the 'name'"),
        ({"msdyn_onholdstatus": 7}, "msdyn_onholdstatus: A validation error occurred"),
        ({"createdon": "yesterday"}, "createdon: "),
        (
            {"primarycontactid@odata.bind": f"/leads({CONTACT})"},
            "primarycontactid@odata.bind: takes contacts, not leads",
        ),
        ({"primarycontactid@odata.bind": "contacts"}, "primarycontactid@odata.bind: 'contacts' is"),
        ({"primarycontactid@odata.bind": ["/x"]}, "primarycontactid@odata.bind: a bind is one URL"),
        ({"contact_customer_accounts": [{}]}, "contact_customer_accounts: rows inside of a row"),
        ("{", "not JSON: "),
        ("[1]", "a line must hold one JSON object"),
        ({"value": [{"name": "x"}]}, "a whole answer; put each row"),
        (
            {"_primarycontactid_value": CONTACT},
            f"_primarycontactid_value: points at no row: {CONTACT}",
        ),
        (
            {"primarycontactid@odata.bind": "/contacts(emailaddress1='x')"},
            "_primarycontactid_value: points at no row: /contacts(emailaddress1='x')",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_file_and_line(
    tmp_path: Path, line: Any, problem: str
) -> None:
    (found,) = refusal(tmp_path, {"dataverse/accounts": [{"name": "good"}, "", line]})

    assert found.startswith(f"dataverse/accounts.jsonl:3: {problem}")


def test_each_cause_is_told_once_with_its_count(tmp_path: Path) -> None:
    rows = [{"name": str(number), "custom": number} for number in range(5)]

    (found,) = refusal(tmp_path, {"dataverse/accounts": rows})

    assert found == (
        "dataverse/accounts.jsonl:1: custom: no such column; declare it with --metadata"
        " (and 4 more like it)"
    )


def test_a_key_that_comes_twice_is_refused(tmp_path: Path) -> None:
    twice = {"accountid": ACCOUNT, "name": "x"}

    (found,) = refusal(tmp_path, {"dataverse/accounts": [twice, twice]})

    assert found.startswith("dataverse/accounts.jsonl:2: a row with the same key is there already")


def test_an_erp_row_needs_its_key(tmp_path: Path) -> None:
    (found,) = refusal(tmp_path, {"finops/CustomersV3": [{"dataAreaId": "usmf"}]})

    assert found == "finops/CustomersV3.jsonl:1: no value for the key column CustomerAccount"


@pytest.mark.parametrize(
    ("name", "advice"),
    [("acounts", "; did you mean 'accounts'?"), ("zzz", "; declare it with --metadata")],
)
def test_a_file_of_an_unknown_set_is_refused(tmp_path: Path, name: str, advice: str) -> None:
    (found,) = refusal(tmp_path, {f"dataverse/{name}": []})

    assert found == f"dataverse/{name}.jsonl: no table has the set {name}{advice}"


def test_files_in_another_format_are_not_passed_over(tmp_path: Path) -> None:
    export(tmp_path, {"dataverse/accounts": []})
    (tmp_path / "dataverse" / "contacts.json").write_text("[]")

    (found,) = refusal(tmp_path, {})

    assert "is not read" in found


def test_a_folder_without_exports_is_refused(tmp_path: Path) -> None:
    (found,) = refusal(tmp_path, {})

    assert "holds neither" in found


def test_a_refused_load_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(standard())
    export(tmp_path, {"dataverse/accounts": [{"name": "x"}, {"nane": "y"}]})

    with pytest.raises(LoadError):
        load(store, tmp_path)

    assert store.select(store.catalog.tables["accounts"], "1") == []


def test_lenient_loads_the_rest_and_lists_what_it_left_out(tmp_path: Path) -> None:
    rows = [
        {"accountid": ACCOUNT, "name": "kept", "custom": 1, "_primarycontactid_value": CONTACT},
        {"accountid": ACCOUNT, "name": "twice"},
        {"name": "long", "telephone1": "1" * 256},
        "{",
    ]

    store, done = loaded(tmp_path, {"dataverse/accounts": rows}, lenient=True)

    assert done.counts == {"accounts": 2}
    assert row(store, "accounts")["name"] == "kept"
    assert row(store, "accounts")["_primarycontactid_value"] is None
    assert len(done.skipped) == 5


def test_owners_may_stay_behind(tmp_path: Path) -> None:
    account = {"name": "x", "_ownerid_value": CONTACT, "_createdby_value": CONTACT}

    _, done = loaded(tmp_path, {"dataverse/accounts": [account]})

    assert len(done.skipped) == 0


def test_amounts_keep_every_digit(tmp_path: Path) -> None:
    line = '{"name": "x", "creditlimit": 90071992547409.93}'

    store, _ = loaded(tmp_path, {"dataverse/accounts": [line]})

    assert row(store, "accounts")["creditlimit"] == 9007199254740993


def written(value: object) -> object:
    """Days and amounts as a file holds them."""
    return value.isoformat() if isinstance(value, date) else float(str(value))


def test_a_generated_world_survives_the_way_through_files(tmp_path: Path) -> None:
    world: Files = {}
    catalog = standard()
    direct = Store(catalog)
    for entity_set, each in world_rows(TINY, 3):
        direct.insert(entity_set, [each])
        service = catalog.tables[entity_set].service
        world.setdefault(f"{service}/{entity_set}", []).append(json.dumps(each, default=written))

    through_files, _ = loaded(tmp_path, world)

    for table in catalog:
        changing = {"versionnumber", "@version", "createdon", "modifiedon"}
        assert [
            {name: value for name, value in each.items() if name not in changing}
            for each in through_files.select(table, "1 ORDER BY rowid")
        ] == [
            {name: value for name, value in each.items() if name not in changing}
            for each in direct.select(table, "1 ORDER BY rowid")
        ], table.set


@given(st.text())
def test_any_text_is_a_reference_or_a_value_error(text: str) -> None:
    try:
        found = reference(text)
    except ValueError:
        return
    assert found.id or found.key


@given(st.uuids())
def test_every_spelling_of_a_guid_is_the_same_guid(identifier: UUID) -> None:
    plain = str(identifier)

    for spelling in (plain, plain.upper(), f"{{{plain}}}", identifier.hex):
        assert guid(spelling) == plain


@settings(max_examples=50)
@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_a_key_value_survives_quoting(value: str) -> None:
    quoted = value.replace("'", "''")

    found = reference(f"/accounts(accountnumber='{quoted}')")

    assert found == Reference("accounts", None, (("accountnumber", value),))


def test_ids_of_binds_are_normalised() -> None:
    identifier = uuid4()

    assert reference(f"/accounts({str(identifier).upper()})").id == str(identifier)
