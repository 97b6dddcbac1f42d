"""
A TOML file of roles -> the policy, every mistake in it named by its line. Read again when it
changes: a broken one leaves the policy as it was.
"""

import logging
import re
import time
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.auth.policy import PRIVILEGES, SHIPPED, Grant, InvitationRules, Policy, Role
from gateway.auth.principal import Access, Kind
from gateway.auth.webhooks import Webhook, webhook_mistakes, webhook_of
from gateway.config.parsers import domains
from gateway.config.settings import SettingsError
from variables.environment_values import said_in
from variables.spelling import suggestion
from variables.toml_files import toml

log = logging.getLogger(__name__)

REREAD = 30.0
"""Seconds between two looks at the file; what changed in it holds after that."""
LONGEST = 86_400.0
"""Seconds for which callers stay known at most while Dataverse cannot be asked."""
HEADING = re.compile(r"""\[\s*([^\[\]#]+?)\s*\]\s*(?:#.*)?""")
SECTIONS = {"callers", "invitations", "roles", "rows", "seen", "web_roles", "webhooks"}
"""The sections of a policy."""
ROLE = {"extends", "kind", "quota"}
"""The words of a role that are no permissions."""
GRANT = {"access", "privileges", "hide"}
INVITATIONS = {"daily", "domains", "same_domain"}
MOST_INVITATIONS = 1_000
"""Invitations of one account in a day that a policy can allow."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The words that a policy can say of the tables that need one permission."""

    hideable: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()
    """Members that exist and cannot be hidden: keys, and fields that are never null."""
    without_contact: frozenset[str] = frozenset()
    """The tables whose rows name no contact, for which the access `own` has no meaning."""


Vocabulary = Mapping[str, Permission]
"""Every permission there is, by its name."""


