"""The ladder's clock: what the center may say, when, and what it may not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from entente.deconflict import Escalate, Lapse, describe_ladder, plan_ladder
from entente.kernel.errors import NotFound
from entente.kernel.time import encode_utc
from tests.unit.test_deconflict_simulator import RULES, RecordSimulator, refused


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def plan(record: RecordSimulator) -> list[tuple[str, Escalate | Lapse]]:
    return plan_ladder(record.host, record.now, record.recorded_utc)


def run_center(record: RecordSimulator) -> list[tuple[str, str, int]]:
    said = []
    for kind, body in plan(record):
        record.send("center", kind, body)
        said.append((kind, body.party, body.step if isinstance(body, Escalate) else 0))
    return said


def make_escalate(record: RecordSimulator, leaf: str, **more: Any) -> Escalate:
    recorded = record.recorded[leaf]
    body = Escalate(
        message=leaf,
        party="ru",
        step=1,
        contact="duty-2",
        recorded=encode_utc(recorded),
        waited_s=int((record.now - recorded).total_seconds()),
    )
    return msgspec.structs.replace(body, **more)


def make_lapse(record: RecordSimulator, leaf: str, **more: Any) -> Lapse:
    recorded = record.recorded[leaf]
    waited_s = int((record.now - recorded).total_seconds())
    return msgspec.structs.replace(Lapse(leaf, "ru", encode_utc(recorded), waited_s), **more)


def test_nothing_is_due_before_its_minute(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.tick(minutes=4, seconds=59)
    assert plan(record) == []
    record.tick(seconds=1)
    assert [(kind, body.party) for kind, body in plan(record)] == [
        ("receipt.escalate", "ru"),
        ("receipt.escalate", "un"),
    ]


def test_the_ladder_climbs_step_by_step_and_lapses(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    said = []
    for _ in range(30):
        record.tick(minutes=1)
        said += [(*one, (record.now - record.recorded[leaf]).seconds // 60) for one in run_center(record)]
    # Three contacts, so two steps; the lapse at the agreed twentieth minute; nothing afterwards.
    assert said == [
        ("receipt.escalate", "ru", 1, 5),
        ("receipt.escalate", "ru", 2, 10),
        ("receipt.lapse", "ru", 0, 20),
    ]
    receipt = record.receipt(leaf, "ru")
    assert receipt.state == "lapsed"
    assert [(step.contact, step.waited_s) for step in receipt.escalations] == [
        ("duty-2", 300),
        ("chief", 600),
    ]


def test_after_a_silence_of_the_center_everything_due_comes_in_order(record: RecordSimulator) -> None:
    record.notify("us", "alpha", to=["ru"])
    record.tick(minutes=27)
    assert run_center(record) == [
        ("receipt.escalate", "ru", 1),
        ("receipt.escalate", "ru", 2),
        ("receipt.lapse", "ru", 0),
    ]
    assert plan(record) == []


def test_a_step_that_falls_due_with_the_lapse_is_not_taken() -> None:
    rules = msgspec.structs.replace(RULES, lapse_minutes=10)
    record = RecordSimulator(rules=rules)
    leaf = record.notify("us", "alpha", to=["ru"])
    record.tick(minutes=10)
    assert run_center(record) == [("receipt.escalate", "ru", 1), ("receipt.lapse", "ru", 0)]
    assert record.receipt(leaf, "ru").state == "lapsed"


def test_a_plan_is_the_same_when_asked_again(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.tick(minutes=11)
    assert plan(record) == plan(record)
    assert len(plan(record)) == 4


def test_acknowledgement_stops_the_ladder(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    record.tick(minutes=6)
    run_center(record)
    record.acknowledge("ru", leaf, officers=["duty-2"])
    record.tick(minutes=60)
    assert plan(record) == []
    with refused("already-acknowledged", "entry 2"):
        record.send("center", "receipt.escalate", make_escalate(record, leaf, step=2, contact="chief"))
    with refused("already-acknowledged", "entry 2"):
        record.send("center", "receipt.lapse", make_lapse(record, leaf))


def test_a_late_acknowledgement_is_taken_and_marked(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    record.tick(minutes=27)
    run_center(record)
    assert record.receipt(leaf, "ru").state == "lapsed"
    record.acknowledge("ru", leaf)
    receipt = record.receipt(leaf, "ru")
    assert (receipt.state, receipt.is_late) == ("acknowledged", True)
    assert receipt.lapsed is not None
    text = [rung.text for rung in describe_ladder(record.host, leaf, lambda _: "recorded").parties[0].rungs]
    assert "acknowledged by officer duty-1 of ru, late: it had lapsed" in text


def test_escalating_too_early_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=4, seconds=59)
    with refused("too-early", ">= 300 s", "got 299"):
        record.send("center", "receipt.escalate", make_escalate(record, leaf))


def test_a_wait_that_its_times_do_not_bear_out_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=4, seconds=59)
    with refused("wrong-wait", "expected 299 s", "got 300"):
        record.send("center", "receipt.escalate", make_escalate(record, leaf, waited_s=300))
    record.tick(minutes=5)
    with refused("wrong-wait", "expected 599 s", "got 538"):
        record.send("center", "receipt.escalate", make_escalate(record, leaf, waited_s=538))
    record.send("center", "receipt.escalate", make_escalate(record, leaf, waited_s=539))


def test_a_second_recording_time_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=6)
    record.send("center", "receipt.escalate", make_escalate(record, leaf))
    earlier = encode_utc(record.recorded[leaf] - timedelta(minutes=30))
    with refused("other-time", "13:00:00Z", "12:30:00Z"):
        body = make_escalate(record, leaf, party="un", recorded=earlier, waited_s=36 * 60)
        record.send("center", "receipt.escalate", body)


@pytest.mark.parametrize(
    ("more", "code", "part"),
    (
        ({"contact": "chief"}, "wrong-contact", "'duty-2' for step 1, got 'chief'"),
        ({"contact": "duty-1"}, "wrong-contact", "'duty-2' for step 1, got 'duty-1'"),
        ({"step": 2, "contact": "chief"}, "step-order", "expected step 1, got 2"),
        ({"party": "us"}, "nothing-owed", "'us'"),
        ({"message": "0" * 64}, "nothing-owed", "000000000000"),
    ),
)
def test_a_wrong_step_is_refused(record: RecordSimulator, more: dict[str, Any], code: str, part: str) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=11)
    with refused(code, part):
        record.send("center", "receipt.escalate", make_escalate(record, leaf, **more))


def test_a_step_beyond_the_last_contact_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=16)
    record.send("center", "receipt.escalate", make_escalate(record, leaf))
    record.send("center", "receipt.escalate", make_escalate(record, leaf, step=2, contact="chief"))
    with refused("no-contact", "below its 3 contacts, got 3"):
        record.send("center", "receipt.escalate", make_escalate(record, leaf, step=3, contact="duty-1"))


def test_a_party_cannot_escalate(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=6)
    with refused("bad-author"):
        record.send("us", "receipt.escalate", make_escalate(record, leaf))


def test_a_lapse_before_its_time_is_refused(record: RecordSimulator) -> None:
    record = RecordSimulator(contacts={"ru": ["duty-1"]})
    leaf = record.notify("us", "alpha")
    record.tick(minutes=19, seconds=59)
    with refused("too-early", ">= 1200 s", "got 1199"):
        record.send("center", "receipt.lapse", make_lapse(record, leaf))
    record.tick(seconds=1)
    record.send("center", "receipt.lapse", make_lapse(record, leaf))


def test_a_lapse_without_trying_every_contact_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=27)
    record.send("center", "receipt.escalate", make_escalate(record, leaf))
    with refused("contacts-untried", "expected 2 escalations before it, got 1"):
        record.send("center", "receipt.lapse", make_lapse(record, leaf))


def test_nothing_escalates_or_lapses_after_a_lapse(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    record.tick(minutes=27)
    run_center(record)
    record.tick(minutes=27)
    assert plan(record) == []
    with refused("lapsed", "entry 3"):
        record.send("center", "receipt.lapse", make_lapse(record, leaf))


def test_a_message_whose_time_is_unknown_is_left_alone(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.tick(minutes=27)
    assert plan_ladder(record.host, record.now, lambda _: None) == []


def test_a_clock_that_went_back_makes_nothing_due(record: RecordSimulator) -> None:
    record.notify("us", "alpha")
    record.tick(minutes=-90)
    assert plan(record) == []


def test_sealed_messages_climb_the_same_ladder(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    record.tick(minutes=6)
    assert run_center(record) == [("receipt.escalate", "ru", 1)]
    assert record.receipt(leaf, "ru", view="un") == record.receipt(leaf, "ru", view="ru")


# What is shown


def test_sent_is_never_shown_as_acknowledged(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    view = describe_ladder(record.host, leaf, lambda _: "firm")
    assert [(rung.name, rung.state) for rung in view.rungs] == [
        ("submitted", "reached"),
        ("recorded", "reached"),
        ("firm", "reached"),
    ]
    for party in view.parties:
        assert party.state == "waiting"
        assert [(rung.name, rung.state) for rung in party.rungs] == [
            ("delivered", "not-yet"),
            ("acknowledged", "not-yet"),
            ("answered", "not-yet"),
        ]
        assert all(rung.index is None for rung in party.rungs)


def test_what_too_few_witnesses_saw_is_not_shown_as_firm(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    firm = describe_ladder(record.host, leaf, lambda _: "recorded").rungs[2]
    assert (firm.name, firm.state) == ("firm", "not-yet")


def test_the_ladder_says_who_when_and_where(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    record.tick(minutes=6)
    run_center(record)
    record.acknowledge("ru", leaf, officers=["duty-2"])
    view = describe_ladder(record.host, leaf, lambda index: "settled" if index == 0 else "recorded")
    assert view.rungs[1].at == "2016-09-17T13:00:00Z"
    rungs = {rung.name: rung for rung in view.parties[0].rungs}
    assert "no answer after 360 s: turned to contact duty-2 of ru (step 1)" in rungs["escalated"].text
    assert (rungs["acknowledged"].who, rungs["acknowledged"].index) == ("duty-2", 2)
    assert (rungs["acknowledged"].at, rungs["acknowledged"].standing) == ("2016-09-17T13:06:00Z", "recorded")
    plain = json.loads(msgspec.json.encode(view))
    assert plain["parties"][0]["rungs"][-1]["state"] == "not-yet"


def test_a_ladder_of_what_asks_for_no_receipt_is_not_found(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    acknowledgement = record.acknowledge("ru", leaf)
    with pytest.raises(NotFound, match=acknowledgement[:12]):
        describe_ladder(record.host, acknowledgement, lambda _: "recorded")
