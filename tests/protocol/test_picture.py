"""The picture of a real record, now and at every earlier moment: nothing forgotten, nothing cut silently."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.deconflict import ConflictRow
from entente.desk.assembly import Desk, SqlViews
from entente.desk.picture.kept import FORM_FACT, LEFT_OUT, TABLES
from entente.desk.picture.past import Past, RowsAt
from entente.desk.views import JointViews, Opening
from entente.joint import MessageRow
from entente.kernel.errors import EntenteError, NotFound
from entente.kernel.rows import MemoryRows, Row
from entente.store.sheaf import Sheaf
from entente.store.sql import Database
from tests.page_scene import make_small_world
from tests.page_world import World

Dump = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the page's small world."""
    made = make_small_world(tmp_path_factory.mktemp("picture"), has_extremes=True)
    yield made
    made.close()


class WatchedRows(MemoryRows):
    """Rows in memory that remember which values an indexed field ever had."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[type[Row], set[tuple[str, str]]] = {}
        self.changed: set[type[Row]] = set()

    def put(self, row: Row) -> None:
        self.changed.add(type(row))
        seen = self.values.setdefault(type(row), set())
        seen.update((field, getattr(row, field)) for field in row.INDEXED)
        super().put(row)


def _list_entries(desk: Desk) -> list[tuple[bytes, Opening | None]]:
    entries = desk.archive.read_raw(0, desk.follower.views.size)
    return [(data, desk.follower._open(data)) for data in entries]


def _find_past(desk: Desk) -> Past:
    past = desk.view_home.find_past()
    assert past is not None
    return past


def _dump(database: Database, size: int | None = None) -> Dump:
    found: Dump = {}
    with database.read() as connection:
        for name in TABLES:
            where = "" if size is None else f" WHERE idx < {size}"
            rows = connection.exec_driver_sql(f"SELECT * FROM {name}{where}")  # noqa: S608 - our own names
            found[name] = sorted(tuple(row) for row in rows)
    return found


def test_every_past_moment_is_what_a_replay_up_to_it_gives(world: World) -> None:
    desk = world.desks["us"]
    rows = WatchedRows()
    views = JointViews(MemoryRows(), rows, party="us", charter=desk.pin.payload.encode())
    past = _find_past(desk)
    entries = _list_entries(desk)
    asked: set[str] = set()
    for size, (data, opening) in enumerate(entries, 1):
        rows.changed.clear()
        views.take(size - 1, data, desk.view.tree, opening)
        then = past.rows_at(size)
        for kind, values in rows.values.items():
            if issubclass(kind, Sheaf) or (kind.TABLE in LEFT_OUT and kind is not MessageRow):
                continue
            asked.add(kind.TABLE)
            expected = list(rows.select(kind))
            assert list(then.select(kind)) == expected, (size, kind)
            if kind not in rows.changed and size < len(entries):
                continue
            for field, value in values:
                equals: Any = {field: value}
                assert list(then.select(kind, **equals)) == list(rows.select(kind, **equals))
            for row in expected:
                assert RowsAt(past.database, size).find(kind, row.key()) == row
            if expected:
                middle = expected[len(expected) // 2].key()
                assert list(then.select(kind, after=middle, limit=2)) == list(
                    rows.select(kind, after=middle, limit=2)
                )
    assert len(entries) > 120
    assert len(asked) > 20, asked
    for kind in rows.values:
        if kind.TABLE in LEFT_OUT and kind is not MessageRow:
            with pytest.raises(ValueError, match="whose past is kept"):
                past.rows_at(5).find(kind, "any")
    assert list(past.rows_at(len(entries) + 9).select(ConflictRow)) == list(rows.select(ConflictRow))


def test_a_moment_says_what_its_entry_opened_and_resolved(world: World) -> None:
    moments = world.ask("us", "moments", buckets=7)
    size = world.ask("us", "picture")["size"]
    assert moments["size"] == size
    assert sum(one["entries"] for one in moments["buckets"]) == size
    assert moments["buckets"][-1]["size"] == size
    conflicts = list(world.desks["us"].rows.select(ConflictRow))
    assert sum(one["opened"] for one in moments["buckets"]) >= len(conflicts) > 4
    ended = [one for one in conflicts if one.state == "resolved"]
    assert sum(one["resolved"] for one in moments["buckets"]) >= len(ended)
    recorded = world.ask("us", "moments", clock="recorded", buckets=500)
    assert recorded["clock_words"] != moments["clock_words"]
    # The host signs each checkpoint in this world, and a time of a checkpoint is not before its entries'.
    assert sum(one["entries"] for one in recorded["buckets"]) == size
    half = world.ask("us", "moments", at_us=(moments["first_us"] + moments["last_us"]) // 2)["at"]["size"]
    assert 0 < half < size


class StopHere(BaseException):
    """The machine is off."""


def test_a_crash_between_any_two_commits_leaves_a_past_that_is_that_of_the_rows(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = world.desks["us"]
    entries = _list_entries(desk)[:12]
    charter, whole = desk.pin.payload.encode(), _find_past(desk).database
    expected = _dump(whole, len(entries))
    write = Database.write

    def go_on(home: SqlViews) -> None:
        views = home.open(len(entries))
        try:
            # A past that is there is that of the rows that are there.
            assert _dump(home._databases[1]) == _dump(whole, views.size)
            for index in range(views.size, len(entries)):
                views.take(index, entries[index][0], desk.view.tree, entries[index][1])
                if index % 6 == 5:
                    views.commit()
            assert _dump(home._databases[1], len(entries)) == expected
        finally:
            home.close()

    for stop in itertools.count():
        folder = tmp_path / str(stop)
        folder.mkdir()
        home = SqlViews(folder, "us", charter)
        written = itertools.count()

        @contextmanager
        def stopped(database: Database, written: Iterator[int] = written, stop: int = stop) -> Iterator[Any]:
            with write(database) as connection:
                yield connection
                if next(written) == stop:
                    raise StopHere  # what was made durable before is all that there is

        monkeypatch.setattr(Database, "write", stopped)
        has_stopped = False
        try:
            go_on(home)
        except StopHere:
            has_stopped = True
        monkeypatch.setattr(Database, "write", write)
        go_on(SqlViews(folder, "us", charter))
        if not has_stopped:
            break
    assert stop > 10


def test_a_desk_of_an_older_version_is_filled_from_its_mirror(world: World) -> None:
    desk = world.desks["ru"]
    before = _dump(_find_past(desk).database)
    picture = world.ask("ru", "picture", at_size=70)
    desk.close()
    home = SqlViews(desk.vault.folder / "views", "ru", desk.pin.payload.encode())
    with home._databases[1].write() as connection:
        for name in TABLES:
            connection.exec_driver_sql(f"DROP TABLE {name}")
        connection.exec_driver_sql("DELETE FROM meta WHERE name = ?", (FORM_FACT,))
    home.close()
    desk = world.open("ru")
    assert desk.follower.views.size == world.center.core.tree.size
    assert _dump(_find_past(desk).database) == before
    assert world.ask("ru", "picture", at_size=70) == picture


def test_a_past_moment_stays_as_it_was_while_the_record_goes_on(world: World) -> None:
    size = world.ask("us", "picture")["size"]
    for at_size in (1, 40, size):
        before = world.ask("us", "picture", at_size=at_size, ended=1)
        world.act("us", "say", thread="aleppo", text=f"after {at_size}")
        after = world.ask("us", "picture", at_size=at_size, ended=1)
        assert (before["is_newest"], after["is_newest"]) == (at_size == size, False)
        for name in ("activities", "zones", "sites", "incidents", "items", "conflicts"):
            assert [_cut(one) for one in before[name]] == [_cut(one) for one in after[name]]
        size = after["size"]


def _cut(one: dict[str, Any]) -> dict[str, Any]:
    """Return a thing without what is said of it as of today: whether its entry is firm."""
    return {name: value for name, value in one.items() if name != "standing"}


def test_nothing_is_cut_without_being_counted(world: World) -> None:
    whole = world.ask("us", "picture", ended=1)
    assert not whole["is_cut"]
    assert all(one["total"] == one["shown"] == len(whole[name]) for name, one in whole["counts"].items())
    assert all(one["total"] for one in whole["counts"].values())
    some = world.ask("us", "picture", ended=1, limit=1)
    assert some["is_cut"]
    for name, one in some["counts"].items():
        assert one == {"total": whole["counts"][name]["total"], "shown": 1}
        assert len(some[name]) == 1
    volumes = world.ask("us", "picture-volumes")
    few = world.ask("us", "picture-volumes", limit=3)
    assert (few["total"], few["shown"], len(few["features"]), few["is_cut"]) == (volumes["total"], 3, 3, True)
    assert not volumes["is_cut"]
    assert volumes["total"] == len(volumes["features"])


def test_a_window_of_the_whole_world_leaves_nothing_out(world: World) -> None:
    whole = world.ask("us", "picture", ended=1)
    for west, east in (("-180", "180"), ("-179", "-179.5"), ("0", "-0.001")):
        seen = world.ask("us", "picture", ended=1, west=west, east=east, south="-90", north="90")
        if west == "-180":
            assert seen["counts"] == whole["counts"]
        assert seen["counts"]["items"] == whole["counts"]["items"], (west, east)
    far = world.ask("us", "picture", west="178", east="-178", south="50", north="54")
    assert [one["id"] for one in far["activities"]] == ["across-180"]
    north = world.ask("us", "picture", west="10", east="11", south="89", north="89.5")
    assert [one["id"] for one in north["activities"]] == ["over-pole"]


def test_the_geojson_has_every_area_that_the_picture_has_and_a_point_for_each(world: World) -> None:
    for at_size in (0, 60):
        picture = world.ask("us", "picture", at_size=at_size, around=1)
        picture = msgspec.json.decode(msgspec.json.encode(picture))
        features = world.ask("us", "picture-volumes", at_size=at_size, around=1)["features"]
        areas = {
            (role, one["object"], volume["n"]): volume
            for role, name in (("activity", "activities"), ("zone", "zones"), ("site", "sites"))
            for one in picture[name]
            for volume in one["volumes"]
        }
        found = {
            (one["properties"]["role"], one["properties"]["object"], one["properties"]["n"]): one
            for one in features
        }
        assert len(areas) > 5
        for (role, name, place), volume in areas.items():
            area = found[role, name, place]
            assert area["geometry"] == {"type": "MultiPolygon", "coordinates": volume["rings"]}
            assert found[f"{role}-at", name, place]["geometry"] == {
                "type": "Point",
                "coordinates": volume["at"],
            }
            assert area["properties"]["r_m"] == volume.get("radius_m", 0)
            for ring in ("around", "buffer"):
                if ring in volume:
                    assert found[ring, name, place]["geometry"]["coordinates"] == volume[ring]
        for role, name in (("conflict", "conflicts"), ("incident", "incidents"), ("item", "items")):
            shown = [one for one in features if one["properties"]["role"] == role]
            assert len(shown) == len([one for one in picture[name] if one["at"] is not None])
        own = {one["object"]: one["is_own"] for name in ("activities", "zones") for one in picture[name]}
        met = {one["object"]: bool(one["conflicts"]) for one in picture["activities"]}
        for (role, name, _), one in found.items():
            if role in {"activity", "zone"}:
                assert one["properties"]["own"] == own[name]
            if role == "activity":
                assert one["properties"]["conflict"] == met[name]
        ids = [one["id"] for one in features]
        assert ids == [one["properties"]["id"] for one in features] == list(range(1, len(features) + 1))


@pytest.mark.parametrize(
    ("question", "error"),
    (
        ({"at_size": 100_000}, NotFound),
        ({"west": "1"}, EntenteError),
        ({"west": "181", "east": "1", "south": "1", "north": "2"}, EntenteError),
        ({"west": "1", "east": "2", "south": "3", "north": "2"}, EntenteError),
        ({"limit": 0}, EntenteError),
    ),
)
def test_what_cannot_be_answered_is_refused(
    world: World, question: dict[str, Any], error: type[EntenteError]
) -> None:
    with pytest.raises(error):
        world.ask("us", "picture", **question)
