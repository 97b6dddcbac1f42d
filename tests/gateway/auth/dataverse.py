"""A few Dataverse tables with Dataverse's careless equality, to look callers up in."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import UUID, uuid5

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emulator.exchange import Answer
from emulator.multipart import boundary, joined, part_of, parts
from emulator.multipart import request as multipart_request
from gateway.admission.vault import Vault
from gateway.client.exchange import Httpx2Transport
from gateway.directory import Directory
from gateway.metadata import assumed
from gateway.metadata.wire_names import named, wanted
from gateway.model.tables import TABLES
from gateway.upstream.dialects import DATAVERSE
from gateway.upstream.names import Names
from gateway.upstream.service import Service
from tests.gateway.auth.issuing import URL
from tests.schema import shipped

shipped()  # The vocabulary is complete when the language is.

NAMES = UUID("6c1c1b9e-3f0d-4a53-9d6f-0d5a6f3c2b11")
TERM = re.compile(r"([\w/]+) eq ('(?:[^']|'')*'|[^ )]+)")
IN = re.compile(r"PropertyName='(\w+)',PropertyValues=\[(.*)\]")

EXPANDED = re.compile(r"(\w+)\(")
CONTENT = "Content-Type"
LEADS = {
    "_adx_contactid_value": ("contacts", "contactid"),
    "_msdyn_contactid_value": ("contacts", "contactid"),
    "_msdyn_associatedaccountid_value": ("accounts", "accountid"),
    "_parentcustomerid_value": ("accounts", "accountid"),
}
"""The collection that a lookup leads to, and its key."""

Row = dict[str, Any]


def guid(name: str) -> str:
    return str(uuid5(NAMES, name))


def account(name: str, company: str | None = "usmf", **changes: Any) -> Row:
    return {
        "accountid": guid(name),
        "accountnumber": name,
        "statecode": 0,
        "msdyn_company": {"cdm_companycode": company} if company else None,
        "_defaultpricelevelid_value": guid("list"),
        "_transactioncurrencyid_value": guid("EUR"),
    } | changes


def contact(name: str, parent: str | None = "US-001", **changes: Any) -> Row:
    return {
        "contactid": guid(name),
        "fullname": name.title(),
        "emailaddress1": f"{name}@shop.example",
        "statecode": 0,
        "_parentcustomerid_value": guid(parent) if parent else None,
        "_defaultpricelevelid_value": None,
        "_transactioncurrencyid_value": None,
        "_masterid_value": None,
    } | changes


def party(name: str, customer: str | None, **changes: Any) -> Row:
    return {
        "msdyn_contactforpartyid": guid(f"{name} at {customer}"),
        "statecode": 0,
        "_msdyn_contactid_value": guid(name),
        "_msdyn_associatedaccountid_value": guid(customer) if customer else None,
    } | changes


def identity(subject: str, name: str | None, issuer: str = URL) -> Row:
    return {
        "adx_username": subject,
        "adx_identityprovidername": issuer,
        "_adx_contactid_value": guid(name) if name else None,
    }


class Dataverse:
    """
    Rows by collection. `careless` makes it ignore every filter; `asked` keeps what was asked,
    `calls` counts the requests.
    """

    def __init__(self, *, careless: bool = False) -> None:
        self.careless = careless
        self.failure: Response | None = None
        self.refusals: dict[str, Response] = {}
        self.asked: list[tuple[str, str]] = []
        self.calls = 0
        self._found: dict[str, tuple[int, int, dict[str, Row]]] = {}
        self.tables: dict[str, list[Row]] = {
            "accounts": [account("US-001"), account("US-002"), account("US-003", "dat")],
            "contacts": [contact("jane"), contact("sam"), contact("may", "US-002")],
            "adx_externalidentities": [],
            "msdyn_contactforparties": [],
        }

    async def _read(self, request: Request) -> Response:
        self.calls += 1
        return self._answer(request.path_params["collection"], request.query_params)

    async def _batch(self, request: Request) -> Response:
        self.calls += 1
        if self.failure:
            return self.failure
        asked = list(parts(await request.body(), boundary(request.headers[CONTENT])))
        answers = [self._part(httpx2.URL(multipart_request(part).url)) for part in asked]
        headers = {CONTENT: "multipart/mixed; boundary=answers"}
        return Response(joined("answers", answers), headers=headers)

    def _part(self, url: httpx2.URL) -> bytes:
        answer = self._answer(url.path.rpartition("/")[2], url.params)
        return part_of(Answer(answer.status_code, json.loads(bytes(answer.body))))

    def _answer(self, collection: str, params: Mapping[str, str]) -> Response:
        text = params["$filter"]
        self.asked.append((collection, text))
        if answer := self.failure or self.refusals.get(collection):
            return answer
        if collection not in self.tables:
            said = f"Resource not found for the segment '{collection}'."
            return JSONResponse({"error": {"code": "0x8006088a", "message": said}}, 404)
        expands = EXPANDED.findall(params.get("$expand", ""))
        matches = self._matching(text)
        rows = [row for row in self.tables[collection] if matches(row)]
        top = int(params.get("$top", 5_000))
        return JSONResponse({"value": [self._expanded(row, expands) for row in rows[:top]]})

    def _expanded(self, row: Row, navigations: list[str]) -> Row:
        """The row with those inside of it to which these navigation properties lead."""
        lookups = {name: f"_{name.removesuffix('_account')}_value" for name in navigations}
        inside = {name: self._led(row, at) for name, at in lookups.items() if at in row}
        return row | {
            name: found and self._expanded(found, navigations) for name, found in inside.items()
        }

    def _led(self, row: Row, lookup: str) -> Row | None:
        """The account or contact to which a lookup leads, as its name says."""
        collection, key = LEADS[lookup]
        rows = self.tables[collection]
        if self._found.get(collection, ())[:2] != (id(rows), len(rows)):
            self._found[collection] = id(rows), len(rows), {each[key]: each for each in rows}
        return self._found[collection][2].get(row[lookup])

    def _matching(self, text: str) -> Callable[[Row], bool]:
        if found := IN.search(text):
            listed = found[2].lower()
            return lambda row: _folded(row[found[1]]) in listed
        terms = [(path, _folded(term)) for path, term in TERM.findall(text)]
        which = any if " or " in text else all
        return lambda row: (
            self.careless or which(self._at(row, path) == term for path, term in terms)
        )

    def _at(self, row: Row, path: str) -> str:
        step, slash, column = path.rpartition("/")
        place = self._led(row, f"_{step}_value") or {} if slash else row
        return _folded(place.get(column))

    def directory(
        self,
        clock: Callable[[], float],
        *,
        external_identities: bool = True,
        contact_parties: bool = True,
        web_roles: Collection[str] = (),
        outage: Callable[[], float] = lambda: 300.0,
        known: Names | None = None,
        vault: Vault | None = None,
    ) -> Directory:
        """
        `known`: the names of an environment that is not as the dictionary has it. `vault`: what
        the directories of several processes share.
        """
        routes = [
            Route("/api/data/v9.2/$batch", self._batch, methods=["POST"]),
            Route("/api/data/v9.2/{collection}", self._read),
        ]
        app = Starlette(routes=routes)
        transport = Httpx2Transport(httpx2.ASGITransport(app))
        return Directory(
            Service(
                transport,
                "https://contoso.example/api/data/v9.2/",
                DATAVERSE,
                names=known or names(),
            ),
            deadline=5.0,
            external_identities=external_identities,
            contact_parties=contact_parties,
            web_roles=web_roles,
            vault=vault,
            outage=outage,
            clock=clock,
        )


def names() -> Names:
    """The names of the dictionary for all declared tables."""
    known = assumed.dataverse()
    tables = [table for table in TABLES.values() if table.service == "dataverse"]
    return Names(named(wanted(tables, known), known, {}))


def _folded(value: object) -> str:
    """As SQL Server compares: without case and without blanks at the end."""
    return str(value).strip("'").replace("''", "'").lower().rstrip()
