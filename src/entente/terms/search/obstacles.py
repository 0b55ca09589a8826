"""Obstacles: the minimal sets of members that cannot hold together.

Two searches. `enumerate_all` finds every obstacle and proves that there are no others; there can be very
many. `enumerate_smallest` finds them by size, so that the first k are the k smallest.

Invariants:
  * Each obstacle is unsatisfiable with what binds everybody, and every proper part of it is satisfiable.
  * Exhausting a generator means that there are no others. `Stopped` means that there may be.
  * No obstacle comes twice.

It knows members by their place in a list; names are put back by `entente.terms.search`.

    >>> with Conflict(groups, fixed, count) as conflict:
    ...     smallest = list(itertools.islice(enumerate_smallest(conflict), 10))

Source: M. Liffiton, A. Previti, A. Malik, J. Marques-Silva, Fast, flexible MUS enumeration, Constraints 21
(2016), here with maximal seeds; J. Marques-Silva and others, On computing minimal correction subsets, IJCAI
2013 (CLD); A. Ignatiev, A. Previti, M. Liffiton, J. Marques-Silva, Smallest MUS
extraction with minimal hitting set dualization, CP 2015.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self, TypeAlias

from pysat.examples.hitman import Hitman

from entente.terms.search.problem import Clause, find_top
from entente.terms.search.solver import MAP_ENGINE, Count, WatchedSolver, watch_engine

Places: TypeAlias = frozenset[int]
"""Members, by their place in the list."""


class Conflict:
    """Members in a solver, each behind a selector of its own; use as a context.

    Args:
        groups: The clauses of each member.
        fixed: What binds everybody.
    """

    def __init__(self, groups: Sequence[Sequence[Clause]], fixed: Sequence[Clause], count: Count) -> None:
        self.size = len(groups)
        self.count = count
        self._groups = groups
        self._first = find_top((fixed, *groups)) + 1
        self._spare = self._first + self.size
        self._solver = WatchedSolver(fixed, count)
        for place, clauses in enumerate(groups):
            for clause in clauses:
                self._solver.add((-(self._first + place), *clause))
        # A model that satisfies many members at once saves most of the growing.
        self._solver.prefer(range(self._first, self._first + self.size))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._solver.__exit__(*details)

    def holds(self, places: Sequence[int]) -> bool:
        """Return whether these members can hold together; raises `Stopped`."""
        first = self._first
        return self._solver.is_satisfiable([first + place for place in places])

    def core(self) -> list[int]:
        """Return members that were enough for the last "no"."""
        return [selector - self._first for selector in self._solver.core()]

    def satisfied(self) -> list[bool]:
        """Return, for each member, whether the last model satisfies it."""
        model = self._solver.model()
        true = set(model)
        first = self._first
        return [
            first + place in true or all(any(literal in true for literal in clause) for clause in clauses)
            for place, clauses in enumerate(self._groups)
        ]

    def find_impossible(self) -> list[int]:
        """Return the members that cannot hold even alone: every obstacle of one."""
        waiting = set(range(self.size))
        impossible = []
        while waiting:
            place = min(waiting)
            waiting.remove(place)
            if not self.holds([place]):
                impossible.append(place)
            elif waiting:
                waiting -= {other for other, holds in enumerate(self.satisfied()) if holds}
        return impossible

    def enumerate_clashes(self, among: Sequence[int]) -> Iterator[Places]:
        """Yield pairs that clash at once, by propagation alone; there may be pairs beyond these.

        Args:
            among: Members that can hold alone.
        """
        first = self._first
        allowed = set(among)
        seen = set()
        for place in among:
            self.count.step()
            # Propagation is not symmetric: a clash may show from one side only.
            for literal in self._solver.implied([first + place]):
                other = -literal - first
                if other in allowed and (other, place) not in seen:
                    seen.add((place, other))
                    yield frozenset((place, other))

    def shrink(self, core: list[int], beside: Sequence[int] = ()) -> list[int]:
        """Return a minimal part of members that cannot hold together, whose last "no" gave this core.

        Args:
            beside: Members that stay whatever comes of it; they are not part of what is returned.
        """
        needed = list(beside)
        left = [place for place in core if place not in beside]
        while left:
            tried = left.pop()
            if self.holds(needed + left):
                needed.append(tried)
            else:
                kept = set(self.core())
                left = [place for place in left if place in kept]
        return needed[len(beside) :]

    def grow(self) -> list[int]:
        """Return a maximal set of members that can hold together, around those of the last "yes"."""
        true = self.satisfied()
        inside = [self._first + place for place in range(self.size) if true[place]]
        outside = [place for place in range(self.size) if not true[place]]
        while outside:
            # One question for all that is left: can any of it be added? (The clause D of CLD.)
            self._spare += 1
            self._solver.add((-self._spare, *(self._first + place for place in outside)))
            can_grow = self._solver.is_satisfiable([*inside, self._spare])
            if can_grow:
                true = self.satisfied()
                inside += [self._first + place for place in outside if true[place]]
                outside = [place for place in outside if not true[place]]
            self._solver.add((-self._spare,))
            if not can_grow:
                break
        return [selector - self._first for selector in inside]


def enumerate_all(conflict: Conflict) -> Iterator[Places]:
    """Yield every obstacle, in no order; raises `Stopped`.

    The map holds the sets not yet judged: each obstacle found excludes the sets that contain it, each
    satisfiable set those within it. Its solver puts a member in unless a clause keeps it out, so that its
    models are maximal, and a satisfiable one needs no growing. (Were one not maximal, nothing would be
    missed: fewer sets would be excluded at a time.)
    """
    size = conflict.size
    with WatchedSolver((), conflict.count, engine=MAP_ENGINE) as judged:
        # Name every member to the map, so that its models speak of all of them.
        for place in range(size):
            judged.add((place + 1, -(place + 1)))
        judged.prefer(range(1, size + 1))
        while judged.is_satisfiable():
            seed = judged.model()
            if conflict.holds([literal - 1 for literal in seed if literal > 0]):
                judged.add([-literal for literal in seed if literal < 0])
            else:
                found = conflict.shrink(conflict.core())
                judged.add([-(place + 1) for place in found])
                yield frozenset(found)


def enumerate_smallest(conflict: Conflict) -> Iterator[Places]:
    """Yield obstacles, none smaller than the one before; raises `Stopped`.

    First every member that cannot hold alone; then pairs, as propagation shows them: while all of size one
    are known, any pair is a smallest. What is left comes from hitting sets: every obstacle hits each
    complement of a maximal satisfiable set. So a smallest set that hits all known complements, and is
    unsatisfiable, is a smallest obstacle; if it is satisfiable, it leads to another complement.
    """
    if not conflict.holds([]):
        yield frozenset()
        return
    if conflict.holds(range(conflict.size)):
        return
    impossible = conflict.find_impossible()
    known = [frozenset((place,)) for place in impossible]
    yield from known
    alone = set(impossible)
    for pair in conflict.enumerate_clashes([each for each in range(conflict.size) if each not in alone]):
        known.append(pair)
        yield pair
    with Hitman(solver="mgh", htype="sorted") as hitting:
        watch_engine(hitting.oracle, conflict.count)
        for obstacle in known:
            hitting.block(obstacle)
        covered: set[int] = set()
        while len(covered) < conflict.size:
            # Disjoint complements first: each raises the least size by one at the price of one growth.
            if not conflict.holds(sorted(covered)):
                break
            inside = set(conflict.grow())
            complement = [place for place in range(conflict.size) if place not in inside]
            if not complement:
                break
            hitting.hit(complement)
            covered.update(complement)
        while (candidate := hitting.get()) is not None:
            conflict.count.step()
            if conflict.holds(candidate):
                inside = set(conflict.grow())
                hitting.hit([place for place in range(conflict.size) if place not in inside])
            else:
                yield frozenset(candidate)
                hitting.block(candidate)


def find_one(conflict: Conflict) -> Places | None:
    """Return an obstacle, not always a smallest one, or None when everything holds; raises `Stopped`."""
    if conflict.holds(range(conflict.size)):
        return None
    return frozenset(conflict.shrink(conflict.core()))
