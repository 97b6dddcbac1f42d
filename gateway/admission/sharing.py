"""The settings -> the leases by which replicas share their budgets, if they do."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module

from gateway.admission.governor import Governor
from gateway.admission.leases import PATIENCE, Leases, SharedBudget
from gateway.config.settings import Settings, SettingsError


def leases_of(settings: Settings, governors: Mapping[str, Governor]) -> Leases | None:
    """The leases for the services at these addresses; SettingsError without Redis."""
    if settings.shared is None:
        return None
    try:
        # Nobody else should need Redis, which is an extra.
        store = import_module("gateway.admission.redis_store").RedisStore(settings.shared, PATIENCE)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            [f"GATEWAY_SHARED: {type(error).__name__}, or no extra 'shared'"]
        ) from None
    return Leases(
        store,
        {
            f"{root} {settings.client_id}": SharedBudget(
                governor.share, partial(getattr, governor, "asked")
            )
            for root, governor in governors.items()
        },
    )
