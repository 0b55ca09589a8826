"""The center's part in blind runs by way of it: it matches two lists and says what came of it.

For each run to which both lists were given: read them, match them (`blind.matching`), draw a salt, and say
`blind.matched`. The result is told in two boxes, under a mask that came with each list.

Invariants:
  * What is to be done is computed from the record alone: a process that is killed at any step does it again,
    and the rule lets one `blind.matched` in.
  * What a party sent is INVALID at the worst, for both; a list that is gone or damaged leaves its run without
    a result until its author deposits it again. Neither stops other runs.
  * One run at a time, the partners' in turn: no pair can keep the others waiting by many runs.
  * How a run ended is in no log, figure or message but the two boxes.

It judges nothing: what meets, and what of it may be told, `blind.matching` says. Its thread also lets parcels
go that have had their time (`parcels`).

    >>> matching.match_due()
    1
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from entente.blind.match_records import JoinMatch, MatchRow, TellMatched, plan_matches
from entente.blind.matching import SALT_BYTES, box_result, commit_result, match_lists, round_result
from entente.center.metrics import Metrics
from entente.center.parcels import Parcels
from entente.center.speaker import Speaker
from entente.kernel.errors import EntenteError, NotFound, StoreError
from entente.kernel.ports import Random
from entente.kernel.rows import Rows
from entente.kernel.wire import encode_base64
from entente.store.parcel_home import read_whole

RETRY_S: Final = 60.0
"""How long a run waits that could not be matched: its list is gone, or a disk does not read."""
SWEEP_LOOKS: Final = 600
"""Parcels that have had their time are looked for with every so manyth look, beginning with the first."""
LEAST_S: Final = 0.05
"""Between two looks at what was recorded: a center under load is not asked after every batch."""


@dataclass(frozen=True, slots=True)
class MatchingPorts:
    """What matching needs of the rest of the center.

    Attributes:
        rows: What is committed, for this thread.
        is_open: Whether the center may sign now.
    """

    rows: Rows
    parcels: Parcels
    speaker: Speaker
    random: Random
    metrics: Metrics
    is_open: Callable[[], bool]
    on_fatal: Callable[[BaseException], None]


class Matching:
    """Runs in a thread of its own."""

    def __init__(self, ports: MatchingPorts, *, every_s: float = 1.0) -> None:
        self._ports = ports
        self._every_s = every_s
        self._retry_s: dict[str, float] = {}
        self._looks = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._log = structlog.get_logger("matching")
        self._thread = threading.Thread(target=self._run, name="matching", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread; a run that is being matched is left as if it had not been begun."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def wake(self) -> None:
        """Match soon: something was recorded. A wake-up that is lost costs the time until the next look."""
        self._woken.set()

    def match_due(self) -> int:
        """Match every run that both parties gave their list for; return how many were told."""
        if not self._ports.is_open():
            return 0
        told = 0
        with self._lock:
            rows = order_in_turn(plan_matches(self._ports.rows))
            self._retry_s = {row.leaf: at for row in rows if (at := self._retry_s.get(row.leaf)) is not None}
            for row in rows:
                if self._stopping.is_set():
                    break
                if self._retry_s.get(row.leaf, 0.0) <= time.monotonic():
                    told += self._match(row)
        return told

    def _match(self, row: MatchRow) -> bool:
        if row.join is None:
            raise AssertionError(f"run {row.leaf[:12]}: expected both lists of a joined one")
        try:
            body = self._make_result(row, row.join)
        except (NotFound, StoreError, MemoryError) as error:
            # Nothing is told: "no conflict" least of all. Its author can deposit the list again.
            self._retry_s[row.leaf] = time.monotonic() + RETRY_S
            self._log.warning("not-matched", match=row.leaf[:12], reason=repr(error))
            return False
        try:
            # If we stop before this is durable, the next start matches again, with another salt.
            self._ports.speaker.tell("blind.matched", body)
        except TimeoutError:
            self._log.warning("no-answer-yet", match=row.leaf[:12])
            return False
        except StoreError:
            raise
        except EntenteError as error:
            self._log.info("not-due-any-more", match=row.leaf[:12], code=error.code, reason=error.message)
            return False
        self._ports.metrics.matched.inc()
        self._log.info("matched", match=row.leaf[:12], rules=row.rules)
        return True

    def _make_result(self, row: MatchRow, join: JoinMatch) -> TellMatched:
        first, second = self._read(row.match.tags.sha256), self._read(join.tags.sha256)
        matched = match_lists(first, second, (row.match.bucket, join.bucket))
        result = round_result(matched, is_counting=row.match.mode == "count")
        salt = self._ports.random.draw(SALT_BYTES)
        boxes = [encode_base64(box_result(result, salt, one, row.leaf)) for one in (first, second)]
        return TellMatched(row.leaf, commit_result(result, salt).hex(), boxes)

    def _read(self, sha256: str) -> bytes:
        home = self._ports.parcels.home
        lying = home.find(sha256)
        if lying is None:
            raise NotFound("parcel-gone", f"list {sha256[:12]}: expected it to lie here, found none")
        return read_whole(home, lying)

    def look(self) -> None:
        """Do all that is due."""
        self.match_due()
        if self._ports.is_open():
            if self._looks % SWEEP_LOOKS == 0:
                self._ports.parcels.sweep()
            self._looks += 1

    def _run(self) -> None:
        look_s = time.monotonic() + self._every_s
        try:
            while not self._stopping.wait(LEAST_S):
                self._woken.wait(max(0.0, look_s - time.monotonic()))
                self._woken.clear()
                if self._stopping.is_set():
                    return
                if time.monotonic() < look_s:
                    self.match_due()
                else:
                    self.look()
                    look_s = time.monotonic() + self._every_s
        except BaseException as error:  # noqa: BLE001 - a center whose runs do not end must not look healthy
            self._ports.on_fatal(error)


def order_in_turn(rows: list[MatchRow]) -> list[MatchRow]:
    """Return runs so that each pair's oldest come first, then each pair's next.

    >>> [row.rules for row in order_in_turn(rows)]
    ['skies', 'seas', 'skies', 'skies']
    """
    seen: Counter[str] = Counter()
    ranked = []
    for row in rows:
        ranked.append((seen[row.rules], row.index, row))
        seen[row.rules] += 1
    return [row for _, _, row in sorted(ranked, key=lambda one: one[:2])]
