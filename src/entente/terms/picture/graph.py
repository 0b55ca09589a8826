"""The graph of who blocks what: holders, positions, the obstacles that these form; as text and JSON too.

A graph of lines between boxes cannot be read at sixty positions. This one is a table of incidence: a row a
position, under the party or agency that holds it; a column an obstacle; a numbered mark where they meet.

Invariants:
  * Obstacles keep the numbers of the answer, smallest first; rows are ordered so that the marks of one
    obstacle stand close together.
  * What is left out, because there is more than can be read, is counted and said.
  * Text and JSON hold everything that the picture holds, unshortened.

    >>> graph = build_graph(terms, obstacles)
    >>> [row.obstacles for row in graph.rows]
    [(1, 2), (2,), (1,)]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from entente.terms.answers import Concession, Obstacle, Obstacles, Package
from entente.terms.model import Terms
from entente.terms.words.phrases import Phrasebook, Statement
from entente.terms.words.reasons import list_reasons, say_contradiction
from entente.terms.words.sentences import say_search_of_obstacles
from entente.terms.words.text import clean_text, join_words

MAX_OBSTACLES: Final = 60
"""Columns that still fit a page beside their rows."""
MAX_ROWS: Final = 160
"""Rows of one picture; a first obstacle with more members is drawn in part."""
_SWEEPS: Final = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A position or designation that is part of an obstacle.

    Args:
        verb: ``forbids``, ``requires``; of a designation ``no`` or ``not stated``.
        text: What it comes to in its author's words, a sentence of its own: never shown behind the verb,
            which it would reverse (``forbids``: ``this must not be revealed``).
        claim: What it says of which measure, when that is not the text already.
        weight: What giving it up costs.
        steps: In how many steps it can be softened; 0 for all or nothing.
        gives_way: What becomes of it in the package that was passed in; "" if it stands.
        obstacles: The numbers of the obstacles that it is part of.
    """

    id: str
    verb: str
    text: str
    claim: str
    weight: int
    is_law: bool
    is_assumed: bool
    steps: int
    gives_way: str
    obstacles: tuple[int, ...]
    statement: Statement


@dataclass(frozen=True, slots=True)
class Lane:
    """The rows of one holder. ``agency`` is empty for a party's own, or several holders' together."""

    party: str
    agency: str
    rows: tuple[Row, ...]

    @property
    def holder(self) -> str:
        """Return the party, and the agency."""
        return f"{self.party}: {self.agency}" if self.agency else self.party


@dataclass(frozen=True, slots=True)
class Tie:
    """An obstacle, and why its positions cannot hold together."""

    number: int
    members: tuple[str, ...]
    reasons: tuple[str, ...]
    is_hard: bool

    @property
    def is_law(self) -> bool:
        """Law alone; where rules alone stand against it, there is no position to be law."""
        return self.is_hard and bool(self.members)


