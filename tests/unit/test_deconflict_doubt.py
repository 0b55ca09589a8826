"""Machines that part at the last digits of a distance never part about a message: what is accepted stays so.

Each view of the record here measures otherwise than the host by some centimetres, which is far more than any
two machines do: what is shown may differ then, what is accepted may not.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import pytest

from entente.deconflict import (
    AlarmRow,
    AnswerIncident,
    Called,
    Close,
    Concur,
    ConcurrenceRow,
    ConflictRow,
    FollowUpRow,
    IncidentRow,
    Raise,
    See,
    SilentIncident,
    Update,
    find_withheld,
    has_concurred,
    plan_alarms,
    plan_concurrence,
    plan_follow_ups,
)
from entente.space import (
    Separation,
    VolumeWire,
    bounds,
    distance_and_bearing,
    doubt,
    find_conflict,
    holding,
    overlap,
    parse_volume,
)
from entente.space.doubt import AGREE_M, relate
from tests.unit.test_deconflict_incidents import hear, make_report
from tests.unit.test_deconflict_simulator import RecordSimulator, View, make_circle, refused
from tests.unit.test_deconflict_sites import make_site

SHIFTS_M: Final = {None: 0.0, "ru": 0.03, "un": -0.03, "us": 1e-9}
"""By how much more each view finds within reach."""
CALLED: Final = [Called("ru", "duty-1"), Called("us", "duty-1")]


class PartingSimulator(RecordSimulator):
    """A record whose readers' machines measure a little differently."""

    shift_m = 0.0
    shifts_m: Mapping[str | None, float] = SHIFTS_M

    def _find_fault(self, view: View, message: Any) -> Any:
        with self.at(view.party):
            return super()._find_fault(view, message)

    def _apply(self, view: View, *more: Any) -> None:
        with self.at(view.party):
            super()._apply(view, *more)

    @contextmanager
    def at(self, reader: str | None) -> Iterator[None]:
        """What is asked inside is asked on the machine of one reader."""
        self.shift_m = self.shifts_m[reader]
        yield
        self.shift_m = 0.0

    def list_withheld(self, reader: str | None) -> list[str]:
        """About which conflicts a reader would accuse the host, were the grace over."""
        rows = self.rows(reader)
        with self.at(reader):
            found = [find_withheld(row, rows)[0] for row in rows.select(AlarmRow, state="due")]
        return [one.conflict for one in found if one is not None]


def make_parting(monkeypatch: pytest.MonkeyPatch) -> PartingSimulator:
    """A record whose readers' machines part, as long as the patch lasts."""
    made = PartingSimulator()
    meeting, length, apart = overlap.find_meeting, distance_and_bearing, bounds.is_apart

    def find_meeting(a: Any, b: Any, lateral_m: float) -> Any:
        return meeting(a, b, lateral_m + made.shift_m)

    def measure(*where: float) -> tuple[float, float]:
        length_m, bearing = length(*where)
        # A third of it: what is held hangs on millimetres.
        return length_m - made.shift_m / 100, bearing

    def is_apart(a: Any, b: Any, separation: Separation) -> bool:
        reach_m = max(0.0, separation.lateral_m + made.shift_m)
        return apart(a, b, Separation(reach_m, separation.vertical_m, separation.time_s))

    monkeypatch.setattr(overlap, "is_apart", is_apart)
    for module in (overlap, doubt):
        monkeypatch.setattr(module, "find_meeting", find_meeting)
    monkeypatch.setattr(holding, "distance_and_bearing", measure)
    return made


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> PartingSimulator:
    return make_parting(monkeypatch)


