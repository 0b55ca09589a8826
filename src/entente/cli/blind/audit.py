"""`entente blind audit|open`: a party opens an epoch to the auditor, who makes everything again.

Invariants: an audit is offline: it reads the opening, and the record from a mirror that it checks first;
nothing in the opening is believed; a record with a fault gives no verdict. The opening is written for its
owner alone, and never over another file: who has it has that party's plan of that epoch.

    $ entente blind audit us-skies-3.json --mirror ./un/mirror
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from entente.cli.blind.items import TrackOptions, read_items
from entente.cli.blind.plan import Datum, HalfHeight, LegS, Radius
from entente.cli.link import DeskFolder, DeskLink, OfficerName
from entente.cli.output import ExitCode, print_json
from entente.cli.progress import ProgressLines
from entente.cli.run import Json
from entente.kernel.errors import Malformed, NotFound, VerificationFailed
from entente.store.durable import SECRET

if TYPE_CHECKING:
    from entente.blind.audit import AuditCase, Opening
    from entente.kernel.rows import Rows
    from entente.space import Volume

MEANING: Final = {
    "wrong-key": "the key opened is not the one committed to: nothing else can be looked at",
    "not-opened": "something that the record holds was left out of the opening",
    "wrong-root": "the cells opened are not those committed to",
    "wrong-tags": "other tags were given to the partner than those of its cells: equivocation or a fault",
    "wrong-seed": "the seed opened is not the one committed to",
    "wrong-request": "other cells were asked for than those opened, or another request was opened",
    "fished": "it asked for cells that it neither held nor filed: fishing, or a flight that was given up",
    "wrong-secret": "the secret opened is not the one committed to",
    "bad-cells": "its cells are none of the grid, or not in their order",
    "wrong-size": "the record says another number than was sent: the other side could read none of it",
    "refused": "it refused what, as far as the record shows, it had to answer",
    "held-back": "it held it once, but not when it was asked",
    "wrong-reply": "it answered otherwise than its committed key does",
    "wrong-list": "its list for the center is not that of its committed plan",
    "omitted": "it flew or filed what it never held: the partner's check could not find it",
}
"""Of a fault's code, for people."""


def register(app: App) -> None:
    """Add the commands to ``entente blind``."""
    app.command(open_epoch, name="open")
    app.command(audit)


