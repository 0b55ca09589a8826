from __future__ import annotations

import pytest

from entente.space import (
    Circle,
    Gazetteer,
    NamedArea,
    Place,
    Polygon,
    compass_word,
    describe_position,
    distance_and_bearing,
)
from entente.space.ellipsoid import walk_line

CITY = Place("Deir ez-Zor", 35.33588, 40.13938, "city")
AIRPORT = Place("Deir ez-Zor Airport", 35.285278, 40.175556, "airport")
WRANGEL = Place("Ushakovskoye", 71.0, -179.9, "village")
PLACES = Gazetteer([CITY, AIRPORT, WRANGEL, Place("North Pole Station", 90.0, 0.0, "station")])


def test_position_is_said_with_place_area_and_move() -> None:
    here = walk_line(AIRPORT.lat_deg, AIRPORT.lon_deg, 231.0, 7400.0)
    before = walk_line(*here, 80.0, 9000.0)
    areas = [NamedArea("Tharda", Circle(here, 3000.0)), NamedArea("Far", Circle((0.0, 0.0), 10.0))]
    words = describe_position(*here, gazetteer=PLACES, areas=areas, earlier=before)
    assert words.sentence == (
        "7.4 km south-west (231 deg) of Deir ez-Zor Airport; inside 'Tharda';"
        " 9.0 km from the earlier position"
    )
    assert words.nearest == AIRPORT
    assert words.inside == ("Tharda",)
    assert words.distance_m == pytest.approx(7400.0, abs=1e-6)
    assert words.bearing_deg == pytest.approx(231.0, abs=1e-6)
    assert words.moved_m == pytest.approx(9000.0, abs=1e-6)


def test_near_positions_are_said_in_metres_and_at() -> None:
    at = describe_position(35.2853, 40.1756, gazetteer=PLACES, areas=[], earlier=(35.2853, 40.1756))
    assert at.sentence == "at Deir ez-Zor Airport; at the earlier position"
    near = walk_line(AIRPORT.lat_deg, AIRPORT.lon_deg, 359.7, 640.0)
    words = describe_position(*near, gazetteer=PLACES, areas=[], earlier=None)
    assert words.sentence == "640 m north (0 deg) of Deir ez-Zor Airport"
    assert words.moved_m is None


def test_areas_are_named_in_the_order_given() -> None:
    here = Circle((35.3, 40.1), 10.0)
    areas = [NamedArea("B", here), NamedArea("A", Polygon(((35, 40), (35, 41), (36, 40.5))))]
    words = describe_position(35.3, 40.1, gazetteer=PLACES, areas=areas[::-1], earlier=None)
    assert words.inside == ("B",)
    words = describe_position(35.3, 40.4, gazetteer=PLACES, areas=areas, earlier=None)
    assert "inside 'A'" in words.sentence


def test_nearest_is_found_across_the_antimeridian_and_the_pole() -> None:
    assert PLACES.find_nearest(71.0, 179.9) == WRANGEL
    assert PLACES.find_nearest(89.0, 123.0).kind == "station"


def test_nearest_follows_the_ellipsoid_where_the_straight_line_disagrees() -> None:
    # The line along the ground to the east is 821 m shorter, the chord to the north 1180 m.
    here = (0.0, 0.0)
    ranks = [Place("east", 0.0, 54.0, "mark"), Place("north", 54.235, 0.0, "mark")]
    true = min(ranks, key=lambda place: distance_and_bearing(*here, place.lat_deg, place.lon_deg)[0])
    assert Gazetteer(ranks).find_nearest(*here) == true
    assert Gazetteer(ranks[::-1]).find_nearest(*here) == true


def test_of_equals_the_first_given_is_the_nearest() -> None:
    twins = [Place("one", 10.0, 10.0, "city"), Place("two", 10.0, 10.0, "city")]
    assert Gazetteer(twins).find_nearest(11.0, 10.0).name == "one"


def test_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one place"):
        Gazetteer([])
    with pytest.raises(ValueError, match="place 'X': expected a position"):
        Place("X", 91.0, 0.0, "city")
    with pytest.raises(ValueError, match="latitude within"):
        describe_position(91.0, 0.0, gazetteer=PLACES, areas=[], earlier=None)
    with pytest.raises(ValueError, match="latitude within"):
        describe_position(1.0, 0.0, gazetteer=PLACES, areas=[], earlier=(float("nan"), 0.0))


@pytest.mark.parametrize(
    ("bearing_deg", "word"),
    (
        (0.0, "north"), (11.24, "north"), (11.25, "north-north-east"), (45.0, "north-east"), (90.0, "east"),
        (231.0, "south-west"), (348.74, "north-north-west"), (348.75, "north"), (359.99, "north"),
    ),
)  # fmt: skip
def test_compass_has_sixteen_points(bearing_deg: float, word: str) -> None:
    assert compass_word(bearing_deg) == word


def test_bearing_is_never_negative_nor_360() -> None:
    assert distance_and_bearing(0.0, 0.0, 0.0, -1.0)[1] == pytest.approx(270.0)
    assert distance_and_bearing(0.0, 0.0, 0.0, 0.0) == (0.0, 0.0)
    assert 0.0 <= distance_and_bearing(0.0, 0.0, 1.0, -1e-18)[1] < 360.0
    # GeographicLib's own worked example: Wellington to Salamanca.
    assert distance_and_bearing(-41.32, 174.81, 40.96, -5.50)[0] == pytest.approx(19959679.267, abs=1e-3)
