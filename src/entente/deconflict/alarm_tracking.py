"""Which conflicts are confrontations: alarms that become due, are moved up, and end.

Invariants:
  * Everyone computes the same from the record, for what is open to all.
  * One alarm is for all confrontations of one reason that one entry makes between the same two parties. It
    names the one that begins first, and lists the others: none is hidden, and an officer is called once.
  * An alarm ends when none of its conflicts is a confrontation any more. Where one is moved up, another alarm
    takes its place: what was seen for next year was not seen for tomorrow.

It raises nothing: see `entente.deconflict.alarm`.

    >>> track_alarms(entry, update_conflicts(entry, rows, index), rows)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from entente.deconflict.alarm_row import AlarmReason, AlarmRow, AmongRow, find_reason, find_standing
from entente.deconflict.conflict_row import ConflictRow
from entente.deconflict.objects import ObjectRow
from entente.kernel.message import Entry
from entente.kernel.rows import Rows
from entente.kernel.time import parse_utc


def track_alarms(entry: Entry[Any], changed: Iterable[ConflictRow], rows: Rows) -> list[AlarmRow]:
    """Note which conflicts that an entry changed have become confrontations, and which are none any more."""
    noted: list[AlarmRow] = []
    due: list[tuple[ConflictRow, AlarmReason]] = []
    latest = {conflict.key(): conflict for conflict in changed}
    for _, conflict in sorted(latest.items()):
        if conflict.rule == "buffer":
            continue
        reason = _find_reason(conflict, rows)
        # What was no open conflict before this entry has no alarm that stands: it ended when the conflict
        # did. In a busy place one message makes hundreds of conflicts, and asking for each would cost more
        # than all.
        is_new = conflict.since_index == entry.index
        standing = None if is_new else find_standing(rows, conflict.key())
        if reason is None:
            if standing is not None:
                noted.append(_leave(conflict, standing, _say_why(conflict), entry, rows))
        elif standing is None:
            due.append((conflict, reason))
        elif _is_earlier(conflict.closest.start, standing.begins):
            if standing.state == "due" and standing.conflict == conflict.key():
                noted.append(_put(msgspec.structs.replace(standing, begins=conflict.closest.start), rows))
                continue
            # SECURITY: otherwise a harmless meeting next year, raised and seen, would keep quiet what it is
            # moved up to (tests/unit/test_deconflict_alarm.py,
            # test_an_alarm_seen_for_next_year_does_not_keep_tomorrows_quiet).
            noted.append(_leave(conflict, standing, "it begins earlier than was told", entry, rows))
            due.append((conflict, reason))
    return noted + _make_due(due, entry, rows)


def _find_reason(conflict: ConflictRow, rows: Rows) -> AlarmReason | None:
    if conflict.state != "open" or len({side.author for side in conflict.sides}) == 1:
        return None
    return find_reason({side.object: side.type for side in conflict.sides}, rows)


def _say_why(conflict: ConflictRow) -> str:
    return conflict.why if conflict.state == "resolved" else "no confrontation any more, as its authors say"


def _put(row: AlarmRow, rows: Rows) -> AlarmRow:
    rows.put(row)
    return row


def _leave(conflict: ConflictRow, standing: AlarmRow, why: str, entry: Entry[Any], rows: Rows) -> AlarmRow:
    """Take a conflict out of its alarm, which ends when it was the only one."""
    if conflict.key() in standing.also:
        also = tuple(one for one in standing.also if one != conflict.key())
        return _put(msgspec.structs.replace(standing, also=also), rows)
    if not standing.also:
        return _put(msgspec.structs.replace(standing, state="ended", ended_index=entry.index, why=why), rows)
    others = [row for name in standing.also if (row := rows.find(ConflictRow, name)) is not None]
    first = min(others, key=_rank)
    also = tuple(one for one in standing.also if one != first.key())
    begins = first.closest.start
    return _put(msgspec.structs.replace(standing, conflict=first.key(), also=also, begins=begins), rows)


def _make_due(due: list[tuple[ConflictRow, AlarmReason]], entry: Entry[Any], rows: Rows) -> list[AlarmRow]:
    groups: dict[tuple[str, AlarmReason, str, str], list[ConflictRow]] = {}
    for conflict, reason in due:
        objects = [rows.find(ObjectRow, name) for name in (conflict.first, conflict.second)]
        is_open = all(thing is not None and not thing.to for thing in objects)
        one, other = sorted(side.author for side in conflict.sides)
        groups.setdefault(("" if is_open else "sealed-", reason, one, other), []).append(conflict)
    made = []
    count = {"": 0, "sealed-": 0}
    for (sealed, reason, one, other), conflicts in groups.items():
        first, *others = sorted(conflicts, key=_rank)
        # SECURITY: counted, not made of the objects' names, which whoever chose them could choose so that two
        # alarms have one name and the second hides the first; and what is sealed to some is counted apart, so
        # that an open alarm has one name for all (tests/unit/test_deconflict_alarm.py,
        # test_two_alarms_of_one_entry_have_two_names_whatever_the_objects_are_called).
        count[sealed] += 1
        row = AlarmRow(
            alarm=f"alarm-{entry.index}-{sealed}{count[sealed]}",
            conflict=first.key(),
            reason=reason,
            parties=(one, other),
            is_open=not sealed,
            since_index=entry.index,
            state="due",
            begins=first.closest.start,
            also=tuple(sorted(conflict.key() for conflict in others)),
        )
        made.append(_put(row, rows))
        for name in row.also:
            rows.put(AmongRow(name, row.alarm))
    return made


def _rank(conflict: ConflictRow) -> tuple[bool, str, str]:
    begins = conflict.closest.start
    return not begins, parse_utc(begins).isoformat() if begins else "", conflict.key()


def _is_earlier(begins: str, told: str) -> bool:
    return begins != "" and (told == "" or parse_utc(begins) < parse_utc(told))
