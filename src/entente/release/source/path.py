"""The path of an identity: what was seen, from the widest word to the narrowest.

What it is for: ``("air", "fixed-wing", "transport", "il-76")`` says what a report is about; what a recipient
is shown is a prefix of it, so that coarser is always shorter and never another word.

Invariants: every word is a name (`entente.kernel.ids.SLUG_PATTERN`); a path has 1 to `MAX_DEPTH` of them.

It knows no list of permitted words: parties agree on those, and a label policy may require them.

    >>> say_path(("air", "fixed-wing", "transport"))
    'transport (fixed-wing, air)'
"""

from __future__ import annotations

from typing import Final

MAX_DEPTH: Final = 6
"""Most words of a path: domain, kind, class, type, variant, single object."""

Path = tuple[str, ...]


def is_prefix(short: Path, long: Path) -> bool:
    """Return whether ``short`` says the same as ``long``, only less."""
    return long[: len(short)] == short


def say_path(path: Path) -> str:
    """Return a path in words, the narrowest first; the empty one is "something"."""
    if not path:
        return "something"
    wider = ", ".join(reversed(path[:-1]))
    return f"{path[-1]} ({wider})" if wider else path[-1]
