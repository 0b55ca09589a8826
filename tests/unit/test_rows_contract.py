"""One contract for every home of rows: in memory, in SQLite; tests/system runs it on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.kernel.rows import MemoryRows, Row, Rows
from entente.store.sql import Database, open_sqlite
from entente.store.sql_rows import PutRows, SqlRows


class BoatRow(Row, frozen=True):
    TABLE: ClassVar[str] = "boats"
    INDEXED: ClassVar[tuple[str, ...]] = ("port", "flag")
    name: str
    port: str
    flag: str
    tons: int = 0

    def key(self) -> str:
        return self.name


class NoteRow(Row, frozen=True):
    TABLE: ClassVar[str] = "notes"
    name: str
    words: list[str]

    def key(self) -> str:
        return self.name


class WatchRow(Row, frozen=True):
    """One a sailor: what each owes for one bell."""

    TABLE: ClassVar[str] = "watches"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "sailor", "bell")
    ALIKE: ClassVar[tuple[str, str] | None] = ("bell", "sailor")
    bell: str
    sailor: str
    state: str
    officer: str
    hours: int = 0

    def key(self) -> str:
        return f"{self.bell}:{self.sailor}"


BELLS: Final = tuple(f"{digit * 8}" * 8 for digit in "0af")


def watch(bell: int, sailor: str = "", state: str = "waiting", hours: int = 0) -> WatchRow:
    return WatchRow(bell=BELLS[bell], sailor=sailor, state=state, officer="ann", hours=hours)


def boat(name: str, port: str = "tartus", flag: str = "ru", tons: int = 0) -> BoatRow:
    return BoatRow(name=name, port=port, flag=flag, tons=tons)


class Committing(SqlRows):
    """Commits after each put, so that nothing is ever answered out of what was only put."""

    def put(self, row: Row) -> None:
        super().put(row)
        self.commit()

    def put_alike(self, row: Row, values: Sequence[str]) -> None:
        super().put_alike(row, values)
        self.commit()


class Going(SqlRows):
    """Hands over at the first put, writes at the second, marks at the third: all is asked at every stage."""

    def __init__(self, database: Database, *, cache_rows: int) -> None:
        super().__init__(database, cache_rows=cache_rows)
        self._way: list[PutRows] = []
        self._is_written = False

    def put(self, row: Row) -> None:
        super().put(row)
        self.go_on()

    def go_on(self) -> None:
        if not self._way:
            self._way.append(self.hand_over())
        elif not self._is_written:
            with self._database.write() as connection:
                self._way[0].write_to(connection)
            self._is_written = True
        else:
            self.mark_committed(self._way.pop())
            self._is_written = False

    def commit(self) -> None:
        while self._way:
            self.go_on()
        super().commit()


class GoingWhenTold(Going):
    """The same at steps of a test's own."""

    def put(self, row: Row) -> None:
        SqlRows.put(self, row)


def test_what_is_on_its_way_is_marked_before_more_is_handed_over(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "rows.db")
    rows = SqlRows(database)
    rows.put(boat("ada"))
    written = rows.hand_over()
    for again in (rows.hand_over, rows.commit):
        with pytest.raises(AssertionError, match="expected nothing on its way"):
            again()
    with database.write() as connection:
        written.write_to(connection)
    rows.put(boat("ada", port="latakia"))
    rows.mark_committed(written)
    assert [row.port for row in rows.select(BoatRow)] == ["latakia"]
    rows.commit()
    assert [row.port for row in SqlRows(database).select(BoatRow, flag="ru")] == ["latakia"]
    assert list(SqlRows(database).select(BoatRow, port="tartus")) == []
    database.close()


