"""The center as one object: its parts put together, started and stopped in the right order.

    open      journal and rows are read; nothing is signed
    start     the sequencer runs; reads are answered
    STANDBY   (on PostgreSQL) another process leads: what it records is followed; if it ends, this one leads
    lead      the witnesses' side and the ladder's clock run
    OPEN      the witnesses were asked (`startup`), or the charter has just been recorded: messages are taken
    stop      what waits is finished, then files are closed

Invariants: readiness is one immutable value, changed in one place; nothing is signed in another state than
OPEN; whatever must not go on ends the process through ``on_fatal``.

It speaks no HTTP (`http` does) and owns no signal (`serve` does).

    >>> center = open_center(folder, clock=SystemClock(), random=SystemRandom(), on_fatal=stop_process)
    >>> center.start()
    >>> center.sequencer.submit(center.parse(body)).result()
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from entente.center.answers import NotSigning
from entente.center.batch import Recorded, Submission
from entente.center.circle import find_dishonest, list_members
from entente.center.folder import CenterFolder, CenterSettings, HostKeys
from entente.center.founding import CharterAnswer, Founding, describe_founded, parse_signature_set
from entente.center.ladder_clock import LadderClock, LadderPorts
from entente.center.matching import Matching, MatchingPorts
from entente.center.metrics import Metrics
from entente.center.parcels import ParcelPorts, Parcels
from entente.center.reading import Reading
from entente.center.sequencer import Sequencer
from entente.center.shared import SharedRecord, open_shared
from entente.center.speaker import Speaker, SpeakerPorts
from entente.center.standby import Standby, StandbyPorts
from entente.center.startup import StartDecision, StartState, count_needed
from entente.center.submission import parse_request, verify_submission
from entente.center.witnesses import Witnesses, WitnessPorts
from entente.center.writer import RecordWriter, open_writer
from entente.joint import KINDS, verify_message
from entente.kernel.charter import CharterRow, list_parties
from entente.kernel.envelope import SignedMessage
from entente.kernel.errors import Denied, NotFound
from entente.kernel.kinds import KindTable
from entente.kernel.message import CENTER
from entente.kernel.ports import Clock, Random
from entente.kernel.roster import PartyRow
from entente.kernel.time import encode_utc
from entente.kernel.wire import Count, Hex64, OriginText, UtcText, WireStruct
from entente.record import EMPTY_ROOT, NoteSigner
from entente.store.leadership import MAX_IDLE_S
from entente.store.parcel_files import ParcelFiles
from entente.store.parcel_home import ParcelHome
from entente.store.parcel_table import ParcelTable
from entente.store.sql_rows import SqlRows

_FOUNDING_S: Final = 60.0
_NOT_SIGNED: Final = StartDecision(StartState.DRAFT, "the parties have not all signed the charter")


class WitnessAnswer(WireStruct, frozen=True):
    """A witness in ``/status``."""

    party: str
    size: Count
    at: str
    state: str


class StatusAnswer(WireStruct, frozen=True):
    """``GET /status``. ``state`` and ``reason`` say whether messages are taken, and why not."""

    origin: OriginText
    size: Count
    root: Hex64
    firm_size: Count | None
    settled_size: Count | None
    now: UtcText
    exercise: bool
    started: UtcText
    witnesses: list[WitnessAnswer]
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class CenterPorts:
    """What the center needs of the world.

    Attributes:
        without: Parties without whose witness the center may start (see `startup`).
        on_fatal: Must end the process.
        ladder_every_s: How often, in the machine's seconds, to look what is due.
        max_idle_s: On PostgreSQL: a leader that says nothing for so long is taken for gone.
    """

    clock: Clock
    random: Random
    on_fatal: Callable[[BaseException], None]
    kinds: KindTable = KINDS
    without: Collection[str] = ()
    ladder_every_s: float = 1.0
    max_idle_s: float = MAX_IDLE_S


class Center:
    """See the module. `open_center` makes one."""

    def __init__(
        self,
        folder: CenterFolder,
        settings: CenterSettings,
        keys: HostKeys,
        record: RecordWriter | SharedRecord,
        ports: CenterPorts,
    ) -> None:
        writer = record if isinstance(record, RecordWriter) else record.writer
        self.settings = settings
        self.keys = keys
        self.kinds = ports.kinds
        self.clock = ports.clock
        self.random = ports.random
        self.metrics = Metrics()
        self.folder = folder
        self.on_change: Callable[[], None] = _ignore
        self._writer = writer
        self._on_fatal = ports.on_fatal
        self._founding_lock = threading.Lock()
        self._log = structlog.get_logger("center")
        self._started_utc = encode_utc(ports.clock.now_utc())
        self._founding: Founding | None = None
        self._readiness = StartDecision(StartState.WAITING, "the witnesses are being asked")
        if writer.published is None:
            self._founding = self._find_founding(is_needed=record is writer)
            self._readiness = _NOT_SIGNED
        self.sequencer = Sequencer(writer, on_fatal=ports.on_fatal, on_batch=self._follow)
        committed = SqlRows(writer.database, cache_rows=0)
        self.reading = Reading(
            writer.tree, writer.journal, writer.database, committed, NoteSigner(keys.log).key, settings.url,
            find_published=lambda: writer.published, find_standings=lambda: writer.standings,
        )  # fmt: skip
        self._exercise = self._is_exercise()
        client = (folder.tls / "client.crt", folder.tls / "client.key")
        self.witnesses = Witnesses(
            WitnessPorts(
                sequencer=self.sequencer,
                tree=writer.tree,
                log_key=NoteSigner(keys.log).key,
                find_published=lambda: writer.published.checkpoint if writer.published else None,
                list_members=lambda: list_members(committed),
                find_ring=lambda: self.ring,
                count_needed=lambda members: count_needed(
                    members, len(list_parties(committed)), find_dishonest(committed)
                ),
                on_start=self._decide_start,
                on_fatal=ports.on_fatal,
                clock=ports.clock,
                random=ports.random,
                without=ports.without,
                client_certificate=client if settings.tls else None,
            )
        )
        speaker = Speaker(
            SpeakerPorts(
                self.sequencer, committed, ports.kinds, keys.center, keys.origin, ports.clock,
                find_published=lambda: writer.published,
                find_ring=lambda: writer.state.ring,
            )
        )  # fmt: skip
        self.ladder = LadderClock(
            LadderPorts(
                speaker, writer.database, ports.clock,
                find_published=lambda: writer.published,
                find_ring=lambda: writer.state.ring,
                is_open=lambda: self.is_open,
                on_fatal=ports.on_fatal,
            ),
            every_s=ports.ladder_every_s,
        )  # fmt: skip
        self._shared = record if isinstance(record, SharedRecord) else None
        self.parcels = Parcels(
            open_parcels(folder, self._shared),
            ParcelPorts(
                committed, keys.origin, ports.clock,
                find_ring=lambda: writer.published.ring if writer.published else None,
                days=settings.parcel_days,
                quota_bytes=settings.parcel_mb * 1_000_000,
                metrics=self.metrics,
            ),
        )  # fmt: skip
        self.matching = Matching(
            MatchingPorts(
                committed, self.parcels, speaker, ports.random, self.metrics,
                is_open=lambda: self.is_open,
                on_fatal=ports.on_fatal,
            ),
            every_s=ports.ladder_every_s,
        )  # fmt: skip
        self._standby: Standby | None = None
        if self._shared is not None:
            self._readiness = StartDecision(StartState.STANDBY, "the lead is being asked for")
            self._standby = Standby(
                self._shared,
                StandbyPorts(
                    self.sequencer,
                    may_lead=lambda: writer.published is not None or self._founding is not None,
                    on_lead=self._lead,
                    on_follow=self._stand_by,
                    on_fatal=ports.on_fatal,
                    max_idle_s=ports.max_idle_s,
                ),
            )

    @property
    def readiness(self) -> StartDecision:
        """Whether messages are taken, and why not."""
        return self._readiness

    @property
    def is_open(self) -> bool:
        """Whether messages are taken."""
        return self._readiness.state is StartState.OPEN

    @property
    def ring(self) -> object:
        """An object that changes when keys or authorities in force do; None for a draft."""
        published = self._writer.published
        return published.ring if published else None

    def start(self) -> None:
        """Start every part. A draft that everyone had signed is recorded now."""
        self.sequencer.start()
        if self._standby is None:
            self._lead()
        else:
            self._standby.start()

    def stop(self) -> None:
        """Finish what waits and close; harmless when repeated."""
        if self._standby is not None:
            self._standby.stop()
        self.ladder.stop()
        self.matching.stop()
        self.witnesses.stop()
        self.sequencer.stop()
        self.parcels.home.close()
        if self._shared is not None:
            self._shared.close()
        else:
            self._writer.close()

    def parse(self, body: bytes) -> Submission:
        """Return the verified submission in a request, or raise what is wrong with it."""
        signed, ciphertexts = parse_request(body)
        return verify_submission(signed, ciphertexts, self._writer.state.ring, self.kinds)

    def check_open(self) -> None:
        """Return if messages are taken; raise `NotSigning` with the reason otherwise."""
        readiness = self._readiness
        if readiness.state is StartState.DRAFT:
            raise NotSigning("no-charter", f"center: expected a founded one, {readiness.reason}")
        if readiness.state is StartState.STANDBY:
            raise NotSigning("standby", f"center: this process takes no messages now: {readiness.reason}")
        if readiness.state is not StartState.OPEN:
            raise NotSigning(readiness.state.value, f"center: cannot sign now: {readiness.reason}")

    def process_charter(self) -> CharterAnswer:
        """Return the charter as it stands."""
        with self._founding_lock:
            founding = self._founding
            if self._writer.published is None and founding is not None:
                return founding.describe()
        return describe_founded(self._writer.journal.read_entry(0))

    def process_signatures(self, body: bytes) -> CharterAnswer:
        """Keep a party's signatures; with the last one, found the center."""
        if self._readiness.state is StartState.STANDBY:
            self.check_open()
        given = parse_signature_set(body)
        with self._founding_lock:
            founding = self._founding
            if founding is not None and self._writer.published is None:
                founding.add(given)
                if founding.is_complete:
                    self._found(founding)
                    self._founding = None
        charter = self.process_charter()
        if charter.state == "founded" and not {one.keyid for one in given.signatures} <= set(charter.signed):
            # Sending again what was taken is answered with the charter; anything else comes too late.
            raise Denied("founded", "founding: expected a draft, this center is founded already")
        return charter

    def process_status(self) -> StatusAnswer:
        """Return how the center is."""
        published, standings = self._writer.published, self._writer.standings
        return StatusAnswer(
            origin=self.keys.origin,
            size=published.size if published else 0,
            root=(published.checkpoint.root if published else EMPTY_ROOT).hex(),
            firm_size=standings.firm_size or None,
            settled_size=standings.settled_size or None,
            now=encode_utc(self.clock.now_utc()),
            exercise=self._exercise,
            started=self._started_utc,
            witnesses=[
                WitnessAnswer(view.party, view.size, view.at, view.state)
                for view in self.witnesses.list_views()
            ],
            state=self._readiness.state.value,
            reason=self._readiness.reason,
        )

    def render_metrics(self) -> bytes:
        """Return the figures as Prometheus text."""
        published, standings = self._writer.published, self._writer.standings
        self.metrics.size.labels("recorded").set(published.size if published else 0)
        self.metrics.size.labels("firm").set(standings.firm_size)
        self.metrics.size.labels("settled").set(standings.settled_size)
        self.metrics.is_open.set(1 if self.is_open else 0)
        for view in self.witnesses.list_views():
            self.metrics.witness_size.labels(view.party).set(view.size)
        return self.metrics.render()

    def list_client_authorities(self) -> list[str]:
        """Return the authorities whose client certificates may connect: every party's, and our own."""
        own = self.folder.read(self.folder.tls / "authority.crt").decode()
        if self._writer.published is None and self._founding is not None:
            pems = [card.statement.tls_ca for card in self._founding.read_cards()]
        else:
            pems = [row.statement.tls_ca for row in self.reading.rows.select(PartyRow)]
        return [own, *sorted({pem for pem in pems if pem})]

    def _find_founding(self, *, is_needed: bool) -> Founding | None:
        """Return the folder's draft; a second process of a center on PostgreSQL need not have it."""
        try:
            return Founding(self.folder, self.keys)
        except NotFound:
            if is_needed:
                raise
            return None

    def _lead(self) -> None:
        """Begin what the leader alone does: nobody else can add to the record."""
        if self._writer.published is not None:
            self._founding = None
            self._readiness = StartDecision(StartState.WAITING, "the witnesses are being asked")
        else:
            self._readiness = _NOT_SIGNED
        self._exercise = self._is_exercise()
        self.witnesses.start()
        self.ladder.start()
        self.matching.start()
        with self._founding_lock:
            if self._founding is not None and self._founding.is_complete:
                self._found(self._founding)
        self.on_change()

    def _stand_by(self, reason: str, is_new: bool) -> None:  # noqa: FBT001 - as `StandbyPorts` calls it
        """Show what the leader has recorded."""
        self._readiness = StartDecision(StartState.STANDBY, reason)
        if is_new:
            self._exercise = self._is_exercise()
            self.on_change()

    def _is_exercise(self) -> bool:
        if self._founding is not None and self._writer.published is None:
            return self._founding.draft.charter.exercise
        row = self.reading.rows.find(CharterRow, "charter")
        return row is not None and row.charter.exercise

    def _decide_start(self, decision: StartDecision) -> None:
        if decision.state is StartState.OPEN:
            # Only here and in `_found`: before, no batch can be signed.
            self.sequencer.call(lambda writer: writer.allow_signing()).result()
        self._readiness = decision
        log = {StartState.OPEN: self._log.info, StartState.WAITING: self._log.warning}.get(
            decision.state, self._log.critical
        )
        if decision.state is StartState.OPEN and decision.missing:
            log = self._log.warning
        log(
            "start-decided",
            state=decision.state.value,
            reason=decision.reason,
            missing=list(decision.missing),
        )
        self.on_change()

    def _found(self, founding: Founding) -> None:
        """Record charter and rosters in one batch; if we stop before, the next start does it."""
        entries = founding.build()
        done = self.sequencer.call(_record_founding(entries, self.kinds)).result(_FOUNDING_S)
        self._readiness = StartDecision(StartState.OPEN, "the charter has just been recorded")
        self._log.info("founded", origin=self.keys.origin, entries=len(done), by=CENTER)
        self.witnesses.wake()
        self.on_change()

    def _follow(self, judged: int) -> None:
        if judged:
            self.metrics.batch.observe(judged)
            self.matching.wake()
        self.witnesses.wake()
        self.on_change()


