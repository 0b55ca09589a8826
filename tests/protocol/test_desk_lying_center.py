"""A lying center, lie by lie: told in plain words, evidence saved, nothing false shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entente.deconflict import Acknowledge, ActivityRow, Notify, ReceiptRow, find_receipt
from entente.desk.answers import REFUSAL_TYPE, verify_refusal_envelope
from entente.desk.compose import Draft
from entente.desk.outbox import QUEUED, RECORDED, REFUSED, SIGNED
from entente.dialogue import About, Say, SayRow
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Denied
from entente.kernel.ids import LeafHash
from entente.kernel.message import encode_body
from entente.record.fork import verify_fork
from tests.parties import ORIGIN
from tests.protocol.desk_stage import Stage, make_stage, make_volume, open_scratch


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def make_notify(name: str = "ru-1") -> Notify:
    return Notify(
        id=name,
        activity="air",
        title="Theirs",
        volumes=[make_volume()],
        concurrence=[],
        armed=False,
        concur_by=None,
    )


def make_say(text: str) -> Say:
    about = About(type="none", id="")
    return Say(thread="hot", about=about, text=text, language="ru", urgent=False, reply_to=None)


def make_draft() -> Draft:
    return Draft("thread.say", encode_body(make_say("ours")), ("duty-1",))


def assert_told(stage: Stage, code: str, *files: str) -> None:
    """The alarm stands and says what it means; its folder holds the exact bytes and a README."""
    alarm = stage.alarms()[code]
    evidence = stage.evidence(code)
    assert set(files) <= evidence.keys(), sorted(evidence)
    readme = evidence["README.txt"].decode()
    assert alarm.words in readme
    assert alarm.explain() in readme
    assert "How anyone can check it" in readme
    assert "log-key.txt" in evidence
    assert any(item.kind == "alarm" for item in stage.desk.inbox.list_items(stage.clock.now))


def test_an_honest_center_raises_no_alarm(stage: Stage) -> None:
    said = stage.notify()
    stage.center.say("ru", "activity.notify", make_notify(), officers=["duty-1"])
    stage.desk.run_once()
    assert said.state == RECORDED
    assert stage.alarms() == {}
    assert stage.desk.view.size == stage.center.core.tree.size
    assert stage.desk.rows.find(ActivityRow, "sortie-7") is not None
    assert stage.desk.rows.find(ActivityRow, "ru-1") is not None


def test_fork_is_detected_and_proven_to_anyone(stage: Stage) -> None:
    stage.say()
    stage.desk.run_once()
    other = stage.ru.write("thread.say", make_say("instead"), stage.center.core.seen(3), officers=["duty-1"])
    stage.center.rewrite([*stage.center.entries[:3], other.raw])
    before = stage.desk.view.size
    stage.desk.run_once()
    assert stage.desk.view.size == before
    assert_told(stage, "log-forked", "checkpoint-a", "checkpoint-b", "held", "shown")
    evidence = stage.evidence("log-forked")
    assert verify_fork(evidence, stage.desk.view.log_key).code == "log-forked"


def test_fork_of_the_past_under_a_larger_record_is_proven(stage: Stage) -> None:
    stage.say()
    other = stage.ru.write("thread.say", make_say("instead"), stage.center.core.seen(3), officers=["duty-1"])
    stage.center.rewrite([*stage.center.entries[:3], other.raw, *stage.center.entries[3:], other.raw])
    stage.desk.run_once()
    evidence = stage.evidence("log-forked")
    assert "consistency" in evidence
    assert verify_fork(evidence, stage.desk.view.log_key).code == "log-forked"


def test_after_a_fork_nothing_is_sent_or_followed_even_after_a_restart(stage: Stage) -> None:
    test_fork_is_detected_and_proven_to_anyone(stage)
    stage.center.be_honest()
    stage.open()
    size = stage.desk.view.size
    said = stage.say("after")
    assert said.state == QUEUED
    assert stage.desk.link.state == "forked"
    assert stage.desk.view.size == size


def test_rollback_is_detected(stage: Stage) -> None:
    stage.say()
    stage.center.shown_size = 3
    stage.desk.run_once()
    assert_told(stage, "rolled-back", "held", "shown")
    assert stage.desk.view.size == 4
    assert stage.desk.rows.find(SayRow, stage.desk.archive.resolve("3").leaf) is not None


def test_dropped_entry_is_detected(stage: Stage) -> None:
    stage.say()
    kept = list(stage.center.entries)
    stage.say("dropped")
    other = stage.ru.write("thread.say", make_say("instead"), stage.center.core.seen(4), officers=["duty-1"])
    stage.center.rewrite([*kept, other.raw])
    stage.desk.run_once()
    assert_told(stage, "log-forked", "checkpoint-a", "checkpoint-b")


def test_entry_dropped_before_we_followed_it_is_detected(stage: Stage) -> None:
    """The center answers with a proof, and then shows a record in which the message never was."""
    kept = list(stage.center.entries)
    stage.desk.outbox.put(make_draft())
    assert stage.desk.outbox.step() is not None
    assert stage.desk.view.size == 3
    other = stage.ru.write("thread.say", make_say("instead"), stage.center.core.seen(3), officers=["duty-1"])
    more = stage.ru.write(
        "thread.say", make_say("more"), stage.center.core.seen(3), officers=["duty-1"], seq=2
    )
    stage.center.rewrite([*kept, other.raw, more.raw])
    stage.desk.run_once()
    evidence = stage.evidence("log-forked")
    assert verify_fork(evidence, stage.desk.view.log_key).code == "log-forked"


def test_reordered_entries_are_detected(stage: Stage) -> None:
    stage.desk.outbox.put(make_draft())
    stage.desk.outbox.step()
    stage.center.say("ru", "thread.say", make_say("theirs"), officers=["duty-1"])
    entries = stage.center.entries
    stage.center.rewrite([*entries[:3], entries[4], entries[3]])
    stage.desk.run_once()
    assert "log-forked" in stage.alarms()


def test_wrong_tile_is_detected_and_not_mirrored(stage: Stage) -> None:
    stage.center.say("ru", "thread.say", make_say("theirs"), officers=["duty-1"])
    stage.center.lies.add("bad-tile")
    stage.desk.run_once()
    assert_told(stage, "bad-tile", "shown")
    assert stage.desk.view.size == stage.desk.mirror.size == 3
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.view.size == stage.desk.mirror.size == 5


def test_wrong_entry_is_detected_and_the_tree_goes_back(stage: Stage) -> None:
    stage.center.say("ru", "thread.say", make_say("theirs"), officers=["duty-1"])
    stage.center.lies.add("bad-entry")
    stage.desk.run_once()
    assert_told(stage, "bad-entry", "shown")
    assert stage.desk.view.tree.size == stage.desk.view.size == 3
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.view.size == 5


def test_withheld_tile_is_no_answer_and_becomes_stale(stage: Stage) -> None:
    stage.center.say("ru", "thread.say", make_say("theirs"), officers=["duty-1"])
    stage.center.lies.add("withheld-tile")
    stage.desk.run_once()
    assert stage.desk.link.state == "down"
    assert "withheld-tile" in stage.desk.link.trouble
    assert stage.desk.view.size == 3


def test_stale_checkpoint_after_an_answer_is_told_in_time(stage: Stage) -> None:
    stage.center.shown_size = 3
    said = stage.say()
    assert said.state == RECORDED
    assert stage.alarms() == {}
    stage.clock.pass_s(stage.desk.vault.config.stale_s + 1)
    stage.desk.run_once()
    alarm = stage.alarms()["stale-checkpoint"]
    assert "expected a record of size >= 4" in alarm.words
    assert "got 3 for 61 s" in alarm.words
    assert_told(stage, "stale-checkpoint", "held")


def test_no_second_message_is_signed_while_the_first_is_not_shown(stage: Stage) -> None:
    stage.center.shown_size = 3
    stage.say()
    second = stage.say("second")
    assert second.state == QUEUED
    stage.center.be_honest()
    stage.desk.run_once()
    assert [item.state for item in stage.desk.outbox.list_waiting()] == []


def test_replayed_answer_is_not_taken_for_ours(stage: Stage) -> None:
    stage.say()
    stage.center.lies.add("replayed-answer")
    said = stage.say("second")
    assert said.state == SIGNED
    assert_told(stage, "replayed-answer", "answer", "message")
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.outbox.get(said.number).state == RECORDED


def test_false_proof_is_not_believed(stage: Stage) -> None:
    stage.center.lies.add("bad-proof")
    said = stage.say()
    assert said.state == SIGNED
    assert {"bad-inclusion", "bad-proof"} & stage.alarms().keys(), stage.alarms()
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.outbox.get(said.number).state == RECORDED


def test_refused_then_inserted_convicts_the_host(stage: Stage) -> None:
    stage.center.refuse_next = "not-today"
    with pytest.raises(Denied, match="no"):
        stage.say("refused")
    (refused,) = stage.desk.outbox.list_refused()
    assert refused.state == REFUSED
    envelope = parse_envelope(_read_envelope(stage, refused.id))
    stage.center.insert(envelope.raw)
    stage.desk.run_once()
    assert_told(stage, "refused-then-inserted", "refusal", "entry", "checkpoint")
    evidence = stage.evidence("refused-then-inserted")
    proven = verify_refusal_envelope(
        parse_envelope(evidence["refusal"]),
        LeafHash(parse_envelope(evidence["entry"]).leaf),
        stage.center.core.key.public,
        origin=ORIGIN,
    )
    assert proven.refusal.code == "not-today"
    assert parse_envelope(evidence["refusal"]).payload_type == REFUSAL_TYPE


def _read_envelope(stage: Stage, number: int) -> bytes:
    row = stage.desk.book.read_one("SELECT envelope FROM outbox WHERE id = ?", (number,))
    assert row is not None
    return bytes(row["envelope"])


def test_unsigned_refusal_keeps_the_message_ours_to_send(stage: Stage) -> None:
    stage.center.lies.add("unsigned-refusal")
    stage.center.refuse_next = "not-today"
    said = stage.say()
    assert said.state in {SIGNED, RECORDED}
    assert_told(stage, "unsigned-refusal", "answer", "message")
    first = _read_envelope(stage, said.number)
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.outbox.get(said.number).state == RECORDED
    assert _read_envelope(stage, said.number) == first


def test_center_that_denies_its_own_checkpoint_convicts_itself(stage: Stage) -> None:
    stage.center.refuse_next = "seen-fork"
    with pytest.raises(Denied):
        stage.say()
    assert_told(stage, "seen-denied", "held", "refusal", "message")


def test_withheld_ciphertext_is_reported_and_read_when_it_comes(stage: Stage) -> None:
    leaf = stage.center.say_sealed("ru", "thread.say", encode_body(make_say("secret")), officers=["duty-1"])
    stage.center.lies.add("withheld-ciphertext")
    stage.desk.run_once()
    assert_told(stage, "withheld-ciphertext", "entry")
    receipt = find_receipt(stage.desk.rows, leaf, "us")
    assert receipt is not None
    assert receipt.delivery == "unreadable"
    assert stage.desk.rows.find(SayRow, leaf) is None
    stage.center.be_honest()
    assert stage.desk.follower.retry_unreadable() == 1
    stage.desk.run_once()
    text = stage.desk.rows.find(SayRow, leaf)
    assert text is not None
    assert text.text == "secret"
    receipt = find_receipt(stage.desk.rows, leaf, "us")
    assert receipt is not None
    assert receipt.delivery == "readable"


def test_swapped_ciphertext_is_told_with_the_bytes(stage: Stage) -> None:
    leaf = stage.center.say_sealed("ru", "thread.say", encode_body(make_say("secret")), officers=["duty-1"])
    stage.center.lies.add("swapped-ciphertext")
    stage.desk.run_once()
    assert_told(stage, "swapped-ciphertext", "entry", "ciphertext")
    assert stage.desk.rows.find(SayRow, leaf) is None
    receipt = find_receipt(stage.desk.rows, leaf, "us")
    assert receipt is not None
    assert receipt.delivery == "unreadable"


def test_entry_that_the_rules_forbid_is_void_and_told(stage: Stage) -> None:
    said = stage.notify()
    # An acknowledgement by nobody: the kind asks for one named officer.
    forged = stage.ru.write(
        "receipt.acknowledge", Acknowledge(messages=[said.leaf]), stage.center.core.seen()
    )
    stage.center.insert(forged.raw)
    stage.desk.run_once()
    assert_told(stage, "wrongly-accepted", "entry", "checkpoint")
    receipt = find_receipt(stage.desk.rows, said.leaf, "ru")
    assert receipt is not None
    assert receipt.acknowledged is None
    assert stage.evidence("wrongly-accepted")["entry"] == forged.raw


def test_one_void_entry_does_not_void_what_its_author_says_later(stage: Stage) -> None:
    said = stage.notify()
    seen = stage.center.core.seen()
    void = stage.ru.write("receipt.acknowledge", Acknowledge(messages=[said.leaf]), seen)
    body = Acknowledge(messages=[said.leaf])
    good = stage.ru.write(
        "receipt.acknowledge", body, seen, officers=["duty-1"], seq=stage.ru.seq + 1, prev=void.leaf
    )
    stage.center.rewrite([*stage.center.entries, void.raw, good.raw])
    stage.desk.run_once()
    receipt = find_receipt(stage.desk.rows, said.leaf, "ru")
    assert receipt is not None
    assert receipt.acknowledged is not None
    assert list(stage.alarms()) == ["wrongly-accepted"]


def test_forged_author_in_the_record_is_void(stage: Stage) -> None:
    forged = stage.ru.write(
        "thread.say",
        make_say("forged"),
        stage.center.core.seen(),
        officers=["duty-1"],
        keys=[stage.center.core.key],
    )
    stage.center.insert(forged.raw)
    stage.desk.run_once()
    assert "wrongly-accepted" in stage.alarms()
    assert list(stage.desk.rows.select(SayRow)) == []


def test_garbage_in_the_record_is_void(stage: Stage) -> None:
    stage.center.insert(b"\x00garbage")
    stage.desk.run_once()
    assert "wrongly-accepted" in stage.alarms()
    assert stage.desk.view.size == 4


def test_message_of_ours_that_we_did_not_send_is_told(stage: Stage) -> None:
    stolen = stage.center.us.write(
        "thread.say", make_say("not us"), stage.center.core.seen(), officers=["duty-1"]
    )
    stage.center.core.submit(stolen)
    stage.desk.run_once()
    assert_told(stage, "unknown-own-message", "entry", "checkpoint")


def test_firm_is_believed_from_cosignatures_alone(stage: Stage) -> None:
    said = stage.say()
    stage.center.lies.add("false-standing")
    stage.desk.run_once()
    assert stage.desk.follower.standing(said.index or 0) == "recorded"
    stage.center.be_honest()
    stage.center.cosigners = [stage.ru]
    stage.desk.run_once()
    assert stage.desk.follower.standing(said.index or 0) == "recorded"
    stage.center.cosigners = [stage.ru, stage.center.us]
    stage.desk.run_once()
    assert stage.desk.follower.standing(said.index or 0) == "settled"


def test_one_lie_told_again_and_again_is_one_alarm_until_it_is_dismissed(stage: Stage) -> None:
    stage.say()
    stage.center.shown_size = 3
    for _ in range(3):
        stage.desk.run_once()
    alarm = stage.alarms()["rolled-back"]
    folders = list((stage.folder / "evidence").iterdir())
    assert len(folders) == 1
    stage.desk.board.dismiss(alarm.id, officer="duty-1", why="the host says it was a cache")
    assert stage.alarms() == {}
    assert list((stage.folder / "evidence").iterdir()) == folders


def test_host_cannot_read_a_sealed_text(stage: Stage) -> None:
    stage.say("the tanks are at the bridge", to=["ru"])
    stage.desk.run_once()
    seen_by_host = b"".join([*stage.center.entries, *stage.center.received, *stage.center.sealed.values()])
    assert b"tanks" not in seen_by_host
    assert b"tanks".hex().encode() not in seen_by_host
    assert stage.desk.follower.views.public.rows.find(SayRow, stage.desk.archive.resolve("3").leaf) is None
    (text,) = stage.desk.rows.select(SayRow)
    assert text.text == "the tanks are at the bridge"
    ciphertext = stage.center.sealed[text.message, "ru"]
    parsed = stage.ru.open(
        parse_envelope(stage.center.entries[3]), ciphertext, stage.desk.follower.views.own.kinds
    )
    assert parsed.body == stage.desk.archive.read(3).body


def test_a_long_absence_is_receipted_in_messages_that_fit(stage: Stage) -> None:
    leaves = [
        stage.center.say("ru", "thread.say", make_say(f"text {place}"), officers=["duty-1"])
        for place in range(700)
    ]
    stage.desk.run_once()
    assert stage.alarms() == {}
    assert stage.desk.link.state == "good"
    receipts = [find_receipt(stage.desk.rows, leaf, "us") for leaf in leaves]
    assert {receipt.delivery for receipt in receipts if receipt} == {"readable"}
    assert None not in receipts


def test_receipts_are_said_by_the_desk_alone_and_once(stage: Stage) -> None:
    leaf = stage.center.say("ru", "activity.notify", make_notify(), officers=["duty-1"])
    for _ in range(3):
        stage.desk.run_once()
    receipt = find_receipt(stage.desk.rows, leaf, "us")
    assert receipt is not None
    assert receipt.delivery == "readable"
    assert receipt.acknowledged is None
    assert receipt.state == "waiting"
    delivers = list(stage.desk.rows.select(ReceiptRow, party="us"))
    assert len(delivers) == 1
