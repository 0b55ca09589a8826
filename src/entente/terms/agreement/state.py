"""The state of an agreement: what stands, what is due, by whom, by when, and why.

Invariants:
  * A pure function of the record's rows, of when each party had each message (which the record says too,
    `agreement.dates`), and of the moment in question. Whoever has the record gets the same state.
  * Nobody is asked for it and nobody writes it down: no party and no host can state another one.
  * Silence is shown as silence, and what is due as due, until the one whose word it is says otherwise.
  * Every entry counts; of reports and of motions each party's newest hundred are listed, and the others are
    told as a number: nobody makes the state too long to be read or sent.

It does not remind anyone.

    >>> describe_agreement(rows, "ceasefire", now_utc, received).phase
    'in-force'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal, TypeVar

from entente.kernel.rows import Rows, get_row
from entente.kernel.time import encode_utc
from entente.terms.agreement.course import Case, Course, follow_course, load_case
from entente.terms.agreement.dates import Dates, Received
from entente.terms.agreement.rows import AgreementRow, IncidentRow, MotionRow, list_able_officers
from entente.terms.agreement.running import STEP_BACK, Running, run_clocks
from entente.terms.agreement.text import Signatory, list_parties_of, list_signatories
from entente.terms.agreement.view import AgreementView, Ahead, Due, IncidentView, SignatoryView

R = TypeVar("R", IncidentRow, MotionRow)
_LISTED: Final = 100
_NOUNS: Final = {"reset": "reset", "extend": "extension"}


def describe_agreement(rows: Rows, agreement_id: str, now_utc: datetime, received: Received) -> AgreementView:
    """Return an agreement's state at a moment, or raise `NotFound`.

    Args:
        now_utc: The moment in question: entries count as the record has them, dates and clocks as of then.
        received: By when a party had a message, as the record says.
    """
    row = get_row(rows, AgreementRow, agreement_id, what="agreement")
    case = load_case(rows, row, Dates(list_parties_of(row.text), received), now_utc)
    course = follow_course(case)
    running = run_clocks(case, course)
    incidents, motions = _list_newest(case.incidents), _list_newest(case.motions)
    shown = {one.message for one in incidents} | {one.message for one in motions}
    return AgreementView(
        id=row.id,
        title=row.text.title,
        sha256=row.sha256,
        now=encode_utc(now_utc),
        phase=course.phase,
        why=course.why,
        since=encode_utc(course.since) if course.since else "",
        ends=encode_utc(course.ends) if course.ends else "",
        entries=course.entries,
        text=row.text,
        signatories=tuple(_list_signatories(row)),
        measures=running.measures,
        clocks=running.clocks,
        incidents=tuple(_describe_incident(one, case) for one in incidents),
        motions=tuple(one for one in running.motions if one.message in shown),
        due=tuple(sorted(_list_due(case, course, running, shown), key=_rank_due)),
        ahead=tuple(sorted(_list_ahead(course, running), key=lambda one: one.at)),
        notes=tuple(_list_notes(rows, case, course, running, shown)),
    )


def _list_signatories(row: AgreementRow) -> Iterator[SignatoryView]:
    names = {Signatory(one.party): one.name for one in row.text.parties}
    names |= {Signatory(one.party, one.agency): one.name for one in row.text.agencies}
    said = {word.signatory: word for word in row.words}
    for one in list_signatories(row.text):
        word = said.get(one)
        if word is None:
            yield SignatoryView(one.party, one.agency, names[one], "silent", "", ())
        else:
            state: Literal["signed", "refused"] = "signed" if word.word == "yes" else "refused"
            yield SignatoryView(one.party, one.agency, names[one], state, word.reason, (word.stamp.index,))


def _describe_incident(incident: IncidentRow, case: Case) -> IncidentView:
    said = {answer.party: answer for answer in incident.answers}
    others = [party for party in list_parties_of(case.row.text) if party != incident.reported.author]
    entries = [incident.reported.index, *sorted(answer.stamp.index for answer in incident.answers)]
    return IncidentView(
        message=incident.message,
        clock=incident.clock,
        by=incident.reported.author,
        happened=incident.happened,
        text=incident.text,
        answers={party: said[party].answer if party in said else "silent" for party in others},
        entries=tuple(entries),
    )


def _rank_due(due: Due) -> tuple[bool, str]:
    # What is overdue first, then by the time it has; what has none keeps its order, at the end.
    return not due.is_overdue, due.by or due.since or "~"


def _list_newest(rows: list[R]) -> list[R]:
    """Return each author's newest, in the record's order."""
    found: list[R] = []
    counts: dict[str, int] = {}
    for one in reversed(rows):
        author = _get_author(one)
        counts[author] = counts.get(author, 0) + 1
        if counts[author] <= _LISTED:
            found.append(one)
    return found[::-1]


def _get_author(row: IncidentRow | MotionRow) -> str:
    return row.reported.author if isinstance(row, IncidentRow) else row.moved.author


def _list_due(case: Case, course: Course, running: Running, shown: set[str]) -> Iterator[Due]:
    row = case.row
    if row.signed is None:
        said = {word.signatory: word for word in row.words}
        for one in list_signatories(row.text):
            word = said.get(one)
            if word is None:
                why = "in force only when every party and agency has signed these bytes"
                yield Due(
                    "sign", one.party, one.agency, "sign or refuse", "", False, why, (row.proposed.index,)
                )
            elif word.word == "no":
                why = f"its refusal keeps the agreement out of force: {word.reason}"
                what = "sign, if it is to come into force"
                yield Due("sign", one.party, one.agency, what, "", False, why, (word.stamp.index,))
        return
    if course.phase == "ended":
        return
    yield from _list_reports(case, shown)
    yield from _list_questions(case, course, running, shown)
    if course.phase == "in-force":
        yield from _list_steps(running)
        for measure in running.measures:
            if measure.state == "due" and not any(measure.id in one.steps for one in row.text.clocks):
                for party in measure.by:
                    what = f"do {measure.id}: {measure.says}"
                    yield Due(
                        "measure", party, "", what, "", False, measure.why, measure.entries, measure.since
                    )


def _list_reports(case: Case, shown: set[str]) -> Iterator[Due]:
    hidden: dict[tuple[str, str], list[int]] = {}
    for incident in case.incidents:
        said = {answer.party for answer in incident.answers}
        author, index = incident.reported.author, incident.reported.index
        for party in list_parties_of(case.row.text):
            if party in said or party == author:
                continue
            if incident.message in shown:
                what = f"accept or dispute the incident of entry {index}"
                why = f"{author} reports: {incident.text}; silence is neither"
                yield Due("answer", party, "", what, "", False, why, (index,))
            else:
                hidden.setdefault((party, author), []).append(index)
    for (party, author), indexes in hidden.items():
        what = f"accept or dispute {len(indexes)} earlier incidents, of entries {indexes[0]} to {indexes[-1]}"
        why = f"{author} reports them; silence is neither"
        yield Due("answer", party, "", what, "", False, why, (indexes[0], indexes[-1]))


def _list_questions(case: Case, course: Course, running: Running, shown: set[str]) -> Iterator[Due]:
    for motion, view in zip(case.motions, running.motions, strict=True):
        if view.state not in {"open", "denied"} or motion.message not in shown:
            continue
        by = encode_utc(course.ends) if motion.motion == "extend" and course.ends else ""
        for one in list_signatories(case.row.text):
            if str(one) not in view.words:
                what = f"consent to the {_NOUNS[motion.motion]} of entry {motion.moved.index}, or deny it"
                reason = f": {motion.reason}" if motion.reason else ""
                why = f"{motion.moved.author} moved it{reason}; without every consent nothing changes"
                yield Due("consent", one.party, one.agency, what, by, False, why, (motion.moved.index,))


def _list_steps(running: Running) -> Iterator[Due]:
    for clock in running.clocks:
        for part in running.parts.get(clock.id, ()):
            if part.state == "not-ready" and clock.state == "waiting":
                what = f"declare ready for {clock.id}"
                yield Due("ready", part.party, "", what, "", False, clock.why, clock.entries)
            elif part.state in {"undone", "missed"}:
                what = f"do its part of {clock.id}: {clock.says}"
                is_over = part.state == "missed"
                yield Due("step", part.party, "", what, clock.end, is_over, clock.why, clock.entries)


def _list_ahead(course: Course, running: Running) -> Iterator[Ahead]:
    if course.phase not in {"in-force", "suspended"}:
        return
    ends = encode_utc(course.ends) if course.ends else ""
    for clock in running.clocks:
        if clock.kind == "days-without" and clock.state == "running" and clock.end:
            # What would come after the end does not come. (An end may lie beyond what `parse_utc` takes.)
            if course.ends is None or datetime.fromisoformat(clock.end) <= course.ends:
                yield Ahead(clock.end, f"clock {clock.id} is full: {clock.says}", clock.why, clock.entries)
        elif clock.kind in {"expiry", "withdrawal"} and clock.state == "running" and clock.end == ends:
            yield Ahead(clock.end, "the agreement ends", clock.why, clock.entries)


def _list_notes(rows: Rows, case: Case, course: Course, running: Running, shown: set[str]) -> Iterator[str]:
    row = case.row
    if row.signed is None:
        said = {word.signatory for word in row.words if word.word == "yes"}
        for one in list_signatories(row.text):
            if one not in said and not list_able_officers(rows, one):
                yield f"{one}: nobody can sign, no officer of the roster has the role {one.agency!r}"
    for clock in running.clocks:
        if clock.state == "broken":
            yield f"clock {clock.id} is broken: {STEP_BACK}"
    for notice in case.withdrawals:
        waiting = " and ".join(case.dates.list_waiting(notice.withdrawn))
        if waiting and course.phase != "ended":
            yield f"notice of {notice.party} (entry {notice.withdrawn.index}) has not reached {waiting}"
    for view in running.motions:
        if view.state == "denied" and view.message in shown:
            yield f"motion to {view.motion} of entry {view.entries[0]}: {view.state}; {view.why}"
    hidden = Counter(one.reported.author for one in case.incidents if one.message not in shown)
    hidden.update(one.moved.author for one in case.motions if one.message not in shown)
    for author, count in sorted(hidden.items()):
        yield f"{count} earlier reports and motions of {author} count and are not listed: see the record"
