"""A center's view against random histories: honest growth is always followed, a fork is always proven."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.desk.answers import RecordedAnswer
from entente.desk.checks import CenterView
from entente.kernel.errors import Fork, NotFound, VerificationFailed
from entente.kernel.ids import LeafHash, LogIndex
from entente.kernel.keys import SigningKey
from entente.kernel.time import parse_utc
from entente.record.checkpoint import Checkpoint, sign_checkpoint
from entente.record.fork import verify_fork
from entente.record.note import NoteSigner
from entente.record.tiles import ENTRIES, encode_entry_bundle, encode_hash_tile, parse_tile_path
from entente.record.tree import Tree, leaf_hash

ORIGIN: Final = "example.org/log"
SIGNER: Final = NoteSigner(SigningKey(ORIGIN, bytes(32)))
NOW: Final = parse_utc("2016-09-17T13:55:00Z")


class History:
    """One history of a log: what an honest host serves of it."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        self.tree = Tree.from_leaf_hashes([leaf_hash(entry) for entry in entries])

    def note(self, size: int) -> bytes:
        return sign_checkpoint(Checkpoint(ORIGIN, size, self.tree.root(size)), SIGNER)

    def read(self, path: str) -> bytes:
        tile = parse_tile_path(path)
        try:
            if tile.level == ENTRIES:
                return encode_entry_bundle(self.entries[tile.index * 256 :][: tile.width])
            return encode_hash_tile(self.tree, tile)
        except ValueError as error:
            raise NotFound("no-file", path) from error

    def answer(self, index: int, size: int) -> tuple[LeafHash, RecordedAnswer]:
        leaf = LeafHash(leaf_hash(self.entries[index]).hex())
        proof = tuple(self.tree.inclusion_proof(index, size))
        return leaf, RecordedAnswer(LogIndex(index), leaf, "", proof, self.note(size))


def make_history(size: int, *, other_from: int | None = None) -> History:
    cut = size if other_from is None else other_from
    return History([b"entry %d" % place if place < cut else b"other %d" % place for place in range(size)])


def make_view() -> CenterView:
    return CenterView(SIGNER.key, Tree())


def follow(view: CenterView, history: History, size: int) -> None:
    step = view.begin(history.note(size), history)
    if step is not None:
        view.take(step)
        view.finish(step)


sizes = st.lists(st.integers(1, 600), min_size=1, max_size=6).map(sorted)


@given(sizes, st.data())
def test_honest_growth_is_followed_and_every_promise_kept(steps: list[int], data: st.DataObject) -> None:
    history, view = make_history(steps[-1]), make_view()
    promised = []
    for size in steps:
        covered = data.draw(st.integers(size, steps[-1]))
        index = data.draw(st.integers(0, covered - 1))
        promised.append(view.verify_answer(*history.answer(index, covered)))
        follow(view, history, size)
        assert view.size == size
        assert view.seen == (size, history.tree.root(size))
    follow(view, history, steps[-1])
    assert view.fork is None
    assert view._promises == []
    for promise in promised:
        view.restore_promise(promise.leaf, promise.index, promise.checkpoint.note)


@given(sizes, st.data())
def test_fork_anywhere_in_the_past_is_proven(steps: list[int], data: st.DataObject) -> None:
    known = steps[-1]
    other_from = data.draw(st.integers(0, known - 1))
    later = data.draw(st.integers(known, known + 300))
    view, truth, lie = make_view(), make_history(known), make_history(later, other_from=other_from)
    for size in steps:
        follow(view, truth, size)
    with pytest.raises(Fork) as caught:
        follow(view, lie, later)
    assert verify_fork(caught.value.evidence, SIGNER.key).code == "log-forked"
    assert view.fork is caught.value
    assert view.size == known


@given(st.integers(1, 300), st.data())
def test_answer_from_another_history_is_proven(known: int, data: st.DataObject) -> None:
    other_from = data.draw(st.integers(0, known - 1))
    size = data.draw(st.integers(other_from + 1, known))
    view, lie = make_view(), make_history(known, other_from=other_from)
    follow(view, make_history(known), known)
    with pytest.raises(Fork) as caught:
        view.verify_answer(*lie.answer(data.draw(st.integers(0, size - 1)), size))
    assert verify_fork(caught.value.evidence, SIGNER.key).code == "log-forked"


