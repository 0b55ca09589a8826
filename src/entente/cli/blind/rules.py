"""`entente blind grid|propose|agree|refuse|end|rules|budget|explain`: what both agree on before a check.

Invariants: what is proposed is what the file spells; `agree` can be held to the very bytes that were looked
at (``--sha256``); nothing of a plan is read or sent here.

    $ entente blind agree skies --desk ./ru --officer duty-1
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from entente.cli.blind.file import (
    DEFAULT_ORIGIN,
    HEAD,
    encode_rules_file,
    make_default_rules,
    read_rules_file,
)
from entente.cli.blind.words import list_budget, list_explained, list_rules, wrap_lines
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.kernel.errors import Malformed
from entente.store.durable import READABLE

RulesName = Annotated[str, Parameter(name="ID", help="Name of the rules.")]
AnyRules = Annotated[str, Parameter(name="ID", help="Name of the rules; all of them if not given.")]


def register(app: App) -> None:
    """Add the commands to ``entente blind``."""
    for command in (grid, propose, agree, refuse, end, rules, budget, explain):
        app.command(command)


def grid(  # noqa: PLR0913 - options of a command, each by its name
    *,
    partner: Annotated[str, Parameter(help="The other party.")],
    lateral: Annotated[float, Parameter(help="Separation to keep along the ground, in metres.")],
    vertical: Annotated[float, Parameter(help="Separation to keep in height, in metres.")],
    time: Annotated[float, Parameter(help="Separation to keep in time, in seconds.")],
    rules_id: Annotated[str, Parameter(name="--id", help="Name of the rules.")] = "skies",
    origin: Annotated[str, Parameter(help="Where bins of time are counted from, UTC.")] = DEFAULT_ORIGIN,
    coarse: Annotated[
        bool, Parameter(help="Cells twice as large: whole checks in a fifth of the time, more false alarms.")
    ] = False,
    out: Annotated[
        Path | None, Parameter(help="Write to this file, which must not exist; printed if not given.")
    ] = None,
    json: Json = False,
) -> int:
    """Write a file of rules for a separation, with grid and allowance, to be read, edited and proposed.

    Example: entente blind grid --partner ru --id skies --lateral 9260 --vertical 300 --time 60
    --out skies.toml
    """
    from entente.space import Separation

    keep = Separation(lateral, vertical, time)
    made = make_default_rules(keep, partner, rules_id, origin, is_coarse=coarse)
    if json:
        print_json(made)
        return ExitCode.OK
    text = encode_rules_file(made, notes=HEAD)
    if out is None:
        print(text, end="")
        return ExitCode.OK
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, READABLE)
    except OSError as error:
        raise Malformed("no-output", f"file {str(out)!r}: {error.strerror or error}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"written to {out}: read it, edit it, then: entente blind propose {out}")
    return ExitCode.OK


def propose(
    file: Annotated[Path, Parameter(name="FILE", help="Rules in TOML or JSON: see `entente blind grid`.")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Propose the rules in FILE to the partner that it names. They bind nobody until it agrees.

    Example: entente blind propose skies.toml --desk ./us --officer duty-1
    """
    body = read_rules_file(file)
    answer = DeskLink.open(desk).call("POST", "/api/blind-propose", body | {"officer": officer})
    return print_spoken(answer, f"rules {body['id']!r}", as_json=json)


def agree(
    name: RulesName,
    /,
    *,
    officer: OfficerName,
    sha256: Annotated[
        str, Parameter(name="--sha256", help="Only if they have this hash: see `entente blind rules ID`.")
    ] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Agree to the rules ID that the partner proposed: they are in force from then on.

    Example: entente blind agree skies --desk ./ru --officer duty-1
    """
    body = {"officer": officer, "id": name, "sha256": sha256}
    answer = DeskLink.open(desk).call("POST", "/api/blind-agree", body)
    return print_spoken(answer, f"rules {name!r}", as_json=json)


def refuse(
    name: RulesName,
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="Why, in words that all will read.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Refuse the rules ID that the partner proposed.

    Example: entente blind refuse skies --desk ./ru --officer duty-1 --reason 'too many cells'
    """
    body = {"officer": officer, "id": name, "reason": reason}
    answer = DeskLink.open(desk).call("POST", "/api/blind-refuse", body)
    return print_spoken(answer, f"rules {name!r}", as_json=json)


def end(
    name: RulesName,
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="Why, if you want to say.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """End the rules ID: nothing more is asked under them.

    Example: entente blind end skies --desk ./us --officer duty-1 --reason 'the exercise is over'
    """
    body = {"officer": officer, "id": name, "reason": reason}
    answer = DeskLink.open(desk).call("POST", "/api/blind-end", body)
    return print_spoken(answer, f"rules {name!r}", as_json=json)


def rules(name: AnyRules = "", /, *, desk: DeskFolder = None, json: Json = False) -> int:
    """Show rules as they stand: state, hash, epoch, allowance, who is in default.

    Example: entente blind rules skies --desk ./ru
    """
    found = DeskLink.open(desk).call("GET", "/api/blind-rules", rules=name)
    return _show(found, list_rules(found), as_json=json)


def budget(name: AnyRules = "", /, *, desk: DeskFolder = None, json: Json = False) -> int:
    """Show what was used of what is allowed, in both directions, and your cap over all partners.

    Example: entente blind budget skies --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/blind-budget", rules=name)
    return _show(found, list_budget(found), as_json=json)


def explain(name: RulesName, /, *, desk: DeskFolder = None, json: Json = False) -> int:
    """Say what each side learns under the rules ID, and what no cryptography stops.

    Example: entente blind explain skies --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/blind-explain", rules=name)
    return _show(found, list_explained(found), as_json=json)


def _show(found: Any, lines: list[str], *, as_json: bool) -> int:  # noqa: ANN401 - the desk's JSON
    if as_json:
        print_json(found)
    else:
        width = min(shutil.get_terminal_size((110, 40)).columns, 120)
        print("\n".join(wrap_lines(lines, width)))
    return ExitCode.OK
