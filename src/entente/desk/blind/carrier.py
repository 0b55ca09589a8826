"""The carrier of blind checks: one step that does whatever is due, and that can be stopped anywhere.

    1. parcels out, messages into the outbox, what became of them
    2. our own commitments and amendments
    3. what the others have committed to
    4. answers to questions, and lists for runs by way of the center
    5. our own runs: asked, judged, told; whole questions of others asked in return
    6. what the others add later, looked up in what we hold; parts shown where both have offered
    7. notices: what conflicts, and what is INVALID and why; what no audit needs any more is let go of

Invariants:
  * All state is in the record and in the book: the step after a restart goes on where the last one stopped.
  * What the other side or the center sends wrong ends in INVALID, a refusal or an alarm, never in a stopped
    desk; a failure of our own disk stops it.
  * The center may be away: what needs it waits, the rest goes on.

It answers no officer: see `verbs`. One thread calls `step`; it may compute for a minute.

    >>> while carrier.step():
    ...     pass
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from entente.blind.asking import AskRow
from entente.blind.match_records import MatchRow
from entente.blind.rules import RulesRow, find_in_force
from entente.desk.blind.answering import BlindAnswering
from entente.desk.blind.asking import BlindAsking, NotYet
from entente.desk.blind.forgetting import forget_past
from entente.desk.blind.judging import judge_run
from entente.desk.blind.ledger import BlindLedger
from entente.desk.blind.matching import BlindMatching
from entente.desk.blind.partner import PartnerTags
from entente.desk.blind.parts import BlindParts, Stopped
from entente.desk.blind.plan import BlindPlan, OwnVersions
from entente.desk.blind.post import BlindPost
from entente.desk.blind.zooming import BlindZooming
from entente.desk.evidence import Finding
from entente.kernel.errors import EntenteError, StoreError, TransportError
from entente.kernel.time import encode_utc

CONFLICT: Final = "blind-conflict"
INVALID: Final = "blind-invalid"
IN_DEFAULT: Final = "blind-in-default"
_MOST_AGAIN: Final = 3
_AGAIN: Final = frozenset({"ask-order"})
_LOG = structlog.get_logger("desk")


class BlindCarrier:
    """Blind checks of one desk: everything that it does by itself."""

    def __init__(self, parts: BlindParts, post: BlindPost, *, is_stopped: Callable[[], bool]) -> None:
        """Carry what the book and the record hold.

        Args:
            is_stopped: Whether nothing may be said any more (a fork was found).
        """
        self.parts = parts
        self.post = post
        self.plan = BlindPlan(parts)
        self.versions = OwnVersions(parts, self.plan, post)
        self.tags = PartnerTags(parts, post)
        self.ledger = BlindLedger(parts)
        self.zooming = BlindZooming(parts, self.versions, self.tags)
        self.changed = threading.Condition()
        self.on_wanted: Callable[[], None] = lambda: None
        self._is_stopped = is_stopped
        self._matching = BlindMatching(parts, post, self.versions)
        self._answering = BlindAnswering(parts, post, self.ledger, self._matching)
        self._asking = BlindAsking(parts, post, self.plan, self.versions, self.tags)

    def step(self) -> bool:
        """Do what is due; return whether anything moved, so that there may be more.

        Raises:
            StoreError: Our own disk failed: the process must stop.
        """
        if self._is_stopped() or self.parts.is_stopping or not self._has_rules():
            return False
        moved = False
        try:
            for part in (
                self.post.step,
                self.versions.step,
                self.tags.step,
                self._answering.step,
                self._step_runs,
                self._swap,
                self._look_later,
                self.zooming.step,
                self._give_notice,
                self._forget,
                self.post.step,
            ):
                moved = self._try(part) or moved
        except Stopped:
            return False
        finally:
            self.parts.work = None
            with self.changed:
                self.changed.notify_all()
        return moved

    def _has_rules(self) -> bool:
        return next(iter(self.parts.rows.select(RulesRow, limit=1)), None) is not None

    @staticmethod
    def _try(part: Callable[[], bool]) -> bool:
        try:
            return part()
        except TransportError as error:
            _LOG.info("blind-waits", code=error.code, error=error.message)
            return False

    def stop(self) -> None:
        """End long work at its next progress."""
        self.parts.is_stopping = True

    # Runs

    def want_run(  # noqa: PLR0913 - what a run is, each by its name
        self,
        *,
        token: str,
        rules: str,
        epoch: int,
        kind: str,
        officer: str,
        is_ours: bool = True,
        swaps: str = "",
        items: bytes | None = None,
        adopt: bool = False,
    ) -> int:
        """Note a run, durably; return its number. One of the same token is the same run."""
        with self.parts.book.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO blind_runs (token, rules, epoch, kind, is_ours, officer, at, swaps,"
                " items, adopt, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'wanted')",
                (
                    token,
                    rules,
                    epoch,
                    kind,
                    int(is_ours),
                    officer,
                    encode_utc(self.parts.clock.now_utc()),
                    swaps,
                    items,
                    int(adopt),
                ),
            )
            row = db.execute("SELECT id FROM blind_runs WHERE token = ?", (token,)).fetchone()
        return int(row["id"])

    def get_run(self, number: int) -> sqlite3.Row | None:
        """Return a run as it is in the book, or None."""
        return self.parts.book.read_one("SELECT * FROM blind_runs WHERE id = ?", (number,))

    def _step_runs(self) -> bool:
        moved, trouble = False, None
        for run in self.parts.book.read(
            "SELECT * FROM blind_runs WHERE state != 'done' OR (leaf != '' AND is_told = 0) ORDER BY id"
        ):
            try:
                moved = self._step_run(run) or moved
            except NotYet:
                continue
            except StoreError:
                raise
            except TransportError as error:
                trouble = error
            except EntenteError as error:
                self._end(run, error.code, error.message)
                moved = True
        if trouble is not None and not moved:
            raise trouble
        return moved

    def _step_run(self, run: sqlite3.Row) -> bool:
        is_match = run["kind"] in {"yes-no", "count"}
        rules = self.parts.find_rules(run["rules"])
        if rules is None:
            raise StoreError("bad-rows", f"run {run['id']}: expected its rules in the record")
        if run["state"] == "wanted":
            return self._begin(run, is_match=is_match)
        if run["state"] == "sending":
            return self._settle(run)
        if run["state"] == "waiting":
            table = MatchRow if is_match else AskRow
            if self.parts.rows.find(table, run["leaf"]) is None:
                return False  # taken by the center, not followed yet
            return (self._matching if is_match else self._asking).finish(run, rules)
        if is_match:
            with self.parts.book.transaction() as db:
                db.execute("UPDATE blind_runs SET is_told = 1 WHERE id = ?", (run["id"],))
            return False
        self._asking.tell(run, rules)
        return True

    def _begin(self, run: sqlite3.Row, *, is_match: bool) -> bool:
        # Neither the end of the rules nor that of the epoch takes the question in return away.
        find = self.parts.find_rules if run["swaps"] else partial(find_in_force, self.parts.rows)
        rules = find(run["rules"])
        if rules is None:
            self._end(run, "not-in-force", f"rules {run['rules']!r}: expected rules in force")
            return True
        begin = self._matching.start if is_match else self._asking.begin
        begin(run, rules)
        return True

    def _settle(self, run: sqlite3.Row) -> bool:
        said = self.post.find(run["post"])
        if said is None or said["state"] in {"depositing", "sending"}:
            return False
        if said["state"] == "recorded":
            with self.parts.book.transaction() as db:
                db.execute(
                    "UPDATE blind_runs SET state = 'waiting', leaf = ? WHERE id = ?",
                    (said["leaf"], run["id"]),
                )
        elif said["code"] in _AGAIN and run["tries"] < _MOST_AGAIN:
            # SECURITY: its parcel may have been seen: what is asked anew has another seed.
            with self.parts.book.transaction() as db:
                db.execute(
                    "UPDATE blind_runs SET state = 'wanted', tries = tries + 1, post = NULL, seed = NULL"
                    " WHERE id = ?",
                    (run["id"],),
                )
        else:
            self._end(run, said["code"], said["reason"])
        return True

    def _end(self, run: sqlite3.Row, code: str, words: str) -> None:
        """End a run that could not be asked or read. It is never CLEAR."""
        with self.parts.book.transaction() as db:
            db.execute(
                "UPDATE blind_runs SET state = 'done', verdict = 'INVALID', code = ?, words = ?, done_at = ?"
                " WHERE id = ?",
                (code, words, encode_utc(self.parts.clock.now_utc()), run["id"]),
            )

    # By itself

    def _swap(self) -> bool:
        """Ask in return for every whole question that we have answered."""
        moved = False
        for row in self.parts.rows.select(AskRow, state="answered", responder=self.parts.party):
            token = f"swap-{row.leaf[:48]}"
            known = self.parts.book.read_one("SELECT id FROM blind_runs WHERE token = ?", (token,))
            if row.ask.run != "whole" or row.ask.swaps or row.swapped_by or known is not None:
                continue
            officer = self.versions.find_officer(row.rules, row.ask.epoch)
            if not officer:
                continue
            self.want_run(
                token=token,
                rules=row.rules,
                epoch=row.ask.epoch,
                kind="whole",
                officer=officer,
                is_ours=False,
                swaps=row.leaf,
            )
            moved = True
        return moved

    def _look_later(self) -> bool:
        """Look up what was added since, for all that we have checked.

        SECURITY: additions too that their own run did not adopt: an officer puts one into the plan later
        (tests/protocol/test_desk_blind.py, test_what_was_checked_and_put_into_the_plan_later_is_looked_up).
        """
        moved = False
        for one in self.parts.book.read(
            "SELECT id, rules, epoch, seen_number FROM blind_runs"
            " WHERE state = 'done' AND outputs IS NOT NULL AND verdict != 'INVALID' ORDER BY id"
        ):
            rules = self.parts.find_rules(one["rules"])
            if rules is None:
                continue
            partner = rules.rules.get_other(self.parts.party)
            if self.tags.list_added(rules.id, one["epoch"], partner, one["seen_number"]):
                # What a run keeps is megabytes: it is read when there is something to look up in it.
                run = self.get_run(one["id"])
                moved = (run is not None and self._asking.match_later(run, rules)) or moved
        return moved

    def _forget(self) -> bool:
        return forget_past(self.parts)

    def _tell_default(self) -> bool:
        """Tell our officers, once for each question, that we are in default."""
        moved = False
        for row in self.parts.rows.select(AskRow, state="lapsed", responder=self.parts.party):
            name = f"blind-default-{row.leaf}"
            if row.answer or self.parts.book.find_meta(name) is not None:
                continue
            words = (
                f"question {row.ask.number} of {row.asker!r} under {row.rules!r}: not answered by us in the "
                "agreed time; the record says that we are in default until we do"
            )
            self.parts.board.raise_alarm(Finding(IN_DEFAULT, words, row.leaf))
            self.parts.book.put_meta(name, "1")
            moved = True
        return moved

    def _give_notice(self) -> bool:
        """Raise what officers must know of, once for each thing that a run came to."""
        moved = self._tell_default()
        for run in self.parts.book.read(
            "SELECT * FROM blind_runs WHERE state IN ('waiting', 'done') AND noted != 'final' ORDER BY id"
        ):
            judged = judge_run(self.parts, run)
            mark = "final" if judged.is_final else f"{judged.verdict}:{judged.code}"
            if mark == run["noted"]:
                continue
            if judged.verdict in {"CONFLICT", "INVALID"} or judged.own == "CONFLICT":
                code = INVALID if judged.verdict == "INVALID" else CONFLICT
                words = f"run {run['id']} ({run['kind']}) under {run['rules']!r}: {judged.words}"
                self.parts.board.raise_alarm(Finding(code, words, f"run-{run['id']}"))
            with self.parts.book.transaction() as db:
                db.execute("UPDATE blind_runs SET noted = ? WHERE id = ?", (mark, run["id"]))
            moved = True
        return moved
