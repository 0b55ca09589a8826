"""Any bytes to any parser give a value or our error, and what is accepted is written back byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entente.kernel.errors import EntenteError
from entente.kernel.ids import PartyID
from entente.record import (
    ENTRIES,
    Tile,
    encode_add_checkpoint,
    encode_checkpoint,
    encode_entry_bundle,
    encode_note,
    encode_note_key,
    encode_policy,
    encode_proof,
    encode_signature_line,
    encode_tile_path,
    list_tiles,
    make_proof,
    make_quorum_policy,
    merge_cosignatures,
    parse_add_checkpoint,
    parse_checkpoint,
    parse_cosignature_lines,
    parse_entry_bundle,
    parse_note,
    parse_note_key,
    parse_policy,
    parse_proof,
    parse_tile_path,
    parse_witness_answer,
    tiles_between,
    verify_checkpoint,
    verify_fork,
    verify_proof,
    verify_under_policy,
)
from tests.unit.test_record_samples import LOG, NOW_S, WITNESSES, make_entry, make_tree, sign_tree, verified

TREE = make_tree(20)
CHECKPOINT = verified(TREE)
NOTE = merge_cosignatures(CHECKPOINT.note, [WITNESSES["us"].cosign(CHECKPOINT.text, NOW_S)])
POLICY = make_quorum_policy(
    LOG.key, {PartyID(name): WITNESSES[name].key for name in ("us", "ru", "un")}, host=None
)
PROOF = encode_proof(make_proof(TREE, 7, NOTE, extra=b"extra"))


def respell_bundle(data: bytes) -> bytes:
    return encode_entry_bundle(parse_entry_bundle(data, 3))


def respell_request(data: bytes) -> bytes:
    request = parse_add_checkpoint(data)
    return encode_add_checkpoint(request.old_size, request.proof, request.note)


def respell_lines(data: bytes) -> bytes:
    return "".join(map(encode_signature_line, parse_cosignature_lines(data))).encode()


def respell_text(parse: Callable[[str], Any], encode: Callable[[Any], str]) -> Callable[[bytes], bytes]:
    return lambda data: encode(parse(data.decode("utf-8", "surrogateescape"))).encode(
        "utf-8", "surrogateescape"
    )


CODECS: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "note": (lambda data: encode_note(parse_note(data)), NOTE),
    "checkpoint": (lambda data: encode_checkpoint(parse_checkpoint(data)), CHECKPOINT.text),
    "cosignatures": (respell_lines, NOTE[len(CHECKPOINT.text) + 1 :]),
    "bundle": (respell_bundle, encode_entry_bundle([b"one", b"", b"three"])),
    "add-checkpoint": (respell_request, encode_add_checkpoint(7, TREE.consistency_proof(7, 20), NOTE)),
    "proof": (lambda data: encode_proof(parse_proof(data)), PROOF),
    "key": (respell_text(parse_note_key, encode_note_key), encode_note_key(LOG.key).encode()),
    "tile path": (respell_text(parse_tile_path, encode_tile_path), b"tile/0/x001/234.p/8"),
}


@st.composite
def mutated(draw: st.DrawFn, seed: bytes) -> bytes:
    """A valid input with a few bytes replaced, removed, doubled or put in."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 3)):
            case 0:
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=2))
            case 1:
                del data[place : place + draw(st.integers(1, 8))]
            case 2:
                data[place:place] = data[place : place + draw(st.integers(1, 60))]
            case 3:
                data[place:place] = draw(st.sampled_from((b"\n", b" ", b"0", b"+", b"=", b"\x00", b"\xff")))
    return bytes(data)


@pytest.mark.parametrize("name", tuple(CODECS))
def test_valid_inputs_are_written_back(name: str) -> None:
    respell, seed = CODECS[name]
    assert respell(seed) == seed


@pytest.mark.parametrize("name", tuple(CODECS))
@given(data=st.data())
def test_any_bytes_give_a_value_or_our_error(name: str, data: st.DataObject) -> None:
    respell, seed = CODECS[name]
    raw = data.draw(st.binary(max_size=200) | mutated(seed))
    try:
        found = respell(raw)
    except EntenteError:
        return
    assert found == raw


@given(st.binary(max_size=200) | mutated(encode_policy(POLICY)))
@example(encode_policy(POLICY))
def test_any_bytes_as_a_policy_mean_one_policy_or_our_error(raw: bytes) -> None:
    try:
        policy = parse_policy(raw)
    except EntenteError:
        return
    assert parse_policy(encode_policy(policy)) == policy


@given(mutated(NOTE))
def test_altered_checkpoint_note_verifies_only_as_it_was_signed(raw: bytes) -> None:
    try:
        checkpoint = verify_checkpoint(raw, LOG.key)
    except EntenteError:
        return
    assert checkpoint.text == CHECKPOINT.text


@given(mutated(PROOF), st.binary(max_size=30) | st.just(make_entry(7)))
def test_altered_proof_proves_only_what_is_so(raw: bytes, entry: bytes) -> None:
    lone = make_quorum_policy(LOG.key, {PartyID("us"): WITNESSES["us"].key}, host=None)
    try:
        found = verify_proof(raw, entry, lone)
    except EntenteError:
        return
    assert (found.entry, found.index) == (make_entry(7), 7)
    assert found.witnessed.checkpoint.text == CHECKPOINT.text


@given(mutated(NOTE))
def test_no_alteration_makes_a_quorum(raw: bytes) -> None:
    with pytest.raises(EntenteError):
        verify_under_policy(raw, POLICY)


@given(mutated(sign_tree(make_tree(20))), mutated(b"old 7\nAAAA\n"))
def test_no_alteration_makes_evidence_against_an_honest_log(note: bytes, consistency: bytes) -> None:
    evidence = {"checkpoint-a": CHECKPOINT.note, "checkpoint-b": note, "consistency": consistency}
    with pytest.raises(EntenteError):
        verify_fork(evidence, LOG.key)


@given(st.integers(100, 599), st.text(max_size=30), st.binary(max_size=60), st.integers(0, 2**63 - 1))
def test_any_witness_answer_gives_a_value_or_our_error(
    status: int, content_type: str, body: bytes, old_size: int
) -> None:
    for kind in (content_type, "text/x.tlog.size"):
        for code in (status, 200, 409, 422):
            with suppress(EntenteError):
                parse_witness_answer(code, kind, body, old_size=old_size)


@given(st.integers(0, 2**40), st.integers(0, 2000))
def test_tiles_of_a_growing_log_have_one_path_each(old: int, growth: int) -> None:
    tiles = list(tiles_between(old, old + growth))
    paths = {encode_tile_path(tile) for tile in tiles}
    assert len(paths) == len(tiles)
    assert {parse_tile_path(path) for path in paths} == set(tiles)


@given(st.integers(0, 70_000))
def test_tiles_of_a_size_hold_every_leaf_once(size: int) -> None:
    for level in (ENTRIES, 0):
        assert sum(tile.width for tile in list_tiles(size) if tile.level == level) == size
    assert all(isinstance(tile, Tile) for tile in list_tiles(size))