def find_edge(is_met: Callable[[int], bool], low: int, high: int) -> int:
    """The last whole number from ``low`` on for which something holds that does not for ``high``."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_met(middle) else (low, middle)
    return low


@functools.cache
def find_longitude(latitude: float = 35.28, *, more_m: float = 0.0) -> float:
    """Where a circle of a kilometre just conflicts with one at 40.18 under 5 km, and ``more_m``."""
    fixed = parse_volume(make_circle())

    def is_met(lon_e7: int) -> bool:
        other = parse_volume(make_circle(latitude, lon_e7 / 1e7))
        return find_conflict(fixed, other, Separation(5000.0 + more_m, 300.0, 600.0)) is not None

    return find_edge(is_met, 402_000_000, 410_000_000) / 1e7


def meet(record: RecordSimulator, lon: float) -> str:
    record.notify("us", "alpha", armed=True)
    return record.notify("ru", "bravo", make_circle(lon=lon), armed=True)


def update(record: RecordSimulator, leaf: str, lon: float) -> str:
    body = Update("bravo", leaf, "t", [make_circle(lon=lon)], [], "", armed=True, concur_by=None)
    return record.send("ru", "activity.update", body)


def raise_due(record: RecordSimulator) -> list[str]:
    return [record.send("center", kind, body) for kind, body in plan_alarms(record.host)]


def states(record: RecordSimulator, view: str | None) -> list[str]:
    return [row.state for row in record.rows(view).select(AlarmRow)]


def test_an_alarm_that_hangs_on_a_last_digit_is_accepted_by_all(record: PartingSimulator) -> None:
    meet(record, find_longitude())
    # One machine sees no conflict at all; each would be right.
    assert {view: states(record, view) for view in SHIFTS_M} == {
        None: ["due"],
        "ru": ["due"],
        "un": [],
        "us": ["due"],
    }
    raise_due(record)
    for view in SHIFTS_M:
        assert states(record, view) == ["raised"]
    for party in ("ru", "us"):
        record.send(party, "alarm.see", See("alarm-1-1"), officers=["duty-1"])
    assert len({str(next(iter(view.rows.select(AlarmRow))).seen) for view in record.views.values()}) == 1


def test_what_goes_to_and_fro_across_the_last_digit_is_accepted_each_time(record: PartingSimulator) -> None:
    edge = find_longitude()
    leaf = meet(record, 40.18)
    raise_due(record)
    for lon in (edge, edge + 2e-7, 40.185, edge + 1e-7, 41.0, edge, 40.18, edge - 1e-7):
        leaf = update(record, leaf, lon)
        raise_due(record)
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    # What one machine took over from the others' is over with it, everywhere.
    for view in SHIFTS_M:
        assert set(states(record, view)) == {"ended"}
        assert {row.state for row in record.rows(view).select(ConflictRow)} == {"resolved"}


def test_the_numbers_of_one_entrys_alarms_may_differ(record: PartingSimulator) -> None:
    record.notify("ru", "aaa", make_circle(lon=find_longitude(more_m=-0.02)), armed=True)
    record.notify("ru", "bravo", armed=True)
    record.notify("us", "zulu", armed=True)
    record.notify("ru", "yankee", make_circle(lon=find_longitude(more_m=0.02)), armed=True)
    assert len(raise_due(record)) >= 1
    # Whoever counts one more has given one name to another alarm: it stands aside.
    for view in SHIFTS_M:
        raised = {row.conflict: row.alarm for row in record.rows(view).select(AlarmRow, state="raised")}
        assert raised == {row.conflict: row.alarm for row in record.host.select(AlarmRow, state="raised")}


def test_a_host_is_not_accused_of_what_it_may_not_have_seen(record: PartingSimulator) -> None:
    meet(record, find_longitude(more_m=0.02))
    assert plan_alarms(record.host) == []
    assert [row.state for row in record.rows("ru").select(AlarmRow)] == ["due"]
    assert record.list_withheld("ru") == []
    sure = PartingSimulator()
    meet(sure, 40.18)
    assert sure.list_withheld("ru") == ["alpha|bravo"]


def test_doubt_is_no_licence_to_raise_what_is_not(record: PartingSimulator) -> None:
    leaf = meet(record, find_longitude())
    raise_due(record)
    lies = (
        Raise("alarm-1-2", "alpha|bravo", "armed", 1, CALLED),  # a second one since the same entry
        Raise("alarm-0-1", "alpha|bravo", "armed", 0, CALLED),  # since before there was one of the two
        Raise("alarm-2-x", "alpha|bravo", "armed", 2, CALLED),
        Raise("alarm-2-1", "alpha|bravo", "denied-zone", 2, CALLED),
        Raise("alarm-2-1", "bravo|alpha", "armed", 2, CALLED),
    )
    for lie in lies:
        with pytest.raises(Exception, match="expected"):
            record.send("center", "alarm.raise", lie)
    with refused("wrong-contact"):
        called = [Called("ru", "duty-2"), Called("us", "duty-1")]
        record.send("center", "alarm.raise", Raise("alarm-2-1", "alpha|bravo", "armed", 2, called))
    # Far away: no machine finds it near.
    update(record, leaf, find_longitude(more_m=2 * AGREE_M))
    with pytest.raises(Exception, match="expected"):
        record.send("center", "alarm.raise", Raise("alarm-3-1", "alpha|bravo", "armed", 3, CALLED))


def test_a_lapse_of_a_yes_that_is_carried_by_a_hair_is_accepted_by_all(record: PartingSimulator) -> None:
    wide = parse_volume(make_circle())

    def is_held(lon_e7: int) -> bool:
        inner = parse_volume(make_circle(lon=lon_e7 / 1e7, radius_m=900.0))
        return holding.holds(wide, inner)

    edge = find_edge(is_held, 401_800_000, 401_900_000) / 1e7
    for lon in (edge, edge + 1e-7):
        first = record.notify("us", f"alpha-{record.size}", concurrence=["ru"])
        name = f"alpha-{record.size - 1}"
        record.acknowledge("ru", first)
        record.send("ru", "activity.concur", Concur(name, first))
        body = Update(
            name,
            first,
            f"title of {name}",
            [make_circle(lon=lon, radius_m=900.0)],
            ["ru"],
            "",
            armed=False,
            concur_by=None,
        )
        record.send("us", "activity.update", body)
    record.tick(minutes=300)
    for kind, told in plan_concurrence(record.host, record.now, record.recorded_utc):
        record.send("center", kind, told)
    for row in record.host.select(ConcurrenceRow, answer="lapsed"):
        for view in SHIFTS_M:
            assert not has_concurred(record.rows(view), row.version, "ru")
    assert list(record.host.select(ConcurrenceRow, answer="waiting")) == []


def test_a_yes_that_is_surely_carried_over_is_lapsed_by_nobody(record: PartingSimulator) -> None:
    first = record.notify("us", "alpha", concurrence=["ru"])
    record.acknowledge("ru", first)
    record.send("ru", "activity.concur", Concur("alpha", first))
    volumes = [make_circle(radius_m=900.0)]
    body = Update("alpha", first, "title of alpha", volumes, ["ru"], "", armed=False, concur_by=None)
    second = record.send("us", "activity.update", body)
    waiting = msgspec.structs.replace(
        next(record.host.select(ConcurrenceRow, version=second)), answer="waiting", carried_from=""
    )
    ((kind, told),) = _plan_as_if(record, waiting)
    with refused("already-answered"):
        record.send("center", kind, told)


def _plan_as_if(record: RecordSimulator, row: ConcurrenceRow) -> list[tuple[str, Any]]:
    """What a center would say whose rows held another one."""
    known = next(record.host.select(ConcurrenceRow, version=row.version))
    record.host.put(row)
    record.tick(minutes=300)
    planned = plan_concurrence(record.host, record.now, record.recorded_utc)
    record.host.put(known)
    return list(planned)


def put_site(record: RecordSimulator) -> None:
    hear(record, record.send("un", "site.declare", make_site()))
    record.tick(minutes=90)


def find_latitude() -> int:
    """Where a report of ten metres just meets the hospital of 50 m with its buffer of 500 m."""
    site = parse_volume(make_site().volume)

    def is_met(lat_e7: int) -> bool:
        circle = make_circle(lat_e7 / 1e7, 37.16, 10.0)
        return find_conflict(parse_volume(circle), site, Separation(500.0, 500.0)) is not None

    return find_edge(is_met, 362_000_000, 363_000_000)


@pytest.mark.parametrize("step", (-3, -1, 0, 1, 2, 4))
def test_silence_about_what_hangs_on_a_last_digit_is_accepted_by_all(
    record: PartingSimulator, step: int
) -> None:
    put_site(record)
    place = (find_latitude() + step, 371_600_000)
    record.send("un", "incident.report", make_report(place_e7=place))
    record.send("us", "incident.answer", AnswerIncident("fire", "account", "we did not"))
    record.tick(minutes=8 * 1440)
    for kind, body in plan_follow_ups(record.host, record.now, record.recorded_utc):
        record.send("center", kind, body)
        for view in SHIFTS_M:
            (row,) = record.rows(view).select(FollowUpRow, party="ru")
            assert row.state == "silent"
    assert all(next(view.rows.select(IncidentRow)).in_doubt for view in record.views.values())


def test_silence_about_what_was_at_no_site_is_refused(record: PartingSimulator) -> None:
    put_site(record)
    record.send("un", "incident.report", make_report(place_e7=(362_100_000, 371_600_000)))
    record.tick(minutes=8 * 1440)
    recorded = "2016-09-17T14:30:00Z"
    with refused("nothing-owed"):
        body = SilentIncident("fire", ["ru", "us"], recorded, 8 * 86_400)
        record.send("center", "incident.silent", body)


@pytest.mark.parametrize(
    ("gap_m", "lateral_m", "relation"),
    (
        (4999.0, 5000.0, "meet"),
        (5001.0, 5000.0, "apart"),
        (5000.05, 5000.0, "unsure"),
        (4999.95, 5000.0, "unsure"),
        (0.05, 0.0, "unsure"),
        (1.0, 0.0, "apart"),
        (-0.05, 0.0, "unsure"),
        (-1.0, 0.0, "meet"),
    ),
)
def test_what_hangs_on_less_than_can_be_measured_is_unsure(
    gap_m: float, lateral_m: float, relation: str
) -> None:
    def put(radius_m: float, metres_east: float) -> VolumeWire:
        return make_circle(0.0, metres_east / (6378137.0 * 3.141592653589793 / 180), radius_m)

    one, other = parse_volume(put(1000.0, 0.0)), parse_volume(put(1000.0, 2000.0 + gap_m))
    assert relate(one, other, Separation(lateral_m)) == relation
    assert relate(other, one, Separation(lateral_m)) == relation
