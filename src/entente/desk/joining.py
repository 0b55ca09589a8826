"""Joining a center: look at its charter, check our own part in it, sign it once, and pin it for ever.

    1. Fetch the charter: a draft that gathers signatures, or the founded one
    2. It is canonical, sound in itself, and says what it is (kernel.charter)
    3. Our root keys and the hash of our roster stand in it as our own card has them
    4. The fingerprint is the one that the people compared by voice, where they gave it
    5. Pin the charter on disk: from now on this log key, this center key and this CA, and no others
    6. Sign it with our root keys, sign our first roster, keep both, and only then send them

Invariants: one charter a desk, never changed (`pin.json`); one first roster, made once and sent again as
often as needed, since a second one with the same number would convict us; nothing is signed before 3 and 4.

It does not found the center: the last party's signature does.

    >>> report = join(folder, "https://center.example.org", clock=clock, random=random)
    >>> report.charter_fingerprint
    '1a2b 3c4d ...'
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from entente.desk.answers import CharterAnswer, RefusedAnswer, parse_answer, parse_embedded
from entente.desk.client import CenterClient, make_unpinned_context
from entente.desk.vault import Vault
from entente.joint import KINDS, KeyRing, verify_message
from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.charter import Charter, charter_fingerprint, check_charter, decide_charter
from entente.kernel.envelope import (
    MESSAGE_TYPE,
    SignatureWire,
    SignedMessage,
    encode_pae,
    parse_envelope,
    sign_envelope,
)
from entente.kernel.errors import Denied, Malformed, NotFound, TransportError, VerificationFailed
from entente.kernel.keys import SigningKey, fingerprint, parse_public_key
from entente.kernel.message import (
    CENTER,
    MAX_BODY_BYTES,
    NO_MESSAGE,
    Payload,
    Seen,
    encode_payload,
    parse_body,
)
from entente.kernel.ports import Clock, Random, Transport
from entente.kernel.roots import parse_roots
from entente.kernel.roster import RosterStatement, statement_hash
from entente.kernel.rows import MemoryRows
from entente.kernel.time import encode_utc
from entente.kernel.wire import Hex64, OriginText, SlugText, UrlText, UtcText, WireStruct, encode_base64
from entente.record.tree import EMPTY_ROOT
from entente.store.durable import write_atomic

PIN_FILE: Final = "pin.json"
ROSTER_FILE: Final = "roster.envelope.json"
MAX_CHARTER_BYTES: Final = MAX_BODY_BYTES + 8_000


class Pin(WireStruct, frozen=True):
    """What we joined: the charter's exact payload stands beside its hash, so that the pin explains itself."""

    charter: Hex64
    origin: OriginText
    url: UrlText
    payload: Annotated[str, msgspec.Meta(max_length=65_535)]
    joined: UtcText

    def parse(self) -> tuple[Payload, Charter]:
        """Return the pinned charter."""
        raw = self.payload.encode()
        if hashlib.sha256(raw).hexdigest() != self.charter:
            raise VerificationFailed("bad-pin", f"{PIN_FILE}: expected the payload whose hash stands in it")
        return parse_charter(raw)


@dataclass(frozen=True, slots=True)
class PartyLine:
    """A founding party as the charter has it, for people to compare."""

    party: str
    name: str
    root_fingerprints: tuple[str, ...]
    threshold: int
    has_signed: bool


@dataclass(frozen=True, slots=True)
class JoinReport:
    """What was joined. ``charter_fingerprint`` is what the parties compare by voice."""

    party: str
    center: str
    url: str
    charter_fingerprint: str
    parties: tuple[PartyLine, ...]
    state: str
    missing: tuple[str, ...]
    exercise: bool


class RosterSubmission(WireStruct, frozen=True):
    """Body of ``POST /charter/signatures`` (docs/formats/http.md 3.2)."""

    party: SlugText
    signatures: list[SignatureWire]
    roster: msgspec.Raw


