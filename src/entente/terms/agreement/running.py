"""The clocks and measures of an agreement on its course: what runs since when, and what that makes due.

*Days without an incident* are counted from the start of the agreement, or, where a reset was carried, from
the moment at which the incident happened as all have agreed it did: the days that count are those after it,
and a party that answers late does not make them more. A reset never moves a start back.

*Simultaneous steps*: the window opens at the date of the last *ready*, or when the last clock that holds one
of the steps is reached, whichever is later. A part is done in time when its *done* is dated within the
window, late when even its author's claimed time is after it, and unclear in between: in time by its own word
alone.

Invariants: a measure that several clocks hold is held until all are reached; nothing runs before the
agreement is in force or after its end; pauses count for no clock but expiry and notice, whose ends everyone
knew beforehand.

    >>> [clock.state for clock in run_clocks(case, course).clocks]
    ['running', 'waiting', 'running']
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from entente.kernel.time import encode_utc, parse_utc
from entente.terms.agreement.clocks import DAY, add_span, find_full, measure_elapsed
from entente.terms.agreement.course import NOT_KNOWN, Case, Course
from entente.terms.agreement.rows import MotionRow, StepRow
from entente.terms.agreement.text import AgreedClock, AgreedMeasure, list_parties_of
from entente.terms.agreement.view import ClockView, MeasureView, MotionView

STEP_BACK = "whoever has done its part may step back from it; whether it does is its own decision"


@dataclass(frozen=True, slots=True)
class Part:
    """A party's part of simultaneous steps."""

    party: str
    step: StepRow
    state: Literal["not-ready", "ready", "undone", "in-time", "unclear", "late", "missed"]


@dataclass(frozen=True, slots=True)
class Running:
    """Every clock, every measure and every motion, at the case's moment."""

    clocks: tuple[ClockView, ...]
    measures: tuple[MeasureView, ...]
    motions: tuple[MotionView, ...]
    parts: dict[str, tuple[Part, ...]]


@dataclass(frozen=True, slots=True)
class _Reset:
    """Where a clock of days starts, by which entries, and what each motion to reset it did."""

    start: datetime | None
    entries: tuple[int, ...]
    done: dict[str, str]


def run_clocks(case: Case, course: Course) -> Running:
    """Return what runs and what is due."""
    text = case.row.text
    views: dict[str, ClockView] = {}
    effects = dict(course.extensions)
    for clock in text.clocks:
        if clock.kind == "days-without":
            reset = _follow_resets(case, course, clock)
            effects |= reset.done
            views[clock.id] = _count_days(case, course, clock, reset)
        elif clock.kind == "expiry":
            views[clock.id] = _run_expiry(case, course, clock)
        elif clock.kind == "withdrawal":
            views[clock.id] = _run_notice(case, course, clock)
    holding: dict[str, list[ClockView]] = {}
    for clock in text.clocks:
        if clock.kind == "days-without":
            holding.setdefault(clock.measure, []).append(views[clock.id])
    parts: dict[str, tuple[Part, ...]] = {}
    for clock in text.clocks:
        if clock.kind == "simultaneous":
            held = [view for step in clock.steps for view in holding.get(step, [])]
            views[clock.id], parts[clock.id] = _run_steps(case, course, clock, held)
    return Running(
        clocks=tuple(views[clock.id] for clock in text.clocks),
        measures=tuple(_judge_measure(case, course, one, holding, views) for one in text.measures),
        motions=tuple(_judge_motion(case, one, effects) for one in case.motions),
        parts=parts,
    )


