"""A whole record in memory: parties with real keys, a host that cannot open what is sealed, a desk each.

Every message goes to every view as acceptance would hand it over: opened where the view may read it, closed
where not. The simulator itself holds one promise: what is open is decided alike by all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import pytest

from entente import blind, deconflict, dialogue, release
from entente.deconflict import (
    RAISE_ALARM,
    Acknowledge,
    AlarmRow,
    MemoryIndex,
    Notify,
    ReceiptRow,
    decide_intake,
    explain_alarm,
    find_receipt,
    list_owing,
    open_follow_ups,
    open_receipts,
    rebuild_index,
    track_alarms,
    update_conflicts,
)
from entente.dialogue import open_alarm_thread
from entente.kernel.charter import AgreedRules, Charter, CharterRow, FoundingParty
from entente.kernel.envelope import MESSAGE_TYPE, sign_envelope
from entente.kernel.errors import Denied, EntenteError
from entente.kernel.ids import LeafHash, LogIndex
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.kinds import KindTable, SignedBy
from entente.kernel.message import (
    CENTER,
    NO_MESSAGE,
    Addressee,
    Entry,
    Payload,
    Seen,
    VerifiedMessage,
    encode_body,
    encode_payload,
)
from entente.kernel.roots import Roots
from entente.kernel.roster import OfficerWire, PartyRow, RosterStatement, SealKeyWire
from entente.kernel.rows import MemoryRows
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import WireStruct, encode_base64
from entente.space import CircleWire, VolumeWire

KINDS: Final = KindTable((*deconflict.KINDS, *dialogue.KINDS, *blind.KINDS, *release.KINDS))
START: Final = parse_utc("2016-09-17T13:00:00Z")
RULES: Final = AgreedRules(
    lateral_cm=500_000,
    vertical_cm=30_000,
    time_s=600,
    read_back_tolerance_cm=10_000,
    escalate_minutes=5,
    lapse_minutes=20,
    readout_minutes=60,
    dishonest_witnesses=None,
)
CONTACTS: Final = ["duty-1", "duty-2", "chief"]
PARTIES: Final = ("ru", "un", "us")


def make_circle(
    lat: float = 35.28,
    lon: float = 40.18,
    radius_m: float = 1000.0,
    *,
    floor_m: float | None = 0.0,
    ceiling_m: float | None = 5000.0,
    start: str = "2016-09-17T14:00:00Z",
    end: str = "2016-09-17T16:00:00Z",
) -> VolumeWire:
    return VolumeWire(
        outline=CircleWire((round(lat * 1e7), round(lon * 1e7)), round(radius_m * 100)),
        floor_cm=None if floor_m is None else round(floor_m * 100),
        ceiling_cm=None if ceiling_m is None else round(ceiling_m * 100),
        start=start,
        end=end,
    )


def make_key(name: str) -> SigningKey:
    return SigningKey(name, hashlib.sha256(name.encode()).digest())


@dataclass
class View:
    """What one reader makes of the record; ``party`` is None for the host."""

    party: str | None
    rows: MemoryRows = field(default_factory=MemoryRows)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def can_read(self, payload: Payload) -> bool:
        names = {payload.author, *(one.party for one in payload.to)}
        return not payload.to or self.party in names


class RecordSimulator:
    """Parties, officers, a clock that moves when told to, and one record."""

    def __init__(
        self,
        parties: Iterable[str] = PARTIES,
        *,
        rules: AgreedRules = RULES,
        contacts: dict[str, list[str]] | None = None,
        desks: Iterable[str] | None = None,
    ) -> None:
        self.parties = tuple(sorted(parties))
        self.keys = {party: make_key(f"{party}/desk") for party in self.parties}
        self.keys[CENTER] = make_key("center")
        self.now = START
        self.size = 0
        self.recorded: dict[str, datetime] = {}
        self.history: list[VerifiedMessage[Any]] = []
        self._chains: dict[str, tuple[int, str]] = {}
        readers = [None, *(self.parties if desks is None else desks)]
        self._rules, self._contacts = rules, contacts or {}
        self.views = {reader: View(reader) for reader in readers}
        for view in self.views.values():
            self._found(view.rows, self._rules, self._contacts)

    def _found(self, rows: MemoryRows, rules: AgreedRules, contacts: dict[str, list[str]]) -> None:
        founders = []
        for party in self.parties:
            roots = Roots([encode_public_key(make_key(f"{party}/root").public)], 1)
            founders.append(FoundingParty(party, party.upper(), roots, "0" * 64))
            named = contacts.get(party, CONTACTS)
            statement = RosterStatement(
                version=1,
                name=party.upper(),
                roots=roots,
                desk=encode_public_key(self.keys[party].public),
                witness="",
                witness_url="",
                seal=SealKeyWire(f"{party}/seal+00000000", encode_base64(bytes(1216))),
                officers=[OfficerWire(one, one, []) for one in sorted(set(named))],
                contacts=named,
                tls_ca="",
            )
            rows.put(PartyRow(party=party, statement=statement, since_index=0))
        charter = Charter(
            name="test",
            log="log.example+00000000+AA==",
            center=encode_public_key(self.keys[CENTER].public),
            url="",
            tls_ca="",
            exercise=True,
            parties=founders,
            rules=rules,
            terms=[],
        )
        rows.put(CharterRow(origin="log.example", charter=charter, leaf=NO_MESSAGE))

    @property
    def host(self) -> MemoryRows:
        return self.views[None].rows

    def rows(self, party: str | None = None) -> MemoryRows:
        return self.views[party].rows

    def tick(self, *, minutes: float = 0, seconds: float = 0) -> None:
        self.now += timedelta(minutes=minutes, seconds=seconds)

    def build(
        self,
        author: str,
        kind: str,
        body: WireStruct,
        *,
        officers: Iterable[str] = ("duty-1",),
        to: Iterable[str] = (),
        at: str | None = None,
    ) -> VerifiedMessage[Any]:
        """A message as acceptance would have verified it, opened; nothing is recorded yet."""
        seq, prev = self._chains.get(author, (0, NO_MESSAGE))
        sealed = [Addressee(party, f"{party}/seal+00000000", "0" * 64) for party in sorted(to)]
        plain = encode_body(body)
        payload = Payload(
            v=1,
            kind=kind,
            center="log.example",
            author=author,
            officers=sorted(officers),
            seq=seq,
            prev=prev,
            seen=Seen(0, "0" * 64),
            at=at or encode_utc(self.now),
            to=sealed,
            body=msgspec.Raw(b"null" if sealed else plain),
            sealed=hashlib.sha256(plain).hexdigest() if sealed else None,
        )
        key = self.keys[author]
        signed = sign_envelope(encode_payload(payload), MESSAGE_TYPE, [key])
        return VerifiedMessage(payload, body, signed, signed.leaf, frozenset({key.public.key_id}))

    def send(
        self,
        author: str,
        kind: str,
        body: WireStruct,
        *,
        officers: Iterable[str] = ("duty-1",),
        to: Iterable[str] = (),
        at: str | None = None,
        is_lying: bool = False,
        is_recorded: bool = False,
    ) -> str:
        """Record a message or raise what refused it. A liar's own desk does not hold him back.

        Where it is recorded already, by whichever host, nobody asks what is asked of new ones.
        """
        if author == CENTER:
            officers = ()
        message = self.build(author, kind, body, officers=officers, to=to, at=at)
        payload, found = message.payload, KINDS.get(kind)
        if (found.signed_by is SignedBy.CENTER) != (author == CENTER):
            raise Denied("bad-author", f"{kind}: expected another author, got {author!r}")
        if len(payload.officers) < found.min_officers:
            raise Denied(
                "officers-missing", f"{kind}: expected >= {found.min_officers}, got {len(payload.officers)}"
            )
        if payload.to and not found.may_be_sealed:
            raise Denied("not-sealable", f"{kind}: expected an open message")
        faults = {reader: self._find_fault(view, message) for reader, view in self.views.items()}
        at_host = faults[None]
        if at_host is not None:
            # INVARIANT: what is open is decided alike by host and desks.
            differing = {r for r, f in faults.items() if not payload.to and str(f) != str(at_host)}
            assert not differing, (kind, faults)
            raise at_host
        if not payload.to:
            assert not any(faults.values()), (kind, faults)
        # INVARIANT: whoever can read a sealed message decides alike, too.
        readers = {str(faults[r]) for r, view in self.views.items() if r and view.can_read(payload)}
        assert len(readers) <= 1, (kind, faults)
        own = faults.get(author)
        if own is not None and not is_lying:
            raise own
        if not is_recorded:
            host = self.views[None]
            decide_intake(self._hand(host, message), host.rows, self.now, host.index).require()
            if author in self.views and not is_lying:
                desk = self.views[author]
                decide_intake(self._hand(desk, message), desk.rows, self.now).require()
        for reader, view in self.views.items():
            self._apply(view, message, faults[reader], self.size)
        self.history.append(message)
        self.recorded[message.leaf] = self.now
        self._chains[author] = (payload.seq + 1, message.leaf)
        self.size += 1
        return message.leaf

    def _find_fault(self, view: View, message: VerifiedMessage[Any]) -> EntenteError | None:
        try:
            KINDS.get(message.payload.kind).decide(self._hand(view, message), view.rows).require()
        except EntenteError as error:
            return error
        return None

    def _hand(self, view: View, message: VerifiedMessage[Any]) -> VerifiedMessage[Any]:
        if view.can_read(message.payload):
            return message
        return VerifiedMessage(message.payload, None, message.signed, message.leaf, message.signers)

    def replay(self, party: str | None, *, crash_at: int) -> View:
        """What a reader computes anew from the record; at ``crash_at`` its index is lost and made anew."""
        view = View(party)
        self._found(view.rows, self._rules, self._contacts)
        for place, message in enumerate(self.history):
            if place == crash_at:
                view.index = rebuild_index(view.rows)
            self._apply(view, message, self._find_fault(view, message), place)
        return view

    def _apply(
        self, view: View, message: VerifiedMessage[Any], fault: EntenteError | None, place: int
    ) -> None:
        kind = KINDS.get(message.payload.kind)
        entry: Entry[Any] = Entry(LogIndex(place), self._hand(view, message))
        if fault is None:
            kind.project(entry, view.rows)
        else:
            view.refused.append((message.leaf, fault.code))
        if kind.acknowledged:
            open_receipts(entry, list_owing(message, view.rows), view.rows)
        if fault is None:
            track_alarms(entry, update_conflicts(entry, view.rows, view.index), view.rows)
            open_follow_ups(entry, view.rows, view.index)
        if fault is None and kind.name == RAISE_ALARM:
            alarm = view.rows.find(AlarmRow, message.opened().alarm)
            assert alarm is not None
            open_alarm_thread(entry, alarm.alarm, explain_alarm(alarm, view.rows), view.rows)

    # What the tests say most often

    def notify(self, author: str, name: str, *volumes: VolumeWire, **more: Any) -> str:
        concurrence = more.pop("concurrence", [])
        activity = more.pop("activity", "air")
        armed, concur_by = more.pop("armed", False), more.pop("concur_by", None)
        told = list(volumes) or [make_circle()]
        body = Notify(name, activity, f"title of {name}", told, concurrence, armed=armed, concur_by=concur_by)
        return self.send(author, "activity.notify", body, **more)

    def acknowledge(self, party: str, *leaves: str, **more: Any) -> str:
        return self.send(party, "receipt.acknowledge", Acknowledge(sorted(leaves)), **more)

    def receipt(self, leaf: str, party: str, *, view: str | None = None) -> ReceiptRow:
        found = find_receipt(self.rows(view), leaf, party)
        assert found is not None
        return found

    def recorded_utc(self, leaf: LeafHash) -> datetime | None:
        return self.recorded.get(leaf)


@contextmanager
def refused(code: str, *parts: str) -> Iterator[None]:
    """What follows is refused with this code, and the message says these parts."""
    with pytest.raises(EntenteError) as caught:
        yield
    assert caught.value.code == code, caught.value
    for part in parts:
        assert part in caught.value.message, (part, caught.value.message)


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def test_the_simulator_records_what_every_view_allows(record: RecordSimulator) -> None:
    leaf = record.notify("us", "sortie-7")
    assert [record.receipt(leaf, party).state for party in ("ru", "un")] == ["waiting", "waiting"]
    assert find_receipt(record.host, leaf, "us") is None


def test_the_simulator_hands_no_sealed_body_to_the_host(record: RecordSimulator) -> None:
    leaf = record.notify("us", "sortie-7", to=["ru"])
    assert record.receipt(leaf, "ru").kind == "activity.notify"
    assert find_receipt(record.host, leaf, "un") is None
    assert len(list(record.host.select(deconflict.ActivityRow))) == 0
    assert len(list(record.rows("ru").select(deconflict.ActivityRow))) == 1
    assert len(list(record.rows("un").select(deconflict.ActivityRow))) == 0


def test_every_kind_has_a_name_of_its_own_and_a_bounded_schema() -> None:
    def walk(schema: dict[str, Any], path: str) -> list[str]:
        loose = []
        if schema.get("type") == "string" and "maxLength" not in schema:
            loose.append(path)
        if schema.get("type") == "integer" and not (
            "minimum" in schema and {"maximum", "exclusiveMaximum"} & set(schema)
        ):
            loose.append(path)
        if schema.get("type") == "array" and "maxItems" not in schema:
            loose.append(path)
        for key, part in schema.items():
            if isinstance(part, dict):
                loose += walk(part, f"{path}.{key}")
            elif isinstance(part, list):
                for place, item in enumerate(part):
                    loose += walk(item, f"{path}.{key}[{place}]") if isinstance(item, dict) else []
        return loose

    assert len(KINDS) == 56
    for kind in KINDS:
        schema = msgspec.json.schema(kind.body)
        assert walk(schema, kind.name) == []
        for part in schema["$defs"].values():
            assert part.get("additionalProperties") is False or "enum" in part, kind.name
