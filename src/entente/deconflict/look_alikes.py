"""Names of objects that a tired reader takes for one another: ``castello`` and ``caste11o``.

A name is anybody's to choose, as long as it is new. So nothing is refused here, which would let whoever
comes first take a dozen names at once: what looks like another standing object is shown as that, with whose
the other is.

Invariants: whatever looks alike is told of both, whoever came first; a name is never told to look like
itself.

    >>> find_look_alikes(rows)["caste11o"]
    ('zone castello of ru',)
"""

from __future__ import annotations

from typing import Final

from entente.deconflict.objects import ObjectRow
from entente.kernel.rows import Rows

_ALIKE: Final = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "5": "s", "2": "z", "8": "b", "9": "g", "q": "g"}
)
_PAIRS: Final = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def make_skeleton(object_id: str) -> str:
    """Return what is left of a name when signs that look alike are one sign, and hyphens none."""
    text = object_id.replace("-", "")
    for pair, sign in _PAIRS:
        text = text.replace(pair, sign)
    return text.translate(_ALIKE)


def find_look_alikes(rows: Rows) -> dict[str, tuple[str, ...]]:
    """Return by scoped name the standing objects that look like it, where there are any."""
    groups: dict[str, list[ObjectRow]] = {}
    for thing in rows.select(ObjectRow, state="standing"):
        groups.setdefault(make_skeleton(thing.id), []).append(thing)
    return {
        one.object: tuple(
            f"{other.type} {other.id} of {other.author}" for other in alike if other.object != one.object
        )
        for alike in groups.values()
        if len(alike) > 1
        for one in alike
    }


def warn_of(alike: tuple[str, ...]) -> str:
    """Return a warning to put behind an object's words; empty where nothing looks like it."""
    return f" CAREFUL, looks like {' and '.join(alike)}." if alike else ""
