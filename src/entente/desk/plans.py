"""Private plans: what an officer stored before telling others, held against what was told in his name.

On 17 September 2016 the place that was passed lay 9 km from the place that was meant. A plan that is stored
where it is made, and not typed again by whoever makes the call, shows such a difference before anyone relies
on the message.

Invariants: a plan never leaves the desk; what leaves is a ``position.dispute`` (``gate.AUTOMATIC``), with a
distance and no place; every version and every read-back of it is compared once it is in the record, and again
after a crash; a version is disputed once.

It does not change what was told: an officer must update it.

    >>> plans.store("sortie-7", volumes, officer="duty-1")
    >>> plans.review()
    [PlanReview(activity='sortie-7', differences=('volume 0: told 9,012.44 m from the planned position',))]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from entente.deconflict import (
    ActivityRow,
    Dispute,
    ObjectRow,
    PositionRow,
    compare_with_plan,
)
from entente.desk.book import Book
from entente.desk.compose import Draft
from entente.desk.evidence import AlarmBoard, Finding
from entente.desk.gate import DESK
from entente.desk.outbox import Outbox
from entente.joint import MessageRow
from entente.kernel.charter import get_charter
from entente.kernel.errors import Denied, NotFound, PeerError, StoreError
from entente.kernel.message import encode_body
from entente.kernel.ports import Clock
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc
from entente.space import VolumeWire, distance_and_bearing, parse_volume, reference_point

_DECODER: Final = msgspec.json.Decoder(list[VolumeWire])
MAX_REASON: Final = 1000


class Plan(msgspec.Struct, frozen=True):
    """What is meant: the volumes of one activity of ours."""

    activity: str
    officer: str
    volumes: list[VolumeWire]
    at: str


@dataclass(frozen=True, slots=True)
class PlanReview:
    """How a version that was told, or a reading of it, differs from the plan."""

    activity: str
    version: str
    differences: tuple[str, ...]
    difference_cm: int


class PlanShelf:
    """The plans of one desk."""

    def __init__(
        self, book: Book, *, party: str, rows: Rows, outbox: Outbox, board: AlarmBoard, clock: Clock
    ) -> None:
        self._book = book
        self._party = party
        self._rows = rows
        self._outbox = outbox
        self._board = board
        self._clock = clock

    def store(self, activity: str, volumes: Sequence[VolumeWire], *, officer: str) -> Plan:
        """Keep a plan, in place of an earlier one; raise `InvalidVolume` where it is none."""
        for place, wire in enumerate(volumes):
            parse_volume(wire, path=f"$.volumes[{place}]")
        with self._book.transaction() as db:
            db.execute(
                "INSERT INTO plans VALUES (?, ?, ?, ?) ON CONFLICT (activity) DO UPDATE SET"
                " officer = excluded.officer, volumes = excluded.volumes, at = excluded.at",
                (activity, officer, msgspec.json.encode(list(volumes)), encode_utc(self._clock.now_utc())),
            )
        return self.get(activity)

    def get(self, activity: str) -> Plan:
        """Return a plan, or raise `NotFound`."""
        row = self._book.read_one("SELECT * FROM plans WHERE activity = ?", (activity,))
        if row is None:
            raise NotFound("no-plan", f"plan of {activity!r}: expected one on this desk, found none")
        return _plan(row["activity"], row["officer"], row["volumes"], row["at"])

    def list_plans(self) -> list[Plan]:
        """Return every plan, by activity."""
        rows = self._book.read("SELECT * FROM plans ORDER BY activity")
        return [_plan(row["activity"], row["officer"], row["volumes"], row["at"]) for row in rows]

    def drop(self, activity: str) -> None:
        """Forget a plan, or raise `NotFound`."""
        self.get(activity)
        with self._book.transaction() as db:
            db.execute("DELETE FROM plans WHERE activity = ?", (activity,))

    def review(self) -> list[PlanReview]:
        """Compare every plan with what stands in the record; alarm and dispute where they differ."""
        found = []
        for plan in self.list_plans():
            for row in self._list_standing(plan.activity):
                review = self._compare(plan, row)
                if review.differences:
                    found.append(review)
                    self._act(plan, row, review)
        return found

    def _list_standing(self, activity: str) -> list[ActivityRow]:
        """Return our standing activities of this name: one open, and one for each audience."""
        return [
            row
            for row in self._rows.select(ActivityRow, author=self._party, state="standing")
            if row.id == activity
        ]

    def _compare(self, plan: Plan, row: ActivityRow) -> PlanReview:
        tolerance_m = get_charter(self._rows).rules.read_back_tolerance_cm / 100
        told = compare_with_plan(plan.volumes, row.volumes, tolerance_m)
        words = [one.text for one in told]
        worst_cm = max((one.difference_cm or 0 for one in told), default=0)
        for position in self._rows.select(PositionRow, message=row.version):
            for place, point in enumerate(position.readings[: len(plan.volumes)]):
                here = reference_point(parse_volume(plan.volumes[place]).outline)
                away_m = distance_and_bearing(*here, point.lat_e7 / 1e7, point.lon_e7 / 1e7)[0]
                if away_m > tolerance_m:
                    worst_cm = max(worst_cm, round(away_m * 100))
                    words.append(
                        f"volume {place}: {position.party} read back a place {away_m:,.0f} m from the plan"
                    )
        return PlanReview(row.id, row.version, tuple(words), worst_cm)

    def _act(self, plan: Plan, row: ActivityRow, review: PlanReview) -> None:
        """Raise the alarm and dispute the version, each once."""
        disputed = any(
            one.disputed is not None for one in self._rows.select(PositionRow, message=row.version)
        )
        token = f"dispute-{row.version[:48]}"
        if disputed or self._outbox.find_token(token) is not None:
            return
        words = f"activity {row.id!r}: expected what our plan says: {'; '.join(review.differences)}"
        plan_file = msgspec.json.encode(plan)
        self._board.raise_alarm(Finding("plan-differs", words, row.version, {"plan": plan_file}))
        said = self._rows.find(MessageRow, row.version)
        thing = self._rows.find(ObjectRow, row.object)
        if said is None or thing is None:
            raise StoreError("bad-rows", f"activity {row.object!r}: expected its message among the rows")
        body = Dispute(
            message=row.version,
            difference_cm=review.difference_cm,
            reason="; ".join(review.differences)[:MAX_REASON],
        )
        others = tuple(sorted(party for party in thing.to if party != self._party))
        draft = Draft("position.dispute", encode_body(body), tuple(said.officers[:1]), others, DESK, token)
        try:
            self._outbox.put(draft)
        except (Denied, PeerError) as error:
            # The alarm stands all the same; what the dispute was refused for stands in it.
            words = f"dispute of {row.version[:12]}: {error.message}"
            self._board.raise_alarm(Finding("dispute-refused", words, row.version))


def _plan(activity: str, officer: str, volumes: bytes, at: str) -> Plan:
    return Plan(activity, officer, _DECODER.decode(volumes), at)