def _follow_resets(case: Case, course: Course, clock: AgreedClock) -> _Reset:
    start, entries = course.since, [case.row.signed.index] if case.row.signed else []
    done: dict[str, str] = {}
    resets = [one for one in case.motions if one.motion == "reset" and one.clock == clock.id and one.carried]
    for motion in sorted(resets, key=lambda one: one.carried.index if one.carried else 0):
        date = case.dates.find(motion.carried) if motion.carried else None
        happened = parse_utc(motion.happened)
        if start is None or date is None or date > case.now:
            done[motion.message] = NOT_KNOWN
        elif course.ends is not None and date >= course.ends:
            done[motion.message] = f"carried {encode_utc(date)}, after the end: no effect"
        elif happened <= start:
            done[motion.message] = f"the days are counted from {encode_utc(start)} already: no effect"
        else:
            done[motion.message] = ""
            start = happened
            entries = [motion.carried.index if motion.carried else motion.moved.index]
    return _Reset(start, tuple(entries), done)


def _count_days(case: Case, course: Course, clock: AgreedClock, reset: _Reset) -> ClockView:
    if course.phase in {"proposed", "refused", "signed"} or reset.start is None:
        return _make_clock(clock, "not-started", "", "", 0, course.why, course.entries)
    until = case.now if course.ends is None else min(case.now, course.ends)
    full = find_full(reset.start, timedelta(days=clock.days), course.pauses)
    passed = measure_elapsed(reset.start, until, course.pauses) // DAY
    days = f"{min(passed, clock.days)} of {clock.days} days since {encode_utc(reset.start)}"
    start, end = encode_utc(reset.start), encode_utc(full) if full else ""
    if full is not None and full <= until:
        return _make_clock(
            clock, "reached", start, end, passed, f"{days}, full {encode_utc(full)}", reset.entries
        )
    state: Literal["over", "paused", "running"] = "running"
    if course.ends is not None and course.phase != "ended" and full is not None and full > course.ends:
        days += f"; the agreement ends before it is full, {encode_utc(course.ends)}"
    if course.phase == "ended":
        state, end = "over", ""
    elif course.phase == "suspended":
        state, days, end = "paused", f"{days}; {course.why}", ""
    entries = reset.entries if state == "running" else (*reset.entries, *course.entries)
    return _make_clock(clock, state, start, end, passed, days, entries)


def _run_expiry(case: Case, course: Course, clock: AgreedClock) -> ClockView:
    if course.since is None or course.phase == "signed":
        return _make_clock(clock, "not-started", "", "", 0, course.why, course.entries)
    end = encode_utc(course.expires) if course.expires else ""
    passed = max(case.now - course.since, timedelta(0)) // DAY
    extended = sum(one.days for one in case.motions if course.extensions.get(one.message) == "")
    why = f"{clock.days} days from {encode_utc(course.since)}"
    if extended:
        why += f", extended by {extended} with everyone's consent"
    if course.ends is not None and course.ends != course.expires:
        why += f"; it ends before that, {encode_utc(course.ends)}"
    entries = [case.row.signed.index] if case.row.signed else []
    entries += [
        one.carried.index
        for one in case.motions
        if one.carried and not course.extensions.get(one.message, "-")
    ]
    state: Literal["over", "running"] = "over" if course.phase == "ended" else "running"
    return _make_clock(clock, state, encode_utc(course.since), end, passed, why, tuple(entries))


def _run_notice(case: Case, course: Course, clock: AgreedClock) -> ClockView:
    if course.since is None or course.phase == "signed":
        return _make_clock(clock, "not-started", "", "", 0, course.why, course.entries)
    state: Literal["over", "waiting"] = "over" if course.phase == "ended" else "waiting"
    if not case.withdrawals:
        why = f"any party may leave with {clock.hours} hours of notice"
        return _make_clock(clock, state, "", "", 0, why, course.entries)
    # The notice that is over first is the one that counts (`agreement.course`), whichever was given first.
    dated = [(date, one) for one in case.withdrawals if (date := case.dates.find(one.withdrawn)) is not None]
    date, notice = min(dated, key=lambda pair: pair[0], default=(None, case.withdrawals[0]))
    why = f"{notice.party} withdrew as entry {notice.withdrawn.index}: {notice.reason}; "
    why += f"the notice runs {case.dates.say_when(notice.withdrawn)}"
    entries = (notice.withdrawn.index,)
    if date is None:
        return _make_clock(clock, state, "", "", 0, why, entries)
    over = add_span(max(date, course.since), timedelta(hours=clock.hours))
    running: Literal["over", "running"] = "over" if course.phase == "ended" else "running"
    return _make_clock(clock, running, encode_utc(date), encode_utc(over), 0, why, entries)


