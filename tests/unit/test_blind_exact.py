"""An exact run between two sides: what it finds, and that nothing that goes wrong ends in CLEAR.

Row numbers are those of the table of attacks in docs/formats/blind.md.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest

from entente.blind import exact, sizes
from entente.blind.exact import Asking, Finding, Held, Question, answer, change, finish, hold, question
from entente.blind.group import Group, Rows, Tags, rows_of
from entente.blind.oprf import PrfKey, derive_epoch_key
from entente.blind.parcels import REPLY_HEAD, encode_refusal, encode_reply, parse_reply, parse_request
from entente.blind.sizes import RunType, count_elements, find_bucket, is_bucket, is_proven
from entente.kernel.errors import Malformed
from entente.store.sodium_group import load_group
from tests.blind_record import make_tokens, seed

DOMAIN = hashlib.sha256(b"rules").digest()


@pytest.fixture(scope="module")
def group() -> Group:
    return load_group(threads=1)


@dataclass
class Run:
    """Both sides of one run, each step to be tampered with."""

    group: Group
    ours: Rows
    theirs: Rows
    run: RunType = "delta"
    domain: bytes = DOMAIN
    their_domain: bytes = DOMAIN

    def __post_init__(self) -> None:
        self.key: PrfKey = derive_epoch_key(self.group, seed("master"), partner="us", epoch=3)
        self.asking = Asking(self.domain, self.key.public, self.run, seed("run"))
        self.held: Held = hold(self.group, self.key, self.their_domain, self.theirs, seed("pad"))
        self.asked: Question = question(self.group, self.asking, self.ours, seed("question"))

    def answer(self, key: PrfKey | None = None, request: bytes | None = None) -> bytes:
        asking = replace(self.asking, domain=self.their_domain)
        return answer(
            self.group,
            key or self.key,
            asking,
            self.asked.request if request is None else request,
            self.asked.bucket,
            seed("nonce"),
        )

    def finish(self, reply: bytes | None = None) -> Finding:
        tags = self.held.tags
        return finish(self.group, self.asked, self.answer() if reply is None else reply, tags, len(tags))


@pytest.mark.parametrize("run", ("whole", "delta"))
@pytest.mark.parametrize(
    ("ours", "theirs"), ((0, 0), (1, 1), (5, 5), (50, 50), (200, 200), (200, 1), (0, 50))
)
def test_every_size_finds_all_that_is_shared_and_nothing_else(
    group: Group, run: RunType, ours: int, theirs: int
) -> None:
    shared = min(ours, theirs, 3)
    made = Run(group, make_tokens(0, ours), make_tokens(ours - shared, ours - shared + theirs), run)
    found = made.finish()
    assert found.verdict == ("CONFLICT" if shared else "CLEAR")
    assert found.hits.tolist() == make_tokens(ours - shared, ours).tolist()
    assert len(found.outputs) == ours


def test_ten_thousand_cells_without_a_proof_are_held_by_probes(group: Group) -> None:
    made = Run(group, make_tokens(0, 10_000), make_tokens(9_999, 10_500), "whole")
    count = count_elements(10_000, "whole")
    assert not is_proven(count)
    assert len(parse_request(made.asked.request, count=count)) == count
    assert made.finish().hits.tolist() == make_tokens(9_999, 10_000).tolist()
    other = derive_epoch_key(group, seed("master"), partner="un", epoch=3)
    assert made.finish(made.answer(other)).code == "probe"


# Row 6: another key


def test_another_key_is_found_by_its_proof(group: Group) -> None:
    made = Run(group, make_tokens(0, 20), make_tokens(0, 20))
    other = derive_epoch_key(group, seed("master"), partner="us", epoch=4)
    found = made.finish(made.answer(other))
    assert (found.verdict, found.code) == ("INVALID", "blind-proof")


def test_another_key_for_one_element_is_found(group: Group) -> None:
    made = Run(group, make_tokens(0, 20), make_tokens(0, 20))
    count = count_elements(20, "delta")
    said = parse_reply(made.answer(), count=count, is_proven=True, canaries=0)
    assert not hasattr(said, "code")
    elements = said.elements.copy()
    elements[7] = group.multiply(elements[7:8], rows_of((2).to_bytes(32, "little")))
    found = made.finish(encode_reply(elements, said.proof, said.canary_tags))
    assert (found.verdict, found.code) == ("INVALID", "blind-proof")


# Row 10: what parties silently disagree about, and a library that loses


def test_other_rules_end_invalid(group: Group) -> None:
    for run in ("whole", "delta"):
        made = Run(group, make_tokens(0, 20), make_tokens(0, 20), run, their_domain=seed("other rules"))
        assert made.finish().verdict == "INVALID"


@pytest.mark.parametrize("kept", (0.44, 0.9, 0.99))
@pytest.mark.parametrize("count", (1, 5, 50, 200))
def test_a_list_that_lost_tags_ends_invalid(group: Group, count: int, kept: float) -> None:
    # What a low-communication mode of a known library does to small sets: 56 of 100 elements are gone.
    made = Run(group, make_tokens(0, count), make_tokens(count, 2 * count), "whole")
    chosen = np.random.default_rng(count).random(len(made.held.tags)) < kept
    chosen[0] = False
    lossy = made.held.tags[chosen]
    assert finish(group, made.asked, made.answer(), lossy, len(made.held.tags)).code == "tags-lost"
    filled = np.unique(np.concatenate((lossy, np.arange(len(chosen) - len(lossy), dtype=np.uint64))))
    found = finish(group, made.asked, made.answer(), filled, len(filled))
    if kept < 0.5:  # of 16 canaries some are gone
        assert (found.verdict, found.code) == ("INVALID", "canary")


def test_a_group_that_drops_what_it_tags_ends_invalid(group: Group) -> None:
    class Lossy:
        """The library of row 10: it gives back zero for more than half of what it was asked."""

        def __init__(self, inner: Group) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def tag_answers(self, *arguments: object) -> object:
            tags = self._inner.tag_answers(*arguments)  # type: ignore[arg-type]
            tags[np.random.default_rng(1).random(len(tags)) < 0.56] = 0
            return tags

    for run in ("whole", "delta"):
        made = Run(group, make_tokens(0, 50), make_tokens(0, 50), run)
        tags = made.held.tags
        found = finish(Lossy(group), made.asked, made.answer(), tags, len(tags))  # type: ignore[arg-type]
        assert (found.verdict, found.code) == ("INVALID", "outputs-lost")


@pytest.mark.parametrize("run", ("whole", "delta"))
def test_a_group_that_drops_a_single_element_ends_invalid(group: Group, run: RunType) -> None:
    class Lossy:
        """It gives zero for one element, so that no two outputs are equal."""

        def __init__(self, inner: Group) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def tag_answers(self, *arguments: object) -> object:
            return self._drop(self._inner.tag_answers(*arguments))  # type: ignore[arg-type]

        def tag_inputs(self, *arguments: object) -> object:
            return self._drop(self._inner.tag_inputs(*arguments))  # type: ignore[arg-type]

        @staticmethod
        def _drop(tags: Tags) -> Tags:
            tags[0] = 0
            return tags

    lossy: Group = Lossy(group)  # type: ignore[assignment]
    for count in (1, 5):
        made = Run(group, make_tokens(0, count), make_tokens(0, 1), run)
        tags = made.held.tags
        assert finish(lossy, made.asked, made.answer(), tags, len(tags)).code == "outputs-lost"
        with pytest.raises(Malformed, match="tags"):
            hold(lossy, made.key, DOMAIN, made.theirs, seed("pad"))


# Row 9: what an INVALID run tells the side that was asked


def test_words_of_an_invalid_run_tell_no_number_of_cells(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 11 and 19 cells ask alike; a responder that answers with another key reads the outcome's words.
    monkeypatch.setattr(sizes, "MOST_PROVEN", 20)
    words = []
    other = derive_epoch_key(group, seed("master"), partner="un", epoch=3)
    for count in (11, 19):
        made = Run(group, make_tokens(0, count), make_tokens(0, 1), "whole")
        found = made.finish(made.answer(other))
        assert found.code == "probe"
        words.append(found.words)
    assert words[0] == words[1]


# Row 11: replay and mix-up


def test_the_answer_of_another_run_ends_invalid(group: Group) -> None:
    for run in ("whole", "delta"):
        made = Run(group, make_tokens(0, 20), make_tokens(0, 20), run)
        other = question(group, replace(made.asking, name=seed("another run")), made.ours, seed("seed 2"))
        reply = answer(group, made.key, made.asking, other.request, other.bucket, seed("nonce"))
        assert made.finish(reply).verdict == "INVALID"


# Row 12: permuted, short, duplicate, invalid replies


def test_replies_that_are_not_what_was_asked_for_end_invalid(group: Group) -> None:
    for run in ("whole", "delta"):
        made = Run(group, make_tokens(0, 20), make_tokens(5, 30), run)
        good = made.answer()
        count = count_elements(20, run)
        start = len(REPLY_HEAD) + 4
        one, two = good[start : start + 32], good[start + 32 : start + 64]
        identity, not_one = bytes(32), b"\xff" * 32
        for bad in (
            b"",
            good[:-1],
            good + b"\0",
            REPLY_HEAD + (count - 1).to_bytes(4, "big") + good[start + 32 :],
            good[:start] + two + one + good[start + 64 :],
            good[:start] + one + one + good[start + 64 :],
            good[:start] + identity + good[start + 32 :],
            good[:start] + not_one + good[start + 32 :],
            good[:start] + good[start : start + count * 32][::-1] + good[start + count * 32 :],
            encode_refusal("budget", "no\x1b[2J more"),
        ):
            found = made.finish(bad)
            assert found.verdict == "INVALID", bad[:80]
            assert "\x1b" not in found.words
            assert not len(found.hits)
            assert not len(found.outputs)


def test_a_proof_has_one_spelling(group: Group) -> None:
    made = Run(group, make_tokens(0, 20), make_tokens(20, 30))
    good = made.answer()
    order = 2**252 + 27742317777372353535851937790883648493
    response = int.from_bytes(good[-32:], "little")
    found = made.finish(good[:-32] + (response + order).to_bytes(32, "little"))
    assert (found.verdict, found.code) == ("INVALID", "blind-scalar")


def test_a_request_that_is_none_is_refused_before_anything_is_computed(group: Group) -> None:
    made = Run(group, make_tokens(0, 20), make_tokens(20, 30))
    good = made.asked.request
    for bad in (b"", good[:-1], good + b"\0", good[:-32] + bytes(32), good[:-32] + b"\xff" * 32):
        with pytest.raises(Malformed):
            made.answer(request=bad)


# Row 9 and 13: sizes and places


def test_lengths_say_the_bucket_and_nothing_else(group: Group) -> None:
    for run in ("whole", "delta"):
        few, many = (Run(group, make_tokens(0, n), make_tokens(0, n), run) for n in (101, 199))
        assert len(few.asked.request) == len(many.asked.request)
        assert len(few.answer()) == len(many.answer())
        assert len(few.held.tags) == len(many.held.tags) == 200 + 16


@pytest.mark.parametrize("count", (0, 1, 9, 10, 11, 20, 21, 50, 51, 100, 101, 999_999, 1_000_000))
def test_buckets_hold_what_they_are_asked_for(count: int) -> None:
    bucket = find_bucket(count)
    assert bucket >= count
    assert is_bucket(bucket)
    assert bucket in {10, 20, 50, 100, 200, 1_000_000}


def test_large_buckets_are_finer_and_every_wider_one_is_one_still() -> None:
    counts = (9_999, 10_001, 12_001, 16_001, 20_001, 25_001, 32_001, 40_001, 50_001, 64_001, 80_001)
    finer = [10_000, 12_000, 16_000, 20_000, 25_000, 32_000, 40_000, 50_000, 64_000, 80_000, 100_000]
    assert [find_bucket(count) for count in counts] == finer
    assert all(is_bucket(step * 10**power) for step in (1, 2, 5) for power in range(1, 7))
    assert [count for count in range(10, 10_001) if is_bucket(count)] == [
        step * 10**power for power in range(1, 4) for step in (1, 2, 5)
    ] + [10_000]
    assert all(1.2 * before <= after <= 1.34 * before for before, after in itertools.pairwise(finer))


def test_a_list_is_made_again_by_the_bucket_that_was_said_once() -> None:
    assert find_bucket(10_001, said=20_000) == 20_000
    assert find_bucket(341_000, said=500_000) == 500_000
    # Nothing else that is said counts: neither more than was ever needed, nor too little, nor no bucket.
    assert [find_bucket(10_001, said=other) for other in (50_000, 10_000, 12_345, 0)] == [12_000] * 4


def test_places_tell_nothing(group: Group) -> None:
    # Where canaries and probes lie in the request: over many seeds each place is as good as any other.
    counts: Counter[int] = Counter()
    tokens = make_tokens(0, 10)
    asking = Run(group, tokens, tokens).asking
    for number in range(300):
        made = question(group, asking, tokens, seed(f"place {number}"))
        counts.update(np.flatnonzero(made.order >= 10).tolist())
    places = count_elements(10, "delta")
    expected = 300 * 2 / places
    statistic = sum((counts[place] - expected) ** 2 / expected for place in range(places))
    assert statistic < 31.3  # chi-squared, 11 degrees of freedom, one in a thousand


def test_requests_of_two_plans_of_one_bucket_cannot_be_told_apart(group: Group) -> None:
    # Whatever is asked for: elements are uniform, so that every bit of them is 1 in half of the cases.
    bits = []
    for first in (0, 1_000_000):
        tokens = make_tokens(first, first + 20)
        asking = Run(group, tokens, tokens).asking
        requests = [
            question(group, asking, tokens, seed(f"{first} {n}")).request[-32 * 22 :] for n in range(60)
        ]
        bits.append(
            np.unpackbits(np.frombuffer(b"".join(requests), np.uint8).reshape(-1, 32), axis=1).mean(axis=0)
        )
    # 1,320 elements each: a share of 1 beyond 0.5 by 0.07 is five standard deviations.
    free = np.delete(
        np.arange(256), [248, 255, 0, 7]
    )  # a canonical element is even, and its highest bits are low
    for each in bits:
        assert abs(each[free] - 0.5).max() < 0.09
    assert abs(bits[0] - bits[1]).max() < 0.12


def test_one_seed_gives_one_request_and_another_seed_shares_no_element(group: Group) -> None:
    made = Run(group, make_tokens(0, 20), make_tokens(20, 30))
    again = question(group, made.asking, made.ours, seed("question"))
    other = question(group, made.asking, made.ours, seed("question 2"))
    assert again.request == made.asked.request
    count = count_elements(20, "delta")
    elements = (parse_request(each.request, count=count) for each in (again, other))
    assert not set.intersection(*({one.tobytes() for one in each} for each in elements))


# Amendments


def test_what_is_added_later_is_matched_without_asking_again(group: Group) -> None:
    made = Run(group, make_tokens(0, 20), make_tokens(20, 30), "whole")
    found = made.finish()
    assert found.verdict == "CLEAR"
    changed = change(group, made.key, DOMAIN, make_tokens(20, 30), make_tokens(15, 25), seed("pad 2"))
    assert len(changed.added.tags) == 10
    assert len(changed.withdrawn) == 5
    hits = exact.match_added(made.ours, found.outputs, changed.added.tags)
    assert hits.tolist() == make_tokens(15, 20).tolist()
    whole = exact.apply_amendment(made.held.tags, changed.added.tags, changed.withdrawn)
    assert len(whole) == len(made.held.tags) + 5
    with pytest.raises(Malformed, match="withdrawn"):
        exact.apply_amendment(whole, changed.added.tags[:0], changed.withdrawn)
    with pytest.raises(Malformed, match="added"):
        exact.apply_amendment(whole, changed.added.tags, changed.withdrawn[:0])
