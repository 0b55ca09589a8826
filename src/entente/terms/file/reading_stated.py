"""What a terms file states: rules, links, positions, designations, and what an agreement would carry.

Invariants:
  * Every name that a statement uses has been declared, of the kind that belongs there.
  * Every rule, link, position and designation rests on a source or says why it is assumed.

    >>> read_positions(file, names)[0].demand
    Not(part=Atom(name='share-locations', grade=1))
"""

from __future__ import annotations

from typing import Final, Literal, cast

from entente.kernel.errors import describe
from entente.terms.expression import AllOf, Atom, Expression, list_atoms
from entente.terms.file.naming import Names
from entente.terms.file.reading_declared import list_kind, list_named
from entente.terms.file.reading_tables import Table
from entente.terms.file.shape import (
    ANSWERS,
    CLOCK_KEYS,
    GROUNDED,
    MAX_DAYS,
    MAX_GRADES,
    MAX_HOLDERS,
    MAX_HOURS,
    MAX_LINE,
    MAX_SOURCES,
    MAX_STEPS,
    MAX_WEIGHT,
    MODALITIES,
)
from entente.terms.model import (
    Clause,
    Clock,
    Designation,
    Ground,
    Link,
    Measure,
    Modality,
    Obligation,
    Place,
    Position,
    Programme,
    Rule,
    Source,
    Zone,
)

_NOTHING: Final = AllOf(())
"""Stands in for an expression that could not be read: the reading ends with a fault, so nobody sees it."""


def read_ground(table: Table, names: Names) -> Ground:
    """Return the sources and the assumption that a statement rests on."""
    sources = []
    for each in table.list_tables("source", "source", MAX_SOURCES):
        document = each.get_slug("document")
        names.find(each, "document", ("document",), document)
        words, paraphrase = each.get_text("words"), each.get_text("paraphrase")
        if ("words" in each) == ("paraphrase" in each):
            got = "both" if words else "neither"
            each.add_fault("bad-source", f"expected words or paraphrase, got {got}")
        at = each.reading.places.of_value((*each.path, "words")) if words else each.at
        sources.append(Source(document, each.get_line("place", limit=MAX_LINE), words, paraphrase, at))
    assumption = table.get_text("assumption")
    if table.kind in GROUNDED and not sources and not assumption and "source" not in table:
        message = "expected a source, or an assumption with its reason, got neither"
        table.add_fault("no-ground", message)
    return Ground(tuple(sources), assumption)


def read_rules(file: Table, names: Names) -> tuple[Rule, ...]:
    """Return the rules of the world."""
    found = []
    for table in list_kind(file, "rule"):
        identifier = _declare(table, names)
        expression = names.read_expression(table, "expression") or _NOTHING
        found.append(
            Rule(identifier, table.get_text("says"), expression, read_ground(table, names), table.at)
        )
    return tuple(found)


def read_links(file: Table, names: Names, measures: tuple[Measure, ...]) -> tuple[Link, ...]:
    """Return the links, each naming a measure of the theatre that it links to."""
    theatres = {measure.id: measure.theatre for measure in measures}
    found = []
    for table in list_kind(file, "link"):
        identifier = _declare(table, names)
        theatre = table.get_slug("theatre")
        expression = names.read_expression(table, "expression")
        is_known = names.find(table, "theatre", ("theatre",), theatre)
        atoms = [] if expression is None else list(list_atoms(expression))
        if is_known and atoms and all(theatres.get(atom.name) != theatre for atom in atoms):
            message = f"expression: expected a measure of theatre {theatre!r}, got none"
            table.add_fault("no-link", message, "expression")
        ground = read_ground(table, names)
        found.append(
            Link(identifier, table.get_text("says"), theatre, expression or _NOTHING, ground, table.at)
        )
    return tuple(found)


