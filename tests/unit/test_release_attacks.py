"""Attacks on the release room from outside: what a recipient, or several together, could make of it.

The observer here is exact, and shares no code with what he attacks: every observer of his worlds covers one
finest cell alone, so that no areas are needed. He keeps every history that is possible for all recipients
together, runs the gate in each, and then looks at what one pool sees of them: shapes, levels, that nothing
came, and how late it came. What he then guesses must never be worth more than the pool's budget.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pytest

from entente.desk.release.giving import count_items
from entente.kernel.errors import Denied, Malformed
from entente.release.exposure import Belief, Plan, Pool, Stake, charge, encode_belief, parse_belief, plan
from entente.release.label import Label, make_category, make_label, parse_label_xml, read_spif, translate
from entente.release.source.catalogue import Catalogue
from entente.release.source.observer import Observer, Share
from entente.release.source.secret import Gain, Hypothesis, NamedBudget, Secret
from entente.release.variant.ladder import Ladder, Level
from entente.release.variant.shape import Shape, Sighting, earliest_us
from tests.release_record import VARIANT, ReleaseRecord
from tests.release_worlds import forget_item, make_catalogue, make_secret, observer, pool, start

HOUR_US: Final = 3_600_000_000
LADDER: Final = Ladder(
    places_arcsec=(54_000, 18_000, 3_600),
    spans_s=(3_600,),
    delays_s=(0, 3_600),
    depths=(0, 1, 2, 3),
    heights_m=(1_000,),
    unshown_s=3_600,
)
EXACT: Final = 1e-9

Place = tuple[float, float]
Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


class Event(NamedTuple):
    """Something that an observer sees: all that he can tell of it, in which half of the hour, how late."""

    place: Place
    word: str
    depth: int
    has_height: bool
    half: int
    latency_s: int

    def seen(self) -> Sighting:
        lat, lon = self.place
        moment_us = 400_000 * HOUR_US + self.half * HOUR_US // 2 + 1
        height_cm = 100 if self.has_height else None
        path = (self.word, "x", "y", "z")[: self.depth]
        return Sighting(round(lat * 1e7), round(lon * 1e7), moment_us, path, height_cm)


class Step(NamedTuple):
    """An item that is given: to whom, in which order; a new one, or the last one again; how fine at most."""

    is_new: bool
    to: tuple[str, ...]
    at_most: Level | None = None


Told = tuple[str, Shape | None, int]  # to whom, what, and how late
History = tuple[tuple[Told, ...], ...]


class World(NamedTuple):
    """One secret; where each observer stands."""

    catalogue: Catalogue
    places: Mapping[str, Place]
    pools: Sequence[Pool]

    @property
    def secret(self) -> Secret:
        return self.catalogue.secrets[0]

    def list_events(self) -> dict[Event, Floats]:
        count = len(self.secret.hypotheses)
        found: dict[Event, Floats] = defaultdict(lambda: np.zeros(count))
        for number, one in enumerate(self.secret.hypotheses):
            for share in one.observers:
                seen_by = self.catalogue.observer[share.observer]
                for word in seen_by.sees:
                    for half in (0, 1):
                        event = Event(
                            self.places[seen_by.id],
                            word,
                            seen_by.identifies,
                            seen_by.height_accuracy_m is not None,
                            half,
                            seen_by.latency_s,
                        )
                        found[event][number] += float(Fraction(share.share)) / len(seen_by.sees) / 2
        return dict(found)


def give(base: list[Stake], step: Step, event: Event) -> tuple[list[Stake], tuple[Told, ...]]:
    """Run the gate for one event, and charge."""
    offers, stakes = plan(step.to, base, event.seen(), LADDER, at_most=step.at_most), base
    told: list[Told] = []
    for name in step.to:
        offer = offers[name]
        if not isinstance(offer, Plan):
            assert offer.code != "unexplained", event
            told.append((name, None, 0))
            continue
        due_us = earliest_us(event.seen(), offer.shape, LADDER)
        late_us = max(0, event.seen().moment_us + event.latency_s * 1_000_000 - due_us)
        told.append((name, offer.shape, late_us))
        stakes = [charge(one, offer.shape) if name in one.pool.members else one for one in stakes]
    return stakes, tuple(told)


def find_excess(world: World, steps: Sequence[Step]) -> tuple[float, str]:
    """Return by how much some pool's best guess exceeds its budget at most, in whatever may happen."""
    prior = np.array([float(one) for one in world.secret.prior()])
    events = world.list_events()
    nothing = Event((0, 0), "", 0, False, 0, 0)
    chances: dict[History, dict[Event, Floats]] = {(): {nothing: prior}}
    states: dict[History, list[Stake]] = {(): start(world.catalogue, world.pools, LADDER)}
    excess, words = -1.0, ""
    for step in steps:
        after: dict[History, dict[Event, Floats]] = defaultdict(dict)
        reached: dict[History, list[Stake]] = {}
        for history, current in chances.items():
            base, happened = states[history], current
            if step.is_new:
                base = forget_item(base)
                before = sum(current.values(), np.zeros(len(prior)))
                happened = {event: before * row for event, row in events.items()}
            for event, weights in happened.items():
                if weights.any():
                    stakes, told = give(base, step, event)
                    after[*history, told][event] = weights
                    reached.setdefault((*history, told), stakes)
        chances, states = dict(after), reached
        for one in world.pools:
            for view, weights in look(chances, one, len(prior)).items():
                most = max(
                    float(Fraction(world.secret.budget_of(one.name).chance)), worth_of(world.secret, prior)
                )
                over = worth_of(world.secret, weights / weights.sum()) - most
                if over > excess:
                    excess, words = over, f"{one.name} sees {view}: {weights / weights.sum()}"
    return excess, words


