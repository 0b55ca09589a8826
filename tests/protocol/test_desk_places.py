"""Zones, sites and incidents at a desk: what an officer is told to do, and what is told to nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from entente.deconflict import (
    AnswerIncident,
    Consent,
    DeclareSite,
    DeclareZone,
    Deliver,
    FollowUpRow,
    IncidentRow,
    Obligation,
    ReportIncident,
    VerifySite,
)
from entente.deconflict.receipts import Delivery, Stamp
from entente.desk.inbox import InboxItem
from entente.desk.service import VERBS, call
from entente.kernel.errors import Denied, Malformed
from entente.kernel.time import encode_utc
from tests.protocol.desk_stage import HERE_E7, Stage, make_stage, make_volume, open_scratch

DAY_S: Final = 86_400


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def ask(stage: Stage, verb: str, **request: Any) -> Any:
    if not VERBS[verb].is_reading:
        request = {"officer": "duty-1"} | request
    return call(stage.desk, verb, json.dumps(request).encode())


def items(stage: Stage, kind: str) -> list[InboxItem]:
    return [item for item in stage.desk.inbox.list_items(stage.clock.now) if item.kind == kind]


def declare_site(stage: Stage, **more: Any) -> str:
    body: dict[str, Any] = {
        "id": "m2",
        "name": "M2",
        "category": "hospital",
        "volume": {
            "outline": {"type": "circle", "centre_e7": list(HERE_E7), "radius_cm": 5_000},
            "floor_cm": None,
            "ceiling_cm": None,
            "start": "2016-09-01T00:00:00Z",
            "end": "2100-01-01T00:00:00Z",
        },
        "buffer_cm": 50_000,
        "consent": {"owner": "M2 board", "given": "2016-09-01T00:00:00Z", "recipients": [], "note": ""},
        "expires": "2016-10-01T00:00:00Z",
    }
    leaf: str = ask(stage, "declare-site", **(body | more))["leaf"]
    return leaf


def tell_site(stage: Stage) -> str:
    consent = Consent("M2 board", "2016-09-01T00:00:00Z", [], "letter")
    body = DeclareSite(
        "m2", "M2", "hospital", make_volume(radius_m=50), 50_000, "", consent, "2016-10-01T00:00:00Z", None
    )
    leaf = stage.center.say("ru", "site.declare", body, officers=["duty-1"])
    stage.desk.run_once()
    return leaf


def report(stage: Stage, **more: Any) -> Any:
    body: dict[str, Any] = {
        "id": "fire",
        "category": "strike",
        "place_e7": list(HERE_E7),
        "within_cm": 1_000,
        "start": "2016-09-17T13:54:00Z",
        "end": "2016-09-17T13:55:00Z",
        "observed": "two impacts",
        "basis": "seen",
    }
    return ask(stage, "incident-report", **(body | more))


def tell_report(stage: Stage, **more: Any) -> str:
    stage.clock.pass_s(3 * 3600)
    body = ReportIncident(
        id="fire",
        category="strike",
        urgent=more.pop("urgent", False),
        place_e7=HERE_E7,
        within_cm=1_000,
        start="2016-09-17T15:05:00Z",
        end="2016-09-17T15:20:00Z",
        observed="two impacts",
        basis="seen",
        source="",
    )
    at = encode_utc(stage.clock.now)
    leaf = stage.center.say("ru", "incident.report", body, officers=["duty-1"], at=at)
    stage.desk.run_once()
    return leaf


def test_a_guarantor_is_asked_and_is_not_shown_as_one_before(stage: Stage) -> None:
    guard = Obligation("guard", "guard", "a checkpoint", "us")
    body = DeclareZone(
        "road", "Road", "safe", "", [make_volume()], [], [], [guard], [], source="", replaces=None
    )
    leaf = stage.center.say("ru", "zone.declare", body, officers=["duty-1"])
    stage.desk.run_once()
    (item,) = items(stage, "vouch")
    assert "names us as guarantor of 'guard' (guard: a checkpoint)" in item.words
    assert "named, not accepted" in ask(stage, "zone", id="road")["words"]
    with pytest.raises(Denied) as caught:
        ask(stage, "vouch", id="road", obligation="guard", word="yes")
    assert caught.value.code == "not-acknowledged"
    ask(stage, "acknowledge", messages=[leaf])
    assert ask(stage, "zone", id="road")["guarantees"][0]["state"] == "named"
    ask(stage, "vouch", id="road", obligation="guard", word="yes")
    assert ask(stage, "zone", id="road")["guarantees"][0]["state"] == "accepted"
    assert items(stage, "vouch") == []


def test_the_author_is_reminded_before_a_site_expires_and_it_never_vanishes(stage: Stage) -> None:
    declare_site(stage)
    assert items(stage, "site") == []
    stage.clock.pass_s(7 * DAY_S)
    (item,) = items(stage, "site")
    assert "expires at 2016-10-01T00:00:00Z: confirm it again or withdraw it" in item.words
    assert not item.is_overdue
    assert "does not create, change or remove legal protection" in item.words
    stage.clock.pass_s(8 * DAY_S)
    (item,) = items(stage, "site")
    assert "has EXPIRED" in item.words
    assert item.is_overdue
    (shown,) = ask(stage, "status")["sites"]
    assert shown["standing"] == "expired"
    assert "EXPIRED since 2016-10-01T00:00:00Z: not confirmed again; still protected by law" in shown["words"]
    ask(stage, "reconfirm-site", id="m2", expires="2016-12-01T00:00:00Z")
    assert items(stage, "site") == []
    assert ask(stage, "status")["sites"][0]["standing"] == "standing"


def test_nobody_else_is_reminded_of_a_site(stage: Stage) -> None:
    tell_site(stage)
    stage.clock.pass_s(30 * DAY_S)
    assert items(stage, "site") == []
    assert ask(stage, "site", id="m2")["standing"] == "expired"


def test_what_others_found_of_a_site_is_shown_with_their_names(stage: Stage) -> None:
    leaf = declare_site(stage)
    body = VerifySite("m2", leaf, "plausible", "imagery cell", "roof marking seen")
    stage.center.say("ru", "site.verify", body, officers=["duty-1"])
    stage.desk.run_once()
    found = ask(stage, "site", id="m2")
    assert found["verification"]["words"] == "plausible: ru (imagery cell: roof marking seen)"
    assert "Verification: plausible: ru" in found["words"]


def test_an_incident_at_a_notified_site_asks_us_for_our_account(stage: Stage) -> None:
    tell_site(stage)
    leaf = tell_report(stage)
    (item,) = items(stage, "incident")
    assert "incident 'fire' (strike) at notified site M2, reported by ru" in item.words
    assert "by 2016-09-24T" in item.words
    assert "after that our silence is recorded" in item.words
    ask(stage, "incident-answer", id="fire", answer="nothing-yet")
    assert items(stage, "incident") == []
    ask(stage, "incident-answer", id="fire", answer="account", text="no aircraft of ours")
    shown = ask(stage, "incident", id="fire")
    assert [one["words"] for one in shown["follow_up"]] == ["us has answered"]
    assert shown["accounts"][0]["text"] == "no aircraft of ours"
    assert "Observed, not attributed." in shown["words"]
    assert "does not create, change or remove legal protection" in shown["notice"]
    assert shown["message"] == leaf


def test_our_silence_is_shown_as_recorded_and_can_still_be_broken(stage: Stage) -> None:
    tell_site(stage)
    tell_report(stage, urgent=True)
    stage.clock.pass_s(2 * DAY_S + 1)
    (item,) = items(stage, "incident")
    assert item.is_overdue
    shown = ask(stage, "incident", id="fire")["follow_up"][0]
    assert (shown["is_overdue"], shown["state"]) == (True, "waiting")
    assert "silent, as this desk counts it" in shown["words"]
    # As the center's word leaves it (tests/protocol/test_center_writer.py has the center say it).
    (row,) = stage.desk.rows.select(FollowUpRow)
    stamp = Stamp("0" * 64, 9, encode_utc(stage.clock.now), ())
    stage.desk.rows.put(msgspec.structs.replace(row, state="silent", silent=stamp))
    (item,) = items(stage, "incident")
    assert "our silence is RECORDED" in item.words
    ask(stage, "incident-answer", id="fire", answer="account", text="late, but here")
    shown = ask(stage, "incident", id="fire")["follow_up"][0]
    assert (shown["words"], shown["is_late"]) == ("us has answered, late: it was silent", True)


def hear(stage: Stage, leaf: str) -> str:
    """The other side's desk says that it has what we declared."""
    stage.center.say("ru", "receipt.deliver", Deliver([Delivery(leaf, "readable", "")]), officers=[])
    return leaf


