"""`entente ack|readback|concur|object|reconsider|dismiss`: what a receiving officer answers.

Invariants: each answer names its officer; reading back without ``--at`` says what this desk's own map says
of the position that was told, so that the officer reads words, not digits; an objection has a reason, and a
"reconsider" has none.

    $ entente readback 17 --desk ./ru --officer duty-1
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from entente.cli.activity import Circles, GeoJSON, Heights, Polygons, Window
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_point, read_volumes

MessageText = Annotated[str, Parameter(name="MESSAGE")]

ack_app = make_app(
    "ack",
    "Acknowledge messages, as a named officer.\n\nExample: entente ack 17 18 --desk ./ru --officer duty-1",
)
readback_app = make_app(
    "readback",
    "Read a notified position back; check, confirm or dispute what was read back to you.\n\n"
    "Example: entente readback make 17 --desk ./ru --officer duty-1\n"
    "Example: entente readback confirm 21 --desk ./us --officer duty-1 --moved-m 9000\n"
    "Example: entente readback dispute 17 --desk ./us --officer duty-1 --difference-m 9000 --reason 'wrong'",
)
concur_app = make_app(
    "concur",
    "Agree to an activity that needs your agreement.\n\n"
    "Example: entente concur strike-1 --desk ./ru --officer duty-1",
)
object_app = make_app(
    "object",
    "Object to an activity, with a reason.\n\n"
    "Example: entente object strike-1 --desk ./ru --officer duty-1 --reason 'our positions are there'",
)
reconsider_app = make_app(
    "reconsider",
    "Say no to an activity without saying why: it should be thought over and told again.\n\n"
    "Example: entente reconsider strike-1 --desk ./ru --officer duty-1",
)
dismiss_app = make_app(
    "dismiss",
    "Take an alarm down, in an officer's name and for a reason; its evidence is kept.\n\n"
    "Example: entente dismiss 2 --desk ./us --officer duty-1 --why 'corrected by entry 23'",
)
APPS = {
    "ack": ack_app,
    "readback": readback_app,
    "concur": concur_app,
    "object": object_app,
    "reconsider": reconsider_app,
    "dismiss": dismiss_app,
}


@ack_app.default
def acknowledge(
    *message: MessageText,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Acknowledge MESSAGE: an index, or the beginning of its hash."""
    answer = DeskLink.open(desk).call(
        "POST", "/api/acknowledge", {"officer": officer, "messages": list(message)}
    )
    return print_spoken(answer, f"acknowledged by {officer!r}", as_json=json)


@readback_app.command
def make(
    message: MessageText,
    /,
    *,
    officer: OfficerName,
    at: Annotated[
        list[str] | None,
        Parameter(help="LAT,LON as your own map has it; one for each volume. Not given: as it was told."),
    ] = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Read the position told in MESSAGE back to its author.

    Example: entente readback make 17 --desk ./ru --officer duty-1
    """
    link = DeskLink.open(desk)
    readings = [{"volume": place, "point_e7": read_point(text)} for place, text in enumerate(at or [])]
    body: dict[str, Any] = {"officer": officer, "message": message, "readings": readings or None}
    return print_spoken(link.call("POST", "/api/read-back", body), f"read back {message}", as_json=json)


@readback_app.command
def check(  # noqa: PLR0913 - a plan has this many sides
    activity: Annotated[str, Parameter(name="ID")],
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
    """Hold what was told and read back of your activity ID against your own plan, kept at this desk.

    A difference beyond the agreed tolerance is disputed at once, in your name: the position does not count.

    Example: entente readback check strike-1 --desk ./us --officer planner-1 --circle 35.24,40.12,1000
    --heights ..9000 --window 2026-12-01T06:00:00Z..2026-12-01T12:00:00Z
    """
    volumes = read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=geojson or []
    )
    found = DeskLink.open(desk).call(
        "POST", "/api/store-plan", {"officer": officer, "activity": activity, "volumes": volumes}
    )
    if json:
        print_json(found)
    elif found["differences"]:
        print("\n".join(["DIFFERENT, and disputed:", *found["differences"]]))
    else:
        print("as planned, within the agreed tolerance")
    return ExitCode.VERIFICATION_FAILED if found["differences"] else ExitCode.OK


@readback_app.command
def confirm(
    message: MessageText,
    /,
    *,
    officer: OfficerName,
    moved_m: Annotated[int, Parameter(help="By how many metres your position moved.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say by how much your own position in MESSAGE moved, in answer to a read-back.

    Example: entente readback confirm 21 --desk ./us --officer duty-1 --moved-m 9000
    """
    body = {"officer": officer, "message": message, "moved_cm": moved_m * 100}
    return print_spoken(DeskLink.open(desk).call("POST", "/api/confirm", body), "confirmed", as_json=json)


@readback_app.command
def dispute(
    message: MessageText,
    /,
    *,
    officer: OfficerName,
    difference_m: Annotated[int, Parameter(help="How far it is from your plan, metres.")],
    reason: Annotated[str, Parameter(help="What is wrong.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say that your own position in MESSAGE is wrong as it was told: it does not count until updated.

    Example: entente readback dispute 17 --desk ./us --officer duty-1 --difference-m 9000 --reason 'digits
    swapped'
    """
    body = {"officer": officer, "message": message, "difference_cm": difference_m * 100, "reason": reason}
    return print_spoken(DeskLink.open(desk).call("POST", "/api/dispute", body), "disputed", as_json=json)


@concur_app.default
def concur(
    activity: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Agree to the current version of the activity ID."""
    answer = DeskLink.open(desk).call("POST", "/api/concur", {"officer": officer, "activity": activity})
    return print_spoken(answer, f"concurred to {activity!r}", as_json=json)


@object_app.default
def object_to(
    activity: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="Why.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Object to the current version of the activity ID."""
    answer = DeskLink.open(desk).call(
        "POST", "/api/object", {"officer": officer, "activity": activity, "reason": reason}
    )
    return print_spoken(answer, f"objected to {activity!r}", as_json=json)


@reconsider_app.default
def reconsider(
    activity: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say no to the current version of the activity ID, without a reason."""
    answer = DeskLink.open(desk).call("POST", "/api/reconsider", {"officer": officer, "activity": activity})
    return print_spoken(answer, f"asked to reconsider {activity!r}", as_json=json)


@dismiss_app.default
def dismiss(
    alarm: Annotated[int, Parameter(name="ALARM")],
    /,
    *,
    officer: OfficerName,
    why: Annotated[str, Parameter(help="Why it need not stand any longer.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Take ALARM down."""
    body = {"officer": officer, "alarm": alarm, "why": why}
    found = DeskLink.open(desk).call("POST", "/api/dismiss", body)
    if json:
        print_json({"ok": True, **found})
    else:
        print(f"alarm {alarm} is down; its evidence is kept")
    return ExitCode.OK
