"""`entente blind check|run|runs`: check blind, and see how a check ended.

Invariants: exit code 0 is CLEAR and nothing else; CONFLICT and INVALID have codes of their own; a run that
has not ended is told as such, with its number, and goes on at the desk.

    $ entente blind check skies --desk ./us --officer duty-1
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from entente.cli.activity import Circles, GeoJSON, Heights, Polygons
from entente.cli.blind.items import Item, TrackOptions, read_items
from entente.cli.blind.plan import Datum, HalfHeight, LegS, Radius, read_item
from entente.cli.blind.waiting import WaitS, follow_run, get_run, list_runs
from entente.cli.blind.words import get_code, list_run, say_runs
from entente.cli.link import DeskFolder, DeskLink, OfficerName
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.kernel.errors import Malformed


def register(app: App) -> None:
    """Add the commands to ``entente blind``."""
    for command in (check, run, runs):
        app.command(command)


def check(  # noqa: PLR0913 - a check has this many sides
    rules: Annotated[str, Parameter(name="ID", help="Name of the rules.")],
    /,
    *,
    officer: OfficerName,
    yes_no: Annotated[bool, Parameter(name="--yes-no", help="By way of the center: only whether.")] = False,
    count: Annotated[bool, Parameter(name="--count", help="By way of the center: about how much.")] = False,
    name: Annotated[str, Parameter(help="Of the new activity that the volumes describe.")] = "new",
    window: Annotated[str, Parameter(help="START..END in UTC, of the new activity.")] = "",
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    file: Annotated[
        Path | None, Parameter(help="New activities from a file: tracks, GeoParquet or GeoJSON.")
    ] = None,
    datum: Datum = "",
    radius: Radius = None,
    half_height: HalfHeight = None,
    leg_s: LegS = 120,
    adopt: Annotated[
        bool, Parameter(help="When new activities are CLEAR, put them into the plan and commit again.")
    ] = False,
    token: Annotated[str, Parameter(help="A word of yours: asking again with it asks once.")] = "",
    wait_s: WaitS = 600,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Check the committed plan against the partner's, and theirs against yours in return.

    With volumes (or --file): check only these, which you mean to add.

    Example: entente blind check skies --desk ./us --officer duty-1
    Example: entente blind check skies --desk ./us --officer duty-1 --name sortie-9 --adopt
    --circle 35.30,40.10,2000 --heights 3000..4000 --window 2026-12-01T06:00:00Z..2026-12-01T07:00:00Z
    Example: entente blind check skies --desk ./us --officer duty-1 --yes-no
    """
    link = DeskLink.open(desk)
    items: list[Item] = []
    if circle or polygon or geojson:
        items.append(read_item(name, circle, polygon, geojson, heights, window))
    if file is not None:
        items += read_items(
            file, TrackOptions(datum=datum, radius_m=radius, half_height_m=half_height, leg_s=leg_s)
        ).items
    kind = _find_kind(items, yes_no=yes_no, count=count)
    if window and not items:
        raise Malformed("no-volume", "check: expected --circle, --polygon, --geojson or --file with --window")
    if adopt and kind != "delta":
        raise Malformed("no-volume", f"--adopt: expected new activities to check, got a check of {kind!r}")
    body: dict[str, Any] = {
        "officer": officer,
        "rules": rules,
        "kind": kind,
        "items": items,
        "adopt": adopt,
        "token": token,
        "wait_s": min(1, wait_s),
    }
    started = link.call("POST", "/api/blind-check", body)
    return _tell(follow_run(link, started, wait_s=wait_s, is_quiet=json), as_json=json)


def _find_kind(items: list[Item], *, yes_no: bool, count: bool) -> str:
    asked = [word for word, is_so in (("yes-no", yes_no), ("count", count), ("delta", bool(items))) if is_so]
    if len(asked) > 1:
        got = " and ".join(asked)
        raise Malformed("two-kinds", f"check: expected one of --yes-no, --count and new volumes, got {got}")
    return asked[0] if asked else "whole"


def run(
    number: Annotated[int, Parameter(name="RUN", help="Its number at this desk: see `entente blind runs`.")],
    /,
    *,
    wait_s: Annotated[int, Parameter(help="How many seconds to wait for it to end.")] = 0,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Show how a run ended, or how far it is; of a CONFLICT, where.

    Example: entente blind run 3 --desk ./us
    """
    link = DeskLink.open(desk)
    found = get_run(link, number)
    if found["state"] != "ended" and wait_s:
        found = follow_run(link, found, wait_s=wait_s, is_quiet=json)
    return _tell(found, as_json=json)


def runs(
    rules: Annotated[str, Parameter(name="ID", help="Name of the rules; all of them if not given.")] = "",
    /,
    *,
    limit: Annotated[int, Parameter(help="At most so many, the newest first.")] = 20,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """List runs, the newest first, what is computed now, and what each side has committed to.

    Example: entente blind runs skies --desk ./us
    """
    found = list_runs(DeskLink.open(desk), rules, limit=limit)
    if json:
        print_json(found)
    else:
        print("\n".join(say_runs(found)))
    return ExitCode.OK


def _tell(found: dict[str, Any], *, as_json: bool) -> int:
    code = get_code(found)
    if as_json:
        print_json({"ok": code == ExitCode.OK, "exit": int(code), **found})
    else:
        print("\n".join(list_run(found)))
    return code
