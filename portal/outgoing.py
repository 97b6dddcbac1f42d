"""The way of mails out of the house: an SMTP server, or a folder that one can look at."""

import smtplib
import ssl
from email.message import EmailMessage
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

PATIENCE: Final = 10.0
"""Seconds to wait for each answer of the server; the gateway waits 15 for the mail."""


class Outgoing(Protocol):
    """A way out. It blocks; OSError or SMTPException where the mail did not get out."""

    def send(self, mail: EmailMessage) -> None: ...


class SmtpServer:
    """An SMTP server, by TLS from the beginning (`smtps`) or from the greeting on (`smtp`)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._is_secure = parts.scheme == "smtps"
        self._may_be_plain = _is_here(self._host)

    def send(self, mail: EmailMessage) -> None:
        with self._connected() as server:
            self._sign_in(server)
            server.send_message(mail)

    def greet(self) -> None:
        """Do all that is done before a mail is sent."""
        with self._connected() as server:
            self._sign_in(server)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        if self._user:
            server.login(self._user, self._password)

    def _connected(self) -> smtplib.SMTP:
        trust = ssl.create_default_context()
        if self._is_secure:
            return smtplib.SMTP_SSL(self._host, self._port or 465, timeout=PATIENCE, context=trust)
        server = smtplib.SMTP(self._host, self._port or 587, timeout=PATIENCE)
        try:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=trust)
            elif not self._may_be_plain:
                raise smtplib.SMTPNotSupportedError("the server offers no TLS")
        except BaseException:
            server.close()
            raise
        return server


class Outbox:
    """A folder with one file a mail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail: EmailMessage) -> None:
        name = sha256(str(mail["Message-ID"]).encode()).hexdigest()[:16]
        file = self._folder / f"{name}.eml"
        draft = file.with_suffix(".draft")
        draft.write_bytes(mail.as_bytes())
        draft.replace(file)  # nobody sees half of one


def _is_here(host: str) -> bool:
    """True for this machine, to which nobody listens on the way."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
