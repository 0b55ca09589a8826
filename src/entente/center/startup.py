"""The start-up check: a center signs only if it has forgotten nothing that it signed.

The usual accident is a backup that was put back. Signing from it would give one record two histories. So
before anything is signed after a start, every party's witness is asked what it cosigned last.

  1. A witness that has seen more than our journal holds: never sign    read-only, restore from a mirror
  2. A witness that has seen another root: never sign                   read-only, evidence of a fork
  3. Every witness answered: sign
  4. Some are silent: wait, unless the operator named each of them and n - k + 1 others answered: whatever
     became firm was then seen by one that answered

Invariants: a decision to sign names every witness that it was made without; nothing here trusts a witness
for more than showing a checkpoint that our own log key signed.

It asks nobody: `witnesses` does.

    >>> decide_start(tree, reports, members, needed=count_needed(4, 4, None), without=())
    StartDecision(state=<StartState.OPEN: 'open'>, …)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from entente.center.circle import CircleMember
from entente.kernel.errors import PeerError
from entente.kernel.ids import PartyID
from entente.record import NoteKey, Tree, VerifiedCheckpoint, verify_checkpoint
from entente.record.quorum import quorum_size


class StartState(Enum):
    """What a center may do."""

    DRAFT = "draft"
    """Nobody has founded it yet: it gathers signatures."""
    WAITING = "waiting-for-witness"
    """It reads and does not sign: some witness has not answered."""
    STANDBY = "standby"
    """It reads and does not sign: another process of this center leads (see `shared`)."""
    OPEN = "open"
    AHEAD = "witness-ahead"
    """It reads and will not sign: it has forgotten entries that it signed once."""
    FORK = "witness-fork"
    """It reads and will not sign: its log signed another history."""


@dataclass(frozen=True, slots=True)
class WitnessReport:
    """What a witness answered: the largest checkpoint that it cosigned, or None for none yet."""

    party: PartyID
    checkpoint: VerifiedCheckpoint | None


@dataclass(frozen=True, slots=True)
class StartDecision:
    """May it sign? In words for the operator, with the parties it hangs on."""

    state: StartState
    reason: str
    missing: tuple[PartyID, ...] = ()


def parse_report(party: PartyID, status: int, body: bytes, log_key: NoteKey) -> WitnessReport:
    """Return what a witness answered to ``GET <its URL>/<hash of origin>/checkpoint``.

    Raises:
        PeerError: No answer that counts: another status, or a note that our log did not sign.
    """
    if status == 404:
        return WitnessReport(party, None)
    if status != 200:
        raise PeerError("witness-status", f"witness of {party!r}: expected status 200 or 404, got {status}")
    return WitnessReport(party, verify_checkpoint(body, log_key))


def count_needed(members: int, parties: int, dishonest: int | None) -> int:
    """Return how many witnesses must answer so that one of them has seen whatever became firm.

    k cosignatures make an entry firm. Of m witnesses, any m - k + 1 have one in common with any k.
    """
    return max(1, members - quorum_size(parties, dishonest) + 1)


def decide_start(
    tree: Tree,
    reports: Collection[WitnessReport],
    members: Sequence[CircleMember],
    *,
    needed: int,
    without: Collection[str],
) -> StartDecision:
    """Return whether the center may sign.

    Args:
        tree: The journal's.
        reports: Answers so far, one a party.
        members: The witnesses in force. One without an address cosigned nothing of ours: it is not asked.
        needed: How many must have answered to start without the rest: see `count_needed`.
        without: Parties that the operator is ready to start without.
    """
    for report in reports:
        seen = report.checkpoint
        if seen is None:
            continue
        where = f"the witness of {report.party!r} cosigned {seen.size} entries"
        if seen.size > tree.size:
            return StartDecision(
                StartState.AHEAD,
                f"{where}, the journal has {tree.size}: it is an old copy. Signing from it would fork the "
                "record, so this center only reads. Stop it, restore the record from a party's mirror "
                "(entente center restore), and start again",
            )
        if tree.root(seen.size) != seen.root:
            return StartDecision(
                StartState.FORK,
                f"{where}, signed by our log key, with another root than the journal's: two histories were "
                "signed. This center only reads. Stop it, compare the parties' mirrors, and go on from the "
                "history that the witnesses hold",
            )
    asked = [member.party for member in members if member.url]
    answered = {report.party for report in reports}
    missing = tuple(party for party in asked if party not in answered)
    if not missing:
        return StartDecision(StartState.OPEN, f"{len(answered)} of {len(asked)} witnesses answered")
    if set(missing) <= set(without) and len(answered) >= needed:
        return StartDecision(
            StartState.OPEN,
            f"started without the witnesses of {', '.join(missing)} as told; {len(answered)} answered, "
            f"{needed} needed",
            missing,
        )
    return StartDecision(
        StartState.WAITING, f"the witnesses of {', '.join(missing)} have not answered yet", missing
    )
