"""What a run came to, as far as it is known: our half from the book, the other half from the record.

Invariants:
  * The verdict is empty while anything is missing; CLEAR only when every half that the run has is CLEAR.
  * A whole run has two halves. When the other side leaves its half out for longer than the rules give it for
    an answer, the run is INVALID: one half checked is not a check.
  * A party that was asked and did not answer in time is in default; when it answers late, the run goes on.

    >>> judge_run(parts, run).verdict
    'CLEAR'
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from entente.blind.asking import AskRow
from entente.blind.outcome import OutcomeRow, judge_pair
from entente.desk.blind.parts import BlindParts
from entente.kernel.time import parse_utc
from entente.terms.words.text import clean_text

_OPEN: Final = frozenset({"open", "not-told", "one-sided"})
"""Codes of `judge_pair` that say what is missing, and not that something is wrong."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A run as it stands.

    Args:
        state: As `requests.RunAnswer` has it.
        own: Of our half alone.
        is_final: Nothing can change it any more.
    """

    state: str
    verdict: str
    own: str
    code: str
    words: str
    is_final: bool


def judge_run(parts: BlindParts, run: sqlite3.Row) -> Judged:
    """Return what a run came to."""
    own = str(run["verdict"])
    if run["state"] == "wanted":
        return Judged(
            "preparing",
            "",
            "",
            "",
            "being prepared, or waiting for the other side's list or for the question before it",
            is_final=False,
        )
    if run["state"] == "sending":
        return Judged("sending", "", "", "", "on its way to the center", is_final=False)
    if run["kind"] != "whole":
        return _judge_single(parts, run, own)
    first = parts.rows.find(AskRow, run["swaps"] or run["leaf"]) if run["leaf"] else None
    if first is None:
        return _say_own(run) if run["state"] == "done" else _wait("not in the record that we follow yet")
    return _judge_whole(parts, run, first, own)


def _wait(words: str) -> Judged:
    return Judged("waiting", "", "", "", words, is_final=False)


def _say_own(run: sqlite3.Row) -> Judged:
    words = clean_text(run["words"])
    return Judged("ended", run["verdict"], run["verdict"], run["code"], words, is_final=True)


def _judge_single(parts: BlindParts, run: sqlite3.Row, own: str) -> Judged:
    if run["state"] == "done":
        return _say_own(run)
    row = parts.rows.find(AskRow, run["leaf"])
    if row is not None and row.state == "lapsed" and not row.answer:
        words = f"{row.responder!r} did not answer in the agreed time and is in default"
        return Judged("ended", "INVALID", own, "in-default", words, is_final=False)
    return _wait(
        "waits for the other side" if run["kind"] == "delta" else "waits for both lists at the center"
    )


def _judge_whole(parts: BlindParts, run: sqlite3.Row, first: AskRow, own: str) -> Judged:
    second = parts.rows.find(AskRow, first.swapped_by) if first.swapped_by else None
    outcomes = {
        row.leaf: told
        for row in (first, second)
        if row is not None and (told := parts.rows.find(OutcomeRow, row.leaf)) is not None
    }
    judged = judge_pair(first, second, outcomes)
    words = clean_text(judged.words)
    if own == "INVALID" and judged.code != "in-default":
        return Judged("ended", "INVALID", own, run["code"], clean_text(run["words"]), is_final=True)
    if judged.code not in _OPEN:
        words = words or clean_text(run["words"])  # the other side is told no more than the verdict
        return Judged("ended", judged.verdict, own, judged.code, words, is_final=judged.code != "in-default")
    said = f"; our own half is {own}: {clean_text(run['words'])}" if own else ""
    if run["state"] == "done" and _is_overdue(parts, run):
        return Judged("ended", "INVALID", own, judged.code, words + said, is_final=False)
    return Judged("half" if own else "waiting", "", own, "", words + said, is_final=False)


def _is_overdue(parts: BlindParts, run: sqlite3.Row) -> bool:
    """Tell whether the other side has had as long for its half as the rules give it for an answer."""
    rules = parts.find_rules(run["rules"])
    if rules is None or not run["done_at"]:
        return False
    waited = parts.clock.now_utc() - parse_utc(run["done_at"])
    return waited > timedelta(minutes=rules.rules.answer_min)