def look(chances: Mapping[History, Mapping[Event, Floats]], one: Pool, count: int) -> dict[History, Floats]:
    """Return what a pool may see, and how likely under each hypothesis."""
    views: dict[History, Floats] = defaultdict(lambda: np.zeros(count))
    for history, current in chances.items():
        seen = tuple(tuple(told for told in item if told[0] in one.members) for item in history)
        views[seen] = views[seen] + sum(current.values(), np.zeros(count))
    return views


def worth_of(secret: Secret, belief: Floats) -> float:
    if secret.gain.kind == "tries":
        return float(np.sort(belief)[-secret.gain.number :].sum())
    if secret.gain.kind == "matrix":
        rows = [[float(Fraction(text)) for text in row] for row in secret.gain.matrix]
        return float(max(np.array(row) @ belief for row in rows))
    return float(belief.max())


def draw_world(seed: int) -> tuple[World, list[Step]]:
    chance = random.Random(seed)
    count = chance.choice((3, 4, 5))
    names = [f"o{number}" for number in range(count + 2)]
    places = {name: (30.5 + chance.randrange(10), 30.5 + chance.randrange(10)) for name in names}
    is_uneven = seed % 3 == 0
    observers = [
        observer(
            name,
            *places[name],
            30_000,
            sees=tuple(chance.sample(("air", "ground", "sea"), 2)) if seed % 3 == 1 else ("air",),
            identifies=chance.choice((1, 2, 3)) if is_uneven else 3,
            height_accuracy_m=chance.choice((None, 0)) if is_uneven else 0,
            latency_s=chance.choice((0, 1_800, 3_600)) if seed % 3 == 2 else 0,
        )
        for name in names
    ]
    hypotheses = tuple(
        Hypothesis(
            id=f"h{number}",
            words="one of them",
            weight=chance.choice(("1", "1", "2")),
            at=None,
            observers=(
                (Share(names[number], "1"),)
                if chance.random() < 0.5
                else tuple(Share(name, "1/2") for name in chance.sample(names, 2))
            ),
            alternatives=(),
        )
        for number in range(count)
    )
    matrix = (("1", *["1/4"] * (count - 1)), ("0", *["1/2"] * (count - 1)))
    gain = chance.choice((None, None, Gain("tries", 2, ()), Gain("matrix", 0, matrix)))
    more = {"gain": gain} if gain else {}
    secret = make_secret(
        "site", [[name] for name in names[:count]], "4/5" if gain else "3/5", hypotheses=hypotheses, **more
    )
    pools = [pool("a"), pool("b"), pool("a", "b")]
    steps = [
        Step(
            is_new=not number or chance.random() < 0.6,
            to=chance.choice((("a",), ("b",), ("a", "b"), ("b", "a"))),
            at_most=chance.choice((None, Level(3, 1, 0, 1, 0), Level(1, 0, 0, 3, 1), Level(2, 0, 1, 0, 1))),
        )
        for number in range(2)
    ]
    return World(make_catalogue(observers, [secret]), places, pools), steps


