"""Plans: for one report, what each recipient may get, and what it would teach whom.

What it is for: the gate asks for a plan, an officer reads it, the gate judges again when it sends, and
charges. A level is chosen by `choice.choose`, which is not given the report. Only then the report is looked
at: it goes out with that cell of the partition that holds it.

Invariants:
  * Decisions depend on what the pools know, the ladder, the weights and the desk's rules; never on the truth,
    and on the report in one way only: which leaf of the partition, and which word, it has.
  * Recipients are planned in the order given; each counts what those before him are to get of this item.
  * A recipient for whom nothing may go gets a `Refusal` that is the same for every report, with one
    exception: a report that no hypothesis explains (code ``unexplained``), which the model says cannot
    happen.

It signs and stores nothing: `pools.charge` computes what the ledger then keeps.

    >>> plan(["ru"], stakes, report, DEFAULT_LADDER)["ru"].level
    Level(place=5, span=4, delay=0, depth=2, height=0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from entente.kernel.errors import Denied
from entente.release.exposure.choice import (
    Block,
    NoChoice,
    Seat,
    choose,
    find_over,
    find_uneven,
    name_worst,
)
from entente.release.exposure.filling import Filling
from entente.release.exposure.ground import Ground, join_ground
from entente.release.exposure.pools import Exposure, Pool, Stake, charge, check_closed, measure
from entente.release.exposure.usefulness import DEFAULT_WEIGHTS, Weights
from entente.release.exposure.verdict import LEAST, Court, Dims, View
from entente.release.variant.ladder import WORLD, Ladder, Level
from entente.release.variant.shape import Observed, Shape, shape_of

_SLACK: Final = 1e-6
Allows = Callable[[str, Level], bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one recipient may get.

    Args:
        offered: The level as chosen, before the report was looked at: what `judge` is asked about later.
        level: As it goes out: ``place`` is the step of the leaf that holds the report.
        useful: Of the level by the stated measure, before the report was looked at.
        exposures: What it teaches: one for each pool that holds the recipient and each secret.
        blocks: What stands against more, one for each dimension.
    """

    offered: Level
    level: Level
    shape: Shape
    useful: float
    exposures: tuple[Exposure, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing may go, and why. ``code``: ``budget``, ``uneven``, ``not-allowed``, ``unexplained``."""

    code: str
    blocks: tuple[Block, ...]


def plan(
    recipients: Sequence[str],
    stakes: Sequence[Stake],
    report: Observed,
    ladder: Ladder,
    *,
    weights: Weights = DEFAULT_WEIGHTS,
    allows: Allows | None = None,
    at_most: Level | None = None,
) -> dict[str, Plan | Refusal]:
    """Return for each recipient what may go, or why nothing may.

    Args:
        stakes: One for each secret of the report's source and each pool that holds a recipient; for a source
            without secrets, none. Each recipient alone must be a pool.
        allows: The desk's own rules about a level for a recipient. They must not look at the report.
        at_most: The finest level that the officer wants, and the shortest delay.

    Raises:
        ValueError: Pools that are not closed, or a stake that is missing or twice.
    """
    if not stakes:
        return {each: _plan_free(each, report, ladder, weights, allows, at_most) for each in recipients}
    table = _Table.of(stakes, ladder)
    result: dict[str, Plan | Refusal] = {}
    for recipient in recipients:
        table.seat(recipient)  # every recipient is checked before anything is decided
    for recipient in recipients:
        seat = table.seat(recipient)

        def is_allowed(level: Level, recipient: str = recipient) -> bool:
            return allows is None or allows(recipient, level)

        choice = choose(table.court, seat, weights, at_most=at_most, allows=is_allowed if allows else None)
        if isinstance(choice, NoChoice):
            result[recipient] = Refusal(choice.blocks[0].code, choice.blocks)
            continue
        found = _look(table, seat, choice.level, report, ladder)
        if isinstance(found, Block):
            result[recipient] = Refusal(found.code, (found,))
            continue
        level, block = found
        shape = shape_of(report, level, ladder)
        exposures = table.release(seat, shape, choice.worst)
        if isinstance(exposures, Block):
            result[recipient] = Refusal(exposures.code, (exposures,))
            continue
        result[recipient] = Plan(
            offered=choice.level,
            level=level,
            shape=shape,
            useful=choice.useful,
            exposures=exposures,
            blocks=(block, *choice.blocks),
        )
    return result


def judge(
    level: Level, recipient: str, stakes: Sequence[Stake], report: Observed, ladder: Ladder
) -> Plan | Refusal:
    """Return whether a level that was planned before may go now, by what the pools know now.

    The answer has the leaf that holds the report now; it is never finer than ``level.place``.
    """
    if not stakes:
        return Plan(level, level, shape_of(report, level, ladder), 0.0, (), ())
    table = _Table.of(stakes, ladder)
    seat = table.seat(recipient)
    dims = Dims.at(ladder, level)
    block = find_uneven(table.court, seat, dims) or find_over(table.court, seat, dims)
    if block is not None:
        return Refusal(block.code, (block,))
    cap = min(level.place, *(filling.finest_step() for filling in seat.fillings))
    found = _look(table, seat, level._replace(place=cap), report, ladder)
    if isinstance(found, Block):
        return Refusal(found.code, (found,))
    leaf, block = found
    shape = shape_of(report, leaf, ladder)
    limits = tuple(tuple(view.limits.tolist()) for view in seat.views)
    exposures = table.release(seat, shape, limits)
    if isinstance(exposures, Block):
        return Refusal(exposures.code, (exposures,))
    return Plan(level, leaf, shape, 0.0, exposures, (block,))


class _Table:
    """Stakes of one item, ordered by pool and secret; charged one recipient after the other."""

    def __init__(self, ground: Ground, stakes: dict[Pool, list[Stake]]) -> None:
        self.stakes = stakes
        self.views = {pool: self._see(pool) for pool in stakes}
        self.court = Court(ground, tuple(self.views.values()))
        self.fillings: dict[int, Filling] = {}

    @classmethod
    def of(cls, stakes: Sequence[Stake], ladder: Ladder) -> _Table:
        sets = tuple(dict.fromkeys(stake.hypotheses for stake in stakes))
        if any(each.terms.ladder != ladder for each in sets):
            raise ValueError("stakes: expected hypotheses made for this ladder")
        rows: dict[Pool, list[Stake]] = {}
        for hypotheses in sets:
            for stake in stakes:
                if stake.hypotheses is hypotheses:
                    rows.setdefault(stake.pool, []).append(stake)
        for pool, row in rows.items():
            if tuple(stake.hypotheses for stake in row) != sets:
                raise ValueError(
                    f"stakes of pool {pool.name!r}: expected one for each secret, got {len(row)}"
                )
            if len({stake.known for stake in row}) > 1:
                raise ValueError(
                    f"stakes of pool {pool.name!r}: expected one shape that is known, got several"
                )
        if len({pool.members for pool in rows}) < len(rows):
            raise ValueError("pools: expected no two with the same members")
        check_closed(list(rows))
        return cls(join_ground(sets), rows)

    def seat(self, recipient: str) -> Seat:
        views = [view for pool, view in self.views.items() if recipient in pool.members]
        own = next((view for view in views if view.pool.members == {recipient}), None)
        if own is None:
            raise ValueError(f"recipient {recipient!r}: expected a pool of him alone among the stakes")
        for view in views:
            if id(view) not in self.fillings:
                self.fillings[id(view)] = Filling.of(self.court.ground, view)
        return Seat(recipient, tuple(views), tuple(self.fillings[id(view)] for view in views), own)

    def release(
        self, seat: Seat, shape: Shape, worst: tuple[tuple[float, ...], ...]
    ) -> tuple[Exposure, ...] | Block:
        """Charge every pool that holds a recipient, and return what each learns; or charge none, and why."""
        rows: dict[Pool, list[Stake]] = {}
        for view in seat.views:
            rows[view.pool] = []
            for stake, limit in zip(self.stakes[view.pool], view.limits.tolist(), strict=True):
                name = stake.hypotheses.secret.id
                try:
                    after_one = charge(stake, shape)
                except Denied:
                    return Block("", "unexplained", name, view.pool.name)
                # SECURITY: chances below 1e-250 are judged as if they were that, so that what only such
                # hypotheses explain may be worth more than was judged. By the model it does not happen
                # (tests/unit/test_release_attacks.py, test_what_was_as_good_as_ruled_out_is_not_released).
                if not stake.hypotheses.gain.worth(after_one.belief.posterior) <= limit + _SLACK:
                    return Block("", "unexplained", name, view.pool.name)
                rows[view.pool].append(after_one)
        exposures = []
        for view, most in zip(seat.views, worst, strict=True):
            after = rows[view.pool]
            for one, other, chance in zip(self.stakes[view.pool], after, most, strict=True):
                figures = measure(one, other)
                exposures.append(figures._replace(chance_worst=max(chance, figures.chance_after)))
            self.stakes[view.pool] = after
            self.views[view.pool] = self._see(view.pool)
        return tuple(exposures)

    def _see(self, pool: Pool) -> View:
        row = self.stakes[pool]
        chances = []
        for stake in row:
            belief = stake.belief
            if stake.known is not None:
                belief = belief.without(stake.hypotheses.row(stake.known))
            chances.append(belief.chances(LEAST))
        return View(
            pool,
            np.concatenate(chances),
            np.concatenate([stake.belief.is_possible for stake in row]),
            np.array([stake.limit_now for stake in row]),
            row[0].known,
        )


def _look(
    table: _Table, seat: Seat, level: Level, report: Observed, ladder: Ladder
) -> tuple[Level, Block] | Block:
    """Find the leaf of the partition that holds the report, and what stands against a finer one.

    A cell is split only if every part that can be an output is within budget: all of them are judged, and the
    report only says which of them to look at next.
    """
    court, ground = table.court, table.court.ground
    dims = Dims.at(ladder, level)
    word = report.path[0] if dims.depth else ""
    cell, block = WORLD, Block("place", "finest")
    while cell.step < level.place:
        entries = ground.children(cell)
        over = None
        for view in seat.views:
            verdict = court.judge_with_less(view, entries, dims, word)
            # SECURITY: every part, not the report's own (tests/unit/test_release_attacker.py).
            if not verdict.is_fit.all():
                over = over or name_worst(court, view, entries.secret, verdict, "place")
        if over is not None:
            block = over
            break
        cell = ladder.cell_at(report.lat_e7, report.lon_e7, cell.step + 1)
    else:
        if level.place < len(ladder.places_arcsec):
            block = _find_cap(seat, level.place)
    if word and word not in ground.terms.words:
        return Block("depth", "unexplained")
    return level._replace(place=cell.step), block


def _find_cap(seat: Seat, place: int) -> Block:
    for filling in seat.fillings:
        if filling.finest_step() <= place:
            return Block("place", "precision", "", filling.view.pool.name)
    return Block("place", "not-allowed")


def _plan_free(
    recipient: str,
    report: Observed,
    ladder: Ladder,
    weights: Weights,
    allows: Allows | None,
    at_most: Level | None,
) -> Plan | Refusal:
    """Plan for a source that has no secrets: the most useful level that the desk's rules allow."""
    finest = ladder.finest if at_most is None else at_most
    best: tuple[float, Level] | None = None
    for level in ladder.levels():
        if (
            level.place > finest.place
            or level.span > finest.span
            or level.delay < finest.delay
            or level.depth > finest.depth
            or level.height > finest.height
        ):
            continue
        useful = weights.place_bits(ladder, level.place) + weights.other_bits(ladder, level)
        if (best is None or useful > best[0]) and (allows is None or allows(recipient, level)):
            best = (useful, level)
    if best is None:
        return Refusal("not-allowed", (Block("", "not-allowed"),))
    return Plan(best[1], best[1], shape_of(report, best[1], ladder), best[0], (), ())
