"""An observer who knows everything but the truth: the catalogue, the ladder, and the program of the gate.

He sees what recipients see: which shapes came, at which levels, and that nothing came. For every event that
could have happened he runs the gate himself, and so knows exactly how likely each of its outputs is under
each hypothesis; his areas are summed by columns, not taken from the code that he attacks. His best guess must
never be worth more than the gate promised. Against a stream without a gate it is.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from entente.release.exposure import Plan, Pool, Refusal, Stake, charge, close_pools, plan
from entente.release.source.catalogue import Catalogue
from entente.release.source.observer import Observer
from entente.release.source.secret import Gain, NamedBudget, Secret
from entente.release.variant.ladder import Cell, Ladder
from entente.release.variant.shape import Shape, Sighting, shape_of
from tests.release_worlds import draw_event, forget_item, make_catalogue, make_secret, observer, pool, start

LADDER = Ladder(
    places_arcsec=(54_000, 18_000, 3_600),
    spans_s=(3_600,),
    delays_s=(0, 86_400),
    depths=(0, 1, 2),
    heights_m=(1_000,),
)
WORDS = ("air", "ground", "sea")
SLACK = 1e-6  # of his own sums over columns


class Event(NamedTuple):
    """Something that may have been reported: a point of a finest cell, a kind, and how much is told of it."""

    cell: Cell
    word: str
    depth: int
    has_height: bool

    def seen(self) -> Sighting:
        south, west, north, east = LADDER.bounds_e7(self.cell)
        path = (self.word, "x", "y", "z")[: self.depth]
        height_cm = 100 if self.has_height else None
        return Sighting((south + north) // 2, (west + east) // 2, 10**15, path, height_cm)


def column_shares(seen_by: Observer) -> dict[Cell, float]:
    """Return an observer's chance of each finest cell, summed by columns."""
    assert seen_by.circles is not None
    shares: dict[Cell, float] = defaultdict(float)
    total = sum(circle.radius_m**2 for circle in seen_by.circles)
    for circle in seen_by.circles:
        lat, lon = circle.lat_e7 / 1e7, circle.lon_e7 / 1e7
        far = math.degrees(circle.radius_m / 6_371_008.8)
        wide = far / math.cos(math.radians(lat))
        x = lon + wide * ((np.arange(20_000) + 0.5) / 10_000 - 1)
        half = far * np.sqrt(1 - ((x - lon) / wide) ** 2)
        for row in range(math.floor(lat - far + 90), math.floor(lat + far + 90) + 1):
            high = np.minimum(lat + half, row - 89) - np.maximum(lat - half, row - 90)
            for column in np.unique(np.floor(x + 180)).astype(int):
                area = np.maximum(high[np.floor(x + 180) == column], 0).sum() * wide / 10_000
                part = (
                    area * math.cos(math.radians(lat)) / (math.pi * far * wide * math.cos(math.radians(lat)))
                )
                if part > 0:
                    shares[Cell(3, row, int(column))] += part * circle.radius_m**2 / total
    return shares


def list_events(catalogue: Catalogue, secret: Secret) -> dict[Event, np.ndarray]:
    """Return everything that may happen, with its chance under each hypothesis."""
    found: dict[Event, np.ndarray] = defaultdict(lambda: np.zeros(len(secret.hypotheses)))
    for number, one in enumerate(secret.hypotheses):
        for share in one.observers:
            seen_by = catalogue.observer[share.observer]
            for cell, part in column_shares(seen_by).items():
                for word in seen_by.sees:
                    event = Event(cell, word, seen_by.identifies, seen_by.height_accuracy_m is not None)
                    found[event][number] += float(Fraction(share.share)) * part / len(seen_by.sees)
    return dict(found)


Gate = Callable[[list[Stake], Event], tuple[Shape | None, ...]]


