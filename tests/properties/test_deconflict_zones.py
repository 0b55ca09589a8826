"""Zones in any number and order: the stricter wins, nothing that is added makes anything milder.

Held against an oracle that knows no index, no sorting and no merging: it reads the rules off one zone after
the other. What moves the rows one by one (answers, receipts, corridors that change) is held against judging
all activities anew.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from entente.deconflict import (
    ActivityRow,
    Concur,
    ConflictRow,
    DeclareZone,
    Deliver,
    Delivery,
    Holding,
    Object,
    ObjectRow,
    Obligation,
    ReceiptRow,
    Update,
    VersionRow,
    WithdrawZone,
    ZoneFinding,
    ZoneRow,
    ZoneRule,
    find_holding,
    rebuild_index,
)
from entente.deconflict.conflicts import find_conflicts_of
from entente.deconflict.zone_needs import Need, add_needs, find_need
from entente.kernel.errors import EntenteError
from entente.space import is_conflict, parse_volume
from entente.space.volume import Separation
from tests.unit.test_deconflict_simulator import PARTIES, RecordSimulator, make_circle

KINDS: Final = ("air", "ground")
WORDS: Final = ("safe", "denied", "restricted", "caution", "demilitarised", "corridor")
STRICT: Final = {"permitted": 0, "notice": 1, "concurrence": 2, "forbidden": 3}

parties = st.sampled_from(PARTIES)
asked = st.sets(parties, min_size=1).map(sorted)


@st.composite
def make_rules(draw: st.DrawFn) -> list[ZoneRule]:
    keys = draw(
        st.sets(st.tuples(st.sampled_from(("*", *PARTIES)), st.sampled_from(("*", *KINDS))), max_size=5)
    )
    rules = []
    for party, activity in sorted(keys):
        verdict = draw(st.sampled_from(tuple(STRICT)))
        notice_h = draw(st.integers(1, 72)) if verdict == "notice" else 0
        if verdict == "concurrence":
            notice_h = draw(st.sampled_from((0, 5)))
        names = draw(asked) if verdict == "concurrence" else []
        rules.append(ZoneRule(party, activity, verdict, notice_h, names))  # type: ignore[arg-type]
    return rules


@st.composite
def make_zones(draw: st.DrawFn) -> list[tuple[str, DeclareZone]]:
    zones = []
    for place in range(draw(st.integers(1, 4))):
        author = draw(parties)
        word: Any = draw(st.sampled_from(WORDS))
        guard = [Obligation("guard", "guard", "", author)]
        radius_m = draw(st.sampled_from((500.0, 3000.0, 20_000.0)))
        lat = draw(st.sampled_from((35.20, 35.28, 35.30)))
        volumes = [make_circle(lat, radius_m=radius_m)]
        rules = draw(make_rules())
        zones.append(
            (author, DeclareZone(f"z-{place}", "z", word, "", volumes, [], rules, guard, [], "", None))
        )
    return zones


def declare(zones: list[tuple[str, DeclareZone]]) -> RecordSimulator:
    record = RecordSimulator(desks=())
    for author, body in zones:
        record.send(author, "zone.declare", body)
    return record


def judge(record: RecordSimulator, party: str, activity: str) -> Holding:
    volume = parse_volume(make_circle())
    return find_holding([volume], party, activity, record.host, rebuild_index(record.host))


def read_rules(author: str, body: DeclareZone, party: str, activity: Any) -> list[tuple[str, int, set[str]]]:
    """What one zone asks, read off by hand."""
    rules = {(rule.party, rule.activity): rule for rule in body.rules}
    if (party, activity) in rules:
        found = [rules[party, activity]]
    elif (party, "*") in rules or ("*", activity) in rules:
        found = [rules[key] for key in ((party, "*"), ("*", activity)) if key in rules]
    elif ("*", "*") in rules:
        found = [rules["*", "*"]]
    else:
        default = {"restricted": "concurrence", "corridor": "concurrence", "caution": "permitted"}
        return [(default.get(body.zone, "forbidden"), 0, {author})]
    return [(rule.verdict, rule.notice_h, set(rule.concurrence)) for rule in found]


@settings(max_examples=60)
@given(make_zones(), parties, st.sampled_from(KINDS), st.data())
def test_the_stricter_wins_whatever_the_order(
    zones: list[tuple[str, DeclareZone]], party: str, activity: Any, data: st.DataObject
) -> None:
    record = declare(zones)
    found = judge(record, party, activity)
    assert judge(declare(data.draw(st.permutations(zones))), party, activity) == found
    plan = parse_volume(make_circle())
    met = [
        (author, body)
        for author, body in zones
        if any(is_conflict(plan, parse_volume(wire), Separation()) for wire in body.volumes)
    ]
    asks = [one for author, body in met for one in read_rules(author, body, party, activity)]
    assert {one.object for one in found.zones} == {body.id for _, body in met}
    if any(verdict == "forbidden" for verdict, _, _ in asks):
        assert (found.verdict, found.notice_h, found.concurrence) == ("forbidden", 0, ())
    else:
        names = {name for verdict, _, who in asks if verdict == "concurrence" for name in who} - {party}
        notice_h = max((hours for _, hours, _ in asks), default=0)
        assert (set(found.concurrence), found.notice_h) == (names, notice_h)
        expected = "concurrence" if names else "notice" if notice_h else "permitted"
        assert found.verdict == expected
    assert all(STRICT[one.verdict] <= STRICT[found.verdict] for one in found.zones)
    deciding = [one.verdict for one in found.zones if one.decides]
    assert (set(deciding) == {found.verdict}) or found.verdict == "permitted"
    # What is judged beforehand is what the record then shows.
    record.notify(party, "plan", activity=activity)
    conflicts = {row.second for row in record.host.select(ConflictRow, state="open") if row.rule == "zone"}
    assert conflicts == {one.object for one in found.zones if one.verdict != "permitted"}


@settings(max_examples=60)
@given(make_zones(), parties, st.sampled_from(KINDS))
def test_no_zone_makes_it_milder(zones: list[tuple[str, DeclareZone]], party: str, activity: Any) -> None:
    before = judge(declare(zones[:-1]), party, activity)
    after = judge(declare(zones), party, activity)
    assert STRICT[after.verdict] >= STRICT[before.verdict]
    if after.verdict != "forbidden":
        assert set(after.concurrence) >= set(before.concurrence)
        assert after.notice_h >= before.notice_h


needs = st.builds(
    Need,
    is_forbidden=st.just(value=False),
    concurrence=st.sets(parties).map(lambda names: tuple(sorted(names))),
    notice_h=st.integers(0, 100),
) | st.just(Need(is_forbidden=True))


@given(needs, needs, needs)
def test_what_is_asked_adds_up_in_any_grouping(one: Need, two: Need, three: Need) -> None:
    assert add_needs([one, two]) == add_needs([two, one])
    assert add_needs([add_needs([one, two]), three]) == add_needs([one, add_needs([two, three])])
    assert add_needs([one, one]) == one == add_needs([one])
    assert add_needs([one, Need()]) == one


@given(make_rules(), parties, st.sampled_from(KINDS), st.randoms())
def test_the_order_of_rules_plays_no_part(
    rules: list[ZoneRule], party: str, activity: str, random: Any
) -> None:
    volumes = [make_circle()]
    body = DeclareZone("z", "z", "denied", "", volumes, [], rules, [], [], "", None)
    mixed = list(rules)
    random.shuffle(mixed)
    other = msgspec.structs.replace(body, rules=mixed)
    assert find_need(body, "un", party=party, activity=activity, volume=0) == find_need(
        other, "un", party=party, activity=activity, volume=0
    )


class Zones(RuleBasedStateMachine):
    """Zones with corridors, activities, answers and receipts in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.record = RecordSimulator(desks=())
        self.made = 0

    def attempt(self, author: str, kind: str, body: Any, **more: Any) -> None:
        with contextlib.suppress(EntenteError):
            self.record.send(author, kind, body, **more)

    def name(self) -> str:
        self.made += 1
        return f"name-{self.made}"

    def list_zones(self, word: str = "") -> list[ZoneRow]:
        rows = self.record.host.select(ZoneRow, state="standing")
        return [row for row in rows if not word or row.declared.zone == word]

    @initialize()
    def begin(self) -> None:
        self.open_corridor(3000.0)
        self.close_area(("notice", 1, []), data=None)
        self.record.notify("us", self.name(), make_circle(), concurrence=["ru"])

    @rule(radius_m=st.sampled_from((900.0, 3000.0, 9000.0)))
    def open_corridor(self, radius_m: float) -> None:
        guard = [Obligation("passage", "guard", "", "un")]
        free = [ZoneRule("*", "*", "permitted", 0, [])]
        volumes = [make_circle(radius_m=radius_m, floor_m=None, ceiling_m=None)]
        body = DeclareZone(self.name(), "c", "corridor", "", volumes, [], free, guard, [], "", None)
        self.attempt("un", "zone.declare", body)

    @rule(radius_m=st.sampled_from((900.0, 3000.0, 9000.0)), data=st.data())
    def change_corridor(self, radius_m: float, data: st.DataObject) -> None:
        if corridors := self.list_zones("corridor"):
            row = data.draw(st.sampled_from(corridors))
            volumes = [make_circle(radius_m=radius_m, floor_m=None, ceiling_m=None)]
            body = msgspec.structs.replace(row.declared, volumes=volumes, replaces=row.version)
            self.attempt(row.author, "zone.declare", body)

    @rule(
        needs=st.sampled_from((("forbidden", 0, []), ("notice", 1, []), ("concurrence", 0, ["ru"]))),
        data=st.data(),
    )
    def close_area(self, needs: Any, data: st.DataObject | None) -> None:
        corridors = [row.version for row in self.list_zones("corridor")]
        if data is not None and corridors:
            corridors = data.draw(st.lists(st.sampled_from(corridors), unique=True))
        volumes = [make_circle(radius_m=20_000.0, floor_m=None, ceiling_m=None)]
        rules = [ZoneRule("*", "*", *needs)]
        body = DeclareZone(
            self.name(), "z", "denied", "", volumes, [], rules, [], sorted(corridors), "", None
        )
        self.attempt("ru", "zone.declare", body)

    @rule(data=st.data())
    def withdraw(self, data: st.DataObject) -> None:
        if zones := self.list_zones():
            row = data.draw(st.sampled_from(zones))
            self.attempt(row.author, "zone.withdraw", WithdrawZone(row.declared.id, ""))

    @rule(radius_m=st.sampled_from((500.0, 1000.0, 5000.0)), lat=st.sampled_from((35.28, 35.30)))
    def plan(self, radius_m: float, lat: float) -> None:
        self.record.notify("us", self.name(), make_circle(lat, radius_m=radius_m), concurrence=["ru"])

    @rule(radius_m=st.sampled_from((500.0, 1000.0, 5000.0)), is_armed=st.booleans(), data=st.data())
    def change_plan(self, radius_m: float, data: st.DataObject, *, is_armed: bool) -> None:
        row = data.draw(st.sampled_from(list(self.record.host.select(ActivityRow, state="standing"))))
        volumes = [make_circle(radius_m=radius_m)]
        body = Update(row.id, row.version, row.title, volumes, ["ru"], "", armed=is_armed, concur_by=None)
        self.attempt("us", "activity.update", body)

    @rule(party=st.sampled_from(("ru", "un")), outcome=st.sampled_from(("readable", "unreadable")))
    def hear(self, party: str, outcome: Any) -> None:
        for row in list(self.record.host.select(ReceiptRow, party=party)):
            self.attempt(party, "receipt.deliver", Deliver([Delivery(row.message, outcome, "")]), officers=())

    @rule(is_yes=st.booleans())
    def answer(self, *, is_yes: bool) -> None:
        for row in list(self.record.host.select(ActivityRow, state="standing")):
            with contextlib.suppress(EntenteError):
                self.record.acknowledge("ru", row.version)
            body = Concur(row.id, row.version) if is_yes else Object(row.id, row.version, "no")
            self.attempt("ru", "activity.concur" if is_yes else "activity.object", body)

    @rule(minutes=st.sampled_from((1, 30)))
    def tick(self, minutes: int) -> None:
        self.record.tick(minutes=minutes)

    @invariant()
    def rows_are_as_if_everything_were_judged_anew(self) -> None:
        for view in self.record.views.values():
            index = rebuild_index(view.rows)
            anew: dict[str, ZoneFinding | None] = {}
            for thing in view.rows.select(ObjectRow, state="standing", type="activity"):
                version = view.rows.find(VersionRow, thing.version)
                assert version is not None
                volumes = [parse_volume(wire) for wire in version.volumes]
                for row in find_conflicts_of(thing, volumes, 0, view.rows, index):
                    if row.rule == "zone":
                        anew[row.key()] = row.zone
            shown = {
                row.key(): row.zone
                for row in view.rows.select(ConflictRow, state="open")
                if row.rule == "zone"
            }
            assert shown == anew


TestZones = Zones.TestCase
TestZones.settings = settings(max_examples=6, stateful_step_count=15)
