"""Two officers of one party at one item: what the first did stands, and the second is told who was first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entente.deconflict import Notify
from tests.protocol.desk_stage import Stage, make_stage, make_volume, open_scratch
from tests.protocol.web_stage import Visit, make_web


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


@pytest.fixture
def pair(stage: Stage) -> tuple[Visit, Visit]:
    app = make_web(stage)
    one, two = Visit(stage, app), Visit(stage, app)
    one.enter("duty-1", "duty")
    two.enter("duty-2", "duty")
    return one, two


def notify_theirs(stage: Stage) -> str:
    body = Notify(
        id="ru-1",
        activity="air",
        title="Theirs",
        volumes=[make_volume()],
        concurrence=["us"],
        armed=False,
        concur_by=None,
    )
    leaf = stage.center.say("ru", "activity.notify", body, officers=["duty-1"])
    stage.desk.run_once()
    return leaf


def test_a_second_acknowledgement_is_told_where_the_first_stands(
    stage: Stage, pair: tuple[Visit, Visit]
) -> None:
    leaf = notify_theirs(stage)
    one, two = pair
    first = one.post("/api/acknowledge", {"messages": [leaf]}).json()
    assert first["state"] == "recorded"
    size = stage.desk.view.size
    second = two.post("/api/acknowledge", {"messages": [leaf]})
    assert (second.status_code, second.json()["code"]) == (403, "already-acknowledged")
    assert f"entry {first['index']}" in second.json()["message"]
    assert stage.desk.view.size == size


def test_the_same_act_twice_is_said_once(stage: Stage, pair: tuple[Visit, Visit]) -> None:
    body = {"thread": "hot", "text": "hello", "token": "same"}
    answers = [pair[0].post("/api/say", body).json() for _ in range(2)]
    assert answers[0]["leaf"] == answers[1]["leaf"]


def test_an_answer_that_came_in_between_is_not_overruled(stage: Stage, pair: tuple[Visit, Visit]) -> None:
    leaf = notify_theirs(stage)
    one, two = pair
    one.post("/api/acknowledge", {"messages": [leaf]})
    first = one.post("/api/concur", {"activity": "ru-1", "seen": "waiting"}).json()
    assert first["state"] == "recorded", first
    size = stage.desk.view.size
    no = {"activity": "ru-1", "reason": "our convoy", "seen": "waiting"}
    second = two.post("/api/object", no)
    assert (second.status_code, second.json()["code"]) == (403, "answered-meanwhile")
    assert f"duty-1 gave 'concurred' as entry {first['index']}" in second.json()["message"]
    assert stage.desk.view.size == size
    # Who has seen the yes may still say no.
    assert two.post("/api/object", no | {"seen": "concurred"}).json()["state"] == "recorded"


def test_a_reading_that_came_in_between_is_not_replaced(stage: Stage, pair: tuple[Visit, Visit]) -> None:
    leaf = notify_theirs(stage)
    one, two = pair
    first = one.post("/api/read-back", {"message": leaf, "is_first": True}).json()
    assert first["state"] == "recorded", first
    size = stage.desk.view.size
    second = two.post("/api/read-back", {"message": leaf, "is_first": True})
    assert (second.status_code, second.json()["code"]) == (403, "answered-meanwhile")
    assert f"duty-1 gave one as entry {first['index']}" in second.json()["message"]
    assert stage.desk.view.size == size
    # Who means to correct it says so.
    assert two.post("/api/read-back", {"message": leaf}).json()["state"] == "recorded"
