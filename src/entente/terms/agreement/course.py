"""The course of an agreement up to a moment: in force, paused and ended since when, by which entries.

Invariants:
  * In force only after every signatory's signature, from the date of the last (`agreement.dates`).
  * A suspension holds from its entry on (of a moment before anyone had it, it says nothing); as a pause it is
    counted from its date to the date of its lifting.
  * The end is the earliest of expiry and of any notice that is over. A motion to extend that is not dated
    before the end changes nothing. After the end nothing starts again.
  * With one party's withdrawal the agreement ends for all: what all signed is not what would be left.

    >>> follow_course(case).phase
    'in-force'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc
from entente.terms.agreement.clocks import Span, add_span
from entente.terms.agreement.dates import Dates
from entente.terms.agreement.rows import (
    AgreementRow,
    IncidentRow,
    MotionRow,
    StepRow,
    SuspensionRow,
    WithdrawalRow,
    list_missing,
)
from entente.terms.agreement.text import find_clock_of_kind
from entente.terms.agreement.view import Phase

NOT_KNOWN: Final = "carried, and not known to all yet"
"""What is said of a motion that was carried and has no effect yet."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that the record says of one agreement, each in the record's order, and the moment in question."""

    row: AgreementRow
    incidents: list[IncidentRow]
    motions: list[MotionRow]
    steps: list[StepRow]
    suspensions: list[SuspensionRow]
    withdrawals: list[WithdrawalRow]
    dates: Dates
    now: datetime


@dataclass(frozen=True, slots=True)
class Course:
    """Where it stands.

    Attributes:
        since, ends: None where there is no such instant yet.
        pauses: Time that no clock counts.
        expires: When its days are over, however it ends; None without an expiry clock.
        extensions: Of each carried motion to extend, by leaf: what it did, in words; "" where it counts.
    """

    phase: Phase
    why: str
    entries: tuple[int, ...]
    since: datetime | None
    ends: datetime | None
    expires: datetime | None = None
    pauses: tuple[Span, ...] = ()
    extensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _End:
    """The end, in what words and by which entries; see `Course` for the rest."""

    ends: datetime | None
    words: str = ""
    entries: tuple[int, ...] = ()
    expires: datetime | None = None
    extensions: dict[str, str] = field(default_factory=dict)


def load_case(rows: Rows, row: AgreementRow, dates: Dates, now: datetime) -> Case:
    """Return an agreement's rows, in the record's order."""
    name = row.id
    return Case(
        row=row,
        incidents=sorted(rows.select(IncidentRow, agreement=name), key=lambda one: one.reported.index),
        motions=sorted(rows.select(MotionRow, agreement=name), key=lambda one: one.moved.index),
        steps=list(rows.select(StepRow, agreement=name)),
        suspensions=sorted(rows.select(SuspensionRow, agreement=name), key=lambda one: one.suspended.index),
        withdrawals=sorted(rows.select(WithdrawalRow, agreement=name), key=lambda one: one.withdrawn.index),
        dates=dates,
        now=now,
    )


def follow_course(case: Case) -> Course:
    """Return where an agreement stands at the case's moment."""
    row, now = case.row, case.now
    if row.signed is None:
        return _follow_open(case)
    since = case.dates.find(row.signed)
    if since is None or since > now:
        why = f"signed by all as entry {row.signed.index}; in force {case.dates.say_when(row.signed)}"
        return Course("signed", why, (row.signed.index,), since, None)
    end = _find_end(case, since)
    pauses = _list_pauses(case)
    phase: Phase = "in-force"
    why = f"signed by every party and agency by entry {row.signed.index}; in force "
    why += case.dates.say_when(row.signed)
    entries: tuple[int, ...] = (row.signed.index,)
    standing = [one for one in case.suspensions if _is_begun(case, one) and not _is_lifted(case, one)]
    if end.ends is not None and end.ends <= now:
        phase, why, entries = "ended", f"ended {encode_utc(end.ends)}: {end.words}", end.entries
    elif standing:
        phase, why = "suspended", "; ".join(_say_suspension(case, one) for one in standing)
        entries = tuple(one.suspended.index for one in standing)
    return Course(phase, why, entries, since, end.ends, end.expires, pauses, end.extensions)


