"""Rosters under attack: rotation, revocation, stolen ids, keys that serve two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import entente.kernel.keys
from entente.joint.acceptance import AlreadyRecorded, verify_message
from entente.joint.keyring import KeyRing
from entente.joint.state import JointState
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Denied, EntenteError, Malformed, PeerError, VerificationFailed
from entente.kernel.ids import KeyID
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.roots import Roots
from entente.kernel.roster import KeyRow, OfficerWire, PartyRow, SealKeyWire, statement_keys
from entente.kernel.rows import MemoryRows
from entente.kernel.sealed import SealKey
from entente.kernel.wire import encode_base64
from entente.record.note import NoteKey, SignatureType, encode_note_key
from entente.record.tree import Tree, leaf_hash
from tests.parties import TEST_KINDS, CenterSimulator, PartySimulator, SayBody, draw_seed


@pytest.fixture
def us() -> PartySimulator:
    return PartySimulator("us", root_count=3, threshold=2)


@pytest.fixture
def ru() -> PartySimulator:
    return PartySimulator("ru")


@pytest.fixture
def center(us: PartySimulator, ru: PartySimulator) -> CenterSimulator:
    center = CenterSimulator(us, ru)
    center.found()
    return center


def expect_refused(
    center: CenterSimulator, party: PartySimulator, signers: list[SigningKey], code: str, **lies: Any
) -> str:
    before = party.version
    with pytest.raises(EntenteError) as caught:
        center.rotate(party, signers, **lies)
    party.version = before
    assert caught.value.code == code, str(caught.value)
    return str(caught.value)


def say(center: CenterSimulator, party: PartySimulator, text: str = "x", **lies: Any) -> int:
    return center.submit(party.write("test.say", SayBody(text=text), center.seen(), **lies)).index


def test_rotation_needs_the_old_threshold_and_the_new(center: CenterSimulator, us: PartySimulator) -> None:
    old = us.roots
    us.roots = [us.make_key("root", place) for place in (10, 11, 12)]
    text = expect_refused(center, us, us.roots, "root-threshold")
    assert "expected 2 signatures by old root keys, got 0" in text
    text = expect_refused(center, us, [*old, us.roots[0]], "root-threshold")
    assert "expected 2 signatures by new root keys, got 1" in text
    expect_refused(center, us, [old[0], *us.roots], "root-threshold")
    center.rotate(us, [*old[:2], *us.roots[1:]])
    # The old ones are gone: alone they move nothing any more.
    us.desk = us.make_key("desk", 1)
    expect_refused(center, us, old, "unknown-key")
    center.rotate(us, us.roots[:2])


def test_one_stolen_root_key_of_three_rotates_nothing(center: CenterSimulator, us: PartySimulator) -> None:
    stolen, us.roots, us.threshold = us.roots[0], [us.roots[0]], 1
    expect_refused(center, us, [stolen], "root-threshold")


def test_a_desk_key_signs_no_roster(center: CenterSimulator, us: PartySimulator) -> None:
    expect_refused(center, us, [us.desk], "unknown-key")
    expect_refused(center, us, [*us.roots, us.desk], "unknown-key")


def test_a_partners_roots_sign_no_roster_of_ours(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    expect_refused(center, us, [*us.roots, *ru.roots], "unknown-key")
    # A partner who puts his own keys in under our name is stopped at their name, or at the old threshold.
    mine = [SigningKey("us/root", draw_seed(f"ru's {place}")) for place in range(2)]
    us.roots, us.threshold = mine, 2
    expect_refused(center, us, mine, "root-threshold")


def test_a_version_is_not_skipped_nor_repeated(center: CenterSimulator, us: PartySimulator) -> None:
    for version in (1, 3, 1_000_000):
        expect_refused(center, us, us.roots, "roster-version", version=version)
    expect_refused(center, us, us.roots, "wrong-type", version=0)
    center.rotate(us, us.roots)


def test_a_revoked_desk_key_is_refused_from_the_next_index_on(
    center: CenterSimulator, us: PartySimulator
) -> None:
    old = us.desk
    good = say(center, us)
    us.desk = us.make_key("desk", 1)
    rotated = center.rotate(us, us.roots).index
    with pytest.raises(VerificationFailed) as caught:
        say(center, us, keys=[old])
    assert caught.value.code == "unknown-key"
    assert say(center, us) == rotated + 1
    row = center.rows.find(KeyRow, old.public.key_id)
    assert row is not None
    assert (row.from_index, row.until_index) == (
        3,
        rotated + 1,
    )  # its roster was entry 2, after the charter's
    assert good < rotated


def test_a_revoked_key_is_refused_even_to_one_who_verified_before(
    center: CenterSimulator, us: PartySimulator
) -> None:
    # Verified on another thread with yesterday's ring, placed after the revocation.
    late = center.verify(us.write("test.say", SayBody(text="late"), center.seen(), seq=us.seq + 1))
    us.desk = us.make_key("desk", 1)
    center.rotate(us, us.roots)
    with pytest.raises(VerificationFailed) as caught:
        center.place(late)
    assert caught.value.code == "revoked-key"


def test_a_stolen_revoked_key_convicts_nobody_of_equivocation(
    center: CenterSimulator, us: PartySimulator
) -> None:
    say(center, us)
    forged = center.verify(us.write("test.say", SayBody(text="forged"), center.seen(), seq=us.seq - 1))
    us.desk = us.make_key("desk", 1)
    center.rotate(us, us.roots)
    with pytest.raises(VerificationFailed) as caught:
        center.place(forged)
    assert caught.value.code == "revoked-key"  # and not equal-seq


def test_entries_of_a_revoked_key_stay_good_on_replay(center: CenterSimulator, us: PartySimulator) -> None:
    say(center, us)
    us.desk = us.make_key("desk", 1)
    center.rotate(us, us.roots)
    say(center, us)
    state, tree = JointState(MemoryRows(), TEST_KINDS), Tree()
    for data in center.entries:
        message = verify_message(parse_envelope(data), state.ring, TEST_KINDS)
        state.apply(state.admit(message, tree))
        tree.append(leaf_hash(data))
    assert tree.root() == center.tree.root()
    assert state.ring == center.state.ring == KeyRing.from_rows(center.rows)
    for row in (KeyRow, PartyRow):
        assert list(state.rows.select(row)) == list(center.rows.select(row))


def test_a_repeated_message_is_already_recorded_after_its_key_was_revoked(
    center: CenterSimulator, us: PartySimulator
) -> None:
    signed = us.write("test.say", SayBody(text="x"), center.seen())
    verified = center.verify(signed)
    index = center.submit(signed).index
    us.desk = us.make_key("desk", 1)
    center.rotate(us, us.roots)
    with pytest.raises(AlreadyRecorded) as caught:
        center.submit(signed)
    assert caught.value.index == index
    with pytest.raises(AlreadyRecorded) as caught:
        center.place(verified)
    assert caught.value.index == index


def test_a_revoked_key_cannot_come_back(center: CenterSimulator, us: PartySimulator) -> None:
    first = us.desk
    us.desk = us.make_key("desk", 1)
    center.rotate(us, us.roots)
    us.desk = first
    expect_refused(center, us, us.roots, "key-reuse")
    old_seal, us.desk = us.seal, us.make_key("desk", 2)
    us.seal = SealKey("us/seal", draw_seed("new seal", 96))
    center.rotate(us, us.roots)
    us.seal = old_seal
    expect_refused(center, us, us.roots, "key-reuse")


def test_a_revoked_root_cannot_come_back(center: CenterSimulator, us: PartySimulator) -> None:
    first = us.roots
    us.roots = [*first[1:], us.make_key("root", 9)]
    center.rotate(us, [*first[1:], us.roots[-1]])
    us.roots = first
    # It may sign, since the statement brings it; what it signs for is refused.
    expect_refused(center, us, first, "key-reuse")


def test_a_revoked_key_cannot_come_back_for_another_purpose(
    center: CenterSimulator, us: PartySimulator
) -> None:
    old = us.desk
    us.desk = us.make_key("desk", 1)
    center.rotate(us, us.roots)
    us.witness = SigningKey("us/witness", old.seed)
    expect_refused(center, us, us.roots, "shared-key")
    us.witness = us.make_key("witness")
    us.roots.append(SigningKey("us/root", old.seed))
    expect_refused(center, us, us.roots, "shared-key")


@pytest.mark.parametrize(("one", "other"), (("desk", "witness"), ("desk", "root"), ("witness", "root")))
def test_one_key_does_not_serve_two_purposes(
    center: CenterSimulator, us: PartySimulator, one: str, other: str
) -> None:
    seed = draw_seed("shared")
    for purpose in (one, other):
        key = SigningKey(f"us/{purpose}", seed)
        if purpose == "root":
            us.roots.append(key)
        else:
            setattr(us, purpose, key)
    expect_refused(center, us, us.roots, "shared-key")


@pytest.mark.parametrize("purpose", ("desk", "witness", "root"))
@pytest.mark.parametrize("owner", ("ru/desk/0", "ru/witness/0", "ru/root/0", "center", "log"))
def test_a_partners_or_the_centers_key_is_not_ours(
    center: CenterSimulator, us: PartySimulator, purpose: str, owner: str
) -> None:
    # A witness that shares a key with another's would have two votes with one signature: a cosignature does
    # not name its cosigner (tlog-cosignature).
    key = SigningKey(f"us/{purpose}", draw_seed(owner))
    signers = list(us.roots)
    if purpose == "root":
        us.roots.append(key)
    else:
        setattr(us, purpose, key)
    expect_refused(center, us, signers, "shared-key")


def test_a_founders_roots_are_not_anothers_before_its_roster_came(us: PartySimulator) -> None:
    aa = PartySimulator("aa")
    aa.desk = SigningKey("aa/desk", us.roots[0].seed)
    center = CenterSimulator(aa, us)
    center.submit(center.write_charter(center.draft_charter()))
    with pytest.raises(Denied) as caught:
        center.submit(aa.write_roster(center.seen(), aa.statement(), aa.roots))
    assert caught.value.code == "shared-key"
    center.submit(us.write_roster(center.seen(), us.statement(), us.roots))


def test_no_roster_takes_the_id_of_anothers_key(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    # ru announces its next desk key; us registers the id first, so that ru's rotation would look like reuse.
    announced = ru.make_key("desk", 1)
    for place in range(len(us.roots) + 1):
        roots = [*us.roots[:place], announced, *us.roots[place:]]
        wires = Roots(keys=[encode_public_key(key.public) for key in roots], threshold=2)
        expect_refused(center, us, us.roots, "bad-key-name", roots=wires)
    expect_refused(center, us, us.roots, "bad-key-name", desk=encode_public_key(announced.public))
    witness = NoteKey("ru/witness", SignatureType.COSIGNATURE_ED25519, announced.public.raw)
    expect_refused(center, us, us.roots, "bad-key-name", witness=encode_note_key(witness))
    seal = SealKey("ru/seal", draw_seed("ru's next", 96))
    wire = SealKeyWire(id=seal.key_id, xwing=encode_base64(seal.public_bytes))
    expect_refused(center, us, us.roots, "bad-key-id", seal=wire)
    ru.desk = announced
    center.rotate(ru, ru.roots)


def test_a_key_id_that_does_not_fit_its_bytes_is_refused(center: CenterSimulator, us: PartySimulator) -> None:
    bent = msgspec.structs.replace(encode_public_key(us.desk.public), id="us/desk+00000000")
    expect_refused(center, us, us.roots, "bad-key-id", desk=bent)
    seal = us.statement().seal
    expect_refused(
        center, us, us.roots, "bad-key-id", seal=msgspec.structs.replace(seal, id="us/seal+00000000")
    )
    name, _, encoded = us.statement().witness.split("+", 2)
    expect_refused(center, us, us.roots, "bad-key-id", witness=f"{name}+00000000+{encoded}")


def test_a_witness_key_must_be_one_that_cosigns(center: CenterSimulator, us: PartySimulator) -> None:
    # A roster whose witness line nobody can read would stop everyone who computes the quorum from it.
    note = NoteKey("us/witness", SignatureType.ED25519, us.witness.public.raw)
    expect_refused(center, us, us.roots, "bad-key-type", witness=encode_note_key(note))
    for encoded, code in (("AAAA", "bad-length"), ("B" * 47, "bad-base64"), ("A" * 44, "bad-key-type")):
        expect_refused(center, us, us.roots, code, witness=f"us/witness+00000000+{encoded}")


@pytest.fixture
def short_ids(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Key ids of 8 bits: the grinding that costs an attacker 2^32 tries takes a few here."""

    def make_short_id(name: str, raw: bytes, *, signature_type: bytes = b"\x01") -> KeyID:
        digest = hashlib.sha256(name.encode() + b"\n" + signature_type + raw).hexdigest()
        return KeyID(f"{name}+000000{digest[:2]}")

    monkeypatch.setattr(entente.kernel.keys, "make_key_id", make_short_id)
    monkeypatch.setattr("entente.kernel.roster.make_key_id", make_short_id)
    return iter(())


