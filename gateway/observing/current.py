"""The request for which something runs just now: for log lines and for calls to Dynamics."""

import re
import uuid
from contextvars import ContextVar
from typing import Final

HEX: Final = re.compile(r"[0-9a-f]{32}")


class Running:
    """One request of a caller."""

    __slots__ = ("guid", "id", "trace")

    def __init__(self, name: str) -> None:
        """`name`: our id of it, which may be the caller's own."""
        self.id = name
        self.trace = ""
        """The id of its trace, where there are traces."""
        self.guid = guid_of(name) if name else ""
        """The id in the form in which Dynamics takes it; none where nobody asked."""


def guid_of(text: str) -> str:
    """An id as a GUID: the same digits where it has those of one."""
    if not HEX.fullmatch(text):
        return str(uuid.uuid5(uuid.NAMESPACE_URL, text))
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


NOBODY: Final = Running("")
"""Work of the process's own."""
running: Final[ContextVar[Running]] = ContextVar("running", default=NOBODY)
