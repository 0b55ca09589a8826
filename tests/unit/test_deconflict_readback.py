"""Read-back: a place counts when everyone concerned has read it back right, and not a moment before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.deconflict import (
    ActivityRow,
    Confirm,
    Consent,
    DeclareSite,
    Dispute,
    PositionRow,
    ReadBack,
    Reading,
    Update,
    build_readings,
    compare_with_plan,
    position_state,
    version_state,
)
from entente.kernel.errors import NotFound
from entente.space import (
    Circle,
    CircleWire,
    Gazetteer,
    NamedArea,
    PartWire,
    Place,
    PolygonWire,
    RegionWire,
    VolumeWire,
)
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused

# 0.081 degrees of latitude are 8,986 m here: the nine kilometres of 17 September 2016.
TOLD_LAT, MEANT_LAT = 35.28, 35.28 + 0.081
AIRPORT = Gazetteer([Place("Deir ez-Zor Airport", 35.2854, 40.1760, "airport")])


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def make_readings(*points: tuple[float, float], moved_cm: int | None = None) -> list[Reading]:
    return [
        Reading(place, (round(lat * 1e7), round(lon * 1e7)), "near the airport", moved_cm)
        for place, (lat, lon) in enumerate(points)
    ]


def read_back(
    record: RecordSimulator,
    party: str,
    leaf: str,
    lat: float = TOLD_LAT,
    *,
    moved_cm: int | None = None,
    **more: Any,
) -> str:
    body = ReadBack(leaf, make_readings((lat, 40.18), moved_cm=moved_cm))
    return record.send(party, "position.read-back", body, **more)


def get_row(record: RecordSimulator, leaf: str, party: str, view: str | None = None) -> PositionRow:
    row = record.rows(view).find(PositionRow, f"{leaf}:{party}")
    assert row is not None
    return row


def update(record: RecordSimulator, replaces: str, lat: float) -> str:
    body = Update("alpha", replaces, "moved", [make_circle(lat)], [], "moved", armed=False, concur_by=None)
    return record.send("us", "activity.update", body)


def test_a_position_counts_only_after_every_party_read_it_back(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    assert position_state(record.host, "alpha").state == "unread"
    read_back(record, "ru", leaf)
    found = position_state(record.host, "alpha")
    assert (found.state, found.unread) == ("unread", ("un",))
    read_back(record, "un", leaf)
    assert position_state(record.host, "alpha").state == "counts"


def test_nine_kilometres_off_is_blocked_with_its_metres(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    body = ReadBack(leaf, make_readings((MEANT_LAT, 40.18)))
    record.send("ru", "position.read-back", body, to=["us"])
    found = version_state(record.rows("us"), leaf)
    row = get_row(record, leaf, "ru", "us")
    assert found.state == "blocked"
    assert row.difference_cm is not None
    assert 898_000 < row.difference_cm < 900_000
    assert found.reasons == (
        f"ru: volume 0: read back {row.difference_cm / 100:,.2f} m from the position told, 100 m agreed",
    )
    # The host has the message and can say nothing about it.
    assert version_state(record.host, leaf).state == "sealed"


def test_the_tolerance_is_the_agreed_one(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    read_back(record, "ru", leaf, TOLD_LAT + 0.00089)
    assert get_row(record, leaf, "ru").state == "counts"
    read_back(record, "ru", leaf, TOLD_LAT + 0.00091)
    assert get_row(record, leaf, "ru").state == "blocked"


def test_a_wrong_reading_is_mended_by_reading_again(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    read_back(record, "un", leaf)
    read_back(record, "ru", leaf, MEANT_LAT)
    assert position_state(record.host, "alpha").state == "blocked"
    read_back(record, "ru", leaf)
    assert position_state(record.host, "alpha").state == "counts"


def test_read_back_by_its_own_author_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    with refused("nothing-owed", "'us'"):
        read_back(record, "us", leaf)


def test_read_back_by_a_stranger_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    with refused("unknown-version", leaf[:12]):
        read_back(record, "un", leaf)
    # Sealed to the author, the host cannot see that it is a stranger's; the author's desk does.
    body = ReadBack(leaf, make_readings((TOLD_LAT, 40.18)))
    lie = record.send("un", "position.read-back", body, to=["us"], is_lying=True)
    assert record.views["us"].refused == [(lie, "unknown-version")]
    assert version_state(record.rows("us"), leaf).state == "unread"


@pytest.mark.parametrize("officers", (("duty-1", "duty-2"), ()))
def test_read_back_needs_exactly_one_officer(record: RecordSimulator, officers: tuple[str, ...]) -> None:
    leaf = record.notify("us", "alpha")
    with refused("one-officer" if officers else "officers-missing", f"got {len(officers)}"):
        read_back(record, "ru", leaf, officers=officers)


def test_read_back_of_a_superseded_version_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second = update(record, first, TOLD_LAT)
    with refused("superseded", second[:12], first[:12]):
        read_back(record, "ru", first)


def test_read_back_of_what_has_no_position_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    acknowledgement = record.acknowledge("ru", leaf)
    with refused("unknown-version", acknowledgement[:12]):
        read_back(record, "ru", acknowledgement)


@pytest.mark.parametrize("places", ([0], [0, 1, 2], [1, 0], [0, 0]))
def test_anything_but_one_reading_a_volume_is_refused(record: RecordSimulator, places: list[int]) -> None:
    leaf = record.notify("us", "alpha", make_circle(), make_circle(35.4))
    readings = [Reading(place, (352800000, 401800000), "near", None) for place in places]
    with refused("readings", "each of 2 volumes", str(places)):
        record.send("ru", "position.read-back", ReadBack(leaf, readings))


def test_one_wrong_volume_among_several_blocks(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", make_circle(), make_circle(35.4))
    body = ReadBack(leaf, make_readings((TOLD_LAT, 40.18), (35.5, 40.18)))
    record.send("ru", "position.read-back", body)
    assert [reason[:8] for reason in get_row(record, leaf, "ru").reasons] == ["volume 1"]


def test_a_second_spelling_of_a_pole_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", make_circle(90.0, 0.0))
    readings = [Reading(0, (900_000_000, 5), "at the pole", None)]
    with refused("pole-longitude", "got 5"):
        record.send("ru", "position.read-back", ReadBack(leaf, readings))


# Movement


def read_movement(record: RecordSimulator, first: str, lat: float) -> tuple[str, str, int]:
    """An update that moved, read back right by both: the leaf, the read-back of ru, the movement."""
    second = update(record, first, lat)
    volumes = (make_circle(lat),)
    (reading,) = build_readings(volumes, AIRPORT, [], (make_circle(),))
    assert reading.moved_cm is not None
    leaf = read_back(record, "ru", second, lat, moved_cm=reading.moved_cm)
    read_back(record, "un", second, lat, moved_cm=reading.moved_cm)
    return second, leaf, reading.moved_cm


def test_a_movement_is_blocked_until_its_author_states_it(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second, leaf, moved_cm = read_movement(record, first, MEANT_LAT)
    found = position_state(record.host, "alpha")
    assert found.state == "blocked"
    assert all("moved 8,98" in reason and "not confirmed" in reason for reason in found.reasons)
    assert len(found.reasons) == 2
    record.send("us", "position.confirm", Confirm(second, leaf, moved_cm))
    assert get_row(record, second, "ru").state == "counts"
    # Each reading is answered: what one party read says nothing of what another did.
    assert get_row(record, second, "un").state == "blocked"
    stamp = get_row(record, second, "un").read_back
    assert stamp is not None
    record.send("us", "position.confirm", Confirm(second, stamp.leaf, moved_cm))
    assert position_state(record.host, "alpha").state == "counts"


def test_a_movement_within_the_tolerance_needs_no_word(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    read_movement(record, first, TOLD_LAT + 0.0005)
    assert position_state(record.host, "alpha").state == "counts"


def test_confirming_another_movement_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second, leaf, moved_cm = read_movement(record, first, MEANT_LAT)
    for wrong_cm in (moved_cm - 10_001, moved_cm + 10_001, 0):
        with refused("other-movement", f"{moved_cm / 100:,.2f} m within 100 m"):
            record.send("us", "position.confirm", Confirm(second, leaf, wrong_cm))
    record.send("us", "position.confirm", Confirm(second, leaf, moved_cm + 10_000))


def test_confirming_for_the_author_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second, leaf, moved_cm = read_movement(record, first, MEANT_LAT)
    with refused("not-author", "'us', got 'ru'"):
        record.send("ru", "position.confirm", Confirm(second, leaf, moved_cm))


def test_confirming_what_was_not_read_back_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second, leaf, moved_cm = read_movement(record, first, MEANT_LAT)
    with refused("unknown-read-back", first[:12]):
        record.send("us", "position.confirm", Confirm(second, first, moved_cm))
    again = read_back(record, "ru", second, MEANT_LAT, moved_cm=moved_cm)
    with refused("unknown-read-back", leaf[:12]):
        record.send("us", "position.confirm", Confirm(second, leaf, moved_cm))
    record.send("us", "position.confirm", Confirm(second, again, moved_cm))


def test_confirming_a_movement_of_a_first_version_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    read = read_back(record, "ru", leaf)
    with refused("not-moved", leaf[:12]):
        record.send("us", "position.confirm", Confirm(leaf, read, 0))


def test_a_confirmation_does_not_excuse_a_wrong_reading(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second = update(record, first, MEANT_LAT)
    read = read_back(record, "ru", second, TOLD_LAT, moved_cm=898_654)
    moved_cm = get_row(record, second, "ru").moved_cm
    assert moved_cm is not None
    record.send("us", "position.confirm", Confirm(second, read, moved_cm))
    assert get_row(record, second, "ru").state == "blocked"


def test_a_reader_who_saw_another_movement_blocks(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    second = update(record, first, TOLD_LAT)
    read_back(record, "ru", second, moved_cm=900_000)
    assert get_row(record, second, "ru").reasons == (
        "volume 0: read back as moved by 9,000 m, the record says 0 m",
    )


@pytest.mark.parametrize("is_first", (True, False))
def test_a_movement_is_stated_exactly_when_there_is_an_earlier_version(
    record: RecordSimulator, is_first: bool
) -> None:
    leaf = record.notify("us", "alpha")
    if not is_first:
        leaf = update(record, leaf, TOLD_LAT)
    with refused("bad-movement", "null" if is_first else "the movement"):
        read_back(record, "ru", leaf, moved_cm=0 if is_first else None)


def test_an_added_volume_far_off_is_a_movement(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    volumes = [make_circle(), make_circle(MEANT_LAT)]
    second = record.send(
        "us",
        "activity.update",
        Update("alpha", first, "t", volumes, [], "added", armed=False, concur_by=None),
    )
    readings = build_readings(volumes, AIRPORT, [], [make_circle()])
    record.send("ru", "position.read-back", ReadBack(second, readings))
    assert [reason[:22] for reason in get_row(record, second, "ru").reasons] == ["volume 1: moved 8,986."]


# Disputes


def test_the_authors_dispute_blocks_everyone_until_an_update(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    read_back(record, "ru", first)
    record.send("us", "position.dispute", Dispute(first, 898_654, "the plan says 9 km north"))
    found = position_state(record.host, "alpha")
    assert found.state == "blocked"
    assert found.reasons == tuple(
        f"{party}: disputed by its author: 8,986.54 m from the author's own plan: the plan says 9 km north"
        for party in ("ru", "un")
    )
    read_back(record, "un", first)
    read_back(record, "ru", first)
    assert position_state(record.host, "alpha").state == "blocked"
    update(record, first, MEANT_LAT)
    assert position_state(record.host, "alpha").state == "unread"


def test_disputing_anothers_position_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    with refused("not-author", "'us', got 'ru'"):
        record.send("ru", "position.dispute", Dispute(leaf, 1, "no"))


def test_disputing_twice_or_too_late_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha")
    record.send("us", "position.dispute", Dispute(first, 1, "no"))
    with refused("already-disputed", first[:12]):
        record.send("us", "position.dispute", Dispute(first, 2, "no, again"))
    second = update(record, first, MEANT_LAT)
    with refused("superseded", second[:12]):
        record.send("us", "position.dispute", Dispute(first, 1, "no"))


# Zones and sites, and where nothing is known


def make_site(volume: VolumeWire, replaces: str | None = None) -> DeclareSite:
    consent = Consent("M2 hospital board", "2016-09-01T00:00:00Z", [], "letter")
    until = "2016-12-01T00:00:00Z"
    return DeclareSite("m2", "M2", "hospital", volume, 50_000, "", consent, until, replaces)


def test_a_site_is_read_back_like_anything_else(record: RecordSimulator) -> None:
    site = make_site(make_circle())
    leaf = record.send("un", "site.declare", site)
    read_back(record, "ru", leaf)
    read_back(record, "us", leaf)
    assert position_state(record.host, "m2").state == "counts"


def test_a_site_that_is_moved_is_blocked_until_its_author_confirms_the_movement(
    record: RecordSimulator,
) -> None:
    first = record.send("un", "site.declare", make_site(make_circle(MEANT_LAT)))
    for party in ("ru", "us"):
        read_back(record, party, first, MEANT_LAT)
    assert position_state(record.host, "m2").state == "counts"
    moved = make_site(make_circle(TOLD_LAT), replaces=first)
    second = record.send("un", "site.declare", moved)
    assert position_state(record.host, "m2").state == "unread"
    leaves = [read_back(record, party, second, moved_cm=898_600) for party in ("ru", "us")]
    state = position_state(record.host, "m2")
    assert state.state == "blocked"
    assert "which its author has not confirmed" in state.reasons[0]
    moved_cm = next(iter(record.host.select(PositionRow, message=second))).moved_cm
    assert moved_cm is not None
    for leaf in leaves:
        record.send("un", "position.confirm", Confirm(second, leaf, moved_cm))
    assert position_state(record.host, "m2").state == "counts"


def test_the_position_of_what_is_unknown_is_not_found(record: RecordSimulator) -> None:
    with pytest.raises(NotFound, match="alpha"):
        position_state(record.host, "alpha")


def test_no_reading_at_all_never_counts(record: RecordSimulator) -> None:
    assert version_state(record.host, "0" * 64).state == "unread"


def test_a_sealed_position_is_judged_by_its_audience_alone(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    body = ReadBack(leaf, make_readings((TOLD_LAT, 40.18)))
    record.send("ru", "position.read-back", body, to=["us"])
    name = next(record.rows("us").select(ActivityRow)).object
    assert position_state(record.rows("us"), name).state == "counts"
    assert position_state(record.rows("ru"), name).state == "counts"
    assert version_state(record.rows("un"), leaf).state == "sealed"


# What a desk works out


def test_readings_say_where_it_is_inside_what_and_how_far_it_moved() -> None:
    tharda = NamedArea("Tharda", Circle((TOLD_LAT, 40.18), 2000.0))
    (reading,) = build_readings([make_circle()], AIRPORT, [tharda], [make_circle(MEANT_LAT)])
    assert reading.words == (
        "701 m south-south-east (149 deg) of Deir ez-Zor Airport; inside 'Tharda'; "
        "9.0 km from the earlier position; circle of 1,000 m radius"
    )
    assert reading.point_e7 == (352_800_000, 401_800_000)
    assert reading.moved_cm is not None
    assert 898_000 < reading.moved_cm < 899_000


def test_words_are_cut_to_their_bound() -> None:
    areas = [NamedArea("x" * 90, Circle((TOLD_LAT, 40.18), 2000.0)) for _ in range(9)]
    (reading,) = build_readings([make_circle()], AIRPORT, areas, None)
    assert len(reading.words) == 400
    assert reading.words.endswith("…")
    msgspec.convert(msgspec.to_builtins(reading), Reading)


def test_unchanged_readings_of_a_polygon_count(record: RecordSimulator) -> None:
    corners = ((352000000, 401000000), (352100000, 403000000), (354000000, 402000000))
    volume = msgspec.structs.replace(make_circle(), outline=PolygonWire(corners))
    leaf = record.notify("us", "alpha", volume)
    record.send("ru", "position.read-back", ReadBack(leaf, build_readings([volume], AIRPORT, [], None)))
    assert get_row(record, leaf, "ru").state == "counts"


def differences(plan: list[VolumeWire], told: list[VolumeWire]) -> list[tuple[int, str, int | None]]:
    return [(one.volume, one.what, one.difference_cm) for one in compare_with_plan(plan, told, 100.0)]


def test_the_plan_agrees_with_itself() -> None:
    assert differences([make_circle()], [make_circle()]) == []
    # 0.00090 degrees of latitude are 99.9 m here, 0.00091 are 101.0 m.
    assert differences([make_circle()], [make_circle(TOLD_LAT + 0.00090)]) == []
    assert [one[1] for one in differences([make_circle()], [make_circle(TOLD_LAT + 0.00091)])] == ["position"]


def test_nine_kilometres_from_the_plan_are_found() -> None:
    ((volume, what, cm),) = differences([make_circle(MEANT_LAT)], [make_circle()])
    assert (volume, what) == (0, "position")
    assert cm is not None
    assert 898_000 < cm < 899_000


@pytest.mark.parametrize(
    ("told", "expected"),
    (
        (make_circle(radius_m=1100.0), []),
        (make_circle(radius_m=1100.01), [(0, "outline", 10_001)]),
        (make_circle(floor_m=None), [(0, "floor", None)]),
        (make_circle(floor_m=101.0), [(0, "floor", 10_100)]),
        (make_circle(floor_m=100.0), []),
        (make_circle(ceiling_m=4000.0), [(0, "ceiling", 100_000)]),
        (make_circle(start="2016-09-17T13:59:59Z"), [(0, "start", None)]),
        (make_circle(end="2016-09-18T16:00:00Z"), [(0, "end", None)]),
    ),
)
def test_every_difference_from_the_plan_is_named(
    told: VolumeWire, expected: list[tuple[int, str, int | None]]
) -> None:
    assert differences([make_circle()], [told]) == expected


def test_a_volume_missing_or_added_is_a_difference() -> None:
    one, two = make_circle(), make_circle(36.0)
    assert differences([one, two], [one]) == [(1, "missing", None)]
    assert differences([one], [one, two]) == [(1, "added", None)]


def test_another_shape_at_the_same_place_is_a_difference() -> None:
    corners = ((352700000, 401700000), (352700000, 401900000), (352900000, 401900000), (352900000, 401700000))
    square = msgspec.structs.replace(make_circle(), outline=PolygonWire(corners))
    dented = msgspec.structs.replace(square, outline=PolygonWire((*corners, (352800000, 401690000))))
    shifted = msgspec.structs.replace(square, outline=PolygonWire((*corners[:3], (352900000, 401680000))))
    assert isinstance(make_circle().outline, CircleWire)
    assert differences([make_circle()], [square]) == [(0, "outline", None)]
    assert differences([square], [dented]) == [(0, "outline", None)]
    ((_, what, cm),) = differences([square], [shifted])
    assert what == "outline"
    assert cm is not None
    assert 18_000 < cm < 18_400


def test_a_hole_or_a_part_that_is_moved_or_missing_is_a_difference_and_is_said() -> None:
    corners = ((352700000, 401700000), (352700000, 401900000), (352900000, 401900000), (352900000, 401700000))
    hole = ((352790000, 401790000), (352790000, 401810000), (352810000, 401800000))
    there = ((353000000, 401700000), (353000000, 401900000), (353200000, 401800000))
    moved = (*hole[:2], (352820000, 401800000))

    def region(*parts: PartWire) -> VolumeWire:
        return msgspec.structs.replace(make_circle(), outline=RegionWire(parts))

    plan = region(PartWire(corners, (hole,)), PartWire(there, ()))
    assert differences([plan], [plan]) == []
    ((_, what, cm),) = differences([plan], [region(PartWire(corners, (moved,)), PartWire(there, ()))])
    assert what == "outline"
    assert cm == pytest.approx(11_096, abs=10)
    assert differences([plan], [region(PartWire(corners, ()), PartWire(there, ()))]) != []
    # As many loops of as many points, but the hole is told as a part beside the others.
    beside = tuple((lat, lon + 1_000_000) for lat, lon in hole)
    assert (
        differences([plan], [region(PartWire(corners, ()), PartWire(beside, ()), PartWire(there, ()))]) != []
    )
    (reading,) = build_readings([plan], Gazetteer([Place("Here", 35.28, 40.18, "town")]), [], None)
    assert reading.words.endswith("; outline of 2 parts with 1 hole, 10 points in all")