def grind(name: str, wanted: str) -> SigningKey:
    """Return a stranger's key with the wanted id."""
    for attempt in range(10_000):
        key = SigningKey(name, draw_seed(f"ground {attempt}"))
        if key.public.key_id == wanted:
            return key
    raise AssertionError(f"no key with id {wanted}")


@pytest.mark.usefixtures("short_ids")
def test_a_ground_key_with_the_id_of_a_root_in_force_takes_nothing_over() -> None:
    us, ru = PartySimulator("us"), PartySimulator("ru")
    us.witness = us.make_key("witness", 3)
    us.statement = _short_witness(us)  # type: ignore[method-assign]
    ru.statement = _short_witness(ru)  # type: ignore[method-assign]
    center = CenterSimulator(us, ru)
    center.draft_charter = _short_log(center)  # type: ignore[method-assign]
    center.found()
    thief = grind("us/root", us.roots[0].public.key_id)
    assert thief.public.raw != us.roots[0].public.raw
    honest, us.roots = us.roots, [thief]
    # Signed by the thief alone: neither may the new key verify in the old one's place ...
    expect_refused(center, us, [thief], "bad-signature")
    # ... nor may the party itself put another key in force under an id that is taken.
    expect_refused(center, us, honest, "key-collision")
    us.roots = honest
    us.desk = grind("us/desk", us.desk.public.key_id)
    expect_refused(center, us, honest, "key-collision")


