"""Desks as real processes, killed while they release: what left was charged, once, and comes once."""

from __future__ import annotations

import signal
from collections import Counter
from functools import partial
from typing import Any, Final

from tests.release_desks import CLEARANCES, HILLS, OURS, PURPOSES, make_catalogue, make_report
from tests.system.test_desk_processes import World, wait_for
from tests.system.test_desk_processes import world as world  # noqa: PLC0414 - a fixture

COUNT: Final = 2


def stock(world: World) -> None:
    _, lat, lon = HILLS[OURS]
    reports = [make_report(f"r-{number}", at=(lat, lon + 0.02 * number)) for number in range(COUNT)]
    for kind, text in (
        # A budget that nothing can break: here only who was charged for what matters.
        ("catalogue", make_catalogue(chance="1")),
        ("purposes", PURPOSES),
        ("clearances", CLEARANCES),
        ("reports", "entente-reports = 1\n" + "".join(reports)),
    ):
        told = world.ask("us", "release-load", officer="duty-1", kind=kind, text=text)
        assert told["changed"] >= 1, told


def say_yes(world: World, report: str) -> Any:
    """Plan a report for ``ru``, approve it without waiting, and return the plan."""
    (plan,) = world.ask("us", "release-plan", officer="duty-1", report=report, to=["ru"], purpose="safety")
    assert plan["state"] == "planned", plan
    world.ask("us", "release-send", officer="duty-1", plan=plan["plan"], sha256=plan["sha256"], wait_s=0)
    return plan


def find_state(world: World, plan: Any) -> str:
    plans = world.ask("us", "release-plans", limit=50)
    return str(next(one["state"] for one in plans if one["plan"] == plan["plan"]))


def is_recorded(world: World, plan: Any) -> bool:
    return find_state(world, plan) == "recorded"


def list_all(world: World) -> list[Any]:
    """Return what ``ru`` has when it has everything."""
    items: list[Any] = world.ask("ru", "release-items")
    return items if len(items) >= COUNT else []


def test_a_desk_killed_while_it_releases_charges_and_sends_each_item_once(world: World) -> None:
    stock(world)
    desk = world.desks["us"]
    plans = [say_yes(world, f"r-{number}") for number in range(COUNT)]
    # The first are on their way by now, the last was just said yes to.
    desk.end(signal.SIGKILL)
    desk.start()
    for plan in plans:
        # The officer does not know whether the yes counted, and says it again.
        again = {"officer": "duty-1", "plan": plan["plan"], "sha256": plan["sha256"]}
        world.ask("us", "release-send", **again, wait_s=20)
        wait_for(partial(is_recorded, world, plan), "the item to be recorded")
    items = wait_for(partial(list_all, world), "all items")
    ledger = world.ask("us", "release-ledger", secret="post-site", pool="ru")
    assert len(items) == COUNT
    assert Counter(charge["leaf"] for charge in ledger["charges"]) == {item["leaf"]: 1 for item in items}
    assert ledger["learned"][0]["releases"] == COUNT
    assert world.status("us")["alarms"] == world.status("ru")["alarms"] == []
