"""Suspension, extension, expiry and withdrawal: what one may do alone, and what takes all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from entente.deconflict import find_receipt, plan_ladder
from entente.deconflict.ladder import Lapse
from entente.deconflict.receipts import Deliver, Delivery
from entente.kernel.time import encode_utc
from entente.terms import agreement as ag
from tests.agreement_scene import (
    EXPIRY,
    NOTICE,
    SEVEN_DAYS,
    START,
    AgreementScene,
    change,
    make_text,
    refused,
)


@pytest.fixture
def scene() -> AgreementScene:
    return AgreementScene().in_force()


def test_a_suspension_holds_at_once_and_is_lifted_by_who_made_it_alone(scene: AgreementScene) -> None:
    scene.silent = {"ru"}
    scene.suspend("us")
    assert scene.state().phase == "suspended"
    assert "a breach" in scene.state().why
    assert {one.state for one in scene.state().measures} == {"suspended"}
    with refused("already-suspended"):
        scene.suspend("us")
    with refused("not-suspended", "'ru'"):
        scene.resume("ru")
    scene.silent = set()
    scene.deliver()
    scene.suspend("ru")
    scene.resume("us")
    assert scene.state().phase == "suspended"
    scene.resume("ru")
    assert scene.state().phase == "in-force"


def test_a_suspension_is_lifted_when_all_have_heard_of_it(scene: AgreementScene) -> None:
    scene.suspend("us")
    scene.silent = {"ru"}
    scene.resume("us")
    assert scene.state().phase == "suspended"
    assert "when it has reached ru" in scene.state().why
    scene.silent = set()
    scene.deliver()
    assert scene.state().phase == "in-force"


def test_it_expires_and_nothing_starts_again(scene: AgreementScene) -> None:
    scene.step("us", "ready")
    scene.reset(scene.incident("us"))  # questions that nobody has to answer any more once it has ended
    scene.tick(days=30, minutes=-1)
    assert scene.state().phase == "in-force"
    scene.tick(minutes=1)
    state = scene.state()
    assert state.phase == "ended"
    assert "30 days" in state.why
    assert state.due == ()
    assert {one.state for one in state.measures} == {"ended"}
    scene.suspend("us")
    scene.resume("us")
    assert scene.state().phase == "ended"


def test_it_is_extended_by_all_before_the_end_and_not_after(scene: AgreementScene) -> None:
    scene.tick(days=29)
    motion = scene.extend(30)
    due = [one for one in scene.state().due if one.kind == "consent"]
    assert {one.by for one in due} == {encode_utc(START + timedelta(days=30))}
    for one in ag.list_signatories(scene.text)[:-1]:
        scene.consent(motion, one.party, one.agency)
    assert scene.state().ends == encode_utc(START + timedelta(days=30))
    scene.consent(motion, "us", "state")
    assert scene.state().ends == encode_utc(START + timedelta(days=60))
    assert scene.clock("expiry").end == encode_utc(START + timedelta(days=60))
    late = scene.extend(30, "ru")
    scene.tick(days=31)
    scene.consent_all(late)
    state = scene.state()
    assert state.phase == "ended"
    assert [one.state for one in state.motions] == ["in-effect", "without-effect"]


def test_a_consent_back_dated_before_the_end_extends_nothing(scene: AgreementScene) -> None:
    scene.tick(days=29)
    motion = scene.extend(30)
    for one in ag.list_signatories(scene.text)[:-1]:
        scene.consent(motion, one.party, one.agency)
    scene.tick(days=5)
    body = ag.Consent(motion, "state", "yes", "")
    at = encode_utc(START + timedelta(days=29))
    scene.send("us", "agreement.consent", body, "state-1", at=at)
    assert scene.state().phase == "ended"
    assert "after the end" in scene.state().motions[0].why


def test_one_open_motion_to_extend_and_only_where_there_is_an_end(scene: AgreementScene) -> None:
    scene.extend(30)
    with refused("already-moved"):
        scene.extend(20, "ru")
    # 300 was a slip of the pen: one denial and another may be moved. Nobody blocks the others for ever.
    other = AgreementScene().in_force()
    slip = other.extend(300)
    other.consent(slip, "us", word="no")
    other.consent_all(other.extend(30, "ru"))
    assert other.state().ends == encode_utc(START + timedelta(days=60))
    assert [one.days for one in other.state().motions if one.state == "denied"] == [300]
    other.extend(20, "ru")
    with refused("already-moved", "denies it"):
        other.extend(10, "us")
    other = AgreementScene()
    other.text = make_text(clocks=[NOTICE])
    other.in_force()
    with refused("no-expiry"):
        other.extend(3)
    assert other.state().ends == ""


def test_extensions_without_end_stay_inside_the_calendar(scene: AgreementScene) -> None:
    for _ in range(85):
        scene.consent_all(scene.extend(36_525))
    assert scene.state().ends.startswith("9999")


def test_a_suspension_does_not_move_the_end(scene: AgreementScene) -> None:
    scene.tick(days=1)
    scene.suspend("ru")
    assert scene.state().ends == encode_utc(START + timedelta(days=30))
    scene.tick(days=29)
    assert scene.state().phase == "ended"


def test_a_withdrawal_takes_effect_after_its_notice_and_cannot_be_denied(scene: AgreementScene) -> None:
    scene.tick(days=1)
    scene.withdraw("ru")
    state = scene.state()
    over = encode_utc(scene.now + timedelta(hours=72))
    assert (state.phase, state.ends) == ("in-force", over)
    assert any(one.at == over and "no trust left" in one.why for one in state.ahead)
    with refused("already-withdrawn"):
        scene.withdraw("ru")
    with refused("signed-by-all"):
        scene.sign("ru")
    scene.tick(hours=72)
    state = scene.state()
    assert state.phase == "ended"
    assert "ru withdrew" in state.why
    assert state.entries == (scene.center.tree.size - 2,)


def test_a_notice_back_dated_gets_no_shorter(scene: AgreementScene) -> None:
    scene.tick(days=5)
    scene.withdraw("ru", at=encode_utc(START))
    assert scene.state().phase == "in-force"
    assert scene.state().ends == encode_utc(scene.now + timedelta(hours=72))


def test_a_notice_that_has_not_reached_all_does_not_run_and_is_told(scene: AgreementScene) -> None:
    scene.silent = {"us"}
    scene.withdraw("ru")
    scene.tick(days=10)
    assert scene.state().phase == "in-force"
    assert scene.clock("notice").state == "waiting"
    assert any("has not reached us" in note for note in scene.state().notes)


def test_a_silent_desk_does_not_stop_a_notice_beyond_the_agreed_lapse(scene: AgreementScene) -> None:
    scene.silent = {"us"}
    leaf = scene.withdraw("ru")
    # The ladder's own clock: the next contact first, then the lapse, both stated by the center.
    scene.tick(minutes=61)
    recorded = dict.fromkeys(scene.rows._tables["messages"], START)
    told = []
    for kind, body in plan_ladder(scene.rows, scene.now, recorded.get):
        if body.message == leaf:
            scene.center.submit(scene.center.write(kind, body, at=encode_utc(scene.now)))
            told.append(kind)
    assert told[-1] == "receipt.lapse"
    assert isinstance(body, Lapse)
    assert scene.state().ends == encode_utc(scene.now + timedelta(hours=72))
    before = scene.state().ends
    scene.tick(days=1)
    scene.silent = set()
    scene.deliver()
    assert find_receipt(scene.rows, leaf, "us").delivered is not None  # type: ignore[union-attr]
    assert scene.state().ends == before  # the first word that the record had stays the one that counts


def test_a_second_delivery_moves_no_date(scene: AgreementScene) -> None:
    """A desk that said "unreadable" may say another word later: never a later date for what had one."""
    scene.silent = {"us"}
    leaf = scene.withdraw("ru")

    def deliver(outcome: Any, at: str) -> None:
        body = Deliver([Delivery(leaf, outcome, "")])
        scene.center.submit(scene.parties["us"].write("receipt.deliver", body, scene.center.seen(), at=at))

    deliver("unreadable", encode_utc(scene.now))
    assert scene.state().ends == encode_utc(START + timedelta(days=30))  # it does not have it
    assert any("has not reached us" in note for note in scene.state().notes)
    scene.tick(hours=1)
    deliver("readable", encode_utc(scene.now))
    assert scene.state().ends == encode_utc(scene.now + timedelta(hours=72))
    with refused("already-delivered"):
        deliver("readable", "8999-01-01T00:00:00Z")


def test_nobody_withdraws_where_it_was_not_provided_for() -> None:
    scene = AgreementScene()
    scene.text = make_text(clocks=[])
    scene.in_force()
    with refused("no-withdrawal", "can be suspended"):
        scene.withdraw("ru")


def test_before_all_have_signed_there_is_nothing_to_suspend_or_leave() -> None:
    scene = AgreementScene()
    scene.propose()
    attempts: tuple[Callable[[], str], ...] = (
        lambda: scene.suspend("us"),
        lambda: scene.resume("us"),
        lambda: scene.withdraw("us"),
        lambda: scene.incident("us"),
        lambda: scene.extend(30),
        lambda: scene.step("us", "ready"),
    )
    for act in attempts:
        with refused("not-signed", "ru/mod"):
            act()


def test_with_three_parties_one_withdrawal_ends_it_for_all() -> None:
    scene = AgreementScene(("ru", "un", "us")).in_force()
    scene.withdraw("un")
    scene.tick(hours=72)
    assert scene.state().phase == "ended"


def test_an_auditor_computes_the_same_state_from_the_bytes_alone(scene: AgreementScene) -> None:
    scene.tick(days=2)
    motion = scene.reset(scene.incident("us"))
    scene.consent_all(motion)
    scene.suspend("ru")
    scene.tick(days=1)
    scene.resume("ru")
    scene.withdraw("us")
    assert scene.audit() == scene.state()


def test_who_puts_a_date_off_is_named(scene: AgreementScene) -> None:
    """A party that states its receipt for the far future stops a clock: in its own name, for all to see."""
    far = timedelta(days=365 * 5000)
    scene.lag["us"] = far
    scene.withdraw("ru")
    late = encode_utc(scene.now + far)
    assert f"from {late}, by the word of us" in scene.clock("notice").why
    scene.suspend("us")
    scene.lag["ru"] = far
    scene.resume("us")
    assert f"from {late}, by the word of ru" in scene.state().why
    other = AgreementScene()
    other.lag["us"] = far
    other.propose()
    for one in sorted(ag.list_signatories(other.text), key=lambda each: each.party == "ru"):
        other.sign(one.party, one.agency)
    assert other.state().phase == "signed"
    assert f"from {late}, by the word of us" in other.state().why


def test_a_lapse_is_named_as_the_centers_word(scene: AgreementScene) -> None:
    scene.silent = {"us"}
    scene.withdraw("ru")
    scene.tick(minutes=61)
    recorded = dict.fromkeys(scene.rows._tables["messages"], START)
    for kind, body in plan_ladder(scene.rows, scene.now, recorded.get):
        scene.center.submit(scene.center.write(kind, body, at=encode_utc(scene.now)))
    assert "by the word of the center (lapse of us)" in scene.clock("notice").why


def test_a_motion_and_a_window_that_wait_name_who_keeps_them_waiting(scene: AgreementScene) -> None:
    motion = scene.reset(scene.incident("us"))
    last = ag.list_signatories(scene.text)[-1]
    for one in ag.list_signatories(scene.text)[:-1]:
        scene.consent(motion, one.party, one.agency)
    scene.step("us", "ready")
    scene.silent = {"ru"}
    scene.consent(motion, last.party, last.agency)
    assert "when it has reached ru" in scene.state().motions[0].why
    scene.silent = {"us"}
    scene.step("ru", "ready")
    assert "when it has reached us" in scene.clock("road").why
    scene.silent = set()
    scene.lag["us"] = timedelta(days=9000)
    scene.deliver()
    assert "by the word of us" in scene.clock("road").why


def test_a_suspension_says_nothing_of_the_time_before_it(scene: AgreementScene) -> None:
    scene.tick(days=2)
    scene.suspend("us")
    before = scene.now - timedelta(minutes=1)
    assert scene.state(before).phase == "in-force"
    assert scene.clock("seven-days", before).days_passed == 1
    scene.tick(days=1)
    scene.resume("us")
    assert scene.state(before).phase == "in-force"
    assert scene.state(scene.now - timedelta(hours=3)).phase == "suspended"
    assert scene.state().phase == "in-force"


def test_a_suspension_dated_ahead_holds_when_anyone_has_it(scene: AgreementScene) -> None:
    later = encode_utc(scene.now + timedelta(days=4))
    scene.send("us", "agreement.suspend", ag.SuspendAgreement("ceasefire", "a breach"), at=later)
    assert scene.state().phase == "suspended"
    assert scene.clock("seven-days").state == "paused"


def test_of_two_notices_the_one_that_is_over_first_is_shown(scene: AgreementScene) -> None:
    scene.lag["us"] = timedelta(days=10)
    scene.withdraw("ru")
    scene.withdraw("us")
    over = encode_utc(scene.now + timedelta(hours=72))
    clock = scene.clock("notice")
    assert (clock.end, scene.state().ends) == (over, over)
    assert clock.why.startswith("us withdrew")
    scene.tick(hours=72)
    assert scene.state().phase == "ended"
    assert scene.state().why.endswith("with 72 hours of notice")
    assert "us withdrew" in scene.state().why


def test_nothing_is_announced_that_the_end_forestalls(scene: AgreementScene) -> None:
    scene.tick(days=1)
    scene.withdraw("ru")
    assert [one.what for one in scene.state().ahead] == ["the agreement ends"]
    ends = scene.state().ends
    assert scene.state().ahead[0].at == ends
    assert scene.clock("seven-days").why.endswith(f"the agreement ends before it is full, {ends}")
    assert scene.clock("expiry").why.endswith(f"it ends before that, {ends}")
    scene = AgreementScene().in_force()
    assert "before" not in scene.clock("seven-days").why + scene.clock("expiry").why


def test_what_is_due_soonest_comes_first_and_what_is_overdue_before_it(scene: AgreementScene) -> None:
    scene.extend(30)
    scene.step("us", "ready")
    scene.step("ru", "ready")
    assert [one.kind for one in scene.state().due][:2] == ["step", "step"]
    assert scene.state().due[2].what.startswith("consent to the extension of entry")
    scene.tick(days=2)
    scene.incident("us")
    assert [one.is_overdue for one in scene.state().due][:3] == [True, True, False]
    assert scene.state().due[-1].kind == "answer"


def test_extensions_count_in_the_order_in_which_they_were_carried(scene: AgreementScene) -> None:
    first = scene.extend(5)
    scene.consent(first, "ru", word="no")
    second = scene.extend(10, "ru")
    scene.tick(days=29)
    scene.consent_all(second)
    scene.tick(days=6)  # past the first end, before the second
    scene.consent_all(first)
    assert scene.state().ends == encode_utc(START + timedelta(days=45))
    assert {one.state for one in scene.state().motions} == {"in-effect"}


def test_an_extension_after_a_notice_is_over_extends_nothing(scene: AgreementScene) -> None:
    motion = scene.extend(30)
    scene.withdraw("ru")
    scene.tick(days=5)
    scene.consent_all(motion)
    assert scene.state().motions[0].state == "without-effect"
    assert scene.clock("expiry").end == encode_utc(START + timedelta(days=30))
    assert scene.state().ends == encode_utc(START + timedelta(hours=72))


def test_a_notice_that_would_be_over_after_the_expiry_prolongs_nothing(scene: AgreementScene) -> None:
    scene.tick(days=29)
    scene.withdraw("ru")
    assert scene.state().ends == encode_utc(START + timedelta(days=30))
    scene.tick(days=1)
    assert scene.state().phase == "ended"
    assert "30 days" in scene.state().why


def test_a_notice_given_before_it_is_in_force_runs_from_there() -> None:
    """Signed by all, and in force for all only later: whoever leaves at once leaves with the whole notice."""
    scene = AgreementScene()
    scene.propose()
    *others, last = ag.list_signatories(scene.text)
    for one in others:
        scene.sign(one.party, one.agency)
    scene.lag["ru"] = timedelta(days=2)
    scene.sign(last.party, last.agency)
    scene.lag["ru"] = timedelta(0)
    scene.withdraw("us")
    scene.tick(days=2)
    assert scene.state().phase == "in-force"
    assert scene.state().ends == encode_utc(START + timedelta(days=2, hours=72))
    assert scene.clock("notice").end == scene.state().ends


def test_a_window_has_no_close_while_a_suspension_is_on_its_way(scene: AgreementScene) -> None:
    scene.step("us", "ready")
    scene.step("ru", "ready")
    scene.silent = {"ru"}
    scene.suspend("us")  # no date yet
    assert (scene.clock("road").state, scene.clock("road").end) == ("paused", "")
    scene.silent = set()
    scene.lag["ru"] = timedelta(days=3)
    scene.deliver()  # a date later than now, and than the window would have been
    assert (scene.clock("road").state, scene.clock("road").end) == ("paused", "")


def test_a_clock_that_is_full_with_the_end_is_announced() -> None:
    scene = AgreementScene()
    scene.text = make_text(clocks=[SEVEN_DAYS, change(EXPIRY, days=7)])
    scene.in_force()
    assert len(scene.state().ahead) == 2
    assert scene.clock("seven-days").why == f"0 of 7 days since {encode_utc(START)}"
    scene.tick(days=7)
    assert (scene.state().phase, scene.clock("seven-days").state) == ("ended", "reached")
