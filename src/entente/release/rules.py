"""Rules of release between two parties: for which purposes, and whether who receives must also give.

One party proposes, the other agrees to the very bytes, either ends: open messages, so that nobody can later
say it was never so. While rules are in force, a release between the two names one of their purposes.

Invariants:
  * At most one set of rules is in force between two parties; agreeing to new ones ends the old.
  * Without rules in force nothing is promised: each side's gate decides by itself. They never force a
    release: they only add reasons to withhold one.
  * Who gives first is not stuck: the first ``per`` items need nothing in return (`judge_contribution`).

It cannot see what a recipient does with an item: a purpose is a promise that both signed.

    >>> find_rules(rows, "us", "ru").rules.purposes
    ['deconfliction']
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.kernel.canonical import encode_canonical
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Row, Rows
from entente.kernel.time import parse_utc
from entente.kernel.wire import Hex64, NoteText, OptionalSlug, SlugText, UtcText, WireStruct

ItemCount = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
RulesState = Literal["proposed", "agreed", "ended"]


class Contribution(WireStruct, frozen=True):
    """Contribute to receive: ``at_least`` items received for every whole ``per`` items given, in ``days``."""

    at_least: ItemCount
    per: ItemCount
    days: Annotated[int, msgspec.Meta(ge=1, le=3660)]


class ReleaseRules(WireStruct, frozen=True):
    """Body of ``release.propose``.

    Args:
        parties: The two, sorted by name.
        agreement: The agreement that these rules belong to, or empty.
        purposes: What released items may be used for; sorted.
        until: When they end by themselves, or None.
    """

    id: SlugText
    parties: Annotated[list[SlugText], msgspec.Meta(min_length=2, max_length=2)]
    agreement: OptionalSlug
    purposes: Annotated[list[SlugText], msgspec.Meta(min_length=1, max_length=20)]
    contribution: Contribution | None
    until: UtcText | None


class AgreeRelease(WireStruct, frozen=True):
    """Body of ``release.agree``: the very bytes that were proposed are in force."""

    rules: SlugText
    sha256: Hex64


class EndRelease(WireStruct, frozen=True):
    """Body of ``release.end``: proposed rules are turned down, agreed ones are over."""

    rules: SlugText
    reason: NoteText


class ReleaseRulesRow(Row, frozen=True):
    """Rules with what became of them."""

    TABLE: ClassVar[str] = "release_rules"
    INDEXED: ClassVar[tuple[str, ...]] = ("pair",)
    id: str
    pair: str
    """``first:second``."""
    author: str
    sha256: str
    rules: ReleaseRules
    state: RulesState
    index: int
    ended_by: str = ""
    reason: str = ""

    def key(self) -> str:
        """Return the rules' name."""
        return self.id


def hash_release_rules(rules: ReleaseRules) -> str:
    """Return the SHA-256 of the rules' canonical bytes, in hex: what ``release.agree`` names."""
    return hashlib.sha256(encode_canonical(rules)).hexdigest()


def find_rules(rows: Rows, one: str, other: str, *, at: datetime | None = None) -> ReleaseRulesRow | None:
    """Return the rules in force between two parties, or None.

    Args:
        at: With an instant, rules whose ``until`` is over by then do not count.
    """
    for row in rows.select(ReleaseRulesRow, pair=_pair(one, other)):
        if row.state != "agreed":
            continue
        until = row.rules.until
        return None if at is not None and until is not None and parse_utc(until) <= at else row
    return None


def decide_purpose(rows: Rows, author: str, to: str, purpose: str, at: datetime) -> Decision:
    """Allow the purposes that the two have agreed on; any, where they have agreed on none."""
    row = find_rules(rows, author, to, at=at)
    if row is None or purpose in row.rules.purposes:
        return ALLOWED
    return denied(
        "other-purpose",
        f"purpose: expected one of {row.rules.purposes} (rules {row.id!r}), got {purpose!r}",
    )


def judge_contribution(
    rules: ReleaseRules, given: list[datetime], received: list[datetime], at: datetime
) -> Decision:
    """Allow one more item to be given, by what came back.

    Args:
        given, received: When items went to the other party, and when items came from it.
    """
    wanted = rules.contribution
    if wanted is None:
        return ALLOWED
    since = at - timedelta(days=wanted.days)
    gave, got = (sum(1 for one in each if one > since) for each in (given, received))
    needed = gave // wanted.per * wanted.at_least
    if got >= needed:
        return ALLOWED
    return denied(
        "not-contributed",
        f"contribution: expected at least {needed} items from the other party in {wanted.days} days for the "
        f"{gave} that it got (rules {rules.id!r}), got {got}",
    )


