"""The grid under the terms of all secrets of a source: which hypotheses reach each cell, and how much.

What it is for: to judge thousands of cells for many pools in a few array operations. Most cells meet few
circles, so likelihoods are kept as *entries* (cell, hypothesis, observer, value), sorted, and summed in runs.

  * `children`: all cells one step below a cell: what is judged before that cell is split.
  * `layers`: the tree of cells from the whole world down, as far as it is worth while: a cell is opened if
    the edge of a circle passes through it. It is for expectations only; no decision about a cell rests on it.

Invariants: what cannot happen under any hypothesis has no entry; what can, has one (see `disc`). A function
of the catalogue and the ladder alone; made once and kept.

It knows no beliefs and no budgets.

    >>> ground.children(WORLD).rows
    array([8, 8, 9])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from entente.release.exposure.disc import Flags, Floats, Ints, find_shares
from entente.release.exposure.hypotheses import HypothesisSet
from entente.release.exposure.terms import Pairs, Terms, find_group_starts, join_terms, sphere_shares
from entente.release.variant.ladder import Cell, Ladder

MAX_PAIRS: Final = 400_000
"""Pairs of cell and circle that one layer may ask about."""
MAX_ENTRIES: Final = 60_000
"""Entries of one layer."""
_KEPT_CHILDREN: Final = 512


@dataclass(frozen=True, eq=False)
class Entries:
    """Likelihoods of some cells of one step, as runs; see the module.

    Args:
        step, rows, columns: The cells.
        value, observer: Of each entry: share times place and precision; whose other factors multiply it.
        group_starts, hypothesis: Runs of entries of one cell and hypothesis.
        segment_starts, node, secret: Runs of groups of one cell and secret.
    """

    step: int
    rows: Ints
    columns: Ints
    value: Floats
    observer: Ints
    group_starts: Ints
    hypothesis: Ints
    segment_starts: Ints
    node: Ints
    secret: Ints

    def likelihoods(self, factor: Floats) -> Floats:
        """Return P(cell, and what ``factor`` stands for | hypothesis) of each group."""
        if not len(self.value):
            return np.zeros(0)
        return np.add.reduceat(self.value * factor[self.observer], self.group_starts)

    def find_node(self, cell: Cell) -> int | None:
        """Return the number of a cell, or None if nothing reaches it."""
        found = np.flatnonzero((self.rows == cell.row) & (self.columns == cell.column))
        return int(found[0]) if len(found) else None


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Entries of one step, and how its cells hang in the tree.

    Args:
        parent: Of each cell, its number in the layer before.
        is_cut: Of each cell, whether the edge of a circle passes through it.
        is_open: Whether the cells that are cut have their children in the next layer.
    """

    entries: Entries
    parent: Ints
    is_cut: Flags
    is_open: bool


