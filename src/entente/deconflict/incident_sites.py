"""Where and when an incident was: what a report says of it, and at which notified sites that is.

Invariants:
  * A site counts as it stood then: one that was moved or withdrawn since still does, one that was notified
    only afterwards does not. Both by the word of others, not of its author: from when another party first had
    its notification, until another first had what replaced or withdrew it. Who dates his own message back or
    forward moves nothing.
  * A report counts until it was made, and for `MAX_INCIDENT_DAYS` at most: "somewhen since 1970" is at no
    site.
  * A site counts where everyone can read it who can read the report.

It does not say what follows: see `entente.deconflict.incident`.

    >>> find_sites(body, Report("un", (), at), rows, index).sites[0].name
    'M2'
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from entente.deconflict.conflicts import PAST_SITE
from entente.deconflict.index import ConflictIndex, widen
from entente.deconflict.objects import ObjectRow, VersionRow, list_readers, parse_volumes
from entente.deconflict.receipts import find_first_word, list_receipts
from entente.deconflict.site import SiteRow
from entente.deconflict.zone import SourceText
from entente.kernel.charter import list_parties
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import NoteText, SlugText, UtcText, WireStruct
from entente.space import (
    AGREE_M,
    CircleWire,
    PositionE7,
    Separation,
    Volume,
    VolumeWire,
    parse_volume,
    relate,
)

MAX_INCIDENT_DAYS: Final = 7
"""From the start to the end of what is reported: somewhen within a week is a report, within a year none."""
IncidentWord = Literal[
    "strike",
    "shelling",
    "shooting",
    "damage",
    "intrusion",
    "near-miss",
    "interference",
    "access-denied",
    "other",
]
BasisWord = Literal["seen", "instrument", "told"]
"""How it is known: by one's own people, by a sensor, or by what somebody said."""


class ReportIncident(WireStruct, frozen=True):
    """Body of ``incident.report``: within ``within_cm`` of the place, somewhen from ``start`` to ``end``."""

    id: SlugText
    category: IncidentWord
    urgent: bool
    place_e7: PositionE7
    within_cm: Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]
    start: UtcText
    end: UtcText
    observed: Annotated[NoteText, msgspec.Meta(min_length=1)]
    basis: BasisWord
    source: SourceText


class SiteMet(msgspec.Struct, frozen=True):
    """A site at which it happened: which version, and what has become of that version since."""

    object: str
    version: str
    author: str
    name: str
    since: Literal["standing", "replaced", "withdrawn"]


class Report(NamedTuple):
    """Who reports, to whom (empty: to all), and when by his own word."""

    author: str
    to: tuple[str, ...]
    at: str


def incident_volume(body: ReportIncident) -> Volume:
    """Return where and when it may have happened, at every height; raise `InvalidVolume` if that is none."""
    wire = VolumeWire(CircleWire(body.place_e7, body.within_cm), None, None, body.start, body.end)
    return parse_volume(wire, path="$.body")


def bound_incident(body: ReportIncident, at: str) -> ReportIncident:
    """Return the report with its time as far as it counts: until it was made, and so many days at most."""
    start_utc, end_utc = parse_utc(body.start), min(parse_utc(body.end), parse_utc(at))
    end_utc = max(end_utc, start_utc + timedelta(seconds=1))
    start_utc = max(start_utc, end_utc - timedelta(days=MAX_INCIDENT_DAYS))
    return msgspec.structs.replace(body, start=encode_utc(start_utc), end=encode_utc(end_utc))


class Met(NamedTuple):
    """The sites at which it was, by name; and whether another machine, or older rules, may hold otherwise."""

    sites: tuple[SiteMet, ...]
    in_doubt: bool


