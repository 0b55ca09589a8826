"""The journal's file: ownership, torn tails, damage, and what a failed flush leaves behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

import pytest

from entente.kernel.errors import NotFound, StoreError
from entente.kernel.keys import SigningKey
from entente.record import Checkpoint, NoteSigner, Tree, leaf_hash, sign_checkpoint
from entente.store.journal_file import JournalFile, create_journal, lock_journal, open_journal

ORIGIN: Final = "example.org/journal"
SIGNER: Final = NoteSigner(SigningKey(ORIGIN, bytes(32)))


def append(journal: JournalFile, tree: Tree, entries: list[bytes]) -> None:
    tree.extend([leaf_hash(entry) for entry in entries])
    journal.append(entries, sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), SIGNER))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of two frames, three entries."""
    create_journal(tmp_path / "journal", ORIGIN)
    journal, restored = open_journal(tmp_path / "journal", SIGNER.key)
    append(journal, restored.tree, [b"one", b"two"])
    append(journal, restored.tree, [b"three"])
    journal.close()
    return tmp_path / "journal"


def test_entries_are_read_back_where_they_stand(path: Path) -> None:
    journal, restored = open_journal(path, SIGNER.key)
    assert (journal.size, restored.tree.size, restored.frames) == (3, 3, 2)
    assert journal.read_entries(0, 3) == [b"one", b"two", b"three"]
    append(journal, restored.tree, [b"", b"x" * 65_535])
    assert journal.read_entry(3) == b""
    assert journal.read_entry(4) == b"x" * 65_535
    assert journal.size_bytes == path.stat().st_size
    for start, end in ((0, 6), (-1, 1), (3, 2)):
        with pytest.raises(NotFound, match="expected 0 <= start <= end <= 5"):
            journal.read_entries(start, end)
    with pytest.raises(NotFound, match="expected 0 <= index < 5, got 5"):
        journal.read_entry(5)
    journal.close()


def test_a_torn_tail_is_cut_and_the_journal_goes_on(path: Path) -> None:
    whole = path.read_bytes()
    journal, restored = open_journal(path, SIGNER.key)
    append(journal, restored.tree, [b"torn"])
    journal.close()
    torn = path.read_bytes()
    for length in (len(whole) + 1, len(whole) + 90, len(torn) - 1):
        path.write_bytes(torn[:length])
        journal, restored = open_journal(path, SIGNER.key)
        assert path.read_bytes() == whole
        append(journal, restored.tree, [b"next"])
        journal.close()
        assert open_and_read(path) == [b"one", b"two", b"three", b"next"]


def open_and_read(path: Path) -> list[bytes]:
    journal, _ = open_journal(path, SIGNER.key)
    found = journal.read_entries(0, journal.size)
    journal.close()
    return found


def test_damage_is_fatal_and_names_the_way_out(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = data.index(b"two")
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="restore the record from a party's mirror") as caught:
        open_journal(path, SIGNER.key)
    assert caught.value.code == "journal-damaged"
    assert path.read_bytes() == data, "nothing was changed"


def test_what_is_read_back_is_written_and_flushed_again_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last frame may be in memory alone: its flush failed, or its writer was killed before it.
    steps = []
    real_write, real_sync = os.pwrite, os.fsync

    def write(descriptor: int, data: memoryview, at: int) -> int:
        steps.append(("write", at, bytes(data)))
        return real_write(descriptor, data, at)

    def sync(descriptor: int) -> None:
        steps.append(("sync", 0, b""))
        real_sync(descriptor)

    monkeypatch.setattr(os, "pwrite", write)
    monkeypatch.setattr(os, "fsync", sync)
    data = path.read_bytes()
    open_journal(path, SIGNER.key)[0].close()
    (kind, at, again), (then, _, _), *_ = steps
    assert (kind, then) == ("write", "sync")
    assert data[at:] == again
    assert b"three" in again


@pytest.mark.parametrize(
    ("call", "number", "code"),
    (
        ("fdatasync", errno.EIO, "io-error"),
        ("pwrite", errno.ENOSPC, "disk-full"),
        ("pwrite", errno.EDQUOT, "disk-full"),
        ("pwrite", errno.EIO, "io-error"),
    ),
)
def test_a_failed_append_kills_the_object(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str
) -> None:
    journal, restored = open_journal(path, SIGNER.key)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, lambda *_: (_ for _ in ()).throw(OSError(number, "failed")))
        with pytest.raises(StoreError) as caught:
            append(journal, restored.tree, [b"lost?"])
    assert caught.value.code == code
    assert journal.size == 3, "what was not acknowledged is not shown"
    with pytest.raises(StoreError, match="stopped after") as dead:
        append(journal, restored.tree, [b"again"])
    assert dead.value.code == "journal-dead"
    journal.close()
    assert open_and_read(path)[:3] == [b"one", b"two", b"three"]


def test_one_owner_at_a_time(path: Path) -> None:
    journal = lock_journal(path)
    with pytest.raises(StoreError) as caught:
        lock_journal(path)
    assert caught.value.code == "journal-locked"
    journal.close()
    journal.close()
    lock_journal(path).close()


def test_a_lost_journal_is_not_begun_anew(tmp_path: Path, path: Path) -> None:
    with pytest.raises(StoreError, match="expected none, found one"):
        create_journal(path, ORIGIN)
    with pytest.raises(StoreError, match="expected one, found none") as caught:
        open_journal(tmp_path / "other", SIGNER.key)
    assert caught.value.code == "journal-missing"


def test_another_log_is_refused(path: Path) -> None:
    other = NoteSigner(SigningKey("example.org/other", bytes(32)))
    with pytest.raises(StoreError, match=r"expected origin 'example\.org/other'"):
        open_journal(path, other.key)
    thief = NoteSigner(SigningKey(ORIGIN, b"x" * 32))
    with pytest.raises(StoreError) as caught:
        open_journal(path, thief.key)
    assert caught.value.code == "journal-signature"


def test_a_link_in_place_of_the_journal_is_refused(tmp_path: Path, path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(StoreError, match="too many levels of symbolic links"):
        lock_journal(tmp_path / "link")
