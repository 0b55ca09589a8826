"""Questions about very many volumes at once, with the exact rule's own answers.

What it is for: `VolumeTable` holds millions of volumes as columns; `find_pairs` and `find_pairs_between` tell
which of them conflict, a million in a fraction of a second where numba is installed (extra `bulk`).

Invariants: see `entente.space.bulk.pairs`: nothing is missed, nothing is cut off, and the answer is the one
that `entente.space.find_conflict` gives for each pair.

It does not read files or share out work: the rooms above do. A grid and a sweep propose pairs (`grid`,
`sweep`, `boxes`), compiled code decides what it can be sure of (`decide`); without a compiler numpy and
GEOS take the place of both (`plain`).
"""

from entente.space.bulk.pairs import MOST, Pairs, Progress, Task, find_pairs, find_pairs_between, prepare
from entente.space.bulk.table import UNBOUNDED_CM, VolumeTable, join_tables, pack_volumes

__all__ = [
    "MOST",
    "UNBOUNDED_CM",
    "Pairs",
    "Progress",
    "Task",
    "VolumeTable",
    "find_pairs",
    "find_pairs_between",
    "join_tables",
    "pack_volumes",
    "prepare",
]
