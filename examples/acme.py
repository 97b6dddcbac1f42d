"""An adopter's own column and table; GATEWAY_EXTENSIONS=examples.acme switches them on."""

from gateway.extension import (
    Account,
    Node,
    SalesOrder,
    column,
    extend,
    link,
    lookup_value,
    owned,
    table,
)


@extend(SalesOrder)
class AcmeOrder:
    project: str | None = column("acme_project", "The project that the order is for.")


@table("acme_machine", collection="acme_machines", key="acme_machineid",
       rows=owned(account=lookup_value("acme_accountid")),
       needs="account", order="serial", root=("machine", "machines"))  # fmt: skip
class Machine(Node):
    """A machine that stands at a customer's site."""

    serial: str | None = column("acme_serial", "The serial number.")
    account: Account | None = link("acme_accountid", "Where it stands.", back="machines")
