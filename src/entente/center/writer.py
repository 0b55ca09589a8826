"""The one writer: takes a batch of verified messages into the record, so that it can stop at any step.

  1. decide and project, in memory alone          a crash loses nothing: nobody was told anything
  2. sign the checkpoint of the grown tree        the note exists in memory alone
  3. journal: one write, one fdatasync            from here on the batch is recorded, whoever knows
  4. database: one commit                         ciphertexts, times, events, rows
     (in PostgreSQL the frame is a row of that commit: 3 and 4 are one step)
  5. publish, and give the answers                only now does anyone see the checkpoint

Invariants:
  * Nothing signed leaves this object before it is durable; nothing is signed before `allow_signing`.
  * A `StoreError` out of `record_batch` means: stop the process, answer nobody. This object refuses all
    further work.
  * A ciphertext of a recorded message can be lost (a crash between 3 and 4, erasure); sending the message
    again supplies it again, since its hash stands in the record.
  * The recorded time never runs backwards, whatever the clock does. It is signed: the host's own
    timestamped line stands on every checkpoint of the journal. That line never counts for a quorum.

Step 4 waits for a disk, and step 1 does not: `sequencer` has one thread write a batch while its own judges
the next (docs/adr/0023-commit-beside-judging.md). Nothing is signed over a batch that is not durable: the
next one's step 2 comes after this one's last. It owns no thread and no socket itself.

    >>> writer = open_writer(folder, keys, KINDS, clock)
    >>> writer.allow_signing()
    >>> [outcome] = writer.record_batch([Submission(message, ())])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from entente import deconflict
from entente.center import archive
from entente.center.batch import Batch, Outcome, Published, Recorded, Submission
from entente.center.folder import CenterFolder, HostKeys
from entente.center.host_time import encode_signed, host_cosigner, host_time_key, read_host_time
from entente.center.rules_mark import check_rules
from entente.center.standings import Standings
from entente.joint import AlreadyRecorded, JointState, KeyRing, MessageRow, SeqRow, verify_message
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import EntenteError, StoreError
from entente.kernel.kinds import KindTable
from entente.kernel.ports import Clock
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, from_unix_s, to_unix_s
from entente.record import (
    Frame,
    NoteSigner,
    SignatureLine,
    Tree,
    VerifiedCheckpoint,
    check_frame,
    leaf_hash,
    verify_checkpoint,
)
from entente.store.index_home import fill_missing, make_index
from entente.store.journal import Journal
from entente.store.journal_file import create_journal, lock_journal
from entente.store.sql import Database, open_sqlite
from entente.store.sql_rows import SqlRows

_ABOUT_ACTIVITIES: Final = (deconflict.Notify, deconflict.Update, deconflict.Close)
_OF_A_MESSAGE: Final = (deconflict.VersionRow, deconflict.ReceiptRow, deconflict.PositionRow)
"""Rows that are put first by the entry whose leaf hash is their key, or the one that they share."""
_REPLAY_ENTRIES: Final = 2_000
"""Entries a transaction while rows are caught up: bounds memory, keeps a long rebuild resumable."""


@dataclass(frozen=True, slots=True)
class _PastHead:
    """The tree as it was at a size: replaying an entry, nothing later may be known."""

    tree: Tree
    size: int

    def root(self, size: int | None = None) -> bytes:
        return self.tree.root(self.size if size is None else size)


class RecordWriter:
    """The record, its rows, and the right to add to both. See `open_writer`."""

    def __init__(
        self,
        keys: HostKeys,
        journal: Journal,
        tree: Tree,
        database: Database,
        kinds: KindTable,
        clock: Clock,
    ) -> None:
        self._log = NoteSigner(keys.log)
        self._host = host_cosigner(keys)
        self.host_key = host_time_key(keys.origin, keys.center.public)
        self._clock = clock
        self._rows = SqlRows(database)
        self._statements = archive.BatchStatements(database)
        self._time_s = 0
        self._event_id = archive.read_last_event_id(database)
        self._may_sign = False
        self._is_broken = False
        self._settled = tree.size
        self.origin = keys.origin
        self.journal = journal
        self.tree = tree
        self.database = database
        self._index = make_index(database)
        self.state = JointState(self._rows, kinds, self._index)
        self.published: Published | None = None
        self.standings = Standings()

    @property
    def rows(self) -> Rows:
        """Rows as of the last batch, for the writer's own thread."""
        return self._rows

    @property
    def last_event_id(self) -> int:
        """The newest event that is durable."""
        return self._event_id

    def allow_signing(self) -> None:
        """Open for batches: only after the witnesses were asked what they cosigned last (`startup`)."""
        self._may_sign = True

    @property
    def may_overlap(self) -> bool:
        """Whether another thread may `write` a batch while this object's own judges the next."""
        return self.database.is_written_beside

    def record_batch(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """Take the messages in, in this order, and say of each where it stands or why it does not.

        Raises:
            StoreError: The disk failed; see the module's invariants.
        """
        batch = self.judge(submissions)
        self.sign(batch)
        outcomes = self.write(batch)
        self.settle(batch)
        return outcomes

    def judge(self, submissions: Sequence[Submission], batch: Batch | None = None) -> Batch:
        """Do step 1, for a batch or for more of ``batch``, which is returned.

        The batch before may be on its way still; this one's `sign` comes after its `settle`.

        A later message of a batch is judged with the earlier ones in force. What is projected here is in
        memory alone; if we stop, it never was.
        """
        with self._step():
            batch = batch or Batch(self.tree.size)
            batch.submissions += submissions
            now_utc = self._clock.now_utc()
            self._expect(submissions)
            for submission in submissions:
                try:
                    entry = self.state.admit(submission.message, self.tree, now_utc=now_utc)
                except AlreadyRecorded as known:
                    batch.places.append(known.index)
                    batch.again.append(submission)
                except EntenteError as error:
                    batch.places.append(error)
                else:
                    self.state.apply(entry)
                    self.tree.append(bytes.fromhex(submission.message.leaf))
                    batch.places.append(entry.index)
                    batch.admitted.append((entry.index, submission))
        return batch

    def sign(self, batch: Batch) -> None:
        """Do step 2, and make ready what step 4 writes. The batch before is durable and settled."""
        with self._step():
            if self._settled != batch.first:
                raise AssertionError(f"batch: expected {batch.first} durable entries, got {self._settled}")
            batch.published = self.published
            if not batch.admitted:
                return
            batch.published = self._make_published()
            self._event_id += 1
            batch.event_id = self._event_id
            batch.rows, batch.changes = self._rows.hand_over(), self._index.hand_over()

    def write(self, batch: Batch) -> list[Outcome]:
        """Do steps 3 to 5, and return the answers. May run in another thread; everything else in one."""
        with self._step():
            published = batch.published
            if published is not None and batch.admitted:
                # Step 3. If we stop before this returns, the batch is recorded or not, and nobody was
                # answered: the next start finds out. After it, the batch can never be lost or signed
                # otherwise. (A journal in the database takes the frame here: all of that is true of the
                # commit in step 4.)
                entries = [one.message.signed.raw for _, one in batch.admitted]
                self.journal.append(entries, published.checkpoint.note)
            if published is not None and (batch.admitted or batch.has_sealed_again):
                # Step 4. If we stop before the commit, the next start makes the rows again from the journal.
                # Only ciphertexts are gone then: their authors, unanswered, send them again.
                with self.database.write() as connection:
                    self.journal.write_to(connection)
                    self._write_batch(connection, batch, published)
                self.journal.mark_committed()
            # Step 5. Everything that the answers say is durable.
            self.published = published
            return [
                self._answer(place, submission, batch)
                for place, submission in zip(batch.places, batch.submissions, strict=True)
            ]

    def settle(self, batch: Batch) -> None:
        """Take note that a batch is written: its rows are the database's from here on."""
        with self._step():
            if batch.rows is not None and batch.changes is not None:
                self._rows.mark_committed(batch.rows)
                self._index.mark_committed(batch.changes)
            self._settled = batch.first + len(batch.admitted)

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Refuse to go on once a step was left half done: memory is ahead of the disk then."""
        if not self._may_sign or self._is_broken:
            raise StoreError("not-signing", "record: expected to be open for signing")
        try:
            yield
        except BaseException:
            self._is_broken = True
            raise

    def _answer(self, place: int | EntenteError, submission: Submission, batch: Batch) -> Outcome:
        if isinstance(place, EntenteError):
            return place
        published = batch.published
        if published is None:
            raise AssertionError("batch: expected a published checkpoint after recording")
        recorded = published.recorded_utc if place >= batch.first else self._find_recorded_utc(place)
        return Recorded(place, submission.message.leaf, recorded, published)

    def add_cosignatures(self, checkpoint: VerifiedCheckpoint, lines: dict[str, SignatureLine]) -> Standings:
        """Keep witnesses' verified lines on a published checkpoint, and say how far they have come.

        Args:
            checkpoint: What they cosigned; one that was published.
            lines: By party; each verified.

        Raises:
            StoreError: The disk failed; nobody was shown the lines.
        """
        if self.published is None or checkpoint.size > self.published.size:
            raise ValueError(f"cosignatures: expected a published checkpoint, got size {checkpoint.size}")
        if checkpoint.root != self.tree.root(checkpoint.size):
            raise ValueError(f"cosignatures: expected the record's own root at size {checkpoint.size}")
        before, after = self.standings, self.standings.add(checkpoint, lines, self._rows)
        event_id = self._event_id
        facts = {archive.FIRM_SIZE: str(after.firm_size), archive.SETTLED_SIZE: str(after.settled_size)}
        with self.database.write() as connection:
            if checkpoint.size in after.cosigned:
                note = after.cosigned[checkpoint.size].checkpoint.note
                archive.write_checkpoint(connection, self.database, checkpoint.size, note, lines)
            for kind, was, now in (
                ("firm", before.firm_size, after.firm_size),
                ("settled", before.settled_size, after.settled_size),
            ):
                if now != was:
                    event_id += 1
                    archive.write_event(connection, event_id, kind, size=now)
            archive.drop_checkpoints(connection, min(after.cosigned, default=0), after.cosigned)
            archive.write_meta(connection, self.database, facts)
        self._event_id = event_id
        self.standings = after
        return after

    def close(self) -> None:
        """Give up file and database; what was recorded stays."""
        self._is_broken = True
        self.journal.close()
        self.database.close()

    def catch_up(self, times: dict[int, int], on_progress: Callable[[int, int], None] | None) -> None:
        """Bring the rows from where the database stopped to where the journal ends; for `open_writer`.

        Args:
            times: Host's signed time of each journal frame beyond the database's size, by tree size.
            on_progress: Called with (applied, wanted) sizes.
        """
        check_rules(self.database)
        # A database of an older version has rows and no index: from here on both are of one size, always.
        fill_missing(self.database, self._rows, self._index)
        applied = int(archive.read_meta(self.database).get(archive.APPLIED_SIZE, "0"))
        sizes = sorted(size for size in times if size > applied)
        pending: list[int] = []
        while sizes:
            pending.append(sizes.pop(0))
            if sizes and pending[-1] - applied < _REPLAY_ENTRIES:
                continue
            self._replay(applied, pending, times)
            applied, pending = pending[-1], []
            if on_progress is not None:
                on_progress(applied, self.tree.size)
        if applied != self.tree.size:
            raise AssertionError(f"catch-up: expected size {self.tree.size}, got {applied}")
        self._settled = applied

    def _replay(self, start: int, frame_sizes: list[int], times: dict[int, int]) -> None:
        with self.database.write() as connection:
            first = start
            for end in frame_sizes:
                placed: list[tuple[int, str]] = []
                for index, data in enumerate(self.journal.read_entries(first, end), first):
                    # The same checks as at the first time: a journal that holds what the rules forbid is
                    # not ours.
                    message = verify_message(parse_envelope(data), self.state.ring, self.state.kinds)
                    self.state.apply(self.state.admit(message, _PastHead(self.tree, index)))
                    placed.append((index, message.leaf))
                self._statements.write_arrivals(connection, placed, encode_utc(from_unix_s(times[end])))
                self._event_id += 1
                archive.write_event(connection, self._event_id, "recorded", **{"from": first, "to": end})
                first = end
            self._rows.write_to(connection)
            self._index.write_to(connection)
            self._write_applied(connection, frame_sizes[-1])
        self._rows.mark_committed()
        self._index.mark_committed()

    def resume(self, checkpoint: VerifiedCheckpoint | None, time_s: int) -> None:
        """Publish what the journal ends with: signed before, and durable; for `open_writer`."""
        if checkpoint is None:
            return
        self._time_s = time_s
        # Read afresh, and another object only if something in it has changed.
        known = self.published.ring if self.published else self.state.ring
        ring = KeyRing.from_rows(self._rows)
        ring = known if ring == known else ring
        facts = archive.read_meta(self.database)
        standings = Standings(
            {}, int(facts.get(archive.FIRM_SIZE, "0")), int(facts.get(archive.SETTLED_SIZE, "0"))
        )
        for kept in archive.read_checkpoints(self.database):
            standings = standings.add(verify_checkpoint(kept.note, self._log.key), kept.lines, self._rows)
        self.standings = standings
        self.published = Published(checkpoint, encode_utc(from_unix_s(time_s)), ring)

    # For a record that several processes share: see `shared`

    def take_in(self, frames: Sequence[Frame]) -> None:
        """Go on from what another process has recorded, once it is checked; then read everything else afresh.

        Raises:
            StoreError: A frame that our log key did not sign, or not over these entries.
        """
        checkpoint, time_s = self.published.checkpoint if self.published else None, self._time_s
        for frame in frames:
            self.tree.extend([leaf_hash(entry) for entry in frame.entries])
            checkpoint = check_frame(frame, self._log.key, self.tree)
            time_s = read_host_time(frame.note, self.host_key)
        self._rows.forget()
        self.resume(checkpoint, time_s)

    def begin_to_write(self, times: dict[int, int], on_progress: Callable[[int, int], None] | None) -> None:
        """Be ready to add to the record, which no other process does any more. It may not sign yet.

        Raises:
            StoreError: The rows are of another history than the journal's.
        """
        check_database(self.database, self.tree)
        self._index = make_index(self.database)
        self.state = JointState(self._rows, self.state.kinds, self._index)
        self._event_id = archive.read_last_event_id(self.database)
        self.catch_up(times, on_progress)

    def _expect(self, submissions: Sequence[Submission]) -> None:
        """Ask at once for the rows that step 1 will ask for: nearly always to learn that there are none."""
        leaves = [one.message.leaf for one in submissions]
        self._rows.expect(MessageRow, leaves)
        headers = [one.message.payload for one in submissions]
        self._rows.expect(SeqRow, [f"{header.author}:{header.seq}" for header in headers])
        activities = [
            deconflict.name_object(message, message.body.id)
            for message in (one.message for one in submissions)
            if isinstance(message.body, _ABOUT_ACTIVITIES)
        ]
        self._rows.expect(deconflict.ObjectRow, activities)
        # Looking for a row among long ones costs as much as judging it. What only a message's own entry puts
        # is not there before that, nor an activity without its object's row.
        new = [leaf for leaf in leaves if self._rows.find(MessageRow, leaf) is None]
        for kind in _OF_A_MESSAGE:
            self._rows.expect_none(kind, new)
        untold = [name for name in activities if self._rows.find(deconflict.ObjectRow, name) is None]
        self._rows.expect_none(deconflict.ActivityRow, untold)

    def _make_published(self) -> Published:
        """Sign the grown tree (step 2). When the clock jumps back, the recorded time stands still."""
        self._time_s = max(self._time_s, to_unix_s(self._clock.now_utc()), 0)
        note = encode_signed(self.tree, self._log, self._host, self._time_s)
        recorded_utc = encode_utc(from_unix_s(self._time_s))
        return Published(verify_checkpoint(note, self._log.key), recorded_utc, self.state.ring)

    def _write_batch(self, connection: Connection, batch: Batch, published: Published) -> None:
        sealed = [
            (one.message.leaf, party, data)
            for one in (*(submission for _, submission in batch.admitted), *batch.again)
            for party, data in one.ciphertexts
        ]
        self._statements.write_sealed(connection, sealed)
        if batch.rows is None or batch.changes is None:
            return
        placed = [(index, one.message.leaf) for index, one in batch.admitted]
        self._statements.write_arrivals(connection, placed, published.recorded_utc)
        places = {"from": batch.first, "to": published.size}
        archive.write_event(connection, batch.event_id, "recorded", **places)
        batch.rows.write_to(connection)
        batch.changes.write_to(connection)
        self._write_applied(connection, published.size)

    def _write_applied(self, connection: Connection, size: int) -> None:
        facts = {archive.APPLIED_SIZE: str(size), archive.APPLIED_ROOT: self.tree.root(size).hex()}
        archive.write_meta(connection, self.database, facts)

    def _find_recorded_utc(self, index: int) -> str:
        place = archive.find_arrival(self.database, index)
        if place is None:
            raise AssertionError(f"entry {index}: expected a recorded time, found none")
        return place.recorded_utc


def open_writer(
    folder: CenterFolder,
    keys: HostKeys,
    kinds: KindTable,
    clock: Clock,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> RecordWriter:
    """Return the writer of a center's folder, its rows caught up with its journal. It may not sign yet.

    Raises:
        StoreError: Another process has it; the journal is damaged; or the database knows more than the
            journal, which then is an old copy: nothing was signed.
    """
    if not folder.journal.exists() and not folder.database.exists():
        create_journal(folder.journal, keys.origin)
    log_key = NoteSigner(keys.log).key
    host_key = host_time_key(keys.origin, keys.center.public)
    times: dict[int, int] = {}
    last_note = b""
    # The journal's lock keeps a second center away from the database too, so it is taken first.
    journal = lock_journal(folder.journal)
    try:
        database = open_sqlite(folder.database, is_busy=True)
    except BaseException:
        journal.close()
        raise
    try:
        applied = int(archive.read_meta(database).get(archive.APPLIED_SIZE, "0"))

        def take(frame: Frame, _leaves: list[bytes]) -> None:
            nonlocal last_note
            last_note = frame.note
            if frame.size > applied:
                times[frame.size] = read_host_time(frame.note, host_key)

        restored = journal.restore(log_key, on_frame=take)
        check_database(database, restored.tree)
        writer = RecordWriter(keys, journal, restored.tree, database, kinds, clock)
        writer.catch_up(times, on_progress)
        writer.resume(restored.checkpoint, read_host_time(last_note, host_key) if last_note else 0)
    except BaseException:
        database.close()
        journal.close()
        raise
    return writer


def check_database(database: Database, tree: Tree) -> None:
    """Refuse to go on from a journal that is older than, or other than, what the database was made of."""
    facts = archive.read_meta(database)
    size, root = int(facts.get(archive.APPLIED_SIZE, "0")), facts.get(archive.APPLIED_ROOT, "")
    if size > tree.size:
        raise StoreError(
            "journal-behind",
            f"journal: expected size >= {size}, which the database has seen, got {tree.size}: an old copy; "
            "restore the record from a party's mirror (entente center restore)",
        )
    if size and tree.root(size).hex() != root:
        raise StoreError(
            "other-database",
            f"database: expected root {tree.root(size).hex()} at size {size} as in the journal, got {root}; "
            "move center.db aside: it is made again from the journal",
        )
