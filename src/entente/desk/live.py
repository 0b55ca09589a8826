"""What happens at a desk, as server-sent events: one feed for all streams, woken and never polled.

    hello     {now_ms, rate, size, firm_size, settled_size, state, trouble}   first in each stream
    entry     a message as the record has it, with its standing
    standing  {size, firm_size, settled_size}   how far the record is followed, firm and settled
    alarm     {id, code, words, meaning, at}
    link      {state, trouble}   the line to the center
    work      {what, done, all}, or null   the progress of long work
    own       {}   something of this desk's own changed: outbox, plans, releases, blind checks, dismissals
    beat      {now_ms, rate}   `BEAT_S` seconds after the last, whatever else is told
    reset     {}   the place that was asked for is not of this desk's record: ask for everything anew

An event's id is ``<desk>.<index>.<alarm>``: of which record, how far in it, how far in the alarms. Who comes
back with an id gets what he missed, in order, each entry once.

Invariants: events wake; what they say can be asked for and is not needed to be believed; what happens
together is told together: at most one round every `CALM_S` seconds; a round's events are made once, however
many streams there are; a stream holds a place and no queue: one that reads slowly holds back nobody and
costs no memory.

    >>> async for piece in live.follow(""):
    ...     send(piece)
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool

from entente.desk.assembly import Desk

BEAT_S: Final = 15.0
CALM_S: Final = 0.02
WORK_S: Final = 0.5
"""How often the progress of long work is looked at."""
RETRY_MS: Final = 1_000
_PAGE: Final = 50
_KEPT_ROUNDS: Final = 8

Place = tuple[int, int]
"""How far: an index in the record, the number of an alarm."""


class Live:
    """The feed of one desk. `ring` may be called from any thread, the rest from one event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bells: set[asyncio.Event] = set()
        self._stopped = False
        self._own = 0
        self._round = 0
        self._rounds: dict[tuple[Place, int], asyncio.Future[tuple[Place, list[bytes]]]] = {}
        self._mark = hashlib.sha256(
            f"{desk.pin.origin}\n{desk.vault.desk_key.public.key_id}".encode()
        ).hexdigest()[:8]

    @property
    def count(self) -> int:
        """How many streams are open."""
        return len(self._bells)

    def attach(self) -> None:
        """Be woken by the desk: by what it follows, keeps, hears. Called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._desk.on_change = self.ring
        self._desk.book.on_change = self._ring_own
        self._desk.blind.parts.on_work = self.ring

    def ring(self) -> None:
        """Wake every stream."""
        loop = self._loop
        if loop is not None:
            # The loop is closed once the server has stopped, while threads of the desk still end.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake)

    def _ring_own(self) -> None:
        self._own += 1
        self.ring()

    def _wake(self) -> None:
        self._round += 1
        for bell in self._bells:
            bell.set()

    def stop(self) -> None:
        """End every stream. Called in the event loop."""
        self._stopped = True
        self._wake()

    async def follow(self, after: str, *, is_good: Callable[[], bool] | None = None) -> AsyncIterator[bytes]:
        """Yield events from beyond a place; they end when the desk stops, or when ``is_good`` says no."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            async for piece in self._follow(after, bell, is_good):
                yield piece
        finally:
            self._bells.discard(bell)

    async def _follow(
        self, after: str, bell: asyncio.Event, is_good: Callable[[], bool] | None
    ) -> AsyncIterator[bytes]:
        newest = await run_in_threadpool(self._find_newest)
        place, is_ours = parse_place(after, mark=self._mark, newest=newest)
        shown = self._read_state()
        yield b"retry: %d\n\n" % RETRY_MS
        yield self._event("hello", place, self._tell_now() | shown["standing"] | shown["link"])
        if not is_ours:
            yield self._event("reset", place, {})
        # Often woken with nothing to tell, it must be heard all the same: a silent stream is taken for dead.
        time_s = asyncio.get_running_loop().time
        beat_s = time_s() + BEAT_S
        while not self._stopped:
            bell.clear()
            if is_good is not None and not await run_in_threadpool(is_good):
                return
            place, found = await self._collect(place)
            now = self._read_state()
            found = found + [
                self._event(kind, place, value) for kind, value in now.items() if shown[kind] != value
            ]
            shown = now
            if found:
                yield b"".join(found)
                # Let what comes with it arrive: one piece, one waking of the page.
                await asyncio.sleep(CALM_S)
                continue
            left_s = beat_s - time_s()
            if left_s <= 0:
                beat_s = time_s() + BEAT_S
                yield self._event("beat", place, self._tell_now())
                continue
            # Long work goes on without a bell for each of its thousand steps.
            wait_s = left_s if shown["work"] is None else min(WORK_S, left_s)
            try:
                async with asyncio.timeout(wait_s):
                    await bell.wait()
            except TimeoutError:
                self._round += 1

    def _read_state(self) -> dict[str, Any]:
        """Return what is told when it changes."""
        desk = self._desk
        return {
            "standing": {
                "size": desk.follower.views.size,
                "firm_size": desk.follower.firm_size,
                "settled_size": desk.follower.settled_size,
            },
            "link": {"state": desk.link.state, "trouble": desk.link.trouble},
            "work": desk.blind.parts.work,
            "own": {"count": self._own},
        }

    def _tell_now(self) -> dict[str, Any]:
        now_ms = int(self._desk.clock.now_utc().timestamp() * 1000)
        return {"now_ms": now_ms, "rate": getattr(self._desk.clock, "rate", 1)}

    def _find_newest(self) -> Place:
        row = self._desk.book.read_one("SELECT coalesce(max(id), 0) AS id FROM alarms")
        return self._desk.follower.views.size, 0 if row is None else int(row["id"])

    async def _collect(self, place: Place) -> tuple[Place, list[bytes]]:
        """Return the events from beyond a place, and the place that they lead to."""
        # Streams that are woken together and stand at one place need the very same, nothing included: it is
        # read once. What is written after the reading rings again.
        key = (place, self._round)
        reading = self._rounds.get(key)
        if reading is None:
            reading = asyncio.ensure_future(run_in_threadpool(self._read_round, place))
            self._rounds[key] = reading
            while len(self._rounds) > _KEPT_ROUNDS:
                del self._rounds[next(iter(self._rounds))]
        return await asyncio.shield(reading)

    def _read_round(self, place: Place) -> tuple[Place, list[bytes]]:
        desk, found = self._desk, []
        (index, alarm), size = place, desk.follower.views.size
        if index < size:
            for view in desk.archive.list_after(index, limit=_PAGE):
                if view.index < size:
                    index = view.index + 1
                    plain = msgspec.json.decode(msgspec.json.encode(view))
                    plain["standing"] = desk.follower.standing(view.index)
                    found.append(self._event("entry", (index, alarm), plain))
            if len(found) < _PAGE:
                index = size
        for one in desk.board.list_after(alarm, limit=_PAGE):
            alarm = one.id
            plain = {
                "id": one.id,
                "code": one.code,
                "words": one.words,
                "meaning": one.explain(),
                "at": one.at,
            }
            found.append(self._event("alarm", (index, alarm), plain))
        return (index, alarm), found

    def _event(self, kind: str, place: Place, data: Any) -> bytes:  # noqa: ANN401 - JSON
        name = f"{self._mark}.{place[0]}.{place[1]}".encode()
        return b"id: %b\nevent: %b\ndata: %b\n\n" % (name, kind.encode(), msgspec.json.encode(data))


def parse_place(text: str, *, mark: str, newest: Place) -> tuple[Place, bool]:
    """Return the place that an event's id names, and whether it is one of this desk's record.

    Nothing asked for is the newest place. An id of another record, or from beyond this one, is the newest
    place too, and is told as such. ``<index>.<alarm>`` without a desk's mark is what a command line asks for.
    """
    if not text:
        return newest, True
    parts = text.split(".")
    if len(parts) == 3 and parts[0] == mark:
        parts = parts[1:]
    numbers = [int(one) for one in parts if one.isascii() and one.isdigit() and len(one) < 16]
    if len(numbers) != len(parts) or len(parts) not in {1, 2}:
        return newest, False
    index, alarm = numbers[0], numbers[1] if len(numbers) == 2 else 0
    if index > newest[0] or alarm > newest[1]:
        return newest, False
    return (index, alarm), True
