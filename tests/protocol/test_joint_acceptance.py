"""Taking messages in, under attack by partners, thieves and hosts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from entente.joint.acceptance import (
    AlreadyRecorded,
    MessageRow,
    SeqRow,
    decide_entry,
    find_recorded,
    verify_message,
)
from entente.joint.audit import RecordAudit
from entente.joint.keyring import KeyRing
from entente.kernel.envelope import build_envelope, parse_envelope
from entente.kernel.errors import EntenteError, VerificationFailed
from entente.kernel.ids import LogIndex
from entente.kernel.kinds import Kind, KindTable, allow, denied
from entente.kernel.message import NO_MESSAGE, Addressee, Seen, VerifiedMessage
from entente.kernel.roster import AuthorRow
from entente.kernel.rows import MemoryRows
from entente.kernel.sealed import SealKey
from entente.record.tree import Tree
from tests.parties import ORDER, SAY, TEST_KINDS, CenterSimulator, PartySimulator, SayBody, draw_seed

X = SayBody(text="x")


@pytest.fixture
def us() -> PartySimulator:
    return PartySimulator("us")


@pytest.fixture
def ru() -> PartySimulator:
    return PartySimulator("ru")


@pytest.fixture
def center(us: PartySimulator, ru: PartySimulator) -> CenterSimulator:
    center = CenterSimulator(us, ru)
    center.found()
    return center


@contextlib.contextmanager
def expect_refused(center: CenterSimulator, code: str) -> Iterator[None]:
    """Hold that a message is refused with ``code`` and that nothing was changed by it."""
    entries, root = list(center.entries), center.tree.root()
    heads = list(center.rows.select(AuthorRow))
    messages = list(center.rows.select(MessageRow))
    with pytest.raises(EntenteError) as caught:
        yield
    assert caught.value.code == code, str(caught.value)
    assert (center.entries, center.tree.root()) == (entries, root)
    assert list(center.rows.select(AuthorRow)) == heads
    assert list(center.rows.select(MessageRow)) == messages


def test_an_honest_message_takes_its_place(center: CenterSimulator, us: PartySimulator) -> None:
    first = center.submit(us.write("test.say", X, center.seen(), officers=["duty-1"]))
    second = center.submit(us.write("test.say", X, center.seen(1)))
    assert (first.index, second.index) == (3, 4)
    row = center.rows.find(MessageRow, first.message.leaf)
    assert row == MessageRow(
        leaf=first.message.leaf,
        index=3,
        author="us",
        seq=1,
        kind="test.say",
        at="2016-09-17T13:55:00Z",
        officers=["duty-1"],
        to=[],
        place="0000000000000003",
    )
    head = center.rows.find(AuthorRow, "us")
    assert head == AuthorRow(author="us", seq=2, leaf=second.message.leaf, index=4)
    assert center.rows.find(SeqRow, "us:2") == SeqRow(author_seq="us:2", leaf=second.message.leaf)


# Replay and equivocation


def test_a_replayed_message_is_already_recorded(center: CenterSimulator, us: PartySimulator) -> None:
    signed = us.write("test.say", X, center.seen())
    assert find_recorded(signed.leaf, center.rows) is None
    index = center.submit(signed).index
    center.submit(us.write("test.say", X, center.seen()))
    assert find_recorded(signed.leaf, center.rows) == index == 3
    for _ in range(2):
        with pytest.raises(AlreadyRecorded) as caught:
            center.place(center.verify(signed))
        assert caught.value.index == index
    assert len(center.entries) == 5


def test_already_recorded_survives_a_context_manager() -> None:
    # contextlib sets the traceback of what passes through: an exception that is frozen would break there.
    @contextlib.contextmanager
    def transaction() -> Iterator[None]:
        yield

    with pytest.raises(AlreadyRecorded) as caught, transaction():
        raise AlreadyRecorded(LogIndex(7))
    assert caught.value.index == 7


def test_two_messages_of_one_number_are_refused(center: CenterSimulator, us: PartySimulator) -> None:
    honest = us.write("test.say", X, center.seen())
    other = us.write("test.say", SayBody(text="y"), center.seen())
    center.submit(honest)
    with expect_refused(center, "equal-seq"):
        center.submit(other)
    for seq in range(us.seq):
        with expect_refused(center, "equal-seq"):
            center.submit(us.write("test.say", X, center.seen(), seq=seq))


def test_a_gap_in_the_chain_is_refused(center: CenterSimulator, us: PartySimulator) -> None:
    for seq in (us.seq + 1, us.seq + 1_000, 2**53 - 1):
        with expect_refused(center, "bad-seq"):
            center.submit(us.write("test.say", X, center.seen(), seq=seq))


def test_a_chain_that_continues_elsewhere_is_refused(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    for prev in (NO_MESSAGE, "f" * 64, ru.prev):
        with expect_refused(center, "bad-prev"):
            center.submit(us.write("test.say", X, center.seen(), prev=prev))


def test_a_message_for_another_center_is_refused(center: CenterSimulator, us: PartySimulator) -> None:
    with expect_refused(center, "other-center"):
        center.submit(us.write("test.say", X, center.seen(), center="other.example/record"))


# Forks


def test_a_fork_is_detected_in_ordinary_traffic(us: PartySimulator, ru: PartySimulator) -> None:
    # The host tells us and ru two histories; the first message that crosses over gives it away.
    one, two = CenterSimulator(us, ru), None
    one.found()
    mirror = PartySimulator("us")
    two = CenterSimulator(mirror, PartySimulator("ru"))
    two.found()
    assert one.tree.root() == two.tree.root()
    one.submit(ru.write("test.say", SayBody(text="to the one"), one.seen()))
    two.submit(two.parties["ru"].write("test.say", SayBody(text="to the other"), two.seen()))
    crossing = mirror.write("test.say", X, two.seen())
    with expect_refused(one, "seen-fork"):
        one.submit(crossing)
    two.submit(crossing)


def test_seeing_ahead_of_the_record_is_refused(center: CenterSimulator, us: PartySimulator) -> None:
    size = center.tree.size
    for ahead in (size + 1, 2**53 - 1):
        with expect_refused(center, "seen-ahead"):
            center.submit(us.write("test.say", X, Seen(size=ahead, root=center.tree.root().hex())))


def test_a_root_of_another_size_is_refused(center: CenterSimulator, us: PartySimulator) -> None:
    for size in range(center.tree.size):
        with expect_refused(center, "seen-fork"):
            center.submit(us.write("test.say", X, Seen(size=size, root=center.tree.root().hex())))
    with expect_refused(center, "seen-fork"):
        center.submit(us.write("test.say", X, Seen(size=0, root="0" * 64)))


def test_any_true_past_may_be_what_was_seen(center: CenterSimulator, us: PartySimulator) -> None:
    for size in range(center.tree.size + 1):
        center.submit(us.write("test.say", X, center.seen(size)))


# Forgery


def test_a_forged_author_is_refused(center: CenterSimulator, us: PartySimulator, ru: PartySimulator) -> None:
    with expect_refused(center, "unknown-key"):
        center.submit(us.write("test.say", X, center.seen(), keys=[ru.desk]))
    with expect_refused(center, "unknown-key"):
        center.submit(us.write("test.say", X, center.seen(), author="ru", seq=ru.seq, prev=ru.prev))
    signed = us.write("test.say", X, center.seen(), keys=[ru.desk])
    relabelled = build_envelope(
        signed.payload, signed.payload_type, [(us.desk.public.key_id, signed.signatures[0][1])]
    )
    with expect_refused(center, "bad-signature"):
        center.submit(relabelled)


def test_a_message_is_signed_by_its_desk_and_nobody_else(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    for keys in (
        us.roots,
        [us.witness],
        [center.key],
        [us.desk, *us.roots],
        [us.desk, ru.desk],
        [us.desk, center.key],
    ):
        with expect_refused(center, "unknown-key"):
            center.submit(us.write("test.say", X, center.seen(), keys=keys))


def test_a_stranger_is_refused(center: CenterSimulator) -> None:
    un = PartySimulator("un")
    with expect_refused(center, "unknown-key"):
        center.submit(un.write("test.say", X, center.seen()))


def test_the_host_cannot_speak_for_a_party(center: CenterSimulator, us: PartySimulator) -> None:
    with expect_refused(center, "unknown-key"):
        center.submit(us.write("test.say", X, center.seen(), keys=[center.key]))


def test_a_party_cannot_speak_for_the_center(center: CenterSimulator, us: PartySimulator) -> None:
    assert center.submit(center.write("test.tick", X)).index == 3
    with expect_refused(center, "unknown-key"):
        center.submit(center.write("test.tick", X, keys=[us.desk]))
    # The center's own kinds in a party's name: the center signed it, and it still is no party.
    with expect_refused(center, "bad-author"):
        center.submit(us.write("test.tick", X, center.seen(), keys=[center.key]))


def test_the_center_has_no_desk(center: CenterSimulator, us: PartySimulator) -> None:
    for keys in ([center.key], [us.desk]):
        with expect_refused(center, "unknown-key"):
            center.submit(center.write("test.say", X, keys=keys))


def test_a_party_without_a_roster_says_nothing(us: PartySimulator, ru: PartySimulator) -> None:
    center = CenterSimulator(us, ru)
    center.submit(center.write_charter(center.draft_charter()))
    with expect_refused(center, "unknown-key"):
        center.submit(us.write("test.say", X, center.seen()))
    # Even where a ring from another time knew its key.
    ring = KeyRing(center.key.public, {"us": us.desk.public}, {})
    message = verify_message(us.write("test.say", X, center.seen()), ring, TEST_KINDS)
    with expect_refused(center, "no-roster"):
        center.place(message)


# People


def test_officers_are_of_the_roster_and_hold_the_role(center: CenterSimulator, us: PartySimulator) -> None:
    def order(*officers: str) -> Any:
        return center.submit(us.write("test.order", X, center.seen(), officers=list(officers)))

    for missing in ((), ("duty-1",)):
        with expect_refused(center, "officers-missing"):
            order(*missing)
    with expect_refused(center, "unknown-officer"):
        order("duty-1", "nobody")
    with expect_refused(center, "role-missing"):
        order("duty-1", "scribe")
    with expect_refused(center, "role-missing"):
        order("duty-1", "duty-2", "scribe")
    for twice in (("duty-1", "duty-1"), ("duty-2", "duty-1")):
        with expect_refused(center, "officer-order"):
            order(*twice)
    order("duty-1", "duty-2")


def test_a_partners_officer_is_not_ours(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    ru.officers = [*ru.officers, type(ru.officers[0])(id="zhukov", name="Zhukov", roles=["commander"])]
    center.rotate(ru, ru.roots)
    center.submit(ru.write("test.order", X, center.seen(), officers=["duty-1", "zhukov"]))
    with expect_refused(center, "unknown-officer"):
        center.submit(us.write("test.order", X, center.seen(), officers=["duty-1", "zhukov"]))


def test_the_center_has_no_officers(center: CenterSimulator) -> None:
    with expect_refused(center, "unknown-officer"):
        center.submit(center.write("test.tick", X, officers=["duty-1"]))


# Addressees


def test_a_sealed_message_goes_to_other_parties_with_keys_in_force(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    signed, _ = us.write_sealed("test.say", X, [ru], center.seen())
    entry = center.submit(signed)
    assert entry.message.body is None
    assert entry.message.addressees == ("ru",)
    with pytest.raises(AssertionError, match="sealed and was not opened"):
        entry.message.opened()
    with expect_refused(center, "bad-addressee"):
        center.submit(us.write_sealed("test.say", X, [us], center.seen())[0])
    with expect_refused(center, "bad-addressee"):
        center.submit(us.write_sealed("test.say", X, [ru, PartySimulator("un")], center.seen())[0])
    with expect_refused(center, "not-sealable"):
        center.submit(us.write_sealed("test.order", X, [ru], center.seen(), officers=["duty-1", "duty-2"])[0])


def test_sealing_to_a_revoked_key_is_refused(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    signed, _ = us.write_sealed("test.say", X, [ru], center.seen())
    ru.seal = SealKey("ru/seal", draw_seed("new seal", 96))
    center.rotate(ru, ru.roots)
    with expect_refused(center, "stale-key"):
        center.submit(signed)
    wrong = Addressee(party="ru", key=us.seal.key_id, ciphertext="0" * 64)
    with expect_refused(center, "stale-key"):
        center.submit(us.write("test.say", None, center.seen(), to=[wrong], sealed="0" * 64))
    center.submit(us.write_sealed("test.say", X, [ru], center.seen())[0])


def test_addressees_out_of_order_are_refused(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    entries = [
        Addressee(party=name, key=f"{name}/seal+00000000", ciphertext="0" * 64) for name in ("ru", "ru", "aa")
    ]
    for to in (entries[:2], entries[1:]):
        with expect_refused(center, "to-order"):
            center.submit(us.write("test.say", None, center.seen(), to=to, sealed="0" * 64))


def test_an_opened_message_is_verified_over_the_same_envelope(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator
) -> None:
    signed, found = us.write_sealed("test.say", X, [ru], center.seen())
    opened = ru.open(signed, found["ru"], TEST_KINDS)
    message = verify_message(signed, center.state.ring, TEST_KINDS, opened=opened)
    assert message.opened() == X
    other = us.write("test.say", X, center.seen())
    with pytest.raises(ValueError, match="expected the same envelope"):
        verify_message(other, center.state.ring, TEST_KINDS, opened=opened)


# Rules


def test_a_rule_that_denies_is_heard(us: PartySimulator, ru: PartySimulator) -> None:
    def decide(message: VerifiedMessage[SayBody], rows: object) -> Any:
        return (
            denied("no-shouting", "text: expected a low voice")
            if message.opened().text.isupper()
            else allow(message, MemoryRows())
        )

    quiet = Kind("test.quiet", SayBody, decide=decide, project=lambda entry, rows: None)
    center = CenterSimulator(us, ru, kinds=KindTable((*TEST_KINDS, quiet)))
    center.found()
    center.submit(us.write("test.quiet", X, center.seen()))
    with expect_refused(center, "no-shouting"):
        center.submit(us.write("test.quiet", SayBody(text="X"), center.seen()))


def test_a_kind_stands_once_in_a_table() -> None:
    with pytest.raises(ValueError, match=r"'test\.say': expected one definition, got two"):
        KindTable((SAY, ORDER, SAY))
    with pytest.raises(ValueError, match="at least one reason"):
        denied("because")


def test_a_decision_is_the_same_for_whoever_asks(center: CenterSimulator, us: PartySimulator) -> None:
    # A desk that follows decides each entry against its own rows and tree.
    for text in ("a", "b", "c"):
        center.submit(us.write("test.say", SayBody(text=text), center.seen()))
    audit = RecordAudit(TEST_KINDS)
    for index, data in enumerate(center.entries):
        audit.feed(index, data)
    assert audit.failures == []
    assert audit.tree.root() == center.tree.root()
    assert list(audit.state.rows.select(MessageRow)) == list(center.rows.select(MessageRow))
    assert audit.counts.entries == 6
    assert audit.counts.authors == {"center": 1, "ru": 1, "us": 4}


@pytest.mark.parametrize("attack", ("drop", "swap", "repeat", "insert", "bend"))
def test_a_host_that_meddles_with_entries_is_caught_by_an_audit(
    center: CenterSimulator, us: PartySimulator, ru: PartySimulator, attack: str
) -> None:
    for text in ("a", "b", "c"):
        center.submit(us.write("test.say", SayBody(text=text), center.seen()))
    entries = list(center.entries)
    stranger = ru.write("test.say", X, center.seen(), author="us", seq=us.seq, prev=us.prev)
    codes = {
        "drop": (lambda: entries.pop(3), {"bad-seq", "seen-fork", "seen-ahead"}),
        "swap": (lambda: entries.insert(3, entries.pop(4)), {"bad-seq", "seen-fork", "seen-ahead"}),
        "repeat": (lambda: entries.insert(5, entries[4]), {"repeated", "seen-fork"}),
        "insert": (lambda: entries.append(stranger.raw), {"unknown-key"}),
        "bend": (lambda: entries.append(entries.pop().replace(b"A", b"B", 1)), None),
    }
    meddle, expected = codes[attack]
    meddle()  # type: ignore[no-untyped-call]
    audit = RecordAudit(TEST_KINDS)
    for index, data in enumerate(entries):
        audit.feed(index, data)
    found = {failure.code for failure in audit.failures}
    assert found
    if expected is not None:
        assert found <= expected, found


def test_an_audit_takes_entries_in_order() -> None:
    with pytest.raises(ValueError, match="expected index 0, got 1"):
        RecordAudit(TEST_KINDS).feed(1, b"{}")


def test_checks_change_nothing_before_apply(center: CenterSimulator, us: PartySimulator) -> None:
    message = center.verify(us.write("test.say", X, center.seen()))
    for _ in range(2):
        decide_entry(message, center.rows, center.tree, center.state.kinds)
    assert center.rows.find(MessageRow, message.leaf) is None
    with pytest.raises(
        VerificationFailed
    ):  # the tree is an argument: the same message against another record
        decide_entry(message, center.rows, Tree(), center.state.kinds)


def test_an_envelope_from_outside_is_parsed_from_its_bytes(
    center: CenterSimulator, us: PartySimulator
) -> None:
    signed = us.write("test.say", X, center.seen())
    assert verify_message(parse_envelope(signed.raw), center.state.ring, TEST_KINDS).leaf == signed.leaf
