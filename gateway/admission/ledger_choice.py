"""The ledgers of all application users of one service, and the choice of the one for a call."""

from math import inf

from gateway.admission.budget_windows import CallsLeft
from gateway.admission.errands import Errand
from gateway.admission.user_ledger import Ledger


class Ledgers:
    """
    One application user, or a pool of them.

    An operation stays with the user of its last call while that one has room; all other calls go to
    the user with the most left.
    """

    __slots__ = ("all", "alone")

    def __init__(self, name: str, users: int, places: int, parts: float) -> None:
        names = [name, *(f"{name}, application user {n}" for n in range(2, users + 1))]
        self.all = tuple(Ledger(each, n, places, parts) for n, each in enumerate(names))
        self.alone = self.all[0] if users == 1 else None
        """The only one, where there is no pool."""

    @property
    def limit(self) -> float:
        """The number of calls that may be in flight."""
        return sum([each.places.limit for each in self.all])

    @property
    def opens(self) -> float:
        """The time at which a door opens while all are shut; long ago while one is open."""
        return min(each.door.opens if each.door.shut else -inf for each in self.all)

    @property
    def are_shut(self) -> bool:
        """True if no user may make calls for now."""
        return all(each.door.shut for each in self.all)

    def others(self, ledger: Ledger) -> bool:
        """True if another user may make calls."""
        return any(not each.door.shut for each in self.all if each is not ledger)

    def roomy(self, usual: float, moment: float) -> list[Ledger]:
        """The ledgers in which there is room for a call that lasts `usual` seconds."""
        return [each for each in self.all if each.has_room(usual, moment)]

    def chosen(self, errand: Errand, usual: float, moment: float) -> Ledger | None:
        """The ledger with room for a call of this operation; None if there is none."""
        own = self.own(errand, usual, moment)
        return self.best(usual, moment) if own is None else own

    def own(self, errand: Errand, usual: float, moment: float) -> Ledger | None:
        """The ledger of the operation's last call, if it has room and is one of a pool."""
        if errand.user is None or self.alone is not None:
            return None
        own = self.all[errand.user]
        return own if own.has_room(usual, moment) else None

    def best(self, usual: float, moment: float) -> Ledger | None:
        """The ledger whose door is to be probed, else the one with the most left."""
        for each in self.all:
            if each.door.shut and each.has_place and each.door.probe(moment):
                return each
        roomy = self.roomy(usual, moment)
        return max(roomy, key=lambda each: each.left(usual), default=None)

    def usable(self) -> tuple[Ledger, ...]:
        """The ledgers whose door is open, or else all."""
        return tuple(each for each in self.all if not each.door.shut) or self.all

    def calls_left(self, moment: float) -> CallsLeft | None:
        """The calls that the service has left for all of them; None where it names no limit."""
        told = [each.requests.calls_left(moment) for each in self.all]
        known = [each for each in told if each is not None]
        if not known:
            return None
        calls, of = sum(each.calls for each in known), sum(each.of for each in known)
        return CallsLeft(calls, of, max(each.seconds for each in known))
