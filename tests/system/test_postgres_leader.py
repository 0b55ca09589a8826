"""Several center processes on one PostgreSQL: one leads, the others follow; whoever dies, no message does."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import psycopg
import pytest
from sqlalchemy import text

from bench.parties import (
    ORIGIN,
    RULES,
    FrozenClock,
    SeededRandom,
    encode_request,
    init_signed,
    make_party,
)
from bench.witness import WitnessServer
from entente.center.batch import Submission
from entente.center.draft import CenterPlan
from entente.center.folder import CenterFolder, CenterSettings
from entente.center.founding import init_center
from entente.center.restore import restore_journal_from
from entente.center.service import CenterPorts, open_center
from entente.center.shared import SharedRecord, open_shared
from entente.center.submission import parse_request, verify_submission
from entente.center.writer import open_writer
from entente.deconflict import ConflictRow, Notify
from entente.joint import KINDS
from entente.kernel.envelope import MESSAGE_TYPE
from entente.kernel.errors import StoreError
from entente.record import NoteSigner
from entente.store import sql_postgres
from entente.store.leadership import MAX_IDLE_S
from entente.store.mirror import Mirror
from tests.postgres import Cluster
from tests.system.postgres_center import Crew, Load, Serving, wait_for
from tests.unit.test_deconflict_simulator import make_circle


@pytest.fixture
def crew(tmp_path: Path, postgres_url: str) -> Crew:
    made = Crew(tmp_path, postgres_url)
    made.found()
    return made


def submit(crew: Crew, shared: SharedRecord, words: str, party: int = 0) -> Submission:
    signed, sealed = crew.write(crew.parties[party], words)
    envelope, ciphertexts = parse_request(encode_request(signed, sealed))
    return verify_submission(envelope, ciphertexts, shared.writer.state.ring, KINDS)


def lead(crew: Crew, *, max_idle_s: float = MAX_IDLE_S) -> SharedRecord:
    shared = crew.open()
    assert shared.try_lead(max_idle_s=max_idle_s)
    shared.writer.allow_signing()
    return shared


def is_open(serving: Serving) -> bool:
    return serving.state() == "open"


# In one process: what the lock, the epoch and the key each hold


def test_only_one_leads_and_the_next_has_a_later_epoch(crew: Crew) -> None:
    first, second = lead(crew), crew.open()
    assert not second.try_lead(max_idle_s=MAX_IDLE_S)
    with pytest.raises(StoreError, match="expected to be open for signing"):
        second.writer.record_batch([submit(crew, second, "no")])
    with pytest.raises(StoreError) as caught, second.writer.database.write():
        pass
    assert caught.value.code == "not-leading"
    epoch = first.epoch
    first.close()
    assert second.try_lead(max_idle_s=MAX_IDLE_S)
    assert second.epoch == epoch + 1
    second.close()


def test_a_leader_of_an_earlier_epoch_writes_nothing_though_its_session_lives(crew: Crew) -> None:
    old, new = lead(crew), crew.open()
    # The lock is taken from the old leader behind its back, as a pooler between would: its session lives on.
    key = old._leadership._key
    old.writer.database._pinned.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})  # type: ignore[attr-defined]
    old.writer.database._pinned.commit()  # type: ignore[attr-defined]
    assert new.try_lead(max_idle_s=MAX_IDLE_S)
    new.writer.allow_signing()
    submission = submit(crew, old, "written by the old leader")
    with pytest.raises(StoreError, match="expected epoch 2 as this process has, got 3") as caught:
        old.writer.record_batch([submission])
    assert caught.value.code == "not-leading"
    with pytest.raises(StoreError):
        old.beat()
    [outcome] = new.writer.record_batch([submit(crew, new, "written by the new leader")])
    assert outcome.index == 3  # type: ignore[union-attr]
    old.close()
    new.close()
    assert crew.check().tree.size == 4


def notify(crew: Crew, shared: SharedRecord, name: str, party: int) -> None:
    body = Notify(name, "air", name, [make_circle()], [], armed=False, concur_by=None)
    author = crew.parties[party]
    signed = author.sign("activity.notify", body)
    envelope, ciphertexts = parse_request(encode_request(signed))
    submission = verify_submission(envelope, ciphertexts, shared.writer.state.ring, KINDS)
    [outcome] = shared.writer.record_batch([submission])
    assert not isinstance(outcome, Exception), outcome
    crew.acknowledge(author, signed, outcome.index)


def test_the_next_leader_sees_what_stood_before_it_led(crew: Crew) -> None:
    first, second = lead(crew), crew.open()
    notify(crew, first, "convoy", 0)
    first.close()
    assert second.try_lead(max_idle_s=MAX_IDLE_S)
    second.writer.allow_signing()
    # The conflict index is a table too: an activity of the last leader's time meets one of this leader's.
    notify(crew, second, "strike", 1)
    [conflict] = second.writer.rows.select(ConflictRow)
    assert {conflict.first, conflict.second} == {"convoy", "strike"}
    second.close()
    crew.check()


def test_two_frames_in_one_place_cannot_both_be_there(crew: Crew) -> None:
    # Lock and fence are taken away: the primary key still holds the record together.
    old, new = lead(crew), crew.open()
    for shared in (old, new):
        shared.writer.database.guard(lambda connection: None)  # type: ignore[attr-defined]
        shared.writer.database.pin()  # type: ignore[attr-defined]
    new.writer.begin_to_write({}, None)
    new.writer.allow_signing()
    [outcome] = new.writer.record_batch([submit(crew, new, "first")])
    assert outcome.index == 3  # type: ignore[union-attr]
    with pytest.raises(StoreError, match="pk_journal"):
        old.writer.record_batch([submit(crew, old, "second", party=1)])
    assert old.writer.published is not None
    assert old.writer.published.size == 3, "nothing of the lost batch was published"
    old.close()
    new.close()
    assert crew.check().tree.size == 4


def test_a_leader_that_lost_its_session_writes_nothing(
    crew: Crew, postgres: Cluster, postgres_url: str
) -> None:
    shared = lead(crew)
    submission = submit(crew, shared, "hello")
    pid = shared.writer.database.pin().connection.dbapi_connection.info.backend_pid  # type: ignore[attr-defined]
    postgres.execute(f"SELECT pg_terminate_backend({pid})")
    with pytest.raises(StoreError) as caught:
        shared.writer.record_batch([submission])
    assert caught.value.code == "database-away"
    # The pool would give a new connection. It holds no lock, and must not be written over.
    for _ in range(2):
        with pytest.raises(StoreError, match="session was lost"), shared.writer.database.write():
            pass
    shared.close()
    assert crew.check().tree.size == 3


def test_the_journal_refuses_to_be_changed(crew: Crew) -> None:
    with psycopg.connect(crew.database) as connection:
        for statement in ("UPDATE journal SET data = ''", "DELETE FROM journal", "TRUNCATE journal"):
            with pytest.raises(psycopg.errors.RaiseException, match="append only"):
                connection.execute(statement.encode())
            connection.rollback()


def test_a_frame_that_was_altered_in_the_database_stops_the_start(crew: Crew) -> None:
    with psycopg.connect(crew.database) as connection:
        connection.execute("ALTER TABLE journal DISABLE TRIGGER append_only")
        connection.execute(
            "UPDATE journal SET data = set_byte(data, 300, get_byte(data, 300) # 1) WHERE start > 0"
        )
    with pytest.raises(StoreError, match="expected an intact frame") as caught:
        crew.open()
    assert caught.value.code == "journal-damaged"


def test_another_record_in_the_database_is_refused(crew: Crew, tmp_path: Path) -> None:
    cards = [party.card() for party in crew.parties]
    plan = CenterPlan(
        "example.org/other", "Other", "http://127.0.0.1:0", exercise=True, rules=RULES, terms=[], cards=cards
    )
    settings = CenterSettings(plan.origin, plan.url, "127.0.0.1:0", database=crew.database)
    init_center(tmp_path / "other", plan, settings, FrozenClock(), SeededRandom("other"))
    with pytest.raises(StoreError, match=r"expected the record 'example\.org/other'") as caught:
        crew.open(CenterFolder(tmp_path / "other"))
    assert caught.value.code == "other-record"


def test_naming_a_database_founds_no_second_record_beside_the_journal(
    tmp_path: Path, postgres_url: str
) -> None:
    folder = CenterFolder(tmp_path / "center")
    init_signed(folder.root, [make_party("ru"), make_party("us")])
    open_writer(folder, folder.read_keys(), KINDS, FrozenClock()).close()
    folder.write_settings(msgspec.structs.replace(folder.read_settings(), database=postgres_url))
    with pytest.raises(StoreError, match="entente center migrate") as caught:
        open_shared(folder, folder.read_settings(), folder.read_keys(), KINDS, FrozenClock())
    assert caught.value.code == "journal-elsewhere"


def test_a_setting_that_was_lost_founds_no_second_record_in_the_folder(crew: Crew) -> None:
    crew.folder.write_settings(msgspec.structs.replace(crew.folder.read_settings(), database=""))
    ports = CenterPorts(clock=FrozenClock(), random=SeededRandom(1), on_fatal=lambda error: None)
    with pytest.raises(StoreError, match="migrate --to sqlite") as caught:
        open_center(crew.folder.root, ports)
    assert caught.value.code == "journal-elsewhere"
    assert not crew.folder.journal.exists()
    # A database that is lost for good: the record comes from a mirror, and the next start asks the witnesses.
    folder = crew.folder
    settings = msgspec.structs.replace(folder.read_settings(), database=crew.database)
    shared = open_shared(folder, settings, folder.read_keys(), KINDS, FrozenClock())
    assert shared.writer.published is not None
    mirror = Mirror(crew.root / "mirror")
    mirror.extend(shared.writer.tree, 0, shared.journal.read_entries, shared.writer.published.checkpoint)
    shared.close()
    assert restore_journal_from(crew.folder.root, mirror.source, FrozenClock()).size == 3
    open_center(crew.folder.root, ports).stop()


# As real processes


def test_a_standby_reads_refuses_and_takes_over_within_seconds(crew: Crew) -> None:
    with crew.serving() as leader, ExitStack() as stack:
        wait_for(lambda: leader.state() == "open", "open")
        standby = stack.enter_context(crew.serving(crew.copy()))
        assert standby.state() == "standby"
        crew.send(leader.url, 3)
        signed, sealed = crew.write(crew.parties[0], "too early")
        refused = httpx.post(f"{standby.url}/messages", content=encode_request(signed, sealed))
        assert (refused.status_code, refused.json()["code"]) == (503, "standby")
        assert refused.headers["retry-after"] == "2"
        assert "another process of this center leads" in refused.json()["message"]
        body = b'{"party":"ru","signatures":[],"roster":{}}'
        assert httpx.post(f"{standby.url}/charter/signatures", content=body).status_code == 503
        # The same record, down to the bytes, from both.
        leaf = crew.acknowledged[0][0].leaf
        wait_for(lambda: standby.size() == 6, "followed")
        for path in (
            *(
                "/record/checkpoint",
                "/record/proof/5",
                "/messages",
                "/messages/5",
                "/rows/parties",
                "/charter",
            ),
            *("/record/tile/entries/000.p/6", "/record/tile/0/000.p/6", f"/sealed/{leaf}/us", "/charter"),
        ):
            assert httpx.get(f"{standby.url}{path}").content == httpx.get(f"{leader.url}{path}").content, path
        # A stream at the standby is woken by what the leader commits, sooner than a poll would.
        with httpx.stream("GET", f"{standby.url}/events?after=2", timeout=20) as events:
            lines = events.iter_lines()
            assert next(line for line in lines if line.startswith("id")) == "id: 3"
            assert next(line for line in lines if line.startswith("id")) == "id: 4"
            crew.send(leader.url, 1)
            assert next(line for line in lines if line.startswith("id")) == "id: 5"
        leader.kill()
        begin = time.monotonic()
        wait_for(lambda: standby.state() == "open", "takes over")
        assert time.monotonic() - begin < 10
        # What the desk had no answer for it sends again; what it had is known here.
        again = httpx.post(f"{standby.url}/messages", content=encode_request(crew.acknowledged[-1][0]))
        assert again.status_code == 400, "without its ciphertext it is not the same request"
        crew.send(standby.url, 3)
        assert standby.stop() == 0
    assert crew.check().tree.size == 10


def test_a_standby_that_was_there_before_the_founding_follows_it(tmp_path: Path, postgres_url: str) -> None:
    crew = Crew(tmp_path, postgres_url, is_signed=False)
    with crew.serving() as leader, crew.serving(crew.copy()) as standby:
        assert (leader.state(), standby.state()) == ("draft", "standby")
        assert httpx.get(f"{standby.url}/charter").status_code == 404
        assert crew.draft is not None
        for party in crew.parties:
            answer = httpx.post(f"{leader.url}/charter/signatures", content=party.sign_charter(crew.draft))
            assert answer.status_code == 200, answer.text
        wait_for(lambda: standby.size() == 3, "followed")
        assert httpx.get(f"{standby.url}/charter").json()["state"] == "founded"
        assert httpx.get(f"{standby.url}/status").json()["exercise"] is True
        crew.send(leader.url, 1)
        leader.kill()
        wait_for(lambda: standby.state() == "open", "takes over")
        # Signed with the keys that came with the founding: the new leader has them in force.
        crew.send(standby.url, 1, party=1)
        assert standby.stop() == 0
    assert crew.check().tree.size == 5


def test_a_lost_notification_costs_a_poll(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = lead(crew, max_idle_s=300)
    with crew.serving(crew.copy()) as standby:
        # Written without a word to anybody.
        monkeypatch.setattr(sql_postgres, "_NOTIFY", text("SELECT 1"))
        shared.writer.record_batch([submit(crew, shared, "in silence")])
        wait_for(lambda: standby.size() == 4, "followed by polling", 5)
    shared.close()


@pytest.mark.timeout(150)
def test_kill_9_of_the_leader_under_load_again_and_again(crew: Crew) -> None:
    folders = [crew.folder, crew.copy()]
    with ExitStack() as stack:
        serving = [stack.enter_context(crew.serving(folder)) for folder in folders]
        wait_for(lambda: any(one.state() == "open" for one in serving), "open")
        loads = [Load(crew, party, lambda: [one.url for one in serving]) for party in (0, 1)]
        for load in loads:
            load.start()
        for _ in range(2):
            time.sleep(1.0)
            place = next(at for at, one in enumerate(serving) if one.state() == "open")
            serving[place].kill()
            wait_for(partial(is_open, serving[1 - place]), "takes over", 30)
            serving[place] = stack.enter_context(crew.serving(folders[place]))
        for load in loads:
            load.finish()
        assert all(one.process.poll() is None for one in serving)
    assert len(crew.acknowledged) > 20
    assert any(load.refused for load in loads)
    crew.check()


@pytest.mark.timeout(150)
def test_the_database_dies_under_load_and_comes_back(crew: Crew, postgres: Cluster) -> None:
    folders = [crew.folder, crew.copy()]
    with ExitStack() as stack:
        serving = [stack.enter_context(crew.serving(folder)) for folder in folders]
        wait_for(lambda: any(one.state() == "open" for one in serving), "open")
        leader = next(one for one in serving if one.state() == "open")
        standby = next(one for one in serving if one is not leader)
        loads = [Load(crew, party, lambda: [one.url for one in serving]) for party in (0, 1)]
        for load in loads:
            load.start()
        time.sleep(1.0)
        postgres.stop("immediate")
        # The leader does not know what became of its last commit: it ends and answers nobody.
        assert leader.process.wait(15) == 70
        assert httpx.get(f"{standby.url}/record/checkpoint").status_code == 200
        away = httpx.get(f"{standby.url}/rows/parties")
        assert (away.status_code, away.json()["code"]) == (503, "database-away")
        assert str(postgres.folder) not in away.text, "an answer names a path of ours"
        postgres.start()
        wait_for(lambda: standby.state() == "open", "takes over", 20)
        taken = len(crew.acknowledged)
        wait_for(lambda: len(crew.acknowledged) > taken + 3, "goes on")
        for load in loads:
            load.finish()
        assert standby.stop() == 0
    crew.check()


def test_a_leader_that_stood_still_wakes_up_and_writes_nothing(crew: Crew) -> None:
    with crew.serving(max_idle_s=3.0) as leader, crew.serving(crew.copy(), max_idle_s=3.0) as standby:
        wait_for(lambda: leader.state() == "open", "open")
        crew.send(leader.url, 2)
        os.kill(leader.process.pid, signal.SIGSTOP)
        # A request reaches it while it stands still: it is there when it wakes up.
        signed, sealed = crew.write(crew.parties[1], "left with the old leader")
        body = encode_request(signed, sealed)
        answers: list[object] = []

        def ask() -> None:
            try:
                answers.append(httpx.post(f"{leader.url}/messages", content=body, timeout=40).status_code)
            except httpx.HTTPError as error:
                answers.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        wait_for(lambda: standby.state() == "open", "takes over from one that stands still", 30)
        crew.send(standby.url, 2)
        os.kill(leader.process.pid, signal.SIGCONT)
        assert leader.process.wait(20) == 70
        asking.join(40)
        assert answers
        assert answers[0] != 200, "a leader of the past has acknowledged a message"
        crew.send(standby.url, 1)
        assert standby.stop() == 0
    assert crew.check().tree.size == 8


class Wire(threading.Thread):
    """A cable between a center and its database: carries bytes until it is cut, then nothing, in silence."""

    def __init__(self, folder: Path, target: Path) -> None:
        super().__init__(daemon=True)
        folder.mkdir()
        self.folder = folder
        self._target = str(target)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(folder / ".s.PGSQL.5432"))
        self._server.listen(50)
        self._pairs: dict[socket.socket, socket.socket] = {}
        self.is_cut = threading.Event()
        self.cut_at_commit: Literal["", "before", "after"] = ""
        self._committing: socket.socket | None = None
        self.is_closed = threading.Event()
        self.start()

    def run(self) -> None:
        while not self.is_closed.is_set():
            if self.is_cut.is_set():
                self.is_closed.wait(0.05)
                continue
            ready, _, _ = select.select([self._server, *self._pairs], [], [], 0.05)
            for one in ready:
                if one is self._server:
                    near, far = self._server.accept()[0], socket.socket(socket.AF_UNIX)
                    far.connect(self._target)
                    self._pairs[near], self._pairs[far] = far, near
                elif one in self._pairs:
                    self._carry(one)
        for one in [*self._pairs, self._server]:
            one.close()

    def _carry(self, one: socket.socket) -> None:
        other = self._pairs[one]
        try:
            data = one.recv(65_536)
            if self.cut_at_commit and MESSAGE_TYPE.encode() in data:
                self._committing = one  # a frame with a message in it: the next commit is that of its batch
            if self.cut_at_commit and one is self._committing and b"COMMIT" in data:
                self.is_cut.set()
                if self.cut_at_commit == "before":
                    return
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        for gone in (one, other):
            self._pairs.pop(gone, None)
            gone.close()


@pytest.fixture
def wire(tmp_path: Path, postgres: Cluster) -> Iterator[Wire]:
    made = Wire(tmp_path / "w", postgres.folder / ".s.PGSQL.5432")
    yield made
    made.is_closed.set()
    made.join(5)


def test_a_cut_cable_between_leader_and_database(crew: Crew, postgres: Cluster, wire: Wire) -> None:
    far = crew.copy()
    settings = (far.root / "center.toml").read_text()
    (far.root / "center.toml").write_text(settings.replace(str(postgres.folder), str(wire.folder)))
    with crew.serving(far, max_idle_s=3.0) as leader, crew.serving(max_idle_s=3.0) as standby:
        wait_for(lambda: leader.state() == "open", "open")
        urls = [leader.url, standby.url]
        load = Load(crew, 0, lambda: urls)
        load.start()
        time.sleep(1.0)
        wire.is_cut.set()
        # Nothing reaches the server any more, and nothing tells either side: it ends the silent session.
        wait_for(lambda: standby.state() == "open", "takes over", 40)
        urls.remove(leader.url)
        wire.is_cut.clear()
        assert leader.process.wait(30) == 70
        taken = len(crew.acknowledged)
        wait_for(lambda: len(crew.acknowledged) > taken + 2, "goes on", 40)
        load.finish()
        assert standby.stop() == 0
    crew.check()


@pytest.mark.parametrize("moment", ("before", "after"))
def test_a_cable_cut_in_the_middle_of_a_commit(
    crew: Crew, postgres: Cluster, wire: Wire, moment: Literal["before", "after"]
) -> None:
    """The commit is on its way, or done and its answer lost: the leader cannot know, and says nothing."""
    far = crew.copy()
    settings = (far.root / "center.toml").read_text()
    (far.root / "center.toml").write_text(settings.replace(str(postgres.folder), str(wire.folder)))
    with crew.serving(far, max_idle_s=3.0) as leader, crew.serving(max_idle_s=3.0) as standby:
        wait_for(lambda: leader.state() == "open", "open")
        crew.send(leader.url, 1)
        urls = [leader.url]
        wire.cut_at_commit = moment
        load = Load(crew, 0, lambda: urls)
        load.start()
        wait_for(wire.is_cut.is_set, "a commit")
        time.sleep(0.3)  # an answer that was given before may still be on its way
        taken = len(crew.acknowledged)
        urls.append(standby.url)
        wait_for(lambda: standby.state() == "open", "takes over", 40)
        assert len(crew.acknowledged) == taken, "acknowledged what nobody knows to be committed"
        urls.remove(leader.url)
        wire.cut_at_commit = ""
        wire.is_cut.clear()
        assert leader.process.wait(30) == 70
        # What was sent and not answered is sent again: recorded once, whether it was committed or not.
        wait_for(lambda: len(crew.acknowledged) > taken + 2, "goes on", 40)
        load.finish()
        assert standby.stop() == 0
    crew.check()


def count_lines(serving: Serving) -> int:
    return httpx.get(f"{serving.url}/record/checkpoint").content.count("\u2014".encode())


def test_a_new_leader_asks_the_witnesses_before_it_signs(tmp_path: Path, postgres_url: str) -> None:
    parties = [make_party("ru"), make_party("us")]
    with WitnessServer(parties[0].witness, ORIGIN) as witness:
        parties[0].witness_url = witness.url
        crew = Crew(tmp_path, postgres_url, parties)
        witness.trust(NoteSigner(crew.folder.read_keys().log).key)
        with crew.serving() as leader, crew.serving(crew.copy()) as standby:
            wait_for(lambda: leader.state() == "open", "founded and open")
            crew.send(leader.url, 1)
            # Signed by the log, the host and the witness.
            wait_for(lambda: count_lines(leader) == 3, "cosigned")
            wait_for(lambda: count_lines(standby) == 3, "the standby shows the witness's line as well")
            witness.is_away = True
            leader.kill()
            wait_for(lambda: standby.state() == "waiting-for-witness", "takes the lead and asks")
            signed, sealed = crew.write(parties[1], "not yet")
            refused = httpx.post(f"{standby.url}/messages", content=encode_request(signed, sealed))
            assert (refused.status_code, refused.json()["code"]) == (503, "waiting-for-witness")
            witness.is_away = False
            wait_for(lambda: standby.state() == "open", "open")
            crew.send(standby.url, 1)
            assert standby.stop() == 0
        crew.check()
