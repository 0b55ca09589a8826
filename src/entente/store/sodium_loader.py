"""Finding libsodium: a path that was named, the system's, or the copy that a wheel carries.

What it is for: blind checks run on ristretto255, and libsodium is the one library with it that is in every
distribution, in constant time. It is used by `ctypes`, so that no compiler is needed to install entente.

Invariants:
  * The first of: $ENTENTE_LIBSODIUM (an absolute path; nothing else is tried when it is set), the system's
    library, the copy in `rbcl` (`sodium_copy`).
  * What is loaded is at least 1.0.18 (the first with ristretto255), was initialised, has the sizes that the
    calls rely on, and has answered a known question rightly.
  * Loading leaves no file behind but the one copy.

It computes nothing; `sodium_group` does.

    >>> load_sodium().version
    (1, 0, 18)
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from entente.kernel.errors import StoreError
from entente.store.sodium_copy import choose_cache_folder, lay_out_copy

OLDEST: Final = (1, 0, 18)
VARIABLE: Final = "ENTENTE_LIBSODIUM"
SYSTEM_NAMES: Final = {
    "darwin": ("libsodium.26.dylib", "libsodium.23.dylib", "libsodium.dylib"),
    "win32": ("libsodium.dll",),
}
_ELSEWHERE: Final = ("libsodium.so.26", "libsodium.so.23")

_POINTERS: Final = {
    # name: number of arguments that are addresses, then whether a length follows the second of them
    "crypto_core_ristretto255_add": 3,
    "crypto_core_ristretto255_from_hash": 2,
    "crypto_core_ristretto255_is_valid_point": 1,
    "crypto_core_ristretto255_scalar_invert": 2,
    "crypto_core_ristretto255_scalar_mul": 3,
    "crypto_core_ristretto255_scalar_reduce": 2,
    "crypto_core_ristretto255_scalar_sub": 3,
    "crypto_scalarmult_ristretto255": 3,
    "crypto_scalarmult_ristretto255_base": 2,
    "crypto_hash_sha512_init": 1,
    "crypto_hash_sha512_final": 2,
}
_VOID: Final = frozenset(
    {
        "crypto_core_ristretto255_scalar_mul",
        "crypto_core_ristretto255_scalar_reduce",
        "crypto_core_ristretto255_scalar_sub",
    }
)
_SIZES: Final = {
    "crypto_core_ristretto255_bytes": 32,
    "crypto_core_ristretto255_hashbytes": 64,
    "crypto_core_ristretto255_scalarbytes": 32,
    "crypto_core_ristretto255_nonreducedscalarbytes": 64,
    "crypto_hash_sha512_bytes": 64,
    "crypto_hash_sha512_statebytes": 208,
    "crypto_generichash_blake2b_statebytes": 384,
}
_GENERATOR: Final = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
_TWICE: Final = bytes.fromhex("6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919")
"""RFC 9496 appendix A.1: the generator, and twice the generator."""


@dataclass(frozen=True, slots=True)
class Sodium:
    """A library that was loaded and has passed the checks.

    Args:
        source: ``named``, ``system`` or ``wheel``.
        path: What was given to the loader.
        passed_over: Why what stood before it was not taken.
    """

    library: ctypes.CDLL = field(repr=False)
    version: tuple[int, ...]
    source: str
    path: str
    passed_over: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people: which libsodium this is."""
        return f"libsodium {'.'.join(map(str, self.version))} ({self.source}: {self.path})"

    def address(self, name: str) -> int:
        """Return where a function begins, for compiled loops."""
        found = ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value
        if found is None:
            raise AssertionError(f"{name}: has no address")
        return found


