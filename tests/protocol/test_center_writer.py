"""The writer: restarts, old copies, clocks that jump, disks that fail, restoring from a mirror."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from bench.parties import (
    NOW,
    FrozenClock,
    PartySimulator,
    SeededRandom,
    encode_request,
    init_signed,
    make_party,
)
from entente.center import archive
from entente.center.answers import Busy, NotSigning
from entente.center.batch import Recorded, Submission
from entente.center.folder import CenterFolder
from entente.center.founding import Founding
from entente.center.host_time import host_time_key, read_host_time
from entente.center.restore import restore_journal_from
from entente.center.sequencer import MAX_WAITING, Sequencer
from entente.center.service import Center, CenterPorts, _record_founding, open_center
from entente.center.submission import parse_request, verify_submission
from entente.center.writer import RecordWriter, open_writer
from entente.deconflict import (
    Acknowledge,
    Consent,
    DeclareSite,
    Deliver,
    FollowUpRow,
    Notify,
    ReportIncident,
    Update,
    describe_ladder,
)
from entente.deconflict.receipts import Delivery
from entente.dialogue import (
    READOUT_TYPE,
    About,
    ProposeReadout,
    Readout,
    ReadoutRow,
    Say,
    encode_readout,
)
from entente.joint import KINDS
from entente.joint.audit import RecordAudit
from entente.kernel.envelope import encode_pae
from entente.kernel.errors import Denied, EntenteError, PeerError, StoreError
from entente.kernel.ids import LeafHash
from entente.kernel.keys import SigningKey
from entente.kernel.roster import AuthorRow
from entente.kernel.rows import Row
from entente.kernel.time import encode_utc
from entente.kernel.wire import encode_base64
from entente.record import Checkpoint, NoteSigner, Tree, leaf_hash, sign_checkpoint, verify_checkpoint
from entente.space import CircleWire, VolumeWire
from entente.store.mirror import Mirror
from entente.store.sheaf import sheaf_of
from entente.store.tables import ROW_INDEX, ROWS


def say(party: PartySimulator, text: str = "hello", **changes: Any) -> Any:
    return party.sign("thread.say", Say("hot", About("none", ""), text, "en", False, None), **changes)


def submission(writer: RecordWriter, signed: Any, *ciphertexts: tuple[str, bytes]) -> Submission:
    envelope, sealed = parse_request(encode_request(signed, ciphertexts))
    return verify_submission(envelope, sealed, writer.state.ring, KINDS)


class Bench:
    """A founded center's folder, its writer, its clock and its parties."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = CenterFolder(root)
        self.clock = FrozenClock()
        self.parties = [make_party("ru"), make_party("us")]
        init_signed(root, self.parties)
        self.writer = self.open()
        founding = Founding(self.folder, self.folder.read_keys())
        self.writer.allow_signing()
        _record_founding(founding.build(), KINDS)(self.writer)

    def open(self) -> RecordWriter:
        return open_writer(self.folder, self.folder.read_keys(), KINDS, self.clock)

    def reopen(self) -> RecordWriter:
        self.writer.close()
        self.writer = self.open()
        self.writer.allow_signing()
        return self.writer

    def record(self, signed: Any, *ciphertexts: tuple[str, bytes]) -> Recorded:
        [outcome] = self.writer.record_batch([submission(self.writer, signed, *ciphertexts)])
        assert isinstance(outcome, Recorded), outcome
        return outcome

    def talk(self, count: int) -> list[Recorded]:
        found = []
        for number in range(count):
            party = self.parties[number % 2]
            signed = say(party, f"message {number}")
            found.append(self.record(signed))
            party.accept(signed)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "center")
    yield made
    made.writer.close()


def read_rows(writer: RecordWriter) -> dict[tuple[str, str], str]:
    with writer.database.read() as connection:
        rows = {(row.tbl, row.key): row.data for row in connection.execute(select(ROWS))}
        index = {("index", *row): "" for row in connection.execute(select(ROW_INDEX))}
    return rows | index


