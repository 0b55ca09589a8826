"""The center's folder: where each thing lies, and the settings and keys that it is started with.

    center.toml              settings, for people to read and change
    keys/log.key             signs checkpoints                                   owner only
    keys/center.key          signs the center's own messages, and the recorded times   owner only
    tls/                     the center's private authority, server and client certificates
    draft.payload            the charter's payload, the very bytes that are signed
    cards/<party>.json       party cards that the draft was made of
    signatures/<party>.json  what each party has signed so far
    journal                  the record: all that counts
    center.db                what follows from it, and the ciphertexts
    parcels/                 bytes beside the record, of which it names the hash

With ``database`` in center.toml the last two lie in PostgreSQL, and ``record-in-database`` says so here; a
second center process needs of all this center.toml, keys/ and tls/ alone.

Invariants: settings are closed (an unknown one is refused); a key file that others can read is refused, not
repaired, and so are settings with a password; `parse_settings` of `encode_settings` gives the same value.

    >>> folder = CenterFolder(Path("center"))
    >>> folder.read_settings().origin
    'example.org/joint'
"""

from __future__ import annotations

import json
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from entente.kernel.canonical import convert_to
from entente.kernel.errors import Malformed, NotFound, StoreError
from entente.kernel.keys import SigningKey
from entente.kernel.message import CENTER
from entente.kernel.wire import OriginText, UrlText, WireStruct, encode_base64, parse_base64
from entente.store.durable import READABLE, SECRET, make_dir, write_atomic
from entente.store.sql_postgres import has_password

MAX_FILE_BYTES: Final = 1 << 20

ListenText = Annotated[
    str, msgspec.Meta(pattern=r"^(?:[^\s:]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$", max_length=260)
]
"""``host:port``; port 0 lets the system choose one."""


class CenterSettings(WireStruct, frozen=True):
    """``center.toml``.

    ``clock`` is ``system``, or an exercise clock as `entente.store.clock` reads it. With ``tls`` the center
    speaks TLS 1.3 alone; with ``client_certificates`` it lets in only who has one of a party's authority.
    ``database`` is a PostgreSQL URL as libpq reads it, or empty: journal and rows are files of this folder.
    Parcels that the record names stay for ``parcel_days`` at least; one party's take ``parcel_mb`` at most.
    """

    origin: OriginText
    url: UrlText
    listen: ListenText
    clock: Annotated[str, msgspec.Meta(min_length=1, max_length=120)] = "system"
    tls: bool = False
    client_certificates: bool = False
    database: Annotated[str, msgspec.Meta(pattern=r"^(?:postgres(?:ql)?://\S+)?$", max_length=1_000)] = ""
    parcel_days: Annotated[int, msgspec.Meta(ge=1, le=3_660)] = 30
    parcel_mb: Annotated[int, msgspec.Meta(ge=64, le=10_000_000)] = 4_000

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        return parse_address(self.listen)


def parse_address(text: str) -> tuple[str, int]:
    """Return the host and port of ``host:port``, or raise `Malformed`."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise Malformed(
            "bad-port", f"listen: expected HOST:PORT, port <= 65535, got {text!r}", path="$.listen"
        )
    return host.strip("[]"), int(port)


def parse_settings(data: bytes) -> CenterSettings:
    """Return the settings, or raise `Malformed` naming the field."""
    try:
        plain = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed("bad-toml", f"center.toml: {str(error).lower()}") from error
    settings = convert_to(plain, CenterSettings)
    parse_address(settings.listen)
    if settings.client_certificates and not settings.tls:
        raise Malformed(
            "bad-settings", "client_certificates: expected tls = true beside it", path="$.client_certificates"
        )
    return settings


def encode_settings(settings: CenterSettings) -> bytes:
    """Return the text that `parse_settings` reads."""
    # A JSON string or boolean is a TOML one as well.
    plain = msgspec.to_builtins(settings)
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in plain.items()).encode()


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The host's two keys. The log key's name is the record's origin."""

    log: SigningKey
    center: SigningKey

    @property
    def origin(self) -> str:
        """The record's name."""
        return self.log.public.name


