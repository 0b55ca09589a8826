"""The picture of a belief: how the best guess about a secret grew, release by release.

Above, the best guess and the budget that it stays under; below, a row for each hypothesis, darker where the
partner thinks it likelier.

Invariants: it is drawn from what the desk answers, which never says which hypothesis is true; the same
answer gives the same bytes; of more hypotheses than rows the likeliest are drawn, and the rest is one row.

It needs matplotlib (the extra ``pictures``), imported when a picture is drawn and not before.

    >>> draw_belief(answer, Path("learned.svg"))
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from entente.cli.terms_picture import write_file
from entente.kernel.errors import Malformed
from entente.terms.picture.svg import INKS, PAPER
from entente.terms.words.text import clean_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS: Final = 24
MOST_STEPS: Final = 2_000
MOST_NAME: Final = 34
KINDS: Final = (".svg", ".png")


def draw_belief(answer: Mapping[str, Any], out: Path) -> None:
    """Draw a belief through its releases.

    Args:
        answer: Of the desk: ``hypotheses`` with their priors, ``steps`` with a posterior each.

    Raises:
        Malformed: matplotlib is not installed, or the file cannot be written.
    """
    if out.suffix not in KINDS:
        raise Malformed("bad-out", f"picture: expected a name that ends in .svg or .png, got {str(out)!r}")
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Malformed(
            "no-pictures", "picture: expected matplotlib, got none: pip install 'entente[pictures]'"
        ) from error
    names, grid, chances = read_belief(answer)
    settings: Any = {
        "font.family": ["DejaVu Sans"],
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "svg.hashsalt": "entente",  # ids that would else be drawn at random
        "svg.fonttype": "path",
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure = Figure(figsize=(9.0, 3.2 + 0.24 * len(names)), dpi=144, facecolor=PAPER)
        FigureCanvasAgg(figure)
        above, below = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [2.0, 0.24 * len(names) + 0.4]}
        )
        _draw_chances(above, answer, chances)
        _draw_rows(below, names, grid)
        figure.subplots_adjust(
            left=0.3, right=0.97, top=1 - 0.5 / figure.get_figheight(), bottom=0.12, hspace=0.1
        )
        drawn = io.BytesIO()
        kind = out.suffix[1:]
        # The date and the version of the tool would make the same picture differ from one day to the next.
        metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        figure.savefig(drawn, format=kind, metadata=metadata)
    write_file(out, drawn.getvalue())


def read_belief(answer: Mapping[str, Any]) -> tuple[list[str], NDArray[np.float64], list[float]]:
    """Return the rows' names, their probabilities (by step, the prior first), and the best guesses."""
    steps = answer["steps"][-MOST_STEPS:]
    prior = [one["prior"] for one in answer["hypotheses"]]
    grid = np.array([prior, *(step["posterior"] for step in steps)], dtype=np.float64).T
    names = [clean_text(one["words"] or one["id"])[:MOST_NAME] for one in answer["hypotheses"]]
    chances = [answer["prior_percent"], *(step["chance_percent"] for step in steps)]
    if len(names) > MOST_ROWS:
        # Drawn are those that were likeliest at some time, in the catalogue's order.
        kept = np.sort(np.argsort(-grid.max(axis=1), kind="stable")[: MOST_ROWS - 1])
        rest = np.ones(len(names), dtype=bool)
        rest[kept] = False
        grid = np.vstack([grid[kept], grid[rest].sum(axis=0)])
        names = [*(names[row] for row in kept.tolist()), f"{int(rest.sum()):,} others together"]
    return names, grid, chances


def _draw_chances(axes: Axes, answer: Mapping[str, Any], chances: list[float]) -> None:
    places = np.arange(len(chances))
    axes.step(places, chances, where="mid", color=INKS["accent"], linewidth=1.8)
    axes.axhline(answer["budget_percent"], color=INKS["dark"], linewidth=1.0, linestyle=(0, (4, 3)))
    axes.annotate(
        f"budget {answer['budget_percent']:.0f} %",
        (1.0, answer["budget_percent"]),
        xycoords=("axes fraction", "data"),
        xytext=(-4, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color=INKS["dark"],
    )
    axes.set_ylim(0, 104)
    axes.set_ylabel("best guess, %", fontsize=8)
    axes.tick_params(labelsize=8)
    who, what = clean_text(answer["pool"]), clean_text(answer["secret"])
    axes.set_title(f"What {who} can have learned about {what}", fontsize=10, loc="left", color=INKS["dark"])


def _draw_rows(axes: Axes, names: list[str], grid: NDArray[np.float64]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.imshow(
        grid,
        aspect="auto",
        interpolation="nearest",
        cmap="Blues",
        vmin=0.0,
        vmax=1.0,
        extent=(-0.5, grid.shape[1] - 0.5, len(names) - 0.5, -0.5),
    )
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel("releases (0: before the first)", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
