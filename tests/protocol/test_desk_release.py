"""Release at a desk from end to end: planned, approved, charged, sent, recalled, explained; no socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.desk.requests import NotifyRequest
from entente.desk.speaking import notify
from entente.kernel.errors import Denied, Malformed, NotFound
from tests.protocol.desk_stage import make_volume, open_scratch
from tests.release_desks import (
    CANARY,
    CLEARANCES,
    HILLS,
    POOLS,
    PURPOSES,
    ReleaseDesks,
    make_catalogue,
    make_report,
)

WIDE = make_catalogue(chance="4/5")
"""A budget that lets the first report through in a half-degree cell, and the next one no finer than five."""
NEXT = make_report("r-2", at=(36.55, 41.67))


@pytest.fixture(name="three")
def open_three(tmp_path: Path) -> Iterator[ReleaseDesks]:
    with open_scratch(tmp_path) as folder:
        three = ReleaseDesks(folder, is_stocked=False)
        three.stock(catalogue=WIDE, reports=[make_report("r-1"), NEXT])
        yield three


def test_a_report_takes_the_road_of_the_gate(three: ReleaseDesks) -> None:
    size = three.center.core.tree.size
    (plan,) = three.plan("r-1", "ru")
    assert (plan["state"], plan["needs"], plan["approved"], plan["is_charged"]) == ("planned", 1, [], False)
    assert plan["level"]["place_arcsec"] == 1800
    (exposed,) = plan["exposures"]
    assert (exposed["before_percent"], exposed["after_percent"]) == (8.34, 30.16)
    assert exposed["after_percent"] <= exposed["worst_percent"] <= exposed["budget_percent"] == 80.0
    three.run()
    assert three.center.core.tree.size == size, "planning lets nothing out"
    assert three.ledger()["charges"] == []
    done = three.send(plan)
    assert (done["state"], done["approved"], done["is_charged"]) == ("recorded", ["duty-1"], True)
    (item,) = three.items("ru")
    assert item["leaf"] == done["leaf"]
    assert item["variant"] == done["variant"]
    assert (item["marking"], item["originator"], item["purpose"]) == ("TLP:AMBER", "us", "safety")
    assert item["variant"]["text"] == "An aircraft was seen."
    assert [one["name"] for one in item["variant"]["fields"]] == ["heading"]
    assert three.items("un") == [], "it is sealed to one"
    learned = three.learned()
    assert (learned["releases"], learned["chance_percent"], learned["theatres"]) == (1, 30.16, {"levant": 1})
    (charge,) = three.ledger(secret="post-site", recipient="ru")["charges"]
    assert (charge["report"], charge["leaf"], charge["after_percent"]) == ("r-1", done["leaf"], 30.16)
    assert three.ask("us", "release-check")["is_sound"]


def test_no_private_word_leaves(three: ReleaseDesks) -> None:
    three.give("r-1", note="for your picture")
    three.ask("us", "release-recall", report="r-1", reason="wrong")
    three.run()
    sent = b"".join(three.center.received)
    (item,) = three.items("ru")
    seen = msgspec.json.encode([item, three.ask("ru", "inbox"), three.ask("ru", "messages")])
    private = (CANARY, "our-post", "post-site", "remark", "levant", HILLS[5][0])
    assert [word for word in private if word.encode() in sent or word.encode() in seen] == []
    assert b"for your picture" in seen


def test_the_next_report_is_judged_by_what_the_first_has_taught(three: ReleaseDesks) -> None:
    before = three.plan("r-2", "ru")[0]["level"]
    three.give("r-1")
    after = three.give("r-2")
    assert (before["place_arcsec"], after["level"]["place_arcsec"]) == (1800, 18000)
    assert any("more than the budget" in one["words"] for one in after["blockers"])
    learned = three.learned()
    assert (learned["releases"], learned["chance_percent"]) == (2, 30.16)


def test_the_same_item_again_is_the_same_message_and_no_charge(three: ReleaseDesks) -> None:
    first = three.give("r-1")
    (again,) = three.plan("r-1", "ru")
    assert (again["plan"], again["state"], again["variant"]) == (first["plan"], "recorded", first["variant"])
    size = three.center.core.tree.size
    assert three.send(again)["leaf"] == first["leaf"]
    assert three.center.core.tree.size == size
    assert len(three.ledger()["charges"]) == 1


def test_each_recipient_gets_its_own_and_the_pool_knows_what_they_know_together(three: ReleaseDesks) -> None:
    three.load("pools", POOLS)
    one, two = three.plan("r-1", "ru", "un")
    three.send(one)
    three.send(two)
    names = [three.items(name)[0]["leaf"] for name in ("ru", "un")]
    assert names[0] != names[1]
    ledger = {row["pool"]: row for row in three.ledger(secret="post-site")["learned"]}
    assert sorted(ledger) == ["astana", "ru", "un"]
    assert ledger["astana"]["chance_percent"] == ledger["ru"]["chance_percent"], "one item is one observation"
    assert {row["pool"] for row in three.ledger(recipient="un")["learned"]} == {"astana", "un"}
    # What each alone could have, the pool has not: both together hold two items.
    (plan,) = three.plan("r-2", "un")
    assert plan["level"]["place_arcsec"] == 18000
    assert three.ask("us", "release-check")["faults"] == []


def test_theatres_share_one_account(three: ReleaseDesks) -> None:
    three.load_reports(make_report("b-1", at=(36.55, 41.67), theatre="baltic"))
    three.give("r-1")
    done = three.give("b-1")
    assert done["level"]["place_arcsec"] == 18000, "what was given away in one theatre is known in the other"
    assert three.learned()["theatres"] == {"baltic": 1, "levant": 1}
    assert three.ledger(theatre="baltic")["learned"][0]["releases"] == 2


@pytest.mark.parametrize(
    ("to", "changes", "code", "words"),
    (
        ("ru", {"purpose": "relief"}, "purpose", "names 'ru' as a recipient"),
        ("ru", {"purpose": "nothing"}, "purpose", "expected one on our shelf"),
        ("ru", {"report": "red"}, "label", "RED"),
        ("ru", {"report": "unknown-policy"}, "label", "no clearance under"),
        ("il", {}, "bad-recipient", "another party of this center"),
        ("us", {}, "bad-recipient", "another party of this center"),
        ("ru", {"tear_line": "other"}, "tear-line", "expected one of report"),
    ),
)
def test_what_nobody_allowed_is_denied(
    three: ReleaseDesks, to: str, changes: dict[str, Any], code: str, words: str
) -> None:
    odd = make_report("unknown-policy").replace('policy = "TLP"', 'policy = "ATLANTIS"')
    three.load_reports(make_report("red", classification="RED"), odd)
    plain = dict(changes)
    (plan,) = three.plan(plain.pop("report", "r-1"), to, **plain)
    assert (plan["state"], plan["code"]) == ("denied", code)
    assert words in " ".join([plan["words"], *plan["reasons"]])
    with pytest.raises(Denied):
        three.send(plan)
    assert three.ledger()["charges"] == []


def test_without_a_clearance_or_a_catalogue_nobody_gets_anything(tmp_path: Path) -> None:
    with open_scratch(tmp_path) as folder:
        three = ReleaseDesks(folder, is_stocked=False)
        with pytest.raises(Malformed, match="expected the name of a source"):
            three.load_reports(make_report("r-1"))
        three.load("catalogue", WIDE)
        three.load_reports(make_report("r-1"))
        three.load("purposes", PURPOSES)
        (plan,) = three.plan("r-1", "ru")
        assert (plan["state"], plan["code"]) == ("denied", "label")
        with pytest.raises(NotFound):
            three.plan("r-9", "ru")


def test_two_officers_where_label_or_purpose_asks(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "un", purpose="relief")
    assert plan["needs"] == 2
    half = three.send(plan, officer="duty-1")
    assert (half["state"], half["approved"]) == ("planned", ["duty-1"])
    assert "2" in str(half["needs"])
    (duty,) = [one for one in three.ask("us", "inbox") if one["kind"] == "release"]
    assert "a second officer's yes is needed" in duty["words"]
    done = three.send(plan, officer="duty-2")
    assert (done["state"], done["approved"]) == ("recorded", ["duty-1", "duty-2"])


def test_it_is_held_until_its_time_and_a_restart_does_not_hurry_it(three: ReleaseDesks) -> None:
    three.load_reports(make_report("new", when="2016-09-17T13:54:30Z"))
    (plan,) = three.plan("new", "ru", finest_s=3600)
    held = three.send(plan)
    assert (held["state"], held["due"], held["is_charged"]) == ("held", "2016-09-17T14:00:00Z", False)
    three.open("us")
    three.run()
    assert three.get(plan)["state"] == "held"
    three.clock.pass_s(4 * 60)
    three.run()
    assert three.get(plan)["state"] == "held"
    three.clock.pass_s(60)
    three.run()
    assert three.get(plan)["state"] == "recorded"


def test_a_tear_lines_label_lets_out_what_it_tells_and_no_more(three: ReleaseDesks) -> None:
    claims = 'depth = 1\nplace = "5 deg"'
    three.load_reports(
        make_report("torn", classification="RED", line_label="AMBER", claims=claims, path=("air", "rotary"))
    )
    (plan,) = three.plan("torn", "ru")
    assert plan["state"] == "planned"
    assert plan["level"] == {
        "place_arcsec": 18000,
        "span_s": None,
        "delay_s": 0,
        "depth": 1,
        "height_m": None,
    }
    assert (plan["variant"]["fields"], plan["label"]["created"]) == ((), plan["due"])
    assert (plan["marking"], list(plan["variant"]["path"])) == ("TLP:AMBER", ["air"])
    assert plan["due"] == "2016-09-17T00:00:00Z", "no time is shown, so the end of the day is waited for"
    assert three.send(plan)["state"] == "recorded"


def test_an_officer_may_ask_for_less(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "ru", finest_arcsec=18000, finest_s=86_400, most_depth=1, finest_m=3000)
    level = plan["level"]
    assert (level["place_arcsec"], level["span_s"], level["depth"]) == (18000, 86_400, 1)


def test_a_veto_stands_in_the_way_and_permits_nothing(three: ReleaseDesks) -> None:
    veto = three.vetoes["us"]
    veto.version = "1"
    veto.refuses = lambda asked: asked.place_arcsec is not None and asked.place_arcsec < 3600
    (plan,) = three.plan("r-1", "ru")
    assert plan["level"]["place_arcsec"] == 3600
    veto.refuses = lambda asked: asked.method == "observation-post"
    (plan,) = three.plan("r-2", "ru")
    assert (plan["state"], plan["code"], plan["reasons"]) == ("denied", "veto", ["a rule of ours"])
    assert all(one.at_utc.tzinfo is not None for one in veto.asked)


def test_recall_says_who_has_it_and_deletes_nothing(three: ReleaseDesks) -> None:
    three.give("r-1")
    (answer,) = three.ask("us", "release-recall", report="r-1", reason="wrong", words="another aircraft")
    assert (answer["party"], answer["state"]) == ("ru", "sent")
    three.run()
    (item,) = three.items("us")
    assert (item["recall"]["state"], item["report"]) == ("delivered", "r-1")
    (theirs,) = three.items("ru")
    assert theirs["words"].startswith("RECALLED (wrong): not to be used any more")
    assert theirs["variant"] == item["variant"], "nothing is deleted, and nothing is said to be"
    three.ask("ru", "acknowledge", messages=[answer["leaf"] or theirs["recall"]["leaf"]])
    three.run()
    (item,) = three.items("us")
    assert item["recall"]["state"] == "acknowledged"
    with pytest.raises(NotFound):
        three.ask("us", "release-recall", report="r-1")
    assert three.list_kinds().count("release.recall") == 1


def test_another_version_replaces_the_first(three: ReleaseDesks) -> None:
    three.give("r-1")
    three.load_reports(make_report("r-1", text="A transport was seen."))
    (plan,) = three.plan("r-1", "ru")
    assert (plan["state"], plan["version"]) == ("planned", 2)
    done = three.send(plan)
    assert done["state"] == "recorded"
    newest, oldest = three.items("ru")
    assert oldest["replaced_by"] == newest["leaf"]
    assert oldest["words"].startswith("REPLACED")


def test_explain_says_why_and_what_it_would_take(three: ReleaseDesks) -> None:
    done = three.give("r-1")
    told = three.ask("us", "release-explain", plan=done["plan"])
    text = "\n".join(told["steps"])
    for step in (
        "report:",
        "purpose:",
        "label:",
        "veto:",
        "variant:",
        "exposure:",
        "officer: duty-1",
        "ledger: 1",
    ):
        assert step in text
    assert any("more than the budget" in one for one in told["needs"])
    three.load_reports(make_report("red", classification="RED"))
    three.plan("red", "ru")
    told = three.ask("us", "release-explain", report="red", to="ru")
    assert any("RED" in one for one in told["needs"])
    three.plan("r-2", "ru", purpose="relief")
    assert "purpose" in three.ask("us", "release-explain", report="r-2", to="ru")["needs"][0]
    with pytest.raises(NotFound):
        three.ask("us", "release-explain", report="r-2", to="un")


def test_a_notification_is_charged_and_never_refused(tmp_path: Path) -> None:
    with open_scratch(tmp_path) as folder:
        three = ReleaseDesks(folder, is_stocked=False)
        three.stock(catalogue=make_catalogue(chance="1/2", notified=True))
        request = NotifyRequest(
            officer="duty-1",
            id="convoy-1",
            activity="ground",
            title="Convoy",
            volumes=[make_volume((366_000_000, 416_000_000), radius_m=2000)],
        )
        said = notify(three.us, request)
        three.run()
        assert said.state == "recorded"
        learned = three.learned()
        assert learned["theatres"] == {"notified": 1}
        assert learned["chance_percent"] > learned["budget_percent"], "told, and not refused"
        (charge, *_) = three.ledger(recipient="ru")["charges"]
        assert charge["leaf"] == said.leaf
        traffic = {row["kind"] for row in three.ledger(recipient="ru")["traffic"]}
        assert traffic == {"activity.notify"}
        (plan,) = three.plan("r-1", "ru")
        assert (plan["state"], plan["code"]) == ("denied", "budget")
        # Far from every hill it tells nothing of them.
        far = make_volume((200_000_000, 100_000_000), radius_m=2000)
        notify(three.us, msgspec.structs.replace(request, id="convoy-2", volumes=[far]))
        assert three.learned()["releases"] == 1
        assert three.alarms() == {}
        # What the model rules out beside it is told all the same, and its officers are told that too.
        other = make_volume((369_500_000, 423_000_000), radius_m=2000)
        said = notify(three.us, msgspec.structs.replace(request, id="convoy-3", volumes=[other]))
        assert said.state == "recorded"
        assert set(three.alarms()) == {"notice-not-charged"}
        assert three.learned()["releases"] == 1
        assert three.ask("us", "release-check")["faults"] == []


def test_the_account_of_a_secret_begins_with_what_was_given_before_it(three: ReleaseDesks) -> None:
    without = WIDE.replace('secrets = ["post-site"]', "secrets = []")
    three.load("catalogue", without)
    free = three.give("r-1")
    assert free["level"]["place_arcsec"] == 6, "nothing is secret about it"
    assert three.ledger()["learned"] == []
    three.load("catalogue", WIDE)
    learned = three.learned()
    assert learned["chance_percent"] > 80, "what was given away is given away"
    assert three.plan("r-2", "ru")[0]["state"] == "denied"
    assert three.ask("us", "release-check")["is_sound"]


def test_a_belief_can_be_looked_at_release_by_release(three: ReleaseDesks) -> None:
    three.give("r-1")
    three.give("r-2")
    told = three.ask("us", "release-belief", secret="post-site", pool="ru")
    assert (told["prior_percent"], told["budget_percent"], len(told["hypotheses"])) == (8.34, 80.0, 12)
    assert [step["report"] for step in told["steps"]] == ["r-1", "r-2"]
    assert [step["chance_percent"] for step in told["steps"]] == [30.16, 30.16]
    assert abs(sum(told["steps"][-1]["posterior"]) - 1) < 1e-6
    assert "truth" not in msgspec.json.encode(told).decode()
    with pytest.raises(NotFound):
        three.ask("us", "release-belief", secret="post-site", pool="nobody")


def test_agreed_purposes_and_giving_to_receive_only_ever_withhold(three: ReleaseDesks) -> None:
    three.ask(
        "us",
        "release-propose",
        id="fair",
        partner="ru",
        purposes=["safety"],
        contribution={"at_least": 1, "per": 1, "days": 30},
    )
    three.run()
    assert [one["subject"] for one in three.ask("ru", "inbox") if one["kind"] == "release"] == ["fair"]
    three.ask("ru", "release-agree", id="fair")
    three.run()
    three.give("r-1")
    (plan,) = three.plan("r-2", "ru")
    assert (plan["state"], plan["code"]) == ("denied", "giving")
    (rules,) = three.ask("us", "release-rules")
    assert (rules["given"], rules["received"], rules["state"]) == (1, 0, "agreed")
    three.ask("us", "release-end", id="fair", reason="over")
    three.run()
    assert three.plan("r-2", "ru")[0]["state"] == "planned"


def test_shelves_show_names_and_keep_versions(three: ReleaseDesks) -> None:
    shelf = three.ask("us", "release-shelf")
    assert {(one["shelf"], one["name"]) for one in shelf} >= {
        ("catalogue", "catalogue"),
        ("report", "r-1"),
        ("clearance", "ru:tlp"),
        ("purpose", "safety"),
    }
    assert CANARY not in msgspec.json.encode(shelf).decode()
    assert three.load("clearances", CLEARANCES)["changed"] == 0
    with pytest.raises(Malformed):
        three.load("pools", POOLS + POOLS.replace("astana", "other"))
    assert three.ask("us", "release-shelf", shelf="pool") == [], "a file is taken as a whole or not at all"
    three.ask("us", "release-drop", shelf="clearance", name="ru:tlp")
    assert three.plan("r-1", "ru")[0]["code"] == "label"
    with pytest.raises(Denied, match="close a pool"):
        three.ask("us", "release-drop", shelf="catalogue", name="catalogue")


def test_our_officers_see_the_report_itself_and_which_version(three: ReleaseDesks) -> None:
    first = three.ask("us", "release-report", report="r-1")
    assert first["report"] == msgspec.to_builtins(three.us.release.parts.library.get_report("r-1").value)
    assert (first["version"], first["is_newest"]) == (1, True)
    three.load_reports(make_report("r-1", text="A transport was seen."))
    assert three.ask("us", "release-report", report="r-1")["version"] == 2
    assert not three.ask("us", "release-report", report="r-1", version=1)["is_newest"]
    with pytest.raises(NotFound, match="r-none"):
        three.ask("us", "release-report", report="r-none")


def test_a_plan_is_withdrawn_before_it_is_charged(three: ReleaseDesks) -> None:
    (plan,) = three.plan("r-1", "ru")
    assert three.ask("us", "release-withdraw", plan=plan["plan"])["state"] == "withdrawn"
    with pytest.raises(Denied, match="waits for its officers"):
        three.send(plan)
    done = three.give("r-1")
    with pytest.raises(Denied, match="recall it"):
        three.ask("us", "release-withdraw", plan=done["plan"])
