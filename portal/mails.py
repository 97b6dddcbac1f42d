"""News of an order for a person -> the mail that tells it, in the language of the order."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any, Final

from portal.language import Language, choose
from portal.rendering import Templates

KINDS: Final = {
    "order.placed": "mail_placed.html",
    "order.confirmed": "mail_confirmed.html",
    "order.shipped": "mail_shipped.html",
    "order.late": "mail_late.html",
}
"""The kinds of news, each with the template of its mail."""
ADDRESS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,190}")
"""Addresses that are written to: plain ones, which need no quotes and hide no second one."""
HIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
"""Characters that headers do not have: controls, and those that turn the direction of others."""
PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
BLOCKS: Final = frozenset({"p", "h1", "h2", "tr", "li", "ul", "table", "div"})
"""Elements that begin a line of their own in the text without marks."""


@dataclass(frozen=True, slots=True)
class OrderNews:
    """One piece of news, as the gateway tells it."""

    id: str
    """The same whenever it is told."""
    kind: str
    to: Mapping[str, str | None]
    order: Mapping[str, Any]
    shipment: Mapping[str, Any] | None


class Letters:
    """Writes mails by templates, which an adopter replaces as those of pages."""

    def __init__(
        self, templates: Templates, languages: list[Language], sender: str, public_url: str
    ) -> None:
        """`sender`: the address that mails come from, with a name or without."""
        self._templates, self._languages, self._url = templates, languages, public_url
        self._sender = _address(*parseaddr(sender))

    def written(self, news: OrderNews) -> EmailMessage:
        """The mail. ValueError where its address is none."""
        language = choose(self._languages, None, news.order.get("language") or "")
        html = self._templates.render(
            KINDS[news.kind],
            language,
            {
                "to": news.to,
                "order": news.order,
                "shipment": news.shipment,
                "url": self._url,
            },
        )
        plain = _Plain(html)
        mail = EmailMessage(policy=WIRE)
        mail["Subject"] = plain.title
        mail["From"] = self._sender
        mail["To"] = _address(news.to.get("name"), news.to.get("email"))
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = f"<{_local(news.id)}@{self._sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["List-Unsubscribe"] = f"<{self._url}/profile>"
        mail.set_content(plain.text)
        mail.add_alternative(html, subtype="html")
        mail["Content-Language"] = language.tag  # what is set before the content goes with it
        return mail


def _address(name: str | None, address: str | None) -> Address:
    if not ADDRESS.fullmatch(address or ""):
        raise ValueError("this is no address")
    return Address(_line(name or ""), addr_spec=address or "")


def _line(text: str) -> str:
    """A text as one line of a header."""
    return " ".join(HIDDEN.sub(" ", text).split())


def _local(id_: str) -> str:
    """The first half of a Message-ID, the same for the same delivery."""
    return id_ if PLAIN_ID.fullmatch(id_) else sha256(id_.encode()).hexdigest()


class _WholeHeader(UnstructuredHeader, BaseHeader):
    """A header of addresses, which nobody could follow if they were folded as words are."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _headers() -> HeaderRegistry:
    found = HeaderRegistry()
    found.map_to_type("list-unsubscribe", _WholeHeader)
    return found


WIRE: Final = SMTP.clone(cte_type="7bit", header_factory=_headers())
"""As mails are written: servers take seven bits without being asked."""


class _Plain(HTMLParser):
    """The title and the text of a mail, for readers without marks."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._titles: list[str] = []
        self._inside: list[str] = []
        self._link = ""
        self.feed(html)

    @property
    def title(self) -> str:
        return _line("".join(self._titles))

    @property
    def text(self) -> str:
        lines = [" ".join(line.split()) for line in "".join(self._parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside.append(tag)
        if tag in BLOCKS:
            self._parts.append("\n")
        if tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass
        if tag in BLOCKS:
            self._parts.append("\n")
        if tag == "th":
            self._parts.append(": ")
        if tag == "td":
            self._parts.append(" ")
        if tag == "a":
            self._parts.append(f": {self._link}")

    def handle_data(self, data: str) -> None:
        if "title" in self._inside:
            self._titles.append(data)
        elif "head" not in self._inside:
            self._parts.append(data.replace("\n", " "))
