"""Zones: outlines with a rule, for whom it holds, and who vouches for each obligation.

Invariants:
  * A safe or demilitarised zone has at least one obligation, and each obligation names a guarantor who is a
    party and can read the declaration: "who protects them?" is answered before the zone is in the record, or
    it does not get there.
  * A zone is its author's statement. That it names a guarantor does not mean that the guarantor agreed.
  * Exempt parties are named; the author's own activities are not exempt unless named.

It does not enforce: it makes conflicts with activities visible (`entente.deconflict.conflicts`).

    Declare(id="castello", name="Castello road", zone="demilitarised", …, replaces=None)
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.deconflict.activity import ActivityWord, PartyList
from entente.deconflict.objects import (
    decide_new,
    decide_own,
    decide_replacement,
    end_object,
    list_owed,
    put_version,
)
from entente.deconflict.positions import open_positions
from entente.kernel.charter import list_parties
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, NameText, NoteText, SlugText, WireStruct
from entente.space import VolumeWire, parse_volume

ZoneWord = Literal["safe", "denied", "restricted", "caution", "demilitarised"]
GUARANTEED: Final[frozenset[ZoneWord]] = frozenset({"safe", "demilitarised"})
"""Zones that promise something, and so need someone who vouches for it."""
SourceText = Annotated[str, msgspec.Meta(max_length=500)]


class Obligation(WireStruct, frozen=True):
    """What is promised in a zone, and which party vouches for it."""

    obligation: SlugText
    text: NoteText
    guarantor: SlugText


class DeclareZone(WireStruct, frozen=True):
    """Body of ``zone.declare``: the whole zone; ``replaces`` is the version it replaces, null if new."""

    id: SlugText
    name: NameText
    zone: ZoneWord
    volume: VolumeWire
    rule: NoteText
    applies_to: Annotated[list[ActivityWord], msgspec.Meta(min_length=1, max_length=7)]
    permits: PartyList
    obligations: Annotated[list[Obligation], msgspec.Meta(max_length=30)]
    source: SourceText
    replaces: Hex64 | None


class WithdrawZone(WireStruct, frozen=True):
    """Body of ``zone.withdraw``."""

    id: SlugText
    note: NoteText


class ZoneRow(Row, frozen=True):
    """A zone's current version."""

    TABLE: ClassVar[str] = "zones"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "author")
    object: str
    author: str
    to: tuple[str, ...]
    declared: DeclareZone
    version: str
    state: Literal["standing", "withdrawn"]
    note: str

    def key(self) -> str:
        """Return the scoped name."""
        return self.object


def decide_declare_zone(message: VerifiedMessage[DeclareZone], rows: Rows) -> Decision:
    """Allow a new zone, or its author's replacement, with a guarantor for whatever is promised."""
    body = message.body
    if body is None:
        return ALLOWED
    place = (
        decide_new(message, body.id, rows)
        if body.replaces is None
        else decide_replacement(message, body.id, "zone", replaces=body.replaces, rows=rows)
    )
    if not place.is_allowed:
        return place
    parse_volume(body.volume, path="$.body.volume")
    if body.applies_to != sorted(set(body.applies_to)):
        return denied("activity-order", "applies_to: expected each kind of activity once, sorted")
    parties = list_parties(rows)
    if body.permits != sorted(set(body.permits)):
        return denied("party-order", "permits: expected each party once, sorted by name")
    for party in body.permits:
        if party not in parties:
            return denied("unknown-party", f"permits: expected parties of the charter, got {party!r}")
    return _decide_obligations(message, body, rows)


def _decide_obligations(message: VerifiedMessage[DeclareZone], body: DeclareZone, rows: Rows) -> Decision:
    if body.zone in GUARANTEED and not body.obligations:
        return denied(
            "no-guarantor",
            f"zone {body.id!r}: expected an obligation with a guarantor in a {body.zone} zone, got none",
        )
    names = [one.obligation for one in body.obligations]
    if names != sorted(set(names)):
        return denied("obligation-order", "obligations: expected each once, sorted by name")
    readers = {message.author, *list_owed(message, rows)}
    for one in body.obligations:
        if one.guarantor not in readers:
            return denied(
                "bad-guarantor",
                f"obligation {one.obligation!r}: expected a guarantor among {sorted(readers)}, got "
                f"{one.guarantor!r}",
            )
    return ALLOWED


def project_declare_zone(entry: Entry[DeclareZone], rows: Rows) -> None:
    """Put the version in force."""
    body = entry.message.body
    if body is not None:
        thing = put_version(entry, body.id, "zone", [body.volume], rows)
        rows.put(
            ZoneRow(
                object=thing.object,
                author=thing.author,
                to=thing.to,
                declared=body,
                version=thing.version,
                state="standing",
                note="",
            )
        )
    open_positions(entry, rows)


def decide_withdraw_zone(message: VerifiedMessage[WithdrawZone], rows: Rows) -> Decision:
    """Allow the author to withdraw his own."""
    body = message.body
    return ALLOWED if body is None else decide_own(message, body.id, "zone", rows)


def project_withdraw_zone(entry: Entry[WithdrawZone], rows: Rows) -> None:
    """End the zone; its name is not given again."""
    body = entry.message.body
    if body is not None:
        end_object(entry, body.id, ZoneRow, rows, state="withdrawn", note=body.note)


ZONE_DECLARE: Final = Kind(
    "zone.declare",
    DeclareZone,
    decide=decide_declare_zone,
    project=project_declare_zone,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
ZONE_WITHDRAW: Final = Kind(
    "zone.withdraw",
    WithdrawZone,
    decide=decide_withdraw_zone,
    project=project_withdraw_zone,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
