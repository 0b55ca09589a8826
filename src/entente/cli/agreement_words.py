"""An agreement and its state on a terminal: lines that can be read at 3 a.m. and quoted by entry number.

Invariants: every line that claims something ends with the entries it rests on; what is overdue says so first;
nothing is cut off, and all that is signed is shown; what parties wrote cannot look like a line of ours.

    >>> print_agreement(view)
"""

from __future__ import annotations

from typing import Any

from entente.terms.words.text import clean_text


def print_agreement(view: dict[str, Any]) -> None:
    """Print an agreement's state: what stands, what is due, what is ahead."""
    _put(f"{view['id']}: {view['title']}")
    standing = _say_standing(view)
    _put(f"  {view['phase'].upper()} at {view['now']}: {view['why']}{_cite(view['entries'])}{standing}")
    if view["ends"] and view["phase"] != "ended":
        _put(f"  ends {view['ends']}")
    _put(f"  SHA-256 of the text {view['sha256']}")
    _print_due(view)
    print("\n  signatures")
    for one in view["signatories"]:
        who = f"{one['party']}/{one['agency']}" if one["agency"] else one["party"]
        reason = f": {one['reason']}" if one["reason"] else ""
        _put(f"    {who:<20} {one['word']}{reason}{_cite(one['entries'])}")
    print("\n  measures")
    grades = {one["id"]: _say_grade(one) for one in view["text"]["measures"]}
    for one in view["measures"]:
        _put(
            f"    {one['id']:<20} {one['state']}: {one['says']}{grades[one['id']]}{_say_why(view, one, '; ')}"
        )
    if view["clocks"]:
        print("\n  clocks")
        for one in view["clocks"]:
            word = "until" if one["kind"] in {"expiry", "withdrawal", "simultaneous"} else "full"
            end = f", {word} {one['end']}" if one["end"] and one["state"] != "reached" else ""
            _put(f"    {one['id']:<20} {one['state']}{end}{_say_why(view, one, ': ')}")
    _print_questions(view)
    for note in view["notes"]:
        _put(f"  note: {note}")
    print()


def _print_due(view: dict[str, Any]) -> None:
    print("\n  due")
    for one in view["due"]:
        who = f"{one['party']}/{one['agency']}" if one["agency"] else one["party"]
        by = f" by {one['by']}" if one["by"] else ""
        by += f", since {one['since']}" if one["since"] else ""
        mark = "OVERDUE " if one["is_overdue"] else ""
        _put(f"    {mark}{who}: {one['what']}{by}")
        _put(f"      because {one['why']}{_cite(one['entries'])}")
    if not view["due"]:
        print("    nothing")
    if view["ahead"]:
        print("\n  ahead")
        for one in view["ahead"]:
            _put(f"    {one['at']}  {one['what']} ({one['why']}){_cite(one['entries'])}")


def _print_questions(view: dict[str, Any]) -> None:
    for title in ("incidents", "motions"):
        if view[title]:
            print(f"\n  {title}")
        for one in view[title]:
            if title == "incidents":
                said = ", ".join(f"{party} {word}" for party, word in one["answers"].items())
                words = f"{one['by']} reports {one['happened']}: {one['text']}; {said}"
            else:
                days = f" by {one['days']} days" if one["days"] else ""
                words = (
                    f"{one['by']} moved to {one['motion']} {one['clock']}{days}: {one['state']}; {one['why']}"
                )
            _put(f"    {words}{_cite(one['entries'])}")


def print_text(text: dict[str, Any], sha256: str) -> None:
    """Print the text that is signed, in full."""
    _put(f"{text['title']} ({text['id']}, {text['language']})")
    print("\nSigned by every one of:")
    names = {one["party"]: one["name"] for one in text["parties"]}
    for party, name in names.items():
        own = [one for one in text["agencies"] if one["party"] == party]
        _put(f"  {party}: {name}")
        for one in own:
            _put(f"  {party}/{one['agency']}: {one['name']}")
    for title in ("measures", "obligations", "clocks"):
        if text[title]:
            print(f"\n{title.capitalize()}:")
        for one in text[title]:
            _put(f"  {one['id']}: {one['says']}{_say_detail(title, one)}")
    if text["text"]:
        print("\nBesides:")
        for line in text["text"].split("\n"):
            # Each line is marked: what a party wrote must not pass for what stands around it.
            _put(f"  | {line}")
    made = f"programme {text['programme']!r} of the" if text["programme"] else "the"
    print()
    _put(f"Made from {made} terms file of SHA-256 {text['terms_sha256']}")
    _put(f"SHA-256 of this text, which every signature names: {sha256}")


def _put(line: str) -> None:
    # SECURITY: a partner's words may hold line feeds and what turns the direction of reading: on one line,
    # and spelt out, they cannot pass for a line of ours (tests/unit/test_terms_agreement_words.py).
    print(clean_text(line))


def _say_why(view: dict[str, Any], one: dict[str, Any], mark: str) -> str:
    # What holds for the whole agreement stands at its head; said again on each line it hides what differs.
    return "" if one["why"] == view["why"] else f"{mark}{one['why']}{_cite(one['entries'])}"


def _say_grade(one: dict[str, Any]) -> str:
    if one["grade_says"]:
        return f", grade {one['grade']}: {one['grade_says']}"
    return f", grade {one['grade']}" if one["grade"] > 1 else ""


def _say_detail(title: str, one: dict[str, Any]) -> str:
    if title == "measures":
        return f"{_say_grade(one)}; by {', '.join(one['by']) if one['by'] else 'every party'}"
    if title == "obligations":
        zone = f"; in {one['zone']}" if one["zone"] else ""
        return f"{zone}; guarantor {one['guarantor']}"
    if one["kind"] == "days-without":
        return f"; holds {one['measure']} for {one['days']} days without: {one['incident']}"
    if one["kind"] == "simultaneous":
        return f"; {', '.join(one['steps'])} by all within {one['hours']} hours of all being ready"
    if one["kind"] == "expiry":
        return f"; ends after {one['days']} days unless all extend it"
    return f"; a party may leave with {one['hours']} hours of notice, which ends it for all"


def _cite(entries: list[int]) -> str:
    if not entries:
        return ""
    word = "entry" if len(entries) == 1 else "entries"
    return f" [{word} {', '.join(str(one) for one in entries)}]"


def _say_standing(view: dict[str, Any]) -> str:
    found = (
        {view["standings"].get(str(index), "") for index in view["entries"]} if "standings" in view else set()
    )
    weakest = [word for word in ("recorded", "firm", "settled") if word in found]
    return f" ({weakest[0]})" if weakest else ""
