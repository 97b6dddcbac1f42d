"""The context of one request: everything that its resolvers can reach."""

from collections.abc import Awaitable, Callable

import strawberry
from msgspec import Struct, field

from gateway.audit.recorder import NO_AUDIT, Audit
from gateway.auth.invitations import Invitations
from gateway.auth.principal import Principal
from gateway.config.parsers import Unpriced
from gateway.loaders.rows import Loaders
from gateway.loaders.writer import Writer
from gateway.telling.told_changes import ChangeTelling


class Context(Struct, frozen=True):
    """The caller and the request's loaders. Nothing in it outlives the request."""

    principal: Principal
    loaders: Loaders
    writer: Writer
    request_id: str
    unpriced: Unpriced = "omit"
    language: int | None = None
    """The option value of the language for orders whose buyer has none."""
    audit: Audit = NO_AUDIT
    source: str = ""
    """The address that the request came from."""
    telling: ChangeTelling | None = None
    """Tells of changes, where they are gathered."""
    invitations: Invitations | None = None
    """The rules of inviting people; None where nobody can be invited."""
    stands: Callable[[Principal], Awaitable[bool]] | None = None
    """Looks a person up anew; False for who does not act for all these accounts any more."""
    selections: dict[tuple[object, ...], frozenset[str]] = field(default_factory=dict)
    """Columns by selection, so that a hundred rows of a list work them out once."""


Info = strawberry.Info[Context, None]
