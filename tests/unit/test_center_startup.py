"""May the center sign? Every answer of every witness, and what it leads to."""

from __future__ import annotations

from typing import Final

import pytest

from entente.center.circle import CircleMember
from entente.center.startup import (
    StartDecision,
    StartState,
    WitnessReport,
    count_needed,
    decide_start,
    parse_report,
)
from entente.center.witness_link import WitnessLink
from entente.kernel.errors import PeerError
from entente.kernel.ids import PartyID
from entente.kernel.keys import SigningKey
from entente.record import (
    Checkpoint,
    CosignatureSigner,
    NoteSigner,
    Tree,
    VerifiedCheckpoint,
    encode_signature_line,
    leaf_hash,
    parse_add_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
    verify_consistency,
)
from entente.record.quorum import quorum_size

ORIGIN: Final = "example.org/start"
LOG: Final = NoteSigner(SigningKey(ORIGIN, bytes(32)))
PARTIES: Final = tuple(PartyID(name) for name in ("cn", "ru", "un", "us"))


def witness(party: str) -> CosignatureSigner:
    return CosignatureSigner(SigningKey(f"{party}/witness", party.encode().ljust(32, b".")))


def member(party: PartyID, url: str = "http://witness") -> CircleMember:
    return CircleMember(party, witness(party).key, url, "")


def tree_of(*entries: bytes) -> Tree:
    return Tree.from_leaf_hashes([leaf_hash(entry) for entry in entries])


def checkpoint_of(tree: Tree) -> VerifiedCheckpoint:
    return verify_checkpoint(sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), LOG), LOG.key)


MINE: Final = tree_of(b"a", b"b", b"c")
SAME: Final = checkpoint_of(tree_of(b"a", b"b"))
MEMBERS: Final = [member(party) for party in PARTIES]


def reports(*seen: VerifiedCheckpoint | None) -> list[WitnessReport]:
    return [WitnessReport(party, each) for party, each in zip(PARTIES, seen, strict=False)]


def decide(
    members: list[CircleMember], given: list[WitnessReport], without: tuple[str, ...]
) -> StartDecision:
    needed = count_needed(len(members), len(members), None)
    return decide_start(MINE, given, members, needed=needed, without=without)


def test_all_witnesses_behind_or_even_mean_open() -> None:
    found = decide(MEMBERS, reports(SAME, None, checkpoint_of(MINE), SAME), ())
    assert (found.state, found.missing) == (StartState.OPEN, ())


def test_a_witness_ahead_means_never_sign() -> None:
    ahead = checkpoint_of(tree_of(b"a", b"b", b"c", b"d"))
    found = decide(MEMBERS, reports(SAME, ahead), PARTIES)
    assert found.state is StartState.AHEAD
    assert "'ru' cosigned 4 entries, the journal has 3" in found.reason


def test_a_witness_of_another_history_means_never_sign() -> None:
    for other in (tree_of(b"a", b"x"), tree_of(b"a", b"b", b"x")):
        found = decide(MEMBERS, reports(checkpoint_of(other)), PARTIES)
        assert found.state is StartState.FORK


def test_a_silent_witness_is_waited_for() -> None:
    found = decide(MEMBERS, reports(SAME, SAME, SAME), ())
    assert (found.state, found.missing) == (StartState.WAITING, ("us",))
    nobody = decide(MEMBERS, [], ())
    assert nobody.missing == PARTIES


@pytest.mark.parametrize(
    ("answered", "without", "state"),
    (
        (2, ("un", "us"), StartState.OPEN),  # n - k + 1 = 4 - 3 + 1 = 2 have answered
        (3, ("us",), StartState.OPEN),
        (1, ("ru", "un", "us"), StartState.WAITING),  # a firm checkpoint could be unseen by the one
        (2, ("us",), StartState.WAITING),  # 'un' was not named
        (0, PARTIES, StartState.WAITING),
    ),
)
def test_starting_without_a_witness_needs_its_name_and_enough_others(
    answered: int, without: tuple[str, ...], state: StartState
) -> None:
    found = decide(MEMBERS, reports(*[SAME] * answered), without)
    assert found.state is state
    assert found.missing == PARTIES[answered:]
    if state is StartState.OPEN:
        assert all(party in found.reason for party in found.missing), "never silently"


