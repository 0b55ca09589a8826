"""The verbs of zones, sites and incidents: declare, vouch, verify, withdraw, report, answer; and look.

Invariants: those of `speaking`; what would hold for a plan is told without telling anyone of the plan; every
site is shown with its notice, and an expired notification as expired and still there; an incident at a site
that only some may know of is told to nobody else, unless the officer names whom.

    >>> vouch(desk, VouchRequest(officer="duty-1", id="castello", obligation="guard", word="yes"))
    Said(state='recorded', index=17, ...)
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from entente.deconflict import (
    PROTECTION_NOTICE,
    AccountRow,
    AnswerIncident,
    Consent,
    DeclareSite,
    DeclareZone,
    FollowUpRow,
    IncidentRow,
    Obligation,
    ReconfirmSite,
    ReportIncident,
    SiteRow,
    VerifySite,
    Vouch,
    WithdrawSite,
    WithdrawZone,
    ZoneRow,
    ZoneRule,
    answer_due,
    describe_site,
    find_holding,
    list_guarantees,
    position_state,
    rebuild_index,
    site_standing,
    verification_state,
)
from entente.deconflict.activity import ActivityWord, PartyList, Volumes
from entente.deconflict.incident import AnswerKind
from entente.deconflict.incident_sites import BasisWord, IncidentWord, incident_volume
from entente.deconflict.look_alikes import find_look_alikes, warn_of
from entente.deconflict.objects import VersionRow, list_readers, say_readers
from entente.deconflict.site import SiteWord, WithdrawalWord
from entente.deconflict.site_verification import FoundWord
from entente.deconflict.vouch import VouchWord
from entente.deconflict.zone import SourceText, ZoneWord
from entente.deconflict.zone_words import describe_zone, say_holding
from entente.desk.assembly import Desk
from entente.desk.inbox import say_minute
from entente.desk.requests import MessageName, Spoken
from entente.desk.speaking import Said, check_volumes, find_object, get_leaf, list_others, put
from entente.kernel.errors import Malformed
from entente.kernel.rows import get_row
from entente.kernel.time import encode_utc
from entente.kernel.wire import Centimetres, NameText, NoteText, OptionalSlug, SlugText, UtcText, WireStruct
from entente.space import PositionE7, Separation, Volume, VolumeWire, is_conflict, parse_volume

Plain = dict[str, Any]
_NOBODY: Final = ()


class DeclareZoneRequest(Spoken, frozen=True, kw_only=True):
    """Declare a zone; with ``replaces`` in place of its current version. ``corridors`` names messages."""

    id: SlugText
    name: NameText
    zone: ZoneWord
    volumes: Volumes
    text: NoteText = ""
    sides: Annotated[list[OptionalSlug], msgspec.Meta(max_length=50)] = msgspec.field(default_factory=list)
    rules: Annotated[list[ZoneRule], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=list)
    obligations: Annotated[list[Obligation], msgspec.Meta(max_length=30)] = msgspec.field(
        default_factory=list
    )
    corridors: Annotated[list[MessageName], msgspec.Meta(max_length=20)] = msgspec.field(default_factory=list)
    source: SourceText = ""
    replaces: MessageName | None = None
    to: PartyList = msgspec.field(default_factory=list)


class VouchRequest(Spoken, frozen=True, kw_only=True):
    """Take on an obligation that names us as its guarantor, or do not, or no longer."""

    id: SlugText
    obligation: SlugText
    word: VouchWord
    reason: NoteText = ""
    to: PartyList | None = None


class WithdrawZoneRequest(Spoken, frozen=True, kw_only=True):
    """Withdraw a zone."""

    id: SlugText
    note: NoteText = ""
    to: PartyList | None = None


class DeclareSiteRequest(Spoken, frozen=True, kw_only=True):
    """Declare a protected site; with ``replaces`` in place of its current version."""

    id: SlugText
    name: NameText
    category: SiteWord
    volume: VolumeWire
    buffer_cm: Centimetres
    consent: Consent
    expires: UtcText
    source: SourceText = ""
    replaces: MessageName | None = None
    to: PartyList = msgspec.field(default_factory=list)


class VerifySiteRequest(Spoken, frozen=True, kw_only=True):
    """Say what we found of another party's site."""

    id: SlugText
    found: FoundWord
    by: NameText
    method: NoteText = ""
    to: PartyList | None = None


