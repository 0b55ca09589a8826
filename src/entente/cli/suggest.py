"""`entente suggest|counter|decline`: a conflict-free way, for one's own plan or for a partner's.

Invariants: what is tried goes to nobody and into no record; a suggestion comes with the measure by which it
is nearest and with how far was looked; a counter-proposal changes nothing by itself: its author updates or
declines.

    $ entente suggest convoy-7 --desk ./us --hours 12
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from entente.cli.activity import Circles, GeoJSON, Heights, Polygons, Word
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_heights, read_volumes
from entente.kernel.errors import Malformed

_MAX_SHOWN = 40

suggest_app = make_app(
    "suggest",
    "Find the nearest conflict-free shift: later, earlier, up, down or aside.\n\n"
    "Of an activity that stands, anyone's, or of a plan that nobody has been told of.\n"
    "Sorted by the share of the room that you give.\n\n"
    "Example: entente suggest convoy-7 --desk ./us --hours 12 --aside-m 20000\n"
    "Example: entente suggest --desk ./us --activity air --circle 35.30,40.10,2000 --heights 3000..4000\n"
    "           --window 2026-12-01T06:00:00Z..2026-12-01T07:00:00Z --between 0..9000 --json",
)
counter_app = make_app(
    "counter",
    "Propose another time, height or route for a partner's activity; its author updates it or declines.\n\n"
    "Example: entente counter convoy-7 --desk ./ru --officer duty-1 --reason 'later, we are there until 9'\n"
    "           --circle 35.30,40.10,2000 --window 2026-12-01T09:00:00Z..2026-12-01T12:00:00Z\n"
    "Example: entente counter convoy-7 --desk ./ru --officer duty-1 --suggested later",
)
decline_app = make_app(
    "decline",
    "Decline a counter-proposal to your own activity.\n\n"
    "Example: entente decline 31 --desk ./us --officer duty-1 --reason 'the road is closed then'",
)
APPS = {"suggest": suggest_app, "counter": counter_app, "decline": decline_app}
Window = Annotated[str, Parameter(name="--window", help="START..END in UTC, of the new volumes.")]


@suggest_app.default
def suggest(  # noqa: PLR0913 - a plan has this many sides
    name: Annotated[str, Parameter(name="ID")] = "",
    /,
    *,
    activity: Annotated[Word | None, Parameter(help="What kind of activity the plan is, without ID.")] = None,
    armed: Annotated[bool, Parameter(help="The plan is armed.")] = False,
    window: Window = "",
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    hours: Annotated[int, Parameter(help="Up to how many hours later or earlier; 0: not in time.")] = 6,
    height_m: Annotated[
        int, Parameter(help="Up to how many metres higher or lower; 0: not in height.")
    ] = 3000,
    aside_m: Annotated[int, Parameter(help="Up to how many metres aside; 0: not aside.")] = 50_000,
    between: Annotated[
        str, Parameter(help="FLOOR..CEILING in metres above WGS84 that the plan must keep within.")
    ] = "..",
    not_before: Annotated[str, Parameter(help="Not to begin before, UTC; not given: now.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Find a way for the activity ID, or for the plan that the options describe."""
    body: dict[str, Any] = {"activity": name or None, "kind": activity, "armed": armed}
    if not name or circle or polygon or geojson:
        body["volumes"] = _read(circle, polygon, geojson, heights, window)
    floor_cm, ceiling_cm = read_heights(between)
    body["room"] = {
        "later_s": hours * 3600,
        "earlier_s": hours * 3600,
        "up_cm": height_m * 100,
        "down_cm": height_m * 100,
        "aside_m": aside_m,
        "floor_cm": floor_cm,
        "ceiling_cm": ceiling_cm,
        "not_before": not_before or None,
    }
    found = DeskLink.open(desk).call("POST", "/api/suggest", body)
    if json:
        print_json(found)
        return ExitCode.OK
    if not found["conflicts"]:
        print(f"conflicts with nothing that this desk can read, up to entry {found['size']}")
        return ExitCode.OK
    print(f"conflicts with {', '.join(found['conflicts'][:_MAX_SHOWN])}")
    for one in found["found"]:
        print(f"  {one['words']}: conflict-free; {one['share']:.1%} of the room this way")
        print(f"    {_say_volume(one['volumes'][0])}{_say_more(len(one['volumes']) - 1)}")
        if one["ask_again"]:
            print(f"    counted on, and to be given again to the new version: {'; '.join(one['ask_again'])}")
    for text in found["none_found"]:
        print(f"  {text}")
    print(f"looked {found['looks']} times at what this desk can read, up to entry {found['size']}")
    return ExitCode.OK


def _say_volume(volume: dict[str, Any]) -> str:
    outline = volume["outline"]
    where = str(outline["type"])
    if where == "circle":
        lat, lon = (part / 1e7 for part in outline["centre_e7"])
        where = f"circle {lat:.7f},{lon:.7f},{outline['radius_cm'] / 100:g}"
    floor, ceiling = (
        "" if volume[name] is None else f"{volume[name] / 100:g}" for name in ("floor_cm", "ceiling_cm")
    )
    return f"{where} heights {floor}..{ceiling} window {volume['start']}..{volume['end']}"


def _say_more(count: int) -> str:
    return f", and {count} more volumes (--json)" if count else ""


def _read(
    circle: list[str] | None, polygon: list[str] | None, files: list[Path] | None, heights: str, window: str
) -> list[dict[str, Any]]:
    return read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=files or []
    )


@counter_app.default
def counter(  # noqa: PLR0913 - a plan has this many sides
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="Why, if you want to say.")] = "",
    window: Window = "",
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    suggested: Annotated[
        str, Parameter(help="later, earlier, up, down or aside: as `entente suggest ID` finds it now.")
    ] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Propose other volumes for the activity ID."""
    link = DeskLink.open(desk)
    if suggested:
        found = link.call("POST", "/api/suggest", {"activity": name})
        ways = {one["way"]: one for one in found["found"]}
        if suggested not in ways:
            raise Malformed(
                "no-suggestion",
                f"suggestion: expected one of {sorted(ways) or 'none found'}, got {suggested!r}",
            )
        volumes, reason = ways[suggested]["volumes"], reason or ways[suggested]["words"]
    else:
        volumes = _read(circle, polygon, geojson, heights, window)
    body = {"officer": officer, "activity": name, "volumes": volumes, "reason": reason}
    return print_spoken(link.call("POST", "/api/counter", body), f"proposal for {name!r}", as_json=json)


@decline_app.default
def decline(
    message: Annotated[str, Parameter(name="MESSAGE")],
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="Why, if you want to say.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Decline the counter-proposal MESSAGE."""
    body = {"officer": officer, "proposal": message, "reason": reason}
    return print_spoken(DeskLink.open(desk).call("POST", "/api/decline", body), "declined", as_json=json)
