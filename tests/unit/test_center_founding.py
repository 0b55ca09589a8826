"""Founding: what a party signs is what becomes entry 0, and half a founding is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.parties import (
    ORIGIN,
    FrozenClock,
    PartySimulator,
    SeededRandom,
    init_draft,
    init_signed,
    make_party,
)
from entente.center.draft import Draft, parse_draft
from entente.center.folder import (
    CenterFolder,
    CenterSettings,
    encode_settings,
    parse_address,
    parse_settings,
)
from entente.center.founding import Founding, parse_signature_set
from entente.center.service import CenterPorts, open_center
from entente.kernel.canonical import encode_canonical
from entente.kernel.envelope import MESSAGE_TYPE, encode_pae, parse_envelope
from entente.kernel.errors import Denied, EntenteError, Malformed, NotFound, StoreError, VerificationFailed
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.roots import Roots
from entente.kernel.roster import parse_card
from entente.kernel.wire import encode_base64


@pytest.fixture
def parties() -> list[PartySimulator]:
    return [make_party(name) for name in ("ru", "us")]


def add(founding: Founding, body: bytes) -> None:
    founding.add(parse_signature_set(body))


def start(root: Path) -> Any:
    def fail(error: BaseException) -> None:
        raise error

    return open_center(root, CenterPorts(clock=FrozenClock(), random=SeededRandom(1), on_fatal=fail))


def test_what_was_signed_is_entry_zero(tmp_path: Path, parties: list[PartySimulator]) -> None:
    draft = init_signed(tmp_path, parties)
    center = start(tmp_path)
    center.start()
    try:
        assert center.reading.find_published().size == 3
        charter = parse_envelope(center.reading.journal.read_entry(0))
        assert charter.payload == draft.payload
        signers = {key_id for key_id, _ in charter.signatures}
        assert signers == {center.keys.center.public.key_id, *(one.root.public.key_id for one in parties)}
        answer = center.process_charter()
        assert (answer.state, answer.missing) == ("founded", [])
        for party in parties:
            party.seq, party.prev = 0, "0" * 64
        again = center.process_signatures(parties[1].sign_charter(draft))
        assert again.state == "founded", "sending again is answered"
        with pytest.raises(Denied, match="founded already"):
            center.process_signatures(make_party("us", seed=2).sign_charter(draft))
    finally:
        center.stop()


def test_a_center_that_stopped_before_the_last_step_is_founded_at_the_next_start(
    tmp_path: Path, parties: list[PartySimulator]
) -> None:
    init_signed(tmp_path, parties)
    start(tmp_path).stop()  # opened, never started: the signatures are there, the record is not
    center = start(tmp_path)
    center.start()
    assert center.reading.find_published().size == 3
    center.stop()
    again = start(tmp_path)
    again.start()
    assert again.reading.find_published().size == 3, "a center is founded once"
    again.stop()


def test_a_draft_waits_for_everyone(tmp_path: Path, parties: list[PartySimulator]) -> None:
    draft = init_draft(tmp_path, parties)
    folder = CenterFolder(tmp_path)
    founding = Founding(folder, folder.read_keys())
    assert founding.missing == ["ru", "us"]
    body = parties[1].sign_charter(draft)
    add(founding, body)
    add(founding, body)
    assert founding.missing == ["ru"]
    assert founding.describe().signed == [parties[1].root.public.key_id]
    assert Founding(folder, folder.read_keys()).missing == ["ru"], "what was acknowledged is kept"
    with pytest.raises(ValueError, match=r"missing \['ru'\]"):
        founding.build()


def lie(draft: Draft, party: PartySimulator, /, **changes: Any) -> bytes:
    """Return a signature set with something in it replaced."""
    plain = json.loads(party.sign_charter(draft))
    plain |= changes
    return json.dumps(plain, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("changes", "code"),
    (
        ({"party": "xx"}, "unknown-party"),
        ({"party": "ru"}, "unknown-key"),
        ({"signatures": []}, "wrong-type"),
        ({"signatures": [{"keyid": "us/root+00000000", "sig": "A" * 86 + "=="}]}, "unknown-key"),
        ({"roster": {}}, "wrong-type"),
        ({"more": 1}, "wrong-type"),
    ),
)
def test_a_signature_set_that_lies_is_refused(
    tmp_path: Path, parties: list[PartySimulator], changes: dict[str, Any], code: str
) -> None:
    draft = init_draft(tmp_path, parties)
    folder = CenterFolder(tmp_path)
    founding = Founding(folder, folder.read_keys())
    with pytest.raises(EntenteError) as caught:
        add(founding, lie(draft, parties[1], **changes))
    assert caught.value.code == code
    assert founding.missing == ["ru", "us"]
    assert list((tmp_path / "signatures").iterdir()) == [], "nothing was written"


def test_a_signature_over_other_bytes_is_refused(tmp_path: Path, parties: list[PartySimulator]) -> None:
    draft = init_draft(tmp_path, parties)
    founding = Founding(CenterFolder(tmp_path), CenterFolder(tmp_path).read_keys())
    us = parties[1]
    other = us.root.sign(encode_pae(MESSAGE_TYPE, draft.payload.replace(b"Joint", b"Other")))
    body = lie(draft, us, signatures=[{"keyid": us.root.public.key_id, "sig": encode_base64(other)}])
    with pytest.raises(VerificationFailed, match="does not verify"):
        add(founding, body)


def test_a_roster_other_than_the_agreed_one_is_refused(tmp_path: Path, parties: list[PartySimulator]) -> None:
    draft = init_draft(tmp_path, parties)
    us = parties[1]
    founding = Founding(CenterFolder(tmp_path), CenterFolder(tmp_path).read_keys())
    lies: tuple[tuple[Any, Any], ...] = (
        ({"name": "OTHER"}, {}),
        ({}, {"seq": 1}),
        ({}, {"center": "example.org/other"}),
        ({}, {"author": "ru"}),
    )
    for changes, header in lies:
        roster = us.sign("roster.statement", us.statement(**changes), officers=(), keys=(us.root,), **header)
        body = lie(draft, us, roster=json.loads(roster.raw))
        us.seq, us.prev = 0, "0" * 64
        with pytest.raises((Denied, VerificationFailed)):
            add(founding, body)
    # Signed by another key than a root key.
    roster = us.sign("roster.statement", us.statement(), officers=(), keys=(us.desk,))
    with pytest.raises(VerificationFailed, match="unknown-key"):
        add(founding, lie(draft, us, roster=json.loads(roster.raw)))
    assert founding.missing == ["ru", "us"]


def test_a_threshold_of_two_needs_two(tmp_path: Path, parties: list[PartySimulator]) -> None:
    us = parties[1]
    second = SigningKey("us/root", b"2" * 32)
    statement = us.statement()
    keys = sorted([us.root, second], key=lambda key: key.public.key_id)
    roots = Roots([encode_public_key(key.public) for key in keys], 2)
    us.statement = lambda version=1, **changes: msgspec.structs.replace(  # type: ignore[method-assign]
        statement, roots=roots, version=version, **changes
    )
    draft = init_draft(tmp_path, parties)
    founding = Founding(CenterFolder(tmp_path), CenterFolder(tmp_path).read_keys())
    with pytest.raises(Denied, match="expected 2 root signatures of 'us', got 1"):
        add(founding, us.sign_charter(draft))
    pae = encode_pae(MESSAGE_TYPE, draft.payload)
    us.seq, us.prev = 0, "0" * 64
    roster = us.sign("roster.statement", us.statement(), officers=(), keys=tuple(keys))
    signatures = [{"keyid": key.public.key_id, "sig": encode_base64(key.sign(pae))} for key in keys]
    add(founding, lie(draft, us, signatures=signatures, roster=json.loads(roster.raw)))
    assert founding.missing == ["ru"]


def test_an_unsound_draft_is_never_made(tmp_path: Path, parties: list[PartySimulator]) -> None:
    ru, us = parties
    thief = make_party("us")
    thief.root = SigningKey("us/root", ru.root.seed)
    with pytest.raises(Denied, match="expected root keys of its own for 'us'"):
        init_draft(tmp_path / "a", [ru, thief])
    with pytest.raises(Denied, match="expected each party once"):
        init_draft(tmp_path / "b", [us, us])
    copied = make_party("us")
    copied.witness = ru.witness
    with pytest.raises(EntenteError):
        init_draft(tmp_path / "c", [ru, copied])
    for name in ("a", "b", "c"):
        assert not (tmp_path / name / "center.toml").exists()


def test_an_edited_draft_is_not_served(tmp_path: Path, parties: list[PartySimulator]) -> None:
    init_signed(tmp_path, parties)
    path = tmp_path / "draft.payload"
    path.write_bytes(path.read_bytes().replace(b'"escalate_minutes":5', b'"escalate_minutes":6'))
    with pytest.raises(VerificationFailed, match="does not verify"):
        start(tmp_path)
    path.write_bytes(b"{}")
    with pytest.raises(Malformed):
        start(tmp_path)


def test_a_folder_is_made_once(tmp_path: Path, parties: list[PartySimulator]) -> None:
    init_draft(tmp_path, parties)
    before = (tmp_path / "keys" / "log.key").read_bytes()
    with pytest.raises(StoreError, match="expected no center, found one"):
        init_draft(tmp_path, parties)
    assert (tmp_path / "keys" / "log.key").read_bytes() == before
    with pytest.raises(NotFound, match=r"expected 'center\.toml', found none"):
        CenterFolder(tmp_path / "none").read_settings()


def test_keys_that_others_can_read_are_refused(tmp_path: Path, parties: list[PartySimulator]) -> None:
    init_draft(tmp_path, parties)
    folder = CenterFolder(tmp_path)
    assert folder.read_keys().origin == ORIGIN
    for path in (tmp_path / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "keys" / "log.key").chmod(0o640)
    with pytest.raises(StoreError, match="chmod 600"):
        folder.read_keys()
    (tmp_path / "keys" / "log.key").chmod(0o600)
    (tmp_path / "keys" / "log.key").write_text(
        "example.org/joint+00000000 " + encode_base64(bytes(32)) + "\n"
    )
    with pytest.raises(Malformed, match=r"expected 'example\.org/joint\+"):
        folder.read_keys()


def test_settings_are_closed_and_read_back() -> None:
    settings = CenterSettings(ORIGIN, "https://x.example", "[::1]:8440", "system", True, True)
    assert parse_settings(encode_settings(settings)) == settings
    assert settings.address == ("::1", 8440)
    for text, match in (
        (b'origin = "a.b"', "missing required field"),
        (b"origin = ", "invalid value"),
        (encode_settings(settings) + b'colour = "red"\n', "unknown field"),
        (encode_settings(settings).replace(b"8440", b"99999"), "expected HOST:PORT, port <= 65535"),
        (encode_settings(settings).replace(b"tls = true", b"tls = false"), "expected tls = true beside it"),
        (encode_settings(settings).replace(b'database = ""', b'database = "mysql://x"'), "database"),
        (b"\xff", "utf-8"),
    ):
        with pytest.raises(Malformed, match=match):
            parse_settings(text)


@pytest.mark.parametrize("text", ("7100", "host:", ":7100", "host:x", "host:65536", "host:-1", "host:\u0663"))
def test_an_address_is_host_and_port(text: str) -> None:
    assert parse_address("host:65535") == ("host", 65_535)
    with pytest.raises(Malformed, match="expected HOST:PORT"):
        parse_address(text)


def test_a_card_is_canonical_and_sound(parties: list[PartySimulator]) -> None:
    data = encode_canonical(parties[0].card())
    assert parse_card(data) == parties[0].card()
    for lied in (
        data + b" ",
        data.replace(b'"ru"', b'"xx"', 1),
        data.replace(b'"threshold":1', b'"threshold":2'),
        b"",
    ):
        with pytest.raises(EntenteError):
            parse_card(lied)


def test_a_draft_of_another_kind_is_refused(parties: list[PartySimulator]) -> None:
    with pytest.raises(Malformed, match="expected kind 'charter'"):
        parse_draft(parties[0].sign_roster().payload)