def _ignore() -> None:
    """Nobody listens yet."""


def _record_founding(
    entries: list[SignedMessage], kinds: KindTable
) -> Callable[[RecordWriter], list[Recorded]]:
    def run(writer: RecordWriter) -> list[Recorded]:
        writer.allow_signing()
        ring = writer.state.ring
        outcomes = writer.record_batch([Submission(verify_message(one, ring, kinds)) for one in entries])
        recorded = [outcome for outcome in outcomes if isinstance(outcome, Recorded)]
        if len(recorded) != len(entries):
            # Every part was checked when it came. Going on with half a founding would be for ever.
            raise AssertionError(f"founding: expected {len(entries)} entries, got {outcomes}")
        return recorded

    return run


def open_center(
    root: Path, ports: CenterPorts, *, on_progress: Callable[[int, int], None] | None = None
) -> Center:
    """Return the center of a folder, not started.

    Raises:
        NotFound: No center's folder; StoreError: the journal must not be used; see `open_writer`.
    """
    folder = CenterFolder(root)
    settings, keys = folder.read_settings(), folder.read_keys()
    record: RecordWriter | SharedRecord
    if settings.database:
        record = open_shared(folder, settings, keys, ports.kinds, ports.clock)
    else:
        folder.check_no_database()
        record = open_writer(folder, keys, ports.kinds, ports.clock, on_progress=on_progress)
    try:
        return Center(folder, settings, keys, record, ports)
    except BaseException:
        record.close()
        raise


def open_parcels(folder: CenterFolder, shared: SharedRecord | None) -> ParcelHome:
    """Return where a center's parcels lie: beside its journal, wherever that is."""
    return ParcelFiles(folder.parcels) if shared is None else ParcelTable(shared.database, folder.parcels)


def submit_and_wait(center: Center, body: bytes, timeout_s: float = 30.0) -> Recorded:
    """Take one request in and wait for its place: for tests and tools that speak no HTTP."""
    center.check_open()
    submission = center.parse(body)
    center.parcels.require(submission.message)
    future: Future[Recorded] = center.sequencer.submit(submission)
    return future.result(timeout_s)
