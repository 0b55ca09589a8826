"""May this recipient see what bears this label: decisions with reasons, cedarpy beside them on the same rule.

    python -m bench.release_labels [--small]

The policy has the shape of NATO's published one: 5 classifications, 9 restrictive categories, two tag sets of
90 countries and alliances, 11 contexts, 5 informative categories. Labels and clearances are drawn at random,
many and distinct, and paired at random, so that hardly a pair comes twice. Each round begins with a policy
that remembers no reason. Every decision is compared with one on names and sets, cedarpy's with ours.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

from bench.report import Report
from entente.release.label import (
    BoundClearance,
    BoundLabel,
    Clearance,
    Label,
    LabelPolicy,
    Policies,
    bind_clearance,
    bind_label,
    decide,
    decide_bound,
    join,
    make_category,
    make_clearance,
    make_label,
    mark,
    read_spif,
)
from entente.release.label.label import Category, CategoryKind

CLASSES: Final = ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET", "TOP SECRET")
SETS: Final[tuple[tuple[str, str, CategoryKind, int], ...]] = (
    ("Additional Sensitivity", 'tagType="restrictive"', "restrictive", 9),
    ("Releasable To", 'tagType="enumerated" enumType="permissive"', "permissive", 90),
    ("Only", 'tagType="enumerated" enumType="permissive"', "permissive", 90),
    ("Administrative", 'tagType="tagType7"', "informative", 5),
    ("Context", 'tagType="permissive"', "permissive", 11),
)
TARGET: Final = ">= 300000"
RULE: Final = """permit (principal, action == Action::"see", resource) when {
  principal.level >= resource.level &&
  principal.sensitivity.containsAll(resource.sensitivity) &&
  (resource.releasable.isEmpty() || principal.releasable.containsAny(resource.releasable)) &&
  (resource.only.isEmpty() || principal.only.containsAny(resource.only)) &&
  (resource.context.isEmpty() || principal.context.containsAny(resource.context))
};"""
NAMES: Final = {
    "Additional Sensitivity": "sensitivity",
    "Releasable To": "releasable",
    "Only": "only",
    "Context": "context",
}


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    labels: int = 20_000
    clearances: int = 1_000
    pairs: int = 200_000
    peer_pairs: int = 3_000
    rounds: int = 7


SMALL: Final = Plan(labels=200, clearances=30, pairs=500, peer_pairs=100, rounds=1)


def make_spif() -> bytes:
    """Return the policy, with exclusions as NATO's has: the highest classification is for nobody else."""
    classes = "".join(
        f'<securityClassification name="{name}" lacv="{rank + 1}" hierarchy="{rank + 1}"/>'
        for rank, name in enumerate(CLASSES)
    )
    rules = {"permissive": "<excludedClass>TOP SECRET</excludedClass>"}
    sets = "".join(
        f'<securityCategoryTagSet name="{name}" id="1.2.3.{place}"><securityCategoryTag name="{name}" {form}>'
        + "".join(
            f'<tagCategory name="{name[0]}{n}" lacv="{n}">{rules.get(kind, "")}</tagCategory>'
            for n in range(count)
        )
        + "</securityCategoryTag></securityCategoryTagSet>"
        for place, (name, form, kind, count) in enumerate(SETS)
    )
    return (
        '<SPIF xmlns="http://www.xmlspif.org/spif"><securityPolicyId name="BENCH" id="1.2.3"/>'
        f"<securityClassifications>{classes}</securityClassifications>"
        f"<securityCategoryTagSets>{sets}</securityCategoryTagSets></SPIF>"
    ).encode()


def draw_categories(draw: random.Random, most: dict[str, int], least: int) -> list[Category]:
    """Return random categories of each tag set, up to so many."""
    found = []
    for name, _, kind, count in SETS:
        size = draw.randint(min(least, most.get(name, 0)), most.get(name, 0))
        if size:
            chosen = draw.sample(range(count), size)
            found.append(make_category(name, kind, [f"{name[0]}{n}" for n in chosen]))
    return found


