"""A conflict as it is kept and as it is said: who, where, when, how high, by how much, under which rule.

Invariants:
  * A row is never removed: it is resolved, with the entry and the reason, and its earlier spans stay, each
    in a row of its own.
  * A row about a zone names the rules that ask and exactly what is missing: whose concurrence, by how much
    the notice is too short, who has not heard of it. Nothing is shown as given that was not.
  * Whatever is said of a site carries the notice that notification changes no protection.

It computes nothing: see `entente.deconflict.conflicts`.

    >>> explain_conflict(row)
    "activity 'Sortie' (sortie-7) of us and zone 'Castello road' (castello) of un meet, and the zone asks ..."
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec

from entente.deconflict.objects import ObjectType, say_name
from entente.deconflict.positions import say_metres
from entente.deconflict.site import PROTECTION_NOTICE
from entente.deconflict.zone_judgement import ZoneFinding
from entente.deconflict.zone_needs import say_rules
from entente.kernel.rows import Row

RuleName = Literal["separation", "buffer", "zone"]
SPANS_KEPT: Final = 10
"""In the row itself, which is written again at each change: a party that flaps must not make it grow."""


class Side(msgspec.Struct, frozen=True):
    """One of two objects: its scoped name, what it is, whose, called what, and which of its volumes."""

    object: str
    type: ObjectType
    author: str
    title: str
    volume: int


class Closeness(msgspec.Struct, frozen=True):
    """Where, when, how high and how near: the first meeting in time. Bounds are rounded outward, gaps down.

    ``start``, ``end`` are empty when the windows miss each other by ``time_gap_s``; the heights, when the
    bands miss each other by ``vertical_gap_cm``, are both null and ``has_band`` is false. The gap and the
    place are null where they were not measured (`entente.deconflict.nearness`).
    """

    start: str
    end: str
    time_gap_s: int
    has_band: bool
    floor_cm: int | None
    ceiling_cm: int | None
    vertical_gap_cm: int
    gap_cm: int | None
    lat_e7: int | None
    lon_e7: int | None


class Span(msgspec.Struct, frozen=True):
    """An earlier time in which the same two objects were in conflict."""

    since_index: int
    resolved_index: int
    why: str


class SpanRow(Row, frozen=True):
    """A time in which two objects were in conflict, by the entries that opened and resolved it."""

    TABLE: ClassVar[str] = "conflict-spans"
    INDEXED: ClassVar[tuple[str, ...]] = ("conflict",)
    conflict: str
    since_index: int
    resolved_index: int
    why: str

    def key(self) -> str:
        """Return the conflict's key and the entry that opened it."""
        return f"{self.conflict}#{self.since_index:016d}"


class ConflictRow(Row, frozen=True):
    """Two objects that meet, or met."""

    TABLE: ClassVar[str] = "conflicts"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "first", "second")
    first: str
    second: str
    sides: tuple[Side, Side]
    rule: RuleName
    lateral_cm: int
    vertical_cm: int
    time_s: int
    closest: Closeness
    meetings: int
    """How many pairs of their volumes meet; ``closest`` tells of the first."""
    state: Literal["open", "resolved"]
    since_index: int
    resolved_index: int | None = None
    why: str = ""
    earlier: tuple[Span, ...] = ()
    """The `SPANS_KEPT` latest; all of them are `SpanRow`."""
    zone: ZoneFinding | None = None
    """What the zone asks and what is missing, under the rule *zone*; None under the others."""

    def key(self) -> str:
        """Return the two scoped names, sorted."""
        return f"{self.first}|{self.second}"


def explain_conflict(row: ConflictRow) -> str:
    """Return a conflict in plain sentences: who, where, when, how high, by how much, under which rule."""
    one, other = row.sides
    near = row.closest
    text = f"{_say_side(one)} and {_say_side(other)} {_say_rule(row)}: "
    text += f"{_say_place(near)}{_say_when(near)}, {_say_heights(near)}; {_say_gap(near)}."
    if row.meetings > 1:
        text += f" {row.meetings} pairs of their volumes meet; this is the first."
    if row.state == "resolved":
        text += f" Resolved with entry {row.resolved_index}: {row.why}."
    if "site" in (one.type, other.type):
        text += f" {PROTECTION_NOTICE}"
    return text


def _say_side(side: Side) -> str:
    return f"{side.type} {side.title!r} ({say_name(side.object)}) of {side.author}"


def _say_rule(row: ConflictRow) -> str:
    if row.rule == "buffer":
        return f"come within the site's buffer of {say_metres(row.lateral_cm)}"
    if row.rule == "zone" and row.zone is not None:
        return f"meet, and {say_finding(row.zone)}"
    return (
        f"come closer than agreed ({say_metres(row.lateral_cm)} on the ground, {say_metres(row.vertical_cm)} "
        "in height, "
        f"{row.time_s} s)"
    )


def _say_place(near: Closeness) -> str:
    if near.lat_e7 is None or near.lon_e7 is None:
        return ""
    return f"near {_say_degrees(near.lat_e7, 'N', 'S')} {_say_degrees(near.lon_e7, 'E', 'W')}, "


def _say_gap(near: Closeness) -> str:
    if near.gap_cm is None:
        return "how near on the ground was not measured: it is one of very many that one entry opened"
    return f"{say_metres(near.gap_cm)} apart on the ground" if near.gap_cm else "the outlines meet"


def _say_when(near: Closeness) -> str:
    if near.start:
        return f"from {near.start} to {near.end}"
    return f"{near.time_gap_s} s between one and the other"


def _say_heights(near: Closeness) -> str:
    if not near.has_band:
        return f"{say_metres(near.vertical_gap_cm)} apart in height"
    if near.floor_cm is None and near.ceiling_cm is None:
        return "at every height"
    if near.floor_cm is None:
        return f"up to {say_metres(near.ceiling_cm or 0)} above the ellipsoid"
    if near.ceiling_cm is None:
        return f"from {say_metres(near.floor_cm)} above the ellipsoid upwards"
    return f"between {say_metres(near.floor_cm)} and {say_metres(near.ceiling_cm)} above the ellipsoid"


def _say_degrees(value_e7: int, positive: str, negative: str) -> str:
    return f"{abs(value_e7) / 1e7:.4f} {positive if value_e7 >= 0 else negative}"


def say_finding(finding: ZoneFinding) -> str:
    """Return what a zone asks and what of it is missing, in words that need no table."""
    by = f"({say_rules(finding.rules)})"
    if finding.verdict == "forbidden":
        return f"the zone forbids it {by}"
    missing = []
    if finding.lacking:
        missing.append(f"concurrence of {', '.join(finding.lacking)} is missing")
    due = f"{finding.notice_h} h notice is due and"
    if finding.unheard:
        missing.append(f"{due} {', '.join(finding.unheard)} has not said that it has the message")
    if finding.short_s is not None:
        missing.append(f"{due} it is {say_duration(finding.short_s)} too short, counted from {finding.heard}")
    return f"the zone asks for more than was given {by}: {'; '.join(missing)}"


def say_duration(seconds: int) -> str:
    """Return a time span in hours and minutes, rounded up to the minute."""
    minutes = -(-seconds // 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"
