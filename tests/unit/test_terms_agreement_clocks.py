"""Days without an incident, motions and simultaneous steps: nobody alone restarts a clock or moves an end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from entente.kernel.time import encode_utc, parse_utc
from entente.terms import agreement as ag
from entente.terms.agreement.clocks import Span, add_span, find_full, measure_elapsed, merge_spans
from tests.agreement_scene import ROAD, START, AgreementScene, change, make_clock, make_text, refused

HOUR = timedelta(hours=1)


@pytest.fixture
def scene() -> AgreementScene:
    return AgreementScene().in_force()


def test_a_measure_is_held_until_seven_times_24_hours_are_full(scene: AgreementScene) -> None:
    end = START + timedelta(days=7)
    assert scene.measure("joint-center", end - timedelta(seconds=1)).state == "held"
    assert scene.clock("seven-days", end - timedelta(seconds=1)).days_passed == 6
    assert scene.measure("joint-center", end).state == "due"
    assert scene.measure("joint-center", end).since == encode_utc(end)
    due = [one for one in scene.state(end).due if one.kind == "measure"]
    assert [(one.party, one.since) for one in due] == [("ru", encode_utc(end)), ("us", encode_utc(end))]
    assert not any(one.by or one.is_overdue for one in due)  # a time that is past is no deadline
    assert scene.state().ahead[0].at == encode_utc(end)


def test_a_report_of_an_incident_restarts_nothing(scene: AgreementScene) -> None:
    scene.tick(days=3)
    scene.incident("us")
    scene.tick(days=4)
    assert scene.clock("seven-days").state == "reached"
    assert scene.state().incidents[0].answers == {"ru": "silent"}


def test_a_reset_without_the_others_consent_restarts_nothing(scene: AgreementScene) -> None:
    scene.tick(days=3)
    motion = scene.reset(scene.incident("us"))
    for signatory in ag.list_signatories(scene.text):
        if str(signatory) != "ru/mod":
            scene.consent(motion, signatory.party, signatory.agency)
    view = scene.state()
    assert view.motions[0].state == "open"
    assert [(due.party, due.agency) for due in view.due if due.kind == "consent"] == [("ru", "mod")]
    assert scene.clock("seven-days").end == encode_utc(START + timedelta(days=7))
    scene.consent(motion, "ru", "mod", word="no")
    assert scene.state().motions[0].state == "denied"
    assert any("denied" in note for note in scene.state().notes)
    scene.tick(days=4)
    assert scene.clock("seven-days").state == "reached"


def test_a_reset_that_all_carried_counts_from_the_incident(scene: AgreementScene) -> None:
    scene.tick(days=3)
    happened = scene.now - 5 * HOUR
    motion = scene.reset(scene.incident("us", happened=happened))
    scene.tick(days=1)
    scene.consent_all(motion)
    assert scene.state().motions[0].state == "in-effect"
    assert scene.clock("seven-days").start == encode_utc(happened)
    assert scene.clock("seven-days").end == encode_utc(happened + timedelta(days=7))
    # The entry on which it rests is the last consent.
    assert scene.clock("seven-days").entries == (scene.rows.find(ag.MotionRow, motion).carried.index,)


def test_a_reset_counts_only_when_its_last_consent_has_reached_all(scene: AgreementScene) -> None:
    scene.tick(days=3)
    motion = scene.reset(scene.incident("us"))
    scene.silent = {"ru"}
    everyone = ag.list_signatories(scene.text)
    for one in sorted(everyone, key=lambda each: each.party == "us"):
        scene.consent(motion, one.party, one.agency)
    assert scene.state().motions[0].state == "pending"
    assert scene.clock("seven-days").start == encode_utc(START)


def test_an_incident_back_dated_before_the_start_restarts_nothing(scene: AgreementScene) -> None:
    scene.tick(days=3)
    motion = scene.reset(scene.incident("us", happened=START - timedelta(days=30)))
    scene.consent_all(motion)
    assert scene.state().motions[0].state == "without-effect"
    assert scene.clock("seven-days").start == encode_utc(START)


def test_an_earlier_incident_never_moves_a_start_back(scene: AgreementScene) -> None:
    scene.tick(days=4)
    early = scene.reset(scene.incident("us", happened=START + timedelta(days=1)))
    late = scene.reset(scene.incident("us", happened=START + timedelta(days=3)))
    scene.consent_all(late)
    scene.consent_all(early)
    assert scene.clock("seven-days").start == encode_utc(START + timedelta(days=3))
    assert [one.state for one in scene.state().motions] == ["without-effect", "in-effect"]


def test_an_incident_that_has_not_happened_yet_is_refused(scene: AgreementScene) -> None:
    with refused("not-yet", encode_utc(START + HOUR)):
        scene.incident("us", happened=START + HOUR)


def test_an_incident_names_a_clock_of_days(scene: AgreementScene) -> None:
    for clock in ("road", "expiry", "other"):
        with refused("unknown-clock", repr(clock)):
            scene.incident("us", clock=clock)


def test_consenting_twice_counts_once(scene: AgreementScene) -> None:
    motion = scene.reset(scene.incident("us"))
    scene.consent(motion, "us")
    with refused("already-answered", "'us'"):
        scene.consent(motion, "us")
    assert scene.state().motions[0].words == {"us": "yes"}


def test_consent_for_anothers_agency_or_without_the_role_is_refused(scene: AgreementScene) -> None:
    motion = scene.reset(scene.incident("us"))
    with refused("not-a-signatory", "'us/mod'"):
        scene.consent(motion, "us", "mod", officer="pentagon-1")
    with refused("role-missing"):
        scene.consent(motion, "ru", "mod", officer="duty-1")


def test_a_motion_that_was_carried_takes_no_word_back(scene: AgreementScene) -> None:
    motion = scene.reset(scene.incident("us"))
    scene.consent(motion, "us", word="no")
    scene.consent_all(motion)
    with refused("already-carried"):
        scene.consent(motion, "us", word="no")


def test_one_motion_an_incident(scene: AgreementScene) -> None:
    incident = scene.incident("us")
    scene.reset(incident)
    with refused("already-moved", "is one"):
        scene.reset(incident, "ru")
    with refused("unknown-incident"):
        scene.reset("0" * 64)
    with refused("unknown-motion"):
        scene.consent("0" * 64, "us")


def test_others_accept_or_dispute_and_nobody_answers_for_itself(scene: AgreementScene) -> None:
    leaf = scene.incident("us")

    def answer(party: str, word: str) -> None:
        scene.send(party, "agreement.answer", ag.AnswerIncident(leaf, word, ""))  # type: ignore[arg-type]

    with refused("own-incident"):
        answer("us", "accepted")
    answer("ru", "disputed")
    with refused("already-answered", "'ru'"):
        answer("ru", "disputed")
    assert scene.state().incidents[0].answers == {"ru": "disputed"}
    answer("ru", "accepted")
    assert scene.state().incidents[0].answers == {"ru": "accepted"}
    with refused("already-answered", "'ru'"):
        answer("ru", "accepted")
    answer("ru", "disputed")
    assert len(scene.rows.find(ag.IncidentRow, leaf).answers) == 1
    assert scene.clock("seven-days").start == encode_utc(START)
    with refused("unknown-incident"):
        scene.send("ru", "agreement.answer", ag.AnswerIncident("0" * 64, "accepted", ""))


def test_a_suspension_does_not_reset_the_clock_and_its_time_does_not_count(scene: AgreementScene) -> None:
    scene.tick(days=2)
    scene.suspend("ru")
    assert scene.clock("seven-days").state == "paused"
    scene.tick(days=10)
    assert scene.clock("seven-days").days_passed == 2
    scene.resume("ru")
    assert scene.clock("seven-days").end == encode_utc(START + timedelta(days=17))
    assert scene.measure("joint-center", START + timedelta(days=17)).state == "due"


# Simultaneous steps


def test_the_window_opens_when_all_are_ready_and_not_before(scene: AgreementScene) -> None:
    scene.step("us", "ready")
    assert scene.clock("road").state == "waiting"
    assert [due.party for due in scene.state().due if due.kind == "ready"] == ["ru"]
    with refused("not-all-ready", "['ru']"):
        scene.step("us", "done")
    with refused("already-ready"):
        scene.step("us", "ready")
    scene.tick(hours=5)
    scene.step("ru", "ready")
    clock = scene.clock("road")
    assert (clock.state, clock.start) == ("open", encode_utc(START + 5 * HOUR))
    assert clock.end == encode_utc(START + 29 * HOUR)
    due = [(one.party, one.by, one.is_overdue) for one in scene.state().due if one.kind == "step"]
    assert due == [("ru", clock.end, False), ("us", clock.end, False)]
    assert scene.measure("pull-back").state == "due"


def test_ready_can_be_taken_back_until_all_are(scene: AgreementScene) -> None:
    with refused("not-ready"):
        scene.step("us", "not-ready")
    scene.step("us", "ready")
    scene.step("us", "not-ready")
    scene.step("ru", "ready")
    assert scene.clock("road").state == "waiting"
    scene.step("us", "ready")
    with refused("window-open"):
        scene.step("us", "not-ready")


def test_all_done_within_the_window_is_kept(scene: AgreementScene) -> None:
    for step in ("ready", "done"):
        for party in ("us", "ru"):
            scene.step(party, step)
            scene.tick(hours=1)
    assert scene.clock("road").state == "kept"
    assert scene.measure("pull-back").state == "done"
    with refused("already-done"):
        scene.step("us", "done")


def test_a_window_that_passes_undone_is_broken_and_says_what_the_others_may_do(scene: AgreementScene) -> None:
    scene.step("us", "ready")
    scene.step("ru", "ready")
    scene.step("us", "done")
    scene.tick(hours=24)
    clock = scene.clock("road")
    assert clock.state == "broken"
    assert "step back" in clock.why
    assert [(one.party, one.is_overdue) for one in scene.state().due if one.kind == "step"] == [("ru", True)]
    scene.tick(hours=1)
    scene.step("ru", "done")
    assert scene.clock("road").state == "broken"
    assert "done late: ru" in scene.clock("road").why


def test_done_that_is_back_dated_into_the_window_is_told_as_its_own_word(scene: AgreementScene) -> None:
    scene.step("us", "ready")
    scene.step("ru", "ready")
    scene.step("us", "done")
    scene.tick(hours=40)
    scene.step("ru", "done", at=encode_utc(START + 2 * HOUR))
    clock = scene.clock("road")
    assert clock.state == "unclear"
    assert "by its own word alone: ru" in clock.why


def test_a_step_that_a_clock_holds_opens_only_when_that_is_reached() -> None:
    scene = AgreementScene()
    scene.text = make_text(clocks=[*make_text().clocks[:1], change(ROAD, steps=["joint-center"])])
    scene.in_force()
    scene.step("us", "ready")
    scene.step("ru", "ready")
    assert scene.clock("road").state == "waiting"
    assert "seven-days" in scene.clock("road").why
    scene.tick(days=7, hours=3)
    clock = scene.clock("road")
    assert (clock.state, clock.start) == ("open", encode_utc(START + timedelta(days=7)))


def test_a_window_stands_still_while_suspended(scene: AgreementScene) -> None:
    scene.step("us", "ready")
    scene.step("ru", "ready")
    scene.tick(hours=20)
    scene.suspend("us")
    scene.tick(days=3)
    assert scene.clock("road").state == "paused"
    assert [one for one in scene.state().due if one.kind == "step"] == []
    scene.resume("us")
    assert scene.clock("road").end == encode_utc(START + 24 * HOUR + timedelta(days=3))


# The arithmetic


def span(start: int, end: int | None) -> Span:
    return Span(START + start * HOUR, None if end is None else START + end * HOUR)


def test_pauses_that_meet_are_one() -> None:
    assert merge_spans([span(3, 5), span(1, 2), span(5, 9), span(4, 6), span(7, 7)]) == [
        span(1, 2),
        span(3, 9),
    ]
    assert merge_spans([span(3, None), span(4, 5)]) == [span(3, None)]
    assert merge_spans([span(3, 5), span(5, 9)]) == [span(3, 9)]


def test_the_time_that_counts_leaves_pauses_out() -> None:
    pauses = [span(2, 4), span(3, 5), span(20, None)]
    assert measure_elapsed(START, START + 10 * HOUR, pauses) == 7 * HOUR
    assert measure_elapsed(START, START + 30 * HOUR, pauses) == 17 * HOUR
    assert measure_elapsed(START + 3 * HOUR, START + 4 * HOUR, pauses) == timedelta(0)
    assert measure_elapsed(START, START - HOUR, pauses) == timedelta(0)
    assert find_full(START, 2 * HOUR, pauses) == START + 2 * HOUR
    assert find_full(START, 3 * HOUR, pauses) == START + 6 * HOUR
    assert find_full(START + 3 * HOUR, HOUR, pauses) == START + 6 * HOUR
    assert find_full(START, 17 * HOUR, pauses) == START + 20 * HOUR
    assert find_full(START, 18 * HOUR, pauses) is None


def test_no_claim_carries_a_clock_beyond_the_calendar() -> None:
    last = parse_utc("8999-12-31T23:59:59Z")
    assert add_span(last, timedelta(days=400_000)) == parse_utc("8999-12-31T23:59:59Z").replace(
        year=9999, month=1, day=1, hour=0, minute=0, second=0
    )


def test_a_reset_dated_ahead_or_at_the_very_end_restarts_nothing(scene: AgreementScene) -> None:
    *others, last = ag.list_signatories(scene.text)
    scene.tick(days=3)
    motion = scene.reset(scene.incident("us"))
    for one in others:
        scene.consent(motion, one.party, one.agency)
    scene.lag["ru"] = timedelta(days=27)  # exactly the end
    scene.consent(motion, last.party, last.agency)
    assert scene.state().motions[0].state == "pending"
    assert scene.clock("seven-days").start == encode_utc(START)
    scene.tick(days=27)
    assert scene.state().phase == "ended"
    assert scene.state().motions[0].state == "without-effect"
    assert scene.clock("seven-days").start == encode_utc(START)


def test_an_incident_at_the_very_start_restarts_nothing(scene: AgreementScene) -> None:
    scene.tick(days=1)
    scene.consent_all(scene.reset(scene.incident("us", happened=START)))
    assert scene.state().motions[0].state == "without-effect"
    assert scene.clock("seven-days").entries == (scene.state().entries[0],)


def test_what_is_done_while_suspended_is_done_in_time(scene: AgreementScene) -> None:
    scene.step("us", "ready")
    scene.step("ru", "ready")
    scene.suspend("ru")
    scene.tick(days=3)
    scene.step("us", "done")
    assert "done: us" in scene.clock("road").why
    scene.silent = {"ru"}
    scene.step("ru", "done")
    assert scene.clock("road").state == "kept"


def test_every_clock_that_holds_a_step_is_waited_for() -> None:
    scene = AgreementScene()
    steps = change(ROAD, steps=["pull-back", "joint-center"])
    scene.text = make_text(clocks=[*make_text().clocks[:1], steps])
    scene.in_force()
    scene.step("us", "ready")
    scene.step("ru", "ready")
    assert scene.clock("road").state == "waiting"
    assert scene.measure("joint-center").state == "held"
    scene.tick(days=7)
    assert scene.clock("road").state == "open"


def test_the_state_can_be_told_at_the_last_moment_that_can_be_claimed() -> None:
    scene = AgreementScene()
    scene.propose()
    scene.lag["ru"] = parse_utc("8999-12-30T00:00:00Z") - START
    scene.sign_all()
    view = scene.state(parse_utc("8999-12-31T23:59:59Z"))
    assert (view.phase, view.since) == ("in-force", "8999-12-30T00:00:00Z")
    assert view.ends.startswith("9000-01-29")


def test_the_window_closes_at_the_end_of_its_last_hour(scene: AgreementScene) -> None:
    close = START + 24 * HOUR
    scene.step("us", "ready")
    scene.step("ru", "ready")
    scene.tick(hours=24)
    assert scene.clock("road", close - timedelta(microseconds=1)).state == "open"
    assert scene.clock("road", close).state == "broken"
    scene.step("us", "done")  # dated at the very close: in time
    scene.silent = {"us"}
    scene.step("ru", "done")
    assert "done in time by its own word alone: ru; done: us" in scene.clock("road").why
    assert scene.clock("road", close - timedelta(microseconds=1)).state == "open"
    assert scene.clock("road", close).state == "unclear"
    scene.silent = set()
    scene.deliver()
    assert scene.clock("road").state == "kept"


def test_a_measure_that_two_clocks_hold_is_due_since_the_later_one() -> None:
    longer = make_clock("nine-days", "days-without", measure="joint-center", incident="a flight", days=9)
    scene = AgreementScene()
    scene.text = make_text(clocks=[make_text().clocks[0], longer])
    scene.in_force()
    assert scene.measure("joint-center", START + timedelta(days=8)).state == "held"
    assert scene.measure("joint-center", START + timedelta(days=9)).since == encode_utc(
        START + timedelta(days=9)
    )
