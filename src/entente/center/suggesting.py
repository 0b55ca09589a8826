"""Suggestions by the center: for who has no desk at hand. It sees what is open to all, and no more.

Whoever asks here shows his plan to the host. A desk asks itself (`entente.desk.suggesting`), which sees what
is sealed to it as well and tells nobody.

Invariants: nothing is written and nothing is kept of a question; two questions are worked on at a time, each
with bounded work, so that suggestions never keep messages waiting; a question too wide is an error that says
how to narrow it.

    >>> Suggesting(rows, database).process(b'{"activity":"air", ...}').status
    200
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from entente.center.answers import Answer, Busy
from entente.deconflict import ActivityRow, ObjectRow
from entente.deconflict.activity import ActivityWord, Volumes
from entente.deconflict.suggest import Room, suggest
from entente.deconflict.trial import Trial, try_activity, try_plan
from entente.kernel.canonical import parse_canonical_as
from entente.kernel.charter import list_parties
from entente.kernel.errors import Malformed, NotFound
from entente.kernel.message import MAX_BODY_BYTES
from entente.kernel.rows import Rows
from entente.kernel.wire import SlugText, WireStruct
from entente.store.index_home import make_index
from entente.store.sql import Database

MAX_QUESTION_BYTES: Final = MAX_BODY_BYTES + 8_000
"""What a message may hold: moving a plan costs by its vertices, which `LOOKS` and `CHECKS` do not count."""
_AT_ONCE: Final = 2
LOOKS: Final = 300
CHECKS: Final = 10_000


class SuggestQuestion(WireStruct, frozen=True):
    """A plan of ``party``: a new ``activity``, or other volumes for the open one named ``object``."""

    party: SlugText
    activity: ActivityWord
    armed: bool
    object: SlugText | None
    volumes: Volumes
    room: Room


class Suggesting:
    """Answers questions. Safe from many threads."""

    def __init__(self, rows: Rows, database: Database) -> None:
        """Read ``rows`` as they were committed to ``database``, which holds the index as well."""
        self._rows = rows
        self._database = database
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def process(self, body: bytes) -> Answer:
        """Answer with what the plan conflicts with and the smallest shift each way at which it does not."""
        asked = parse_canonical_as(body, SuggestQuestion, max_bytes=MAX_QUESTION_BYTES)
        if asked.party not in list_parties(self._rows):
            raise Malformed(
                "unknown-party", f"party: expected one of the charter, got {asked.party!r}", path="$.party"
            )
        trial = self._make_trial(asked)
        # Whoever comes third is told so at once: threads that wait here would be missing for reading.
        if not self._turns.acquire(blocking=False):
            raise Busy("busy", f"suggestions: expected <= {_AT_ONCE} at a time, got one more: ask later")
        try:
            answer = suggest(
                asked.volumes,
                asked.room,
                trial.find,
                looks=LOOKS,
                checks=CHECKS,
                again=trial.list_again,
            )
        finally:
            self._turns.release()
        return Answer(200, msgspec.json.encode(answer))

    def _make_trial(self, asked: SuggestQuestion) -> Trial:
        index = make_index(self._database)
        if asked.object is None:
            return try_plan(self._rows, index, author=asked.party, activity=asked.activity, armed=asked.armed)
        thing, row = self._rows.find(ObjectRow, asked.object), self._rows.find(ActivityRow, asked.object)
        if thing is None or row is None or thing.state == "ended":
            raise NotFound("no-object", f"activity {asked.object!r}: expected one that stands, found none")
        return try_activity(self._rows, index, thing, row)
