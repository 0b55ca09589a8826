"""Who is asked to concur to a version, what each has answered, and which earlier yes a new version keeps.

A yes is to what was shown. So a new version asks anew, except of a party whose last yes holds all of it:
each of the new volumes lies within one volume of the version that this party itself said yes to, under the
same title, with nobody more asked, and not armed where that was not. Then the yes is *carried over*, and
says so.

Invariants:
  * What is carried over is measured against the version that the party agreed to with its own message, never
    against one that was itself carried over: many small steps cannot add up to a large one.
  * A no, a "reconsider" and a lapse end what went before: nothing is carried past them.
  * In doubt the party is asked again. `entente.space.holds` errs that way, and so does the bound on the work.
  * Only the yes is carried over. Receipts and read-backs are opened anew: somebody must read what is new.

It does not decide who may answer: see `entente.deconflict.concurrence`.

    >>> ask_concurrence(body, thing.version, rows, replaces=known.version)
    >>> rows.find(ConcurrenceRow, f"{thing.version}:ru").answer
    'waiting'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, Literal, Protocol

import msgspec

from entente.deconflict.objects import NO_VERSION, VersionRow, parse_volumes
from entente.deconflict.receipts import Stamp
from entente.kernel.rows import Row, Rows
from entente.kernel.time import encode_utc
from entente.space import HOLD_M, SURE_HOLD_M, Volume, VolumeWire, holds

AnswerWord = Literal["waiting", "concurred", "objected", "reconsider", "lapsed", "void"]
"""``waiting``: none yet. ``lapsed``: none by the deadline. ``void``: not needed any more, the version is
past."""
MAX_COMPARED: Final = 200
"""Exact comparisons for one update, all parties together: 50 volumes within 50 would be 2,500, and 64
parties can have agreed to as many versions. Beyond, a party is asked."""


class Agreed(msgspec.Struct, frozen=True):
    """The version that a party last said yes to itself: what it was told then."""

    version: str
    title: str
    armed: bool
    asked: tuple[str, ...]
    stamp: Stamp


class ConcurrenceRow(Row, frozen=True):
    """What one party that was asked has answered to one version."""

    TABLE: ClassVar[str] = "concurrences"
    INDEXED: ClassVar[tuple[str, ...]] = ("version", "party", "answer")
    version: str
    party: str
    title: str
    armed: bool
    asked: tuple[str, ...]
    due_by: str
    """By when the author wants the answer: the time he named, or the start. Once lapsed: when it was due."""
    answer: AnswerWord = "waiting"
    reason: str = ""
    stamp: Stamp | None = None
    is_late: bool = False
    agreed: Agreed | None = None
    carried_from: str = ""
    """The version that the yes was given to, where it is not this one."""

    def key(self) -> str:
        """Return ``leaf:party``."""
        return f"{self.version}:{self.party}"


class Asking(Protocol):
    """The body that makes a version: of ``activity.notify`` or ``activity.update``."""

    @property
    def title(self) -> str:
        """What it is, in words."""

    @property
    def volumes(self) -> list[VolumeWire]:
        """Where and when."""

    @property
    def concurrence(self) -> list[str]:
        """Who is asked."""

    @property
    def armed(self) -> bool:
        """Whether it is armed."""

    @property
    def concur_by(self) -> str | None:
        """By when."""


def ask_concurrence(body: Asking, version: str, rows: Rows, *, replaces: str = "") -> None:
    """Ask everyone whom a new version names, carrying over each yes that holds all of it."""
    volumes = parse_volumes(body.volumes, path="$.body.volumes")
    start = encode_utc(min(volume.window.start_utc for volume in volumes))
    comparison = Comparison(body.volumes, volumes)
    for party in body.concurrence:
        row = ConcurrenceRow(
            version=version,
            party=party,
            title=body.title,
            armed=body.armed,
            asked=tuple(body.concurrence),
            due_by=body.concur_by or start,
        )
        earlier = rows.find(ConcurrenceRow, f"{replaces}:{party}") if replaces else None
        agreed = earlier.agreed if earlier is not None else None
        if agreed is not None:
            row = msgspec.structs.replace(row, agreed=agreed)
            if _is_said(row, agreed) and comparison.holds_all(agreed.version, rows):
                row = msgspec.structs.replace(
                    row, answer="concurred", stamp=agreed.stamp, carried_from=agreed.version
                )
        rows.put(row)
    if replaces:
        void_waiting(replaces, rows)


def void_waiting(version: str, rows: Rows) -> None:
    """Wait no longer for answers to a version that is past."""
    for row in list(rows.select(ConcurrenceRow, version=version)):
        if row.answer == "waiting":
            rows.put(msgspec.structs.replace(row, answer="void"))


def has_concurred(rows: Rows, version: str, party: str) -> bool:
    """Return whether a party that was asked has said yes to this version, itself or carried over."""
    row = rows.find(ConcurrenceRow, f"{version}:{party}")
    return row is not None and row.answer == "concurred"


def may_count(rows: Rows, version: str, party: str, hold_m: float) -> bool:
    """Return whether a party's yes holds for this version where so much may be outside.

    With `entente.space.SURE_HOLD_M`, whether it does on every machine; with `LOOSE_HOLD_M`, whether it may on
    some. A yes of the party's own to this very version always does.
    """
    row = rows.find(ConcurrenceRow, f"{version}:{party}")
    if row is None or row.answer not in {"concurred", "waiting"} or row.agreed is None:
        return False
    if row.answer == "concurred" and not row.carried_from:
        return True
    known = rows.find(VersionRow, version)
    if known is None or known.previous == NO_VERSION:
        return False
    # As `ask_concurrence` asked: all parties together, against what each had agreed to by then.
    comparison = Comparison(known.volumes, parse_volumes(known.volumes, path="$.body.volumes"), hold_m=hold_m)
    held = False
    for one in row.asked:
        earlier = rows.find(ConcurrenceRow, f"{known.previous}:{one}")
        agreed = earlier.agreed if earlier is not None else None
        if agreed is not None and _is_said(row, agreed):
            is_held = comparison.holds_all(agreed.version, rows)
            held = held or (one == party and is_held)
    return held and not comparison.may_have_run_out()


def _is_said(row: ConcurrenceRow, agreed: Agreed) -> bool:
    """Return whether nothing grew in words: the same title, nobody more asked, not newly armed."""
    return (
        row.title == agreed.title
        and set(row.asked) <= set(agreed.asked)
        and not (row.armed and not agreed.armed)
    )


class Comparison:
    """Volumes held against earlier versions, each version once, all together with bounded work.

    Args:
        hold_m: What may be outside; other than `entente.space.HOLD_M` to learn how sure an answer is.
    """

    def __init__(
        self, wires: Sequence[VolumeWire], volumes: Sequence[Volume], *, hold_m: float = HOLD_M
    ) -> None:
        self._wires = wires
        self._volumes = volumes
        self._hold_m = hold_m
        self._left = MAX_COMPARED
        self._most = 0
        self._known: dict[str, bool] = {}

    def holds_all(self, leaf: str, rows: Rows) -> bool:
        """Return whether each of the volumes equals one of the version's or is held by one."""
        if leaf not in self._known:
            version = rows.find(VersionRow, leaf)
            self._known[leaf] = version is not None and self._is_held(version)
        return self._known[leaf]

    def may_have_run_out(self) -> bool:
        """Return whether another machine could have come to the end of the work, asked to be sure."""
        return self._hold_m <= SURE_HOLD_M and self._most > MAX_COMPARED

    def _is_held(self, version: VersionRow) -> bool:
        outer = parse_volumes(version.volumes, path="$.body.volumes")
        if self._hold_m <= SURE_HOLD_M:
            self._most += sum(
                _may_hold(one, inner)
                for wire, inner in zip(self._wires, self._volumes, strict=True)
                if wire not in version.volumes
                for one in outer
            )
        for place, (wire, inner) in enumerate(zip(self._wires, self._volumes, strict=True)):
            if wire in version.volumes:
                continue
            # Mostly a list keeps its order: then one comparison is enough.
            likely = outer[place : place + 1]
            # SECURITY: one volume must hold it alone. Two that touch would together hold what lies across
            # their border, and a gap between them of a nanodegree would be flown through unasked
            # (tests/unit/test_deconflict_carry.py, test_two_volumes_together_hold_nothing).
            if not any(self._compare(one, inner) for one in (*likely, *outer[:place], *outer[place + 1 :])):
                return False
        return True

    def _compare(self, outer: Volume, inner: Volume) -> bool:
        if self._left <= 0 or not _may_hold(outer, inner):
            return False
        self._left -= 1
        return holds(outer, inner, hold_m=self._hold_m)


def _may_hold(outer: Volume, inner: Volume) -> bool:
    """Return False where time or height alone say that it does not: cheap, before outlines are compared."""
    window, band = outer.window, outer.heights
    if window.start_utc > inner.window.start_utc or window.end_utc < inner.window.end_utc:
        return False
    floor_m, ceiling_m = inner.heights.floor_m, inner.heights.ceiling_m
    return (band.floor_m is None or (floor_m is not None and floor_m >= band.floor_m)) and (
        band.ceiling_m is None or (ceiling_m is not None and ceiling_m <= band.ceiling_m)
    )
