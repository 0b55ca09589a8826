"""Plans of releases: rows that add up, what is offered and why not, pools, several secrets, words."""

from __future__ import annotations

import random

import numpy as np
import pytest

from entente.release.exposure import (
    HypothesisSet,
    Plan,
    Pool,
    Refusal,
    Stake,
    charge,
    judge,
    measure,
    plan,
    say_block,
    say_chance,
    say_exposure,
    say_refusal,
    say_standing,
)
from entente.release.exposure.usefulness import Weights
from entente.release.source.observer import Share
from entente.release.source.secret import Budget, NamedBudget
from entente.release.variant.ladder import DEFAULT_LADDER, Level
from entente.release.variant.shape import Shape, Sighting, shape_of
from tests.release_worlds import (
    PATH,
    draw_event,
    forget_item,
    make_catalogue,
    make_secret,
    observer,
    pool,
    sites,
    start,
)

TWELVE = sites(12)
CATALOGUE = make_catalogue(TWELVE, [make_secret("site", [[each.id] for each in TWELVE], "1/2")])
EVENT = draw_event(random.Random(1), TWELVE[0])


def only(plans: dict[str, Plan | Refusal]) -> Plan:
    (found,) = plans.values()
    assert isinstance(found, Plan), found
    return found


def test_rows_of_nested_cells_and_of_kinds_add_up() -> None:
    seen_by = [
        observer("a", 35, 40, 300_000, sees=("air", "ground")),
        observer("b", 36, 41, 250_000, sees=("air",)),
        observer("c", 0, 0, 1, circles=None, sees=("air", "sea", "ground")),
    ]
    secret = make_secret("site", [["a"], ["b"], ["a", "b"]])
    catalogue = make_catalogue(seen_by, [secret], alternatives=[Share("c", "1/4")])
    hypotheses = HypothesisSet.of(secret, catalogue, "s", DEFAULT_LADDER)
    whole = hypotheses.row(Shape(None, None, 0, 0, (), None))
    assert whole == pytest.approx(1.0, abs=1e-12)
    words = [hypotheses.row(Shape(None, None, 0, 0, (word,), None)) for word in ("air", "ground", "sea")]
    assert sum(words) == pytest.approx(whole, abs=1e-12)
    cell = DEFAULT_LADDER.cell_at(350_000_000, 400_000_000, 2)
    for _ in range(3):
        row = hypotheses.row(Shape(cell, None, 0, 0, ("air",), None))
        children = DEFAULT_LADDER.children(cell)
        parts = [hypotheses.row(Shape(child, None, 0, 0, ("air",), None)) for child in children]
        assert sum(parts) == pytest.approx(row, abs=1e-11)
        cell = children[0]


def test_the_most_useful_level_within_budget_is_offered() -> None:
    stakes = start(CATALOGUE, [pool("ru")])
    found = only(plan(["ru"], stakes, EVENT, DEFAULT_LADDER))
    # Nothing but place tells of the site, so all else is told in full.
    assert found.level._replace(place=0) == DEFAULT_LADDER.finest._replace(place=0)
    assert 0 < found.level.place < 8
    (figures,) = found.exposures
    assert figures.chance_prior == pytest.approx(1 / 12)
    assert figures.chance_after <= figures.chance_worst <= figures.limit + 1e-9 == 0.5 + 1e-9
    blocks = {block.dimension: block for block in found.blocks}
    assert blocks["place"].code == "budget"
    assert blocks["place"].worth > 0.5
    assert blocks["span"].code == blocks["depth"].code == "finest"
    again = judge(found.level, "ru", stakes, EVENT, DEFAULT_LADDER)
    assert isinstance(again, Plan)
    assert again.shape == found.shape


def test_officers_limits_and_the_desks_rules_are_kept() -> None:
    stakes = start(CATALOGUE, [pool("ru")])
    most = Level(1, 2, 3, 1, 0)
    found = only(plan(["ru"], stakes, EVENT, DEFAULT_LADDER, at_most=most))
    assert found.level.place <= 1
    assert (found.level.span, found.level.depth, found.level.height) == (2, 1, 0)
    assert found.level.delay == 3
    asked: list[Level] = []

    def rules(recipient: str, level: Level) -> bool:
        asked.append(level)
        return recipient == "ru" and level.depth == 0 and level.place != 1

    found = only(plan(["ru"], stakes, EVENT, DEFAULT_LADDER, allows=rules))
    assert found.level.depth == 0
    refused = plan(["ru"], stakes, EVENT, DEFAULT_LADDER, allows=lambda *_: False)["ru"]
    assert isinstance(refused, Refusal)
    assert refused.code == "not-allowed"
    assert asked


