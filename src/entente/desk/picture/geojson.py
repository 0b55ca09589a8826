"""The picture as one GeoJSON that a map's worker fetches and parses by itself: flat properties.

Invariants: every area has a point besides (role ``...-at``), so that nothing vanishes where it is smaller
than a pixel; what is left out for its number is counted (``total``, ``is_cut``); a recorded circle's true
radius stands beside its ring.

It styles nothing.

    >>> msgspec.json.decode(show_volumes(desk, VolumesRequest()))["features"][0]["properties"]["role"]
    'activity'
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from entente.deconflict.conflicts import agreed_separation
from entente.desk.assembly import Desk
from entente.desk.picture.frame import Frame, open_frame
from entente.desk.picture.meetings import list_conflicts
from entente.desk.picture.requests import VolumesRequest
from entente.desk.picture.things import (
    Options,
    list_activities,
    list_incidents,
    list_items,
    list_sites,
    list_zones,
)

Plain = dict[str, Any]
_FAR_M: Final = 1_000_000.0
_ALL: Final = 1_000_000_000
_LATEST_MS: Final = 8_640_000_000_000_000
_WORDS: Final = {"activities": "activity", "zones": "zone", "sites": "site"}


def show_volumes(desk: Desk, request: VolumesRequest) -> msgspec.Raw:
    """Return every area of the picture as one GeoJSON feature collection."""
    roles = {role for role in request.roles.split(",") if role}
    with open_frame(desk, request) as frame:
        features: list[Plain] = []
        total = 0
        for plain in _list_features(frame, request) if frame.is_founded else ():
            if roles and plain["properties"]["role"] not in roles:
                continue
            total += 1
            if len(features) < request.limit:
                plain["id"] = plain["properties"]["id"] = total
                features.append(plain)
        answer = {
            "type": "FeatureCollection",
            "size": frame.size,
            "at_size": frame.at_size,
            "total": total,
            "shown": len(features),
            "is_cut": total > len(features),
            "features": features,
        }
    return msgspec.Raw(msgspec.json.encode(answer))


def _list_features(frame: Frame, request: VolumesRequest) -> Iterator[Plain]:
    plain = Options(_ALL)
    met = list_conflicts(frame, _ALL)
    around_m = None
    if request.around:
        around_m = agreed_separation(frame.rows).lateral_m
    lists = {
        "activities": list_activities(frame, plain._replace(around_m=around_m), met.by_object).found,
        "zones": list_zones(frame, plain).found,
        "sites": list_sites(frame, plain).found,
    }
    for name, found in lists.items():
        for one in found:
            yield from _list_object(one, _WORDS[name], has_conflict=one["object"] in met.by_object)
    for one in (*list_incidents(frame, plain).found, *list_items(frame, plain).found):
        role = "incident" if "incident" in one else "item"
        properties = _describe(one, one, role, has_conflict=False)
        yield from _draw(properties, one["rings"], one["at"], role)
    for one in met.found:
        if one["at"] is not None:
            properties = _describe(one, one, "conflict", has_conflict=True)
            yield _feature({**properties, "role": "conflict"}, "Point", one["at"])


def _list_object(one: Plain, role: str, *, has_conflict: bool) -> Iterator[Plain]:
    for volume in one["volumes"]:
        properties = _describe(one, volume, role, has_conflict=has_conflict)
        for ring in ("around", "buffer"):
            if ring in volume:
                yield _feature({**properties, "role": ring}, "MultiPolygon", volume[ring])
        yield from _draw(properties, volume["rings"], volume["at"], role)


def _draw(properties: Plain, rings: Any, at: Any, role: str) -> Iterator[Plain]:  # noqa: ANN401 - coordinates
    yield _feature(properties, "MultiPolygon", rings)
    yield _feature({**properties, "role": f"{role}-at"}, "Point", at)


def _feature(properties: Plain, kind: str, coordinates: Any) -> Plain:  # noqa: ANN401 - by the kind
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "properties": dict(properties), "geometry": geometry}


def _describe(one: Plain, volume: Plain, role: str, *, has_conflict: bool) -> Plain:
    start_us, end_us = volume.get("start_us"), volume.get("end_us")
    low_m, high_m = volume.get("floor_m"), volume.get("ceiling_m")
    name = next((one[key] for key in ("object", "incident", "message", "key") if key in one), "")
    kind = next((one[key] for key in ("activity", "zone", "category", "rule") if one.get(key)), role)
    return {
        "id": 0,
        "role": role,
        "object": name,
        "n": volume.get("n", 0),
        "own": int(one.get("is_own", one.get("direction") == "sent")),
        "party": one.get("number", -1),
        "kind": kind if isinstance(kind, str) else role,
        "state": one.get("state") or one.get("standing") or "",
        "position": one["position"]["state"] if "position" in one else "",
        "armed": int(one.get("armed", False)),
        "recalled": int(one.get("is_recalled", False)),
        "from_ms": -_LATEST_MS if start_us is None else start_us // 1000,
        "until_ms": _LATEST_MS if end_us is None else -(-end_us // 1000),
        "low_m": -_FAR_M if low_m is None else low_m,
        "high_m": _FAR_M if high_m is None else high_m,
        "conflict": int(has_conflict),
        "r_m": volume.get("radius_m", 0),
        "label": one.get("title") or one.get("name") or one.get("id") or "",
    }
