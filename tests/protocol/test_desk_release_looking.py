"""Looking at releases as officers do: what has changed since a yes, what else can be done, who holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.kernel.errors import NotFound
from tests.protocol.desk_stage import open_scratch
from tests.release_desks import CANARY, PURPOSES, ReleaseDesks, make_catalogue, make_report

TWO_OFFICERS = PURPOSES.replace('onward = "ask"', 'onward = "ask"\ntwo_officers = ["AMBER"]', 1)


@pytest.fixture(name="three")
def open_three(tmp_path: Path) -> Iterator[ReleaseDesks]:
    with open_scratch(tmp_path) as folder:
        three = ReleaseDesks(folder, is_stocked=False)
        three.stock(catalogue=make_catalogue(chance="4/5"), reports=[make_report("r-1")])
        yield three


def explain(three: ReleaseDesks, plan: Any) -> Any:
    return msgspec.to_builtins(three.ask("us", "release-explain", plan=plan["plan"]))


def test_what_changed_after_the_first_yes_is_told_before_the_second(three: ReleaseDesks) -> None:
    three.load("purposes", TWO_OFFICERS)
    (plan,) = three.plan("r-1", "ru")
    assert plan["needs"] == 2
    three.send(plan)
    told = explain(three, plan)
    assert [(one["officer"], one["counts"]) for one in told["approvals"]] == [("duty-1", True)]
    assert (told["change"], told["ways"]) == ("", []), "an officer who is missing is no change"
    three.load_reports(make_report("r-1", text="A transport was seen."))
    told = explain(three, plan)
    assert (told["change_code"], told["plan"]["state"]) == ("report-changed", "planned")
    assert told["ways"], "and how to plan it again"
    # Who says yes all the same sends nothing.
    done = three.send(plan, officer="duty-2")
    assert (done["state"], done["is_charged"], three.items("ru")) == ("stale", False, [])


def test_a_budget_that_another_release_used_up_is_a_change(three: ReleaseDesks) -> None:
    three.load("purposes", TWO_OFFICERS)
    (plan,) = three.plan("r-1", "ru")
    three.load("catalogue", make_catalogue(chance="1/12"))
    told = explain(three, plan)
    assert told["change_code"] in {"budget", "other-shape"}
    three.load("catalogue", make_catalogue(chance="4/5"))
    assert explain(three, plan)["change"] == ""


def test_what_waits_for_its_time_has_not_changed(three: ReleaseDesks) -> None:
    three.load_reports(make_report("soon", when="2016-09-17T23:59:00Z"))
    (plan,) = three.plan("soon", "ru")
    assert plan["due"] > "2016-09-17T23"
    assert explain(three, plan)["change"] == ""


def test_who_gets_a_no_is_told_what_to_plan_instead(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "un", purpose="none")
    assert (plan["state"], plan["code"]) == ("denied", "purpose")
    found = explain(three, plan)["ways"]
    assert [(one["purpose"], one["officers"]) for one in found] == [("safety", 1), ("relief", 2)]
    for way in found:
        (again,) = three.plan("r-1", "un", purpose=way["purpose"], tear_line=way["tear_line"])
        assert again["state"] == "planned", "what is told as a way is one"
    # What nobody may have has no way out, and says what it would take.
    three.load_reports(make_report("red", classification="RED"))
    (plan,) = three.plan("red", "ru")
    told = explain(three, plan)
    assert (told["ways"], told["needs"] != []) == ([], True)


def test_a_text_that_may_not_go_is_left_out_as_a_way(three: ReleaseDesks) -> None:
    three.load_reports(make_report("two", line_label="RED"))
    (plan,) = three.plan("two", "ru", tear_line="press")
    assert (plan["state"], plan["code"]) == ("denied", "label")
    assert [(one["purpose"], one["tear_line"]) for one in explain(three, plan)["ways"]] == [("safety", "")]


def test_trying_ways_keeps_nothing(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "un", purpose="none")
    before = [list(three.us.book.read(f"SELECT * FROM {name}")) for name in _TABLES]  # noqa: S608 - ours
    explain(three, plan)
    after = [list(three.us.book.read(f"SELECT * FROM {name}")) for name in _TABLES]  # noqa: S608 - ours
    assert [[tuple(row) for row in rows] for rows in before] == [
        [tuple(row) for row in rows] for rows in after
    ]


_TABLES = ("release_plans", "release_charges", "release_given", "release_beliefs", "outbox")


def test_holders_are_told_hop_by_hop_with_what_they_signed(three: ReleaseDesks) -> None:
    done = three.give("r-1")
    (item,) = three.items("us")
    assert item["plan"] == done["plan"]
    said = three.ask("ru", "release-ask", item=item["leaf"], party="un", purpose="safety", words="")
    three.run()
    granted = three.send(three.ask("us", "release-grant", ask=said["leaf"], granted=True))
    (told,) = three.ask("ru", "release-onward")
    assert told["passed"] == 0
    three.ask("ru", "release-pass", grant=told["grant"])
    three.run()
    (told,) = three.ask("ru", "release-onward")
    assert told["passed"] == three.items("un")[0]["index"]
    hops = three.ask("us", "release-holders", item=item["leaf"])
    assert [(hop["party"], hop["giver"], hop["by"], hop["depth"], hop["plan"]) for hop in hops] == [
        ("ru", "us", "item", 0, done["plan"]),
        ("un", "ru", "grant", 1, granted["plan"]),
    ]
    assert all(hop["recall"] is None for hop in hops)
    assert [rung["state"] for rung in hops[0]["given"]] == ["submitted", "delivered"]
    # At who passed it on: itself, and whom it went to.
    theirs = three.ask("ru", "release-holders", item=item["leaf"])
    assert [(hop["party"], hop["giver"], hop["by"]) for hop in theirs] == [
        ("ru", "us", "item"),
        ("un", "ru", "item"),
    ]
    three.ask("us", "release-recall", of=[item["leaf"]], reason="wrong", words="")
    three.run()
    hops = three.ask("us", "release-holders", item=item["leaf"])
    assert [hop["recall"]["state"] for hop in hops] == ["delivered", "delivered"]
    three.ask("un", "acknowledge", messages=[hops[1]["recall"]["leaf"]])
    three.run()
    hops = three.ask("us", "release-holders", item=item["leaf"])
    assert [[rung["state"] for rung in hop["recalled"]] for hop in hops] == [
        ["submitted", "delivered"],
        ["submitted", "delivered", "acknowledged"],
    ]
    assert hops[1]["recalled"][-1]["officers"] == ["duty-1"]


def test_what_is_shown_as_a_partner_is_what_left(three: ReleaseDesks) -> None:
    three.give("r-1", note="by phone if in doubt")
    three.load_reports(make_report("r-1", text="A transport was seen."))
    three.give("r-1")
    (item, *_) = three.items("us")
    three.ask("us", "release-recall", of=[item["leaf"]], reason="wrong", words="another aircraft")
    three.run()
    seen = three.ask("us", "release-as", party="ru")
    theirs = {one["index"]: one for one in three.items("ru")}
    assert [one["index"] for one in seen["items"]] == sorted(theirs, reverse=True)
    for one in seen["items"]:
        at_ru = theirs[one["index"]]
        assert one["variant"] == at_ru["variant"]
        assert (one["note"], one["marking"]) == (at_ru["note"], at_ru["marking"])
    assert [(one["recall_reason"], one["is_replaced"]) for one in seen["items"]] == [
        ("wrong", False),
        ("", True),
    ]
    text = msgspec.json.encode(seen).decode()
    for secret in (CANARY, "our-post", "post-site", "r-1", "hill-", "observation-post", "41.67", "36.65"):
        assert secret not in text, secret
    assert three.ask("us", "release-as", party="un")["items"] == []
    with pytest.raises(NotFound):
        three.ask("us", "release-as", party="us")
