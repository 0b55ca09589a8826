"""Finding libsodium: in which order, what is refused, and that nothing is left lying about."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import tempfile
from pathlib import Path

import pytest

from entente.blind.pure_group import PureGroup
from entente.kernel.errors import StoreError
from entente.store import sodium_loader
from entente.store.sodium_copy import choose_cache_folder, lay_out_copy, read_carried_library
from entente.store.sodium_group import SodiumGroup, load_group
from entente.store.sodium_loader import OLDEST, VARIABLE, load_sodium, open_sodium


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment with a cache of its own, on a machine without a system libsodium."""
    monkeypatch.setattr(sodium_loader, "SYSTEM_NAMES", {})
    monkeypatch.setattr(sodium_loader, "_ELSEWHERE", ("libsodium.so.none",))
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_wheels_copy_is_laid_out_once_and_nothing_else_is(
    home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    first = load_sodium(home)
    assert first.source == "wheel"
    assert "libsodium.so.none" in first.passed_over[0]
    folder = choose_cache_folder(home)
    before = {path: path.stat() for path in folder.iterdir()}
    assert len(before) == 1
    for _ in range(3):
        assert load_sodium(home).path == first.path
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == {
        path: found.st_mtime_ns for path, found in before.items()
    }
    assert list_files(temporary) == []
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Path(first.path).stat().st_mode & 0o777 == 0o500


def test_the_package_is_read_and_not_run(home: dict[str, str]) -> None:
    import sys

    before = {name for name in sys.modules if name.startswith("rbcl")}
    load_sodium(home)
    assert {name for name in sys.modules if name.startswith("rbcl")} == before


def test_a_changed_copy_is_refused(home: dict[str, str]) -> None:
    path = Path(load_sodium(home).path)
    path.chmod(0o700)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=r"expected the .* bytes of SHA-256") as refused:
        load_sodium(home)
    assert refused.value.code == "libsodium-copy"
    # No other group takes its place unsaid, and what was found stays for who looks into it.
    with pytest.raises(StoreError, match="libsodium-copy"):
        load_group(home)
    assert path.read_bytes() == raw


def test_a_copy_cut_short_is_refused(home: dict[str, str]) -> None:
    path = Path(load_sodium(home).path)
    path.chmod(0o700)
    path.write_bytes(path.read_bytes()[:1_000])
    with pytest.raises(StoreError, match="got 1000 bytes of another"):
        load_sodium(home)


def test_a_folder_or_copy_that_others_can_write_is_refused(home: dict[str, str]) -> None:
    path = Path(load_sodium(home).path)
    path.chmod(0o522)
    with pytest.raises(StoreError, match=r"not writable by others.*mode 522"):
        load_sodium(home)
    path.chmod(0o500)
    path.parent.chmod(0o777)
    with pytest.raises(StoreError, match=r"not writable by others.*mode 777"):
        load_sodium(home)


def test_a_link_in_place_of_the_copy_is_refused(home: dict[str, str], tmp_path: Path) -> None:
    path = Path(load_sodium(home).path)
    path.rename(tmp_path / "elsewhere.so")
    path.symlink_to(tmp_path / "elsewhere.so")
    with pytest.raises(StoreError, match="expected no symbolic link"):
        load_sodium(home)


def test_a_folder_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "entente").write_bytes(b"a file where the folder should be")
    with pytest.raises(StoreError, match="name a library in ENTENTE_LIBSODIUM"):
        lay_out_copy(tmp_path / "entente")


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_handle: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StoreError, match="no space left"):
        lay_out_copy(tmp_path / "entente")
    assert list_files(tmp_path) == []


@pytest.mark.parametrize("text", (b"", b"x = bytes.fromhex('7f45')", b"x = bytes.fromhex('7f4')"))
def test_a_package_without_a_library_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    class Spec:
        submodule_search_locations = (str(tmp_path),)

    (tmp_path / "_sodium.py").write_bytes(text)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: Spec)
    with pytest.raises(StoreError, match="expected a library in hexadecimal"):
        read_carried_library()


def test_the_system_library_comes_before_the_wheels(tmp_path: Path) -> None:
    try:
        ctypes.CDLL("libsodium.so.23")
    except OSError:
        pytest.skip("no libsodium.so.23 on this system")
    found = load_sodium({"XDG_CACHE_HOME": str(tmp_path)})
    assert (found.source, found.version >= OLDEST) == ("system", True)
    assert list_files(tmp_path) == []


def test_a_named_library_is_taken_or_the_error_said(home: dict[str, str], tmp_path: Path) -> None:
    named = lay_out_copy(tmp_path / "named")
    found = load_sodium({**home, VARIABLE: str(named)})
    assert (found.source, found.path) == ("named", str(named))
    missing = str(tmp_path / "none.so")
    for load in (load_sodium, load_group):
        # SECURITY: what was named is not quietly replaced by something else.
        with pytest.raises(StoreError, match=r"none\.so: expected a library"):
            load({**home, VARIABLE: missing})
    with pytest.raises(StoreError, match=r"expected an absolute path, got 'libsodium\.so'"):
        load_sodium({**home, VARIABLE: "libsodium.so"})


def test_a_library_without_ristretto_is_refused(tmp_path: Path) -> None:
    raw = read_carried_library()
    assert raw.count(b"1.0.18\x00") >= 1
    old = tmp_path / "old.so"
    old.write_bytes(raw.replace(b"1.0.18\x00", b"1.0.17\x00"))
    with pytest.raises(StoreError, match=r"expected at least 1\.0\.18, got 1\.0\.17") as refused:
        open_sodium(str(old), "named")
    assert refused.value.code == "old-libsodium"
    nameless = tmp_path / "nameless.so"
    nameless.write_bytes(
        raw.replace(b"crypto_scalarmult_ristretto255\x00", b"crypto_scalarmult_ristretto25x\x00")
    )
    with pytest.raises(StoreError, match="undefined symbol: crypto_scalarmult_ristretto255"):
        open_sodium(str(nameless), "named")
    (tmp_path / "text.so").write_bytes(b"no library at all")
    with pytest.raises(StoreError, match="expected a library"):
        open_sodium(str(tmp_path / "text.so"), "named")


def test_a_library_that_answers_wrongly_is_refused(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sodium_loader, "_TWICE", bytes(32))
    with pytest.raises(StoreError, match=r"twice the generator to be 0000.*got 6a493210"):
        load_sodium(home)
    monkeypatch.undo()
    monkeypatch.setattr(sodium_loader, "_SIZES", {"crypto_hash_sha512_statebytes": 209})
    with pytest.raises(StoreError, match="expected crypto_hash_sha512_statebytes 209, got 208"):
        load_sodium(home)


def test_without_any_library_plain_python_says_so(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StoreError, match=r"libsodium\.so\.none.*the package 'rbcl'"):
        load_sodium(home)
    group = load_group(home)
    assert isinstance(group, PureGroup)
    assert (group.name, group.most) == ("plain Python", 500)


def test_what_was_loaded_is_named(home: dict[str, str]) -> None:
    group = load_group(home)
    assert isinstance(group, SodiumGroup)
    assert group.name.startswith("libsodium 1.0.18 (wheel: ")