def _follow_open(case: Case) -> Course:
    row = case.row
    refused = [word for word in row.words if word.word == "no"]
    missing = ", ".join(str(one) for one in list_missing(row.text, row.words))
    if refused:
        words = "; ".join(
            f"{word.signatory} refused as entry {word.stamp.index}: {word.reason}" for word in refused
        )
        return Course("refused", words, tuple(word.stamp.index for word in refused), None, None)
    why = f"every party and agency must sign these bytes; missing: {missing}"
    return Course("proposed", why, (row.proposed.index,), None, None)


def _find_end(case: Case, since: datetime) -> _End:
    row = case.row
    left = _find_notice_over(case, since)
    expiry = find_clock_of_kind(row.text, "expiry")
    if expiry is None or row.signed is None:
        return left
    expires, days, entries = add_span(since, timedelta(days=expiry.days)), expiry.days, [row.signed.index]
    done: dict[str, str] = {}
    carried = [(one, one.carried) for one in case.motions if one.motion == "extend" and one.carried]
    for motion, stamp in sorted(carried, key=lambda pair: pair[1].index):
        date = case.dates.find(stamp)
        end = expires if left.ends is None else min(expires, left.ends)
        if date is None:
            done[motion.message] = NOT_KNOWN
        elif date >= end:
            done[motion.message] = f"carried {encode_utc(date)}, after the end {encode_utc(end)}: no effect"
        else:
            done[motion.message] = ""
            days += motion.days
            expires = add_span(expires, timedelta(days=motion.days))
            entries.append(stamp.index)
    if left.ends is not None and left.ends < expires:
        return _End(left.ends, left.words, left.entries, expires, done)
    return _End(expires, f"{days} days from {encode_utc(since)} are over", tuple(entries), expires, done)


def _find_notice_over(case: Case, since: datetime) -> _End:
    """Return when the first notice is over; a notice that has not reached every party does not run."""
    found = _End(None)
    clock = find_clock_of_kind(case.row.text, "withdrawal")
    for one in case.withdrawals:
        date = case.dates.find(one.withdrawn)
        if clock is None or date is None:
            continue
        over = add_span(max(date, since), timedelta(hours=clock.hours))
        if found.ends is None or over < found.ends:
            words = f"{one.party} withdrew as entry {one.withdrawn.index}, with {clock.hours} hours of notice"
            found = _End(over, words, (one.withdrawn.index,))
    return found


def _list_pauses(case: Case) -> tuple[Span, ...]:
    found = []
    for one in case.suspensions:
        start = case.dates.find(one.suspended)
        end = case.dates.find(one.resumed) if one.resumed else None
        if start is not None:
            is_early = end is None and _is_begun(case, one)
            found.append(Span(min(start, case.now) if is_early else start, end))
        elif end is None:
            # It holds already. What was counted until now stays counted; nothing more is.
            found.append(Span(case.now, None))
    return tuple(found)


def _is_begun(case: Case, one: SuspensionRow) -> bool:
    # Restraint waits for nobody's receipt; but it does not reach back to moments before anyone had it.
    return case.dates.find(one.suspended) is None or case.dates.find_first(one.suspended) <= case.now


def _is_lifted(case: Case, one: SuspensionRow) -> bool:
    date = case.dates.find(one.resumed) if one.resumed else None
    return date is not None and date <= case.now


def _say_suspension(case: Case, one: SuspensionRow) -> str:
    words = f"{one.party} suspended it as entry {one.suspended.index}: {one.reason}"
    if one.resumed is not None:
        words += f" (lifted as entry {one.resumed.index}, {case.dates.say_when(one.resumed)})"
    return words
