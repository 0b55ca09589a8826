"""Reading an expression, with the column of every fault.

    expression = side [ "implies" side ]
    side       = part { "and" part }  |  part { "or" part }
    part       = "not" part  |  "(" expression ")"  |  name [ limit grade ]
    limit      = "at least"  |  "at most"  |  "exactly"

Invariants:
  * A text has one reading or none: `and` beside `or` is a fault that says so, never a question of precedence.
    ``implies`` binds least, ``not`` most.
  * Every unknown name is told, not only the first; a fault in the form ends the reading.
  * Work is in proportion to the length, which is limited, and so is the nesting.

It does not know which tables of a file names come from: a caller passes what may be named.

    >>> parse_expression("a implies not b", {"a": (), "b": ()})
    Implies(premise=Atom(name='a', grade=1), conclusion=Not(part=Atom(name='b', grade=1)))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from entente.kernel.errors import Malformed
from entente.kernel.ids import SLUG_PATTERN
from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.file.look_alikes import name_character

MAX_CHARACTERS: Final = 4_000
MAX_DEPTH: Final = 50
RESERVED: Final = frozenset({"and", "or", "not", "implies", "at", "least", "most", "exactly"})
"""Words that no measure, party or grade may be called."""

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_SLUG: Final = re.compile(SLUG_PATTERN)
_SIGNS: Final = {
    "&": "and",
    "&&": "and",
    "∧": "and",
    "|": "or",
    "||": "or",
    "\u2228": "or",
    "!": "not",
    "¬": "not",
}
_SIGNS_OF_CONSEQUENCE: Final = dict.fromkeys(("->", "=>", "→", "⇒"), "implies")


@dataclass(frozen=True, slots=True)
class Slip:
    """A fault in an expression. ``offset``: characters before it."""

    code: str
    message: str
    offset: int
    suggestion: str = ""


class ExpressionInvalid(Malformed):
    """A text that is no expression; ``slips`` holds every fault found."""

    def __init__(self, slips: Sequence[Slip]) -> None:
        super().__init__(
            slips[0].code, f"expression: {slips[0].message}", path=f"column {slips[0].offset + 1}"
        )
        self.slips = tuple(slips)


def _suggest_nothing(word: str, candidates: Iterable[str]) -> str:
    del word, candidates
    return ""


def parse_expression(
    text: str,
    names: Mapping[str, Sequence[str]],
    *,
    others: Mapping[str, str] | None = None,
    suggest: Callable[[str, Iterable[str]], str] = _suggest_nothing,
) -> Expression:
    """Return the expression that a text says.

    Args:
        names: What may be named: measures with their grades from the least to the furthest, plain measures
        and
            parties with none.
        others: Names that exist and cannot stand in an expression, with what they are: ``{"pentagon":
        "agency"}``. suggest: Returns the candidate that a misspelt word was probably meant to be, or "".

    Raises:
        ExpressionInvalid: The text is too long, nests too deep, has not the form, or names what is not there.

    Source: docs/formats/terms.md section 5.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"expected at most {MAX_CHARACTERS} characters, got {len(text)}"
        raise ExpressionInvalid([Slip("too-long", message, 0)])
    reader = _Reader(text, names, others or {}, suggest)
    found = reader.read_expression(0)
    if reader.word:
        if reader.word == ")":
            reader.stop("bad-expression", "expected an opening parenthesis for this one, got none")
        reader.stop_at_word("and, or, implies or the end")
    if reader.slips:
        raise ExpressionInvalid(reader.slips)
    return found


