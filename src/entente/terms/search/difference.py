"""The difference between two versions of a terms file: in meaning, not in text.

Comments, layout and order do not count. A position that is worded anew is compared by what it demands: the
same, more, less, or something else. And what follows is compared too: possible or not, at what price, through
which obstacles.

Invariants: a file differs from itself in nothing; what is compared is found by its id, so a new id is one
thing removed and one added.

It does not say who changed what, or when: the record does.

    >>> compare_terms(old, new).changes[0]
    Change(table='position', id='us-no-locations', change='changed', fields=('expression',), meaning='looser')
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import fields
from typing import Any, Final, Self

from entente.terms.answers import Change, Consequence, Difference, Obstacle, Search
from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import Modality, Position, Terms
from entente.terms.search.judge import Judge
from entente.terms.search.possibility import find_obstacles, find_packages, is_possible
from entente.terms.search.watch import Stopped, Watch

TABLES: Final = {
    "documents": "document",
    "parties": "party",
    "agencies": "agency",
    "groups": "group",
    "theatres": "theatre",
    "measures": "measure",
    "rules": "rule",
    "links": "link",
    "clauses": "clause",
    "positions": "position",
    "designations": "designation",
    "zones": "zone",
    "obligations": "obligation",
    "clocks": "clock",
    "programmes": "programme",
}
"""A field of `Terms` -> the table of the file that fills it."""
MOST_OBSTACLES: Final = 20
_PLACES: Final = frozenset({"at"})
_NOTHING: Final = AllOf(())


def compare_terms(old: Terms, new: Terms, *, watch: Watch | None = None) -> Difference:
    """Return what differs, in the order of the file, and what follows for every programme.

    A watch that stops ends the comparison of consequences; changes are always complete but for meanings that
    were not reached, which are "unknown".
    """
    changes = [
        Change("file", name, "changed", (name,))
        for name in ("title", "question")
        if getattr(old, name) != getattr(new, name)
    ]
    with _Meanings(old, new, watch) as meanings:
        for field, table in TABLES.items():
            changes += _compare_table(table, getattr(old, field), getattr(new, field), meanings)
    programmes = list(dict.fromkeys(["", *(each.id for each in (*old.programmes, *new.programmes))]))
    consequences: list[Consequence] = []
    if changes:
        stopped_by = ""
        for programme in programmes:
            if stopped_by:
                search = Search(False, stopped_by=stopped_by)
                consequences.append(Consequence(programme, (None, None), (None, None), (), (), search))
                continue
            consequences.append(_compare_answers(old, new, programme, watch))
            stopped_by = consequences[-1].search.stopped_by
    return Difference(tuple(changes), tuple(consequences))


def _compare_table(
    table: str, old: Sequence[Any], new: Sequence[Any], meanings: _Meanings
) -> Iterator[Change]:
    before = {each.id: each for each in old}
    after = {each.id: each for each in new}
    for name, each in before.items():
        if name not in after:
            yield Change(table, name, "removed")
            continue
        changed = tuple(
            field.name
            for field in fields(each)
            if field.name not in _PLACES and _plain(each, field.name) != _plain(after[name], field.name)
        )
        if changed:
            yield Change(table, name, "changed", changed, meanings.compare(each, after[name]))
    for name in after:
        if name not in before:
            yield Change(table, name, "added")


def _plain(value: Any, field: str) -> object:  # noqa: ANN401 - any of the model's values
    """Return a field's value without the places at which its sources stand."""
    found = getattr(value, field)
    if field == "ground":
        sources = tuple((each.document, each.place, each.words, each.paraphrase) for each in found.sources)
        return (sources, found.assumption)
    return found


