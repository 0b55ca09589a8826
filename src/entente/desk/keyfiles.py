"""Key files: one secret a file, readable by its owner alone, optionally locked with a passphrase.

    {"key":"us/root","purpose":"root","seed":"<base64>"}
    {"box":"<base64>","key":"us/root","memory_bytes":33554432,"ops":524288,"purpose":"root","salt":"<base64>"}

The locked form is libsodium's: scrypt makes a key of the passphrase, secretbox (XSalsa20-Poly1305) locks the
seed under it.

Invariants:
  * A file that others can read, or that is no plain file of ours, is refused, not repaired.
  * The cost that a file asks for is bounded: a file that was swapped cannot make the desk eat all memory.
  * A wrong passphrase and a damaged file are told apart from nothing: both fail to open.

It makes no seeds: they come from the `Random` port.

    >>> write_key(path, KeyFile("us/root", "root", seed), random=random, passphrase="correct horse")
    >>> read_key(path, purpose="root", passphrase="correct horse").seed
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import msgspec
import nacl.exceptions
import nacl.pwhash.scrypt
import nacl.secret

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import Denied, Malformed, NotFound, StoreError
from entente.kernel.ports import Random
from entente.kernel.wire import WireStruct, encode_base64, parse_base64
from entente.store.durable import write_atomic

MAX_KEY_FILE_BYTES: Final = 4096
SALT_BYTES: Final = nacl.pwhash.scrypt.SALTBYTES
OPS: Final = nacl.pwhash.scrypt.OPSLIMIT_INTERACTIVE
MEMORY_BYTES: Final = nacl.pwhash.scrypt.MEMLIMIT_INTERACTIVE
"""libsodium's interactive setting: 16 MiB, about a tenth of a second; a desk starts more often than it is
stolen."""
_MAX_OPS: Final = nacl.pwhash.scrypt.OPSLIMIT_SENSITIVE
_MAX_MEMORY_BYTES: Final = nacl.pwhash.scrypt.MEMLIMIT_SENSITIVE

_Base64 = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=1024)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class _Open(WireStruct, frozen=True):
    key: _Name
    purpose: _Name
    seed: _Base64


class _Locked(WireStruct, frozen=True):
    box: _Base64
    key: _Name
    memory_bytes: Annotated[int, msgspec.Meta(ge=1, le=_MAX_MEMORY_BYTES)]
    ops: Annotated[int, msgspec.Meta(ge=1, le=_MAX_OPS)]
    purpose: _Name
    salt: _Base64


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file holds: the key's name, what it is for, and its secret."""

    name: str
    purpose: str
    seed: bytes = field(repr=False)


def write_key(path: Path, key: KeyFile, *, random: Random, passphrase: str | None = None) -> None:
    """Write a new key file; never over an old one.

    Raises:
        Denied: There is a file already.
    """
    if path.exists() or path.is_symlink():
        raise Denied("exists", f"key file {path.name!r}: expected none yet, found one")
    if passphrase is None:
        plain: WireStruct = _Open(key=key.name, purpose=key.purpose, seed=encode_base64(key.seed))
    else:
        salt = random.draw(SALT_BYTES)
        box = nacl.secret.SecretBox(_derive(passphrase, salt, OPS, MEMORY_BYTES))
        sealed = box.encrypt(key.seed, random.draw(nacl.secret.SecretBox.NONCE_SIZE))
        plain = _Locked(
            box=encode_base64(bytes(sealed)),
            key=key.name,
            memory_bytes=MEMORY_BYTES,
            ops=OPS,
            purpose=key.purpose,
            salt=encode_base64(salt),
        )
    write_atomic(path, encode_canonical(plain), mode=0o600)


def read_key(path: Path, *, purpose: str, passphrase: str | None = None) -> KeyFile:
    """Return the key in a file.

    Raises:
        NotFound, StoreError: No such file, or one that others may read.
        Denied: It is locked, and no passphrase was given or the wrong one.
        Malformed: Not a key file, or one for another purpose.
    """
    data = read_private(path, what="key file", max_bytes=MAX_KEY_FILE_BYTES)
    try:
        found: _Open | _Locked = parse_canonical_as(data, _Open)
    except Malformed:
        found = parse_canonical_as(data, _Locked)
    if found.purpose != purpose:
        raise Malformed(
            "wrong-purpose", f"key file {path.name!r}: expected purpose {purpose!r}, got {found.purpose!r}"
        )
    if isinstance(found, _Open):
        return KeyFile(found.key, found.purpose, parse_base64(found.seed, what=f"key file {path.name!r}"))
    if passphrase is None:
        raise Denied("locked", f"key file {path.name!r}: expected its passphrase, got none")
    salt = parse_base64(found.salt, what="salt", size_bytes=SALT_BYTES)
    box = nacl.secret.SecretBox(_derive(passphrase, salt, found.ops, found.memory_bytes))
    try:
        seed = box.decrypt(parse_base64(found.box, what=f"key file {path.name!r}"))
    except (nacl.exceptions.CryptoError, ValueError) as error:
        raise Denied(
            "bad-passphrase", f"key file {path.name!r}: does not open with this passphrase"
        ) from error
    return KeyFile(found.key, found.purpose, bytes(seed))


def is_locked(path: Path) -> bool:
    """Tell whether a key file wants a passphrase."""
    try:
        parse_canonical_as(path.read_bytes()[:MAX_KEY_FILE_BYTES], _Locked)
    except (OSError, Malformed):
        return False
    return True


def _derive(passphrase: str, salt: bytes, ops: int, memory_bytes: int) -> bytes:
    if not passphrase:
        raise ValueError("passphrase: expected at least one character")
    key: bytes = nacl.pwhash.scrypt.kdf(
        nacl.secret.SecretBox.KEY_SIZE, passphrase.encode(), salt, opslimit=ops, memlimit=memory_bytes
    )
    return key


def read_private(path: Path, *, what: str, max_bytes: int) -> bytes:
    """Return the bytes of a file that nobody else can read, or raise.

    SECURITY: opened without following a link and judged by the open descriptor, so that the file which is
    read is the one that was judged (tests/unit/test_desk_vault.py, a key that others can read).
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound("no-file", f"{what}: expected {path.name!r}, found none") from error
    except OSError as error:
        raise StoreError("unreadable", f"{what} {path.name!r}: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in {os.geteuid(), 0}:
            raise StoreError("bad-owner", f"{what} {path.name!r}: expected a plain file of ours")
        if found.st_mode & 0o077:
            raise StoreError(
                "bad-mode",
                f"{what} {path.name!r}: expected mode 0600, got {stat.S_IMODE(found.st_mode):04o}: "
                "others can read it",
            )
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise Malformed("too-large", f"{what} {path.name!r}: expected <= {max_bytes} bytes, got more")
    return data
