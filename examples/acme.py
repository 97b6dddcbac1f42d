"""An adopter's own column and table; GATEWAY_EXTENSIONS=examples.acme switches them on."""

from gateway.rules import owned
from gateway.schema.accounts import Account
from gateway.schema.sales import SalesOrder
from gateway.tables import Node, column, extend, link, table
from gateway.upstream.names import lookup_value


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
