"""What is kept of readings is of the very version and the very zones, and does not grow for ever."""

from __future__ import annotations

from entente.deconflict import Reading
from entente.desk.kept_readings import KeptReadings


def read(words: str) -> list[Reading]:
    return [Reading(0, (0, 0), words, None)]


def test_another_version_before_or_another_zone_is_read_anew() -> None:
    kept = KeptReadings()
    keys = [("a", "", ()), ("a", "b", ()), ("a", "", ("z1",)), ("a", "", ("z1", "z2")), ("b", "", ())]
    for at, key in enumerate(keys):
        assert kept.get(key, lambda at=at: read(str(at)))[0].words == str(at)  # type: ignore[misc]
    for at, key in enumerate(keys):
        assert kept.get(key, lambda: read("made again"))[0].words == str(at)


def test_who_changes_an_answer_changes_nothing_that_is_kept() -> None:
    kept = KeptReadings()
    kept.get(("a", "", ()), lambda: read("first")).clear()
    kept.get(("a", "", ()), lambda: read("again")).clear()
    assert [one.words for one in kept.get(("a", "", ()), lambda: read("third"))] == ["first"]


def test_the_least_lately_used_goes_first() -> None:
    kept = KeptReadings(most=2)
    for name in ("a", "b", "a", "c"):
        kept.get((name, "", ()), lambda: read("old"))
    assert kept.get(("a", "", ()), lambda: read("new"))[0].words == "old"
    assert kept.get(("b", "", ()), lambda: read("new"))[0].words == "new"
