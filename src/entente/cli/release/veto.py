"""`entente release veto check|schema`: a party's own rules, which stop releases and never permit one.

Invariants: it reads what the desk would read, by the desk's own code, and needs no running desk; what is
wrong with any file is told, with the words with which the desk would refuse everything.

    $ entente release veto check --desk ./us
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.kernel.errors import NotFound

veto_app = make_app(
    "release veto",
    "Your own rules on what you release, in Cedar: they stop a release and never permit one.\n\n"
    "Files: release/vetoes/*.cedar in the desk's folder; see docs/formats/release-vetoes.md.\n\n"
    "Example: entente release veto check --desk ./us\n"
    "Example: entente release veto schema",
)


def register(app: App) -> None:
    """Add the commands to ``entente release``."""
    app.command(veto_app, name="veto")


@veto_app.command
def check(
    folder: Annotated[
        Path | None, Parameter(name="FOLDER", help="A folder of rules, instead of the desk's own.")
    ] = None,
    /,
    *,
    party: Annotated[
        list[str] | None, Parameter(help="Parties of the roster, to find a misspelt name; repeat.")
    ] = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Read the rules as the desk does and say what is wrong (exit code 2: the desk refuses everything).

    Example: entente release veto check --desk ./us --party us --party ru
    """
    from entente.desk.release.veto import FolderVeto

    if folder is None and desk is None:
        raise NotFound("no-desk", "desk: expected a folder of rules or a desk's folder, got none")
    if folder is not None and not folder.is_dir():
        raise NotFound("no-file", f"folder {str(folder)!r}: expected a folder of rules, found none")
    if folder is None:
        DeskLink.open(desk)
    where = folder if folder is not None else Path(str(desk)) / "release" / "vetoes"
    known = tuple(party or ())
    rules = FolderVeto(where, lambda: known).get_rules()
    code = ExitCode.USAGE if rules.faults else ExitCode.OK
    if json:
        listed = [{"file": rule.file, "id": rule.id, "words": rule.words} for rule in rules.rules.values()]
        print_json(
            {
                "ok": not rules.faults,
                "exit": int(code),
                "sha256": rules.version,
                "rules": listed,
                "faults": list(rules.faults),
                "notes": list(rules.notes),
            }
        )
        return code
    for rule in rules.rules.values():
        print(": ".join(text for text in (rule.file, rule.id, rule.words) if text))
    for note in rules.notes:
        print(f"note: {note}")
    for fault in rules.faults:
        print(f"FAULT: {fault}")
    if rules.faults:
        print("Until this is mended the desk releases nothing to anybody.")
    else:
        print(f"{len(rules.rules)} rules in {where}" if rules.rules else f"no rules in {where}")
    return code


@veto_app.command
def schema(*, json: Json = False) -> int:
    """Print the schema: what rules may speak of.

    Example: entente release veto schema
    """
    from entente.desk.release.veto import SCHEMA

    if json:
        print_json({"schema": SCHEMA})
    else:
        print(SCHEMA, end="")
    return ExitCode.OK
