"""Lets faults befall the writes that dual-write carries to the ERP, inside their transaction."""

from emulator.faults.rules import Faults
from emulator.store import Change, Listener, Transaction

MAPPED = {"salesorders", "salesorderdetails", "accounts"}
METHODS = {"create": "POST", "update": "PATCH", "delete": "DELETE"}


def crossing(faults: Faults) -> Listener:
    def hear(tx: Transaction, change: Change) -> None:
        if change.origin == "client" and change.table.set in MAPPED:
            faults.carry(change.table.name, METHODS[change.kind], change.table.set)

    return hear
