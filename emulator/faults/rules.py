"""Rules for the faults of requests: by service, method, entity set or path, number and chance.

The same script and the same requests meet the same faults: chance comes from each rule's own seed.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from random import Random
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import msgspec

from emulator.clock import Clock
from emulator.exchange import Ask
from emulator.faults.actions import AnyAction
from emulator.faults.protection import Limits, Protection

PART = re.compile(rb"^(GET|POST|PATCH|PUT|DELETE) (\S+) HTTP/1", re.MULTILINE)
ROOT = re.compile(r"^/?(?:api/data/v[\d.]+|data)/|^/")


@dataclass(frozen=True, slots=True)
class Event:
    """One request, or one write on its way to the ERP; a batch names its parts beside itself."""

    side: str
    steps: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        return f"{self.side} {self.steps[0][0]} {self.steps[0][1]}"


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault and whom it befalls; what is left out is not asked about."""

    action: AnyAction
    service: Literal["dataverse", "finops", "dualwrite"] | None = None
    """The side it arrives at; a write carried to the ERP by dual-write arrives at `dualwrite`."""
    method: str | None = None
    set: str | None = None
    """Entity set: the first segment of the path without its key."""
    path: str | None = None
    """The decoded path below the service's root, with `*` and `?` as in file names."""
    nth: int | None = None
    """Only this one of the requests that fit, counted from 1."""
    times: int | None = None
    """No more often than this."""
    probability: float = 1.0
    seed: int = 0

    def fits(self, event: Event) -> bool:
        if event.side not in self.action.sides or self.service not in (None, event.side):
            return False
        return any(self._fits(method, path) for method, path in event.steps)

    def _fits(self, method: str, path: str) -> bool:
        return (
            self.method in (None, method)
            and self.set in (None, path.partition("/")[0].partition("(")[0])
            and (self.path is None or fnmatchcase(path, self.path))
        )


@dataclass
class Active:
    """A rule with what it has seen and done."""

    rule: Rule
    random: Random
    seen: int = 0
    fired: int = 0

    def fires(self, event: Event) -> bool:
        rule = self.rule
        if not rule.fits(event):
            return False
        self.seen += 1
        due = rule.nth in (None, self.seen) and self.fired != rule.times
        fires = due and self.random.random() < rule.probability
        self.fired += fires
        return fires


class Faults:
    """The faults of one emulator: rules, service protection, and the trace of what they did."""

    trace_length = 10_000

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.clear()

    def clear(self) -> None:
        """Everything works again, and the trace begins anew."""
        self.protection: Protection | None = None
        self.trace: deque[str] = deque(maxlen=self.trace_length)
        self._rules: list[Active] = []
        self._digest = sha256()

    def add(self, action: AnyAction, **only: Any) -> Rule:
        """Let something go wrong from now on; `only` narrows it as the fields of `Rule` say."""
        return self.add_rule(Rule(action=action, **only))

    def add_rule(self, rule: Rule) -> Rule:
        self._rules.append(Active(rule, Random(rule.seed)))  # noqa: S311 - repeatable, not secret
        return rule

    def protect(self, limits: Limits | None = None) -> None:
        """Enforce service protection from now on."""
        self.protection = Protection(limits or Limits(), self.clock)

    def listed(self) -> list[tuple[Rule, int, int]]:
        """The rules with how many requests each fitted and how often it struck."""
        return [(each.rule, each.seen, each.fired) for each in self._rules]

    def strike(self, event: Event) -> list[AnyAction]:
        """Return the faults that befall this request, in the order of the rules."""
        return [each.rule.action for each in self._rules if each.fires(event)]

    def carry(self, entity: str, method: str, *sets: str) -> None:
        """Raise what befalls a write of `entity` that dual-write carries to the last of `sets`."""
        if not self._rules:
            return
        event = Event("dualwrite", tuple((method, each) for each in sets))
        for action in self.strike(event):
            self.note(event, type(action).__name__)
            action.carried(entity)

    def note(self, event: Event, outcome: str) -> None:
        line = f"{event.text} {outcome}"
        self.trace.append(line)
        self._digest.update(line.encode() + b"\n")

    @property
    def trace_hash(self) -> str:
        """Equal for equal scripts, requests and outcomes."""
        return self._digest.hexdigest()


def event(side: str, ask: Ask) -> Event:
    steps = [(ask.method, unquote(ask.path))]
    if ask.path == "$batch":
        steps += _parts(ask.body)
    return Event(side, tuple(steps))


def _parts(body: bytes) -> Iterator[tuple[str, str]]:
    for method, url in PART.findall(body):
        path = unquote(urlsplit(url.decode("latin-1")).path)
        yield method.decode(), ROOT.sub("", path)
