"""Blind checks between two desks: what each says, learns and keeps, from rules to runs and amendments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from entente.blind.asking import AskRow
from entente.blind.audit import AuditCase, Opening, audit_opening
from entente.blind.holding import HoldingRow, VersionRow, find_holding
from entente.blind.lift import asked_tokens, held_tokens
from entente.blind.match_records import MatchRow
from entente.blind.opening import parse_opening
from entente.blind.pure_group import PureGroup
from entente.blind.rules import RulesRow
from entente.desk.blind.parts import parse_rows, read_grid
from entente.kernel.errors import Denied, NotFound
from entente.store.sodium_group import load_group
from tests.blind_desks import ALLOWANCE, AWAY_E7, FAR_E7, HERE_E7, NEAR_E7, TwoDesks, as_volumes
from tests.blind_record import GRID
from tests.parties import ORIGIN
from tests.protocol.desk_stage import open_scratch


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoDesks]:
    with open_scratch(tmp_path) as folder:
        yield TwoDesks(folder)


def test_plans_apart_are_clear_on_both_sides(two: TwoDesks) -> None:
    two.ready()
    run = two.check()
    assert (run["state"], run["verdict"], run["own"]) == ("ended", "CLEAR", "CLEAR"), run
    (theirs,) = two.ask("ru", "blind-runs")["runs"]
    assert (theirs["verdict"], theirs["is_ours"]) == ("CLEAR", False)
    assert not two.alarms("us")
    assert not two.alarms("ru")


def test_plans_that_meet_are_found_and_shown_by_item(two: TwoDesks) -> None:
    two.ready(ru=NEAR_E7)
    two.plan("us", apart=FAR_E7)
    two.prepare("us")
    run = two.check()
    assert (run["state"], run["verdict"]) == ("ended", "CONFLICT"), run
    assert [one["item"] for one in run["conflicts"]] == ["sortie"]
    box = run["conflicts"][0]["boxes"][0]
    assert box["south_deg"] < box["north_deg"]
    assert "blind-conflict" in two.alarms("us")
    assert "blind-conflict" in two.alarms("ru")
    assert run["words"]


def test_a_plan_takes_every_private_plan_and_an_unchanged_one_keeps_its_numbers(two: TwoDesks) -> None:
    two.ready()
    volumes = [msgspec.to_builtins(one) for one in as_volumes(FAR_E7)]
    two.ask("us", "store-plan", officer="duty-1", activity="convoy-7", volumes=volumes)
    taken = two.ask("us", "blind-plan", officer="duty-1", from_plans=["*"])
    assert (taken["items"], taken["put"]) == (2, 1)
    held = []
    for _ in range(2):
        two.prepare("us")
        (own,) = [one for one in two.ask("us", "blind-runs")["holdings"] if one["party"] == "us"]
        held.append((own["number"], own["tokens"], own["cells"], own["state"]))
    assert held[0] == held[1]
    assert min(held[0][:3]) > 0


def test_an_addition_is_checked_alone_and_adopted_when_clear(two: TwoDesks) -> None:
    two.ready()
    item = {"name": "new", "volumes": as_volumes(NEAR_E7)}
    run = two.check("ru", kind="delta", items=[item], adopt=True)
    assert (run["state"], run["verdict"]) == ("ended", "CONFLICT")
    assert [one["item"] for one in run["conflicts"]] == ["new"]
    assert two.ask("ru", "blind-items")["count"] == 1, "what conflicts was not adopted"
    run = two.check("ru", kind="delta", items=[{"name": "new", "volumes": as_volumes(AWAY_E7)}], adopt=True)
    assert (run["state"], run["verdict"]) == ("ended", "CLEAR")
    assert two.ask("ru", "blind-items")["count"] == 2
    (held,) = [one for one in two.ask("ru", "blind-runs")["holdings"] if one["party"] == "ru"]
    assert (held["state"], held["number"]) == ("committed", 1)
    assert two.check("us")["verdict"] == "CLEAR"


def test_what_the_other_side_adds_later_is_found_without_a_question(two: TwoDesks) -> None:
    two.ready()
    number = two.check()["run"]
    asked = two.ask("us", "blind-budget")["usages"]
    two.plan("ru", convoy_2=NEAR_E7)
    two.prepare("ru")
    assert "blind-added" in two.alarms("us")
    assert "sortie" in two.alarms("us")["blind-added"]
    run = two.ask("us", "blind-run", run=number)
    (conflict,) = run["conflicts"]
    assert (conflict["item"], conflict["added_later"]) == ("sortie", True)
    listed = two.ask("us", "blind-runs")["runs"][-1]
    for said in (run, listed):
        assert (said["run"], said["verdict"], said["code"]) == (number, "CONFLICT", "added-later")
    assert two.ask("us", "blind-budget")["usages"] == asked


@pytest.mark.parametrize("is_put_first", (True, False))
def test_what_was_checked_and_put_into_the_plan_later_is_looked_up(two: TwoDesks, is_put_first: bool) -> None:
    two.ready(us=AWAY_E7, ru=FAR_E7)
    item = {"name": "later", "volumes": as_volumes(HERE_E7)}
    assert two.check(kind="delta", items=[item])["verdict"] == "CLEAR"
    steps = [("us", "later", HERE_E7), ("ru", "extra", NEAR_E7)]  # and ru asks nothing
    for name, item_name, place in steps if is_put_first else reversed(steps):
        two.plan(name, **{item_name: place})
        two.prepare(name)
    assert "later" in two.alarms("us")["blind-added"]


def test_an_addition_while_a_question_is_under_way_is_found(two: TwoDesks) -> None:
    two.ready()
    number = two.ask("us", "blind-check", rules="skies")["run"]
    two.plan("ru", convoy_2=NEAR_E7)
    two.ask("ru", "blind-prepare", rules="skies")
    two.run()
    run = two.ask("us", "blind-run", run=number)
    assert run["own"] == "CONFLICT" or "blind-added" in two.alarms("us")


def test_items_taken_out_are_withdrawn_and_meet_no_more(two: TwoDesks) -> None:
    two.ready(ru=NEAR_E7)
    assert two.check()["verdict"] == "CONFLICT"
    two.ask("ru", "blind-plan", drop=["convoy"])
    two.prepare("ru")
    assert two.check()["verdict"] == "CLEAR"
    assert two.ask("ru", "blind-prepare", rules="skies")["words"].startswith("the plan is what")


@pytest.mark.parametrize(("ru", "verdict"), ((NEAR_E7, "CONFLICT"), (FAR_E7, "CLEAR")))
@pytest.mark.parametrize("kind", ("yes-no", "count"))
def test_by_way_of_the_center_both_learn_one_bit(two: TwoDesks, kind: str, ru: Any, verdict: str) -> None:
    two.ready(ru=ru)
    run = two.check(kind=kind)
    assert (run["state"], run["verdict"], run["conflicts"]) == ("ended", verdict, [])
    assert bool(run["at_least"]) == (kind == "count" and verdict == "CONFLICT")
    (theirs,) = two.ask("ru", "blind-runs")["runs"]
    assert (theirs["verdict"], theirs["at_least"]) == (run["verdict"], run["at_least"])


def test_no_answer_in_time_is_a_default_and_never_clear(two: TwoDesks) -> None:
    two.ready()
    number = two.ask("us", "blind-check", rules="skies")["run"]
    two.run("us")
    assert two.ask("us", "blind-run", run=number)["verdict"] == ""
    two.pass_min(31)
    two.run("us")
    run = two.ask("us", "blind-run", run=number)
    assert (run["state"], run["verdict"], run["code"]) == ("ended", "INVALID", "in-default")
    assert two.ask("us", "blind-rules")[0]["in_default"] == ["ru"]
    assert "blind-invalid" in two.alarms("us")
    two.carrier("ru").parts.is_stopping = True
    two.run("ru")
    two.carrier("ru").parts.is_stopping = False
    two.carrier("ru")._give_notice()
    assert "blind-in-default" in two.alarms("ru")
    two.run()  # it answers late
    assert two.ask("us", "blind-run", run=number)["verdict"] == "CLEAR"
    assert two.ask("us", "blind-rules")[0]["in_default"] == []


def test_who_takes_its_answer_and_asks_nothing_in_return_leaves_no_check(two: TwoDesks) -> None:
    two.ready()
    two.carrier("ru")._swap = lambda: False  # type: ignore[method-assign]
    number = two.check()["run"]
    run = two.ask("us", "blind-run", run=number)
    assert (run["state"], run["verdict"], run["own"]) == ("half", "", "CLEAR")
    two.pass_min(31)
    two.run()
    run = two.ask("us", "blind-run", run=number)
    assert (run["state"], run["verdict"], run["code"]) == ("ended", "INVALID", "one-sided")


def test_the_allowance_ends_questions_on_the_askers_own_desk(two: TwoDesks) -> None:
    two.agree(allowance=msgspec.to_builtins(msgspec.structs.replace(ALLOWANCE, delta_runs=1, matches=1)))
    two.plan("us", sortie=HERE_E7)
    two.plan("ru", convoy=FAR_E7)
    two.prepare()
    item = {"name": "new", "volumes": as_volumes(AWAY_E7)}
    assert two.check(kind="delta", items=[item])["verdict"] == "CLEAR"
    run = two.check(kind="delta", items=[item])
    assert (run["verdict"], run["code"]) == ("INVALID", "allowance-used")
    assert two.check(kind="yes-no")["verdict"] == "CLEAR"
    assert two.check(kind="yes-no")["code"] == "allowance-used"
    used = {one["asker"]: one for one in two.ask("us", "blind-budget")["usages"]}["us"]
    assert (used["delta_runs"], used["matches"], used["allowed"]["delta_runs"]) == (1, 1, 1)


def test_asking_twice_with_one_token_asks_once(two: TwoDesks) -> None:
    two.ready()
    first = two.check(token="today")
    assert two.check(token="today")["run"] == first["run"]
    assert len(two.ask("us", "blind-runs")["runs"]) == 1


def test_what_leaves_is_in_the_exposure_ledger(two: TwoDesks) -> None:
    two.ready()
    two.check()
    two.check(kind="yes-no")
    for name in ("us", "ru"):
        entered = two.desks[name].ledger.list_exposures(limit=500)
        leaves = {one["leaf"] for one in entered}
        mine = [key for key, data in two.center.given.items() if data == name]
        assert mine
        assert set(mine) <= leaves
        kinds = {one["kind"] for one in entered if one["leaf"] in mine}
        assert {"blind.commit", "blind.ask", "blind.answer"} <= kinds


def test_a_plan_does_not_cross_in_any_form_that_can_be_read(two: TwoDesks) -> None:
    two.ready(ru=NEAR_E7)
    two.check()
    two.check(kind="yes-no")
    row = two.desks["us"].book.read_one("SELECT cells FROM blind_versions")
    assert row is not None
    cells = parse_rows(row["cells"])
    rules = two.desks["us"].rows.find(RulesRow, "skies")
    assert rules is not None
    tokens = np.concatenate(
        (cells, asked_tokens(cells, read_grid(rules.rules)), held_tokens(cells, read_grid(rules.rules)))
    )
    crossed = b"".join([*two.center.parcels.values(), *two.center.received, *two.center.entries])
    assert len(tokens) > 3
    assert not [one for one in tokens if one.tobytes() in crossed or one.tobytes().hex().encode() in crossed]
    assert b"sortie" not in crossed


def test_rules_can_be_refused_and_ended(two: TwoDesks) -> None:
    two.agree()
    two.ask("us", "blind-end", id="skies", reason="enough")
    with pytest.raises(Denied, match="not-in-force"):
        two.ask("us", "blind-prepare", rules="skies")
    two.agree(id="seas")
    grid = msgspec.to_builtins(GRID)
    two.ask(
        "us", "blind-propose", id="sand", partner="ru", grid=grid, allowance=msgspec.to_builtins(ALLOWANCE)
    )
    two.run()
    two.ask("ru", "blind-refuse", id="sand", reason="too coarse")
    states = {one["id"]: one["state"] for one in two.ask("ru", "blind-rules")}
    assert states == {"sand": "refused", "seas": "agreed", "skies": "ended"}


def test_rules_after_others_have_other_keys(two: TwoDesks) -> None:
    two.ready()
    two.agree(id="seas")
    two.ask("us", "blind-prepare", rules="seas")
    two.run()
    held = {one["rules"]: one for one in two.ask("us", "blind-runs")["holdings"] if one["party"] == "us"}
    assert (held["seas"]["state"], held["skies"]["state"]) == ("committed", "committed")


def test_an_officer_is_told_what_each_side_learns(two: TwoDesks) -> None:
    two.agree()
    said = two.ask("us", "blind-explain", rules="skies")
    exact = {one["mode"]: one for one in said["modes"]}["exact"]
    assert "20,000 cells" in exact["partner"]
    assert "never a cell" in exact["center"]
    assert any("leaves something out" in one for one in said["cannot"])


def audit(two: TwoDesks, name: str) -> tuple[Opening, list[str]]:
    """Return what a desk opens, and the codes of what an auditor finds in it."""
    rows = two.desks["us"].rows
    rules, holding = rows.find(RulesRow, "skies"), find_holding(rows, "skies", 0, name)
    assert rules is not None
    assert holding is not None
    said = two.ask(name, "blind-open", rules="skies", epoch=0)
    opening, of_rules, epoch = parse_opening(said["opening"].encode())
    assert (of_rules, epoch, opening.party) == ("skies", 0, name)
    case = AuditCase(
        center=ORIGIN,
        rules=rules.rules,
        holding=holding,
        versions=sorted(rows.select(VersionRow, holding=holding.holding), key=lambda row: row.number),
        asks=sorted(rows.select(AskRow), key=lambda row: row.index),
        matches=sorted(rows.select(MatchRow), key=lambda row: row.index),
        public_keys={row.party: row.public_key for row in rows.select(HoldingRow)},
    )
    return opening, [fault.code for fault in audit_opening(load_group(threads=1), opening, case)]


def test_an_honest_epoch_is_opened_and_cleared(two: TwoDesks) -> None:
    two.ready(ru=NEAR_E7)
    two.check()
    two.check(kind="delta", items=[{"name": "new", "volumes": as_volumes(AWAY_E7)}], adopt=True)
    two.check(kind="yes-no")
    two.check("ru", kind="count")
    for name in ("us", "ru"):
        opening, faults = audit(two, name)
        assert len(opening.questions) + len(opening.answers) == 3
        assert len(opening.lists) == 2
        assert faults == []


def test_a_refusal_is_opened_with_its_reason(two: TwoDesks) -> None:
    two.ready()
    two.carrier("ru").parts.theatre_cells = 5
    assert two.check()["code"] == "refused"
    opening, faults = audit(two, "ru")
    (opened,) = opening.answers.values()
    assert b"cap-reached" in opened.refusal
    assert set(faults) <= {"refused"}, "nobody is convicted of a refusal"


def test_both_zoom_in_and_find_a_true_conflict(two: TwoDesks) -> None:
    two.ready(ru=NEAR_E7)
    number = two.check()["run"]
    (theirs,) = two.ask("ru", "blind-runs")["runs"]
    assert two.ask("us", "blind-zoomed", run=number)["state"] == "none"
    said = two.ask("us", "blind-zoom", run=number)
    two.run()
    assert (said["state"], said["meetings"]) == ("offered", [])
    assert two.ask("ru", "blind-zoomed", run=theirs["run"])["state"] == "asked"
    two.ask("ru", "blind-zoom", run=theirs["run"])
    two.run()
    for name, run in (("us", number), ("ru", theirs["run"])):
        said = two.ask(name, "blind-zoomed", run=run)
        assert (said["state"], said["is_true"], said["owed_by"]) == ("judged", True, "")
        assert said["meetings"]


def test_a_zoom_is_of_cells_that_we_found_ourselves(two: TwoDesks) -> None:
    two.ready()
    run = two.check()
    with pytest.raises(Denied, match="no-conflict"):
        two.ask("us", "blind-zoom", run=run["run"])
    delta = two.check(kind="delta", items=[{"name": "new", "volumes": as_volumes(FAR_E7)}])
    assert delta["verdict"] == "CONFLICT"
    with pytest.raises(Denied, match="not-whole"):
        two.ask("us", "blind-zoom", run=delta["run"])


def test_the_inbox_says_what_only_a_person_can_do(two: TwoDesks) -> None:
    two.ask("us", "blind-propose", id="skies", partner="ru", allowance=msgspec.to_builtins(ALLOWANCE))
    two.run()
    (item,) = [one for one in two.ask("ru", "inbox") if one["kind"] == "blind"]
    assert (item["subject"], "agree or refuse" in item["words"]) == ("skies", True)
    assert two.ask("ru", "blind-rules")[0]["rules"]["grid"]["separation"]["lateral_cm"] == 926_000
    two.ask("ru", "blind-agree", id="skies")
    two.run()
    assert not [one for one in two.ask("ru", "inbox") if one["kind"] == "blind"]


def test_what_only_an_audit_needs_goes_when_no_audit_can_come(two: TwoDesks) -> None:
    two.agree(audit_days=2)
    two.plan("us", sortie=HERE_E7)
    two.plan("ru", convoy=NEAR_E7)
    two.prepare()
    run = two.check()
    two.pass_min(3 * 24 * 60 - 1)
    two.run()
    assert two.desks["us"].book.read("SELECT * FROM blind_tags")
    two.pass_min(2)
    two.run()
    book = two.desks["us"].book
    assert not book.read("SELECT * FROM blind_tags")
    assert not book.read("SELECT * FROM blind_salts")
    assert not book.read("SELECT * FROM blind_versions WHERE cells IS NOT NULL OR pad_seed IS NOT NULL")
    assert not book.read("SELECT * FROM blind_runs WHERE seed IS NOT NULL OR outputs IS NOT NULL")
    assert not book.read("SELECT * FROM blind_charges WHERE request IS NOT NULL OR drawn != x''")
    again = two.ask("us", "blind-run", run=run["run"])
    assert (again["verdict"], again["conflicts"]) == ("CONFLICT", run["conflicts"])
    with pytest.raises(NotFound, match="no-opening"):
        two.ask("us", "blind-open", rules="skies", epoch=0)


def test_runs_that_are_wanted_at_once_take_their_turns(two: TwoDesks) -> None:
    two.ready()
    two.center.lies.add("no-network")  # nothing is answered before all are wanted
    item = {"name": "new", "volumes": as_volumes(AWAY_E7)}
    numbers = [
        two.ask(name, "blind-check", rules="skies", **more)["run"]
        for name in ("us", "ru")
        for more in ({}, {"kind": "delta", "items": [item]}, {"kind": "yes-no"}, {"kind": "count"})
    ]
    two.center.lies.clear()
    two.run()
    for name, mine in (("us", numbers[:4]), ("ru", numbers[4:])):
        runs = {one["run"]: one for one in two.ask(name, "blind-runs")["runs"]}
        assert [runs[number]["verdict"] for number in mine] == ["CLEAR"] * 4
        assert {one["verdict"] for one in runs.values()} == {"CLEAR"}
    assert len(two.ask("us", "blind-runs")["runs"]) == 4 + 3, "both whole questions are asked in return"


def test_the_doctor_says_what_computes(two: TwoDesks) -> None:
    def look() -> list[str]:
        return [one["state"] for one in two.ask("us", "doctor")["checks"] if one["name"] == "blind"]

    assert look() == []
    two.agree()
    assert look() == ["good"]
    assert not two.carrier("us").parts.master.is_made, "who looks makes nothing"
    two.plan("us", sortie=HERE_E7)
    two.prepare("us")
    two.carrier("us").parts._group = PureGroup()
    assert look() == ["warning"]
    two.carrier("us").parts.master._seed = None
    (two.root / "us" / "keys" / "blind.json").chmod(0o644)
    assert look() == ["bad"]