def test_other_weights_choose_otherwise() -> None:
    slow = [
        observer("a", 35, 40, 200_000, latency_s=20_000),
        observer("b", 35.1, 40, 200_000, latency_s=20_000),
    ]
    catalogue = make_catalogue(slow, [make_secret("site", [["a"], ["b"]], "1/1")])
    stakes = start(catalogue, [pool("ru")])
    event = draw_event(random.Random(2), slow[0])
    patient = only(plan(["ru"], stakes, event, DEFAULT_LADDER, weights=Weights(wait=0.0)))
    hasty = only(plan(["ru"], stakes, event, DEFAULT_LADDER, weights=Weights(wait=50.0)))
    assert DEFAULT_LADDER.spans_s[patient.level.span - 1] < 3_600
    waits = [
        DEFAULT_LADDER.delays_s[each.level.delay] + DEFAULT_LADDER.spans_s[each.level.span - 1] / 2
        for each in (hasty, patient)
    ]
    assert waits[0] < waits[1]


def test_what_not_every_possibility_could_tell_is_not_told() -> None:
    """A camera tells the type at once; an agent the kind, after two days; the budget would permit either."""
    seen_by = [
        observer("camera", 35, 40, 200_000),
        observer(
            "agent",
            35,
            40,
            200_000,
            identifies=2,
            latency_s=2 * 86_400,
            accuracy_m=5_000,
            height_accuracy_m=None,
        ),
    ]
    secret = make_secret("method", [["camera"], ["agent"]], "99/100", about="method")
    catalogue = make_catalogue(seen_by, [secret])
    found = only(
        plan(["ru"], start(catalogue, [pool("ru")]), draw_event(random.Random(1), seen_by[0]), DEFAULT_LADDER)
    )
    level = found.level
    assert level.depth == 2
    assert level.height == 0
    # Whatever happens in the window can have been reported by its end and the delay.
    assert DEFAULT_LADDER.delays_s[level.delay] >= 2 * 86_400
    assert DEFAULT_LADDER.places_arcsec[level.place - 1] * 30.9 > 5_000
    assert found.exposures[0].chance_after == pytest.approx(0.5)
    blocks = {block.dimension: block.code for block in found.blocks}
    assert blocks["depth"] == blocks["height"] == blocks["delay"] == "uneven"
    assert blocks["place"] == "precision"


def test_a_budget_that_is_used_up_refuses_everything_alike() -> None:
    secret = make_secret(
        "site", [[each.id] for each in TWELVE], "1/2", budgets=(NamedBudget("ru", "1/12", None),)
    )
    catalogue = make_catalogue(TWELVE, [secret])
    stakes = start(catalogue, [pool("ru"), pool("us")])
    fine = shape_of(EVENT, DEFAULT_LADDER.finest, DEFAULT_LADDER)
    over = forget_item([charge(one, fine) if one.pool == pool("us") else one for one in stakes])
    refusals = set()
    for seed in range(5):
        event = draw_event(random.Random(seed), TWELVE[seed])
        plans = plan(["ru", "us"], over, event, DEFAULT_LADDER)
        assert isinstance(plans["ru"], Plan)  # nothing told of place costs nothing
        assert plans["ru"].level.place <= 1
        refusals.add(plans["us"])
    (refusal,) = refusals
    assert isinstance(refusal, Refusal)
    assert refusal.code == "budget"
    assert "more than the budget" in say_refusal(refusal)


def test_bits_limit_as_chances_do() -> None:
    secret = make_secret("site", [[each.id] for each in TWELVE], "1/1", budget=Budget("1/1", "1"))
    catalogue = make_catalogue(TWELVE, [secret])
    found = only(plan(["ru"], start(catalogue, [pool("ru")]), EVENT, DEFAULT_LADDER))
    assert found.exposures[0].limit == pytest.approx(2 / 12)
    assert found.exposures[0].bits <= 1.0 + 1e-9


