"""A host that raises no alarm is named as soon as no last digit excuses it; a center that does never is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.deconflict import AlarmRow, Close, Update, find_withheld, plan_alarms, withheld
from entente.space import VolumeWire
from tests.unit.test_deconflict_alarm import deny
from tests.unit.test_deconflict_doubt import PartingSimulator, find_longitude, make_parting, raise_due
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle

SURE = 40.18
FAR = 41.0


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> PartingSimulator:
    return make_parting(monkeypatch)


def at(lon: float, start: str = "2016-09-17T14:00:00Z", end: str = "2016-09-17T16:00:00Z") -> VolumeWire:
    return make_circle(lon=lon, start=start, end=end)


def move(record: RecordSimulator, leaf: str, *volumes: VolumeWire, armed: bool = True) -> str:
    body = Update("bravo", leaf, "t", list(volumes), [], "", armed=armed, concur_by=None)
    return record.send("ru", "activity.update", body)


def start(record: RecordSimulator, *volumes: VolumeWire, names: Any = ("alpha",)) -> str:
    for name in names:
        record.notify("us", name, at(SURE), armed=True)
    return record.notify("ru", "bravo", *volumes, armed=True)


def test_one_version_at_the_edge_buys_no_silence(record: PartingSimulator) -> None:
    """The attack: a party that plays with the host comes by way of the edge, where nobody can be accused."""
    leaf = start(record, at(find_longitude()))
    assert record.list_withheld("us") == []
    move(record, leaf, at(SURE))
    assert record.list_withheld("us") == record.list_withheld("ru") == ["alpha|bravo"]


def test_many_versions_at_the_edge_buy_no_silence(record: PartingSimulator) -> None:
    leaf = start(record, at(find_longitude()))
    for place in range(25):
        leaf = move(record, leaf, at(find_longitude() + place % 3 * 1e-7))
    move(record, leaf, at(SURE))
    assert record.list_withheld("us") == ["alpha|bravo"]


def test_a_volume_at_the_edge_hides_none_that_is_not(record: PartingSimulator) -> None:
    start(record, at(find_longitude(), end="2016-09-17T14:30:00Z"), at(SURE, start="2016-09-17T15:00:00Z"))
    assert record.list_withheld("us") == ["alpha|bravo"]


def test_a_conflict_at_the_edge_hides_none_that_its_alarm_is_also_for(record: PartingSimulator) -> None:
    record.notify("us", "alpha", at(SURE), armed=True)
    record.notify("us", "beta", at(SURE, start="2016-09-17T15:00:00Z"), armed=True)
    record.notify(
        "ru",
        "bravo",
        at(find_longitude(), end="2016-09-17T14:30:00Z"),
        at(SURE, start="2016-09-17T15:30:00Z"),
        armed=True,
    )
    (due,) = record.rows("us").select(AlarmRow)
    assert due.also
    assert record.list_withheld("us") != []


def test_a_look_goes_on_where_the_last_one_ended(
    record: PartingSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withheld, "MAX_LOOKED", 4)
    edge = find_longitude()
    for place in range(4):
        record.notify("us", f"alpha-{place}", at(SURE), armed=True)
    record.notify("us", "omega", at(FAR, start="2016-09-17T15:00:00Z"), armed=True)
    record.notify("ru", "bravo", at(edge), at(FAR, start="2016-09-17T15:30:00Z"), armed=True)
    rows = record.rows("us")
    (due,) = rows.select(AlarmRow)
    found, place, looks = None, 0, 0
    while found is None and looks < 5:
        with record.at("us"):
            found, place = find_withheld(due, rows, place=place)
        looks += 1
    assert found is not None
    assert found.conflict == "bravo|omega"
    assert looks > 1


def test_an_alarm_that_may_stand_at_the_center_is_missed_by_nobody(record: PartingSimulator) -> None:
    """Raised once; one machine holds it to have ended by a hair, and the center does not."""
    leaf = start(record, at(SURE))
    raise_due(record)
    leaf = move(record, leaf, at(find_longitude(more_m=-0.02)))
    move(record, leaf, at(SURE))
    assert [row.state for row in record.rows("un").select(AlarmRow)] == ["ended", "due"]
    assert plan_alarms(record.host) == []
    assert record.list_withheld("un") == []


def test_an_alarm_for_next_year_excuses_none_for_tomorrow(record: PartingSimulator) -> None:
    record.notify("us", "alpha", at(SURE, end="2018-01-01T00:00:00Z"), armed=True)
    leaf = record.notify("ru", "bravo", at(SURE, "2017-09-17T14:00:00Z", "2017-09-17T16:00:00Z"), armed=True)
    raise_due(record)
    edge = at(find_longitude(more_m=-0.02), "2017-09-17T14:00:00Z", "2017-09-17T16:00:00Z")
    leaf = move(record, leaf, edge)
    move(record, leaf, at(SURE))
    assert record.list_withheld("un") == ["alpha|bravo"]
    raise_due(record)
    assert record.list_withheld("un") == []


def test_an_alarm_from_before_they_were_surely_apart_excuses_nothing(record: PartingSimulator) -> None:
    leaf = start(record, at(SURE))
    raise_due(record)
    for lon in (find_longitude(more_m=-0.02), FAR, find_longitude(), SURE):
        leaf = move(record, leaf, at(lon))
    assert record.list_withheld("us") == ["alpha|bravo"]


def test_an_alarm_about_another_meeting_of_the_same_two_parties_excuses_nothing(
    record: PartingSimulator,
) -> None:
    leaf = start(record, at(find_longitude()))
    record.notify("us", "gamma", at(FAR), armed=True)
    record.notify("ru", "delta", at(FAR), armed=True)
    for kind, body in plan_alarms(record.host):
        if "gamma" in body.conflict:
            record.send("center", kind, body)
    move(record, leaf, at(SURE))
    assert record.list_withheld("us") == ["alpha|bravo"]


def test_an_alarm_that_names_what_another_machine_does_not_see_is_for_the_rest_too(
    record: PartingSimulator,
) -> None:
    """The reverse: the center's alarm names a meeting by a hair, and lists the one that all are sure of."""
    record.notify("us", "alpha", at(SURE), armed=True)
    record.notify("us", "beta", at(42.0, start="2016-09-17T15:00:00Z"), armed=True)
    record.notify("ru", "bravo", at(find_longitude(more_m=-0.02)), at(42.0), armed=True)
    raise_due(record)
    assert [row.conflict for row in record.rows("un").select(AlarmRow, state="due")] == ["beta|bravo"]
    assert record.list_withheld("un") == []


