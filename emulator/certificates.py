"""Makes a certificate authority of its own and a certificate for loopback, as some clients ask.

Both live in a folder, so that a client trusts the authority once and the next start uses it again.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "Dynamics emulator (this machine only)"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
YEARS = timedelta(days=3650)
# Browsers refuse certificates of servers that are valid for longer.
MONTHS = timedelta(days=397)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM form: what clients must trust, and what the server shows and keeps secret."""

    authority: Path
    certificate: Path
    key: Path


def certificates(folder: Path, *hosts: str) -> Certificates:
    """The files in a folder, made where they are missing; the server's pair is made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    signer, issuer = _authority(folder)
    key = generate_private_key(SECP256R1())
    certificate = _server(key, signer, issuer, (*LOOPBACK, *hosts))
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    found.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    _keep_secret(found.key, key)
    return found


def _authority(folder: Path) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
    public, secret = folder / "ca.pem", folder / "ca-key.pem"
    if not (public.exists() and secret.exists()):
        key = generate_private_key(SECP256R1())
        public.write_bytes(_self_signed(key).public_bytes(Encoding.PEM))
        _keep_secret(secret, key)
    loaded = load_pem_private_key(secret.read_bytes(), None)
    if not isinstance(loaded, EllipticCurvePrivateKey):
        raise ValueError(f"{secret} holds no key of this program's.")
    return loaded, x509.load_pem_x509_certificate(public.read_bytes())


def _keep_secret(path: Path, key: EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _self_signed(key: EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name(AUTHORITY)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _unsigned(key, name, name, YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    issuer: x509.Certificate,
    hosts: tuple[str, ...],
) -> x509.Certificate:
    names = x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts)])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        _unsigned(key, _name("localhost"), issuer.subject, MONTHS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .add_extension(usage, critical=False)
        .add_extension(authority, critical=False)
        .sign(signer, hashes.SHA256())
    )


def _unsigned(
    key: EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, life: timedelta
) -> x509.CertificateBuilder:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + life)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(host: str) -> x509.GeneralName:
    address = _address(host)
    return x509.IPAddress(address) if address else x509.DNSName(host)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
