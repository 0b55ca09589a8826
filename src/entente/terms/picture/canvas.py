"""Canvas: where every box, line, mark and text of the graph stands; a picture draws it and decides nothing.

Invariants:
  * No two boxes overlap, every text fits its place in DejaVu Sans, and nothing stands outside the canvas.
  * Law, assumption and what gives way differ by frame and by words, never by colour alone.
  * Lengths are pixels of 96 to the inch, from the upper left corner; a label's y is its baseline.

It draws nothing: `entente.terms.picture.svg` and the command line's picture do.

    >>> layout = place_graph(build_graph(terms, obstacles))
    >>> layout.width, layout.height
    (640.0, 812.0)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from entente.terms.picture.glyphs import measure_text, wrap_text
from entente.terms.picture.graph import Graph, Lane, Row, Tie, list_marks
from entente.terms.words.text import clean_text

Ink: TypeAlias = Literal["dark", "grey", "light", "white", "accent", "way"]

MARGIN: Final = 24.0
_BOX_WIDTH: Final = 452.0
_WIDE_BOX: Final = 580.0
"""Of a picture of many rows: fewer lines a row."""
_MANY_ROWS: Final = 24
_PAD: Final = 9.0
_WEIGHT_WIDTH: Final = 58.0
_TEXT: Final = 15.0
_SMALL: Final = 12.0
_LEADING: Final = 19.0
_SMALL_LEADING: Final = 16.0
_PITCH: Final = 27.0
_GUIDE: Final = 16.0
RADIUS: Final = 10.5
_GAP: Final = 6.0
_LEAST_WIDTH: Final = 640.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle. Law has a thick frame, an assumption a dashed one; a pill is a word on dark ground."""

    x: float
    y: float
    width: float
    height: float
    kind: Literal["position", "pill"] = "position"
    is_thick: bool = False
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text. ``whole`` is what it was cut from, when it was cut."""

    x: float
    y: float
    text: str
    size: float
    ink: Ink = "dark"
    is_bold: bool = False
    is_centred: bool = False
    whole: str = ""

    @property
    def width(self) -> float:
        """How wide it is set, at most."""
        return measure_text(self.text, self.size, is_bold=self.is_bold)

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.x - self.width / 2 if self.is_centred else self.x


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line: a guide from a position to its marks, or the tie between the marks of one obstacle."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: Literal["guide", "tie", "rule"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered mark where a position is part of an obstacle; square when the obstacle is law alone."""

    x: float
    y: float
    number: int
    is_square: bool


@dataclass(slots=True)
class Layout:
    """All of a picture. Drawn in this order: lines, boxes, marks, labels."""

    width: float
    box_width: float
    height: float = 0.0
    title: str = ""
    description: str = ""
    lines: list[Line] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


def place_graph(graph: Graph, *, footer: str = "") -> Layout:
    """Return the layout of a graph.

    Args:
        footer: Said at the bottom in small letters: which file this is.
    """
    columns = max((tie.number for tie in graph.ties), default=0)
    box_width = _BOX_WIDTH if len(graph.rows) <= _MANY_ROWS else _WIDE_BOX
    width = max(MARGIN + box_width + _GUIDE + columns * _PITCH + MARGIN, _LEAST_WIDTH)
    layout = Layout(width=width, box_width=box_width, title=graph.title)
    layout.description = " ".join([f"{graph.heading}.", *graph.notes])
    y = _write(layout, MARGIN, graph.title, 21.0, 27.0, is_bold=True)
    y = _write(layout, y + 4, graph.heading, 16.0, 21.0, ink="grey")
    rows_of: dict[int, list[float]] = {}
    for lane in graph.lanes:
        y = _place_lane(layout, y + 16, lane, graph, rows_of)
    _tie_marks(layout, graph, rows_of)
    if graph.ties:
        y = _place_key(layout, y + 22, graph.ties)
    layout.lines.append(Line(MARGIN, y + 14, width - MARGIN, y + 14, "rule"))
    y += 20
    for note in (*graph.notes, *_explain_frames(graph), *([clean_text(footer)] if footer else [])):
        y = _write(layout, y + 4, note, _SMALL, _SMALL_LEADING, ink="grey")
    layout.height = y + MARGIN - 6
    return layout


def _write(
    layout: Layout,
    y: float,
    text: str,
    size: float,
    leading: float,
    *,
    ink: Ink = "dark",
    is_bold: bool = False,
) -> float:
    """Write a text over the whole width; return where the next line may begin."""
    for line in wrap_text(text, layout.width - 2 * MARGIN, size, is_bold=is_bold, max_lines=6):
        y += leading
        layout.labels.append(Label(MARGIN, y - leading * 0.24, line, size, ink, is_bold))
    return y


