"""The thread of a center process on PostgreSQL: it follows while another leads, then leads and says so.

Invariants: whatever is done to the record is done in the sequencer's thread; a leader says that it is alive
from here, however long a batch or a founding takes; a server that is away is waited for while following and
ends the process while leading; a lost wake-up costs a second.

    >>> standby = Standby(shared, ports)
    >>> standby.start()
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from entente.center.sequencer import Sequencer
from entente.center.shared import SharedRecord
from entente.center.writer import RecordWriter
from entente.kernel.errors import StoreError
from entente.store.bell import Bell
from entente.store.leadership import MAX_IDLE_S
from entente.store.sql import AWAY

POLL_S: Final = 1.0
"""How long a lost wake-up, or a free lead, can go unnoticed."""
_PAUSE_S: Final = 0.02
"""A busy leader rings many times a second: one look for what has come together."""
_LOOK_S: Final = 60.0
_BEATS: Final = 4
"""Signs of life in the time after which the server takes a leader for gone."""


@dataclass(frozen=True, slots=True)
class StandbyPorts:
    """What the standby needs of the rest of the center.

    Attributes:
        may_lead: Whether this process could lead: there is a record, or a draft to make one of.
        on_lead: Called once, when this process has taken the lead.
        on_follow: Called with the reason why it follows, and whether there is something new.
        on_fatal: Must end the process.
        max_idle_s: A leader that says nothing for so long is taken for gone.
    """

    sequencer: Sequencer
    may_lead: Callable[[], bool]
    on_lead: Callable[[], None]
    on_follow: Callable[[str, bool], None]
    on_fatal: Callable[[BaseException], None]
    max_idle_s: float = MAX_IDLE_S


class Standby:
    """Runs in a thread of its own."""

    def __init__(self, shared: SharedRecord, ports: StandbyPorts) -> None:
        self._shared = shared
        self._ports = ports
        self._bell = Bell(shared.url)
        self._stopping = threading.Event()
        self._reason = self._leader = ""
        self._log = structlog.get_logger("standby")
        self._thread = threading.Thread(target=self._run, name="standby", daemon=True)

    def start(self) -> None:
        """Take the lead if it is free; then begin to follow, or to keep it."""
        is_leading = self._look_once()
        # First: founding a center of many parties takes longer than a leader may be silent.
        self._thread.start()
        if is_leading:
            self._ports.on_lead()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread; the lead is given up by whoever closes the record."""
        self._stopping.set()
        self._bell.stop()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if self._shared.is_leading:
                    self._bell.close()
                    if not self._stopping.wait(self._ports.max_idle_s / _BEATS):
                        self._shared.beat()
                else:
                    self._bell.wait(POLL_S)
                    if self._look_once():
                        threading.Thread(target=self._take_over, name="take-over", daemon=True).start()
                    self._stopping.wait(_PAUSE_S)
        except BaseException as error:  # noqa: BLE001 - who neither follows nor leads must not look healthy
            if not self._stopping.is_set():
                self._ports.on_fatal(error)
        finally:
            self._bell.close()

    def _take_over(self) -> None:
        try:
            self._ports.on_lead()
        except BaseException as error:  # noqa: BLE001 - half a leader must not look healthy
            self._ports.on_fatal(error)

    def _look_once(self) -> bool:
        """Follow, take the lead if it is free, and say whether that was so."""
        if self._stopping.is_set():
            return False
        reason, is_new = self._ports.sequencer.call(self._look).result(_LOOK_S)
        if self._shared.is_leading:
            self._log.info("leading", epoch=self._shared.epoch)
            return True
        if reason != self._reason:
            # Who leads is for our log: a client learns no names of machines.
            self._reason = reason
            self._log.info("following", reason=reason, leader=self._leader)
        try:
            self._ports.on_follow(reason, is_new)
        except StoreError as error:
            if error.code != AWAY:
                raise
            # It went away between the look and what is read to show it: the next look says so.
            self._log.warning("database-away", reason=error.message)
        return False

    def _look(self, _writer: RecordWriter) -> tuple[str, bool]:
        """Follow, and lead if that is free: in the sequencer's thread."""
        try:
            is_new = self._shared.follow()
            self._leader = self._shared.describe_leader()
            if not self._ports.may_lead():
                return "this process has neither a record nor a draft to make one of", is_new
            self._shared.try_lead(max_idle_s=self._ports.max_idle_s, on_progress=self._tell_progress)
        except StoreError as error:
            # Everything else is damage, or a record that has moved away: the process must not go on.
            if error.code != AWAY or self._shared.is_leading:
                raise
            self._log.warning("database-away", reason=error.message)
            return "the database is away", False
        return "another process of this center leads", is_new

    def _tell_progress(self, applied: int, wanted: int) -> None:
        self._log.info("catching-up", applied=applied, size=wanted)
