"""Zoom: what both sides show after CONFLICT, and what the exact rule says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from entente.blind.asking import Ask
from entente.blind.cover import cover
from entente.blind.grid import Grid, parse_grid
from entente.blind.group import Rows
from entente.blind.lift import asked_tokens, find_askers, find_holders, held_tokens
from entente.blind.zoom import (
    MAX_ZOOM_CELLS,
    OfferZoom,
    RevealParts,
    encode_cells,
    find_debtor,
    find_zoom,
    judge_parts,
    make_parts,
    read_cells,
)
from entente.kernel.errors import Malformed
from entente.kernel.time import parse_utc
from entente.kernel.wire import encode_base64
from entente.space import Circle, HeightBand, Polygon, Volume, Window, distance_m, encode_volume, is_conflict
from tests.blind_record import GRID, BlindRecord
from tests.unit.test_deconflict_simulator import refused

CELLS = encode_base64(bytes(16))


@pytest.fixture(scope="module")
def grid() -> Grid:
    return parse_grid(GRID)


def make_volume(
    lat: float, lon: float = 40.0, *, radius_m: float = 800.0, hour: float = 14.0, floor_m: float = 1000.0
) -> Volume:
    start = parse_utc("2016-09-17T00:00:00Z") + timedelta(hours=hour)
    window = Window(start, start + timedelta(minutes=20))
    return Volume(Circle((lat, lon), radius_m), HeightBand(floor_m, floor_m + 900.0), window)


class Answered:
    """A question of ``us`` that ``ru`` has answered."""

    def __init__(self) -> None:
        self.blind = BlindRecord()
        own, others = self.blind.commit("us"), self.blind.commit("ru")
        self.ask = self.blind.ask("us", own, others)
        self.body: Ask = self.blind.make_ask("us", own, others, 1, "whole")

    def answer(self) -> Answered:
        self.blind.answer("ru", self.ask)
        return self

    def offer(self, party: str, cells: str = CELLS, to: tuple[str, ...] | None = None) -> str:
        other = (self.blind.rules.get_other(party),) if to is None else to
        return self.blind.record.send(party, "blind.zoom", OfferZoom(self.ask, cells), to=other)

    def reveal(self, party: str, number: int = 1, parts: int = 1) -> str:
        body = RevealParts(self.ask, number, parts, [encode_volume(make_volume(35.0))])
        return self.blind.record.send(party, "blind.reveal", body, to=(self.blind.rules.get_other(party),))


def test_nothing_is_shown_before_both_have_offered() -> None:
    made = Answered()
    with refused("not-answered"):
        made.offer("us")
    made.answer()
    with refused("not-offered"):
        made.reveal("us")
    made.offer("us")
    with refused("not-offered"):
        made.reveal("us")
    with refused("offered"):
        made.offer("us")
    made.offer("ru")
    made.reveal("us")
    rows = made.blind.record.rows("us")
    assert find_debtor(rows, made.ask) == "ru"
    made.reveal("ru")
    assert find_debtor(rows, made.ask) is None
    for reader in (None, "un"):  # neither the host nor anyone else
        assert find_zoom(made.blind.record.rows(reader), made.ask, "us") is None


def test_an_offer_is_of_cells_of_the_grid() -> None:
    made = Answered().answer()
    for row in (b"\xc8" + bytes(15), b"\0\xff\xff" + bytes(13), bytes(8) + b"\xff" * 8):
        with refused("bad-cells"):
            made.offer("us", encode_base64(row))
    made.offer("us")


def test_parts_come_in_order_and_all_of_them() -> None:
    made = Answered().answer()
    made.offer("us")
    made.offer("ru")
    with refused("part-order"):
        made.reveal("us", 2, 3)
    made.reveal("us", 1, 2)
    shown = find_zoom(made.blind.record.rows("ru"), made.ask, "us")
    assert shown is not None
    assert not shown.is_shown
    with refused("part-order"):
        made.reveal("us", 2, 3)
    made.reveal("us", 2, 2)
    with refused("part-order"):
        made.reveal("us", 3, 2)


def test_a_zoom_is_between_the_two_alone() -> None:
    made = Answered().answer()
    with refused("not-addressed"):
        made.offer("us", to=())
    with refused("other-addressee"):
        made.offer("us", to=("ru", "un"))
    with refused("not-asked"):
        made.blind.record.send("un", "blind.zoom", OfferZoom(made.ask, CELLS), to=("us",))


@pytest.mark.parametrize(
    "cells", ("", encode_base64(bytes(15)), encode_base64(bytes(32)), encode_base64(b"\1" * 16 + bytes(16)))
)
def test_cells_of_an_offer_are_in_order_and_whole(cells: str) -> None:
    with pytest.raises(Malformed):
        read_cells(cells)


def test_too_many_cells_say_what_to_do() -> None:
    rows = np.zeros((MAX_ZOOM_CELLS + 1, 16), np.uint8)
    with pytest.raises(Malformed, match="items"):
        encode_cells(rows)
    assert len(read_cells(encode_cells(rows[:1]))) == 1


def meet(grid: Grid, ours: list[Volume], theirs: list[Volume]) -> tuple[Rows, Rows]:
    """The cells of each side that met: what a run gives each of them. Ours is the widened side."""
    first, second = cover(ours, grid, is_widened=True), cover(theirs, grid, is_widened=False)
    asked = {row.tobytes() for row in asked_tokens(first, grid)}
    hits = np.array([row for row in held_tokens(second, grid) if row.tobytes() in asked], np.uint8)
    hits = hits.reshape(-1, 16)
    return find_askers(first, grid, hits), find_holders(second, grid, hits)


def zoom(grid: Grid, ours: list[Volume], theirs: list[Volume]) -> tuple[bool, list[Volume], list[Volume]]:
    first, second = meet(grid, ours, theirs)
    assert len(first)
    own = make_parts(ours, first, second, grid, is_widened=True)
    other = make_parts(theirs, second, first, grid, is_widened=False)
    return judge_parts(own, other, grid).is_true, list(own), list(other)


def test_a_true_conflict_is_found_and_an_artefact_is_cleared(grid: Grid) -> None:
    ours = make_volume(35.0)
    for metres, is_true in ((1_000, True), (2_500, True), (2_700, False), (3_200, False)):
        theirs = make_volume(35.0 + metres / 110_940)
        assert is_conflict(ours, theirs, grid.separation) == is_true
        first, _ = meet(grid, [ours], [theirs])
        if len(first):
            assert zoom(grid, [ours], [theirs])[0] == is_true, metres


def test_what_is_not_in_the_shared_cells_is_not_shown(grid: Grid) -> None:
    # A long area of ours crosses a small one of theirs: they get the crossing, and nothing of its ends.
    base = make_volume(35.0)
    outline = Polygon(((34.99, 39.0), (34.99, 41.0), (35.01, 41.0), (35.01, 39.0)))
    ours, theirs = replace(base, outline=outline), make_volume(35.0)
    far = make_volume(36.0)
    is_true, own, other = zoom(grid, [ours, far], [theirs, make_volume(34.0)])
    assert is_true
    assert other
    for part in (*own, *other):
        assert distance_m(part.outline, theirs.outline) < 8_000  # cells of level 12 are 2 km across
        for place in (Circle((35.0, 39.3), 1.0), Circle((35.0, 40.7), 1.0), far.outline):
            assert distance_m(part.outline, place) > 20_000


def test_nothing_of_another_time_or_height_is_shown(grid: Grid) -> None:
    high = replace(make_volume(35.0), heights=HeightBand(1000.0, 15_000.0))
    start = parse_utc("2016-09-17T10:00:00Z")
    long = replace(high, window=Window(start, start + timedelta(hours=12)))
    _, own, _ = zoom(grid, [long], [make_volume(35.0)])
    assert own
    for part in own:
        assert part.window.start_utc >= parse_utc("2016-09-17T13:40:00Z")
        assert part.window.end_utc <= parse_utc("2016-09-17T14:40:00Z")
        assert part.heights.ceiling_m is not None
        assert part.heights.ceiling_m < 3_500
