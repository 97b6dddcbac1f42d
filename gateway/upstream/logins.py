"""
The logins of a process: of every application user to Dataverse, and of the first to F&O, which has
no limits by user that others would add to.
"""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from gateway.client.exchange import Transport
from gateway.config.settings import Settings, SettingsError
from gateway.upstream.credentials import Signed, proofs_of, service_logins
from gateway.upstream.sender import Sender
from gateway.upstream.service import Service


class Logins:
    """The logins that the settings describe."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        """`transport` reaches the token endpoint and carries no credentials of its own."""
        self.dataverse = service_logins(settings, settings.dataverse_url, transport)
        self.finops = service_logins(settings, settings.finops_url, transport)[0]
        self._pool = _clients(settings)

    async def dataverse_well(self) -> None:
        """Return where any user has a token for Dataverse; UpstreamUnavailable where none has."""
        tokens = [each.token() for each in self.dataverse]
        found = await asyncio.gather(*tokens, return_exceptions=True)
        failures = [each for each in found if isinstance(each, BaseException)]
        if len(failures) == len(found):
            raise failures[0]

    def apart(self, dataverse: Service) -> tuple[Service, ...]:
        """Dataverse by each application user alone, for a check of each."""
        signed = dataverse.transport
        if len(self.dataverse) == 1 or not isinstance(signed, Signed):
            return (dataverse,)
        return tuple(
            replace(dataverse, transport=Signed(signed.transport, (login,)), sender=Sender())
            for login in self.dataverse
        )

    def taking(self, settings: Settings) -> Callable[[], None]:
        """
        Check other settings, and return what takes their secrets or certificate; SettingsError
        where they cannot be used.
        """
        proofs = proofs_of(settings)
        if _clients(settings) != self._pool:
            raise SettingsError(["GATEWAY_POOL: applications come and go at the next start"])

        def take() -> None:
            for login, proof in zip(self.dataverse, proofs, strict=True):
                login.prove_by(proof)
            self.finops.prove_by(proofs[0])

        return take


def _clients(settings: Settings) -> tuple[str, ...]:
    return tuple(each.client_id for each in settings.pool)