def gate_of(recipients: Sequence[str]) -> Gate:
    def run(stakes: list[Stake], event: Event) -> tuple[Shape | None, ...]:
        plans = plan(recipients, stakes, event.seen(), LADDER)
        assert all(isinstance(one, Plan) or one.code != "unexplained" for one in plans.values())
        return tuple(one.shape if isinstance(one, Plan) else None for one in plans.values())

    return run


def no_gate(stakes: list[Stake], event: Event) -> tuple[Shape | None, ...]:
    return (shape_of(event.seen(), LADDER.finest, LADDER),)


def worth_of(secret: Secret, belief: np.ndarray) -> float:
    """Return what the best guess is worth, by the definition of each gain."""
    if secret.gain.kind == "tries":
        return float(np.sort(belief)[-2:].sum())
    if secret.gain.kind == "matrix":
        rows = [[float(Fraction(text)) for text in row] for row in secret.gain.matrix]
        return float(max(np.array(row) @ belief for row in rows))
    return float(belief.max())


def attack(
    chance: random.Random, catalogue: Catalogue, pools: Sequence[Pool], gate: Gate, items: int, ladder: Ladder
) -> tuple[float, int]:
    """Follow one series from the prior, all outputs judged at each step. Return by how much the observer, who
    sees everything that any recipient gets, exceeds the promise at most, and how many outputs there were.
    """
    stakes = start(catalogue, pools, ladder)
    events = {secret.id: list_events(catalogue, secret) for secret in catalogue.secrets}
    beliefs = {
        secret.id: np.full(len(secret.hypotheses), 1 / len(secret.hypotheses)) for secret in catalogue.secrets
    }
    everyone = max(pools, key=lambda one: len(one.members))
    excess, outputs = -1.0, 0
    for _ in range(items):
        possible = [
            event
            for name, table in events.items()
            for event, row in table.items()
            if float(row @ beliefs[name]) > 0.0
        ]
        all_events = sorted(set(possible))
        told = {event: gate(stakes, event) for event in all_events}
        for secret in catalogue.secrets:
            rows: dict[tuple[Shape | None, ...], np.ndarray] = defaultdict(lambda: np.zeros(99))
            for event in all_events:
                row = events[secret.id].get(event, np.zeros(1))
                rows[told[event]][: len(row)] += row
            limit = min(float(Fraction(secret.budget_of(one.name).chance)) for one in [everyone])
            for row in rows.values():
                joint = beliefs[secret.id] * row[: len(secret.hypotheses)]
                if joint.sum() > 1e-12:
                    outputs += 1
                    excess = max(excess, worth_of(secret, joint / joint.sum()) - limit)
        # One of them happens: under a truth that is drawn from what he believes, or it would teach nothing.
        secret = catalogue.secrets[0]
        truth = chance.choices(range(len(secret.hypotheses)), beliefs[secret.id].tolist())[0]
        table = events[secret.id]
        happened = chance.choices(list(table), [float(row[truth]) for row in table.values()])[0]
        shapes = told[happened]
        for other in catalogue.secrets:
            same = [row for event, row in events[other.id].items() if told.get(event) == shapes]
            row = np.sum(same, axis=0)
            beliefs[other.id] = beliefs[other.id] * row / (beliefs[other.id] * row).sum()
        if items > 1:
            stakes = release(stakes, pools, shapes)
    return excess, outputs


def release(stakes: list[Stake], pools: Sequence[Pool], shapes: Sequence[Shape | None]) -> list[Stake]:
    recipients = [one.name for one in pools if len(one.members) == 1]
    for recipient, shape in zip(recipients, shapes, strict=False):
        if shape is not None:
            stakes = [charge(one, shape) if recipient in one.pool.members else one for one in stakes]
    return forget_item(stakes)


