"""How a run ended, told to the other side: `blind.outcome`, sealed, and what two outcomes come to together.

The record holds a commitment to each outcome; the two parties read both. A question in return makes a pair:
one run, of which each side found its half.

Invariants:
  * A run is CLEAR only when both halves are; CONFLICT when both are; anything else (one INVALID, one missing,
    two that differ) is INVALID with its reason: a difference is a mistake or a lie, and never "no conflict".
  * Each party says once how its own question ended.

It does not show where the plans meet: the other side found the same cells itself, or `zoom` shows more.

    >>> judge_pair("us", ask_row, {"us": own, "ru": others})
    Judgement(verdict='CLEAR', code='', words='...')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.blind.asking import AskRow
from entente.blind.exact import Verdict
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, NoteText, WireStruct

VerdictWord = Literal["CLEAR", "CONFLICT", "INVALID"]
CodeText = Annotated[str, msgspec.Meta(pattern=r"^[a-z-]*$(?!\n)", max_length=40)]


class TellOutcome(WireStruct, frozen=True):
    """Body of ``blind.outcome``: how the author's own question ended; ``code`` says why it is INVALID."""

    ask: Hex64
    verdict: VerdictWord
    code: CodeText
    words: NoteText


class OutcomeRow(Row, frozen=True):
    """An outcome that could be opened here."""

    TABLE: ClassVar[str] = "blind_outcomes"
    INDEXED: ClassVar[tuple[str, ...]] = ("author",)
    ask: str
    author: str
    verdict: VerdictWord
    code: str
    words: str
    leaf: str
    index: int

    def key(self) -> str:
        """Return the question's leaf."""
        return self.ask


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run came to, both halves seen."""

    verdict: Verdict
    code: str
    words: str


def decide_outcome(message: VerifiedMessage[TellOutcome], rows: Rows) -> Decision:
    """Allow the asker, once, after the answer or in its place; sealed to the one who was asked."""
    if not message.addressees:
        return denied("not-addressed", "outcome: expected one sealed to the other party, got an open message")
    body = message.body
    if body is None:
        return ALLOWED
    row = rows.find(AskRow, body.ask)
    if row is None or row.asker != message.author:
        return denied("not-asked", f"outcome: expected a question of {message.author!r}, got {body.ask[:12]}")
    if message.addressees != (row.responder,):
        return denied(
            "other-addressee", f"outcome: expected {row.responder!r} alone, got {list(message.addressees)}"
        )
    known = rows.find(OutcomeRow, body.ask)
    if known is not None:
        return denied("told", f"question {body.ask[:12]}: expected no outcome yet, {known.leaf[:12]} is one")
    if body.verdict != "INVALID" and not row.answer:
        return denied("not-answered", f"question {body.ask[:12]}: expected an answer before {body.verdict}")
    if (body.verdict == "INVALID") != bool(body.code):
        return denied("bad-code", "outcome: expected a code exactly where it is INVALID")
    return ALLOWED


def project_outcome(entry: Entry[TellOutcome], rows: Rows) -> None:
    """Write it down where it can be read."""
    body, message = entry.message.body, entry.message
    if body is not None:
        rows.put(
            OutcomeRow(
                body.ask, message.author, body.verdict, body.code, body.words, message.leaf, entry.index
            )
        )


def judge_pair(first: AskRow, second: AskRow | None, outcomes: Mapping[str, OutcomeRow]) -> Judgement:
    """Return what a whole run came to: the first question, the one asked in return, and both outcomes.

    Args:
        outcomes: By the question's leaf.
    """
    half = _judge_half(first, outcomes)
    if second is None:
        if half.verdict == "INVALID":
            return half
        return Judgement(
            "INVALID", "one-sided", f"{first.responder!r} has not asked in return: only one half was checked"
        )
    halves = (half, _judge_half(second, outcomes))
    for one in halves:
        if one.verdict == "INVALID":
            return one
    if halves[0].verdict != halves[1].verdict:
        said = ", ".join(
            f"{row.asker!r} found {one.verdict}" for row, one in zip((first, second), halves, strict=True)
        )
        return Judgement("INVALID", "halves-differ", f"both halves of a run find the same, here {said}")
    return halves[0]


def _judge_half(row: AskRow, outcomes: Mapping[str, OutcomeRow]) -> Judgement:
    told = outcomes.get(row.leaf)
    if told is not None:
        return Judgement(told.verdict, told.code, told.words)
    if row.state == "lapsed":
        return Judgement("INVALID", "in-default", f"{row.responder!r} did not answer in the agreed time")
    if row.state == "open":
        return Judgement("INVALID", "open", f"{row.responder!r} has not answered yet")
    return Judgement("INVALID", "not-told", f"{row.asker!r} has not said yet how its half ended")


BLIND_OUTCOME: Final = Kind(
    "blind.outcome",
    TellOutcome,
    decide=decide_outcome,
    project=project_outcome,
    may_be_sealed=True,
)