def _place_lane(layout: Layout, y: float, lane: Lane, graph: Graph, rows_of: dict[int, list[float]]) -> float:
    lines = wrap_text(lane.holder, layout.box_width, 14.0, is_bold=True, max_lines=3)
    for line in lines:
        y += 18
        layout.labels.append(Label(MARGIN, y - 4, line, 14.0, is_bold=True, whole=_whole(lines, lane.holder)))
    y += 5
    hard = {tie.number for tie in graph.ties if tie.is_law}
    for row in lane.rows:
        height = _place_row(layout, y, row)
        middle = y + height / 2
        for number in row.obstacles:
            layout.marks.append(Mark(_column(layout, number), middle, number, number in hard))
            rows_of.setdefault(number, []).append(middle)
        if row.obstacles:
            last = _column(layout, max(row.obstacles))
            layout.lines.append(Line(MARGIN + layout.box_width, middle, last, middle, "guide"))
        y += height + _GAP
    return y - _GAP


def _column(layout: Layout, number: int) -> float:
    return MARGIN + layout.box_width + _GUIDE + RADIUS + (number - 1) * _PITCH


def _place_row(layout: Layout, y: float, row: Row) -> float:
    left, right = MARGIN + _PAD + _WEIGHT_WIDTH, MARGIN + layout.box_width - _PAD
    lines = wrap_text(row.text, right - left, _TEXT, max_lines=3)
    claim = wrap_text(row.claim, right - left, _SMALL, max_lines=2)
    marks = [mark for mark in list_marks(row)[1:] if mark != row.gives_way]
    small = [*claim, *wrap_text(" · ".join(marks), right - left, _SMALL)]
    way = wrap_text(row.gives_way, right - left - 16, _SMALL, is_bold=True, max_lines=2)
    told = len(lines) * _LEADING + (len(small) + len(way)) * _SMALL_LEADING
    height = 2 * _PAD + max(told, _LEADING + _SMALL_LEADING)
    layout.boxes.append(
        Box(MARGIN, y, layout.box_width, height, is_thick=row.is_law, is_dashed=row.is_assumed)
    )
    base = y + _PAD
    _place_weight(layout, base, row)
    for line in lines:
        layout.labels.append(Label(left, base + 13.5, line, _TEXT, whole=_whole(lines, row.text)))
        base += _LEADING
    for line in small:
        layout.labels.append(Label(left, base + 11, line, _SMALL, "grey", whole=_whole(claim, row.claim)))
        base += _SMALL_LEADING
    for number, line in enumerate(way):
        if number == 0:
            layout.labels.append(Label(left, base + 11, "»", _SMALL, "way", is_bold=True))
        layout.labels.append(Label(left + 16, base + 11, line, _SMALL, "way", is_bold=True))
        base += _SMALL_LEADING
    return height


def _place_weight(layout: Layout, base: float, row: Row) -> None:
    middle = MARGIN + _PAD + (_WEIGHT_WIDTH - 10) / 2
    if row.is_law:
        layout.boxes.append(Box(middle - 19, base - 1, 38, 18, "pill"))
        layout.labels.append(Label(middle, base + 12.5, "LAW", 11.5, "white", is_bold=True, is_centred=True))
        return
    text = f"{row.weight:,}"
    widest = measure_text(text, _TEXT, is_bold=True)
    size = _TEXT * min(1.0, (_WEIGHT_WIDTH - 10) / widest)
    layout.labels.append(Label(middle, base + 13.5, text, size, is_bold=True, is_centred=True))
    layout.labels.append(Label(middle, base + _LEADING + 9, "weight", 10.5, "grey", is_centred=True))


def _whole(lines: list[str], text: str) -> str:
    return text if lines and lines[-1].endswith("\u2026") and not text.endswith("\u2026") else ""


def _tie_marks(layout: Layout, graph: Graph, rows_of: dict[int, list[float]]) -> None:
    for tie in graph.ties:
        places = rows_of.get(tie.number, [])
        if len(places) > 1:
            x = _column(layout, tie.number)
            layout.lines.append(Line(x, min(places), x, max(places), "tie"))


def _place_key(layout: Layout, y: float, ties: tuple[Tie, ...]) -> float:
    why = "Why these cannot hold together" if any(tie.members for tie in ties) else "Why it cannot be"
    y = _write(layout, y, why, 14.0, 19.0, is_bold=True) + 4
    left = MARGIN + 2 * RADIUS + 10
    for tie in ties:
        alone = "Law alone. " if tie.is_law else "" if tie.members else "Rules alone. "
        text = alone + " ".join(tie.reasons)
        lines = wrap_text(text, layout.width - MARGIN - left, 13.0, max_lines=4)
        layout.marks.append(Mark(MARGIN + RADIUS, y + RADIUS + 1, tie.number, tie.is_law))
        for index, line in enumerate(lines):
            layout.labels.append(Label(left, y + 16 + index * 17, line, 13.0, whole=_whole(lines, text)))
        y += max(len(lines) * 17 + 5, 2 * RADIUS + 2) + 5
    return y


def _explain_frames(graph: Graph) -> list[str]:
    said = []
    if any(row.is_law for row in graph.rows):
        said.append("Thick frame and LAW: a limit that no bargaining can change.")
    if any(row.is_assumed for row in graph.rows):
        said.append("Dashed frame: rests on an assumption.")
    if any(tie.is_law for tie in graph.ties):
        said.append("Square marks: an obstacle of law alone.")
    return said