def test_an_alarm_that_may_be_for_them_too_by_a_hair_excuses_the_center(record: PartingSimulator) -> None:
    """The center's alarm is for two meetings of one entry; another machine found one of them only later."""
    record.notify("us", "alpha", at(SURE, start="2016-09-17T15:00:00Z"), armed=True)
    record.notify("us", "beta", at(42.0), armed=True)
    leaf = record.notify("ru", "bravo", at(find_longitude(more_m=-0.02)), at(42.0), armed=True)
    raise_due(record)
    move(record, leaf, at(SURE), at(42.0))
    assert plan_alarms(record.host) == []
    assert [row.conflict for row in record.rows("un").select(AlarmRow, state="due")] == ["alpha|bravo"]
    assert record.list_withheld("un") == []


def test_an_alarm_that_is_also_for_another_by_a_hair_is_not_moved_up_everywhere(
    record: PartingSimulator,
) -> None:
    """The first is over. What the center says next is the one by a hair, which is before this one still."""
    nine, ten = "2016-09-17T09:00:00Z", "2016-09-17T10:00:00Z"
    noon, one = "2016-09-17T12:00:00Z", "2016-09-17T13:00:00Z"
    record.notify("us", "alpha", at(42.0, nine, ten), armed=True)
    record.notify("us", "beta", at(SURE, noon, one), armed=True)
    leaf = record.notify("us", "gamma", at(43.0, "2016-09-17T16:00:00Z", "2016-09-17T17:00:00Z"), armed=True)
    edge = at(find_longitude(more_m=-0.02), noon, one)
    late = at(43.0, "2016-09-17T14:00:00Z", "2016-09-17T17:00:00Z")
    record.notify("ru", "bravo", at(42.0, nine, ten), edge, late, armed=True)
    raise_due(record)
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    earlier = at(43.0, "2016-09-17T14:00:00Z", "2016-09-17T15:00:00Z")
    body = Update("gamma", leaf, "t", [earlier], [], "", armed=True, concur_by=None)
    record.send("us", "activity.update", body)
    assert plan_alarms(record.host) == []
    assert [row.conflict for row in record.rows("un").select(AlarmRow, state="due")] == ["bravo|gamma"]
    assert record.list_withheld("un") == []


def test_an_alarm_about_one_of_the_two_and_a_third_excuses_nothing(record: PartingSimulator) -> None:
    leaf = start(record, at(find_longitude()))
    record.notify("ru", "delta", at(SURE), armed=True)
    for kind, body in plan_alarms(record.host):
        if "delta" in body.conflict:
            record.send("center", kind, body)
    move(record, leaf, at(SURE))
    assert record.list_withheld("us") == ["alpha|bravo"]


def test_one_of_an_entrys_meetings_raised_alone_excuses_none_that_begins_before(
    record: PartingSimulator,
) -> None:
    """Which is accepted, as older centers raised each by itself."""
    record.notify("us", "alpha", at(SURE), armed=True)
    record.notify("us", "beta", at(SURE, start="2016-09-17T15:00:00Z"), armed=True)
    record.notify("ru", "bravo", at(SURE), armed=True)
    ((kind, body),) = plan_alarms(record.host)
    record.send("center", kind, msgspec.structs.replace(body, alarm="alarm-2-2", conflict="beta|bravo"))
    assert record.list_withheld("us") == ["alpha|bravo"]


def test_a_denied_zone_entered_by_way_of_its_edge_is_missed(record: PartingSimulator) -> None:
    deny(record, "ru")
    leaf = record.notify("us", "alpha", at(FAR))
    for lon, expected in ((40.224, []), (SURE, ["alpha|keep-out"])):
        body = Update("alpha", leaf, "t", [at(lon)], [], "", armed=False, concur_by=None)
        leaf = record.send("us", "activity.update", body)
        found = record.list_withheld("us")
        assert found == expected or lon != SURE
    raise_due(record)
    assert record.list_withheld("us") == []
