"""Attacks on `entente verify`: a mirror in which the host, or whoever held the copy, changed something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from entente.cli.mirror_check import check_mirror
from entente.dialogue import Say
from entente.dialogue.hotline import About
from entente.joint import KINDS
from entente.joint.verification import RecordReport, verify_record
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import EntenteError, VerificationFailed
from entente.kernel.keys import SigningKey
from entente.record.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from entente.record.cosignature import CosignatureSigner, merge_cosignatures
from entente.record.note import NoteSigner
from entente.record.quorum import Standing
from entente.record.tiles import CHECKPOINT_PATH
from entente.record.tree import Tree, leaf_hash
from entente.store.mirror import FolderTileSource, Mirror
from tests.parties import CenterSimulator, PartySimulator, sign_payload

ENTRY_COUNT = 300
"""More than one tile: the attacks must be found on full and on partial ones."""


def say(text: str) -> Say:
    return Say(
        thread="castello",
        about=About(type="none", id=""),
        text=text,
        language="en",
        urgent=False,
        reply_to=None,
    )


@pytest.fixture(scope="module")
def honest() -> CenterSimulator:
    us, ru = PartySimulator("us"), PartySimulator("ru")
    center = CenterSimulator(us, ru, kinds=KINDS)
    center.found()
    for place in range(ENTRY_COUNT - len(center.entries)):
        author = (us, ru)[place % 2]
        center.submit(author.write("thread.say", say(f"message {place}"), center.seen(), officers=["duty-1"]))
    return center


def publish(
    folder: Path, entries: Sequence[bytes], log: SigningKey, witnesses: Sequence[SigningKey], *, old: int = 0
) -> FolderTileSource:
    """Write what a host that holds these keys could publish: every tile and signature is made anew."""
    tree = Tree.from_leaf_hashes([leaf_hash(entry) for entry in entries])
    signer = NoteSigner(log)
    note = sign_checkpoint(Checkpoint(log.public.name, tree.size, tree.root()), signer)
    text = verify_checkpoint(note, signer.key).text
    cosigners = [CosignatureSigner(key) for key in witnesses]
    note = merge_cosignatures(note, [one.cosign(text, 1_474_120_000) for one in cosigners])
    mirror = Mirror(folder)
    mirror.extend(tree, old, lambda start, end: list(entries[start:end]), verify_checkpoint(note, signer.key))
    return mirror.source


def check(folder: Path, center: CenterSimulator, entries: Sequence[bytes]) -> RecordReport:
    witnesses = [party.witness for party in center.parties.values()]
    return verify_record(publish(folder, entries, center.log, witnesses), KINDS)


def test_an_honest_record_is_sound(tmp_path: Path, honest: CenterSimulator) -> None:
    report = check(tmp_path / "mirror", honest, honest.entries)
    assert report.failures == ()
    assert report.standing is Standing.SETTLED
    assert report.size == ENTRY_COUNT
    assert report.counts.entries == ENTRY_COUNT
    assert report.counts.signatures == ENTRY_COUNT + 2  # the charter has three
    assert report.root == honest.tree.root().hex()
    assert report.fingerprint in report.unchecked[0]


def test_a_mirror_that_grows_under_the_check_is_no_fault(
    tmp_path: Path, honest: CenterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, witnesses = tmp_path / "mirror", [party.witness for party in honest.parties.values()]
    publish(folder, honest.entries[:200], honest.log, witnesses)
    read, sizes = FolderTileSource.read, [200, 210, 290, ENTRY_COUNT]

    def read_and_follow(self: FolderTileSource, path: str) -> bytes:
        data = read(self, path)
        if path == CHECKPOINT_PATH and len(sizes) > 1:
            with monkeypatch.context() as quiet:
                quiet.setattr(FolderTileSource, "read", read)
                old = sizes.pop(0)
                publish(folder, honest.entries[: sizes[0]], honest.log, witnesses, old=old)
        return data

    monkeypatch.setattr(FolderTileSource, "read", read_and_follow)
    report, audit = check_mirror(folder)
    assert report.failures == ()
    assert report.standing is Standing.SETTLED
    assert report.size == audit.tree.size
    assert report.size in {200, 210, 290, ENTRY_COUNT}


def test_what_is_wrong_with_a_mirror_is_told_by_its_check(tmp_path: Path, honest: CenterSimulator) -> None:
    folder, witnesses = tmp_path / "mirror", [party.witness for party in honest.parties.values()]
    publish(folder, _swap(list(honest.entries)), honest.log, witnesses)
    report, _audit = check_mirror(folder)
    assert report.failures


def _drop(entries: list[bytes]) -> list[bytes]:
    return entries[:150] + entries[151:]


def _swap(entries: list[bytes]) -> list[bytes]:
    return [*entries[:150], entries[151], entries[150], *entries[152:]]


def _repeat(entries: list[bytes]) -> list[bytes]:
    return [*entries, entries[200]]


def _alter(entries: list[bytes]) -> list[bytes]:
    """Change one letter inside the signed payload's base64."""
    victim = entries[150]
    at = victim.index(b'"payload":"') + 100
    letter = b"A" if victim[at : at + 1] != b"A" else b"B"
    return [*entries[:150], victim[:at] + letter + victim[at + 1 :], *entries[151:]]