def _short_witness(party: PartySimulator) -> Any:
    return lambda **lies: PartySimulator.statement(
        party, **({"witness": _vkey(party.witness, b"\x04")} | lies)
    )


def _short_log(center: CenterSimulator) -> Any:
    return lambda **lies: CenterSimulator.draft_charter(
        center, **({"log": _vkey(center.log, b"\x01")} | lies)
    )


def _vkey(key: SigningKey, kind: bytes) -> str:
    name, raw = key.public.name, key.public.raw
    return f"{entente.kernel.keys.make_key_id(name, raw, signature_type=kind)}+{encode_base64(kind + raw)}"


def test_officers_and_contacts_are_in_order(center: CenterSimulator, us: PartySimulator) -> None:
    ann, bob = (OfficerWire(id=name, name=name, roles=[]) for name in ("ann", "bob"))
    for lies, code in (
        ({"officers": [bob, ann], "contacts": ["ann"]}, "officer-order"),
        ({"officers": [ann, ann], "contacts": ["ann"]}, "officer-order"),
        ({"officers": [ann], "contacts": ["bob"]}, "unknown-officer"),
        ({"officers": [ann], "contacts": ["ann", "ann"]}, "duplicate-contact"),
        ({"officers": [], "contacts": ["ann"]}, "wrong-type"),
        ({"officers": [ann], "contacts": []}, "wrong-type"),
    ):
        expect_refused(center, us, us.roots, code, **lies)
    center.rotate(us, us.roots, officers=[ann, bob], contacts=["bob", "ann"])


