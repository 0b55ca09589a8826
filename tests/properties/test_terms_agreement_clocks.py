"""An agreement's clocks against a plain second reading of the rules: it walks hour by hour and adds up days.

The second reading keeps its own list of what was recorded and knows nothing of rows, spans or views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from entente.kernel.errors import EntenteError
from entente.kernel.time import encode_utc, parse_utc
from entente.terms import agreement as ag
from tests.agreement_scene import START, AgreementScene, make_clock, make_text

HOUR: Final = timedelta(hours=1)
DAYS, EXPIRY_DAYS, NOTICE_HOURS, WINDOW_HOURS = 3, 6, 48, 20
CLOCKS: Final = [
    make_clock("seven-days", "days-without", measure="joint-center", incident="an attack", days=DAYS),
    make_clock("road", "simultaneous", steps=["pull-back"], hours=WINDOW_HOURS),
    make_clock("expiry", "expiry", days=EXPIRY_DAYS),
    make_clock("notice", "withdrawal", hours=NOTICE_HOURS),
]
PARTIES: Final = ("ru", "us")
SIGNATORIES: Final = (("ru", ""), ("us", ""), ("us", "pentagon"))


@dataclass
class Said:
    """Something that was recorded: by whom, what it claims, and when the other party had it."""

    author: str
    at: datetime
    leaf: str
    received: datetime | None = None

    @property
    def date(self) -> datetime | None:
        return None if self.received is None else max(self.at, self.received)

    def is_known(self, now: datetime) -> bool:
        return self.received is None or self.at <= now or self.received <= now


@dataclass
class PlainMotion:
    kind: str
    happened: datetime | None
    days: int
    yes: dict[tuple[str, str], bool] = field(default_factory=dict)
    carried: Said | None = None


@dataclass
class PlainAgreement:
    """The rules of docs/formats/agreement.md, read a second time."""

    signed: Said | None = None
    motions: list[PlainMotion] = field(default_factory=list)
    carried: list[PlainMotion] = field(default_factory=list)
    suspensions: list[tuple[Said, list[Said]]] = field(default_factory=list)
    notices: list[Said] = field(default_factory=list)
    ready: dict[str, Said] = field(default_factory=dict)
    done: dict[str, Said] = field(default_factory=dict)

    def find_ends(self) -> tuple[datetime, datetime]:
        """Return since when it is in force, and when it ends."""
        assert self.signed is not None
        since = self.signed.date
        assert since is not None
        left = [max(one.date, since) + NOTICE_HOURS * HOUR for one in self.notices if one.date is not None]
        leaves = min(left, default=None)
        expires = since + timedelta(days=EXPIRY_DAYS)
        for motion in self.carried:
            if motion.kind == "extend" and motion.carried is not None and motion.carried.date is not None:
                end = expires if leaves is None else min(expires, leaves)
                if motion.carried.date < end:
                    expires += timedelta(days=motion.days)
        return since, expires if leaves is None else min(expires, leaves)

    def is_paused(self, hour: datetime, now: datetime) -> bool:
        for suspended, lifted in self.suspensions:
            end = lifted[0].date if lifted else None
            begin = suspended.date
            if begin is None and end is not None:
                continue
            begin = now if begin is None else begin
            if end is None and suspended.is_known(now):
                begin = min(begin, now)
            if begin <= hour and (end is None or hour < end):
                return True
        return False

    def is_suspended(self, now: datetime) -> bool:
        return any(
            suspended.is_known(now) and (not lifted or lifted[0].date is None or lifted[0].date > now)
            for suspended, lifted in self.suspensions
        )

    def find_start(self, now: datetime) -> datetime:
        since, ends = self.find_ends()
        start = since
        for motion in self.carried:
            date = motion.carried.date if motion.carried else None
            if motion.kind == "reset" and date is not None and date <= now and date < ends:
                assert motion.happened is not None
                start = max(start, motion.happened)
        return start

    def walk(self, start: datetime, hours: int, now: datetime) -> datetime | None:
        """Return when so many hours will have counted, going through them one by one."""
        hour, counted = start, 0
        while counted < hours:
            counted += not self.is_paused(hour, now)
            hour += HOUR
            if hour > now + timedelta(days=60):
                return None  # a suspension that nobody has lifted: no hour counts any more
        return hour

    def count_days(self, start: datetime, until: datetime, now: datetime) -> int:
        """Return how many whole days of 24 counted hours there were."""
        days, counted, hour = 0, 0, start
        while hour < until:
            counted += not self.is_paused(hour, now)
            hour += HOUR
            if counted == 24:
                days, counted = days + 1, 0
        return days

    def judge(self, now: datetime) -> dict[str, Any]:
        """Return what the state must say at a moment."""
        assert self.signed is not None
        if self.signed.date is None or self.signed.date > now:
            return {"phase": "signed"}
        ends = self.find_ends()[1]
        phase = "ended" if ends <= now else "suspended" if self.is_suspended(now) else "in-force"
        start = self.find_start(now)
        full = self.walk(start, DAYS * 24, now)
        until = min(now, ends)
        is_full = full is not None and full <= until
        state = {"ended": "over", "suspended": "paused", "in-force": "running"}[phase]
        return {
            "phase": phase,
            "ends": encode_utc(ends),
            "start": encode_utc(start),
            "days": self.count_days(start, until, now),
            "clock": "reached" if is_full else state,
            "full": encode_utc(full) if full and (is_full or phase == "in-force") else "",
            "road": self.judge_road(now, phase),
        }

    def judge_road(self, now: datetime, phase: str) -> str:
        dates = [one.date for one in self.ready.values()]
        if len(dates) < 2 or None in dates or max(d for d in dates if d) > now:
            return "over" if phase == "ended" else "waiting"
        opens = max(date for date in dates if date)
        closes = self.walk(opens, WINDOW_HOURS, now)
        kept = 0
        for party in PARTIES:
            said = self.done.get(party)
            if said is None:
                if closes is not None and closes <= now:
                    return "broken"
            elif closes is None or (said.date is not None and said.date <= closes):
                kept += 1
            elif said.at > closes:
                return "broken"
        if kept == 2:
            return "kept"
        if phase != "in-force":
            return "over" if phase == "ended" else "paused"
        return "unclear" if closes is not None and closes <= now else "open"


class Pair:
    """The scene, and beside it the second reading, fed with what the scene accepted."""

    def __init__(self) -> None:
        self.scene = AgreementScene(PARTIES)
        agencies = [ag.SigningAgency("pentagon", "us", "Pentagon")]
        self.scene.text = make_text(PARTIES, clocks=CLOCKS, agencies=agencies)
        self.plain = PlainAgreement()
        self.waiting: list[Said] = []
        self.incidents: list[tuple[str, datetime]] = []
        self.motions: list[tuple[str, PlainMotion]] = []
        self.scene.propose()
        for place, (party, agency) in enumerate(SIGNATORIES):
            said = self.record(party, partial(self.scene.sign, party, agency))
            if place == len(SIGNATORIES) - 1:
                self.plain.signed = said

    def record(self, author: str, act: Callable[[], str], at: datetime | None = None) -> Said | None:
        """Record something if the rules allow it, and note when the other party will have had it."""
        try:
            leaf = act()
        except EntenteError:
            return None
        said = Said(author, at or self.scene.now, leaf)
        self.waiting.append(said)
        self.note()
        return said

    def note(self) -> None:
        for said in list(self.waiting):
            other = "ru" if said.author == "us" else "us"
            if other not in self.scene.silent:
                said.received = self.scene.now + self.scene.lag[other]
                self.waiting.remove(said)

    def act(self, op: tuple[Any, ...]) -> None:
        getattr(self, f"do_{op[0]}")(*op[1:])

    def do_tick(self, hours: int) -> None:
        self.scene.tick(hours=hours)

    def do_silence(self, party: str, is_on: bool) -> None:
        self.scene.silent = self.scene.silent | {party} if is_on else self.scene.silent - {party}
        self.scene.deliver()
        self.note()

    def do_lag(self, party: str, hours: int) -> None:
        self.scene.lag[party] = hours * HOUR

    def do_incident(self, party: str, ago: int) -> None:
        happened = self.scene.now - ago * HOUR
        said = self.record(party, lambda: self.scene.incident(party, happened=happened))
        if said:
            self.incidents.append((said.leaf, happened))

    def do_reset(self, party: str, which: int) -> None:
        if self.incidents:
            leaf, happened = self.incidents[which % len(self.incidents)]
            said = self.record(party, lambda: self.scene.reset(leaf, party))
            if said:
                self.motions.append((said.leaf, PlainMotion("reset", happened, 0)))

    def do_extend(self, party: str, days: int) -> None:
        said = self.record(party, lambda: self.scene.extend(days, party))
        if said:
            self.motions.append((said.leaf, PlainMotion("extend", None, days)))

    def do_consent(self, which: int, signatory: tuple[str, str], is_yes: bool) -> None:
        self.consent(which, signatory, is_yes=is_yes)

    def do_carry(self, which: int) -> None:
        for signatory in SIGNATORIES:
            self.consent(which, signatory, is_yes=True)

    def do_restart(self, party: str, ago: int, carry_after: int) -> None:
        """An incident, a motion and every consent: what random steps seldom do in this order."""
        self.do_incident(party, ago)
        self.do_reset(party, -1)
        self.do_tick(carry_after)
        self.do_carry(-1)

    def do_prolong(self, party: str, days: int, carry_after: int) -> None:
        self.do_extend(party, days)
        self.do_tick(carry_after)
        self.do_carry(-1)

    def do_pause(self, party: str, hours: int) -> None:
        self.do_suspend(party)
        self.do_tick(hours)
        self.do_resume(party)

    def do_all_ready(self, hours: int) -> None:
        for party in PARTIES:
            self.do_step(party, "ready", 0)
        self.do_tick(hours)

    def do_suspend(self, party: str) -> None:
        said = self.record(party, lambda: self.scene.suspend(party))
        if said:
            self.plain.suspensions.append((said, []))

    def do_resume(self, party: str) -> None:
        said = self.record(party, lambda: self.scene.resume(party))
        if said:
            next(p for p in self.plain.suspensions if p[0].author == party and not p[1])[1].append(said)

    def do_step(self, party: str, step: str, ago: int) -> None:
        at = self.scene.now - ago * HOUR
        said = self.record(party, lambda: self.scene.step(party, step, at=encode_utc(at)), at)
        if said and step == "done":
            self.plain.done[party] = said
        elif said and step == "ready":
            self.plain.ready[party] = said
        elif said:
            del self.plain.ready[party]

    def do_withdraw(self, party: str, ago: int) -> None:
        at = self.scene.now - ago * HOUR
        said = self.record(party, lambda: self.scene.withdraw(party, at=encode_utc(at)), at)
        if said:
            self.plain.notices.append(said)

    def consent(self, which: int, signatory: tuple[str, str], *, is_yes: bool) -> None:
        if not self.motions:
            return
        leaf, motion = self.motions[which % len(self.motions)]
        party, agency = signatory
        word = "yes" if is_yes else "no"
        said = self.record(party, lambda: self.scene.consent(leaf, party, agency, word=word))
        if said:
            motion.yes[signatory] = is_yes
            if all(motion.yes.get(one) for one in SIGNATORIES):
                motion.carried = said
                self.plain.carried.append(motion)

    def compare(self, moment: datetime) -> None:
        view = self.scene.state(moment)
        expected = self.plain.judge(moment)
        found: dict[str, Any] = {"phase": view.phase}
        if view.phase != "signed":
            clocks = {clock.id: clock for clock in view.clocks}
            days = clocks["seven-days"]
            found |= {
                "ends": view.ends,
                "start": days.start,
                "days": days.days_passed,
                "clock": days.state,
                "full": days.end,
                "road": clocks["road"].state,
            }
        assert found == expected

    def compare_at_the_boundaries(self) -> None:
        """At each instant that the state names, and an hour to either side: where off by one is wrong."""
        view = self.scene.state()
        named = {view.since, view.ends, *(text for one in view.clocks for text in (one.start, one.end))}
        for text in sorted(named - {""}):
            for hours in (-1, 0, 1):
                self.compare(parse_utc(text) + hours * HOUR)


parties = st.sampled_from(PARTIES)
few = st.integers(0, 5)
hours = st.integers(1, 40)
singles = st.one_of(
    st.tuples(st.just("silence"), parties, st.booleans()),
    st.tuples(st.just("lag"), parties, st.integers(0, 30)),
    st.tuples(st.just("incident"), parties, st.integers(0, 100)),
    st.tuples(st.just("reset"), parties, few),
    st.tuples(st.just("extend"), parties, st.integers(1, 9)),
    st.tuples(st.just("consent"), few, st.sampled_from(SIGNATORIES), st.booleans()),
    st.tuples(st.just("suspend"), parties),
    st.tuples(st.just("resume"), parties),
    st.tuples(st.just("step"), parties, st.sampled_from(("ready", "done", "not-ready")), st.integers(0, 40)),
    st.tuples(st.just("withdraw"), parties, st.integers(0, 90)),
)
stories = st.one_of(
    st.tuples(st.just("restart"), parties, st.integers(0, 60), hours),
    st.tuples(st.just("prolong"), parties, st.integers(1, 9), st.integers(1, 120)),
    st.tuples(st.just("pause"), parties, hours),
    st.tuples(st.just("all_ready"), hours),
    st.tuples(st.just("carry"), few),
)
ops = st.one_of(st.tuples(st.just("tick"), hours), stories, stories, singles)


@settings(max_examples=35)
@given(st.lists(ops, min_size=4, max_size=20), st.integers(0, 400), st.lists(st.integers(0, 200), max_size=3))
def test_the_clocks_are_those_of_a_plain_count_of_hours(
    plan: list[tuple[Any, ...]], ahead: int, back: list[int]
) -> None:
    pair = Pair()
    for op in plan:
        pair.act(op)
        pair.compare(pair.scene.now)
    pair.compare(pair.scene.now + ahead * HOUR)
    for one in back:  # looking back: a suspension says nothing of the time before it
        pair.compare(pair.scene.now - one * HOUR)
    pair.compare_at_the_boundaries()
    # Whoever has nothing but the entries' bytes computes the same, at once, as was computed along the way.
    assert pair.scene.audit() == pair.scene.state()
    assert pair.scene.now >= START
