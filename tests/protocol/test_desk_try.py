"""Drafts: tried before anybody is told, by the rules that will judge them, and leaving nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.desk.picture.trying import make_corridor
from entente.desk.service import VERBS
from entente.kernel.errors import EntenteError
from entente.space import distance_and_bearing
from tests.page_scene import circle, make_small_world
from tests.page_world import World

Plain = dict[str, Any]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return the page's small world."""
    return make_small_world(tmp_path_factory.mktemp("try"))


def _volumes_of(world: World, author: str) -> list[Plain]:
    """Return the recorded volumes of an activity of a party that is still to come."""
    found = [one for one in world.ask("us", "picture")["activities"] if one["author"] == author]
    body: Plain = world.ask("us", "message", message=found[0]["version"])["body"]
    return list(body["volumes"])


def _files(world: World) -> dict[Path, bytes]:
    """Return all that a desk keeps on its disk, but for the locks' empty files."""
    folder = world.root / "us"
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_draft_over_a_partners_activity_shows_the_conflict_that_the_record_would_find(world: World) -> None:
    volumes = _volumes_of(world, "ru")
    answer = world.ask("us", "try", volumes=volumes, kind="air")
    assert answer["is_tried"]
    assert answer["is_new"]
    assert answer["faults"] == []
    assert len(answer["volumes"]) == len(volumes)
    assert answer["volumes"][0]["rings"]
    drafted = {tuple(sorted({one["first"], one["second"]} - {"?plan"})) for one in answer["conflicts"]}
    assert drafted
    assert all("?plan" in one["key"].split("|") for one in answer["conflicts"])
    assert [one["words"] for one in answer["conflicts"]] == answer["conflict_words"]
    told = world.act(
        "us",
        "notify",
        id="try-told",
        activity="air",
        title="Told after trying",
        volumes=volumes,
        concurrence=[],
    )
    assert told["state"] == "recorded"
    found = {
        tuple(sorted({one["first"], one["second"]} - {"try-told"}))
        for one in world.ask("us", "picture")["conflicts"]
        if "try-told" in {one["first"], one["second"]}
    }
    assert found == drafted


def test_a_draft_leaves_nothing_anywhere(world: World) -> None:
    before, status = _files(world), world.ask("us", "status")
    for kind in ("air", "convoy"):
        world.ask("us", "try", volumes=_volumes_of(world, "ru"), kind=kind, armed=True)
    world.ask(
        "us", "corridor", line_e7=[[352_500_000, 371_500_000], [355_000_000, 379_000_000]], half_width_cm=1
    )
    assert VERBS["try"].is_reading
    assert world.ask("us", "status") == status
    after = _files(world)
    changed = {path.name for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed <= {"own.db-shm", "public.db-shm"}  # SQLite's own count of who is reading


def test_a_faulty_volume_is_named_and_nothing_is_said_to_be_free(world: World) -> None:
    good: Plain = msgspec.to_builtins(circle(36.0, 38.0, 1000.0, 0.0, 500.0, (1.0, 2.0)))
    bow = {
        **good,
        "outline": {
            "type": "polygon",
            "vertices_e7": [
                [360_000_000, 380_000_000],
                [361_000_000, 381_000_000],
                [361_000_000, 380_000_000],
                [360_000_000, 381_000_000],
            ],
        },
    }
    late = {**good, "end": good["start"]}
    answer = world.ask("us", "try", volumes=[good, bow, late], kind="air")
    assert [fault["path"].partition("]")[0] for fault in answer["faults"]] == ["$.volumes[1", "$.volumes[2"]
    assert all(fault["words"] and fault["code"] for fault in answer["faults"])
    assert not answer["is_tried"]
    assert [one["n"] for one in answer["volumes"]] == [0]


def test_nothing_is_never_free_of_conflicts(world: World) -> None:
    ours = next(one for one in world.ask("us", "picture")["activities"] if one["is_own"])
    for draft in ({"volumes": [], "kind": "air"}, {"kind": "air"}, {"activity": ours["id"], "volumes": []}):
        with pytest.raises(EntenteError, match=r"expected an activity, or volumes") as caught:
            world.ask("us", "try", **draft)
        assert caught.value.code == "no-plan"


def test_other_volumes_for_a_partners_activity_are_tried_as_that_partners(world: World) -> None:
    theirs = next(one for one in world.ask("us", "picture")["activities"] if one["author"] == "ru")
    answer = world.ask("us", "try", activity=theirs["id"], to=theirs["to"] or None)
    assert not answer["is_new"]
    assert {one["first"] for one in answer["conflicts"]} | {one["second"] for one in answer["conflicts"]} <= {
        theirs["object"],
        *(one["object"] for one in world.ask("us", "picture")["activities"] if one["author"] != "ru"),
        *(one["object"] for one in world.ask("us", "picture")["zones"]),
        *(one["object"] for one in world.ask("us", "picture")["sites"]),
    }


@pytest.mark.parametrize(
    "line",
    (
        [[360_000_000, 370_000_000], [362_000_000, 376_000_000]],
        [[360_000_000, 370_000_000], [362_000_000, 376_000_000], [358_000_000, 378_000_000]],
        [[-100_000_000, 1_799_000_000], [-99_000_000, -1_798_000_000]],
    ),
    ids=["straight", "bent", "across-180"],
)
def test_a_corridor_is_an_outline_that_can_be_told(world: World, line: list[list[int]]) -> None:
    answer = world.ask("us", "corridor", line_e7=line, half_width_cm=500_000)
    draft: Plain = msgspec.to_builtins(circle(0.0, 0.0, 1.0, 0.0, 500.0, (1.0, 2.0)))
    tried = world.ask("us", "try", volumes=[{**draft, "outline": answer["outline"]}], kind="convoy")
    assert tried["faults"] == []
    for lat, lon in line:
        nearest_m = min(
            distance_and_bearing(lat / 1e7, lon / 1e7, v_lat / 1e7, v_lon / 1e7)[0]
            for v_lat, v_lon in answer["outline"]["vertices_e7"]
        )
        assert 5000.0 <= nearest_m < 5050.0


def test_a_corridor_of_one_position_is_refused(world: World) -> None:
    assert VERBS["corridor"].act is make_corridor
    with pytest.raises(EntenteError, match="expected a line") as caught:
        world.ask("us", "corridor", line_e7=[[1, 1], [1, 1]], half_width_cm=100)
    assert caught.value.code == "no-line"
