"""Blind checks between real processes over TLS: from rules to verdict, and with desks that are killed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.blind.rules import Allowance
from entente.desk.joining import join
from entente.kernel.time import encode_utc
from entente.space import CircleWire, VolumeWire
from entente.store.clock import SystemClock
from entente.store.random import SystemRandom
from tests.blind_record import GRID
from tests.system.test_desk_processes import World, has_settled, make_world, wait_for

ALLOWANCE = Allowance(whole_cells=100_000, whole_runs=20, delta_cells=1_000, delta_runs=10, matches=10)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path, tls=True)
    with ExitStack() as ends:
        ends.callback(lambda: made.center.end(signal.SIGKILL))
        for desk in made.desks.values():
            ends.callback(desk.end, signal.SIGKILL)
        made.center.start()
        for party in made.desks:
            join(tmp_path / party, clock=SystemClock(), random=SystemRandom())
        for desk in made.desks.values():
            desk.start()
        for party in made.desks:
            wait_for(partial(has_settled, made, party), f"{party} to follow")
        yield made


def ask(world: World, party: str, verb: str, **request: Any) -> Any:
    return world.ask(party, verb, officer="duty-1", **request)


def plan(centre_e7: tuple[int, int]) -> Any:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    circle = CircleWire(centre_e7=centre_e7, radius_cm=20_000)
    volume = VolumeWire(
        outline=circle,
        floor_cm=20_000,
        ceiling_cm=60_000,
        start=encode_utc(start),
        end=encode_utc(start + timedelta(minutes=5)),
    )
    return [msgspec.to_builtins(volume)]


def test_two_desks_check_over_tls_and_are_killed_meanwhile(world: World) -> None:
    origin = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    grid = msgspec.to_builtins(msgspec.structs.replace(GRID, origin=encode_utc(origin)))
    said = ask(
        world, "us", "blind-propose", id="skies", partner="ru", grid=grid, answer_min=5,
        modes=["exact", "yes-no"], allowance=msgspec.to_builtins(ALLOWANCE),
    )  # fmt: skip
    assert said["state"] == "recorded", said
    wait_for(lambda: world.ask("ru", "blind-rules"), "the rules at ru")
    assert ask(world, "ru", "blind-agree", id="skies")["state"] == "recorded"
    wait_for(lambda: world.ask("us", "blind-rules")[0]["state"] == "agreed", "the rules in force")
    for party, place in (("us", (352_500_000, 401_500_000)), ("ru", (342_500_000, 391_500_000))):
        ask(world, party, "blind-plan", put=[{"name": "one", "volumes": plan(place)}])
        held = ask(world, party, "blind-prepare", rules="skies")
        assert held["state"] == "committed", held
    wait_for(lambda: all(one["is_fetched"] for one in world.ask("us", "blind-runs")["holdings"]), "tags")
    run = ask(world, "us", "blind-check", rules="skies", wait_s=30)
    assert (run["state"], run["verdict"]) == ("ended", "CLEAR"), run
    run = ask(world, "us", "blind-check", rules="skies", kind="yes-no", wait_s=30)
    assert (run["state"], run["verdict"]) == ("ended", "CLEAR"), run
    item = {"name": "two", "volumes": plan((342_510_000, 391_510_000))}
    run = ask(world, "us", "blind-check", rules="skies", kind="delta", items=[item], wait_s=30)
    assert (run["verdict"], [one["item"] for one in run["conflicts"]]) == ("CONFLICT", ["two"])
    # Killed at moments that nobody chose; whatever was asked ends, and every question has one charge.
    number = ask(world, "us", "blind-check", rules="skies", wait_s=0)["run"]
    draw = random.Random(1)
    for kill in range(3):
        time.sleep(draw.random() * 0.4)
        desk = world.desks["ru" if kill % 2 else "us"]
        desk.end(signal.SIGKILL)
        desk.start()
    run = wait_for(lambda: _find_ended(world, number), "the run after kills", 60.0)
    assert run["verdict"] == "CLEAR", run
    (asked,) = [one for one in world.ask("ru", "blind-budget")["usages"] if one["asker"] == "us"]
    assert (asked["whole_runs"], asked["delta_runs"], asked["matches"]) == (2, 1, 1)
    assert asked["charged_cells"] == asked["whole_cells"] + asked["delta_cells"]


def _find_ended(world: World, number: int) -> Any:
    run = world.ask("us", "blind-run", run=number)
    return run if run.get("state") == "ended" else None
