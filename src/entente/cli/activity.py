"""`entente notify|update|close`: tell the others what you will do and where.

Invariants: a command ends well only when the center's record holds the message and this desk checked that;
what was handed over and has no answer yet is kept by the desk and told as "not sent", never as sent.

    $ entente notify convoy-7 --activity convoy --title "Relief convoy" --circle 35.30,40.10,2000 ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_volumes

Word = Literal["air", "ground", "convoy", "maritime", "drone", "medical", "other"]
Circles = Annotated[list[str] | None, Parameter(name="--circle", help="LAT,LON,RADIUS_M; may be repeated.")]
Polygons = Annotated[
    list[str] | None, Parameter(name="--polygon", help="'LAT,LON LAT,LON LAT,LON ...'; may be repeated.")
]
GeoJSON = Annotated[
    list[Path] | None,
    Parameter(name="--geojson", help="File with polygons, holes and multipolygons too; may be repeated."),
]
Heights = Annotated[
    str,
    Parameter(
        name="--heights",
        help="FLOOR..CEILING in metres above the WGS84 ellipsoid; empty: no bound. Of another datum, with"
        " what converts it: 'FLOOR..CEILING amsl N+-U' (above sea level; geoid N above the ellipsoid, give or"
        " take U) or 'FLOOR..CEILING agl LOW..HIGH+-U' (above ground of LOW to HIGH above the ellipsoid).",
    ),
]
Window = Annotated[
    str, Parameter(name="--window", help="START..END in UTC: 2026-12-01T06:00:00Z..2026-...Z.")
]
Parties = Annotated[
    list[str] | None, Parameter(name="--to", help="Only to this party, sealed; may be repeated.")
]
Concurrence = Annotated[
    list[str] | None, Parameter(name="--concurrence", help="A party that must agree; may be repeated.")
]
ConcurBy = Annotated[
    str | None,
    Parameter(
        name="--concur-by",
        help="By when they should answer, UTC, at the latest the start, which it is without this.",
    ),
]

notify_app = make_app(
    "notify",
    "Tell the others what you will do and where.\n\n"
    "Example: entente notify convoy-7 --desk ./us --officer duty-1 --activity convoy\n"
    "           --title 'Relief convoy' --circle 35.30,40.10,2000 --heights ..500\n"
    "           --window 2026-12-01T06:00:00Z..2026-12-01T12:00:00Z\n"
    "           --concurrence ru --concur-by 2026-12-01T05:00:00Z",
)
update_app = make_app(
    "update",
    "Replace an activity by a new version; what is not given stays as it is.\n\n"
    "Example: entente update convoy-7 --desk ./us --officer duty-1 --reason 'road closed'\n"
    "           --circle 35.31,40.12,2000 --window 2026-12-01T08:00:00Z..2026-12-01T14:00:00Z\n"
    "Example: entente update convoy-7 --desk ./us --officer duty-1 --reason 'as proposed' --take-up 31",
)
close_app = make_app(
    "close",
    "End an activity, or cancel it.\n\n"
    "Example: entente close convoy-7 --desk ./us --officer duty-1 --cancelled --note 'weather'",
)
APPS = {"notify": notify_app, "update": update_app, "close": close_app}


@notify_app.default
def notify(  # noqa: PLR0913 - an activity has this many sides
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    activity: Annotated[Word, Parameter(help="What kind of activity it is.")],
    title: Annotated[str, Parameter(help="What it is, in words.")],
    window: Window,
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    planned_circle: Annotated[
        list[str] | None,
        Parameter(help="Your own plan, kept at this desk and compared with what is told and read back."),
    ] = None,
    concurrence: Concurrence = None,
    concur_by: ConcurBy = None,
    armed: Annotated[
        bool, Parameter(help="It is armed: where it meets another that is, both sides are alarmed at once.")
    ] = False,
    to: Parties = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Notify the activity ID."""
    link = DeskLink.open(desk)
    volumes = read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=geojson or []
    )
    if planned_circle:
        plan = read_volumes(circles=planned_circle, polygons=[], heights=heights, window=window, files=[])
        link.call("POST", "/api/store-plan", {"officer": officer, "activity": name, "volumes": plan})
    answer = link.call(
        "POST",
        "/api/notify",
        {
            "officer": officer,
            "id": name,
            "activity": activity,
            "title": title,
            "volumes": volumes,
            "concurrence": sorted(concurrence or []),
            "concur_by": concur_by,
            "armed": armed,
            "to": sorted(to or []),
        },
    )
    return print_spoken(answer, f"activity {name!r}", as_json=json)


@update_app.default
def update(  # noqa: PLR0913 - an activity has this many sides
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="Why it changes.")],
    title: Annotated[str, Parameter(help="The new title.")] = "",
    window: Annotated[str, Parameter(help="START..END in UTC; with it the volumes are replaced.")] = "",
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    concurrence: Concurrence = None,
    concur_by: ConcurBy = None,
    armed: Annotated[bool | None, Parameter(help="Whether it is armed; not given: as it was.")] = None,
    take_up: Annotated[
        str, Parameter(help="The message of a counter-proposal whose volumes are taken over as they are.")
    ] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Replace the current version of the activity ID."""
    link = DeskLink.open(desk)
    body: dict[str, Any] = {"officer": officer, "id": name, "reason": reason}
    if window or circle or polygon or geojson:
        body["volumes"] = read_volumes(
            circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=geojson or []
        )
    if title:
        body["title"] = title
    if concurrence is not None:
        body["concurrence"] = sorted(concurrence)
    body |= {"concur_by": concur_by, "armed": armed, "take_up": take_up or None}
    return print_spoken(link.call("POST", "/api/update", body), f"activity {name!r}", as_json=json)


@close_app.default
def close(
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    cancelled: Annotated[bool, Parameter(help="It did not take place.")] = False,
    note: Annotated[str, Parameter(help="What is to be said about it.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """End the activity ID."""
    outcome = "cancelled" if cancelled else "closed"
    answer = DeskLink.open(desk).call(
        "POST", "/api/close", {"officer": officer, "id": name, "outcome": outcome, "note": note}
    )
    return print_spoken(answer, f"activity {name!r}", as_json=json)
