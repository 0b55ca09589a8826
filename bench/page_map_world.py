"""A served desk with as many volumes on its map as wanted: what `bench.page_map` measures the page on.

``ru`` tells activities of up to fifty volumes each, polygons of twenty corners at many heights and times,
around places all over the world; each message is really signed and let in by the center's own rules, and the
desk of ``us`` follows them as it follows any center.

Invariants: everything follows from the arguments; nothing is written past the desk's own parts; every volume
stands at the world's moment or begins within six hours of it, so that all of them are to be drawn.

    >>> world = make_map_world(folder, activities=300, volumes_each=1)
    >>> with world.serving("us") as urls: ...
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from entente.deconflict import Notify
from entente.deconflict.activity import ActivityWord
from entente.kernel.time import encode_utc, parse_utc
from entente.space import PolygonWire, VolumeWire
from tests.page_world import AT_THE_END, World

_KINDS: Final[tuple[ActivityWord, ...]] = ("air", "ground", "convoy", "maritime", "drone", "medical", "other")
_PLACES: Final = (
    (36.2, 37.16), (33.51, 36.29), (36.36, 43.15), (15.35, 44.2), (49.99, 36.23), (13.63, 25.35),
    (4.36, 18.56), (12.0, 8.52), (34.53, 69.17), (2.04, 45.34), (19.76, 96.08), (-4.32, 15.31),
    (18.54, -72.34), (-17.7, 179.5),
)  # fmt: skip
"""Around these the volumes lie; one is at 180 degrees."""
_CORNERS: Final = 20
_STEP: Final = 100


def make_map_world(
    root: Path, *, activities: int, volumes_each: int, progress: Callable[[int], None] = lambda _told: None
) -> World:
    """Make the world; ``progress`` is told how many activities were told."""
    world = World(root, is_served=True)
    # It speaks with its keys from here on: its own desk would rightly raise an alarm at each message.
    world.desks.pop("ru").close()
    author = next(card for card in world.cards if card.name == "ru")
    draw = random.Random(7)
    spread_deg = 0.8 if activities * volumes_each <= 500 else 3.0
    begun, end = world.clock.now, parse_utc(AT_THE_END)
    for number in range(activities):
        world.clock.now = begun + (end - begun) * ((number + 1) / activities)
        volumes = [_make_volume(draw, spread_deg) for _ in range(volumes_each)]
        kind = _KINDS[number % len(_KINDS)]
        body = Notify(f"a-{number}", kind, f"Activity {number}", volumes, [], armed=False, concur_by=None)
        at = encode_utc(world.clock.now)
        signed = author.write("activity.notify", body, world.center.core.seen(), at=at, officers=["duty-1"])
        world.center.core.submit(signed)
        if (number + 1) % _STEP == 0:
            world.desks["us"].run_once()
            progress(number + 1)
    world.clock.now = end
    world.run("us", "un")
    return world


def _make_volume(draw: random.Random, spread_deg: float) -> VolumeWire:
    lat_0, lon_0 = draw.choice(_PLACES)
    lat = max(-84.0, min(84.0, lat_0 + draw.gauss(0, spread_deg)))
    lon = lon_0 + draw.gauss(0, spread_deg)
    reach_deg = 10 ** draw.uniform(-2.3, -0.7)
    corners = []
    for step in range(_CORNERS):
        turn, far_deg = 2 * math.pi * step / _CORNERS, reach_deg * draw.uniform(0.7, 1.0)
        east = lon + far_deg * math.cos(turn) / math.cos(math.radians(lat))
        corners.append(
            (round((lat + far_deg * math.sin(turn)) * 1e7), round(((east + 180) % 360 - 180) * 1e7))
        )
    begins = parse_utc(AT_THE_END) + timedelta(hours=draw.uniform(-6, 5.9))
    begins_or_stands = max(begins, parse_utc(AT_THE_END) - timedelta(hours=6))
    ends = max(begins_or_stands, parse_utc(AT_THE_END)) + timedelta(hours=draw.uniform(1, 8))
    low_cm = draw.choice((0, 15_000, 60_000, 150_000, 300_000, 600_000, 900_000))
    return VolumeWire(
        PolygonWire(tuple(corners)),
        low_cm,
        low_cm + draw.choice((12_000, 30_000, 90_000, 250_000)),
        encode_utc(begins_or_stands),
        encode_utc(ends),
    )
