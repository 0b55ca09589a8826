from __future__ import annotations

from itertools import combinations

import pytest

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import PartyID
from entente.kernel.keys import SigningKey
from entente.record import (
    Checkpoint,
    CosignatureSigner,
    MLDSACosignatureSigner,
    NoteSigner,
    Policy,
    PolicyLog,
    Standing,
    WitnessedCheckpoint,
    decide_quorum,
    decide_standing,
    default_dishonest,
    encode_note_key,
    encode_policy,
    make_quorum_policy,
    merge_cosignatures,
    parse_policy,
    quorum_size,
    sign_checkpoint,
    verify_cosignatures,
    verify_under_policy,
)
from tests.unit.test_record_samples import LOG, NOW_S, WITNESSES, make_seed, make_tree, verified

LOG_VKEY = encode_note_key(LOG.key)
US, RU, UN, ICRC = (encode_note_key(WITNESSES[name].key) for name in ("us", "ru", "un", "icrc"))
EXAMPLE = f"""\
# who is believed
log {LOG_VKEY} https://center.example/record

\twitness X1  {US}\thttps://us.example
witness X2 {RU}
witness Y1 {UN}
witness Y2 {ICRC}
group X 2 X1 X2
group Y any Y1 Y2
  group X-and-Y all X Y
quorum X-and-Y
""".encode()
CHECKPOINT = verified(make_tree(12))


def note_by(*parties: str) -> bytes:
    return merge_cosignatures(
        CHECKPOINT.note, [WITNESSES[name].cosign(CHECKPOINT.text, NOW_S) for name in parties]
    )


def test_example_of_the_specification_is_evaluated() -> None:
    policy = parse_policy(EXAMPLE)
    met = {
        names
        for count in range(5)
        for names in combinations(("X1", "X2", "Y1", "Y2"), count)
        if decide_quorum(policy, names).is_met
    }
    assert met == {("X1", "X2", "Y1"), ("X1", "X2", "Y2"), ("X1", "X2", "Y1", "Y2")}


def test_reasons_name_each_group() -> None:
    decision = decide_quorum(parse_policy(EXAMPLE), ["X1", "Y1", "unheard-of"])
    assert decision.reasons == (
        "group 'X': 1 of 2, 2 needed",
        "group 'Y': 1 of 2, 1 needed",
        "group 'X-and-Y': 1 of 2, 2 needed",
        "quorum 'X-and-Y': not met",
    )


def test_checkpoint_without_its_quorum_is_refused() -> None:
    policy = parse_policy(EXAMPLE)
    assert verify_under_policy(note_by("us", "ru", "icrc"), policy).checkpoint.size == 12
    for parties in ((), ("us", "ru"), ("us", "un", "icrc"), ("us", "un", "host")):
        with pytest.raises(VerificationFailed, match="needed") as caught:
            verify_under_policy(note_by(*parties), policy)
        assert caught.value.code == "quorum-not-met"


def test_log_that_the_policy_does_not_name_is_refused() -> None:
    other = NoteSigner(SigningKey("other.example", make_seed("log")))
    raw = sign_checkpoint(Checkpoint("other.example", 12, make_tree(12).root()), other)
    with pytest.raises(VerificationFailed, match=r"a log of the policy, got origin 'other\.example'"):
        verify_under_policy(raw, parse_policy(EXAMPLE))
    with pytest.raises(VerificationFailed, match="unknown-log"):
        verify_under_policy(CHECKPOINT.note, parse_policy(b"quorum none\n"))


def test_either_key_of_a_log_that_changes_its_key_is_believed() -> None:
    successor = NoteSigner(SigningKey(LOG.key.name, make_seed("successor")))
    policy = Policy((PolicyLog(successor.key), PolicyLog(LOG.key)), (), (), "none")
    assert verify_under_policy(CHECKPOINT.note, policy).checkpoint.log_key == LOG.key


def test_witnessed_checkpoint_cannot_be_made_by_hand() -> None:
    with pytest.raises(TypeError, match="expected to be made by verify_under_policy"):
        WitnessedCheckpoint(CHECKPOINT, (), decide_quorum(parse_policy(b"quorum none\n"), ()), object())