def draw_world(seed: int) -> tuple[random.Random, Catalogue]:
    chance = random.Random(seed)
    groups, count = chance.choice((2, 3)), 6
    # Some within a cell of 5 degrees, some across an edge.
    places = [
        (32.5 + 5 * chance.randrange(2), 32.5 + 2.5 * chance.choice((0, 1, 2, 2, 4))) for _ in range(groups)
    ]
    observers = [
        observer(
            f"o{number}",
            places[number % groups][0] + chance.random() / 5,
            places[number % groups][1] + chance.random() / 5,
            chance.choice((90_000, 110_000, 150_000)),
            sees=tuple(chance.sample(WORDS, chance.choice((1, 2))) if seed % 5 == 0 else ("air", "sea")),
            identifies=chance.choice((1, 2, 4)),
            latency_s=chance.choice((0, 600, 7_200)),
            accuracy_m=chance.choice((0, 0, 0, 400_000 if seed % 5 == 1 else 0)),
            height_accuracy_m=chance.choice((None, 0)),
        )
        for number in range(count + 1)
    ]
    names = [each.id for each in observers]
    hypotheses = [[name] if chance.random() < 0.7 else chance.sample(names, 2) for name in names[:count]]
    matrix = (("1", *["1/4"] * (count - 1)), ("0", *["1/2"] * (count - 1)))
    gains = (
        None,
        None,
        Gain(kind="tries", number=2, matrix=()),
        Gain(kind="matrix", number=0, matrix=matrix),
    )
    gain = gains[seed % 4]
    extra = {"gain": gain} if gain else {}
    return chance, make_catalogue(
        observers, [make_secret("site", hypotheses, "4/5" if gain else "3/5", **extra)]
    )


# Worlds in which the gate has something to decide: many outputs, some just within budget.
SEEDS = (0, 2, 4, 12, 18, 20, 27, 28, 29, 32)


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_knows_the_program_never_exceeds_the_budget(seed: int) -> None:
    chance, catalogue = draw_world(seed)
    recipients = ["a", "b"] if seed == 29 else ["a"]
    pools = [pool("a"), pool("b"), pool("a", "b")] if seed == 29 else [pool("a")]
    excess, outputs = attack(chance, catalogue, pools, gate_of(recipients), 2, LADDER)
    assert outputs >= 8
    assert excess <= SLACK, f"{outputs} outputs"


def test_a_stream_without_a_gate_is_read_at_once() -> None:
    """So that the attack can succeed at all."""
    broken = 0
    for seed in SEEDS:
        chance, catalogue = draw_world(seed)
        excess, _ = attack(chance, catalogue, [pool("a")], no_gate, 1, LADDER)
        broken += excess > 0.1
    assert broken >= 8


