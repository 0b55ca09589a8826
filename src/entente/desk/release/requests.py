"""What can be asked of a desk's gate: closed, bounded requests, one for each verb.

Invariants: those of `entente.desk.requests`. What is answered is in `answers`.

It does nothing: see `verbs`.

    >>> parse_request(b'{"officer":"duty-1","report":"r-17","to":["ru"],"purpose":"safety"}',
    ReleasePlanRequest)
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from entente.desk.release.shelves import ShelfName
from entente.desk.requests import ClearableUtc, MessageName, ReasonText, Spoken, WaitSeconds
from entente.kernel.wire import NoteText, OptionalSlug, SlugText, WireStruct
from entente.release.recall import Reason
from entente.release.rules import Contribution

MAX_RECIPIENTS: Final = 64
FileKind = Literal["catalogue", "reports", "policy", "clearances", "pools", "purposes"]
OptionalName = Annotated[str, msgspec.Meta(pattern=r"^(?:[a-z0-9+](?:[a-z0-9.:-]{0,60}[a-z0-9])?)?$(?!\n)")]
OptionalSha = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?$(?!\n)", max_length=64)]
PlanNumber = Annotated[int, msgspec.Meta(ge=1)]


class ReleaseLoadRequest(WireStruct, frozen=True, kw_only=True):
    """Put a file on the shelves, the whole of it or nothing.

    Args:
        kind: ``policy`` is a SPIF in XML, the rest TOML. ``catalogue``: observers, sources and secrets, all
            of them.
        text: The file itself.
    """

    officer: SlugText
    kind: FileKind
    text: Annotated[str, msgspec.Meta(max_length=1_000_000)]


class ReleaseDropRequest(WireStruct, frozen=True, kw_only=True):
    """Take a thing down from its shelf; its versions stay."""

    officer: SlugText
    shelf: ShelfName
    name: OptionalName


class ReleaseShelfRequest(WireStruct, frozen=True, kw_only=True):
    """Look at the shelves; ``shelf`` empty: all of them."""

    shelf: Annotated[str, msgspec.Meta(max_length=20)] = ""


class ReleaseReportRequest(WireStruct, frozen=True, kw_only=True):
    """Look at a report of our own; it stays at this desk. ``version`` 0: the newest."""

    report: SlugText
    version: Annotated[int, msgspec.Meta(ge=0)] = 0


class WeightsRequest(WireStruct, frozen=True):
    """What a bit is worth in each dimension, in hundredths (docs/formats/release-exposure.md)."""

    place: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100
    span: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100
    height: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 50
    depth: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 300
    wait: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100


class ReleasePlanRequest(WireStruct, frozen=True, kw_only=True):
    """Plan to give a report to recipients. Nothing leaves, nothing is charged.

    Args:
        to: Whom to; planned for each apart.
        finest: No finer than this in arc seconds, seconds, words and metres; 0: as the gate finds.
        latest_s: No later than this delay; -1: as the gate finds.
        tear_line: The text that is to go with it; empty: the first that fits.
        until: When the recipient is not to use it any more; empty: as the purpose says.
        note: For the recipient; it leaves as it stands.
    """

    officer: SlugText
    report: SlugText
    to: Annotated[list[SlugText], msgspec.Meta(min_length=1, max_length=MAX_RECIPIENTS)]
    purpose: SlugText
    finest_arcsec: Annotated[int, msgspec.Meta(ge=0, le=648_000)] = 0
    finest_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    most_depth: Annotated[int, msgspec.Meta(ge=-1, le=6)] = -1
    finest_m: Annotated[int, msgspec.Meta(ge=0)] = 0
    latest_s: Annotated[int, msgspec.Meta(ge=-1)] = -1
    weights: WeightsRequest | None = None
    tear_line: OptionalSlug = ""
    until: ClearableUtc = ""
    note: NoteText = ""


class ReleasePlansRequest(WireStruct, frozen=True, kw_only=True):
    """Look at plans, the newest first; empty: all."""

    state: Annotated[str, msgspec.Meta(max_length=20)] = ""
    report: Annotated[str, msgspec.Meta(max_length=40)] = ""
    recipient: Annotated[str, msgspec.Meta(max_length=40)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class ReleaseSendRequest(WireStruct, frozen=True, kw_only=True):
    """Say yes to a plan; with the last yes it is held until its time, and then sent.

    Args:
        sha256: Only if the plan is this one; what the officer has seen.
    """

    officer: SlugText
    plan: PlanNumber
    sha256: OptionalSha = ""
    wait_s: WaitSeconds = 20


class ReleaseWithdrawRequest(WireStruct, frozen=True, kw_only=True):
    """Take back a plan that is not signed yet. What was charged stays charged."""

    officer: SlugText
    plan: PlanNumber


class ReleaseExplainRequest(WireStruct, frozen=True, kw_only=True):
    """Ask why a party got a report in this form, why not, and what it would need to see more.

    Args:
        plan: A plan; or 0, and then ``report`` and ``to``: the newest about both.
    """

    plan: Annotated[int, msgspec.Meta(ge=0)] = 0
    report: Annotated[str, msgspec.Meta(max_length=40)] = ""
    to: Annotated[str, msgspec.Meta(max_length=40)] = ""


class ReleaseLedgerRequest(WireStruct, frozen=True, kw_only=True):
    """What has been given away, as seen from a secret, a recipient, a pool, a theatre; empty: all.

    Args:
        after, limit: A page of single charges, by number.
    """

    secret: Annotated[str, msgspec.Meta(max_length=40)] = ""
    recipient: Annotated[str, msgspec.Meta(max_length=40)] = ""
    pool: Annotated[str, msgspec.Meta(max_length=400)] = ""
    theatre: Annotated[str, msgspec.Meta(max_length=40)] = ""
    before: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=500)] = 50


class ReleaseBeliefRequest(WireStruct, frozen=True, kw_only=True):
    """Look at what a pool may believe about a secret, release by release."""

    secret: SlugText
    pool: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


class ReleaseRecallRequest(Spoken, frozen=True, kw_only=True):
    """Say to who holds an item that it is not to be used any more. It deletes nothing.

    Args:
        of: Items that we sent, or grants that we gave, by index or digits of the hash.
        report: Instead: every item that was made of this report, any version.
    """

    of: Annotated[list[MessageName], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=list)
    report: Annotated[str, msgspec.Meta(max_length=40)] = ""
    reason: Reason = "not-stated"
    words: NoteText = ""


class ReleaseItemsRequest(WireStruct, frozen=True, kw_only=True):
    """Look at items in the record that we can read, the newest first; ``party``: from or to it."""

    party: Annotated[str, msgspec.Meta(max_length=40)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class ReleaseHoldersRequest(WireStruct, frozen=True, kw_only=True):
    """Look at who holds an item by us, hop by hop, and what each has signed about it and its recall."""

    item: MessageName


class ReleaseAsRequest(WireStruct, frozen=True, kw_only=True):
    """Look at what a partner sees of what we gave it: what left, and nothing of what it was made from."""

    party: SlugText


class ReleaseAskRequest(Spoken, frozen=True, kw_only=True):
    """Ask an item's originator whether it may be passed on to a third party."""

    item: MessageName
    party: SlugText
    purpose: SlugText
    words: NoteText = ""


