"""Runs by way of the center in the record: `blind.match`, `blind.join`, and the center's `blind.matched`.

Invariants: both lists are of versions that were committed before; a party starts as many runs in an epoch as
the rules allow it; the result is for the two alone (boxes), and one result (commitment); the center says it
once. The lists themselves go to the center and are served to nobody.

It does not match: `matching` does.

    >>> plan_matches(rows)
    [MatchRow(...)]
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.blind.asking import get_usage, list_in_default
from entente.blind.canary import hash_named
from entente.blind.holding import (
    Parcel,
    decide_parcel,
    decide_version,
    find_holding,
    find_rules,
    put_parcel,
    refuse_past_epoch,
)
from entente.blind.matching import BOX_BYTES
from entente.blind.rules import Epoch, RulesRow
from entente.blind.sizes import Bucket, is_bucket
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import CENTER, Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows, get_row
from entente.kernel.wire import Hex64, SlugText, WireStruct, parse_base64

MatchMode = Literal["count", "yes-no"]
BoxText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]+={0,2}$(?!\n)", max_length=500)]


class StartMatch(WireStruct, frozen=True):
    """Body of ``blind.match``.

    Args:
        number: Of the runs by way of the center that the author starts in this epoch, from 1.
        own: The leaf of the version of the author's holding that its list is of.
        bucket: Length of the list, canaries not counted.
        tags: The list, for the center.
        secret: The run's secret, sealed to the other party.
    """

    rules: SlugText
    epoch: Epoch
    number: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    mode: MatchMode
    own: Hex64
    bucket: Bucket
    tags: Parcel
    secret: Parcel


class JoinMatch(WireStruct, frozen=True):
    """Body of ``blind.join``: the other party's list for a run."""

    match: Hex64
    own: Hex64
    bucket: Bucket
    tags: Parcel


class TellMatched(WireStruct, frozen=True):
    """Body of ``blind.matched``, by the center.

    Args:
        commitment: To the result (`matching.commit_result`).
        boxes: The result for the starter and for the other party, in base64.
    """

    match: Hex64
    commitment: Hex64
    boxes: Annotated[list[BoxText], msgspec.Meta(min_length=2, max_length=2)]


class MatchRow(Row, frozen=True):
    """A run by way of the center."""

    TABLE: ClassVar[str] = "blind_matches"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "rules", "joiner")
    leaf: str
    index: int
    starter: str
    joiner: str
    rules: str
    state: Literal["started", "joined", "matched"]
    match: StartMatch
    at: str
    """The time that its starter gave."""
    join: JoinMatch | None = None
    join_leaf: str = ""
    matched: TellMatched | None = None
    matched_leaf: str = ""

    def key(self) -> str:
        """Return the first message's leaf."""
        return self.leaf


def name_match(starter: str, match: StartMatch, domain: bytes) -> bytes:
    """Return the name of a run: what its first message says but the parcels."""
    return hash_named(domain, "match", starter, str(match.number), match.mode, match.own)


def _decide_own(rows: Rows, rules_id: str, epoch: int, party: str, leaf: str) -> Decision:
    version = decide_version(rows, rules_id, epoch, party, leaf, what="own")
    return version if isinstance(version, Decision) else ALLOWED


def _decide_list(rows: Rows, tags: Parcel) -> Decision:
    if tags.inside != tags.sha256:
        return denied(
            "other-inside", f"list: it lies at the center as it is: expected {tags.sha256}, got {tags.inside}"
        )
    return decide_parcel(rows, tags)


def decide_match(message: VerifiedMessage[StartMatch], rows: Rows) -> Decision:
    """Allow the next run within the allowance, of a committed plan, with a partner that has committed."""
    body = message.opened()
    row = find_rules(message, body.rules, body.epoch, rows)
    if not isinstance(row, Decision):
        row = refuse_past_epoch(row, message.author, body.epoch)
    if isinstance(row, Decision):
        return row
    what = f"match {body.number} of {message.author!r} under {body.rules!r}"
    if body.mode not in row.rules.modes:
        return denied("other-mode", f"{what}: expected one of the modes {row.rules.modes}, got {body.mode!r}")
    if message.author in list_in_default(rows, body.rules):
        return denied(
            "in-default", f"{what}: expected {message.author!r} to have answered what it owes first"
        )
    used = get_usage(rows, body.rules, body.epoch, message.author).matches
    if body.number != used + 1:
        return denied("ask-order", f"{what}: expected number {used + 1}")
    if body.number > row.rules.allowance.matches:
        # SECURITY: each bit that is told of a set of one's own choice narrows the other's plan down
        # (tests/unit/test_blind_records.py, test_repeated_matches_end_at_the_allowance).
        return denied("allowance-used", f"{what}: expected <= {row.rules.allowance.matches} in an epoch")
    if not is_bucket(body.bucket):
        return denied("no-bucket", f"{what}: expected a list of 10, 20, 50, 100, ..., got {body.bucket}")
    other = row.rules.get_other(message.author)
    if find_holding(rows, body.rules, body.epoch, other) is None:
        return denied("not-committed", f"{what}: expected {other!r} to have committed in epoch {body.epoch}")
    if body.tags.sha256 == body.secret.sha256:
        return denied("parcel-named", f"{what}: expected two parcels, got one twice")
    for decision in (
        _decide_own(rows, body.rules, body.epoch, message.author, body.own),
        _decide_list(rows, body.tags),
        decide_parcel(rows, body.secret),
    ):
        if not decision.is_allowed:
            return decision
    return ALLOWED