def test_our_report_opens_what_the_others_owe(stage: Stage) -> None:
    hear(stage, declare_site(stage))
    stage.clock.pass_s(60)
    report(stage)
    (shown,) = ask(stage, "incidents")
    assert [one["party"] for one in shown["follow_up"]] == ["ru"]
    assert "at notified site M2 (m2) of us, standing; seen: two impacts" in shown["words"]
    stage.center.say("ru", "incident.answer", AnswerIncident("fire", "nothing-yet", ""), officers=["duty-1"])
    stage.desk.run_once()
    assert [one["state"] for one in ask(stage, "incident", id="fire")["follow_up"]] == ["answered"]


def test_a_report_at_a_sealed_site_goes_to_those_who_know_of_it(stage: Stage) -> None:
    consent = {"owner": "M2 board", "given": "2016-09-01T00:00:00Z", "recipients": ["ru"], "note": ""}
    hear(stage, declare_site(stage, consent=consent, to=["ru"]))
    assert "told to ru only" in ask(stage, "site", id="m2")["words"]
    stage.clock.pass_s(60)
    report(stage)
    (row,) = stage.desk.rows.select(IncidentRow)
    assert row.to == ("ru",)
    assert [one.party for one in stage.desk.rows.select(FollowUpRow)] == ["ru"]
    # Also when it happened before the site was notified: the place is what would be given away.
    report(stage, id="before", start="2016-09-10T00:00:00Z", end="2016-09-10T01:00:00Z")
    (before,) = (one for one in stage.desk.rows.select(IncidentRow) if one.id == "before")
    assert (before.to, before.sites) == (("ru",), ())
    # Elsewhere it is told to everyone; and here, too, when the officer says so.
    report(stage, id="elsewhere", place_e7=[0, 0])
    report(stage, id="openly", to=[])
    rows = {row.id: row for row in stage.desk.rows.select(IncidentRow)}
    assert rows["elsewhere"].to == rows["openly"].to == ()
    assert rows["openly"].sites == ()


