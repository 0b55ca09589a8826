"""Faults of a terms file: what is wrong, where, and what was probably meant.

Invariants:
  * All faults that were found are told at once, in the order of the file, `MAX_FAULTS` of them at most; how
    many more there are is told too.
  * Finding suggestions takes bounded work, however many names are misspelt.

It does not print: the command line puts file, line and column in front.

    >>> fault
    Fault(code='unknown-name', message="rule 'r': expected a measure or party, got 'share-location'", ...)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from entente.kernel.errors import Malformed
from entente.terms.model import NOWHERE, Place

MAX_FAULTS: Final = 100
"""Whoever has more to mend than this mends these first."""
_MAX_SUGGESTIONS: Final = 20
_MAX_CANDIDATES: Final = 500
_MAX_WORD: Final = 60


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Args:
        code: For machines: ``unknown-name``; docs/formats/terms.md lists them.
        message: Subject, expected, got.
        at: Where in the file; `NOWHERE` when the whole file is meant.
        suggestion: What was probably meant, or "".
    """

    code: str
    message: str
    at: Place = NOWHERE
    suggestion: str = ""


class TermsInvalid(Malformed):
    """A text that is no valid terms file.

    Args:
        faults: At least one, in the order of the file.
        more: How many further faults were found and not kept.
    """

    def __init__(self, faults: Sequence[Fault], more: int = 0) -> None:
        if not faults:
            raise ValueError("faults: expected at least one, got none")
        first = faults[0]
        others = len(faults) - 1 + more
        message = f"{first.message} (and {others} more)" if others else first.message
        where = f"line {first.at.line}, column {first.at.column}" if first.at != NOWHERE else ""
        super().__init__(first.code, message, path=where)
        self.faults = tuple(faults)
        self.more = more


class FaultList:
    """Collects faults while a file is read."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._count = 0
        self._suggested = 0

    def add(self, code: str, message: str, at: Place, suggestion: str = "") -> None:
        """Keep a fault, or count it when there are enough."""
        self._count += 1
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(Fault(code, message, at, suggestion))

    def suggest(self, word: str, candidates: Iterable[str]) -> str:
        """Return the candidate that was probably meant, or "".

        Comparing takes time that grows with words and candidates, so only the first misspelt words of a file
        are compared, and each with a bounded number.
        """
        if self._suggested >= _MAX_SUGGESTIONS or not word or len(word) > _MAX_WORD:
            return ""
        self._suggested += 1
        letters = set(word)
        near = (
            name
            for name in candidates
            if abs(len(name) - len(word)) <= 5 and len(letters ^ set(name)) <= 5 and name != word
        )
        found = difflib.get_close_matches(word, islice(near, _MAX_CANDIDATES), n=1)
        return found[0] if found else ""

    def require_none(self) -> None:
        """Raise `TermsInvalid` if there is any fault."""
        if self._faults:
            kept = sorted(self._faults, key=lambda fault: (fault.at.line, fault.at.column))
            raise TermsInvalid(kept, self._count - len(kept))
