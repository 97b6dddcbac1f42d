"""
The gate with a notebook: before each read it notes which rows of which tables the answer depends
on. What was not read cannot change an answer, so these notes say all that a watcher waits for.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import asdict, replace

from gateway.auth.principal import Access, Principal
from gateway.errors import Forbidden, NotAvailableHere
from gateway.feeds.interests import Interest
from gateway.loaders.asks import Ask
from gateway.loaders.keys import Keys
from gateway.loaders.reader import Reader
from gateway.model.proofs import entities_along, row_id
from gateway.model.tables import TABLES, Table
from gateway.schema.context import Context
from gateway.upstream.conditions import EVERYTHING, Condition, Guid, columns
from gateway.upstream.names import Names
from gateway.upstream.pages import Page

Note = Callable[[Table | str, Interest], None]
"""Notes a declared table, or one of Dataverse by its name, and the rows of it that matter."""


NO_NAMES: Final = Names()


def _nobody(table: Table | str, interest: Interest) -> None:
    """Note nothing."""


class NotingReader(Reader, frozen=True):
    """A reader that notes what it is asked for before it reads."""

    note: Note = _nobody
    names: Names = NO_NAMES
    """The names of tables in Dataverse."""

    async def page(self, ask: Ask) -> Page:
        self._note_rule(ask, linked=False)
        return await Reader.page(self, ask)

    async def row(self, ask: Ask, column: str, key: Guid) -> Page:
        if (column,) == tuple(ask.table.key) and ask.table.has_feed:
            self.note(ask.table, row_id(key))
            self._note_along(ask)
        else:
            self._note_rule(ask, linked=False)
        return await Reader.row(self, ask, column, key)

    async def chunked(self, asks: Sequence[tuple[Ask, Keys]]) -> list[tuple[Keys, Page]]:
        for ask, keys in asks:
            if keys.columns == tuple(ask.table.key) and ask.table.has_feed:
                for (key,) in keys.values:
                    self.note(ask.table, row_id(str(key)))
                self._note_along(ask)
            else:
                self._note_rule(ask, linked=keys.from_rows)
        return await Reader.chunked(self, asks)

    async def count(self, ask: Ask, rule: Condition = EVERYTHING) -> Page:
        self._note(ask.table, EVERYTHING)
        return await Reader.count(self, ask, rule)

    def _note_rule(self, ask: Ask, *, linked: bool) -> None:
        """Note all rows that the caller may see of the table."""
        try:
            rule = self._bounds(ask.table, EVERYTHING, linked=linked).rule
        except (Forbidden, NotAvailableHere):
            # It is refused as long as the caller's rights stand.
            rule = EVERYTHING
        self._note(ask.table, rule)
        self._note_along(ask)

    def _note(self, table: Table, rule: Condition) -> None:
        """Note rows of a table, by the legal entities of the caller where it has no feed."""
        if table.has_feed:
            self.note(table, rule)
            return
        for company in _companies(self.principal):
            self.note(table, company)

    def _note_along(self, ask: Ask) -> None:
        """Note the tables that columns of the rows come from, and those of rows inside of them."""
        if not ask.table.has_feed:
            return
        for entity in dict.fromkeys(_beside(ask, self.names)):
            self.note(entity, _parents(entity, self.principal))


def noting(context: Context, note: Note, names: Names) -> Context:
    """The same context, in which every read is noted."""
    reader = NotingReader(**asdict(context.loaders.reader), note=note, names=names)
    return replace(context, loaders=context.loaders.reading_by(reader))


OWNED: Final = frozenset({Access.PARENT, Access.OWN, Access.ACCOUNT, Access.ACCOUNT_AND_CHILDREN})


def _companies(principal: Principal) -> Sequence[str]:
    """The legal entities of the caller's rows; none in particular for whoever sees all."""
    if not OWNED.issuperset(principal.rights.reach.values()):
        return ("",)
    return sorted({each.company or "" for each in principal.accounts}) or ("",)


def _parents(entity: str, principal: Principal) -> Condition:
    """The rows that a column may come from: those of the caller's accounts, or any."""
    if not OWNED.issuperset(principal.rights.reach.values()):
        return EVERYTHING
    owned = [t for t in TABLES.values() if t.entity == entity and t.rule.by_account]
    if len(owned) != 1:
        return EVERYTHING
    return owned[0].rule.condition(principal, Access.ACCOUNT_AND_CHILDREN)


def _beside(ask: Ask, names: Names) -> Iterator[str]:
    entity = ask.table.entity
    paths: set[str] = {*ask.select, *ask.table.rule.columns, *columns(ask.where)}
    paths.update(item.column for item in ask.order)
    for path in paths:
        if "/" in path:
            yield from entities_along(names, entity, path)
    for expand, _, _ in ask.expands:
        step = names.step(entity, expand.navigation)
        if step is not None and step.entity:
            yield step.entity
