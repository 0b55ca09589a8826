"""What is said of releases to people: plans, the ledger, recalls, items; a list of lines each.

Invariants: only a plan whose state is ``recorded`` or ``given`` is told as something that they have; a recall
is never told as a deletion; words that a partner chose are printed without what steers a terminal.

It reads only what the desk answers.

    >>> list_plan(plan)[0]
    'plan 3: r-17 to ru for counter-terrorism: PLANNED, nothing has left; needs the yes of 1 officer'
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final

from entente.cli.blind.words import wrap_lines
from entente.cli.output import ExitCode, print_json
from entente.cli.release.sizes import say_arcsec, say_seconds
from entente.terms.words.text import clean_text

Answer = Mapping[str, Any]

CODES: Final[Mapping[str, ExitCode]] = {
    "recorded": ExitCode.OK,
    "given": ExitCode.OK,
    "planned": ExitCode.OK,
    "held": ExitCode.OK,
    "withdrawn": ExitCode.OK,
    "sending": ExitCode.UNREACHABLE,
    "denied": ExitCode.REFUSED,
    "refused": ExitCode.REFUSED,
    "stale": ExitCode.REFUSED,
}
_STATES: Final[Mapping[str, str]] = {
    "recorded": "SENT, and in the record",
    "given": "GIVEN BEFORE: they have it, as these bytes; nothing is charged again",
    "denied": "DENIED, nothing leaves",
    "refused": "REFUSED by the record: they do not have it; the charge stays",
    "stale": "STALE, nothing has left: something changed since it was planned; plan it again",
    "sending": "NOT SENT YET: charged, and the desk goes on trying",
    "withdrawn": "WITHDRAWN, nothing leaves",
}


def get_plans_code(plans: Sequence[Answer]) -> ExitCode:
    """Return the exit code of plans: the worst of them, a refusal before what is not sent yet."""
    codes = {CODES.get(plan["state"], ExitCode.FAILED) for plan in plans}
    order = (ExitCode.FAILED, ExitCode.REFUSED, ExitCode.UNREACHABLE, ExitCode.OK)
    return next((code for code in order if code in codes), ExitCode.OK)


def show(found: Any, lines: Sequence[str], *, as_json: bool) -> None:  # noqa: ANN401 - the desk's JSON
    """Print an answer for a machine, or its lines for a person, wrapped to the terminal."""
    if as_json:
        print_json(found)
    else:
        width = min(shutil.get_terminal_size((110, 40)).columns, 120)
        print("\n".join(wrap_lines(lines, width)))


# Plans.


def list_plan(plan: Answer, *, is_short: bool = False) -> list[str]:
    """Return what a plan comes to: what they would see, what it teaches, what stands against more."""
    version = f" (version {plan['version']})" if plan["version"] > 1 else ""
    what = f"plan {plan['plan']}: {plan['report']}{version} to {plan['recipient']} for {plan['purpose']}"
    lines = [f"{what}: {_say_state(plan)}"]
    if is_short:
        return lines
    # The words of a plan repeat its shape; a refusal's repeat its reasons.
    words = "" if plan["shape"] and plan["shape"] in plan["words"] else plan["words"]
    lines += [f"  because: {clean_text(reason)}" for reason in plan["reasons"] if reason not in words]
    if words:
        lines.append(f"  {clean_text(words)}")
    if plan["level"] is not None:
        lines.append(f"  they see: {plan['shape']}; {say_delay(plan['level']['delay_s'])}")
        if plan["variant"] and plan["variant"].get("text"):
            lines.append(f"  with the words: {clean_text(plan['variant']['text'])}")
    if plan["marking"]:
        lines.append(f"  marked: {clean_text(plan['marking'])}")
    lines += [f"  {_say_exposure(one)}" for one in plan["exposures"]]
    lines += [f"  no more: {one['words']}" for one in plan["blockers"] if not is_end(one["words"])]
    lines += [f"  LOOK AGAIN: {clean_text(one)}" for one in plan["cautions"]]
    if plan["state"] == "planned":
        lines.append(f"Say yes: entente release send {plan['plan']} --sha256 {plan['sha256'][:64]}")
    return lines


def _say_state(plan: Answer) -> str:
    state = plan["state"]
    if state == "planned":
        left = plan["needs"] - len(plan["approved"])
        yes = f"; {' and '.join(plan['approved'])} said yes" if plan["approved"] else ""
        others = "other officer" if plan["approved"] else "officer"
        return f"PLANNED, nothing has left{yes}; needs the yes of {left} {others}{'s' if left > 1 else ''}"
    if state == "held":
        return f"HELD until {plan['due']}, nothing has left or is charged; it is judged again then"
    said = _STATES.get(state, state.upper())
    return f"{said} [{plan['code']}]" if plan["code"] else said


def say_delay(delay_s: int) -> str:
    """Return how long something is held back, for people."""
    return f"held back {say_seconds(delay_s)}" if delay_s else "at once"


def say_percent(percent: float) -> str:
    """Return a chance for people; what is not certain is never shown as certain, nor a little as nothing."""
    if 99.5 <= percent < 100.0:
        return "more than 99 %"
    if 0.0 < percent < 0.5:
        return "less than 1 %"
    return f"{percent:.0f} %"


def say_bits(bits: float) -> str:
    """Return bits for people; what rounding left below nothing is nothing."""
    return f"{round(bits, 2) + 0.0:.2f} bits"


def _say_exposure(one: Answer) -> str:
    chances = (
        f"{say_percent(one['prior_percent'])} at first, {say_percent(one['before_percent'])} now, "
        f"{say_percent(one['after_percent'])} after, at worst {say_percent(one['worst_percent'])} "
        f"(budget {say_percent(one['budget_percent'])})"
    )
    words = f": {one['words']}" if one["words"] else ""
    return f"{one['secret']} for {one['pool']}: best guess {chances}, {say_bits(one['bits'])}{words}"


def is_end(words: str) -> bool:
    """Tell whether what stands against more is only that there is no more."""
    return words.endswith(("there is nothing finer", "nothing finer on the ladder"))


def say_level(level: Answer | None) -> str:
    """Return how much is shown, in sizes."""
    if level is None:
        return "nothing"
    place = "no place" if level["place_arcsec"] is None else f"place {say_arcsec(level['place_arcsec'])}"
    time = "no time" if level["span_s"] is None else f"time {say_seconds(level['span_s'])}"
    height = "no height" if level["height_m"] is None else f"height {level['height_m']} m"
    depth = f"identity {level['depth']} steps" if level["depth"] else "no identity"
    return ", ".join((place, time, height, depth, say_delay(level["delay_s"])))


def list_explained(answer: Answer) -> list[str]:
    """Return why a party got something in this form, and what it would need to see more."""
    lines = [
        *list_plan(answer["plan"], is_short=True),
        f"  level: {say_level(answer['plan']['level'])}",
        "Why:",
    ]
    lines += [f"  {number}. {clean_text(step)}" for number, step in enumerate(answer["steps"], start=1)]
    lines.append("To see more it would need:")
    needs = [need for need in answer["needs"] if not is_end(need)]
    lines += [f"  - {clean_text(need)}" for need in needs or ["nothing: it sees all that there is"]]
    return lines


# The ledger.


def list_ledger(answer: Answer) -> list[str]:
    """Return who has learned what, and the single charges."""
    lines = []
    for one in answer["learned"]:
        who = (
            one["pool"]
            if one["members"] in ([], [one["pool"]])
            else (f"{one['pool']} ({', '.join(one['members'])} together)")
        )
        listed = ", ".join(f"{count:,} in {name}" for name, count in sorted(one["theatres"].items()))
        theatres = f" ({listed})" if listed else ""
        lines.append(
            f"{one['secret']} ({one['about']}), {who}: best guess {say_percent(one['prior_percent'])} at "
            f"first, {say_percent(one['chance_percent'])} now, budget {say_percent(one['budget_percent'])}; "
            f"{say_bits(one['bits'])} from {one['releases']:,} releases{theatres}"
        )
        if one["words"]:
            lines.append(f"  {one['words']}")
    if not answer["learned"]:
        lines.append("nothing was charged yet")
    if answer["charges"]:
        lines.append("Single charges, the newest first:")
    lines += [f"  {_say_charge(one)}" for one in answer["charges"]]
    if answer["before"]:
        lines.append(f"  and more: --before {answer['before']}")
    if answer["traffic"]:
        lines.append("All that left this desk, by kind:")
    lines += [
        f"  {one['recipient']}: {one['messages']:,} {one['kind']}, {one['size_bytes']:,} bytes"
        for one in answer["traffic"]
    ]
    return lines


def _say_charge(one: Answer) -> str:
    what = f"plan {one['plan']}" if one["plan"] else f"message {one['leaf'][:12]}"
    of = f"{one['report']} ({what})" if one["report"] else what
    return (
        f"{one['at']} {of} to {one['recipient']}: {one['secret']} for {one['pool']}: "
        f"{say_percent(one['before_percent'])} -> {say_percent(one['after_percent'])}, could have been "
        f"{say_percent(one['worst_percent'])}"
    )


# Recalls and items.

NOT_DELETED: Final = "A recall deletes nothing: it tells them not to use it, and shows who has read that."


def list_recalls(recalls: Sequence[Answer]) -> list[str]:
    """Return how far recalls are with each party."""
    lines = []
    for one in recalls:
        at = f" {one['at']}" if one["at"] else ""
        lines.append(f"{one['of'][:16]} at {one['party']}: {one['state'].upper()}{at}{_more(one['words'])}")
    return [*lines, NOT_DELETED] if lines else ["nothing to recall: nobody has it from here"]


def list_items(items: Sequence[Answer]) -> list[str]:
    """Return items of the record that this desk can read."""
    lines = []
    for one in items:
        origin = f", from {one['originator']}" if one["originator"] not in {"", one["author"]} else ""
        over = " (its time is over)" if one["is_over"] else ""
        lines.append(
            f"{one['index']} {one['leaf'][:12]} {one['author']} to {one['to']}{origin}, {one['purpose']}"
            f"{over}: {clean_text(one['words'])}"
        )
        if one["recall"] is not None:
            lines.append(f"  RECALLED ({one['recall']['state']}): {clean_text(one['recall']['words'])}")
        if one["replaced_by"]:
            lines.append(f"  REPLACED by {one['replaced_by'][:12]}")
        more = [
            f"marked {clean_text(one['marking'])}" if one["marking"] else "",
            f"passing on: {one['onward']}",
        ]
        more += [f"until {one['until']}" if one["until"] else "", one["receipt"]]
        more += [f"of {one['report']}" if one["report"] else "", clean_text(one["note"])]
        lines.append(f"  {'; '.join(text for text in more if text)}")
    return lines or ["no items"]


def list_onward(questions: Sequence[Answer]) -> list[str]:
    """Return questions about passing items on, and what was said."""
    lines = []
    for one in questions:
        lines.append(
            f"{one['ask'][:12]} {one['holder']} asks {one['originator']} to pass {one['sha256'][:12]} to "
            f"{one['to']} for {one['purpose']}: {one['state'].upper()}{_more(one['words'])}"
        )
        if one["grant"]:
            until = f" until {one['until']}" if one["until"] else ""
            lines.append(f"  answer {one['grant'][:12]}{until}{_more(one['answer'])}")
    return lines or ["nobody has asked"]


def list_rules(rules: Sequence[Answer]) -> list[str]:
    """Return rules between two parties, as they stand, and what was given and received."""
    lines = []
    for one in rules:
        lines.append(f"{one['id']}: {one['state']}, with {one['partner']}, proposed by {one['proposed_by']}")
        lines.append(f"  sha256 {one['sha256']}")
        until = f"; until {one['until']}" if one["until"] else ""
        lines.append(f"  purposes: {', '.join(one['purposes'])}{until}")
        back = one["contribution"]
        if back:
            lines.append(
                f"  {back['at_least']} received for every {back['per']} given within {back['days']} days; "
                f"now {one['received']:,} received, {one['given']:,} given"
            )
        if one["words"]:
            lines.append(f"  {clean_text(one['words'])}")
    return lines or ["no rules yet: entente release rules propose"]


def _more(words: str) -> str:
    return f": {clean_text(words)}" if words else ""
