"""Files that survive a crash: what is there when a step fails, and that nothing is tried twice."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from entente.kernel.errors import StoreError
from entente.store.durable import SECRET, flush_data, fsync_dir, make_dir, write_all, write_atomic


def test_new_contents_replace_old_ones(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_atomic(path, b"one")
    write_atomic(path, b"two", mode=SECRET)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("call", ("pwrite", "fsync", "rename"))
@pytest.mark.parametrize("number", (errno.EIO, errno.ENOSPC))
def test_a_failed_step_leaves_the_old_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "state"
    write_atomic(path, b"old")

    def fail(*arguments: object, **named: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail) if call != "rename" else monkeypatch.setattr(Path, "replace", fail)
    code = "disk-full" if number == errno.ENOSPC else "io-error"
    with pytest.raises(StoreError) as caught:
        write_atomic(path, b"new")
    assert caught.value.code == code
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_a_failed_flush_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fail(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "io error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with (tmp_path / "file").open("wb") as file, pytest.raises(StoreError, match="fdatasync failed"):
        flush_data(file.fileno(), what="file")
    assert len(calls) == 1


def test_a_short_write_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:3], at))
    path = tmp_path / "file"
    with path.open("wb") as file:
        write_all(file.fileno(), b"0123456789", 2, what="file")
    assert path.read_bytes() == b"\0\x000123456789"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="open failed: no such file"):
        fsync_dir(tmp_path / "none")
    with pytest.raises(StoreError, match="open failed"):
        write_atomic(tmp_path / "none" / "state", b"x")


def test_folders_are_made_with_those_above(tmp_path: Path) -> None:
    make_dir(tmp_path / "a" / "b" / "c", mode=0o700)
    make_dir(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"theirs")
    (tmp_path / "state").symlink_to(tmp_path / "target")
    write_atomic(tmp_path / "state", b"ours")
    assert (tmp_path / "target").read_bytes() == b"theirs"
    assert not (tmp_path / "state").is_symlink()