def decide_propose(message: VerifiedMessage[ReleaseRules], rows: Rows) -> Decision:
    """Allow rules that are sound in themselves, from one of their two parties, under a new name."""
    body = message.opened()
    what = f"rules {body.id!r}"
    known = rows.find(ReleaseRulesRow, body.id)
    if known is not None:
        return denied("name-taken", f"{what}: expected a new name, it is entry {known.index}")
    if body.parties != sorted(set(body.parties)) or message.author not in body.parties:
        return denied(
            "bad-parties", f"{what}: expected {message.author!r} and another, sorted, got {body.parties}"
        )
    for party in body.parties:
        if rows.find(PartyRow, party) is None:
            return denied("unknown-party", f"{what}: expected a party of this center, got {party!r}")
    if body.purposes != sorted(set(body.purposes)):
        return denied("purpose-order", f"{what}: expected each purpose once, sorted, got {body.purposes}")
    if body.until is not None:
        parse_utc(body.until, path="$.body.until")
    return ALLOWED


def project_propose(entry: Entry[ReleaseRules], rows: Rows) -> None:
    """Write the rules down as proposed."""
    body = entry.message.opened()
    rows.put(
        ReleaseRulesRow(
            id=body.id,
            pair=_pair(*body.parties),
            author=entry.message.author,
            sha256=hash_release_rules(body),
            rules=body,
            state="proposed",
            index=entry.index,
        )
    )


def decide_agree(message: VerifiedMessage[AgreeRelease], rows: Rows) -> Decision:
    """Allow the other party, once, to the very bytes."""
    body = message.opened()
    what = f"rules {body.rules!r}"
    row = rows.find(ReleaseRulesRow, body.rules)
    if row is None or row.state != "proposed":
        return denied("not-proposed", f"{what}: expected proposed ones, got {row.state if row else 'none'}")
    if message.author == row.author or message.author not in row.rules.parties:
        return denied("not-asked", f"{what}: expected the party that did not propose, got {message.author!r}")
    if body.sha256 != row.sha256:
        return denied("other-bytes", f"{what}: expected SHA-256 {row.sha256}, got {body.sha256}")
    return ALLOWED


def project_agree(entry: Entry[AgreeRelease], rows: Rows) -> None:
    """Put them in force, and end those that were."""
    row = rows.find(ReleaseRulesRow, entry.message.opened().rules)
    if row is None:
        return
    leaf = entry.message.leaf
    for older in list(rows.select(ReleaseRulesRow, pair=row.pair)):
        if older.state == "agreed":
            words = f"followed by {row.id}"
            rows.put(msgspec.structs.replace(older, state="ended", ended_by=leaf, reason=words))
    rows.put(msgspec.structs.replace(row, state="agreed"))


def decide_end(message: VerifiedMessage[EndRelease], rows: Rows) -> Decision:
    """Allow either party, at any time."""
    body = message.opened()
    row = rows.find(ReleaseRulesRow, body.rules)
    if row is None or message.author not in row.rules.parties or row.state == "ended":
        return denied(
            "not-in-force", f"rules {body.rules!r}: expected standing rules that bind {message.author!r}"
        )
    return ALLOWED


def project_end(entry: Entry[EndRelease], rows: Rows) -> None:
    """End them."""
    body = entry.message.opened()
    row = rows.find(ReleaseRulesRow, body.rules)
    if row is not None:
        rows.put(msgspec.structs.replace(row, state="ended", ended_by=entry.message.leaf, reason=body.reason))


def _pair(one: str, other: str) -> str:
    return ":".join(sorted((one, other)))


RELEASE_PROPOSE: Final = Kind(
    "release.propose", ReleaseRules, decide=decide_propose, project=project_propose, min_officers=1
)
RELEASE_AGREE: Final = Kind(
    "release.agree", AgreeRelease, decide=decide_agree, project=project_agree, min_officers=1
)
RELEASE_END: Final = Kind("release.end", EndRelease, decide=decide_end, project=project_end, min_officers=1)
