"""Questions about very many volumes at once, with the exact rule's own answers.

What it is for: `VolumeTable` holds millions of volumes as columns; `find_pairs` and `find_pairs_between` tell
which of them conflict, a million in a fraction of a second where numba is installed (extra `bulk`).

Invariants: see `entente.space.bulk.pairs`: nothing is missed, nothing is cut off, and the answer is the one
that `entente.space.find_conflict` gives for each pair.

It does not read files or share out work: the rooms above do. The compiled code decides what it can be sure of
(`decide`), a grid and a sweep propose what it looks at (`grid`, `sweep`, `boxes`), without a compiler numpy and GEOS
take its place (`plain`).
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
