"""Blind checks in the record: what host, desks and auditors refuse alike.

Row numbers are those of the table of attacks in docs/formats/blind.md.
"""

from __future__ import annotations

import msgspec
import pytest

from entente.blind import plan_lapses, plan_matches
from entente.blind.asking import AskRow, LapseAsk, get_usage, list_in_default
from entente.blind.grid import GridWire
from entente.blind.holding import ParcelRow, VersionRow, find_holding
from entente.blind.match_records import MatchRow, TellMatched
from entente.blind.matching import BOX_BYTES
from entente.blind.outcome import OutcomeRow, judge_pair
from entente.blind.rules import (
    AgreeRules,
    EndRules,
    RefuseRules,
    RulesRow,
    find_in_force,
    hash_rules,
    make_domain,
)
from entente.kernel.message import CENTER
from entente.kernel.rows import get_row
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import encode_base64
from tests.blind_record import ALLOWANCE, GRID, BlindRecord, digest, make_parcel, make_rules
from tests.unit.test_deconflict_simulator import refused


@pytest.fixture
def blind() -> BlindRecord:
    return BlindRecord()


def commit_both(blind: BlindRecord) -> tuple[str, str]:
    return blind.commit("us"), blind.commit("ru")


# Rules


def test_rules_are_in_force_when_the_other_party_agreed_to_the_very_bytes() -> None:
    blind = BlindRecord(is_agreed=False)
    assert find_in_force(blind.rows, "skies") is None
    with refused("other-bytes"):
        blind.record.send("us", "blind.agree", AgreeRules("skies", digest("other")))
    with refused("not-asked"):
        blind.record.send("ru", "blind.agree", AgreeRules("skies", hash_rules(blind.rules)))
    with refused("not-asked"):
        blind.record.send("un", "blind.refuse", RefuseRules("skies", hash_rules(blind.rules), "no"))
    with refused("unknown-rules"):
        blind.commit("us")
    blind.record.send("us", "blind.agree", AgreeRules("skies", hash_rules(blind.rules)))
    assert find_in_force(blind.rows, "skies") is not None
    with refused("not-proposed"):
        blind.record.send("us", "blind.refuse", RefuseRules("skies", hash_rules(blind.rules), "late"))


