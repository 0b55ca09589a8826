"""`entente release load|shelf|drop|check`: what the gate works with, kept at this desk.

Invariants: a file is taken whole or not at all; what is on the shelves never leaves the desk; a thing that is
taken down keeps its versions.

    $ entente release load catalogue sources.toml --desk ./us --officer duty-1
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink, OfficerName
from entente.cli.output import ExitCode, print_json
from entente.cli.release.words import show
from entente.cli.run import Json
from entente.kernel.errors import Malformed, NotFound

FileKind = Literal["catalogue", "reports", "policy", "clearances", "pools", "purposes"]


def register(app: App) -> None:
    """Add the commands to ``entente release``."""
    for command in (load, shelf, drop, check):
        app.command(command)


def load(
    kind: Annotated[
        FileKind,
        Parameter(
            name="KIND",
            help="catalogue (sources and secrets), reports, policy (of labels: SPIF in XML), clearances (of "
            "partners), pools (who may put together what they got), purposes.",
        ),
    ],
    file: Annotated[Path, Parameter(name="FILE", help="TOML; a label policy in XML. See docs/release.md.")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Put FILE on this desk's shelves. What is there already and differs becomes a new version.

    Example: entente release load reports today.toml --desk ./us --officer duty-1
    """
    text = read_file(file)
    if kind in {"catalogue", "reports"}:
        # Read here as well, to tell every fault with its line; the desk tells the first.
        _look_for_faults(kind, file)
    body = {"officer": officer, "kind": kind, "text": text}
    answer = DeskLink.open(desk).call("POST", "/api/release-load", body)
    lines = [
        f"{one['shelf']} {one['name']}, version {one['version']}: {one['words']}" for one in answer["shelved"]
    ]
    show(answer, [*lines, f"{len(lines):,} read, {answer['changed']:,} new or changed"], as_json=json)
    return ExitCode.OK


def shelf(
    name: Annotated[str, Parameter(name="SHELF", help="One shelf; all of them if not given.")] = "",
    /,
    *,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """List what is on the shelves.

    Example: entente release shelf reports --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/release-shelf", shelf=name)
    lines = [
        f"{one['shelf']} {one['name']}, version {one['version']}, {one['at']} by {one['officer']}: "
        f"{one['words']}"
        for one in found
    ]
    show(found, lines or ["nothing on this shelf: entente release load"], as_json=json)
    return ExitCode.OK


def drop(
    shelf_name: Annotated[str, Parameter(name="SHELF")],
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Take NAME down from SHELF. What was charged stays charged, and its versions stay readable.

    Example: entente release drop reports r-17 --desk ./us --officer duty-1
    """
    body = {"officer": officer, "shelf": shelf_name, "name": name}
    answer = DeskLink.open(desk).call("POST", "/api/release-drop", body)
    show(answer, [f"{shelf_name} {name}: taken down"], as_json=json)
    return ExitCode.OK


def check(*, desk: DeskFolder = None, json: Json = False) -> int:
    """Compute the whole ledger again from what was given, and compare (exit code 4 if it differs).

    Example: entente release check --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/release-check")
    code = ExitCode.OK if found["is_sound"] else ExitCode.VERIFICATION_FAILED
    if json:
        print_json({"ok": code == ExitCode.OK, "exit": int(code), **found})
        return code
    size = f"{found['secrets']:,} secrets, {found['pools']:,} pools, {found['charges']:,} charges"
    said = "SOUND" if found["is_sound"] else "NOT SOUND"
    show(found, [f"{said}: {size}", *(f"  {fault}" for fault in found["faults"])], as_json=False)
    return code


def _look_for_faults(kind: str, file: Path) -> None:
    from entente.cli.release.trying import read_officer_file
    from entente.release.source.catalogue_file import read_catalogue
    from entente.release.source.report_file import read_reports

    if kind == "catalogue":
        read_officer_file(file, read_catalogue)
    else:
        read_officer_file(file, read_reports)


def read_file(file: Path) -> str:
    """Return a file's text.

    Raises:
        NotFound: There is no such file.
        Malformed: It is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise NotFound("no-file", f"file {str(file)!r}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise Malformed("not-utf-8", f"file {str(file)!r}: expected UTF-8, at byte {error.start}") from error
