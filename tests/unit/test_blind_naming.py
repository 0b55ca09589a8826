"""Which parcels a message names: every kind that does, and just what its projection writes down."""

from __future__ import annotations

import msgspec

from entente.blind import KINDS, ParcelRow
from entente.blind.deposit import Deposit, encode_deposit
from entente.blind.holding import Parcel
from entente.blind.match_records import StartMatch
from entente.blind.naming import NAMING, list_parcels
from tests.blind_record import BlindRecord, make_parcel


def test_every_body_with_a_parcel_in_it_is_known() -> None:
    def has_parcel(body: type) -> bool:
        return any(field.type is Parcel for field in msgspec.structs.fields(body))

    assert {kind.body for kind in KINDS if has_parcel(kind.body)} == set(NAMING)


def test_the_parcels_listed_are_those_that_are_written_down() -> None:
    told = BlindRecord()
    own, others = told.commit("us"), told.commit("ru")
    told.amend("us", 1)
    ask = told.ask("us", own, others)
    told.answer("ru", ask)
    match = told.match("us", own)
    told.join("ru", match, others)
    named = set()
    for message in told.record.history:
        for parcel, to in list_parcels(message.body, message.author, told.rows):
            row = told.rows.find(ParcelRow, parcel.sha256)
            assert (row.author, row.to, row.size_bytes) == (message.author, to, parcel.size_bytes)
            assert row.leaf == message.leaf
            named.add(parcel.sha256)
    assert named == {row.sha256 for row in told.rows.select(ParcelRow)}
    assert len(named) == 8


def test_a_message_about_unknown_rules_names_what_it_can() -> None:
    told = BlindRecord()
    own = told.commit("us")
    body = BlindRecord.make_match(own)
    unknown = msgspec.structs.replace(body, rules="none", tags=make_parcel("list"))
    assert list_parcels(unknown, "us", told.rows) == [(make_parcel("list"), "center")]
    assert list_parcels(unknown, "un", told.rows)[0][1] == "center"
    assert list_parcels(None, "us", told.rows) == []
    assert isinstance(body, StartMatch)


def test_what_is_signed_of_a_deposit_has_one_meaning() -> None:
    """A line each behind a label: no part can slide into the next, since none can hold a line break."""
    deposit = Deposit("example.org/joint", "us", "ru", "ab" * 32, 7)
    expected = b"entente parcel deposit v1\nexample.org/joint\nus\nru\n7\n" + b"ab" * 32 + b"\n"
    assert encode_deposit(deposit) == expected