def find_sites(told: ReportIncident, report: Report, rows: Rows, index: ConflictIndex) -> Met:
    """Return the sites in whose buffer it was, as they stood then, that all can read."""
    counted = bound_incident(told, report.at)
    volume, claimed = incident_volume(counted), incident_volume(told)
    found: dict[str, SiteMet] = {}
    is_sure = was_met = may_be_met = False
    met, met_as_claimed = (_list_met(one, Separation(), index) for one in (volume, claimed))
    for name, version in _list_versions_near(claimed, rows, index):
        site = _find_site(report, version, rows)
        if site is None:
            continue
        was_met = was_met or (name in met_as_claimed and _was_claimed(version, told))
        if not _was_known(version, counted, rows):
            continue
        if name in met:
            found[site.version] = site
        if not is_sure:
            # Dear, and there may be very many: one that is sure is enough.
            (place,) = parse_volumes(version.volumes, path="$.body.volumes")
            relation = relate(volume, place, widen(Separation(), version.reach_cm / 100))
            is_sure, may_be_met = relation == "meet", may_be_met or relation != "apart"
    sites = tuple(sorted(found.values(), key=lambda met: (met.object, met.version)))
    # Before, a site counted from when its author said, and a report for as long as it said: what was recorded
    # then stands (docs/adr/0018).
    in_doubt = bool(sites) != was_met or (may_be_met and not is_sure)
    return Met(sites, in_doubt)


def _list_met(volume: Volume, separation: Separation, index: ConflictIndex) -> dict[tuple[str, str], None]:
    """Return the group and name of every site's version, present or past, that a volume meets, by name."""
    return {
        (group, name): None
        for group in ("site", PAST_SITE)
        for name in sorted({hit.object for hit in index.query(volume, separation, group=group, most=None)})
    }


def _list_versions_near(
    volume: Volume, rows: Rows, index: ConflictIndex
) -> Iterator[tuple[tuple[str, str], VersionRow]]:
    """Yield every version of a site, present or past, that may be near enough on any machine."""
    for group, name in _list_met(volume, Separation(AGREE_M), index):
        thing = rows.find(ObjectRow, name) if group == "site" else None
        version = rows.find(VersionRow, thing.version if thing is not None else name)
        if version is not None:
            yield (group, name), version


def _find_site(report: Report, version: VersionRow, rows: Rows) -> SiteMet | None:
    """Return what is told of a site, where everyone can read it who can read the report."""
    thing, site = rows.find(ObjectRow, version.object), rows.find(SiteRow, version.object)
    if thing is None or site is None:
        return None
    readers = list_readers(report.author, report.to, rows)
    # An open report is judged by the host too, which reads no sealed site; and a sealed one by its audience
    # alone.
    if thing.to and (not report.to or not set(readers) <= set(list_readers(thing.author, thing.to, rows))):
        return None
    since: Literal["standing", "replaced", "withdrawn"] = "standing"
    if version.until:
        since = "withdrawn" if thing.state == "ended" and thing.version == version.version else "replaced"
    return SiteMet(version.object, version.version, version.author, site.declared.name, since)


def _was_claimed(version: VersionRow, body: ReportIncident) -> bool:
    """Return whether a version stood by the times of its author."""
    start_utc, end_utc = parse_utc(body.start), parse_utc(body.end)
    has_begun = parse_utc(version.since) <= end_utc
    return has_begun and not (version.until and parse_utc(version.until) <= start_utc)


def _was_known(version: VersionRow, body: ReportIncident, rows: Rows) -> bool:
    """Return whether a version stood by the word of others: who dates his own moves nothing."""
    if parse_utc(version.since) > parse_utc(body.end):
        return False  # the word of others counts from its author's time on: no need to look for it
    since = _find_others_word(version.version, version.since, rows)
    if since is None or since > parse_utc(body.end):
        return False
    if not version.until:
        return True
    # SECURITY: a withdrawal that is dated back, once it has happened, would take the question away
    # (tests/unit/test_deconflict_incidents.py, test_a_withdrawal_dated_back_suppresses_no_follow_up).
    # Rows of an older version do not say which message it was: there its author is believed, as he was then.
    until = (
        _find_others_word(version.ended_by, version.until, rows)
        if version.ended_by
        else parse_utc(version.until)
    )
    return until is None or until > parse_utc(body.start)


def _find_others_word(leaf: str, claimed: str, rows: Rows) -> datetime | None:
    """Return when another than its author first had a message, or None; never before its own time."""
    receipts = list_receipts(rows, leaf, list_parties(rows))
    words = [word.at for one in receipts if (word := find_first_word(one)) is not None]
    words += [one.recorded_utc for one in receipts if one.recorded_utc]
    return max(parse_utc(claimed), min(map(parse_utc, words))) if words else None
