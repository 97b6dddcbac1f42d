"""People who may sign in to the emulator: demo users, and all contacts of the data by e-mail."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

ContactName = Callable[[str], str | None]
"""Finds the full name of a contact by e-mail."""

SUBJECTS: Final = uuid.UUID("5e1f0a52-6c7e-4f0b-9a3d-2d1c0b5a7e11")


@dataclass(frozen=True)
class Identity:
    """A person or a machine as the issuer knows it."""

    subject: str
    name: str
    email: str | None = None
    roles: tuple[str, ...] = ()

    def claims(self) -> dict[str, Any]:
        machine = {"sub": self.subject}
        if self.email is None:
            return machine
        return machine | {"name": self.name, "email": self.email, "email_verified": True}


@dataclass(frozen=True)
class DemoUser:
    """One of the people whom every generated world has; staff are no contacts."""

    email: str
    name: str
    role: str
    is_contact: bool = True


DEMO_USERS: Final[Mapping[str, DemoUser]] = {
    "jane": DemoUser("jane.doe@contoso-retail.example", "Jane Doe", "buyer"),
    "sam": DemoUser("sam.okafor@contoso-retail.example", "Sam Okafor", "buyer"),
    "rep": DemoUser("rita.lindqvist@contoso-retail.example", "Rita Lindqvist", "representative"),
    "may": DemoUser("may.tanaka@fabrikam.example", "May Tanaka", "buyer"),
    "admin": DemoUser("ada.stone@seller.example", "Ada Stone", "administrator", is_contact=False),
}

PARTNER: Final = Identity("partner", "partner", roles=("partner",))


def subject_of(email: str) -> str:
    """The stable subject of a person; it says nothing about them to whoever reads it."""
    return str(uuid.uuid5(SUBJECTS, email.lower()))


class People:
    """Finds an identity by demo name or by the e-mail of a contact."""

    def __init__(self, contact_name: ContactName) -> None:
        self._contact_name = contact_name

    def find(self, name: str) -> Identity | None:
        if name == PARTNER.subject:
            return PARTNER
        if user := DEMO_USERS.get(name):
            return self._demo(user)
        return self._by_email(name.strip())

    def present(self) -> dict[str, Identity]:
        """The demo users who can sign in to the data at hand."""
        found = {name: self._demo(user) for name, user in DEMO_USERS.items()}
        return {name: identity for name, identity in found.items() if identity}

    def absent(self) -> list[str]:
        """The demo users whom a loaded export does not know."""
        return [name for name in DEMO_USERS if name not in self.present()]

    def _demo(self, user: DemoUser) -> Identity | None:
        name = self._contact_name(user.email) if user.is_contact else user.name
        return _person(user.email, name, user.role) if name else None

    def _by_email(self, email: str) -> Identity | None:
        demo = next((user for user in DEMO_USERS.values() if user.email == email.lower()), None)
        if demo:
            return self._demo(demo)
        name = self._contact_name(email) if "@" in email else None
        return _person(email, name, "buyer") if name else None


def _person(email: str, name: str, role: str) -> Identity:
    return Identity(subject_of(email), name, email, (role,))
