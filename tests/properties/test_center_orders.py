"""Random orders of honest and lying messages, batches and restarts: the record never holds a lie."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.parties import FrozenClock, PartySimulator, encode_request, init_signed, make_party
from entente.center import archive
from entente.center.batch import Recorded, Submission
from entente.center.folder import CenterFolder
from entente.center.founding import Founding
from entente.center.service import _record_founding
from entente.center.submission import parse_request, verify_submission
from entente.center.writer import RecordWriter, open_writer
from entente.deconflict import Acknowledge
from entente.dialogue import About, Say
from entente.joint import KINDS, MessageRow
from entente.joint.audit import RecordAudit
from entente.kernel.errors import EntenteError
from entente.kernel.message import Seen
from entente.record import TileReader, Tree, verify_checkpoint, verify_inclusion
from entente.store.mirror import Mirror

NAMES: Final = ("cn", "ru", "us")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A founded center's folder."""
    root = tmp_path_factory.mktemp("template") / "center"
    init_signed(root, [make_party(name) for name in NAMES])
    folder = CenterFolder(root)
    writer = open_writer(folder, folder.read_keys(), KINDS, FrozenClock())
    _record_founding(Founding(folder, folder.read_keys()).build(), KINDS)(writer)
    writer.close()
    return root


STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(NAMES)),
        st.tuples(st.just("acknowledge"), st.sampled_from(NAMES)),
        st.tuples(st.just("replay"), st.integers(0, 30)),
        st.tuples(st.just("equal"), st.sampled_from(NAMES)),
        st.tuples(st.just("skip"), st.sampled_from(NAMES)),
        st.tuples(st.just("fork"), st.sampled_from(NAMES)),
        st.tuples(st.just("forge"), st.sampled_from(NAMES)),
        st.tuples(st.just("stale"), st.sampled_from(NAMES)),
        st.tuples(st.just("flush")),
        st.tuples(st.just("restart")),
    ),
    max_size=30,
)


class Run:
    """One run: what was sent, what was answered."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.parties = {name: make_party(name) for name in NAMES}
        self.writer = self.open()
        for party in self.parties.values():
            party.accept(party.sign_roster())
        self.waiting: list[tuple[Any, Submission]] = []
        self.sent: list[Any] = []
        self.answers: dict[str, Recorded] = {}

    def open(self) -> RecordWriter:
        folder = CenterFolder(self.root)
        writer = open_writer(folder, folder.read_keys(), KINDS, FrozenClock())
        writer.allow_signing()
        return writer

    def send(self, signed: Any) -> None:
        self.sent.append(signed)
        try:
            envelope, sealed = parse_request(encode_request(signed))
            found = verify_submission(envelope, sealed, self.writer.state.ring, KINDS)
        except EntenteError:
            return
        self.waiting.append((signed, found))

    def flush(self) -> None:
        outcomes = self.writer.record_batch([submission for _, submission in self.waiting])
        for (signed, _), outcome in zip(self.waiting, outcomes, strict=True):
            if isinstance(outcome, Recorded):
                known = self.answers.setdefault(signed.leaf, outcome)
                assert known.index == outcome.index, "one message has one place"
                assert known.recorded_utc == outcome.recorded_utc
                proof = self.writer.tree.inclusion_proof(outcome.index, outcome.published.size)
                root = outcome.published.checkpoint.root
                verify_inclusion(
                    bytes.fromhex(signed.leaf), outcome.index, outcome.published.size, proof, root
                )
        self.waiting = []

    def step(self, kind: str, *arguments: Any) -> None:
        if kind == "flush":
            self.flush()
        elif kind == "restart":
            self.flush()
            self.writer.close()
            self.writer = self.open()
        elif kind == "replay":
            if self.sent:
                self.send(self.sent[arguments[0] % len(self.sent)])
        else:
            self.speak(kind, self.parties[arguments[0]])

    def speak(self, kind: str, party: PartySimulator) -> None:
        body: Any = Say("hot", About("none", ""), f"{kind} {len(self.sent)}", "en", False, None)
        name = "thread.say"
        changes: dict[str, Any] = {}
        if kind == "acknowledge":
            name, body = "receipt.acknowledge", Acknowledge([self.sent[-1].leaf if self.sent else "00" * 32])
        elif kind == "equal":
            changes = {"seq": max(0, party.seq - 1)}
        elif kind == "skip":
            changes = {"seq": party.seq + 2}
        elif kind == "fork":
            changes = {"seen": Seen(2, "ab" * 32)}
        elif kind == "stale":
            changes = {"prev": "cd" * 32}
        keys = (self.parties["cn" if party.name != "cn" else "us"].desk,) if kind == "forge" else None
        signed = party.sign(name, body, keys=keys, **changes)
        self.send(signed)
        if kind in {"say", "acknowledge"}:
            before = len(self.answers)
            self.flush()
            if signed.leaf in self.answers:
                party.accept(signed)
            assert kind == "acknowledge" or len(self.answers) == before + 1


@settings(max_examples=25)
@given(steps=STEPS)
def test_the_record_holds_exactly_what_was_acknowledged_and_no_lie(
    template: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    root = tmp_path_factory.mktemp("run") / "center"
    shutil.copytree(template, root)
    run = Run(root)
    try:
        for step in steps:
            run.step(*step)
        run.flush()
        writer = run.writer
        audit = RecordAudit(KINDS)
        entries = writer.journal.read_entries(0, writer.journal.size)
        for index, entry in enumerate(entries):
            audit.feed(index, entry)
        assert audit.failures == [], "an auditor finds nothing"
        assert {leaf: one.index for leaf, one in run.answers.items()} == {
            row.leaf: row.index for row in _messages(writer) if row.index >= 1 + len(NAMES)
        }
        assert writer.published is not None
        assert audit.tree.root() == writer.published.checkpoint.root
        events = archive.read_events(writer.database, 0)
        spans = [json.loads(event.data) for event in events if event.type == "recorded"]
        assert [span["from"] for span in spans] == [0, *(span["to"] for span in spans[:-1])]
        assert spans[-1]["to"] == writer.published.size
    finally:
        run.writer.close()


def _messages(writer: RecordWriter) -> list[Any]:
    return list(writer.state.rows.select(MessageRow))


@settings(max_examples=10)
@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_a_mirror_of_any_moment_checks(
    template: Path, tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    root = tmp_path_factory.mktemp("run") / "center"
    shutil.copytree(template, root)
    run = Run(root)
    mirror = Mirror(tmp_path_factory.mktemp("mirror"))
    tree = Tree()
    try:
        for size in sizes:
            for _ in range(size):
                run.speak("say", run.parties["us"])
            published = run.writer.published
            assert published is not None
            tree = run.writer.tree
            mirror.extend(tree, mirror.size, run.writer.journal.read_entries, published.checkpoint)
            note = mirror.find_checkpoint()
            assert note is not None
            reader = TileReader(mirror.source, verify_checkpoint(note, published.checkpoint.log_key))
            assert reader.read_entries(0, published.size) == run.writer.journal.read_entries(
                0, published.size
            )
    finally:
        run.writer.close()
