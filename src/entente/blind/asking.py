"""Questions and answers in the record: `blind.ask`, `blind.answer`, and `blind.lapse` for none in time.

The bulk (blinded points, evaluated points) travels in sealed parcels; the record names them by hash, so that
neither side can swap, deny or reorder what it said.

Invariants:
  * Commit, then ask: both parties have committed for the epoch, and the question names both versions.
  * A question is metered here too: cells (padded) and runs in an epoch, as agreed; nobody can ask more
    unseen.
  * A whole plan's question gives the other party the right to one in return (`swaps`), which costs it nothing
    beyond its own allowance. It is about the same two versions, and neither the end of the rules nor that of
    the epoch takes it away.
  * Who leaves a question unanswered is in default once the center has said so (`blind.lapse`), and may not
    ask again under these rules until it has answered.

It does not know what is asked or answered, and no verdict is here: that is between the two.

    >>> list_in_default(rows, "skies")
    ['ru']
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from entente.blind.holding import (
    Parcel,
    decide_parcel,
    decide_version,
    find_rules,
    name_holding,
    put_parcel,
    refuse_past_epoch,
)
from entente.blind.rules import Allowance, Epoch, RulesRow
from entente.blind.sizes import Bucket, RunType, is_bucket
from entente.kernel.ids import LeafHash
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows, get_row
from entente.kernel.time import encode_utc, measure_wait, parse_utc
from entente.kernel.wire import Count, Hex64, OptionalHex64, SlugText, UtcText, WireStruct

AskState = Literal["open", "answered", "lapsed"]
WAIT_SLACK_S: Final = 60


class Ask(WireStruct, frozen=True):
    """Body of ``blind.ask``.

    Args:
        number: Of the asker's questions under these rules in this epoch, from 1: a run's own name.
        run: ``whole``: all that the asker has committed to; ``delta``: what it means to add.
        bucket: Number of cells asked for, padded.
        own, others: The leaves of the versions of both holdings that the question is about.
        asked: Root over the salted cover cells that are asked for; of a whole run, the committed root.
        seed: Commitment to the seed from which all blinding follows (`commitment.commit_seed`): an audit can
            make the request again.
        swaps: The leaf of the other's whole question that this one is the return of, or empty.
        request: The sealed parcel.
    """

    rules: SlugText
    epoch: Epoch
    number: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    run: RunType
    bucket: Bucket
    own: Hex64
    others: Hex64
    asked: Hex64
    seed: Hex64
    swaps: OptionalHex64
    request: Parcel


class AnswerAsk(WireStruct, frozen=True):
    """Body of ``blind.answer``: the sealed reply to a question, which the desk gave by itself."""

    ask: Hex64
    reply: Parcel


class LapseAsk(WireStruct, frozen=True):
    """Body of ``blind.lapse``, by the center: a question was not answered in the agreed time."""

    ask: Hex64
    recorded: UtcText
    waited_s: Count


class AskRow(Row, frozen=True):
    """A question with what became of it."""

    TABLE: ClassVar[str] = "blind_asks"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "rules", "responder")
    leaf: str
    index: int
    asker: str
    responder: str
    rules: str
    state: AskState
    ask: Ask
    at: str
    """The time that its asker gave."""
    answer: str = ""
    """The leaf of the answer."""
    reply: Parcel | None = None
    swapped_by: str = ""
    """The leaf of the question that was asked in return."""
    lapsed: str = ""
    """The leaf of the center's word that the answer did not come in time; stays when it came later."""

    def key(self) -> str:
        """Return the question's leaf."""
        return self.leaf


class UsageRow(Row, frozen=True):
    """How much a party has asked under rules in an epoch."""

    TABLE: ClassVar[str] = "blind_usage"
    INDEXED: ClassVar[tuple[str, ...]] = ("rules",)
    usage: str
    rules: str
    epoch: int
    party: str
    whole_cells: int = 0
    whole_runs: int = 0
    delta_cells: int = 0
    delta_runs: int = 0
    matches: int = 0

    def key(self) -> str:
        """Return ``rules:epoch:party``."""
        return self.usage


def get_usage(rows: Rows, rules_id: str, epoch: int, party: str) -> UsageRow:
    """Return what a party has used of its allowance."""
    name = name_holding(rules_id, epoch, party)
    found = rows.find(UsageRow, name)
    return found if found is not None else UsageRow(name, rules_id, epoch, party)


