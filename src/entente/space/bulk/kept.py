"""Compiled code that is kept: numba's cache, told of more, and loaded in less time.

What it is for: numba loads what it compiled before by first making ready to compile, which takes longer than
all the rest; and it looks at a function's own file alone, so that what a change in another file made wrong
was taken as good.

Invariants:
  * Code is taken only if it was compiled from the same functions and constants (`Compiled.mark`), on the same
    processor, by the same numba.
  * Where there is no place to keep it, it is compiled in every process; that is no error.
  * Numba makes ready to compile the first time that something is not there.

It is imported with numba, when the first compiled function is called.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from entente.space.bulk.compiled import Compiled

if TYPE_CHECKING:
    FunctionCache: Any
    NullCache: Any
    rtsys: Any
else:
    from numba.core.caching import FunctionCache, NullCache
    from numba.core.runtime import rtsys

Overload = Any
"""What numba knows a compiled form by: it carries no types."""


class _MarkedCache(FunctionCache):  # type: ignore[misc] # numba carries no types
    """Numba's cache of one function, with what that function calls in its key."""

    def __init__(self, one: Compiled) -> None:
        self._mark = one.mark()
        super().__init__(one.function)

    def load_overload(self, sig: Overload, target_context: Overload) -> Overload:
        """Return what was kept, or None."""
        # What compiled code itself needs to run: memory of its own. Everything else is for the compiler.
        rtsys.initialize(target_context)
        try:
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)
        except (OSError, EOFError, pickle.UnpicklingError):
            # A file that was cut short, or is another user's: compiled anew, and written anew if it can be.
            with suppress(OSError):
                self.flush()
            return None

    def _index_key(self, sig: Overload, codegen: Overload) -> Overload:
        return (*super()._index_key(sig, codegen), self._mark)


class _LateCache(NullCache):  # type: ignore[misc] # numba carries no types
    """The same, opened when it is first asked: a question needs few of all functions."""

    def __init__(self, one: Compiled) -> None:
        self._one = one
        self._opened: _MarkedCache | None = None
        self._is_tried = False

    def _open(self) -> _MarkedCache | None:
        if not self._is_tried:
            self._is_tried = True
            try:
                self._opened = _MarkedCache(self._one)
            except RuntimeError:
                # Numba found no folder that it may write to.
                _WITHOUT.append(self._one.function.__qualname__)
        return self._opened

    def load_overload(self, sig: Overload, target_context: Overload) -> Overload:
        """Return what was kept, or None, ready to compile."""
        cache = self._open()
        found = None if cache is None else cache.load_overload(sig, target_context)
        if found is None:
            target_context.refresh()
        return found

    def save_overload(self, sig: Overload, data: Overload) -> None:
        """Keep what was compiled, if it can be kept."""
        cache = self._open()
        if cache is None:
            return
        try:
            cache.save_overload(sig, data)
        except (OSError, EOFError, pickle.UnpicklingError):
            # A full disk: what was compiled serves this process.
            _WITHOUT.append(self._one.function.__qualname__)


_WITHOUT: Final[list[str]] = []


def is_kept() -> bool:
    """Return whether all that was compiled so far is there for the next process."""
    return not _WITHOUT


def keep_compiled(ready: Any, one: Compiled) -> None:  # noqa: ANN401 - a function as numba compiles it
    """Have a function's compiled forms kept."""
    if hasattr(ready, "overloads"):  # not where the user has told numba to compile nothing
        ready._cache = _LateCache(one)  # noqa: SLF001 - the one way to give numba another cache