def test_no_release_adds_more_than_its_step() -> None:
    """With `each` some of a budget is kept; without it the first report takes what fits."""

    def run(each: str | None) -> list[float]:
        secret = make_secret("site", [[one.id] for one in TWELVE], budget=Budget("1/2", None, each))
        catalogue = make_catalogue(TWELVE, [secret])
        stakes, worst = start(catalogue, [pool("ru"), pool("ru", "us")]), list[float]()
        for seed in range(6):
            event = draw_event(random.Random(seed), TWELVE[5])
            found = plan(["ru"], stakes, event, DEFAULT_LADDER)["ru"]
            assert isinstance(found, Plan)
            for figures in found.exposures:
                most = figures.chance_before + (1.0 if each is None else 1 / 8)
                assert figures.chance_after <= figures.chance_worst <= min(0.5, most) + 1e-9
            stakes = forget_item([charge(one, found.shape) for one in stakes])
            worst.append(found.exposures[0].chance_worst)
        return worst

    slowly, freely = run("1/8"), run(None)
    assert slowly[0] <= 1 / 12 + 1 / 8 + 1e-9 < freely[0]
    named = NamedBudget("ru", "1/2", None, "1/20")
    catalogue = make_catalogue(TWELVE, [make_secret("site", [[one.id] for one in TWELVE], budgets=(named,))])
    # Of a pool the least step of its members binds, as the least budget does.
    stakes = start(catalogue, [pool("ru"), pool("us"), pool("ru", "us")])
    assert [one.limit_now for one in stakes] == pytest.approx([1 / 12 + 1 / 20, 0.5, 1 / 12 + 1 / 20])


def test_recipients_who_pool_get_no_more_together_than_one_may() -> None:
    """One is told where, one is told when and what: together they would know all; so what the second gets
    counts what the first has.
    """
    seen_by = [
        observer("a", 35, 40, 150_000, sees=("air", "sea")),
        observer("b", 35, 40, 150_000, sees=("sea", "ground")),
        observer("c", 37.5, 42.4, 150_000, sees=("air", "sea")),
        observer("d", 37.5, 42.4, 150_000, sees=("ground", "sea")),
    ]
    catalogue = make_catalogue(seen_by, [make_secret("site", [[each.id] for each in seen_by], "1/2")])
    event = Sighting(350_000_000, 400_000_000, 10**15, ("air", "x"))
    pools = [pool("ru"), pool("us"), pool("ru", "us")]
    where, what = Level(8, 0, 0, 0, 0), Level(0, 6, 0, 4, 0)

    def run(pools_: list[Pool]) -> list[Stake]:
        stakes = start(catalogue, pools_)
        for recipient, most in (("ru", where), ("us", what)):
            if not any(recipient in one.pool.members for one in stakes):
                continue
            found = plan([recipient], stakes, event, DEFAULT_LADDER, at_most=most)[recipient]
            assert isinstance(found, Plan)
            stakes = [charge(one, found.shape) if recipient in one.pool.members else one for one in stakes]
        return stakes

    together = run(pools)[-1]
    assert measure(together).chance_after <= 0.5 + 1e-9
    assert together.belief.items == 1
    apart = run(pools[:2])
    shapes = [one.known for one in apart]
    pooled = start(catalogue, [pools[2]])[0]
    for shape in shapes:
        assert shape is not None
        pooled = charge(pooled, shape)
    # Judged apart, the same two releases would have told it all.
    assert measure(pooled).chance_after == pytest.approx(1.0)


def test_a_plan_for_many_counts_what_those_before_are_to_get() -> None:
    pools = [pool("a"), pool("b"), pool("a", "b")]
    stakes = start(CATALOGUE, pools)
    both = plan(["a", "b"], stakes, EVENT, DEFAULT_LADDER)
    first = both["a"]
    assert isinstance(first, Plan)
    after = [charge(one, first.shape) if "a" in one.pool.members else one for one in stakes]
    assert plan(["b"], after, EVENT, DEFAULT_LADDER)["b"] == both["b"]


@pytest.mark.parametrize(("chance", "is_told"), (("2/3", True), ("13/20", False)))
def test_an_output_at_the_budget_is_told_and_one_just_above_is_not(chance: str, is_told: bool) -> None:
    """Two sites; one has half its circle in each of two cells of 5 degrees, the other all of it in one, and a
    third all of it in the other: either cell makes one of them two thirds likely.
    """
    seen_by = [
        observer("both", 32.5, 35, 100_000),
        observer("west", 32.5, 32.5, 100_000),
        observer("east", 32.5, 37.5, 100_000),
    ]
    catalogue = make_catalogue(seen_by, [make_secret("site", [[each.id] for each in seen_by], chance)])
    stakes = start(catalogue, [pool("a"), pool("b"), pool("a", "b")])
    event = Sighting(325_000_000, 325_000_000, 10**15, PATH, 100)
    plans = plan(["a", "b"], stakes, event, DEFAULT_LADDER)
    for found in plans.values():
        assert isinstance(found, Plan)
        assert found.level.place == (2 if is_told else 1)
    if is_told:
        # The second got what the first has: nothing new, however often it is counted.
        second = plans["b"]
        assert isinstance(second, Plan)
        assert sorted(each.chance_before for each in second.exposures) == pytest.approx([1 / 3, 2 / 3])
        assert [each.chance_after for each in second.exposures] == pytest.approx([2 / 3, 2 / 3])


