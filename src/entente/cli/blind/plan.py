"""`entente blind plan|prepare`: the plan that is checked blind, kept at this desk, and our commitment to it.

Invariants: a plan goes to one's own desk and nowhere else; what leaves the desk are tags and a salted hash
(`prepare`); an item that is put again is replaced whole.

    $ entente blind plan put sortie-7 --desk ./us --officer duty-1 --circle 35.30,40.10,2000 ...
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from entente.cli.activity import Circles, GeoJSON, Heights, Polygons, Window
from entente.cli.blind.items import MOST_NAME, Item, TrackOptions, read_items
from entente.cli.blind.waiting import WaitS, follow_prepare
from entente.cli.link import DeskFolder, DeskLink, OfficerName
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_volumes
from entente.kernel.errors import EntenteError, Malformed

MOST_BODY_BYTES: Final = 700_000
"""Of one request to the desk, which takes a mebibyte."""

Datum = Annotated[
    str,
    Parameter(
        help="What heights are above, where a file does not say: ellipsoid, 'amsl N+-U', 'agl LOW..HIGH+-U'."
    ),
]
Radius = Annotated[float | None, Parameter(help="Of tracks: metres that a mover reaches round it.")]
HalfHeight = Annotated[float | None, Parameter(help="Of tracks: metres that a mover reaches up and down.")]
LegS = Annotated[
    int, Parameter(help="Of tracks: up to how many seconds of flight one strip of the plan covers.")
]

plan_app = make_app(
    "blind plan",
    "The plan that is checked blind. It stays at your desk.\n\n"
    "Example: entente blind plan put sortie-7 --desk ./us --officer duty-1 --circle 35.30,40.10,2000\n"
    "           --heights 3000..4000 --window 2026-12-01T06:00:00Z..2026-12-01T07:00:00Z\n"
    "Example: entente blind plan file day.csv --desk ./us --officer duty-1 --datum 'amsl 48+-2'\n"
    "           --radius 500 --half-height 60\n"
    "Example: entente blind plan take convoy-7 --desk ./us --officer duty-1\n"
    "Then:    entente blind prepare RULES --desk ./us --officer duty-1",
)


def register(app: App) -> None:
    """Add the commands to ``entente blind``."""
    app.command(plan_app, name="plan")
    app.command(prepare)


@plan_app.command
def put(  # noqa: PLR0913 - a volume has this many sides
    name: Annotated[str, Parameter(name="NAME", help="A name of your own; nobody else sees it.")],
    /,
    *,
    officer: OfficerName,
    window: Window,
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Put the item NAME into the plan, in place of one of this name.

    Example: entente blind plan put sortie-7 --desk ./us --officer duty-1 --circle 35.30,40.10,2000
    --heights 3000..4000 --window 2026-12-01T06:00:00Z..2026-12-01T07:00:00Z
    """
    link = DeskLink.open(desk)
    item = read_item(name, circle, polygon, geojson, heights, window)
    return _change(link, officer, as_json=json, put=[item])


