"""Messages in any order, honest or not: what is shown is never more than what was said.

The machine sends whatever it draws, right or wrong, open or sealed, and keeps a ledger of its own of what was
accepted. Whatever the rules let through, the state of host and desks must agree with the ledger:

  * acknowledged only by that party's own acknowledgement;
  * concurred only by every named party's own yes, to this very version or to one that holds all of it, with
    no other word of that party since;
  * alarms stand for the confrontations among all open conflicts, and for nothing else;
  * whoever replays the record holds the same rows, also after losing its index half way;
  * a position counts only when every party that it was told to has read it back, within the tolerance;
  * the open conflicts are those of all pairs of standing objects, compared anew;
  * headers mean the same to everyone: receipts of host and desks differ in nothing but sealed answers.
"""

from __future__ import annotations

import functools
from datetime import timedelta
from itertools import combinations
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from entente.deconflict import (
    ActivityRow,
    AlarmRow,
    Close,
    Concur,
    ConcurrenceRow,
    Confirm,
    ConflictRow,
    Consent,
    Counter,
    DeclareSite,
    DeclareZone,
    Decline,
    Deliver,
    Delivery,
    Dispute,
    Escalate,
    Lapse,
    LapseConcurrence,
    Notify,
    Object,
    ObjectRow,
    PositionRow,
    ProposalRow,
    ReadBack,
    Reading,
    ReceiptRow,
    Reconsider,
    See,
    SiteRow,
    Update,
    VersionRow,
    WithdrawSite,
    WithdrawZone,
    ZoneRow,
    ZoneRule,
    activity_state,
    build_readings,
    plan_alarms,
    plan_concurrence,
    plan_ladder,
    rebuild_index,
    version_state,
)
from entente.deconflict.conflict_row import SpanRow
from entente.kernel.errors import EntenteError
from entente.kernel.rows import MemoryRows
from entente.kernel.time import encode_utc
from entente.kernel.wire import WireStruct
from entente.space import (
    CircleWire,
    Gazetteer,
    Place,
    Separation,
    VolumeWire,
    distance_and_bearing,
    is_conflict,
    parse_volume,
)
from tests.unit.test_deconflict_simulator import PARTIES, RULES, RecordSimulator, View, make_circle

ROWS = (
    ActivityRow,
    AlarmRow,
    ConcurrenceRow,
    ConflictRow,
    ObjectRow,
    PositionRow,
    ProposalRow,
    ReceiptRow,
    SiteRow,
    SpanRow,
    VersionRow,
    ZoneRow,
)
LATS = (35.28, 35.30, 35.36)
NAMES = ("alpha", "bravo", "charlie", "delta")
PLACES = Gazetteer([Place("Deir ez-Zor Airport", 35.2854, 40.1760, "airport")])
TOLERANCE_CM = RULES.read_back_tolerance_cm

NEEDS: Final[tuple[tuple[str, int, list[str]], ...]] = (
    ("permitted", 0, []),
    ("notice", 1, []),
    ("concurrence", 0, ["ru"]),
    ("concurrence", 1, ["ru", "un"]),
    ("forbidden", 0, []),
)
"""What a zone may ask of us: an hour is what is left at the start of a record."""

parties = st.sampled_from(PARTIES)
names = st.sampled_from(NAMES)
places = st.sampled_from(LATS)
audiences = st.sampled_from(((), (), ("ru",), ("us",), ("ru", "us")))


def measure_cm(wire: VolumeWire, point_e7: tuple[int, int]) -> float:
    assert isinstance(wire.outline, CircleWire)
    lat, lon = wire.outline.centre_e7
    return distance_and_bearing(lat / 1e7, lon / 1e7, point_e7[0] / 1e7, point_e7[1] / 1e7)[0] * 100