def test_a_report_where_a_sealed_site_was_goes_to_those_who_knew_of_it_there(stage: Stage) -> None:
    consent = {"owner": "M2 board", "given": "2016-09-01T00:00:00Z", "recipients": ["ru"], "note": ""}
    first = hear(stage, declare_site(stage, consent=consent, to=["ru"]))
    stage.clock.pass_s(3600)
    moved = {
        "outline": {"type": "circle", "centre_e7": [HERE_E7[0] + 10_000_000, HERE_E7[1]], "radius_cm": 5_000},
        "floor_cm": None,
        "ceiling_cm": None,
        "start": "2016-09-01T00:00:00Z",
        "end": "2100-01-01T00:00:00Z",
    }
    hear(stage, declare_site(stage, consent=consent, to=["ru"], volume=moved, replaces=first))
    stage.clock.pass_s(60)
    report(stage)
    (row,) = stage.desk.rows.select(IncidentRow)
    assert (row.to, [met.since for met in row.sites]) == (("ru",), ["replaced"])


def test_nothing_to_state_yet_is_not_shown_as_an_answer_to_what_happened(stage: Stage) -> None:
    tell_site(stage)
    stage.clock.pass_s(3 * 3600)
    report(stage, start="2016-09-17T15:05:00Z", end="2016-09-17T15:20:00Z")
    stage.center.say("ru", "incident.answer", AnswerIncident("fire", "nothing-yet", ""), officers=["duty-1"])
    stage.desk.run_once()
    (shown,) = ask(stage, "incidents")
    assert [one["words"] for one in shown["follow_up"]] == [
        "ru has answered that it has nothing to state yet"
    ]
    account = AnswerIncident("fire", "account", "we did not")
    stage.center.say("ru", "incident.answer", account, officers=["duty-1"])
    stage.desk.run_once()
    (shown,) = ask(stage, "incidents")
    assert [one["words"] for one in shown["follow_up"]] == ["ru has answered"]


def test_a_site_beyond_its_owners_consent_is_not_even_sent(stage: Stage) -> None:
    consent = {"owner": "M2 board", "given": "2016-09-01T00:00:00Z", "recipients": ["ru"], "note": ""}
    size = stage.center.tree.size
    with pytest.raises(Denied) as caught:
        declare_site(stage, consent=consent)
    assert caught.value.code == "beyond-consent"
    assert stage.center.tree.size == size


def test_what_holds_is_asked_without_telling_anyone(stage: Stage) -> None:
    size = stage.center.tree.size
    volume = {
        "outline": {"type": "circle", "centre_e7": list(HERE_E7), "radius_cm": 5_000},
        "floor_cm": None,
        "ceiling_cm": None,
        "start": "2016-09-17T15:00:00Z",
        "end": "2016-09-17T16:00:00Z",
    }
    found = ask(stage, "holding", volumes=[volume], activity="air")
    assert (found["party"], found["verdict"], found["zones"]) == ("us", "permitted", ())
    with pytest.raises(Malformed):
        ask(stage, "holding", volumes=[volume | {"end": volume["start"]}], activity="air")
    assert stage.center.tree.size == size


def test_an_answer_to_what_is_unknown_is_not_sent(stage: Stage) -> None:
    with pytest.raises(Exception, match="'nothing'"):
        ask(stage, "incident-answer", id="nothing", answer="nothing-yet")


def test_the_acknowledgement_of_a_report_is_no_answer(stage: Stage) -> None:
    tell_site(stage)
    leaf = tell_report(stage)
    ask(stage, "acknowledge", messages=[leaf])
    assert len(items(stage, "incident")) == 1


def test_a_name_that_looks_like_anothers_is_shown_as_that(stage: Stage) -> None:
    declare_site(stage, id="castello")
    guard = Obligation("guard", "guard", "", "ru")
    body = DeclareZone("caste11o", "Road", "safe", "", [make_volume()], [], [], [guard], [], "", None)
    stage.center.say("ru", "zone.declare", body, officers=["duty-1"])
    stage.desk.run_once()
    status = ask(stage, "status")
    assert status["zones"][0]["words"].endswith("CAREFUL, looks like site castello of us.")
    assert status["sites"][0]["looks_like"] == ["zone caste11o of ru"]
    assert ask(stage, "site", id="castello")["words"].endswith("CAREFUL, looks like zone caste11o of ru.")
