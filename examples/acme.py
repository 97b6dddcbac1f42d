"""An adopter's own column and table; GATEWAY_EXTENSIONS=examples.acme switches them on."""

from gateway.rules import owned
from gateway.schema.accounts import Account
from gateway.schema.sales import SalesOrder
from gateway.tables import Node, column, extend, link, table


@extend(SalesOrder)
class AcmeOrder:
    project: str | None = column("acme_project", "The project that the order is for.")


@table("acme_machines", key="acme_machineid", rows=owned(account="_acme_accountid_value"),
       needs="account", order="serial", root=("machine", "machines"))  # fmt: skip
class Machine(Node):
    """A machine that stands at a customer's site."""

    serial: str | None = column("acme_serial", "The serial number.")
    account: Account | None = link("_acme_accountid_value", "Where it stands.", back="machines")
