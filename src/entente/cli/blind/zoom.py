"""`entente blind zoom`: after CONFLICT, show each other what lies in the shared cells, and settle exactly.

Invariants: nothing is shown before both have offered; what is shown lies in cells that both found; whether
it is a conflict is said by the exact rule over what both signed.

    $ entente blind zoom 3 --desk ./us --officer duty-1 --item sortie-7
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.terms.words.text import clean_text

_STATES: Final = {
    "none": "nobody has offered",
    "offering": "our offer is on its way",
    "asked": "they have offered, we have not",
    "offered": "we have offered, they have not",
    "showing": "both have offered; parts are on their way",
}


def register(app: App) -> None:
    """Add the commands to ``entente blind``."""
    app.command(zoom)
    app.command(zoomed)


def zoomed(
    number: Annotated[int, Parameter(name="RUN", help="Its number at this desk: see `entente blind runs`.")],
    /,
    *,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Show how far the zoom of a run is; offers nothing. Exit codes as of zoom.

    Example: entente blind zoomed 3 --desk ./us
    """
    return _tell(DeskLink.open(desk).call("POST", "/api/blind-zoomed", {"run": number}), as_json=json)


def zoom(
    number: Annotated[int, Parameter(name="RUN", help="Its number at this desk: see `entente blind runs`.")],
    /,
    *,
    officer: OfficerName,
    item: Annotated[
        list[str] | None, Parameter(name="--item", help="Only this item of your plan; may be repeated.")
    ] = None,
    wait_s: Annotated[int, Parameter(help="How many seconds to wait for the other side.")] = 20,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Offer to show what of your plan lies in the cells that met, if the partner offers the same.

    Then the exact rule says whether it is a conflict. An offer binds: once both have offered, the desk shows
    by itself; who has read the other's part and does not show its own is named. Of whole runs only.
    Exit codes: 0 an artefact of the grid, 7 a conflict, 8 not judged, 5 the other side has not offered or
    shown yet.

    Example: entente blind zoom 3 --desk ./us --officer duty-1
    """
    body = {"officer": officer, "run": number, "items": item or [], "wait_s": wait_s}
    found = DeskLink.open(desk).call("POST", "/api/blind-zoom", body)
    if found["state"] == "none":
        # The record that this desk follows does not hold it yet.
        found |= {"state": "offering", "words": ""}
    return _tell(found, as_json=json)


def _tell(found: dict[str, Any], *, as_json: bool) -> int:
    code = get_zoom_code(found)
    if as_json:
        print_json({"ok": code == ExitCode.OK, "exit": int(code), **found})
    else:
        print("\n".join(list_zoom(found)))
    return code


def get_zoom_code(found: dict[str, Any]) -> ExitCode:
    """Return the exit code of a zoom: 0 is an artefact of the grid, where it was judged to be one."""
    if found["state"] != "judged":
        return ExitCode.UNREACHABLE
    codes = {True: ExitCode.CONFLICT, False: ExitCode.OK}
    # SECURITY: who shows nothing must not be taken for one whose parts keep their distance.
    return codes.get(found["is_true"], ExitCode.INVALID)


def list_zoom(found: dict[str, Any]) -> list[str]:
    """Return how far a zoom is, or what it showed."""
    words = clean_text(found["words"])
    if found["state"] != "judged":
        owed = f"; owed by {found['owed_by']}" if found["owed_by"] else ""
        said = f"NOT YET: {_STATES.get(found['state'], found['state'])}{owed}"
    elif found["is_true"] is None:
        said = "NOT JUDGED: treat it as the conflict that the check found"
    elif not found["is_true"]:
        said = "NO CONFLICT: the plans share a cell and keep the separation in it"
    else:
        said = f"CONFLICT: {len(found['meetings'])} meetings of our parts with theirs"
    return [said, *([words] if words else [])]