@pytest.mark.parametrize("lacks", ({"identifies": 1}, {"height_accuracy_m": None}))
def test_what_a_report_may_lack_is_judged_too(lacks: dict[str, object]) -> None:
    """Under one hypothesis a newspaper would explain some reports: those with little detail, near one town.

    In full, a report from there says nothing; a short one from there would point to that hypothesis.
    """
    seen_by = [
        observer("a", 32.5, 37.5, 300_000),
        observer("b", 32.5, 37.5, 300_001),
        observer("press", 32.5, 37.5, 10_000, **lacks),
    ]
    plain = make_secret("site", [["a"], ["b"]], "3/5")
    first = plain.hypotheses[0]
    told = type(first)(
        first.id, first.words, first.weight, first.at, first.observers, (Share("press", "1/4"),)
    )
    secret = make_secret("site", [["a"], ["b"]], "3/5", hypotheses=(told, plain.hypotheses[1]))
    stakes = start(make_catalogue(seen_by, [secret]), [pool("ru")])
    event = Sighting(325_000_000, 375_000_000, 10**15, PATH, 100)
    found = only(plan(["ru"], stakes, event, DEFAULT_LADDER))
    # The cells of one degree would let a full report out within budget (4 in 7), a short one not (9 in 10).
    assert found.level == DEFAULT_LADDER.finest._replace(place=2)
    full = measure(charge(stakes[0], shape_of(event, found.level._replace(place=3), DEFAULT_LADDER)))
    short = shape_of(
        event._replace(path=PATH[:1], height_cm=None), found.level._replace(place=3), DEFAULT_LADDER
    )
    assert full.chance_after == pytest.approx(4 / 7, abs=1e-3)
    assert measure(charge(stakes[0], short)).chance_after > 0.8


def test_an_observer_that_covers_everything_reaches_every_cell() -> None:
    seen_by = [observer("post", 35, 40, 100_000), observer("satellite", 0, 0, 1, circles=None)]
    catalogue = make_catalogue(seen_by, [make_secret("method", [["post"], ["satellite"]], "999/1000")])
    stakes = start(catalogue, [pool("ru")])
    found = only(plan(["ru"], stakes, Sighting(350_000_000, 400_000_000, 10**15, PATH, 100), DEFAULT_LADDER))
    # Its own cell would leave a doubt; but every other cell would name the satellite for sure.
    assert found.level.place == 0


def test_every_secret_and_every_theatre_counts() -> None:
    """Two secrets of one source, and one secret of two sources in two theatres."""
    second = make_secret("who", [[each.id for each in TWELVE[:6]], [each.id for each in TWELVE[6:]]], "1/2")
    catalogue = make_catalogue(TWELVE, [CATALOGUE.secrets[0], second])
    stakes = start(catalogue, [pool("ru")])
    found = only(plan(["ru"], stakes, EVENT, DEFAULT_LADDER))
    alone = only(plan(["ru"], start(CATALOGUE, [pool("ru")]), EVENT, DEFAULT_LADDER))
    assert {each.secret for each in found.exposures} == {"site", "who"}
    assert all(each.chance_after <= each.limit + 1e-9 for each in found.exposures)
    assert found.level.place < alone.level.place
    assert {block.secret for block in found.blocks if block.dimension == "place"} == {"who"}
    # What was released in one theatre is in the belief by which the other theatre is judged.
    (stake,) = start(CATALOGUE, [pool("ru")])
    for seed in range(3):
        event = draw_event(random.Random(seed), TWELVE[0])
        outcome = plan(["ru"], [stake], event, DEFAULT_LADDER)["ru"]
        if isinstance(outcome, Plan):
            (stake,) = forget_item([charge(stake, outcome.shape)])
    assert measure(stake).chance_after > 1 / 12
    assert measure(stake).chance_after <= 0.5 + 1e-9


