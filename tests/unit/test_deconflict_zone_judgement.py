"""Zones judged: what each kind asks, what is missing, and what a liar tries with notices and corridors."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from entente.deconflict import (
    Close,
    Concur,
    ConflictRow,
    DeclareZone,
    Deliver,
    Delivery,
    Holding,
    MemoryIndex,
    Notify,
    Object,
    ObjectRow,
    Obligation,
    Update,
    WithdrawZone,
    ZoneFinding,
    ZoneRule,
    explain_conflict,
    find_holding,
    rebuild_index,
)
from entente.deconflict.carry import MAX_COMPARED
from entente.deconflict.conflict_row import say_duration
from entente.deconflict.conflicts import find_conflicts_of
from entente.deconflict.zone import ZoneRow
from entente.deconflict.zone_words import describe_zone, say_holding
from entente.space import PolygonWire, VolumeWire, holds, parse_volume
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused

AREA: Final = make_circle(radius_m=20_000.0, floor_m=None, ceiling_m=None, end="2016-09-18T16:00:00Z")
INNER: Final = make_circle(radius_m=3000.0, floor_m=0.0, ceiling_m=6000.0)


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def make_zone(name: str = "zone", *rules: ZoneRule, **more: Any) -> DeclareZone:
    body = DeclareZone(
        id=name,
        name=name.upper(),
        zone="denied",
        text="",
        volumes=[AREA],
        sides=[],
        rules=list(rules),
        obligations=[],
        corridors=[],
        source="",
        replaces=None,
    )
    return msgspec.structs.replace(body, **more)


def rule(
    party: str, activity: str, verdict: Any, notice_h: int = 0, concurrence: tuple[str, ...] = ()
) -> ZoneRule:
    return ZoneRule(party, activity, verdict, notice_h, list(concurrence))  # type: ignore[arg-type]


def find(record: RecordSimulator, key: str, party: str | None = None) -> ConflictRow | None:
    row = record.rows(party).find(ConflictRow, key)
    return row if row is not None and row.state == "open" else None


def missing(record: RecordSimulator, key: str = "alpha|zone", party: str | None = None) -> ZoneFinding:
    row = find(record, key, party)
    assert row is not None
    assert row.zone is not None
    return row.zone


def deliver(record: RecordSimulator, party: str, *leaves: str, outcome: Any = "readable") -> None:
    body = Deliver([Delivery(leaf, outcome, "") for leaf in sorted(leaves)])
    record.send(party, "receipt.deliver", body, officers=())


def ask(record: RecordSimulator, *volumes: VolumeWire, party: str = "us", activity: str = "air") -> Holding:
    asked = [parse_volume(wire) for wire in volumes or (make_circle(),)]
    return find_holding(asked, party, activity, record.host, rebuild_index(record.host))


# What each kind of zone asks where no rule speaks


@pytest.mark.parametrize(
    ("zone", "party", "verdict", "concurrence"),
    (
        ("safe", "us", "forbidden", ()),
        ("denied", "us", "forbidden", ()),
        ("demilitarised", "us", "forbidden", ()),
        ("restricted", "us", "concurrence", ("un",)),
        ("corridor", "us", "concurrence", ("un",)),
        ("caution", "us", "permitted", ()),
        ("denied", "un", "forbidden", ()),
        ("restricted", "un", "permitted", ()),
    ),
)
def test_where_no_rule_speaks_the_kind_of_zone_does(
    record: RecordSimulator, zone: Any, party: str, verdict: str, concurrence: tuple[str, ...]
) -> None:
    guard = [Obligation("guard", "guard", "", "un")]
    record.send("un", "zone.declare", make_zone(zone=zone, obligations=guard))
    found = ask(record, party=party)
    assert (found.verdict, found.concurrence) == (verdict, concurrence)
    assert found.zones[0].rules == (f"no rule in a {zone} zone",)
    record.notify(party, "alpha")
    assert (find(record, "alpha|zone") is None) is (verdict == "permitted")


def test_nobody_names_a_default_by_silence_in_words(record: RecordSimulator) -> None:
    for name, zone in (("a", "denied"), ("b", "restricted"), ("c", "caution")):
        record.send("un", "zone.declare", make_zone(name, zone=zone))
    said = {row.declared.id: describe_zone(row, record.host) for row in record.host.select(ZoneRow)}
    assert "everything else is forbidden" in said["a"]
    assert "everything else needs the concurrence of its author" in said["b"]
    assert "nothing else is asked" in said["c"]
    record.send("un", "zone.declare", make_zone("d", rule("*", "*", "notice", 3)))
    row = record.host.find(ZoneRow, "d")
    assert row is not None
    assert describe_zone(row, record.host).endswith("any party, any activity: needs notice of 3 h")


def test_the_more_specific_rule_holds_and_of_two_equally_specific_both(record: RecordSimulator) -> None:
    rules = (
        rule("*", "*", "permitted"),
        rule("*", "air", "notice", 24),
        rule("ru", "*", "concurrence", 0, ("un",)),
        rule("us", "air", "permitted"),
    )
    record.send("un", "zone.declare", make_zone("zone", *rules))
    assert ask(record, party="us", activity="air").verdict == "permitted"
    assert ask(record, party="us", activity="convoy").verdict == "permitted"
    both = ask(record, party="ru", activity="air")
    assert (both.verdict, both.concurrence, both.notice_h) == ("concurrence", ("un",), 24)
    assert both.zones[0].rules == ("*:air", "ru:*")
    assert ask(record, party="ru", activity="convoy").notice_h == 0


# Several zones at once


def test_nested_zones_add_up_and_the_strictest_decides(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("outer", rule("*", "*", "notice", 12)))
    assert ask(record).notice_h == 12
    record.send("ru", "zone.declare", make_zone("middle", rule("*", "*", "notice", 48)))
    found = ask(record)
    assert (found.verdict, found.notice_h) == ("notice", 48)
    assert [(one.object, one.decides) for one in found.zones] == [("middle", True), ("outer", False)]
    agree = rule("*", "*", "concurrence", 6, ("un",))
    record.send("un", "zone.declare", make_zone("inner-1", agree, volumes=[INNER]))
    agree = rule("*", "*", "concurrence", 0, ("ru",))
    record.send("ru", "zone.declare", make_zone("inner-2", agree, volumes=[INNER]))
    found = ask(record)
    assert (found.verdict, found.concurrence, found.notice_h) == ("concurrence", ("ru", "un"), 48)
    assert [one.object for one in found.zones if one.decides] == ["inner-1", "inner-2"]
    record.send("us", "zone.declare", make_zone("own", volumes=[INNER]))
    found = ask(record)
    assert (found.verdict, found.concurrence, found.notice_h) == ("forbidden", (), 0)
    assert [one.object for one in found.zones if one.decides] == ["own"]
    assert say_holding(found).startswith("air of us: FORBIDDEN, by zone own of us (no rule in a denied zone)")
    assert "also met: zone inner-1 of un: needs concurrence of un and notice of 6 h" in say_holding(found)


def test_a_milder_zone_never_takes_from_a_stricter_one(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("denied"))
    record.send("us", "zone.declare", make_zone("mine", rule("us", "*", "permitted"), volumes=[INNER]))
    assert ask(record).verdict == "forbidden"
    record.notify("us", "alpha")
    assert missing(record, "alpha|denied").verdict == "forbidden"
    assert find(record, "alpha|mine") is None


def test_a_zone_that_varies_in_time_holds_in_its_windows_alone(record: RecordSimulator) -> None:
    morning = msgspec.structs.replace(AREA, start="2016-09-17T04:00:00Z", end="2016-09-17T06:00:00Z")
    evening = msgspec.structs.replace(AREA, start="2016-09-17T18:00:00Z", end="2016-09-17T20:00:00Z")
    record.send("un", "zone.declare", make_zone(volumes=[morning, evening]))
    between = make_circle(start="2016-09-17T06:00:00Z", end="2016-09-17T18:00:00Z")
    into = make_circle(start="2016-09-17T06:00:00Z", end="2016-09-17T18:00:01Z")
    assert ask(record, between).zones == ()
    assert ask(record, into).verdict == "forbidden"
    record.notify("us", "alpha", between)
    record.notify("us", "bravo", into)
    assert find(record, "alpha|zone") is None
    row = find(record, "bravo|zone")
    assert row is not None
    assert row.sides[1].volume == 1


# Concurrence that is missing


def test_concurrence_counts_when_it_is_there_and_no_longer_when_it_is_not(record: RecordSimulator) -> None:
    agree = rule("*", "*", "concurrence", 0, ("ru", "un"))
    record.send("un", "zone.declare", make_zone("zone", agree))
    leaf = record.notify("us", "alpha", concurrence=["ru", "un"])
    assert missing(record).lacking == ("ru", "un")
    record.acknowledge("ru", leaf)
    record.acknowledge("un", leaf)
    assert missing(record).lacking == ("ru", "un")  # to have read it is not to agree to it
    record.send("ru", "activity.concur", Concur("alpha", leaf))
    assert missing(record).lacking == ("un",)
    assert "concurrence of un is missing" in explain_conflict(find(record, "alpha|zone"))  # type: ignore[arg-type]
    record.send("un", "activity.concur", Concur("alpha", leaf))
    assert find(record, "alpha|zone") is None
    row = record.host.find(ConflictRow, "alpha|zone")
    assert row is not None
    assert row.why == "alpha: an answer fulfils what the zone asks"
    record.send("ru", "activity.object", Object("alpha", leaf, "no longer"))
    assert missing(record).lacking == ("ru",)


def test_whoever_was_not_asked_has_not_concurred(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("us", "*", "concurrence", 0, ("ru", "us"))))
    leaf = record.notify("us", "alpha", concurrence=["un"])
    record.acknowledge("un", leaf)
    record.send("un", "activity.concur", Concur("alpha", leaf))
    assert missing(record).lacking == ("ru",)  # un's yes is not ru's, and us agrees with itself


# Notice that is too short


def test_notice_counts_from_when_it_was_heard_to_where_it_meets_the_zone(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 2)))
    later = make_circle(start="2016-09-17T16:00:00Z", end="2016-09-17T18:00:00Z")
    leaf = record.notify("us", "alpha", later)
    found = missing(record)
    assert (found.unheard, found.short_s, found.heard) == (("un",), None, "")
    assert "un has not said that it has the message" in explain_conflict(find(record, "alpha|zone"))  # type: ignore[arg-type]
    deliver(record, "ru", leaf)
    assert missing(record).unheard == ("un",)  # that ru has it is not that un has
    record.tick(minutes=60)
    deliver(record, "un", leaf)
    row = record.host.find(ConflictRow, "alpha|zone")
    assert row is not None
    assert (row.state, row.why) == ("resolved", "alpha: what was heard fulfils what the zone asks")


def test_a_notice_one_second_short_says_so(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 1)))
    leaf = record.notify("us", "alpha")  # at 13:00, for 14:00
    record.tick(seconds=1)
    deliver(record, "un", leaf)
    found = missing(record)
    assert (found.short_s, found.heard) == (1, "2016-09-17T13:00:01Z")
    text = explain_conflict(find(record, "alpha|zone"))  # type: ignore[arg-type]
    assert "1 h notice is due and it is 1 min too short, counted from 2016-09-17T13:00:01Z" in text
    record.notify("us", "bravo", at="2016-09-17T13:00:00Z")
    assert missing(record, "bravo|zone").unheard == ("un",)


def test_a_notice_just_long_enough_is(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 1)))
    leaf = record.notify("us", "alpha")
    deliver(record, "un", leaf)
    assert find(record, "alpha|zone") is None


def test_a_notice_back_dated_gets_no_longer(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 24)))
    leaf = record.notify("us", "alpha", at="2016-09-10T00:00:00Z")
    deliver(record, "un", leaf)
    assert missing(record).short_s == 23 * 3600
    # Nor by a receiver who dates its own word before the message was written.
    record.tick(minutes=30)
    leaf = record.notify("us", "bravo")
    body = Deliver([Delivery(leaf, "readable", "")])
    record.send("un", "receipt.deliver", body, officers=(), at="2016-09-01T00:00:00Z")
    assert missing(record, "bravo|zone").heard == "2016-09-17T13:30:00Z"


def test_an_unreadable_delivery_hears_nothing(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 1)))
    leaf = record.notify("us", "alpha")
    deliver(record, "un", leaf, outcome="unreadable")
    assert missing(record).unheard == ("un",)
    deliver(record, "un", leaf)
    assert find(record, "alpha|zone") is None


def test_nobody_gives_himself_notice_of_his_own_zone(record: RecordSimulator) -> None:
    record.send("us", "zone.declare", make_zone("zone", rule("*", "*", "notice", 1)))
    leaf = record.notify("us", "alpha")
    assert missing(record).unheard == ("ru", "un")
    deliver(record, "ru", leaf)
    assert missing(record).unheard == ("un",)


def test_a_guarantor_must_have_heard_as_well(record: RecordSimulator) -> None:
    guard = [Obligation("guard", "guard", "", "ru")]
    zone = make_zone("zone", rule("*", "*", "notice", 1), obligations=guard)
    record.send("un", "zone.declare", zone)
    leaf = record.notify("us", "alpha")
    deliver(record, "un", leaf)
    found = missing(record)
    assert (found.unheard, found.heard, found.short_s) == (("ru",), "", None)


def test_of_two_who_must_hear_one_is_struck_off_when_it_has_heard_and_not_before(
    record: RecordSimulator,
) -> None:
    guard = [Obligation("guard", "guard", "", "ru")]
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 1), obligations=guard))
    told = make_circle(start="2016-09-17T15:30:00Z")
    leaf = record.notify("us", "alpha", told)
    assert missing(record).unheard == ("ru", "un")
    deliver(record, "ru", leaf, outcome="unreadable")
    assert missing(record).unheard == ("ru", "un")
    deliver(record, "ru", leaf)
    for view in (None, "ru", "un", "us"):
        assert missing(record, party=view).unheard == ("un",)
        # Struck off without judging anew: it is what judging anew finds.
        held = record.views[view]
        thing = held.rows.find(ObjectRow, "alpha")
        assert thing is not None
        (row,) = find_conflicts_of(thing, [parse_volume(told)], 0, held.rows, held.index)
        assert row.zone == missing(record, party=view)
    deliver(record, "un", leaf)
    assert find(record, "alpha|zone") is None


def test_who_answers_for_no_zone_makes_nobody_judge_again(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("us", "*", "notice", 72)))
    alpha = record.notify("us", "alpha")
    deliver(record, "un", alpha)
    # Too short still: the row waits, but for nobody else's word.
    assert missing(record).unheard == ()
    assert missing(record).short_s is not None
    monkeypatch.setattr(MemoryIndex, "query", None)
    deliver(record, "ru", alpha)


def test_notice_to_some_only_never_reaches_the_others(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 1)))
    leaf = record.notify("us", "alpha", to=["ru"])
    deliver(record, "ru", leaf)
    key = next(row.key() for row in record.rows("ru").select(ConflictRow))
    assert missing(record, key, "ru").unheard == ("un",)
    assert missing(record, key, "us").unheard == ("un",)


def test_notice_given_counts_for_what_shrinks_and_not_for_what_grows_or_arms(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("*", "*", "notice", 1)))
    first = record.notify("us", "alpha")
    deliver(record, "un", first)
    record.tick(minutes=10)

    def update(replaces: str, volume: VolumeWire, *, armed: bool = False) -> str:
        body = Update("alpha", replaces, "t", [volume], [], "", armed=armed, concur_by=None)
        return record.send("us", "activity.update", body)

    second = update(first, make_circle(radius_m=500.0))
    assert find(record, "alpha|zone") is None
    deliver(record, "un", second)  # heard again, later: that it was heard before stays true
    assert find(record, "alpha|zone") is None
    third = update(second, make_circle(radius_m=900.0))
    # Within the first, but not within the second: that it shrank was heard, that it grew again was not.
    assert missing(record).unheard == ("un",)
    deliver(record, "un", third)
    assert missing(record).short_s == 600
    record.tick(minutes=5)
    fourth = update(third, make_circle(radius_m=900.0))
    assert missing(record).short_s == 600
    update(fourth, make_circle(radius_m=900.0), armed=True)
    assert missing(record).unheard == ("un",)


@pytest.mark.parametrize(
    ("seconds", "text"), ((1, "1 min"), (60, "1 min"), (61, "2 min"), (3600, "1 h"), (90_061, "25 h 2 min"))
)
def test_a_span_is_said_rounded_up(seconds: int, text: str) -> None:
    assert say_duration(seconds) == text


# Lines

SOUTH: Final = (34.9, 35.28)
NORTH: Final = (35.28, 35.7)


def side(south: float, north: float, *, gap: float = 0.0) -> VolumeWire:
    corners = [(south + gap, 39.5), (south + gap, 41.0), (north - gap, 41.0), (north - gap, 39.5)]
    wire = tuple((round(lat * 1e7), round(lon * 1e7)) for lat, lon in corners)
    return VolumeWire(PolygonWire(wire), None, None, "2016-09-17T00:00:00Z", "2016-09-18T00:00:00Z")


def make_line(*rules: ZoneRule, **more: Any) -> DeclareZone:
    band = side(35.25, 35.31)
    more = {"volumes": [side(*SOUTH), band, side(*NORTH)], "sides": ["ru", "", "us"]} | more
    return make_zone("river", *rules, zone="line", **more)


@pytest.mark.parametrize(
    ("party", "lat", "concurrence"),
    (
        ("ru", 35.1, ()),
        ("us", 35.1, ("ru",)),
        ("un", 35.1, ("ru",)),
        ("us", 35.5, ()),
        ("ru", 35.5, ("us",)),
        ("us", 35.3, ("ru",)),
        ("un", 35.28, ("ru", "us")),
    ),
)
def test_a_line_is_crossed_by_whoever_leaves_his_side(
    record: RecordSimulator, party: str, lat: float, concurrence: tuple[str, ...]
) -> None:
    record.send("un", "zone.declare", make_line())
    found = ask(record, make_circle(lat, radius_m=500.0), party=party, activity="ground")
    assert found.concurrence == concurrence
    record.notify(party, "alpha", make_circle(lat, radius_m=500.0), activity="ground")
    row = find(record, "alpha|river")
    assert (row.zone.lacking if row and row.zone else ()) == concurrence


def test_a_lines_rules_hold_beyond_ones_own_side(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_line(rule("us", "*", "notice", 3)))
    assert ask(record, make_circle(35.5, radius_m=500.0)).verdict == "permitted"
    assert ask(record, make_circle(35.1, radius_m=500.0)).notice_h == 3
    both = ask(record, make_circle(35.5, radius_m=500.0), make_circle(35.1, radius_m=500.0))
    assert both.zones[0].rules == ("its own side of the line", "us:*")
    assert "sides of ru and us" in describe_zone(next(record.host.select(ZoneRow)), record.host)


# Corridors


def open_corridor(record: RecordSimulator, *rules: ZoneRule, author: str = "un", **more: Any) -> str:
    passage = [Obligation("passage", "guard", "nobody is stopped", author)]
    body = make_zone("road", *rules, zone="corridor", volumes=[INNER], obligations=passage)
    return record.send(author, "zone.declare", msgspec.structs.replace(body, **more))


def test_a_corridor_is_no_exception_until_the_zones_author_names_it(record: RecordSimulator) -> None:
    first = record.send("ru", "zone.declare", make_zone("denied"))
    leaf = open_corridor(record, rule("us", "*", "permitted"))
    record.notify("us", "alpha")
    assert missing(record, "alpha|denied").verdict == "forbidden"
    record.send("ru", "zone.declare", make_zone("denied", corridors=[leaf], replaces=first))
    assert find(record, "alpha|denied") is None
    found = ask(record)
    assert found.verdict == "permitted"
    assert found.zones[0].rules == ("inside corridor road of un, which this zone names",)


def test_a_corridors_own_rules_hold_inside_it(record: RecordSimulator) -> None:
    leaf = open_corridor(record, rule("us", "convoy", "permitted"))
    record.send("ru", "zone.declare", make_zone("denied", corridors=[leaf]))
    assert ask(record, activity="convoy").verdict == "permitted"
    found = ask(record, activity="air")
    assert (found.verdict, found.concurrence) == ("concurrence", ("un",))
    assert [one.object for one in found.zones if one.decides] == ["road"]


@pytest.mark.parametrize(
    "outside",
    (
        make_circle(35.31, radius_m=1000.0),
        make_circle(ceiling_m=6000.1),
        make_circle(ceiling_m=None),
        make_circle(end="2016-09-17T16:00:01Z"),
    ),
)
def test_whoever_leaves_the_corridor_meets_the_zone(record: RecordSimulator, outside: VolumeWire) -> None:
    leaf = open_corridor(record, rule("us", "*", "permitted"))
    record.send("ru", "zone.declare", make_zone("denied", corridors=[leaf]))
    assert ask(record, outside).verdict == "forbidden"
    # One volume inside does not excuse another that is not.
    assert ask(record, make_circle(), outside).verdict == "forbidden"


def test_a_corridor_that_was_widened_opens_nothing(record: RecordSimulator) -> None:
    leaf = open_corridor(record, rule("us", "*", "permitted"))
    record.send("ru", "zone.declare", make_zone("denied", corridors=[leaf]))
    record.notify("us", "alpha")
    assert find(record, "alpha|denied") is None
    open_corridor(record, rule("us", "*", "permitted"), volumes=[AREA], replaces=leaf)
    # What lay inside is shown at once, not when somebody next moves it.
    assert missing(record, "alpha|denied").verdict == "forbidden"
    assert ask(record).verdict == "forbidden"


def test_a_corridor_that_was_withdrawn_opens_nothing(record: RecordSimulator) -> None:
    leaf = open_corridor(record, rule("us", "*", "permitted"))
    record.send("ru", "zone.declare", make_zone("denied", corridors=[leaf]))
    record.notify("us", "alpha")
    record.send("un", "zone.withdraw", WithdrawZone("road", ""))
    assert missing(record, "alpha|denied").verdict == "forbidden"


def test_a_corridor_of_a_look_alike_name_opens_nothing(record: RecordSimulator) -> None:
    leaf = open_corridor(record, rule("us", "*", "permitted"))
    record.send("ru", "zone.declare", make_zone("denied", corridors=[leaf]))
    open_corridor(record, rule("*", "*", "permitted"), author="us", id="r0ad", volumes=[AREA])
    away = make_circle(35.35)
    assert ask(record, away).verdict == "forbidden"
    # The name of what was withdrawn is never given again, so nobody can take its place either.
    record.send("un", "zone.withdraw", WithdrawZone("road", ""))
    with refused("name-taken", "'road'"):
        open_corridor(record, rule("*", "*", "permitted"), author="us", volumes=[AREA])


def test_what_is_no_corridor_cannot_be_named_as_one(record: RecordSimulator) -> None:
    zone = record.send("us", "zone.declare", make_zone("mine", rule("us", "*", "permitted")))
    with refused("unknown-corridor", zone[:12]):
        record.send("us", "zone.declare", make_zone("denied", corridors=[zone]))
    past = open_corridor(record)
    open_corridor(record, replaces=past)
    with refused("unknown-corridor", past[:12]):
        record.send("us", "zone.declare", make_zone("denied", corridors=[past]))
    sealed = open_corridor_sealed(record)
    with refused("unknown-corridor", sealed[:12]):
        record.send("us", "zone.declare", make_zone("denied", corridors=[sealed]))
    record.send("us", "zone.declare", make_zone("denied", corridors=[sealed]), to=["un"])


def open_corridor_sealed(record: RecordSimulator) -> str:
    passage = [Obligation("passage", "guard", "", "un")]
    body = make_zone("secret", zone="corridor", volumes=[INNER], obligations=passage)
    return record.send("un", "zone.declare", body, to=["us"])


# What is shown


def test_a_finding_stands_in_the_row_and_in_words(record: RecordSimulator) -> None:
    record.send("un", "zone.declare", make_zone("zone", rule("us", "air", "forbidden")))
    record.notify("us", "alpha")
    row = find(record, "alpha|zone")
    assert row is not None
    assert row.zone == ZoneFinding("forbidden", ("us:air",), 0, (), (), (), "", None)
    assert "meet, and the zone forbids it (rule us:air)" in explain_conflict(row)
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    assert find(record, "alpha|zone") is None


def test_several_meetings_are_told_as_the_strictest(record: RecordSimulator) -> None:
    far = make_circle(50.0, radius_m=500.0)
    denied = make_zone("a", volumes=[far], zone="denied")
    record.send("un", "zone.declare", denied)
    record.send("un", "zone.declare", make_line(rule("us", "*", "notice", 3)))
    south = make_circle(35.1, radius_m=500.0, start="2016-09-17T15:30:00Z", end="2016-09-17T16:00:00Z")
    leaf = record.notify("us", "alpha", make_circle(35.1, radius_m=500.0), south)
    deliver(record, "un", leaf)
    row = find(record, "alpha|river")
    assert row is not None
    assert row.zone is not None
    assert (row.meetings, row.zone.short_s, row.closest.start) == (2, 2 * 3600, "2016-09-17T14:00:00Z")


def test_an_answer_to_one_activity_says_nothing_of_another(record: RecordSimulator) -> None:
    agree = rule("*", "*", "concurrence", 0, ("ru",))
    record.send("un", "zone.declare", make_zone("zone", agree))
    first = record.notify("us", "alpha", concurrence=["ru"])
    body = Notify("bravo", "air", "b", [make_circle()], ["ru"], armed=False, concur_by=None)
    record.send("us", "activity.notify", body)
    record.acknowledge("ru", first)
    record.send("ru", "activity.concur", Concur("alpha", first))
    assert find(record, "alpha|zone") is None
    assert missing(record, "bravo|zone").lacking == ("ru",)


@pytest.mark.parametrize("corridors", (False, True))
def test_judging_many_volumes_compares_each_pair_once(
    record: RecordSimulator, monkeypatch: pytest.MonkeyPatch, *, corridors: bool
) -> None:
    calls = 0

    def count(outer: Any, inner: Any, **more: float) -> bool:
        nonlocal calls
        calls += 1
        return holds(outer, inner, **more)

    monkeypatch.setattr("entente.deconflict.zone_judgement.holds", count)
    monkeypatch.setattr("entente.deconflict.carry.holds", count)
    size, named = 8, []
    if corridors:
        guard = [Obligation("guard", "guard", "", "un")]
        tight = [make_circle(radius_m=100.0 + place) for place in range(size)]
        road = make_zone("road", zone="corridor", volumes=tight, obligations=guard)
        named = [record.send("un", "zone.declare", road)]
    told = [make_circle(radius_m=3000.0 + place) for place in range(size)]
    leaf = record.notify("us", "alpha", *told)
    for step in range(1, 10):
        smaller = [make_circle(radius_m=3000.0 + place - step) for place in range(size)]
        body = Update("alpha", leaf, "t", smaller, [], "", armed=False, concur_by=None)
        leaf = record.send("us", "activity.update", body)
    calls = 0
    areas = [make_circle(radius_m=20_000.0 + place) for place in range(size)]
    zone = make_zone("zone", rule("*", "*", "notice", 48), volumes=areas, corridors=named)
    record.send("un", "zone.declare", zone)
    # Every volume of the one meets every volume of the other: what is asked and who has heard is worked out
    # once, not for each of these meetings.
    most = MAX_COMPARED + (size * size if corridors else 0)
    assert 0 < calls <= len(record.views) * most
    assert missing(record).unheard == ("un",)


def test_the_words_of_a_zone_say_which_corridor_it_names_and_whether_that_opens_anything(
    record: RecordSimulator,
) -> None:
    guard = [Obligation("guard", "guard", "", "un")]
    road = make_zone("road", zone="corridor", obligations=guard)
    leaf = record.send("un", "zone.declare", road)
    record.send("un", "zone.declare", make_zone("zone", corridors=[leaf]))
    zone = record.host.find(ZoneRow, "zone")
    assert zone is not None
    assert "inside corridor ROAD (road) of un its own rules hold instead" in describe_zone(zone, record.host)
    record.send("un", "zone.declare", msgspec.structs.replace(road, text="wider", replaces=leaf))
    words = describe_zone(zone, record.host)
    assert "its own rules hold instead" not in words
    assert "corridor ROAD (road) of un was changed since it was named and opens NOTHING" in words


def test_a_sealed_corridor_is_said_by_its_name(record: RecordSimulator) -> None:
    guard = [Obligation("guard", "guard", "", "un")]
    tight = make_circle(radius_m=10_000.0, floor_m=None, ceiling_m=None, end="2016-09-18T16:00:00Z")
    road = make_zone("road", rule("*", "*", "permitted"), zone="corridor", volumes=[tight], obligations=guard)
    leaf = record.send("un", "zone.declare", road, to=["us"])
    record.send("un", "zone.declare", make_zone("zone", corridors=[leaf]), to=["us"])
    asked = [parse_volume(make_circle())]
    rows = record.rows("us")
    words = say_holding(find_holding(asked, "us", "air", rows, rebuild_index(rows)))
    assert "inside corridor road (sealed) of un, which this zone names" in words
    assert "@" not in words
    record.notify("us", "alpha", make_circle(35.45), to=["un"])
    record.send("un", "zone.declare", make_zone("other"), to=["us"])
    row = next(one for one in record.rows("un").select(ConflictRow) if one.second.startswith("other"))
    assert "(alpha (sealed)) of us and zone 'OTHER' (other (sealed)) of un" in explain_conflict(row)
    record.send("un", "zone.withdraw", WithdrawZone("other", ""), to=["us"])
    row = next(one for one in record.rows("un").select(ConflictRow) if one.second.startswith("other"))
    assert "@" not in explain_conflict(row)