@dataclass(frozen=True, slots=True)
class CenterFolder:
    """Paths in a center's folder, and its small files."""

    root: Path

    @property
    def journal(self) -> Path:
        """The record."""
        return self.root / "journal"

    @property
    def database(self) -> Path:
        """What follows from the record."""
        return self.root / "center.db"

    @property
    def parcels(self) -> Path:
        """Where parcels lie; with a record in PostgreSQL, where they come in."""
        return self.root / "parcels"

    @property
    def in_database(self) -> Path:
        """A note that the record lies in a database: without it a lost setting would found it anew here."""
        return self.root / "record-in-database"

    @property
    def draft(self) -> Path:
        """The charter's payload."""
        return self.root / "draft.payload"

    @property
    def tls(self) -> Path:
        """Certificates and their keys."""
        return self.root / "tls"

    def card(self, party: str) -> Path:
        """Return where a founding party's card lies."""
        return self.root / "cards" / f"{party}.json"

    def signature(self, party: str) -> Path:
        """Return where what a party signed at the founding lies."""
        return self.root / "signatures" / f"{party}.json"

    def make(self) -> None:
        """Create the folder; refuses to touch one that is a center already."""
        if (self.root / "center.toml").exists():
            raise StoreError("center-exists", f"folder {self.root.name!r}: expected no center, found one")
        for each in ("", "keys", "tls", "cards", "signatures"):
            make_dir(self.root / each, mode=0o700)

    def write_settings(self, settings: CenterSettings) -> None:
        """Write ``center.toml``; the last file of a new center."""
        # SECURITY: a database's URL may hold a password (test_postgres_migrate.py, test_a_password_is_kept).
        mode = SECRET if settings.database else READABLE
        write_atomic(self.root / "center.toml", encode_settings(settings), mode=mode)

    def read_settings(self) -> CenterSettings:
        """Return the settings, or raise `NotFound` when this is no center's folder."""
        path = self.root / "center.toml"
        settings = parse_settings(self.read(path))
        if settings.database and has_password(settings.database) and path.stat().st_mode & 0o077:
            raise StoreError(
                "settings-exposed",
                "center.toml: expected to be its owner's alone (chmod 600): it holds a password",
            )
        return settings

    def note_database(self, place: str) -> None:
        """Note that the record lies in a database, ``place`` in words."""
        if not self.in_database.exists():
            write_atomic(self.in_database, f"{place}\n".encode())

    def check_no_database(self) -> None:
        """Return unless the record is noted to lie in a database.

        Raises:
            StoreError: ``journal-elsewhere``: beginning anew here would be a second history.
        """
        if self.in_database.exists():
            place = self.in_database.read_text(encoding="utf-8").strip()
            raise StoreError(
                "journal-elsewhere",
                f"center: expected its record in the folder, it lies in {place}: name the database in "
                "center.toml, or move the record back (entente center migrate --to sqlite)",
            )

    def write_keys(self, keys: HostKeys) -> None:
        """Write both keys, for the owner alone."""
        for name, key in (("log", keys.log), ("center", keys.center)):
            line = f"{key.public.key_id} {encode_base64(key.seed)}\n"
            write_atomic(self.root / "keys" / f"{name}.key", line.encode(), mode=SECRET)

    def read_keys(self) -> HostKeys:
        """Return both keys, or raise when a file is missing, readable by others, or not of its form."""
        log, center = self._read_key("log"), self._read_key("center")
        origin = self.read_settings().origin
        for key, name in ((log, origin), (center, CENTER)):
            if key.public.name != name:
                raise Malformed(
                    "bad-key-name", f"key file: expected a key named {name!r}, got {key.public.name!r}"
                )
        return HostKeys(log, center)

    def read(self, path: Path) -> bytes:
        """Return a small file, or raise `NotFound`."""
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError as error:
            raise NotFound(
                "no-file", f"folder {self.root.name!r}: expected {path.name!r}, found none"
            ) from error
        except OSError as error:
            raise StoreError("io-error", f"{path.name!r}: {(error.strerror or '').lower()}") from error
        if len(data) > MAX_FILE_BYTES:
            raise Malformed("too-large", f"{path.name!r}: expected <= {MAX_FILE_BYTES} bytes")
        return data

    def _read_key(self, name: str) -> SigningKey:
        path = self.root / "keys" / f"{name}.key"
        data = self.read(path)
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise StoreError(
                "key-exposed", f"key file {path.name!r}: expected to be its owner's alone (chmod 600)"
            )
        key_id, _, seed = data.decode("ascii", "replace").removesuffix("\n").partition(" ")
        raw = parse_base64(seed, what=f"key file {path.name!r}", size_bytes=32)
        key = SigningKey(key_id.rpartition("+")[0], raw)
        if key.public.key_id != key_id:
            raise Malformed(
                "bad-key-id", f"key file {path.name!r}: expected {key.public.key_id!r}, got {key_id!r}"
            )
        return key
