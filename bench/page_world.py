"""A served world with a long record: what the page is measured on.

Three parties found a center in memory; ``ru`` and ``un`` say what takes most of a record's place (hotline,
notices, receipts, acknowledgements), each message really signed and let in by the center's own rules, and the
desk of ``us`` follows them as it follows any center: it checks, mirrors, projects, gives receipts and
acknowledges.

Invariants: everything follows from the arguments; no row and no file is written past the desk's own parts.

    >>> world = make_long_world(folder, Plan(entries=100_000))
    >>> with world.serving("us") as urls: ...
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from entente.deconflict import Acknowledge, Deliver, Delivery, Notify, ReceiptRow
from entente.dialogue import About, Say
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import WireStruct
from entente.space import CircleWire, VolumeWire
from tests.page_world import AT_THE_END, World
from tests.protocol.lying_center import CardParty

_WORDS: Final = (
    "convoy halted at the northern crossing waiting for an escort",
    "Колонна прошла мост, дорога свободна до утра",
    "القافلة وصلت إلى المستشفى بسلام",
    "two aircraft over the river turning back now",
    "the water station is running again on one pump",
    "no movement seen on the castello road since midnight",
    "demande de confirmation de la position du poste",
    "engine trouble one vehicle is towed to the depot",
)
_KINDS_OF_ACTIVITY: Final[tuple[Literal["air", "drone", "ground", "convoy"], ...]] = (
    "air",
    "drone",
    "ground",
    "convoy",
)
_MAX_ACKNOWLEDGED: Final = 100
_PARTNERS: Final = ("ru", "un")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the world is to hold.

    Args:
        entries: How long the record is in the end, about.
        days: Over how long it was written, until `AT_THE_END`.
        activity_share: How many of its entries tell an activity.
        is_current: Whether the activities lie about the end, so that one picture has all of them; else each
            begins soon after it is told.
        step: Entries between two passes of the desk.
    """

    entries: int
    days: float = 30.0
    activity_share: float = 0.2
    is_current: bool = False
    step: int = 100
    seed: int = 1


def make_long_world(root: Path, plan: Plan, *, progress: Callable[[int, float], None] | None = None) -> World:
    """Make the world; ``progress`` is told of entries and seconds, every few thousand entries."""
    world = World(root, is_served=True)
    for name in _PARTNERS:
        # They speak with their keys from here on: their own desks would rightly raise an alarm each time.
        world.desks.pop(name).close()
    began = time.perf_counter()
    start = parse_utc(AT_THE_END) - timedelta(days=plan.days)
    # The founding keeps its own hour: a clock that went back would be a fault that is told.
    start = max(start, world.clock.now)
    end = parse_utc(AT_THE_END)
    told = 0
    for said in _speak(world, plan):
        size = world.center.core.tree.size
        world.clock.now = start + (end - start) * min(1.0, size / plan.entries)
        if said % plan.step == 0:
            _follow(world)
        if progress is not None and size // 5_000 > told:
            told = size // 5_000
            progress(size, time.perf_counter() - began)
    world.clock.now = end
    _follow(world)
    world.center.cosigners = list(world.cards)
    world.run("us")
    return world


def _follow(world: World) -> None:
    desk = world.desks["us"]
    desk.run_once()
    due = [row.message for row in desk.rows.select(ReceiptRow, state="waiting", party="us")]
    for first in range(0, len(due), _MAX_ACKNOWLEDGED):
        world.ask("us", "acknowledge", messages=due[first : first + _MAX_ACKNOWLEDGED])


def _speak(world: World, plan: Plan) -> Iterator[int]:
    """Say one message after the other, and yield how many."""
    draw = random.Random(plan.seed)
    parties = {party.name: party for party in world.cards if party.name in _PARTNERS}
    owed: dict[str, list[str]] = {name: [] for name in parties}
    said = 0
    while world.center.core.tree.size < plan.entries:
        author = parties[draw.choice(_PARTNERS)]
        at = world.clock.now
        if draw.random() < plan.activity_share:
            leaf = _say(world, author, "activity.notify", _make_notice(draw, said, at, plan), at)
            for name, leaves in owed.items():
                if name != author.name:
                    leaves.append(leaf)
        elif owed[author.name] and draw.random() < 0.3:
            due, owed[author.name] = owed[author.name][:2], owed[author.name][2:]
            given = [Delivery(leaf, "readable", "") for leaf in sorted(due)]
            _say(world, author, "receipt.deliver", Deliver(given), at, is_desk=True)
            _say(world, author, "receipt.acknowledge", Acknowledge(sorted(due)), at)
        else:
            _say(world, author, "thread.say", _make_words(draw, said), at)
        said += 1
        yield said


def _say(
    world: World, author: CardParty, kind: str, body: WireStruct, at: datetime, *, is_desk: bool = False
) -> str:  # fmt: skip
    officers = [] if is_desk else ["duty-1"]
    signed = author.write(kind, body, world.center.core.seen(), at=encode_utc(at), officers=officers)
    world.center.core.submit(signed)
    return signed.leaf


def say_words(world: World, name: str, text: str) -> None:
    """Have a partner say something on the hotline now."""
    party = next(one for one in world.cards if one.name == name)
    body = Say("thread-0", About("none", ""), text, "en", urgent=False, reply_to=None)
    _say(world, party, "thread.say", body, world.clock.now)


def _make_words(draw: random.Random, number: int) -> Say:
    text = f"{draw.choice(_WORDS)}, {number}"
    return Say(f"thread-{draw.randrange(60)}", About("none", ""), text, "en", draw.random() < 0.02, None)


def _make_notice(draw: random.Random, number: int, at: datetime, plan: Plan) -> Notify:
    begins = parse_utc(AT_THE_END) + timedelta(hours=draw.uniform(-6, 18)) if plan.is_current else (
        at + timedelta(hours=draw.uniform(1, 24))
    )  # fmt: skip
    ends = begins + timedelta(hours=draw.uniform(0.3, 6))
    low_cm = draw.randrange(0, 900_000)
    volume = VolumeWire(
        CircleWire(
            (round(draw.uniform(31.0, 38.0) * 1e7), round(draw.uniform(35.0, 47.0) * 1e7)),
            draw.randrange(50_000, 500_000),
        ),
        low_cm,
        low_cm + draw.randrange(10_000, 200_000),
        encode_utc(begins),
        encode_utc(ends),
    )
    kind = draw.choice(_KINDS_OF_ACTIVITY)
    return Notify(f"a-{number}", kind, f"Activity {number}", [volume], [], armed=False, concur_by=None)
