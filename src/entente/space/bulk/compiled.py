"""Compiling with numba, where it is installed; without it nothing is compiled and `HAS_COMPILER` is False.

What it is for: the files of this folder that look at every vertex are plain Python that numba compiles. What
is compiled is kept beside the source, or in the user's cache where that cannot be written, so that a later
process starts in a fraction of a second.

Invariants: a compiled function holds no lock of the interpreter, so that threads of the rooms above may run
several; it does the same without numba, too slowly for more than a few volumes (`plain` is for that case).

    >>> @compiled
    ... def add(a, b):
    ...     return a + b
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

Array: TypeAlias = Any
"""An array in compiled code, whose docstring gives shape and kind: numba has types of its own."""
Number: TypeAlias = Any
"""A number in compiled code: of numpy's, of Python's, or of numba's."""
F = TypeVar("F", bound=Callable[..., object])

try:
    import numba
except ImportError:  # the extra `bulk` is not installed
    numba = None  # type: ignore[assignment]

HAS_COMPILER: Final = numba is not None

if TYPE_CHECKING or not HAS_COMPILER:

    def compiled(function: F) -> F:
        """Return ``function`` as it is."""
        return function

    def inlined(function: F) -> F:
        """Return ``function`` as it is."""
        return function

else:
    # error_model: numbers divide as in numpy; no branch for each division.
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")
    inlined = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
