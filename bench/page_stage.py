"""A stage for the page: the page's own files, and made-up answers about a world of any size.

For what no record of ours holds yet: a hundred thousand volumes take hours to be signed, let in and followed.

Invariants: the files are those that ship, under the headers that they ship with; the answers have the shape
that the desk's have (docs/formats/picture.md) and are the same for the same number of volumes; nothing is
recorded: what the page would tell is refused. What is measured on it is the page alone, and never the desk.

    python -m bench.page_stage 8123 100000     serve a world of 100,000 volumes and stay
"""

from __future__ import annotations

import asyncio
import gzip
import json
import math
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from entente.web.files import INDEX, PageFiles
from entente.web.headers import PAGE_HEADERS

Plain = dict[str, Any]
NOW_MS: Final = 1_796_000_000_000
_HOUR_MS: Final = 3_600_000
_PARTIES: Final = ("ru", "tr", "un", "us")
_STATES: Final = ("notified", "acknowledged", "concurred", "objected", "lapsed")
_KINDS: Final = ("air", "ground", "convoy", "maritime", "drone", "medical", "other")
_TOWNS: Final = (
    (36.2, 37.16), (33.51, 36.29), (36.36, 43.15), (15.35, 44.2), (49.99, 36.23), (13.63, 25.35),
    (4.36, 18.56), (12.0, 8.52), (34.53, 69.17), (2.04, 45.34), (19.76, 96.08), (-4.32, 15.31),
    (18.54, -72.34), (31.5, 34.47),
)  # fmt: skip
"""Around these places the volumes lie."""


def make_volumes(count: int, seed: int = 7) -> list[Plain]:
    """Return activities of one volume each, as `picture` lists them."""
    draw = random.Random(seed)
    found: list[Plain] = []
    for place in range(count):
        party = place % len(_PARTIES)
        lat0, lon0 = _TOWNS[draw.randrange(len(_TOWNS))]
        spread = 0.8 if count <= 500 else 3.0
        lat = max(-84.0, min(84.0, lat0 + draw.gauss(0, spread)))
        lon = lon0 + draw.gauss(0, spread)
        radius = 10 ** draw.uniform(-2.3, -0.7)
        ring = []
        for step in range(20):
            turn = 2 * math.pi * step / 20
            far = radius * draw.uniform(0.7, 1.0)
            ring.append(
                [
                    round(lon + far * math.cos(turn) / math.cos(math.radians(lat)), 5),
                    round(lat + far * math.sin(turn), 5),
                ]
            )
        ring.append(ring[0])
        # All of them stand or come within six hours: all of them are to be drawn.
        start_ms = NOW_MS + int(draw.uniform(-6, 5.9) * _HOUR_MS)
        floor_m = draw.choice((None, 0.0, 150.0, 600.0, 1500.0, 3000.0, 6000.0, 9000.0))
        ceiling_m = (floor_m or 0.0) + draw.choice((120.0, 300.0, 900.0, 2500.0))
        found.append(
            {
                "object": f"activity.{_PARTIES[party]}.a{place}",
                "id": f"a{place}",
                "author": _PARTIES[party],
                "number": party,
                "is_own": party == 3,
                "title": f"{_KINDS[place % 7].capitalize()} {place}",
                "activity": _KINDS[place % 7],
                "armed": place % 5 == 0,
                "to": [],
                "told": "every party",
                "version": f"{place:064x}",
                "version_number": 1 + place % 3,
                "index": 100 + place,
                "first_index": 100 + place,
                "standing": ("recorded", "firm", "settled")[place % 3],
                "reason": "",
                "state": _STATES[place % 5],
                "reasons": [],
                "record_state": "standing",
                "concurrence": [],
                "concur_by": None,
                "receipts": [],
                "position": {"state": "counts" if place % 4 else "unread", "reasons": [], "unread": []},
                "conflicts": [],
                "looks_like": [],
                "volumes": [
                    {
                        "n": 0,
                        "type": "polygon",
                        "bbox": [min(p[0] for p in ring), min(p[1] for p in ring),
                                 max(p[0] for p in ring), max(p[1] for p in ring)],
                        "at": [round(lon, 5), round(lat, 5)],
                        "floor_m": floor_m,
                        "ceiling_m": ceiling_m,
                        "start_us": start_ms * 1000,
                        "end_us": (max(start_ms, NOW_MS) + int(draw.uniform(1, 8) * _HOUR_MS)) * 1000,
                        "rings": [[ring]],
                    }
                ],
            }
        )  # fmt: skip
    return found


