"""Certificates: who is let in by whom, by a real handshake in memory."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from bench.parties import FrozenClock, SeededRandom
from entente.kernel.errors import Malformed, StoreError
from entente.store.clock import SystemClock
from entente.store.tls import (
    KeyedCertificate,
    add_authority,
    issue_client,
    issue_server,
    make_authority,
    make_client_context,
    make_server_context,
    parse_certificate,
)

CLOCK = SystemClock()


def save(folder: Path, name: str, pair: KeyedCertificate) -> tuple[Path, Path]:
    paths = (folder / f"{name}.crt", folder / f"{name}.key")
    paths[0].write_bytes(pair.certificate)
    paths[1].write_bytes(pair.key)
    return paths


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str = "127.0.0.1") -> str | None:
    """Run a whole handshake and a word each way; return the TLS version."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = server.wrap_bio(to_server, to_client, server_side=True)
    other = client.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(6):
        for side in (other, one):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    other.write(b"hello")
    assert one.read(5) == b"hello"
    return other.version()


@pytest.fixture
def center(tmp_path: Path) -> tuple[KeyedCertificate, tuple[Path, Path]]:
    authority = make_authority("example.org/joint", CLOCK, SeededRandom("center"))
    pair = issue_server(authority, ["127.0.0.1", "center.example.org"], CLOCK, SeededRandom("server"))
    return authority, save(tmp_path, "server", pair)


def test_a_partys_client_is_let_in_by_tls_13(
    tmp_path: Path, center: tuple[KeyedCertificate, tuple[Path, Path]]
) -> None:
    authority, (certificate, key) = center
    party = make_authority("us", CLOCK, SeededRandom("us"))
    client = save(tmp_path, "us", issue_client(party, "us", CLOCK, SeededRandom("client")))
    server = make_server_context(
        certificate=certificate, key=key, client_authorities=[party.certificate.decode()]
    )
    context = make_client_context(ca_pem=authority.certificate.decode(), certificate=client[0], key=client[1])
    for host in ("127.0.0.1", "center.example.org"):
        assert shake_hands(server, context, host) == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname"):
        shake_hands(server, context, "other.example.org")


def test_a_stranger_is_not_let_in(tmp_path: Path, center: tuple[KeyedCertificate, tuple[Path, Path]]) -> None:
    authority, (certificate, key) = center
    party = make_authority("us", CLOCK, SeededRandom("us"))
    stranger = make_authority("us", CLOCK, SeededRandom("stranger"))
    server = make_server_context(
        certificate=certificate, key=key, client_authorities=[party.certificate.decode()]
    )
    ca_pem = authority.certificate.decode()
    paths = save(tmp_path, "xx", issue_client(stranger, "us", CLOCK, SeededRandom("client")))
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        shake_hands(server, make_client_context(ca_pem=ca_pem, certificate=paths[0], key=paths[1]))
    with pytest.raises(ssl.SSLError, match="peer did not return a certificate"):
        shake_hands(server, make_client_context(ca_pem=ca_pem))
    add_authority(server, stranger.certificate.decode())
    assert shake_hands(server, make_client_context(ca_pem=ca_pem, certificate=paths[0], key=paths[1]))


def test_a_server_certificate_is_no_client_certificate(
    tmp_path: Path, center: tuple[KeyedCertificate, tuple[Path, Path]]
) -> None:
    authority, (certificate, key) = center
    server = make_server_context(
        certificate=certificate, key=key, client_authorities=[authority.certificate.decode()]
    )
    context = make_client_context(ca_pem=authority.certificate.decode(), certificate=certificate, key=key)
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        shake_hands(server, context)


def test_a_client_certificate_makes_no_authority(
    tmp_path: Path, center: tuple[KeyedCertificate, tuple[Path, Path]]
) -> None:
    authority, (certificate, key) = center
    leaf = issue_client(authority, "us", CLOCK, SeededRandom("leaf"))
    forged = issue_client(leaf, "us", CLOCK, SeededRandom("forged"))
    paths = save(tmp_path, "forged", forged)
    paths[0].write_bytes(forged.certificate + leaf.certificate)
    server = make_server_context(
        certificate=certificate, key=key, client_authorities=[authority.certificate.decode()]
    )
    ca_pem = authority.certificate.decode()
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        shake_hands(server, make_client_context(ca_pem=ca_pem, certificate=paths[0], key=paths[1]))


def test_certificates_say_what_they_are_and_for_how_long() -> None:
    clock = FrozenClock()
    authority = make_authority("us", clock, SeededRandom("us"))
    found = parse_certificate(authority.certificate.decode())
    assert found.subject == found.issuer
    assert found.not_valid_before_utc == clock.now - timedelta(hours=24)
    assert found.not_valid_after_utc - found.not_valid_before_utc == timedelta(days=3_650)
    assert make_authority("us", clock, SeededRandom("us")).key == authority.key, "all randomness is drawn"
    assert make_authority("us", clock, SeededRandom("xx")).key != authority.key


@pytest.mark.parametrize("pem", ("", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x"))
def test_what_is_no_certificate_is_refused(pem: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_certificate(pem)
    assert caught.value.code == "bad-certificate"


def test_two_certificates_are_not_one() -> None:
    pair = make_authority("us", CLOCK, SeededRandom("us"))
    with pytest.raises(Malformed, match="expected one in the PEM text, got 2"):
        parse_certificate(pair.certificate.decode() * 2)


def test_a_missing_key_file_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"certificate 'none\.crt'"):
        make_server_context(certificate=tmp_path / "none.crt", key=tmp_path / "none.key")


def test_a_server_without_a_host_is_a_callers_mistake() -> None:
    authority = make_authority("us", CLOCK, SeededRandom("us"))
    with pytest.raises(ValueError, match="expected at least one host"):
        issue_server(authority, [], CLOCK, SeededRandom("x"))