def test_nothing_is_signed_before_it_is_allowed(tmp_path: Path) -> None:
    init_signed(tmp_path, [make_party("ru"), make_party("us")])
    folder = CenterFolder(tmp_path)
    writer = open_writer(folder, folder.read_keys(), KINDS, FrozenClock())
    with pytest.raises(StoreError, match="expected to be open for signing"):
        writer.record_batch([])
    writer.close()


def test_a_batch_is_judged_in_order_and_answered_together(bench: Bench) -> None:
    ru, us = bench.parties
    first = say(us, "first")
    us.accept(first)
    second = say(us, "second")
    equal = us.sign(
        "thread.say",
        Say("hot", About("none", ""), "equal", "en", False, None),
        seq=us.seq - 1,
        prev=first.leaf,
    )
    batch = [submission(bench.writer, one) for one in (first, second, first, equal, say(ru))]
    before = bench.writer.journal.size_bytes
    outcomes = bench.writer.record_batch(batch)
    places = [one.index if isinstance(one, Recorded) else one.code for one in outcomes]
    assert places == [3, 4, 3, "equal-seq", 5]
    assert {one.published.size for one in outcomes if isinstance(one, Recorded)} == {6}
    assert bench.writer.journal.size_bytes > before
    events = archive.read_events(bench.writer.database, 0)
    assert [event.data for event in events] == ['{"from": 0, "to": 3}', '{"from": 3, "to": 6}']