class ReconfirmSiteRequest(Spoken, frozen=True, kw_only=True):
    """Say that our notification is still right."""

    id: SlugText
    expires: UtcText
    note: NoteText = ""
    to: PartyList | None = None


class WithdrawSiteRequest(Spoken, frozen=True, kw_only=True):
    """Withdraw a site's notification."""

    id: SlugText
    reason: WithdrawalWord
    note: NoteText = ""
    to: PartyList | None = None


class IncidentReportRequest(Spoken, frozen=True, kw_only=True):
    """Report what was observed; ``to`` null: to whom the site that it was at was told, else to all."""

    id: SlugText
    category: IncidentWord
    place_e7: PositionE7
    within_cm: Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]
    start: UtcText
    end: UtcText
    observed: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    basis: BasisWord
    urgent: bool = False
    source: SourceText = ""
    to: PartyList | None = None


class IncidentAnswerRequest(Spoken, frozen=True, kw_only=True):
    """Give our own account of an incident, or say that there is nothing to state yet."""

    id: SlugText
    answer: AnswerKind
    text: NoteText = ""
    to: PartyList | None = None


class HoldingRequest(WireStruct, frozen=True, kw_only=True):
    """What would hold for a plan; ``party`` empty: for us."""

    volumes: Volumes
    activity: ActivityWord
    party: OptionalSlug = ""


class PlaceRequest(WireStruct, frozen=True, kw_only=True):
    """Name a zone, site or incident; ``to`` null where one of that name is known."""

    id: SlugText
    to: PartyList | None = None


def declare_zone(desk: Desk, request: DeclareZoneRequest) -> Said:
    """Declare a zone, or replace its current version."""
    check_volumes(request.volumes)
    body = DeclareZone(
        id=request.id,
        name=request.name,
        zone=request.zone,
        text=request.text,
        volumes=request.volumes,
        sides=request.sides,
        rules=sorted(request.rules, key=lambda rule: (rule.party, rule.activity)),
        obligations=sorted(request.obligations, key=lambda one: one.obligation),
        corridors=sorted({get_leaf(desk, name) for name in request.corridors}),
        source=request.source,
        replaces=None if request.replaces is None else get_leaf(desk, request.replaces),
    )
    return put(desk, request, "zone.declare", body, request.to)


def vouch(desk: Desk, request: VouchRequest) -> Said:
    """Say whether we take an obligation on."""
    thing = find_object(desk, request.id, "zone", request.to)
    body = Vouch(
        id=request.id,
        version=thing.version,
        obligation=request.obligation,
        word=request.word,
        reason=request.reason,
    )
    return put(desk, request, "zone.vouch", body, list_others(desk, thing))


def withdraw_zone(desk: Desk, request: WithdrawZoneRequest) -> Said:
    """Withdraw a zone of ours."""
    thing = find_object(desk, request.id, "zone", request.to)
    body = WithdrawZone(id=request.id, note=request.note)
    return put(desk, request, "zone.withdraw", body, list_others(desk, thing))


def declare_site(desk: Desk, request: DeclareSiteRequest) -> Said:
    """Declare a protected site, or replace its current version."""
    check_volumes([request.volume], "$.volume")
    consent = msgspec.structs.replace(request.consent, recipients=sorted(set(request.consent.recipients)))
    body = DeclareSite(
        id=request.id,
        name=request.name,
        category=request.category,
        volume=request.volume,
        buffer_cm=request.buffer_cm,
        source=request.source,
        consent=consent,
        expires=request.expires,
        replaces=None if request.replaces is None else get_leaf(desk, request.replaces),
    )
    return put(desk, request, "site.declare", body, request.to)


def verify_site(desk: Desk, request: VerifySiteRequest) -> Said:
    """Say what we found of a site."""
    thing = find_object(desk, request.id, "site", request.to)
    body = VerifySite(
        id=request.id, version=thing.version, found=request.found, by=request.by, method=request.method
    )
    return put(desk, request, "site.verify", body, list_others(desk, thing))


def reconfirm_site(desk: Desk, request: ReconfirmSiteRequest) -> Said:
    """Say that a notification of ours is still right, and until when."""
    thing = find_object(desk, request.id, "site", request.to)
    body = ReconfirmSite(id=request.id, version=thing.version, expires=request.expires, note=request.note)
    return put(desk, request, "site.reconfirm", body, list_others(desk, thing))


def withdraw_site(desk: Desk, request: WithdrawSiteRequest) -> Said:
    """Withdraw a notification of ours."""
    thing = find_object(desk, request.id, "site", request.to)
    body = WithdrawSite(id=request.id, reason=request.reason, note=request.note)
    return put(desk, request, "site.withdraw", body, list_others(desk, thing))