@pytest.mark.parametrize(
    ("attack", "codes"),
    (
        (_drop, {"bad-seq", "bad-prev", "seen-fork", "seen-ahead"}),
        (_swap, {"bad-seq", "bad-prev", "seen-fork", "seen-ahead"}),
        (_repeat, {"repeated"}),
        (_alter, {"not-json", "bad-signature", "not-canonical", "bad-base64", "wrong-type", "not-utf8"}),
    ),
)
def test_host_that_rewrites_history_with_every_key_but_the_desks_is_caught(
    tmp_path: Path,
    honest: CenterSimulator,
    attack: Callable[[list[bytes]], list[bytes]],
    codes: set[str],
) -> None:
    report = check(tmp_path / "mirror", honest, attack(list(honest.entries)))
    assert not report.is_sound
    assert report.failures[0].code in codes
    assert report.failures[0].index >= 150


def test_forged_author_is_caught(tmp_path: Path, honest: CenterSimulator) -> None:
    stranger = SigningKey("us/desk", bytes(range(32)))
    us = honest.parties["us"]
    forged = sign_payload(us.draft("thread.say", say("never said"), honest.seen()), [stranger])
    report = check(tmp_path / "mirror", honest, [*honest.entries, forged.raw])
    assert [one.code for one in report.failures] == ["unknown-key"]


def test_fork_shows_in_what_a_party_had_seen(tmp_path: Path, honest: CenterSimulator) -> None:
    """The host shows ``us`` another branch; its next message pins that branch and convicts the host."""
    us = honest.parties["us"]
    other = Tree.from_leaf_hashes([leaf_hash(entry) for entry in honest.entries[:-1]] + [leaf_hash(b"x")])
    pinned = us.draft("thread.say", say("as I saw it"), honest.seen())
    seen = type(pinned.seen)(size=other.size, root=other.root().hex())
    signed = sign_payload(us.draft("thread.say", say("as I saw it"), seen), [us.desk])
    report = check(tmp_path / "mirror", honest, [*honest.entries, signed.raw])
    assert [one.code for one in report.failures] == ["seen-fork"]


@pytest.mark.parametrize(
    "path", ("tile/0/000", "tile/entries/000", "tile/0/001.p/44", "tile/entries/001.p/44")
)
def test_one_flipped_bit_in_a_file_is_caught(tmp_path: Path, honest: CenterSimulator, path: str) -> None:
    folder = tmp_path / "mirror"
    witnesses = [party.witness for party in honest.parties.values()]
    source = publish(folder, honest.entries, honest.log, witnesses)
    file = folder / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    assert not verify_record(source, KINDS).is_sound


@pytest.mark.parametrize("path", ("tile/0/000", "tile/entries/001.p/44", "checkpoint"))
def test_a_missing_file_is_caught(tmp_path: Path, honest: CenterSimulator, path: str) -> None:
    folder = tmp_path / "mirror"
    witnesses = [party.witness for party in honest.parties.values()]
    source = publish(folder, honest.entries, honest.log, witnesses)
    (folder / path).unlink()
    try:
        assert not verify_record(source, KINDS).is_sound
    except EntenteError:
        assert path == "checkpoint"


def test_without_a_partys_cosignature_it_is_recorded_and_not_firm(
    tmp_path: Path, honest: CenterSimulator
) -> None:
    source = publish(tmp_path / "m", honest.entries, honest.log, [honest.parties["us"].witness])
    report = verify_record(source, KINDS)
    assert report.is_sound
    assert report.standing is Standing.RECORDED
    assert [one.witness for one in report.cosigned] == ["us/witness"]


def test_a_rogue_witness_does_not_count(tmp_path: Path, honest: CenterSimulator) -> None:
    rogue = SigningKey("ru/witness", bytes(range(32)))
    source = publish(tmp_path / "m", honest.entries, honest.log, [honest.parties["us"].witness, rogue])
    report = verify_record(source, KINDS)
    assert report.standing is Standing.RECORDED


def test_checkpoint_by_another_log_key_is_refused(tmp_path: Path, honest: CenterSimulator) -> None:
    rogue = SigningKey(honest.log.public.name, bytes(range(32)))
    witnesses = [party.witness for party in honest.parties.values()]
    report = verify_record(publish(tmp_path / "m", honest.entries, rogue, witnesses), KINDS)
    assert not report.is_sound
    assert report.size == -1
    assert report.standing is None


def test_a_record_without_its_charter_is_refused(tmp_path: Path, honest: CenterSimulator) -> None:
    source = publish(tmp_path / "m", honest.entries[1:], honest.log, [])
    with pytest.raises(VerificationFailed, match="expected a charter as entry 0"):
        verify_record(source, KINDS)


def test_a_charter_that_a_founder_did_not_sign_is_refused(tmp_path: Path) -> None:
    us, ru = PartySimulator("us"), PartySimulator("ru")
    center = CenterSimulator(us, ru, kinds=KINDS)
    unsigned = center.write_charter(center.draft_charter(), [center.key, *us.roots])
    assert parse_envelope(unsigned.raw).raw == unsigned.raw
    source = publish(tmp_path / "m", [unsigned.raw], center.log, [])
    with pytest.raises(VerificationFailed, match="root signatures of 'ru'"):
        verify_record(source, KINDS)
