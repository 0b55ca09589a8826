"""Conflicts: found under the right rule, kept when they end, and explained in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.deconflict import (
    PROTECTION_NOTICE,
    Close,
    ConflictRow,
    Consent,
    DeclareSite,
    DeclareZone,
    MemoryIndex,
    Update,
    WithdrawSite,
    WithdrawZone,
    ZoneRule,
    explain_conflict,
    rebuild_index,
)
from entente.deconflict.conflict_row import SPANS_KEPT, SpanRow
from entente.deconflict.nearness import MEASURED
from entente.kernel.rows import MemoryRows
from entente.space import Separation, VolumeWire, find_conflict, parse_volume
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle

# Two circles of 1 km radius whose centres are 0.05 degrees of longitude apart at 35.28 N: 4,552 m, so 2,552 m
# between.
EAST = 40.18 + 0.05


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def list_open(rows: MemoryRows) -> list[tuple[str, str, str]]:
    return [(row.first, row.second, row.rule) for row in rows.select(ConflictRow, state="open")]


def get_conflict(rows: MemoryRows, key: str) -> ConflictRow:
    row = rows.find(ConflictRow, key)
    assert row is not None
    return row


def permit(*parties: str, activity: Any = "air") -> list[ZoneRule]:
    """No flights but those of these parties; what does not fly is nobody's business."""
    rules = [ZoneRule("*", "*", "permitted", 0, []), ZoneRule("*", activity, "forbidden", 0, [])]
    return rules + [ZoneRule(party, activity, "permitted", 0, []) for party in sorted(parties)]


def make_zone(name: str = "zone-1", **more: Any) -> DeclareZone:
    body = DeclareZone(
        id=name,
        name="Castello road",
        zone="denied",
        text="no flights",
        volumes=[make_circle(lon=EAST, radius_m=4000.0, floor_m=None, ceiling_m=None)],
        sides=[],
        rules=permit("ru"),
        obligations=[],
        corridors=[],
        source="",
        replaces=None,
    )
    return msgspec.structs.replace(body, **more)


def make_site(name: str = "m2", **more: Any) -> DeclareSite:
    volume = make_circle(lon=EAST, radius_m=50.0, floor_m=None, ceiling_m=None)
    consent = Consent("M2 hospital board", "2016-09-01T00:00:00Z", [], "letter")
    body = DeclareSite(
        name, "M2", "hospital", volume, 350_000, "", consent, "2016-12-01T00:00:00Z", replaces=None
    )
    return msgspec.structs.replace(body, **more)