def report_incident(desk: Desk, request: IncidentReportRequest) -> Said:
    """Report an incident to whom it concerns."""
    body = ReportIncident(
        id=request.id,
        category=request.category,
        urgent=request.urgent,
        place_e7=request.place_e7,
        within_cm=request.within_cm,
        start=request.start,
        end=request.end,
        observed=request.observed,
        basis=request.basis,
        source=request.source,
    )
    to = _find_audience(desk, body) if request.to is None else tuple(request.to)
    return put(desk, request, "incident.report", body, to)


def _find_audience(desk: Desk, body: ReportIncident) -> tuple[str, ...]:
    """Return who may know of the sealed sites that it was at; empty, for everyone, where there are none.

    At whatever time, and wherever they were notified at any: also a report about yesterday, to all, would
    tell all where the site is that only some know of since today; and one about where it was until today
    would be followed up by nobody.
    """
    place = incident_volume(body)
    audiences = set()
    for row in desk.rows.select(SiteRow):
        if not row.to:
            continue
        if any(_is_near(place, version) for version in desk.rows.select(VersionRow, object=row.object)):
            audiences.add(tuple(sorted({row.author, *row.to} - {desk.party})))
    if len(audiences) > 1:
        named = " and to ".join(", ".join(one) for one in sorted(audiences))
        raise Malformed(
            "which-audience",
            f"incident {body.id!r}: expected one audience, it was at sites told to {named}: name them in "
            "'to', one report for each",
        )
    return audiences.pop() if audiences else _NOBODY


def _is_near(place: Volume, version: VersionRow) -> bool:
    """Return whether a place is within the buffer of a version of a site, at whatever time."""
    reach_m = version.reach_cm / 100
    for wire in version.volumes:
        site = parse_volume(wire)
        there = Volume(place.outline, place.heights, site.window)
        if is_conflict(there, site, Separation(reach_m, reach_m)):
            return True
    return False


def answer_incident(desk: Desk, request: IncidentAnswerRequest) -> Said:
    """Answer for an incident."""
    row = _find_incident(desk, request.id, request.to)
    body = AnswerIncident(id=request.id, answer=request.answer, text=request.text)
    to = tuple(sorted({row.author, *row.to} - {desk.party})) if row.to else _NOBODY
    return put(desk, request, "incident.answer", body, to)


def _find_incident(desk: Desk, name: str, to: list[str] | None) -> IncidentRow:
    found = [row for row in desk.rows.select(IncidentRow) if row.id == name]
    if to is not None:
        wanted = {*to, desk.party} if to else set()
        found = [row for row in found if ({row.author, *row.to} if row.to else set()) == wanted]
    if len(found) > 1:
        raise Malformed(
            "ambiguous",
            f"incident {name!r}: expected one, found {len(found)} with different addressees: name them in "
            "'to'",
        )
    return found[0] if found else get_row(desk.rows, IncidentRow, name, what="incident")


# Looking


def get_holding(desk: Desk, request: HoldingRequest) -> Plain:
    """Return what the zones that we can read would ask of a plan; nobody is told of it."""
    check_volumes(request.volumes)
    index = rebuild_index(desk.rows, only=frozenset({"zone"}))
    volumes = [parse_volume(wire, path=f"$.volumes[{place}]") for place, wire in enumerate(request.volumes)]
    holding = find_holding(volumes, request.party or desk.party, request.activity, desk.rows, index)
    return {**msgspec.to_builtins(holding), "words": say_holding(holding)}


def get_zone(desk: Desk, request: PlaceRequest) -> Plain:
    """Return a zone as it stands."""
    thing = find_object(desk, request.id, "zone", request.to)
    alike = find_look_alikes(desk.rows)
    return show_zone(desk, get_row(desk.rows, ZoneRow, thing.object, what="zone"), alike)


def show_zone(desk: Desk, row: ZoneRow, alike: dict[str, tuple[str, ...]]) -> Plain:
    """Return a zone with who can read it, how its guarantors stand, and words for people."""
    looks_like = alike.get(row.object, ())
    return {
        "object": row.object,
        "author": row.author,
        "to": list(row.to),
        "readers": list_readers(row.author, row.to, desk.rows),
        "told": say_readers(row.to),
        "version": row.version,
        "state": row.state,
        "declared": msgspec.to_builtins(row.declared),
        "guarantees": [msgspec.to_builtins(one) for one in list_guarantees(row, desk.rows)],
        "position": msgspec.to_builtins(position_state(desk.rows, row.object)),
        "looks_like": list(looks_like),
        "words": f"{describe_zone(row, desk.rows)}.{warn_of(looks_like)}",
    }


