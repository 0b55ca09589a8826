from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import PeerError
from entente.kernel.time import encode_utc
from entente.space import (
    CircleWire,
    PartWire,
    PolygonWire,
    RegionWire,
    VolumeWire,
    encode_volume,
    parse_volume,
)

lats = st.integers(-900_000_000, 900_000_000)
lons = st.integers(-1_800_000_000, 1_799_999_999)
positions = st.tuples(lats, lons).map(lambda at: (at[0], 0) if abs(at[0]) == 900_000_000 else at)
triangles = st.tuples(lats, lons, st.lists(st.tuples(st.integers(-10**6, 10**6), st.integers(-10**6, 10**6)),
                                           min_size=3, max_size=3)).map(
    lambda drawn: PolygonWire(
        tuple(
            (max(-900_000_000, min(900_000_000, drawn[0] + dlat)),
             (drawn[1] + dlon + 1_800_000_000) % 3_600_000_000 - 1_800_000_000)
            for dlat, dlon in drawn[2]
        )
    )
)  # fmt: skip


def make_region(triangle: PolygonWire, *, has_hole: bool, has_other: bool) -> RegionWire:
    """The triangle with a quarter of itself taken out of its middle, and the same again, further north."""
    loop = triangle.vertices_e7
    middle = [sum(position[axis] for position in loop) // 3 for axis in (0, 1)]
    hole = tuple(
        (middle[0] + (lat - middle[0]) // 4, middle[1] + (lon - middle[1]) // 4) for lat, lon in loop
    )
    parts = [PartWire(loop, (hole,) if has_hole else ())]
    if has_other:
        parts.append(PartWire(tuple((min(900_000_000, lat + 3_000_000), lon) for lat, lon in loop), ()))
    return RegionWire(tuple(parts))


regions = st.builds(make_region, triangles, has_hole=st.booleans(), has_other=st.booleans())
circles = st.builds(CircleWire, positions, st.integers(1, 100_000_000))
bounds = st.one_of(st.none(), st.integers(-(10**10), 10**10))
moments = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(8999, 12, 31)).map(  # noqa: DTZ001
    lambda moment: encode_utc(moment.replace(tzinfo=UTC))
)
wires = st.builds(VolumeWire, st.one_of(circles, triangles, regions), bounds, bounds, moments, moments)


@given(wires)
def test_what_is_accepted_comes_back_the_same(wire: VolumeWire) -> None:
    try:
        volume = parse_volume(wire)
    except PeerError:
        return
    assert encode_volume(volume) == wire
    data = encode_canonical(wire)
    assert encode_canonical(encode_volume(parse_volume(parse_canonical_as(data, VolumeWire)))) == data


SEED = encode_canonical(
    VolumeWire(
        PolygonWire(((352000000, 401000000), (352000000, 403000000), (354000000, 402000000))),
        None,
        700000,
        "2016-09-17T13:55:00Z",
        "2016-09-17T15:00:00Z",
    )
)


@given(st.binary(max_size=80), st.integers(0, len(SEED)), st.integers(0, len(SEED)))
def test_any_bytes_give_a_volume_or_a_peer_error(noise: bytes, start: int, end: int) -> None:
    for data in (noise, SEED[:start] + noise + SEED[max(start, end) :]):
        try:
            wire = parse_canonical_as(data, VolumeWire)
            volume = parse_volume(wire)
        except PeerError:
            continue
        assert encode_canonical(encode_volume(volume)) == data
