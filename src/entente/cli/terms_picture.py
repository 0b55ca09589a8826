"""`entente terms graph`: the picture of who blocks what, as SVG, PNG, text or JSON; no browser.

Invariants: all four hold the same; SVG, text and JSON need no further package, PNG needs matplotlib, which is
imported when one is drawn and not before.

    $ entente terms graph centre.toml --out blockers.svg
"""

from __future__ import annotations

import hashlib
import io
import json as json_module
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.cli.terms_file import Documents, TermsFile, load_terms
from entente.cli.terms_watch import TerminalWatch
from entente.desk.terms_room.questions import choose_programme
from entente.kernel.errors import Malformed
from entente.store.durable import write_atomic
from entente.terms.picture.canvas import RADIUS, Label, Layout, place_graph
from entente.terms.picture.graph import MAX_OBSTACLES, Graph, build_graph, graph_json, graph_text
from entente.terms.picture.svg import INKS, PAPER, encode_svg, get_frame, get_stroke, number_mark
from entente.terms.search import find_obstacles, find_packages

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ProgrammeID = Annotated[
    str, Parameter(name="--programme", help="What to ask about; the first programme of FILE if not given.")
]
Seconds = Annotated[float, Parameter(help="Stop each search after so long, and say so.")]

_SCALE: Final = 2
"""Pixels of the PNG for each of the layout: sharp on a telephone and in print."""
_POINTS: Final = 0.75
"""Points in a pixel of 96 to the inch."""
_MAX_PIXELS: Final = 60_000
"""What the PNG library can hold on one side is 65,536."""


def register(app: App) -> None:
    """Add the command to ``entente terms``."""
    app.command(graph)


def name_file(file: Path, data: bytes) -> str:
    """Return what tells one version of a file from another."""
    return f"File {file.name}, SHA-256 {hashlib.sha256(data).hexdigest()}"


def graph(
    file: TermsFile,
    /,
    *,
    out: Annotated[Path, Parameter(help="Where to write it: a name that ends in .svg, .png, .txt or .json.")],
    programme: ProgrammeID = "",
    obstacles: Annotated[
        int, Parameter(help=f"How many of the smallest to draw, 1 to {MAX_OBSTACLES}.")
    ] = 10,
    seconds: Seconds = 10.0,
    documents: Documents = None,
    json: Json = False,
) -> int:
    """Draw who blocks what: holders, positions, obstacles.

    Example: entente terms graph centre.toml --out blockers.svg
    """
    kinds = (".svg", ".png", ".txt", ".json")
    if out.suffix not in kinds:
        raise Malformed("bad-out", f"out: expected a name that ends in {', '.join(kinds)}, got {str(out)!r}")
    if not 1 <= obstacles <= MAX_OBSTACLES:
        raise Malformed("bad-obstacles", f"obstacles: expected 1 to {MAX_OBSTACLES}, got {obstacles}")
    terms = load_terms(file, documents)
    asked = choose_programme(terms, programme)
    with TerminalWatch(seconds) as watch:
        found = watch.run(lambda: find_obstacles(terms, programme=asked, most=obstacles, watch=watch))
        price = watch.run(lambda: find_packages(terms, programme=asked, most=1, watch=watch))
    drawn = build_graph(
        terms,
        found,
        package=price.packages[0] if price.packages else None,
        is_cheapest=bool(price.packages) and price.at_least >= price.packages[0].cost,
        max_obstacles=obstacles,
    )
    write_graph(drawn, out, name_file(file, file.read_bytes()))
    if json:
        print_json({"ok": True, "out": str(out), "obstacles": len(drawn.ties), "notes": list(drawn.notes)})
    else:
        print(f"wrote {out}: {drawn.heading}")
        for note in drawn.notes:
            print(f"  {note}")
    return ExitCode.OK


def write_graph(graph: Graph, out: Path, footer: str) -> None:
    """Write the graph in the form that the name's ending says."""
    if out.suffix == ".png":
        draw_png(place_graph(graph, footer=footer), out)
        return
    if out.suffix == ".svg":
        text = encode_svg(place_graph(graph, footer=footer))
    elif out.suffix == ".json":
        text = json_module.dumps(graph_json(graph), ensure_ascii=False, indent=2) + "\n"
    else:
        text = "\n".join([*graph_text(graph), footer]) + "\n"
    write_file(out, text.encode())


def write_file(out: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        Malformed: It cannot be written there.
    """
    whole = out.resolve()
    if not whole.parent.is_dir() or whole.is_dir():
        raise Malformed("no-file", f"out: expected a file in a folder that is there, got {str(out)!r}")
    write_atomic(whole, data)


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
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A script that the font lacks is drawn as boxes; the other forms of the picture have it as text.
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(layout.width / 96, layout.height / 96), dpi=96 * scale, facecolor=PAPER)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, layout.width)
        axes.set_ylim(layout.height, 0)
        axes.set_axis_off()
        _draw(axes, layout)
        # The date and the version of the tool would make the same picture differ from one day to the next.
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", metadata={"Software": None, "Title": layout.title[:200]})
    write_file(path, drawn.getvalue())


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
