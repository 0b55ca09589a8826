"""A batch on its way to the disk while the next is judged: nobody hears of what is not durable."""

from __future__ import annotations

import threading

import pytest

from entente.center.batch import Batch, Recorded, Submission
from entente.center.sequencer import Sequencer
from entente.center.writer import RecordWriter
from entente.kernel.errors import StoreError
from tests.protocol.test_center_writer import Bench, bench, read_rows, say, submission

__all__ = ["bench"]


class Gate:
    """A disk that takes its time: what is appended waits until it is let through, or fails."""

    def __init__(self, writer: RecordWriter, patch: pytest.MonkeyPatch) -> None:
        self.is_here, self.go, self.judged = threading.Event(), threading.Event(), threading.Event()
        self.error: StoreError | None = None
        self.signed: list[int] = []
        append, judge, sign = writer.journal.append, writer.judge, writer.sign

        def wait(entries: list[bytes], note: bytes) -> None:
            self.is_here.set()
            assert self.go.wait(10)
            if self.error is not None:
                raise self.error
            append(entries, note)

        def see_judge(submissions: list[Submission], batch: Batch | None = None) -> Batch:
            judged = judge(submissions, batch)
            if submissions and self.is_here.is_set():
                self.judged.set()
            return judged

        def see_sign(batch: Batch) -> None:
            self.signed.append(batch.first)
            sign(batch)

        patch.setattr(writer.journal, "append", wait)
        patch.setattr(writer, "judge", see_judge)
        patch.setattr(writer, "sign", see_sign)


@pytest.mark.parametrize("is_failing", (False, True))
def test_a_batch_is_judged_while_the_one_before_is_on_its_way_and_nobody_hears_of_either(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_failing: bool
) -> None:
    writer, fatal = bench.writer, list[BaseException]()
    answered: list[tuple[str, object]] = []
    before = writer.published
    assert before is not None
    first, second = say(bench.parties[0], "first"), say(bench.parties[1], "second")
    with monkeypatch.context() as patch:
        gate = Gate(writer, patch)
        sequencer = Sequencer(writer, on_fatal=fatal.append)
        sequencer.start()
        sequencer.enqueue(submission(writer, first), lambda one: answered.append(("first", one)))
        assert gate.is_here.wait(10)
        sequencer.enqueue(submission(writer, second), lambda one: answered.append(("second", one)))
        sequencer.enqueue(submission(writer, first), lambda one: answered.append(("again", one)))
        assert gate.judged.wait(10)
        assert (answered, gate.signed) == ([], [before.size]), "judged, and neither signed nor answered"
        assert writer.published is before
        assert writer.journal.size == before.size
        gate.error = StoreError("io-error", "failed") if is_failing else None
        gate.go.set()
        sequencer.stop(10)
    if is_failing:
        assert answered == []
        assert [str(error) for error in fatal] == ["failed [io-error]"]
        assert gate.signed == [before.size], "nothing is signed over what is not durable"
        assert writer.published is before
        with pytest.raises(StoreError, match="expected to be open for signing"):
            writer.record_batch([])
        assert bench.reopen().journal.size == before.size
        return
    assert fatal == []
    assert [name for name, _ in answered] == ["first", "second", "again"]
    places = [one.index for _, one in answered if isinstance(one, Recorded)]
    assert places == [before.size, before.size + 1, before.size]
    rows = read_rows(writer)
    bench.writer.close()
    for path in bench.root.glob("center.db*"):
        path.unlink()
    assert read_rows(bench.reopen()) == rows, "as made from the journal alone"