class _Reader:
    """One pass over the words of an expression, by recursive descent of bounded depth."""

    def __init__(
        self,
        text: str,
        names: Mapping[str, Sequence[str]],
        others: Mapping[str, str],
        suggest: Callable[[str, Iterable[str]], str],
    ) -> None:
        self._words = [(match.group(), match.start()) for match in _TOKEN.finditer(text)]
        self._words.append(("", len(text.rstrip())))
        self._next = 0
        self._names = names
        self._others = others
        self._suggest = suggest
        self.slips: list[Slip] = []

    @property
    def word(self) -> str:
        """The word to be read next; "" at the end."""
        return self._words[self._next][0]

    @property
    def offset(self) -> int:
        return self._words[self._next][1]

    def stop(self, code: str, message: str, suggestion: str = "") -> NoReturn:
        """Raise what was found so far and this fault of form at the next word."""
        raise ExpressionInvalid([*self.slips, Slip(code, message, self.offset, suggestion)])

    def stop_at_word(self, expected: str) -> NoReturn:
        got = repr(self.word[:60]) if self.word else "the end"
        word = self.word.lower()
        suggestion = _SIGNS.get(word, _SIGNS_OF_CONSEQUENCE.get(word, ""))
        if not suggestion and word != self.word and word in RESERVED:
            suggestion = word
        if not suggestion and word not in RESERVED:
            suggestion = self._suggest(self.word, ("and", "or", "implies"))
        self.stop("bad-expression", f"expected {expected}, got {got}", suggestion)

    def take(self) -> str:
        word = self.word
        self._next += 1
        return word

    def read_expression(self, depth: int) -> Expression:
        premise = self.read_side(depth)
        if self.word != "implies":
            return premise
        self.take()
        conclusion = self.read_side(depth)
        if self.word == "implies":
            self.stop("ambiguous", "expected parentheses around one of the two, got implies after implies")
        return Implies(premise, conclusion)

    def read_side(self, depth: int) -> Expression:
        parts = [self.read_part(depth)]
        joined_by = self.word
        if joined_by not in {"and", "or"}:
            return parts[0]
        while self.word in {"and", "or"}:
            if self.word != joined_by:
                self.stop(
                    "ambiguous",
                    f"expected parentheses around one of the two, got {joined_by} beside {self.word}",
                )
            self.take()
            parts.append(self.read_part(depth))
        return AllOf(tuple(parts)) if joined_by == "and" else AnyOf(tuple(parts))

    def read_part(self, depth: int) -> Expression:
        if depth >= MAX_DEPTH:
            self.stop("too-deep", f"expected nesting of at most {MAX_DEPTH}, got more")
        if self.word == "not":
            self.take()
            return Not(self.read_part(depth + 1))
        if self.word != "(":
            return self.read_atom()
        opened = self.offset
        self.take()
        inside = self.read_expression(depth + 1)
        if not self.word:
            slip = Slip("bad-expression", "expected a closing parenthesis for this one, got none", opened)
            raise ExpressionInvalid([*self.slips, slip])
        if self.word != ")":
            self.stop_at_word("and, or, implies or a closing parenthesis")
        self.take()
        return inside

    def read_atom(self) -> Expression:
        if not self.word or self.word == ")" or self.word in RESERVED:
            self.stop_at_word("a name, not or an opening parenthesis")
        offset, name = self.offset, self.take()
        grades = self._find_grades(name, offset)
        if self.word not in {"at", "exactly"}:
            return Atom(name)
        limit = self.take()
        if limit == "at":
            if self.word not in {"least", "most"}:
                self.stop_at_word("at least or at most")
            limit = self.take()
        if not self.word or self.word in "()" or self.word in RESERVED:
            self.stop_at_word("the name of a grade")
        at, word = self.offset, self.take()
        if grades is None:
            return Atom(name)
        if not grades:
            self.slips.append(
                Slip("no-grades", f"expected no grade, since {name!r} has none, got {word[:60]!r}", at)
            )
            return Atom(name)
        if word not in grades:
            message = f"expected a grade of {name!r} ({', '.join(grades)}), got {_quote(word)}"
            self.slips.append(Slip("unknown-name", message, at, self._suggest(word, grades)))
            return Atom(name)
        return self._limit(Atom(name, list(grades).index(word) + 1), limit, len(grades), at)

    def _limit(self, atom: Atom, limit: str, last: int, offset: int) -> Expression:
        """Return ``at least``, ``most`` or ``exactly`` this grade, by atoms that all mean "at least"."""
        if limit == "least":
            return atom
        beyond = Not(Atom(atom.name, atom.grade + 1))
        if atom.grade < last:
            return beyond if limit == "most" else AllOf((atom, beyond))
        if limit == "most":
            message = "expected a grade short of the furthest, since it is always at most that, got the last"
            self.slips.append(Slip("says-nothing", message, offset))
        return atom

    def _find_grades(self, name: str, offset: int) -> Sequence[str] | None:
        grades = self._names.get(name)
        if grades is not None:
            return grades
        expected = "expected the name of a measure or party"
        if name in self._others:
            got = f"{name!r}, which is {self._others[name]}"
            self.slips.append(Slip("wrong-kind", f"{expected}, got {got}", offset))
        elif not _SLUG.match(name):
            foreign = next((c for c in name if not c.isascii()), "")
            at = name.index(foreign) if foreign else 0
            got = f"{name[:60]!r} with {name_character(foreign)}" if foreign else repr(name[:60])
            suggestion = self._suggest(name, self._names) or _SIGNS.get(name, "")
            self.slips.append(Slip("bad-name", f"{expected}, got {got}", offset + at, suggestion))
        else:
            suggestion = self._suggest(name, self._names)
            self.slips.append(Slip("unknown-name", f"{expected}, got {name!r}", offset, suggestion))
        return None


def _quote(word: str) -> str:
    foreign = next((c for c in word if not c.isascii()), "")
    return f"{word[:60]!r}" + (f" with {name_character(foreign)}" if foreign else "")
