"""What a center looks at in what is new, and nobody holds against what is recorded."""

from __future__ import annotations

from typing import Any, Final

import pytest

from entente.deconflict import (
    Acknowledge,
    Close,
    ConflictRow,
    Deliver,
    FollowUpRow,
    MemoryIndex,
    ReceiptRow,
    SiteRow,
    Update,
)
from entente.deconflict import quota as quota_module
from entente.deconflict.asked import AskedOnce
from entente.deconflict.holdings import find_held
from entente.deconflict.receipts import Delivery
from entente.kernel.errors import InvalidVolume
from entente.space import PolygonWire, Separation, VolumeWire, check_volume, parse_volume
from tests.unit.test_deconflict_incidents import make_report
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused
from tests.unit.test_deconflict_sites import make_site

FAR: Final = "8999-01-01T00:00:00Z"


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def polygon(*vertices_e7: tuple[int, int]) -> VolumeWire:
    return VolumeWire(PolygonWire(vertices_e7), 0, 100_000, "2016-09-17T14:00:00Z", "2016-09-17T16:00:00Z")


# Along the meridian of 40 degrees, and a corner that reaches to it from the east, or a little beyond.
TOUCHING: Final = {
    past_e7: polygon(
        (350_000_000, 400_000_000),
        (351_000_000, 400_000_000),
        (351_000_000, 401_000_000),
        (350_500_000, 400_000_000 - past_e7),
        (350_000_000, 401_000_000),
    )
    for past_e7 in (-2, 2, 5, 100)
}


@pytest.mark.parametrize("past_e7", (2, 5))
def test_an_outline_that_hangs_on_centimetres_is_not_new_and_stands_in_a_record(
    record: RecordSimulator, past_e7: int
) -> None:
    wire = TOUCHING[past_e7]
    with pytest.raises(InvalidVolume) as caught:
        record.notify("us", "alpha", wire)
    assert (caught.value.code, caught.value.path[:31]) == ("edges-cross", "$.body.volumes[0].outline.verti")
    # Another host saw no fault: whoever reads its record has none either, and works with it.
    leaf = record.notify("us", "alpha", wire, is_recorded=True)
    assert record.receipt(leaf, "ru").state == "waiting"
    record.notify("ru", "bravo", make_circle(35.02, 40.02))
    assert [row.state for row in record.host.select(ConflictRow)] == ["open"]


def test_an_outline_that_no_machine_took_for_sound_is_refused_in_a_record_too(
    record: RecordSimulator,
) -> None:
    with refused("edges-cross"):
        record.notify("us", "alpha", TOUCHING[100], is_recorded=True)


def test_what_keeps_apart_is_sound(record: RecordSimulator) -> None:
    check_volume(TOUCHING[-2])
    record.notify("us", "alpha", TOUCHING[-2])


def deliver(record: RecordSimulator, leaf: str, **more: Any) -> str:
    body = Deliver([Delivery(leaf, "readable", "")])
    return record.send("ru", "receipt.deliver", body, officers=(), **more)


