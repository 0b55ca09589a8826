"""The conflict index against a comparison of every pair: nothing missed or added, whatever the order."""

from __future__ import annotations

import random
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from entente.deconflict import MemoryIndex
from entente.kernel.time import parse_utc
from entente.space import (
    Circle,
    HeightBand,
    Outline,
    Polygon,
    Separation,
    Volume,
    Window,
    find_conflict,
    is_apart,
)

START = parse_utc("2016-09-17T00:00:00Z")
# Few places, some of them hard: the antimeridian, a pole, the equator; and many that are near each other.
CENTRES = (
    (35.28, 40.18),
    (35.30, 40.20),
    (35.28, 40.60),
    (0.0, 179.99),
    (0.0, -179.99),
    (89.99, 0.0),
    (89.99, 170.0),
)
HEIGHTS = (None, 0.0, 300.0, 301.0, 5000.0)


@st.composite
def outlines(draw: st.DrawFn) -> Outline:
    lat, lon = draw(st.sampled_from(CENTRES))
    size_m = draw(st.sampled_from((1.0, 900.0, 5000.0, 200_000.0)))
    if draw(st.booleans()):
        return Circle((lat, lon), size_m)
    span = min(size_m, 5000.0) / 111_000 + 0.0001
    low, east = min(lat, 89.9) - span, lon + span if lon + span < 180 else lon - span
    return Polygon(((low, lon), (low, east), (low + span, lon)))


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    floor_m, ceiling_m = draw(st.sampled_from(HEIGHTS)), draw(st.sampled_from(HEIGHTS))
    if floor_m is not None and ceiling_m is not None and floor_m > ceiling_m:
        floor_m, ceiling_m = ceiling_m, floor_m
    start = START + timedelta(minutes=draw(st.integers(0, 6)) * 10)
    end = start + timedelta(minutes=draw(st.integers(1, 3)) * 10)
    return Volume(draw(outlines()), HeightBand(floor_m, ceiling_m), Window(start, end))


SEPARATIONS = st.builds(
    Separation,
    lateral_m=st.sampled_from((0.0, 1.0, 2500.0, 40_000.0)),
    vertical_m=st.sampled_from((0.0, 1.0, 300.0)),
    time_s=st.sampled_from((0.0, 600.0, 1200.0)),
)
OBJECTS = st.lists(
    st.tuples(st.lists(volumes(), min_size=1, max_size=3), st.sampled_from((0.0, 500.0, 30_000.0))),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60)
@given(OBJECTS, volumes(), SEPARATIONS, st.randoms(use_true_random=False), st.data())
def test_the_index_finds_what_a_comparison_of_all_pairs_finds(
    objects: list[tuple[list[Volume], float]],
    asked: Volume,
    separation: Separation,
    shuffler: random.Random,
    data: st.DataObject,
) -> None:
    names = [f"object-{place}" for place in range(len(objects))]
    gone = data.draw(st.sets(st.sampled_from(names)))
    answers = []
    for _ in range(2):
        order = list(zip(names, objects, strict=True))
        shuffler.shuffle(order)
        index = MemoryIndex()
        for name, (standing, reach_m) in order:
            index.insert(name, standing, group="activity", reach_m=reach_m)
        for name in sorted(gone, reverse=True):
            index.withdraw(name)
        answers.append(index.query(asked, separation, group="activity"))
    expected = []
    for name, (standing, reach_m) in zip(names, objects, strict=True):
        widened = Separation(
            separation.lateral_m + reach_m, separation.vertical_m + reach_m, separation.time_s
        )
        for ordinal, volume in enumerate(standing):
            overlap = find_conflict(asked, volume, widened)
            assert overlap is None or not is_apart(asked, volume, widened)
            if name not in gone and overlap is not None:
                expected.append((name, ordinal, overlap))
    assert answers[0] == answers[1]
    assert [(hit.object, hit.ordinal, hit.overlap) for hit in answers[0]] == expected
