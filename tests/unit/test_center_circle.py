"""Whose cosignatures count, and how far they carry: against parties that state what is not theirs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bench.parties import RULES, PartySimulator, make_party
from entente.center.circle import find_witness_keys, list_members
from entente.center.standings import Standings
from entente.kernel.charter import Charter, CharterRow, FoundingParty
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.roster import PartyRow
from entente.kernel.rows import MemoryRows
from entente.record import (
    Checkpoint,
    NoteSigner,
    Tree,
    VerifiedCheckpoint,
    encode_note_key,
    leaf_hash,
    sign_checkpoint,
    verify_checkpoint,
)

LOG = NoteSigner(SigningKey("example.org/joint", bytes(32)))


def rows_of(parties: list[PartySimulator], dishonest: int | None = None, **changes: Any) -> MemoryRows:
    rows = MemoryRows()
    rules = msgspec.structs.replace(RULES, dishonest_witnesses=dishonest)
    center = encode_public_key(SigningKey("center", b"c" * 32).public)
    founders = [FoundingParty(one.name, one.name, one.statement().roots, "00" * 32) for one in parties]
    charter = Charter("x", "x", center, "", "", exercise=True, parties=founders, rules=rules, terms=[])
    rows.put(CharterRow("example.org/joint", charter, ""))
    for place, party in enumerate(parties):
        statement = party.statement(**changes.get(party.name, {}))
        rows.put(PartyRow(party.name, statement, place))
    return rows


def checkpoint_of(size: int) -> VerifiedCheckpoint:
    tree = Tree.from_leaf_hashes([leaf_hash(b"%d" % at) for at in range(size)])
    raw = sign_checkpoint(Checkpoint("example.org/joint", size, tree.root()), LOG)
    return verify_checkpoint(raw, LOG.key)


def lines(checkpoint: VerifiedCheckpoint, *parties: PartySimulator) -> Any:
    return {party.name: party.witness.cosign(checkpoint.text, 7) for party in parties}


PARTIES = [make_party(name) for name in ("cn", "ru", "un", "us")]


def test_a_copied_witness_key_does_not_count() -> None:
    theirs = PARTIES[0].statement().witness
    rows = rows_of(PARTIES[:2], ru={"witness": theirs})
    assert [member.party for member in list_members(rows)] == ["cn"]


@pytest.mark.parametrize("vkey", ("ru/witness+00000000+AAAA", "ru/witness", "", "x+y+z"))
def test_a_witness_key_that_is_none_does_not_count_and_breaks_nothing(vkey: str) -> None:
    rows = rows_of(PARTIES[:2], ru={"witness": vkey})
    assert [member.party for member in list_members(rows)] == ["cn"]


def test_a_log_key_is_no_witness_key() -> None:
    rows = rows_of(PARTIES[:2], ru={"witness": encode_note_key(LOG.key)})
    assert [member.party for member in list_members(rows)] == ["cn"]


def test_a_party_without_a_witness_weakens_nothing() -> None:
    theirs, checkpoint = PARTIES[0].statement().witness, checkpoint_of(5)
    two = rows_of(PARTIES[:2], ru={"witness": theirs})
    assert Standings().add(checkpoint, lines(checkpoint, PARTIES[0]), two).firm_size == 0
    four = rows_of(PARTIES, ru={"witness": theirs})
    assert Standings().add(checkpoint, lines(checkpoint, PARTIES[0], PARTIES[2]), four).firm_size == 0
    three = Standings().add(checkpoint, lines(checkpoint, PARTIES[0], *PARTIES[2:]), four)
    assert (three.firm_size, three.settled_size) == (5, 0)
    assert sorted(find_witness_keys(four)) == ["cn", "ru", "un", "us"]


def test_two_parties_are_firm_only_together() -> None:
    rows, checkpoint = rows_of(PARTIES[:2]), checkpoint_of(5)
    one = Standings().add(checkpoint, lines(checkpoint, PARTIES[0]), rows)
    assert (one.firm_size, one.settled_size) == (0, 0)
    both = one.add(checkpoint, lines(checkpoint, PARTIES[1]), rows)
    assert (both.firm_size, both.settled_size) == (5, 5)


def test_four_parties_are_firm_with_three_and_settled_with_four() -> None:
    rows, checkpoint = rows_of(PARTIES), checkpoint_of(5)
    three = Standings().add(checkpoint, lines(checkpoint, *PARTIES[:3]), rows)
    assert (three.firm_size, three.settled_size) == (5, 0)
    later = checkpoint_of(9)
    none = three.add(later, lines(later, PARTIES[3]), rows)
    assert (none.firm_size, none.settled_size) == (5, 0)
    assert none.find_note(5) is not None
    four = none.add(checkpoint, lines(checkpoint, PARTIES[3]), rows)
    assert (four.firm_size, four.settled_size) == (5, 5)


def test_the_agreed_number_of_liars_is_kept_to() -> None:
    checkpoint = checkpoint_of(5)
    strict = Standings().add(checkpoint, lines(checkpoint, *PARTIES[:3]), rows_of(PARTIES, dishonest=3))
    assert strict.firm_size == 0
    # More than there are witnesses means all of them.
    Standings().add(checkpoint, lines(checkpoint, *PARTIES[:3]), rows_of(PARTIES, dishonest=40))


def test_what_is_firm_stays_firm_when_a_roster_changes() -> None:
    rows, checkpoint = rows_of(PARTIES[:2]), checkpoint_of(5)
    both = Standings().add(checkpoint, lines(checkpoint, *PARTIES[:2]), rows)
    replaced = make_party("ru", seed=2)
    rows.put(PartyRow("ru", replaced.statement(2), 6))
    later = checkpoint_of(9)
    after = both.add(later, lines(later, PARTIES[0]), rows)
    assert (after.firm_size, after.settled_size) == (5, 5)


def test_old_checkpoints_are_forgotten() -> None:
    rows = rows_of(PARTIES[:2])
    standings = Standings()
    for size in range(1, 30):
        checkpoint = checkpoint_of(size)
        standings = standings.add(checkpoint, lines(checkpoint, *PARTIES[: 1 + size % 2]), rows)
    assert sorted(standings.cosigned) == [29]
    assert standings.firm_size == 29
