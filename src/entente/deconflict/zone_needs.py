"""What a zone's rules ask of a party's activity, and what several zones ask together: the stricter wins.

Invariants:
  * Within a zone the more specific rule holds: (party, kind) before (party, ``*``) and (``*``, kind) before
    (``*``, ``*``). Of the two in the middle neither is the more specific: both hold.
  * What holds together adds up (`add_needs`): forbidden, if any forbids; every concurrence that any asks
    for; the longest notice. The order of zones, of rules and of declaration plays no part.
  * Where no rule names a party's activity, `find_default` says what holds, by the kind of zone. Nothing
    permits by silence but a caution zone, which only tells, and one's own side of a line.
  * A party agrees with itself: its own name falls out of what its activity needs.

Values in, values out: it reads no rows, no positions and no clock. See `entente.deconflict.zone_judgement`.

    >>> find_need(declared, "un", party="us", activity="air", volume=0).need.verdict
    'forbidden'
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from entente.deconflict.zone import ANY, DeclareZone, Verdict, ZoneRule

STRICTNESS: Final[tuple[Verdict, ...]] = ("permitted", "notice", "concurrence", "forbidden")
"""From the mildest to the strictest."""


class Need(msgspec.Struct, frozen=True):
    """What must be fulfilled. One value for one meaning: what is forbidden asks nothing else."""

    is_forbidden: bool = False
    concurrence: tuple[str, ...] = ()
    notice_h: int = 0

    @property
    def verdict(self) -> Verdict:
        """The strictest thing that is asked."""
        if self.is_forbidden:
            return "forbidden"
        if self.concurrence:
            return "concurrence"
        return "notice" if self.notice_h else "permitted"


class Asked(msgspec.Struct, frozen=True):
    """A need, and the rules that make it: ``us:air``, ``*:*``, or in words where no rule does."""

    need: Need
    rules: tuple[str, ...]


FREE: Final = Need()
FORBIDDEN: Final = Need(is_forbidden=True)


def add_needs(needs: Iterable[Need]) -> Need:
    """Return what is asked when all of these hold at once."""
    parties: set[str] = set()
    notice_h = 0
    for need in needs:
        if need.is_forbidden:
            return FORBIDDEN
        parties.update(need.concurrence)
        notice_h = max(notice_h, need.notice_h)
    return Need(concurrence=tuple(sorted(parties)), notice_h=notice_h)


def find_need(declared: DeclareZone, author: str, *, party: str, activity: str, volume: int) -> Asked:
    """Return what a zone asks of a party's activity that meets one of its volumes.

    Args:
        author: The zone's.
        volume: Which of the zone's volumes is met: a line has sides.
    """
    if declared.zone == "line" and declared.sides[volume] == party:
        return Asked(FREE, ("its own side of the line",))
    rules = _choose_rules(declared.rules, party, activity)
    if rules:
        asked = [_read_rule(rule, party) for rule in rules]
        return Asked(add_needs(asked), tuple(f"{rule.party}:{rule.activity}" for rule in rules))
    return Asked(
        find_default(declared, author, party=party, volume=volume), (f"no rule in a {declared.zone} zone",)
    )


def say_rules(rules: Iterable[str]) -> str:
    """Return by which rules something is asked, in words."""
    return ", ".join(f"rule {rule}" if ":" in rule else rule for rule in rules)


def find_default(declared: DeclareZone, author: str, *, party: str, volume: int) -> Need:
    """Return what holds for a party of which no rule speaks.

    ===================================  ==============================================
    safe, denied, demilitarised          forbidden
    restricted, corridor                 concurrence of the zone's author
    caution                              permitted: it is told, and asks nothing
    line: the other's side               concurrence of whose side it is
    line: the band along it              concurrence of every party that has a side
    ===================================  ==============================================
    """
    if declared.zone in {"restricted", "corridor"}:
        return _need([author], party)
    if declared.zone == "caution":
        return FREE
    if declared.zone == "line":
        side = declared.sides[volume]
        return _need([side] if side else [one for one in declared.sides if one], party)
    return FORBIDDEN


def _need(parties: Iterable[str], party: str, notice_h: int = 0) -> Need:
    return Need(concurrence=tuple(sorted(set(parties) - {party})), notice_h=notice_h)


def _choose_rules(rules: Iterable[ZoneRule], party: str, activity: str) -> list[ZoneRule]:
    by_key = {(rule.party, rule.activity): rule for rule in rules}
    for keys in ([(party, activity)], [(party, ANY), (ANY, activity)], [(ANY, ANY)]):
        found = [by_key[key] for key in keys if key in by_key]
        if found:
            return found
    return []


def _read_rule(rule: ZoneRule, party: str) -> Need:
    return FORBIDDEN if rule.verdict == "forbidden" else _need(rule.concurrence, party, rule.notice_h)
