"""Zones: areas with rules for each party and kind of activity, and who vouches for each obligation.

Invariants:
  * A zone that promises something (`GUARANTEED`) has at least one obligation, and every obligation of any
    zone names a guarantor who is a party and can read the declaration: "who protects them?" is answered
    before the zone is in the record, or it does not get there.
  * A zone is its author's statement. That it names a guarantor does not mean that the guarantor agreed: that
    is a message of the guarantor's own (`entente.deconflict.vouch`).
  * One rule at most for each party and kind of activity; whose concurrence is asked for can read the zone.
  * A corridor is an exception only from the zones whose authors named that very version of it.

What the rules ask of an activity: `entente.deconflict.zone_needs`. It enforces nothing: it makes conflicts
visible.

    DeclareZone(id="castello", zone="demilitarised", rules=[ZoneRule("un", "convoy", "permitted", 0, [])], …)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.deconflict.activity import PartyList, Volumes
from entente.deconflict.objects import (
    ObjectRow,
    PlaceRow,
    VersionRow,
    decide_declaration,
    decide_own,
    end_object,
    list_readers,
    name_object,
    put_version,
)
from entente.deconflict.positions import open_positions
from entente.kernel.charter import list_parties
from entente.kernel.ids import SLUG_PATTERN
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.wire import Hex64, NameText, NoteText, OptionalSlug, SlugText, WireStruct

ZoneWord = Literal["safe", "denied", "restricted", "caution", "demilitarised", "corridor", "line"]
GUARANTEED: Final[frozenset[ZoneWord]] = frozenset({"safe", "demilitarised", "corridor"})
"""Zones that promise something, and so need someone who vouches for it."""
Verdict = Literal["permitted", "notice", "concurrence", "forbidden"]
DutyWord = Literal["guard", "inspect", "observe", "other"]
SourceText = Annotated[str, msgspec.Meta(max_length=500)]
ANY: Final = "*"
"""In a rule: every party, every kind of activity."""
RuleParty = Annotated[str, msgspec.Meta(pattern=rf"^\*$(?!\n)|{SLUG_PATTERN}", min_length=1, max_length=40)]
RuleActivity = Literal["*", "air", "ground", "convoy", "maritime", "drone", "medical", "other"]
NoticeHours = Annotated[int, msgspec.Meta(ge=0, le=8784)]


class Obligation(WireStruct, frozen=True):
    """What is promised in a zone, and which party vouches for it. ``obligation`` is its name in this zone."""

    obligation: SlugText
    duty: DutyWord
    text: NoteText
    guarantor: SlugText


class ZoneRule(WireStruct, frozen=True):
    """What one party (or any, ``*``) needs for one kind of activity (or any): see `Verdict`.

    ``notice_h`` is for notice, and may be for concurrence too; ``concurrence`` names who must agree.
    """

    party: RuleParty
    activity: RuleActivity
    verdict: Verdict
    notice_h: NoticeHours
    concurrence: PartyList


class DeclareZone(WireStruct, frozen=True):
    """Body of ``zone.declare``: the whole zone; ``replaces`` is the version it replaces, null if new.

    ``sides`` has, for a line, whose side each volume is (nobody's: the band along it), else it is empty.
    ``corridors`` names versions of corridors inside which their rules take the place of this zone's.
    """

    id: SlugText
    name: NameText
    zone: ZoneWord
    text: NoteText
    volumes: Volumes
    sides: Annotated[list[OptionalSlug], msgspec.Meta(max_length=50)]
    rules: Annotated[list[ZoneRule], msgspec.Meta(max_length=100)]
    obligations: Annotated[list[Obligation], msgspec.Meta(max_length=30)]
    corridors: Annotated[list[Hex64], msgspec.Meta(max_length=20)]
    source: SourceText
    replaces: Hex64 | None


class WithdrawZone(WireStruct, frozen=True):
    """Body of ``zone.withdraw``."""

    id: SlugText
    note: NoteText


class ZoneRow(PlaceRow, frozen=True):
    """A zone's current version."""

    TABLE: ClassVar[str] = "zones"
    declared: DeclareZone


def decide_declare_zone(message: VerifiedMessage[DeclareZone], rows: Rows) -> Decision:
    """Allow a sound zone: new, or its author's replacement."""
    body = message.body
    if body is None:
        return ALLOWED
    for decision in _list_decisions(message, body, rows):
        if not decision.is_allowed:
            return decision
    return ALLOWED


def _list_decisions(
    message: VerifiedMessage[DeclareZone], body: DeclareZone, rows: Rows
) -> Iterator[Decision]:
    yield decide_declaration(
        message, body.id, "zone", body.volumes, rows, replaces=body.replaces, path="$.body.volumes"
    )
    yield _decide_sides(body, rows)
    yield _decide_rules(message, body, rows)
    yield _decide_obligations(message, body, rows)
    yield _decide_corridors(message, body, rows)


def _decide_sides(body: DeclareZone, rows: Rows) -> Decision:
    if body.zone != "line":
        if body.sides:
            return denied("bad-sides", f"sides: expected none in a {body.zone} zone, got {body.sides}")
        return ALLOWED
    if len(body.sides) != len(body.volumes):
        return denied(
            "bad-sides",
            f"sides: expected one for each of {len(body.volumes)} volumes of a line, got {len(body.sides)}",
        )
    parties = list_parties(rows)
    having = sorted({side for side in body.sides if side})
    for side in having:
        if side not in parties:
            return denied("unknown-party", f"sides: expected parties of the charter, got {side!r}")
    if len(having) < 2:
        return denied("bad-sides", f"sides: expected those of two parties or more in a line, got {having}")
    return ALLOWED


def _decide_rules(message: VerifiedMessage[DeclareZone], body: DeclareZone, rows: Rows) -> Decision:
    keys = [(rule.party, rule.activity) for rule in body.rules]
    if keys != sorted(set(keys)):
        return denied("rule-order", "rules: expected one for each party and kind of activity, sorted by both")
    parties = list_parties(rows)
    readers = list_readers(message.author, message.addressees, rows)
    for rule in body.rules:
        what = f"rule {rule.party}:{rule.activity}"
        if rule.party != ANY and rule.party not in parties:
            return denied(
                "unknown-party", f"{what}: expected a party of the charter or '*', got {rule.party!r}"
            )
        if rule.concurrence != sorted(set(rule.concurrence)):
            return denied("party-order", f"{what}: expected each party once in concurrence, sorted by name")
        for party in rule.concurrence:
            if party not in readers:
                # Whoever is to agree must know that he is asked to.
                return denied(
                    "bad-concurrence",
                    f"{what}: expected concurrence of parties among {readers}, got {party!r}",
                )
        if not _is_sound(rule):
            return denied(
                "bad-rule",
                f"{what}: expected notice_h >= 1 alone for 'notice', names for 'concurrence', neither for "
                f"'permitted' and 'forbidden', got {rule.verdict!r} with notice_h {rule.notice_h} and "
                f"{rule.concurrence}",
            )
    return ALLOWED


def _is_sound(rule: ZoneRule) -> bool:
    if rule.verdict == "notice":
        return rule.notice_h > 0 and not rule.concurrence
    if rule.verdict == "concurrence":
        return bool(rule.concurrence)
    return rule.notice_h == 0 and not rule.concurrence


def _decide_obligations(message: VerifiedMessage[DeclareZone], body: DeclareZone, rows: Rows) -> Decision:
    if body.zone in GUARANTEED and not body.obligations:
        return denied(
            "no-guarantor",
            f"zone {body.id!r}: expected an obligation with a guarantor in a {body.zone} zone, got none",
        )
    names = [one.obligation for one in body.obligations]
    if names != sorted(set(names)):
        return denied("obligation-order", "obligations: expected each once, sorted by name")
    readers = list_readers(message.author, message.addressees, rows)
    for one in body.obligations:
        if one.guarantor not in readers:
            return denied(
                "bad-guarantor",
                f"obligation {one.obligation!r}: expected a guarantor among {readers}, got {one.guarantor!r}",
            )
    return ALLOWED


def _decide_corridors(message: VerifiedMessage[DeclareZone], body: DeclareZone, rows: Rows) -> Decision:
    if body.corridors != sorted(set(body.corridors)):
        return denied("corridor-order", "corridors: expected each version once, sorted")
    for leaf in body.corridors:
        version = rows.find(VersionRow, leaf)
        thing = rows.find(ObjectRow, version.object) if version else None
        # An open zone may not rest on what is sealed to some (1.6): they alone could judge it.
        is_known = thing is not None and (not thing.to or name_object(message, thing.id) == thing.object)
        row = rows.find(ZoneRow, thing.object) if thing is not None and is_known else None
        if row is None or row.declared.zone != "corridor" or row.version != leaf or row.state != "standing":
            return denied(
                "unknown-corridor",
                f"corridor {leaf[:12]}: expected the current version of a standing corridor known to this "
                "audience",
            )
    return ALLOWED


def project_declare_zone(entry: Entry[DeclareZone], rows: Rows) -> None:
    """Put the version in force."""
    body = entry.message.body
    if body is not None:
        thing = put_version(entry, body.id, "zone", body.volumes, rows)
        rows.put(
            ZoneRow(
                object=thing.object,
                author=thing.author,
                to=thing.to,
                version=thing.version,
                state="standing",
                note="",
                declared=body,
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