@given(st.integers(2, 300), st.data())
def test_answer_that_the_followed_record_does_not_keep_is_proven(size: int, data: st.DataObject) -> None:
    """Promised in one history before we followed it; then another one of any larger size is shown."""
    other_from = data.draw(st.integers(0, size - 1))
    later = data.draw(st.integers(size, size + 300))
    view, truth, lie = make_view(), make_history(size), make_history(later, other_from=other_from)
    view.verify_answer(*truth.answer(data.draw(st.integers(0, size - 1)), size))
    with pytest.raises(Fork) as caught:
        follow(view, lie, later)
    assert verify_fork(caught.value.evidence, SIGNER.key).code == "log-forked"


def test_two_answers_of_one_size_and_two_histories_are_proven_before_anything_is_followed() -> None:
    view = make_view()
    view.verify_answer(*make_history(5).answer(2, 5))
    with pytest.raises(Fork):
        view.verify_answer(*make_history(5, other_from=4).answer(3, 5))
    with pytest.raises(Fork):
        follow(view, make_history(9), 9)


def test_promise_of_another_history_is_found_after_a_restart() -> None:
    view = make_view()
    follow(view, make_history(9), 9)
    promise = make_view().verify_answer(*make_history(7, other_from=3).answer(5, 7))
    with pytest.raises(Fork) as caught:
        view.restore_promise(promise.leaf, promise.index, promise.checkpoint.note)
    assert verify_fork(caught.value.evidence, SIGNER.key).code == "log-forked"


@given(st.integers(1, 300), st.data())
def test_rollback_is_told_and_changes_nothing(known: int, data: st.DataObject) -> None:
    view, history = make_view(), make_history(known)
    follow(view, history, known)
    older = data.draw(st.integers(0, known - 1))
    with pytest.raises(VerificationFailed) as caught:
        follow(view, history, older)
    assert caught.value.code == "rolled-back"
    assert (
        f"expected a checkpoint of size >= {known}, which it served before, got {older}"
        in caught.value.message
    )
    assert view.size == known


@given(st.integers(2, 300), st.data())
def test_older_note_of_another_history_is_proven(known: int, data: st.DataObject) -> None:
    """Nobody promised us that size: only our own tree knows what its root must be."""
    other_from = data.draw(st.integers(0, known - 2))
    older = data.draw(st.integers(other_from + 1, known - 1))
    view = make_view()
    follow(view, make_history(known), known)
    with pytest.raises(Fork) as caught:
        view.verify_note(make_history(known, other_from=other_from).note(older))
    assert verify_fork(caught.value.evidence, SIGNER.key).code == "log-forked"


def test_undo_goes_back_to_what_is_held() -> None:
    view, history = make_view(), make_history(700)
    follow(view, history, 300)
    step = view.begin(history.note(700), history)
    assert step is not None
    view.take(step)
    view.undo()
    assert (view.tree.size, view.tree.root()) == (300, history.tree.root(300))
    follow(view, history, 700)
    assert view.size == 700


def test_answer_beyond_its_own_checkpoint_is_refused() -> None:
    leaf, answer = make_history(5).answer(4, 5)
    beyond = RecordedAnswer(LogIndex(5), leaf, "", answer.proof, answer.note)
    with pytest.raises(VerificationFailed) as caught:
        make_view().verify_answer(leaf, beyond)
    assert caught.value.code == "not-covered"


def test_expectation_is_met_or_overdue() -> None:
    view, history = make_view(), make_history(9)
    view.expect("an event", 5, NOW)
    view.expect("an event", 9, NOW)
    view.check_fresh(NOW, stale_s=60)
    late = parse_utc("2016-09-17T13:56:01Z")
    with pytest.raises(VerificationFailed, match="expected a record of size >= 5"):
        view.check_fresh(late, stale_s=60)
    follow(view, history, 5)
    view.check_fresh(late, stale_s=60)