def parse_charter(raw: bytes) -> tuple[Payload, Charter]:
    """Return a charter's payload and body, checked for soundness; who signed it is not asked here.

    Raises:
        Malformed, Denied: What is not as it must be.
    """
    payload = parse_canonical_as(raw, Payload, max_bytes=MAX_CHARTER_BYTES)
    expected = ("charter", CENTER, 0, NO_MESSAGE, 0)
    got = (payload.kind, payload.author, payload.seq, payload.prev, len(payload.to))
    if got != expected or payload.sealed is not None:
        raise Malformed("not-a-charter", f"charter: expected kind, author, seq, prev {expected}, got {got}")
    charter = parse_body(bytes(payload.body), Charter)
    check_charter(payload.center, charter).require()
    return payload, charter


def find_pin(folder: Path) -> Pin | None:
    """Return what this desk joined, or None."""
    try:
        data = (folder / PIN_FILE).read_bytes()
    except FileNotFoundError:
        return None
    return parse_canonical_as(data, Pin)


def get_pin(folder: Path) -> Pin:
    """Return what this desk joined, or raise `NotFound`."""
    pin = find_pin(folder)
    if pin is None:
        raise NotFound("not-joined", "desk: expected it to have joined a center, it has not")
    return pin


def fetch_charter(transport: Transport) -> CharterAnswer:
    """Return the charter as the center shows it; nothing in it is verified."""
    status, _, body = transport.request("GET", "/charter")
    if status != 200:
        raise TransportError("bad-status", f"charter: expected status 200, got {status}")
    return parse_answer(body, CharterAnswer, what="charter")


def join(
    folder: Path,
    center_url: str = "",
    *,
    clock: Clock,
    random: Random,
    passphrase: str | None = None,
    expect_fingerprint: str = "",
    connect: Callable[[str], Transport] | None = None,
) -> JoinReport:
    """Join the center at ``center_url`` (or the settings'), or finish what was begun; safe to repeat.

    Args:
        passphrase: Of the root keys' files, when they are locked.
        expect_fingerprint: What the people agreed on by voice; spaces and case do not matter.
        connect: Makes the transport; by default the real one, which believes no certificate yet.

    Raises:
        VerificationFailed: ``other-charter``, ``other-roster``: not what was agreed; nothing was signed.
        Denied: ``already-joined``: this desk has another charter; or the center refused.
    """
    vault = Vault.load(folder)
    url = center_url or vault.config.center_url
    if not url:
        raise Malformed("no-url", "center: expected its URL, the settings have none")
    with ExitStack() as held:
        if connect is not None:
            transport = connect(url)
        else:
            transport = held.enter_context(closing(_connect(vault, url, random)))
        return _join(
            vault, transport, url, clock, passphrase=passphrase, expect_fingerprint=expect_fingerprint
        )


def _join(
    vault: Vault,
    transport: Transport,
    url: str,
    clock: Clock,
    *,
    passphrase: str | None,
    expect_fingerprint: str,
) -> JoinReport:
    folder = vault.folder
    answer = fetch_charter(transport)
    raw = answer.payload_bytes()
    payload, charter = parse_charter(raw)
    _check_own_part(vault, charter)
    _check_agreed(folder, raw, expect_fingerprint)
    if answer.state == "founded":
        _check_founded(answer, raw)
    pin = Pin(
        charter=hashlib.sha256(raw).hexdigest(),
        origin=payload.center,
        url=url,
        payload=raw.decode(),
        joined=encode_utc(clock.now_utc()),
    )
    if find_pin(folder) is None:
        write_atomic(folder / PIN_FILE, encode_canonical(pin))
    if answer.state == "draft":
        _sign(vault, transport, raw, payload.center, passphrase=passphrase, clock=clock)
        answer = fetch_charter(transport)
        if answer.payload_bytes() != raw:
            raise VerificationFailed("other-charter", "charter: expected the one that we signed, got another")
    return _report(vault.party, url, payload, charter, answer)


def _connect(vault: Vault, url: str, random: Random) -> CenterClient:
    tls = make_unpinned_context(vault.client_cert_paths) if url.startswith("https") else None
    return CenterClient(url, random=random, tls=tls)


def _check_own_part(vault: Vault, charter: Charter) -> None:
    founder = next((one for one in charter.parties if one.party == vault.party), None)
    if founder is None:
        raise VerificationFailed("not-a-party", f"charter: expected {vault.party!r} among its parties")
    statement = vault.card.statement
    if founder.roots != statement.roots:
        raise VerificationFailed(
            "other-roots", f"charter, {vault.party!r}: expected the root keys of our own card, got others"
        )
    expected = statement_hash(statement)
    if founder.roster != expected:
        raise VerificationFailed(
            "other-roster", f"charter, {vault.party!r}: expected roster {expected}, got {founder.roster}"
        )


