"""Columns, tables and a mutation of an adopter's: GATEWAY_EXTENSIONS=examples.acme."""

from uuid import UUID

from gateway.extension import (
    ID,
    Account,
    Contact,
    Info,
    Node,
    OptionSet,
    SalesOrder,
    SalesOrderLine,
    caller,
    column,
    create,
    enum,
    extend,
    field,
    find,
    input,
    link,
    lookup,
    lookup_value,
    mutation,
    option,
    owned,
    table,
    unknown,
)


@enum(description="How urgent an order is.")
class Urgency(OptionSet):
    NORMAL = option(100000000, "As usual.")
    URGENT = option(100000001, "Before all others.")
    UNKNOWN = unknown()


@extend(SalesOrder)
class AcmeOrder:
    project: str | None = column(
        "acme_project", "The project that the order is for.", written="always", input=True
    )
    urgency: Urgency | None = column(
        "acme_urgency", "How urgent the order is.", written="always", input=True
    )


@extend(SalesOrderLine)
class AcmeLine:
    position: str | None = column(
        "acme_position", "The position in your parts list.", written="always", input=True
    )


@table("acme_machine", collection="acme_machines", key="acme_machineid",
       rows=owned(account=lookup_value("acme_accountid")),
       needs="account", order="serial", root=("machine", "machines"))  # fmt: skip
class Machine(Node):
    """A machine that stands at a customer's site."""

    serial: str | None = column("acme_serial", "The serial number.")
    account: Account | None = link("acme_accountid", "Where it stands.", back="machines")
    _account_id: UUID | None = lookup("acme_accountid", "The account where it stands.")


@table("acme_visit", collection="acme_visits", key="acme_visitid",
       rows=owned(account=lookup_value("acme_accountid"), contact=lookup_value("acme_contactid")),
       needs="orders", order="reason", root=("visit", "visits"))  # fmt: skip
class Visit(Node):
    """A technician's visit that a customer asked for."""

    reason: str | None = column("acme_reason", "What is wrong.", written="create")
    note: str | None = column("acme_note", "What the technician should know.", written="update")
    machine: Machine | None = link(
        "acme_machineid", "The machine.", back="visits", written="create"
    )
    account: Account | None = link("acme_accountid", "Whose machine it is.", written="always")
    contact: Contact | None = link("acme_contactid", "Who asked.", written="create")


@input(description="A visit to ask for.")
class RequestVisitInput:
    machine: ID = field(description="The id of the machine.")
    reason: str = field(description="What is wrong.")
    idempotency_key: str = field(description="The same key asks for the same visit, once.")


@mutation(needs="orders", privilege="create")
async def request_visit(info: Info, input: RequestVisitInput) -> Visit | None:
    """Ask for a technician to come to a machine."""
    machine = await find(info, Machine, input.machine)
    contact = caller(info).contact
    return await create(
        info,
        Visit,
        key=input.idempotency_key,
        machine=machine,
        account=machine._account_id,
        contact=contact.id if contact else None,
        reason=input.reason,
    )