@dataclass(frozen=True, eq=False)
class Ground:
    """See the module. ``sets``: one for each secret, in order."""

    sets: tuple[HypothesisSet, ...]
    terms: Terms
    secret_of: Ints
    """Of each hypothesis, the number of its secret."""
    _children: dict[Cell, Entries] = field(default_factory=dict)

    @property
    def ladder(self) -> Ladder:
        """The ladder that all sets were made for."""
        return self.terms.ladder

    @cached_property
    def bounds(self) -> Ints:
        """Where the hypotheses of each secret begin, and one more."""
        return np.concatenate([[0], np.cumsum([each.terms.count for each in self.sets])]).astype(np.int64)

    @cached_property
    def has_uneven_parts(self) -> bool:
        """Whether the parts of a cell that no circle's edge cuts may say different things."""
        return bool(len(self.terms.everywhere)) or not self.terms.is_own.all()

    @cached_property
    def is_exact(self) -> bool:
        """Whether every secret is judged by naming the right hypothesis."""
        return all(each.gain.is_exact for each in self.sets)

    @cached_property
    def guesses(self) -> tuple[Ints, Ints, Floats]:
        """The gains of all secrets as triples by hypothesis: starts and one more, guess, value."""
        gains = [each.gain for each in self.sets]
        lengths = np.cumsum([0, *(len(gain.guess) for gain in gains)])
        starts = [gain.starts[:-1] + offset for gain, offset in zip(gains, lengths[:-1], strict=True)]
        return (
            np.concatenate([*starts, lengths[-1:]]).astype(np.int64),
            np.concatenate([gain.guess for gain in gains]),
            np.concatenate([gain.value for gain in gains]),
        )

    def reduce_row(self, row: Floats) -> Floats:
        """Return the sum over the hypotheses of each secret."""
        return np.bincount(self.secret_of, row, len(self.sets)).astype(np.float64)

    @cached_property
    def root(self) -> Entries:
        """The whole world, as one cell."""
        count = len(self.terms.discs)
        pairs = Pairs(np.zeros(count, np.int64), np.arange(count), np.ones(count), np.zeros(count, np.bool_))
        return self._collect(0, np.zeros(1, np.int64), np.zeros(1, np.int64), pairs)

    def children(self, cell: Cell) -> Entries:
        """Return the cells one step below ``cell`` that something can reach."""
        found = self._children.get(cell)
        if found is None:
            if len(self._children) >= _KEPT_CHILDREN:
                self._children.clear()
            found = self._children[cell] = self._find_children(cell)
        return found

    def _find_children(self, cell: Cell) -> Entries:
        discs = np.arange(len(self.terms.discs))
        if cell.step and len(discs):
            bounds = self.ladder.bounds_arcsec(cell)
            share, _ = find_shares(self.terms.discs, discs, *(np.full(len(discs), one) for one in bounds))
            discs = discs[share > 0.0]
        pairs = Pairs(
            np.zeros(len(discs), np.int64), discs, np.zeros(len(discs)), np.zeros(len(discs), np.bool_)
        )
        return self._open(cell.step, np.array([cell.row]), np.array([cell.column]), pairs)[0]

    def _open(self, step: int, rows: Ints, columns: Ints, pairs: Pairs) -> tuple[Entries, Ints, Pairs]:
        """Return the children of cells, the number of each one's parent, and the children's pairs."""
        ladder = self.ladder
        high, wide = (
            ladder.rows(step + 1) // ladder.rows(step),
            ladder.columns(step + 1) // ladder.columns(step),
        )
        down, along = (part.ravel() for part in np.divmod(np.arange(high * wide), wide))
        child_rows = (rows[:, None] * high + down[None, :]).ravel()
        child_columns = (columns[:, None] * wide + along[None, :]).ravel()
        cell = (pairs.cell[:, None] * (high * wide) + np.arange(high * wide)[None, :]).ravel()
        disc = np.repeat(pairs.disc, high * wide)
        share, is_whole = find_shares(
            self.terms.discs, disc, *self._bounds(step + 1, child_rows[cell], child_columns[cell])
        )
        kept = np.flatnonzero(share > 0.0)
        cell, disc, share, is_whole = cell[kept], disc[kept], share[kept], is_whole[kept]
        # Where something covers everything, every child is reached; else only those that a circle meets.
        is_reached = np.zeros(len(child_rows), np.bool_)
        is_reached[cell] = True
        if len(self.terms.everywhere):
            is_reached[:] = True
        number = np.cumsum(is_reached) - 1
        nodes = np.flatnonzero(is_reached)
        child_pairs = Pairs(number[cell], disc, share, is_whole)
        entries = self._collect(step + 1, child_rows[nodes], child_columns[nodes], child_pairs)
        return entries, nodes // (high * wide), child_pairs

    def _bounds(self, step: int, rows: Ints, columns: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Return what `Ladder.bounds_arcsec` does, for many cells."""
        if not step:
            edge = np.full(len(rows), 648_000)
            return -edge // 2, -edge, edge // 2, edge
        size = self.ladder.size_arcsec(step)
        south, west = rows * size - 324_000, columns * size - 648_000
        return south, west, south + size, west + size

    def _collect(self, step: int, rows: Ints, columns: Ints, pairs: Pairs) -> Entries:
        """Turn pairs of cell and circle into entries, with what covers everything."""
        terms = self.terms
        first = terms.disc_starts[pairs.disc]
        counts = terms.disc_starts[pairs.disc + 1] - first
        pair = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
        term = terms.by_disc[first[pair] + within]
        node, share = pairs.cell[pair], pairs.share[pair]
        if len(terms.everywhere):
            all_nodes = np.arange(len(rows))
            whole = sphere_shares(*self._bounds(step, rows, columns))
            node = np.concatenate([node, np.repeat(all_nodes, len(terms.everywhere))])
            term = np.concatenate([term, np.tile(terms.everywhere, len(rows))])
            share = np.concatenate([share, np.repeat(whole, len(terms.everywhere))])
        key = node * terms.count + terms.hypothesis[term]
        order = np.argsort(key, kind="stable")
        key, term, share = key[order], term[order], share[order]
        observer = terms.observer[term]
        group_starts = find_group_starts(key)
        group_node, hypothesis = np.divmod(key[group_starts], terms.count)
        secret = self.secret_of[hypothesis]
        segment_starts = find_group_starts(group_node * len(self.sets) + secret)
        return Entries(
            step,
            rows,
            columns,
            share * terms.weight[term] * terms.precision(step)[observer],
            observer,
            group_starts,
            hypothesis,
            segment_starts,
            group_node[segment_starts],
            secret[segment_starts],
        )

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Return the tree from the whole world down, as far as it is worth while."""
        count = len(self.terms.discs)
        pairs = Pairs(np.zeros(count, np.int64), np.arange(count), np.ones(count), np.zeros(count, np.bool_))
        entries, parent = self.root, np.zeros(1, np.int64)
        layers: list[Layer] = []
        while True:
            is_cut = np.bincount(pairs.cell[~pairs.is_whole], minlength=len(entries.rows)) > 0
            if not entries.step:
                is_cut[:] = True  # also where no circle is: the world is never one cell
            is_open = self._is_worth(entries.step, is_cut, pairs)
            layers.append(Layer(entries, parent, is_cut, is_open))
            if not is_open:
                return tuple(layers)
            opened = np.flatnonzero(is_cut)
            inside = np.flatnonzero(is_cut[pairs.cell])
            number = np.cumsum(is_cut) - 1
            cut = Pairs(
                number[pairs.cell[inside]], pairs.disc[inside], pairs.share[inside], pairs.is_whole[inside]
            )
            entries, of, pairs = self._open(entries.step, entries.rows[opened], entries.columns[opened], cut)
            parent = opened[of]

    def _is_worth(self, step: int, is_cut: Flags, pairs: Pairs) -> bool:
        ladder = self.ladder
        if step == len(ladder.places_arcsec) or not is_cut.any():
            return False
        each = (ladder.rows(step + 1) // ladder.rows(step)) * (
            ladder.columns(step + 1) // ladder.columns(step)
        )
        asked = int(is_cut[pairs.cell].sum()) * each
        everywhere = int(is_cut.sum()) * each * len(self.terms.everywhere)
        return asked <= MAX_PAIRS and everywhere <= MAX_ENTRIES


@lru_cache(maxsize=64)
def join_ground(sets: tuple[HypothesisSet, ...]) -> Ground:
    """Return the ground of several secrets together; kept for the sets that were asked for last."""
    if len({each.terms.ladder for each in sets}) != 1:
        raise ValueError("hypotheses: expected all of one ladder")
    counts: Sequence[int] = [each.terms.count for each in sets]
    secret_of = np.repeat(np.arange(len(sets)), counts)
    return Ground(sets, join_terms(tuple(each.terms for each in sets)), secret_of)
