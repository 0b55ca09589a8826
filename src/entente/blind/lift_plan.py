"""Which tokens cells of different sizes are compared by.

Two cells overlap when in each dimension (place, height, time) one holds the other. They are compared where
they *meet*: in the cell that is as large, in each dimension, as the larger of the two. Each side *lifts* its
cell to there. But two cells that were both lifted in one dimension may lie apart within what they were
lifted to: so a token also says which dimensions its holder lifted, and who asks leaves those alone that it
lifted too.

Invariants:
  * Sizes a and b that may meet at m: holder's and asker's kinds for m have one in common if no dimension was
    lifted by both, and none if one was.
  * As few kinds as that needs: sets of lifted dimensions that no asker tells apart are one kind.
  * Computed from the sizes alone, the same everywhere; a kind is below `MOST_KINDS`.

It does not know cells: see `entente.blind.lift`.

    >>> plan_lifts((Size(9, 30_000, 240), Size(9, 30_000, 345_600))).held
    (((0, Size(...)), (2, Size(...))), ((1, Size(...)),))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from entente.kernel.errors import Malformed

MOST_SIZES: Final = 48
"""Of a grid: four times what the proposed ones have."""
MOST_KINDS: Final = 250
"""A kind is a token's first byte; 255 begins what is no cell."""


class Size(NamedTuple):
    """How large a cell is, in each of its three dimensions."""

    level: int
    band_cm: int
    bin_s: int


Lift = tuple[int, Size]
"""A kind of token, and the size to which its cell is lifted."""
Lifted = tuple[bool, bool, bool]
"""Which dimensions a cell was lifted in, to where it meets another."""


@dataclass(frozen=True, slots=True)
class LiftPlan:
    """For each size, by its number: the kinds of token that its cells are held by, and asked by."""

    kinds: tuple[Size, ...]
    held: tuple[tuple[Lift, ...], ...]
    asked: tuple[tuple[Lift, ...], ...]


def meet_sizes(a: Size, b: Size) -> Size:
    """Return the size of the cell in which two cells of these sizes meet."""
    return Size(min(a.level, b.level), max(a.band_cm, b.band_cm), max(a.bin_s, b.bin_s))


def plan_lifts(sizes: tuple[Size, ...]) -> LiftPlan:
    """Return which kinds of token there are among cells of these sizes.

    Raises:
        Malformed: More than a token's first byte can name.
    """
    # SECURITY: a grid comes from a partner; the work grows with the cube of its sizes
    # (tests/unit/test_blind_grid.py, test_too_many_sizes_are_refused).
    if len(sizes) > MOST_SIZES:
        raise Malformed(
            "bad-grid",
            f"grid: expected at most {MOST_SIZES} sizes of cells, got {len(sizes)}: use fewer levels,"
            " bands or bins",
            path="grains",
        )
    reached = [{meet_sizes(one, other) for other in sizes} for one in sizes]
    meets = sorted(set().union(*reached))
    kinds: list[Size] = []
    held: list[list[Lift]] = [[] for _ in sizes]
    asked: list[list[Lift]] = [[] for _ in sizes]
    for meet in meets:
        here = [place for place, mine in enumerate(reached) if meet in mine]
        lifted = {place: _find_lifted(sizes[place], meet) for place in here}
        masks = sorted(set(lifted.values()))
        # What an asker of each mask may be told: two holders that no asker tells apart are of one kind.
        seen = {mask: tuple(_is_sound(mask, other) for other in masks) for mask in masks}
        for answer in sorted(set(seen.values())):
            kind = len(kinds)
            kinds.append(meet)
            for place, mask in lifted.items():
                if seen[mask] == answer:
                    held[place].append((kind, meet))
                if answer[masks.index(mask)]:
                    asked[place].append((kind, meet))
    if len(kinds) > MOST_KINDS:
        raise Malformed(
            "bad-grid",
            f"grid: expected at most {MOST_KINDS} kinds of token, got {len(kinds)}: use fewer levels,"
            " bands or bins",
            path="grains",
        )
    return LiftPlan(tuple(kinds), tuple(map(tuple, held)), tuple(map(tuple, asked)))


def _find_lifted(size: Size, meet: Size) -> Lifted:
    return size.level > meet.level, size.band_cm < meet.band_cm, size.bin_s < meet.bin_s


def _is_sound(one: Lifted, other: Lifted) -> bool:
    """Return whether no dimension was lifted by both."""
    return not any(mine and theirs for mine, theirs in zip(one, other, strict=True))
