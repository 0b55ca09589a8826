"""A record in PostgreSQL as one of several center processes has it: it follows the leader, or leads.

  1. Open: read and check the whole journal, as any start does                 reads are answered from here on
  2. Follow: take in what the leader has added, checked frame by frame         until the lead is free
  3. Take the lead: lock and epoch (`store.leadership`)
  4. Follow once more: nobody else can have added anything after that          and catch up rows that lag
  5. Ask the witnesses, as every start does (`startup`), and only then sign

Invariants: nothing is written before step 3; a process that lost the lead never gets it back: it ends, and
starts again; what a follower shows, the log key signed and the leader made durable.

It owns no thread: `standby` calls it, in the sequencer's.

    >>> shared = open_shared(folder, settings, keys, KINDS, clock)
    >>> shared.follow()
    >>> shared.try_lead()
    True
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from entente.center import archive
from entente.center.folder import CenterFolder, CenterSettings, HostKeys
from entente.center.host_time import host_time_key, read_host_time
from entente.center.writer import RecordWriter
from entente.kernel.errors import StoreError
from entente.kernel.kinds import KindTable
from entente.kernel.ports import Clock
from entente.record import Frame, NoteSigner
from entente.store.journal_postgres import JournalTable
from entente.store.leadership import Leadership, find_holder
from entente.store.sql_postgres import PostgresDatabase, describe_url, open_postgres


class SharedRecord:
    """See the module. `open_shared` makes one. One thread at a time.

    Args:
        writer: Over ``journal``, restored and published; adds to it only when this process leads.
        times: The host's signed time of each frame that the rows may not have yet, by tree size.
    """

    def __init__(
        self,
        writer: RecordWriter,
        journal: JournalTable,
        database: PostgresDatabase,
        leadership: Leadership,
        times: dict[int, int],
    ) -> None:
        self.writer = writer
        self.journal = journal
        self.database = database
        self._leadership = leadership
        self._times = times

    @property
    def url(self) -> str:
        """How to connect, for who listens; may hold a password."""
        return self.database.url

    @property
    def is_leading(self) -> bool:
        """Whether this process took the lead."""
        return self._leadership.is_held

    @property
    def epoch(self) -> int:
        """How often the lead of this record was taken, when this process took it."""
        return self._leadership.epoch

    def describe_leader(self) -> str:
        """Return what the newest leader said of itself, for people."""
        return find_holder(self.database) or "nobody yet"

    def follow(self) -> bool:
        """Take in what the leader has added, and say whether there is anything new.

        Raises:
            StoreError: ``database-away``, and it may be tried again; everything else is damage.
        """
        before = self.writer.published, self.writer.standings
        frames = self.journal.follow()
        if frames or self.writer.published is not None:
            self.writer.take_in(frames)
            self._note_times(frames)
        after = self.writer.published, self.writer.standings
        return before != after

    def try_lead(self, *, max_idle_s: float, on_progress: Callable[[int, int], None] | None = None) -> bool:
        """Take the lead if it is free, be ready to write, and say whether that was so.

        Args:
            max_idle_s: How long the server lets this process be silent from now on; `beat` more often.
            on_progress: Called with (applied, wanted) sizes while rows are caught up.
        """
        if not self._leadership.try_take():
            return False
        # Nobody can add anything from here on: what is read now is the end of the record.
        self.follow()
        self.writer.begin_to_write(self._times, on_progress)
        self._times.clear()
        self._leadership.limit_idle(max_idle_s)
        return True

    def beat(self) -> None:
        """Say that this process is alive; raises `StoreError` when it does not lead any more."""
        self._leadership.beat()

    def close_record(self) -> None:
        """Let nobody lead here any more: the record has moved. For the leader."""
        self._leadership.close_record()

    def close(self) -> None:
        """Give up the lead, and close; what was recorded stays."""
        self._leadership.give_up()
        self.writer.close()

    def _note_times(self, frames: list[Frame]) -> None:
        applied = int(archive.read_meta(self.database).get(archive.APPLIED_SIZE, "0"))
        for frame in frames:
            self._times[frame.size] = read_host_time(frame.note, self.writer.host_key)
        for size in [size for size in self._times if size <= applied]:
            del self._times[size]


def open_shared(
    folder: CenterFolder, settings: CenterSettings, keys: HostKeys, kinds: KindTable, clock: Clock
) -> SharedRecord:
    """Return the record of a center whose settings name a PostgreSQL database, following and not leading.

    Raises:
        StoreError: The server is away or not durable; the database holds another record, or a damaged one; or
            the folder's own journal has what the database has not: it was never moved.
    """
    database = open_postgres(settings.database)
    try:
        database.check_durable()
        journal = JournalTable(database)
        _check_moved(folder, settings, journal)
        journal.create(keys.origin)
        folder.note_database(describe_url(settings.database))
        # From here on only the leader writes.
        database.needs_leader = True
        applied = int(archive.read_meta(database).get(archive.APPLIED_SIZE, "0"))
        host_key = host_time_key(keys.origin, keys.center.public)
        times: dict[int, int] = {}
        last_note = b""

        def take(frame: Frame, _leaves: list[bytes]) -> None:
            nonlocal last_note
            last_note = frame.note
            if frame.size > applied:
                times[frame.size] = read_host_time(frame.note, host_key)

        restored = journal.restore(NoteSigner(keys.log).key, on_frame=take)
        writer = RecordWriter(keys, journal, restored.tree, database, kinds, clock)
        writer.resume(restored.checkpoint, read_host_time(last_note, host_key) if last_note else 0)
        leadership = Leadership(database, keys.origin, f"process {os.getpid()} on {socket.gethostname()}")
        return SharedRecord(writer, journal, database, leadership, times)
    except BaseException:
        database.close()
        raise


def _check_moved(folder: CenterFolder, settings: CenterSettings, journal: JournalTable) -> None:
    """Refuse to begin a record anew beside the one that lies in the folder."""
    if folder.journal.exists() and journal.find_origin() is None:
        raise StoreError(
            "journal-elsewhere",
            f"database {describe_url(settings.database)}: expected this center's record, found none, and a "
            "journal in the folder; move it (entente center migrate) before the settings name the database",
        )
