"""Evidence of a lie: what was promised, what was shown, and how anyone can check it.

    evidence/20160917T135500Z-log-forked/
        README.txt         plain words
        checkpoint-a ...   exact bytes, never re-encoded

Invariants: a folder is complete or absent (built beside, then renamed); bytes are written as they came; an
alarm stands until an officer dismisses it, by name and with a reason, and its evidence stays even then; one
lie told again and again is one alarm.

It does not judge: the checks do.

    >>> alarm = board.raise_alarm(finding)
    >>> board.dismiss(alarm.id, officer="duty-1", why="settled by voice with the host")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from entente.desk.book import Book
from entente.kernel.errors import EntenteError, Fork, Malformed, NotFound, StoreError
from entente.kernel.ports import Clock
from entente.kernel.time import encode_utc
from entente.store.durable import fsync_dir, write_atomic

_EXPLAINED: Final[dict[str, tuple[str, str]]] = {
    # code: (what happened, how anyone can check it)
    "log-forked": (
        (
            "The host of the center signed two histories of one record that cannot both be true. "
            "Whoever relied on one of them was told something else than somebody else. This is proof, "
            "not suspicion: both files carry the host's signature."
        ),
        (
            "checkpoint-a and checkpoint-b are C2SP signed notes. Check both with the log's public "
            "key (log-key.txt), for example with golang.org/x/mod/sumdb/note. Same size, different "
            "root: done. Different sizes: the file 'consistency' holds the root that the larger tree "
            "has at the smaller size, and the RFC 6962 proof of it."
        ),
    ),
    "rolled-back": (
        (
            "The center first served a newer checkpoint and later an older one, as if the entries in "
            "between had never been. It may be a restored backup or a cache; until the newer one is "
            "served again, the record that it shows is not the whole one."
        ),
        (
            "'held' is the newer checkpoint, 'shown' the older one. Both carry the log's signature "
            "(log-key.txt)."
        ),
    ),
    "stale-checkpoint": (
        (
            "The center named or promised a larger record than it shows. Entries that somebody relies "
            "on are being kept from us."
        ),
        (
            "'held' is the newest checkpoint that we could follow. The text above names who announced "
            "the larger size."
        ),
    ),
    "bad-tile": (
        (
            "The center served pieces of the record that do not hash to the root it signed. They were "
            "not believed and not kept."
        ),
        (
            "'shown' is the signed checkpoint. Fetch the tiles under the center's /record/ and hash "
            "them (C2SP tlog-tiles, RFC 6962)."
        ),
    ),
    "bad-entry": (
        ("The center served an entry that is not the one in the record. It was not believed and not kept."),
        (
            "'shown' is the signed checkpoint. Fetch the entry bundle and its hash tile under "
            "/record/ and compare leaf hashes."
        ),
    ),
    "replayed-answer": (
        (
            "The center answered our message with the answer to another one. Our message is not shown "
            "as recorded; it is sent again."
        ),
        (
            "'answer' is what came back, 'message' what we sent: the leaf in the one is not the RFC "
            "6962 leaf hash of the other."
        ),
    ),
    "bad-inclusion": (
        (
            "The center said that our message is recorded, and its proof does not show it. Our "
            "message is not shown as recorded."
        ),
        (
            "'answer' holds the proof and checkpoint, 'message' the exact entry: verify the inclusion "
            "(RFC 6962 section 2.1.1)."
        ),
    ),
    "refused-then-inserted": (
        (
            "The center refused a message under its signature and put it into the record all the "
            "same. It convicts itself."
        ),
        (
            "'refusal' is a DSSE envelope signed by the center's key (center-key.txt) that names the "
            "leaf; 'checkpoint' and the entry at the index named above show the same leaf in the "
            "record."
        ),
    ),
    "wrongly-accepted": (
        (
            "The center put an entry into the record that the agreed rules forbid. It was void here: "
            "nothing we show rests on it."
        ),
        (
            "'entry' is the exact entry, 'checkpoint' the signed checkpoint that covers it. `entente "
            "verify` on a mirror names the rule."
        ),
    ),
    "swapped-ciphertext": (
        (
            "The center served another ciphertext than the one whose hash the author signed. The "
            "message could not be read."
        ),
        ("'entry' holds the author's signed hash, 'ciphertext' what was served: its SHA-256 is another."),
    ),
    "withheld-ciphertext": (
        (
            "The center does not serve the ciphertext of a message that is addressed to us. The "
            "message could not be read."
        ),
        "'entry' names us as an addressee; the center's /sealed/ does not give the ciphertext.",
    ),
    "unsigned-refusal": (
        (
            "The center refuses our message and does not sign that it does. The message stays ours to "
            "send, unsaid and unrefused."
        ),
        "'answer' is what came back, 'message' what we sent.",
    ),
    "unknown-own-message": (
        (
            "The record holds a message signed with our desk key that this desk did not send. Either "
            "this folder was restored from an old backup, or somebody else has our key."
        ),
        (
            "'entry' is the exact entry. Compare with the other copy of this desk, if there is one; "
            "otherwise rotate the desk key."
        ),
    ),
    "seen-denied": (
        (
            "The center denies, under its signature, a checkpoint that it signed itself and that our "
            "message rests on."
        ),
        "'held' is the checkpoint with the log's signature; 'refusal' the center's signed denial.",
    ),
    "acknowledge-due": (
        (
            "A partner's message waits for one of our officers to take note of it, longer than agreed. "
            "Nobody has done anything wrong; until an officer acknowledges it, the center turns to the "
            "next contact."
        ),
        "No bytes are kept: the message is in the record, under the hash named above.",
    ),
    "alarm-withheld": (
        (
            "Armed activities meet, or a denied zone is entered, and the host has not raised the alarm that "
            "the agreed rules ask of it at once. The other side may not know. Call it: its contacts are in "
            "the roster."
        ),
        (
            "The record shows the conflict at the entry named above, and no alarm.raise after it: anyone who "
            "replays the entries computes the same. No bytes are kept."
        ),
    ),
    "blind-conflict": (
        (
            "A blind check found that our plan and the other side's meet. `blind-run` shows in which of our "
            "cells, and of which items. Nobody has done anything wrong; talk, or zoom in together."
        ),
        "No bytes are kept: the run's messages are in the record, its parcels' hashes in them.",
    ),
    "notice-not-charged": (
        (
            "A notification went out, as it must, and its place could not be charged to the secrets that "
            "want it: the catalogue's model does not explain it beside what was told before. What partners "
            "know of those secrets may be more than `release-ledger` says."
        ),
        "No bytes are kept: the notification is in the record. Look at the catalogue with who wrote it.",
    ),
    "blind-added": (
        (
            "The other side has added something that meets our plan. We had been clear before. `blind-run` "
            "shows in which of our cells."
        ),
        "No bytes are kept: the other side's amendment is in the record.",
    ),
    "blind-invalid": (
        (
            "A blind check could not be brought to an end that can be relied on, for the reason above. It "
            "says nothing about whether the plans meet: never read it as clear. Check again, or call the "
            "other side."
        ),
        "No bytes are kept: the run's messages are in the record, its parcels' hashes in them.",
    ),
    "blind-in-default": (
        (
            "The center has recorded that we left a question of a blind check unanswered for longer than "
            "agreed. The desk answers by itself as soon as it can; if it does not, the reason is in another "
            "alarm or in its log."
        ),
        "No bytes are kept: the question is in the record, under the hash named above.",
    ),
    "blind-refused": (
        (
            "We did not answer a question of the other side's blind check, for the reason above. It was told "
            "why. Many such questions are a sign of fishing."
        ),
        "No bytes are kept: the question is in the record, under the hash named above.",
    ),
    "plan-differs": (
        (
            "What was notified in our name is not what our own plan says. It does not count until it "
            "is corrected."
        ),
        "'plan' is the plan that was stored here, 'entry' the signed message.",
    ),
}
_UNEXPLAINED: Final = (
    "Something that the center or a partner sent did not stand up to its check. The first line names it.",
    "The files beside this one are the exact bytes.",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that did not stand up: a code, one sentence, and the exact bytes that show it.

    Args:
        subject: What it is about, so that the same thing found again is known: a leaf, a size, an object.
    """

    code: str
    words: str
    subject: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding that an officer has to look at."""

    id: int
    code: str
    subject: str
    words: str
    evidence: str
    at: str
    dismissed_by: str
    dismissed_at: str
    dismissed_why: str

    @property
    def is_standing(self) -> bool:
        """Whether nobody has dismissed it."""
        return not self.dismissed_by

    def explain(self) -> str:
        """Return what it means, in plain words."""
        return _EXPLAINED.get(self.code, _UNEXPLAINED)[0]


def make_finding(error: EntenteError, subject: str = "", files: Mapping[str, bytes] | None = None) -> Finding:
    """Return an error as a finding; a fork brings its own evidence."""
    held = dict(files or {})
    if isinstance(error, Fork):
        held |= error.evidence
    return Finding(error.code, error.message, subject, held)


class AlarmBoard:
    """Every alarm of a desk, and the evidence beside it."""

    def __init__(
        self, book: Book, folder: Path | None, clock: Clock, *, keys: Mapping[str, bytes] | None = None
    ) -> None:
        """Keep alarms in ``book`` and evidence under ``folder`` (None: nowhere).

        Args:
            keys: Public keys that a reader of any evidence needs, by file name.
        """
        self._book = book
        self._folder = folder
        self._clock = clock
        self._keys = dict(keys or {})

    def raise_alarm(self, finding: Finding) -> Alarm:
        """Save the evidence and raise the alarm; return the standing one when it was raised before."""
        row = self._book.read_one(
            "SELECT * FROM alarms WHERE code = ? AND subject = ? AND dismissed_by = ''",
            (finding.code, finding.subject),
        )
        if row is not None:
            return Alarm(**dict(row))
        now = self._clock.now_utc()
        place = self._save(finding, now) if finding.files and self._folder is not None else ""
        with self._book.transaction() as db:
            number = db.execute(
                "INSERT INTO alarms (code, subject, words, evidence, at) VALUES (?, ?, ?, ?, ?)",
                (finding.code, finding.subject, finding.words, place, encode_utc(now)),
            ).lastrowid
        return self.get(int(number or 0))

    def get(self, number: int) -> Alarm:
        """Return one alarm, or raise `NotFound`."""
        row = self._book.read_one("SELECT * FROM alarms WHERE id = ?", (number,))
        if row is None:
            raise NotFound("no-alarm", f"alarm: expected the number of one, got {number}")
        return Alarm(**dict(row))

    def standing(self) -> list[Alarm]:
        """Return what nobody has dismissed, oldest first."""
        return [
            Alarm(**dict(row))
            for row in self._book.read("SELECT * FROM alarms WHERE dismissed_by = '' ORDER BY id")
        ]

    def list_after(self, number: int, *, limit: int = 200) -> list[Alarm]:
        """Return alarms after a number, dismissed ones included."""
        rows = self._book.read("SELECT * FROM alarms WHERE id > ? ORDER BY id LIMIT ?", (number, limit))
        return [Alarm(**dict(row)) for row in rows]

    def dismiss(self, number: int, *, officer: str, why: str) -> Alarm:
        """Take an alarm down, in an officer's name and for a reason; its evidence stays."""
        alarm = self.get(number)
        if not why.strip():
            raise Malformed("no-reason", "dismissal: expected a reason, got none", path="$.why")
        if not alarm.is_standing:
            return alarm
        with self._book.transaction() as db:
            db.execute(
                "UPDATE alarms SET dismissed_by = ?, dismissed_at = ?, dismissed_why = ? WHERE id = ?",
                (officer, encode_utc(self._clock.now_utc()), why, number),
            )
        return self.get(number)

    def _save(self, finding: Finding, now: datetime) -> str:
        if self._folder is None:
            raise AssertionError("evidence: a finding is saved only where there is a folder")
        name = f"{now.strftime('%Y%m%dT%H%M%SZ')}-{finding.code}"
        number = 1
        while (self._folder / name).exists():
            number += 1
            name = f"{now.strftime('%Y%m%dT%H%M%SZ')}-{finding.code}-{number}"
        beside = self._folder / f".{name}.new"
        try:
            beside.mkdir(mode=0o700, parents=True, exist_ok=True)
            files = self._keys | dict(finding.files) | {"README.txt": _describe(finding, now).encode()}
            for file, data in files.items():
                if "/" in file or file.startswith("."):
                    raise ValueError(f"evidence file: expected a plain name, got {file!r}")
                write_atomic(beside / file, data)
            beside.rename(self._folder / name)
        except OSError as error:
            raise StoreError(
                "evidence", f"evidence {name!r}: {(error.strerror or str(error)).lower()}"
            ) from error
        fsync_dir(self._folder)
        return name


def _describe(finding: Finding, now: datetime) -> str:
    meaning, check = _EXPLAINED.get(finding.code, _UNEXPLAINED)
    files = "\n".join(f"  {name}  ({len(data)} bytes)" for name, data in sorted(finding.files.items()))
    return (
        f"{finding.words}\n\n"
        f"code     {finding.code}\n"
        f"subject  {finding.subject or '-'}\n"
        f"found    {encode_utc(now)} (this desk's clock)\n\n"
        f"What this means\n\n{meaning}\n\n"
        f"How anyone can check it\n\n{check}\n\n"
        f"Files, exact bytes as they came\n\n{files or '  none'}\n"
    )
