"""Receipts: delivered and acknowledged by whom it concerns, and by nobody else."""

from __future__ import annotations

import pytest

from entente.deconflict import Acknowledge, Deliver, Delivery, ReceiptRow, find_receipt
from tests.unit.test_deconflict_simulator import RecordSimulator, refused


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def deliver(record: RecordSimulator, party: str, leaf: str, outcome: str = "readable") -> str:
    body = Deliver([Delivery(leaf, outcome, "note")])  # type: ignore[arg-type] # checked on the wire
    return record.send(party, "receipt.deliver", body, officers=())


def test_every_other_party_owes_an_open_message(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    owed = [row.party for row in record.host.select(ReceiptRow, state="waiting")]
    assert owed == ["ru", "un"]
    assert record.receipt(leaf, "ru").submitted.officers == ("duty-1",)


def test_only_addressees_owe_an_addressed_message(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    assert find_receipt(record.host, leaf, "un") is None
    record.acknowledge("ru", leaf)
    assert record.receipt(leaf, "ru").state == "acknowledged"


def test_delivery_is_not_acknowledgement(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    deliver(record, "ru", leaf)
    receipt = record.receipt(leaf, "ru")
    assert receipt.delivered is not None
    assert receipt.acknowledged is None
    assert receipt.state == "waiting"


def test_acknowledgement_names_the_officer_and_the_time(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.tick(minutes=3)
    record.acknowledge("ru", leaf, officers=["duty-2"])
    stamp = record.receipt(leaf, "ru").acknowledged
    assert stamp is not None
    assert (stamp.officers, stamp.at, stamp.index) == (("duty-2",), "2016-09-17T13:03:00Z", 1)
    assert record.receipt(leaf, "un").state == "waiting"


def test_acknowledgement_for_another_party_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    with refused("nothing-owed", leaf[:12], "'un'"):
        record.acknowledge("un", leaf)


def test_acknowledging_ones_own_message_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    with refused("nothing-owed", "'us'"):
        record.acknowledge("us", leaf)


def test_acknowledging_what_is_not_in_the_record_is_refused(record: RecordSimulator) -> None:
    with refused("nothing-owed", "000000000000"):
        record.acknowledge("ru", "0" * 64)


@pytest.mark.parametrize("officers", (("duty-1", "duty-2"), ()))
def test_acknowledgement_needs_exactly_one_officer(
    record: RecordSimulator, officers: tuple[str, ...]
) -> None:
    leaf = record.notify("us", "alpha")
    with refused("one-officer" if officers else "officers-missing", f"got {len(officers)}"):
        record.acknowledge("ru", leaf, officers=officers)


def test_a_second_acknowledgement_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.acknowledge("ru", leaf)
    with refused("already-acknowledged", "entry 1"):
        record.acknowledge("ru", leaf, officers=["duty-2"])


def test_one_bad_message_refuses_the_whole_acknowledgement(record: RecordSimulator) -> None:
    first, second = record.notify("us", "alpha"), record.notify("us", "bravo", to=["un"])
    with refused("nothing-owed", second[:12]):
        record.acknowledge("ru", first, second)
    assert record.receipt(first, "ru").state == "waiting"


def test_several_are_acknowledged_at_once(record: RecordSimulator) -> None:
    leaves = [record.notify("us", name) for name in ("alpha", "bravo", "charlie")]
    record.acknowledge("ru", *leaves)
    assert {record.receipt(leaf, "ru").state for leaf in leaves} == {"acknowledged"}


def test_unsorted_or_repeated_messages_are_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    with refused("message-order"):
        record.send("ru", "receipt.acknowledge", Acknowledge([leaf, leaf]))
    with refused("message-order"):
        both = [Delivery(leaf, "readable", ""), Delivery(leaf, "readable", "")]
        record.send("ru", "receipt.deliver", Deliver(both), officers=())


def test_delivery_for_another_party_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    with refused("nothing-owed", "'un'"):
        deliver(record, "un", leaf)


def test_a_second_delivery_is_refused_unless_the_first_could_not_be_read(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    deliver(record, "ru", leaf, "unreadable")
    with refused("already-delivered", "'unreadable'"):
        deliver(record, "ru", leaf, "unreadable")
    deliver(record, "ru", leaf, "readable")
    with refused("already-delivered", "'readable'"):
        deliver(record, "ru", leaf, "refused")


@pytest.mark.parametrize("outcome", ("unreadable", "refused"))
def test_nobody_acknowledges_what_his_desk_could_not_take(record: RecordSimulator, outcome: str) -> None:
    leaf = record.notify("us", "alpha")
    deliver(record, "ru", leaf, outcome)
    with refused("not-readable", repr(outcome)):
        record.acknowledge("ru", leaf)


def test_what_was_acknowledged_is_not_called_unreadable_afterwards(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.acknowledge("ru", leaf)
    with refused("already-acknowledged", "'refused'"):
        deliver(record, "ru", leaf, "refused")
    deliver(record, "ru", leaf, "readable")
    assert record.receipt(leaf, "ru").state == "acknowledged"


def test_receipts_of_sealed_messages_are_alike_for_all(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", to=["ru"])
    deliver(record, "ru", leaf)
    record.acknowledge("ru", leaf)
    found = {record.receipt(leaf, "ru", view=view) for view in (None, "ru", "un", "us")}
    assert len(found) == 1