def _run_steps(
    case: Case, course: Course, clock: AgreedClock, holding: list[ClockView]
) -> tuple[ClockView, tuple[Part, ...]]:
    said = {one.party: one for one in case.steps if one.clock == clock.id}
    names = list_parties_of(case.row.text)
    steps = [said.get(name) or StepRow(case.row.id, clock.id, name, None, None) for name in names]
    parts = tuple(Part(one.party, one, "ready" if one.ready else "not-ready") for one in steps)
    entries = tuple(sorted(one.ready.index for one in steps if one.ready))
    if course.phase in {"proposed", "refused", "signed"}:
        return _make_clock(clock, "not-started", "", "", 0, course.why, course.entries), parts
    missing = [one.party for one in steps if one.ready is None]
    dates = [case.dates.find(one.ready) for one in steps if one.ready]
    opens = max((date for date in dates if date is not None), default=None)
    why = ""
    if missing:
        why = f"the window of {clock.hours} hours opens when all are ready; missing: {', '.join(missing)}"
    elif None in dates:
        open_words = [one.ready for one in steps if one.ready and case.dates.find(one.ready) is None]
        waits = "; ".join(f"entry {one.index} {case.dates.say_when(one)}" for one in open_words)
        why = f"all are ready; the window opens when all have each other's word; {waits}"
    elif any(view.state != "reached" for view in holding):
        held = ", ".join(view.id for view in holding if view.state != "reached")
        why = f"all are ready; the window opens when these clocks are reached: {held}"
    elif opens is not None:
        opens = max([opens, *(parse_utc(view.end) for view in holding)])
        if opens > case.now:
            words = "; ".join(f"{one.party} {case.dates.say_when(one.ready)}" for one in steps if one.ready)
            why = f"all are ready; the window opens {encode_utc(opens)}; ready: {words}"
    if why or opens is None:
        over: Literal["over", "waiting"] = "over" if course.phase == "ended" else "waiting"
        return _make_clock(clock, over, "", "", 0, why, entries or course.entries), parts
    closes = find_full(opens, timedelta(hours=clock.hours), course.pauses)
    parts = tuple(_judge_part(case, one, closes) for one in steps)
    return _judge_window(case, course, clock, parts, (opens, closes)), parts


def _judge_part(case: Case, step: StepRow, closes: datetime | None) -> Part:
    if step.done is None:
        is_missed = closes is not None and closes <= case.now
        return Part(step.party, step, "missed" if is_missed else "undone")
    date = case.dates.find(step.done)
    if closes is None or (date is not None and date <= closes):
        return Part(step.party, step, "in-time")
    return Part(step.party, step, "late" if parse_utc(step.done.at) > closes else "unclear")


def _judge_window(
    case: Case,
    course: Course,
    clock: AgreedClock,
    parts: tuple[Part, ...],
    window: tuple[datetime, datetime | None],
) -> ClockView:
    opens, closes = window
    stamps = [stamp for part in parts for stamp in (part.step.ready, part.step.done) if stamp]
    entries = tuple(sorted(stamp.index for stamp in stamps))
    by_state: dict[str, list[str]] = {}
    for part in parts:
        by_state.setdefault(part.state, []).append(part.party)
    start, end = encode_utc(opens), encode_utc(closes) if closes else ""
    words = "; ".join(f"{_PART_WORDS[state]}: {', '.join(who)}" for state, who in by_state.items())
    why = f"open since {start} for {clock.hours} hours; {words}"
    state: Literal["kept", "broken", "unclear", "over", "open", "paused"] = "open"
    if set(by_state) == {"in-time"}:
        state = "kept"
    elif {"missed", "late"} & set(by_state):
        state, why = "broken", f"{why}; {STEP_BACK}"
    elif course.phase == "ended":
        state = "over"
    elif course.phase == "suspended":
        state = "paused"
    elif closes is not None and closes <= case.now:
        state = "unclear"
    return _make_clock(clock, state, start, end, 0, why, entries)


