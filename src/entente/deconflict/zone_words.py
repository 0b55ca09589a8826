"""Zones in words, for a person who reads them at night: what holds, for whom, who vouches, who was told.

Invariants:
  * Every rule is said, and what holds where no rule does: nobody has to know the defaults by heart.
  * A corridor that a zone names is said by its name, and that it opens nothing where it was changed since.
  * A guarantor that has not accepted is said to be *named, not accepted*.
  * What a plan would meet is said strictest first; where nothing is met, that is said, and of what it is
    silent: zones that cannot be read here.

    >>> say_holding(find_holding(volumes, "us", "air", rows, index))
    'air of us: FORBIDDEN, by zone castello of ru (rule *:*)'
"""

from __future__ import annotations

from typing import Final

from entente.deconflict.objects import VersionRow, say_name, say_readers
from entente.deconflict.vouch import list_guarantees
from entente.deconflict.zone import ANY, ZoneRow, ZoneRule
from entente.deconflict.zone_judgement import Holding, ZoneHold
from entente.deconflict.zone_needs import say_rules
from entente.kernel.rows import Rows

_DEFAULTS: Final = {
    "safe": "everything else is forbidden",
    "denied": "everything else is forbidden",
    "demilitarised": "everything else is forbidden",
    "restricted": "everything else needs the concurrence of its author",
    "corridor": "everything else needs the concurrence of its author",
    "caution": "nothing else is asked: take care",
    "line": "one's own side is free; the other side needs the concurrence of whose it is, the band that of "
    "all sides",
}


def say_needs(verdict: str, notice_h: int, concurrence: tuple[str, ...] | list[str]) -> str:
    """Return a need in words."""
    if verdict == "forbidden":
        return "FORBIDDEN"
    needs = []
    if concurrence:
        needs.append(f"concurrence of {', '.join(concurrence)}")
    if notice_h:
        needs.append(f"notice of {notice_h} h")
    return f"needs {' and '.join(needs)}" if needs else "permitted"


def say_rule(rule: ZoneRule) -> str:
    """Return a rule in words: who, what, and what it needs."""
    who = "any party" if rule.party == ANY else rule.party
    what = "any activity" if rule.activity == ANY else rule.activity
    return f"{who}, {what}: {say_needs(rule.verdict, rule.notice_h, rule.concurrence)}"


def describe_zone(row: ZoneRow, rows: Rows) -> str:
    """Return a zone in a few sentences."""
    declared = row.declared
    said = [f"{declared.zone} zone {declared.name!r} ({declared.id}) of {row.author}, {say_readers(row.to)}"]
    if declared.text:
        said.append(declared.text.rstrip("."))
    said += [say_rule(rule) for rule in declared.rules]
    if not any((rule.party, rule.activity) == (ANY, ANY) for rule in declared.rules):
        said.append(_DEFAULTS[declared.zone])
    elif declared.zone == "line":
        said.append("one's own side is free, whatever the rules")
    if declared.zone == "line":
        sides = sorted({side for side in declared.sides if side})
        said.append(f"sides of {' and '.join(sides)}")
    said += [guarantee.words for guarantee in list_guarantees(row, rows)]
    said += [_say_corridor(leaf, rows) for leaf in declared.corridors]
    return "; ".join(said)


def _say_corridor(leaf: str, rows: Rows) -> str:
    """Return which corridor a zone names, and whether it is still the version that was named."""
    version = rows.find(VersionRow, leaf)
    corridor = rows.find(ZoneRow, version.object) if version is not None else None
    if corridor is None:
        return f"names corridor {leaf[:12]}, which is not known here"
    what = f"corridor {corridor.declared.name} ({corridor.declared.id}) of {corridor.author}"
    if corridor.state != "standing":
        return f"{what} was withdrawn since it was named and opens NOTHING"
    if corridor.version != leaf:
        return f"{what} was changed since it was named and opens NOTHING"
    return f"inside {what} its own rules hold instead"


def say_holding(holding: Holding) -> str:
    """Return what holds for a plan: the verdict, the zones that decide it, and the others that hold."""
    if not holding.zones:
        return (
            f"{holding.activity} of {holding.party}: no zone that can be read here is met; "
            "zones that are sealed to others are not known here"
        )
    needs = say_needs(holding.verdict, holding.notice_h, holding.concurrence)
    deciding = [one for one in holding.zones if one.decides]
    others = [one for one in holding.zones if not one.decides]
    said = f"{holding.activity} of {holding.party}: {needs}"
    if deciding:
        said += ", by " + "; ".join(f"zone {_say_name(one)} ({say_rules(one.rules)})" for one in deciding)
    for one in others:
        said += f"; also met: zone {_say_name(one)}: "
        said += f"{say_needs(one.verdict, one.notice_h, one.concurrence)} ({say_rules(one.rules)})"
    return said


def _say_name(zone: ZoneHold) -> str:
    return f"{say_name(zone.object)} of {zone.author}"
