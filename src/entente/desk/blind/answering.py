"""Answering what the other side asks, and joining its runs by way of the center: by itself, at any hour.

The officer who committed gave the authority for it: who commits under agreed rules is asked, within the
allowance, and answers.

Invariants:
  * Charged, then fetched, then evaluated, then kept, then deposited, then said: stopped anywhere in between,
    the next start goes on, with the same nonce, and never with a second answer.
  * What cannot be answered (over the allowance, not of its form, not for us) gets a refusal that says why, so
    that its asker is not left to wait and we are not in default.
  * What evaluates is the key that we committed to, or nothing.

It does not ask.

    >>> answering.step()
    True
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from entente.blind.asking import AnswerAsk, AskRow
from entente.blind.exact import Asking, answer, name_run
from entente.blind.holding import find_holding
from entente.blind.match_records import MatchRow
from entente.blind.oprf import PrfKey
from entente.blind.parcels import encode_refusal
from entente.blind.rules import RulesRow
from entente.desk.blind.ledger import BlindLedger, Charge, make_nonce_seed
from entente.desk.blind.matching import BlindMatching
from entente.desk.blind.parts import BlindParts
from entente.desk.blind.post import BlindPost
from entente.desk.evidence import Finding
from entente.desk.gate import DESK
from entente.kernel.errors import Denied, EntenteError, StoreError, TransportError
from entente.kernel.time import parse_utc

REFUSED: Final = "blind-refused"
WITHHELD: Final = frozenset({"withheld-parcel", "swapped-parcel"})


class BlindAnswering:
    """Answers one desk's questions. `step` from one thread."""

    def __init__(
        self, parts: BlindParts, post: BlindPost, ledger: BlindLedger, matching: BlindMatching
    ) -> None:
        self._parts = parts
        self._post = post
        self._ledger = ledger
        self._matching = matching

    def step(self) -> bool:
        """Answer what is open; return whether anything was.

        Raises:
            TransportError: The center did not answer: the charge stands, the answer is made later.
        """
        moved, trouble = False, None
        for row, rules in self._list_open():
            try:
                moved = self._answer(row, rules) or moved
            except TransportError as error:
                trouble = error
        for match, rules in self._list_started():
            try:
                moved = (
                    self._matching.join(match, rules, self._ledger.charge_match(match, rules.rules)) or moved
                )
            except TransportError as error:
                trouble = error
        if trouble is not None and not moved:
            raise trouble
        return moved

    def _list_open(self) -> list[tuple[AskRow, RulesRow]]:
        """Return the questions to us that the record holds no answer to, in their order."""
        found = []
        for state in ("open", "lapsed"):
            for row in self._parts.rows.select(AskRow, state=state, responder=self._parts.party):
                rules = self._parts.find_rules(row.rules)
                if rules is not None and not row.answer:
                    found.append((row, rules))
        return sorted(found, key=lambda one: one[0].index)

    def _list_started(self) -> list[tuple[MatchRow, RulesRow]]:
        found = []
        for row in self._parts.rows.select(MatchRow, state="started", joiner=self._parts.party):
            rules = self._parts.find_rules(row.rules)
            if rules is not None:
                found.append((row, rules))
        return sorted(found, key=lambda one: one[0].index)

    def _answer(self, row: AskRow, rules: RulesRow) -> bool:
        charge = self._ledger.charge(row, rules.rules)
        if charge.post is not None:
            return False  # made; the post carries it
        request: bytes | None = None
        if charge.code:
            reply = encode_refusal(charge.code, charge.words)
        else:
            try:
                request = self._fetch(row)
                reply = self._evaluate(row, rules, charge, request)
            except StoreError:
                raise
            except EntenteError as error:
                if isinstance(error, TransportError) and not self._is_given_up(error, charge, rules):
                    raise
                charge = Charge(charge.leaf, error.code, error.message, charge.drawn)
                reply = encode_refusal(error.code, error.message)
        self._keep(row, charge, request, reply)
        return True

    def _is_given_up(self, error: TransportError, charge: Charge, rules: RulesRow) -> bool:
        """Tell whether a request that the center keeps back is waited for no longer.

        Whoever asked is not left to wait, and we are not left in default, by a host that holds a parcel.
        """
        waited = self._parts.clock.now_utc() - parse_utc(charge.at)
        return error.code in WITHHELD and waited > timedelta(minutes=rules.rules.answer_min)

    def _fetch(self, row: AskRow) -> bytes:
        return self._post.fetch(
            row.ask.request, author=row.asker, purpose="request", rules=row.rules, epoch=row.ask.epoch
        )

    def _evaluate(self, row: AskRow, rules: RulesRow, charge: Charge, request: bytes) -> bytes:
        domain = self._parts.get_domain(rules.rules, row.ask.epoch)
        key = self._get_key(row, domain)
        asking = Asking(domain, key.public, row.ask.run, name_run(row.asker, row.ask, domain))
        progress = self._parts.report(f"answer question {row.ask.number} of {row.asker} under {row.rules}")
        nonce_seed = make_nonce_seed(charge.drawn, key.public, request)
        return answer(self._parts.group, key, asking, request, row.ask.bucket, nonce_seed, progress)

    def _get_key(self, row: AskRow, domain: bytes) -> PrfKey:
        key = self._parts.derive_key(domain, row.asker, row.ask.epoch)
        holding = find_holding(self._parts.rows, row.rules, row.ask.epoch, self._parts.party)
        if holding is None or holding.public_key != key.public.hex():
            raise Denied(
                "other-key", "the answering side no longer has the key that it committed to in this epoch"
            )
        return key

    def _keep(self, row: AskRow, charge: Charge, request: bytes | None, reply: bytes) -> None:
        packed = self._post.seal(reply, row.asker, "reply", row.rules, row.ask.epoch)
        with self._parts.book.transaction():
            post = self._post.write(
                "blind.answer",
                AnswerAsk(row.leaf, packed.parcel),
                officers=(),
                purpose=DESK,
                parcels=[packed],
            )
            refusal = reply if charge.code else None
            self._ledger.keep_answer(row.leaf, request=request, refusal=refusal, post=post)
        if charge.code:
            words = (
                f"question {row.ask.number} of {row.asker!r} under {row.rules!r} was refused: {charge.words}"
            )
            self._parts.board.raise_alarm(Finding(REFUSED, words, row.leaf))
