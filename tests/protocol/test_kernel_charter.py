"""The charter under attack: who must sign it, what it must name, and that it stays the only one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.kernel.charter import Charter, charter_fingerprint, get_charter, list_parties
from entente.kernel.errors import Denied, EntenteError, Malformed, NotFound, PeerError, VerificationFailed
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.roots import Roots
from entente.kernel.rows import MemoryRows
from entente.record.note import NoteKey, SignatureType, encode_note_key
from tests.parties import ORIGIN, RULES, CenterSimulator, PartySimulator, SayBody, draw_seed


def make_center() -> tuple[CenterSimulator, PartySimulator, PartySimulator]:
    us, ru = PartySimulator("us", root_count=3, threshold=2), PartySimulator("ru")
    return CenterSimulator(us, ru), us, ru


def expect_refused(center: CenterSimulator, charter: Charter, code: str, /, **lies: Any) -> str:
    with pytest.raises(EntenteError) as caught:
        center.submit(center.write_charter(charter, **lies))
    assert caught.value.code == code, str(caught.value)
    assert center.entries == []
    return str(caught.value)


def test_an_honest_charter_is_entry_0() -> None:
    center, us, ru = make_center()
    with pytest.raises(NotFound):
        get_charter(center.rows)
    entry = center.submit(center.write_charter(center.draft_charter()))
    assert entry.index == 0
    assert get_charter(center.rows).rules == RULES
    assert list_parties(center.rows) == ["ru", "us"]
    assert charter_fingerprint(entry.message.signed.payload).count(" ") == 7
    for party in (ru, us):
        center.submit(party.write_roster(center.seen(), party.statement(), party.roots))
    assert len(center.entries) == 3


def test_a_charter_without_every_founders_threshold_is_refused() -> None:
    center, us, ru = make_center()
    charter = center.draft_charter()
    expect_refused(center, charter, "unsigned", keys=[center.key, *us.roots])
    text = expect_refused(center, charter, "unsigned", keys=[center.key, us.roots[0], *ru.roots])
    assert "expected 2 root signatures of 'us', got 1" in text
    expect_refused(center, charter, "unsigned", keys=[*us.roots, *ru.roots])
    center.submit(center.write_charter(charter, [center.key, *us.roots[1:], *ru.roots]))


def test_a_charter_signed_by_desk_keys_is_refused() -> None:
    center, us, ru = make_center()
    expect_refused(center, center.draft_charter(), "unknown-key", keys=[center.key, us.desk, ru.desk])


def test_a_charter_with_a_forged_founders_signature_is_refused() -> None:
    center, us, _ = make_center()
    forger = SigningKey("ru/root", draw_seed("forger"))
    expect_refused(center, center.draft_charter(), "unknown-key", keys=[center.key, *us.roots, forger])


def test_nothing_comes_before_the_charter() -> None:
    center, us, _ = make_center()
    # A stranger to the record has no key in any ring.
    with pytest.raises(VerificationFailed):
        center.submit(us.write("test.say", SayBody(text="x"), center.seen()))
    with pytest.raises(Denied) as caught:
        center.submit(us.write_roster(center.seen(), us.statement(), us.roots))
    assert caught.value.code == "no-charter"


def test_a_second_charter_is_refused() -> None:
    center, _, _ = make_center()
    center.found()
    # Its own body brings the keys that sign it: only the rule stands between it and a takeover.
    for charter in (center.draft_charter(), center.draft_charter(name="Another")):
        with pytest.raises(Denied) as caught:
            center.submit(center.write_charter(charter))
        assert caught.value.code == "second-charter"
    assert len(center.entries) == 3


def test_a_charter_by_a_party_is_refused() -> None:
    center, us, ru = make_center()
    everyone = [center.key, *us.roots, *ru.roots]
    with pytest.raises(Denied) as caught:
        center.submit(us.write("charter", center.draft_charter(), center.seen(), keys=everyone))
    assert caught.value.code == "bad-author"


def test_a_charter_cannot_be_addressed() -> None:
    center, us, ru = make_center()
    everyone = [center.key, *us.roots, *ru.roots]
    signed, _ = us.write_sealed(
        "charter", center.draft_charter(), [ru], center.seen(), author="center", keys=everyone
    )
    with pytest.raises(VerificationFailed) as caught:
        center.submit(signed)
    assert caught.value.code == "unknown-key"


def test_founders_are_named_once_and_in_order() -> None:
    center, us, ru = make_center()
    for parties in ([us, ru], [ru, us, ru], [ru, us, us]):
        charter = center.draft_charter(parties=[party.founder() for party in parties])
        expect_refused(center, charter, "party-order")
    expect_refused(center, center.draft_charter(parties=[us.founder()]), "wrong-type")


def test_no_party_is_called_center() -> None:
    us = PartySimulator("us")
    center = CenterSimulator(PartySimulator("center"), us)
    expect_refused(center, center.draft_charter(), "bad-party")


def test_keys_of_the_charter_carry_the_names_of_their_owners() -> None:
    center, us, ru = make_center()
    impostor = SigningKey("un/root", draw_seed("impostor"))
    for place in range(3):  # wherever it stands among the honest ones
        roots = list(us.roots)
        roots[place] = impostor
        wires = Roots(keys=[encode_public_key(key.public) for key in roots], threshold=2)
        charter = center.draft_charter(parties=[ru.founder(), us.founder(roots=wires)])
        expect_refused(center, charter, "bad-key-name", keys=[center.key, *roots, *ru.roots])
    other = SigningKey("us/center", draw_seed("center"))
    expect_refused(
        center,
        center.draft_charter(center=encode_public_key(other.public)),
        "bad-key-name",
        keys=[other, *us.roots, *ru.roots],
    )


def test_the_log_key_is_the_records_own() -> None:
    center, _, _ = make_center()

    def vkey(
        name: str, kind: SignatureType = SignatureType.ED25519, raw: bytes = center.log.public.raw
    ) -> str:
        return encode_note_key(NoteKey(name, kind, raw))

    expect_refused(center, center.draft_charter(log=vkey("other.example/record")), "bad-origin")
    witness = vkey(ORIGIN, SignatureType.COSIGNATURE_ED25519)
    expect_refused(center, center.draft_charter(log=witness), "bad-key-type")
    honest = vkey(ORIGIN)
    name, digits, encoded = honest.split("+", 2)
    bent = f"{name}+{int(digits, 16) ^ 1:08x}+{encoded}"
    expect_refused(center, center.draft_charter(log=bent), "bad-key-id")
    expect_refused(center, center.draft_charter(log=f"{name}+{digits}+AAAA"), "bad-length")
    expect_refused(center, center.draft_charter(log=f"{name}+{digits}+{encoded[:-1]}"), "bad-base64")


def test_one_key_does_not_serve_two() -> None:
    center, us, ru = make_center()
    shared = SigningKey("ru/root", draw_seed("us/root/0"))
    assert shared.public.raw == us.roots[0].public.raw
    ru.roots = [shared]
    expect_refused(center, center.draft_charter(), "shared-key")
    ru.roots = [SigningKey("ru/root", draw_seed("center"))]
    expect_refused(center, center.draft_charter(), "shared-key")
    ru.roots = [SigningKey("ru/root", draw_seed("log"))]
    expect_refused(center, center.draft_charter(), "shared-key")
    ru.roots = [ru.make_key("root")]
    center.log = SigningKey(ORIGIN, draw_seed("center"))
    expect_refused(center, center.draft_charter(), "shared-key")


def test_a_threshold_counts_people() -> None:
    center, us, ru = make_center()
    wire = encode_public_key(us.roots[0].public)
    for roots, code in (
        (Roots(keys=[wire, wire], threshold=2), "duplicate-key"),
        (Roots(keys=[wire], threshold=2), "bad-threshold"),
        (Roots(keys=[wire], threshold=0), "wrong-type"),
        (Roots(keys=[], threshold=1), "wrong-type"),
    ):
        charter = center.draft_charter(parties=[ru.founder(), us.founder(roots=roots)])
        expect_refused(center, charter, code, keys=[center.key, us.roots[0], *ru.roots])


def test_a_key_whose_id_is_anothers_is_refused() -> None:
    center, us, ru = make_center()
    wire = msgspec.structs.replace(encode_public_key(us.roots[0].public), id=us.roots[1].public.key_id)
    roots = Roots(keys=[wire], threshold=1)
    charter = center.draft_charter(parties=[ru.founder(), us.founder(roots=roots)])
    expect_refused(center, charter, "bad-key-id", keys=[center.key, us.roots[0], *ru.roots])


def test_rules_that_lapse_before_they_escalate_are_refused() -> None:
    center, _, _ = make_center()
    rules = msgspec.structs.replace(RULES, escalate_minutes=61)
    expect_refused(center, center.draft_charter(rules=rules), "bad-rules")


def test_a_charter_of_another_origin_founds_nothing() -> None:
    center, _, _ = make_center()
    expect_refused(center, center.draft_charter(), "bad-origin", center="other.example/record")


def test_a_tampered_roster_is_not_the_one_of_the_charter() -> None:
    center, us, ru = make_center()
    center.submit(center.write_charter(center.draft_charter()))
    for lies in ({"name": "Another"}, {"contacts": ["duty-2"]}, {"version": 2}):
        with pytest.raises(Denied) as caught:
            center.submit(us.write_roster(center.seen(), us.statement(**lies), us.roots))
        assert caught.value.code == "other-roster"
    with pytest.raises(Malformed) as misnamed:  # another party's, under ours
        center.submit(us.write_roster(center.seen(), ru.statement(), us.roots))
    assert misnamed.value.code == "bad-key-name"


def test_a_stranger_has_no_roster() -> None:
    center, _, _ = make_center()
    center.found()
    un = PartySimulator("un")
    with pytest.raises(PeerError) as caught:
        center.submit(un.write_roster(center.seen(), un.statement(), un.roots))
    assert caught.value.code == "unknown-author"


def test_a_first_roster_with_other_roots_than_the_charter_is_refused() -> None:
    center, us, ru = make_center()
    founder = us.founder()
    us.roots.append(us.make_key("root", 9))
    hashed = us.founder().roster
    charter = center.draft_charter(
        parties=[ru.founder(), msgspec.structs.replace(founder, roster=hashed)],
    )
    center.submit(center.write_charter(charter, [center.key, *us.roots[:3], *ru.roots]))
    with pytest.raises(Denied) as caught:
        center.submit(us.write_roster(center.seen(), us.statement(), us.roots))
    assert caught.value.code == "other-roots"


def test_an_empty_record_has_no_charter() -> None:
    with pytest.raises(NotFound):
        get_charter(MemoryRows())
