"""The names of one terms file: what each is, where it stands, and what a reference to it may mean.

Invariants:
  * Measures, parties and agencies share one space of names; so do positions, rules and links.
  * A designation is named by its party and group, ``us/nusra``, which no other name can be.
  * No two things that a reader could take for each other have names for display that look alike.
  * A reference is found or told as a fault: with what the name is instead, or with what was probably meant.

    >>> names.find(table, "agency", "party", party_slug)
    True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from entente.kernel.errors import describe
from entente.terms.expression import Expression, Not
from entente.terms.file.expression_text import RESERVED, ExpressionInvalid, parse_expression
from entente.terms.file.look_alikes import list_looks
from entente.terms.file.reading_tables import Table
from entente.terms.file.shape import MAX_TABLES, TABLES
from entente.terms.file.toml_places import Path
from entente.terms.model import Place

_SPACES: Final[Mapping[str, str]] = {
    "measure": "acting",
    "party": "acting",
    "agency": "acting",
    "position": "stated",
    "rule": "stated",
    "link": "stated",
}
"""Kinds that share a space of names; every other kind has its own."""
_LOOKS: Final[Mapping[str, str]] = {"party": "who", "agency": "who", "group": "who"}
"""Kinds whose names for display must not look alike; every other kind has its own."""
_ARTICLES: Final[Mapping[str, str]] = {"agency": "an agency", "obligation": "an obligation"}


def with_article(kind: str) -> str:
    """Return ``a party``, ``an agency``."""
    return _ARTICLES.get(kind, f"a {kind}")


class Names:
    """Everything that is named in one file."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, str]] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._by_kind: dict[str, dict[str, None]] = {}
        self._looks: dict[tuple[str, str], tuple[str, Place]] = {}
        self.graded: dict[str, tuple[str, ...]] = {}
        """What an expression may name: measures with their grades; plain measures and parties with none."""
        self._others: dict[str, str] = {}
        self._foreseen: dict[str, str] = {}

    def foresee(self, file: Table) -> None:
        """Note what every identifier of the file is, so that a reference to the wrong kind can say so."""
        for kind in TABLES:
            listed = file.get_raw(kind)
            for table in listed[:MAX_TABLES] if isinstance(listed, list) else ():
                name = table.get("id") if isinstance(table, dict) else None
                if isinstance(name, str):
                    self._foreseen.setdefault(name, kind)
                    self._others.setdefault(name, with_article(kind))

    def declare(self, table: Table, name: str, *, key: str = "id") -> None:
        """Enter a name; tell one that stands twice in its space, or that is a word of expressions."""
        kind = table.kind
        if not name:
            return
        space = _SPACES.get(kind, kind)
        taken = self._kinds.setdefault(space, {})
        if name in taken:
            line = self._places[space, name].line
            message = (
                f"{key}: expected a name of its own, got that of {with_article(taken[name])} in line {line}"
            )
            table.add_fault("duplicate", message, key)
            return
        if space == "acting" and name in RESERVED:
            table.add_fault("bad-name", f"{key}: expected no word of expressions, got {name!r}", key)
        taken[name] = kind
        self._places[space, name] = table.at
        self._by_kind.setdefault(kind, {})[name] = None
        if kind in {"party", "measure"}:
            self.graded[name] = ()

    def check_look(self, table: Table, name: str, *, key: str = "name", space: str = "") -> None:
        """Tell a name for display that a reader could take for another of the same space."""
        if not name:
            return
        space = space or _LOOKS.get(table.kind, table.kind)
        looks = list_looks(name)
        for look in looks:
            other = self._looks.get((space, look))
            if other is not None:
                shown, place = other
                how = "the same name" if shown == name else f"{shown!r}, which looks the same,"
                message = (
                    f"{key}: expected a name that looks like no other, got {how} as in line {place.line}"
                )
                table.add_fault("look-alike", message, key)
                return
        for look in looks:
            self._looks[space, look] = (name, table.at)

    def has(self, kind: str, name: str) -> bool:
        """Return whether there is such a thing."""
        return name in self._by_kind.get(kind, ())

    def find(self, table: Table, key: str, kinds: Sequence[str], name: str, path: Path | None = None) -> bool:
        """Return whether ``name`` is one of these kinds; tell it as a fault otherwise.

        An empty name is not told again: whoever read it has told it.
        """
        if not name:
            return False
        if any(self.has(kind, name) for kind in kinds):
            return True
        expected = " or ".join(with_article(kind) for kind in kinds)
        actual = self._foreseen.get(name, "")
        if actual in kinds:
            actual = ""  # It is declared, and that was a fault that has been told.
        code = "wrong-kind" if actual else "unknown-name"
        got = f"{name!r}, which is {with_article(actual)}" if actual else repr(name)
        candidates = (one for kind in kinds for one in self._by_kind.get(kind, ()))
        suggestion = "" if actual else table.reading.faults.suggest(name, candidates)
        message = f"{table.label}: {key}: expected {expected}, got {got}"
        at = table.reading.places.of_value(path or (*table.path, key))
        table.reading.faults.add(code, message, at, suggestion)
        return False

    def find_all(
        self, table: Table, key: str, kinds: Sequence[str], named: Iterable[tuple[str, Path]]
    ) -> tuple[str, ...]:
        """Return those of the names that are of these kinds; tell the others."""
        return tuple(name for name, path in named if self.find(table, key, kinds, name, path))

    def read_expression(self, table: Table, key: str) -> Expression | None:
        """Return the expression of a key, or tell its faults and return None."""
        text = table.get_raw(key)
        if text is None:
            return None
        if not isinstance(text, str):
            message = f"{key}: expected an expression in quotation marks, got {describe(text)}"
            table.add_fault("wrong-type", message, key)
            return None
        suggest = table.reading.faults.suggest
        try:
            return parse_expression(text, self.graded, others=self._others, suggest=suggest)
        except ExpressionInvalid as error:
            for slip in error.slips:
                message = f"{key}: {slip.message}"
                table.add_fault(slip.code, message, key, offset=slip.offset, suggestion=slip.suggestion)
            return None

    def read_condition(self, table: Table) -> Expression | None:
        """Return the condition of ``when`` or of ``unless``; None for always."""
        if "when" in table and "unless" in table:
            table.add_fault("two-conditions", "expected when or unless, got both", "unless")
        exception = self.read_expression(table, "unless")
        if exception is not None:
            return exception.part if isinstance(exception, Not) else Not(exception)
        return self.read_expression(table, "when")
