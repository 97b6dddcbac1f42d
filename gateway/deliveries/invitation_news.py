"""
News of invitations: a person who was given access to an account is written to, once.

The message has nothing that the inviter typed but the address that it goes to, and no link that
would let anybody in.
"""

import time
from typing import Any, Final
from uuid import UUID

from gateway.auth.principal import Principal
from gateway.deliveries.deliveries_file import Delivery
from gateway.deliveries.news import Asking, MadeDelivery, Unmade, message, plain
from gateway.errors import INTERNAL
from gateway.schema import ids
from gateway.schema.business.accounts import Contact

INVITED: Final = "invited"
"""The kind of these deliveries."""
MESSAGE: Final = f"contact.{INVITED}"
DOCUMENT: Final = "gateway:invitation"
"""The id of our own document."""
TEXT: Final = """
query Invitation($id: ID!) {
  viewer { contact { id email doNotEmail language account { name } } }
  node(id: $id) { id }
}
"""
TABLE: Final = Contact.__table__


def delivery_of(hook: str, contact: UUID, moment: float | None = None) -> Delivery:
    """The delivery of an invitation, which has the same id whenever it is asked for."""
    moment = time.time() if moment is None else moment
    id_, row = f"contact_{contact.hex}_{INVITED}", ids.encode(TABLE, (contact,))
    group = f"{TABLE.entity} {contact}"
    return Delivery(0, hook, id_, TABLE.name, row, INVITED, str(contact), group, moment, moment)


async def invitation(asking: Asking, person: Principal, delivery: Delivery) -> MadeDelivery:
    """The message to a person who was invited, as things are now; Unmade to try it again."""
    answer = await asking.answer(asking.context(person), DOCUMENT, delivery.row)
    for each in answer.errors:
        raise Unmade(each["extensions"].get("code", INTERNAL))
    found: dict[str, Any] = plain(answer.body["data"])
    contact = found["viewer"]["contact"] or {}
    if contact.get("id") != delivery.row or not contact["account"]:
        return MadeDelivery(None, "the person does not see the account any more")
    if contact["doNotEmail"] or not contact["email"]:
        return MadeDelivery(None, "the person wants no mail, or has no address")
    told = {
        "to": {"name": None, "email": contact["email"]},
        "account": contact["account"],
        "language": contact["language"],
    }
    return MadeDelivery(message(MESSAGE, told))
