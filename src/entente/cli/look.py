"""`entente status|watch`: what stands and what is due, and what happens, a line each.

Invariants: "recorded", "firm" and "acknowledged" are never mixed; what has not happened is shown as not
happened; alarms come first and cannot be scrolled past; a stale or broken line to the center is said in
the first line.

    $ entente status --desk ./us
"""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

from cyclopts import Parameter

from entente.cli.link import DeskFolder, DeskLink
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.terms.words.text import clean_text

status_app = make_app(
    "status",
    "What stands, what is due, what conflicts; or how far one message has come.\n\n"
    "Example: entente status --desk ./us\n"
    "Example: entente status 17 --desk ./us     the receipt ladder of message 17",
)
watch_app = make_app(
    "watch",
    "Follow what happens, a line each, until Ctrl-C.\n\nExample: entente watch --desk ./us --json",
)
APPS = {"status": status_app, "watch": watch_app}


@status_app.default
def status(
    message: Annotated[
        str, Parameter(name="MESSAGE", help="An index, or the beginning of a message's hash.")
    ] = "",
    *,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Show how things stand at this desk, or the ladder of MESSAGE."""
    link = DeskLink.open(desk)
    if message:
        ladder = link.call("GET", "/api/ladder", message=message)
        if json:
            print_json(ladder)
        else:
            _print_ladder(ladder)
        return ExitCode.OK
    found = link.call("GET", "/api/status")
    if json:
        print_json(found)
    else:
        _print_status(found)
    return ExitCode.OK


@watch_app.default
def watch(*, desk: DeskFolder = None, json: Json = False) -> int:
    """Print each event of this desk as it comes."""
    link = DeskLink.open(desk)
    for event in link.stream("/api/events"):
        if json:
            print_json(event)
        else:
            print(say_event(event.get("event", ""), jsonlib.loads(event.get("data", "{}"))), flush=True)
    return ExitCode.OK


def say_event(name: str, data: dict[str, Any]) -> str:
    """Return an event of the desk in one line for a person."""
    if name == "entry":
        officers = f" ({', '.join(data['officers'])})" if data["officers"] else ""
        sealed = ", sealed" if data["is_sealed"] else ""
        at = data["at"][:19].replace("T", " ")
        what = f"{data['author']}{officers}: {data['kind']}, {data['standing']}{sealed}"
        if data["kind"] == "alarm.raise":
            what = f"CONFRONTATION, see: entente alarms   ({what})"
        return f"{at}  {data['index']:>6}  {what}"
    if name == "alarm":
        return clean_text(f"ALARM {data.get('id', '')}: {data.get('words', data)}")
    if name == "link":
        return f"line to the center: {data['state']}{': ' + data['trouble'] if data['trouble'] else ''}"
    return f"{name}: {data}"


def _print_status(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    record, link = found["record"], found["link"]
    if found["exercise"]:
        console.print(Text("EXERCISE: nothing here is real", style="bold black on yellow"))
    for alarm in found["alarms"]:
        console.print(Text(clean_text(f"ALARM {alarm['id']}: {alarm['words']}"), style="bold white on red"))
        console.print(Text(f"  {alarm['meaning']}"))
        if alarm["evidence"]:
            console.print(Text(f"  evidence: {alarm['evidence']}"))
    console.print(
        Text(f"{found['name']} ({found['party']}) at {found['center']}   {found['now'][:19]}Z", style="bold")
    )
    trouble = f": {link['trouble']}" if link["trouble"] else ""
    style = "green" if link["state"] in {"live", "connected", "good"} else "yellow"
    console.print(Text(f"line to the center: {link['state']}{trouble}", style=style))
    console.print(
        f"record: {record['size']} entries recorded, "
        f"{record['firm_size']} firm, {record['settled_size']} settled"
    )
    if found["inbox"]:
        table = Table("due", "what", "since", title="What a person must do now", title_justify="left")
        for item in found["inbox"]:
            table.add_row(
                Text(item["kind"], style="bold red" if item["is_overdue"] else "bold"),
                Text(item["words"]),
                Text(item["since"]),
            )
        console.print(table)
    else:
        console.print("nothing is due")
    if found["activities"]:
        table = Table(
            "activity", "of", "title", "state", "position", title="Activities", title_justify="left"
        )
        for one in found["activities"]:
            position = one["position"]
            reasons = "; ".join(position.get("reasons", []))
            table.add_row(
                Text(one["id"]),
                Text(one["author"]),
                Text(clean_text(one["title"])),
                Text(clean_text("; ".join([one["state"], *one["reasons"]]))),
                Text(clean_text(f"{position['state']}{': ' + reasons if reasons else ''}")),
            )
        console.print(table)
    for zone in found["zones"]:
        console.print(Text(clean_text(zone["words"])))
    for site in found["sites"]:
        style = "bold yellow" if site["standing"] in {"expires-soon", "expired"} else ""
        console.print(Text(f"site {clean_text(site['words'])}", style=style))
    for one in found["incidents"]:
        console.print(Text(clean_text(f"{one['words']} ({one['told']})"), style="bold"))
        for owed in one["follow_up"]:
            console.print(Text(f"  {clean_text(owed['words'])}"))
    for one in found["agreements"]:
        ends = f", ends {one['ends']}" if one["ends"] and one["phase"] != "ended" else ""
        why = one["why"]
        console.print(
            Text(clean_text(f"agreement {one['id']} ({one['title']}): {one['phase']}{ends}; {why}"))
        )
    for conflict in found["conflicts"]:
        console.print(Text(f"CONFLICT {conflict['words']}", style="bold red"))


def _print_ladder(ladder: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    title = f"{ladder['kind']} of {ladder['author']}, {ladder['message'][:16]}"
    table = Table("party", "rung", "when", "words", title=title, title_justify="left")
    styles = {"reached": "green", "not-yet": "yellow", "failed": "bold red"}
    sections = [("", ladder["rungs"]), *((one["party"], one["rungs"]) for one in ladder["parties"])]
    for party, rungs in sections:
        for rung in rungs:
            when = rung["at"] or ("" if rung["state"] == "reached" else "not yet")
            table.add_row(
                Text(party),
                Text(rung["name"], style=styles[rung["state"]]),
                Text(when),
                Text(clean_text(rung["text"])),
            )
    Console(highlight=False).print(table)