def test_rows_that_are_said_to_be_absent_are_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_sqlite(tmp_path / "rows.db")
    rows = SqlRows(database)
    rows.put_alike(watch(1), ["zed"])
    rows.commit()
    asked: list[object] = []
    real = database.find_rows

    def find_rows(*given: Any) -> list[Any]:
        asked.append(given)
        return real(*given)

    monkeypatch.setattr(database, "find_rows", find_rows)
    rows.expect_none(BoatRow, ["ada"])
    rows.expect_none(WatchRow, [BELLS[0]])
    assert rows.find(BoatRow, "ada") is None
    rows.put(boat("ada"))
    rows.put_alike(watch(0), ["bob", "cid"])
    rows.put(boat("ada", port="latakia"))
    assert rows.find(BoatRow, "ada") == boat("ada", port="latakia")
    rows.commit()
    assert asked == []
    rows.put(boat("ada"))
    rows.put(watch(0, "bob", state="done"))
    rows.commit()
    fresh = SqlRows(database)
    assert list(fresh.select(BoatRow)) == list(fresh.select(BoatRow, port="tartus")) == [boat("ada")]
    assert list(fresh.select(BoatRow, port="latakia")) == []
    assert [row.sailor for row in fresh.select(WatchRow, state="waiting", bell=BELLS[0])] == ["cid"]
    assert fresh.find(WatchRow, f"{BELLS[0]}:bob") == watch(0, "bob", state="done")
    database.close()


@pytest.fixture(params=("memory", "sqlite", "sqlite-committed", "sqlite-uncached", "sqlite-going"))
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rows]:
    if request.param == "memory":
        yield MemoryRows()
        return
    database = open_sqlite(tmp_path / "rows.db")
    if request.param == "sqlite":
        yield SqlRows(database)
    elif request.param == "sqlite-going":
        yield Going(database, cache_rows=4)
    else:
        yield Committing(database, cache_rows=0 if request.param == "sqlite-uncached" else 4)
    database.close()


def test_what_was_put_is_found(rows: Rows) -> None:
    rows.put(boat("ada"))
    rows.put(NoteRow(name="ada", words=["a", "\u00fc"]))
    assert rows.find(BoatRow, "ada") == boat("ada")
    assert rows.find(NoteRow, "ada") == NoteRow(name="ada", words=["a", "\u00fc"])
    assert rows.find(BoatRow, "bob") is None


def test_a_later_put_replaces(rows: Rows) -> None:
    rows.put(boat("ada", port="tartus"))
    rows.put(boat("ada", port="latakia", tons=7))
    assert rows.find(BoatRow, "ada") == boat("ada", port="latakia", tons=7)
    assert list(rows.select(BoatRow, port="tartus")) == []
    assert [row.tons for row in rows.select(BoatRow, port="latakia")] == [7]


def test_select_is_by_key_and_bounded(rows: Rows) -> None:
    for name in ("d", "b", "a", "c", "\u00e9", "Z"):
        rows.put(boat(name))
    names = [row.name for row in rows.select(BoatRow)]
    assert names == sorted(names) == ["Z", "a", "b", "c", "d", "\u00e9"]
    assert [row.name for row in rows.select(BoatRow, after="b")] == ["c", "d", "\u00e9"]
    assert [row.name for row in rows.select(BoatRow, after="b", limit=2)] == ["c", "d"]
    assert list(rows.select(BoatRow, limit=0)) == []
    assert [row.name for row in rows.select(BoatRow, flag="ru", port="tartus", after="c")] == ["d", "\u00e9"]


def test_select_by_two_fields_needs_both(rows: Rows) -> None:
    rows.put(boat("a", port="tartus", flag="ru"))
    rows.put(boat("b", port="tartus", flag="us"))
    rows.put(boat("c", port="latakia", flag="us"))
    assert [row.name for row in rows.select(BoatRow, port="tartus", flag="us")] == ["b"]
    assert [row.name for row in rows.select(BoatRow, flag="us")] == ["b", "c"]
    assert list(rows.select(BoatRow, port="tartus", flag="cn")) == []


def test_select_by_a_field_without_index_is_a_callers_mistake(rows: Rows) -> None:
    with pytest.raises(ValueError, match="expected an indexed field, got 'tons'"):
        list(rows.select(BoatRow, tons="7"))


def test_a_put_during_select_does_not_disturb_it(rows: Rows) -> None:
    for name in ("a", "b", "c"):
        rows.put(boat(name))
    seen = []
    for row in list(rows.select(BoatRow, port="tartus")):
        rows.put(boat(row.name, port="latakia"))
        seen.append(row.name)
    assert seen == ["a", "b", "c"]
    assert [row.name for row in rows.select(BoatRow, port="latakia")] == seen


