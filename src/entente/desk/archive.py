"""Single messages out of our own mirror, opened as far as we can.

Invariants: every entry is checked against the tree that we verified before it is shown; a body is shown only
when it matches the record's commitment; the network is not asked.

It computes no state: rows do.

    >>> archive.get_message("17").kind
    'activity.notify'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from entente.desk.book import Book
from entente.desk.checks import CenterView
from entente.desk.sealing import reopen_own
from entente.desk.views import find_applied
from entente.joint import KINDS, MessageRow
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Malformed, NotFound
from entente.kernel.message import ParsedMessage, parse_message
from entente.kernel.rows import Rows
from entente.record.tile_reader import TileReader
from entente.store.mirror import Mirror

_PREFIX: Final = re.compile(r"[0-9a-f]{8,64}\Z")
_INDEX: Final = re.compile(r"[0-9]{1,15}\Z")


class MessageView(msgspec.Struct, frozen=True):
    """A message as we can read it. ``body`` is null when it is sealed and was not opened here."""

    index: int
    leaf: str
    kind: str
    author: str
    officers: list[str]
    at: str
    to: list[str]
    is_sealed: bool
    body: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Archive:
    """Reads the mirror. Safe from several threads."""

    view: CenterView
    mirror: Mirror
    book: Book
    rows: Rows

    def resolve(self, text: str) -> MessageRow:
        """Return the message that ``text`` names: an index, a whole hash, or its first 8 digits or more.

        Raises:
            NotFound: None of that name. Malformed: Not a name, or one that several messages share.
        """
        if _PREFIX.match(text):
            found = self._find_hash(text)
            if found is not None:
                return found
        if _INDEX.match(text):
            row = next(iter(self.rows.select(MessageRow, place=f"{int(text):016d}")), None)
            if row is not None:
                return row
        elif not _PREFIX.match(text):
            raise Malformed(
                "bad-message", f"message: expected its index or >= 8 digits of its hash, got {text[:80]!r}"
            )
        raise NotFound("no-message", f"message {text!r}: expected one in the record, found none")

    def _find_hash(self, text: str) -> MessageRow | None:
        if len(text) == 64:
            return self.rows.find(MessageRow, text)
        # The greatest text below every hash with this prefix: its neighbour with the last digit taken back.
        below = text[:-1] + chr(ord(text[-1]) - 1) + "~"
        found = [
            row for row in self.rows.select(MessageRow, after=below, limit=2) if row.leaf.startswith(text)
        ]
        if len(found) > 1:
            raise Malformed(
                "ambiguous", f"message {text!r}: expected one, several begin like this: give more digits"
            )
        return found[0] if found else None

    def read(self, index: int) -> ParsedMessage[Any]:
        """Return the message at ``index``, opened if we can, checked against the tree that we verified."""
        mirrored = self.view.mirrored
        if mirrored is None or not 0 <= index < mirrored.size:
            raise NotFound("no-message", f"message: expected an index < {self.view.size}, got {index}")
        (data,) = TileReader(self.mirror.source, mirrored).read_entries(index, index + 1)
        parsed = parse_message(parse_envelope(data), KINDS.bodies)
        if not parsed.payload.to:
            return parsed
        kept = self.book.read_one("SELECT salt, body FROM bodies WHERE leaf = ?", (parsed.leaf,))
        return parsed if kept is None else reopen_own(parsed, kept["salt"], kept["body"], KINDS)

    def read_raw(self, start: int, end: int) -> list[bytes]:
        """Return the exact bytes of the entries [start, end), checked against the tree that we verified."""
        mirrored = self.view.mirrored
        if mirrored is None or not 0 <= start <= end <= mirrored.size:
            raise NotFound(
                "no-message", f"record: expected entries below {self.view.size}, got {start}..{end}"
            )
        return TileReader(self.mirror.source, mirrored).read_entries(start, end)

    def get_message(self, text: str) -> MessageView:
        """Return one message as we can read it."""
        return self.describe(self.resolve(text))

    def describe(self, row: MessageRow) -> MessageView:
        """Return the message of a row as we can read it."""
        parsed = self.read(row.index)
        body = b"null" if parsed.body is None else msgspec.json.encode(parsed.body)
        return MessageView(
            index=row.index,
            leaf=row.leaf,
            kind=row.kind,
            author=row.author,
            officers=row.officers,
            at=row.at,
            to=row.to,
            is_sealed=bool(row.to),
            body=msgspec.Raw(body),
        )

    def list_after(self, index: int, *, limit: int = 100) -> Iterator[MessageView]:
        """Yield messages from ``index`` on, in the record's order; entries that were void are left out."""
        given = 0
        for place in range(max(0, index), self.view.size):
            row = next(iter(self.rows.select(MessageRow, place=f"{place:016d}")), None)
            if row is not None:
                yield self.describe(row)
                given += 1
            if given == limit:
                return


@dataclass(frozen=True, slots=True)
class ArchiveEntries:
    """What the index of the record is made of (`record_index.EntrySource`)."""

    party: str
    archive: Archive

    @property
    def size(self) -> int:
        """How many entries were taken into our own view."""
        return find_applied(self.archive.rows)

    def read_entries(self, start: int, end: int) -> list[bytes]:
        """Return entries, each checked against the tree that we verified."""
        return self.archive.read_raw(start, end)

    def is_void(self, index: int, leaf: str) -> bool:
        """Tell whether the rules refused it: a message stands at one index, and again is void."""
        row = self.archive.rows.find(MessageRow, leaf)
        return row is None or row.index != index

    def find_body(self, leaf: str) -> bytes | None:
        """Return the opened body of a sealed message, if we have it."""
        row = self.archive.book.read_one("SELECT body FROM bodies WHERE leaf = ?", (leaf,))
        return None if row is None else bytes(row["body"])

    def find_outcome(self, leaf: str) -> tuple[str, str] | None:
        """Return what became of a message that we owe a receipt for, and why."""
        row = self.archive.book.read_one("SELECT outcome, note FROM outcomes WHERE leaf = ?", (leaf,))
        return None if row is None else (str(row["outcome"]), str(row["note"]))

    def find_trouble(self, leaf: str) -> str:
        """Return what an alarm said of it, or nothing."""
        row = self.archive.book.read_one(
            "SELECT words FROM alarms WHERE subject = ? ORDER BY id LIMIT 1", (leaf,)
        )
        return "" if row is None else str(row["words"])
