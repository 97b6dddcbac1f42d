"""All that a gateway talks to besides its tables: if it answers, and if something ends soon."""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from cryptography import x509
from msgspec import Struct

from gateway.admission.leases import Leases
from gateway.auth.signing_keys import SigningKeys
from gateway.config.settings import Settings
from gateway.doctor.findings import Finding, ok, unknown, wrong
from gateway.errors import GatewayError
from gateway.model.tables import ServiceName
from gateway.upstream.service import Service
from gateway.upstream.state import state_of

CHECK: Final = "surroundings"
SECONDS: Final = 5.0
"""Seconds that one of them may take to answer."""
APART: Final = 30.0
"""Seconds by which clocks may differ; tokens are taken within 60."""
SOON: Final = timedelta(days=30)
"""The time before the end of a certificate from which it is named."""
LITTLE: Final = 0.1
"""The share of the budget of five minutes below which it is named."""
BUDGET: Final[Mapping[str, float]] = {"requests_left": 6_000, "seconds_left": 1_200}
FREE: Final = 100 * 1024 * 1024
"""Bytes that must be free where the audit's file is."""
COLLECTOR: Final = "http://localhost:4318"
"""The collector of traces where the SDK's own variables name none."""

SHARED: Final = "GATEWAY_SHARED"
UNSHARED: Final = "replicas do not share the budget: each goes on with the part that it had last"
REDIS: Final[Mapping[str, str]] = {
    "Authentication": "check user and password in the address, redis://user:password@host:6379/0; "
    "of what is not a letter or a digit in them write the percent code",
    "DB index": "name a database that it has, such as /0",
    "No permission": "let this user EVAL, and read and write gateway:* (ACL SETUSER)",
    "NOPERM": "let this user EVAL, and read and write gateway:* (ACL SETUSER)",
    "Timeout": "check that Redis answers there, by TLS if the address begins with rediss",
    "": "check that Redis answers there, and takes EVAL from this user",
}
"""The remedy for an error of Redis, by a part of its text; the last for all others."""


class Surroundings(Struct, frozen=True):
    """The parties that a process talks to."""

    settings: Settings
    issuers: Sequence[SigningKeys]
    services: Mapping[ServiceName, Service]
    client: httpx2.AsyncClient
    leases: Leases | None
    """The parts of the budget that replicas share, in a place of theirs."""


async def check(around: Surroundings) -> list[Finding]:
    """Ask all of them at once."""
    found = await asyncio.gather(
        *(_issuer(each) for each in around.issuers),
        *(_clock(around.client, name, url) for name, url in _hosts(around).items()),
        *(_certificate(name, url) for name, url in _hosts(around).items()),
        *(_collector(name, url) for name, url in _collectors(around.settings)),
        _shared(around.leases),
    )
    return [each for group in found for each in group] + [
        *_own_certificate(around.settings.client_certificate),
        *_audit(around.settings.audit_file),
        *_budget(around.services),
    ]


async def _issuer(keys: SigningKeys) -> list[Finding]:
    url = keys.issuer.url
    return await _answering(
        f"keys of {url}",
        keys.ready(),
        breaks="nobody who signs in there is let in",
        do="check the address of the issuer, which is `iss` of its tokens letter by letter, and "
        "that it answers from here; the gateway takes no proxy from the environment",
    )


async def _shared(leases: Leases | None) -> list[Finding]:
    if leases is None:
        return []
    try:
        async with asyncio.timeout(SECONDS):
            strangers = await leases.strangers()
    except Exception as error:  # noqa: BLE001 - clients have errors of many kinds
        says = f"{type(error).__name__}: {error}"[:200]
        return [wrong(CHECK, SHARED, says, breaks=UNSHARED, do=_remedy(says))]
    finally:
        await leases.store.aclose()
    if strangers:
        return [
            wrong(
                CHECK,
                SHARED,
                f"{strangers} processes that share it have another secret",
                breaks="operations, links and cursors that they gave out are not understood here",
                do="give all replicas the same GATEWAY_RECEIPT_SECRET, or the same client secret",
            )
        ]
    return [ok(CHECK, SHARED, "answers")]


def _remedy(says: str) -> str:
    """The remedy for an error of Redis."""
    return next(do for part, do in REDIS.items() if part in says)


async def _collector(name: str, url: str) -> list[Finding]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return await _answering(
        f"{name} {url}",
        _connected(parts.hostname or "", port),
        breaks="what is sent there is lost, or refused where the audit is required",
        do="start the collector, or mend the address",
    )


