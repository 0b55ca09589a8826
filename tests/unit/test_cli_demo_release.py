"""The release part of the demo, without processes: its world is as told, its search finds what is private."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entente.cli import demo_world as world
from entente.cli.demo_bytes import LEAST_BYTES, count_planted, find_needles
from entente.cli.demo_release import ReleaseStory, list_ungated, make_private_needles
from entente.cli.release.trying import Trial
from entente.cli.stage import Stage
from entente.release.source.catalogue_file import read_catalogue
from entente.release.source.report_file import read_reports

START = datetime(2016, 9, 17, 14, tzinfo=UTC)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path / "run", rate=60, quiet=True)
    stage.start_clock(START)
    return stage


def test_each_sighting_points_at_four_hills_and_all_of_them_at_one() -> None:
    told = list_ungated(world.spell_catalogue(), world.spell_reports(START))
    assert [count for count, _ in told] == [4, 4, 4, 4]
    chances = [chance for _, chance in told]
    assert chances == sorted(chances)
    assert chances[0] < 0.25
    assert chances[-1] > 0.9


def test_the_gate_turns_coarser_and_keeps_the_budget() -> None:
    catalogue = read_catalogue(world.spell_catalogue().encode())
    trial = Trial(catalogue, ["ru"], [])
    given = [
        one for report in read_reports(world.spell_reports(START).encode()) for one in trial.give(report)
    ]
    places = [one["level"]["place"] for one in given]
    assert places == sorted(places, reverse=True)
    assert places[0] > places[-1] > 0
    (learned,) = trial.list_learned()
    assert learned["chance"] <= learned["budget"] == 0.5
    # Every report may leave at once: its window is over before the demo begins.
    assert {one["delay_s"] for one in given} == {0}
    assert all(one.minutes > 1_440 for one in world.SIGHTINGS)


def test_the_search_finds_each_private_text_in_what_is_private(stage: Stage) -> None:
    needles = make_private_needles(stage)
    files = (world.spell_catalogue() + world.spell_reports(START)).encode()
    found = set(find_needles(files, needles))
    unread = {text for text in world.list_private(START) if len(text) >= LEAST_BYTES} - found
    # What files spell in another way: times without their dashes, and in seconds.
    assert all(text.isdigit() or "T" in text for text in unread), unread
    assert any(what.startswith("place ") for what in found)
    got, planted = count_planted(bytes(200_000), needles, every=3)
    assert 0 < planted == got


def test_a_planted_text_is_found_however_short_the_haystack(stage: Stage) -> None:
    needles = make_private_needles(stage)
    for size in (0, 1, 100, 3_000):
        got, planted = count_planted(bytes(size), needles, every=5)
        assert 0 < planted == got, size


def test_what_goes_out_holds_no_needle(stage: Stage) -> None:
    """A needle that is part of what may be seen would be found in every run."""
    needles = make_private_needles(stage)
    shown = [
        b"A transport aircraft was seen.",
        b'"path":["air","fixed-wing","transport"]',
        b"keep-apart",
        b"TLP",
    ]
    shown.append(f"{START - timedelta(days=1):%Y-%m-%d}".encode())
    assert find_needles(b"\n".join(shown), needles) == []


@pytest.mark.parametrize("missed", ([], ["nothing private left"]))
def test_what_did_not_come_out_fails_the_demo(missed: list[str]) -> None:
    story = ReleaseStory(learned={"chance_percent": 47.0, "budget_percent": 50.0})
    for what in missed:
        story.expect(what, is_so=False)
    story.expect("so", is_so=True)
    summary: dict[str, Any] = story.summary()
    assert (summary["ok"], summary["missed"]) == (not missed, missed)
