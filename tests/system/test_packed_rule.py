"""The compiled rule over packed volumes never says other than the exact rule.

Among the system tests, since it may have to be compiled first.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entente.deconflict.standing import COMPILE_AFTER, Decider, pack, widen
from entente.space import Circle, HeightBand, Polygon, Separation, Volume, Window, find_conflict
from entente.space.outline import Part, Region
from entente.store.compiled_rule import _Fetching
from tests.index_contract import CENTRES, REACHES, SEPARATIONS, START, circle, volumes

packed_rule = pytest.importorskip("entente.deconflict.packed_rule")
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(not packed_rule.HAS_COMPILER, reason="numba is not installed"),
]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(volumes(), st.lists(volumes(), min_size=1, max_size=5), SEPARATIONS, REACHES)
def test_what_it_decides_is_what_the_exact_rule_finds(
    asked: Volume, standing: list[Volume], separation: Separation, reach_m: float
) -> None:
    candidates = [pack(volume, reach_m) for volume in standing]
    answers = packed_rule.decide_packed(pack(asked, 0.0), candidates, separation)
    for volume, answer in zip(standing, answers, strict=True):
        if separation.lateral_m + reach_m <= 1_000_000.0:
            met = find_conflict(asked, volume, widen(separation, reach_m)) is not None
            assert answer in (None, met)
        else:
            assert answer is not True  # left to the exact rule, which refuses such a separation


def test_ordinary_volumes_are_decided_and_not_left_over() -> None:
    window = Window(START, circle().volumes[0].window.end_utc)
    band = HeightBand(0.0, 100.0)
    asked = Volume(Polygon(((35.0, 40.0), (35.0, 40.1), (35.1, 40.0))), band, window)
    hole = ((35.01, 40.01), (35.01, 40.05), (35.05, 40.01))
    around = ((34.99, 39.99), (34.99, 40.09), (35.09, 39.99))
    standing = (
        (Circle((35.05, 40.02), 500.0), True),
        (Circle((36.05, 40.02), 500.0), False),
        (Polygon(((35.04, 40.04), (35.04, 40.15), (35.15, 40.04))), True),
        (Polygon(((35.2, 40.2), (35.2, 40.3), (35.3, 40.2))), False),
        (Region((Part(around, (hole,)),)), True),
    )
    candidates = [pack(Volume(outline, band, window), 0.0) for outline, _ in standing]
    answers = packed_rule.decide_packed(pack(asked, 0.0), candidates, Separation())
    assert answers == [expected for _, expected in standing]
    inside = pack(Volume(Circle((35.02, 40.02), 100.0), band, window), 0.0)
    assert packed_rule.decide_packed(inside, candidates[-1:], Separation()) == [False]


def test_nobody_waits_for_the_compiled_rule_and_it_comes() -> None:
    # The first question of a process is answered by the rule itself: to compile takes many seconds.
    began = time.perf_counter()
    first = _Fetching()
    assert first.ask() is None
    assert time.perf_counter() - began < 0.5
    assert first.wait(200.0)
    rule = first.ask()
    data = pack(circle().volumes[0], 0.0)
    assert rule is not None
    assert rule(data, [data], Separation()) == [True]


def test_a_decider_asks_again_until_the_compiled_rule_is_there() -> None:
    one = circle().volumes[0]
    data = pack(one, 0.0)
    answers = iter([None, None, packed_rule.decide_packed])
    decider = Decider(lambda: next(answers))
    for is_compiled in (False, False, True):
        assert decider.find_met(one, Separation(), [data] * COMPILE_AFTER) == list(range(COMPILE_AFTER))
        assert (decider._decide_packed is not None) is is_compiled


def test_a_decider_takes_the_compiled_rule_when_there_is_much_to_decide() -> None:
    decider = Decider()
    one = circle(lat=CENTRES[0][0], lon=CENTRES[0][1]).volumes[0]
    data = pack(one, 0.0)
    assert decider.find_met(one, Separation(), [data] * COMPILE_AFTER) == list(range(COMPILE_AFTER))
    assert decider._decide_packed is not None
    assert decider.find_met(one, Separation(), [data] * 3) == [0, 1, 2]
