"""What officers do at a desk, and what a lying partner cannot make them believe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from entente.deconflict import (
    Acknowledge,
    ActivityRow,
    Notify,
    ObjectRow,
    PositionRow,
    ReadBack,
    Reading,
    ReceiptRow,
    activity_state,
    find_receipt,
    position_state,
)
from entente.desk.outbox import RECORDED
from entente.desk.reminders import review_reminders
from entente.desk.service import VERBS, call
from entente.dialogue import About, Readout, ReadoutRow, Say
from entente.kernel.errors import Denied, EntenteError, Malformed, NotFound
from entente.kernel.message import encode_body
from entente.space import encode_position
from tests.protocol.desk_stage import HERE_E7, NINE_KM_OFF_E7, Stage, make_stage, make_volume, open_scratch


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def ask(stage: Stage, verb: str, **request: Any) -> Any:
    if not VERBS[verb].is_reading and verb != "drop-plan":
        request = {"officer": "duty-1"} | request
    return call(stage.desk, verb, json.dumps(request).encode())


def volume_json(**changes: Any) -> dict[str, Any]:
    plain = {
        "outline": {"type": "circle", "centre_e7": list(HERE_E7), "radius_cm": 300_000},
        "floor_cm": 0,
        "ceiling_cm": 1_000_000,
        "start": "2016-09-17T15:00:00Z",
        "end": "2016-09-17T17:00:00Z",
    }
    return plain | changes


def notify_theirs(stage: Stage, name: str = "ru-1", *, at_e7: tuple[int, int] = HERE_E7) -> str:
    body = Notify(
        id=name,
        activity="air",
        title="Theirs",
        volumes=[make_volume(at_e7)],
        concurrence=["us"],
        armed=False,
        concur_by=None,
    )
    leaf = stage.center.say("ru", "activity.notify", body, officers=["duty-1"])
    stage.desk.run_once()
    return leaf


def read_theirs(stage: Stage, leaf: str, point_e7: tuple[int, int], moved_cm: int | None = None) -> str:
    reading = Reading(volume=0, point_e7=point_e7, words="as we see it", moved_cm=moved_cm)
    read = stage.center.say(
        "ru", "position.read-back", ReadBack(message=leaf, readings=[reading]), officers=["duty-1"]
    )
    stage.desk.run_once()
    return read


def due(stage: Stage) -> list[str]:
    return [item.kind for item in stage.desk.inbox.list_items(stage.clock.now)]


def test_an_officers_evening(stage: Stage) -> None:
    leaf = notify_theirs(stage)
    assert due(stage) == ["acknowledge", "read-back", "concur"]
    items = {item.kind: item for item in stage.desk.inbox.list_items(stage.clock.now)}
    assert "4.6 km south-south-west (211 deg) of Deir ez-Zor Airport" in items["read-back"].words
    assert items["acknowledge"].escalates_in_s == 300
    assert ask(stage, "acknowledge", messages=[leaf[:12]])["state"] == RECORDED
    assert ask(stage, "read-back", message=leaf)["state"] == RECORDED
    assert ask(stage, "concur", activity="ru-1")["state"] == RECORDED
    assert due(stage) == []
    assert activity_state(stage.desk.rows, "ru-1").state == "concurred"
    assert position_state(stage.desk.rows, "ru-1").state == "counts"
    ladder = ask(stage, "ladder", message=leaf)
    names = [rung["name"] for rung in ladder["parties"][0]["rungs"] if rung["state"] == "reached"]
    assert names == ["delivered", "acknowledged", "answered"]


def test_recorded_is_never_shown_as_acknowledged(stage: Stage) -> None:
    said = stage.notify()
    status = ask(stage, "status")
    (activity,) = status["activities"]
    assert activity["state"] == "notified"
    assert activity["receipts"] == [{"party": "ru", "state": "waiting", "delivery": None, "is_late": False}]
    assert "acknowledged" not in said.words


def test_position_nine_kilometres_off_our_plan_is_disputed_by_the_desk(stage: Stage) -> None:
    """17 September 2016: what was passed on the line was not what was planned."""
    ask(stage, "store-plan", activity="sortie-7", volumes=[volume_json()])
    off = volume_json(outline={"type": "circle", "centre_e7": list(NINE_KM_OFF_E7), "radius_cm": 300_000})
    said = ask(stage, "notify", id="sortie-7", activity="air", title="Sortie", volumes=[off])
    assert said["state"] == RECORDED
    stage.desk.run_once()
    alarm = stage.alarms()["plan-differs"]
    assert "from the planned position" in alarm.words
    (row,) = stage.desk.rows.select(PositionRow, message=said["leaf"])
    assert row.state == "blocked"
    assert row.disputed is not None
    assert row.disputed.officers == ("duty-1",)
    metres = float(row.dispute.partition(" m from")[0].replace(",", ""))
    assert 8_950 < metres < 9_050
    stage.desk.run_once()
    stage.open().run_once()
    disputes = [one for one in ask(stage, "messages") if one["kind"] == "position.dispute"]
    assert len(disputes) == 1
    stage.desk.board.dismiss(stage.alarms()["plan-differs"].id, officer="duty-1", why="being updated")
    stage.desk.run_once()
    assert stage.alarms() == {}, "what an officer has dismissed does not come back by itself"
    assert b"40.15" not in b"".join(stage.center.received), "the plan itself stays here"


def test_read_back_nine_kilometres_off_our_plan_is_disputed(stage: Stage) -> None:
    ask(stage, "store-plan", activity="sortie-7", volumes=[volume_json()])
    said = stage.notify()
    stage.desk.run_once()
    assert stage.alarms() == {}
    read_theirs(stage, said.leaf, NINE_KM_OFF_E7)
    words = stage.alarms()["plan-differs"].words
    assert "ru read back a place 8," in words or "ru read back a place 9," in words
    stage.desk.run_once()
    assert position_state(stage.desk.rows, "sortie-7").state == "blocked"


def test_plan_that_agrees_raises_nothing(stage: Stage) -> None:
    ask(stage, "store-plan", activity="sortie-7", volumes=[volume_json()])
    said = stage.notify()
    read_theirs(stage, said.leaf, HERE_E7)
    assert stage.alarms() == {}
    assert position_state(stage.desk.rows, "sortie-7").state == "counts"


def test_movement_blocks_until_its_author_confirms_it(stage: Stage) -> None:
    first = stage.notify()
    read_theirs(stage, first.leaf, HERE_E7)
    moved = volume_json(outline={"type": "circle", "centre_e7": list(NINE_KM_OFF_E7), "radius_cm": 300_000})
    second = ask(stage, "update", id="sortie-7", reason="moved", volumes=[moved])
    row = stage.desk.rows.find(ActivityRow, "sortie-7")
    assert row is not None
    assert row.title == "Sortie"
    read_theirs(stage, second["leaf"], NINE_KM_OFF_E7, 898_000)
    assert position_state(stage.desk.rows, "sortie-7").state == "blocked"
    assert "confirm" in due(stage)
    with pytest.raises(Denied) as caught:
        ask(stage, "confirm", message=second["leaf"], moved_cm=100)
    assert caught.value.code == "other-movement"
    ask(stage, "confirm", message=second["leaf"], moved_cm=898_000)
    assert position_state(stage.desk.rows, "sortie-7").state == "counts"


def test_conflict_is_named_with_both_sides(stage: Stage) -> None:
    stage.notify()
    notify_theirs(stage)
    (item,) = [one for one in stage.desk.inbox.list_items(stage.clock.now) if one.kind == "conflict"]
    assert "sortie-7" in item.words
    assert "ru-1" in item.words
    (conflict,) = ask(stage, "status")["conflicts"]
    assert conflict["words"] == item.words


def test_sealed_activity_is_answered_to_its_audience_alone(stage: Stage) -> None:
    body = Notify(
        id="secret-1",
        activity="air",
        title="Theirs",
        volumes=[make_volume()],
        concurrence=["us"],
        armed=False,
        concur_by=None,
    )
    leaf = stage.center.say_sealed("ru", "activity.notify", encode_body(body), officers=["duty-1"])
    stage.desk.run_once()
    assert due(stage) == ["acknowledge", "read-back", "concur"]
    ask(stage, "acknowledge", messages=[leaf])
    read = ask(stage, "read-back", message=leaf)
    ask(stage, "concur", activity="secret-1")
    row = next(iter(stage.desk.rows.select(ObjectRow, type="activity")))
    assert activity_state(stage.desk.rows, row.object).state == "concurred"
    assert ask(stage, "message", message=read["leaf"])["to"] == ["ru"]
    assert list(stage.desk.follower.views.public.rows.select(ActivityRow)) == []


def test_partner_who_seals_what_the_rules_refuse_is_told_so(stage: Stage) -> None:
    body = Notify(
        id="bad-1",
        activity="air",
        title="x",
        volumes=[make_volume()],
        concurrence=["atlantis"],
        armed=False,
        concur_by=None,
    )
    leaf = stage.center.say_sealed("ru", "activity.notify", encode_body(body), officers=["duty-1"])
    stage.desk.run_once()
    receipt = find_receipt(stage.desk.rows, leaf, "us")
    assert receipt is not None
    assert receipt.delivery == "refused"
    assert "expected parties among" in receipt.delivery_note
    assert list(stage.desk.rows.select(ActivityRow)) == []
    assert stage.alarms() == {}, "the center could not know"


@pytest.mark.parametrize("body", (b"", b"{}", b"\xff\x00", b'{"text":1e400}', b"[" * 2000))
def test_partner_who_seals_garbage_is_told_so(stage: Stage, body: bytes) -> None:
    leaf = stage.center.say_sealed("ru", "thread.say", body, officers=["duty-1"])
    stage.desk.run_once()
    receipt = find_receipt(stage.desk.rows, leaf, "us")
    assert receipt is not None
    assert receipt.delivery == "refused"


def test_partner_who_commits_to_another_body_is_unreadable(stage: Stage) -> None:
    body = Say(
        thread="hot", about=About(type="none", id=""), text="x", language="ru", urgent=False, reply_to=None
    )
    leaf = stage.center.say_sealed(
        "ru", "thread.say", encode_body(body), officers=["duty-1"], sealed="0" * 64
    )
    stage.desk.run_once()
    receipt = find_receipt(stage.desk.rows, leaf, "us")
    assert receipt is not None
    assert receipt.delivery == "unreadable"
    assert "as committed" in receipt.delivery_note
    with pytest.raises(Denied) as caught:
        ask(stage, "acknowledge", messages=[leaf])
    assert caught.value.code == "not-readable"


def test_partner_who_acknowledges_for_us_is_refused_by_the_center(stage: Stage) -> None:
    leaf = notify_theirs(stage)
    with pytest.raises(EntenteError):
        stage.center.say("ru", "receipt.acknowledge", Acknowledge(messages=[leaf]), officers=["duty-1"])


def test_own_acknowledgement_due_is_said_again_and_goes_down(stage: Stage) -> None:
    leaf = notify_theirs(stage)
    review_reminders(stage.desk)
    assert stage.alarms() == {}
    stage.clock.pass_s(121)
    for _ in range(2):
        review_reminders(stage.desk)
    assert "turn of contact 'duty-1'" in stage.alarms()["acknowledge-due"].words
    ask(stage, "acknowledge", messages=[leaf])
    review_reminders(stage.desk)
    assert stage.alarms() == {}


CONSENT: Final = {"owner": "M2 hospital board", "given": "2016-09-01T00:00:00Z", "recipients": [], "note": ""}


def declare_castello(stage: Stage, **more: Any) -> dict[str, Any]:
    obligation = {"obligation": "patrol", "duty": "guard", "text": "keep it clear", "guarantor": "us"}
    rules = [{"party": "*", "activity": "*", "verdict": "notice", "notice_h": 48, "concurrence": []}]
    body: dict[str, Any] = {
        "id": "castello",
        "name": "Castello road",
        "zone": "demilitarised",
        "text": "nobody in it",
        "volumes": [volume_json()],
        "rules": rules,
        "obligations": [obligation],
    }
    made: dict[str, Any] = ask(stage, "declare-zone", **{**body, **more})
    return made


def declare_m2(stage: Stage, **more: Any) -> dict[str, Any]:
    body = {
        "id": "m2",
        "name": "M2",
        "category": "hospital",
        "volume": volume_json(floor_cm=None),
        "buffer_cm": 50_000,
        "consent": CONSENT,
        "expires": "2016-10-01T00:00:00Z",
    }
    made: dict[str, Any] = ask(stage, "declare-site", **{**body, **more})
    return made


def test_zones_sites_and_their_notice(stage: Stage) -> None:
    zone = declare_castello(stage)
    declare_m2(stage)
    status = ask(stage, "status")
    (shown,) = status["zones"]
    assert shown["version"] == zone["leaf"]
    assert shown["readers"] == ["ru", "us"]
    assert "any party, any activity: needs notice of 48 h" in shown["words"]
    assert "guarantor us: accepted, by its own declaration" in shown["words"]
    (site,) = status["sites"]
    assert "does not create, change or remove legal protection" in site["notice"]
    assert site["standing"] == "standing"
    assert site["verification"]["state"] == "unverified"
    assert "told to every party" in site["words"]
    held = ask(stage, "holding", volumes=[volume_json()], activity="convoy", party="ru")
    assert (held["verdict"], held["notice_h"]) == ("notice", 48)
    assert "by zone castello of us (rule *:*)" in held["words"]
    ask(stage, "withdraw-zone", id="castello", note="over")
    assert ask(stage, "status")["zones"] == []
    held = ask(stage, "holding", volumes=[volume_json()], activity="convoy")
    assert held["verdict"] == "permitted"
    assert "sealed to others are not known here" in held["words"]
    ask(stage, "reconfirm-site", id="m2", expires="2017-01-01T00:00:00Z")
    assert ask(stage, "site", id="m2")["expires"] == "2017-01-01T00:00:00Z"
    with pytest.raises(Denied) as caught:
        ask(stage, "verify-site", id="m2", found="verified", by="our own engineers")
    assert caught.value.code == "own-site"
    ask(stage, "withdraw-site", id="m2", reason="closed", note="moved out")
    assert ask(stage, "status")["sites"] == []
    assert ask(stage, "site", id="m2")["standing"] == "withdrawn"


def test_hotline_with_a_translation_beside_it(stage: Stage) -> None:
    said = ask(stage, "say", thread="hot", text="where are you", about_type="activity", about_id="x")
    ask(stage, "say", thread="hot", text="again", reply_to=said["leaf"])
    ask(stage, "translate", message=said["leaf"], language="ru", text="где вы")
    first, second = ask(stage, "thread", name="hot")
    assert first["original"]["text"] == "where are you"
    assert "the original is what was signed" in first["marks"][0]
    assert second["original"]["reply_to"] == said["leaf"]


def test_readout_is_signed_over_the_same_bytes_or_dissented_from(stage: Stage) -> None:
    made = {"title": "Call", "held": "2016-09-17T12:00:00Z", "parties": ["ru"], "text": "agreed: nothing"}
    ask(stage, "propose-readout", id="call-1", **made)
    (row,) = stage.desk.rows.select(ReadoutRow)
    assert isinstance(row.readout, Readout)
    assert row.readout.parties == ["ru", "us"]
    shown = ask(stage, "readout", name="call-1")
    assert list(shown["standing"]["signed"]) == ["us"]
    assert list(shown["standing"]["silent"]) == ["ru"]
    with pytest.raises(Denied):
        ask(stage, "sign-readout", id="call-1")
    with pytest.raises(Denied) as caught:
        ask(stage, "sign-readout", id="call-1", sha256="0" * 64)
    assert caught.value.code == "other-readout"


@pytest.mark.parametrize(
    ("verb", "request_", "code", "where"),
    (
        ("notify", {}, "wrong-type", "$"),
        ("notify", {"id": "UP"}, "wrong-type", "$"),
        ("acknowledge", {"messages": []}, "wrong-type", "$.messages"),
        ("acknowledge", {"messages": ["xyz"]}, "wrong-type", "$.messages[0]"),
        ("say", {"thread": "hot", "text": "x", "secret": 1}, "wrong-type", "$"),
        ("say", {"thread": "hot", "text": "x", "officer": "nobody"}, "unknown-officer", "$.officer"),
    ),
)
def test_bad_requests_name_the_field_and_change_nothing(
    stage: Stage, verb: str, request_: dict[str, Any], code: str, where: str
) -> None:
    with pytest.raises(Malformed) as caught:
        ask(stage, verb, **request_)
    assert caught.value.code == code
    assert caught.value.path.startswith(where)
    assert stage.desk.book.read("SELECT * FROM outbox") == []


def test_crossed_outline_is_refused_with_its_place(stage: Stage) -> None:
    bow_tie = {"type": "polygon", "vertices_e7": [[0, 0], [10**7, 10**7], [10**7, 0], [0, 10**7]]}
    with pytest.raises(Malformed) as caught:
        ask(
            stage,
            "notify",
            id="x",
            activity="air",
            title="x",
            volumes=[volume_json(), volume_json(outline=bow_tie)],
        )
    assert caught.value.path.startswith("$.volumes[1]")


@pytest.mark.parametrize("data", (b"{", b"[]", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b"null"))
def test_any_bytes_to_a_verb_give_our_error(stage: Stage, data: bytes) -> None:
    with pytest.raises(EntenteError):
        call(stage.desk, "acknowledge", data)


def test_unknown_names_are_not_found(stage: Stage) -> None:
    with pytest.raises(NotFound):
        call(stage.desk, "fly", b"{}")
    for verb, request in (
        ("ladder", {"message": "99"}),
        ("message", {"message": "deadbeefdeadbeef"}),
        ("thread", {"name": "nothing"}),
        ("readout", {"name": "nothing"}),
        ("close", {"id": "nothing"}),
        ("drop-plan", {"name": "nothing"}),
    ):
        with pytest.raises(NotFound):
            ask(stage, verb, **request)


def test_message_is_found_by_index_hash_and_prefix(stage: Stage) -> None:
    said = stage.say()
    for name in (str(said.index), said.leaf, said.leaf[:8], said.leaf[:20]):
        assert ask(stage, "message", message=name)["leaf"] == said.leaf
    with pytest.raises(Malformed):
        ask(stage, "message", message="abc")


def test_reading_off_our_own_map_is_put_into_words(stage: Stage) -> None:
    leaf = notify_theirs(stage)
    point = list(encode_position(NINE_KM_OFF_E7[0] / 1e7, NINE_KM_OFF_E7[1] / 1e7))
    ask(stage, "read-back", message=leaf, readings=[{"volume": 0, "point_e7": point}])
    (row,) = stage.desk.rows.select(PositionRow, message=leaf)
    assert row.state == "blocked"
    assert "of Deir ez-Zor Airport" in row.readings[0].words
    assert row.difference_cm is not None
    assert 890_000 < row.difference_cm < 905_000


def test_lapsed_message_can_still_be_acknowledged(stage: Stage) -> None:
    leaf = notify_theirs(stage)
    stage.clock.pass_s(4000)
    (item,) = [one for one in stage.desk.inbox.list_items(stage.clock.now) if one.kind == "acknowledge"]
    assert item.is_overdue
    assert item.lapses_in_s is not None
    assert item.lapses_in_s < 0
    ask(stage, "acknowledge", messages=[leaf])
    receipts = list(stage.desk.rows.select(ReceiptRow, party="us"))
    assert [row.state for row in receipts] == ["acknowledged"]


def test_doctor_says_what_is_wrong(stage: Stage) -> None:
    found = {check["name"]: check for check in ask(stage, "doctor")["checks"]}
    assert found["keys"]["state"] == "warning"
    assert "without a passphrase" in found["keys"]["words"]
    assert found["mirror"]["state"] == "good"
    stage.say()
    tile = stage.folder / "mirror" / "tile" / "0" / "000.p" / "4"
    tile.write_bytes(bytes(128))
    (stage.folder / "keys" / "desk.json").chmod(0o644)
    stage.center.lies.add("no-network")
    answer = ask(stage, "doctor")
    found = {check["name"]: check for check in answer["checks"]}
    assert not answer["is_fit"]
    assert found["mirror"]["state"] == "bad"
    assert found["keys"]["state"] == "bad"
    assert found["center"]["state"] == "bad"
