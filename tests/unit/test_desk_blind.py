"""Parts of a desk's blind checks that need no center: boxes of cells, nonces, epochs that are past."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pytest

from entente.blind.cells import parse_cells
from entente.blind.cover import cover
from entente.blind.grid import Grid, parse_grid
from entente.desk.blind.forgetting import find_last_past
from entente.desk.blind.ledger import make_nonce_seed
from entente.desk.blind.locating import make_box
from entente.desk.blind.parts import derive_master
from entente.desk.blind.requests import BoxAnswer
from entente.kernel.time import parse_utc
from entente.space import CircleWire, VolumeWire, parse_volume
from tests.blind_record import GRID, make_rules

FINE: Grid = parse_grid(GRID)


def boxes_around(lat_deg: float, lon_deg: float, *, radius_m: int = 200) -> list[BoxAnswer]:
    circle = CircleWire(centre_e7=(round(lat_deg * 1e7), round(lon_deg * 1e7)), radius_cm=radius_m * 100)
    wire = VolumeWire(
        outline=circle,
        floor_cm=20_000,
        ceiling_cm=60_000,
        start="2016-09-17T15:05:00Z",
        end="2016-09-17T15:10:00Z",
    )
    cells = cover([parse_volume(wire)], FINE, is_widened=False)
    return [make_box(cell) for cell in parse_cells(cells, FINE)]


def is_inside(box: BoxAnswer, lat_deg: float, lon_deg: float) -> bool:
    if not box.south_deg <= lat_deg <= box.north_deg:
        return False
    if box.west_deg <= box.east_deg:
        return box.west_deg <= lon_deg <= box.east_deg
    return lon_deg >= box.west_deg or lon_deg <= box.east_deg


@pytest.mark.parametrize(
    ("lat_deg", "lon_deg"),
    ((35.25, 40.15), (0.0, 179.99999), (0.0, -179.99999), (71.2, 180.0), (-54.3, -0.0001), (0.001, 0.001)),
)
def test_a_box_holds_the_place_that_met(lat_deg: float, lon_deg: float) -> None:
    boxes = boxes_around(lat_deg, lon_deg)
    assert any(is_inside(box, lat_deg, lon_deg) for box in boxes)
    for box in boxes:
        width = (box.east_deg - box.west_deg) % 360
        assert 0 < width < 1, "a cell of two kilometres is no band around the globe"
        assert box.south_deg < box.north_deg
        assert (box.start, box.end) == ("2016-09-17T15:00:00Z", "2016-09-17T15:15:00Z")


@pytest.mark.parametrize("lat_deg", (89.9999, -89.9999))
def test_a_box_at_a_pole_has_every_longitude_or_a_wide_one(lat_deg: float) -> None:
    boxes = boxes_around(lat_deg, 12.0)
    for lon_deg in range(-180, 180, 10):
        assert any(is_inside(box, lat_deg, lon_deg) for box in boxes), lon_deg


def test_a_key_is_of_one_domain() -> None:
    master, one, two = (hashlib.sha256(name).digest() for name in (b"master", b"one", b"two"))
    assert derive_master(master, one) != derive_master(master, two)
    assert derive_master(master, one) != derive_master(one, master)


def test_an_epoch_is_past_when_its_audit_is_over() -> None:
    rules = msgspec.structs.replace(
        make_rules(), starts="2016-09-01T00:00:00Z", epoch_h=24, epochs=3, audit_days=2
    )
    found = {
        day: find_last_past(rules, parse_utc(f"2016-09-{day:02}T00:00:01Z")) for day in (1, 3, 4, 5, 6, 20)
    }
    assert found == {1: -1, 3: -1, 4: 0, 5: 1, 6: 2, 20: 2}
    assert np.array_equal(sorted(found), list(found))


def test_a_nonce_is_of_one_request() -> None:
    drawn, key = b"d" * 32, b"k" * 32
    made = {make_nonce_seed(drawn, key, b"one"), make_nonce_seed(drawn, key, b"two")}
    made |= {make_nonce_seed(b"e" * 32, key, b"one"), make_nonce_seed(drawn, b"l" * 32, b"one")}
    assert len(made) == 4