def test_the_observer_is_right_as_often_as_promised_and_no_more_often() -> None:
    """Over many worlds with truths drawn at random: how often does his best guess name the truth?"""
    chance = random.Random(7)
    seen_by = [observer(f"o{n}", 32 + n % 2 * 1.5, 36 + n // 2 * 1.5, 150_000) for n in range(6)]
    catalogue = make_catalogue(seen_by, [make_secret("site", [[each.id] for each in seen_by], "1/2")])
    right = {"gated": 0, "open": 0}
    worlds, items = 80, 3
    for _ in range(worlds):
        truth = chance.randrange(6)
        reports = [draw_event(chance, seen_by[truth]) for _ in range(items)]
        for name in right:
            (stake,) = start(catalogue, [pool("a")], LADDER)
            for report in reports:
                if name == "gated":
                    one = plan(["a"], [stake], report, LADDER)["a"]
                    if isinstance(one, Refusal):
                        continue
                    shape = one.shape
                else:
                    shape = shape_of(report, LADDER.finest, LADDER)
                (stake,) = forget_item([charge(stake, shape)])
            right[name] += int(np.argmax(stake.belief.posterior)) == truth
    # Five sigma of a coin that is right half the time.
    assert right["gated"] <= worlds / 2 + 5 * math.sqrt(worlds / 4)
    assert right["gated"] >= worlds / 6  # and he does learn something
    assert right["open"] >= worlds * 0.8


def test_a_level_tells_a_recipient_nothing_of_what_others_got() -> None:
    """``b`` gets an item alone; the level at which ``a`` gets the next one depends on it. All that ``a`` can
    conclude, levels included, stays within the budget of their pool.
    """
    # One reaches two cells of 5 degrees; two more are in either of them, and two in a third.
    places = ((32.5, 35), (32.5, 32.5), (32.5, 32.6), (32.5, 37.5), (32.5, 37.6), (37.5, 32.5), (37.5, 32.6))
    seen_by = [observer(f"o{n}", *place, 100_000) for n, place in enumerate(places)]
    secret = make_secret("site", [[each.id] for each in seen_by], "3/5")
    catalogue = make_catalogue(seen_by, [secret])
    pools = [pool("a"), pool("b"), pool("a", "b")]
    events = list_events(catalogue, secret)
    stakes = start(catalogue, pools, LADDER)
    views: dict[Shape | None, np.ndarray] = defaultdict(lambda: np.zeros(7))
    first: dict[Shape | None, np.ndarray] = defaultdict(lambda: np.zeros(7))
    for event, row in events.items():
        (shape,) = gate_of(["b"])(stakes, event)
        first[shape] += row
    levels = set()
    for shape, before in first.items():
        after = stakes
        if shape is not None:
            after = forget_item([charge(one, shape) if "b" in one.pool.members else one for one in stakes])
        for event, row in events.items():
            if not (before * row).any():
                continue  # what came before rules it out
            (got,) = gate_of(["a"])(after, event)
            views[got] += before * row
            levels.add(None if got is None or got.cell is None else got.cell.step)
    assert len(levels) > 1  # it does depend on it
    for row in views.values():
        assert (row / row.sum()).max() <= 0.6 + SLACK


def test_a_tighter_budget_within_a_pool_binds_the_pool() -> None:
    """Else the level of whoever has the tighter budget would tell him what the looser pool got."""
    seen_by = [observer(f"o{n}", 34 + n, 36, 90_000) for n in range(3)]
    tight = (NamedBudget("a", "2/5", None), NamedBudget("b+c", "1/2", None))
    secret = make_secret("site", [[each.id] for each in seen_by], "1/1", budgets=tight)
    catalogue = make_catalogue(seen_by, [secret])
    closed = close_pools([pool("a"), pool("b"), pool("c"), pool("d"), pool("b", "c"), pool("b", "c", "d")])
    event = draw_event(random.Random(1), seen_by[0])
    # Asked about d alone: the pools that hold him, and no other, are among the stakes.
    found = plan(
        ["d"], start(catalogue, [each for each in closed if "d" in each.members], LADDER), event, LADDER
    )["d"]
    assert isinstance(found, Plan)
    assert {each.pool: each.limit for each in found.exposures} == {"d": 1.0, "b+c+d": 0.5}
    assert found.level.place == 1  # the one cell of 15 degrees that holds all three
    both = close_pools([pool("b"), pool("a", "b")])
    found = plan(["b"], start(catalogue, both, LADDER), event, LADDER)["b"]
    assert isinstance(found, Plan)
    assert {each.pool: each.limit for each in found.exposures} == {"b": 1.0, "a+b": 0.4}


def test_pools_that_overlap_are_joined_or_refused() -> None:
    seen_by = [observer(f"o{n}", 34 + n, 36, 90_000) for n in range(3)]
    catalogue = make_catalogue(seen_by, [make_secret("site", [[each.id] for each in seen_by])])
    pools = [pool("a"), pool("b"), pool("c"), pool("a", "b"), pool("b", "c")]
    report = draw_event(random.Random(1), seen_by[0])
    with pytest.raises(ValueError, match="expected a pool that holds both"):
        plan(["b"], start(catalogue, pools, LADDER), report, LADDER)
    closed = close_pools(pools)
    assert closed[-1] == Pool("a+b+c", frozenset("abc"))
    assert plan(["b"], start(catalogue, closed, LADDER), report, LADDER)
    assert close_pools(closed) == closed
