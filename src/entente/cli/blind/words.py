"""What is said of blind checks to people: runs, rules, budgets, faults; a list of lines each.

Invariants: CLEAR is said only of a run that ended so; INVALID always says that it is no all-clear; names that
a partner chose are printed without what steers a terminal.

It reads only what the desk answers.

    >>> list_run(run)[0]
    'CLEAR: run 3 (whole) with ru under skies, epoch 0: neither plan touches the other'
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from entente.cli.output import ExitCode
from entente.terms.words.text import clean_text

MOST_BOXES: Final = 10
"""Of one item, in words; ``--json`` has all that the desk gives."""
CODES: Final[Mapping[str, ExitCode]] = {
    "CLEAR": ExitCode.OK,
    "CONFLICT": ExitCode.CONFLICT,
    "INVALID": ExitCode.INVALID,
}
_CLEAR: Final = {
    "whole": "neither plan touches the other",
    "delta": "what you mean to add touches nothing of theirs",
    "yes-no": "no cell of the two plans meets",
    "count": "no cell of the two plans meets",
}
_NOT_CLEAR: Final = (
    "This is NO all-clear. Treat the plans as not checked: deconflict by voice, or keep apart,",
    "until a run ends CLEAR. What to do for each reason: docs/blind.md, 'At three in the morning'.",
)

Answer = Mapping[str, Any]


def get_code(run: Answer) -> ExitCode:
    """Return the exit code of a run: of its verdict, or that it has not ended."""
    if run["state"] != "ended":
        return ExitCode.UNREACHABLE
    code = CODES[run["verdict"]]
    # What the other side added after a check is no part of its verdict; but what meets is no all-clear.
    return ExitCode.CONFLICT if code == ExitCode.OK and run["conflicts"] else code


def list_run(run: Answer) -> list[str]:
    """Return what a run came to, or how far it is."""
    under = f"under {run['rules']}, epoch {run['epoch']}"
    which = f"run {run['run']} ({run['kind']}) with {run['partner']} {under}"
    if run["state"] != "ended":
        own = f"; our half: {run['own']}" if run["own"] else ""
        return [
            f"NOT ENDED: {which}: {run['state']}{own}{_more(run['words'])}",
            f"The desk goes on; see: entente blind run {run['run']}",
        ]
    match run["verdict"]:
        case "CLEAR" if run["conflicts"]:
            added = "it was CLEAR, and the other side has since added what meets"
            return [f"CONFLICT: {which}: {added}", *_list_conflicts(run)]
        case "CLEAR":
            return [f"CLEAR: {which}: {_CLEAR.get(run['kind'], 'no cell is shared')}"]
        case "CONFLICT":
            why = f" [{run['code']}]{_more(run['words'])}" if run["code"] else ""
            return [f"CONFLICT: {which}{_say_count(run)}{why}", *_list_conflicts(run)]
        case "INVALID":
            return [f"INVALID: {which} [{run['code']}]{_more(run['words'])}", *_NOT_CLEAR]
        case other:
            raise ValueError(f"run: expected a verdict of one that ended, got {other!r}")


def _say_count(run: Answer) -> str:
    if run["kind"] == "yes-no":
        return ": the plans meet somewhere; this mode does not say where"
    if run["kind"] == "count":
        return f": at least {run['at_least']:,} tokens meet; this mode does not say where"
    return ""


def _more(words: str) -> str:
    return f": {clean_text(words)}" if words else ""


def _list_conflicts(run: Answer) -> list[str]:
    lines = []
    for one in run["conflicts"]:
        later = " (they came there after our check)" if one["added_later"] else ""
        lines.append(f"  {one['item']}: {one['cells']:,} of its cells are touched by their plan{later}")
        lines += [f"    {say_box(box)}" for box in one["boxes"][:MOST_BOXES]]
        if one["cells"] > MOST_BOXES:
            lines.append(f"    and {one['cells'] - MOST_BOXES:,} more cells (--json)")
    if run["conflicts"]:
        lines.append(_say_zoom(run))
    return lines


def _say_zoom(run: Answer) -> str:
    what = "A true conflict, or the grid's coarseness?"
    if run["kind"] == "whole":
        return f"{what} If both sides agree to show those parts: entente blind zoom {run['run']}"
    # Only whole plans are committed to, and only what is committed to can be shown so that it binds.
    return f"{what} To zoom, put it into the plan, prepare, check the whole, then: entente blind zoom"


def wrap_lines(lines: Sequence[str], width: int) -> list[str]:
    """Return lines of at most so many signs, what goes on indented."""
    wrapped = []
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())] + "  "
        wrapped += textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]
    return wrapped


def say_box(box: Answer) -> str:
    """Return a cell in words: its edges, heights and times."""
    floor, ceiling = ("" if box[end] is None else f"{box[end]:g}" for end in ("floor_m", "ceiling_m"))
    heights = f"{floor}..{ceiling} m" if floor or ceiling else "all heights"
    return (
        f"{box['south_deg']:.4f}..{box['north_deg']:.4f} N, {box['west_deg']:.4f}..{box['east_deg']:.4f} E, "
        f"{heights}, {box['start']} to {box['end']}"
    )


def say_runs(answer: Answer) -> list[str]:
    """Return runs, a line each, what is computed now, and what each side holds."""
    lines = []
    for run in answer["runs"]:
        verdict = run["verdict"] if run["state"] == "ended" else f"({run['state']})"
        code = f" [{run['code']}]" if run["code"] else ""
        by = "" if run["is_ours"] else f", asked by {run['partner']}"
        lines.append(
            f"run {run['run']:>4}  {run['since']}  {verdict:<9}{code} {run['kind']} with {run['partner']}"
            f" under {run['rules']}, epoch {run['epoch']}{by}"
        )
    if not lines:
        lines.append("no runs yet")
    if answer["work"] is not None:
        work = answer["work"]
        share = f": {work['done']:,} of {work['all']:,}" if work["all"] else ""
        lines.append(f"at work: {work['what']}{share}")
    for one in answer["holdings"]:
        fetched = "" if one["is_fetched"] else "; its tags are not here yet"
        lines.append(
            f"{one['party']} under {one['rules']}, epoch {one['epoch']}: {one['state']}, version "
            f"{one['number']}, shown as {one['size']:,}{fetched}{_more(one['words'])}"
        )
    return lines


def list_rules(found: Sequence[Answer]) -> list[str]:
    """Return rules with what they say."""
    lines = []
    for one in found:
        body = one["rules"]
        by = f"proposed by {one['proposed_by']}{_more(one['reason'])}"
        lines.append(f"{one['id']}: {one['state']}, with {one['partner']}, {by}")
        lines.append(f"  sha256 {one['sha256']}")
        epoch = "in none" if one["epoch"] < 0 else f"in epoch {one['epoch']}"
        lines.append(
            f"  modes {', '.join(body['modes'])}; from {body['starts']}, {body['epochs']} epochs of "
            f"{body['epoch_h']} h, now {epoch}; answers within {body['answer_min']} min"
        )
        lines.append(f"  in an epoch each may ask: {_say_allowance(body['allowance'])}")
        auditor = body["auditor"] or "nobody"
        lines.append(f"  auditor: {auditor}; what an audit needs is kept {body['audit_days']} days")
        lines += [f"  IN DEFAULT: {party} has not answered in time" for party in one["in_default"]]
    return lines or ["no rules yet: entente blind grid writes a file to start with"]


def _say_allowance(allowed: Answer) -> str:
    return (
        f"whole plans {allowed['whole_cells']:,} cells in {allowed['whole_runs']:,} runs, new activities "
        f"{allowed['delta_cells']:,} cells in {allowed['delta_runs']:,} runs, by way of the center "
        f"{allowed['matches']:,} runs"
    )


def list_budget(answer: Answer) -> list[str]:
    """Return what was used of what is allowed."""
    lines = []
    for one in answer["usages"]:
        allowed = one["allowed"]
        lines.append(f"{one['rules']}, epoch {one['epoch']}, asked by {one['asker']}:")
        for what, used, most in (
            ("whole plans, cells", one["whole_cells"], allowed["whole_cells"]),
            ("whole plans, runs", one["whole_runs"], allowed["whole_runs"]),
            ("new activities, cells", one["delta_cells"], allowed["delta_cells"]),
            ("new activities, runs", one["delta_runs"], allowed["delta_runs"]),
            ("by way of the center, runs", one["matches"], allowed["matches"]),
        ):
            share = "none allowed" if not most else f"{used / most:.0%}"
            lines.append(f"  {what:<27} {used:>12,} of {most:>12,}  {share}")
        if one["charged_cells"]:
            lines.append(f"  charged in our own ledger: {one['charged_cells']:,} cells")
    used, most = answer["theatre_cells"], answer["theatre_allowed"]
    lines.append(f"all partners together, last 24 hours: {used:,} of {most:,} cells")
    return lines


def list_explained(answer: Answer) -> list[str]:
    """Return what each side learns in each mode."""
    lines = [f"Under {answer['rules']}, with {answer['partner']}:"]
    for mode in answer["modes"]:
        lines.append(f"{mode['mode']}:")
        lines += [f"  {who:<8} {clean_text(mode[who])}" for who in ("partner", "center", "others", "auditor")]
    lines.append("What no cryptography stops:")
    lines += [f"  {clean_text(text)}" for text in answer["cannot"]]
    return lines