def _describe(one: Plain, volume: Plain, role: str) -> Plain:
    low, high = volume["floor_m"], volume["ceiling_m"]
    return {
        "id": 0,
        "role": role,
        "object": one["object"],
        "n": volume["n"],
        "own": int(one["is_own"]),
        "party": one["number"],
        "kind": one["activity"],
        "state": one["state"],
        "position": one["position"]["state"],
        "armed": int(one["armed"]),
        "recalled": 0,
        "from_ms": volume["start_us"] // 1000,
        "until_ms": volume["end_us"] // 1000,
        "low_m": -1e6 if low is None else low,
        "high_m": 1e6 if high is None else high,
        "conflict": int(bool(one["conflicts"])),
        "r_m": 0,
        "label": one["title"],
    }


def make_geojson(activities: list[Plain]) -> bytes:
    """Return the activities as `picture-volumes` gives them."""
    features: list[Plain] = []
    for one in activities:
        for volume in one["volumes"]:
            for role, shape in (
                ("activity", {"type": "MultiPolygon", "coordinates": volume["rings"]}),
                ("activity-at", {"type": "Point", "coordinates": volume["at"]}),
            ):
                properties = _describe(one, volume, role)
                properties["id"] = number = len(features) + 1
                features.append(
                    {"type": "Feature", "id": number, "geometry": shape, "properties": properties}
                )
    whole = {
        "type": "FeatureCollection",
        "size": 1000,
        "at_size": 1000,
        "total": len(features),
        "shown": len(features),
        "is_cut": False,
        "features": features,
    }
    return json.dumps(whole, separators=(",", ":")).encode()


_BARE: Final = """import { Map } from "/page/HASH/vendor/maplibre-gl-6.17.0/maplibre-gl.mjs";
const element = document.getElementById("map");
element.style.cssText = "position:fixed;inset:0";
const stands = (at) => ["all", ["<=", ["get", "from_ms"], at], [">", ["get", "until_ms"], at]];
const layer = (id, type, paint) => ({ id, type, source: "things", filter: stands(NOW_MS), paint });
const map = new Map({
  container: "map", attributionControl: false, fadeDuration: 0, center: [36, 30], zoom: 4,
  style: {
    version: 8,
    sources: { things: { type: "geojson", data: "/api/picture-volumes", tolerance: 0.0001 } },
    layers: [
      layer("act-fill", "fill", { "fill-color": "#258", "fill-opacity": 0.3 }),
      layer("act-line", "line", { "line-color": "#258", "line-width": 1 }),
    ],
  },
});
const scrub = (at) => {
  for (const id of ["act-fill", "act-line"]) map.setFilter(id, stands(at), { validate: false });
};
window.bare = { map, scrub };
"""
"""The least that could be drawn: one fill, one outline, no shell, no ground under it."""