def read_clauses(file: Table, names: Names) -> tuple[Clause, ...]:
    """Return the clauses of a common text; positions that read them come later."""
    found = []
    for table in list_kind(file, "clause"):
        identifier = _declare(table, names)
        found.append(Clause(identifier, table.get_text("says"), read_ground(table, names), table.at))
    return tuple(found)


def read_positions(file: Table, names: Names) -> tuple[Position, ...]:
    """Return the positions."""
    found = []
    for table in list_kind(file, "position"):
        identifier = _declare(table, names)
        by = names.find_all(table, "by", ("party", "agency"), table.get_slugs("by", MAX_HOLDERS))
        said = [key for key in MODALITIES if key in table]
        if len(said) != 1:
            got = " and ".join(said) or "none"
            table.add_fault("bad-modality", f"expected one of {', '.join(MODALITIES)}, got {got}", *said[1:2])
        modality = Modality(said[0]) if said else Modality.PERMITS
        expression = names.read_expression(table, said[0]) if said else None
        for key in said[1:]:
            names.read_expression(table, key)
        hard = cast("Literal['', 'law']", table.get_choice("hard", ("law",)))
        steps = _read_steps(table, names, modality, expression, by)
        weights = (sum(steps),) if steps else _read_weights(table, by)
        clause = table.get_slug("clause")
        names.find(table, "clause", ("clause",), clause)
        found.append(
            Position(
                id=identifier,
                says=table.get_text("says"),
                by=by,
                modality=modality,
                expression=expression or _NOTHING,
                when=names.read_condition(table),
                weights=weights,
                steps=steps,
                hard=hard,
                clause=clause,
                ground=read_ground(table, names),
                at=table.at,
            )
        )
    return tuple(found)


def _read_weights(table: Table, by: tuple[str, ...]) -> tuple[int, ...]:
    value = table.get_raw("weight")
    if not isinstance(value, dict):
        return (table.get_count("weight", MAX_WEIGHT, default=1),) * max(1, len(by))
    path = (*table.path, "weight")
    weights = {
        holder: table.check_count(each, "weight", (*path, holder), MAX_WEIGHT)
        for holder, each in value.items()
    }
    for holder in weights:
        if holder not in by:
            faults = table.reading.faults
            message = f"{table.label}: weight: expected a holder of this position, got {describe(holder)}"
            at = table.reading.places.of_key((*path, holder))
            faults.add("unknown-name", message, at, faults.suggest(holder, by))
    for holder in by:
        if holder not in weights:
            table.add_fault("missing-key", f"weight: expected a weight for {holder!r}, got none", "weight")
    return tuple(weights.get(holder, 1) for holder in by)


def _read_steps(
    table: Table, names: Names, modality: Modality, expression: Expression | None, by: tuple[str, ...]
) -> tuple[int, ...]:
    """Return what softening costs, step by step; only a limit on one graded measure can be softened."""
    steps = table.get_counts("steps", MAX_GRADES, MAX_WEIGHT)
    if not steps:
        return ()
    for key, why in (("weight", "steps already say what it costs"), ("hard", "a law is never softened")):
        if key in table:
            table.add_fault("bad-steps", f"expected steps or {key}, since {why}, got both", "steps")
    if len(by) > 1:
        table.add_fault("bad-steps", f"steps: expected one holder, got {len(by)}", "steps")
    if expression is None:
        return steps
    grades = len(names.graded.get(expression.name, ())) if isinstance(expression, Atom) else 0
    if not isinstance(expression, Atom) or not grades or modality.value not in {"requires", "forbids"}:
        message = (
            "steps: expected requires or forbids with one graded measure and at least, got something else"
        )
        table.add_fault("bad-steps", message, "steps")
        return steps
    needed = grades - expression.grade + 1 if modality is Modality.FORBIDS else expression.grade
    if len(steps) != needed:
        way = "allow one grade more each" if modality is Modality.FORBIDS else "insist on one grade less each"
        message = f"steps: expected {needed}, which {way}, got {len(steps)}"
        table.add_fault("bad-steps", message, "steps")
    return steps


