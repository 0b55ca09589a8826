"""The desk's views in SQLite: who looks sees one moment, and keeps nobody who follows the record waiting."""

from __future__ import annotations

import threading
from pathlib import Path

from entente.desk.assembly import SqlViews
from entente.desk.views import JointViews, find_applied
from entente.kernel.time import parse_utc
from entente.space import Circle, HeightBand, Separation, Volume, Window

HERE = Volume(
    Circle((35.0, 40.0), 500.0),
    HeightBand(0.0, 100.0),
    Window(parse_utc("2016-09-17T15:00:00Z"), parse_utc("2016-09-17T16:00:00Z")),
)


def move_on(views: JointViews, name: str) -> None:
    views.own.index.insert(name, [HERE], group="activity")
    views.size += 1
    views.commit()


def test_a_look_is_of_one_moment_and_the_record_is_followed_meanwhile(tmp_path: Path) -> None:
    home = SqlViews(tmp_path, "us", b"charter")
    try:
        views = home.open(10)
        rows = home.reader()
        move_on(views, "first")

        def look(found: list[tuple[int, list[str]]]) -> None:
            with home.look() as index:
                for _ in range(2):
                    hits = index.query(HERE, Separation(), group="activity")
                    found.append((find_applied(rows), [hit.object for hit in hits]))
                    # Another thread commits while we look, and is not kept waiting.
                    follower = threading.Thread(target=move_on, args=(views, f"next-{len(found)}"))
                    follower.start()
                    follower.join(20)
                    assert not follower.is_alive()

        found: list[tuple[int, list[str]]] = []
        looker = threading.Thread(target=look, args=(found,))
        looker.start()
        looker.join(60)
        assert found == [(1, ["first"])] * 2
        with home.look() as index:
            hits = index.query(HERE, Separation(), group="activity")
            assert (find_applied(rows), [hit.object for hit in hits]) == (3, ["first", "next-1", "next-2"])
        assert find_applied(rows) == 3
    finally:
        home.close()