class Deconfliction(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.record = RecordSimulator(desks=("ru", "us"))
        self.leaves: list[str] = []
        self.acknowledged: set[tuple[str, str]] = set()
        self.answers: dict[tuple[str, str], str] = {}
        self.said: list[tuple[str, str, str]] = []  # version, party, answer or lapse: in the record's order
        self.seen: set[tuple[str, str]] = set()
        self.readings: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.disputed: set[str] = set()

    def attempt(self, author: str, kind: str, body: WireStruct, **more: Any) -> str | None:
        """The message's leaf, or None when host or audience refused it: then it must change nothing."""
        try:
            leaf = self.record.send(author, kind, body, **more)
        except EntenteError:
            return None
        refused = any(leaf == seen for view in self.record.views.values() for seen, _ in view.refused)
        return None if refused else leaf

    def note_answer(self, leaf: str, party: str, answer: str) -> None:
        self.answers[leaf, party] = answer
        self.said.append((leaf, party, answer))

    def publish(self, author: str, kind: str, body: WireStruct, to: tuple[str, ...]) -> None:
        leaf = self.attempt(author, kind, body, to=[party for party in to if party != author])
        if leaf is not None:
            self.leaves.append(leaf)

    def draw_leaf(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self.leaves))

    def answer_to(self, leaf: str, party: str) -> list[str]:
        """The audience that an honest answer to a message would go to."""
        row = self.record.rows("us").find(VersionRow, leaf) or self.record.rows("ru").find(VersionRow, leaf)
        if row is None or "@" not in row.object:
            return []
        rows = (
            self.record.rows("us")
            if self.record.rows("us").find(VersionRow, leaf)
            else self.record.rows("ru")
        )
        known = rows.find(ObjectRow, row.object)
        assert known is not None
        return sorted({known.author, *known.to} - {party})

    @initialize(lats=st.tuples(places, places), to=audiences)
    def start(self, lats: tuple[float, float], to: tuple[str, ...]) -> None:
        """Something to speak about: two activities, the first asking for concurrence."""
        asked = ["ru"] if to == ("ru",) else [] if to == ("us",) else ["ru", "un"] if not to else ["ru"]
        body = Notify("alpha", "air", "alpha", [make_circle(lats[0])], asked, armed=True, concur_by=None)
        self.publish("us", "activity.notify", body, to if to != ("us",) else ())
        self.publish(
            "ru",
            "activity.notify",
            Notify("bravo", "air", "bravo", [make_circle(lats[1])], [], armed=True, concur_by=None),
            (),
        )

    # What parties say

    @rule(
        author=parties,
        name=names,
        lat=places,
        to=audiences,
        asked=st.sets(parties, max_size=2),
        armed=st.booleans(),
        minutes=st.sampled_from((None, None, 10, 30, 90)),
    )
    def notify(
        self,
        author: str,
        name: str,
        lat: float,
        to: tuple[str, ...],
        asked: set[str],
        minutes: int | None,
        *,
        armed: bool,
    ) -> None:
        by = None if minutes is None else encode_utc(self.record.now + timedelta(minutes=minutes))
        body = Notify(
            name, "air", name, [make_circle(lat)], sorted(asked - {author}), armed=armed, concur_by=by
        )
        self.publish(author, "activity.notify", body, to)

    @precondition(lambda self: self.leaves)
    @rule(author=parties, name=names, lats=st.lists(places, min_size=1, max_size=2), data=st.data())
    def update(self, author: str, name: str, lats: list[float], data: st.DataObject) -> None:
        leaf = self.draw_leaf(data)
        body = Update(
            name,
            leaf,
            name,
            [make_circle(lat) for lat in lats],
            ["ru"] if author != "ru" else [],
            "",
            armed=False,
            concur_by=None,
        )
        self.publish(author, "activity.update", body, tuple(self.answer_to(leaf, author)))

    @rule(
        author=parties,
        name=names,
        to=audiences,
        kind=st.sampled_from(("activity.close", "zone.withdraw", "site.withdraw")),
    )
    def end(self, author: str, name: str, to: tuple[str, ...], kind: str) -> None:
        body = {
            "activity.close": Close(name, "closed", ""),
            "zone.withdraw": WithdrawZone(name, ""),
            "site.withdraw": WithdrawSite(name, "closed", ""),
        }[kind]
        self.publish(author, kind, body, to)

    @rule(
        author=parties,
        name=names,
        lat=places,
        applies=st.sampled_from(("air", "air", "convoy")),
        needs=st.sampled_from(NEEDS),
        data=st.data(),
    )
    def declare_zone(
        self, author: str, name: str, lat: float, applies: Any, needs: Any, data: st.DataObject
    ) -> None:
        replaces = data.draw(st.sampled_from([None, *self.leaves]))
        volume = make_circle(lat, radius_m=3000.0)
        rules = [ZoneRule("*", "*", "permitted", 0, []), ZoneRule("*", applies, "forbidden", 0, [])]
        rules += [ZoneRule("us", applies, *needs)]
        body = DeclareZone(name, name, "denied", "", [volume], [], rules, [], [], "", replaces)
        self.publish(author, "zone.declare", body, ())

    @rule(author=parties, name=names, lat=places, buffer_m=st.sampled_from((0, 3000)), data=st.data())
    def declare_site(self, author: str, name: str, lat: float, buffer_m: int, data: st.DataObject) -> None:
        replaces = data.draw(st.sampled_from([None, *self.leaves]))
        volume = make_circle(lat, radius_m=50.0)
        consent = Consent("its owner", "2016-09-01T00:00:00Z", [], "")
        until = "2016-12-01T00:00:00Z"
        body = DeclareSite(name, name, "hospital", volume, buffer_m * 100, "", consent, until, replaces)
        self.publish(author, "site.declare", body, ())

    @precondition(lambda self: self.leaves)
    @rule(party=parties, outcome=st.sampled_from(("readable", "unreadable", "refused")), data=st.data())
    def deliver(self, party: str, outcome: Any, data: st.DataObject) -> None:
        body = Deliver([Delivery(self.draw_leaf(data), outcome, "")])
        self.attempt(party, "receipt.deliver", body, officers=())

    @precondition(lambda self: self.leaves)
    @rule(party=parties, data=st.data())
    def acknowledge(self, party: str, data: st.DataObject) -> None:
        leaves = sorted(data.draw(st.sets(st.sampled_from(self.leaves), min_size=1, max_size=2)))
        try:
            self.record.acknowledge(party, *leaves)
        except EntenteError:
            return
        self.acknowledged |= {(leaf, party) for leaf in leaves}

    @precondition(lambda self: self.leaves)
    @rule(party=parties, name=names, is_yes=st.booleans(), data=st.data())
    def answer(self, party: str, name: str, data: st.DataObject, *, is_yes: bool) -> None:
        leaf = self.draw_leaf(data)
        body = Concur(name, leaf) if is_yes else Object(name, leaf, "no")
        kind = "activity.concur" if is_yes else "activity.object"
        if self.attempt(party, kind, body, to=self.answer_to(leaf, party)) is not None:
            self.note_answer(leaf, party, "concurred" if is_yes else "objected")

    @precondition(lambda self: self.leaves)
    @rule(party=parties, lats=st.lists(places, min_size=1, max_size=2), data=st.data())
    def read_back(self, party: str, lats: list[float], data: st.DataObject) -> None:
        leaf = self.draw_leaf(data)
        moved_cm = data.draw(st.sampled_from((None, None, 0, 222_000)))
        points = [(round(lat * 1e7), 401_800_000) for lat in lats]
        readings = [Reading(place, point, "here", moved_cm) for place, point in enumerate(points)]
        body = ReadBack(leaf, readings)
        if self.attempt(party, "position.read-back", body, to=self.answer_to(leaf, party)) is not None:
            self.readings[leaf, party] = points

    @precondition(lambda self: self.leaves)
    @rule(author=parties, data=st.data())
    def confirm(self, author: str, data: st.DataObject) -> None:
        rows = self.record.rows("us")
        read = [row for row in rows.select(PositionRow) if row.read_back is not None]
        if not read:
            return
        row = data.draw(st.sampled_from(read))
        moved_cm = data.draw(st.sampled_from((row.moved_cm or 0, 1)))
        assert row.read_back is not None
        body = Confirm(row.message, row.read_back.leaf, moved_cm)
        self.attempt(author, "position.confirm", body, to=self.answer_to(row.message, author))

    @precondition(lambda self: self.leaves)
    @rule(author=parties, data=st.data())
    def dispute(self, author: str, data: st.DataObject) -> None:
        leaf = self.draw_leaf(data)
        to = self.answer_to(leaf, author)
        if self.attempt(author, "position.dispute", Dispute(leaf, 1, "no"), to=to) is not None:
            self.disputed.add(leaf)

    # What honest parties do: without them, a machine that draws at random rarely gets anywhere

    def view_of(self, party: str) -> MemoryRows:
        return self.record.rows(party if party in self.record.views else None)

    @rule(party=parties)
    def take_note(self, party: str) -> None:
        self.acknowledge_all(party)

    def acknowledge_all(self, party: str) -> None:
        rows = self.record.host
        owed = [row for row in rows.select(ReceiptRow, party=party) if row.acknowledged is None]
        owed = [row for row in owed if row.kind != "alarm.raise"]  # seen one by one, by name
        leaves = [row.message for row in owed if row.delivery not in {"unreadable", "refused"}][:100]
        if leaves:
            self.record.acknowledge(party, *leaves)
            self.acknowledged |= {(leaf, party) for leaf in leaves}

    @rule(party=parties, is_yes=st.sampled_from((True, True, False)))
    def answer_all(self, party: str, *, is_yes: bool) -> None:
        self.acknowledge_all(party)
        for row in list(self.view_of(party).select(ActivityRow, state="standing")):
            if party in row.concurrence:
                body = Concur(row.id, row.version) if is_yes else Object(row.id, row.version, "no")
                kind = "activity.concur" if is_yes else "activity.object"
                if self.attempt(party, kind, body, to=self.answer_to(row.version, party)) is not None:
                    self.note_answer(row.version, party, "concurred" if is_yes else "objected")

    @rule(party=parties, shift=st.sampled_from((0, 0, 0, 5000, 20_000)))
    def read_all(self, party: str, shift: int) -> None:
        rows = self.view_of(party)
        for thing in list(rows.select(ObjectRow, state="standing")):
            version = rows.find(VersionRow, thing.version)
            if version is None or thing.author == party:
                continue
            before = rows.find(VersionRow, version.previous)
            readings = build_readings(version.volumes, PLACES, [], before.volumes if before else None)
            lat, lon = readings[0].point_e7
            readings[0] = msgspec.structs.replace(readings[0], point_e7=(lat + shift, lon))
            body = ReadBack(version.version, readings)
            leaf = self.attempt(party, "position.read-back", body, to=self.answer_to(version.version, party))
            if leaf is not None:
                self.readings[version.version, party] = [reading.point_e7 for reading in readings]

    @rule(author=st.sampled_from(("ru", "us")))
    def confirm_all(self, author: str) -> None:
        for row in list(self.record.rows(author).select(PositionRow)):
            if row.author == author and row.read_back is not None and row.moved_cm is not None:
                body = Confirm(row.message, row.read_back.leaf, row.moved_cm)
                self.attempt(author, "position.confirm", body, to=self.answer_to(row.message, author))

    @rule(
        author=parties,
        lat=places,
        radius_m=st.sampled_from((1000.0, 800.0, 600.0)),
        armed=st.sampled_from((None, None, True, False)),
        data=st.data(),
    )
    def update_own(
        self, author: str, lat: float, radius_m: float, armed: bool | None, data: st.DataObject
    ) -> None:
        own = list(self.view_of(author).select(ActivityRow, state="standing", author=author))
        if own:
            row = data.draw(st.sampled_from(own))
            assert isinstance(row.volumes[0].outline, CircleWire)
            here = data.draw(st.sampled_from((row.volumes[0].outline.centre_e7[0] / 1e7, lat)))
            body = Update(
                row.id,
                row.version,
                data.draw(st.sampled_from((row.title, row.title, "again"))),
                [make_circle(here, radius_m=radius_m)],
                list(row.concurrence),
                "",
                armed=row.armed if armed is None else armed,
                concur_by=None,
            )
            self.publish(author, "activity.update", body, row.to)

    @rule(party=parties, data=st.data())
    def reconsider(self, party: str, data: st.DataObject) -> None:
        asked = [row for row in self.view_of(party).select(ActivityRow) if party in row.concurrence]
        if asked:
            row = data.draw(st.sampled_from(asked))
            body = Reconsider(row.id, row.version)
            to = self.answer_to(row.version, party)
            if self.attempt(party, "activity.reconsider", body, to=to) is not None:
                self.note_answer(row.version, party, "reconsider")

    @rule(party=parties, lat=places, data=st.data())
    def counter(self, party: str, lat: float, data: st.DataObject) -> None:
        rows = self.view_of(party)
        known = list(rows.select(ActivityRow))
        if known:
            row = data.draw(st.sampled_from(known))
            before = [
                (view.party, list(view.rows.select(ActivityRow))) for view in self.record.views.values()
            ]
            body = Counter(row.id, row.version, [make_circle(lat, radius_m=500.0)], "")
            to = self.answer_to(row.version, party)
            leaf = self.attempt(party, "activity.counter", body, to=to)
            after = [(view.party, list(view.rows.select(ActivityRow))) for view in self.record.views.values()]
            assert before == after
            if leaf is not None:
                self.leaves.append(leaf)

    @rule(party=parties, data=st.data())
    def decline(self, party: str, data: st.DataObject) -> None:
        made = list(self.view_of(party).select(ProposalRow))
        if made:
            row = data.draw(st.sampled_from(made))
            name = row.object.partition("@")[0]
            to = self.answer_to(row.version, party)
            leaf = self.attempt(party, "activity.decline", Decline(name, row.proposal, ""), to=to)
            if leaf is not None:
                self.leaves.append(leaf)

    @rule(party=parties, officer=st.sampled_from(("duty-1", "chief")), data=st.data())
    def see(self, party: str, officer: str, data: st.DataObject) -> None:
        raised = list(self.record.host.select(AlarmRow))
        if raised:
            row = data.draw(st.sampled_from(raised))
            if self.attempt(party, "alarm.see", See(row.alarm), officers=[officer]) is not None:
                assert party in row.parties
                self.acknowledged.add((row.message, party))

    # What the center says

    @rule(minutes=st.integers(1, 12))
    def tick(self, minutes: int) -> None:
        self.record.tick(minutes=minutes)

    @rule()
    def run_ladder(self) -> None:
        for kind, body in plan_ladder(self.record.host, self.record.now, self.record.recorded_utc):
            self.record.send("center", kind, body)
        assert plan_ladder(self.record.host, self.record.now, self.record.recorded_utc) == []

    @rule()
    def run_concurrence(self) -> None:
        host = self.record.host
        for kind, body in plan_concurrence(host, self.record.now, self.record.recorded_utc):
            assert (self.record.now - self.record.recorded[body.version]).total_seconds() >= 20 * 60
            self.record.send("center", kind, body)
            self.said.append((body.version, body.party, "lapsed"))
        assert plan_concurrence(host, self.record.now, self.record.recorded_utc) == []

    @rule()
    def raise_alarms(self) -> None:
        for kind, body in plan_alarms(self.record.host):
            self.record.send("center", kind, body)
        assert plan_alarms(self.record.host) == []

    @precondition(lambda self: self.leaves)
    @rule(party=parties, minutes=st.integers(-30, 90), data=st.data())
    def lie_about_a_deadline(self, party: str, minutes: int, data: st.DataObject) -> None:
        leaf = self.draw_leaf(data)
        recorded, now = self.record.recorded[leaf], self.record.now
        body = LapseConcurrence(
            leaf, party, encode_utc(recorded), encode_utc(recorded + timedelta(minutes=minutes))
        )
        if self.attempt("center", "concurrence.lapse", body) is not None:
            assert minutes >= 20
            assert (now - recorded).total_seconds() >= minutes * 60
            assert (leaf, party) not in self.answers
            self.said.append((leaf, party, "lapsed"))

    @precondition(lambda self: self.leaves)
    @rule(party=parties, step=st.integers(1, 3), waited_s=st.integers(0, 4000), data=st.data())
    def lie_as_center(self, party: str, step: int, waited_s: int, data: st.DataObject) -> None:
        leaf = self.draw_leaf(data)
        recorded = encode_utc(self.record.recorded[leaf])
        before = self.record.host.find(ReceiptRow, f"{leaf}:{party}")
        body = data.draw(
            st.sampled_from(
                (
                    Escalate(leaf, party, step, ("duty-1", "duty-2", "chief")[step % 3], recorded, waited_s),
                    Lapse(leaf, party, recorded, waited_s),
                )
            )
        )
        kind = "receipt.escalate" if isinstance(body, Escalate) else "receipt.lapse"
        if self.attempt("center", kind, body) is not None:
            assert before is not None
            assert before.acknowledged is None
            true_s = (self.record.now - self.record.recorded[leaf]).total_seconds()
            assert true_s >= (20 * 60 if isinstance(body, Lapse) else step * 5 * 60)

    # What must hold

    @invariant()
    def nothing_is_acknowledged_but_by_its_own_party(self) -> None:
        for view in self.record.views.values():
            for row in view.rows.select(ReceiptRow):
                said = (row.message, row.party) in self.acknowledged
                assert (row.acknowledged is not None) == said
                assert (row.state in {"acknowledged", "answered"}) == said

    @invariant()
    def receipts_differ_in_nothing_but_sealed_answers(self) -> None:
        def bare(rows: MemoryRows) -> list[ReceiptRow]:
            replace = msgspec.structs.replace
            return [
                replace(row, answered=None, answer="", answer_reason="", state="waiting")
                for row in rows.select(ReceiptRow)
            ]

        first, *others = (bare(view.rows) for view in self.record.views.values())
        assert all(other == first for other in others)

    @invariant()
    def silence_is_never_consent(self) -> None:
        for view in self.record.views.values():
            for row in view.rows.select(ActivityRow):
                if activity_state(view.rows, row.object).state == "concurred":
                    assert row.concurrence
                    for party in row.concurrence:
                        assert self.agreed(view, row, party)

    def agreed(self, view: View, row: ActivityRow, party: str) -> bool:
        """Whether the party's own last word, here or on a version that holds all of this one, is a yes."""
        chain, leaf = [], row.version
        while leaf:
            version = view.rows.find(VersionRow, leaf)
            assert version is not None
            chain.append(leaf)
            leaf = version.previous
        last = [(leaf, answer) for leaf, who, answer in self.said if who == party and leaf in chain]
        if not last or last[-1][1] != "concurred":
            return False
        outer = view.rows.find(VersionRow, last[-1][0])
        assert outer is not None
        return all(any(covers(one, wire) for one in outer.volumes) for wire in row.volumes)

    @invariant()
    def alarms_are_the_confrontations_of_all_pairs(self) -> None:
        for view in self.record.views.values():
            rows = view.rows
            standing = [row for row in rows.select(AlarmRow) if row.state != "ended"]
            told = sorted(name for row in standing for name in (row.conflict, *row.also))
            assert told == sorted(compare_confrontations(rows))
            for row in standing:
                assert row.also == tuple(sorted(row.also))
                if row.is_open:
                    assert self.record.host.find(AlarmRow, row.alarm) == row

    @invariant()
    def a_position_counts_only_when_everyone_has_read_it_right(self) -> None:
        for view in self.record.views.values():
            for version in view.rows.select(VersionRow):
                if version_state(view.rows, version.version).state != "counts":
                    continue
                assert version.version not in self.disputed
                owed = [row.party for row in view.rows.select(ReceiptRow) if row.message == version.version]
                assert owed
                for party in owed:
                    assert (version.version, party) in self.readings
                    points = self.readings[version.version, party]
                    assert len(points) == len(version.volumes)
                    for wire, point in zip(version.volumes, points, strict=True):
                        assert measure_cm(wire, point) <= TOLERANCE_CM + 1

    @invariant()
    def open_conflicts_are_those_of_all_pairs(self) -> None:
        for view in self.record.views.values():
            found = {row.key() for row in view.rows.select(ConflictRow, state="open")}
            assert found == compare_all_pairs(view.rows)

    def teardown(self) -> None:
        for view in self.record.views.values():
            assert len(rebuild_index(view.rows)) == len(view.index)
            # Whoever computes it all again, after a crash anywhere, holds the very same rows.
            again = self.record.replay(view.party, crash_at=len(self.record.history) // 2)
            for kind in ROWS:
                assert list(again.rows.select(kind)) == list(view.rows.select(kind))


def covers(outer: VolumeWire, inner: VolumeWire) -> bool:
    """Whether a circle lies within another, by a way of its own: 2 cm are for rounding."""
    assert isinstance(outer.outline, CircleWire)
    assert isinstance(inner.outline, CircleWire)
    apart_cm = measure_cm(outer, inner.outline.centre_e7)
    return (
        apart_cm + inner.outline.radius_cm <= outer.outline.radius_cm + 2
        and (outer.floor_cm, outer.ceiling_cm) == (inner.floor_cm, inner.ceiling_cm)
        and (outer.start, outer.end) == (inner.start, inner.end)
    )


def compare_confrontations(rows: MemoryRows) -> list[str]:
    """Of the open conflicts, those between two armed activities, or in another's denied zone."""
    found = []
    for row in rows.select(ConflictRow, state="open"):
        things = [rows.find(ObjectRow, name) for name in (row.first, row.second)]
        one, other = (thing for thing in things if thing is not None)
        types = {one.type, other.type}
        armed = [rows.find(ActivityRow, thing.object) for thing in (one, other) if thing.type == "activity"]
        if one.author != other.author and (
            types == {"activity", "zone"}
            or (types == {"activity"} and all(each and each.armed for each in armed))
        ):
            found.append(row.key())
    return found


def compare_all_pairs(rows: MemoryRows) -> set[str]:
    """The conflicts of the standing objects by the words of the rule, without index or history."""
    standing = sorted(rows.select(ObjectRow, state="standing"), key=ObjectRow.key)
    found = set()
    for first, second in combinations(standing, 2):
        separation = separate(first, second, rows)
        if separation is not None and any(
            meet(a, b, separation) for a in get_volumes(first, rows) for b in get_volumes(second, rows)
        ):
            found.add(f"{first.object}|{second.object}")
    return found


@functools.cache
def meet(one: VolumeWire, other: VolumeWire, separation: Separation) -> bool:
    return is_conflict(parse_volume(one), parse_volume(other), separation)


def get_volumes(thing: ObjectRow, rows: MemoryRows) -> tuple[VolumeWire, ...]:
    version = rows.find(VersionRow, thing.version)
    assert version is not None
    return version.volumes


def separate(first: ObjectRow, second: ObjectRow, rows: MemoryRows) -> Separation | None:
    by_type = {first.type: first, second.type: second}
    if set(by_type) == {"activity"}:
        agreed = Separation(RULES.lateral_cm / 100, RULES.vertical_cm / 100, RULES.time_s)
        return agreed if first.author != second.author else None
    if "activity" not in by_type:
        return None
    activity = rows.find(ActivityRow, by_type["activity"].object)
    assert activity is not None
    if "site" in by_type:
        site = rows.find(SiteRow, by_type["site"].object)
        assert site is not None
        return Separation(site.declared.buffer_cm / 100, site.declared.buffer_cm / 100, 0.0)
    zone = rows.find(ZoneRow, by_type["zone"].object)
    assert zone is not None
    return Separation() if is_wanting(activity, zone, rows) else None


def is_wanting(activity: ActivityRow, zone: ZoneRow, rows: MemoryRows) -> bool:
    """Whether an activity has not what the zone asks of it, by the words of the rules."""
    applies, named = zone.declared.rules[1], zone.declared.rules[2]
    if activity.activity != applies.activity:
        return False
    if activity.author != "us" or named.verdict == "forbidden":
        return True
    for party in named.concurrence:
        answer = rows.find(ConcurrenceRow, f"{activity.version}:{party}")
        if answer is None or answer.answer != "concurred":
            return True
    return named.notice_h > 0 and not is_noticed(activity, zone, rows)


def is_noticed(activity: ActivityRow, zone: ZoneRow, rows: MemoryRows) -> bool:
    """Whether those who answer for the zone had it an hour before two o'clock, when everything begins."""
    versions = [activity.version]
    while version := rows.find(VersionRow, versions[-1]):
        before = rows.find(VersionRow, version.previous)
        if before is None or not set(activity.volumes) <= set(before.volumes):
            break
        versions.append(before.version)
    for party in [zone.author] if zone.author != "us" else ["ru", "un"]:
        heard = []
        for leaf in versions:
            row = rows.find(ReceiptRow, f"{leaf}:{party}")
            if row is None:
                continue
            words = [one for one in (row.acknowledged, row.lapsed) if one is not None]
            if row.delivered is not None and row.delivery != "unreadable":
                words.append(row.delivered)
            if words:
                heard.append(max(row.submitted.at, min(words, key=lambda one: one.index).at))
        if not heard or min(heard) > "2016-09-17T13:00:00Z":
            return False
    return True


TestDeconfliction = Deconfliction.TestCase
TestDeconfliction.settings = settings(max_examples=20, stateful_step_count=30)


# Order

ACTIVITIES = st.lists(
    st.tuples(places, st.sampled_from((40.18, 40.23, 40.30)), st.sampled_from((0.0, 5000.0, 5400.0))),
    min_size=1,
    max_size=3,
)


def tell(
    record: RecordSimulator, said: dict[str, list[tuple[float, float, float]]], order: list[str]
) -> None:
    place = dict.fromkeys(PARTIES, 0)
    for party in order:
        lat, lon, floor_m = said[party][place[party]]
        volume = make_circle(lat, lon, floor_m=floor_m, ceiling_m=floor_m + 1000.0)
        record.notify(party, f"{party}-{place[party]}", volume)
        place[party] += 1


def strip(view: View) -> list[ConflictRow]:
    return [msgspec.structs.replace(row, since_index=0) for row in view.rows.select(ConflictRow)]


@settings(max_examples=25)
@given(st.fixed_dictionaries(dict.fromkeys(PARTIES, ACTIVITIES)), st.data())
def test_messages_that_commute_give_one_result(
    said: dict[str, list[tuple[float, float, float]]], data: st.DataObject
) -> None:
    order = [party for party in PARTIES for _ in said[party]]
    one, other = RecordSimulator(desks=()), RecordSimulator(desks=())
    tell(one, said, order)
    tell(other, said, data.draw(st.permutations(order)))
    assert strip(one.views[None]) == strip(other.views[None])
    assert list(one.host.select(ActivityRow)) == list(other.host.select(ActivityRow))
    assert {row.key() for row in one.host.select(ConflictRow)} == compare_all_pairs(one.host)
