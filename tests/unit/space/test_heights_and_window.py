from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from entente.kernel.errors import InvalidVolume
from entente.space import HeightBand, Window

NOON = datetime(2016, 9, 17, 12, 0, tzinfo=UTC)


def test_sea_level_heights_are_widened_outward() -> None:
    band = HeightBand.from_amsl(3000.0, 4000.0, geoid_undulation_m=22.0, uncertainty_m=1.5)
    assert band == HeightBand(3020.5, 4023.5)
    low = HeightBand.from_amsl(0.0, 0.0, geoid_undulation_m=-106.0, uncertainty_m=0.0)
    assert low == HeightBand(-106.0, -106.0)


def test_ground_heights_reach_from_the_lowest_to_the_highest_ground() -> None:
    band = HeightBand.from_agl(50.0, 120.0, terrain_min_m=200.0, terrain_max_m=450.0, uncertainty_m=10.0)
    assert band == HeightBand(240.0, 580.0)


def test_no_bound_stays_no_bound() -> None:
    none = HeightBand(None, None)
    assert HeightBand.from_amsl(None, None, geoid_undulation_m=1.0, uncertainty_m=1.0) == none
    assert HeightBand.from_agl(None, None, terrain_min_m=0.0, terrain_max_m=9.0, uncertainty_m=1.0) == none


@pytest.mark.parametrize("bad", (None, math.nan, math.inf, -120.5, 121.0))
def test_undulation_is_never_guessed(bad: float) -> None:
    with pytest.raises(ValueError, match="geoid_undulation_m: expected a number from -120"):
        HeightBand.from_amsl(0.0, 1.0, geoid_undulation_m=bad, uncertainty_m=0.0)


@pytest.mark.parametrize("bad", (None, math.nan, -0.1))
def test_uncertainty_is_never_guessed(bad: float) -> None:
    with pytest.raises(ValueError, match="uncertainty_m"):
        HeightBand.from_amsl(0.0, 1.0, geoid_undulation_m=0.0, uncertainty_m=bad)


@pytest.mark.parametrize(("low", "high"), ((None, 1.0), (0.0, None), (5.0, 4.0), (math.nan, 1.0)))
def test_terrain_is_never_guessed(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="terrain_m"):
        HeightBand.from_agl(0.0, 1.0, terrain_min_m=low, terrain_max_m=high, uncertainty_m=0.0)


def test_reversed_band_is_not_hidden_by_widening() -> None:
    with pytest.raises(InvalidVolume, match=r"expected floor <= ceiling, got 10\.0 and 9\.0 m at floor"):
        HeightBand.from_amsl(10.0, 9.0, geoid_undulation_m=0.0, uncertainty_m=50.0)


@pytest.mark.parametrize(
    ("floor_m", "ceiling_m"), ((math.nan, None), (None, math.inf), (-1.1e8, None), (2.0, 1.0))
)
def test_bands_that_are_none_are_refused(floor_m: float | None, ceiling_m: float | None) -> None:
    with pytest.raises(InvalidVolume):
        HeightBand(floor_m, ceiling_m)


def test_window_is_aware_utc_and_not_empty() -> None:
    assert Window(NOON, NOON + timedelta(microseconds=1)).start_utc == NOON
    with pytest.raises(InvalidVolume, match="expected start < end, got 2016-09-17T12:00:00"):
        Window(NOON, NOON)
    with pytest.raises(ValueError, match="aware UTC"):
        Window(NOON.replace(tzinfo=None), NOON + timedelta(hours=1))
    with pytest.raises(ValueError, match="aware UTC"):
        Window(NOON, (NOON + timedelta(hours=1)).astimezone(timezone(timedelta(hours=3))))
