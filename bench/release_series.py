"""A series of releases, gated and not: what a recipient comes to believe, as a picture and a table.

Run as ``python -m bench.release_series``: it writes docs/pictures/release-series.svg and prints the tables of
docs/formats/release-exposure.md section 6: twelve sites, a report a day, a budget of 1 in 2; how often the
best guess is right over many worlds; and what a recipient who believes another model than the stated one
makes of the same shapes.

No figure is a timing; the same run gives the same numbers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from entente.release.exposure import Plan, Pool, Stake, charge, plan
from entente.release.source.observer import Observer
from entente.release.source.secret import Secret
from entente.release.variant.ladder import DEFAULT_LADDER
from entente.release.variant.shape import Shape, shape_of
from tests.release_worlds import draw_event, forget_item, make_catalogue, make_secret, observer, start

ROOT: Final = Path(__file__).resolve().parent.parent
ITEMS: Final = 12
WORLDS: Final = 60
BUDGET: Final = 0.5


LABEL: Final = (
    'font-size="13" role="img" aria-label="What a recipient believes of twelve sites after each release: '
    'through the gate the likeliest stays at the budget or below; without it one site is nearly certain"'
)


class Model(NamedTuple):
    """What somebody believes: circles and weights of the twelve sites."""

    name: str
    observers: Sequence[Observer]
    weights: Sequence[int]


def make_sites(*, radius_m: int = 110_000, moved: float = 0.0) -> list[Observer]:
    """Return twelve sites on a front of 300 km, their circles across the edge of two cells."""
    return [
        observer(f"o{number}", 32.5 + number % 3 * 0.2 + moved, 33.4 + number * 0.29 + moved, radius_m)
        for number in range(12)
    ]


def make_models() -> list[Model]:
    """Return the stated model, and others that a recipient may hold."""
    plain = make_sites()
    return [
        Model("the stated model", plain, [1] * 12),
        Model("prior: the true site twice as likely", plain, [2, *[1] * 11]),
        Model("prior: the true site ten times as likely", plain, [10, *[1] * 11]),
        Model("circles a tenth smaller", make_sites(radius_m=99_000), [1] * 12),
        Model("circles a tenth larger", make_sites(radius_m=121_000), [1] * 12),
        Model("circles 14 km further to the north-east", make_sites(moved=0.09), [1] * 12),
    ]


def make_stake(model: Model) -> Stake:
    """Return the secret as a model has it, for one recipient."""
    plain = make_secret("site", [[each.id] for each in model.observers], "1/2")
    hypotheses = tuple(
        type(one)(one.id, one.words, str(weight), one.at, one.observers, one.alternatives)
        for one, weight in zip(plain.hypotheses, model.weights, strict=True)
    )
    secret = Secret(
        **{name: getattr(plain, name) for name in plain.__struct_fields__} | {"hypotheses": hypotheses}
    )
    catalogue = make_catalogue(model.observers, [secret])
    return start(catalogue, [Pool("a", frozenset("a"))])[0]


def release_series(chance: random.Random, truth: int, *, is_gated: bool) -> tuple[list[Shape], np.ndarray]:
    """Return what is released of a series, and the belief after each item by the stated model."""
    model = make_models()[0]
    stake = make_stake(model)
    shapes, beliefs = [], [stake.belief.posterior]
    for _ in range(ITEMS):
        event = draw_event(chance, model.observers[truth])
        shape = shape_of(event, DEFAULT_LADDER.finest, DEFAULT_LADDER)
        if is_gated:
            outcome = plan(["a"], [stake], event, DEFAULT_LADDER)["a"]
            if not isinstance(outcome, Plan):
                beliefs.append(beliefs[-1])
                continue
            shape = outcome.shape
        (stake,) = forget_item([charge(stake, shape)])
        shapes.append(shape)
        beliefs.append(stake.belief.posterior)
    return shapes, np.array(beliefs)


def judge_by(model: Model, shapes: Sequence[Shape]) -> np.ndarray:
    """Return what somebody who holds a model believes after some shapes; what it rules out, he drops."""
    stake = make_stake(model)
    belief = stake.hypotheses.prior
    for shape in shapes:
        joint = belief * stake.hypotheses.row(shape)
        belief = joint / joint.sum() if joint.sum() > 0.0 else belief
    return belief


def draw(gated: np.ndarray, bare: np.ndarray) -> str:
    """Return the picture: one curve a site, the true one dark; gated on the left."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 330" font-family="sans-serif" {LABEL}>',
        '<rect width="860" height="330" fill="#ffffff"/>',
    ]
    for left, beliefs, title in ((60, gated, "through the gate"), (480, bare, "without a gate")):
        wide, high, top = 340, 220, 50
        parts.append(f'<text x="{left}" y="30" font-weight="bold">{title}</text>')
        for share in (0, 25, 50, 75, 100):
            y = top + high - high * share / 100
            dashed = ' stroke-dasharray="6 4" stroke="#b00020"' if share == 50 else ' stroke="#dddddd"'
            end = left + wide
            parts.append(f'<line x1="{left}" y1="{y:.0f}" x2="{end}" y2="{y:.0f}"{dashed}/>')
            parts.append(f'<text x="{left - 8}" y="{y + 4:.0f}" text-anchor="end">{share} %</text>')
        beside = f'x="{left + wide - 4}" y="{top + high / 2 - 6:.0f}" text-anchor="end"'
        parts.append(f'<text {beside} fill="#b00020">budget</text>')
        for site in range(11, -1, -1):
            points = " ".join(
                f"{left + wide * step / ITEMS:.1f},{top + high - high * chance:.1f}"
                for step, chance in enumerate(beliefs[:, site])
            )
            look = 'stroke="#1a4f8a" stroke-width="3"' if site == 0 else 'stroke="#9aa7b5" stroke-width="1.2"'
            parts.append(f'<polyline points="{points}" fill="none" {look}/>')
        for step in range(0, ITEMS + 1, 2):
            x = left + wide * step / ITEMS
            parts.append(f'<text x="{x:.0f}" y="{top + high + 20}" text-anchor="middle">{step}</text>')
        parts.append(
            f'<text x="{left + wide / 2:.0f}" y="{top + high + 42}" text-anchor="middle">releases</text>'
        )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def main() -> None:
    """Draw the picture and print the tables."""
    gated = release_series(random.Random(5), 0, is_gated=True)
    bare = release_series(random.Random(5), 0, is_gated=False)
    path = ROOT / "docs" / "pictures" / "release-series.svg"
    path.write_text(draw(gated[1], bare[1]), encoding="utf-8")
    print(f"written to {path.relative_to(ROOT)}\n")
    print(
        "| releases | best guess, through the gate | best guess, without | step of place, through the gate |"
    )
    print("|---|---|---|---|")
    for step in (0, 1, 2, 4, 8, 12):
        cell = gated[0][step - 1].cell if 0 < step <= len(gated[0]) else None
        told = (
            ""
            if not step
            else "none"
            if cell is None
            else f"{DEFAULT_LADDER.size_arcsec(cell.step) / 3600:g} deg"
        )
        print(f"| {step} | {gated[1][step].max():.3f} | {bare[1][step].max():.3f} | {told} |")

    right = {True: 0, False: 0}
    worst: dict[str, float] = dict.fromkeys((model.name for model in make_models()), 0.0)
    hits: dict[str, int] = dict.fromkeys(worst, 0)
    for world in range(WORLDS):
        truth = world % 12
        for is_gated in (True, False):
            shapes, beliefs = release_series(random.Random(world), truth, is_gated=is_gated)
            right[is_gated] += int(beliefs[-1].argmax()) == truth
            if not is_gated:
                continue
            for model in make_models():
                # "The true site" of a prior is whatever is true in this world.
                weights = list(np.roll(model.weights, truth))
                belief = judge_by(model._replace(weights=weights), shapes)
                worst[model.name] = max(worst[model.name], float(belief.max()))
                hits[model.name] += int(belief.argmax()) == truth
    print(f"\n{WORLDS} worlds, {ITEMS} reports each: the best guess is right")
    print(f"through the gate {right[True]}, without {right[False]}\n")
    print("| a recipient who believes | his best guess after the series, at most | right, of all worlds |")
    print("|---|---|---|")
    for name, most in worst.items():
        print(f"| {name} | {most:.3f} | {hits[name] / WORLDS:.2f} |")


if __name__ == "__main__":
    main()
