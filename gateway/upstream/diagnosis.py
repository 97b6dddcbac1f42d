"""The reason for which a service refused a query that we wrote: logged once, and acted upon."""

import logging

from gateway.errors import NotAvailableHere, UpstreamRefused
from gateway.upstream.failures import FORBIDDEN, denied_table, is_no_table, unknown_property
from gateway.upstream.forbidden import do_without
from gateway.upstream.names import Names, NamesChanged
from gateway.upstream.odata import Dialect, ODataQuery

log = logging.getLogger(__name__)

REFUSED_QUERIES = 400, 403, 404
"""Statuses with which a service says that a query itself is wrong: it names a property, no row."""
DIAGNOSES = 500
"""The number of refused queries that are remembered, so that each is logged once."""


def diagnose_write(error: UpstreamRefused) -> None:
    """Say which right the gateway's user lacks for a write; other refusals may quote rows."""
    if error.status == FORBIDDEN:
        log.warning("Dataverse forbids a write to the gateway's user: %s", error.words)


def diagnose(
    names: Names,
    dialect: Dialect,
    query: ODataQuery,
    error: UpstreamRefused,
    told: set[tuple[str, str]],
    asked: int,
) -> None:
    """
    Say once what the service does not like about a query; `told` remembers it, `asked` is the
    version of the names by which the query was made.

    NotAvailableHere where it has no such table, or does not let us read it and that can be done
    without. NamesChanged where it has no such column, or does not let us read a table that a lookup
    leads to: the query can be made again without it.
    """
    shape = query.entity, error.words
    if error.status in REFUSED_QUERIES and shape not in told:
        if len(told) < DIAGNOSES:
            told.add(shape)
        _log(dialect, names.collection(query.entity), error)
    if is_no_table(error, dialect):
        raise NotAvailableHere(f"This environment has no {query.entity}.") from error
    denied, lost = denied_table(error), unknown_property(error)
    if denied is not None:
        if do_without(names, denied):
            log.warning("%s may not be read; the gateway does without it", denied)
        if names.is_missing(query.entity):
            raise NotAvailableHere(f"{query.entity} may not be read here.") from error
    if lost is not None:
        type_, name = lost
        names.lose(type_ if dialect.keeps_logical_names else query.entity, name)
    if (denied or lost) and names.version != asked:
        raise NamesChanged


def _log(dialect: Dialect, collection: str, error: UpstreamRefused) -> None:
    answer = f"{error.status} {error.details['reason'] or ''}".strip()
    said = f"{answer}: {error.words}" if error.words else answer
    log.warning("%s refuses a query of %s: %s", dialect.service, collection, said)
