"""Pools, and what each holds likely: the recipients who may put together what they got.

What it is for: each recipient alone is a pool; an officer names more. A *stake* is one secret for one pool:
what it believes, and what its members already have of the item in question.

Invariants:
  * Pools are closed: of two that overlap, some pool holds both. Else the level that a common member gets
    would depend on what the other pool knows, and tell this one of it (docs/formats/release-exposure.md 5).
  * What a pool may know is limited by its own budget and by that of every pool and recipient within it.
  * `charge` changes a stake as the release of a shape does, and nothing else does. Two shapes of one item are
    one observation: the belief holds the row of their meet.

It does not choose levels.

    >>> [pool.name for pool in close_pools([Pool("a", frozenset("a")), Pool("ab", frozenset("ab"))])]
    ['a', 'ab']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np

from entente.kernel.errors import Denied
from entente.release.exposure.belief import Belief
from entente.release.exposure.hypotheses import HypothesisSet
from entente.release.exposure.measures import entropy_bits
from entente.release.variant.shape import Shape, meet


@dataclass(frozen=True, slots=True)
class Pool:
    """Recipients who may put together what they got.

    Args:
        name: What budgets are named by.
        within: Names of the pools within it, as `close_pools` finds them: their budgets bind it too.
    """

    name: str
    members: frozenset[str]
    within: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Stake:
    """One secret for one pool.

    Args:
        belief: After everything charged so far, this item included if members have something of it.
        known: What members already have of this item, together; None: nothing.
    """

    pool: Pool
    hypotheses: HypothesisSet
    belief: Belief
    known: Shape | None = None

    @property
    def limit(self) -> float:
        """The most that the pool's best guess may be worth: its own budget, and that of each member alone.

        SECURITY: what one member gets depends on what the pool knows, and so tells him of it, as far as the
        pool's limit lets it (tests/unit/test_release_attacker.py).
        """
        return min(self.hypotheses.limit_of(name) for name in self._names())

    @property
    def limit_now(self) -> float:
        """The most that it may be worth after one more release: `limit`, and not a larger step than agreed.

        A function of what the pool knows, like the limit: what is held back so tells it nothing.
        """
        step = min(self.hypotheses.step_of(name) for name in self._names())
        return min(self.limit, self.hypotheses.gain.worth(self.belief.posterior) + step)

    def _names(self) -> tuple[str, ...]:
        return (self.pool.name, *sorted(self.pool.members), *self.pool.within)


class Exposure(NamedTuple):
    """What one pool knows of one secret, in figures: what its best guess is worth (0 to 1), and bits.

    ``chance_*``: beforehand, before this release, after it, the most that any output at its level could have
    made it, and the budget. ``bits`` is min-entropy leakage of ``chance_after`` over ``chance_prior``,
    ``shannon_bits`` the fall of entropy since the prior; the latter may be negative.
    """

    secret: str
    pool: str
    chance_prior: float
    chance_before: float
    chance_after: float
    chance_worst: float
    limit: float
    bits: float
    shannon_bits: float
    likeliest: str


def close_pools(pools: Iterable[Pool]) -> tuple[Pool, ...]:
    """Return the pools, and the union of each group that overlaps where none of them holds it.

    A union is named by its members, sorted and joined by ``+``. Each pool says which others are within it.
    """
    given = list(dict.fromkeys(pools))
    groups: list[frozenset[str]] = []
    for pool in given:
        joined = pool.members
        for group in [group for group in groups if group & joined]:
            groups.remove(group)
            joined |= group
        groups.append(joined)
    held = {pool.members for pool in given}
    closed = [*given, *(Pool("+".join(sorted(group)), group) for group in groups if group not in held)]
    return tuple(
        replace(pool, within=tuple(other.name for other in closed if other.members < pool.members))
        for pool in closed
    )


def check_closed(pools: Sequence[Pool]) -> None:
    """Raise ``ValueError`` unless of two pools that overlap some pool holds both."""
    distinct = list(dict.fromkeys(pools))
    for a, b in combinations(distinct, 2):
        both = a.members | b.members
        if a.members & b.members and not any(both <= pool.members for pool in distinct):
            raise ValueError(
                f"pools {a.name!r} and {b.name!r}: expected a pool that holds both, as close_pools adds it"
            )


def charge(stake: Stake, shape: Shape) -> Stake:
    """Return the stake after a member was given ``shape`` of the item.

    Raises:
        Denied: No hypothesis that is still possible explains it, or it contradicts what members have.
    """
    hypotheses = stake.hypotheses
    if stake.known is None:
        return replace(stake, belief=stake.belief.updated(None, hypotheses.row(shape)), known=shape)
    both = meet(stake.known, shape, hypotheses.terms.ladder)
    if both is None:
        raise Denied("contradiction", f"item: expected a shape that agrees with {stake.known}, got {shape}")
    if both == stake.known:
        return stake
    return replace(
        stake, belief=stake.belief.updated(hypotheses.row(stake.known), hypotheses.row(both)), known=both
    )


def measure(stake: Stake, after: Stake | None = None, *, worst: float | None = None) -> Exposure:
    """Return what the pool knows; with ``after``, what a release changes."""
    hypotheses, gain = stake.hypotheses, stake.hypotheses.gain
    posterior = (after or stake).belief.posterior
    chance = gain.worth(posterior)
    return Exposure(
        secret=hypotheses.secret.id,
        pool=stake.pool.name,
        chance_prior=hypotheses.before,
        chance_before=gain.worth(stake.belief.posterior),
        chance_after=chance,
        chance_worst=chance if worst is None else worst,
        limit=stake.limit,
        bits=float(np.log2(chance / hypotheses.before)) if chance > 0.0 else 0.0,
        shannon_bits=hypotheses.entropy_bits - entropy_bits(posterior),
        likeliest=hypotheses.secret.hypotheses[int(np.argmax(posterior))].id,
    )
