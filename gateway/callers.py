"""The callers that a process knows: the keys of their issuers, and who was there of late."""

import asyncio
from collections.abc import Callable, Mapping

import httpx2

from gateway.admission.vault import Vault
from gateway.auth.authenticator import Authenticator
from gateway.auth.invitations import Invitations
from gateway.auth.issuers import issuers
from gateway.auth.policy_file import PolicyFile
from gateway.auth.signing_keys import SigningKeys
from gateway.auth.tokens import Tokens
from gateway.ceiling import Ceiling
from gateway.config.settings import Settings, SettingsError
from gateway.derived_keys import key_for
from gateway.directory import Directory
from gateway.http.dependencies import Probe
from gateway.upstream.service import Service


class Callers:
    """The issuers of the settings, and the callers that they vouch for."""

    def __init__(
        self,
        settings: Settings,
        policy: PolicyFile,
        dataverse: Service,
        client: httpx2.AsyncClient,
        vault: Vault | None,
    ) -> None:
        """`client` fetches keys; `vault` has the callers that replicas share, if they do."""
        self._policy = policy
        self.keys = [SigningKeys(each, client) for each in issuers(settings, policy.current())]
        self._directory = Directory(
            dataverse,
            deadline=settings.deadline,
            external_identities=settings.external_identities,
            contact_parties=settings.contact_parties,
            web_roles=settings.web_roles,
            outage=lambda: policy.current().outage,
            vault=vault,
        )
        self._tokens = Tokens(self.keys)
        self.authenticator = Authenticator(self._tokens, self._directory, policy.current)
        self.invitations = Invitations(
            policy.current,
            lambda: (each.issuer for each in self.keys),
            key_for("invitations", settings.receipt_secret or settings.own_secret),
        )

    async def start(self) -> None:
        """Fetch the keys, and find out by what callers can be found."""
        await asyncio.gather(self._directory.start(), self.fetch_keys())

    async def fetch_keys(self) -> None:
        await asyncio.gather(*(each.start() for each in self.keys))

    def stop(self) -> None:
        self._directory.stop()

    def has_keys(self) -> bool:
        """True if callers of one issuer at least can be told apart."""
        return any(each.are_known for each in self.keys)

    def issuers(self) -> Mapping[str, Probe]:
        """The checks that the keys of each issuer are there."""
        return {f"issuer {n}": keys.ready for n, keys in enumerate(self.keys, 1)}

    def keep_below(self, ceiling: Ceiling) -> None:
        """Let all that is kept of callers share this ceiling."""
        ceiling.add("tokens", 1, self._tokens.verified)
        ceiling.add("callers", 1, *(each.outcomes for each in self._directory.kept))
        ceiling.add("principals", 1, self.authenticator.made)

    def taking(self, settings: Settings) -> Callable[[], None]:
        """
        Check other settings, and return what takes the profiles of their issuers.

        SettingsError where they cannot be used.
        """
        found = {each.url: each for each in issuers(settings, self._policy.current())}
        if found.keys() != {each.issuer.url for each in self.keys}:
            raise SettingsError(["GATEWAY_ISSUERS: issuers come and go at the next start"])

        def take() -> None:
            for each in self.keys:
                each.describe(found[each.issuer.url])

        return take
