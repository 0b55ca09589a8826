"""The desk's witness: it refuses rollback and fork, and its state is durable before it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entente.desk.witness import STATE_FILE
from entente.dialogue import About, Say
from entente.kernel.errors import StoreError
from entente.record.checkpoint import verify_checkpoint
from entente.record.cosignature import CosignatureSigner, verify_cosignatures
from entente.record.tree import Tree, leaf_hash
from entente.record.witness import encode_add_checkpoint
from entente.store.durable import write_atomic
from tests.protocol.desk_stage import Stage, make_stage, open_scratch


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def ask(stage: Stage, old: int, new: int, *, tree: Tree | None = None) -> tuple[int, str, bytes]:
    held = tree or stage.center.core.tree
    proof = held.consistency_proof(old, new) if old else []
    return stage.desk.witness.add_checkpoint(encode_add_checkpoint(old, proof, stage.center.sign(held, new)))


def grow(stage: Stage, text: str = "more") -> None:
    body = Say(
        thread="hot", about=About(type="none", id=""), text=text, language="ru", urgent=False, reply_to=None
    )
    stage.center.say("ru", "thread.say", body, officers=["duty-1"])


def make_other_tree(stage: Stage, size: int) -> Tree:
    leaves = [leaf_hash(entry) for entry in stage.center.core.entries[: size - 1]]
    return Tree.from_leaf_hashes([*leaves, leaf_hash(b"another history")])


def test_checkpoint_is_cosigned_and_can_be_monitored(stage: Stage) -> None:
    status, kind, body = ask(stage, 0, 3)
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert body.startswith("— us/witness ".encode())
    note = stage.desk.witness.find_checkpoint(stage.desk.witness.origin_hash)
    assert note is not None
    key = CosignatureSigner(stage.center.us.witness).key
    checkpoint = verify_checkpoint(note, stage.center.signer.key)
    (cosignature,) = verify_cosignatures(note, checkpoint, [key])
    assert checkpoint.size == 3
    assert cosignature.time_s == 1_474_120_500
    assert stage.desk.witness.find_checkpoint("0" * 64) is None


def test_nothing_cosigned_is_nothing_shown(stage: Stage) -> None:
    assert stage.desk.witness.size is None
    assert stage.desk.witness.find_checkpoint(stage.desk.witness.origin_hash) is None


def test_rollback_is_refused_with_the_size_that_was_cosigned(stage: Stage) -> None:
    grow(stage)
    assert ask(stage, 0, 4)[0] == 200
    assert ask(stage, 0, 3) == (409, "text/x.tlog.size", b"4\n")
    assert ask(stage, 4, 4)[0] == 200
    stage.open()
    assert ask(stage, 0, 3) == (409, "text/x.tlog.size", b"4\n")


def test_fork_of_the_cosigned_size_is_refused_and_alarmed(stage: Stage) -> None:
    grow(stage)
    assert ask(stage, 0, 4)[0] == 200
    status, _, _ = ask(stage, 4, 4, tree=make_other_tree(stage, 4))
    assert status == 422
    assert "log-forked" in stage.alarms()
    assert {"checkpoint-a", "checkpoint-b"} <= stage.evidence("log-forked").keys()


def test_checkpoint_that_contradicts_our_mirror_is_refused(stage: Stage) -> None:
    """A witness alone would cosign it: it has cosigned nothing before. The desk knows the record."""
    assert stage.desk.view.size == 3
    status, _, body = ask(stage, 0, 3, tree=make_other_tree(stage, 3))
    assert status == 422
    assert b"proof that the log forked" in body
    assert "log-forked" in stage.alarms()
    assert stage.desk.witness.size is None


def test_after_a_fork_nothing_is_cosigned(stage: Stage) -> None:
    grow(stage)
    stage.desk.run_once()
    stage.center.rewrite([*stage.center.entries[:3], b"another history", b"more"])
    stage.desk.run_once()
    stage.center.be_honest()
    assert ask(stage, 0, 4)[0] == 422
    stage.open()
    assert ask(stage, 0, 4)[0] == 422
    assert stage.desk.witness.size is None


def test_state_is_durable_before_the_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(stage, 0, 3)[0] == 200
    grow(stage)

    def fail(path: Path, data: bytes) -> None:
        raise StoreError("io-error", "witness.json: fsync failed: input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("entente.desk.witness.write_atomic", fail)
        with pytest.raises(StoreError):
            ask(stage, 3, 4)
    assert stage.desk.witness.size == 3
    stage.open()
    assert stage.desk.witness.size == 3
    assert ask(stage, 3, 4)[0] == 200


def test_state_that_was_stored_without_its_answer_is_not_forgotten(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the flush and before the answer: the center must ask from the new size."""

    class Crash(BaseException):
        pass

    def crash(path: Path, data: bytes) -> None:
        write_atomic(path, data)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("entente.desk.witness.write_atomic", crash)
        with pytest.raises(Crash):
            ask(stage, 0, 3)
    stage.open()
    assert ask(stage, 0, 3) == (409, "text/x.tlog.size", b"3\n")


@pytest.mark.parametrize("damage", (b"{}", b"", b'{"line":"x","note":"y"}'))
def test_damaged_state_stops_the_desk(stage: Stage, damage: bytes) -> None:
    assert ask(stage, 0, 3)[0] == 200
    (stage.folder / STATE_FILE).write_bytes(damage)
    with pytest.raises(StoreError, match=STATE_FILE):
        stage.open()


def test_state_that_was_turned_back_by_hand_is_refused(stage: Stage) -> None:
    assert ask(stage, 0, 3)[0] == 200
    path = stage.folder / STATE_FILE
    path.write_bytes(path.read_bytes().replace(b'"size":3', b'"size":2'))
    with pytest.raises(StoreError, match="size and root of its own note"):
        stage.open()


def test_garbage_and_strangers_are_answered_as_the_specification_says(stage: Stage) -> None:
    assert stage.desk.witness.add_checkpoint(b"\x00")[0] == 400
    other = stage.center.sign(stage.center.core.tree, 3).replace(
        b"center.example/record", b"other.example/record1"
    )
    assert stage.desk.witness.add_checkpoint(encode_add_checkpoint(0, [], other))[0] == 404
    unsigned = stage.center.sign(stage.center.core.tree, 3)
    torn = unsigned[: unsigned.index(b"\n\n") + 2] + "— x/y AAAAAAAA\n".encode()
    assert stage.desk.witness.add_checkpoint(encode_add_checkpoint(0, [], torn))[0] == 403


def test_what_the_witness_cosigned_must_be_shown_to_the_desk(stage: Stage) -> None:
    """The center shows the witness a larger record than the desk: nobody else would notice."""
    grow(stage)
    assert ask(stage, 0, 4)[0] == 200
    stage.center.shown_size = 3
    stage.clock.pass_s(61)
    stage.desk.run_once()
    assert "our own witness" in stage.alarms()["stale-checkpoint"].words
