"""Talk on the page: what others say comes in by itself, ours is said once, what is signed is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.browser.conftest import OpenPage, Served
from tests.browser.test_page_hostile import MARKS, MARKUP, between, check_harmless, poison, settle

pytestmark = pytest.mark.timeout(180)
HELD: Final = "2016-09-17T15:19:00Z"


def _thread(served: Served, party: str, name: str) -> list[dict[str, Any]]:
    return [one["original"] for one in served.look(party, "thread", name=name)]


def _go(page: Any, to: str) -> None:
    """Go on as a link does, without loading the page anew."""
    page.evaluate(
        "(to) => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }", to
    )


def test_a_text_comes_in_by_itself_and_an_answer_is_said_once(
    open_page: OpenPage, served: Served, axe: Callable[[Any], list[str]]
) -> None:
    served.call("ru", "say", {"thread": "page-road", "text": "Who is on the road?"})
    page = open_page("/talk?thread=page-road")
    said = page.locator(".talk-said")
    said.get_by_text("Who is on the road?").wait_for()
    served.call("ru", "say", {"thread": "page-road", "text": "Answer at once", "urgent": True})
    said.get_by_text("Answer at once").wait_for()
    urgent = said.filter(has_text="Answer at once")
    for words in ("URGENT", "ru", "duty-1", "UTC", "not acknowledged"):
        assert words in urgent.inner_text()
    assert any(word in urgent.inner_text() for word in ("recorded", "firm", "settled"))
    row = page.locator(".talk-row[aria-current]")
    assert "URGENT, unanswered" in row.inner_text()
    assert "2 not acknowledged by us" in row.inner_text()
    # What waits for us is taken note of where it is read, and the other side sees by whom.
    page.get_by_role("button", name="Acknowledge all 2").click()
    urgent.get_by_text("✓ acknowledged").wait_for()
    receipts = served.look("ru", "thread", name="page-road")[1]["receipts"]
    assert [one["officers"] for one in receipts if one["party"] == "us"] == [["duty-1"]]
    # By keys alone: Enter leads to where the answer is written; pressed three times it is said once.
    page.keyboard.press("Escape")
    page.wait_for_url("**/talk")
    page.get_by_label("Look for words").fill("page-road")
    page.get_by_text("1 shown").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.locator(".talk-compose").wait_for()
    for _ in range(50):
        # Once the thread is drawn whole.
        page.keyboard.press("Enter")
        if page.evaluate("() => document.activeElement?.matches('.talk-compose textarea')"):
            break
        page.wait_for_timeout(200)
    page.keyboard.type("Two trucks, until 21:00Z.")
    for _ in range(3):
        page.keyboard.press("Control+Enter")
    said.get_by_text("Two trucks, until 21:00Z.").wait_for()
    page.wait_for_function("() => document.querySelector('.talk-compose textarea').value === ''")
    assert [one["text"] for one in _thread(served, "ru", "page-road")].count("Two trucks, until 21:00Z.") == 1
    # A translation stands beside the original, marked, and never in its place.
    message = _thread(served, "us", "page-road")[0]["message"]
    translation = {"message": message, "language": "fr", "text": "Qui est sur la route ?", "by": "machine"}
    served.call("ru", "translate", translation)
    page.locator(".talk-translation").get_by_text("Qui est sur la route ?").wait_for()
    first = said.first.inner_text()
    assert "original, signed" in first
    assert "translated by a machine" in first
    assert "Who is on the road?" in first
    assert axe(page) == []


def test_a_new_thread_about_a_sealed_thing_is_begun_among_those_who_know_of_it(
    open_page: OpenPage, served: Served
) -> None:
    page = open_page("/talk?new=1&about=site.al-noor-school", width=390, height=844, dark=True)
    page.get_by_text("This thing is known only to").wait_for()
    to = page.locator(".talk-to")
    assert to.locator("label", has_text="un").locator("input").is_checked()
    assert not to.locator("label", has_text="ru").locator("input").is_checked()
    to.get_by_label("all parties").check()
    page.get_by_text("TELLS MORE THAN IS TOLD").wait_for()
    to.get_by_label("only these").check()
    page.get_by_text("TELLS MORE THAN IS TOLD").wait_for(state="detached")
    page.get_by_label("Name of the thread").fill("page-school")
    page.get_by_label("Our words").fill("Is the school open tonight?")
    page.get_by_role("button", name="Say it").click()
    page.locator(".talk-said").get_by_text("Is the school open tonight?").wait_for()
    (row,) = [one for one in served.look("us", "threads") if one["id"] == "page-school"]
    assert row["to"] == ["un", "us"]
    assert row["about"] == {"type": "site", "id": "al-noor-school"}
    assert not [one for one in served.look("ru", "threads") if one["id"] == "page-school"]
    # Nothing said yet and nobody chosen: nothing can be said.
    _go(page, "/talk?thread=page-none&about=activity:convoy-aleppo")
    page.get_by_label("Our words").fill("To whom?")
    page.get_by_text("Choose first who reads it.").wait_for()
    assert page.get_by_role("button", name="Say it").is_disabled()


def test_what_is_signed_is_shown_beside_the_other_wording(
    open_page: OpenPage, served: Served, axe: Callable[[Any], list[str]]
) -> None:
    common = {"held": HELD, "parties": ["ru", "us"]}
    served.call("ru", "propose-readout", common | {"id": "page-call", "title": "Call", "text": "At 3000 m."})
    served.call(
        "us", "propose-readout", common | {"id": "page-call-us", "title": "Ours", "text": "At 3500 m."}
    )
    served.call("ru", "dissent-readout", {"id": "page-call-us", "reason": "We said 3000."})
    page = open_page("/talk?readout=page-call&with=page-call-us")
    page.locator(".talk-wording mark").first.wait_for()
    assert page.locator(".talk-wording mark").all_inner_texts() == ["3000", "3500"]
    assert "We said 3000." in page.locator(".talk-wording").nth(1).inner_text()
    assert "Silence is no consent." in page.locator(".talk-not-agreed").inner_text()
    page.keyboard.press("s")
    page.get_by_role("button", name="Sign “Call” now").wait_for()
    # Nothing is signed by opening it, nor by the key that opened it.
    assert [one["party"] for one in served.look("us", "readout", name="page-call")["answers"]] == ["ru"]
    shown = page.locator(".talk-step .talk-hash").inner_text()
    page.keyboard.press("Enter")
    page.locator(".talk-pane").get_by_text("all signed").wait_for()
    row = served.look("ru", "readout", name="page-call")
    assert row["standing"] == {"signed": ["ru", "us"], "dissented": [], "silent": []}
    assert row["sha256"] == shown
    # A refusal wants its reason.
    served.call("ru", "propose-readout", common | {"id": "page-no", "title": "No", "text": "Nobody flies."})
    _go(page, "/talk?readout=page-no")
    page.get_by_role("button", name="Dissent").click()
    refuse = page.get_by_role("button", name="Dissent with this reason")
    assert refuse.is_disabled()
    page.get_by_label("Why we do not sign").fill("It was never said.")
    refuse.click()
    page.locator(".talk-not-agreed").get_by_text("It was never said.").wait_for()
    assert served.look("ru", "readout", name="page-no")["standing"]["dissented"] == ["us"]
    assert axe(page) == []


def test_an_incident_is_reported_and_has_a_column_for_each_side(
    open_page: OpenPage, served: Served, axe: Callable[[Any], list[str]]
) -> None:
    page = open_page("/talk?new=incident", width=390, height=844, dark=True)
    form = page.locator(".talk-pane")
    report = form.get_by_role("button", name="Report it")
    form.get_by_label("What", exact=True).select_option("near-miss")
    form.get_by_label("Name", exact=True).fill("page-near-miss")
    form.get_by_label("Not before (UTC)").fill("2016-09-31 14:00")
    form.get_by_text("Expected a moment in UTC").wait_for()
    form.get_by_label("Not before (UTC)").fill("2016-09-17 14:00")
    form.get_by_label("Not after (UTC)").fill("2016-09-17 14:10")
    form.get_by_label("Where", exact=True).fill("35°N 40°E")
    form.get_by_label("Give or take (m)").fill("500")
    form.get_by_label("What was observed").fill("Two aircraft within 300 m.")
    assert report.is_disabled()
    form.get_by_text("measured by a sensor").click()
    report.click()
    page.locator(".talk-statements").wait_for()
    for words in ("Observed, not attributed", "within 500 m", "17 Sep 2016 14:00Z", "UTC+"):
        assert words in form.inner_text()
    (row,) = [one for one in served.look("ru", "incidents") if one["id"] == "page-near-miss"]
    assert row["reported"]["place_e7"] == [350_000_000, 400_000_000]
    assert row["reported"]["basis"] == "instrument"
    served.call(
        "ru", "incident-answer", {"id": "page-near-miss", "answer": "account", "text": "One was ours."}
    )
    sides = page.locator(".talk-statement")
    sides.filter(has_text="One was ours.").wait_for()
    assert sides.count() == 3
    assert "has said nothing" in sides.nth(1).inner_text()
    assert axe(page) == []


def test_what_others_say_is_text_wherever_it_is_opened(open_page: OpenPage) -> None:
    page = open_page("/talk", before=between(lambda plain: poison(plain, MARKUP + MARKS, every=False)))
    settle(page)
    for name in (
        "thread=aleppo",
        "readout=talk-1&with=talk-2",
        "incident=shell-1",
        "new=1&about=zone.castello",
    ):
        _go(page, f"/talk?{name}")
        page.locator(".talk-pane h2").wait_for()
        settle(page)
        check_harmless(page)
