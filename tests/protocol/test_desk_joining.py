"""Joining: nothing is signed that is not ours and not what was agreed; what was signed is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from entente.desk.joining import PIN_FILE, find_pin, get_pin
from entente.joint import KINDS
from entente.kernel.charter import CharterRow
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Denied, EntenteError, Malformed, NotFound, VerificationFailed
from entente.kernel.keys import encode_public_key
from entente.kernel.message import encode_payload
from tests.parties import CenterSimulator, PartySimulator
from tests.protocol.desk_stage import Stage, make_stage, open_scratch


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        yield make_stage(folder)


def list_posted(stage: Stage) -> list[str]:
    return [path for method, path in stage.center.requests if method == "POST"]


def test_joining_signs_pins_and_founds(stage: Stage) -> None:
    report = stage.join()
    assert (report.party, report.state) == ("us", "founded")
    assert [line.party for line in report.parties] == ["ru", "us"]
    assert stage.center.core.tree.size == 3
    pin = get_pin(stage.folder)
    assert pin.parse()[0].center == "center.example/record"
    assert pin.payload.encode() == stage.center.charter


def test_fingerprint_that_was_agreed_by_voice_is_held(stage: Stage) -> None:
    with pytest.raises(VerificationFailed) as caught:
        stage.join(expect="0000 1111")
    assert caught.value.code == "other-charter"
    assert list_posted(stage) == []
    assert find_pin(stage.folder) is None
    found = caught.value.message.partition("got ")[2].strip("'")
    assert stage.join(expect=found.upper().replace(" ", "  ")).charter_fingerprint == found


def test_charter_with_another_roster_of_ours_is_not_signed(stage: Stage) -> None:
    core = stage.center.core
    founders = [stage.ru.founder(), stage.center.us.founder(roster="0" * 64)]
    stage.center.charter = encode_payload(
        core.draft("charter", core.draft_charter(parties=founders), core.seen())
    )
    with pytest.raises(VerificationFailed) as caught:
        stage.join()
    assert caught.value.code == "other-roster"
    assert list_posted(stage) == []


def test_charter_with_another_root_of_ours_is_not_signed(stage: Stage) -> None:
    core = stage.center.core
    roots = stage.center.us.card.roots
    stolen = stage.center.us.make_key("root", 7)
    stage.center.us.roots = [stolen]
    other = type(roots)(keys=[encode_public_key(stolen.public)], threshold=1)
    founders = [stage.ru.founder(), stage.center.us.founder(roots=other)]
    stage.center.charter = encode_payload(
        core.draft("charter", core.draft_charter(parties=founders), core.seen())
    )
    with pytest.raises(VerificationFailed) as caught:
        stage.join()
    assert caught.value.code == "other-roots"
    assert list_posted(stage) == []


def test_charter_without_us_is_not_signed(stage: Stage) -> None:
    core = stage.center.core
    charter = core.draft_charter(parties=[stage.ru.founder(), PartySimulator("zz").founder()])
    stage.center.charter = encode_payload(core.draft("charter", charter, core.seen()))
    with pytest.raises(VerificationFailed, match="expected 'us' among its parties"):
        stage.join()


@pytest.mark.parametrize("payload", (b"", b"{}", b"\xff", b'{"v":1}', b"[" * 5000))
def test_garbage_for_a_charter_is_refused(stage: Stage, payload: bytes) -> None:
    stage.center.charter = payload
    with pytest.raises(Malformed):
        stage.join()
    assert find_pin(stage.folder) is None


def test_another_charter_after_joining_is_refused(stage: Stage) -> None:
    stage.join()
    core = stage.center.core
    stage.center.charter = encode_payload(
        core.draft("charter", core.draft_charter(name="Another"), core.seen(0), seq=0, prev="0" * 64)
    )
    stage.center.is_founded = False
    with pytest.raises(Denied) as caught:
        stage.join()
    assert caught.value.code == "already-joined"


def test_joining_again_sends_the_very_same_roster(stage: Stage) -> None:
    true_request = stage.center.request

    def lose(method: str, path: str, **named: bytes) -> tuple[int, str, bytes]:
        if path == "/charter/signatures":
            stage.center.received.append(named["body"])
            raise NotFound("lost", "the line broke")
        return true_request(method, path)

    stage.center.request = lose  # type: ignore[method-assign, assignment]
    with pytest.raises(EntenteError):
        stage.join()
    stage.clock.pass_s(3600)
    del stage.center.request
    stage.join()
    first, second = (json.loads(body)["roster"] for body in stage.center.received)
    assert first == second


def test_founded_charter_must_carry_our_own_signature(stage: Stage) -> None:
    stage.join()
    (stage.folder / PIN_FILE).unlink()
    envelope = json.loads(stage.center.entries[0])
    envelope["signatures"] = [one for one in envelope["signatures"] if not one["keyid"].startswith("us/")]
    raw = json.dumps(envelope, separators=(",", ":"), sort_keys=True).encode()
    stage.center.entries = [parse_envelope(raw).raw, *stage.center.entries[1:]]
    with pytest.raises(Denied) as caught:
        stage.join()
    assert caught.value.code == "unsigned"
    assert find_pin(stage.folder) is None


def test_locked_roots_want_their_passphrase_before_anything_is_sent(tmp_path: Path) -> None:
    with open_scratch(tmp_path) as folder:
        stage = make_stage(folder, passphrase="correct horse")
        for passphrase, code in ((None, "locked"), ("wrong", "bad-passphrase")):
            with pytest.raises(Denied) as caught:
                stage.join(**({} if passphrase is None else {"passphrase": passphrase}))
            assert caught.value.code == code
            assert list_posted(stage) == []
        assert stage.join(passphrase="correct horse").state == "founded"


def test_pin_that_was_changed_by_hand_is_refused(stage: Stage) -> None:
    stage.join()
    path = stage.folder / PIN_FILE
    path.write_bytes(path.read_bytes().replace(b"A joint center", b"A joint centre"))
    with pytest.raises(VerificationFailed) as caught:
        stage.open()
    assert caught.value.code == "bad-pin"


def test_desk_that_has_not_joined_says_so(stage: Stage) -> None:
    with pytest.raises(NotFound) as caught:
        stage.open()
    assert caught.value.code == "not-joined"


def test_record_that_begins_with_another_charter_is_void(stage: Stage) -> None:
    stage.join()
    # Well signed by everyone, and not what was agreed: a charter that we once signed elsewhere.
    other = CenterSimulator(stage.center.us, PartySimulator("ru"), kinds=KINDS)
    signed = other.write_charter(other.draft_charter(name="Another"), seq=0, prev="0" * 64)
    stage.center.rewrite([signed.raw])
    desk = stage.open()
    desk.follow_once()
    assert "expected the charter that we pinned" in stage.alarms()["other-charter"].words
    assert desk.rows.find(CharterRow, "charter") is None