class Stage:
    """One world on a stage."""

    def __init__(self, count: int, *, is_live: bool = False) -> None:
        """Draw a world of ``count`` volumes."""
        self.files = PageFiles(is_live=is_live)
        self.activities = make_volumes(count)
        self._volumes = make_geojson(self.activities)
        self._packed = gzip.compress(self._volumes, 1)

    def make_app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/page/{hash}/{name:path}", self._serve_file),
                Route("/bare", self._serve_bare),
                Route("/bare.js", self._serve_bare_script),
                Route("/session", self._serve_session),
                Route("/api/events", self._serve_events),
                Route("/api/{verb}", self._serve_verb, methods=["GET", "POST"]),
                Route("/{view}", self._serve_index),
                Route("/", self._serve_index),
            ]
        )

    async def _serve_index(self, request: Request) -> Response:
        view = request.path_params.get("view", "map")
        html = self.files.make_html(INDEX, entries=(f"views/{view}/view.js",))
        return Response(html, media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)

    async def _serve_file(self, request: Request) -> Response:
        file = self.files.get(request.path_params["name"])
        headers = PAGE_HEADERS | {"cache-control": "no-store" if self.files.is_live else "max-age=3600"}
        data = file.data
        if file.is_worth_packing:
            data, headers = self.files.pack(file), headers | {"content-encoding": "gzip"}
        return Response(data, headers=headers | {"content-type": file.type})

    async def _serve_bare(self, _request: Request) -> Response:
        html = '<!doctype html><title>bare</title><div id="map"></div>'
        html += '<script type="module" src="/bare.js"></script>'
        return Response(html, media_type="text/html")

    async def _serve_bare_script(self, _request: Request) -> Response:
        script = _BARE.replace("HASH", self.files.hash).replace("NOW_MS", str(NOW_MS))
        return Response(script, media_type="text/javascript")

    async def _serve_session(self, _request: Request) -> Response:
        parties = [{"party": one, "name": one.upper()} for one in _PARTIES]
        return JSONResponse(
            {
                "officer": "duty-1", "name": "Duty officer", "party": "us", "party_name": "US",
                "center": "stage", "center_name": "Stage", "roles": ["look", "duty", "release", "chief"],
                "verbs": [], "demo": False, "language": "en", "officers": [], "exercise": True,
                "expires": "", "now_ms": NOW_MS, "rate": 1, "parties": parties,
            }
        )  # fmt: skip

    async def _serve_events(self, _request: Request) -> Response:
        async def beat() -> AsyncIterator[str]:
            while True:
                yield f'event: beat\ndata: {{"now_ms":{NOW_MS},"rate":1}}\n\n'
                await asyncio.sleep(5)

        return StreamingResponse(beat(), media_type="text/event-stream")

    async def _serve_verb(self, request: Request) -> Response:
        verb, query = request.path_params["verb"], request.query_params
        if verb == "picture-volumes":
            roles = query.get("roles", "")
            if roles and "activity" not in roles:
                return JSONResponse({"type": "FeatureCollection", "features": []})
            return Response(self._packed, media_type="application/json", headers={"content-encoding": "gzip"})
        if verb == "picture":
            return JSONResponse(self._make_picture(query))
        if verb == "pulse":
            return JSONResponse(
                {
                    "record": {"shown_size": 1000, "firm_size": 990, "settled_size": 980},
                    "link": {"state": "good", "trouble": ""},
                    "due": {},
                }
            )
        return JSONResponse(
            {"class": "denied", "code": "stage", "message": "stage: answers only"}, status_code=400
        )

    def _make_picture(self, query: Any) -> Plain:  # noqa: ANN401 - Starlette's query
        limit = int(query.get("limit", "2000"))
        chosen = self.activities
        if query.get("west"):
            west, south, east, north = (float(query[name]) for name in ("west", "south", "east", "north"))
            chosen = [
                one
                for one in chosen
                if south <= one["volumes"][0]["at"][1] <= north
                and (west <= one["volumes"][0]["at"][0] <= east or west > east)
            ]
        shown = chosen[:limit]
        if query.get("rings") == "0":
            shown = [
                one | {"volumes": [{k: v for k, v in vol.items() if k != "rings"} for vol in one["volumes"]]}
                for one in shown
            ]
        empty = {"total": 0, "shown": 0}
        counts = dict.fromkeys(("zones", "sites", "conflicts", "incidents", "items"), empty)
        return {
            "party": "us", "now_us": NOW_MS * 1000, "size": 1000, "at_size": 1000, "is_newest": True,
            "parties": [
                {"party": one, "name": one.upper(), "number": place, "is_own": one == "us"}
                for place, one in enumerate(_PARTIES)
            ],
            "separation": {"lateral_m": 5000, "vertical_m": 300, "time_s": 600}, "heights": "WGS84 ellipsoid",
            "notice": "stage", "counts": counts | {"activities": {"total": len(chosen), "shown": len(shown)}},
            "is_cut": len(chosen) > len(shown), "activities": shown, "zones": [], "sites": [],
            "conflicts": [], "incidents": [], "items": [],
        }  # fmt: skip


@contextmanager
def serve_stage(count: int, *, port: int = 0, is_live: bool = False) -> Iterator[str]:
    """Serve a world meanwhile; yield its address."""
    stage = Stage(count, is_live=is_live)
    config = uvicorn.Config(stage.make_app(), host="127.0.0.1", port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    bound = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{bound}"
    finally:
        server.should_exit = True
        thread.join(10)


if __name__ == "__main__":
    with serve_stage(int(sys.argv[2]), port=int(sys.argv[1]), is_live=True) as address:
        print(address, flush=True)
        threading.Event().wait()
