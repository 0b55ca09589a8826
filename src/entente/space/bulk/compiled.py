"""Compiling with numba, where it is installed; without it nothing is compiled and `HAS_COMPILER` is False.

What it is for: the files of this folder that look at every vertex are plain Python that numba compiles. What
is compiled is kept beside the source, or in the user's cache where that cannot be written, so that a later
process starts in a fraction of a second.

Invariants:
  * A compiled function holds no lock of the interpreter, so that threads of the rooms above may run several;
    it does the same without numba, too slowly for more than a few volumes (`plain` is for that case).
  * Numba is imported when the first compiled function is called, and not before: it takes longer than a small
    question does.
  * What was kept is taken only if the function, all that it calls and every constant that they read are what
    they were: numba itself looks at the function's own file alone.
  * Where nothing can be written (no home, an installation of another user) it compiles in each process anew.

It compiles and loads; what to ask in which form is said by who asks, with `is_worth_compiling`.

    >>> @compiled
    ... def add(a, b):
    ...     return a + b
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import numpy as np

Array: TypeAlias = Any
"""An array in compiled code, whose docstring gives shape and kind: numba has types of its own."""
Number: TypeAlias = Any
"""A number in compiled code: of numpy's, of Python's, or of numba's."""
F = TypeVar("F", bound=Callable[..., object])

try:
    # What numba stands on, quick to import: the two are installed together.
    import llvmlite  # noqa: F401
except ImportError:  # the extra `bulk` is not installed
    HAS_COMPILER = False
else:
    HAS_COMPILER = True

FEW: Final = 64
"""Volumes that are asked about without numba while it is not loaded. Numba takes 0.4 to 0.5 s to load. 64
volumes that all meet are 2,016 pairs, and numpy and GEOS take 0.1 ms for each; a hundred took as long as
numba."""


def is_worth_compiling(rows: int) -> bool:
    """Return whether the compiled form answers a question about so many volumes sooner, loading included."""
    if not HAS_COMPILER or (rows <= FEW and not any(one.ready for one in _ALL)):
        return False
    return _is_importable()


def load_compiler() -> bool:
    """Have the compiled form answer from now on, however small a question; return whether there is one."""
    if HAS_COMPILER and _is_importable():
        _make_ready()
        return True
    return False


@lru_cache(maxsize=1)
def _is_importable() -> bool:
    """Return whether numba can be loaded; it refuses versions of numpy that it does not know."""
    try:
        import numba  # noqa: F401, PLC0415 - see the docstring
    except ImportError:
        return False
    return True


class Compiled:
    """A function that numba compiles; stands in its place until the first is called."""

    __slots__ = ("function", "is_bare", "is_inlined", "ready")

    def __init__(self, function: FunctionType, *, is_inlined: bool = False, is_bare: bool = False) -> None:
        self.function = function
        self.is_inlined = is_inlined
        self.is_bare = is_bare
        self.ready: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 - whatever the function takes and returns
        """Call the compiled form."""
        if self.ready is None:
            _make_ready()
        if self.ready is None:
            raise AssertionError(f"{self.function.__qualname__}: was not made ready")
        return self.ready(*arguments)

    def mark(self) -> str:
        """Return a fingerprint of the function, of all that it calls, and of the constants that they read."""
        found = hashlib.sha256()
        seen = {self.function}
        waiting = [self.function]
        while waiting:
            function = waiting.pop()
            found.update(repr((function.__qualname__, function.__defaults__)).encode())
            _mark_code(found, function.__code__)
            for name in _list_names(function.__code__):
                value = function.__globals__.get(name)
                called = getattr(value, "function", getattr(value, "py_func", None))
                if isinstance(called, FunctionType):
                    if called not in seen:
                        seen.add(called)
                        waiting.append(called)
                elif isinstance(value, np.ndarray):
                    found.update(repr((name, value.dtype.str, value.shape)).encode() + value.tobytes())
                elif isinstance(value, int | float | str | tuple | np.generic):
                    found.update(repr((name, value)).encode())
        return found.hexdigest()


def _mark_code(found: Any, code: CodeType) -> None:  # noqa: ANN401 - hashlib's objects have no public type
    found.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _mark_code(found, constant)
        else:
            found.update(repr(constant).encode())
    found.update(repr(code.co_names).encode())


def _list_names(code: CodeType) -> list[str]:
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return [*code.co_names, *(name for one in inner for name in _list_names(one))]


_ALL: Final[list[Compiled]] = []
"""Every function of the process that is to be compiled: filled as modules are imported, never emptied."""


def _make_ready() -> None:
    """Import numba, and have compiled functions call each other in its form."""
    import numba  # noqa: PLC0415 - see the docstring
    from numba.core.compiler_lock import global_compiler_lock  # noqa: PLC0415

    from entente.space.bulk.kept import keep_compiled  # noqa: PLC0415

    make: Any = numba.njit  # its stub does not know all that it takes
    with global_compiler_lock:
        for one in _ALL:
            if one.ready is None:
                # error_model: numbers divide as in numpy; no branch for each division.
                # _nrt: without it, arrays are not counted each time that one is passed on or unpacked.
                ready: Any = make(
                    nogil=True,
                    error_model="numpy",
                    inline="always" if one.is_inlined else "never",
                    _nrt=not one.is_bare,
                )(one.function)
                keep_compiled(ready, one)
                one.ready = ready
        # Compiled code knows others by the names of their modules: there the compiled form takes their place.
        # All of them before any is called; of the modules that are imported later, when theirs are.
        for one in _ALL:
            names = one.function.__globals__
            for name in _list_names(one.function.__code__):
                if isinstance(names.get(name), Compiled):
                    names[name] = names[name].ready


if TYPE_CHECKING or not HAS_COMPILER:

    def compiled(function: F) -> F:
        """Return ``function`` as it is."""
        return function

    def bare(function: F) -> F:
        """Return ``function`` as it is."""
        return function

    def inlined(function: F) -> F:
        """Return ``function`` as it is."""
        return function

else:

    def compiled(function: FunctionType) -> Compiled:
        """Return what compiles ``function`` when it is first called."""
        one = Compiled(function)
        _ALL.append(one)
        return one

    def bare(function: FunctionType) -> Compiled:
        """Return the same, of a function that makes no arrays and is called very often."""
        one = Compiled(function, is_bare=True)
        _ALL.append(one)
        return one

    def inlined(function: FunctionType) -> Compiled:
        """Return the same, written into each that calls it."""
        one = Compiled(function, is_inlined=True)
        _ALL.append(one)
        return one
