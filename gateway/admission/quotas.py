"""Quotas of single callers by their roles: a number of calls within a window."""

from collections.abc import Hashable
from math import ceil

from gateway.admission.budget_windows import WINDOW
from gateway.admission.errands import Errand
from gateway.errors import RateLimited

KEPT = 10_000
"""The number of callers that are remembered; a forgotten caller starts with a full quota."""


class Quotas:
    """
    The generic cell rate algorithm: a caller's calls move a moment ahead of now, each by its part
    of the window, and must not move it further than a window.
    """

    def __init__(self) -> None:
        self._paid_until: dict[Hashable, float] = {}

    def check(self, errand: Errand, moment: float) -> None:
        """RateLimited where the caller has used the quota up."""
        if errand.quota is None:
            return
        if self.left(errand, moment)[0] < 1:
            each = WINDOW / max(errand.quota, 1)
            after = ceil(
                max(self._paid_until.get(errand.caller, 0.0) + each - WINDOW - moment, 1.0)
            )
            raise RateLimited(
                "You have used up your calls to Dynamics; try again later.",
                retryAfter=after,
                limit=errand.quota,
                window=int(WINDOW),
            )

    def count(self, errand: Errand, moment: float) -> None:
        """One call was sent for the caller."""
        if errand.quota is None:
            return
        paid = self._paid_until.pop(errand.caller, 0.0)
        if len(self._paid_until) >= KEPT:
            del self._paid_until[next(iter(self._paid_until))]
        self._paid_until[errand.caller] = max(paid, moment) + WINDOW / max(errand.quota, 1)

    def left(self, errand: Errand, moment: float) -> tuple[float, int]:
        """Calls that the caller has left, and in how many seconds all of the quota is back."""
        quota = max(errand.quota or 0, 0)
        ahead = max(0.0, self._paid_until.get(errand.caller, 0.0) - moment)
        return max(0.0, quota - ahead * quota / WINDOW), ceil(ahead)
