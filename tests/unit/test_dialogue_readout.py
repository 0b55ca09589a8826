"""Readouts: one text, signatures over the same bytes, dissent with its hash, silence that stays silence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.dialogue import (
    READOUT_TYPE,
    DissentReadout,
    ProposeReadout,
    Readout,
    ReadoutRow,
    SettleReadout,
    SignReadout,
    Standing,
    encode_readout,
    export_readout,
    get_standing,
    hash_readout,
    plan_settlements,
)
from entente.kernel.envelope import encode_pae, parse_envelope, verify_envelope
from entente.kernel.errors import Malformed, NotFound
from entente.kernel.roster import PartyRow
from entente.kernel.time import encode_utc
from entente.kernel.wire import encode_base64
from tests.unit.test_deconflict_simulator import RecordSimulator, make_key, refused


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def make_readout(**more: Any) -> Readout:
    body = Readout(
        id="call-3",
        title="Call of 17 September",
        held="2016-09-17T12:30:00Z",
        parties=["ru", "us"],
        text="Both sides will use the agreed frequencies.",
        language="en",
    )
    return msgspec.structs.replace(body, **more)


def sign_as(record: RecordSimulator, party: str, readout: Readout, kind: str = READOUT_TYPE) -> str:
    return encode_base64(record.keys[party].sign(encode_pae(kind, encode_readout(readout))))


def propose(record: RecordSimulator, party: str = "us", readout: Readout | None = None) -> str:
    text = readout or make_readout()
    return record.send(party, "readout.propose", ProposeReadout(text, sign_as(record, party, text)))


def sign(record: RecordSimulator, party: str, readout: Readout | None = None) -> str:
    text = readout or make_readout()
    body = SignReadout(text.id, hash_readout(text), sign_as(record, party, text))
    return record.send(party, "readout.sign", body)


def dissent(record: RecordSimulator, party: str, reason: str = "we said no such thing") -> str:
    body = DissentReadout("call-3", hash_readout(make_readout()), reason)
    return record.send(party, "readout.dissent", body)


def get_row(record: RecordSimulator) -> ReadoutRow:
    row = record.host.find(ReadoutRow, "call-3")
    assert row is not None
    return row


def settle(record: RecordSimulator) -> list[str]:
    return [
        record.send("center", kind, body)
        for kind, body in plan_settlements(record.host, record.now, record.recorded_utc)
    ]


def make_settle(record: RecordSimulator, **more: Any) -> SettleReadout:
    recorded = record.recorded[get_row(record).message]
    waited_s = int((record.now - recorded).total_seconds())
    body = SettleReadout("call-3", ["us"], [], ["ru"], encode_utc(recorded), waited_s)
    return msgspec.structs.replace(body, **more)


def test_a_readout_that_all_signed_is_settled_at_once(record: RecordSimulator) -> None:
    propose(record)
    assert settle(record) == []
    sign(record, "ru")
    settle(record)
    row = get_row(record)
    assert row.state == "settled"
    assert row.settlement is not None
    assert (row.settlement.signed, row.settlement.dissented, row.settlement.silent) == (("ru", "us"), (), ())
    assert settle(record) == []


def test_the_export_carries_every_signature_over_the_same_bytes(record: RecordSimulator) -> None:
    propose(record)
    sign(record, "ru")
    signed = parse_envelope(export_readout(record.host, "call-3").raw)
    keys = {record.keys[party].public.key_id: record.keys[party].public for party in ("ru", "us")}
    assert signed.payload == encode_readout(make_readout())
    assert verify_envelope(signed, keys.get, payload_type=READOUT_TYPE) == frozenset(keys)


def test_the_export_holds_after_a_key_is_rotated(record: RecordSimulator) -> None:
    propose(record)
    old = record.keys["us"].public
    for view in record.views.values():
        row = view.rows.find(PartyRow, "us")
        assert row is not None
        new = make_key("us/desk-new")
        desk = msgspec.structs.replace(row.statement.desk, id=new.public.key_id)
        view.rows.put(
            msgspec.structs.replace(row, statement=msgspec.structs.replace(row.statement, desk=desk))
        )
    signed = export_readout(record.host, "call-3")
    assert verify_envelope(signed, {old.key_id: old}.get, payload_type=READOUT_TYPE) == {old.key_id}


def test_exporting_what_is_not_there_is_not_found(record: RecordSimulator) -> None:
    with pytest.raises(NotFound, match="call-3"):
        export_readout(record.host, "call-3")


def test_silence_past_the_deadline_is_recorded_as_silence(record: RecordSimulator) -> None:
    propose(record)
    record.tick(minutes=59, seconds=59)
    assert settle(record) == []
    record.tick(seconds=1)
    settle(record)
    row = get_row(record)
    assert row.settlement is not None
    assert (row.settlement.signed, row.settlement.silent) == (("us",), ("ru",))
    assert len(export_readout(record.host, "call-3").signatures) == 1


@pytest.mark.parametrize(
    "lists",
    (
        {"signed": ["ru", "us"], "silent": []},
        {"dissented": ["ru"], "silent": []},
        {"signed": [], "silent": ["ru", "us"]},
        {"silent": []},
        {"silent": ["ru", "un"]},
    ),
)
def test_silence_settled_as_consent_is_refused(record: RecordSimulator, lists: dict[str, Any]) -> None:
    propose(record)
    record.tick(minutes=60)
    with refused("wrong-lists", "readout 'call-3'"):
        record.send("center", "readout.settle", make_settle(record, **lists))


def test_settling_too_early_is_refused(record: RecordSimulator) -> None:
    propose(record)
    record.tick(minutes=59, seconds=59)
    with refused("too-early", ">= 3600 s", "['ru']", "got 3599"):
        record.send("center", "readout.settle", make_settle(record))
    with refused("wrong-wait", "expected 3599 s", "got 3600"):
        record.send("center", "readout.settle", make_settle(record, waited_s=3600))
    record.tick(minutes=10)
    with refused("wrong-wait", "expected 4199 s", "got 3600"):
        record.send("center", "readout.settle", make_settle(record, waited_s=3600))


def test_a_party_cannot_settle(record: RecordSimulator) -> None:
    propose(record)
    record.tick(minutes=60)
    with refused("bad-author"):
        record.send("us", "readout.settle", make_settle(record))


def test_settling_twice_is_refused(record: RecordSimulator) -> None:
    propose(record)
    record.tick(minutes=60)
    settle(record)
    with refused("already-settled", "entry 1"):
        record.send("center", "readout.settle", make_settle(record))
    with refused("unknown-readout", "'call-4'"):
        record.send("center", "readout.settle", make_settle(record, id="call-4"))


@pytest.mark.parametrize("answer", ("signed", "dissented"))
def test_an_answer_after_settlement_is_late_and_changes_nothing_settled(
    record: RecordSimulator, answer: str
) -> None:
    propose(record)
    record.tick(minutes=60)
    settle(record)
    if answer == "signed":
        sign(record, "ru")
    else:
        dissent(record, "ru")
    row = get_row(record)
    assert row.settlement is not None
    assert row.settlement.silent == ("ru",)
    assert [(one.party, one.answer, one.is_late) for one in row.answers] == [
        ("us", "signed", False),
        ("ru", answer, True),
    ]


def test_a_dissent_keeps_its_reason_and_the_hash(record: RecordSimulator) -> None:
    propose(record)
    dissent(record, "ru")
    assert get_standing(get_row(record)) == Standing(("us",), ("ru",), ())
    assert get_row(record).answers[1].reason == "we said no such thing"
    settle(record)
    assert get_row(record).state == "settled"
    assert len(export_readout(record.host, "call-3").signatures) == 1


def test_one_answer_a_party(record: RecordSimulator) -> None:
    propose(record)
    with refused("already-answered", "'us'", "signed"):
        sign(record, "us")
    with refused("already-answered", "'us'", "signed"):
        dissent(record, "us")
    dissent(record, "ru")
    with refused("already-answered", "'ru'", "dissented"):
        sign(record, "ru")


def test_signing_other_bytes_is_refused(record: RecordSimulator) -> None:
    propose(record)
    other = make_readout(text="Both sides will stop.")
    with refused("other-bytes", hash_readout(make_readout()), hash_readout(other)):
        sign(record, "ru", other)
    with refused("other-bytes"):
        body = DissentReadout("call-3", hash_readout(other), "no")
        record.send("ru", "readout.dissent", body)


def test_a_signature_over_other_bytes_is_refused(record: RecordSimulator) -> None:
    propose(record)
    other = sign_as(record, "ru", make_readout(text="Both sides will stop."))
    with refused("bad-signature", "ru/desk"):
        body = SignReadout("call-3", hash_readout(make_readout()), other)
        record.send("ru", "readout.sign", body)


def test_a_signature_of_another_party_is_refused(record: RecordSimulator) -> None:
    propose(record)
    stolen = sign_as(record, "us", make_readout())
    with refused("bad-signature", "ru/desk"):
        record.send("ru", "readout.sign", SignReadout("call-3", hash_readout(make_readout()), stolen))
    with refused("bad-signature", "us/desk"):
        wrong = ProposeReadout(make_readout(id="call-4"), sign_as(record, "us", make_readout()))
        record.send("us", "readout.propose", wrong)


def test_a_signature_under_another_type_is_refused(record: RecordSimulator) -> None:
    propose(record)
    as_message = sign_as(record, "ru", make_readout(), "application/vnd.entente.message+json")
    with refused("bad-signature", "ru/desk"):
        record.send("ru", "readout.sign", SignReadout("call-3", hash_readout(make_readout()), as_message))


def test_a_stranger_neither_signs_nor_dissents(record: RecordSimulator) -> None:
    propose(record)
    with refused("not-a-party", "['ru', 'us'], got 'un'"):
        sign(record, "un")
    with refused("not-a-party", "['ru', 'us'], got 'un'"):
        dissent(record, "un")
    with refused("unknown-readout", "'call-4'"):
        sign(record, "ru", make_readout(id="call-4"))


@pytest.mark.parametrize(
    ("more", "code"),
    (
        ({"parties": ["us", "ru"]}, "party-order"),
        ({"parties": ["us", "us"]}, "party-order"),
        ({"parties": ["fr", "us"]}, "unknown-party"),
        ({"parties": ["ru", "un"]}, "not-a-party"),
    ),
)
def test_a_readout_of_the_wrong_parties_is_refused(
    record: RecordSimulator, more: dict[str, Any], code: str
) -> None:
    with refused(code, "'call-3'"):
        propose(record, "us", make_readout(**more))


def test_a_readout_of_one_is_no_readout() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(msgspec.to_builtins(make_readout(parties=["us"])), Readout)


def test_a_name_used_before_is_refused(record: RecordSimulator) -> None:
    propose(record)
    with refused("name-taken", "'call-3'", "'us'"):
        propose(record, "ru", make_readout(text="Something else."))


def test_a_day_that_is_none_is_refused(record: RecordSimulator) -> None:
    with pytest.raises(Malformed, match="2016-02-30") as caught:
        propose(record, "us", make_readout(held="2016-02-30T00:00:00Z"))
    assert caught.value.path == "$.body.readout.held"


def test_a_dissent_without_a_reason_is_none() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": "call-3", "sha256": "0" * 64, "reason": ""}, DissentReadout)


def test_settlements_due_come_in_the_order_of_the_record(record: RecordSimulator) -> None:
    for name in ("zulu", "alpha"):
        propose(record, "us", make_readout(id=name))
    record.tick(minutes=60)
    due = plan_settlements(record.host, record.now, record.recorded_utc)
    assert [body.id for _, body in due] == ["zulu", "alpha"]
    assert plan_settlements(record.host, record.now, lambda _: None) == []