def open_epoch(
    rules: Annotated[str, Parameter(name="ID", help="Name of the rules.")],
    /,
    *,
    officer: OfficerName,
    epoch: Annotated[int, Parameter(help="Which epoch to open.")],
    out: Annotated[Path, Parameter(help="Write to this file, which must not exist.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Write what an auditor needs of an epoch: your plan of it, and the key of it toward that partner.

    Give the file to the agreed auditor, and to nobody else.

    Example: entente blind open skies --desk ./us --officer duty-1 --epoch 3 --out us-skies-3.json
    """
    answer = DeskLink.open(desk).call(
        "POST", "/api/blind-open", {"officer": officer, "rules": rules, "epoch": epoch}
    )
    data = str(answer["opening"]).encode()
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise Malformed("no-output", f"file {str(out)!r}: {error.strerror or error}") from error
    if json:
        print_json({"ok": True, "exit": int(ExitCode.OK), "file": str(out), "size_bytes": len(data)})
    else:
        print(f"written to {out} ({len(data):,} bytes): your plan of that epoch, for the auditor alone")
    return ExitCode.OK


def audit(  # noqa: PLR0913 - an audit can be given this much
    opening: Annotated[Path, Parameter(name="OPENING", help="The file that the party handed over.")],
    /,
    *,
    mirror: Annotated[Path | None, Parameter(help="A mirror of the record; or give --desk.")] = None,
    filed: Annotated[
        list[Path] | None,
        Parameter(help="What it flew or filed, as a file of tracks, GeoParquet or GeoJSON; may be repeated."),
    ] = None,
    considered: Annotated[
        list[Path] | None,
        Parameter(help="What it says that it checked and gave up, as --filed: no fishing; may be repeated."),
    ] = None,
    datum: Datum = "",
    radius: Radius = None,
    half_height: HalfHeight = None,
    leg_s: LegS = 120,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Make again everything that a party said in an epoch, from what it opened, and compare with the record.

    Offline. Exit code 0: no fault; 4: faults, each with the message that shows it.

    Example: entente blind audit us-skies-3.json --mirror ./un/mirror
    Example: entente blind audit us-skies-3.json --desk ./un --filed flown.csv --datum ellipsoid
    --radius 500 --half-height 60
    """
    from entente.blind.audit import audit_opening
    from entente.blind.opening import parse_opening
    from entente.store.sodium_group import load_group

    if (mirror is None) == (desk is None):
        raise Malformed("no-record", "audit: expected the record: --mirror DIR or --desk DIR, one of them")
    folder = mirror if mirror is not None else desk / "mirror" if desk is not None else Path()
    try:
        data = opening.read_bytes()
    except OSError as error:
        raise NotFound("no-file", f"opening {str(opening)!r}: {error.strerror or error}") from error
    opened, rules_id, epoch = parse_opening(data)
    options = TrackOptions(datum, radius, half_height, leg_s=leg_s)
    flown, given_up = (_read_volumes(files or [], options) for files in (filed, considered))
    with ProgressLines(is_quiet=json) as progress:
        rows, origin = read_record(folder, progress)
        case = replace(make_case(rows, origin, opened, rules_id, epoch), filed=flown, considered=given_up)
        progress.tell("make everything again", 0, 0)
        faults = audit_opening(load_group(), opened, case)
    code = ExitCode.VERIFICATION_FAILED if faults else ExitCode.OK
    found = {
        "party": opened.party,
        "rules": rules_id,
        "epoch": epoch,
        "checked": {
            "versions": len(case.versions),
            "questions": sum(1 for ask in case.asks if ask.asker == opened.party),
            "answers": sum(1 for ask in case.asks if ask.asker != opened.party and ask.answer),
            "matches": len(case.matches),
            "filed": len(case.filed),
            "considered": len(case.considered),
        },
        "faults": [{"code": one.code, "message": one.leaf, "words": one.words} for one in faults],
    }
    if json:
        print_json({"ok": not faults, "exit": int(code), **found})
    else:
        print("\n".join(list_audit(found)))
    return code


def read_record(folder: Path, progress: ProgressLines) -> tuple[Rows, str]:
    """Return the rows that a mirror's record leads to, and the record's name; all of it checked before.

    Raises:
        NotFound: There is no mirror.
        VerificationFailed: The record has a fault: nobody is judged by it.
    """
    from entente.cli.mirror_check import check_mirror

    if not folder.is_dir():
        raise NotFound("no-file", f"mirror {str(folder)!r}: expected a mirror folder, found none")
    report, replay = check_mirror(
        folder, progress=lambda done, whole: progress.tell("check the record", done, whole)
    )
    if not report.is_sound:
        first = report.failures[0]
        raise VerificationFailed(
            first.code, f"record: expected a sound one, got {len(report.failures)} faults: {first.reason}"
        )
    return replay.state.rows, report.origin


def make_case(rows: Rows, origin: str, opened: Opening, rules_id: str, epoch: int) -> AuditCase:
    """Return what the record says of the epoch that is opened.

    Raises:
        NotFound: The record has no such rules, or no commitment of this party in the epoch.
    """
    from entente.blind.asking import AskRow
    from entente.blind.audit import AuditCase
    from entente.blind.holding import VersionRow, find_holding
    from entente.blind.match_records import MatchRow
    from entente.blind.rules import RulesRow

    row = rows.find(RulesRow, rules_id)
    if row is None:
        raise NotFound("unknown-rules", f"rules {rules_id!r}: expected them in the record, found none")
    holding = find_holding(rows, rules_id, epoch, opened.party)
    if holding is None:
        raise NotFound(
            "not-committed",
            f"opening: expected a commitment of {opened.party!r} under {rules_id!r} in epoch {epoch}, the "
            "record has none",
        )
    keys = {}
    for party in row.rules.parties:
        held = find_holding(rows, rules_id, epoch, party)
        if held is not None:
            keys[party] = held.public_key
    asks = [one for one in rows.select(AskRow, rules=rules_id) if one.ask.epoch == epoch]
    matches = [one for one in rows.select(MatchRow, rules=rules_id) if one.match.epoch == epoch]
    return AuditCase(
        center=origin,
        rules=row.rules,
        holding=holding,
        versions=sorted(rows.select(VersionRow, holding=holding.holding), key=lambda one: one.number),
        asks=sorted(asks, key=lambda one: one.index),
        matches=sorted(matches, key=lambda one: one.index),
        public_keys=keys,
    )


def _read_volumes(files: list[Path], options: TrackOptions) -> list[Volume]:
    from entente.kernel.canonical import convert_to
    from entente.space import VolumeWire, parse_volume

    return [
        parse_volume(convert_to(wire, VolumeWire), path=f"{file.name}, {item['name']}")
        for file in files
        for item in read_items(file, options).items
        for wire in item["volumes"]
    ]


def list_audit(found: dict[str, Any]) -> list[str]:
    """Return what an audit found, in words."""
    checked = found["checked"]
    lines = [f"{found['party']} under {found['rules']}, epoch {found['epoch']}"]
    lines.append(
        f"made again: {checked['versions']} versions, {checked['questions']} questions, "
        f"{checked['answers']} answers, {checked['matches']} runs by way of the center"
    )
    if checked["filed"]:
        lines.append(f"compared with {checked['filed']:,} volumes flown or filed")
    else:
        lines.append("not checked: that the plan was what was flown (--filed)")
    if not found["faults"]:
        lines.append("NO FAULT")
        return lines
    lines.append(f"{len(found['faults'])} FAULTS")
    for fault in found["faults"]:
        lines.append(f"  {fault['code']}: {fault['words']}")
        lines.append(f"    shown by message {fault['message'][:16]}; {MEANING.get(fault['code'], '')}")
    return lines