def test_what_is_said_to_be_absent_is_neither_stored_nor_put(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, (ru, us) = bench.writer, bench.parties
    rows, said = writer._rows, []

    def check(row: type[Row], keys: list[str]) -> None:
        table = row.TABLE if row.ALIKE is None else sheaf_of(row).TABLE
        stored = {(name, key) for name, key, *_ in read_rows(writer)}
        for key in keys:
            assert (table, key) not in stored, "it is in the database"
            assert key not in rows._puts.get(table, ()), "it is on its way there"
            said.append((table, key))

    monkeypatch.setattr(rows, "expect_none", check)
    place = VolumeWire(
        CircleWire((362_000_000, 371_600_000), 5_000),
        None,
        None,
        "2026-12-01T00:00:00Z",
        "2026-12-02T00:00:00Z",
    )
    first = us.sign(
        "activity.notify", Notify("f1", "drone", "survey", [place], [], False, None), at=encode_utc(NOW)
    )
    us.accept(first)
    body = Update("f1", first.leaf, "survey", [place], [], "later", False, None)
    second = us.sign("activity.update", body, at=encode_utc(NOW))
    other = ru.sign(
        "activity.notify", Notify("f2", "drone", "other", [place], [], False, None), at=encode_utc(NOW)
    )
    batch = writer.judge([submission(writer, one) for one in (first, first)])
    writer.judge([submission(writer, one) for one in (first, second, other)], batch)
    writer.sign(batch)
    writer.judge([submission(writer, one) for one in (first, second, other)])
    writer.write(batch)
    writer.settle(batch)
    outcomes = writer.record_batch([submission(writer, one) for one in (first, second, other)])
    assert all(isinstance(one, Recorded) for one in outcomes)
    leaves = {one.leaf for one in (first, second, other)}
    assert {key for _, key in said} > leaves
    assert {name for name, _ in said} == {"activities", "versions", "receipts/alike", "positions/alike"}


def test_a_batch_of_refusals_writes_nothing(bench: Bench) -> None:
    before = bench.writer.journal.size_bytes, bench.writer.last_event_id
    [outcome] = bench.writer.record_batch([submission(bench.writer, say(bench.parties[0], seq=7))])
    assert isinstance(outcome, PeerError)
    assert (bench.writer.journal.size_bytes, bench.writer.last_event_id) == before


def test_a_restart_finds_everything_as_it_was(bench: Bench) -> None:
    bench.talk(6)
    rows, published = read_rows(bench.writer), bench.writer.published
    writer = bench.reopen()
    assert read_rows(writer) == rows
    assert writer.published is not None
    assert published is not None
    assert writer.published.checkpoint.note == published.checkpoint.note
    assert writer.published.recorded_utc == published.recorded_utc
    bench.talk(2)


def test_rows_are_made_again_from_the_journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for minute in range(5):
        bench.clock.now = NOW + timedelta(minutes=minute)
        bench.talk(2)
    rows = read_rows(bench.writer)
    times = [archive.find_recorded_utc(bench.writer.database, index) for index in range(13)]
    bench.writer.close()
    for path in bench.root.glob("center.db*"):
        path.unlink()
    monkeypatch.setattr("entente.center.writer._REPLAY_ENTRIES", 4)
    seen: list[tuple[int, int]] = []
    writer = open_writer(
        bench.folder, bench.folder.read_keys(), KINDS, bench.clock, on_progress=lambda *at: seen.append(at)
    )
    assert read_rows(writer) == rows
    assert [archive.find_recorded_utc(writer.database, index) for index in range(13)] == times
    assert seen[-1] == (13, 13)
    assert len(seen) > 2, "progress is told"
    bench.writer = writer


def test_a_lost_ciphertext_is_supplied_by_sending_again(bench: Bench) -> None:
    ru, us = bench.parties
    sealed = say(us, to=(ru,), ciphertexts=(b"sealed",))
    first = bench.record(sealed, ("ru", b"sealed"))
    bench.writer.close()
    for path in bench.root.glob("center.db*"):
        path.unlink()
    bench.writer = bench.open()
    bench.writer.allow_signing()
    leaf = LeafHash(sealed.leaf)
    assert archive.find_sealed(bench.writer.database, leaf, "ru") is None
    us.accept(sealed)
    bench.record(say(us))
    again = bench.record(sealed, ("ru", b"sealed"))
    assert (again.index, again.recorded_utc) == (first.index, first.recorded_utc)
    assert again.published.size == 5
    assert archive.find_sealed(bench.writer.database, leaf, "ru") == b"sealed"


def test_an_old_journal_beside_a_newer_database_is_refused(bench: Bench) -> None:
    bench.talk(1)
    bench.writer.close()
    old = (bench.root / "journal").read_bytes()
    bench.writer = bench.open()
    bench.writer.allow_signing()
    bench.talk(2)
    bench.writer.close()
    (bench.root / "journal").write_bytes(old)
    with pytest.raises(StoreError, match="restore the record from a party's mirror") as caught:
        bench.open()
    assert caught.value.code == "journal-behind"


def find_head(writer: RecordWriter, author: str) -> str:
    head = writer.state.rows.find(AuthorRow, author)
    assert head is not None
    return head.leaf


def test_a_database_of_another_history_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.writer.close()
    other = tmp_path / "other"
    shutil.copytree(bench.root, other)
    bench.writer = bench.open()
    bench.writer.allow_signing()
    bench.talk(1)
    bench.writer.close()
    twin = open_writer(CenterFolder(other), bench.folder.read_keys(), KINDS, bench.clock)
    twin.allow_signing()
    ru = make_party("ru")
    ru.seq, ru.prev = 1, find_head(twin, "ru")
    twin.record_batch([submission(twin, say(ru, "another history"))])
    twin.close()
    shutil.copy(other / "journal", bench.root / "journal")
    with pytest.raises(StoreError, match=r"move center\.db aside") as caught:
        bench.open()
    assert caught.value.code == "other-database"


def test_a_lost_journal_is_not_begun_anew(bench: Bench) -> None:
    bench.writer.close()
    (bench.root / "journal").unlink()
    with pytest.raises(StoreError, match="expected one, found none"):
        bench.open()


def test_recorded_times_never_run_backwards(bench: Bench) -> None:
    keys = bench.folder.read_keys()
    host = host_time_key(keys.origin, keys.center.public)
    jumps = (0, 600, -3_600, 10**9, -(10**9), 601)
    seen = []
    for jump in jumps:
        bench.clock.now = NOW + timedelta(seconds=jump)
        [recorded] = bench.talk(1)
        seen.append(recorded.recorded_utc)
        time_s = read_host_time(recorded.published.checkpoint.note, host)
        assert datetime.fromtimestamp(time_s, UTC).isoformat().replace("+00:00", "Z") == recorded.recorded_utc
    assert seen == sorted(seen)
    assert seen[3] == seen[5], "a clock that came back from the future stands still"
    bench.clock.now = NOW
    bench.reopen()
    assert bench.talk(1)[0].recorded_utc == seen[-1], "and does so after a restart"
    bench.clock.now = datetime(1969, 1, 1, tzinfo=UTC)
    bench.talk(1)


@pytest.mark.parametrize("step", ("journal", "database"))
def test_a_failed_disk_stops_everything(bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("io-error", f"{step} failed")

    fatal: list[BaseException] = []
    answered: list[object] = []
    sequencer = Sequencer(bench.writer, on_fatal=fatal.append)
    published = bench.writer.published
    with monkeypatch.context() as patch:
        if step == "journal":
            patch.setattr(bench.writer.journal, "append", fail)
        else:
            patch.setattr(archive.BatchStatements, "write_arrivals", fail)
        sequencer.enqueue(submission(bench.writer, say(bench.parties[0])), answered.append)
        sequencer.start()
        sequencer._thread.join(10)
    assert answered == [], "nobody is answered"
    assert [str(error) for error in fatal] == [f"{step} failed [io-error]"]
    assert bench.writer.published is published, "nothing new is shown"
    with pytest.raises(StoreError, match="expected to be open for signing"):
        bench.writer.record_batch([])
    audit = RecordAudit(KINDS)
    writer = bench.reopen()
    for index in range(writer.journal.size):
        audit.feed(index, writer.journal.read_entry(index))
    assert audit.failures == []
    assert writer.journal.size == (3 if step == "journal" else 4)


def test_a_full_queue_and_a_stopped_one_say_so(bench: Bench) -> None:
    sequencer = Sequencer(bench.writer, on_fatal=lambda error: None)
    one = submission(bench.writer, say(bench.parties[0]))
    for _ in range(MAX_WAITING):
        sequencer.enqueue(one, lambda outcome: None)
    with pytest.raises(Busy):
        sequencer.enqueue(one, lambda outcome: None)
    sequencer.start()
    sequencer.stop()
    with pytest.raises(NotSigning):
        sequencer.submit(one)
    with pytest.raises(NotSigning):
        sequencer.call(lambda writer: None)
    assert bench.writer.published is not None
    assert bench.writer.published.size == 4, "what waited was finished first"


def test_a_future_gives_the_place_or_the_reason(bench: Bench) -> None:
    sequencer = Sequencer(bench.writer, on_fatal=lambda error: None)
    sequencer.start()
    good: Future[Recorded] = sequencer.submit(submission(bench.writer, say(bench.parties[0])))
    bad = sequencer.submit(submission(bench.writer, say(bench.parties[1], seq=9)))
    assert good.result(10).index == 3
    with pytest.raises(PeerError, match="bad-seq"):
        bad.result(10)
    sequencer.stop()


# Restoring from a mirror


def make_mirror(bench: Bench, folder: Path, size: int | None = None) -> Mirror:
    writer = bench.writer
    mirror = Mirror(folder)
    assert writer.published is not None
    mirror.extend(writer.tree, 0, writer.journal.read_entries, writer.published.checkpoint)
    return mirror


def test_a_journal_is_restored_from_a_mirror(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entente.center.restore._FRAME_ENTRIES", 4)
    bench.talk(8)
    published = bench.writer.published
    assert published is not None
    mirror = make_mirror(bench, tmp_path / "mirror")
    rows = read_rows(bench.writer)
    bench.writer.close()
    data = bytearray((bench.root / "journal").read_bytes())
    data[len(data) // 2] ^= 1
    (bench.root / "journal").write_bytes(data)
    with pytest.raises(StoreError, match="entente center restore"):
        bench.open()
    restored = restore_journal_from(bench.root, mirror.source, bench.clock)
    assert (restored.size, restored.replaced) == (11, "journal.replaced-1")
    assert (bench.root / "journal.replaced-1").read_bytes() == data, "the old one is kept"
    writer = bench.reopen()
    assert writer.published is not None
    assert writer.published.checkpoint == published.checkpoint
    assert read_rows(writer) == rows
    bench.talk(1)


def test_a_center_that_lost_everything_but_its_keys_is_restored(bench: Bench, tmp_path: Path) -> None:
    bench.talk(8)
    rows = read_rows(bench.writer)
    mirror = make_mirror(bench, tmp_path / "mirror")
    bench.writer.close()
    for path in (bench.root / "journal", *bench.root.glob("center.db*")):
        path.unlink()
    assert restore_journal_from(bench.root, mirror.source, bench.clock).replaced == ""
    assert read_rows(bench.reopen()) == rows


def test_a_mirror_that_knows_less_or_else_is_not_used(bench: Bench, tmp_path: Path) -> None:
    bench.talk(2)
    older = make_mirror(bench, tmp_path / "older")
    bench.talk(2)
    bench.writer.close()
    before = (bench.root / "journal").read_bytes()
    with pytest.raises(Denied, match="expected size >= 7 as in our journal, got 5: use a newer mirror"):
        restore_journal_from(bench.root, older.source, bench.clock)
    tampered = tmp_path / "older" / "tile" / "entries" / "000.p" / "5"
    (bench.root / "journal").unlink()
    tampered.write_bytes(tampered.read_bytes().replace(b"payload", b"Payload", 1))
    with pytest.raises(EntenteError):
        restore_journal_from(bench.root, older.source, bench.clock)
    assert not (bench.root / "journal").exists()
    (bench.root / "journal").write_bytes(before)
    bench.writer = bench.open()


def test_a_mirror_of_another_log_is_not_used(bench: Bench, tmp_path: Path) -> None:
    thief = NoteSigner(SigningKey("example.org/joint", b"t" * 32))
    tree = Tree.from_leaf_hashes([leaf_hash(b"x")])
    raw = sign_checkpoint(Checkpoint("example.org/joint", 1, tree.root()), thief)
    mirror = Mirror(tmp_path / "mirror")
    mirror.extend(tree, 0, lambda start, end: [b"x"], verify_checkpoint(raw, thief.key))
    bench.writer.close()
    with pytest.raises(PeerError, match="expected a signature by"):
        restore_journal_from(bench.root, mirror.source, bench.clock)


# The ladder's clock


@pytest.fixture
def center(tmp_path: Path) -> Iterator[tuple[Center, list[PartySimulator], FrozenClock]]:
    def fail(error: BaseException) -> None:
        raise error

    parties, clock = [make_party("ru"), make_party("us")], FrozenClock()
    init_signed(tmp_path / "ladder", parties)
    ports = CenterPorts(clock=clock, random=SeededRandom(1), on_fatal=fail, ladder_every_s=3600)
    opened = open_center(tmp_path / "ladder", ports)
    opened.start()
    yield opened, parties, clock
    opened.stop()


def post(center: Center, signed: Any) -> int:
    return center.sequencer.submit(center.parse(encode_request(signed))).result(10).index


def test_the_center_escalates_and_lapses_at_the_agreed_minutes(
    center: tuple[Center, list[PartySimulator], FrozenClock],
) -> None:
    opened, (_, us), clock = center
    message = say(us)
    post(opened, message)
    assert opened.ladder.tell_due() == 0
    clock.now = NOW + timedelta(minutes=4, seconds=59)
    assert opened.ladder.tell_due() == 0
    clock.now = NOW + timedelta(minutes=5)
    assert opened.ladder.tell_due() == 1
    assert opened.ladder.tell_due() == 0, "said once"
    view = msgspec.to_builtins(_ladder(opened, message.leaf))
    assert any("turned to contact duty-2" in rung["text"] for rung in view["parties"][0]["rungs"])
    clock.now = NOW + timedelta(minutes=30)
    assert opened.ladder.tell_due() == 1
    assert _ladder(opened, message.leaf).parties[0].state == "lapsed"
    clock.now = NOW - timedelta(days=1)
    assert opened.ladder.tell_due() == 0


def _ladder(center: Center, leaf: str) -> Any:
    return describe_ladder(center.reading.rows, leaf, center.reading.name_standing)


def test_who_acknowledged_in_time_is_left_alone(
    center: tuple[Center, list[PartySimulator], FrozenClock],
) -> None:
    opened, (ru, us), clock = center
    message = say(us)
    post(opened, message)
    post(opened, ru.sign("receipt.acknowledge", Acknowledge([message.leaf])))
    clock.now = NOW + timedelta(minutes=90)
    assert opened.ladder.tell_due() == 0


def test_a_readout_nobody_answered_is_settled_as_silent(
    center: tuple[Center, list[PartySimulator], FrozenClock],
) -> None:
    opened, (_, us), clock = center
    readout = Readout("call-1", "Call", "2016-09-17T14:00:00Z", ["ru", "us"], "agreed", "en")
    signature = us.desk.sign(encode_pae(READOUT_TYPE, encode_readout(readout)))
    post(opened, us.sign("readout.propose", ProposeReadout(readout, encode_base64(signature))))
    clock.now = NOW + timedelta(minutes=59)
    opened.ladder.tell_due()
    assert _readout_state(opened) == "open"
    clock.now = NOW + timedelta(minutes=60)
    assert opened.ladder.tell_due() == 1
    assert _readout_state(opened) == "settled"


def test_who_says_nothing_of_an_incident_at_a_site_is_recorded_as_silent(
    center: tuple[Center, list[PartySimulator], FrozenClock],
) -> None:
    opened, (ru, us), clock = center
    place = CircleWire((362_000_000, 371_600_000), 5_000)
    volume = VolumeWire(place, None, None, "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    consent = Consent("its board", "2000-01-01T00:00:00Z", [], "")
    at, expires = encode_utc(NOW), encode_utc(NOW + timedelta(days=30))
    site = DeclareSite("m2", "M2", "hospital", volume, 50_000, "", consent, expires, None)
    declared = us.sign("site.declare", site, at=at)
    post(opened, declared)
    us.accept(declared)
    post(opened, ru.sign("receipt.deliver", Deliver([Delivery(declared.leaf, "readable", "")]), at=at))
    now = clock.now = NOW + timedelta(minutes=1)
    start, end = encode_utc(NOW), encode_utc(now)
    report = ReportIncident("fire", "strike", True, place.centre_e7, 100, start, end, "burns", "seen", "")
    post(opened, us.sign("incident.report", report, at=end))
    clock.now = now + timedelta(days=2, seconds=-1)
    opened.ladder.tell_due()
    assert _follow_up(opened) == "waiting"
    clock.now = now + timedelta(days=2)
    opened.ladder.tell_due()
    assert _follow_up(opened) == "silent"


def _follow_up(center: Center) -> str:
    row = center.reading.rows.find(FollowUpRow, "fire:ru")
    assert row is not None
    return row.state


def _readout_state(center: Center) -> str:
    row = center.reading.rows.find(ReadoutRow, "call-1")
    assert row is not None
    return row.state
