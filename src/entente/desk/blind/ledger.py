"""The ledger against fishing: what others have asked of us, charged before anything is computed for them.

A question is charged by its length alone, as soon as it stands in the record, and stays charged whatever
becomes of it. The record meters the same; this ledger is our own, so that no host and no partner can make it
forget.

Invariants:
  * One charge a question, durable before it is evaluated; the same question again is the same charge.
  * With the charge, what the answer's nonce follows from is drawn: however often we are stopped, one question
    is answered with one nonce. The nonce follows from the request too: a second request under it would have
    another (the key would be known from two proofs with one nonce).
  * What one partner may ask is the rules' allowance; what all partners together may ask in a day is the
    owner's own cap. What is beyond either is entered as refused, and stays refused.

It evaluates nothing.

    >>> ledger.charge(ask_row).code
    ''

Source: docs/formats/blind.md section 8, threats 2 to 4.
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from entente.blind.asking import AskRow, UsageRow, charge_usage
from entente.blind.match_records import MatchRow
from entente.blind.rules import BlindRules
from entente.desk.blind.parts import SECRET_BYTES, BlindParts
from entente.kernel.kinds import Decision
from entente.kernel.time import encode_utc

WINDOW: Final = timedelta(hours=24)
MATCH: Final = "match"
_NONCE_LABEL: Final = b"entente blind nonce v1\n"


@dataclass(frozen=True, slots=True)
class Charge:
    """A charged question. ``code``: why it is not to be answered, or empty. ``drawn`` is secret."""

    leaf: str
    code: str
    words: str
    drawn: bytes = field(repr=False)
    at: str = ""
    post: int | None = None


class BlindLedger:
    """Charges, by question. Safe from several threads."""

    def __init__(self, parts: BlindParts) -> None:
        self._parts = parts

    def find(self, leaf: str) -> Charge | None:
        """Return the charge of a question, or None."""
        row = self._parts.book.read_one("SELECT * FROM blind_charges WHERE leaf = ?", (leaf,))
        return None if row is None else _read(row)

    def charge(self, ask: AskRow, rules: BlindRules) -> Charge:
        """Charge a question, durably, and return the charge; one that is charged already, as it was.

        SECURITY: before a byte of the request is fetched, and by the length that the record says
        (tests/protocol/test_desk_blind_attacks.py, test_a_question_is_charged_before_it_is_read).
        """
        with self._parts.book.transaction():
            known = self.find(ask.leaf)
            if known is not None:
                return known
            code, words = self._decide(ask, rules)
            return self._enter(
                ask.leaf, (ask.rules, ask.ask.epoch, ask.asker, ask.ask.run, ask.ask.bucket), code, words
            )

    def charge_match(self, match: MatchRow, rules: BlindRules) -> Charge:
        """Charge a run by way of the center that the other side started."""
        with self._parts.book.transaction():
            known = self.find(match.leaf)
            if known is not None:
                return known
            used = self.get_usage(match.rules, match.match.epoch, match.starter).matches + 1
            code = words = ""
            if used > rules.allowance.matches:
                code = "allowance-used"
                words = (
                    f"matches of {match.starter!r}: expected <= {rules.allowance.matches} in this epoch, "
                    f"this would be {used}"
                )
            return self._enter(
                match.leaf, (match.rules, match.match.epoch, match.starter, MATCH, 0), code, words
            )

    def _decide(self, ask: AskRow, rules: BlindRules) -> tuple[str, str]:
        now = rules.find_epoch(self._parts.clock.now_utc())
        if now is not None and not ask.ask.swaps and not now - 1 <= ask.ask.epoch <= now + 1:
            # SECURITY: a message's time is its author's word: who dates back would have the allowances of all
            # epochs that are over (tests/protocol/test_desk_blind_attacks.py,
            # test_a_question_for_an_epoch_that_is_over_is_refused).
            return "other-epoch", f"question: expected the epoch of now ({now}), got {ask.ask.epoch}"
        usage = self.get_usage(ask.rules, ask.ask.epoch, ask.asker)
        charged = charge_usage(usage, rules.allowance, ask.ask.run, ask.ask.bucket)
        if isinstance(charged, Decision):
            return charged.code, "; ".join(charged.reasons)
        used, most = self.count_theatre(), self._parts.theatre_cells
        if used + ask.ask.bucket > most:
            # SECURITY: partners that pool what they are told together ask no more than this
            # (tests/protocol/test_desk_blind_attacks.py, test_partners_that_pool_meet_one_cap).
            return "cap-reached", "the answering side's cap over all its partners is reached: ask tomorrow"
        return "", ""

    def _enter(self, leaf: str, about: tuple[str, int, str, str, int], code: str, words: str) -> Charge:
        drawn, at = self._parts.random.draw(SECRET_BYTES), encode_utc(self._parts.clock.now_utc())
        with self._parts.book.transaction() as db:
            db.execute(
                "INSERT INTO blind_charges (leaf, rules, epoch, partner, run, bucket, at, code, words, drawn)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (leaf, *about, at, code, words, drawn),
            )
        return Charge(leaf, code, words, drawn, at)

    def keep_answer(self, leaf: str, *, request: bytes | None, refusal: bytes | None, post: int) -> None:
        """Note the answer that was made: the request, or the refusal (an audit needs them)."""
        with self._parts.book.transaction() as db:
            db.execute(
                "UPDATE blind_charges SET request = ?, refusal = ?, post = ? WHERE leaf = ?",
                (request, refusal, post, leaf),
            )

    def get_usage(self, rules: str, epoch: int, partner: str) -> UsageRow:
        """Return what a partner was charged here for questions that were to be answered."""
        counts = {"whole": [0, 0], "delta": [0, 0], MATCH: [0, 0]}
        for row in self._parts.book.read(
            "SELECT run, sum(bucket) AS cells, count(*) AS runs FROM blind_charges"
            " WHERE rules = ? AND epoch = ? AND partner = ? AND code = '' GROUP BY run",
            (rules, epoch, partner),
        ):
            counts[row["run"]] = [row["cells"], row["runs"]]
        return UsageRow(
            "",
            rules,
            epoch,
            partner,
            counts["whole"][0],
            counts["whole"][1],
            counts["delta"][0],
            counts["delta"][1],
            counts[MATCH][1],
        )

    def count_theatre(self) -> int:
        """Return how many cells all partners together were answered in the last day, by our own clock.

        A clock that was set back makes charges lie ahead: they count.
        """
        since = encode_utc(self._parts.clock.now_utc() - WINDOW)
        row = self._parts.book.read_one(
            "SELECT coalesce(sum(bucket), 0) AS cells FROM blind_charges WHERE at > ? AND code = ''", (since,)
        )
        return int(row["cells"]) if row is not None else 0


def make_nonce_seed(drawn: bytes, public_key: bytes, request: bytes) -> bytes:
    """Return what the nonce of an answer's proof follows from.

    SECURITY: two proofs with one nonce over two requests give the key away. The request is in the hash: even
    what was drawn twice makes no nonce twice (tests/unit/test_desk_blind.py, test_a_nonce_is_of_one_request).
    """
    return hashlib.sha256(_NONCE_LABEL + drawn + public_key + hashlib.sha256(request).digest()).digest()


def _read(row: sqlite3.Row) -> Charge:
    return Charge(row["leaf"], row["code"], row["words"], bytes(row["drawn"]), row["at"], row["post"])