@dataclass(frozen=True, slots=True)
class Graph:
    """Who blocks what.

    Args:
        notes: How far the search got, what is left out, what the marks of the package mean.
    """

    title: str
    heading: str
    lanes: tuple[Lane, ...]
    ties: tuple[Tie, ...]
    notes: tuple[str, ...]
    left_out: int = 0

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every row, from top to bottom."""
        return tuple(row for lane in self.lanes for row in lane.rows)


def build_graph(
    terms: Terms,
    answer: Obstacles,
    *,
    package: Package | None = None,
    is_cheapest: bool = True,
    max_obstacles: int = MAX_OBSTACLES,
) -> Graph:
    """Return the graph of the first obstacles.

    Args:
        package: Concessions to mark: which positions would give way, and how far.
        is_cheapest: That no package costs less is proven.
        max_obstacles: How many obstacles to draw at most.
    """
    book = Phrasebook(terms)
    drawn, members, cut = _choose(answer.obstacles, min(max_obstacles, MAX_OBSTACLES))
    conceded = {} if package is None else {each.position: each for each in package.concessions}
    rows = {name: _build_row(book, name, drawn, conceded.get(name)) for name in members}
    lanes = _order_lanes(book, rows, drawn)
    left_out = len(answer.obstacles) - len(drawn)
    notes = say_search_of_obstacles(answer)
    asked = book.programmes.get(answer.programme)
    if asked is not None:
        notes.insert(0, f"The programme is: {book.say_expression(asked.expression)}.")
    if left_out:
        notes.append(f"{left_out:,} more obstacle{'s were' if left_out > 1 else ' was'} found and not drawn.")
    if cut:
        notes.append(f"{cut:,} more positions of obstacle 1 are not drawn.")
    if package is not None:
        which = "the cheapest" if is_cheapest else "the cheapest known"
        notes.append(f"“Gives way” marks {which} package: cost {package.cost}.")
        hidden = sum(each.position not in rows for each in package.concessions)
        if hidden:
            notes.append(f"It holds {hidden} more concession{'s' if hidden > 1 else ''}, not drawn here.")
    what = book.name_programme(answer.programme)
    blocks = "blocks" if answer.search.is_complete else "is known to block"
    return Graph(
        title=clean_text(terms.question or terms.title),
        heading=f"Who blocks {what}" if rows else f"Nobody {blocks} {what}",
        lanes=lanes,
        ties=tuple(
            Tie(
                number,
                obstacle.members,
                tuple(list_reasons(book, obstacle, answer.programme, with_sources=False))
                or (say_contradiction(book, obstacle, answer.programme),),
                obstacle.is_hard,
            )
            for number, obstacle in enumerate(drawn, start=1)
        ),
        notes=tuple(notes),
        left_out=left_out,
    )


def _choose(obstacles: Sequence[Obstacle], limit: int) -> tuple[list[Obstacle], list[str], int]:
    """Return the obstacles to draw, their members, and how many members of the first were cut."""
    drawn: list[Obstacle] = []
    members: dict[str, None] = {}
    for obstacle in obstacles[:limit]:
        grown = members | dict.fromkeys(obstacle.members)
        if drawn and len(grown) > MAX_ROWS:
            break
        drawn.append(obstacle)
        members = grown
    return drawn, list(members)[:MAX_ROWS], max(0, len(members) - MAX_ROWS)


def _build_row(book: Phrasebook, name: str, drawn: Sequence[Obstacle], conceded: Concession | None) -> Row:
    statement, position = book.describe(name), book.positions.get(name)
    party, _, group = name.partition("/")
    said = book.designations.get((party, group))
    gives_way = ""
    if conceded is not None:
        gives_way = f"gives way, cost {conceded.cost}"
        if conceded.to and position is not None and (measure := book.get_graded(position)) is not None:
            gives_way = f"gives way to {book.name_grade(measure, conceded.to)}, cost {conceded.cost}"
    if position is not None:
        verb, weight = position.modality.value, position.weight
    else:
        verb = "not stated" if said is None else said.answer
        weight = 1 if said is None else said.weight
    claim = statement.claim or statement.sentence
    says = statement.says.rstrip(".")
    return Row(
        id=statement.id,
        verb=verb,
        text=says or f"{claim[0].upper()}{claim[1:]}",
        claim=claim if says else "",
        weight=weight,
        is_law=statement.is_law,
        is_assumed=bool(statement.assumption),
        steps=0 if position is None else len(position.steps),
        gives_way=gives_way,
        obstacles=tuple(number for number, each in enumerate(drawn, start=1) if name in each.members),
        statement=statement,
    )


# The order of rows


def _order_lanes(book: Phrasebook, rows: dict[str, Row], drawn: Sequence[Obstacle]) -> tuple[Lane, ...]:
    """Return the rows under their holders, so that each obstacle's marks stand close together.

    Parties, their agencies and their positions are moved, in turn, to the mean place of the obstacles that
    they are part of (the barycentre method); the best order met is kept. Equal ones stand by id: the same
    answer is always drawn in the same way.
    """
    held = {
        name: book.positions[name].by if name in book.positions else (name.partition("/")[0],)
        for name in rows
    }
    # What several hold together stands apart: it is nobody's alone.
    side = {name: by if len(by) > 1 else (book.get_party(by[0]),) for name, by in held.items()}
    best = order = sorted(rows, key=lambda name: (side[name], held[name], name))
    shortest = _measure_spans(order, drawn)
    for _ in range(_SWEEPS):
        place = {name: index for index, name in enumerate(order)}
        middles = [_mean([place[each] for each in tie.members if each in place]) for tie in drawn]
        pull = {name: _mean([middles[number - 1] for number in row.obstacles]) for name, row in rows.items()}
        of_side = _mean_by(pull, side)
        of_holder = _mean_by(pull, held)
        order = sorted(
            rows,
            key=lambda name: (
                *(of_side[side[name]], side[name], of_holder[held[name]], held[name], pull[name], name),
            ),
        )
        if (span := _measure_spans(order, drawn)) < shortest:
            best, shortest = order, span
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for name in best:
        grouped.setdefault(held[name], []).append(rows[name])
    return tuple(_name_lane(book, by, tuple(group)) for by, group in grouped.items())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


def _mean_by(pull: dict[str, float], keys: dict[str, tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    grouped: dict[tuple[str, ...], list[float]] = {}
    for name, value in pull.items():
        grouped.setdefault(keys[name], []).append(value)
    return {key: _mean(values) for key, values in grouped.items()}


def _measure_spans(order: Sequence[str], drawn: Sequence[Obstacle]) -> int:
    place = {name: index for index, name in enumerate(order)}
    spans = 0
    for tie in drawn:
        places = [place[each] for each in tie.members if each in place]
        spans += max(places) - min(places) if places else 0
    return spans


def _name_lane(book: Phrasebook, by: tuple[str, ...], rows: tuple[Row, ...]) -> Lane:
    if len(by) > 1:
        return Lane(f"{join_words(book.name_holder(each) for each in by)}, together", "", rows)
    agency = book.agencies.get(by[0])
    party = book.name_holder(book.get_party(by[0]))
    return Lane(party, "" if agency is None else clean_text(agency.name), rows)


# The twins of the picture


def list_marks(row: Row) -> tuple[str, ...]:
    """Return what is marked on a row: law, assumed, steps, gives way."""
    marks = ["law"] if row.is_law else [f"weight {row.weight}"]
    if row.is_assumed:
        marks.append("assumed")
    if row.steps > 1 and not row.is_law:
        marks.append(f"can be softened in {row.steps} steps")
    if row.gives_way:
        marks.append(row.gives_way)
    return tuple(marks)


def graph_text(graph: Graph) -> list[str]:
    """Return all that the picture shows, in lines: for a terminal, or to be read aloud."""
    lines = [graph.title, f"{graph.heading}.", ""]
    for lane in graph.lanes:
        lines.append(lane.holder)
        for row in lane.rows:
            ties = f"obstacle{'s' if len(row.obstacles) > 1 else ''} {join_words(map(str, row.obstacles))}"
            marks = "; ".join([row.claim, *list_marks(row)] if row.claim else list_marks(row))
            lines.append(f"  - {row.text} ({marks}) - {ties}")
    shown = {row.id: row for row in graph.rows}
    for tie in graph.ties:
        hard = " All of it is law: no concession helps." if tie.is_law else ""
        lines += ["", f"Obstacle {tie.number}.{hard}"]
        for name in tie.members:
            if name in shown:
                lines.append(f"  - {shown[name].statement.line}")
        lines += [f"  Because: {reason}" for reason in tie.reasons]
    return [*lines, "", *graph.notes]


def graph_json(graph: Graph) -> dict[str, Any]:
    """Return all that the picture shows, as JSON: docs/formats/terms-answers.md, section 12."""
    return {
        "v": 1,
        "title": graph.title,
        "heading": graph.heading,
        "lanes": [
            {
                "party": lane.party,
                "agency": lane.agency,
                "rows": [
                    {
                        "id": row.id,
                        "verb": row.verb,
                        "text": row.text,
                        "claim": row.claim,
                        "sentence": row.statement.sentence,
                        "weight": row.weight,
                        "is_law": row.is_law,
                        "is_assumed": row.is_assumed,
                        "steps": row.steps,
                        "gives_way": row.gives_way,
                        "obstacles": list(row.obstacles),
                    }
                    for row in lane.rows
                ],
            }
            for lane in graph.lanes
        ],
        "obstacles": [
            {
                "number": tie.number,
                "members": list(tie.members),
                "reasons": list(tie.reasons),
                "is_hard": tie.is_hard,
            }
            for tie in graph.ties
        ],
        "left_out": graph.left_out,
        "notes": list(graph.notes),
    }
