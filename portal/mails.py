"""News for a person -> the mail that tells them, in the language that they are written to in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html.parser import HTMLParser
from typing import Any, Final

from portal import mail_headers
from portal.language import Language, choose
from portal.rendering import Templates

KINDS: Final = {
    "contact.invited": "mail_invited.html",
    "order.placed": "mail_placed.html",
    "order.confirmed": "mail_confirmed.html",
    "order.shipped": "mail_shipped.html",
    "order.late": "mail_late.html",
}
"""The kinds of news, each with the template of its mail."""
BLOCKS: Final = frozenset({"p", "h1", "h2", "tr", "li", "ul", "table", "div"})
"""Elements that begin a line of their own in the text without marks."""
SEVEN_BITS: Final = SMTP.clone(cte_type="7bit")
"""As mails are written: servers take seven bits without being asked."""


@dataclass(frozen=True, slots=True)
class MailedNews:
    """One piece of news, as the gateway tells it: of an order, or of access to an account."""

    id: str
    """The same whenever it is told."""
    kind: str
    to: Mapping[str, str | None]
    language: str = ""
    order: Mapping[str, Any] | None = None
    shipment: Mapping[str, Any] | None = None
    account: Mapping[str, Any] | None = None


class Letters:
    """Writes mails by templates, which an adopter replaces as those of pages."""

    def __init__(
        self, templates: Templates, languages: list[Language], sender: str, public_url: str
    ) -> None:
        """`sender`: the address that mails come from, with a name or without."""
        self._templates, self._languages, self._url = templates, languages, public_url
        name, spec = parseaddr(sender)
        self._sender = mail_headers.address("From", name, spec)
        self._domain = spec.rpartition("@")[2]

    def written(self, news: MailedNews) -> EmailMessage:
        """The mail. ValueError where its address is none."""
        language = choose(self._languages, None, news.language)
        html = self._templates.render(
            KINDS[news.kind],
            language,
            {
                "to": news.to,
                "order": news.order,
                "shipment": news.shipment,
                "account": news.account,
                "url": self._url,
            },
        )
        plain = _Plain(html)
        mail = EmailMessage(policy=SEVEN_BITS)
        mail["Subject"] = mail_headers.words("Subject", plain.title)
        mail["From"] = self._sender
        mail["To"] = mail_headers.address("To", news.to.get("name"), news.to.get("email"))
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = mail_headers.message_id(news.id, self._domain)
        mail["Auto-Submitted"] = "auto-generated"
        mail["List-Unsubscribe"] = mail_headers.header("List-Unsubscribe", f"<{self._url}/profile>")
        mail.set_content(plain.text)
        mail.add_alternative(html, subtype="html")
        mail["Content-Language"] = language.tag  # what is set before the content goes with it
        return mail


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
        return "".join(self._titles)

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
