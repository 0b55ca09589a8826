"""Passing on: asked, judged and charged at the originator, and only then sent, hop by hop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.desk.compose import Draft
from entente.kernel.errors import Denied
from entente.kernel.message import encode_body
from entente.release.item import GrantRow, ItemRow
from tests.protocol.desk_stage import open_scratch
from tests.release_desks import CLEARANCES, PURPOSES, ReleaseDesks, make_catalogue, make_report

WIDE = make_catalogue(chance="4/5", budgets='budgets = [{ who = "un", chance = "1/10" }]')
"""What is enough for ru is too much for un."""


@pytest.fixture(name="three")
def open_three(tmp_path: Path) -> Iterator[ReleaseDesks]:
    with open_scratch(tmp_path) as folder:
        three = ReleaseDesks(folder, is_stocked=False)
        three.stock(catalogue=make_catalogue(chance="4/5"), reports=[make_report("r-1")])
        yield three


def ask(three: ReleaseDesks, **more: Any) -> str:
    """Have ru ask to pass our item on to un; return the question's leaf."""
    (item,) = three.items("ru")
    plain = {"item": item["leaf"], "party": "un", "purpose": "safety", "words": "they fly there"} | more
    said = three.ask("ru", "release-ask", **plain)
    three.run()
    leaf: str = said["leaf"]
    return leaf


def test_it_goes_further_with_the_originators_yes_and_is_charged_to_who_gets_it(three: ReleaseDesks) -> None:
    three.give("r-1")
    question = ask(three)
    (duty,) = [one for one in three.ask("us", "inbox") if one["kind"] == "release"]
    assert duty["subject"] == question
    plan = three.ask("us", "release-grant", ask=question, granted=True, words="as it is")
    assert (plan["action"], plan["recipient"], plan["state"]) == ("grant", "un", "planned")
    assert [one["pool"] for one in plan["exposures"]] == ["un"]
    assert three.ledger(recipient="un")["charges"] == [], "a plan charges nothing"
    done = three.send(plan)
    assert done["state"] == "recorded"
    assert three.learned("un")["chance_percent"] == 30.16
    (told,) = three.ask("ru", "release-onward")
    assert (told["state"], told["to"], told["answer"]) == ("granted", "un", "as it is")
    passed = three.ask("ru", "release-pass", grant=told["grant"], note="for your crews")
    three.run()
    assert three.ask("ru", "release-plans")[0]["plan"] == passed["plan"]
    (item,) = three.items("un")
    assert (item["author"], item["originator"], item["note"]) == ("ru", "us", "for your crews")
    assert item["variant"] == three.items("ru")[1]["variant"]
    assert three.ask("us", "release-check")["faults"] == []
    # Asked and passed again, it is the same message.
    three.ask("ru", "release-pass", grant=told["grant"])
    three.run()
    assert three.list_kinds().count("release.item") == 2


def test_a_yes_that_would_break_a_budget_is_no_yes(three: ReleaseDesks) -> None:
    three.give("r-1")
    question = ask(three)
    three.load("catalogue", WIDE)
    plan = three.ask("us", "release-grant", ask=question, granted=True)
    assert (plan["state"], plan["code"]) == ("denied", "budget")
    with pytest.raises(Denied):
        three.send(plan)
    three.load("catalogue", make_catalogue(chance="4/5"))
    plan = three.ask("us", "release-grant", ask=question, granted=True)
    assert plan["state"] == "planned"
    three.load("catalogue", WIDE)
    done = three.send(plan)
    assert (done["state"], done["is_charged"]) == ("stale", False)
    assert "release.grant" not in three.list_kinds()


def test_policy_is_asked_of_who_gets_it(three: ReleaseDesks) -> None:
    three.give("r-1")
    question = ask(three)
    lower = CLEARANCES.replace("AMBER", "GREEN")
    three.load(
        "clearances",
        CLEARANCES.partition('[[clearance]]\nparty = "un"')[0]
        + lower[lower.index('[[clearance]]\nparty = "un"') :],
    )
    plan = three.ask("us", "release-grant", ask=question, granted=True)
    assert (plan["state"], plan["code"]) == ("denied", "label")
    three.vetoes["us"].refuses = lambda asked: asked.action == "onward"
    three.load("clearances", CLEARANCES)
    plan = three.ask("us", "release-grant", ask=question, granted=True)
    assert (plan["state"], plan["code"]) == ("denied", "veto")


def test_a_no_goes_to_the_asker_alone(three: ReleaseDesks) -> None:
    three.give("r-1")
    question = ask(three)
    three.ask("us", "release-grant", ask=question, granted=False, words="not theirs")
    three.run()
    (told,) = three.ask("ru", "release-onward")
    assert (told["state"], told["answer"]) == ("refused", "not theirs")
    assert three.ask("un", "release-onward") == []
    with pytest.raises(Denied):
        three.ask("ru", "release-pass", grant=told["grant"])
    with pytest.raises(Denied, match="without an answer"):
        three.ask("us", "release-grant", ask=question, granted=True)


def grant(three: ReleaseDesks, **more: Any) -> str:
    """Give, ask and say yes; return the yes' leaf."""
    three.give("r-1")
    plan = three.ask("us", "release-grant", ask=ask(three), granted=True, **more)
    leaf: str = three.send(plan)["leaf"]
    return leaf


def test_what_was_recalled_is_not_passed_on(three: ReleaseDesks) -> None:
    leaf = grant(three)
    three.ask("us", "release-recall", report="r-1", reason="wrong")
    three.run()
    with pytest.raises(Denied) as caught:
        three.ask("ru", "release-pass", grant=leaf)
    assert caught.value.code == "recalled"


