"""`entente terms graph`: the picture of who blocks what, as SVG, PNG, text or JSON; no browser.

Invariants: all four hold the same; SVG, text and JSON need no further package, PNG needs matplotlib, which is
imported when one is drawn and not before.

    $ entente terms graph centre.toml --out blockers.svg
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from entente.kernel.errors import Malformed
from entente.terms.canvas import RADIUS, Label, Layout
from entente.terms.svg import INKS, PAPER, get_frame, get_stroke, number_mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCALE: Final = 2
"""Pixels of the PNG for each of the layout: sharp on a telephone and in print."""
_POINTS: Final = 0.75
"""Points in a pixel of 96 to the inch."""
_MAX_PIXELS: Final = 60_000
"""What the PNG library can hold on one side is 65,536."""


def draw_png(layout: Layout, path: Path) -> None:
    """Draw a layout as PNG.

    Raises:
        Malformed: matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Malformed(
            "no-pictures", "picture: expected matplotlib, got none: pip install 'entente[pictures]'"
        ) from error
    scale = min(_SCALE, _MAX_PIXELS / max(layout.width, layout.height))
    settings: Any = {
        "font.family": ["DejaVu Sans"],
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "path.simplify": False,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(layout.width / 96, layout.height / 96), dpi=96 * scale, facecolor=PAPER)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, layout.width)
        axes.set_ylim(layout.height, 0)
        axes.set_axis_off()
        _draw(axes, layout)
        # The date and the version of the tool would make the same picture differ from one day to the next.
        figure.savefig(path, format="png", metadata={"Software": None, "Title": layout.title[:200]})


def _draw(axes: Axes, layout: Layout) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

    for line in layout.lines:
        ink, stroke = get_stroke(line)
        axes.plot(
            [line.x1, line.x2],
            [line.y1, line.y2],
            color=ink,
            linewidth=stroke * _POINTS,
            solid_capstyle="butt",
            zorder=1,
        )
    for box in layout.boxes:
        fill, ink, stroke = get_frame(box)
        axes.add_patch(
            FancyBboxPatch(
                (box.x, box.y),
                box.width,
                box.height,
                boxstyle="round,pad=0,rounding_size=5",
                facecolor=fill,
                edgecolor=ink,
                linewidth=stroke * _POINTS,
                linestyle=(0, (4, 3)) if box.is_dashed else "solid",
                zorder=2,
            )
        )
    for mark in layout.marks:
        if mark.is_square:
            corner = (mark.x - RADIUS, mark.y - RADIUS)
            axes.add_patch(
                Rectangle(corner, 2 * RADIUS, 2 * RADIUS, facecolor=INKS["dark"], linewidth=0, zorder=3)
            )
        else:
            axes.add_patch(Circle((mark.x, mark.y), RADIUS, facecolor=INKS["accent"], linewidth=0, zorder=3))
        _write(axes, number_mark(mark))
    for label in layout.labels:
        _write(axes, label)


def _write(axes: Axes, label: Label) -> None:
    axes.text(
        label.x,
        label.y,
        label.text,
        fontsize=label.size * _POINTS,
        fontweight="bold" if label.is_bold else "normal",
        color=INKS[label.ink],
        horizontalalignment="center" if label.is_centred else "left",
        verticalalignment="baseline",
        zorder=4,
    )
