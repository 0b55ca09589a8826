"""Whether every output stays within budget: what the best guess would be worth after each, for each pool.

What it is for: the inner step of every decision. For the cells of some `Entries`, at the other dimensions of
a level, it answers for a *view* (one pool, all secrets of the source): is the output possible, and is what
the best guess would then be worth within the budget of each secret?

Invariants:
  * What is judged is the belief after the output, exactly as `pools.charge` would make it: the likelihood of
    the meet with what the pool has of the item, in place of the likelihood of what it has.
  * Nothing of a report enters: cells, steps and words only.
  * An output that only very unlikely hypotheses explain is judged like every other: chances are held above
    1e-250 of the likeliest, so that none is lost to underflow.

It does not choose.

    >>> court.judge(view, ground.children(WORLD), Dims(span_us=0, delay_us=0, depth=0, thick_cm=0), "").is_fit
    array([ True,  True, False])
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from entente.release.exposure.disc import Flags, Floats, Ints
from entente.release.exposure.ground import Entries, Ground
from entente.release.exposure.pools import Pool
from entente.release.exposure.terms import find_group_starts
from entente.release.variant.ladder import Ladder, Level
from entente.release.variant.shape import Shape

TOLERANCE: Final = 1e-9
"""What rounding may add to the worth of a guess: a budget of 1/4 permits four equal sites."""
LEAST: Final = 1e-250
_KEPT: Final = 4096


class Dims(NamedTuple):
    """Everything of a level but place. 0: no time shown, no words of the path, no height."""

    span_us: int
    delay_us: int
    depth: int
    thick_cm: int

    @classmethod
    def of(cls, shape: Shape) -> Dims:
        """Return those of a shape."""
        thick_cm = shape.height_cm[1] - shape.height_cm[0] if shape.height_cm else 0
        return cls(shape.span_us, shape.delay_us, len(shape.path), thick_cm)

    @classmethod
    def at(cls, ladder: Ladder, level: Level) -> Dims:
        """Return those of a level."""
        thick_cm = ladder.heights_m[level.height - 1] * 100 if level.height else 0
        return cls(ladder.span_us(level.span), ladder.delay_us(level.delay), level.depth, thick_cm)

    def met(self, other: Dims | None) -> Dims:
        """Return what shapes of both dimensions say together, as `meet` does."""
        if other is None:
            return self
        return Dims(
            min(self.span_us, other.span_us) or max(self.span_us, other.span_us),
            min(self.delay_us, other.delay_us),
            max(self.depth, other.depth),
            min(self.thick_cm, other.thick_cm) or max(self.thick_cm, other.thick_cm),
        )


@dataclass(frozen=True, eq=False)
class View:
    """What one pool holds of all secrets of a source.

    Args:
        chances: Of all hypotheses, secret by secret, without this item.
        is_possible: Which of them nothing has ruled out, this item included.
        limits: Of each secret.
        known: What the pool has of this item.
    """

    pool: Pool
    chances: Floats
    is_possible: Flags
    limits: Floats
    known: Shape | None

    @property
    def known_dims(self) -> Dims | None:
        """The dimensions of what the pool has of the item."""
        return Dims.of(self.known) if self.known is not None else None


class Verdict(NamedTuple):
    """Of the cells of some entries, for one view.

    ``is_fit``: within budget, or impossible, per cell. ``total`` and ``worth``: chance of the output by the
    pool's own reckoning (not scaled), and what the best guess is worth after it, per segment (cell, secret).
    """

    is_fit: Flags
    total: Floats
    worth: Floats


@dataclass(frozen=True, eq=False)
class Court:
    """Judges cells for views; remembers what it was asked."""

    ground: Ground
    views: tuple[View, ...]
    _verdicts: dict[tuple[int, int, bytes], Verdict] = field(default_factory=dict)
    _guesses: dict[int, _Guesses] = field(default_factory=dict)
    _less: dict[Dims, tuple[Dims, ...]] = field(default_factory=dict)
    _held: dict[int, object] = field(default_factory=dict)
    """What identities stand for above: held, so that no other object gets them."""

    def factor(self, view: View, dims: Dims, word: str) -> Floats | None:
        """Return each observer's factor of everything but place; None if the pool knows better."""
        known_word = view.known.path[0] if view.known and view.known.path else ""
        if known_word and word and word != known_word:
            return None
        met = dims.met(view.known_dims)
        return self.ground.terms.factor(
            span_us=met.span_us,
            delay_us=met.delay_us,
            depth=met.depth,
            word=known_word or word,
            thick_cm=met.thick_cm,
        )

    def judge(self, view: View, entries: Entries, dims: Dims, word: str) -> Verdict:
        """Return the verdict on every cell, at these dimensions; ``word`` is "" where no path is shown."""
        factor = self.factor(view, dims, word)
        if factor is None or not len(entries.value):
            return _impossible(entries)
        # What differs by a scale only says the same.
        top = factor.max()
        key = (id(view), id(entries), (factor / top if top else factor).tobytes())
        found = self._verdicts.get(key)
        if found is None:
            if len(self._verdicts) >= _KEPT:
                self._verdicts.clear()
            self._held.update({id(entries): entries, id(view): view})
            if view.known is None:
                alike = [each for each in self.views if each.known is None]
                if view not in alike:
                    alike = [view]
                for each, verdict in zip(alike, self._weigh(alike, entries, factor), strict=True):
                    self._verdicts[id(each), key[1], key[2]] = verdict
            else:
                self._verdicts[key] = self._weigh_known(view, view.known, entries, factor)
            found = self._verdicts[key]
        return found

    def judge_with_less(self, view: View, entries: Entries, dims: Dims, word: str) -> Verdict:
        """Return the verdict on every cell for a report that fills a level, and for every one that has less.

        A shorter path and an unknown height are outputs too. ``total`` and ``worth`` are the greatest.
        """
        verdicts = [self.judge(view, entries, less, word) for less in self.less(dims)]
        if len(verdicts) == 1:
            return verdicts[0]
        total = np.stack([verdict.total for verdict in verdicts])
        worth = np.where(total > 0.0, np.stack([verdict.worth for verdict in verdicts]), 0.0)
        is_fit = np.logical_and.reduce([verdict.is_fit for verdict in verdicts])
        return Verdict(np.asarray(is_fit), total.max(axis=0), worth.max(axis=0))

    def less(self, dims: Dims) -> tuple[Dims, ...]:
        """Return the dimensions that a report may come out with at a level, each that says something else."""
        found = self._less.get(dims)
        if found is None:
            terms = self.ground.terms
            depths: dict[bytes, int] = {}
            for depth in range(dims.depth, 0, -1):
                depths.setdefault(terms.depth(depth, "").tobytes(), depth)
            fit = terms.thickness(dims.thick_cm)
            bands = [dims.thick_cm]
            if dims.thick_cm and not (len(fit) and fit.min() == fit.max() > 0.0):
                bands.append(0)
            found = self._less[dims] = tuple(
                dims._replace(depth=depth, thick_cm=band)
                for depth in depths.values() or (0,)
                for band in bands
            )
        return found

    def _weigh(self, views: list[View], entries: Entries, factor: Floats) -> list[Verdict]:
        """Judge for several views at once: the likelihoods are the same."""
        likelihoods = entries.likelihoods(factor)
        chances = np.stack([view.chances for view in views])
        joint = likelihoods * chances[:, entries.hypothesis]
        total = np.add.reduceat(joint, entries.segment_starts, axis=1)
        best = self._best(joint, entries)
        limits = np.stack([view.limits for view in views])[:, entries.secret]
        is_over = ~(best <= total * (limits + TOLERANCE))  # also where either is no number
        node_starts = find_group_starts(entries.node)
        is_fit = np.ones((len(views), len(entries.rows)), np.bool_)
        is_fit[:, entries.node[node_starts]] = ~np.logical_or.reduceat(is_over, node_starts, axis=1)
        worth = np.divide(best, total, out=np.zeros_like(best), where=total > 0.0)
        return [Verdict(*each) for each in zip(is_fit, total, worth, strict=True)]

    def _weigh_known(self, view: View, known: Shape, entries: Entries, factor: Floats) -> Verdict:
        """Judge where the pool has something of the item: by the meet, which is the finer of nested cells."""
        (verdict,) = self._weigh([view], entries, factor)
        cell = known.cell
        if cell is None:
            return verdict
        ladder = self.ground.ladder
        if entries.step > cell.step:
            ratio = ladder.rows(entries.step) // ladder.rows(cell.step)
            is_met = (entries.rows // ratio == cell.row) & (entries.columns // ratio == cell.column)
            is_fit = verdict.is_fit | ~is_met
            return Verdict(is_fit, np.where(is_met[entries.node], verdict.total, 0.0), verdict.worth)
        over = ladder.ancestor(cell, entries.step)
        is_met = (entries.rows == over.row) & (entries.columns == over.column)
        # The pool knows the cell: every cell that holds it says that much and no more.
        row = self.ground.terms.row(cell, factor) * view.chances
        total, best = self.ground.reduce_row(row), self.best_of_row(row)
        is_over = not bool((best <= total * (view.limits + TOLERANCE)).all())
        worth = np.divide(best, total, out=np.zeros_like(best), where=total > 0.0)
        return Verdict(
            ~(is_met & is_over),
            np.where(is_met[entries.node], total[entries.secret], 0.0),
            worth[entries.secret],
        )

    def best_of_row(self, row: Floats) -> Floats:
        """Return what the best guess is worth, not scaled, for each secret, of a whole row."""
        bounds = self.ground.bounds
        return np.array(
            [
                each.gain.worth(row[first:end])
                for each, first, end in zip(self.ground.sets, bounds[:-1], bounds[1:], strict=True)
            ]
        )

    def _best(self, joint: Floats, entries: Entries) -> Floats:
        """Return, per view and segment, what the best guess is worth, not scaled."""
        if self.ground.is_exact:
            return np.asarray(np.maximum.reduceat(joint, entries.segment_starts, axis=1))
        guesses = self._guesses.get(id(entries))
        if guesses is None:
            guesses = self._guesses[id(entries)] = _find_guesses(self.ground, entries)
            self._held[id(entries)] = entries
        sums = np.add.reduceat(joint[:, guesses.group] * guesses.value, guesses.starts, axis=1)
        best = np.asarray(np.maximum.reduceat(sums, guesses.segment_starts, axis=1))
        for segment, first, end, tries in guesses.tries:
            part = np.sort(joint[:, first:end], axis=1)
            best[:, segment] = part[:, -tries:].sum(axis=1)
        return best


class _Guesses(NamedTuple):
    """Groups spread over the guesses that they are worth something to, as runs of (segment, guess)."""

    group: Ints
    value: Floats
    starts: Ints
    segment_starts: Ints
    tries: list[tuple[int, int, int, int]]


def _find_guesses(ground: Ground, entries: Entries) -> _Guesses:
    starts, guess, value = ground.guesses
    counts = (starts[1:] - starts[:-1])[entries.hypothesis]
    group = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    triple = starts[:-1][entries.hypothesis][group] + within
    segment = np.searchsorted(entries.segment_starts, group, side="right") - 1
    order = np.lexsort((guess[triple], segment))
    key = segment[order] * (int(guess.max()) + 1) + guess[triple][order]
    run_starts = find_group_starts(key)
    ends = np.append(entries.segment_starts[1:], len(entries.hypothesis))
    tries = [
        (number, int(entries.segment_starts[number]), int(ends[number]), ground.sets[secret].gain.tries)
        for number, secret in enumerate(entries.secret.tolist())
        if ground.sets[secret].gain.tries > 1
    ]
    return _Guesses(
        group[order], value[triple][order], run_starts, find_group_starts(segment[order][run_starts]), tries
    )


def _impossible(entries: Entries) -> Verdict:
    count = len(entries.segment_starts)
    return Verdict(np.ones(len(entries.rows), np.bool_), np.zeros(count), np.zeros(count))
