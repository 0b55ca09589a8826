"""What a screening found: pairs by their ids, in their order, with what can cheaply be said of each.

What it is for: one answer for a person, a program and a map.

Invariants:
  * Of one set, a pair names the lower id first; of two, the first set's. Pairs stand in the order of ids:
    numbers by size, text by code points. So the same volumes give the same answer, however their rows stood.
  * What is too dear to say of every pair (the gap on the ground) is null beyond a stated number of pairs.

It does not write files.

    >>> found.to_arrow().column_names
    ['first', 'second', 'rule', 'start', 'end', 'time_gap_s', 'vertical_gap_m', 'gap_m', 'nearest_at']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa

from entente.kernel.time import encode_utc, from_unix_s
from entente.screening.arrays import make_column, make_texts, make_times
from entente.screening.question import LOW, Floats, Found, Ints, Question
from entente.screening.sets import VolumeSet, rank_ids
from entente.space import Overlap, Separation, find_conflict
from entente.space.bulk import UNBOUNDED_CM

GAPS: Final = 1_000
"""Pairs whose gap on the ground is measured: a tenth of a millisecond each, and more for large outlines."""


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """Pairs in conflict.

    Args:
        first, second: Numbers of objects in ``first_set`` and ``second_set``.
        rule: What was compared: ``volumes``, ``sites``, ``tracks``, ``tracks and volumes``.
        separation: What they were to keep.
        first_us, nearest_us, nearest_m, height_m: Of pairs with tracks: see `Found`; else empty.
        question: What was asked, for explanations.
    """

    first: Ints
    second: Ints
    first_set: VolumeSet
    second_set: VolumeSet
    rule: str
    separation: Separation
    first_us: Ints
    nearest_us: Ints
    nearest_m: Floats
    height_m: Floats
    question: Question

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.first)

    @classmethod
    def of(
        cls, found: Found, first: VolumeSet, second: VolumeSet | None, question: Question, *, is_sites: bool
    ) -> Self:
        """Return what was found, in the order of ids."""
        one, two = found.pairs >> 32, found.pairs & LOW
        if second is None:
            other, rank_one, rank_two = first, *_rank_both(first, one, two)
            is_turned = rank_one > rank_two
            one, two = np.where(is_turned, two, one), np.where(is_turned, one, two)
            rank_one, rank_two = np.minimum(rank_one, rank_two), np.maximum(rank_one, rank_two)
        else:
            other = second
            two = two - len(first)
            rank_one, rank_two = _rank_some(first, one), _rank_some(second, two)
        order = np.lexsort((rank_two, rank_one))
        timed = order if len(found.first_us) else order[:0]
        owned = [one_set.owner_of is not None for one_set in (first, other)]
        rule = "tracks" if all(owned) else "tracks and volumes" if any(owned) else "volumes"
        if is_sites:
            rule = "sites"
        return cls(
            one[order],
            two[order],
            first,
            other,
            rule,
            question.separation,
            found.first_us[timed],
            found.nearest_us[timed],
            found.nearest_m[timed],
            found.height_m[timed],
            question,
        )

    def names(self, place: int) -> tuple[str, str]:
        """Return both ids of a pair as text."""
        return self.first_set.name(int(self.first[place])), self.second_set.name(int(self.second[place]))

    def explain(self, place: int) -> Overlap | None:
        """Return where, when and by how much two volumes conflict; None for pairs with tracks."""
        if self.first_set.owner_of is not None or self.second_set.owner_of is not None:
            return None
        a, b = self._rows(place)
        table = self.question.table
        keep = self.separation
        if self.question.reach_cm is not None:
            own_m = int(self.question.reach_cm[a] + self.question.reach_cm[b]) / 100
            keep = Separation(keep.lateral_m + own_m, keep.vertical_m + own_m, keep.time_s)
        found = find_conflict(table.volume(a), table.volume(b), keep)
        if found is None:
            raise AssertionError(f"rows {a} and {b}: found by the search, and not by the rule")
        return found

    def describe(self, place: int) -> str:
        """Return one pair in words."""
        one, two = self.names(place)
        overlap = self.explain(place)
        if overlap is not None:
            when = (
                f"for {overlap.time_gap_s:g} s not at one time"
                if overlap.window is None
                else f"{_say(overlap.window.start_utc)} to {_say(overlap.window.end_utc)}"
            )
            height = f", {overlap.vertical_gap_m:g} m apart in height" if overlap.vertical_gap_m else ""
            ground = f", {overlap.gap_m:,.0f} m apart" if overlap.gap_m else ", one ground"
            lat, lon = overlap.place
            return f"{one} and {two}: {when}{ground}{height}, at {lat:.4f} {lon:.4f}"
        first = _say(_moment(int(self.first_us[place])))
        if self.question.legs is None:
            return f"{one} and {two}: from {first}"
        nearest = _say(_moment(int(self.nearest_us[place])))
        return (
            f"{one} and {two}: from {first}; nearest {self.nearest_m[place]:,.0f} m,"
            f" {self.height_m[place]:,.0f} m in height, at {nearest}"
        )

    def to_arrow(self, *, gaps: int = GAPS) -> Any:  # noqa: ANN401 - pyarrow
        """Return a `pyarrow.Table`, a row for each pair; see docs/screening.md.

        Args:
            gaps: If there are more pairs than this, ``gap_m`` of volumes is null.
        """
        columns: dict[str, Any] = {
            "first": self.first_set.ids.take(make_column(self.first)),
            "second": self.second_set.ids.take(make_column(self.second)),
            "rule": pa.DictionaryArray.from_arrays(
                make_column(np.zeros(len(self), dtype=np.int8)), make_texts([self.rule]).cast(pa.string())
            ),
        }
        moment = pa.timestamp("us", "UTC")
        none = np.ones(len(self), dtype=np.bool_)
        if self.question.object_of is None:
            a, b = self._all_rows()
            table = self.question.table
            start, end = (
                np.maximum(table.start_us[a], table.start_us[b]),
                np.minimum(table.end_us[a], table.end_us[b]),
            )
            floor = np.maximum(table.floor_cm[a], table.floor_cm[b])
            ceiling = np.minimum(table.ceiling_cm[a], table.ceiling_cm[b])
            is_bounded = (floor > -UNBOUNDED_CM) & (ceiling < UNBOUNDED_CM)
            between = np.where(is_bounded, floor - np.where(is_bounded, ceiling, floor), 0)
            is_apart = start >= end
            columns["start"] = make_times(start, is_apart)
            columns["end"] = make_times(end, is_apart)
            columns["time_gap_s"] = make_column(np.maximum(0, start - end) / 1e6)
            columns["vertical_gap_m"] = make_column(np.maximum(0, between) / 100)
            columns["gap_m"] = (
                self._measure_gaps() if len(self) <= gaps else pa.nulls(len(self), pa.float64())
            )
            columns["nearest_at"] = pa.nulls(len(self), moment)
            return pa.table(columns)
        is_timed = self.question.legs is not None
        columns["start"] = make_times(self.first_us)
        columns["end"] = pa.nulls(len(self), moment)
        columns["time_gap_s"] = pa.nulls(len(self), pa.float64())
        for name, numbers in (("vertical_gap_m", self.height_m), ("gap_m", self.nearest_m)):
            columns[name] = make_column(numbers, None if is_timed else none)
        columns["nearest_at"] = make_times(self.nearest_us, None if is_timed else none)
        return pa.table(columns)

    def _measure_gaps(self) -> Any:  # noqa: ANN401 - pyarrow
        found = [self.explain(place) for place in range(len(self))]
        missing = np.array([one is None for one in found], dtype=np.bool_)
        return make_column(np.array([0.0 if one is None else one.gap_m for one in found]), missing)

    def _rows(self, place: int) -> tuple[int, int]:
        split = self.question.split
        return int(self.first[place]), split + int(self.second[place])

    def _all_rows(self) -> tuple[Ints, Ints]:
        return self.first, self.second + self.question.split


def _moment(micros: int) -> datetime:
    return from_unix_s(0) + timedelta(microseconds=micros)


def _say(moment: datetime) -> str:
    return encode_utc(moment.replace(microsecond=0))


def _rank_some(made: VolumeSet, objects: Ints) -> Ints:
    """Return numbers that sort as the ids of objects do."""
    present, places = np.unique(objects, return_inverse=True)
    return rank_ids(made.ids.take(make_column(present)))[places]


def _rank_both(made: VolumeSet, one: Ints, two: Ints) -> tuple[Ints, Ints]:
    ranks = _rank_some(made, np.concatenate((one, two)))
    return ranks[: len(one)], ranks[len(one) :]
