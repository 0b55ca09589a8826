"""`entente release plan|plans|send|withdraw|explain`: from a report to what one recipient may see of it.

Invariants: planning sends nothing and charges nothing; a yes can be held to the very bytes that were looked
at (``--sha256``); exit code 0 of `send` says that the gate did as asked, and only the word SENT that it left.

    $ entente release plan r-17 --to ru --purpose counter-terrorism --desk ./us --officer duty-1
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName
from entente.cli.output import ExitCode, print_json
from entente.cli.release.sizes import read_arcsec, read_seconds
from entente.cli.release.words import get_plans_code, list_explained, list_plan, show
from entente.cli.run import Json
from entente.kernel.errors import Malformed

PlanNumber = Annotated[
    int, Parameter(name="PLAN", help="Its number at this desk: see `entente release plans`.")
]
Until = Annotated[
    str, Parameter(help="When they are not to use it any more, UTC; as the purpose says if not given.")
]


def register(app: App) -> None:
    """Add the commands to ``entente release``."""
    for command in (plan, plans, send, withdraw, explain):
        app.command(command)


def plan(  # noqa: PLR0913 - a level has this many sides
    report: Annotated[str, Parameter(name="REPORT", help="Its id on the shelf of reports.")],
    /,
    *,
    to: Annotated[list[str], Parameter(help="A party; repeat for more. Planned for each, in this order.")],
    purpose: Annotated[str, Parameter(help="What they may use it for.")],
    officer: OfficerName,
    place: Annotated[str, Parameter(help="No finer than this: 1deg, 30arcmin, 6arcsec.")] = "",
    span: Annotated[str, Parameter(help="Time no finer than this: 1d, 6h, 10min.")] = "",
    depth: Annotated[
        int, Parameter(help="At most so many steps of the identity; -1: as the gate finds.")
    ] = -1,
    height: Annotated[int, Parameter(help="Height no finer than so many metres; 0: as the gate finds.")] = 0,
    latest: Annotated[str, Parameter(help="Held back no longer than this: 0, 15min, 6h.")] = "",
    tear_line: Annotated[str, Parameter(help="Id of the text to go with it; the first that fits.")] = "",
    weigh: Annotated[
        list[str] | None,
        Parameter(
            help="What is worth how much to you: place=3, span=1, height=0.5, depth=3, wait=1; repeat. "
            "Of levels within budget the one worth most is offered."
        ),
    ] = None,
    until: Until = "",
    note: Annotated[str, Parameter(help="For the recipient: it leaves as it stands.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Plan what each recipient may see of REPORT. Nothing leaves, nothing is charged.

    Example: entente release plan r-17 --to ru --to fr --purpose counter-terrorism --desk ./us
    --officer duty-1
    Example: entente release plan r-17 --to ru --purpose safety --latest 15min --place 30arcmin
    --desk ./us --officer duty-1
    """
    body: dict[str, Any] = {
        "officer": officer,
        "report": report,
        "to": to,
        "purpose": purpose,
        "finest_arcsec": read_arcsec(place) if place else 0,
        "finest_s": read_seconds(span) if span else 0,
        "most_depth": depth,
        "finest_m": height,
        "latest_s": read_seconds(latest) if latest else -1,
        "weights": _read_weights(weigh) if weigh else None,
        "tear_line": tear_line,
        "until": until,
        "note": note,
    }
    return show_plans(DeskLink.open(desk).call("POST", "/api/release-plan", body), as_json=json)


def _read_weights(texts: list[str]) -> dict[str, int]:
    weights: dict[str, int] = {}
    for text in texts:
        found = re.fullmatch(r"(place|span|height|depth|wait)=([0-9]{1,3}(?:\.[0-9]{1,2})?)", text)
        if found is None or found[1] in weights:
            raise Malformed(
                "bad-weight",
                f"weigh: expected place, span, height, depth or wait, each once, = 0 to 999.99, got {text!r}",
            )
        weights[found[1]] = round(float(found[2]) * 100)
    return weights


def plans(
    *,
    state: Annotated[str, Parameter(help="planned, held, sending, recorded, denied, stale, ...")] = "",
    report: Annotated[str, Parameter(help="Of this report only.")] = "",
    to: Annotated[str, Parameter(help="To this party only.")] = "",
    limit: Annotated[int, Parameter(help="At most so many, the newest first.")] = 20,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """List plans, the newest first, a line each.

    Example: entente release plans --state planned --desk ./us
    """
    found = DeskLink.open(desk).call(
        "GET", "/api/release-plans", state=state, report=report, recipient=to, limit=limit
    )
    lines = [line for one in found for line in list_plan(one, is_short=True)]
    show(found, lines or ["no plans"], as_json=json)
    return ExitCode.OK


def send(
    number: PlanNumber,
    /,
    *,
    officer: OfficerName,
    sha256: Annotated[str, Parameter(name="--sha256", help="Only if it is what you have looked at.")] = "",
    wait_s: Annotated[int, Parameter(help="How many seconds to wait for the record's answer.")] = 20,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say yes to PLAN. With the last yes it waits for its time; then it is judged again, charged and sent.

    Example: entente release send 3 --desk ./us --officer duty-1
    """
    body = {"officer": officer, "plan": number, "sha256": sha256, "wait_s": wait_s}
    return show_plans(
        [DeskLink.open(desk).call("POST", "/api/release-send", body)], as_json=json, is_one=True
    )


def withdraw(
    number: PlanNumber, /, *, officer: OfficerName, desk: DeskFolder = None, json: Json = False
) -> int:
    """Take PLAN back while it is not charged yet.

    Example: entente release withdraw 3 --desk ./us --officer duty-1
    """
    body = {"officer": officer, "plan": number}
    answer = DeskLink.open(desk).call("POST", "/api/release-withdraw", body)
    return show_plans([answer], as_json=json, is_one=True)


def explain(
    plan_or_report: Annotated[
        str, Parameter(name="PLAN|REPORT", help="A plan's number; or a report's id, with --to.")
    ],
    /,
    *,
    to: Annotated[str, Parameter(help="The party, with a report: the newest plan about both.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say why a party got a report in this form, or nothing, and what it would need to see more.

    Example: entente release explain 3 --desk ./us
    Example: entente release explain r-17 --to ru --desk ./us
    """
    link = DeskLink.open(desk)
    if to:
        found = link.call("GET", "/api/release-explain", report=plan_or_report, to=to)
    elif plan_or_report.isdecimal():
        found = link.call("GET", "/api/release-explain", plan=int(plan_or_report))
    else:
        raise Malformed(
            "no-plan", f"explain: expected a plan's number, or a report and --to, got {plan_or_report!r}"
        )
    show(found, list_explained(found), as_json=json)
    return ExitCode.OK


def show_plans(plans: list[dict[str, Any]], *, as_json: bool, is_one: bool = False) -> int:
    """Print plans and return their exit code."""
    code = get_plans_code(plans)
    if as_json:
        found: dict[str, Any] = plans[0] if is_one else {"plans": plans}
        print_json({"ok": code == ExitCode.OK, "exit": int(code), **found})
    else:
        show(plans, [line for one in plans for line in list_plan(one)], as_json=False)
    return code
