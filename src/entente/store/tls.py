"""X.509 for connections: a small private authority of one's own, and the certificates that it signs.

A party's desk makes an authority and signs its own client certificate; the authority stands in the party's
roster (``tls_ca``). The center makes another for its server certificate; it stands in the charter. So
nobody trusts an outside authority, and a certificate can be renewed without a new roster.

Invariants: P-256 (what every TLS library speaks); an authority signs no further authorities; a server
certificate names its hosts, a client certificate its party; TLS 1.3 alone is spoken.

What this protects is the pipe. Identity rests on message signatures, and no rule here asks who connected.

    >>> authority = make_authority("us", clock, random)
    >>> pair = issue_client(authority, "us", clock, random)
    >>> context = make_client_context(ca_pem=center_ca, certificate=cert_path, key=key_path)
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from entente.kernel.errors import Malformed, StoreError
from entente.kernel.ports import Clock, Random

_AUTHORITY_DAYS: Final = 3_650
_LEAF_DAYS: Final = 825
_SLACK: Final = timedelta(hours=24)
"""Certificates begin a day early: clocks of parties differ, and TLS is no place to find out."""
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of P-256 (SEC 2, section 2.4.2)."""


@dataclass(frozen=True, slots=True)
class KeyedCertificate:
    """A certificate and its secret key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def make_authority(name: str, clock: Clock, random: Random) -> KeyedCertificate:
    """Return a new private authority for ``name`` (a party, or the center)."""
    key = _draw_key(random)
    subject = _name(f"{name} authority")
    builder = _start(subject, subject, key.public_key(), clock, random, _AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(is_authority=True), critical=True)
    return _seal(builder, key, key)


def issue_server(
    authority: KeyedCertificate, hosts: Sequence[str], clock: Clock, random: Random
) -> KeyedCertificate:
    """Return a server certificate for these host names and IP addresses."""
    if not hosts:
        raise ValueError("server certificate: expected at least one host")
    return _issue(authority, hosts[0], hosts, ExtendedKeyUsageOID.SERVER_AUTH, clock, random)


def issue_client(authority: KeyedCertificate, name: str, clock: Clock, random: Random) -> KeyedCertificate:
    """Return a client certificate for ``name``."""
    return _issue(authority, name, (), ExtendedKeyUsageOID.CLIENT_AUTH, clock, random)


def make_server_context(
    *, certificate: Path, key: Path, client_authorities: Sequence[str] = ()
) -> ssl.SSLContext:
    """Return a server's TLS settings; with authorities, only their clients may connect.

    Args:
        certificate, key: PEM files.
        client_authorities: PEM texts. Empty: anyone may connect.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _load(context, certificate, key)
    for pem in client_authorities:
        add_authority(context, pem)
    if client_authorities:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def make_client_context(
    *, ca_pem: str, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """Return a client's TLS settings: it trusts ``ca_pem`` and nobody else, and checks the host's name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    add_authority(context, ca_pem)
    if certificate is not None:
        _load(context, certificate, key)
    return context


def add_authority(context: ssl.SSLContext, pem: str) -> None:
    """Trust one more authority from the next connection on, or raise `Malformed`."""
    parse_certificate(pem)
    context.load_verify_locations(cadata=pem)


def parse_certificate(pem: str) -> x509.Certificate:
    """Return the one certificate in ``pem``, or raise `Malformed`."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError as error:
        raise Malformed(
            "bad-certificate", f"certificate: {str(error).partition('(')[0].strip().lower()}"
        ) from error
    if len(found) != 1:
        raise Malformed("bad-certificate", f"certificate: expected one in the PEM text, got {len(found)}")
    return found[0]


def _load(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise StoreError("bad-certificate", f"certificate {certificate.name!r}: {error}") from error


def _draw_key(random: Random) -> ec.EllipticCurvePrivateKey:
    # 64 bits more than the order has: the remainder is as good as uniform (FIPS 186-5 appendix A.2.1).
    value = int.from_bytes(random.draw(40), "big") % (_ORDER - 1) + 1
    return ec.derive_private_key(value, ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _start(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    clock: Clock,
    random: Random,
    days: int,
) -> x509.CertificateBuilder:
    begin = clock.now_utc().replace(microsecond=0) - _SLACK
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int.from_bytes(random.draw(19), "big") | 1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _issue(
    authority: KeyedCertificate,
    name: str,
    hosts: Sequence[str],
    purpose: x509.ObjectIdentifier,
    clock: Clock,
    random: Random,
) -> KeyedCertificate:
    issuer = parse_certificate(authority.certificate.decode())
    issuer_key = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise Malformed("bad-key", "authority's key: expected one on an elliptic curve")
    key = _draw_key(random)
    builder = _start(_name(name), issuer.subject, key.public_key(), clock, random, _LEAF_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(is_authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_host(one) for one in hosts]), critical=False
        )
    return _seal(builder, issuer_key, key)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _seal(
    builder: x509.CertificateBuilder, issuer_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey
) -> KeyedCertificate:
    certificate = builder.sign(issuer_key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyedCertificate(certificate.public_bytes(serialization.Encoding.PEM), secret)
