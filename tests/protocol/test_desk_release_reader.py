"""A Bayesian reader at the other desks: whole series through a real gate never take him beyond a budget.

He knows the program and the catalogue but for the truth, sees everything that ``ru`` and ``un`` open, alone
and put together, and reckons by himself: shares of discs by polygons (shapely), and nothing of the room's own
arithmetic. He knows which items are of one event, which a real reader would have to guess. What he comes to
must stay within every budget, and be what the ledger says that he knows. Without the gate he finds the
source: the test can fail.
"""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from shapely import Point, Polygon, box

from entente.kernel.time import encode_utc, parse_utc
from entente.release.item import ItemRow
from entente.release.variant.sent import PlaceWire, VariantWire
from tests.protocol.desk_stage import open_scratch
from tests.release_desks import CLEARANCES, HILLS, POOLS, PURPOSES, ReleaseDesks, make_catalogue, make_report

RADIUS_M: Final = 6_371_008.8
SITES: Final = tuple(
    (name, round(36.85 + 0.15 * (number // 4), 2), round(41.78 + 0.14 * (number % 4), 2))
    for number, (name, _, _) in enumerate(HILLS)
)
"""Twelve hills about a corner of four degrees: each could see into all four, and into no other."""
REACH_KM: Final = {"post": 60, "ear": 62}
SEES: Final = {"post": ("air", "ground"), "ear": ("air",)}
KINDS: Final = tuple("ear" if number % 3 == 0 else "post" for number in range(len(SITES)))
"""Which kind of observer would be on which hill."""
PATHS: Final = (("air", "fixed-wing", "transport", "il-76"), ("ground", "convoy", "lorries", "fuel"))
LIMITS: Final = {"ru": 1 / 2, "un": 2 / 5, "astana": 2 / 5}
"""What each may come to: a pool no more than any of its members."""
NEAR: Final = 1e-3
"""Circles here are polygons of 1 024 corners."""


def spell_world(truth: int) -> str:
    """Return a catalogue with posts that see air and ground, and ears that see further and air alone."""
    text = make_catalogue(budgets='budgets = [{ who = "un", chance = "2/5" }]')
    ear = (
        '[[observer]]\nid = "ear"\nwords = "an ear"\nreach_m = 62_000\nsees = ["air"]\nidentifies = 4\n'
        "accuracy_m = 0\nheight_accuracy_m = 0\nlatency_s = 0\n[[source]]"
    )
    text = text.replace("reach_m = 20_000", "reach_m = 60_000").replace("[[source]]", ear)
    parts = text.split("[[secret.hypothesis]]")
    hills = [
        re.sub(r"at = .*", f"at = [{lat}, {lon}]", part).replace('"post"', f'"{kind}"')
        for part, (_, lat, lon), kind in zip(parts[1:], SITES, KINDS, strict=True)
    ]
    name = SITES[truth][0]
    head = parts[0].replace('truth = "hill-05"', f'truth = "{name}"')
    head = head.replace('"post-hill-05"', f'"{KINDS[truth]}-{name}"')
    return "[[secret.hypothesis]]".join([head, *hills])


def list_discs() -> list[tuple[Polygon, float]]:
    """Return the disc of each hill in metres about itself, and the cosine of its latitude."""
    return [
        (Point(0, 0).buffer(REACH_KM[kind] * 1000, quad_segs=256), math.cos(math.radians(lat)))
        for (_, lat, _), kind in zip(SITES, KINDS, strict=True)
    ]


DISCS: Final = list_discs()


def measure_shares(place: PlaceWire | None) -> list[float]:
    """Return for each hill what part of its disc lies in a cell."""
    if place is None:
        return [1.0] * len(SITES)
    size = place.size_arcsec / 3600
    south, west = place.row * size - 90, place.column * size - 180
    shares = []
    for (_, lat, lon), (disc, cosine) in zip(SITES, DISCS, strict=True):
        to_m = math.radians(1) * RADIUS_M
        cell = box(
            (west - lon) * to_m * cosine,
            (south - lat) * to_m,
            (west + size - lon) * to_m * cosine,
            (south + size - lat) * to_m,
        )
        shares.append(disc.intersection(cell).area / disc.area)
    return shares


@dataclass
class Reader:
    """What one recipient, or two together, make of what they got, event by event."""

    seen: dict[str, list[VariantWire]] = field(default_factory=lambda: defaultdict(list))

    def read(self, event: str, variant: VariantWire) -> None:
        self.seen[event].append(variant)

    def weigh(self, variants: Sequence[VariantWire]) -> list[float]:
        """Return how well each hill explains what was shown of one event: its finest cell, its longest path.

        What an observer sees may be any of its words, one as likely as the other.
        """
        places = [variant.place for variant in variants if variant.place is not None]
        finest = min(places, key=lambda place: place.size_arcsec, default=None)
        path = max((variant.path for variant in variants), key=len)
        return [
            share * (1.0 if not path else (path[0] in SEES[kind]) / len(SEES[kind]))
            for share, kind in zip(measure_shares(finest), KINDS, strict=True)
        ]

    def find_belief(self) -> list[float]:
        belief = [1.0] * len(SITES)
        for variants in self.seen.values():
            belief = [one * weight for one, weight in zip(belief, self.weigh(variants), strict=True)]
        return [one / sum(belief) for one in belief]


def draw_reports(
    draw: random.Random, truth: int, count: int
) -> Iterator[tuple[str, tuple[float, float], str]]:
    """Yield what the source on a hill may have reported: a name, where, and the text of the report."""
    _, lat, lon = SITES[truth]
    for number in range(count):
        reach_deg = math.degrees(REACH_KM[KINDS[truth]] * 1000 / RADIUS_M)
        away, angle = 0.999 * reach_deg * math.sqrt(draw.random()), draw.uniform(0, 2 * math.pi)
        at = (
            round(lat + away * math.sin(angle), 4),
            round(lon + away * math.cos(angle) / math.cos(math.radians(lat)), 4),
        )
        paths = [path for path in PATHS if path[0] in SEES[KINDS[truth]]]
        when = parse_utc("2016-09-10T00:00:00Z") + timedelta(minutes=draw.randrange(6 * 24 * 60))
        text = make_report(
            f"r-{number}", at=at, when=encode_utc(when), path=draw.choice(paths), text="Seen.", claims=""
        )
        yield f"r-{number}", at, text


def list_items(three: ReleaseDesks, party: str) -> list[ItemRow]:
    return sorted(three.desks[party].rows.select(ItemRow, author="us"), key=lambda row: row.index)


def find_unsaid(plan: Any) -> tuple[str, str, tuple[tuple[str, Any], ...]]:
    """Return what must not depend on the report: whether something may go, all of its level but the leaf."""
    level = dict(plan["level"] or {})
    level.pop("place_arcsec", None)
    return plan["state"], plan["code"], tuple(sorted(level.items()))


@pytest.mark.parametrize(("truth", "seed"), ((5, 2), (6, 6), (11, 1)))
def test_a_reader_of_whole_series_never_goes_beyond_a_budget(tmp_path: Path, truth: int, seed: int) -> None:
    draw = random.Random(seed)
    reports = list(draw_reports(draw, truth, 7))
    readers = {name: Reader() for name in LIMITS}
    given = 0
    with open_scratch(tmp_path) as folder:
        three = ReleaseDesks(folder, is_stocked=False)
        three.stock(catalogue=spell_world(truth), reports=[text for _, _, text in reports])
        three.load("clearances", CLEARANCES)
        three.load("purposes", PURPOSES)
        three.load("pools", POOLS)
        for number in range(len(reports)):
            name = reports[number][0]
            if number == 4:
                # The first report is corrected: another version of the same event.
                name = "r-0"
                three.load_reports(reports[0][2].replace("accuracy_m = 50", "accuracy_m = 90"))
            is_new = number != 4
            parties = draw.choice((("ru",), ("un",), ("ru", "un"), ("un", "ru")))
            for turn, party in enumerate(parties):
                # To the second of two the officer gives less: together they have what the first one got.
                (plan,) = three.plan(name, party, finest_arcsec=18_000 * turn)
                if is_new and number in {1, 3, 5}:
                    # Another report of the same source, planned in its place, would have fared alike.
                    (other,) = three.plan(reports[6][0], party)
                    assert find_unsaid(other) == find_unsaid(plan)
                is_new = False
                if plan["state"] != "planned":
                    continue
                before = len(list_items(three, party))
                assert three.send(plan)["state"] == "recorded"
                items = list_items(three, party)
                assert len(items) == before + 1
                given += 1
                variant = items[-1].item.variant
                if variant.window is not None:
                    end_us = variant.window.start_us + variant.window.span_us
                    assert parse_utc(items[-1].at).timestamp() * 1e6 >= end_us
                for reader in (readers[party], readers["astana"]):
                    reader.read(name, variant)
                for who, reader in readers.items():
                    if not reader.seen:
                        continue
                    best = max(reader.find_belief())
                    assert best <= LIMITS[who] + NEAR, (who, name)
                    told = three.learned(who)["chance_percent"]
                    assert told == pytest.approx(100 * best, abs=100 * NEAR + 0.02), (who, name)
        for who, reader in readers.items():
            # The history that officers look at ends at the same place, hypothesis by hypothesis.
            steps = three.ask("us", "release-belief", secret="post-site", pool=who)["steps"]
            assert steps[-1]["posterior"] == pytest.approx(reader.find_belief(), abs=NEAR)
    assert given >= 5
    assert find_ungated(reports) > max(LIMITS.values())


def find_ungated(reports: Sequence[tuple[str, tuple[float, float], str]]) -> float:
    """Return what the reader would come to if the same reports went out as they are, to six seconds."""
    reader = Reader()
    for name, (lat, lon), text in reports:
        place = PlaceWire(6, int((lat + 90) * 600), int((lon + 180) * 600))
        path = next(path for path in PATHS if f"path = {list(path)}" in text)
        reader.read(name, VariantWire((), "entente-variant-1", None, path, place, "", None))
    return max(reader.find_belief())