def test_the_shifted_grid_is_stopped() -> None:
    """The series of the research: each release names four sites, and four name one. On the one fixed grid,
    under a budget of 1 in 4, any number of releases leaves four.
    """
    # Twelve sites a quarter of a degree apart: each cell of one degree holds four, well inside.
    line = [observer(f"o{n}", 35.5, 40.125 + n * 0.25, 1_000) for n in range(12)]
    secret = make_secret("site", [[each.id] for each in line], "1/4")
    catalogue = make_catalogue(line, [secret])
    hypotheses = HypothesisSet.of(secret, catalogue, "s", DEFAULT_LADDER)
    # Shifted, it works: the posterior after cells that begin a site later each time.
    belief = np.full(12, 1 / 12)
    chances = []
    for shift in range(4):
        belief = belief * (((np.arange(12) + shift) // 4) == (5 + shift) // 4)
        belief /= belief.sum()
        chances.append(float(belief.max()))
    assert chances == pytest.approx([1 / 4, 1 / 3, 1 / 2, 1.0])
    for truth in range(12):
        stakes = start(catalogue, [pool("ru")])
        for number in range(4):
            event = draw_event(random.Random(number), line[truth])
            outcome = plan(["ru"], stakes, event, DEFAULT_LADDER)["ru"]
            assert isinstance(outcome, Plan)
            assert outcome.level.place == 3  # the cell of one degree
            stakes = forget_item([charge(one, outcome.shape) for one in stakes])
            assert measure(stakes[0]).chance_after == pytest.approx(1 / 4)
            if truth > 1:
                break  # the first two for the whole series, the others for the cell
    assert hypotheses.before == pytest.approx(1 / 12)


def test_a_source_without_secrets_goes_out_in_full() -> None:
    found = only(plan(["ru"], [], EVENT, DEFAULT_LADDER))
    assert found.level == DEFAULT_LADDER.finest
    assert found.exposures == ()


def test_a_report_that_no_possibility_explains_is_refused() -> None:
    stakes = start(CATALOGUE, [pool("ru")])
    for event in (Sighting(0, 0, 10**15, PATH, 100), EVENT._replace(path=("sea", "ship"))):
        refused = plan(["ru"], stakes, event, DEFAULT_LADDER)["ru"]
        assert isinstance(refused, Refusal)
        assert refused.code == "unexplained"
        assert "the catalogue is wrong" in say_refusal(refused)


def test_mistakes_of_the_caller_are_told() -> None:
    stakes = start(CATALOGUE, [pool("ru", "us")])
    with pytest.raises(ValueError, match="expected a pool of him alone"):
        plan(["ru"], stakes, EVENT, DEFAULT_LADDER)
    second = make_secret("who", [["o0"], ["o1"]], "1/2")
    two = start(make_catalogue(TWELVE, [CATALOGUE.secrets[0], second]), [pool("ru"), pool("us")])
    with pytest.raises(ValueError, match="expected one for each secret"):
        plan(["ru"], two[:3], EVENT, DEFAULT_LADDER)


def test_words_for_people() -> None:
    for chance, words in (
        (0.75, "3 times in 4"),
        (0.5, "1 time in 2"),
        (1 / 12, "1 time in 12"),
        (0.3333333, "1 time in 3"),
        (0.9999, "practically always"),
        (1.0, "always"),
        (0.031, "4 % of the time"),
        (0.58, "7 times in 12"),
        (0.5801, "7 times in 12"),
        (4 / 13, "31 % of the time"),
        (0.2999, "3 times in 10"),
        (0.004, "less than 1 time in 100"),
    ):
        assert say_chance(chance) == words
    for hundredths in range(2, 100):
        text = say_chance(hundredths / 100)
        if " in " in text:
            count, _, of = text.partition(" in ")
            assert 0.0 <= int(count.split()[0]) / int(of) - hundredths / 100 + 1e-9 <= 0.011, text
    stakes = start(CATALOGUE, [pool("ru")])
    found = only(plan(["ru"], stakes, EVENT, DEFAULT_LADDER))
    text = say_exposure(found.exposures[0], CATALOGUE.secrets[0])
    assert text.startswith("after this, of twelve candidate sites, they would name the right one ")
    assert "1 time in 12 before" in text
    assert "from the start" in say_standing(measure(stakes[0]), CATALOGUE.secrets[0])
    assert all(say_block(block) for block in found.blocks)