def load_sodium(environment: Mapping[str, str] | None = None) -> Sodium:
    """Return the library.

    Raises:
        StoreError: The named one cannot be used, or there is none; the message says what was tried.
    """
    given = os.environ if environment is None else environment
    named = given.get(VARIABLE, "")
    if named:
        if not Path(named).is_absolute():
            raise StoreError("no-libsodium", f"{VARIABLE}: expected an absolute path, got {named!r}")
        return open_sodium(named, "named")
    passed_over: list[str] = []
    for name in SYSTEM_NAMES.get(sys.platform, _ELSEWHERE):
        try:
            return open_sodium(name, "system", tuple(passed_over))
        except StoreError as error:
            passed_over.append(error.message)
    try:
        copy = lay_out_copy(choose_cache_folder(given))
    except StoreError as error:
        tried = "; ".join([*passed_over, error.message])
        raise StoreError(
            error.code, f"libsodium: expected one of at least 1.0.18, got none: {tried}"
        ) from error
    return open_sodium(str(copy), "wheel", tuple(passed_over))


def open_sodium(path: str, source: str, passed_over: tuple[str, ...] = ()) -> Sodium:
    """Return the library at ``path``, which a soname may stand for, checked.

    Raises:
        StoreError: It cannot be loaded, is too old, or does not do what libsodium does.
    """
    try:
        library = ctypes.CDLL(path)
        version = _read_version(library, path)
        if version < OLDEST:
            raise StoreError(
                "old-libsodium",
                f"libsodium at {path}: expected at least {_dotted(OLDEST)}, got {_dotted(version)}",
            )
        _declare(library)
        _check(library, path)
    except (OSError, AttributeError) as error:
        raise StoreError("no-libsodium", f"libsodium at {path}: expected a library: {error}") from error
    return Sodium(library, version, source, path, passed_over)


def _read_version(library: ctypes.CDLL, path: str) -> tuple[int, ...]:
    library.sodium_version_string.restype = ctypes.c_char_p
    library.sodium_version_string.argtypes = []
    text = (library.sodium_version_string() or b"").decode("ascii", "replace")
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    if match is None:
        raise StoreError("old-libsodium", f"libsodium at {path}: expected a version, got {text!r}")
    return tuple(int(each) for each in match.groups())


def _declare(library: ctypes.CDLL) -> None:
    """Say what every function takes and returns: ctypes would cut an address to 32 bits otherwise."""
    address, length = ctypes.c_void_p, ctypes.c_ulonglong
    for name, count in _POINTERS.items():
        function = getattr(library, name)
        function.argtypes = [address] * count
        function.restype = None if name in _VOID else ctypes.c_int
    library.crypto_hash_sha512.argtypes = [address, address, length]
    library.crypto_hash_sha512.restype = ctypes.c_int
    library.crypto_hash_sha512_update.argtypes = [address, address, length]
    library.crypto_hash_sha512_update.restype = ctypes.c_int
    library.crypto_generichash_blake2b.argtypes = [
        *(address, ctypes.c_size_t, address, length, address, ctypes.c_size_t),
    ]
    library.crypto_generichash_blake2b.restype = ctypes.c_int
    for name in _SIZES:
        function = getattr(library, name)
        function.argtypes = []
        function.restype = ctypes.c_size_t


def _check(library: ctypes.CDLL, path: str) -> None:
    library.sodium_init.argtypes = []
    library.sodium_init.restype = ctypes.c_int
    # 0: done now; 1: was done before; -1: the library must not be used.
    if library.sodium_init() < 0:
        raise StoreError("no-libsodium", f"libsodium at {path}: expected sodium_init to succeed, got -1")
    for name, expected in _SIZES.items():
        got = getattr(library, name)()
        if got != expected:
            raise StoreError("no-libsodium", f"libsodium at {path}: expected {name} {expected}, got {got}")
    two = (2).to_bytes(32, "little")
    found = ctypes.create_string_buffer(32)
    code = library.crypto_scalarmult_ristretto255(found, two, _GENERATOR)
    if code != 0 or found.raw != _TWICE:
        raise StoreError(
            "no-libsodium",
            f"libsodium at {path}: expected twice the generator to be {_TWICE.hex()},"
            f" got {found.raw.hex()} and code {code}",
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