@pytest.mark.parametrize("seed", range(6))
def test_no_pool_learns_more_than_its_budget_whatever_it_sees(seed: int) -> None:
    excess, words = find_excess(*draw_world(seed))
    assert excess <= EXACT, words


def place_observers(
    places: Sequence[Place], **changes: Sequence[object]
) -> tuple[list[Observer], dict[str, Place]]:
    """Return observers of one cell each; ``changes`` by name, one value for each."""
    found = [
        observer(
            f"o{number}",
            place[0],
            place[1],
            30_000,
            **{name: values[number] for name, values in changes.items()},
        )
        for number, place in enumerate(places)
    ]
    return found, {one.id: place for one, place in zip(found, places, strict=True)}


def halves(*pairs: tuple[int, int]) -> tuple[Hypothesis, ...]:
    """Return hypotheses of two observers each, half and half."""
    return tuple(
        Hypothesis(
            id=f"h{number}",
            words="two of them",
            weight="1",
            at=None,
            observers=tuple(Share(f"o{one}", "1/2") for one in pair),
            alternatives=(),
        )
        for number, pair in enumerate(pairs)
    )


@pytest.mark.parametrize(
    "changes",
    (
        {"identifies": (3, 1, 3, 1)},
        {"height_accuracy_m": (0, None, 0, None)},
        {"latency_s": (0, 1_800, 0, 1_800)},
    ),
)
def test_how_full_a_report_is_tells_nothing_with_its_place(changes: dict[str, Sequence[object]]) -> None:
    """One hypothesis sees well in the north and badly in the south, the other the other way round. On average
    both see alike, and both see north and south alike; a bad report of the north names the second.
    """
    north, south = (40.5, 35.5), (30.5, 35.5)
    seen_by, places = place_observers([north, south, south, north], **changes)
    secret = make_secret("site", [["o0"], ["o1"]], "3/5", hypotheses=halves((0, 1), (2, 3)))
    world = World(make_catalogue(seen_by, [secret]), places, [pool("a")])
    excess, words = find_excess(world, [Step(is_new=True, to=("a",))])
    assert excess <= EXACT, words


def test_a_level_tells_a_recipient_of_a_small_budget_nothing_of_a_pool_with_a_large_one() -> None:
    """``a`` gets one of three cells, with four, two and two sites in it. After four, ``b`` may get a word
    with the next item, after two he may not, or their pool would know: from a word ``b`` knows of the four.
    """
    seen_by, places = place_observers(
        [(31.5, 31.5)] * 4 + [(31.5, 46.5)] * 2 + [(46.5, 31.5)] * 2, sees=(("air",), ("ground",)) * 4
    )
    secret = make_secret(
        "site", [[one.id] for one in seen_by], "1/2", budgets=(NamedBudget("b", "1/4", None),)
    )
    world = World(make_catalogue(seen_by, [secret]), places, [pool("a"), pool("b"), pool("a", "b")])
    steps = [Step(True, ("a",), Level(1, 0, 0, 0, 0)), Step(True, ("b",), Level(0, 0, 0, 1, 0))]
    excess, words = find_excess(world, steps)
    assert excess <= EXACT, words


@pytest.mark.parametrize(
    ("high", "low", "ruled_out"),
    (([0.0] * 4, [0.0] * 4, [1] * 4), ([-1e308] * 4, [0.0] * 4, [0] * 4), ([-800.0] * 4, [0.0] * 4, [0] * 4)),
)
def test_a_belief_that_nothing_can_be_is_not_read(
    high: list[float], low: list[float], ruled_out: list[int]
) -> None:
    """Its chances are no numbers, and no number is above a budget that is compared with one."""
    seen_by, _ = place_observers([(31.5, 31.5), (36.5, 31.5), (41.5, 31.5), (46.5, 31.5)])
    catalogue = make_catalogue(seen_by, [make_secret("site", [[one.id] for one in seen_by])])
    (stake,) = start(catalogue, [pool("a")], LADDER)
    digest = stake.hypotheses.digest
    written = encode_belief(Belief(digest, 1, np.array(high), np.array(low), np.array(ruled_out)))
    with pytest.raises(Malformed):
        parse_belief(written, stake.hypotheses)