def test_encoding_is_one_spelling_of_the_same_policy() -> None:
    policy = parse_policy(EXAMPLE)
    assert parse_policy(encode_policy(policy)) == policy
    assert encode_policy(parse_policy(encode_policy(policy))) == encode_policy(policy)


def test_names_beyond_ascii_are_opaque_octets() -> None:
    policy = parse_policy(b"witness \xff\xe2\x84\xaa " + US.encode() + b"\nquorum \xff\xe2\x84\xaa\n")
    assert encode_policy(policy).startswith(b"witness \xff\xe2\x84\xaa ")
    with pytest.raises(Malformed):
        parse_policy(b"witness \xe2\x84\xaa " + US.encode() + b"\nquorum K\n")


@pytest.mark.parametrize(
    ("lines", "why"),
    (
        ("", "end in a newline"),
        ("# nothing\n", "expected one quorum line"),
        ("quorum none\nquorum none\n", "one 'quorum' line"),
        ("quorum absent\n", "expected a name defined before, got 'absent'"),
        ("quorum none", "end in a newline"),
        ("quorum none\r\n", "no control characters"),
        ("quorum none extra\n", "expected 'log'"),
        ("logs x\nquorum none\n", "expected 'log'"),
        ("log not-a-key\nquorum none\n", "verifier key"),
        (f"log {LOG_VKEY}\nlog {LOG_VKEY}\nquorum none\n", "expected a key of its own"),
        (f"log {US}\nquorum none\n", "expected a key of type 1"),
        (f"witness A {LOG_VKEY}\nquorum A\n", "expected a key of type 4 or 6"),
        (f"witness A {US}\nwitness B {US}\nquorum A\n", "expected a key of its own"),
        (f"witness A {US}\nwitness A {RU}\nquorum A\n", "expected a new one"),
        (f"witness none {US}\nquorum none\n", "not 'none'"),
        (f"witness A {US}\ngroup G any\nquorum G\n", "expected 'log'"),
        (f"witness A {US}\ngroup G 0 A\nquorum G\n", "a number"),
        (f"witness A {US}\ngroup G 2 A\nquorum G\n", "expected 1 <= k <= 1, got 2"),
        (f"witness A {US}\ngroup G 01 A\nquorum G\n", "a number"),
        (f"witness A {US}\ngroup G any A A\nquorum G\n", "in one group, got a second"),
        (f"witness A {US}\ngroup G any A\ngroup H any A G\nquorum H\n", "in one group, got a second"),
        (f"group G any A\nwitness A {US}\nquorum G\n", "expected members defined before, got 'A'"),
        ("group G any G\nquorum G\n", "expected members defined before"),
        ("group G any none\nquorum G\n", "expected members defined before"),
        (f"quorum A\nwitness A {US}\n", "expected a name defined before"),
    ),
)
def test_policy_of_another_form_is_refused(lines: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        parse_policy(lines.encode())


def test_log_that_is_its_own_witness_is_refused() -> None:
    twin = CosignatureSigner(SigningKey("twin/witness", make_seed("log")))
    lines = f"log {LOG_VKEY}\nwitness A {encode_note_key(twin.key)}\nquorum A\n"
    with pytest.raises(Malformed, match="expected a key of its own, got that of log"):
        parse_policy(lines.encode())


def test_postquantum_witness_counts() -> None:
    signer = MLDSACosignatureSigner("us/witness-pq", make_seed("pq"))
    policy = parse_policy(f"log {LOG_VKEY}\nwitness A {encode_note_key(signer.key)}\nquorum A\n".encode())
    raw = merge_cosignatures(CHECKPOINT.note, [signer.cosign(CHECKPOINT.text, NOW_S)])
    assert verify_under_policy(raw, policy).decision.is_met


def test_quorum_sizes_are_those_of_the_table() -> None:
    # research: k for n witnesses and f that may lie; two and three always need all.
    table = {
        4: (3, 3, 4, 4),
        5: (3, 4, 4, 5),
        6: (4, 4, 5, 5),
        7: (4, 5, 5, 6),
        8: (5, 5, 6, 6),
        10: (6, 6, 7, 7),
    }
    for count, sizes in table.items():
        assert tuple(quorum_size(count, liars) for liars in range(4)) == sizes
    assert [quorum_size(count) for count in range(1, 11)] == [1, 2, 3, 3, 4, 4, 5, 6, 6, 7]
    assert [default_dishonest(count) for count in (1, 3, 4, 7, 10)] == [0, 0, 1, 2, 3]
    for count, liars in ((0, None), (4, 4), (4, -1)):
        with pytest.raises(ValueError, match="quorum: expected"):
            quorum_size(count, liars)


def test_two_histories_never_both_reach_the_quorum() -> None:
    for count in range(1, 40):
        for liars in range(default_dishonest(count) + 1):
            # Liars sign both histories, honest witnesses one of the two.
            assert 2 * quorum_size(count, liars) > count + liars
            assert count < 4 or quorum_size(count, default_dishonest(count)) <= count - default_dishonest(
                count
            )


PARTIES = {PartyID(name): WITNESSES[name].key for name in ("us", "ru", "un", "icrc", "host")}


def stand(
    parties: tuple[str, ...], *, host: str | None = "host", members: tuple[str, ...] = tuple(PARTIES)
) -> Standing:
    raw = note_by(*parties)
    cosignatures = verify_cosignatures(raw, CHECKPOINT, list(PARTIES.values()))
    witnesses = {PartyID(name): PARTIES[PartyID(name)] for name in members}
    decision = decide_standing(
        CHECKPOINT, cosignatures, witnesses=witnesses, host=PartyID(host) if host else None
    )
    assert set(decision.cosigned) | set(decision.missing) == {name for name in members if name != host}
    return decision.standing


def test_entries_rise_from_recorded_to_firm_to_settled() -> None:
    assert stand(()) is Standing.RECORDED
    assert stand(("us", "ru")) is Standing.RECORDED
    assert stand(("us", "ru", "un")) is Standing.FIRM
    assert stand(("us", "ru", "un", "icrc")) is Standing.SETTLED


def test_hosts_own_witness_never_counts() -> None:
    assert stand(("us", "ru", "host")) is Standing.RECORDED
    assert stand(("host",), members=("host",)) is Standing.RECORDED
    assert stand(("us",), members=("us", "host")) is Standing.SETTLED
    assert stand(("us",), members=("us", "ru", "host")) is Standing.RECORDED
    assert stand(("us", "ru", "un"), host=None, members=("us", "ru", "un", "host")) is Standing.FIRM


def test_cosignatures_of_another_checkpoint_are_our_own_mistake() -> None:
    other = verified(make_tree(11))
    raw = merge_cosignatures(other.note, [WITNESSES["us"].cosign(other.text, NOW_S)])
    cosignatures = verify_cosignatures(raw, other, [WITNESSES["us"].key])
    with pytest.raises(ValueError, match="expected all of the checkpoint of size 12"):
        decide_standing(CHECKPOINT, cosignatures, witnesses=PARTIES, host=None)


def test_one_key_for_two_parties_is_refused() -> None:
    shared = PARTIES | {PartyID("nato"): WITNESSES["us"].key}
    with pytest.raises(ValueError, match="expected a key of its own for each party"):
        decide_standing(CHECKPOINT, (), witnesses=shared, host=None)


def test_policy_file_says_the_same_as_the_standing() -> None:
    policy = make_quorum_policy(LOG.key, PARTIES, host=PartyID("host"), log_url="https://center.example")
    assert parse_policy(encode_policy(policy)) == policy
    for parties in ((), ("us", "ru", "host"), ("us", "ru", "un"), ("us", "ru", "un", "icrc")):
        is_firm = stand(parties) >= Standing.FIRM
        try:
            verify_under_policy(note_by(*parties), policy)
        except VerificationFailed:
            assert not is_firm
        else:
            assert is_firm
    alone = make_quorum_policy(LOG.key, {PartyID("host"): PARTIES[PartyID("host")]}, host=PartyID("host"))
    assert alone.quorum == "none"
