"""Checking a whole record from its published files alone: tiles, checkpoint, cosignatures, and every message.

    1. Entry 0 is a charter, signed by the center and every founder; it names log key, parties and rules
    2. Every entry, replayed: form, signatures, keys in force, chains, `seen` pins, rules   (`joint.audit`)
    3. Every tile, the root, the log's signature on the checkpoint                        (`record.verifier`)
    4. The parties' cosignatures, and how far they carry: recorded, firm or settled
    5. That 2 and 3 speak of the same bytes: the replay's root is the checkpoint's

Invariants: nothing is believed that the files do not prove; what was not checked is named, first of all
that this charter is the one the parties signed, which no file can say: compare the fingerprint by another
way.

    >>> report = verify_record(FolderTileSource(folder), KINDS)
    >>> report.is_sound, report.standing
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from entente.joint.audit import AuditCounts, AuditFailure, RecordAudit
from entente.joint.policy import make_record_policy
from entente.kernel.charter import charter_fingerprint
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import EntenteError, VerificationFailed
from entente.kernel.kinds import KindTable
from entente.record.checkpoint import parse_checkpoint_note
from entente.record.policy import NO_QUORUM, decide_under_policy
from entente.record.quorum import Standing
from entente.record.tiles import (
    CHECKPOINT_PATH,
    ENTRIES,
    TILE_WIDTH,
    Tile,
    TileSource,
    encode_tile_path,
    parse_entry_bundle,
)
from entente.record.verifier import AuditReport, audit_record


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A witness of a party, and when it says that it saw this checkpoint."""

    witness: str
    time_s: int


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What was checked of a record and what was found.

    Attributes:
        size, root: Of the verified checkpoint; -1 and empty when there is none.
        standing: How far the checkpoint has come; None when it could not be judged.
        failures: Faults of files and of messages, in the order found.
        unchecked: What was not checked, in words.
    """

    origin: str
    fingerprint: str
    exercise: bool
    size: int
    root: str
    standing: Standing | None
    quorum: tuple[str, ...]
    cosigned: tuple[Cosigned, ...]
    counts: AuditCounts
    tiles: int
    bundles: int
    failures: tuple[AuditFailure, ...]
    unchecked: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing at all was found wrong."""
        return not self.failures


def read_entries(source: TileSource, size: int) -> Iterator[bytes]:
    """Yield the first ``size`` entries as the bundles have them; nothing is verified."""
    for start in range(0, size, TILE_WIDTH):
        width = min(TILE_WIDTH, size - start)
        yield from parse_entry_bundle(
            source.read(encode_tile_path(Tile(ENTRIES, start // TILE_WIDTH, width))), width
        )


def verify_record(
    source: TileSource,
    kinds: KindTable,
    *,
    present: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
    audit: RecordAudit | None = None,
) -> RecordReport:
    """Return what a check of the whole record found; see the module for the steps.

    Args:
        source: The published files.
        kinds: What this version speaks.
        present: Paths of all files that are there, so that older partial tiles are compared too.
        progress: Called with the number of entries replayed so far and the size.
        audit: An empty one of the caller's, who wants the state that the replay leads to.

    Raises:
        EntenteError: There is no record to check: no checkpoint, no readable entry 0, or no charter in it.
    """
    claimed = parse_checkpoint_note(source.read(CHECKPOINT_PATH))
    if claimed.size == 0:
        raise VerificationFailed("empty-record", "record: expected a charter as entry 0, got no entries")
    audit = RecordAudit(kinds) if audit is None else audit
    broken: list[AuditFailure] = []
    fingerprint = ""
    try:
        for index, data in enumerate(read_entries(source, claimed.size)):
            audit.feed(index, data)
            if index == 0:
                fingerprint = charter_fingerprint(parse_envelope(data).payload)
            if progress is not None and index % TILE_WIDTH == 0:
                progress(index, claimed.size)
    except EntenteError as error:
        broken.append(AuditFailure(audit.tree.size, error.code, str(error)))
    charter = audit.find_charter()
    if charter is None:
        first = (broken + audit.failures)[0]
        raise VerificationFailed("no-charter", f"record: expected a charter as entry 0: {first.reason}")

    policy = make_record_policy(audit.state.rows)
    # The quorum is judged apart: a record that is only recorded is not a faulty one.
    files = audit_record(
        source,
        replace(policy, quorum=NO_QUORUM),
        present=present,
        check_entry=lambda _index, _entry: None,
    )
    failures = [*broken, *audit.failures, *_file_faults(files)]
    standing: Standing | None = None
    reasons: tuple[str, ...] = ()
    if files.checkpoint is not None:
        decision = decide_under_policy(policy, files.cosignatures)
        reasons = decision.reasons
        standing = Standing.RECORDED
        if decision.is_met and policy.quorum != NO_QUORUM:
            everyone = len(files.cosignatures) == len(policy.witnesses)
            standing = Standing.SETTLED if everyone else Standing.FIRM
        if not broken and audit.tree.root() != files.checkpoint.root and not files.faults:
            failures.append(
                AuditFailure(
                    audit.tree.size, "other-bytes", "replay: expected the checkpoint's root, got another"
                )
            )
    return RecordReport(
        origin=charter.origin,
        fingerprint=fingerprint,
        exercise=charter.charter.exercise,
        size=files.checkpoint.size if files.checkpoint else -1,
        root=files.checkpoint.root.hex() if files.checkpoint else "",
        standing=standing,
        quorum=reasons,
        cosigned=tuple(Cosigned(each.key.name, each.time_s) for each in files.cosignatures),
        counts=audit.counts,
        tiles=files.tiles + files.older_tiles,
        bundles=files.bundles,
        failures=tuple(failures),
        unchecked=(
            f"that this charter is the one the parties signed: compare {fingerprint!r} by voice",
            f"what is inside {audit.counts.sealed_bodies} sealed bodies: only their addressees can open them",
            *files.unchecked,
        ),
    )


def _file_faults(files: AuditReport) -> list[AuditFailure]:
    return [AuditFailure(-1, fault.code, f"{fault.path}: {fault.reason}") for fault in files.faults]
