"""The ladder's clock: looks every second at what is due, and has the center say it.

Invariants: the center's messages go the way of every message, through the sequencer and its rules; what is
due is computed from the record and the recorded times, so that a center that was away catches up; a refusal
is logged and tried again at the next look, never forced.

What is due, `deconflict.plan_ladder` and `dialogue.plan_settlements` say.

    >>> clock = LadderClock(ports)
    >>> clock.tell_due()
    1
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from entente import deconflict, dialogue
from entente.center import archive
from entente.center.sequencer import Sequencer
from entente.center.writer import Published, Submission
from entente.deconflict import ReceiptRow
from entente.joint import KeyRing, MessageRow, verify_message
from entente.kernel.charter import AgreedRules, CharterRow, get_charter
from entente.kernel.envelope import MESSAGE_TYPE, sign_envelope
from entente.kernel.errors import EntenteError, StoreError
from entente.kernel.ids import LeafHash
from entente.kernel.keys import SigningKey
from entente.kernel.kinds import KindTable
from entente.kernel.message import CENTER, NO_MESSAGE, Payload, Seen, encode_body, encode_payload
from entente.kernel.ports import Clock
from entente.kernel.roster import AuthorRow
from entente.kernel.rows import R, Row, Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import WireStruct
from entente.store.sql import Database
from entente.store.sql_rows import SqlRows

_ANSWER_S: Final = 30.0
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

    sequencer: Sequencer
    database: Database
    kinds: KindTable
    center: SigningKey
    origin: str
    clock: Clock
    find_published: Callable[[], Published | None]
    find_ring: Callable[[], KeyRing]
    is_open: Callable[[], bool]
    on_fatal: Callable[[BaseException], None]


class DueRows:
    """Rows that show only those waiting receipts that may be due: `plan_ladder` asks much about each."""

    def __init__(self, rows: Rows, may_be_due: Callable[[ReceiptRow], bool]) -> None:
        self._rows = rows
        self._may_be_due = may_be_due

    def find(self, row: type[R], key: str) -> R | None:
        """Return the row, or None."""
        return self._rows.find(row, key)

    def put(self, row: Row) -> None:
        """Refuse: looking changes nothing."""
        raise TypeError(f"ladder: expected to look only, got a put of {row.key()!r}")

    def select(
        self, row: type[R], *, after: str = "", limit: int | None = None, **equals: str
    ) -> Iterator[R]:
        """Yield what `plan_ladder` asks for; waiting receipts that cannot be due are left out."""
        is_asked = equals == {"state": "waiting"}
        for found in self._rows.select(row, after=after, limit=limit, **equals):
            if is_asked and isinstance(found, ReceiptRow) and not self._may_be_due(found):
                continue
            yield found


class LadderClock:
    """Runs in a thread of its own."""

    def __init__(self, ports: LadderPorts, *, every_s: float = 1.0) -> None:
        self._ports = ports
        self._every_s = every_s
        self._rows: Rows = SqlRows(ports.database, cache_rows=0)
        self._recorded: dict[int, datetime] = {}
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
        # One look's own cache: the charter and the rosters are read once, and nothing is kept that may
        # change.
        rows = SqlRows(self._ports.database, cache_rows=_CACHED_ROWS)
        rules = get_charter(rows).rules
        maybe_due = DueRows(rows, lambda receipt: self._may_be_due(receipt, rules, now_utc))
        due: list[tuple[str, WireStruct]] = [
            *deconflict.plan_ladder(maybe_due, now_utc, self._find_recorded),
            *dialogue.plan_settlements(rows, now_utc, self._find_recorded),
        ]
        told = 0
        for kind, body in due:
            if self._stopping.is_set():
                break
            try:
                self._tell(kind, body, now_utc)
            except StoreError:
                raise
            except EntenteError as error:
                # The record moved on since the plan was made: an acknowledgement came in between.
                self._log.info("not-due-any-more", kind=kind, code=error.code, reason=error.message)
                continue
            told += 1
            self._log.info("told", kind=kind, body=msgspec.to_builtins(body))
        return told

    def _tell(self, kind: str, body: WireStruct, now_utc: datetime) -> None:
        published = self._ports.find_published()
        if published is None:
            raise AssertionError("ladder: expected a published record")
        head = self._rows.find(AuthorRow, CENTER)
        payload = Payload(
            v=1,
            kind=kind,
            center=self._ports.origin,
            author=CENTER,
            officers=[],
            seq=head.seq + 1 if head else 0,
            prev=head.leaf if head else NO_MESSAGE,
            seen=Seen(published.size, published.checkpoint.root.hex()),
            at=encode_utc(now_utc),
            to=[],
            body=msgspec.Raw(encode_body(body)),
            sealed=None,
        )
        signed = sign_envelope(encode_payload(payload), MESSAGE_TYPE, [self._ports.center])
        message = verify_message(signed, self._ports.find_ring(), self._ports.kinds)
        self._ports.sequencer.submit(Submission(message)).result(_ANSWER_S)

    def _may_be_due(self, receipt: ReceiptRow, rules: AgreedRules, now_utc: datetime) -> bool:
        """Tell whether anything could be due for a receipt: False only when nothing is."""
        index = receipt.submitted.index
        recorded = self._recorded.get(index)
        if recorded is None:
            if len(self._recorded) >= _CACHED_TIMES:
                self._recorded.clear()
            recorded = archive.find_recorded_utc(self._ports.database, index)
            if recorded is None:
                return True
            self._recorded[index] = recorded
        if receipt.recorded_utc:
            recorded = min(recorded, parse_utc(receipt.recorded_utc))
        minutes = min((len(receipt.escalations) + 1) * rules.escalate_minutes, rules.lapse_minutes)
        return now_utc - recorded >= timedelta(minutes=minutes)

    def _find_recorded(self, leaf: LeafHash) -> datetime | None:
        row = self._rows.find(MessageRow, leaf)
        return None if row is None else archive.find_recorded_utc(self._ports.database, row.index)

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