def draw_label(draw: random.Random) -> Label:
    """Return a label as they are: some releasable to up to ten, some restricted by up to three."""
    most = {
        "Additional Sensitivity": draw.choice((0, 0, 1, 3)),
        "Releasable To": draw.choice((0, 3, 10)),
        "Only": draw.choice((0, 0, 0, 5)),
        "Administrative": draw.choice((0, 1)),
        "Context": draw.choice((1, 2)),
    }
    return make_label(
        policy="BENCH", classification=draw.choice(CLASSES[:4]), categories=draw_categories(draw, most, 1)
    )


def draw_clearance(draw: random.Random) -> Clearance:
    """Return a clearance: a country and the alliances that it is in."""
    most = {"Additional Sensitivity": 9, "Releasable To": 40, "Only": 40, "Context": 8}
    return make_clearance(
        policy="BENCH", up_to=draw.choice(CLASSES), categories=draw_categories(draw, most, 3)
    )


def is_cleared(label: Label, clearance: Clearance) -> bool:
    """Return the decision on names and sets, for the comparison."""
    held = {one.tag_set: set(one.values) for one in clearance.categories}
    return CLASSES.index(label.classification) <= CLASSES.index(clearance.up_to) and all(
        one.kind == "informative"
        or (one.kind == "restrictive" and held.get(one.tag_set, set()) >= set(one.values))
        or (one.kind == "permissive" and bool(held.get(one.tag_set, set()) & set(one.values)))
        for one in label.categories
    )


def rate(spent_s: list[float], count: int) -> float:
    """Return how many a second of processor time, the median of the rounds."""
    return count / statistics.median(spent_s)


def time_bound(
    policy: LabelPolicy, pairs: list[tuple[BoundLabel, BoundClearance]], rounds: int
) -> list[float]:
    """Return seconds for all pairs in each round, each of which starts with no reason remembered."""
    spent = []
    for _ in range(rounds):
        for memory in (
            policy.memory.held,
            policy.memory.missing,
            policy.memory.common,
            policy.memory.nothing,
        ):
            memory.clear()
        gc.collect()
        began = time.process_time()
        for label, clearance in pairs:
            decide_bound(label, clearance)
        spent.append(time.process_time() - began)
    return spent


