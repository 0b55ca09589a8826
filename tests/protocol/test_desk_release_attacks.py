"""Attacks on a desk's gate: by officers, plans, books, pools and clocks; partners and centers that lie."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.deconflict import Acknowledge
from entente.desk.book import Book
from entente.desk.compose import Draft
from entente.desk.outbox import Outbox
from entente.desk.release.parts import ReleaseParts
from entente.desk.release.plans import recompute_digest
from entente.kernel.errors import Denied, Malformed, StoreError
from tests.protocol.desk_stage import open_scratch
from tests.release_desks import (
    CLEARANCES,
    POOLS,
    PURPOSES,
    Crash,
    ReleaseDesks,
    make_catalogue,
    make_report,
)

WIDE = make_catalogue(chance="4/5")
REPORTS = (make_report("r-1"), make_report("r-2", at=(36.55, 41.67)), make_report("r-3", at=(36.7, 41.6)))


@pytest.fixture(name="three")
def open_three(tmp_path: Path) -> Iterator[ReleaseDesks]:
    with open_scratch(tmp_path) as folder:
        three = ReleaseDesks(folder, is_stocked=False)
        three.stock(catalogue=WIDE, reports=REPORTS)
        yield three


def say_yes(three: ReleaseDesks, plan: Any, officer: str = "duty-1", **more: Any) -> Any:
    plain = {"plan": plan["plan"], "officer": officer, "sha256": plan["sha256"]} | more
    return three.ask("us", "release-send", **plain)


def set_row(three: ReleaseDesks, statement: str, *values: object) -> None:
    with three.us.book.transaction() as db:
        assert db.execute(statement, values).rowcount >= 1


def test_nothing_passes_the_gate_uncharged(three: ReleaseDesks) -> None:
    """A body that no plan has charged does not leave, by whatever way it got into the outbox."""
    (plan,) = three.plan("r-1", "ru")
    body = three.us.release.plans.get(plan["plan"]).body
    assert body is not None
    with pytest.raises(Denied) as caught:
        three.us.outbox.put(Draft("release.item", body, ("duty-1",), ("ru",)))
    assert caught.value.code == "not-charged"
    three.send(plan)
    # Charged for ru: it is not charged for un, and not for ru under other bytes or a second time.
    for to, data in (("un", body), ("ru", body.replace(b"aircraft", b"AIRCRAFT")), ("ru", body)):
        with pytest.raises(Denied) as caught:
            three.us.outbox.put(Draft("release.item", data, ("duty-1",), (to,)))
        assert caught.value.code == "not-charged"
    assert three.list_kinds().count("release.item") == 1


def test_one_officer_is_never_two(three: ReleaseDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    (plan,) = three.plan("r-1", "un", purpose="relief")
    for _ in range(3):
        three.send(plan, officer="duty-1")
    assert three.get(plan)["approved"] == ["duty-1"]
    with pytest.raises(Exception, match="unknown-officer"):
        say_yes(three, plan, officer="duty-9")
    with pytest.raises(Denied, match="expected ffffffff"):
        say_yes(three, plan, officer="duty-2", sha256="f" * 64)
    # An officer who has left the roster has said nothing.
    with monkeypatch.context() as patch:
        patch.setattr(ReleaseParts, "list_officers", lambda _self: ["duty-2", "duty-3"])
        say_yes(three, plan, officer="duty-2")
        three.run()
        assert three.get(plan)["state"] == "planned"
    # A yes to other bytes that was written into the book is none.
    set_row(three, "UPDATE release_approvals SET digest = ? WHERE officer = 'duty-2'", "0" * 64)
    three.run()
    assert (three.get(plan)["state"], three.get(plan)["approved"]) == ("planned", ["duty-1"])
    assert three.send(plan, officer="duty-3")["state"] == "recorded"


def test_needs_and_time_in_the_book_are_not_believed(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "un", purpose="relief")
    set_row(three, "UPDATE release_plans SET needs = 1 WHERE id = ?", plan["plan"])
    done = three.send(plan)
    assert (done["state"], done["code"], done["is_charged"]) == ("planned", "officers", False)
    three.load_reports(make_report("new", when="2016-09-17T13:54:30Z"))
    (plan,) = three.plan("new", "ru", finest_s=3600)
    set_row(three, "UPDATE release_plans SET due_us = 0 WHERE id = ?", plan["plan"])
    held = three.send(plan)
    assert (held["state"], held["due"], held["is_charged"]) == ("held", "2016-09-17T14:00:00Z", False)


def test_two_plans_approved_at_once_do_not_break_the_budget(three: ReleaseDesks) -> None:
    plans = [three.plan(name, "ru")[0] for name in ("r-1", "r-2", "r-3")]
    assert {plan["level"]["place_arcsec"] for plan in plans} == {1800}
    # Every officer has said yes before anything is sent: the worst case of two at once.
    sending = three.us.release.sending
    for plan in plans:
        sending.approve(plan["plan"], officer="duty-1", digest=plan["sha256"])
    three.run()
    assert [three.get(plan)["state"] for plan in plans] == ["recorded", "stale", "stale"]
    assert three.get(plans[1])["code"] == "other-shape"
    learned = three.learned()
    assert learned["chance_percent"] <= learned["budget_percent"]
    assert len(three.ledger()["charges"]) == 1
    assert three.give("r-2")["level"]["place_arcsec"] == 18000


def test_two_plans_of_one_item_give_it_once(three: ReleaseDesks) -> None:
    (first,), (second,) = three.plan("r-1", "ru"), three.plan("r-1", "ru", finest_arcsec=18000)
    sending = three.us.release.sending
    sending.approve(second["plan"], officer="duty-1")
    sending.approve(first["plan"], officer="duty-1")
    three.run()
    assert [three.get(one)["state"] for one in (first, second)] == ["recorded", "stale"]
    assert len(three.items("ru")) == len(three.ledger()["charges"]) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    (
        (lambda three: three.ask("us", "release-drop", shelf="clearance", name="ru:tlp"), "label"),
        (lambda three: three.load("clearances", CLEARANCES.replace("AMBER", "GREEN", 1)), "label"),
        (lambda three: three.load("purposes", PURPOSES.replace('["ru", "un"]', '["un"]')), "purpose"),
        (lambda three: three.load_reports(make_report("r-1", text="other words")), "report-changed"),
        (lambda three: three.ask("us", "release-drop", shelf="report", name="r-1"), "report-changed"),
        (lambda three: three.load("catalogue", make_catalogue(chance="1/2")), "other-shape"),
        (lambda three: setattr(three.vetoes["us"], "refuses", lambda _asked: True), "veto"),
        (lambda three: setattr(three.vetoes["us"], "refuses", lambda asked: asked.worst_percent > 5), "veto"),
        (lambda three: three.give("r-2", "ru"), "other-shape"),
        (
            lambda three: (three.give("r-2"), three.load("catalogue", make_catalogue(chance="1/4"))),
            "budget",
        ),
        (lambda three: three.clock.pass_s(40 * 86_400), "over"),
    ),
)
def test_what_changed_between_plan_and_send_is_not_sent(
    three: ReleaseDesks, change: Callable[[ReleaseDesks], object], code: str
) -> None:
    (plan,) = three.plan("r-1", "ru", until="2016-10-01T00:00:00Z")
    change(three)
    sent = three.list_kinds().count("release.item")
    done = three.send(plan)
    assert (done["state"], done["code"], done["is_charged"]) == ("stale", code, False)
    assert three.list_kinds().count("release.item") == sent
    with pytest.raises(Denied, match="it is stale"):
        say_yes(three, plan)


def test_a_policy_that_asks_for_two_now_waits_for_two(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "ru")
    three.load("purposes", PURPOSES.replace('onward = "ask"', "officers = 2", 1))
    assert (three.send(plan)["state"], three.get(plan)["code"]) == ("planned", "officers")
    assert three.send(plan, officer="duty-2")["state"] == "recorded"


@pytest.mark.parametrize("column", ("body", "data", "recipient", "purpose"))
def test_a_row_changed_in_the_book(three: ReleaseDesks, column: str) -> None:
    """What an officer has not seen is not sent: neither before his yes is counted, nor after."""
    (plan,) = three.plan("r-1", "ru")
    sending = three.us.release.sending
    sending.approve(plan["plan"], officer="duty-1", digest=plan["sha256"])
    kept = three.us.release.plans.get(plan["plan"])
    assert kept.body is not None
    (finer,) = three.plan("r-1", "ru", note="other")
    other = three.us.release.plans.get(finer["plan"])
    value: Any = {
        "body": kept.body.replace(b"1800", b"0300"),
        "data": msgspec.json.encode(msgspec.structs.replace(other.content, tear_line="press ")),
        "recipient": "un",
        "purpose": "relief",
    }[column]
    statement = {
        "body": "UPDATE release_plans SET body = ? WHERE id = ?",
        "data": "UPDATE release_plans SET data = ? WHERE id = ?",
        "recipient": "UPDATE release_plans SET recipient = ? WHERE id = ?",
        "purpose": "UPDATE release_plans SET purpose = ? WHERE id = ?",
    }[column]
    set_row(three, statement, value, plan["plan"])
    three.run()
    assert three.get(plan)["state"] in {"planned", "stale"}
    assert "release.item" not in three.list_kinds()
    assert three.ledger()["charges"] == []


def test_a_body_and_its_digest_changed_in_the_book_are_built_again(three: ReleaseDesks) -> None:
    """Who can write the book can write a yes too; the place still comes from the report and the budget."""
    (plan,) = three.plan("r-1", "ru")
    body = three.us.release.plans.get(plan["plan"]).body
    assert body is not None
    set_row(
        three,
        "UPDATE release_plans SET body = ? WHERE id = ?",
        body.replace(b"An aircraft was seen.", b"Our post is on the hill."),
        plan["plan"],
    )
    digest = recompute_digest(three.us.release.plans.get(plan["plan"]))
    set_row(three, "UPDATE release_plans SET digest = ? WHERE id = ?", digest, plan["plan"])
    done = three.send({"plan": plan["plan"], "sha256": digest})
    assert (done["state"], done["code"]) == ("stale", "other-message")


@pytest.mark.parametrize(
    "statement",
    (
        "UPDATE release_beliefs SET data = (SELECT data FROM release_beliefs AS u WHERE u.pool = 'un')",
        "UPDATE release_beliefs SET chance = 0.01 WHERE pool = 'ru'",
        "UPDATE release_beliefs SET releases = 0 WHERE pool = 'ru'",
    ),
)
def test_a_belief_changed_in_the_book(three: ReleaseDesks, statement: str) -> None:
    three.give("r-1")
    three.give("r-2", "un", finest_arcsec=18000)
    set_row(three, statement)
    with pytest.raises(StoreError) as caught:
        three.plan("r-3", "ru")
    assert caught.value.code == "bad-belief"
    faults = three.ask("us", "release-check")["faults"]
    assert len(faults) == 1
    assert "'ru'" in faults[0]


def test_what_was_given_taken_out_of_the_book_is_found(three: ReleaseDesks) -> None:
    three.give("r-1")
    set_row(three, "DELETE FROM release_given")
    faults = three.ask("us", "release-check")["faults"]
    assert any("is not what follows" in one for one in faults)
    assert any("is not in the ledger" in one for one in faults)


def test_a_book_of_yesterday_is_not_called_sound(three: ReleaseDesks) -> None:
    """What was given since is in no account of it; the record still holds that it was sent."""
    three.us.close()
    book = three.root / "us" / "desk.db"
    yesterday = book.read_bytes()
    three.open("us")
    three.give("r-1")
    assert three.ask("us", "release-check")["faults"] == []
    three.us.close()
    for one in book.parent.glob("desk.db*"):
        one.unlink()
    book.write_bytes(yesterday)
    three.open("us")
    three.run()
    checked = three.ask("us", "release-check")
    assert not checked["is_sound"]
    assert ["to ru: is ours in the record" in fault for fault in checked["faults"]] == [True]


def test_a_pool_forgets_nobody(three: ReleaseDesks) -> None:
    three.load("pools", POOLS.replace('"ru", "un"', '"il", "ru", "un"'))
    with pytest.raises(Denied, match="il would be gone"):
        three.load("pools", POOLS)
    with pytest.raises(Denied, match="close a pool"):
        three.ask("us", "release-drop", shelf="pool", name="astana")


def test_who_joins_a_pool_brings_what_he_has(three: ReleaseDesks) -> None:
    three.give("r-1", "ru")
    three.load("pools", POOLS)
    assert three.learned("astana")["chance_percent"] == 30.16
    assert three.plan("r-2", "un")[0]["level"]["place_arcsec"] == 18000


@pytest.mark.parametrize("left_out", ("secret", "source"))
def test_a_charged_secret_is_not_left_out(three: ReleaseDesks, left_out: str) -> None:
    three.give("r-1")
    without = WIDE.replace('secrets = ["post-site"]', "secrets = []")
    if left_out == "secret":
        without = WIDE.replace("post-site", "other-site")
    with pytest.raises(Denied) as caught:
        three.load("catalogue", without)
    assert caught.value.code == "secret-gone"


def test_a_catalogue_that_rules_out_what_was_given_is_not_taken(three: ReleaseDesks) -> None:
    three.give("r-1")
    elsewhere = WIDE.replace("at = [36.", "at = [46.").replace("at = [37.", "at = [47.")
    with pytest.raises(Denied) as caught:
        three.load("catalogue", elsewhere)
    assert caught.value.code == "unexplained"
    # What is put next has the numbers that were not kept: nothing of what was read under them is.
    three.load("purposes", PURPOSES.replace("convoys", "other convoys"))
    three.load("catalogue", make_catalogue(chance="3/4"))
    assert three.learned()["chance_percent"] == 30.16, "nothing of it was kept"
    assert three.give("r-2")["state"] == "recorded"
    assert three.ask("us", "release-check")["faults"] == []


def test_a_refusal_is_the_same_for_every_report(three: ReleaseDesks) -> None:
    """Two reports of one source: what is refused of one is refused of the other, in the same words."""
    three.load("catalogue", make_catalogue(chance="1/12"))
    three.load_reports(make_report("far", at=(36.70, 41.50), when="2016-09-01T01:00:00Z", text="other"))
    three.vetoes["us"].version = "1"
    answers = []
    for name in ("r-1", "far"):
        asked = len(three.vetoes["us"].asked)
        (plan,) = three.plan(name, "ru")
        proposals = three.vetoes["us"].asked[asked:]
        answers.append((plan["state"], plan["code"], plan["reasons"], proposals))
    assert answers[0] == answers[1]


def test_a_clock_that_goes_back_makes_it_later(three: ReleaseDesks) -> None:
    three.load_reports(make_report("new", when="2016-09-17T13:54:30Z"))
    (plan,) = three.plan("new", "ru", finest_s=3600)
    three.send(plan)
    three.clock.pass_s(-86_400)
    three.run()
    assert three.get(plan)["state"] == "held"
    three.clock.pass_s(86_400 + 301)
    three.run()
    assert three.get(plan)["state"] == "recorded"


def test_a_recipient_that_is_gone_gets_nothing_and_is_not_charged(
    three: ReleaseDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plan,) = three.plan("r-1", "ru")
    with monkeypatch.context() as patch:
        patch.setattr(ReleaseParts, "has_party", lambda _self, party: party == "un")
        done = three.send(plan)
    assert (done["state"], done["code"]) == ("stale", "bad-recipient")
    (plan,) = three.plan("r-2", "ru")
    true = Outbox.put

    def put(self: Outbox, draft: Draft) -> Any:
        if draft.kind == "release.item":
            raise Denied("bad-addressee", "addressee: expected one of un, got 'ru'")
        return true(self, draft)

    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "put", put)
        done = three.send(plan)
    assert (done["state"], done["code"], done["is_charged"]) == ("stale", "bad-addressee", False)
    assert three.ledger()["charges"] == [], "what was not put into the outbox was not charged"


def test_what_is_refused_after_the_charge_stays_charged_and_goes_again_as_it_is(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "ru")
    three.center.refuse_next = "not-today"
    done = three.send(plan)
    assert (done["state"], done["code"], done["is_charged"]) == ("refused", "not-today", True)
    assert "stays charged" in done["words"]
    assert len(three.ledger()["charges"]) == 1
    (duty,) = [one for one in three.ask("us", "inbox") if one["kind"] == "release"]
    assert "the charge stays" in duty["words"]
    (again,) = three.plan("r-1", "ru")
    assert again["plan"] == plan["plan"], "it has these bytes, and no others"
    done = three.send(again)
    assert (done["state"], done["variant"]) == ("recorded", plan["variant"])
    assert len(three.ledger()["charges"]) == 1


@pytest.mark.parametrize("change", ("clearance", "veto", "officer", "until"))
def test_what_was_refused_goes_again_only_as_policy_stands(
    three: ReleaseDesks, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    (plan,) = three.plan("r-1", "ru", until="2016-10-01T00:00:00Z")
    three.center.refuse_next = "not-today"
    three.send(plan)
    if change == "clearance":
        three.ask("us", "release-drop", shelf="clearance", name="ru:tlp")
    elif change == "veto":
        three.vetoes["us"].refuses = lambda _asked: True
    elif change == "until":
        three.clock.pass_s(40 * 86_400)
    else:
        monkeypatch.setattr(ReleaseParts, "list_officers", lambda _self: ["duty-3"])
    with pytest.raises(Denied):
        say_yes(three, plan)
    assert three.get(plan)["state"] == "refused"
    assert "release.item" not in three.list_kinds()


def test_another_version_is_no_second_observation(three: ReleaseDesks) -> None:
    three.give("r-1")
    one = three.learned()["chance_percent"]
    for text in ("second words", "third words"):
        three.load_reports(make_report("r-1", text=text))
        assert three.give("r-1")["level"]["place_arcsec"] == 1800
    assert three.learned()["chance_percent"] == one
    assert three.learned()["releases"] == 3
    # A correction that contradicts what was said is no correction: it is recalled, and told anew.
    three.load_reports(make_report("r-1", at=(36.50, 41.45), when="2016-09-15T09:00:00Z"))
    (plan,) = three.plan("r-1", "ru")
    assert (plan["state"], plan["code"]) == ("denied", "unexplained")
    assert three.ask("us", "release-check")["faults"] == []


def test_a_version_that_denies_another_goes_to_nobody(three: ReleaseDesks) -> None:
    """Else the two who hold them could never be a pool: what they know together could not be computed."""
    early, late = make_report("r-1"), make_report("r-1", when="2016-09-16T12:40:00Z")
    (waiting,) = three.plan("r-1", "un")
    three.give("r-1", "ru")
    three.load_reports(late)
    (denied,) = three.plan("r-1", "un")
    assert (denied["state"], denied["code"]) == ("denied", "contradiction")
    assert three.send(waiting)["code"] == "report-changed"
    # Planned while neither was given, and sent after the other.
    three.load_reports(early.replace('"r-1"', '"r-2"'))
    (first,) = three.plan("r-2", "ru")
    three.load_reports(late.replace('"r-1"', '"r-2"'))
    (second,) = three.plan("r-2", "un")
    assert three.send(first)["code"] == "report-changed"
    assert three.send(second)["state"] == "recorded"
    three.load("pools", POOLS)
    assert three.ask("us", "release-check")["faults"] == []


def test_two_clearances_are_none(three: ReleaseDesks) -> None:
    by_id = '[[clearance]]\nparty = "ru"\npolicy_id = "60a3c5c5-0d10-413e-aab3-9e08dde9e88d"\nup_to = "RED"\n'
    three.load("clearances", by_id)
    (plan,) = three.plan("r-1", "ru")
    assert (plan["state"], plan["code"]) == ("denied", "label")


def test_a_report_keeps_its_source(three: ReleaseDesks) -> None:
    source = WIDE[WIDE.index("[[source]]") : WIDE.index("[[secret]]")]
    two = WIDE.replace("[[secret]]", source.replace('"our-post"', '"other-post"') + "[[secret]]", 1)
    three.load("catalogue", two)
    three.load_reports(make_report("other", source="other-post"))
    with pytest.raises(Denied) as caught:
        three.load_reports(make_report("r-1", source="other-post"))
    assert caught.value.code == "other-source"


def test_a_report_that_its_source_could_not_have_made_is_not_taken(three: ReleaseDesks) -> None:
    with pytest.raises(Malformed, match="that its source covers"):
        three.load_reports(make_report("odd", at=(36.25, 42.30)))
    with pytest.raises(Malformed, match="words of a path"):
        three.load_reports(make_report("odd", path=("air", "a", "b", "c", "d")))


def test_what_is_withdrawn_after_the_charge_stays_charged(three: ReleaseDesks) -> None:
    three.center.lies.add("no-network")
    three.us.link.state = "down"
    (plan,) = three.plan("r-1", "ru")
    three.ask("us", "say", thread="hot", text="first", wait_s=0)
    say_yes(three, plan, wait_s=0)
    assert three.get(plan)["state"] == "sending"
    done = three.ask("us", "release-withdraw", plan=plan["plan"])
    assert (done["state"], done["is_charged"]) == ("withdrawn", True)
    assert "stays charged" in done["words"]
    assert len(three.ledger()["charges"]) == 1
    three.center.lies.clear()
    three.run()
    assert three.items("ru") == []


def test_a_partner_cannot_say_for_another_that_a_recall_was_read(three: ReleaseDesks) -> None:
    three.give("r-1")
    (answer,) = three.ask("us", "release-recall", report="r-1", reason="wrong")
    with pytest.raises(Denied) as caught:
        three.center.say("un", "receipt.acknowledge", Acknowledge([answer["leaf"]]), officers=["duty-1"])
    assert caught.value.code == "nothing-owed"
    three.us.run_once()
    assert three.items("us")[0]["recall"]["state"] == "sent"


def list_crashes(three: ReleaseDesks, plan: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """Stop the desk after each durable step on the way, open it again, see what is so; return how many."""
    true = Book.transaction
    count = 0

    class Stopping:
        """A transaction after whose end, `left` outermost ones on, nothing happens any more."""

        left = 0
        depth = 0

    def transaction(self: Book) -> Any:
        inner = true(self)

        class Watched:
            def __enter__(self) -> Any:
                Stopping.depth += 1
                return inner.__enter__()

            def __exit__(self, *error: object) -> Any:
                Stopping.depth -= 1
                answer = inner.__exit__(*error)  # type: ignore[arg-type]
                if Stopping.depth == 0 and error[0] is None:
                    Stopping.left -= 1
                    if Stopping.left == 0:
                        raise Crash
                return answer

        return Watched()

    for _ in range(60):
        Stopping.left, Stopping.depth = 1, 0
        with monkeypatch.context() as patch:
            patch.setattr(Book, "transaction", transaction)
            try:
                if three.get(plan)["state"] == "planned":
                    say_yes(three, plan)
                three.us.run_once()
            except Crash:
                count += 1
            else:
                return count
        three.us.close()
        three.open("us")
        charged = len(three.ledger()["charges"])
        sent = three.list_kinds().count("release.item")
        waiting = [one for one in three.us.outbox.list_waiting() if one.kind == "release.item"]
        entered = [one for one in three.us.ledger.list_exposures() if one["kind"] == "release.item"]
        # SECURITY: never sent, and never about to be sent, and unaccounted.
        assert sent <= charged <= 1
        assert len(waiting) <= charged
        assert sent <= len(entered) <= charged
        assert charged == three.get(plan)["is_charged"]
    raise AssertionError("expected an end of steps")


def test_stopped_after_any_durable_step_it_is_sent_once_and_accounted(
    three: ReleaseDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plan,) = three.plan("r-1", "ru")
    assert list_crashes(three, plan, monkeypatch) >= 3
    three.run()
    assert three.get(plan)["state"] == "recorded"
    assert three.list_kinds().count("release.item") == len(three.items("ru")) == 1
    assert len(three.ledger()["charges"]) == 1
    assert three.ask("us", "release-check")["faults"] == []


@pytest.mark.parametrize("where", ("charge", "put", "move"))
def test_stopped_inside_the_one_transaction_nothing_of_it_stays(
    three: ReleaseDesks, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (plan,) = three.plan("r-1", "ru")

    def crash(*_given: object, **_named: object) -> Any:
        raise Crash

    release, item = three.us.release, three.us.release.plans.get(plan["plan"]).item
    target: Any = {"charge": release.ledger, "put": three.us.outbox, "move": release.plans}[where]
    name = {"charge": "_enter_one", "put": "put", "move": "mark_charged"}[where]
    with monkeypatch.context() as patch:
        patch.setattr(target, name, crash)
        with pytest.raises(Crash):
            say_yes(three, plan)
    three.us.close()
    three.open("us")
    assert three.ledger()["charges"] == []
    assert not three.us.release.ledger.is_given(item, "ru", 1)
    three.run()
    assert three.get(plan)["state"] == "recorded"


def test_shelves_can_be_put_while_others_look_and_send(three: ReleaseDesks) -> None:
    """Who holds the book waits for nobody who waits for the book."""
    done = []

    def look() -> None:
        for _ in range(40):
            three.us.release.parts.library.policies()
            three.us.release.parts.library.list_clearances("ru")
        done.append(True)

    for _ in range(5):
        workers = [threading.Thread(target=look, daemon=True) for _ in range(3)]
        for worker in workers:
            worker.start()
        for number in range(10):
            three.load("purposes", PURPOSES.replace("convoys", f"convoys {number}"))
        for worker in workers:
            worker.join(10)
    assert len(done) == 15


def test_an_answer_that_was_lost_charges_and_sends_nothing_twice(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "ru")
    three.center.fail_after = True
    say_yes(three, plan)
    three.run()
    assert three.get(plan)["state"] == "recorded"
    assert (three.list_kinds().count("release.item"), len(three.ledger()["charges"])) == (1, 1)
