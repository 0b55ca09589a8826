"""Catalogues, beliefs and a Bayesian observer for the tests of exposure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

from entente.release.exposure import Belief, HypothesisSet, Pool, Stake
from entente.release.source.catalogue import Catalogue, find_misfits
from entente.release.source.observer import Circle, Observer, Share, Source
from entente.release.source.secret import EXACT, Budget, Hypothesis, Secret
from entente.release.variant.ladder import DEFAULT_LADDER, Ladder
from entente.release.variant.shape import Sighting

PATH: Final = ("air", "fixed-wing", "transport", "il-76")


def observer(name: str, lat: float, lon: float, radius_m: int, **changes: object) -> Observer:
    """Return a plain observer of one circle."""
    values: dict[str, object] = {
        "circles": (Circle(round(lat * 1e7), round(lon * 1e7), radius_m),),
        "sees": ("air",),
        "identifies": 4,
        "accuracy_m": 0,
        "height_accuracy_m": 0,
        "latency_s": 0,
    }
    values.update(changes)
    return Observer(id=name, words=name, **values)  # type: ignore[arg-type]


def make_secret(
    name: str, observers: Sequence[Sequence[str]], chance: str = "1/2", **changes: object
) -> Secret:
    """Return a secret with one hypothesis for each list of observers, all alike likely."""
    hypotheses = tuple(
        Hypothesis(
            id=f"h{number}",
            words=f"hypothesis {number}",
            weight="1",
            at=None,
            observers=tuple(Share(each, f"1/{len(names)}") for each in names),
            alternatives=(),
        )
        for number, names in enumerate(observers)
    )
    values: dict[str, object] = {
        "about": "site",
        "words": name,
        "hypotheses": hypotheses,
        "truth": "h0",
        "budget": Budget(chance=chance, bits=None),
        "budgets": (),
        "gain": EXACT,
        "officers": 1,
        "notified": False,
    }
    values.update(changes)
    return Secret(id=name, **values)  # type: ignore[arg-type]


def make_catalogue(
    observers: Sequence[Observer], secrets: Sequence[Secret], *, alternatives: Sequence[Share] = ()
) -> Catalogue:
    """Return a catalogue with one source, ``s``, that all secrets belong to."""
    first = secrets[0].hypotheses[0].observers[0].observer if secrets else observers[0].id
    source = Source(
        id="s",
        words="the source",
        method="observation-post",
        observer=first,
        sensitivity="high",
        theatres=("levant",),
        alternatives=tuple(alternatives),
        secrets=tuple(secret.id for secret in secrets),
    )
    catalogue = Catalogue(observers=tuple(observers), sources=(source,), secrets=tuple(secrets))
    assert [each for each in find_misfits(catalogue) if each.code != "truth-denied"] == []
    return catalogue


def pool(*members: str) -> Pool:
    """Return a pool by its members."""
    return Pool("+".join(members), frozenset(members))


def start(
    catalogue: Catalogue, pools: Sequence[Pool], ladder: Ladder = DEFAULT_LADDER, source: str | None = "s"
) -> list[Stake]:
    """Return a stake for each secret of the source and each pool, at the prior."""
    sets = [HypothesisSet.of(secret, catalogue, source, ladder) for secret in catalogue.secrets]
    return [Stake(each, one, Belief.start(one)) for each in pools for one in sets]


def forget_item(stakes: Sequence[Stake]) -> list[Stake]:
    """Return the stakes for the next item: beliefs stay, what is known of the item does not."""
    return [Stake(one.pool, one.hypotheses, one.belief) for one in stakes]


def sites(count: int, *, radius_m: int = 60_000, apart: float = 1.0, lat: float = 35.0) -> list[Observer]:
    """Return observers on a square grid of sites."""
    wide = math.ceil(math.sqrt(count))
    return [
        observer(f"o{number}", lat + number // wide * apart, 36.0 + number % wide * apart, radius_m)
        for number in range(count)
    ]


def draw_event(chance: random.Random, seen_by: Observer) -> Sighting:
    """Return an event that an observer sees: uniform over its circle in its own plane, as the model says."""
    assert seen_by.circles is not None
    areas = [circle.radius_m**2 for circle in seen_by.circles]
    circle = chance.choices(seen_by.circles, areas)[0]
    far, turn = math.sqrt(chance.random()) * circle.radius_m, chance.random() * 2 * math.pi
    lat0 = math.radians(circle.lat_e7 / 1e7)
    lat = circle.lat_e7 + math.degrees(far * math.sin(turn) / 6_371_008.8) * 1e7
    lon = circle.lon_e7 + math.degrees(far * math.cos(turn) / 6_371_008.8 / math.cos(lat0)) * 1e7
    word = chance.choice(sorted(seen_by.sees))
    return Sighting(
        round(lat),
        round(lon),
        chance.randrange(10**15, 2 * 10**15),
        (word, *PATH[1:]),
        chance.randrange(10**6),
    )