def charge_usage(usage: UsageRow, allowance: Allowance, run: RunType, bucket: int) -> UsageRow | Decision:
    """Return the usage with a question more, or the refusal of what goes beyond the allowance.

    SECURITY: the one arithmetic of the record's meter and of the responder's own (desk), by the length alone
    (tests/unit/test_blind_records.py, test_fishing_ends_at_the_allowance).
    """
    words = "under these rules in this epoch"
    if run == "whole":
        cells, runs = usage.whole_cells + bucket, usage.whole_runs + 1
        limits = allowance.whole_cells, allowance.whole_runs
        charged = msgspec.structs.replace(usage, whole_cells=cells, whole_runs=runs)
    else:
        cells, runs = usage.delta_cells + bucket, usage.delta_runs + 1
        limits = allowance.delta_cells, allowance.delta_runs
        charged = msgspec.structs.replace(usage, delta_cells=cells, delta_runs=runs)
    for what, got, limit in (("cells", cells, limits[0]), ("runs", runs, limits[1])):
        if got > limit:
            return denied(
                "allowance-used",
                f"{run} questions of {usage.party!r} {words}: expected <= {limit} {what}, "
                f"this would be {got}",
            )
    return charged


def list_in_default(rows: Rows, rules_id: str) -> list[str]:
    """Return the parties that have left a question unanswered beyond its time, sorted."""
    return sorted(
        {one.responder for one in rows.select(AskRow, state="lapsed", rules=rules_id) if not one.answer}
    )


def decide_ask(message: VerifiedMessage[Ask], rows: Rows) -> Decision:
    """Allow a question within the allowance, between two committed parties, by one that is not in default."""
    body = message.opened()
    row = _find_rules(message, rows)
    if isinstance(row, Decision):
        return row
    what = f"question {body.number} of {message.author!r} under {body.rules!r}"
    if "exact" not in row.rules.modes:
        return denied("other-mode", f"{what}: expected one of the modes {row.rules.modes}, got 'exact'")
    if message.author in list_in_default(rows, body.rules):
        return denied(
            "in-default", f"{what}: expected {message.author!r} to have answered what it owes first"
        )
    usage = get_usage(rows, body.rules, body.epoch, message.author)
    asked_before = usage.whole_runs + usage.delta_runs
    if body.number != asked_before + 1:
        return denied("ask-order", f"{what}: expected number {asked_before + 1}")
    if not is_bucket(body.bucket):
        return denied("no-bucket", f"{what}: expected 10, 20, 50, 100, ... cells, got {body.bucket}")
    for refusal in (
        _decide_versions(body, message.author, row.rules.get_other(message.author), rows),
        _decide_swap(body, message.author, rows),
        charge_usage(usage, row.rules.allowance, body.run, body.bucket),
        decide_parcel(rows, body.request),
    ):
        if isinstance(refusal, Decision) and not refusal.is_allowed:
            return refusal
    return ALLOWED


def _find_rules(message: VerifiedMessage[Ask], rows: Rows) -> RulesRow | Decision:
    """Return the rules that a question is asked under."""
    body = message.opened()
    if not body.swaps:
        row = find_rules(message, body.rules, body.epoch, rows)
        return row if isinstance(row, Decision) else refuse_past_epoch(row, message.author, body.epoch)
    # SECURITY: who asks in an epoch's last minute, or takes its answer and ends the rules, would owe none
    # (tests/unit/test_blind_records.py, test_no_end_of_rules_or_epoch_takes_the_question_in_return_away).
    bound = rows.find(RulesRow, body.rules)
    if bound is None or message.author not in bound.rules.parties or bound.state not in {"agreed", "ended"}:
        return denied("unknown-rules", f"rules {body.rules!r}: expected rules that bind {message.author!r}")
    return bound


def _decide_versions(body: Ask, asker: str, responder: str, rows: Rows) -> Decision:
    for party, leaf, which in ((asker, body.own, "own"), (responder, body.others, "others")):
        version = decide_version(rows, body.rules, body.epoch, party, leaf, what=which)
        if isinstance(version, Decision):
            return version
        if party == asker and body.run == "whole" and body.asked != version.root:
            return denied(
                "other-root", f"asked: expected the committed root {version.root}, got {body.asked}"
            )
    return ALLOWED


def _decide_swap(body: Ask, asker: str, rows: Rows) -> Decision:
    if not body.swaps:
        return ALLOWED
    other = rows.find(AskRow, body.swaps)
    if (
        other is None
        or body.run != "whole"
        or (other.responder, other.rules, other.ask.epoch) != (asker, body.rules, body.epoch)
        or other.ask.run != "whole"
        or other.ask.swaps
        or other.swapped_by
    ):
        return denied(
            "no-swap",
            f"swaps: expected a whole question to {asker!r} that was not asked in return yet, "
            f"got {body.swaps[:12]}",
        )
    if (body.own, body.others) != (other.ask.others, other.ask.own):
        # SECURITY: both halves are of one run only where they are about the same two plans
        # (tests/unit/test_blind_records.py, test_both_halves_of_a_run_are_about_the_same_versions).
        return denied(
            "other-versions",
            f"swaps: expected the versions of the question that it returns, {other.ask.others[:12]} and "
            f"{other.ask.own[:12]}, got {body.own[:12]} and {body.others[:12]}",
        )
    return ALLOWED