class _Meanings:
    """Compares what two versions of a thing demand, under the newer file's rules; use as a context.

    A judge is made once for all that is compared under it: making one reads the whole file's rules.
    """

    def __init__(self, old: Terms, new: Terms, watch: Watch | None) -> None:
        self._new = new
        self._watch = watch
        self._judges: dict[bool, Judge] = {}
        self._is_stopped = False
        self._open = ExitStack()
        self._before, self._after = _name_grades(old), _name_grades(new)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._open.close()

    def _find_judge(self, *, is_ruled: bool) -> Judge:
        if is_ruled not in self._judges:
            judge = Judge(self._new, self._watch, is_ruled=is_ruled)
            self._judges[is_ruled] = self._open.enter_context(judge)
        return self._judges[is_ruled]

    def compare(self, old: object, new: object) -> str:
        first, second = _demand(old), _demand(new)
        if first is None or second is None:
            return ""
        if isinstance(old, Position) and isinstance(new, Position) and old.modality != new.modality:
            # What does not bind demands nothing; between two that do not bind there is no more and no less.
            if not (_binds(old) or _binds(new)):
                return "other"
            first = first if _binds(old) else _NOTHING
            second = second if _binds(new) else _NOTHING
        try:
            first = self._translate(first)
        except LookupError:
            return "unknown"
        if self._is_stopped:
            return "unknown"
        try:
            # A rule is not judged under itself: there it would always hold.
            judge = self._find_judge(is_ruled=isinstance(new, Position))
            only_old = judge.can_hold(judge.name(first), judge.name(Not(second)))
            only_new = judge.can_hold(judge.name(Not(first)), judge.name(second))
        except Stopped:
            self._is_stopped = True
            return "unknown"
        names = {(False, False): "same", (True, False): "stricter", (False, True): "looser"}
        return names.get((only_old, only_new), "other")

    def _translate(self, expression: Expression) -> Expression:
        """Return an expression of the older file in the grades of the newer; `LookupError` for what is gone.

        A grade is found by its name: one that is put in below it moves its number.
        """
        match expression:
            case Atom(name=name, grade=grade):
                before, after = self._before[name], self._after[name]
                if grade == 1 and (len(before) == 1 or len(after) == 1):
                    return Atom(name, 1)  # all of it, where one of the two has no grades
                try:
                    return Atom(name, after.index(before[grade - 1]) + 1)
                except ValueError as error:
                    raise LookupError(name) from error
            case Not(part):
                return Not(self._translate(part))
            case AllOf(parts):
                return AllOf(tuple(map(self._translate, parts)))
            case AnyOf(parts):
                return AnyOf(tuple(map(self._translate, parts)))
            case Implies(premise, conclusion):
                return Implies(self._translate(premise), self._translate(conclusion))


def _name_grades(terms: Terms) -> dict[str, list[str]]:
    """Return the names of each measure's grades; of what has none, and of a party, that of its kind."""
    found = {each.id: [grade.id for grade in each.grades] or ["measure"] for each in terms.measures}
    return found | {each.id: ["party"] for each in terms.parties}


def _binds(position: Position) -> bool:
    return position.modality in {Modality.REQUIRES, Modality.FORBIDS}


def _demand(value: object) -> Expression | None:
    if isinstance(value, Position):
        # What is permitted binds nobody, but its meaning can still change.
        return value.demand if value.modality is not Modality.PERMITS else value.expression
    found = getattr(value, "expression", None)
    return found if isinstance(found, Expression) else None


def _compare_answers(old: Terms, new: Terms, programme: str, watch: Watch | None) -> Consequence:
    sides = [_Answers(terms, programme, watch) for terms in (old, new)]
    keys = [{obstacle.members for obstacle in side.obstacles} for side in sides]
    stopped = next((side.stopped_by for side in sides if side.stopped_by), "")
    return Consequence(
        programme,
        (sides[0].possible, sides[1].possible),
        (sides[0].cost, sides[1].cost),
        gone=tuple(each for each in sides[0].obstacles if each.members not in keys[1]),
        new=tuple(each for each in sides[1].obstacles if each.members not in keys[0]),
        search=Search(not stopped, is_all=all(side.is_all for side in sides), stopped_by=stopped),
    )


class _Answers:
    """What one version of the file says about a programme."""

    def __init__(self, terms: Terms, programme: str, watch: Watch | None) -> None:
        self.possible: bool | None = None
        self.cost: int | None = None
        self.obstacles: tuple[Obstacle, ...] = ()
        self.is_all = True
        self.stopped_by = ""
        if programme and programme not in {each.id for each in terms.programmes}:
            return
        answer = is_possible(terms, programme=programme, watch=watch)
        self.possible, self.stopped_by = answer.is_possible, answer.search.stopped_by
        if self.possible:
            self.cost = 0
        elif self.possible is False:
            self._ask_why(terms, programme, watch)

    def _ask_why(self, terms: Terms, programme: str, watch: Watch | None) -> None:
        packages = find_packages(terms, programme=programme, most=1, watch=watch)
        if packages.packages and packages.packages[0].cost == packages.at_least:
            self.cost = packages.packages[0].cost
        found = find_obstacles(terms, programme=programme, most=MOST_OBSTACLES, watch=watch)
        self.obstacles, self.is_all = found.obstacles, found.search.is_all
        self.stopped_by = packages.search.stopped_by or found.search.stopped_by
