"""
The people of an account: those whose role allows it invite a colleague, take a colleague's access
away, and give it back for a while. The list itself is on the page of the account.
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from portal.drafts import TOO_LONG, is_too_long
from portal.errors import BadLink, NotFound, NotInvited
from portal.pages.wizard import one_line
from portal.visits import Visit
from portal.words import N_

INVITING: Final = "Mutation.inviteColleague"
"""The member of the schema without which nobody new could sign in."""
LENGTHS: Final = {"email": 100, "firstName": 50, "lastName": 50, "jobTitle": 100, "phone": 50}
"""The fields of an invitation, with the characters that each may have."""
NO_ADDRESS: Final = N_("Enter one e-mail address, such as jane@company.com.")
NO_NAME: Final = N_("Enter it as plain text on one line.")
REFUSED: Final = {
    "ALREADY_A_COLLEAGUE": N_("Somebody with this address is on the list already."),
    "NO_LONGER_A_COLLEAGUE": N_(
        "The access of the person with this address was taken away. Ask us to give it back."
    ),
    "TOO_MANY": N_("Your account has invited as many people today as it can. Try again tomorrow."),
    "NOT_POSSIBLE": N_("We cannot invite this address. Please ask us about it."),
}
"""The reasons for which somebody is not invited."""


async def new(visit: Visit) -> Response:
    """A form for one more; the same person, sent twice, is invited once."""
    picked = visit.account
    if picked is None:
        return visit.go("/accounts")
    if visit.request.method == "GET":
        return _form(visit, {})
    fields = {name: one_line(visit.form.get(name, "")) for name in LENGTHS}
    if wrong := _mistakes(fields):
        return _form(visit, fields, wrong)
    sent = {name: text or None for name, text in fields.items()} | {"account": picked["id"]}
    try:
        found = (await visit.ask("colleagues", "Invite", input=sent))["inviteColleague"]
    except NotInvited as refusal:
        reason = REFUSED.get(str(refusal.details.get("reason")), REFUSED["NOT_POSSIBLE"])
        return _form(visit, fields, {"email": reason})
    except BadLink as refusal:
        name = str(refusal.details.get("argument"))
        if name not in LENGTHS:
            raise
        return _form(visit, fields, {name: NO_ADDRESS if name == "email" else NO_NAME})
    email = (found or {}).get("email") or fields["email"].lower()
    if writes(visit):
        said = visit.translate("%(email)s was invited. We are sending them a mail.")
    else:
        said = visit.translate(
            "%(email)s was invited. Tell them that they can sign in here with this address."
        )
    visit.notice(said % {"email": email})
    return visit.go("/account")


async def colleague(visit: Visit) -> Response:
    """The question that is asked before; NotFound for oneself, and for who is not active."""
    found = (await visit.ask("colleagues", "Colleague", id=visit.path["id"]))["node"]
    if not found or found.get("state") != "ACTIVE" or found["id"] == myself(visit):
        raise NotFound
    return visit.render("colleague_remove.html", person=found)


async def remove(visit: Visit) -> Response:
    """Taking access away twice comes to the same; the page of the account offers the way back."""
    asked = {"id": visit.path["id"]}
    try:
        found = (await visit.ask("colleagues", "Remove", input=asked))["removeColleague"]
    except NotFound:
        visit.warn(visit.translate("This access cannot be taken away here. Please ask us."))
        return visit.go("/account")
    name = found["colleague"]["name"] or ""
    visit.notice(visit.translate("%(name)s has no access any more.") % {"name": name})
    return visit.go("/account", **({"undo": found["undo"]} if found["undo"] else {}))


async def restore(visit: Visit) -> Response:
    """Access is given back where nobody else changed anything, and it is not long ago."""
    try:
        asked = {"undo": visit.form.get("undo", "")}
        found = (await visit.ask("colleagues", "Restore", input=asked))["restoreColleague"]
    except (BadLink, NotFound, NotInvited):
        visit.warn(visit.translate("It is too late to undo this. Please ask us for help."))
    else:
        said = visit.translate("%(name)s has access again.")
        visit.notice(said % {"name": found["name"] or ""})
    return visit.go("/account")


def myself(visit: Visit) -> str | None:
    """The id of the visitor's own contact."""
    contact = visit.who.get("contact") or {}
    found: str | None = contact.get("id")
    return found


def writes(visit: Visit) -> bool:
    """True if people get mails from here."""
    return bool(visit.site.settings.mail_secret)


def _mistakes(fields: Mapping[str, str]) -> dict[str, str]:
    local, _, domain = fields["email"].partition("@")
    found = {
        "email": not (local and "." in domain) and NO_ADDRESS,
        "lastName": not fields["lastName"] and N_("Enter the last name."),
        **{name: TOO_LONG for name, most in LENGTHS.items() if is_too_long(fields[name], most)},
    }
    return {name: message for name, message in found.items() if isinstance(message, str)}


def _form(
    visit: Visit, fields: Mapping[str, str], mistakes: Mapping[str, str] | None = None
) -> Response:
    return visit.render(
        "colleague_new.html",
        status=422 if mistakes else 200,
        fields=fields,
        mistakes=mistakes or {},
        writes=writes(visit),
    )
