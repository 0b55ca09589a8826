"""SVG: the picture of a layout, as text that opens everywhere.

Invariants:
  * Text stays text: it can be searched, copied and read aloud. Each line carries the width it was laid out
    for, so that it fits its box also where the reader's machine has another font.
  * Nothing is fetched and nothing runs: no script, style sheet, link or foreign name space.
  * The same layout gives the same bytes.

    >>> encode_svg(layout)[:38]
    '<svg xmlns="http://www.w3.org/2000/svg"'
"""

from __future__ import annotations

from html import escape
from typing import Final

from entente.terms.picture.canvas import RADIUS, Box, Ink, Label, Layout, Line, Mark

INKS: Final[dict[Ink, str]] = {
    "dark": "#17212b",
    "grey": "#51606e",
    "light": "#c5ced6",
    "white": "#ffffff",
    "accent": "#a3301c",
    "way": "#1f5f4a",
}
PAPER: Final = "#ffffff"
BOX_FILL: Final = "#f5f7f9"
FONTS: Final = "'DejaVu Sans', Verdana, 'Segoe UI', sans-serif"


def encode_svg(layout: Layout) -> str:
    """Return the picture as SVG."""
    width, height = f"{layout.width:.0f}", f"{layout.height:.0f}"
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    role = 'role="img" aria-labelledby="graph-title graph-desc"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {role} font-family="{FONTS}">',
        f'<title id="graph-title">{escape(layout.title, quote=False)}</title>',
        f'<desc id="graph-desc">{escape(layout.description, quote=False)}</desc>',
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        *(_draw_line(line) for line in layout.lines),
        *(_draw_box(box) for box in layout.boxes),
        *(_draw_mark(mark) for mark in layout.marks),
        *(_draw_label(label) for label in layout.labels),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def get_stroke(line: Line) -> tuple[str, float]:
    """Return a line's colour and width."""
    return {"guide": (INKS["light"], 1.0), "tie": (INKS["accent"], 2.5), "rule": (INKS["light"], 1.0)}[
        line.kind
    ]


def get_frame(box: Box) -> tuple[str, str, float]:
    """Return a box's filling, the colour of its frame and the frame's width."""
    if box.kind == "pill":
        return INKS["dark"], INKS["dark"], 0.0
    if box.is_thick:
        return PAPER, INKS["dark"], 2.5
    return BOX_FILL, "#8594a1" if box.is_dashed else "#b4bfc9", 1.2


def _draw_line(line: Line) -> str:
    ink, stroke = get_stroke(line)
    place = f'x1="{line.x1:.1f}" y1="{line.y1:.1f}" x2="{line.x2:.1f}" y2="{line.y2:.1f}"'
    return f'<line {place} stroke="{ink}" stroke-width="{stroke}"/>'


def _draw_box(box: Box) -> str:
    fill, ink, stroke = get_frame(box)
    dashes = ' stroke-dasharray="5 3.5"' if box.is_dashed else ""
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    return f'<rect {place} rx="5" fill="{fill}" stroke="{ink}" stroke-width="{stroke}"{dashes}/>'


def _draw_mark(mark: Mark) -> str:
    if mark.is_square:
        place = (
            f'x="{mark.x - RADIUS:.1f}" y="{mark.y - RADIUS:.1f}" width="{2 * RADIUS}" height="{2 * RADIUS}"'
        )
        shape = f'<rect {place} fill="{INKS["dark"]}"/>'
    else:
        shape = f'<circle cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="{RADIUS}" fill="{INKS["accent"]}"/>'
    return shape + _draw_label(number_mark(mark))


def number_mark(mark: Mark) -> Label:
    """Return the number on a mark."""
    return Label(mark.x, mark.y + 4.1, str(mark.number), 11.5, "white", is_bold=True, is_centred=True)


def _draw_label(label: Label) -> str:
    weight = ' font-weight="bold"' if label.is_bold else ""
    whole = f"<title>{escape(label.whole, quote=False)}</title>" if label.whole else ""
    place = (
        f'x="{label.left:.1f}" y="{label.y:.1f}" font-size="{label.size}" fill="{INKS[label.ink]}"{weight}'
    )
    fit = f'textLength="{label.width:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f"<text {place} {fit}>{whole}{escape(label.text, quote=False)}</text>"
