"""Changes: what differs between two versions of a terms file, in plain English and as JSON.

Invariant: what means the same is said to mean the same; what was not compared is said not to have been.

    >>> say_difference(old, new, compare_terms(old, new))[0]
    'position us-no-locations: changed (expression); it now allows more.'
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from entente.terms.answers import Change, Consequence, Difference, Obstacle
from entente.terms.model import Terms
from entente.terms.words.phrases import Phrasebook
from entente.terms.words.reasons import say_stop
from entente.terms.words.text import clean_text, join_words

_MEANINGS: Final = {
    "same": "what it asks for is the same",
    "stricter": "it now allows less",
    "looser": "it now allows more",
    "other": "it now means something else",
    "unknown": "what it meant before could not be compared",
    "": "",
}
_STATED: Final = frozenset({"position", "rule", "link"})


def say_difference(old: Terms, new: Terms, answer: Difference) -> list[str]:
    """Return the changes in the order of the file, then what follows from them."""
    if not answer.changes:
        return ["The two files say the same."]
    books = (Phrasebook(old), Phrasebook(new))
    lines: list[str] = []
    for change in answer.changes:
        lines += _say_change(change, *books)
    for consequence in answer.consequences:
        lines += ["", *_say_consequence(consequence, *books)]
    return lines


def difference_to_json(answer: Difference) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "question": "diff",
        "changes": [
            {
                "table": each.table,
                "id": each.id,
                "change": each.change,
                "fields": list(each.fields),
                "meaning": each.meaning,
            }
            for each in answer.changes
        ],
        "consequences": [
            {
                "programme": each.programme,
                "possible": list(each.possible),
                "cost": list(each.cost),
                "gone": [_obstacle(obstacle) for obstacle in each.gone],
                "new": [_obstacle(obstacle) for obstacle in each.new],
                "compared_all": each.search.is_all,
                "stopped_by": each.search.stopped_by,
            }
            for each in answer.consequences
        ],
    }


def _obstacle(obstacle: Obstacle) -> dict[str, Any]:
    return {"members": list(obstacle.members), "via": list(obstacle.via), "is_hard": obstacle.is_hard}


def _say_change(change: Change, before: Phrasebook, after: Phrasebook) -> Iterator[str]:
    what = f"({join_words(change.fields)})" if change.fields else ""
    meaning = _MEANINGS[change.meaning]
    parts = " ".join(
        part for part in (f"{change.table} {clean_text(change.id)}: {change.change}", what) if part
    )
    yield f"{parts}; {meaning}." if meaning else f"{parts}."
    if change.table in _STATED:
        if change.change != "added":
            yield f"  before: {before.describe(change.id).line}"
        if change.change != "removed":
            yield f"  now: {after.describe(change.id).line}"


def _say_consequence(each: Consequence, before: Phrasebook, after: Phrasebook) -> Iterator[str]:
    book = after if each.programme in after.programmes else before
    yield f"{book.name_programme(each.programme)[:1].upper()}{book.name_programme(each.programme)[1:]}:"
    yield f"  before: {_say_answer(each.possible[0], each.cost[0])}"
    yield f"  now: {_say_answer(each.possible[1], each.cost[1])}"
    for word, obstacles in (("gone", each.gone), ("new", each.new)):
        for obstacle in obstacles:
            yield f"  obstacle {word}: {_say_members(obstacle)}."
    if each.search.stopped_by:
        yield f"  Not compared to the end: {say_stop(each.search)}."
    elif not each.search.is_all and (each.gone or each.new):
        yield "  Only the smallest obstacles of each file were compared; there are more."


def _say_members(obstacle: Obstacle) -> str:
    return join_words([clean_text(member) for member in obstacle.members]) or "the rules alone"


def _say_answer(possible: bool | None, cost: int | None) -> str:  # noqa: FBT001 - an answer, not a switch
    if possible is None:
        return "not asked, or not found out."
    if possible:
        return "possible."
    if cost is None:
        return "not possible; no package of concessions is proven the cheapest."
    return f"not possible; the cheapest package of concessions costs {cost}."