def test_a_receipt_of_the_far_future_is_not_taken_in(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    with refused(
        "ahead", "up to 600 s after the center's '2016-09-17T13:00:00Z'", FAR, "set the desk's clock"
    ):
        deliver(record, leaf, at=FAR)
    with refused("ahead"):
        record.send("ru", "receipt.acknowledge", Acknowledge([leaf]), at="2016-09-17T13:10:01Z")
    deliver(record, leaf, at="2016-09-17T13:10:00Z")
    # One that lay in an outbox for a day is late, and true.
    record.tick(minutes=1440)
    record.send("ru", "receipt.acknowledge", Acknowledge([leaf]), at="2016-09-17T13:10:01Z")
    assert record.receipt(leaf, "ru").state == "acknowledged"


def test_a_receipt_of_the_far_future_in_a_record_is_accepted_by_all(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    deliver(record, leaf, at=FAR, is_recorded=True)
    for view in record.views.values():
        assert next(view.rows.select(ReceiptRow, party="ru")).delivery == "readable"


@pytest.mark.parametrize(
    ("more", "code"),
    (
        ({"end": "2016-09-17T15:00:01Z"}, "not-yet"),
        ({"start": "2016-09-10T14:59:59Z", "end": "2016-09-17T15:00:00Z"}, "too-long"),
        ({"start": "2016-09-10T15:00:00Z", "end": "2016-09-17T15:00:00Z"}, None),
    ),
)
def test_a_report_ends_when_it_is_made_and_is_of_a_week_at_most(
    record: RecordSimulator, more: dict[str, Any], code: str | None
) -> None:
    record.tick(minutes=120)
    if code is None:
        record.send("un", "incident.report", make_report(**more))
        return
    with refused(code):
        record.send("un", "incident.report", make_report(**more))
    record.send("un", "incident.report", make_report(**more), is_recorded=True)
    assert list(record.host.select(FollowUpRow)) == []


def update(record: RecordSimulator, leaf: str, *volumes: VolumeWire, author: str = "us") -> str:
    body = Update("foxtrot", leaf, "t", list(volumes), [], "", armed=False, concur_by=None)
    return record.send(author, "activity.update", body)


def test_a_party_may_hold_so_much_and_is_told_how_to_go_on(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota_module, "MAX_OBJECTS", 2)
    record.notify("us", "alpha")
    record.notify("us", "bravo")
    with refused("quota", "<= 2 objects of 'us' to stand, got 3", "close or withdraw"):
        record.notify("us", "charlie")
    record.notify("ru", "delta")
    record.notify("us", "charlie", is_recorded=True)
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    record.send("us", "activity.close", Close("bravo", "closed", ""))
    record.notify("us", "echo")
    monkeypatch.setattr(quota_module, "MAX_OBJECTS", 9)
    monkeypatch.setattr(quota_module, "MAX_VOLUMES", 3)
    with refused("quota", "<= 3 volumes of 'us'", "got 4"):
        record.notify("us", "foxtrot", make_circle(), make_circle(36.0))
    two = record.notify("us", "foxtrot", make_circle(36.0))
    with refused("quota", "<= 3 volumes of 'us'", "got 4"):
        update(record, two, make_circle(36.0), make_circle(37.0))
    monkeypatch.setattr(quota_module, "MAX_VOLUMES", 1)
    update(record, two, make_circle(38.0))


def test_conflicts_count_for_whoever_opened_them(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota_module, "MAX_OPENED", 3)
    monkeypatch.setattr(quota_module, "MAX_FEW", 0)
    for place in range(3):
        record.notify("ru", f"victim-{place}")
    record.notify("us", "alpha")
    assert (find_held("us", record.host).conflicts, find_held("ru", record.host).conflicts) == (3, 0)
    record.notify("ru", "victim-3", make_circle(-35.0))
    with refused("quota", "<= 3 open conflicts of 'us' to stand, got 4"):
        record.notify("us", "bravo", make_circle(-35.0))
    # Where it meets nothing it is taken; and when others go, there is room.
    record.notify("us", "foxtrot", make_circle(-36.0))
    record.send("ru", "activity.close", Close("victim-0", "closed", ""))
    assert find_held("us", record.host).conflicts == 2
    record.notify("us", "bravo", make_circle(-35.0))
    assert find_held("us", record.host).conflicts == 3


def test_one_message_may_meet_so_much(record: RecordSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_module, "MAX_HITS", 2)
    record.send("un", "site.declare", make_site(volume=make_circle(35.28, 40.18, 50.0)))
    for place in range(2):
        record.notify("ru", f"bravo-{place}")
    with refused("meets-too-much", "<= 2 standing volumes, got more", "in parts"):
        record.notify("us", "alpha")
    record.send("ru", "activity.close", Close("bravo-0", "closed", ""))
    record.notify("us", "alpha")
    # What its volumes meet is added up.
    with refused("meets-too-much"):
        record.notify("us", "charlie", make_circle(-35.28), make_circle())
    assert len(list(record.host.select(SiteRow))) == 1


def test_a_crowd_of_one_party_does_not_silence_another(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota_module, "MAX_OPENED", 3)
    monkeypatch.setattr(quota_module, "MAX_FEW", 2)
    for place in range(3):
        record.notify("ru", f"crowd-{place}")
    convoy = record.notify("un", "foxtrot")
    record.notify("un", "golf")
    assert find_held("un", record.host).conflicts == 6
    with refused("quota", "<= 3 open conflicts of 'un' to stand, got 9"):
        record.notify("un", "hotel")
    record.send("un", "activity.close", Close("golf", "closed", ""))
    # Whoever meets too much may go on to say where he is, and turn to where he meets less, or as much.
    monkeypatch.setattr(quota_module, "MAX_FEW", 0)
    record.notify("ru", "crowd-4", make_circle(35.3))
    convoy = update(record, convoy, make_circle(35.3), author="un")
    monkeypatch.setattr(quota_module, "MAX_HITS", 4)
    convoy = update(record, convoy, make_circle(35.29), author="un")
    update(record, convoy, make_circle(-35.29), author="un")
    monkeypatch.setattr(quota_module, "MAX_HITS", 2)
    with refused("meets-too-much"):
        record.notify("un", "india")


def test_what_was_asked_once_is_answered_as_the_index_would(record: RecordSimulator) -> None:
    index = MemoryIndex()
    there = parse_volume(make_circle())
    for name in ("alpha", "bravo"):
        index.insert(name, [there], group="activity")
    asked = AskedOnce(index)
    near = Separation(100.0)

    def names() -> list[str]:
        return [hit.object for hit in asked.query(there, near, group="activity", most=None)]

    assert names() == names() == ["alpha", "bravo"]
    asked.withdraw("alpha")
    assert names() == ["bravo"]
    asked.insert("charlie", [there], group="activity")
    assert names() == [hit.object for hit in index.query(there, near, group="activity")]
    assert asked.query(there, near, group="site") == []