def test_tables_do_not_mix(rows: Rows) -> None:
    rows.put(NoteRow(name="x", words=[]))
    assert list(rows.select(BoatRow)) == []
    assert rows.find(BoatRow, "x") is None


def test_more_rows_than_one_page(rows: Rows) -> None:
    for at in range(1203 if not isinstance(rows, Committing) else 40):
        rows.put(boat(f"{at:05d}", port="tartus" if at % 3 else "latakia"))
    if isinstance(rows, SqlRows):
        rows.commit()
    rows.put(boat("00005", port="latakia"))
    rows.put(boat("00004x", port="tartus"))
    everything = [row.name for row in rows.select(BoatRow)]
    tartus = [row.name for row in rows.select(BoatRow, port="tartus")]
    assert everything == sorted(everything)
    assert tartus[:5] == ["00001", "00002", "00004", "00004x", "00007"]
    assert len(tartus) + len(list(rows.select(BoatRow, port="latakia"))) == len(everything)


def test_the_longest_key_and_value_are_kept(rows: Rows) -> None:
    # Four bytes a character: PostgreSQL's index takes 2,704 bytes a place, and a refusal would stop a center.
    longest = "\U0001d11e" * 200
    rows.put(boat(longest, port=longest))
    assert [row.name for row in rows.select(BoatRow, port=longest)] == [longest]
    assert rows.find(BoatRow, longest) == boat(longest, port=longest)


def test_rows_put_alike_are_as_if_put_one_by_one(rows: Rows) -> None:
    rows.put_alike(watch(1), ["bob", "ann", "cyd"])
    rows.put_alike(watch(0), ["ann"])
    assert rows.find(WatchRow, f"{BELLS[1]}:bob") == watch(1, "bob")
    assert rows.find(WatchRow, f"{BELLS[1]}:dan") is None
    assert rows.find(WatchRow, f"{BELLS[2]}:bob") is None
    assert rows.find(WatchRow, BELLS[1]) is None
    everything = [watch(0, "ann"), watch(1, "ann"), watch(1, "bob"), watch(1, "cyd")]
    assert list(rows.select(WatchRow)) == everything
    assert list(rows.select(WatchRow, state="waiting", sailor="ann")) == [everything[0], everything[1]]
    assert list(rows.select(WatchRow, bell=BELLS[1], limit=2)) == everything[1:3]
    assert list(rows.select(WatchRow, after=f"{BELLS[1]}:ann")) == everything[2:]
    assert list(rows.select(WatchRow, after=f"{BELLS[1]}:bob", limit=1)) == everything[3:]


def test_a_row_that_changes_leaves_the_others_alone(rows: Rows) -> None:
    rows.put_alike(watch(1), ["ann", "bob", "cyd"])
    for hours, sailor in enumerate(("bob", "ann", "bob", "cyd"), 1):
        rows.put(watch(1, sailor, "done", hours))
        assert rows.find(WatchRow, f"{BELLS[1]}:{sailor}") == watch(1, sailor, "done", hours)
        assert len(list(rows.select(WatchRow))) == 3
    assert list(rows.select(WatchRow, state="waiting")) == []
    assert [row.hours for row in rows.select(WatchRow, state="done")] == [2, 3, 4]
    rows.put(watch(1, "dan"))
    assert [row.sailor for row in rows.select(WatchRow, bell=BELLS[1], state="waiting")] == ["dan"]


def test_what_is_put_during_select_is_seen_as_it_is_now(rows: Rows) -> None:
    if isinstance(rows, Committing | Going):
        pytest.skip("a commit while rows are being yielded: they may be as they were before it")
    rows.put_alike(watch(1), ["ann", "bob", "cyd"])
    seen = []
    for row in rows.select(WatchRow):
        rows.put(watch(1, "cyd", "done"))
        seen.append((row.sailor, row.state))
    assert seen == [("ann", "waiting"), ("bob", "waiting"), ("cyd", "done")]


@pytest.mark.parametrize("words", ("%", "_", "!", '"', "\\", "a%b"))
def test_a_value_that_means_something_to_a_database_is_a_value(rows: Rows, words: str) -> None:
    rows.put_alike(watch(1), [words, "ann", "axb"])
    assert [row.sailor for row in rows.select(WatchRow, sailor=words)] == [words]


