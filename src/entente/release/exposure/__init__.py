"""Exposure: what a series of releases teaches each partner about a source, and what may still go.

For: the gate of a desk. A *secret* is a finite set of hypotheses about sources; a *belief* is what a
recipient, or a *pool* of them, holds likely after everything it was given; a *budget* is the most that its
best guess may be worth. The gate judges by what the pool knows, never by the report or by what is true, so
that neither a coarse answer nor a refusal tells more than the figures say (docs/formats/release-exposure.md,
docs/adr/0024-exposure-is-judged-over-everything-that-could-come-out.md).

Invariants: pure and deterministic; all floats are 64 bits. It does not know labels, policies, officers, the
ledger or the record.

    hypotheses = HypothesisSet.of(secret, catalogue, source.id, ladder)
    stake = Stake(Pool("ru", frozenset({"ru"})), hypotheses, Belief.start(hypotheses))
    outcome = plan(["ru"], [stake], report, ladder)["ru"]
    if isinstance(outcome, Plan):
        stake = charge(stake, outcome.shape)
"""

from entente.release.exposure.belief import Belief, encode_belief, parse_belief
from entente.release.exposure.choice import Block
from entente.release.exposure.hypotheses import HypothesisSet
from entente.release.exposure.plan import Plan, Refusal, judge, plan
from entente.release.exposure.pools import Exposure, Pool, Stake, charge, close_pools, measure
from entente.release.exposure.usefulness import DEFAULT_WEIGHTS, Weights
from entente.release.exposure.words import (
    say_block,
    say_chance,
    say_exposure,
    say_refusal,
    say_standing,
)

__all__ = [
    "DEFAULT_WEIGHTS",
    "Belief",
    "Block",
    "Exposure",
    "HypothesisSet",
    "Plan",
    "Pool",
    "Refusal",
    "Stake",
    "Weights",
    "charge",
    "close_pools",
    "encode_belief",
    "judge",
    "measure",
    "parse_belief",
    "plan",
    "say_block",
    "say_chance",
    "say_exposure",
    "say_refusal",
    "say_standing",
]