def test_a_recall_reaches_who_got_it_further_and_is_owed_by_who_passed_it(three: ReleaseDesks) -> None:
    leaf = grant(three)
    three.ask("ru", "release-pass", grant=leaf)
    three.run()
    (mine,) = [one for one in three.items("us") if one["to"] == "ru"]
    answers = three.ask("us", "release-recall", of=[mine["leaf"]], reason="wrong")
    assert {one["party"] for one in answers} == {"ru", "un"}, "also behind a holder that stays silent"
    three.run()
    assert three.items("un")[0]["words"].startswith("RECALLED")
    # What the originator has recalled there already is not owed any more.
    assert [one for one in three.ask("ru", "inbox") if "passed on" in one["words"]] == []


def test_who_passed_it_on_owes_a_recall_where_the_originator_cannot(
    three: ReleaseDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf = grant(three)
    three.ask("ru", "release-pass", grant=leaf)
    three.run()
    monkeypatch.setattr("entente.desk.release.recalling._list_grant", lambda _grant: iter(()))
    (mine,) = [one for one in three.items("us") if one["to"] == "ru"]
    three.ask("us", "release-recall", of=[mine["leaf"]], reason="wrong")
    three.run()
    (duty,) = [one for one in three.ask("ru", "inbox") if "passed on" in one["words"]]
    assert three.items("un")[0]["recall"] is None
    three.ask("ru", "release-recall", of=[duty["subject"]], reason="wrong")
    three.run()
    assert three.items("un")[0]["words"].startswith("RECALLED")
    assert [one for one in three.ask("ru", "inbox") if "passed on" in one["words"]] == []


def test_a_yes_has_its_time(three: ReleaseDesks) -> None:
    leaf = grant(three, until="2016-09-18T00:00:00Z")
    three.pass_h(24)
    with pytest.raises(Denied) as caught:
        three.ask("ru", "release-pass", grant=leaf)
    assert caught.value.code == "grant-over"
    (told,) = three.ask("ru", "release-onward")
    assert told["state"] == "over"


def test_never_onward_is_not_even_asked(three: ReleaseDesks) -> None:
    three.give("r-1", "un", purpose="safety")
    three.load_reports(make_report("r-9", at=(36.55, 41.67)))
    plan = three.plan("r-9", "un", purpose="relief")[0]
    three.send(plan)
    done = three.send(plan, officer="duty-2")
    assert done["state"] == "recorded"
    (item,) = [one for one in three.items("un") if one["leaf"] == done["leaf"]]
    assert item["onward"] == "never"
    with pytest.raises(Denied) as caught:
        three.ask("un", "release-ask", item=item["leaf"], party="ru", purpose="relief")
    assert caught.value.code == "never-onward"


def test_a_grant_is_no_way_around_the_charge(three: ReleaseDesks) -> None:
    """A desk that says yes without its own plan is stopped at its own gate."""
    three.give("r-1")
    plan = three.ask("us", "release-grant", ask=ask(three), granted=True)
    body = three.us.release.plans.get(plan["plan"]).body
    assert body is not None
    with pytest.raises(Denied) as caught:
        three.us.outbox.put(Draft("release.grant", body, ("duty-1",), ("ru", "un")))
    assert caught.value.code == "not-charged"


OPEN_LINE = """
[[report.tear_line]]
id = "open"
text = "Something flew."
label = { policy = "TLP", classification = "GREEN" }
place = "6 arcsec"
time = "1 min"
depth = 4
height = "20 m"
"""


def test_a_yes_is_for_the_text_that_may_go(three: ReleaseDesks) -> None:
    """``un`` may have what goes with another text of the report, not the text that ``ru`` holds."""
    three.load_reports(make_report("r-2") + OPEN_LINE)
    three.load("clearances", '[[clearance]]\nparty = "un"\npolicy = "TLP"\nup_to = "GREEN"\n')
    three.give("r-2")
    assert three.items("ru")[0]["variant"]["text"] == "An aircraft was seen."
    (plan,) = three.plan("r-2", "un")
    assert plan["state"] == "planned"
    refused = three.ask("us", "release-grant", ask=ask(three), granted=True)
    assert (refused["state"], refused["code"]) == ("denied", "budget")


def test_what_is_passed_on_bears_the_label_and_the_time_of_the_yes(three: ReleaseDesks) -> None:
    three.load("purposes", PURPOSES.replace('onward = "ask"', 'onward = "ask"\nkeep_days = 3'))
    three.give("r-1")
    (first,) = three.items("ru")
    three.send(three.ask("us", "release-grant", ask=ask(three), granted=True))
    (told,) = three.ask("ru", "release-onward")
    grant = three.desks["ru"].rows.find(GrantRow, told["grant"])
    assert grant is not None
    assert grant.use_until == first["until"] != ""
    row = next(three.desks["ru"].rows.select(ItemRow, author="us"))
    lying = msgspec.structs.replace(
        row.item,
        grant=told["grant"],
        label=msgspec.structs.replace(row.item.label, classification="CLEAR"),
        until=None,
    )
    with pytest.raises(Denied) as caught:
        three.desks["ru"].outbox.put(Draft("release.item", encode_body(lying), ("duty-1",), ("un",)))
    assert caught.value.code == "no-grant"
    three.ask("ru", "release-pass", grant=told["grant"])
    three.run()
    (item,) = three.items("un")
    assert item["until"] == first["until"]
