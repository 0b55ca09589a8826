"""Choose the level for one recipient: the most useful of all that can teach too much to nobody.

What it is for: the gate asks it before it looks at the report. It is given what the pools know, the ladder,
the officer's limits and weights; it is not given the report, nor the truth, and cannot depend on either.

A level may be offered to a recipient if, for every pool that holds him,

  1. the chance to fill it is the same under every hypothesis still possible (`filling`);
  2. each kind of thing that could be named leaves every secret within budget, with no place told.

Then place is told as finely as a *partition* of the world permits: a cell is split only if every one of its
parts that can be an output leaves every secret within budget. See docs/formats/release-exposure.md section 4.

Invariants: the same arguments give the same choice. No level is better by the stated measure, as far as
expectations are computed (`Ground.layers`): place below that depth counts as coarse as there.

    >>> choose(court, seat, DEFAULT_WEIGHTS, at_most=None, allows=None)
    Choice(level=Level(place=8, span=6, delay=0, depth=2, height=0), ...)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from entente.release.exposure.disc import Flags
from entente.release.exposure.filling import Filling
from entente.release.exposure.ground import Layer
from entente.release.exposure.levels import list_levels, sort_levels, weigh_levels
from entente.release.exposure.usefulness import Weights
from entente.release.exposure.verdict import Court, Dims, Verdict, View
from entente.release.variant.ladder import Level


class Block(NamedTuple):
    """What stands against something finer.

    Args:
        dimension: ``place``, ``span``, ``delay``, ``depth`` or ``height``; "" for all of it.
        code: ``budget`` (an output would exceed one), ``uneven`` (fullness would tell), ``precision`` (a
        finer
            cell would tell how precise the source is), ``not-allowed`` (the desk's own rules), ``useful`` (it
            could be had, but costs more elsewhere), ``finest`` (there is nothing finer).
        secret, pool: Whose budget, or under which the chance to fill differs.
        worth: What the best guess could come to be worth.
    """

    dimension: str
    code: str
    secret: str = ""
    pool: str = ""
    worth: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """One recipient: every pool that holds him, each with its rule of filling; ``own``: him alone."""

    recipient: str
    views: tuple[View, ...]
    fillings: tuple[Filling, ...]
    own: View


@dataclass(frozen=True, slots=True)
class Choice:
    """A level, before the report is looked at.

    Args:
        level: ``place`` is the finest step that may come out; the partition says where.
        useful: By the stated measure, place by expectation.
        worst: What the best guess can come to be worth at most, for each view and secret: never above the
            budget.
        blocks: What stands against more.
    """

    level: Level
    useful: float
    worst: tuple[tuple[float, ...], ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class NoChoice:
    """No level may be offered, and why: the same for every report."""

    blocks: tuple[Block, ...]


class _Expected(NamedTuple):
    bits: float
    worst: tuple[tuple[float, ...], ...]


def choose(
    court: Court,
    seat: Seat,
    weights: Weights,
    *,
    at_most: Level | None,
    allows: Callable[[Level], bool] | None,
) -> Choice | NoChoice:
    """Return the most useful level that may be offered, or why there is none.

    Args:
        at_most: Nothing finer than this, and no shorter delay.
        allows: The desk's own rules. SECURITY: they see the level alone: what they refused by the report
            would tell of it (tests/unit/test_release_truth.py).
    """
    ladder = court.ground.ladder
    levels, other = list_levels(ladder), weigh_levels(ladder, weights)
    finest = ladder.finest if at_most is None else at_most
    cap = min(finest.place, *(filling.finest_step() for filling in seat.fillings))
    steps = [weights.place_bits(ladder, step) for step in range(cap + 1)]
    keys = _find_classes(court, seat)
    # Of one class the first that is allowed is the best, unless a later one may tell place more finely.
    closed: set[int] = set()
    even: set[int] = set()
    expected: dict[tuple[int, int], _Expected | None] = {}
    best: tuple[float, Level, _Expected] | None = None
    for number in np.argsort(-other, kind="stable").tolist():
        if best is not None and steps[cap] + other[number] <= best[0]:
            break
        key, level = keys[number], levels[number]
        if key in closed or not _is_within(level, finest):
            continue
        dims = Dims.at(ladder, level)
        if key not in even:
            if not all(filling.is_even(dims) for filling in seat.fillings):
                closed.add(key)
                continue
            even.add(key)
        step = next(
            (k for k in range(cap, -1, -1) if allows is None or allows(level._replace(place=k))), None
        )
        if step is None or (best is not None and steps[step] + other[number] <= best[0]):
            continue
        if (key, step) not in expected:
            expected[key, step] = _expect(court, seat, dims, step, steps)
        found = expected[key, step]
        if found is None or step == cap:
            closed.add(key)
        if found is not None and (best is None or found.bits + other[number] > best[0]):
            best = (found.bits + float(other[number]), level._replace(place=step), found)
    if best is None:
        return NoChoice(_explain_none(court, seat, finest, allows))
    useful, level, found = best
    return Choice(level, useful, found.worst, _explain(court, seat, level, finest, allows))


def _find_classes(court: Court, seat: Seat) -> list[int]:
    """Return the class of each level for all pools of a recipient together."""
    known = dict.fromkeys(view.known_dims for view in seat.views)
    columns = [sort_levels(court.ground, court.ground.ladder, dims).of for dims in known]
    if len(columns) == 1:
        return [int(each) for each in columns[0].tolist()]
    _, of = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    return [int(each) for each in of.reshape(-1).tolist()]


def find_over(court: Court, seat: Seat, dims: Dims) -> Block | None:
    """Return what is out of budget with no place told, or None: rule 2 of the module."""
    ground = court.ground
    for view in seat.views:
        for word in ground.terms.words if dims.depth else ("",):
            verdict = court.judge_with_less(view, ground.root, dims, word)
            if not verdict.is_fit.all():
                return name_worst(court, view, ground.root.secret, verdict, "")
    return None


def find_uneven(court: Court, seat: Seat, dims: Dims) -> Block | None:
    """Return under which secret the chance to fill a level differs, or None: rule 1 of the module."""
    for filling in seat.fillings:
        odd = filling.find_odd(dims)
        if odd is not None:
            return Block("", "uneven", court.ground.sets[odd].secret.id, filling.view.pool.name)
    return None


def name_worst(
    court: Court,
    view: View,
    secret: np.ndarray[tuple[int], np.dtype[np.int64]],
    verdict: Verdict,
    dimension: str,
) -> Block:
    """Return the output that exceeds a budget by most."""
    over = np.where(verdict.total > 0.0, verdict.worth - view.limits[secret], -1.0)
    number = int(np.argmax(over))
    name = court.ground.sets[int(secret[number])].secret.id
    return Block(dimension, "budget", name, view.pool.name, float(verdict.worth[number]))


def _is_within(level: Level, finest: Level) -> bool:
    return (
        level.span <= finest.span
        and level.delay >= finest.delay
        and level.depth <= finest.depth
        and level.height <= finest.height
    )


def _expect(court: Court, seat: Seat, dims: Dims, cap: int, steps: list[float]) -> _Expected | None:
    """Return what place is worth in expectation, and the worst output; None if something is out of budget."""
    if find_over(court, seat, dims) is not None:
        return None
    ground = court.ground
    layers = ground.layers
    bits = 0.0
    worst = np.zeros((len(seat.views), len(ground.sets)))
    whole = np.maximum(court.judge(seat.own, ground.root, dims, "").total, 1e-300)
    for word in ground.terms.words if dims.depth else ("",):
        is_reached = np.ones(1, np.bool_)
        for number, layer in enumerate(layers):
            verdicts = [court.judge_with_less(view, layer.entries, dims, word) for view in seat.views]
            is_split = _find_split(court, seat, dims, word, layers, number, cap)
            is_leaf = is_reached & ~is_split
            entries = layer.entries
            at_leaf = is_leaf[entries.node]
            # Inside every circle all finer cells say the same, so they come out as fine as they may.
            deepest = np.where(layer.is_cut | (entries.step >= cap), entries.step, cap)
            worth = np.array(steps)[np.minimum(deepest, cap)][entries.node]
            mine = court.judge(seat.own, entries, dims, word)
            bits += float((mine.total / whole[entries.secret] * worth)[at_leaf].sum()) / len(ground.sets)
            is_unseen = is_leaf & (entries.step < cap)
            is_unseen &= np.where(layer.is_cut, not layer.is_open, ground.has_uneven_parts)
            for place, (view, verdict) in enumerate(zip(seat.views, verdicts, strict=True)):
                # What lies below and was not looked at may be as bad as the budget, never worse.
                seen = np.where(
                    is_unseen[entries.node],
                    np.maximum(verdict.worth, view.limits[entries.secret]),
                    verdict.worth,
                )
                seen = np.where(at_leaf & (verdict.total > 0.0), seen, 0.0)
                np.maximum.at(worst[place], entries.secret, seen)
            if not layer.is_open or not is_split.any():
                break
            is_reached = is_split[layers[number + 1].parent]
    return _Expected(bits, tuple(tuple(row) for row in worst.tolist()))


def _find_split(
    court: Court, seat: Seat, dims: Dims, word: str, layers: tuple[Layer, ...], number: int, cap: int
) -> Flags:
    """Return which cells of a layer are split: every part is within budget for every pool."""
    layer = layers[number]
    is_split = np.zeros(len(layer.is_cut), np.bool_)
    if not layer.is_open or layer.entries.step >= cap:
        return is_split
    below = layers[number + 1]
    is_split |= layer.is_cut
    for view in seat.views:
        is_fit = court.judge_with_less(view, below.entries, dims, word).is_fit
        is_split[below.parent[~is_fit]] = False
    return is_split


def _explain(
    court: Court, seat: Seat, level: Level, finest: Level, allows: Callable[[Level], bool] | None
) -> tuple[Block, ...]:
    """Return, for each dimension but place, what stands against one step more."""
    ladder = court.ground.ladder
    deeper = [depth for depth in ladder.depths if depth > level.depth]
    steps = (
        ("span", level._replace(span=level.span + 1) if level.span < len(ladder.spans_s) else None),
        ("delay", level._replace(delay=level.delay - 1) if level.delay else None),
        ("depth", level._replace(depth=deeper[0]) if deeper else None),
        ("height", level._replace(height=level.height + 1) if level.height < len(ladder.heights_m) else None),
    )
    blocks = []
    for dimension, finer in steps:
        if finer is None:
            blocks.append(Block(dimension, "finest"))
        else:
            found = _find_block(court, seat, finer, finest, allows)
            blocks.append((found or Block("", "useful"))._replace(dimension=dimension))
    return tuple(blocks)


def _find_block(
    court: Court, seat: Seat, level: Level, finest: Level, allows: Callable[[Level], bool] | None
) -> Block | None:
    if not _is_within(level, finest) or (allows is not None and not allows(level)):
        return Block("", "not-allowed")
    dims = Dims.at(court.ground.ladder, level)
    return find_uneven(court, seat, dims) or find_over(court, seat, dims)


def _explain_none(
    court: Court, seat: Seat, finest: Level, allows: Callable[[Level], bool] | None
) -> tuple[Block, ...]:
    """Return what stands against the coarsest level there is."""
    found = _find_block(court, seat, court.ground.ladder.coarsest, finest, allows)
    if found is None:
        # The coarsest is neither out of budget nor uneven, so the desk's rules stand against the rest.
        found = Block("", "not-allowed")
    return (found,)
