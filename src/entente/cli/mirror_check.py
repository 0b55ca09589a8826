"""Check a mirror's folder whole, also while a desk writes to it.

Invariants: one moment of the mirror is judged: the checkpoint is read once, and where files changed under the
check it is done again; nobody is accused because a desk followed the record meanwhile; nothing is written.

    >>> report, audit = check_mirror(Path("us/mirror"))
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from entente.joint import KINDS
from entente.joint.audit import RecordAudit
from entente.joint.verification import RecordReport, verify_record
from entente.kernel.errors import EntenteError
from entente.record.tiles import CHECKPOINT_PATH
from entente.store.mirror import FolderTileSource

_TRIES: Final = 5


def list_files(folder: Path) -> list[str]:
    """Return the paths of a mirror's files; what is no part of the layout is left to the audit to name."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class _OneMoment:
    """A mirror's files, with the checkpoint as it was when this was made."""

    def __init__(self, folder: Path) -> None:
        self._files = FolderTileSource(folder)
        self.note = self._files.read(CHECKPOINT_PATH)

    def read(self, path: str) -> bytes:
        return self.note if path == CHECKPOINT_PATH else self._files.read(path)


def check_mirror(
    folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> tuple[RecordReport, RecordAudit]:
    """Return what the check of a whole mirror found, and the state that its replay leads to.

    Raises:
        EntenteError: There is no record to check (`verify_record`).
    """
    for tries_left in reversed(range(_TRIES)):
        source, audit = _OneMoment(folder), RecordAudit(KINDS)
        try:
            report = verify_record(source, KINDS, present=list_files(folder), audit=audit, progress=progress)
        except EntenteError:
            if tries_left == 0 or not _has_changed(folder, source.note):
                raise
            continue
        # A desk that followed meanwhile has removed tiles that were no longer whole: no fault of anybody's.
        if report.is_sound or tries_left == 0 or not _has_changed(folder, source.note):
            return report, audit
    raise AssertionError("unreachable: the last try returns or raises")


def _has_changed(folder: Path, note: bytes) -> bool:
    return FolderTileSource(folder).read(CHECKPOINT_PATH) != note
