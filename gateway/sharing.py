"""The settings -> what the replicas of a deployment share, by one Redis."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

from gateway.admission.governor import Governor
from gateway.admission.leases import PATIENCE, Leases, SharedBudget
from gateway.admission.vault import Vault
from gateway.config.settings import Settings, SettingsError
from gateway.derived_keys import key_for


def store_of(settings: Settings) -> Any:
    """The Redis that replicas share, if they do; SettingsError where it cannot be used."""
    if settings.shared is None:
        return None
    try:
        return import_module("gateway.admission.redis_store").RedisStore(settings.shared, PATIENCE)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            [f"GATEWAY_SHARED: {type(error).__name__}, or no extra 'shared'"]
        ) from None


def vault_of(settings: Settings, store: Any) -> Vault | None:
    """The values that replicas share, sealed by a secret that all of them have."""
    if store is None:
        return None
    return Vault(store, key_for("kept", settings.receipt_secret or settings.own_secret))


def leases_of(settings: Settings, governors: Mapping[str, Governor], store: Any) -> Leases | None:
    """
    The leases by which replicas share budgets, each named by the root of its service and its
    application user.
    """
    if store is None:
        return None
    users = settings.client_id, *(each.client_id for each in settings.pool)
    return Leases(
        store,
        {
            f"{root} {user}": SharedBudget(
                partial(governor.share, ledger), partial(getattr, governor, "asked")
            )
            for root, governor in governors.items()
            for user, ledger in zip(users, governor.ledgers.all, strict=False)
        },
        key_for("replicas", settings.receipt_secret or settings.own_secret).hex()[:8],
    )
