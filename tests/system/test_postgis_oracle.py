"""The overlap rule against PostGIS geography, on a server of its own: a small run of `check_engines`."""

from __future__ import annotations

import random

import psycopg
import pytest

from entente.space import Polygon, distance_m
from entente.space.ellipsoid import walk_line
from tests.postgres import Cluster
from tests.properties.space.check_engines import Tally, check_batch
from tests.properties.space.engines import ask_postgis, ask_s2, make_core
from tests.properties.space.nasty_pairs import FAMILIES


@pytest.fixture
def postgis(postgres: Cluster) -> psycopg.Connection:
    connection = psycopg.connect(postgres.create_database())
    try:
        connection.execute("CREATE EXTENSION postgis")
    except psycopg.errors.FeatureNotSupported as error:
        connection.close()
        pytest.skip(f"PostgreSQL without PostGIS: {error}")
    return connection


def test_no_conflict_that_postgis_is_sure_of_is_missed_and_none_is_made_up(
    postgis: psycopg.Connection,
) -> None:
    s2, tally = Tally(), Tally()
    with postgis:
        check_batch(random.Random(42), 200, s2, tally, postgis)
    assert (s2.faults, tally.faults) == ([], [])
    assert (
        tally.counts["certain conflicts not reported"] == tally.counts["certain non-conflicts reported"] == 0
    )
    assert set(tally.families) == set(FAMILIES)
    assert min(tally.counts["certain conflicts"], tally.counts["certain non-conflicts"]) > 30


@pytest.mark.parametrize(("apart_m", "is_touching"), ((1.9, True), (2.2, False)))
def test_postgis_takes_parallel_edges_for_one_line(
    postgis: psycopg.Connection, apart_m: float, is_touching: bool
) -> None:
    """Why its zero is no proof: triangles whose edges of 500 m run side by side are called touching."""
    start = (-32.69, 125.67)
    end = walk_line(*start, 60.0, 500.0)
    near = (start, end, walk_line(*start, 120.0, 300.0))
    far = (walk_line(*start, -30.0, apart_m), walk_line(*end, -30.0, apart_m), walk_line(*start, 0.0, 300.0))
    one, other = Polygon(near), Polygon(far)
    with postgis:
        row = postgis.execute(
            "SELECT ST_Distance(ST_GeogFromText(%s), ST_GeogFromText(%s)) = 0", (spell(one), spell(other))
        ).fetchone()
        (bounds,) = ask_postgis(postgis, [(make_core(one), make_core(other))])
    assert row == (is_touching,)
    assert apart_m - 0.01 < distance_m(one, other) < bounds.most_m
    assert ask_s2(make_core(one), make_core(other)).least_m > apart_m - 0.05


def spell(outline: Polygon) -> str:
    points = ", ".join(f"{lon:.12f} {lat:.12f}" for lat, lon in (*outline.vertices, outline.vertices[0]))
    return f"POLYGON(({points}))"
