"""`entente alarms|see`: confrontations, who is called, who has seen them; and one's own "I have seen it".

Invariants: what confronts this party stands first; "raised", "seen" and "nobody saw it" are never mixed; the
hotline thread and the contacts stand with each alarm; one officer sees one alarm at a time; what this desk
found out about the host is listed apart, and taken down with `entente dismiss`.

    $ entente alarms --desk ./us
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.terms.words.text import clean_text

alarms_app = make_app(
    "alarms",
    "Confrontations: what meets what, who is called on both sides, who has seen it when.\n\n"
    "Example: entente alarms --desk ./us\n"
    "Example: entente alarms --desk ./us --all --json     also those that have ended",
)
see_app = make_app(
    "see",
    "Say that you have seen an alarm of the record; who saw it when stays there.\n\n"
    "Example: entente see alarm-17-1 --desk ./us --officer duty-1",
)
APPS = {"alarms": alarms_app, "see": see_app}


@alarms_app.default
def alarms(
    *,
    all_: Annotated[bool, Parameter(name="--all", help="Also those that have ended.")] = False,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Show confrontations that stand, and what this desk found out about the host."""
    link = DeskLink.open(desk)
    found = [one for one in link.call("GET", "/api/confrontations") if all_ or one["state"] != "ended"]
    host = link.call("GET", "/api/alarms")
    if json:
        print_json({"confrontations": found, "host": host})
        return ExitCode.OK
    for one in found:
        print(_say(one))
    for one in host:
        print(f"ABOUT THE HOST, alarm {one['id']}: {clean_text(one['words'])}\n  {one['meaning']}")
    if not found and not host:
        print("no confrontation stands, and nothing is known against the host")
    return ExitCode.OK


def _say(one: dict[str, Any]) -> str:
    lines = [f"{one['alarm']} ({one['state']}): {one['words']}", f"  {one['sight']}"]
    for side in one["sides"]:
        turned = f"; the center turned to {', '.join(side['escalated_to'])}" if side["escalated_to"] else ""
        lines.append(f"  {side['party']}: contacts in order {', '.join(side['contacts'])}{turned}")
    if one["thread"]:
        lines.append(
            f"  hotline: entente say {one['thread']} 'TEXT'; seen: entente see {one['alarm']}; next contact "
            f"every {one['escalate_minutes']} minutes, lapse after {one['lapse_minutes']}"
        )
    if one["state"] == "ended":
        lines.append(f"  over with entry {one['ended_index']}: {one['why']}")
    return "\n".join(lines)


@see_app.default
def see(
    alarm: Annotated[str, Parameter(name="ALARM")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say that you have seen ALARM."""
    answer = DeskLink.open(desk).call("POST", "/api/see", {"officer": officer, "alarm": alarm})
    return print_spoken(answer, f"{alarm!r} seen by {officer!r}", as_json=json)