@plan_app.command(name="file")
def put_file(  # noqa: PLR0913 - a file can be read in this many ways
    file: Annotated[
        Path, Parameter(name="FILE", help="CSV of tracks, GeoParquet or GeoJSON: docs/screening.md.")
    ],
    /,
    *,
    officer: OfficerName,
    datum: Datum = "",
    radius: Radius = None,
    half_height: HalfHeight = None,
    max_gap: Annotated[float, Parameter(help="Of tracks: a longer gap in seconds cuts a track.")] = 60.0,
    max_speed: Annotated[float, Parameter(help="Of tracks: a faster leg, in m/s, cuts a track.")] = 400.0,
    leg_s: LegS = 120,
    clear: Annotated[bool, Parameter(help="Drop every item first.")] = False,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Put each flight or object of FILE into the plan, under its own name.

    Example: entente blind plan file day.csv --desk ./us --officer duty-1 --datum ellipsoid
    --radius 500 --half-height 60
    """
    link = DeskLink.open(desk)
    read = read_items(file, TrackOptions(datum, radius, half_height, max_gap, max_speed, leg_s))
    return _change(link, officer, as_json=json, put=read.items, clear=clear, notes=read.notes)


@plan_app.command
def take(
    activities: Annotated[list[str] | None, Parameter(name="ACTIVITY", help="Activities of yours.")] = None,
    /,
    *,
    officer: OfficerName,
    every: Annotated[bool, Parameter(name="--all", help="Every private plan of this desk.")] = False,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Put the desk's private plans of these activities into the plan (`entente notify --planned-circle`).

    Example: entente blind plan take convoy-7 strike-17 --desk ./us --officer duty-1
    """
    if every == bool(activities):
        raise Malformed("no-activity", "plan: expected names of activities or --all, and not both")
    return _change(DeskLink.open(desk), officer, as_json=json, from_plans=["*"] if every else activities)


@plan_app.command
def drop(
    names: Annotated[list[str], Parameter(name="NAME")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Take the items of these names out of the plan.

    Example: entente blind plan drop sortie-7 sortie-8 --desk ./us --officer duty-1
    """
    return _change(DeskLink.open(desk), officer, as_json=json, drop=names)


@plan_app.command
def clear(*, officer: OfficerName, desk: DeskFolder = None, json: Json = False) -> int:
    """Take every item out of the plan.

    Example: entente blind plan clear --desk ./us --officer duty-1
    """
    return _change(DeskLink.open(desk), officer, as_json=json, clear=True)


@plan_app.command
def show(*, desk: DeskFolder = None, json: Json = False) -> int:
    """List the plan's items. With --json their volumes too.

    Example: entente blind plan show --desk ./us
    """
    link = DeskLink.open(desk)
    items: list[Item] = []
    while True:
        page = link.call("GET", "/api/blind-items", after=items[-1]["name"] if items else "")["items"]
        if not page:
            break
        items += page
    if json:
        print_json({"ok": True, "exit": int(ExitCode.OK), "items": items})
        return ExitCode.OK
    for item in items:
        volumes = item["volumes"]
        begin, end = min(one["start"] for one in volumes), max(one["end"] for one in volumes)
        print(f"{item['name']:<{MOST_NAME}} {len(volumes):>3} volumes  {begin} to {end}")
    print(f"{len(items):,} items, {sum(len(item['volumes']) for item in items):,} volumes")
    return ExitCode.OK


def prepare(
    name: Annotated[str, Parameter(name="ID", help="Name of the rules.")],
    /,
    *,
    officer: OfficerName,
    epoch: Annotated[int, Parameter(help="Which epoch; the present one if not given.")] = -1,
    wait_s: WaitS = 600,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Cover the plan by cells, make its tags and commit to it; after a change of the plan, amend.

    The partner gets tags that tell it nothing until it asks; the record gets a salted hash.

    Example: entente blind prepare skies --desk ./us --officer duty-1
    """
    link = DeskLink.open(desk)
    holding = follow_prepare(
        link, {"officer": officer, "rules": name, "epoch": epoch}, wait_s=wait_s, is_quiet=json
    )
    code = {"committed": ExitCode.OK, "refused": ExitCode.REFUSED}.get(holding["state"], ExitCode.UNREACHABLE)
    if json:
        print_json({"ok": code == ExitCode.OK, "exit": int(code), **holding})
    elif code == ExitCode.OK:
        print(say_holding(holding))
    else:
        print(f"{holding['state']}: {holding['words'] or 'the desk goes on; ask again'}")
    return code


def say_holding(holding: dict[str, Any]) -> str:
    """Return what we have committed to, in a line."""
    which = f"committed under {holding['rules']}, epoch {holding['epoch']}, version {holding['number']}"
    shown = f"shown as {holding['size']:,}"
    if holding["words"]:
        return f"{which}, {shown}: {holding['words']}"
    return f"{which}: {holding['cells']:,} cells, {holding['tokens']:,} tokens, {shown}"


def read_item(
    name: str,
    circle: list[str] | None,
    polygon: list[str] | None,
    files: list[Path] | None,
    heights: str,
    window: str,
) -> Item:
    """Return an item as the options describe it."""
    volumes = read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=files or []
    )
    return {"name": name, "volumes": volumes}


def split_items(items: list[Item]) -> Iterator[list[Item]]:
    """Yield items in as few requests as the desk takes them in."""
    import json as json_text

    some: list[Item] = []
    size_bytes = 0
    for item in items:
        item_bytes = len(json_text.dumps(item))
        if some and size_bytes + item_bytes > MOST_BODY_BYTES:
            yield some
            some, size_bytes = [], 0
        some.append(item)
        size_bytes += item_bytes
    yield some


def _change(
    link: DeskLink,
    officer: str,
    *,
    as_json: bool,
    put: list[Item] | None = None,
    notes: tuple[str, ...] = (),
    **more: Any,  # noqa: ANN401 - of the request
) -> int:
    answer: dict[str, Any] = {}
    count = 0
    for part in split_items(put or []):
        body = {"officer": officer, "put": part, **(more if not answer else {})}
        try:
            answer = link.call("POST", "/api/blind-plan", body)
        except EntenteError:
            if count:
                sys.stderr.write(f"entente: {count:,} items were put before this; put the file again\n")
            raise
        count += answer["put"]
    if as_json:
        print_json({"ok": True, "exit": int(ExitCode.OK), **answer, "put": count, "notes": list(notes)})
        return ExitCode.OK
    changed = f"{count:,} put, {answer['dropped']:,} dropped; " if count or answer["dropped"] else ""
    print(f"{changed}the plan has {answer['items']:,} items, {answer['volumes']:,} volumes")
    for note in notes:
        print(f"note: {note}")
    return ExitCode.OK
