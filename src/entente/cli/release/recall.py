"""`entente release recall|items`: what partners hold from here and we from them, and calling it back.

Invariants: a recall is a signed notice with a state for each party, and is never told as a deletion; an item
that was recalled is marked wherever it is listed.

    $ entente release recall --report r-17 --reason wrong --desk ./us --officer duty-1
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName
from entente.cli.output import ExitCode, print_json
from entente.cli.release.words import list_items, list_recalls, show
from entente.cli.run import Json
from entente.kernel.errors import Malformed

Reason = Literal["wrong", "replaced", "sent-in-error", "not-stated"]
UNSENT: Final = frozenset({"queued", "signed"})


def register(app: App) -> None:
    """Add the commands to ``entente release``."""
    for command in (recall, items):
        app.command(command)


def recall(  # noqa: PLR0913 - a recall has this many sides
    of: Annotated[
        list[str] | None,
        Parameter(name="MESSAGE", help="Items sent or grants given: index or digits of the hash."),
    ] = None,
    /,
    *,
    officer: OfficerName,
    report: Annotated[str, Parameter(help="Instead: all that was made of this report, any version.")] = "",
    reason: Annotated[Reason, Parameter(help="Told to them.")] = "not-stated",
    words: Annotated[str, Parameter(help="More, in words that they will read.")] = "",
    token: Annotated[str, Parameter(help="A word of yours: asking again with it asks once.")] = "",
    wait_s: Annotated[int, Parameter(help="How many seconds to wait for the record's answer.")] = 20,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Tell who holds an item not to use it any more, and show who has read that.

    Example: entente release recall --report r-17 --reason wrong --desk ./us --officer duty-1
    Example: entente release recall 31 32 --reason replaced --words 'see 40' --desk ./us --officer duty-1
    """
    if bool(of) == bool(report):
        raise Malformed("no-item", "recall: expected messages or --report, and not both")
    body: dict[str, Any] = {"officer": officer, "reason": reason, "words": words, "wait_s": wait_s}
    body |= {"report": report} if report else {"of": of}
    if token:
        body["token"] = token
    found = DeskLink.open(desk).call("POST", "/api/release-recall", body)
    code = ExitCode.UNREACHABLE if any(one["state"] in UNSENT for one in found) else ExitCode.OK
    if json:
        print_json({"ok": code == ExitCode.OK, "exit": int(code), "recalls": found})
    else:
        show(found, list_recalls(found), as_json=False)
    return code


def items(
    *,
    party: Annotated[str, Parameter(help="From or to this party only.")] = "",
    limit: Annotated[int, Parameter(help="At most so many, the newest first.")] = 50,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """List items that went from or to this desk: what they say, who has read them, what was recalled.

    Example: entente release items --party ru --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/release-items", party=party, limit=limit)
    show(found, list_items(found), as_json=json)
    return ExitCode.OK
