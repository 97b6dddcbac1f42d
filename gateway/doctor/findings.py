"""The doctor's findings: one row for each thing that was looked at."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from msgspec import Struct


class Status(StrEnum):
    """The verdict on one thing."""

    OK = "OK"
    WRONG = "WRONG"
    UNKNOWN = "UNKNOWN"


class Finding(Struct, frozen=True):
    """One thing that was looked at."""

    check: str
    """The step that found it."""
    status: Status
    subject: str
    """The thing that was looked at: `salesorder.msdyn_company`."""
    says: str = ""
    """The environment's answer, in the service's own words where it refused something."""
    breaks: str = ""
    """The parts of the gateway that do not work for it."""
    do: str = ""
    """The remedy: a line for the names file, a setting, a privilege."""

    @property
    def text(self) -> str:
        """The finding as lines for a terminal."""
        parts = [f"{self.status:7} {self.subject}: {self.says}" if self.says else
                 f"{self.status:7} {self.subject}"]  # fmt: skip
        parts += [f"        breaks: {self.breaks}"] if self.breaks else []
        parts += [f"        do: {line}" for line in self.do.splitlines()]
        return "\n".join(parts)


def ok(check: str, subject: str, says: str = "") -> Finding:
    return Finding(check, Status.OK, subject, says)


def wrong(check: str, subject: str, says: str, *, breaks: str, do: str) -> Finding:
    return Finding(check, Status.WRONG, subject, says, breaks, do)


def unknown(check: str, subject: str, says: str, *, breaks: str = "", do: str = "") -> Finding:
    return Finding(check, Status.UNKNOWN, subject, says, breaks, do)


def worst_first(findings: Iterable[Finding]) -> Iterator[Finding]:
    """First the wrong, then the unknown, then the rest; each in the order it was found."""
    order = [Status.WRONG, Status.UNKNOWN, Status.OK]
    yield from sorted(findings, key=lambda each: order.index(each.status))