def _check_agreed(folder: Path, raw: bytes, expect_fingerprint: str) -> None:
    found = charter_fingerprint(raw)
    wanted = "".join(expect_fingerprint.split()).lower()
    if wanted and wanted != found.replace(" ", ""):
        raise VerificationFailed(
            "other-charter", f"charter: expected fingerprint {expect_fingerprint!r}, got {found!r}"
        )
    pin = find_pin(folder)
    if pin is not None and pin.payload.encode() != raw:
        held = charter_fingerprint(pin.payload.encode())
        raise Denied("already-joined", f"desk: expected the charter {held!r} that it joined, got {found!r}")


def _check_founded(answer: CharterAnswer, raw: bytes) -> None:
    """Check that every founder signed, our own root keys among them."""
    signed = parse_embedded(bytes(answer.envelope))
    if signed.payload != raw:
        raise VerificationFailed("other-charter", "charter: expected the envelope of the payload beside it")
    message = verify_message(signed, KeyRing(None, {}, {}), KINDS)
    decide_charter(message, MemoryRows()).require()


def _sign(
    vault: Vault, transport: Transport, raw: bytes, origin: str, *, passphrase: str | None, clock: Clock
) -> None:
    keys = vault.load_roots(passphrase)
    threshold = vault.card.statement.roots.threshold
    if len(keys) < threshold:
        raise Denied(
            "root-threshold", f"root keys: expected >= {threshold} of them in keys/, got {len(keys)}"
        )
    pae = encode_pae(MESSAGE_TYPE, raw)
    signatures = sorted((key.public.key_id, key.sign(pae)) for key in keys)
    roster = _keep_roster(vault, keys, origin, clock)
    submission = RosterSubmission(
        party=vault.party,
        signatures=[SignatureWire(keyid=name, sig=encode_base64(sig)) for name, sig in signatures],
        roster=msgspec.Raw(roster.raw),
    )
    body = msgspec.json.encode(submission)
    status, _, answer = transport.request("POST", "/charter/signatures", body=body)
    if status != 200:
        refused = parse_answer(answer, RefusedAnswer, what="refusal of the charter's signatures")
        raise Denied(refused.code, f"center: {refused.message}")


def _keep_roster(vault: Vault, keys: list[SigningKey], origin: str, clock: Clock) -> SignedMessage:
    """Return our first roster's envelope: made once, durable before it is sent for the first time."""
    path = vault.folder / ROSTER_FILE
    if path.exists():
        return parse_envelope(path.read_bytes())
    payload = make_roster_payload(vault.party, vault.card.statement, origin, encode_utc(clock.now_utc()))
    signed = sign_envelope(encode_payload(payload), MESSAGE_TYPE, keys)
    write_atomic(path, signed.raw)
    return signed


def make_roster_payload(party: str, statement: RosterStatement, origin: str, at: str) -> Payload:
    """Return the payload of a party's first message: its roster, written before there is a record to see."""
    return Payload(
        v=1,
        kind="roster.statement",
        center=origin,
        author=party,
        officers=[],
        seq=0,
        prev=NO_MESSAGE,
        seen=Seen(size=0, root=EMPTY_ROOT.hex()),
        at=at,
        to=[],
        body=msgspec.Raw(encode_canonical(statement)),
        sealed=None,
    )


def _report(party: str, url: str, payload: Payload, charter: Charter, answer: CharterAnswer) -> JoinReport:
    signed = set(answer.signed)
    lines = []
    for founder in charter.parties:
        roots = parse_roots(founder.roots, what=f"charter, {founder.party!r}")
        done = len(signed & set(roots)) >= founder.roots.threshold
        lines.append(
            PartyLine(
                founder.party,
                founder.name,
                tuple(fingerprint(key) for key in roots.values()),
                founder.roots.threshold,
                done or answer.state == "founded",
            )
        )
    parse_public_key(charter.center)
    return JoinReport(
        party,
        payload.center,
        url,
        charter_fingerprint(answer.payload_bytes()),
        tuple(lines),
        answer.state,
        tuple(answer.missing),
        charter.exercise,
    )
