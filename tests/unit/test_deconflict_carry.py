"""What a yes holds for: a version that is all within what the party itself agreed to, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from entente.deconflict import (
    Concur,
    ConcurrenceRow,
    Object,
    Reconsider,
    Update,
    activity_state,
    has_concurred,
    plan_concurrence,
)
from entente.deconflict import carry as carry_module
from entente.space import PolygonWire, VolumeWire, holds
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def notify(record: RecordSimulator, *volumes: VolumeWire, **more: Any) -> str:
    leaf = record.notify("us", "alpha", *volumes, concurrence=more.pop("concurrence", ["ru"]), **more)
    agree(record, leaf)
    return leaf


def agree(record: RecordSimulator, leaf: str, party: str = "ru") -> None:
    record.acknowledge(party, leaf)
    record.send(party, "activity.concur", Concur("alpha", leaf))


def update(record: RecordSimulator, leaf: str, *volumes: VolumeWire, **more: Any) -> str:
    body = Update(
        "alpha",
        leaf,
        more.pop("title", "title of alpha"),
        list(volumes) or [make_circle()],
        more.pop("concurrence", ["ru"]),
        "",
        armed=more.pop("armed", False),
        concur_by=None,
    )
    return record.send("us", "activity.update", body, **more)


def is_carried(record: RecordSimulator, leaf: str, party: str = "ru") -> bool:
    found = {has_concurred(view.rows, leaf, party) for view in record.views.values()}
    assert len(found) == 1
    return found.pop()


def test_a_shrunk_version_keeps_the_yes_and_says_so(record: RecordSimulator) -> None:
    first = notify(record)
    second = update(record, first, make_circle(radius_m=800.0, ceiling_m=4000.0, end="2016-09-17T15:00:00Z"))
    assert is_carried(record, second)
    # Somebody must read it all the same: receipts and read-backs are new.
    assert activity_state(record.host, "alpha").state == "notified"
    record.acknowledge("ru", second)
    record.acknowledge("un", second)
    state = activity_state(record.host, "alpha")
    assert (state.state, state.reasons) == (
        "concurred",
        (f"ru concurred to version {first[:12]}, carried over: nothing grew",),
    )
    assert record.receipt(second, "ru").answer == ""


GROWN = {
    "wider": make_circle(radius_m=1000.02),
    "moved": make_circle(35.2801),
    "higher": make_circle(ceiling_m=5000.01),
    "lower": make_circle(floor_m=-0.01),
    "no floor": make_circle(floor_m=None),
    "no ceiling": make_circle(ceiling_m=None),
    "earlier": make_circle(start="2016-09-17T13:59:59.999999Z"),
    "later": make_circle(end="2016-09-17T16:00:00.000001Z"),
}


@pytest.mark.parametrize("how", GROWN)
def test_whatever_grows_asks_again(record: RecordSimulator, how: str) -> None:
    second = update(record, notify(record), GROWN[how])
    assert not is_carried(record, second)
    row = record.host.find(ConcurrenceRow, f"{second}:ru")
    assert row is not None
    assert row.answer == "waiting"


def test_many_small_steps_do_not_add_up(record: RecordSimulator) -> None:
    """Each version within 2 m of the one before, and the last one a kilometre off."""
    leaf = first = notify(record, make_circle(radius_m=1000.0))
    for step in range(1, 6):
        leaf = update(record, leaf, make_circle(35.28 + step * 0.0018, radius_m=1000.0 - step))
        assert not is_carried(record, leaf)
    assert is_carried(record, update(record, leaf, make_circle(radius_m=999.0)))
    assert first != leaf


def test_shrinking_twice_and_growing_back_is_within_and_no_farther(record: RecordSimulator) -> None:
    leaf = notify(record, make_circle(radius_m=1000.0))
    for radius_m in (900.0, 800.0, 900.0, 1000.0):
        leaf = update(record, leaf, make_circle(radius_m=radius_m))
        assert is_carried(record, leaf)
    assert not is_carried(record, update(record, leaf, make_circle(radius_m=1000.02)))


def test_a_sliver_at_the_antimeridian_asks_again(record: RecordSimulator) -> None:
    """A shrunk copy whose one corner lies 1.1 m farther east, across the line where longitude jumps."""

    def field(*corners: tuple[int, int]) -> VolumeWire:
        return VolumeWire(PolygonWire(corners), 0, 500_000, "2016-09-17T14:00:00Z", "2016-09-17T16:00:00Z")

    west, east = 1_799_900_000, -1_799_900_000
    first = notify(record, field((0, west), (0, east), (100_000, east), (100_000, west)))
    within = update(record, first, field((10_000, west), (10_000, east), (90_000, east), (90_000, west)))
    assert is_carried(record, within)
    sliver = field((10_000, west), (10_000, east), (50_000, east + 100), (90_000, east), (90_000, west))
    assert not is_carried(record, update(record, within, sliver))


def test_two_volumes_together_hold_nothing(record: RecordSimulator) -> None:
    """Windows that follow each other without a gap: what lies across the border was in neither."""
    morning = make_circle(end="2016-09-17T15:00:00Z")
    evening = make_circle(start="2016-09-17T15:00:00Z")
    first = notify(record, morning, evening)
    across = make_circle(start="2016-09-17T14:30:00Z", end="2016-09-17T15:30:00Z")
    assert not is_carried(record, update(record, first, across))


def test_dropping_one_of_two_volumes_is_within_and_another_instead_is_not(record: RecordSimulator) -> None:
    first = notify(record, make_circle(), make_circle(35.5))
    second = update(record, first, make_circle(35.5, radius_m=500.0))
    assert is_carried(record, second)
    assert not is_carried(record, update(record, second, make_circle(35.5), make_circle(35.6)))


@pytest.mark.parametrize(
    "more",
    ({"title": "strike"}, {"armed": True}, {"concurrence": ["ru", "un"]}),
    ids=["title", "armed", "asked"],
)
def test_what_is_said_of_it_counts_as_growing(record: RecordSimulator, more: dict[str, Any]) -> None:
    assert not is_carried(record, update(record, notify(record), **more))


def test_disarming_and_asking_fewer_is_no_growth(record: RecordSimulator) -> None:
    first = notify(record, armed=True, concurrence=["ru", "un"])
    agree(record, first, "un")
    second = update(record, first, armed=False, concurrence=["ru"])
    assert is_carried(record, second)
    # Who was not asked in between has no yes that could be carried.
    third = update(record, second, armed=False, concurrence=["ru", "un"])
    assert (is_carried(record, third), is_carried(record, third, "un")) == (True, False)


@pytest.mark.parametrize("no", ("object", "reconsider"))
def test_nothing_is_carried_past_a_no(record: RecordSimulator, no: str) -> None:
    first = notify(record)
    body = Object("alpha", first, "no") if no == "object" else Reconsider("alpha", first)
    record.send("ru", f"activity.{no}", body)
    assert not is_carried(record, update(record, first, make_circle(radius_m=10.0)))


def test_nothing_is_carried_past_a_lapse(record: RecordSimulator) -> None:
    first = notify(record)
    second = update(record, first, make_circle(35.5))
    record.tick(minutes=90)
    for kind, body in plan_concurrence(record.host, record.now, record.recorded_utc):
        record.send("center", kind, body)
    assert not is_carried(record, update(record, second))


def test_an_unanswered_version_in_between_takes_no_yes_away(record: RecordSimulator) -> None:
    first = notify(record)
    second = update(record, first, make_circle(35.5))
    assert not is_carried(record, second)
    assert is_carried(record, update(record, second))


def test_a_yes_that_was_carried_can_be_given_anew_and_taken_back(record: RecordSimulator) -> None:
    first = notify(record)
    second = update(record, first, make_circle(radius_m=500.0))
    record.acknowledge("ru", second)
    record.send("ru", "activity.concur", Concur("alpha", second))
    row = record.host.find(ConcurrenceRow, f"{second}:ru")
    assert row is not None
    assert (row.carried_from, row.agreed and row.agreed.version) == ("", second)
    with refused("already-answered"):
        record.send("ru", "activity.concur", Concur("alpha", second))
    # From here on it is the smaller one that the party agreed to.
    assert not is_carried(record, update(record, second, make_circle(radius_m=600.0)))


def test_a_carried_yes_of_another_partys_message_is_refused(record: RecordSimulator) -> None:
    first = notify(record)
    second = update(record, first, make_circle(radius_m=500.0))
    record.acknowledge("un", second)
    with refused("not-asked", "'un'"):
        record.send("un", "activity.concur", Concur("alpha", second))
    with refused("superseded"):
        record.send("ru", "activity.concur", Concur("alpha", first))


def test_too_much_to_compare_asks_again(record: RecordSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def count(outer: Any, inner: Any, **more: float) -> bool:
        nonlocal calls
        calls += 1
        return holds(outer, inner, **more)

    monkeypatch.setattr(carry_module, "holds", count)
    far = [make_circle(20.0 + place / 10, radius_m=1000.0) for place in range(30)]
    near = [make_circle(20.0 + place / 10, radius_m=900.0) for place in reversed(range(30))]
    first = notify(record, *far, concurrence=["ru", "un"])
    agree(record, first, "un")
    calls = 0
    second = update(record, first, *near, concurrence=["ru", "un"])
    assert not is_carried(record, second)
    # For all parties together, not for each.
    assert calls <= len(record.views) * carry_module.MAX_COMPARED
    for party in ("ru", "un"):
        agree(record, second, party)
    calls = 0
    ordered = [make_circle(20.0 + place / 10, radius_m=800.0) for place in reversed(range(30))]
    third = update(record, second, *ordered, concurrence=["ru", "un"])
    assert is_carried(record, third)
    assert is_carried(record, third, "un")
    assert calls == len(record.views) * 30


def test_sealed_versions_carry_a_yes_for_their_audience(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", concurrence=["ru"], to=["ru"])
    record.acknowledge("ru", first)
    record.send("ru", "activity.concur", Concur("alpha", first), to=["us"])
    second = update(record, first, make_circle(radius_m=500.0), to=["ru"])
    assert has_concurred(record.rows("us"), second, "ru")
    assert has_concurred(record.rows("ru"), second, "ru")
    assert not has_concurred(record.host, second, "ru")