def test_what_was_as_good_as_ruled_out_is_not_released() -> None:
    """Two in one cell, unlikely beyond what a float holds, are no half each: one outweighs the other."""
    seen_by, _ = place_observers([(31.5, 31.5), (31.5, 31.5), (31.5, 56.5), (31.5, 56.5)])
    catalogue = make_catalogue(seen_by, [make_secret("site", [[one.id] for one in seen_by])])
    (stake,) = start(catalogue, [pool("a")], LADDER)
    held = np.array([0.0, 0.0, -650.0, -900.0])
    belief = Belief(stake.hypotheses.digest, 1, held, np.zeros(4), np.zeros(4, np.int64))
    report = Sighting(315_000_000, 565_000_000, 400_000 * HOUR_US, ("air",))
    offer = plan(["a"], [Stake(stake.pool, stake.hypotheses, belief)], report, LADDER)["a"]
    assert not isinstance(offer, Plan)
    assert offer.code == "unexplained"


# Labels

_SPACE: Final = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
_INNER: Final = "<PolicyIdentifier>TLP</PolicyIdentifier><Classification>GREEN</Classification>"
_LABEL: Final = (
    f'<originatorConfidentialityLabel xmlns="{_SPACE}"><ConfidentialityInformation>{_INNER}'
    "</ConfidentialityInformation></originatorConfidentialityLabel>"
)


@pytest.mark.parametrize(
    ("old", "new"),
    (
        (_INNER, f"RED {_INNER}"),
        ("<ConfidentialityInformation>", "RED <ConfidentialityInformation>"),
        ("<ConfidentialityInformation>", '<ConfidentialityInformation Classification="RED">'),
        (
            "<ConfidentialityInformation>",
            '<ConfidentialityInformation xmlns:q="urn:q" q:Classification="RED">',
        ),
        (
            "</ConfidentialityInformation>",
            (
                '<Category TagName="REL" Type="PERMISSIVE">US<GenericValue>RU</GenericValue></Category>'
                "</ConfidentialityInformation>"
            ),
        ),
    ),
)
def test_a_label_with_words_where_none_belong_is_refused(old: str, new: str) -> None:
    """A person reads them and a program does not: the two would see two labels."""
    assert parse_label_xml(_LABEL.encode()).classification == "GREEN"
    assert _LABEL.count(old) == 1
    with pytest.raises(Malformed):
        parse_label_xml(_LABEL.replace(old, new).encode())


def test_an_encoding_that_is_named_far_behind_is_refused_too() -> None:
    for name in ("utf-7", "iso-8859-1", "UTF-16"):
        opening = f'<?xml version="1.0"{" " * 300}encoding="{name}"?>'
        with pytest.raises(Malformed):
            parse_label_xml((opening + _LABEL).encode())


@pytest.mark.parametrize("hidden", ("\u200b", "\u202e", "\u2066", "\ufeff", "\u2060", "\u202a"))
def test_a_name_of_a_label_shows_what_it_is(hidden: str) -> None:
    """A mark that turns the direction of reading would show another classification than is meant."""
    for values in (
        {"classification": f"DET{hidden}CIRTSER"},
        {"classification": "A", "policy": f"N{hidden}"},
    ):
        with pytest.raises(Malformed):
            make_label(**{"policy": "NATO", **values})  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        make_category(f"Releas{hidden}able To", "permissive", ["RU"])
    with pytest.raises(Malformed):
        make_category("Releasable To", "permissive", [f"R{hidden}U"])


def _make_policy(
    name: str, number: str, other: tuple[str, str], equivalents: Sequence[tuple[int, str]]
) -> bytes:
    """Return a policy of three classifications; ``equivalents``: number and direction, lowest first."""
    classes = "".join(
        f'<securityClassification name="{name}{rank}" lacv="{rank}" hierarchy="{rank}">'
        f'<equivalentClassification policyRef="{other[0]}" lacv="{lacv}" applied="{applied}"/>'
        "</securityClassification>"
        for rank, (lacv, applied) in enumerate(equivalents)
    )
    return (
        f'<SPIF xmlns="http://www.xmlspif.org/spif"><securityPolicyId name="{name}" id="{number}"/>'
        f'<equivalentPolicies><equivalentPolicy name="{other[0]}" id="{other[1]}"/></equivalentPolicies>'
        f"<securityClassifications>{classes}</securityClassifications></SPIF>"
    ).encode()


