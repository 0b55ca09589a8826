"""Following the record: fetch, check, mirror, compute both views, and say what arrived.

One pass (`Follower.follow`):

    1. The newest checkpoint and its tiles, checked by `checks.CenterView`
    2. Into the mirror folder, durably, in C2SP's layout: any tool can read it
    3. Entry by entry through the rules, twice: what the host can see, and what we can read (`views`)
    4. What we owe a receipt for is noted, and said in batches (``receipt.deliver``)
    5. Firm and settled: believed only from cosignatures that we verified against the rosters in force

Invariants:
  * Nothing is mirrored that was not checked, nothing is shown that was not mirrored.
  * A network that fails changes nothing: the pass is made again. A lie changes nothing either: it raises an
    alarm with its evidence, and the history that we hold stands.
  * After a fork nothing is followed any more.

It has no thread of its own and reads no event stream: `serve` wakes it.

    >>> follower.follow()
    Followed(size=17, new=3, is_founded=True)
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from entente.deconflict import Deliver, Delivery, find_receipt
from entente.desk.book import Book
from entente.desk.checks import CHUNK_ENTRIES, CenterView, Step
from entente.desk.client import RecordSource
from entente.desk.compose import Draft
from entente.desk.evidence import AlarmBoard, Finding, make_finding
from entente.desk.gate import DESK
from entente.desk.outbox import REFUSED as MESSAGE_REFUSED
from entente.desk.outbox import SIGNED, Outbox
from entente.desk.sealing import find_addressee, open_received, reopen_own
from entente.desk.views import REFUSED, UNREADABLE, JointViews, Opening, Taken
from entente.joint import KINDS
from entente.kernel.canonical import encode_canonical
from entente.kernel.charter import CharterRow, get_charter
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import (
    Denied,
    EntenteError,
    Fork,
    Malformed,
    NotFound,
    PeerError,
    TransportError,
    VerificationFailed,
)
from entente.kernel.ids import PartyID
from entente.kernel.keys import parse_public_key
from entente.kernel.message import MAX_BODY_BYTES, ParsedMessage, encode_body, parse_message
from entente.kernel.ports import Clock, Transport
from entente.kernel.roster import PartyRow
from entente.kernel.sealed import SealKey
from entente.kernel.time import encode_utc, from_unix_s
from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.cosignature import verify_cosignatures
from entente.record.note import NoteKey, SignatureType, parse_note_key
from entente.record.quorum import Standing, decide_standing
from entente.record.tile_reader import TileReader
from entente.record.tiles import TileSource
from entente.store.mirror import Mirror

MAX_DELIVERIES: Final = 500
DELIVERY_BYTES: Final = 120
"""What one delivery takes in a body besides its note, rounded up."""
_CACHE_BYTES: Final = 32 * 2**20
_OPEN_MARK: Final = b'"to":[]'


@dataclass(frozen=True, slots=True)
class Followed:
    """What a pass came to."""

    size: int
    new: int
    is_founded: bool


class CachedSource:
    """A `TileSource` that fetches a file once within a step, for its hashes and for the mirror."""

    def __init__(self, source: TileSource) -> None:
        self._source = source
        self._held: dict[str, bytes] = {}
        self._size_bytes = 0

    def read(self, path: str) -> bytes:
        """Return the file, fetched or held."""
        found = self._held.get(path)
        if found is None:
            found = self._source.read(path)
            self._held[path] = found
            self._size_bytes += len(found)
            while self._size_bytes > _CACHE_BYTES and len(self._held) > 1:
                self._size_bytes -= len(self._held.pop(next(iter(self._held))))
        return found


class Follower:
    """Follows one center for one party. One thread calls `follow`."""

    def __init__(  # noqa: PLR0913 - the ports of one loop, each by its name
        self,
        *,
        party: str,
        view: CenterView,
        views: JointViews,
        mirror: Mirror,
        transport: Transport,
        book: Book,
        board: AlarmBoard,
        outbox: Outbox,
        seal_key: SealKey,
        clock: Clock,
        make_views: Callable[[], JointViews],
        stale_s: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Follow the center behind ``transport``.

        Args:
            make_views: Gives empty views, for computing both again from the mirror.
            progress: Told of (entries applied, entries in all) on a long catch-up.
        """
        self.party = party
        self.view = view
        self.views = views
        self.mirror = mirror
        self._transport = transport
        self._book = book
        self._board = board
        self._outbox = outbox
        self._seal_key = seal_key
        self._clock = clock
        self._make_views = make_views
        self._stale_s = stale_s
        self._progress = progress
        self.is_followed = False
        self.changed = threading.Condition()
        self.firm_size = int(book.find_meta("firm_size") or 0)
        self.settled_size = int(book.find_meta("settled_size") or 0)

    def follow(self) -> Followed:
        """Make one pass.

        Raises:
            TransportError: The center did not answer, or kept back what its checkpoint needs.
            VerificationFailed, Malformed: It lied, and an alarm says how. `Fork` is the last one.
            StoreError: Our own disk failed: stop.
        """
        if self.view.fork is not None:
            raise self.view.fork
        self._catch_up()  # what a crash left between mirror and views
        status, _, raw = self._transport.request("GET", "/record/checkpoint")
        if status == 404:
            return Followed(self.view.size, 0, is_founded=False)
        if status != 200:
            raise TransportError("bad-status", f"checkpoint: expected status 200, got {status}")
        old = self.view.size
        try:
            step = self.view.begin(raw, CachedSource(RecordSource(self._transport)))
            if step is not None:
                self._store(step)
            elif self.view.mirrored is not None and self.view.mirrored.size > 0:
                self._keep_cosignatures(raw)
        except NotFound as error:
            raise TransportError("withheld-tile", f"center: {error.message}") from error
        except PeerError as error:
            self._report(error, raw)
            raise
        self._catch_up()
        self._follow_standing()
        self._check_fresh()
        self.is_followed = self.is_followed or self.view.size > 0
        self.deliver()
        with self.changed:
            self.changed.notify_all()
        return Followed(self.view.size, self.view.size - old, self.view.size > 0)

    def _store(self, step: Step) -> None:
        self.view.take(step)
        try:
            self.mirror.extend(self.view.tree, step.start, step.reader.read_entries, step.checkpoint)
        except BaseException:
            self.view.undo()
            raise
        self.view.finish(step)
        self._keep_milestone(step.checkpoint.size, "recorded", self._find_host_time(step.checkpoint))

    def _find_host_time(self, checkpoint: VerifiedCheckpoint) -> str:
        """Return the host's signed time on a checkpoint, or nothing where it gave none."""
        charter = self.views.public.rows.find(CharterRow, "charter")
        if charter is None:
            return ""
        center = parse_public_key(charter.charter.center)
        key = NoteKey(f"{charter.origin}/host", SignatureType.COSIGNATURE_ED25519, center.raw)
        found = verify_cosignatures(checkpoint.note, checkpoint, [key])
        return encode_utc(from_unix_s(found[0].time_s)) if found else ""

    def _keep_milestone(self, size: int, word: str, at: str) -> None:
        if at:
            with self._book.transaction(is_told=False) as db:
                db.execute("INSERT OR IGNORE INTO milestones (size) VALUES (?)", (size,))
                db.execute(f"UPDATE milestones SET {word} = ? WHERE size = ? AND {word} = ''", (at, size))  # noqa: S608 - one of two words of ours

    def find_times(self, index: int) -> tuple[str, str]:
        """Return by when an entry was recorded (the host's signed time) and firm (the witnesses')."""
        found = []
        for word in ("recorded", "firm"):
            row = self._book.read_one(
                f"SELECT {word} AS at FROM milestones WHERE size > ? AND {word} != '' ORDER BY size LIMIT 1",  # noqa: S608 - the same
                (index,),
            )
            found.append(row["at"] if row is not None else "")
        return found[0], found[1]

    def _keep_cosignatures(self, raw: bytes) -> None:
        """Keep the newest cosignatures beside the checkpoint that we hold, for whoever reads the mirror."""
        if self.mirror.find_checkpoint() != raw:
            checkpoint = self.view.verify_note(raw)
            if checkpoint.size == self.view.size:
                self.mirror.write_checkpoint(raw)

    def _report(self, error: EntenteError, raw: bytes) -> None:
        files = {"shown": raw}
        held = self.view.served or self.view.mirrored
        if held is not None:
            files["held"] = held.note
        subject = "record" if isinstance(error, Fork) else f"at size {self.view.size}"
        self._board.raise_alarm(make_finding(error, subject, files))
        if isinstance(error, Fork):
            self._book.put_meta("forked", error.message)

    def _check_fresh(self) -> None:
        try:
            self.view.check_fresh(self._clock.now_utc(), stale_s=self._stale_s)
        except VerificationFailed as error:
            files = {"held": self.view.mirrored.note} if self.view.mirrored else {}
            self._board.raise_alarm(make_finding(error, f"at size {self.view.size}", files))

    # Entries, through the rules

    def _catch_up(self) -> None:
        """Move both views to the mirror's size, a chunk at a time."""
        mirrored = self.view.mirrored
        if mirrored is None or self.views.size == mirrored.size:
            return
        reader = TileReader(self.mirror.source, mirrored)
        while self.views.size < mirrored.size:
            start = self.views.size
            end = min((start // CHUNK_ENTRIES + 1) * CHUNK_ENTRIES, mirrored.size)
            try:
                for index, data in enumerate(reader.read_entries(start, end), start):
                    self._take(index, data)
            except TransportError:
                # A ciphertext could not be fetched: what was taken before it is good. Any other fault leaves
                # the views as they were committed last.
                self.views.commit()
                raise
            self.views.commit()
            if self._progress is not None and mirrored.size - start > CHUNK_ENTRIES:
                self._progress(self.views.size, mirrored.size)

    def _take(self, index: int, data: bytes) -> None:
        taken = self.views.take(index, data, self.view.tree, self._open(data))
        note = self.view.mirrored.note if self.view.mirrored else b""
        for finding in taken.findings:
            self._board.raise_alarm(
                Finding(finding.code, finding.words, finding.subject, {**finding.files, "checkpoint": note})
            )
        if taken.message is not None and taken.message.author == self.party:
            self._check_own(taken, data, note)
        if find_receipt(self.views.own.rows, taken.leaf, self.party) is not None:
            with self._book.transaction(is_told=False) as db:
                db.execute(
                    "INSERT OR IGNORE INTO outcomes (leaf, idx, outcome, note, at) VALUES (?, ?, ?, ?, ?)",
                    (taken.leaf, index, taken.outcome, taken.note, encode_utc(self._clock.now_utc())),
                )

    def _check_own(self, taken: Taken, data: bytes, note: bytes) -> None:
        """Hold a message of ours in the record against what we know to have sent."""
        item = self._outbox.find_item(taken.leaf)
        files = {"entry": data, "checkpoint": note}
        if item is None:
            if taken.message is not None and taken.message.payload.kind == "roster.statement":
                return  # signed by root keys, away from this outbox
            words = (
                f"entry {taken.index}: expected messages of ours that this desk sent, got {taken.leaf[:12]}"
            )
            self._board.raise_alarm(Finding("unknown-own-message", words, taken.leaf, files))
        elif item.state == MESSAGE_REFUSED:
            refusal = self._outbox.find_refusal(taken.leaf) or b""
            words = (
                f"entry {taken.index}: expected no message that the center refused under its signature, "
                f"got {taken.leaf[:12]} (refused as {item.code!r})"
            )
            found = Finding("refused-then-inserted", words, taken.leaf, {**files, "refusal": refusal})
            self._board.raise_alarm(found)
        elif item.state == SIGNED:
            self._outbox.note_found(taken.leaf, taken.index)

    # Sealed bodies

    def _open(self, data: bytes) -> Opening | None:
        """Return what became of a sealed body that is from us or to us; None for any other entry.

        Raises:
            TransportError: The center did not answer: that says nothing about the body. Try again.
        """
        try:
            signed = parse_envelope(data)
            # A sealed message's body is null, so that this mark can only stand in its header.
            if _OPEN_MARK in signed.payload:
                return None
            parsed = parse_message(signed, KINDS.bodies)
        except PeerError:
            return None
        payload = parsed.payload
        if payload.author != self.party and find_addressee(payload, self.party) is None:
            return None
        kept = self._book.read_one("SELECT salt, body FROM bodies WHERE leaf = ?", (parsed.leaf,))
        if kept is not None:
            return Opening(reopen_own(parsed, kept["salt"], kept["body"], KINDS))
        if payload.author == self.party:
            return Opening(None, UNREADABLE, "our own copy of the body is missing")
        return self._open_received(parsed)

    def _open_received(self, parsed: ParsedMessage[Any]) -> Opening:
        leaf, author = parsed.leaf, parsed.payload.author
        status, _, data = self._transport.request("GET", f"/sealed/{leaf}/{self.party}")
        if status in {404, 410}:
            words = f"message {leaf[:12]} of {author!r}: expected its ciphertext from the center, got none"
            finding = Finding("withheld-ciphertext", words, leaf, {"entry": parsed.signed.raw})
            return Opening(None, UNREADABLE, "the center does not serve the ciphertext", finding)
        if status != 200:
            raise TransportError("bad-status", f"ciphertext: expected status 200, got {status}")
        try:
            opened = open_received(parsed, data, self._seal_key, KINDS, party=self.party)
        except VerificationFailed as error:
            note = "the center served another ciphertext than the signed one"
            if error.code != "swapped-ciphertext":
                note = "the ciphertext is the signed one and does not open with our key as committed"
            files = {"entry": parsed.signed.raw, "ciphertext": data}
            return Opening(None, UNREADABLE, note, make_finding(error, leaf, files))
        except Malformed as error:
            return Opening(None, REFUSED, error.message[:400])
        with self._book.transaction(is_told=False) as db:
            db.execute(
                "INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?)", (leaf, author, opened.salt, opened.body)
            )
        return Opening(opened.message)

    def retry_unreadable(self) -> int:
        """Ask again for ciphertexts that were withheld or swapped; return how many can be read now.

        What can be read changes what follows from it: both views are computed again from the mirror.
        """
        rows = self._book.read(
            "SELECT leaf, idx FROM outcomes WHERE outcome = 'unreadable' ORDER BY idx LIMIT 50"
        )
        mirrored = self.view.mirrored
        if not rows or mirrored is None:
            return 0
        reader = TileReader(self.mirror.source, mirrored)
        opened = []
        for row in rows:
            (data,) = reader.read_entries(row["idx"], row["idx"] + 1)
            opening = self._open(data)
            if opening is not None and opening.message is not None:
                opened.append(row["leaf"])
        if opened:
            with self._book.transaction(is_told=False) as db:
                db.executemany("DELETE FROM outcomes WHERE leaf = ?", [(leaf,) for leaf in opened])
            self.views = self._make_views()
            self._catch_up()
        return len(opened)

    # What we owe, and how far things have come

    def deliver(self) -> None:
        """Say what arrived and was not said yet, in one message: readable, unreadable or refused.

        A batch is fixed on disk before it is handed over, and its name is the message's token: after a crash
        in between the same batch is handed over again, and said once.
        """
        batch = self._find_batch() or self._make_batch()
        if not batch:
            return
        rows = self._book.read(
            "SELECT leaf, outcome, note FROM outcomes WHERE batch = ? ORDER BY leaf", (batch,)
        )
        due = [
            Delivery(leaf=row["leaf"], outcome=row["outcome"], note=row["note"])
            for row in rows
            if self._is_owed(row["leaf"], row["outcome"])
        ]
        if due:
            draft = Draft(
                "receipt.deliver", encode_body(Deliver(messages=due)), (), purpose=DESK, token=batch
            )
            try:
                self._outbox.put(draft)
            except (Denied, PeerError) as error:
                # Ours to look into, and no fault of the center's: following goes on without this receipt.
                self._board.raise_alarm(Finding("delivery-refused", f"our receipts: {error.message}", batch))
        with self._book.transaction(is_told=False) as db:
            db.execute("UPDATE outcomes SET said = 1 WHERE batch = ?", (batch,))

    def _find_batch(self) -> str:
        row = self._book.read_one("SELECT batch FROM outcomes WHERE said = 0 AND batch <> '' LIMIT 1")
        return "" if row is None else str(row["batch"])

    def _make_batch(self) -> str:
        waiting = self._book.read(
            "SELECT leaf, outcome, note FROM outcomes WHERE said = 0 ORDER BY idx LIMIT ?", (MAX_DELIVERIES,)
        )
        rows: list[sqlite3.Row] = []
        size_bytes = 0
        for row in waiting:
            size_bytes += DELIVERY_BYTES + len(encode_canonical(row["note"]))
            if rows and size_bytes > MAX_BODY_BYTES:
                break
            rows.append(row)
        if not rows:
            return ""
        named = "\n".join(f"{row['leaf']} {row['outcome']}" for row in rows)
        batch = f"deliver-{hashlib.sha256(named.encode()).hexdigest()[:32]}"
        with self._book.transaction(is_told=False) as db:
            db.executemany(
                "UPDATE outcomes SET batch = ? WHERE leaf = ?", [(batch, row["leaf"]) for row in rows]
            )
        return batch

    def _is_owed(self, leaf: str, outcome: str) -> bool:
        receipt = find_receipt(self.views.own.rows, leaf, self.party)
        if receipt is None:
            return False
        # A second word is allowed only where the first was that it could not be read.
        return receipt.delivery is None or (receipt.delivery == UNREADABLE and outcome != UNREADABLE)

    def _follow_standing(self) -> None:
        for word, least in (("firm", Standing.FIRM), ("settled", Standing.SETTLED)):
            held = self.firm_size if word == "firm" else self.settled_size
            if held >= self.view.size:
                continue
            status, _, raw = self._transport.request("GET", f"/record/checkpoint/{word}")
            if status == 200:
                size = self._verify_standing(raw, least)
                if size > held:
                    # The note first: whoever finds the size finds what proves it.
                    self._book.put_meta(f"{word}_note", raw.decode())
                    setattr(self, f"{word}_size", size)
                    self._book.put_meta(f"{word}_size", str(size))

    def _verify_standing(self, raw: bytes, least: Standing) -> int:
        """Return the size that a checkpoint makes firm or settled by verified cosignatures, or 0."""
        try:
            checkpoint = self.view.verify_note(raw)
            if checkpoint.size > self.view.size:
                return 0
            keys = self.get_witness_keys()
            cosignatures = verify_cosignatures(raw, checkpoint, list(keys.values()))
        except PeerError as error:
            self._report(error, raw)
            raise
        dishonest = get_charter(self.views.public.rows).rules.dishonest_witnesses
        decision = decide_standing(checkpoint, cosignatures, witnesses=keys, host=None, dishonest=dishonest)
        if decision.standing < least:
            return 0
        if least is Standing.FIRM:
            # Firm since the witness that made the quorum full.
            times = sorted(one.time_s for one in cosignatures)
            at = encode_utc(from_unix_s(times[decision.needed - 1]))
            self._keep_milestone(checkpoint.size, "firm", at)
        return checkpoint.size

    def get_witness_keys(self) -> dict[PartyID, NoteKey]:
        """Return each party's witness key in force."""
        return {
            PartyID(row.party): parse_note_key(row.statement.witness)
            for row in self.views.public.rows.select(PartyRow)
        }

    def standing(self, index: int) -> str:
        """Return how far an entry has come: ``recorded``, ``firm`` or ``settled``."""
        if index < self.settled_size:
            return "settled"
        return "firm" if index < self.firm_size else "recorded"
