"""The view of rows that one request wants: its options, preferences, annotations, expansions."""

from typing import Any

from emulator.dataverse.annotations import Annotator, Wanted
from emulator.dataverse.paging_cookie import PageStart, next_link
from emulator.dataverse.privileges import check
from emulator.errors import BadQuery
from emulator.exchange import Ask
from emulator.odata.options import Expand, Selection
from emulator.reading import Reader, attach
from emulator.store import Store
from emulator.values import Stored, guid_order

Json = dict[str, Any]
REFUSED = {
    "$skip": "Skip Clause is not supported in CRM",
    "$search": "The query parameter $search is not supported",
    "$format": "The query parameter $format is not supported",
    "$compute": "The query parameter $compute is not supported",
}
KNOWN = {"$select", "$filter", "$orderby", "$expand", "$top", "$count", "$apply", "$skiptoken",
         "$deltatoken", "$id", "fetchXml", "savedQuery", "userQuery"}  # fmt: skip
APPLIED = ("odata.include-annotations", "odata.maxpagesize", "odata.track-changes")


def etag(version: object) -> str:
    return f'W/"{version}"'


class View:
    """The wishes of one request, checked, and the reader that fulfils them."""

    def __init__(self, store: Store, ask: Ask, me: dict[str, Stored]) -> None:
        self.store = store
        self.ask = ask
        self.me = me
        self.options = ask.options()
        _check(self.options)
        self.preferences = ask.preferences()
        self.wanted = Wanted(self.preferences.get("odata.include-annotations"))
        self.annotator = Annotator(store, self.wanted)
        self.expanded_size: int | None = None
        self.reader = Reader(store, etag, me, nested_etags=False)
        self.reader.may_read = lambda table: check(store, table, "Read")
        self.reader.show_expanded = self._expanded

    def context(self, selection: Selection, suffix: str = "") -> str:
        return f"{self.ask.base}/$metadata#{selection.table.set}{_shape(selection)}{suffix}"

    def reference(self, selection: Selection, row: Json) -> Json:
        """`$ref` shows where a row is instead of what it holds."""
        table = selection.table
        return {"@odata.id": f"{self.ask.base}/{table.set}({row[table.id]})"}

    def applied(self) -> dict[str, str]:
        """The preferences that were followed, as the service repeats them."""
        names = [name for name in self.preferences if name in APPLIED]
        texts = [self._preference(name, self.preferences[name]) for name in names]
        return {"Preference-Applied": ",".join(texts)} if texts else {}

    def _preference(self, name: str, value: str) -> str:
        if name == "odata.include-annotations":
            return f'{name}="{value}"'
        return f"{name}={value}" if value else name

    def _expanded(self, expand: Expand, row: Json, related: list[Json]) -> None:
        more = self.expanded_size is not None and len(related) > self.expanded_size
        shown = related[: self.expanded_size] if more else related
        self.annotator.annotate(expand.selection.table, shown)
        attach(expand, row, shown)
        if expand.reference and shown:
            row[expand.navigation.name] = self.reference(expand.selection, shown[0])
        if expand.navigation.many and (more or self.expanded_size is None):
            row[f"{expand.navigation.name}@odata.nextLink"] = self._more(expand, row, shown, more)

    def _more(self, expand: Expand, row: Json, shown: list[Json], more: bool) -> str:
        """The link under which an expanded collection continues, or can be read by itself."""
        key = row[expand.navigation.on[0][0]]
        url = f"{self.ask.base}/{expand.navigation.source}({key})/{expand.navigation.name}"
        query = expand.query.replace(";", "&")
        if not more:
            return f"{url}?{query}".removesuffix("?")
        last = guid_order(shown[-1][expand.selection.table.id])
        return next_link(url, query, PageStart(2, (last,)))


def _shape(selection: Selection) -> str:
    """The selected columns and, with theirs, the expanded properties, as a context URL has them."""
    names = [*selection.named]
    for expand in selection.expands:
        names.append(f"{expand.navigation.name}{_shape(expand.selection) or '()'}")
    return f"({','.join(names)})" if names else ""


def _check(options: dict[str, str]) -> None:
    """OData's own options are known or refused; others are let through as the service does."""
    for name in options:
        if name in REFUSED:
            raise BadQuery(REFUSED[name])
        if name.startswith("$") and name not in KNOWN:
            raise BadQuery(f"The query parameter {name} is not supported")