@pytest.mark.parametrize("by", ("sender", "receiver"))
def test_a_label_does_not_come_back_weaker_from_another_policy(by: str) -> None:
    """P2 is Q1 there, and Q1 is P0 here: whoever translates twice has turned P2 into P0."""
    both = "both"
    first = read_spif(_make_policy("P", "1.2.1", ("Q", "1.2.2"), [(0, both), (2, both), (1, both)]))
    second = read_spif(_make_policy("Q", "1.2.2", ("P", "1.2.1"), [(1, both), (0, both), (2, both)]))
    label = Label("", "P", "P2")
    if by == "sender":
        with pytest.raises(Denied) as caught:
            translate(label, first, second, by="sender")
    else:
        # Q2 takes P2 for its own; it would be P1 again.
        with pytest.raises(Denied) as caught:
            translate(label, first, second, by="receiver")
    assert caught.value.code == "equivalents-disagree"
    # Stronger there and back is nobody's loss.
    assert translate(Label("", "P", "P1"), first, second, by="sender").label.classification == "Q2"


def test_what_only_tells_here_opens_nothing_there() -> None:
    """A remark here is a nation there: beside the nation that the label is for, it would let another in."""
    target = read_spif(
        b'<SPIF xmlns="http://www.xmlspif.org/spif"><securityPolicyId name="Q" id="1.2.2"/>'
        b'<securityClassifications><securityClassification name="Q0" lacv="0" hierarchy="0"/>'
        b'</securityClassifications><securityCategoryTagSets><securityCategoryTagSet name="REL" id="1.2.2.1">'
        b'<securityCategoryTag name="REL" tagType="permissive"><tagCategory name="RU" lacv="0"/>'
        b'<tagCategory name="UN" lacv="1"/></securityCategoryTag></securityCategoryTagSet>'
        b"</securityCategoryTagSets></SPIF>"
    )
    called = '<equivalentSecCategoryTag policyRef="Q" tagSetId="1.2.2.1" tagType="permissive" applied="both"'
    source = read_spif(
        (
            '<SPIF xmlns="http://www.xmlspif.org/spif"><securityPolicyId name="P" id="1.2.1"/>'
            '<equivalentPolicies><equivalentPolicy name="Q" id="1.2.2"/></equivalentPolicies>'
            '<securityClassifications><securityClassification name="P0" lacv="0" hierarchy="0">'
            '<equivalentClassification policyRef="Q" lacv="0" applied="both"/></securityClassification>'
            "</securityClassifications><securityCategoryTagSets>"
            '<securityCategoryTagSet name="To" id="1.2.1.1">'
            '<securityCategoryTag name="To" tagType="permissive">'
            f'<tagCategory name="RU" lacv="0">{called} lacv="0"/></tagCategory></securityCategoryTag>'
            '</securityCategoryTagSet><securityCategoryTagSet name="Says" id="1.2.1.2">'
            '<securityCategoryTag name="Says" tagType="tagType7" tag7Encoding="bitSetAttributes">'
            f'<tagCategory name="convoy" lacv="0">{called} lacv="1"/></tagCategory></securityCategoryTag>'
            "</securityCategoryTagSet></securityCategoryTagSets></SPIF>"
        ).encode()
    )
    to, says = make_category("To", "permissive", ["RU"]), make_category("Says", "informative", ["convoy"])
    made = translate(make_label(policy="P", classification="P0", categories=[to]), source, target).label
    assert made.categories[0].values == ("RU",)
    with pytest.raises(Denied) as caught:
        translate(make_label(policy="P", classification="P0", categories=[to, says]), source, target)
    assert caught.value.code == "would-widen"


def test_what_is_sent_again_or_recalled_is_no_contribution() -> None:
    """One item sent ten times would pay for ten of ours."""
    release = ReleaseRecord()
    for _ in range(3):
        release.item("ru", "us", originator="ru")
    other = release.item("ru", "us", originator="ru", variant=msgspec.structs.replace(VARIANT, text="More."))
    release.item("us", "ru")
    for reader in ("us", "ru"):
        given, received = count_items(release.record.rows(reader), "us", "ru")
        assert (len(given), len(received)) == (1, 2)
    release.recall(other, author="ru", to=("us",))
    assert len(count_items(release.record.rows("us"), "us", "ru")[1]) == 1