def project_ask(entry: Entry[Ask], rows: Rows) -> None:
    """Write the question down and charge it."""
    body, message = entry.message.opened(), entry.message
    rules = get_row(rows, RulesRow, body.rules, what="rules").rules
    responder = rules.get_other(message.author)
    rows.put(
        AskRow(
            leaf=message.leaf,
            index=entry.index,
            asker=message.author,
            responder=responder,
            rules=body.rules,
            state="open",
            ask=body,
            at=message.payload.at,
        )
    )
    charged = charge_usage(
        get_usage(rows, body.rules, body.epoch, message.author), rules.allowance, body.run, body.bucket
    )
    if isinstance(charged, Decision):
        raise AssertionError(f"question {message.leaf[:12]}: a rule allowed more than the allowance")
    rows.put(charged)
    if body.swaps:
        other = get_row(rows, AskRow, body.swaps, what="question")
        rows.put(msgspec.structs.replace(other, swapped_by=message.leaf))
    put_parcel(rows, body.request, message, to=responder, rules=body.rules, epoch=body.epoch)


def decide_answer(message: VerifiedMessage[AnswerAsk], rows: Rows) -> Decision:
    """Allow the one who was asked, once; late is better than never."""
    body = message.opened()
    row = rows.find(AskRow, body.ask)
    if row is None or row.responder != message.author:
        return denied("not-asked", f"answer: expected a question to {message.author!r}, got {body.ask[:12]}")
    if row.answer:
        return denied(
            "answered", f"question {body.ask[:12]}: expected no answer yet, {row.answer[:12]} is one"
        )
    return decide_parcel(rows, body.reply)


def project_answer(entry: Entry[AnswerAsk], rows: Rows) -> None:
    """Write the answer down."""
    body, message = entry.message.opened(), entry.message
    row = get_row(rows, AskRow, body.ask, what="question")
    rows.put(msgspec.structs.replace(row, state="answered", answer=message.leaf, reply=body.reply))
    put_parcel(rows, body.reply, message, to=row.asker, rules=row.rules, epoch=row.ask.epoch)


def decide_lapse(message: VerifiedMessage[LapseAsk], rows: Rows) -> Decision:
    """Allow what is true: an open question, and a wait of at least the agreed time."""
    body = message.opened()
    row = rows.find(AskRow, body.ask)
    if row is None or row.state != "open":
        return denied("not-open", f"question {body.ask[:12]}: expected an open one")
    waited_s = measure_wait(
        parse_utc(message.payload.at, path="$.at"), parse_utc(body.recorded, path="$.body.recorded")
    )
    least_s = get_row(rows, RulesRow, row.rules, what="rules").rules.answer_min * 60
    if not max(least_s, waited_s - WAIT_SLACK_S) <= body.waited_s <= waited_s:
        return denied(
            "wrong-wait",
            f"waited_s: expected {waited_s} s (at most {WAIT_SLACK_S} s less, and >= {least_s} s) from "
            f"{body.recorded!r} to {message.payload.at!r}, got {body.waited_s}",
        )
    return ALLOWED


def project_lapse(entry: Entry[LapseAsk], rows: Rows) -> None:
    """Write down that the answer did not come in time."""
    row = get_row(rows, AskRow, entry.message.opened().ask, what="question")
    rows.put(msgspec.structs.replace(row, state="lapsed", lapsed=entry.message.leaf))


def plan_lapses(
    rows: Rows, now_utc: datetime, recorded_utc: Callable[[LeafHash], datetime | None]
) -> list[tuple[str, Any]]:
    """Return the center's messages that are due: (kind, body), by the question's place in the record."""
    due: list[tuple[str, Any]] = []
    for row in sorted(rows.select(AskRow, state="open"), key=lambda one: one.index):
        recorded = recorded_utc(LeafHash(row.leaf))
        rules = rows.find(RulesRow, row.rules)
        if recorded is None or rules is None:
            continue
        waited_s = measure_wait(now_utc, recorded)
        if waited_s >= rules.rules.answer_min * 60:
            due.append(("blind.lapse", LapseAsk(row.leaf, encode_utc(recorded), waited_s)))
    return due


BLIND_ASK: Final = Kind("blind.ask", Ask, decide=decide_ask, project=project_ask, min_officers=1)
BLIND_ANSWER: Final = Kind("blind.answer", AnswerAsk, decide=decide_answer, project=project_answer)
BLIND_LAPSE: Final = Kind(
    "blind.lapse", LapseAsk, decide=decide_lapse, project=project_lapse, signed_by=SignedBy.CENTER
)