def test_a_dismissed_officer_says_nothing_more(center: CenterSimulator, us: PartySimulator) -> None:
    say(center, us, officers=["scribe"])
    us.officers = us.officers[:2]
    center.rotate(us, us.roots)
    with pytest.raises(Denied) as caught:
        say(center, us, officers=["scribe"])
    assert caught.value.code == "unknown-officer"


def test_the_center_has_no_roster(center: CenterSimulator, us: PartySimulator) -> None:
    with pytest.raises((Malformed, PeerError)):
        center.submit(center.write("roster.statement", us.statement(version=2), keys=us.roots))
    host = PartySimulator("center")
    with pytest.raises(Malformed) as caught:
        center.submit(center.write("roster.statement", host.statement(), keys=host.roots))
    assert caught.value.code == "bad-party"


def test_every_key_of_a_statement_is_a_row(center: CenterSimulator, us: PartySimulator) -> None:
    keys = statement_keys(us.statement())
    assert sorted(keys.values()) == ["desk", "root", "root", "root", "seal", "witness"]
    rows = {row.key_id: row.purpose for row in center.rows.select(KeyRow, party="us")}
    assert rows == keys
    witness = encode_note_key(NoteKey("us/witness", SignatureType.COSIGNATURE_ED25519, us.witness.public.raw))
    assert [key for key in keys if key.startswith("us/witness")] == ["+".join(witness.split("+")[:2])]
