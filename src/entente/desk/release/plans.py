"""Plans in the book: what was judged, who has said yes, and how far it came.

    denied      the gate says no: nothing was built, nothing can be sent
    planned     built and judged; waits for its officers
    held        every officer has said yes; waits for its time
    stale       what was planned is not what would be sent now: plan again; nothing was charged
    sending     charged, and in the outbox: in one transaction
    recorded    in the record
    refused     charged, and the rules or the center did not take it; the charge stays
    withdrawn   taken back by an officer; what was charged stays charged

Invariants:
  * A yes is to bytes: it names the digest of the plan with the exact body that would leave. Officers of one
    plan are different people, and each is in our roster when the plan is sent.
  * States only go down this list, but for ``refused``, which may be sent again, the same bytes.
  * What a plan says is written once and never changed; only its state moves.

It judges nothing and sends nothing: see `planning` and `sending`.

    >>> plans.approve(plan, officer="duty-2", digest=plan.digest, roster=["duty-1", "duty-2"])
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import msgspec

from entente.desk.book import Book
from entente.kernel.errors import Denied, NotFound
from entente.kernel.ports import Clock
from entente.kernel.time import encode_utc
from entente.release.variant.ladder import Level

RELEASE: Final = "release"
GRANT: Final = "grant"
PASS: Final = "pass"  # noqa: S105 - a word for an action
_LABEL: Final = b"entente release plan v1\n"
_WITHDRAWABLE: Final = frozenset({"planned", "held", "stale"})


class Exposed(msgspec.Struct, frozen=True):
    """What a plan would teach one pool about one secret, as it was judged."""

    secret: str
    pool: str
    prior: float
    before: float
    after: float
    worst: float
    budget: float
    bits: float
    words: str


class Blocker(msgspec.Struct, frozen=True):
    """What stands in the way of anything finer in one dimension."""

    dimension: str
    secret: str
    pool: str
    words: str


class PlanContent(msgspec.Struct, frozen=True):
    """What was judged, by what. Private; written once.

    Args:
        action: `RELEASE`, `GRANT` or `PASS`.
        version, catalogue: Versions on the shelves.
        level: As shown; None when refused. ``offered``: as it was chosen, before this report's own cell cut
            it.
        shape: As `encode_shape` has it, in hex.
        tear_line, fields: What goes with it. ``asked_line``: the tear line that the officer named, or empty.
        steps: What each step of the gate said, in order.
        vetoes, ladder: Which rules and marks were in force, by hash.
        cautions: What an officer should look at again.
    """

    action: str
    report: str
    version: int
    catalogue: int
    source: str
    theatre: str
    level: Level | None
    offered: Level | None
    shape: str
    tear_line: str
    asked_line: str
    fields: tuple[str, ...]
    steps: tuple[str, ...]
    reasons: tuple[str, ...]
    exposed: tuple[Exposed, ...]
    blockers: tuple[Blocker, ...]
    vetoes: str
    ladder: str
    words: str
    about: str = ""
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as it is in the book."""

    id: int
    token: str
    item: str
    recipient: str
    purpose: str
    officer: str
    at: str
    state: str
    needs: int
    due_us: int
    content: PlanContent = field(repr=False)
    body: bytes | None = field(repr=False)
    digest: str
    is_charged: bool
    code: str
    reason: str
    tries: int
    sent_as: str
    leaf: str


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A plan that is not in the book yet. ``body`` None: denied."""

    item: str
    recipient: str
    purpose: str
    officer: str
    content: PlanContent = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    needs: int = 1
    due_us: int = 0
    code: str = ""
    reason: str = ""


def hash_plan(recipient: str, purpose: str, content: bytes, body: bytes | None) -> str:
    """Return what an officer says yes to: all that was judged, and the exact bytes that would leave."""
    pieces = (recipient.encode(), purpose.encode(), content, body or b"")
    framed = b"".join(len(piece).to_bytes(8, "big") + piece for piece in pieces)
    return hashlib.sha256(_LABEL + framed).hexdigest()


class PlanBook:
    """The plans of one desk. Safe from several threads."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    def add(self, plan: NewPlan, *, token: str) -> Plan:
        """Write a plan down, durably: denied if it has no message, planned otherwise."""
        state = "denied" if plan.body is None else "planned"
        data = msgspec.json.encode(plan.content)
        with self._book.transaction() as db:
            number = db.execute(
                "INSERT INTO release_plans (token, item, version, recipient, purpose, officer, at, state,"
                " needs, due_us, data, body, digest, code, reason)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    token,
                    plan.item,
                    plan.content.version,
                    plan.recipient,
                    plan.purpose,
                    plan.officer,
                    encode_utc(self._clock.now_utc()),
                    state,
                    plan.needs,
                    plan.due_us,
                    data,
                    plan.body,
                    hash_plan(plan.recipient, plan.purpose, data, plan.body),
                    plan.code,
                    plan.reason,
                ),
            ).lastrowid
        return self.get(int(number or 0))

    def get(self, number: int) -> Plan:
        """Return a plan, or raise `NotFound`."""
        row = self._book.read_one("SELECT * FROM release_plans WHERE id = ?", (number,))
        if row is None:
            raise NotFound("no-plan", f"plan: expected the number of one, got {number}")
        return _read(row)

    def find_token(self, token: str) -> Plan | None:
        """Return the plan that was made with a token, or None."""
        row = self._book.read_one("SELECT * FROM release_plans WHERE token = ?", (token,))
        return None if row is None else _read(row)

    def find_leaf(self, leaf: str) -> Plan | None:
        """Return the plan of a message in the record, or None."""
        row = self._book.read_one("SELECT * FROM release_plans WHERE leaf = ? ORDER BY id LIMIT 1", (leaf,))
        return None if row is None else _read(row)

    def find_given(self, item: str, recipient: str, version: int) -> Plan | None:
        """Return the plan by which an item, in a version, was charged to a recipient, or None."""
        row = self._book.read_one(
            "SELECT * FROM release_plans WHERE item = ? AND recipient = ? AND version = ? AND is_charged = 1"
            " ORDER BY id LIMIT 1",
            (item, recipient, version),
        )
        return None if row is None else _read(row)

    def find_about(self, report: str, recipient: str) -> Plan | None:
        """Return the newest plan about a report and a recipient, or None."""
        row = self._book.read_one(
            "SELECT release_plans.* FROM release_plans JOIN release_items USING (item)"
            " WHERE report = ? AND recipient = ? ORDER BY id DESC LIMIT 1",
            (report, recipient),
        )
        return None if row is None else _read(row)

    def list_plans(
        self, *, state: str = "", report: str = "", recipient: str = "", limit: int = 50
    ) -> list[Plan]:
        """Return plans, the newest first."""
        rows = self._book.read(
            "SELECT release_plans.* FROM release_plans LEFT JOIN release_items USING (item)"
            " WHERE (state = ?1 OR ?1 = '') AND (report = ?2 OR ?2 = '') AND (recipient = ?3 OR ?3 = '')"
            " ORDER BY id DESC LIMIT ?4",
            (state, report, recipient, limit),
        )
        return [_read(row) for row in rows]

    def list_in(self, state: str) -> list[Plan]:
        """Return the plans in a state, the oldest first."""
        rows = self._book.read("SELECT * FROM release_plans WHERE state = ? ORDER BY id", (state,))
        return [_read(row) for row in rows]

    def list_approved(self, plan: Plan, roster: Collection[str]) -> list[str]:
        """Return who has said yes to these very bytes and is of the roster now, each once.

        SECURITY: officers are counted by name out of the roster in force, of yeses to this digest: the same
        officer twice is one, one who has left is none, a yes to other bytes is none
        (tests/protocol/test_desk_release_attacks.py, test_one_officer_is_never_two).
        """
        rows = self._book.read(
            "SELECT officer FROM release_approvals WHERE plan = ? AND digest = ? ORDER BY at, officer",
            (plan.id, recompute_digest(plan)),
        )
        return [row["officer"] for row in rows if row["officer"] in roster]

    def approve(self, plan: Plan, *, officer: str, digest: str, roster: Collection[str]) -> None:
        """Note an officer's yes, durably; held once there are enough.

        Raises:
            Denied: Other bytes than the officer has seen, or a plan that waits for no yes.
        """
        if plan.state not in {"planned", "held"}:
            raise Denied(
                "not-planned", f"plan {plan.id}: expected one that waits for its officers, it is {plan.state}"
            )
        with self._book.transaction():
            self.note_yes(plan, officer=officer, digest=digest)
            if len(self.list_approved(plan, roster)) >= plan.needs:
                self.move(plan, "held")

    def note_yes(self, plan: Plan, *, officer: str, digest: str) -> None:
        """Note an officer's yes to a plan as it is in the book.

        Raises:
            Denied: ``other-plan``: it is not what the officer has seen.
        """
        if digest and digest != plan.digest:
            raise Denied("other-plan", f"plan {plan.id}: expected {digest}, got {plan.digest}")
        with self._book.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO release_approvals VALUES (?, ?, ?, ?)",
                (plan.id, officer, plan.digest, encode_utc(self._clock.now_utc())),
            )

    def mark_charged(self, plan: Plan, token: str) -> None:
        """Note that a plan is charged and in the outbox under a token, in the caller's transaction."""
        with self._book.transaction() as db:
            db.execute(
                "UPDATE release_plans SET state = 'sending', is_charged = 1, sent_as = ?, tries = tries + 1,"
                " code = '', reason = '' WHERE id = ?",
                (token, plan.id),
            )

    def move(
        self,
        plan: Plan,
        state: str,
        *,
        code: str = "",
        reason: str = "",
        leaf: str = "",
        due_us: int | None = None,
    ) -> None:
        """Move a plan to a state; what is not given stays as it is."""
        with self._book.transaction() as db:
            db.execute(
                "UPDATE release_plans SET state = ?1, code = ?2, reason = ?3,"
                " leaf = CASE ?4 WHEN '' THEN leaf ELSE ?4 END, due_us = coalesce(?5, due_us) WHERE id = ?6",
                (state, code, reason[:2000], leaf, due_us, plan.id),
            )

    def withdraw(self, plan: Plan) -> None:
        """Take back a plan that is not charged yet."""
        if plan.state == "withdrawn":
            return
        if plan.state not in _WITHDRAWABLE:
            raise Denied(
                "already-charged",
                f"plan {plan.id}: expected one that is not charged yet, it is {plan.state}; recall it",
            )
        self.move(plan, "withdrawn")


def recompute_digest(plan: Plan) -> str:
    """Return the digest of what lies in the book now.

    SECURITY: a yes is looked for under this one, never under the digest that lies beside it: a row that was
    changed after the yes has none (tests/protocol/test_desk_release_attacks.py,
    test_a_row_changed_in_the_book).
    """
    return hash_plan(plan.recipient, plan.purpose, msgspec.json.encode(plan.content), plan.body)


def _read(row: sqlite3.Row) -> Plan:
    body = row["body"]
    return Plan(
        id=row["id"],
        token=row["token"],
        item=row["item"],
        recipient=row["recipient"],
        purpose=row["purpose"],
        officer=row["officer"],
        at=row["at"],
        state=row["state"],
        needs=row["needs"],
        due_us=row["due_us"],
        content=msgspec.json.decode(row["data"], type=PlanContent),
        body=None if body is None else bytes(body),
        digest=row["digest"],
        is_charged=bool(row["is_charged"]),
        code=row["code"],
        reason=row["reason"],
        tries=row["tries"],
        sent_as=row["sent_as"],
        leaf=row["leaf"],
    )
