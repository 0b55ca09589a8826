"""The ladder's clock: looks every second at what is due, and has the center say it.

Invariants: the center's messages go the way of every message, through the sequencer and its rules; what is
due is computed from the record and the recorded times, so that a center that was away catches up; a refusal
is logged and tried again at the next look, never forced.

What is due, `deconflict.plan_ladder`, `plan_concurrence` and `plan_alarms`, `dialogue.plan_settlements` and
`blind.plan_lapses` say.

    >>> clock = LadderClock(ports)
    >>> clock.tell_due()
    1
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog

from entente import blind, deconflict, dialogue
from entente.center import archive
from entente.center.batch import Published
from entente.center.due_rows import DueRows
from entente.center.speaker import ANSWER_S, Speaker
from entente.joint import KeyRing, MessageRow
from entente.kernel.charter import CharterRow
from entente.kernel.errors import EntenteError, StoreError
from entente.kernel.ids import LeafHash
from entente.kernel.ports import Clock
from entente.kernel.rows import Rows
from entente.kernel.wire import WireStruct
from entente.store.sql import Database
from entente.store.sql_rows import SqlRows

_SHARE: Final = 20
_CACHED_ROWS: Final = 10_000
_CACHED_TIMES: Final = 200_000


@dataclass(frozen=True, slots=True)
class LadderPorts:
    """What the ladder's clock needs of the rest of the center.

    Attributes:
        find_published: The newest published state, or None.
        is_open: Whether the center may sign now.
        find_ring: The keys in force.
    """

    speaker: Speaker
    database: Database
    clock: Clock
    find_published: Callable[[], Published | None]
    find_ring: Callable[[], KeyRing]
    is_open: Callable[[], bool]
    on_fatal: Callable[[BaseException], None]


class LadderClock:
    """Runs in a thread of its own."""

    def __init__(self, ports: LadderPorts, *, every_s: float = 1.0) -> None:
        self._ports = ports
        self._every_s = every_s
        self._rows: Rows = SqlRows(ports.database, cache_rows=0)
        self._recorded: dict[int, datetime] = {}
        self._looked_utc = self._quiet_until = datetime.min.replace(tzinfo=UTC)
        self._ring: KeyRing | None = None
        self._stopping = threading.Event()
        self._log = structlog.get_logger("ladder")
        self._thread = threading.Thread(target=self._run, name="ladder", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def tell_due(self) -> int:
        """Have everything recorded that is due now; return how many messages that were."""
        if not self._ports.is_open() or self._rows.find(CharterRow, "charter") is None:
            return 0
        now_utc = self._ports.clock.now_utc()
        # One look's own cache: charter and rosters are read once, and nothing is kept that may change.
        rows = SqlRows(self._ports.database, cache_rows=_CACHED_ROWS)
        due: list[tuple[str, WireStruct]] = [*deconflict.plan_alarms(rows)]
        due += dialogue.plan_settlements(rows, now_utc, self._find_recorded)
        due += blind.plan_lapses(rows, now_utc, self._find_recorded)
        ring = self._ports.find_ring()
        # A new roster may bring contacts, and a clock that jumped back new dates: both need a look.
        if now_utc >= self._quiet_until or now_utc < self._looked_utc or ring is not self._ring:
            self._looked_utc, self._ring = now_utc, ring
            published = self._ports.find_published()
            size = published.size if published else 0
            due_rows = DueRows(rows, self._find_recorded_at, now_utc, size)
            due += deconflict.plan_ladder(due_rows, now_utc, self._find_recorded)
            due += deconflict.plan_concurrence(due_rows, now_utc, self._find_recorded)
            due += deconflict.plan_follow_ups(rows, now_utc, self._find_recorded)
            self._quiet_until = due_rows.next_due
        told = 0
        for kind, body in due:
            if self._stopping.is_set():
                break
            self._quiet_until = now_utc  # what follows from this may be due as well
            try:
                self._ports.speaker.tell(kind, body, now_utc)
            except TimeoutError:
                # The writer has much before it. What was handed in may still be recorded: the next look sees.
                self._log.warning("no-answer-yet", kind=kind, waited_s=ANSWER_S)
                break
            except StoreError:
                raise
            except EntenteError as error:
                # The record moved on since the plan was made: an acknowledgement came in between.
                self._log.info("not-due-any-more", kind=kind, code=error.code, reason=error.message)
                continue
            told += 1
            self._log.info("told", kind=kind, body=msgspec.to_builtins(body))
        return told

    def _find_recorded_at(self, index: int) -> datetime | None:
        recorded = self._recorded.get(index)
        if recorded is None:
            recorded = archive.find_recorded_utc(self._ports.database, index)
            if recorded is not None:
                if len(self._recorded) >= _CACHED_TIMES:
                    self._recorded.clear()
                self._recorded[index] = recorded
        return recorded

    def _find_recorded(self, leaf: LeafHash) -> datetime | None:
        row = self._rows.find(MessageRow, leaf)
        return None if row is None else self._find_recorded_at(row.index)

    def _run(self) -> None:
        try:
            wait_s = self._every_s
            while not self._stopping.wait(wait_s):
                begin_s = time.monotonic()
                self.tell_due()
                # With very many waiting messages a look takes long; it never takes more than a twentieth of
                # the time. What is due is agreed in minutes.
                wait_s = max(self._every_s, _SHARE * (time.monotonic() - begin_s))
        except BaseException as error:  # noqa: BLE001 - a center whose deadlines do not pass must not look healthy
            self._ports.on_fatal(error)