_PART_WORDS = {
    "undone": "not done yet",
    "in-time": "done",
    "unclear": "done in time by its own word alone",
    "late": "done late",
    "missed": "not done in time",
}


def _make_clock(
    clock: AgreedClock,
    state: Literal[
        "not-started", "running", "paused", "reached", "waiting", "open", "kept", "unclear", "broken", "over"
    ],
    start: str,
    end: str,
    days_passed: int,
    why: str,
    entries: tuple[int, ...],
) -> ClockView:
    return ClockView(clock.id, clock.kind, clock.says, state, start, end, days_passed, why, entries)


def _judge_measure(
    case: Case,
    course: Course,
    measure: AgreedMeasure,
    holding: dict[str, list[ClockView]],
    views: dict[str, ClockView],
) -> MeasureView:
    by = tuple(measure.by or list_parties_of(case.row.text))
    state: Literal["not-in-force", "held", "waiting", "due", "done", "in-force", "suspended", "ended"]
    since = encode_utc(course.since) if course.since else ""
    state, why, entries = "in-force", course.why, course.entries
    held = [view for view in holding.get(measure.id, []) if view.state != "reached"]
    reached = [view for view in holding.get(measure.id, []) if view.state == "reached"]
    windows = [views[clock.id] for clock in case.row.text.clocks if measure.id in clock.steps]
    if course.phase in {"proposed", "refused", "signed"}:
        state, since = "not-in-force", ""
    elif course.phase == "ended":
        state = "ended"
    elif course.phase == "suspended":
        state = "suspended"
    elif held:
        state, since = "held", ""
        why = "; ".join(f"clock {view.id}: {view.why}" for view in held)
        entries = _join(held)
    elif windows:
        since = max(view.start for view in windows)
        why, entries = "; ".join(f"clock {view.id}: {view.why}" for view in windows), _join(windows)
        states = {view.state for view in windows}
        state = "done" if states == {"kept"} else "waiting" if states & {"waiting", "not-started"} else "due"
    elif reached:
        state, since = "due", max(view.end for view in reached)
        why, entries = "; ".join(f"clock {view.id}: {view.why}" for view in reached), _join(reached)
    return MeasureView(measure.id, measure.says, state, by, since, why, entries)


def _join(views: list[ClockView]) -> tuple[int, ...]:
    return tuple(sorted({entry for view in views for entry in view.entries}))


def _judge_motion(case: Case, motion: MotionRow, effects: dict[str, str]) -> MotionView:
    words: dict[str, str] = {str(word.signatory): word.word for word in motion.words}
    entries = [motion.moved.index, *sorted(word.stamp.index for word in motion.words)]
    state: Literal["open", "denied", "pending", "in-effect", "without-effect"]
    if motion.carried is None:
        state, why = "open", "waits for the consent of every party and agency; until then nothing changes"
        if "no" in words.values():
            said = "; ".join(_list_denials(motion))
            state, why = "denied", f"{said}; nothing changes"
    else:
        # INVARIANT: an effect is found for every motion that was carried; one that is not known has none.
        effect = effects.get(motion.message, NOT_KNOWN)
        state, why = "in-effect", f"carried by entry {motion.carried.index}"
        if effect:
            pending = effect == NOT_KNOWN
            state, why = ("pending" if pending else "without-effect"), effect
            if pending:
                why += f": entry {motion.carried.index} counts {case.dates.say_when(motion.carried)}"
    return MotionView(
        motion.message,
        motion.motion,
        motion.clock,
        motion.moved.author,
        motion.days,
        state,
        words,
        why,
        tuple(entries),
    )


def _list_denials(motion: MotionRow) -> Iterator[str]:
    for word in motion.words:
        if word.word == "no":
            reason = f": {word.reason}" if word.reason else ""
            yield f"{word.signatory} denied it as entry {word.stamp.index}{reason}"
