"""How near two objects come: of all their volumes that meet, the pair that is told of.

Invariants:
  * The meeting that begins first is told; of those that begin together, the nearest of the first `MEASURED`,
    in the order of the volumes' places, first object first. So it is the same whichever came last.
  * Measuring an outline is dear, and one entry can meet thousands of objects. Of those that are open to all
    the first `MEASURED_PAIRS` of an entry are measured, and as many of the others; of the rest it is said
    that they were not measured. Once `MEASURED_IN_ALL` meetings were, one is of each further pair. That they
    conflict, when and at which heights is told of every one.
  * A volume is parsed when it is asked for, and once: for its time and heights it never is.

It does not find what meets: see `entente.deconflict.conflicts`.

    >>> measuring.tell(found, ours, theirs, Separation(5000.0), is_open=True).closest.gap_cm
    254871
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from entente.deconflict.conflict_row import Closeness
from entente.deconflict.zone_judgement import ZoneFinding
from entente.deconflict.zone_needs import Asked
from entente.kernel.time import encode_utc, parse_utc
from entente.space import (
    Overlap,
    Separation,
    Volume,
    VolumeWire,
    Window,
    encode_position,
    find_conflict,
    parse_volume,
)

MEASURED: Final = 20
"""How many meetings of two objects that begin at the same moment are measured: 50 volumes meet 50 others in
2,500 places, which would be seconds."""
MEASURED_PAIRS: Final = 100
"""How many pairs of objects one entry has measured: some 40 ms where each meets once."""
MEASURED_IN_ALL: Final = 300
"""How many meetings of them, besides the first of each: some 0.15 s together."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class VolumeList:
    """An object's volumes, each parsed when it is asked for.

    Args:
        volumes: The same ones, where they were parsed already.
    """

    def __init__(self, wires: Sequence[VolumeWire], volumes: Sequence[Volume] = ()) -> None:
        self.wires = wires
        self._volumes = dict(enumerate(volumes))
        self._windows = {place: volume.window for place, volume in self._volumes.items()}

    def get_window(self, place: int) -> Window:
        """Return a volume's window."""
        if place not in self._windows:
            wire = self.wires[place]
            self._windows[place] = Window(parse_utc(wire.start), parse_utc(wire.end))
        return self._windows[place]

    def get_volume(self, place: int) -> Volume:
        """Return a volume."""
        if place not in self._volumes:
            self._volumes[place] = parse_volume(self.wires[place], path=f"$.body.volumes[{place}]")
        return self._volumes[place]


class Met(msgspec.Struct, frozen=True):
    """Two volumes that meet, by their places in the two objects, in the order of the objects' names.

    ``start_utc`` is when their windows begin to overlap; None where these miss each other.
    """

    one: int
    two: int
    start_utc: datetime | None
    asked: Asked | None = None
    finding: ZoneFinding | None = None


class Told(NamedTuple):
    """The meeting that is told of, and how near it is."""

    met: Met
    closest: Closeness


class Measuring:
    """What one entry may still have measured."""

    def __init__(self) -> None:
        self._left = {True: MEASURED_PAIRS, False: MEASURED_PAIRS}
        self._meetings_left = {True: MEASURED_IN_ALL, False: MEASURED_IN_ALL}

    def tell(
        self, found: Sequence[Met], ours: VolumeList, theirs: VolumeList, agreed: Separation, *, is_open: bool
    ) -> Told:
        """Return the meeting that begins first, of those that begin together the nearest, and how near."""
        ordered = sorted(found, key=_rank)
        first = ordered[0]
        # What others cannot read must not decide which of the rest is measured: all views tell of it alike.
        self._left[is_open] -= 1
        if self._left[is_open] < 0:
            return Told(first, tell_bounds(first, ours, theirs))
        measured = []
        most = max(1, min(MEASURED, self._meetings_left[is_open]))
        for met in ordered[:most]:
            if met.start_utc != first.start_utc:
                break
            overlap = find_conflict(ours.get_volume(met.one), theirs.get_volume(met.two), agreed)
            if overlap is None:
                raise AssertionError(f"volumes {met.one} and {met.two}: expected some that meet")
            measured.append((math.floor(overlap.gap_m * 100), met.one, met.two, met, overlap))
        self._meetings_left[is_open] -= len(measured)
        _, _, _, met, overlap = min(measured, key=lambda one: one[:3])
        return Told(met, _tell_overlap(tell_bounds(met, ours, theirs), overlap))


def find_start(one: Window, other: Window) -> datetime | None:
    """Return when two windows begin to overlap, or None where they miss each other."""
    start_utc = max(one.start_utc, other.start_utc)
    return start_utc if start_utc < min(one.end_utc, other.end_utc) else None


def find_first(found: Sequence[Met]) -> Met | None:
    """Return the meeting that begins first, of those that begin together the first by place; None of none."""
    return min(found, key=_rank, default=None)


def _rank(met: Met) -> tuple[bool, datetime, int, int]:
    return met.start_utc is None, met.start_utc or _NEVER, met.one, met.two


def tell_bounds(met: Met, ours: VolumeList, theirs: VolumeList) -> Closeness:
    """Return when and at which heights two volumes meet, by the whole numbers of the wire."""
    one, other = ours.wires[met.one], theirs.wires[met.two]
    mine, others = ours.get_window(met.one), theirs.get_window(met.two)
    start_utc, end_utc = max(mine.start_utc, others.start_utc), min(mine.end_utc, others.end_utc)
    floor_cm = max((cm for cm in (one.floor_cm, other.floor_cm) if cm is not None), default=None)
    ceiling_cm = min((cm for cm in (one.ceiling_cm, other.ceiling_cm) if cm is not None), default=None)
    apart_cm = 0 if floor_cm is None or ceiling_cm is None else max(0, floor_cm - ceiling_cm)
    has_window = start_utc < end_utc
    return Closeness(
        start=encode_utc(start_utc) if has_window else "",
        end=encode_utc(end_utc) if has_window else "",
        time_gap_s=0 if has_window else math.floor((start_utc - end_utc).total_seconds()),
        has_band=apart_cm == 0,
        floor_cm=None if apart_cm else floor_cm,
        ceiling_cm=None if apart_cm else ceiling_cm,
        vertical_gap_cm=apart_cm,
        gap_cm=None,
        lat_e7=None,
        lon_e7=None,
    )


def _tell_overlap(bounds: Closeness, overlap: Overlap) -> Closeness:
    lat_e7, lon_e7 = encode_position(*overlap.place)
    return msgspec.structs.replace(
        bounds, gap_cm=math.floor(overlap.gap_m * 100), lat_e7=lat_e7, lon_e7=lon_e7
    )