def test_two_parties_cannot_start_without_both() -> None:
    members = MEMBERS[:2]
    found = decide(members, reports(SAME), ("ru",))
    assert found.state is StartState.OPEN, "n - k + 1 = 1: the one that answered has seen all that is firm"
    none = decide(members, [], ("cn", "ru"))
    assert none.state is StartState.WAITING


def test_whoever_answers_has_seen_what_was_firm() -> None:
    for parties in range(1, 12):
        for members in range(parties + 1):
            needed, k = count_needed(members, parties, None), quorum_size(parties)
            assert needed >= 1
            # Any k of the members, and any `needed` of them, have one in common.
            assert members < k or needed + k > members


def test_a_witness_without_an_address_is_not_asked() -> None:
    members = [member(PARTIES[0]), member(PARTIES[1], url="")]
    assert decide(members, reports(SAME), ()).state is StartState.OPEN


def test_what_a_witness_answers_counts_only_with_our_signature() -> None:
    assert parse_report(PARTIES[0], 404, b"", LOG.key).checkpoint is None
    assert parse_report(PARTIES[0], 200, SAME.note, LOG.key).checkpoint == SAME
    thief = NoteSigner(SigningKey(ORIGIN, b"x" * 32))
    forged = sign_checkpoint(Checkpoint(ORIGIN, 99, bytes(32)), thief)
    for status, body in ((200, forged), (200, b"garbage"), (500, SAME.note), (302, b"")):
        with pytest.raises(PeerError):
            parse_report(PARTIES[0], status, body, LOG.key)


# A line to one witness


def test_a_line_begins_where_the_witness_stands() -> None:
    link, target = WitnessLink(MEMBERS[0]), checkpoint_of(MINE)
    assert link.is_due(3, 0.0)
    request = parse_add_checkpoint(link.encode_request(target, MINE))
    assert (request.old_size, request.proof) == (0, ())
    assert link.take_answer(target, 409, "text/x.tlog.size", b"2\n", at="now") is None
    assert (link.state, link.known_size) == ("stale", 2)
    request = parse_add_checkpoint(link.encode_request(target, MINE))
    verify_consistency(2, 3, SAME.root, target.root, request.proof)
    line = witness(PARTIES[0]).cosign(target.text, 7)
    assert link.take_answer(target, 200, "text/plain", encode_signature_line(line).encode(), at="now") == line
    assert (link.cosigned_size, link.known_size, link.state) == (3, 3, "cosigned")
    assert not link.is_due(3, 0.0)


def test_a_line_of_another_key_is_not_kept() -> None:
    link, target = WitnessLink(MEMBERS[0]), checkpoint_of(MINE)
    for signer, text in ((witness("ru"), target.text), (witness("cn"), SAME.text)):
        body = encode_signature_line(signer.cosign(text, 7)).encode()
        with pytest.raises(PeerError):
            link.take_answer(target, 200, "text/plain", body, at="now")
        assert link.cosigned_size == 0


@pytest.mark.parametrize(
    ("status", "kind", "body", "state"),
    (
        (409, "text/x.tlog.size", b"0\n", "conflict"),
        (422, "text/plain", b"other root", "conflict"),
        (403, "text/plain", b"no", "refused"),
        (404, "text/plain", b"unknown log", "refused"),
    ),
)
def test_a_conflict_is_named(status: int, kind: str, body: bytes, state: str) -> None:
    link, target = WitnessLink(MEMBERS[0]), checkpoint_of(MINE)
    assert link.take_answer(target, status, kind, body, at="now") is None
    assert link.state == state


def test_waits_double_are_drawn_and_end() -> None:
    link = WitnessLink(MEMBERS[0])
    waits = []
    for _ in range(12):
        link.fail("unreachable", "no", 100.0, 0.0)
        waits.append(link.retry_at_s - 100.0)
        assert not link.is_due(3, 100.0)
    assert waits[:4] == [0.25, 0.5, 1.0, 2.0]
    assert waits[-1] == 7.5
    link.fail("unreachable", "no", 100.0, 0.999)
    assert 14 < link.retry_at_s - 100.0 < 15