class ReleaseGrantRequest(WireStruct, frozen=True, kw_only=True):
    """Answer a question. A yes is planned like a release to the new recipient: it needs the same officers."""

    officer: SlugText
    ask: MessageName
    granted: bool
    until: ClearableUtc = ""
    words: NoteText = ""
    wait_s: WaitSeconds = 20


class ReleasePassRequest(WireStruct, frozen=True, kw_only=True):
    """Pass an item on, under its originator's recorded yes."""

    officer: SlugText
    grant: MessageName
    note: NoteText = ""
    wait_s: WaitSeconds = 20


class ReleaseOnwardRequest(WireStruct, frozen=True):
    """Look at questions and answers about passing items on."""


class ReleaseProposeRequest(Spoken, frozen=True, kw_only=True):
    """Propose rules to another party: purposes, and what has to come back. They bind nobody until agreed."""

    id: SlugText
    partner: SlugText
    purposes: Annotated[list[SlugText], msgspec.Meta(min_length=1, max_length=20)]
    contribution: Contribution | None = None
    agreement: Annotated[str, msgspec.Meta(max_length=40)] = ""
    until: ClearableUtc = ""


class ReleaseAgreeRequest(Spoken, frozen=True, kw_only=True):
    """Put proposed rules in force; ``sha256``: only if they are these."""

    id: SlugText
    sha256: OptionalSha = ""


class ReleaseEndRequest(Spoken, frozen=True, kw_only=True):
    """Turn proposed rules down, or end those in force."""

    id: SlugText
    reason: ReasonText


class ReleaseRulesRequest(WireStruct, frozen=True):
    """Look at the rules that bind us."""
