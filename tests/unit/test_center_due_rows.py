"""What may be due: against the whole plan, for any receipts and any moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.parties import NOW, RULES, make_party
from entente.center.due_rows import DueRows
from entente.deconflict import (
    ConcurrenceRow,
    ObjectRow,
    ReceiptRow,
    VersionRow,
    plan_concurrence,
    plan_ladder,
)
from entente.deconflict.receipts import Escalation, Stamp
from entente.kernel.charter import Charter, CharterRow, FoundingParty
from entente.kernel.ids import LeafHash
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.roster import PartyRow
from entente.kernel.rows import MemoryRows
from entente.kernel.time import encode_utc
from entente.store.sql import Database, open_sqlite
from entente.store.sql_rows import SqlRows

NAMES = ("ru", "us")
PARTIES = [make_party(name) for name in NAMES]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = open_sqlite(tmp_path_factory.mktemp("due") / "rows.db")
    yield opened
    opened.close()


def rows_of(receipts: list[Any]) -> tuple[MemoryRows, dict[int, datetime]]:
    rows, times = MemoryRows(), {}
    center = encode_public_key(SigningKey("center", b"c" * 32).public)
    founders = [FoundingParty(one.name, one.name, one.statement().roots, "00" * 32) for one in PARTIES]
    charter = Charter("x", "x", center, "", "", exercise=True, parties=founders, rules=RULES, terms=[])
    rows.put(CharterRow("example.org/joint", charter, ""))
    for party in PARTIES:
        rows.put(PartyRow(party.name, party.statement(), 0))
    for index, (recorded_s, taken, is_stated, state) in enumerate(receipts):
        times[index] = NOW + timedelta(seconds=recorded_s)
        stamp = Stamp(f"{index:064x}", index, encode_utc(times[index]), ())
        rows.put(
            ReceiptRow(
                message=f"{index:064x}",
                kind="thread.say",
                author="us",
                party="ru",
                submitted=stamp,
                escalations=tuple(Escalation(step, "duty-2", 0, stamp) for step in range(1, taken + 1)),
                recorded_utc=encode_utc(times[index]) if is_stated else "",
                state=state,
            )
        )
    return rows, times


RECEIPTS = st.lists(
    st.tuples(
        st.integers(-7_200, 0), st.integers(0, 1), st.booleans(), st.sampled_from(("waiting", "acknowledged"))
    ),
    max_size=6,
)


@given(receipts=RECEIPTS, seconds=st.integers(-100, 4_000))
def test_nothing_that_is_due_is_left_out(receipts: list[Any], seconds: int) -> None:
    rows, times = rows_of(receipts)
    now_utc = NOW + timedelta(seconds=seconds)

    def find_recorded(leaf: LeafHash) -> datetime | None:
        return times.get(int(leaf, 16))

    due_rows = DueRows(rows, times.get, now_utc)
    plan = plan_ladder(rows, now_utc, find_recorded)
    assert plan_ladder(due_rows, now_utc, find_recorded) == plan
    if not plan:
        # Until the next date nothing becomes due: that is when nobody looks.
        just_before = due_rows.next_due - timedelta(milliseconds=1)
        assert plan_ladder(rows, max(now_utc, just_before), find_recorded) == []


@given(
    asked=st.lists(st.tuples(st.integers(-7_200, 0), st.integers(-600, 7_200), st.booleans()), max_size=5),
    seconds=st.integers(-100, 9_000),
)
@example(asked=[(-1798, 0, True)], seconds=0)  # two seconds short of its time
def test_no_answer_that_is_due_is_left_out(asked: list[tuple[int, int, bool]], seconds: int) -> None:
    rows, times = rows_of([])
    for index, (recorded_s, due_s, waits) in enumerate(asked):
        times[index] = NOW + timedelta(seconds=recorded_s)
        version, name = f"{index:064x}", f"plan-{index}"
        thing = ObjectRow(name, name, "activity", "us", (), version, index, index, "standing")
        rows.put(thing)
        rows.put(VersionRow(version, name, "activity", "us", index, "", ()))
        row = ConcurrenceRow(version, "ru", name, False, ("ru",), encode_utc(NOW + timedelta(seconds=due_s)))
        rows.put(row if waits else msgspec.structs.replace(row, answer="concurred"))
    now_utc = NOW + timedelta(seconds=seconds)

    def find_recorded(leaf: LeafHash) -> datetime | None:
        return times.get(int(leaf, 16))

    due_rows = DueRows(rows, times.get, now_utc)
    plan = plan_concurrence(rows, now_utc, find_recorded)
    assert plan_concurrence(due_rows, now_utc, find_recorded) == plan
    if not plan:
        just_before = due_rows.next_due - timedelta(milliseconds=1)
        assert plan_concurrence(rows, max(now_utc, just_before), find_recorded) == []


@pytest.mark.timeout(240)  # each example makes a database
@settings(max_examples=45)
@given(
    waits_s=st.lists(st.integers(-7_200, 0), max_size=6).map(sorted),
    answered=st.sets(st.tuples(st.integers(0, 5), st.sampled_from(NAMES))),
    taken=st.sets(st.tuples(st.integers(0, 5), st.sampled_from(NAMES))),
    seconds=st.integers(-100, 4_000),
)
@example(waits_s=[-300, -299], answered=set(), taken=set(), seconds=0)
def test_nothing_that_is_due_is_left_out_of_what_is_kept_as_one(
    database: Database,
    waits_s: list[int],
    answered: set[tuple[int, str]],
    taken: set[tuple[int, str]],
    seconds: int,
) -> None:
    rows = SqlRows(database)  # of which nothing is ever committed
    plain, _ = rows_of([])
    for one in (*plain.select(CharterRow), *plain.select(PartyRow)):
        rows.put(one)
    times = {index: NOW + timedelta(seconds=recorded_s) for index, recorded_s in enumerate(waits_s)}
    for index, recorded in times.items():
        leaf, stamp = f"{index:064x}", Stamp(f"{index:064x}", index, encode_utc(recorded), ())
        row = ReceiptRow(message=leaf, kind="thread.say", author="x", party="", submitted=stamp)
        rows.put_alike(row, NAMES)
        for name in NAMES:
            if (index, name) in answered:
                rows.put(msgspec.structs.replace(row, party=name, state="acknowledged"))
            elif (index, name) in taken:
                steps = (Escalation(1, "duty-2", 0, stamp),)
                rows.put(msgspec.structs.replace(row, party=name, escalations=steps))
    now_utc = NOW + timedelta(seconds=seconds)

    def find_recorded(leaf: LeafHash) -> datetime | None:
        return times.get(int(leaf, 16))

    due_rows = DueRows(rows, times.get, now_utc, len(times))
    plan = plan_ladder(rows, now_utc, find_recorded)
    assert plan_ladder(due_rows, now_utc, find_recorded) == plan
    if not plan:
        just_before = due_rows.next_due - timedelta(milliseconds=1)
        assert plan_ladder(rows, max(now_utc, just_before), find_recorded) == []


def test_looking_changes_nothing() -> None:
    rows, times = rows_of([])
    with pytest.raises(TypeError, match="expected to look only"):
        DueRows(rows, times.get, NOW).put(CharterRow("x", msgspec.UNSET, ""))  # type: ignore[arg-type]