def measure_ours(report: Report, plan: Plan) -> list[tuple[Label, Clearance, bool]]:
    """Add our rows; return pairs with their decisions, for the comparison."""
    draw = random.Random(20261129)
    data = make_spif()
    began = time.process_time()
    policy = read_spif(data)
    reading_ms = (time.process_time() - began) * 1e3
    labels = [draw_label(draw) for _ in range(plan.labels)]
    clearances = [draw_clearance(draw) for _ in range(plan.clearances)]
    began = time.process_time()
    bound = [bind_label(one, policy) for one in labels]
    binding_s = time.process_time() - began
    readers = [bind_clearance(one, policy) for one in clearances]
    places = [(draw.randrange(plan.labels), draw.randrange(plan.clearances)) for _ in range(plan.pairs)]
    pairs = [(bound[one], readers[other]) for one, other in places]
    spent = time_bound(policy, pairs, plan.rounds)
    judged = [decide_bound(*pair) for pair in pairs]
    assert all(one.reasons and one.is_allowed == all(r.is_met for r in one.reasons) for one in judged)
    for (one, other), decision in zip(places, judged, strict=True):
        assert decision.is_allowed == is_cleared(labels[one], clearances[other])
    allowed = sum(one.is_allowed for one in judged)
    assert 0 < allowed < plan.pairs
    report.add("labels: decisions with reasons", rate(spent, plan.pairs), "/s", target=TARGET)
    report.add("labels: distinct pairs among those decided", 100 * len(set(places)) / plan.pairs, "%")
    report.add("labels: allowed among those decided", 100 * allowed / plan.pairs, "%")
    report.add("labels: bound to a policy (names followed, rules checked)", plan.labels / binding_s, "/s")
    policies, few = Policies([policy]), places[: max(100, plan.pairs // 20)]
    began = time.process_time()
    for one, other in few:
        decide(labels[one], clearances[other], policies)
    report.add(
        "labels: decisions from names, nothing bound before", len(few) / (time.process_time() - began), "/s"
    )
    began = time.process_time()
    for label in labels[: len(few)]:
        mark(label, policy)
    report.add("labels: markings", min(len(few), len(labels)) / (time.process_time() - began), "/s")
    alike = [make_label(policy="BENCH", classification=one.classification) for one in labels[:10]]
    parts = [(str(place), one) for place, one in enumerate([*alike, labels[0]])]
    began = time.process_time()
    for _ in range(100):
        join(parts, policy)
    report.add(f"labels: joins of {len(parts)} parts", 100 / (time.process_time() - began), "/s")
    report.add(f"labels: reading a policy of {len(data) >> 10} KiB", reading_ms, "ms")
    peers = places[: plan.peer_pairs]
    return [
        (labels[one], clearances[other], decision.is_allowed)
        for (one, other), decision in zip(peers, judged, strict=False)
    ]


def make_entity(kind: str, place: int, level: int, categories: tuple[Category, ...]) -> dict[str, Any]:
    """Return an entity of cedar with the attributes that the rule asks for."""
    values: dict[str, list[str]] = {name: [] for name in NAMES.values()}
    for one in categories:
        if one.kind != "informative":
            values[NAMES[one.tag_set]] = list(one.values)
    return {"uid": {"type": kind, "id": str(place)}, "attrs": {"level": level, **values}, "parents": []}


def measure_peer(
    report: Report, decided: list[tuple[Label, Clearance, bool]], ours: float, rounds: int
) -> None:
    """Add cedarpy's rows: in its fastest form, a batch with everything parsed before, and one at a time."""
    import json

    import cedarpy

    entities = [
        entity
        for place, (label, clearance, _) in enumerate(decided)
        for entity in (
            make_entity("Label", place, CLASSES.index(label.classification), label.categories),
            make_entity("Reader", place, CLASSES.index(clearance.up_to), clearance.categories),
        )
    ]
    rules = cedarpy.PolicySet.from_str(RULE)
    known = cedarpy.Entities.from_json_str(json.dumps(entities))
    requests = [
        {
            "principal": {"type": "Reader", "id": str(place)},
            "action": {"type": "Action", "id": "see"},
            "resource": {"type": "Label", "id": str(place)},
            "context": {},
        }
        for place in range(len(decided))
    ]
    batches, singles = [], []
    for _ in range(rounds):
        began = time.process_time()
        answers = cedarpy.is_authorized_batch(requests, rules, known)
        batches.append(time.process_time() - began)
        assert [one.allowed for one in answers] == [allowed for _, _, allowed in decided]
        assert not any(one.diagnostics.errors for one in answers)
        began = time.process_time()
        for place, request in enumerate(requests):
            cedarpy.is_authorized(request, rules, entities[2 * place : 2 * place + 2])
        singles.append(time.process_time() - began)
    name = f"cedarpy {cedarpy_version()}"
    report.add(
        f"{name}: in a batch, everything parsed before",
        rate(batches, len(decided)),
        "/s",
        peer="entente, decisions with reasons",
        peer_value=ours,
    )
    report.add(
        f"{name}: one at a time, its label and reader given",
        rate(singles, len(decided)),
        "/s",
        peer="entente, decisions with reasons",
        peer_value=ours,
    )


def cedarpy_version() -> str:
    """Return the installed version."""
    import importlib.metadata

    return importlib.metadata.version("cedarpy")


def measure(report: Report, *, small: bool) -> None:
    """Add the rows of labels to a report."""
    plan = SMALL if small else Plan()
    decided = measure_ours(report, plan)
    ours = next(row.value for row in report.rows if row.metric == "labels: decisions with reasons")
    measure_peer(report, decided, ours, min(plan.rounds, 3))


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measure decisions about labels")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    small = parser.parse_args().small
    report = Report("release_labels")
    measure(report, small=small)
    if not small:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
