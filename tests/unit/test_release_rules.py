"""Rules of release: proposed, agreed, ended; purposes; contribute to receive."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from entente.kernel.time import encode_utc, parse_utc
from entente.release.rules import (
    AgreeRelease,
    Contribution,
    EndRelease,
    ReleaseRules,
    ReleaseRulesRow,
    decide_purpose,
    find_rules,
    hash_release_rules,
    judge_contribution,
)
from tests.unit.test_deconflict_simulator import START, RecordSimulator, refused

RULES = ReleaseRules(
    id="sharing",
    parties=["ru", "us"],
    agreement="",
    purposes=["deconfliction", "relief"],
    contribution=Contribution(at_least=1, per=3, days=7),
    until=None,
)


def make_rules(**more: Any) -> ReleaseRules:
    return msgspec.structs.replace(RULES, **more)


def put_in_force(record: RecordSimulator, rules: ReleaseRules = RULES) -> None:
    first, second = rules.parties
    record.send(first, "release.propose", rules)
    record.send(second, "release.agree", AgreeRelease(rules.id, hash_release_rules(rules)))


def test_rules_are_in_force_when_the_other_party_agrees_to_their_bytes() -> None:
    record = RecordSimulator()
    record.send("ru", "release.propose", RULES)
    assert find_rules(record.host, "us", "ru") is None
    with refused("other-bytes"):
        record.send("us", "release.agree", AgreeRelease("sharing", "0" * 64))
    for party in ("ru", "un"):
        with refused("not-asked"):
            record.send(party, "release.agree", AgreeRelease("sharing", hash_release_rules(RULES)))
    record.send("us", "release.agree", AgreeRelease("sharing", hash_release_rules(RULES)))
    row = find_rules(record.host, "us", "ru")
    assert row is not None
    assert row.rules == RULES
    assert find_rules(record.host, "un", "ru") is None
    with refused("not-proposed"):
        record.send("us", "release.agree", AgreeRelease("sharing", hash_release_rules(RULES)))


@pytest.mark.parametrize(
    ("more", "code"),
    (
        ({"parties": ["us", "ru"]}, "bad-parties"),
        ({"parties": ["un", "us"]}, "bad-parties"),
        ({"parties": ["ru", "ru"]}, "bad-parties"),
        ({"parties": ["ru", "xx"]}, "unknown-party"),
        ({"purposes": ["relief", "deconfliction"]}, "purpose-order"),
        ({"purposes": ["relief", "relief"]}, "purpose-order"),
        ({"until": "2016-02-30T00:00:00Z"}, "bad-time"),
    ),
)
def test_unsound_rules_are_refused(more: dict[str, Any], code: str) -> None:
    record = RecordSimulator()
    with refused(code):
        record.send("ru", "release.propose", make_rules(**more))
    record.send("ru", "release.propose", RULES)
    with refused("name-taken"):
        record.send("ru", "release.propose", RULES)


def test_new_rules_end_the_old_ones() -> None:
    record = RecordSimulator()
    put_in_force(record)
    put_in_force(record, make_rules(id="sharing-2", purposes=["relief"]))
    row = find_rules(record.host, "ru", "us")
    assert row is not None
    assert row.id == "sharing-2"
    old = record.host.find(ReleaseRulesRow, "sharing")
    assert old is not None
    assert (old.state, old.reason) == ("ended", "followed by sharing-2")


def test_either_party_ends_them_and_nobody_else() -> None:
    record = RecordSimulator()
    put_in_force(record)
    with refused("not-in-force"):
        record.send("un", "release.end", EndRelease("sharing", ""))
    record.send("us", "release.end", EndRelease("sharing", "not kept"))
    assert find_rules(record.host, "ru", "us") is None
    with refused("not-in-force"):
        record.send("ru", "release.end", EndRelease("sharing", ""))
    assert decide_purpose(record.host, "ru", "us", "anything", START).is_allowed


def test_proposed_rules_can_be_turned_down() -> None:
    record = RecordSimulator()
    record.send("ru", "release.propose", RULES)
    record.send("us", "release.end", EndRelease("sharing", "no"))
    with refused("not-proposed"):
        record.send("us", "release.agree", AgreeRelease("sharing", hash_release_rules(RULES)))


def test_only_agreed_purposes_while_the_rules_last() -> None:
    record = RecordSimulator()
    until = encode_utc(START + timedelta(days=1))
    put_in_force(record, make_rules(until=until))
    for author, to in (("ru", "us"), ("us", "ru")):
        assert decide_purpose(record.host, author, to, "relief", START).is_allowed
        assert decide_purpose(record.host, author, to, "targeting", START).code == "other-purpose"
        assert decide_purpose(record.host, author, to, "targeting", parse_utc(until)).is_allowed
    assert decide_purpose(record.host, "ru", "un", "targeting", START).is_allowed


@pytest.mark.parametrize(
    ("given", "received", "is_allowed"),
    ((0, 0, True), (2, 0, True), (3, 0, False), (3, 1, True), (5, 1, True), (6, 1, False), (6, 2, True)),
)
def test_who_receives_must_also_give(given: int, received: int, *, is_allowed: bool) -> None:
    recent = START - timedelta(days=1)
    judged = judge_contribution(RULES, [recent] * given, [recent] * received, START)
    assert judged.is_allowed is is_allowed
    assert is_allowed or judged.code == "not-contributed"
    assert judge_contribution(make_rules(contribution=None), [recent] * given, [], START).is_allowed


def test_what_is_older_than_the_window_counts_for_neither_side() -> None:
    old, recent = START - timedelta(days=7), START - timedelta(days=6)
    assert judge_contribution(RULES, [old] * 30, [], START).is_allowed
    assert not judge_contribution(RULES, [recent] * 3, [old] * 30, START).is_allowed