def test_rows_of_a_type_that_does_not_say_so_cannot_be_put_alike(rows: Rows) -> None:
    with pytest.raises(TypeError, match="expected a type of rows with ALIKE fields"):
        rows.put_alike(boat("ada"), ["ru"])


NAMES = st.sampled_from("abcdef")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES, st.sampled_from("pq"), st.sampled_from("xy"), st.integers(0, 3)),
        st.just(("commit",)),
        st.just(("go",)),
    ),
    max_size=25,
)
SAILORS = st.sampled_from(("ann", "bob", "cyd"))
WATCHES = st.lists(
    st.one_of(
        st.tuples(st.just("alike"), st.integers(0, 2), st.sets(SAILORS, min_size=1)),
        st.tuples(st.just("put"), st.integers(0, 2), SAILORS, st.sampled_from(("waiting", "done"))),
        st.just(("commit",)),
        st.just(("go",)),
    ),
    max_size=12,
)


@pytest.mark.timeout(240)  # each example makes a database
@settings(max_examples=45)
@given(steps=STEPS, after=st.sampled_from(["", "b", "d"]), limit=st.none() | st.integers(0, 4))
def test_sql_and_memory_never_differ(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[object, ...]],
    after: str,
    limit: int | None,
) -> None:
    database = open_sqlite(tmp_path_factory.mktemp("rows") / "rows.db")
    try:
        compare_with_memory(database, steps, after, limit)
    finally:
        database.close()


def compare_with_memory(
    database: Database, steps: list[tuple[object, ...]], after: str, limit: int | None
) -> None:
    plain, sql = MemoryRows(), GoingWhenTold(database, cache_rows=2)
    for step in steps:
        if step[0] == "commit":
            sql.commit()
            continue
        if step[0] == "go":
            sql.go_on()
            continue
        _, name, port, flag, tons = step
        row = boat(str(name), str(port), str(flag), int(str(tons)))
        plain.put(row)
        sql.put(row)
        for equals in ({}, {"port": "p"}, {"port": "q", "flag": "x"}):
            wanted = list(plain.select(BoatRow, after=after, limit=limit, **equals))
            assert list(sql.select(BoatRow, after=after, limit=limit, **equals)) == wanted
        assert sql.find(BoatRow, str(name)) == plain.find(BoatRow, str(name))


@pytest.mark.timeout(240)  # each example makes a database
@settings(max_examples=45)
@given(steps=WATCHES, after=st.sampled_from(["", BELLS[0], f"{BELLS[1]}:ann", f"{BELLS[1]}:cyd", "b"]))
def test_sql_and_memory_never_differ_about_rows_alike(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]], after: str
) -> None:
    database = open_sqlite(tmp_path_factory.mktemp("rows") / "rows.db")
    try:
        compare_alike_with_memory(database, steps, after)
    finally:
        database.close()


def compare_alike_with_memory(database: Database, steps: list[tuple[Any, ...]], after: str) -> None:
    plain, sql, used = MemoryRows(), GoingWhenTold(database, cache_rows=2), set()
    for step in steps:
        if step[0] == "commit":
            sql.commit()
        elif step[0] == "go":
            sql.go_on()
        elif step[0] == "put":
            used.add(step[1])
            for home in (plain, sql):
                home.put(watch(step[1], step[2], step[3]))
        elif step[1] not in used:
            used.add(step[1])
            for home in (plain, sql):
                home.put_alike(watch(step[1]), sorted(step[2]))
        for equals in (
            {},
            {"state": "waiting"},
            {"sailor": "ann"},
            {"state": "done", "sailor": "bob"},
            {"bell": BELLS[1]},
            {"bell": BELLS[1], "state": "waiting", "sailor": "cyd"},
        ):
            for limit in (None, 2):
                wanted = list(plain.select(WatchRow, after=after, limit=limit, **equals))
                assert list(sql.select(WatchRow, after=after, limit=limit, **equals)) == wanted
        for bell in BELLS:
            key = f"{bell}:bob"
            assert sql.find(WatchRow, key) == plain.find(WatchRow, key)
