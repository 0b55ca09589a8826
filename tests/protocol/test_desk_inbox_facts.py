"""What an inbox item says it is about, and what officers did lately."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.page_scene import make_small_world
from tests.page_world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return the page's small world."""
    folder: Path = tmp_path_factory.mktemp("facts")
    return make_small_world(folder)


def _items(world: World, kind: str) -> dict[str, Any]:
    return {one["subject"]: one for one in world.ask("us", "inbox") if one["kind"] == kind}


def test_every_item_is_told_apart_and_says_how_urgent_it_is(world: World) -> None:
    items = world.ask("us", "inbox")
    keys = [(one["kind"], one["subject"], one["part"]) for one in items]
    assert len(keys) == len(set(keys))
    assert {one["urgency"] for one in items} <= {"now", "soon", "later"}
    assert all(one["urgency"] == "now" for one in items if one["is_overdue"])


def test_an_item_names_the_version_and_the_audience_that_an_answer_must_name(world: World) -> None:
    asked = _items(world, "concur")["convoy-aleppo"]
    version = world.ask("us", "message", message=asked["facts"]["version"])
    assert version["body"]["id"] == "convoy-aleppo"
    assert asked["facts"]["due_by"]
    assert asked["facts"]["silence"] == "no"
    assert asked["facts"]["title"] == version["body"]["title"]


def test_an_acknowledgement_names_the_conflicts_that_its_object_is_in(world: World) -> None:
    open_keys = {one["key"] for one in world.ask("us", "status")["conflicts"]}
    named = {key for one in _items(world, "acknowledge").values() for key in one["facts"]["conflicts"]}
    assert named
    assert named <= open_keys


def test_a_lapsed_message_escalates_to_nobody(world: World) -> None:
    lapsed = [one for one in _items(world, "acknowledge").values() if one["facts"]["has_lapsed"]]
    assert lapsed
    assert all(one["facts"]["escalates_to"] == "" and one["urgency"] == "now" for one in lapsed)


def test_what_an_officer_did_is_told_with_how_far_it_came(world: World) -> None:
    leaf = next(iter(_items(world, "acknowledge")))
    world.act("us", "acknowledge", messages=[leaf], officer="duty-2")
    latest = world.ask("us", "done", limit=1)[0]
    assert latest["kind"] == "receipt.acknowledge"
    assert latest["officers"] == ["duty-2"]
    assert latest["subjects"] == [leaf]
    assert latest["standing"] in {"recorded", "firm", "settled"}
    assert leaf not in _items(world, "acknowledge")


def test_what_the_desk_says_by_itself_is_nobodys_doing(world: World) -> None:
    assert all(one["officers"] for one in world.ask("us", "done", limit=200))