def read_designations(file: Table, names: Names) -> tuple[Designation, ...]:
    """Return the designations: at most one statement of a party on a group."""
    found: dict[tuple[str, str], Place] = {}
    listed = []
    for table in list_kind(file, "designation"):
        party, group = table.get_slug("party"), table.get_slug("group")
        names.find(table, "party", ("party",), party)
        names.find(table, "group", ("group",), group)
        if party and group and (party, group) in found:
            line = found[party, group].line
            message = (
                f"expected one statement of {party!r} on {group!r}, got a second beside that in line {line}"
            )
            table.add_fault("duplicate", message)
        found.setdefault((party, group), table.at)
        listed.append(
            Designation(
                id=f"{party}/{group}",
                party=party,
                group=group,
                answer=cast(
                    "Literal['yes', 'no', 'not stated']", table.get_choice("answer", ANSWERS) or "not stated"
                ),
                weight=table.get_count("weight", MAX_WEIGHT, default=1),
                ground=read_ground(table, names),
                at=table.at,
            )
        )
    return tuple(listed)


def read_zones(file: Table, names: Names) -> tuple[Zone, ...]:
    """Return the zones."""
    found = []
    for table, identifier, name in list_named(file, "zone", names):
        measure = table.get_slug("measure")
        names.find(table, "measure", ("measure",), measure)
        found.append(Zone(identifier, name, measure, read_ground(table, names), table.at))
    return tuple(found)


def read_obligations(file: Table, names: Names) -> tuple[Obligation, ...]:
    """Return the obligations; one without a guarantor is allowed until an agreement is signed."""
    found = []
    for table in list_kind(file, "obligation"):
        identifier = _declare(table, names)
        zone, guarantor = table.get_slug("zone"), table.get_slug("guarantor")
        names.find(table, "zone", ("zone",), zone)
        names.find(table, "guarantor", ("party",), guarantor)
        ground = read_ground(table, names)
        found.append(Obligation(identifier, zone, table.get_text("says"), guarantor, ground, table.at))
    return tuple(found)


def read_clocks(file: Table, names: Names) -> tuple[Clock, ...]:
    """Return the conditions with clocks, each with what its kind needs and nothing else."""
    found = []
    for table in list_kind(file, "clock"):
        identifier = _declare(table, names)
        kind = table.get_choice("kind", tuple(CLOCK_KEYS))
        if kind:
            for key in dict.fromkeys(key for keys in CLOCK_KEYS.values() for key in keys):
                if (key in CLOCK_KEYS[kind]) != (key in table):
                    expected, got = ("the", "none") if key not in table else ("no", "one")
                    where = [key] if key in table else []
                    message = f"expected {expected} key {key} for a clock of kind {kind!r}, got {got}"
                    table.add_fault("bad-clock", message, *where)
        measure = table.get_slug("measure")
        names.find(table, "measure", ("measure",), measure)
        listed = table.get_slugs("steps", MAX_STEPS, may_stand_alone=False)
        found.append(
            Clock(
                id=identifier,
                kind=cast(
                    "Literal['days-without', 'simultaneous', 'expiry', 'withdrawal']", kind or "expiry"
                ),
                says=table.get_text("says"),
                measure=measure,
                incident=table.get_line("incident"),
                steps=names.find_all(table, "steps", ("measure",), listed),
                days=table.get_count("days", MAX_DAYS, default=0),
                hours=table.get_count("hours", MAX_HOURS, default=0),
                ground=read_ground(table, names),
                at=table.at,
            )
        )
    return tuple(found)


def read_programmes(file: Table, names: Names) -> tuple[Programme, ...]:
    """Return the programmes that one may ask about."""
    found = []
    for table, identifier, name in list_named(file, "programme", names):
        expression = names.read_expression(table, "expression") or _NOTHING
        found.append(Programme(identifier, name, expression, table.at))
    return tuple(found)


def _declare(table: Table, names: Names) -> str:
    identifier = table.get_slug("id")
    names.declare(table, identifier)
    return identifier
