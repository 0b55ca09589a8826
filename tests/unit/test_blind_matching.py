"""Runs by way of the center: one bit or a bucket, and the attack that forbids the same between two alone.

Row numbers are those of the table of attacks in docs/formats/blind.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from entente.blind.exact import Asking, is_in, question
from entente.blind.group import Group, Inputs, Rows
from entente.blind.matching import (
    COUNT_BUCKETS,
    LIST_HEAD,
    MATCH_CANARIES,
    Matched,
    box_result,
    commit_result,
    derive_match_key,
    make_list,
    match_lists,
    open_box,
    round_result,
)
from entente.blind.oprf import GROUP_DST, derive_epoch_key, evaluate, tag_answered, tag_own
from entente.kernel.errors import VerificationFailed
from entente.store.sodium_group import load_group

DOMAIN = hashlib.sha256(b"rules").digest()
NAME = hashlib.sha256(b"run").digest()


@pytest.fixture(scope="module")
def group() -> Group:
    return load_group(threads=1)


def seed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def make_tokens(first: int, last: int) -> Rows:
    made = np.zeros((max(0, last - first), 16), np.uint8)
    made[:, 12:] = np.arange(first, last, dtype=">u4").view(np.uint8).reshape(-1, 4)
    return made


def make(group: Group, tokens: Rows, who: str, *, about: str = "it", name: bytes = NAME) -> bytes:
    key = derive_match_key(seed(about), DOMAIN, name)
    return make_list(group, key, DOMAIN, name, tokens, mask=seed(f"mask {who}"), pad_seed=seed(f"pad {who}"))


@pytest.mark.parametrize(
    ("ours", "theirs", "shared"), ((0, 0, 0), (1, 1, 1), (5, 5, 0), (50, 50, 7), (200, 5, 5))
)
def test_the_center_finds_how_many_meet(group: Group, ours: int, theirs: int, shared: int) -> None:
    lists = (
        make(group, make_tokens(0, ours), "us"),
        make(group, make_tokens(ours - shared, ours - shared + theirs), "ru"),
    )
    buckets = tuple((len(each) - len(LIST_HEAD) - 32) // 8 - 2 * MATCH_CANARIES for each in lists)
    found = match_lists(*lists, (buckets[0], buckets[1]))
    assert found == Matched("CONFLICT" if shared else "CLEAR", "", shared)


@pytest.mark.parametrize(
    ("changed", "code"),
    (({"about": "another"}, "canaries-differ"), ({"name": seed("another run")}, "canaries-differ")),
)
def test_lists_of_another_key_or_run_are_invalid(group: Group, changed: dict[str, object], code: str) -> None:
    tokens = make_tokens(0, 10)
    found = match_lists(make(group, tokens, "us"), make(group, tokens, "ru", **changed), (10, 10))  # type: ignore[arg-type]
    assert (found.verdict, found.code) == ("INVALID", code)


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
        for pair in ((bad, other), (other, bad)):
            assert match_lists(*pair, (10, 10)).verdict == "INVALID"
    verdicts = {match_lists(_drop(good, place), other, (10, 10)).code for place in range(26)}
    assert verdicts == {"canary", ""}  # a lost canary is seen, a lost filling harms nobody


def _drop(data: bytes, place: int) -> bytes:
    """The list without its tag at ``place``, and with another one instead."""
    start = len(LIST_HEAD) + 32 + 8 * MATCH_CANARIES
    tags = np.frombuffer(data[start:], ">u8").astype(np.uint64)
    tags = np.sort(np.append(np.delete(tags, place), np.uint64(12345)))
    return data[:start] + tags.astype(">u8").tobytes()


def test_a_count_is_a_bucket_and_a_yes_is_a_bit() -> None:
    for meeting, least in ((1, 1), (9, 1), (10, 10), (99, 10), (100, 100), (5_000, 1_000), (10**6, 10_000)):
        assert round_result(Matched("CONFLICT", "", meeting), is_counting=True).at_least == least
        assert round_result(Matched("CONFLICT", "", meeting), is_counting=False).at_least == 0
    assert round_result(Matched("CLEAR", "", 0), is_counting=True).at_least == 0
    assert COUNT_BUCKETS[0] == 1


def test_boxes_open_to_what_the_record_commits_to_and_to_nothing_else(group: Group) -> None:
    ours, theirs = make(group, make_tokens(0, 10), "us"), make(group, make_tokens(5, 15), "ru")
    result = round_result(match_lists(ours, theirs, (10, 10)), is_counting=True)
    salt, leaf = seed("salt"), "ab" * 32
    commitment = commit_result(result, salt)
    boxes = [box_result(result, salt, each, leaf) for each in (ours, theirs)]
    assert [open_box(boxes[0], seed("mask us"), leaf, commitment)] == [result]
    assert open_box(boxes[1], seed("mask ru"), leaf, commitment) == result
    lie = round_result(Matched("CLEAR", "", 0), is_counting=True)
    for box, mask, name, committed in (
        (boxes[0], seed("mask ru"), leaf, commitment),
        (boxes[0], seed("mask us"), "cd" * 32, commitment),
        (boxes[0][:-1] + b"\0", seed("mask us"), leaf, commitment),
        (box_result(lie, salt, ours, leaf), seed("mask us"), leaf, commitment),
        (boxes[0], seed("mask us"), leaf, commit_result(lie, salt)),
    ):
        with pytest.raises(VerificationFailed):
            open_box(box, mask, name, committed)


def test_an_invalid_list_still_gets_its_answer(group: Group) -> None:
    result = round_result(match_lists(b"", b"", (10, 10)), is_counting=False)
    assert result.verdict == "INVALID"
    assert box_result(result, seed("salt"), b"", "ab" * 32)


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
