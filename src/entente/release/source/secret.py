"""Secrets: what a partner must not learn about sources, as a finite set of hypotheses with a budget.

What it is for: "which of these twelve hills is the post on?" Each hypothesis says which observers would have
made the reports if it were true. What a partner may come to believe is computed over all of them alike; which
is true is kept here and enters no decision.

Invariants: 2 to `MAX_HYPOTHESES` hypotheses; weights are exact fractions, scaled to a prior only when used; a
secret has a default budget, so that a recipient nobody thought of has one too.

One secret may belong to several sources, and holds across theatres. What refers to what is checked by
`entente.release.source.catalogue`. Nothing of it ever leaves a desk.

    >>> secret.budget_of("ru").chance
    '1/2'
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Final, Literal

from msgspec import Meta

from entente.kernel.wire import NameText, SlugText, WireStruct
from entente.release.source.fraction import FractionText
from entente.release.source.observer import MAX_SHARES, LatE7, LonE7, Share

MAX_HYPOTHESES: Final = 10_000
MAX_GUESSES: Final = 10_000
MAX_MATRIX: Final = 250_000
"""Values of a gain matrix, all rows together."""
MAX_NAMED: Final = 500
"""Recipients and pools with a budget of their own."""

About = Literal["site", "source", "method", "capability"]
GainKind = Literal["exact", "matrix", "tries", "within-km"]


class Hypothesis(WireStruct, frozen=True):
    """One thing that may be true about sources.

    Args:
        weight: How likely it is beforehand, against the weights of the others.
        at: Where it would be; for gains by distance, and for the map.
        observers: What would have made the reports; the shares make one together.
        alternatives: Public observers, with the share of all such reports that they would explain; the
            observers account for the rest. Empty: those of the source.
    """

    id: SlugText
    words: NameText
    weight: FractionText
    at: tuple[LatE7, LonE7] | None
    observers: Annotated[tuple[Share, ...], Meta(min_length=1, max_length=MAX_SHARES)]
    alternatives: Annotated[tuple[Share, ...], Meta(max_length=MAX_SHARES)]


class Budget(WireStruct, frozen=True):
    """The most that a recipient, or a pool, may learn.

    Args:
        chance: What the best guess may be worth, at most: "1/2" of being right (or of the gain).
        bits: How many bits of min-entropy may be gone at most; None: no limit but the chance.
        each: How much one release may add to what the best guess is worth; None: all that is left.
    """

    chance: FractionText
    bits: FractionText | None
    each: FractionText | None = None


class NamedBudget(WireStruct, frozen=True):
    """The budget of one recipient or pool, in place of the default."""

    who: SlugText
    chance: FractionText
    bits: FractionText | None
    each: FractionText | None = None

    def budget(self) -> Budget:
        """Return it without the name."""
        return Budget(chance=self.chance, bits=self.bits, each=self.each)


class Gain(WireStruct, frozen=True):
    """What a guess is worth to whoever makes it.

    Args:
        kind: ``exact``: 1 for the right hypothesis. ``within-km``: 1 for any within ``number`` km of the
            right one. ``tries``: 1 if the right one is among ``number`` guesses. ``matrix``: as it says.
        matrix: One row for each possible guess, one column for each hypothesis in their order; 0 to 1.
    """

    kind: GainKind
    number: Annotated[int, Meta(ge=0, le=20_000)]
    matrix: Annotated[
        tuple[Annotated[tuple[FractionText, ...], Meta(max_length=MAX_HYPOTHESES)], ...],
        Meta(max_length=MAX_GUESSES),
    ]


EXACT: Final = Gain(kind="exact", number=0, matrix=())


class Secret(WireStruct, frozen=True):
    """Something about sources that a partner must not learn.

    Args:
        about: What kind of thing: a site, a source, a method, a capability.
        truth: The hypothesis that is true. It is never sent, and enters no decision about a release.
        budget, budgets: For everyone; and for the recipients and pools named, in its place.
        gain: What guesses are worth, when judged.
        officers: How many must approve a release that is charged to it.
        notified: Whether places of this desk's open notifications are charged to it too.
    """

    id: SlugText
    about: About
    words: NameText
    hypotheses: Annotated[tuple[Hypothesis, ...], Meta(min_length=2, max_length=MAX_HYPOTHESES)]
    truth: SlugText
    budget: Budget
    budgets: Annotated[tuple[NamedBudget, ...], Meta(max_length=MAX_NAMED)]
    gain: Gain
    officers: Literal[1, 2]
    notified: bool

    def budget_of(self, who: str) -> Budget:
        """Return the budget of a recipient or pool: its own, or the default."""
        for named in self.budgets:
            if named.who == who:
                return named.budget()
        return self.budget

    def prior(self) -> list[Fraction]:
        """Return the weights scaled to one, in the order of the hypotheses."""
        weights = [Fraction(one.weight) for one in self.hypotheses]
        total = sum(weights)
        return [weight / total for weight in weights]
