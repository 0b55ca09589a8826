"""`entente release rules propose|agree|end|list`: what two parties agree on about what they give each other.

Invariants: rules bind nobody until the other side has agreed; `agree` can be held to the very bytes that were
looked at (``--sha256``). They permit nothing by themselves: each side's own gate decides.

    $ entente release rules propose north --partner ru --purpose safety --desk ./us --officer duty-1
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode
from entente.cli.release.words import list_rules, show
from entente.cli.run import Json, make_app
from entente.kernel.errors import Malformed

RulesName = Annotated[str, Parameter(name="ID", help="Name of the rules.")]

rules_app = make_app(
    "release rules",
    "Agree with a partner what may be done with what you give each other, and what has to come back.\n\n"
    "Example: entente release rules propose north --partner ru --purpose safety --receive 1/3 --days 30\n"
    "           --desk ./us --officer duty-1\n"
    "Example: entente release rules agree north --desk ./ru --officer duty-1",
)


def register(app: App) -> None:
    """Add the commands to ``entente release``."""
    app.command(rules_app, name="rules")


@rules_app.command
def propose(  # noqa: PLR0913 - rules have this many sides
    name: RulesName,
    /,
    *,
    partner: Annotated[str, Parameter(help="The other party.")],
    purpose: Annotated[list[str], Parameter(help="What items may be used for; repeat for more.")],
    officer: OfficerName,
    receive: Annotated[str, Parameter(help="Contribute to receive: N/M, N received for every M given.")] = "",
    days: Annotated[int, Parameter(help="Within so many days.")] = 30,
    agreement: Annotated[str, Parameter(help="The agreement that they belong to, if there is one.")] = "",
    until: Annotated[str, Parameter(help="When they end by themselves, UTC.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Propose rules to a partner. They bind nobody until it agrees.

    Example: entente release rules propose north --partner ru --purpose safety --receive 1/3 --days 30
    --desk ./us --officer duty-1
    """
    body: dict[str, Any] = {"officer": officer, "id": name, "partner": partner, "purposes": purpose}
    body |= {"agreement": agreement, "until": until}
    if receive:
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", receive)
        if found is None:
            raise Malformed(
                "bad-receive", f"receive: expected N/M, N received for every M given, got {receive!r}"
            )
        body["contribution"] = {"at_least": int(found[1]), "per": int(found[2]), "days": days}
    answer = DeskLink.open(desk).call("POST", "/api/release-propose", body)
    return print_spoken(answer, f"rules {name!r}", as_json=json)


@rules_app.command
def agree(
    name: RulesName,
    /,
    *,
    officer: OfficerName,
    sha256: Annotated[
        str, Parameter(name="--sha256", help="Only if they have this hash: see `entente release rules list`.")
    ] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Agree to the rules ID that the partner proposed: they are in force from then on.

    Example: entente release rules agree north --desk ./ru --officer duty-1
    """
    body = {"officer": officer, "id": name, "sha256": sha256}
    answer = DeskLink.open(desk).call("POST", "/api/release-agree", body)
    return print_spoken(answer, f"rules {name!r}", as_json=json)


@rules_app.command
def end(
    name: RulesName,
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="Why, in words that all will read.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Turn down the rules ID that were proposed, or end those in force.

    Example: entente release rules end north --reason 'nothing came back' --desk ./us --officer duty-1
    """
    body = {"officer": officer, "id": name, "reason": reason}
    answer = DeskLink.open(desk).call("POST", "/api/release-end", body)
    return print_spoken(answer, f"rules {name!r}", as_json=json)


@rules_app.command(name="list")
def list_all(*, desk: DeskFolder = None, json: Json = False) -> int:
    """List rules as they stand, and what was given and received under them.

    Example: entente release rules list --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/release-rules")
    show(found, list_rules(found), as_json=json)
    return ExitCode.OK