def test_either_party_ends_rules_and_nothing_more_is_asked(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    ask = blind.ask("us", own, others)
    blind.record.send("us", "blind.end", EndRules("skies", "they fish"))
    with refused("unknown-rules"):
        blind.ask("us", own, others, 2)
    blind.answer("ru", ask)  # what was asked stays answerable
    row = blind.rows.find(RulesRow, "skies")
    assert (row.state, row.reason) == ("ended", "they fish")


@pytest.mark.parametrize(
    ("code", "changed"),
    (
        ("party-order", {"parties": ["us", "ru"]}),
        ("party-order", {"parties": ["ru", "ru"]}),
        ("not-a-party", {"parties": ["un", "us"]}),
        ("unknown-party", {"parties": ["ru", "zz"]}),
        ("mode-order", {"modes": ["yes-no", "exact"]}),
        ("bad-auditor", {"auditor": "us"}),
        ("bad-auditor", {"auditor": "nobody"}),
    ),
)
def test_rules_that_are_not_sound_are_refused(code: str, changed: dict[str, object]) -> None:
    blind = BlindRecord(is_agreed=False)
    with refused(code):
        blind.record.send("ru", "blind.propose", make_rules(id="other", **changed))


def test_the_domain_differs_with_center_rules_and_epoch() -> None:
    rules = make_rules()
    domains = {
        make_domain("log.example", rules, 0),
        make_domain("log.example", rules, 1),
        make_domain("log.other", rules, 0),
        make_domain("log.example", make_rules(answer_min=31), 0),
        make_domain("log.example", make_rules(grid=_widen_other()), 0),
    }
    assert len(domains) == 5


def _widen_other() -> GridWire:
    return msgspec.structs.replace(GRID, widened="b")


def test_only_one_side_is_widened() -> None:
    rules = make_rules()
    assert [rules.is_widened(party) for party in rules.parties] == [True, False]


# Commitments: rows 5 and 8


def test_nobody_asks_before_both_have_committed(blind: BlindRecord) -> None:
    own = blind.commit("us")
    with refused("not-committed"):
        blind.ask("us", own, digest("no such version"))
    others = blind.commit("ru")
    with refused("not-committed"):
        blind.ask("us", others, own)
    blind.ask("us", own, others)


def test_a_key_is_committed_to_once(blind: BlindRecord) -> None:
    blind.commit("us")
    with refused("key-used"):
        blind.commit("us", 1, public_key=digest("key us 0"))
    with refused("key-used"):
        blind.commit("ru", public_key=digest("key us 0"))
    with refused("committed"):
        blind.commit("us", public_key=digest("another"))


def test_an_epoch_is_committed_to_in_it_or_just_before(blind: BlindRecord) -> None:
    blind.commit("us", 1)
    with refused("other-epoch"):
        blind.commit("us", 2)
    blind.record.tick(minutes=60 * 24)
    with refused("other-epoch"):
        blind.commit("ru", 0)
    blind.commit("ru", 1)


def test_a_changed_set_continues_its_commitment(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    with refused("amendment-order"):
        blind.amend("us", 2)
    newest = blind.amend("us", 1)
    with refused("amendment-order"):
        blind.amend("us", 1)
    with refused("nothing-changed"):
        blind.amend("us", 2, added=0)
    with refused("no-bucket"):
        blind.amend("us", 2, added=11)
    holding = find_holding(blind.rows, "skies", 0, "us")
    assert holding is not None
    assert (holding.newest, holding.commit, holding.amendments) == (newest, own, 1)
    blind.ask("us", newest, others, asked=digest("root us 0 1"))


def test_a_whole_question_is_about_what_was_committed_to(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    with refused("other-root"):
        blind.ask("us", own, others, asked=digest("another set"))


def test_a_parcel_belongs_to_one_message(blind: BlindRecord) -> None:
    parcel = make_parcel("mine")
    blind.commit("us", tags=parcel)
    with refused("parcel-named"):
        blind.commit("ru", tags=parcel)
    row = blind.rows.find(ParcelRow, parcel.sha256)
    assert (row.author, row.to) == ("us", "ru")


# Rows 2 and 3: fishing, repeated and stepwise questions


def test_fishing_ends_at_the_allowance(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    blind.ask("us", own, others)
    with refused("allowance-used", "cells", "1000"):
        blind.ask("us", own, others, 2, bucket=1_000)
    blind.ask("us", own, others, 2)
    with refused("allowance-used", "runs"):
        blind.ask("us", own, others, 3)
    usage = get_usage(blind.rows, "skies", 0, "us")
    assert (usage.whole_cells, usage.whole_runs) == (200, 2)


def test_small_steps_have_an_allowance_of_their_own(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    for number in (1, 2, 3):
        blind.ask("us", own, others, number, "delta", asked=digest(f"delta {number}"))
    with refused("allowance-used", "runs"):
        blind.ask("us", own, others, 4, "delta", asked=digest("delta 4"))
    blind.ask("us", own, others, 4)  # whole plans are counted apart
    with refused("allowance-used", "cells"):
        BlindRecordWith(blind).ask_delta(200)


class BlindRecordWith:
    def __init__(self, blind: BlindRecord) -> None:
        self._blind = blind

    def ask_delta(self, bucket: int) -> str:
        ru, us = (find_holding(self._blind.rows, "skies", 0, party) for party in ("ru", "us"))
        assert ru is not None
        assert us is not None
        return self._blind.ask("ru", ru.newest, us.newest, 1, "delta", bucket=bucket, asked=digest("d"))


def test_an_allowance_is_of_one_epoch(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    blind.ask("us", own, others)
    blind.ask("us", own, others, 2)
    blind.record.tick(minutes=60 * 24)
    with refused("other-epoch"):
        blind.ask("us", own, others, 3)
    own, others = blind.commit("us", 1), blind.commit("ru", 1)
    blind.ask("us", own, others, 1, epoch=1, asked=digest("root us 1"))


def test_nobody_uses_the_allowance_of_an_epoch_that_is_over(blind: BlindRecord) -> None:
    # A message's time is its author's word: us dates back to epoch 0 when epoch 2 has begun.
    own, others = commit_both(blind)
    then = encode_utc(blind.record.now)
    blind.record.tick(minutes=60 * 24)
    blind.commit("ru", 1)
    body = blind.make_ask("us", own, others, 1, "whole", request=blind.parcel())
    blind.record.send("us", "blind.ask", body, at=then)  # the epoch before may not be over for everyone
    blind.record.tick(minutes=60 * 24)
    blind.commit("ru", 2)
    body = blind.make_ask("us", own, others, 2, "whole", request=blind.parcel())
    with refused("other-epoch"):
        blind.record.send("us", "blind.ask", body, at=then)
    match = msgspec.structs.replace(blind.make_match(own), tags=blind.parcel(), secret=blind.parcel())
    with refused("other-epoch"):
        blind.record.send("us", "blind.match", match, at=then)


def test_repeated_matches_end_at_the_allowance(blind: BlindRecord) -> None:
    own, _ = commit_both(blind)
    for number in range(1, ALLOWANCE.matches + 1):
        blind.match("us", own, number)
    with refused("allowance-used"):
        blind.match("us", own, ALLOWANCE.matches + 1)
    with refused("ask-order"):
        blind.match("us", own, 1)


def test_questions_are_numbered_without_a_gap(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    with refused("ask-order"):
        blind.ask("us", own, others, 2)
    blind.ask("us", own, others, 1)
    with refused("ask-order"):
        blind.ask("us", own, others, 1)


def test_a_question_has_the_size_of_a_bucket(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    for bucket in (0, 9, 11, 101):
        with refused("no-bucket"):
            blind.ask("us", own, others, bucket=bucket)


# Row 15: who takes its answer and withholds the other's


def test_who_withholds_its_answer_is_in_default_and_asks_no_more(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    first = blind.ask("us", own, others)
    back = blind.ask("ru", others, own, swaps=first)
    blind.answer("ru", first)  # us has its answer, and is silent
    assert plan_lapses(blind.rows, blind.record.now, blind.record.recorded_utc) == []
    blind.record.tick(minutes=30)
    due = plan_lapses(blind.rows, blind.record.now, blind.record.recorded_utc)
    assert [(kind, body.ask) for kind, body in due] == [("blind.lapse", back)]
    blind.record.send(CENTER, *due[0])
    assert list_in_default(blind.rows, "skies") == ["us"]
    with refused("in-default"):
        blind.ask("us", own, others, 2)
    with refused("in-default"):
        blind.match("us", own)
    row = get_row(blind.rows, AskRow, first, what="question")
    assert judge_pair(row, blind.rows.find(AskRow, back), {}).verdict == "INVALID"
    blind.answer("us", back)  # late is better than never
    assert list_in_default(blind.rows, "skies") == []
    blind.ask("us", own, others, 2)


def test_the_center_cannot_say_too_early_that_an_answer_did_not_come(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    ask = blind.ask("us", own, others)
    recorded = blind.record.recorded_utc(ask)  # type: ignore[arg-type]
    assert recorded is not None
    blind.record.tick(minutes=29)
    for waited_s in (29 * 60, 30 * 60):
        with refused("wrong-wait"):
            blind.record.send(CENTER, "blind.lapse", LapseAsk(ask, encode_utc(recorded), waited_s))
    with refused("bad-author"):
        blind.record.send("us", "blind.lapse", LapseAsk(ask, encode_utc(recorded), 30 * 60))
    blind.answer("ru", ask)
    blind.record.tick(minutes=10)
    with refused("not-open"):
        blind.record.send(CENTER, "blind.lapse", LapseAsk(ask, encode_utc(recorded), 39 * 60))


def test_a_question_is_asked_in_return_once_and_by_the_one_who_was_asked(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    first = blind.ask("us", own, others)
    with refused("no-swap"):
        blind.ask("us", own, others, 2, swaps=first)
    with refused("no-swap"):
        blind.ask("ru", others, own, run="delta", asked=digest("x"), swaps=first)
    back = blind.ask("ru", others, own, swaps=first)
    with refused("no-swap"):
        blind.ask("ru", others, own, 2, swaps=first)
    with refused("no-swap"):
        blind.ask("us", own, others, 2, swaps=back)


@pytest.mark.parametrize("escape", ("rules", "epoch"))
def test_no_end_of_rules_or_epoch_takes_the_question_in_return_away(blind: BlindRecord, escape: str) -> None:
    own, others = commit_both(blind)
    first = blind.ask("us", own, others)
    blind.answer("ru", first)  # us has its answer, and goes
    if escape == "rules":
        blind.record.send("us", "blind.end", EndRules("skies", "enough"))
    else:
        blind.record.tick(minutes=60 * 24)
        blind.commit("us", 1)
        blind.commit("ru", 1)
    with refused("unknown-rules" if escape == "rules" else "other-epoch"):
        blind.ask("ru", others, own)
    with refused("no-swap"):
        blind.ask("ru", others, own, swaps=digest("no such question"))
    back = blind.ask("ru", others, own, swaps=first)
    blind.record.tick(minutes=30)
    for kind, body in plan_lapses(blind.rows, blind.record.now, blind.record.recorded_utc):
        blind.record.send(CENTER, kind, body)
    assert get_row(blind.rows, AskRow, back, what="question").state == "lapsed"
    assert list_in_default(blind.rows, "skies") == ["us"]


def test_both_halves_of_a_run_are_about_the_same_versions(blind: BlindRecord) -> None:
    # A party that was asked in earnest must not answer its own half about another plan of either side.
    old, others = commit_both(blind)
    own = blind.amend("us", 1)
    newest = blind.amend("ru", 1)
    first = blind.ask("us", own, others, asked=digest("root us 0 1"))
    for mine, theirs in ((newest, own), (others, old)):
        with refused("other-versions"):
            root = digest("root ru 0 1" if mine == newest else "root ru 0")
            blind.ask("ru", mine, theirs, asked=root, swaps=first)
    blind.ask("ru", others, own, swaps=first)


def test_an_answer_is_of_the_one_who_was_asked_and_is_given_once(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    ask = blind.ask("us", own, others)
    for party in ("us", "un"):
        with refused("not-asked"):
            blind.answer(party, ask)
    blind.answer("ru", ask)
    with refused("answered"):
        blind.answer("ru", ask)


# Outcomes


def test_an_outcome_is_told_to_the_other_party_alone_and_once(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    ask = blind.ask("us", own, others)
    with refused("not-answered"):
        blind.tell("us", ask, "CLEAR")
    blind.answer("ru", ask)
    with refused("not-asked"):
        blind.tell("ru", ask, "CLEAR")
    with refused("bad-code"):
        blind.tell("us", ask, "CLEAR", code="canary")
    with refused("other-addressee"):
        blind.tell("us", ask, "CLEAR", to=("ru", "un"))
    blind.tell("us", ask, "CLEAR")
    with refused("told"):
        blind.tell("us", ask, "CONFLICT")
    told = blind.record.rows("ru").find(OutcomeRow, ask)
    assert told is not None
    assert told.verdict == "CLEAR"
    for reader in (None, "un"):
        assert blind.record.rows(reader).find(OutcomeRow, ask) is None


@pytest.mark.parametrize(
    ("first", "second", "verdict", "code"),
    (
        ("CLEAR", "CLEAR", "CLEAR", ""),
        ("CONFLICT", "CONFLICT", "CONFLICT", ""),
        ("CLEAR", "CONFLICT", "INVALID", "halves-differ"),
        ("CONFLICT", "CLEAR", "INVALID", "halves-differ"),
        ("INVALID", "CLEAR", "INVALID", "canary"),
        ("CLEAR", "INVALID", "INVALID", "canary"),
        ("CLEAR", None, "INVALID", "not-told"),
        (None, "CLEAR", "INVALID", "not-told"),
    ),
)
def test_a_run_is_clear_only_when_both_halves_are(
    blind: BlindRecord, first: str | None, second: str | None, verdict: str, code: str
) -> None:
    own, others = commit_both(blind)
    asks = [blind.ask("us", own, others)]
    asks.append(blind.ask("ru", others, own, swaps=asks[0]))
    blind.answer("ru", asks[0])
    blind.answer("us", asks[1])
    for party, ask, word in zip(("us", "ru"), asks, (first, second), strict=True):
        if word is not None:
            blind.tell(party, ask, word)  # type: ignore[arg-type]
    rows = blind.record.rows("us")
    told = {ask: row for ask in asks if (row := rows.find(OutcomeRow, ask)) is not None}
    judged = judge_pair(get_row(rows, AskRow, asks[0], what="question"), rows.find(AskRow, asks[1]), told)
    assert (judged.verdict, judged.code) == (verdict, code)


def test_a_run_that_was_not_asked_in_return_is_never_clear(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    ask = blind.ask("us", own, others)
    blind.answer("ru", ask)
    blind.tell("us", ask, "CLEAR")
    rows = blind.record.rows("us")
    told = get_row(rows, OutcomeRow, ask, what="outcome")
    judged = judge_pair(get_row(rows, AskRow, ask, what="question"), None, {ask: told})
    assert (judged.verdict, judged.code) == ("INVALID", "one-sided")


# By way of the center


def test_a_match_is_joined_once_and_told_once_by_the_center(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    match = blind.match("us", own)
    assert plan_matches(blind.rows) == []
    with refused("not-asked"):
        blind.join("us", match, own)
    with refused("not-committed"):
        blind.join("ru", match, own)
    blind.join("ru", match, others)
    with refused("joined"):
        blind.join("ru", match, others)
    assert [row.leaf for row in plan_matches(blind.rows)] == [match]
    box = encode_base64(bytes(BOX_BYTES))
    with refused("bad-length"):
        blind.record.send(CENTER, "blind.matched", TellMatched(match, digest("c"), [box, "AAAA"]))
    blind.record.send(CENTER, "blind.matched", TellMatched(match, digest("c"), [box, box]))
    with refused("not-joined"):
        blind.record.send(CENTER, "blind.matched", TellMatched(match, digest("d"), [box, box]))
    assert blind.rows.find(MatchRow, match).state == "matched"


def test_modes_are_those_of_the_rules() -> None:
    blind = BlindRecord(make_rules(modes=["yes-no"]))
    own, others = commit_both(blind)
    with refused("other-mode"):
        blind.ask("us", own, others)
    with refused("other-mode"):
        blind.match("us", own, mode="count")
    blind.match("us", own)
    blind = BlindRecord(make_rules(modes=["exact"]))
    own, _ = commit_both(blind)
    with refused("other-mode"):
        blind.match("us", own)


def test_lists_for_the_center_lie_there_as_they_are(blind: BlindRecord) -> None:
    own, _ = commit_both(blind)
    sealed = make_parcel("x").__class__(digest("x"), 100, digest("inside"))
    with refused("other-inside"):
        blind.match("us", own, tags=sealed)


# What the record shows


def test_the_record_shows_buckets_and_hashes_and_no_number_of_cells(blind: BlindRecord) -> None:
    own, others = commit_both(blind)
    blind.ask("us", own, others)
    version = blind.rows.find(VersionRow, own)
    assert version.added == 100
    assert find_holding(blind.rows, "skies", 0, "us").size == 100  # type: ignore[union-attr]


def test_epochs_are_found_by_their_time() -> None:
    rules = make_rules()
    for moment, epoch in (
        ("2016-09-17T11:59:59Z", None),
        ("2016-09-17T12:00:00Z", 0),
        ("2016-09-18T11:59:59Z", 0),
        ("2016-09-18T12:00:00Z", 1),
        ("2016-10-17T11:59:59Z", 29),
        ("2016-10-17T12:00:00Z", None),
    ):
        assert rules.find_epoch(parse_utc(moment)) == epoch
