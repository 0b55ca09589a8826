"""An alarm as it is kept: which confrontation, between whom, since when, who was called, who has seen it.

Invariants: an alarm has one name for ever once it is raised; a conflict has one alarm that stands at most,
which names it or lists it among others.

It computes nothing: see `entente.deconflict.alarm_tracking`.

    >>> find_standing(rows, "alpha|bravo").state
    'raised'
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from entente.deconflict.activity import ActivityRow
from entente.deconflict.objects import ObjectType
from entente.deconflict.receipts import Stamp
from entente.deconflict.zone import ZoneRow
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import SlugText, WireStruct

AlarmReason = Literal["armed", "denied-zone"]


class Called(WireStruct, frozen=True):
    """The contact of a party to whom the alarm goes first."""

    party: SlugText
    contact: SlugText


class Seen(msgspec.Struct, frozen=True):
    """One officer's word that he has seen it."""

    party: str
    stamp: Stamp


class AlarmRow(Row, frozen=True):
    """A confrontation: ``due`` until the center has raised it, ``raised``, or ``ended``."""

    TABLE: ClassVar[str] = "alarms"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "conflict")
    alarm: str
    conflict: str
    reason: AlarmReason
    parties: tuple[str, str]
    is_open: bool
    """Whether everybody can read both objects, so that the center can raise it."""
    since_index: int
    state: Literal["due", "raised", "ended"]
    message: str = ""
    """The leaf of the center's message; empty until it is raised."""
    raised: Stamp | None = None
    called: tuple[Called, ...] = ()
    seen: tuple[Seen, ...] = ()
    ended_index: int | None = None
    why: str = ""
    begins: str = ""
    """When the meeting begins that was told; empty where the windows only come near each other."""
    also: tuple[str, ...] = ()
    """The other confrontations that the same entry made between the same two parties, sorted: one alarm is
    for all of them. ``conflict`` is the one that begins first."""
    named: str = ""
    """The conflict that the center's message named; empty until it is raised, and in older rows."""

    def key(self) -> str:
        """Return the alarm's name."""
        return self.alarm


class AmongRow(Row, frozen=True):
    """Which alarm is for a conflict that it does not name."""

    TABLE: ClassVar[str] = "alarms-among"
    conflict: str
    alarm: str

    def key(self) -> str:
        """Return the conflict's key."""
        return self.conflict


def find_standing(rows: Rows, conflict: str) -> AlarmRow | None:
    """Return the alarm that stands for a conflict, by itself or among others, or None."""
    for row in rows.select(AlarmRow, conflict=conflict):
        if row.state != "ended":
            return row
    among = rows.find(AmongRow, conflict)
    listing = rows.find(AlarmRow, among.alarm) if among is not None else None
    if listing is None or listing.state == "ended" or conflict not in listing.also:
        return None
    return listing


def find_reason(types: dict[str, ObjectType], rows: Rows) -> AlarmReason | None:
    """Return why two objects of different parties that meet confront each other, or None."""
    if set(types.values()) == {"activity"}:
        rows_of = [rows.find(ActivityRow, name) for name in types]
        return "armed" if all(row is not None and row.armed for row in rows_of) else None
    if set(types.values()) == {"activity", "zone"}:
        zone = next(rows.find(ZoneRow, name) for name, kind in types.items() if kind == "zone")
        return "denied-zone" if zone is not None and zone.declared.zone == "denied" else None
    return None
