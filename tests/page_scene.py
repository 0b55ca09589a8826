"""What stands in the small world of the page.

Twelve activities (a conflict of each rule, two armed ones that confront each other), three zones with
guarantors that accepted, are only named, or none; four sites, of which one is sealed, one expires soon and
one has expired; an incident, an agreement in force, readouts signed and waiting, a hotline thread, releases
of which one was recalled, receipts and positions in every state.

>>> world = make_small_world(folder)
>>> world.ask("us", "picture")["counts"]["activities"]
{'total': 12, 'shown': 12}
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from entente.deconflict import ReceiptRow, plan_alarms, plan_ladder
from entente.kernel.time import encode_utc, parse_utc
from entente.space import CircleWire, PolygonWire, VolumeWire
from entente.terms import agreement as ag
from tests.agreement_scene import EXPIRY, NOTICE, ROAD, SEVEN_DAYS, make_text
from tests.page_world import AT_THE_END, World
from tests.release_desks import CLEARANCES, PURPOSES, make_catalogue, make_report

HOSTILE: Final = (
    "<img src=x onerror=alert(1)>\u202e\u2066drawkcab\u200b\u00ad\ufeff"
    "</script><script>window.hit=1</script>{{7*7}}"
)
"""Markup, a turned direction, what has no width: as a partner may write it."""


# Volumes


def circle(
    lat: float,
    lon: float,
    radius_m: float,
    low_m: float | None,
    high_m: float | None,
    hours: tuple[float, float],
) -> VolumeWire:
    """Return a circle; ``hours`` count from the end of the making of the world."""
    outline = CircleWire((round(lat * 1e7), round(lon * 1e7)), round(radius_m * 100))
    return _volume(outline, low_m, high_m, hours)


def polygon(
    points: Sequence[tuple[float, float]],
    low_m: float | None,
    high_m: float | None,
    hours: tuple[float, float],
) -> VolumeWire:
    """Return a polygon of (latitude, longitude)."""
    outline = PolygonWire(tuple((round(lat * 1e7), round(lon * 1e7)) for lat, lon in points))
    return _volume(outline, low_m, high_m, hours)


def _volume(
    outline: Any, low_m: float | None, high_m: float | None, hours: tuple[float, float]
) -> VolumeWire:
    start, end = (parse_utc(AT_THE_END) + timedelta(hours=hour) for hour in hours)
    return VolumeWire(
        outline,
        None if low_m is None else round(low_m * 100),
        None if high_m is None else round(high_m * 100),
        encode_utc(start),
        encode_utc(end),
    )


def box(lat: float, lon: float, half_deg: float) -> list[tuple[float, float]]:
    """Return a square."""
    return [
        (lat - half_deg, lon - half_deg),
        (lat - half_deg, lon + half_deg),
        (lat + half_deg, lon + half_deg),
        (lat + half_deg, lon - half_deg),
    ]


def make_small_world(
    root: Path, *, is_served: bool = False, is_hostile: bool = False, has_extremes: bool = False
) -> World:
    """Make the world.

    Args:
        is_served: Choose free ports now, for `World.serving`.
        is_hostile: Let partners write `HOSTILE` into every text of theirs.
        has_extremes: Two activities more: one across 180 degrees, one round the north pole.
    """
    world = World(root, is_served=is_served)
    bad = HOSTILE if is_hostile else ""
    _declare_places(world, bad)
    _notify(world, bad)
    if has_extremes:
        _notify_extremes(world)
    _talk(world, bad)
    _release(world)
    _answer(world, bad)
    world.clock.now = parse_utc(AT_THE_END)
    world.center.cosigners = list(world.cards)
    world.run()
    return world


def _declare_places(world: World, bad: str) -> None:
    always = (-7.0, 24.0 * 20)
    world.act(
        "un",
        "declare-zone",
        id="castello",
        name=f"Castello road {bad}".strip(),
        zone="demilitarised",
        text=f"Aid convoys pass here.{bad}",
        volumes=[
            polygon([(36.245, 37.08), (36.245, 37.20), (36.262, 37.20), (36.262, 37.08)], None, 3000, always)
        ],
        rules=[
            {"party": "*", "activity": "*", "verdict": "forbidden", "notice_h": 0, "concurrence": []},
            {"party": "un", "activity": "convoy", "verdict": "permitted", "notice_h": 0, "concurrence": []},
            {
                "party": "us",
                "activity": "drone",
                "verdict": "concurrence",
                "notice_h": 24,
                "concurrence": ["un"],
            },
        ],
        obligations=[
            {
                "obligation": "guard",
                "duty": "guard",
                "text": f"No armed men on the road.{bad}",
                "guarantor": "ru",
            },
            {"obligation": "observe", "duty": "observe", "text": "Observed from the air.", "guarantor": "us"},
        ],
    )
    world.act(
        "ru",
        "declare-zone",
        id="denied-north",
        name=f"Northern firing area {bad}".strip(),
        zone="denied",
        volumes=[circle(36.55, 37.30, 9_000, None, None, always)],
        rules=[{"party": "*", "activity": "*", "verdict": "forbidden", "notice_h": 0, "concurrence": []}],
    )
    world.act(
        "us",
        "declare-zone",
        id="caution-east",
        name="Caution, east",
        zone="caution",
        volumes=[circle(36.10, 38.20, 15_000, 0, 4_000, always)],
        rules=[{"party": "ru", "activity": "air", "verdict": "notice", "notice_h": 2, "concurrence": []}],
    )
    world.act("ru", "acknowledge", messages=[_find_version(world, "ru", "zones", "castello")])
    world.act("ru", "vouch", id="castello", obligation="guard", word="yes")
    sites: tuple[tuple[str, str, str, str, float, float, float, list[str]], ...] = (
        ("un", "m2-hospital", "M2 hospital", "hospital", 36.21, 37.16, 480, []),
        ("us", "al-noor-school", "Al-Noor school", "school", 36.19, 37.10, 480, ["un"]),
        ("un", "tishrin-water", "Tishrin water works", "water", 36.38, 38.18, 24 * 3, []),
        ("ru", "jebrin-camp", "Jebrin camp", "camp", 36.17, 37.24, -2, []),
    )
    for author, name, title, category, lat, lon, hours, to in sites:
        expires = encode_utc(parse_utc(AT_THE_END) + timedelta(hours=hours))
        world.act(
            author,
            "declare-site",
            id=name,
            name=f"{title} {bad if author != 'us' else ''}".strip(),
            category=category,
            volume=circle(lat, lon, 250, None, None, always),
            buffer_cm=100_000,
            expires=expires,
            source="field team",
            consent={
                "owner": f"{title} board",
                "given": "2016-09-01T00:00:00Z",
                "recipients": to,
                "note": "letter",
            },
            to=to,
        )


def _find_version(world: World, name: str, things: str, object_id: str) -> str:
    found = world.ask(name, "picture")[things]
    return next(str(one["version"]) for one in found if one["id"] == object_id)


def _notify(world: World, bad: str) -> None:
    soon, later, night = (1.0, 4.0), (2.5, 5.5), (6.0, 12.0)
    told: tuple[tuple[str, str, str, str, bool, list[VolumeWire], dict[str, Any]], ...] = (
        ("us", "sortie-7", "air", "Sortie 7", True, [circle(36.40, 37.60, 12_000, 3_000, 6_000, soon)], {}),
        ("ru", "patrol-3", "air", "Patrol 3", True, [circle(36.45, 37.75, 11_000, 4_000, 7_000, later)], {}),
        (
            "us",
            "drone-2",
            "drone",
            "Survey",
            False,
            [circle(36.25, 37.14, 2_000, 500, 1_500, (2.0, 3.0))],
            {"concurrence": ["un"]},
        ),
        ("ru", "strike-9", "air", "Strike 9", True, [circle(36.212, 37.168, 900, 0, 5_000, later)], {}),
        (
            "un",
            "convoy-aleppo",
            "convoy",
            "Relief convoy to Aleppo",
            False,
            [
                polygon(
                    [(36.20, 37.02), (36.20, 37.06), (36.26, 37.12), (36.27, 37.10)], None, 50, (1.0, 2.0)
                ),
                polygon(
                    [(36.246, 37.09), (36.246, 37.19), (36.26, 37.19), (36.26, 37.09)], None, 50, (2.0, 3.0)
                ),
                polygon(
                    [(36.24, 37.17), (36.24, 37.21), (36.21, 37.19), (36.21, 37.15)], None, 50, (3.0, 4.0)
                ),
            ],
            {
                "concurrence": ["ru", "us"],
                "concur_by": encode_utc(parse_utc(AT_THE_END) + timedelta(minutes=30)),
            },
        ),
        (
            "un",
            "medevac-1",
            "medical",
            "Evacuation of wounded",
            False,
            [circle(36.20, 37.15, 3_000, 0, 1_000, night)],
            {},
        ),
        (
            "us",
            "tanker-a",
            "air",
            "Tanker track",
            False,
            [polygon(box(35.20, 38.60, 0.22), 7_000, 9_000, (0.0, 10.0))],
            {},
        ),
        (
            "us",
            "patrol-west",
            "ground",
            "Patrol, west bank",
            True,
            [
                polygon(
                    [(35.9, 38.0), (35.95, 38.2), (36.02, 38.15), (35.99, 38.02), (35.94, 38.08)],
                    None,
                    30,
                    soon,
                )
            ],
            {"concurrence": ["un"]},
        ),
        (
            "ru",
            "airlift",
            "air",
            "Airlift to Hmeimim",
            False,
            [
                circle(35.41, 35.95, 20_000, 0, 8_000, (-1.0, 3.0)),
                circle(35.60, 36.40, 12_000, 4_000, 8_000, (0.0, 3.5)),
            ],
            {},
        ),
        (
            "ru",
            "exercise-n",
            "ground",
            "Field exercise",
            False,
            [polygon(box(36.72, 37.05, 0.09), None, 200, night)],
            {},
        ),
        (
            "us",
            "sealed-watch",
            "air",
            "Watch",
            False,
            [circle(36.05, 38.25, 8_000, 1_000, 3_000, later)],
            {"to": ["un"]},
        ),
        (
            "ru",
            "over-east",
            "air",
            "Transit east",
            False,
            [circle(36.12, 38.12, 6_000, 1_000, 3_500, (1.0, 1.5))],
            {},
        ),
    )
    for author, name, kind, title, armed, volumes, more in told:
        words = f"{title} {bad}".strip() if author != "us" else title
        world.act(
            author,
            "notify",
            id=name,
            activity=kind,
            title=words,
            armed=armed,
            volumes=volumes,
            **({"concurrence": []} | more),
        )
        world.pass_min(7)


def _notify_extremes(world: World) -> None:
    across = polygon([(51.0, 178.5), (51.0, -178.5), (53.0, -178.0), (52.5, 178.0)], None, None, (0.0, 20.0))
    polar = polygon([(84.0, -100.0), (83.0, 20.0), (84.5, 140.0)], 8_000, 12_000, (0.0, 20.0))
    world.act(
        "us",
        "notify",
        id="across-180",
        activity="maritime",
        title="Across 180",
        volumes=[across],
        concurrence=[],
        armed=False,
    )
    world.act(
        "us",
        "notify",
        id="over-pole",
        activity="air",
        title="Over the pole",
        volumes=[polar],
        concurrence=[],
        armed=False,
    )


def _answer(world: World, bad: str) -> None:
    """Bring receipts, positions and concurrence into every state."""

    def version(name: str, at: str) -> str:
        return _find_version(world, at, "activities", name)

    # The center raises what is due, and the ladder goes on with what nobody acknowledged.
    for kind, body in plan_alarms(world.center.core.rows):
        world.say_center(kind, body)
    world.run()
    world.act("ru", "acknowledge", messages=[version("sortie-7", "ru"), version("convoy-aleppo", "ru")])
    world.act("us", "acknowledge", messages=[version("convoy-aleppo", "us"), version("medevac-1", "us")])
    world.act("un", "acknowledge", messages=[version("drone-2", "un"), version("sortie-7", "un")])
    world.act("un", "acknowledge", messages=[version("tanker-a", "un"), version("patrol-west", "un")])
    world.act("ru", "acknowledge", messages=[version("tanker-a", "ru"), version("patrol-west", "ru")])
    world.act("ru", "concur", activity="convoy-aleppo")
    world.act("un", "concur", activity="patrol-west")
    for name in ("ru", "un"):
        world.act(name, "read-back", message=version("tanker-a", name))
    world.act("un", "verify-site", id="al-noor-school", found="verified", by="UN field office", method="seen")
    world.act(
        "un", "object", activity="drone-2", reason=f"Too near the road while the convoy passes. {bad}".strip()
    )
    world.act("un", "read-back", message=version("sortie-7", "un"))
    world.act("us", "read-back", message=version("medevac-1", "us"))
    wrong = [{"volume": 0, "point_e7": [364_800_000, 377_000_000], "words": f"north of Raqqa {bad}".strip()}]
    world.act("ru", "read-back", message=version("sortie-7", "ru"), readings=wrong)
    world.act(
        "ru",
        "update",
        id="exercise-n",
        reason="moved north",
        volumes=[polygon(box(36.80, 37.05, 0.09), None, 200, (6.0, 12.0))],
    )
    world.pass_min(25)
    recorded = {
        row.message: world.clock.now - timedelta(minutes=90)
        for row in world.center.core.rows.select(ReceiptRow, state="waiting")
        if row.author == "ru" and row.kind == "activity.notify" and row.party == "un"
    }
    for kind, due in plan_ladder(world.center.core.rows, world.clock.now, recorded.get):
        world.say_center(kind, due)
    world.run()


def _talk(world: World, bad: str) -> None:
    world.act("us", "say", thread="aleppo", text="Who is near the road tonight?")
    world.act("ru", "say", thread="aleppo", text=f"Two of ours, north of it. {bad}".strip(), urgent=True)
    held = encode_utc(world.clock.now)
    world.act(
        "ru",
        "propose-readout",
        id="talk-1",
        title=f"Talk of the day {bad}".strip(),
        held=held,
        parties=["ru", "us"],
        text="Both keep away from the road until 22:00Z.",
    )
    world.act("us", "sign-readout", id="talk-1")
    world.act(
        "ru",
        "propose-readout",
        id="talk-2",
        title="Second talk",
        held=held,
        parties=["ru", "us"],
        text="The height above the convoy is 3000 m.",
    )
    text = make_text(
        agencies=[ag.SigningAgency("duty", "us", "Duty office")], clocks=[SEVEN_DAYS, ROAD, EXPIRY, NOTICE]
    )
    world.act("us", "propose-agreement", text=msgspec.to_builtins(text))
    world.act("us", "sign-agreement", id=text.id)
    world.act("us", "sign-agreement", id=text.id, agency="duty")
    world.act("ru", "sign-agreement", id=text.id)
    world.pass_min(30)
    now = world.clock.now
    world.act(
        "ru",
        "incident-report",
        id="shell-1",
        category="shelling",
        urgent=True,
        place_e7=[362_110_000, 371_610_000],
        within_cm=30_000,
        start=encode_utc(now - timedelta(minutes=20)),
        end=encode_utc(now - timedelta(minutes=10)),
        observed=f"Two impacts in the yard. {bad}".strip(),
        basis="seen",
        source="field team",
    )


def _release(world: World) -> None:
    world.ask("us", "release-load", kind="catalogue", text=make_catalogue())
    world.ask("us", "release-load", kind="purposes", text=PURPOSES)
    world.ask("us", "release-load", kind="clearances", text=CLEARANCES)
    reports = [make_report("r-1"), make_report("r-2", at=(36.62, 41.70), when="2016-09-15T09:20:00Z")]
    world.ask("us", "release-load", kind="reports", text="entente-reports = 1\n" + "".join(reports))
    for name in ("r-1", "r-2"):
        (plan,) = world.ask("us", "release-plan", report=name, to=["ru"], purpose="safety")
        if plan["state"] == "planned":
            world.ask("us", "release-send", plan=plan["plan"], sha256=plan["sha256"])
            world.run()
    items = world.ask("us", "release-items")
    if len(items) > 1:
        world.ask("us", "release-recall", of=[items[-1]["leaf"]], reason="wrong", words="another aircraft")
        world.run()
