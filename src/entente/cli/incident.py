"""`entente incident`: report what was observed, answer for what others report, see what is owed.

Invariants: a report says what was observed and how that is known, and has no place for who did it; at a
notified site it opens the follow-up by itself; a report that would give away where a sealed site is goes to
those who know of it, unless --to or --to-all says otherwise.

    $ entente incident report fire-1 --at 36.20,37.16 --within-m 50 --category strike ...
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from entente.cli.activity import Parties, Window
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_point
from entente.kernel.errors import Malformed, NotFound
from entente.terms.words.text import clean_text

Category = Literal[
    "strike",
    "shelling",
    "shooting",
    "damage",
    "intrusion",
    "near-miss",
    "interference",
    "access-denied",
    "other",
]
Basis = Literal["seen", "instrument", "told"]

incident_app = make_app(
    "incident",
    "Report what was observed, answer for what others report, see what is owed.\n\n"
    "At a notified site a report opens its follow-up by itself: everyone else who has the report owes an\n"
    "account, or the word that there is nothing to state yet, within 7 days, 2 when urgent.\n\n"
    "Example: entente incident report fire-1 --desk ./un --officer duty-1 --category strike --urgent\n"
    "           --at 36.2000,37.1600 --within-m 50 --window 2026-12-01T14:05:00Z..2026-12-01T14:20:00Z\n"
    "           --observed 'The east wing burns; two impacts heard' --basis seen\n"
    "Example: entente incident answer fire-1 --desk ./ru --officer duty-1 --nothing-yet",
)
APPS = {"incident": incident_app}


@incident_app.command
def report(  # noqa: PLR0913 - an observation has this many sides
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    category: Annotated[Category, Parameter(help="What kind of incident it is.")],
    at: Annotated[str, Parameter(help="LAT,LON in degrees.")],
    window: Window,
    observed: Annotated[str, Parameter(help="What was observed. Not who did it.")],
    basis: Annotated[Basis, Parameter(help="How it is known: by own people, a sensor, or from others.")],
    within_m: Annotated[int, Parameter(help="How exact the place is, metres.")] = 100,
    urgent: Annotated[bool, Parameter(help="Answers are owed within 2 days.")] = False,
    source: Annotated[str, Parameter(help="Where the observation comes from.")] = "",
    to: Parties = None,
    to_all: Annotated[bool, Parameter(help="To every party, whoever knows of the site.")] = False,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Report the incident ID: where, when, what was observed."""
    if to and to_all:
        raise Malformed("both", "incident: expected --to or --to-all, got both")
    start, dots, end = window.partition("..")
    if not dots:
        raise Malformed("bad-window", f"window: expected START..END in UTC, got {window!r}")
    body: dict[str, Any] = {
        "officer": officer,
        "id": name_id,
        "category": category,
        "urgent": urgent,
        "place_e7": read_point(at),
        "within_cm": within_m * 100,
        "start": start,
        "end": end,
        "observed": observed,
        "basis": basis,
        "source": source,
        "to": sorted(to) if to else [] if to_all else None,
    }
    link = DeskLink.open(desk)
    code = print_spoken(
        link.call("POST", "/api/incident-report", body), f"incident {name_id!r}", as_json=json
    )
    if not json and code == ExitCode.OK:
        try:
            _print_incident(link.call("GET", "/api/incident", id=name_id))
        except (NotFound, Malformed):
            # Recorded all the same: the desk has not followed the record so far yet, or knows two of that
            # name.
            print(f"what is owed for it: entente incident show {name_id}")
    return code


@incident_app.command
def answer(
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    account: Annotated[str, Parameter(help="Your own account of it.")] = "",
    nothing_yet: Annotated[bool, Parameter(help="There is nothing to state yet.")] = False,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Answer for the incident ID: with your own account, or that there is nothing to state yet.

    Example: entente incident answer fire-1 --desk ./ru --officer duty-1 --account 'No aircraft of ours ...'
    """
    if bool(account) == nothing_yet:
        raise Malformed("which", "answer: expected --account TEXT or --nothing-yet, one of them")
    body = {
        "officer": officer,
        "id": name_id,
        "answer": "nothing-yet" if nothing_yet else "account",
        "text": account,
    }
    said = DeskLink.open(desk).call("POST", "/api/incident-answer", body)
    return print_spoken(said, f"incident {name_id!r}", as_json=json)


@incident_app.command(name="list")
def list_all(*, desk: DeskFolder = None, json: Json = False) -> int:
    """List every incident that your desk can read, newest first.

    Example: entente incident list --desk ./un
    """
    found = DeskLink.open(desk).call("GET", "/api/incidents")
    if json:
        print_json(found)
    elif not found:
        print("no incident was reported to this desk")
    else:
        for one in found:
            _print_incident(one)
    return ExitCode.OK


@incident_app.command
def show(
    name_id: Annotated[str, Parameter(name="ID")], /, *, desk: DeskFolder = None, json: Json = False
) -> int:
    """Show the incident ID: what was observed, who owes an answer, what was answered.

    Example: entente incident show fire-1 --desk ./un
    """
    found = DeskLink.open(desk).call("GET", "/api/incident", id=name_id)
    if json:
        print_json(found)
    else:
        _print_incident(found)
    return ExitCode.OK


def _print_incident(one: dict[str, Any]) -> None:
    print(clean_text(f"{one['words']} ({one['told']})"))
    for owed in one["follow_up"]:
        print(clean_text(f"  {owed['words']}"))
    for said in one["accounts"]:
        text = said["text"] or "nothing to state yet"
        print(clean_text(f"  {said['party']}, {said['answer']}: {text}"))
    if one["notice"]:
        print(f"  {one['notice']}")
