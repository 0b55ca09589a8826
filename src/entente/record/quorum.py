"""How many parties must have cosigned before an entry counts, and how far a given one has come.

    recorded   durable, and covered by a checkpoint that the log signed
    firm       k of the parties' witnesses cosigned: no other history can reach k as well
    settled    all of them did

With n witnesses of which f may lie, two histories cannot both gather k cosignatures when 2k > n + f, since
an honest witness signs only one of them: k = floor((n + f) / 2) + 1 (N. Moeller, Sigsum, 2023-12). To go on
while f are silent needs k <= n - f, hence f = floor((n - 1) / 3) unless the parties agree on another. With
one to three witnesses all must cosign: one party alone must never be able to make a history firm.

Invariants: the host's own witness never counts, because the host is the one who could fork; without any other
witness nothing is ever firm; a witness key that serves two parties is refused.

It does not decide who the parties are (the roster does, by log index).

    >>> quorum_size(4), quorum_size(7), quorum_size(10)
    (3, 5, 7)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from entente.kernel.ids import PartyID
from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.cosignature import Cosignature
from entente.record.note import NoteKey
from entente.record.policy import NO_QUORUM, Policy, PolicyGroup, PolicyLog, PolicyWitness

_UNANIMOUS_BELOW: Final = 4
QUORUM_GROUP: Final = "parties"


class Standing(IntEnum):
    """How far an entry has come; a greater one includes the lesser."""

    RECORDED = 1
    FIRM = 2
    SETTLED = 3


def default_dishonest(witnesses: int) -> int:
    """Return f = floor((n - 1) / 3): how many of n witnesses may lie or be silent."""
    _check_count(witnesses)
    return (witnesses - 1) // 3


def quorum_size(witnesses: int, dishonest: int | None = None) -> int:
    """Return k, the number of cosignatures that makes an entry firm.

    Args:
        witnesses: n >= 1: witnesses that count, the host's not among them.
        dishonest: f, 0 <= f < n, as the parties agreed; `default_dishonest` when None.
    """
    _check_count(witnesses)
    liars = default_dishonest(witnesses) if dishonest is None else dishonest
    if not 0 <= liars < witnesses:
        raise ValueError(f"quorum: expected 0 <= dishonest < {witnesses}, got {liars}")
    return witnesses if witnesses < _UNANIMOUS_BELOW else (witnesses + liars) // 2 + 1


def _check_count(witnesses: int) -> None:
    if witnesses < 1:
        raise ValueError(f"quorum: expected >= 1 witness besides the host's, got {witnesses}")


@dataclass(frozen=True, slots=True)
class StandingDecision:
    """How far the entries below a checkpoint have come, and why.

    Attributes:
        needed: Cosignatures that make them firm; 0 when no witness counts, and nothing can be firm.
        cosigned: Parties whose witness cosigned and counts, in name order.
        missing: Those whose witness did not.
    """

    standing: Standing
    needed: int
    cosigned: tuple[PartyID, ...]
    missing: tuple[PartyID, ...]
    reason: str


def decide_standing(
    checkpoint: VerifiedCheckpoint,
    cosignatures: Collection[Cosignature],
    *,
    witnesses: Mapping[PartyID, NoteKey],
    host: PartyID | None,
    dishonest: int | None = None,
) -> StandingDecision:
    """Return how far the entries with an index below ``checkpoint.size`` have come.

    Args:
        checkpoint: What the cosignatures are about.
        cosignatures: Verified ones; those of keys that are not in ``witnesses`` count nothing.
        witnesses: Each party's witness key in force at this checkpoint.
        host: The party that runs the center; None when that is no party.
        dishonest: As for `quorum_size`.
    """
    counting = _counting(witnesses, host)
    if any(each.text != checkpoint.text for each in cosignatures):
        raise ValueError(f"cosignatures: expected all of the checkpoint of size {checkpoint.size}")
    keys = {each.key for each in cosignatures}
    cosigned = tuple(sorted(party for party, key in counting.items() if key in keys))
    missing = tuple(sorted(counting.keys() - set(cosigned)))
    if not counting:
        reason = "no party but the host has a witness, so that nothing can be firm"
        return StandingDecision(Standing.RECORDED, 0, (), (), reason)
    needed = quorum_size(len(counting), dishonest)
    standing = Standing.RECORDED
    if len(cosigned) >= needed:
        standing = Standing.SETTLED if not missing else Standing.FIRM
    reason = f"{len(cosigned)} of {len(counting)} witnesses cosigned, {needed} needed"
    return StandingDecision(standing, needed, cosigned, missing, reason)


def make_quorum_policy(
    log_key: NoteKey,
    witnesses: Mapping[PartyID, NoteKey],
    *,
    host: PartyID | None,
    dishonest: int | None = None,
    log_url: str = "",
) -> Policy:
    """Return the same rule as a tlog-policy, for tools that were not written here.

    Without a counting witness the policy asks for none, which is all that can be checked then.
    """
    counting = _counting(witnesses, host)
    logs = (PolicyLog(log_key, log_url),)
    if not counting:
        return Policy(logs, (), (), NO_QUORUM)
    members = tuple(sorted(counting))
    group = PolicyGroup(
        QUORUM_GROUP, quorum_size(len(counting), dishonest), tuple(map(_witness_name, members))
    )
    named = tuple(PolicyWitness(_witness_name(party), counting[party]) for party in members)
    return Policy(logs, named, (group,), QUORUM_GROUP)


def _witness_name(party: PartyID) -> str:
    # A party may be called 'none' or 'parties', which mean something else in a policy.
    return f"{party}/witness"


def _counting(witnesses: Mapping[PartyID, NoteKey], host: PartyID | None) -> dict[PartyID, NoteKey]:
    counting = {party: key for party, key in witnesses.items() if party != host}
    # SECURITY: with one key in two places one signer would count twice, and the host could lend its own.
    if len({key.public for key in witnesses.values()}) != len(witnesses):
        raise ValueError("witnesses: expected a key of its own for each party")
    return counting