def get_site(desk: Desk, request: PlaceRequest) -> Plain:
    """Return a site as it stands."""
    thing = find_object(desk, request.id, "site", request.to)
    row = get_row(desk.rows, SiteRow, thing.object, what="site")
    return show_site(desk, row, desk.clock.now_utc(), find_look_alikes(desk.rows))


def show_site(desk: Desk, row: SiteRow, now: datetime, alike: dict[str, tuple[str, ...]]) -> Plain:
    """Return a site with who can read it, whether it is confirmed and verified, and the notice."""
    looks_like = alike.get(row.object, ())
    verification = verification_state(row, desk.rows)
    return {
        "object": row.object,
        "author": row.author,
        "to": list(row.to),
        "readers": list_readers(row.author, row.to, desk.rows),
        "told": say_readers(row.to),
        "version": row.version,
        "state": row.state,
        "standing": site_standing(row, now),
        "expires": row.expires,
        "declared": msgspec.to_builtins(row.declared),
        "verification": msgspec.to_builtins(verification),
        "position": msgspec.to_builtins(position_state(desk.rows, row.object)),
        "looks_like": list(looks_like),
        "words": (f"{describe_site(row, now)} Verification: {verification.words}.{warn_of(looks_like)}"),
        "notice": PROTECTION_NOTICE,
    }


def list_incidents(desk: Desk) -> list[Plain]:
    """Return every incident that we can read, newest first."""
    rows = sorted(desk.rows.select(IncidentRow), key=lambda row: -row.index)
    return [_show_incident(desk, row) for row in rows]


def get_incident(desk: Desk, request: PlaceRequest) -> Plain:
    """Return one incident: what was observed, who owes an answer, and what was answered."""
    return _show_incident(desk, _find_incident(desk, request.id, request.to))


def _show_incident(desk: Desk, row: IncidentRow) -> Plain:
    now = desk.clock.now_utc()
    accounts = list(desk.rows.select(AccountRow, incident=row.incident))
    nothing = {one.party for one in accounts if one.answer == "nothing-yet"}
    owed = []
    for one in desk.rows.select(FollowUpRow, incident=row.incident):
        by = answer_due(one, desk.inbox.find_heard(row.message, desk.party, row.at))
        until = say_minute(by)
        overdue = one.state == "waiting" and now >= by
        answer = " that it has nothing to state yet" if one.party in nothing else ""
        words = {
            "waiting": f"{one.party} owes an answer by {until}",
            "answered": f"{one.party} has answered{answer}{', late: it was silent' if one.is_late else ''}",
            "silent": f"{one.party} has said nothing in {one.days} days: recorded as silent",
        }[one.state]
        if overdue:
            words = f"{one.party} has said nothing by {until}: silent, as this desk counts it"
        owed.append({**msgspec.to_builtins(one), "by": encode_utc(by), "is_overdue": overdue, "words": words})
    return {
        **msgspec.to_builtins(row),
        "told": say_readers(row.to),
        "follow_up": owed,
        "accounts": [msgspec.to_builtins(one) for one in accounts],
        "notice": PROTECTION_NOTICE if row.sites else "",
        "words": say_incident(row),
    }


def say_incident(row: IncidentRow) -> str:
    """Return an incident in a sentence: what was observed and how it is known, and nothing of who did it."""
    body = row.reported
    basis = {"seen": "seen", "instrument": "measured", "told": "told by others, not observed"}[body.basis]
    lat, lon = body.place_e7[0] / 1e7, body.place_e7[1] / 1e7
    sites = "; ".join(
        f"{met.name} ({met.object.partition('@')[0]}) of {met.author}, {met.since}" for met in row.sites
    )
    place = f"at notified site {sites}" if sites else "at no notified site that all who were told can read"
    where = f"within {body.within_cm / 100:,.0f} m of {lat:.5f}, {lon:.5f}, {place}"
    what = f"incident {row.id!r} ({body.category}{', URGENT' if body.urgent else ''})"
    return (
        f"{what}, reported by {row.author}: {body.start} to {body.end}, {where}; {basis}: {body.observed}. "
        "Observed, not attributed."
    )
