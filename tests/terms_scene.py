"""A small terms file as values, with answers written by hand: what sentences, pictures and reports show."""

from __future__ import annotations

from dataclasses import replace

from entente.terms.answers import (
    Addition,
    Additions,
    BestProgramme,
    Concession,
    Feasibility,
    Inactive,
    Obstacle,
    Obstacles,
    Package,
    Packages,
    Permitted,
    Reading,
    Search,
    SharedCore,
    Unguaranteed,
)
from entente.terms.expression import AllOf, AnyOf, Atom, Implies, Not
from entente.terms.model import (
    Agency,
    Clause,
    Designation,
    Document,
    Grade,
    Ground,
    Group,
    Link,
    Measure,
    Modality,
    Obligation,
    Party,
    Position,
    Programme,
    Rule,
    Source,
    Terms,
    Theatre,
    Zone,
)

DONE = Search(is_complete=True, is_all=True, steps=12)
MORE = Search(is_complete=True, steps=12)
STOPPED = Search(is_complete=False, stopped_by="time", steps=5210)


def cite(place: str, words: str = "", paraphrase: str = "") -> Ground:
    return Ground((Source("edm", place, words, paraphrase),))


TERMS = Terms(
    title="Is a joint operation possible?",
    question="Is a US-Russian joint operation against the Islamic State possible?",
    documents=(
        Document("edm", "An Article", "Eurasia Daily Monitor 14/15", "2017-02-02", "https://example.org/edm"),
    ),
    parties=(
        Party("us", "United States"),
        Party("ru", "Russia"),
        Party("tr", "Turkey", takes_part=False),
    ),
    agencies=(
        Agency("dod", "Department of Defense", "us"),
        Agency("mid", "Министерство иностранных дел", "ru"),
    ),
    groups=(Group("isil", "Islamic State"), Group("nusra", "Jabhat al-Nusra")),
    theatres=(Theatre("baltics", "the Baltic States"),),
    measures=(
        Measure("joint-strikes", "joint strikes"),
        Measure("strike-nusra", "strikes on Nusra", against="nusra", by=("us", "ru")),
        Measure(
            "share-locations",
            "sharing the locations of groups",
            grades=(
                Grade("within-10-km", "places within 10 km"),
                Grade("within-1-km", "within 1 km"),
                Grade("exact", "exact"),
            ),
        ),
        Measure("safe-zones", "safe zones"),
        Measure("access-denial", "an access denial zone"),
        Measure("blind-check", "a blind check", is_offered=False),
        Measure("deter", "deterrence in the Baltic States", theatre="baltics"),
    ),
    rules=(
        Rule(
            "strikes-need-locations",
            "Joint strikes need the locations of groups to 1 km",
            Implies(Atom("joint-strikes"), AnyOf((Atom("share-locations", 2), Atom("blind-check")))),
            cite("paragraph 3", "coordinate intelligence and the targets"),
        ),
        Rule(
            "zones-need-denial",
            "Whoever creates safe zones has to defend them.",
            Implies(Atom("safe-zones"), Atom("access-denial")),
            Ground((Source("edm", "paragraph 6", "has to be ready to defend them"),), "only air is meant"),
        ),
    ),
    links=(
        Link(
            "sharing-hurts-baltics",
            "What Russia learns in Syria it can use in the Baltics",
            "baltics",
            Implies(Atom("share-locations"), Not(Atom("deter"))),
            cite("paragraph 4", "also regarding the Baltic States"),
        ),
    ),
    clauses=(Clause("flights", "Syrian aircraft do not fly"),),
    positions=(
        Position(
            "dod-locations",
            "The Pentagon does not show Russia how it uses intelligence.",
            ("dod",),
            Modality.FORBIDS,
            Atom("share-locations", 2),
            weights=(8,),
            steps=(3, 5),
            ground=cite("paragraph 4", "would reveal how the US military uses intelligence"),
        ),
        Position(
            "us-deter",
            "",
            ("us",),
            Modality.REQUIRES,
            Atom("deter"),
            hard="law",
            ground=cite("paragraph 5", "hardly possible to deter Russia in one part of the world"),
        ),
        Position(
            "ru-strikes",
            "Moscow wants the joint campaign.",
            ("ru", "mid"),
            Modality.REQUIRES,
            Atom("joint-strikes"),
            weights=(5, 2),
            ground=cite("paragraph 2", "", "almost unlimited possibilities"),
        ),
        Position(
            "us-zones",
            "",
            ("us",),
            Modality.REQUIRES,
            Atom("safe-zones"),
            when=Not(Atom("joint-strikes")),
            weights=(4,),
            ground=cite("paragraph 6", "floated the idea of establishing “safe zones”"),
            clause="flights",
        ),
        Position(
            "ru-denial",
            "",
            ("ru",),
            Modality.FORBIDS,
            Atom("access-denial"),
            weights=(6,),
            ground=Ground((), "Russia flies there"),
            clause="flights",
        ),
        Position("ru-permits", "", ("ru",), Modality.PERMITS, Atom("safe-zones"), ground=Ground((), "x")),
        Position("tr-guards", "", ("tr",), Modality.PREFERS, Atom("safe-zones"), ground=Ground((), "x")),
    ),
    designations=(
        Designation("us-isil", "us", "isil", "yes"),
        Designation("ru-isil", "ru", "isil", "yes"),
        Designation("us-nusra", "us", "nusra", "no", 2, cite("paragraph 3", "Jabhat al-Nusra")),
    ),
    zones=(Zone("north", "the northern zone", "safe-zones"),),
    obligations=(
        Obligation("protect", "north", "protect the people in it", "", cite("paragraph 6", "whose forces")),
        Obligation("supply", "north", "let aid in", "tr", Ground((), "as elsewhere")),
    ),
    programmes=(
        Programme("centre", "Joint Executive Center", AllOf((Atom("joint-strikes"), Atom("strike-nusra")))),
    ),
)

