"""The oracle: every question about small terms answered by looking at all assignments of grades.

It is written from the meaning of the terms alone and shares nothing with `entente.terms` but the values: no
solver, no clauses, no selectors. A programme is one assignment of a grade to every measure (0: not in it) and
of in or out to every party that could join. A table of all of them is laid out once; a statement is the set
of rows on which it holds, kept as the bits of one whole number. Every answer is then counted off.

Fit for some twelve propositions and a dozen members: obstacles look at all sets of members.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from entente.terms.answers import Concession
from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import Measure, Modality, Position, Terms

Levels = tuple[tuple[str, int], ...]
"""How far each member is conceded: (member, step), sorted by name; step 0 is left out."""


@dataclass(frozen=True)
class OracleMember:
    """What may be part of an obstacle.

    Args:
        levels: The rows on which it is satisfied when conceded by 0, 1, ... steps; the last is every row.
        costs: What 0, 1, ... steps cost.
        to: The grade that each step comes to: "" for the last.
        burdens: Weight of each holder.
    """

    name: str
    levels: tuple[int, ...]
    costs: tuple[int, ...]
    to: tuple[str, ...]
    burdens: Mapping[str, int]
    is_law: bool


@dataclass(frozen=True)
class OraclePackage:
    """A minimal package of concessions."""

    levels: Levels
    cost: int
    burden: Mapping[str, int]


class Oracle:
    """All programmes of small terms, laid out.

    Args:
        added: Measures and parties that are put on the table; each of them may still stay out.
    """

    def __init__(self, terms: Terms, added: Iterable[str] = ()) -> None:
        self.terms = terms
        self.present = {party.id for party in terms.parties if party.takes_part}
        self.names = [m.id for m in terms.measures] + [p.id for p in terms.parties if not p.takes_part]
        tops = [_count_grades(m) for m in terms.measures]
        tops += [1] * (len(self.names) - len(tops))
        self.rows: list[tuple[int, ...]] = list(product(*(range(top + 1) for top in tops)))
        self.everything = (1 << len(self.rows)) - 1
        self._atoms: dict[Atom, int] = {}
        for at, (name, top) in enumerate(zip(self.names, tops, strict=True)):
            for grade in range(1, top + 1):
                self._atoms[Atom(name, grade)] = self._collect(at, grade)
        self.lawful = self._find_lawful()
        self.hard = self._close(set(added))
        self.members = [*self._list_position_members(), *self._list_designation_members()]

    def _collect(self, column: int, grade: int) -> int:
        return sum(1 << at for at, row in enumerate(self.rows) if row[column] >= grade)

    def holds(self, expression: Expression) -> int:
        """Return the rows on which it is true."""
        match expression:
            case Atom(name):
                return self.everything if name in self.present else self._atoms[expression]
            case Not(part):
                return self.everything & ~self.holds(part)
            case AllOf(parts):
                rows = self.everything
                for each in parts:
                    rows &= self.holds(each)
                return rows
            case AnyOf(parts):
                rows = 0
                for each in parts:
                    rows |= self.holds(each)
                return rows
            case Implies(premise, conclusion):
                return (self.everything & ~self.holds(premise)) | self.holds(conclusion)

    def grades(self, row: int) -> dict[str, int]:
        """Return one row as the grades of what is in the programme."""
        return {name: grade for name, grade in zip(self.names, self.rows[row], strict=True) if grade}

    def find_row(self, grades: Mapping[str, int]) -> int:
        """Return the row of a programme, as a set of one."""
        wanted = tuple(grades.get(name, 0) for name in self.names)
        unknown = set(grades) - set(self.names) - self.present
        assert not unknown, f"unknown names in a programme: {unknown}"
        return 1 << self.rows.index(wanted)

    def _find_lawful(self) -> int:
        """Return the rows that the rules and links allow, with everything on the table."""
        rows = self.everything
        stated = [rule.expression for rule in self.terms.rules]
        for expression in stated + [link.expression for link in self.terms.links]:
            rows &= self.holds(expression)
        return rows

    def _close(self, added: set[str]) -> int:
        """Return the rows that are also without whatever is neither on the table nor added."""
        rows = self.lawful
        off = [m.id for m in self.terms.measures if not m.is_offered]
        off += [p.id for p in self.terms.parties if not p.takes_part]
        for name in set(off) - added:
            rows &= ~self._atoms[Atom(name)]
        return rows

    def _absent(self, holders: Iterable[str]) -> int:
        """Return the rows on which one of the holders does not take part."""
        homes = {agency.id: agency.party for agency in self.terms.agencies}
        rows = 0
        for holder in holders:
            party = homes.get(holder, holder)
            if party not in self.present:
                rows |= self.everything & ~self._atoms[Atom(party)]
        return rows

    def demanded(self, position: Position, step: int = 0) -> int:
        """Return the rows that satisfy a position softened so many steps; the absent ask nothing."""
        wanted = self._soften(position, step)
        if position.when is not None:
            wanted |= self.everything & ~self.holds(position.when)
        return wanted | self._absent(position.by)

    def _soften(self, position: Position, step: int) -> int:
        last = len(position.steps) or 1
        if step >= last:
            return self.everything
        if step == 0:
            rows = self.holds(position.expression)
            return self.everything & ~rows if position.modality is Modality.FORBIDS else rows
        assert isinstance(position.expression, Atom)
        name, grade = position.expression.name, position.expression.grade
        if position.modality is Modality.FORBIDS:
            return self.everything & ~self._atoms[Atom(name, grade + step)]
        return self._atoms[Atom(name, grade - step)]

    def _list_position_members(self) -> Iterator[OracleMember]:
        measures = {m.id: m for m in self.terms.measures}
        for position in self.terms.positions:
            if position.modality not in (Modality.REQUIRES, Modality.FORBIDS):
                continue
            prices = position.steps or (position.weight,)
            costs = [sum(prices[:step]) for step in range(len(prices) + 1)]
            to = [""] * (len(prices) + 1)
            if position.steps and isinstance(position.expression, Atom):
                measure, grade = measures[position.expression.name], position.expression.grade
                for step in range(1, len(prices)):
                    kept = grade + step if position.modality is Modality.FORBIDS else grade - step + 1
                    to[step] = measure.grades[kept - 2].id
            yield OracleMember(
                position.id,
                tuple(self.demanded(position, step) for step in range(len(prices) + 1)),
                tuple(costs),
                tuple(to),
                dict(zip(position.by, position.weights, strict=True)),
                position.hard == "law",
            )

    def _list_designation_members(self) -> Iterator[OracleMember]:
        said = {(d.party, d.group): d for d in self.terms.designations}
        for party, group in product((p.id for p in self.terms.parties), (g.id for g in self.terms.groups)):
            statement = said.get((party, group))
            if statement is not None and statement.answer == "yes":
                continue
            needed = [m for m in self.terms.measures if m.against == group and (not m.by or party in m.by)]
            if not needed:
                continue
            rows = self.everything
            for measure in needed:
                rows &= ~self._atoms[Atom(measure.id)]
            weight = 1 if statement is None else statement.weight
            rows |= self._absent([party])
            name = f"{party}/{group}"
            yield OracleMember(
                name, (rows, self.everything), (0, weight), ("", ""), {party: weight}, is_law=False
            )

    # Possible, why not, at what price

    def allowed(self, programme: str) -> int:
        """Return the rows that satisfy the rules, the links and the programme, whoever wants what."""
        wanted = [each.expression for each in self.terms.programmes if each.id == programme]
        assert bool(wanted) == bool(programme)
        return self.hard & (self.holds(wanted[0]) if wanted else self.everything)

    def satisfying(self, programme: str) -> int:
        """Return the rows that also satisfy every member."""
        rows = self.allowed(programme)
        for member in self.members:
            rows &= member.levels[0]
        return rows

    def is_possible(self, programme: str) -> bool:
        return self.satisfying(programme) != 0

    def is_consistent(self, names: Iterable[str], programme: str) -> bool:
        """Return whether so many of the members can hold together."""
        rows = self.allowed(programme)
        kept = set(names)
        for member in self.members:
            if member.name in kept:
                rows &= member.levels[0]
                kept.remove(member.name)
        assert not kept, f"no members: {kept}"
        return rows != 0

    def find_obstacles(self, programme: str) -> set[tuple[str, ...]]:
        """Return all minimal sets of members that cannot hold together."""
        return self._find_minimal_conflicts(self.members, self.allowed(programme))

    @staticmethod
    def _find_minimal_conflicts(members: Sequence[OracleMember], rows: int) -> set[tuple[str, ...]]:
        ordered = sorted(members, key=lambda member: member.name)
        found: list[frozenset[int]] = []
        for size in range(len(ordered) + 1):
            for chosen in combinations(range(len(ordered)), size):
                if any(each.issubset(chosen) for each in found):
                    continue
                left = rows
                for at in chosen:
                    left &= ordered[at].levels[0]
                if not left:
                    found.append(frozenset(chosen))
        return {tuple(ordered[at].name for at in sorted(each)) for each in found}

    def needed(self, row: int) -> tuple[int, ...] | None:
        """Return the least steps of every member that make a row acceptable; None where a law stands."""
        bit = 1 << row
        steps = []
        for member in self.members:
            step = next(at for at, rows in enumerate(member.levels) if rows & bit)
            if step and member.is_law:
                return None
            steps.append(step)
        return tuple(steps)

    def find_packages(self, programme: str) -> list[OraclePackage]:
        """Return all minimal packages, the cheapest first: none when it is possible, or when none helps."""
        vectors = {self.needed(row) for row in _list_bits(self.allowed(programme))} - {None}
        ordered = sorted((each for each in vectors if each is not None), key=sum)
        minimal: list[tuple[int, ...]] = []
        for each in ordered:
            if not any(all(a <= b for a, b in zip(less, each, strict=True)) for less in minimal):
                minimal.append(each)
        packages = [self._price(each) for each in minimal if any(each)]
        return sorted(packages, key=lambda package: (package.cost, package.levels))

    def _price(self, steps: tuple[int, ...]) -> OraclePackage:
        conceded = [(member, step) for member, step in zip(self.members, steps, strict=True) if step]
        burden: dict[str, int] = {}
        for member, step in conceded:
            if len(member.burdens) == 1:
                (holder,) = member.burdens
                burden[holder] = burden.get(holder, 0) + member.costs[step]
            else:
                for holder, weight in member.burdens.items():
                    burden[holder] = burden.get(holder, 0) + weight
        cost = sum(member.costs[step] for member, step in conceded)
        return OraclePackage(tuple(sorted((m.name, step) for m, step in conceded)), cost, burden)

    def find_cost(self, programme: str) -> int | None:
        """Return the cost of the cheapest package: 0 when none is needed, None when none helps."""
        if self.is_possible(programme):
            return 0
        packages = self.find_packages(programme)
        return packages[0].cost if packages else None

    def concede(self, levels: Levels, programme: str) -> int:
        """Return the rows that are acceptable once so much is conceded."""
        rows, given = self.allowed(programme), dict(levels)
        for member in self.members:
            rows &= member.levels[given.get(member.name, 0)]
        return rows

    # What is possible now, and what concessions permit

    @property
    def vetoes(self) -> list[OracleMember]:
        """Law, and the members that doing nothing satisfies: row 0 is the one where every grade is 0."""
        return [member for member in self.members if member.is_law or member.levels[0] & 1]

    def within_vetoes(self, levels: Levels = ()) -> int:
        """Return the rows that satisfy rules, links and vetoes, with some of these conceded."""
        given = dict(levels)
        rows = self.hard
        for member in self.vetoes:
            rows &= member.levels[given.get(member.name, 0)]
        return rows

    def value(self, row: int) -> int:
        """Return the weight of demands and preferences that a row meets."""
        return sum(self.terms_weight(name) for name in self.list_wants(row)[0])

    def terms_weight(self, name: str) -> int:
        return next(sum(p.weights) for p in self.terms.positions if p.id == name)

    def list_wants(self, row: int) -> tuple[list[str], list[str]]:
        """Return the demands and preferences that a row meets, and those that it leaves open."""
        demands = {member.name for member in self.members} - {member.name for member in self.vetoes}
        met: list[str] = []
        unmet: list[str] = []
        for position in self.terms.positions:
            is_preference = position.modality is Modality.PREFERS
            if is_preference and self._absent(position.by) & 1:
                continue
            if position.id in demands or is_preference:
                (met if self.demanded(position) >> row & 1 else unmet).append(position.id)
        return met, unmet

    def find_best(self) -> tuple[int, int, set[int]] | None:
        """Return the best value, the least sum of grades that reaches it, and the rows which do both."""
        rows = list(_list_bits(self.within_vetoes()))
        if not rows:
            return None
        value = max(self.value(row) for row in rows)
        best = [row for row in rows if self.value(row) == value]
        least = min(sum(self.rows[row]) for row in best)
        return value, least, {row for row in best if sum(self.rows[row]) == least}

    def find_furthest(self, levels: Levels = ()) -> dict[str, int]:
        """Return how far each measure could go, vetoes respected, with some of these conceded."""
        rows = list(_list_bits(self.within_vetoes(levels)))
        return {
            measure.id: max((self.rows[row][at] for row in rows), default=0)
            for at, measure in enumerate(self.terms.measures)
        }

    # What in the terms needs a second look: with everything on the table

    def find_inactive(self) -> dict[str, str]:
        """Return for each position without effect the first reason that applies."""
        found: dict[str, str] = {}
        for position in self.terms.positions:
            if self._absent(position.by) & 1:
                found[position.id] = "absent"
            elif position.modality is Modality.PERMITS:
                found[position.id] = "silent"
            elif position.when is not None and not self.lawful & self.holds(position.when):
                found[position.id] = "condition"
            elif not self.lawful & ~self.holds(position.demand):
                found[position.id] = "implied"
        return found

    def compare(self, first: Position, second: Position) -> str:
        """Return how two positions that read one clause relate, "" where they say the same."""
        one, other = self.lawful & self.holds(first.demand), self.lawful & self.holds(second.demand)
        if not one & other:
            return "contradict"
        if one == other:
            return ""
        if not one & ~other:
            return "narrower"
        return "wider" if not other & ~one else "differ"

    def list_silent(self, measure: str) -> tuple[str, ...]:
        """Return who takes part and names a measure in no position of its own or of an agency of its."""
        homes = {agency.id: agency.party for agency in self.terms.agencies}
        speaking = {
            homes.get(holder, holder)
            for position in self.terms.positions
            if f"name={measure!r}," in repr(position.expression)
            for holder in position.by
        }
        return tuple(sorted(self.present - speaking))


def find_minimal_additions(terms: Terms, programme: str) -> set[frozenset[str]]:
    """Return all minimal sets of what is off the table that make it possible without a concession."""
    off = list_off_the_table(terms)
    found: list[frozenset[str]] = []
    for size in range(len(off) + 1):
        for chosen in combinations(off, size):
            if any(each.issubset(chosen) for each in found):
                continue
            if Oracle(terms, chosen).is_possible(programme):
                found.append(frozenset(chosen))
    return set(found)


def list_off_the_table(terms: Terms) -> list[str]:
    """Return the measures that are not offered and the parties that do not take part."""
    off = [m.id for m in terms.measures if not m.is_offered]
    return sorted(off + [p.id for p in terms.parties if not p.takes_part])


def find_unguaranteed(terms: Terms) -> set[str]:
    """Return the obligations for which nobody who takes part answers."""
    here = {p.id for p in terms.parties if p.takes_part}
    here |= {agency.id for agency in terms.agencies if agency.party in here}
    return {each.id for each in terms.obligations if each.guarantor not in here}


def find_shared_core(terms: Terms) -> set[str]:
    """Return the groups that every party which takes part designates."""
    said = {(d.party, d.group): d.answer for d in terms.designations}
    here = [p.id for p in terms.parties if p.takes_part]
    return {g.id for g in terms.groups if all(said.get((party, g.id)) == "yes" for party in here)}


def _count_grades(measure: Measure) -> int:
    return len(measure.grades) or 1


def _list_bits(rows: int) -> Iterator[int]:
    while rows:
        low = rows & -rows
        yield low.bit_length() - 1
        rows ^= low


def read_levels(oracle: Oracle, concessions: Iterable[Concession]) -> Levels:
    """Return concessions as steps of the oracle's members; a cost that is not theirs is a failure."""
    members = {member.name: member for member in oracle.members}
    levels = []
    for concession in concessions:
        member = members[concession.position]
        step = member.to.index(concession.to, 1)
        assert concession.cost == member.costs[step], concession
        levels.append((member.name, step))
    return tuple(sorted(levels))
