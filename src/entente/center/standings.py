"""How far the witnesses have come: which checkpoint is firm, which is settled, and the notes that show it.

Invariants: the firm and the settled size never shrink, whatever rosters later say; a note given out holds
verified lines only; what no longer matters is forgotten.

It stores nothing: `writer` does.

    >>> standings = Standings().add(checkpoint, lines, rows)
    >>> standings.firm_size
    17
"""

from __future__ import annotations

from dataclasses import dataclass, field

from entente.center.circle import find_dishonest, find_witness_keys
from entente.kernel.rows import Rows
from entente.record import SignatureLine, VerifiedCheckpoint, merge_cosignatures, verify_cosignatures
from entente.record.quorum import Standing, decide_standing


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A checkpoint that witnesses were shown, with their verified lines by party."""

    checkpoint: VerifiedCheckpoint
    lines: dict[str, SignatureLine]

    @property
    def note(self) -> bytes:
        """The note with every line."""
        return merge_cosignatures(self.checkpoint.note, self.lines.values())


@dataclass(frozen=True, slots=True)
class Standings:
    """The kept checkpoints by size, and how far they have come."""

    cosigned: dict[int, CosignedCheckpoint] = field(default_factory=dict)
    firm_size: int = 0
    settled_size: int = 0

    def add(self, checkpoint: VerifiedCheckpoint, lines: dict[str, SignatureLine], rows: Rows) -> Standings:
        """Return the standings with further verified lines on ``checkpoint``."""
        known = self.cosigned.get(checkpoint.size)
        kept = CosignedCheckpoint(checkpoint, {**(known.lines if known else {}), **lines})
        keys = find_witness_keys(rows)
        decision = decide_standing(
            checkpoint,
            verify_cosignatures(kept.note, checkpoint, list(keys.values())) if kept.lines else (),
            witnesses=keys,
            host=None,
            dishonest=find_dishonest(rows),
        )
        is_firm, is_settled = decision.standing >= Standing.FIRM, decision.standing >= Standing.SETTLED
        firm = max(self.firm_size, checkpoint.size) if is_firm else self.firm_size
        settled = max(self.settled_size, checkpoint.size) if is_settled else self.settled_size
        cosigned = {**self.cosigned, checkpoint.size: kept}
        # Beyond the newest firm one, only the settled one is still asked for.
        needed = {size: one for size, one in cosigned.items() if size >= firm or size == settled}
        return Standings(needed, firm, settled)

    def find_note(self, size: int) -> bytes | None:
        """Return the note of a kept checkpoint, or None."""
        kept = self.cosigned.get(size)
        return None if kept is None else kept.note