def test_two_parties_too_close_conflict(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.notify("ru", "bravo", make_circle(lon=EAST, ceiling_m=3000.0))
    assert list_open(record.host) == [("alpha", "bravo", "separation")]
    row = get_conflict(record.host, "alpha|bravo")
    near = row.closest
    assert (near.start, near.end) == ("2016-09-17T14:00:00Z", "2016-09-17T16:00:00Z")
    assert (near.floor_cm, near.ceiling_cm) == (0, 300_000)
    assert near.gap_cm is not None
    assert 254_000 < near.gap_cm < 256_000
    assert (row.since_index, row.resolved_index) == (1, None)
    assert (row.lateral_cm, row.vertical_cm, row.time_s) == (500_000, 30_000, 600)


def test_one_partys_own_activities_do_not_conflict(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.notify("us", "bravo")
    assert list_open(record.host) == []


@pytest.mark.parametrize(
    ("other", "conflicts"),
    (
        (make_circle(lon=40.18 + 0.0768), True),  # 6,991 m between centres, 4,991 m between edges
        (make_circle(lon=40.18 + 0.0770), False),  # 7,009 m and 5,009 m
        (make_circle(floor_m=5300.0, ceiling_m=None), True),
        (make_circle(floor_m=5300.01, ceiling_m=None), False),
        (make_circle(start="2016-09-17T16:09:59Z", end="2016-09-17T17:00:00Z"), True),
        (make_circle(start="2016-09-17T16:10:00Z", end="2016-09-17T17:00:00Z"), False),
    ),
)
def test_the_agreed_separation_is_what_counts(
    record: RecordSimulator, other: VolumeWire, *, conflicts: bool
) -> None:
    record.notify("us", "alpha")
    record.notify("ru", "bravo", other)
    assert bool(list_open(record.host)) is conflicts


def test_an_activity_within_a_sites_buffer_conflicts(record: RecordSimulator) -> None:
    record.send("un", "site.declare", make_site())
    record.notify("us", "alpha")
    assert list_open(record.host) == [("alpha", "m2", "buffer")]
    row = get_conflict(record.host, "alpha|m2")
    assert row.lateral_cm == 350_000
    assert explain_conflict(row).endswith(PROTECTION_NOTICE)
    assert "within the site's buffer of 3,500 m" in explain_conflict(row)


def test_a_sites_buffer_reaches_only_so_far(record: RecordSimulator) -> None:
    # 4,552 m less 1,000 m less 50 m: 3,502 m between the outlines.
    record.send("un", "site.declare", make_site(buffer_cm=340_000))
    record.notify("us", "alpha")
    assert list_open(record.host) == []
    record.notify("us", "bravo", make_circle(lon=EAST, floor_m=9000.0, ceiling_m=None))
    assert list_open(record.host) == [("bravo", "m2", "buffer")]


def test_a_sites_buffer_reaches_upwards(record: RecordSimulator) -> None:
    low = msgspec.structs.replace(make_site().volume, floor_cm=0, ceiling_cm=1000)
    record.send("un", "site.declare", make_site(volume=low, buffer_cm=50_000))
    record.notify("us", "alpha", make_circle(lon=EAST, floor_m=510.0, ceiling_m=None))
    record.notify("us", "bravo", make_circle(lon=EAST, floor_m=510.01, ceiling_m=None))
    assert list_open(record.host) == [("alpha", "m2", "buffer")]


def test_a_site_declared_after_the_activity_is_found_as_well(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.send("un", "site.declare", make_site())
    assert list_open(record.host) == [("alpha", "m2", "buffer")]
    record.send("un", "site.withdraw", WithdrawSite("m2", "closed", ""))
    row = get_conflict(record.host, "alpha|m2")
    assert (row.state, row.resolved_index, row.why) == ("resolved", 2, "m2 withdrawn")


def test_a_zone_holds_for_its_kinds_and_spares_whom_it_permits(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone())
    record.notify("us", "alpha", make_circle(lon=EAST))
    record.notify(
        "ru", "bravo", make_circle(lon=EAST, start="2016-09-17T15:30:00Z", end="2016-09-17T15:40:00Z")
    )
    record.notify("us", "convoy-1", make_circle(lon=EAST), activity="convoy")
    record.notify("un", "charlie", make_circle(lon=EAST, floor_m=8000.0, ceiling_m=None))
    zones = [found for found in list_open(record.host) if found[2] == "zone"]
    # Its own author is held to it as well, unless he permits himself.
    assert zones == [("alpha", "zone-1", "zone"), ("charlie", "zone-1", "zone")]


def test_a_zone_that_changes_whom_it_holds_changes_its_conflicts(record: RecordSimulator) -> None:
    first = record.send("un", "zone.declare", make_zone(rules=permit("ru", activity="ground")))
    record.notify("us", "alpha", make_circle(lon=EAST))
    assert list_open(record.host) == []
    second = record.send("un", "zone.declare", make_zone(replaces=first))
    assert list_open(record.host) == [("alpha", "zone-1", "zone")]
    record.send("un", "zone.declare", make_zone(replaces=second, rules=permit("ru", "us")))
    assert get_conflict(record.host, "alpha|zone-1").why == "zone-1 changed"
    assert list_open(record.host) == []
    record.send("un", "zone.withdraw", WithdrawZone("zone-1", ""))


def test_a_zones_border_is_a_border(record: RecordSimulator) -> None:
    # 4,552 m between centres, 1,000 m and 4,000 m: they overlap; with 3,500 m they are 52 m apart.
    record.notify("us", "alpha")
    first = record.send("un", "zone.declare", make_zone())
    assert list_open(record.host) == [("alpha", "zone-1", "zone")]
    smaller = make_circle(lon=EAST, radius_m=3500.0)
    record.send("un", "zone.declare", make_zone(volumes=[smaller], replaces=first))
    assert list_open(record.host) == []


def test_an_update_resolves_and_reopens_and_history_stays(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    leaf = record.notify("ru", "bravo", make_circle(lon=EAST))
    for lon, title in ((50.0, "away"), (EAST, "back"), (EAST + 0.001, "nearly the same")):
        body = Update("bravo", leaf, title, [make_circle(lon=lon)], [], "", armed=False, concur_by=None)
        leaf = record.send("ru", "activity.update", body)
        if title == "away":
            row = get_conflict(record.host, "alpha|bravo")
            assert (row.state, row.resolved_index, row.why) == ("resolved", 2, "bravo changed")
    row = get_conflict(record.host, "alpha|bravo")
    assert (row.state, row.since_index, row.sides[1].title) == ("open", 3, "nearly the same")
    assert [(span.since_index, span.resolved_index, span.why) for span in row.earlier] == [
        (1, 2, "bravo changed")
    ]
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    row = get_conflict(record.host, "alpha|bravo")
    assert (row.state, row.resolved_index, row.why) == ("resolved", 5, "alpha closed")
    assert "Resolved with entry 5: alpha closed." in explain_conflict(row)


def test_every_earlier_span_stays(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    leaf = record.notify("ru", "bravo")
    for lon in (50.0, EAST, 50.0, EAST):
        leaf = record.send(
            "ru",
            "activity.update",
            Update("bravo", leaf, "t", [make_circle(lon=lon)], [], "", armed=False, concur_by=None),
        )
    row = get_conflict(record.host, "alpha|bravo")
    assert row.since_index == 5
    assert [(span.since_index, span.resolved_index) for span in row.earlier] == [(1, 2), (3, 4)]


def test_a_party_that_flaps_makes_no_row_grow(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    leaf = record.notify("ru", "bravo")
    for turn in range(2 * SPANS_KEPT + 6):
        away = [make_circle(lon=50.0 if turn % 2 == 0 else EAST)]
        body = Update("bravo", leaf, "t", away, [], "", armed=False, concur_by=None)
        leaf = record.send("ru", "activity.update", body)
    spans = [
        (one.since_index, one.resolved_index) for one in record.host.select(SpanRow, conflict="alpha|bravo")
    ]
    assert spans == [(index, index + 1) for index in range(1, 2 * SPANS_KEPT + 7, 2)]
    row = get_conflict(record.host, "alpha|bravo")
    assert [(one.since_index, one.resolved_index) for one in row.earlier] == spans[-SPANS_KEPT:]


def test_the_row_is_the_same_whoever_came_last() -> None:
    found = []
    for order in (("us", "ru"), ("ru", "us")):
        record = RecordSimulator()
        for party in order:
            if party == "us":
                record.notify("us", "alpha", make_circle(), make_circle(35.3))
            else:
                record.notify(
                    "ru", "bravo", make_circle(lon=EAST), make_circle(35.5), make_circle(35.3, EAST)
                )
        found.append(get_conflict(record.host, "alpha|bravo"))
    assert found[0] == found[1]
    assert found[0].meetings == 4
    assert "4 pairs of their volumes meet; this is the first." in explain_conflict(found[0])


def test_the_first_meeting_in_time_is_the_one_told(record: RecordSimulator) -> None:
    early = make_circle(start="2016-09-17T10:00:00Z", end="2016-09-17T11:00:00Z")
    record.notify("us", "alpha", make_circle(), early)
    record.notify("ru", "bravo", make_circle(), early)
    row = get_conflict(record.host, "alpha|bravo")
    assert (row.closest.start, row.meetings) == ("2016-09-17T10:00:00Z", 2)
    assert (row.sides[0].volume, row.sides[1].volume) == (1, 1)


def test_a_near_miss_in_time_and_height_is_explained(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    later = make_circle(
        start="2016-09-17T16:05:00Z", end="2016-09-17T17:00:00Z", floor_m=5100.0, ceiling_m=None
    )
    record.notify("ru", "bravo", later)
    assert explain_conflict(get_conflict(record.host, "alpha|bravo")) == (
        "activity 'title of alpha' (alpha) of us and activity 'title of bravo' (bravo) of ru come closer "
        "than "
        "agreed (5,000 m on the ground, 300 m in height, 600 s): near 35.2800 N 40.1800 E, 300 s between one "
        "and "
        "the other, 100 m apart in height; the outlines meet."
    )


def test_a_sealed_activity_conflicts_where_it_can_be_read(record: RecordSimulator) -> None:
    record.notify("us", "alpha", to=["ru"])
    record.notify("ru", "bravo")
    assert list_open(record.host) == []
    assert list_open(record.rows("un")) == []
    assert [found[2] for found in list_open(record.rows("us"))] == ["separation"]
    assert list_open(record.rows("us")) == list_open(record.rows("ru"))


def test_a_rebuilt_index_answers_like_the_one_that_grew(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    record.notify("ru", "bravo", make_circle(lon=EAST))
    record.notify("us", "gone")
    record.send("us", "activity.close", Close("gone", "closed", ""))
    record.send(
        "us",
        "activity.update",
        Update("alpha", first, "t", [make_circle(35.3)], [], "", armed=False, concur_by=None),
    )
    record.send("un", "site.declare", make_site())
    record.send("un", "zone.declare", make_zone())
    grown, rebuilt = record.views[None].index, rebuild_index(record.host)
    assert len(grown) == len(rebuilt) == 4
    for group in ("activity", "zone", "site"):
        for lat in (35.2, 35.28, 35.3, 36.0):
            volume = parse_volume(make_circle(lat, EAST))
            asked = grown.query(volume, Separation(lateral_m=2000.0), group=group)
            assert asked == rebuilt.query(volume, Separation(lateral_m=2000.0), group=group)


def test_every_place_on_earth_is_explained_without_a_gap(record: RecordSimulator) -> None:
    record.notify("us", "alpha", make_circle(-10.0, -179.999, floor_m=None, ceiling_m=None))
    record.notify("ru", "bravo", make_circle(-10.0, 179.999, floor_m=None, ceiling_m=None))
    text = explain_conflict(get_conflict(record.host, "alpha|bravo"))
    assert "10.0000 S" in text
    assert "at every height; the outlines meet." in text


# The index itself


def test_a_withdrawn_object_is_never_proposed_again() -> None:
    index = MemoryIndex()
    volume = parse_volume(make_circle())
    for place in range(300):
        index.insert(f"object-{place}", [volume, volume], group="activity")
    for place in range(0, 300, 2):
        index.withdraw(f"object-{place}")
    index.withdraw("object-0")
    index.withdraw("never there")
    assert len(index) == 300
    hits = index.query(volume, Separation(), group="activity")
    assert {hit.object for hit in hits} == {f"object-{place}" for place in range(1, 300, 2)}
    assert [(hit.object, hit.ordinal) for hit in hits] == sorted((hit.object, hit.ordinal) for hit in hits)


def test_inserting_again_takes_the_place_of_what_stood() -> None:
    index = MemoryIndex()
    here, there = parse_volume(make_circle()), parse_volume(make_circle(10.0))
    index.insert("alpha", [here], group="activity")
    index.insert("alpha", [there], group="site")
    assert index.query(here, Separation(), group="activity") == []
    assert len(index.query(there, Separation(), group="site")) == 1
    assert len(index) == 1


def test_no_hit_is_cut_off() -> None:
    index = MemoryIndex()
    volume = parse_volume(make_circle())
    for place in range(3000):
        index.insert(f"object-{place:04d}", [volume], group="activity")
    assert len(index.query(volume, Separation(), group="activity")) == 3000


@pytest.mark.parametrize("reach_m", (-1.0, float("nan"), float("inf")))
def test_a_reach_that_is_none_is_the_callers_mistake(reach_m: float) -> None:
    with pytest.raises(ValueError, match="reach_m"):
        MemoryIndex().insert("alpha", [parse_volume(make_circle())], group="site", reach_m=reach_m)


def test_two_objects_of_many_volumes_are_measured_a_bounded_number_of_times(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def count(one: Any, other: Any, separation: Any) -> Any:
        nonlocal calls
        calls += 1
        return find_conflict(one, other, separation)

    monkeypatch.setattr("entente.deconflict.nearness.find_conflict", count)
    record.notify("us", "alpha", *(make_circle(radius_m=100.0 + place) for place in range(12)))
    record.notify("ru", "bravo", *(make_circle(35.3, radius_m=100.0 + place) for place in range(12)))
    row = record.host.find(ConflictRow, "alpha|bravo")
    assert row is not None
    assert row.meetings == 144
    assert calls == len(record.views) * MEASURED
    # The nearest of those that were measured: (0, 0) to (0, 11), (1, 0) to (1, 7).
    assert [side.volume for side in row.sides] == [0, 11]


def test_many_objects_of_many_volumes_are_measured_a_bounded_number_of_times(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def count(one: Any, other: Any, separation: Any) -> Any:
        nonlocal calls
        calls += 1
        return find_conflict(one, other, separation)

    for name in ("alpha-0", "alpha-1", "alpha-2"):
        record.notify("us", name, *(make_circle(radius_m=100.0 + place) for place in range(5)))
    monkeypatch.setattr("entente.deconflict.nearness.find_conflict", count)
    monkeypatch.setattr("entente.deconflict.nearness.MEASURED_IN_ALL", MEASURED + 2)
    record.notify("ru", "bravo", *(make_circle(35.3, radius_m=100.0 + place) for place in range(5)))
    assert calls == len(record.views) * (MEASURED + 2 + 1)
    assert all(row.closest.gap_cm is not None for row in record.host.select(ConflictRow))


def test_the_first_meeting_is_first_by_time_and_not_by_its_spelling(record: RecordSimulator) -> None:
    late = make_circle(start="2016-09-17T14:00:00.5Z")
    record.notify("us", "alpha", late, make_circle())
    record.notify("ru", "bravo", make_circle())
    row = record.host.find(ConflictRow, "alpha|bravo")
    assert row is not None
    assert (row.closest.start, row.sides[0].volume) == ("2016-09-17T14:00:00Z", 1)


def test_an_entry_that_meets_very_many_measures_a_bounded_number_and_tells_of_all(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entente.deconflict.nearness.MEASURED_PAIRS", 2)
    for place in range(5):
        record.notify("us", f"alpha-{place}")
    # What only some can read moves no measure of what all can: every view tells of the open ones alike.
    record.notify("us", "aaa", to=["ru"])
    record.notify("ru", "bravo")
    for view in (None, "ru", "us", "un"):
        rows = [row for row in record.rows(view).select(ConflictRow) if "alpha" in row.first]
        assert [row.closest.gap_cm for row in rows] == [0, 0, None, None, None]
        assert {row.closest.start for row in rows} == {"2016-09-17T14:00:00Z"}
        assert "was not measured: it is one of very many" in explain_conflict(rows[4])
        assert "near " not in explain_conflict(rows[4]).split(";")[0]
    (sealed,) = [row for row in record.rows("ru").select(ConflictRow) if row.first.startswith("aaa@")]
    assert sealed.closest.gap_cm == 0
