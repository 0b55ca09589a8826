"""`entente release onward ask|answer|pass|list`: passing on what another party released, with its yes.

Invariants: without the originator's recorded yes nothing is passed on, over every hop; a yes is planned like
a release of its own to the new recipient: it is charged, and needs the same officers.

    $ entente release onward ask 31 --party fr --purpose safety --desk ./ru --officer duty-1
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode
from entente.cli.release.plan import Until, show_plans
from entente.cli.release.words import list_onward, show
from entente.cli.run import Json, make_app
from entente.kernel.errors import Malformed

WaitS = Annotated[int, Parameter(help="How many seconds to wait for the record's answer.")]

onward_app = make_app(
    "release onward",
    "Pass on what another party released, with its yes; answer who asks to pass on what is yours.\n\n"
    "Example: entente release onward ask 31 --party fr --purpose safety --desk ./ru --officer duty-1\n"
    "Example: entente release onward answer 33 --yes --desk ./us --officer duty-1\n"
    "Then:    entente release send PLAN --desk ./us --officer duty-1\n"
    "Example: entente release onward pass 35 --desk ./ru --officer duty-1",
)


def register(app: App) -> None:
    """Add the commands to ``entente release``."""
    app.command(onward_app, name="onward")


@onward_app.command
def ask(
    item: Annotated[str, Parameter(name="ITEM", help="Index, or digits of the hash.")],
    /,
    *,
    party: Annotated[str, Parameter(help="Who would get it.")],
    purpose: Annotated[str, Parameter(help="What for.")],
    officer: OfficerName,
    words: Annotated[str, Parameter(help="Why, in words for the originator.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Ask ITEM's originator whether it may be passed on to a party.

    Example: entente release onward ask 31 --party fr --purpose safety --desk ./ru --officer duty-1
    """
    body = {"officer": officer, "item": item, "party": party, "purpose": purpose, "words": words}
    answer = DeskLink.open(desk).call("POST", "/api/release-ask", body)
    return print_spoken(answer, f"question about {item} for {party}", as_json=json)


@onward_app.command
def answer(  # noqa: PLR0913 - an answer has this many sides
    ask_name: Annotated[str, Parameter(name="ASK", help="The question: index, or digits of the hash.")],
    /,
    *,
    officer: OfficerName,
    yes: Annotated[bool, Parameter(help="They may, once the plan that this makes is sent.")] = False,
    no: Annotated[bool, Parameter(help="They may not.")] = False,
    until: Until = "",
    words: Annotated[str, Parameter(help="For who asked.")] = "",
    wait_s: WaitS = 20,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Answer who asks to pass on what is yours. A yes is a plan: look at it, then `entente release send`.

    Example: entente release onward answer 33 --yes --desk ./us --officer duty-1
    Example: entente release onward answer 33 --no --words 'not to them' --desk ./us --officer duty-1
    """
    if yes == no:
        raise Malformed("yes-or-no", "answer: expected --yes or --no, and not both")
    body: dict[str, Any] = {"officer": officer, "ask": ask_name, "granted": yes, "until": until}
    body |= {"words": words, "wait_s": wait_s}
    found = DeskLink.open(desk).call("POST", "/api/release-grant", body)
    return show_plans([found], as_json=json, is_one=True)


@onward_app.command(name="pass")
def pass_on(
    grant: Annotated[str, Parameter(name="GRANT", help="The yes: index, or digits of the hash.")],
    /,
    *,
    officer: OfficerName,
    note: Annotated[str, Parameter(help="For the recipient: it leaves as it stands.")] = "",
    wait_s: WaitS = 20,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Pass an item on, exactly as it came, under its originator's yes.

    Example: entente release onward pass 35 --desk ./ru --officer duty-1
    """
    body = {"officer": officer, "grant": grant, "note": note, "wait_s": wait_s}
    found = DeskLink.open(desk).call("POST", "/api/release-pass", body)
    return print_spoken(found, f"passed on under {grant}", as_json=json)


@onward_app.command(name="list")
def list_all(*, desk: DeskFolder = None, json: Json = False) -> int:
    """List questions about passing items on, and what was said.

    Example: entente release onward list --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/release-onward")
    show(found, list_onward(found), as_json=json)
    return ExitCode.OK
