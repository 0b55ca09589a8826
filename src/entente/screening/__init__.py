"""Screening: which of very many volumes, tracks and sites conflict; from files, frames and tables.

What it is for: a campaign is screened before it is notified, on a laptop or on a cluster, without a center.

Invariants:
  * The exact rule's answer, complete, in the order of ids; or an error. Nothing is cut off, nothing guessed.
  * A file is taken whole or not at all; an error names the row and the field.
  * The same answer from one thread, several, or several machines; with a compiler and without.

What it does not do: notify, or keep what it read. Files and columns: docs/screening.md. Needs the extra
``bulk``.

    >>> plan = read_table(Path("plan.parquet"), datum="ellipsoid")
    >>> found = screen(plan, separation=Separation(lateral_m=500.0), budget=Budget(threads=2))
    >>> found.to_arrow()
"""

from entente.screening.arrow import Columns
from entente.screening.geoparquet import from_arrow, from_geodataframe
from entente.screening.read import read_table
from entente.screening.result import Screened
from entente.screening.search import Budget, screen
from entente.screening.sets import VolumeSet, name_objects
from entente.screening.tracks import Samples, TrackRules, make_tracks

__all__ = [
    "Budget",
    "Columns",
    "Samples",
    "Screened",
    "TrackRules",
    "VolumeSet",
    "from_arrow",
    "from_geodataframe",
    "make_tracks",
    "name_objects",
    "read_table",
    "screen",
]
