"""How the record grew: entries, conflicts and alarms over time, and how large it was at a moment.

Two clocks, and each answer says which: *claimed* is what each author said of his own message; *recorded* is
the host's signed time of the first checkpoint that this desk saw the entry under: a desk that was away has
one time for all that it missed.

Invariants: never more buckets than were asked for; an entry without a known time by a clock is in none of its
buckets and counts in ``size`` alone.

    >>> show_moments(desk, MomentsRequest())["size"]
    125
"""

from __future__ import annotations

import bisect
from typing import Any, Final

from entente.desk.assembly import Desk
from entente.desk.picture.kept import to_us
from entente.desk.picture.requests import MomentsRequest
from entente.desk.views import find_applied
from entente.store.sql import Prepared

Plain = dict[str, Any]
_READ: Final = Prepared("SELECT idx, at_us, opened, resolved, alarms FROM moments ORDER BY idx", ())
CLOCK_WORDS: Final = {
    "claimed": "each author's own time of his message",
    "recorded": "the host's signed time of the checkpoint with which it came here",
}


def show_moments(desk: Desk, request: MomentsRequest) -> Plain:
    """Return how the record grew in a span of time."""
    past = desk.view_home.find_past()
    found = [] if past is None else past.database.find_rows(_READ)
    size = find_applied(desk.rows)
    times = _list_recorded(desk, found) if request.clock == "recorded" else [row[1] for row in found]
    known = [at_us for at_us in times if at_us]
    first_us, last_us = min(known, default=0), max(known, default=0)
    from_us, until_us = request.from_us or first_us, request.until_us or last_us + 1
    width_us = max(1, -(-(until_us - from_us) // request.buckets))
    buckets = [
        {
            "from_us": from_us + place * width_us,
            "until_us": from_us + (place + 1) * width_us,
            "entries": 0,
            "opened": 0,
            "resolved": 0,
            "alarms": 0,
            "size": 0,
        }
        for place in range(min(request.buckets, max(0, -(-(until_us - from_us) // width_us))))
    ]
    for row, at_us in zip(found, times, strict=True):
        place = (at_us - from_us) // width_us
        if at_us and 0 <= place < len(buckets):
            for name, count in zip(("entries", "opened", "resolved", "alarms"), (1, *row[2:]), strict=True):
                buckets[place][name] += count
    reached = _accumulate(times)
    for bucket in buckets:
        bucket["size"] = bisect.bisect_left(reached, bucket["until_us"])
    at = None
    if request.at_us:
        at = {"us": request.at_us, "size": bisect.bisect_right(reached, request.at_us)}
    return {
        "size": size,
        "first_us": first_us,
        "last_us": last_us,
        "clock": request.clock,
        "clock_words": CLOCK_WORDS[request.clock],
        "at": at,
        "buckets": buckets,
    }


def _accumulate(times: list[int]) -> list[int]:
    """Return by when each entry and all before it were there: no entry is there before an earlier one."""
    reached, latest = [], 0
    for at_us in times:
        latest = max(latest, at_us)
        reached.append(latest)
    return reached


def _list_recorded(desk: Desk, found: list[Any]) -> list[int]:
    rows = desk.book.read("SELECT size, recorded FROM milestones WHERE recorded != '' ORDER BY size")
    sizes, times = [row["size"] for row in rows], [to_us(row["recorded"]) for row in rows]
    places = [bisect.bisect_right(sizes, row[0]) for row in found]
    return [times[place] if place < len(times) else 0 for place in places]