OBSTACLES = Obstacles(
    "centre",
    (
        Obstacle(("us/nusra",)),
        Obstacle(("dod-locations", "ru-strikes"), ("strikes-need-locations",)),
        Obstacle(("ru-strikes", "us-deter"), ("sharing-hurts-baltics", "strikes-need-locations")),
        Obstacle(("ru-denial", "us-zones"), ("zones-need-denial",)),
    ),
    DONE,
)
PACKAGES = Packages(
    "centre",
    (
        Package(
            (Concession("dod-locations", 3, "within-1-km"), Concession("us/nusra", 2)),
            5,
            {"dod": 3, "us": 2},
        ),
        Package((Concession("ru-strikes", 7), Concession("us/nusra", 2)), 9, {"mid": 2, "ru": 5, "us": 2}),
        Package((Concession("ru-denial", 6), Concession("us-zones", 4)), 10, {"ru": 6, "us": 4}),
    ),
    is_possible=False,
    blocked_by=None,
    at_least=5,
    search=MORE,
)
BEST = BestProgramme(
    grades={"share-locations": 1, "deter": 1},
    met=("us-deter",),
    unmet=("ru-strikes", "us-zones"),
    silent={"share-locations": ("ru",), "deter": ()},
    value=1,
    at_most=1,
    blocked_by=None,
    search=DONE,
)
PERMITTED = Permitted(
    (Concession("dod-locations", 3, "within-1-km"),),
    {"share-locations": 1, "joint-strikes": 0},
    {"share-locations": 2, "joint-strikes": 1},
    ("joint-strikes", "share-locations"),
    DONE,
)
ADDITIONS = Additions(
    "centre",
    (
        Addition(("blind-check",), (), False, 2, 5, Package((Concession("us/nusra", 2),), 2, {"us": 2})),
        Addition(("blind-check",), ("tr",), True, 0, 5, None),
        Addition((), ("tr",), False, None, None, None),
        Addition(("blind-check",), (), False, 4, None, Package((Concession("us-zones", 4),), 4, {"us": 4})),
    ),
    MORE,
)
FEASIBLE = Feasibility("", True, {"share-locations": 2, "joint-strikes": 1, "tr": 1, "safe-zones": 0}, DONE)
INFEASIBLE = Feasibility("centre", False, {}, DONE)
UNKNOWN = Feasibility("centre", None, {}, STOPPED)
SHARED = SharedCore(
    ("isil",),
    {"isil": {"us": "yes", "ru": "yes"}, "nusra": {"us": "no", "ru": "not stated"}},
)
INACTIVE = (Inactive("ru-permits", "silent"), Inactive("tr-guards", "absent"))
READINGS = (Reading("flights", "us-zones", "ru-denial", "contradict"),)
UNGUARANTEED = (Unguaranteed("protect", "north", ""), Unguaranteed("supply", "north", "tr"))


def with_words(words: str) -> Terms:
    """Return the terms with every text that a stranger could have written replaced by his words."""
    return replace(
        TERMS,
        title=words,
        question=words,
        documents=tuple(replace(each, title=words, url=words) for each in TERMS.documents),
        parties=tuple(replace(each, name=words) for each in TERMS.parties),
        agencies=tuple(replace(each, name=words) for each in TERMS.agencies),
        groups=tuple(replace(each, name=words) for each in TERMS.groups),
        theatres=tuple(replace(each, name=words) for each in TERMS.theatres),
        measures=tuple(
            replace(each, name=words, grades=tuple(replace(grade, name=words) for grade in each.grades))
            for each in TERMS.measures
        ),
        rules=tuple(replace(each, says=words, ground=_reword(each.ground, words)) for each in TERMS.rules),
        links=tuple(replace(each, says=words, ground=_reword(each.ground, words)) for each in TERMS.links),
        clauses=tuple(replace(each, says=words) for each in TERMS.clauses),
        positions=tuple(
            replace(each, says=words, ground=_reword(each.ground, words)) for each in TERMS.positions
        ),
        zones=tuple(replace(each, name=words) for each in TERMS.zones),
        obligations=tuple(replace(each, says=words) for each in TERMS.obligations),
        programmes=tuple(replace(each, name=words) for each in TERMS.programmes),
    )


def _reword(ground: Ground, words: str) -> Ground:
    sources = tuple(replace(source, words=words, place=words) for source in ground.sources)
    return Ground(sources, words)
