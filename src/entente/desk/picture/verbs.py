"""The verbs of the picture: `picture`, `picture-volumes`, `moments`, `moment`, `try`, `corridor`.

Invariants: they look and change nothing; one answer is of one moment; whatever is left out for its number is
counted (``counts``, ``is_cut``).

    >>> show_picture(desk, PictureRequest())["counts"]["activities"]
    {'total': 12, 'shown': 12}
"""

from __future__ import annotations

from typing import Any

from entente.deconflict import PROTECTION_NOTICE
from entente.deconflict.conflicts import agreed_separation
from entente.desk.assembly import Desk
from entente.desk.picture.frame import Frame, open_frame
from entente.desk.picture.meetings import list_conflicts
from entente.desk.picture.requests import PictureRequest
from entente.desk.picture.things import (
    Listed,
    Options,
    list_activities,
    list_incidents,
    list_items,
    list_sites,
    list_zones,
)
from entente.kernel.time import encode_utc

Plain = dict[str, Any]
HEIGHTS = "WGS84 ellipsoid"


def show_picture(desk: Desk, request: PictureRequest) -> Plain:
    """Return everything that map, side view, lanes and lists draw from, of one moment."""
    with open_frame(desk, request) as frame:
        return {**describe_frame(frame), **_list_all(frame, request)}


def describe_frame(frame: Frame) -> Plain:
    """Return what every answer begins with: of which moment it is, and who is who."""
    desk, separation = frame.desk, agreed_separation(frame.rows) if frame.is_founded else None
    return {
        "party": desk.party,
        "now_us": _to_us(frame.desk.clock.now_utc()),
        "as_of_us": _to_us(frame.as_of),
        "as_of": encode_utc(frame.as_of),
        "size": frame.size,
        "at_size": frame.at_size,
        "is_newest": frame.is_newest,
        "heights": HEIGHTS,
        "notice": PROTECTION_NOTICE,
        "separation": None
        if separation is None
        else {
            "lateral_m": separation.lateral_m,
            "vertical_m": separation.vertical_m,
            "time_s": separation.time_s,
        },
        "parties": [
            {
                "party": row.party,
                "name": row.statement.name,
                "number": frame.number(row.party),
                "is_own": row.party == desk.party,
            }
            for row in frame.parties
        ],
    }


def _list_all(frame: Frame, request: PictureRequest) -> Plain:
    if not frame.is_founded:
        lists = {
            name: Listed([], 0)
            for name in ("activities", "zones", "sites", "incidents", "items", "conflicts")
        }
    else:
        around_m = agreed_separation(frame.rows).lateral_m if request.around else None
        plain = Options(request.limit, bool(request.rings))
        met = list_conflicts(frame, request.limit)
        lists = {
            "activities": list_activities(frame, plain._replace(around_m=around_m), met.by_object),
            "zones": list_zones(frame, plain),
            "sites": list_sites(frame, plain),
            "incidents": list_incidents(frame, plain),
            "items": list_items(frame, plain),
            "conflicts": Listed(met.found, met.total),
        }
    counts = {name: {"total": one.total, "shown": len(one.found)} for name, one in lists.items()}
    return {
        "counts": counts,
        "is_cut": any(one.total > len(one.found) for one in lists.values()),
        **{name: one.found for name, one in lists.items()},
    }


def _to_us(moment: Any) -> int:  # noqa: ANN401 - an aware time
    return int(moment.timestamp()) * 1_000_000 + int(moment.microsecond)
