"""
The environment -> one frozen `Settings`. A field declares its `PORTAL_...` variable in one place:
name, type, default, documentation. Nothing else in the portal reads the environment.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

PREFIX: Final = "PORTAL_"
FILE: Final = "_FILE"


class SettingsError(ValueError):
    """One or more variables cannot be used; one line for each."""


def text(value: str) -> str:
    return value.strip()


def words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def folder(value: str) -> Path:
    found = Path(value)
    if not found.is_dir():
        raise ValueError("must be a folder that exists")
    return found.resolve()


def file(value: str) -> Path:
    found = Path(value)
    if not found.parent.is_dir():
        raise ValueError("must be a file in a folder that exists")
    return found.resolve()


def url(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a URL such as https://portal.contoso.com")
    return value.strip().rstrip("/")


def _setting(doc: str, parse: Callable[[str], Any] = text, *, default: Any = MISSING) -> Any:
    return field(default=default, metadata={"doc": doc, "parse": parse})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the operator decides; what the site looks like is the brand's."""

    gateway_url: str = _setting("The gateway, e.g. `https://api.contoso.com`.", url)
    issuer: str = _setting("The OpenID Connect issuer that people sign in at.", url)
    client_id: str = _setting("The portal's own client id there.")
    client_secret: str = field(
        repr=False, metadata={"doc": "The secret of that client.", "parse": text}
    )
    public_url: str = _setting("Where people reach the portal; `/callback` goes to it.", url)
    scope: str = _setting(
        "What is asked for at sign-in; with Entra also the API's scope.",
        default="openid profile email offline_access",
    )
    brand: Path | None = _setting(  # noqa: RUF009 - a field
        "Your folder with `brand.toml` and all.", folder, default=None
    )
    extensions: tuple[str, ...] = _setting("Your modules with pages.", words, default=())
    host: str = _setting("Address to listen on.", default="127.0.0.1")
    port: int = _setting("Port to listen on.", int, default=8080)
    idle_minutes: int = _setting("A session ends after so long unused.", int, default=60)
    session_hours: int = _setting("A session ends so long after sign-in.", int, default=12)
    sessions: Path | None = _setting(  # noqa: RUF009 - a field
        "A file that keeps sessions over restarts, shared by the processes of one machine.",
        file,
        default=None,
    )
    drafts: Path | None = _setting(  # noqa: RUF009 - a field
        "A file that keeps drafts, and orders that are being checked, over restarts.",
        file,
        default=None,
    )
    secret: tuple[str, ...] = field(
        default=(),
        repr=False,
        metadata={
            "doc": "Seals drafts and cookies; of several the first seals and all open."
            " Without one, the client secret does.",
            "parse": words,
        },
    )
    timeout: float = _setting(
        "Seconds that the gateway may take; orders take up to 25.", float, default=30.0
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.secret or (self.client_secret,)

    @property
    def is_secure(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def origin(self) -> str:
        return origin_of(self.public_url)


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings, or SettingsError with all mistakes."""
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for entry in fields(Settings):
        name = PREFIX + entry.name.upper()
        try:
            given = _given(environment, name)
            if given is not None:
                values[entry.name] = entry.metadata["parse"](given)
            elif entry.default is MISSING:
                mistakes.append(f"{name} is required: {entry.metadata['doc']}")
        except (ValueError, OSError) as error:
            mistakes.append(f"{name} {error}")
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return Settings(**values)


def _given(environment: Mapping[str, str], name: str) -> str | None:
    """The value, or the content of the file that `..._FILE` names."""
    if file := environment.get(name + FILE):
        return Path(file).read_text().strip()
    return environment.get(name) or None


def table() -> str:
    """The table of docs/portal.md."""
    rows = ["| variable | default | what it says |", "|---|---|---|"]
    for entry in fields(Settings):
        default = "required" if entry.default is MISSING else _shown(entry.default)
        rows.append(f"| `{PREFIX}{entry.name.upper()}` | {default} | {entry.metadata['doc']} |")
    return "\n".join(rows)


def _shown(default: object) -> str:
    return f"`{default}`" if default not in (None, ()) else ""
