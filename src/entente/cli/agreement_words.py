"""An agreement and its state on a terminal: lines that can be read at 3 a.m. and quoted by entry number.

Invariants: every line that claims something ends with the entries it rests on; what is overdue says so first;
nothing is cut off.

    >>> print_agreement(view)
"""

from __future__ import annotations

from typing import Any


def print_agreement(view: dict[str, Any]) -> None:
    """Print an agreement's state: what stands, what is due, what is ahead."""
    print(f"{view['id']}: {view['title']}")
    standing = _say_standing(view)
    print(f"  {view['phase'].upper()} at {view['now']}: {view['why']}{_cite(view['entries'])}{standing}")
    if view["ends"] and view["phase"] != "ended":
        print(f"  ends {view['ends']}")
    print(f"  SHA-256 of the text {view['sha256']}")
    print("\n  due")
    for one in view["due"]:
        who = f"{one['party']}/{one['agency']}" if one["agency"] else one["party"]
        by = f" by {one['by']}" if one["by"] else ""
        mark = "OVERDUE " if one["is_overdue"] else ""
        print(f"    {mark}{who}: {one['what']}{by}\n      because {one['why']}{_cite(one['entries'])}")
    if not view["due"]:
        print("    nothing")
    if view["ahead"]:
        print("\n  ahead")
        for one in view["ahead"]:
            print(f"    {one['at']}  {one['what']} ({one['why']}){_cite(one['entries'])}")
    print("\n  signatures")
    for one in view["signatories"]:
        who = f"{one['party']}/{one['agency']}" if one["agency"] else one["party"]
        reason = f": {one['reason']}" if one["reason"] else ""
        print(f"    {who:<20} {one['word']}{reason}{_cite(one['entries'])}")
    print("\n  measures")
    for one in view["measures"]:
        print(f"    {one['id']:<20} {one['state']}: {one['says']}; {one['why']}{_cite(one['entries'])}")
    if view["clocks"]:
        print("\n  clocks")
        for one in view["clocks"]:
            end = f", {one['end']}" if one["end"] else ""
            print(f"    {one['id']:<20} {one['state']}{end}: {one['why']}{_cite(one['entries'])}")
    _print_questions(view)
    for note in view["notes"]:
        print(f"  note: {note}")
    print()


def _print_questions(view: dict[str, Any]) -> None:
    for title in ("incidents", "motions"):
        if view[title]:
            print(f"\n  {title}")
        for one in view[title]:
            if title == "incidents":
                said = ", ".join(f"{party} {word}" for party, word in one["answers"].items())
                words = f"{one['by']} reports {one['happened']}: {one['text']}; {said}"
            else:
                words = f"{one['by']} moved to {one['motion']} {one['clock']}: {one['state']}; {one['why']}"
            print(f"    {words}{_cite(one['entries'])}")


def print_text(text: dict[str, Any], sha256: str) -> None:
    """Print the text that is signed, in full."""
    print(f"{text['title']} ({text['id']}, {text['language']})\n")
    names = {one["party"]: one["name"] for one in text["parties"]}
    print("Signed by every one of:")
    for party, name in names.items():
        own = [one for one in text["agencies"] if one["party"] == party]
        print(f"  {party}: {name}")
        for one in own:
            print(f"  {party}/{one['agency']}: {one['name']}")
    for title in ("measures", "obligations", "clocks"):
        if text[title]:
            print(f"\n{title.capitalize()}:")
        for one in text[title]:
            print(f"  {one['id']}: {one['says']}{_say_detail(title, one)}")
    if text["text"]:
        print(f"\n{text['text']}")
    made = f"programme {text['programme']!r} of the" if text["programme"] else "the"
    print(f"\nMade from {made} terms file of SHA-256 {text['terms_sha256']}")
    print(f"SHA-256 of this text, which every signature names: {sha256}")


def _say_detail(title: str, one: dict[str, Any]) -> str:
    if title == "measures":
        grade = f"; grade {one['grade']}: {one['grade_says']}" if one["grade_says"] else ""
        return f"{grade}; by {', '.join(one['by']) if one['by'] else 'every party'}"
    if title == "obligations":
        return f"; guarantor {one['guarantor']}"
    if one["kind"] == "days-without":
        return f"; holds {one['measure']} for {one['days']} days without: {one['incident']}"
    if one["kind"] == "simultaneous":
        return f"; {', '.join(one['steps'])} by all within {one['hours']} hours of all being ready"
    if one["kind"] == "expiry":
        return f"; ends after {one['days']} days unless all extend it"
    return f"; a party may leave with {one['hours']} hours of notice"


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
