"""What the desk shows of the hotline: what waits for us, who has acknowledged, who may know of a thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.page_scene import make_small_world
from tests.page_world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return the page's small world."""
    folder: Path = tmp_path_factory.mktemp("talking")
    return make_small_world(folder)


def _thread(world: World, party: str, name: str) -> dict[str, Any]:
    (found,) = [one for one in world.ask(party, "threads") if one["id"] == name]
    return dict(found)


def test_a_text_waits_for_us_until_an_officer_of_ours_acknowledges_it(world: World) -> None:
    world.act("ru", "say", thread="waits", text="first", urgent=True)
    world.act("ru", "say", thread="waits", text="second")
    row = _thread(world, "us", "waits")
    assert (row["owed"], row["owed_urgent"]) == (2, 1)
    assert row["last"]["text"] == "second"
    assert _thread(world, "ru", "waits")["owed"] == 0
    said = world.ask("us", "thread", name="waits")
    world.act("us", "acknowledge", messages=[said[0]["original"]["message"]], officer="duty-2")
    row = _thread(world, "us", "waits")
    assert (row["owed"], row["owed_urgent"]) == (1, 0)
    # The author sees who has taken note, and that the other text was taken note of by nobody.
    first, second = (
        {one["party"]: one for one in view["receipts"]} for view in world.ask("ru", "thread", name="waits")
    )
    assert first["us"]["state"] == "acknowledged"
    assert first["us"]["officers"] == ["duty-2"]
    assert second["us"]["state"] == "waiting"
    assert second["us"]["officers"] == []
    assert "ru" not in first


def test_an_urgent_text_of_others_after_our_last_is_told_apart(world: World) -> None:
    world.act("us", "say", thread="pressing", text="ours")
    assert _thread(world, "us", "pressing")["urgent_index"] is None
    world.act("ru", "say", thread="pressing", text="answer at once", urgent=True)
    row = _thread(world, "us", "pressing")
    assert row["urgent_index"] > row["own_index"]
    world.act("us", "say", thread="pressing", text="here")
    row = _thread(world, "us", "pressing")
    assert row["urgent_index"] < row["own_index"]


def test_a_sealed_thing_says_who_may_know_of_it(world: World) -> None:
    (school,) = world.ask("us", "subject", type="site", id="al-noor-school")["things"]
    assert school["is_sealed"]
    assert school["readers"] == ["un", "us"]
    assert school["title"] == "Al-Noor school"
    # Who may not know of it is told of nothing.
    assert world.ask("ru", "subject", type="site", id="al-noor-school")["things"] == []
    # A name alone is no thing of another type.
    assert world.ask("us", "subject", type="zone", id="al-noor-school")["things"] == []
    (zone,) = world.ask("us", "subject", type="zone", id="castello")["things"]
    assert not zone["is_sealed"]
    assert set(zone["readers"]) >= {"ru", "un", "us"}
    (incident,) = world.ask("us", "subject", type="incident", id="shell-1")["things"]
    assert incident["author"] == "ru"