def _collectors(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.audit_file and settings.audit_file.startswith("http"):
        yield "collector of GATEWAY_AUDIT_FILE", settings.audit_file
    if settings.traces:
        names = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
        named = next(filter(None, map(os.environ.get, names)), COLLECTOR)
        yield "collector of GATEWAY_TRACES", named


async def _answering(
    subject: str, asking: Awaitable[object], *, breaks: str, do: str
) -> list[Finding]:
    try:
        async with asyncio.timeout(SECONDS):
            await asking
    except TimeoutError:
        says = f"no answer within {SECONDS:g} seconds"
    except GatewayError as error:
        says = error.message
    except Exception as error:  # noqa: BLE001 - clients have errors of many kinds
        says = type(error).__name__
    else:
        return [ok(CHECK, subject, "answers")]
    return [wrong(CHECK, subject, says, breaks=breaks, do=do)]


async def _connected(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


def _hosts(around: Surroundings) -> Mapping[str, str]:
    """The addresses of services and issuers, each host once."""
    urls = [around.settings.dataverse_url, around.settings.finops_url]
    urls += [each.issuer.url for each in around.issuers]
    return {urlsplit(url).netloc: url for url in urls}


async def _clock(client: httpx2.AsyncClient, host: str, url: str) -> list[Finding]:
    """The difference of the clocks, where the other side tells its time; silence is no finding."""
    try:
        async with asyncio.timeout(SECONDS):
            before = time.time()
            told = (await client.get(url, follow_redirects=False)).headers.get("date", "")
            theirs = parsedate_to_datetime(told).timestamp()
    except (httpx2.HTTPError, TimeoutError, ValueError):
        return []
    apart = theirs - (before + time.time()) / 2
    if abs(apart) <= APART:
        return [ok(CHECK, f"clock beside {host}", f"{apart:+.0f} seconds")]
    return [
        wrong(
            CHECK,
            f"clock beside {host}",
            f"{apart:+.0f} seconds",
            breaks="from 60 seconds on tokens are refused, and the gateway's own are not taken",
            do="let this host keep time (NTP)",
        )
    ]


async def _certificate(host: str, url: str) -> list[Finding]:
    """The end of the certificate with which a host answers, where it does by TLS."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return []
    try:
        async with asyncio.timeout(SECONDS):
            context = ssl.create_default_context()
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=context
            )
            told: Mapping[str, Any] = writer.get_extra_info("peercert")
            writer.close()
    except ssl.SSLCertVerificationError as error:
        return [
            wrong(
                CHECK,
                f"certificate of {host}",
                error.verify_message,
                breaks="every call there",
                do="check the name in the address, and the clock of this host; else let the "
                "operator of that host renew it, or send the whole chain",
            )
        ]
    except (OSError, TimeoutError):
        return []  # whoever asks it for something says so
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC)
    return [_ending(f"certificate of {host}", end, "its operator renews it")]


def _own_certificate(pem: str | None) -> Iterator[Finding]:
    if pem:
        # The settings take no file without one.
        end = x509.load_pem_x509_certificates(_certificates(pem))[0].not_valid_after_utc
        do = "register a new one in Entra, and put it in the place of this one"
        yield _ending("GATEWAY_CLIENT_CERTIFICATE", end, do)


def _certificates(pem: str) -> bytes:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    start = pem.index(begin)
    return pem[start : pem.index(end, start) + len(end)].encode()


def _ending(subject: str, end: datetime, do: str) -> Finding:
    left = end - datetime.now(UTC)
    says = f"ends on {end:%Y-%m-%d}"
    if left > SOON:
        return ok(CHECK, subject, says)
    breaks = "every call that needs it, from then on"
    if left < timedelta():
        return wrong(CHECK, subject, f"ended on {end:%Y-%m-%d}", breaks=breaks, do=do)
    return unknown(CHECK, subject, f"{says}, in {left.days} days", breaks=breaks, do=do)


def _audit(name: str | None) -> Iterator[Finding]:
    """The place of the audit's file; that it can be written to was settled before."""
    if not name or name == "-" or name.startswith("http"):
        return
    disk = os.statvfs(Path(name).parent)
    free = disk.f_bavail * disk.f_frsize
    says = f"{free // (1024 * 1024):,} MB are free there"
    if free >= FREE:
        yield ok(CHECK, "GATEWAY_AUDIT_FILE", says)
    else:
        breaks = "on a full disk no mutation is accepted, if the audit is required"
        yield wrong(CHECK, "GATEWAY_AUDIT_FILE", says, breaks=breaks, do="make room, or move it")


def _budget(services: Mapping[ServiceName, Service]) -> Iterator[Finding]:
    """The limits that the services told of with the calls that were made just now."""
    for name, service in services.items():
        numbers = state_of(service.sender).numbers
        for left, of in BUDGET.items():
            if left not in numbers:
                continue
            subject, says = f"limits of {name}", f"{numbers[left]:,.0f} {left.replace('_', ' ')}"
            if numbers[left] >= LITTLE * of:
                yield ok(CHECK, subject, says)
            else:
                yield wrong(
                    CHECK,
                    subject,
                    says,
                    breaks="calls wait, and soon nobody is answered",
                    do="see what else uses this application user: docs/runbook.md, BudgetShort",
                )
