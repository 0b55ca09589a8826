"""Runs by way of the center: one bit or a bucket, and the attack that forbids the same between two alone.

Row numbers are those of the table of attacks in docs/formats/blind.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from entente.blind.exact import Asking, question
from entente.blind.group import Group, Inputs, Rows
from entente.blind.matching import (
    BOX_BYTES,
    COUNT_BUCKETS,
    LIST_HEAD,
    LISTS,
    MATCH_CANARIES,
    Matched,
    Pairing,
    Told,
    box_result,
    commit_result,
    derive_match_key,
    judge_result,
    make_list,
    match_lists,
    open_box,
    plan_decoys,
    round_result,
)
from entente.blind.oprf import GROUP_DST, derive_epoch_key, evaluate, tag_answered, tag_own
from entente.blind.sizes import find_bucket
from entente.blind.tags import is_in
from entente.kernel.errors import VerificationFailed
from entente.store.sodium_group import load_group
from tests.blind_record import make_tokens, seed

DOMAIN = hashlib.sha256(b"rules").digest()
NAME = hashlib.sha256(b"run").digest()


@pytest.fixture(scope="module")
def group() -> Group:
    return load_group(threads=1)


def pair(about: str = "it", name: bytes = NAME, bucket: int = 10) -> Pairing:
    return Pairing(derive_match_key(seed(about), DOMAIN, name), DOMAIN, name, bucket)


def make(group: Group, tokens: Rows, who: str, pairing: Pairing | None = None) -> bytes:
    return make_list(group, pairing or pair(), tokens, mask=seed(f"mask {who}"), pad_seed=seed(f"pad {who}"))


@pytest.mark.parametrize(
    ("ours", "theirs", "shared"), ((0, 0, 0), (1, 1, 1), (5, 5, 0), (50, 50, 7), (200, 5, 5), (5, 200, 5))
)
def test_the_center_finds_how_many_meet(group: Group, ours: int, theirs: int, shared: int) -> None:
    buckets = find_bucket(ours), find_bucket(theirs)
    pairing = pair(bucket=buckets[0])
    lists = (
        make(group, make_tokens(0, ours), "us", pairing),
        make(group, make_tokens(ours - shared, ours - shared + theirs), "ru", pairing),
    )
    found = match_lists(*lists, buckets)
    plan = plan_decoys(pairing.key, buckets[0])
    assert found[plan.real] == Matched("CONFLICT" if shared else "CLEAR", "", shared)
    for is_counting in (False, True):
        told = judge_result(
            round_result(found, is_counting=is_counting), pairing, buckets[1], is_counting=is_counting
        )
        assert told.verdict == ("CONFLICT" if shared else "CLEAR")


@pytest.mark.parametrize("other", (pair("another"), pair(name=seed("another run"))))
def test_lists_of_another_key_or_run_are_invalid(group: Group, other: Pairing) -> None:
    tokens = make_tokens(0, 10)
    found = match_lists(make(group, tokens, "us"), make(group, tokens, "ru", other), (10, 10))
    assert {(one.verdict, one.code) for one in found} == {("INVALID", "canaries-differ")}


def test_lists_that_are_none_are_invalid_and_never_clear(group: Group) -> None:
    good, other = make(group, make_tokens(0, 10), "us"), make(group, make_tokens(20, 30), "ru")
    start = len(LIST_HEAD) + 32
    tags = start + 8 * MATCH_CANARIES
    for bad in (
        b"",
        good[:-8],
        good + bytes(8),
        b"x" + good[1:],
        good[:tags] + good[tags + 8 : tags + 16] + good[tags : tags + 8] + good[tags + 16 :],
        good[:tags] + good[tags : tags + 8] + good[tags : tags + 8] + good[tags + 16 :],
        good[:start] + bytes(8 * MATCH_CANARIES) + good[tags:],
    ):
        for lists in ((bad, other), (other, bad)):
            result = round_result(match_lists(*lists, (10, 10)), is_counting=False)
            assert judge_result(result, pair(), 10, is_counting=False).verdict == "INVALID"


def test_a_canary_that_is_lost_makes_the_run_invalid(group: Group) -> None:
    good, other = make(group, make_tokens(0, 10), "us"), make(group, make_tokens(20, 30), "ru")
    start = len(LIST_HEAD) + 32
    each = 8 * (10 + 2 * MATCH_CANARIES)
    codes = set()
    for place in range(LISTS):
        for number in range(10 + MATCH_CANARIES):
            first = start + place * each + 8 * MATCH_CANARIES
            tags = np.frombuffer(good[first : start + (place + 1) * each], ">u8").astype(np.uint64)
            tags = np.sort(np.append(np.delete(tags, number), np.uint64(12345)))
            bad = good[:first] + tags.astype(">u8").tobytes() + good[start + (place + 1) * each :]
            result = round_result(match_lists(bad, other, (10, 10)), is_counting=False)
            codes.add(judge_result(result, pair(), 10, is_counting=False).code)
    # A lost canary, a lost planted tag, and a lost filling, which harms nobody.
    assert {"canary", ""} <= codes <= {"canary", "center-lied", ""}


# A center that lies


@pytest.mark.parametrize("is_counting", (False, True))
def test_a_center_that_hides_a_meeting_is_convicted_unless_it_guesses(
    group: Group, is_counting: bool
) -> None:
    caught = hidden = 0
    for number in range(60):
        pairing = pair(f"run {number}", bucket=20)
        lists = (
            make(group, make_tokens(0, 20), "us", pairing),
            make(group, make_tokens(15, 35), "ru", pairing),
        )
        found = list(match_lists(*lists, (20, 20)))
        assert {one.verdict for one in found} == {"CONFLICT"}  # it cannot tell which is real
        every = round_result([Matched("CLEAR", "", 0)] * LISTS, is_counting=is_counting)
        assert judge_result(every, pairing, 20, is_counting=is_counting).code == "center-lied"
        found[number % LISTS] = Matched("CLEAR", "", 0)
        told = judge_result(
            round_result(found, is_counting=is_counting), pairing, 20, is_counting=is_counting
        )
        caught += told.code == "center-lied"
        hidden += told.verdict == "CLEAR"
    assert caught + hidden == 60
    assert 5 <= hidden <= 25  # one in four, by chance


def test_a_count_of_a_decoy_is_to_be_right(group: Group) -> None:
    pairing = pair(bucket=1_000)
    plan = plan_decoys(pairing.key, 1_000)
    tokens = make_tokens(0, 1_000)
    lists = [make(group, tokens, who, pairing) for who in ("us", "ru")]
    found = list(match_lists(lists[0], lists[1], (1_000, 1_000)))
    assert [one.meeting for one in found] == [count or 1_000 for count in plan.planted]
    decoy = (plan.real + 1) % LISTS
    found[decoy] = Matched("CONFLICT", "", found[decoy].meeting * 100)
    result = round_result(found, is_counting=True)
    assert judge_result(result, pairing, 1_000, is_counting=True).code == "center-lied"


def test_plans_of_decoys_differ_and_plant_few_as_likely_as_many() -> None:
    plans = [plan_decoys(seed(f"key {number}"), 1_000) for number in range(400)]
    assert {plan.real for plan in plans} == set(range(LISTS))
    counts = [count for plan in plans for count in plan.planted if count]
    assert len(counts) == 400 * (LISTS - 1)
    assert 1 <= min(counts) <= max(counts) <= 1_000
    assert 0.2 < sum(count < 16 for count in counts) / len(counts) < 0.8


@pytest.mark.parametrize(("bucket", "joined"), ((10, 10), (10, 500), (500, 10), (100, 100)))
def test_no_number_is_of_the_real_list_alone(bucket: int, joined: int) -> None:
    # As many as can meet at all can meet in a decoy; none of them is what nearly every decoy has.
    counts: Counter[int] = Counter()
    for number in range(2_000):
        plan = plan_decoys(seed(f"key {number}"), bucket)
        counts.update(plan.count_planted(place, joined) for place in range(LISTS) if place != plan.real)
    most = min(bucket, joined)
    assert set(range(1, most + 1)) == set(counts)
    assert max(counts.values()) < sum(counts.values()) / 3


def test_lists_of_unlike_sizes_meet_where_both_planted(group: Group) -> None:
    for ours, theirs in ((500, 5), (5, 500)):
        buckets = find_bucket(ours), find_bucket(theirs)
        for number in range(20):
            pairing = pair(f"unlike {number}", bucket=buckets[0])
            lists = (
                make(group, make_tokens(0, ours), "us", pairing),
                make(group, make_tokens(1_000, 1_000 + theirs), "ru", pairing),
            )
            found = match_lists(*lists, buckets)
            for is_counting in (False, True):
                result = round_result(found, is_counting=is_counting)
                told = judge_result(result, pairing, buckets[1], is_counting=is_counting)
                assert told.verdict == "CLEAR"


def test_a_code_that_is_no_word_is_no_result(group: Group) -> None:
    ours, salt, leaf = make(group, make_tokens(0, 10), "us"), seed("salt"), "ab" * 32
    for code in ("\x1b[2Jx", "Lied", "a b", "a" * 41):
        result = (Told("INVALID", code, 0),) * LISTS
        box = box_result(result, salt, ours, leaf)
        with pytest.raises(VerificationFailed):
            open_box(box, seed("mask us"), leaf, commit_result(result, salt))


def test_a_result_that_tells_more_than_its_mode_is_invalid() -> None:
    pairing = pair(bucket=10)
    plan = plan_decoys(pairing.key, 10)
    for is_counting, told in (
        (False, Told("CONFLICT", "", 7)),
        (True, Told("CONFLICT", "", 7)),
        (True, Told("CLEAR", "", 10)),
    ):
        matched = [Matched("CONFLICT", "", plan.count_planted(place, 10)) for place in range(LISTS)]
        matched[plan.real] = Matched("CONFLICT", "", 1)
        result = list(round_result(matched, is_counting=is_counting))
        good = judge_result(tuple(result), pairing, 10, is_counting=is_counting)
        assert good.verdict == "CONFLICT"
        result[plan.real] = told
        assert judge_result(tuple(result), pairing, 10, is_counting=is_counting).code == "bad-box"


def test_a_count_is_a_bucket_and_a_yes_is_a_bit() -> None:
    for meeting, least in ((1, 1), (9, 1), (10, 10), (99, 10), (100, 100), (5_000, 1_000), (10**6, 10_000)):
        assert round_result([Matched("CONFLICT", "", meeting)], is_counting=True)[0].at_least == least
        assert round_result([Matched("CONFLICT", "", meeting)], is_counting=False)[0].at_least == 0
    assert round_result([Matched("CLEAR", "", 0)], is_counting=True)[0].at_least == 0
    assert COUNT_BUCKETS[0] == 1


def test_boxes_open_to_what_the_record_commits_to_and_to_nothing_else(group: Group) -> None:
    ours, theirs = make(group, make_tokens(0, 10), "us"), make(group, make_tokens(5, 15), "ru")
    result = round_result(match_lists(ours, theirs, (10, 10)), is_counting=True)
    salt, leaf = seed("salt"), "ab" * 32
    commitment = commit_result(result, salt)
    boxes = [box_result(result, salt, each, leaf) for each in (ours, theirs)]
    assert {len(box) for box in boxes} == {BOX_BYTES}
    assert open_box(boxes[0], seed("mask us"), leaf, commitment) == result
    assert open_box(boxes[1], seed("mask ru"), leaf, commitment) == result
    lie = round_result([Matched("CLEAR", "", 0)] * LISTS, is_counting=True)
    for box, mask, name, committed in (
        (boxes[0], seed("mask ru"), leaf, commitment),
        (boxes[0], seed("mask us"), "cd" * 32, commitment),
        (boxes[0][:-1] + b"\0", seed("mask us"), leaf, commitment),
        (box_result(lie, salt, ours, leaf), seed("mask us"), leaf, commitment),
        (boxes[0], seed("mask us"), leaf, commit_result(lie, salt)),
        (box_result(lie[:3], salt, ours, leaf), seed("mask us"), leaf, commit_result(lie[:3], salt)),
    ):
        with pytest.raises(VerificationFailed):
            open_box(box, mask, name, committed)


def test_an_invalid_list_still_gets_its_answer() -> None:
    result = round_result(match_lists(b"", b"", (10, 10)), is_counting=False)
    assert {one.verdict for one in result} == {"INVALID"}
    assert len(box_result(result, seed("salt"), b"", "ab" * 32)) == BOX_BYTES


def test_lists_of_two_plans_of_one_bucket_have_one_length(group: Group) -> None:
    lengths = {len(make(group, make_tokens(0, count), "us")) for count in (101, 150, 200)}
    assert len(lengths) == 1


# Row 14: why the size alone is never told between two parties


def test_a_size_told_between_two_gives_a_lying_asker_the_cells(group: Group) -> None:
    """The attack, on the protocol that is not here: answers sorted, so that only their number should tell.

    The asker blinds every element with a scalar of its own as usual; what he needs is his own elements' tags,
    whatever their order: he unblinds each answer with each scalar.
    """
    key = derive_epoch_key(group, seed("master"), partner="us", epoch=0)
    theirs = make_tokens(0, 7)
    tags = np.sort(tag_own(group, key, Inputs(theirs, DOMAIN)))
    ours = make_tokens(4, 12)
    scalars = group.derive_scalars(seed("blinds"), 0, len(ours))
    evaluated = evaluate(group, key, group.blind(Inputs(ours, DOMAIN), GROUP_DST, scalars))
    shuffled = evaluated[np.lexsort(evaluated.T[::-1])]
    found = []
    for place in range(len(ours)):
        one = np.repeat(ours[place : place + 1], len(shuffled), axis=0)
        scalar = np.repeat(scalars[place : place + 1], len(shuffled), axis=0)
        if is_in(tag_answered(group, Inputs(one, DOMAIN), shuffled, scalar), tags).any():
            found.append(place)
    assert found == [0, 1, 2]  # exactly the shared cells, 4, 5 and 6


def test_no_mode_of_two_parties_tells_a_size(group: Group) -> None:
    # The rules know count and yes-no by way of the center alone: an exact question has no such form.
    fields = set(Asking.__dataclass_fields__)
    assert fields == {"domain", "public_key", "run", "name"}
    asking = Asking(DOMAIN, derive_epoch_key(group, seed("m"), partner="us", epoch=0).public, "delta", NAME)
    made = question(group, replace(asking, run="whole"), make_tokens(0, 3), seed("q"))
    assert len(made.order) == len(made.scalars)


def test_two_parties_that_pool_their_lists_learn_nothing_of_a_third(group: Group) -> None:
    # Row 4: tags are under keys of a pair; the same plan toward two partners has no tag in common.
    plan = make_tokens(0, 50)
    keys = [derive_epoch_key(group, seed("master"), partner=name, epoch=0) for name in ("us", "un")]
    first, second = (tag_own(group, key, Inputs(plan, DOMAIN)) for key in keys)
    assert not np.intersect1d(first, second).size
    again = derive_epoch_key(group, seed("master"), partner="us", epoch=1)
    assert not np.intersect1d(first, tag_own(group, again, Inputs(plan, DOMAIN))).size
