"""Shares of discs in cells: exact, adding up, and never 0 where an event could be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from entente.release.exposure.disc import Discs, find_shares
from entente.release.exposure.terms import sphere_share
from entente.release.variant.ladder import DEFAULT_LADDER, WORLD, Cell

PLACES = (
    (353_000_000, 401_000_000, 60_000),  # inland
    (0, 1_799_000_000, 400_000),  # over the antimeridian
    (0, -1_800_000_000, 3_000_000),
    (897_000_000, 100_000_000, 120_000),  # over the pole
    (-900_000_000, 0, 50_000),  # at the pole
    (650_000_000, -200_000_000, 5_000_000),  # as large as they come
    (353_000_001, 401_000_003, 1),  # a metre
)


def shares_of(place: tuple[int, int, int], cells: list[Cell]) -> np.ndarray:
    bounds = np.array([DEFAULT_LADDER.bounds_arcsec(cell) for cell in cells])
    return find_shares(Discs.of([place]), np.zeros(len(cells), np.int64), *bounds.T)[0]


@pytest.mark.parametrize("place", PLACES)
def test_shares_of_nested_cells_add_up(place: tuple[int, int, int]) -> None:
    assert shares_of(place, [WORLD])[0] == pytest.approx(1.0, abs=1e-12)
    cell = WORLD
    for step in range(1, 9):
        children = list(DEFAULT_LADDER.children(cell))
        parts, whole = shares_of(place, children), shares_of(place, [cell])[0]
        assert parts.sum() == pytest.approx(whole, abs=1e-11), step
        assert (parts >= 0.0).all()
        cell = children[int(parts.argmax())]


def integrate(place: tuple[int, int, int], cell: Cell) -> float:
    """The same by summing a hundred thousand thin columns: no closed form, no corner cases."""
    south, west, north, east = (math.radians(side / 3600) for side in DEFAULT_LADDER.bounds_arcsec(cell))
    lat, lon, radius = math.radians(place[0] / 1e7), math.radians(place[1] / 1e7), place[2] / 6_371_008.8
    x = (np.linspace(west, east, 100_001)[:-1] + (east - west) / 200_000 - lon) * math.cos(lat)
    half = np.sqrt(np.maximum(0.0, radius**2 - x**2))
    height = np.minimum(north - lat, half) - np.maximum(south - lat, -half)
    return float(
        np.maximum(height, 0.0).sum() * (east - west) * math.cos(lat) / 100_000 / (math.pi * radius**2)
    )


def test_shares_agree_with_plain_summation() -> None:
    place = (353_000_000, 401_000_000, 60_000)
    tried = 0
    for step in (2, 3, 4, 5):
        middle = DEFAULT_LADDER.cell_at(place[0], place[1], step)
        for row in range(middle.row - 2, middle.row + 3):
            for column in range(middle.column - 2, middle.column + 3):
                cell = Cell(step, row, column)
                assert shares_of(place, [cell])[0] == pytest.approx(integrate(place, cell), abs=1e-7)
                tried += 1
    assert tried == 100


def test_a_thin_part_is_never_nothing() -> None:
    # The circle reaches a few micrometres into the row of cells north of it.
    radius_m = 100_000
    lat_e7 = 360_000_000 - math.floor(math.degrees(radius_m / 6_371_008.8) * 1e7)
    north = DEFAULT_LADDER.cell_at(360_000_000, 405_000_000, 3)
    share = shares_of((lat_e7, 405_000_000, radius_m), [north])[0]
    assert 0.0 < share < 1e-9
    assert shares_of((lat_e7 - 10, 405_000_000, radius_m), [north])[0] == 0.0


def test_shares_of_the_sphere_add_up() -> None:
    children = DEFAULT_LADDER.children(WORLD)
    shares = [sphere_share(*DEFAULT_LADDER.bounds_arcsec(cell)) for cell in children]
    assert len(shares) == 288
    assert sum(shares) == pytest.approx(1.0, abs=1e-12)
