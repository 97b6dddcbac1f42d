"""
The tables by which the gateway tells who a caller is and what they may act for. No caller sees a
row of them: the directory reads them before there is a principal.
"""

from uuid import UUID

from gateway.model.rules import nobody
from gateway.model.tables import Row, column, lookup, table
from gateway.schema.business.accounts import ActiveState


@table(
    "adx_externalidentity",
    key="adx_externalidentityid",
    rows=nobody,
    needs="account",
    essential=True,  # by e-mail alone, somebody else may be let in as a contact that is tied
)
class ExternalIdentity(Row):
    """An account at an identity provider that Power Pages has tied to a contact."""

    subject: str | None = column("adx_username", "The subject that the provider's tokens name.")
    provider: str | None = column("adx_identityprovidername", "The provider.")
    contact: UUID | None = lookup("adx_contactid", "The contact.")


@table("msdyn_contactforparty", key="msdyn_contactforpartyid", rows=nobody, needs="account")
class ContactForParty(Row):
    """A person's place at a customer in the party model, which links both N:N."""

    id: UUID = column("msdyn_contactforpartyid", "The key.")
    contact: UUID | None = lookup("msdyn_contactid", "The person.")
    account: UUID | None = lookup("msdyn_associatedaccountid", "The customer account.")
    state: ActiveState | None = column(
        "statecode", "The state of the tie: only an active one stands."
    )


@table("adx_webrole", key="adx_webroleid", rows=nobody, needs="account")
class WebRole(Row):
    """A web role of Power Pages in its older data model."""

    id: UUID = column("adx_webroleid", "The key.")
    name: str | None = column("adx_name", "The name.")
    state: ActiveState | None = column(
        "statecode", "The state of the role: only an active one is in use."
    )


@table("adx_webrole_contact", key="adx_webrole_contactid", rows=nobody, needs="account")
class WebRoleHolder(Row):
    """The contacts that hold a web role, in the older data model (N:N)."""

    role: UUID | None = column("adx_webroleid", "The role.")
    contact: UUID | None = column("contactid", "The contact.")


@table("mspp_webrole", key="mspp_webroleid", rows=nobody, needs="account")
class SiteWebRole(Row):
    """A web role of Power Pages in its newer data model, a view of its components."""

    id: UUID = column("mspp_webroleid", "The key.")
    name: str | None = column("mspp_name", "The name.")
    state: ActiveState | None = column(
        "statecode", "The state of the role: only an active one is in use."
    )


@table(
    "powerpagecomponent_mspp_webrole_contact",
    key="powerpagecomponent_mspp_webrole_contactid",
    rows=nobody,
    needs="account",
)
class SiteWebRoleHolder(Row):
    """The contacts that hold a web role, in the newer data model (N:N)."""

    role: UUID | None = column("powerpagecomponentid", "The component that the role is.")
    contact: UUID | None = column("contactid", "The contact.")