class PolicyFile:
    """The policy as the file has it; without a file, the one that is shipped."""

    def __init__(
        self,
        path: str | None,
        vocabulary: Vocabulary,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """SettingsError with all mistakes of the file."""
        self._path, self._vocabulary, self._clock = path, vocabulary, clock
        self._text = path and _text(path)
        self._policy = parsed(self._text, str(path), vocabulary) if self._text else SHIPPED
        self._looked = clock()

    def current(self) -> Policy:
        """The policy of now, at most `REREAD` seconds old."""
        if self._path is not None and self._clock() - self._looked >= REREAD:
            self._looked = self._clock()
            self._reread(self._path)
        return self._policy

    def _reread(self, path: str) -> None:
        try:
            text = _text(path)
            if text != self._text:
                self._policy, self._text = parsed(text, path, self._vocabulary), text
                log.info("policy of %s: read again", path)
        except SettingsError as error:
            log.error("policy of %s stays as it was: %s", path, error)


def parsed(text: str, name: str, vocabulary: Vocabulary) -> Policy:
    """The shipped policy with the roles of `text`; SettingsError with all of its mistakes."""
    try:
        document = toml(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{name}: {error}"]) from None
    reading = _Reading(text, name, vocabulary)
    policy = reading.policy(document)
    if reading.mistakes:
        raise SettingsError(reading.mistakes)
    return policy


class _Reading:
    """One reading of one file, and the mistakes met on the way."""

    def __init__(self, text: str, name: str, vocabulary: Vocabulary) -> None:
        self._text, self._name, self._vocabulary = text, name, vocabulary
        self.mistakes: list[str] = []

    def policy(self, document: Mapping[str, Any]) -> Policy:
        for word in document.keys() - SECTIONS:
            self._wrong("", word, f"'{word}' is none of {', '.join(sorted(SECTIONS))}")
        found = self._table(document.get("roles", {}), "", "roles")
        roles = {n: self._role(n, self._table(said, "roles", n)) for n, said in found.items()}
        policy = replace(
            SHIPPED,
            roles={**SHIPPED.roles, **roles},
            outage=self._outage("callers", document, SHIPPED.outage),
            rows_outage=self._outage("rows", document, SHIPPED.rows_outage),
            seen_outage=self._outage("seen", document, SHIPPED.seen_outage),
            webhooks=self._webhooks(self._table(document.get("webhooks", {}), "", "webhooks")),
            invitations=self._invitations(document),
        )
        if "web_roles" not in document:
            return policy
        web_roles = self._table(document["web_roles"], "", "web_roles")
        return replace(policy, web_roles=self._web_roles(web_roles, policy))

    def _webhooks(self, said: Mapping[str, Any]) -> dict[str, Webhook]:
        found = {}
        for name, one in said.items():
            at = f"webhooks.{name}"
            inside = self._table(one, "webhooks", name)
            mistakes = list(webhook_mistakes(inside))
            for word, problem in mistakes:
                self._wrong(at, word, problem)
            if not mistakes:
                found[name] = webhook_of(name, inside)
        return found

    def _invitations(self, document: Mapping[str, Any]) -> InvitationRules:
        at, shipped = "invitations", SHIPPED.invitations
        said = self._table(document.get(at, {}), "", at)
        for word in said.keys() - INVITATIONS:
            self._known(at, word, word, INVITATIONS, "a word of invitations")
        daily, same = said.get("daily", shipped.daily), said.get("same_domain", False)
        if type(daily) is not int or not 0 < daily <= MOST_INVITATIONS:
            self._wrong(at, "daily", f"'daily' must be a number from 1 to {MOST_INVITATIONS}")
        if type(same) is not bool:
            self._wrong(at, "same_domain", "'same_domain' must be true or false")
        named = self._words(at, "domains", said.get("domains", []))
        try:
            return InvitationRules(daily, frozenset(domains(",".join(named))), same)
        except ValueError as error:
            self._wrong(at, "domains", f"'domains' {error}")
            return shipped

    def _outage(self, section: str, document: Mapping[str, Any], default: float) -> float:
        """The seconds of a section for which what is known is of use in an outage."""
        said = self._table(document.get(section, {}), "", section)
        for word in said.keys() - {"outage"}:
            self._wrong(section, word, f"'{word}' is not 'outage'")
        outage = said.get("outage", default)
        if type(outage) in (int, float) and 0 <= outage <= LONGEST:
            return float(outage)
        self._wrong(section, "outage", f"'outage' must be seconds from 0 to {LONGEST:.0f}")
        return 0.0

    def _web_roles(self, said: Mapping[str, Any], policy: Policy) -> dict[str, str]:
        customers = policy.names(Kind.CUSTOMER)
        for web_role, role in said.items():
            self._known("web_roles", web_role, role, customers, "a role of customers")
        return {web_role: str(role) for web_role, role in said.items()}

    def _role(self, name: str, said: Mapping[str, Any]) -> Role:
        at = f"roles.{name}"
        base = self._base(at, said)
        kinds = [kind.value for kind in Kind]
        kind = said.get("kind", (base or SHIPPED.roles.get(name, Role(Kind.CUSTOMER, {}))).kind)
        if isinstance(kind, str):
            known = self._known(at, "kind", kind, kinds, "a kind of caller")
            kind = Kind(kind) if known else Kind.CUSTOMER
        grants = dict(base.grants) if base else {}
        for permission in said.keys() - ROLE:
            if self._known(at, permission, permission, self._vocabulary, "a permission"):
                inside = self._table(said[permission], at, permission)
                grants[permission] = self._grant(f"{at}.{permission}", permission, inside)
                self._check_reach(f"{at}.{permission}", permission, grants[permission], kind)
        return Role(kind, grants, self._quota(at, said, base))

    def _quota(self, at: str, said: Mapping[str, Any], base: Role | None) -> int | None:
        quota = said.get("quota", base.quota if base else None)
        if quota is None or (type(quota) is int and quota > 0):
            return quota
        self._wrong(at, "quota", "'quota' must be a number of calls above 0")
        return None

    def _base(self, at: str, said: Mapping[str, Any]) -> Role | None:
        base = said.get("extends")
        if base is None or not self._known(at, "extends", base, SHIPPED.roles, "a shipped role"):
            return None
        return SHIPPED.roles[base]

    def _grant(self, at: str, permission: str, said: Mapping[str, Any]) -> Grant:
        for word in said.keys() - GRANT:
            self._known(at, word, word, GRANT, "a word of a grant")
        accesses = [access.value for access in Access]
        access = said.get("access", "(none)")
        if not self._known(at, "access", access, accesses, "an access"):
            access = Access.PARENT.value
        privileges = self._words(at, "privileges", said.get("privileges", ["read"]))
        for privilege in privileges:
            self._known(at, privilege, privilege, PRIVILEGES, "a privilege")
        hidden = self._words(at, "hide", said.get("hide", []))
        for member in hidden:
            self._check_hidden(at, permission, member)
        return Grant(Access(access), frozenset(privileges), frozenset(hidden))

    def _check_hidden(self, at: str, permission: str, member: str) -> None:
        known = self._vocabulary[permission]
        if member in known.fixed:
            self._wrong(at, member, f"'{member}' cannot be hidden: rows cannot do without it")
        else:
            self._known(at, member, member, known.hideable, f"a column under '{permission}'")

    def _check_reach(self, at: str, permission: str, grant: Grant, kind: Kind) -> None:
        if grant.access is Access.ALL and kind is not Kind.STAFF:
            self._wrong(at, "access", "'all' is for staff")
        nameless = self._vocabulary[permission].without_contact
        if grant.access is Access.OWN and nameless:
            table = min(nameless)
            self._wrong(at, "access", f"'own' shows nothing of {table}: its rows name no contact")

    def _known(self, at: str, word: str, said: object, known: Collection[str], what: str) -> bool:
        """Check that `said` is one of `known`; note a mistake and return False where it is not."""
        if isinstance(said, str) and said in known:
            return True
        hint = suggestion(str(said), known) or f"; known: {', '.join(sorted(known))}"
        self._wrong(at, word, f"'{said}' is not {what}{hint}")
        return False

    def _table(self, said: object, at: str, word: str) -> Mapping[str, Any]:
        if isinstance(said, dict):
            return said
        self._wrong(at, word, f"'{word}' must be a table")
        return {}

    def _words(self, at: str, word: str, said: object) -> list[str]:
        if isinstance(said, list) and all(isinstance(each, str) for each in said):
            return said
        self._wrong(at, word, f"'{word}' must be a list of words")
        return []

    def _wrong(self, at: str, word: str, problem: str) -> None:
        self.mistakes.append(f"{self._name}:{_line(self._text, at, word)}: {problem}")


def _line(text: str, heading: str, word: str) -> int:
    """The first line with `word` below a heading; failing that the heading, or the word at all."""
    here, anywhere, section = 0, 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := HEADING.fullmatch(line.strip()):
            section = re.sub(r"[\"'\s]", "", found[1])
            here = here or (number if section == heading else 0)
        if word in line:
            if section == heading:
                return number
            anywhere = anywhere or number
    return here or anywhere or 1


def _text(path: str) -> str:
    try:
        return said_in(path)
    except ValueError as error:
        raise SettingsError([f"GATEWAY_POLICY: {path}: {error}"]) from None
