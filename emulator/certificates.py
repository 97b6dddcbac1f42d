"""Makes a certificate authority of its own and a certificate for loopback, as some clients ask.

Both live in a folder, so that a client trusts the authority once and the next start uses it again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

AUTHORITY = "Dynamics emulator (this machine only)"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
MONTHS = timedelta(days=397)
"""Browsers refuse certificates of servers that are valid for longer."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM form: what clients must trust, and what the server shows and keeps secret."""

    authority: Path
    certificate: Path
    key: Path


def certificates(folder: Path, *hosts: str) -> Certificates:
    """The files in a folder, made where they are missing; the server's pair is made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    issued = _authority(folder).issue_cert(
        *dict.fromkeys((*LOOPBACK, *hosts)), not_before=yesterday, not_after=yesterday + MONTHS
    )
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    (certificate,) = issued.cert_chain_pems
    found.certificate.write_bytes(certificate.bytes())
    _keep_secret(found.key, issued.private_key_pem.bytes())
    return found


def _authority(folder: Path) -> trustme.CA:
    public, secret = folder / "ca.pem", folder / "ca-key.pem"
    if public.exists() and secret.exists():
        return trustme.CA.from_pem(public.read_bytes(), secret.read_bytes())
    made = trustme.CA(path_length=0, organization_name=AUTHORITY)
    public.write_bytes(made.cert_pem.bytes())
    _keep_secret(secret, made.private_key_pem.bytes())
    return made


def _keep_secret(path: Path, key: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key)
