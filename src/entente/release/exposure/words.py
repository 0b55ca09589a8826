"""Exposure in words that an officer can weigh: chances as people say them, and what stands against more.

What it is for: the screen before a release, and the answer to "why in this form". Figures stay beside the
words; words round, and never down: a chance is said as simple odds that are at most a point more, else in per
cent.

Invariants: plain sentences, no trailing full stop, nothing but what is in the figures. Names of secrets and
pools are this desk's own: these texts never leave it.

    >>> say_chance(0.75), say_chance(1 / 12), say_chance(0.9993)
    ('3 times in 4', '1 time in 12', 'practically always')
"""

from __future__ import annotations

from typing import Final

from entente.release.exposure.choice import Block
from entente.release.exposure.plan import Refusal
from entente.release.exposure.pools import Exposure
from entente.release.source.secret import Secret

_SIZES: Final = (2, 3, 4, 5, 6, 8, 10, 12, 20)
"""Of what people picture odds: 1 in 4, 3 in 10."""
_NEAR: Final = 0.01

_GUESS: Final = {
    "exact": "of {count} {kind}, they would name the right one",
    "within-km": "of {count} {kind}, they would name one within {number} km of the right one",
    "tries": "of {count} {kind}, they would have the right one among {number} guesses",
    "matrix": "of {count} {kind}, their best guess would be worth as much as being right",
}
_KINDS: Final = {
    "site": "candidate sites",
    "source": "candidate sources",
    "method": "candidate methods",
    "capability": "candidate capabilities",
}
_DIMENSIONS: Final = {
    "place": "a finer place",
    "span": "a shorter window",
    "delay": "an earlier release",
    "depth": "more of what it is",
    "height": "a thinner height band",
    "": "any release",
}


def say_chance(chance: float) -> str:
    """Return a chance as people say it, never less than it is."""
    if not 0.0 <= chance <= 1.0 + 1e-6:
        raise ValueError(f"chance: expected 0 to 1, got {chance}")
    if chance >= 1.0 - 1e-9:
        return "always"
    if chance > 0.99:
        return "practically always"
    if chance <= 0.01:
        return "less than 1 time in 100"
    for size in _SIZES:
        # Up, to within what rounding of a float may be: never less than it is.
        count = _above(chance * size - 1e-6)
        if 0 < count < size and count / size - chance <= _NEAR:
            return f"{count} {'times' if count > 1 else 'time'} in {size}"
    return f"{_above(chance * 100 - 1e-6)} % of the time"


def say_exposure(exposure: Exposure, secret: Secret) -> str:
    """Return what a release would teach one pool about one secret."""
    subject = _say_guess(secret)
    return (
        f"after this, {subject} {say_chance(exposure.chance_after)}; "
        f"{say_chance(exposure.chance_before)} before; "
        f"at worst {say_chance(exposure.chance_worst)} at this level; the budget of {exposure.pool} is "
        f"{say_chance(exposure.limit)}"
    )


def say_standing(exposure: Exposure, secret: Secret) -> str:
    """Return what one pool knows of one secret, from everything released so far."""
    return (
        f"by now, {_say_guess(secret)} {say_chance(exposure.chance_after)}; "
        f"{say_chance(exposure.chance_prior)} from the start"
    )


def say_block(block: Block) -> str:
    """Return what stands against more, in one dimension."""
    what = _DIMENSIONS[block.dimension]
    if block.code == "budget":
        chance = say_chance(min(block.worth, 1.0))
        return (
            f"{what}: it could let {block.pool} guess {block.secret} right {chance}, more than the budget "
            "allows in all, or for one release"
        )
    if block.code == "uneven":
        return (
            f"{what}: not every possibility of {block.secret} could tell so much so soon, "
            f"so it would tell {block.pool} which"
        )
    return (
        f"{what}: "
        + {
            "precision": "it would tell how precise the source is",
            "not-allowed": "kept back by the label, by a rule of this desk, or as you asked",
            "useful": "it can be had, but would cost more elsewhere",
            "finest": "there is nothing finer on the ladder",
            "unexplained": "no possibility in the catalogue explains this report, so the catalogue is wrong",
        }[block.code]
    )


def say_refusal(refusal: Refusal) -> str:
    """Return why nothing may go."""
    return "; ".join(say_block(block) for block in refusal.blocks)


def _say_guess(secret: Secret) -> str:
    template = _GUESS[secret.gain.kind]
    count = len(secret.hypotheses)
    return template.format(count=_say_count(count), kind=_KINDS[secret.about], number=secret.gain.number)


def _say_count(count: int) -> str:
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[count - 2] if 2 <= count <= 12 else f"{count:,}"


def _above(value: float) -> int:
    return -int(-value // 1)
