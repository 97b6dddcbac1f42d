"""Names, types, lengths, behaviours, options: the environment beside what is relied on."""

from collections.abc import Iterable, Iterator

from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.doctor.full_metadata import Described
from gateway.doctor.looking import CheckResult, Looking
from gateway.doctor.relied import Use, fits, needed, options_of
from gateway.metadata.described import Attribute, Entity, Lookup
from gateway.metadata.overrides import (
    NO_OVERRIDE,
    ColumnOverride,
    Override,
    Overrides,
    merged,
)
from gateway.metadata.wire_names import usual_behaviour
from gateway.model.kinds import OptionSet
from gateway.model.tables import ServiceName
from variables.spelling import suggestion

CHECK = "names"
ADAPTS = "nothing while the metadata can be read at start, or what was learned is kept"


def check(looking: Looking, described: Described) -> CheckResult:
    """Every table, column, lookup, option and key that the loaded schema relies on."""
    outcome = CheckResult([], dict(looking.overrides))
    for service in looking.relied:
        for name, uses in sorted(looking.relied[service].items()):
            comparison = Comparison(looking, service, name, uses, outcome)
            comparison.run(described)
    return outcome


class Comparison:
    """Compares one table of the environment with the columns that the schema relies on."""

    def __init__(
        self,
        looking: Looking,
        service: ServiceName,
        name: str,
        uses: dict[str, Use],
        outcome: CheckResult,
    ) -> None:
        self._name, self._uses, self._outcome = name, uses, outcome
        self._service, self._dialect = service, looking.services[service].dialect
        self._assumed = looking.assumed[service].get(name)
        self._overrides: Overrides = looking.overrides
        self._told = looking.overrides.get(name, NO_OVERRIDE)

    def run(self, described: Described) -> None:
        found = described.entities.get(self._name)
        if found is None and self._name in described.missing:
            self._missing(described.missing[self._name])
            return
        if found is None:
            self._unread(described.unread.get(self._name, "it is not described"))
            return
        if self._told.absent is True:
            says = "the names file calls it absent, and it is there"
            breaks, do = self._breaks, f"take absent = true out of [{self._name}]"
            self._add(unknown(CHECK, self._name, says, breaks=breaks, do=do))
            return
        self._collection(found)
        for column, use in sorted(self._uses.items()):
            self._column(found, column, use)
        if self._dialect.has_lookups:
            self._lookups(found)

    def _add(self, finding: Finding) -> None:
        self._outcome.findings.append(finding)

    def _override(self, change: Override, name: str = "") -> None:
        """Add to what the names file should say of the table, or of another one."""
        name = name or self._name
        known = self._outcome.overrides.get(name, NO_OVERRIDE)
        self._outcome.overrides[name] = merged(known, change)

    def _missing(self, says: str) -> None:
        if self._told.absent is True:
            self._add(ok(CHECK, self._name, "absent, as the names file says"))
            return
        do = f"[{self._name}]\nabsent = true"
        self._add(wrong(CHECK, self._name, says, breaks=self._breaks, do=do))
        self._override(Override(absent=True))

    def _unread(self, says: str) -> None:
        """Nobody knows: it may be there, so the names file says nothing of it."""
        breaks = "whether its names are right cannot be told"
        do = "ask again; if it stays so, let the gateway's user read the metadata"
        self._add(unknown(CHECK, self._name, says, breaks=breaks, do=do))

    @property
    def _breaks(self) -> str:
        return needed({member for use in self._uses.values() for member in use.members})

    def _collection(self, found: Entity) -> None:
        wanted = self._told.collection or (self._assumed.collection if self._assumed else "")
        if not wanted or wanted == found.collection:
            self._add(ok(CHECK, self._name, f"the collection is {found.collection}"))
            return
        line = f'[{self._name}]\ncollection = "{found.collection}"'
        says = f"the collection is {found.collection}, not {wanted}"
        is_case = wanted.casefold() == found.collection.casefold()
        is_learned = self._dialect.keeps_logical_names or is_case
        breaks = ADAPTS if is_learned else "everything that is read of it"
        self._add(wrong(CHECK, self._name, says, breaks=breaks, do=line))
        self._override(Override(collection=found.collection))

    def _column(self, found: Entity, column: str, use: Use) -> None:
        subject = f"{self._name}.{column}"
        told = self._told.column.get(column)
        spelled = told.name if told and told.name else column
        attribute = found.attributes.get(spelled)
        if attribute is None:
            self._absent(found, column, use, subject)
            return
        findings = [
            *self._type(subject, attribute, use),
            *self._size(subject, column, attribute, use),
            *self._behaviour(subject, column, attribute, use),
            *self._options(subject, attribute, use),
        ]
        for finding in findings or [ok(CHECK, subject, attribute.type)]:
            self._add(finding)

    def _absent(self, found: Entity, column: str, use: Use, subject: str) -> None:
        if not isinstance(self._told.absent, bool) and column in self._told.absent:
            self._add(ok(CHECK, subject, "absent, as the names file says"))
            return
        other = next((name for name in found.attributes if name.lower() == column.lower()), None)
        if other is not None:
            line = f'[{self._name}]\ncolumn.{column}.name = "{other}"'
            says = f"the column is spelled {other}"
            self._add(wrong(CHECK, subject, says, breaks=ADAPTS, do=line))
            self._override(Override(column={column: ColumnOverride(name=other)}))
            return
        says = f"there is no such column{suggestion(column, found.attributes)}"
        line = f'[{self._name}]\nabsent = ["{column}"]'
        self._add(wrong(CHECK, subject, says, breaks=use.needed_by, do=line))
        self._override(Override(absent=(column,)))

    def _type(self, subject: str, attribute: Attribute, use: Use) -> Iterator[Finding]:
        for type_ in use.types:
            if attribute.type and not fits(type_, attribute.type, self._service):
                says = f"it is {attribute.type}, where {type_.__name__} is read"
                yield wrong(
                    CHECK,
                    subject,
                    says,
                    breaks=use.needed_by,
                    do="declare a member of the right type in an extension, or hide this one by "
                    "the policy",
                )

    def _size(self, subject: str, column: str, attribute: Attribute, use: Use) -> Iterator[Finding]:
        assumed = self._assumed.attributes.get(column) if self._assumed else None
        told = self._told.column.get(column)
        limit = (told.length if told else 0) or (assumed.size if assumed else None)
        texts = attribute.type in ("String", "Memo")
        if not (use.written and texts and limit and attribute.size and attribute.size < limit):
            return
        line = f"[{self._name}]\ncolumn.{column}.length = {attribute.size}"
        yield wrong(
            CHECK,
            subject,
            f"it holds {attribute.size} characters, not {limit}",
            breaks=f"longer texts in {use.needed_by} are refused by Dynamics",
            do=line,
        )
        self._override(Override(column={column: ColumnOverride(length=attribute.size)}))

    def _behaviour(
        self, subject: str, column: str, attribute: Attribute, use: Use
    ) -> Iterator[Finding]:
        assumed = self._assumed.attributes.get(column) if self._assumed else None
        told = self._told.column.get(column)
        expected = (
            (told.behaviour if told else "")
            or (assumed.behaviour if assumed else "")
            or usual_behaviour(column)
        )
        if not attribute.behaviour or not any(t.__name__ == "date" for t in use.types):
            return
        if expected != attribute.behaviour:
            line = f'[{self._name}]\ncolumn.{column}.behaviour = "{attribute.behaviour}"'
            says = f"its behaviour is {attribute.behaviour}, not {expected}"
            yield wrong(CHECK, subject, says, breaks=ADAPTS, do=line)
            change = {column: ColumnOverride(behaviour=attribute.behaviour)}
            self._override(Override(column=change))

    def _options(self, subject: str, attribute: Attribute, use: Use) -> Iterator[Finding]:
        for type_ in use.types:
            if not (isinstance(type_, type) and issubclass(type_, OptionSet)):
                continue
            if not attribute.options:
                yield unknown(CHECK, subject, "its options are not listed")
                continue
            lacks = sorted(options_of(type_) - set(attribute.options))
            more = sorted(set(attribute.options) - options_of(type_))
            if lacks:
                yield unknown(
                    CHECK,
                    subject,
                    f"it has no option {', '.join(map(str, lacks))}",
                    breaks=f"{use.needed_by} never has these values",
                )
            if more:
                yield ok(CHECK, subject, f"{', '.join(map(str, more))} read as UNKNOWN")

    def _lookups(self, found: Entity) -> None:
        wanted = [each for each in found.lookups if each.column in self._uses]
        for lookup in wanted:
            several = sum(each.column == lookup.column for each in wanted) > 1
            step = f"{lookup.column}_{lookup.target}" if several else lookup.column
            self._lookup(lookup, step)
            if self._uses[lookup.column].back:
                self._back(lookup)

    def _lookup(self, lookup: Lookup, step: str) -> None:
        subject = f"{self._name}.{lookup.column} -> {lookup.target}"
        expected = self._told.navigation.get(step) or self._navigation(lookup)
        if expected == lookup.navigation:
            self._add(ok(CHECK, subject, f"the navigation property is {lookup.navigation}"))
            return
        line = f'[{self._name}]\nnavigation.{step} = "{lookup.navigation}"'
        says = f"the navigation property is {lookup.navigation}, not {expected}"
        self._add(wrong(CHECK, subject, says, breaks=ADAPTS, do=line))
        self._override(Override(navigation={step: lookup.navigation}))

    def _back(self, lookup: Lookup) -> None:
        """The way from a row to those whose lookup leads to it."""
        subject = f"{lookup.target} -> {self._name}.{lookup.column}"
        step = f"{self._name}.{lookup.column}"
        told = self._overrides.get(lookup.target, NO_OVERRIDE).navigation.get(step)
        known = self._known(lookup)
        expected = told or (known.collection if known else "")
        if not expected or expected == lookup.collection:
            self._add(ok(CHECK, subject, f"the navigation property is {lookup.collection}"))
            return
        line = f'[{lookup.target}]\nnavigation."{step}" = "{lookup.collection}"'
        says = f"the navigation property is {lookup.collection}, not {expected}"
        self._add(wrong(CHECK, subject, says, breaks=ADAPTS, do=line))
        self._override(Override(navigation={step: lookup.collection}), lookup.target)

    def _navigation(self, lookup: Lookup) -> str:
        known = self._known(lookup)
        return known.navigation if known else lookup.column

    def _known(self, lookup: Lookup) -> Lookup | None:
        """The same lookup as the dictionary has it."""
        known: Iterable[Lookup] = self._assumed.lookups if self._assumed else ()
        same = (
            each for each in known if (each.column, each.target) == (lookup.column, lookup.target)
        )
        return next(same, None)
