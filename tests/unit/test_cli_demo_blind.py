"""The demo's blind day and its search of bytes: what should be found is, and what was made up is sound."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import struct

import numpy as np
import pytest

from entente.blind.cover import cover
from entente.blind.grid import GridWire, parse_grid
from entente.blind.lift import asked_tokens, held_tokens
from entente.blind.sizes import find_bucket
from entente.cli.blind.items import Item
from entente.cli.demo_blind import make_rules
from entente.cli.demo_bytes import LEAST_BYTES, count_planted, find_needles, make_needles
from entente.cli.demo_day import Day, make_day
from entente.kernel.canonical import convert_to
from entente.space import Volume, VolumeWire, find_conflict, parse_volume

TOKEN = bytes(range(16, 32))
ITEM: Item = {
    "name": "flight-7",
    "volumes": [
        {
            "outline": {"type": "circle", "centre_e7": [352_854_000, 401_760_000], "radius_cm": 150_000},
            "floor_cm": None,
            "ceiling_cm": 100_000,
            "start": "2026-12-01T06:03:07Z",
            "end": "2026-12-01T07:04:09Z",
        }
    ],
}


@pytest.fixture(scope="module")
def day() -> Day:
    return make_day()


def read(item: Item) -> list[Volume]:
    return [parse_volume(convert_to(json.loads(json.dumps(wire)), VolumeWire)) for wire in item["volumes"]]


def test_the_day_is_clear_and_the_late_flight_is_not(day: Day) -> None:
    grid = parse_grid(convert_to(make_rules(day)["grid"], GridWire))
    plans = {party: [one for item in items for one in read(item)] for party, items in day.plans.items()}
    cells = {party: cover(plan, grid, is_widened=party == "ru") for party, plan in plans.items()}
    held = {party: {row.tobytes() for row in held_tokens(some, grid)} for party, some in cells.items()}
    for one, other in itertools.permutations(plans, 2):
        asked = asked_tokens(cells[one], grid)
        assert len(asked) > 500
        assert find_bucket(len(asked)) <= 2_000  # what a laptop asks in a second or two
        assert not {row.tobytes() for row in asked} & held[other]
    late = read(day.late)
    assert any(
        find_conflict(one, other, day.separation) for one, other in itertools.product(late, plans["ru"])
    )
    assert make_day().plans == day.plans


def spell() -> list[bytes]:
    """Ways in which a careless program would put the item's place, name or cell on the wire."""
    lat, lon = 35.2854, 40.176
    return [
        json.dumps(ITEM).encode(),
        b"flight-7",
        "flight-7".encode("utf-16-le"),
        b"2026-12-01T07:04:09Z",
        struct.pack(">ii", 352_854_000, 401_760_000),
        struct.pack("<d", lat),
        struct.pack(">d", lon),
        struct.pack("<ff", lat, lon),
        b"[35.28540001, 1]",
        TOKEN,
        TOKEN.hex().encode(),
        base64.b64encode(b"x" + TOKEN + b"y"),
        base64.b64encode(b"xx" + TOKEN),
        base64.b64encode(b"flight-7,"),
        hashlib.sha256(TOKEN).digest(),
        hashlib.sha256(b"domain" + TOKEN).digest()[:8],
        hashlib.blake2b(TOKEN, digest_size=8).digest(),
    ]


@pytest.mark.parametrize("spelt", spell(), ids=range(len(spell())))
@pytest.mark.parametrize("before", (0, 3, 8_191))
def test_each_spelling_is_found_wherever_it_stands(spelt: bytes, before: int) -> None:
    needles = make_needles([ITEM], [np.frombuffer(TOKEN, np.uint8).reshape(1, 16)], b"domain")
    assert min(map(len, needles)) >= LEAST_BYTES
    noise = np.random.default_rng(7).bytes(20_000)
    assert find_needles(noise, needles) == []
    assert find_needles(noise[:before] + spelt + noise[before:], needles)


def test_what_is_planted_is_found() -> None:
    needles = make_needles([ITEM], [np.frombuffer(TOKEN, np.uint8).reshape(1, 16)], b"domain")
    found, planted = count_planted(np.random.default_rng(8).bytes(5_000), needles, every=1)
    assert found == planted == len(set(needles.values()))


def test_nothing_is_found_in_nothing() -> None:
    needles = make_needles([ITEM], [], b"domain")
    assert find_needles(b"", needles) == []
    assert find_needles(b"flight-7", {}) == []
    assert find_needles(b"flight-7", needles) == ["name flight-7"]