def project_match(entry: Entry[StartMatch], rows: Rows) -> None:
    """Write the run down and charge it."""
    body, message = entry.message.opened(), entry.message
    rules = get_row(rows, RulesRow, body.rules, what="rules").rules
    joiner = rules.get_other(message.author)
    rows.put(
        MatchRow(
            leaf=message.leaf,
            index=entry.index,
            starter=message.author,
            joiner=joiner,
            rules=body.rules,
            state="started",
            match=body,
            at=message.payload.at,
        )
    )
    usage = get_usage(rows, body.rules, body.epoch, message.author)
    rows.put(msgspec.structs.replace(usage, matches=body.number))
    for parcel, to in ((body.tags, CENTER), (body.secret, joiner)):
        put_parcel(rows, parcel, message, to=to, rules=body.rules, epoch=body.epoch)


def decide_join(message: VerifiedMessage[JoinMatch], rows: Rows) -> Decision:
    """Allow the other party, once, with a list of a version that it committed to."""
    body = message.opened()
    row = rows.find(MatchRow, body.match)
    if row is None or row.joiner != message.author:
        return denied("not-asked", f"join: expected a run that {message.author!r} is the other party of")
    if row.state != "started":
        return denied("joined", f"run {body.match[:12]}: expected one to be joined, it is {row.state}")
    if not is_bucket(body.bucket):
        return denied("no-bucket", f"join: expected a list of 10, 20, 50, 100, ..., got {body.bucket}")
    decision = _decide_own(rows, row.rules, row.match.epoch, message.author, body.own)
    return decision if not decision.is_allowed else _decide_list(rows, body.tags)


def project_join(entry: Entry[JoinMatch], rows: Rows) -> None:
    """Write the other list down."""
    body, message = entry.message.opened(), entry.message
    row = get_row(rows, MatchRow, body.match, what="run")
    rows.put(msgspec.structs.replace(row, state="joined", join=body, join_leaf=message.leaf))
    put_parcel(rows, body.tags, message, to=CENTER, rules=row.rules, epoch=row.match.epoch)


def decide_matched(message: VerifiedMessage[TellMatched], rows: Rows) -> Decision:
    """Allow one result for a run that was joined, with two boxes of the one length."""
    body = message.opened()
    row = rows.find(MatchRow, body.match)
    if row is None or row.state != "joined":
        return denied("not-joined", f"result: expected a run that was joined, got {body.match[:12]}")
    for place, box in enumerate(body.boxes):
        parse_base64(box, what=f"box {place}", size_bytes=BOX_BYTES)
    return ALLOWED


def project_matched(entry: Entry[TellMatched], rows: Rows) -> None:
    """Write the result down, as far as the record has it."""
    body = entry.message.opened()
    row = get_row(rows, MatchRow, body.match, what="run")
    rows.put(msgspec.structs.replace(row, state="matched", matched=body, matched_leaf=entry.message.leaf))


def plan_matches(rows: Rows) -> list[MatchRow]:
    """Return the runs for which the center has both lists, by their place in the record."""
    return sorted(rows.select(MatchRow, state="joined"), key=lambda row: row.index)


BLIND_MATCH: Final = Kind(
    "blind.match", StartMatch, decide=decide_match, project=project_match, min_officers=1
)
BLIND_JOIN: Final = Kind("blind.join", JoinMatch, decide=decide_join, project=project_join)
BLIND_MATCHED: Final = Kind(
    "blind.matched",
    TellMatched,
    decide=decide_matched,
    project=project_matched,
    signed_by=SignedBy.CENTER,
)
