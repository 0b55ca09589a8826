"""A line to one witness: what it cosigned last, what to send it, what its answer means.

Invariants: a line of the witness is kept only when it verifies; a witness that has seen another root is
never argued
with: it is a conflict that people must look at; waits double, are drawn, and end.

It sends nothing: `witnesses` does.

    >>> body = link.encode_request(target, tree)
    >>> line = link.take_answer(target, status, content_type, answer, now_s=now)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from entente.center.circle import CircleMember
from entente.record import (
    Conflict,
    Cosigned,
    Refused,
    SignatureLine,
    Stale,
    Tree,
    VerifiedCheckpoint,
    encode_add_checkpoint,
    parse_witness_answer,
    verify_witness_answer,
)

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 15.0


@dataclass(slots=True)
class WitnessLink:
    """What we know of one witness.

    Attributes:
        known_size: Size that it cosigned last, as far as we know: where its next proof starts.
        cosigned_size: Largest size of which we hold its line.
        state: For people: ``new``, ``cosigned``, ``unreachable``, ``refused``, ``ahead``, ``conflict``.
        at: When it last answered, RFC 3339, or empty.
    """

    member: CircleMember
    known_size: int = 0
    cosigned_size: int = 0
    state: str = "new"
    reason: str = ""
    at: str = ""
    retry_at_s: float = 0.0
    failures: int = 0

    def is_due(self, size: int, now_s: float) -> bool:
        """Tell whether to ask for a cosignature on the checkpoint of ``size`` now."""
        return bool(self.member.url) and self.cosigned_size < size and self.retry_at_s <= now_s

    def encode_request(self, target: VerifiedCheckpoint, tree: Tree) -> bytes:
        """Return the body of ``add-checkpoint``. The witness must not be ahead of the target."""
        proof = tree.consistency_proof(self.known_size, target.size) if self.known_size else []
        return encode_add_checkpoint(self.known_size, proof, target.note)

    def take_answer(
        self, target: VerifiedCheckpoint, status: int, content_type: str, body: bytes, *, at: str
    ) -> SignatureLine | None:
        """Return the witness's verified line, or None: see `state`; ask again at once when ``stale``.

        Raises:
            PeerError: An answer that is no witness's; count it as a failure.
        """
        answer = parse_witness_answer(status, content_type, body, old_size=self.known_size)
        self.at = at
        if isinstance(answer, Cosigned):
            line = verify_witness_answer(answer, target, self.member.key).line
            self.known_size = self.cosigned_size = target.size
            self.state, self.reason, self.failures = "cosigned", "", 0
            return line
        if isinstance(answer, Stale):
            self.state = "stale"
            self.known_size = answer.size
        elif isinstance(answer, Conflict):
            self.state, self.reason = "conflict", answer.reason
        elif isinstance(answer, Refused):
            self.state, self.reason = "refused", answer.reason
        return None

    def fail(self, state: str, reason: str, now_s: float, draw: float) -> None:
        """Count a failure and wait longer. ``draw`` in [0, 1) keeps many lines from coming back in step."""
        self.state, self.reason = state, reason
        wait_s = min(_FIRST_WAIT_S * 2.0 ** min(self.failures, 16), _LONGEST_WAIT_S)
        self.failures += 1
        self.retry_at_s = now_s + wait_s * (0.5 + draw / 2)
