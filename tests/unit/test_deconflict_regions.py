"""Regions in the record: a message with holes and parts, its conflicts, its limits."""

from __future__ import annotations

import msgspec
import pytest

from entente.deconflict import ConflictRow
from entente.kernel.canonical import encode_canonical
from entente.kernel.message import MAX_BODY_BYTES
from entente.space import PartWire, RegionWire, VolumeWire
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused

LoopE7 = tuple[tuple[int, int], ...]


def box(south: float, west: float, north: float, east: float) -> LoopE7:
    corners = ((south, west), (south, east), (north, east), (north, west))
    return tuple((round(lat * 1e7), round(lon * 1e7)) for lat, lon in corners)


def region(*parts: PartWire) -> VolumeWire:
    return msgspec.structs.replace(make_circle(), outline=RegionWire(parts))


# A ring round a hole of some 55 km, and a part 100 km to the east; 5 km must be kept.
RING = region(
    PartWire(box(35.0, 40.0, 36.5, 41.5), (box(35.5, 40.5, 36.0, 41.0),)),
    PartWire(box(35.0, 42.5, 35.2, 42.7), ()),
)


@pytest.mark.parametrize(
    ("lat", "lon", "radius_m", "conflicts"),
    (
        (35.75, 40.75, 15_000.0, False),  # in the hole, more than the separation from its edge
        (35.75, 40.75, 18_000.0, True),  # in the hole, too near its edge
        (35.2, 40.2, 10.0, True),  # in the ring
        (35.1, 42.6, 10.0, True),  # in the other part
        (35.5, 42.0, 1_000.0, False),  # between them
    ),
)
def test_a_hole_is_free_and_every_part_counts(
    lat: float, lon: float, radius_m: float, *, conflicts: bool
) -> None:
    record = RecordSimulator()
    record.notify("us", "alpha", RING)
    record.notify("ru", "bravo", make_circle(lat, lon, radius_m))
    assert bool(list(record.host.select(ConflictRow, state="open"))) is conflicts


def test_a_region_that_is_none_is_refused_with_its_place() -> None:
    record = RecordSimulator()
    outside = region(PartWire(box(35.0, 40.0, 36.0, 41.0), (box(37.0, 40.0, 37.5, 41.0),)))
    with refused("hole-misplaced"):
        record.notify("us", "alpha", outside)
    with refused("not-a-region"):
        record.notify("us", "bravo", region(PartWire(box(35.0, 40.0, 36.0, 41.0), ())))


def test_what_a_message_can_hold_is_as_the_format_says() -> None:
    """docs/formats/volume.md 3.10: 1550 vertices in their longest spelling, with a kilobyte for the rest."""
    loop = tuple((-352_800_000 + k, -1_401_800_000 + k * k) for k in range(1600))
    assert len(encode_canonical(loop[:1550])) <= MAX_BODY_BYTES - 1000
    assert len(encode_canonical(loop)) > MAX_BODY_BYTES
